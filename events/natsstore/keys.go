package natsstore

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"shenzhong/domain"
	"shenzhong/events"
)

// Keys is an events.Keyring in a JetStream key-value bucket of its own.
//
// A person's key is written once, at "no such key yet", so that of two nodes
// that race one wins. It is replaced only by a tombstone, an empty value, and
// then erased: the server rewrites the block without it, and the bytes of the
// old block file are overwritten too. The bucket's stream is made by hand: the
// client's own forbids erasing, and a history of one would drop the old key
// without erasing it.
//
// In a cluster the Raft log of the bucket holds the wrapped key until it is
// compacted, and only the server rewrites blocks.
type Keys struct {
	s      *Store
	name   string // of the bucket's stream
	prefix string // of its subjects
	master cipher.AEAD

	mu         sync.Mutex
	young, old map[domain.Subject]cipher.AEAD // nil value: forgotten
	epoch      uint64                         // grows when the caches are emptied
	watch      jetstream.ConsumeContext
}

// keysCached bounds the opened keys in memory, in two generations: about 1 KB
// each. A key that is not cached is read together with the keysAhead that were
// made after it, so that a rebuild, which meets people in the order they came,
// asks once for hundreds. Rejected: mirroring all keys in memory at the start,
// which costs 0.3 s and 20 MB per 100,000 persons.
const (
	keysCached = 20000
	keysAhead  = 500
)

var _ events.Keyring = (*Keys)(nil)

// ErrNoMasterKey reports use of the keyring without a master key.
var ErrNoMasterKey = errors.New("natsstore: no master key was given (Config.MasterKey, 32 bytes)")

// keyStream is the stream of a log's key bucket.
func keyStream(name string) string { return "KV_" + name + "-keys" }

func openKeys(ctx context.Context, s *Store) (*Keys, error) {
	bucket := s.cfg.Name + "-keys"
	k := &Keys{s: s, name: keyStream(s.cfg.Name), prefix: "$KV." + bucket + ".", young: map[domain.Subject]cipher.AEAD{}}
	if len(s.cfg.MasterKey) == 0 {
		return k, nil
	}
	var err error
	if k.master, err = events.NewAEAD(s.cfg.MasterKey); err != nil || len(s.cfg.MasterKey) != 32 {
		return nil, fmt.Errorf("natsstore: the master key has %d bytes, not 32", len(s.cfg.MasterKey))
	}
	stream, err := s.js.Stream(ctx, k.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		// A log that has events has keys. Making an empty bucket beside it
		// would make everybody look forgotten.
		if s.stream.CachedInfo().State.LastSeq > 0 {
			return nil, fmt.Errorf("%w: bucket %q; restore it from the key archive", ErrNoKeys, bucket)
		}
		if !s.cfg.Init {
			return nil, fmt.Errorf("%w: there is no key bucket %q, and Init was not asked for", ErrNoLog, bucket)
		}
		stream, err = s.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: k.name, Subjects: []string{k.prefix + ">"}, Description: "Shenzhong personal data keys", Storage: jetstream.FileStorage,
			Replicas: s.cfg.Replicas, MaxMsgsPerSubject: 2, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
			AllowDirect: true, DenyPurge: true, MaxMsgs: -1, MaxBytes: -1, MaxMsgSize: 1 << 10})
	}
	if err != nil {
		return nil, fmt.Errorf("natsstore: open the key bucket: %w", s.full(err))
	}
	if err := k.finish(ctx, stream); err != nil {
		return nil, err
	}
	return k, k.follow(ctx)
}

// finish erases keys that a stop between tombstone and erasing left behind.
func (k *Keys) finish(ctx context.Context, stream jetstream.Stream) error {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(k.prefix+">"))
	if err != nil {
		return fmt.Errorf("natsstore: open the key bucket: %w", err)
	}
	for subj, n := range info.State.Subjects {
		if n < 2 {
			continue
		}
		if err := k.erase(ctx, domain.Subject(strings.TrimPrefix(subj, k.prefix))); err != nil {
			return err
		}
	}
	return nil
}

