package policies

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/oversight"
	"shenzhong/events"
)

// A signed bad review is followed up without anybody's doing, and a term that
// passes ends in an event and a suspicion, also when the reactions look at the
// whole log again.
func TestABadReviewIsFollowedUp(t *testing.T) {
	s := newScene(t)
	var ahead atomic.Int64
	s.app.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.ok(s.app.AdoptCreditPolicy(t.Context(), credit.Adopt{Act: s.act(), PolicyVersion: credit.Default()}))
	// What a family may rate is the case's own rule; here it has rated.
	rated := func(r booking.Rated) uuid.UUID {
		id := uuid.New()
		s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.Open{Act: s.act(), Opened: s.opened(id)}))
		h := events.Handler[booking.State, booking.Command, booking.Event]{Store: s.app.Store, Registry: s.app.Registry, Category: booking.Category, Decider: booking.Case}
		h.Decider.Decide = func(booking.State, booking.Command) ([]booking.Event, error) { return []booking.Event{r}, nil }
		s.ok(h.Handle(t.Context(), id.String(), booking.Rate{Act: s.act()}))
		return id
	}
	bad, anonymous, good := rated(booking.Rated{Level: 1, Named: true}), rated(booking.Rated{Level: 1}), rated(booking.Rated{Level: 4, Named: true})
	// Damage that a family reported is repaired in its term, or that is on record.
	mended, broken := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{mended, broken} {
		s.ok(s.app.Repairs.Handle(t.Context(), id.String(), cemetery.ReportDamage{Act: s.act(), Cemetery: home, Plot: "A-1", Damage: cemetery.PathDamage, Known: true, Days: 10}))
	}
	s.ok(s.app.Repairs.Handle(t.Context(), mended.String(), cemetery.FinishRepair{Act: s.act(), On: domain.DateOf(s.app.Now())}))
	_, stop := s.start(nil)
	review := func(id uuid.UUID) oversight.ReviewState {
		r, _, err := s.app.Reviews.Load(t.Context(), id.String())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s.until("the follow-up is open", func() bool { return review(bad).Exists() })
	ahead.Store(int64(60 * 24 * time.Hour))
	stop()
	_, stop = s.start(nil)
	s.until("both terms are missed", func() bool { return len(review(bad).Missed) == 2 })
	suspicions := func() (n int) {
		l, _, err := s.app.Credit.Load(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range l.Suspicions {
			if x.Rule == "R02" && x.Fact == "review-"+bad.String() {
				n++
			}
		}
		return n
	}
	s.until("it is suspected", func() bool { return suspicions() > 0 })
	orders := func(id uuid.UUID) (n int) {
		l, _, err := s.app.Credit.Load(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range l.Suspicions {
			if x.Rule == "V02" && x.Fact == "repair-"+id.String() {
				n++
			}
		}
		return n
	}
	s.until("the late repair is suspected", func() bool { return orders(broken) > 0 })
	stop()
	s.file += ".new" // nothing is remembered
	p, stop := s.start(nil)
	defer stop()
	rc := s.ok(s.app.Reviews.Handle(t.Context(), bad.String(), oversight.ContactReviewer{Act: s.act(), Reached: true}))
	if err := p.Wait(t.Context(), rc.Position); err != nil {
		t.Fatal(err)
	}
	if got := review(bad); len(got.Missed) != 2 || suspicions() != 1 {
		t.Errorf("%d missed terms and %d suspicions, want 2 and 1", len(got.Missed), suspicions())
	}
	if orders(broken) != 1 || orders(mended) != 0 {
		t.Errorf("%d suspicions of a late repair and %d of one in time, want 1 and 0", orders(broken), orders(mended))
	}
	if review(anonymous).Exists() || review(good).Exists() {
		t.Error("a review that nobody has to follow up is followed up")
	}
}

// An upheld complaint is a suspicion, one that was not upheld is none.
func TestAnUpheldComplaintIsASuspicion(t *testing.T) {
	s := newScene(t)
	s.ok(s.app.AdoptCreditPolicy(t.Context(), credit.Adopt{Act: s.act(), PolicyVersion: credit.Default()}))
	_, stop := s.start(nil)
	defer stop()
	h := events.Handler[oversight.ComplaintState, oversight.ComplaintCommand, oversight.ComplaintEvent]{Store: s.app.Store, Registry: s.app.Registry,
		Category: oversight.ComplaintCategory, Decider: oversight.Complaint}
	decided := func(upheld bool) (last events.Receipt) {
		id := uuid.New()
		for _, e := range []oversight.ComplaintEvent{oversight.ComplaintFiled{Institution: home, FiledOn: "2026-11-02", AcknowledgeBy: "2026-11-04", DecideBy: "2099-01-01"},
			oversight.ComplaintDecided{Upheld: upheld, Document: "连民投〔2026〕3号", DecidedOn: "2026-11-20"}} {
			h.Decider.Decide = func(oversight.ComplaintState, oversight.ComplaintCommand) ([]oversight.ComplaintEvent, error) {
				return []oversight.ComplaintEvent{e}, nil
			}
			last = s.ok(h.Handle(t.Context(), id.String(), oversight.AcknowledgeComplaint{Act: s.act()}))
		}
		return last
	}
	decided(false)
	decided(true)
	var l credit.LedgerState
	s.until("the upheld one is suspected", func() bool {
		var err error
		if l, _, err = s.app.Credit.Load(t.Context(), home); err != nil {
			t.Fatal(err)
		}
		return len(l.Suspicions) > 0
	})
	if len(l.Suspicions) != 1 || l.Suspicions[0].Rule != "R03" {
		t.Errorf("suspicions: %+v", l.Suspicions)
	}
}

// A published inspection with findings and a served penalty are suspicions, each
// under the rule of its kind and severity; a visit that found nothing is none.
func TestInspectionsAndPenaltiesAreSuspicions(t *testing.T) {
	s := newScene(t)
	s.ok(s.app.AdoptCreditPolicy(t.Context(), credit.Adopt{Act: s.act(), PolicyVersion: credit.Default()}))
	_, stop := s.start(nil)
	defer stop()
	round := events.Handler[oversight.InspectionState, oversight.InspectionCommand, oversight.InspectionEvent]{Store: s.app.Store, Registry: s.app.Registry,
		Category: oversight.InspectionCategory, Decider: oversight.Inspection}
	for _, x := range []struct {
		id       string
		findings []oversight.InspectionFinding
	}{{"2026-Q3", nil}, {"2026-Q4", []oversight.InspectionFinding{{Line: "P01", What: "价目牌缺两项"}}}} {
		for _, e := range []oversight.InspectionEvent{oversight.InspectionRecorded{Institution: home, VisitedOn: "2026-11-02", Findings: x.findings, PublishBy: "2099-01-01"},
			oversight.InspectionPublished{Institution: home, Document: "连民检〔2026〕1号", PublishedOn: "2026-11-03", PublishedUntil: "2027-11-03"}} {
			round.Decider.Decide = func(oversight.InspectionState, oversight.InspectionCommand) ([]oversight.InspectionEvent, error) {
				return []oversight.InspectionEvent{e}, nil
			}
			s.ok(round.Handle(t.Context(), x.id, oversight.MissInspection{Act: s.act()}))
		}
	}
	penalty := events.Handler[oversight.PenaltyState, oversight.PenaltyCommand, oversight.PenaltyEvent]{Store: s.app.Store, Registry: s.app.Registry,
		Category: oversight.PenaltyCategory, Decider: oversight.Penalty}
	for _, severity := range oversight.PenaltySeverities {
		id := uuid.NewString()
		for _, e := range []oversight.PenaltyEvent{oversight.PenaltyProposed{Institution: home, Severity: severity, Kind: "警告", Fact: "F", Basis: "B", Officers: [2]string{"o-1", "o-2"}},
			oversight.PenaltyDecided{Document: "D", DecidedOn: "2026-11-02", PublishBy: "2099-01-01"}, oversight.PenaltyServed{ServedOn: "2026-11-03"}} {
			penalty.Decider.Decide = func(oversight.PenaltyState, oversight.PenaltyCommand) ([]oversight.PenaltyEvent, error) {
				return []oversight.PenaltyEvent{e}, nil
			}
			s.ok(penalty.Handle(t.Context(), id, oversight.MissPenalty{Act: s.act()}))
		}
	}
	rules := map[string]string{}
	s.until("all of them are suspected", func() bool {
		l, _, err := s.app.Credit.Load(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range l.Suspicions {
			rules[x.Rule] = x.Fact
		}
		return rules["V03"] != "" && rules["V04"] != "" && rules["V05"] != ""
	})
	if len(rules) != 4 || rules["V01"] != "inspection-2026-Q4/"+home {
		t.Errorf("suspected: %v", rules)
	}
}
