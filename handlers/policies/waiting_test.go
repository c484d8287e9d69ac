package policies

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A clock is one that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// moved gives the scene a clock at ten in the morning, and answers with the
// function that moves it. The reactions look at the clock whenever something is
// stored, so moving it stores something.
func (s *scene) moved() (move func(time.Duration)) {
	c := &clock{now: domain.Clock("10:00").On("2026-11-23")}
	s.app.Now = c.Now
	return func(d time.Duration) {
		s.Helper()
		c.mu.Lock()
		c.now = c.now.Add(d)
		c.mu.Unlock()
		s.ok(s.app.Institutions.Handle(s.Context(), home, institution.Rename{Act: s.act(), Renamed: institution.Renamed{NameZh: "松涛殡仪馆（演示）" + c.Now().Format("150405")}}))
	}
}

// family opens a case, with the slot of that hour of the next day where one is
// named.
func (s *scene) family(hour domain.Clock) uuid.UUID {
	s.Helper()
	id := uuid.New()
	if hour == "" {
		s.ok(s.app.Cases.Handle(s.Context(), id.String(), booking.Open{Act: s.act(), Opened: s.opened(id)}))
		return id
	}
	s.ok(s.app.Book(s.Context(), handlers.Book{Act: s.act(), Case: id, Opened: s.opened(id), Want: handlers.Want{Resource: "hall-1", Start: hour.On(domain.DateOf(s.tomorrow()))}}))
	return id
}

func (s *scene) waits(id uuid.UUID, w schedule.Wish) {
	s.Helper()
	s.ok(s.app.JoinWait(s.Context(), handlers.JoinWait{Act: s.act(), Case: id, Kind: institution.Hall, Day: domain.DateOf(s.tomorrow()), Wish: w}))
}

func (s *scene) list() schedule.WaitState {
	s.Helper()
	w, _, err := s.app.Waits.Load(s.Context(), handlers.Peak{Institution: home, Kind: institution.Hall, Day: domain.DateOf(s.tomorrow())}.Key())
	if err != nil {
		s.Fatal(err)
	}
	return w
}

func (s *scene) offered(id uuid.UUID) bool {
	o, ok := s.list().OpenOffer(id.String())
	return ok && o.Slot == "0900"
}

func (s *scene) on(id uuid.UUID) handlers.OnList {
	return handlers.OnList{Act: s.act(), Case: id, Kind: institution.Hall, Day: domain.DateOf(s.tomorrow())}
}

// released gives the slot of nine back.
func (s *scene) released(of uuid.UUID) {
	s.Helper()
	s.ok(s.app.ReleaseSlot(s.Context(), handlers.ReleaseSlot{Act: s.act(), Case: of, Resource: "hall-1", Start: s.tomorrow(), Reason: schedule.Withdrawn}))
}

// holder is who has the slot of nine, and whether for good.
func (s *scene) holder() (who string, confirmed bool) {
	_, d := s.day()
	x, _ := d.Slot("0900")
	return x.Case, x.Confirmed
}

// passed are the slots that passed by a waiting family, with their reasons.
func (s *scene) passed(id uuid.UUID) (ps []schedule.SkipReason) {
	w := s.list()
	if i := w.Place(id.String()); i >= 0 {
		for _, p := range w.List[i].Passed {
			ps = append(ps, p.Reason)
		}
	}
	return ps
}

