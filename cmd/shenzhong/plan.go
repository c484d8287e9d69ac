package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
)

// A plan says beforehand everything that a simulation will ask: who, where,
// when. It follows from seed, number and range alone.
//
// Cases share halls, furnaces, cold stores and ledgers, and the order of events
// in those streams must not depend on which goroutine is faster. So every shared
// stream belongs to one lane, a lane's steps run one after the other in the order
// of their times, and lanes run side by side. Only two streams go on from day to
// day: a furnace's own, where each lane waits for the one of the day before, and
// a home's cold store, where everybody who comes or goes waits for their turn.
type plan struct {
	city     *demoCity
	seed     uint64
	from     domain.Date
	until    domain.Date
	now      time.Time // what comes after it has not happened yet
	funerals []*funeral
	voyages  []*sailing
	matters  []*matter
	lanes    []*lane
}

// A lane is one day of a furnace and its hall, with all that becomes of that
// day's cases before and after, an operator's voyages, an institution's credit
// ledger, or one complaint, penalty or round of inspections.
type lane struct {
	name    string
	steps   []planned1
	charges int             // how often the furnace is emptied
	before  <-chan struct{} // closed when the furnace's last charge before these is out; nil: there was none
	out     chan struct{}   // closed when the last of these is out
}

// planned1 is one step of one funeral or incident, in 24 bytes: a plan of
// 100,000 cases has four million of them.
type planned1 struct {
	at   int64 // Unix seconds
	who  int32 // index of the funeral, of the incident, of the voyage or of the matter
	kind stepKind
}

type stepKind uint8

// The steps of a funeral, in the order in which they are taken when their times
// are equal, then those of a credit incident, those of a voyage, a rating's, and
// those of complaints, rounds of inspections and penalties. Ids of commands
// follow from their numbers: a new one comes last.
const (
	stepBook stepKind = iota
	stepHall
	stepDeathCertificate
	stepQuote
	stepConsent
	stepConfirmation
	stepPolicePaper
	stepCollectRemains
	stepReceive
	stepBelongings
	stepBayTaken // MoveRemains takes it by itself; so that nobody waits longer than needed, the turn is this alone
	stepStore    // into the cold store
	stepHold
	stepLift
	stepCancel
	stepBayLeft
	stepLeave // the cold store, for the hall or the preparation room
	stepWaiver
	stepIdentify // by a relative, or by a waiver that another account approves
	stepVerify1
	stepVerify2
	stepToFurnace
	stepCharge // the furnace
	stepStart
	stepComplete
	stepCollect
	stepIssue
	stepBill
	stepRelief
	stepPay
	stepClose
	stepTakeCertificate
	stepSettle // the belongings
	stepCode
	stepRelease
	stepSurvey
	stepAllocate
	stepInter
	stepEcoApply
	stepEcoConsent
	stepEcoWithdraw
	stepEcoComplete

	stepSuspect
	stepNotify
	stepAnswer
	stepDismiss
	stepConfirm
	stepRepair
	stepRevoke
	stepBonus

	stepVoyage
	stepSeats
	stepStorm
	stepOffers
	stepDepart
	stepScatter
	stepEnd
	stepIncentives
	stepPayments

	stepRate
	stepCall
	stepResolve
	stepCheck

	stepComplain
	stepTakeUp
	stepAsk
	stepReply
	stepFind
	stepEndComplaint

	stepCommit
	stepFreeze
	stepOpenSeed
	stepVisit
	stepPublish

	stepPropose
	stepTell
	stepHear
	stepLegal
	stepPenalise
	stepServe
)

// A funeral is one planned case.
type funeral struct {
	n       int
	id      uuid.UUID
	home    *site
	furnace string
	dead    dead
	living  living
	source  booking.Source

	opened  time.Time
	slot    time.Time // the furnace is charged then
	hall    time.Time // zero: no farewell
	cause   cremation.CauseClass
	held    cremation.HoldKind // empty: no hold
	items   []booking.Item
	group   string         // of the relief rule; empty: none
	cancels booking.Reason // empty: goes on
	method  booking.Method
	weight  int
	ring    bool // there is something to keep for the family
	alone   bool // nobody comes to identify
	level   int  // of the rating; 0: none
	named   bool // under the family's name
	rated   time.Time

	bay          cremation.Bay
	stores, goes int         // whose turn it is in the home's cold store, in and out
	alike        []uuid.UUID // who could be taken for this one on the day (I6)
	rest         rest
}

