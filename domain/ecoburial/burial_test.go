package ecoburial_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/ecoburial"
)

const (
	operator = domain.CreditCode("91210211MA0YY00382")
	deceased = domain.Subject("3f0a7c2e-0000-4000-8000-000000000001")
	daughter = domain.Subject("3f0a7c2e-0000-4000-8000-000000000002")
	stranger = domain.Subject("3f0a7c2e-0000-4000-8000-000000000003")
)

func with[T any](v T, change func(*T)) T { change(&v); return v }

func at(hours float64) domain.Act {
	return domaintest.At("staff-0301", domaintest.Noon.Add(time.Duration(hours*float64(time.Hour))))
}

var (
	spec   = domaintest.For(Burial)
	caseA  = uuid.MustParse("0193b000-0000-7000-8000-00000000000a")
	sea, _ = Default().Type("SEA")
	apply  = Apply{Act: at(0), Definition: Default(), Type: "SEA", Institution: operator, Division: "210202", Case: caseA,
		Certificate: "DL2026000001", Person: deceased, Applicant: daughter}
	applied = Applied{Type: "SEA", Definition: "dl-eco-2026.1", Institution: operator, Division: "210202", Case: caseA, Certificate: "DL2026000001",
		Person: deceased, Applicant: daughter, Irreversible: true, PauseHours: 24, At: domaintest.Noon, Requires: sea.Requires}
	consented = Consented{daughter, domaintest.Noon.Add(24 * time.Hour)}
	facts     = map[string]string{"sea_area": "演示海域一", "vessel": "演示船 1 号", "voyage_id": "2026-11-25-1", "container_degradable": "true",
		"relatives_aboard": "3", "certificate_no": "HZ-0001"}
	complete  = Complete{Act: at(48), CertificateHolds: true, Scattered: true, Facts: facts, EcoCertificate: "HZ-0001"}
	completed = Completed{Type: "SEA", Definition: "dl-eco-2026.1", Facts: facts, Institution: operator, Division: "210202", Person: deceased,
		Certificate: "DL2026000001", CompletedOn: "2026-11-25", EcoCertificate: "HZ-0001"}

	niche, _     = Default().Type("NICHE")
	appliedNiche = with(applied, func(e *Applied) {
		e.Type, e.Irreversible, e.PauseHours, e.Requires = "NICHE", false, 0, niche.Requires
	})
)

func TestApply(t *testing.T) {
	change := func(f func(*Apply)) Apply { return with(apply, f) }
	t.Run("a wish carries what its type asks for", func(t *testing.T) {
		spec.Given(t).When(apply).Then(applied)
	})
	t.Run("a type that keeps the ashes needs no pause", func(t *testing.T) {
		spec.Given(t).When(change(func(c *Apply) { c.Type = "NICHE" })).Then(appliedNiche)
	})
	t.Run("the authority may set a longer pause", func(t *testing.T) {
		spec.Given(t).When(change(func(c *Apply) { c.PauseHours = 72 })).Then(with(applied, func(e *Applied) { e.PauseHours = 72 }))
	})
	t.Run("the certificate may follow", func(t *testing.T) {
		spec.Given(t).When(change(func(c *Apply) { c.Certificate = "" })).Then(with(applied, func(e *Applied) { e.Certificate = "" }))
	})
	for name, c := range map[string]struct {
		change func(*Apply)
		want   error
	}{
		"the type is of the definition":       {func(c *Apply) { c.Type = "TAXI" }, ErrTypeUnknown},
		"a standard plot is no eco-burial":    {func(c *Apply) { c.Type = "STD_PLOT" }, ErrTypeNotEco},
		"nor are ashes kept at home":          {func(c *Apply) { c.Type = "SELF_KEPT" }, ErrTypeNotEco},
		"somebody is buried":                  {func(c *Apply) { c.Person = "" }, ErrWho},
		"somebody applies":                    {func(c *Apply) { c.Applicant = "" }, ErrWho},
		"somebody does it":                    {func(c *Apply) { c.Institution = "" }, ErrWho},
		"no pause is negative":                {func(c *Apply) { c.PauseHours = -1 }, ErrPauseNegative},
		"the division has six digits":         {func(c *Apply) { c.Division = "21" }, domain.ErrDivision},
		"the pause counts from a known time":  {func(c *Apply) { c.At = time.Time{} }, ErrTimeNeeded},
		"and not from a guess":                {func(c *Apply) { c.Estimated = true }, ErrTimeNeeded},
		"a time that has not come is refused": {func(c *Apply) { c.At = c.Now.Add(1) }, domain.ErrFuture},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(change(c.change)).Rejects(c.want) })
	}
	t.Run("one reference is one application", func(t *testing.T) {
		spec.Given(t, applied).When(change(func(c *Apply) { c.Person = stranger })).Rejects(ErrApplied)
	})
	t.Run("a refusal names the type in each language", func(t *testing.T) {
		_, err := Burial.Decide(Burial.Initial, change(func(c *Apply) { c.Type = "STD_PLOT" }))
		if r := err.(*domain.Rejection); r.Text("zh") != "传统墓位(≤1㎡)不属于节地生态安葬。" || r.Text("en") != "Standard plot is not an eco-burial." {
			t.Error(r.Text("zh"), r.Text("en"))
		}
	})
}

