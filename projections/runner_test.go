package projections_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
	. "shenzhong/projections"
)

// The log of these tests: votes for colours, and notes that nobody reads.
type (
	vote struct {
		Colour string `json:"colour"`
		N      int    `json:"n"`
	}
	note   struct{}
	strict struct {
		N int `json:"n"`
	}
)

var wire = []domain.Wire{domain.Named[vote]("test.vote.v1"), domain.Named[note]("test.note.v1"), domain.Named[strict]("test.strict.v1")}

func registry() *events.Registry { return events.NewRegistry(events.NewMemoryKeys(), wire) }

// tally counts votes by colour. With bad set it refuses a vote of that number.
type tally struct {
	name    string
	version int
	types   []string
	bad     int
	panics  bool
	extra   string // more schema
	delay   func(context.Context)
	applied *atomic.Int64
}

func (p tally) Name() string { return p.name }
func (p tally) Version() int { return max(p.version, 1) }
func (p tally) Schema() string {
	return `CREATE TABLE tally (colour TEXT PRIMARY KEY, n INTEGER NOT NULL, sum INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;` + p.extra
}
func (p tally) Types() []string {
	if p.types != nil {
		return p.types
	}
	return []string{"test.vote.v1"}
}

var errBad = errors.New("a bad vote")

func (p tally) Apply(ctx context.Context, tx *Tx, batch []Event) error {
	if p.delay != nil {
		p.delay(ctx)
	}
	for _, e := range batch {
		v := e.Body.(vote)
		if v.N == p.bad {
			if p.panics {
				panic("a bad vote")
			}
			return errBad
		}
		if _, err := tx.Exec(`INSERT INTO tally VALUES (?1, 1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n+1, sum = sum+?2, last = ?3`,
			v.Colour, v.N, int64(e.Position)); err != nil {
			return err
		}
		if p.applied != nil {
			p.applied.Add(1)
		}
	}
	return nil
}

type row struct{ N, Sum, Last int }

