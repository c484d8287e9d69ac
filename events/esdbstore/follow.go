package esdbstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"shenzhong/events"
)

// A notice is what a feed tells Follow.
type notice struct {
	event      events.Recorded
	checkpoint events.Position // nothing of ours lies between the last event and here
	kind       kind
	err        error
}

type kind int

const (
	event kind = iota
	checkpoint
	caughtUp // the server has sent all that was stored
	behind   // the subscription was lost and begins again
	failed   // the last notice
)

// A feed keeps one subscription to $all going.
type feed struct {
	s    *Store
	out  chan notice
	kick atomic.Pointer[context.CancelFunc] // ends the present subscription
}

// Follow implements events.Store. When the subscription is lost (a restart, a
// new leader) it begins again after the last event by itself, for as long as it
// takes; only a failure that waiting cannot mend ends it with an error.
//
// CaughtUp takes every append that this Store has acknowledged into account.
// Of appends by other processes it says what the server said: they were all
// there when it last had nothing more to send.
//
// A server takes about a hundred Follows of one Store at a time; one more waits
// until another ends.
func (s *Store) Follow(ctx context.Context, after events.Position, limit int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		limit := max(limit, 1)
		ctx, cancel := context.WithCancel(ctx)
		f := &feed{s: s, out: make(chan notice, limit)}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.run(ctx, after)
		}()
		defer func() {
			cancel()
			<-ended
		}()

		var (
			at   = after // nothing of ours up to here is still to come
			live bool    // the server has sent all it had, and sends what is new
			told bool    // the last batch said CaughtUp
			wait = s.settle
		)
		quiet := time.NewTimer(wait)
		defer quiet.Stop()
		for {
			var b events.Batch
			var failure error
			take := func(n notice) {
				switch n.kind {
				case event:
					b.Events = append(b.Events, n.event)
					at = n.event.Position
				case checkpoint:
					at = n.checkpoint
				case caughtUp:
					live = true
				case behind:
					live, told = false, false
				case failed:
					failure = n.err
				}
			}
			select {
			case <-ctx.Done():
				return
			case n := <-f.out:
				take(n)
				wait = s.settle
			case <-quiet.C:
				// Servers before 23.10 never say that we caught up; and one that
				// was cut off from its cluster would keep us waiting for ever.
				more, err := s.newer(ctx, at)
				switch {
				case err == nil && !more:
					live = true
				case err == nil && len(f.out) == 0 && (live || wait >= s.idle):
					if end := f.kick.Load(); end != nil {
						(*end)()
					}
					live = false
				}
				wait = min(2*wait, s.idle)
			}
			for more := true; more && failure == nil && len(b.Events) < limit; {
				select {
				case n := <-f.out:
					take(n)
				default:
					more = false
				}
			}
			b.CaughtUp = live && failure == nil && len(f.out) == 0 && uint64(at) >= s.acked.Load()
			if len(b.Events) > 0 || b.CaughtUp && !told {
				told = b.CaughtUp
				if !yield(b, nil) {
					return
				}
			}
			if failure != nil {
				if ctx.Err() == nil {
					yield(events.Batch{}, fmt.Errorf("esdbstore: follow: %w", failure))
				}
				return
			}
			if live {
				wait = s.idle
			}
			quiet.Reset(wait)
		}
	}
}

func (f *feed) tell(ctx context.Context, n notice) {
	select {
	case f.out <- n:
	case <-ctx.Done():
	}
}

// strikes is how often in a row a subscription may fail for a reason that
// waiting seldom mends before Follow gives up.
const strikes = 5

func (f *feed) run(ctx context.Context, at events.Position) {
	const first, longest = 20 * time.Millisecond, time.Second
	pause, bad := first, 0
	for again := false; ; again = true {
		progress, err := f.subscribe(ctx, &at, again)
		if ctx.Err() != nil {
			return
		}
		if progress {
			pause, bad = first, 0
		}
		if !passing(err) {
			bad++
		}
		if lost, ok := errors.AsType[fatal](err); ok || bad == strikes {
			if ok {
				err = lost.error
			}
			f.tell(ctx, notice{kind: failed, err: err})
			return
		}
		f.tell(ctx, notice{kind: behind})
		select {
		case <-time.After(pause):
			pause = min(2*pause, longest)
		case <-ctx.Done():
			return
		}
	}
}

// fatal is a failure that no new subscription can mend.
type fatal struct{ error }

// passing reports whether a subscription's end is of the kind that restarts and
// elections bring.
func passing(err error) bool {
	if err == io.EOF {
		return true
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Aborted, codes.Canceled, codes.DeadlineExceeded:
		return true
	}
	_, moved := errors.AsType[again](err)
	return moved
}

// subscribe follows the log from at, which it moves on, until the subscription
// is lost. progress: the server took the subscription.
func (f *feed) subscribe(ctx context.Context, at *events.Position, resumed bool) (progress bool, err error) {
	s := f.s
	n, err := s.c.acquire(ctx)
	if err != nil {
		return false, fatal{err} // ctx is done, or the store closed
	}
	defer s.c.release(n)
	call, cancel := context.WithCancel(leader(ctx))
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	f.kick.Store(&cancel)

	var trailer metadata.MD
	frames, err := pb.NewStreamsClient(n.subs).Read(call, &pb.ReadReq{Options: &pb.ReadReq_Options{
		StreamOption:  &pb.ReadReq_Options_All{All: all(*at)},
		ReadDirection: pb.ReadReq_Options_Forwards,
		CountOption:   &pb.ReadReq_Options_Subscription{Subscription: &pb.ReadReq_Options_SubscriptionOptions{}},
		FilterOption:  s.filter(),
		UuidOption:    &pb.ReadReq_Options_UUIDOption{Content: &pb.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}},
	}}, grpc.Trailer(&trailer))
	for err == nil {
		var frame *pb.ReadResp
		if frame, err = frames.Recv(); err != nil {
			break
		}
		switch c := frame.GetContent().(type) {
		case *pb.ReadResp_Confirmation:
			progress = true
			if resumed {
				f.tell(ctx, notice{kind: behind})
			}
		case *pb.ReadResp_Event:
			r, ours, err := s.recorded(c.Event.GetEvent())
			if err != nil {
				return progress, fatal{err}
			}
			if ours && r.Position > *at {
				*at = r.Position
				f.tell(ctx, notice{kind: event, event: r})
			}
		case *pb.ReadResp_Checkpoint_:
			// A pair that differs is no place that a single position can name.
			if p := events.Position(c.Checkpoint.GetCommitPosition()); c.Checkpoint.GetPreparePosition() == uint64(p) && p > *at {
				*at = p
				f.tell(ctx, notice{kind: checkpoint, checkpoint: p})
			}
		case *pb.ReadResp_CaughtUp_:
			f.tell(ctx, notice{kind: caughtUp})
		case *pb.ReadResp_FellBehind_:
			f.tell(ctx, notice{kind: behind})
		}
	}
	switch {
	case s.c.moved(n, trailer, err):
		return progress, again{err}
	case s.c.ctx.Err() != nil:
		return progress, fatal{ErrClosed}
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Unimplemented:
		return progress, fatal{err}
	}
	return progress, err
}