func TestConsent(t *testing.T) {
	t.Run("the second consent comes after the pause", func(t *testing.T) {
		spec.Given(t, applied).When(Consent{at(24), daughter}).Then(consented)
		spec.Given(t, applied).When(Consent{at(23.99), daughter}).Rejects(ErrPause)
		spec.Given(t, applied, consented).When(Consent{at(30), daughter}).Then()
	})
	t.Run("from the applicant and nobody else", func(t *testing.T) {
		spec.Given(t, applied).When(Consent{at(25), stranger}).Rejects(ErrNotApplicant)
	})
	t.Run("at a time that is known", func(t *testing.T) {
		spec.Given(t, applied).When(Consent{with(at(25), func(a *domain.Act) { a.At = time.Time{} }), daughter}).Rejects(ErrTimeNeeded)
	})
	t.Run("only where nothing of the ashes is kept", func(t *testing.T) {
		spec.Given(t, appliedNiche).When(Consent{at(25), daughter}).Rejects(ErrNoSecondConsent)
	})
	t.Run("not after a withdrawal, not before an application", func(t *testing.T) {
		spec.Given(t, applied, Withdrawn{daughter}).When(Consent{at(25), daughter}).Rejects(ErrWithdrawn)
		spec.Given(t).When(Consent{at(25), daughter}).Rejects(ErrNotApplied)
	})
}

func TestWithdraw(t *testing.T) {
	t.Run("the applicant may take it back until the burial", func(t *testing.T) {
		spec.Given(t, applied, consented).When(Withdraw{at(25), daughter}).Then(Withdrawn{daughter})
		spec.Given(t, applied).When(Withdraw{at(25), stranger}).Rejects(ErrNotApplicant)
		spec.Given(t, applied, consented, completed).When(Withdraw{at(50), daughter}).Rejects(ErrCompleted)
		spec.Given(t).When(Withdraw{at(1), daughter}).Rejects(ErrNotApplied)
	})
}

