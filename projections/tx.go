package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// A Tx is one transaction on a read model's file. Statements are prepared on
// first use and kept as long as the file is open, so a projection writes its
// queries as constants.
//
// Its methods take no context: modernc.org/sqlite starts a goroutine for every
// statement whose context can end, which costs more than the statement. The
// runner looks at the context between batches.
type Tx struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	inserts map[insert]string
}

// An insert is a statement that inserts so many rows of so many columns.
type insert struct {
	into        string
	rows, width int
}

func newTx(conn *sql.Conn) *Tx {
	return &Tx{conn: conn, stmts: map[string]*sql.Stmt{}, inserts: map[insert]string{}}
}

var background = context.Background()

func (tx *Tx) prepare(query string) (*sql.Stmt, error) {
	if s := tx.stmts[query]; s != nil {
		return s, nil
	}
	s, err := tx.conn.PrepareContext(background, query)
	if err != nil {
		return nil, err
	}
	tx.stmts[query] = s
	return s, nil
}

// Exec runs a statement.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(background, args...)
}

// insertRows is how many rows go into one statement at most.
const insertRows = 64

// Insert writes rows of so many columns, given one after the other, as
// `INSERT OR FAIL INTO table` or `INSERT OR REPLACE INTO table (columns)` says.
// Many go into one statement, because a statement costs more than its rows do.
// OR FAIL, because SQLite otherwise copies each page first to be able to undo
// the statement by itself, which nobody wants: the transaction is undone.
func (tx *Tx) Insert(into string, width int, values []any) error {
	for rows := insertRows; len(values) > 0; {
		for rows*width > len(values) {
			if rows /= 2; rows == 0 { // halves, so that there are few statements to prepare
				return fmt.Errorf("projections: %d values are left over in %s", len(values), into)
			}
		}
		k := insert{into, rows, width}
		query, ok := tx.inserts[k]
		if !ok {
			row := "(?" + strings.Repeat(",?", width-1) + ")"
			query = into + " VALUES " + row + strings.Repeat(","+row, rows-1)
			tx.inserts[k] = query
		}
		if _, err := tx.Exec(query, values[:rows*width]...); err != nil {
			return err
		}
		values = values[rows*width:]
	}
	return nil
}

// Query runs a query. Its rows must be closed before the next statement of the
// same text.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(background, args...)
}

// Get runs a query of at most one row and scans it. It answers false when there
// is no row.
func (tx *Tx) Get(query string, args []any, into ...any) (bool, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(background, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// QueryContext and QueryRowContext make a Tx a Querier, so that Apply may use
// the read model's own queries.
func (tx *Tx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.Query(query, args...)
}

// QueryRowContext implements Querier.
func (tx *Tx) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	s, err := tx.prepare(query)
	if err != nil {
		return tx.conn.QueryRowContext(background, query, args...) // answers with the same error
	}
	return s.QueryRowContext(background, args...)
}

func (tx *Tx) begin() error {
	_, err := tx.Exec(`BEGIN IMMEDIATE`)
	return err
}

func (tx *Tx) commit() error {
	_, err := tx.Exec(`COMMIT`)
	return err
}

// rollback undoes what begin began. SQLite itself rolls back on some errors, so
// "no transaction is active" is as good.
func (tx *Tx) rollback() { _, _ = tx.Exec(`ROLLBACK`) }

func (tx *Tx) close() error {
	var errs []error
	for _, s := range tx.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, tx.conn.Close())...)
}

// within runs f in a transaction.
func (tx *Tx) within(f func() error) (err error) {
	if err := tx.begin(); err != nil {
		return infra(err)
	}
	defer func() {
		if err != nil {
			tx.rollback()
		}
	}()
	defer func() { // a panicking projection must not take the server down
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := f(); err != nil {
		return err
	}
	return infra(tx.commit())
}
