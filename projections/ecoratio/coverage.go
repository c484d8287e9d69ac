package ecoratio

import (
	"context"
	"fmt"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/projections"
)

// place folds what cemeteries have and give.
func place(tx *projections.Tx, e projections.Event) error {
	moved := func(n int) error {
		if _, err := tx.Exec(`UPDATE plot SET taken = taken + ? WHERE id = ?`, n, e.Stream.ID()); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO given SELECT division, ?2, ?3 FROM plot WHERE id = ?1 ON CONFLICT DO UPDATE SET given = given + ?3`,
			e.Stream.ID(), domain.DateOf(e.At).Month(), n)
		return err
	}
	switch b := e.Body.(type) {
	case cemetery.CemeteryEstablished:
		_, err := tx.Exec(`INSERT OR REPLACE INTO cemetery VALUES (?,?,?)`, string(b.Cemetery), string(b.Class), string(b.Division))
		return err
	case cemetery.PlotSurveyed:
		_, err := tx.Exec(`INSERT INTO plot VALUES (?1,?2,?3,?4,0) ON CONFLICT DO UPDATE SET capacity = ?4, division = ?3`,
			e.Stream.ID(), string(b.Cemetery), string(b.Division), b.Capacity)
		return err
	case cemetery.PlotAllocated:
		return moved(1)
	case cemetery.PlotSurrendered:
		return moved(-len(b.Persons))
	}
	return fmt.Errorf("ecoratio: %T is nothing to count", e.Body)
}

// Public are the classes of cemetery that serve the public benefit.
var Public = []cemetery.Class{cemetery.UrbanPublic, cemetery.RuralPublic, cemetery.Columbarium}

// A Coverage is what one district has for burials. It counts places for
// persons, not plots.
type Coverage struct {
	Division   domain.Division `json:"division"`
	Cemeteries int             `json:"cemeteries"`
	// Public are those of the public benefit: city, village, columbarium.
	Public int `json:"public_cemeteries"`
	Places int `json:"places"`
	Taken  int `json:"taken"`
	// LastYear is how many places were given, less those given back, in the
	// twelve whole months before Until.
	LastYear int `json:"given_in_twelve_months"`
}

// Free is how many places are left.
func (c Coverage) Free() int { return c.Places - c.Taken }

// YearsLeft is Free over LastYear; false where nothing was given in that time:
// a rate of nothing says nothing.
func (c Coverage) YearsLeft() (float64, bool) {
	if c.LastYear <= 0 {
		return 0, false
	}
	return float64(c.Free()) / float64(c.LastYear), true
}

// Covered is a district with at least one cemetery of the public benefit.
func (c Coverage) Covered() bool { return c.Public > 0 }

// Coverage tells what each district has, in the order of codes; one without any
// cemetery is absent. The rate is that of the twelve whole months before the
// day's month, by the time of recording.
func (r Reader) Coverage(ctx context.Context, today domain.Date) ([]Coverage, error) {
	until := today.Month()
	from := domain.Date(until + "-01").AddMonths(-12).Month()
	byCode := map[domain.Division]*Coverage{}
	of := func(d domain.Division) *Coverage {
		if byCode[d] == nil {
			byCode[d] = &Coverage{Division: d}
		}
		return byCode[d]
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT class, division FROM cemetery`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var class cemetery.Class
		var d domain.Division
		if err := rs.Scan(&class, &d); err != nil {
			return nil, err
		}
		c := of(d)
		c.Cemeteries++
		if slices.Contains(Public, class) {
			c.Public++
		}
	}
	if err := rs.Err(); err != nil {
		return nil, err
	}
	ps, err := r.DB.QueryContext(ctx, `SELECT division, sum(capacity), sum(taken),
		coalesce((SELECT sum(given) FROM given g WHERE g.division = p.division AND g.month >= ?1 AND g.month < ?2), 0)
		FROM plot p GROUP BY division`, from, until)
	if err != nil {
		return nil, err
	}
	defer ps.Close()
	for ps.Next() {
		var d domain.Division
		var places, taken, year int
		if err := ps.Scan(&d, &places, &taken, &year); err != nil {
			return nil, err
		}
		c := of(d)
		c.Places, c.Taken, c.LastYear = places, taken, year
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	var cs []Coverage
	for _, c := range byCode {
		cs = append(cs, *c)
	}
	slices.SortFunc(cs, func(a, b Coverage) int {
		if a.Division < b.Division {
			return -1
		}
		return 1
	})
	return cs, nil
}
