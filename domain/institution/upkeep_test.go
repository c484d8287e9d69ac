package institution_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/institution"
)

func at(d domain.Date, c domain.Clock) time.Time { return c.On(d).UTC() }

func TestMaintenance(t *testing.T) {
	planned := MaintenancePlanned{"m-1", "hall-1", at("2026-11-25", "08:00"), at("2026-11-26", "12:00"), "年检"}
	g := []Event{home, hall}
	t.Run("maintenance of a resource is planned, once", func(t *testing.T) {
		spec.Given(t, g...).When(PlanMaintenance{by, planned}).Then(planned)
		spec.Given(t, append(g, planned)...).When(PlanMaintenance{by, with(planned, func(p *MaintenancePlanned) { p.To = p.To.Add(1) })}).Rejects(ErrWindowExists)
	})
	t.Run("two windows of one resource do not overlap", func(t *testing.T) {
		next := with(planned, func(p *MaintenancePlanned) {
			p.Window, p.From, p.To = "m-2", planned.To.Add(-1), planned.To.Add(time.Hour)
		})
		spec.Given(t, append(g, planned)...).When(PlanMaintenance{by, next}).Rejects(ErrWindowOverlap)
		next.From = planned.To
		spec.Given(t, append(g, planned)...).When(PlanMaintenance{by, next}).Then(next)
	})
	t.Run("it touches the days that it touches", func(t *testing.T) {
		s := spec.Given(t, append(g, planned)...).State()
		for d, n := range map[domain.Date]int{"2026-11-24": 0, "2026-11-25": 1, "2026-11-26": 1, "2026-11-27": 0} {
			if got := len(s.MaintenanceOn("hall-1", d)); got != n {
				t.Errorf("%s: %d, want %d", d, got, n)
			}
		}
	})
	t.Run("what is cancelled takes no time, and another may be planned there", func(t *testing.T) {
		cancelled := MaintenanceCancelled{"m-1", "改期"}
		spec.Given(t, append(g, planned)...).When(CancelMaintenance{by, cancelled}).Then(cancelled)
		spec.Given(t, append(g, planned)...).When(CancelMaintenance{by, MaintenanceCancelled{"m-1", ""}}).Rejects(ErrReason)
		spec.Given(t, g...).When(CancelMaintenance{by, cancelled}).Rejects(ErrNoWindow)
		again := with(planned, func(p *MaintenancePlanned) { p.Window = "m-2" })
		spec.Given(t, append(g, planned, cancelled)...).When(PlanMaintenance{by, again}).Then(again)
		if s := spec.Given(t, append(g, planned, cancelled)...).State(); len(s.MaintenanceOn("hall-1", "2026-11-25")) != 0 {
			t.Error(s.Windows)
		}
	})
	for name, c := range map[string]struct {
		edit func(*MaintenancePlanned)
		want error
	}{
		"it is of a resource that is there": {func(p *MaintenancePlanned) { p.Resource = "hall-9" }, ErrNoResource},
		"it ends after it begins":           {func(p *MaintenancePlanned) { p.To = p.From }, ErrWindow},
		"it does not last for ever":         {func(p *MaintenancePlanned) { p.To = p.From.AddDate(1, 0, 0) }, ErrWindow},
		"it has an id":                      {func(p *MaintenancePlanned) { p.Window = "" }, ErrWindow},
		"it is to come":                     {func(p *MaintenancePlanned) { p.From, p.To = at("2026-11-20", "08:00"), domaintest.Noon }, ErrWindowPast},
		"it has a reason":                   {func(p *MaintenancePlanned) { p.Reason = "" }, ErrReason},
	} {
		t.Run(name, func(t *testing.T) {
			spec.Given(t, g...).When(PlanMaintenance{by, with(planned, c.edit)}).Rejects(c.want)
		})
	}
	t.Run("a retired resource needs none", func(t *testing.T) {
		spec.Given(t, append(g, ResourceRetired{"hall-1", "2026-11-25", "拆除"})...).When(PlanMaintenance{by, planned}).Rejects(ErrNoResource)
	})
}

