package projections_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections/ecoratio"
)

// at sets the local time at which the log records what follows.
func (c *city) at(local string) {
	c.t.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", local, domain.Shanghai)
	if err != nil {
		c.t.Fatal(err)
	}
	from, before := events.Position(c.last()), c.store.at
	c.store.at = func(p events.Position) time.Time {
		if p > from {
			return t.UTC()
		}
		return before(p)
	}
}

// last is the position of the newest event.
func (c *city) last() events.Position {
	var at events.Position
	for _, r := range c.rev { // the memory store's revisions are positions
		at = max(at, events.Position(r))
	}
	return at
}

func (c *city) interred(on domain.Date, division domain.Division, typ string, area int) {
	c.t.Helper()
	c.add(cemetery.PlotCategory, string(c.homes[0])+"."+c.id().String()[:8], cemetery.PlotInterred{EcoType: typ, Definition: "dl-eco-2026.1",
		Institution: c.homes[0], Division: division, AreaCM2: area, InterredOn: on})
}

func (c *city) atSea(on domain.Date, division domain.Division) {
	c.t.Helper()
	c.add(ecoburial.BurialCategory, c.id().String(), ecoburial.Completed{Type: "SEA", Definition: "dl-eco-2026.1", Institution: c.homes[1], Division: division, CompletedOn: on})
}

