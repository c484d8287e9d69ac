package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/handlers"
)

// simulateCmd drives funeral cases through the real commands.
//
// The same seed, number and range in an empty directory, under the same master
// key (from which references of persons follow), give the same events: the same
// streams, in each of them the same events in the same order, with the same
// ids, types, content, actors, commands and times of happening. What differs is
// when the log recorded them, how the streams interleave, revisions and
// positions (which tell the place in the log), and sealed boxes, whose nonces
// are random. "export log" sorted by stream shows it.
type simulateCmd struct {
	cityFlags
	Cases int    `default:"100" placeholder:"N" help:"How many cases. Default: ${default}."`
	Seed  uint64 `default:"1" placeholder:"S" help:"Seed of the random choices. Default: ${default}."`
	From  string `placeholder:"DATE" help:"First simulated day. Default: 2025-01-01."`
	Until string `placeholder:"DATE" help:"Last simulated day. Default: 2026-10-31, or yesterday if that is earlier."`
	// Parallel bounds the lanes that run at a time. Appends that wait at the same
	// time share an fsync, from some thirty on.
	Parallel int `default:"256" placeholder:"N" help:"How many lanes run side by side; the result is the same."`
	// Acks is for tests that kill the process: every append that the store
	// acknowledged is a line in this file, written after the acknowledgement.
	Acks string `hidden:"" type:"path" help:"Write a line for every acknowledged append."`
}

func (c *simulateCmd) Run(ctx context.Context, con *console) error {
	sim, err := newSimulation(simulated{Cases: c.Cases, Seed: c.Seed, From: domain.Date(c.From), Until: domain.Date(c.Until)}, time.Now())
	if err != nil {
		return err
	}
	city, err := c.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	if c.Store == "memory" {
		return fail(exitUsage, nil, "--store memory 一退出就没有了，模拟请用别的存储。", "--store memory is gone at exit; simulate into another store.")
	}
	if err := sim.claim(c.Data); err != nil {
		return err
	}
	var acks io.Writer
	if c.Acks != "" {
		f, err := os.OpenFile(c.Acks, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		acks = f
	}
	acked := &acking{Store: city.store, to: acks}
	city.reopen(newRecalling(acked))
	began := time.Now()
	if err := sim.run(ctx, con, city.app, c.Parallel); err != nil {
		return err
	}
	if err := sim.done(c.Data); err != nil {
		return err
	}
	con.printf("模拟了 %d 个案件（%s 至 %s，种子 %d）：写入 %d 个新事件，用时 %s。", "Simulated %d cases (%s to %s, seed %d): %d new events stored in %s.",
		c.Cases, sim.plan.from, sim.plan.until, c.Seed, acked.n, time.Since(began).Round(time.Millisecond))
	return nil
}

// The range in which cases are simulated unless told otherwise. It is fixed, so
// that the same seed gives the same events next month too.
const simulateFrom, simulateUntil domain.Date = "2025-01-01", "2026-10-31"

// A simulation is a plan and what it has come to.
type simulation struct {
	plan      *plan
	incidents []*incident
	asked     simulated
	byBurial  map[uuid.UUID]*funeral
	app       *handlers.App
	turns     map[*site]*turns // of the homes' cold stores
}

// newSimulation plans what is asked for. What lies after asked.Now has not
// happened yet; without it, the last day is over.
func newSimulation(asked simulated, now time.Time) (*simulation, error) {
	usage := func(zh, en string, args ...any) error { return fail(exitUsage, nil, zh, en, args...) }
	if asked.Cases < 1 {
		return nil, usage("--cases 至少为 1。", "--cases must be at least 1.")
	}
	yesterday := domain.DateOf(now).AddDays(-1)
	last := cmp.Or(asked.Until, min(simulateUntil, yesterday))
	first := asked.From
	switch {
	case first == "" && asked.Now.IsZero() && last > simulateFrom.AddMonths(6):
		first = simulateFrom
	case first == "":
		first = last.AddMonths(-22)
	}
	switch {
	case !first.Valid() || !last.Valid():
		return nil, usage("--from、--until 应写成 2026-10-31 这样。", "Write --from and --until like 2026-10-31.")
	case asked.Now.IsZero() && last > yesterday:
		return nil, usage("--until %s 还没有过去；还没有发生的事不能记录。", "--until %s has not passed; what has not happened cannot be recorded.", last)
	}
	city, err := newDemoCity()
	if err != nil {
		return nil, err
	}
	p, incidents, err := newPlan(city, asked.Seed, asked.Cases, first, last, cmp.Or(asked.Now, last.AddDays(1).Start()))
	if errors.Is(err, errFull) {
		return nil, usage("演示城市的火化炉在这段时间里容不下 %d 个案件；请用 --from、--until 放宽时间。", "The demo city's furnaces cannot take %d cases in this range; widen it with --from and --until.", asked.Cases)
	}
	if err != nil {
		return nil, usage("%v", "%v", err)
	}
	asked.From, asked.Until = first, last
	return &simulation{asked: asked, plan: p, incidents: incidents}, nil
}

// simulated is what was simulated in a data directory: the content of
// simulated.json there. Its presence marks the city as invented.
type simulated struct {
	Cases int         `json:"cases"`
	Seed  uint64      `json:"seed"`
	From  domain.Date `json:"from"`
	Until domain.Date `json:"until"`
	// Now is the moment up to which a demo city has lived: its last days are
	// still to come. Zero: Until is over.
	Now  time.Time `json:"now,omitzero"`
	Done bool      `json:"done"`
}

func simulatedFile(dir string) string { return filepath.Join(dir, "simulated.json") }

// readSimulated is nil where nothing was simulated.
func readSimulated(dir string) (*simulated, error) {
	b, err := os.ReadFile(simulatedFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(simulated)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w", simulatedFile(dir), err)
	}
	return s, nil
}

func (s *simulation) write(dir string, done bool) error {
	asked := s.asked
	asked.Done = done
	b, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	tmp := simulatedFile(dir) + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o640); err != nil {
		return err
	}
	return os.Rename(tmp, simulatedFile(dir))
}

