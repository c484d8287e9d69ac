package eventstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"shenzhong/events"
)

// ErrInjected is the cause behind every fault that Faulty makes.
var ErrInjected = errors.New("eventstest: injected fault")

// A Fault is one way for an append to fail.
type Fault int

// The ways.
const (
	None     Fault = iota
	Lost           // the append never reached the store; the answer is ErrUnknown
	Answer         // the append was done; its answer was lost: ErrUnknown
	Conflict       // a faster writer: the append is refused although the revision was right
	Refused        // a plain error, nothing stored (disk full)
)

// Faulty wraps a store. Plan says how the n-th append (from 0) fails; Cut, if
// set, ends the n-th Follow batch (counted over all Follows) with an error
// after that many of its events.
type Faulty struct {
	events.Store
	Plan func(n int) Fault
	Cut  func(n int) (events int, cut bool)

	mu              sync.Mutex
	appends, follow int
}

// Appends is how many appends were asked for.
func (f *Faulty) Appends() int { f.mu.Lock(); defer f.mu.Unlock(); return f.appends }

// Append implements events.Store, with faults.
func (f *Faulty) Append(ctx context.Context, st events.Stream, at events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	f.mu.Lock()
	n := f.appends
	f.appends++
	f.mu.Unlock()
	fault := None
	if f.Plan != nil {
		fault = f.Plan(n)
	}
	switch fault {
	case Lost:
		return 0, 0, fmt.Errorf("%w: %w", events.ErrUnknown, ErrInjected)
	case Answer:
		if _, _, err := f.Store.Append(ctx, st, at, es...); err != nil {
			return 0, 0, err
		}
		return 0, 0, fmt.Errorf("%w: %w", events.ErrUnknown, ErrInjected)
	case Conflict:
		return 0, 0, &events.ConflictError{Stream: st, Expected: at}
	case Refused:
		return 0, 0, ErrInjected
	}
	return f.Store.Append(ctx, st, at, es...)
}

// Follow implements events.Store, with cuts.
func (f *Faulty) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range f.Store.Follow(ctx, after, max) {
			f.mu.Lock()
			n := f.follow
			f.follow++
			f.mu.Unlock()
			if f.Cut != nil && err == nil {
				if k, cut := f.Cut(n); cut {
					b.Events, b.CaughtUp = b.Events[:min(k, len(b.Events))], false
					if len(b.Events) == 0 || yield(b, nil) {
						yield(events.Batch{}, ErrInjected)
					}
					return
				}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}