// A rest is where the ashes go.
type rest struct {
	at         *site  // nil: nowhere yet
	eco        string // eco type; empty: a plot or niche
	section    string
	place      int
	feeCode    string
	spouse     bool // a place for the living spouse beside it
	burial     uuid.UUID
	begin, end time.Time // allocated and interred, or applied and completed
	late       time.Duration
	withdrawn  bool
}

// An incident is one turn in an institution's service credit.
type incident struct {
	n        int
	id       uuid.UUID
	at       *site
	rule     string // a bonus' code for a bonus
	fact     string
	source   uuid.UUID
	when     time.Time
	answered bool
	end      stepKind // stepDismiss or stepConfirm
	after    stepKind // stepRepair, stepRevoke, or zero
	minor    bool
}

// Furnaces are charged at these times, ninety minutes apart.
var furnaceStarts = []time.Duration{8 * time.Hour, 9*time.Hour + 30*time.Minute, 11 * time.Hour, 12*time.Hour + 30*time.Minute, 14 * time.Hour}

const furnaceMinutes, hallMinutes = 90, 60

// seaIncentive is the first day of the sea-burial incentive (DL-SEA-2025).
const seaIncentive domain.Date = "2025-03-24"

// monthly weighs deaths: more in winter.
var monthly = [12]int{125, 118, 108, 96, 90, 86, 88, 90, 88, 95, 104, 118}

// newPlan plans n cases between two days, both included, of which happens what
// lies before now. It fails when the city's furnaces cannot take so many.
func newPlan(city *demoCity, seed uint64, n int, from, until domain.Date, now time.Time) (*plan, []*incident, error) {
	p := &plan{city: city, seed: seed, from: from, until: until, now: now}
	days, weights := []domain.Date{}, []int{}
	for d := from.AddDays(3); d <= until; d = d.AddDays(1) {
		weight := monthly[d.Start().Month()-1]
		if d >= domain.DateOf(now) {
			weight *= busy
		}
		days, weights = append(days, d), append(weights, weight)
	}
	if len(days) == 0 {
		return nil, nil, fail(exitUsage, nil, "从 %s 到 %s 的时间太短。", "The range from %s to %s is too short.", from, until)
	}
	var deaths []int
	for _, h := range city.homes {
		deaths = append(deaths, demoShare[h.reg.Division].deaths)
	}
	taken := map[string]uint8{} // furnace and day: how many starts are given
	ids := map[domain.CitizenID]bool{}
	places := map[string]int{}
	for i := range n {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		f := &funeral{n: i, id: randomID(r), home: city.homes[weighted(r, deaths)]}
		if !f.findSlot(r, days, weights, taken) {
			return nil, nil, errFull
		}
		f.invent(r)
		for ids[f.dead.id] { // somebody else has this number
			f.dead.id = nextSequence(f.dead.id)
		}
		ids[f.dead.id] = true
		f.findRest(r, city, places)
		f.rate(seed)
		p.funerals = append(p.funerals, f)
	}
	p.alike()
	incidents := p.incidents()
	p.voyages = p.sailings()
	p.oversee()
	p.sort(incidents)
	return p, incidents, nil
}

// busy is how many times the cases of another day a demo city has on the days
// that are not over: so many that every desk has something to do. demoAhead is
// how many days after today have bookings.
const busy, demoAhead = 6, 2

var errFull = fmt.Errorf("the demo city's furnaces cannot take so many cases in this range; widen it with --from and --until")

// findSlot gives the case a furnace, a day and a time, the wished day or the
// first one after it, round to the beginning.
func (f *funeral) findSlot(r *rand.Rand, days []domain.Date, weights []int, taken map[string]uint8) bool {
	wish, first := weighted(r, weights), r.IntN(len(f.home.furnaces))
	for i := range days {
		day := days[(wish+i)%len(days)]
		for j := range f.home.furnaces {
			furnace := f.home.furnaces[(first+j)%len(f.home.furnaces)]
			key := string(f.home.code()) + furnace + string(day)
			if k := taken[key]; int(k) < len(furnaceStarts) {
				taken[key]++
				f.furnace, f.slot = furnace, day.Start().Add(furnaceStarts[k])
				return true
			}
		}
	}
	return false
}

