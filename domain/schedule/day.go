// Package schedule gives the slots of a hall, furnace, cold bay or vehicle to
// cases: one stream per resource and day, so that of any number of families
// who ask for one slot exactly one gets it.
package schedule

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
)

// Category is the first part of a day's stream name.
const Category = "day"

// ID is the stream id of one resource's day: "<institution>.<resource>.20261123".
func ID(institution, resource string, day domain.Date) string {
	return institution + "." + resource + "." + strings.ReplaceAll(string(day), "-", "")
}

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[Held]("schedule.held.v1"),
	domain.Named[Confirmed]("schedule.confirmed.v1"),
	domain.Named[Released]("schedule.released.v1"),
}

// Event is a fact about one resource's day.
type Event interface{ dayEvent() }

type (
	// Held kept a slot for a case until a deadline.
	Held struct {
		Slot  string    `json:"slot"` // the local start, "0930"; unique among the day's taken slots
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
		Case  string    `json:"case"`
		Until time.Time `json:"until"`
		// BufferMinutes after End are kept free too.
		BufferMinutes int `json:"buffer_minutes,omitzero"`
	}
	// Confirmed gave the held slot to the case for good.
	Confirmed struct {
		Slot string `json:"slot"`
		Case string `json:"case"`
	}
	// Released put the slot back.
	Released struct {
		Slot   string `json:"slot"`
		Case   string `json:"case"`
		Reason Reason `json:"reason"`
	}
)

func (Held) dayEvent()      {}
func (Confirmed) dayEvent() {}
func (Released) dayEvent()  {}

// A Reason is why a slot was put back. It is a closed list, so that reasons can
// be counted and nobody writes a name into one.
type Reason string

// The reasons.
const (
	Expired      Reason = "EXPIRED"        // the hold ran out
	Withdrawn    Reason = "WITHDRAWN"      // the family does not want it
	Rescheduled  Reason = "RESCHEDULED"    // moved to another slot
	CaseEnded    Reason = "CASE_CANCELLED" // the whole case was cancelled
	OutOfService Reason = "OUT_OF_SERVICE" // the resource broke down
	Weather      Reason = "WEATHER"
)

// Reasons lists the reasons that a person may give.
var Reasons = []Reason{Withdrawn, Rescheduled, CaseEnded, OutOfService, Weather}

// Command asks one resource's day for something.
type Command interface {
	domain.Command
	dayCommand()
}

// Hours are the resource's opening hours, a fact from its institution's stream.
type Hours struct {
	Opens, Closes domain.Clock
	// SlotMinutes is the grid on which slots start, counted from Opens.
	SlotMinutes int
	// BufferMinutes are kept free after each slot.
	BufferMinutes int
}

type (
	// Hold keeps a slot for a case until a deadline.
	Hold struct {
		domain.Act
		Start time.Time
		// Minutes is how long; zero means one step of the grid.
		Minutes int
		Case    string
		Until   time.Time
		Hours   Hours
	}
	// Confirm gives the held slot to the case for good.
	Confirm struct {
		domain.Act
		Slot, Case string
	}
	// Release puts a held or confirmed slot back.
	Release struct {
		domain.Act
		Slot, Case string
		Reason     Reason
	}
	// Expire puts a hold back whose deadline has passed.
	Expire struct {
		domain.Act
		Slot, Case string
	}
)

func (Hold) dayCommand()    {}
func (Confirm) dayCommand() {}
func (Release) dayCommand() {}
func (Expire) dayCommand()  {}

// A Slot is one that is taken: held, or confirmed.
type Slot struct {
	Held
	Confirmed bool
}

// Lapsed says that the slot is only held and its deadline has passed. It stays
// in the state until somebody expires it or takes its place, and blocks nobody.
func (s Slot) Lapsed(now time.Time) bool { return !s.Confirmed && !now.Before(s.Until) }

// free is the first instant after the slot and its buffer.
func (h Held) free() time.Time { return h.End.Add(time.Duration(h.BufferMinutes) * time.Minute) }

func (h Held) overlaps(o Held) bool { return h.Start.Before(o.free()) && o.Start.Before(h.free()) }

// State is the day's taken slots in the order of their starts.
type State struct{ Slots []Slot }

// SlotName is the name of the slot that starts then: "0930".
func SlotName(start time.Time) string { return start.In(domain.Shanghai).Format("1504") }

