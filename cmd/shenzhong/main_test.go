package main

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// The scripts and the kill test run the program as a process of its own: the
// test binary under the name shenzhong.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shenzhong": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("DOLLAR", "$")
			for _, k := range []string{"GOGC", "GOMEMLIMIT", "GORACE"} { // as for every other process of the tests
				if v, ok := os.LookupEnv(k); ok {
					e.Setenv(k, v)
				}
			}
			e.Setenv("SHENZHONG_LANG", "en")
			e.Setenv("SHENZHONG_MASTER_KEY", filepath.Join(e.WorkDir, "master.key"))
			e.Setenv("HOME", e.WorkDir)
			policy, err := os.ReadFile(filepath.Join("..", "..", "domain", "credit", "credit_rules.json"))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, "policy.json"), policy, 0o644); err != nil {
				return err
			}
			// The real lists, as their files are.
			return os.CopyFS(filepath.Join(e.WorkDir, "demo"), os.DirFS("demo"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "normal": normal, "filled": filled, "sql": sqlExec, "flip": flip, "bigfile": bigFile,
			"freeport": freePort, "get": get, "edit": edit,
		},
	})
}

// exits CODE PROGRAM ARGS… runs a program that must end with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if ee, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ee.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if (got == want) == neg {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// normal IN OUT writes an exported log as simulate's doc comment compares it:
// by stream, without recording times, revisions, positions and sealed boxes.
func normal(ts *testscript.TestScript, _ bool, args []string) {
	in, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	lines, err := normalized(in)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "\n")), 0o644))
}

// filled IN OUT writes an exported log without what reactions added to it: how
// far they came before a stop is nobody's promise.
func filled(ts *testscript.TestScript, _ bool, args []string) {
	in, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	var out strings.Builder
	for sc := lineScanner(in); sc.Scan(); {
		var v struct{ Actor string }
		ts.Check(json.Unmarshal(sc.Bytes(), &v))
		if !strings.HasPrefix(v.Actor, "policy:") {
			out.WriteString(sc.Text() + "\n")
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out.String()), 0o644))
}

func normalized(in io.Reader) ([]string, error) {
	type event struct{ stream, line string }
	var es []event
	for sc := lineScanner(in); sc.Scan(); {
		var v map[string]any
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			return nil, err
		}
		for _, k := range []string{"position", "revision", "recordedat"} {
			delete(v, k)
		}
		unseal(v["data"])
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		es = append(es, event{v["subject"].(string), string(b)})
	}
	slices.SortStableFunc(es, func(a, b event) int { return cmp.Compare(a.stream, b.stream) })
	var ls []string
	for _, e := range es {
		ls = append(ls, e.line)
	}
	return ls, nil
}

// unseal takes sealed boxes, which have random nonces, out of event data.
func unseal(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["subject"]; ok && v["sealed"] != nil {
			delete(v, "sealed")
		}
		for _, x := range v {
			unseal(x)
		}
	case []any:
		for _, x := range v {
			unseal(x)
		}
	}
}

func lineScanner(in io.Reader) *bufio.Scanner {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 16<<20)
	return sc
}

// sql GLOB STATEMENT changes the one database file that the pattern names.
func sqlExec(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", theFile(ts, args[0]))
	ts.Check(err)
	defer db.Close()
	r, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("%d rows changed, %v", n, err)
	}
}

func theFile(ts *testscript.TestScript, pattern string) string {
	fs, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	if len(fs) != 1 {
		ts.Fatalf("%s is %d files", pattern, len(fs))
	}
	return fs[0]
}

// flip GLOB FRACTION changes one byte that far into a file, "1/2".
func flip(ts *testscript.TestScript, _ bool, args []string) {
	at, ok := new(big.Rat).SetString(args[1])
	if !ok {
		ts.Fatalf("%s is no fraction", args[1])
	}
	f, _ := at.Float64()
	ts.Check(flipByte(theFile(ts, args[0]), f))
}

func flipByte(path string, fraction float64) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[min(len(b)-1, int(float64(len(b))*fraction))] ^= 0x10
	return os.WriteFile(path, b, 0o644)
}

// bigfile PATH BYTES makes a JSON file of that size.
func bigFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(`{"institution": "`+strings.Repeat("x", n)+`"}`), 0o644))
}

// edit FILE OLD NEW replaces the first OLD in a file.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(b), args[1]) {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.Replace(string(b), args[1], args[2], 1)), 0o644))
}

// freeport VAR puts a port that nobody listens on into a variable.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], fmt.Sprint(ln.Addr().(*net.TCPAddr).Port))
	ts.Check(ln.Close())
}

// get URL STATUS [TEXT…] asks until somebody answers, at most two minutes, and
// looks for the texts in the answer, which the file "got" then holds.
func get(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
		ts.Check(err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			select {
			case <-ctx.Done():
				ts.Fatalf("%s: nobody answers: %v", args[0], err)
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		ts.Check(err)
		if fmt.Sprint(res.StatusCode) != args[1] {
			ts.Fatalf("%s: %s\n%s", args[0], res.Status, body)
		}
		for _, text := range args[2:] {
			if !strings.Contains(string(body), text) {
				ts.Fatalf("%s: no %q in\n%.3000s", args[0], text, body)
			}
		}
		ts.Check(os.WriteFile(ts.MkAbs("got"), body, 0o644))
		return
	}
}
