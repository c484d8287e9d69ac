package natsstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

func TestOneProcessAtATime(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	if _, err := natsstore.Open(t.Context(), cfg); !errors.Is(err, natsstore.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg)
}

func TestAMissingLogIsNotMadeUnlessAsked(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Init = false
	if _, err := natsstore.Open(t.Context(), cfg); !errors.Is(err, natsstore.ErrNoLog) {
		t.Errorf("empty directory: %v", err)
	}
	cfg.Dir = filepath.Join(t.TempDir(), "nowhere")
	if _, err := natsstore.Open(t.Context(), cfg); !errors.Is(err, natsstore.ErrNoLog) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := os.Stat(cfg.Dir); err == nil {
		t.Error("the directory was made all the same")
	}
}

// filled makes a store with some events in dir and closes it.
func filled(t *testing.T, cfg natsstore.Config, n int) []events.Recorded {
	t.Helper()
	s := open(t, cfg)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range n / 8 {
				if _, _, err := s.Append(context.Background(), events.Stream(fmt.Sprintf("plot-%d.%d", w, i)), events.NoStream, eventstest.News(1+i%3)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all := eventstest.FollowAll(t, s, 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRawGivesTheLogItself(t *testing.T) {
	cfg := config(t.TempDir())
	all := filled(t, cfg, 80)
	s := open(t, cfg)
	for _, after := range []int{-1, 0, 7, len(all) - 1} {
		var from events.Position
		if after >= 0 {
			from = all[after].Position
		}
		var got []events.Recorded
		for r, err := range s.Raw(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if len(got) != len(all)-after-1 {
			t.Fatalf("after %d: %d events, want %d", from, len(got), len(all)-after-1)
		}
		for i, r := range got {
			if want := all[after+1+i]; r.ID != want.ID || r.Position != want.Position || r.Revision != want.Revision || !bytes.Equal(r.Data, want.Data) || !r.At.Equal(want.At) || r.Meta != want.Meta {
				t.Fatalf("the log has %+v, the index %+v", r, want)
			}
		}
	}
}

// index opens the index file as an intruder would.
func index(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Exec(statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := r.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", statement)
	}
}

func TestVerifyFindsEveryChangeOfTheIndex(t *testing.T) {
	at := func(all []events.Recorded) int64 { return int64(all[len(all)/2].Position) }
	for name, change := range map[string]func(t *testing.T, dir string, all []events.Recorded){
		"data changed": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `UPDATE event SET row = CAST(substr(row, 1, length(row) - 1) || ')' AS BLOB) WHERE position = ? AND substr(row, -1) = CAST('}' AS BLOB)`, at(all))
		},
		"head changed": func(t *testing.T, dir string, all []events.Recorded) {
			// A byte of the event's id, which is chance: it may be the zero that would change nothing.
			index(t, dir, `UPDATE event SET row = CAST(substr(row, 1, 21) || CASE substr(row, 22, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(row, 23) AS BLOB) WHERE position = ?`, at(all))
		},
		"row cut": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `UPDATE event SET row = substr(row, 1, length(row) - 1) WHERE position = ?`, at(all))
		},
		"row too long": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `UPDATE event SET row = CAST(row || row AS BLOB) WHERE position = ?`, at(all))
		},
		"row missing": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `DELETE FROM event WHERE position = ?`, at(all))
		},
		"row added": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `INSERT INTO event SELECT ?1 + 100, stream, row FROM event WHERE position = ?1`, at(all))
		},
		"rows swapped": func(t *testing.T, dir string, all []events.Recorded) {
			index(t, dir, `UPDATE event SET row = (SELECT row FROM event WHERE position = ?) WHERE position = ?`, int64(all[0].Position), int64(all[len(all)/2].Position))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			all := filled(t, cfg, 80)
			s := open(t, cfg)
			change(t, cfg.Dir, all) // while it runs: at its next start the tail would be found wrong and built again
			rep, err := s.Verify(t.Context(), nil)
			d, ok := errors.AsType[*natsstore.Difference](err)
			if !ok || rep.Differences == 0 {
				t.Fatalf("verify: %+v, %v", rep, err)
			}
			if want := all[len(all)/2].Position; d.Position != want && d.Position != want+100 {
				t.Errorf("found at %d, changed at %d: %v", d.Position, want, d)
			}
		})
	}
}

func TestTheIndexIsRebuilt(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"deleted": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"not a database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another version": func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(`PRAGMA user_version = 99`); err != nil {
				t.Fatal(err)
			}
		},
		"torn pages": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 3*4096), 4096); err != nil {
				t.Fatal(err)
			}
		},
		"tail wrong": func(t *testing.T, path string) {
			index(t, filepath.Dir(path), `DELETE FROM event WHERE position = (SELECT max(position) - 256*5 FROM event) OR position IN (SELECT position FROM event ORDER BY position DESC LIMIT 3 OFFSET 5)`)
		},
		"machine went down": func(t *testing.T, path string) { // its writes may be gone; here they even are
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "index.open"), []byte("another boot\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			index(t, filepath.Dir(path), `DELETE FROM event WHERE position % 7 = 0`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			all := filled(t, cfg, 160)
			harm(t, filepath.Join(cfg.Dir, "index.db"))
			s := open(t, cfg)
			if got := eventstest.FollowAll(t, s, 0); len(got) != len(all) {
				t.Errorf("%d events, want %d", len(got), len(all))
			}
			if rep := verify(t, s); rep.Events != uint64(len(all)) {
				t.Errorf("verified %d events, want %d", rep.Events, len(all))
			}
		})
	}
}

