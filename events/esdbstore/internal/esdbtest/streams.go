package esdbtest

import (
	"io"
	"math"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Append implements the Streams service.
func (n *Node) Append(s pb.Streams_AppendServer) error {
	head, err := s.Recv()
	if err != nil {
		return err
	}
	o := head.GetOptions()
	if o == nil {
		return status.Error(codes.InvalidArgument, "the first message must be the options")
	}
	name := string(o.GetStreamIdentifier().GetStreamName())
	var expected int64
	switch e := o.GetExpectedStreamRevision().(type) {
	case *pb.AppendReq_Options_Any:
		expected = anyRevision
	case *pb.AppendReq_Options_NoStream:
		expected = noStream
	case *pb.AppendReq_Options_StreamExists:
		expected = streamExists
	case *pb.AppendReq_Options_Revision:
		if e.Revision > math.MaxInt64 {
			return status.Error(codes.Unknown, "Exception was thrown by handler.")
		}
		expected = int64(e.Revision)
	}
	var msgs []*pb.AppendReq_ProposedMessage
	var ids []uuid.UUID
	for size := 0; ; {
		r, err := s.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err // the caller left: nothing is written
		}
		m := r.GetProposedMessage()
		typ, ok1 := m.GetMetadata()["type"]
		_, ok2 := m.GetMetadata()["content-type"]
		if !ok1 || !ok2 {
			s.SetTrailer(metadata.Pairs("exception", "missing-required-metadata-property"))
			return status.Error(codes.InvalidArgument, "Required Metadata Property is missing")
		}
		id, err := parseID(m.GetId())
		if err != nil || id == uuid.Nil || typ == "" {
			return status.Error(codes.Unknown, "Exception was thrown by handler.")
		}
		// Checked as messages arrive, so a caller may be refused while he sends.
		if size += len(m.GetData()) + len(m.GetCustomMetadata()) + 2*len(typ); size > n.c.opts.MaxAppendSize {
			s.SetTrailer(metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(n.c.opts.MaxAppendSize)))
			return status.Errorf(codes.InvalidArgument, "Maximum Append Size of %d Exceeded.", n.c.opts.MaxAppendSize)
		}
		msgs, ids = append(msgs, m), append(ids, id)
	}
	n.c.mu.Lock()
	n.c.sizes[len(msgs)]++
	n.c.mu.Unlock()
	resp, err := n.commit(name, expected, msgs, ids, s)
	if err != nil {
		return err
	}
	n.c.mu.Lock()
	after := n.c.after
	n.c.mu.Unlock()
	if after != nil {
		if err := after(n, "Append"); err != nil {
			return err
		}
	}
	return s.SendAndClose(resp)
}

func (n *Node) commit(name string, expected int64, msgs []*pb.AppendReq_ProposedMessage, ids []uuid.UUID, s grpc.ServerStream) (*pb.AppendResp, error) {
	l := n.c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	success := func(last int64, pos uint64) (*pb.AppendResp, error) {
		return &pb.AppendResp{Result: &pb.AppendResp_Success_{Success: &pb.AppendResp_Success{
			CurrentRevisionOption: &pb.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(last)},
			PositionOption:        &pb.AppendResp_Success_Position{Position: &pb.AppendResp_Position{CommitPosition: pos, PreparePosition: pos}}}}}, nil
	}
	switch o, first := l.decide(name, expected, ids); o {
	case idempotent: // the answer is the original one, though the stream may have moved on
		h := l.stream(name)
		last := first + int64(len(ids)) - 1
		for _, r := range h.records {
			if r.revision == last {
				return success(last, r.position)
			}
		}
		return nil, status.Error(codes.Unknown, "Exception was thrown by handler.")
	case wrongVersion:
		w := &pb.AppendResp_WrongExpectedVersion{CurrentRevisionOption: &pb.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}}
		if h := l.streams[name]; h != nil && h.last >= 0 {
			w.CurrentRevisionOption = &pb.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(h.last)}
		}
		return &pb.AppendResp{Result: &pb.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}, nil
	case streamDeleted:
		s.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
		return nil, status.Errorf(codes.FailedPrecondition, "Event stream '%s' is deleted.", name)
	default:
		return success(l.append(name, msgs, ids))
	}
}

