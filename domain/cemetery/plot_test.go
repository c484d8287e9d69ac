package cemetery_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

const (
	husband = domain.Subject("2f0a7c2e-0000-4000-8000-000000000001")
	wife    = domain.Subject("2f0a7c2e-0000-4000-8000-000000000002")
	son     = domain.Subject("2f0a7c2e-0000-4000-8000-000000000003")
	other   = domain.Subject("2f0a7c2e-0000-4000-8000-000000000004")
)

var (
	spec     = domaintest.For(Plot)
	pine     = CemeteryState(established)
	marriage = domain.Personal(wife, "结婚证 1 号")

	surveyed = PlotSurveyed{Cemetery: code, Division: "210212", Plot: "A-1-3", Section: "A", Row: "1", Kind: Grave, EcoType: "SMALL_PLOT", Capacity: 2, AreaCM2: 8000, StoneHeightCM: 60}
	survey   = Survey{Act: by, Cemetery: pine, Plot: "A-1-3", Section: "A", Row: "1", Kind: Grave, EcoType: "SMALL_PLOT", Capacity: 2, AreaCM2: 8000, StoneHeightCM: 60}
	allocate = Allocate{Act: by, Right: "R-1", Applicant: son, Deceased: husband, Ground: CremationCertificate, Certificate: "DL2026000001", CertificateHolds: true,
		Hukou: "210211", Contract: "HT-1", TermUntil: "2046-11-23", FeeFen: domain.Yuan(1800), Cemetery: pine}
	allocated = PlotAllocated{Right: "R-1", Applicant: son, Deceased: husband, Ground: CremationCertificate, Certificate: "DL2026000001",
		Contract: "HT-1", TermUntil: "2046-11-23", FeeFen: domain.Yuan(1800), Deed: "R-1-1", Rules: DefaultRules.ID}
	reserve = with(allocate, func(c *Allocate) {
		c.Deceased, c.Ground, c.Certificate, c.CertificateHolds, c.ExceptionPaper, c.SpouseOf, c.FeeFen = wife, LivingSpouse, "", false, marriage, husband, 0
	})
	reserved = PlotAllocated{Right: "R-1", Applicant: son, Deceased: wife, Ground: LivingSpouse, ExceptionPaper: marriage, SpouseOf: husband, Contract: "HT-1", TermUntil: "2046-11-23", Deed: "R-1-2", Rules: DefaultRules.ID}
	inter    = Inter{Act: by, Right: "R-1", Person: husband, Certificate: "DL2026000001", CertificateHolds: true, Definition: "dl-eco-2026.1",
		Released: true, Standing: Standing{Right: "R-1", Holder: son, Until: "2046-11-23"}, Consent: Consent{By: son, Paper: "AZ-1"}}
	interred = PlotInterred{Right: "R-1", Person: husband, Certificate: "DL2026000001", EcoType: "SMALL_PLOT", Definition: "dl-eco-2026.1",
		Institution: code, Division: "210212", AreaCM2: 8000, InterredOn: "2026-11-23"}
	consented = PlotConsented{"R-1", husband, Consent{By: son, Paper: "AZ-1"}}
)

