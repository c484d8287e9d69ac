// Package tracking is the read model of the codes that families are given: which
// case a code leads to, and which eco-burials were applied for in it. What stands
// under a code is folded from the streams themselves when a family asks
// (handlers.App.Story, EcoStory), so that it is never behind.
//
// It keeps hashes. Whoever has the file can follow no code.
package tracking

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"shenzhong/projections"
)

// A Reader answers for codes.
type Reader struct{ DB projections.Querier }

// ErrNotFound reports that there is no such code, or that a newer one has
// voided it.
var ErrNotFound = errors.New("tracking: no such code")

// Case is the case that a code leads to, given by its hash.
func (r Reader) Case(ctx context.Context, hash string) (uuid.UUID, error) {
	var id string
	err := r.DB.QueryRowContext(ctx, `SELECT "case" FROM code WHERE hash = ?`, hash).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, ErrNotFound
	}
	if err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(id)
}

// EcoBurials are the applications for an eco-burial of a case, in the order in
// which they were recorded.
func (r Reader) EcoBurials(ctx context.Context, of uuid.UUID) (ids []uuid.UUID, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT burial FROM eco WHERE "case" = ? ORDER BY position`, of.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var burial string
		if err := rows.Scan(&burial); err != nil {
			return nil, err
		}
		id, err := uuid.Parse(burial)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
