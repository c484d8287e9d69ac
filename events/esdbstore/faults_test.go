package esdbstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/esdbstore/internal/esdbtest"
	"shenzhong/events/eventstest"
)

// patience bounds what ought to happen soon.
const patience = 30 * time.Second

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// noLeak fails the test if it leaves goroutines behind. Called first, so that
// its cleanup runs last.
func noLeak(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(patience)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				t.Errorf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
				return
			}
			runtime.Gosched()
		}
	})
}

// persist appends until it is known to have happened, with the same events.
func persist(ctx context.Context, s events.Store, st events.Stream, at events.Revision, es []events.New) (events.Revision, error) {
	for {
		rev, _, err := s.Append(ctx, st, at, es...)
		if err == nil || ctx.Err() != nil || errors.Is(err, events.ErrConflict) {
			return rev, err
		}
	}
}

// traffic has writers append while a follower reads along, until disturb
// returns; then everything must be there once, in order, for the follower and
// for loads.
func traffic(t *testing.T, s events.Store, disturb func(wait func(more int))) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var (
		mu     sync.Mutex
		cond   = sync.NewCond(&mu)
		stored int
		done   bool
		byName = map[events.Stream][]uuid.UUID{}
		wg     sync.WaitGroup
	)
	for w := range 4 {
		wg.Go(func() {
			st := events.Stream(fmt.Sprintf("plot-%d", w))
			rev := events.NoStream
			for {
				es := eventstest.News(2)
				next, err := persist(ctx, s, st, rev, es)
				mu.Lock()
				if err != nil {
					t.Errorf("%s at %d: %v", st, rev, err)
					done = true
				} else {
					byName[st] = append(byName[st], es[0].ID, es[1].ID)
					stored += 2
					rev = next
				}
				stop := done
				cond.Broadcast()
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	followed := map[events.Stream][]uuid.UUID{}
	var last events.Position
	total := make(chan int, 1)
	end := make(chan struct{})
	go func() {
		defer close(end)
		n, want := 0, -1
		for b, err := range s.Follow(ctx, 0, 50) {
			if err != nil {
				t.Errorf("follow: %v", err)
				return
			}
			for _, r := range b.Events {
				if r.Position <= last {
					t.Errorf("position %d after %d", r.Position, last)
				}
				last = r.Position
				followed[r.Stream] = append(followed[r.Stream], r.ID)
				n++
			}
			if want < 0 {
				select {
				case want = <-total:
				default:
				}
			}
			if n == want {
				return
			}
		}
	}()
	disturb(func(more int) {
		mu.Lock()
		defer mu.Unlock()
		for until := stored + more; stored < until && !done; {
			cond.Wait()
		}
	})
	mu.Lock()
	done = true
	mu.Unlock()
	wg.Wait()
	total <- stored + 1
	if _, _, err := s.Append(ctx, "plot-last", events.NoStream, eventstest.News(1)...); err != nil {
		t.Fatal(err)
	}
	<-end
	for st, want := range byName {
		if got := ids(eventstest.LoadAll(t, s, st)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s holds %d events, want %d; or another order", st, len(got), len(want))
		}
		if got := followed[st]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("followed %d events of %s, want %d; or another order", len(got), st, len(want))
		}
	}
	t.Logf("%d events", stored)
}

func TestKillAndRestart(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	traffic(t, s, func(wait func(int)) {
		for range 3 {
			wait(40)
			c.Nodes[0].Kill()
			c.Nodes[0].Restart(t)
		}
		wait(40)
	})
}

// An append goes out whole or not at all, also when the connection goes away
// under it: the gRPC library repeats calls by itself, and may only repeat what
// was complete.
func TestAppendsAreNeverCutShort(t *testing.T) {
	noLeak(t)
	const whole = 12
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				st := events.Stream(fmt.Sprintf("plot-%d.%d", w, i))
				if _, err := persist(t.Context(), s, st, events.NoStream, eventstest.News(whole)); err != nil {
					t.Errorf("%s: %v", st, err)
				}
			}
		})
	}
	for i := range 24 {
		before := c.Sizes()[whole]
		eventually(t, "appends go on", func() bool { return c.Sizes()[whole] > before+20 })
		if i%2 == 0 {
			c.Nodes[0].Drain()
		} else {
			c.Nodes[0].Kill()
		}
		c.Nodes[0].Restart(t)
	}
	stop()
	wg.Wait()
	for n, times := range c.Sizes() {
		if n != whole {
			t.Errorf("%d appends of %d events; all were of %d", times, n, whole)
		}
	}
}

