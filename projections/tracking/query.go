// Package tracking is the read model of the codes that families are given: which
// case a code leads to. What stands under a code is folded from the case's own
// streams when a family asks (handlers.App.Story), so that it is never behind.
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
