package casefile

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "casefile"

//go:embed schema.sql
var schema string

// Projection files the events of each case.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection: everything that happens to a case,
// under every name it ever had.
func (Projection) Types() []string {
	ts := []string{
		"institution.registered.v1", "institution.renamed.v1", "institution.resource_added.v1", "parameters.set.v1",
		"schedule.held.v1", "schedule.confirmed.v1", "schedule.released.v1",
		"wait.joined.v1", "wait.offered.v1", "wait.skipped.v1", "wait.accepted.v1", "wait.left.v1",
		"coldstore.placed.v1", "coldstore.removed.v1",
	}
	for _, ws := range [][]domain.Wire{booking.Wire, cremation.Wire, access.Wire} {
		for _, w := range ws {
			switch context, _, _ := strings.Cut(w.Name, "."); context {
			case "booking", "cremation", "custody", "tag", "furnace", "certificate", "access":
				ts = append(ts, w.Name)
			}
		}
	}
	return ts
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{tx: tx, files: map[string]int64{}, tags: map[string]int64{}}
	for _, e := range batch {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	return w.flush()
}

type writer struct {
	tx    *projections.Tx
	files map[string]int64 // by case
	tags  map[string]int64
	rows  []any // of events, to be written
}

func (w *writer) apply(e projections.Event) error {
	id := e.Stream.ID()
	switch b := e.Body.(type) {
	case institution.Registered:
		_, err := w.tx.Exec(`INSERT OR REPLACE INTO institution VALUES (?,?,?,?)`, id, b.NameZh, b.NameEn, string(b.Division))
		return err
	case institution.Renamed:
		_, err := w.tx.Exec(`UPDATE institution SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, id)
		return err
	case institution.ResourceAdded:
		_, err := w.tx.Exec(`INSERT OR REPLACE INTO resource VALUES (?,?,?,?,?)`, id, b.Resource, string(b.Kind), b.NameZh, b.NameEn)
		return err
	case institution.ParameterSet:
		_, err := w.tx.Exec(`INSERT OR REPLACE INTO parameter VALUES (?,?,?)`, id, string(b.Name), b.Value)
		return err
	}
	file, err := w.fileOf(e)
	if err != nil || file == 0 {
		return err
	}
	w.rows = append(w.rows, int64(e.Position), file, e.ID.String(), string(e.Stream), e.Type, stamp(e.Occurred), stamp(e.At),
		e.Meta.Actor, e.Meta.LateReason, e.Meta.Estimated, string(e.Data))
	return nil
}

// fileOf is the file that an event goes into; zero when nobody knows which.
func (w *writer) fileOf(e projections.Event) (int64, error) {
	id := e.Stream.ID()
	switch b := e.Body.(type) {
	case cremation.TagIssued:
		file, err := w.file(b.Case.String(), e)
		if err == nil {
			w.tags[b.Tag] = file
			_, err = w.tx.Exec(`INSERT OR REPLACE INTO tag VALUES (?,?)`, b.Tag, file)
		}
		return file, err
	case cremation.CertificateRegistered:
		file, err := w.file(b.Case.String(), e)
		if err == nil {
			_, err = w.tx.Exec(`INSERT OR REPLACE INTO certificate VALUES (?,?)`, id, file)
		}
		return file, err
	case cremation.CertificateEvent:
		var file int64
		_, err := w.tx.Get(`SELECT file FROM certificate WHERE number = ?`, []any{id}, &file)
		return file, err
	case cremation.Stored:
		return w.file(b.Case.String(), e)
	case cremation.Removed:
		file, ok := w.tags[b.Tag]
		if ok {
			return file, nil
		}
		_, err := w.tx.Get(`SELECT file FROM tag WHERE tag = ?`, []any{b.Tag}, &file)
		w.tags[b.Tag] = file
		return file, err
	case cremation.FurnaceCharged:
		id = b.Case.String()
	case cremation.ChamberInspected:
		id = b.Case.String()
	case cremation.FurnaceEmptied:
		id = b.Case.String()
	case cremation.FurnaceChargeAborted:
		id = b.Case.String()
	case schedule.Held:
		id = b.Case
	case schedule.Confirmed:
		id = b.Case
	case schedule.Released:
		id = b.Case
	case schedule.Joined:
		id = b.Case
	case schedule.Offered:
		id = b.Case
	case schedule.Skipped:
		id = b.Case
	case schedule.Accepted:
		id = b.Case
	case schedule.Left:
		id = b.Case
	}
	return w.file(id, e)
}

// file is the number of a case's file, which begins with the first event about
// the case: a slot is often held before the case is opened.
func (w *writer) file(id string, e projections.Event) (int64, error) {
	if no, ok := w.files[id]; ok {
		return no, nil
	}
	var no int64
	found, err := w.tx.Get(`SELECT no FROM file WHERE "case" = ?`, []any{id}, &no)
	if err == nil && !found {
		no = int64(e.Position)
		_, err = w.tx.Exec(`INSERT INTO file VALUES (?,?)`, no, id)
	}
	w.files[id] = no
	return no, err
}

// flush writes the events, many in one statement: a statement costs more than
// its rows do.
func (w *writer) flush() error {
	for chunk := range slices.Chunk(w.rows, chunkRows*columns) {
		query := insertChunk
		if n := len(chunk) / columns; n < chunkRows {
			query = insertOne + strings.Repeat(nextRow, n-1)
		}
		if _, err := w.tx.Exec(query, chunk...); err != nil {
			return err
		}
	}
	return nil
}

const (
	columns   = 11
	chunkRows = 40
	insertOne = `INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?)`
	nextRow   = `,(?,?,?,?,?,?,?,?,?,?,?)`
)

var insertChunk = insertOne + strings.Repeat(nextRow, chunkRows-1)

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