// claim notes what is going to be simulated in the data directory, and refuses
// one where something else was: two simulations would want the same halls at
// the same hours.
func (s *simulation) claim(dir string) error {
	have, err := readSimulated(dir)
	switch {
	case err != nil:
		return err
	case have == nil:
		return s.write(dir, false)
	}
	asked := s.asked
	if asked.Done = have.Done; asked != *have {
		return fail(exitUsage, nil, "这个目录里模拟过别的（--cases %d --seed %d --from %s --until %s）；请换一个目录。",
			"Another simulation was run in this directory (--cases %d --seed %d --from %s --until %s); use another one.", have.Cases, have.Seed, have.From, have.Until)
	}
	return nil
}

// done notes that the simulation is complete.
func (s *simulation) done(dir string) error { return s.write(dir, true) }

// run founds the city and carries the plan out. What was done before is not
// done again.
func (s *simulation) run(ctx context.Context, con *console, app *handlers.App, parallel int) error {
	if err := s.begin(ctx, app); err != nil {
		return err
	}
	bar := con.progress("模拟", "simulating", s.plan.size())
	defer bar.end()
	for _, lanes := range s.inOrder() {
		if err := s.runLanes(ctx, bar, lanes, parallel); err != nil {
			return err
		}
	}
	return nil
}

// begin founds the city in which the plan is carried out.
func (s *simulation) begin(ctx context.Context, app *handlers.App) error {
	s.app, s.turns = app, map[*site]*turns{}
	for _, h := range s.plan.city.homes {
		s.turns[h] = &turns{waiting: map[int]chan struct{}{}}
	}
	s.byBurial = map[uuid.UUID]*funeral{}
	for _, f := range s.plan.funerals {
		s.byBurial[f.rest.burial] = f
	}
	return s.plan.city.found(ctx, app, s.plan.from)
}

// inOrder are the lanes that run together, and those that run after them:
// rounds of inspections come while the log is short, voyages after the cases
// whose ashes they carry, ledgers after the cases that they speak of.
func (s *simulation) inOrder() [4][]*lane {
	var rounds, cases, voyages, ledgers []*lane
	for _, l := range s.plan.lanes {
		switch {
		case isRound(l):
			rounds = append(rounds, l)
		case strings.HasPrefix(l.name, ledgerLane):
			ledgers = append(ledgers, l)
		case strings.HasPrefix(l.name, sailLane):
			voyages = append(voyages, l)
		default:
			cases = append(cases, l)
		}
	}
	return [4][]*lane{rounds, cases, voyages, ledgers}
}

