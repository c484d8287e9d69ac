package cremation_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

// none is no approach.
var none FurnaceApproached

// I7 at the door: of those who are brought to one furnace there is one at a time.
func TestApproach(t *testing.T) {
	spec := domaintest.For(Furnace)
	by := at("staff-op", 0)
	first, second := FurnaceApproached{caseA, 2}, FurnaceApproached{caseB, 5}
	bring := func(a, over FurnaceApproached) Approach { return Approach{by, a.Case, a.Move, over} }
	t.Run("one is brought to a free furnace, and nobody else while they stand there", func(t *testing.T) {
		spec.Given(t).When(bring(first, none)).Then(first)
		spec.Given(t, first).When(bring(first, none)).Then()
		spec.Given(t, first).When(bring(second, none)).Rejects(ErrFurnaceApproached)
		spec.Given(t).When(bring(none, none)).Rejects(ErrNoCase)
	})
	t.Run("nor while they are inside, until the chamber is empty", func(t *testing.T) {
		spec.Given(t, first, FurnaceCharged{caseA}).When(bring(second, none)).Rejects(ErrFurnaceOccupied)
		spec.Given(t, first, FurnaceCharged{caseA}).When(bring(second, first)).Rejects(ErrFurnaceOccupied)
		spec.Given(t, first, FurnaceCharged{caseA}, FurnaceEmptied{caseA, "staff-op"}).When(bring(second, none)).Then(second)
	})
	t.Run("a charge that is taken back leaves them standing there", func(t *testing.T) {
		back := []FurnaceEvent{first, FurnaceCharged{caseA}, FurnaceChargeAborted{caseA, "x"}}
		spec.Given(t, back...).When(bring(second, none)).Rejects(ErrFurnaceApproached)
		spec.Given(t, back...).When(Charge{by, caseA, true, none}).Then(FurnaceCharged{caseA})
	})
	t.Run("taken away uncharged they leave it free", func(t *testing.T) {
		spec.Given(t, first).When(Leave{by, first}).Then(FurnaceLeft{caseA, 2})
		spec.Given(t, first, FurnaceLeft{caseA, 2}).When(bring(second, none)).Then(second)
		spec.Given(t, first).When(Leave{by, second}).Then()
		spec.Given(t).When(Leave{by, none}).Then()
	})
	t.Run("also where nobody recorded that they left: their own custody says so", func(t *testing.T) {
		spec.Given(t, first).When(bring(second, first)).Then(FurnaceLeft{caseA, 2}, second)
		spec.Given(t, first).When(bring(second, FurnaceApproached{caseA, 1})).Rejects(ErrFurnaceApproached)
		spec.Given(t, first).When(Charge{by, caseB, true, first}).Then(FurnaceLeft{caseA, 2}, FurnaceCharged{caseB})
	})
	t.Run("who comes a second time came by a later move", func(t *testing.T) {
		again := FurnaceApproached{caseA, 4}
		spec.Given(t, first).When(bring(again, none)).Then(again)
		spec.Given(t, again).When(bring(first, none)).Rejects(ErrNotApproached)
		spec.Given(t, again).When(Leave{by, first}).Then()
	})
	t.Run("who stands elsewhere is not charged, nor anybody past who stands here", func(t *testing.T) {
		spec.Given(t, first).When(Charge{by, caseA, true, none}).Then(FurnaceCharged{caseA})
		spec.Given(t, first).When(Charge{by, caseA, false, none}).Rejects(ErrNotApproached)
		spec.Given(t, first).When(Charge{by, caseB, true, none}).Rejects(ErrFurnaceApproached)
		spec.Given(t).When(Charge{by, caseB, false, none}).Rejects(ErrNotApproached)
	})
	t.Run("on a log from before approaches were kept, the custody's word is enough", func(t *testing.T) {
		spec.Given(t).When(Charge{by, caseA, true, none}).Then(FurnaceCharged{caseA})
		spec.Given(t, FurnaceCharged{caseA}).When(Empty{by, caseA, true}).Then(FurnaceEmptied{caseA, "staff-op"})
	})
}

func TestFurnace(t *testing.T) {
	spec := domaintest.For(Furnace)
	by := at("staff-op", 0)
	charged, emptied := FurnaceCharged{caseA}, FurnaceEmptied{caseA, "staff-op"}
	t.Run("an empty furnace takes one case", func(t *testing.T) {
		spec.Given(t).When(Charge{by, caseA, true, none}).Then(charged)
		spec.Given(t, charged).When(Charge{by, caseA, true, none}).Then()
		spec.Given(t).When(Charge{by, uuid.Nil, true, none}).Rejects(ErrNoCase)
	})
	t.Run("the next waits until ashes are collected and the chamber is inspected", func(t *testing.T) {
		spec.Given(t, charged).When(Charge{by, caseB, true, none}).Rejects(ErrFurnaceOccupied)
		spec.Given(t, charged).When(Empty{by, caseA, false}).Rejects(ErrAshesInFurnace)
		spec.Given(t, charged).When(Empty{by, caseA, true}).Then(emptied)
		spec.Given(t, charged, emptied).When(Charge{by, caseB, true, none}).Then(FurnaceCharged{caseB})
	})
	t.Run("only the case in it can be cleared away", func(t *testing.T) {
		spec.Given(t, charged).When(Empty{by, caseB, true}).Rejects(ErrFurnaceOther)
		spec.Given(t).When(Empty{by, caseA, true}).Rejects(ErrFurnaceOther)
		spec.Given(t, charged).When(AbortCharge{by, caseB, "x", false}).Rejects(ErrFurnaceOther)
		spec.Given(t).When(AbortCharge{by, uuid.Nil, "x", false}).Rejects(ErrNoCase)
		spec.Given(t).When(Empty{by, uuid.Nil, true}).Rejects(ErrNoCase)
	})
	t.Run("a charge whose cremation was refused is taken back, with its reason", func(t *testing.T) {
		spec.Given(t, charged).When(AbortCharge{by, caseA, "no_confirmation", false}).Then(FurnaceChargeAborted{caseA, "no_confirmation"})
		spec.Given(t, charged).When(AbortCharge{by, caseA, "", false}).Rejects(ErrAbortReason)
	})
	t.Run("but not once the cremation has begun", func(t *testing.T) {
		spec.Given(t, charged).When(AbortCharge{by, caseA, "x", true}).Rejects(ErrAbortStarted)
	})
}

