package handlers

import (
	"context"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// ReportDamage is a report of damage in a cemetery, of whoever.
type ReportDamage struct {
	domain.Act
	// Token is the form's own: the same token is the same report.
	Token  uuid.UUID
	Of     domain.CreditCode
	Plot   string
	Damage cemetery.Damage
	// Text is what is said, Contact where an answer reaches whoever says it. Both
	// are sealed, and may be empty.
	Text, Contact string
}

// RepairCode is the code by which a report is followed, like ComplaintCode.
func (a *App) RepairCode(token uuid.UUID) string { return a.code("repair code of ", token) }

// RepairID is the id of the work order that a code leads to.
func (a *App) RepairID(code string) uuid.UUID { return a.under("repair", code) }

// ReportDamage looks up the place and the term, and makes a work order of the
// report. One stream is written. It answers with the code to follow it by.
func (a *App) ReportDamage(ctx context.Context, c ReportDamage) (code string, id uuid.UUID, rc events.Receipt, err error) {
	code = a.RepairCode(c.Token)
	id = a.RepairID(code)
	cmd := cemetery.ReportDamage{Act: c.Act, Cemetery: c.Of, Plot: c.Plot, Damage: c.Damage}
	who := a.Somebody(c.Token, "reporter")
	if c.Text != "" {
		cmd.Text = domain.Personal(who, c.Text)
	}
	if c.Contact != "" {
		cmd.Contact = domain.Personal(who, c.Contact)
	}
	_, p, known, err := a.overseen(ctx, c.Of)
	if err != nil {
		return "", id, rc, err
	}
	if plot := PlotID(c.Of, c.Plot); known && streamID(cemetery.PlotCategory, plot) == nil {
		s, _, err := a.Plots.Load(ctx, plot)
		if err != nil {
			return "", id, rc, err
		}
		cmd.Known, cmd.Days = s.Surveyed.Capacity > 0, p.Int(institution.RepairDays)
	}
	rc, err = a.Repairs.Handle(ctx, id.String(), cmd)
	if err != nil {
		return "", id, rc, err
	}
	return code, id, rc, nil
}

// Repair reads a work order; ErrNotFound where there is none.
func (a *App) Repair(ctx context.Context, id uuid.UUID) (cemetery.RepairState, events.Revision, error) {
	s, rev, err := a.Repairs.Load(ctx, id.String())
	if err == nil && !s.Exists() {
		err = ErrNotFound
	}
	return s, rev, err
}

// SettleRepair asks a work order of a cemetery for its end. One stream is
// written.
func (a *App) SettleRepair(ctx context.Context, of domain.CreditCode, id uuid.UUID, at *events.Revision, cmd cemetery.RepairCommand) (events.Receipt, error) {
	s, _, err := a.Repair(ctx, id)
	if err == nil && s.Reported.Cemetery != of {
		err = ErrNotFound
	}
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Repairs, id.String(), at).run(ctx, cmd)
}
