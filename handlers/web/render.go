package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/handlers"
	"shenzhong/projections/pricepages"
)

//go:embed templates
var templateFiles embed.FS

// A Site is what every page says about where one is.
type Site struct {
	// Demo marks invented institutions and figures on every page.
	Demo bool
	// Tree says that /tlog is there, and links to it.
	Tree bool
}

// A Renderer draws the pages. It holds no data and may be used concurrently.
type Renderer struct {
	site   Site
	assets assets
	pages  map[Lang]map[string]*template.Template // by language and page name
	texts  map[Lang]messages                      // of the public pages and those for families
	staff  map[Lang]messages                      // of the desk, which names some things otherwise
	print  string
}

// pageNames are the pages: each is a template file, and the name of its title.
var pageNames = []string{"home", "prices", "price", "history", "wall", "counter", "compare", "charged", "catalogue", "eco", "eco-list", "voyages", "credits", "credit", "problem", "signin", "estimate", "verify", "tlog", "results", "inspection"}

// deskPageNames are the pages of staff, which have their own frame.
var deskPageNames = []string{"desk-problem", "desk-resume", "desk-board", "desk-search", "desk-intake", "desk-case", "desk-news", "desk-act",
	"desk-house", "desk-notices", "desk-day", "desk-voyages", "desk-voyage", "desk-manifest", "desk-eco", "desk-eco-list", "desk-quote", "desk-confirmation", "desk-label", "desk-receipt"}

// NewRenderer reads the templates, texts and static files of the program.
func NewRenderer(site Site) (*Renderer, error) {
	r := &Renderer{site: site, pages: map[Lang]map[string]*template.Template{}, texts: map[Lang]messages{}, staff: map[Lang]messages{}}
	var err error
	if r.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	for _, lang := range Langs {
		if r.texts[lang], err = loadMessages(lang, "", "family.", "cemetery.", "tlog."); err != nil {
			return nil, err
		}
		if r.staff[lang], err = loadMessages(lang, "", "family.", "desk.", "cemetery.", "regulator.", "creditdesk.", "tlog."); err != nil {
			return nil, err
		}
		// Each frame has functions of its own beside the common ones: what families
		// and staff are told of a time or a sum differs.
		base, err := template.New("base.html").Funcs(r.funcs(lang, r.texts[lang])).Funcs(r.familyFuncs(lang)).Funcs(placeFuncs).ParseFS(templateFiles, "templates/base.html", "templates/parts.html", "templates/family-parts.html", "templates/place-parts.html")
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		r.pages[lang] = map[string]*template.Template{}
		for _, name := range slices.Concat(pageNames, familyPageNames, cemeteryPageNames) {
			t := template.Must(base.Clone())
			if name == "signin" || name == "clerk" { // pages of staff in the public frame
				t.Funcs(r.funcs(lang, r.staff[lang]))
			}
			if name == "clerk" {
				t.Funcs(r.deskFuncs(lang))
			}
			if t, err = t.ParseFS(templateFiles, "templates/"+name+".html"); err != nil {
				return nil, fmt.Errorf("web: %w", err)
			}
			r.pages[lang][name] = t
		}
		if base, err = template.New("desk-base.html").Funcs(r.funcs(lang, r.staff[lang])).Funcs(r.deskFuncs(lang)).Funcs(placeFuncs).ParseFS(templateFiles, "templates/desk-base.html", "templates/parts.html", "templates/desk-parts.html", "templates/place-parts.html", "templates/regulator-parts.html"); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		for _, name := range slices.Concat(deskPageNames, officePageNames, regulatorPageNames, creditPageNames, oversightPageNames) {
			file := name
			if name == "desk-eco-list" { // the public page in the frame of the desk
				file = "eco-list"
			}
			t, err := template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+file+".html")
			if err != nil {
				return nil, fmt.Errorf("web: %w", err)
			}
			r.pages[lang][name] = t
		}
	}
	r.print, err = r.fingerprint()
	return r, err
}

// Fingerprint changes whenever the same data would render otherwise. A read
// model that keeps rendered pages rebuilds when it does.
func (r *Renderer) Fingerprint() string { return r.print }

