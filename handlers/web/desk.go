package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A Desk serves the pages of the funeral home's staff: the day, the cases, what
// is to be printed. Whoever sees them has signed in (handlers.Sessions), and may
// see them by handlers.Access; every act carries the account.
type Desk struct {
	*Handler
	app      *handlers.App
	sessions *handlers.Sessions
	data     DeskSource
	audit    Audit
}

// NewDesk makes the desk beside the public pages of h.
func NewDesk(h *Handler, app *handlers.App, sessions *handlers.Sessions, data DeskSource, audit Audit) *Desk {
	return &Desk{h, app, sessions, data, audit}
}

// A visit is one request of somebody who has signed in.
type visit struct {
	desk  *Desk
	w     http.ResponseWriter
	r     *http.Request
	actor *handlers.Account
	view  view
	keep  []string // query parameters that the page answers to
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// form reads the form of a POST.
func (v *visit) form() error { return formOf(v.r) }

// Routes adds the pages of the desk.
func (d *Desk) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(d.sessions.Middleware(d.fail))
		r.Get("/signin", d.signInPage)
		r.Post("/signin", d.signIn)
		r.Post("/signout", d.signOut)
		for _, p := range slices.Concat(d.pages(), d.placePages(), d.regulatorPages(), d.creditPages(), d.oversightPages()) {
			r.Method(p.method, p.at, d.guard(p.op, p.show))
		}
	})
}

// A deskPage is one address of the desk and who may use it. A page about a case
// asks again at the case's own institution.
type deskPage struct {
	method, at string
	op         handlers.Operation
	show       func(*visit) error
}

func (d *Desk) pages() []deskPage {
	return []deskPage{
		{http.MethodGet, "/desk", "view_board", d.board},
		{http.MethodGet, "/desk/search", "find_case", d.search},
		{http.MethodPost, "/desk/search", "find_case", d.search},
		{http.MethodGet, "/desk/house", "view_house", d.handover},
		{http.MethodPost, "/desk/house", "recount_house", d.recount},
		{http.MethodPost, "/desk/house/shift", "sign_shift", d.signShift},
		{http.MethodGet, "/desk/calendar", "view_board", d.calendar},
		{http.MethodGet, "/desk/notices", "view_notices", d.notices},
		{http.MethodGet, "/desk/day", "view_day_sheet", d.daySheet},
		{http.MethodPost, "/desk/day", "close_till", d.closeTill},
		{http.MethodGet, "/desk/intake", "open_case", d.intakeForm},
		{http.MethodPost, "/desk/intake", "open_case", d.intake},
		{http.MethodGet, "/desk/voyages", "view_voyages", d.voyages},
		{http.MethodPost, "/desk/voyages", "open_voyage", d.openVoyage},
		{http.MethodGet, "/desk/voyages/{voyage}", "view_voyages", d.voyage},
		{http.MethodGet, "/desk/voyages/{voyage}/manifest", "depart_voyage", d.manifest},
		{http.MethodPost, "/desk/voyages/{voyage}/{act}", "view_voyages", d.doVoyage},
		{http.MethodGet, "/desk/eco-burial", "view_eco", d.eco},
		{http.MethodGet, "/desk/eco-burial/list", "view_eco", d.ecoList},
		{http.MethodGet, "/desk/eco-burial.csv", "view_eco", d.ecoTable},
		{http.MethodGet, "/desk/eco-burial.xlsx", "view_eco", d.ecoSheet},
		{http.MethodGet, "/desk/cases/{case}", "view_case", d.showCase},
		{http.MethodGet, "/desk/cases/{case}/news", "view_case", d.news},
		{http.MethodPost, "/desk/cases/{case}/numbers", "unmask_case", d.unmask},
		{http.MethodGet, "/desk/cases/{case}/print/quote", "print_case", d.printQuote},
		{http.MethodGet, "/desk/cases/{case}/print/label", "print_case", d.printLabel},
		{http.MethodGet, "/desk/cases/{case}/print/confirmation", "print_case", d.printConfirmation},
		{http.MethodPost, "/desk/cases/{case}/print/{paper}", "print_case", d.printed},
		{http.MethodGet, "/desk/cases/{case}/print/receipt/{number}", "print_case", d.printReceipt},
		{http.MethodPost, "/desk/cases/{case}/print/receipt/{number}", "print_case", d.reprintReceipt},
		{http.MethodGet, "/desk/cases/{case}/{act}", "view_case", d.actForm},
		{http.MethodPost, "/desk/cases/{case}/{act}", "view_case", d.doAct},
	}
}