// A slot that is given back goes down the list: each family that it passes by is
// told why, the one that could use it is asked, and when it says no the next.
func TestAFreedSlotGoesDownTheList(t *testing.T) {
	s := newScene(t)
	s.moved()
	p, stop := s.start(nil)
	defer stop()
	had := s.family("09:00")
	afternoon, ended, first, second := s.family(""), s.family(""), s.family(""), s.family("")
	s.waits(afternoon, schedule.Wish{From: "13:00"})
	s.waits(ended, schedule.Wish{})
	s.waits(first, schedule.Wish{})
	s.waits(second, schedule.Wish{Resource: "hall-1", Minutes: 60})
	s.ok(s.app.Cases.Handle(t.Context(), ended.String(), booking.Cancel{Act: s.act(), Reason: booking.Duplicate}))

	s.released(had)
	s.until("the first family that can use it is asked", func() bool { return s.offered(first) })
	if who, confirmed := s.holder(); who != first.String() || confirmed {
		t.Errorf("the slot is held for %s, confirmed %v", who, confirmed)
	}
	if d := cmp.Diff([]schedule.SkipReason{schedule.NotWished}, s.passed(afternoon)); d != "" {
		t.Error(d)
	}
	if w := s.list(); !slices.Contains(w.Gone, schedule.Gone{Case: ended.String(), Reason: schedule.CaseClosed}) {
		t.Errorf("a case that ended waits on: %+v", w)
	}
	// Nobody else gets it meanwhile.
	other := uuid.New()
	if _, err := s.app.Book(t.Context(), handlers.Book{Act: s.act(), Case: other, Opened: s.opened(other), Want: handlers.Want{Resource: "hall-1", Start: s.tomorrow()}}); err == nil {
		t.Error("what was offered is given away")
	}
	s.ok(s.app.DeclineOffer(t.Context(), s.on(first)))
	s.until("the next one is asked", func() bool { return s.offered(second) })
	if d := cmp.Diff([]schedule.SkipReason{schedule.SaidNo, schedule.AlreadyAsked}, s.passed(first)); d != "" {
		t.Error(d)
	}
	// The yes counts once, whoever confirms it: the flow or the reaction.
	yes := s.on(second)
	rc := s.ok(s.app.AcceptOffer(t.Context(), yes))
	s.ok(s.app.AcceptOffer(t.Context(), yes))
	if err := p.Wait(t.Context(), rc.Position); err != nil {
		t.Fatal(err)
	}
	s.until("the slot is the family's", func() bool { who, ok := s.holder(); return ok && who == second.String() && s.slots(second) == 1 })
	if s.list().Place(second.String()) >= 0 || s.list().Place(first.String()) != 1 {
		t.Errorf("the list is %+v", s.list())
	}
	// It comes back once more: who was asked before is not asked again.
	s.released(second)
	day, _ := s.day()
	if err := p.Wait(t.Context(), s.last(s.app.Days.Stream(day)).Position); err != nil {
		t.Fatal(err)
	}
	if who, _ := s.holder(); who != "" {
		t.Errorf("the slot is held for %s", who)
	}
}

// Who does not answer in time is passed over by an event, and the next is asked.
func TestAnOfferLapses(t *testing.T) {
	s := newScene(t)
	move := s.moved()
	_, stop := s.start(nil)
	defer stop()
	had, first, second := s.family("09:00"), s.family(""), s.family("")
	s.waits(first, schedule.Wish{})
	s.waits(second, schedule.Wish{})
	s.released(had)
	s.until("the first is asked", func() bool { return s.offered(first) })
	move(29 * time.Minute)
	if !s.offered(first) {
		t.Error("the offer ended before its time")
	}
	move(2 * time.Minute)
	s.until("the offer lapses", func() bool { return slices.Contains(s.passed(first), schedule.NoAnswer) })
	if _, err := s.app.AcceptOffer(t.Context(), s.on(first)); err == nil {
		t.Error("a lapsed offer is accepted")
	}
	move(2 * time.Minute) // the grace of a yes in the last second
	s.until("the second is asked", func() bool { return s.offered(second) })
	list := handlers.Peak{Institution: home, Kind: institution.Hall, Day: domain.DateOf(s.tomorrow())}.Key()
	for r, err := range s.app.Store.Load(t.Context(), s.app.Waits.Stream(list), events.NoStream) {
		if err != nil {
			t.Fatal(err)
		}
		if by := r.Meta.Actor; r.Type == "wait.skipped.v1" && by != "policy:waiting" {
			t.Errorf("%s by %s", r.Type, by)
		}
	}
	// Leaving gives back what was kept.
	s.ok(s.app.LeaveWait(t.Context(), s.on(second), schedule.Placed))
	s.until("the slot is free", func() bool { who, _ := s.holder(); return who == "" })
}

