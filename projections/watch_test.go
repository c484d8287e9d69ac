package projections_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/projections/tlog"
	"shenzhong/projections/watch"
)

// burn is a case whose cremation takes a time; it answers with the positions of
// start and end.
func (c *city) burn(home domain.CreditCode, began time.Time, took time.Duration) (id string, start, end events.Position) {
	c.t.Helper()
	id = c.id().String()
	c.add(booking.Category, id, booking.Opened{Institution: string(home), Number: "2026-" + id[:6]})
	start = c.add(cremation.CremationCategory, id, cremation.Started{Institution: home, Furnace: "furnace-1", Operator: "furnace-0201", Verifiers: [2]string{"a", "b"}, At: began})
	end = c.add(cremation.CremationCategory, id, cremation.Completed{Institution: home, Furnace: "furnace-1", At: began.Add(took)})
	return id, start, end
}

// oddities is one of everything that the regulator looks at.
func (c *city) oddities() events.Position {
	c.t.Helper()
	home := c.homes[0]
	began := time.Date(2026, 6, 2, 1, 0, 0, 0, time.UTC)
	id, _, _ := c.burn(home, began, 19*time.Minute)
	c.add(booking.Category, id, booking.Charged{Line: booking.Line{ID: "1", Code: "CRM-FLAT", NameZh: "遗体火化", Unit: "元/具", Quantity: 1, Price: 42000, Amount: 42000, Ceiling: 42000, PriceListVersion: 1}})
	c.add(booking.Category, id, booking.ChargeRefused{Refusal: "x1", Code: "charge_above_ceiling", Item: "ASH-DEP", Amount: 1060000, Limit: 15000, Rule: "I16", Basis: "价格法"})
	c.add(cremation.CremationCategory, id, cremation.AnomalyFlagged{Kind: cremation.TooShort, FoundS: 19 * 60, LimitS: 30 * 60})
	c.add(cremation.CremationCategory, id, cremation.AnomalyExplained{Kind: cremation.TooShort, Reason: "补记时间有误", By: "desk-0101"})
	plot := string(home) + ".A-1"
	c.add(cemetery.PlotCategory, plot, cemetery.PlotExceeded{Rule: "E-5", Measured: 13100, Limit: 10000, Rules: "v1"})
	return c.add(cemetery.PlotCategory, plot, cemetery.PlotRemedied{Rule: "E-5", Measured: 10000, Rules: "v1"})
}