func TestComplete(t *testing.T) {
	given := []BurialEvent{applied, consented}
	t.Run("with certificate, second consent and every fact it is complete", func(t *testing.T) {
		spec.Given(t, given...).When(complete).Then(completed)
	})
	t.Run("a niche needs no second consent", func(t *testing.T) {
		inNiche := with(complete, func(c *Complete) {
			c.Facts, c.EcoCertificate = map[string]string{"hall": "一", "row": "2", "col": "3", "level": "4", "term_end": "2046-11-25"}, ""
		})
		spec.Given(t, appliedNiche).When(inNiche).Then(with(completed, func(e *Completed) { e.Type, e.Facts, e.EcoCertificate = "NICHE", inNiche.Facts, "" }))
	})
	fact := func(name, value string) func(*Complete) {
		return func(c *Complete) {
			c.Facts = maps.Clone(c.Facts)
			if value == "" {
				delete(c.Facts, name)
				return
			}
			c.Facts[name] = value
		}
	}
	for name, c := range map[string]struct {
		change func(*Complete)
		want   error
	}{
		"a required fact is missing":           {fact("vessel", ""), ErrFactMissing},
		"a fourth relative aboard":             {fact("relatives_aboard", "4"), ErrFactMissing},
		"a container that does not degrade":    {fact("container_degradable", "false"), ErrFactMissing},
		"a fact nobody asked for":              {fact("remark", "家属姓名"), ErrFactUnknown},
		"a fact as long as a letter":           {fact("vessel", strings.Repeat("船", 81)), ErrFactLong},
		"no valid certificate":                 {func(c *Complete) { c.CertificateHolds = false }, ErrCertificate},
		"a sea burial that no voyage made":     {func(c *Complete) { c.Scattered = false }, ErrNotScattered},
		"somebody who already rests in a plot": {func(c *Complete) { c.PlacedElsewhere = true }, ErrPlacedElsewhere},
		"land where the sea takes none":        {func(c *Complete) { c.LandCM2 = 1 }, ErrLand},
		"land below zero":                      {func(c *Complete) { c.LandCM2 = -1 }, ErrLand},
		"a burial before the second consent":   {func(c *Complete) { c.At, c.LateReason = domaintest.Noon.Add(23*time.Hour), "x" }, ErrBeforeConsent},
		"a burial at a time that has not come": {func(c *Complete) { c.At = c.Now.Add(1) }, domain.ErrFuture},
	} {
		t.Run(name+" is refused", func(t *testing.T) { spec.Given(t, given...).When(with(complete, c.change)).Rejects(c.want) })
	}
	t.Run("a fact may have 80 characters", func(t *testing.T) {
		long := with(complete, fact("vessel", strings.Repeat("船", 80)))
		spec.Given(t, given...).When(long).Then(with(completed, func(e *Completed) { e.Facts = long.Facts }))
	})
	t.Run("asked again for the same, nothing happens", func(t *testing.T) {
		spec.Given(t, applied, consented, completed).When(complete).Then()
		spec.Given(t, applied).When(apply).Then()
		spec.Given(t, applied, Withdrawn{daughter}).When(Withdraw{at(30), daughter}).Then()
	})
	t.Run("without second consent it waits", func(t *testing.T) {
		spec.Given(t, applied).When(complete).Rejects(ErrConsentMissing)
	})
	t.Run("after a withdrawal nothing is buried", func(t *testing.T) {
		spec.Given(t, applied, consented, Withdrawn{daughter}).When(complete).Rejects(ErrWithdrawn)
	})
	t.Run("a burial is reported once", func(t *testing.T) {
		spec.Given(t, applied, consented, completed).When(with(complete, fact("vessel", "演示船 2 号"))).Rejects(ErrCompleted)
	})
	t.Run("no certificate at all is no certificate", func(t *testing.T) {
		spec.Given(t, with(applied, func(e *Applied) { e.Certificate = "" }), consented).When(complete).Rejects(ErrCertificate)
	})
	t.Run("a reissued certificate stands in for the one of the application", func(t *testing.T) {
		spec.Given(t, given...).When(with(complete, func(c *Complete) { c.Certificate = "DL2026000009" })).Then(with(completed, func(e *Completed) { e.Certificate = "DL2026000009" }))
	})
	t.Run("a tree takes ground", func(t *testing.T) {
		tree, _ := Default().Type("TREE_KEEP")
		given := with(appliedNiche, func(e *Applied) { e.Type, e.Requires, e.TakesLand = "TREE_KEEP", tree.Requires, true })
		under := with(complete, func(c *Complete) {
			c.Facts, c.EcoCertificate = map[string]string{"garden_id": "G1", "tree_no": "7"}, ""
		})
		spec.Given(t, given).When(under).Rejects(ErrLand)
		spec.Given(t, given).When(with(under, func(c *Complete) { c.LandCM2 = 2500 })).
			Then(with(completed, func(e *Completed) { e.Type, e.Facts, e.EcoCertificate, e.LandCM2 = "TREE_KEEP", under.Facts, "", 2500 }))
	})
	t.Run("a day that nobody knows stays empty", func(t *testing.T) {
		spec.Given(t, given...).When(with(complete, func(c *Complete) { c.At = time.Time{} })).Then(with(completed, func(e *Completed) { e.CompletedOn = "" }))
	})
	t.Run("the event keeps its own copy of the facts", func(t *testing.T) {
		mine := maps.Clone(facts)
		es, err := Burial.Decide(Burial.Fold(Burial.Initial, given...), with(complete, func(c *Complete) { c.Facts = mine }))
		if err != nil {
			t.Fatal(err)
		}
		mine["vessel"] = "改"
		if es[0].(Completed).Facts["vessel"] != "演示船 1 号" {
			t.Error("the event changed with the caller's map")
		}
	})
}

