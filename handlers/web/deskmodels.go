package web

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"shenzhong/domain"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/oversight"
	"shenzhong/projections/search"
	"shenzhong/projections/voyages"
)

var _ DeskSource = (*ReadModels)(nil)

// ReadModels implements DeskSource.
func (m *ReadModels) ReadModels() []string {
	return []string{frontdesk.Name, search.Name, voyages.Name, oversight.Name}
}

// Board implements DeskSource. An institution that no event names yet has an
// empty board.
func (m *ReadModels) Board(ctx context.Context, institution string, day domain.Date, now time.Time) (b frontdesk.Board, a frontdesk.Attention, asOf AsOf, err error) {
	asOf, err = m.look(ctx, frontdesk.Name, func(tx *sql.Tx) (err error) {
		r := frontdesk.Reader{DB: tx}
		if b, err = r.Board(ctx, domain.CreditCode(institution), day, now); err != nil {
			return emptyDesk(err)
		}
		a, err = r.Attention(ctx, domain.CreditCode(institution), now)
		return err
	})
	b.Day = day
	return b, a, asOf, err
}

// Custody implements DeskSource.
func (m *ReadModels) Custody(ctx context.Context, institution string, now time.Time) (all []frontdesk.Custody, asOf AsOf, err error) {
	asOf, err = m.look(ctx, frontdesk.Name, func(tx *sql.Tx) (err error) {
		all, err = frontdesk.Reader{DB: tx}.Custody(ctx, domain.CreditCode(institution), now)
		return emptyDesk(err)
	})
	return all, asOf, err
}

// Sheet implements DeskSource.
func (m *ReadModels) Sheet(ctx context.Context, institution string, day domain.Date) (s frontdesk.Sheet, asOf AsOf, err error) {
	asOf, err = m.look(ctx, frontdesk.Name, func(tx *sql.Tx) (err error) {
		s, err = frontdesk.Reader{DB: tx}.Sheet(ctx, domain.CreditCode(institution), day)
		return emptyDesk(err)
	})
	return s, asOf, err
}

// Find implements DeskSource.
func (m *ReadModels) Find(ctx context.Context, institution, query string, n int) (hits []search.Hit, asOf AsOf, err error) {
	asOf, err = m.look(ctx, search.Name, func(tx *sql.Tx) (err error) {
		hits, err = search.Reader{DB: tx}.Find(ctx, search.In(domain.CreditCode(institution)), query, n)
		return err
	})
	return hits, asOf, err
}

func emptyDesk(err error) error {
	if errors.Is(err, frontdesk.ErrNotFound) {
		return nil
	}
	return err
}
