package main

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"shenzhong/events"
)

// A recalling store remembers the streams that this process wrote or read
// lately, so that a simulation, which asks for the same case forty times in a
// row, need not wait for each of its own events to come back through the index.
// What it remembers may be stale when somebody else writes too; an append then
// conflicts, is forgotten here, and is tried again by the handler.
type recalling struct {
	events.Store
	mu         sync.Mutex
	young, old map[events.Stream][]events.Recorded
}

// recalled is how many streams are remembered, in two generations.
const recalled = 20000

func newRecalling(s events.Store) *recalling {
	return &recalling{Store: s, young: map[events.Stream][]events.Recorded{}, old: map[events.Stream][]events.Recorded{}}
}

func (s *recalling) get(st events.Stream) ([]events.Recorded, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	es, ok := s.young[st]
	if !ok {
		if es, ok = s.old[st]; ok {
			s.put(st, es)
		}
	}
	return es, ok
}

// put is called with the lock held.
func (s *recalling) put(st events.Stream, es []events.Recorded) {
	if len(s.young) >= recalled/2 {
		s.old, s.young = s.young, map[events.Stream][]events.Recorded{}
	}
	s.young[st] = es
}

func (s *recalling) forget(st events.Stream) {
	s.mu.Lock()
	delete(s.young, st)
	delete(s.old, st)
	s.mu.Unlock()
}

// Load implements events.Store.
func (s *recalling) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		es, ok := s.get(st)
		if !ok {
			for r, err := range s.Store.Load(ctx, st, events.NoStream) {
				if err != nil {
					yield(r, err)
					return
				}
				es = append(es, r)
			}
			s.mu.Lock()
			if _, ok := s.young[st]; !ok { // an append may have been faster
				s.put(st, es)
			}
			s.mu.Unlock()
		}
		for _, r := range es {
			if r.Revision > after && !yield(r, nil) {
				return
			}
		}
	}
}

// Append implements events.Store.
func (s *recalling) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	rev, pos, err := s.Store.Append(ctx, st, expected, es...)
	have, ok := s.get(st)
	var last events.Revision
	if len(have) > 0 {
		last = have[len(have)-1].Revision
	}
	// Revisions inside an append of several events are the store's own affair:
	// such a stream is read back.
	if err != nil || !ok || last != expected || len(es) != 1 {
		s.forget(st)
		return rev, pos, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(st, append(slices.Clip(have), events.Recorded{New: es[0], Stream: st, Revision: rev, Position: pos, At: time.Now().UTC()}))
	return rev, pos, nil
}