// Slot finds a taken slot by its name.
func (s State) Slot(name string) (Slot, bool) {
	i := slices.IndexFunc(s.Slots, func(x Slot) bool { return x.Slot == name })
	if i < 0 {
		return Slot{}, false
	}
	return s.Slots[i], true
}

// Free lists the starts on day at which a slot of that many minutes (zero: one
// step of the grid) could be held now, earliest first.
func (s State) Free(day domain.Date, h Hours, minutes int, now time.Time) []time.Time {
	if minutes == 0 {
		minutes = h.SlotMinutes
	}
	if !h.valid() || minutes < 0 {
		return nil
	}
	var starts []time.Time
	for m := h.Opens.Minutes(); m+minutes <= h.Closes.Minutes(); m += h.SlotMinutes {
		want := h.slot(day.Start().Add(time.Duration(m)*time.Minute), minutes)
		if want.Start.Before(now) || s.taken(want, now) {
			continue
		}
		starts = append(starts, want.Start)
	}
	return starts
}

// Nearest orders free starts by their distance from the wanted one, the earlier
// first where two are equally far, and answers with at most n.
func Nearest(free []time.Time, want time.Time, n int) []time.Time {
	near := slices.Clone(free)
	slices.SortStableFunc(near, func(a, b time.Time) int {
		return cmp.Or(cmp.Compare(a.Sub(want).Abs(), b.Sub(want).Abs()), a.Compare(b))
	})
	return near[:min(n, len(near))]
}

// Day decides for one resource's day.
var Day = domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Held:
		s.Slots = append(slices.Clip(s.Slots), Slot{Held: e})
		slices.SortStableFunc(s.Slots, func(a, b Slot) int { return a.Start.Compare(b.Start) })
	case Confirmed:
		s.Slots = slices.Clone(s.Slots)
		for i := range s.Slots {
			if s.Slots[i].Slot == e.Slot && s.Slots[i].Case == e.Case {
				s.Slots[i].Confirmed = true
			}
		}
	case Released:
		s.Slots = slices.DeleteFunc(slices.Clone(s.Slots), func(x Slot) bool { return x.Slot == e.Slot && x.Case == e.Case })
	}
	return s
}

// The rejections of this context.
var (
	ErrSlotTaken   = domain.Reject("slot_taken", "这个时间刚被另一家定下。", "This time has just been taken by another family.").Race()
	ErrCaseHasSlot = domain.Reject("case_has_slot", "这一天已经为这件业务留了 %s 的时间，要改请先放回。", "This case has the %s slot of the day already; give that one back first.")
	ErrClosed      = domain.Reject("outside_opening_hours", "%s 不在开放时间 %s 至 %s 之内。", "%s is outside the opening hours, %s to %s.")
	ErrOffGrid     = domain.Reject("slot_off_grid", "开始时间从 %s 起每 %d 分钟一个，没有 %s。", "Slots start at %s and every %d minutes after it; there is none at %s.")
	ErrPast        = domain.Reject("slot_in_past", "%s 已经过去，不能预约。", "%s has passed and cannot be booked.")
	ErrHours       = domain.Reject("hours_invalid", "这个设施没有登记开放时间。", "No opening hours are recorded for this resource.")
	ErrNoCase      = domain.Reject("case_missing", "没有说明是哪件业务。", "No case is named.")
	ErrMinutes     = domain.Reject("slot_length_invalid", "时长要大于零，不超过一天。", "The length must be above zero and at most a day.")
	ErrDeadline    = domain.Reject("hold_deadline_passed", "保留的截止时间 %s 已经过去。", "The hold would end at %s, which has passed.")
	ErrNotHeld     = domain.Reject("slot_not_held", "这个时间没有为这件业务保留，请重新选择。", "This time is not held for this case; please choose again.")
	ErrLapsed      = domain.Reject("hold_lapsed", "这个时间只保留到 %s，请重新选择。", "This time was held until %s only; please choose again.")
	ErrNotLapsed   = domain.Reject("hold_not_lapsed", "这个时间保留到 %s，还没有到。", "This time is held until %s, which has not come yet.")
	ErrSlotGiven   = domain.Reject("slot_confirmed", "这个时间已经定下，不会过期。", "This slot is confirmed and does not expire.")
	ErrReason      = domain.Reject("release_reason_unknown", "没有“%s”这个原因。", "There is no reason %q.")
	ErrAnotherDay  = domain.Reject("slot_on_another_day", "%s 不在这一天。", "%s is not on this day.")
)

func (h Hours) valid() bool {
	return h.Opens.Valid() && h.Closes.Valid() && h.Opens < h.Closes && h.SlotMinutes > 0 && h.BufferMinutes >= 0
}