func TestChooseVoyage(t *testing.T) {
	chosen := VoyageChosen{"20261125-1"}
	t.Run("an open application for a sea burial chooses one voyage", func(t *testing.T) {
		spec.Given(t, applied).When(ChooseVoyage{at(2), "20261125-1"}).Then(chosen)
		spec.Given(t, applied, chosen).When(ChooseVoyage{at(2), "20261128-1"}).Rejects(ErrOnVoyage)
		spec.Given(t, appliedNiche).When(ChooseVoyage{at(2), "20261125-1"}).Rejects(ErrNotAtSea)
		spec.Given(t, applied, Withdrawn{daughter}).When(ChooseVoyage{at(2), "20261125-1"}).Rejects(ErrWithdrawn)
		spec.Given(t, applied, consented, completed).When(ChooseVoyage{at(50), "20261125-1"}).Rejects(ErrCompleted)
	})
	t.Run("and leaves it when its seats are free", func(t *testing.T) {
		spec.Given(t, applied, chosen).When(LeaveVoyage{at(3), "20261125-1", true}).Then(VoyageLeft{"20261125-1"})
		spec.Given(t, applied, chosen).When(LeaveVoyage{at(3), "20261125-1", false}).Rejects(ErrOnVoyage)
		spec.Given(t, applied, chosen).When(LeaveVoyage{at(3), "20261128-1", true}).Then()
	})
	t.Run("it is completed by that voyage and no other", func(t *testing.T) {
		spec.Given(t, applied, consented, VoyageChosen{"2026-11-25-1"}).When(complete).Then(completed)
		spec.Given(t, applied, consented, chosen).When(complete).Rejects(ErrNotScattered)
	})
}

