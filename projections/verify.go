package projections

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"shenzhong/events"
)

// VerifyConfig is what Verify needs.
type VerifyConfig struct {
	// Dir holds the live read models. A Runner may be at work on them.
	Dir         string
	Store       events.Store
	Registry    *events.Registry
	Projections []Projection
	// Progress, if set, is told how far the log was read and how far it will be.
	Progress func(read, of events.Position)
}

// A Recounter is a Projection whose figures can be counted again from the raw
// log by code that shares nothing with Apply, the Registry or the events' Go
// types.
type Recounter interface{ Recount() Recount }

// A Recount reads the stored bytes of every event, then asks the live read
// model.
type Recount interface {
	// Add takes the next event of the log, whatever its type.
	Add(e *events.Recorded) error
	// Compare answers with how many figures were compared and which disagree.
	Compare(ctx context.Context, live Querier) (figures int, differ []Difference, err error)
}

// A Difference names one place where the live read model is not what the log
// says. It quotes no values: some read models hold personal data.
type Difference struct {
	Table  string // or, in a recount, the question: "share by month"
	Key    string // primary key, or what the question was about: "2026-10"
	Column string // empty when a whole row is missing or too many
	What   string // "differs", "missing", "unexpected"
}

func (d Difference) String() string {
	s := d.Table + " " + d.Key
	if d.Column != "" {
		s += " " + d.Column
	}
	return s + ": " + d.What
}

// The ways to differ.
const (
	Differs    = "differs"
	Missing    = "missing"    // the log says so, the read model does not have it
	Unexpected = "unexpected" // the read model has it, the log does not say so
	Unreadable = "unreadable" // the read model has it, but it cannot be read
)

// maxDifferences are kept per read model; the rest is counted.
const maxDifferences = 50

// A VerifyReport says what Verify compared.
type VerifyReport struct {
	Events int64           // of the log that were read
	Until  events.Position // of the last of them
	Took   time.Duration
	Models []ModelReport
}

// A ModelReport is one read model's part.
type ModelReport struct {
	Name     string
	Version  int
	Position events.Position // up to which it was compared
	Rows     int             // compared in all tables
	Recount  bool            // there was a second, independent count
	Figures  int             // that it compared
	Differ   []Difference    // by rebuild, at most maxDifferences
	Recounts []Difference    // by recount, at most maxDifferences
	Count    int             // of all differences, also those not kept
	// Err is why the read model could not be compared.
	Err error
}

// OK says that the read model is what the log says.
func (m ModelReport) OK() bool { return m.Err == nil && m.Count == 0 }

// Err names every read model that is not what the log says; nil when all are.
func (r VerifyReport) Err() error {
	var errs []error
	for _, m := range r.Models {
		switch {
		case m.Err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", m.Name, m.Err))
		case m.Count > 0:
			errs = append(errs, fmt.Errorf("%s: %d differences from the log, first %s", m.Name, m.Count, slices.Concat(m.Differ, m.Recounts)[0]))
		}
	}
	return errors.Join(errs...)
}

// Lines is the report for a person, in "zh" or "en".
func (r VerifyReport) Lines(lang string) []string {
	say := func(zh, en string, args ...any) string {
		if lang == "en" {
			return fmt.Sprintf(en, args...)
		}
		return fmt.Sprintf(zh, args...)
	}
	ls := []string{say("已从事件日志重建并逐行比对：%d 个事件，到第 %d 位。", "Rebuilt from the log and compared row by row: %d events, up to position %d.", r.Events, r.Until)}
	for _, m := range r.Models {
		what := fmt.Sprintf("%s v%d", m.Name, m.Version)
		switch {
		case m.Err != nil:
			ls = append(ls, say("%s：没有比对：%v", "%s: not compared: %v", what, m.Err))
		case m.OK() && m.Recount:
			ls = append(ls, say("%s：一致。%d 行，另行重算 %d 个数。", "%s: agrees. %d rows; %d figures counted again independently.", what, m.Rows, m.Figures))
		case m.OK():
			ls = append(ls, say("%s：一致。%d 行。", "%s: agrees. %d rows.", what, m.Rows))
		default:
			ls = append(ls, say("%s：不一致，%d 处：", "%s: differs in %d places:", what, m.Count))
			for _, d := range slices.Concat(m.Differ, m.Recounts) {
				ls = append(ls, "  "+d.text(lang))
			}
			if more := m.Count - len(m.Differ) - len(m.Recounts); more > 0 {
				ls = append(ls, say("  另有 %d 处。", "  and %d more.", more))
			}
		}
	}
	if r.Err() == nil {
		return append(ls, say("读模型全部与日志中的事件一致。", "Every read model agrees with the events of the log."))
	}
	return append(ls, say("读模型与日志不一致。日志是准的，运行 shenzhong rebuild 可以重建。", "A read model does not agree with the log. The log is right; shenzhong rebuild makes it anew."))
}

