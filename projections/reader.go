package projections

import (
	"context"
	"database/sql/driver"
	"fmt"
	"sync/atomic"

	"modernc.org/sqlite"
)

// A target is where a read model's readers are led: the path of the file that
// serves now.
type target struct {
	driver sqlite.Driver
	path   atomic.Pointer[string]
}

// Connect implements driver.Connector: every new connection goes to the file
// that serves at that moment.
func (t *target) Connect(context.Context) (driver.Conn, error) {
	for {
		path := t.path.Load()
		if path == nil {
			return nil, fmt.Errorf("projections: nothing serves yet")
		}
		c, err := t.driver.Open(dsn(*path, readerPragmas))
		if err == nil {
			return readConn{c.(sqliteConn), path, t}, nil
		}
		if t.path.Load() == path { // otherwise the file went away in a switch
			return nil, err
		}
	}
}

// Driver implements driver.Connector.
func (t *target) Driver() driver.Driver { return &t.driver }

// sqliteConn is what database/sql makes use of in a connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A readConn leaves the pool once its file no longer serves; a query or
// transaction under way ends on the file it began on.
type readConn struct {
	sqliteConn
	path *string
	of   *target
}

// IsValid implements driver.Validator.
func (c readConn) IsValid() bool { return c.of.path.Load() == c.path && c.sqliteConn.IsValid() }

// ResetSession implements driver.SessionResetter.
func (c readConn) ResetSession(ctx context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	return c.sqliteConn.ResetSession(ctx)
}
