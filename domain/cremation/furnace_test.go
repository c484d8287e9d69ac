package cremation_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func TestFurnace(t *testing.T) {
	spec := domaintest.For(Furnace)
	by := at("staff-op", 0)
	charged, emptied := FurnaceCharged{caseA}, FurnaceEmptied{caseA, "staff-op"}
	t.Run("an empty furnace takes one case", func(t *testing.T) {
		spec.Given(t).When(Charge{by, caseA}).Then(charged)
		spec.Given(t, charged).When(Charge{by, caseA}).Then()
		spec.Given(t).When(Charge{by, uuid.Nil}).Rejects(ErrNoCase)
	})
	t.Run("the next waits until ashes are collected and the chamber is inspected", func(t *testing.T) {
		spec.Given(t, charged).When(Charge{by, caseB}).Rejects(ErrFurnaceOccupied)
		spec.Given(t, charged).When(Empty{by, caseA, false}).Rejects(ErrAshesInFurnace)
		spec.Given(t, charged).When(Empty{by, caseA, true}).Then(emptied)
		spec.Given(t, charged, emptied).When(Charge{by, caseB}).Then(FurnaceCharged{caseB})
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
		spec.Given(t, charged, left).When(Charge{by, caseB}).Rejects(ErrFurnaceOccupied)
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

// I7: between two charges there is always the end of the first.
func TestFurnaceHistories(t *testing.T) {
	charges := 0
	rapid.Check(t, func(t *rapid.T) {
		cases := rapid.SampledFrom([]uuid.UUID{caseA, caseB, holdA})
		domaintest.Random(t, Furnace, func(FurnaceState) FurnaceCommand {
			by, c := at("staff-op", 0), cases.Draw(t, "case")
			switch rapid.IntRange(0, 3).Draw(t, "command") {
			case 0:
				return Charge{by, c}
			case 3:
				return InspectChamber{by, c, rapid.Bool().Draw(t, "clear"), "x"}
			case 1:
				return Empty{by, c, rapid.Bool().Draw(t, "collected")}
			}
			return AbortCharge{by, c, "x", rapid.Bool().Draw(t, "started")}
		}, func(s FurnaceState, history []FurnaceEvent) {
			in, left := uuid.Nil, false
			for _, e := range history {
				switch e := e.(type) {
				case FurnaceCharged:
					if in != uuid.Nil {
						t.Fatalf("charged with %v while it holds %v", e.Case, in)
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
					in = uuid.Nil
				case FurnaceChargeAborted:
					if e.Case != in {
						t.Fatalf("%#v while it holds %v", e, in)
					}
					in = uuid.Nil
				}
			}
			if s.Case != in {
				t.Fatalf("state says %v, history %v", s.Case, in)
			}
		})
	})
	if charges == 0 {
		t.Error("no furnace was ever charged: the test shows nothing")
	}
}
