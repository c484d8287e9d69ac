package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// SlotTaken is schedule.ErrSlotTaken with the nearest free slots.
type SlotTaken struct {
	*domain.Rejection
	Free []Alternative
}

// Unwrap lets errors.Is find schedule.ErrSlotTaken.
func (e *SlotTaken) Unwrap() error { return e.Rejection }

// Alternatives are the nearest free slots, nearest first.
func (e *SlotTaken) Alternatives() []Alternative { return e.Free }

// A Want names a slot of a resource by its start.
type Want struct {
	Institution string
	Resource    string
	Start       time.Time
	Minutes     int // zero: as long as Item takes there
	// Item is the code of the service that it is for; empty: one step of the
	// resource's grid.
	Item string
}

// length is how long the slot is at that resource.
func (w Want) length(r institution.Resource) int { return cmp.Or(w.Minutes, r.Minutes(w.Item)) }

func (w Want) day() string {
	return schedule.ID(w.Institution, w.Resource, domain.DateOf(w.Start))
}

// Book opens a case and gives it a slot, in one go.
type Book struct {
	domain.Act
	Case   uuid.UUID
	Opened booking.Opened
	Want   Want // its Institution is that of Opened
	// HoldOnly leaves the slot held until HoldFor has passed or Confirm is asked.
	HoldOnly bool
}

// Book runs: would the case be refused? → hold the slot → open the case →
// confirm the slot → attach it to the case.
//
// When the slot is gone, nothing is recorded and the answer is *SlotTaken with
// the nearest free ones. A crash after the hold leaves a hold that ends by
// itself (policy: expired holds); after opening, a case without a slot, which
// the desk sees and may give one; after confirming, a slot that the case does
// not list yet (policy: confirmed slots are attached). The same request again
// completes it.
func (a *App) Book(ctx context.Context, c Book) (events.Receipt, error) {
	c.Want.Institution = c.Opened.Institution
	id := c.Case.String()
	open := booking.Open{Act: c.Act, Opened: c.Opened}
	if err := to(a.Cases, id, nil).wouldRefuse(ctx, open); err != nil {
		return events.Receipt{}, err
	}
	slot, err := a.hold(ctx, c.Act, c.Case, c.Want)
	if err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Cases.Handle(ctx, id, open)
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		// The hold would end by itself; no need to wait for it.
		_, undo := a.Days.Handle(ctx, c.Want.day(), schedule.Release{Act: step(c.Act, "release"), Slot: slot.Slot, Case: id, Reason: schedule.Withdrawn})
		return rc, errors.Join(err, undo)
	}
	if err != nil || c.HoldOnly {
		return rc, err
	}
	return a.confirm(ctx, c.Act, c.Case, c.Want, slot)
}

// TakeSlot gives an open case a slot.
type TakeSlot struct {
	domain.Act
	Case     uuid.UUID
	Want     Want // its Institution is the case's
	HoldOnly bool
	IfMatch  *events.Revision
}

// TakeSlot runs: hold → confirm → attach, and leaves after a crash what Book
// leaves. With HoldOnly it stops after the hold.
func (a *App) TakeSlot(ctx context.Context, c TakeSlot) (events.Receipt, error) {
	s, rev, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	c.Want.Institution = s.Institution
	slot, err := a.describe(ctx, c.Want)
	if err != nil {
		return events.Receipt{}, err
	}
	attach := booking.AttachSlot{Act: step(c.Act, "attach"), SlotAttached: booking.SlotAttached{Slot: slot}}
	if err := to(a.Cases, c.Case.String(), c.IfMatch).wouldRefuse(ctx, attach); err != nil {
		return events.Receipt{}, err
	}
	if slot, err = a.hold(ctx, c.Act, c.Case, c.Want); err != nil {
		return events.Receipt{}, err
	}
	if c.HoldOnly {
		return events.Receipt{Revision: rev}, nil
	}
	return a.confirm(ctx, c.Act, c.Case, c.Want, slot)
}

