package schedule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/schedule"
)

func move(who, slot string, start domain.Clock) Move {
	return Move{Act: by, Slot: slot, Case: who, Start: clock(start), Until: until, Hours: hours}
}

func block(id string, from, to domain.Clock, k BlockKind) Block {
	return Block{by, id, clock(from), clock(to), k}
}

func blocked(id string, from, to domain.Clock, k BlockKind) Blocked {
	return Blocked{id, clock(from), clock(to), k}
}

func TestMove(t *testing.T) {
	t.Run("a confirmed slot moves in one append, and stays confirmed", func(t *testing.T) {
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(move("a", "0900", "11:00")).
			Then(Released{"0900", "a", Rescheduled}, held("a", "11:00"), Confirmed{"1100", "a"})
	})
	t.Run("a held slot moves and stays held, no longer than before", func(t *testing.T) {
		m := with(move("a", "0900", "11:00"), func(m *Move) { m.Until = until.Add(time.Hour) })
		spec.Given(t, held("a", "09:00")).When(m).Then(Released{"0900", "a", Rescheduled}, held("a", "11:00"))
	})
	t.Run("a slot may move onto its own place", func(t *testing.T) {
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(move("a", "0900", "09:30")).
			Then(Released{"0900", "a", Rescheduled}, held("a", "09:30"), Confirmed{"0930", "a"})
	})
	t.Run("it keeps its length unless another is asked for", func(t *testing.T) {
		long := with(held("a", "09:00"), func(h *Held) { h.End = h.Start.Add(time.Hour) })
		spec.Given(t, long, Confirmed{"0900", "a"}).When(move("a", "0900", "10:30")).
			Then(Released{"0900", "a", Rescheduled}, with(held("a", "10:30"), func(h *Held) { h.End = h.Start.Add(time.Hour) }), Confirmed{"1030", "a"})
		spec.Given(t, held("a", "09:00")).When(with(move("a", "0900", "09:00"), func(m *Move) { m.Minutes = 60 })).
			Then(Released{"0900", "a", Rescheduled}, with(held("a", "09:00"), func(h *Held) { h.End = h.Start.Add(time.Hour) }))
	})
	t.Run("where another family is, nothing moves and nothing is lost", func(t *testing.T) {
		g := spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}, held("b", "11:00"))
		g.When(move("a", "0900", "11:00")).Rejects(ErrSlotTaken)
		g.When(move("a", "0900", "10:30")).Rejects(ErrSlotTaken) // the buffer after it
	})
	t.Run("a slot moves within the opening hours, on the grid, into the future", func(t *testing.T) {
		g := spec.Given(t, held("a", "09:00"))
		g.When(move("a", "0900", "12:00")).Rejects(ErrClosed)
		g.When(move("a", "0900", "10:10")).Rejects(ErrOffGrid)
		g.When(with(move("a", "0900", "10:00"), func(m *Move) { m.Start = m.Start.AddDate(0, 0, 1) })).Rejects(ErrAnotherDay)
		g.When(with(move("a", "0900", "10:00"), func(m *Move) { m.Minutes = -1 })).Rejects(ErrMinutes)
		g.When(with(move("a", "0900", "10:00"), func(m *Move) { m.Hours = Hours{} })).Rejects(ErrHours)
		g.When(with(move("a", "0900", "10:00"), func(m *Move) { m.Case = "" })).Rejects(ErrNotHeld)
	})
	t.Run("nobody moves what is another's, what is not there, or what has lapsed", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(move("b", "0900", "11:00")).Rejects(ErrNotHeld)
		spec.Given(t).When(move("a", "0900", "11:00")).Rejects(ErrNotHeld)
		spec.Given(t, held("a", "09:00")).When(with(move("a", "0900", "11:00"), func(m *Move) { m.Act, m.Until = later(time.Hour), until.Add(time.Hour) })).Rejects(ErrLapsed)
	})
}