func nextSequence(id domain.CitizenID) domain.CitizenID {
	var seq int
	fmt.Sscanf(string(id[14:17]), "%03d", &seq)
	return citizenID(domain.Division(id[:6]), id.Birth(), (seq+2)%1000) // the sex stays
}

// invent makes up everything about a case that shares nothing with others.
func (f *funeral) invent(r *rand.Rand) {
	day := domain.DateOf(f.slot)
	f.opened = day.AddDays(-1 - r.IntN(2)).Start().Add(8*time.Hour + time.Duration(20+r.IntN(400))*time.Minute)
	f.dead = someoneDead(r, f.home.reg.Division, domain.DateOf(f.opened).AddDays(-r.IntN(2)))
	f.living = someoneLiving(r, f.dead)
	f.source = []booking.Source{booking.Desk, booking.Online}[weighted(r, []int{72, 28})]
	f.cause = []cremation.CauseClass{cremation.Natural, cremation.Unnatural, cremation.Unknown}[weighted(r, []int{945, 45, 10})]
	if chance(r, 2) {
		f.held = pick(r, []cremation.HoldKind{cremation.HoldDispute, cremation.HoldIdentity, cremation.HoldPolice})
	}
	f.method = pick(r, booking.Methods)
	f.weight = 1600 + r.IntN(1400)
	f.ring, f.alone = chance(r, 30), chance(r, 3)
	f.items = []booking.Item{
		{ID: "1", Code: "TRN-STD", Quantity: 1},
		{ID: "2", Code: "STO-COLD", Quantity: int64(1 + int(day.Start().Sub(domain.DateOf(f.opened).Start()).Hours())/24)},
		{ID: "3", Code: "CRM-FLAT", Quantity: 1},
	}
	more := func(p int, code string) {
		if chance(r, p) {
			f.items = append(f.items, booking.Item{ID: fmt.Sprint(len(f.items) + 1), Code: code, Quantity: 1})
		}
	}
	if chance(r, 62) {
		f.hall = f.slot.Add(-hallMinutes * time.Minute)
		more(100, []string{"HAL-S", "HAL-M", "HAL-L"}[weighted(r, []int{70, 24, 6})])
	}
	more(35, "GRM-DRESS")
	more(30, "URN-BASIC")
	more(20, "WRE-RENT")
	if chance(r, 5) && f.dead.died >= "2025-04-04" && f.dead.hukou.In("210000") {
		f.group = pick(r, []string{"最低生活保障对象", "最低生活保障边缘家庭成员", "特困人员", "人体器官捐献者"})
	}
	if chance(r, 4) {
		f.cancels = []booking.Reason{booking.FamilyWithdrew, booking.MovedElsewhere, booking.EntryError}[weighted(r, []int{6, 3, 1})]
	}
}