func TestAshesOfABurial(t *testing.T) {
	receive := ReceiveAshes{at(30), daughter, "GH-1", true, true, true}
	received := AshesReceived{daughter, "GH-1", "staff-0301"}
	giveBack := ReturnAshes{at(40), "家属改变主意", true, false}
	returned := AshesReturned{daughter, "staff-0301", "家属改变主意"}
	t.Run("they come from the applicant, who has them", func(t *testing.T) {
		spec.Given(t, applied).When(receive).Then(received)
		for want, change := range map[error]func(*ReceiveAshes){
			ErrAshesElsewhere: func(c *ReceiveAshes) { c.Holds = false }, ErrAshesSigned: func(c *ReceiveAshes) { c.Signed = false },
			ErrNotApplicant: func(c *ReceiveAshes) { c.Applicant = stranger },
		} {
			spec.Given(t, applied).When(with(receive, change)).Rejects(want)
		}
		spec.Given(t, applied).When(with(receive, func(c *ReceiveAshes) { c.Placed = false })).Rejects(ErrAshesElsewhere)
		spec.Given(t, applied, received).When(with(receive, func(c *ReceiveAshes) { c.Label = "GH-2" })).Rejects(ErrAshesReceived)
		spec.Given(t, applied, consented, completed).When(receive).Rejects(ErrCompleted)
	})
	t.Run("and go back to the applicant", func(t *testing.T) {
		spec.Given(t, applied, received).When(giveBack).Then(returned)
		spec.Given(t, applied, received, Withdrawn{daughter}).When(giveBack).Then(returned)
		spec.Given(t, applied).When(giveBack).Rejects(ErrAshesNotHere)
		spec.Given(t, applied, received).When(with(giveBack, func(c *ReturnAshes) { c.Aboard = true })).Rejects(ErrAshesAboard)
		spec.Given(t, applied, received).When(with(giveBack, func(c *ReturnAshes) { c.Signed = false })).Rejects(ErrAshesSigned)
	})
	t.Run("what went back is not buried", func(t *testing.T) {
		spec.Given(t, applied, consented, received, returned).When(complete).Rejects(ErrAshesNotHere)
		spec.Given(t, applied, consented, received, returned, received).When(complete).Then(completed)
	})
}

func TestCorrect(t *testing.T) {
	tree, _ := Default().Type("TREE_KEEP")
	flower, _ := Default().Type("FLOWER_BIO")
	appliedTree := with(appliedNiche, func(e *Applied) { e.Type, e.Requires, e.TakesLand = "TREE_KEEP", tree.Requires, true })
	done := with(completed, func(e *Completed) {
		e.Type, e.Facts, e.EcoCertificate, e.LandCM2 = "TREE_KEEP", map[string]string{"garden_id": "G1", "tree_no": "7"}, "", 2500
	})
	correct := Correct{Act: at(72), Definition: Default(), Type: "TREE_KEEP", Facts: done.Facts, Division: "210211", CompletedOn: "2026-11-24", LandCM2: 2000, Reason: "村里纸质登记核对", Paper: "DJ-1"}
	corrected := Corrected{Type: "TREE_KEEP", Facts: done.Facts, Division: "210211", CompletedOn: "2026-11-24", LandCM2: 2000,
		Was: Told{"TREE_KEEP", "210202", "2026-11-25", 2500}, Reason: "村里纸质登记核对", Paper: "DJ-1"}
	change := func(f func(*Correct)) Correct { return with(correct, f) }
	t.Run("a correction says what it was before, and why", func(t *testing.T) {
		spec.Given(t, appliedTree, done).When(correct).Then(corrected)
		spec.Given(t, appliedTree, done, corrected).When(correct).Then()
		spec.Given(t, appliedTree, done).When(change(func(c *Correct) { c.Paper = "" })).Rejects(ErrCorrection)
		spec.Given(t, appliedTree).When(correct).Rejects(ErrNotCompleted)
	})
	t.Run("it keeps to the same rules as a burial", func(t *testing.T) {
		for want, f := range map[error]func(*Correct){
			ErrFactMissing:     func(c *Correct) { c.Facts = nil },
			ErrTypeUnknown:     func(c *Correct) { c.Type = "TAXI" },
			ErrTypeNotEco:      func(c *Correct) { c.Type = "STD_PLOT" },
			ErrLand:            func(c *Correct) { c.LandCM2 = 0 },
			domain.ErrFuture:   func(c *Correct) { c.CompletedOn = "2026-12-24" },
			domain.ErrDivision: func(c *Correct) { c.Division = "2" },
		} {
			spec.Given(t, appliedTree, done).When(change(f)).Rejects(want)
		}
	})
	t.Run("it never makes a way irreversible that nobody consented to", func(t *testing.T) {
		bio := change(func(c *Correct) {
			c.Type, c.Facts, c.LandCM2 = "FLOWER_BIO", map[string]string{"garden_id": "G1", "bed_no": "2", "container_degradable": "true"}, 1000
		})
		spec.Given(t, appliedTree, done).When(bio).Rejects(ErrConsentMissing)
		appliedFlower := with(appliedTree, func(e *Applied) {
			e.Type, e.Requires, e.Irreversible, e.PauseHours = "FLOWER_BIO", flower.Requires, true, 24
		})
		spec.Given(t, appliedFlower, consented, done).When(with(bio, func(c *Correct) { c.CompletedOn = "2026-11-23" })).Rejects(ErrBeforeConsent)
		if s := spec.Given(t, appliedFlower, consented, done, corrected).State(); s.Completed.LandCM2 != 2000 || s.Completed.Division != "210211" || s.Corrected != 1 {
			t.Errorf("%+v", s.Completed)
		}
	})
	t.Run("a voyage's burial is corrected in its facts only", func(t *testing.T) {
		spec.Given(t, applied, consented, completed).When(Correct{Act: at(72), Definition: Default(), Type: "SEA", Facts: facts, Division: "210211", CompletedOn: "2026-11-25", Reason: "x", Paper: "y"}).Rejects(ErrCorrectSea)
		spec.Given(t, appliedTree, done).When(change(func(c *Correct) { c.Type, c.LandCM2, c.Facts = "SEA", 0, facts })).Rejects(ErrCorrectSea)
	})
}

