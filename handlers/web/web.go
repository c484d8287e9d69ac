// Package web shows the public pages: what to do after a death, price lists,
// the eco-burial ratio and service credit. They are drawn on the server, work
// without script, and load nothing from elsewhere.
//
// A Renderer turns page structs into HTML; a Handler serves them. The structs
// are filled from the read models by ReadModels, and by hand in the tests.
package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/handlers"
	"shenzhong/projections/pricepages"
)

// A Source answers what the pages show. ReadModels is the one that counts; it
// is an interface so that pages can be tested with any data, and with none.
// What is not there is handlers.ErrNotFound.
type Source interface {
	// PriceIndex lists whose prices are published.
	PriceIndex(ctx context.Context) (PriceIndex, error)
	// PriceFile is a price page, or its JSON or CSV, ready to be served.
	PriceFile(ctx context.Context, q FileQuery) (pricepages.File, AsOf, error)
	// PriceCompare is the same basket at every funeral home.
	PriceCompare(ctx context.Context, q CompareQuery) (PriceCompare, error)
	// Charged is what an institution's items actually cost.
	Charged(ctx context.Context, institution string) (PriceCharged, error)
	// Catalogues are the fee catalogues as they were adopted.
	Catalogues(ctx context.Context) ([]pricepages.Catalogue, AsOf, error)
	// Eco is the ratio of a period.
	Eco(ctx context.Context, q EcoQuery) (Eco, error)
	// EcoList is what one figure of it counts.
	EcoList(ctx context.Context, q EcoListQuery) (EcoList, error)
	// CreditIndex lists the institutions and their grades.
	CreditIndex(ctx context.Context) (CreditIndex, error)
	// Credit is one institution on a day; today for "".
	Credit(ctx context.Context, code string, on domain.Date) (Credit, error)
}

// A FileQuery says which file of an institution's prices is meant. With neither
// version nor day it is the list in force.
type FileQuery struct {
	Institution string
	Format      pricepages.Format
	Variant     string // see Variant; empty but for HTML
	History     bool   // the page of all versions
	Version     int
	On          domain.Date
}

// A Handler serves the pages. It is the handlers.Pager of the server.
type Handler struct {
	*Renderer
	data Source
}

var _ handlers.Pager = (*Handler)(nil)

// New makes the handler of the public pages.
func New(r *Renderer, data Source) *Handler { return &Handler{r, data} }

// Routes adds the public addresses.
func (h *Handler) Routes(r chi.Router) {
	for at, page := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/":                               h.home,
		"/prices":                         h.prices,
		"/prices/{institution}":           h.price,
		"/prices/compare":                 h.compare,
		"/prices/catalogue":               h.cataloguePage,
		"/prices/catalogue.json":          h.catalogue,
		"/prices/{institution}/{history}": h.beside,
		"/.well-known/funeral-prices.txt": h.wellKnown,
		"/stats/eco-burial":               h.eco,
		"/stats/eco-burial.json":          h.ecoJSON,
		"/stats/eco-burial.csv":           h.ecoCSV,
		"/stats/eco-burial.xlsx":          h.ecoXLSX,
		"/stats/eco-burial/list":          h.ecoList,
		"/credit":                         h.credits,
		"/credit/{credit_code}":           h.credit,
		"/static/{file}":                  h.static,
		"/favicon.ico":                    h.favicon,
		"/robots.txt":                     h.robots,
	} {
		serve := func(w http.ResponseWriter, r *http.Request) {
			if err := page(w, r); err != nil {
				h.fail(w, r, err)
			}
		}
		r.Get(at, serve)
		r.Head(at, serve)
	}
}

// fail answers with err: as a page, or as problem+json where the address is
// that of a file for machines.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if p := r.URL.Path; strings.HasSuffix(p, ".json") || strings.HasSuffix(p, ".csv") || strings.HasSuffix(p, ".jsonld") || strings.HasSuffix(p, ".txt") || strings.HasSuffix(p, ".xlsx") {
		handlers.WriteProblem(w, r, err)
		return
	}
	p := handlers.RequestProblem(r.Context(), err)
	for k, vs := range p.GetHeaders() {
		w.Header()[k] = vs
	}
	h.Problem(w, r, p)
}

// Problem shows a problem as a page.
func (h *Handler) Problem(w http.ResponseWriter, r *http.Request, p *handlers.Problem) {
	body, err := h.render("problem", "problem", viewOf(w, r), p, nil)
	if err != nil {
		http.Error(w, p.Title, p.Status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(body) // the client may be gone
	}
}

// viewOf reads how the reader wants to see a page: the query, then the cookies,
// then Accept-Language. A choice made in the query is remembered for a year.
func viewOf(w http.ResponseWriter, r *http.Request) view {
	q := r.URL.Query()
	v := view{Lang: Lang(handlers.Lang(r))}
	if l := Lang(q.Get("lang")); slices.Contains(Langs, l) {
		remember(w, r, "lang", string(l))
	}
	if c, err := r.Cookie("elder"); err == nil {
		v.Elder = c.Value == "1"
	}
	switch e := q.Get("elder"); e {
	case "0", "1":
		v.Elder = e == "1"
		remember(w, r, "elder", e)
	}
	return v
}

func remember(w http.ResponseWriter, r *http.Request, name, value string) {
	c := (&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 60 * 60,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	}).String()
	if !slices.Contains(w.Header()["Set-Cookie"], c) { // a page that fails is followed by the page that says so
		w.Header().Add("Set-Cookie", c)
	}
}

// vary names what decides which bytes an address of a page answers with.
const vary = "Accept-Encoding, Accept-Language, Cookie"

