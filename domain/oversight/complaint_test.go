package oversight_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/oversight"
)

// with is a copy with something changed.
func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

const (
	home    domain.CreditCode = "12210200422000019F"
	someone domain.Subject    = "5f0c7a52-3a0e-4d0b-9d5a-8f5d7c1e2b90"
	// The specs' day is a Monday.
	today domain.Date = "2026-11-23"
)

// on is an act of an account at noon, days after the specs' day.
func on(account string, days int) domain.Act {
	return domaintest.At(account, domaintest.Noon.Add(time.Duration(days)*24*time.Hour))
}

func said(s string) domain.Private[string] { return domain.Personal(someone, s) }

var (
	file = FileComplaint{Act: on("public", 0), Institution: home, Item: "HALL_S", Text: said("多收了钱"), Contact: said("13804110412"), Known: true, ItemKnown: true,
		AcknowledgeDays: 2, DecideDays: 20}
	filed = ComplaintFiled{Institution: home, Item: "HALL_S", Text: said("多收了钱"), Contact: said("13804110412"), FiledOn: today, AcknowledgeBy: "2026-11-25", DecideBy: "2026-12-21"}
	asked = ComplaintForwarded{"2026-11-30"}
	reply = ComplaintAnswered{said("已退还")}
	ruled = ComplaintDecided{Upheld: true, Document: "连民投〔2026〕3号", DecidedOn: today}
)

