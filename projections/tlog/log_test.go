package tlog_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tdlog "github.com/transparency-dev/formats/log"
	tdnote "github.com/transparency-dev/formats/note"
	tdproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
	"shenzhong/projections"
	"shenzhong/projections/tlog"
)

func openLog(t testing.TB, dir string, db projections.Querier) *tlog.Log {
	t.Helper()
	l, err := tlog.OpenLog(tlog.LogConfig{Dir: dir, Origin: "log.example/tlog", DB: db})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// witnessKey makes a witness's key with another implementation of the formats.
func witnessKey(t testing.TB, name string) (*tdnote.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tdnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tdnote.VKeyToCosignatureV1(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func cosign(t testing.TB, msg []byte, logKey string, signers ...note.Signer) []byte {
	t.Helper()
	v, err := note.NewVerifier(logKey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	out, err := note.Sign(n, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Another implementation of the formats (transparency-dev's, which shares no
// code with golang.org/x/mod/sumdb/tlog) accepts our checkpoint, cosignatures,
// tiles and proofs, and refuses them when one bit is changed.
func TestAnotherImplementation(t *testing.T) {
	ctx, es := t.Context(), examples(1000)
	dir := t.TempDir()
	w1, k1 := witnessKey(t, "notary.example/w1")
	w2, k2 := witnessKey(t, "market.example/w2")
	if err := os.WriteFile(filepath.Join(dir, "witnesses"), []byte("# two offices\n"+k1+" 公证处\n"+k2+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, r := open(t, t.TempDir(), history{log: es}, 0)
	l := openLog(t, dir, r.DB)
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	bare, _, _ := l.Latest()
	logKey := l.Keys()[0].Text
	for _, w := range []note.Signer{w1, w2} {
		if _, err := l.AddCosignature(ctx, cosign(t, bare.Note, logKey, w)); err != nil {
			t.Fatal(err)
		}
	}
	s, _, _ := l.Latest()

	// The checkpoint with both cosignatures.
	lv, err := tdnote.NewVerifier(logKey)
	if err != nil {
		t.Fatal(err)
	}
	var wvs []note.Verifier
	for _, k := range []string{k1, k2} {
		v, err := tdnote.NewVerifierForCosignatureV1(k)
		if err != nil {
			t.Fatal(err)
		}
		wvs = append(wvs, v)
	}
	cp, _, n, err := tdlog.ParseCheckpoint(s.Note, "log.example/tlog", lv, wvs...)
	if err != nil || len(n.Sigs) != 3 || cp.Size != 1000 {
		t.Fatalf("checkpoint: %v, %v\n%s", err, cp, s.Note)
	}
	for _, sig := range n.Sigs[1:] {
		if at, err := tdnote.CoSigV1Timestamp(sig); err != nil || time.Since(at) > time.Minute {
			t.Errorf("cosignature of %s: %v, %v", sig.Name, at, err)
		}
	}

	// The tiles: the leaves of level 0 hash to the root, and every tile above is
	// made of those below.
	rf := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	all := rf.NewEmptyRange(0)
	for n := range int64(4) {
		w := min(256, 1000-256*n)
		tile, err := r.Tile(ctx, 0, n, int(w))
		if err != nil {
			t.Fatal(err)
		}
		one := rf.NewEmptyRange(0)
		for i := range int(w) {
			h := tile[i*32 : i*32+32]
			if want := rfc6962.DefaultHasher.HashLeaf(tlog.Entry(&es[int(n)*256+i])); string(h) != string(want) {
				t.Fatalf("leaf %d of tile %d is not that of the event", i, n)
			}
			for _, x := range []*compact.Range{all, one} {
				if err := x.Append(h, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if w < 256 {
			continue
		}
		above, err := r.Tile(ctx, 1, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		if root, err := one.GetRootHash(nil); err != nil || string(root) != string(above[n*32:n*32+32]) {
			t.Errorf("tile 1/0 does not hold the root of tile 0/%d: %v", n, err)
		}
	}
	if root, err := all.GetRootHash(nil); err != nil || string(root) != string(cp.Hash) {
		t.Fatalf("the tiles hash to another root: %v", err)
	}

	// Proofs of inclusion, as text, and of consistency.
	for _, i := range []int64{0, 1, 255, 256, 767, 768, 999} {
		p, err := r.Inclusion(ctx, i, s.Size)
		if err != nil {
			t.Fatal(err)
		}
		var theirs tdproof.TLogProof
		if err := theirs.Unmarshal(tlog.FormatProof(i, p, s.Note)); err != nil {
			t.Fatalf("proof of %d: %v", i, err)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(tlog.Entry(&es[i]))
		hashes := make([][]byte, len(theirs.Hashes))
		for j := range theirs.Hashes {
			hashes[j] = theirs.Hashes[j][:]
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, cp.Size, leaf, hashes, cp.Hash); err != nil || string(theirs.Checkpoint) != string(s.Note) {
			t.Errorf("proof of %d: %v", i, err)
		}
		leaf[0] ^= 1
		if proof.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, cp.Size, leaf, hashes, cp.Hash) == nil {
			t.Errorf("a changed leaf %d is proved", i)
		}
	}
	for _, from := range []int64{1, 255, 256, 511, 999, 1000} {
		p, err := r.Consistency(ctx, from, 1000)
		if err != nil {
			t.Fatal(err)
		}
		old, err := r.Root(ctx, from)
		if err != nil {
			t.Fatal(err)
		}
		var hashes [][]byte
		for _, h := range p {
			hashes = append(hashes, h[:])
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), 1000, hashes, old[:], cp.Hash); err != nil {
			t.Errorf("consistency from %d: %v", from, err)
		}
		old[0] ^= 1
		if proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), 1000, hashes, old[:], cp.Hash) == nil {
			t.Errorf("another root of %d is proved", from)
		}
	}
}

// The last checkpoint is a pin: neither a shorter log nor another one of the
// same length is ever signed, now or after a restart, and readiness says so. A
// tree that is only being built again is waited for.
func TestAnotherHistoryIsRefused(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	es := examples(700)
	_, r := open(t, t.TempDir(), history{log: es}, 0)
	l := openLog(t, dir, r.DB)
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	was, _, _ := l.Latest()
	forged := examples(700)
	forged[123].Data = []byte(`{"n":124}`)
	longer := append(examples(123), forged[123:]...)
	longer = append(longer, example(700), example(701))
	for name, c := range map[string]struct {
		log      []events.Recorded
		behind   bool
		rewrites bool
	}{
		"one byte of one event":       {log: forged, rewrites: true},
		"and two events more":         {log: longer, rewrites: true},
		"the last event is gone":      {log: es[:699], rewrites: true},
		"two events change places":    {log: swapped(es, 5, 6), rewrites: true},
		"shorter, still being built":  {log: es[:699], behind: true},
		"another, still being built":  {log: forged, behind: true, rewrites: true},
		"the same":                    {log: es},
		"the same and one event more": {log: examples(701)},
	} {
		t.Run(name, func(t *testing.T) {
			mine := filepath.Join(t.TempDir(), "tlog")
			if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			_, other := open(t, t.TempDir(), history{log: c.log}, 0)
			l, err := tlog.OpenLog(tlog.LogConfig{Dir: mine, DB: other.DB, CaughtUp: func() bool { return !c.behind }})
			if err != nil {
				t.Fatal(err)
			}
			err = l.Publish(ctx)
			if errors.Is(err, tlog.ErrRewritten) != c.rewrites || err != nil && !c.rewrites {
				t.Errorf("publish: %v", err)
			}
			st := l.Statuses([]projections.Status{{Name: "other"}, {Name: tlog.Name}})
			if st[0].Err != nil || st[1].Stopped != c.rewrites || errors.Is(st[1].Err, tlog.ErrRewritten) != c.rewrites {
				t.Errorf("status: %+v", st)
			}
			if now, _, _ := l.Latest(); c.rewrites && string(now.Note) != string(was.Note) {
				t.Errorf("it signed:\n%s", now.Note)
			}
			if _, ok, err := tlog.CheckPin(ctx, mine, other.DB); !ok || errors.Is(err, tlog.ErrRewritten) != (c.rewrites || c.behind) {
				t.Errorf("pin: %v, %v", ok, err)
			}
			// Who kept the old checkpoint needs only a proof, which there is not.
			if c.rewrites && len(c.log) > 700 {
				root, err := other.Root(ctx, int64(len(c.log)))
				if err != nil {
					t.Fatal(err)
				}
				p, err := other.Consistency(ctx, was.Size, int64(len(c.log)))
				if err != nil {
					t.Fatal(err)
				}
				if merkle.CheckTree(p, int64(len(c.log)), root, was.Size, was.Root) == nil {
					t.Error("the other history proves that it extends the checkpoint")
				}
			}
		})
	}
}

func swapped(es []events.Recorded, i, j int) []events.Recorded {
	out := append([]events.Recorded{}, es...)
	out[i], out[j] = out[j], out[i]
	out[i].Position, out[j].Position = out[j].Position, out[i].Position
	return out
}

// What the directory says is checked too: a changed pin is not believed.
func TestPinAndKeys(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	_, r := open(t, t.TempDir(), history{log: examples(10)}, 0)
	l := openLog(t, dir, r.DB)
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", st.Mode(), err)
	}
	if _, err := tlog.OpenLog(tlog.LogConfig{Dir: dir, Origin: "other.example/tlog", DB: r.DB}); err == nil {
		t.Error("the log takes another name")
	}
	// Rotation: a new key under the same name; what the old one signed holds.
	if err := os.Rename(filepath.Join(dir, "key"), filepath.Join(dir, "key.old")); err != nil {
		t.Fatal(err)
	}
	old, _, _ := l.Latest()
	l, err := tlog.OpenLog(tlog.LogConfig{Dir: dir, DB: r.DB})
	if err != nil || l.Origin() != "log.example/tlog" || len(l.Keys()) != 2 {
		t.Fatalf("rotation: %v", err)
	}
	if now, _, _ := l.Latest(); string(now.Note) != string(old.Note) {
		t.Error("the last checkpoint is gone")
	}
	path := filepath.Join(dir, "checkpoint")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := append([]byte{}, b...)
		bad[i] ^= 2
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tlog.CheckPin(ctx, dir, r.DB); !errors.Is(err, tlog.ErrNote) {
			t.Fatalf("byte %d of the pin is changed: %v", i, err)
		}
	}
}

// A cosignature counts when a configured witness made it, over a checkpoint of
// ours, and none that is newer is there.
func TestCosignatures(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	w, k := witnessKey(t, "notary.example/w1")
	stranger, _ := witnessKey(t, "stranger.example/w9")
	if err := os.WriteFile(filepath.Join(dir, "witnesses"), []byte(k+" 公证处\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short, small := open(t, t.TempDir(), history{log: examples(5)}, 0)
	l := openLog(t, dir, small.DB)
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	five, _, _ := l.Latest()
	if err := short.Close(); err != nil {
		t.Fatal(err)
	}
	_, r := open(t, t.TempDir(), history{log: examples(9)}, 0)
	l = openLog(t, dir, r.DB)
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	nine, _, _ := l.Latest()
	key := l.Keys()[0].Text
	add := func(msg []byte, want error) {
		t.Helper()
		if _, err := l.AddCosignature(ctx, msg); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	add(nine.Note, tlog.ErrNoWitness)
	add(cosign(t, nine.Note, key, stranger), tlog.ErrNoWitness)
	add([]byte("nothing"), tlog.ErrNote)
	add([]byte(strings.Replace(string(cosign(t, nine.Note, key, w)), "\n9\n", "\n8\n", 1)), tlog.ErrNote)
	add(cosign(t, five.Note, key, w), nil) // the witness was a little slow
	if s, ok := l.Witnessed(); !ok || s.Size != 5 {
		t.Errorf("%v %v", ok, s.Size)
	}
	add(cosign(t, nine.Note, key, w), nil)
	add(cosign(t, five.Note, key, w), tlog.ErrStale)
	skey, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := note.NewSigner(strings.TrimSpace(string(skey)))
	if err != nil {
		t.Fatal(err)
	}
	fork, err := note.Sign(&note.Note{Text: tlog.Checkpoint{Origin: "log.example/tlog", Size: 9, Root: merkle.Hash(sha256.Sum256(nil))}.Text()}, stolen, w)
	if err != nil {
		t.Fatal(err)
	}
	add(fork, tlog.ErrRewritten)
	// It is all there after a restart.
	l = openLog(t, dir, r.DB)
	s, _, _ := l.Latest()
	if len(s.Cosigned) != 1 || s.Cosigned[0].Witness != "notary.example/w1" || l.CosignedBy()[0].Size != 9 || l.Witnesses()[0].Title() != "公证处" {
		t.Errorf("%+v", s)
	}
}

// BenchmarkInclusion finds an event by its id among many and proves it.
func BenchmarkInclusion(b *testing.B) {
	const n = 300_000
	_, r := open(b, b.TempDir(), history{log: examples(n)}, 0)
	for i := 0; b.Loop(); i++ {
		e := example(i * 7919 % n)
		l, err := r.Leaf(b.Context(), e.ID)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Inclusion(b.Context(), l.Index, n); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTilePaths(t *testing.T) {
	for path, want := range map[string]merkle.Tile{
		"tile/0/000":               {H: 8, L: 0, N: 0, W: 256},
		"tile/0/273.p/112":         {H: 8, L: 0, N: 273, W: 112},
		"tile/3/x001/x234/067":     {H: 8, L: 3, N: 1234067, W: 256},
		"tile/3/x001/x234/067.p/1": {H: 8, L: 3, N: 1234067, W: 1},
	} {
		if got, ok := tlog.ParseTilePath(path); !ok || got != want || tlog.TilePath(want) != path {
			t.Errorf("%s: %v, %v, %s", path, got, ok, tlog.TilePath(want))
		}
	}
	for _, bad := range []string{"", "tile/0", "tile/0/0", "tile/00/000", "tile/-1/000", "tile/64/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/x000/000", "tile/0/001/000", "tile/0/+01", "tile/data/000", "tile/0/x1/000", fmt.Sprint("tile/0", strings.Repeat("/x999", 7), "/999")} {
		if got, ok := tlog.ParseTilePath(bad); ok {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}
