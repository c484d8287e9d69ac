package schedule

import (
	"slices"
	"time"

	"shenzhong/domain"
)

// WaitCategory is the first part of a waiting list's stream name; its id is
// "<institution>.<kind>.20261123" (ID with the kind of resource).
const WaitCategory = "wait"

// WaitEvent is a fact about one waiting list.
type WaitEvent interface{ waitEvent() }

type (
	// Joined put a case at the end of the list.
	Joined struct {
		Case string `json:"case"`
		Wish Wish   `json:"wish"`
	}
	// Offered kept a free slot for the case until a deadline.
	Offered struct {
		Case     string    `json:"case"`
		Resource string    `json:"resource"`
		Slot     string    `json:"slot"`
		Start    time.Time `json:"start"`
		End      time.Time `json:"end"`
		Until    time.Time `json:"until"`
	}
	// Skipped passed a slot by the case, with the reason. The case keeps its
	// place for every other slot.
	Skipped struct {
		Case     string     `json:"case"`
		Resource string     `json:"resource"`
		Slot     string     `json:"slot"`
		Reason   SkipReason `json:"reason"`
	}
	// Accepted took the slot that was offered, and the case off the list.
	Accepted struct {
		Case     string `json:"case"`
		Resource string `json:"resource"`
		Slot     string `json:"slot"`
	}
	// Left took the case off the list.
	Left struct {
		Case   string      `json:"case"`
		Reason LeaveReason `json:"reason"`
	}
)

func (Joined) waitEvent()   {}
func (Offered) waitEvent()  {}
func (Skipped) waitEvent()  {}
func (Accepted) waitEvent() {}
func (Left) waitEvent()     {}

// A Wish is what a waiting family could use.
type Wish struct {
	// Resource is the only one that will do; empty: any of its kind.
	Resource string `json:"resource,omitzero"`
	// From and Until bound the start; empty: any time of the day.
	From  domain.Clock `json:"from,omitzero"`
	Until domain.Clock `json:"until,omitzero"`
	// Minutes is how long the slot has to be at least.
	Minutes int `json:"minutes,omitzero"`
	// NoticeMinutes is how long before the start the family must know.
	NoticeMinutes int `json:"notice_minutes,omitzero"`
}

// A SkipReason is why a slot passed by a waiting family. The list is closed.
type SkipReason string

// The reasons.
const (
	NoAnswer     SkipReason = "NO_ANSWER"     // the deadline passed
	SaidNo       SkipReason = "DECLINED"      // the family does not want this one
	NotWished    SkipReason = "NOT_WISHED"    // outside what the family could use
	ShortNotice  SkipReason = "SHORT_NOTICE"  // too soon for the family
	AlreadyAsked SkipReason = "ALREADY_ASKED" // has been asked about this very slot
	HasAnOffer   SkipReason = "HAS_AN_OFFER"  // is answering about another one
)

// SkipReasons lists every reason, in the order in which they are tried.
var SkipReasons = []SkipReason{AlreadyAsked, HasAnOffer, NotWished, ShortNotice, SaidNo, NoAnswer}

// A LeaveReason is why a case left the list.
type LeaveReason string

// The reasons.
const (
	ByItself    LeaveReason = "WITHDRAWN"
	Placed      LeaveReason = "PLACED_ELSEWHERE"
	CaseClosed  LeaveReason = "CASE_CANCELLED"
	DayHasGone  LeaveReason = "DAY_PASSED"
	PutInTwice  LeaveReason = "ENTRY_ERROR"
	TookTheSlot LeaveReason = "ACCEPTED" // told by Accepted, never by Left
)

// LeaveReasons lists the reasons that Leave takes.
var LeaveReasons = []LeaveReason{ByItself, Placed, CaseClosed, DayHasGone, PutInTwice}

// WaitCommand asks one waiting list for something.
type WaitCommand interface {
	domain.Command
	waitCommand()
}

type (
	// Join puts a case at the end of the list.
	Join struct {
		domain.Act
		Case string
		Wish Wish
	}
	// Offer passes a free slot down the list, to the first family that could
	// use it. The caller holds the slot for that case until Until, so that
	// nobody else takes it meanwhile.
	Offer struct {
		domain.Act
		Resource   string
		Slot       string
		Start, End time.Time
		Until      time.Time
	}
	// Accept takes the slot that was offered.
	Accept struct {
		domain.Act
		Case string
	}
	// Decline answers no to an offer. The place on the list stays.
	Decline struct {
		domain.Act
		Case string
	}
	// LapseOffer ends an offer whose deadline has passed.
	LapseOffer struct {
		domain.Act
		Case string
	}
	// Leave takes the case off the list.
	Leave struct {
		domain.Act
		Case   string
		Reason LeaveReason
	}
)

func (Join) waitCommand()       {}
func (Offer) waitCommand()      {}
func (Accept) waitCommand()     {}
func (Decline) waitCommand()    {}
func (LapseOffer) waitCommand() {}
func (Leave) waitCommand()      {}

