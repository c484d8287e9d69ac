package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shenzhong runs the program in a process of its own.
func shenzhong(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("shenzhong", args...)
	cmd.Env = append(os.Environ(), "SHENZHONG_LANG=en", "SHENZHONG_DATA="+filepath.Join(dir, "city"), "SHENZHONG_MASTER_KEY="+filepath.Join(dir, "master.key"))
	return cmd
}

// must runs it to its end and answers with what it wrote to standard output.
func must(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := shenzhong(t, dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("shenzhong %s: %v\n%s\n%s", strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

const kills = 50

// TestKill kills a simulation fifty times, at moments spread over its whole
// course, and starts it again each time. Afterwards every append that a killed
// process saw acknowledged is in the log once, at the revision that was
// acknowledged; no event is there twice; the log holds exactly the events of a
// simulation that nobody killed; and verify agrees.
func TestKill(t *testing.T) {
	t.Parallel()
	dir, whole := t.TempDir(), t.TempDir()
	args := []string{"simulate", "--init", "--cases", "30", "--parallel", "32", "--seed", "7"}
	key := []byte(strings.Repeat("5a", 32) + "\n") // the same persons in both
	for _, d := range []string{dir, whole} {
		if err := os.WriteFile(filepath.Join(d, "master.key"), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, whole, args...)
	want, err := normalized(bytes.NewReader(must(t, whole, "export", "log")))
	if err != nil {
		t.Fatal(err)
	}

	acks := filepath.Join(dir, "acks")
	r := rand.New(rand.NewPCG(1, 2))
	grown := 0
	for n := 1; n <= kills; n++ {
		// Each run is killed as soon as it got a random number of appends further
		// than the one before: so the kills fall all over the work, however fast
		// the machine is. Now and then it is killed before it got anywhere.
		aim := acked(t, acks) + r.IntN(2*len(want)/kills)
		cmd := shenzhong(t, dir, append(args, "--acks", acks)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		early := time.After(time.Duration(r.IntN(1500)) * time.Millisecond)
		if n%5 != 0 {
			early = nil
		}
		over := time.After(2 * time.Minute)
	watch:
		for {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("run %d ended by itself: %v\n%s", n, err, errs.Bytes())
				}
				ended <- nil
				break watch // it was done already
			case <-early:
				break watch
			case <-over:
				t.Fatalf("run %d does not get on\n%s", n, errs.Bytes())
			case <-time.After(2 * time.Millisecond):
				if acked(t, acks) >= aim {
					break watch
				}
			}
		}
		if err := cmd.Process.Kill(); err == nil {
			grown++
		}
		<-ended
	}
	t.Logf("%d of %d runs were killed, %d of %d events acknowledged by then", grown, kills, acked(t, acks), len(want))

	// The last start finishes the work.
	must(t, dir, args...)
	exported := must(t, dir, "export", "log")
	got, err := normalized(bytes.NewReader(exported))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d events after the kills, %d without", len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("first difference:\n%.500s\n%.500s", got[i], want[i])
			}
		}
	}
	type place struct{ stream, revision, command, id string }
	var stored = map[string]place{}
	for sc := lineScanner(bytes.NewReader(exported)); sc.Scan(); {
		var e struct{ ID, Subject, Revision, Command string }
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if _, twice := stored[e.ID]; twice {
			t.Errorf("event %s is in the log twice", e.ID)
		}
		stored[e.ID] = place{e.Subject, e.Revision, e.Command, e.ID}
	}
	b, err := os.ReadFile(acks)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if last := len(lines) - 1; strings.Count(lines[last], "\t") != 3 { // killed while writing
		lines = lines[:last]
	}
	ends := map[string]string{} // command and stream to the revision after the append
	for _, l := range lines {
		p := strings.Split(l, "\t")
		if len(p) != 4 {
			t.Fatalf("acknowledgement %q", l)
		}
		e, ok := stored[p[3]]
		if !ok || e.stream != p[0] || e.command != p[2] {
			t.Errorf("acknowledged event %s of %s is missing", p[3], p[0])
		}
		// The revision is that of the append's last event.
		ends[p[0]+" "+p[2]] = p[1]
		if len(p[1]) == 0 {
			t.Errorf("acknowledgement without revision: %q", l)
		}
	}
	seen := map[string]bool{}
	for _, e := range stored {
		if rev, ok := ends[e.stream+" "+e.command]; ok && e.revision == rev {
			seen[e.stream+" "+e.command] = true
		}
	}
	for k, rev := range ends {
		if !seen[k] {
			t.Errorf("the append of %s was acknowledged at revision %s, where it is not", k, rev)
		}
	}
	must(t, dir, "verify")
}

// acked counts the acknowledged events so far.
func acked(t *testing.T, path string) int {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

// TestFlippedByte changes one byte of the log, at many places, and expects
// verify to say so: exit code 3, never 0.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, "simulate", "--init", "--cases", "15", "--seed", "5")
	must(t, dir, "verify")
	blocks, err := filepath.Glob(filepath.Join(dir, "city", "log", "nats", "jetstream", "*", "streams", "sz", "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatal(blocks, err)
	}
	rel, err := filepath.Rel(dir, blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []float64{0, 0.0001, 0.01, 0.13, 0.25, 0.37, 0.5, 0.62, 0.75, 0.88, 0.99, 0.9999, 1} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(copied, "master.key"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := flipByte(filepath.Join(copied, rel), at); err != nil {
				t.Fatal(err)
			}
			cmd := shenzhong(t, copied, "verify")
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != exitDiffers {
				t.Errorf("exit code %d, want %d: %v\n%s", code, exitDiffers, err, out)
			}
		})
	}
}