func TestBlock(t *testing.T) {
	maintenance := blocked("m1", "10:00", "11:00", Maintenance)
	t.Run("an interval is blocked, once", func(t *testing.T) {
		spec.Given(t).When(block("m1", "10:00", "11:00", Maintenance)).Then(maintenance)
		spec.Given(t, maintenance).When(block("m1", "10:00", "11:30", Maintenance)).Rejects(ErrBlockExists)
	})
	t.Run("what is blocked cannot be booked, and is not offered", func(t *testing.T) {
		g := spec.Given(t, maintenance)
		for _, start := range []domain.Clock{"09:30", "10:00", "10:30"} { // 09:30 would be cleaned up at 10:15
			g.When(hold("a", start)).Rejects(ErrBlocked)
			if slices.ContainsFunc(g.State().Free(day, hours, 0, domaintest.Noon), clock(start).Equal) {
				t.Error(start, "is offered")
			}
		}
		g.When(hold("a", "11:00")).Then(held("a", "11:00"))
		_, err := Day.Decide(g.State(), hold("a", "10:30"))
		if r, _ := errors.AsType[*domain.Rejection](err); r.Text("zh") != "10:00 至 11:00 检修，不能预约。" || r.Text("en") != "From 10:00 to 11:00 it is closed for maintenance." {
			t.Error(r.Text("zh"), r.Text("en"))
		}
	})
	t.Run("cleaning after a slot may fall into the clean-down", func(t *testing.T) {
		spec.Given(t, blocked("c", "10:00", "11:00", CleanDown)).When(hold("a", "09:30")).Then(held("a", "09:30"))
	})
	t.Run("the daily clean-down of the resource is closed without any block", func(t *testing.T) {
		h := with(hold("a", "10:00"), func(h *Hold) { h.Hours.CleanDown = []Span{{"09:45", "10:15"}} })
		spec.Given(t).When(h).Rejects(ErrBlocked)
		if slices.ContainsFunc(State{}.Free(day, h.Hours, 0, domaintest.Noon), clock("10:00").Equal) {
			t.Error("offered")
		}
	})
	t.Run("a block over a confirmed slot is refused, and names the case to be moved", func(t *testing.T) {
		g := spec.Given(t, held("a", "10:30"), Confirmed{"1030", "a"})
		g.When(block("m1", "10:00", "11:00", Maintenance)).Rejects(ErrOccupied)
		_, err := Day.Decide(g.State(), block("m1", "10:00", "11:00", Maintenance))
		if r, _ := errors.AsType[*domain.Rejection](err); !strings.Contains(r.Text("zh"), "业务 a") || !strings.Contains(r.Text("zh"), "10:30") {
			t.Error(r.Text("zh"))
		}
	})
	t.Run("while a slot is held nothing is blocked over it; once it has lapsed, it is", func(t *testing.T) {
		spec.Given(t, held("a", "10:30")).When(block("m1", "10:00", "11:00", Maintenance)).Rejects(ErrHeldNow)
		spec.Given(t, held("a", "10:30")).When(with(block("m1", "10:00", "11:00", Maintenance), func(b *Block) { b.Act = later(time.Hour) })).
			Then(Released{"1030", "a", Expired}, maintenance)
	})
	t.Run("the confirmed slot is moved, and then it can be blocked", func(t *testing.T) {
		spec.Given(t, held("a", "10:30"), Confirmed{"1030", "a"}, Released{"1030", "a", Rescheduled}, held("a", "08:00"), Confirmed{"0800", "a"}).
			When(block("m1", "10:00", "11:00", Maintenance)).Then(maintenance)
	})
	t.Run("a slot cannot move into a block", func(t *testing.T) {
		spec.Given(t, held("a", "08:00"), maintenance).When(move("a", "0800", "10:30")).Rejects(ErrBlocked)
	})
	t.Run("what is opened again can be booked", func(t *testing.T) {
		spec.Given(t, maintenance).When(Unblock{by, "m1"}).Then(Unblocked{"m1"})
		spec.Given(t, maintenance, Unblocked{"m1"}).When(hold("a", "10:30")).Then(held("a", "10:30"))
		spec.Given(t).When(Unblock{by, "m1"}).Then()
	})
	t.Run("a block has an id, a kind of the list, and lies on one day", func(t *testing.T) {
		spec.Given(t).When(block("", "10:00", "11:00", Maintenance)).Rejects(ErrBlock)
		spec.Given(t).When(block("m1", "10:00", "11:00", "HOLIDAY")).Rejects(ErrBlock)
		spec.Given(t).When(block("m1", "11:00", "11:00", Maintenance)).Rejects(ErrBlock)
		spec.Given(t).When(Block{by, "m1", clock("11:00"), clock("11:00").AddDate(0, 0, 1), Maintenance}).Rejects(ErrBlock)
		spec.Given(t, held("a", "09:00")).When(Block{by, "m1", clock("11:00").AddDate(0, 0, 1), clock("12:00").AddDate(0, 0, 1), Maintenance}).Rejects(ErrAnotherDay)
		spec.Given(t).When(Block{by, "m1", clock("00:00"), clock("24:00"), Maintenance}).Then(blocked("m1", "00:00", "24:00", Maintenance))
	})
}

func TestHoldBeside(t *testing.T) {
	beside := with(hold("a", "11:00"), func(h *Hold) { h.Beside = true })
	both := []Event{held("a", "09:00"), Confirmed{"0900", "a"}, held("a", "11:00")}
	t.Run("a waiting family keeps its slot while it thinks about a better one", func(t *testing.T) {
		spec.Given(t, both[:2]...).When(beside).Then(held("a", "11:00"))
	})
	t.Run("saying yes gives the former one back", func(t *testing.T) {
		spec.Given(t, both...).When(Confirm{by, "1100", "a"}).Then(Released{"0900", "a", Rescheduled}, Confirmed{"1100", "a"})
	})
	t.Run("saying no, or nothing, leaves the former one", func(t *testing.T) {
		spec.Given(t, both...).When(Release{by, "1100", "a", Withdrawn}).Then(Released{"1100", "a", Withdrawn})
		spec.Given(t, both...).When(Expire{later(time.Hour), "1100", "a"}).Then(Released{"1100", "a", Expired})
	})
	t.Run("nobody holds two", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(beside).Rejects(ErrCaseHasSlot)
		spec.Given(t, both...).When(with(beside, func(h *Hold) { h.Start = clock("10:00") })).Rejects(ErrCaseHasSlot)
	})
}

