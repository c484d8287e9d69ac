package cemetery_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

// A world is every stream of a small cemetery at once. Commands reach it as the
// flows send them, with facts looked up beforehand; some flows stop half-way and
// are taken up later, as after a crash.
type world struct {
	t          *testing.T
	r          *rand.Rand
	now        time.Time
	n          int
	plots      map[string]PlotState
	placements map[domain.Subject]PlacementState
	rights     map[string]RightState
	moves      map[string]RelocationState
	chain      map[domain.Subject]Custodian // who had the ashes by the events alone
	at         map[domain.Subject][]string  // plots in which a person lies
	seen       map[string]int               // how often each event happened
	unfinished []func()
}

func (w *world) act(by string) domain.Act {
	w.n++
	a := domaintest.At(by, w.now.UTC())
	a.ID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, w.n))
	return a
}

// asks decides and folds one command, and says whether it was accepted.
func asks[S any, C domain.Command, E any, K comparable](w *world, d domain.Decider[S, C, E], in map[K]S, id K, c C) bool {
	es, err := d.Decide(in[id], c)
	for _, e := range es {
		w.seen[fmt.Sprintf("%T", e)]++
		w.happened(fmt.Sprint(id), any(e))
	}
	if len(es) > 0 {
		in[id] = d.Fold(in[id], es...)
	}
	return err == nil
}

// happened holds every event against what may never be.
func (w *world) happened(id string, e any) {
	switch e := e.(type) {
	case PlotAllocated:
		if was := w.plots[id]; was.Right != "" && was.Right != e.Right || was.Locked() || was.Lapsed {
			w.t.Fatalf("%s was given to %s while it was %s of %s", id, e.Right, was.Status(), was.Right)
		}
	case PlotInterred:
		w.liesIn(id, e.Person)
	case PlotReinterred:
		w.liesIn(id, e.Person)
	case PlotVacated:
		w.at[e.Person] = slices.DeleteFunc(w.at[e.Person], func(p string) bool { return p == id })
	case LaidIn:
		w.passes(domain.Subject(id), e.From, e.To)
	case PassedTo:
		w.passes(domain.Subject(id), e.From, e.To)
	}
}

func (w *world) liesIn(plot string, who domain.Subject) {
	if w.at[who] = append(w.at[who], plot); len(w.at[who]) > 1 {
		w.t.Fatalf("%s lies in %v", who, w.at[who])
	}
}

// passes holds that ashes go from the one who has them to exactly one.
func (w *world) passes(who domain.Subject, from, to Custodian) {
	if have, ok := w.chain[who]; ok && have != from || !from.One() || !to.One() {
		w.t.Fatalf("%s: %v gives to %v, and %v has the ashes", who, from, to, have)
	}
	w.chain[who] = to
}

// full holds the capacity of every plot.
func (w *world) full() {
	for id, p := range w.plots {
		if len(p.Places)+p.Emptied > p.Surveyed.Capacity || len(p.Interred) > p.Surveyed.Capacity {
			w.t.Fatalf("%s: %d places, %d emptied, %d at rest, room for %d", id, len(p.Places), p.Emptied, len(p.Interred), p.Surveyed.Capacity)
		}
	}
}

// steps does a flow's steps; now and then it stops before one of them, and what
// is left is done later.
func (w *world) steps(flow ...func() bool) {
	for i, f := range flow {
		if i > 0 && w.r.IntN(8) == 0 {
			rest := flow[i:]
			w.unfinished = append(w.unfinished, func() {
				for _, f := range rest {
					if !f() {
						return
					}
				}
			})
			return
		}
		if !f() {
			return
		}
	}
}

func (w *world) takeOver(id string, who domain.Subject) bool {
	return asks(w, Placement, w.placements, who, PlacementCommand(LayIn{w.act("staff-1"), id, from(w, who), Custodian{Institution: code}, slices.Contains(w.plots[id].Interred, who)}))
}

