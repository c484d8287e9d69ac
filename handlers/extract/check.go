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

	"shenzhong/projections/tlog"
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
	// Log is the checkpoint that the leaves were proved in; without a note when its
	// signature does not hold.
	Log      tlog.Signed
	Proved   int // rows whose leaf is in it
	Unproved int // rows with a leaf that the file brings no proof for

	keys   []tlog.Key
	trust  tlog.Trust
	pinned string // "same", or why it could not be compared, as a size
}

// An open extract: what stands in it, as the hashes see it.
type opened struct {
	Manifest
	head   []string
	rows   [][]string // without the hash of the row
	hashes []string
	bad    []Fault

	text, signature, keys string
	proofs                [][]string // leaf, index, hashes
}

// Check says whether a file is what was written: every cell, that the log's key
// signed the manifest, and that the leaves are in the log's checkpoint. It
// answers with ErrNot where the file is something else. It needs no network and
// no log.
func Check(file []byte, trust tlog.Trust) (Report, error) {
	read := readCSV
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		read = readXLSX
	}
	o, err := read(file)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Manifest: o.Manifest, Faults: o.bad, trust: trust}
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
	rep.vouched(o)
	return rep, nil
}

// vouched checks what the log says of the file: signature, checkpoint, proofs.
func (r *Report) vouched(o opened) {
	fault := func(cell, column, zh, en string) {
		r.Faults = append(r.Faults, Fault{cell, column, zh, en})
	}
	keys := o.keys
	if r.trust.LogKey != "" {
		keys = r.trust.LogKey
	}
	var err error
	if r.keys, err = tlog.ParseKeys([]byte(keys)); err != nil || len(r.keys) == 0 {
		fault("", keysLabel, "公钥不对。", "This is no key.")
		return
	}
	if tlog.CheckText(signedText(o.text), o.signature, r.keys) != nil {
		fault("", signatureLabel, "清单的签名不成立：清单、签名或公钥被改过，或者不是这把钥匙签的。", "The signature of the manifest does not hold: manifest, signature or key was changed, or another key signed it.")
		return
	}
	if r.Log, err = tlog.CheckpointOf([]byte(o.Checkpoint), r.keys); err != nil {
		fault("", manifestLabel, "清单里的检查点签名不成立。", "The signature of the checkpoint in the manifest does not hold.")
		return
	}
	proofs, spoilt := map[string]bool{}, map[string]bool{}
	for _, cells := range o.proofs {
		p, err := parseProof(cells)
		ok := err == nil && p.In(r.Log.Checkpoint)
		if ok {
			proofs[cells[0]] = true
		} else {
			spoilt[cells[0]] = true
			fault("", proofLabel, "叶值 "+cells[0]+" 的证明不成立。", "The proof of the leaf "+cells[0]+" does not hold.")
		}
	}
	leaf := len(o.Columns) - 1
	for _, row := range o.rows {
		switch at := row[leaf]; {
		case at == "" || spoilt[at]:
		case proofs[at]:
			r.Proved++
		default:
			r.Unproved++
		}
	}
	if r.trust.Pinned == nil {
		return
	}
	kept, err := tlog.CheckpointOf(r.trust.Pinned, r.keys)
	switch {
	case err != nil || kept.Origin != r.Log.Origin:
		r.pinned = "other"
	case kept.Size != r.Log.Size:
		r.pinned = fmt.Sprintf("from=%d&to=%d", min(kept.Size, r.Log.Size), max(kept.Size, r.Log.Size))
	case kept.Root != r.Log.Root:
		fault("", manifestLabel, "这份表的检查点与留存的检查点不是同一本历史。请留存两份，都是平台签过名的证据。", "The checkpoint of this table and the one that was kept are of two histories. Keep both: they are evidence signed by the platform.")
	default:
		r.pinned = "same"
	}
}

