package tlog

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/domain"
	"shenzhong/events"
)

// An audit pack is a ZIP file without compression, so that a damaged byte
// spoils one line and not all that follows. In it:
//
//	entries.ndjson   the events, one a line, as a CloudEvent (JSON) without a
//	                 store's position and revision, with leafindex and leafhash
//	tile/…           the hash tiles that prove them (C2SP tlog-tiles)
//	checkpoint       the checkpoint that they lead to, with its cosignatures
//	witnessed        the newest checkpoint that the most witnesses signed, where
//	                 that is an earlier one
//	keys, witnesses  verifier keys
//	report.txt       what this is, in Chinese
//	manifest         SHA-256 and size of each of these, signed by the log
//
// The same contents always make the same bytes.
const packFirstLine = "shenzhong audit pack v1"

// A packLine is one event in a pack. Everything in it is covered by its leaf.
type packLine struct {
	SpecVersion     string         `json:"specversion"`
	ID              uuid.UUID      `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         events.Stream  `json:"subject"`
	Time            string         `json:"time,omitzero"`
	DataContentType string         `json:"datacontenttype"`
	RecordedAt      string         `json:"recordedat"`
	Actor           string         `json:"actor,omitzero"`
	Command         string         `json:"command,omitzero"`
	Correlation     string         `json:"correlation,omitzero"`
	Causation       string         `json:"causation,omitzero"`
	LateReason      string         `json:"latereason,omitzero"`
	Estimated       bool           `json:"estimated,omitzero"`
	LeafIndex       string         `json:"leafindex"`
	LeafHash        string         `json:"leafhash"`
	Data            jsontext.Value `json:"data,omitzero"`
	DataBase64      string         `json:"data_base64,omitzero"`
}

// formatLine writes an event as a line, data byte for byte: as Base64 where JSON
// would not keep its form.
func formatLine(r *events.Recorded, index int64) ([]byte, error) {
	id := func(u uuid.UUID) string {
		if u == uuid.Nil {
			return ""
		}
		return u.String()
	}
	l := packLine{SpecVersion: "1.0", ID: r.ID, Source: "shenzhong", Type: r.Type, Subject: r.Stream, DataContentType: "application/json", RecordedAt: r.At.UTC().Format(time.RFC3339Nano),
		Actor: r.Meta.Actor, Command: id(r.Meta.Command), Correlation: id(r.Meta.Correlation), Causation: id(r.Meta.Causation), LateReason: r.Meta.LateReason, Estimated: r.Meta.Estimated,
		LeafIndex: strconv.FormatInt(index, 10), LeafHash: LeafHash(r).String()}
	if !r.Occurred.IsZero() {
		l.Time = r.Occurred.UTC().Format(time.RFC3339Nano)
	}
	compact := jsontext.Value(bytes.Clone(r.Data))
	if err := compact.Compact(); err == nil && bytes.Equal(compact, r.Data) {
		l.Data = r.Data
	} else {
		l.DataBase64 = base64.StdEncoding.EncodeToString(r.Data)
	}
	b, err := json.Marshal(l, jsontext.PreserveRawStrings(true))
	return append(b, '\n'), err
}

// parseLine reads a line back. What it says of its leaf is for the caller to
// compare.
func parseLine(b []byte) (r events.Recorded, index int64, err error) {
	var l packLine
	if err := json.Unmarshal(b, &l, json.RejectUnknownMembers(true)); err != nil {
		return r, 0, err
	}
	r = events.Recorded{Stream: l.Subject, New: events.New{ID: l.ID, Type: l.Type, Data: l.Data, Meta: events.Meta{Actor: l.Actor, LateReason: l.LateReason, Estimated: l.Estimated}}}
	var errs [7]error
	index, errs[0] = strconv.ParseInt(l.LeafIndex, 10, 64)
	r.At, errs[1] = time.Parse(time.RFC3339Nano, l.RecordedAt)
	if l.Time != "" {
		r.Occurred, errs[2] = time.Parse(time.RFC3339Nano, l.Time)
	}
	for i, id := range []struct {
		text string
		into *uuid.UUID
	}{{l.Command, &r.Meta.Command}, {l.Correlation, &r.Meta.Correlation}, {l.Causation, &r.Meta.Causation}} {
		if id.text != "" {
			*id.into, errs[3+i] = uuid.Parse(id.text)
		}
	}
	if l.Data == nil {
		r.Data, errs[6] = base64.StdEncoding.DecodeString(l.DataBase64)
	}
	return r, index, errors.Join(errs[:]...)
}

// A Scope is which events go into a pack: all, those of some streams, or those
// that the log recorded on some days.
type Scope struct {
	Streams  []events.Stream
	From, To domain.Date // both inclusive; empty means no bound
}

// text is the scope in a manifest.
func (s Scope) text() string {
	switch {
	case len(s.Streams) > 0:
		b := "streams"
		for _, x := range s.Streams {
			b += " " + string(x)
		}
		return b
	case s.From != "" || s.To != "":
		return fmt.Sprintf("days %s..%s", s.From, s.To)
	}
	return "all"
}

func (s Scope) has(r *events.Recorded) bool {
	if len(s.Streams) > 0 {
		return slices.Contains(s.Streams, r.Stream)
	}
	day := domain.DateOf(r.At)
	return (s.From == "" || day >= s.From) && (s.To == "" || day <= s.To)
}

// tilesNeeded notes which tiles are read.
type tilesNeeded struct {
	merkle.HashReader
	tiles map[[2]int64]bool
}

func (t tilesNeeded) ReadHashes(indexes []int64) ([]Hash, error) {
	for _, i := range indexes {
		x := merkle.TileForIndex(height, i)
		t.tiles[[2]int64{int64(x.L), x.N}] = true
	}
	return t.HashReader.ReadHashes(indexes)
}

// ErrNothing reports that no event is in the scope.
var ErrNothing = errors.New("tlog: there is no event of that scope below the checkpoint")

// WritePack writes an audit pack of the events of a scope up to the last
// checkpoint. The raw log is read once, from its beginning. It answers with how
// many events went in.
func (l *Log) WritePack(ctx context.Context, w io.Writer, raw iter.Seq2[events.Recorded, error], scope Scope) (int64, error) {
	s, _, ok := l.Latest()
	if !ok {
		return 0, ErrNothing
	}
	z := zip.NewWriter(w)
	var sums []string
	file := func(name string, write func(io.Writer) error) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		h, n := sha256.New(), new(counter)
		if err := write(io.MultiWriter(f, h, n)); err != nil {
			return err
		}
		sums = append(sums, fmt.Sprintf("%s %d %s", base64.StdEncoding.EncodeToString(h.Sum(nil)), *n, name))
		return nil
	}
	need := tilesNeeded{l.reader.hashes(ctx), map[[2]int64]bool{}}
	var count, index int64
	var between [][]byte
	err := file("entries.ndjson", func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<16)
		for r, err := range raw {
			if err != nil {
				return err
			}
			if index == s.Size {
				break
			}
			// A clock that was set back: what stands between two events of these
			// days comes along, so that none is missing.
			in := scope.has(&r)
			after := !in && count > 0 && len(scope.Streams) == 0 && (scope.To == "" || domain.DateOf(r.At) <= scope.To.AddDays(1))
			var b []byte
			if in || after {
				var err error
				if b, err = formatLine(&r, index); err != nil {
					return err
				}
			}
			switch {
			case in:
				for i, b := range append(between, b) {
					if _, err := out.Write(b); err != nil {
						return err
					}
					need.tiles[[2]int64{0, (index - int64(len(between)-i)) / width}] = true
				}
				count += int64(len(between) + 1)
				between = nil
			case after:
				between = append(between, b)
			}
			index++
		}
		return out.Flush()
	})
	if err != nil {
		return 0, err
	}
	if count == 0 {
		return 0, ErrNothing
	}
	for k := range need.tiles {
		if _, err := merkle.ProveRecord(s.Size, k[1]*width, need); err != nil {
			return 0, err
		}
	}
	if _, err := merkle.TreeHash(s.Size, need); err != nil {
		return 0, err
	}
	witnessed, ok := l.Witnessed()
	ok = ok && len(witnessed.Cosigned) > len(s.Cosigned)
	if ok {
		if _, err := merkle.TreeHash(witnessed.Size, need); err != nil {
			return 0, err
		}
	}
	tiles := make([]merkle.Tile, 0, len(need.tiles))
	for k := range need.tiles {
		tiles = append(tiles, tileOf(int(k[0]), k[1], s.Size))
	}
	slices.SortFunc(tiles, func(a, b merkle.Tile) int {
		if a.L != b.L {
			return a.L - b.L
		}
		return int(a.N - b.N)
	})
	for _, t := range tiles {
		b, err := l.reader.Tile(ctx, t.L, t.N, t.W)
		if err == nil {
			err = file(TilePath(t), bytesOf(b))
		}
		if err != nil {
			return 0, err
		}
	}
	if err := file("checkpoint", bytesOf(s.Note)); err != nil {
		return 0, err
	}
	if ok {
		if err := file("witnessed", bytesOf(witnessed.Note)); err != nil {
			return 0, err
		}
	}
	if err := errors.Join(file("keys", bytesOf(keyFile(l.keys))), file("witnesses", bytesOf(keyFile(l.witnesses)))); err != nil {
		return 0, err
	}
	if err := file("report.txt", bytesOf(packReport(s, scope, count, l.witnesses, witnessed))); err != nil {
		return 0, err
	}
	text := fmt.Sprintf("%s\norigin %s\nscope %s\nentries %d\n%s\n", packFirstLine, l.Origin(), scope.text(), count, strings.Join(sums, "\n"))
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return 0, err
	}
	if err := file("manifest", bytesOf(signed)); err != nil {
		return 0, err
	}
	return count, z.Close()
}

// tileOf is a tile as wide as it is in a tree of that size.
func tileOf(level int, n, size int64) merkle.Tile {
	have := size
	for range level {
		have /= width
	}
	return merkle.Tile{H: height, L: level, N: n, W: int(min(width, have-n*width))}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

func bytesOf(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

func keyFile(ks []Key) (b []byte) {
	for _, k := range ks {
		b = fmt.Appendln(b, strings.TrimSpace(k.Text+" "+k.Label))
	}
	return b
}

// packReport is what lies in the pack for who opens it without the program.
func packReport(s Signed, scope Scope, count int64, witnesses []Key, witnessed Signed) []byte {
	b := []byte("\xef\xbb\xbf审计包\r\n\r\n")
	line := func(f string, args ...any) { b = append(fmt.Appendf(b, f, args...), "\r\n"...) }
	what := "全部记录"
	switch {
	case len(scope.Streams) > 0:
		what = "以下各流的记录："
		for _, x := range scope.Streams {
			what += " " + string(x)
		}
	case scope.From != "" || scope.To != "":
		what = fmt.Sprintf("登记日期 %s 至 %s 的记录", orNone(string(scope.From)), orNone(string(scope.To)))
	}
	line("范围：%s，共 %d 条。", what, count)
	line("记录的名称：%s", s.Origin)
	line("检查点：%d 条，指纹 %s", s.Size, s.Root)
	if len(witnesses) == 0 {
		line("见证人：没有。没有见证人时，掌握整台服务器和签名钥匙的人可以另写一本历史；请与自己以前留存的指纹比对。")
	}
	for _, k := range witnesses {
		state := "没有签这份检查点。可能没有来看，也可能看到前后不一致；请直接问该单位。"
		for _, c := range s.Cosigned {
			if c.Witness == k.Name() {
				state = "已签，" + domain.FormatTime(c.Time) + "。"
			}
		}
		for _, c := range witnessed.Cosigned {
			if c.Witness == k.Name() && strings.HasPrefix(state, "没") {
				state = fmt.Sprintf("签到第 %d 条（见文件 witnessed），%s。", c.Size, domain.FormatTime(c.Time))
			}
		}
		line("见证人 %s：%s", k.Title(), state)
	}
	line("")
	line("核对（不需要联网）：shenzhong verify 本文件.zip")
	line("公钥随包附上。请与另外得到的公钥比对，或用 --log-key 指明。")
	line("包内家属的信息是加密的，没有解开；包能证明记录没有改动，不能证明当初写的是真的。")
	line("")
	line("entries.ndjson 每行一条记录；tile/ 是证明（C2SP tlog-tiles）；checkpoint、witnessed 是签过名的检查点；")
	line("keys、witnesses 是公钥；manifest 是各文件的 SHA-256，由平台签名。")
	return b
}

func orNone(s string) string {
	if s == "" {
		return "不限"
	}
	return s
}