// findRest decides where the ashes go, and when.
func (f *funeral) findRest(r *rand.Rand, city *demoCity, places map[string]int) {
	x := &f.rest
	x.burial = randomID(r)
	local := f.dead.hukou.In("210200")
	of := func(class cemetery.Class) *site {
		var in []*site
		for _, c := range city.cemeteries {
			if c.class == class {
				in = append(in, c)
			}
		}
		return pick(r, in)
	}
	village := func() *site {
		for _, c := range city.cemeteries {
			if c.class == cemetery.RuralPublic && f.dead.hukou == c.reg.Division {
				return c
			}
		}
		return nil
	}
	rural := f.home.reg.Division >= "210213" // the outer districts and counties
	weights := []int{26, 17, 9, 11, 7, 4, 3, 3, 2, 18}
	if rural {
		weights = []int{14, 26, 20, 4, 5, 2, 2, 2, 1, 24}
	}
	x.begin = f.slot.Add(26*time.Hour + time.Duration(r.IntN(20*24*60))*time.Minute)
	x.end = x.begin.Add(time.Duration(1+r.IntN(9))*24*time.Hour + time.Duration(r.IntN(120))*time.Minute)
	x.begin, x.end = workingHours(x.begin), workingHours(x.end)
	switch kind := weighted(r, weights); kind {
	case 0: // a niche or a wall niche
		x.at, x.section, x.feeCode = of(cemetery.Columbarium), "A", "NIC-USE"
		if chance(r, 12) {
			x.section, x.feeCode = "B", "WAL-USE"
		}
	case 1: // a grave of the usual size
		x.at, x.section, x.feeCode = of(cemetery.UrbanPublic), "A", "PLT-PUB-S"
		if !local || chance(r, 25) {
			x.at, x.feeCode = of(cemetery.Commercial), "PLT-COM"
		}
		x.spouse = f.living.relation == booking.Spouse && chance(r, 60)
	case 2: // a small grave, in the village where there is one
		if x.at, x.section = village(), "B"; x.at != nil {
			x.late = time.Duration(2+r.IntN(8)) * 24 * time.Hour // entered when the clerk comes round
		} else if x.at, x.feeCode = of(cemetery.UrbanPublic), "PLT-PUB-S"; !local {
			x.at, x.feeCode = of(cemetery.Commercial), "PLT-COM"
		}
	case 3:
		x.at, x.eco = pick(r, city.sea), "SEA"
		x.end = workingHours(x.begin.Add(time.Duration(3+r.IntN(40)) * 24 * time.Hour))
	case 4, 5, 6, 7:
		x.at, x.eco = of(cemetery.UrbanPublic), []string{"TREE_BIO", "FLOWER_BIO", "LAWN_BIO", "DEEP_ASH"}[kind-4]
	case 8:
		if x.at, x.section, x.feeCode = of(cemetery.UrbanPublic), "C", "ECO-TREE"; !local {
			x.at, x.feeCode = of(cemetery.Commercial), ""
		}
	case 9: // nothing yet: at home or in deposit
		x.at = nil
	}
	if x.eco != "" {
		x.end = workingHours(x.end.Add(48 * time.Hour)) // after the pause
		x.withdrawn = chance(r, 4)
	} else if x.at != nil {
		key := string(x.at.code()) + x.section
		places[key]++
		x.place = places[key]
	}
}

// workingHours moves a time into the working day.
func workingHours(t time.Time) time.Time {
	d := domain.DateOf(t)
	return d.Start().Add(8*time.Hour + 30*time.Minute + time.Duration(t.Unix()/60%450)*time.Minute)
}

// steps are the funeral's steps with their times.
func (f *funeral) steps(yield func(time.Time, stepKind)) {
	o, s := f.opened, f.slot
	min := func(t time.Time, m int) time.Time { return t.Add(time.Duration(m) * time.Minute) }
	yield(o, stepBook)
	if !f.hall.IsZero() {
		yield(min(o, 3), stepHall)
	}
	yield(min(o, 12), stepQuote)
	yield(min(o, 20), stepConsent)
	if f.cancels != "" {
		yield(min(o, 95), stepCancel)
		return
	}
	yield(min(o, 26), stepCollectRemains)
	yield(min(o, 50), stepReceive)
	yield(min(o, 53), stepDeathCertificate)
	yield(min(o, 55), stepConfirmation)
	if f.cause != cremation.Natural {
		yield(min(o, 57), stepPolicePaper)
	}
	yield(min(o, 58), stepBelongings)
	if f.held != "" {
		yield(min(o, 60), stepHold)
	}
	yield(min(o, 64), stepBayTaken)
	yield(min(o, 64), stepStore)
	if f.held != "" {
		yield(min(o, 240), stepLift)
	}
	out := -50 // for the hall there is more to do before
	if !f.hall.IsZero() {
		out = -80
	}
	yield(min(s, out), stepBayLeft)
	yield(min(s, out), stepLeave)
	if f.alone {
		yield(min(s, out+3), stepWaiver)
	}
	yield(min(s, out+8), stepIdentify)
	yield(min(s, -6), stepVerify1)
	yield(min(s, -2), stepVerify2)
	yield(s, stepToFurnace)
	yield(s, stepCharge)
	yield(min(s, 1), stepStart)
	yield(min(s, 68), stepComplete)
	yield(min(s, 80), stepCollect)
	yield(min(s, 92), stepIssue)
	yield(min(s, 95), stepBill)
	if f.group != "" {
		yield(min(s, 96), stepRelief)
	}
	yield(min(s, 100), stepPay)
	yield(min(s, 101), stepClose)
	yield(min(s, 103), stepTakeCertificate)
	if f.ring {
		yield(min(s, 105), stepSettle)
	}
	yield(min(s, 106), stepCode)
	yield(min(s, 110), stepRelease)
	f.ratings(yield)
	x := &f.rest
	switch {
	case x.at == nil:
	case x.eco != "":
		yield(x.begin, stepEcoApply)
		if x.withdrawn {
			yield(x.begin.Add(30*time.Hour), stepEcoWithdraw)
			return
		}
		yield(x.begin.Add(26*time.Hour), stepEcoConsent)
		if x.eco != "SEA" { // a voyage completes these
			yield(x.end, stepEcoComplete)
		}
	default:
		yield(min(x.begin, -5), stepSurvey)
		yield(x.begin, stepAllocate)
		yield(x.end.Add(x.late), stepInter)
	}
}

