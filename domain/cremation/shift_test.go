package cremation_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func TestShift(t *testing.T) {
	spec := domaintest.For(Shift)
	list, later := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	give := HandOverShift{at("desk-1", 0), caseA, "desk-2", Counts{3, 2, 1}, list, 77, ""}
	given := ShiftHandedOver{caseA, "desk-1", "desk-2", Counts{3, 2, 1}, list, 77, "", uuid.Nil}
	take := TakeOverShift{at("desk-2", 5), caseA, list, ""}
	taken := ShiftTakenOver{caseA, "desk-2", list, ""}
	t.Run("one signs for what is handed over, the other for what is taken over", func(t *testing.T) {
		spec.Given(t).When(give).Then(given)
		spec.Given(t, given).When(take).Then(taken)
	})
	t.Run("never the same person on both sides, nor anybody else", func(t *testing.T) {
		spec.Given(t).When(with(give, func(c *HandOverShift) { c.To = " desk-1" })).Rejects(ErrShiftSelf)
		spec.Given(t).When(with(give, func(c *HandOverShift) { c.To = "" })).Rejects(ErrShiftSelf)
		spec.Given(t, given).When(with(take, func(c *TakeOverShift) { c.By = "desk-1" })).Rejects(ErrShiftSelf)
		spec.Given(t, given).When(with(take, func(c *TakeOverShift) { c.By = "desk-3" })).Rejects(ErrShiftOther)
	})
	t.Run("a list that changed since is signed with a word about it", func(t *testing.T) {
		spec.Given(t, given).When(with(take, func(c *TakeOverShift) { c.List = later })).Rejects(ErrShiftChanged)
		spec.Given(t, given).When(with(take, func(c *TakeOverShift) { c.List, c.Differs = later, "新到一位" })).Then(ShiftTakenOver{caseA, "desk-2", later, "新到一位"})
	})
	t.Run("a handover that nobody took is replaced by the next", func(t *testing.T) {
		again := with(give, func(c *HandOverShift) { c.Handover, c.List = caseB, later })
		spec.Given(t, given).When(again).Then(ShiftHandedOver{caseB, "desk-1", "desk-2", Counts{3, 2, 1}, later, 77, "", caseA})
		spec.Given(t, given, taken).When(again).Then(ShiftHandedOver{caseB, "desk-1", "desk-2", Counts{3, 2, 1}, later, 77, "", uuid.Nil})
		spec.Given(t, given, with(given, func(e *ShiftHandedOver) { e.Handover, e.Replaces = caseB, caseA })).When(take).Rejects(ErrShiftNone)
	})
	t.Run("nothing is taken over twice, or out of nothing", func(t *testing.T) {
		spec.Given(t).When(take).Rejects(ErrShiftNone)
		spec.Given(t, given, taken).When(with(take, func(c *TakeOverShift) { c.By = "desk-3" })).Rejects(ErrShiftTaken)
	})
	t.Run("no handover without its list", func(t *testing.T) {
		spec.Given(t).When(with(give, func(c *HandOverShift) { c.List = "x" })).Rejects(ErrShiftList)
		spec.Given(t).When(with(give, func(c *HandOverShift) { c.Handover = uuid.Nil })).Rejects(ErrShiftList)
		spec.Given(t).When(with(give, func(c *HandOverShift) { c.Counts.Ashes = -1 })).Rejects(ErrShiftList)
	})
	domaintest.Pure[ShiftState, ShiftCommand, ShiftEvent](t, Shift, given, taken)
}

// Every shift that was taken over bears two different names, and what was signed
// without a word is what was handed over.
func TestShiftHistories(t *testing.T) {
	takes := 0
	domaintest.Check(t, func(t *rapid.T) {
		who := rapid.SampledFrom([]string{"desk-1", "desk-2", "desk-3"})
		ids := rapid.SampledFrom([]uuid.UUID{caseA, caseB, holdA})
		lists := rapid.SampledFrom([]string{strings.Repeat("ab", 32), strings.Repeat("cd", 32)})
		domaintest.Random(t, Shift, func(ShiftState) ShiftCommand {
			if rapid.Bool().Draw(t, "give") {
				return HandOverShift{at(who.Draw(t, "from"), 0), ids.Draw(t, "id"), who.Draw(t, "to"), Counts{}, lists.Draw(t, "list"), 1, ""}
			}
			return TakeOverShift{at(who.Draw(t, "by"), 0), ids.Draw(t, "id"), lists.Draw(t, "list"), rapid.SampledFrom([]string{"", "x"}).Draw(t, "differs")}
		}, func(_ ShiftState, history []ShiftEvent) {
			var last ShiftHandedOver
			for _, e := range history {
				switch e := e.(type) {
				case ShiftHandedOver:
					last = e
				case ShiftTakenOver:
					takes++
					if e.Handover != last.Handover || e.By == last.From || e.By != last.To || e.List != last.List && e.Differs == "" {
						t.Fatalf("%+v after %+v", e, last)
					}
				}
			}
		})
	}, &takes)
}
