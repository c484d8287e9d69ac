package oversight_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/oversight"
)

var (
	rating     = uuid.MustParse("0193a5b0-7c00-7000-8000-0000000000aa")
	openReview = OpenReview{Act: on("policy:reviews", 0), Case: caseA, Institution: home, Level: 1, Named: true, Rating: rating, RatedOn: today, CallDays: 1, ResolveDays: 5}
	opened     = ReviewOpened{caseA, home, 1, rating, today, "2026-11-24", "2026-11-30"}
	spoke      = ReviewContacted{true, "2026-11-24"}
	solved     = ReviewResolved{Note: "已说明并退还差额", CheckBy: "2026-12-01"}
)

func TestReview(t *testing.T) {
	spec := domaintest.For(Review)
	resolve := ResolveReview{Act: on("desk-0101", 1), Note: "已说明并退还差额", Attempts: 3, CheckDays: 5}
	t.Run("a bad review under a real name is followed up", func(t *testing.T) {
		spec.Given(t).When(openReview).Then(opened)
		spec.Given(t).When(with(openReview, func(c *OpenReview) { c.Level = 3 })).Rejects(ErrReviewNotBad)
		spec.Given(t).When(with(openReview, func(c *OpenReview) { c.Named = false })).Rejects(ErrReviewNotBad)
		spec.Given(t, opened).When(openReview).Then()
		spec.Given(t, opened).When(with(openReview, func(c *OpenReview) { c.Rating = caseA })).Rejects(ErrReviewExists)
	})
	t.Run("it is resolved after somebody was spoken with", func(t *testing.T) {
		spec.Given(t, opened).When(resolve).Rejects(ErrReviewNoCall)
		spec.Given(t, opened).When(ContactReviewer{on("desk-0101", 1), true}).Then(spoke)
		spec.Given(t, opened, ReviewContacted{false, "2026-11-24"}).When(resolve).Rejects(ErrReviewNoCall)
		spec.Given(t, opened, spoke).When(resolve).Then(solved)
		spec.Given(t, opened, spoke).When(with(resolve, func(c *ResolveReview) { c.Note = "" })).Rejects(ErrReason)
	})
	t.Run("nobody is out of reach after one day", func(t *testing.T) {
		unable := with(resolve, func(c *ResolveReview) { c.Unable, c.Note, c.Act = true, "联系不上", on("desk-0101", 3) })
		missedCalls := []ReviewEvent{opened, ReviewContacted{false, "2026-11-24"}, ReviewContacted{false, "2026-11-25"}}
		spec.Given(t, missedCalls...).When(unable).Rejects(ErrReviewAttempts)
		spec.Given(t, append(missedCalls, ReviewContacted{false, "2026-11-26"})...).When(unable).Then(ReviewResolved{true, "联系不上", "2026-12-03"})
	})
	t.Run("the term is put off once, with a reason", func(t *testing.T) {
		extend := ExtendReview{on("desk-0101", 1), "等待供应商对账", 10}
		spec.Given(t, opened).When(extend).Then(ReviewExtended{"2026-12-14", "等待供应商对账"})
		spec.Given(t, opened).When(with(extend, func(c *ExtendReview) { c.Reason = " " })).Rejects(ErrReason)
		spec.Given(t, opened, ReviewExtended{"2026-12-14", "等待供应商对账"}).When(extend).Rejects(ErrReviewExtended)
	})
	t.Run("the authority checks, and sends back what is not so", func(t *testing.T) {
		check := CheckReview{Act: on("regulator-0501", 2), Sound: true, Justified: true, ResolveDays: 5}
		back := ReviewChecked{Reason: "家属说没有接到电话", ResolveBy: "2026-12-02"}
		spec.Given(t, opened, spoke).When(check).Rejects(ErrReviewUnsolved)
		spec.Given(t, opened, spoke, solved).When(check).Then(ReviewChecked{Sound: true, Justified: true})
		spec.Given(t, opened, spoke, solved).When(with(check, func(c *CheckReview) { c.Sound, c.Reason = false, back.Reason })).Then(back)
		spec.Given(t, opened, spoke, solved, back).When(with(resolve, func(c *ResolveReview) { c.Act = on("desk-0101", 3) })).Then(with(solved, func(e *ReviewResolved) { e.CheckBy = "2026-12-03" }))
		spec.Given(t, opened, spoke, solved, ReviewChecked{Sound: true}).When(with(resolve, func(c *ResolveReview) { c.Note = "又一次" })).Rejects(ErrReviewEnded)
	})
	t.Run("a review in bad faith is taken out on a document", func(t *testing.T) {
		out := ExcludeReview{on("regulator-0501", 1), InBadFaith, "连民评〔2026〕1号"}
		spec.Given(t, opened).When(out).Then(ReviewExcluded{InBadFaith, "连民评〔2026〕1号"})
		spec.Given(t, opened).When(with(out, func(c *ExcludeReview) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, opened).When(with(out, func(c *ExcludeReview) { c.Ground = "" })).Rejects(ErrExclusionGround)
		spec.Given(t, opened, ReviewExcluded{InBadFaith, "x"}).When(ContactReviewer{on("desk-0101", 1), true}).Rejects(ErrReviewEnded)
	})
	t.Run("a term that passed is on record", func(t *testing.T) {
		spec.Given(t, opened).When(MissReview{on("policy:duties", 1), Call}).Rejects(ErrNotDue)
		spec.Given(t, opened).When(MissReview{on("policy:duties", 2), Call}).Then(ReviewMissed{Call, "2026-11-24", false})
		spec.Given(t, opened, spoke).When(MissReview{on("policy:duties", 8), Resolve}).Then(ReviewMissed{Resolve, "2026-11-30", false})
		spec.Given(t, opened, spoke, solved).When(MissReview{on("policy:duties", 9), Check}).Then(ReviewMissed{Check, "2026-12-01", true})
	})
	domaintest.Times(t, Review, spec.Given(t, opened).State(), []ReviewCommand{ContactReviewer{}, ExtendReview{Reason: "x", Days: 1}, ExcludeReview{Ground: ByMistake, Document: "x"}}...)
}

// However it goes, a follow-up that has not ended owes something with a day, and
// none is resolved without a call.
func TestReviewHistories(t *testing.T) {
	ends, back := 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		day := 0
		domaintest.Random(t, Review, func(s ReviewState) ReviewCommand {
			day += rapid.IntRange(0, 3).Draw(t, "days")
			act := on("desk-0101", day)
			return rapid.SampledFrom([]ReviewCommand{
				with(openReview, func(c *OpenReview) { c.Level = rapid.IntRange(1, 3).Draw(t, "level") }), ContactReviewer{act, rapid.Bool().Draw(t, "reached")}, ExtendReview{act, "x", 10},
				ResolveReview{act, rapid.Bool().Draw(t, "unable"), "x", 3, 5}, CheckReview{Act: act, Sound: rapid.IntRange(0, 2).Draw(t, "sound") > 0, Reason: "x", ResolveDays: 5},
				MissReview{act, Call}, MissReview{act, Resolve}, MissReview{act, Check},
			}).Draw(t, "command")
		}, func(s ReviewState, history []ReviewEvent) {
			switch e := history[len(history)-1].(type) {
			case ReviewResolved:
				if len(s.Contacts) == 0 {
					t.Fatal("resolved without a call")
				}
			case ReviewMissed:
				if today.AddDays(day) <= e.By {
					t.Fatalf("%s counts as missed on %s", e.Step, today.AddDays(day))
				}
			case ReviewChecked:
				if e.Sound {
					ends++
				} else {
					back++
				}
			}
			if s.Ended() != (len(s.Duties()) == 0) {
				t.Fatalf("ended %v, and owes %v", s.Ended(), s.Duties())
			}
			for _, d := range s.Duties() {
				if !domain.Date(d.By).Valid() {
					t.Fatalf("%s has no day", d.Step)
				}
			}
		})
	}, &ends, &back)
}
