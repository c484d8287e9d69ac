// Package extract writes tables that leave the house, as CSV and as XLSX, so
// that whoever gets one can tell whether it is still what was written, without
// the program that wrote it being asked.
//
// Every row names the event that it comes from and that event's leaf in the
// transparency log, and ends with a hash of itself. The file ends with a manifest: how many rows
// there are, what each column of numbers adds up to, a hash of every column and
// one of all rows, and the checkpoint of the log that it was made under. The
// log's key signs the manifest, and each leaf comes with its proof of inclusion
// in that checkpoint. Check says which cell is not as it was written; whoever
// changes a file and all of its hashes has no signature for them.
package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections/tlog"
)

// Format names this form of files. A changed form has another name. It is also
// the first line of what is signed, so that no signature of an extract is one of
// anything else.
const Format = "shenzhong extract v2"

// A Kind is what the cells of a column are.
type Kind string

// The kinds of columns.
const (
	Text  Kind = "text"
	Count Kind = "count" // whole numbers, added up in the manifest
	Yuan  Kind = "yuan"  // domain.Money, written in yuan, added up in fen
)

// A Column is one column of a table.
type Column struct {
	Key   string // for programs: "points"
	Label string // for people, in both languages: "分 points"
	Kind  Kind
}

// A Row is one row. Cells holds string, int or domain.Money, and nil for a cell
// without a value, in the order of the columns.
type Row struct {
	Cells []any
	// Event, Position and Leaf say where the row comes from; a row that follows
	// from more than one event names the last.
	Event    uuid.UUID
	Position events.Position
	Leaf     tlog.Hash
}

// A Table is what an extract holds.
type Table struct {
	Name    string            // "ledger"
	About   map[string]string // what was asked for: institution, day, history
	Made    time.Time         // when what it rests on was last read
	Columns []Column
	Rows    []Row
}

// A Manifest says what a file has to be.
type Manifest struct {
	Format  string            `json:"format"`
	Table   string            `json:"table"`
	About   map[string]string `json:"about,omitempty"`
	Made    string            `json:"made_at"`
	Rows    int               `json:"rows"`
	Columns []ColumnSum       `json:"columns"`
	// RowsSHA256 is over the hash of each row, in order.
	RowsSHA256 string `json:"rows_sha256"`
	// Checkpoint is the log's, signed, in whose tree the leaves are proved.
	Checkpoint string `json:"checkpoint"`
}

// A ColumnSum is what the manifest says of a column.
type ColumnSum struct {
	Key    string `json:"key"`
	Label  string `json:"label"`
	Kind   Kind   `json:"kind"`
	Total  *int64 `json:"total,omitempty"` // of numbers; yuan in fen
	SHA256 string `json:"sha256"`          // over its cells, each ended by a line feed
}

// Columns that every extract ends with.
var tail = []Column{{"event", "事件 event", Text}, {"position", "日志位 position", Text}, {"leaf", "叶值 leaf", Text}}

const rowHashLabel = "行校验 row_sha256"

// What the records of a CSV file that are no rows begin with, in this order: one
// manifest, its signature, the log's keys, and a proof for each leaf.
const (
	manifestLabel  = "清单 manifest"
	signatureLabel = "签名 signature"
	keysLabel      = "公钥 keys"
	proofLabel     = "证明 proof"
)

// sheets of a workbook.
const (
	rowsSheet     = "数据 Rows"
	manifestSheet = "清单 Manifest"
	proofSheet    = "证明 Proofs"
)

// A Sealed is a table with all that vouches for it, ready to be written.
type Sealed struct {
	made      time.Time
	columns   []Column
	rows      [][]string
	manifest  Manifest
	text      string // the manifest as it is signed, without its first line
	signature string
	keys      string
	proofs    []tlog.LeafProof
}

// ErrUnsigned reports that the log has signed no checkpoint yet.
var ErrUnsigned = errors.New("extract: the log has not signed a checkpoint yet")

// Seal has the log vouch for the table: its key signs the manifest, and each
// leaf is proved to be in its last checkpoint. A leaf that is newer than that
// goes without.
func (t Table) Seal(ctx context.Context, log *tlog.Log) (Sealed, error) {
	s := Sealed{made: t.Made, columns: t.columns()}
	signed, _, ok := log.Latest()
	if !ok {
		return s, ErrUnsigned
	}
	var at []events.Position
	for _, r := range t.Rows {
		row, err := t.plain(r)
		if err != nil {
			return s, err
		}
		s.rows = append(s.rows, row)
		if r.Position > 0 {
			at = append(at, r.Position)
		}
	}
	var err error
	if s.manifest, err = t.manifest(s.rows); err != nil {
		return s, err
	}
	s.manifest.Checkpoint = string(signed.Note)
	b, err := json.Marshal(s.manifest)
	if err != nil {
		return s, err
	}
	s.text = string(b)
	if s.signature, err = log.SignText(signedText(s.text)); err != nil {
		return s, err
	}
	for _, k := range log.Keys() {
		s.keys += k.Text + "\n"
	}
	s.proofs, err = log.Prove(ctx, signed.Checkpoint, at)
	return s, err
}

