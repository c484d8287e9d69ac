package projections_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/oversight"
	"shenzhong/projections/places"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/search"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
	"shenzhong/projections/watch"
)

// A city is a log like that of a real one, written event by event (the deciders
// have tests of their own) and the same for the same seed.
type city struct {
	t         testing.TB
	rand      *rand.Rand
	store     *clocked
	reg       *events.Registry
	keys      *erasable
	rev       map[events.Stream]events.Revision
	homes     []domain.CreditCode
	today     domain.Date
	cases     int
	lists     map[domain.CreditCode]pricing.Published
	suspected map[domain.CreditCode][]uuid.UUID
	confirmed map[domain.CreditCode][]uuid.UUID
	eco       bool     // burials are corrected, plots given, targets set
	completed []string // eco-burials
	burials   map[string]ecoburial.Completed
	equipped  bool // the institutions have what funerals need
}

// clocked is a memory store whose recording times follow from the position.
type clocked struct {
	*memory.Store
	at func(events.Position) time.Time
}

func (c *clocked) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range c.Store.Follow(ctx, after, max) {
			es := make([]events.Recorded, len(b.Events))
			for i, e := range b.Events {
				e.At = c.at(e.Position)
				es[i] = e
			}
			b.Events = es
			if !yield(b, err) {
				return
			}
		}
	}
}

func newCity(t testing.TB, seed uint64) *city { return newCityOf(t, seed, 4) }

func newCityOf(t testing.TB, seed uint64, homes int) *city {
	t.Helper()
	began := time.Date(2026, 4, 1, 1, 0, 0, 0, time.UTC)
	keys := &erasable{}
	c := &city{t: t, rand: rand.New(rand.NewPCG(seed, 7)), reg: projections.Registry(keys), keys: keys, rev: map[events.Stream]events.Revision{}, burials: map[string]ecoburial.Completed{},
		today: "2026-04-01", lists: map[domain.CreditCode]pricing.Published{}, suspected: map[domain.CreditCode][]uuid.UUID{}, confirmed: map[domain.CreditCode][]uuid.UUID{},
		store: &clocked{memory.New(), func(p events.Position) time.Time { return began.Add(time.Duration(p) * 7 * time.Minute) }}}
	c.add(credit.PolicyCategory, "dl", credit.PolicyAdopted{PolicyVersion: testPolicy("v1", "2026-01-01", 80)})
	c.add(pricing.CatalogueCategory, "210200", pricing.Adopted{Version: 1, Document: "大连市殡葬服务收费目录清单 2026 年第 1 版（演示）", EffectiveFrom: "2026-01-01"})
	for i := range homes {
		division := []domain.Division{"210202", "210211", "210212", "210281"}[i%4]
		code, err := domain.NewCreditCode(fmt.Sprintf("1221020042200%03dA", i+1))
		if err != nil {
			t.Fatal(err)
		}
		c.homes = append(c.homes, code)
		c.add(institution.Category, string(code), institution.Registered{CreditCode: code, NameZh: fmt.Sprintf("演示殡仪馆%d", i+1), NameEn: fmt.Sprintf("Demo Home %d", i+1),
			Kind: institution.FuneralHome, Division: division, Operator: institution.Government, Fictitious: true})
		for _, r := range []institution.ResourceAdded{
			{Resource: "hall-1", Kind: institution.Hall, NameZh: "一号厅", Opens: "08:00", Closes: "16:00", SlotMinutes: 60, BufferMinutes: 30, Capacity: 60},
			{Resource: "furnace-1", Kind: institution.Furnace, NameZh: "一号炉", Opens: "08:00", Closes: "16:00", SlotMinutes: 60, Capacity: 1},
		} {
			c.add(institution.Category, string(code), r)
		}
		c.publish(code)
	}
	return c
}

