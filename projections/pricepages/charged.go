package pricepages

import (
	"context"
	"fmt"
	"slices"
	"time"

	"shenzhong/domain"
	"shenzhong/projections"
)

// LeastShown is the smallest number of charges in a month whose prices are
// published: fewer could be told apart by who was there. No sum over items,
// months or institutions is published beside them, so that nothing can be taken
// away from one to find what is withheld. The number is a proposal of ours ([P]).
const LeastShown = 5

// Charged is what one item actually cost in one month, per unit, as it was put
// on bills: before relief, and before what was given back later.
type Charged struct {
	Code  string `json:"code"`
	Month string `json:"month"` // of the charge, "2026-10"
	// Few says that there were some, but fewer than LeastShown: nothing else is
	// told of them.
	Few    bool         `json:"few,omitempty"`
	Count  int          `json:"count,omitempty"`
	P10    domain.Money `json:"p10_fen,omitempty"`
	Median domain.Money `json:"median_fen,omitempty"`
	P90    domain.Money `json:"p90_fen,omitempty"`
}

// A bar is one price of an item in a month, by the institution that charged it.
type bar struct {
	institution, code, month string
	price                    domain.Money
}

// charges counts the lines of bills in a batch: a price is charged again and
// again, so few statements write them all.
type charges map[bar]int

func (cs charges) write(tx *projections.Tx) error {
	for b, n := range cs {
		if _, err := tx.Exec(`INSERT INTO charged VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n`, b.institution, b.code, b.month, int64(b.price), n); err != nil {
			return err
		}
	}
	return nil
}

// cases knows which institution a case is at, of this batch and of all before.
type cases struct {
	tx  *projections.Tx
	at  map[string]string
	new []any // id, institution
}

func newCases(tx *projections.Tx) *cases { return &cases{tx: tx, at: map[string]string{}} }

func (c *cases) opened(id, institution string) {
	c.at[id] = institution
	c.new = append(c.new, id, institution)
}

func (c *cases) institution(id string) (of string, err error) {
	if of, ok := c.at[id]; ok {
		return of, nil
	}
	switch known, err := c.tx.Get(`SELECT institution FROM of_case WHERE id = ?`, []any{id}, &of); {
	case err != nil:
		return "", err
	case !known:
		return "", fmt.Errorf("pricepages: case %s is charged before it is opened", id)
	}
	c.at[id] = of
	return of, nil
}

func (c *cases) write() error { return c.tx.Insert(`INSERT OR FAIL INTO of_case`, 2, c.new) }

// monthOf is the local month of an instant: "2026-10".
func monthOf(t time.Time) string { return string(domain.DateOf(t))[:7] }

// before is the month before another.
func before(month string) string { return monthOf(domain.Date(month+"-01").Start().AddDate(0, 0, -1)) }

// clock is the month in which the log last recorded something that this read
// model reads: the months before it are over, and are published.
func (r Reader) clock(ctx context.Context) (month string, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT coalesce(max(month), '') FROM clock`).Scan(&month)
	return month, err
}

// Charged is what an institution's items actually cost, by month and code, in
// the months that are over. Of a month that is not, nothing is told yet.
func (r Reader) Charged(ctx context.Context, institution string) ([]Charged, error) {
	now, err := r.clock(ctx)
	if err != nil {
		return nil, err
	}
	return r.charged(ctx, institution, "", now)
}

// charged are the figures of the months from one until before another.
func (r Reader) charged(ctx context.Context, institution, from, until string) ([]Charged, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT month, code, price, n FROM charged WHERE institution = ? AND month >= ? AND month < ? ORDER BY month, code, price`, institution, from, until)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	type count struct {
		price domain.Money
		n     int
	}
	var cs []Charged
	var bars []count
	end := func() {
		if len(bars) == 0 {
			return
		}
		c := &cs[len(cs)-1]
		for _, b := range bars {
			c.Count += b.n
		}
		// The k-th of n prices in order, the nearest rank above.
		rank := func(percent int) domain.Money {
			k := (c.Count*percent + 99) / 100
			for _, b := range bars {
				if k -= b.n; k <= 0 {
					return b.price
				}
			}
			return bars[len(bars)-1].price
		}
		if c.P10, c.Median, c.P90 = rank(10), rank(50), rank(90); c.Count < LeastShown {
			*c = Charged{Code: c.Code, Month: c.Month, Few: true}
		}
		bars = bars[:0]
	}
	for rs.Next() {
		var month, code string
		var b count
		if err := rs.Scan(&month, &code, &b.price, &b.n); err != nil {
			return nil, err
		}
		if len(cs) == 0 || cs[len(cs)-1].Month != month || cs[len(cs)-1].Code != code {
			end()
			cs = append(cs, Charged{Code: code, Month: month})
		}
		bars = append(bars, b)
	}
	end()
	return slices.Clip(cs), rs.Err()
}

// ChargedCSV is a table of figures for spreadsheets.
func ChargedCSV(institution string, cs []Charged) ([]byte, error) {
	head := []string{"institution", "month", "code", "count", "p10_yuan", "median_yuan", "p90_yuan", "p10_fen", "median_fen", "p90_fen", "few"}
	var rows [][]string
	for _, c := range cs {
		row := []string{institution, c.Month, c.Code, "", "", "", "", "", "", "", fmt.Sprintf("<%d", LeastShown)}
		if !c.Few {
			row = []string{institution, c.Month, c.Code, fmt.Sprint(c.Count), yuan(&c.P10), yuan(&c.Median), yuan(&c.P90), fen(&c.P10), fen(&c.Median), fen(&c.P90), ""}
		}
		rows = append(rows, row)
	}
	return table(head, rows)
}

// overlaps says that a version was in force on some day of the month, as far as
// its neighbour tells.
func (p Page) overlaps(month string) bool {
	return string(p.EffectiveFrom)[:7] <= month && (p.Next == 0 || string(p.NextFrom) > month+"-01")
}
