package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// offerGrace is how much longer than its offer a slot is held, so that a yes in
// the last second can still be carried out.
const offerGrace = 2 * time.Minute

// JoinWait puts a case at the end of a waiting list.
type JoinWait struct {
	domain.Act
	Case uuid.UUID
	Kind institution.ResourceKind
	Day  domain.Date
	Wish schedule.Wish
	// Item is the service that it is for: how long the slot must be, where the
	// wish does not say.
	Item string
}

// JoinWait looks up whether the family may arrange for the case and asks the
// list. One stream is written.
func (a *App) JoinWait(ctx context.Context, c JoinWait) (events.Receipt, error) {
	s, err := a.arranged(ctx, c.Case, c.Now)
	if err != nil {
		return events.Receipt{}, err
	}
	p := Peak{s.Institution, c.Kind, c.Day}
	if err := p.check(); err != nil {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	least := 0
	for _, r := range in.Resources {
		if r.Kind != c.Kind || !r.ServesOn(c.Day) || c.Wish.Resource != "" && r.Resource != c.Wish.Resource {
			continue
		}
		if n := r.Minutes(c.Item); least == 0 || n < least {
			least = n
		}
	}
	if least == 0 {
		return events.Receipt{}, schedule.ErrHours
	}
	if c.Wish.Minutes == 0 && c.Item != "" {
		c.Wish.Minutes = least
	}
	if c.Day < domain.DateOf(c.Now) {
		return events.Receipt{}, schedule.ErrPast.With(c.Day)
	}
	return a.Waits.Handle(ctx, p.Key(), schedule.Join{Act: c.Act, Case: c.Case.String(), Wish: c.Wish})
}

// A freed slot is one that somebody gave back.
type freed struct {
	day        string
	start, end time.Time
}

// OfferSlot offers a slot that was given back to the first waiting family that
// could use it. day is the id of the day's stream and slot the name that the
// slot had there. Nothing happens where nobody waits, or the slot is gone.
func (a *App) OfferSlot(ctx context.Context, act domain.Act, day, slot string) error {
	home, resource, on := SplitDay(day)
	if on < domain.DateOf(act.Now) {
		return nil
	}
	if waits, err := a.waited(ctx, home, resource, on); err != nil || !waits {
		return err
	}
	// How long it was is told by the last hold under that name.
	f := freed{day: day}
	for r, err := range a.Store.Load(ctx, a.Days.Stream(day), events.NoStream) {
		if err != nil {
			return err
		}
		x, err := a.Registry.Decode(ctx, r)
		if err != nil {
			return err
		}
		if h, ok := x.(schedule.Held); ok && h.Slot == slot {
			f.start, f.end = h.Start, h.End
		}
	}
	if f.start.IsZero() {
		return nil
	}
	return a.offer(ctx, act, f)
}

// waited says that somebody waits for that kind of resource on the day.
func (a *App) waited(ctx context.Context, home, resource string, on domain.Date) (bool, error) {
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return false, err
	}
	r, ok := in.Resource(resource)
	if !ok {
		return false, nil
	}
	s, _, err := a.Waits.Load(ctx, Peak{home, r.Kind, on}.Key())
	return len(s.List) > 0, err
}

// OfferBlock offers what a block that was taken away had kept from being booked,
// in slots of the resource's own length.
func (a *App) OfferBlock(ctx context.Context, act domain.Act, day, block string) error {
	home, resource, on := SplitDay(day)
	if waits, err := a.waited(ctx, home, resource, on); err != nil || !waits {
		return err
	}
	var b schedule.Blocked
	for r, err := range a.Store.Load(ctx, a.Days.Stream(day), events.NoStream) {
		if err != nil {
			return err
		}
		x, err := a.Registry.Decode(ctx, r)
		if err != nil {
			return err
		}
		if e, ok := x.(schedule.Blocked); ok && e.Block == block {
			b = e
		}
	}
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return err
	}
	r, ok := in.Resource(resource)
	if !ok || b.Block == "" {
		return nil
	}
	minutes := r.SlotMinutes
	if len(r.Durations) > 0 {
		minutes = r.Durations[0].Minutes
	}
	if b.Kind == schedule.ForDraw { // it was one slot
		minutes = int(b.End.Sub(b.Start) / time.Minute)
	}
	var next time.Time
	free, err := a.Free(ctx, in, resource, "", minutes, on, act.Now)
	if err != nil {
		return err
	}
	for _, x := range free {
		if x.Start.Before(b.Start) || x.End.After(b.End) || x.Start.Before(next) {
			continue
		}
		next = x.End
		if err := a.offer(ctx, step(act, x.Slot), freed{day, x.Start, x.End}); err != nil {
			return err
		}
	}
	return nil
}

