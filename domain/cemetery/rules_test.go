package cemetery_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

var newRules = with(DefaultRules, func(r *Rules) {
	r.ID, r.EffectiveFrom, r.Document, r.AgedFrom, r.StoneHeightCM = "dl-cem-2027.1", "2027-01-01", "大民发〔演示〕1号", 80, 60
})

func TestRuleBook(t *testing.T) {
	spec := domaintest.For(RuleBook)
	adopt := AdoptRules{by, newRules}
	t.Run("a version holds from its day on, the default before", func(t *testing.T) {
		spec.Given(t).When(adopt).Then(RulesAdopted{newRules})
		s := spec.Given(t, RulesAdopted{newRules}).State()
		if s.InForce("2026-12-31").ID != DefaultRules.ID || s.InForce("2027-01-01").ID != newRules.ID {
			t.Error(s.InForce("2026-12-31"), s.InForce("2027-01-01"))
		}
	})
	t.Run("what was adopted does not change", func(t *testing.T) {
		spec.Given(t, RulesAdopted{newRules}).When(with(adopt, func(c *AdoptRules) { c.Rules.TermYears = 10 })).Rejects(ErrRulesExist)
	})
	t.Run("versions follow one another, none reaches back", func(t *testing.T) {
		spec.Given(t).When(with(adopt, func(c *AdoptRules) { c.Rules.EffectiveFrom = "2026-11-22" })).Rejects(ErrRulesPast)
		spec.Given(t, RulesAdopted{newRules}).When(with(adopt, func(c *AdoptRules) { c.Rules.ID = "x" })).Rejects(ErrRulesPast)
	})
	for name, change := range map[string]func(*Rules){
		"a number":                          func(r *Rules) { r.ID = "" },
		"a number of their own":             func(r *Rules) { r.ID = DefaultRules.ID },
		"a document":                        func(r *Rules) { r.Document = "" },
		"an age that is old":                func(r *Rules) { r.AgedFrom = 59 },
		"no grave above 1 m²":               func(r *Rules) { r.AshAreaCM2 = 10_001 },
		"a grave that is there":             func(r *Rules) { r.AshAreaCM2 = 0 },
		"no body grave above 4 m²":          func(r *Rules) { r.SingleBodyAreaCM2 = 40_001 },
		"no double body grave above 6 m²":   func(r *Rules) { r.DoubleBodyAreaCM2 = 60_001 },
		"a double no smaller than a single": func(r *Rules) { r.DoubleBodyAreaCM2 = 39_999 },
		"targets in order":                  func(r *Rules) { r.PublicDoubleCM2 = 1 },
		"a headstone limit":                 func(r *Rules) { r.StoneHeightCM = 0 },
		"no term beyond 20 years":           func(r *Rules) { r.TermYears = 21 },
		"no fee below zero":                 func(r *Rules) { r.UpkeepYearFen = -1 },
		"three notices at least":            func(r *Rules) { r.Notices.Before, r.Notices.After = []int{6}, []int{3} },
		"notices in order":                  func(r *Rules) { r.Notices.Before = []int{6, 12, 1} },
		"notices each once":                 func(r *Rules) { r.Notices.Before = []int{6, 6, 1} },
		"grace after the last notice":       func(r *Rules) { r.Notices.GraceMonths = 2 },
		"a public notice":                   func(r *Rules) { r.Notices.PublicDays = 0 },
		"days for works":                    func(r *Rules) { r.WorksDays = 0 },
		"days to come":                      func(r *Rules) { r.AcceptDays = 0 },
	} {
		t.Run("rules have "+name, func(t *testing.T) {
			spec.Given(t).When(with(adopt, func(c *AdoptRules) {
				c.Rules.Notices.Before, c.Rules.Notices.After = slices.Clone(c.Rules.Notices.Before), slices.Clone(c.Rules.Notices.After)
				change(&c.Rules)
			})).Rejects(ErrRules)
		})
	}
}

