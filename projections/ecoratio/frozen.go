package ecoratio

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections"
)

// A Frozen month is what was published of it, and stays.
type Frozen struct {
	Month  string             `json:"month"`
	Source projections.Source `json:"source"`
	// RestsOn is the place in the log up to which everything was counted.
	RestsOn events.Position `json:"rests_on"`
	// Cells are the published counts by division and type; Totals the shares
	// under each definition of then.
	Cells  []ecoburial.Cell  `json:"cells"`
	Totals []ecoburial.Total `json:"totals"`
}

// Total is what was published under a definition; false where it was not.
func (f Frozen) Total(definition string) (Counts, bool) {
	for _, t := range f.Totals {
		if t.Definition == definition {
			return Counts{t.Interments, t.Strict, t.Broad, t.LandSavedCM2, t.Late}, true
		}
	}
	return Counts{}, false
}

// A Cause is an event that changed a month after it was published. It names no
// person.
type Cause struct {
	Source projections.Source `json:"source"`
	Type   string             `json:"event_type"`
	// Interment is the event of the burial that it is about.
	Interment string `json:"interment"`
	// Was and Is are what the burial counted by before and after. An empty month:
	// it was in none, as before it was reported.
	Was At `json:"was"`
	Is  At `json:"is"`
}

// At is where a burial counts.
type At struct {
	Month    string          `json:"month,omitzero"`
	Type     string          `json:"type,omitzero"`
	Division domain.Division `json:"division,omitzero"`
}

// LateReport says that the cause is a burial that was reported after the month
// was published, and not a correction.
func (c Cause) LateReport() bool { return c.Type != "eco.corrected.v1" }

// Frozen answers with what was published of a month; false where nothing was.
func (r Reader) Frozen(ctx context.Context, month string) (Frozen, bool, error) {
	f := Frozen{Month: month}
	var id, recorded, cells string
	var at, rests int64
	err := r.DB.QueryRowContext(ctx, `SELECT event, position, recorded_at, rests_on, cells FROM published WHERE month = ?`, month).Scan(&id, &at, &recorded, &rests, &cells)
	if errors.Is(err, sql.ErrNoRows) {
		return Frozen{}, false, nil
	}
	if err != nil {
		return Frozen{}, false, err
	}
	f.RestsOn = events.Position(rests)
	if f.Source, err = projections.ParseSource(id, at, recorded); err != nil {
		return Frozen{}, false, err
	}
	if err := json.Unmarshal([]byte(cells), &f.Cells); err != nil {
		return Frozen{}, false, err
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT definition, interments, strict_count, broad_count, land_saved_cm2, late FROM published_total WHERE month = ? ORDER BY definition`, month)
	if err != nil {
		return Frozen{}, false, err
	}
	defer rs.Close()
	for rs.Next() {
		var t ecoburial.Total
		if err := rs.Scan(&t.Definition, &t.Interments, &t.Strict, &t.Broad, &t.LandSavedCM2, &t.Late); err != nil {
			return Frozen{}, false, err
		}
		f.Totals = append(f.Totals, t)
	}
	return f, true, rs.Err()
}

// FrozenMonths lists the published months, oldest first.
func (r Reader) FrozenMonths(ctx context.Context) ([]string, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT month FROM published ORDER BY month`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ms []string
	for rs.Next() {
		var m string
		if err := rs.Scan(&m); err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, rs.Err()
}

// Causes lists what changed a month since it was published: every event after
// the place it rests on that moved a burial of the city into the month, within
// it or out of it. Their sum is the difference between then and now.
func (r Reader) Causes(ctx context.Context, f Frozen, city domain.Division) ([]Cause, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT event, position, recorded_at, event_type, interment, was_month, was_type, was_division, is_month, is_type, is_division
		FROM change WHERE position > ?1 AND (was_month = ?2 OR is_month = ?2) ORDER BY position`, int64(f.RestsOn), f.Month)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var cs []Cause
	for rs.Next() {
		var c Cause
		var id, recorded string
		var at int64
		if err := rs.Scan(&id, &at, &recorded, &c.Type, &c.Interment, &c.Was.Month, &c.Was.Type, &c.Was.Division, &c.Is.Month, &c.Is.Type, &c.Is.Division); err != nil {
			return nil, err
		}
		if c.Source, err = projections.ParseSource(id, at, recorded); err != nil {
			return nil, err
		}
		if c.Was.Month == f.Month && c.Was.Division.In(city) || c.Is.Month == f.Month && c.Is.Division.In(city) {
			cs = append(cs, c)
		}
	}
	return cs, rs.Err()
}

// A Target is a share that an authority set itself for a year.
type Target struct {
	Share    ecoburial.Share `json:"share"`
	Year     string          `json:"year"`
	PerMille int             `json:"per_mille"`
	Document string          `json:"document"`
}

// Targets lists the targets of a year.
func (r Reader) Targets(ctx context.Context, year string) ([]Target, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT share, year, per_mille, document FROM target WHERE year = ? ORDER BY share DESC`, year)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ts []Target
	for rs.Next() {
		var t Target
		if err := rs.Scan(&t.Share, &t.Year, &t.PerMille, &t.Document); err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, rs.Err()
}
