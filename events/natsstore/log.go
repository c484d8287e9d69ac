package natsstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"shenzhong/events"
)

// logMessage is one message of the log, or the lack of it and of those behind
// it up to last: err then says why. A hole may be as wide as a damaged number.
type logMessage struct {
	seq, last uint64
	events    []events.Recorded
	err       error
}

// A logReader reads the log itself in order, by an ordered consumer.
// Measured, in process: ordered consumer 200–470k messages a second, direct
// batch get of 500 99k; so the batch get was left.
type logReader struct {
	s    *Store
	next uint64 // the sequence that comes next
	ch   chan jetstream.Msg
	cc   jetstream.ConsumeContext
	stop context.CancelFunc
}

const readAhead = 4096

func (s *Store) readLog(ctx context.Context, from uint64) (*logReader, error) {
	c, err := s.js.OrderedConsumer(ctx, s.cfg.Name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from})
	if err != nil {
		return nil, fmt.Errorf("natsstore: read the log from %d: %w", from, err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &logReader{s: s, next: from, ch: make(chan jetstream.Msg, readAhead), stop: stop}
	r.cc, err = c.Consume(func(m jetstream.Msg) {
		select {
		case r.ch <- m:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessagesWithBytesLimit(readAhead, 32<<20))
	if err != nil {
		stop()
		return nil, fmt.Errorf("natsstore: read the log from %d: %w", from, err)
	}
	return r, nil
}

func (r *logReader) close() {
	r.stop()
	r.cc.Stop()
}

// errIdle says that nothing came for a while.
var errIdle = errors.New("natsstore: the log is silent")

// batch waits for the next message, at most idle long, and takes with it up to
// max that are there already.
func (r *logReader) batch(ctx context.Context, max int, idle time.Duration) ([]logMessage, error) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	var out []logMessage
	select {
	case m := <-r.ch:
		out = r.take(out, m)
	case <-timer.C:
		return nil, errIdle
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(out) < max {
		select {
		case m := <-r.ch:
			out = r.take(out, m)
		default:
			return out, nil
		}
	}
	return out, nil
}

func (r *logReader) take(out []logMessage, m jetstream.Msg) []logMessage {
	md, err := m.Metadata()
	if err != nil || md.Sequence.Stream < r.next { // not of the log, or seen before a reset
		return out
	}
	seq := md.Sequence.Stream
	if r.next < seq {
		out = append(out, logMessage{seq: r.next, last: seq - 1, err: errors.New("the log does not give this message: it is damaged or was deleted")})
	}
	r.next = seq + 1
	es, err := decode(r.s.prefix, m.Subject(), m.Headers(), m.Data(), seq, md.Timestamp)
	return append(out, logMessage{seq: seq, last: seq, events: es, err: err})
}

// get reads one message past any consumer. A message that the log does not
// give is in err of the message; the other error is about the asking.
func (s *Store) get(ctx context.Context, seq uint64) (logMessage, error) {
	m, err := s.stored(ctx, s.cfg.Name, map[string]any{"seq": seq})
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return logMessage{seq: seq, last: seq, err: fmt.Errorf("the log does not give this message: %w", api)}, nil
	}
	if err != nil {
		return logMessage{}, err
	}
	es, err := decode(s.prefix, m.Subject, m.Header, m.Data, seq, m.Time)
	return logMessage{seq: seq, last: seq, events: es, err: err}, nil
}

// unread reads past the consumer, one message at a time, where it hangs: some
// hundred messages from that place on, no further than the message to. Those
// that the log does not give come with their error.
func (s *Store) unread(ctx context.Context, from, to uint64) ([]logMessage, error) {
	var out []logMessage
	for seq := from; seq <= to && len(out) < 500; {
		m, err := s.get(ctx, seq)
		if err != nil {
			return out, err
		}
		if seq++; m.err == nil {
			out = append(out, m)
			continue
		}
		next, err := s.stored(ctx, s.cfg.Name, map[string]any{"seq": seq, "next_by_subj": s.prefix + ">"})
		m.last = to
		if err == nil {
			m.last = max(m.seq, min(next.Sequence-1, to))
		} else if _, ok := errors.AsType[*jetstream.APIError](err); !ok {
			return out, err
		}
		out = append(out, m)
		seq = m.last + 1
	}
	return out, nil
}

// stored asks the stream's leader for a message. The direct get is quicker and
// may be answered by a replica that lags.
func (s *Store) stored(ctx context.Context, stream string, by map[string]any) (*jetstream.RawStreamMsg, error) {
	req, err := json.Marshal(by)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	resp, err := s.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, req)
	if err != nil {
		return nil, fmt.Errorf("natsstore: read the log: %w", err)
	}
	var a struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(resp.Data, &a); err != nil {
		return nil, fmt.Errorf("natsstore: read the log: %w", err)
	}
	if a.Error != nil {
		return nil, a.Error
	}
	m := &jetstream.RawStreamMsg{Subject: a.Message.Subject, Sequence: a.Message.Seq, Data: a.Message.Data, Time: a.Message.Time}
	if len(a.Message.Header) > 0 {
		if m.Header, err = nats.DecodeHeadersMsg(a.Message.Header); err != nil {
			return nil, fmt.Errorf("natsstore: read the log: headers of %d: %w", m.Sequence, err)
		}
	}
	return m, nil
}

// lastOf is the sequence of the subject's last message, zero when there is none.
func (s *Store) lastOf(ctx context.Context, st events.Stream) (uint64, error) {
	m, err := s.stored(ctx, s.cfg.Name, map[string]any{"last_by_subj": subject(s.prefix, st)})
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == jetstream.JSErrCodeMessageNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// wrongLast reads the sequence from the server's "wrong last sequence: 12".
func wrongLast(description string) (uint64, bool) {
	const text = "wrong last sequence: "
	if len(description) < len(text) || description[:len(text)] != text {
		return 0, false
	}
	n, err := strconv.ParseUint(description[len(text):], 10, 64)
	return n, err == nil
}