// follow drops from the cache what any node forgets. When the watch may have
// missed something the cache is emptied.
func (k *Keys) follow(ctx context.Context) error {
	c, err := k.s.js.OrderedConsumer(ctx, k.name, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		return fmt.Errorf("natsstore: watch the key bucket: %w", err)
	}
	k.watch, err = c.Consume(func(m jetstream.Msg) {
		if len(m.Data()) == 0 {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.put(domain.Subject(strings.TrimPrefix(m.Subject(), k.prefix)), nil)
		}
	}, jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.young, k.old = map[domain.Subject]cipher.AEAD{}, nil
		k.epoch++
	}))
	if err != nil {
		return fmt.Errorf("natsstore: watch the key bucket: %w", err)
	}
	return nil
}

func (k *Keys) close() {
	if k.watch != nil {
		k.watch.Stop()
	}
}

// put caches a key. Forgotten stays forgotten. Lock held.
func (k *Keys) put(of domain.Subject, a cipher.AEAD) {
	if have, ok := k.cached(of); ok && have == nil {
		return
	}
	if len(k.young) >= keysCached/2 {
		k.old, k.young = k.young, map[domain.Subject]cipher.AEAD{}
	}
	k.young[of] = a
}

func (k *Keys) cached(of domain.Subject) (cipher.AEAD, bool) {
	if a, ok := k.young[of]; ok {
		return a, true
	}
	a, ok := k.old[of]
	if ok {
		k.young[of] = a
	}
	return a, ok
}

func (k *Keys) subject(of domain.Subject) (string, error) {
	if of == "" || len(of) > 100 || strings.ContainsFunc(string(of), func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}) {
		return "", fmt.Errorf("natsstore: %q is not a person's reference", string(of))
	}
	return k.prefix + string(of), nil
}

// Key implements events.Keyring.
func (k *Keys) Key(ctx context.Context, of domain.Subject, create bool) (cipher.AEAD, error) {
	if k.master == nil {
		return nil, ErrNoMasterKey
	}
	subj, err := k.subject(of)
	if err != nil {
		return nil, err
	}
	forgotten := fmt.Errorf("%w: %s", events.ErrForgotten, of)
	for range 3 {
		k.mu.Lock()
		a, ok := k.cached(of)
		k.mu.Unlock()
		if !ok {
			if a, ok, err = k.read(ctx, of, subj); err != nil {
				return nil, err
			}
		}
		switch {
		case ok && a == nil, !ok && !create:
			return nil, forgotten
		case ok:
			return a, nil
		}
		a, err := k.create(ctx, of, subj)
		if _, lost := errors.AsType[*conflict](err); !lost {
			return a, err
		} // someone else made it first: read theirs
	}
	return nil, fmt.Errorf("natsstore: the key of %s does not settle", of)
}