// incidents plans what happens in the institutions' service credit, from the
// day on which the policy is in force.
func (p *plan) incidents() []*incident {
	first := max(p.from, priceChange).AddDays(5)
	span := int(p.until.Start().Sub(first.Start()).Hours() / 24)
	if span < 1 {
		return nil
	}
	byHome := map[*site][]*funeral{}
	for _, f := range p.funerals {
		byHome[f.home] = append(byHome[f.home], f)
	}
	var out []*incident
	for i, s := range p.city.all() {
		r := rand.New(rand.NewPCG(p.seed, 1<<40+uint64(i)))
		rules := []string{"P01", "S06", "B01", "S07", "V01", "R02"}
		if len(s.furnaces) > 0 {
			rules = []string{"P04", "P05", "P10", "S05", "S06", "P01", "P09", "R02", "R03", "P02"}
		}
		for k := range r.IntN(7) {
			x := &incident{n: len(out), id: randomID(r), at: s, rule: pick(r, rules), answered: chance(r, 75)}
			x.when = workingHours(first.AddDays(r.IntN(span)).Start())
			x.fact = fmt.Sprintf("inspection:%s-%d", s.code(), k+1)
			if fs := byHome[s]; len(fs) > 0 && chance(r, 60) {
				// Found on the bill of a case that was over by then.
				if f := pick(r, fs); f.cancels == "" && f.slot.Before(x.when.AddDate(0, 0, -1)) && !slices.ContainsFunc(out, func(o *incident) bool { return o.fact == factOf(f) }) {
					x.fact, x.source = factOf(f), f.eventID(stepClose, "")
				}
			}
			x.minor = strings.Contains("P01 P09 S06 S07 B01 V01 R02 R03", x.rule)
			x.end = stepDismiss
			if chance(r, 58) {
				x.end = stepConfirm
				switch weighted(r, []int{60, 30, 10}) {
				case 1:
					x.after = stepRepair
				case 2:
					x.after = stepRevoke
				}
			}
			out = append(out, x)
		}
		if chance(r, 40) {
			bonus := pick(r, []string{"G05", "G07", "G08", "G09"})
			out = append(out, &incident{n: len(out), id: randomID(r), at: s, rule: bonus, fact: bonus + "/2026", end: stepBonus,
				when: workingHours(first.AddDays(r.IntN(span)).Start())})
		}
	}
	return out
}

func factOf(f *funeral) string { return "case:" + f.id.String() + "/bill" }

func (x *incident) steps(yield func(time.Time, stepKind)) {
	day := func(n int) time.Time { return x.when.AddDate(0, 0, n) }
	if x.end == stepBonus {
		yield(x.when, stepBonus)
		return
	}
	yield(x.when, stepSuspect)
	yield(day(1), stepNotify)
	if x.answered {
		yield(day(5), stepAnswer)
	}
	yield(day(12), x.end) // after the five working days for an answer
	switch x.after {
	case stepRepair:
		if wait := 40; x.minor {
			yield(day(12+wait), stepRepair)
		} else {
			yield(day(12+100), stepRepair)
		}
	case stepRevoke:
		yield(day(30), stepRevoke)
	}
}

