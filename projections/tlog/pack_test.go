package tlog_test

import (
	"archive/zip"
	"bytes"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"shenzhong/events"
	"shenzhong/projections/tlog"
)

func rawOf(es []events.Recorded) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for _, e := range es {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func writePack(t testing.TB, l *tlog.Log, es []events.Recorded, scope tlog.Scope) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := l.WritePack(t.Context(), &b, rawOf(es), scope); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyPack(t testing.TB, b []byte, trust tlog.Trust) *tlog.PackReport {
	t.Helper()
	p, err := tlog.VerifyPack(bytes.NewReader(b), int64(len(b)), trust)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// witnessed is a log of so many events, signed for by a witness up to some.
func witnessed(t testing.TB, all, by int) (l *tlog.Log, es []events.Recorded, dir string) {
	t.Helper()
	es, dir = examples(all), t.TempDir()
	es[2].Data = []byte("{ \"spaced\" : \"\\u00e9\" }") // not as this program would write it
	w, k := witnessKey(t, "notary.example/w1")
	_, k2 := witnessKey(t, "market.example/w2")
	if err := os.WriteFile(filepath.Join(dir, "witnesses"), []byte(k+" 公证处\n"+k2+" 市场局\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, r := open(t, t.TempDir(), history{log: es[:by]}, 0)
	l = openLog(t, dir, r.DB)
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _, _ := l.Latest()
	if _, err := l.AddCosignature(t.Context(), cosign(t, s.Note, l.Keys()[0].Text, w)); err != nil {
		t.Fatal(err)
	}
	if all > by {
		_, r = open(t, t.TempDir(), history{log: es}, 0)
		l = openLog(t, dir, r.DB)
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return l, es, dir
}

// A pack verifies by itself, says what was checked and what was not, and is the
// same bytes every time.
func TestPack(t *testing.T) {
	l, es, _ := witnessed(t, 700, 600)
	latest, _, _ := l.Latest()
	old, _ := l.Witnessed()
	for name, c := range map[string]struct {
		scope   tlog.Scope
		entries int64
		says    []string
	}{
		"all":     {tlog.Scope{}, 700, []string{"第 0 至 699 条", "见证人 公证处：签到第 600 条", "见证人 市场局 没有签", "延续它", "没有发现改动"}},
		"streams": {tlog.Scope{Streams: []events.Stream{"note-3", "note-5"}}, 200, []string{"这些流的记录是否都在包里（note-3 note-5）", "没有发现改动"}},
		"days":    {tlog.Scope{From: "2026-11-01", To: "2026-11-01"}, 700, []string{"2026-11-01..2026-11-01", "没有发现改动"}},
	} {
		b := writePack(t, l, es, c.scope)
		if !bytes.Equal(b, writePack(t, l, es, c.scope)) {
			t.Errorf("%s: another pack of the same", name)
		}
		p := verifyPack(t, b, tlog.Trust{LogKey: l.Keys()[0].Text, Pinned: old.Note})
		text := strings.Join(p.Lines("zh"), "\n")
		if !p.OK() || p.Entries != c.entries || p.Checkpoint.Root != latest.Root {
			t.Errorf("%s: %d entries\n%s", name, p.Entries, text)
		}
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s does not say %q:\n%s", name, s, text)
			}
		}
		if en := p.Lines("en"); len(en) != len(p.Lines("zh")) {
			t.Errorf("%s: %q", name, en)
		}
	}
	if _, err := l.WritePack(t.Context(), io.Discard, rawOf(es), tlog.Scope{From: "2027-01-01"}); err != tlog.ErrNothing {
		t.Errorf("a pack of nothing: %v", err)
	}
	// Without knowing better, the report says that the keys are the pack's own.
	if text := strings.Join(verifyPack(t, writePack(t, l, es, tlog.Scope{}), tlog.Trust{}).Lines("zh"), "\n"); !strings.Contains(text, "公钥是不是平台的") || !strings.Contains(text, "是否延续以前的历史") {
		t.Error(text)
	}
	_, other, err := note.GenerateKey(fixed('x'), "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	if p := verifyPack(t, writePack(t, l, es, tlog.Scope{}), tlog.Trust{LogKey: other}); p.OK() {
		t.Error("a pack of somebody else's key is accepted")
	}
}

type fixed byte

func (f fixed) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(f)
	}
	return len(b), nil
}

// repack writes the files of a pack anew, changed; nil leaves one out.
func repack(t testing.TB, b []byte, change func(name string, content []byte) []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if content = change(f.Name, content); content == nil {
			continue
		}
		x, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whoever changes a pack and makes its check sums right again is found out, and
// what he changed is named.
func TestPackNamesWhatWasChanged(t *testing.T) {
	l, es, _ := witnessed(t, 700, 600)
	b := writePack(t, l, es, tlog.Scope{})
	edit := func(file string, change func([]byte) []byte) []byte {
		return repack(t, b, func(name string, content []byte) []byte {
			if name == file {
				return change(content)
			}
			return content
		})
	}
	flip := func(at int) func([]byte) []byte {
		return func(c []byte) []byte { c = slices.Clone(c); c[at] ^= 1; return c }
	}
	lines := func(c []byte) [][]byte { return bytes.SplitAfter(c, []byte("\n")) }
	id := es[123].ID.String()
	for name, c := range map[string]struct {
		pack []byte
		file string
		line int
		says string
	}{
		"a value in an entry": {edit("entries.ndjson", func(c []byte) []byte {
			return bytes.Replace(c, []byte(`{"n":123}`), []byte(`{"n":124}`), 1)
		}), "entries.ndjson", 124, "第 123 条（事件 " + id + "）"},
		"an actor": {edit("entries.ndjson", func(c []byte) []byte {
			ls := lines(c)
			ls[9] = bytes.Replace(ls[9], []byte("desk-1"), []byte("desk-2"), 1)
			return bytes.Join(ls, nil)
		}), "entries.ndjson", 10, "第 9 条"},
		"a leaf hash on a line": {edit("entries.ndjson", func(c []byte) []byte {
			ls := lines(c)
			ls[9] = bytes.Replace(ls[9], []byte(`"leafhash":"`), []byte(`"leafhash":"A`), 1)
			return bytes.Join(ls, nil)
		}), "entries.ndjson", 10, "写法有改动"},
		"an entry left out":       {edit("entries.ndjson", func(c []byte) []byte { return bytes.Join(slices.Delete(lines(c), 50, 51), nil) }), "entries.ndjson", 51, "少了第 50 至 50 条"},
		"the last entry left out": {edit("entries.ndjson", func(c []byte) []byte { return bytes.Join(slices.Delete(lines(c), 699, 700), nil) }), "entries.ndjson", 0, "应有 700 条，实有 699 条"},
		"two entries exchanged":   {edit("entries.ndjson", func(c []byte) []byte { ls := lines(c); ls[5], ls[6] = ls[6], ls[5]; return bytes.Join(ls, nil) }), "entries.ndjson", 6, "少了"},
		"a full tile":             {edit("tile/0/001", flip(33)), "tile/0/001", 0, "对不上"},
		"the tile above":          {edit("tile/1/000.p/2", flip(33)), "tile/1/000.p/2", 0, "对不上"},
		"the last tile":           {edit("tile/0/002.p/188", flip(33)), "tile/0/002.p/188", 0, "对不上"},
		"the checkpoint":          {edit("checkpoint", flip(20)), "checkpoint", 0, "签名不成立"},
		"the cosigned one":        {edit("witnessed", flip(20)), "witnessed", 0, "签名不成立"},
		"the report":              {edit("report.txt", flip(20)), "report.txt", 0, "内容与清单不符"},
		"a witness's name":        {edit("witnesses", func(c []byte) []byte { return bytes.Replace(c, []byte("公证处"), []byte("公正处"), 1) }), "witnesses", 0, "内容与清单不符"},
		"the manifest":            {edit("manifest", flip(60)), "manifest", 0, "签名不成立"},
		"a file left out":         {edit("report.txt", func([]byte) []byte { return nil }), "report.txt", 0, "缺少"},
	} {
		p := verifyPack(t, c.pack, tlog.Trust{})
		i := slices.IndexFunc(p.Faults, func(f tlog.Fault) bool { return f.File == c.file && f.Line == c.line })
		if i < 0 || !strings.Contains(p.Faults[i].Zh, c.says) {
			t.Errorf("%s: not named:\n%s", name, strings.Join(p.Lines("zh"), "\n"))
		}
		if len(p.Faults) > 3 && !strings.Contains(name, "tile") {
			t.Errorf("%s: %d faults", name, len(p.Faults))
		}
	}
	if _, err := tlog.VerifyPack(bytes.NewReader([]byte("PK nothing")), 10, tlog.Trust{}); err == nil {
		t.Error("anything is a pack")
	}
}

// No byte of a pack can be changed unseen, not even one that means nothing.
func TestEveryByteOfAPack(t *testing.T) {
	l, es, _ := witnessed(t, 12, 12)
	b := writePack(t, l, es, tlog.Scope{})
	step := 17
	if testing.Short() {
		step = 97
	}
	for at := 0; at < len(b); at += step {
		bad := slices.Clone(b)
		bad[at] ^= 4
		if p, err := tlog.VerifyPack(bytes.NewReader(bad), int64(len(bad)), tlog.Trust{}); err == nil && p.OK() {
			t.Fatalf("byte %d of %d is changed and nobody says so", at, len(b))
		}
	}
}

// A log that was replayed into another history of the same length, signed with
// the same key, makes a pack that is sound by itself; the checkpoint that an
// office kept refuses it.
func TestPinnedCheckpointRefusesAnotherHistory(t *testing.T) {
	l, es, from := witnessed(t, 700, 700)
	kept, _, _ := l.Latest()
	dir := t.TempDir()
	for _, name := range []string{"key", "keys"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range map[string]int{"of the same length": 700, "that went on": 800} {
		forged := append(slices.Clone(es), examples(n)[700:]...)
		forged[300].Data = []byte(`{"n":301}`)
		_, r := open(t, t.TempDir(), history{log: forged}, 0)
		if err := os.RemoveAll(filepath.Join(dir, "checkpoint")); err != nil {
			t.Fatal(err)
		}
		f := openLog(t, dir, r.DB)
		if err := f.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := writePack(t, f, forged, tlog.Scope{})
		if p := verifyPack(t, b, tlog.Trust{LogKey: l.Keys()[0].Text}); !p.OK() {
			t.Errorf("%s: %v", name, p.Faults)
		}
		p := verifyPack(t, b, tlog.Trust{LogKey: l.Keys()[0].Text, Pinned: kept.Note})
		if p.OK() || !strings.Contains(p.Faults[0].Zh, "有人改写过历史") {
			t.Errorf("another history %s: %v", name, p.Faults)
		}
	}
}