func rows(t testing.TB, db Querier) map[string]row {
	t.Helper()
	rs, err := db.QueryContext(t.Context(), `SELECT colour, n, sum, last FROM tally`)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	m := map[string]row{}
	for rs.Next() {
		var c string
		var r row
		if err := rs.Scan(&c, &r.N, &r.Sum, &r.Last); err != nil {
			t.Fatal(err)
		}
		m[c] = r
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

// A poll is the log of one test.
type poll struct {
	events.Store
	t    testing.TB
	rev  map[events.Stream]events.Revision
	want map[string]row // what a correct tally holds
	n    int
}

func newPoll(t testing.TB) *poll {
	return &poll{memory.New(), t, map[events.Stream]events.Revision{}, map[string]row{}, 0}
}

func (p *poll) add(typ, data string) events.Position {
	p.t.Helper()
	st := events.Stream(fmt.Sprintf("poll-%d", p.n%7))
	p.n++
	rev, pos, err := p.Append(p.t.Context(), st, p.rev[st], events.New{ID: uuid.New(), Type: typ, Data: []byte(data)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.rev[st] = rev
	return pos
}

// votes appends n votes, with a note after each third.
func (p *poll) votes(n int) (last events.Position) {
	p.t.Helper()
	for range n {
		c, v := []string{"red", "green", "blue"}[p.n%3], p.n+1
		last = p.add("test.vote.v1", fmt.Sprintf(`{"colour":%q,"n":%d}`, c, v))
		r := p.want[c]
		p.want[c] = row{r.N + 1, r.Sum + v, int(last)}
		if p.n%3 == 0 {
			p.add("test.note.v1", `{}`)
		}
	}
	return last
}

var quietLog = slog.New(slog.NewTextHandler(io.Discard, nil))

func open(t testing.TB, dir string, st events.Store, ps ...Projection) *Runner {
	t.Helper()
	r, err := Open(t.Context(), Config{Dir: dir, Store: st, Registry: registry(), Projections: ps, Logger: quietLog, Batch: 50, Patience: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func wait(t testing.TB, r *Runner, name string, pos events.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Wait(ctx, name, pos); err != nil {
		t.Fatalf("wait for %s at %d: %v", name, pos, err)
	}
}

func caughtUp(t testing.TB, r *Runner) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.WaitCaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually polls for what no channel tells.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	return all
}

func TestFollowsAndWaits(t *testing.T) {
	log := newPoll(t)
	log.votes(300)
	r := open(t, t.TempDir(), log, tally{name: "a"}, tally{name: "b"})
	for i := range 20 {
		pos := log.votes(1 + i%3)
		for _, name := range []string{"a", "b"} {
			wait(t, r, name, pos)
			if d := cmp.Diff(log.want, rows(t, r.Read(name))); d != "" {
				t.Fatalf("%s after its own write: %s", name, d)
			}
		}
	}
	caughtUp(t, r)
	for _, s := range r.Status() {
		if s.Lag != 0 || !s.CaughtUp || s.Err != nil || s.Version != 1 || s.Building != nil || s.AsOf.IsZero() || s.Events == 0 {
			t.Errorf("%+v", s)
		}
	}
	if err := r.Wait(t.Context(), "a", 0); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Wait(short, "a", 1<<60); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for what is not there: %v", err)
	}
	if err := r.Wait(t.Context(), "c", 1); err == nil {
		t.Error("there is no c")
	}
	if _, err := r.Read("a").Exec(`DELETE FROM tally`); err == nil {
		t.Error("a reader could write")
	}
}

func TestGoesOnWhereItWas(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	var applied atomic.Int64
	for range 5 {
		pos := log.votes(60)
		r := open(t, dir, log, tally{name: "a", applied: &applied})
		wait(t, r, "a", pos)
		caughtUp(t, r)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, dir, log, tally{name: "a", applied: &applied})
	caughtUp(t, r)
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
	if applied.Load() != 300 {
		t.Errorf("300 votes were applied %d times", applied.Load())
	}
}

// Events that no read model wants are not decoded: here they could not be.
func TestDecodesOnlyWhatIsWanted(t *testing.T) {
	log := newPoll(t)
	log.votes(10)
	log.add("test.strict.v1", `not even JSON`)
	pos := log.votes(10)
	r := open(t, t.TempDir(), log, tally{name: "a"})
	wait(t, r, "a", pos)
}

// Closed at any moment and opened again, a read model counts every event once.
func TestCrashAnywhereCountsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "crash")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		log := newPoll(t)
		batch := rapid.IntRange(1, 20).Draw(rt, "batch")
		for range rapid.IntRange(1, 4).Draw(rt, "lives") {
			log.votes(rapid.IntRange(0, 60).Draw(rt, "votes"))
			cut := rapid.IntRange(0, 10).Draw(rt, "cut at")
			keep := rapid.IntRange(0, 20).Draw(rt, "of it")
			st := &eventstest.Faulty{Store: log.Store, Cut: func(n int) (int, bool) { return keep, n == cut }}
			// The n-th Apply dies in the middle of its transaction, once.
			var calls atomic.Int64
			dies := int64(rapid.IntRange(0, 8).Draw(rt, "dies in"))
			ctx, kill := context.WithCancel(t.Context())
			r, err := Open(ctx, Config{Dir: dir, Store: st, Registry: registry(), Logger: quietLog, Batch: batch, Projections: []Projection{
				tally{name: "a", delay: func(context.Context) {
					if calls.Add(1) == dies {
						kill()
					}
				}}, tally{name: "b"}}})
			if err != nil {
				rt.Fatal(err)
			}
			if dies == 0 || rapid.Bool().Draw(rt, "wait") {
				r.WaitCaughtUp(ctx) // ends early when it is killed
			}
			if err := r.Close(); err != nil {
				rt.Fatal(err)
			}
			kill()
		}
		r, err := Open(t.Context(), Config{Dir: dir, Store: log, Registry: registry(), Logger: quietLog, Projections: []Projection{tally{name: "a"}, tally{name: "b"}}})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		caughtUp(t, r)
		for _, name := range []string{"a", "b"} {
			if d := cmp.Diff(log.want, rows(t, r.Read(name))); d != "" {
				rt.Fatalf("%s: %s", name, d)
			}
		}
	})
}

// Follow that fails at each event in turn, again and again.
func TestLogCutAtEachEvent(t *testing.T) {
	log := newPoll(t)
	pos := log.votes(40)
	st := &eventstest.Faulty{Store: log.Store, Cut: func(n int) (int, bool) { return 1 + n%5, n < 6 }}
	r := open(t, t.TempDir(), st, tally{name: "a"})
	wait(t, r, "a", pos)
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
	caughtUp(t, r)
	if err := r.LogErr(); err != nil {
		t.Errorf("the log is readable again: %v", err)
	}
}

func TestPoisonStopsOneReadModel(t *testing.T) {
	for _, c := range []struct {
		name string
		p    tally
		data string // instead of the 70th vote
	}{
		{"apply fails", tally{bad: 70}, ""},
		{"apply panics", tally{bad: 70, panics: true}, ""},
		{"undecodable", tally{}, `{"colour":"red","n":"沈明远"}`},
		{"not JSON", tally{}, `沈明远`},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, dir := newPoll(t), t.TempDir()
			log.n, log.want = 0, map[string]row{}
			log.votes(69)
			before := maps.Clone(log.want)
			var poison events.Position
			if c.data != "" {
				poison = log.add("test.vote.v1", c.data)
			} else {
				log.n = 69
				poison = log.add("test.vote.v1", `{"colour":"red","n":70}`)
			}
			pos := log.votes(50)
			c.p.name = "sick"
			r := open(t, dir, log, c.p, notes{})
			wait(t, r, "notes", pos)
			err := r.Wait(t.Context(), "sick", pos)
			e, ok := errors.AsType[*PoisonError](err)
			if !ok || e.Position != poison || e.Type != "test.vote.v1" || e.Name != "sick" || e.Stream == "" {
				t.Fatalf("the event is not named: %v", err)
			}
			if strings.Contains(err.Error(), "沈") {
				t.Errorf("the error quotes the event: %v", err)
			}
			if d := cmp.Diff(before, rows(t, r.Read("sick"))); d != "" {
				t.Errorf("it does not hold exactly what came before: %s", d)
			}
			s := r.Status()[0]
			if !s.Stopped || s.CaughtUp || !errors.As(s.Err, &e) || s.Position >= poison {
				t.Errorf("%+v", s)
			}
			if s := r.Status()[1]; s.Stopped || s.Err != nil {
				t.Errorf("the other one: %+v", s)
			}
			// It does not stand in the way of the others after a restart either,
			// and goes on once the program can read the event.
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if c.data != "" {
				return
			}
			r = open(t, dir, log, tally{name: "sick"}, notes{})
			wait(t, r, "sick", pos)
			n := 0
			for _, x := range rows(t, r.Read("sick")) {
				n += x.N
			}
			if n != 120 {
				t.Errorf("%d votes after the repair, want 120", n)
			}
		})
	}
}

