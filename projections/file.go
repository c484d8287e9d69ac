package projections

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"shenzhong/events"
)

// ErrFenced reports that another runner moved this checkpoint.
var ErrFenced = errors.New("projections: another runner owns this checkpoint")

// The checkpoint says what the rows beside it are made of. ready is set once
// the file has been level with the log: from then on it serves, and older files
// of the same read model may go. It is the switch of a blue/green build, and
// one commit, so that after a crash either the old or the new file serves.
const checkpointSchema = `CREATE TABLE checkpoint (
	one         INTEGER PRIMARY KEY CHECK (one = 1),
	position    INTEGER NOT NULL,
	recorded_at TEXT    NOT NULL,
	ready       INTEGER NOT NULL,
	fingerprint TEXT    NOT NULL
) STRICT;
`

// Why these pragmas:
//
//   - WAL: pages are read while the writer writes.
//   - synchronous NORMAL: commits are not fsynced, only WAL checkpoints are. A
//     power cut may undo the last commits, but rows and checkpoint go together,
//     so the log fills the gap again; the file itself stays sound. OFF would
//     save two fsyncs per 64 MB of WAL and could leave a torn file that nobody
//     notices; FULL would fsync every commit for what the log already holds.
//   - wal_autocheckpoint 16384 pages (64 MB): with the default of 1000 a
//     rebuild copies its hot pages into the file again and again.
//   - temp_store, cache_size (32 MB for the one writer): upserts at random keys
//     stay in memory.
//   - no page_size: with pages of 8 KB a rebuild took as much processor time as
//     with the default of 4 KB (17.9 and 17.7 µs an event).
//   - secure_delete: what is deleted is overwritten, so that a person who is
//     forgotten is not left in the file's unused pages (but see wipe).
const writerPragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=wal_autocheckpoint(16384)&_pragma=secure_delete(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32768)"

// Readers open the file read-write and promise not to write: a file of mode=ro
// in WAL mode cannot be opened while nobody writes it.
const readerPragmas = "?mode=rw&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=cache_size(-4096)"

func dsn(path, pragmas string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path)) + pragmas
}

// fingerprint stands for everything besides the log that the rows depend on.
func fingerprint(p Projection) string {
	s := fmt.Sprintf("%s v%d\n%s%s", p.Name(), p.Version(), checkpointSchema, p.Schema())
	if f, ok := p.(Fingerprinter); ok {
		s += f.Fingerprint()
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// A candidate is a file found in the directory.
type candidate struct {
	path           string
	version, build int
	fingerprint    string
	ready          bool
	position       events.Position
}

// filename is "ecoratio.v1.db", and "ecoratio.v1.2.db" for a second build of
// the same version.
func filename(dir, name string, version, build int) string {
	if build == 1 {
		return filepath.Join(dir, fmt.Sprintf("%s.v%d.db", name, version))
	}
	return filepath.Join(dir, fmt.Sprintf("%s.v%d.%d.db", name, version, build))
}

// candidates lists the files of a read model, oldest version and build first.
// One that cannot be read at all is reported with version and build only.
func candidates(ctx context.Context, dir, name string) ([]candidate, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var cs []candidate
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), name+".v")
		if !ok {
			continue
		}
		rest, ok = strings.CutSuffix(rest, ".db")
		if !ok {
			continue
		}
		version, build, numbered := strings.Cut(rest, ".")
		c := candidate{path: filepath.Join(dir, e.Name()), build: 1}
		if c.version, err = strconv.Atoi(version); err != nil {
			continue
		}
		if numbered {
			if c.build, err = strconv.Atoi(build); err != nil {
				continue
			}
		}
		if err := c.read(ctx); err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		cs = append(cs, c)
	}
	slices.SortFunc(cs, func(a, b candidate) int {
		if a.version != b.version {
			return a.version - b.version
		}
		return a.build - b.build
	})
	return cs, nil
}

func (c *candidate) read(ctx context.Context) error {
	db, err := sql.Open("sqlite", dsn(c.path, readerPragmas))
	if err != nil {
		return err
	}
	defer db.Close()
	var at int64
	err = db.QueryRowContext(ctx, `SELECT position, ready, fingerprint FROM checkpoint`).Scan(&at, &c.ready, &c.fingerprint)
	if err != nil {
		c.ready, c.fingerprint = false, ""
		return err
	}
	c.position = events.Position(at)
	return nil
}

// choose says which file serves. Without one that was level with the log, the
// one that has come furthest goes on being built, and meanwhile an older
// version's may serve.
func choose(cs []candidate, version int, fingerprint string) (serve, partial, old *candidate) {
	for i := range cs {
		c := &cs[i]
		current := c.version == version && c.fingerprint == fingerprint
		switch {
		case current && c.ready:
			serve = c
		case current && (partial == nil || c.position >= partial.position):
			partial = c
		case !current && c.ready && c.version <= version:
			old = c
		}
	}
	if serve != nil {
		return serve, nil, nil
	}
	return nil, partial, old
}

// lastBuild is the highest build number of a version.
func lastBuild(cs []candidate, version int) int {
	n := 0
	for _, c := range cs {
		if c.version == version {
			n = max(n, c.build)
		}
	}
	return n
}

// remove deletes a database with the files beside it.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// A file is an open read model: one connection that writes.
type file struct {
	path    string
	version int
	build   int
	db      *sql.DB
	tx      *Tx
	at      events.Position // as the checkpoint row says
	asOf    time.Time
	ready   bool

	unwiped bool // the file or its WAL may still hold what was purged; kept in the file as user_version
	packed  bool // it was packed since
}

