package search

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "search"

//go:embed schema.sql
var schema string

// Projection folds cases into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection. It also changes with the pinyin
// table, from which the terms are made.
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{
		"booking.opened.v1", "booking.opened.v2", "booking.amended.v1", "booking.corrected.v1", "booking.handler_replaced.v1",
		"booking.cancelled.v1", "booking.closed.v1", "tag.issued.v1", "subject.forgotten.v1",
	}
}

// An entry is a row, as far as it is found by something.
type entry struct {
	no, institution, quarter               int64
	id, number, tag, state, openedAt       string
	deceased, name, unnamed, sex           string
	idMasked, idTail                       string
	handler, handlerName, phone, phoneTail string
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{tx: tx, entries: map[string]*touched{}, forgotten: map[domain.Subject]bool{}, institutions: map[string]int64{}}
	for _, e := range batch {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	return w.flush()
}

// A writer folds a batch in memory and writes once per touched row.
type writer struct {
	tx           *projections.Tx
	entries      map[string]*touched // by case
	forgotten    map[domain.Subject]bool
	institutions map[string]int64
}

type touched struct {
	entry
	was    entry // as it stands in the file
	stored bool
}

func (w *writer) apply(e projections.Event) error {
	if b, ok := e.Body.(domain.Forgotten); ok {
		return w.forget(b.Person)
	}
	if b, ok := e.Body.(booking.Opened); ok {
		return w.open(e, b)
	}
	id := e.Stream.ID()
	if b, ok := e.Body.(cremation.TagIssued); ok {
		id = b.Case.String()
	}
	x, err := w.entry(id)
	if err != nil || x == nil {
		return err // nothing is found of a case that nobody opened
	}
	switch b := e.Body.(type) {
	case booking.Amended:
		if err := w.deceased(x, b.Deceased); err != nil {
			return err
		}
		return w.handler(x, b.Handler)
	case booking.HandlerReplaced:
		return w.handler(x, b.Handler)
	case booking.Corrected:
		return w.correct(x, b)
	case booking.Cancelled:
		x.state = string(Cancelled)
	case booking.Closed:
		x.state = string(Closed)
	case cremation.TagIssued:
		x.tag = b.Tag
	default:
		return fmt.Errorf("search: %T is none of its events", e.Body)
	}
	return nil
}

func (w *writer) open(e projections.Event, b booking.Opened) error {
	institution, ok := w.institutions[b.Institution]
	if !ok {
		found, err := w.tx.Get(`SELECT no FROM institution WHERE code = ?`, []any{b.Institution}, &institution)
		if err != nil {
			return err
		}
		if !found {
			institution = int64(e.Position)
			if _, err := w.tx.Exec(`INSERT INTO institution VALUES (?,?)`, institution, b.Institution); err != nil {
				return err
			}
		}
		w.institutions[b.Institution] = institution
	}
	at := e.At.In(domain.Shanghai)
	x := &touched{entry: entry{no: int64(e.Position), institution: institution, quarter: int64(at.Year())*4 + int64(at.Month()-1)/3,
		id: e.Stream.ID(), number: b.Number, state: string(Open), openedAt: e.At.UTC().Format(time.RFC3339Nano)}}
	w.entries[x.id] = x
	if err := w.deceased(x, b.Deceased); err != nil {
		return err
	}
	return w.handler(x, b.Handler)
}

// entry is the row of a case; nil when it was never opened.
func (w *writer) entry(id string) (*touched, error) {
	if x, ok := w.entries[id]; ok {
		return x, nil
	}
	x := touched{stored: true}
	found, err := w.tx.Get(`SELECT `+columns+` FROM entry WHERE "case" = ?`, []any{id}, x.entry.fields()...)
	if err != nil || !found {
		return nil, err
	}
	x.was = x.entry
	w.entries[id] = &x
	return &x, nil
}

const columns = `no, "case", institution, quarter, number, tag, state, opened_at, deceased, name, unnamed, sex, id_masked, id_tail, handler, handler_name, phone_masked, phone_tail`

func (e *entry) fields() []any {
	return []any{&e.no, &e.id, &e.institution, &e.quarter, &e.number, &e.tag, &e.state, &e.openedAt, &e.deceased, &e.name, &e.unnamed, &e.sex,
		&e.idMasked, &e.idTail, &e.handler, &e.handlerName, &e.phone, &e.phoneTail}
}

// gone says that the person was forgotten.
func (w *writer) gone(of domain.Subject) (bool, error) {
	if is, ok := w.forgotten[of]; ok || of == "" {
		return is, nil
	}
	var one int
	is, err := w.tx.Get(`SELECT 1 FROM forgotten WHERE person = ?`, []any{string(of)}, &one)
	w.forgotten[of] = is
	return is, err
}

func (w *writer) deceased(x *touched, d booking.Deceased) error {
	x.deceased, x.unnamed = string(d.Person), string(d.Unnamed)
	x.forgetDeceased()
	gone, err := w.gone(d.Person)
	if err != nil || gone {
		return err
	}
	x.name, x.sex = d.Name.Or(""), string(d.Sex.Or(""))
	x.identify(d.CitizenID.Or(""), d.Document.Number.Or(""))
	return nil
}

func (e *entry) identify(id domain.CitizenID, document string) {
	e.idMasked, e.idTail = "", ""
	switch {
	case id != "":
		e.idMasked, e.idTail = id.Masked(), tail(string(id))
	case document != "":
		e.idMasked, e.idTail = maskNumber(document), tail(document)
	}
}

func (w *writer) handler(x *touched, h booking.Handler) error {
	x.entry.handler = string(h.Person)
	x.forgetHandler()
	gone, err := w.gone(h.Person)
	if err != nil || gone {
		return err
	}
	x.handlerName = h.Name.Or("")
	x.call(h.Phone.Or(""))
	return nil
}

func (e *entry) call(phone string) { e.phone, e.phoneTail = maskNumber(phone), tail(phone) }

func (e *entry) forgetDeceased() { e.name, e.sex, e.idMasked, e.idTail = "", "", "", "" }
func (e *entry) forgetHandler()  { e.handlerName, e.phone, e.phoneTail = "", "", "" }

func (w *writer) correct(x *touched, c booking.Corrected) error {
	of := c.To.Subject()
	if of == "" {
		of = c.From.Subject()
	}
	gone, err := w.gone(of)
	if err != nil || gone {
		return err
	}
	to := c.To.Or("")
	switch c.Field {
	case booking.FieldName:
		x.name = to
	case booking.FieldSex:
		x.sex = to
	case booking.FieldCitizenID:
		x.identify(domain.CitizenID(to), "")
	case booking.FieldDocument:
		if _, number, _ := strings.Cut(to, ":"); number != "" && len(x.idMasked) != 18 {
			x.identify("", number)
		}
	case booking.FieldHandlerName:
		x.handlerName = to
	case booking.FieldPhone:
		x.call(to)
	}
	return nil
}

// forget takes a person out of every row, and their terms with it.
func (w *writer) forget(person domain.Subject) error {
	w.forgotten[person] = true
	if _, err := w.tx.Exec(`INSERT OR IGNORE INTO forgotten VALUES (?)`, string(person)); err != nil {
		return err
	}
	rs, err := w.tx.Query(`SELECT "case" FROM entry WHERE deceased = ?1 UNION SELECT "case" FROM entry WHERE handler = ?1`, string(person))
	if err != nil {
		return err
	}
	ids := slices.Collect(maps.Keys(w.entries)) // the file does not know what this batch changed
	for rs.Next() {
		var id string
		if err := rs.Scan(&id); err != nil {
			rs.Close()
			return err
		}
		ids = append(ids, id)
	}
	if err := rs.Err(); err != nil {
		return err
	}
	for _, id := range ids {
		x, err := w.entry(id)
		if err != nil {
			return err
		}
		if x.deceased == string(person) {
			x.forgetDeceased()
		}
		if x.entry.handler == string(person) {
			x.forgetHandler()
		}
	}
	return nil
}

// flush writes what changed. Rows go in the order of their numbers and terms in
// that of their key, which is kinder to the file than the order of the log.
func (w *writer) flush() error {
	changed := slices.SortedFunc(maps.Values(w.entries), func(a, b *touched) int { return int(a.no - b.no) })
	changed = slices.DeleteFunc(changed, func(x *touched) bool { return x.stored && x.entry == x.was })
	var rows, terms, gone []any
	var added []term
	quarters := map[[2]int64]bool{}
	for _, x := range changed {
		switch {
		case !x.stored:
			rows = x.append(rows)
			quarters[[2]int64{x.quarter, x.institution}] = true
		case x.deceased == x.was.deceased && x.entry.handler == x.was.handler:
			// What the indexes hold stays, so that they are not touched.
			if _, err := w.tx.Exec(`UPDATE entry SET tag = ?, state = ?, name = ?, unnamed = ?, sex = ?, id_masked = ?, id_tail = ?, handler_name = ?,
				phone_masked = ?, phone_tail = ? WHERE no = ?`,
				x.tag, x.state, x.name, x.unnamed, x.sex, x.idMasked, x.idTail, x.handlerName, x.phone, x.phoneTail, x.no); err != nil {
				return err
			}
		default:
			rows = x.append(rows)
		}
		if x.stored && x.found() == x.was.found() {
			continue
		}
		var old []string
		if x.stored {
			old = x.was.terms()
		}
		now := x.terms()
		for _, t := range old {
			if _, found := slices.BinarySearch(now, t); !found {
				gone = append(gone, x.institution, x.quarter, t, x.no)
			}
		}
		for _, t := range now {
			if _, found := slices.BinarySearch(old, t); !found {
				added = append(added, term{x.institution, x.quarter, t, x.no})
			}
		}
	}
	if err := w.tx.Insert(`INSERT OR REPLACE INTO entry (`+columns+`)`, 18, rows); err != nil {
		return err
	}
	for t := range slices.Chunk(gone, 4) {
		if _, err := w.tx.Exec(`DELETE FROM term WHERE institution = ? AND quarter = ? AND term = ? AND entry = ?`, t...); err != nil {
			return err
		}
	}
	for q := range quarters {
		if _, err := w.tx.Exec(`INSERT OR IGNORE INTO quarter VALUES (?,?)`, q[0], q[1]); err != nil {
			return err
		}
	}
	slices.SortFunc(added, term.compare)
	for _, t := range added {
		terms = append(terms, t.institution, t.quarter, t.term, t.entry)
	}
	return w.tx.Insert(`INSERT OR FAIL INTO term`, 4, terms)
}

// append adds the row's values to others.
func (e *entry) append(to []any) []any {
	return append(to, e.no, e.id, e.institution, e.quarter, e.number, e.tag, e.state, e.openedAt, e.deceased, e.name, e.unnamed, e.sex,
		e.idMasked, e.idTail, e.handler, e.handlerName, e.phone, e.phoneTail)
}

// found is what the terms are made of.
func (e *entry) found() [6]string {
	return [6]string{e.name, e.handlerName, e.idTail, e.phoneTail, e.tag, e.number}
}

type term struct {
	institution, quarter int64
	term                 string
	entry                int64
}

func (t term) compare(o term) int {
	for _, c := range [2][2]int64{{t.institution, o.institution}, {t.quarter, o.quarter}} {
		if c[0] != c[1] {
			return int(c[0] - c[1])
		}
	}
	if c := strings.Compare(t.term, o.term); c != 0 {
		return c
	}
	return int(t.entry - o.entry)
}
