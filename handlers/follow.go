package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// A Happening is one thing of a case that its family is told, without a word
// about anybody.
type Happening struct {
	What Happened
	// At is when it happened, zero where nobody knows; Recorded is when it was
	// written down. Guess marks an At that somebody estimated.
	At, Recorded time.Time
	Guess        bool
	// Kind is what sort of hold, ceremony or place it is about.
	Kind string
}

// Happened names what a family is told of.
type Happened string

// The things.
const (
	WasBooked      Happened = "booked"
	WasCancelled   Happened = "cancelled"
	WasCollected   Happened = "collected" // the remains, from where they were
	HasArrived     Happened = "arrived"
	WasStored      Happened = "stored"
	WasIdentified  Happened = "identified"
	FarewellBegan  Happened = "farewell_began"
	FarewellEnded  Happened = "farewell_ended"
	WasConfirmed   Happened = "confirmed" // 火化确认书
	CremationBegan Happened = "cremation_began"
	CremationEnded Happened = "cremation_ended"
	AshesKept      Happened = "ashes_kept"
	HasCertificate Happened = "certificate"
	AshesStored    Happened = "ashes_stored" // in a niche for a term
	AshesGiven     Happened = "ashes_given"
	LaidToRest     Happened = "laid_to_rest"
	HandedOut      Happened = "handed_over" // the remains, uncremated
	WasStopped     Happened = "stopped"
	GoesOn         Happened = "goes_on"
)

// A Story is a case as its family may know it.
type Story struct {
	Case       booking.State
	Cremation  cremation.CremationState
	Custody    cremation.CustodyState
	Happenings []Happening // in the order in which they were written down
	Looks      []Look
}

// A Look is that somebody saw the case, or asked to and was shown nothing.
type Look struct {
	At      time.Time
	By      string // an account
	What    access.What
	Reason  string
	Refused bool
}

// Last finds the latest happening of a kind.
func (s Story) Last(what Happened) (Happening, bool) {
	for _, h := range slices.Backward(s.Happenings) {
		if h.What == what {
			return h, true
		}
	}
	return Happening{}, false
}

// Story reads a case's own streams. It never lags.
func (a *App) Story(ctx context.Context, caseID uuid.UUID) (Story, error) {
	var s Story
	id := caseID.String()
	type told struct {
		Happening
		order time.Time
	}
	var all []told
	for _, st := range []events.Stream{a.Cases.Stream(id), a.Custodies.Stream(id), a.Cremations.Stream(id), a.Looks.Stream(id)} {
		for r, err := range a.Store.Load(ctx, st, events.NoStream) {
			if err != nil {
				return s, err
			}
			body, err := a.Registry.Decode(ctx, r)
			if err != nil {
				return s, err
			}
			switch e := body.(type) {
			case booking.Event:
				s.Case = booking.Case.Fold(s.Case, e)
			case cremation.CustodyEvent:
				s.Custody = cremation.Custody.Fold(s.Custody, e)
			case cremation.CremationEvent:
				s.Cremation = cremation.Cremation.Fold(s.Cremation, e)
			case access.Read:
				s.Looks = append(s.Looks, Look{At: e.At, By: e.By, What: e.What, Reason: e.Reason})
			case access.Refused:
				s.Looks = append(s.Looks, Look{At: e.At, By: e.By, What: e.What, Refused: true})
			}
			if what, kind, ok := s.happened(body); ok {
				all = append(all, told{Happening{What: what, At: r.Occurred, Recorded: r.At, Guess: r.Meta.Estimated, Kind: kind}, r.At})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y told) int { return x.order.Compare(y.order) })
	for _, h := range all {
		s.Happenings = append(s.Happenings, h.Happening)
	}
	return s, nil
}

// happened is what a family is told of an event.
func (s Story) happened(body any) (Happened, string, bool) {
	farewell := func(id string) bool { x, ok := s.Case.Service(id); return ok && x.Ceremony == booking.Farewell }
	switch e := body.(type) {
	case booking.Opened:
		return WasBooked, string(e.Source), true
	case booking.Cancelled:
		return WasCancelled, string(e.Reason), true
	case booking.ServiceStarted:
		return FarewellBegan, "", farewell(e.Service)
	case booking.ServiceEnded:
		return FarewellEnded, "", farewell(e.Service)
	case cremation.RemainsCollected:
		return WasCollected, "", true
	case cremation.RemainsArrived:
		return HasArrived, "", true
	case cremation.Received:
		return HasArrived, "", s.Custody.Collected.Case == uuid.Nil // a case without custody records
	case cremation.RemainsMoved:
		return WasStored, "", e.To.Kind == cremation.InColdBay || e.To.Kind == cremation.InIsolation
	case cremation.Identified:
		return WasIdentified, "", true
	case cremation.RemainsHandedOver:
		return HandedOut, "", true
	case cremation.ConfirmationSigned:
		return WasConfirmed, "", true
	case cremation.Started:
		return CremationBegan, "", true
	case cremation.Completed:
		return CremationEnded, "", true
	case cremation.AshesCollected:
		return AshesKept, "", true
	case cremation.CertificateIssued:
		return HasCertificate, "", true
	case cremation.AshesDeposited:
		return AshesStored, "", true
	case cremation.AshesReleased:
		return AshesGiven, "", true
	case cremation.LaidToRest:
		return LaidToRest, "", true
	case cremation.HoldPlaced:
		return WasStopped, string(e.Kind), true
	case cremation.HoldLifted:
		return GoesOn, string(e.Kind), true
	}
	return "", "", false
}

// Object disputes who acts for the deceased, in a relative's own name.
type Object struct {
	domain.Act
	Case        uuid.UUID
	Challenge   string // id
	Name, Phone string
	Relation    booking.Relation
	Ground      string
}

// Object runs: challenge → hold the cremation. A crash between leaves a
// challenge without its hold (policy: a challenge holds the cremation). Before
// the remains have come there is nothing to hold; the hold follows when they do
// (policy: remains of a disputed case are held).
func (a *App) Object(ctx context.Context, c Object) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return events.Receipt{}, err
	}
	var order []booking.Relation
	for _, r := range p.List(institution.OrderOfRight) {
		order = append(order, booking.Relation(r))
	}
	who := a.Somebody(c.ID, "objector")
	cmd := booking.Challenge{Act: c.Act, Challenge: c.Challenge, Person: who, Name: domain.Personal(who, c.Name), Phone: domain.Personal(who, c.Phone), Relation: c.Relation, Order: order}
	if c.Ground != "" {
		cmd.Ground = domain.Personal(who, c.Ground)
	}
	rc, err := a.Cases.Handle(ctx, c.Case.String(), cmd)
	if err != nil {
		return rc, err
	}
	return rc, a.HoldDisputes(ctx, step(c.Act, "hold"), c.Case)
}