func TestSurvey(t *testing.T) {
	t.Run("a plot is surveyed", func(t *testing.T) {
		spec.Given(t).When(survey).Then(surveyed)
	})
	t.Run("and corrected as long as nobody has a right to it", func(t *testing.T) {
		smaller := with(survey, func(c *Survey) { c.AreaCM2 = 5000 })
		spec.Given(t, surveyed).When(smaller).Then(with(surveyed, func(e *PlotSurveyed) { e.AreaCM2 = 5000 }))
		spec.Given(t, surveyed, allocated).When(smaller).Rejects(ErrSurveyGiven)
	})
	t.Run("a plot belongs to a cemetery", func(t *testing.T) {
		spec.Given(t).When(with(survey, func(c *Survey) { c.Cemetery = CemeteryState{} })).Rejects(ErrCemeteryUnknown)
	})
	for name, change := range map[string]func(*Survey){
		"it has a number":                  func(c *Survey) { c.Plot = "" },
		"it has a kind":                    func(c *Survey) { c.Kind = "PYRAMID" },
		"it has an eco type":               func(c *Survey) { c.EcoType = "" },
		"it holds at least one":            func(c *Survey) { c.Capacity = 0 },
		"it holds no crowd":                func(c *Survey) { c.Capacity = 21 },
		"a grave takes ground":             func(c *Survey) { c.AreaCM2 = 0 },
		"a grave is no field":              func(c *Survey) { c.AreaCM2 = 10_000_001 },
		"no headstone is a tower":          func(c *Survey) { c.StoneHeightCM = 10_001 },
		"no side is a road":                func(c *Survey) { c.WidthCM, c.DepthCM = 10_001, 80 },
		"no area is negative":              func(c *Survey) { c.AreaCM2, c.Kind = -1, Niche },
		"no headstone is below the ground": func(c *Survey) { c.StoneHeightCM = -1 },
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(with(survey, change)).Rejects(ErrPlotInvalid) })
	}
	for name, change := range map[string]func(*Survey){
		"a mark is no page":              func(c *Survey) { c.Section = strings.Repeat("东", 41) },
		"a mark is one line":             func(c *Survey) { c.Row = "1\n2" },
		"a mark does not turn around":    func(c *Survey) { c.Seat = "\u202e1" },
		"a mark is text in one encoding": func(c *Survey) { c.Garden = "\xb6\xab" },
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(with(survey, change)).Rejects(ErrPlotText) })
	}
	for _, n := range []int{1, 20} {
		t.Run("a family grave has its limits", func(t *testing.T) {
			spec.Given(t).When(with(survey, func(c *Survey) { c.Capacity, c.StoneHeightCM = n, 0 })).
				Then(with(surveyed, func(e *PlotSurveyed) { e.Capacity, e.StoneHeightCM = n, 0 }))
		})
	}
	t.Run("a niche takes no ground", func(t *testing.T) {
		spec.Given(t).When(with(survey, func(c *Survey) { c.Kind, c.EcoType, c.AreaCM2 = Niche, "NICHE", 0 })).
			Then(with(surveyed, func(e *PlotSurveyed) { e.Kind, e.EcoType, e.AreaCM2 = Niche, "NICHE", 0 }))
	})
}

