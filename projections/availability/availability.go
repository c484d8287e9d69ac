package availability

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "availability"

//go:embed schema.sql
var schema string

// Projection folds resources and their days into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 3 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{
		"institution.registered.v1", "institution.renamed.v1", "institution.resource_added.v1", "institution.resource_retired.v1",
		"institution.resource_timed.v1", "parameters.set.v1", "institution.maintenance_planned.v1", "institution.maintenance_cancelled.v1",
		"schedule.held.v1", "schedule.confirmed.v1", "schedule.released.v1", "schedule.blocked.v1", "schedule.unblocked.v1",
	}
}

type slotKey struct{ day, slot string }

// What a batch comes to for one slot. A slot that is held and confirmed within
// one batch is written once, one that is held and released not at all.
type outcome struct {
	held      *schedule.Held // nil: as it was before the batch
	gone      bool
	confirmed bool
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	slots := map[slotKey]outcome{}
	var order []slotKey
	see := func(k slotKey) outcome {
		o, ok := slots[k]
		if !ok {
			order = append(order, k)
		}
		return o
	}
	for _, e := range batch {
		id := e.Stream.ID()
		var err error
		switch b := e.Body.(type) {
		case schedule.Held:
			k := slotKey{id, b.Slot}
			see(k)
			slots[k] = outcome{held: &b}
		case schedule.Confirmed:
			k := slotKey{id, b.Slot}
			o := see(k)
			o.confirmed = true
			slots[k] = o
		case schedule.Released:
			k := slotKey{id, b.Slot}
			see(k)
			slots[k] = outcome{gone: true}

		case institution.Registered:
			_, err = tx.Exec(`INSERT INTO institution VALUES (?,?,?,?)`, id, b.NameZh, b.NameEn, string(b.Division))
		case institution.Renamed:
			_, err = tx.Exec(`UPDATE institution SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, id)
		case institution.ResourceAdded:
			_, err = tx.Exec(`INSERT INTO resource VALUES (?,?,?,?,?,?,?,?,?,?,'','[]','[]')`, id, b.Resource, string(b.Kind), b.NameZh, b.NameEn,
				string(b.Opens), string(b.Closes), b.SlotMinutes, b.BufferMinutes, b.Capacity)
		case institution.ResourceRetired:
			_, err = tx.Exec(`UPDATE resource SET retired_from = ? WHERE institution = ? AND resource = ?`, string(b.From), id, b.Resource)
		case institution.ResourceTimed:
			var durations, cleanDown []byte
			if durations, err = json.Marshal(b.Durations); err != nil {
				return err
			}
			if cleanDown, err = json.Marshal(b.CleanDown); err != nil {
				return err
			}
			_, err = tx.Exec(`UPDATE resource SET durations = ?, clean_down = ? WHERE institution = ? AND resource = ?`, string(durations), string(cleanDown), id, b.Resource)
		case institution.ParameterSet:
			if b.Name == institution.BookingDays {
				_, err = tx.Exec(`INSERT OR REPLACE INTO ahead VALUES (?,CAST(? AS INTEGER))`, id, b.Value)
			}
		case institution.MaintenancePlanned:
			_, err = tx.Exec(`INSERT INTO maintenance VALUES (?,?,?,?,?)`, id, b.Window, b.Resource, stamp(b.From), stamp(b.To))
		case institution.MaintenanceCancelled:
			_, err = tx.Exec(`DELETE FROM maintenance WHERE institution = ? AND name = ?`, id, b.Window)
		case schedule.Blocked:
			_, err = tx.Exec(`INSERT INTO blocked VALUES (?,?,?,?,?)`, id, b.Block, stamp(b.Start), stamp(b.End), string(b.Kind))
		case schedule.Unblocked:
			_, err = tx.Exec(`DELETE FROM blocked WHERE day = ? AND block = ?`, id, b.Block)
		default:
			err = fmt.Errorf("availability: %T is none of its events", e.Body)
		}
		if err != nil {
			return err
		}
	}
	var taken []any
	for _, k := range order {
		o, err := slots[k], error(nil)
		switch {
		case o.gone:
			_, err = tx.Exec(`DELETE FROM taken WHERE day = ? AND slot = ?`, k.day, k.slot)
		case o.held == nil:
			_, err = tx.Exec(`UPDATE taken SET confirmed = 1 WHERE day = ? AND slot = ?`, k.day, k.slot)
		default:
			h := o.held
			taken = append(taken, k.day, k.slot, stamp(h.Start), stamp(h.End), h.BufferMinutes, stamp(h.Until), o.confirmed)
		}
		if err != nil {
			return err
		}
	}
	return tx.Insert(`INSERT OR REPLACE INTO taken`, 7, taken)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
