package natsstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"shenzhong/events"
)

// Group commit. An append costs one fsync when it is published by itself, so
// waiting appends to different streams share one atomic batch, which the server
// syncs once (nats-server 2.15, stream.go: processJetStreamAtomicBatchMsg
// stores the batch with SyncOnFlush and flushes all blocks before it answers).
//
// Measured against one fsync per append (2 cores): 16 callers in batches 0.9×,
// 64 2.6×, 128 3×, 512 7×. So up to groupFrom appends in flight are published
// singly, at once; only beyond that they wait for each other.
//
// A batch fails as a whole, so appends that this process knows to be stale are
// answered before they get into one, and a stream stands in a batch once. After
// a conflict the rest is published singly. Rejected: halving a failed batch
// (slower than no batch at all as soon as one append in fifty conflicts); a
// second batch prepared while the first is written (5.4× instead of 6.9× at 512
// callers: smaller batches, and the server takes them one after another all
// the same); no moment of waiting between batches (4×).
const (
	groupFrom     = 32      // appends in flight before batching pays
	groupMax      = 512     // appends in a batch; the server takes 1,000
	groupMaxBytes = 8 << 20 // so that a batch of large appends stays in one block
	tailsMax      = 1 << 16 // streams whose end is remembered
)

const (
	batchID       = "Nats-Batch-Id"
	batchSequence = "Nats-Batch-Sequence"
	batchCommit   = "Nats-Batch-Commit"
)

// errCertain marks failures after which nothing was stored, for certain.
var errCertain = errors.New("nothing was stored")

// A conflict is the server's or our own knowledge that the stream moved on.
type conflict struct{ last uint64 } // zero: not said

func (c *conflict) Error() string { return fmt.Sprintf("wrong last sequence: %d", c.last) }

// waiting is an append on its way.
type waiting struct {
	ctx      context.Context
	stream   events.Stream
	expected uint64
	msg      *nats.Msg
	taken    bool // in flight: it can no longer be called back
	done     chan outcome
}

type outcome struct {
	seq uint64
	err error
}

// A committer publishes appends, singly or in groups.
type committer struct {
	nc      *nats.Conn
	timeout time.Duration
	single  bool // the server takes no atomic batches

	mu       sync.Mutex
	singles  int  // published singly and not yet answered
	batching bool // a batch is in flight
	queue    []*waiting
	busy     map[events.Stream]int    // in flight
	tails    map[events.Stream]uint64 // the highest sequence known of a stream

	batches, batched uint64 // how many, of how many appends
}

func newCommitter(nc *nats.Conn, timeout time.Duration, single bool) *committer {
	return &committer{nc: nc, timeout: timeout, single: single, busy: map[events.Stream]int{}, tails: map[events.Stream]uint64{}}
}