func TestAllocate(t *testing.T) {
	change := func(f func(*Allocate)) Allocate { return with(allocate, f) }
	t.Run("a plot is given for a deceased resident against a certificate", func(t *testing.T) {
		spec.Given(t, surveyed).When(allocate).Then(allocated)
	})
	t.Run("it is given once", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(change(func(c *Allocate) { c.Right, c.Applicant, c.Deceased = "R-2", other, other })).Rejects(ErrPlotTaken)
	})
	t.Run("a plot that nobody surveyed is not given", func(t *testing.T) {
		spec.Given(t).When(allocate).Rejects(ErrNotSurveyed)
	})
	t.Run("a given-back plot is given anew", func(t *testing.T) {
		spec.Given(t, surveyed, allocated, PlotSurrendered{"R-1", "改选", []domain.Subject{husband}, "TH-1"}).When(change(func(c *Allocate) { c.Right = "R-2" })).
			Then(with(allocated, func(e *PlotAllocated) { e.Right, e.Deed = "R-2", "R-2-1" }))
	})
	for name, c := range map[string]struct {
		change func(*Allocate)
		want   error
	}{
		"E-1 no certificate, no plot":                  {func(c *Allocate) { c.Certificate = "" }, ErrCertificate},
		"E-1 a void certificate, or another's":         {func(c *Allocate) { c.CertificateHolds = false }, ErrCertificate},
		"E-1 ashes go against a cremation certificate": {func(c *Allocate) { c.Ground = DeathCertificate }, ErrGround},
		"E-1 the ground exists":                        {func(c *Allocate) { c.Ground = "FRIEND" }, ErrGround},
		"E-1 one ground at a time":                     {func(c *Allocate) { c.SpouseOf = wife }, ErrGround},
		"E-2 outside the served area":                  {func(c *Allocate) { c.Hukou = "210202" }, ErrNotServed},
		"E-2 unknown residence is none":                {func(c *Allocate) { c.Hukou = "" }, ErrNotServed},
		"E-3 nothing ahead of a death":                 {func(c *Allocate) { c.Ground, c.Certificate = "", "" }, ErrPreallocation},
		"E-3 a living person alone gets no plot":       {func(c *Allocate) { *c = reserve }, ErrPreallocation},
		"E-4 one place for each person":                {func(c *Allocate) { c.Placed = string(code) + ".B-9" }, ErrPersonPlaced},
		"E-7 a term beyond 20 years":                   {func(c *Allocate) { c.TermUntil = "2046-11-24" }, ErrTerm},
		"E-7 a term that is over":                      {func(c *Allocate) { c.TermUntil = "2026-11-23" }, ErrTerm},
		"E-7 a term that is no day":                    {func(c *Allocate) { c.TermUntil = "2046-02-30" }, ErrTerm},
		"E-8 no contract":                              {func(c *Allocate) { c.Contract = "" }, ErrContract},
		"no fee below zero":                            {func(c *Allocate) { c.FeeFen = -1 }, ErrFee},
		"no allocation without its people":             {func(c *Allocate) { c.Deceased = "" }, ErrRightNeeded},
		"no allocation without a right":                {func(c *Allocate) { c.Right = "" }, ErrRightNeeded},
		"no allocation in another cemetery's name":     {func(c *Allocate) { c.Cemetery.Cemetery = "12210200422000019F" }, ErrCemeteryUnknown},
		"no new places in a historic burial spot":      {func(c *Allocate) { c.Cemetery.Class = Historic }, ErrHistoric},
		"a village cemetery serves its villagers":      {func(c *Allocate) { c.Cemetery.Class, c.FeeFen = RuralPublic, 0 }, ErrNotServed},
		"a villager pays no use fee":                   {func(c *Allocate) { c.Cemetery.Class, c.Villager = RuralPublic, true }, ErrVillageFee},
		"a limit set by the authority holds":           {func(c *Allocate) { c.Cemetery.Limits.AshAreaCM2 = 7999 }, ErrArea},
		"a headstone limit set by the authority holds": {func(c *Allocate) { c.Cemetery.Limits.StoneHeightCM = 59 }, ErrStone},
		"a time that has not come is refused":          {func(c *Allocate) { c.At = c.Now.Add(time.Hour) }, domain.ErrFuture},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, surveyed).When(change(c.change)).Rejects(c.want) })
	}
	for name, f := range map[string]func(*Allocate){
		"E-2 a non-local spouse of a resident is served":      func(c *Allocate) { c.Hukou, c.FamilyHukou = "370200", "210211" },
		"E-2 a city-wide cemetery serves every district":      func(c *Allocate) { c.Cemetery.Serves, c.Hukou = []domain.Division{"210200"}, "210283" },
		"a commercial cemetery serves everybody":              func(c *Allocate) { c.Cemetery.Class, c.Hukou = Commercial, "370200" },
		"E-4 the person's own placement names this plot":      func(c *Allocate) { c.Placed = string(code) + ".A-1-3" },
		"E-7 a late record counts its term from the day then": func(c *Allocate) { c.At, c.LateReason = c.Now.AddDate(0, 0, -9), "村里停电" },
	} {
		t.Run(name, func(t *testing.T) {
			c := change(f)
			if c.LateReason != "" {
				c.TermUntil = "2046-11-15"
				spec.Given(t, surveyed).When(c).Rejects(ErrTerm)
				c.TermUntil = "2046-11-14"
			}
			spec.Given(t, surveyed).When(c).Then(with(allocated, func(e *PlotAllocated) { e.TermUntil = c.TermUntil }))
		})
	}
	t.Run("a villager gets a plot without use fee", func(t *testing.T) {
		spec.Given(t, surveyed).When(change(func(c *Allocate) { c.Cemetery.Class, c.Villager, c.FeeFen = RuralPublic, true, 0 })).
			Then(with(allocated, func(e *PlotAllocated) { e.FeeFen = 0 }))
	})
	t.Run("E-5 and E-6: what is too large or too high is not given", func(t *testing.T) {
		spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.AreaCM2 = 10_001 })).When(allocate).Rejects(ErrArea)
		spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.AreaCM2 = 10_000 })).When(allocate).Then(allocated)
		spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.StoneHeightCM = 101 })).When(allocate).Rejects(ErrStone)
		spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.StoneHeightCM = 100 })).When(allocate).Then(allocated)
	})
	t.Run("a body grave is given against the death certificate, up to 4 or 6 m²", func(t *testing.T) {
		body := with(surveyed, func(e *PlotSurveyed) { e.Kind, e.EcoType, e.AreaCM2 = BodyGrave, "BODY_PLOT", 60_000 })
		byDeath := change(func(c *Allocate) { c.Ground = DeathCertificate })
		spec.Given(t, body).When(byDeath).Then(with(allocated, func(e *PlotAllocated) { e.Ground = DeathCertificate }))
		spec.Given(t, body).When(allocate).Rejects(ErrGround)
		spec.Given(t, with(body, func(e *PlotSurveyed) { e.Capacity = 1 })).When(byDeath).Rejects(ErrArea)
		spec.Given(t, with(body, func(e *PlotSurveyed) { e.AreaCM2 = 60_001 })).When(byDeath).Rejects(ErrArea)
	})
}

