package projections_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/projections/places"
)

// A graveyard is a cemetery whose events come from the deciders themselves, and
// what they fold to.
type graveyard struct {
	*city
	of    domain.CreditCode
	state cemetery.CemeteryState
	plots map[string]cemetery.PlotState
	right map[string]cemetery.RightState
	now   time.Time
	n     int
}

func newGraveyard(c *city) *graveyard {
	g := &graveyard{city: c, of: c.homes[0], plots: map[string]cemetery.PlotState{}, right: map[string]cemetery.RightState{}, now: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)}
	g.state = cemetery.CemeteryState{Cemetery: g.of, NameZh: "崔屯村公墓（演示）", Class: cemetery.UrbanPublic, Division: "210281", Serves: []domain.Division{"210281", "210211"}, FoundedOn: "2006-04-05", Limits: cemetery.DefaultLimits}
	c.add(cemetery.CemeteryCategory, string(g.of), cemetery.CemeteryEstablished(g.state))
	return g
}

func (g *graveyard) act() domain.Act {
	return domain.Act{ID: g.id(), By: "staff-0301", Now: g.now, At: g.now}
}

// plot asks a plot, and says whether it took the command.
func (g *graveyard) plot(plot string, c cemetery.PlotCommand) bool {
	g.t.Helper()
	s := g.plots[plot]
	es, err := cemetery.Plot.Decide(s, c)
	if err != nil {
		return false
	}
	for _, e := range es {
		g.put(cemetery.PlotCategory, plot, e)
		s = cemetery.Plot.Evolve(s, e)
	}
	g.plots[plot] = s
	return true
}

func (g *graveyard) put(category, id string, e any) {
	g.t.Helper()
	typ, data, err := g.reg.Encode(g.t.Context(), e)
	if err != nil {
		g.t.Fatal(err)
	}
	g.append(category, string(g.of)+"."+id, events.New{ID: g.id(), Type: typ, Data: data, Occurred: g.now})
}

func (g *graveyard) ask(right string, c cemetery.RightCommand) {
	g.t.Helper()
	s := g.right[right]
	es, err := cemetery.Right.Decide(s, c)
	if err != nil {
		g.t.Fatalf("%T: %v", c, err)
	}
	for _, e := range es {
		g.put(cemetery.RightCategory, right, e)
		s = cemetery.Right.Evolve(s, e)
	}
	g.right[right] = s
}

func (g *graveyard) survey(plot string, capacity, area int) {
	g.t.Helper()
	if !g.plot(plot, cemetery.Survey{Act: g.act(), Cemetery: g.state, Plot: plot, Section: "甲区", Row: plot[2:4], Seat: plot[5:], Kind: cemetery.Grave, EcoType: "STD_PLOT", Capacity: capacity,
		AreaCM2: area, StoneHeightCM: 60, WidthCM: 80, DepthCM: 100, Spot: cemetery.Spot{LonE7: 1215000000 + g.n*100, LatE7: 389000000}}) {
		g.t.Fatalf("%s was not surveyed", plot)
	}
	g.n++
}

func (g *graveyard) allocate(plot, right string, who domain.Subject) cemetery.Allocate {
	return cemetery.Allocate{Act: g.act(), Right: right, Applicant: "applicant", Deceased: who, Ground: cemetery.CremationCertificate, Certificate: "DL-1", CertificateHolds: true, Hukou: "210211",
		Contract: "HT-1", TermUntil: "2046-11-22", FeeFen: 300_00, Placed: "", Cemetery: g.state}
}

func (g *graveyard) inter(right string, who domain.Subject) cemetery.Inter {
	return cemetery.Inter{Act: g.act(), Right: right, Person: who, Certificate: "DL-1", CertificateHolds: true, Released: true, Definition: "dl-eco-2026.1",
		Standing: cemetery.Standing{Right: right, Holder: "applicant", Until: "2046-11-22"}, Consent: cemetery.Consent{By: "applicant", Paper: "SQ-1"}}
}

