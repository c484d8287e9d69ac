package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"shenzhong/domain"
)

// A fault is one thing wrong in a file that somebody wants to import, named so
// that they find it: the file, the line, the row, the field, and why.
type fault struct {
	file   string
	line   int
	row    string // the row's own name, "CRM-STD"; empty where there is none
	field  string
	zh, en string
}

func (f fault) text(lang string) string {
	where := strings.TrimSpace(f.row + " " + f.field)
	if where != "" {
		where += ": "
	}
	why := f.zh
	if lang == "en" {
		why = f.en
	}
	return fmt.Sprintf("%s:%d: %s%s", f.file, f.line, where, why)
}

// faults are all that was found wrong; nothing was imported.
type faults []fault

func (fs faults) Error() string {
	var ls []string
	for _, f := range fs {
		ls = append(ls, f.text("en"))
	}
	return strings.Join(ls, "\n")
}

// A source is one file being read. It collects faults rather than stopping at
// the first, so that a person corrects a file once.
type source struct {
	name string // as the person named it
	data []byte
	bad  faults
}

// maxFile bounds one imported file. The longest real list has fewer than a
// hundred rows and 8 KB; a file of 50 MB is a mistake.
const maxFile = 8 << 20

func openSource(name string) (*source, error) {
	if st, err := os.Stat(name); err != nil {
		return nil, err
	} else if st.Size() > maxFile {
		return nil, faults{{name, 1, "", "", fmt.Sprintf("文件有 %d 字节，超过 %d 字节的上限。", st.Size(), maxFile),
			fmt.Sprintf("the file has %d bytes, more than the limit of %d.", st.Size(), maxFile)}}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &source{name: name, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}, nil
}

// line is the line on which the byte at offset stands.
func (s *source) line(offset int64) int {
	return 1 + bytes.Count(s.data[:min(offset, int64(len(s.data)))], []byte("\n"))
}

func (s *source) fault(at int64, row, field, zh, en string) {
	s.bad = append(s.bad, fault{s.name, s.line(at), row, field, zh, en})
}

// A node is a JSON value and where it stands.
type node struct {
	at      int64
	kind    jsontext.Kind
	text    string // of a string, a number or a literal
	members []member
	items   []node
}

type member struct {
	at    int64 // of the name
	name  string
	value node
}

// parseJSON reads the whole file as one value. Duplicate names and bad UTF-8
// are refused, with the line.
func (s *source) parseJSON() (node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(s.data))
	n, err := s.parseNode(d)
	if err == nil {
		if end := s.skip(d.InputOffset()); end < int64(len(s.data)) {
			s.fault(end, "", "", "文件末尾有多余的内容。", "there is something after the end of the JSON value.")
			return n, s.bad
		}
		return n, nil
	}
	at := d.InputOffset()
	var se *jsontext.SyntacticError
	if errors.As(err, &se) {
		at = se.ByteOffset
	}
	s.fault(s.skip(at), "", "", "这里不是完整、正确的 JSON："+cause(err)+"。", "this is not valid JSON: "+cause(err)+".")
	return n, s.bad
}

func cause(err error) string {
	var se *jsontext.SyntacticError
	if errors.As(err, &se) && se.Err != nil {
		if se.JSONPointer != "" {
			return fmt.Sprintf("%v (%s)", se.Err, se.JSONPointer)
		}
		return se.Err.Error()
	}
	return err.Error()
}

// skip moves over blanks and punctuation to the next value or name.
func (s *source) skip(at int64) int64 {
	for at < int64(len(s.data)) && bytes.IndexByte([]byte(" \t\r\n,:"), s.data[at]) >= 0 {
		at++
	}
	return at
}

func (s *source) parseNode(d *jsontext.Decoder) (node, error) {
	at := s.skip(d.InputOffset())
	t, err := d.ReadToken()
	if err != nil {
		return node{}, err
	}
	n := node{at: at, kind: t.Kind()}
	switch n.kind {
	case '{':
		for d.PeekKind() != '}' {
			at := s.skip(d.InputOffset())
			name, err := d.ReadToken()
			if err != nil {
				return n, err
			}
			key := name.String()
			v, err := s.parseNode(d)
			if err != nil {
				return n, err
			}
			n.members = append(n.members, member{at, key, v})
		}
		_, err = d.ReadToken()
	case '[':
		for d.PeekKind() != ']' {
			v, err := s.parseNode(d)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, v)
		}
		_, err = d.ReadToken()
	default:
		n.text = t.String()
	}
	return n, err
}

// An object reads the members of one JSON object by name. Members that nobody
// asked for are faults when it is closed: a field we do not know is a field
// somebody expects us to keep.
type object struct {
	s    *source
	n    node
	row  string
	seen []string
}

