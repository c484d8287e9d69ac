package esdbstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/esdbstore/internal/esdbtest"
	"shenzhong/events/eventstest"
)

func must(t testing.TB, s events.Store, st events.Stream, at events.Revision, es ...events.New) (events.Revision, events.Position) {
	t.Helper()
	rev, pos, err := s.Append(t.Context(), st, at, es...)
	if err != nil {
		t.Fatalf("append to %s at %d: %v", st, at, err)
	}
	return rev, pos
}

func ids(es []events.Recorded) (out []uuid.UUID) {
	for _, e := range es {
		out = append(out, e.ID)
	}
	return out
}

func TestMetadataIsACloudEvent(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	known, unknown := eventstest.News(1)[0], eventstest.News(1)[0]
	known.Occurred = time.Date(2026, 11, 23, 12, 30, 0, 123456789, time.FixedZone("CST", 8*3600))
	known.Meta = events.Meta{Actor: "staff-0102", Command: uuid.New(), Correlation: uuid.New(), Causation: uuid.New(), LateReason: "补记", Estimated: true}
	unknown.Occurred, unknown.Meta = time.Time{}, events.Meta{}
	must(t, s, "plot-a-1.b", events.NoStream, known, unknown)

	want := []map[string]any{{
		"specversion": "1.0", "id": known.ID.String(), "source": "shenzhong", "type": known.Type, "subject": "plot-a-1.b",
		"time": "2026-11-23T04:30:00.123456789Z", "datacontenttype": "application/json", "actor": "staff-0102",
		"command": known.Meta.Command.String(), "correlation": known.Meta.Correlation.String(), "causation": known.Meta.Causation.String(),
		"latereason": "补记", "estimated": true,
	}, {
		"specversion": "1.0", "id": unknown.ID.String(), "source": "shenzhong", "type": unknown.Type, "subject": "plot-a-1.b",
		"datacontenttype": "application/json",
	}}
	for i := range want {
		var got map[string]any
		if err := json.Unmarshal(c.Custom("sz.plot-a-1.b", i), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want[i], got); d != "" {
			t.Errorf("event %d: (-want +got)\n%s", i, d)
		}
	}
}