// I14, whatever is sent in whatever order: nothing irreversible without a second
// consent of the applicant after the pause, nothing after a withdrawal, once.
func TestBurialHistories(t *testing.T) {
	irreversible := 0
	domaintest.Check(t, func(t *rapid.T) {
		hours := 0.0
		who := rapid.SampledFrom([]domain.Subject{daughter, daughter, stranger})
		draw := func(s BurialState) BurialCommand {
			hours += rapid.Float64Range(0, 20).Draw(t, "hours")
			act := at(hours)
			switch rapid.IntRange(0, 9).Draw(t, "command") {
			case 0, 1:
				return with(apply, func(c *Apply) {
					c.Act, c.Type = act, rapid.SampledFrom([]string{"SEA", "SEA", "NICHE"}).Draw(t, "type")
				})
			case 2, 3, 4:
				return Consent{act, who.Draw(t, "who")}
			case 5:
				return Withdraw{act, who.Draw(t, "who")}
			}
			return with(complete, func(c *Complete) {
				c.Act, c.CertificateHolds, c.Scattered = act, rapid.Bool().Draw(t, "holds"), rapid.Bool().Draw(t, "scattered")
				if s.Applied.Type == "NICHE" {
					c.Facts = map[string]string{"hall": "一", "row": "2", "col": "3", "level": "4", "term_end": "2046-11-25"}
				}
			})
		}
		domaintest.Random(t, Burial, draw, func(s BurialState, history []BurialEvent) {
			var first Applied
			var second Consented
			ended := false
			for _, e := range history {
				if ended {
					t.Fatalf("%#v after the end", e)
				}
				switch e := e.(type) {
				case Applied:
					if first.Type != "" {
						t.Fatal("applied twice")
					}
					first = e
				case Consented:
					if e.At.Sub(first.At) < 24*time.Hour || e.Applicant != first.Applicant {
						t.Fatalf("%#v after %#v", e, first)
					}
					second = e
				case Withdrawn:
					ended = true
				case Completed:
					if ended = true; first.Irreversible {
						irreversible++
						if second.At.IsZero() {
							t.Fatal("irreversible without second consent")
						}
					}
				}
			}
		})
	}, &irreversible)
}
