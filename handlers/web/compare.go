package web

import (
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/handlers"
	"shenzhong/projections/pricepages"
)

// A CompareQuery is what is compared, for whom, and in which order.
type CompareQuery struct {
	Basket string // one of baskets
	From   domain.Division
	Near   bool // nearest first; otherwise cheapest first
}

// PriceCompare is the same basket at every funeral home of the city.
type PriceCompare struct {
	CompareQuery
	Rows []CompareRow
	AsOf AsOf
}

// A CompareRow is one home's prices of the basket.
type CompareRow struct {
	Key      string
	Name     Text
	Division domain.Division
	Version  int
	Prices   []ComparePrice // in the order of the basket
	// Total is the sum where nothing is missing: less of a basket is not cheaper.
	Total domain.Money
	Whole bool
	Grade string // letter; empty: not rated
	Title Text
}

// A ComparePrice is what so many units of an item cost; missing where the list
// has it not, or no single price for it.
type ComparePrice struct {
	Amount  domain.Money
	Missing bool
}

// A basketItem is so many units of the first of its codes that a list has.
type basketItem struct {
	Name  string // a text: "compare.item.…"
	Codes []string
	N     int64
}

// baskets are what can be compared, in the order of the menu.
var baskets = []struct {
	Name  string
	Items []basketItem
}{
	{"basic", []basketItem{{"transport", []string{"TRN-STD"}, 1}, {"storage", []string{"STO-COLD"}, 3}, {"hall", []string{"HAL-S"}, 1}, {"cremation", []string{"CRM-FLAT", "CRM-STD"}, 1}, {"ashes", []string{"ASH-STD", "ASH-DEP"}, 1}}},
	{"plain", []basketItem{{"transport", []string{"TRN-STD"}, 1}, {"storage", []string{"STO-COLD"}, 3}, {"cremation", []string{"CRM-FLAT", "CRM-STD"}, 1}}},
}

// Baskets are the names of what can be compared.
func (PriceCompare) Baskets() (names []string) {
	for _, b := range baskets {
		names = append(names, b.Name)
	}
	return names
}

// Items are the names of the basket's items.
func (p PriceCompare) Items() (names []string) {
	for _, it := range p.basket() {
		names = append(names, it.Name)
	}
	return names
}

func (q CompareQuery) basket() []basketItem {
	for _, b := range baskets {
		if b.Name == q.Basket {
			return b.Items
		}
	}
	return baskets[0].Items
}

// Districts are where one may be.
func (PriceCompare) Districts() (ds []domain.Division) {
	for _, s := range seats {
		ds = append(ds, s.division)
	}
	return ds
}

// seats are where the district governments sit, in degrees, to about a
// kilometre, as public lists of districts have them. They tell how far apart
// districts are; where an institution is, its address tells.
var seats = []struct {
	division domain.Division
	lon, lat float64
	island   bool
}{
	{"210202", 121.645, 38.919, false}, {"210203", 121.612, 38.915, false}, {"210204", 121.594, 38.905, false}, {"210211", 121.525, 38.953, false},
	{"210212", 121.262, 38.852, false}, {"210213", 121.783, 39.050, false}, {"210214", 121.938, 39.392, false}, {"210224", 122.588, 39.273, true},
	{"210281", 121.980, 39.627, false}, {"210283", 122.967, 39.681, false},
}

// apart is how many kilometres lie between the seats of two districts, by air,
// and whether there is water between them; known is false for any other place.
func apart(a, b domain.Division) (km int, water, known bool) {
	find := func(d domain.Division) int {
		for i, s := range seats {
			if s.division == d {
				return i
			}
		}
		return -1
	}
	i, j := find(a), find(b)
	if i < 0 || j < 0 {
		return 0, false, false
	}
	const earth, degree = 6371, math.Pi / 180
	x, y := seats[i], seats[j]
	h := math.Pow(math.Sin((y.lat-x.lat)*degree/2), 2) + math.Cos(x.lat*degree)*math.Cos(y.lat*degree)*math.Pow(math.Sin((y.lon-x.lon)*degree/2), 2)
	return int(math.Round(2 * earth * math.Asin(math.Sqrt(h)))), i != j && (x.island || y.island), true
}

