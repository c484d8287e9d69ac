package web

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/oversight"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
)

// A town is a small log, the read models over it and the pages over those. Its
// clocks stand where the test puts them.
type town struct {
	testing.TB
	*handlers.Server
	store  *clocked
	reg    *events.Registry
	runner *projections.Runner
	rev    map[events.Stream]events.Revision
	now    time.Time
	last   events.Position
}

// clocked is a memory store that records at the times it is told.
type clocked struct {
	*memory.Store
	at map[events.Position]time.Time
}

func (c *clocked) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range c.Store.Follow(ctx, after, max) {
			b.Events = slices.Clone(b.Events) // the store's own are everybody's
			for i := range b.Events {
				if at, ok := c.at[b.Events[i].Position]; ok {
					b.Events[i].At = at
				}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

func newTown(t testing.TB, facts ...func(*town)) *town {
	t.Helper()
	c := &town{TB: t, store: &clocked{memory.New(), map[events.Position]time.Time{}}, reg: projections.Registry(events.NewMemoryKeys()),
		rev: map[events.Stream]events.Revision{}, now: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)}
	for _, f := range facts {
		f(c)
	}
	r := newRenderer(t, Site{Demo: true})
	var err error
	c.runner, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: c.store, Registry: c.reg, Logger: slog.New(slog.DiscardHandler),
		Projections: []projections.Projection{servicecredit.Projection{}, ecoratio.Projection{}, pricepages.Projection{Renderer: r.PricePages()}, availability.Projection{}, tracking.Projection{}, voyages.Projection{}, oversight.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.runner.Close() })
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	h := New(r, NewReadModels(r, c.runner, func() time.Time { return c.now }))
	app := handlers.NewApp(c.store, c.reg, events.NewMemoryKeys(), []byte("the key of a test"))
	app.Now = func() time.Time { return c.now }
	c.Server = handlers.New(handlers.Config{Accounts: accounts, Log: slog.New(slog.DiscardHandler), Web: h, Pages: []handlers.Mount{NewFamilies(h, app, h.data.(*ReadModels)), NewCemeteries(h, noPlaces{})}})
	return c
}

// add records an event on a local day.
func (c *town) add(on domain.Date, category, id string, e any) {
	c.Helper()
	typ, data, err := c.reg.Encode(c.Context(), e)
	if err != nil {
		c.Fatal(err)
	}
	c.put(on, category, id, typ, data)
}

func (c *town) put(on domain.Date, category, id, typ string, data []byte) {
	c.Helper()
	st := events.Stream(category + "-" + id)
	rev, at, err := c.store.Append(c.Context(), st, c.rev[st], events.New{ID: uuid.New(), Type: typ, Data: data})
	if err != nil {
		c.Fatal(err)
	}
	if c.runner == nil { // a running read model would read the event before its time is set
		c.store.at[at] = on.Start().Add(10 * time.Hour)
	}
	c.rev[st], c.last = rev, at
}

// settle waits until a read model has everything.
func (c *town) settle(names ...string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 30*time.Second)
	defer cancel()
	for _, n := range names {
		if err := c.runner.Wait(ctx, n, c.last); err != nil {
			c.Fatal(err)
		}
	}
}

func (c *town) page(address string) doc {
	c.Helper()
	r := get(c, c, address)
	if r.StatusCode != http.StatusOK {
		c.Fatalf("%s: status %d", address, r.StatusCode)
	}
	return parse(c, body(c, r))
}

const townHome, townCemetery = "12210200422000019F", "12210281422000027L"

func townList(version int, from domain.Date, price domain.Money) pricing.Published {
	return pricing.Published{Version: version, EffectiveFrom: from, Precision: pricing.ToDay, InstitutionName: "海晏殡仪馆（演示）", City: "大连市", Division: "210211",
		FacilityKind: "FUNERAL_HOME", Basis: "发改价格〔2026〕108号", Attester: "staff-0102", Rows: []pricing.Row{
			{Code: "CRM-STD", NameZh: "遗体火化", NameEn: "Cremation", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: price, PriceMax: 900_00},
			{Code: "URN", NameZh: "骨灰盒", Category: pricing.Goods, PricingType: pricing.MarkupCapped, Unit: "元/只", Price: 290_00},
		}}
}