func TestComplaint(t *testing.T) {
	spec := domaintest.For(Complaint)
	took, answer := ComplaintAcknowledged{}, AnswerComplaint{on("desk-0101", 1), said("已退还")}
	decide := DecideComplaint{Act: on("regulator-0501", 1), Upheld: true, Document: "连民投〔2026〕3号", DecidedOn: today}
	t.Run("anybody files, with contact or without, and the terms begin", func(t *testing.T) {
		spec.Given(t).When(file).Then(filed)
		spec.Given(t).When(with(file, func(c *FileComplaint) { c.Contact = domain.Private[string]{} })).Then(with(filed, func(e *ComplaintFiled) { e.Contact = domain.Private[string]{} }))
		spec.Given(t, filed).When(file).Then()
		spec.Given(t, filed).When(with(file, func(c *FileComplaint) { c.Text = said("另一件事") })).Rejects(ErrComplaintExists)
	})
	t.Run("a complaint is about somebody, about a line that there is, and says something", func(t *testing.T) {
		spec.Given(t).When(with(file, func(c *FileComplaint) { c.Known = false })).Rejects(ErrComplaintAbout)
		spec.Given(t).When(with(file, func(c *FileComplaint) { c.ItemKnown = false })).Rejects(ErrComplaintItem)
		spec.Given(t).When(with(file, func(c *FileComplaint) { c.Text = said("  ") })).Rejects(ErrComplaintText)
		spec.Given(t).When(with(file, func(c *FileComplaint) { c.DecideDays = 0 })).Rejects(ErrTerms)
	})
	t.Run("the institution answers when it is asked, once", func(t *testing.T) {
		spec.Given(t, filed).When(answer).Rejects(ErrNotForwarded)
		spec.Given(t, filed).When(ForwardComplaint{on("regulator-0501", 0), 5}).Then(took, asked)
		spec.Given(t, filed, took).When(ForwardComplaint{on("regulator-0501", 0), 5}).Then(asked)
		spec.Given(t, filed, took, asked).When(answer).Then(reply)
		spec.Given(t, filed, took, asked, reply).When(with(answer, func(c *AnswerComplaint) { c.Answer = said("别的") })).Rejects(ErrComplaintAnswered)
	})
	t.Run("a decision hears the institution or waits for its term, and has its document", func(t *testing.T) {
		spec.Given(t, filed, took).When(decide).Rejects(ErrNotForwarded)
		spec.Given(t, filed, took, asked).When(decide).Rejects(ErrAnswerRuns)
		spec.Given(t, filed, took, asked).When(with(decide, func(c *DecideComplaint) { c.Act, c.DecidedOn = on("regulator-0501", 8), "2026-12-01" })).
			Then(with(ruled, func(e *ComplaintDecided) { e.DecidedOn = "2026-12-01" }))
		spec.Given(t, filed, took, asked, reply).When(decide).Then(ruled)
		spec.Given(t, filed, took, asked, reply).When(with(decide, func(c *DecideComplaint) { c.Document = " " })).Rejects(ErrDocument)
		spec.Given(t, filed, took, asked, reply).When(with(decide, func(c *DecideComplaint) { c.DecidedOn = "2026-11-30" })).Rejects(ErrDay)
		spec.Given(t, filed, took, asked, reply, ruled).When(with(decide, func(c *DecideComplaint) { c.Upheld = false })).Rejects(ErrComplaintDecided)
	})
	t.Run("what ends without a decision says why", func(t *testing.T) {
		end := CloseComplaint{on("regulator-0501", 1), Withdrawn, "投诉人来电撤回"}
		spec.Given(t, filed).When(end).Then(ComplaintClosed{Withdrawn, "投诉人来电撤回"})
		spec.Given(t, filed).When(with(end, func(c *CloseComplaint) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, filed).When(with(end, func(c *CloseComplaint) { c.How = AfterDecision })).Rejects(ErrNotDecided)
		spec.Given(t, filed, took, asked, reply, ruled).When(end).Rejects(ErrComplaintDecided)
		spec.Given(t, filed, took, asked, reply, ruled).When(with(end, func(c *CloseComplaint) { c.How = AfterDecision })).Then(ComplaintClosed{How: AfterDecision})
	})
	t.Run("a term that passed is on record, the authority's own too", func(t *testing.T) {
		spec.Given(t, filed).When(MissComplaint{on("policy:duties", 2), Acknowledge}).Rejects(ErrNotDue)
		spec.Given(t, filed).When(MissComplaint{on("policy:duties", 3), Acknowledge}).Then(ComplaintMissed{Acknowledge, "2026-11-25", true})
		spec.Given(t, filed, took).When(MissComplaint{on("policy:duties", 3), Acknowledge}).Rejects(ErrNotDue)
		spec.Given(t, filed, took, asked).When(MissComplaint{on("policy:duties", 8), Answer}).Then(ComplaintMissed{Answer, "2026-11-30", false})
	})
	t.Run("nothing is asked of a complaint that there is not", func(t *testing.T) {
		for _, c := range []ComplaintCommand{AcknowledgeComplaint{on("x", 0)}, answer, decide, CloseComplaint{on("x", 0), Withdrawn, "x"}, MissComplaint{on("x", 0), Decide}} {
			spec.Given(t).When(c).Rejects(ErrComplaintUnknown)
		}
	})
	domaintest.Times(t, Complaint, spec.Given(t, filed).State(), []ComplaintCommand{AcknowledgeComplaint{}, ForwardComplaint{AnswerDays: 5}, CloseComplaint{How: Withdrawn, Reason: "x"}}...)
}

// However its commands come, a complaint is decided only after the institution
// was asked and heard or late, a term is missed only after its last day, and
// nothing runs once it is decided or closed.
func TestComplaintHistories(t *testing.T) {
	decisions, misses := 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		day := 0
		domaintest.Random(t, Complaint, func(ComplaintState) ComplaintCommand {
			day += rapid.IntRange(0, 6).Draw(t, "days")
			act := on(rapid.SampledFrom([]string{"regulator-0501", "desk-0101"}).Draw(t, "by"), day)
			return rapid.SampledFrom([]ComplaintCommand{
				with(file, func(c *FileComplaint) { c.Act = act }), AcknowledgeComplaint{act}, ForwardComplaint{act, 5}, AnswerComplaint{act, said("已退还")},
				DecideComplaint{Act: act, Upheld: true, Document: "x", DecidedOn: domain.DateOf(act.Now)}, CloseComplaint{act, AfterDecision, ""}, CloseComplaint{act, Withdrawn, "x"},
				MissComplaint{act, Acknowledge}, MissComplaint{act, Answer}, MissComplaint{act, Decide},
			}).Draw(t, "command")
		}, func(s ComplaintState, history []ComplaintEvent) {
			now := today.AddDays(day)
			switch e := history[len(history)-1].(type) {
			case ComplaintDecided:
				decisions++
				if s.AnswerBy == "" || s.Answer == nil && now <= s.AnswerBy {
					t.Fatalf("decided on %s, with an answer due by %q", now, s.AnswerBy)
				}
			case ComplaintMissed:
				misses++
				if now <= e.By {
					t.Fatalf("%s counts as missed on %s", e.Step, now)
				}
			}
			if (s.Decided != nil || s.Closed != nil) && len(s.Duties()) > 0 {
				t.Fatalf("terms run after the end: %v", s.Duties())
			}
			for i, m := range s.Missed {
				if slices.Contains(s.Missed[:i], m) {
					t.Fatalf("%v is missed twice", m)
				}
			}
		})
	}, &decisions, &misses)
}

var caseA = uuid.MustParse("0193a5b0-7c00-7000-8000-000000000001")