func TestTwoInOnePlot(t *testing.T) {
	t.Run("the living spouse is named beside the deceased, with the paper", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(reserve).Then(reserved)
		spec.Given(t, surveyed, allocated).When(with(reserve, func(c *Allocate) { c.ExceptionPaper = domain.Private[string]{} })).Rejects(ErrExceptionPaper)
		spec.Given(t, surveyed, allocated).When(with(reserve, func(c *Allocate) { c.Certificate = "x" })).Rejects(ErrGround)
	})
	t.Run("not where the cemetery allows no such exception", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(reserve, func(c *Allocate) { c.Cemetery.Limits.Spouse = false })).Rejects(ErrPreallocation)
	})
	t.Run("not beside somebody who has no place here, nor beside another living person", func(t *testing.T) {
		three := with(surveyed, func(e *PlotSurveyed) { e.Capacity = 3 })
		spec.Given(t, three, allocated).When(with(reserve, func(c *Allocate) { c.SpouseOf = other })).Rejects(ErrPreallocation)
		spec.Given(t, three, allocated, reserved).When(with(reserve, func(c *Allocate) { c.Deceased, c.SpouseOf = other, wife })).Rejects(ErrPreallocation)
	})
	second := with(allocate, func(c *Allocate) { c.Deceased, c.Certificate = wife, "DL2026000002" })
	t.Run("a second deceased joins under the same right, applicant and term", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(second).Then(with(allocated, func(e *PlotAllocated) { e.Deceased, e.Certificate, e.Deed = wife, "DL2026000002", "R-1-2" }))
		spec.Given(t, surveyed, allocated).When(with(second, func(c *Allocate) { c.Applicant = other })).Rejects(ErrOtherApplicant)
		spec.Given(t, surveyed, allocated).When(with(second, func(c *Allocate) { c.TermUntil = "2040-01-01" })).Rejects(ErrTermOther)
		spec.Given(t, surveyed, allocated).When(with(allocate, func(c *Allocate) { c.Contract = "HT-2" })).Rejects(ErrPersonPlaced)
	})
	t.Run("never more than the plot holds", func(t *testing.T) {
		spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.Capacity = 1 }), allocated).When(second).Rejects(ErrPlotFull)
		spec.Given(t, surveyed, allocated, reserved).When(with(second, func(c *Allocate) { c.Deceased = other })).Rejects(ErrPlotFull)
	})
}

func TestInter(t *testing.T) {
	t.Run("who has the place is laid to rest in it", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(inter).Then(consented, interred)
	})
	t.Run("a day that nobody knows stays empty", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.At = time.Time{} })).Then(consented, with(interred, func(e *PlotInterred) { e.InterredOn = "" }))
	})
	t.Run("the day is the local one", func(t *testing.T) {
		late := with(inter, func(c *Inter) { c.At = time.Date(2026, 11, 22, 16, 30, 0, 0, time.UTC) })
		spec.Given(t, surveyed, allocated).When(late).Then(consented, interred)
		early := with(inter, func(c *Inter) { c.At = time.Date(2026, 11, 22, 15, 59, 0, 0, time.UTC) })
		spec.Given(t, surveyed, allocated).When(early).Then(consented, with(interred, func(e *PlotInterred) { e.InterredOn = "2026-11-22" }))
	})
	t.Run("only under the right that the plot is given to", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.Right = "R-2" })).Rejects(ErrNotHolder)
		spec.Given(t, surveyed).When(inter).Rejects(ErrNotHolder)
		spec.Given(t, surveyed).When(with(inter, func(c *Inter) { c.Right = "" })).Rejects(ErrNotHolder)
	})
	t.Run("only who is named in it", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.Person = other })).Rejects(ErrNotNamed)
	})
	t.Run("only against a certificate, the named spouse too", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.CertificateHolds = false })).Rejects(ErrCertificate)
		hers := with(inter, func(c *Inter) { c.Person, c.Certificate = wife, "DL2036000009" })
		spec.Given(t, surveyed, allocated, reserved, interred).When(with(hers, func(c *Inter) { c.Certificate = "" })).Rejects(ErrCertificate)
		spec.Given(t, surveyed, allocated, reserved, interred).When(hers).Then(with(consented, func(e *PlotConsented) { e.Person = wife }),
			with(interred, func(e *PlotInterred) { e.Person, e.Certificate = wife, "DL2036000009" }))
	})
	t.Run("as what the plot was surveyed as, under a named definition", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.EcoType = "SMALL_PLOT" })).Then(consented, interred)
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.EcoType = "SEA" })).Rejects(ErrEcoType)
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.Definition = "" })).Rejects(ErrDefinition)
	})
	t.Run("not after the period of use", func(t *testing.T) {
		act := domaintest.At("staff-0201", time.Date(2046, 11, 24, 4, 0, 0, 0, time.UTC))
		spec.Given(t, surveyed, allocated).When(with(inter, func(c *Inter) { c.Act = act })).Rejects(ErrTermOver)
	})
}

