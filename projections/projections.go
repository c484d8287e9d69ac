// Package projections keeps read models in step with the event log.
//
// A read model is a Projection and one SQLite file per name and version. The
// Runner feeds them all from one Follow of the log, decoding each event once.
package projections

import (
	"context"

	"shenzhong/events"
)

// An Event is a stored event and what it means.
type Event struct {
	events.Recorded
	Body any // today's domain event, as Registry.Decode gives it
}

// A Projection folds events into tables of its own database file.
type Projection interface {
	// Name is the read model's name, lower-case letters: "ecoratio".
	Name() string
	// Version changes when Schema or what Apply writes changes. A new version
	// is a new file, built beside the old one and switched to when caught up.
	Version() int
	// Schema creates the tables in an empty file. Every table is STRICT and has
	// a primary key, by which verify compares rows.
	Schema() string
	// Types lists the wire names (current and old) the projection reads.
	Types() []string
	// Apply folds a batch of events of these types, in log order. The result
	// must not depend on how the log was cut into batches. It may fold in
	// memory and write once per touched row. An error stops this read model.
	Apply(ctx context.Context, tx *Tx, batch []Event) error
}