func (d Difference) text(lang string) string {
	if lang == "en" {
		return d.String()
	}
	zh := map[string]string{Differs: "不同", Missing: "缺少", Unexpected: "多出", Unreadable: "读不出"}[d.What]
	return strings.TrimSuffix(d.String(), d.What) + zh
}

// verified is one read model while it is being compared.
type verified struct {
	report ModelReport
	p      Projection
	types  map[string]bool
	raw    bool    // it reads every event as it was stored
	live   *sql.Tx // holds the live file's state for as long as it takes
	until  events.Position
	fresh  *file
	count  Recount
}

// Verify rebuilds every read model from the log into a temporary file and
// compares it with the live one, table by table and row by row. Where a read
// model can be recounted, that is compared too. A difference is in the report;
// an error means that the comparison itself failed.
func Verify(ctx context.Context, cfg VerifyConfig) (_ VerifyReport, err error) {
	began := time.Now()
	if err := sweep(cfg.Dir); err != nil {
		return VerifyReport{}, err
	}
	temp, err := os.MkdirTemp(cfg.Dir, "verify-*")
	if err != nil {
		return VerifyReport{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	var report VerifyReport
	var vs []*verified
	for _, p := range cfg.Projections {
		v := &verified{p: p, report: ModelReport{Name: p.Name(), Version: p.Version()}, types: map[string]bool{}}
		for _, t := range p.Types() {
			v.types[t] = true
		}
		v.raw = v.types[Raw]
		vs = append(vs, v)
		closeLive, err := v.open(ctx, cfg.Dir, temp)
		defer closeLive()
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		v.report.Err = cmp.Or(v.report.Err, err)
	}
	if err := fold(ctx, cfg, vs, &report); err != nil {
		return report, err
	}
	for _, v := range vs {
		if err := v.compare(ctx); err != nil {
			if ctx.Err() != nil {
				return report, ctx.Err()
			}
			v.report.Err = err
		}
		report.Models = append(report.Models, v.report)
	}
	report.Took = time.Since(began)
	return report, nil
}

// sweep removes what comparisons that were killed left behind.
func sweep(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "verify-*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if i, err := os.Stat(path); err == nil && time.Since(i.ModTime()) > 24*time.Hour {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// open pins the live file's state and makes the file to rebuild into.
func (v *verified) open(ctx context.Context, dir, temp string) (closeAll func(), err error) {
	nothing := func() {}
	cs, err := candidates(ctx, dir, v.p.Name())
	if err != nil {
		return nothing, err
	}
	serve, partial, _ := choose(cs, v.p.Version(), fingerprint(v.p))
	c := cmp.Or(serve, partial)
	if c == nil {
		v.report.Err = errors.New("there is no file of this version")
		return nothing, nil
	}
	db, err := sql.Open("sqlite", dsn(c.path, readerPragmas))
	if err != nil {
		return nothing, err
	}
	if v.live, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return nothing, errors.Join(err, db.Close())
	}
	closeAll = func() {
		v.live.Rollback()
		db.Close()
		if v.fresh != nil {
			v.fresh.close()
		}
	}
	var at int64
	if err := v.live.QueryRowContext(ctx, `SELECT position FROM checkpoint`).Scan(&at); err != nil {
		return closeAll, err
	}
	v.until, v.report.Position = events.Position(at), events.Position(at)
	v.fresh, err = openFile(ctx, filepath.Join(temp, filepath.Base(c.path)), c.version, c.build, v.p.Schema(), fingerprint(v.p))
	if r, ok := v.p.(Recounter); ok {
		v.count, v.report.Recount = r.Recount(), true
	}
	return closeAll, err
}

// fold reads the log once, as far as the furthest live file has come.
func fold(ctx context.Context, cfg VerifyConfig, vs []*verified, report *VerifyReport) error {
	var of events.Position
	for _, v := range vs {
		of = max(of, v.until)
	}
	if of == 0 {
		return nil
	}
	var at events.Position
	for b, err := range cfg.Store.Follow(ctx, 0, 5000) {
		if err != nil {
			return err
		}
		var es []Event
		var meant []bool
		for i := range b.Events {
			e := &b.Events[i]
			if e.Position > of {
				break
			}
			at = e.Position
			report.Events, report.Until = report.Events+1, at
			wanted, decoded := false, false
			for _, v := range vs {
				if e.Position <= v.until && v.report.Err == nil {
					wanted, decoded = wanted || v.raw, decoded || v.types[e.Type]
				}
			}
			if wanted || decoded {
				es, meant = append(es, Event{Recorded: e}), append(meant, decoded)
			}
		}
		failed := decodeAll(ctx, cfg.Registry, es, meant)
		var wg sync.WaitGroup
		for _, v := range vs {
			if v.report.Err == nil {
				wg.Go(func() { v.report.Err = v.take(ctx, b.Events, es, failed) })
			}
		}
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
		if cfg.Progress != nil {
			cfg.Progress(at, of)
		}
		if b.CaughtUp || at >= of {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, v := range vs {
		if v.report.Err == nil && v.until > at {
			v.report.Err = fmt.Errorf("it stands at position %d, where the log has nothing; the log ends at %d", v.until, at)
		}
	}
	return nil
}

// take folds a batch into the fresh file, and into the recount.
func (v *verified) take(ctx context.Context, all []events.Recorded, es []Event, failed map[int]error) error {
	var own []Event
	for i, e := range es {
		if e.Position > v.until || !v.raw && !v.types[e.Type] {
			continue
		}
		if err := failed[i]; err != nil && !v.raw {
			return &PoisonError{v.p.Name(), e.Position, e.Stream, e.Type, err}
		}
		own = append(own, e)
	}
	if len(own) > 0 {
		last := own[len(own)-1]
		if err := v.fresh.apply(ctx, v.p, own, last.Position, last.At); err != nil {
			return err
		}
	}
	if v.count == nil {
		return nil
	}
	for i := range all {
		if all[i].Position > v.until {
			break
		}
		if err := v.count.Add(&all[i]); err != nil {
			return fmt.Errorf("recount at position %d: %w", all[i].Position, err)
		}
	}
	return nil
}

func (v *verified) differ(d Difference) {
	if v.report.Count++; len(v.report.Differ) < maxDifferences {
		v.report.Differ = append(v.report.Differ, d)
	}
}

func (v *verified) compare(ctx context.Context) error {
	if v.report.Err != nil || v.fresh == nil {
		return nil
	}
	live, err := tables(ctx, v.live)
	if err != nil {
		return err
	}
	fresh, err := tables(ctx, v.fresh.tx.conn)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		if live[name] != fresh[name] {
			v.differ(Difference{"schema", name, "", map[bool]string{true: Missing, false: Differs}[live[name] == ""]})
			continue
		}
		if strings.HasPrefix(fresh[name], "table ") && name != "checkpoint" {
			if err := v.compareTable(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(live)) {
		if fresh[name] == "" {
			v.differ(Difference{"schema", name, "", Unexpected})
		}
	}
	if v.count == nil {
		return nil
	}
	figures, ds, err := v.count.Compare(ctx, v.live)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // a live row that cannot be read is a difference, and not the last model's
		ds = append(ds, Difference{"recount", figure(err), "", Unreadable})
	}
	v.report.Figures = figures
	v.report.Count += len(ds)
	v.report.Recounts = ds[:min(len(ds), maxDifferences)]
	return nil
}

// scanned finds the column in an error of database/sql, which quotes the value
// behind it.
var scanned = regexp.MustCompile(`^.*sql: Scan error on column index \d+, name "(\w+)"`)

// figure says what an error of a recount was about, without a stored value.
func figure(err error) string {
	if m := scanned.FindStringSubmatch(err.Error()); m != nil {
		return "column " + m[1]
	}
	return "live rows"
}

// tables lists what is in a file: "table CREATE TABLE …" by name.
func tables(ctx context.Context, db Querier) (map[string]string, error) {
	rs, err := db.QueryContext(ctx, `SELECT name, type || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	m := map[string]string{}
	for rs.Next() {
		var name, text string
		if err := rs.Scan(&name, &text); err != nil {
			return nil, err
		}
		m[name] = text
	}
	return m, rs.Err()
}

// compareTable walks both tables in the order of their primary key.
func (v *verified) compareTable(ctx context.Context, table string) error {
	columns, keys, err := columnsOf(ctx, v.fresh.tx.conn, table)
	if err != nil {
		return err
	}
	if keys == 0 {
		return fmt.Errorf("table %s has no primary key", table)
	}
	order := strings.Join(columns[:keys], ", ")
	query := `SELECT ` + strings.Join(columns, ", ") + ` FROM "` + table + `" ORDER BY ` + order
	live, err := openCursor(ctx, v.live, query, len(columns))
	if err != nil {
		return err
	}
	defer live.rows.Close()
	fresh, err := openCursor(ctx, v.fresh.tx.conn, query, len(columns))
	if err != nil {
		return err
	}
	defer fresh.rows.Close()
	key := func(row []any) string {
		var parts []string
		for _, x := range row[:keys] {
			parts = append(parts, fmt.Sprint(x))
		}
		return strings.Join(parts, "/")
	}
	for !live.done || !fresh.done {
		switch c := compareKeys(live, fresh, keys); {
		case c < 0:
			v.differ(Difference{table, key(live.row), "", Unexpected})
			err = live.next()
		case c > 0:
			v.differ(Difference{table, key(fresh.row), "", Missing})
			err = fresh.next()
		default:
			v.report.Rows++
			for i := keys; i < len(columns); i++ {
				if !alike(live.row[i], fresh.row[i]) {
					v.differ(Difference{table, key(live.row), strings.Trim(columns[i], `"`), Differs})
				}
			}
			err = errors.Join(live.next(), fresh.next())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// columnsOf lists a table's columns, quoted, those of the primary key first.
func columnsOf(ctx context.Context, db Querier, table string) (columns []string, keys int, err error) {
	rs, err := db.QueryContext(ctx, `SELECT '"' || name || '"', pk > 0 FROM pragma_table_info(?) ORDER BY pk = 0, pk, cid`, table)
	if err != nil {
		return nil, 0, err
	}
	defer rs.Close()
	for rs.Next() {
		var name string
		var key bool
		if err := rs.Scan(&name, &key); err != nil {
			return nil, 0, err
		}
		columns = append(columns, name)
		if key {
			keys++
		}
	}
	return columns, keys, rs.Err()
}

type cursor struct {
	rows *sql.Rows
	row  []any
	into []any
	done bool
}

func openCursor(ctx context.Context, db Querier, query string, columns int) (*cursor, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c := &cursor{rows: rows, row: make([]any, columns), into: make([]any, columns)}
	for i := range c.row {
		c.into[i] = &c.row[i]
	}
	if err := c.next(); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return c, nil
}

func (c *cursor) next() error {
	if !c.rows.Next() {
		c.done = true
		return c.rows.Err()
	}
	return c.rows.Scan(c.into...)
}

// compareKeys orders as SQLite does within one type; STRICT tables have no
// other case.
func compareKeys(a, b *cursor, keys int) int {
	switch {
	case a.done:
		return 1
	case b.done:
		return -1
	}
	for i := range keys {
		c := 0
		switch x := a.row[i].(type) {
		case int64:
			y, _ := b.row[i].(int64)
			c = cmp.Compare(x, y)
		case float64:
			y, _ := b.row[i].(float64)
			c = cmp.Compare(x, y)
		case string:
			y, _ := b.row[i].(string)
			c = cmp.Compare(x, y)
		case []byte:
			y, _ := b.row[i].([]byte)
			c = bytes.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// alike compares two values. What is compressed is compared by its content:
// another release of Go may pack the same bytes otherwise.
func alike(a, b any) bool {
	x, ok := a.([]byte)
	y, ok2 := b.([]byte)
	if !ok || !ok2 {
		return a == b
	}
	if bytes.Equal(x, y) {
		return true
	}
	x, errX := unpack(x)
	y, errY := unpack(y)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func unpack(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
