package handlers

import (
	"context"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// ParametersAt are the figures in force for a key: an institution's credit code,
// whose own figures come before those of its city, or a division.
func (a *App) ParametersAt(ctx context.Context, key string) (institution.ParametersState, events.Revision, error) {
	if err := streamID(institution.ParametersCategory, key); err != nil {
		return institution.ParametersState{}, 0, err
	}
	own, rev, err := a.Parameters.Load(ctx, key)
	if err != nil {
		return own, rev, err
	}
	if d, err := domain.ParseDivision(key); err == nil {
		if d == d.City() {
			return own, rev, nil
		}
		city, _, err := a.Parameters.Load(ctx, string(d.City()))
		return own.Under(city), rev, err
	}
	in, _, err := a.Institutions.Load(ctx, key)
	if err != nil {
		return own, rev, err
	}
	p, err := a.ParametersOf(ctx, in)
	return p, rev, err
}

// SetParameter gives a figure its value at a key (ParametersAt).
type SetParameter struct {
	Key string
	institution.SetParameter
	IfMatch *events.Revision
}

// SetParameter asks the parameters. One stream is written.
func (a *App) SetParameter(ctx context.Context, c SetParameter) (events.Receipt, error) {
	if err := streamID(institution.ParametersCategory, c.Key); err != nil {
		return events.Receipt{}, err
	}
	if _, err := domain.ParseDivision(c.Key); err != nil {
		in, _, err := a.Institutions.Load(ctx, c.Key)
		if err != nil {
			return events.Receipt{}, err
		}
		if !in.Exists() {
			return events.Receipt{}, ErrNotFound
		}
	}
	return to(a.Parameters, c.Key, c.IfMatch).run(ctx, c.SetParameter)
}

// HoldTime is how long a slot is kept at an institution for a family that has
// not confirmed.
func (a *App) HoldTime(ctx context.Context, in institution.State) (time.Duration, error) {
	p, err := a.ParametersOf(ctx, in)
	if d, _ := institution.Define(institution.HoldMinutes); err != nil || p.Value(institution.HoldMinutes) == d.Default {
		return a.HoldFor, err
	}
	return p.Duration(institution.HoldMinutes), nil
}

// LateLimit is how far back something may have happened at an institution and
// be recorded without a reason; the default where there is no such institution.
func (a *App) LateLimit(ctx context.Context, key string) (time.Duration, error) {
	if streamID(institution.Category, key) != nil {
		return domain.DefaultLateLimit, nil
	}
	in, _, err := a.Institutions.Load(ctx, key)
	if err != nil {
		return 0, err
	}
	p, err := a.ParametersOf(ctx, in)
	return p.Duration(institution.LateHours), err
}
