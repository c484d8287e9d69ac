package ecoratio

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "ecoratio"

//go:embed schema.sql
var schema string

// Projection folds burials into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return append([]string{"ecofigures.published.v1", "ecorules.definition_adopted.v1", "ecorules.target_set.v1",
		"plot.surveyed.v1", "plot.surveyed.v2", "plot.allocated.v1", "plot.allocated.v2", "plot.surrendered.v1", "plot.surrendered.v2", "cemetery.established.v1"}, counted...)
}

// counted are the events that move a figure.
var counted = []string{"plot.interred.v1", "eco.completed.v1", "eco.corrected.v1"}

// A told is what one burial counts by. Its zero value counts nowhere.
type told struct {
	On          domain.Date
	Type        string
	Division    domain.Division
	Institution domain.CreditCode
	LandCM2     int
	Definition  string
}

// tell is what a body says about a burial; ok is false where it is about none.
// A correction keeps the institution and the definition of what it corrects.
func tell(body any, was told) (t told, ok bool) {
	switch b := body.(type) {
	case cemetery.PlotInterred:
		return told{b.InterredOn, b.EcoType, b.Division, b.Institution, b.AreaCM2, b.Definition}, true
	case ecoburial.Completed:
		return told{b.CompletedOn, b.Type, b.Division, b.Institution, b.LandCM2, b.Definition}, true
	case ecoburial.Corrected:
		return told{b.CompletedOn, b.Type, b.Division, was.Institution, b.LandCM2, was.Definition}, true
	}
	return told{}, false
}

// late says that what was recorded at that time had happened in an earlier
// month. A correction does not change when a burial was recorded first.
func (t told) late(recorded time.Time) int {
	if t.On != "" && domain.DateOf(recorded).Month() > t.On.Month() {
		return 1
	}
	return 0
}

type tallyKey struct {
	month       string
	division    domain.Division
	institution domain.CreditCode
	kind        string
}

type tally struct{ interments, land, late int64 }

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	sums := map[tallyKey]tally{}
	var order []tallyKey
	corrected := false
	add := func(t told, n, late int64) {
		k := tallyKey{t.On.Month(), t.Division, t.Institution, t.Type}
		s, ok := sums[k]
		if !ok {
			order = append(order, k)
		}
		sums[k] = tally{s.interments + n, s.land + n*int64(t.LandCM2), s.late + n*late}
	}
	for _, e := range batch {
		switch b := e.Body.(type) {
		case cemetery.PlotInterred, ecoburial.Completed:
			t, _ := tell(b, told{})
			late := int64(t.late(e.At))
			if _, err := tx.Exec(`INSERT INTO interment VALUES (?,?,?,?,?,?,?,?,?,?,?,0)`, int64(e.Position), e.ID.String(), string(e.Stream),
				e.At.UTC().Format(time.RFC3339Nano), string(t.On), t.Type, t.Definition, string(t.Division), string(t.Institution), t.LandCM2, late); err != nil {
				return err
			}
			if err := change(tx, e, e.ID.String(), told{}, t); err != nil {
				return err
			}
			add(t, 1, late)

		case ecoburial.Corrected:
			var was told
			var at int64
			var event, recorded string
			// One application completes once.
			found, err := tx.Get(`SELECT position, event, recorded_at, interred_on, type, division, institution, land_cm2, definition FROM interment WHERE stream = ?`, []any{string(e.Stream)},
				&at, &event, &recorded, &was.On, &was.Type, &was.Division, &was.Institution, &was.LandCM2, &was.Definition)
			if err != nil {
				return err
			}
			if !found {
				return fmt.Errorf("ecoratio: %s corrects a burial that there is not", e.Stream)
			}
			corrected = true
			first, err := time.Parse(time.RFC3339Nano, recorded)
			if err != nil {
				return err
			}
			t, _ := tell(b, was)
			if _, err := tx.Exec(`UPDATE interment SET interred_on = ?, type = ?, division = ?, land_cm2 = ?, late = ?, corrected = ? WHERE position = ?`,
				string(t.On), t.Type, string(t.Division), t.LandCM2, t.late(first), int64(e.Position), at); err != nil {
				return err
			}
			if err := change(tx, e, event, was, t); err != nil {
				return err
			}
			add(was, -1, int64(was.late(first)))
			add(t, 1, int64(t.late(first)))

		case ecoburial.FiguresPublished:
			cells, err := json.Marshal(b.Cells)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO published VALUES (?,?,?,?,?,?)`, b.Month, e.ID.String(), int64(e.Position), e.At.UTC().Format(time.RFC3339Nano), int64(b.Position), string(cells)); err != nil {
				return err
			}
			for _, x := range b.Totals {
				if _, err := tx.Exec(`INSERT INTO published_total VALUES (?,?,?,?,?,?,?)`, b.Month, x.Definition, x.Interments, x.Strict, x.Broad, x.LandSavedCM2, x.Late); err != nil {
					return err
				}
			}

		case ecoburial.DefinitionAdopted:
			def, err := json.Marshal(b.Definition)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO definition VALUES (?,?,?,?,?)`, b.Definition.ID, int64(e.Position), string(b.From), b.Document, string(def)); err != nil {
				return err
			}

		case ecoburial.TargetSet:
			if _, err := tx.Exec(`INSERT OR REPLACE INTO target VALUES (?,?,?,?,?)`, string(b.Share), b.Year, b.PerMille, b.Document, int64(e.Position)); err != nil {
				return err
			}

		default:
			if err := place(tx, e); err != nil {
				return err
			}
		}
	}
	for _, k := range order {
		s := sums[k]
		if _, err := tx.Exec(`INSERT INTO tally VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO UPDATE SET
			interments = interments + ?5, land_cm2 = land_cm2 + ?6, late = late + ?7`,
			k.month, string(k.division), string(k.institution), k.kind, s.interments, s.land, s.late); err != nil {
			return err
		}
	}
	if !corrected {
		return nil
	}
	// A count of nothing is no row, so that a tally does not depend on what was
	// corrected away.
	_, err := tx.Exec(`DELETE FROM tally WHERE interments = 0`)
	return err
}