// guard lets somebody in who has signed in and whose role includes op.
func (d *Desk) guard(op handlers.Operation, show func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		v := &visit{desk: d, w: w, r: r, actor: handlers.Actor(r.Context()), view: viewOf(w, r)}
		if v.actor == nil {
			d.askWho(v)
			return
		}
		err := handlers.Allow(v.actor, op, cmp.Or(v.actor.Institution, "-"))
		if err != nil && r.URL.Path == "/desk" && regulates(v.actor) {
			http.Redirect(w, r, "/regulator", http.StatusSeeOther)
			return
		}
		if err != nil && r.URL.Path == "/desk" && handlers.Allow(v.actor, "view_places", cmp.Or(v.actor.Institution, "-")) == nil {
			http.Redirect(w, r, "/desk/cemeteries", http.StatusSeeOther) // an office of a cemetery has no board
			return
		}
		if err == nil {
			err = show(v)
		}
		if err != nil {
			d.refuse(v, err)
		}
	}
}

// refuse shows why nothing was done, in the frame of the desk.
func (d *Desk) refuse(v *visit, err error) {
	p := handlers.RequestProblem(v.ctx(), err)
	for k, vs := range p.GetHeaders() {
		if k != "Www-Authenticate" {
			v.w.Header()[k] = vs
		}
	}
	page := struct {
		*handlers.Problem
		Board bool // whether the board is a way on, and no further refusal
	}{p, handlers.Allow(v.actor, "view_board", v.actor.Institution) == nil}
	body, err := d.draw(v, "desk-problem", "", page, nil)
	if err != nil {
		d.Problem(v.w, v.r, p)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(p.Status)
	v.w.Write(body) // the client may be gone
}

// A section is an entry of the desk's menu.
type section struct{ At, Key string }

// deskSections is the menu, for those who may open them.
var deskSections = []menuEntry{
	{section{"/desk", "b"}, "view_board"},
	{section{"/desk/search", ""}, "find_case"},
	{section{"/desk/intake", "i"}, "open_case"},
	{section{"/desk/house", "h"}, "view_house"},
	{section{"/desk/day", "d"}, "view_day_sheet"},
	{section{"/desk/cemeteries", "m"}, "view_places"},
	{section{"/desk/voyages", "v"}, "view_voyages"},
	{section{"/desk/eco-burial", ""}, "view_eco"},
	{section{"/desk/complaints", ""}, "view_complaints"},
	{section{"/desk/reviews", ""}, "view_reviews"},
	{section{"/desk/credit", ""}, "view_own_credit"},
}

// deskFrame is what desk-base.html needs besides the page's own data.
type deskFrame struct {
	frame
	Page        string
	Account     string
	Institution *Text
	Sections    []section
	Searches    bool
	Regulator   bool
	Notice      string
	AsOf        *AsOf
}

// Frame is for the switches of the view.
func (f deskFrame) Frame() frame { return f.frame }

// deskFuncs are the functions that the desk's templates have besides.
func (r *Renderer) deskFuncs(lang Lang) template.FuncMap {
	m := r.staff[lang]
	return template.FuncMap{
		"clock":  func(t time.Time) string { return t.In(domain.Shanghai).Format("15:04") },
		"second": func(t time.Time) string { return t.In(domain.Shanghai).Format("15:04:05") },
		"onBoard": func(t time.Time, d domain.Date) string { // the day only where it is another one
			if domain.DateOf(t) == d {
				return t.In(domain.Shanghai).Format("15:04")
			}
			return t.In(domain.Shanghai).Format("01-02 15:04")
		},
		"longDay": func(d domain.Date) (string, error) { return boardDay(m, lang, d) },
		"in":      slices.Contains[[]string],
		"list":    func(s ...string) []string { return s },
		"field": func(name, kind, value string, most int) field {
			return field{Name: name, Kind: kind, Value: value, Max: most}
		},
		"select": func(name, value string, options []option) field {
			return field{Name: name, Kind: "select", Value: value, Options: options}
		},
		"minus": func(a, b int) int { return a - b },
		"mask":  maskName,
		"text":  func(zh, en string) Text { return Text{zh, en} },
		"fieldLabel": func(act, name string) string {
			if s, ok := m["field."+act+"."+name]; ok {
				return s
			}
			return m.label("field", name)
		},
	}
}

// draw renders a page of the desk.
func (d *Desk) draw(v *visit, name, nav string, body any, asOf *AsOf) ([]byte, error) {
	q := url.Values{}
	for _, k := range v.keep {
		if s := v.r.URL.Query().Get(k); s != "" {
			q.Set(k, s)
		}
	}
	v.view.query = q
	f := deskFrame{frame: frame{view: v.view, Site: d.site, Nav: nav, Top: v.r.URL.Path == nav, Body: body}, Page: name, AsOf: asOf, Account: v.actor.ID}
	f.Sections, f.Regulator = menu(v.actor), regulates(v.actor)
	if in, _, err := d.app.Institutions.Load(v.ctx(), v.actor.Institution); err == nil && in.Registered.NameZh != "" {
		f.Institution = &Text{in.Registered.NameZh, in.Registered.NameEn}
	} else if c, _, err := d.app.Cemeteries.Load(v.ctx(), v.actor.Institution); err == nil && c.NameZh != "" {
		f.Institution = &Text{c.NameZh, c.NameEn}
	}
	f.Searches = name != "desk-search" && handlers.Allow(v.actor, "find_case", v.actor.Institution) == nil
	if v.r.Method == http.MethodGet {
		f.Notice = d.sessions.Take(v.ctx(), "notice")
	}
	var b bytes.Buffer
	if err := d.Renderer.pages[v.view.Lang][name].ExecuteTemplate(&b, "desk-base.html", f); err != nil {
		return nil, fmt.Errorf("web: page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// send draws and sends a page of the desk. Nobody keeps it: it is about people.
func (d *Desk) send(v *visit, name, nav string, body any, asOf *AsOf) error {
	return d.sendAs(v, http.StatusOK, name, nav, body, asOf)
}

func (d *Desk) sendAs(v *visit, status int, name, nav string, body any, asOf *AsOf) error {
	b, err := d.draw(v, name, nav, body, asOf)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", vary)
	if acceptsGzip(v.r.Header.Get("Accept-Encoding")) && len(b) > 1400 {
		h.Set("Content-Encoding", "gzip")
		b = compress(b, gzip.BestSpeed)
	}
	v.w.WriteHeader(status)
	v.w.Write(b) // the client may be gone
	return nil
}

// see goes to another page after something was done (303).
func see(v *visit, to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// say keeps a sentence for the next page.
func (v *visit) say(s string) { v.desk.sessions.Put(v.ctx(), "notice", s) }

// text is a sentence in the reader's language.
func (v *visit) text(key string, args ...any) string {
	s, err := v.desk.staff[v.view.Lang].text(key, args...)
	if err != nil {
		panic(err) // a test asks for every key that the program names
	}
	return s
}

// label is the name of a code.
func (v *visit) label(kind string, code any) string {
	return v.desk.staff[v.view.Lang].label(kind, fmt.Sprint(code))
}

func (v *visit) in(t Text) string { return t.In(v.view.Lang) }

// act is the act behind a form: the form's own token is its id, so that sending
// it twice counts once.
func (d *Desk) act(v *visit, token string) (domain.Act, error) {
	id, err := uuid.Parse(token)
	if err != nil || id == uuid.Nil {
		return domain.Act{}, handlers.ErrMalformedForm
	}
	now := d.app.Now().UTC()
	// One token is one act of one account: what somebody else sends under it is
	// another act.
	return domain.Act{ID: events.StepID(id, v.actor.ID), By: v.actor.ID, Now: now, At: now, Correlation: handlers.RequestID(v.ctx())}, nil
}

// settled waits until the read models have folded what was just written, so
// that who wrote it sees it. A read model that is late is no failure of the act.
func (d *Desk) settled(ctx context.Context, rc events.Receipt) {
	if d.app.Wait == nil || rc.Position == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for _, m := range d.data.ReadModels() {
		if d.app.Wait(ctx, m, rc.Position) != nil {
			return // the page says how old it is
		}
	}
}

// Signing in.

// A signInForm is the page on which staff sign in.
type signInForm struct {
	Account, Next, Kept, Refused string
	Ended                        bool
	Minutes                      int
}

// askWho sends somebody who has not signed in to the page where one does. What
// a form held is kept and offered afterwards.
func (d *Desk) askWho(v *visit) {
	if v.r.URL.Query().Has(handlers.Poll) { // a fragment that nobody asked for
		v.w.Header().Set("HX-Redirect", "/signin?ended=1&next="+url.QueryEscape(v.r.URL.Path))
		v.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		to := "/signin?next=" + url.QueryEscape(v.r.URL.RequestURI())
		http.Redirect(v.w, v.r, to, http.StatusSeeOther)
		return
	}
	f := signInForm{Next: v.r.URL.Path, Ended: true, Minutes: int(d.sessions.Idle() / time.Minute)}
	if err := v.r.ParseForm(); err == nil && v.r.PostForm.Get("by") != "" {
		f.Account = v.r.PostForm.Get("by")
		if b, err := json.Marshal(keptForm{v.r.URL.Path, f.Account, v.r.PostForm}); err == nil {
			f.Kept = base64.RawURLEncoding.EncodeToString(b)
		}
	}
	d.public(v.w, v.r, v.view, http.StatusUnauthorized, f)
}

// A keptForm is what somebody had filled in when the session ended.
type keptForm struct {
	To   string     `json:"to"`
	By   string     `json:"by"`
	Form url.Values `json:"form"`
}

// public shows the sign-in page in the frame of the public pages.
func (d *Desk) public(w http.ResponseWriter, r *http.Request, v view, status int, f signInForm) {
	v.query = url.Values{}
	if f.Next != "" {
		v.query.Set("next", f.Next)
	}
	b, err := d.render("signin", "problem", v, f, nil)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b) // the client may be gone
}

// local is an address of the desk to go on to; the board for any other.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || strings.Contains(next, `\`) || !within(u.Path, "/desk") && !within(u.Path, "/regulator") {
		return "/desk"
	}
	return u.RequestURI()
}

// within says that a path is a page or one below it.
func within(path, page string) bool { return path == page || strings.HasPrefix(path, page+"/") }

// landing is where a goes after signing in. Whose role has no board goes to the
// first page of the desk that it includes, or to the public home page where it
// includes none.
func landing(a *handlers.Account, next string) string {
	next = local(next)
	if next != "/desk" {
		return next
	}
	if open := menu(a); len(open) > 0 {
		return open[0].At
	}
	return "/"
}

func (d *Desk) signInPage(w http.ResponseWriter, r *http.Request) {
	next := local(r.URL.Query().Get("next"))
	if a := handlers.Actor(r.Context()); a != nil {
		http.Redirect(w, r, landing(a, next), http.StatusSeeOther)
		return
	}
	d.public(w, r, viewOf(w, r), http.StatusOK, signInForm{Next: next, Ended: r.URL.Query().Get("ended") == "1", Minutes: int(d.sessions.Idle() / time.Minute)})
}

func (d *Desk) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.fail(w, r, handlers.ErrMalformedForm)
		return
	}
	f := signInForm{Account: r.PostForm.Get("account"), Next: local(r.PostForm.Get("next")), Kept: r.PostForm.Get("kept")}
	a, err := d.sessions.SignIn(r, f.Account, r.PostForm.Get("password"))
	if err != nil {
		p := handlers.RequestProblem(r.Context(), err)
		if p.Status >= 500 {
			d.fail(w, r, err)
			return
		}
		f.Refused = p.Detail
		d.public(w, r, viewOf(w, r), p.Status, f)
		return
	}
	if k, ok := unkeep(f.Kept); ok && k.By == a.ID {
		v := &visit{desk: d, w: w, r: r.WithContext(handlers.WithActor(r.Context(), a)), actor: a, view: viewOf(w, r)}
		w.Header().Set("Cache-Control", "no-store")
		if err := d.send(v, "desk-resume", "", resumeOf(k), nil); err != nil {
			d.fail(w, r, err)
		}
		return
	}
	http.Redirect(w, r, landing(a, f.Next), http.StatusSeeOther)
}

// A resume offers to send once more what was filled in before.
type resume struct {
	To     string
	Fields []struct{ Name, Value string }
}

func unkeep(s string) (k keptForm, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || s == "" || json.Unmarshal(b, &k) != nil || local(k.To) != k.To {
		return k, false
	}
	return k, true
}

func resumeOf(k keptForm) resume {
	f := resume{To: k.To}
	for name, vs := range k.Form {
		for _, s := range vs {
			f.Fields = append(f.Fields, struct{ Name, Value string }{name, s})
		}
	}
	return f
}

func (d *Desk) signOut(w http.ResponseWriter, r *http.Request) {
	if err := d.sessions.SignOut(r.Context()); err != nil {
		d.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// institution is the institution whose desk the account sits at.
func (v *visit) institution() string { return v.actor.Institution }

// day is the day that the page was asked for; today without one.
func (d *Desk) day(v *visit) (domain.Date, error) {
	on := domain.Date(cmp.Or(v.r.URL.Query().Get("d"), string(domain.DateOf(d.app.Now()))))
	if _, err := domain.ParseDate(string(on)); err != nil {
		return "", err
	}
	return on, nil
}
