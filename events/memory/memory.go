// Package memory is a Store that ends with the program, for tests and benches.
package memory

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"shenzhong/events"
)

// Store keeps events in memory.
type Store struct {
	mu      sync.Mutex
	all     []events.Recorded
	streams map[events.Stream][]int // indexes into all
	more    chan struct{}           // closed and replaced on append
}

// New makes an empty store.
func New() *Store {
	return &Store{streams: map[events.Stream][]int{}, more: make(chan struct{})}
}

var _ events.Store = (*Store)(nil)

// Append implements events.Store.
func (s *Store) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	if err := events.CheckAppend(st, es); err != nil {
		return 0, 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var at events.Revision
	if is := s.streams[st]; len(is) > 0 {
		at = s.all[is[len(is)-1]].Revision
	}
	if at != expected {
		return 0, 0, &events.ConflictError{Stream: st, Expected: expected, Actual: at}
	}
	now := time.Now().UTC()
	for _, e := range es {
		e.Data = slices.Clone(e.Data)
		if !e.Occurred.IsZero() {
			e.Occurred = e.Occurred.UTC()
		}
		n := uint64(len(s.all)+1) * 3 // sparse on purpose: nobody may count with it
		s.streams[st] = append(s.streams[st], len(s.all))
		s.all = append(s.all, events.Recorded{New: e, Stream: st, Revision: events.Revision(n), Position: events.Position(n), At: now})
		at = events.Revision(n)
	}
	close(s.more)
	s.more = make(chan struct{})
	return at, events.Position(at), nil
}

// Load implements events.Store.
func (s *Store) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		s.mu.Lock()
		all, is := s.all, s.streams[st]
		s.mu.Unlock()
		for _, i := range is {
			if err := ctx.Err(); err != nil {
				yield(events.Recorded{}, err)
				return
			}
			if all[i].Revision > after && !yield(all[i], nil) {
				return
			}
		}
	}
}

// Follow implements events.Store.
func (s *Store) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for ctx.Err() == nil {
			s.mu.Lock()
			i, _ := slices.BinarySearchFunc(s.all, after, func(r events.Recorded, p events.Position) int {
				if r.Position <= p {
					return -1
				}
				return 1
			})
			n := min(len(s.all)-i, max)
			b := events.Batch{Events: slices.Clip(s.all[i : i+n]), CaughtUp: i+n == len(s.all)}
			more := s.more
			s.mu.Unlock()
			if !yield(b, nil) {
				return
			}
			if n > 0 {
				after = b.Events[n-1].Position
			}
			if b.CaughtUp {
				select {
				case <-ctx.Done():
					return
				case <-more:
				}
			}
		}
	}
}