// change notes what an event did to the figures: the cause of a restatement.
func change(tx *projections.Tx, e projections.Event, of string, was, is told) error {
	_, err := tx.Exec(`INSERT INTO change VALUES (?,?,?,?,?,?,?,?,?,?,?)`, int64(e.Position), e.ID.String(), e.Type, e.At.UTC().Format(time.RFC3339Nano), of,
		was.On.Month(), was.Type, string(was.Division), is.On.Month(), is.Type, string(is.Division))
	return err
}

// Cells counts one month straight from the log, without a read model, and tells
// the place in the log up to which it counted. It takes its time: a month is
// published once.
func Cells(ctx context.Context, store events.Store, registry *events.Registry, city domain.Division, month string) ([]ecoburial.Cell, events.Position, error) {
	type burial struct {
		told
		recorded time.Time
	}
	all := map[string]burial{} // by event; an application's by its stream
	wanted := map[string]bool{}
	for _, t := range counted {
		wanted[t] = true
	}
	var at events.Position
	for batch, err := range store.Follow(ctx, 0, 1000) {
		if err != nil {
			return nil, 0, err
		}
		for _, r := range batch.Events {
			at = r.Position
			if !wanted[r.Type] {
				continue
			}
			body, err := registry.Decode(ctx, r)
			if err != nil {
				return nil, 0, err
			}
			key := string(r.Stream)
			if _, plot := body.(cemetery.PlotInterred); plot {
				key = r.ID.String()
			}
			was, known := all[key]
			t, _ := tell(body, was.told)
			if !known {
				was.recorded = r.At
			}
			all[key] = burial{t, was.recorded}
		}
		if batch.CaughtUp {
			break
		}
	}
	type key struct {
		division domain.Division
		kind     string
	}
	sums := map[key]ecoburial.Cell{}
	for _, b := range all {
		if b.On.Month() != month || !b.Division.In(city) {
			continue
		}
		k := key{b.Division, b.Type}
		c := sums[k]
		sums[k] = ecoburial.Cell{Division: b.Division, Type: b.Type, Interments: c.Interments + 1, LandCM2: c.LandCM2 + int64(b.LandCM2), Late: c.Late + b.late(b.recorded)}
	}
	var cells []ecoburial.Cell
	for _, c := range sums {
		cells = append(cells, c)
	}
	return cells, at, ctx.Err()
}