func TestTheIndexOfAnotherLogIsRefused(t *testing.T) {
	a, b := config(t.TempDir()), config(t.TempDir())
	filled(t, a, 8)
	filled(t, b, 8)
	if err := os.Rename(filepath.Join(a.Dir, "index.db"), filepath.Join(b.Dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	if s, err := natsstore.Open(t.Context(), b); err == nil {
		defer s.Close()
		t.Error("it was opened")
	} else if !strings.Contains(err.Error(), "another log") {
		t.Errorf("open: %v", err)
	}
}

// blocks are the log's files.
func blocks(t *testing.T, dir, stream string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", stream, "msgs", "*.blk"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no block files in %s: %v", dir, err)
	}
	return paths
}

// sound opens the store and verifies it; an error of either is the answer.
func sound(t *testing.T, cfg natsstore.Config) error {
	t.Helper()
	s, err := natsstore.Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Verify(t.Context(), nil)
	return err
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAFlippedByteOfTheLogIsFound flips one byte of a block file, in turn at
// places all over it, and opens the store anew.
func TestAFlippedByteOfTheLogIsFound(t *testing.T) {
	cfg := config(t.TempDir())
	filled(t, cfg, 80)
	block := blocks(t, cfg.Dir, "sz")[0]
	whole, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := sound(t, cfg); err != nil {
		t.Fatalf("before the damage: %v", err)
	}
	rel, err := filepath.Rel(cfg.Dir, block)
	if err != nil {
		t.Fatal(err)
	}
	var starts []int
	for at := 0; at < len(whole); at += int(binary.LittleEndian.Uint32(whole[at:]) &^ (1 << 31)) {
		starts = append(starts, at)
	}
	var places []int
	for i := range 22 { // of a record's own head: length, number, time, length of the subject
		places = append(places, starts[rand.IntN(len(starts))]+i)
	}
	for _, start := range []int{starts[0], starts[len(starts)-1]} {
		places = append(places, start, start+4, start+7, start+11)
	}
	for range 16 {
		places = append(places, rand.IntN(len(whole)))
	}
	for _, at := range append(places, len(whole)-1) {
		bad := cfg
		bad.Dir = copyDir(t, cfg.Dir)
		b := bytes.Clone(whole)
		b[at] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(filepath.Join(bad.Dir, rel), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sound(t, bad); err == nil {
			t.Errorf("byte %d of %d flipped (%x to %x), nothing found", at, len(whole), whole[at], b[at])
		}
	}
}

// TestALogThatLostItsEndIsNotRepairedAway: whatever the server makes of a
// shortened file, the store says that events are missing, and keeps saying it.
func TestALogThatLostItsEndIsNotRepairedAway(t *testing.T) {
	for name, forget := range map[string]bool{"with the server's notes": false, "without the server's notes": true} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			filled(t, cfg, 80)
			block := blocks(t, cfg.Dir, "sz")[0]
			st, err := os.Stat(block)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(block, st.Size()/2); err != nil {
				t.Fatal(err)
			}
			if forget { // of where its log ends: it then takes the file for the whole log
				if err := os.Remove(filepath.Join(filepath.Dir(block), "index.db")); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				err := sound(t, cfg)
				if err == nil {
					t.Fatal("the loss was repaired away")
				}
				if l, ok := errors.AsType[*natsstore.LossError](err); forget && (!ok || l.Log >= l.Index) {
					t.Errorf("a log that ends early opens: %v", err)
				}
			}
			// After a power loss too: the index is in doubt then, but not so much.
			if err := os.WriteFile(filepath.Join(cfg.Dir, "index.open"), []byte("another boot\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := sound(t, cfg); err == nil {
				t.Fatal("after a power loss it was repaired away")
			}
			if !forget {
				return
			}
			// An operator who means it moves the index away.
			if err := os.Remove(filepath.Join(cfg.Dir, "index.db")); err != nil {
				t.Fatal(err)
			}
			if err := sound(t, cfg); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReady(t *testing.T) {
	s := open(t, config(t.TempDir()))
	_, pos, err := s.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(2)...)
	if err != nil {
		t.Fatal(err)
	}
	eventstest.LoadAll(t, s, "plot-1")
	r, err := s.Ready(t.Context())
	if err != nil || r.Log != 1 || r.Indexed != 1 || r.Damage != nil {
		t.Errorf("ready: %+v, %v", r, err)
	}
	if p, err := s.Position(t.Context()); err != nil || p != pos {
		t.Errorf("position %d, %v, want %d", p, err, pos)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Append(t.Context(), "plot-2", events.NoStream, eventstest.News(1)...); !errors.Is(err, natsstore.ErrClosed) {
		t.Errorf("append to a closed store: %v", err)
	}
}