func TestAcknowledgementsLostAllAlong(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	var mu sync.Mutex
	n := 0
	c.After(func(*esdbtest.Node, string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%3 == 0 {
			return status.Error(codes.Aborted, "Operation timed out: commit")
		}
		return nil
	})
	c.Before(func(_ *esdbtest.Node, method string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%5 == 0 {
			return status.Error(codes.Unavailable, "Server Is Too Busy")
		}
		return nil
	})
	traffic(t, s, func(wait func(int)) { wait(200); c.After(nil); c.Before(nil) })
}

func TestLeaderMovesWithoutACrash(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	traffic(t, s, func(wait func(int)) {
		for i := range 6 {
			wait(30)
			c.Elect((i + 1) % 3)
		}
		wait(30)
	})
	for _, call := range c.Calls() {
		if call.Method == "Append" && call.Node != 0 {
			return
		}
	}
	t.Error("no append went to a new leader")
}

func TestLeaderCrashes(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	traffic(t, s, func(wait func(int)) {
		for i := range 3 {
			wait(30)
			c.Nodes[i].Kill()
			c.Elect(-1)
			c.Elect((i + 1) % 3)
			wait(30)
			c.Nodes[i].Restart(t)
		}
	})
}

// One node named without its cluster: we go where it says the leader is, and
// come back to it when that one is gone.
func TestRedirectFromASingleSeed(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 2, esdbtest.Options{})
	s := open(t, "esdb://"+c.Nodes[0].Addr()+"?tls=false", esdbstore.Options{})
	rev, _ := must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	c.Elect(1)
	rev, _ = must(t, s, "plot-1", rev, eventstest.News(1)...)
	c.Nodes[1].Kill()
	c.Elect(0)
	if _, err := persist(t.Context(), s, "plot-1", rev, eventstest.News(1)); err != nil {
		t.Fatal(err)
	}
	if n := len(eventstest.LoadAll(t, s, "plot-1")); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func TestDiscoveryByOneName(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{})
	c.Elect(2)
	s := open(t, "esdb+discover://"+c.Nodes[1].Addr()+"?tls=false&discoveryInterval=10", esdbstore.Options{})
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	for _, call := range c.Calls() {
		if call.Method == "Append" && call.Node != 2 {
			t.Errorf("an append went to node %d", call.Node)
		}
	}
	// The seed dies and its cluster is found through what gossip told.
	c.Nodes[1].Kill()
	c.Nodes[2].Kill()
	c.Elect(0)
	if _, err := persist(t.Context(), s, "plot-2", events.NoStream, eventstest.News(1)); err != nil {
		t.Fatal(err)
	}
}