// sort puts the steps into their lanes, in the order of their times, without
// those that are still to come.
func (p *plan) sort(incidents []*incident) {
	end := p.now
	lanes := map[string]*lane{}
	put := func(name string, at time.Time, who int, kind stepKind) {
		if !at.Before(end) {
			return
		}
		l := lanes[name]
		if l == nil {
			l = &lane{name: name}
			lanes[name] = l
			p.lanes = append(p.lanes, l)
		}
		l.steps = append(l.steps, planned1{at.Unix(), int32(who), kind})
	}
	for _, f := range p.funerals {
		name := string(f.home.code()) + "." + f.furnace + "." + string(domain.DateOf(f.slot))
		f.steps(func(at time.Time, k stepKind) { put(name, at, f.n, k) })
	}
	for _, x := range incidents {
		x.steps(func(at time.Time, k stepKind) { put(ledgerLane+string(x.at.code()), at, x.n, k) })
	}
	for _, x := range p.voyages {
		x.steps(func(at time.Time, k stepKind) { put(sailLane+string(x.at.code()), at, x.n, k) })
	}
	for _, x := range p.matters {
		x.steps(func(at time.Time, k stepKind) { put(x.lane(), at, x.n, k) })
	}
	for _, l := range p.lanes {
		slices.SortFunc(l.steps, func(a, b planned1) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.who, b.who), cmp.Compare(a.kind, b.kind))
		})
		for _, st := range l.steps {
			if st.kind == stepCollect {
				l.charges++
			}
		}
	}
	p.coldStores(end)
	// The days of one furnace in their order. Lanes start in this order, so the
	// one that others wait for is always running.
	slices.SortFunc(p.lanes, func(a, b *lane) int {
		day := func(l *lane) string { return l.name[strings.LastIndexByte(l.name, '.')+1:] }
		return cmp.Or(strings.Compare(day(a), day(b)), strings.Compare(a.name, b.name))
	})
	last := map[string]<-chan struct{}{}
	for _, l := range p.lanes {
		furnace := l.name[:strings.LastIndexByte(l.name, '.')]
		// Whoever is brought to the furnace waits, also on the day that goes on now,
		// when nobody is out yet.
		if slices.ContainsFunc(l.steps, func(st planned1) bool { return st.kind == stepToFurnace || st.kind == stepCharge }) {
			l.before = last[furnace]
		}
		if l.charges > 0 {
			l.out = make(chan struct{})
			last[furnace] = l.out
		}
	}
}

// coldStores gives everybody who comes or goes before end their turn, in the
// order of the times, and each who comes the first free bay.
func (p *plan) coldStores(end time.Time) {
	type visit struct {
		at   time.Time
		f    *funeral
		kind stepKind
	}
	homes := map[*site][]visit{}
	for _, f := range p.funerals {
		f.steps(func(at time.Time, k stepKind) {
			if (k == stepBayTaken || k == stepBayLeft) && at.Before(end) {
				homes[f.home] = append(homes[f.home], visit{at, f, k})
			}
		})
	}
	for _, visits := range homes {
		slices.SortFunc(visits, func(a, b visit) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.f.n, b.f.n), cmp.Compare(a.kind, b.kind))
		})
		taken := map[cremation.Bay]bool{}
		for turn, v := range visits {
			if v.kind == stepBayLeft {
				v.f.goes = turn
				delete(taken, v.f.bay)
				continue
			}
			v.f.stores, v.f.bay = turn, cremation.Bay{Bank: coldOf(v.f.furnace), No: 1}
			for taken[v.f.bay] {
				v.f.bay.No++
			}
			taken[v.f.bay] = true
		}
	}
}

// alike notes who could be taken for whom among those whom one home cremates on
// one day. Those who are looked at have left the cold store by then.
func (p *plan) alike() {
	type day struct {
		home *site
		on   domain.Date
	}
	days := map[day][]cremation.Likeness{}
	for _, f := range p.funerals {
		if f.cancels == "" {
			d := day{f.home, domain.DateOf(f.slot)}
			days[d] = append(days[d], f.likeness())
		}
	}
	for _, f := range p.funerals {
		if f.cancels == "" {
			f.alike = cremation.LookAlikes(f.likeness(), days[day{f.home, domain.DateOf(f.slot)}])
		}
	}
}

// likeness is what of the case can be mistaken for another's.
func (f *funeral) likeness() cremation.Likeness {
	sex := booking.Male
	if f.dead.id.Female() {
		sex = booking.Female
	}
	return handlers.Likeness(f.id, booking.State{
		Deceased: booking.Deceased{Name: domain.Personal("", f.dead.name), Sex: domain.Personal("", sex), Birth: domain.Personal("", f.dead.birth)},
		Slots:    []booking.Slot{{Kind: string(institution.Furnace), Day: domain.DateOf(f.slot)}},
	}, "")
}

// ledgerLane begins the names of the lanes that are credit ledgers.
const ledgerLane = "credit."

// size is how many steps there are.
func (p *plan) size() (n int64) {
	for _, l := range p.lanes {
		n += int64(len(l.steps))
	}
	return n
}