// slot is the slot of that many minutes from start.
func (h Hours) slot(start time.Time, minutes int) Held {
	start = start.UTC()
	return Held{Slot: SlotName(start), Start: start, End: start.Add(time.Duration(minutes) * time.Minute), BufferMinutes: h.BufferMinutes}
}

// taken says that a slot which has not lapsed is in the way.
func (s State) taken(want Held, now time.Time) bool {
	return slices.ContainsFunc(s.Slots, func(x Slot) bool { return !x.Lapsed(now) && x.overlaps(want) })
}

func decide(s State, cmd Command) ([]Event, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Hold:
		return s.hold(c)
	case Confirm:
		return s.confirm(c)
	case Release:
		return s.release(c)
	case Expire:
		return s.expire(c)
	}
	panic("unreachable: sealed interface")
}

func (s State) hold(c Hold) ([]Event, error) {
	h := c.Hours
	if c.Minutes == 0 {
		c.Minutes = h.SlotMinutes
	}
	want := h.slot(c.Start, c.Minutes)
	want.Case, want.Until = c.Case, c.Until.UTC()
	day := domain.DateOf(c.Start)
	switch {
	case c.Case == "":
		return nil, ErrNoCase
	case !h.valid():
		return nil, ErrHours
	case c.Minutes < 0 || c.Minutes > 24*60:
		return nil, ErrMinutes
	case len(s.Slots) > 0 && domain.DateOf(s.Slots[0].Start) != day:
		return nil, ErrAnotherDay.With(domain.FormatTime(c.Start))
	}
	for _, have := range s.Slots {
		if have.Case != c.Case || have.Lapsed(c.Now) {
			continue
		}
		if have.Start.Equal(want.Start) && have.End.Equal(want.End) {
			return nil, nil
		}
		return nil, ErrCaseHasSlot.With(domain.ClockOf(have.Start))
	}
	opens, closes := h.Opens.On(day), h.Closes.On(day)
	switch {
	case c.Start.Before(c.Now):
		return nil, ErrPast.With(domain.FormatTime(c.Start))
	case c.Start.Before(opens) || want.End.After(closes):
		return nil, ErrClosed.With(domain.FormatTime(c.Start), h.Opens, h.Closes)
	case c.Start.Sub(opens)%(time.Duration(h.SlotMinutes)*time.Minute) != 0:
		return nil, ErrOffGrid.With(h.Opens, h.SlotMinutes, domain.FormatTime(c.Start))
	case !c.Until.After(c.Now):
		return nil, ErrDeadline.With(domain.FormatTime(c.Until))
	case s.taken(want, c.Now):
		return nil, ErrSlotTaken
	}
	var es []Event
	for _, have := range s.Slots {
		if have.Lapsed(c.Now) {
			es = append(es, Released{have.Slot, have.Case, Expired})
		}
	}
	return append(es, want), nil
}

// held finds the slot that the case has; the error is nil also when it has
// none and nobody else has it either.
func (s State) held(slot, by string) (have Slot, ok bool, err error) {
	have, ok = s.Slot(slot)
	if ok && have.Case != by {
		return Slot{}, false, ErrNotHeld
	}
	return have, ok, nil
}

func (s State) confirm(c Confirm) ([]Event, error) {
	have, ok, err := s.held(c.Slot, c.Case)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, ErrNotHeld
	case have.Confirmed:
		return nil, nil
	case have.Lapsed(c.Now):
		return nil, ErrLapsed.With(domain.FormatTime(have.Until))
	}
	return []Event{Confirmed{c.Slot, c.Case}}, nil
}

func (s State) release(c Release) ([]Event, error) {
	if !slices.Contains(Reasons, c.Reason) {
		return nil, ErrReason.With(c.Reason)
	}
	_, ok, err := s.held(c.Slot, c.Case)
	if err != nil || !ok {
		return nil, err
	}
	return []Event{Released{c.Slot, c.Case, c.Reason}}, nil
}

func (s State) expire(c Expire) ([]Event, error) {
	have, ok, err := s.held(c.Slot, c.Case)
	switch {
	case err != nil || !ok:
		return nil, err
	case have.Confirmed:
		return nil, ErrSlotGiven
	case !have.Lapsed(c.Now):
		return nil, ErrNotLapsed.With(domain.FormatTime(have.Until))
	}
	return []Event{Released{c.Slot, c.Case, Expired}}, nil
}