func TestCallersReturnAtTheirContext(t *testing.T) {
	for name, outage := range map[string]func(*esdbtest.Cluster){
		"killed":    func(c *esdbtest.Cluster) { kill(c) },
		"no leader": func(c *esdbtest.Cluster) { c.Elect(-1) },
		"not serving": func(c *esdbtest.Cluster) {
			c.Before(func(*esdbtest.Node, string) error { return status.Error(codes.Unavailable, "Server Is Not Ready") })
		},
	} {
		for _, nodes := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d nodes", name, nodes), func(t *testing.T) {
				noLeak(t)
				c := esdbtest.Start(t, nodes, esdbtest.Options{})
				s := open(t, c.ConnString(), esdbstore.Options{})
				must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
				outage(c)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				var wg sync.WaitGroup
				for i := range 64 {
					wg.Go(func() {
						switch i % 3 {
						case 0:
							_, _, err := s.Append(ctx, "plot-1", 1, eventstest.News(1)...)
							for errors.Is(err, events.ErrUnknown) && ctx.Err() == nil { // it was on its way when the server went
								_, _, err = s.Append(ctx, "plot-1", 1, eventstest.News(1)...)
							}
							if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, events.ErrUnknown) {
								t.Errorf("append: %v", err)
							}
						case 1:
							for _, err := range s.Load(ctx, "plot-1", events.NoStream) {
								if !errors.Is(err, context.DeadlineExceeded) {
									t.Errorf("load: %v", err)
								}
							}
						case 2:
							for b, err := range s.Follow(ctx, 0, 10) {
								t.Errorf("follow: %v, %v", b, err)
							}
						}
					})
				}
				returned := make(chan struct{})
				go func() { defer close(returned); wg.Wait() }()
				select {
				case <-returned:
				case <-time.After(patience):
					t.Fatal("callers still hang")
				}

				// And it is as if nothing had been.
				c.Before(nil)
				c.Elect(0)
				for _, n := range c.Nodes {
					n.Kill()
					n.Restart(t)
				}
				if _, err := persist(t.Context(), s, "plot-2", events.NoStream, eventstest.News(2)); err != nil {
					t.Fatal(err)
				}
				if n := len(eventstest.LoadAll(t, s, "plot-2")); n != 2 {
					t.Errorf("%d events, want 2", n)
				}
			})
		}
	}
}

func kill(c *esdbtest.Cluster) {
	for _, n := range c.Nodes {
		n.Kill()
	}
}

// A server that takes a call and never answers costs the default deadline.
func TestSilentServer(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString()+"&defaultDeadline=300", esdbstore.Options{})
	answer := make(chan struct{})
	defer close(answer)
	c.Before(func(_ *esdbtest.Node, method string) error { <-answer; return nil })
	if _, _, err := s.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(1)...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("append: %v", err)
	}
	for _, err := range s.Load(t.Context(), "plot-1", events.NoStream) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("load: %v", err)
		}
	}
}

func TestCallerWhoLeavesDoesNotKnow(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan struct{})
	defer close(answer)
	c.After(func(*esdbtest.Node, string) error { cancel(); <-answer; return nil })
	if _, _, err := s.Append(ctx, "plot-1", events.NoStream, eventstest.News(1)...); !errors.Is(err, events.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("append under way: %v", err)
	}
	if n := c.Count("sz.plot-1"); n != 1 {
		t.Errorf("%d events: the append was to happen", n)
	}
	if _, _, err := s.Append(ctx, "plot-2", events.NoStream, eventstest.News(1)...); !errors.Is(err, context.Canceled) || errors.Is(err, events.ErrUnknown) {
		t.Errorf("append with a dead context: %v", err)
	}
}

func TestOpenFailsInTime(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	at := c.Nodes[0].Addr()
	c.Nodes[0].Kill()
	for _, conn := range []string{"esdb://" + at + "?tls=false", "esdb+discover://" + at + "?tls=false", "esdb://" + at + "," + at + "?defaultDeadline=50"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := esdbstore.Open(ctx, conn, esdbstore.Options{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", conn, err)
		}
		cancel()
	}
}

// A subscription that a node keeps open but feeds no more is noticed.
func TestStarvedSubscription(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	esdbstore.Hurry(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, second := eventstest.News(1), eventstest.News(1)
	must(t, s, "plot-1", events.NoStream, first...)
	var got []uuid.UUID
	deaf := false
	for b, err := range s.Follow(ctx, 0, 10) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(b.Events)...)
		if b.CaughtUp && !deaf {
			deaf = true
			c.Nodes[0].Deafen()
			must(t, s, "plot-1", 1, second...)
		}
		if len(got) == 2 && b.CaughtUp {
			break
		}
	}
	if len(got) != 2 || got[0] != first[0].ID || got[1] != second[0].ID {
		t.Errorf("followed %v", got)
	}
}

