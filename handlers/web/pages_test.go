package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sources are what pages are tested with: plenty, plenty while the read model
// is in trouble, and nothing at all.
var sources = map[string]func(*Renderer) Source{
	"full":    func(r *Renderer) Source { return full{r: r} },
	"stopped": func(r *Renderer) Source { return full{r, Stopped} },
	"lagging": func(r *Renderer) Source { return full{r, Lagging} },
	"bare":    func(r *Renderer) Source { return bare{r} },
}

func get(t testing.TB, h http.Handler, address string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept", "text/html")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPages draws every page with every source, in both languages and both type
// sizes, and holds each to the rules that all pages share.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, source := range sources {
		s := exampleServer(t, source)
		known := links(t, s)
		for _, lang := range Langs {
			for _, elder := range []string{"0", "1"} {
				for _, address := range addresses() {
					t.Run(fmt.Sprintf("%s/%s/elder=%s%s", name, lang, elder, address), func(t *testing.T) {
						res := get(t, s, address, "Cookie", fmt.Sprintf("lang=%s; elder=%s", lang, elder))
						missing := strings.HasPrefix(address, "/nowhere") || strings.HasSuffix(address, "nobody") || name == "bare" && strings.Contains(address, exampleReal)
						if want := map[bool]int{false: 200, true: 404}[missing]; res.StatusCode != want {
							t.Fatalf("status %d, want %d: %s", res.StatusCode, want, body(t, res))
						}
						p := parse(t, body(t, res))
						p.rules(t, lang, elder == "1", known)
						notice := p.find(func(n *html.Node) bool { return attr(n, "role") == "status" })
						if in := name == "stopped" || name == "lagging"; (len(notice) == 1) != (in && !missing && address != "/") { // which has a source of its own
							t.Errorf("%d notices of an old page", len(notice))
						}
						if !missing && len(p.find(class("prov"))) != 1 {
							t.Error("the page does not say where it comes from")
						}
					})
				}
			}
		}
	}
}

// links answers whether an address leads anywhere, asking the server itself.
func links(t testing.TB, h http.Handler) func(string) bool {
	seen := map[string]bool{}
	return func(address string) bool {
		ok, asked := seen[address]
		if !asked {
			switch get(t, h, address).StatusCode {
			case http.StatusOK, http.StatusSeeOther, http.StatusMethodNotAllowed: // the last two: forms
				ok = true
			}
			seen[address] = ok
		}
		return ok
	}
}

// A doc is a parsed page.
type doc struct{ root *html.Node }

func parse(t testing.TB, b []byte) doc {
	t.Helper()
	n, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc{n}
}

func (d doc) find(is func(*html.Node) bool) []*html.Node {
	var all []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			all = append(all, n)
		}
	}
	return all
}

func tag(a ...atom.Atom) func(*html.Node) bool {
	return func(n *html.Node) bool {
		for _, a := range a {
			if n.DataAtom == a {
				return true
			}
		}
		return false
	}
}