func testPolicy(version string, from domain.Date, base int) credit.PolicyVersion {
	return credit.PolicyVersion{Version: version, EffectiveFrom: from, Base: base, Max: 100, BonusCap: 20, BonusMonths: 12, EscalateNth: 2, EscalateMonths: 12,
		Grades: []credit.Grade{{Grade: "A", NameZh: "优秀", Min: 90, Max: 100}, {Grade: "B", NameZh: "良好", Min: 75, Max: 89}, {Grade: "C", NameZh: "一般", Min: 60, Max: 74}, {Grade: "D", NameZh: "较差", Min: 0, Max: 59}},
		Severities: map[credit.Severity]credit.SeverityPeriod{
			credit.Minor:   {NameZh: "轻微", MaxMonths: 3, RetentionMonths: 3},
			credit.General: {NameZh: "一般", MinMonths: 3, MaxMonths: 12, RetentionMonths: 12, Published: true},
			credit.Severe:  {NameZh: "严重", MinMonths: 12, MaxMonths: 36, RetentionMonths: 36, Published: true}},
		Rules: []credit.Rule{
			{Code: "P01", NameZh: "未公示", NameEn: "not posted", Severity: credit.Minor, Points: 3, PeriodCap: 9, Basis: "价格法", BasisFound: true},
			{Code: "P04", NameZh: "加价", NameEn: "surcharge", Severity: credit.General, Points: 6, PeriodCap: 18},
			{Code: "S02", NameZh: "伪造火化证明", NameEn: "forged certificate", Severity: credit.Severe, Points: 40, PeriodCap: 100, GradeCeiling: "D"}},
		Bonuses: []credit.Bonus{{Code: "G05", NameZh: "主动降价", NameEn: "lowered prices", Points: 2}, {Code: "G02", NameZh: "生态", NameEn: "eco", Points: 15}}}
}

