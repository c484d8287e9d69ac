package cremation_test

import (
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

var published = NoticeSchedule{Unclaimed: []int{90, 30}, Term: []int{7, 60}}

// The clocks of ashes: what is published, and what was served.
func TestNotices(t *testing.T) {
	serve := func(day domain.Date, step int) ServeNotice {
		return ServeNotice{Act: domaintest.At("staff-1", day.Start()), Clock: ClockUnclaimed, Step: step, Way: ByLetter, ServedOn: day, Schedule: published}
	}
	first := NoticeServed{Share: 1, Clock: ClockUnclaimed, From: "2026-11-23", Step: 1, Due: "2026-12-23", Way: ByLetter, ServedOn: "2026-12-24", By: "staff-1"}
	t.Run("ashes that nobody took count from the day of the cremation", func(t *testing.T) {
		ns := spec.Given(t, burnt...).State().Notices(published)
		if len(ns) != 2 || ns[0] != (Notice{Share: 1, Clock: ClockUnclaimed, From: "2026-11-23", Step: 1, Due: "2026-12-23"}) || ns[1].Due != "2027-02-21" {
			t.Errorf("%+v", ns)
		}
	})
	t.Run("each notice is served once, on its day or later, in a way that is said", func(t *testing.T) {
		spec.Given(t, burnt...).When(serve("2026-12-24", 1)).Then(first)
		spec.Given(t, burnt...).When(serve("2026-12-22", 1)).Rejects(ErrNoticeEarly)
		spec.Given(t, burnt...).When(serve("2026-12-24", 3)).Rejects(ErrNoticeUnknown)
		spec.Given(t, burnt...).When(with(serve("2026-12-24", 1), func(c *ServeNotice) { c.Way = "" })).Rejects(ErrNoticeWay)
		spec.Given(t, burnt...).When(with(serve("2026-12-24", 1), func(c *ServeNotice) { c.ServedOn = "2026-12-25" })).Rejects(ErrDay)
		spec.Given(t, plus[CremationEvent](burnt, first)...).When(serve("2026-12-26", 1)).Rejects(ErrNoticeServed)
	})
	t.Run("a deposit counts down to its last day, and anew when it is extended", func(t *testing.T) {
		until := deposit.Until
		s := spec.Given(t, plus[CremationEvent](burnt, deposit)...).State()
		if ns := s.Notices(published); len(ns) != 2 || ns[0].Clock != ClockTerm || ns[0].Due != until.AddDays(-60) || ns[1].Due != until.AddDays(-7) {
			t.Errorf("%+v", ns)
		}
		told := NoticeServed{Share: 1, Clock: ClockTerm, From: until, Step: 1, Due: until.AddDays(-60), Way: ByCall, ServedOn: until.AddDays(-59), By: "staff-1"}
		if due := spec.Given(t, plus[CremationEvent](burnt, deposit, told)...).State().DueNotices(published, until); len(due) != 1 || due[0].Step != 2 || due[0].Overdue(until) != 7 {
			t.Errorf("%+v", due)
		}
		later := until.AddDays(365)
		if ns := spec.Given(t, plus[CremationEvent](burnt, deposit, told, DepositExtended{1, later, "x"})...).State().Notices(published); ns[0].Served.By != "" || ns[0].Due != later.AddDays(-60) {
			t.Errorf("%+v", ns)
		}
	})
	t.Run("ashes that are gone have no clock", func(t *testing.T) {
		if ns := spec.Given(t, plus[CremationEvent](burnt, gone)...).State().Notices(published); len(ns) != 0 {
			t.Errorf("%+v", ns)
		}
	})
}

// However the days are published, no clock ever takes ashes out of custody, and
// no notice counts twice.
func TestNoticesAtRandom(t *testing.T) {
	served := 0
	domaintest.Check(t, func(t *rapid.T) {
		days := rapid.SliceOfNDistinct(rapid.IntRange(1, 400), 1, 5, rapid.ID[int])
		by := NoticeSchedule{days.Draw(t, "unclaimed"), days.Draw(t, "term")}
		s := Cremation.Fold(Cremation.Initial, burnt...)
		before := s.Holdings()
		seen := map[Notice]bool{}
		for range 20 {
			day := domain.Date("2026-11-23").AddDays(rapid.IntRange(0, 900).Draw(t, "day"))
			due := s.DueNotices(by, day)
			if len(due) == 0 {
				continue
			}
			es, err := Cremation.Decide(s, ServeNotice{Act: domaintest.At("policy:notices", day.Start()), Clock: due[0].Clock, Step: due[0].Step, Way: ByMessage, ServedOn: day, Schedule: by})
			if err != nil || len(es) != 1 || seen[due[0]] {
				t.Fatalf("%+v: %v %v", due[0], es, err)
			}
			seen[due[0]] = true
			s = Cremation.Fold(s, es...)
			served++
		}
		if after := s.Holdings(); len(after) != len(before) || after[0] != before[0] {
			t.Fatalf("%+v became %+v", before, after)
		}
	}, &served)
}