func TestEcoRatio(t *testing.T) {
	c := newCity(t, 1)
	c.at("2026-10-31 23:30")
	c.atSea("2026-10-31", "210202")
	c.atSea("2026-09-30", "210202") // late
	c.interred("2026-10-02", "210211", "STD_PLOT", 10_000)
	c.interred("2026-10-03", "210211", "SMALL_PLOT", 4_000)
	c.interred("2026-10-03", "210211", "NICHE", 900)         // a way that takes no ground
	c.interred("2026-10-04", "210211", "DEEP_BODY", 40_000)  // more than a plot of 1 m²
	c.interred("2026-10-04", "210211", "TEMP_DEPOSIT", 0)    // no interment
	c.interred("2026-10-05", "210211", "NEW_WAY_2030", 5000) // that the definition does not know
	c.interred("", "210211", "SMALL_PLOT", 4_000)            // nobody knows when
	c.at("2026-11-01 00:10")
	c.interred("2026-10-31", "210281", "STD_PLOT", 10_000) // ten minutes later, and late
	c.interred("2026-11-01", "210281", "STD_PLOT", 10_000)

	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := ecoratio.Reader{DB: r.Read(ecoratio.Name)}

	months, err := q.Series(t.Context(), ecoratio.Month, ecoratio.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	want := []ecoratio.Period{
		{Period: "2026-09", Counts: ecoratio.Counts{Interments: 1, Strict: 1, Broad: 1, LandSavedCm2: 10_000, Late: 1}},
		{Period: "2026-10", Counts: ecoratio.Counts{Interments: 7, Strict: 2, Broad: 4, LandSavedCm2: 10_000 + 6_000 + 10_000 - 30_000, Late: 1}},
		{Period: "2026-11", Counts: ecoratio.Counts{Interments: 1}},
	}
	if d := cmp.Diff(want, months); d != "" {
		t.Error(d)
	}
	for unit, names := range map[ecoratio.Unit][]string{ecoratio.Quarter: {"2026-Q3", "2026-Q4"}, ecoratio.Year: {"2026"}} {
		ps, err := q.Series(t.Context(), unit, ecoratio.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, p := range ps {
			if n += p.Interments; p.Period != names[i] {
				t.Errorf("%s: %s", unit, p.Period)
			}
		}
		if len(ps) != len(names) || n != 9 {
			t.Errorf("%s: %d periods, %d interments", unit, len(ps), n)
		}
	}

	october, err := ecoratio.Filter{}.Period("2026-10")
	if err != nil || october.From != "2026-10-01" || october.Until != "2026-10-31" {
		t.Fatal(october, err)
	}
	districts, err := q.Districts(t.Context(), october)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]ecoratio.District{
		{Division: "210202", Counts: ecoratio.Counts{Interments: 1, Strict: 1, Broad: 1, LandSavedCm2: 10_000}},
		{Division: "210211", Counts: ecoratio.Counts{Interments: 5, Strict: 1, Broad: 3, LandSavedCm2: -14_000}},
		{Division: "210281", Counts: ecoratio.Counts{Interments: 1, Late: 1}},
	}, districts); d != "" {
		t.Error(d)
	}
	types, err := q.Types(t.Context(), october)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, x := range types {
		if got[x.Code] = x.Count; x.Counted == (x.Code == "TEMP_DEPOSIT") {
			t.Errorf("%s counts: %v", x.Code, x.Counted)
		}
	}
	if d := cmp.Diff(map[string]int{"SEA": 1, "DEEP_BODY": 1, "NICHE": 1, "SMALL_PLOT": 1, "STD_PLOT": 2, "TEMP_DEPOSIT": 1, "NEW_WAY_2030": 1}, got); d != "" {
		t.Error(d)
	}

	// No data stays absent.
	empty, err := ecoratio.Filter{Division: "210283"}.Period("2026-Q4")
	if err != nil {
		t.Fatal(err)
	}
	total, err := q.Total(t.Context(), empty)
	if _, known := ecoratio.Share(total.Strict, total.Interments); err != nil || known {
		t.Errorf("a share of nothing: %+v %v", total, err)
	}
	if ps, err := q.Series(t.Context(), ecoratio.Month, empty); err != nil || len(ps) != 0 {
		t.Errorf("periods of nothing: %v %v", ps, err)
	}
	total, err = q.Total(t.Context(), october)
	if share, known := ecoratio.Share(total.Broad, total.Interments); err != nil || !known || share != 4.0/7 {
		t.Error(share, known, err)
	}
	for place, want := range map[domain.Division]int{"210200": 7, "210000": 7, "210211": 5, "220000": 0} {
		f := october
		f.Division = place
		if c, err := q.Total(t.Context(), f); err != nil || c.Interments != want {
			t.Errorf("%s: %d, want %d (%v)", place, c.Interments, want, err)
		}
	}
	if n, err := q.Undated(t.Context(), ecoratio.Filter{}); err != nil || n != 1 {
		t.Error("undated:", n, err)
	}
	if first, last, err := q.Span(t.Context()); err != nil || first != "2026-09" || last != "2026-11" {
		t.Error(first, last, err)
	}

	// The rows behind a figure, page by page, each with its event.
	var after events.Position
	var seen []domain.Date
	for {
		rows, err := q.Interments(t.Context(), october, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		for _, i := range rows {
			if i.Source.Position <= after || i.Source.ID.Version() == 0 || i.Source.Recorded.IsZero() {
				t.Errorf("%+v", i)
			}
			after = i.Source.Position
			seen = append(seen, i.On)
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d rows: %v", len(seen), seen)
	}

	if _, err := q.Total(t.Context(), ecoratio.Filter{Definition: "unheard-of"}); err == nil {
		t.Error("counted under a definition that there is not")
	}
	if _, err := q.Series(t.Context(), "week", ecoratio.Filter{}); err == nil {
		t.Error("counted by weeks")
	}
	for _, name := range []string{"", "2026-13", "2026-Q5", "26", "2026-1", "2026-00"} {
		if f, err := (ecoratio.Filter{}).Period(name); err == nil {
			t.Errorf("%q is a period: %+v", name, f)
		}
	}
}

// The same rows counted under another definition.
func TestEcoRatioUnderAnotherDefinition(t *testing.T) {
	c := newCity(t, 1)
	c.at("2026-10-31 12:00")
	c.atSea("2026-10-31", "210202")
	c.interred("2026-10-03", "210211", "NICHE", 0)
	narrow := ecoburial.Default()
	narrow.ID, narrow.Types = "narrow", append([]ecoburial.Type(nil), narrow.Types...)
	for i := range narrow.Types {
		if narrow.Types[i].Code == "NICHE" {
			narrow.Types[i].Broad = false
		}
	}
	c.add(ecoburial.RulebookCategory, "210200", ecoburial.DefinitionAdopted{Definition: narrow, From: "2026-11-01", Document: "演示文件"})
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := ecoratio.Reader{DB: r.Read(ecoratio.Name)}
	for f, want := range map[ecoratio.Filter]int{{}: 1, {Until: "2026-10-31"}: 2, {Until: "2026-11-30"}: 1, {Definition: "narrow"}: 1, {Definition: "dl-eco-2026.1"}: 2} {
		n, err := q.Total(t.Context(), f)
		if err != nil || n.Broad != want || n.Interments != 2 {
			t.Errorf("%+v: %+v %v", f, n, err)
		}
	}
	if _, err := q.Total(t.Context(), ecoratio.Filter{Definition: "none"}); !errors.Is(err, ecoratio.ErrDefinition) {
		t.Error(err)
	}
}

// Every figure by month, quarter, year, district, type and definition equals an
// independent count of the stored bytes, before and after 200 late and corrected
// events; a frozen month keeps what was published, and what stands beside it
// explains the difference.
func TestEcoRatioRecountedAndFrozen(t *testing.T) {
	c := newCity(t, 3)
	c.eco = true
	wide := ecoburial.Default()
	wide.ID, wide.Types, wide.SmallSingleCM2 = "dl-eco-2026.2", append([]ecoburial.Type(nil), wide.Types...), 6000
	for i := range wide.Types {
		if wide.Types[i].Code == "TREE_KEEP" {
			wide.Types[i].Strict = true
		}
	}
	c.at("2026-04-01 08:00")
	c.add(ecoburial.RulebookCategory, "210200", ecoburial.DefinitionAdopted{Definition: wide, From: "2026-07-01", Document: "演示文件"})
	frozen := []string{"2026-04", "2026-05", "2026-06", "2026-07"}
	for i, month := range append(frozen, "2026-08") {
		first := domain.Date(month + "-01")
		for day := range 28 {
			c.today = first.AddDays(day)
			c.at(string(c.today) + " 17:00")
			for range 4 {
				c.bury(pick(c, c.homes))
			}
		}
		if i > 0 {
			due := first.AddDays(9)
			c.at(string(first.AddDays(28)) + " 09:00")
			c.freeze(frozen[i-1], due.AddDays(20).Start(), ecoburial.Default(), wide)
		}
	}
	dir := t.TempDir()
	look := func() (figures int, then []ecoratio.Frozen, now []ecoratio.Counts, causes [][]ecoratio.Cause) {
		t.Helper()
		r := c.open(c.config(dir))
		caughtUp(t, r)
		q := ecoratio.Reader{DB: r.Read(ecoratio.Name)}
		for _, month := range frozen {
			f, ok, err := q.Frozen(t.Context(), month)
			if err != nil || !ok {
				t.Fatal(month, ok, err)
			}
			filter, err := ecoratio.Filter{Division: "210200", Definition: wide.ID}.Period(month)
			if err != nil {
				t.Fatal(err)
			}
			n, err := q.Total(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			cs, err := q.Causes(t.Context(), f, "210200")
			if err != nil {
				t.Fatal(err)
			}
			then, now, causes = append(then, f), append(now, n), append(causes, cs)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for _, m := range c.verify(dir).Models {
			if m.Name == ecoratio.Name {
				if !m.OK() || !m.Recount {
					t.Errorf("%v, %d differences, %v %v", m.Err, m.Count, m.Differ, m.Recounts)
				}
				figures = m.Figures
			}
		}
		return figures, then, now, causes
	}
	before, then, _, _ := look()
	c.at("2026-09-20 09:00")
	for i := range 200 {
		if i%2 == 0 {
			c.correct(pick(c, c.completed))
			continue
		}
		c.today = domain.Date(pick(c, frozen) + "-25")
		c.bury(pick(c, c.homes)) // late: up to 20 days before
	}
	after, kept, now, causes := look()
	if d := cmp.Diff(then, kept); d != "" {
		t.Error("what was published changed:", d)
	}
	if before < 900 || after < 900 {
		t.Errorf("only %d and %d figures were recounted", before, after)
	}
	for i, f := range kept {
		published, ok := f.Total(wide.ID)
		if !ok || published.Interments == 0 {
			t.Fatalf("%s: %+v", f.Month, f)
		}
		moved := 0
		for _, x := range causes[i] {
			if x.Source.Position <= f.RestsOn {
				t.Errorf("%s: %+v was counted when the month was published", f.Month, x)
			}
			in := func(a ecoratio.At) int {
				typ, known := wide.Type(a.Type)
				if a.Month == f.Month && a.Division.In("210200") && (!known || typ.Interment) {
					return 1
				}
				return 0
			}
			moved += in(x.Is) - in(x.Was)
		}
		if len(causes[i]) == 0 || now[i].Interments == published.Interments {
			t.Errorf("%s: nothing was restated, the test shows nothing", f.Month)
		}
		if now[i].Interments != published.Interments+moved {
			t.Errorf("%s: %d were published, %d are counted now, the causes explain %d", f.Month, published.Interments, now[i].Interments, moved)
		}
	}
}

func TestCoverage(t *testing.T) {
	c := newCity(t, 1)
	yard, kin := string(c.homes[0]), domain.Subject("a")
	c.at("2025-09-30 12:00") // before the twelve months
	c.add(cemetery.CemeteryCategory, yard, cemetery.CemeteryEstablished{Cemetery: c.homes[0], Class: cemetery.UrbanPublic, Division: "210211"})
	c.add(cemetery.CemeteryCategory, string(c.homes[1]), cemetery.CemeteryEstablished{Cemetery: c.homes[1], Class: cemetery.Commercial, Division: "210212"})
	for _, plot := range []string{"1", "2", "3", "4", "5"} {
		c.add(cemetery.PlotCategory, yard+"."+plot, cemetery.PlotSurveyed{Cemetery: c.homes[0], Division: "210211", Plot: plot, Capacity: 2})
	}
	give := func(plot string) {
		c.add(cemetery.PlotCategory, yard+"."+plot, cemetery.PlotAllocated{Deceased: kin})
	}
	give("1")
	c.at("2026-10-05 12:00")
	give("2")
	give("3")
	give("3")
	c.add(cemetery.PlotCategory, yard+".2", cemetery.PlotSurrendered{Persons: []domain.Subject{kin}})
	c.at("2026-11-01 12:00")
	give("4") // in a month that has not ended
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	got, err := ecoratio.Reader{DB: r.Read(ecoratio.Name)}.Coverage(t.Context(), "2026-11-23")
	want := []ecoratio.Coverage{{Division: "210211", Cemeteries: 1, Public: 1, Places: 10, Taken: 4, LastYear: 2}, {Division: "210212", Cemeteries: 1}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Fatal(err, d)
	}
	if y, ok := got[0].YearsLeft(); !ok || y != 3 || !got[0].Covered() {
		t.Error(y, ok)
	}
	if _, ok := got[1].YearsLeft(); ok || got[1].Covered() {
		t.Error("a district without a rate was given years")
	}
}
