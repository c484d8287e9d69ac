package projections

import (
	"context"
	"errors"
	"sync"
	"time"

	"shenzhong/events"
)

// A lane is one file being fed: it takes batches from its feed through a
// bounded queue and folds them, one transaction for all that is waiting.
type lane struct {
	r      *Runner
	m      *model
	file   *file // the lane's goroutine writes; others only look at path and version
	frozen bool  // an older version's file: serves, is not fed
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when run has ended
	tidy   chan struct{} // closed when a switch to this lane has removed the old file

	// Of the feed that has the lane.
	next    events.Position // everything up to here was put
	started bool

	// The queue.
	qmu    sync.Mutex
	queue  []*batch
	queued int64         // events of the log in queue
	wake   chan struct{} // of capacity 1: something was put
	room   chan struct{} // of capacity 1: something was taken

	// Of the lane's goroutine.
	skipped int64 // events passed since the checkpoint was last written
	unable  bool  // the file could not be cleaned the last time
	halted  *lane // the live lane that this one stopped to take its place

	// Under m.mu.
	at       events.Position // folded up to here; the checkpoint may be a little behind
	asOf     time.Time
	caughtUp bool
	lag      int64
	passed   int64
	err      error
	stopped  bool
}

func (r *Runner) newLane(m *model, f *file) *lane {
	l := &lane{r: r, m: m, file: f, next: f.at, at: f.at, asOf: f.asOf,
		done: make(chan struct{}), tidy: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(r.ctx)
	return l
}

// status needs m.mu.
func (l *lane) status() Status {
	return Status{Name: l.m.p.Name(), Version: l.file.version, Position: l.at, AsOf: l.asOf, Lag: l.lag,
		CaughtUp: l.caughtUp && l.lag == 0 && !l.stopped, Events: l.passed, Err: l.err, Stopped: l.stopped, Outdated: l.frozen}
}

type putResult int

const (
	taken putResult = iota
	full            // no room within the patience
	gone            // the lane has ended
)

// put hands a batch to the lane. It waits for room, but with others waiting
// behind it only for so long.
func (l *lane) put(b *batch, patience time.Duration, others bool) putResult {
	if b.to <= l.next && !b.caughtUp {
		return taken // folded before
	}
	var out <-chan time.Time
	for {
		l.qmu.Lock()
		// Two batches let a lane work on while the feed reads and decodes. Four
		// were no faster (110,000 and 112,000 events/s beside 114,000 and 112,000,
		// by turns) and took 130 MB more.
		if len(l.queue) == 0 || l.queued+b.read <= 2*int64(l.r.cfg.Batch) {
			if b.read > 0 {
				// Before the lane can take it: otherwise it may be folded and
				// level with the log first, and then be said to be behind.
				l.next = max(l.next, b.to)
				l.m.mu.Lock()
				l.lag += b.read
				l.caughtUp = false
				l.m.mu.Unlock()
			}
			l.queue = append(l.queue, b)
			l.queued += b.read
			l.qmu.Unlock()
			break
		}
		l.qmu.Unlock()
		if out == nil && others {
			t := time.NewTimer(patience)
			defer t.Stop()
			out = t.C
		}
		select {
		case <-l.room:
		case <-l.done:
			return gone
		case <-out:
			return full
		}
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case <-l.done:
		return gone
	default:
		return taken
	}
}

// take waits for batches and answers with as many as fit one transaction; none
// when the lane ends, or when nothing came for a while (idle).
func (l *lane) take(idle time.Duration) (bs []*batch, ok bool) {
	t := time.NewTimer(idle)
	defer t.Stop()
	for {
		if l.ctx.Err() != nil {
			return nil, false
		}
		l.qmu.Lock()
		wanted := 0
		for len(l.queue) > 0 && (len(bs) == 0 || wanted+len(l.queue[0].events) <= l.r.cfg.Batch) {
			wanted += len(l.queue[0].events)
			l.queued -= l.queue[0].read
			bs = append(bs, l.queue[0])
			l.queue[0] = nil
			l.queue = l.queue[1:]
		}
		l.qmu.Unlock()
		if len(bs) > 0 {
			select {
			case l.room <- struct{}{}:
			default:
			}
			return bs, true
		}
		select {
		case <-l.ctx.Done():
		case <-l.wake:
		case <-t.C:
			return nil, true
		}
	}
}

// run folds until the lane ends.
func (l *lane) run() {
	defer close(l.done)
	defer l.cancel()
	idle := time.Hour
	if l.file.unwiped { // a crash came in between
		idle = time.Second
	}
	for {
		bs, ok := l.take(idle)
		switch {
		case !ok:
			l.flush()
			return
		case len(bs) == 0:
			if !l.flush() {
				return
			}
		case !l.fold(bs):
			return
		}
		// Events of no interest only move the position in memory; a quiet second
		// later the file is told, and cleaned of who was forgotten.
		switch idle = time.Hour; {
		case l.skipped > 0 || l.file.unwiped && !l.unable:
			idle = time.Second
		case l.file.unwiped:
			idle = time.Minute // the disk may be full: not every second
		}
	}
}

// fold takes in batches. It answers false when the lane must end.
func (l *lane) fold(bs []*batch) bool {
	var own []Event
	var poison *PoisonError
	at := l.position()
	last := bs[len(bs)-1]
	to, recorded, read := at, time.Time{}, int64(0)
collect:
	for _, b := range bs {
		read += b.read
		for i, e := range b.events {
			// Batches overlap where the lane came from one feed to another.
			if b.masks[i]&l.m.bit == 0 || e.Position <= to {
				continue
			}
			if err := b.failed[i]; err != nil && !l.m.raw {
				poison = l.poison(e, err)
				break collect
			}
			own = append(own, e)
		}
		if b.to > to {
			to, recorded = b.to, b.recorded
		}
	}
	switch {
	case poison != nil && len(own) > 0:
		to, recorded = own[len(own)-1].Position, own[len(own)-1].At
	case poison != nil:
		to = at
	}
	var err error
	if len(own) > 0 || l.skipped+read >= int64(l.r.cfg.Batch) {
		if to > at {
			err = l.apply(own, to, recorded)
		}
	} else {
		l.skipped += read
	}
	if err != nil {
		return l.stop(err)
	}
	l.m.mu.Lock()
	if to > at {
		l.at, l.asOf = to, recorded
	}
	l.lag -= read
	l.passed += read
	if poison == nil {
		l.caughtUp = last.caughtUp
	}
	caughtUp := l.caughtUp
	l.m.notify()
	l.m.mu.Unlock()
	if poison != nil {
		return l.stop(poison)
	}
	return !caughtUp || l.file.ready || l.serve()
}

func (l *lane) position() events.Position {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	return l.at
}

func (l *lane) poison(e Event, err error) *PoisonError {
	return &PoisonError{l.m.p.Name(), e.Position, e.Stream, e.Type, err}
}

// apply commits a batch. When it cannot be folded as a whole, its events are
// folded one by one, so that the error names the one that is to blame and
// everything before it is kept.
func (l *lane) apply(own []Event, to events.Position, recorded time.Time) error {
	err := l.persist(own, to, recorded)
	if err == nil || len(own) == 0 || ended(err) {
		return err
	}
	if len(own) == 1 {
		return l.poison(own[0], err)
	}
	l.r.log.Warn("a batch cannot be folded; trying its events one by one", "readmodel", l.m.p.Name(), "events", len(own), "error", err)
	for i, e := range own {
		if err := l.persist(own[i:i+1], e.Position, e.At); err != nil {
			if ended(err) {
				return err
			}
			return l.poison(e, err)
		}
		l.m.mu.Lock()
		l.at, l.asOf = e.Position, e.At
		l.m.mu.Unlock()
	}
	if to > l.file.at {
		return l.persist(nil, to, recorded)
	}
	return nil
}

// ended says that an error is not an event's fault.
func ended(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, context.Canceled)
}

