package web

import (
	"cmp"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
	"shenzhong/projections/availability"
	"shenzhong/projections/oversight"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
)

// A FamilySource answers what the pages for families ask of read models.
type FamilySource interface {
	// Homes are the keys of the institutions that cremate.
	Homes(ctx context.Context) ([]string, error)
	// Voyages are the sea-burial voyages that depart in [from, until), of one
	// operator or of all for "".
	Voyages(ctx context.Context, from, until time.Time, operator domain.CreditCode) ([]voyages.Voyage, AsOf, error)
	// Case is the case whose tracking code has this hash, handlers.ErrNotFound
	// where there is none.
	Case(ctx context.Context, hash string) (uuid.UUID, error)
	// Results are what inspections and penalties came to, of a kind and of an
	// institution, of all for "".
	Results(ctx context.Context, kind string, of domain.CreditCode) ([]oversight.Result, AsOf, error)
	// EcoBurials are the applications for an eco-burial of a case, oldest first.
	EcoBurials(ctx context.Context, of uuid.UUID) ([]uuid.UUID, error)
}

// Families serves what a family does itself, on a phone and without an account:
// book a cremation in three screens, and follow the case by its code.
//
// What was typed and not sent yet travels sealed through the family's browser:
// in each form, which is what a request goes by, and in a cookie of /book, for
// reloading a page and for switching its language or type size. Nothing of it
// is in an address or a log line, and the server keeps none of it.
type Families struct {
	*Handler
	app  *handlers.App
	data FamilySource
	// Limit is how many requests a minute an address may make that write or
	// try a code. Default: 60; families of one hospital share an address.
	Limit int
	// Holds is how many times an address may choose in a quarter of an hour, which
	// is what a hold lasts: nobody keeps a whole home from others. Default: 30.
	Holds int

	mu    sync.Mutex
	known map[string]summary
}

// NewFamilies makes the families' pages beside the public pages of h.
func NewFamilies(h *Handler, app *handlers.App, data FamilySource) *Families {
	return &Families{Handler: h, app: app, data: data, Limit: 60, Holds: 30, known: map[string]summary{}}
}

// Routes adds the addresses.
func (f *Families) Routes(r chi.Router) {
	limit := httprate.LimitBy(f.Limit, time.Minute, func(r *http.Request) (string, error) { return handlers.Client(r), nil },
		httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) { f.fail(w, r, handlers.ErrTooMany) }))
	hold := httprate.LimitBy(f.Holds, 15*time.Minute, func(r *http.Request) (string, error) { return handlers.Client(r), nil },
		httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) { f.fail(w, r, handlers.ErrTooMany) }))
	page := func(show func(*asked) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			// A page with a draft in it is not for shared caches. Browsers keep it, so
			// that "back" after a lost connection still has what was typed.
			w.Header().Set("Cache-Control", "private, no-cache")
			v := &asked{w: w, r: r, now: f.app.Now().UTC(), view: viewOf(w, r)}
			if err := show(v); err != nil {
				f.fail(w, r, err)
			}
		}
	}
	for at, show := range map[string]func(*asked) error{"/estimate": f.estimate, "/voyages": f.voyages, "/verify": f.askNumber, "/book": f.timePage, "/book/about": f.aboutPage, "/book/check": f.checkPage} {
		r.Get(at, page(show))
		r.Head(at, page(show))
	}
	r.Get("/draw/{institution}/{kind}/{day}", page(f.draw))
	r.Head("/draw/{institution}/{kind}/{day}", page(f.draw))
	for at, show := range map[string]func(*asked) error{"/oversight": f.results, "/oversight/{round}": f.inspectionRound} {
		r.Get(at, page(show))
		r.Head(at, page(show))
	}
	r.Get("/cemeteries/{cemetery}/rounds/{round}", page(f.round))
	r.Head("/cemeteries/{cemetery}/rounds/{round}", page(f.round))
	r.Group(func(r chi.Router) {
		r.Use(limit)
		r.Post("/estimate", page(f.estimate))
		r.Post("/verify", page(f.typedNumber))
		r.Get("/verify/{number}", page(f.verify))
		r.Head("/verify/{number}", page(f.verify))
		r.With(hold).Post("/book", page(f.takeTime))
		r.Post("/book/about", page(f.takeAbout))
		r.Post("/book/check", page(f.send))
		r.Post("/book/drop", page(f.drop))
		f.trackRoutes(r)
		f.complainRoutes(r)
		f.damageRoutes(r)
	})
}

// asked is one request of a family.
type asked struct {
	w     http.ResponseWriter
	r     *http.Request
	now   time.Time
	view  view
	draft draft
	asOf  *AsOf // of the read model that the page is drawn from; nil: it is the log that was asked
}

func (v *asked) ctx() context.Context { return v.r.Context() }