// Accept, and a crash before the slot is confirmed: the reaction completes it.
func TestAnAcceptedSlotIsConfirmed(t *testing.T) {
	s := newScene(t)
	s.moved()
	_, stop := s.start(nil)
	had, first := s.family("09:00"), s.family("")
	s.waits(first, schedule.Wish{})
	s.released(had)
	s.until("the first is asked", func() bool { return s.offered(first) })
	stop()
	s.ok(s.app.Waits.Handle(t.Context(), handlers.Peak{Institution: home, Kind: institution.Hall, Day: domain.DateOf(s.tomorrow())}.Key(), schedule.Accept{Act: s.act(), Case: first.String()}))
	_, stop = s.start(nil)
	defer stop()
	s.until("the slot is confirmed and on the case", func() bool { who, ok := s.holder(); return ok && who == first.String() && s.slots(first) == 1 })
}

// A waiting family that has a slot of the day keeps it until it accepts.
func TestWaitingCostsNothing(t *testing.T) {
	s := newScene(t)
	s.moved()
	_, stop := s.start(nil)
	defer stop()
	had, waiting := s.family("09:00"), s.family("15:00")
	s.waits(waiting, schedule.Wish{Until: "12:00"})
	s.released(had)
	s.until("it is asked", func() bool { return s.offered(waiting) })
	_, d := s.day()
	if x, ok := d.Slot("1500"); !ok || !x.Confirmed {
		t.Error("the slot it has is gone before it said yes")
	}
	s.ok(s.app.AcceptOffer(t.Context(), s.on(waiting)))
	c, _, err := s.app.Cases.Load(t.Context(), waiting.String())
	if err != nil || len(c.Slots) != 1 || c.Slots[0].Slot != "0900" {
		t.Errorf("%+v %v", c.Slots, err)
	}
	_, d = s.day()
	if len(d.Slots) != 1 {
		t.Errorf("the day has %+v", d.Slots)
	}
}

// Maintenance closes its days, also one on which a slot was still confirmed when
// it was planned elsewhere; cancelling it opens them and offers what is free.
func TestMaintenanceAndItsDays(t *testing.T) {
	s := newScene(t)
	s.moved()
	_, stop := s.start(nil)
	defer stop()
	day := domain.DateOf(s.tomorrow())
	window := institution.MaintenancePlanned{Window: "m-1", Resource: "hall-1", From: domain.Clock("08:00").On(day), To: domain.Clock("12:00").On(day.AddDays(1)), Reason: "年检"}
	had := s.family("09:00")
	plan := handlers.PlanMaintenance{Institution: home, PlanMaintenance: institution.PlanMaintenance{Act: s.act(), MaintenancePlanned: window}}
	if _, err := s.app.PlanMaintenance(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "block_occupied") {
		t.Errorf("maintenance over a confirmed slot: %v", err)
	}
	// Recorded on the institution alone, as a crash leaves it: the day is closed
	// as soon as its slot is given back.
	s.ok(s.app.Institutions.Handle(t.Context(), home, plan.PlanMaintenance))
	blocked := func(on domain.Date) bool {
		d, _, err := s.app.Days.Load(t.Context(), schedule.ID(home, "hall-1", on))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(d.Blocks, func(b schedule.Blocked) bool { return b.Kind == schedule.Maintenance })
	}
	s.until("the free day is closed", func() bool { return blocked(day.AddDays(1)) })
	if blocked(day) {
		t.Error("a day with a confirmed slot is closed over it")
	}
	late := s.family("")
	if _, err := s.app.TakeSlot(t.Context(), handlers.TakeSlot{Act: s.act(), Case: late, Want: handlers.Want{Resource: "hall-1", Start: domain.Clock("11:00").On(day)}}); err == nil || !strings.Contains(err.Error(), "slot_blocked") {
		t.Errorf("a slot in planned maintenance: %v", err)
	}
	s.waits(late, schedule.Wish{})
	s.released(had)
	s.until("the day is closed", func() bool { return blocked(day) })
	if s.offered(late) {
		t.Error("a closed slot is offered")
	}
	s.ok(s.app.CancelMaintenance(t.Context(), handlers.CancelMaintenance{Institution: home, CancelMaintenance: institution.CancelMaintenance{Act: s.act(),
		MaintenanceCancelled: institution.MaintenanceCancelled{Window: "m-1", Reason: "改期"}}}))
	s.until("both days are open", func() bool { return !blocked(day) && !blocked(day.AddDays(1)) })
	s.until("what is free is offered", func() bool { _, ok := s.list().OpenOffer(late.String()); return ok })
}

