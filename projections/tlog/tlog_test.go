package tlog_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/google/uuid"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
	"shenzhong/projections"
	"shenzhong/projections/tlog"
)

// A history is a store that holds what it is given, with its times, so that two
// stores can hold the same.
type history struct {
	events.Store
	log []events.Recorded
}

func (h history) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for {
			i := sort.Search(len(h.log), func(i int) bool { return h.log[i].Position > after })
			b := events.Batch{Events: h.log[i:min(i+max, len(h.log))]}
			if n := len(b.Events); n > 0 {
				after = b.Events[n-1].Position
			}
			b.CaughtUp = after == h.log[len(h.log)-1].Position
			if !yield(b, nil) {
				return
			}
			if b.CaughtUp {
				<-ctx.Done()
				return
			}
		}
	}
}

var start = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// example is the i-th event of an invented log. Its type is one that no context
// defines: the tree must hold it all the same.
func example(i int) events.Recorded {
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "event %d", i))
	e := events.Recorded{New: events.New{ID: id, Type: "test.noted.v1", Data: fmt.Appendf(nil, `{"n":%d}`, i), Meta: events.Meta{Actor: "desk-1", Command: id}},
		Stream: events.Stream(fmt.Sprintf("note-%d", i%7)), Revision: events.Revision(i + 1), Position: events.Position(i*3 + 5), At: start.Add(time.Duration(i) * time.Millisecond)}
	if i%2 == 0 {
		e.Occurred = e.At.Add(-time.Hour)
	}
	if i%5 == 0 {
		e.Meta.LateReason, e.Meta.Estimated = "补录\n50%", true
	}
	return e
}

func examples(n int) []events.Recorded {
	es := make([]events.Recorded, n)
	for i := range es {
		es[i] = example(i)
	}
	return es
}