// TestPlacesEqualAFold: random histories of plots, and what the read model shows
// equals what folding each plot's own stream comes to.
func TestPlacesEqualAFold(t *testing.T) {
	c := newCityOf(t, 41, 1)
	g := newGraveyard(c)
	taken := 0
	var names []string
	for i := range 40 {
		p := fmt.Sprintf("A-%02d-%02d", i/8+1, i%8+1)
		names = append(names, p)
		g.survey(p, 1+i%2, []int{8_000, 13_100}[i/37])
	}
	for range 900 {
		p := pick(c, names)
		s := g.plots[p]
		who := domain.Subject(fmt.Sprint(p, " ", c.rand.IntN(3)))
		var ok bool
		switch c.rand.IntN(9) {
		case 0, 1, 2:
			ok = g.plot(p, g.allocate(p, "R-"+p, who))
		case 3, 4:
			ok = g.plot(p, g.inter(s.Right, who))
		case 5:
			ok = c.rand.IntN(3) == 0 && g.plot(p, cemetery.Surrender{Act: g.act(), Right: s.Right, Reason: "—", Paper: "TH-1"})
		case 6:
			ok = g.plot(p, cemetery.Vacate{Act: g.act(), Person: who, Relocation: "x", Lifted: true})
		case 7:
			ok = g.plot(p, pick(c, []cemetery.PlotCommand{cemetery.Hold{Act: g.act(), Round: "r1"}, cemetery.EndHold{Act: g.act(), Round: "r1"}, cemetery.Reopen{Act: g.act(), Document: "演示字 1"}}))
		default:
			ok = g.plot(p, pick(c, []cemetery.PlotCommand{cemetery.Lapse{Act: g.act(), Standing: cemetery.Standing{Right: s.Right, Lapsed: true}},
				cemetery.Extend{Act: g.act(), Standing: cemetery.Standing{Right: s.Right, Until: "2050-01-01"}},
				cemetery.Measure{Act: g.act(), AreaCM2: 8_000 + c.rand.IntN(4_000), StoneHeightCM: 80 + c.rand.IntN(40), Cemetery: g.state}}))
		}
		if ok {
			taken++
		}
	}
	if taken < 200 {
		t.Fatalf("only %d commands were taken", taken)
	}
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := places.Reader{DB: r.Read(places.Name)}

	got, err := q.Places(t.Context(), g.of)
	if err != nil || len(got) != len(names) {
		t.Fatal(len(got), err)
	}
	count := map[places.Status]int{}
	persons := 0
	for _, p := range got {
		s := g.plots[p.Plot]
		want := s.Status()
		if want == cemetery.Vacant && len(s.Exceeded) > 0 {
			want = places.Barred
		}
		count[want]++
		persons += len(s.Interred)
		var exceeded []places.Exceeded
		for _, x := range s.Exceeded {
			exceeded = append(exceeded, places.Exceeded{Rule: x.Rule, Measured: x.Measured, Limit: x.Limit})
		}
		if p.Status() != want || p.Right != s.Right || p.Until != s.TermUntil || p.Given != len(s.Places) || p.Resting != len(s.Interred) || p.Emptied != s.Emptied || p.Held != s.Held || p.Lapsed != s.Lapsed || !cmp.Equal(p.Exceeded, exceeded) {
			t.Errorf("%s shows %+v, the log says %s %q %s, %d given, %d resting, %d emptied", p.Plot, p, want, s.Right, s.TermUntil, len(s.Places), len(s.Interred), s.Emptied)
		}
		if one, err := q.Place(t.Context(), g.of, p.Plot); err != nil || !cmp.Equal(one, p) {
			t.Errorf("%s alone: %+v %v", p.Plot, one, err)
		}
		if p.Public() == cemetery.LapsedUse {
			t.Errorf("%s tells the public that its use lapsed", p.Plot)
		}
	}
	if len(count) < 6 {
		t.Fatalf("the histories reach only %v", count)
	}
	x, err := q.Cemetery(t.Context(), g.of)
	if err != nil || x.Places != len(names) || x.Persons != persons || x.Division != "210281" || len(x.Serves) != 2 || x.Limits != cemetery.DefaultLimits {
		t.Errorf("%+v %v", x, err)
	}
	if d := cmp.Diff(count, x.Count); d != "" {
		t.Error(d)
	}
	all, err := q.Cemeteries(t.Context())
	if err != nil || len(all) != 1 || !cmp.Equal(all[0], x) {
		t.Errorf("%+v %v", all, err)
	}
	if _, err := q.Cemetery(t.Context(), "nobody"); err != places.ErrNotFound {
		t.Error(err)
	}
	if _, err := q.Place(t.Context(), g.of, "Z-1"); err != places.ErrNotFound {
		t.Error(err)
	}
}