func class(c string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return strings.Contains(" "+attr(n, "class")+" ", " "+c+" ")
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

var (
	percentForm = regexp.MustCompile(`\d%`)
	// partsForm is a part and its whole: "145/1,872" or "145 件 ÷ 1,872 件".
	partsForm = regexp.MustCompile(`\d( 件)? ?[/÷] ?\d`)
	hole      = regexp.MustCompile(`%!|<no value>|\{\{|ZgotmplZ`)
)

// rules are what every page keeps.
func (d doc) rules(t *testing.T, lang Lang, elder bool, known func(string) bool) {
	t.Helper()
	root := d.find(tag(atom.Html))[0]
	if got := attr(root, "lang"); got != lang.Tag() {
		t.Errorf("lang %q, want %q", got, lang.Tag())
	}
	if has(root, "data-elder") != elder {
		t.Errorf("data-elder is %t, want %t", !elder, elder)
	}
	for what, n := range map[string]int{
		"h1": len(d.find(tag(atom.H1))), "main": len(d.find(tag(atom.Main))), "title": len(d.find(func(n *html.Node) bool { return n.DataAtom == atom.Title && n.Namespace == "" })),
		"skip link": len(d.find(func(n *html.Node) bool { return class("skip")(n) && attr(n, "href") == "#main" })),
	} {
		if n != 1 {
			t.Errorf("%d of %s, want 1", n, what)
		}
	}
	if s := text(d.root); hole.MatchString(s) {
		t.Errorf("a hole in the text: %s", hole.FindString(s))
	}
	d.quiet(t)
	d.plain(t)
	d.tables(t)
	d.fields(t)
	d.shares(t)
	d.refs(t, known)
	if lang == En {
		d.marked(t)
	}
}

// quiet: no exclamation marks.
func (d doc) quiet(t *testing.T) {
	t.Helper()
	if s := text(d.root); strings.ContainsAny(s, "!！") {
		t.Error("an exclamation mark")
	}
}

// plain: nothing inline that the content security policy forbids.
func (d doc) plain(t *testing.T) {
	t.Helper()
	desk := len(d.find(func(n *html.Node) bool {
		return n.DataAtom == atom.Body && class("desk")(n) || n.DataAtom == atom.Form && attr(n, "id") == "clerk"
	})) == 1
	for _, n := range d.find(tag(atom.Script, atom.Style, atom.Iframe)) {
		if desk && n.DataAtom == atom.Script && strings.HasPrefix(attr(n, "src"), "/static/") && n.FirstChild == nil {
			continue // the consoles of staff have two files of ours, a village's clerk one
		}
		if n.DataAtom == atom.Script && attr(n, "type") == "application/ld+json" && attr(n, "src") == "" {
			continue // data, which no browser runs
		}
		t.Error("a script, style or frame in the page")
	}
	for n := range d.root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

// tables have a caption, and every header cell a scope.
func (d doc) tables(t *testing.T) {
	t.Helper()
	for _, table := range d.find(tag(atom.Table)) {
		part := doc{table}
		if c := part.find(tag(atom.Caption)); len(c) != 1 || strings.TrimSpace(text(c[0])) == "" {
			t.Error("a table without a caption")
		}
		for _, th := range part.find(tag(atom.Th)) {
			if s := attr(th, "scope"); s != "col" && s != "row" && s != "rowgroup" {
				t.Errorf("a header cell %q without scope", text(th))
			}
		}
	}
}

// fields have labels, ids stand once, and what is referred to is there.
func (d doc) fields(t *testing.T) {
	t.Helper()
	ids := map[string]int{}
	for n := range d.root.Descendants() {
		if id := attr(n, "id"); id != "" {
			ids[id]++
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q stands %d times", id, n)
		}
	}
	labels := map[string]bool{}
	for _, l := range d.find(tag(atom.Label)) {
		labels[attr(l, "for")] = true
	}
	for _, f := range d.find(tag(atom.Input, atom.Select, atom.Textarea)) {
		if !labels[attr(f, "id")] && attr(f, "type") != "hidden" {
			t.Errorf("<%s id=%q> without a label", f.Data, attr(f, "id"))
		}
	}
	for n := range d.root.Descendants() {
		for id := range strings.FieldsSeq(attr(n, "aria-labelledby") + " " + attr(n, "aria-describedby")) {
			if ids[id] != 1 {
				t.Errorf("aria points at %q, which is not there", id)
			}
		}
	}
}

// shares: no percentage without its two numbers beside it. Only the marks of an
// axis go without: they are a scale, not a figure.
func (d doc) shares(t *testing.T) {
	t.Helper()
	for n := range d.root.Descendants() {
		if n.Type != html.TextNode || !percentForm.MatchString(n.Data) || class("tick")(n.Parent) {
			continue
		}
		near := n.Parent
		for !tag(atom.Li, atom.Td, atom.Tr, atom.P, atom.Title, atom.Body)(near) && near.Data != "text" && near.Data != "desc" {
			near = near.Parent
		}
		if !partsForm.MatchString(text(near)) {
			t.Errorf("a percentage without its numbers: %q", strings.TrimSpace(text(near)))
		}
	}
}

// refs: every link leads somewhere, and nothing is loaded from elsewhere.
func (d doc) refs(t *testing.T, known func(string) bool) {
	t.Helper()
	ids := map[string]bool{}
	for n := range d.root.Descendants() {
		ids[attr(n, "id")] = true
	}
	for n := range d.root.Descendants() {
		for _, key := range []string{"href", "src", "action"} {
			ref := attr(n, key)
			u, err := url.Parse(ref)
			switch {
			case !has(n, key):
			case err != nil || u.Host != "":
				t.Errorf("%s=%q leads out", key, ref)
			case u.Scheme == "tel":
				if !regexp.MustCompile(`^(110|12345|12315)$`).MatchString(u.Opaque) {
					t.Errorf("%q is not a number we vouch for", ref)
				}
			case u.Scheme != "":
				t.Errorf("%s=%q leads out", key, ref)
			case strings.HasPrefix(ref, "#"):
				if !ids[u.Fragment] {
					t.Errorf("%q leads nowhere on this page", ref)
				}
			case strings.HasPrefix(ref, "?"):
			case strings.HasPrefix(ref, "/api/"): // not mounted beside the pages; who has the record tries it there
			case !known(strings.SplitN(ref, "#", 2)[0]):
				t.Errorf("%q leads nowhere", ref)
			}
		}
	}
}

var han = regexp.MustCompile(`\p{Han}`)

// marked: Chinese on an English page says that it is Chinese. Short document
// numbers inside an English sentence are names and stay as they are.
func (d doc) marked(t *testing.T) {
	t.Helper()
	for n := range d.root.Descendants() {
		if n.Type != html.TextNode || !han.MatchString(n.Data) {
			continue
		}
		chinese := false
		for a := range n.Ancestors() {
			if l := attr(a, "lang"); l != "" {
				chinese = l == "zh-CN"
				break
			}
		}
		if letters := regexp.MustCompile(`[a-z]{3,}`); !chinese && !letters.MatchString(n.Data) {
			t.Errorf("Chinese on an English page that does not say so: %q", strings.TrimSpace(n.Data))
		}
	}
}
