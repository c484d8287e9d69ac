package booking_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

func TestServices(t *testing.T) {
	from := domain.Clock("09:30").On("2026-11-25").UTC()
	planned := ServicePlanned{"s1", Farewell, "hall-2", from, from.Add(time.Hour)}
	at := func(t time.Time) domain.Act { return domaintest.At("staff-0001", t) }
	t.Run("a ceremony is planned, and moved until it begins", func(t *testing.T) {
		spec.Given(t, opened).When(PlanService{by, planned}).Then(planned)
		later := with(planned, func(s *ServicePlanned) { s.From, s.To = from.Add(time.Hour), from.Add(2*time.Hour) })
		spec.Given(t, opened, planned).When(PlanService{by, later}).Then(later)
		spec.Given(t, opened, planned, ServiceStarted{"s1", from}).When(PlanService{by, later}).Rejects(ErrServiceBegun)
		if s := spec.Given(t, opened, planned, later).State(); len(s.Services) != 1 || !s.Services[0].From.Equal(later.From) {
			t.Error(s.Services)
		}
	})
	t.Run("when it began and ended is recorded as it was, or left empty", func(t *testing.T) {
		spec.Given(t, opened, planned).When(StartService{at(from), "s1"}).Then(ServiceStarted{"s1", from})
		spec.Given(t, opened, planned).When(StartService{with(at(from), func(a *domain.Act) { a.At = time.Time{} }), "s1"}).Then(ServiceStarted{"s1", time.Time{}})
		spec.Given(t, opened, planned, ServiceStarted{"s1", from}).When(EndService{at(from.Add(time.Hour)), "s1"}).Then(ServiceEnded{"s1", from.Add(time.Hour)})
		s, _ := spec.Given(t, opened, planned, ServiceStarted{"s1", from}, ServiceEnded{"s1", time.Time{}}).State().Service("s1")
		if !s.Begun || !s.Done || !s.StartedAt.Equal(from) || !s.EndedAt.IsZero() {
			t.Errorf("%+v", s)
		}
	})
	t.Run("it does not end before it began", func(t *testing.T) {
		spec.Given(t, opened, planned).When(EndService{at(from), "s1"}).Rejects(ErrServiceNotBegun)
		spec.Given(t, opened, planned, ServiceStarted{"s1", from}).When(EndService{at(from.Add(-1)), "s1"}).Rejects(ErrServiceTimes)
	})
	t.Run("what was not planned does not begin or end", func(t *testing.T) {
		spec.Given(t, opened).When(StartService{by, "s1"}).Rejects(ErrNoService)
		spec.Given(t, opened).When(EndService{by, "s1"}).Rejects(ErrNoService)
		spec.Given(t, opened, planned, Cancelled{FamilyWithdrew}).When(StartService{at(from), "s1"}).Rejects(ErrEnded)
	})
	t.Run("nobody takes leave of remains under infection control", func(t *testing.T) {
		infectious := CircumstancesRecorded{Infectious: domain.Personal(dead, true)}
		spec.Given(t, opened, infectious).When(PlanService{by, planned}).Rejects(ErrNoViewing)
		spec.Given(t, opened, planned, infectious).When(StartService{at(from), "s1"}).Rejects(ErrNoViewing)
	})
	for name, edit := range map[string]func(*ServicePlanned){
		"a ceremony is one of the list": func(s *ServicePlanned) { s.Ceremony = "PARTY" },
		"it ends after it begins":       func(s *ServicePlanned) { s.To = s.From },
		"it begins at a time":           func(s *ServicePlanned) { s.From = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			spec.Given(t, opened).When(PlanService{by, with(planned, edit)}).Rejects(ErrService)
		})
	}
	t.Run("a vigil does not become a farewell", func(t *testing.T) {
		spec.Given(t, opened, planned).When(PlanService{by, with(planned, func(s *ServicePlanned) { s.Ceremony = Vigil })}).Rejects(ErrService)
		spec.Given(t, opened).When(PlanService{by, with(planned, func(s *ServicePlanned) { s.Service = "" })}).Rejects(ErrNoID)
	})
}

func TestContact(t *testing.T) {
	c := ContactPreferred{ByPhone, "22:00", "07:00", "zh"}
	t.Run("the family says how and when it wants to hear from us", func(t *testing.T) {
		spec.Given(t, opened).When(PreferContact{by, c}).Then(c)
		spec.Given(t, opened, c).When(PreferContact{by, ContactPreferred{Channel: ByNobody}}).Then(ContactPreferred{Channel: ByNobody})
	})
	for name, edit := range map[string]func(*ContactPreferred){
		"by a channel of the list":                 func(c *ContactPreferred) { c.Channel = "PIGEON" },
		"a quiet time has both ends":               func(c *ContactPreferred) { c.QuietUntil = "" },
		"and lasts":                                func(c *ContactPreferred) { c.QuietUntil = c.QuietFrom },
		"in a language in which we have the words": func(c *ContactPreferred) { c.Language = "la" },
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, opened).When(PreferContact{by, with(c, edit)}).Rejects(ErrContact) })
	}
}

