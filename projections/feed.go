package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"shenzhong/events"
)

// A feed is one reading of the log for some lanes. Normally there is one. A
// lane that is far behind the others (a new version, a rebuild, one that was
// too slow) gets a feed of its own and joins the main one at its head.
type feed struct {
	// Both under Runner.mu. at is how far the log was read; it moves before the
	// batch is decoded and handed out, so that a lane which is at or beyond it
	// may join at any moment and misses nothing.
	lanes []*lane
	at    events.Position
}

// A batch is a piece of the log with its wanted events decoded. It is shared
// and never changed.
type batch struct {
	events   []Event       // only those that some lane of the feed wants; Body only where one wants it decoded
	masks    []uint64      // beside events: which models want each
	failed   map[int]error // why an event could not be decoded
	to       events.Position
	recorded time.Time
	read     int64 // events of the log in it, wanted or not
	caughtUp bool
}

// start gives lanes a feed from the earliest of their positions.
func (r *Runner) start(lanes []*lane) {
	f := &feed{lanes: slices.Clone(lanes)}
	for i, l := range lanes {
		if i == 0 || l.next < f.at {
			f.at = l.next
		}
	}
	r.mu.Lock()
	if r.main == nil {
		r.main = f
	}
	r.mu.Unlock()
	for _, l := range lanes {
		if !l.started {
			l.started = true
			r.wg.Go(l.run)
		}
	}
	r.wg.Go(func() { r.follow(f) })
}

// follow reads the log until the runner ends or the feed has joined another.
// A log that cannot be read is tried again, less and less often.
func (r *Runner) follow(f *feed) {
	const first, longest = 50 * time.Millisecond, 5 * time.Second
	wait := first
	for {
		r.mu.Lock()
		at := f.at
		r.mu.Unlock()
		joined, err := r.read(f, at)
		r.mu.Lock()
		if r.ctx.Err() == nil {
			r.logErr = err
		}
		moved := f.at != at
		r.mu.Unlock()
		if joined || r.ctx.Err() != nil {
			return
		}
		if moved {
			wait = first
		}
		if err != nil {
			r.log.Warn("the log cannot be read; trying again", "after", at, "wait", wait, "error", err)
		}
		if !sleep(r.ctx, wait) {
			return
		}
		wait = min(2*wait, longest)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (r *Runner) read(f *feed, at events.Position) (joined bool, err error) {
	for b, err := range r.cfg.Store.Follow(r.ctx, at, r.cfg.Batch) {
		if err != nil {
			return false, err
		}
		lanes := r.advance(f, b)
		work := r.decode(lanes, b)
		for _, l := range lanes {
			switch l.put(work, r.cfg.Patience, len(lanes) > 1) {
			case gone:
				r.drop(f, l)
			case full:
				r.log.Info("a read model is slow and goes on by itself", "readmodel", l.m.p.Name(), "position", l.next)
				r.drop(f, l)
				r.start([]*lane{l})
			}
		}
		if b.CaughtUp && r.join(f) {
			return true, nil
		}
	}
	return false, nil
}

// advance moves the feed over a batch and answers with the lanes to serve.
func (r *Runner) advance(f *feed, b events.Batch) []*lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logErr = nil
	if n := len(b.Events); n > 0 {
		f.at = b.Events[n-1].Position
	}
	return slices.Clone(f.lanes)
}

func (r *Runner) drop(f *feed, l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.lanes = slices.DeleteFunc(f.lanes, func(o *lane) bool { return o == l })
}

// join ends a feed that stands at the head of the log, not behind the main one.
func (r *Runner) join(f *feed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f == r.main {
		return false
	}
	if len(f.lanes) > 0 {
		if f.at < r.main.at {
			return false
		}
		r.main.lanes = append(r.main.lanes, f.lanes...)
		f.lanes = nil
	}
	return true
}

// decode prepares a batch for the lanes: each event whose meaning one of them
// wants is decoded once, over all cores.
func (r *Runner) decode(lanes []*lane, b events.Batch) *batch {
	work := &batch{read: int64(len(b.Events)), caughtUp: b.CaughtUp}
	var meant []bool // beside work.events: somebody asks what it means
	if n := len(b.Events); n > 0 {
		work.to, work.recorded = b.Events[n-1].Position, b.Events[n-1].At
	}
	for i := range b.Events {
		e := &b.Events[i]
		var mask uint64
		decoded := false
		for _, l := range lanes {
			if e.Position <= l.next {
				continue
			}
			if l.m.types[e.Type] {
				mask, decoded = mask|l.m.bit, true
			} else if l.m.raw {
				mask |= l.m.bit
			}
		}
		if mask != 0 {
			work.events, work.masks, meant = append(work.events, Event{Recorded: e}), append(work.masks, mask), append(meant, decoded)
		}
	}
	work.failed = decodeAll(r.ctx, r.cfg.Registry, work.events, meant)
	return work
}

// decodeAll fills in the bodies of those events that are marked, and answers
// with what failed.
func decodeAll(ctx context.Context, reg *events.Registry, es []Event, meant []bool) map[int]error {
	var mu sync.Mutex
	var failed map[int]error
	some := func(from, to int) {
		for i := from; i < to; i++ {
			if !meant[i] {
				continue
			}
			body, err := decode(ctx, reg, es[i].Recorded)
			if err != nil {
				mu.Lock()
				if failed == nil {
					failed = map[int]error{}
				}
				failed[i] = err
				mu.Unlock()
			}
			es[i].Body = body
		}
	}
	workers := runtime.GOMAXPROCS(0)
	if len(es) < 64 || workers == 1 {
		some(0, len(es))
		return failed
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { some(w*len(es)/workers, (w+1)*len(es)/workers) })
	}
	wg.Wait()
	return failed
}

func decode(ctx context.Context, reg *events.Registry, rec *events.Recorded) (body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding panics: %v", p)
		}
	}()
	if body, err = reg.Decode(ctx, *rec); err != nil {
		err = quiet(err)
	}
	return body, err
}

// quiet takes the event's data out of a decoding error: it may end in a log or
// on a page.
func quiet(err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("%s does not fit %v", e.JSONPointer, e.GoType)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("its data cannot be read")
}