func registered(c *town) {
	for _, i := range []institution.Registered{
		{CreditCode: townHome, NameZh: "海晏殡仪馆（演示）", NameEn: "Haiyan (demo)", Kind: institution.FuneralHome, Division: "210211", Operator: institution.Government, Fictitious: true},
		{CreditCode: townCemetery, NameZh: "云岫公墓（演示）", Kind: institution.CemeteryPublicUrban, Division: "210281", Operator: institution.Government, Fictitious: true},
	} {
		c.add("2026-03-30", institution.Category, string(i.CreditCode), i)
	}
}

func priced(c *town) {
	c.add("2026-03-31", pricing.PriceListCategory, townHome, townList(1, "2026-04-01", 900_00))
	c.add("2026-09-20", pricing.PriceListCategory, townHome, townList(2, "2026-10-01", 880_00))
	old := townList(1, "2008-01-01", 900_00)
	old.Precision, old.InstitutionName, old.Source, old.Confidence = pricing.ToYear, "大连市殡仪馆", "http://example.org/list", "found, secondary source"
	c.add("2026-03-31", pricing.PriceListCategory, "dalian-funeral-home", old)
}

func TestPricesFromTheLog(t *testing.T) {
	c := newTown(t, registered, priced)
	c.settle(pricepages.Name)

	index := c.page("/prices")
	for _, want := range []string{"海晏殡仪馆（演示）", "第 2 版", "大连市殡仪馆", "自 2008 起"} {
		if !strings.Contains(text(index.root), want) {
			t.Errorf("the index does not say %q", want)
		}
	}
	if rows := index.find(tag(atom.Tr)); len(rows) != 4 { // two tables of a head and a row
		t.Errorf("%d rows in the index", len(rows))
	}

	for address, want := range map[string]string{
		"/prices/" + townHome: "880", "/prices/" + townHome + "?version=1": "900", "/prices/" + townHome + "?on=2026-09-30": "900", "/prices/" + townHome + "?on=2026-10-01": "880",
	} {
		p := c.page(address)
		if got := text(p.find(class("price"))[0]); !strings.HasPrefix(got, want) {
			t.Errorf("%s: the first price is %q, want %s", address, got, want)
		}
		notes := p.find(func(n *html.Node) bool { return attr(n, "role") == "note" })
		if in := strings.Contains(address, "?"); (len(notes) == 1) != in {
			t.Errorf("%s: %d notes that this is not the list in force", address, len(notes))
		}
		_, asked, _ := strings.Cut(address, "?")
		for _, a := range p.find(func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), "?") }) {
			if !strings.HasPrefix(attr(a, "href"), "?"+asked) {
				t.Errorf("%s: the link to another view asks for %q", address, attr(a, "href"))
			}
		}
	}
	if p := c.page("/prices/dalian-funeral-home"); !strings.Contains(text(p.root), "不能据此收费") {
		t.Error("the page of an old list does not say that nobody may charge by it")
	}
	if p := c.page("/prices/" + townHome + "/history"); len(p.find(tag(atom.H2))) != 3 || !strings.Contains(text(p.root), "下调") {
		t.Error("the history does not show two versions and what changed")
	}
	for address, kind := range map[string]string{
		"/prices/" + townHome + ".json": "application/json", "/prices/" + townHome + ".csv": "text/csv", "/prices/" + townHome + "/history.json": "application/json",
		"/prices/" + townHome + "/history.csv": "text/csv",
		"/prices/" + townHome + ".jsonld":      "application/ld+json",
	} {
		r := get(t, c, address)
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) || !strings.Contains(string(body(t, r)), "CRM-STD") {
			t.Errorf("%s: status %d, %s", address, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
	for _, address := range []string{"/prices/" + townCemetery, "/prices/nobody", "/prices/" + townHome + "?version=7", "/prices/" + townHome + "?version=x", "/prices/" + townHome + "/other", "/prices/" + townHome + "/wall.csv"} {
		if r := get(t, c, address); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", address, r.StatusCode)
		}
	}
	if r := get(t, c, "/prices/"+townHome+"?on=yesterday"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none: status %d", r.StatusCode)
	}
}