// Every rule by itself, each exception with and without its paper.
func TestEligible(t *testing.T) {
	ok := Need{Ground: CremationCertificate, Certificate: "C", CertificateHolds: true, Hukou: "210211", Here: "p"}
	living := func(g Ground) Need { return Need{Ground: g, ExceptionPaper: true, Hukou: "210211", Here: "p"} }
	aged := with(DefaultRules, func(r *Rules) { r.AgedFrom = 80 })
	for name, c := range map[string]struct {
		rules Rules
		need  Need
		want  error
	}{
		"a resident with a certificate":              {DefaultRules, ok, nil},
		"no rules adopted are the default":           {Rules{}, ok, nil},
		"E-1 no certificate":                         {DefaultRules, with(ok, func(n *Need) { n.Certificate = "" }), ErrCertificate},
		"E-1 one that does not hold":                 {DefaultRules, with(ok, func(n *Need) { n.CertificateHolds = false }), ErrCertificate},
		"E-1 a relocation permit":                    {DefaultRules, with(ok, func(n *Need) { n.Ground = RelocationPermit }), nil},
		"E-1 a relocation from the place they have":  {DefaultRules, with(ok, func(n *Need) { n.Ground, n.Placed, n.MovesFrom = RelocationPermit, "q", "q" }), nil},
		"E-4 a relocation from somewhere else":       {DefaultRules, with(ok, func(n *Need) { n.Ground, n.Placed, n.MovesFrom = RelocationPermit, "q", "r" }), ErrPersonPlaced},
		"E-4 a place elsewhere":                      {DefaultRules, with(ok, func(n *Need) { n.Placed = "q" }), ErrPersonPlaced},
		"E-4 this very place":                        {DefaultRules, with(ok, func(n *Need) { n.Placed = "p" }), nil},
		"E-2 outside":                                {DefaultRules, with(ok, func(n *Need) { n.Hukou = "210202" }), ErrNotServed},
		"E-2 outside, where that is not asked":       {with(DefaultRules, func(r *Rules) { r.ServedArea = false }), with(ok, func(n *Need) { n.Hukou = "210202" }), nil},
		"E-2 the family of a resident":               {DefaultRules, with(ok, func(n *Need) { n.Hukou, n.FamilyHukou = "370200", "210211" }), nil},
		"E-2 the family, where that does not count":  {with(DefaultRules, func(r *Rules) { r.Family = false }), with(ok, func(n *Need) { n.Hukou, n.FamilyHukou = "370200", "210211" }), ErrNotServed},
		"E-3 no ground":                              {DefaultRules, with(ok, func(n *Need) { n.Ground = "" }), ErrPreallocation},
		"E-3 a spouse beside the deceased":           {DefaultRules, with(living(LivingSpouse), func(n *Need) { n.Beside = true }), nil},
		"E-3 a spouse beside nobody":                 {DefaultRules, living(LivingSpouse), ErrPreallocation},
		"E-3 a spouse, where there is no such":       {with(DefaultRules, func(r *Rules) { r.Spouse = false }), with(living(LivingSpouse), func(n *Need) { n.Beside = true }), ErrPreallocation},
		"E-3 somebody seriously ill":                 {DefaultRules, living(LivingIll), nil},
		"E-3 somebody ill without the paper":         {DefaultRules, with(living(LivingIll), func(n *Need) { n.ExceptionPaper = false }), ErrExceptionPaper},
		"E-3 somebody ill, where there is no such":   {with(DefaultRules, func(r *Rules) { r.Ill = false }), living(LivingIll), ErrPreallocation},
		"E-3 a childless elderly person":             {DefaultRules, living(LivingChildless), nil},
		"E-3 childless, where there is no such":      {with(DefaultRules, func(r *Rules) { r.Childless = false }), living(LivingChildless), ErrPreallocation},
		"E-3 age alone is off by default":            {DefaultRules, with(living(LivingAged), func(n *Need) { n.Age = 99 }), ErrPreallocation},
		"E-3 old enough":                             {aged, with(living(LivingAged), func(n *Need) { n.Age = 80 }), nil},
		"E-3 not old enough":                         {aged, with(living(LivingAged), func(n *Need) { n.Age = 79 }), ErrAge},
		"E-3 an age that nobody knows":               {aged, living(LivingAged), ErrAge},
		"E-3 an exception needs no certificate":      {DefaultRules, with(living(LivingIll), func(n *Need) { n.Certificate = "C" }), ErrGround},
		"a paper of an exception with a certificate": {DefaultRules, with(ok, func(n *Need) { n.ExceptionPaper = true }), ErrGround},
		"a ground that does not exist":               {DefaultRules, with(ok, func(n *Need) { n.Ground = "FRIEND" }), ErrGround},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.rules.Eligible(pine, c.need); !errors.Is(err, c.want) || err == nil && c.want != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if err := DefaultRules.Eligible(with(pine, func(s *CemeteryState) { s.Class = Historic }), ok); !errors.Is(err, ErrHistoric) {
		t.Error(err)
	}
	if err := DefaultRules.Eligible(with(pine, func(s *CemeteryState) { s.Class = Columbarium }), with(ok, func(n *Need) { n.Hukou = "" })); err != nil {
		t.Error("a columbarium serves everybody:", err)
	}
}

func TestFindings(t *testing.T) {
	small := with(surveyed, func(p *PlotSurveyed) { p.Capacity = 1 })
	for name, c := range map[string]struct {
		rules Rules
		plot  PlotSurveyed
		want  []Finding
	}{
		"within":                      {DefaultRules, with(small, func(p *PlotSurveyed) { p.AreaCM2 = 5000 }), nil},
		"above the public target":     {DefaultRules, with(small, func(p *PlotSurveyed) { p.AreaCM2 = 5001 }), []Finding{{"E-5", 5001, 5000, true}}},
		"a double has its own target": {DefaultRules, surveyed, nil},
		"above the limit":             {DefaultRules, with(small, func(p *PlotSurveyed) { p.AreaCM2 = 13_100 }), []Finding{{"E-5", 13_100, 10_000, false}}},
		"above both":                  {newRules, with(small, func(p *PlotSurveyed) { p.AreaCM2, p.StoneHeightCM = 13_100, 61 }), []Finding{{"E-5", 13_100, 10_000, false}, {"E-6", 61, 60, false}}},
	} {
		if d := cmp.Diff(c.want, c.rules.Findings(pine, c.plot)); d != "" {
			t.Error(name, d)
		}
	}
	strict := with(pine, func(c *CemeteryState) { c.Limits.StoneHeightCM = 50 })
	if fs := DefaultRules.Findings(strict, surveyed); len(fs) != 1 || fs[0].Limit != 50 {
		t.Error("a cemetery's own limit is the stricter:", fs)
	}
}

func TestPermits(t *testing.T) {
	ok := Contract{Number: "HT-1", On: "2026-11-23", Until: "2046-11-23", FeeFen: 100}
	village := with(pine, func(c *CemeteryState) { c.Class = RuralPublic })
	for name, c := range map[string]struct {
		cem   CemeteryState
		rules Rules
		k     Contract
		want  error
	}{
		"twenty years":                  {pine, DefaultRules, ok, nil},
		"a day more":                    {pine, DefaultRules, with(ok, func(k *Contract) { k.Until = "2046-11-24" }), ErrTerm},
		"no contract":                   {pine, DefaultRules, with(ok, func(k *Contract) { k.Number = "" }), ErrContract},
		"a village asks for none":       {village, DefaultRules, ok, ErrVillageFee},
		"a village, nothing asked":      {village, DefaultRules, with(ok, func(k *Contract) { k.FeeFen = 0 }), nil},
		"at the price list's":           {pine, DefaultRules, with(ok, func(k *Contract) { k.CeilingFen = 100 }), nil},
		"above the price list's":        {pine, DefaultRules, with(ok, func(k *Contract) { k.CeilingFen = 99 }), ErrFeeCeiling},
		"above the rules'":              {pine, with(DefaultRules, func(r *Rules) { r.PublicFeeFen = 99 }), with(ok, func(k *Contract) { k.CeilingFen = 200 }), ErrFeeCeiling},
		"the rules' is for public ones": {with(pine, func(c *CemeteryState) { c.Class = Commercial }), with(DefaultRules, func(r *Rules) { r.PublicFeeFen = 99 }), ok, nil},
	} {
		if err := c.rules.Permits(c.cem, c.k); !errors.Is(err, c.want) || err == nil && c.want != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClassesDoWhatTheyMay(t *testing.T) {
	for _, c := range Classes {
		p := c.Powers()
		if p.Gives != (c != Historic) || p.UseFee == (c == RuralPublic || c == Historic) || p.Rounds && c == Commercial || c.Public() && p.Everyone || len(p.Kinds) == 0 {
			t.Errorf("%s: %+v", c, p)
		}
	}
	if p := Class("PET").Powers(); p.Gives || len(p.Kinds) > 0 {
		t.Error(p)
	}
}

// The timetable of a period never leaves out a notice, and comes in order.
func TestDues(t *testing.T) {
	got := DefaultRules.Notices.Dues("2027-03-28")
	want := []Due{{-12, "2026-03-28"}, {-6, "2026-09-28"}, {-1, "2027-02-28"}, {3, "2027-06-28"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	rapid.Check(t, func(t *rapid.T) {
		until := domain.Date("2026-01-01").AddDays(rapid.IntRange(0, 20_000).Draw(t, "days"))
		ds := DefaultRules.Notices.Dues(until)
		if !slices.IsSortedFunc(ds, func(a, b Due) int { return strings.Compare(string(a.On), string(b.On)) }) || len(ds) != 4 {
			t.Fatal(until, ds)
		}
	})
}
