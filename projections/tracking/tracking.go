package tracking

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain/booking"
	"shenzhong/domain/ecoburial"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "tracking"

//go:embed schema.sql
var schema string

// Projection keeps which code leads to which case, and which eco-burials belong
// to it.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 3 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{"booking.tracking_issued.v1", "eco.applied.v1"}
}

// Apply implements projections.Projection. A new code voids the former.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	for _, e := range batch {
		var err error
		switch b := e.Body.(type) {
		case booking.TrackingIssued:
			_, err = tx.Exec(`INSERT OR REPLACE INTO code VALUES (?,?,?)`, e.Stream.ID(), b.Hash, e.At.UTC().Format(time.RFC3339Nano))
		case ecoburial.Applied:
			if b.Case != uuid.Nil {
				_, err = tx.Exec(`INSERT INTO eco VALUES (?,?,?)`, e.Stream.ID(), b.Case.String(), int64(e.Position))
			}
		default:
			return fmt.Errorf("tracking: %T is none of its events", e.Body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
