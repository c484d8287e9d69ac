// Package projections keeps read models in step with the event log.
//
// A read model is a Projection and one SQLite file per name and version. The
// Runner feeds them all from one Follow of the log, decoding each event once.
package projections

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
)

// An Event is a stored event and what it means.
type Event struct {
	*events.Recorded
	Body any // today's domain event, as Registry.Decode gives it
}

// A Projection folds events into tables of its own database file. One value
// may feed several files at once (the live one, one being built, one for
// verify), so it keeps nothing between calls of Apply.
type Projection interface {
	// Name is the read model's name, lower-case letters: "ecoratio".
	Name() string
	// Version changes when Schema or what Apply writes changes. A new version
	// is a new file, built beside the old one and switched to when caught up.
	Version() int
	// Schema creates the tables in an empty file. Every table is STRICT and has
	// a primary key, by which verify compares rows.
	Schema() string
	// Types lists the wire names (current and old) the projection reads, or Raw.
	Types() []string
	// Apply folds a batch of events of these types, in log order. The result
	// must not depend on how the log was cut into batches. It may fold in
	// memory and write once per touched row. An error stops this read model.
	Apply(ctx context.Context, tx *Tx, batch []Event) error
}

// Raw, for a type, asks for every event of the log as it was stored, also of
// types that no context defines. A projection that asks for it must not look at
// Body: nothing is decoded for it, and what cannot be decoded does not stop it.
const Raw = "*"

// A Fingerprinter is a Projection whose rows also depend on something that its
// schema does not show, such as page templates. A file built under another
// fingerprint is treated like one of an older version.
type Fingerprinter interface{ Fingerprint() string }

// A Querier is what the read models' queries need: *sql.DB, *sql.Conn or
// *sql.Tx. Several queries that must see one and the same state share a
// read-only *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A Source is the event that a figure or a row comes from, so that anybody may
// look it up in the exported log.
type Source struct {
	ID       uuid.UUID       `json:"event"`
	Position events.Position `json:"position"`
	// Recorded is when the log recorded it, UTC.
	Recorded time.Time `json:"recorded_at"`
}

// ParseSource reads a Source back from the three columns that a read model
// keeps it in.
func ParseSource(id string, position int64, recorded string) (Source, error) {
	s := Source{Position: events.Position(position)}
	var err error
	if s.ID, err = uuid.Parse(id); err != nil {
		return Source{}, err
	}
	s.Recorded, err = time.Parse(time.RFC3339Nano, recorded)
	return s, err
}