// persist commits events and checkpoint, again and again while the trouble may
// pass.
func (l *lane) persist(own []Event, to events.Position, recorded time.Time) error {
	const first, longest = 20 * time.Millisecond, 10 * time.Second
	for wait := first; ; wait = min(2*wait, longest) {
		err := l.file.apply(l.ctx, l.m.p, own, to, recorded)
		if err == nil {
			l.skipped = 0
			l.trouble(nil)
			return nil
		}
		if l.ctx.Err() != nil {
			return context.Canceled
		}
		if !passing(err) {
			return err
		}
		l.trouble(err)
		l.r.log.Warn("a read model cannot be written; trying again", "readmodel", l.m.p.Name(), "wait", wait, "error", err)
		if !sleep(l.ctx, wait) {
			return context.Canceled
		}
	}
}

// trouble shows in the status what keeps the lane from going on.
func (l *lane) trouble(err error) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.err != nil || err != nil {
		l.err = err
		l.m.notify()
	}
}

// flush cleans the file of who was forgotten, and writes down a position that
// only moved in memory. At the lane's end it may fail: then those events are
// read again, and the cleaning is done after the next start.
func (l *lane) flush() bool {
	if l.file.unwiped && l.ctx.Err() == nil {
		err := l.file.wipe()
		if err != nil {
			l.r.log.Warn("a read model cannot be cleaned of who was forgotten; trying again", "readmodel", l.m.p.Name(), "error", err)
		}
		l.unable = err != nil
	}
	if l.skipped == 0 {
		return true
	}
	l.m.mu.Lock()
	to, recorded := l.at, l.asOf
	l.m.mu.Unlock()
	if l.ctx.Err() != nil {
		if err := l.file.apply(background, l.m.p, nil, to, recorded); err == nil {
			l.skipped = 0
		}
		return true
	}
	if err := l.persist(nil, to, recorded); err != nil {
		return l.stop(err)
	}
	return true
}

