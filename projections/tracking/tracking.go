package tracking

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"shenzhong/domain/booking"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "tracking"

//go:embed schema.sql
var schema string

// Projection keeps which code leads to which case.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string { return []string{"booking.tracking_issued.v1"} }

// Apply implements projections.Projection. A new code voids the former.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	for _, e := range batch {
		b, ok := e.Body.(booking.TrackingIssued)
		if !ok {
			return fmt.Errorf("tracking: %T is none of its events", e.Body)
		}
		if _, err := tx.Exec(`INSERT OR REPLACE INTO code VALUES (?,?,?)`, e.Stream.ID(), b.Hash, e.At.UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
	}
	return nil
}
