package cemetery_test

import (
	"slices"
	"testing"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

var (
	moveSpec = domaintest.For(Relocation)
	abroad   = Destination{ToAway, "QZ-77", Custodian{Person: son}}
	standing = Standing{Right: "R-1", Holder: son, Until: "2046-11-23"}
	ask      = RequestRelocation{Act: by, Cemetery: code, Plot: "A-1-3", Persons: []domain.Subject{husband}, Cause: FamilyWish, Holder: son, Paper: "QQ-1", To: abroad,
		Resting: []domain.Subject{husband, wife}, Standing: standing}
	asked     = RelocationRequested{code, "A-1-3", "R-1", []domain.Subject{husband}, FamilyWish, son, "QQ-1", abroad, "staff-0201"}
	permit    = PermitRelocation{on("staff-2", "2026-11-23"), "ZQ-1", "区民政局（演示）", "2026-12-01", "2026-12-31"}
	permitted = RelocationPermitted{"ZQ-1", "区民政局（演示）", "2026-12-01", "2026-12-31"}
	lift      = Lift{Act: on("staff-1", "2026-12-10"), Person: husband, Label: "N-1", OldLabel: "T-1", SealedBy: [2]string{"staff-1", "staff-3"}, Carrier: Custodian{Person: son}, Receipt: "JJ-1", Ready: true}
	lifted    = RelocationLifted{husband, "N-1", "T-1", [2]string{"staff-1", "staff-3"}, Custodian{Person: son}, "JJ-1", "2026-12-10"}
	arrive    = Arrive{on("staff-1", "2026-12-11"), husband, "N-1", "JJ-2", true}
	arrived   = RelocationArrived{husband, "N-1", abroad, "JJ-2", true}
)

func TestRequestRelocation(t *testing.T) {
	change := func(f func(*RequestRelocation)) RequestRelocation { return with(ask, f) }
	t.Run("the living holder asks", func(t *testing.T) {
		moveSpec.Given(t).When(ask).Then(asked)
		moveSpec.Given(t, asked).When(change(func(c *RequestRelocation) { c.Paper = "QQ-2" })).Rejects(ErrRelocationOther)
		moveSpec.Given(t).When(change(func(c *RequestRelocation) { c.Holder = other })).Rejects(ErrRelocationHolder)
		moveSpec.Given(t).When(change(func(c *RequestRelocation) { c.Standing.Died = true })).Rejects(ErrRelocationHolder)
	})
	t.Run("about people who rest there", func(t *testing.T) {
		moveSpec.Given(t).When(change(func(c *RequestRelocation) { c.Persons = []domain.Subject{other} })).Rejects(ErrNotResting)
	})
	t.Run("after a lapse only when there was one", func(t *testing.T) {
		lapsed := change(func(c *RequestRelocation) { c.Cause, c.Holder = AfterLapse, "" })
		moveSpec.Given(t).When(lapsed).Rejects(ErrRelocationLapsed)
		lapsed.Standing.Lapsed = true
		moveSpec.Given(t).When(lapsed).Then(with(asked, func(e *RelocationRequested) { e.Cause, e.Holder = AfterLapse, "" }))
	})
	t.Run("never by a clock", func(t *testing.T) {
		moveSpec.Given(t).When(change(func(c *RequestRelocation) { c.By = "policy:lapse" })).Rejects(ErrByClock)
	})
	for name, f := range map[string]func(*RequestRelocation){
		"nobody":                  func(c *RequestRelocation) { c.Persons = nil },
		"somebody twice":          func(c *RequestRelocation) { c.Persons = []domain.Subject{husband, husband} },
		"no cause":                func(c *RequestRelocation) { c.Cause = "" },
		"no paper":                func(c *RequestRelocation) { c.Paper = "" },
		"nowhere":                 func(c *RequestRelocation) { c.To.Place = "" },
		"to nobody":               func(c *RequestRelocation) { c.To.Taker = Custodian{} },
		"to two":                  func(c *RequestRelocation) { c.To.Taker = Custodian{Institution: code, Person: son} },
		"to where they are":       func(c *RequestRelocation) { c.To.Kind, c.To.Place = ToPlot, string(code)+".A-1-3" },
		"no kind of destination":  func(c *RequestRelocation) { c.To.Kind = "MOON" },
		"no cemetery it is from":  func(c *RequestRelocation) { c.Cemetery = "" },
		"no place they are taken": func(c *RequestRelocation) { c.Plot = "" },
	} {
		t.Run(name, func(t *testing.T) { moveSpec.Given(t).When(change(f)).Rejects(ErrRelocationAsk) })
	}
	t.Run("nothing happens that nobody asked for", func(t *testing.T) { moveSpec.Given(t).When(permit).Rejects(ErrNoRelocation) })
}

func TestPermitRelocation(t *testing.T) {
	t.Run("another account records the permit and its window", func(t *testing.T) {
		moveSpec.Given(t, asked).When(permit).Then(permitted)
		moveSpec.Given(t, asked).When(with(permit, func(c *PermitRelocation) { c.By = "staff-0201" })).Rejects(ErrPermit)
		for _, f := range []func(*PermitRelocation){func(c *PermitRelocation) { c.Permit = "" }, func(c *PermitRelocation) { c.Authority = "" }, func(c *PermitRelocation) { c.Until = "2026-11-30" },
			func(c *PermitRelocation) { c.From, c.Until = "2026-11-01", "2026-11-22" }} {
			moveSpec.Given(t, asked).When(with(permit, f)).Rejects(ErrPermit)
		}
	})
	t.Run("for works a public notice comes first", func(t *testing.T) {
		works := with(asked, func(e *RelocationRequested) { e.Cause = ForWorks })
		notice := NoticeRelocation{on("staff-1", "2026-09-23"), "GG-9", "2026-09-23", DefaultRules}
		noticed := RelocationNoticed{"GG-9", "2026-09-23", "2026-11-22"}
		moveSpec.Given(t, works).When(permit).Rejects(ErrRelocationNotice)
		moveSpec.Given(t, works).When(notice).Then(noticed)
		moveSpec.Given(t, works, noticed).When(permit).Then(permitted)
		moveSpec.Given(t, works, with(noticed, func(e *RelocationNoticed) { e.Until = "2026-11-23" })).When(permit).Rejects(ErrRelocationNotice)
		moveSpec.Given(t, works).When(with(notice, func(c *NoticeRelocation) { c.Document = "" })).Rejects(ErrRelocationNotice)
		// One that is recorded late runs from then.
		late := with(noticed, func(e *RelocationNoticed) { e.Until = "2027-01-21" })
		moveSpec.Given(t, works).When(with(notice, func(c *NoticeRelocation) { c.Act = on("staff-1", "2026-11-22") })).Then(late)
		moveSpec.Given(t, works, late).When(with(notice, func(c *NoticeRelocation) { c.Act = on("staff-1", "2026-11-23") })).Then()
		moveSpec.Given(t, works, late).When(permit).Rejects(ErrRelocationNotice)
		moveSpec.Given(t, works).When(with(notice, func(c *NoticeRelocation) { c.From = "2026-09-24" })).Rejects(ErrRelocationNotice)
	})
}

func TestLiftAndArrive(t *testing.T) {
	change := func(f func(*Lift)) Lift { return with(lift, f) }
	open := []RelocationEvent{asked, permitted}
	t.Run("within the window, re-tagged, sealed by two, against a receipt", func(t *testing.T) {
		moveSpec.Given(t, open...).When(lift).Then(lifted)
		moveSpec.Given(t, asked).When(lift).Rejects(ErrNotPermitted)
		moveSpec.Given(t, open...).When(change(func(c *Lift) { c.Act = on("staff-1", "2026-11-30") })).Rejects(ErrWindow)
		moveSpec.Given(t, open...).When(change(func(c *Lift) { c.Act = on("staff-1", "2027-01-01") })).Rejects(ErrWindow)
		moveSpec.Given(t, open...).When(change(func(c *Lift) { c.By = "policy:x" })).Rejects(ErrByClock)
		for _, f := range []func(*Lift){func(c *Lift) { c.Label = "" }, func(c *Lift) { c.Label = "T-1" }, func(c *Lift) { c.SealedBy[1] = "staff-1" }, func(c *Lift) { c.SealedBy[0] = "" },
			func(c *Lift) { c.Carrier = Custodian{} }, func(c *Lift) { c.Carrier.Institution = code }, func(c *Lift) { c.Receipt = "" }} {
			moveSpec.Given(t, open...).When(change(f)).Rejects(ErrRetag)
		}
	})
	t.Run("nobody else, nobody twice, nobody to nowhere", func(t *testing.T) {
		moveSpec.Given(t, open...).When(change(func(c *Lift) { c.Person = wife })).Rejects(ErrNotMoved)
		moveSpec.Given(t, append(open, lifted)...).When(change(func(c *Lift) { c.Label = "N-2" })).Rejects(ErrNotMoved)
		moveSpec.Given(t, open...).When(change(func(c *Lift) { c.Ready = false })).Rejects(ErrNotReady)
	})
	t.Run("one label is one person's", func(t *testing.T) {
		two := with(asked, func(e *RelocationRequested) { e.Persons = []domain.Subject{husband, wife} })
		moveSpec.Given(t, two, permitted, lifted).When(change(func(c *Lift) { c.Person = wife })).Rejects(ErrRetag)
		moveSpec.Given(t, two, permitted, lifted).When(arrive).Then(with(arrived, func(e *RelocationArrived) { e.Last = false }))
	})
	t.Run("the way ends with the label and a receipt", func(t *testing.T) {
		moveSpec.Given(t, append(open, lifted)...).When(arrive).Then(arrived)
		moveSpec.Given(t, append(open, lifted)...).When(with(arrive, func(c *Arrive) { c.Label = "T-1" })).Rejects(ErrArrivalLabel)
		moveSpec.Given(t, append(open, lifted)...).When(with(arrive, func(c *Arrive) { c.Receipt = "" })).Rejects(ErrArrivalLabel)
		moveSpec.Given(t, append(open, lifted)...).When(with(arrive, func(c *Arrive) { c.Ready = false })).Rejects(ErrNotReady)
		moveSpec.Given(t, open...).When(arrive).Rejects(ErrNotOnTheWay)
		moveSpec.Given(t, append(open, lifted, arrived)...).When(with(arrive, func(c *Arrive) { c.Receipt = "x" })).Rejects(ErrNotOnTheWay)
	})
	t.Run("what has begun is redirected, not cancelled", func(t *testing.T) {
		sea := Destination{ToEco, "eco.x", Custodian{Institution: code}}
		moveSpec.Given(t, append(open, lifted)...).When(CancelRelocation{by, "改主意"}).Rejects(ErrCancelLifted)
		first := RelocationRedirectAsked{sea, "QQ-2", by.By}
		waiting := append(slices.Clip(open), lifted, first)
		moveSpec.Given(t, append(open, lifted)...).When(Redirect{by, sea, "QQ-2"}).Then(first)
		moveSpec.Given(t, waiting...).When(Redirect{by, sea, "QQ-2"}).Rejects(ErrRedirectSelf)
		moveSpec.Given(t, waiting...).When(Redirect{on("staff-9", "2026-12-01"), sea, "QQ-3"}).Then(RelocationRedirectAsked{sea, "QQ-3", "staff-9"})
		moveSpec.Given(t, waiting...).When(Redirect{on("staff-9", "2026-12-01"), sea, "QQ-2"}).Then(RelocationRedirected{sea, "QQ-2"})
		moveSpec.Given(t, waiting...).When(arrive).Then(arrived) // nothing has changed yet
		moveSpec.Given(t, append(waiting, RelocationRedirected{sea, "QQ-2"})...).When(Redirect{by, sea, "QQ-2"}).Then()
		moveSpec.Given(t, append(open, lifted, RelocationRedirected{sea, "QQ-2"})...).When(arrive).Then(with(arrived, func(e *RelocationArrived) { e.To = sea }))
		moveSpec.Given(t, open...).When(Redirect{by, sea, ""}).Rejects(ErrRelocationAsk)
		moveSpec.Given(t, open...).When(CancelRelocation{by, "改主意"}).Then(RelocationCancelled{"改主意"})
		moveSpec.Given(t, open...).When(CancelRelocation{by, " "}).Rejects(ErrReason)
		moveSpec.Given(t, append(open, RelocationCancelled{"x"})...).When(lift).Rejects(ErrRelocationEnded)
	})
	for status, es := range map[string][]RelocationEvent{"": nil, "requested": {asked}, "permitted": open, "lifted": {asked, permitted, lifted}, "arrived": {asked, permitted, lifted, arrived}, "cancelled": {asked, RelocationCancelled{"x"}}} {
		s := moveSpec.Given(t, es...).State()
		if s.Status() != status || s.OnTheWay(husband) != (status == "lifted") || s.Moves(husband) != (status == "permitted" || status == "lifted" || status == "arrived") || s.Moves(wife) {
			t.Errorf("%q: %+v", status, s)
		}
	}
}

func TestVacatedPlaces(t *testing.T) {
	vacate := Vacate{by, husband, "Q-1", true}
	empty := PlotVacated{Right: "R-1", Person: husband, Relocation: "Q-1", Empty: true}
	t.Run("who was lifted leaves; the place is locked with the last", func(t *testing.T) {
		spec.Given(t, surveyed, allocated, interred).When(vacate).Then(empty)
		spec.Given(t, surveyed, allocated, reserved, interred).When(vacate).Then(with(empty, func(e *PlotVacated) { e.Freed = []domain.Subject{wife} }))
		spec.Given(t, surveyed, allocated, interred).When(with(vacate, func(c *Vacate) { c.Lifted = false })).Rejects(ErrNotLifted)
		spec.Given(t, surveyed, allocated).When(vacate).Rejects(ErrNotResting)
	})
	locked := []PlotEvent{surveyed, allocated, interred, empty}
	anew := with(allocate, func(c *Allocate) { c.Right, c.Deceased = "R-2", other })
	t.Run("nobody gets a locked place before it is publicly reopened", func(t *testing.T) {
		spec.Given(t, locked...).When(anew).Rejects(ErrLocked)
		spec.Given(t, locked...).When(Hold{by, "2026-2"}).Rejects(ErrLocked)
		spec.Given(t, locked...).When(with(survey, func(c *Survey) { c.AreaCM2 = 5000 })).Rejects(ErrSurveyGiven)
		spec.Given(t, locked...).When(Reopen{by, "GG-7"}).Then(PlotReopened{"GG-7"})
		spec.Given(t, locked...).When(Reopen{by, ""}).Rejects(ErrReopen)
		spec.Given(t, locked...).When(Reopen{domaintest.By("policy:x"), "GG-7"}).Rejects(ErrByClock)
		spec.Given(t, surveyed).When(Reopen{by, "GG-7"}).Rejects(ErrReopen)
		spec.Given(t, append(locked, PlotReopened{"GG-7"})...).When(anew).Then(with(allocated, func(e *PlotAllocated) { e.Right, e.Deceased, e.Deed = "R-2", other, "R-2-1" }))
		if s := spec.Given(t, locked...).State(); s.Status() != LockedUp {
			t.Error(s.Status())
		}
	})
	t.Run("one position of two that was vacated stays locked too", func(t *testing.T) {
		both := []PlotEvent{surveyed, allocated, with(allocated, func(e *PlotAllocated) { e.Deceased, e.Deed = wife, "R-1-2" }), interred, with(interred, func(e *PlotInterred) { e.Person = wife }),
			with(empty, func(e *PlotVacated) { e.Empty = false })}
		join := with(allocate, func(c *Allocate) { c.Deceased = other })
		spec.Given(t, both...).When(join).Rejects(ErrPlotFull)
		spec.Given(t, append(both, PlotReopened{"GG-7"})...).When(join).Then(with(allocated, func(e *PlotAllocated) { e.Deceased, e.Deed = other, "R-1-2" }))
	})
	t.Run("who comes from elsewhere counts as no new burial", func(t *testing.T) {
		moved := with(allocated, func(e *PlotAllocated) { e.Ground, e.Certificate = RelocationPermit, "ZQ-1" })
		spec.Given(t, surveyed, moved).When(with(inter, func(c *Inter) { c.Certificate = "ZQ-1" })).
			Then(consented, PlotReinterred{"R-1", husband, "ZQ-1", "SMALL_PLOT", "2026-11-23"})
	})
}

// The ashes' own stream: one custodian after the other.
func TestCustodyOfAshes(t *testing.T) {
	spec := domaintest.For(Placement)
	here, home := Custodian{Institution: code}, Custodian{Person: son}
	claimed := PlacementClaimed{"a.1"}
	layIn := LayIn{by, "a.1", home, here, true}
	laid := LaidIn{"a.1", home, here}
	pass := Pass{by, home, "N-1", "JJ-1", "Q-1", true}
	passed := PassedTo{here, home, "N-1", "staff-0201", "JJ-1", "Q-1"}
	t.Run("whoever has them gives them to the cemetery", func(t *testing.T) {
		spec.Given(t, claimed).When(layIn).Then(laid)
		spec.Given(t, claimed).When(with(layIn, func(c *LayIn) { c.From = Custodian{} })).Rejects(ErrCustodian)
		spec.Given(t, claimed).When(with(layIn, func(c *LayIn) { c.From.Institution = code })).Rejects(ErrCustodian)
		spec.Given(t, claimed).When(with(layIn, func(c *LayIn) { c.To = home })).Rejects(ErrCustodian)
		spec.Given(t, claimed).When(with(layIn, func(c *LayIn) { c.Interred = false })).Rejects(ErrNotResting)
		spec.Given(t, PlacementClaimed{"a.2"}).When(layIn).Rejects(ErrPlacedElsewhere)
		spec.Given(t, claimed, laid).When(with(layIn, func(c *LayIn) { c.To.Institution = "x" })).Rejects(ErrAtRest)
	})
	t.Run("nobody takes them without a relocation and a receipt", func(t *testing.T) {
		spec.Given(t, claimed, laid).When(pass).Then(passed)
		spec.Given(t, claimed, laid, passed, LaidIn{"a.1", home, here}).When(pass).Then()
		spec.Given(t, claimed).When(pass).Rejects(ErrCustodian)
		spec.Given(t, claimed, laid).When(with(pass, func(c *Pass) { c.To = here })).Rejects(ErrCustodian)
		spec.Given(t, claimed, laid).When(with(pass, func(c *Pass) { c.To = Custodian{} })).Rejects(ErrCustodian)
		spec.Given(t, claimed, laid).When(with(pass, func(c *Pass) { c.Lifted = false })).Rejects(ErrNotLifted)
		spec.Given(t, claimed, laid).When(with(pass, func(c *Pass) { c.Receipt = "" })).Rejects(ErrPassReceipt)
		spec.Given(t, claimed, laid).When(Free{by, "a.1", false}).Rejects(ErrAtRest)
	})
	t.Run("on the way they go to the next place, and rest there", func(t *testing.T) {
		spec.Given(t, claimed, laid).When(Move{by, "b.1", "Q-1"}).Rejects(ErrOnTheWay)
		spec.Given(t, claimed, laid, passed).When(Move{by, "b.1", "Q-2"}).Rejects(ErrOnTheWay)
		spec.Given(t, claimed, laid, passed).When(Move{by, "b.1", "Q-1"}).Then(PlacementMoved{"a.1", "b.1", "Q-1"})
		there := Custodian{Institution: "x"}
		spec.Given(t, claimed, laid, passed, PlacementMoved{"a.1", "b.1", "Q-1"}).When(LayIn{by, "b.1", Custodian{}, there, true}).Then(LaidIn{"b.1", home, there})
		spec.Given(t, claimed, laid, passed, PlacementMoved{"a.1", "b.1", "Q-1"}).When(LayIn{by, "b.1", here, there, true}).Rejects(ErrCustodian)
	})
}