// graves are a cemetery of three places: one whose term ends soon, one too large,
// one from which somebody is to be moved.
func (c *city) graves() *graveyard {
	c.t.Helper()
	g := newGraveyard(c)
	g.survey("A-01-01", 2, 8_000)
	g.survey("A-01-02", 1, 13_100)
	g.survey("A-01-03", 1, 8_000)
	g.now = time.Date(2007, 4, 5, 1, 0, 0, 0, time.UTC)
	a := g.allocate("A-01-01", "R1", "su")
	a.TermUntil = "2027-03-28"
	if !g.plot("A-01-01", a) || !g.plot("A-01-01", g.inter("R1", "su")) {
		c.t.Fatal("not allocated")
	}
	g.ask("R1", cemetery.Grant{Act: g.act(), Allocated: g.plots["A-01-01"].Places[0], Cemetery: g.of, Plot: "A-01-01"})
	g.now = time.Date(2026, 4, 1, 1, 0, 0, 0, time.UTC)
	g.ask("R1", cemetery.ServeNotice{Act: g.act(), Stage: -12, Channel: cemetery.InPerson, To: "applicant", ServedOn: "2026-04-01", Proof: "SD-1"})
	g.ask("R1", cemetery.PayUpkeep{Act: g.act(), Until: "2027-03-31", AmountFen: 20_00, Receipt: "WH-1"})
	a = g.allocate("A-01-03", "R3", "luo")
	a.TermUntil = "2046-03-31"
	if !g.plot("A-01-03", a) || !g.plot("A-01-03", g.inter("R3", "luo")) {
		c.t.Fatal("not allocated")
	}
	move := c.id().String()
	c.add(cemetery.RelocationCategory, move, cemetery.RelocationRequested{Cemetery: g.of, Plot: "A-01-03", Right: "R3", Persons: []domain.Subject{"luo"}, Cause: cemetery.FamilyWish, Paper: "QZ-1", To: cemetery.Destination{Kind: cemetery.ToAway, Place: "沈阳"}})
	c.add(cemetery.RelocationCategory, move, cemetery.RelocationPermitted{Permit: "ZM-1", Authority: "—", From: "2026-11-01", Until: "2026-12-01"})
	list := c.lists[g.of] // the newest that there is
	list.Version += 2
	c.lists[g.of] = list
	c.add(pricing.PriceListCategory, string(g.of), pricing.Published{Version: list.Version - 1, EffectiveFrom: "2026-06-01", Basis: "价字 1", Rows: []pricing.Row{
		{Code: "GRV-1", NameZh: "墓位使用费", Category: pricing.BurialPlot, PricingType: pricing.GovGuided, Unit: "元/位", Price: 300_00}, {Code: "CRM", NameZh: "火化", Category: pricing.Cremation},
		{Code: "MNT-1", NameZh: "维护费", Category: pricing.Maintenance, PricingType: pricing.VillageCost, Unit: "元/位·年", Price: 20_00}}})
	c.add(pricing.PriceListCategory, string(g.of), pricing.Published{Version: list.Version, EffectiveFrom: "2027-01-01"})
	return g
}

