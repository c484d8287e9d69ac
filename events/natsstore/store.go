// Package natsstore keeps events in one JetStream stream, one subject per event
// stream, and reads them from a local index.
//
// The log is the truth. Every append is one message on it, synced to disk
// before it is acknowledged: by the server inside this process, or by an
// external server that was seen to do so. A SQLite file beside it follows the
// log and serves Load and Follow, because the log itself answers for a cold
// stream in 0.5 ms half of the time and in 200 ms a tenth of it (measured at
// 3 M events), the index in 0.2 ms at the 99th percentile. The index may be
// deleted at any time; Verify compares it with the log.
package natsstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"shenzhong/events"
)

// Config says where the log is. Only Dir must be set.
type Config struct {
	// Dir holds what belongs to this node: the index, and with the embedded
	// server the log itself. One process at a time.
	Dir string
	// URL of a NATS server or cluster ("nats://a:4222,nats://b:4222"). Empty:
	// a server inside this process that listens on no port.
	URL string
	// Options for the connection to an external server (credentials, TLS).
	Options []nats.Option
	// CheckURL is where the external server's settings can be read: a nats://
	// URL of its system account, or the http:// address of its monitoring port.
	CheckURL string
	// TrustSync says that the external server syncs before it acknowledges
	// although that cannot be seen. A server that can be seen not to is refused
	// all the same.
	TrustSync bool
	// Name of the JetStream stream and, with a dot, the prefix of its subjects:
	// "sz" unless set. One log per city.
	Name string
	// Replicas of log and keys in a cluster: 1 unless set.
	Replicas int
	// Init creates the log if there is none. Without it a missing log is
	// ErrNoLog, so that a wrong path never silently becomes an empty city.
	Init bool
	// MasterKey (32 bytes) wraps the persons' keys. It is never stored here.
	// Without it Keys answers with an error.
	MasterKey []byte
	// Timeout for one answer of the server: 10 s unless set.
	Timeout time.Duration
	// Logger: slog.Default() unless set.
	Logger *slog.Logger
}

// ErrNoLog reports that there is no log where one was expected.
var ErrNoLog = errors.New("natsstore: there is no log here")

// ErrNoKeys reports a log whose persons' keys are gone. Making a new, empty
// bucket would make everybody in the log look forgotten.
var ErrNoKeys = errors.New("natsstore: the key bucket is missing")

// ErrDamaged reports a log whose files are not what was written.
var ErrDamaged = errors.New("natsstore: the log is damaged")

// ErrClosed reports use of a closed store.
var ErrClosed = errors.New("natsstore: the store is closed")

// LossError reports that the log has lost what the index knows it had.
type LossError struct {
	Index, Log events.Position // where each ends
}

func (e *LossError) Error() string {
	return fmt.Sprintf("natsstore: the log has lost events: it ends at message %d, the index has seen message %d. Do not go on: restore the log from a backup or another node. "+
		"If an older state was restored on purpose, move the index file away and start again", sequence(e.Log), sequence(e.Index))
}

// A Store is an events.Store on JetStream.
type Store struct {
	cfg    Config
	prefix string
	lock   *os.File
	srv    *server.Server // embedded, or nil
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	commit *committer
	keys   *Keys
	// keyFault is what was wrong with the files of the key bucket before the
	// server started, which mends them by cutting off.
	keyFault string

	mark   string
	index  *index
	acked  atomic.Uint64 // highest sequence acknowledged to this store
	known  atomic.Uint64 // highest sequence known to be in the log
	opened uint64        // where the log ended when it was opened: loads see that much

	mu      sync.Mutex
	pending map[events.Stream]uint64 // acknowledged, not yet in the index
	damage  error                    // first message the log did not give

	lost    atomic.Pointer[LossError] // once known: nothing more is appended
	closed  chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
	err     error // of Close
}

var _ events.Store = (*Store)(nil)

