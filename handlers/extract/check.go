package extract

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// ErrNot reports a file that is no extract.
var ErrNot = errors.New("extract: this is no extract of Shenzhong")

// A Fault is one place at which a file is not what was written.
type Fault struct {
	Cell   string // as a spreadsheet names it: "D7"; empty for the file as a whole
	Column string // its label
	Zh, En string
}

// A Report is what was found.
type Report struct {
	Manifest
	Faults []Fault
}

// An open extract: what stands in it, as the hashes see it.
type opened struct {
	Manifest
	head   []string
	rows   [][]string // without the hash of the row
	hashes []string
	bad    []Fault
}

// Check says whether a file is what was written. It answers with ErrNot where
// the file is something else. It needs no network and no log: whether the leaves
// are in the log it does not say.
func Check(file []byte) (Report, error) {
	read := readCSV
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		read = readXLSX
	}
	o, err := read(file)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Manifest: o.Manifest, Faults: o.bad}
	fault := func(cell, column, zh, en string, args ...any) {
		rep.Faults = append(rep.Faults, Fault{cell, column, fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...)})
	}
	var want []string
	for _, c := range o.Columns {
		want = append(want, c.Label)
	}
	if !slices.Equal(o.head, want) {
		fault("", "", "表头和清单不一致。", "The headings differ from the manifest.")
	}
	if len(o.rows) != o.Manifest.Rows {
		fault("", "", "清单说有 %d 行，文件里有 %d 行。", "The manifest says %[1]d rows, the file has %[2]d.", o.Manifest.Rows, len(o.rows))
	}
	var rows []int // that differ
	all := sha256.New()
	for i, r := range o.rows {
		h := rowHash(r)
		all.Write([]byte(h))
		if h != o.hashes[i] {
			rows = append(rows, i)
		}
	}
	cellsNamed := 0
	for i, c := range o.Columns {
		s, err := sum(Column{c.Key, c.Label, c.Kind}, i, o.rows)
		differs := err != nil || s.SHA256 != c.SHA256
		if c.Kind != Text && err == nil && (c.Total == nil || *s.Total != *c.Total) {
			total := "—"
			if c.Total != nil {
				total = strconv.FormatInt(*c.Total, 10)
			}
			fault("", c.Label, "合计应为 %s，算出 %d。", "The total should be %[1]s and is %[2]d.", total, *s.Total)
		}
		if !differs {
			continue
		}
		for _, r := range rows {
			cellsNamed++
			fault(cellName(i, r), c.Label, "这一格被改过，现在是“%s”。", "This cell was changed and says %q now.", o.rows[r][i])
		}
		if len(rows) == 0 {
			fault("", c.Label, "这一列和清单不一致：有行被加入、删去或调换，或者行校验一起被改。", "This column differs from the manifest: rows were added, taken away or put in another order, or their hashes were changed with them.")
		}
	}
	if cellsNamed == 0 {
		for _, r := range rows {
			fault(cellName(len(o.Columns), r), rowHashLabel, "行校验被改过。", "The hash of this row was changed.")
		}
	}
	if hex.EncodeToString(all.Sum(nil)) != o.RowsSHA256 && len(rep.Faults) == 0 {
		fault("", "", "各行和清单的总校验不一致。", "The rows differ from the manifest's hash of all of them.")
	}
	return rep, nil
}

// cellName is the name of a cell of the rows.
func cellName(column, row int) string {
	name, err := excelize.CoordinatesToCellName(column+1, row+2)
	if err != nil {
		return ""
	}
	return name
}

func readManifest(text string) (m Manifest, err error) {
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Format != Format || len(m.Columns) < len(tail) {
		return m, ErrNot
	}
	return m, nil
}

func readCSV(file []byte) (o opened, err error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	var records [][]string
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return o, ErrNot
		}
		records = append(records, rec)
	}
	if len(records) < 2 {
		return o, ErrNot
	}
	last := records[len(records)-1]
	if len(last) < 2 || last[0] != manifestLabel {
		return o, ErrNot
	}
	if o.Manifest, err = readManifest(last[1]); err != nil {
		return o, err
	}
	o.take(records[:len(records)-1], func(c ColumnSum, s string) (string, bool) {
		switch {
		case c.Kind == Text:
			return unguard(s), true
		case c.Kind == Yuan && s != "":
			return fen(s)
		}
		return s, true
	})
	return o, nil
}

func readXLSX(file []byte) (o opened, err error) {
	x, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		return o, ErrNot
	}
	defer x.Close()
	text, err := x.GetCellValue(manifestSheet, "B1")
	if err != nil {
		return o, ErrNot
	}
	if o.Manifest, err = readManifest(text); err != nil {
		return o, err
	}
	records, err := x.GetRows(rowsSheet, excelize.Options{RawCellValue: true})
	if err != nil || len(records) == 0 {
		return o, ErrNot
	}
	o.take(records, func(c ColumnSum, s string) (string, bool) {
		if c.Kind == Yuan && s != "" {
			return fen(s)
		}
		return s, true
	})
	for i := range o.rows { // a formula has no place in it, whatever it shows
		for j := range o.Columns {
			name := cellName(j, i)
			if f, err := x.GetCellFormula(rowsSheet, name); err == nil && f != "" {
				o.bad = append(o.bad, Fault{name, o.Columns[j].Label, "这一格是公式。", "This cell is a formula."})
			}
		}
	}
	return o, nil
}

// take reads records, the headings first.
func (o *opened) take(records [][]string, plain func(ColumnSum, string) (string, bool)) {
	n := len(o.Columns)
	for i, rec := range records {
		for len(rec) < n+1 {
			rec = append(rec, "")
		}
		if i == 0 {
			o.head = rec[:n]
			continue
		}
		row := make([]string, n)
		for j, c := range o.Columns {
			s, ok := plain(c, rec[j])
			if _, err := strconv.ParseInt(s, 10, 64); c.Kind != Text && s != "" && (!ok || err != nil) {
				o.bad = append(o.bad, Fault{cellName(j, i-1), c.Label, "这一格不是数字：" + rec[j], "This cell is no number: " + rec[j]})
				s = ""
			}
			row[j] = s
		}
		o.rows, o.hashes = append(o.rows, row), append(o.hashes, strings.ToLower(rec[n]))
	}
}

// Lines are the report in words, in Chinese or English: what was checked, what
// was found, and what was not checked.
func (r Report) Lines(zh bool) []string {
	say := func(z, e string, args ...any) string {
		if zh {
			return fmt.Sprintf(z, args...)
		}
		return fmt.Sprintf(e, args...)
	}
	ls := []string{say("导出表“%s”，%s 生成，%d 行。", "Extract %q, made %s, %d rows.", r.Table, r.Made, r.Manifest.Rows)}
	for _, f := range r.Faults {
		where := f.Cell
		if f.Column != "" {
			where = strings.TrimSpace(where + " " + f.Column)
		}
		text := f.En
		if zh {
			text = f.Zh
		}
		if where != "" {
			text = where + say("：", ": ") + text
		}
		ls = append(ls, text)
	}
	if len(r.Faults) == 0 {
		ls = append(ls, say("已核对：每一格、每一行、每一列的合计和校验值，都和清单一致。", "Checked: every cell, every row, every total and hash agrees with the manifest."))
	}
	return append(ls, say("没有核对：各行的叶值是否在日志里。请用审计包或检查点核对叶值。", "Not checked: whether the leaves of the rows are in the log. Check the leaves with an audit pack or a checkpoint."))
}
