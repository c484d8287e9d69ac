package projections

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"shenzhong/events"
)

// Config is what a Runner needs.
type Config struct {
	// Dir holds the read models' files. It is made when it is missing, and
	// belongs to one process: a second runner on it is fenced off.
	Dir string
	// Store is the log, Registry what its events mean.
	Store    events.Store
	Registry *events.Registry
	// Projections are the read models, at most 64, each with a name of its own.
	Projections []Projection
	// Logger gets what an operator should know; nil means slog.Default.
	Logger *slog.Logger

	// Batch is how many events one transaction folds at most; zero means 20,000.
	// Small transactions write the same pages again and again: all twelve read
	// models of a million events were built at 89,000 events/s with 5,000 of
	// them, at 103,000 with 10,000 and at 112,000 with 20,000 (2 cores; 19.6,
	// 17.6 and 16.1 µs of processor time an event).
	Batch int
	// Patience is how long one slow read model may hold up the others before it
	// goes on by a feed of its own; zero means a second.
	Patience time.Duration
}

// A Runner keeps read models in step with the log from Open to Close.
type Runner struct {
	cfg    Config
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // feeds and lanes
	models map[string]*model
	order  []*model

	mu     sync.Mutex // guards the feeds' lanes and positions, and logErr
	main   *feed      // the one that the others join when they catch up
	logErr error

	rebuilding sync.Mutex
}

// A model is one read model: the lane that serves and, at times, one that is
// being built to take its place.
type model struct {
	p     Projection
	bit   uint64 // its bit in a batch's masks
	types map[string]bool
	raw   bool // it reads every event as it was stored
	to    target
	db    *sql.DB

	mu       sync.Mutex
	live     *lane
	building *lane
	changed  chan struct{} // closed and replaced whenever something here moves
}

// Status says how a read model stands.
type Status struct {
	Name    string
	Version int
	// Position is how far the read model has folded the log, AsOf when the log
	// recorded that event (zero before the first).
	Position events.Position
	AsOf     time.Time
	// Lag is how many events were read from the log and are not folded yet.
	// CaughtUp says that there were none, and none newer in the log.
	Lag      int64
	CaughtUp bool
	// Events is how many events of the log were passed since Open.
	Events int64
	// Err is why the read model stopped, or what keeps it from going on for the
	// moment. A *PoisonError names the event. It never quotes an event's data.
	Err error
	// Stopped says that Err will not go away by itself.
	Stopped bool
	// Outdated says that the file is of an older version of the program: it is
	// read, but no longer fed, until the one being built replaces it.
	Outdated bool
	// Building is the file that will take this one's place, if there is one.
	Building *Status
}

// A PoisonError reports the event that a read model could not fold.
type PoisonError struct {
	Name     string // of the read model
	Position events.Position
	Stream   events.Stream
	Type     string
	Err      error
}

func (e *PoisonError) Error() string {
	return fmt.Sprintf("projections: %s stopped at position %d, %s in %s: %v", e.Name, e.Position, e.Type, e.Stream, e.Err)
}
func (e *PoisonError) Unwrap() error { return e.Err }

var nameForm = regexp.MustCompile(`^[a-z]+$`)