func TestOccurredBeyondFourDigitYearsIsRefused(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	e := eventstest.News(1)[0]
	e.Occurred = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, _, err := s.Append(t.Context(), "plot-1", events.NoStream, e); err == nil || errors.Is(err, events.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if n := c.Count("sz.plot-1"); n != 0 {
		t.Errorf("%d events stored", n)
	}
}

func TestConflictTellsTheRevision(t *testing.T) {
	s := open(t, esdbtest.Start(t, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
	rev, _ := must(t, s, "plot-1", events.NoStream, eventstest.News(3)...)
	for _, c := range []struct {
		st               events.Stream
		expected, actual events.Revision
	}{{"plot-1", events.NoStream, rev}, {"plot-1", rev - 1, rev}, {"plot-1", rev + 1, rev}, {"plot-2", 7, 0}, {"plot-1", 1 << 63, 0}, {"plot-1", 1<<64 - 1, 0}} {
		_, _, err := s.Append(t.Context(), c.st, c.expected, eventstest.News(1)...)
		want := &events.ConflictError{Stream: c.st, Expected: c.expected, Actual: c.actual}
		if got, ok := errors.AsType[*events.ConflictError](err); !ok || *got != *want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestLostAcknowledgement(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Aborted, codes.DeadlineExceeded, codes.Unknown, codes.Internal, codes.ResourceExhausted, codes.Canceled} {
		t.Run(code.String(), func(t *testing.T) {
			c := esdbtest.Start(t, 1, esdbtest.Options{})
			s := open(t, c.ConnString(), esdbstore.Options{})
			start, _ := must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
			c.After(func(*esdbtest.Node, string) error { return status.Error(code, "lost") })
			es := eventstest.News(3)
			if _, _, err := s.Append(t.Context(), "plot-1", start, es...); !errors.Is(err, events.ErrUnknown) || status.Code(err) != code {
				t.Fatalf("got %v, want ErrUnknown with %v", err, code)
			}
			c.After(nil)

			// Others do not get past it, and the same events count once, even
			// when the stream has moved on and the bytes were sealed anew.
			if _, _, err := s.Append(t.Context(), "plot-1", start, eventstest.News(3)...); !errors.Is(err, events.ErrConflict) {
				t.Errorf("other events at the same revision: %v", err)
			}
			es[1].Data = []byte(`{"sealed":"anew"}`)
			rev, pos := must(t, s, "plot-1", start, es...)
			next, _ := must(t, s, "plot-1", rev, eventstest.News(1)...)
			again, pos2 := must(t, s, "plot-1", start, es...)
			if again != rev || pos2 != pos || next == rev {
				t.Errorf("repeated append: revision %d position %d, first %d and %d", again, pos2, rev, pos)
			}
			got := eventstest.LoadAll(t, s, "plot-1")
			if len(got) != 5 || got[3].ID != es[2].ID || got[3].Revision != rev || got[3].Position != pos {
				t.Errorf("stream holds %v", ids(got))
			}
			if string(got[2].Data) != `{"n":1}` {
				t.Errorf("the first bytes did not stay: %s", got[2].Data)
			}
		})
	}
}

func TestCertainRefusalsAreNotUnknown(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented} {
		c := esdbtest.Start(t, 1, esdbtest.Options{})
		s := open(t, c.ConnString(), esdbstore.Options{})
		c.Before(func(_ *esdbtest.Node, method string) error { return status.Error(code, "refused") })
		for range 20 { // the answer may overtake the sending, or not
			_, _, err := s.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(5)...)
			if status.Code(err) != code || errors.Is(err, events.ErrUnknown) || errors.Is(err, events.ErrConflict) {
				t.Fatalf("%v: got %v", code, err)
			}
		}
		if n := c.Count("sz.plot-1"); n != 0 {
			t.Errorf("%v: %d events stored", code, n)
		}
	}
}

// A server that refuses while the client still sends must not lose its answer.
func TestEarlyRejectionKeepsItsStatus(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{MaxAppendSize: 64 << 10})
	s := open(t, c.ConnString(), esdbstore.Options{})
	es := eventstest.News(10)
	for i := range es {
		es[i].Data = fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("y", 80<<10))
	}
	for range 20 {
		_, _, err := s.Append(t.Context(), "plot-1", events.NoStream, es...)
		if !errors.Is(err, events.ErrTooLarge) || status.Code(err) != codes.InvalidArgument || errors.Is(err, events.ErrUnknown) {
			t.Fatalf("got %v", err)
		}
	}
	if n := c.Count("sz.plot-1"); n != 0 {
		t.Errorf("%d events stored", n)
	}
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
}

func TestDeletedStreams(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	must(t, s, "plot-soft", events.NoStream, eventstest.News(3)...)
	must(t, s, "plot-gone", events.NoStream, eventstest.News(3)...)
	c.Delete("sz.plot-soft", false)
	c.Delete("sz.plot-gone", true)
	for _, st := range []events.Stream{"plot-soft", "plot-gone"} {
		if n := len(eventstest.LoadAll(t, s, st)); n != 0 {
			t.Errorf("%s: %d events", st, n)
		}
	}
	if rev, _ := must(t, s, "plot-soft", events.NoStream, eventstest.News(2)...); rev != 5 {
		t.Errorf("a stream opened again is at %d, want 5", rev)
	}
	if es := eventstest.LoadAll(t, s, "plot-soft"); len(es) != 2 || es[0].Revision != 4 {
		t.Errorf("a stream opened again holds %v", es)
	}
	_, _, err := s.Append(t.Context(), "plot-gone", events.NoStream, eventstest.News(1)...)
	if status.Code(err) != codes.FailedPrecondition || errors.Is(err, events.ErrUnknown) || errors.Is(err, events.ErrConflict) {
		t.Errorf("append to a tombstoned stream: %v", err)
	}
}

func TestLoadCrossesPages(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	var want []uuid.UUID
	rev := events.NoStream
	for i := range 7 { // 700 small events are three pages; 7 of 900 KB are two
		small, big := eventstest.News(100), eventstest.News(1)
		big[0].Data = fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("y", 850<<10))
		for _, e := range append(small, big...) {
			want = append(want, e.ID)
		}
		rev, _ = must(t, s, "plot-1", rev, small...)
		rev, _ = must(t, s, "plot-1", rev, big...)
		if i == 3 { // a page that ends exactly at the end of the stream
			must(t, s, "plot-2", events.NoStream, eventstest.News(128)...)
			must(t, s, "plot-2", 128, eventstest.News(128)...)
		}
	}
	if d := cmp.Diff(want, ids(eventstest.LoadAll(t, s, "plot-1"))); d != "" {
		t.Error(d)
	}
	if n := len(eventstest.LoadAll(t, s, "plot-2")); n != 256 {
		t.Errorf("%d events, want 256", n)
	}
	// A loop body may use the store as it likes: no call is open meanwhile.
	n := 0
	for r, err := range s.Load(t.Context(), "plot-1", events.NoStream) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n > 5 {
			break
		}
		for inner, err := range s.Load(t.Context(), "plot-1", r.Revision) {
			if err != nil || inner.Revision <= r.Revision {
				t.Fatal(inner.Revision, err)
			}
			break
		}
	}
}

