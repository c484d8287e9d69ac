package projections_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/projections"
	"shenzhong/projections/pricepages"
)

func (c *city) list(id string, version int, from domain.Date, rows ...pricing.Row) {
	c.t.Helper()
	c.add(pricing.PriceListCategory, id, pricing.Published{Version: version, EffectiveFrom: from, Precision: pricing.ToDay, InstitutionName: "海晏殡仪馆（演示）",
		Division: "210211", CatalogueVersion: 1, Attester: "staff-0102", Rows: rows})
}

func TestPricePages(t *testing.T) {
	c := newCityOf(t, 1, 0)
	const id = "12210200422000019F"
	transport := pricing.Row{Code: "TRN-STD", NameZh: "遗体接运", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: 21000, PriceMax: 21000}
	tier := func(name string, price domain.Money) pricing.Row {
		return pricing.Row{Code: "ASH-DEP", NameZh: name, Category: pricing.AshStorage, PricingType: pricing.GovGuidedBasic, Unit: "元/年", Price: price}
	}
	sea := pricing.Row{Code: "SEA", NameZh: "=海葬", Category: pricing.EcoBurial, PricingType: pricing.Free, Unit: "元/具"}
	urn := pricing.Row{Code: "GDS-URN", NameZh: "骨灰盒", Category: pricing.Goods, PricingType: pricing.MarkupCapped, Unit: "元/个", Cost: 10000, MarkupPercent: 30}
	c.list(id, 1, "2026-01-01", transport, tier("4–7 层", 15000), tier("1 层", 6000), sea)
	lower := transport
	lower.Price, lower.PriceMax = 20000, 20000
	c.list(id, 2, "2026-10-01", lower, tier("4–7 层", 15000), tier("1 层", 6500), urn)
	c.list(id, 3, "2026-12-01", lower, tier("4–7 层", 15000), urn)
	c.add(institution.Category, id, institution.Registered{CreditCode: id, NameZh: "海晏殡仪馆（演示）", NameEn: "Haiyan", Kind: institution.FuneralHome, Division: "210211", Fictitious: true})
	c.add(pricing.PriceListCategory, "dalian-2008", pricing.Published{Version: 1, EffectiveFrom: "2008-01-01", Precision: pricing.ToYear, InstitutionName: "大连市殡仪馆", Division: "210200",
		Source: "http://example.org", Confidence: "found", Caveats: []string{"历史价目"}, Rows: []pricing.Row{transport}})

	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := pricepages.Reader{DB: r.Read(pricepages.Name)}

	for on, want := range map[domain.Date]int{"2025-12-31": 1, "2026-09-30": 1, "2026-10-01": 2, "2026-11-30": 2, "2026-12-01": 3, "2030-01-01": 3} {
		if v, err := q.InForce(t.Context(), id, on); err != nil || v != want {
			t.Errorf("on %s: v%d %v, want v%d", on, v, err, want)
		}
		if f, err := q.File(t.Context(), id, on, pricepages.JSON, ""); err != nil || f.Version != want {
			t.Errorf("file on %s: %v %v", on, f.Version, err)
		}
	}

	ps, err := q.Pages(t.Context(), id)
	if err != nil || len(ps) != 3 {
		t.Fatal(ps, err)
	}
	type change struct {
		kind   pricepages.ChangeKind
		name   string
		fields string
	}
	for i, want := range [][]change{
		nil,
		{{pricepages.Lowered, "遗体接运", "price_fen price_max_fen"}, {pricepages.Raised, "1 层", "price_fen"}, {pricepages.Added, "骨灰盒", ""}, {pricepages.Removed, "=海葬", ""}},
		{{pricepages.Removed, "1 层", ""}},
	} {
		var got []change
		for _, x := range ps[i].Changes {
			got = append(got, change{x.Kind, x.NameZh, strings.Join(x.Fields, " ")})
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(change{})); d != "" {
			t.Errorf("version %d: %s", i+1, d)
		}
	}
	if p := ps[1]; p.Previous != 1 || p.Next != 3 || p.NextFrom != "2026-12-01" || p.Catalogue == nil || p.Catalogue.Document == "" || p.Registered == nil || p.Registered.NameEn != "Haiyan" {
		t.Errorf("%+v", p)
	}
	if cs, err := q.Diff(t.Context(), id, 1, 3); err != nil || len(cs) != 4 {
		t.Errorf("1 to 3: %+v %v", cs, err)
	}

	// Files: what they say, and that they are of the page.
	file := func(version int, f pricepages.Format, variant string) string {
		t.Helper()
		got, err := q.VersionFile(t.Context(), id, version, f, variant)
		if err != nil || len(got.ETag) < 12 || got.ETag[0] != '"' {
			t.Fatal(got.ETag, err)
		}
		return gunzip(t, got.Gzip)
	}
	var page map[string]any
	if err := json.Unmarshal([]byte(file(2, pricepages.JSON, "")), &page); err != nil {
		t.Fatal(err)
	}
	source := page["source"].(map[string]any)
	if page["version"] != 2.0 || page["effective_from"] != "2026-10-01" || page["attester"] != "staff-0102" || source["event"] != ps[1].Source.ID.String() || source["position"] != float64(ps[1].Source.Position) {
		t.Errorf("%v", page)
	}
	rows := page["rows"].([]any)
	if r := rows[3].(map[string]any); r["markup_percent"] != 30.0 || r["price_fen"] != nil || r["cost_fen"] != nil || r["block"] != "goods" {
		t.Errorf("an amount that is not given, or not public: %v", r)
	}
	text := file(1, pricepages.CSV, "")
	if !strings.HasPrefix(text, "\ufeff") {
		t.Error("no byte order mark")
	}
	cells, err := csv.NewReader(strings.NewReader(text[3:])).ReadAll()
	if err != nil || len(cells) != 5 || cells[4][1] != "'=海葬" || cells[4][7] != "0.00" || cells[1][7] != "210.00" || cells[1][10] != "21000" || cells[1][38] != "staff-0102" || len(cells[0]) != len(cells[1]) || cells[0][38] != "attester" {
		t.Errorf("%v %v", cells, err)
	}
	if html := file(2, pricepages.HTML, "zh"); !strings.Contains(html, "next 3") {
		t.Errorf("the page of version 2 does not know of version 3: %s", html)
	}
	if h := file(0, pricepages.HTML, "zh"); h != "3 versions" {
		t.Error(h)
	}
	var history pricepages.History
	if err := json.Unmarshal([]byte(file(0, pricepages.JSON, "")), &history); err != nil || len(history.Versions) != 3 || history.Versions[0].Version.Version != 3 || len(history.Versions[1].Changes) != 4 {
		t.Errorf("%+v %v", history, err)
	}
	if !bytes.Contains([]byte(file(0, pricepages.CSV, "")), []byte("lowered")) {
		t.Error("the history as CSV")
	}

	index, err := q.Index(t.Context(), "2026-11-23")
	if err != nil || len(index) != 2 || index[0].Institution != id || index[0].Version.Version != 2 || index[0].Registered == nil || !index[0].InForce || index[0].RowCount != 4 ||
		index[1].Registered != nil || index[1].Effective() != "2008" || index[1].Origin != "http://example.org" {
		t.Errorf("%+v %v", index, err)
	}
	if index, err = q.Index(t.Context(), "2025-01-01"); err != nil || index[0].InForce {
		t.Errorf("a list that has not begun: %+v %v", index, err)
	}
	for _, err := range []error{
		second(q.InForce(t.Context(), "nobody", "2026-11-23")), second(q.VersionFile(t.Context(), id, 9, pricepages.JSON, "")), second(q.VersionFile(t.Context(), id, 2, pricepages.HTML, "fr")),
		second(q.HistoryFile(t.Context(), "nobody", pricepages.JSON, "")), second(q.Page(t.Context(), id, 9)), second(q.History(t.Context(), "nobody")),
	} {
		if !errors.Is(err, pricepages.ErrNotFound) {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A page that cannot be drawn stops the read model; other templates build it anew.
func TestPricePagesRenderer(t *testing.T) {
	c, dir := newCity(t, 1), t.TempDir()
	r := c.open(c.config(dir))
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := c.config(dir)
	redrawn := drawn
	redrawn.Fingerprint = "other templates"
	redrawn.List = func(pricepages.Page) (map[string][]byte, error) {
		return map[string][]byte{"zh": []byte("redrawn")}, nil
	}
	cfg.Projections = []projections.Projection{pricepages.Projection{Renderer: redrawn}}
	r = c.open(cfg)
	caughtUp(t, r)
	f, err := pricepages.Reader{DB: r.Read(pricepages.Name)}.VersionFile(t.Context(), string(c.homes[0]), 1, pricepages.HTML, "zh")
	if err != nil || gunzip(t, f.Gzip) != "redrawn" {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	redrawn.Fingerprint = "broken"
	redrawn.List = func(pricepages.Page) (map[string][]byte, error) { return nil, errors.New("template: …") }
	cfg.Projections = []projections.Projection{pricepages.Projection{Renderer: redrawn}}
	r = c.open(cfg)
	if err := r.WaitCaughtUp(t.Context()); err == nil {
		t.Error("caught up without pages")
	}
	f, err = pricepages.Reader{DB: r.Read(pricepages.Name)}.VersionFile(t.Context(), string(c.homes[0]), 1, pricepages.HTML, "zh")
	if err != nil || gunzip(t, f.Gzip) != "redrawn" {
		t.Errorf("the old pages do not serve: %v", err)
	}
	if s := r.Status()[0]; !s.Outdated || s.Building == nil || !s.Building.Stopped {
		t.Errorf("%+v", s)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "pricepages*.db")); len(left) != 2 {
		t.Error(left)
	}
}

// What was actually charged is counted by item and month and compared with a
// plain count; fewer than five are told of by nothing but that there were some,
// and nothing that is published lets them be worked out.
func TestActuallyCharged(t *testing.T) {
	c := newCityOf(t, 3, 1)
	home, other := "12210200422000019F", string(c.homes[0])
	c.list(home, 1, "2026-01-01", pricing.Row{Code: "TRN-STD", NameZh: "遗体接运", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: 21000})
	prices := map[string][]domain.Money{}
	say := func(of, code, month string, price domain.Money) {
		id := c.id().String()
		c.add(booking.Category, id, booking.Opened{Institution: of, Number: id[:8], Source: booking.Desk})
		typ, data, err := c.reg.Encode(t.Context(), booking.Charged{Line: booking.Line{ID: "1", Code: code, NameZh: code, Unit: "元", Quantity: 1, Price: price, Amount: price}})
		if err != nil {
			t.Fatal(err)
		}
		c.append(booking.Category, id, events.New{ID: c.id(), Type: typ, Data: data, Occurred: domain.Date(month + "-10").Start()})
		prices[of+month+code] = append(prices[of+month+code], price)
	}
	for n := range 23 {
		say(home, "TRN-STD", "2026-03", domain.Money(18000+100*(n*7%5)))
		if n < pricepages.LeastShown-1 {
			say(home, "CRM-STD", "2026-03", 90000)
			say(other, "TRN-STD", "2026-03", 17000)
		}
		if n < pricepages.LeastShown {
			say(home, "TRN-STD", "2026-02", 15000)
		}
		say(home, "TRN-STD", "2026-04", 12345) // this month
	}
	dir := t.TempDir()
	r := c.open(c.config(dir))
	caughtUp(t, r)
	q := pricepages.Reader{DB: r.Read(pricepages.Name)}
	shown := 0
	for _, of := range []string{home, other} {
		cs, err := q.Charged(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range cs {
			ps := prices[of+got.Month+got.Code]
			slices.Sort(ps)
			want := pricepages.Charged{Code: got.Code, Month: got.Month, Few: true}
			if n := len(ps); n >= pricepages.LeastShown {
				at := func(p float64) domain.Money { return ps[int(math.Ceil(p*float64(n)))-1] }
				want = pricepages.Charged{Code: got.Code, Month: got.Month, Count: n, P10: at(.1), Median: at(.5), P90: at(.9)}
				shown++
			}
			if d := cmp.Diff(want, got); d != "" || got.Month == "2026-04" {
				t.Errorf("%s %s: %s", of, got.Month, d)
			}
		}
		b, err := pricepages.ChargedCSV(of, cs)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(b[3:])).ReadAll()
		if err != nil || len(rows) != len(cs)+1 {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			if n, err := strconv.Atoi(row[3]); err == nil && n < pricepages.LeastShown || err != nil && strings.Join(row[3:10], "") != "" {
				t.Errorf("a small number is published: %q", row)
			}
		}
	}
	if shown != 2 {
		t.Errorf("%d figures are published, want 2", shown)
	}
	// The list that was in force shows the last month that is over, on every file.
	ps, err := q.Pages(t.Context(), home)
	if err != nil || len(ps) != 1 || ps[0].ChargedMonth != "2026-03" || len(ps[0].Charged) != 2 {
		t.Fatal(ps, err)
	}
	var file struct {
		Charged []pricepages.Charged `json:"charged"`
	}
	f, err := q.VersionFile(t.Context(), home, 1, pricepages.JSON, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(gunzip(t, f.Gzip)), &file); err != nil || !cmp.Equal(file.Charged, ps[0].Charged) {
		t.Error(file, err)
	}
	if rep := c.verify(dir); rep.Err() != nil {
		t.Error(rep.Lines("en"))
	}
}
