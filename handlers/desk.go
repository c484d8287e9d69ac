package handlers

import (
	"cmp"
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
	"shenzhong/events"
)

// A CaseEvent is one event of a case as its page tells it: what, when it
// happened, when the log learned of it, and who reported it.
type CaseEvent struct {
	Event     any
	Type      string    // wire name
	Occurred  time.Time // zero: nobody knows
	Recorded  time.Time
	By        string
	Late      string // why it came late
	Estimated bool
	ID        uuid.UUID
}

// A Dossier is everything about one case, folded from its streams at the moment
// of asking: what a desk has to know before it acts is never behind the log.
type Dossier struct {
	ID          uuid.UUID
	Case        booking.State
	CaseAt      events.Revision
	Cremation   cremation.CremationState
	CremationAt events.Revision
	Custody     cremation.CustodyState
	Cold        cremation.ColdStoreState // of the institution
	Furnace     cremation.FurnaceState   // in which the cremation was, or is
	Institution institution.State
	Parameters  institution.ParametersState
	Looks       []access.Event // who looked, the last first
	Access      access.State
	Creator     string
	History     []CaseEvent // the newest first
}

// follow folds one stream and tells each of its events.
func follow[S any, C domain.Command, E any](ctx context.Context, a *App, h *events.Handler[S, C, E], id string, tell func(events.Recorded, E)) (s S, rev events.Revision, err error) {
	s = h.Decider.Initial
	for r, err := range a.Store.Load(ctx, h.Stream(id), events.NoStream) {
		if err != nil {
			return s, 0, err
		}
		x, err := a.Registry.Decode(ctx, r)
		if err != nil {
			return s, 0, err
		}
		e, ok := x.(E)
		if !ok {
			return s, 0, errors.New("handlers: " + r.Type + " is not an event of " + h.Category)
		}
		s, rev = h.Decider.Evolve(s, e), r.Revision
		tell(r, e)
	}
	return s, rev, nil
}

// Dossier folds everything about one case. A case that does not exist has none:
// ErrNotFound.
func (a *App) Dossier(ctx context.Context, id uuid.UUID) (d Dossier, err error) {
	d.ID = id
	note := func(r events.Recorded, e any) {
		d.History = append(d.History, CaseEvent{Event: e, Type: r.Type, Occurred: r.Occurred, Recorded: r.At, By: r.Meta.Actor,
			Late: r.Meta.LateReason, Estimated: r.Meta.Estimated, ID: r.ID})
	}
	d.Case, d.CaseAt, err = follow(ctx, a, a.Cases, id.String(), func(r events.Recorded, e booking.Event) {
		if d.Creator == "" {
			d.Creator = r.Meta.Actor
		}
		note(r, e)
	})
	if err != nil || !d.Case.Exists() {
		return d, cmp.Or[error](err, ErrNotFound)
	}
	d.Cremation, d.CremationAt, err = follow(ctx, a, a.Cremations, id.String(), func(r events.Recorded, e cremation.CremationEvent) { note(r, e) })
	if err != nil {
		return d, err
	}
	if d.Cremation.Started.Furnace != "" {
		if d.Furnace, _, err = a.Furnaces.Load(ctx, FurnaceID(d.Cremation.Institution, d.Cremation.Started.Furnace)); err != nil {
			return d, err
		}
	}
	d.Custody, _, err = follow(ctx, a, a.Custodies, id.String(), func(r events.Recorded, e cremation.CustodyEvent) { note(r, e) })
	if err != nil {
		return d, err
	}
	if d.Cold, _, err = a.ColdStores.Load(ctx, d.Case.Institution); err != nil {
		return d, err
	}
	d.Access, _, err = follow(ctx, a, a.Looks, id.String(), func(_ events.Recorded, e access.Event) { d.Looks = append(d.Looks, e) })
	if err != nil {
		return d, err
	}
	slices.Reverse(d.Looks)
	slices.SortStableFunc(d.History, func(x, y CaseEvent) int { return y.Recorded.Compare(x.Recorded) })
	if d.Institution, _, err = a.Institutions.Load(ctx, d.Case.Institution); err != nil {
		return d, err
	}
	if d.Institution.Exists() {
		d.Parameters, err = a.ParametersOf(ctx, d.Institution)
	}
	return d, err
}

// PricesOf is the price list of an institution in force on a day, with what a
// printed list says of each row.
func (a *App) PricesOf(ctx context.Context, institution string, on domain.Date) (booking.PriceList, error) {
	return a.prices(ctx, institution, on)
}

