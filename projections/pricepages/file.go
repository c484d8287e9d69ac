package pricepages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shenzhong/domain"
	"shenzhong/projections"
)

// A file before it is put away.
type file struct {
	format  Format
	variant string
	bytes   []byte
	etag    string // both made by pack
	packed  []byte
}

// pack makes ready what is kept of the files.
func pack(files []file) (err error) {
	for i := range files {
		f := &files[i]
		sum := sha256.Sum256(f.bytes)
		f.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		if f.packed, err = zip(f.bytes); err != nil {
			return err
		}
		f.bytes = nil
	}
	return nil
}

// put keeps the packed files of a version instead of those that were there.
func put(tx *projections.Tx, institution string, version int, files []file) error {
	if _, err := tx.Exec(`DELETE FROM file WHERE institution = ? AND version = ?`, institution, version); err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(string(a.format)+a.variant, string(b.format)+b.variant) })
	for _, f := range files {
		if _, err := tx.Exec(`INSERT INTO file VALUES (?,?,?,?,?,?)`, institution, version, string(f.format), f.variant, f.etag, f.packed); err != nil {
			return err
		}
	}
	return nil
}

// A gzip.Writer is most of a megabyte, a page a few kilobytes.
var packers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one of the package's own
	}
	return w
}}

func zip(b []byte) ([]byte, error) {
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func (p Page) json() ([]byte, error)    { return encode(p) }
func (h History) json() ([]byte, error) { return encode(h) }

// bom makes spreadsheet programs read UTF-8.
const bom = "\ufeff"

// table writes a CSV file. A cell that a spreadsheet would take for a formula
// gets an apostrophe in front: names come from files that others wrote.
func table(head []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(bom)
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range append([][]string{head}, rows...) {
		for i, c := range row {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				row[i] = "'" + c
			}
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func fen(m *domain.Money) string {
	if m == nil {
		return ""
	}
	return strconv.FormatInt(int64(*m), 10)
}

// yuan is an amount for a spreadsheet: "1732.00".
func yuan(m *domain.Money) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf("%d.%02d", *m/100, *m%100)
}

func percent(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (p Page) csv() ([]byte, error) {
	head := []string{"code", "name_zh", "name_en", "block", "category", "pricing_type", "unit", "price_yuan", "price_min_yuan", "price_max_yuan",
		"price_fen", "price_min_fen", "price_max_fen", "markup_percent", "markup_fen", "note", "basis",
		"content", "relief", "reason", "not_offered", "limit_min_fen", "limit_max_fen", "limit_markup_percent", "limit_markup_fen", "required", "total_of",
		"charged_month", "charged_count", "charged_p10_fen", "charged_median_fen", "charged_p90_fen",
		"institution", "institution_name", "facility_kind", "division", "version", "effective_from", "attester", "attester_name", "catalogue_document", "catalogue_version", "event", "position", "recorded_at", "late_reason"}
	catalogue, number := "", ""
	if p.Catalogue != nil {
		catalogue, number = p.Catalogue.Document, strconv.Itoa(p.Catalogue.Version)
	}
	heading := []string{p.Institution, p.NameZh, p.FacilityKind, string(p.Division), strconv.Itoa(p.Version.Version), p.Effective(), p.Attester, p.AttesterName, catalogue, number,
		p.Source.ID.String(), strconv.FormatUint(uint64(p.Source.Position), 10), p.Source.Recorded.In(domain.Shanghai).Format(time.RFC3339), p.LateReason}
	yes := map[bool]string{true: "yes"}
	var rows [][]string
	for _, r := range p.Rows {
		limit := []string{"", "", "", "", ""}
		if l := r.Limit; l != nil {
			limit = []string{fen(l.Min), fen(l.Max), percent(l.MarkupPercent), fen(l.Markup), yes[l.Required]}
		}
		charged := []string{"", "", "", "", ""}
		for _, c := range p.Charged {
			switch {
			case c.Code != r.Code:
			case c.Few:
				charged = []string{c.Month, fmt.Sprintf("<%d", LeastShown), "", "", ""}
			default:
				charged = []string{c.Month, strconv.Itoa(c.Count), fen(&c.P10), fen(&c.Median), fen(&c.P90)}
			}
		}
		rows = append(rows, slices.Concat([]string{r.Code, r.NameZh, r.NameEn, string(r.Block), string(r.Category), string(r.PricingType), r.Unit,
			yuan(r.Price), yuan(r.PriceMin), yuan(r.PriceMax), fen(r.Price), fen(r.PriceMin), fen(r.PriceMax), percent(r.MarkupPercent), fen(r.Markup),
			r.Note, r.Basis, r.Content, r.Relief, r.Reason, yes[r.NotOffered]}, limit, []string{""}, charged, heading))
	}
	// Totals come last: what they are of stands in a column of its own.
	for _, t := range p.Totals {
		var of []string
		for _, it := range t.Items {
			of = append(of, it.Code+"*"+strconv.FormatInt(it.Quantity, 10))
		}
		row := make([]string, 32)
		row[1], row[2], row[3], row[7], row[10], row[26] = t.NameZh, t.NameEn, "total", yuan(&t.Amount), fen(&t.Amount), strings.Join(of, " ")
		rows = append(rows, append(row, heading...))
	}
	return table(head, rows)
}

func (h History) csv() ([]byte, error) {
	head := []string{"institution", "version", "effective_from", "recorded_at", "change", "code", "name_zh", "name_en", "unit", "fields",
		"before_price_fen", "before_min_fen", "before_max_fen", "after_price_fen", "after_min_fen", "after_max_fen", "attester", "event", "position"}
	var rows [][]string
	for _, v := range h.Versions {
		line := func(cells ...string) {
			rows = append(rows, slices.Concat([]string{h.Institution, strconv.Itoa(v.Version.Version), v.Effective(), v.Source.Recorded.In(domain.Shanghai).Format(time.RFC3339)},
				cells, []string{v.Attester, v.Source.ID.String(), strconv.FormatUint(uint64(v.Source.Position), 10)}))
		}
		if v.Previous == 0 {
			line("first", "", "", "", "", "", "", "", "", "", "", "")
		}
		for _, c := range v.Changes {
			var b, a Row
			if c.Before != nil {
				b = *c.Before
			}
			if c.After != nil {
				a = *c.After
			}
			line(string(c.Kind), c.Code, c.NameZh, c.NameEn, c.Unit, strings.Join(c.Fields, " "),
				fen(b.Price), fen(b.PriceMin), fen(b.PriceMax), fen(a.Price), fen(a.PriceMin), fen(a.PriceMax))
		}
	}
	return table(head, rows)
}
