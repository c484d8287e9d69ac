package projections_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shenzhong/domain/cremation"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/oversight"
	"shenzhong/projections/places"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
	"shenzhong/projections/watch"
)

func TestVerifyAgrees(t *testing.T) {
	c, dir := newCity(t, 1), t.TempDir()
	c.live(600)
	fs := c.funerals(60)
	c.forget(fs[0].deceased, true)
	c.forget(fs[1].handler, false)
	c.watch()
	r := c.open(c.config(dir))
	caughtUp(t, r)
	report := c.verify(dir)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for _, m := range report.Models {
		figures := map[string]int{"servicecredit": 50, "ecoratio": 50, "pricepages": 50, tlog.Name: 2, watch.Name: 50, oversight.Name: 9}[m.Name]
		if m.Rows == 0 || m.Recount != (figures > 0) || m.Figures < figures {
			t.Errorf("%s: %d rows, %d figures: nothing was compared", m.Name, m.Rows, m.Figures)
		}
	}
	for _, lang := range []string{"zh", "en"} {
		if ls := report.Lines(lang); len(ls) != 2+len(report.Models) {
			t.Errorf("%q", ls)
		}
	}
	// While events go on coming, each read model is compared where it stands.
	done := make(chan struct{})
	go func() { defer close(done); c.live(300) }()
	if err := c.verify(dir).Err(); err != nil {
		t.Error(err)
	}
	<-done
	if left, _ := filepath.Glob(filepath.Join(dir, "verify-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The rows do not depend on how the log was cut into batches, nor on when the
// runner was closed and opened.
func TestCutIndependence(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", "10"); err != nil { // each makes some thirty files
		t.Fatal(err)
	}
	t.Cleanup(func() { flag.Set("rapid.checks", checks) })
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "cut")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		c := newCity(t, rapid.Uint64().Draw(rt, "seed"))
		for range rapid.IntRange(1, 3).Draw(rt, "lives") {
			c.live(rapid.IntRange(1, 60).Draw(rt, "happenings"))
			fs := c.funerals(rapid.IntRange(0, 12).Draw(rt, "funerals"))
			if len(fs) > 0 && rapid.Bool().Draw(rt, "forget") {
				c.forget(fs[0].deceased, rapid.Bool().Draw(rt, "key first"))
			}
			cfg := c.config(dir)
			cfg.Batch = rapid.IntRange(1, 40).Draw(rt, "batch")
			r, err := projections.Open(t.Context(), cfg)
			if err != nil {
				rt.Fatal(err)
			}
			if err := r.WaitCaughtUp(t.Context()); err != nil {
				rt.Fatal(err)
			}
			if err := r.Close(); err != nil {
				rt.Fatal(err)
			}
		}
		report := c.verify(dir)
		if err := report.Err(); err != nil {
			rt.Fatalf("%v\n%s", err, strings.Join(report.Lines("en"), "\n"))
		}
	})
}