func TestSurrender(t *testing.T) {
	give := Surrender{by, "R-1", "改选海葬", "TH-1", false}
	t.Run("an empty plot is given back", func(t *testing.T) {
		spec.Given(t, surveyed, allocated, reserved).When(give).Then(PlotSurrendered{"R-1", "改选海葬", []domain.Subject{husband, wife}, "TH-1"})
	})
	t.Run("not one in which somebody rests", func(t *testing.T) {
		spec.Given(t, surveyed, allocated, interred).When(give).Rejects(ErrOccupied)
	})
	t.Run("not under another right, not without a reason", func(t *testing.T) {
		spec.Given(t, surveyed, allocated).When(with(give, func(c *Surrender) { c.Right = "R-2" })).Rejects(ErrNotHolder)
		spec.Given(t, surveyed, allocated).When(with(give, func(c *Surrender) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, surveyed, allocated).When(with(give, func(c *Surrender) { c.Paper = " " })).Rejects(ErrSurrender)
		spec.Given(t, surveyed, allocated).When(with(give, func(c *Surrender) { c.Died = true })).Rejects(ErrHolderGone)
	})
}

// I15, whatever is sent in whatever order: one right at a time, never beyond
// capacity, only against a certificate or beside one who has it.
func TestPlotHistories(t *testing.T) {
	full := 0
	histories := func(t *rapid.T) {
		persons := rapid.SampledFrom([]domain.Subject{husband, wife, son, other})
		rights := rapid.SampledFrom([]string{"R-1", "R-1", "R-2"})
		draw := func(s PlotState) PlotCommand {
			if s.Surveyed.Capacity == 0 {
				return survey
			}
			switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "command") {
			case 0:
				return with(survey, func(c *Survey) {
					c.Capacity = rapid.SampledFrom([]int{1, 2, 2, 3, 0}).Draw(t, "capacity")
					c.AreaCM2 = rapid.SampledFrom([]int{5000, 9000, 9000, 12000}).Draw(t, "area")
				})
			case 1, 2, 3:
				return with(allocate, func(c *Allocate) {
					c.Right, c.Deceased = rights.Draw(t, "right"), persons.Draw(t, "person")
					c.Ground = rapid.SampledFrom([]Ground{CremationCertificate, CremationCertificate, LivingSpouse, ""}).Draw(t, "ground")
					c.CertificateHolds = rapid.Bool().Draw(t, "holds")
					if c.Ground == LivingSpouse {
						c.Certificate, c.ExceptionPaper, c.SpouseOf = "", marriage, persons.Draw(t, "spouse")
					}
				})
			case 4, 5, 6:
				return with(inter, func(c *Inter) {
					c.Right, c.Person, c.CertificateHolds = rights.Draw(t, "right"), persons.Draw(t, "person"), rapid.Bool().Draw(t, "holds")
					c.Standing.Right = c.Right
				})
			}
			return Surrender{by, rights.Draw(t, "right"), "x", "TH-1", false}
		}
		domaintest.Random(t, Plot, draw, func(s PlotState, history []PlotEvent) {
			var plot PlotSurveyed
			var right string
			var places, rest []domain.Subject
			for _, e := range history {
				switch e := e.(type) {
				case PlotSurveyed:
					plot = e
					if right != "" {
						t.Fatal("surveyed anew while given")
					}
				case PlotAllocated:
					if right != "" && right != e.Right {
						t.Fatalf("given to %s and %s", right, e.Right)
					}
					if plot.AreaCM2 > DefaultLimits.AshAreaCM2 {
						t.Fatalf("given with %d cm²", plot.AreaCM2)
					}
					if e.Ground == LivingSpouse && !slices.Contains(places, e.SpouseOf) {
						t.Fatalf("%#v beside nobody", e)
					}
					right, places = e.Right, append(places, e.Deceased)
				case PlotInterred:
					if e.Right != right || !slices.Contains(places, e.Person) || slices.Contains(rest, e.Person) {
						t.Fatalf("%#v: right %s, places %v, at rest %v", e, right, places, rest)
					}
					rest = append(rest, e.Person)
				case PlotSurrendered:
					if len(rest) > 0 {
						t.Fatal("given back while occupied")
					}
					right, places = "", nil
				}
				if len(places) > plot.Capacity || len(rest) > plot.Capacity {
					t.Fatalf("%d places, %d at rest in a plot for %d", len(places), len(rest), plot.Capacity)
				}
				if len(rest) > 0 && len(rest) == plot.Capacity {
					full++
				}
			}
			if s.Right != right || len(s.Places) != len(places) || len(s.Interred) != len(rest) {
				t.Fatalf("%#v", s)
			}
		})
	}
	domaintest.Check(t, histories, &full)
}

