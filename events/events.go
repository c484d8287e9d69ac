// Package events stores facts and hands them back in order.
//
// A Store keeps streams; a Registry turns domain events into stored ones and
// back, sealing what is personal; a Handler loads, decides and appends.
package events

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Stream names one aggregate's history, as "category-id". The id may hold
// dashes and dots: a name is cut at its first dash only. It never holds
// personal data.
type Stream string

// Category is the part before the first dash.
func (s Stream) Category() string { c, _, _ := strings.Cut(string(s), "-"); return c }

// ID is the part after the first dash.
func (s Stream) ID() string { _, id, _ := strings.Cut(string(s), "-"); return id }

// Check refuses names that a store could not keep: the category is lower-case
// letters, the id ASCII letters, digits, '-', '_' and '.', with no empty part
// between dots, at most 200 bytes in all.
func (s Stream) Check() error {
	cat, id, ok := strings.Cut(string(s), "-")
	bad := !ok || cat == "" || id == "" || len(s) > 200
	for _, c := range cat {
		bad = bad || c < 'a' || c > 'z'
	}
	for part := range strings.SplitSeq(id, ".") {
		bad = bad || part == ""
		for _, c := range part {
			bad = bad || !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}
	}
	if bad {
		return fmt.Errorf("events: %q is not a stream name", string(s))
	}
	return nil
}

// A Revision is a store's token for "the stream as I last saw it". Revisions
// grow along a stream but need not be dense: the JetStream store's is made from
// the log sequence of the stream's last event, EventStoreDB's is its event
// number plus one. On the wire it is an ETag.
type Revision uint64

// NoStream is the revision of a stream without events.
const NoStream Revision = 0

// A Position orders events across all streams. Positions grow in commit order
// and have gaps; compare them, never count with them. Zero is before the first.
type Position uint64

// New is an event about to be stored.
type New struct {
	ID   uuid.UUID // stays the same across retries
	Type string    // wire name with version, "plot.allocated.v1"
	Data []byte    // a JSON value
	// Occurred is when it happened, zero when nobody knows. Stores keep it to
	// the nanosecond, in UTC.
	Occurred time.Time
	Meta     Meta
}

// Meta says why an event exists. It never holds personal data.
type Meta struct {
	Actor                           string
	Command, Correlation, Causation uuid.UUID
	LateReason                      string // why Occurred lies far before At
	Estimated                       bool   // Occurred is a guess
}

// Recorded is a stored event.
type Recorded struct {
	New
	Stream   Stream
	Revision Revision
	Position Position  // zero where the store cannot tell (EventStoreDB stream reads)
	At       time.Time // when the log recorded it, UTC
}

// ErrConflict reports that the stream moved on from the expected revision.
var ErrConflict = errors.New("events: stream is not at the expected revision")

// ConflictError carries what the store knew. errors.Is(err, ErrConflict) holds.
type ConflictError struct {
	Stream   Stream
	Expected Revision
	Actual   Revision // zero where the store does not say
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("events: %s is at %d, expected %d", e.Stream, e.Actual, e.Expected)
}
func (e *ConflictError) Unwrap() error { return ErrConflict }

// ErrUnknown reports that an append may or may not have happened: the answer
// was lost. Load the stream and look for the command before trying again.
var ErrUnknown = errors.New("events: outcome of append is unknown")

// ErrTooLarge reports an append beyond MaxAppend events or MaxAppendBytes.
var ErrTooLarge = errors.New("events: append is too large")

// Limits of one append, the same for every store.
const (
	MaxAppend      = 200
	MaxAppendBytes = 900 << 10 // Data of all events together
)

// A Store keeps streams. Its methods may be called concurrently.
// Every implementation passes eventstest.Run.
type Store interface {
	// Append adds events to the end of stream, all or none, if the stream is
	// still at expected, and answers with the stream's new revision and the
	// last event's position. When Append returns nil the events are on disk.
	// ErrConflict: the stream moved on, nothing was stored. ErrUnknown: the
	// answer was lost, it may have happened or may yet happen; appending again
	// at the same expected revision can only succeed if it never does. Any
	// other error: nothing was stored. No events: ErrTooLarge's sibling, a
	// plain error.
	Append(ctx context.Context, stream Stream, expected Revision, events ...New) (Revision, Position, error)

	// Load yields the events of stream after the given revision, oldest first.
	// A stream that does not exist yields none. It sees every append that this
	// store has acknowledged, and everything up to the revision that it
	// reported in a conflict.
	Load(ctx context.Context, stream Stream, after Revision) iter.Seq2[Recorded, error]

	// Follow yields batches of at most max events after the position, in commit
	// order, first the stored ones and then new ones as they come. It ends when
	// ctx is done or the loop breaks. A batch with CaughtUp set may be empty.
	Follow(ctx context.Context, after Position, max int) iter.Seq2[Batch, error]
}

// A Batch is what Follow yields.
type Batch struct {
	Events   []Recorded
	CaughtUp bool // nothing newer was stored when the batch was read
}

// CheckAppend holds the limits that every store shares.
func CheckAppend(stream Stream, es []New) error {
	if err := stream.Check(); err != nil {
		return err
	}
	if len(es) == 0 {
		return fmt.Errorf("events: append of no events to %s", stream)
	}
	size := 0
	for _, e := range es {
		if e.ID == uuid.Nil || e.Type == "" {
			return fmt.Errorf("events: append to %s: an event needs an ID and a Type", stream)
		}
		size += len(e.Data)
	}
	if len(es) > MaxAppend || size > MaxAppendBytes {
		return fmt.Errorf("%w: %d events, %d bytes to %s", ErrTooLarge, len(es), size, stream)
	}
	return nil
}
