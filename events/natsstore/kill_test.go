package natsstore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

const victimDir = "NATSSTORE_VICTIM_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
		return
	}
	os.Exit(m.Run())
}

// An acknowledgement is what the victim was promised, one line each.
type acknowledgement struct {
	Stream   events.Stream
	Revision events.Revision
	Events   []uuid.UUID
	Person   domain.Subject `json:",omitempty"` // whose key was made, or
	Forgot   domain.Subject `json:",omitempty"` // erased
}

// victim appends until it is killed: few callers or many, so that single
// publishes and groups are both under the knife, events by one and by three,
// keys made and erased among them.
func victim(dir string) {
	die := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	cfg := config(dir)
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	s, err := natsstore.Open(context.Background(), cfg)
	if err != nil {
		die(err)
	}
	ctx := context.Background()
	var mu sync.Mutex
	say := func(a acknowledgement) {
		b, err := json.Marshal(a)
		if err != nil {
			die(err)
		}
		mu.Lock()
		defer mu.Unlock()
		os.Stdout.Write(append(b, '\n'))
	}
	life := uuid.NewString()
	fmt.Println("ready")
	for w := range []int{4, 100}[rand.IntN(2)] {
		go func() {
			for n := 0; ; n++ {
				st := events.Stream(fmt.Sprintf("case-%s.%d.%d", life, w, n/5))
				rev := events.NoStream
				for range 5 {
					es := eventstest.News(1 + rand.IntN(2)*2)
					a := acknowledgement{Stream: st}
					for _, e := range es {
						a.Events = append(a.Events, e.ID)
					}
					next, _, err := s.Append(ctx, st, rev, es...)
					if err != nil {
						die(err)
					}
					rev, a.Revision = next, next
					say(a)
					n++
				}
				if w == 0 {
					p := domain.Subject(uuid.NewString())
					if _, err := s.Keys().Key(ctx, p, true); err != nil {
						die(err)
					}
					say(acknowledgement{Person: p})
					if n%2 == 0 {
						if err := s.Keys().Forget(ctx, p); err != nil {
							die(err)
						}
						say(acknowledgement{Forgot: p})
					}
				}
			}
		}()
	}
	select {}
}

// kill starts a victim on dir, kills it at a random moment and answers with
// what it was promised.
func kill(t *testing.T, dir string) []acknowledgement {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []acknowledgement
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // a line cut short was not said
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(line) == "ready\n" {
			time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
			continue
		}
		var a acknowledgement
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		said = append(said, a)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() == 3 || stderr.Len() > 0 {
		t.Fatalf("the victim ended by itself: %v\n%s", err, &stderr)
	}
	return said
}

// TestKilledAtAnyMoment: nothing acknowledged is missing, nothing is there
// twice, appends are whole, and the index agrees with the log.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	var said []acknowledgement
	for round := range 12 {
		said = append(said, kill(t, dir)...)
		s := open(t, config(dir))
		verify(t, s)
		seen := map[uuid.UUID]bool{}
		revisions := map[events.Stream]map[events.Revision]uuid.UUID{}
		for _, r := range eventstest.FollowAll(t, s, 0) {
			if seen[r.ID] {
				t.Fatalf("round %d: event %s is there twice", round, r.ID)
			}
			seen[r.ID] = true
			if revisions[r.Stream] == nil {
				revisions[r.Stream] = map[events.Revision]uuid.UUID{}
			}
			revisions[r.Stream][r.Revision] = r.ID
		}
		forgot := map[domain.Subject]bool{}
		for _, a := range said {
			forgot[a.Forgot] = true
		}
		for _, a := range said {
			for i, id := range a.Events {
				if !seen[id] {
					t.Errorf("round %d: event %d of %s was acknowledged and is missing", round, i, a.Stream)
				}
			}
			if n := len(a.Events); n > 0 && revisions[a.Stream][a.Revision] != a.Events[n-1] {
				t.Errorf("round %d: %s is not at %d", round, a.Stream, a.Revision)
			}
			if a.Person == "" {
				continue
			}
			// Erasing may have been done and not yet said.
			if _, err := s.Keys().Key(t.Context(), a.Person, false); err != nil && !errors.Is(err, events.ErrForgotten) || err == nil && forgot[a.Person] {
				t.Errorf("round %d: key of %s (forgotten: %v): %v", round, a.Person, forgot[a.Person], err)
			}
		}
		if t.Failed() {
			return
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledgements survived", len(said))
}