// openFile opens a read model's file, or makes it when schema is given.
func openFile(ctx context.Context, path string, version, build int, schema, fingerprint string) (_ *file, err error) {
	db, err := sql.Open("sqlite", dsn(path, writerPragmas))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), err), db.Close())
	}
	f := &file{path: path, version: version, build: build, db: db, tx: newTx(conn)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), err), f.close())
		}
	}()
	if schema != "" {
		err := f.tx.within(func() error {
			if _, err := conn.ExecContext(ctx, checkpointSchema+schema); err != nil {
				return err
			}
			_, err := conn.ExecContext(ctx, `INSERT INTO checkpoint VALUES (1, 0, '', 0, ?)`, fingerprint)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var at int64
	var recorded string
	if err := conn.QueryRowContext(ctx, `SELECT position, recorded_at, ready, user_version FROM checkpoint, pragma_user_version`).Scan(&at, &recorded, &f.ready, &f.unwiped); err != nil {
		return nil, err
	}
	f.at = events.Position(at)
	f.asOf, _ = time.Parse(time.RFC3339Nano, recorded) // empty at position zero
	return f, nil
}

func (f *file) close() error { return errors.Join(f.tx.close(), f.db.Close()) }

// move sets the checkpoint within the caller's transaction, if it is still
// where this file left it.
func (f *file) move(to events.Position, recorded time.Time) error {
	res, err := f.tx.Exec(`UPDATE checkpoint SET position = ?, recorded_at = ? WHERE position = ?`,
		int64(to), stamp(recorded), int64(f.at))
	if err != nil {
		return infra(err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrFenced, err)
	}
	return nil
}

// apply folds a batch and moves the checkpoint, in one transaction.
func (f *file) apply(ctx context.Context, p Projection, batch []Event, to events.Position, recorded time.Time) error {
	purges := slices.Contains(p.Types(), forgotten) && slices.ContainsFunc(batch, func(e Event) bool { return e.Type == forgotten })
	err := f.tx.within(func() error {
		if len(batch) > 0 {
			if err := p.Apply(ctx, f.tx, batch); err != nil {
				return err
			}
		}
		if purges && !f.unwiped {
			if _, err := f.tx.conn.ExecContext(background, `PRAGMA user_version = 1`); err != nil {
				return infra(err)
			}
		}
		return f.move(to, recorded)
	})
	if err != nil {
		return err
	}
	f.at, f.asOf = to, recorded
	if purges {
		f.unwiped, f.packed = true, false
	}
	return nil
}

// forgotten is the event that makes read models purge a person.
const forgotten = "subject.forgotten.v1"

// wipe sees to it that a person who was purged is not left in the file. Deleting
// is not enough, even with secure_delete: when SQLite moves rows from page to
// page it leaves copies in the free space of the pages, so the file is written
// anew; and the WAL, in whose old frames the person still stands, is emptied.
// It takes as long as copying the file and is done in a quiet second. Somebody
// who reads an older state meanwhile keeps the WAL from being emptied; then it is
// tried again. That it is still to be done outlives a crash.
func (f *file) wipe() error {
	if !f.packed {
		// The copy goes through the disk: the file may be larger than what memory
		// there is.
		_, err := f.tx.conn.ExecContext(background, `PRAGMA temp_store = FILE; VACUUM`)
		_, back := f.tx.conn.ExecContext(background, `PRAGMA temp_store = MEMORY`)
		if err = errors.Join(err, back); err != nil {
			return err
		}
		f.packed = true
	}
	var busy, log, copied int
	_, err := f.tx.conn.ExecContext(background, `PRAGMA busy_timeout(200)`) // nobody waits long for this
	if err == nil {
		err = f.tx.conn.QueryRowContext(background, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &copied)
	}
	_, _ = f.tx.conn.ExecContext(background, `PRAGMA busy_timeout(10000)`) // worst case: what was set above
	if err != nil || busy != 0 {
		return err
	}
	if _, err := f.tx.conn.ExecContext(background, `PRAGMA user_version = 0`); err != nil {
		return err
	}
	f.unwiped = false
	return nil
}

// setReady keeps for ever, also through a power cut, whether the file serves.
func (f *file) setReady(ready bool) error {
	err := f.tx.within(func() error {
		_, err := f.tx.Exec(`UPDATE checkpoint SET ready = ?`, ready)
		return err
	})
	if err != nil {
		return err
	}
	f.ready = ready
	// A commit alone is not on disk under synchronous NORMAL; a checkpoint of
	// the WAL is. Readers may keep the last pages from being copied, which is
	// no harm: the WAL itself was synced before the copying began.
	var busy, log, copied int
	return f.tx.conn.QueryRowContext(background, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &log, &copied)
}

// stamp is how instants are kept: text that sorts, UTC.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// An infraError is trouble with the file, not with an event: worth another try.
type infraError struct{ error }

func (e infraError) Unwrap() error { return e.error }

func infra(err error) error {
	if err == nil {
		return nil
	}
	return infraError{err}
}

// passing says that an error may go away by itself: a lock held by somebody, a
// full disk, a failing device.
func passing(err error) bool {
	if _, ok := errors.AsType[infraError](err); ok {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case 5, 6, 10, 13, 14: // BUSY, LOCKED, IOERR, FULL, CANTOPEN
		return true
	}
	return false
}