func TestSurveyOnTheMap(t *testing.T) {
	spot := Spot{1215000000, 389000000}
	whole := with(survey, func(c *Survey) { c.Garden, c.Seat, c.WidthCM, c.DepthCM, c.Spot = "东园", "3", 80, 100, spot })
	t.Run("a place has its garden, seat, sides and coordinates", func(t *testing.T) {
		spec.Given(t).When(whole).Then(with(surveyed, func(e *PlotSurveyed) { e.Garden, e.Seat, e.WidthCM, e.DepthCM, e.Spot = "东园", "3", 80, 100, spot }))
	})
	t.Run("a swapped pair of coordinates is refused", func(t *testing.T) {
		spec.Given(t).When(with(whole, func(c *Survey) { c.Spot = Spot{spot.LatE7, spot.LonE7} })).Rejects(ErrSpot)
	})
	t.Run("one side alone is no measure", func(t *testing.T) {
		spec.Given(t).When(with(whole, func(c *Survey) { c.DepthCM = 0 })).Rejects(ErrPlotInvalid)
	})
	t.Run("a columbarium has niches and walls", func(t *testing.T) {
		in := with(pine, func(c *CemeteryState) { c.Class = Columbarium })
		spec.Given(t).When(with(survey, func(c *Survey) { c.Cemetery = in })).Rejects(ErrKind)
		spec.Given(t).When(with(survey, func(c *Survey) { c.Cemetery, c.Kind, c.AreaCM2 = in, Wall, 0 })).Then(with(surveyed, func(e *PlotSurveyed) { e.Kind, e.AreaCM2 = Wall, 0 }))
	})
}

// What is too large as it stands is on record as not compliant, whoever has a
// right to it, and is not given until it is remedied.
func TestExcessStaysOnRecord(t *testing.T) {
	measure := Measure{Act: by, AreaCM2: 13_100, StoneHeightCM: 120, Cemetery: pine}
	area, stone := PlotExceeded{"E-5", 13_100, 10_000, DefaultRules.ID}, PlotExceeded{"E-6", 120, 100, DefaultRules.ID}
	spec.Given(t, surveyed, allocated, interred).When(measure).Then(area, stone)
	spec.Given(t, surveyed, area, stone).When(measure).Then()
	spec.Given(t, surveyed, area).When(allocate).Rejects(ErrArea)
	spec.Given(t, surveyed, stone).When(allocate).Rejects(ErrStone)
	spec.Given(t, surveyed, area).When(Hold{by, "2026-2"}).Rejects(ErrNotFree)
	spec.Given(t, surveyed, area, stone).When(with(measure, func(c *Measure) { c.AreaCM2 = 9000 })).Then(PlotRemedied{"E-5", 9000, DefaultRules.ID})
	spec.Given(t, surveyed, area, PlotRemedied{"E-5", 9000, DefaultRules.ID}).When(allocate).Then(allocated)
	spec.Given(t, surveyed).When(with(measure, func(c *Measure) { c.AreaCM2 = 0 })).Rejects(ErrPlotInvalid)
	spec.Given(t, surveyed).When(with(measure, func(c *Measure) { c.Cemetery = CemeteryState{} })).Rejects(ErrCemeteryUnknown)
	large := with(survey, func(c *Survey) { c.AreaCM2 = 13_100 })
	spec.Given(t).When(large).Then(with(surveyed, func(e *PlotSurveyed) { e.AreaCM2 = 13_100 }), area)
}

// What a limit forbids is refused, and that it was asked for is kept; a refusal
// that did not happen cannot be kept.
func TestRefusalsAreKept(t *testing.T) {
	long := with(allocate, func(c *Allocate) { c.TermUntil = "2056-11-23" })
	kept := PlotRefused{Refusal: by.ID.String(), Right: "R-1", Code: "plot_term", Rule: "E-7", Basis: "民事发〔1998〕10号", Asked: "2056-11-23", Limit: "2046-11-23"}
	spec.Given(t, surveyed).When(RefuseAllocation{long}).Then(kept)
	spec.Given(t, surveyed).When(RefuseAllocation{allocate}).Rejects(ErrNotKept)
	spec.Given(t, surveyed).When(RefuseAllocation{with(allocate, func(c *Allocate) { c.Contract = "" })}).Rejects(ErrNotKept)
	spec.Given(t, with(surveyed, func(e *PlotSurveyed) { e.AreaCM2 = 13_100 })).When(RefuseAllocation{allocate}).
		Then(PlotRefused{Refusal: by.ID.String(), Right: "R-1", Code: "plot_area", Rule: "E-5", Basis: ErrArea.Basis, Asked: "13100", Limit: "10000"})
	spec.Given(t, surveyed).When(RefuseAllocation{with(allocate, func(c *Allocate) { c.CeilingFen = 1 })}).
		Then(PlotRefused{Refusal: by.ID.String(), Right: "R-1", Code: "plot_fee_ceiling", Rule: "I16", Basis: ErrFeeCeiling.Basis, Asked: "180000"})
	if !Refusable(ErrArea.With(1, 2)) || Refusable(ErrPlotTaken) || Refusable(nil) {
		t.Error("what is kept and what is not")
	}
}

