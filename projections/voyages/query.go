// Package voyages is the read model of sea-burial voyages: which ones there are,
// and how many seats are left. Who sails is in no row.
package voyages

import (
	"context"
	"time"

	"shenzhong/domain"
	"shenzhong/projections"
)

// A Reader answers questions about voyages.
type Reader struct{ DB projections.Querier }

// A State is how far a voyage has come.
type State string

// The states.
const (
	Open      State = "open"
	Cancelled State = "cancelled"
	Departed  State = "departed"
	Ended     State = "ended"
)

// A Voyage is one voyage, without its passengers.
type Voyage struct {
	Number         string
	Operator       domain.CreditCode
	NameZh, NameEn string // of the operator
	Vessel         string
	SeaArea, Pier  string
	Division       domain.Division
	Departs        time.Time
	Seats, Taken   int
	State          State
	Reason         string // why it was cancelled
	// Bookings are the sets of ashes that have seats; Aboard those that sailed.
	Bookings, Aboard, Scattered, BroughtBack int
}

// Left is how many seats can still be taken.
func (v Voyage) Left() int { return v.Seats - v.Taken }

// Between lists the voyages that depart in [from, until), in the order of their
// departure; of one operator, or of all for "".
func (r Reader) Between(ctx context.Context, from, until time.Time, operator domain.CreditCode) ([]Voyage, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT v.number, v.operator, coalesce(o.name_zh, ''), coalesce(o.name_en, ''), v.vessel, v.sea_area, v.pier, v.division, v.departs, v.seats,
		(SELECT coalesce(sum(seats), 0) FROM booking WHERE voyage = v.number), (SELECT count(*) FROM booking WHERE voyage = v.number),
		v.state, v.reason, v.aboard, v.scattered, v.brought_back
		FROM voyage v LEFT JOIN operator o ON o.code = v.operator
		WHERE v.departs >= ?1 AND v.departs < ?2 AND (?3 = '' OR v.operator = ?3) ORDER BY v.departs, v.number`,
		from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), string(operator))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var vs []Voyage
	for rs.Next() {
		var v Voyage
		var departs string
		if err := rs.Scan(&v.Number, &v.Operator, &v.NameZh, &v.NameEn, &v.Vessel, &v.SeaArea, &v.Pier, &v.Division, &departs, &v.Seats, &v.Taken, &v.Bookings,
			&v.State, &v.Reason, &v.Aboard, &v.Scattered, &v.BroughtBack); err != nil {
			return nil, err
		}
		if v.Departs, err = time.Parse(time.RFC3339, departs); err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, rs.Err()
}