// TestNewPricesShowAtOnce: what is kept in memory gives way when a list is
// published, and when a day begins.
func TestNewPricesShowAtOnce(t *testing.T) {
	c := newTown(t, registered, priced)
	c.settle(pricepages.Name)
	first := func() string { return text(c.page("/prices/" + townHome).find(class("price"))[0]) }
	if got := first(); !strings.HasPrefix(got, "880") {
		t.Fatalf("before: %q", got)
	}
	c.add("", pricing.PriceListCategory, townHome, townList(3, "2026-11-24", 860_00))
	c.settle(pricepages.Name)
	if got := first(); !strings.HasPrefix(got, "880") {
		t.Errorf("a list of tomorrow shows today: %q", got)
	}
	if p := c.page("/prices/" + townHome); !strings.Contains(text(p.root), "第 3 版，自 2026-11-24 起") {
		t.Error("the page does not announce the next version")
	}
	c.now = c.now.Add(24 * time.Hour)
	if got := first(); !strings.HasPrefix(got, "860") {
		t.Errorf("a day later: %q", got)
	}
}

func TestEcoRatioFromTheLog(t *testing.T) {
	type count struct{ whole, strict, broad int }
	want := map[string]count{}
	def := ecoburial.Default()
	c := newTown(t, registered, func(c *town) {
		bury := func(n int, code string, division domain.Division, on domain.Date) {
			typ, ok := def.Type(code)
			if !ok {
				t.Fatalf("no type %s", code)
			}
			for range n {
				id := uuid.NewString()
				c.add("2026-11-02", cemetery.PlotCategory, townCemetery+"."+id[:8], cemetery.PlotInterred{Right: "R", Person: domain.Subject(id), Certificate: "C",
					EcoType: code, Definition: def.ID, Institution: townCemetery, Division: division, AreaCM2: typ.LandCM2, InterredOn: on})
			}
			if on == "" || !typ.Interment {
				return
			}
			for _, k := range []string{on.Month(), on.Quarter(), on.Year()} {
				w := want[k]
				w.whole += n
				if typ.Strict {
					w.strict += n
				}
				if typ.Broad {
					w.broad += n
				}
				want[k] = w
			}
		}
		bury(7, "SEA", "210202", "2026-10-05")
		bury(11, "NICHE", "210211", "2026-10-31")
		bury(13, "STD_PLOT", "210281", "2026-10-01")
		bury(3, "TREE_BIO", "210281", "2026-10-09")
		bury(5, "TEMP_DEPOSIT", "210211", "2026-10-09")
		bury(6, "NICHE", "210211", "2026-07-09")
		bury(2, "SEA", "210202", "2025-12-31")
		bury(9, "SEA", "210202", "2026-11-01")
		bury(1, "SEA", "210202", "")
		// October was published before one niche was reported, and one plot.
		c.add("2026-11-10", ecoburial.FiguresCategory, ecoburial.FiguresID("210200", "2026-10"), ecoburial.FiguresPublished{Division: "210200", Month: "2026-10", Position: 3,
			Totals: []ecoburial.Total{{Definition: def.ID, Interments: 32, Strict: 10, Broad: 20}}})
		c.add("2026-11-10", ecoburial.RulebookCategory, "210200", ecoburial.TargetSet{Share: ecoburial.BroadShare, Year: "2026", PerMille: 500, Document: "演示文件"})
	})
	c.settle(ecoratio.Name)
	for period, w := range want {
		var f ecoFile
		decode(t, get(t, c, "/stats/eco-burial.json?period="+period), &f)
		if got := (count{f.Interments, f.Strict, f.Broad}); got != w {
			t.Errorf("%s: %+v, want %+v", period, got, w)
		}
		if f.PeriodEnded != (period != "2026-11" && period != "2026-Q4" && period != "2026") {
			t.Errorf("%s: ended %t", period, f.PeriodEnded)
		}
	}

	var f ecoFile
	decode(t, get(t, c, "/stats/eco-burial.json"), &f)
	if f.Period != "2026-10" {
		t.Errorf("the newest month that has ended is %s", f.Period)
	}
	var trend []string
	for _, p := range f.Trend {
		trend = append(trend, fmt.Sprintf("%s %d", p.Period, p.Interments))
	}
	if diff := cmp.Diff([]string{"2025-12 2", "2026-01 0", "2026-02 0", "2026-03 0", "2026-04 0", "2026-05 0", "2026-06 0", "2026-07 6", "2026-08 0", "2026-09 0", "2026-10 34"}, trend); diff != "" {
		t.Errorf("trend (-want +got):\n%s", diff)
	}
	if len(f.Districts) != 10 {
		t.Errorf("%d districts, want the ten of the city", len(f.Districts))
	}
	for _, ty := range f.Types {
		if ty.Code == "TREE_BIO" && ty.Interments != nil {
			t.Error("a form with three burials is published")
		}
	}

	p := c.page("/stats/eco-burial")
	for _, want := range []string{"2026 年 10 月，全市完成安葬 34 件", "10 件 ÷ 34 件", "21 件 ÷ 34 件", "另有 1 件不知道安葬日期",
		"10/32", "20/32", "10/34", "21/34", "2026-11-10 冻结", "（演示文件）", "50.0%"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, empty := range []string{"2024", "2026-02", "2027-Q1"} {
		if p := c.page("/stats/eco-burial?period=" + empty); len(p.find(class("empty"))) != 1 || len(p.find(class("pairs"))) != 0 {
			t.Errorf("%s: no data is shown as something", empty)
		}
	}
}

func TestCreditFromTheLog(t *testing.T) {
	policy := credit.PolicyVersion{Version: "v1", EffectiveFrom: "2026-04-01", Base: 80, Max: 100, BonusCap: 20, BonusMonths: 12, EscalateNth: 3, EscalateMonths: 12,
		Grades: []credit.Grade{{Grade: "A", NameZh: "优秀", Min: 90, Max: 100}, {Grade: "B", NameZh: "良好", Min: 75, Max: 89}, {Grade: "C", NameZh: "一般", Min: 60, Max: 74}, {Grade: "D", NameZh: "较差", Min: 0, Max: 59}},
		Severities: map[credit.Severity]credit.SeverityPeriod{
			credit.Minor:   {MaxMonths: 3, RetentionMonths: 3},
			credit.General: {MinMonths: 3, MaxMonths: 12, RetentionMonths: 12, Published: true},
			credit.Severe:  {MinMonths: 12, MaxMonths: 36, RetentionMonths: 36, Published: true}},
		Rules: []credit.Rule{{Code: "P01", NameZh: "价目未公示", NameEn: "not posted", Severity: credit.Minor, Points: 3, PeriodCap: 9},
			{Code: "P04", NameZh: "标价外加价", NameEn: "surcharge", Severity: credit.General, Points: 6, PeriodCap: 18}},
		Bonuses: []credit.Bonus{{Code: "G05", NameZh: "主动降价", NameEn: "lowered prices", Points: 2}}}
	revoked := uuid.New()
	c := newTown(t, registered, func(c *town) {
		suspicion := func(on domain.Date, rule string) uuid.UUID {
			id := uuid.New()
			c.add(on, credit.LedgerCategory, townHome, credit.Suspected{Suspicion: id, Rule: rule, Fact: "疑点甲", Basis: "价格法"})
			return id
		}
		c.add("2026-03-30", credit.PolicyCategory, "dl", credit.PolicyAdopted{PolicyVersion: policy})
		c.add("2026-06-01", credit.LedgerCategory, townHome, credit.Confirmed{Suspicion: suspicion("2026-06-01", "P04"), Entry: revoked, Rule: "P04", Policy: "v1", Points: 6, Severity: credit.General,
			Fact: "停车费", Document: "文号一", DecidedOn: "2026-06-01", Officers: [2]string{"staff-1", "staff-2"}})
		c.add("2026-07-10", credit.LedgerCategory, townHome, credit.Revoked{Entry: revoked, Document: "文号二", Reason: "事实不清", RevokedOn: "2026-07-10"})
		c.add("2026-10-01", credit.LedgerCategory, townHome, credit.Confirmed{Suspicion: suspicion("2026-10-01", "P01"), Entry: uuid.New(), Rule: "P01", Policy: "v1", Points: 3, Severity: credit.Minor,
			Fact: "轻微", Document: "文号三", DecidedOn: "2026-10-01", Officers: [2]string{"staff-1", "staff-2"}})
		c.add("2026-10-02", credit.LedgerCategory, townHome, credit.Confirmed{Suspicion: suspicion("2026-10-02", "P04"), Entry: uuid.New(), Rule: "P04", Policy: "v1", Points: 6, Severity: credit.General,
			Fact: "加价", Document: "文号四", DecidedOn: "2026-10-02", Officers: [2]string{"staff-1", "staff-2"}})
		c.add("2026-10-03", credit.LedgerCategory, townHome, credit.BonusGranted{Entry: uuid.New(), Rule: "G05", Policy: "v1", Points: 2, Fact: "降价", Document: "文号五", DecidedOn: "2026-10-03"})
		suspicion("2026-10-04", "P04")
	})
	c.settle(servicecredit.Name)

	for address, want := range map[string]struct {
		grade string
		says  []string
		not   []string
	}{
		"":               {"C", []string{"标价外加价", "文号四", "主动降价", "2027-10-02", "2027-01-02", "文号二", "事实不清"}, []string{"文号一", "文号三", "价目未公示", "疑点甲", "staff-1", "73"}}, // 80 − 3 − 6 + 2
		"?on=2026-06-15": {"B", []string{"按当天系统里已有的记录，是 C 级"}, []string{"文号一", "文号四"}},
		"?on=2026-04-02": {"B", nil, []string{"当天系统里", "文号四"}},
		"?on=2026-03-31": {"", []string{"没有生效的评分规则"}, nil},
	} {
		p := c.page("/credit/" + townHome + address)
		grade := ""
		if g := p.find(class("grade")); len(g) == 1 {
			grade = text(g[0])
		}
		if grade != want.grade {
			t.Errorf("%s: grade %q, want %q", address, grade, want.grade)
		}
		for _, s := range want.says {
			if !strings.Contains(text(p.root), s) {
				t.Errorf("%s: the page does not say %q", address, s)
			}
		}
		for _, s := range want.not {
			if strings.Contains(text(p.find(tag(atom.Main))[0]), s) {
				t.Errorf("%s: the page says %q", address, s)
			}
		}
	}
	if r := get(t, c, "/credit/"+townHome+"?on=2026-11-24"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("tomorrow: status %d", r.StatusCode)
	}
	for _, address := range []string{"/credit/91350100M000100Y43", "/credit/nobody", "/credit/91350100M000100Y43.json"} {
		if r := get(t, c, address); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", address, r.StatusCode)
		}
	}
	if p := c.page("/credit"); len(p.find(tag(atom.Tr))) != 6 || // two institutions, two kinds of deadlines, and the heads
		!strings.Contains(text(p.root), "云岫公墓") {
		t.Error("the index does not list both institutions")
	}
}