// signedText is what the log's key signs of a manifest.
func signedText(manifest string) string { return Format + "\n" + manifest + "\n" }

// proofCells are a proof as both kinds of files write it: the leaf, its index,
// and the hashes as a JSON array, which no spreadsheet takes for a formula.
func proofCells(p tlog.LeafProof) ([3]string, error) {
	hashes := make([]string, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = h.String()
	}
	b, err := json.Marshal(hashes)
	return [3]string{p.Leaf.String(), strconv.FormatInt(p.Index, 10), string(b)}, err
}

func (t Table) columns() []Column { return append(append([]Column{}, t.Columns...), tail...) }

// plain are the cells of a row as the hashes see them: numbers in their shortest
// form, money in fen.
func (t Table) plain(r Row) ([]string, error) {
	cs := t.columns()
	if len(r.Cells) != len(t.Columns) {
		return nil, fmt.Errorf("extract: %s: %d cells for %d columns", t.Name, len(r.Cells), len(t.Columns))
	}
	row := make([]string, len(cs))
	for i, v := range r.Cells {
		switch v := v.(type) {
		case nil:
		case string:
			row[i] = oneBreak.Replace(v)
		case int:
			row[i] = strconv.Itoa(v)
		case domain.Money:
			row[i] = strconv.FormatInt(int64(v), 10)
		default:
			return nil, fmt.Errorf("extract: %s: a cell of %T", t.Name, v)
		}
		if _, text := v.(string); v != nil && text != (cs[i].Kind == Text) {
			return nil, fmt.Errorf("extract: %s: a %T in column %s", t.Name, v, cs[i].Key)
		}
	}
	if n := len(t.Columns); r.Event != uuid.Nil {
		row[n], row[n+2] = r.Event.String(), r.Leaf.String()
		if r.Position > 0 {
			row[n+1] = strconv.FormatUint(uint64(r.Position), 10)
		}
	}
	return row, nil
}