// Confirm gives a held slot to its case for good: confirm → attach.
func (a *App) Confirm(ctx context.Context, act domain.Act, caseID uuid.UUID, resource string, start time.Time) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	w := Want{Institution: s.Institution, Resource: resource, Start: start}
	if err := streamID(schedule.Category, w.day()); err != nil {
		return events.Receipt{}, err
	}
	d, _, err := a.Days.Load(ctx, w.day())
	if err != nil {
		return events.Receipt{}, err
	}
	slot, err := a.describe(ctx, w)
	if err != nil {
		return events.Receipt{}, err
	}
	if have, ok := d.Slot(slot.Slot); ok {
		slot.Start, slot.End = have.Start, have.End
	}
	return a.confirm(ctx, act, caseID, w, slot)
}

// describe is the slot as a case notes it.
func (a *App) describe(ctx context.Context, w Want) (booking.Slot, error) {
	if err := errors.Join(streamID(institution.Category, w.Institution), streamID(schedule.Category, w.day())); err != nil {
		return booking.Slot{}, err
	}
	in, _, err := a.Institutions.Load(ctx, w.Institution)
	if err != nil {
		return booking.Slot{}, err
	}
	r, ok := in.Resource(w.Resource)
	if !ok {
		return booking.Slot{}, institution.ErrNoResource.With(w.Resource)
	}
	minutes := w.length(r)
	return booking.Slot{Resource: w.Resource, Kind: string(r.Kind), Day: domain.DateOf(w.Start), Slot: schedule.SlotName(w.Start),
		Start: w.Start.UTC(), End: w.Start.UTC().Add(time.Duration(minutes) * time.Minute)}, nil
}

func (a *App) hold(ctx context.Context, act domain.Act, caseID uuid.UUID, w Want) (booking.Slot, error) {
	slot, err := a.describe(ctx, w)
	if err != nil {
		return slot, err
	}
	in, _, err := a.Institutions.Load(ctx, w.Institution)
	if err != nil {
		return slot, err
	}
	held, err := a.HoldTime(ctx, in)
	if err != nil {
		return slot, err
	}
	r, _ := in.Resource(w.Resource)
	h, err := a.hours(ctx, in, w.Resource, domain.DateOf(w.Start))
	if err != nil {
		return slot, err
	}
	_, err = a.Days.Handle(ctx, w.day(), schedule.Hold{Act: step(act, "hold"), Start: w.Start, Minutes: w.length(r), Case: caseID.String(),
		Until: act.Now.Add(held), Hours: h})
	return slot, a.taken(ctx, in, w, act.Now, err)
}

// taken puts the nearest free slots beside an answer that the slot is gone.
func (a *App) taken(ctx context.Context, in institution.State, w Want, now time.Time, err error) error {
	if r, ok := errors.AsType[*domain.Rejection](err); ok && errors.Is(err, schedule.ErrSlotTaken) {
		free, lookup := a.Nearest(ctx, in, w, now, 3)
		return errors.Join(&SlotTaken{r, free}, lookup)
	}
	return err
}

func (a *App) confirm(ctx context.Context, act domain.Act, caseID uuid.UUID, w Want, slot booking.Slot) (events.Receipt, error) {
	if _, err := a.Days.Handle(ctx, w.day(), schedule.Confirm{Act: step(act, "confirm"), Slot: slot.Slot, Case: caseID.String()}); err != nil {
		return events.Receipt{}, err
	}
	return a.Cases.Handle(ctx, caseID.String(), booking.AttachSlot{Act: step(act, "attach"), SlotAttached: booking.SlotAttached{Slot: slot}})
}

// hours are openHours with how far ahead the institution's parameters let people
// book.
func (a *App) hours(ctx context.Context, in institution.State, resource string, on domain.Date) (schedule.Hours, error) {
	p, err := a.ParametersOf(ctx, in)
	return hours(in, p, resource, on), err
}

func hours(in institution.State, p institution.ParametersState, resource string, on domain.Date) schedule.Hours {
	h := openHours(in, resource, on)
	h.AheadDays = p.Int(institution.BookingDays)
	return h
}

// openHours are the opening hours of a resource on a day, its daily clean-down
// and the maintenance that touches the day; zero hours, which refuse every hold,
// when it does not serve then.
func openHours(in institution.State, resource string, on domain.Date) schedule.Hours {
	r, ok := in.Resource(resource)
	if !ok || !r.ServesOn(on) {
		return schedule.Hours{}
	}
	h := schedule.Hours{Opens: r.Opens, Closes: r.Closes, SlotMinutes: r.SlotMinutes, BufferMinutes: r.BufferMinutes}
	for _, c := range r.CleanDown {
		h.CleanDown = append(h.CleanDown, schedule.Span(c))
	}
	for _, w := range in.MaintenanceOn(resource, on) {
		h.Blocked = append(h.Blocked, blockOf(w, on))
	}
	return h
}

