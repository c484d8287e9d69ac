package extract

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections/tlog"
)

var made = time.Date(2026, 11, 23, 2, 25, 0, 0, time.UTC)

func example() Table {
	t := Table{Name: "ledger", About: map[string]string{"institution": "12210200422000019F"}, Made: made,
		Columns: []Column{{"what", "事由 what", Text}, {"points", "分 points", Count}, {"amount", "金额 amount", Yuan}}}
	for i, s := range []string{"=HYPERLINK(\"http://x\",\"y\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r\nb", "'=1", "＝1", "清单之外，“收取”", "逗号,引号\"换行\n", ""} {
		t.Rows = append(t.Rows, Row{Cells: []any{s, i - 5, domain.Yuan(10600) + domain.Money(i)}, Event: uuid.New(), Position: events.Position(i + 1), Leaf: tlog.Hash{byte(i)}})
	}
	t.Rows = append(t.Rows, Row{Cells: []any{"没有事件的一行", nil, nil}})
	return t
}

func both(t testing.TB, x Table) map[string][]byte {
	t.Helper()
	c, err := x.CSV()
	if err != nil {
		t.Fatal(err)
	}
	w, err := x.XLSX()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"csv": c, "xlsx": w}
}

func TestWhatWasWrittenIsFoundSo(t *testing.T) {
	x := example()
	for kind, file := range both(t, x) {
		r, err := Check(file)
		if err != nil || len(r.Faults) > 0 {
			t.Errorf("%s: %+v %v", kind, r.Faults, err)
		}
		if r.Manifest.Rows != len(x.Rows) || *r.Columns[1].Total != 6 || *r.Columns[2].Total != 12*1060000+66 {
			t.Errorf("%s: %+v", kind, r.Manifest)
		}
	}
	again := both(t, x)
	for kind, file := range both(t, x) {
		if !bytes.Equal(file, again[kind]) {
			t.Errorf("%s: the same table makes another file", kind)
		}
	}
	if _, err := Check([]byte("a,b\n1,2\n")); err != ErrNot {
		t.Errorf("any CSV file: %v", err)
	}
	if _, err := Check([]byte("PK\x03\x04")); err != ErrNot {
		t.Errorf("no workbook: %v", err)
	}
}

// No cell of text may begin as a formula does, in the bytes that a spreadsheet
// reads; what a program reads back is what was written.
func TestNoCellIsAFormula(t *testing.T) {
	x := example()
	files := both(t, x)
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
	x := example()
	files := both(t, x)
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
	r, err := Check(file)
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

func TestRowsTakenAwayAddedOrMoved(t *testing.T) {
	file := both(t, example())["csv"]
	lines := strings.SplitAfter(string(file), "\n")
	for what, changed := range map[string][]string{
		"taken away": append(append([]string{}, lines[:2]...), lines[3:]...),
		"added":      append(append([]string{}, lines[:3]...), lines[2:]...),
		"moved":      append([]string{lines[0], lines[2], lines[1]}, lines[3:]...),
	} {
		if r, err := Check([]byte(strings.Join(changed, ""))); err != nil || len(r.Faults) == 0 {
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
