package extract

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/projections"
	"shenzhong/projections/tlog"
)

var made = time.Date(2026, 11, 23, 2, 25, 0, 0, time.UTC)

func example(es []events.Recorded) Table {
	t := Table{Name: "ledger", About: map[string]string{"institution": "12210200422000019F"}, Made: made,
		Columns: []Column{{"what", "事由 what", Text}, {"points", "分 points", Count}, {"amount", "金额 amount", Yuan}}}
	for i, s := range []string{"=HYPERLINK(\"http://x\",\"y\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r\nb", "'=1", "＝1", "清单之外，“收取”", "逗号,引号\"换行\n", ""} {
		t.Rows = append(t.Rows, Row{Cells: []any{s, i - 5, domain.Yuan(10600) + domain.Money(i)}, Event: es[i].ID, Position: es[i].Position, Leaf: tlog.LeafHash(&es[i])})
	}
	t.Rows = append(t.Rows, Row{Cells: []any{"没有事件的一行", nil, nil}})
	return t
}

// A log of twenty invented events that has signed a checkpoint.
func exampleLog(t testing.TB) (*tlog.Log, []events.Recorded) {
	t.Helper()
	store := memory.New()
	runner, err := projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: store, Registry: projections.Registry(events.NewMemoryKeys()), Projections: []projections.Projection{tlog.Projection{}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runner.Close() })
	var es []events.Recorded
	for i := range 20 {
		s := events.Stream(fmt.Sprintf("note-%d", i))
		_, at, err := store.Append(t.Context(), s, events.NoStream, events.New{ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)), Type: "test.noted.v1", Data: []byte(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		if err := runner.Wait(t.Context(), tlog.Name, at); err != nil {
			t.Fatal(err)
		}
		for r, err := range store.Load(t.Context(), s, events.NoStream) {
			if err != nil {
				t.Fatal(err)
			}
			es = append(es, r)
		}
	}
	log, err := tlog.OpenLog(tlog.LogConfig{Dir: t.TempDir(), Origin: "log.example/tlog", DB: runner.Read(tlog.Name)})
	if err == nil {
		err = log.Publish(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return log, es
}

func both(t testing.TB, x Table, log *tlog.Log) map[string][]byte {
	t.Helper()
	s, err := x.Seal(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.CSV()
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.XLSX()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"csv": c, "xlsx": w}
}

func TestWhatWasWrittenIsFoundSo(t *testing.T) {
	log, es := exampleLog(t)
	x := example(es)
	for kind, file := range both(t, x, log) {
		r, err := Check(file, tlog.Trust{})
		if err != nil || len(r.Faults) > 0 {
			t.Errorf("%s: %+v %v", kind, r.Faults, err)
		}
		if r.Manifest.Rows != len(x.Rows) || *r.Columns[1].Total != 6 || *r.Columns[2].Total != 12*1060000+66 || r.Proved != 12 || r.Unproved != 0 || r.Log.Size != 20 {
			t.Errorf("%s: %+v", kind, r.Manifest)
		}
	}
	again := both(t, x, log)
	for kind, file := range both(t, x, log) {
		if !bytes.Equal(file, again[kind]) {
			t.Errorf("%s: the same table makes another file", kind)
		}
	}
	if _, err := Check([]byte("a,b\n1,2\n"), tlog.Trust{}); err != ErrNot {
		t.Errorf("any CSV file: %v", err)
	}
	if _, err := Check([]byte("PK\x03\x04"), tlog.Trust{}); err != ErrNot {
		t.Errorf("no workbook: %v", err)
	}
}

// No cell of text may begin as a formula does, in the bytes that a spreadsheet
// reads; what a program reads back is what was written.
func TestNoCellIsAFormula(t *testing.T) {
	log, es := exampleLog(t)
	x := example(es)
	files := both(t, x, log)
	if !bytes.HasPrefix(files["csv"], []byte("\xef\xbb\xbf")) {
		t.Error("the CSV file has no byte order mark")
	}
	records, err := csv.NewReader(bytes.NewReader(files["csv"][3:])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, rec := range records {
		for j, s := range rec {
			if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n") && !(j == 1 && i > 0) {
				t.Errorf("record %d begins with %q", i, s[:1])
			}
		}
	}
	book, err := excelize.OpenReader(bytes.NewReader(files["xlsx"]))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for i, r := range x.Rows {
		name := fmt.Sprintf("A%d", i+2)
		if f, _ := book.GetCellFormula(rowsSheet, name); f != "" {
			t.Errorf("%s is the formula %q", name, f)
		}
		if s, _ := book.GetCellValue(rowsSheet, name); s != oneBreak.Replace(r.Cells[0].(string)) {
			t.Errorf("%s is %q, want %q", name, s, r.Cells[0])
		}
	}
}

// One cell changed anywhere is named, in either kind of file.
func TestOneChangedCellIsNamed(t *testing.T) {
	log, es := exampleLog(t)
	x := example(es)
	files := both(t, x, log)
	for row := range x.Rows {
		for col := range 7 {
			cell := cellName(col, row)
			records, err := csv.NewReader(bytes.NewReader(files["csv"][3:])).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			records[row+1][col] = "77"
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			w.WriteAll(records)
			named(t, "csv", b.Bytes(), cell)
		}
	}
	for _, at := range [][2]int{{0, 0}, {3, 1}, {4, 2}, {5, 3}, {6, 5}, {2, 6}} {
		book, err := excelize.OpenReader(bytes.NewReader(files["xlsx"]))
		if err != nil {
			t.Fatal(err)
		}
		cell := cellName(at[1], at[0])
		if err := book.SetCellValue(rowsSheet, cell, 7); err != nil {
			t.Fatal(err)
		}
		b, err := book.WriteToBuffer()
		if err != nil {
			t.Fatal(err)
		}
		book.Close()
		named(t, "xlsx", b.Bytes(), cell)
	}
}

func named(t *testing.T, kind string, file []byte, cell string) {
	t.Helper()
	r, err := Check(file, tlog.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		if f.Cell == cell && strings.Contains(strings.Join(r.Lines(true), "\n"), cell) && strings.Contains(strings.Join(r.Lines(false), "\n"), cell) {
			return
		}
	}
	t.Errorf("%s: %s was changed, and is not named: %+v", kind, cell, r.Faults)
}

// A file in which cell, row, column and totals were all made to agree again has
// no signature for it; a spoilt key, checkpoint or proof is named, and so is
// another log's key and another history.
func TestWhatTheLogSaysOfAFile(t *testing.T) {
	log, es := exampleLog(t)
	x := example(es)
	file := both(t, x, log)["csv"]
	forged := x
	forged.Rows = slices.Clone(x.Rows)
	forged.Rows[3].Cells = []any{"-", -1, domain.Yuan(150)}
	other, _ := exampleLog(t)
	theirs := both(t, forged, other)["csv"]
	_, ours, _ := bytes.Cut(file, []byte(signatureLabel))
	rows, _, _ := bytes.Cut(theirs, []byte(signatureLabel))
	latest, _, _ := log.Latest()
	rewritten, _, _ := other.Latest()
	for _, c := range []struct {
		name  string
		file  []byte
		trust tlog.Trust
		want  string // among the faults; none if it is as written
		says  string
	}{
		{"as written, key and checkpoint known", file, tlog.Trust{LogKey: log.Keys()[0].Text, Pinned: latest.Note}, "", "检查点与留存的一致"},
		{"all hashes made to agree", slices.Concat(rows, []byte(signatureLabel), ours), tlog.Trust{}, "清单的签名不成立", ""},
		{"another log's table", theirs, tlog.Trust{LogKey: log.Keys()[0].Text}, "清单的签名不成立", ""},
		{"a pinned checkpoint of another log", file, tlog.Trust{Pinned: rewritten.Note}, "", "没有这把钥匙的有效签名"},
		{"a spoilt proof", bytes.Replace(file, []byte(proofLabel+","+guard(x.Rows[4].Leaf.String())+",4,"), []byte(proofLabel+","+guard(x.Rows[4].Leaf.String())+",5,"), 1), tlog.Trust{}, "证明不成立", ""},
		{"no signature", bytes.Replace(file, []byte(signatureLabel), []byte("签名 signatur"), 1), tlog.Trust{}, "not", ""},
	} {
		r, err := Check(c.file, c.trust)
		if c.want == "not" {
			if err != ErrNot {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		said := strings.Join(r.Lines(true), "\n")
		if err != nil || (c.want == "") != (len(r.Faults) == 0) || !strings.Contains(said, c.want) || !strings.Contains(said, c.says) {
			t.Errorf("%s: %v: %s", c.name, err, said)
		}
	}
	if _, err := log.SignText(latest.Text()); err == nil {
		t.Error("a checkpoint was signed as any text")
	}
}

func TestRowsTakenAwayAddedOrMoved(t *testing.T) {
	log, es := exampleLog(t)
	file := both(t, example(es), log)["csv"]
	lines := strings.SplitAfter(string(file), "\n")
	for what, changed := range map[string][]string{
		"taken away": append(append([]string{}, lines[:2]...), lines[3:]...),
		"added":      append(append([]string{}, lines[:3]...), lines[2:]...),
		"moved":      append([]string{lines[0], lines[2], lines[1]}, lines[3:]...),
	} {
		if r, err := Check([]byte(strings.Join(changed, "")), tlog.Trust{}); err != nil || len(r.Faults) == 0 {
			t.Errorf("a row was %s: %+v %v", what, r.Faults, err)
		}
	}
}

func TestAnyTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if unguard(guard(s)) != s {
			t.Errorf("%q comes back as %q", s, unguard(guard(s)))
		}
		n := rapid.Int64Range(-1e12, 1e12).Draw(t, "fen")
		if got, ok := fen(yuan(fmt.Sprint(n))); !ok || got != fmt.Sprint(n) {
			t.Errorf("%d fen come back as %s", n, got)
		}
	})
}
