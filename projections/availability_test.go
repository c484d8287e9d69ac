package projections_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections/availability"
)

func TestAvailability(t *testing.T) {
	c := newCityOf(t, 1, 3)
	home, other, third := c.homes[0], c.homes[1], c.homes[2]
	const day = domain.Date("2026-11-24")
	now := domain.Clock("09:15").On("2026-11-24")
	hold := func(home domain.CreditCode, day domain.Date, clock domain.Clock, until time.Time, confirmed bool) {
		t.Helper()
		start := clock.On(day).UTC()
		st, slot := schedule.ID(string(home), "hall-1", day), schedule.SlotName(start)
		c.add(schedule.Category, st, schedule.Held{Slot: slot, Start: start, End: start.Add(time.Hour), Case: "case", Until: until.UTC(), BufferMinutes: 30})
		if confirmed {
			c.add(schedule.Category, st, schedule.Confirmed{Slot: slot, Case: "case"})
		}
	}
	// The hall opens 08:00 to 16:00, slots of an hour, half an hour after each.
	hold(home, day, "08:00", now, false)                    // lapsed this very moment
	hold(home, day, "10:00", now.Add(10*time.Minute), true) // confirmed
	hold(home, day, "14:00", now.Add(10*time.Minute), false)
	hold(home, day, "15:00", now.Add(time.Hour), true)
	c.add(schedule.Category, schedule.ID(string(home), "hall-1", day), schedule.Released{Slot: "1500", Case: "case", Reason: schedule.Withdrawn})

	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := availability.Reader{DB: r.Read(availability.Name)}

	slots, err := q.Day(t.Context(), home, "hall-1", day, now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]availability.State{}
	for _, s := range slots {
		got[s.Slot] = s.State
	}
	// 09:00 would leave no half hour before 10:00; 11:00 and 13:00, 15:00 lie
	// too near as well.
	if d := cmp.Diff(map[string]availability.State{"0800": availability.Past, "1000": availability.Taken, "1200": availability.Free, "1400": availability.Held}, got); d != "" {
		t.Error(d)
	}
	free, err := q.Free(t.Context(), home, "hall-1", day, 0, now)
	if err != nil || len(free) != 1 || free[0].Slot != "1200" {
		t.Errorf("%+v %v", free, err)
	}
	// The hold lapses: its time comes back by itself.
	if free, err = q.Free(t.Context(), home, "hall-1", day, 0, now.Add(10*time.Minute)); err != nil || len(free) != 4 {
		t.Errorf("%+v %v", free, err)
	}
	if free, err = q.Free(t.Context(), home, "hall-1", day, 120, now.Add(10*time.Minute)); err != nil || len(free) != 3 || free[0].End.Sub(free[0].Start) != 2*time.Hour {
		t.Errorf("two hours: %+v %v", free, err)
	}

	// The nearest alternatives: the same institution's first, by distance.
	wish := availability.Wish{Institution: home, Resource: "hall-1", Start: domain.Clock("10:00").On(day)}
	near, err := q.Nearest(t.Context(), wish, now, 3)
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		home domain.CreditCode
		at   string
	}
	at := func(ss []availability.Slot) (ps []place) {
		for _, s := range ss {
			ps = append(ps, place{s.Institution, domain.FormatTime(s.Start)})
		}
		return ps
	}
	if d := cmp.Diff([]place{{home, "2026-11-24 12:00"}, {home, "2026-11-25 08:00"}, {home, "2026-11-25 09:00"}}, at(near), cmp.AllowUnexported(place{})); d != "" {
		t.Error(d)
	}

	// With everything of its own taken for the week, the others'.
	for k := range 8 {
		for h := range 8 {
			hold(home, day.AddDays(k), domain.Clock(time.Date(0, 1, 1, 8+h, 0, 0, 0, time.UTC).Format("15:04")), now.Add(time.Hour), true)
		}
	}
	pos := c.add(institution.Category, string(other), institution.ResourceRetired{Resource: "hall-1", From: "2026-11-25", Reason: "修缮"})
	wait(t, r, availability.Name, pos)
	near, err = q.Nearest(t.Context(), wish, now, 4)
	if err != nil {
		t.Fatal(err)
	}
	first := map[domain.CreditCode]bool{other: true, third: true}
	if len(near) != 4 || !near[0].Start.Equal(wish.Start) || !first[near[0].Institution] || !first[near[1].Institution] || near[2].Start.Sub(wish.Start) != time.Hour {
		t.Errorf("%v", at(near))
	}
	if free, err := q.Free(t.Context(), other, "hall-1", "2026-11-25", 0, now); err != nil || len(free) != 0 {
		t.Errorf("a hall that is closed: %+v %v", free, err)
	}

	// Maintenance, a block, and the daily clean-down, with what becomes of them.
	yard := third
	quiet := day.AddDays(5)
	atThen := func(c domain.Clock) time.Time { return c.On(quiet).UTC() }
	starts := func() (names []string) {
		t.Helper()
		free, err := q.Free(t.Context(), yard, "hall-1", quiet, 0, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range free {
			names = append(names, s.Slot)
		}
		return names
	}
	c.add(institution.Category, string(yard), institution.MaintenancePlanned{Window: "m-1", Resource: "hall-1", From: atThen("14:00"), To: atThen("16:00"), Reason: "年检"})
	c.add(schedule.Category, schedule.ID(string(yard), "hall-1", quiet), schedule.Blocked{Block: "draw", Start: atThen("08:00"), End: atThen("10:00"), Kind: schedule.ForDraw})
	pos = c.add(institution.Category, string(yard), institution.ResourceTimed{Resource: "hall-1", Durations: []institution.Duration{{Code: "HAL-S", Minutes: 120}},
		CleanDown: []institution.Span{{From: "12:00", To: "13:00"}}})
	wait(t, r, availability.Name, pos)
	// Maintenance wants the half hour before it too.
	if d := cmp.Diff([]string{"1000", "1100"}, starts()); d != "" {
		t.Error(d)
	}
	if slots, err = q.Day(t.Context(), yard, "hall-1", quiet, now); err != nil {
		t.Fatal(err)
	}
	closed := 0
	for _, s := range slots {
		if s.State == availability.Closed {
			closed++
		}
	}
	if closed != 2 {
		t.Errorf("%d closed times: %+v", closed, slots)
	}
	if x, err := q.Resource(t.Context(), yard, "hall-1"); err != nil || x.Minutes("HAL-S") != 120 {
		t.Errorf("%+v %v", x, err)
	}
	c.add(institution.Category, string(yard), institution.MaintenanceCancelled{Window: "m-1", Reason: "改期"})
	pos = c.add(schedule.Category, schedule.ID(string(yard), "hall-1", quiet), schedule.Unblocked{Block: "draw"})
	wait(t, r, availability.Name, pos)
	if d := cmp.Diff([]string{"0800", "0900", "1000", "1100", "1300", "1400", "1500"}, starts()); d != "" {
		t.Error(d)
	}

	rs, err := q.Resources(t.Context(), home, "")
	if err != nil || len(rs) != 2 || rs[1].NameZh != "一号厅" || rs[1].InstitutionZh == "" || rs[1].Division != "210202" || rs[1].Hours().SlotMinutes != 60 {
		t.Errorf("%+v %v", rs, err)
	}
	if rs, err := q.Resources(t.Context(), "", institution.Furnace); err != nil || len(rs) != 3 {
		t.Errorf("%+v %v", rs, err)
	}
	// Nothing is listed beyond what may be booked: a week, where nobody says
	// otherwise; an institution's own figure comes before its city's.
	ahead := func(home domain.CreditCode) (days int) {
		t.Helper()
		for k := range 62 {
			free, err := q.Free(t.Context(), home, "hall-1", day.AddDays(k), 0, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(free) > 0 {
				days = k
			}
		}
		return days
	}
	if got := ahead(third); got != 7 {
		t.Errorf("%d days may be booked, want 7", got)
	}
	for _, set := range []struct {
		by         string
		days, want int
	}{{"210200", 3, 3}, {string(third), 10, 10}, {"210200", 4, 10}} {
		wait(t, r, availability.Name, c.add(institution.ParametersCategory, set.by, institution.ParameterSet{Name: institution.BookingDays, Value: strconv.Itoa(set.days), Reason: "r"}))
		if got := ahead(third); got != set.want {
			t.Errorf("set by %s: %d days may be booked, want %d", set.by, got, set.want)
		}
	}
	if _, err := q.Day(t.Context(), home, "hall-9", day, now); !errors.Is(err, availability.ErrNotFound) {
		t.Error(err)
	}
	if _, err := q.Nearest(t.Context(), availability.Wish{Institution: home, Resource: "hall-9"}, now, 3); !errors.Is(err, availability.ErrNotFound) {
		t.Error(err)
	}
}