// id is a uuid that follows from the seed.
func (c *city) id() uuid.UUID {
	var u uuid.UUID
	for i := range u {
		u[i] = byte(c.rand.Uint32())
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u
}

func (c *city) add(category, id string, e any) events.Position {
	c.t.Helper()
	typ, data, err := c.reg.Encode(c.t.Context(), e)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.append(category, id, events.New{ID: c.id(), Type: typ, Data: data})
}

func (c *city) append(category, id string, e events.New) events.Position {
	c.t.Helper()
	st := events.Stream(category + "-" + id)
	rev, pos, err := c.store.Append(c.t.Context(), st, c.rev[st], e)
	if err != nil {
		c.t.Fatal(err)
	}
	c.rev[st] = rev
	return pos
}

func pick[T any](c *city, from []T) T { return from[c.rand.IntN(len(from))] }

func (c *city) publish(code domain.CreditCode) events.Position {
	l, ok := c.lists[code]
	if !ok {
		l = pricing.Published{Precision: pricing.ToDay, InstitutionName: "演示殡仪馆", Division: "210211", CatalogueVersion: 1, Attester: "staff-0102", Rows: []pricing.Row{
			{Code: "TRN-STD", NameZh: "遗体接运（普通车）", NameEn: "Transport", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: 20000, PriceMax: 20000},
			{Code: "ASH-DEP", NameZh: "骨灰寄存（4–7 层）", Category: pricing.AshStorage, PricingType: pricing.GovGuidedBasic, Unit: "元/年", Price: 15000, PriceMax: 15000},
			{Code: "ASH-DEP", NameZh: "骨灰寄存（1、10 层）", Category: pricing.AshStorage, PricingType: pricing.GovGuidedBasic, Unit: "元/年", Price: 6000, PriceMax: 6000},
			{Code: "SEA", NameZh: "骨灰海葬", Category: pricing.EcoBurial, PricingType: pricing.Free, Unit: "元/具"},
			{Code: "GRM", NameZh: "=特殊整容", Category: pricing.Grooming, PricingType: pricing.ReferenceRange, Unit: "元/次", PriceMin: 200050, PriceMax: 500000, Note: "先出方案"},
		}}
	}
	l.Version++
	l.EffectiveFrom = c.today
	l.Rows = append([]pricing.Row(nil), l.Rows...)
	if l.Version > 1 {
		l.Rows[0].Price = domain.Money(15000 + 100*c.rand.Int64N(50))
		if c.rand.IntN(3) == 0 {
			l.Rows = append(l.Rows, pricing.Row{Code: fmt.Sprintf("NEW-%d", l.Version), NameZh: "新项目", Category: pricing.Venue, PricingType: pricing.Market, Unit: "元/次", Price: 100})
		}
	}
	c.lists[code] = l
	return c.add(pricing.PriceListCategory, string(code), l)
}

// live lets n things happen, on days that go on.
func (c *city) live(n int) (last events.Position) {
	c.t.Helper()
	for range n {
		if c.rand.IntN(4) == 0 {
			c.today = c.today.AddDays(1)
		}
		home := pick(c, c.homes)
		k := c.rand.IntN(100)
		switch {
		case k < 55:
			last = c.oneCase(home)
		case k < 70:
			last = c.bury(home)
		case k < 74:
			last = c.publish(home)
		case k < 80:
			id := c.id()
			c.suspected[home] = append(c.suspected[home], id)
			last = c.add(credit.LedgerCategory, string(home), credit.Suspected{Suspicion: id, Rule: "P04", Fact: "case:" + id.String(), SourceEvent: c.id(), Basis: "价格法"})
		case k < 88:
			last = c.decide(home)
		case k < 92:
			last = c.add(credit.LedgerCategory, string(home), c.bonus(home))
		case k < 96:
			last = c.end(home)
		case k < 97:
			last = c.add(institution.Category, string(home), institution.Renamed{NameZh: "新名" + c.id().String()[:4], NameEn: "Renamed"})
		case k < 98:
			last = c.add(credit.PolicyCategory, "dl", credit.PolicyAdopted{PolicyVersion: testPolicy("v"+c.id().String()[:6], c.today, 70+c.rand.IntN(15))})
		default:
			last = c.add(institution.Category, string(home), institution.ResourceAdded{Resource: "bay-" + c.id().String()[:6], Kind: institution.ColdBay, NameZh: "冷柜",
				Opens: "00:00", Closes: "24:00", SlotMinutes: 720, Capacity: 4})
		}
	}
	return last
}

func (c *city) bonus(home domain.CreditCode) credit.BonusGranted {
	b := credit.BonusGranted{Entry: c.id(), Rule: "G05", Policy: "v1", Points: 2, Fact: "G05/" + string(c.today), Document: "演示奖字", DecidedOn: c.today}
	if c.rand.IntN(3) == 0 {
		b.Rule, b.Points = "G02", 15
	}
	c.confirmed[home] = append(c.confirmed[home], b.Entry)
	return b
}

func (c *city) decide(home domain.CreditCode) events.Position {
	open := c.suspected[home]
	if len(open) == 0 {
		return c.publish(home)
	}
	c.suspected[home] = open[1:]
	if c.rand.IntN(4) == 0 {
		return c.add(credit.LedgerCategory, string(home), credit.Dismissed{Suspicion: open[0], Reason: "查无实据"})
	}
	c.add(credit.LedgerCategory, string(home), credit.Notified{Suspicion: open[0], Document: "演示告字", AnswerBy: c.today.AddDays(7)})
	if c.rand.IntN(2) == 0 {
		c.add(credit.LedgerCategory, string(home), credit.Answered{Suspicion: open[0], Document: "演示答字"})
	}
	x := pick(c, []credit.Confirmed{
		{Rule: "P01", Points: 3, Severity: credit.Minor}, {Rule: "P04", Points: 6, Severity: credit.General}, {Rule: "P04", Points: 6, Severity: credit.General},
		{Rule: "S02", Points: 40, Severity: credit.Severe, GradeCeiling: "D"}})
	x.Entry, x.Suspicion, x.Policy, x.Fact, x.Document, x.Officers = c.id(), open[0], "v1", "case", "演示认字", [2]string{"staff-1", "staff-2"}
	x.DecidedOn = c.today.AddDays(-c.rand.IntN(40))
	c.confirmed[home] = append(c.confirmed[home], x.Entry)
	return c.add(credit.LedgerCategory, string(home), x)
}

// disputes adds what may follow a decision: the timetable told with it,
// objections and requests for repair, open and decided.
func (c *city) disputes() (last events.Position) {
	on := func(home domain.CreditCode, e credit.LedgerEvent) {
		last = c.add(credit.LedgerCategory, string(home), e)
	}
	for i, home := range c.homes {
		for j, entry := range c.confirmed[home] {
			on(home, credit.RepairTold{Entry: entry, RepairableFrom: c.today, CountsUntil: c.today.AddMonths(12)})
			if (i+j)%3 == 0 {
				o := c.id()
				on(home, credit.Objected{Objection: o, Entry: entry, Document: "演示异字", FiledOn: c.today, DecideBy: c.today.AddDays(7)})
				on(home, credit.ObjectionExtended{Objection: o, Reason: "需其他部门核查", DecideBy: c.today.AddDays(9)})
				if j%2 == 0 {
					on(home, credit.ObjectionDecided{Objection: o, Document: "演示复字", Reason: "事实清楚", DecidedOn: c.today})
				}
			}
			if (i+j)%3 == 1 {
				on(home, credit.RepairRequested{Entry: entry, Document: "演示申字", FiledOn: c.today, DecideBy: c.today.AddDays(14)})
				switch j % 3 {
				case 0:
					on(home, credit.RepairRefused{Entry: entry, Document: "演示拒字", Reason: "还没有退清", DecidedOn: c.today})
				case 1:
					on(home, credit.Repaired{Entry: entry, Document: "演示修字", RepairedOn: c.today})
				}
			}
		}
		id := c.id()
		on(home, credit.Suspected{Suspicion: id, Rule: "P04", Fact: "case:" + id.String(), Basis: "价格法"})
		on(home, credit.ConfirmationProposed{Suspicion: id, Entry: c.id(), Document: "演示认字", DecidedOn: c.today, By: "staff-1"})
	}
	return last
}

func (c *city) end(home domain.CreditCode) events.Position {
	es := c.confirmed[home]
	if len(es) == 0 {
		return c.bury(home)
	}
	c.confirmed[home] = es[1:]
	if c.rand.IntN(2) == 0 {
		return c.add(credit.LedgerCategory, string(home), credit.Revoked{Entry: es[0], Document: "演示撤字", Reason: "事实不清", RevokedOn: c.today})
	}
	return c.add(credit.LedgerCategory, string(home), credit.Repaired{Entry: es[0], Document: "演示修字", RepairedOn: c.today})
}

var burialTypes = []struct {
	code string
	land int
}{{"SEA", 0}, {"TREE_BIO", 1000}, {"DEEP_ASH", 0}, {"DEEP_BODY", 40_000}, {"TREE_KEEP", 2500}, {"NICHE", 0}, {"WALL", 500}, {"SMALL_PLOT", 5000}, {"STD_PLOT", 10_000}, {"TEMP_DEPOSIT", 0}}

func (c *city) bury(home domain.CreditCode) events.Position {
	on := c.today.AddDays(-c.rand.IntN(20))
	if c.rand.IntN(30) == 0 {
		on = ""
	}
	typ, person := pick(c, burialTypes), domain.Subject(c.id().String())
	division := pick(c, []domain.Division{"210202", "210211", "210212", "210281", "210283"})
	if typ.land > 0 || c.rand.IntN(2) == 0 {
		return c.add(cemetery.PlotCategory, string(home)+".A-"+c.id().String()[:8], cemetery.PlotInterred{Right: "R", Person: person, Certificate: "C", EcoType: typ.code,
			Definition: "dl-eco-2026.1", Institution: home, Division: division, AreaCM2: typ.land + c.rand.IntN(500), InterredOn: on})
	}
	id := c.id().String()
	done := ecoburial.Completed{Type: typ.code, Definition: "dl-eco-2026.1", Institution: home, Division: division,
		Person: person, Certificate: "C", CompletedOn: on, LandCM2: typ.land}
	at := c.add(ecoburial.BurialCategory, id, done)
	c.completed = append(c.completed, id)
	c.burials[id] = done
	if !c.eco {
		return at
	}
	switch c.rand.IntN(6) {
	case 0:
		return c.correct(pick(c, c.completed))
	case 1:
		plot := string(home) + ".B-" + c.id().String()[:8]
		c.add(cemetery.CemeteryCategory, string(home), cemetery.CemeteryEstablished{Cemetery: home, NameZh: "演示公墓", Class: pick(c, cemetery.Classes), Division: division})
		c.add(cemetery.PlotCategory, plot, cemetery.PlotSurveyed{Cemetery: home, Division: division, Plot: "B", Kind: cemetery.Grave, EcoType: "SMALL_PLOT", Capacity: 2, AreaCM2: 5000})
		at = c.add(cemetery.PlotCategory, plot, cemetery.PlotAllocated{Right: "R", Applicant: person, Deceased: person, Ground: cemetery.CremationCertificate, Contract: "C", TermUntil: "2046-01-01"})
		if c.rand.IntN(2) == 0 {
			at = c.add(cemetery.PlotCategory, plot, cemetery.PlotSurrendered{Right: "R", Reason: "家属放弃", Persons: []domain.Subject{person}})
		}
	case 2:
		at = c.add(ecoburial.RulebookCategory, "210200", ecoburial.TargetSet{Share: ecoburial.BroadShare, Year: on.Year(), PerMille: c.rand.IntN(1000), Document: "演示文件"})
	}
	return at
}

// correct says of an eco-burial that it was another day, place or type.
func (c *city) correct(id string) events.Position {
	b := c.burials[id]
	was := ecoburial.Told{Type: b.Type, Division: b.Division, CompletedOn: b.CompletedOn, LandCM2: b.LandCM2}
	switch c.rand.IntN(4) {
	case 0:
		if b.CompletedOn == "" { // the day has become known
			b.CompletedOn = c.today.AddDays(-30)
		}
		b.CompletedOn = b.CompletedOn.AddMonths(-c.rand.IntN(2)).AddDays(-1)
	case 1:
		b.Division = pick(c, []domain.Division{"210202", "210211", "210283", "210100"})
	case 2:
		b.Type = pick(c, burialTypes).code
	default:
		b.LandCM2 += 100
	}
	c.burials[id] = b
	return c.add(ecoburial.BurialCategory, id, ecoburial.Corrected{Type: b.Type, Division: b.Division, CompletedOn: b.CompletedOn, LandCM2: b.LandCM2, Was: was, Reason: "核对", Paper: "DJ"})
}

// ecology adds what only the eco-burial ratio learns of.
func (c *city) ecology() (last events.Position) {
	c.t.Helper()
	c.eco = true
	d := ecoburial.Default()
	d.ID = "dl-eco-2026.2"
	c.add(ecoburial.RulebookCategory, "210200", ecoburial.DefinitionAdopted{Definition: d, From: "2026-07-01", Document: "演示文件"})
	for range 40 {
		c.bury(pick(c, c.homes))
	}
	c.freeze(c.today.Month(), c.today.AddMonths(3).Start(), d)
	for range 20 {
		last = c.bury(pick(c, c.homes))
	}
	return last
}

// sail adds what only the voyages learn of: one that sails and one that the
// weather cancels.
func (c *city) sail() (last events.Position) {
	c.t.Helper()
	departs := c.today.Start().Add(9 * time.Hour)
	for i, number := range []string{"V-1", "V-2"} {
		add := func(e any) { last = c.add(ecoburial.VoyageCategory, number, e) }
		add(ecoburial.VoyageOpened{Number: number, Operator: c.homes[0], Vessel: "演示一号", Licence: "L", Seats: 40, SeaArea: "演示海域", Pier: "演示码头", Division: "210202", Departs: departs})
		a, b := c.id(), c.id()
		add(ecoburial.SeatsTaken{Burial: a, Person: "p1", Applicant: "p2", Relatives: 2, Seats: 2})
		add(ecoburial.SeatsTaken{Burial: b, Person: "p3", Applicant: "p4", Relatives: 3, Seats: 3})
		if i == 1 {
			add(ecoburial.SeatsFreed{Burial: a, Why: ecoburial.ByFamily})
			add(ecoburial.VoyageCancelled{Reason: ecoburial.Weather, Document: "D", Bookings: []uuid.UUID{b}})
			break
		}
		add(ecoburial.VoyageDeparted{At: departs, Manifest: []ecoburial.ManifestRow{{Row: 1, Burial: a, Person: "p1", Relatives: 2}, {Row: 2, Burial: b, Person: "p3", Relatives: 3}}})
		add(ecoburial.AshesScattered{Burial: a, Person: "p1", Certificate: "HZ-V-1-01", SeaArea: "演示海域", Degradable: true, At: departs})
		add(ecoburial.AshesBroughtBack{Burial: b, Reason: "R"})
		add(ecoburial.VoyageEnded{Scattered: 1, BroughtBack: 1, At: departs})
	}
	return last
}

// wish is a family's application for an eco-burial, beside one whose case is on
// no record.
func (c *city) wish(f *funeral) events.Position {
	c.add(ecoburial.BurialCategory, uuid.NewSHA1(f.id, []byte("elsewhere")).String(), ecoburial.Applied{Type: "SEA", Definition: "dl-eco-2026.1", Institution: f.home, Division: "210202", Person: "p9", Applicant: "p8"})
	return c.add(ecoburial.BurialCategory, uuid.NewSHA1(f.id, []byte("wish")).String(), ecoburial.Applied{Type: "SEA", Definition: "dl-eco-2026.1", Institution: f.home, Division: "210202", Case: f.id, Person: f.deceased, Applicant: f.handler})
}

// freeze publishes a month as the program does.
func (c *city) freeze(month string, now time.Time, ds ...ecoburial.Definition) {
	c.t.Helper()
	cells, at, err := ecoratio.Cells(c.t.Context(), c.store, c.reg, "210200", month)
	if err != nil {
		c.t.Fatal(err)
	}
	es, err := ecoburial.Figures.Decide(ecoburial.Figures.Initial, ecoburial.PublishFigures{Act: domain.Act{ID: c.id(), By: "policy:figures", Now: now}, Division: "210200", Month: month,
		Position: uint64(at), Cells: cells, Definitions: ds, Day: 10})
	if err != nil {
		c.t.Fatal(err)
	}
	c.add(ecoburial.FiguresCategory, ecoburial.FiguresID("210200", month), es[0])
}

// oneCase books a hall and a furnace.
func (c *city) oneCase(home domain.CreditCode) (last events.Position) {
	c.cases++
	id := c.id().String()
	for i, resource := range []string{"hall-1", "furnace-1"} {
		n := c.cases*2 + i
		day := c.today.AddDays(n / 8)
		start := domain.Clock(fmt.Sprintf("%02d:00", 8+n%8)).On(day).UTC()
		st := schedule.ID(string(home), resource, day)
		slot := schedule.SlotName(start) + "-" + id[:4]
		c.add(schedule.Category, st, schedule.Held{Slot: slot, Start: start, End: start.Add(time.Hour), Case: id, Until: start.Add(-time.Hour)})
		switch c.rand.IntN(4) {
		case 0:
			last = c.add(schedule.Category, st, schedule.Released{Slot: slot, Case: id, Reason: schedule.Expired})
		case 1:
		default:
			last = c.add(schedule.Category, st, schedule.Confirmed{Slot: slot, Case: id})
		}
	}
	return last
}

// drawn is a renderer that shows everything and nothing else.
var drawn = pricepages.Renderer{Fingerprint: "test", List: func(p pricepages.Page) (map[string][]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s next %d\n", p.NameZh, p.Version.Version, p.Effective(), p.Next)
	for _, r := range p.Rows {
		fmt.Fprintln(&b, r.NameZh)
		for _, m := range []*domain.Money{r.Price, r.PriceMin, r.PriceMax} {
			if m != nil {
				fmt.Fprintln(&b, *m)
			}
		}
	}
	return map[string][]byte{"zh": []byte(b.String())}, nil
}, History: func(h pricepages.History) (map[string][]byte, error) {
	return map[string][]byte{"zh": fmt.Appendf(nil, "%d versions", len(h.Versions))}, nil
}}

// upkeep closes the halls for a while: maintenance and blocks, some of them
// taken back.
func (c *city) upkeep() (last events.Position) {
	const day = domain.Date("2030-05-01")
	for _, home := range c.homes {
		at := func(clock domain.Clock) time.Time { return clock.On(day).UTC() }
		c.add(institution.Category, string(home), institution.ResourceTimed{Resource: "hall-1", Durations: []institution.Duration{{Code: "HAL-S", Minutes: 60}},
			CleanDown: []institution.Span{{From: "12:00", To: "13:00"}}})
		for _, w := range []string{"m-1", "m-2"} {
			c.add(institution.Category, string(home), institution.MaintenancePlanned{Window: w, Resource: "hall-1", From: at("14:00"), To: at("15:00"), Reason: "年检"})
			c.add(schedule.Category, schedule.ID(string(home), "hall-1", day), schedule.Blocked{Block: "maintenance-" + w, Start: at("14:00"), End: at("15:00"), Kind: schedule.Maintenance})
		}
		c.add(institution.Category, string(home), institution.MaintenanceCancelled{Window: "m-2", Reason: "改期"})
		c.add(institution.ParametersCategory, string(home), institution.ParameterSet{Name: institution.BookingDays, Value: "14", Unit: "day", Reason: "清明"})
		last = c.add(schedule.Category, schedule.ID(string(home), "hall-1", day), schedule.Unblocked{Block: "maintenance-m-2"})
	}
	return last
}

// version is that of a read model.
func version(name string) int {
	for _, p := range readModels() {
		if p.Name() == name {
			return p.Version()
		}
	}
	return 0
}

func readModels() []projections.Projection {
	return []projections.Projection{servicecredit.Projection{}, ecoratio.Projection{}, pricepages.Projection{Renderer: drawn}, availability.Projection{},
		search.Projection{}, frontdesk.Projection{}, tracking.Projection{}, places.Projection{}, voyages.Projection{}, tlog.Projection{}, watch.Projection{}, oversight.Projection{}}
}

func (c *city) config(dir string) projections.Config {
	return projections.Config{Dir: dir, Store: c.store, Registry: c.reg, Projections: readModels(), Logger: quietLog}
}

func (c *city) open(cfg projections.Config) *projections.Runner {
	c.t.Helper()
	r, err := projections.Open(c.t.Context(), cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return r
}

func (c *city) verify(dir string) projections.VerifyReport {
	c.t.Helper()
	report, err := projections.Verify(c.t.Context(), projections.VerifyConfig{Dir: dir, Store: c.store, Registry: c.reg, Projections: readModels()})
	if err != nil {
		c.t.Fatal(err)
	}
	return report
}