// act is a command of the family; the same draft and step give the same id.
func (v *asked) act(id uuid.UUID) domain.Act {
	return domain.Act{ID: id, By: handlers.Family, Now: v.now, At: v.now, Correlation: handlers.RequestID(v.ctx())}
}

// draftFor is how long a draft can be gone on with after it was last touched.
const draftFor = 3 * time.Hour

// A draft is what a family has chosen and typed so far.
type draft struct {
	Case    uuid.UUID         `json:"c"`
	Touched time.Time         `json:"t"`
	Chosen  handlers.Ceremony `json:"w,omitzero"`
	Held    handlers.Held     `json:"h,omitzero"`
	About   *aboutForm        `json:"a,omitzero"`
}

// taken says that a time was chosen.
func (d draft) taken() bool { return d.Chosen.Institution != "" }

const draftCookie = "book"

// load finds the draft: the one in the form that was sent, or else the one in
// the cookie; a new one where there is none, or where it is too old.
func (f *Families) load(v *asked) bool {
	text := ""
	if v.r.Method == http.MethodPost {
		text = v.r.PostFormValue("draft")
	} else if c, err := v.r.Cookie(draftCookie); err == nil {
		text = c.Value
	}
	if b, ok := f.app.OpenDraft(text); ok {
		var d draft
		if json.Unmarshal(b, &d) == nil && d.Case != uuid.Nil && v.now.Sub(d.Touched) < draftFor {
			v.draft = d
			return true
		}
	}
	v.draft = draft{Case: uuid.New(), Touched: v.now}
	return false
}

// sealed is the draft for a form.
func (f *Families) sealed(v *asked) (string, error) {
	b, err := json.Marshal(v.draft)
	if err != nil {
		return "", err
	}
	return f.app.SealDraft(b)
}

// keep puts the draft into the cookie.
func (f *Families) keep(v *asked) error {
	v.draft.Touched = v.now
	s, err := f.sealed(v)
	if err == nil {
		f.cookie(v, s, int(draftFor/time.Second))
	}
	return err
}

func (f *Families) cookie(v *asked, value string, age int) {
	http.SetCookie(v.w, &http.Cookie{Name: draftCookie, Value: value, Path: "/book", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.r.TLS != nil})
}

// form reads the form of a POST.
func (v *asked) form() error { return formOf(v.r) }

// formOf reads the form of a POST. One that is too large is another fault than
// one that cannot be read. Bytes that are no text of ours come from no page of
// ours: the log could not keep them.
func formOf(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err
		}
		return handlers.ErrMalformedForm
	}
	for _, values := range r.PostForm {
		for _, s := range values {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return handlers.ErrMalformedForm
			}
		}
	}
	return nil
}

// to sends the browser on to another page.
func (v *asked) to(at string) error {
	http.Redirect(v.w, v.r, at, http.StatusSeeOther)
	return nil
}

// answer draws a page for one family.
func (f *Families) answer(v *asked, status int, name, nav string, body any, keep ...string) error {
	v.view.query = url.Values{}
	for _, k := range keep {
		if s := v.r.URL.Query().Get(k); s != "" {
			v.view.query.Set(k, s)
		}
	}
	b, err := f.render(name, nav, v.view, body, v.asOf)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", vary)
	if status != http.StatusOK {
		v.w.WriteHeader(status)
		v.w.Write(b) // the client may be gone
		return nil
	}
	newPage(b, gzip.BestSpeed).serve(v.w, v.r)
	return nil
}

// A summary is what the list of homes says of one, kept for a moment.
type summary struct {
	at       time.Time
	earliest handlers.CeremonyTime
	has      bool
	cost     domain.Money
	priced   bool
}

// summaryFor is how long a summary is good enough for a list: whoever chooses
// that home is shown its day itself.
const summaryFor = 10 * time.Second