// Open opens the log and its index, starting an embedded server if the Config
// names no other. It returns before the index has caught up: loads wait for it,
// Ready says how far it is.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("natsstore: Config.Dir is not set")
	}
	if cfg.Name == "" {
		cfg.Name = "sz"
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	s := &Store{cfg: cfg, prefix: cfg.Name + ".", pending: map[events.Stream]uint64{}, closed: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	data := filepath.Join(s.cfg.Dir, "nats")
	if !s.cfg.Init && s.cfg.URL == "" {
		if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: %s does not exist, and Init was not asked for", ErrNoLog, data)
		}
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	var err error
	if s.lock, err = lockDir(s.cfg.Dir); err != nil {
		return err
	}
	if s.cfg.URL == "" {
		if err := checkBeforeStart(filepath.Join(data, server.JetStreamStoreDir), s.cfg.Name); err != nil {
			return err
		}
		if s.keyFault, err = checkKeyFiles(filepath.Join(data, server.JetStreamStoreDir), keyStream(s.cfg.Name)); err != nil {
			return fmt.Errorf("natsstore: the key bucket: %w", err)
		}
		if s.keyFault != "" {
			s.cfg.Logger.Error("the files of the key bucket are damaged: restore them from the key archive", "what", s.keyFault)
		}
		if s.srv, err = embed(s.cfg.Dir, s.cfg.Logger); err != nil {
			return s.full(err)
		}
		if s.nc, err = nats.Connect("", nats.InProcessServer(s.srv), nats.Name("shenzhong"), nats.NoReconnect()); err != nil {
			return fmt.Errorf("natsstore: %w", err)
		}
	} else {
		if s.nc, err = connect(s.cfg); err != nil {
			return err
		}
		if err := checkSync(ctx, s.nc, s.cfg); err != nil {
			return err
		}
	}
	if s.js, err = jetstream.New(s.nc, jetstream.WithDefaultTimeout(s.cfg.Timeout)); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	if err := s.openStream(ctx); err != nil {
		return err
	}
	if s.keys, err = openKeys(ctx, s); err != nil {
		return err
	}
	return s.openIndex(ctx)
}

func (s *Store) openStream(ctx context.Context) error {
	want := jetstream.StreamConfig{
		Name: s.cfg.Name, Subjects: []string{s.prefix + ">"}, Description: "Shenzhong event log",
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: s.cfg.Replicas,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		AllowDirect: true, AllowAtomicPublish: true, DenyDelete: true, DenyPurge: true,
		Duplicates: 100 * time.Millisecond, // not used: the expected sequence makes an append safe to repeat
	}
	stream, err := s.js.Stream(ctx, s.cfg.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if !s.cfg.Init {
			return fmt.Errorf("%w: JetStream has no stream %q, and Init was not asked for", ErrNoLog, s.cfg.Name)
		}
		if stream, err = s.js.CreateStream(ctx, want); err != nil {
			return fmt.Errorf("natsstore: create the log: %w", s.full(err))
		}
	case err != nil:
		return fmt.Errorf("natsstore: open the log: %w", err)
	default:
		if err := checkStream(stream.CachedInfo().Config); err != nil {
			return err
		}
	}
	s.stream = stream
	s.commit = newCommitter(s.nc, s.cfg.Timeout, !stream.CachedInfo().Config.AllowAtomicPublish)
	return nil
}

// checkStream refuses a stream that may lose what it promised to keep.
func checkStream(c jetstream.StreamConfig) error {
	for what, bad := range map[string]bool{
		"is not on file storage":                         c.Storage != jetstream.FileStorage,
		"does not keep messages for ever":                c.Retention != jetstream.LimitsPolicy || c.MaxAge != 0 || c.MaxMsgs > 0 || c.MaxBytes > 0 || c.MaxMsgsPerSubject > 0,
		"allows messages to be deleted":                  !c.DenyDelete || !c.DenyPurge || c.AllowRollup || c.AllowMsgTTL,
		"writes after it acknowledges (persist_mode)":    c.PersistMode == jetstream.AsyncPersistMode,
		"takes its messages from elsewhere":              c.Mirror != nil || len(c.Sources) > 0,
		"does not take exactly the subjects of this log": len(c.Subjects) != 1 || c.Subjects[0] != c.Name+".>",
	} {
		if bad {
			return fmt.Errorf("natsstore: stream %q %s: it is not a log", c.Name, what)
		}
	}
	return nil
}

// Close ends the store and, with it, the embedded server.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closed)
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
		if s.keys != nil {
			s.keys.close()
		}
		var errs []error
		if s.index != nil {
			if err := s.index.close(); err != nil {
				errs = append(errs, err)
			} else {
				errs = append(errs, clearMark(s.mark, s.index.path))
			}
		}
		if s.nc != nil {
			s.nc.Close()
		}
		if s.srv != nil {
			s.srv.Shutdown()
			s.srv.WaitForShutdown()
		}
		if s.lock != nil {
			errs = append(errs, s.lock.Close())
		}
		s.err = errors.Join(errs...)
	})
	return s.err
}