// offer runs: who would get it? → hold it for that case → offer. Where the list
// has changed in between, the hold is given back and the next one is asked. A
// crash after the hold leaves one that ends by itself, and then the slot is
// offered again (policy: a slot that was given back is offered).
func (a *App) offer(ctx context.Context, act domain.Act, f freed) error {
	home, resource, on := SplitDay(f.day)
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return err
	}
	r, ok := in.Resource(resource)
	if !ok || !f.start.After(act.Now) {
		return nil
	}
	list := Peak{home, r.Kind, on}.Key()
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return err
	}
	until := act.Now.Add(p.Duration(institution.OfferMinutes))
	if until.After(f.start) {
		until = f.start
	}
	minutes := int(f.end.Sub(f.start) / time.Minute)
	for {
		s, rev, err := a.Waits.Load(ctx, list)
		if err != nil || len(s.List) == 0 {
			return err
		}
		offer := schedule.Offer{Act: stepAt(act, "offer", rev), Resource: resource, Slot: schedule.SlotName(f.start), Start: f.start, End: f.end, Until: until}
		es, err := schedule.Waiting.Decide(s, offer)
		if err != nil {
			return err
		}
		who := ""
		for _, e := range es {
			if o, ok := e.(schedule.Offered); ok {
				who = o.Case
			}
		}
		if who == "" { // it is for nobody; the reasons are kept
			if len(es) > 0 {
				_, err = a.Waits.Handle(ctx, list, offer)
			}
			return err
		}
		c, _, err := a.Cases.Load(ctx, who)
		if err != nil {
			return err
		}
		if c.Cancelled || c.Closed {
			if _, err := a.Waits.Handle(ctx, list, schedule.Leave{Act: stepAt(act, "ended", rev), Case: who, Reason: schedule.CaseClosed}); err != nil {
				return err
			}
			continue
		}
		_, err = a.Days.Handle(ctx, f.day, schedule.Hold{Act: stepAt(act, "hold", rev), Start: f.start, Minutes: minutes, Case: who, Until: until.Add(offerGrace),
			Hours: hours(in, p, resource, on), Beside: true})
		if _, refused := errors.AsType[*domain.Rejection](err); refused {
			return nil // it is gone again, or the family is choosing at this very moment
		}
		if err != nil {
			return err
		}
		if _, err := a.Waits.Handle(ctx, list, offer); err != nil {
			return err
		}
		if s, _, err = a.Waits.Load(ctx, list); err != nil {
			return err
		}
		if o, ok := s.OpenOffer(who); ok && o.Resource == resource && o.Slot == offer.Slot {
			return nil
		}
		if err := a.letSlotGo(ctx, stepAt(act, "back", rev), f.day, offer.Slot, who); err != nil {
			return err
		}
		if slices.ContainsFunc(s.List, func(w schedule.Waiter) bool {
			return w.Offer != nil && w.Offer.Resource == resource && w.Offer.Slot == offer.Slot
		}) {
			return nil // somebody else offers it at this moment
		}
	}
}

// letSlotGo gives back what is only held for a case; nothing when it is not.
func (a *App) letSlotGo(ctx context.Context, act domain.Act, day, slot, who string) error {
	d, _, err := a.Days.Load(ctx, day)
	if err != nil {
		return err
	}
	if have, ok := d.Slot(slot); !ok || have.Case != who || have.Confirmed {
		return nil
	}
	_, err = a.Days.Handle(ctx, day, schedule.Release{Act: step(act, "release "+day+" "+slot), Slot: slot, Case: who, Reason: schedule.Withdrawn})
	if errors.Is(err, schedule.ErrNotHeld) {
		return nil
	}
	return err
}

// An OnList names a case's place on a waiting list.
type OnList struct {
	domain.Act
	Case uuid.UUID
	Kind institution.ResourceKind
	Day  domain.Date
}

func (a *App) onList(ctx context.Context, c OnList) (Peak, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return Peak{}, err
	}
	if !s.Exists() {
		return Peak{}, booking.ErrNotOpened
	}
	p := Peak{s.Institution, c.Kind, c.Day}
	return p, p.check()
}

