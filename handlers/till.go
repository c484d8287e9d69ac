package handlers

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/events"
)

// Account enters a payment or a refund that was paid into the till and issues
// its receipt, where TakePayment or GiveRefund did not come so far. event is the
// one that recorded it: its id tells the day of the act, and so the till.
func (a *App) Account(ctx context.Context, act domain.Act, caseID uuid.UUID, entry string, kind booking.TillKind, event uuid.UUID) error {
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil || s.Source == booking.Import {
		return err
	}
	enter := booking.EnterTill{Act: step(act, "till"), Till: booking.TillID(s.Institution, actedOn(event)), Entry: entry, Case: caseID.String(), Kind: kind}
	fiscal := ""
	switch kind {
	case booking.MoneyIn:
		for _, p := range s.Payments {
			if p.Payment == entry {
				enter.Method, enter.Amount, fiscal = p.Method, p.Amount, p.Fiscal
			}
		}
	default:
		for _, p := range s.RefundsPaid {
			if p.Refund == entry {
				enter.Method, enter.Amount = p.Method, p.Amount
			}
		}
	}
	if slices.ContainsFunc(s.Receipts, func(r booking.Receipt) bool {
		return kind == booking.MoneyIn && r.Payment == entry || kind == booking.MoneyOut && r.Refund == entry
	}) {
		return nil
	}
	_, err = a.account(ctx, act, events.Receipt{}, enter, fiscal)
	return err
}

// firstDay is the local day of an act on a case: where the same command was
// given before, the day of that. A payment that is sent once more after midnight
// is in the till of the day before and comes into no other.
func (a *App) firstDay(ctx context.Context, caseID uuid.UUID, act domain.Act) (domain.Date, error) {
	for r, err := range a.Store.Load(ctx, a.Cases.Stream(caseID.String()), events.NoStream) {
		if err != nil {
			return "", err
		}
		if r.Meta.Command == act.ID {
			return actedOn(r.ID), nil
		}
	}
	return domain.DateOf(act.Now), nil
}

// actedOn is the local day on which a command was given, told by the id of an
// event that it stored (events.EventID).
func actedOn(event uuid.UUID) domain.Date {
	sec, nsec := event.Time().UnixTime()
	return domain.DateOf(time.Unix(sec, nsec))
}

// Returns is how money goes back where nobody says: as the latest payment came,
// or in cash.
func Returns(s booking.State) booking.Method {
	if n := len(s.Payments); n > 0 {
		return s.Payments[n-1].Method
	}
	return booking.Cash
}

// Reprint prints a receipt once more: number Copy, one more than the last.
type Reprint struct {
	domain.Act
	Case    uuid.UUID
	Number  string
	IfMatch *events.Revision
}

// Reprint asks the case. One stream is written. The answer says which copy it
// is; the same request again is the same copy.
func (a *App) Reprint(ctx context.Context, c Reprint) (copies int, rc events.Receipt, err error) {
	id := c.Case.String()
	for r, err := range a.Store.Load(ctx, a.Cases.Stream(id), events.NoStream) {
		if err != nil {
			return 0, rc, err
		}
		if r.Meta.Command != c.ID {
			continue
		}
		e, err := a.Registry.Decode(ctx, r)
		if err != nil {
			return 0, rc, err
		}
		if p, ok := e.(booking.ReceiptReprinted); ok {
			return p.Copy, events.Receipt{Revision: r.Revision, Position: r.Position, Repeated: true}, nil
		}
	}
	s, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return 0, rc, err
	}
	next := 2
	for _, r := range s.Receipts {
		if r.Number == c.Number {
			next = r.Copies + 1
		}
	}
	rc, err = to(a.Cases, id, c.IfMatch).run(ctx, booking.ReprintReceipt{Act: c.Act, Number: c.Number, Copy: next})
	return next, rc, err
}

// CloseTill compares a day's account with what was counted.
type CloseTill struct {
	domain.Act
	Institution string
	Day         domain.Date // empty: today
	Counted     map[booking.Method]domain.Money
	Reason      string
	IfMatch     *events.Revision
}

// CloseTill asks the day's till. One stream is written.
func (a *App) CloseTill(ctx context.Context, c CloseTill) (events.Receipt, error) {
	id, err := till(c.Institution, cmp.Or(c.Day, domain.DateOf(c.Now)), c.Now)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Tills, id, c.IfMatch).run(ctx, booking.CloseTill{Act: c.Act, Counted: c.Counted, Reason: c.Reason})
}

// till is the id of a day's till that there can be.
func till(home string, on domain.Date, now time.Time) (string, error) {
	if _, err := domain.ParseDate(string(on)); err != nil {
		return "", err
	}
	if on > domain.DateOf(now) {
		return "", booking.ErrServed.With(on)
	}
	id := booking.TillID(home, on)
	return id, streamID(booking.TillCategory, id)
}
