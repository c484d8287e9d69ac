package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"shenzhong/events"
	"shenzhong/events/eventstest"
)

// together appends to so many streams at once and answers with each error.
func together(s events.Store, n int, at func(i int) (events.Stream, events.Revision)) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			st, rev := at(i)
			_, _, errs[i] = s.Append(context.Background(), st, rev, eventstest.News(1+i%3)...)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestManyCallersShareASync(t *testing.T) {
	s := open(t, config(t.TempDir()))
	for i, err := range together(s, 400, func(i int) (events.Stream, events.Revision) {
		return events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream
	}) {
		if err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if batches, appends := s.Groups(); batches == 0 || appends < 200 {
		t.Errorf("%d appends went in %d groups, of 400", appends, batches)
	}
	if n := len(eventstest.FollowAll(t, s, 0)); n != 799 {
		t.Errorf("%d events, want 799", n)
	}
	verify(t, s)
}

func TestALoneCallerWaitsForNobody(t *testing.T) {
	s := open(t, config(t.TempDir()))
	for i := range 20 {
		if _, _, err := s.Append(t.Context(), events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(3)...); err != nil {
			t.Fatal(err)
		}
	}
	if batches, _ := s.Groups(); batches != 0 {
		t.Errorf("%d groups", batches)
	}
}

// TestAConflictInAGroupHurtsNobodyElse: after a new start the store does not
// know where streams end, so that conflicts get into groups.
func TestAConflictInAGroupHurtsNobodyElse(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	taken := func(i int) bool { return i%10 == 3 }
	for i := range 300 {
		if !taken(i) {
			continue
		}
		if _, _, err := s.Append(t.Context(), events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(1)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	for i, err := range together(s, 300, func(i int) (events.Stream, events.Revision) {
		return events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream
	}) {
		c, ok := errors.AsType[*events.ConflictError](err)
		if ok != taken(i) || ok && c.Actual == events.NoStream || !ok && err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
	for i := range 300 {
		want := 1 + i%3
		if taken(i) {
			want = 1
		}
		if n := len(eventstest.LoadAll(t, s, events.Stream(fmt.Sprintf("plot-%d", i)))); n != want {
			t.Errorf("plot-%d has %d events, want %d", i, n, want)
		}
	}
	verify(t, s)
}

// TestAThousandWantOneSlot: one gets it, the others learn who.
func TestAThousandWantOneSlot(t *testing.T) {
	s := open(t, config(t.TempDir()))
	won := 0
	for _, err := range together(s, 1000, func(int) (events.Stream, events.Revision) { return "day-h1", events.NoStream }) {
		if err == nil {
			won++
		} else if c, ok := errors.AsType[*events.ConflictError](err); !ok || c.Actual == events.NoStream {
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	verify(t, s)
}

// TestGivingUpInTheQueue: who is no longer waiting is not appended later, or
// is told that nobody knows.
func TestGivingUpInTheQueue(t *testing.T) {
	s := open(t, config(t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errs := make([]error, 600)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			if i == 300 {
				cancel()
			}
			_, _, errs[i] = s.Append(ctx, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(1)...)
		})
	}
	wg.Wait()
	// Whatever was in flight arrives before what is appended now.
	if _, _, err := s.Append(t.Context(), "plot-last", events.NoStream, eventstest.News(1)...); err != nil {
		t.Fatal(err)
	}
	stored := map[events.Stream]bool{}
	for _, r := range eventstest.FollowAll(t, s, 0) {
		stored[r.Stream] = true
	}
	for i, err := range errs {
		st := events.Stream(fmt.Sprintf("plot-%d", i))
		switch {
		case err == nil && !stored[st]:
			t.Errorf("%s was acknowledged and is missing", st)
		case err != nil && !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", st, err)
		case err != nil && stored[st] && !errors.Is(err, events.ErrUnknown):
			t.Errorf("%s is there, but the answer was certain: %v", st, err)
		}
	}
	verify(t, s)
}
