package ecoratio

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
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
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string { return []string{"plot.interred.v1", "eco.completed.v1"} }

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
	for _, e := range batch {
		var (
			k          tallyKey
			on         domain.Date
			definition string
			land       int
		)
		switch b := e.Body.(type) {
		case cemetery.PlotInterred:
			k, on, definition, land = tallyKey{b.InterredOn.Month(), b.Division, b.Institution, b.EcoType}, b.InterredOn, b.Definition, b.AreaCM2
		case ecoburial.Completed:
			k, on, definition, land = tallyKey{b.CompletedOn.Month(), b.Division, b.Institution, b.Type}, b.CompletedOn, b.Definition, b.LandCM2
		default:
			return fmt.Errorf("ecoratio: %T is no burial", e.Body)
		}
		late := 0
		if on != "" && domain.DateOf(e.At).Month() > on.Month() {
			late = 1
		}
		if _, err := tx.Exec(`INSERT INTO interment VALUES (?,?,?,?,?,?,?,?,?,?,?)`, int64(e.Position), e.ID.String(), string(e.Stream),
			e.At.UTC().Format(time.RFC3339Nano), string(on), k.kind, definition, string(k.division), string(k.institution), land, late); err != nil {
			return err
		}
		s, ok := sums[k]
		if !ok {
			order = append(order, k)
		}
		sums[k] = tally{s.interments + 1, s.land + int64(land), s.late + int64(late)}
	}
	for _, k := range order {
		s := sums[k]
		if _, err := tx.Exec(`INSERT INTO tally VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO UPDATE SET
			interments = interments + ?5, land_cm2 = land_cm2 + ?6, late = late + ?7`,
			k.month, string(k.division), string(k.institution), k.kind, s.interments, s.land, s.late); err != nil {
			return err
		}
	}
	return nil
}
