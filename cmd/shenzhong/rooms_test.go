package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The agreed folders and files of the repository's top level.
var topLevel = []string{".ci", ".git", ".gitignore", "LICENSE", "README.md", "cmd", "deploy", "domain", "events", "go.mod", "go.sum", "handlers", "projections"}

func TestTopLevel(t *testing.T) {
	root := filepath.Join("..", "..")
	// What git ignores (data of a demo, a built binary) is nobody's room.
	ignored := map[string]bool{}
	if out, err := exec.Command("git", "-C", root, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "--no-empty-directory").Output(); err == nil {
		for l := range strings.Lines(string(out)) {
			ignored[strings.Trim(strings.TrimSpace(l), "/")] = true
		}
	}
	es, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if !slices.Contains(topLevel, e.Name()) && !ignored[e.Name()] {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

// mayImport says, for each room, which rooms of this module it may import. A
// room is a package path without the module's name; "x/*" is every package
// below x, "x/..." is x and everything below it.
var mayImport = []struct {
	room string
	may  []string
}{
	{"domain", nil},
	{"domain/domaintest", []string{"domain"}},
	{"domain/*", []string{"domain"}}, // contexts never import each other
	{"events", []string{"domain"}},
	{"events/eventstest", []string{"events", "domain"}},
	{"events/*", []string{"events", "domain"}}, // a store never imports a context, nor another store
	{"projections", []string{"events", "domain/..."}},
	{"projections/*", []string{"projections", "events", "domain/..."}},
	{"handlers", []string{"projections/...", "events", "domain/..."}}, // no driver
	{"handlers/*", []string{"handlers/...", "projections/...", "events", "domain/..."}},
	{"cmd/shenzhong", []string{"handlers/...", "projections/...", "events/...", "domain/..."}},
}

// In tests a package may use the test helpers and any store.
var testsMayImport = []string{"domain/domaintest", "events/eventstest", "events/memory", "events/natsstore"}

func covers(pattern, room string) bool {
	if p, ok := strings.CutSuffix(pattern, "/..."); ok {
		return room == p || strings.HasPrefix(room, p+"/")
	}
	if p, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(room, p+"/")
	}
	return room == pattern
}

func TestRooms(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	own := func(path string) (string, bool) {
		return strings.CutPrefix(path, "shenzhong/")
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		room, _ := own(p.ImportPath)
		seen++
		i := slices.IndexFunc(mayImport, func(r struct {
			room string
			may  []string
		}) bool {
			return covers(r.room, room)
		})
		if i < 0 {
			t.Errorf("package %s is in no agreed room", p.ImportPath)
			continue
		}
		check := func(imports, may []string, kind string) {
			for _, imp := range imports {
				target, ours := own(imp)
				// What is internal to a room is that room.
				if ours && target != room && !strings.HasPrefix(target, room+"/internal/") && !slices.ContainsFunc(may, func(m string) bool { return covers(m, target) }) {
					t.Errorf("%s%s imports %s, which its room may not", room, kind, target)
				}
			}
		}
		check(p.Imports, mayImport[i].may, "")
		forTests := slices.Concat(mayImport[i].may, testsMayImport)
		check(p.TestImports, forTests, " (test)")
		// A test from outside stands above its package, and may use what is below it.
		check(p.XTestImports, append(forTests, room+"/..."), " (test)")
	}
	if seen < 15 {
		t.Errorf("go list showed only %d packages", seen)
	}
}
