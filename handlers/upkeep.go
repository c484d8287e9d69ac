package handlers

import (
	"context"
	"errors"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// PlanMaintenance takes a resource out of use for a while.
type PlanMaintenance struct {
	Institution string
	institution.PlanMaintenance
	IfMatch *events.Revision
}

// PlanMaintenance runs: would it be refused, or is a slot in it taken? → plan →
// block the days. What is confirmed in it is moved first. From the plan on
// nobody can book there, whether the days were blocked or not; a crash between
// leaves days that do not say so themselves (policy: maintenance blocks its
// days).
func (a *App) PlanMaintenance(ctx context.Context, c PlanMaintenance) (events.Receipt, error) {
	if err := streamID(institution.Category, c.Institution); err != nil {
		return events.Receipt{}, err
	}
	if err := to(a.Institutions, c.Institution, c.IfMatch).wouldRefuse(ctx, c.PlanMaintenance); err != nil {
		return events.Receipt{}, err
	}
	w := institution.Window{MaintenancePlanned: c.MaintenancePlanned}
	for _, on := range days(w) {
		if err := to(a.Days, schedule.ID(c.Institution, w.Resource, on), nil).wouldRefuse(ctx, blocking(step(c.Act, "block "+string(on)), w, on)); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := to(a.Institutions, c.Institution, c.IfMatch).run(ctx, c.PlanMaintenance)
	if err != nil {
		return rc, err
	}
	return rc, a.BlockMaintenance(ctx, c.Act, c.Institution, c.Window)
}

// CancelMaintenance gives the time back.
type CancelMaintenance struct {
	Institution string
	institution.CancelMaintenance
	IfMatch *events.Revision
}

// CancelMaintenance runs: cancel → unblock the days. A crash between leaves days
// that are closed without need (policy: cancelled maintenance opens its days).
func (a *App) CancelMaintenance(ctx context.Context, c CancelMaintenance) (events.Receipt, error) {
	if err := streamID(institution.Category, c.Institution); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Institutions, c.Institution, c.IfMatch).run(ctx, c.CancelMaintenance)
	if err != nil {
		return rc, err
	}
	return rc, a.BlockMaintenance(ctx, c.Act, c.Institution, c.Window)
}

// days are those that a window touches.
func days(w institution.Window) (ds []domain.Date) {
	for d := domain.DateOf(w.From); d.Start().Before(w.To); d = d.AddDays(1) {
		ds = append(ds, d)
	}
	return ds
}

func blocking(act domain.Act, w institution.Window, on domain.Date) schedule.Block {
	b := blockOf(w, on)
	return schedule.Block{Act: act, Block: b.Block, Start: b.Start, End: b.End, Kind: b.Kind}
}

// BlockMaintenance blocks the days of a maintenance window, or opens them when
// it was cancelled. A day on which a slot in it is taken stays as it is, until
// that slot is given back (BlockDay).
func (a *App) BlockMaintenance(ctx context.Context, act domain.Act, home, window string) error {
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return err
	}
	for _, w := range in.Windows {
		if w.Window != window {
			continue
		}
		for _, on := range days(w) {
			if err := a.block(ctx, act, home, w, on); err != nil {
				return err
			}
		}
	}
	return nil
}

// BlockDay tells a day of the maintenance that is planned on it, where it could
// not be told before. day is the id of the day's stream.
func (a *App) BlockDay(ctx context.Context, act domain.Act, day string) error {
	home, resource, on := SplitDay(day)
	if on < domain.DateOf(act.Now) {
		return nil
	}
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return err
	}
	for _, w := range in.MaintenanceOn(resource, on) {
		if err := a.block(ctx, act, home, w, on); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) block(ctx context.Context, act domain.Act, home string, w institution.Window, on domain.Date) error {
	var cmd schedule.Command = blocking(step(act, "block "+string(on)), w, on)
	if w.Cancelled {
		cmd = schedule.Unblock{Act: step(act, "unblock "+string(on)), Block: blockOf(w, on).Block}
	}
	_, err := a.Days.Handle(ctx, schedule.ID(home, w.Resource, on), cmd)
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		return nil
	}
	return err
}
