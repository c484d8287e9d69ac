package handlers

import (
	"context"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// begun is the fact that the cremation of a case has begun.
func (a *App) begun(ctx context.Context, caseID uuid.UUID) (bool, error) {
	c, _, err := a.Cremations.Load(ctx, caseID.String())
	return !c.Started.At.IsZero() || c.Started.Furnace != "", err
}

// Amend replaces the particulars before the cremation begins.
type Amend struct {
	domain.Act
	Case     uuid.UUID
	Deceased booking.Deceased
	Handler  booking.Handler
	IfMatch  *events.Revision
}

// Amend looks up whether the cremation has begun and asks the case. One stream
// is written.
func (a *App) Amend(ctx context.Context, c Amend) (events.Receipt, error) {
	begun, err := a.begun(ctx, c.Case)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.Amend{Act: c.Act, Deceased: c.Deceased, Handler: c.Handler, Begun: begun})
}

// Correct puts a particular right after the cremation began.
type Correct struct {
	Case uuid.UUID
	booking.Correct
	IfMatch *events.Revision
}

// Correct looks up whether the cremation has begun and asks the case. One
// stream is written.
func (a *App) Correct(ctx context.Context, c Correct) (_ events.Receipt, err error) {
	if c.Begun, err = a.begun(ctx, c.Case); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, c.Correct)
}

// Clarify explains a particular and changes nothing.
type Clarify struct {
	Case uuid.UUID
	booking.Clarify
	IfMatch *events.Revision
}

// Clarify looks up whether the cremation has begun and asks the case. One
// stream is written.
func (a *App) Clarify(ctx context.Context, c Clarify) (_ events.Receipt, err error) {
	if c.Begun, err = a.begun(ctx, c.Case); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, c.Clarify)
}

// ReplaceHandler puts another handler in charge.
type ReplaceHandler struct {
	domain.Act
	Case uuid.UUID
	booking.HandlerReplaced
	IfMatch *events.Revision
}

// ReplaceHandler looks up whether the cremation has begun and asks the case. One
// stream is written.
func (a *App) ReplaceHandler(ctx context.Context, c ReplaceHandler) (events.Receipt, error) {
	begun, err := a.begun(ctx, c.Case)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.ReplaceHandler{Act: c.Act, HandlerReplaced: c.HandlerReplaced, Begun: begun})
}

// PromisePaper lets a minor paper follow later (容缺受理).
type PromisePaper struct {
	domain.Act
	Case    uuid.UUID
	Paper   booking.Code
	Due     domain.Date
	Pledge  string
	IfMatch *events.Revision
}

// PromisePaper looks up how long a paper may follow and asks the case. One
// stream is written.
func (a *App) PromisePaper(ctx context.Context, c PromisePaper) (events.Receipt, error) {
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
	return to(a.Cases, c.Case.String(), c.IfMatch).run(ctx, booking.PromisePaper{Act: c.Act, Paper: c.Paper, Due: c.Due, Pledge: c.Pledge, MaxDays: p.Int(institution.PaperDays)})
}

// Papers are the checklist of a case, with what has come and what the cremation
// keeps, and the figures in force there.
func (a *App) Papers(ctx context.Context, id uuid.UUID, s booking.State) (institution.ParametersState, []booking.Standing, error) {
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return institution.ParametersState{}, nil, err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return p, nil, err
	}
	c, _, err := a.Cremations.Load(ctx, id.String())
	if err != nil {
		return p, nil, err
	}
	return p, s.Standing(booking.Checklist(s.Situation(in.Division)), with(c)...), nil
}

// with are the papers that the cremation's own stream holds.
func with(c cremation.CremationState) (have []booking.Code) {
	if c.Death.Form != "" {
		have = append(have, booking.DeathPaper)
	}
	if c.Confirmation.Applicant != "" {
		have = append(have, booking.ConfirmationPaper)
	}
	if c.Police.Issuer != "" {
		have = append(have, booking.PolicePaper)
	}
	return have
}