// blockOf is the part of a maintenance window that lies on a day.
func blockOf(w institution.Window, on domain.Date) schedule.Blocked {
	b := schedule.Blocked{Block: "maintenance-" + w.Window, Start: w.From, End: w.To, Kind: schedule.Maintenance}
	if from := on.Start().UTC(); b.Start.Before(from) {
		b.Start = from
	}
	if to := on.AddDays(1).Start().UTC(); b.End.After(to) {
		b.End = to
	}
	return b
}

// Free lists what is free at a resource on a day for a service, or for a number
// of minutes, earliest first. It reads the day's own stream, which is a single
// short one, so what it says cannot lag.
func (a *App) Free(ctx context.Context, in institution.State, resource, item string, minutes int, on domain.Date, now time.Time) ([]Alternative, error) {
	r, ok := in.Resource(resource)
	if !ok {
		return nil, ErrNotFound
	}
	d, _, err := a.Days.Load(ctx, schedule.ID(string(in.CreditCode), resource, on))
	if err != nil {
		return nil, err
	}
	h, err := a.hours(ctx, in, resource, on)
	if err != nil {
		return nil, err
	}
	minutes = Want{Minutes: minutes, Item: item}.length(r)
	free := []Alternative{}
	for _, start := range d.Free(on, h, minutes, now) {
		free = append(free, alternative(string(in.CreditCode), resource, start, minutes))
	}
	return free, nil
}

func alternative(institution, resource string, start time.Time, minutes int) Alternative {
	return Alternative{Institution: institution, Resource: resource, Slot: schedule.SlotName(start), Date: string(domain.DateOf(start)),
		Start: start.UTC(), End: start.UTC().Add(time.Duration(minutes) * time.Minute)}
}

// Nearest finds the free slots closest to a wish: on the same day of every
// resource of the same kind at the institution, and on the days around it when
// that gives fewer than n. It reads the days' own streams, so what it offers
// was free a moment ago.
func (a *App) Nearest(ctx context.Context, in institution.State, w Want, now time.Time, n int) ([]Alternative, error) {
	want, _ := in.Resource(w.Resource)
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return nil, err
	}
	var found []Alternative
	distance := func(x Alternative) time.Duration { return x.Start.Sub(w.Start).Abs() }
	for _, off := range []int{0, 1, -1, 2, -2, 3, 4, 5, 6, 7} {
		on := domain.DateOf(w.Start).AddDays(off)
		if on < domain.DateOf(now) {
			continue
		}
		for _, r := range in.Resources {
			if r.Kind != want.Kind || !r.ServesOn(on) {
				continue
			}
			s, _, err := a.Days.Load(ctx, schedule.ID(w.Institution, r.Resource, on))
			if err != nil {
				return nil, err
			}
			minutes := w.length(r)
			for _, start := range schedule.Nearest(s.Free(on, hours(in, p, r.Resource, on), minutes, now), w.Start, n) {
				found = append(found, alternative(w.Institution, r.Resource, start, minutes))
			}
		}
		if off >= 0 && len(found) >= n {
			break
		}
	}
	slices.SortStableFunc(found, func(x, y Alternative) int {
		same := func(a Alternative) int {
			if a.Resource == w.Resource {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(distance(x), distance(y)), cmp.Compare(same(x), same(y)), x.Start.Compare(y.Start), cmp.Compare(x.Resource, y.Resource))
	})
	return found[:min(n, len(found))], nil
}

// ReleaseSlot gives a held or confirmed slot back.
type ReleaseSlot struct {
	domain.Act
	Case     uuid.UUID
	Resource string
	Start    time.Time
	Reason   schedule.Reason
}

// detachReasons says what the schedule's reason is to the case.
var detachReasons = map[schedule.Reason]booking.Reason{
	schedule.Withdrawn: booking.FamilyWithdrew, schedule.Rescheduled: booking.Rescheduled, schedule.CaseEnded: booking.EntryError,
	schedule.OutOfService: booking.OutOfService, schedule.Weather: booking.OutOfService, schedule.Expired: booking.NotNeeded,
}