func (s *source) object(n node) *object {
	if n.kind != '{' {
		s.fault(n.at, "", "", "这里应是一个对象 {…}。", "an object {…} is expected here.")
		return &object{s: s, n: node{at: n.at}}
	}
	return &object{s: s, n: n}
}

func (o *object) at(field string) int64 {
	for _, m := range o.n.members {
		if m.name == field {
			return m.at
		}
	}
	return o.n.at
}

func (o *object) fault(field, zh, en string) {
	o.s.fault(o.at(field), o.row, field, zh, en)
}

// refuse reports what the domain said about a field.
func (o *object) refuse(field string, err error) {
	if r := new(domain.Rejection); errors.As(err, &r) {
		o.fault(field, r.Text("zh")+marked(r.Code), r.Text("en")+marked(r.Code))
		return
	}
	o.fault(field, err.Error(), err.Error())
}

func (o *object) get(field string, needed bool) (node, bool) {
	o.seen = append(o.seen, field)
	for _, m := range o.n.members {
		if m.name == field && m.value.kind != 'n' {
			return m.value, true
		}
	}
	if needed {
		o.fault(field, "缺少这一项。", "this field is missing.")
	}
	return node{}, false
}

// has says whether the field is there; asking counts as knowing it.
func (o *object) has(field string) bool {
	_, ok := o.get(field, false)
	return ok
}

func (o *object) stringOf(field string, needed bool) string {
	n, ok := o.get(field, needed)
	switch {
	case !ok:
		return ""
	case n.kind != '"':
		o.fault(field, "应是文字（加引号）。", "a text in quotes is expected.")
		return ""
	case needed && strings.TrimSpace(n.text) == "":
		o.fault(field, "不能为空。", "it must not be empty.")
	}
	return n.text
}

// boolean reads true or false; what is not there is false.
func (o *object) boolean(field string) bool {
	n, ok := o.get(field, false)
	if ok && n.kind != 't' && n.kind != 'f' {
		o.fault(field, "应是 true 或 false。", "true or false is expected.")
	}
	return n.kind == 't'
}

func (o *object) stringsOf(field string) []string {
	n, ok := o.get(field, false)
	if !ok {
		return nil
	}
	var out []string
	bad := n.kind != '['
	for _, i := range n.items {
		bad = bad || i.kind != '"'
		out = append(out, i.text)
	}
	if bad {
		o.fault(field, "应是文字的列表。", "a list of texts is expected.")
	}
	return out
}

// integer reads a whole number; JSON's 12.5 or 1e3 for money is a mistake.
func (o *object) integer(field string, needed bool) (int64, bool) {
	n, ok := o.get(field, needed)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(n.text, 10, 64)
	if n.kind != '0' || err != nil {
		o.fault(field, "应是整数（金额以分为单位）。", "a whole number is expected (money in fen).")
		return 0, false
	}
	return v, true
}

// fen reads an amount of money that is not negative.
func (o *object) fen(field string, needed bool) (domain.Money, bool) {
	v, ok := o.integer(field, needed)
	if ok && v < 0 {
		o.fault(field, fmt.Sprintf("金额 %d 分是负数。", v), fmt.Sprintf("the amount of %d fen is negative.", v))
		return 0, false
	}
	return domain.Money(v), ok
}

// list answers with the values of a list field.
func (o *object) list(field string, needed bool) []node {
	n, ok := o.get(field, needed)
	if ok && n.kind != '[' {
		o.fault(field, "应是一个列表 […]。", "a list […] is expected.")
	}
	if ok && needed && n.kind == '[' && len(n.items) == 0 {
		o.fault(field, "一行也没有。", "it has no rows.")
	}
	return n.items
}

// close reports the fields that nobody knows.
func (o *object) close() {
	for _, m := range o.n.members {
		if !slices.Contains(o.seen, m.name) {
			o.s.fault(m.at, o.row, m.name, "不认识这一项；请核对名称，或删去。", "unknown field; check its name or remove it.")
		}
	}
}

// known marks fields that are understood and not imported.
func (o *object) known(fields ...string) { o.seen = append(o.seen, fields...) }

// filesOf expands directories into the files in them with this extension, in
// the order of their names.
func filesOf(args []string, ext string) ([]string, error) {
	var out []string
	for _, a := range args {
		st, err := os.Stat(a)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			out = append(out, a)
			continue
		}
		in, err := filepath.Glob(filepath.Join(a, "*"+ext))
		if err != nil {
			return nil, err
		}
		if len(in) == 0 {
			return nil, fmt.Errorf("%s: %w *%s", a, errNoFiles, ext)
		}
		out = append(out, in...)
	}
	return out, nil
}

var errNoFiles = errors.New("no files")