// One changed row, one missing, one too many, one byte of a file: each is named.
func TestVerifyNamesWhatDiffers(t *testing.T) {
	c, dir := newCity(t, 2), t.TempDir()
	c.live(400)
	c.funerals(20)
	r := c.open(c.config(dir))
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	const aTally = ` WHERE (month, division, institution, type) = (SELECT month, division, institution, type FROM tally WHERE month <> '' AND type = 'SEA' LIMIT 1)`
	for _, x := range []struct {
		model, change string
		want          projections.Difference
		recount       string // the question whose figures differ too
	}{
		{"ecoratio", `UPDATE tally SET interments = interments + 1` + aTally, projections.Difference{Table: "tally", Column: "interments", What: projections.Differs}, "share by"},
		{"ecoratio", `DELETE FROM tally` + aTally, projections.Difference{Table: "tally", What: projections.Missing}, "share by"},
		{"ecoratio", `UPDATE interment SET division = 'x' WHERE position = (SELECT min(position) FROM interment)`,
			projections.Difference{Table: "interment", Column: "division", What: projections.Differs}, ""},
		{"servicecredit", `UPDATE entry SET points = points + 7 WHERE position = (SELECT max(position) FROM entry WHERE bonus = 0 AND revoked_on = '')`,
			projections.Difference{Table: "entry", Column: "points", What: projections.Differs}, "score"},
		{"servicecredit", `UPDATE entry SET score = score + 1 WHERE position = (SELECT max(position) FROM entry)`,
			projections.Difference{Table: "entry", Column: "score", What: projections.Differs}, "running score"},
		{"pricepages", `UPDATE file SET etag = 'x' WHERE format = 'csv' AND version = 1`,
			projections.Difference{Table: "file", Column: "etag", What: projections.Differs}, "csv"},
		{"pricepages", `UPDATE file SET gzip = (SELECT gzip FROM file WHERE format = 'csv' AND version = 1 LIMIT 1) WHERE format = 'json' AND version = 1`,
			projections.Difference{Table: "file", Column: "gzip", What: projections.Differs}, "json"},
		{"availability", `INSERT INTO taken VALUES ('d', 's', '', '', 0, '', 0)`, projections.Difference{Table: "taken", Key: "d/s", What: projections.Unexpected}, ""},
		{"availability", `CREATE TABLE more (x INTEGER PRIMARY KEY) STRICT`, projections.Difference{Table: "schema", Key: "more", What: projections.Unexpected}, ""},
		{"search", `UPDATE entry SET name = 'x' WHERE no = (SELECT max(no) FROM entry)`, projections.Difference{Table: "entry", Column: "name", What: projections.Differs}, ""},
		{"search", `DELETE FROM term WHERE (quarter, term, entry) = (SELECT quarter, term, entry FROM term LIMIT 1)`, projections.Difference{Table: "term", What: projections.Missing}, ""},
		{"frontdesk", `UPDATE matter SET stage = 'RELEASED' WHERE "case" = (SELECT max("case") FROM matter WHERE stage = 'NOT_HERE' OR stage = 'IN_HOUSE')`, projections.Difference{Table: "matter", Column: "stage", What: projections.Differs}, ""},
		{"tracking", `UPDATE code SET hash = 'x' WHERE "case" = (SELECT max("case") FROM code)`, projections.Difference{Table: "code", Column: "hash", What: projections.Differs}, ""},
		{"availability", `DELETE FROM resource WHERE resource = 'hall-1'`, projections.Difference{Table: "resource", What: projections.Missing}, ""},
	} {
		path := filepath.Join(dir, fmt.Sprintf("%s.v%d.db", x.model, version(x.model)))
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		res, err := db.Exec(x.change)
		if err != nil {
			t.Fatalf("%s: %v", x.change, err)
		}
		if n, _ := res.RowsAffected(); n == 0 && !strings.HasPrefix(x.change, "CREATE") {
			t.Fatalf("%s: no row", x.change)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		report := c.verify(dir)
		if report.Err() == nil || !strings.Contains(report.Err().Error(), x.model) {
			t.Errorf("%s: not noticed: %v", x.change, report.Err())
		}
		for _, m := range report.Models {
			if m.Name != x.model {
				if !m.OK() {
					t.Errorf("%s: %s differs too: %v", x.change, m.Name, m.Differ)
				}
				continue
			}
			if len(m.Differ) == 0 || len(m.Differ) > len(c.homes) {
				t.Errorf("%s: differs in %d places", x.change, len(m.Differ))
			}
			for _, d := range m.Differ {
				if d.Table != x.want.Table || d.Column != x.want.Column || d.What != x.want.What || x.want.Key != "" && d.Key != x.want.Key || d.Key == "" {
					t.Errorf("%s: %v", x.change, d)
				}
			}
			noticed := false
			for _, d := range m.Recounts {
				noticed = noticed || strings.HasPrefix(d.Table, x.recount)
			}
			if noticed != (x.recount != "") {
				t.Errorf("%s: the recount says %v", x.change, m.Recounts)
			}
			if text := strings.Join(report.Lines("zh"), "\n"); !strings.Contains(text, m.Differ[0].Table) || !strings.Contains(text, "不一致") {
				t.Errorf("the report does not say so:\n%s", text)
			}
		}
		if err := os.WriteFile(path, sound, 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

// A read model that is missing, or stands where the log has nothing, is no
// agreement either.
func TestVerifyRefusesWhatItCannotCompare(t *testing.T) {
	c, dir := newCity(t, 3), t.TempDir()
	c.live(50)
	r := c.open(c.config(dir))
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "availability.v3.db")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, fmt.Sprintf("ecoratio.v%d.db", version("ecoratio"))))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE checkpoint SET position = position + 1000`); err != nil {
		t.Fatal(err)
	}
	report := c.verify(dir)
	for _, m := range report.Models {
		if sick := m.Name == "availability" || m.Name == "ecoratio"; sick == (m.Err == nil) {
			t.Errorf("%s: %v", m.Name, m.Err)
		}
	}
	if report.Err() == nil {
		t.Error("no error")
	}
}

// What a read model makes of a fixed log may change only with its version: its
// file would otherwise go on serving rows of the old make.
func TestVersionFollowsWhatIsWritten(t *testing.T) {
	const path = "testdata/versions.json"
	type stamp struct {
		Version int    `json:"version"`
		Hash    string `json:"hash"`
	}
	stored := map[string]stamp{}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &stored)
	}
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && *update) {
		t.Fatal(err)
	}
	c := newCity(t, 42)
	c.live(500)
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	// What a model learns of is added just before it, so that the others keep
	// their rows.
	// The tree's rows are hashes of this run's times and keys; what it makes of
	// fixed bytes is pinned beside it.
	models := slices.DeleteFunc(readModels(), func(p projections.Projection) bool { return p.Name() == tlog.Name })
	slices.SortStableFunc(models, func(a, b projections.Projection) int {
		last := func(p projections.Projection) int {
			return strings.Count(p.Name(), availability.Name) + 2*strings.Count(p.Name(), ecoratio.Name) + 3*strings.Count(p.Name(), voyages.Name) + 4*strings.Count(p.Name(), servicecredit.Name) + 5*strings.Count(p.Name(), places.Name) + 6*strings.Count(p.Name(), pricepages.Name) + 7*strings.Count(p.Name(), watch.Name) + 8*strings.Count(p.Name(), oversight.Name) + 9*strings.Count(p.Name(), tracking.Name)
		}
		return last(a) - last(b)
	})
	var graves *graveyard
	var fs []*funeral
	for i, p := range models {
		switch {
		case i == 0: // those that are about cases
			fs = c.funerals(80)
			wait(t, r, frontdesk.Name, c.forget(fs[0].deceased, true))
			caughtUp(t, r)
		case p.Name() == availability.Name:
			wait(t, r, availability.Name, c.upkeep())
			caughtUp(t, r)
		case p.Name() == ecoratio.Name:
			wait(t, r, ecoratio.Name, c.ecology())
			caughtUp(t, r)
		case p.Name() == places.Name:
			wait(t, r, places.Name, graves.beyond().last())
			caughtUp(t, r)
		case p.Name() == oversight.Name:
			wait(t, r, oversight.Name, c.watch())
			caughtUp(t, r)
		case p.Name() == voyages.Name:
			graves = c.graves()
			wait(t, r, places.Name, graves.last())
			caughtUp(t, r)
			wait(t, r, voyages.Name, c.sail())
			caughtUp(t, r)
		case p.Name() == watch.Name:
			wait(t, r, watch.Name, c.oddities())
			caughtUp(t, r)
		case p.Name() == tracking.Name:
			wait(t, r, tracking.Name, c.wish(fs[0]))
			caughtUp(t, r)
		case p.Name() == servicecredit.Name:
			wait(t, r, servicecredit.Name, c.disputes())
			caughtUp(t, r)
		}
		now := stamp{p.Version(), fmt.Sprintf("%x", sha256.Sum256([]byte(p.Schema()+dump(t, r, p.Name()))))[:16]}
		was, ok := stored[p.Name()]
		switch {
		case ok && was == now:
		case *update && (!ok || now.Version > was.Version):
			stored[p.Name()] = now
		case ok && was.Version == now.Version:
			t.Errorf("%s writes other rows than version %d did: raise its Version", p.Name(), was.Version)
		default:
			t.Errorf("%s is new or has a new version: go test ./projections -run VersionFollows -update", p.Name())
		}
	}
	if *update && !t.Failed() {
		b, err := json.MarshalIndent(stored, "", "  ")
		if err == nil {
			err = os.MkdirAll("testdata", 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// dump writes out every row of every table, compressed ones by their content.
func dump(t *testing.T, r *projections.Runner, name string) string {
	t.Helper()
	db := r.Read(name)
	var tables []string
	rs, err := db.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'checkpoint' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	for rs.Next() {
		var s string
		if err := rs.Scan(&s); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, s)
	}
	var out bytes.Buffer
	for _, table := range tables {
		rs, err := db.Query(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rs.Columns()
		if err := rs.Close(); err != nil {
			t.Fatal(err)
		}
		rs, err = db.Query(`SELECT * FROM ` + table + ` ORDER BY ` + []string{"1", "1, 2", "1, 2, 3", "1, 2, 3, 4"}[min(len(columns), 4)-1])
		if err != nil {
			t.Fatal(err)
		}
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		n := 0
		for rs.Next() {
			if err := rs.Scan(into...); err != nil {
				t.Fatal(err)
			}
			n++
			for i, v := range row {
				if b, ok := v.([]byte); ok {
					v = gunzip(t, b)
				}
				fmt.Fprintf(&out, "%s=%v\x1f", columns[i], v)
			}
			out.WriteByte('\n')
		}
		if err := rs.Err(); err != nil || n == 0 {
			t.Fatalf("%s.%s: %d rows, %v", name, table, n, err)
		}
	}
	return out.String()
}

// The same log gives the same rows in every run.
func TestSameLogSameRows(t *testing.T) {
	var first map[string]string
	for range 2 {
		c := newCity(t, 9)
		c.live(200)
		fs := c.funerals(60)
		c.forget(fs[0].deceased, false)
		c.add(cremation.ColdStoreCategory, string(c.homes[0]), cremation.Relocated{Relocation: c.id()})
		c.upkeep()
		c.ecology()
		c.graves().beyond()
		c.sail()
		c.watch()
		c.disputes()
		c.oddities()
		c.wish(fs[1])
		r := c.open(c.config(t.TempDir()))
		caughtUp(t, r)
		now := map[string]string{}
		for _, p := range readModels() {
			if p.Name() != tlog.Name { // hashes of this run's times and keys
				now[p.Name()] = dump(t, r, p.Name())
			}
		}
		if first == nil {
			first = now
		}
		if d := cmp.Diff(first, now); d != "" {
			t.Error(d)
		}
	}
}

// A live row that the recount cannot read is a difference; the other models are
// compared all the same.
func TestVerifyNamesAnUnreadableRow(t *testing.T) {
	c, dir := newCity(t, 5), t.TempDir()
	c.live(300)
	r := c.open(c.config(dir))
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "servicecredit*.db"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	db, err := sql.Open("sqlite", files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`PRAGMA ignore_check_constraints = on`, `UPDATE institution SET fictitious = 2 WHERE code = (SELECT min(code) FROM institution)`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	report := c.verify(dir)
	for _, m := range report.Models {
		if m.Err != nil || m.OK() != (m.Name != "servicecredit") || m.Position == 0 {
			t.Errorf("%s: %+v", m.Name, m)
		}
	}
	text := strings.Join(report.Lines("en"), "\n")
	for _, want := range []string{"servicecredit", "institution 1", "fictitious: differs", "recount column fictitious: unreadable"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
