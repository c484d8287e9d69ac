package oversight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/oversight"
)

const (
	north domain.CreditCode = "12210281422000027L"
	south domain.CreditCode = "52210212MJ0YY00496"
)

var (
	seed, salt = strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	committed  = InspectionCommitted{domain.Commitment(seed, salt), "officer-1", 2}
	closed     = InspectionFrozen{[]domain.CreditCode{home, north, south}, []string{"officer-3", "officer-4", "officer-5"}, []InspectionExclusion{{home, "officer-3", "近亲属在该机构任职"}}}
	evidence   = []InspectionEvidence{{"大厅价目牌.jpg", strings.Repeat("0f", 32)}}
)

func drawnOf(t testing.TB) InspectionDrawn {
	visits, ok := DrawInspection(seed, closed, 2)
	if !ok {
		t.Fatal("no draw")
	}
	return InspectionDrawn{seed, salt, visits}
}

func TestInspection(t *testing.T) {
	spec := domaintest.For(Inspection)
	drawn := drawnOf(t)
	commit := CommitInspection{on("officer-1", 0), committed.Commitment, 2}
	freeze := FreezeInspection{on("officer-2", 0), []domain.CreditCode{south, home, north}, []string{"officer-5", "officer-3", "officer-4"}, closed.Excluded, []domain.CreditCode{home, north, south}}
	t.Run("the seed is bound before the lists are closed, by somebody else", func(t *testing.T) {
		spec.Given(t).When(commit).Then(committed)
		spec.Given(t).When(freeze).Rejects(ErrInspectionUncommitted)
		spec.Given(t, committed).When(freeze).Then(closed)
		spec.Given(t, committed).When(with(freeze, func(c *FreezeInspection) { c.Act = on("officer-1", 0) })).Rejects(ErrInspectionOnePerson)
		spec.Given(t, committed).When(with(commit, func(c *CommitInspection) { c.Count = 3 })).Rejects(ErrInspectionCommitted)
		spec.Given(t, committed, closed).When(with(freeze, func(c *FreezeInspection) { c.Officers = c.Officers[:2] })).Rejects(ErrInspectionFrozen)
	})
	t.Run("nobody is left out without a reason", func(t *testing.T) {
		without := with(freeze, func(c *FreezeInspection) { c.Institutions = []domain.CreditCode{home, north} })
		spec.Given(t, committed).When(without).Rejects(ErrInspectionRegister)
		spec.Given(t, committed).When(with(without, func(c *FreezeInspection) {
			c.Excluded = append(slices.Clone(c.Excluded), InspectionExclusion{south, "", "停业"})
		})).
			Then(with(closed, func(e *InspectionFrozen) {
				e.Institutions, e.Excluded = []domain.CreditCode{home, north}, append(slices.Clone(e.Excluded), InspectionExclusion{south, "", "停业"})
			}))
		spec.Given(t, committed).When(with(freeze, func(c *FreezeInspection) { c.Excluded = []InspectionExclusion{{home, "officer-3", " "}} })).Rejects(ErrReason)
		spec.Given(t, committed).When(with(freeze, func(c *FreezeInspection) { c.Officers = []string{"officer-3", "officer-4"} })).Rejects(ErrInspectionNoTeam)
	})
	t.Run("the draw comes out as it was committed to", func(t *testing.T) {
		open := OpenInspection{on("officer-1", 1), seed, salt}
		spec.Given(t, committed).When(open).Rejects(ErrInspectionNotFrozen)
		spec.Given(t, committed, closed).When(open).Then(drawn)
		spec.Given(t, committed, closed).When(with(open, func(c *OpenInspection) { c.Seed = salt })).Rejects(ErrInspectionSeed)
		if s := spec.Given(t, committed, closed, drawn).State(); !s.Recompute() {
			t.Error("it cannot be recomputed")
		}
		forged := with(drawn, func(e *InspectionDrawn) { e.Visits = []InspectionVisit{drawn.Visits[1], drawn.Visits[0]} })
		if s := spec.Given(t, committed, closed, forged).State(); s.Recompute() {
			t.Error("another result recomputes too")
		}
	})
	visit := drawn.Visits[0]
	record := RecordInspection{on(visit.Officers[1], 2), visit.Institution, "2026-11-24", visit.Officers, "2026.1", []InspectionFinding{{"P01", "价目牌缺两项"}}, evidence, 20}
	recorded := InspectionRecorded{visit.Institution, "2026-11-24", visit.Officers, "2026.1", record.Findings, evidence, "2026-12-22"}
	t.Run("a visit is made by whom the draw named, with its record", func(t *testing.T) {
		spec.Given(t, committed, closed, drawn).When(record).Then(recorded)
		spec.Given(t, committed, closed, drawn).When(with(record, func(c *RecordInspection) { c.Officers[0] = "officer-9" })).Rejects(ErrInspectionOfficers)
		spec.Given(t, committed, closed, drawn).When(with(record, func(c *RecordInspection) { c.Act = on("officer-1", 2) })).Rejects(ErrInspectionRecorder)
		spec.Given(t, committed, closed, drawn).When(with(record, func(c *RecordInspection) { c.Evidence = nil })).Rejects(ErrInspectionEvidence)
		spec.Given(t, committed, closed, drawn).When(with(record, func(c *RecordInspection) { c.Institution = "x" })).Rejects(ErrInspectionNotDrawn)
		spec.Given(t, committed, closed, drawn, recorded).When(with(record, func(c *RecordInspection) { c.Checklist = "2026.2" })).Rejects(ErrInspectionRecorded)
	})
	t.Run("its result is published in time, or the term is missed", func(t *testing.T) {
		publish := PublishInspection{on("officer-2", 3), visit.Institution, "连民检〔2026〕1号", "2026-11-25", 12}
		spec.Given(t, committed, closed, drawn).When(publish).Rejects(ErrInspectionUnrecorded)
		spec.Given(t, committed, closed, drawn, recorded).When(publish).Then(InspectionPublished{visit.Institution, "连民检〔2026〕1号", "2026-11-25", "2027-11-25"})
		for d, want := range map[domain.Date]bool{"2026-11-24": false, "2026-11-25": true, "2027-11-25": true, "2027-11-26": false} {
			if got := (InspectionPublished{PublishedOn: "2026-11-25", PublishedUntil: "2027-11-25"}).Public(d); got != want {
				t.Errorf("public on %s: %v", d, got)
			}
		}
		spec.Given(t, committed, closed, drawn, recorded).When(with(publish, func(c *PublishInspection) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, committed, closed, drawn, recorded).When(MissInspection{on("policy:duties", 29), visit.Institution}).Rejects(ErrNotDue)
		spec.Given(t, committed, closed, drawn, recorded).When(MissInspection{on("policy:duties", 30), visit.Institution}).Then(InspectionMissed{visit.Institution, "2026-12-22"})
	})
	domaintest.Times(t, Inspection, spec.Given(t, committed, closed).State(), []InspectionCommand{CommitInspection{}, OpenInspection{}, MissInspection{}}...)
}

// Whatever the lists and whoever chose the seed: the draw gives as many
// institutions as it should, each two different officers who are not kept from
// it, and the same again when it is recomputed.
func TestInspectionDraws(t *testing.T) {
	first := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		f := InspectionFrozen{}
		for i := range rapid.IntRange(1, 12).Draw(t, "institutions") {
			f.Institutions = append(f.Institutions, domain.CreditCode(fmt.Sprintf("home-%02d", i)))
		}
		for i := range rapid.IntRange(4, 8).Draw(t, "officers") {
			f.Officers = append(f.Officers, fmt.Sprintf("officer-%d", i))
		}
		for _, of := range f.Institutions { // at most two of at least four
			for range rapid.IntRange(0, 2).Draw(t, "conflicts") {
				f.Excluded = append(f.Excluded, InspectionExclusion{of, rapid.SampledFrom(f.Officers).Draw(t, "officer"), "x"})
			}
		}
		seed := fmt.Sprintf("%064x", rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(1, len(f.Institutions)).Draw(t, "count")
		visits, ok := DrawInspection(seed, f, n)
		if again, _ := DrawInspection(seed, f, n); !ok || len(visits) != n || !slices.Equal(visits, again) {
			t.Fatalf("%v %v, then %v", ok, visits, again)
		}
		seen := map[domain.CreditCode]bool{}
		for _, v := range visits {
			if seen[v.Institution] || v.Officers[0] == v.Officers[1] {
				t.Fatalf("%v", visits)
			}
			seen[v.Institution] = true
			for _, x := range f.Excluded {
				if x.Institution == v.Institution && slices.Contains(v.Officers[:], x.Officer) {
					t.Fatalf("%s inspects %s, from which it is kept", x.Officer, x.Institution)
				}
			}
		}
		first[string(visits[0].Institution)] = true
	})
	if len(first) < 2 {
		t.Error("the same institution always comes first: the test shows nothing")
	}
}
