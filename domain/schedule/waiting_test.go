package schedule_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/schedule"
)

var waiting = domaintest.For(Waiting)

func joined(who string) Joined { return Joined{who, Wish{}} }

func offer(resource string, start domain.Clock) Offer {
	return Offer{by, resource, SlotName(clock(start)), clock(start), clock(start).Add(30 * time.Minute), until}
}

func offered(who, resource string, start domain.Clock) Offered {
	return Offered{who, resource, SlotName(clock(start)), clock(start), clock(start).Add(30 * time.Minute), until}
}

func TestJoin(t *testing.T) {
	t.Run("a family joins at the end of the list, once", func(t *testing.T) {
		waiting.Given(t, joined("a")).When(Join{by, "b", Wish{}}).Then(joined("b"))
		waiting.Given(t, joined("a")).When(Join{by, "a", Wish{}}).Then()
		waiting.Given(t, joined("a")).When(Join{by, "a", Wish{From: "09:00"}}).Rejects(ErrWaits)
	})
	t.Run("how many are before it is known", func(t *testing.T) {
		s := waiting.Given(t, joined("a"), joined("b")).State()
		if s.Place("a") != 0 || s.Place("b") != 1 || s.Place("c") != -1 {
			t.Error(s.List)
		}
	})
	t.Run("a wish is one that can come true", func(t *testing.T) {
		for _, w := range []Wish{{From: "9"}, {Until: "25:00"}, {From: "11:00", Until: "10:00"}, {Minutes: -1}, {NoticeMinutes: -1}} {
			waiting.Given(t).When(Join{by, "a", w}).Rejects(ErrWish)
		}
		waiting.Given(t).When(Join{by, "", Wish{}}).Rejects(ErrNoCase)
	})
}

func TestOffer(t *testing.T) {
	t.Run("a free slot goes to the first of the list", func(t *testing.T) {
		waiting.Given(t, joined("a"), joined("b")).When(offer("hall-1", "09:00")).Then(offered("a", "hall-1", "09:00"))
	})
	t.Run("nobody waits: nothing happens", func(t *testing.T) {
		waiting.Given(t).When(offer("hall-1", "09:00")).Then()
	})
	t.Run("who is passed by is told why, in the order of the list", func(t *testing.T) {
		soon := 60 * 24 * 3
		waiting.Given(t, Joined{"a", Wish{Resource: "hall-2"}}, Joined{"b", Wish{From: "10:00"}}, Joined{"c", Wish{Until: "08:30"}}, Joined{"d", Wish{Minutes: 60}},
			Joined{"e", Wish{NoticeMinutes: soon}}, joined("f"), joined("g")).When(offer("hall-1", "09:00")).
			Then(Skipped{"a", "hall-1", "0900", NotWished}, Skipped{"b", "hall-1", "0900", NotWished}, Skipped{"c", "hall-1", "0900", NotWished},
				Skipped{"d", "hall-1", "0900", NotWished}, Skipped{"e", "hall-1", "0900", ShortNotice}, offered("f", "hall-1", "09:00"))
	})
	t.Run("who is answering about one slot is not asked about another", func(t *testing.T) {
		waiting.Given(t, joined("a"), joined("b"), offered("a", "hall-1", "09:00")).When(offer("hall-2", "09:00")).
			Then(Skipped{"a", "hall-2", "0900", HasAnOffer}, offered("b", "hall-2", "09:00"))
	})
	t.Run("who let a slot pass is not asked about it again, but keeps the place", func(t *testing.T) {
		g := waiting.Given(t, joined("a"), joined("b"), offered("a", "hall-1", "09:00"), Skipped{"a", "hall-1", "0900", NoAnswer})
		g.When(offer("hall-1", "09:00")).Then(Skipped{"a", "hall-1", "0900", AlreadyAsked}, offered("b", "hall-1", "09:00"))
		g.When(offer("hall-1", "10:00")).Then(offered("a", "hall-1", "10:00"))
	})
	t.Run("an offer is of a slot that is to come, with time to answer", func(t *testing.T) {
		for _, edit := range []func(*Offer){func(o *Offer) { o.Resource = "" }, func(o *Offer) { o.Slot = "0905" }, func(o *Offer) { o.End = o.Start },
			func(o *Offer) { o.Until = o.Now }, func(o *Offer) { o.Until = o.Start.Add(1) }} {
			waiting.Given(t, joined("a")).When(with(offer("hall-1", "09:00"), edit)).Rejects(ErrOffer)
		}
	})
}

