package natsstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"shenzhong/events"
)

// indexVersion changes with the schema or the row format; an index of another
// version is rebuilt.
const indexVersion = 2

// Measured, 2 cores, 400-byte events: this layout takes 80–120k inserts a
// second, one clustered by (stream, revision) WITHOUT ROWID 16–22k.
const indexSchema = `
CREATE TABLE event(
	position INTEGER PRIMARY KEY, -- log sequence * 256 + index inside the append
	stream   INTEGER NOT NULL,    -- first 8 bytes of SHA-256 of the stream's name
	row      BLOB NOT NULL        -- the event, see row.go
) STRICT;
CREATE INDEX event_by_stream ON event(stream);
CREATE TABLE state(
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	log     TEXT NOT NULL,        -- which log this is an index of
	acked   INTEGER NOT NULL      -- the highest sequence known to be acknowledged as durable
) STRICT;
PRAGMA user_version = 2;`

// An index is one SQLite file that mirrors the log for reading. One writer,
// a pool of readers. It is never the truth: Verify compares it with the log.
type index struct {
	path   string
	writer *sql.DB
	w      *sql.Conn
	insert *sql.Stmt
	state  *sql.Stmt
	noted  time.Time // when the state row was last written; owned by apply

	reader                 *sql.DB
	load, scan, each, last *sql.Stmt

	mu      sync.Mutex
	applied uint64        // every message up to this log sequence is in
	more    chan struct{} // closed and replaced when applied grows
}

// noteEvery is how stale the state row may get. A power loss leaves it much
// staler anyway, because the index is not synced.
const noteEvery = 200 * time.Millisecond

// errIndex says that the file is not a usable index and must be built again.
var errIndex = errors.New("natsstore: the index is not usable")

func dsn(path, query string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query}).String()
}

// openIndex opens or creates the index of log. An index of another version or
// one that SQLite cannot read is errIndex; one of another log is an error.
func openIndex(ctx context.Context, path, log string) (*index, error) {
	x := &index{path: path, more: make(chan struct{})}
	// synchronous OFF: after a power loss the index is built again anyway.
	w, err := sql.Open("sqlite", dsn(path, "_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	x.writer = w
	if err := x.open(ctx, log); err != nil {
		return nil, errors.Join(err, x.close())
	}
	return x, nil
}

func (x *index) open(ctx context.Context, log string) error {
	bad := func(err error) error { return fmt.Errorf("%w: %w", errIndex, err) }
	var err error
	if x.w, err = x.writer.Conn(ctx); err != nil {
		return bad(err)
	}
	var version, tables int
	if err := x.w.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return bad(err)
	}
	if err := x.w.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return bad(err)
	}
	if tables == 0 {
		if _, err := x.w.ExecContext(ctx, indexSchema); err != nil {
			return bad(err)
		}
		if _, err := x.w.ExecContext(ctx, `INSERT INTO state VALUES(1, ?, 0)`, log); err != nil {
			return bad(err)
		}
	} else if version != indexVersion {
		return bad(fmt.Errorf("version %d, want %d", version, indexVersion))
	}
	var of string
	var newest int64
	if err := x.w.QueryRowContext(ctx, `SELECT log, (SELECT coalesce(max(position), 0) FROM event) FROM state`).Scan(&of, &newest); err != nil {
		return bad(err)
	}
	if of != log {
		return fmt.Errorf("natsstore: %s is the index of another log (%s, this one is %s): if that is meant, for instance after a restore, move the index away and start again", x.path, of, log)
	}
	x.applied = sequence(events.Position(newest))
	if x.insert, err = x.w.PrepareContext(ctx, `INSERT INTO event VALUES(?, ?, ?)`); err != nil {
		return bad(err)
	}
	if x.state, err = x.w.PrepareContext(ctx, `UPDATE state SET acked = ?`); err != nil {
		return bad(err)
	}
	if x.reader, err = sql.Open("sqlite", dsn(x.path, "mode=ro&_pragma=busy_timeout(10000)&_pragma=cache_size(-4000)")); err != nil {
		return bad(err)
	}
	x.reader.SetMaxOpenConns(8)
	x.reader.SetMaxIdleConns(8)
	for _, q := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&x.load, `SELECT CAST(group_concat(row, '') AS BLOB) FROM (SELECT row FROM event WHERE stream = ? AND position > ? ORDER BY position LIMIT ?)`},
		{&x.scan, `SELECT CAST(group_concat(row, '') AS BLOB) FROM (SELECT row FROM event WHERE position > ? ORDER BY position LIMIT ?)`},
		{&x.each, `SELECT position, row FROM event WHERE position > ? ORDER BY position LIMIT ?`},
		{&x.last, `SELECT row FROM event WHERE stream = ? ORDER BY position DESC`},
	} {
		if *q.stmt, err = x.reader.PrepareContext(ctx, q.text); err != nil {
			return bad(err)
		}
	}
	return nil
}

