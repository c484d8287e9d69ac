package web

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/tlog"
)

// A tree is a small log of invented events with its checkpoints.
type tree struct {
	store  *memory.Store
	runner *projections.Runner
	log    *tlog.Log
	dir    string
}

// event is the id of the i-th invented event.
func (*tree) event(i int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)) }

func (x *tree) grow(t testing.TB, from, to int) {
	t.Helper()
	var at events.Position
	for i := from; i < to; i++ {
		var err error
		if _, at, err = x.store.Append(t.Context(), events.Stream(fmt.Sprintf("note-%d", i)), events.NoStream, events.New{ID: x.event(i), Type: "test.noted.v1", Data: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.runner.Wait(t.Context(), tlog.Name, at); err != nil {
		t.Fatal(err)
	}
	if err := x.log.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func exampleTree(t testing.TB) *tree {
	t.Helper()
	x := &tree{store: memory.New(), dir: t.TempDir()}
	var err error
	x.runner, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: x.store, Registry: projections.Registry(events.NewMemoryKeys()), Projections: []projections.Projection{tlog.Projection{}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.runner.Close() })
	_, logKey, err := note.GenerateKey(rand.Reader, "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	w, err := tlog.OpenWitness(tlog.WitnessConfig{Log: "http://127.0.0.1", LogKey: logKey, Key: filepath.Join(t.TempDir(), "key"), Name: "notary.example/w1", State: filepath.Join(t.TempDir(), "state")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, "witnesses"), []byte(w.Key()+" 公证处（演示）\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if x.log, err = tlog.OpenLog(tlog.LogConfig{Dir: x.dir, Origin: "log.example/tlog", DB: x.runner.Read(tlog.Name)}); err != nil {
		t.Fatal(err)
	}
	x.grow(t, 0, 300)
	return x
}

func treeServer(t testing.TB, x *tree) *httptest.Server {
	t.Helper()
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, Site{Tree: true})
	h := New(r, sources["full"](r))
	srv := httptest.NewServer(handlers.New(handlers.Config{Accounts: accounts, Web: h, Pages: []handlers.Mount{NewTransparency(h, x.log)}, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(srv.Close)
	return srv
}

func fetch(t testing.TB, at string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

// A second office watches over the net: it signs, its signature is shown, and
// another history under the same name is refused, with the evidence kept.
func TestWitnessOverHTTP(t *testing.T) {
	x := exampleTree(t)
	srv := treeServer(t, x)
	dir := t.TempDir()
	open := func(at string) *tlog.Witness {
		t.Helper()
		w, err := tlog.OpenWitness(tlog.WitnessConfig{Log: at + "/tlog", LogKey: x.log.Keys()[0].Text, Key: filepath.Join(dir, "key"), Name: "notary.example/w1", State: filepath.Join(dir, "state")})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := open(srv.URL)
	if _, err := w.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "witness_unknown") {
		t.Fatalf("a witness that is not registered: %v", err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, "witnesses"), []byte(w.Key()+" 公证处（演示）\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if x.log, err = tlog.OpenLog(tlog.LogConfig{Dir: x.dir, DB: x.runner.Read(tlog.Name)}); err != nil {
		t.Fatal(err)
	}
	srv = treeServer(t, x)
	if _, page, _ := fetch(t, srv.URL+"/tlog"); !strings.Contains(page, "还没有签过") || !strings.Contains(page, "公证处（演示）") {
		t.Error("the page does not say that the witness has not signed")
	}
	for n := 300; n < 302; n++ { // twice: the second round proves consistency
		if s, err := open(srv.URL).Round(t.Context()); err != nil || s.Size != int64(n) {
			t.Fatalf("round: %v, %d", err, s.Size)
		}
		if _, page, _ := fetch(t, srv.URL+"/tlog"); !strings.Contains(page, fmt.Sprintf("全部 %d 条", n)) {
			t.Errorf("the page does not show the cosignature of %d", n)
		}
		if _, note, _ := fetch(t, srv.URL+"/tlog/checkpoint"); strings.Count(note, "\n— ") != 2 {
			t.Errorf("checkpoint:\n%s", note)
		}
		x.grow(t, n, n+1)
	}
	if _, page, _ := fetch(t, srv.URL+"/tlog"); !strings.Contains(page, "后面有 1 条还没有签") {
		t.Error("the page does not say what is not signed yet")
	}
	if _, note, _ := fetch(t, srv.URL+"/tlog/checkpoint/witnessed"); !strings.Contains(note, "log.example/tlog\n301\n") || strings.Count(note, "\n— ") != 2 {
		t.Errorf("witnessed:\n%s", note)
	}
	// Another history of the same length, signed with the same key.
	other := &tree{store: memory.New(), dir: t.TempDir()}
	if other.runner, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: other.store, Registry: projections.Registry(events.NewMemoryKeys()), Projections: []projections.Projection{tlog.Projection{}}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.runner.Close() })
	for _, name := range []string{"key", "keys", "witnesses"} {
		b, err := os.ReadFile(filepath.Join(x.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other.dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if other.log, err = tlog.OpenLog(tlog.LogConfig{Dir: other.dir, DB: other.runner.Read(tlog.Name)}); err != nil {
		t.Fatal(err)
	}
	other.grow(t, 0, 302)
	forged := treeServer(t, other)
	if _, err := open(forged.URL).Round(t.Context()); !strings.Contains(fmt.Sprint(err), tlog.ErrRewritten.Error()) {
		t.Fatalf("another history of the same length: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "state.conflict"))
	if _, note, _ := fetch(t, forged.URL+"/tlog/checkpoint"); err != nil || string(b) != note {
		t.Errorf("the evidence is not kept: %v", err)
	}
	// Nor does the log take back what the other one had signed.
	if res, err := http.Post(srv.URL+"/tlog/cosignatures", textKind, bytes.NewReader(b)); err != nil || res.StatusCode/100 == 2 {
		t.Errorf("%v, %v", res.Status, err)
	}
}

// Whoever asks gets proofs of an event by any of its names, and of two sizes.
func TestTreeQuestions(t *testing.T) {
	x := exampleTree(t)
	srv := treeServer(t, x)
	leaf, err := x.log.Reader().Leaf(t.Context(), x.event(70))
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, q := range []string{"event=" + x.event(70).String(), fmt.Sprintf("position=%d", leaf.Position), "index=70"} {
		status, body, _ := fetch(t, srv.URL+"/tlog/inclusion.json?"+q)
		var in inclusionBody
		if err := json.Unmarshal([]byte(body), &in); status != 200 || err != nil || in.Index != 70 || in.Size != 300 || in.Leaf != leaf.Hash.String() || len(in.Proof) != 9 {
			t.Errorf("%s: %d %s", q, status, body)
		}
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("%s: another answer", q)
		}
	}
	for at, want := range map[string]int{
		"/tlog/proof?index=70":                   200,
		"/tlog/proof?index=300":                  404,
		"/tlog/proof?event=nobody":               404,
		"/tlog/proof":                            422,
		"/tlog/inclusion.json?index=70&size=70":  404,
		"/tlog/inclusion.json?index=70&size=301": 422,
		"/tlog/consistency.json?from=7&to=300":   200,
		"/tlog/consistency.json?from=8&to=7":     422,
		"/tlog/consistency.json?from=x":          422,
		"/tlog/tile/0/000":                       200,
		"/tlog/tile/0/001.p/44":                  200,
		"/tlog/tile/0/001.p/45":                  404,
		"/tlog/tile/0/1.p/44":                    404,
		"/tlog/tile/1/000.p/1":                   200,
		"/tlog/tile/2/000":                       404,
		"/tlog/tile/entries/000":                 404,
		"/tlog/checkpoint/witnessed":             404,
		"/tlog/keys":                             200,
		"/tlog":                                  200,
	} {
		if status, body, _ := fetch(t, srv.URL+at); status != want {
			t.Errorf("%s: %d %s", at, status, body)
		}
	}
	// What the page offers to copy works as it stands.
	_, page, _ := fetch(t, srv.URL+"/tlog")
	offered := regexp.MustCompile(`>(http[^<]+json[^<]+)</a>`).FindAllStringSubmatch(page, -1)
	if len(offered) != 2 || !strings.Contains(html.UnescapeString(page), `urlopen("`+srv.URL+`/tlog/inclusion.json?index=299&size=300")`) {
		t.Fatalf("the page offers %q", offered)
	}
	signed, _, _ := x.log.Latest()
	for _, m := range offered {
		status, body, _ := fetch(t, html.UnescapeString(m[1]))
		if status != 200 || !strings.Contains(body, signed.Root.String()) || !strings.Contains(body, `"proof":["`) {
			t.Errorf("%s: %d %s", m[1], status, body)
		}
	}
	_, tile, header := fetch(t, srv.URL+"/tlog/tile/0/001.p/44")
	if len(tile) != 44*32 || header.Get("Content-Type") != "application/octet-stream" || !strings.Contains(header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d bytes, %v", len(tile), header)
	}
}
