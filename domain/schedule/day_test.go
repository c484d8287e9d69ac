package schedule_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/schedule"
)

var (
	by   = domaintest.By("staff-0001")
	spec = domaintest.For(Day)
	day  = domain.Date("2026-11-25")
	// A hall from 8 to 12, on the half hour, a quarter of an hour to clean.
	hours = Hours{Opens: "08:00", Closes: "12:00", SlotMinutes: 30, BufferMinutes: 15}
	until = domaintest.Noon.Add(15 * time.Minute)
)

// clock is that time of the day in question.
func clock(c domain.Clock) time.Time { return c.On(day).UTC() }

// later is an act of the same account after d.
func later(d time.Duration) domain.Act { return domaintest.At("staff-0001", domaintest.Noon.Add(d)) }

func hold(who string, start domain.Clock) Hold {
	return Hold{Act: by, Start: clock(start), Case: who, Until: until, Hours: hours}
}

func held(who string, start domain.Clock) Held {
	return Held{Slot: SlotName(clock(start)), Start: clock(start), End: clock(start).Add(30 * time.Minute), Case: who, Until: until, BufferMinutes: 15}
}

// with edits a copy.
func with[T any](v T, edit func(*T)) T { edit(&v); return v }

func TestHold(t *testing.T) {
	t.Run("a free slot is held for the case that asks", func(t *testing.T) {
		spec.Given(t).When(hold("a", "09:00")).Then(held("a", "09:00"))
	})
	t.Run("the same case asking again has it already", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(hold("a", "09:00")).Then()
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(hold("a", "09:00")).Then()
	})
	t.Run("a slot is held as far ahead as may be booked", func(t *testing.T) {
		far := func(days, ahead int) Hold {
			h := hold("a", "09:00")
			h.Start, h.Hours.AheadDays = domain.Clock("09:00").On(domain.DateOf(by.Now).AddDays(days)), ahead
			return h
		}
		spec.Given(t).When(far(DefaultAheadDays+1, 0)).Rejects(ErrTooFarAhead)
		spec.Given(t).When(far(8, 7)).Rejects(ErrTooFarAhead)
		for _, h := range []Hold{far(DefaultAheadDays, 0), far(7, 7)} {
			if es, err := Day.Decide(State{}, h); err != nil || len(es) != 1 {
				t.Error(h.Start, es, err)
			}
		}
	})
	t.Run("a slot goes to one case", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(hold("b", "09:00")).Rejects(ErrSlotTaken)
		if !ErrSlotTaken.Lost {
			t.Error("losing a slot is losing a race")
		}
	})
	t.Run("a slot that overlaps is taken, and so is the buffer after it", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(hold("b", "09:30")).Rejects(ErrSlotTaken)
		spec.Given(t, held("a", "09:00")).When(hold("b", "10:00")).Then(held("b", "10:00"))
	})
	t.Run("the buffer of a new slot must be free as well", func(t *testing.T) {
		spec.Given(t, held("a", "09:30")).When(hold("b", "09:00")).Rejects(ErrSlotTaken)
		spec.Given(t, held("a", "10:00")).When(hold("b", "09:00")).Then(held("b", "09:00"))
	})
	t.Run("a slot keeps the buffer it was held with", func(t *testing.T) {
		long := with(held("a", "09:00"), func(h *Held) { h.BufferMinutes = 45 })
		spec.Given(t, long).When(hold("b", "10:00")).Rejects(ErrSlotTaken)
	})
	t.Run("a case holds one slot of the resource a day", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(hold("a", "11:00")).Rejects(ErrCaseHasSlot)
		spec.Given(t, held("a", "09:00")).When(with(hold("a", "09:00"), func(h *Hold) { h.Minutes = 60 })).Rejects(ErrCaseHasSlot)
	})
	t.Run("outside the opening hours nothing is held", func(t *testing.T) {
		spec.Given(t).When(hold("a", "07:30")).Rejects(ErrClosed)
		spec.Given(t).When(hold("a", "12:00")).Rejects(ErrClosed)
		spec.Given(t).When(with(hold("a", "11:30"), func(h *Hold) { h.Minutes = 31 })).Rejects(ErrClosed)
	})
	t.Run("the last slot may end when the doors close", func(t *testing.T) {
		spec.Given(t).When(hold("a", "11:30")).Then(held("a", "11:30"))
	})
	t.Run("slots start on the grid", func(t *testing.T) {
		spec.Given(t).When(hold("a", "09:10")).Rejects(ErrOffGrid)
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Start = h.Start.Add(time.Second) })).Rejects(ErrOffGrid)
	})
	t.Run("past days and past hours are refused", func(t *testing.T) {
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Start = domain.Clock("09:00").On("2026-11-22") })).Rejects(ErrPast)
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Start = domain.Clock("09:00").On("2026-11-23") })).Rejects(ErrPast)
	})
	t.Run("a hold ends after now", func(t *testing.T) {
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Until = h.Now })).Rejects(ErrDeadline)
	})
	t.Run("a hold is for a case, at a resource with opening hours, for some time", func(t *testing.T) {
		spec.Given(t).When(hold("", "09:00")).Rejects(ErrNoCase)
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Hours = Hours{} })).Rejects(ErrHours)
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Minutes = -30 })).Rejects(ErrMinutes)
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.Minutes = 1 << 40 })).Rejects(ErrMinutes)
	})
	t.Run("one stream is one day", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(with(hold("b", "10:00"), func(h *Hold) { h.Start = h.Start.AddDate(0, 0, 1) })).Rejects(ErrAnotherDay)
	})
	t.Run("a time from the future is refused", func(t *testing.T) {
		spec.Given(t).When(with(hold("a", "09:00"), func(h *Hold) { h.At = h.Now.Add(1) })).Rejects(domain.ErrFuture)
	})
}

