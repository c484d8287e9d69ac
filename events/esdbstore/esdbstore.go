// Package esdbstore keeps events in EventStoreDB or KurrentDB.
//
// It speaks the server's gRPC protocol through the generated stubs of the
// official client, over connections of its own (see cluster). One append is one
// transaction on one stream; the server flushes it to disk on the leader before
// it answers, unless it runs with --unsafe-disable-flush-to-disk or --mem-db,
// which this protocol cannot tell and an operator must not set.
//
// A Revision is the server's event number plus one. A Position is the log
// position of the event's record.
package esdbstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"shenzhong/events"
)

// Options say how a Store uses its database. The zero value is right.
type Options struct {
	// Prefix stands before the name of every stream, so that one database may
	// hold other programs' streams too. ASCII, not beginning with '$', which is
	// the server's. Empty means "sz.".
	Prefix string
	// Source is the CloudEvents source of new events. Empty means "shenzhong".
	Source string
}

// Store is an events.Store in EventStoreDB or KurrentDB.
//
// Appending the same events (the same ids) again at the same expected revision
// succeeds and stores nothing new, however long ago the first time was: the
// server knows them by their ids. So after ErrUnknown it is safe to append the
// same events once more.
type Store struct {
	c              *cluster
	prefix, source string
	version        string
	acked          atomic.Uint64 // the highest position that Append has answered with

	// How long Follow sits still before it asks whether there is more: before
	// it has caught up, and after.
	settle, idle time.Duration
}

var _ events.Store = (*Store)(nil)

// Open connects to the server or cluster of the connection string (see parse
// for its form) and makes sure that it answers and lets us read. It tries until
// ctx is done, at most for the string's defaultDeadline.
//
// User and password are sent with every call, over TLS only; a server without
// TLS is a server without users.
func Open(ctx context.Context, connectionString string, opts Options) (*Store, error) {
	if opts.Prefix == "" {
		opts.Prefix = "sz."
	}
	if opts.Source == "" {
		opts.Source = "shenzhong"
	}
	for _, c := range opts.Prefix {
		if c <= ' ' || c >= 0x7f || opts.Prefix[0] == '$' {
			return nil, fmt.Errorf("esdbstore: stream prefix %q is not plain ASCII, or begins with '$'", opts.Prefix)
		}
	}
	set, err := parse(connectionString)
	if err != nil {
		return nil, err
	}
	c, err := newCluster(set)
	if err != nil {
		return nil, err
	}
	s := &Store{c: c, prefix: opts.Prefix, source: opts.Source, settle: 500 * time.Millisecond, idle: 15 * time.Second}
	if err := s.hello(ctx); err != nil {
		c.close()
		return nil, fmt.Errorf("esdbstore: open: %w", err)
	}
	return s, nil
}

// hello asks for the server's version, and reads the log's last event to see
// that we may.
func (s *Store) hello(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.set.deadline)
	defer cancel()
	err := s.c.do(ctx, func(ctx context.Context, n *node) error {
		m, err := serverfeatures.NewServerFeaturesClient(n.calls).GetSupportedMethods(ctx, &shared.Empty{})
		switch {
		case status.Code(err) == codes.Unimplemented, status.Code(err) == codes.NotFound: // before 21.10
			return nil
		case err != nil:
			return s.readError(ctx, n, nil, err)
		}
		s.version = m.GetEventStoreServerVersion()
		return nil
	})
	if err != nil {
		return err
	}
	return s.c.do(ctx, func(ctx context.Context, n *node) error {
		_, err := s.read(ctx, n, &pb.ReadReq_Options{
			StreamOption: &pb.ReadReq_Options_All{All: &pb.ReadReq_Options_AllOptions{
				AllOption: &pb.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}}},
			ReadDirection: pb.ReadReq_Options_Backwards,
			CountOption:   &pb.ReadReq_Options_Count{Count: 1},
			FilterOption:  &pb.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		})
		return err
	})
}

// ServerVersion is the version that the server gave when the store was opened,
// such as "23.10.2"; empty for servers too old to tell.
func (s *Store) ServerVersion() string { return s.version }

// Close ends all calls under way and frees the connections.
func (s *Store) Close() error {
	s.c.close()
	return nil
}