// ReleaseSlot runs: release → detach. A crash between leaves a case that still
// lists a slot it no longer has (policy: released slots are detached).
func (a *App) ReleaseSlot(ctx context.Context, c ReleaseSlot) (events.Receipt, error) {
	s, rev, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	w := Want{Institution: s.Institution, Resource: c.Resource, Start: c.Start}
	if err := streamID(schedule.Category, w.day()); err != nil {
		return events.Receipt{}, err
	}
	name := schedule.SlotName(c.Start)
	rc, err := a.Days.Handle(ctx, w.day(), schedule.Release{Act: step(c.Act, "release"), Slot: name, Case: c.Case.String(), Reason: c.Reason})
	if err != nil {
		return rc, err
	}
	detached, err := a.Detach(ctx, step(c.Act, "detach"), c.Case, c.Resource, domain.DateOf(c.Start), name, c.Reason)
	if err != nil || detached.Position == 0 { // it was only held: the case never listed it
		detached.Revision = max(detached.Revision, rev)
		detached.Position = rc.Position
		detached.Repeated = rc.Repeated
	}
	return detached, err
}

// Detach notes on the case that it no longer has the slot; nothing when the
// case does not list it, or has ended.
func (a *App) Detach(ctx context.Context, act domain.Act, caseID uuid.UUID, resource string, on domain.Date, slot string, why schedule.Reason) (events.Receipt, error) {
	s, rev, err := a.Cases.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	detach := booking.DetachSlot{Act: act, SlotDetached: booking.SlotDetached{Resource: resource, Day: on, Slot: slot, Reason: detachReasons[why]}}
	listed := slices.ContainsFunc(s.Slots, func(x booking.Slot) bool { return x.Resource == resource && x.Day == on && x.Slot == slot })
	if s.Cancelled || s.Closed || !listed {
		done, err := a.did(ctx, a.Cases.Stream(caseID.String()), act.ID)
		if err != nil || done != nil {
			return pointed(done), err
		}
		return events.Receipt{Revision: rev}, nil
	}
	return a.Cases.Handle(ctx, caseID.String(), detach)
}

// AttachConfirmed notes on its case a slot that the schedule confirmed; nothing
// when the case lists it, or has ended, or the slot is no longer the case's.
// day is the id of the day's stream.
func (a *App) AttachConfirmed(ctx context.Context, act domain.Act, day, slot string, caseID uuid.UUID) error {
	d, _, err := a.Days.Load(ctx, day)
	if err != nil {
		return err
	}
	have, ok := d.Slot(slot)
	if !ok || !have.Confirmed || have.Case != caseID.String() {
		return nil
	}
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil || !s.Exists() || s.Cancelled || s.Closed {
		return err
	}
	_, resource, _ := SplitDay(day)
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return err
	}
	r, _ := in.Resource(resource)
	_, err = a.Cases.Handle(ctx, caseID.String(), booking.AttachSlot{Act: act, SlotAttached: booking.SlotAttached{Slot: booking.Slot{
		Resource: resource, Kind: string(r.Kind), Day: domain.DateOf(have.Start), Slot: slot, Start: have.Start, End: have.End}}})
	return err
}

// SplitDay takes the id of a day's stream apart: institution, resource and the
// local date.
func SplitDay(id string) (institution, resource string, on domain.Date) {
	parts := strings.Split(id, ".")
	if len(parts) != 3 || len(parts[2]) != 8 {
		return "", "", ""
	}
	d := parts[2]
	return parts[0], parts[1], domain.Date(d[:4] + "-" + d[4:6] + "-" + d[6:])
}

// did finds what a command stored in a stream; nil when nothing.
func (a *App) did(ctx context.Context, stream events.Stream, command uuid.UUID) (*events.Receipt, error) {
	var rc *events.Receipt
	for r, err := range a.Store.Load(ctx, stream, events.NoStream) {
		if err != nil {
			return nil, err
		}
		if r.Meta.Command == command {
			rc = &events.Receipt{Revision: r.Revision, Position: r.Position, Repeated: true}
		}
	}
	return rc, nil
}

func pointed(rc *events.Receipt) events.Receipt {
	if rc == nil {
		return events.Receipt{}
	}
	return *rc
}

// CancelCase ends a case before its services are done.
type CancelCase struct {
	domain.Act
	Case    uuid.UUID
	Reason  booking.Reason
	IfMatch *events.Revision
}