func (s *simulation) runLanes(ctx context.Context, bar *progress, lanes []*lane, parallel int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	// A lane that waits for another lets a third one run. So that the one it waits
	// for is under way, the lanes of three days are: no turn is further ahead.
	tickets := make(chan struct{}, max(1, parallel))
	begun := make(chan struct{}, max(1, parallel, 4*s.plan.city.furnaces()))
	wait := func(turn <-chan struct{}) {
		select {
		case <-turn:
			return
		default:
		}
		<-tickets
		select {
		case <-turn:
		case <-ctx.Done():
		}
		tickets <- struct{}{}
	}
	for _, l := range lanes {
		begun <- struct{}{}
		wg.Go(func() {
			defer func() { <-begun }()
			tickets <- struct{}{}
			defer func() { <-tickets }()
			charges := 0
			for _, st := range l.steps {
				var queue *turns
				switch st.kind {
				case stepToFurnace:
					if charges == 0 && l.before != nil {
						wait(l.before)
					}
				case stepBayTaken, stepBayLeft:
					f := s.plan.funerals[st.who]
					queue = s.turns[f.home]
					if st.kind == stepBayTaken {
						wait(queue.turn(f.stores))
					} else {
						wait(queue.turn(f.goes))
					}
				}
				if ctx.Err() != nil {
					return
				}
				err := s.step(ctx, st)
				if st.kind == stepCollect && err == nil {
					if charges++; charges == l.charges {
						close(l.out)
					}
				}
				if err != nil {
					if ctx.Err() == nil {
						err = fail(exitFailed, err, "模拟停在 %s 的第 %d 号，第 %d 步（%s）", "the simulation stopped in %s at number %d, step %d (%s)",
							l.name, st.who, st.kind, domain.FormatTime(time.Unix(st.at, 0)))
					}
					cancel(err)
					return
				}
				if queue != nil {
					queue.done()
				}
				bar.add(1)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// turns let steps of many lanes go one after the other, in the order of their
// numbers from zero.
type turns struct {
	mu      sync.Mutex
	next    int
	waiting map[int]chan struct{}
}

// come is a turn that has come.
var come = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// turn is closed when the n-th may go.
func (t *turns) turn(n int) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == n {
		return come
	}
	c := make(chan struct{})
	t.waiting[n] = c
	return c
}

// done lets the next one go.
func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	if c := t.waiting[t.next]; c != nil {
		close(c)
		delete(t.waiting, t.next)
	}
}

func (s *simulation) step(ctx context.Context, st planned1) error {
	at := time.Unix(st.at, 0).UTC()
	switch {
	case st.kind >= stepComplain:
		return s.plan.matters[st.who].step(ctx, s, st.kind, at)
	case st.kind >= stepRate:
		return s.plan.funerals[st.who].followUp(ctx, s.app, st.kind, at)
	case st.kind >= stepVoyage:
		return s.plan.voyages[st.who].step(ctx, s, st.kind, at)
	case st.kind >= stepSuspect:
		return s.incidents[st.who].step(ctx, s, st.kind, at)
	}
	return s.plan.funerals[st.who].step(ctx, s, st.kind, at)
}

// simSpace is the name space of a simulation's command ids.
var simSpace = uuid.MustParse("5c4d8a55-1b1f-5e0c-9f0a-2c1d7c6f0002")

// act is the act of one step: its id follows from the case and the step.
func (f *funeral) act(kind stepKind, part, by string, at time.Time) domain.Act {
	return domain.Act{ID: uuid.NewSHA1(simSpace, fmt.Appendf(nil, "%s %d %s", f.id, kind, part)), By: by, Now: at, At: at, Correlation: f.id}
}

// eventID is the id that the one event of a step will have.
func (f *funeral) eventID(kind stepKind, part string) (id uuid.UUID) {
	f.steps(func(at time.Time, k stepKind) {
		if k == kind {
			id = events.EventID(f.act(kind, part, "", at), events.Stream(booking.Category+"-"+f.id.String()), 0)
		}
	})
	return id
}

func (f *funeral) tag() string { return fmt.Sprintf("T%07d", f.n+1) }
func (f *funeral) certificate() string {
	return fmt.Sprintf("DL%s-%02d-%06d", domain.DateOf(f.slot).Year(), f.home.nn, f.n+1)
}

// demoForm is the version of every form that a demo's people sign.
const demoForm = "DL-2025.1"

const deathIssuer = "虚构社区卫生服务中心"

// deathNumber is the number of the death certificate, as its generation has it.
func (f *funeral) deathNumber() string {
	issued := domain.DateOf(f.opened)
	if cremation.FormOn(issued) == cremation.Form2026 {
		return string(f.dead.id)
	}
	return fmt.Sprintf("XG%s%08d", issued.Year(), f.n+1)
}

// paper is the number of a paper that somebody signed.
func (f *funeral) paper(kind string) string { return fmt.Sprintf("%s-%07d", kind, f.n+1) }

// lastRoom is where the deceased is seen for the last time.
func (f *funeral) lastRoom() cremation.Place {
	if f.hall.IsZero() {
		return cremation.Place{Kind: cremation.InPreparation, ID: "1"}
	}
	return cremation.Place{Kind: cremation.InHall, ID: hallOf(f.furnace)}
}

// code is the one-time code of the ashes, and its salt.
func (f *funeral) code() (code, salt string) {
	sum := sha256.Sum256([]byte("release code of " + f.id.String()))
	return fmt.Sprintf("%04d-%04d", int(sum[0])*39%10000, int(sum[1])*37%10000), hex.EncodeToString(sum[16:])
}

func (f *funeral) step(ctx context.Context, s *simulation, kind stepKind, at time.Time) (err error) {
	app, id := s.app, f.id.String()
	person, handler := app.Person(f.dead.id), app.Person(f.living.id)
	desk, other := f.home.staff("desk", 1+f.n%2), f.home.staff("desk", 2-f.n%2)
	fire, water := f.home.staff("furnace", 1), f.home.staff("furnace", 2)
	act := func(by string) domain.Act { return f.act(kind, "", by, at) }
	cremate := func(c cremation.CremationCommand) { _, err = app.Cremations.Handle(ctx, id, c) }
	keep := func(c cremation.CustodyCommand) { _, err = app.Custodies.Handle(ctx, id, c) }
	// scan is one by an account, so many minutes after the step.
	scan := func(by string, minutes int) cremation.Scan {
		return cremation.Scan{By: by, At: at.Add(time.Duration(minutes) * time.Minute)}
	}
	move := func(by string, from, to cremation.Place) {
		_, err = app.MoveRemains(ctx, handlers.MoveRemains{Act: act(by), Case: f.id, Tag: f.tag(), From: from, To: to, Out: scan(water, -1), In: scan(by, 0)})
	}
	x := &f.rest
	switch kind {
	case stepBook:
		_, err = app.Book(ctx, handlers.Book{Act: act(desk), Case: f.id,
			Want: handlers.Want{Resource: f.furnace, Start: f.slot, Minutes: furnaceMinutes},
			Opened: booking.Opened{
				Institution: string(f.home.code()), Number: fmt.Sprintf("%s-%02d-%06d", domain.DateOf(f.opened).Year(), f.home.nn, f.n+1), Source: f.source,
				Deceased: booking.Deceased{Person: person, Name: domain.Personal(person, f.dead.name), CitizenID: domain.Personal(person, f.dead.id),
					DeathDate: f.dead.died, Hukou: f.dead.hukou},
				Handler: booking.Handler{Person: handler, Name: domain.Personal(handler, f.living.name), Phone: domain.Personal(handler, f.living.phone), Relation: f.living.relation},
			}})
	case stepHall:
		_, err = app.TakeSlot(ctx, handlers.TakeSlot{Act: act(desk), Case: f.id, Want: handlers.Want{Resource: hallOf(f.furnace), Start: f.hall, Minutes: hallMinutes}})
	case stepQuote:
		_, err = app.Quote(ctx, handlers.Quote{Act: act(desk), Case: f.id, Quote: "Q1", Items: f.items})
	case stepConsent:
		var c booking.State
		if c, _, err = app.Cases.Load(ctx, id); err == nil && len(c.Quotes) > 0 {
			_, err = app.Cases.Handle(ctx, id, booking.Consent{Act: act(desk), Quote: "Q1", Total: c.Quotes[0].Total})
		}
	case stepCollectRemains:
		keep(cremation.CollectRemains{Act: act(other), Case: f.id, Institution: f.home.code(), Ground: cremation.OnDeathCertificate, Paper: domain.Personal(person, f.deathNumber()),
			Issuer: deathIssuer, Giver: cremation.FromHospital, GiverName: domain.Personal(person, "移交人"+inventedMark), GiverSigned: true,
			From: domain.Personal(person, "虚构地址"), Into: cremation.Place{Kind: cremation.InVehicle, ID: "car-1"}})
	case stepReceive:
		_, err = app.TakeIn(ctx, handlers.TakeIn{Act: act(other), Case: f.id, Tag: f.tag(), To: cremation.Place{Kind: cremation.InReception}, Out: scan(other, -4), In: scan(desk, 0)})
	case stepBelongings:
		c := cremation.ListBelongings{Act: act(desk), Witness: other}
		if f.ring {
			c.Items = []cremation.Item{{ID: "1", Description: domain.Personal(person, "戒指"+inventedMark), Count: 1}}
		}
		keep(c)
	case stepStore:
		move(other, cremation.Place{Kind: cremation.InReception}, f.bay.Place())
	case stepLeave:
		move(desk, f.bay.Place(), f.lastRoom())
	case stepBayTaken:
		_, err = app.ColdStores.Handle(ctx, string(f.home.code()), cremation.Store{Act: act(other), Bay: f.bay, Tag: f.tag(), Case: f.id, TagCase: f.id, Capacity: coldBays})
	case stepBayLeft:
		_, err = app.ColdStores.Handle(ctx, string(f.home.code()), cremation.Remove{Act: act(desk), Bay: f.bay, Tag: f.tag()})
	case stepWaiver:
		keep(cremation.AskWaiver{Act: act(desk), Reason: domain.Personal(person, "家属书面请求不再见最后一面（虚构）")})
	case stepIdentify:
		if f.alone {
			keep(cremation.ApproveWaiver{Act: act(other)})
			break
		}
		_, err = app.Identify(ctx, handlers.Identify{Case: f.id, Identify: cremation.Identify{Act: act(desk), Tag: f.tag(), Relative: handler, Name: domain.Personal(handler, f.living.name),
			Relation: string(f.living.relation), Method: cremation.ByViewing, Recognised: true, Form: demoForm}})
	case stepToFurnace:
		move(fire, f.lastRoom(), cremation.Place{Kind: cremation.AtFurnace, ID: f.furnace})
	case stepDeathCertificate:
		cremate(cremation.RecordDeathCertificate{Act: act(desk), Number: domain.Personal(person, f.deathNumber()), Issuer: deathIssuer,
			IssuedOn: domain.DateOf(f.opened), DeathDate: f.dead.died, CauseClass: domain.Personal(person, f.cause), Checked: true})
	case stepConfirmation:
		_, err = app.SignConfirmation(ctx, handlers.SignConfirmation{Act: act(desk), Case: f.id, Form: demoForm})
	case stepPolicePaper:
		cremate(cremation.RecordPolicePaper{Act: act(desk), Number: domain.Personal(person, fmt.Sprintf("GA-%06d", f.n+1)), Issuer: "虚构公安分局", IssuedOn: domain.DateOf(at)})
	case stepHold:
		cremate(cremation.PlaceHold{Act: act(desk), Hold: x.burial, Kind: f.held, Authority: holdAuthority(f.held)})
	case stepLift:
		cremate(cremation.LiftHold{Act: act(desk), Hold: x.burial, Authority: holdAuthority(f.held), Paper: fmt.Sprintf("JC-%06d", f.n+1)})
	case stepCancel:
		_, err = app.CancelCase(ctx, handlers.CancelCase{Act: act(desk), Case: f.id, Reason: f.cancels})
	case stepVerify1, stepVerify2:
		by := fire
		if kind == stepVerify2 {
			by = water
		}
		// Who is alike is known from the plan: what the log says at this moment
		// depends on how far other lanes have come.
		tail := string(f.dead.id[14:])
		cremate(cremation.VerifyIdentity{Act: act(by), Tag: f.tag(), Scanned: true, LookAlikes: f.alike, IDTail: tail, IDTailOf: tail})
	case stepCharge:
		// StartCremation charges the furnace by itself, under an id that follows
		// from the furnace's revision. A simulation must not depend on that.
		_, err = app.Furnaces.Handle(ctx, handlers.FurnaceID(f.home.code(), f.furnace), cremation.Charge{Act: act(fire), Case: f.id, Stands: true})
	case stepStart:
		_, err = app.StartCremation(ctx, handlers.StartCremation{Act: act(fire), Case: f.id, Furnace: f.furnace})
	case stepComplete:
		cremate(cremation.Complete{Act: act(fire)})
	case stepCollect:
		_, err = app.CollectAshes(ctx, handlers.CollectAshes{Act: act(water), Case: f.id, WeightG: f.weight, Containers: 1, Label: f.tag(),
			SealedBy: [2]string{fire, water}, ChamberEmpty: true})
	case stepIssue:
		_, err = app.IssueCertificate(ctx, handlers.IssueCertificate{Act: act(desk), Case: f.id, Number: f.certificate(), Form: demoForm})
	case stepBill:
		for _, it := range f.items {
			if it.Code == "DOC" {
				continue
			}
			if _, err = app.Charge(ctx, handlers.Charge{Act: f.act(kind, it.ID, desk, at), Case: f.id, Item: it}); err != nil {
				return err
			}
		}
	case stepRelief:
		for _, it := range f.items {
			switch it.Code {
			case "TRN-STD", "STO-COLD", "CRM-FLAT", "URN-BASIC":
				if _, err = app.ApplyRelief(ctx, handlers.ApplyRelief{Act: f.act(kind, it.ID, desk, at), Case: f.id, Line: it.ID, Group: f.group}); err != nil {
					return err
				}
			}
		}
	case stepPay:
		var c booking.State
		if c, _, err = app.Cases.Load(ctx, id); err == nil && c.Balance() > 0 {
			_, err = app.Cases.Handle(ctx, id, booking.Pay{Act: act(desk), Paid: booking.Paid{Payment: "P1", Amount: c.Balance(), Method: f.method}})
		}
	case stepClose:
		_, err = app.Cases.Handle(ctx, id, booking.Close{Act: act(desk)})
	case stepTakeCertificate:
		_, err = app.Certificate(ctx, f.id, f.certificate(), func(valid bool) cremation.CertificateCommand {
			return cremation.CollectCertificate{Act: act(desk), To: handler, Name: domain.Personal(handler, f.living.name), Receipt: domain.Personal(handler, f.paper("LZ")), Issued: valid}
		})
	case stepSettle:
		keep(cremation.SettleBelongings{Act: act(desk), Items: []string{"1"}, Fate: cremation.HandedOver, To: handler, Name: domain.Personal(handler, f.living.name), Receipt: domain.Personal(handler, f.paper("YW"))})
	case stepCode:
		// IssueCode makes one at random, as it should. A simulation may not.
		code, salt := f.code()
		cremate(cremation.IssueReleaseCode{Act: act(desk), Code: uuid.NewSHA1(f.id, []byte("code")), To: handler, Salt: salt, Hash: domain.Personal(handler, cremation.HashCode(salt, code))})
	case stepRelease:
		code, _ := f.code()
		_, err = app.ReleaseAshes(ctx, handlers.ReleaseAshes{Act: act(desk), Case: f.id, Name: f.living.name, Certificate: f.certificate(), IDChecked: true, Code: code,
			CitizenID: f.living.id, Receipt: f.paper("GH"), Form: demoForm})

	case stepSurvey:
		p := x.at.place(x.section, x.place)
		p.Survey.Act = act(x.at.staff("cemetery", 1))
		_, err = app.Survey(ctx, p)
	case stepAllocate:
		on := domain.DateOf(at)
		a := handlers.AllocatePlot{Of: x.at.code(), Plot: x.at.place(x.section, x.place).Plot, Allocate: cemetery.Allocate{
			Act: act(x.at.staff("cemetery", 1)), Right: fmt.Sprintf("R%07d", f.n+1), Applicant: handler, Ground: cemetery.CremationCertificate,
			Certificate: f.certificate(), Villager: x.at.class == cemetery.RuralPublic, Contract: fmt.Sprintf("HT%07d", f.n+1), TermUntil: on.AddMonths(239)}}
		if x.feeCode != "" {
			a.FeeFen = x.at.fee(x.feeCode, on)
		}
		if _, err = app.AllocatePlot(ctx, a); err != nil || !x.spouse {
			return err
		}
		a.Allocate.Act = f.act(kind, "spouse", x.at.staff("cemetery", 1), at)
		a.Ground, a.Certificate, a.FeeFen = cemetery.LivingSpouse, "", 0
		a.Deceased, a.SpouseOf, a.Hukou = handler, person, f.dead.hukou
		a.ExceptionPaper = domain.Personal(handler, fmt.Sprintf("JH%07d（虚构）", f.n+1))
		_, err = app.AllocatePlot(ctx, a)
	case stepInter:
		a := act(x.at.staff("cemetery", 1))
		if x.late > 0 { // it happened days before the clerk entered it
			a.At, a.LateReason = x.end, "村里纸质登记，集中补录"
		}
		_, err = app.Inter(ctx, handlers.Inter{Of: x.at.code(), Plot: x.at.place(x.section, x.place).Plot,
			Inter: cemetery.Inter{Act: a, Right: fmt.Sprintf("R%07d", f.n+1), Certificate: f.certificate(), Consent: cemetery.Consent{Paper: fmt.Sprintf("AZ%07d", f.n+1)}}})
	case stepEcoApply:
		_, err = app.ApplyEcoBurial(ctx, handlers.ApplyEcoBurial{ID: x.burial, Apply: ecoburial.Apply{Act: act(x.at.staff("eco", 1)), Type: x.eco,
			Institution: x.at.code(), Division: x.at.reg.Division, Case: f.id, Certificate: f.certificate()}})
	case stepEcoConsent:
		_, err = app.EcoBurials.Handle(ctx, x.burial.String(), ecoburial.Consent{Act: act(x.at.staff("eco", 1)), Applicant: handler})
	case stepEcoWithdraw:
		_, err = app.EcoBurials.Handle(ctx, x.burial.String(), ecoburial.Withdraw{Act: act(x.at.staff("eco", 1)), Applicant: handler})
	case stepEcoComplete:
		c := handlers.CompleteEcoBurial{ID: x.burial, Complete: ecoburial.Complete{Act: act(x.at.staff("eco", 1)), Facts: map[string]string{}}}
		t, ok := ecoburial.Default().Type(x.eco)
		if !ok {
			return fmt.Errorf("there is no eco type %s", x.eco)
		}
		for _, r := range t.Requires {
			c.Facts[r.Name] = f.fact(r)
		}
		c.LandCM2, c.EcoCertificate = t.LandCM2, fmt.Sprintf("HZ%s-%06d", domain.DateOf(at).Year(), f.n+1)
		_, err = app.CompleteEcoBurial(ctx, c)
	default:
		return fmt.Errorf("step %d is not one of a funeral", kind)
	}
	return err
}

func holdAuthority(k cremation.HoldKind) string {
	if k == cremation.HoldPolice {
		return "虚构公安分局"
	}
	return "本馆"
}

// fact makes up what an eco-burial of a type must state.
func (f *funeral) fact(r ecoburial.Requirement) string {
	switch {
	case r.Op == "<=":
		return fmt.Sprint(f.n % (r.Bound + 1))
	case r.Op == ">=":
		return fmt.Sprint(r.Bound + f.n%5)
	}
	switch r.Name {
	case "container_degradable":
		return "true"
	}
	return fmt.Sprintf("YS-%d", f.n+1)
}

func (x *incident) step(ctx context.Context, s *simulation, kind stepKind, at time.Time) (err error) {
	app, of := s.app, x.at.code()
	act := domain.Act{ID: uuid.NewSHA1(simSpace, fmt.Appendf(nil, "%s %d", x.id, kind)), By: "regulator-0501", Now: at, At: at, Correlation: x.id}
	entry := uuid.NewSHA1(x.id, []byte("entry"))
	on := domain.DateOf(at)
	paper := fmt.Sprintf("演示文书〔2026〕%d号", 100+x.n)
	ledger := func(c credit.LedgerCommand) { _, err = app.Credit.Handle(ctx, string(of), c) }
	switch kind {
	case stepSuspect:
		_, err = app.Suspect(ctx, of, credit.Suspect{Act: act, Suspicion: x.id, Rule: x.rule, Fact: x.fact, SourceEvent: x.source, Basis: "演示：例行核对"})
	case stepNotify:
		ledger(credit.Notify{Act: act, Suspicion: x.id, Document: paper + "（告知）"})
	case stepAnswer:
		act.By = x.at.staff("desk", 1)
		ledger(credit.Answer{Act: act, Suspicion: x.id, Document: "演示说明书"})
	case stepDismiss:
		ledger(credit.Dismiss{Act: act, Suspicion: x.id, Reason: "演示：核对无误"})
	case stepConfirm:
		first := act
		first.ID = events.StepID(act.ID, "propose")
		if _, err = app.ProposeConfirmation(ctx, of, credit.ProposeConfirmation{Act: first, Entry: entry, Suspicion: x.id, Document: paper, DecidedOn: on}); err != nil {
			return err
		}
		act.By = "regulator-0502"
		_, err = app.ConfirmSuspicion(ctx, of, credit.Confirm{Act: act, Suspicion: x.id})
	case stepRepair:
		asked := act
		asked.ID, asked.By = events.StepID(act.ID, "ask"), x.at.staff("desk", 1)
		if _, err = app.RequestRepair(ctx, of, credit.RequestRepair{Act: asked, Entry: entry, Document: "演示修复申请", FiledOn: on}); errors.Is(err, credit.ErrRepairEarly) {
			return nil // the entry was escalated: it takes longer
		} else if err != nil {
			return err
		}
		_, err = app.RepairEntry(ctx, of, credit.Repair{Act: act, Entry: entry, Document: paper + "（修复）", RepairedOn: on})
	case stepRevoke:
		// The institution objects, and is right.
		objection, filed := uuid.NewSHA1(x.id, []byte("objection")), act
		filed.ID, filed.By = events.StepID(act.ID, "object"), x.at.staff("desk", 1)
		if ledger(credit.Object{Act: filed, Objection: objection, Entry: entry, Document: "演示异议书", FiledOn: on}); err != nil {
			return err
		}
		ledger(credit.DecideObjection{Act: act, Objection: objection, Accepted: true, Document: paper + "（撤销）", Reason: "演示：复核后撤销", DecidedOn: on})
	case stepBonus:
		_, err = app.GrantBonus(ctx, of, credit.GrantBonus{Act: act, Entry: entry, Bonus: x.rule, Fact: x.fact, Document: paper, DecidedOn: on})
	default:
		return fmt.Errorf("step %d is not one of an incident", kind)
	}
	return err
}

// acking counts events as they are acknowledged and writes a line for each:
// stream, revision, command, event id. A test that kills the process compares
// them with the log.
type acking struct {
	events.Store
	mu sync.Mutex
	to io.Writer
	n  int // events
}

func (a *acking) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	rev, pos, err := a.Store.Append(ctx, st, expected, es...)
	if err != nil {
		return rev, pos, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n += len(es)
	if a.to == nil {
		return rev, pos, nil
	}
	var b []byte
	for _, e := range es {
		b = fmt.Appendf(b, "%s\t%d\t%s\t%s\n", st, rev, e.Meta.Command, e.ID)
	}
	if _, werr := a.to.Write(b); werr != nil {
		return rev, pos, fmt.Errorf("the acknowledgement is not written: %w", werr)
	}
	return rev, pos, nil
}

// reopen puts another store under the application.
func (c *city) reopen(s events.Store) {
	app := handlers.NewApp(s, c.registry, c.keys, c.persons)
	c.store, c.app = s, app
}
