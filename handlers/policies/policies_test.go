package policies

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
)

const home = "12210200422000019F"

// A scene is an App with one hall and, when the test starts them, reactions.
type scene struct {
	*testing.T
	app  *handlers.App
	file string
	seq  int
}

func newScene(t *testing.T) *scene {
	keys := events.NewMemoryKeys()
	s := &scene{T: t, app: handlers.NewApp(memory.New(), projections.Registry(keys), keys, []byte("key")), file: filepath.Join(t.TempDir(), "policies.json")}
	s.ok(s.app.RegisterInstitution(t.Context(), institution.Register{Act: s.act(), Registered: institution.Registered{CreditCode: home, NameZh: "松涛殡仪馆（演示）",
		Kind: institution.FuneralHome, Division: "210211", Operator: institution.Government}}))
	s.ok(s.app.Institutions.Handle(t.Context(), home, institution.AddResource{Act: s.act(), ResourceAdded: institution.ResourceAdded{Resource: "hall-1", Kind: institution.Hall,
		NameZh: "厅", Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: 1}}))
	return s
}

func (s *scene) act() domain.Act {
	s.seq++
	return domain.Act{ID: uuid.New(), By: "staff-1", Now: s.app.Now().UTC()}
}

func (s *scene) ok(rc events.Receipt, err error) events.Receipt {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return rc
}

// start runs the reactions until the answer is called, and lets a test wait for
// what they did.
func (s *scene) start(edit func(*Config)) (p *Policies, stop func()) {
	s.Helper()
	cfg := Config{App: s.app, File: s.file, Log: slog.New(slog.DiscardHandler)}
	if edit != nil {
		edit(&cfg)
	}
	p, err := Open(cfg)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, func() {
		cancel()
		if err := <-done; err != nil {
			s.Error(err)
		}
	}
}

// until polls a condition that the reactions bring about.
func (s *scene) until(what string, met func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			s.Fatal("never: ", what)
		case <-tick.C:
		}
	}
}

func (s *scene) opened(n uuid.UUID) booking.Opened {
	who, kin := s.app.Somebody(n, "deceased"), s.app.Somebody(n, "handler")
	return booking.Opened{Institution: home, Number: n.String()[:8], Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, "沈明远"), Hukou: "210211"},
		Handler:  booking.Handler{Person: kin, Name: domain.Personal(kin, "沈静"), Phone: domain.Personal(kin, "13804110412"), Relation: booking.Child}}
}

// tomorrow is nine in the morning of the next day.
func (s *scene) tomorrow() time.Time {
	return domain.Clock("09:00").On(domain.DateOf(s.app.Now()).AddDays(1))
}

func (s *scene) day() (string, schedule.State) {
	s.Helper()
	id := schedule.ID(home, "hall-1", domain.DateOf(s.tomorrow()))
	d, _, err := s.app.Days.Load(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	return id, d
}

func (s *scene) slots(of uuid.UUID) int {
	s.Helper()
	c, _, err := s.app.Cases.Load(s.Context(), of.String())
	if err != nil {
		s.Fatal(err)
	}
	return len(c.Slots)
}

// last is the newest event of a stream.
func (s *scene) last(stream events.Stream) (r events.Recorded) {
	s.Helper()
	for x, err := range s.app.Store.Load(s.Context(), stream, 0) {
		if err != nil {
			s.Fatal(err)
		}
		r = x
	}
	return r
}

func TestAHoldEndsByEvent(t *testing.T) {
	s := newScene(t)
	s.app.HoldFor = 50 * time.Millisecond
	_, stop := s.start(nil)
	defer stop()
	id := uuid.New()
	s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}, HoldOnly: true}))
	s.until("the hold is released", func() bool { _, d := s.day(); return len(d.Slots) == 0 })
	day, _ := s.day()
	r := s.last(events.Stream("day-" + day))
	if r.Type != "schedule.released.v1" || r.Meta.Actor != "policy:holds" || r.Meta.Causation == uuid.Nil {
		t.Errorf("%+v", r)
	}
}