func TestExpiry(t *testing.T) {
	at := func(h Hold, d time.Duration) Hold { h.Act, h.Until = later(d), until.Add(d); return h }
	again := func(h Held, d time.Duration) Held { h.Until = until.Add(d); return h }
	t.Run("a hold whose deadline has passed gives way to the next family", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(at(hold("b", "09:00"), 15*time.Minute)).
			Then(Released{"0900", "a", Expired}, again(held("b", "09:00"), 15*time.Minute))
	})
	t.Run("and not a moment before", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(at(hold("b", "09:00"), 15*time.Minute-1)).Rejects(ErrSlotTaken)
	})
	t.Run("who let a hold lapse may hold again, there or elsewhere", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(at(hold("a", "09:00"), time.Hour)).
			Then(Released{"0900", "a", Expired}, again(held("a", "09:00"), time.Hour))
		spec.Given(t, held("a", "09:00")).When(at(hold("a", "11:00"), time.Hour)).
			Then(Released{"0900", "a", Expired}, again(held("a", "11:00"), time.Hour))
	})
	t.Run("a hold expires only after its deadline", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(Expire{later(15*time.Minute - 1), "0900", "a"}).Rejects(ErrNotLapsed)
		spec.Given(t, held("a", "09:00")).When(Expire{later(15 * time.Minute), "0900", "a"}).Then(Released{"0900", "a", Expired})
	})
	t.Run("a confirmed slot never expires", func(t *testing.T) {
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(Expire{later(time.Hour), "0900", "a"}).Rejects(ErrSlotGiven)
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(at(hold("b", "09:00"), time.Hour)).Rejects(ErrSlotTaken)
	})
	t.Run("what is gone expires no more, and what is another's never", func(t *testing.T) {
		spec.Given(t).When(Expire{later(time.Hour), "0900", "a"}).Then()
		spec.Given(t, held("b", "09:00")).When(Expire{later(time.Hour), "0900", "a"}).Rejects(ErrNotHeld)
	})
}