func TestTracking(t *testing.T) {
	key := []byte("0123456789abcdef")
	hash := TrackingHash(key, "海7K2M94")
	t.Run("the log knows only the hash of the code", func(t *testing.T) {
		spec.Given(t, opened).When(IssueTracking{by, hash}).Then(TrackingIssued{hash})
		for _, h := range []string{"", "海7K2M94", strings.ToUpper(hash), hash[1:]} {
			spec.Given(t, opened).When(IssueTracking{by, h}).Rejects(ErrTracking)
		}
	})
	t.Run("however it is typed it is one code", func(t *testing.T) {
		for _, typed := range []string{"海 7K2M 94", "海7k2m-94", " 海7K2M94 "} {
			if TrackingHash(key, typed) != hash {
				t.Error(typed)
			}
		}
		if TrackingHash(key, "海7K2M95") == hash || TrackingHash([]byte("another"), "海7K2M94") == hash {
			t.Error("another code, or another key")
		}
	})
	t.Run("a new code voids the former", func(t *testing.T) {
		next := TrackingHash(key, "海7K2M95")
		if s := spec.Given(t, opened, TrackingIssued{hash}, TrackingIssued{next}).State(); s.Tracking != next {
			t.Error(s.Tracking)
		}
	})
}

func TestRate(t *testing.T) {
	rate := Rate{Act: by, Level: 5, Parts: []PartScore{{"manner", 4}}, Comment: domain.Personal(kin, "谢谢"), Named: true, AshesReleasedOn: "2026-11-22"}
	rated := Rated{5, []PartScore{{"manner", 4}}, domain.Personal(kin, "谢谢"), true}
	t.Run("the service is rated once, after the ashes were handed over", func(t *testing.T) {
		spec.Given(t, opened).When(rate).Then(rated)
		spec.Given(t, opened).When(with(rate, func(r *Rate) { r.AshesReleasedOn = "" })).Rejects(ErrRateEarly)
		spec.Given(t, opened).When(with(rate, func(r *Rate) { r.AshesReleasedOn = day.AddDays(1) })).Rejects(ErrRateEarly)
		spec.Given(t, opened, rated).When(with(rate, func(r *Rate) { r.Level = 1 })).Rejects(ErrRated)
	})
	t.Run("a closed case is rated too", func(t *testing.T) {
		spec.Given(t, opened, Closed{}).When(rate).Then(rated)
	})
	t.Run("there are five levels, of the whole and of its parts", func(t *testing.T) {
		for _, edit := range []func(*Rate){func(r *Rate) { r.Level = 0 }, func(r *Rate) { r.Level = 6 }, func(r *Rate) { r.Parts = []PartScore{{"manner", 6}} },
			func(r *Rate) { r.Parts = []PartScore{{"price", 3}} }, func(r *Rate) { r.Parts = []PartScore{{"manner", 3}, {"manner", 3}} }} {
			spec.Given(t, opened).When(with(rate, edit)).Rejects(ErrRating)
		}
	})
	t.Run("a comment is kept under who wrote it, and is no novel", func(t *testing.T) {
		spec.Given(t, opened).When(with(rate, func(r *Rate) { r.Comment = domain.Personal(dead, "x") })).Rejects(ErrPerson)
		spec.Given(t, opened).When(with(rate, func(r *Rate) { r.Comment = domain.Personal(kin, strings.Repeat("好", 2001)) })).Rejects(ErrTooMuchToSay)
	})
}

// Whatever is asked, no case has a rating before its ashes were handed over, and
// never two.
func TestRandomRatings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		released := rapid.SampledFrom([]domain.Date{"", day.AddDays(-1), day, day.AddDays(1)})
		var last domain.Date
		seen := false
		domaintest.Random(t, Case, func(s State) Command {
			if !s.Exists() {
				return Open{by, opened}
			}
			last = released.Draw(t, "released")
			return Rate{Act: by, Level: rapid.IntRange(0, 6).Draw(t, "level"), AshesReleasedOn: last}
		}, func(s State, history []Event) {
			if rated := len(history) == 2; rated && !seen && (last == "" || last > day) {
				t.Fatalf("rated with the ashes released on %q", last)
			}
			seen = len(history) == 2
			if len(history) > 2 || seen && (s.Rating.Level < 1 || s.Rating.Level > 5) {
				t.Fatalf("%+v", history[1:])
			}
		})
	})
}