func TestFollowKeepsToOurStreams(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	other := open(t, c.ConnString(), esdbstore.Options{Prefix: "test."})
	rev := events.NoStream
	var want []uuid.UUID
	for i := range 6000 { // enough foreign events for checkpoints in between
		c.Put("order-1", "OrderPlaced", nil, []byte(`{}`))
		c.Put("sz.Not-Ours", "OrderPlaced", []byte(`not JSON`), nil)
		if i%1000 == 0 {
			es := eventstest.News(2)
			rev, _ = must(t, s, "plot-1", rev, es...)
			want = append(want, es[0].ID, es[1].ID)
			must(t, other, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(1)...)
		}
	}
	if d := cmp.Diff(want, ids(eventstest.FollowAll(t, s, 0))); d != "" {
		t.Error(d)
	}
	if n := len(eventstest.FollowAll(t, other, 0)); n != 6 {
		t.Errorf("the other prefix has %d events, want 6", n)
	}
}

func TestEventsByAnotherHand(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	c.Put("sz.plot-1", "plot.surveyed.v1", nil, []byte(`{"by":"hand"}`))
	got := eventstest.FollowAll(t, s, 0)
	if len(got) != 1 || got[0].Type != "plot.surveyed.v1" || !got[0].Occurred.IsZero() || got[0].Meta != (events.Meta{}) {
		t.Errorf("an event without metadata reads as %+v", got)
	}
	c.Put("sz.plot-1", "plot.surveyed.v1", []byte(`{"time":"yesterday"}`), []byte(`{}`))
	wantFailure(t, s, "plot-1", "metadata")
}

func TestPositionPairThatDiffersIsRefused(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	c.Put("sz.plot-1", "plot.surveyed.v1", nil, []byte(`{}`))
	c.Split()
	wantFailure(t, s, "plot-1", "differ")
}

// wantFailure: both Load and Follow end with an error that says why.
func wantFailure(t *testing.T, s events.Store, st events.Stream, why string) {
	t.Helper()
	var failure error
	for _, err := range s.Load(t.Context(), st, events.NoStream) {
		failure = err
	}
	if failure == nil || !strings.Contains(failure.Error(), why) {
		t.Errorf("Load: %v", failure)
	}
	failure = nil
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for _, err := range s.Follow(ctx, 0, 10) {
		failure = err
	}
	if failure == nil || !strings.Contains(failure.Error(), why) {
		t.Errorf("Follow: %v", failure)
	}
}

// A position that no event has is not a place to begin at.
func TestFollowRefusesAMadeUpPosition(t *testing.T) {
	s := open(t, esdbtest.Start(t, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
	_, pos := must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var failure error
	for _, err := range s.Follow(ctx, pos+1, 10) {
		failure = err
	}
	if status.Code(failure) != codes.InvalidArgument {
		t.Errorf("got %v", failure)
	}
}

func TestEveryStreamCallAsksForTheLeader(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, c.ConnString(), esdbstore.Options{})
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	eventstest.LoadAll(t, s, "plot-1")
	eventstest.FollowAll(t, s, 0)
	seen := map[string]bool{}
	for _, call := range c.Calls() {
		seen[call.Method] = true
		if (call.Method == "Append" || call.Method == "Read") && !call.RequiresLeader {
			t.Errorf("%+v", call)
		}
		if call.Authorization != "" {
			t.Errorf("credentials on a plain connection: %+v", call)
		}
	}
	if !seen["Append"] || !seen["Read"] || s.ServerVersion() != "23.10.2" {
		t.Errorf("saw %v, server version %q", seen, s.ServerVersion())
	}
}

func TestOpenRefusesPrefixes(t *testing.T) {
	for _, p := range []string{"$", "$sz.", "园.", "a b", "a\x00"} {
		if _, err := esdbstore.Open(t.Context(), "esdb://127.0.0.1:1?tls=false", esdbstore.Options{Prefix: p}); err == nil || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("%q: %v", p, err)
		}
	}
}