func (k *Keys) create(ctx context.Context, of domain.Subject, subj string) (cipher.AEAD, error) {
	key := make([]byte, 32)
	rand.Read(key)
	a, err := events.NewAEAD(key)
	if err != nil {
		return nil, err
	}
	if _, err := k.publish(ctx, subj, 0, events.Wrap(k.master, of, key)); err != nil {
		return nil, fmt.Errorf("natsstore: make a key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(of, a)
	return a, nil
}

func (k *Keys) publish(ctx context.Context, subj string, expected uint64, value []byte) (uint64, error) {
	m := &nats.Msg{Subject: subj, Data: value, Header: nats.Header{expectHeader: {strconv.FormatUint(expected, 10)}}}
	ctx, cancel := context.WithTimeout(ctx, k.s.cfg.Timeout)
	defer cancel()
	seq, err := k.s.commit.request(ctx, m, 0)
	return seq, k.s.full(err)
}

// read fetches a key and caches it with those made after it.
func (k *Keys) read(ctx context.Context, of domain.Subject, subj string) (cipher.AEAD, bool, error) {
	k.mu.Lock()
	epoch := k.epoch
	k.mu.Unlock()
	m, err := k.last(ctx, subj)
	if err != nil || m == nil {
		return nil, false, err
	}
	a, err := k.open(of, m.Data)
	if err != nil {
		return nil, false, err
	}
	found := map[domain.Subject]cipher.AEAD{of: a}
	ms, err := jetstreamext.GetBatch(ctx, k.s.js, k.name, keysAhead, jetstreamext.GetBatchSeq(m.Sequence+1))
	if err == nil {
		for m, err := range ms {
			if err != nil {
				break // only read ahead: what is missing is read when it is asked for
			}
			of := domain.Subject(strings.TrimPrefix(m.Subject, k.prefix))
			if a, err := k.open(of, m.Data); err == nil {
				found[of] = a
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch == k.epoch {
		for of, a := range found {
			k.put(of, a)
		}
		if a, ok := k.cached(of); ok {
			return a, true, nil // perhaps forgotten meanwhile
		}
	}
	return a, true, nil
}

// open unwraps a stored value; the empty one is the tombstone.
func (k *Keys) open(of domain.Subject, value []byte) (cipher.AEAD, error) {
	if len(value) == 0 {
		return nil, nil
	}
	key, err := events.Unwrap(k.master, of, value)
	if err != nil {
		return nil, err
	}
	return events.NewAEAD(key)
}

// last is the newest message of a subject, nil when there is none. The leader
// is asked: a replica might not know yet that somebody was forgotten.
func (k *Keys) last(ctx context.Context, subj string) (*jetstream.RawStreamMsg, error) {
	m, err := k.s.stored(ctx, k.name, map[string]any{"last_by_subj": subj})
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == jetstream.JSErrCodeMessageNotFound {
		return nil, nil
	}
	return m, err
}

// Forget implements events.Keyring. First the tombstone, so that nobody makes
// a new key, then the erasing.
func (k *Keys) Forget(ctx context.Context, of domain.Subject) error {
	if k.master == nil {
		return ErrNoMasterKey
	}
	subj, err := k.subject(of)
	if err != nil {
		return err
	}
	for range 16 {
		m, err := k.last(ctx, subj)
		if err != nil {
			return err
		}
		var at uint64
		if m != nil {
			at = m.Sequence
		}
		if m == nil || len(m.Data) > 0 {
			_, err := k.publish(ctx, subj, at, nil)
			if _, raced := errors.AsType[*conflict](err); raced {
				continue
			}
			if err != nil {
				return fmt.Errorf("natsstore: forget: %w", err)
			}
		}
		k.mu.Lock()
		k.put(of, nil)
		k.mu.Unlock()
		return k.erase(ctx, of)
	}
	return fmt.Errorf("natsstore: forget: the key of %s does not settle", of)
}

// erase overwrites the key under a tombstone, if it is still there.
func (k *Keys) erase(ctx context.Context, of domain.Subject) error {
	subj, err := k.subject(of)
	if err != nil {
		return err
	}
	m, err := k.s.stored(ctx, k.name, map[string]any{"seq": 1, "next_by_subj": subj})
	if err != nil {
		return fmt.Errorf("natsstore: forget: %w", err)
	}
	if len(m.Data) == 0 {
		return nil // the tombstone itself: the key is gone
	}
	files, err := k.blocksWith(m.Data)
	if err != nil {
		return fmt.Errorf("natsstore: forget: %w", err)
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	stream, err := k.s.js.Stream(ctx, k.name)
	if err != nil {
		return fmt.Errorf("natsstore: forget: %w", err)
	}
	if err := stream.SecureDeleteMsg(ctx, m.Sequence); err != nil {
		return fmt.Errorf("natsstore: forget: %w", err)
	}
	for _, f := range files {
		if err := overwrite(f, m.Data); err != nil {
			return fmt.Errorf("natsstore: forget: %w", err)
		}
	}
	return nil
}

// blocksWith opens the embedded server's block files that hold the value. The
// server erases by writing a new file and removing the old one, whose bytes
// would stay on the disk until something else needs the room.
func (k *Keys) blocksWith(value []byte) (files []*os.File, err error) {
	if k.s.srv == nil {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(k.s.srv.JetStreamConfig().StoreDir, "*", "streams", k.name, "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return files, err
		}
		if !bytes.Contains(b, value) {
			continue
		}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	return files, nil
}

// overwrite destroys the value in a file that no longer has a name. A file
// that still has one is the server's: it has overwritten the value in place.
func overwrite(f *os.File, value []byte) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !nameless(st) {
		return nil
	}
	b := make([]byte, st.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		return err
	}
	noise := make([]byte, len(value))
	for at, i := 0, bytes.Index(b, value); i >= 0; i = bytes.Index(b[at:], value) {
		rand.Read(noise)
		if _, err := f.WriteAt(noise, int64(at+i)); err != nil {
			return err
		}
		at += i + len(value)
	}
	return f.Sync()
}
