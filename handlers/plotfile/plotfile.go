// Package plotfile reads files of a cemetery's surveyed places (CSV or GeoJSON)
// and writes them into the log: all of a file, or nothing of it. Whoever imports,
// at a prompt or on a page, sees the same faults of the same lines.
package plotfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/handlers"
)

// MaxBytes bounds one file: 10,000 places take 1 MB as CSV and 4 MB as GeoJSON.
const MaxBytes = 8 << 20

// Columns are those of a CSV file, in the order in which we write them, and the
// properties of a GeoJSON feature, whose lon and lat are its geometry. A file may
// leave some out.
var (
	Columns  = []string{"cemetery", "division", "plot", "garden", "section", "row", "seat", "kind", "eco_type", "capacity", "area_cm2", "stone_height_cm", "width_cm", "depth_cm", "lon", "lat"}
	optional = []string{"garden", "section", "row", "seat", "width_cm", "depth_cm", "lon", "lat"}
)

// A Fault is one thing wrong in a file, named so that somebody finds it: the
// line, from 1; the place; the column; and why.
type Fault struct {
	Line        int
	Plot, Field string
	Zh, En      string
}

// A File is what was read of one file, and what is wrong with it.
type File struct {
	Faults []Fault
	rows   []*row
	// of is the cemetery whose file it is, where that is known beforehand: the
	// columns that name it may then be left out, and no row may name another.
	of   domain.CreditCode
	seen map[string]int // lines by plot
	text []byte
	at   int // an offset in text,
	line int // and its line
}

// A row is one place.
type row struct {
	file     *File
	line     int
	of       domain.CreditCode
	division domain.Division // empty where the file leaves it out
	cmd      cemetery.Survey
}

// Rows is how many places the file has.
func (f *File) Rows() int { return len(f.rows) }

// Read reads a file by what it begins with: a JSON object is GeoJSON, anything
// else CSV. of is the cemetery that it is for; empty: each row says.
func Read(text []byte, of domain.CreditCode) *File {
	f := &File{of: of, seen: map[string]int{}, text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), line: 1}
	switch {
	case len(text) > MaxBytes:
		f.fault(1, "", fmt.Sprintf("文件有 %d 字节，超过 %d 字节的上限。", len(text), MaxBytes), fmt.Sprintf("the file has %d bytes, more than the limit of %d.", len(text), MaxBytes))
	case !utf8.Valid(f.text):
		f.notText()
	case bytes.HasPrefix(bytes.TrimSpace(f.text), []byte("{")):
		f.geo()
	default:
		f.csv()
	}
	if len(f.rows) == 0 && len(f.Faults) == 0 {
		f.fault(1, "", "文件里没有墓位。", "the file has no places.")
	}
	f.text = nil
	return f
}

func (f *File) fault(line int, field, zh, en string) {
	f.Faults = append(f.Faults, Fault{line, "", field, zh, en})
}

// notText says where a file stops being UTF-8: a spreadsheet may have written it
// in another encoding, of which a name read as UTF-8 would keep nothing.
func (f *File) notText() {
	at := 0
	for rest := f.text; len(rest) > 0; rest = f.text[at:] {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	f.fault(f.lineAt(at), "", "文件不是 UTF-8 编码。在 WPS 或 Excel 里请另存为“CSV UTF-8”。", "the file is not UTF-8; in a spreadsheet, please save it as “CSV UTF-8”.")
}

func (r *row) fault(field, zh, en string) {
	r.file.Faults = append(r.file.Faults, Fault{r.line, r.cmd.Plot, field, zh, en})
}

// refuse reports what the domain says against the row; what names a column goes
// to that column.
func (r *row) refuse(field string, err error) {
	x, ok := errors.AsType[*domain.Rejection](err)
	if !ok {
		r.fault(field, err.Error(), err.Error())
		return
	}
	for _, c := range Columns {
		if field == "" && strings.HasSuffix(x.Text("en"), c+".") {
			field = c
		}
	}
	if errors.Is(err, cemetery.ErrCemeteryUnknown) {
		field = "cemetery"
	}
	r.fault(field, x.Text("zh"), x.Text("en"))
}

// known says that the cemetery is known without the column.
func (f *File) known(column string) bool {
	return f.of != "" && (column == "cemetery" || column == "division")
}

func (f *File) csv() {
	rd := csv.NewReader(bytes.NewReader(f.text))
	rd.FieldsPerRecord = -1
	rd.ReuseRecord = true
	first, err := rd.Read()
	if err != nil {
		f.fault(1, "", "没有列名那一行。", "there is no line with the columns' names.")
		return
	}
	head := slices.Clone(first)
	where := map[string]int{}
	for i, h := range head {
		head[i] = strings.TrimSpace(h)
		if _, twice := where[head[i]]; twice {
			f.fault(1, head[i], "这一列有两个。", "the column is there twice.")
		} else if !slices.Contains(Columns, head[i]) {
			f.fault(1, head[i], "不认识这一列。", "unknown column.")
		}
		where[head[i]] = i
	}
	for _, c := range Columns {
		if _, ok := where[c]; !ok && !slices.Contains(optional, c) && !f.known(c) {
			f.fault(1, c, "缺少这一列。", "the column is missing.")
		}
	}
	if len(f.Faults) > 0 {
		return
	}
	for {
		rec, err := rd.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			f.fault(pe.Line, "", "这一行不是正确的 CSV："+pe.Err.Error()+"。", "this line is not valid CSV: "+pe.Err.Error()+".")
			return
		}
		line, _ := rd.FieldPos(0)
		r := &row{file: f, line: line}
		if len(rec) != len(head) {
			r.fault("", fmt.Sprintf("有 %d 格，应有 %d 格。", len(rec), len(head)), fmt.Sprintf("%d cells, not %d.", len(rec), len(head)))
			continue
		}
		r.read(func(c string) string {
			if i, ok := where[c]; ok {
				return strings.TrimSpace(rec[i])
			}
			return ""
		})
	}
}