// An Intake opens a case at the desk.
type Intake struct {
	domain.Act
	Case   uuid.UUID
	Opened booking.Opened
	booking.CircumstancesRecorded
}

// Intake runs: open → note the circumstances. A crash between leaves an open
// case whose checklist asks for every paper; the same request again, or the
// desk, notes them.
func (a *App) Intake(ctx context.Context, c Intake) (events.Receipt, error) {
	rc, err := a.Cases.Handle(ctx, c.Case.String(), booking.Open{Act: c.Act, Opened: c.Opened})
	if err != nil || c.CircumstancesRecorded == (booking.CircumstancesRecorded{}) {
		return rc, err
	}
	noted, err := a.Cases.Handle(ctx, c.Case.String(), booking.RecordCircumstances{Act: step(c.Act, "circumstances"), CircumstancesRecorded: c.CircumstancesRecorded})
	return later(rc, noted), err
}

// later is the receipt of two steps in a row: where the second stored nothing,
// the first counts.
func later(first, second events.Receipt) events.Receipt {
	if second.Position < first.Position {
		second.Position = first.Position
	}
	second.Events += first.Events
	return second
}

// TakePayment takes money at the desk.
type TakePayment struct {
	domain.Act
	Case    uuid.UUID
	Payment string
	Amount  domain.Money
	Method  booking.Method
	Fiscal  string // number of the fiscal e-receipt, where one was drawn
	IfMatch *events.Revision
}

// TakePayment runs: would it be refused, or is the day's till closed? → pay →
// enter the till → issue the receipt under the till's number. A crash after
// paying leaves a payment that the till does not have, and after the till one
// without its receipt: the same request again completes it (policy: money is in
// the till and has its receipt).
func (a *App) TakePayment(ctx context.Context, c TakePayment) (events.Receipt, error) {
	id := c.Case.String()
	s, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if !s.Exists() {
		return events.Receipt{}, booking.ErrNotOpened
	}
	pay := booking.Pay{Act: c.Act, Paid: booking.Paid{Payment: c.Payment, Amount: c.Amount, Method: c.Method, Fiscal: c.Fiscal}}
	if err := to(a.Cases, id, c.IfMatch).wouldRefuse(ctx, pay); err != nil {
		return events.Receipt{}, a.refused(ctx, c.Act, c.Case, booking.ChargeRefused{Amount: c.Amount, Limit: s.Payable()}, err)
	}
	on, err := a.firstDay(ctx, c.Case, c.Act)
	if err != nil {
		return events.Receipt{}, err
	}
	till := booking.TillID(s.Institution, on)
	enter := booking.EnterTill{Act: step(c.Act, "till"), Till: till, Entry: c.Payment, Case: id, Kind: booking.MoneyIn, Method: c.Method, Amount: c.Amount}
	if err := to(a.Tills, till, nil).wouldRefuse(ctx, enter); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Cases, id, c.IfMatch).run(ctx, pay)
	if err != nil {
		return rc, err
	}
	return a.account(ctx, c.Act, rc, enter, c.Fiscal)
}

// account enters money into the till and issues its receipt.
func (a *App) account(ctx context.Context, act domain.Act, rc events.Receipt, enter booking.EnterTill, fiscal string) (events.Receipt, error) {
	entered, err := a.Tills.Handle(ctx, enter.Till, enter)
	if err != nil {
		return rc, err
	}
	t, _, err := a.Tills.Load(ctx, enter.Till)
	if err != nil {
		return rc, err
	}
	issue := booking.IssueReceipt{Act: step(act, "receipt"), Fiscal: fiscal}
	issue.Number, _ = t.Receipt(enter.Case, enter.Entry, enter.Kind)
	if enter.Kind == booking.MoneyIn {
		issue.Payment = enter.Entry
	} else {
		issue.Refund = enter.Entry
	}
	issued, err := a.Cases.Handle(ctx, enter.Case, issue)
	return later(later(rc, entered), issued), err
}

// GiveRefund takes an amount off a line and gives back what was paid too much.
type GiveRefund struct {
	domain.Act
	Case    uuid.UUID
	Refund  string
	Line    string
	Amount  domain.Money
	Reason  booking.Reason
	Method  booking.Method // how the money goes back
	IfMatch *events.Revision
}