// beyond adds what was asked for and refused, and two rounds.
func (g *graveyard) beyond() *graveyard {
	c := g.city
	c.t.Helper()
	g.ask("R1", cemetery.Transfer{Act: g.act(), PaidFen: 30_000_00})
	if !g.plot("A-01-02", cemetery.RefuseAllocation{Allocate: g.allocate("A-01-02", "R2", "he")}) {
		c.t.Fatal("no refusal is kept")
	}
	for i, e := range []cemetery.RoundEvent{cemetery.RoundAnnounced{Cemetery: g.of, Round: "2026-2", Places: []string{"A-01-04", "A-01-05"}, Mode: cemetery.ByDraw, Closes: g.now, NoticeNo: "GG-2"},
		cemetery.RoundApplied{Application: "a-1"}, cemetery.RoundApplied{Application: "a-2"}, cemetery.RoundWithdrawn{Application: "a-1"}, cemetery.RoundDrawn{},
		cemetery.RoundAnnounced{Cemetery: g.of, Round: "2026-3", Places: []string{"A-01-06"}, Mode: cemetery.ByWaiting, Closes: g.now.Add(time.Hour), NoticeNo: "GG-3"},
		cemetery.RoundCancelled{Reason: cemetery.SeedLost, Document: "GG-4", At: g.now}} {
		c.add(cemetery.RoundCategory, string(g.of)+[]string{".2026-2", ".2026-3"}[i/5], e)
	}
	for i, e := range []cemetery.RepairEvent{
		cemetery.DamageReported{Cemetery: g.of, Plot: "A-01-01", Damage: cemetery.StoneDamage, ReportedOn: "2026-11-02", DueBy: "2026-11-16"}, cemetery.RepairLate{DueBy: "2026-11-16"}, cemetery.RepairDone{On: "2026-11-18"},
		cemetery.DamageReported{Cemetery: g.of, Plot: "A-01-02", Damage: cemetery.PathDamage, ReportedOn: "2026-11-20", DueBy: "2026-12-04"},
		cemetery.DamageReported{Cemetery: g.of, Plot: "A-01-02", Damage: cemetery.PathDamage, ReportedOn: "2026-11-21", DueBy: "2026-12-07"}, cemetery.RepairRefused{Reason: cemetery.ReportedTwice},
		cemetery.DamageReported{Cemetery: g.of, Plot: "A-01-03", Damage: cemetery.PlantDamage, ReportedOn: "2026-11-03", DueBy: "2026-11-17"}} {
		c.add(cemetery.RepairCategory, []string{"r1", "r1", "r1", "r2", "r3", "r3", "r4"}[i], e)
	}
	return g
}