// A Waiter is one case on the list.
type Waiter struct {
	Joined
	Offer  *Offered // the open one
	Passed []Passed // slots that passed by, each with its reasons
}

// Passed is a slot that passed by a waiting family.
type Passed struct {
	Slot   string // "hall-1/0930"
	Reason SkipReason
}

// asked says that the family answered about the slot, or let it pass.
func (w Waiter) asked(at string) bool {
	return slices.Contains(w.Passed, Passed{at, SaidNo}) || slices.Contains(w.Passed, Passed{at, NoAnswer})
}

// WaitState is a waiting list, the first to be asked first, and what became of
// the cases that were on it.
type WaitState struct {
	List []Waiter
	Gone []Gone
}

// A Gone case has left the list.
type Gone struct {
	Case   string
	Reason LeaveReason
	Slot   string // that it took, "hall-1/0930"
}

// Place is how many families are before the case: 0 for the next one, -1 for a
// case that is not on the list.
func (s WaitState) Place(who string) int {
	return slices.IndexFunc(s.List, func(w Waiter) bool { return w.Case == who })
}

// OpenOffer is the offer that a case has to answer.
func (s WaitState) OpenOffer(who string) (Offered, bool) {
	if i := s.Place(who); i >= 0 && s.List[i].Offer != nil {
		return *s.List[i].Offer, true
	}
	return Offered{}, false
}

// Due lists the offers whose deadline has passed.
func (s WaitState) Due(now time.Time) (os []Offered) {
	for _, w := range s.List {
		if w.Offer != nil && !now.Before(w.Offer.Until) {
			os = append(os, *w.Offer)
		}
	}
	return os
}

// Waiting decides for one waiting list.
var Waiting = domain.Decider[WaitState, WaitCommand, WaitEvent]{Decide: decideWait, Evolve: evolveWait}

// spot names a slot among all resources of a day.
func spot(resource, slot string) string { return resource + "/" + slot }

func evolveWait(s WaitState, e WaitEvent) WaitState {
	edit := func(who string, f func(*Waiter)) {
		s.List = slices.Clone(s.List)
		for i := range s.List {
			if s.List[i].Case == who {
				f(&s.List[i])
			}
		}
	}
	leave := func(g Gone) {
		s.List = slices.DeleteFunc(slices.Clone(s.List), func(w Waiter) bool { return w.Case == g.Case })
		s.Gone = append(slices.Clip(s.Gone), g)
	}
	switch e := e.(type) {
	case Joined:
		s.List = append(slices.Clip(s.List), Waiter{Joined: e})
	case Offered:
		edit(e.Case, func(w *Waiter) { w.Offer = &e })
	case Skipped:
		edit(e.Case, func(w *Waiter) {
			at := spot(e.Resource, e.Slot)
			if w.Offer != nil && spot(w.Offer.Resource, w.Offer.Slot) == at {
				w.Offer = nil
			}
			w.Passed = append(slices.Clip(w.Passed), Passed{at, e.Reason})
		})
	case Accepted:
		leave(Gone{e.Case, TookTheSlot, spot(e.Resource, e.Slot)})
	case Left:
		leave(Gone{e.Case, e.Reason, ""})
	}
	return s
}

// The rejections of a waiting list.
var (
	ErrWish       = domain.Reject("wish_invalid", "候补的时间范围不对。", "The times that would do are not valid.")
	ErrWaits      = domain.Reject("waiting_already", "这件业务已经在候补，内容不同；要改请先退出候补。", "This case waits already, for something else; leave the list first.")
	ErrNotWaiting = domain.Reject("not_waiting", "这件业务不在候补名单上。", "This case is not on the waiting list.")
	ErrNoOffer    = domain.Reject("no_offer", "现在没有等您答复的时间。", "There is no offer to answer.")
	ErrOfferEnded = domain.Reject("offer_lapsed", "这个时间只为您保留到 %s，已经过了。您仍在候补。", "This time was kept for you until %s, which has passed. You are still on the list.")
	ErrOfferOpen  = domain.Reject("offer_open", "答复的期限是 %s，还没有到。", "The answer may come until %s, which has not passed.")
	ErrOffer      = domain.Reject("offer_invalid", "候补的时段不对，或者答复期限已过、晚于开始时间。", "The slot is not valid, or the deadline has passed or lies after its start.")
	ErrLeave      = domain.Reject("leave_reason_unknown", "没有“%s”这个原因。", "There is no reason %q.")
)

func decideWait(s WaitState, cmd WaitCommand) ([]WaitEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Join:
		return s.join(c)
	case Offer:
		return s.offer(c)
	case Accept:
		return s.accept(c)
	case Decline:
		return s.decline(c)
	case LapseOffer:
		return s.lapse(c)
	case Leave:
		return s.leave(c)
	}
	panic("unreachable: sealed interface")
}

