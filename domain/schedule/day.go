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
	domain.Named[Blocked]("schedule.blocked.v1"),
	domain.Named[Unblocked]("schedule.unblocked.v1"),
	domain.Named[Joined]("wait.joined.v1"),
	domain.Named[Offered]("wait.offered.v1"),
	domain.Named[Skipped]("wait.skipped.v1"),
	domain.Named[Accepted]("wait.accepted.v1"),
	domain.Named[Left]("wait.left.v1"),
	domain.Named[Announced]("release.announced.v1"),
	domain.Named[Applied]("release.applied.v1"),
	domain.Named[ApplicationWithdrawn]("release.withdrawn.v1"),
	domain.Named[Drawn]("release.drawn.v1"),
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
	// Blocked keeps an interval free of bookings.
	Blocked struct {
		Block string    `json:"block"` // unique within the day
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
		Kind  BlockKind `json:"kind"`
	}
	// Unblocked opened the interval again.
	Unblocked struct {
		Block string `json:"block"`
	}
)

func (Held) dayEvent()      {}
func (Confirmed) dayEvent() {}
func (Released) dayEvent()  {}
func (Blocked) dayEvent()   {}
func (Unblocked) dayEvent() {}

// A BlockKind is why an interval cannot be booked.
type BlockKind string

// The kinds of block.
const (
	Maintenance BlockKind = "MAINTENANCE"
	CleanDown   BlockKind = "CLEAN_DOWN"
	Reserved    BlockKind = "AUTHORITY" // kept for police, court or an emergency
	ForDraw     BlockKind = "DRAW"      // a peak day's slots until they are drawn
)

// BlockKinds lists every kind, in the order of menus.
var BlockKinds = []BlockKind{Maintenance, CleanDown, Reserved, ForDraw}

// Names are the kind's names for people.
func (k BlockKind) Names() (zh, en string) {
	switch k {
	case CleanDown:
		return "清理", "cleaning"
	case Reserved:
		return "留作公务", "official use"
	case ForDraw:
		return "等待抽签", "the draw"
	}
	return "检修", "maintenance"
}

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
	// AheadDays is how many days ahead a slot may be taken; zero means
	// DefaultAheadDays.
	AheadDays int
	// CleanDown are the times of every day at which nothing is booked.
	CleanDown []Span
	// Blocked are intervals that the institution keeps free and the day may not
	// have been told of yet.
	Blocked []Blocked
}

// DefaultAheadDays is a proposal of ours ([P]): far enough for the peak days, of
// which families think months before, and no further than anybody can plan.
const DefaultAheadDays = 90

// Last is the last day that may be booked now.
func (h Hours) Last(now time.Time) domain.Date {
	return domain.DateOf(now).AddDays(cmp.Or(max(h.AheadDays, 0), DefaultAheadDays))
}

