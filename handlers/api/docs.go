package api

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS []byte

// docs serves the API's description as one plain page: no script, nothing from
// elsewhere, readable on paper.
func docs(r chi.Router, spec *huma.OpenAPI) {
	page := template.Must(template.New("docs").Parse(docsHTML))
	var b strings.Builder
	if err := page.Execute(&b, describe(spec)); err != nil {
		panic(err) // a program fault
	}
	html := []byte(b.String())
	r.Get("/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(html)
	})
	r.Get("/docs/docs.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Write(docsCSS)
	})
}

type docPage struct {
	Title, Version string
	Intro          []string
	Tags           []docTag
}

type docTag struct {
	Name string
	Ops  []docOp
}

type docOp struct {
	ID, Method, Path, Summary, Description string
	Params                                 []docField
	Body, Answer                           []docField
	HasBody                                bool
}

type docField struct {
	Name, Type, Doc string
	Required        bool
}

func describe(spec *huma.OpenAPI) docPage {
	p := docPage{Title: spec.Info.Title, Version: spec.Info.Version}
	for line := range strings.Lines(spec.Info.Description) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "*")); line != "" {
			p.Intro = append(p.Intro, line)
		}
	}
	byTag := map[string][]docOp{}
	for path, item := range spec.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post} {
			if op == nil {
				continue
			}
			d := docOp{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description}
			for _, prm := range op.Parameters {
				d.Params = append(d.Params, docField{prm.Name, "in " + prm.In, prm.Description, prm.Required})
			}
			if op.RequestBody != nil {
				d.HasBody = true
				d.Body = fields(spec, op.RequestBody.Content["application/json"].Schema, "", 0)
			}
			if ok := op.Responses["200"]; ok != nil && ok.Content["application/json"] != nil {
				d.Answer = fields(spec, ok.Content["application/json"].Schema, "", 0)
			}
			tag := "other"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			byTag[tag] = append(byTag[tag], d)
		}
	}
	for name, ops := range byTag {
		slices.SortFunc(ops, func(a, b docOp) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
		p.Tags = append(p.Tags, docTag{name, ops})
	}
	slices.SortFunc(p.Tags, func(a, b docTag) int { return cmp.Compare(a.Name, b.Name) })
	return p
}

// fields flattens a schema into dotted names, a few levels deep.
func fields(spec *huma.OpenAPI, s *huma.Schema, prefix string, depth int) []docField {
	if s = deref(spec, s); s == nil || depth > 4 {
		return nil
	}
	var fs []docField
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		sub := deref(spec, s.Properties[n])
		f := docField{prefix + n, typeOf(sub), cmp.Or(s.Properties[n].Description, sub.Description), slices.Contains(s.Required, n)}
		fs = append(fs, f)
		switch {
		case sub.Type == huma.TypeObject:
			fs = append(fs, fields(spec, sub, prefix+n+".", depth+1)...)
		case sub.Type == huma.TypeArray:
			if item := deref(spec, sub.Items); item != nil && item.Type == huma.TypeObject {
				fs = append(fs, fields(spec, item, prefix+n+"[].", depth+1)...)
			}
		}
	}
	return fs
}

func deref(spec *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = spec.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeOf(s *huma.Schema) string {
	t := s.Type
	if s.Format != "" {
		t += ", " + s.Format
	}
	if len(s.Enum) > 0 {
		var es []string
		for _, e := range s.Enum {
			b, _ := json.Marshal(e)
			es = append(es, string(b))
		}
		t += ": " + strings.Join(es, " ")
	}
	return t
}
