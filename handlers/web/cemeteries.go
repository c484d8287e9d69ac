package web

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// cemeteryPageNames are the public pages of cemeteries and that of a village's
// clerk; officePageNames those of a cemetery's office, in the frame of staff.
var (
	cemeteryPageNames = []string{"cemeteries", "cemetery", "clerk", "round", "damage", "damage-order"}
	officePageNames   = []string{"desk-cemeteries", "desk-cemetery", "desk-place-act", "desk-round", "desk-orders", "desk-year", "desk-import", "desk-limits"}
)

// A PlaceSource answers what the pages of cemeteries ask. What is not there is
// handlers.ErrNotFound.
type PlaceSource interface {
	Cemeteries(ctx context.Context) ([]places.Cemetery, AsOf, error)
	// Cemetery is one with all its places, and the fees of its price list in
	// force today.
	Cemetery(ctx context.Context, code string) (CemeteryData, error)
	// Office is what a cemetery's own office sees besides.
	Office(ctx context.Context, code, plot string) (OfficeData, error)
	// Breaches are the places that break a limit and what was refused for one, of
	// a cemetery or for "" of all.
	Breaches(ctx context.Context, code string) ([]places.Breach, AsOf, error)
	// WorkOrders are a cemetery's latest, those that are open first.
	WorkOrders(ctx context.Context, code string) ([]places.Repair, AsOf, error)
}

// A CemeteryData is a cemetery as its read model has it.
type CemeteryData struct {
	places.Cemetery
	All []places.Place
	// Rounds are its latest public rounds.
	Rounds []places.Round
	// Repairs counts the work orders that are open, and those of a year.
	Repairs places.RepairCounts
	Fees    places.Fees
	AsOf    AsOf
}

// An OfficeData is what a cemetery's office works with; Relocations are those of
// one place, or of all of them.
type OfficeData struct {
	Attention   []places.Due
	Relocations []places.Relocation
	Years       []places.Year
	Ending      []places.Right // rights whose period ends within 18 months, or has ended
	AsOf        AsOf
}

var _ PlaceSource = (*ReadModels)(nil)

// Cemeteries implements PlaceSource.
func (m *ReadModels) Cemeteries(ctx context.Context) (cs []places.Cemetery, asOf AsOf, err error) {
	asOf, err = m.look(ctx, places.Name, func(tx *sql.Tx) (err error) {
		cs, err = places.Reader{DB: tx}.Cemeteries(ctx)
		return err
	})
	return cs, asOf, err
}

// Cemetery implements PlaceSource.
func (m *ReadModels) Cemetery(ctx context.Context, code string) (c CemeteryData, err error) {
	of := domain.CreditCode(code)
	asOf, err := m.look(ctx, places.Name, func(tx *sql.Tx) (err error) {
		r := places.Reader{DB: tx}
		if c.Cemetery, err = r.Cemetery(ctx, of); err != nil {
			return err
		}
		if c.Fees, err = r.Fees(ctx, of, m.today()); err != nil {
			return err
		}
		if c.Rounds, err = r.Rounds(ctx, of, latestRounds); err != nil {
			return err
		}
		if c.Repairs, err = r.RepairCounts(ctx, of, m.today().AddMonths(-12), m.today()); err != nil {
			return err
		}
		c.All, err = r.Places(ctx, of)
		return err
	})
	c.AsOf = asOf
	return c, noPlace(err)
}

// latestRounds is how many rounds a cemetery's page lists.
const latestRounds = 12

// Breaches implements PlaceSource.
func (m *ReadModels) Breaches(ctx context.Context, code string) (bs []places.Breach, asOf AsOf, err error) {
	asOf, err = m.look(ctx, places.Name, func(tx *sql.Tx) (err error) {
		bs, err = places.Reader{DB: tx}.Breaches(ctx, domain.CreditCode(code))
		return err
	})
	return bs, asOf, err
}

