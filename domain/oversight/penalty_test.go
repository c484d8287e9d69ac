package oversight_test

import (
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/oversight"
)

var (
	proposed = PenaltyProposed{home, GeneralPenalty, "罚款", domain.Yuan(20000), "价目牌以外收取费用", "殡葬管理条例（2026）", [2]string{"officer-1", "officer-2"}}
	propose  = ProposePenalty{Act: on("officer-1", 0), PenaltyProposed: proposed, Known: true}
	told     = PenaltyNotified{"连民罚告〔2026〕1号", "2026-11-30"}
	heard    = PenaltyHeard{"陈述书", false}
	approved = PenaltyReviewed{"officer-3", true, "事实清楚，程序合法"}
	decided  = PenaltyDecided{"连民罚决〔2026〕1号", "2026-11-25", "2026-12-04", "2027-11-25"}
)

func TestPenalty(t *testing.T) {
	spec := domaintest.For(Penalty)
	decide := DecidePenalty{on("officer-2", 2), "连民罚决〔2026〕1号", "2026-11-25", 7}
	t.Run("two different officers propose, on facts and basis", func(t *testing.T) {
		spec.Given(t).When(propose).Then(proposed)
		spec.Given(t).When(with(propose, func(c *ProposePenalty) { c.Officers[1] = "officer-1" })).Rejects(ErrPenaltyOfficers)
		spec.Given(t).When(with(propose, func(c *ProposePenalty) { c.Act = on("officer-2", 0) })).Rejects(ErrPenaltyProposer)
		spec.Given(t).When(with(propose, func(c *ProposePenalty) { c.Stranger = true })).Rejects(ErrPenaltyStranger)
		spec.Given(t).When(with(propose, func(c *ProposePenalty) { c.Fact = "" })).Rejects(ErrPenaltyIncomplete)
		spec.Given(t).When(with(propose, func(c *ProposePenalty) { c.Known = false })).Rejects(ErrPenaltyIncomplete)
	})
	t.Run("the institution is told and heard", func(t *testing.T) {
		spec.Given(t, proposed).When(NotifyPenalty{on("officer-1", 0), told.Document, 5}).Then(told)
		spec.Given(t, proposed).When(HearPenalty{on("officer-1", 0), "陈述书", false}).Rejects(ErrPenaltyUnnotified)
		spec.Given(t, proposed, told).When(HearPenalty{on("officer-1", 0), "陈述书", false}).Then(heard)
		spec.Given(t, proposed, approved).When(decide).Rejects(ErrPenaltyUnnotified)
		spec.Given(t, proposed, told, approved).When(decide).Rejects(ErrPenaltyHearing)
		spec.Given(t, proposed, told, approved).When(with(decide, func(c *DecidePenalty) { c.Act = on("officer-2", 8) })).Rejects(ErrPenaltyHearing) // back-dated into the time to be heard
		spec.Given(t, proposed, told, approved).When(with(decide, func(c *DecidePenalty) { c.Act, c.DecidedOn = on("officer-2", 8), "2026-12-01" })).
			Then(PenaltyDecided{decided.Document, "2026-12-01", "2026-12-10", "2027-12-01"})
	})
	t.Run("a third person reviews it, and no document, no decision", func(t *testing.T) {
		review := ReviewPenalty{on("officer-3", 1), true, "事实清楚，程序合法"}
		spec.Given(t, proposed).When(review).Then(approved)
		spec.Given(t, proposed).When(with(review, func(c *ReviewPenalty) { c.Act = on("officer-2", 1) })).Rejects(ErrPenaltyThird)
		spec.Given(t, proposed, told, heard).When(decide).Rejects(ErrPenaltyUnreviewed)
		spec.Given(t, proposed, told, heard, with(approved, func(e *PenaltyReviewed) { e.Approved = false })).When(decide).Rejects(ErrPenaltyUnreviewed)
		spec.Given(t, proposed, told, heard, approved).When(with(decide, func(c *DecidePenalty) { c.Document = " " })).Rejects(ErrDocument)
		spec.Given(t, proposed, told, heard, approved).When(decide).Then(decided)
		spec.Given(t, proposed, told, heard, approved).When(with(decide, func(c *DecidePenalty) { c.Act = on("officer-1", 2) })).Rejects(ErrPenaltySecond)
		spec.Given(t, proposed, told, approved, heard).When(decide).Rejects(ErrPenaltyUnreviewed) // heard after the review
	})
	t.Run("publication begins with service and ends by itself, by severity", func(t *testing.T) {
		all := []PenaltyEvent{proposed, told, heard, approved, decided}
		spec.Given(t, all...).When(ServePenalty{on("officer-1", 3), "2026-11-26"}).Then(PenaltyServed{"2026-11-26"})
		spec.Given(t, all...).When(ServePenalty{on("officer-1", 3), "2026-11-24"}).Rejects(ErrDay)
		spec.Given(t, all...).When(MissPenalty{on("policy:duties", 11)}).Rejects(ErrNotDue)
		spec.Given(t, all...).When(MissPenalty{on("policy:duties", 12)}).Then(PenaltyMissed{"2026-12-04"})
		served := append(all, PenaltyServed{"2026-11-26"})
		for d, want := range map[domain.Date]bool{"2026-11-25": false, "2026-11-26": true, "2027-11-25": true, "2027-11-26": false} {
			if got := spec.Given(t, served...).State().Public(d); got != want {
				t.Errorf("public on %s: %v", d, got)
			}
		}
		minor := spec.Given(t, with(proposed, func(e *PenaltyProposed) { e.Severity = MinorPenalty }), told, heard, approved)
		minor.When(decide).Then(with(decided, func(e *PenaltyDecided) { e.PublishedUntil = "" }))
	})
	t.Run("repair waits for the shortest time, revocation ends it at once", func(t *testing.T) {
		served := []PenaltyEvent{proposed, told, heard, approved, decided, PenaltyServed{"2026-11-26"}}
		repair := RepairPenalty{on("officer-1", 100), "连民修〔2027〕1号", "2027-02-25"}
		spec.Given(t, served...).When(with(repair, func(c *RepairPenalty) { c.RepairedOn = "2027-02-24" })).Rejects(ErrPenaltyRepairEarly)
		spec.Given(t, served[:5]...).When(repair).Rejects(ErrPenaltyUnpublished)
		spec.Given(t, served...).When(repair).Then(PenaltyRepaired{"连民修〔2027〕1号", "2027-02-25"})
		if s := spec.Given(t, append(served, PenaltyRepaired{"x", "2027-02-25"})...).State(); s.Public("2027-02-25") || !s.Public("2027-02-24") {
			t.Error("a repair does not end the publication on its day")
		}
		spec.Given(t, served...).When(RevokePenalty{on("officer-1", 10), "连民撤〔2026〕1号", "适用依据错误", "2026-12-01"}).Then(PenaltyRevoked{"连民撤〔2026〕1号", "适用依据错误", "2026-12-01"})
		if spec.Given(t, append(served, PenaltyRevoked{"x", "y", "2026-12-01"})...).State().Public("2026-11-27") {
			t.Error("a revoked penalty is public")
		}
	})
	domaintest.Times(t, Penalty, spec.Given(t, proposed).State(), []PenaltyCommand{NotifyPenalty{}, ReviewPenalty{}, DecidePenalty{}, MissPenalty{}}...)
}