// oneBreak writes line breaks in one way: CSV and XLSX each have their own.
var oneBreak = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// rowHash is SHA-256 over the cells as a JSON array.
func rowHash(cells []string) string {
	b, err := json.Marshal(cells)
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// manifest sums up rows as the hashes see them.
func (t Table) manifest(rows [][]string) (Manifest, error) {
	m := Manifest{Format: Format, Table: t.Name, About: t.About, Made: domain.FormatTime(t.Made), Rows: len(rows)}
	all := sha256.New()
	for _, r := range rows {
		all.Write([]byte(rowHash(r)))
	}
	m.RowsSHA256 = hex.EncodeToString(all.Sum(nil))
	for i, c := range t.columns() {
		s, err := sum(c, i, rows)
		if err != nil {
			return m, err
		}
		m.Columns = append(m.Columns, s)
	}
	return m, nil
}

func sum(c Column, i int, rows [][]string) (ColumnSum, error) {
	s := ColumnSum{Key: c.Key, Label: c.Label, Kind: c.Kind}
	h := sha256.New()
	var total int64
	for _, r := range rows {
		h.Write([]byte(r[i] + "\n"))
		if c.Kind != Text && r[i] != "" {
			n, err := strconv.ParseInt(r[i], 10, 64)
			if err != nil {
				return s, err
			}
			total += n
		}
	}
	s.SHA256 = hex.EncodeToString(h.Sum(nil))
	if c.Kind != Text {
		s.Total = &total
	}
	return s, nil
}

// yuan writes fen as yuan: -10.50.
func yuan(fen string) string {
	sign := ""
	if strings.HasPrefix(fen, "-") {
		sign, fen = "-", fen[1:]
	}
	for len(fen) < 3 {
		fen = "0" + fen
	}
	return sign + fen[:len(fen)-2] + "." + fen[len(fen)-2:]
}

// fen reads yuan as a spreadsheet may write it: 10600, 10600.5, 10600.50.
func fen(yuan string) (string, bool) {
	whole, part, _ := strings.Cut(yuan, ".")
	for len(part) < 2 {
		part += "0"
	}
	if len(part) > 2 && strings.Trim(part[2:], "0") != "" {
		return "", false
	}
	n, err := strconv.ParseInt(whole+part[:2], 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

// guard keeps a spreadsheet from taking text for a formula: an apostrophe goes
// before it, as one would type it there. unguard takes it away again.
func guard(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n'") || strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠") {
		return "'" + s
	}
	return s
}

func unguard(s string) string {
	if strings.HasPrefix(s, "'") {
		return s[1:]
	}
	return s
}

// CSV is the table as UTF-8 with a byte order mark, which Excel and WPS need.
func (t Sealed) CSV() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	cs := t.columns
	head := make([]string, 0, len(cs)+1)
	for _, c := range cs {
		head = append(head, c.Label)
	}
	w.Write(append(head, rowHashLabel))
	for _, r := range t.rows {
		out := make([]string, 0, len(r)+1)
		for i, s := range r {
			switch {
			case cs[i].Kind == Text:
				s = guard(s)
			case cs[i].Kind == Yuan && s != "":
				s = yuan(s)
			}
			out = append(out, s)
		}
		w.Write(append(out, rowHash(r)))
	}
	end := func(label string, cells ...string) {
		rec := make([]string, len(cs)+1) // of five or more
		rec[0] = label
		copy(rec[1:], cells)
		w.Write(rec)
	}
	end(manifestLabel, t.text)
	end(signatureLabel, t.signature)
	end(keysLabel, t.keys)
	for _, p := range t.proofs {
		c, err := proofCells(p)
		if err != nil {
			return nil, err
		}
		end(proofLabel, guard(c[0]), c[1], c[2])
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// XLSX is the table as a workbook of three sheets: rows, manifest, proofs.
// Every text is stored as text, so that none is taken for a formula. The same
// table makes the same file.
func (t Sealed) XLSX() ([]byte, error) {
	x := excelize.NewFile()
	defer x.Close()
	head, err := x.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, err
	}
	money, err := x.NewStyle(&excelize.Style{NumFmt: 2}) // 0.00
	if err != nil {
		return nil, err
	}
	if err := x.SetSheetName("Sheet1", rowsSheet); err != nil {
		return nil, err
	}
	out, err := x.NewStreamWriter(rowsSheet)
	if err != nil {
		return nil, err
	}
	cs := t.columns
	if err := out.SetColWidth(1, len(cs)+1, 18); err != nil {
		return nil, err
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	var top []any
	for _, c := range cs {
		top = append(top, excelize.Cell{StyleID: head, Value: c.Label})
	}
	if err := out.SetRow("A1", append(top, excelize.Cell{StyleID: head, Value: rowHashLabel})); err != nil {
		return nil, err
	}
	for n, r := range t.rows {
		line := make([]any, 0, len(r)+1)
		for i, s := range r {
			switch {
			case s == "":
				line = append(line, nil)
			case cs[i].Kind == Text:
				line = append(line, s)
			default:
				v, err := strconv.ParseInt(s, 10, 64)
				if err != nil {
					return nil, err
				}
				if cs[i].Kind == Yuan {
					line = append(line, excelize.Cell{StyleID: money, Value: float64(v) / 100})
				} else {
					line = append(line, v)
				}
			}
		}
		if err := out.SetRow("A"+strconv.Itoa(n+2), append(line, rowHash(r))); err != nil {
			return nil, err
		}
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	m := t.manifest
	if _, err := x.NewSheet(manifestSheet); err != nil {
		return nil, err
	}
	lines := [][]any{{manifestLabel, t.text}, {signatureLabel, t.signature}, {keysLabel, t.keys}, {"表 table", m.Table}, {"生成 made", m.Made}, {"行数 rows", m.Rows}, {"全部行校验 rows_sha256", m.RowsSHA256}}
	for _, c := range m.Columns {
		if c.Total != nil && c.Kind == Yuan {
			lines = append(lines, []any{"合计 total: " + c.Label, float64(*c.Total) / 100})
		} else if c.Total != nil {
			lines = append(lines, []any{"合计 total: " + c.Label, *c.Total})
		}
	}
	for n, l := range lines {
		if err := x.SetSheetRow(manifestSheet, "A"+strconv.Itoa(n+1), &l); err != nil {
			return nil, err
		}
	}
	if err := x.SetColWidth(manifestSheet, "A", "B", 40); err != nil {
		return nil, err
	}
	if _, err := x.NewSheet(proofSheet); err != nil {
		return nil, err
	}
	for n, p := range t.proofs {
		c, err := proofCells(p)
		if err != nil {
			return nil, err
		}
		if err := x.SetSheetRow(proofSheet, "A"+strconv.Itoa(n+1), &[]any{c[0], c[1], c[2]}); err != nil {
			return nil, err
		}
	}
	if err := x.SetColWidth(proofSheet, "A", "C", 48); err != nil {
		return nil, err
	}
	when := t.made.UTC().Format(time.RFC3339)
	if err := x.SetDocProps(&excelize.DocProperties{Creator: "慎终", Created: when, Modified: when}); err != nil {
		return nil, err
	}
	b, err := x.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
