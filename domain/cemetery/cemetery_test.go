package cemetery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

const code = domain.CreditCode("52210212MJ0YY00496")

func with[T any](v T, change func(*T)) T { change(&v); return v }

var (
	by        = domaintest.By("staff-0201")
	establish = Establish{Act: by, Cemetery: code, NameZh: "青松公益性公墓（演示）", NameEn: "Pine public cemetery (demo)", Class: UrbanPublic,
		Division: "210212", Serves: []domain.Division{"210212", "210211"}}
	established = CemeteryEstablished{Cemetery: code, NameZh: "青松公益性公墓（演示）", NameEn: "Pine public cemetery (demo)", Class: UrbanPublic,
		Division: "210212", Serves: []domain.Division{"210212", "210211"}, Limits: DefaultLimits}
)

func TestEstablish(t *testing.T) {
	spec := domaintest.For(Cemetery)
	change := func(f func(*Establish)) Establish { return with(establish, f) }
	t.Run("a public cemetery serves an area, under the default limits", func(t *testing.T) {
		spec.Given(t).When(establish).Then(established)
	})
	t.Run("new limits are a new record", func(t *testing.T) {
		limits := with(DefaultLimits, func(l *Limits) { l.StoneHeightCM = 60 })
		spec.Given(t, established).When(change(func(c *Establish) { c.Limits = limits })).Then(with(established, func(e *CemeteryEstablished) { e.Limits = limits }))
	})
	t.Run("a public cemetery names whom it serves", func(t *testing.T) {
		spec.Given(t).When(change(func(c *Establish) { c.Serves = nil })).Rejects(ErrServes)
		spec.Given(t).When(change(func(c *Establish) { c.Class, c.Serves = RuralPublic, nil })).Rejects(ErrServes)
	})
	commercial := change(func(c *Establish) { c.Class, c.Serves = Commercial, nil })
	t.Run("commercial cemeteries from before 30 March 2026 stay, new ones are refused", func(t *testing.T) {
		spec.Given(t).When(with(commercial, func(c *Establish) { c.FoundedOn = "2026-03-30" })).Rejects(ErrNewCommercial)
		spec.Given(t).When(commercial).Rejects(ErrNewCommercial)
		spec.Given(t).When(with(commercial, func(c *Establish) { c.FoundedOn = "2026-03-29" })).
			Then(with(established, func(e *CemeteryEstablished) { e.Class, e.Serves, e.FoundedOn = Commercial, nil, "2026-03-29" }))
	})
	for name, c := range map[string]struct {
		change func(*Establish)
		want   error
	}{
		"a name is needed":                      {func(c *Establish) { c.NameZh = "" }, ErrName},
		"a code is needed":                      {func(c *Establish) { c.Cemetery = "" }, ErrName},
		"the class exists":                      {func(c *Establish) { c.Class = "PET" }, ErrClass},
		"divisions have six digits":             {func(c *Establish) { c.Serves = []domain.Division{"2102"} }, domain.ErrDivision},
		"the founding has happened":             {func(c *Establish) { c.FoundedOn = "2026-11-24" }, ErrFounded},
		"limits bound something":                {func(c *Establish) { c.Limits.TermYears = 20 }, ErrLimits},
		"no term beyond 20 years":               {func(c *Establish) { c.Limits = with(DefaultLimits, func(l *Limits) { l.TermYears = 21 }) }, ErrLimits},
		"a time that has not come is refused":   {func(c *Establish) { c.At = c.Now.Add(time.Hour) }, domain.ErrFuture},
		"somebody stands behind it":             {func(c *Establish) { c.By = "" }, domain.ErrNoActor},
		"a double grave is no smaller than one": {func(c *Establish) { c.Limits = with(DefaultLimits, func(l *Limits) { l.DoubleBodyAreaCM2 = 1 }) }, ErrLimits},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(change(c.change)).Rejects(c.want) })
	}
	for name, change := range map[string]func(*Limits){
		"ash area":         func(l *Limits) { l.AshAreaCM2 = 0 },
		"single body area": func(l *Limits) { l.SingleBodyAreaCM2 = 0 },
		"stone height":     func(l *Limits) { l.StoneHeightCM = 0 },
		"term":             func(l *Limits) { l.TermYears = 0 },
	} {
		t.Run("no limit of zero: "+name, func(t *testing.T) {
			spec.Given(t).When(with(establish, func(c *Establish) { c.Limits = with(DefaultLimits, change) })).Rejects(ErrLimits)
		})
	}
	t.Run("one record is of one cemetery", func(t *testing.T) {
		spec.Given(t, established).When(change(func(c *Establish) { c.Cemetery = "12210200422000019F" })).Rejects(ErrOther)
	})
}

func TestPlacement(t *testing.T) {
	spec := domaintest.For(Placement)
	t.Run("a person has one place", func(t *testing.T) {
		spec.Given(t).When(Claim{by, "a.1"}).Then(PlacementClaimed{"a.1"})
		spec.Given(t, PlacementClaimed{"a.1"}).When(Claim{by, "a.1"}).Then()
		spec.Given(t, PlacementClaimed{"a.1"}).When(Claim{by, "a.2"}).Rejects(ErrPlaced)
		spec.Given(t).When(Claim{by, ""}).Rejects(ErrPlaceNeeded)
	})
	t.Run("a place that was not used can be given up", func(t *testing.T) {
		spec.Given(t, PlacementClaimed{"a.1"}).When(Free{by, "a.1", false}).Then(PlacementFreed{"a.1"})
		spec.Given(t, PlacementClaimed{"a.1"}, PlacementFreed{"a.1"}).When(Claim{by, "a.2"}).Then(PlacementClaimed{"a.2"})
		spec.Given(t).When(Free{by, "a.1", false}).Then()
		spec.Given(t, PlacementClaimed{"a.1"}).When(Free{by, "a.2", false}).Rejects(ErrPlacedElsewhere)
		spec.Given(t).When(Free{by, "", false}).Rejects(ErrPlaceNeeded)
	})
	t.Run("who rests there keeps the place", func(t *testing.T) {
		spec.Given(t, PlacementClaimed{"a.1"}).When(Free{by, "a.1", true}).Rejects(ErrAtRest)
	})
	rapid.Check(t, func(t *rapid.T) {
		plots := rapid.SampledFrom([]string{"a.1", "a.2", ""})
		domaintest.Random(t, Placement, func(PlacementState) PlacementCommand {
			if rapid.Bool().Draw(t, "claim") {
				return Claim{by, plots.Draw(t, "plot")}
			}
			return Free{by, plots.Draw(t, "plot"), rapid.Bool().Draw(t, "interred")}
		}, func(s PlacementState, history []PlacementEvent) {
			have := ""
			for _, e := range history {
				switch e := e.(type) {
				case PlacementClaimed:
					if have != "" {
						t.Fatalf("claimed %s while having %s", e.Plot, have)
					}
					have = e.Plot
				case PlacementFreed:
					have = ""
				}
			}
			if s.Plot != have {
				t.Fatalf("state %q, history %q", s.Plot, have)
			}
		})
	})
}
