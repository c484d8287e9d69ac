package projections_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
	"shenzhong/projections/tlog"
)

// Whoever is forgotten can be read no more, by nobody; every proof from before
// still holds, and so do new ones of the same events.
func TestForgettingBreaksNoProof(t *testing.T) {
	c := newCity(t, 11)
	f := c.funerals(2)[0]
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	in := tlog.Reader{DB: r.Read(tlog.Name)}
	before, err := in.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, err := in.Root(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	log := func() (es []events.Recorded) {
		for b, err := range c.store.Follow(t.Context(), 0, 1000) {
			if err != nil {
				t.Fatal(err)
			}
			if es = append(es, b.Events...); b.CaughtUp {
				break
			}
		}
		return es
	}
	var of []int // events with something of the person sealed in them
	var proofs []merkle.RecordProof
	var said []any
	for i, e := range log() {
		if !bytes.Contains(e.Data, []byte(`{"subject":"`+string(f.deceased)+`","sealed":`)) {
			continue
		}
		p, err := in.Inclusion(t.Context(), int64(i), before)
		if err != nil {
			t.Fatal(err)
		}
		body, err := c.reg.Decode(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		of, proofs, said = append(of, i), append(proofs, p), append(said, body)
	}
	if len(of) == 0 {
		t.Fatal("nothing of the person is on the log")
	}
	wait(t, r, tlog.Name, c.forget(f.deceased, true))
	after := log()
	size := int64(len(after))
	now, err := in.Root(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range of {
		leaf := tlog.LeafHash(&after[i])
		if err := merkle.CheckRecord(proofs[k], before, root, int64(i), leaf); err != nil {
			t.Errorf("the proof of event %d from before: %v", i, err)
		}
		p, err := in.Inclusion(t.Context(), int64(i), size)
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.CheckRecord(p, size, now, int64(i), leaf); err != nil {
			t.Errorf("a new proof of event %d: %v", i, err)
		}
		body, err := c.reg.Decode(t.Context(), after[i])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(after[i].Data), f.name) || reflect.DeepEqual(body, said[k]) {
			t.Errorf("event %d can still be read", i)
		}
	}
	p, err := in.Consistency(t.Context(), before, size)
	if err != nil {
		t.Fatal(err)
	}
	if err := merkle.CheckTree(p, size, now, before, root); err != nil {
		t.Errorf("the tree from before is no beginning of the one after: %v", err)
	}
}