// append publishes w and answers with its sequence. The error is a *conflict,
// or carries errCertain, or the outcome is unknown.
func (c *committer) append(w *waiting) (uint64, error) {
	c.mu.Lock()
	if last := c.tails[w.stream]; last > w.expected {
		c.mu.Unlock()
		return 0, &conflict{last}
	}
	if c.single || !c.batching && len(c.queue) == 0 && c.singles < groupFrom {
		c.begin(w)
		c.singles++
		c.mu.Unlock()
		out := c.publish(w)
		c.mu.Lock()
		c.singles--
		c.end(w, out)
		c.dispatch()
		c.mu.Unlock()
		return out.seq, out.err
	}
	w.done = make(chan outcome, 1)
	c.queue = append(c.queue, w)
	c.dispatch()
	c.mu.Unlock()
	select {
	case out := <-w.done:
		return out.seq, out.err
	case <-w.ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.taken {
		c.queue = slices.DeleteFunc(c.queue, func(o *waiting) bool { return o == w })
		return 0, fmt.Errorf("%w: %w", errCertain, w.ctx.Err())
	}
	return 0, w.ctx.Err()
}

// begin and end bracket an append's flight. Lock held.
func (c *committer) begin(w *waiting) {
	w.taken = true
	c.busy[w.stream]++
}

func (c *committer) end(w *waiting, out outcome) {
	if c.busy[w.stream]--; c.busy[w.stream] == 0 {
		delete(c.busy, w.stream)
	}
	if k, ok := errors.AsType[*conflict](out.err); ok {
		c.learn(w.stream, k.last)
	} else if out.err == nil {
		c.learn(w.stream, out.seq)
	}
}

// learn remembers a stream's end. Lock held.
func (c *committer) learn(st events.Stream, seq uint64) {
	if seq <= c.tails[st] {
		return
	}
	if len(c.tails) >= tailsMax {
		for k := range c.tails { // any one: forgetting costs a refused publish at worst
			delete(c.tails, k)
			break
		}
	}
	c.tails[st] = seq
}

// dispatch sends off what may go. Lock held.
func (c *committer) dispatch() {
	if c.batching {
		return
	}
	if len(c.queue)+c.singles > groupFrom {
		if batch := c.pick(); len(batch) > 0 {
			c.batching = true
			go c.group(batch)
		}
		return
	}
	for _, w := range c.queue {
		c.singly(w)
	}
	clear(c.queue)
	c.queue = c.queue[:0]
}

// singly publishes a queued append by itself. Lock held.
func (c *committer) singly(w *waiting) {
	c.begin(w)
	c.singles++
	go func() {
		out := c.publish(w)
		c.mu.Lock()
		c.singles--
		c.end(w, out)
		w.done <- out
		c.dispatch()
		c.mu.Unlock()
	}()
}

// pick takes from the queue what makes a batch: streams once each, not in
// flight, not known to be stale. It takes none while single publishes are in
// flight and too few wait to be worth it: those come back and dispatch again.
// Lock held.
func (c *committer) pick() []*waiting {
	var batch, rest []*waiting
	in := map[events.Stream]bool{}
	size := 0
	for _, w := range c.queue {
		if last := c.tails[w.stream]; last > w.expected {
			w.taken = true
			w.done <- outcome{err: &conflict{last}}
			continue
		}
		if in[w.stream] || c.busy[w.stream] > 0 || len(batch) == groupMax || len(batch) > 0 && size+w.msg.Size() > groupMaxBytes {
			rest = append(rest, w)
			continue
		}
		in[w.stream] = true
		size += w.msg.Size()
		batch = append(batch, w)
	}
	if len(batch) < groupFrom/2 && c.singles > 0 {
		c.queue = slices.DeleteFunc(c.queue, func(w *waiting) bool { return w.taken })
		return nil
	}
	for _, w := range batch {
		c.begin(w)
	}
	c.queue = rest
	return batch
}

// group publishes a batch and answers everyone in it.
func (c *committer) group(batch []*waiting) {
	outs := c.publishBatch(batch)
	c.mu.Lock()
	c.batches++
	c.batched += uint64(len(batch))
	for i, w := range batch {
		c.end(w, outs[i])
		w.done <- outs[i]
	}
	c.mu.Unlock()
	// The callers just answered are the ones who append next. Giving them a
	// moment makes one full batch instead of two half ones in turn.
	for range 64 {
		runtime.Gosched()
		c.mu.Lock()
		n := len(c.queue)
		c.mu.Unlock()
		if n >= min(len(batch), groupMax) {
			break
		}
	}
	c.mu.Lock()
	c.batching = false
	c.dispatch()
	c.mu.Unlock()
}

// publishBatch sends one atomic batch. When the server refuses it as a whole,
// each append is published by itself.
func (c *committer) publishBatch(batch []*waiting) []outcome {
	outs := make([]outcome, len(batch))
	if len(batch) == 1 {
		outs[0] = c.publish(batch[0])
		return outs
	}
	last, err := c.atomic(batch)
	if _, ok := errors.AsType[*conflict](err); ok || errors.Is(err, errCertain) {
		for _, w := range batch {
			delete(w.msg.Header, batchID)
			delete(w.msg.Header, batchSequence)
			delete(w.msg.Header, batchCommit)
		}
		var wg sync.WaitGroup
		gate := make(chan struct{}, groupFrom)
		for i, w := range batch {
			gate <- struct{}{}
			wg.Go(func() {
				outs[i] = c.publish(w)
				<-gate
			})
		}
		wg.Wait()
		return outs
	}
	for i := range outs {
		if outs[i].err = err; err == nil {
			outs[i].seq = last - uint64(len(batch)-1-i)
		}
	}
	return outs
}

// atomic answers with the sequence of the batch's last message.
func (c *committer) atomic(batch []*waiting) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	of := []string{nuid.Next()}
	for i, w := range batch {
		m := w.msg
		m.Header[batchID] = of
		m.Header[batchSequence] = []string{strconv.Itoa(i + 1)}
		if i < len(batch)-1 {
			// Rejected: waiting for the server's word on the first message. It
			// costs a round trip, and a batch refused there fails at its end too.
			if err := c.nc.PublishMsg(m); err != nil {
				return 0, fmt.Errorf("%w: %w", errCertain, err) // without its end a batch is never stored
			}
			continue
		}
		m.Header[batchCommit] = []string{"1"}
		return c.request(ctx, m, uint64(len(batch)))
	}
	return 0, errCertain
}

// publish sends one append by itself.
func (c *committer) publish(w *waiting) outcome {
	if err := w.ctx.Err(); err != nil {
		return outcome{err: fmt.Errorf("%w: %w", errCertain, err)}
	}
	ctx, cancel := context.WithTimeout(w.ctx, c.timeout)
	defer cancel()
	seq, err := c.request(ctx, w.msg, 0)
	return outcome{seq, err}
}

// request sends a message and reads the server's answer.
func (c *committer) request(ctx context.Context, m *nats.Msg, count uint64) (uint64, error) {
	if c.nc.IsClosed() {
		return 0, fmt.Errorf("%w: %w", errCertain, nats.ErrConnectionClosed)
	}
	resp, err := c.nc.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrReconnectBufExceeded):
		return 0, fmt.Errorf("%w: %w", errCertain, err)
	case err != nil:
		return 0, err
	}
	var ack struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"`
		Count uint64              `json:"count"`
	}
	switch err := json.Unmarshal(resp.Data, &ack); {
	case err != nil:
		return 0, fmt.Errorf("answer %q: %w", resp.Data, err)
	case ack.Error != nil:
		return 0, refusal(ack.Error)
	case ack.Seq == 0 || count > 0 && ack.Count != count:
		return 0, fmt.Errorf("answer %q", resp.Data)
	}
	return ack.Seq, nil
}

// refusal sorts the server's refusals. Only those that the server makes before
// it writes count as certain.
func refusal(e *jetstream.APIError) error {
	switch e.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		last, _ := wrongLast(e.Description)
		return &conflict{last}
	case 10023, 10028, 10047, // resources
		10054, 10097, 10109, // too large, headers too large, sealed
		10163,                      // the leader is not ready to check an expected sequence
		10174, 10176, 10199, 10210: // atomic batch: disabled, incomplete, too large, too many in flight
		return fmt.Errorf("%w: %w", errCertain, e)
	}
	return e
}