func (f *Families) summary(ctx context.Context, in institution.State, hall string, now time.Time) (summary, error) {
	key := string(in.CreditCode) + " " + hall
	f.mu.Lock()
	s, ok := f.known[key]
	f.mu.Unlock()
	if ok && now.Sub(s.at) < summaryFor && !now.Before(s.at) {
		return s, nil
	}
	s = summary{at: now}
	var err error
	if s.cost, s.priced, err = f.app.CeremonyCost(ctx, string(in.CreditCode), hall, domain.DateOf(now)); err != nil {
		return s, err
	}
	if s.earliest, s.has, err = f.app.Earliest(ctx, in, hall, now); err != nil {
		return s, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known[key] = s
	return s, nil
}

// familyPageNames are the pages for families.
var familyPageNames = []string{"book-time", "book-about", "book-check", "track", "track-find", "track-wait", "track-offer", "draw", "track-change", "track-cancel", "track-object", "track-rate", "complain", "complaint"}

// familyFuncs are the functions that their templates have besides.
func (r *Renderer) familyFuncs(lang Lang) template.FuncMap {
	m := r.texts[lang]
	return template.FuncMap{
		"longday": func(d domain.Date, now time.Time) template.HTML { return dayElement(lang, d, now) },
		"dayof":   domain.DateOf,
		"when":    func(t, now time.Time) template.HTML { return whenElement(lang, t, now) },
		"clock":   clockElement,
		"lunar":   func(d domain.Date) template.HTML { return lunarHTML(lang, d) },
		"number":  numberHTML,
		"slot":    func(t time.Time) string { return t.In(domain.Shanghai).Format("2006-01-02T15:04") },
		"left":    func(until, now time.Time) int { return max(1, int(until.Sub(now).Round(time.Minute)/time.Minute)) },
		"half":    func(t handlers.CeremonyTime) bool { return t.State == handlers.TimeHeld },
		"minus":   func(a, b domain.Money) domain.Money { return a - b },
		"diff": func(d domain.Money) (string, error) {
			switch {
			case d > 0:
				return m.text("book.diff_more", d.String())
			case d < 0:
				return m.text("book.diff_less", (-d).String())
			}
			return m.text("book.diff_same")
		},
		"discreet": func(c booking.Code) bool { return slices.Contains(discreet, c) },
		"maybe":    func(kind, key string) string { return m[kind+"."+key] },
		"hukou":    func(code string) string { return cmp.Or(m["division."+code], m["hukou."+code]) },
		"paper": func(p booking.Paper) map[string]any {
			return map[string]any{"Name": Text{p.NameZh, p.NameEn}, "Why": Text{p.WhyZh, p.WhyEn}, "Gate": p.Gate, "MayFollow": p.MayFollow}
		},
		"text2":         func(zh, en string) Text { return Text{zh, en} },
		"kinds":         func() []booking.Kind { return booking.DeceasedKinds },
		"documents":     func() []booking.DocumentKind { return booking.DocumentKinds },
		"places":        func() []booking.DeathPlace { return booking.DeathPlaces },
		"causes":        func() []booking.Cause { return familyCauses },
		"kin":           func() []booking.Relation { return booking.Relations },
		"relatives":     func() []booking.Relation { return relatives },
		"nationalities": func() []string { return nationalities },
		"hukous":        func() []string { return hukous(r.texts[Zh]) },
		"group":         func(g string) template.HTML { return Text{g, m["group."+g]}.html(lang) },
	}
}

// numberHTML is a number that somebody copies or reads out.
func numberHTML(s string) template.HTML {
	return template.HTML(`<span class="hash">` + template.HTMLEscapeString(s) + `</span>`)
}

// relatives are those who may object as somebody of the family: everyone but
// the authorities, which hand over a body that nobody claims.
var relatives = slices.DeleteFunc(slices.Clone(booking.Relations), func(r booking.Relation) bool {
	return r == booking.Police || r == booking.Hospital || r == booking.CivilAffairs
})

// hukous are the divisions to choose from: the city's districts, the rest of
// the province, the other provinces.
func hukous(m messages) (codes []string) {
	for _, kind := range []string{"division.", "hukou."} {
		var some []string
		for k := range m {
			if c, ok := strings.CutPrefix(k, kind); ok && c != string(city) {
				some = append(some, c)
			}
		}
		slices.Sort(some)
		codes = append(codes, some...)
	}
	return codes
}

var _ FamilySource = (*ReadModels)(nil)

// Homes implements FamilySource: the institutions that have a furnace.
func (m *ReadModels) Homes(ctx context.Context) (codes []string, err error) {
	_, err = m.look(ctx, availability.Name, func(tx *sql.Tx) error {
		rs, err := availability.Reader{DB: tx}.Resources(ctx, "", institution.Furnace)
		for _, r := range rs {
			if !slices.Contains(codes, string(r.Institution)) {
				codes = append(codes, string(r.Institution))
			}
		}
		return err
	})
	return codes, err
}

// Case implements FamilySource.
func (m *ReadModels) Case(ctx context.Context, hash string) (id uuid.UUID, err error) {
	_, err = m.look(ctx, tracking.Name, func(tx *sql.Tx) (err error) {
		id, err = tracking.Reader{DB: tx}.Case(ctx, hash)
		return err
	})
	if errors.Is(err, tracking.ErrNotFound) {
		err = handlers.ErrNotFound
	}
	return id, err
}

// EcoBurials implements FamilySource.
func (m *ReadModels) EcoBurials(ctx context.Context, of uuid.UUID) (ids []uuid.UUID, err error) {
	_, err = m.look(ctx, tracking.Name, func(tx *sql.Tx) (err error) {
		ids, err = tracking.Reader{DB: tx}.EcoBurials(ctx, of)
		return err
	})
	return ids, err
}
