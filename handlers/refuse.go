package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
)

// Refused notes on the case that a rule refused a charge, a quote or a payment,
// where it is one that a supervisor asks about, and answers with err as it came.
// The note is a command of its own, whose id follows from the refused one: the
// same request sent again is noted once. It is written apart from what was
// refused, so a crash between leaves no note and nothing else.
func (a *App) Refused(ctx context.Context, act domain.Act, caseID uuid.UUID, item string, amount domain.Money, err error) error {
	return a.refused(ctx, act, caseID, booking.ChargeRefused{Item: item, Amount: amount}, err)
}

// refused is Refused with the limit that was overstepped.
func (a *App) refused(ctx context.Context, act domain.Act, caseID uuid.UUID, what booking.ChargeRefused, err error) error {
	act = step(act, "refused")
	note, kept := booking.Refusal(act.ID.String(), err)
	if !kept {
		return err
	}
	note.Act, note.Item, note.Amount, note.Limit = act, what.Item, what.Amount, what.Limit
	_, failed := a.Cases.Handle(ctx, caseID.String(), note)
	if _, rejected := errors.AsType[*domain.Rejection](failed); rejected {
		return err
	}
	return errors.Join(err, failed)
}

// sameRefusal says that two refusals are of one kind.
func sameRefusal(a, b error) bool {
	x, ok := errors.AsType[*domain.Rejection](a)
	y, too := errors.AsType[*domain.Rejection](b)
	return ok && too && x.Code == y.Code
}

// charged is what a note of a refusal says about an item: the sum, and the most
// that so much of it may cost.
func charged(it booking.Item, l booking.PriceList) booking.ChargeRefused {
	note := booking.ChargeRefused{Item: it.Code, Amount: it.Price * domain.Money(it.Quantity)}
	if i := slices.IndexFunc(l.Rows, func(r booking.PriceRow) bool { return r.Code == it.Code }); i >= 0 {
		if it.Price == 0 {
			note.Amount = l.Rows[i].Price * domain.Money(it.Quantity)
		}
		note.Limit = l.Rows[i].Ceiling * domain.Money(it.Quantity)
	}
	return note
}