func parseID(u *shared.UUID) (id uuid.UUID, err error) {
	if s := u.GetStructured(); s != nil {
		for i := range 8 {
			id[i] = byte(s.GetMostSignificantBits() >> (56 - 8*i))
			id[8+i] = byte(s.GetLeastSignificantBits() >> (56 - 8*i))
		}
		return id, nil
	}
	return uuid.Parse(u.GetString_())
}

func frame(r *record) *pb.ReadResp {
	meta := map[string]string{"type": r.meta["type"], "content-type": r.meta["content-type"], "created": strconv.FormatInt(r.created.UnixNano()/100, 10)}
	prepare := r.position
	if r.meta["split"] != "" {
		prepare--
	}
	return &pb.ReadResp{Content: &pb.ReadResp_Event{Event: &pb.ReadResp_ReadEvent{
		Event: &pb.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: r.id.String()}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
			StreamRevision:   uint64(r.revision),
			CommitPosition:   r.position,
			PreparePosition:  prepare,
			Metadata:         meta,
			CustomMetadata:   r.custom,
			Data:             r.data,
		},
		Position: &pb.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.position}}}}
}

// Read implements the Streams service: forwards on a stream, both ways on
// $all, and subscriptions to $all.
func (n *Node) Read(q *pb.ReadReq, s pb.Streams_ReadServer) error {
	o := q.GetOptions()
	forwards := o.GetReadDirection() == pb.ReadReq_Options_Forwards
	_, live := o.GetCountOption().(*pb.ReadReq_Options_Subscription)
	switch {
	case o.GetUuidOption() == nil:
		return status.Error(codes.InvalidArgument, "'UuidOption' is required")
	case o.GetStream() != nil && forwards && !live:
		return n.readStream(o, s)
	case o.GetAll() != nil && live:
		return n.subscribe(o, s)
	case o.GetAll() != nil:
		return n.readAll(o, s, forwards)
	}
	return status.Error(codes.Unimplemented, "this double does not do that")
}

func (n *Node) readStream(o *pb.ReadReq_Options, s pb.Streams_ReadServer) error {
	id := o.GetStream().GetStreamIdentifier()
	name, from, count := string(id.GetStreamName()), o.GetStream().GetRevision(), o.GetCount()
	l := n.c.log
	l.mu.Lock()
	h := l.streams[name]
	if h != nil && h.tombstoned {
		l.mu.Unlock()
		s.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", name))
		return status.Errorf(codes.FailedPrecondition, "Event stream '%s' is deleted.", name)
	}
	if h == nil || h.deleted || h.last < 0 {
		l.mu.Unlock()
		return s.Send(&pb.ReadResp{Content: &pb.ReadResp_StreamNotFound_{StreamNotFound: &pb.ReadResp_StreamNotFound{StreamIdentifier: id}}})
	}
	var out []*record
	for _, r := range h.records {
		if r.revision >= h.truncated && uint64(r.revision) >= from && uint64(len(out)) < count {
			out = append(out, r)
		}
	}
	l.mu.Unlock()
	for _, r := range out {
		if err := s.Send(frame(r)); err != nil {
			return err
		}
	}
	return nil
}

// start is the index at which a read or subscription of $all begins.
func (l *log) start(o *pb.ReadReq_Options_AllOptions, forwards, exclusive bool) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch a := o.GetAllOption().(type) {
	case *pb.ReadReq_Options_AllOptions_Position:
		p := a.Position
		if p.GetCommitPosition() < p.GetPreparePosition() {
			return 0, status.Error(codes.Unknown, "Exception was thrown by handler.")
		}
		i, exact := l.at(p.GetCommitPosition())
		if !exact {
			code := codes.Unknown
			if exclusive && forwards {
				code = codes.InvalidArgument
			}
			return 0, status.Error(code, "Trying to read from an invalid position.")
		}
		if exclusive {
			i++
		}
		return i, nil
	case *pb.ReadReq_Options_AllOptions_End:
		return len(l.all), nil
	}
	return 0, nil
}