// distance is the text for a row.
func distance(m messages, a, b domain.Division) (string, error) {
	km, water, known := apart(a, b)
	switch {
	case !known:
		return m.text("compare.unknown")
	case a == b:
		return m.text("compare.same_district")
	case water:
		return m.text("compare.by_boat", km)
	}
	return m.text("compare.km", km)
}

// compareOf fills the basket from the lists in force and puts grades beside.
func compareOf(q CompareQuery, pages []pricepages.Page, divisions map[string]domain.Division, credit CreditIndex) PriceCompare {
	p := PriceCompare{CompareQuery: q}
	for _, page := range pages {
		row := CompareRow{Key: page.Institution, Division: divisions[page.Institution], Version: page.Version.Version, Whole: true}
		row.Name, _, _ = known(page.Version, page.Registered)
		for _, it := range q.basket() {
			price := ComparePrice{Missing: true}
			for _, r := range page.Rows {
				if !price.Missing || !slices.Contains(it.Codes, r.Code) || r.NotOffered || r.Price == nil {
					continue
				}
				price = ComparePrice{Amount: *r.Price * domain.Money(it.N)}
			}
			row.Prices = append(row.Prices, price)
			row.Total, row.Whole = row.Total+price.Amount, row.Whole && !price.Missing
		}
		for _, c := range credit.Rows {
			if c.Code == row.Key {
				row.Grade, row.Title = c.Grade, c.GradeName
			}
		}
		p.Rows = append(p.Rows, row)
	}
	far := func(r CompareRow) int {
		km, water, known := apart(q.From, r.Division)
		switch {
		case !known:
			return 1 << 20
		case water:
			return km + 1<<10
		}
		return km
	}
	slices.SortStableFunc(p.Rows, func(a, b CompareRow) int {
		if q.Near {
			return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(a.Key, b.Key))
		}
		if a.Whole != b.Whole {
			if a.Whole {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Total, b.Total), cmp.Compare(far(a), far(b)), cmp.Compare(a.Key, b.Key))
	})
	return p
}

// compare is GET /prices/compare.
func (h *Handler) compare(w http.ResponseWriter, r *http.Request) error {
	f := r.URL.Query()
	q := CompareQuery{Basket: baskets[0].Name, From: "210211", Near: f.Get("sort") == "near"}
	for _, b := range baskets {
		if f.Get("basket") == b.Name {
			q.Basket = b.Name
		}
	}
	for _, d := range (PriceCompare{}).Districts() {
		if f.Get("from") == string(d) {
			q.From = d
		}
	}
	p, err := h.data.PriceCompare(r.Context(), q)
	if err != nil {
		return err
	}
	return h.show(w, r, "compare", "/prices", p, &p.AsOf, "basket", "from", "sort")
}

// wellKnown is the index of price files for programs: one line an institution,
// columns set off by tabs.
func (h *Handler) wellKnown(w http.ResponseWriter, r *http.Request) error {
	p, err := h.data.PriceIndex(r.Context())
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# 价目文件索引 Index of price files. UTF-8, tab-separated; addresses are on this host.\n")
	fmt.Fprintf(&b, "# 由事件日志第 %d 位生成 From position %d of the log.\n", p.AsOf.Position, p.AsOf.Position)
	b.WriteString(strings.Join([]string{"institution", "name", "kind", "version", "effective_from", "attester", "event", "page", "json", "csv", "jsonld", "charged"}, "\t") + "\n")
	for _, e := range append(slices.Clone(p.Current), p.Reference...) {
		kind := e.Kind
		if reference(e.Key) {
			kind = "REFERENCE"
		}
		at := "/prices/" + e.Key
		line := []string{e.Key, e.Name.Zh, kind, fmt.Sprint(e.Version), e.From.String(), e.Attester, e.Event, at, at + ".json", at + ".csv", at + ".jsonld", at + "/charged.csv"}
		for i, c := range line {
			line[i] = cell(strings.NewReplacer("\t", " ", "\n", " ", "\"", "'").Replace(c))
		}
		b.WriteString(strings.Join(line, "\t") + "\n")
	}
	sendFile(w, r, "text/plain; charset=utf-8", newPage([]byte(b.String()), gzip.BestSpeed))
	return nil
}