func TestConfirmAndRelease(t *testing.T) {
	t.Run("the holder confirms, once", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(Confirm{by, "0900", "a"}).Then(Confirmed{"0900", "a"})
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(Confirm{later(time.Hour), "0900", "a"}).Then()
	})
	t.Run("nobody confirms what he does not hold", func(t *testing.T) {
		spec.Given(t).When(Confirm{by, "0900", "a"}).Rejects(ErrNotHeld)
		spec.Given(t, held("a", "09:00")).When(Confirm{by, "0900", "b"}).Rejects(ErrNotHeld)
	})
	t.Run("a lapsed hold cannot be confirmed", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(Confirm{later(15 * time.Minute), "0900", "a"}).Rejects(ErrLapsed)
	})
	t.Run("a held or confirmed slot goes back with a reason from the list", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(Release{by, "0900", "a", Withdrawn}).Then(Released{"0900", "a", Withdrawn})
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}).When(Release{by, "0900", "a", Weather}).Then(Released{"0900", "a", Weather})
		spec.Given(t, held("a", "09:00")).When(Release{by, "0900", "a", "老王不来了"}).Rejects(ErrReason)
		spec.Given(t, held("a", "09:00")).When(Release{by, "0900", "a", Expired}).Rejects(ErrReason)
	})
	t.Run("nobody releases another's slot", func(t *testing.T) {
		spec.Given(t, held("a", "09:00")).When(Release{by, "0900", "b", Withdrawn}).Rejects(ErrNotHeld)
	})
	t.Run("a slot that went back can be held by the next", func(t *testing.T) {
		spec.Given(t, held("a", "09:00"), Confirmed{"0900", "a"}, Released{"0900", "a", Withdrawn}).When(hold("b", "09:00")).Then(held("b", "09:00"))
		spec.Given(t, held("a", "09:00"), Released{"0900", "a", Withdrawn}).When(Release{by, "0900", "a", Withdrawn}).Then()
	})
}