// Open opens or makes the files and starts to follow the log. The runner ends
// when ctx is done or it is closed; Close must be called in either case.
func Open(ctx context.Context, cfg Config) (_ *Runner, err error) {
	cfg.Batch = cmp.Or(cfg.Batch, 20000)
	cfg.Patience = cmp.Or(cfg.Patience, time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if len(cfg.Projections) > 64 {
		return nil, fmt.Errorf("projections: %d read models, at most 64 go into one runner", len(cfg.Projections))
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, log: cfg.Logger, models: map[string]*model{}}
	r.ctx, r.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	known := cfg.Registry.Names()
	var ready, fresh []*lane
	for i, p := range cfg.Projections {
		if !nameForm.MatchString(p.Name()) || p.Version() < 1 || r.models[p.Name()] != nil {
			return nil, fmt.Errorf("projections: %q version %d: a read model needs a name of its own in lower-case letters, and a version from 1", p.Name(), p.Version())
		}
		m := &model{p: p, bit: 1 << i, types: map[string]bool{}, changed: make(chan struct{})}
		for _, t := range p.Types() {
			if t == Raw {
				m.raw = true
			} else if m.types[t] = true; !slices.Contains(known, t) {
				return nil, fmt.Errorf("projections: %s reads %q, which no context defines", p.Name(), t)
			}
		}
		m.db = sql.OpenDB(&m.to)
		m.db.SetMaxOpenConns(16)
		m.db.SetMaxIdleConns(4)
		r.models[p.Name()], r.order = m, append(r.order, m)
		if err := r.openModel(ctx, m); err != nil {
			return nil, err
		}
		for _, l := range []*lane{m.live, m.building} {
			switch {
			case l == nil || l.frozen:
			case l.file.ready:
				ready = append(ready, l)
			default:
				fresh = append(fresh, l)
			}
		}
	}
	// Files that were level with the log go on together from the earliest; what
	// is built from further back must not hold them up and joins them later.
	for _, lanes := range [][]*lane{ready, fresh} {
		if len(lanes) > 0 || r.main == nil {
			r.start(lanes)
		}
	}
	return r, nil
}

// openModel finds the file that serves and the one to build, and removes what
// crashes left behind.
func (r *Runner) openModel(ctx context.Context, m *model) error {
	name, version, fp := m.p.Name(), m.p.Version(), fingerprint(m.p)
	cs, err := candidates(ctx, r.cfg.Dir, name)
	if err != nil {
		return err
	}
	serve, partial, old := choose(cs, version, fp)
	build := lastBuild(cs, version)
	for i := range cs {
		c := &cs[i]
		// A newer version's file stays: whoever rolls forward again finds it.
		if c != serve && c != partial && c != old && c.version <= version {
			r.log.Info("removing a read model's unused file", "readmodel", name, "file", c.path)
			if err := remove(c.path); err != nil {
				return err
			}
		}
	}
	open := func(c *candidate) (*lane, error) {
		f, err := openFile(ctx, c.path, c.version, c.build, "", fp)
		if err != nil {
			return nil, err
		}
		return r.newLane(m, f), nil
	}
	switch {
	case serve != nil:
		m.live, err = open(serve)
	case partial != nil:
		m.live, err = open(partial)
	default:
		var f *file
		if f, err = openFile(ctx, filename(r.cfg.Dir, name, version, build+1), version, build+1, m.p.Schema(), fp); err == nil {
			m.live = r.newLane(m, f)
		}
	}
	if err != nil {
		return err
	}
	if old != nil {
		m.building = m.live
		if m.live, err = open(old); err != nil {
			return err
		}
		m.live.frozen = true
		r.log.Info("building a read model beside the one that serves", "readmodel", name, "version", version, "serving", old.version)
	}
	m.to.path.Store(&m.live.file.path)
	return nil
}

// Close stops following and closes the files. Read pools close too.
func (r *Runner) Close() error {
	r.cancel()
	r.rebuilding.Lock() // no lane starts after this
	defer r.rebuilding.Unlock()
	r.wg.Wait()
	var errs []error
	for _, m := range r.order {
		m.mu.Lock()
		for _, l := range []*lane{m.live, m.building} {
			if l != nil {
				errs = append(errs, l.file.close())
			}
		}
		m.live, m.building = nil, nil
		m.notify()
		m.mu.Unlock()
		errs = append(errs, m.db.Close())
	}
	return errors.Join(errs...)
}

// ErrClosed reports that the runner is closed.
var ErrClosed = errors.New("projections: the runner is closed")

func (r *Runner) model(name string) (*model, error) {
	m := r.models[name]
	if m == nil {
		return nil, fmt.Errorf("projections: there is no read model %q", name)
	}
	return m, nil
}

// notify wakes whoever waits. m.mu is held.
func (m *model) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Read is a pool of read-only connections to the file that serves. It survives
// a switch to another file; a transaction begun before goes on reading the old
// one. It panics when there is no such read model: names are constants.
func (r *Runner) Read(name string) *sql.DB {
	m, err := r.model(name)
	if err != nil {
		panic(err)
	}
	return m.db
}

// Wait blocks until the read model has folded everything up to the position,
// as a Receipt gives it; position zero is nothing to wait for. It answers with
// the read model's error when that stopped before.
func (r *Runner) Wait(ctx context.Context, name string, position events.Position) error {
	if position == 0 {
		return nil
	}
	return r.until(ctx, name, func(s Status) (bool, error) {
		switch {
		case s.Position >= position:
			return true, nil
		case !s.Stopped && !s.Outdated:
			return false, nil
		case s.Building == nil:
			return false, s.Err
		case s.Building.Stopped:
			return false, s.Building.Err
		}
		return false, nil
	})
}

// WaitCaughtUp blocks until every read model is level with the log and none is
// being built. A read model that stopped is an error, but the others are still
// waited for.
func (r *Runner) WaitCaughtUp(ctx context.Context) error {
	var errs []error
	for _, m := range r.order {
		errs = append(errs, r.until(ctx, m.p.Name(), func(s Status) (bool, error) {
			switch {
			case s.Building != nil && s.Building.Stopped:
				return false, s.Building.Err
			case s.Building == nil && s.Stopped:
				return false, s.Err
			}
			return s.CaughtUp && s.Building == nil, nil
		}))
	}
	return errors.Join(errs...)
}

// until blocks until a status is as wished, or wish answers with an error.
func (r *Runner) until(ctx context.Context, name string, wish func(Status) (bool, error)) error {
	m, err := r.model(name)
	if err != nil {
		return err
	}
	for {
		m.mu.Lock()
		s, open, changed := m.status(), m.live != nil, m.changed
		m.mu.Unlock()
		if !open {
			return ErrClosed
		}
		if done, err := wish(s); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.ctx.Done():
			return ErrClosed
		case <-changed:
		}
	}
}

