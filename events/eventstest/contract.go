// Package eventstest is the contract every events.Store keeps, a wrapper that
// makes a store fail in every way it may, and the benchmarks stores share.
package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
)

// Run checks the store that open gives. open is called once per subtest with
// an empty store and registers its own cleanup.
func Run(t *testing.T, open func(t *testing.T) events.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s events.Store)
	}{
		{"AppendThenLoadGivesBackEveryField", roundTrip},
		{"AppendIsAllOrNoneAtTheExpectedRevision", expectedRevision},
		{"ARevisionInsideAnAppendIsAConflict", middleRevision},
		{"RacingWritersOneWins", race},
		{"WritersOnDifferentStreamsAllWin", parallelStreams},
		{"LoadSeesWhatWasAcknowledgedAndWhatAConflictReported", readYourWrites},
		{"LoadAfterARevisionGivesTheTail", loadTail},
		{"StreamNamesKeepTheirDashesAndDots", names},
		{"BadAppendsAreRefusedAndStoreNothing", refusals},
		{"TheLargestAppendFits", largest},
		{"FollowResumesInOrderWithoutLossOrRepeat", followResume},
		{"FollowYieldsLiveEventsAndCaughtUp", followLive},
		{"FollowKeepsMaxAndCrossesAppends", followMax},
		{"FollowersSeeOneOrder", oneOrder},
		{"CancelEndsEverything", cancel},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// News makes n small events.
func News(n int) []events.New {
	es := make([]events.New, n)
	for i := range es {
		es[i] = events.New{ID: uuid.New(), Type: "test.happened.v1", Data: fmt.Appendf(nil, `{"n":%d}`, i),
			Occurred: time.Date(2026, 11, 23, 4, 0, i, 123456789, time.UTC), Meta: events.Meta{Actor: "staff-1", Command: uuid.New()}}
	}
	return es
}

// LoadAll reads a whole stream.
func LoadAll(t testing.TB, s events.Store, st events.Stream) []events.Recorded {
	t.Helper()
	var out []events.Recorded
	for r, err := range s.Load(context.Background(), st, events.NoStream) {
		if err != nil {
			t.Fatalf("load %s: %v", st, err)
		}
		out = append(out, r)
	}
	return out
}

// FollowAll reads the whole log up to its present end.
func FollowAll(t testing.TB, s events.Store, after events.Position) []events.Recorded {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	var out []events.Recorded
	for b, err := range s.Follow(ctx, after, 500) {
		if err != nil {
			t.Fatalf("follow: %v", err)
		}
		out = append(out, b.Events...)
		if b.CaughtUp {
			return out
		}
	}
	t.Fatal("follow ended before it caught up")
	return nil
}

func must(t *testing.T, s events.Store, st events.Stream, at events.Revision, es ...events.New) (events.Revision, events.Position) {
	t.Helper()
	rev, pos, err := s.Append(t.Context(), st, at, es...)
	if err != nil {
		t.Fatalf("append to %s at %d: %v", st, at, err)
	}
	return rev, pos
}

func roundTrip(t *testing.T, s events.Store) {
	full := News(3)
	full[0].Meta = events.Meta{Actor: "staff-0102", Command: uuid.New(), Correlation: uuid.New(), Causation: uuid.New(), LateReason: "停电，次日补记", Estimated: true}
	full[1].Occurred = time.Time{} // nobody knows: it stays empty
	full[2].Data = []byte(`{"name":"沈","quote":"\"","amount_fen":90071992547409931,"nested":{"a":[1,2,null]}}`)
	before := time.Now().Add(-time.Minute)
	for _, n := range []int{1, 3} { // one event and several may travel differently
		st := events.Stream(fmt.Sprintf("plot-%d", n))
		rev, pos := must(t, s, st, events.NoStream, full[:n]...)
		got := LoadAll(t, s, st)
		if len(got) != n {
			t.Fatalf("%d events, want %d", len(got), n)
		}
		for i, r := range got {
			check(t, r, full[i], st, before)
		}
		if got[n-1].Revision != rev {
			t.Errorf("last revision %d, append said %d", got[n-1].Revision, rev)
		}
		if p := got[n-1].Position; p != 0 && p != pos {
			t.Errorf("last position %d, append said %d", p, pos)
		}
		var followed []events.Recorded
		for _, r := range FollowAll(t, s, 0) {
			if r.Stream == st {
				followed = append(followed, r)
			}
		}
		if len(followed) != n || followed[n-1].Position != pos {
			t.Fatalf("followed %d events of %s, want %d up to %d", len(followed), st, n, pos)
		}
		for i, r := range followed {
			check(t, r, full[i], st, before)
			if r.Revision != got[i].Revision {
				t.Errorf("Follow says revision %d, Load says %d", r.Revision, got[i].Revision)
			}
		}
	}
}

func check(t *testing.T, r events.Recorded, want events.New, st events.Stream, before time.Time) {
	t.Helper()
	if r.ID != want.ID || r.Type != want.Type || !bytes.Equal(r.Data, want.Data) || r.Stream != st || r.Meta != want.Meta {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if !r.Occurred.Equal(want.Occurred) || r.Occurred.IsZero() != want.Occurred.IsZero() {
		t.Errorf("occurred %v, want %v", r.Occurred, want.Occurred)
	}
	if r.At.Before(before) || r.At.After(time.Now().Add(time.Minute)) || r.At.Location() != time.UTC {
		t.Errorf("recorded at %v", r.At)
	}
}

func expectedRevision(t *testing.T, s events.Store) {
	rev, _ := must(t, s, "plot-1", events.NoStream, News(2)...)
	for _, wrong := range []events.Revision{events.NoStream, rev + 1000} {
		_, _, err := s.Append(t.Context(), "plot-1", wrong, News(2)...)
		var c *events.ConflictError
		if !errors.Is(err, events.ErrConflict) || !errors.As(err, &c) || c.Stream != "plot-1" || c.Expected != wrong {
			t.Errorf("append at %d: %v", wrong, err)
		}
	}
	if _, _, err := s.Append(t.Context(), "plot-2", rev, News(1)...); !errors.Is(err, events.ErrConflict) {
		t.Errorf("append to a missing stream at %d: %v", rev, err)
	}
	if n := len(LoadAll(t, s, "plot-1")) + len(LoadAll(t, s, "plot-2")); n != 2 {
		t.Errorf("%d events stored, want 2", n)
	}
	must(t, s, "plot-1", rev, News(1)...)
}

func middleRevision(t *testing.T, s events.Store) {
	must(t, s, "plot-1", events.NoStream, News(3)...)
	for _, r := range LoadAll(t, s, "plot-1")[:2] {
		if _, _, err := s.Append(t.Context(), "plot-1", r.Revision, News(1)...); !errors.Is(err, events.ErrConflict) {
			t.Errorf("append at %d, inside: %v", r.Revision, err)
		}
	}
	if n := len(LoadAll(t, s, "plot-1")); n != 3 {
		t.Errorf("%d events stored, want 3", n)
	}
}

func race(t *testing.T, s events.Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	rev := events.NoStream
	for round := range 4 {
		won := 0
		var next events.Revision
		for range 64 {
			wg.Go(func() {
				r, _, err := s.Append(t.Context(), "plot-1", rev, News(2)...)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
					next = r
				case !errors.Is(err, events.ErrConflict):
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Fatalf("round %d: %d writers won", round, won)
		}
		rev = next
	}
	if n := len(LoadAll(t, s, "plot-1")); n != 8 {
		t.Errorf("%d events stored, want 8", n)
	}
}

func parallelStreams(t *testing.T, s events.Store) {
	var wg sync.WaitGroup
	for w := range 128 {
		wg.Go(func() {
			st := events.Stream(fmt.Sprintf("plot-%d", w))
			rev := events.NoStream
			for i := range 6 {
				var err error
				if rev, _, err = s.Append(t.Context(), st, rev, News(1+i%3)...); err != nil {
					t.Errorf("%s: %v", st, err)
					return
				}
			}
		})
	}
	wg.Wait()
	all := FollowAll(t, s, 0)
	if len(all) != 128*12 {
		t.Errorf("%d events, want %d", len(all), 128*12)
	}
	for w := range 128 {
		if n := len(LoadAll(t, s, events.Stream(fmt.Sprintf("plot-%d", w)))); n != 12 {
			t.Errorf("plot-%d has %d events, want 12", w, n)
		}
	}
}

func readYourWrites(t *testing.T, s events.Store) {
	rev := events.NoStream
	for i := range 40 {
		stale := rev
		rev, _ = must(t, s, "case-1", rev, News(1)...)
		if n := len(LoadAll(t, s, "case-1")); n != i+1 {
			t.Fatalf("after append %d Load sees %d events", i+1, n)
		}
		if _, _, err := s.Append(t.Context(), "case-1", stale, News(1)...); !errors.Is(err, events.ErrConflict) {
			t.Fatal(err)
		}
		if es := LoadAll(t, s, "case-1"); es[len(es)-1].Revision != rev {
			t.Fatalf("after a conflict Load ends at %d, want %d", es[len(es)-1].Revision, rev)
		}
	}
}

func loadTail(t *testing.T, s events.Store) {
	rev, _ := must(t, s, "case-1", events.NoStream, News(3)...)
	rev, _ = must(t, s, "case-1", rev, News(1)...)
	must(t, s, "case-1", rev, News(2)...)
	all := LoadAll(t, s, "case-1")
	if len(all) != 6 {
		t.Fatalf("%d events", len(all))
	}
	for i, from := range all {
		var got []uuid.UUID
		for r, err := range s.Load(t.Context(), "case-1", from.Revision) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.ID)
		}
		if len(got) != 5-i || len(got) > 0 && got[0] != all[i+1].ID {
			t.Errorf("after event %d: %d events", i, len(got))
		}
		if i > 0 && all[i].Revision <= all[i-1].Revision {
			t.Errorf("revision %d after %d", all[i].Revision, all[i-1].Revision)
		}
	}
	for range s.Load(t.Context(), "case-1", events.NoStream) {
		break // leaving early must not leak or block
	}
	if n := len(LoadAll(t, s, "case-none")); n != 0 {
		t.Errorf("a missing stream has %d events", n)
	}
}

func names(t *testing.T, s events.Store) {
	for _, st := range []events.Stream{
		events.Stream("case-" + uuid.NewString()), "plot-12210200422000019F.A-01-07", "day-12210200422000019F.H1.20261123", "pricelist-dalian_funeral-home", "day-a", "day-a.b", "day-a.b.c",
	} {
		must(t, s, st, events.NoStream, News(2)...)
		es := LoadAll(t, s, st)
		if len(es) != 2 || es[0].Stream != st {
			t.Errorf("%s: %d events, named %q", st, len(es), es[0].Stream)
		}
	}
}

func refusals(t *testing.T, s events.Store) {
	one := News(1)[0]
	noID, noType, big := one, one, one
	noID.ID, noType.Type = uuid.Nil, ""
	big.Data = []byte(`"` + string(bytes.Repeat([]byte("x"), events.MaxAppendBytes)) + `"`)
	for name, a := range map[string]struct {
		st events.Stream
		es []events.New
	}{
		"no events": {"plot-1", nil}, "no id": {"plot-1", []events.New{noID}}, "no type": {"plot-1", []events.New{noType}},
		"too many": {"plot-1", News(events.MaxAppend + 1)}, "too large": {"plot-1", []events.New{big}},
		"no category": {"-1", News(1)}, "no id part": {"plot-", News(1)}, "no dash": {"plot", News(1)}, "blank": {"plot-a b", News(1)},
		"wildcard": {"plot-*", News(1)}, "rest": {"plot->", News(1)}, "empty token": {"plot-a..b", News(1)}, "not ascii": {"plot-园", News(1)}, "upper category": {"Plot-1", News(1)},
	} {
		if _, _, err := s.Append(t.Context(), a.st, events.NoStream, a.es...); err == nil || errors.Is(err, events.ErrConflict) || errors.Is(err, events.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.Append(t.Context(), "plot-1", events.NoStream, big); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	must(t, s, "plot-1", events.NoStream, News(1)...)
	if n := len(FollowAll(t, s, 0)); n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
}

func largest(t *testing.T, s events.Store) {
	es := News(events.MaxAppend)
	per := events.MaxAppendBytes/events.MaxAppend - 16
	for i := range es {
		es[i].Data = []byte(`{"x":"` + string(bytes.Repeat([]byte("y"), per-8)) + `"}`)
	}
	must(t, s, "plot-1", events.NoStream, es...)
	if n := len(LoadAll(t, s, "plot-1")); n != len(es) {
		t.Errorf("%d events", n)
	}
}

func followResume(t *testing.T, s events.Store) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() {
		for i := range 50 {
			if _, _, err := s.Append(ctx, events.Stream(fmt.Sprintf("b-%d", i)), events.NoStream, News(1+i%3)...); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	var last events.Position
	seen := map[uuid.UUID]bool{}
	for len(seen) < 99 {
		got := false
		for b, err := range s.Follow(ctx, last, 7) { // break and resume after every batch
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Events {
				if r.Position <= last || seen[r.ID] {
					t.Fatalf("position %d after %d, repeat %v", r.Position, last, seen[r.ID])
				}
				last, seen[r.ID] = r.Position, true
			}
			if got = len(b.Events) > 0; got {
				break
			}
		}
		if !got && ctx.Err() != nil {
			t.Fatalf("saw %d of 99 events", len(seen))
		}
	}
	if n := len(FollowAll(t, s, last)); n != 0 {
		t.Errorf("%d more events after the last", n)
	}
}

func followLive(t *testing.T, s events.Store) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	must(t, s, "b-0", events.NoStream, News(2)...)
	caught := make(chan int, 16)
	go func() {
		n := 0
		for b, err := range s.Follow(ctx, 0, 100) {
			if err != nil {
				t.Error(err)
				break
			}
			n += len(b.Events)
			if b.CaughtUp {
				caught <- n
			}
		}
		close(caught)
	}()
	want := 2
	for i := 1; i <= 5; i++ {
		for n := range caught { // caught up with all there is, then one more
			if n == want {
				break
			}
		}
		must(t, s, events.Stream(fmt.Sprintf("b-%d", i)), events.NoStream, News(1)...)
		want++
	}
	for n := range caught {
		if n == want {
			stop() // which ends Follow without an error
			for range caught {
			}
			return
		}
	}
	t.Errorf("never caught up with %d events", want)
}

func followMax(t *testing.T, s events.Store) {
	must(t, s, "b-1", events.NoStream, News(10)...)
	must(t, s, "b-2", events.NoStream, News(1)...)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	n := 0
	for b, err := range s.Follow(ctx, 0, 3) {
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Events) > 3 {
			t.Fatalf("a batch of %d", len(b.Events))
		}
		n += len(b.Events)
		if b.CaughtUp {
			break
		}
	}
	if n != 11 {
		t.Errorf("%d events, want 11", n)
	}
	all := FollowAll(t, s, 0)
	for i, r := range all { // every position is a place to resume from
		if rest := FollowAll(t, s, r.Position); len(rest) != len(all)-i-1 {
			t.Errorf("after event %d: %d events, want %d", i, len(rest), len(all)-i-1)
		}
	}
}

func oneOrder(t *testing.T, s events.Store) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	const total = 8 * 25
	seen := make([][]uuid.UUID, 3)
	var wg, writers sync.WaitGroup
	for f := range seen {
		wg.Go(func() {
			for b, err := range s.Follow(ctx, 0, 10+f) {
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range b.Events {
					seen[f] = append(seen[f], r.ID)
				}
				if len(seen[f]) >= total {
					return
				}
			}
		})
	}
	for w := range 8 {
		writers.Go(func() {
			for i := range 25 {
				if _, _, err := s.Append(ctx, events.Stream(fmt.Sprintf("b-%d.%d", w, i)), events.NoStream, News(1)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	wg.Wait()
	for f := range seen {
		if len(seen[f]) != total {
			t.Fatalf("follower %d saw %d events, want %d", f, len(seen[f]), total)
		}
		for i := range seen[f] {
			if seen[f][i] != seen[0][i] {
				t.Fatalf("followers 0 and %d disagree at %d", f, i)
			}
		}
	}
}

func cancel(t *testing.T, s events.Store) {
	must(t, s, "b-1", events.NoStream, News(1)...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	started := make(chan struct{})
	go func() {
		defer close(ended)
		once := sync.OnceFunc(func() { close(started) })
		for range s.Follow(ctx, 0, 10) {
			once()
		}
	}()
	<-started
	stop()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("Follow goes on after cancel")
	}
	if _, _, err := s.Append(ctx, "b-2", events.NoStream, News(1)...); err == nil {
		t.Error("append with a dead context succeeded")
	}
}
