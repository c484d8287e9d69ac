package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
)

// A Ledger is one institution's service-credit ledger with everything that was
// ever recorded in it, in the order of the log, beside the policy. From it a
// score can be told on any day in two histories: by what was known until some
// day, and by everything that is known today.
type Ledger struct {
	Code     domain.CreditCode
	Records  []LedgerRecord
	Policies []PolicyRecord // in the order of adoption
}

// A LedgerRecord is one event of a ledger and what it is about; uuid.Nil is
// nothing of that sort.
type LedgerRecord struct {
	events.Recorded
	Event                       credit.LedgerEvent
	Suspicion, Entry, Objection uuid.UUID
}

// A PolicyRecord is one adoption of the policy.
type PolicyRecord struct {
	events.Recorded
	credit.PolicyVersion
}

// Ledger reads an institution's ledger from the log. One that nothing was ever
// recorded in is empty.
func (a *App) Ledger(ctx context.Context, code domain.CreditCode) (Ledger, error) {
	l := Ledger{Code: code}
	_, _, err := follow(ctx, a, a.Credit, string(code), func(r events.Recorded, e credit.LedgerEvent) {
		l.Records = append(l.Records, LedgerRecord{Recorded: r, Event: e})
	})
	if err != nil {
		return l, err
	}
	for i := range l.Records {
		x := &l.Records[i]
		var about struct {
			Suspicion uuid.UUID `json:"suspicion"`
			Entry     uuid.UUID `json:"entry"`
			Objection uuid.UUID `json:"objection"`
		}
		if err := json.Unmarshal(x.Data, &about); err != nil {
			return l, fmt.Errorf("handlers: %s at %d: %w", x.Type, x.Position, err)
		}
		x.Suspicion, x.Entry, x.Objection = about.Suspicion, about.Entry, about.Objection
	}
	_, _, err = follow(ctx, a, a.CreditPolicies, a.PolicyID, func(r events.Recorded, e credit.PolicyEvent) {
		if p, ok := e.(credit.PolicyAdopted); ok {
			l.Policies = append(l.Policies, PolicyRecord{r, p.PolicyVersion})
		}
	})
	return l, err
}

// recordedBy says whether a record was on the log at the end of a day; the empty day
// is now.
func recordedBy(r events.Recorded, until domain.Date) bool {
	return until == "" || domain.DateOf(r.At) <= until
}

// State is the ledger by what was recorded until the end of a day; empty means
// everything.
func (l Ledger) State(until domain.Date) credit.LedgerState {
	s := credit.Ledger.Initial
	for _, r := range l.Records {
		if recordedBy(r.Recorded, until) {
			s = credit.Ledger.Evolve(s, r.Event)
		}
	}
	return s
}

// Versions are the policy's, as far as they were adopted by the end of a day.
func (l Ledger) Versions(until domain.Date) credit.PolicyState {
	var s credit.PolicyState
	for _, p := range l.Policies {
		if recordedBy(p.Recorded, until) {
			s.Versions = append(s.Versions, p.PolicyVersion)
		}
	}
	return s
}

// Standing is the score of a day by what was recorded until the end of another
// one; false where no policy was in force.
func (l Ledger) Standing(on, until domain.Date) (credit.Standing, bool) {
	p, ok := l.Versions(until).InForce(on)
	if !ok {
		return credit.Standing{}, false
	}
	return credit.Score(p, l.State(until).Entries, on), true
}

// After is the score that showed right after the record at an index of Records,
// on the day on which it was recorded.
func (l Ledger) After(i int) (credit.Standing, bool) {
	on := domain.DateOf(l.Records[i].At)
	p, ok := l.Versions(on).InForce(on)
	if !ok {
		return credit.Standing{}, false
	}
	s := credit.Ledger.Initial
	for _, r := range l.Records[:i+1] {
		s = credit.Ledger.Evolve(s, r.Event)
	}
	return credit.Score(p, s.Entries, on), true
}

// Days are the days up to one on which a score may change in either history, in
// order: a policy or an entry begins, one ends, or something is recorded.
func (l Ledger) Days(until domain.Date) []domain.Date {
	var ds []domain.Date
	for _, p := range l.Policies {
		ds = append(ds, p.EffectiveFrom, domain.DateOf(p.At))
		for _, e := range l.State("").Entries {
			ds = append(ds, e.Until(p.PolicyVersion))
			e.RevokedOn = ""
			ds = append(ds, e.DecidedOn, e.Until(p.PolicyVersion))
			e.RepairedOn = ""
			ds = append(ds, e.Until(p.PolicyVersion))
		}
	}
	for _, r := range l.Records {
		ds = append(ds, domain.DateOf(r.At))
	}
	slices.Sort(ds)
	ds = slices.Compact(ds)
	return slices.DeleteFunc(ds, func(d domain.Date) bool { return d > until })
}

// Chain is everything that was recorded about one matter, a suspicion or an
// entry, in the order of the log: what came first, the notice and the answer,
// the decision, objections, repair and revocation.
func (l Ledger) Chain(suspicion, entry uuid.UUID) []LedgerRecord {
	objections := map[uuid.UUID]bool{}
	about := func(id, of uuid.UUID) bool { return id != uuid.Nil && id == of }
	var chain []LedgerRecord
	for _, r := range l.Records {
		mine := about(r.Suspicion, suspicion) || about(r.Entry, entry) || objections[r.Objection]
		if !mine {
			continue
		}
		if r.Objection != uuid.Nil {
			objections[r.Objection] = true
		}
		if entry == uuid.Nil { // it became one
			entry = r.Entry
		}
		chain = append(chain, r)
	}
	return chain
}

// EventAt is the event at a position of the log; ErrNotFound where there is
// none.
func (a *App) EventAt(ctx context.Context, at events.Position) (events.Recorded, error) {
	for b, err := range a.Store.Follow(ctx, at-1, 1) {
		if err != nil {
			return events.Recorded{}, err
		}
		for _, r := range b.Events {
			if r.Position == at {
				return r, nil
			}
		}
		break
	}
	return events.Recorded{}, ErrNotFound
}
