package natsstore_test

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/events/natsstore"
)

func person() domain.Subject { return domain.Subject(uuid.NewString()) }

func key(t *testing.T, k events.Keyring, of domain.Subject, create bool) cipher.AEAD {
	t.Helper()
	a, err := k.Key(t.Context(), of, create)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// same reports whether what a sealed b opens.
func same(a, b cipher.AEAD) bool {
	clear, err := b.Open(nil, nil, a.Seal(nil, nil, []byte("沈"), nil), nil)
	return err == nil && string(clear) == "沈"
}

func TestKeysOutliveTheProcess(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	people := make([]domain.Subject, 50)
	keys := make([]cipher.AEAD, len(people))
	for i := range people {
		people[i] = person()
		keys[i] = key(t, s.Keys(), people[i], true)
	}
	if _, err := s.Keys().Key(t.Context(), person(), false); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("a key nobody made: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	for i, p := range people {
		if !same(keys[i], key(t, s.Keys(), p, i%2 == 0)) {
			t.Errorf("key %d is another one", i)
		}
		if same(keys[i], key(t, s.Keys(), people[(i+1)%len(people)], false)) {
			t.Errorf("keys %d and %d are the same", i, i+1)
		}
	}
}

func TestAWrongMasterKeyOpensNothing(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	p := person()
	key(t, s.Keys(), p, true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.MasterKey = bytes.Repeat([]byte("x"), 32)
	s = open(t, cfg)
	if _, err := s.Keys().Key(t.Context(), p, true); err == nil || errors.Is(err, events.ErrForgotten) {
		t.Errorf("with another master key: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.MasterKey = nil
	s = open(t, cfg)
	if _, err := s.Keys().Key(t.Context(), p, true); !errors.Is(err, natsstore.ErrNoMasterKey) {
		t.Errorf("without a master key: %v", err)
	}
	cfg.Dir, cfg.MasterKey = t.TempDir(), []byte("short")
	if _, err := natsstore.Open(t.Context(), cfg); err == nil {
		t.Error("a master key of five bytes was taken")
	}
}

// onDisk counts how often the bytes stand in the bucket's block files.
func onDisk(t *testing.T, dir string, value []byte) (n int) {
	t.Helper()
	for _, p := range blocks(t, dir, "KV_sz-keys") {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(b, value)
	}
	return n
}

// wrapped is the value as stored.
func wrapped(t *testing.T, s *natsstore.Store, of domain.Subject) []byte {
	t.Helper()
	stream, err := s.JetStream().Stream(t.Context(), "KV_sz-keys")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "$KV.sz-keys."+string(of))
	if err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestForgettingErasesTheKeyFromTheDisk(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	before, p, after := person(), person(), person()
	keep := key(t, s.Keys(), before, true)
	gone := key(t, s.Keys(), p, true)
	key(t, s.Keys(), after, true)
	value := wrapped(t, s, p)
	block := blocks(t, cfg.Dir, "KV_sz-keys")[0]
	old, err := os.Open(block) // holds on to the file even if the server replaces it
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if n := onDisk(t, cfg.Dir, value); n != 1 {
		t.Fatalf("the wrapped key stands on the disk %d times before", n)
	}

	if err := s.Keys().Forget(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	gonefor := func(s *natsstore.Store) {
		t.Helper()
		for _, create := range []bool{false, true} {
			if a, err := s.Keys().Key(t.Context(), p, create); !errors.Is(err, events.ErrForgotten) {
				t.Errorf("create %v: %v, %v", create, a, err)
			}
		}
		if n := onDisk(t, cfg.Dir, value); n != 0 {
			t.Errorf("the wrapped key stands on the disk %d times", n)
		}
		if again := key(t, s.Keys(), before, false); !same(keep, again) || same(gone, again) {
			t.Error("another person's key changed")
		}
		key(t, s.Keys(), after, false)
	}
	gonefor(s)
	st, err := old.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size())
	if _, err := old.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, value) {
		t.Error("the replaced block file still holds the wrapped key")
	}
	if err := s.Keys().Forget(t.Context(), p); err != nil {
		t.Errorf("forget again: %v", err)
	}
	never := person()
	if err := s.Keys().Forget(t.Context(), never); err != nil {
		t.Errorf("forget someone without a key: %v", err)
	}
	if _, err := s.Keys().Key(t.Context(), never, true); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("someone forgotten before they had a key: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	gonefor(open(t, cfg))
}

// TestAnErasingThatWasCutShortIsFinished: the tombstone was written, then the
// process died.
func TestAnErasingThatWasCutShortIsFinished(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	p := person()
	key(t, s.Keys(), p, true)
	value := wrapped(t, s, p)
	if _, err := s.JetStream().Publish(t.Context(), "$KV.sz-keys."+string(p), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, cfg.Dir, value); n != 1 {
		t.Fatalf("the wrapped key stands on the disk %d times before", n)
	}
	s = open(t, cfg)
	if n := onDisk(t, cfg.Dir, value); n != 0 {
		t.Errorf("the wrapped key stands on the disk %d times", n)
	}
	if _, err := s.Keys().Key(t.Context(), p, true); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("key: %v", err)
	}
}

func TestOfTwoNodesThatMakeAKeyOneWins(t *testing.T) {
	srv := external(t, "always")
	var nodes []*natsstore.Store
	for range 2 {
		nodes = append(nodes, open(t, externalConfig(t, srv)))
	}
	var people []domain.Subject
	for range 20 {
		p := person()
		people = append(people, p)
		got := make([]cipher.AEAD, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = nodes[i%2].Keys().Key(t.Context(), p, true); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, a := range got {
			if a == nil || !same(got[0], a) {
				t.Fatalf("caller %d has another key", i)
			}
		}
	}
	// What one node forgets the other forgets, whatever it has cached.
	if err := nodes[0].Keys().Forget(t.Context(), people[0]); err != nil {
		t.Fatal(err)
	}
	for t.Context().Err() == nil {
		if _, err := nodes[1].Keys().Key(t.Context(), people[0], true); errors.Is(err, events.ErrForgotten) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	key(t, nodes[1].Keys(), people[1], false)
}

// TestManyKeysAreReadInFewQuestions counts what a rebuild asks the server.
func TestManyKeysAreReadInFewQuestions(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	people := make([]domain.Subject, 1200)
	for i := range people {
		people[i] = person()
		key(t, s.Keys(), people[i], true)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	before := s.Conn().Stats().OutMsgs
	for _, p := range people {
		key(t, s.Keys(), p, false)
	}
	if asked := s.Conn().Stats().OutMsgs - before; asked > 40 {
		t.Errorf("%d keys took %d messages to the server", len(people), asked)
	}
}

func TestALogWithoutItsKeysIsRefused(t *testing.T) {
	cfg := config(t.TempDir())
	filled(t, cfg, 8)
	s := open(t, cfg)
	if err := s.JetStream().DeleteStream(t.Context(), "KV_sz-keys"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := natsstore.Open(t.Context(), cfg); !errors.Is(err, natsstore.ErrNoKeys) || errors.Is(err, natsstore.ErrNoLog) {
		t.Errorf("open: %v, %v", s, err)
	}
}

// TestADamagedKeyIsFound flips bytes of the key bucket's file and takes the
// file away; somebody who was forgotten is no damage.
func TestADamagedKeyIsFound(t *testing.T) {
	cfg := config(t.TempDir())
	filled(t, cfg, 8)
	s := open(t, cfg)
	for i := range 20 {
		if _, err := s.Keys().Key(t.Context(), domain.Subject(fmt.Sprintf("person-%d", i)), true); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []domain.Subject{"person-3", "person-19", "never-known"} {
		if err := s.Keys().Forget(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := s.Verify(t.Context(), nil)
	if err != nil || rep.Keys != 18 {
		t.Fatalf("before the damage: %+v, %v", rep, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	block := blocks(t, cfg.Dir, "KV_sz-keys")[0]
	whole, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(cfg.Dir, block)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{100, len(whole) / 2, len(whole) - 1} {
		bad := cfg
		bad.Dir = copyDir(t, cfg.Dir)
		b := bytes.Clone(whole)
		b[at] ^= 1
		if err := os.WriteFile(filepath.Join(bad.Dir, rel), b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := sound(t, bad)
		if k, ok := errors.AsType[*natsstore.KeysError](err); !ok || !strings.Contains(k.First, "1.blk") {
			t.Errorf("byte %d of %d: %v", at, len(whole), err)
		}
	}
	other := cfg
	other.Dir, other.MasterKey = copyDir(t, cfg.Dir), bytes.Repeat([]byte{9}, 32)
	if k, ok := errors.AsType[*natsstore.KeysError](sound(t, other)); !ok || k.Faults != 18 || !strings.Contains(k.First, "person-") {
		t.Errorf("under another master key: %v", k)
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	for code, want := range map[jetstream.ErrorCode]bool{10023: true, 10047: true, jetstream.JSErrCodeStreamNotFound: false} {
		err := natsstore.Full(config(t.TempDir()), &jetstream.APIError{ErrorCode: code})
		if errors.Is(err, natsstore.ErrDiskFull) != want || want && !strings.Contains(err.Error(), "磁盘已满") {
			t.Errorf("%d: %v", code, err)
		}
	}
	if err := natsstore.Full(config(t.TempDir()), fmt.Errorf("write: %w", syscall.ENOSPC)); !errors.Is(err, natsstore.ErrDiskFull) {
		t.Error(err)
	}
}

func TestAPersonsReferenceIsPlain(t *testing.T) {
	s := open(t, config(t.TempDir()))
	for _, p := range []domain.Subject{"", "a.b", "*", ">", "a b", "沈", domain.Subject(fmt.Sprintf("%0101d", 1))} {
		if _, err := s.Keys().Key(t.Context(), p, true); err == nil || errors.Is(err, events.ErrForgotten) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// The log refuses what would make it forget.
func TestTheLogCannotBeDeletedFrom(t *testing.T) {
	s := open(t, config(t.TempDir()))
	if _, _, err := s.Append(t.Context(), "plot-1", events.NoStream, news(1)...); err != nil {
		t.Fatal(err)
	}
	stream, err := s.JetStream().Stream(t.Context(), "sz")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message was deleted")
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("sz.plot.1")); err == nil {
		t.Error("a stream was purged")
	}
}