// Every rule meets what it should, with exactly the events that it is made of,
// on the days on which they were known; what lies on the limit is no anomaly.
func TestAnomalies(t *testing.T) {
	c := newCity(t, 3)
	home, other := c.homes[0], c.homes[1]
	limits := watch.LimitsOf(institution.ParametersState{})
	limits.Alike = 3
	type want struct {
		kind   watch.Kind
		on     domain.Date
		closed domain.Date
		events []events.Position
	}
	var wants []want
	morning := time.Date(2026, 6, 2, 1, 0, 0, 0, time.UTC)

	c.at("2026-06-02 20:00")
	short, s1, e1 := c.burn(home, morning, 19*time.Minute)
	flag := c.add(cremation.CremationCategory, short, cremation.AnomalyFlagged{Kind: cremation.TooShort, FoundS: 19 * 60, LimitS: 30 * 60})
	_, s2, e2 := c.burn(home, morning, 4*time.Hour+time.Second)
	c.burn(other, morning, 4*time.Hour) // on the limit
	var alike []events.Position
	for range 3 {
		_, _, e := c.burn(home, morning, 71*time.Minute+7*time.Second)
		alike = append(alike, e)
	}
	for range 2 {
		c.burn(other, morning, 72*time.Minute) // one too few
	}
	c.burn(other, morning.AddDate(0, 0, 1), 72*time.Minute) // on another day
	refused := c.add(booking.Category, short, booking.ChargeRefused{Refusal: "x1", Code: "charge_above_ceiling", Item: "ASH-DEP", Amount: 1060000, Limit: 15000, Rule: "I16"})
	wants = append(wants, want{watch.TooLong, "2026-06-02", "", []events.Position{s2, e2}}, want{watch.Alike, "2026-06-02", "", alike}, want{watch.Refused, "2026-06-02", "", []events.Position{refused}})

	c.at("2026-06-10 09:00")
	explained := c.add(cremation.CremationCategory, short, cremation.AnomalyExplained{Kind: cremation.TooShort, Reason: "设备故障", By: "desk-0101"})
	wants = append(wants, want{watch.TooShort, "2026-06-02", "2026-06-10", []events.Position{s1, e1, flag, explained}})

	c.at("2026-07-01 09:00")
	grave := c.add(cemetery.PlotCategory, string(home)+".A-1", cemetery.PlotExceeded{Rule: "E-5", Measured: 13100, Limit: 10000, Rules: "v1"})
	wants = append(wants, want{watch.Oversize, "2026-07-01", "", []events.Position{grave}})
	list := func(of domain.CreditCode, version int, price domain.Money) events.Position {
		return c.add(pricing.PriceListCategory, string(of), pricing.Published{Version: version, EffectiveFrom: "2026-07-01", Precision: pricing.ToDay, Division: "210211", Rows: []pricing.Row{{Code: "HAL-S", NameZh: "小厅", Unit: "元/场", Price: price}}})
	}
	var first, second events.Position
	for i, code := range c.homes {
		at := list(code, 2, 10000)
		if i == 0 {
			first = at
		}
	}
	second = list(home, 3, 15100) // 51 % above, where 50 and 30 are the limits
	wants = append(wants, want{watch.PriceGap, "2026-07-01", "", []events.Position{second}}, want{watch.PriceJump, "2026-07-01", "", []events.Position{first, second}})
	list(other, 3, 13000) // on the limit

	// The end of one whose start nobody recorded; of another it is recorded later.
	c.at("2026-06-10 10:00")
	never, later := c.id().String(), c.id().String()
	noon := morning.Add(3 * time.Hour)
	ended := func(id string, at time.Time) events.Position {
		return c.add(cremation.CremationCategory, id, cremation.Completed{Institution: home, Furnace: "furnace-1", At: at})
	}
	n1, l1 := ended(never, time.Time{}), ended(later, noon.Add(72*time.Minute))
	c.at("2026-07-01 10:00")
	l2 := c.add(cremation.CremationCategory, later, cremation.Started{Institution: home, Furnace: "furnace-1", Operator: "furnace-0201", Verifiers: [2]string{"a", "b"}, At: noon})
	wants = append(wants, want{watch.NoStart, "2026-06-10", "", []events.Position{n1}}, want{watch.NoStart, "2026-06-10", "2026-07-01", []events.Position{l1, l2}})

	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := watch.Reader{DB: r.Read(watch.Name)}
	for _, day := range []domain.Date{"2026-06-01", "2026-06-02", "2026-06-09", "2026-06-10", "2026-07-01"} {
		for _, known := range []domain.Date{"", day} {
			got, err := q.Anomalies(t.Context(), limits, day, known)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, w := range wants {
				if w.on > day {
					continue
				}
				n++
				closed, made := w.closed, w.events
				if closed > day {
					closed = ""
				}
				if w.closed > day && known != "" { // nobody knew of the explanation
					made = made[:len(made)-1]
				}
				if !slices.ContainsFunc(got, func(a watch.Anomaly) bool {
					return a.Kind == w.kind && a.Institution == home && a.On == w.on && a.Closed == closed && slices.Equal(a.Events, made) && a.Source.ID != uuid.Nil
				}) {
					t.Errorf("%s, known %q: no %s of %v: %+v", day, known, w.kind, made, got)
				}
			}
			if len(got) != n {
				t.Errorf("%s, known %q: %d anomalies, want %d: %+v", day, known, len(got), n, got)
			}
		}
	}
	// A row's event is a leaf of the tree.
	for _, x := range must(q.Refusals(t.Context(), "", "2026-12-31")) {
		if l, err := (tlog.Reader{DB: r.Read(tlog.Name)}).Leaf(t.Context(), x.ID); err != nil || l.Position != x.Position {
			t.Errorf("%+v %v", l, err)
		}
	}
	if n := must(q.Cremations(t.Context(), "", "2026-06-01", "2026-06-03", "2026-06-02")); fmt.Sprint(n) != "[{2026-06-01 0} {2026-06-02 8} {2026-06-03 1}]" {
		t.Error(n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
