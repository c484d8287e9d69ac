package voyages

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "voyages"

//go:embed schema.sql
var schema string

// Projection folds voyages into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{"voyage.opened.v1", "voyage.seats_taken.v1", "voyage.seats_freed.v1", "voyage.cancelled.v1", "voyage.departed.v1",
		"voyage.scattered.v1", "voyage.brought_back.v1", "voyage.ended.v1", "institution.registered.v1", "institution.renamed.v1"}
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	for _, e := range batch {
		if err := apply(tx, e); err != nil {
			return err
		}
	}
	return nil
}

func apply(tx *projections.Tx, e projections.Event) (err error) {
	number := e.Stream.ID()
	switch b := e.Body.(type) {
	case ecoburial.VoyageOpened:
		_, err = tx.Exec(`INSERT INTO voyage VALUES (?,?,?,?,?,?,?,?,'open','',0,0,0)`, number, string(b.Operator), b.Vessel, b.SeaArea, b.Pier, string(b.Division),
			b.Departs.UTC().Format(time.RFC3339), b.Seats)
	case ecoburial.SeatsTaken:
		_, err = tx.Exec(`INSERT INTO booking VALUES (?,?,?)`, number, b.Burial.String(), b.Seats)
	case ecoburial.SeatsFreed:
		_, err = tx.Exec(`DELETE FROM booking WHERE voyage = ? AND burial = ?`, number, b.Burial.String())
	case ecoburial.VoyageCancelled:
		_, err = tx.Exec(`UPDATE voyage SET state = 'cancelled', reason = ? WHERE number = ?`, string(b.Reason), number)
	case ecoburial.VoyageDeparted:
		_, err = tx.Exec(`UPDATE voyage SET state = 'departed', aboard = ? WHERE number = ?`, len(b.Manifest), number)
	case ecoburial.AshesScattered:
		_, err = tx.Exec(`UPDATE voyage SET scattered = scattered + 1 WHERE number = ?`, number)
	case ecoburial.AshesBroughtBack:
		_, err = tx.Exec(`UPDATE voyage SET brought_back = brought_back + 1 WHERE number = ?`, number)
	case ecoburial.VoyageEnded:
		_, err = tx.Exec(`UPDATE voyage SET state = 'ended' WHERE number = ?`, number)
	case institution.Registered:
		_, err = tx.Exec(`INSERT OR REPLACE INTO operator VALUES (?,?,?)`, number, b.NameZh, b.NameEn)
	case institution.Renamed:
		_, err = tx.Exec(`UPDATE operator SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, number)
	default:
		return fmt.Errorf("voyages: %T is none of its events", e.Body)
	}
	return err
}