func TestChamberInspection(t *testing.T) {
	spec := domaintest.For(Furnace)
	by := at("staff-op", 0)
	charged, left, clear := FurnaceCharged{caseA}, ChamberInspected{caseA, false, "金属残留", "staff-op"}, ChamberInspected{caseA, true, "", "staff-op"}
	t.Run("what is left in the chamber keeps the furnace shut until it is clear", func(t *testing.T) {
		spec.Given(t, charged).When(InspectChamber{by, caseA, false, "金属残留"}).Then(left)
		spec.Given(t, charged, left).When(Empty{by, caseA, true}).Rejects(ErrChamber)
		spec.Given(t, charged, left).When(Charge{by, caseB, true, none}).Rejects(ErrFurnaceOccupied)
		spec.Given(t, charged, left).When(InspectChamber{by, caseA, true, ""}).Then(clear)
		spec.Given(t, charged, left, clear).When(Empty{by, caseA, true}).Then(FurnaceEmptied{caseA, "staff-op"})
	})
	t.Run("an inspection says what it found, in the furnace of the case", func(t *testing.T) {
		spec.Given(t, charged).When(InspectChamber{by, caseA, false, ""}).Rejects(ErrFinding)
		spec.Given(t, charged).When(InspectChamber{by, caseB, true, ""}).Rejects(ErrFurnaceOther)
		spec.Given(t).When(InspectChamber{by, uuid.Nil, true, ""}).Rejects(ErrNoCase)
	})
	t.Run("what was found once does not follow the next", func(t *testing.T) {
		if s := spec.Given(t, charged, left, clear, FurnaceEmptied{caseA, "staff-op"}, FurnaceCharged{caseB}).State(); s != (FurnaceState{Case: caseB}) {
			t.Errorf("%#v", s)
		}
	})
}

// I7: between two charges there is always the end of the first, and between two
// who are brought to it the going of the first, by charge or by leaving.
func TestFurnaceHistories(t *testing.T) {
	charges, turnedAway := 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		cases := rapid.SampledFrom([]uuid.UUID{caseA, caseB, holdA})
		stands := map[uuid.UUID]int{} // by which move each last came
		domaintest.Random(t, Furnace, func(s FurnaceState) FurnaceCommand {
			by, c := at("staff-op", 0), cases.Draw(t, "case")
			over := none
			if s.Approach.Case != uuid.Nil && rapid.IntRange(0, 3).Draw(t, "over") == 0 {
				over = s.Approach
			}
			switch rapid.IntRange(0, 6).Draw(t, "command") {
			case 0, 6:
				return Charge{by, c, rapid.Bool().Draw(t, "stands"), over}
			case 4:
				if s.Approach.Case != uuid.Nil && s.Approach.Case != c && over == none {
					turnedAway++
				}
				stands[c] += rapid.IntRange(0, 1).Draw(t, "moves")
				return Approach{by, c, stands[c], over}
			case 5:
				return Leave{by, over}
			case 3:
				return InspectChamber{by, c, rapid.Bool().Draw(t, "clear"), "x"}
			case 1:
				return Empty{by, c, rapid.Bool().Draw(t, "collected")}
			}
			return AbortCharge{by, c, "x", rapid.Bool().Draw(t, "started")}
		}, func(s FurnaceState, history []FurnaceEvent) {
			in, left, door := uuid.Nil, false, none
			for _, e := range history {
				switch e := e.(type) {
				case FurnaceApproached:
					if in != uuid.Nil && in != e.Case || door.Case != uuid.Nil && door.Case != e.Case {
						t.Fatalf("%v is brought while %v is in it and %v at it", e.Case, in, door.Case)
					}
					door = e
				case FurnaceLeft:
					if door != FurnaceApproached(e) {
						t.Fatalf("%v left, where %v stood", e, door)
					}
					door = none
				case FurnaceCharged:
					if in != uuid.Nil || door.Case != uuid.Nil && door.Case != e.Case {
						t.Fatalf("charged with %v while it holds %v, and %v stands there", e.Case, in, door.Case)
					}
					in, left = e.Case, false
					charges++
				case ChamberInspected:
					if left = !e.Clear; e.Case != in {
						t.Fatalf("%#v while it holds %v", e, in)
					}
				case FurnaceEmptied:
					if e.Case != in || e.InspectedBy == "" || left {
						t.Fatalf("%#v while it holds %v", e, in)
					}
					in, door = uuid.Nil, none
				case FurnaceChargeAborted:
					if e.Case != in {
						t.Fatalf("%#v while it holds %v", e, in)
					}
					in = uuid.Nil
				}
			}
			if s.Case != in || s.Approach != door {
				t.Fatalf("state says %v and %v, history %v and %v", s.Case, s.Approach, in, door)
			}
		})
	}, &charges, &turnedAway)
}