// AcceptOffer runs: accept → confirm the slot → note it on the case. A crash
// leaves an accepted slot that is only held (policy: an accepted slot is
// confirmed).
func (a *App) AcceptOffer(ctx context.Context, c OnList) (events.Receipt, error) {
	if _, err := a.arranged(ctx, c.Case, c.Now); err != nil {
		return events.Receipt{}, err
	}
	p, err := a.onList(ctx, c)
	if err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Waits.Handle(ctx, p.Key(), schedule.Accept{Act: c.Act, Case: c.Case.String()})
	if err != nil {
		return rc, err
	}
	s, _, err := a.Waits.Load(ctx, p.Key())
	if err != nil {
		return rc, err
	}
	for _, g := range slices.Backward(s.Gone) {
		if g.Case == c.Case.String() && g.Reason == schedule.TookTheSlot {
			resource, slot := splitSpot(g.Slot)
			return rc, a.ConfirmAccepted(ctx, c.Act, p, resource, slot, c.Case)
		}
	}
	return rc, nil
}

func splitSpot(s string) (resource, slot string) {
	if n := len(s) - 5; n > 0 && s[n] == '/' {
		return s[:n], s[n+1:]
	}
	return "", ""
}

// ConfirmAccepted confirms a slot that a waiting family accepted. One that was
// confirmed before, whatever became of it, is left alone.
func (a *App) ConfirmAccepted(ctx context.Context, act domain.Act, p Peak, resource, slot string, caseID uuid.UUID) error {
	day := p.day(resource)
	d, _, err := a.Days.Load(ctx, day)
	if err != nil {
		return err
	}
	have, ok := d.Slot(slot)
	if !ok || have.Case != caseID.String() {
		return nil
	}
	if !have.Confirmed {
		if _, err := a.Days.Handle(ctx, day, schedule.Confirm{Act: step(act, "confirm "+day+" "+slot), Slot: slot, Case: caseID.String()}); err != nil {
			return err
		}
	}
	return a.SyncSlots(ctx, step(act, "sync "+day), day, caseID)
}

// DeclineOffer runs: decline → give the slot back. A crash leaves a hold that
// ends by itself.
func (a *App) DeclineOffer(ctx context.Context, c OnList) (events.Receipt, error) {
	return a.answer(ctx, c, schedule.Decline{Act: c.Act, Case: c.Case.String()})
}

// LeaveWait takes a case off a waiting list; an open offer is given back.
func (a *App) LeaveWait(ctx context.Context, c OnList, why schedule.LeaveReason) (events.Receipt, error) {
	return a.answer(ctx, c, schedule.Leave{Act: c.Act, Case: c.Case.String(), Reason: why})
}

func (a *App) answer(ctx context.Context, c OnList, cmd schedule.WaitCommand) (events.Receipt, error) {
	p, err := a.onList(ctx, c)
	if err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Waits.Load(ctx, p.Key())
	if err != nil {
		return events.Receipt{}, err
	}
	o, open := s.OpenOffer(c.Case.String())
	rc, err := a.Waits.Handle(ctx, p.Key(), cmd)
	if err != nil || !open {
		return rc, err
	}
	return rc, a.letSlotGo(ctx, c.Act, p.day(o.Resource), o.Slot, c.Case.String())
}

// SyncSlots makes a case list what a day has confirmed for it, and nothing else
// of that day; nothing for a case that has ended. day is the id of the day's
// stream.
func (a *App) SyncSlots(ctx context.Context, act domain.Act, day string, caseID uuid.UUID) error {
	_, resource, on := SplitDay(day)
	d, _, err := a.Days.Load(ctx, day)
	if err != nil {
		return err
	}
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil || !s.Exists() || s.Cancelled || s.Closed {
		return err
	}
	for _, x := range s.Slots {
		if have, ok := d.Slot(x.Slot); x.Resource == resource && x.Day == on && (!ok || !have.Confirmed || have.Case != caseID.String()) {
			if _, err := a.Detach(ctx, step(act, "detach "+x.Slot), caseID, resource, on, x.Slot, schedule.Rescheduled); err != nil {
				return err
			}
		}
	}
	for _, x := range d.Slots {
		if x.Confirmed && x.Case == caseID.String() {
			if err := a.AttachConfirmed(ctx, step(act, "attach "+x.Slot), day, x.Slot, caseID); err != nil {
				return err
			}
		}
	}
	return nil
}