// WorkOrders implements PlaceSource.
func (m *ReadModels) WorkOrders(ctx context.Context, code string) (xs []places.Repair, asOf AsOf, err error) {
	asOf, err = m.look(ctx, places.Name, func(tx *sql.Tx) (err error) {
		xs, err = places.Reader{DB: tx}.Repairs(ctx, domain.CreditCode(code), ordersAtOnce)
		return err
	})
	return xs, asOf, err
}

// Office implements PlaceSource.
func (m *ReadModels) Office(ctx context.Context, code, plot string) (o OfficeData, err error) {
	of := domain.CreditCode(code)
	o.AsOf, err = m.look(ctx, places.Name, func(tx *sql.Tx) (err error) {
		r := places.Reader{DB: tx}
		if o.Attention, err = r.Attention(ctx, of, m.today(), 12); err != nil {
			return err
		}
		if o.Relocations, err = r.Relocations(ctx, of, plot); err != nil {
			return err
		}
		if o.Years, err = r.Years(ctx, of); err != nil {
			return err
		}
		o.Ending, err = r.Rights(ctx, of, plot, "", m.today().AddMonths(18), 60)
		return err
	})
	return o, noPlace(err)
}

func noPlace(err error) error {
	if errors.Is(err, places.ErrNotFound) {
		return handlers.ErrNotFound
	}
	return err
}

// Cemeteries serves the public pages of cemeteries: the list, and each one with
// its map. No page shows who rests anywhere, nor who has a right.
type Cemeteries struct {
	*Handler
	places PlaceSource
}

// NewCemeteries makes them beside the public pages of h.
func NewCemeteries(h *Handler, data PlaceSource) *Cemeteries { return &Cemeteries{h, data} }

// Routes adds the addresses.
func (c *Cemeteries) Routes(r chi.Router) {
	for at, show := range map[string]func(http.ResponseWriter, *http.Request) error{"/cemeteries": c.index, "/cemeteries/{cemetery}": c.one} {
		serve := func(w http.ResponseWriter, r *http.Request) {
			if err := show(w, r); err != nil {
				c.fail(w, r, err)
			}
		}
		r.Get(at, serve)
		r.Head(at, serve)
	}
}

// A cemeteryIndex is the page that lists them.
type cemeteryIndex struct {
	Districts []cemeteryDistrict
	District  string // the one that was asked for
	Rows      []cemeteryLine
	AsOf      AsOf
}

// Measured says that the position of a cemetery of the list is known.
func (p cemeteryIndex) Measured() bool {
	return slices.ContainsFunc(p.Rows, func(l cemeteryLine) bool { return l.Spot != "" })
}

type cemeteryDistrict struct{ Division domain.Division }

type cemeteryLine struct {
	Code         string
	Name         Text
	Class        cemetery.Class
	Division     domain.Division
	Free, Places int
	Gives        bool
	VillageFree  bool
	Spot         string // its middle, in degrees; empty where nobody measured it
}

func lineOf(c places.Cemetery) cemeteryLine {
	l := cemeteryLine{Code: string(c.Code), Name: Text{c.NameZh, c.NameEn}, Class: c.Class, Division: c.Division, Free: c.Free(), Places: c.Places,
		Gives: c.Class.Powers().Gives, VillageFree: c.Class.Powers().Gives && !c.Class.Powers().UseFee}
	if c.Area != (places.Rect{}) {
		l.Spot = fmt.Sprintf("%.4f, %.4f", float64(c.Area.South+c.Area.North)/2e7, float64(c.Area.West+c.Area.East)/2e7)
	}
	return l
}

func (c *Cemeteries) index(w http.ResponseWriter, r *http.Request) error {
	cs, asOf, err := c.places.Cemeteries(r.Context())
	if err != nil {
		return err
	}
	p := cemeteryIndex{District: r.URL.Query().Get("district"), AsOf: asOf}
	for _, x := range cs {
		if d := (cemeteryDistrict{x.Division}); !slices.Contains(p.Districts, d) {
			p.Districts = append(p.Districts, d)
		}
		if p.District == "" || string(x.Division) == p.District {
			p.Rows = append(p.Rows, lineOf(x))
		}
	}
	return c.show(w, r, "cemeteries", "/cemeteries", p, &p.AsOf, "district")
}