func TestAConfirmedSlotDoesNotEnd(t *testing.T) {
	s := newScene(t)
	s.app.HoldFor = 50 * time.Millisecond
	p, stop := s.start(nil)
	defer stop()
	id := uuid.New()
	rc := s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}}))
	if err := p.Wait(t.Context(), rc.Position); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	n := len(p.st.Deadlines)
	p.mu.Unlock()
	if n != 0 {
		t.Error("a deadline is left behind")
	}
}

// A crash between confirm and attach: the reaction completes it.
func TestAConfirmedSlotIsAttached(t *testing.T) {
	s := newScene(t)
	id := uuid.New()
	s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}, HoldOnly: true}))
	day, _ := s.day()
	s.ok(s.app.Days.Handle(t.Context(), day, schedule.Confirm{Act: s.act(), Slot: "0900", Case: id.String()}))
	_, stop := s.start(nil)
	defer stop()
	s.until("the slot is attached", func() bool { return s.slots(id) == 1 })
	// And given back on the day's side alone: it is detached.
	s.ok(s.app.Days.Handle(t.Context(), day, schedule.Release{Act: s.act(), Slot: "0900", Case: id.String(), Reason: schedule.OutOfService}))
	s.until("the slot is detached", func() bool { return s.slots(id) == 0 })
}

func TestACancelledCaseGivesItsSlotsBack(t *testing.T) {
	s := newScene(t)
	id := uuid.New()
	s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}}))
	s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.Cancel{Act: s.act(), Reason: booking.Duplicate}))
	_, stop := s.start(nil)
	defer stop()
	s.until("the slot is free", func() bool { _, d := s.day(); return len(d.Slots) == 0 })
}

func TestAClaimThatCameToNothingIsFreed(t *testing.T) {
	s := newScene(t)
	who := s.app.Somebody(uuid.New(), "x")
	s.ok(s.app.Placements.Handle(t.Context(), string(who), cemetery.Claim{Act: s.act(), Plot: home + ".A-1"}))
	_, stop := s.start(func(c *Config) { c.ClaimFor = 30 * time.Millisecond })
	defer stop()
	s.until("the claim is freed", func() bool {
		p, _, err := s.app.Placements.Load(t.Context(), string(who))
		return err == nil && p.Plot == ""
	})
}

// Deadlines outlive a stop, and a lost checkpoint repeats nothing.
func TestStopsAndStarts(t *testing.T) {
	s := newScene(t)
	s.app.HoldFor = 300 * time.Millisecond
	p, stop := s.start(nil)
	id := uuid.New()
	s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}, HoldOnly: true}))
	at := s.last(events.Stream("case-" + id.String())).Position
	if err := p.Wait(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	stop()
	_, stop = s.start(nil)
	s.until("the hold is released after a restart", func() bool { _, d := s.day(); return len(d.Slots) == 0 })
	stop()
	day, _ := s.day()
	released := s.last(events.Stream("day-" + day)).Position
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	p, stop = s.start(nil)
	defer stop()
	if err := p.Wait(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	if again := s.last(events.Stream("day-" + day)).Position; again != released {
		t.Error("the same release was recorded twice")
	}
	if at, caughtUp, err := p.Status(); at < released || err != nil {
		t.Error(at, caughtUp, err)
	}
}

func TestABrokenCheckpointIsRefused(t *testing.T) {
	s := newScene(t)
	if err := os.WriteFile(s.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{App: s.app, File: s.file}); err == nil {
		t.Error("half a checkpoint was taken for one")
	}
}

// failing is a store whose appends fail for a while.
type failing struct {
	events.Store
	left int
}

func (f *failing) Append(ctx context.Context, st events.Stream, at events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	if es[0].Meta.Actor == "policy:holds" && f.left > 0 {
		f.left--
		return 0, 0, errors.New("disk is full")
	}
	return f.Store.Append(ctx, st, at, es...)
}

func TestAReactionIsTriedAgain(t *testing.T) {
	s := newScene(t)
	f := &failing{s.app.Store, 3}
	s.app.HoldFor = 20 * time.Millisecond
	s.app.Days.Store = f
	_, stop := s.start(nil)
	defer stop()
	id := uuid.New()
	s.ok(s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}, HoldOnly: true}))
	s.until("the hold is released", func() bool { _, d := s.day(); return len(d.Slots) == 0 })
}