// However its commands come, a penalty is decided with its document, two
// officers and the approval of a third, after the institution was heard or its
// time was over; nothing is public before.
func TestPenaltyHistories(t *testing.T) {
	n := 0
	domaintest.Check(t, func(t *rapid.T) {
		day := 0
		domaintest.Random(t, Penalty, func(PenaltyState) PenaltyCommand {
			day += rapid.IntRange(0, 4).Draw(t, "days")
			act := on(rapid.SampledFrom([]string{"officer-1", "officer-2", "officer-3"}).Draw(t, "by"), day)
			now := domain.DateOf(act.Now)
			return rapid.SampledFrom([]PenaltyCommand{
				with(propose, func(c *ProposePenalty) { c.Act = act }), NotifyPenalty{act, "x", 5}, HearPenalty{act, "x", true}, ReviewPenalty{act, rapid.Bool().Draw(t, "approved"), "x"},
				DecidePenalty{act, rapid.SampledFrom([]string{"", "x"}).Draw(t, "document"), now, 7}, ServePenalty{act, now}, MissPenalty{act}, RepairPenalty{act, "x", now}, RevokePenalty{act, "x", "y", now},
			}).Draw(t, "command")
		}, func(s PenaltyState, history []PenaltyEvent) {
			if d, ok := history[len(history)-1].(PenaltyDecided); ok {
				n++
				r := s.Reviewed
				if d.Document == "" || s.Proposed.Officers[0] == s.Proposed.Officers[1] || r == nil || !r.Approved || r.Reviewer == s.Proposed.Officers[0] || r.Reviewer == s.Proposed.Officers[1] {
					t.Fatalf("decided by %v, reviewed %+v", s.Proposed.Officers, r)
				}
				if s.Notified == nil || s.Heard == nil && today.AddDays(day) <= s.Notified.HearBy {
					t.Fatal("decided unheard")
				}
			}
			if s.Public(today.AddDays(day)) && (s.Decided == nil || s.Served == nil) {
				t.Fatal("public before it is decided and served")
			}
		})
	}, &n)
}
