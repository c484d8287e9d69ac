package events

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// A Handler runs commands against one category of streams.
type Handler[S any, C domain.Command, E any] struct {
	Store    Store
	Registry *Registry
	Category string
	Decider  domain.Decider[S, C, E]
	// Keep is how many streams stay folded in memory, so that a stream that only
	// ever grows is not folded from its beginning for every command. Nothing of
	// them outlives a person's key that way, so it is for aggregates without
	// personal data only; states are shared then, and nobody may change one.
	Keep int

	mu   sync.Mutex
	kept map[string]*folded[S]
}

// folded is a stream as it was last read.
type folded[S any] struct {
	mu       sync.Mutex
	state    S
	rev      Revision
	commands map[uuid.UUID]Receipt // that the stream holds
}

// A Receipt says what a command came to and lets a caller wait for its own
// write to be projected.
type Receipt struct {
	Revision Revision // of the stream after the command: the next If-Match
	Position Position // of the command's last event; zero when it stored none
	Events   int      // stored by this very call
	Repeated bool     // the command had been done before
}

// ErrStale reports that the stream is not at the revision the caller named.
var ErrStale = errors.New("events: the caller's revision is stale")

// attempts bounds the retries of one command. Conflicts and lost answers are
// normal; a stream that loses sixteen times in a row is cut too wide.
const attempts = 16

// Handle loads, decides, appends. A command that the stream already holds is
// answered as done. Conflicts and lost answers are retried.
func (h *Handler[S, C, E]) Handle(ctx context.Context, id string, cmd C) (Receipt, error) {
	return h.handle(ctx, id, nil, cmd)
}

// HandleAt is Handle for a caller who has seen the stream at a revision and
// wants his command only there; otherwise ErrStale.
func (h *Handler[S, C, E]) HandleAt(ctx context.Context, id string, at Revision, cmd C) (Receipt, error) {
	return h.handle(ctx, id, &at, cmd)
}

func (h *Handler[S, C, E]) handle(ctx context.Context, id string, at *Revision, cmd C) (Receipt, error) {
	wait := 2 * time.Millisecond
	var err error
	for range attempts {
		var rc Receipt
		if rc, err = h.once(ctx, id, at, cmd); !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnknown) {
			return rc, err
		}
		select {
		case <-ctx.Done():
			return Receipt{}, errors.Join(err, ctx.Err())
		case <-time.After(wait/2 + rand.N(wait)):
			wait = min(2*wait, 500*time.Millisecond)
		}
	}
	return Receipt{}, err
}

// Stream is the stream of the aggregate with this id.
func (h *Handler[S, C, E]) Stream(id string) Stream { return Stream(h.Category + "-" + id) }

// Load folds the aggregate as it is now. NoStream: there is none.
func (h *Handler[S, C, E]) Load(ctx context.Context, id string) (S, Revision, error) {
	s, rev, _, err := h.load(ctx, id, uuid.Nil)
	return s, rev, err
}

func (h *Handler[S, C, E]) load(ctx context.Context, id string, command uuid.UUID) (s S, rev Revision, done *Receipt, err error) {
	s, rev = h.Decider.Initial, NoStream
	f := h.keep(id)
	if f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.rev != NoStream {
			s, rev = f.state, f.rev
		}
		if rc, ok := f.commands[command]; ok && command != uuid.Nil {
			done = &rc
		}
	}
	for r, err := range h.Store.Load(ctx, h.Stream(id), rev) {
		if err != nil {
			return s, 0, nil, fmt.Errorf("load %s: %w", h.Stream(id), err)
		}
		if command != uuid.Nil && r.Meta.Command == command {
			done = &Receipt{Revision: r.Revision, Position: r.Position, Repeated: true}
		}
		e, err := h.Registry.Decode(ctx, r)
		if err != nil {
			return s, 0, nil, fmt.Errorf("load %s@%d: %w", h.Stream(id), r.Revision, err)
		}
		ev, ok := e.(E)
		if !ok {
			return s, 0, nil, fmt.Errorf("load %s@%d: %s is not an event of %s", h.Stream(id), r.Revision, r.Type, h.Category)
		}
		s, rev = h.Decider.Evolve(s, ev), r.Revision
		if f != nil {
			f.state, f.rev = s, rev
			f.commands[r.Meta.Command] = Receipt{Revision: r.Revision, Position: r.Position, Repeated: true}
		}
	}
	return s, rev, done, nil
}

// keep is where the stream is kept folded; nil where it is not.
func (h *Handler[S, C, E]) keep(id string) *folded[S] {
	if h.Keep == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.kept[id]
	if f == nil {
		if h.kept == nil {
			h.kept = map[string]*folded[S]{}
		}
		for other := range h.kept { // any one: it is folded again when it is asked for
			if len(h.kept) < h.Keep {
				break
			}
			delete(h.kept, other)
		}
		f = &folded[S]{commands: map[uuid.UUID]Receipt{}}
		h.kept[id] = f
	}
	return f
}

func (h *Handler[S, C, E]) once(ctx context.Context, id string, at *Revision, cmd C) (Receipt, error) {
	act := cmd.Acted()
	if act.ID == uuid.Nil {
		return Receipt{}, fmt.Errorf("events: %T to %s has no command ID", cmd, h.Stream(id))
	}
	state, rev, done, err := h.load(ctx, id, act.ID)
	switch {
	case err != nil:
		return Receipt{}, err
	case done != nil:
		return *done, nil
	case at != nil && *at != rev:
		return Receipt{Revision: rev}, ErrStale
	}
	decided, err := h.Decider.Decide(state, cmd)
	if err != nil || len(decided) == 0 {
		return Receipt{Revision: rev}, err
	}
	news := make([]New, len(decided))
	for i, e := range decided {
		typ, data, err := h.Registry.Encode(ctx, e)
		if err != nil {
			return Receipt{}, fmt.Errorf("%s: %w", h.Stream(id), err)
		}
		news[i] = New{ID: EventID(act, h.Stream(id), i), Type: typ, Data: data, Occurred: act.At.UTC(), Meta: Meta{
			Actor: act.By, Command: act.ID, Correlation: act.Correlation, Causation: act.Causation,
			LateReason: act.LateReason, Estimated: act.Estimated}}
	}
	rev, pos, err := h.Store.Append(ctx, h.Stream(id), rev, news...)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Revision: rev, Position: pos, Events: len(news)}, nil
}

// EventID is a version 7 UUID that follows from the command: the millisecond
// of the act, then a hash of command, stream and index. A retry so writes the
// very same event, and the same simulation the same log.
func EventID(act domain.Act, stream Stream, i int) uuid.UUID {
	h := sha256.New()
	h.Write(act.ID[:])
	h.Write([]byte(stream))
	binary.Write(h, binary.BigEndian, uint32(i))
	var id uuid.UUID
	copy(id[:], h.Sum(nil))
	ms := uint64(act.Now.UnixMilli())
	id[0], id[1], id[2], id[3], id[4], id[5] = byte(ms>>40), byte(ms>>32), byte(ms>>24), byte(ms>>16), byte(ms>>8), byte(ms)
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// StepID is the command ID of a reaction: version 5 of the event it follows
// from and the step's name, so that every node may run it and it counts once.
func StepID(event uuid.UUID, step string) uuid.UUID { return uuid.NewSHA1(event, []byte(step)) }