// open feeds a store to the read model, in batches of so many events.
func open(t testing.TB, dir string, store events.Store, batch int) (*projections.Runner, tlog.Reader) {
	t.Helper()
	r, err := projections.Open(t.Context(), projections.Config{Dir: dir, Store: store, Registry: projections.Registry(events.NewMemoryKeys()), Batch: batch,
		Projections: []projections.Projection{tlog.Projection{}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.WaitCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, tlog.Reader{DB: r.Read(tlog.Name)}
}

// naive is the definition of RFC 6962, section 2.1.
func naive(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := naive(leaves[:k]), naive(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func leafHashes(es []events.Recorded) [][32]byte {
	var hs [][32]byte
	for i := range es {
		hs = append(hs, sha256.Sum256(append([]byte{0}, tlog.Entry(&es[i])...)))
	}
	return hs
}

// The bytes of an entry are a promise to everybody who holds a proof.
func TestEntry(t *testing.T) {
	id := func(n byte) uuid.UUID { return uuid.UUID{15: n, 0: 0xab} }
	full := events.Recorded{New: events.New{ID: id(1), Type: "case.opened.v1", Data: []byte(`{"of":{"subject":"p","sealed":"AA=="}}`), Occurred: time.Date(2026, 11, 23, 10, 0, 0, 500, time.FixedZone("", 8*3600)),
		Meta: events.Meta{Actor: "desk-1", Command: id(2), Correlation: id(3), Causation: id(4), LateReason: "停电\n到 50%", Estimated: true}},
		Stream: "case-1", Revision: 7, Position: 9, At: time.Date(2026, 11, 23, 2, 0, 1, 0, time.UTC)}
	const want = `shenzhong event v1
id ab000000-0000-0000-0000-000000000001
type case.opened.v1
stream case-1
recorded 2026-11-23T02:00:01Z
occurred 2026-11-23T02:00:00.0000005Z
estimated
late 停电%0A到 50%25
actor desk-1
command ab000000-0000-0000-0000-000000000002
correlation ab000000-0000-0000-0000-000000000003
causation ab000000-0000-0000-0000-000000000004

{"of":{"subject":"p","sealed":"AA=="}}`
	if got := string(tlog.Entry(&full)); got != want {
		t.Errorf("entry:\n%s\nwant:\n%s", got, want)
	}
	if got, want := tlog.LeafHash(&full), sha256.Sum256([]byte("\x00"+want)); got != want {
		t.Errorf("leaf hash %v, want %x", got, want)
	}
	bare := events.Recorded{New: events.New{ID: id(1), Type: "a.b.v1", Data: []byte(`{}`)}, Stream: "case-1", At: full.At}
	if got, want := string(tlog.Entry(&bare)), "shenzhong event v1\nid ab000000-0000-0000-0000-000000000001\ntype a.b.v1\nstream case-1\nrecorded 2026-11-23T02:00:01Z\n\n{}"; got != want {
		t.Errorf("entry:\n%s\nwant:\n%s", got, want)
	}
	// A store's own tokens are not part of it.
	moved := full
	moved.Revision, moved.Position = 1, 2
	if tlog.LeafHash(&moved) != tlog.LeafHash(&full) {
		t.Error("revision or position changes the leaf")
	}
}

// A different cut into batches and another store give the same tree, which is
// that of the RFC at every size, and of which every leaf can be found.
func TestSameLogSameTree(t *testing.T) {
	es := examples(70_000) // more than a segment of ids
	hs := leafHashes(es)
	elsewhere := examples(len(es))
	for i := range elsewhere { // another store has tokens of its own
		elsewhere[i].Position, elsewhere[i].Revision = events.Position(i+1), 1
	}
	_, a := open(t, t.TempDir(), history{log: es}, 0)
	_, b := open(t, t.TempDir(), history{log: elsewhere}, 777)
	for _, size := range []int64{0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 70_000} {
		want := merkle.Hash(naive(hs[:size]))
		for name, r := range map[string]tlog.Reader{"one": a, "other": b} {
			if got, err := r.Root(t.Context(), size); err != nil || got != want {
				t.Errorf("root of %d leaves by the %s: %v, %v, want %v", size, name, got, err, want)
			}
		}
	}
	if _, err := a.Root(t.Context(), 70_001); !errors.Is(err, tlog.ErrSize) {
		t.Errorf("root of a size that is not there: %v", err)
	}
	for _, i := range []int{0, 1, 255, 256, 40_000, 65_535, 65_536, 69_999} {
		want := tlog.Leaf{Index: int64(i), Hash: hs[i], Event: es[i].ID, Position: es[i].Position}
		byID, err1 := a.Leaf(t.Context(), es[i].ID)
		byPosition, err2 := a.LeafOf(t.Context(), es[i].Position)
		if byID != want || byPosition != want {
			t.Errorf("leaf %d: by id %v, %v; by position %v, %v", i, byID, err1, byPosition, err2)
		}
	}
	_, err1 := a.Leaf(t.Context(), uuid.UUID{1})
	_, err2 := a.LeafOf(t.Context(), 6)
	_, err3 := a.LeafOf(t.Context(), 1)
	_, err4 := a.LeafOf(t.Context(), 1<<40)
	for _, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, tlog.ErrNoLeaf) {
			t.Errorf("a leaf that is not there: %v", err)
		}
	}
}

// verify counts the tree again from the raw log, and names the tile.
func TestVerifyNamesTheTile(t *testing.T) {
	dir, log := t.TempDir(), history{log: examples(600)}
	r, _ := open(t, dir, log, 0)
	check := func() projections.ModelReport {
		t.Helper()
		report, err := projections.Verify(t.Context(), projections.VerifyConfig{Dir: dir, Store: log, Registry: projections.Registry(events.NewMemoryKeys()), Projections: []projections.Projection{tlog.Projection{}}})
		if err != nil {
			t.Fatal(err)
		}
		return report.Models[0]
	}
	if m := check(); !m.OK() || m.Figures != 2 {
		t.Fatalf("%+v", m)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(dir, "tlog.v1.db"), "tile", "hashes", "level = 0 AND n = 1", 40)
	m := check()
	if m.Count != 1 || m.Differ[0].String() != "tile 0/1 hashes: differs" {
		t.Errorf("%+v", m)
	}
	// A tile above the leaves changes the root as well.
	flip(t, filepath.Join(dir, "tlog.v1.db"), "tile", "hashes", "level = 1 AND n = 0", 3)
	m = check()
	if len(m.Differ) != 2 || m.Differ[1].String() != "tile 1/0 hashes: differs" || len(m.Recounts) != 1 {
		t.Errorf("%+v", m)
	}
}

// flip changes one byte of a blob.
func flip(t *testing.T, path, table, column, where string, at int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b []byte
	if err := db.QueryRow("SELECT " + column + " FROM " + table + " WHERE " + where).Scan(&b); err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if _, err := db.Exec("UPDATE "+table+" SET "+column+" = ? WHERE "+where, b); err != nil {
		t.Fatal(err)
	}
}