func from(w *world, who domain.Subject) Custodian {
	if c := w.placements[who].Custodian; c.One() {
		return c
	}
	return Custodian{Person: "kin-" + who}
}

// Never beyond capacity, never to two, nobody in two places, and the ashes of
// nobody with two custodians or none: over 10,000 commands of every kind, in
// random order, with flows that stop half-way.
func TestTenThousandCommands(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { tenThousand(t, seed) })
	}
}

func tenThousand(t *testing.T, seed uint64) {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 4)), now: domain.Clock("09:00").On("2026-01-05"), plots: map[string]PlotState{}, placements: map[domain.Subject]PlacementState{},
		rights: map[string]RightState{}, moves: map[string]RelocationState{}, chain: map[domain.Subject]Custodian{}, at: map[domain.Subject][]string{}, seen: map[string]int{}}
	var ids []string
	for i := range 24 {
		plot := fmt.Sprint("A-", i)
		id := string(code) + "." + plot
		ids = append(ids, id)
		asks(w, Plot, w.plots, id, PlotCommand(with(survey, func(c *Survey) { c.Act, c.Plot, c.Capacity, c.AreaCM2 = w.act("import"), plot, 1+i%3, 5000 })))
	}
	pick := func() string { return ids[w.r.IntN(len(ids))] }
	person := func() domain.Subject { return domain.Subject(fmt.Sprint("person-", w.r.IntN(120))) }
	var moves []string
	for w.n < 10_000 {
		w.now = w.now.Add(time.Duration(w.r.IntN(30)) * time.Hour)
		today := domain.DateOf(w.now)
		id, who := pick(), person()
		p := w.plots[id]
		switch w.r.IntN(12) {
		case 0, 1, 2: // allocate: claim, give, grant
			right := fmt.Sprint("R-", w.n)
			if p.Right != "" && w.r.IntN(3) > 0 {
				right = p.Right
			}
			give := with(allocate, func(c *Allocate) {
				c.Right, c.Applicant, c.Deceased, c.Certificate, c.Contract = right, domain.Subject("kin-"+string(who)), who, "C-"+string(who), "HT-"+right
				c.TermUntil, c.FeeFen = today.AddMonths(24), 0
				if p.Right != "" && w.r.IntN(2) == 0 {
					c.Applicant, c.TermUntil = p.Applicant, p.TermUntil
				}
			})
			w.steps(func() bool {
				return asks(w, Placement, w.placements, who, PlacementCommand(Claim{w.act("staff-1"), id}))
			},
				func() bool {
					give.Act, give.Placed = w.act("staff-1"), w.placements[who].Plot
					if give.Placed != id { // the claim was lost meanwhile
						return false
					}
					if !asks(w, Plot, w.plots, id, PlotCommand(give)) {
						asks(w, Placement, w.placements, who, PlacementCommand(Free{w.act("staff-1"), id, slices.ContainsFunc(w.plots[id].Places, func(x PlotAllocated) bool { return x.Deceased == who })}))
						return false
					}
					return true
				},
				func() bool {
					s := w.plots[id]
					return s.Right == give.Right && asks(w, Right, w.rights, s.Right, RightCommand(Grant{w.act("staff-1"), s.Places[0], code, s.Surveyed.Plot, "", Rules{}}))
				})
		case 3, 4: // inter: lay to rest, take the ashes over
			if len(p.Places) > 0 {
				who = p.Places[w.r.IntN(len(p.Places))].Deceased
			}
			st := w.rights[p.Right].Standing()
			w.steps(func() bool {
				return asks(w, Plot, w.plots, id, PlotCommand(Inter{Act: w.act("staff-1"), Right: p.Right, Person: who, Certificate: "C-" + string(who), CertificateHolds: w.r.IntN(9) > 0 && w.moved(who, id),
					Released: w.r.IntN(9) > 0, Standing: st, Consent: Consent{By: st.Holder, Paper: "AZ"}, Definition: "d"}))
			}, func() bool { return w.takeOver(id, who) })
		case 5: // renew, and the plot follows
			r := w.rights[p.Right]
			w.steps(func() bool {
				return asks(w, Right, w.rights, p.Right, RightCommand(Renew{Act: w.act("staff-1"), Holder: r.Holder, Until: r.Until.AddMonths(24), Contract: fmt.Sprint("HT-", w.n), Cemetery: pine}))
			}, func() bool {
				return asks(w, Plot, w.plots, id, PlotCommand(Extend{w.act("staff-1"), w.rights[p.Right].Standing()}))
			})
		case 6: // give an empty plot back
			w.steps(func() bool {
				return asks(w, Plot, w.plots, id, PlotCommand(Surrender{w.act("staff-1"), p.Right, "x", "TH-1", false}))
			},
				func() bool {
					for _, x := range p.Places {
						asks(w, Placement, w.placements, x.Deceased, PlacementCommand(Free{w.act("staff-1"), id, false}))
					}
					return asks(w, Right, w.rights, p.Right, RightCommand(EndRight{w.act("staff-1"), "", w.plots[id].Right != p.Right}))
				})
		case 7: // ask for a relocation, and permit it
			to, m := pick(), fmt.Sprint("Q-", w.n)
			if i := slices.IndexFunc(ids, func(x string) bool { return w.plots[x].Status() == Vacant }); i >= 0 && w.r.IntN(3) > 0 {
				to = ids[i]
			}
			d := Destination{ToPlot, to, Custodian{Institution: code}}
			if w.r.IntN(3) == 0 {
				d = Destination{ToAway, "far", Custodian{Person: "kin"}}
			}
			if len(p.Interred) == 0 {
				continue
			}
			who = p.Interred[w.r.IntN(len(p.Interred))]
			st := w.rights[p.Right].Standing()
			if asks(w, Relocation, w.moves, m, RelocationCommand(RequestRelocation{Act: w.act("staff-1"), Cemetery: code, Plot: p.Surveyed.Plot, Persons: []domain.Subject{who}, Cause: BySafety, Paper: "P", To: d,
				Resting: p.Interred, Standing: st})) {
				moves = append(moves, m)
				asks(w, Relocation, w.moves, m, RelocationCommand(PermitRelocation{w.act("staff-2"), "ZQ-" + m, "a", today, today.AddDays(60)}))
			}
		case 8, 9, 10: // go on with a relocation: a place there, lift, carry out, arrive, inter
			if len(moves) == 0 {
				continue
			}
			m := moves[max(0, len(moves)-1-w.r.IntN(4))] // the late ones: the others are done, or nothing came of them
			q := w.moves[m].Requested
			who, here, there := q.Persons[0], string(code)+"."+q.Plot, w.moves[m].To
			give := with(allocate, func(c *Allocate) {
				c.Right, c.Deceased, c.Ground, c.Certificate, c.MovesFrom, c.TermUntil, c.FeeFen = "M-"+m, who, RelocationPermit, "ZQ-"+m, here, today.AddMonths(24), 0
			})
			label := "L-" + m
			w.steps(func() bool {
				if there.Kind != ToPlot {
					return true
				}
				give.Act, give.Placed = w.act("staff-1"), w.placements[who].Plot
				ok := w.moves[m].Moves(who) && asks(w, Plot, w.plots, there.Place, PlotCommand(give))
				if s := w.plots[there.Place]; ok {
					asks(w, Right, w.rights, s.Right, RightCommand(Grant{w.act("staff-1"), s.Places[0], code, s.Surveyed.Plot, "", Rules{}}))
				}
				return ok
			}, func() bool {
				w.takeOver(here, who)
				ready := there.Kind != ToPlot || slices.ContainsFunc(w.plots[there.Place].Places, func(x PlotAllocated) bool { return x.Deceased == who })
				rests := slices.Contains(w.plots[here].Interred, who)
				return rests && asks(w, Relocation, w.moves, m, RelocationCommand(Lift{Act: w.act("staff-1"), Person: who, Label: label, SealedBy: [2]string{"a", "b"}, Carrier: Custodian{Person: "carrier"}, Receipt: "J", Ready: ready}))
			}, func() bool {
				_, lifted := w.moves[m].Lift(who)
				old := w.plots[here]
				ok := asks(w, Plot, w.plots, here, PlotCommand(Vacate{w.act("staff-1"), who, m, lifted}))
				for _, x := range old.Places {
					if w.plots[here].Right == "" && x.Deceased != who {
						asks(w, Placement, w.placements, x.Deceased, PlacementCommand(Free{w.act("staff-1"), here, false}))
					}
				}
				return ok
			}, func() bool {
				_, lifted := w.moves[m].Lift(who)
				return asks(w, Placement, w.placements, who, PlacementCommand(Pass{w.act("staff-1"), Custodian{Person: "carrier"}, label, "J", m, lifted}))
			}, func() bool {
				return asks(w, Relocation, w.moves, m, RelocationCommand(Arrive{w.act("staff-1"), who, label, "J2", true})) &&
					asks(w, Placement, w.placements, who, PlacementCommand(Move{w.act("staff-1"), there.Place, m}))
			}, func() bool {
				if there.Kind != ToPlot {
					return asks(w, Placement, w.placements, who, PlacementCommand(Pass{w.act("staff-1"), there.Taker, label, "J3", m, true}))
				}
				s := w.plots[there.Place]
				st := w.rights[s.Right].Standing()
				return asks(w, Plot, w.plots, there.Place, PlotCommand(Inter{Act: w.act("staff-1"), Right: s.Right, Person: who, Certificate: "ZQ-" + m, CertificateHolds: w.moved(who, there.Place), Released: true,
					Standing: st, Consent: Consent{By: st.Holder, Paper: "AZ"}, Definition: "d"}))
			}, func() bool { return w.takeOver(there.Place, who) })
		case 11: // reopen what was vacated; take up what was left half-done
			if w.r.IntN(4) == 0 {
				asks(w, Plot, w.plots, id, PlotCommand(Reopen{w.act("staff-1"), "GG"}))
			}
			if n := len(w.unfinished); n > 0 {
				i := w.r.IntN(n)
				f := w.unfinished[i]
				w.unfinished = slices.Delete(w.unfinished, i, i+1)
				f()
			}
		}
		w.full()
	}
	for _, f := range w.unfinished {
		f()
	}
	w.full()
	for who, c := range w.chain {
		s := w.placements[who]
		if s.Custodian != c || s.Rests != (c == Custodian{Institution: code}) || s.Rests && !slices.Equal(w.at[who], []string{s.Plot}) {
			t.Errorf("%s: %+v, by the events %v has the ashes, and they lie in %v", who, s, c, w.at[who])
		}
	}
	for _, e := range []any{PlotAllocated{}, PlotInterred{}, PlotReinterred{}, PlotVacated{}, PlotReopened{}, PlotSurrendered{}, LaidIn{}, PassedTo{}, PlacementMoved{}, RightRenewed{}, RightEnded{}, RelocationArrived{}} {
		if name := fmt.Sprintf("%T", e); w.seen[name] < 5 {
			t.Errorf("%s happened %d times: the test shows too little", name, w.seen[name])
		}
	}
	t.Log(w.seen)
}

// moved says that who was moved by a relocation has arrived at the place; true
// of everybody whom none moves there.
func (w *world) moved(who domain.Subject, place string) bool {
	p := w.plots[place]
	i := slices.IndexFunc(p.Places, func(x PlotAllocated) bool { return x.Deceased == who })
	if i < 0 || p.Places[i].Ground != RelocationPermit {
		return true
	}
	for _, m := range w.moves {
		for _, a := range m.Arrived {
			if a.Person == who && a.To.Place == place && "ZQ-"+p.Places[i].Right[len("M-"):] == m.Permitted.Permit {
				return true
			}
		}
	}
	return false
}
