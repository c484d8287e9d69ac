package natsstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"shenzhong/events"
)

// indexBatch is how many messages a catching-up transaction takes. Measured:
// 5,000 gives 80–120k events a second, 500 about 60k. When live, whatever is
// there goes in at once.
const indexBatch = 5000

// openIndex opens, checks or rebuilds the index and starts following the log.
func (s *Store) openIndex(ctx context.Context) error {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("natsstore: open the log: %w", err)
	}
	last := info.State.LastSeq
	if last > maxSequence {
		return fmt.Errorf("%w: it says that its last message is number %d", ErrDamaged, last)
	}
	s.opened = last
	raise(&s.known, last)
	if info.State.NumDeleted > 0 || info.State.Msgs > 0 && info.State.FirstSeq != 1 {
		s.noteDamage(fmt.Errorf("natsstore: the log has holes: %d messages between 1 and %d, run verify", info.State.Msgs, last))
	}
	log := s.cfg.Name + " of " + info.Created.UTC().Format(time.RFC3339Nano)
	path := filepath.Join(s.cfg.Dir, "index.db")
	s.mark = filepath.Join(s.cfg.Dir, "index.open")
	ended := lastStop(s.mark)
	if err := setMark(s.mark); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	_, err = os.Stat(path)
	existed := err == nil
	s.index, err = openIndex(ctx, path, log)
	if existed {
		why := err
		if err == nil {
			why, err = s.doubt(ctx, last, ended)
		}
		if err != nil && !errors.Is(err, errIndex) {
			return err
		}
		if why != nil {
			s.cfg.Logger.Warn("the index is built again from the log", "reason", why)
			if s.index != nil {
				if err := s.index.close(); err != nil {
					s.cfg.Logger.Warn("closing the old index", "error", err)
				}
				s.index = nil
			}
			if err := removeIndex(path); err != nil {
				return fmt.Errorf("natsstore: %w", err)
			}
			s.index, err = openIndex(ctx, path, log)
		}
	}
	if err != nil {
		return fmt.Errorf("natsstore: open the index: %w", err)
	}
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.follow(bg) })
	return nil
}

// doubt says why the index must be built again, if it must. An index that has
// seen more than the log has is never built again: the log is what is wrong.
func (s *Store) doubt(ctx context.Context, last uint64, ended stop) (why, err error) {
	seen, acked, err := s.index.seen(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errIndex, err), nil
	}
	if seen > last {
		// The server shows a group of appends to its readers a moment before
		// it is synced. A power loss just then takes what nobody was promised.
		if ended == stopPower && s.srv != nil && acked <= last {
			return fmt.Errorf("it knows %d messages that were lost before they were acknowledged", seen-last), nil
		}
		return nil, &LossError{Index: position(seen, 0), Log: position(last, 0)}
	}
	switch ended {
	case stopPower:
		return errors.New("the machine went down while it was open"), nil
	case stopKill, stopClean:
		rep, err := s.compare(ctx, tailStart(seen), seen, nil)
		switch {
		case err != nil:
			return nil, err
		case rep.Unreadable > 0: // the log is what is wrong, and the index perhaps all that is left
			s.noteDamage(rep.First)
		case rep.Differences > 0:
			return rep.First, nil
		}
	}
	return nil, nil
}

// tailStart is where the check after a stop begins: the last thousand messages
// are what a killed process may have left half done.
func tailStart(seen uint64) uint64 {
	if seen <= 1000 {
		return 1
	}
	return seen - 999
}

// seen is the last message of which the index has anything, and the last one
// it knows to have been acknowledged.
func (x *index) seen(ctx context.Context) (seen, acked uint64, err error) {
	p, err := x.head(ctx)
	if err != nil {
		return 0, 0, err
	}
	var a int64
	err = x.reader.QueryRowContext(ctx, `SELECT acked FROM state`).Scan(&a)
	return sequence(p), uint64(a), err
}

func (s *Store) noteDamage(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.damage == nil {
		s.damage = err
		s.cfg.Logger.Error("the log is damaged", "error", err)
	}
}

// follow keeps the index in step until the store closes.
func (s *Store) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.followOnce(ctx); ctx.Err() == nil {
			s.cfg.Logger.Error("the index lags: following the log failed and is tried again", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

func (s *Store) followOnce(ctx context.Context) error {
	applied, _ := s.index.at()
	r, err := s.readLog(ctx, applied+1)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		ms, err := r.batch(ctx, indexBatch, 2*time.Second)
		if errors.Is(err, errIdle) {
			// Silence is right at the end of the log. Elsewhere the consumer
			// hangs on a message that it cannot read.
			if applied, _ := s.index.at(); applied >= s.known.Load() {
				continue
			}
			ms, err := s.unread(ctx, r.next, s.known.Load())
			if err != nil {
				return err
			}
			if err := s.apply(ctx, ms); err != nil {
				return err
			}
			return errors.New("natsstore: the log went silent before its end")
		}
		if err != nil {
			return err
		}
		if err := s.apply(ctx, ms); err != nil {
			return err
		}
	}
}

// apply puts messages in the index and lets go of those who wait for them.
func (s *Store) apply(ctx context.Context, ms []logMessage) error {
	if len(ms) == 0 {
		return nil
	}
	var rs []events.Recorded
	for _, m := range ms {
		if m.err != nil {
			s.noteDamage(fmt.Errorf("message %d: %w", m.seq, m.err))
		}
		rs = append(rs, m.events...)
	}
	seq := ms[len(ms)-1].last
	if err := s.index.apply(ctx, rs, seq, s.acked.Load()); err != nil {
		return err
	}
	raise(&s.known, seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		if n, ok := s.pending[r.Stream]; ok && n <= seq {
			delete(s.pending, r.Stream)
		}
	}
	return nil
}

// Load implements events.Store.
func (s *Store) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		fail := func(err error) {
			yield(events.Recorded{}, fmt.Errorf("natsstore: load %s: %w", st, err))
		}
		s.mu.Lock()
		until := max(s.pending[st], s.opened)
		s.mu.Unlock()
		if err := s.index.wait(ctx, until, s.closed); err != nil {
			fail(err)
			return
		}
		hash, from := streamHash(st), positionOf(after)
		in := interned{}
		for {
			rs, err := s.index.rows(ctx, in, 16, rowsAtOnce, from, s.index.load, hash)
			if err != nil {
				fail(err)
				return
			}
			for _, r := range rs {
				from = r.Position
				if r.Stream == st && !yield(r, nil) {
					return
				}
			}
			if len(rs) < rowsAtOnce {
				return
			}
		}
	}
}

// Follow implements events.Store.
func (s *Store) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		in, about := interned{}, 0
		for ctx.Err() == nil {
			known := s.known.Load()
			applied, more := s.index.at()
			rs, err := s.index.rows(ctx, in, about, max, after, s.index.scan)
			about = min(max, len(rs)+8)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(events.Batch{}, fmt.Errorf("natsstore: follow after %d: %w", after, err))
				return
			}
			b := events.Batch{Events: rs, CaughtUp: len(rs) < max && applied >= known}
			if len(rs) > 0 {
				after = rs[len(rs)-1].Position
			}
			if (len(rs) > 0 || b.CaughtUp) && !yield(b, nil) {
				return
			}
			if len(rs) == max {
				continue
			}
			select {
			case <-more:
			case <-s.closed:
				if ctx.Err() == nil { // both at once is the ordinary end: nobody is following any more
					yield(events.Batch{}, ErrClosed)
				}
				return
			case <-ctx.Done():
			}
		}
	}
}
