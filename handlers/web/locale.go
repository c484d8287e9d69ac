package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode"
)

// A Lang is a language of the pages: "zh" or "en".
type Lang string

// The languages of the pages. Chinese is the first and the default.
const (
	Zh Lang = "zh"
	En Lang = "en"
)

// Langs lists them all.
var Langs = []Lang{Zh, En}

// Tag is the language as HTML writes it.
func (l Lang) Tag() string {
	if l == En {
		return "en"
	}
	return "zh-CN"
}

// Other is the language one may switch to.
func (l Lang) Other() Lang {
	if l == En {
		return Zh
	}
	return En
}

// A Text is a name that the data carry in both languages. En may be empty:
// then the Chinese stands, marked as such.
type Text struct{ Zh, En string }

// In is the text in lang.
func (t Text) In(lang Lang) string {
	if lang == En && t.En != "" {
		return t.En
	}
	return t.Zh
}

// html is the text for an HTML page; Chinese on an English page says so, for
// the sake of screen readers.
func (t Text) html(lang Lang) template.HTML {
	s := template.HTMLEscapeString(t.In(lang))
	if lang == En && t.En == "" && t.Zh != "" {
		s = `<span lang="zh-CN">` + s + `</span>`
	}
	return template.HTML(s)
}

// quoted is text of the records, which has one language only: where that is not
// the page's, it says so. Most of it is Chinese; notes on where a list was found
// may be English.
func quoted(s string, lang Lang) template.HTML {
	han, latin := 0, 0
	for _, c := range s {
		switch {
		case unicode.Is(unicode.Han, c):
			han++
		case unicode.IsLetter(c):
			latin++
		}
	}
	of := Zh
	if latin > 3*han {
		of = En
	}
	escaped := template.HTML(template.HTMLEscapeString(s))
	if of == lang || han+latin == 0 {
		return escaped
	}
	return `<span lang="` + template.HTML(of.Tag()) + `">` + escaped + `</span>`
}

// The page texts are flat files of key and sentence, with fmt verbs like
// the texts of domain.Rejection. They need no plural engine (Chinese has no
// plurals, and the English is written around them), so that one mechanism
// serves rules and pages, and a test can compare keys and verbs of both languages.
//
//go:embed locales
var localeFiles embed.FS

type messages map[string]string

// loadMessages reads the files of these parts ("" for the public pages,
// "family.", "desk."); of a key that two of them have, the later one counts:
// the desk asks for 户籍区划代码 where a family reads 逝者的户籍.
func loadMessages(lang Lang, parts ...string) (messages, error) {
	m := messages{}
	for _, part := range parts {
		b, err := localeFiles.ReadFile("locales/" + part + string(lang) + ".json")
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, fmt.Errorf("web: locale %s%s: %w", part, lang, err)
		}
	}
	return m, nil
}

// text is a message with its verbs filled. A key that is not there is an error,
// so that no page goes out with a hole.
func (m messages) text(key string, args ...any) (string, error) {
	s, ok := m[key]
	if !ok {
		return "", fmt.Errorf("web: no text %q", key)
	}
	if len(args) == 0 {
		return s, nil
	}
	return fmt.Sprintf(s, args...), nil
}

// markup is a message that holds a little HTML of our own; what is filled in is
// escaped.
func (m messages) markup(key string, args ...any) (template.HTML, error) {
	for i, a := range args {
		switch a := a.(type) {
		case template.HTML:
		case string:
			args[i] = html.EscapeString(a)
		case fmt.Stringer:
			args[i] = html.EscapeString(a.String())
		}
	}
	s, err := m.text(key, args...)
	return template.HTML(s), err
}

// label names a code of the data ("GOV_GUIDED"). A code that nobody has named
// yet shows as it is: data may be newer than the program.
func (m messages) label(kind, code string) string {
	if s, ok := m[kind+"."+code]; ok {
		return s
	}
	return strings.ReplaceAll(code, "_", " ")
}
