package domain

import (
	"time"

	"github.com/google/uuid"
)

// A Command asks one aggregate for something. Every command embeds Act.
type Command interface{ Acted() Act }

// An Act says who asks, when it happened and when we learned of it. It is
// filled in where a request enters the program, never from a request body as a
// whole, so that Decide needs no clock.
type Act struct {
	// ID names the command. The same ID sent twice changes nothing.
	ID uuid.UUID `json:"-"`
	// By is the account that acts ("staff-0102", "policy:holds", "import").
	// It is a pseudonym: never a person's name.
	By string `json:"-"`
	// Now is when the program accepted the command.
	Now time.Time `json:"-"`
	// At is when it happened, in the words of whoever reports it. Zero means
	// that nobody knows; then it stays empty for ever.
	At time.Time `json:"-"`
	// LateReason explains an At longer than LateLimit before Now. It is kept in
	// clear with the event, so it says why, never who.
	LateReason string `json:"-"`
	// Estimated marks an At that somebody guessed: kept, never counted, never
	// exported.
	Estimated bool `json:"-"`
	// LateLimit is how far back At may lie without a reason; zero means
	// DefaultLateLimit.
	LateLimit time.Duration `json:"-"`
	// Correlation groups the commands of one request or process; Causation is
	// the event that a reaction follows from.
	Correlation, Causation uuid.UUID `json:"-"`
}

// DefaultLateLimit is a proposal of ours ([P]): a village clerk who enters last
// week's interment says why, a counter that enters this morning's does not.
const DefaultLateLimit = 24 * time.Hour

// Acted makes every struct that embeds Act a Command.
func (a Act) Acted() Act { return a }

var (
	// ErrFuture refuses a time that has not come yet (I8).
	ErrFuture = Reject("time_in_future", "时间 %s 还没有到，不能记录。", "The time %s has not come yet and cannot be recorded.").Under("I8", "")
	// ErrLate refuses a late record without its reason (I8).
	ErrLate = Reject("late_without_reason", "这件事发生在 %.0f 小时以前，补记请写明原因。", "This happened more than %.0f hours ago; a late record needs a reason.").Under("I8", "")
	// ErrNoActor refuses an act that nobody stands behind.
	ErrNoActor = Reject("no_actor", "没有说明是谁办理的。", "Nobody is named as having done this.")
)

// Check holds invariant I8 for every decider: what happened was not later than
// now, and what happened long ago says why it comes late.
func (a Act) Check() error {
	switch limit := max(a.LateLimit, 0); {
	case a.By == "":
		return ErrNoActor
	case a.At.IsZero():
		return nil
	case a.At.After(a.Now):
		return ErrFuture.With(FormatTime(a.At))
	default:
		if limit == 0 {
			limit = DefaultLateLimit
		}
		if a.Now.Sub(a.At) > limit && a.LateReason == "" {
			return ErrLate.With(limit.Hours())
		}
	}
	return nil
}