// A paper that was promised and did not come is overdue by an event, on the day
// after; one that came is not.
func TestAPromisedPaperIsOverdue(t *testing.T) {
	s := newScene(t)
	move := s.moved()
	_, stop := s.start(nil)
	defer stop()
	late, good := s.family(""), s.family("")
	for _, id := range []uuid.UUID{late, good} {
		s.ok(s.app.PromisePaper(t.Context(), handlers.PromisePaper{Act: s.act(), Case: id, Paper: booking.HouseholdBook, Due: "2026-11-24", Pledge: "2026.1"}))
	}
	s.ok(s.app.Cases.Handle(t.Context(), good.String(), booking.ReceivePaper{Act: s.act(), PaperReceived: booking.PaperReceived{Paper: booking.HouseholdBook, Form: booking.Original}}))
	lapsed := func(id uuid.UUID) (n int) {
		for r, err := range s.app.Store.Load(t.Context(), s.app.Cases.Stream(id.String()), events.NoStream) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Type == "booking.paper_overdue.v1" {
				n++
			}
		}
		return n
	}
	move(37 * time.Hour) // the last evening
	if lapsed(late) != 0 {
		t.Error("overdue on its last day")
	}
	move(2 * time.Hour)
	s.until("it is overdue", func() bool { return lapsed(late) == 1 })
	if lapsed(good) != 0 {
		t.Error("a paper that came is overdue")
	}
}

// Money that was taken and, by a crash, is not in the till: the reaction enters
// it once and gives the receipt.
func TestMoneyIsInTheTill(t *testing.T) {
	s := newScene(t)
	s.moved()
	id := s.family("")
	s.ok(s.app.PublishPriceList(t.Context(), handlers.PublishPriceList{Key: home, Publish: pricing.Publish{Act: s.act(), EffectiveFrom: "2026-11-23", InstitutionName: "松涛", Division: "210211",
		Rows: []pricing.Row{{Code: "CRM-STD", NameZh: "火化", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "具", Price: 90000}}}}))
	s.ok(s.app.Quote(t.Context(), handlers.Quote{Act: s.act(), Case: id, Quote: "q", Items: []booking.Item{{ID: "l", Code: "CRM-STD", Quantity: 1}}}))
	s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.Consent{Act: s.act(), Quote: "q", Total: 90000}))
	s.ok(s.app.Charge(t.Context(), handlers.Charge{Act: s.act(), Case: id, Item: booking.Item{ID: "l", Code: "CRM-STD", Quantity: 1}}))
	s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.Pay{Act: s.act(), Paid: booking.Paid{Payment: "p", Amount: 50000, Method: booking.Cash, Fiscal: "F-001"}}))
	_, stop := s.start(nil)
	receipts := func() int {
		c, _, err := s.app.Cases.Load(t.Context(), id.String())
		if err != nil {
			t.Fatal(err)
		}
		return len(c.Receipts)
	}
	s.until("it has its receipt", func() bool { return receipts() == 1 })
	stop()
	_, stop = s.start(nil)
	defer stop()
	pay := s.act()
	// The desk that was slower than the reaction finds everything done.
	s.ok(s.app.TakePayment(t.Context(), handlers.TakePayment{Act: pay, Case: id, Payment: "p", Amount: 50000, Method: booking.Cash, Fiscal: "F-001"}))
	if c, _, err := s.app.Cases.Load(t.Context(), id.String()); err != nil || len(c.Receipts) != 1 || c.Receipts[0].Fiscal != "F-001" {
		t.Fatalf("%+v %v", c.Receipts, err)
	}
	pay = s.act()
	rc := s.ok(s.app.TakePayment(t.Context(), handlers.TakePayment{Act: pay, Case: id, Payment: "p2", Amount: 40000, Method: booking.Cash}))
	if rc.Events == 0 || receipts() != 2 {
		t.Errorf("%+v, %d receipts", rc, receipts())
	}
	till, _, err := s.app.Tills.Load(t.Context(), booking.TillID(home, "2026-11-23"))
	if err != nil || len(till.Entries) != 2 || till.Expected(booking.Cash) != 90000 {
		t.Errorf("%+v %v", till, err)
	}
}