// lineAt is the line on which the byte at offset stands. Offsets come in order.
func (f *File) lineAt(offset int) int {
	for offset < len(f.text) && bytes.IndexByte([]byte(" \t\r\n,:"), f.text[offset]) >= 0 {
		offset++
	}
	offset = min(offset, len(f.text))
	if offset > f.at {
		f.line += bytes.Count(f.text[f.at:offset], []byte("\n"))
		f.at = offset
	}
	return f.line
}

// geo reads a GeoJSON FeatureCollection, a feature at a time: the columns are the
// properties of a feature, its geometry the point, or the outline whose middle is
// the point.
func (f *File) geo() {
	d := jsontext.NewDecoder(bytes.NewReader(f.text))
	err := f.collection(d)
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return
		} else if err == nil {
			err = errors.New("there is something after the end of the JSON value")
		}
	}
	why, at := err.Error(), int(d.InputOffset())
	if se, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if at = int(se.ByteOffset); se.Err != nil {
			why = se.Err.Error()
		}
	}
	f.fault(f.lineAt(at), "", "这里不是完整、正确的 JSON："+why+"。", "this is not valid JSON: "+why+".")
}

func (f *File) collection(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil { // the {
		return err
	}
	kind, features := "", false
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		field, at := name.String(), int(d.InputOffset())
		if field == "features" && d.PeekKind() == '[' {
			features = true
			if err := f.features(d); err != nil {
				return err
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch field {
		case "type":
			kind = valueText(v)
		case "features", "name", "crs", "bbox":
		default:
			f.fault(f.lineAt(at), field, "不认识这一项；请核对名称，或删去。", "unknown field; check its name or remove it.")
		}
	}
	if kind != "FeatureCollection" {
		f.fault(1, "type", "应是 FeatureCollection。", "a FeatureCollection is expected.")
	}
	if !features {
		f.fault(1, "features", "应是一个列表 […]。", "a list […] is expected.")
	}
	_, err := d.ReadToken()
	return err
}

// A feature is one place of a GeoJSON file.
type feature struct {
	Type       string                    `json:"type"`
	ID         jsontext.Value            `json:"id"`
	Bbox       jsontext.Value            `json:"bbox"`
	Properties map[string]jsontext.Value `json:"properties"`
	Geometry   *geometry                 `json:"geometry"`
}

type geometry struct {
	Type        string         `json:"type"`
	Coordinates jsontext.Value `json:"coordinates"`
}

func (f *File) features(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil { // the [
		return err
	}
	for d.PeekKind() != ']' {
		r := &row{file: f, line: f.lineAt(int(d.InputOffset()))}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		var x feature
		if err := json.Unmarshal(v, &x, json.RejectUnknownMembers(true)); err != nil {
			r.fault("", "这一个墓位读不懂："+err.Error()+"。", "this feature cannot be read: "+err.Error()+".")
			continue
		}
		cells := map[string]string{}
		if v, ok := x.Properties["plot"]; ok { // so that what is wrong names the place
			r.cmd.Plot = valueText(v)
		}
		for _, name := range slices.Sorted(maps.Keys(x.Properties)) {
			v := x.Properties[name]
			switch k := v.Kind(); {
			case !slices.Contains(Columns, name) || name == "lon" || name == "lat":
				r.fault(name, "不认识这一项。", "unknown property.")
			case k == '{' || k == '[':
				r.fault(name, "应是文字或数。", "a text or a number is expected.")
			case k != 'n':
				cells[name] = valueText(v)
			}
		}
		if x.Geometry != nil {
			cells["lon"], cells["lat"] = r.middle(*x.Geometry)
		}
		r.read(func(c string) string { return cells[c] })
	}
	_, err := d.ReadToken()
	return err
}

// valueText is a string without its quotes, or a number as it is written.
func valueText(v jsontext.Value) string {
	if v.Kind() == '"' {
		var s string
		if json.Unmarshal(v, &s) == nil {
			return strings.TrimSpace(s)
		}
	}
	return string(v)
}

// middle is the point of a geometry, in degrees.
func (r *row) middle(g geometry) (lon, lat string) {
	switch g.Type {
	case "Point":
		var at []jsontext.Value
		if json.Unmarshal(g.Coordinates, &at) == nil && len(at) >= 2 {
			return string(at[0]), string(at[1])
		}
	case "Polygon":
		var rings [][][]float64
		if json.Unmarshal(g.Coordinates, &rings) != nil || len(rings) == 0 || len(rings[0]) < 4 {
			break
		}
		var x, y float64
		ring := rings[0][1:] // the first comes again as the last
		for _, p := range ring {
			if len(p) < 2 {
				r.fault("geometry", "有一个点没有两个数。", "a point has no two numbers.")
				return "", ""
			}
			x, y = x+p[0], y+p[1]
		}
		n := float64(len(ring))
		return strconv.FormatFloat(x/n, 'f', 7, 64), strconv.FormatFloat(y/n, 'f', 7, 64)
	}
	r.fault("geometry", "应是点（Point）或面（Polygon）。", "a Point or a Polygon is expected.")
	return "", ""
}

// read takes a row's cells, and reports what is wrong with each.
func (r *row) read(cell func(string) string) {
	f := r.file
	number := func(c string, needed bool) int {
		if !needed && cell(c) == "" {
			return 0
		}
		n, err := strconv.Atoi(cell(c))
		if err != nil || n < 0 {
			r.fault(c, fmt.Sprintf("“%s”不是非负整数。", cell(c)), fmt.Sprintf("%q is not a whole number from 0.", cell(c)))
		}
		return n
	}
	degrees := func(c string) int {
		if cell(c) == "" {
			return 0
		}
		x, err := strconv.ParseFloat(cell(c), 64)
		if err != nil || math.IsNaN(x) || math.Abs(x) > 180 {
			r.fault(c, fmt.Sprintf("“%s”不是度数。", cell(c)), fmt.Sprintf("%q is no number of degrees.", cell(c)))
			return 0
		}
		return int(math.Round(x * 1e7))
	}
	r.cmd.Plot = cell("plot")
	if r.cmd.Plot == "" {
		r.fault("plot", "缺少墓位编号。", "the place's number is missing.")
	}
	var err error
	if s := cell("cemetery"); s == "" && f.of != "" {
		r.of = f.of
	} else if r.of, err = domain.ParseCreditCode(s); err != nil {
		r.refuse("cemetery", err)
	} else if f.of != "" && r.of != f.of {
		r.fault("cemetery", "这一行是另一处公墓的。", "this row is of another cemetery.")
	}
	if s := cell("division"); s != "" || f.of == "" {
		if r.division, err = domain.ParseDivision(s); err != nil {
			r.refuse("division", err)
		}
	}
	r.cmd.Garden, r.cmd.Section, r.cmd.Row, r.cmd.Seat = cell("garden"), cell("section"), cell("row"), cell("seat")
	r.cmd.Kind, r.cmd.EcoType = cemetery.PlotKind(strings.ToUpper(cell("kind"))), cell("eco_type")
	r.cmd.Capacity, r.cmd.AreaCM2, r.cmd.StoneHeightCM = number("capacity", true), number("area_cm2", true), number("stone_height_cm", true)
	r.cmd.WidthCM, r.cmd.DepthCM = number("width_cm", false), number("depth_cm", false)
	r.cmd.Spot = cemetery.Spot{LonE7: degrees("lon"), LatE7: degrees("lat")}
	if r.cmd.EcoType == "" {
		r.fault("eco_type", "缺少葬式。", "it is missing.")
	} else if err := handlers.CheckPlotType(r.cmd); err != nil {
		r.refuse("eco_type", err)
	}
	key := handlers.PlotID(r.of, r.cmd.Plot)
	if first, ok := f.seen[key]; ok {
		r.fault("plot", fmt.Sprintf("与第 %d 行相同。", first), fmt.Sprintf("the same as line %d.", first))
	}
	f.seen[key] = r.line
	f.rows = append(f.rows, r)
}