// CancelCase runs: cancel → release each slot. A crash leaves slots taken by a
// case that has ended (policy: a cancelled case's slots are released).
func (a *App) CancelCase(ctx context.Context, c CancelCase) (events.Receipt, error) {
	rc, err := to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.Cancel{Act: c.Act, Reason: c.Reason})
	if err != nil {
		return rc, err
	}
	return rc, a.ReleaseAll(ctx, c.Act, c.Case)
}

// ReleaseAll gives back every slot of a case that was cancelled.
func (a *App) ReleaseAll(ctx context.Context, act domain.Act, caseID uuid.UUID) error {
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil || !s.Cancelled {
		return err
	}
	for _, x := range s.Slots {
		id := schedule.ID(s.Institution, x.Resource, x.Day)
		_, err := a.Days.Handle(ctx, id, schedule.Release{Act: step(act, "release "+id+" "+x.Slot), Slot: x.Slot, Case: caseID.String(), Reason: schedule.CaseEnded})
		// A slot that somebody else holds by now was given back before.
		if err != nil && !errors.Is(err, schedule.ErrNotHeld) {
			return err
		}
	}
	return nil
}

// Quote offers the whole bill beforehand, at the prices in force today.
type Quote struct {
	domain.Act
	Case    uuid.UUID
	Quote   string
	Items   []booking.Item
	IfMatch *events.Revision
}

// Quote looks up the price list and asks the case. One stream is written; where
// a rule on prices refuses, that is what is noted there (Refused).
func (a *App) Quote(ctx context.Context, c Quote) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	p, err := a.casePrices(ctx, s, domain.DateOf(c.Now))
	if err != nil {
		return events.Receipt{}, err
	}
	quote := booking.Quote{Act: c.Act, Quote: c.Quote, Items: c.Items, Prices: p}
	rc, err := to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, quote)
	if err == nil {
		return rc, nil
	}
	// Which of the items it was: the first one with which it is refused.
	var culprit booking.Item
	for i := range c.Items {
		if errors.Is(err, booking.ErrThirdQuote) {
			break // it is about none of them
		}
		quote.Items = c.Items[:i+1]
		if _, why := booking.Case.Decide(s, quote); sameRefusal(why, err) {
			culprit = c.Items[i]
			break
		}
	}
	return rc, a.refused(ctx, c.Act, c.Case, charged(culprit, p), err)
}

// Charge puts a line on the bill, at the prices in force on the day of the
// service (I16).
type Charge struct {
	domain.Act
	Case     uuid.UUID
	Item     booking.Item
	ServedOn domain.Date // empty: the day it happened
	IfMatch  *events.Revision
}

// Charge looks up the price list and asks the case. One stream is written; where
// a rule on prices refuses, that is what is noted there (Refused).
func (a *App) Charge(ctx context.Context, c Charge) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	c.ServedOn = cmp.Or(c.ServedOn, day(c.Act))
	p, err := a.casePrices(ctx, s, c.ServedOn)
	if err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.Charge{Act: c.Act, Item: c.Item, ServedOn: c.ServedOn, Prices: p})
	note := charged(c.Item, p)
	if errors.Is(err, booking.ErrAboveQuote) {
		note.Limit = s.Agreed(c.Item.Code)
	}
	return rc, a.refused(ctx, c.Act, c.Case, note, err)
}

func (a *App) casePrices(ctx context.Context, s booking.State, on domain.Date) (booking.PriceList, error) {
	if !s.Exists() {
		return booking.PriceList{}, nil // the case itself will say so
	}
	return a.prices(ctx, s.Institution, on)
}

// ApplyRelief makes a charged line free under a relief rule in force.
type ApplyRelief struct {
	domain.Act
	Case    uuid.UUID
	Line    string
	Group   string
	Rule    string // empty: the rule in force that names the group
	IfMatch *events.Revision
}

// ApplyRelief looks up the rule and asks the case. One stream is written.
func (a *App) ApplyRelief(ctx context.Context, c ApplyRelief) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	rule := a.Rules.relief(c.Rule, c.Group, cmp.Or(s.Deceased.DeathDate, day(c.Act)))
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.ApplyRelief{Act: c.Act, Line: c.Line, Group: c.Group, Rule: rule})
}