// TestCreditRecordedLater: where a past was recorded today, as in the demo, the
// grade of a past day is there, and beside it that nothing was recorded then.
func TestCreditRecordedLater(t *testing.T) {
	c := newTown(t, registered, func(c *town) {
		c.add("2026-11-20", credit.PolicyCategory, "dl", credit.PolicyAdopted{PolicyVersion: credit.PolicyVersion{Version: "v1", EffectiveFrom: "2026-04-01", Base: 80, Max: 100,
			Grades: []credit.Grade{{Grade: "B", NameZh: "良好", Min: 75, Max: 100}, {Grade: "C", NameZh: "一般", Min: 0, Max: 74}}}})
	})
	c.settle(servicecredit.Name)
	p := c.page("/credit/" + townHome + "?on=2026-06-01")
	if g := p.find(class("grade")); len(g) != 1 || text(g[0]) != "B" {
		t.Error("no grade of the past day")
	}
	main := text(p.find(tag(atom.Main))[0])
	if !strings.Contains(main, "当天系统里还没有记录，记录于") || !strings.Contains(main, "11 月 20 日") && !strings.Contains(main, "2026-11-20") {
		t.Errorf("the page does not say when it was recorded: %s", main)
	}
	if strings.Contains(main, "没有生效的评分规则") {
		t.Error("the page contradicts itself")
	}
	var f struct {
		Grade string `json:"grade"`
		Then  struct {
			Grade    string `json:"grade"`
			Recorded string `json:"recorded_on"`
		} `json:"known_then"`
	}
	decode(t, get(t, c, "/credit/"+townHome+".json?on=2026-06-01"), &f)
	if f.Grade != "B" || f.Then.Grade != "" || f.Then.Recorded != "2026-11-20" {
		t.Errorf("%+v", f)
	}
}