// A Span is a part of every day.
type Span struct{ From, To domain.Clock }

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
		// Block is the block whose place the slot takes: that of a draw, for the
		// case that drew it. Empty: none.
		Block string
		// Beside lets the case keep the slot that it has confirmed until this
		// one is: what a waiting family is offered costs it nothing.
		Beside bool
	}
	// Move gives the case another slot of the day for the one it has, held or
	// confirmed as that one was, or leaves everything as it is.
	Move struct {
		domain.Act
		Slot, Case string // the one it has
		Start      time.Time
		Minutes    int // zero: as long as the one it has
		Until      time.Time
		Hours      Hours
	}
	// Block keeps an interval free of bookings. What is confirmed in it has to
	// be moved first.
	Block struct {
		domain.Act
		Block      string
		Start, End time.Time
		Kind       BlockKind
	}
	// Unblock opens the interval again.
	Unblock struct {
		domain.Act
		Block string
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
func (Move) dayCommand()    {}
func (Block) dayCommand()   {}
func (Unblock) dayCommand() {}

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

// overlaps says that a slot cannot be there beside the block. Maintenance needs
// the room cleaned beforehand; cleaning and a mere reservation do not.
func (b Blocked) overlaps(h Held) bool {
	end := h.End
	if b.Kind == Maintenance {
		end = h.free()
	}
	return h.Start.Before(b.End) && b.Start.Before(end)
}

// State is the day's taken slots and its blocks, in the order of their starts.
type State struct {
	Slots  []Slot
	Blocks []Blocked
}

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
	if !h.valid() || minutes < 0 || day > h.Last(now) {
		return nil
	}
	var starts []time.Time
	for m := h.Opens.Minutes(); m+minutes <= h.Closes.Minutes(); m += h.SlotMinutes {
		want := h.slot(day.Start().Add(time.Duration(m)*time.Minute), minutes)
		if _, blocked := s.blocked(want, h); blocked || want.Start.Before(now) || s.taken(want, now) {
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
	case Blocked:
		s.Blocks = append(slices.Clip(s.Blocks), e)
		slices.SortStableFunc(s.Blocks, func(a, b Blocked) int { return a.Start.Compare(b.Start) })
	case Unblocked:
		s.Blocks = slices.DeleteFunc(slices.Clone(s.Blocks), func(x Blocked) bool { return x.Block == e.Block })
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
	ErrTooFarAhead = domain.Reject("slot_too_far_ahead", "现在只能预约到 %s。", "Slots can be booked up to %s now.")
	ErrHours       = domain.Reject("hours_invalid", "这个设施没有登记开放时间。", "No opening hours are recorded for this resource.")
	ErrNoCase      = domain.Reject("case_missing", "没有说明是哪件业务。", "No case is named.")
	ErrMinutes     = domain.Reject("slot_length_invalid", "时长要大于零，不超过一天。", "The length must be above zero and at most a day.")
	ErrDeadline    = domain.Reject("hold_deadline_passed", "保留的截止时间 %s 已经过去。", "The hold would end at %s, which has passed.")
	ErrNotHeld     = domain.Reject("slot_not_held", "这个时间没有为这件业务保留，请重新选择。", "This time is not held for this case; please choose again.")
	ErrLapsed      = domain.Reject("hold_lapsed", "这个时间只保留到 %s，请重新选择。", "This time was held until %s only; please choose again.")
	ErrNotLapsed   = domain.Reject("hold_not_lapsed", "这个时间保留到 %s，还没有到。", "This time is held until %s, which has not come yet.")
	ErrSlotGiven   = domain.Reject("slot_confirmed", "这个时间已经定下，不会过期。", "This slot is confirmed and does not expire.")
	ErrReason      = domain.Reject("release_reason_unknown", "没有“%s”这个原因。", "There is no reason %q.")
	ErrBlocked     = domain.Reject("slot_blocked", "%[1]s 至 %[2]s %[3]s，不能预约。", "From %[1]s to %[2]s it is closed for %[4]s.")
	ErrOccupied    = domain.Reject("block_occupied", "%s 的时间已经定给业务 %s，请先改期。", "The %s slot is confirmed for case %s; please move it first.")
	ErrHeldNow     = domain.Reject("block_held", "%s 的时间正为业务 %s 保留到 %s，请过后再试。", "The %s slot is held for case %s until %s; please try again then.")
	ErrBlock       = domain.Reject("block_invalid", "停用的编号、种类或起止时间不对。", "The id, the kind or the times of the block are not valid.")
	ErrBlockExists = domain.Reject("block_exists", "停用 %s 已经记录，内容不同。", "Block %s is recorded already, with other times.")
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
	case Move:
		return s.move(c)
	case Block:
		return s.block(c)
	case Unblock:
		return s.unblock(c)
	}
	panic("unreachable: sealed interface")
}

// blocked finds what keeps the slot from being booked at all.
func (s State) blocked(want Held, h Hours) (Blocked, bool) {
	day := domain.DateOf(want.Start)
	blocks := slices.Concat(s.Blocks, h.Blocked)
	for _, x := range h.CleanDown {
		blocks = append(blocks, Blocked{Start: x.From.On(day), End: x.To.On(day), Kind: CleanDown})
	}
	i := slices.IndexFunc(blocks, func(b Blocked) bool { return b.overlaps(want) })
	if i < 0 {
		return Blocked{}, false
	}
	return blocks[i], true
}

// fits says why nobody could have that slot now, whoever has what.
func (s State) fits(want Held, h Hours, now time.Time) error {
	day := domain.DateOf(want.Start)
	opens, closes := h.Opens.On(day), h.Closes.On(day)
	switch {
	case want.Start.Before(now):
		return ErrPast.With(domain.FormatTime(want.Start))
	case day > h.Last(now):
		return ErrTooFarAhead.With(h.Last(now))
	case want.Start.Before(opens) || want.End.After(closes):
		return ErrClosed.With(domain.FormatTime(want.Start), h.Opens, h.Closes)
	case want.Start.Sub(opens)%(time.Duration(h.SlotMinutes)*time.Minute) != 0:
		return ErrOffGrid.With(h.Opens, h.SlotMinutes, domain.FormatTime(want.Start))
	case !want.Until.After(now):
		return ErrDeadline.With(domain.FormatTime(want.Until))
	}
	if b, ok := s.blocked(want, h); ok {
		zh, en := b.Kind.Names()
		return ErrBlocked.With(domain.ClockOf(b.Start), domain.ClockOf(b.End), zh, en)
	}
	if s.taken(want, now) {
		return ErrSlotTaken
	}
	return nil
}

// asked checks what is asked before who has what matters.
func (s State) asked(of string, start time.Time, minutes int, h Hours) error {
	switch {
	case of == "":
		return ErrNoCase
	case !h.valid():
		return ErrHours
	case minutes < 0 || minutes > 24*60:
		return ErrMinutes
	case s.otherDay(start):
		return ErrAnotherDay.With(domain.FormatTime(start))
	}
	return nil
}

// otherDay says that the stream is about another day.
func (s State) otherDay(t time.Time) bool {
	switch {
	case len(s.Slots) > 0:
		return domain.DateOf(s.Slots[0].Start) != domain.DateOf(t)
	case len(s.Blocks) > 0:
		return domain.DateOf(s.Blocks[0].Start) != domain.DateOf(t)
	}
	return false
}

// lapsed puts back every hold whose deadline has passed.
func (s State) lapsed(now time.Time) (es []Event) {
	for _, have := range s.Slots {
		if have.Lapsed(now) {
			es = append(es, Released{have.Slot, have.Case, Expired})
		}
	}
	return es
}

func (s State) hold(c Hold) ([]Event, error) {
	if c.Minutes == 0 {
		c.Minutes = c.Hours.SlotMinutes
	}
	if err := s.asked(c.Case, c.Start, c.Minutes, c.Hours); err != nil {
		return nil, err
	}
	want := c.Hours.slot(c.Start, c.Minutes)
	want.Case, want.Until = c.Case, c.Until.UTC()
	for _, have := range s.Slots {
		if have.Case == c.Case && !have.Lapsed(c.Now) && have.Start.Equal(want.Start) && have.End.Equal(want.End) {
			return nil, nil
		}
	}
	for _, have := range s.Slots {
		if have.Case != c.Case || have.Lapsed(c.Now) || c.Beside && have.Confirmed {
			continue
		}
		return nil, ErrCaseHasSlot.With(domain.ClockOf(have.Start))
	}
	var es []Event
	if lifted, err := s.unblock(Unblock{Block: c.Block}); err == nil && len(lifted) > 0 {
		es, s = lifted, evolve(s, lifted[0])
	}
	if err := s.fits(want, c.Hours, c.Now); err != nil {
		return nil, err
	}
	return append(append(es, s.lapsed(c.Now)...), want), nil
}

func (s State) move(c Move) ([]Event, error) {
	have, ok := s.Slot(c.Slot)
	if ok && have.Case != c.Case {
		return nil, ErrNotHeld
	}
	if c.Minutes == 0 {
		if c.Minutes = c.Hours.SlotMinutes; ok {
			c.Minutes = int(have.End.Sub(have.Start) / time.Minute)
		}
	}
	if err := s.asked(c.Case, c.Start, c.Minutes, c.Hours); err != nil {
		return nil, err
	}
	want := c.Hours.slot(c.Start, c.Minutes)
	want.Case, want.Until = c.Case, c.Until.UTC()
	for _, x := range s.Slots {
		if x.Case == c.Case && !x.Lapsed(c.Now) && x.Start.Equal(want.Start) && x.End.Equal(want.End) {
			return nil, nil
		}
	}
	switch {
	case !ok:
		return nil, ErrNotHeld
	case have.Lapsed(c.Now):
		return nil, ErrLapsed.With(domain.FormatTime(have.Until))
	case !have.Confirmed:
		want.Until = have.Until // moving does not prolong a hold
	}
	left := Released{have.Slot, have.Case, Rescheduled}
	rest := evolve(s, left)
	if err := rest.fits(want, c.Hours, c.Now); err != nil {
		return nil, err
	}
	es := append(rest.lapsed(c.Now), left, want)
	if have.Confirmed {
		es = append(es, Confirmed{want.Slot, want.Case})
	}
	return es, nil
}

func (s State) block(c Block) ([]Event, error) {
	b := Blocked{c.Block, c.Start.UTC(), c.End.UTC(), c.Kind}
	for _, have := range s.Blocks {
		if have == b {
			return nil, nil
		}
		if have.Block == b.Block {
			return nil, ErrBlockExists.With(b.Block)
		}
	}
	switch {
	case c.Block == "" || !slices.Contains(BlockKinds, c.Kind) || !b.End.After(b.Start) || domain.DateOf(b.End.Add(-1)) != domain.DateOf(b.Start):
		return nil, ErrBlock
	case s.otherDay(b.Start):
		return nil, ErrAnotherDay.With(domain.FormatTime(b.Start))
	}
	for _, have := range s.Slots {
		switch {
		case have.Lapsed(c.Now) || !b.overlaps(have.Held):
		case have.Confirmed:
			return nil, ErrOccupied.With(domain.ClockOf(have.Start), have.Case)
		default:
			return nil, ErrHeldNow.With(domain.ClockOf(have.Start), have.Case, domain.FormatTime(have.Until))
		}
	}
	return append(s.lapsed(c.Now), b), nil
}

func (s State) unblock(c Unblock) ([]Event, error) {
	if !slices.ContainsFunc(s.Blocks, func(b Blocked) bool { return b.Block == c.Block }) {
		return nil, nil
	}
	return []Event{Unblocked{c.Block}}, nil
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
	es := []Event{Confirmed{c.Slot, c.Case}}
	for _, other := range s.Slots { // the one that it was held beside
		if other.Case == c.Case && other.Confirmed {
			es = append([]Event{Released{other.Slot, other.Case, Rescheduled}}, es...)
		}
	}
	return es, nil
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