func TestTiming(t *testing.T) {
	timed := ResourceTimed{"hall-1", []Duration{{"HAL-S", 45}}, []Span{{"11:00", "11:30"}}}
	t.Run("an institution says how long its services take, and when it cleans", func(t *testing.T) {
		spec.Given(t, home, hall).When(TimeResource{by, timed}).Then(timed)
		spec.Given(t, home, hall, timed).When(TimeResource{by, with(timed, func(r *ResourceTimed) { r.Durations = nil })}).Then(with(timed, func(r *ResourceTimed) { r.Durations = nil }))
	})
	t.Run("what it did not say takes what is usual, and what is not usual a step of the grid", func(t *testing.T) {
		r, _ := spec.Given(t, home, hall, timed).State().Resource("hall-1")
		if r.Minutes("HAL-S") != 45 || r.Minutes("HAL-M") != 90 || r.Minutes("TEA") != hall.SlotMinutes || r.CleanDown[0].From != "11:00" {
			t.Error(r)
		}
	})
	t.Run("times lie within the opening hours", func(t *testing.T) {
		for _, edit := range []func(*ResourceTimed){
			func(r *ResourceTimed) { r.Durations = []Duration{{"HAL-S", 0}} }, func(r *ResourceTimed) { r.Durations = []Duration{{"HAL-S", 24 * 60}} },
			func(r *ResourceTimed) { r.Durations = []Duration{{"", 30}} }, func(r *ResourceTimed) { r.Durations = []Duration{{"HAL-S", 30}, {"HAL-S", 40}} },
			func(r *ResourceTimed) { r.CleanDown = []Span{{"11:30", "11:00"}} }, func(r *ResourceTimed) { r.CleanDown = []Span{{"00:00", "01:00"}} }, func(r *ResourceTimed) { r.CleanDown = []Span{{"x", "y"}} },
		} {
			spec.Given(t, home, hall).When(TimeResource{by, with(timed, edit)}).Rejects(ErrTiming)
		}
		spec.Given(t, home).When(TimeResource{by, timed}).Rejects(ErrNoResource)
	})
}

// I19: licences and training are valid at the time of the act.
func TestStaff(t *testing.T) {
	q := StaffQualified{"staff-0031", Cremator, "2026-01-01", "2026-12-31", "培训证（演示）"}
	t.Run("a qualification holds from its first day to its last", func(t *testing.T) {
		spec.Given(t, home).When(QualifyStaff{by, q}).Then(q)
		s := spec.Given(t, home, q).State()
		for d, want := range map[domain.Date]bool{"2025-12-31": false, "2026-01-01": true, "2026-12-31": true, "2027-01-01": false} {
			if s.QualifiedOn("staff-0031", Cremator, d) != want {
				t.Error(d)
			}
		}
		if s.QualifiedOn("staff-0031", Driver, "2026-06-01") || s.QualifiedOn("staff-0032", Cremator, "2026-06-01") {
			t.Error("another's, or for something else")
		}
	})
	t.Run("it may be ended before", func(t *testing.T) {
		ended := StaffDisqualified{"staff-0031", Cremator, "2026-06-01", "离岗"}
		spec.Given(t, home, q).When(DisqualifyStaff{by, ended}).Then(ended)
		s := spec.Given(t, home, q, ended).State()
		if !s.QualifiedOn("staff-0031", Cremator, "2026-05-31") || s.QualifiedOn("staff-0031", Cremator, "2026-06-01") {
			t.Error(s.Staff)
		}
		spec.Given(t, home, q).When(DisqualifyStaff{by, with(ended, func(e *StaffDisqualified) { e.Reason = "" })}).Rejects(ErrReason)
		spec.Given(t, home).When(DisqualifyStaff{by, ended}).Rejects(ErrNoStaff)
	})
	t.Run("who is trained again holds it again", func(t *testing.T) {
		again := with(q, func(q *StaffQualified) { q.ValidFrom = "2026-09-01" })
		spec.Given(t, home, q, StaffDisqualified{"staff-0031", Cremator, "2026-06-01", "离岗"}).When(QualifyStaff{by, again}).Then(again)
		s := spec.Given(t, home, q, StaffDisqualified{"staff-0031", Cremator, "2026-06-01", "离岗"}, again).State()
		if s.QualifiedOn("staff-0031", Cremator, "2026-08-31") || !s.QualifiedOn("staff-0031", Cremator, "2026-09-01") {
			t.Error(s.Staff)
		}
	})
	t.Run("a qualification says who, what and when", func(t *testing.T) {
		for _, edit := range []func(*StaffQualified){func(q *StaffQualified) { q.Account = "" }, func(q *StaffQualified) { q.Skill = "COOK" },
			func(q *StaffQualified) { q.ValidFrom = "" }, func(q *StaffQualified) { q.ValidUntil = "2025-12-31" }} {
			spec.Given(t, home).When(QualifyStaff{by, with(q, edit)}).Rejects(ErrStaff)
		}
	})
}