// TestStoppedReadModelSaysSo: an event that cannot be read stops one read model;
// its pages go on and say as of when, the others do not notice.
func TestStoppedReadModelSaysSo(t *testing.T) {
	c := newTown(t, registered, priced, func(c *town) {
		c.put("2026-11-02", cemetery.PlotCategory, townCemetery+".A-1", "plot.interred.v1", []byte(`"not an interment"`))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.runner.Wait(ctx, ecoratio.Name, c.last); err == nil {
		t.Fatal("the read model went past an event that it cannot read")
	}
	c.settle(pricepages.Name)
	told := func(address string) bool {
		return strings.Contains(text(c.page(address).root), "已停止更新")
	}
	if !told("/stats/eco-burial") || told("/prices") || told("/prices/"+townHome) || told("/credit") {
		t.Error("not exactly the pages of the stopped read model say so")
	}
}

// zeroForm is a figure of nothing that stands alone.
var zeroForm = regexp.MustCompile(`^\s*0(\.0+)?\s*(%|m²|元|个)?\s*$`)

// TestFirstDay: a log without events has every page.
func TestFirstDay(t *testing.T) {
	c := newTown(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.runner.WaitCaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	known := links(t, c)
	for _, address := range []string{"/", "/prices", "/stats/eco-burial", "/credit", "/cemeteries", "/voyages"} {
		p := c.page(address)
		p.rules(t, Zh, false, known)
		// Where nothing is known, nothing is said to be none of something.
		for _, n := range p.find(func(n *html.Node) bool { return n.Type == html.TextNode && zeroForm.MatchString(n.Data) }) {
			t.Errorf("%s says %q where there is no data", address, text(n.Parent))
		}
	}
	for _, address := range []string{"/stats/eco-burial.json", "/stats/eco-burial.csv"} {
		if r := get(t, c, address); r.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", address, r.StatusCode)
		}
	}
}

// BenchmarkPricePage is the whole server answering for a price page, compressed.
func BenchmarkPricePage(b *testing.B) {
	c := newTown(b, registered, priced)
	c.settle(pricepages.Name)
	r := httptest.NewRequest(http.MethodGet, "/prices/"+townHome, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