// Append implements events.Store.
func (s *Store) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	if err := events.CheckAppend(st, es); err != nil {
		return 0, 0, err
	}
	fail := func(err error) (events.Revision, events.Position, error) {
		return 0, 0, fmt.Errorf("natsstore: append to %s: %w", st, s.full(err))
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	select {
	case <-s.closed:
		return fail(ErrClosed)
	default:
	}
	want, ok := expectedSequence(expected)
	if !ok {
		return s.conflict(ctx, st, expected, 0)
	}
	m, err := message(s.prefix, st, want, es)
	if err != nil {
		return 0, 0, err
	}
	if size := int64(m.Size()); size > s.nc.MaxPayload() {
		return fail(fmt.Errorf("%w: a message of %d bytes, the server takes %d (max_payload)", events.ErrTooLarge, size, s.nc.MaxPayload()))
	}
	for wait := time.Millisecond; ; wait *= 2 {
		if l := s.lost.Load(); l != nil {
			return fail(l)
		}
		before, _ := s.index.at()
		seq, err := s.commit.append(&waiting{ctx: ctx, stream: st, expected: want, msg: m})
		if err == nil && seq <= before {
			// A server that meets damage while it runs may cut the log there
			// and go on from that place. We do not.
			l := &LossError{Index: position(before, 0), Log: position(seq-1, 0)}
			s.lost.Store(l)
			s.noteDamage(l)
			return fail(fmt.Errorf("%w: %w", events.ErrUnknown, l))
		}
		if err == nil {
			s.acknowledged(st, seq)
			p := position(seq, len(es)-1)
			return revision(p, true), p, nil
		}
		k, ok := errors.AsType[*conflict](err)
		if !ok {
			if errors.Is(err, errCertain) {
				return fail(err)
			}
			return fail(fmt.Errorf("%w: %w", events.ErrUnknown, err))
		}
		if k.last == 0 {
			if k.last, err = s.lastOf(ctx, st); err != nil {
				return 0, 0, &events.ConflictError{Stream: st, Expected: expected}
			}
		}
		// A cluster refuses an append while another to the same stream is on
		// its way (10164) although the stream still is where we expect it.
		if k.last != want || wait > 100*time.Millisecond {
			return s.conflict(ctx, st, expected, k.last)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fail(ctx.Err())
		}
	}
}

// acknowledged makes Load wait for what was just promised.
func (s *Store) acknowledged(st events.Stream, seq uint64) {
	raise(&s.acked, seq)
	s.expect(st, seq)
}

func (s *Store) expect(st events.Stream, seq uint64) {
	raise(&s.known, seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	if applied, _ := s.index.at(); applied < seq && s.pending[st] < seq {
		s.pending[st] = seq
	}
}

func raise(a *atomic.Uint64, to uint64) {
	for old := a.Load(); old < to && !a.CompareAndSwap(old, to); old = a.Load() {
	}
}

// conflict answers with what the index knows once it knows the newer state.
func (s *Store) conflict(ctx context.Context, st events.Stream, expected events.Revision, last uint64) (events.Revision, events.Position, error) {
	if last > 0 {
		s.expect(st, last)
	}
	c := &events.ConflictError{Stream: st, Expected: expected}
	if s.index.wait(ctx, last, s.closed) == nil {
		c.Actual, _ = s.index.end(ctx, st)
	}
	return 0, 0, c
}

// Position is the newest position that Load and Follow can see.
func (s *Store) Position(ctx context.Context) (events.Position, error) { return s.index.head(ctx) }

// Readiness says how far the index is behind the log.
type Readiness struct {
	Log     uint64 // last message of the log
	Indexed uint64 // last message in the index
	// Damage is the first message that the log did not give, if any.
	Damage error
}

// Ready reports whether this node has caught up. The error says that the log
// cannot be asked.
func (s *Store) Ready(ctx context.Context) (Readiness, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return Readiness{}, fmt.Errorf("natsstore: the log does not answer: %w", err)
	}
	applied, _ := s.index.at()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Readiness{Log: info.State.LastSeq, Indexed: applied, Damage: s.damage}, nil
}

// Keys is the keyring beside the log.
func (s *Store) Keys() *Keys { return s.keys }