// charged is what an institution's items actually cost, month by month.
func (h *Handler) charged(w http.ResponseWriter, r *http.Request, institution string, f pricepages.Format) error {
	p, err := h.data.Charged(r.Context(), institution)
	if err != nil {
		return err
	}
	switch f {
	case pricepages.CSV:
		b, err := pricepages.ChargedCSV(institution, p.Figures)
		if err != nil {
			return err
		}
		sendFile(w, r, f.ContentType(), newPage(b, gzip.BestSpeed))
		return nil
	case pricepages.JSON:
		return sendJSON(w, r, struct {
			Institution string               `json:"institution"`
			LeastShown  int                  `json:"least_shown"`
			Figures     []pricepages.Charged `json:"charged"`
			AsOf        asOfJSON             `json:"as_of"`
		}{institution, pricepages.LeastShown, append([]pricepages.Charged{}, p.Figures...), asOfOf(p.AsOf)})
	}
	return h.show(w, r, "charged", "/prices", p, &p.AsOf)
}

// PriceCharged is what an institution's items actually cost, the latest month
// first.
type PriceCharged struct {
	Key     string
	Name    Text
	Names   map[string]Text // of items, by code
	Figures []pricepages.Charged
	AsOf    AsOf
}

// Months are the figures month by month, the latest first.
func (p PriceCharged) Months() (ms [][]pricepages.Charged) {
	for i, c := range p.Figures {
		if i == 0 || p.Figures[i-1].Month != c.Month {
			ms = append(ms, nil)
		}
		ms[len(ms)-1] = append(ms[len(ms)-1], c)
	}
	slices.Reverse(ms)
	return ms
}

// Item is what a code is called on the list in force, or the code.
func (p PriceCharged) Item(code string) Text {
	if t, ok := p.Names[code]; ok {
		return t
	}
	return Text{Zh: code}
}

// A cataloguePage shows the fee catalogues as they were adopted, newest first.
type cataloguePage struct {
	Catalogues []catalogueVersion
	AsOf       AsOf
}

type catalogueVersion struct {
	Division domain.Division
	Version  int
	Document string
	From     domain.Date
	Until    domain.Date // the day on which the next version replaced it; empty for the last
	Blocks   []catalogueBlock
}

type catalogueBlock struct {
	Kind pricing.Block
	Rows []catalogueRow
}

type catalogueRow struct {
	PriceRow
	RequiredOf string // the kind of institution whose list has to have it
}

// cataloguePage is the fee catalogues as they were adopted, for people.
func (h *Handler) cataloguePage(w http.ResponseWriter, r *http.Request) error {
	cs, asOf, err := h.data.Catalogues(r.Context())
	if err != nil {
		return err
	}
	p := cataloguePage{AsOf: asOf}
	for i, c := range cs {
		v := catalogueVersion{Division: c.Division, Version: c.Version, Document: c.Document, From: c.EffectiveFrom}
		if i > 0 && cs[i-1].Division == c.Division {
			v.Until = cs[i-1].EffectiveFrom
		}
		for _, kind := range pricing.Blocks {
			b := catalogueBlock{Kind: kind}
			for n, it := range c.Items {
				if (pricing.Row{Category: it.Category, PricingType: it.PricingType}).Block() == kind {
					b.Rows = append(b.Rows, catalogueRow{PriceRow{Number: n + 1, Code: it.Code, Name: Text{it.NameZh, it.NameEn}, Method: it.PricingType, Unit: it.Unit, LimitMin: it.PriceMin, LimitMax: it.PriceMax,
						MarkupPercent: it.MarkupPercent, Markup: it.Markup, Note: it.Note, Basis: it.Basis, Content: it.Content}, it.RequiredOf})
				}
			}
			if len(b.Rows) > 0 {
				v.Blocks = append(v.Blocks, b)
			}
		}
		p.Catalogues = append(p.Catalogues, v)
	}
	return h.show(w, r, "catalogue", "/prices", p, &p.AsOf)
}