func (n *Node) readAll(o *pb.ReadReq_Options, s pb.Streams_ReadServer, forwards bool) error {
	l := n.c.log
	i, err := l.start(o.GetAll(), forwards, false)
	if err != nil {
		return err
	}
	l.mu.Lock()
	all := l.all[:len(l.all):len(l.all)]
	l.mu.Unlock()
	step := 1
	if !forwards { // the end is the place after the last, and backwards is exclusive
		i, step = min(i, len(all))-1, -1
	}
	for sent := uint64(0); i >= 0 && i < len(all) && sent < o.GetCount(); i += step {
		if !matches(o.GetFilter(), all[i]) {
			continue
		}
		sent++
		if err := s.Send(frame(all[i])); err != nil {
			return err
		}
	}
	return nil
}

// subscribe sends the confirmation, history, CaughtUp when there is no more,
// then what is new. A reader who is slow is caught up anew and told so again.
func (n *Node) subscribe(o *pb.ReadReq_Options, s pb.Streams_ReadServer) error {
	f := o.GetFilter()
	window := uint64(math.MaxUint64)
	if f != nil {
		if f.GetCheckpointIntervalMultiplier() == 0 {
			return status.Error(codes.InvalidArgument, "checkpointIntervalMultiplier must be positive")
		}
		max := f.GetMax()
		if max == 0 {
			max = 32
		}
		window = uint64(max) * uint64(f.GetCheckpointIntervalMultiplier())
	}
	l := n.c.log
	i, err := l.start(o.GetAll(), true, true)
	if err != nil {
		return err
	}
	if err := s.Send(&pb.ReadResp{Content: &pb.ReadResp_Confirmation{Confirmation: &pb.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}}}); err != nil {
		return err
	}
	var considered uint64   // events looked at since the last checkpoint
	last, checked := -1, -1 // indexes of the last event considered and the last checkpoint
	checkpoint := func() error {
		considered = 0
		if f == nil || last <= checked {
			return nil // never the same one twice
		}
		checked = last
		p := l.position(last)
		return s.Send(&pb.ReadResp{Content: &pb.ReadResp_Checkpoint_{Checkpoint: &pb.ReadResp_Checkpoint{CommitPosition: p, PreparePosition: p}}})
	}
	n.mu.Lock()
	born := n.deafened
	n.mu.Unlock()
	caughtUp := false
	for {
		l.mu.Lock()
		var batch []*record
		if !n.deaf(born) {
			batch = l.all[i:len(l.all):len(l.all)]
		}
		more := l.more
		l.mu.Unlock()
		if len(batch) > 32 {
			caughtUp = false
		}
		for _, r := range batch {
			last = i
			i++
			if matches(f, r) {
				if err := s.Send(frame(r)); err != nil {
					return err
				}
			}
			if considered++; considered >= window {
				if err := checkpoint(); err != nil {
					return err
				}
			}
		}
		if len(batch) > 0 && !caughtUp {
			continue // look again before saying so
		}
		if !caughtUp {
			if err := checkpoint(); err != nil {
				return err
			}
			caughtUp = true
			if !n.c.opts.NoCaughtUp {
				if err := s.Send(&pb.ReadResp{Content: &pb.ReadResp_CaughtUp_{CaughtUp: &pb.ReadResp_CaughtUp{}}}); err != nil {
					return err
				}
			}
		}
		select {
		case <-more:
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
}

func (l *log) position(i int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[i].position
}

// deaf reports whether Deafen has been called since a subscription was born.
func (n *Node) deaf(born int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return born < n.deafened
}