// MoveSlot gives a case another slot for one that it holds or has.
type MoveSlot struct {
	domain.Act
	Case     uuid.UUID
	Resource string // of the slot that it has
	Start    time.Time
	Want     Want // its Institution is the case's; no resource: the same
}

// MoveSlot runs, within one resource's day: move → note it on the case. Between
// two days or resources: hold the new one → confirm it → release the old one →
// note both; a crash between leaves a case with both, of which the desk gives
// one back. When the new slot is gone everything stays as it was, and the answer
// is *SlotTaken.
func (a *App) MoveSlot(ctx context.Context, c MoveSlot) (events.Receipt, error) {
	s, err := a.arranged(ctx, c.Case, c.Now)
	if err != nil {
		return events.Receipt{}, err
	}
	id := c.Case.String()
	from := Want{Institution: s.Institution, Resource: c.Resource, Start: c.Start}
	w := c.Want
	w.Institution = s.Institution
	if w.Resource == "" {
		w.Resource = c.Resource
	}
	if err := errors.Join(streamID(schedule.Category, from.day()), streamID(schedule.Category, w.day())); err != nil {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	d, _, err := a.Days.Load(ctx, from.day())
	if err != nil {
		return events.Receipt{}, err
	}
	have, _ := d.Slot(schedule.SlotName(c.Start))
	if w.Minutes == 0 && w.Item == "" && have.Case == id {
		w.Minutes = int(have.End.Sub(have.Start) / time.Minute)
	}
	held, err := a.HoldTime(ctx, in)
	if err != nil {
		return events.Receipt{}, err
	}
	if w.day() == from.day() {
		h, err := a.hours(ctx, in, w.Resource, domain.DateOf(w.Start))
		if err != nil {
			return events.Receipt{}, err
		}
		move := schedule.Move{Act: step(c.Act, "move"), Slot: schedule.SlotName(c.Start), Case: id, Start: w.Start, Minutes: w.Minutes,
			Until: c.Now.Add(held), Hours: h}
		if r, ok := in.Resource(w.Resource); ok {
			move.Minutes = w.length(r)
		}
		rc, err := a.Days.Handle(ctx, w.day(), move)
		if err != nil {
			return rc, a.taken(ctx, in, w, c.Now, err)
		}
		return a.moved(ctx, c, rc, w.day())
	}
	done, err := a.did(ctx, a.Days.Stream(from.day()), step(c.Act, "release").ID)
	if err != nil {
		return events.Receipt{}, err
	}
	if done == nil && (have.Case != id || have.Lapsed(c.Now)) {
		return events.Receipt{}, schedule.ErrNotHeld
	}
	slot, err := a.hold(ctx, c.Act, c.Case, w)
	if err != nil {
		return events.Receipt{}, err
	}
	var rc events.Receipt
	if done != nil || have.Confirmed {
		if rc, err = a.Days.Handle(ctx, w.day(), schedule.Confirm{Act: step(c.Act, "confirm"), Slot: slot.Slot, Case: id}); err != nil {
			return rc, err
		}
	}
	out, err := a.Days.Handle(ctx, from.day(), schedule.Release{Act: step(c.Act, "release"), Slot: schedule.SlotName(c.Start), Case: id, Reason: schedule.Rescheduled})
	if err != nil {
		return rc, err
	}
	return a.moved(ctx, c, later(rc, out), from.day(), w.day())
}

// moved makes the case list what the days now have for it.
func (a *App) moved(ctx context.Context, c MoveSlot, rc events.Receipt, days ...string) (events.Receipt, error) {
	for _, day := range days {
		if err := a.SyncSlots(ctx, step(c.Act, "sync "+day), day, c.Case); err != nil {
			return rc, err
		}
	}
	_, rev, err := a.Cases.Load(ctx, c.Case.String())
	rc.Revision = rev
	return rc, err
}

// ChangeTerms are what moving or giving back a slot means for the bill: nothing
// until FreeUntil; after it the institution decides by its price list.
type ChangeTerms struct {
	FreeUntil time.Time
	Free      bool
}

// TermsOf looks up the terms for a slot of an institution.
func (a *App) TermsOf(ctx context.Context, home string, start, now time.Time) (ChangeTerms, error) {
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return ChangeTerms{}, err
	}
	p, err := a.ParametersOf(ctx, in)
	until := p.Clock(institution.FreeChangeUntil).On(domain.DateOf(start).AddDays(-1)).UTC()
	return ChangeTerms{until, !now.After(until)}, err
}