// A headstone stands within the limits, with a living right and its words; what
// was too high is refused, and that it was asked for is kept.
func TestHeadstone(t *testing.T) {
	words := domain.Personal(son, "慈父之墓")
	stone := AgreeStone{Act: by, Right: "R-1", HeightCM: 80, Inscription: words, Cemetery: pine, Standing: inter.Standing}
	agreed := StoneAgreed{"R-1", 80, words, DefaultRules.ID}
	high := with(stone, func(c *AgreeStone) { c.HeightCM = 101 })
	spec.Given(t, surveyed, allocated).When(stone).Then(agreed)
	spec.Given(t, surveyed, allocated, agreed).When(stone).Then()
	spec.Given(t, surveyed, allocated, agreed).When(with(stone, func(c *AgreeStone) { c.HeightCM = 0 })).Then(StoneAgreed{"R-1", 0, words, DefaultRules.ID})
	spec.Given(t, surveyed, allocated).When(high).Rejects(ErrHeadstone)
	spec.Given(t, surveyed, allocated).When(RefuseStone{high}).
		Then(PlotRefused{Refusal: by.ID.String(), Right: "R-1", Code: "headstone_too_high", Rule: "E-6", Basis: ErrHeadstone.Basis, Asked: "101", Limit: "100"})
	spec.Given(t, surveyed, allocated, PlotRefused{Refusal: by.ID.String()}).When(RefuseStone{high}).Then()
	spec.Given(t, surveyed, allocated).When(RefuseStone{stone}).Rejects(ErrNotKept)
	spec.Given(t, surveyed, allocated, PlotSurrendered{"R-1", "R", nil, "TH-1"}).When(stone).Rejects(ErrNotHolder)
	for _, x := range []struct {
		change func(*AgreeStone)
		want   error
	}{
		{func(c *AgreeStone) { c.Right = "R-2" }, ErrNotHolder},
		{func(c *AgreeStone) { c.Cemetery = CemeteryState{} }, ErrCemeteryUnknown},
		{func(c *AgreeStone) { c.Standing.Over = true }, ErrStanding},
		{func(c *AgreeStone) { c.Standing.Lapsed = true }, ErrLapsed},
		{func(c *AgreeStone) { c.HeightCM = -1 }, ErrPlotInvalid},
		{func(c *AgreeStone) { c.Inscription = domain.Personal(son, " ") }, ErrInscription},
		{func(c *AgreeStone) { c.Inscription = domain.Personal(son, strings.Repeat("字", 201)) }, ErrInscription},
	} {
		spec.Given(t, surveyed, allocated).When(with(stone, x.change)).Rejects(x.want)
	}
}

func TestHeldForARound(t *testing.T) {
	held := PlotHeld{"2026-2"}
	won := with(allocate, func(c *Allocate) { c.Round, c.Won = "2026-2", true })
	spec.Given(t, surveyed).When(Hold{by, "2026-2"}).Then(held)
	spec.Given(t, surveyed, allocated).When(Hold{by, "2026-2"}).Rejects(ErrNotFree)
	spec.Given(t, surveyed, held).When(Hold{by, "2026-3"}).Rejects(ErrNotFree)
	spec.Given(t, surveyed, held).When(allocate).Rejects(ErrHeld)
	spec.Given(t, surveyed, held).When(with(won, func(c *Allocate) { c.Won = false })).Rejects(ErrHeld)
	spec.Given(t, surveyed, held).When(with(won, func(c *Allocate) { c.Round = "2026-3" })).Rejects(ErrHeld)
	spec.Given(t, surveyed).When(won).Rejects(ErrHeld)
	spec.Given(t, surveyed, held).When(won).Then(with(allocated, func(e *PlotAllocated) { e.Round = "2026-2" }))
	spec.Given(t, surveyed, held).When(EndHold{by, "2026-2"}).Then(PlotHoldEnded{"2026-2"})
	spec.Given(t, surveyed, held).When(EndHold{by, "2026-3"}).Then()
	spec.Given(t, surveyed, held, PlotHoldEnded{"2026-2"}).When(allocate).Then(allocated)
}