func parseProof(cells []string) (p tlog.LeafProof, err error) {
	if p.Leaf, err = tlog.ParseHash(cells[0]); err != nil {
		return p, err
	}
	if p.Index, err = strconv.ParseInt(cells[1], 10, 64); err != nil {
		return p, err
	}
	var hashes []string
	if err := json.Unmarshal([]byte(cells[2]), &hashes); err != nil {
		return p, err
	}
	for _, s := range hashes {
		h, err := tlog.ParseHash(s)
		if err != nil {
			return p, err
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
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
	// What is no row stands at the end; read backwards, no row is taken for it.
	ends := map[string]*string{manifestLabel: &o.text, signatureLabel: &o.signature, keysLabel: &o.keys}
	n := len(records)
	for o.text == "" {
		if n--; n < 0 || len(records[n]) < 4 {
			return o, ErrNot
		}
		rec := records[n]
		switch into := ends[rec[0]]; {
		case rec[0] == proofLabel:
			o.proofs = append(o.proofs, []string{unguard(rec[1]), rec[2], rec[3]})
		case into != nil && *into == "":
			*into = rec[1]
		default:
			return o, ErrNot
		}
	}
	if o.Manifest, err = readManifest(o.text); err != nil {
		return o, err
	}
	o.take(records[:n], func(c ColumnSum, s string) (string, bool) {
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
	for name, into := range map[string]*string{"B1": &o.text, "B2": &o.signature, "B3": &o.keys} {
		if *into, err = x.GetCellValue(manifestSheet, name); err != nil {
			return o, ErrNot
		}
	}
	if o.Manifest, err = readManifest(o.text); err != nil {
		return o, err
	}
	proofs, err := x.GetRows(proofSheet, excelize.Options{RawCellValue: true})
	if err != nil {
		return o, ErrNot
	}
	for _, p := range proofs {
		for len(p) < 3 {
			p = append(p, "")
		}
		o.proofs = append(o.proofs, p)
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
		ls = append(ls, say("已核对：每一格、每一行、每一列的合计和校验值，都和清单一致；清单的签名有效。", "Checked: every cell, every row, every total and hash agrees with the manifest, and its signature holds."),
			say("已核对：%d 行的叶值在检查点里（%s，%d 条，指纹 %s）。", "Checked: the leaves of %d rows are in the checkpoint (%s, %d events, root %s).", r.Proved, r.Log.Origin, r.Log.Size, r.Log.Root))
	}
	if r.pinned == "same" {
		ls = append(ls, say("已核对：检查点与留存的一致。", "Checked: the checkpoint is the one that was kept."))
	}
	if r.Unproved > 0 {
		ls = append(ls, say("没有核对：%d 行比检查点新，没有带证明。", "Not checked: %d rows are newer than the checkpoint and bring no proof.", r.Unproved))
	}
	if r.trust.LogKey == "" {
		ls = append(ls, say("没有核对：公钥是不是平台的。请与另外得到的比对，或加 --log-key：", "Not checked: whether the keys are the platform's. Compare them with what you have from elsewhere, or give --log-key:"))
		for _, k := range r.keys {
			ls = append(ls, "  "+k.Text)
		}
	}
	switch {
	case r.trust.Pinned == nil:
		ls = append(ls, say("没有核对：检查点是否延续以前的历史。留存过检查点的，加 --pinned。", "Not checked: whether the checkpoint extends what was shown before. Give --pinned if you kept one."))
	case r.pinned == "other":
		ls = append(ls, say("没有核对：留存的检查点上没有这把钥匙的有效签名。", "Not checked: the checkpoint that was kept bears no valid signature of this key."))
	case r.pinned != "same" && r.pinned != "":
		ls = append(ls, say("没有核对：留存的检查点长度不同。请向平台要 consistency.json?%s。", "Not checked: the checkpoint that was kept is of another size. Ask the platform for consistency.json?%s.", r.pinned))
	}
	return append(ls, say("没有核对：当初写的是否属实。", "Not checked: whether what was written was true."))
}