// HoldDisputes places a hold for every open challenge of a case, and lifts those
// of challenges that were resolved and need nothing more. It changes nothing
// where all is as it should be.
func (a *App) HoldDisputes(ctx context.Context, act domain.Act, caseID uuid.UUID) error {
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil || len(s.Disputes) == 0 {
		return err
	}
	c, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil || c.Case == uuid.Nil {
		return err
	}
	for _, d := range s.Disputes {
		hold := uuid.NewSHA1(caseID, []byte("dispute "+d.Challenge))
		placed := slices.ContainsFunc(c.Holds, func(h cremation.HoldPlaced) bool { return h.Hold == hold })
		open := slices.ContainsFunc(c.OpenHolds(), func(h cremation.HoldPlaced) bool { return h.Hold == hold })
		var err error
		switch {
		case d.Outcome == "" && !placed:
			_, err = a.Cremations.Handle(ctx, caseID.String(), cremation.PlaceHold{Act: step(act, "place "+d.Challenge), Hold: hold, Kind: cremation.HoldDispute, Authority: s.Institution})
		case d.Outcome != "" && open && !s.Unseated:
			_, err = a.Cremations.Handle(ctx, caseID.String(), cremation.LiftHold{Act: step(act, "lift "+d.Challenge), Hold: hold, Authority: s.Institution})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ChangeUntil is the last moment at which a family may change or cancel by
// itself: the day before the first of its slots, at the hour that the
// institution's parameters say. Zero without slots.
func ChangeUntil(s booking.State, p institution.ParametersState) time.Time {
	var first time.Time
	for _, x := range s.Slots {
		if ceremonial(x) && (first.IsZero() || x.Start.Before(first)) {
			first = x.Start
		}
	}
	if first.IsZero() {
		return first
	}
	return ChangeableUntil(first, p)
}

// ChangeableUntil is until when a family can change a ceremony that begins then.
func ChangeableUntil(begins time.Time, p institution.ParametersState) time.Time {
	return p.Clock(institution.FreeChangeUntil).On(domain.DateOf(begins).AddDays(-1))
}

// ceremonial says that the slot belongs to farewell or cremation.
func ceremonial(x booking.Slot) bool {
	return x.Kind == string(institution.Hall) || x.Kind == string(institution.Furnace)
}

// The refusals of what families do with a case.
var (
	ErrTooLate  = domain.Reject("change_too_late", "网上改期、取消到 %[1]d 月 %[2]d 日 %[3]s 为止。现在请打电话或到窗口办理。", "Changing or cancelling online ended at %04[4]d-%02[1]d-%02[2]d %[3]s. Please call or come to the desk.")
	ErrNoChange = domain.Reject("change_not_held", "这个时间没有为您保留，请重新选择。", "This time is not kept for you; please choose again.").Race()
)

// MayChange says why the family cannot change or cancel by itself now; nil when
// it can.
func (a *App) MayChange(ctx context.Context, s booking.State, c cremation.CremationState, now time.Time) error {
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return err
	}
	until := ChangeUntil(s, p)
	switch {
	case s.Cancelled || s.Closed:
		return booking.ErrEnded
	case !c.Started.At.IsZero() || s.Fixed:
		return booking.ErrBegun
	case !until.IsZero() && now.After(until):
		day := until.In(domain.Shanghai)
		return ErrTooLate.With(int(day.Month()), day.Day(), domain.ClockOf(until), day.Year())
	}
	return s.May(booking.Arrange, domain.DateOf(now))
}

// ChangeCeremony gives a case the slots that are held for it, for those that it
// has.
type ChangeCeremony struct {
	domain.Act
	Case uuid.UUID
	Held Held
}

// ChangeCeremony runs: for each new slot, confirm → detach what it stands in for
// → attach; then each former slot: release → detach; then move the farewell. A
// crash leaves the case with slots of both times, which the desk sees; the same
// request again completes it.
func (a *App) ChangeCeremony(ctx context.Context, c ChangeCeremony) (events.Receipt, error) {
	id := c.Case.String()
	done, err := a.did(ctx, a.Cases.Stream(id), step(c.Act, "changed").ID)
	if err != nil || done != nil {
		return pointed(done), err
	}
	s, rev, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	cr, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if err := a.MayChange(ctx, s, cr, c.Now); err != nil {
		return events.Receipt{}, err
	}
	if _, ok, err := a.Holds(ctx, c.Case, c.Held, c.Now); err != nil || !ok {
		if err == nil {
			err = ErrNoChange
		}
		return events.Receipt{}, err
	}
	rc := events.Receipt{Revision: rev}
	var slots []booking.Slot
	for _, w := range c.Held.wants() {
		slot, err := a.describe(ctx, w)
		if err != nil {
			return rc, err
		}
		slots = append(slots, slot)
		act := step(c.Act, w.day()+" "+slot.Slot)
		if _, err := a.Days.Handle(ctx, w.day(), schedule.Confirm{Act: step(act, "confirm"), Slot: slot.Slot, Case: id}); err != nil {
			return rc, err
		}
		for _, old := range s.Slots {
			if old.Resource == slot.Resource && old.Day == slot.Day && old.Slot != slot.Slot {
				if _, err := a.Detach(ctx, step(act, "detach "+old.Slot), c.Case, old.Resource, old.Day, old.Slot, schedule.Rescheduled); err != nil {
					return rc, err
				}
			}
		}
		if rc, err = a.Cases.Handle(ctx, id, booking.AttachSlot{Act: step(act, "attach"), SlotAttached: booking.SlotAttached{Slot: slot}}); err != nil {
			return rc, err
		}
	}
	for _, old := range s.Slots {
		same := slices.ContainsFunc(slots, func(n booking.Slot) bool { return n.Resource == old.Resource && n.Day == old.Day })
		if !ceremonial(old) || same {
			continue
		}
		if _, err := a.ReleaseSlot(ctx, ReleaseSlot{Act: step(c.Act, "give back "+old.Resource+" "+string(old.Day)), Case: c.Case, Resource: old.Resource, Start: old.Start, Reason: schedule.Rescheduled}); err != nil && !errors.Is(err, schedule.ErrNotHeld) {
			return rc, err
		}
	}
	h := c.Held.Hall
	if h.Resource == "" {
		return rc, nil
	}
	plan := booking.ServicePlanned{Service: "farewell", Ceremony: booking.Farewell, Resource: h.Resource, From: h.Start, To: h.Start.Add(time.Duration(h.Minutes) * time.Minute)}
	for _, x := range s.Services {
		if x.Ceremony == booking.Farewell && !x.Begun {
			plan.Service = x.Service
		}
	}
	moved, err := a.Cases.Handle(ctx, id, booking.PlanService{Act: step(c.Act, "changed"), ServicePlanned: plan})
	if err == nil && moved.Position > 0 {
		rc = moved
	}
	return rc, err
}

// TakeOffer runs: keep a furnace after the offered farewell → change to the
// offered time → accept. A family that has a time already has one at every
// moment: when no furnace is free after the farewell, or the offer has lapsed,
// everything stays as it was. A crash after the change leaves the case its new
// time and the list an offer that lapses; the slot, being confirmed, stays.
func (a *App) TakeOffer(ctx context.Context, c OnList) (events.Receipt, error) {
	p, err := a.onList(ctx, c)
	if err != nil {
		return events.Receipt{}, err
	}
	list, _, err := a.Waits.Load(ctx, p.Key())
	if err != nil {
		return events.Receipt{}, err
	}
	accept := schedule.Accept{Act: c.Act, Case: c.Case.String()}
	o, open := list.OpenOffer(c.Case.String())
	if _, err := schedule.Waiting.Decide(list, accept); err != nil || !open {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, p.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	r, _ := in.Resource(o.Resource)
	slot := Want{Institution: p.Institution, Resource: o.Resource, Start: o.Start, Minutes: int(o.End.Sub(o.Start) / time.Minute)}
	held := Held{Furnace: slot}
	if r.Kind == institution.Hall {
		ts, err := a.Times(ctx, in, HallSize(r), p.Day, c.Now, c.Case)
		if err != nil {
			return events.Receipt{}, err
		}
		i := slices.IndexFunc(ts, func(t CeremonyTime) bool { return t.Start.Equal(o.Start) && t.State == TimeFree })
		if i < 0 {
			return events.Receipt{}, &CeremonyTaken{schedule.ErrSlotTaken}
		}
		held.Hall = slot
		if held.Furnace, err = a.holdOne(ctx, step(c.Act, "furnace"), c.Case, ts[i].furnaces, Held{}); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := a.ChangeCeremony(ctx, ChangeCeremony{Act: step(c.Act, "take"), Case: c.Case, Held: held})
	if err != nil {
		if held.Hall.Resource != "" {
			err = errors.Join(err, a.letSlotGo(ctx, step(c.Act, "back"), held.Furnace.day(), schedule.SlotName(held.Furnace.Start), c.Case.String()))
		}
		return rc, err
	}
	accepted, err := a.Waits.Handle(ctx, p.Key(), accept)
	return later(rc, accepted), err
}

// GiveUp ends what a family had booked.
type GiveUp struct {
	domain.Act
	Case   uuid.UUID
	Reason booking.Reason
}

// GiveUp cancels the case; or, where the remains are in the institution's care
// already, gives back the times only, for somebody has to look after them until
// another time is chosen or they are taken elsewhere.
func (a *App) GiveUp(ctx context.Context, c GiveUp) (events.Receipt, error) {
	s, rev, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if s.Cancelled {
		return events.Receipt{Revision: rev, Repeated: true}, nil
	}
	cr, _, err := a.Cremations.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	cu, _, err := a.Custodies.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if err := a.MayChange(ctx, s, cr, c.Now); err != nil {
		return events.Receipt{}, err
	}
	if !slices.Contains(booking.CancelReasons, c.Reason) {
		return events.Receipt{}, booking.ErrReason.With(c.Reason)
	}
	if !InCare(cr, cu) {
		return a.CancelCase(ctx, CancelCase{Act: c.Act, Case: c.Case, Reason: c.Reason})
	}
	rc := events.Receipt{Revision: rev}
	for _, x := range s.Slots {
		if !ceremonial(x) {
			continue
		}
		if rc, err = a.ReleaseSlot(ctx, ReleaseSlot{Act: step(c.Act, x.Resource+" "+string(x.Day)+" "+x.Slot), Case: c.Case, Resource: x.Resource, Start: x.Start, Reason: schedule.Withdrawn}); err != nil {
			return rc, err
		}
	}
	return rc, nil
}

// InCare says that the remains are with the institution.
func InCare(c cremation.CremationState, u cremation.CustodyState) bool {
	return (c.Case != uuid.Nil || u.Collected.Case != uuid.Nil) && c.Started.At.IsZero() && u.HandedOut.To == ""
}

// RateService says what a family thinks of the service, after the ashes were
// handed over.
func (a *App) RateService(ctx context.Context, caseID uuid.UUID, c booking.Rate) (events.Receipt, error) {
	s, err := a.Story(ctx, caseID)
	if err != nil {
		return events.Receipt{}, err
	}
	if h, ok := s.Last(AshesGiven); ok && s.Cremation.Released.To != "" {
		c.AshesReleasedOn = domain.DateOf(h.Recorded)
		if !h.At.IsZero() {
			c.AshesReleasedOn = domain.DateOf(h.At)
		}
	}
	if text, ok := c.Comment.Get(); ok {
		c.Comment = domain.Personal(s.Case.Handler.Person, text)
	}
	return a.Cases.Handle(ctx, caseID.String(), c)
}