// Whatever is recorded in whatever order: an account counts as qualified on a
// day exactly when some record covers the day and nothing ended it by then
// (I19), and no two windows of a resource overlap.
func TestRandomUpkeep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := []domain.Date{"2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"}
		d := rapid.SampledFrom(days)
		who := rapid.SampledFrom([]string{"staff-1", "staff-2"})
		skill := rapid.SampledFrom([]Skill{Cremator, Driver, "COOK"})
		n := 0
		domaintest.Random(t, Institution, func(s State) Command {
			n++
			switch {
			case !s.Exists():
				return Register{by, home}
			case len(s.Resources) == 0:
				return AddResource{by, hall}
			}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				return QualifyStaff{by, StaffQualified{who.Draw(t, "who"), skill.Draw(t, "skill"), d.Draw(t, "from"), d.Draw(t, "until"), fmt.Sprint(n)}}
			case 1:
				return DisqualifyStaff{by, StaffDisqualified{who.Draw(t, "who"), skill.Draw(t, "skill"), d.Draw(t, "from"), "离岗"}}
			case 2:
				return CancelMaintenance{by, MaintenanceCancelled{fmt.Sprintf("m-%d", rapid.IntRange(1, n).Draw(t, "window")), "改期"}}
			}
			from := at(d.Draw(t, "from"), "08:00")
			return PlanMaintenance{by, MaintenancePlanned{fmt.Sprintf("m-%d", n), "hall-1", from, from.Add(time.Duration(rapid.IntRange(-5, 60).Draw(t, "hours")) * time.Hour), "检修"}}
		}, func(s State, history []Event) {
			for _, on := range days {
				for _, w := range []string{"staff-1", "staff-2"} {
					want := false
					for i, e := range history {
						q, ok := e.(StaffQualified)
						if !ok || q.Account != w || q.Skill != Cremator || on < q.ValidFrom || on > q.ValidUntil {
							continue
						}
						ended := false
						for _, later := range history[i:] {
							x, ok := later.(StaffDisqualified)
							ended = ended || ok && x.Account == w && x.Skill == Cremator && x.From <= on
						}
						want = want || !ended
					}
					if s.QualifiedOn(w, Cremator, on) != want {
						t.Fatalf("%s on %s: %v, want %v: %+v", w, on, !want, want, s.Staff)
					}
				}
			}
			for i, x := range s.Windows {
				for _, y := range s.Windows[:i] {
					if !x.Cancelled && !y.Cancelled && x.From.Before(y.To) && y.From.Before(x.To) {
						t.Fatalf("%v and %v overlap", x, y)
					}
				}
			}
		})
	})
}