// notes counts the notes.
type notes struct{}

func (notes) Name() string    { return "notes" }
func (notes) Version() int    { return 1 }
func (notes) Types() []string { return []string{"test.note.v1"} }
func (notes) Schema() string {
	return `CREATE TABLE notes (one INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT; INSERT INTO notes VALUES (1, 0);`
}
func (notes) Apply(_ context.Context, tx *Tx, batch []Event) error {
	_, err := tx.Exec(`UPDATE notes SET n = n + ?`, len(batch))
	return err
}

func TestSecondRunnerIsFenced(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	pos := log.votes(10)
	a := open(t, dir, log, tally{name: "a"})
	wait(t, a, "a", pos)
	b := open(t, dir, log, tally{name: "a"})
	wait(t, b, "a", pos)
	pos = log.votes(200)
	ea, eb := a.Wait(t.Context(), "a", pos), b.Wait(t.Context(), "a", pos)
	if (ea == nil) == (eb == nil) || !errors.Is(errors.Join(ea, eb), ErrFenced) {
		t.Fatalf("one of two must be fenced off: %v, %v", ea, eb)
	}
	if d := cmp.Diff(log.want, rows(t, a.Read("a"))); d != "" {
		t.Errorf("two runners counted: %s", d)
	}
}

// A slow read model holds up the others for its patience, then goes on alone.
func TestSlowOneGoesAlone(t *testing.T) {
	log := newPoll(t)
	release := make(chan struct{})
	var once sync.Once
	defer once.Do(func() { close(release) })
	slow := tally{name: "slow", delay: func(ctx context.Context) {
		select {
		case <-release:
		case <-ctx.Done():
		}
	}}
	r := open(t, t.TempDir(), log, slow, tally{name: "fast"})
	pos := log.votes(2000)
	wait(t, r, "fast", pos)
	if s := r.Status()[0]; s.Position != 0 || s.CaughtUp {
		t.Errorf("slow is not slow: %+v", s)
	}
	once.Do(func() { close(release) })
	pos = log.votes(100)
	wait(t, r, "slow", pos)
	caughtUp(t, r)
	for _, name := range []string{"slow", "fast"} {
		if d := cmp.Diff(log.want, rows(t, r.Read(name))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestRebuildWhileReading(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	log.votes(500)
	r := open(t, dir, log, tally{name: "a"}, tally{name: "b"})
	caughtUp(t, r)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var reads atomic.Int64
	for range 4 {
		wg.Go(func() {
			for last := 0; ctx.Err() == nil; reads.Add(1) {
				var n int
				if err := r.Read("a").QueryRow(`SELECT sum(n) FROM tally`).Scan(&n); err != nil || n < last {
					t.Errorf("a reader saw %d votes after %d: %v", n, last, err)
					return
				}
				last = n
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			// A writer who waits for his own write finds it, whichever file serves.
			pos := log.votes(1)
			wait(t, r, "a", pos)
			var last int
			if err := r.Read("a").QueryRow(`SELECT max(last) FROM tally`).Scan(&last); err != nil || last < int(pos) {
				t.Errorf("waited for %d, saw %d: %v", pos, last, err)
				return
			}
		}
	})
	for i := range 5 {
		if err := r.Rebuild(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		want := []string{fmt.Sprintf("a.v1.%d.db", i+2), "b.v1.db"}
		if d := cmp.Diff(want, files(t, dir)); d != "" {
			t.Errorf("files: %s", d)
		}
	}
	stop()
	wg.Wait()
	caughtUp(t, r)
	for _, name := range []string{"a", "b"} {
		if d := cmp.Diff(log.want, rows(t, r.Read(name))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if reads.Load() == 0 {
		t.Error("nobody read")
	}
	if err := r.Rebuild(t.Context()); err != nil {
		t.Errorf("all of them: %v", err)
	}
}

// A transaction that began before the switch ends on what it began with.
func TestReadTransactionOutlivesSwitch(t *testing.T) {
	log := newPoll(t)
	log.votes(30)
	r := open(t, t.TempDir(), log, tally{name: "a"})
	caughtUp(t, r)
	tx, err := r.Read("a").BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	before := rows(t, tx)
	log.votes(30)
	if err := r.Rebuild(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, rows(t, tx)); d != "" {
		t.Error(d)
	}
}

func TestNewVersionIsBuiltBesideTheOld(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	log.votes(100)
	old := open(t, dir, log, tally{name: "a"})
	caughtUp(t, old)
	seen := rows(t, old.Read("a"))
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	pos := log.votes(100)
	gate := make(chan struct{})
	v2 := tally{name: "a", version: 2, extra: `CREATE TABLE more (x INTEGER PRIMARY KEY) STRICT;`, delay: func(context.Context) { <-gate }}
	r := open(t, dir, log, v2)
	if d := cmp.Diff(seen, rows(t, r.Read("a"))); d != "" {
		t.Errorf("the old file does not serve: %s", d)
	}
	if s := r.Status()[0]; !s.Outdated || s.Version != 1 || s.Building == nil || s.Building.Version != 2 {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff([]string{"a.v1.db", "a.v2.db"}, files(t, dir)); d != "" {
		t.Error(d)
	}
	// Killed in the middle of the build: old serves, the build goes on.
	close(gate)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	v2.delay = nil
	r = open(t, dir, log, v2)
	wait(t, r, "a", pos)
	caughtUp(t, r)
	if s := r.Status()[0]; s.Version != 2 || s.Outdated || s.Building != nil {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
	eventually(t, "the old file goes", func() bool { return slices.Equal(files(t, dir), []string{"a.v2.db"}) })
}

// A changed schema under an unchanged version is built anew too: a developer's
// slip must not serve rows of yesterday's shape.
func TestChangedSchemaIsAnotherFile(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	log.votes(10)
	r := open(t, dir, log, tally{name: "a"})
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, log, tally{name: "a", extra: `CREATE TABLE more (x INTEGER PRIMARY KEY) STRICT;`})
	caughtUp(t, r)
	if _, err := r.Read("a").Exec(`SELECT x FROM more`); err != nil {
		t.Error(err)
	}
	eventually(t, "the old file goes", func() bool { return slices.Equal(files(t, dir), []string{"a.v1.2.db"}) })
}

// Whatever a crash leaves in the directory, one file serves and the rest goes.
func TestLeftoversOfCrashes(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	pos := log.votes(50)
	r := open(t, dir, log, tally{name: "a"})
	wait(t, r, "a", pos)
	caughtUp(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	live, err := os.ReadFile(filepath.Join(dir, "a.v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"a.v1.2.db": nil, "a.v1.3.db": []byte("torn"), "a.v1.4.db": live[:len(live)/2], "a.v3.db": live, "ab.v1.db": live} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	r = open(t, dir, log, tally{name: "a"})
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a.v1.db", "a.v3.db", "ab.v1.db"}, files(t, dir)); d != "" {
		t.Errorf("a newer version and another's file stay: %s", d)
	}
	// And with the file that served gone bad, it is built again.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.v1.db"), []byte("torn"), 0o640); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, log, tally{name: "a"})
	caughtUp(t, r)
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
}

// A rebuild that meets poison, or is given up, leaves what served.
func TestFailedRebuildChangesNothing(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	log.votes(100)
	var bad atomic.Bool
	r := open(t, dir, log, moody{tally{name: "a"}, &bad})
	caughtUp(t, r)
	bad.Store(true)
	var poison *PoisonError
	if err := r.Rebuild(t.Context(), "a"); !errors.As(err, &poison) {
		t.Fatalf("rebuilt through poison: %v", err)
	}
	if d := cmp.Diff(log.want, rows(t, r.Read("a"))); d != "" {
		t.Error(d)
	}
	bad.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Rebuild(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	pos := log.votes(10)
	wait(t, r, "a", pos)
	if d := cmp.Diff([]string{"a.v1.db"}, files(t, dir)); d != "" {
		t.Error(d)
	}
	if s := r.Status()[0]; s.Building != nil || s.Stopped {
		t.Errorf("%+v", s)
	}
}

type moody struct {
	tally
	bad *atomic.Bool
}

func (m moody) Apply(ctx context.Context, tx *Tx, batch []Event) error {
	if m.bad.Load() {
		return errBad
	}
	return m.tally.Apply(ctx, tx, batch)
}

func TestOpenRefuses(t *testing.T) {
	for name, ps := range map[string][]Projection{
		"a name twice":    {tally{name: "a"}, tally{name: "a"}},
		"a name as path":  {tally{name: "../a"}},
		"an unknown type": {tally{name: "a", types: []string{"test.vote.v9"}}},
		"a broken schema": {tally{name: "a", extra: "CREATE"}},
	} {
		if r, err := Open(t.Context(), Config{Dir: t.TempDir(), Store: memory.New(), Registry: registry(), Projections: ps, Logger: quietLog}); err == nil {
			t.Errorf("%s: opened", name)
			r.Close()
		}
	}
}

// Nothing moves in a closed runner, and nobody waits for it.
func TestClosed(t *testing.T) {
	log := newPoll(t)
	r := open(t, t.TempDir(), log, tally{name: "a"})
	waited := make(chan error)
	go func() { waited <- r.Wait(context.Background(), "a", 1<<60) }()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := r.Rebuild(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if s := r.Status(); !s[0].Stopped {
		t.Errorf("%+v", s)
	}
}

// A checkpoint that only passed events of no interest reaches the file soon.
func TestPositionOfNoInterestIsWritten(t *testing.T) {
	log, dir := newPoll(t), t.TempDir()
	pos := log.votes(5)
	r := open(t, dir, log, tally{name: "a"})
	wait(t, r, "a", pos)
	pos = log.add("test.note.v1", `{}`)
	wait(t, r, "a", pos)
	eventually(t, "the checkpoint row follows", func() bool {
		var at int64
		if err := r.Read("a").QueryRow(`SELECT position FROM checkpoint`).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at == int64(pos)
	})
}
