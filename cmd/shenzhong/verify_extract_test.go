package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers/extract"
	"shenzhong/projections"
	"shenzhong/projections/tlog"
)

// TestVerifyExtract: a table that left the console checks as written; a changed
// cell is named in the reader's language, and any other file is left to others.
func TestVerifyExtract(t *testing.T) {
	table := extract.Table{Name: "ledger", Made: time.Date(2026, 11, 23, 2, 25, 0, 0, time.UTC), Columns: []extract.Column{{Key: "points", Label: "分 points", Kind: extract.Count}},
		Rows: []extract.Row{{Cells: []any{-10}, Event: uuid.MustParse("0199c3f1-77ad-7000-8000-000000000001")}}}
	log, err := tlog.OpenLog(tlog.LogConfig{Dir: t.TempDir(), Origin: "log.example/tlog", DB: emptyTree(t)})
	if err == nil {
		err = log.Publish(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := table.Seal(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sealed.CSV()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		file []byte
		mine bool
		code int
		zh   string
	}{
		{"as written", b, true, 0, "清单的签名有效"},
		{"one cell", bytes.Replace(b, []byte("\n-10,"), []byte("\n-1,"), 1), true, exitDiffers, "A2"},
		{"another file", []byte("a,b\n"), false, 0, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.csv")
			if err := os.WriteFile(path, x.file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, lang := range []string{"zh", "en"} {
				var out bytes.Buffer
				mine, err := verifyExtract(&console{out: &out, err: &out, lang: lang}, path, tlog.Trust{})
				if mine != x.mine || (err == nil) != (x.code == 0) || lang == "zh" && !strings.Contains(out.String(), x.zh) {
					t.Errorf("%s: %v %v: %s", lang, mine, err, out.String())
				}
				if mine && !strings.Contains(out.String(), map[string]string{"zh": "没有核对", "en": "Not checked"}[lang]) {
					t.Errorf("%s does not say what was not checked: %s", lang, out.String())
				}
			}
		})
	}
}

// emptyTree is the tree of a log without events.
func emptyTree(t *testing.T) projections.Querier {
	t.Helper()
	runner, err := projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: memory.New(), Registry: projections.Registry(events.NewMemoryKeys()), Projections: []projections.Projection{tlog.Projection{}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runner.Close() })
	return runner.Read(tlog.Name)
}