// Append implements events.Store.
func (s *Store) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	if err := events.CheckAppend(st, es); err != nil {
		return 0, 0, err
	}
	if uint64(expected) > math.MaxInt64 { // the server counts in int64: no stream can be there
		return 0, 0, &events.ConflictError{Stream: st, Expected: expected}
	}
	o := &pb.AppendReq_Options{StreamIdentifier: s.stream(st)}
	if expected == events.NoStream {
		o.ExpectedStreamRevision = &pb.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	} else {
		o.ExpectedStreamRevision = &pb.AppendReq_Options_Revision{Revision: uint64(expected) - 1}
	}
	msgs := []*pb.AppendReq{{Content: &pb.AppendReq_Options_{Options: o}}}
	for _, e := range es {
		m, err := s.propose(st, e)
		if err != nil {
			return 0, 0, fmt.Errorf("esdbstore: append to %s: %w", st, err)
		}
		msgs = append(msgs, m)
	}

	ctx, cancel := context.WithTimeout(ctx, s.c.set.deadline)
	defer cancel()
	var r *pb.AppendResp
	err := s.c.do(ctx, func(ctx context.Context, n *node) (err error) {
		r, err = s.send(ctx, n, msgs)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("esdbstore: append to %s: %w", st, err)
	}
	if w := r.GetWrongExpectedVersion(); w != nil {
		c := &events.ConflictError{Stream: st, Expected: expected}
		if v, ok := w.GetCurrentRevisionOption().(*pb.AppendResp_WrongExpectedVersion_CurrentRevision); ok {
			c.Actual = events.Revision(v.CurrentRevision + 1)
		}
		return 0, 0, c
	}
	p := r.GetSuccess().GetPosition()
	rev := events.Revision(r.GetSuccess().GetCurrentRevision() + 1)
	if p == nil || p.CommitPosition != p.PreparePosition || rev < expected+events.Revision(len(es)) {
		return 0, 0, fmt.Errorf("esdbstore: append of %d events to %s at %d: %w: the answer cannot be right: %v", len(es), st, expected, events.ErrUnknown, r)
	}
	for {
		seen := s.acked.Load()
		if seen >= p.CommitPosition || s.acked.CompareAndSwap(seen, p.CommitPosition) {
			break
		}
	}
	return rev, events.Position(p.CommitPosition), nil
}

func (s *Store) stream(st events.Stream) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(s.prefix + string(st))}
}

// send does one append call. Its error is again if nothing was stored and a
// leader might take it; ErrUnknown unless it is certain that nothing was stored.
func (s *Store) send(ctx context.Context, n *node, msgs []*pb.AppendReq) (*pb.AppendResp, error) {
	var trailer metadata.MD
	call, cancel := context.WithCancel(leader(ctx)) // ends the call when we leave early
	defer cancel()
	// The server begins to write when it has seen the end of our messages, so an
	// error before that is certain, and the end must never be sent after one. The
	// gRPC library gets this wrong when a connection drains: it answers a Send
	// with EOF and later repeats the call by itself with the messages up to
	// there, the end included. Without a buffer it repeats nothing once a
	// message is on its way.
	a, err := pb.NewStreamsClient(n.calls).Append(call, grpc.Trailer(&trailer), grpc.MaxRetryRPCBufferSize(0))
	for i := 0; err == nil && i < len(msgs); i++ {
		err = a.Send(msgs[i])
	}
	complete := err == nil
	r := &pb.AppendResp{}
	switch {
	case err == nil:
		if r, err = a.CloseAndRecv(); err == nil {
			return r, nil
		}
	case err == io.EOF: // the call has ended; the answer says why
		if err = a.RecvMsg(r); err == nil {
			err = errors.New("the server answered before it had everything")
		}
	}
	if s.c.moved(n, trailer, err) {
		return nil, again{err}
	}
	switch exception(trailer) {
	case "maximum-append-size-exceeded", "maximum-append-event-size-exceeded":
		return nil, fmt.Errorf("%w: %w", events.ErrTooLarge, err)
	case "stream-deleted", "access-denied", "wrong-expected-version", "invalid-transaction":
		return nil, err
	}
	switch code := status.Code(err); {
	case code == codes.InvalidArgument, code == codes.PermissionDenied, code == codes.Unauthenticated, code == codes.Unimplemented:
		return nil, err
	case complete:
		return nil, fmt.Errorf("%w: %w", events.ErrUnknown, ended(ctx, err))
	case code == codes.Unavailable && ctx.Err() == nil:
		return nil, again{err}
	}
	return nil, ended(ctx, err)
}

// Load asks for pages, so that no call stays open while the caller is busy
// with an event.
const (
	pageEvents = 256
	pageBytes  = 4 << 20
)

// Load implements events.Store.
func (s *Store) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		if err := st.Check(); err != nil {
			yield(events.Recorded{}, err)
			return
		}
		for more := uint64(after) <= math.MaxInt64; more; {
			page, err := s.page(ctx, st, after)
			if err != nil {
				yield(events.Recorded{}, fmt.Errorf("esdbstore: load %s: %w", st, err))
				return
			}
			for _, r := range page.events {
				after = r.Revision
				if !yield(r, nil) {
					return
				}
			}
			more = page.more
		}
	}
}