func (s WaitState) join(c Join) ([]WaitEvent, error) {
	w := c.Wish
	switch i := s.Place(c.Case); {
	case c.Case == "":
		return nil, ErrNoCase
	case i >= 0 && s.List[i].Wish == w:
		return nil, nil
	case i >= 0:
		return nil, ErrWaits
	case w.From != "" && !w.From.Valid(), w.Until != "" && !w.Until.Valid(), w.From != "" && w.Until != "" && w.Until < w.From,
		w.Minutes < 0, w.NoticeMinutes < 0:
		return nil, ErrWish
	}
	return []WaitEvent{Joined{c.Case, w}}, nil
}

// unfit says why the slot is not for this family; empty when it is.
func (w Waiter) unfit(c Offer) SkipReason {
	at := domain.ClockOf(c.Start)
	switch {
	case w.asked(spot(c.Resource, c.Slot)):
		return AlreadyAsked
	case w.Offer != nil:
		return HasAnOffer
	case w.Wish.Resource != "" && w.Wish.Resource != c.Resource, w.Wish.From != "" && at < w.Wish.From, w.Wish.Until != "" && at > w.Wish.Until,
		c.End.Sub(c.Start) < time.Duration(w.Wish.Minutes)*time.Minute:
		return NotWished
	case c.Start.Sub(c.Now) < time.Duration(w.Wish.NoticeMinutes)*time.Minute:
		return ShortNotice
	}
	return ""
}

// offer goes down the list in the order in which families joined. It answers
// with a Skipped for each one that is passed by and one Offered, or with the
// Skipped alone when the slot is for nobody. The same slot passing the same
// family for the same reason again is told once.
func (s WaitState) offer(c Offer) ([]WaitEvent, error) {
	for _, w := range s.List {
		if w.Offer != nil && w.Offer.Resource == c.Resource && w.Offer.Slot == c.Slot {
			return nil, nil
		}
	}
	if c.Resource == "" || c.Slot != SlotName(c.Start) || !c.End.After(c.Start) || !c.Until.After(c.Now) || c.Until.After(c.Start) {
		return nil, ErrOffer
	}
	var es []WaitEvent
	for _, w := range s.List {
		why := w.unfit(c)
		if why == "" {
			return append(es, Offered{w.Case, c.Resource, c.Slot, c.Start.UTC(), c.End.UTC(), c.Until.UTC()}), nil
		}
		if !slices.Contains(w.Passed, Passed{spot(c.Resource, c.Slot), why}) {
			es = append(es, Skipped{w.Case, c.Resource, c.Slot, why})
		}
	}
	return es, nil
}

// took says that a case took a slot and does not wait again.
func (s WaitState) took(who string) bool {
	i := slices.IndexFunc(s.Gone, func(g Gone) bool { return g.Case == who && g.Reason == TookTheSlot })
	return i >= 0 && s.Place(who) < 0
}

func (s WaitState) accept(c Accept) ([]WaitEvent, error) {
	o, ok := s.OpenOffer(c.Case)
	switch {
	case s.took(c.Case):
		return nil, nil
	case s.Place(c.Case) < 0:
		return nil, ErrNotWaiting
	case !ok:
		return nil, ErrNoOffer
	case !c.Now.Before(o.Until):
		return nil, ErrOfferEnded.With(domain.FormatTime(o.Until))
	}
	return []WaitEvent{Accepted{c.Case, o.Resource, o.Slot}}, nil
}

func (s WaitState) decline(c Decline) ([]WaitEvent, error) {
	o, ok := s.OpenOffer(c.Case)
	switch {
	case s.Place(c.Case) < 0:
		return nil, ErrNotWaiting
	case !ok:
		return nil, ErrNoOffer
	}
	return []WaitEvent{Skipped{c.Case, o.Resource, o.Slot, SaidNo}}, nil
}

func (s WaitState) lapse(c LapseOffer) ([]WaitEvent, error) {
	o, ok := s.OpenOffer(c.Case)
	switch {
	case !ok:
		return nil, nil
	case c.Now.Before(o.Until):
		return nil, ErrOfferOpen.With(domain.FormatTime(o.Until))
	}
	return []WaitEvent{Skipped{c.Case, o.Resource, o.Slot, NoAnswer}}, nil
}

func (s WaitState) leave(c Leave) ([]WaitEvent, error) {
	switch {
	case !slices.Contains(LeaveReasons, c.Reason):
		return nil, ErrLeave.With(c.Reason)
	case s.Place(c.Case) < 0:
		return nil, nil
	}
	left := []WaitEvent{Left{c.Case, c.Reason}}
	if o, ok := s.OpenOffer(c.Case); ok {
		left = append([]WaitEvent{Skipped{c.Case, o.Resource, o.Slot, SaidNo}}, left...)
	}
	return left, nil
}
