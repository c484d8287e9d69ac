package handlers

import (
	"context"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
)

// Service credit. Each act writes one stream, an institution's ledger; the
// policy version that it needs is looked up here and put on the command.

// ledger is an institution's ledger stream, for codes that can have one.
func ledger(of domain.CreditCode) (string, error) {
	code, err := domain.ParseCreditCode(string(of))
	return string(code), err
}

// Suspect notes a suspicion under the policy of the day it happened.
func (a *App) Suspect(ctx context.Context, of domain.CreditCode, c credit.Suspect) (events.Receipt, error) {
	id, err := ledger(of)
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Policy, err = a.policyOn(ctx, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	return a.Credit.Handle(ctx, id, c)
}

// ProposeConfirmation is the first officer's decision, under the policy of its
// day.
func (a *App) ProposeConfirmation(ctx context.Context, of domain.CreditCode, c credit.ProposeConfirmation) (events.Receipt, error) {
	id, err := ledger(of)
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Policy, err = a.policyOn(ctx, c.DecidedOn); err != nil {
		return events.Receipt{}, err
	}
	return a.Credit.Handle(ctx, id, c)
}

// ConfirmSuspicion is the second officer's: the suspicion becomes an entry under
// the policy of the day that the first one's decision names.
func (a *App) ConfirmSuspicion(ctx context.Context, of domain.CreditCode, c credit.Confirm) (events.Receipt, error) {
	id, err := ledger(of)
	if err != nil {
		return events.Receipt{}, err
	}
	l, _, err := a.Credit.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if x, ok := l.Suspicion(c.Suspicion); ok && x.Proposed.DecidedOn != "" {
		if c.Policy, err = a.policyOn(ctx, x.Proposed.DecidedOn); err != nil {
			return events.Receipt{}, err
		}
	}
	return a.Credit.Handle(ctx, id, c)
}

// GrantBonus makes a bonus entry under the policy of the day of the decision.
func (a *App) GrantBonus(ctx context.Context, of domain.CreditCode, c credit.GrantBonus) (events.Receipt, error) {
	id, err := ledger(of)
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Policy, err = a.policyOn(ctx, c.DecidedOn); err != nil {
		return events.Receipt{}, err
	}
	return a.Credit.Handle(ctx, id, c)
}

// RequestRepair notes an institution's request, under the policy that the entry
// names.
func (a *App) RequestRepair(ctx context.Context, of domain.CreditCode, c credit.RequestRepair) (events.Receipt, error) {
	id, p, err := a.policyOfEntry(ctx, of, c.Entry)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Policy = p
	return a.Credit.Handle(ctx, id, c)
}

// RepairEntry ends an entry after its time, under the policy that it names.
func (a *App) RepairEntry(ctx context.Context, of domain.CreditCode, c credit.Repair) (events.Receipt, error) {
	id, p, err := a.policyOfEntry(ctx, of, c.Entry)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Policy = p
	return a.Credit.Handle(ctx, id, c)
}

// policyOfEntry is an institution's ledger stream and the version that one of
// its entries names; the zero version where there is no such entry.
func (a *App) policyOfEntry(ctx context.Context, of domain.CreditCode, entry uuid.UUID) (string, credit.PolicyVersion, error) {
	id, err := ledger(of)
	if err != nil {
		return "", credit.PolicyVersion{}, err
	}
	l, _, err := a.Credit.Load(ctx, id)
	if err != nil {
		return "", credit.PolicyVersion{}, err
	}
	ps, _, err := a.CreditPolicies.Load(ctx, a.PolicyID)
	if err != nil {
		return "", credit.PolicyVersion{}, err
	}
	e, _ := l.Entry(entry)
	p, _ := ps.Version(e.Policy)
	return id, p, nil
}

// TryCreditPolicy compares a proposed version of the policy with the one in
// force on a day, for institutions, in their order. Nothing is recorded; the
// figures are those that the adopted version would show.
func (a *App) TryCreditPolicy(ctx context.Context, proposed credit.PolicyVersion, of []domain.CreditCode, on domain.Date) ([]credit.Trial, error) {
	ps, _, err := a.CreditPolicies.Load(ctx, a.PolicyID)
	if err != nil {
		return nil, err
	}
	trials := make([]credit.Trial, 0, len(of))
	for _, code := range of {
		id, err := ledger(code)
		if err != nil {
			return nil, err
		}
		l, _, err := a.Credit.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		t, err := credit.Try(ps, proposed, l.Entries, on)
		if err != nil {
			return nil, err
		}
		trials = append(trials, t)
	}
	return trials, nil
}

// WhatIf says what repairing each of an institution's entries would change, and
// when its score changes by itself.
func (a *App) WhatIf(ctx context.Context, of domain.CreditCode, on domain.Date) ([]credit.Fix, []credit.Standing, error) {
	id, err := ledger(of)
	if err != nil {
		return nil, nil, err
	}
	l, _, err := a.Credit.Load(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	ps, _, err := a.CreditPolicies.Load(ctx, a.PolicyID)
	if err != nil {
		return nil, nil, err
	}
	return credit.WhatIf(ps, l.Entries, on), credit.Changes(ps, l.Entries, on), nil
}