// catalogue is the fee catalogues as they were adopted, for programs.
func (h *Handler) catalogue(w http.ResponseWriter, r *http.Request) error {
	cs, _, err := h.data.Catalogues(r.Context())
	if err != nil {
		return err
	}
	return sendJSON(w, r, struct {
		Catalogues []pricepages.Catalogue `json:"catalogues"`
	}{append([]pricepages.Catalogue{}, cs...)})
}

// beside serves what stands below an institution's page: its history, the
// sheets for printing, and what was actually charged.
func (h *Handler) beside(w http.ResponseWriter, r *http.Request) error {
	name, format := fileName(chi.URLParam(r, "history"))
	q := FileQuery{Institution: chi.URLParam(r, "institution"), Format: format}
	switch {
	case name == "history" && format != pricepages.JSONLD:
		q.History = true
	case name == "charged" && format != pricepages.JSONLD:
		return h.charged(w, r, q.Institution, format)
	case name == string(pricepages.Wall) && format == pricepages.HTML, name == string(pricepages.Counter) && format == pricepages.HTML:
		q.Format = pricepages.Format(name)
		if err := q.ask(r); err != nil {
			return err
		}
	default:
		return handlers.ErrNotFound
	}
	return h.priceFile(w, r, q)
}

// chargedText is what one item actually cost: "均为 200", "500（460–500）".
func chargedText(m messages, c *pricepages.Charged) (string, error) {
	switch {
	case c == nil:
		return "—", nil
	case c.Few:
		return "—", nil
	case c.P10 == c.P90:
		return m.text("charged.all", c.Median.String())
	}
	return m.text("charged.spread", c.Median.String(), c.P10.String(), c.P90.String())
}

// PriceCompare implements Source.
func (m *ReadModels) PriceCompare(ctx context.Context, q CompareQuery) (PriceCompare, error) {
	credit, err := m.CreditIndex(ctx)
	if err != nil {
		return PriceCompare{}, err
	}
	var p PriceCompare
	asOf, err := m.lookPrices(ctx, func(r pricepages.Reader) error {
		es, err := r.Index(ctx, m.today())
		if err != nil {
			return err
		}
		var pages []pricepages.Page
		where := map[string]domain.Division{}
		for _, e := range es {
			if e.Registered == nil || e.Registered.Kind != "FUNERAL_HOME" || !e.InForce {
				continue
			}
			page, err := r.Page(ctx, e.Institution, e.Version.Version)
			if err != nil {
				return err
			}
			pages, where[e.Institution] = append(pages, page), e.Division
		}
		p = compareOf(q, pages, where, credit)
		return nil
	})
	p.AsOf = asOf
	return p, err
}

// Charged implements Source.
func (m *ReadModels) Charged(ctx context.Context, institution string) (PriceCharged, error) {
	p := PriceCharged{Key: institution, Names: map[string]Text{}}
	asOf, err := m.lookPrices(ctx, func(r pricepages.Reader) error {
		v, err := r.InForce(ctx, institution, m.today())
		if err != nil {
			return err
		}
		page, err := r.Page(ctx, institution, v)
		if err != nil {
			return err
		}
		p.Name, _, _ = known(page.Version, page.Registered)
		for _, row := range page.Rows {
			p.Names[row.Code] = Text{row.NameZh, row.NameEn}
		}
		p.Figures, err = r.Charged(ctx, institution)
		return err
	})
	p.AsOf = asOf
	return p, err
}

// Catalogues implements Source.
func (m *ReadModels) Catalogues(ctx context.Context) (cs []pricepages.Catalogue, asOf AsOf, err error) {
	asOf, err = m.lookPrices(ctx, func(r pricepages.Reader) error {
		cs, err = r.Catalogues(ctx)
		return err
	})
	return cs, asOf, err
}

// limitOf is how high the price may be by the catalogue, or else by the list.
func limitOf(r PriceRow) (min, max domain.Money) {
	if r.LimitMax > 0 {
		return r.LimitMin, r.LimitMax
	}
	if r.Range() {
		return 0, 0
	}
	return r.Min, r.Max
}

// belongs says that a row's limit is a range rather than a ceiling.
func belongs(r PriceRow) bool { return r.Method == pricing.ReferenceRange }