// show renders and sends a page. keep are the query parameters that the page
// itself answers to.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, name, nav string, body any, asOf *AsOf, keep ...string) error {
	v := viewOf(w, r)
	v.query = url.Values{}
	for _, k := range keep {
		if s := r.URL.Query().Get(k); s != "" {
			v.query.Set(k, s)
		}
	}
	b, err := h.render(name, nav, v, body, asOf)
	if err != nil {
		return err
	}
	sendHTML(w, r, newPage(b, gzip.BestSpeed))
	return nil
}

func sendHTML(w http.ResponseWriter, r *http.Request, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", vary)
	p.serve(w, r)
}

// sendFile sends a file for machines, which is the same in every language.
func sendFile(w http.ResponseWriter, r *http.Request, kind string, p page) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("Access-Control-Allow-Origin", "*") // public data, for anybody's program
	p.serve(w, r)
}

func (h *Handler) static(w http.ResponseWriter, r *http.Request) error {
	if !h.assets.serve(w, r) {
		return handlers.ErrNotFound
	}
	return nil
}

// favicon is for browsers that ask without having read a page.
func (h *Handler) favicon(w http.ResponseWriter, r *http.Request) error {
	at, err := h.assets.path("mark.svg")
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	http.Redirect(w, r, at, http.StatusFound)
	return nil
}

// robots leaves the public pages to everybody and keeps them off the rest.
func (h *Handler) robots(w http.ResponseWriter, r *http.Request) error {
	sendFile(w, r, "text/plain; charset=utf-8", newPage([]byte("User-agent: *\nDisallow: /api\nDisallow: /track\nAllow: /\n"), gzip.BestSpeed))
	return nil
}

func (h *Handler) home(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, "home", "/", nil, nil)
}

func (h *Handler) prices(w http.ResponseWriter, r *http.Request) error {
	p, err := h.data.PriceIndex(r.Context())
	if err != nil {
		return err
	}
	return h.show(w, r, "prices", "/prices", p, &p.AsOf)
}

// price serves an institution's list: the one in force, or that of a day or a
// version.
func (h *Handler) price(w http.ResponseWriter, r *http.Request) error {
	var q FileQuery
	q.Institution, q.Format = fileName(chi.URLParam(r, "institution"))
	if err := q.ask(r); err != nil {
		return err
	}
	return h.priceFile(w, r, q)
}

// ask reads the day or the version that is asked for.
func (q *FileQuery) ask(r *http.Request) error {
	q.On = domain.Date(r.URL.Query().Get("on"))
	if _, err := domain.ParseDate(string(q.On)); q.On != "" && err != nil {
		return err
	}
	if v := r.URL.Query().Get("version"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return handlers.ErrNotFound
		}
		q.Version = n
	}
	return nil
}

// fileName cuts the format off a name: "x.csv" is x as CSV, "x" is a page.
func fileName(s string) (name string, f pricepages.Format) {
	for _, f := range []pricepages.Format{pricepages.JSON, pricepages.CSV, pricepages.JSONLD} {
		if name, ok := strings.CutSuffix(s, "."+string(f)); ok {
			return name, f
		}
	}
	return s, pricepages.HTML
}

// priceFile serves what the pricepages read model keeps ready, as it is. A page
// is touched only to say that it is not of today.
func (h *Handler) priceFile(w http.ResponseWriter, r *http.Request, q FileQuery) error {
	var v view
	if q.Format.Page() {
		v = viewOf(w, r)
		q.Variant = Variant(v.Lang, v.Elder)
	}
	f, asOf, err := h.data.PriceFile(r.Context(), q)
	if err != nil {
		return err
	}
	p := page{gz: f.Gzip, etag: f.ETag}
	if !q.Format.Page() {
		sendFile(w, r, q.Format.ContentType(), p)
		return nil
	}
	n := notice{AsOf: asOf}
	if q.On != "" || q.Version > 0 {
		n.Key, n.Version, n.On = q.Institution, f.Version, q.On
	}
	if asOf.Trouble != None || n.Key != "" {
		body, err := gunzip(f.Gzip)
		if err == nil {
			body, err = h.notice(body, v.Lang, n)
		}
		if err != nil {
			return err
		}
		// The links to other views of this page were drawn without knowing which
		// day or version would be asked for.
		switch {
		case q.Version > 0:
			body = bytes.ReplaceAll(body, []byte(`href="?`), fmt.Appendf(nil, `href="?version=%d&amp;`, q.Version))
		case q.On != "":
			body = bytes.ReplaceAll(body, []byte(`href="?`), fmt.Appendf(nil, `href="?on=%s&amp;`, q.On))
		}
		p = newPage(body, gzip.BestSpeed)
	}
	sendHTML(w, r, p)
	return nil
}

func (h *Handler) credits(w http.ResponseWriter, r *http.Request) error {
	p, err := h.data.CreditIndex(r.Context())
	if err != nil {
		return err
	}
	return h.show(w, r, "credits", "/credit", p, &p.AsOf)
}

func (h *Handler) credit(w http.ResponseWriter, r *http.Request) error {
	code, machine := strings.CutSuffix(chi.URLParam(r, "credit_code"), ".json")
	if _, err := domain.ParseCreditCode(code); err != nil {
		return handlers.ErrNotFound
	}
	on := domain.Date(r.URL.Query().Get("on"))
	if on != "" && !on.Valid() {
		_, err := domain.ParseDate(string(on))
		return err
	}
	p, err := h.data.Credit(r.Context(), code, on)
	if err != nil {
		return err
	}
	if machine {
		return sendJSON(w, r, creditJSON(p))
	}
	return h.show(w, r, "credit", "/credit", p, &p.AsOf, "on")
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(z)
	return body, errors.Join(err, z.Close())
}

// at is an instant for a file: RFC 3339 in UTC, empty for none.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