func TestAnswer(t *testing.T) {
	asked := []WaitEvent{joined("a"), joined("b"), offered("a", "hall-1", "09:00")}
	lapsed := later(15 * time.Minute)
	t.Run("yes takes the slot and leaves the list", func(t *testing.T) {
		waiting.Given(t, asked...).When(Accept{by, "a"}).Then(Accepted{"a", "hall-1", "0900"})
		s := waiting.Given(t, append(slices.Clip(asked), Accepted{"a", "hall-1", "0900"})...).State()
		if s.Place("a") != -1 || s.Place("b") != 0 || s.Gone[0] != (Gone{"a", TookTheSlot, "hall-1/0900"}) {
			t.Error(s)
		}
	})
	t.Run("no is a skip with its reason; the place stays", func(t *testing.T) {
		waiting.Given(t, asked...).When(Decline{by, "a"}).Then(Skipped{"a", "hall-1", "0900", SaidNo})
	})
	t.Run("no answer by the deadline is a skip too, and not a moment before", func(t *testing.T) {
		waiting.Given(t, asked...).When(LapseOffer{later(15*time.Minute - 1), "a"}).Rejects(ErrOfferOpen)
		waiting.Given(t, asked...).When(LapseOffer{lapsed, "a"}).Then(Skipped{"a", "hall-1", "0900", NoAnswer})
		if due := waiting.Given(t, asked...).State().Due(until); len(due) != 1 || due[0].Case != "a" {
			t.Error(due)
		}
		if due := waiting.Given(t, asked...).State().Due(until.Add(-1)); len(due) != 0 {
			t.Error(due)
		}
	})
	t.Run("too late is too late, though nobody has lapsed it yet", func(t *testing.T) {
		waiting.Given(t, asked...).When(Accept{lapsed, "a"}).Rejects(ErrOfferEnded)
	})
	t.Run("only who was asked answers", func(t *testing.T) {
		waiting.Given(t, asked...).When(Accept{by, "b"}).Rejects(ErrNoOffer)
		waiting.Given(t, asked...).When(Decline{by, "b"}).Rejects(ErrNoOffer)
		waiting.Given(t, asked...).When(Accept{by, "c"}).Rejects(ErrNotWaiting)
		waiting.Given(t, asked...).When(Decline{by, "c"}).Rejects(ErrNotWaiting)
		waiting.Given(t, asked...).When(LapseOffer{lapsed, "b"}).Then()
	})
	t.Run("who leaves while asked says no first", func(t *testing.T) {
		waiting.Given(t, asked...).When(Leave{by, "a", ByItself}).Then(Skipped{"a", "hall-1", "0900", SaidNo}, Left{"a", ByItself})
		waiting.Given(t, asked...).When(Leave{by, "b", CaseClosed}).Then(Left{"b", CaseClosed})
		waiting.Given(t, asked...).When(Leave{by, "c", ByItself}).Then()
		waiting.Given(t, asked...).When(Leave{by, "a", "BORED"}).Rejects(ErrLeave)
		waiting.Given(t, asked...).When(Leave{by, "a", TookTheSlot}).Rejects(ErrLeave)
	})
	t.Run("who left may join again, at the end", func(t *testing.T) {
		s := waiting.Given(t, joined("a"), joined("b"), Left{"a", ByItself}, joined("a")).State()
		if s.Place("b") != 0 || s.Place("a") != 1 {
			t.Error(s.List)
		}
	})
}

// Whatever is asked in whatever order: no slot is offered to two families at
// once, no family has two offers, nobody is offered what the family did not
// wish or let pass, every family before the one that is asked was told why not,
// and the order among those who stay never changes.
func TestRandomWaiting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := domaintest.Noon
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		wish := rapid.SampledFrom([]Wish{{}, {Resource: "hall-1"}, {From: "09:30"}, {Until: "09:00"}, {Minutes: 60}, {NoticeMinutes: 60 * 48}})
		var before []string
		domaintest.Random(t, Waiting, func(s WaitState) WaitCommand {
			now = now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "minutes")) * time.Minute)
			act := domaintest.At("staff-0001", now)
			before = nil
			for _, w := range s.List {
				before = append(before, w.Case)
			}
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0, 1:
				return Join{act, name.Draw(t, "case"), wish.Draw(t, "wish")}
			case 2, 3, 4:
				start := clock(rapid.SampledFrom([]domain.Clock{"08:30", "09:00", "09:30"}).Draw(t, "start"))
				return Offer{act, rapid.SampledFrom([]string{"hall-1", "hall-2"}).Draw(t, "hall"), SlotName(start), start, start.Add(30 * time.Minute), now.Add(5 * time.Minute)}
			case 5:
				return Accept{act, name.Draw(t, "case")}
			case 6:
				return Decline{act, name.Draw(t, "case")}
			}
			if rapid.Bool().Draw(t, "lapse") {
				return LapseOffer{act, name.Draw(t, "case")}
			}
			return Leave{act, name.Draw(t, "case"), ByItself}
		}, func(s WaitState, history []WaitEvent) {
			open := map[string]bool{}
			var after []string
			for _, w := range s.List {
				after = append(after, w.Case)
				if w.Offer == nil {
					continue
				}
				at := w.Offer.Resource + "/" + w.Offer.Slot
				if open[at] {
					t.Fatalf("%s is offered twice", at)
				}
				open[at] = true
				if w.Wish.Resource != "" && w.Wish.Resource != w.Offer.Resource || w.Wish.Minutes > 30 ||
					slices.Contains(w.Passed, Passed{at, SaidNo}) || slices.Contains(w.Passed, Passed{at, NoAnswer}) {
					t.Fatalf("%s was offered %s", w.Case, at)
				}
				for _, first := range s.List[:s.Place(w.Case)] { // told why not, now or when the slot passed before
					if first.Offer != nil && first.Offer.Start.Equal(w.Offer.Start) && first.Offer.Resource == w.Offer.Resource {
						t.Fatal("two have it")
					}
					if !slices.ContainsFunc(first.Passed, func(p Passed) bool { return p.Slot == at }) {
						t.Fatalf("%s was passed by for %s without a word", first.Case, w.Case)
					}
				}
			}
			stay := func(all, among []string) (kept []string) {
				for _, x := range all {
					if slices.Contains(among, x) {
						kept = append(kept, x)
					}
				}
				return kept
			}
			if _, again := lastOf(history).(Joined); !again && !slices.Equal(stay(before, after), after) {
				t.Fatalf("the order changed from %v to %v", before, after)
			}
		})
	})
}

// lastOf is the latest event, nil when there is none.
func lastOf(history []WaitEvent) WaitEvent {
	if len(history) == 0 {
		return nil
	}
	return history[len(history)-1]
}