// stop ends the lane for good, unless the runner is only closing.
func (l *lane) stop(err error) bool {
	if errors.Is(err, context.Canceled) && l.ctx.Err() != nil {
		return false
	}
	l.r.log.Error("a read model stops", "readmodel", l.m.p.Name(), "version", l.file.version, "error", err)
	l.m.mu.Lock()
	l.err, l.stopped, l.caughtUp = err, true, false
	l.m.notify()
	l.m.mu.Unlock()
	if !errors.Is(err, ErrFenced) && l.file.ready {
		// At the next start it is behind the others and must not hold them up.
		if err := l.file.setReady(false); err != nil {
			l.r.log.Warn("a stopped read model cannot be marked", "readmodel", l.m.p.Name(), "error", err)
		}
	}
	if l.halted != nil {
		l.revive()
	}
	return false
}

// serve lets a file that is level with the log for the first time take over.
func (l *lane) serve() bool {
	m := l.m
	m.mu.Lock()
	old, mine := m.live, l.at
	m.mu.Unlock()
	if old != l {
		// The old lane halts first: a reader who waited for a position must never
		// find himself before it. It may have gone on a little beyond this one;
		// then the next batch brings the switch.
		if l.halted == nil && !old.frozen {
			old.cancel()
			<-old.done
			l.halted = old
		}
		if mine < old.position() {
			return true
		}
	}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := l.file.setReady(true)
		if err == nil {
			break
		}
		l.trouble(err)
		if !sleep(l.ctx, wait) {
			return false
		}
	}
	l.trouble(nil)
	if old == l {
		return true
	}
	m.mu.Lock()
	m.live, m.building = l, nil
	m.to.path.Store(&l.file.path)
	m.notify()
	m.mu.Unlock()
	l.halted = nil
	defer close(l.tidy)
	// Idle connections to the old file go at once, busy ones when they end.
	m.db.SetMaxIdleConns(0)
	m.db.SetMaxIdleConns(4)
	if err := errors.Join(old.file.close(), remove(old.file.path)); err != nil {
		l.r.log.Warn("a read model's old file stays until the next start", "file", old.file.path, "error", err)
	}
	l.r.log.Info("a read model was switched", "readmodel", m.p.Name(), "version", l.file.version, "position", l.position())
	return true
}

// revive sets the live lane going again that this one had halted and now
// cannot replace.
func (l *lane) revive() {
	m := l.m
	m.mu.Lock()
	again := l.r.newLane(m, l.halted.file)
	again.at, again.asOf, again.next = l.halted.at, l.halted.asOf, l.halted.at
	again.skipped = 1 // the checkpoint may be behind
	m.live = again
	m.notify()
	m.mu.Unlock()
	l.halted = nil
	if again.ctx.Err() == nil {
		l.r.start([]*lane{again})
	}
}

// abandon gives up a file that was being built.
func (l *lane) abandon() {
	l.cancel()
	if l.started {
		<-l.done
	}
	if l.halted != nil {
		l.revive()
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.m.building != l {
		return // it made the switch at the last moment, or the runner was closed
	}
	l.m.building = nil
	if err := errors.Join(l.file.close(), remove(l.file.path)); err != nil {
		l.r.log.Warn("an abandoned build stays until the next start", "file", l.file.path, "error", err)
	}
	l.m.notify()
}