func (r *Renderer) fingerprint() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%+v\n", r.site)
	for _, fsys := range []embed.FS{templateFiles, localeFiles, staticFiles} {
		err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fsys.ReadFile(file)
			fmt.Fprintf(h, "%s %d\n%s\n", file, len(b), b)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// A view is how a reader wants to see a page.
type view struct {
	Lang  Lang
	Elder bool
	// query is what the page itself was asked for (a period, a day), kept when
	// the reader changes the view.
	query url.Values
}

// frame is what base.html needs besides the page's own data.
type frame struct {
	view
	Site Site
	Nav  string // the address of the section, to mark it in the menu
	Top  bool   // the page is that address itself
	Bare bool   // without the menu on top: one thing at a time
	// Script is the file of ours that the page works better with; most have none.
	Script string
	Body   any
}

// freshMark is where a page says, if need be, that it is older than the log. A
// page rendered ahead cannot know; whoever serves it fills the place.
const freshMark = `<div id="freshness" hidden></div>`

// render draws a page.
func (r *Renderer) render(name, nav string, v view, body any, asOf *AsOf) ([]byte, error) {
	var b bytes.Buffer
	f := frame{view: v, Site: r.site, Nav: nav, Top: name != "price" && name != "history" && name != "wall" && name != "counter" && name != "compare" && name != "charged" && name != "catalogue" && name != "credit" && name != "eco-list" && name != "cemetery" && name != "results" && name != "inspection", Bare: nav == "problem" || slices.Contains(familyPageNames, name), Body: body}
	if name == "clerk" {
		f.Script = "clerk.js"
	}
	if err := r.pages[v.Lang][name].ExecuteTemplate(&b, "base.html", f); err != nil {
		return nil, fmt.Errorf("web: page %s: %w", name, err)
	}
	if asOf != nil && asOf.Trouble != None {
		return r.notice(b.Bytes(), v.Lang, notice{AsOf: *asOf})
	}
	return b.Bytes(), nil
}

// A notice is what a page says about itself before anything else: that it is
// older than the log, or that it is of another version than the one in force.
type notice struct {
	AsOf    AsOf
	Key     string // of the institution, where an earlier or later list is shown
	Version int    // of that list
	On      domain.Date
}

// notice puts a notice in its place.
func (r *Renderer) notice(page []byte, lang Lang, n notice) ([]byte, error) {
	var b bytes.Buffer
	if err := r.pages[lang]["problem"].ExecuteTemplate(&b, "notice", n); err != nil {
		return nil, err
	}
	return bytes.Replace(page, []byte(freshMark), b.Bytes(), 1), nil
}

// variants are the ways in which a page rendered ahead is kept: two languages,
// each in normal and in large type. Four small files cost little (a price page
// is 4 kB compressed), need nothing done to them when they are served, and each
// has its own ETag; switching the type size by a stylesheet that depends on a
// cookie would make one address mean two stylesheets.
var variants = []view{{Lang: Zh}, {Lang: Zh, Elder: true}, {Lang: En}, {Lang: En, Elder: true}}

// Variant names the rendering of a page for a language and type size: "zh",
// "zh-elder", "en", "en-elder".
func Variant(lang Lang, elder bool) string {
	if elder {
		return string(lang) + "-elder"
	}
	return string(lang)
}

// funcs are the functions of the templates, bound to a language and its texts.
func (r *Renderer) funcs(lang Lang, m messages) template.FuncMap {
	return template.FuncMap{
		"t":     m.text,
		"th":    m.markup,
		"label": func(kind string, code any) string { return m.label(kind, fmt.Sprint(code)) },
		"name":  func(t Text) template.HTML { return t.html(lang) },
		"both":  func(zh, en string) Text { return Text{Zh: zh, En: en} },
		"plain": func(t Text) string { return t.In(lang) },
		"zh":    func(s string) template.HTML { return quoted(s, lang) },
		"count": func(n any) (string, error) {
			switch n := n.(type) {
			case int:
				return count(int64(n)), nil
			}
			return "", fmt.Errorf("web: count of %T", n)
		},
		"price":    priceText,
		"unit":     func(u string) template.HTML { return unit(m, lang, u) },
		"method":   methodClass,
		"charged":  func(c *pricepages.Charged) (string, error) { return chargedText(m, c) },
		"distance": func(a, b domain.Division) (string, error) { return distance(m, a, b) },
		"limit":    func(row PriceRow) (string, error) { return limitText(m, row) },
		"markup":   func(row PriceRow) (string, error) { return markupText(m, row) },
		"pct":      percent,
		"m2":       squareMetres,
		"period":   func(k string) (string, error) { return periodText(m, k) },
		"time":     domain.FormatTime,
		"day":      dayHTML,
		"rfc3339": func(t time.Time) string {
			return t.In(domain.Shanghai).Format(time.RFC3339)
		},
		"asset":     r.assets.path,
		"lang":      func() string { return lang.Tag() },
		"otherLang": func() Lang { return lang.Other() },
		"toggle":    toggle,
		"trend":     func(ps []EcoPoint) (chart, error) { return drawTrend(m, ps) },
		"bar":       drawBar,
		"demo":      func() bool { return r.site.Demo },
		"ecolist":   ecoAddress,
		"ecolink": func(home, period, definition, share string, n int) template.HTML {
			return template.HTML(`<a class="tap" href="` + template.HTMLEscapeString(listAddress(home, period, definition, "share", share)) + `">` + count(int64(n)) + `</a>`)
		},
		"dict":       dict,
		"navEntries": func() []string { return sections },
		"freshMark":  func() template.HTML { return freshMark },
		"problem":    func(v any) *handlers.Problem { p, _ := v.(*handlers.Problem); return p },
	}
}

// dayHTML is a date that does not break across lines: a domain.Date or a Day.
func dayHTML(d any) template.HTML {
	s := template.HTMLEscapeString(fmt.Sprint(d))
	return template.HTML(`<time datetime="` + s + `">` + s + `</time>`)
}

// boardDay is a day with its weekday: 11 月 23 日，周一.
func boardDay(m messages, lang Lang, d domain.Date) (string, error) {
	t := d.Start()
	if t.IsZero() {
		return string(d), nil
	}
	if lang == En {
		return t.Format("Monday, 2 January 2006"), nil
	}
	return m.text("board.day", int(t.Month()), t.Day(), []string{"日", "一", "二", "三", "四", "五", "六"}[t.Weekday()])
}

// sections are the addresses of the menu, in order; each has a text "nav.…".
var sections = []string{"/", "/prices", "/estimate", "/book", "/track", "/cemeteries", "/voyages", "/stats/eco-burial", "/credit"}

// dict passes several values to a part.
func dict(kv ...any) (map[string]any, error) {
	if len(kv)%2 != 0 {
		return nil, fmt.Errorf("web: dict needs pairs")
	}
	d := map[string]any{}
	for i := 0; i < len(kv); i += 2 {
		k, ok := kv[i].(string)
		if !ok {
			return nil, fmt.Errorf("web: dict key %v is not a string", kv[i])
		}
		d[k] = kv[i+1]
	}
	return d, nil
}

// toggle is the link that changes one thing about the view and keeps what the
// page was asked for.
func toggle(f frame, key, value string) string {
	q := url.Values{}
	for k, vs := range f.query {
		q[k] = slices.Clone(vs)
	}
	q.Set(key, value)
	return "?" + q.Encode()
}

// count is a number with its thousands set off.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// percent is part of whole to one decimal, rounded half up; "—" of nothing.
func percent(part, whole int) string {
	if whole == 0 {
		return "—"
	}
	tenths := (part*2000 + whole) / (2 * whole)
	return fmt.Sprintf("%d.%d%%", tenths/10, tenths%10)
}

// squareMetres writes cm² as m² to one decimal.
func squareMetres(cm2 int64) string {
	tenths := (cm2 + 500) / 1000
	return fmt.Sprintf("%s.%d", count(tenths/10), tenths%10)
}

// periodText is a period as people write it: 2026 年 10 月.
func periodText(m messages, key string) (string, error) {
	year, rest, _ := strings.Cut(key, "-")
	y, err := strconv.Atoi(year)
	switch {
	case err != nil:
		return key, nil
	case rest == "":
		return m.text("period.year", y)
	case strings.HasPrefix(rest, "Q"):
		return m.text("period.quarter", y, rest[1:])
	}
	month, err := strconv.Atoi(rest)
	if err != nil || month < 1 || month > 12 {
		return key, nil
	}
	return m.text("period.month", y, month, m["month."+strconv.Itoa(month)])
}

// priceText is a row's price as the list writes it: "200", "2,000–5,000", "—".
func priceText(r PriceRow) string {
	switch {
	case r.NotOffered:
		return "—"
	case r.Range():
		return r.Min.String() + "–" + r.Max.String()
	case r.Price == 0 && r.Method != pricing.Free:
		return "—"
	}
	return r.Price.String()
}

// limitText says how high the price may be, where the list says so.
func limitText(m messages, r PriceRow) (string, error) {
	least, most := limitOf(r)
	switch {
	case r.NotOffered:
		return m.text("price.not_offered_note")
	case r.Method == pricing.Free:
		return m.text("price.free")
	case most == 0:
		return "", nil
	case belongs(r) && least > 0:
		return m.text("price.range", least.String(), most.String())
	}
	return m.text("price.ceiling", most.String())
}

// markupText says what may be put on the cost of goods.
func markupText(m messages, r PriceRow) (string, error) {
	switch {
	case r.Markup > 0:
		return m.text("price.markup", r.Markup.String())
	case r.MarkupPercent > 0:
		return m.text("price.markup_rate", r.MarkupPercent)
	}
	return "", nil
}

// methodClass is how the frame of a pricing method looks.
func methodClass(t pricing.PricingType) string {
	switch t {
	case pricing.GovFixed, pricing.GovGuided, pricing.GovGuidedBasic:
		return "guided"
	case pricing.ReferenceRange:
		return "range"
	case pricing.MarkupCapped:
		return "cap"
	case pricing.Free:
		return "free"
	case pricing.VillageCost:
		return "village"
	}
	return "filed"
}

// unit is what one price is for. The lists write "元/具"; a unit that has no
// translation stays Chinese.
func unit(m messages, lang Lang, u string) template.HTML {
	if s, ok := m["unit."+u]; ok {
		return template.HTML(template.HTMLEscapeString(s))
	}
	if lang == Zh {
		return template.HTML(template.HTMLEscapeString(strings.ReplaceAll(u, "/", "／")))
	}
	return Text{Zh: u}.html(lang)
}