func TestFree(t *testing.T) {
	clocks := func(ts []time.Time) (cs []domain.Clock) {
		for _, x := range ts {
			cs = append(cs, domain.ClockOf(x))
		}
		return cs
	}
	s := spec.Given(t, held("a", "09:00"), held("b", "11:00"), Confirmed{"1100", "b"}).State()
	free := s.Free(day, hours, 0, domaintest.Noon)
	t.Run("what is free leaves room for slot and buffer on both sides", func(t *testing.T) {
		if got, want := clocks(free), []domain.Clock{"08:00", "10:00"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("a lapsed hold is free", func(t *testing.T) {
		if got, want := clocks(s.Free(day, hours, 0, until)), []domain.Clock{"08:00", "08:30", "09:00", "09:30", "10:00"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("a longer slot finds fewer places", func(t *testing.T) {
		if got := clocks(State{}.Free(day, hours, 180, domaintest.Noon)); !slices.Equal(got, []domain.Clock{"08:00", "08:30", "09:00"}) {
			t.Error(got)
		}
		if got := (State{}).Free(day, hours, -30, domaintest.Noon); len(got) != 0 {
			t.Error(got)
		}
	})
	t.Run("what has passed is not free", func(t *testing.T) {
		if got := clocks(State{}.Free(day, hours, 0, clock("10:30"))); !slices.Equal(got, []domain.Clock{"10:30", "11:00", "11:30"}) {
			t.Error(got)
		}
	})
	t.Run("the nearest comes first, the earlier of two equally near", func(t *testing.T) {
		all := State{}.Free(day, hours, 0, domaintest.Noon)
		if got := clocks(Nearest(all, clock("09:00"), 4)); !slices.Equal(got, []domain.Clock{"09:00", "08:30", "09:30", "08:00"}) {
			t.Error(got)
		}
		if got := Nearest(nil, clock("09:00"), 3); len(got) != 0 {
			t.Error(got)
		}
	})
	t.Run("a stream name is one resource's day", func(t *testing.T) {
		if got := ID("12210200422000019F", "hall-1", day); got != "12210200422000019F.hall-1.20261125" {
			t.Error(got)
		}
	})
}

// Whatever is asked in whatever order: no two slots that count at any moment
// overlap, buffers included; no case has two; what Free offers can be held and
// what it does not offer cannot; earlier states stay what they were.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		var history []Event
		now := domaintest.Noon
		cases := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		for range rapid.IntRange(10, 40).Draw(t, "commands") {
			now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "minutes")) * time.Minute)
			act := domaintest.At("staff-0001", now)
			start := clock("08:00").Add(time.Duration(rapid.IntRange(-1, 17).Draw(t, "start")) * 15 * time.Minute)
			h := hours
			h.BufferMinutes = rapid.SampledFrom([]int{0, 15, 30}).Draw(t, "buffer")
			minutes := rapid.SampledFrom([]int{0, 30, 45, 60}).Draw(t, "length")
			who := cases.Draw(t, "case")
			kind := rapid.IntRange(0, 5).Draw(t, "kind")
			if kind > 2 && len(s.Slots) > 0 && rapid.Bool().Draw(t, "its own") {
				x := rapid.SampledFrom(s.Slots).Draw(t, "slot")
				start, who = x.Start, x.Case
			}
			var c Command
			switch kind {
			case 0, 1, 2:
				c = Hold{Act: act, Start: start, Minutes: minutes, Case: who, Until: now.Add(time.Duration(rapid.IntRange(-1, 20).Draw(t, "until")) * time.Minute), Hours: h}
			case 3:
				c = Confirm{act, SlotName(start), who}
			case 4:
				c = Release{act, SlotName(start), who, rapid.SampledFrom(Reasons).Draw(t, "reason")}
			case 5:
				c = Expire{act, SlotName(start), who}
			}
			offered := slices.ContainsFunc(s.Free(day, h, minutes, now), start.Equal)
			es, err := Day.Decide(s, c)
			if hold, ok := c.(Hold); ok && hold.Until.After(now) && !errors.Is(err, ErrCaseHasSlot) && (err != nil || len(es) > 0) && offered != (err == nil) {
				t.Fatalf("offered %v, but %v", offered, err)
			}
			if err != nil {
				var rj *domain.Rejection
				if !errors.As(err, &rj) || len(es) > 0 {
					t.Fatalf("%T: %v with %v", c, err, es)
				}
				continue
			}
			s = Day.Fold(s, es...)
			history = append(history, es...)
			if again, err := Day.Decide(s, c); err == nil && len(again) > 0 {
				t.Fatalf("%T happens twice: %v", c, again)
			}
			for i, x := range s.Slots {
				for _, y := range s.Slots[:i] {
					if x.Lapsed(now) || y.Lapsed(now) {
						continue
					}
					free := y.End.Add(time.Duration(y.BufferMinutes) * time.Minute)
					if x.Start.Before(free) {
						t.Fatalf("%s and %s overlap: %+v", y.Slot, x.Slot, s.Slots)
					}
					if x.Case == y.Case {
						t.Fatalf("case %s has two slots: %+v", x.Case, s.Slots)
					}
				}
			}
		}
		domaintest.Pure(t, Day, history...)
	})
}

// I8 holds for every command of a day, a waiting list and a draw.
func TestTimesOfEveryCommand(t *testing.T) {
	domaintest.Times[State, Command](t, Day, Day.Initial, Hold{}, Confirm{}, Release{}, Expire{}, Move{}, Block{}, Unblock{})
	domaintest.Times[WaitState, WaitCommand](t, Waiting, Waiting.Initial, Join{}, Offer{}, Accept{}, Decline{}, LapseOffer{}, Leave{})
	domaintest.Times[PeakState, PeakCommand](t, Peak, Peak.Initial, Announce{}, Apply{}, WithdrawApplication{}, DrawSlots{})
}