// A right with its notices, a relocation, what is to be seen to, a year's figures
// and the fees.
func TestPlacesOffice(t *testing.T) {
	c := newCityOf(t, 42, 1)
	g := c.graves().beyond()
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := places.Reader{DB: r.Read(places.Name)}

	rs, err := q.Rights(t.Context(), g.of, "A-01-01", "", "9999-12-31", 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []places.Right{{Right: "R1", Plot: "A-01-01", Contract: "HT-1", GrantedOn: "2007-04-05", Until: "2027-03-28", UpkeepUntil: "2027-03-31", Status: "LIVE", GraceMonths: 24, Transfers: 1,
		Notices: []places.Notice{{Stage: -12, DueOn: "2026-03-28", ServedOn: "2026-04-01"}, {Stage: -6, DueOn: "2026-09-28"}, {Stage: -1, DueOn: "2027-02-28"}, {Stage: 3, DueOn: "2027-06-28"}}}}
	if d := cmp.Diff(want, rs); d != "" {
		t.Error(d)
	}
	ds, err := q.Attention(t.Context(), g.of, "2026-11-23", 10)
	if err != nil {
		t.Fatal(err)
	}
	var whats []string
	for _, d := range ds {
		whats = append(whats, d.Plot+" "+string(d.What))
	}
	if d := cmp.Diff([]string{"A-01-01 NOTICE", "A-01-03 PERMITTED", "A-01-02 EXCEEDED"}, whats); d != "" {
		t.Error(d)
	}
	if late, err := q.Attention(t.Context(), g.of, "2027-03-29", 10); err != nil || !slices.ContainsFunc(late, func(d places.Due) bool { return d.What == places.TermOver }) {
		t.Errorf("%+v %v", late, err)
	}
	xs, err := q.Relocations(t.Context(), g.of, "A-01-03")
	if err != nil || len(xs) != 1 || !xs[0].Open() || xs[0].Permit != "ZM-1" || xs[0].ToPlace != "沈阳" {
		t.Errorf("%+v %v", xs, err)
	}
	ys, err := q.Years(t.Context(), g.of)
	if err != nil {
		t.Fatal(err)
	}
	// The log records all of it in April 2026: what is of 2007 is late.
	if d := cmp.Diff([]places.Year{{Year: "2026", Allocated: 1, Interred: 1, FeeFen: 300_00, UpkeepFen: 20_00}, {Year: "2007", Allocated: 1, Interred: 1, Late: 1, FeeFen: 300_00}}, ys); d != "" {
		t.Error(d)
	}
	bs, err := q.Breaches(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]places.Breach{{Cemetery: g.of, Plot: "A-01-02", Code: "plot_area", Rule: "E-5", Asked: "13100", Limit: "10000"},
		{Cemetery: g.of, Plot: "A-01-01", Code: "right_no_transfer", Rule: "E-4", Asked: "3000000", Refused: true, On: "2026-04-01", Given: true},
		{Cemetery: g.of, Plot: "A-01-02", Code: "plot_area", Rule: "E-5", Asked: "13100", Limit: "10000", Refused: true, On: "2026-04-01"}}, bs); d != "" {
		t.Error(d)
	}
	if other, err := q.Breaches(t.Context(), "nobody"); err != nil || len(other) > 0 {
		t.Errorf("another cemetery: %+v %v", other, err)
	}
	rounds, err := q.Rounds(t.Context(), g.of, 10)
	if d := cmp.Diff([]places.Round{{Round: "2026-3", Notice: "GG-3", Mode: cemetery.ByWaiting, Closes: g.now.Add(time.Hour), Places: 1, Cancelled: true},
		{Round: "2026-2", Notice: "GG-2", Mode: cemetery.ByDraw, Closes: g.now, Places: 2, Applied: 1, Drawn: true}}, rounds); d != "" || err != nil {
		t.Error(d, err)
	}
	repairs, err := q.Repairs(t.Context(), g.of, 10)
	if d := cmp.Diff([]places.Repair{{ID: "r4", Plot: "A-01-03", Damage: cemetery.PlantDamage, Reported: "2026-11-03", Due: "2026-11-17"},
		{ID: "r2", Plot: "A-01-02", Damage: cemetery.PathDamage, Reported: "2026-11-20", Due: "2026-12-04"},
		{ID: "r3", Plot: "A-01-02", Damage: cemetery.PathDamage, Reported: "2026-11-21", Due: "2026-12-07", Refused: cemetery.ReportedTwice},
		{ID: "r1", Plot: "A-01-01", Damage: cemetery.StoneDamage, Reported: "2026-11-02", Due: "2026-11-16", Late: true, Done: "2026-11-18"}}, repairs); d != "" || err != nil {
		t.Error(d, err)
	}
	for since, want := range map[domain.Date]places.RepairCounts{"2025-11-23": {Open: 2, Overdue: 1, Done: 1, Refused: 1, Late: 1}, "2026-11-10": {Open: 2, Overdue: 1, Refused: 1}} {
		if got, err := q.RepairCounts(t.Context(), g.of, since, "2026-11-23"); got != want || err != nil {
			t.Errorf("since %s: %+v, want %+v (%v)", since, got, want, err)
		}
	}
	fees, err := q.Fees(t.Context(), g.of, "2026-11-23")
	if err != nil || fees.Version != 2 || len(fees.Rows) != 2 || fees.Rows[1].Price != 20_00 {
		t.Errorf("%+v %v", fees, err)
	}
	if fees, err = q.Fees(t.Context(), g.of, "2027-02-01"); err != nil || fees.Version != 3 || len(fees.Rows) != 0 {
		t.Errorf("%+v %v", fees, err)
	}
}

func TestComparePlots(t *testing.T) {
	names := []string{"A-10", "A-2", "B-1", "A-02b", "乙区", "A-2", "甲区"}
	slices.SortFunc(names, places.Compare)
	if d := cmp.Diff([]string{"A-2", "A-2", "A-02b", "A-10", "B-1", "甲区", "乙区"}, names); d != "" {
		t.Error(d)
	}
}