// GiveRefund runs: is the day's till closed? → refund → where money goes back: pay it → enter the till →
// issue the receipt. A crash leaves a refund whose money was not given, which
// the case shows; the same request again completes it.
func (a *App) GiveRefund(ctx context.Context, c GiveRefund) (events.Receipt, error) {
	id := c.Case.String()
	if !slices.Contains(booking.Methods, c.Method) {
		return events.Receipt{}, booking.ErrMethod.With(c.Method)
	}
	s, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	on, err := a.firstDay(ctx, c.Case, step(c.Act, "money"))
	if err != nil {
		return events.Receipt{}, err
	}
	refund := booking.Refund{Act: c.Act, Refund: c.Refund, Line: c.Line, Amount: c.Amount, Reason: c.Reason}
	enter := booking.EnterTill{Act: step(c.Act, "till"), Till: booking.TillID(s.Institution, on), Entry: c.Refund, Case: id, Kind: booking.MoneyOut, Method: c.Method}
	if es, err := booking.Case.Decide(s, refund); err == nil {
		for _, e := range es {
			if r, ok := e.(booking.Refunded); ok && r.Returned > 0 {
				enter.Amount = r.Returned
				if err := to(a.Tills, enter.Till, nil).wouldRefuse(ctx, enter); err != nil {
					return events.Receipt{}, err
				}
			}
		}
	}
	rc, err := to(a.Cases, id, c.IfMatch).run(ctx, refund)
	if err != nil {
		return rc, err
	}
	if s, _, err = a.Cases.Load(ctx, id); err != nil {
		return rc, err
	}
	i := slices.IndexFunc(s.Refunds, func(r booking.Refunded) bool { return r.Refund == c.Refund })
	if i < 0 || s.Refunds[i].Returned == 0 {
		return rc, nil
	}
	paid, err := a.Cases.Handle(ctx, id, booking.PayRefund{Act: step(c.Act, "money"), Refund: c.Refund, Method: c.Method})
	if err != nil {
		return rc, err
	}
	enter.Amount = s.Refunds[i].Returned
	return a.account(ctx, c.Act, later(rc, paid), enter, "")
}

// Look notes that Act.By sees a part of a case.
func (a *App) Look(ctx context.Context, act domain.Act, caseID uuid.UUID, what access.What, reason string) (events.Receipt, error) {
	return a.Looks.Handle(ctx, caseID.String(), access.Look{Act: act, What: what, Reason: reason})
}

// ChargeAgreed puts on the bill what the family agreed to and is not on it yet.
type ChargeAgreed struct {
	domain.Act
	Case     uuid.UUID
	ServedOn domain.Date // empty: the day it happened
}

// ChargeAgreed charges line by line. A crash leaves some of the lines on the
// bill; the same request again, or another, charges the rest.
func (a *App) ChargeAgreed(ctx context.Context, c ChargeAgreed) (rc events.Receipt, err error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return rc, err
	}
	if s.Accepted == nil {
		return rc, ErrNothingAgreed
	}
	for _, l := range Uncharged(s) {
		charged, err := a.Charge(ctx, Charge{Act: step(c.Act, l.ID), Case: c.Case, ServedOn: c.ServedOn,
			Item: booking.Item{ID: step(c.Act, l.ID).ID.String(), Code: l.Code, Quantity: l.Quantity, Price: l.Price, Reason: l.Reason}})
		if err != nil {
			return later(rc, charged), err
		}
		rc = later(rc, charged)
	}
	return rc, nil
}

// Uncharged are the lines of the accepted quote, each with what of it is not on
// the bill yet.
func Uncharged(s booking.State) (ls []booking.Line) {
	if s.Accepted == nil {
		return nil
	}
	billed := map[string]int64{}
	for _, b := range s.Bill {
		if b.Amount > b.Refunded || b.Amount == 0 {
			billed[b.Code] += b.Quantity
		}
	}
	for _, l := range s.Accepted.Lines {
		n := min(l.Quantity, billed[l.Code])
		billed[l.Code] -= n
		if l.Quantity -= n; l.Quantity > 0 {
			l.Amount = l.Price * domain.Money(l.Quantity)
			ls = append(ls, l)
		}
	}
	return ls
}

// ErrNothingAgreed refuses to charge what nobody agreed to.
var ErrNothingAgreed = domain.Reject("nothing_agreed", "家属还没有同意报价，不能收录。", "The family has not agreed to a quote yet; nothing can be charged.").Under("I16", "")