// Whatever is held, moved, blocked and opened in whatever order: no confirmed
// or held slot lies in a block, no two slots overlap, no case has two confirmed
// ones, a move keeps what there was, and what Free offers can be held.
func TestRandomMovesAndBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := domaintest.Noon
		hrs := hours
		hrs.CleanDown = []Span{{"11:00", "11:30"}}
		starts := []domain.Clock{"07:30", "08:00", "08:30", "09:00", "09:30", "10:00", "10:15", "10:30", "11:00", "11:30"}
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		domaintest.Random(t, Day, func(s State) Command {
			now = now.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "minutes")) * time.Minute)
			act := domaintest.At("staff-0001", now)
			who, slot := name.Draw(t, "case"), "0900"
			if len(s.Slots) > 0 && rapid.IntRange(0, 3).Draw(t, "own") > 0 {
				x := rapid.SampledFrom(s.Slots).Draw(t, "slot")
				who, slot = x.Case, x.Slot
			}
			start := clock(rapid.SampledFrom(starts).Draw(t, "start"))
			n := rapid.SampledFrom([]int{0, 30, 60}).Draw(t, "length")
			limit := now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "until")) * time.Minute)
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0, 1:
				return Hold{Act: act, Start: start, Minutes: n, Case: name.Draw(t, "new"), Until: limit, Hours: hrs, Beside: rapid.Bool().Draw(t, "beside")}
			case 2:
				return Confirm{act, slot, who}
			case 3:
				return Release{act, slot, who, Withdrawn}
			case 4:
				return Move{act, slot, who, start, n, limit, hrs}
			case 5:
				return Block{act, rapid.SampledFrom([]string{"m1", "m2"}).Draw(t, "block"), start, start.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "span")) * time.Minute), rapid.SampledFrom(BlockKinds).Draw(t, "why")}
			case 6:
				return Unblock{act, rapid.SampledFrom([]string{"m1", "m2"}).Draw(t, "block")}
			}
			return Expire{act, slot, who}
		}, func(s State, _ []Event) {
			confirmed := map[string]int{}
			for i, x := range s.Slots {
				if x.Confirmed {
					confirmed[x.Case]++
				}
				if confirmed[x.Case] > 1 {
					t.Fatalf("case %s has two confirmed slots: %+v", x.Case, s.Slots)
				}
				if x.Lapsed(now) {
					continue
				}
				for _, b := range append(slices.Clone(s.Blocks), Blocked{Start: clock("11:00"), End: clock("11:30")}) {
					if x.Start.Before(b.End) && b.Start.Before(x.End) {
						t.Fatalf("%s lies in the block %v", x.Slot, b)
					}
				}
				for _, y := range s.Slots[:i] {
					if !y.Lapsed(now) && x.Start.Before(y.End.Add(time.Duration(y.BufferMinutes)*time.Minute)) {
						t.Fatalf("%s and %s overlap", y.Slot, x.Slot)
					}
				}
			}
			for _, start := range s.Free(day, hrs, 0, now) {
				if _, err := Day.Decide(s, Hold{Act: domaintest.At("staff-0001", now), Start: start, Case: "z", Until: now.Add(time.Minute), Hours: hrs}); err != nil {
					t.Fatalf("%v was offered and refused: %v", start, err)
				}
			}
		})
	})
}

// A move of a confirmed slot never loses it: at every moment of a random
// history a case that had a confirmed slot and did not release it has one.
func TestMovesLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Day.Fold(Day.Initial, held("a", "08:00"), Confirmed{"0800", "a"}, held("b", "10:00"), Confirmed{"1000", "b"})
		for range 20 {
			who := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "case")
			i := slices.IndexFunc(s.Slots, func(x Slot) bool { return x.Case == who })
			start := clock("08:00").Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "step")) * 30 * time.Minute)
			es, err := Day.Decide(s, Move{Act: by, Slot: s.Slots[i].Slot, Case: who, Start: start, Until: until, Hours: hours})
			if err != nil {
				continue
			}
			s = Day.Fold(s, es...)
			if len(s.Slots) != 2 || !s.Slots[0].Confirmed || !s.Slots[1].Confirmed || s.Slots[0].Case == s.Slots[1].Case {
				t.Fatalf("%+v", s.Slots)
			}
		}
	})
}