// An interment has a living, consenting holder, or the exception that applies.
func TestConsentToInter(t *testing.T) {
	change := func(f func(*Inter)) Inter { return with(inter, f) }
	given := spec.Given(t, surveyed, allocated)
	for name, c := range map[string]struct {
		inter Inter
		want  error
	}{
		"no word of the holder":           {change(func(c *Inter) { c.Consent = Consent{} }), ErrHolderConsent},
		"somebody else's word":            {change(func(c *Inter) { c.Consent.By = other }), ErrHolderConsent},
		"a word that nobody signed":       {change(func(c *Inter) { c.Consent.Paper = "" }), ErrHolderConsent},
		"a holder who has died":           {change(func(c *Inter) { c.Standing.Died = true }), ErrHolderDied},
		"the holder agrees to his own":    {change(func(c *Inter) { c.Standing.Holder, c.Consent.By = husband, husband }), ErrHolderDied},
		"an exception that does not hold": {change(func(c *Inter) { c.Consent = Consent{Exception: HeirsAgree, Paper: "x"} }), ErrException},
		"an exception without paper":      {change(func(c *Inter) { c.Consent = Consent{Exception: ByOrder} }), ErrException},
		"an exception that is none":       {change(func(c *Inter) { c.Consent = Consent{Exception: "HURRY", Paper: "x"} }), ErrException},
		"somebody else as the holder":     {change(func(c *Inter) { c.Consent = Consent{Exception: HolderRests, Paper: "x"} }), ErrException},
		"a right that is over":            {change(func(c *Inter) { c.Standing.Over = true }), ErrStanding},
		"a right that is not on record":   {change(func(c *Inter) { c.Standing = Standing{} }), ErrStanding},
		"a right that has lapsed":         {change(func(c *Inter) { c.Standing.Lapsed = true }), ErrLapsed},
		"ashes that another has":          {change(func(c *Inter) { c.Released = false }), ErrNotReleased},
	} {
		t.Run(name, func(t *testing.T) { given.When(c.inter).Rejects(c.want) })
	}
	for name, c := range map[string]Inter{
		"the holder rests": change(func(c *Inter) { c.Standing.Holder, c.Consent = husband, Consent{Exception: HolderRests, Paper: "x"} }),
		"the heirs agree":  change(func(c *Inter) { c.Standing.Died, c.Consent = true, Consent{Exception: HeirsAgree, Paper: "x"} }),
		"an order":         change(func(c *Inter) { c.Consent = Consent{Exception: ByOrder, Paper: "x"} }),
	} {
		t.Run(name, func(t *testing.T) {
			given.When(c).Then(PlotConsented{"R-1", husband, c.Consent}, interred)
		})
	}
}

// The plot follows its right: renewed, inherited, lapsed.
func TestPlotFollowsItsRight(t *testing.T) {
	renewed := Standing{Right: "R-1", Holder: son, Until: "2066-11-23"}
	given := spec.Given(t, surveyed, allocated, interred)
	given.When(Extend{by, renewed}).Then(PlotExtended{"R-1", "2066-11-23"})
	given.When(Extend{by, with(renewed, func(s *Standing) { s.Right = "R-2" })}).Rejects(ErrStanding)
	given.When(PassOn{by, with(renewed, func(s *Standing) { s.Holder = daughter })}).Then(PlotPassedOn{"R-1", daughter})
	given.When(PassOn{by, renewed}).Then()
	given.When(Lapse{by, with(renewed, func(s *Standing) { s.Lapsed = true })}).Then(PlotLapsed{"R-1"})
	given.When(Lapse{by, renewed}).Rejects(ErrStanding)
	lapsed := spec.Given(t, surveyed, allocated, interred, PlotLapsed{"R-1"})
	lapsed.When(with(allocate, func(c *Allocate) { c.Deceased = other })).Rejects(ErrLapsed)
	lapsed.When(with(allocate, func(c *Allocate) { c.Right, c.Deceased = "R-2", other })).Rejects(ErrPlotTaken)
	lapsed.When(Extend{by, renewed}).Then(PlotExtended{"R-1", "2066-11-23"})
	if s := lapsed.State(); s.Status() != LapsedUse || len(s.Interred) != 1 {
		t.Error("who rests there rests there:", s)
	}
	joined := with(allocate, func(c *Allocate) { c.Applicant, c.Deceased, c.TermUntil = daughter, wife, "2066-11-23" })
	joined.Act = on("staff-0201", "2046-12-01")
	spec.Given(t, surveyed, allocated, PlotExtended{"R-1", "2066-11-23"}, PlotPassedOn{"R-1", daughter}).When(joined).
		Then(with(allocated, func(e *PlotAllocated) {
			e.Applicant, e.Deceased, e.TermUntil, e.Deed = daughter, wife, "2066-11-23", "R-1-2"
		}))
}