// Status says how every read model stands, in the order of the configuration.
func (r *Runner) Status() []Status {
	ss := make([]Status, 0, len(r.order))
	for _, m := range r.order {
		m.mu.Lock()
		ss = append(ss, m.status())
		m.mu.Unlock()
	}
	return ss
}

// LogErr is why the log cannot be read at the moment; nil when it can.
func (r *Runner) LogErr() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logErr
}

// status needs m.mu.
func (m *model) status() Status {
	if m.live == nil {
		return Status{Name: m.p.Name(), Version: m.p.Version(), Err: ErrClosed, Stopped: true}
	}
	s := m.live.status()
	if m.building != nil {
		b := m.building.status()
		s.Building = &b
	}
	return s
}

// Rebuild builds fresh files of the named read models (all of them when none
// is named) beside the live ones, switches to them when they are level with the
// log, and removes the old. It blocks until that is done. When a read model
// cannot be built, or ctx ends, its old file goes on serving.
func (r *Runner) Rebuild(ctx context.Context, names ...string) error {
	r.rebuilding.Lock()
	defer r.rebuilding.Unlock()
	if r.ctx.Err() != nil {
		return ErrClosed
	}
	if len(names) == 0 {
		for _, m := range r.order {
			names = append(names, m.p.Name())
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var lanes []*lane
	for _, name := range names {
		m, err := r.model(name)
		if err != nil {
			return err
		}
		m.mu.Lock()
		busy := m.live == nil || m.building != nil
		m.mu.Unlock()
		if busy {
			continue // closed, or a new version is being built anyway
		}
		l, err := r.build(ctx, m)
		if err != nil {
			for _, l := range lanes {
				l.abandon()
			}
			return err
		}
		lanes = append(lanes, l)
	}
	if len(lanes) > 0 {
		r.start(lanes)
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, r.until(ctx, name, func(s Status) (bool, error) {
			if s.Building != nil && s.Building.Stopped {
				return false, s.Building.Err
			}
			return s.Building == nil, nil
		}))
	}
	for _, l := range lanes {
		l.m.mu.Lock()
		left := l.m.building == l
		l.m.mu.Unlock()
		if left {
			l.abandon()
			continue
		}
		select {
		case <-l.tidy:
		case <-l.done: // the runner was closed
		}
	}
	return errors.Join(errs...)
}

// build makes the next file of a read model.
func (r *Runner) build(ctx context.Context, m *model) (*lane, error) {
	cs, err := candidates(ctx, r.cfg.Dir, m.p.Name())
	if err != nil {
		return nil, err
	}
	version := m.p.Version()
	n := lastBuild(cs, version)
	f, err := openFile(ctx, filename(r.cfg.Dir, m.p.Name(), version, n+1), version, n+1, m.p.Schema(), fingerprint(m.p))
	if err != nil {
		return nil, err
	}
	l := r.newLane(m, f)
	m.mu.Lock()
	m.building = l
	m.notify()
	m.mu.Unlock()
	return l, nil
}