// CaughtUp takes in what this store has acknowledged, however slowly the
// subscription brings it.
func TestCaughtUpCountsOwnAppends(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stored, seen, rounds := 0, 0, 0
	for b, err := range s.Follow(ctx, 0, 3) {
		if err != nil {
			t.Fatal(err)
		}
		seen += len(b.Events)
		if !b.CaughtUp {
			continue
		}
		if seen != stored {
			t.Fatalf("caught up with %d of %d events", seen, stored)
		}
		if rounds++; rounds > 200 {
			break
		}
		for i := range 1 + rounds%5 {
			must(t, s, events.Stream(fmt.Sprintf("plot-%d.%d", rounds, i)), events.NoStream, eventstest.News(2)...)
			stored += 2
		}
	}
	if rounds != 201 {
		t.Errorf("%d rounds", rounds)
	}
}

func TestFollowEndsOnLastingErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unauthenticated, codes.Unknown, codes.InvalidArgument} {
		noLeak(t)
		c := esdbtest.Start(t, 1, esdbtest.Options{})
		s := open(t, c.ConnString(), esdbstore.Options{})
		c.Before(func(_ *esdbtest.Node, method string) error { return status.Error(code, "no") })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var failure error
		for _, err := range s.Follow(ctx, 0, 10) {
			failure = err
		}
		cancel()
		if status.Code(failure) != code {
			t.Errorf("%v: got %v", code, failure)
		}
	}
}

func TestClose(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	reached, release := make(chan struct{}), make(chan struct{})
	c.After(func(*esdbtest.Node, string) error { close(reached); <-release; return nil })
	var wg sync.WaitGroup
	caught := make(chan struct{})
	wg.Go(func() {
		var failure error
		once := sync.OnceFunc(func() { close(caught) })
		for b, err := range s.Follow(t.Context(), 0, 10) {
			failure = err
			if b.CaughtUp {
				once()
			}
		}
		if !errors.Is(failure, esdbstore.ErrClosed) {
			t.Errorf("follow: %v", failure)
		}
	})
	<-caught
	wg.Go(func() {
		if _, _, err := s.Append(t.Context(), "plot-2", events.NoStream, eventstest.News(1)...); !errors.Is(err, events.ErrUnknown) {
			t.Errorf("an append under way: %v", err)
		}
	})
	<-reached
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	close(release)
	if _, _, err := s.Append(t.Context(), "plot-3", events.NoStream, eventstest.News(1)...); !errors.Is(err, esdbstore.ErrClosed) || errors.Is(err, events.ErrUnknown) {
		t.Errorf("append: %v", err)
	}
	for _, err := range s.Load(t.Context(), "plot-1", events.NoStream) {
		if !errors.Is(err, esdbstore.ErrClosed) {
			t.Errorf("load: %v", err)
		}
	}
}

func TestManyStoresLeaveNothingBehind(t *testing.T) {
	noLeak(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{})
	for i := range 5 {
		s, err := esdbstore.Open(t.Context(), c.ConnString(), esdbstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		must(t, s, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(300)[:150]...)
		for range 10 {
			for range s.Load(t.Context(), "plot-0", events.NoStream) {
				break
			}
			for range s.Follow(t.Context(), 0, 2) {
				break
			}
		}
		s.Close()
	}
}

func TestErrorsKeepThePasswordToThemselves(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := esdbstore.Open(ctx, "esdb://admin:s3cret@127.0.0.1:1", esdbstore.Options{})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}