func (c *Cemeteries) one(w http.ResponseWriter, r *http.Request) error {
	code := chi.URLParam(r, "cemetery")
	d, err := c.places.Cemetery(r.Context(), code)
	if err != nil {
		return err
	}
	p := cemeteryPageOf(d, "/cemeteries/"+code, r.URL.Query(), places.Place.Public)
	if p.Asked != "" && p.Sheet == nil {
		return handlers.ErrNotFound
	}
	return c.show(w, r, "cemetery", "/cemeteries", p, &d.AsOf, "section", "show", "plot", "q", "from")
}

// A cemeteryPage is one cemetery: its figures, map, list and the sheet of one
// place. Figures, map and list come from one and the same slice of places.
type cemeteryPage struct {
	cemeteryLine
	Base      string
	Serves    []domain.Division
	FoundedOn domain.Date
	Exceeding int
	Persons   int

	Section  string // that is shown; empty: all of it
	Sections []sectionLine
	Show     string // the symbol that the list is narrowed to
	Query    string
	Asked    string // the place that was asked for
	Missed   bool   // nothing answers to Query

	Map    placeMap
	Legend []legendLine
	Shown  int // places on the map
	List   []placeLine
	Listed int // of which List is a page
	From   int
	Prev   string
	Next   string

	Sheet  *placeLine
	Fees   places.Fees
	Limits cemetery.Limits
	Rounds []places.Round
	// Repairs are the counts of work orders.
	Repairs places.RepairCounts
	AsOf    AsOf
	// Office is what staff see besides.
	Office *officePart
}

type sectionLine struct {
	Name, Href   string
	Places, Free int
}

type legendLine struct {
	Symbol, Href string
	N            int
}

type placeLine struct {
	places.Place
	Section, Symbol, Href string
	Now                   places.Status
	Selected              bool
}

// Where is the place in words: section, row, seat.
func (l placeLine) Where() string {
	return strings.Join(slices.DeleteFunc([]string{l.Section, l.Row, l.Seat}, func(s string) bool { return s == "" }), "·")
}

// symbols lists every drawing in the order of a legend.
var symbols = []string{"free", "held", "given", "one", "two", "lapsed", "locked", "barred"}

const listedAtOnce = 60