func (x *index) close() error {
	var errs []error
	for _, stmt := range []*sql.Stmt{x.load, x.scan, x.each, x.last, x.insert, x.state} {
		if stmt != nil { // SQLite keeps a connection open as long as it has statements
			errs = append(errs, stmt.Close())
		}
	}
	if x.reader != nil {
		errs = append(errs, x.reader.Close())
	}
	if x.w != nil {
		// One whole file: what a person copies or moves is then the index.
		if _, err := x.w.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", errIndex, err))
		}
		errs = append(errs, x.w.Close())
	}
	return errors.Join(append(errs, x.writer.Close())...)
}

// removeIndex deletes the file and what SQLite keeps beside it.
func removeIndex(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// apply puts the events of the messages up to sequence in, in one transaction.
// It is called by one goroutine.
func (x *index) apply(ctx context.Context, rs []events.Recorded, sequence, acked uint64) error {
	// The state row may be a little stale, so a lone live event is one
	// statement by itself: half the time of a transaction of two.
	if len(rs) == 1 && time.Since(x.noted) < noteEvery {
		if err := x.put(ctx, rs); err != nil {
			return err
		}
	} else if err := x.transact(ctx, rs, acked); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.applied = sequence
	close(x.more)
	x.more = make(chan struct{})
	return nil
}

func (x *index) transact(ctx context.Context, rs []events.Recorded, acked uint64) (err error) {
	if _, err := x.w.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			x.w.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		}
	}()
	if err := x.put(ctx, rs); err != nil {
		return err
	}
	if _, err := x.state.ExecContext(ctx, int64(acked)); err != nil {
		return err
	}
	x.noted = time.Now()
	_, err = x.w.ExecContext(ctx, `COMMIT`)
	return err
}

func (x *index) put(ctx context.Context, rs []events.Recorded) error {
	var row []byte
	for _, r := range rs {
		row = appendRow(row[:0], r)
		if _, err := x.insert.ExecContext(ctx, int64(r.Position), streamHash(r.Stream), row); err != nil {
			return fmt.Errorf("natsstore: index %s at %d: %w", r.Stream, r.Position, err)
		}
	}
	return nil
}

// at is how far the index is, and a channel that closes when it is further.
func (x *index) at() (uint64, <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.applied, x.more
}

// wait blocks until every message up to sequence is in.
func (x *index) wait(ctx context.Context, sequence uint64, closed <-chan struct{}) error {
	for {
		applied, more := x.at()
		if applied >= sequence {
			return nil
		}
		select {
		case <-more:
		case <-closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rowsAtOnce is how many rows one query gives. Even of the largest events
// (events.MaxAppendBytes) so many are less than what SQLite takes in one piece.
const rowsAtOnce = 128

// rows reads at most limit events after a position, by the scan or the load
// statement. A query answers with its rows in one piece: going through the
// driver for each row and column took twice as long as all the rest. That the
// piece is whole and in order is seen from the rows themselves.
func (x *index) rows(ctx context.Context, in interned, about, limit int, after events.Position, stmt *sql.Stmt, args ...any) ([]events.Recorded, error) {
	out := make([]events.Recorded, 0, about)
	args = append(args, nil, nil)
	for limit > 0 {
		some := min(limit, rowsAtOnce)
		args[len(args)-2], args[len(args)-1] = int64(after), some
		var piece []byte // the events' data stay in it: that spares the collector half its work
		if err := stmt.QueryRowContext(ctx, args...).Scan(&piece); err != nil {
			return nil, err
		}
		n := 0
		for ; len(piece) > 0; n++ {
			r, rest, err := parseRow(piece, in)
			if err != nil || r.Position <= after {
				return nil, fmt.Errorf("%w: the one after position %d", errRow, after)
			}
			out, piece, after = append(out, r), rest, r.Position
		}
		if n < some {
			break
		}
		limit -= some
	}
	return out, nil
}

// end is the stream's newest revision in the index.
func (x *index) end(ctx context.Context, st events.Stream) (events.Revision, error) {
	rows, err := x.last.QueryContext(ctx, streamHash(st))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var row sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&row); err != nil {
			return 0, err
		}
		r, _, err := parseRow(row, interned{})
		if err != nil {
			return 0, err
		}
		if r.Stream == st {
			return r.Revision, nil
		}
	}
	return events.NoStream, rows.Err()
}

// head is the newest position in the index.
func (x *index) head(ctx context.Context) (events.Position, error) {
	var p int64
	err := x.reader.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM event`).Scan(&p)
	return events.Position(p), err
}