func (s *Store) page(ctx context.Context, st events.Stream, after events.Revision) (p page, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.set.deadline)
	defer cancel()
	err = s.c.do(ctx, func(ctx context.Context, n *node) (err error) {
		p, err = s.read(ctx, n, &pb.ReadReq_Options{
			StreamOption: &pb.ReadReq_Options_Stream{Stream: &pb.ReadReq_Options_StreamOptions{
				StreamIdentifier: s.stream(st),
				RevisionOption:   &pb.ReadReq_Options_StreamOptions_Revision{Revision: uint64(after)}}},
			ReadDirection: pb.ReadReq_Options_Forwards,
			CountOption:   &pb.ReadReq_Options_Count{Count: pageEvents},
			FilterOption:  &pb.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		})
		return err
	})
	return p, err
}

// newer reports whether the log holds an event of ours after the position.
func (s *Store) newer(ctx context.Context, after events.Position) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.set.deadline)
	defer cancel()
	found := false
	err := s.c.do(ctx, func(ctx context.Context, n *node) error {
		p, err := s.read(ctx, n, &pb.ReadReq_Options{
			StreamOption:  &pb.ReadReq_Options_All{All: all(after)},
			ReadDirection: pb.ReadReq_Options_Forwards,
			CountOption:   &pb.ReadReq_Options_Count{Count: 2}, // a read begins with the event at the position
			FilterOption:  s.filter(),
		})
		for _, r := range p.events {
			found = found || r.Position > after
		}
		return err
	})
	return found, err
}

// all is a place in $all to begin at.
func all(p events.Position) *pb.ReadReq_Options_AllOptions {
	if p == 0 {
		return &pb.ReadReq_Options_AllOptions{AllOption: &pb.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
	}
	return &pb.ReadReq_Options_AllOptions{AllOption: &pb.ReadReq_Options_AllOptions_Position{
		Position: &pb.ReadReq_Options_Position{CommitPosition: uint64(p), PreparePosition: uint64(p)}}}
}

// filter keeps to our streams. Those of the server begin with '$', and so do
// the metadata streams of ours.
func (s *Store) filter() *pb.ReadReq_Options_Filter {
	return &pb.ReadReq_Options_Filter{Filter: &pb.ReadReq_Options_FilterOptions{
		Filter: &pb.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: &pb.ReadReq_Options_FilterOptions_Expression{Prefix: []string{s.prefix}}},
		Window:                       &pb.ReadReq_Options_FilterOptions_Max{Max: 500},
		CheckpointIntervalMultiplier: 4, // a checkpoint for every 2,000 events looked at
	}}
}

// page is what one read call brought.
type page struct {
	events []events.Recorded
	more   bool // there may be more
}

// read does one read call that ends by itself. Its error is again if a further
// try may bring the answer.
func (s *Store) read(ctx context.Context, n *node, o *pb.ReadReq_Options) (p page, err error) {
	o.UuidOption = &pb.ReadReq_Options_UUIDOption{Content: &pb.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}}
	var trailer metadata.MD
	call, cancel := context.WithCancel(leader(ctx))
	defer cancel()
	frames, err := pb.NewStreamsClient(n.calls).Read(call, &pb.ReadReq{Options: o}, grpc.Trailer(&trailer))
	if err != nil {
		return page{}, s.readError(ctx, n, trailer, err)
	}
	var count, size int
	for {
		f, err := frames.Recv()
		if errors.Is(err, io.EOF) {
			p.more = uint64(count) == o.GetCount()
			return p, nil
		}
		if err != nil {
			return page{}, s.readError(ctx, n, trailer, err)
		}
		e := f.GetEvent().GetEvent()
		if e == nil {
			continue // no such stream, or a frame that only newer clients ask for
		}
		count++
		r, ours, err := s.recorded(e)
		if err != nil {
			return page{}, err
		}
		if ours {
			p.events = append(p.events, r)
		}
		if size += len(e.GetData()) + len(e.GetCustomMetadata()); size >= pageBytes {
			p.more = true
			return p, nil
		}
	}
}

func (s *Store) readError(ctx context.Context, n *node, trailer metadata.MD, err error) error {
	switch {
	case s.c.moved(n, trailer, err):
		return again{err}
	case exception(trailer) == "stream-deleted": // tombstoned: it has no events any more
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case s.c.ctx.Err() != nil:
		return ErrClosed
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Aborted:
		return again{err}
	}
	return ended(ctx, err)
}