// cemeteryPageOf fills a page for a query: section, show (a symbol), plot, q (a
// number to look for) and from (where the list begins).
func cemeteryPageOf(d CemeteryData, base string, q url.Values, status func(places.Place) places.Status) cemeteryPage {
	p := cemeteryPage{cemeteryLine: lineOf(d.Cemetery), Base: base, Serves: d.Serves, FoundedOn: d.FoundedOn, Exceeding: d.Exceeding, Persons: d.Persons,
		Section: q.Get("section"), Show: q.Get("show"), Query: strings.TrimSpace(q.Get("q")), Asked: q.Get("plot"), Fees: d.Fees, Limits: d.Limits, Rounds: d.Rounds, Repairs: d.Repairs, AsOf: d.AsOf}
	line := func(x places.Place) placeLine {
		st := status(x)
		return placeLine{Place: x, Section: sectionOf(x), Symbol: symbol(st, x.Resting), Now: st, Selected: x.Plot == p.Asked}
	}
	for _, x := range d.All {
		if p.Asked == "" && p.Query != "" && strings.EqualFold(x.Plot, p.Query) {
			p.Asked = x.Plot
		}
		if x.Plot != p.Asked || p.Sheet != nil {
			continue
		}
		l := line(x)
		l.Selected = true
		p.Sheet = &l
		if _, asked := q["section"]; !asked && len(d.All) > mostMarks {
			p.Section = l.Section
		}
	}
	p.Missed = p.Query != "" && p.Sheet == nil
	for _, x := range d.All {
		s := sectionOf(x)
		i := slices.IndexFunc(p.Sections, func(l sectionLine) bool { return l.Name == s })
		if i < 0 {
			i = len(p.Sections)
			p.Sections = append(p.Sections, sectionLine{Name: s, Href: base + "?" + url.Values{"section": {s}}.Encode() + "#map"})
		}
		p.Sections[i].Places++
		if status(x) == cemetery.Vacant {
			p.Sections[i].Free++
		}
	}
	if !slices.ContainsFunc(p.Sections, func(l sectionLine) bool { return l.Name == p.Section }) {
		p.Section = ""
	}
	var shown []places.Place
	for _, x := range d.All {
		if p.Section == "" || sectionOf(x) == p.Section {
			shown = append(shown, x)
		}
	}
	with := func(kv ...string) string {
		v := url.Values{}
		for i := 0; i < len(kv); i += 2 {
			if kv[i+1] != "" {
				v.Set(kv[i], kv[i+1])
			}
		}
		return base + "?" + v.Encode()
	}
	href := func(x places.Place) string {
		return with("section", p.Section, "show", p.Show, "plot", x.Plot, "from", q.Get("from")) + "#sheet"
	}
	p.Map, p.Shown = drawMap(shown, status, p.Asked, href), len(shown)
	counts := map[string]int{}
	var listed []placeLine
	for _, x := range shown {
		l := line(x)
		counts[l.Symbol]++
		if p.Show == "" || p.Show == l.Symbol {
			l.Href = href(x)
			listed = append(listed, l)
		}
	}
	for _, s := range symbols {
		if counts[s] > 0 || s == "free" {
			p.Legend = append(p.Legend, legendLine{s, with("section", p.Section, "show", s) + "#list", counts[s]})
		}
	}
	p.Listed = len(listed)
	if from, err := strconv.Atoi(q.Get("from")); err == nil && from > 0 && from < len(listed) {
		p.From = from / listedAtOnce * listedAtOnce
	}
	end := min(p.From+listedAtOnce, len(listed))
	p.List = listed[p.From:end]
	if p.From > 0 {
		p.Prev = with("section", p.Section, "show", p.Show, "from", strconv.Itoa(max(0, p.From-listedAtOnce))) + "#list"
	}
	if end < len(listed) {
		p.Next = with("section", p.Section, "show", p.Show, "from", strconv.Itoa(end)) + "#list"
	}
	return p
}

// area writes cm² as m² to two decimals, as limits are told.
func area(cm2 int) string { return fmt.Sprintf("%d.%02d", cm2/10_000, cm2%10_000/100) }

// Ground is the area in m²; "—" where none is on record, as of a niche.
func (l placeLine) Ground() string {
	if l.AreaCM2 == 0 {
		return "—"
	}
	return area(l.AreaCM2)
}

// Coordinates of the place, latitude and longitude in degrees of CGCS2000; empty
// where nobody measured it.
func (l placeLine) Coordinates() string {
	if l.Spot == (cemetery.Spot{}) {
		return ""
	}
	return fmt.Sprintf("%.7f, %.7f", float64(l.Spot.LatE7)/1e7, float64(l.Spot.LonE7)/1e7)
}

// areaLimit is what bounds the ground of the place (E-5).
func (p cemeteryPage) areaLimit(l placeLine) int {
	switch {
	case l.Kind != cemetery.BodyGrave:
		return p.Limits.AshAreaCM2
	case l.Capacity > 1:
		return p.Limits.DoubleBodyAreaCM2
	}
	return p.Limits.SingleBodyAreaCM2
}

// Limit writes it.
func (p cemeteryPage) Limit(l placeLine) string { return area(p.areaLimit(l)) }

// FeeRows are the rows of the price list, as the price page writes them.
func (p cemeteryPage) FeeRows() (rows []PriceRow) {
	for i, f := range p.Fees.Rows {
		rows = append(rows, PriceRow{Number: i + 1, Code: f.Code, Name: Text{f.NameZh, f.NameEn}, Method: f.Method, Unit: f.Unit, Price: f.Price, Min: f.Min, Max: f.Max})
	}
	return rows
}

// placeFuncs are the functions of the cemetery templates. (minus is for money.)
var placeFuncs = map[string]any{"less": func(a, b int) int { return a - b }}
