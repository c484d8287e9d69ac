package ecoburial_test

import (
	"testing"

	"shenzhong/domain/domaintest"
	. "shenzhong/domain/ecoburial"
)

func TestRulebook(t *testing.T) {
	spec := domaintest.For(Rulebook)
	next := with(Default(), func(d *Definition) { d.ID, d.SmallSingleCM2 = "dl-eco-2027.1", 6000 })
	adopt := AdoptDefinition{at(0), next, "2027-01-01", "大民发〔演示〕1号"}
	adopted := DefinitionAdopted{next, "2027-01-01", "大民发〔演示〕1号"}
	t.Run("a definition is adopted for a day, under a document", func(t *testing.T) {
		spec.Given(t).When(adopt).Then(adopted)
		spec.Given(t, adopted).When(adopt).Then()
		spec.Given(t).When(with(adopt, func(c *AdoptDefinition) { c.Document = "" })).Rejects(ErrRuleDocument)
		spec.Given(t).When(with(adopt, func(c *AdoptDefinition) { c.From = "2027" })).Rejects(ErrRuleDocument)
		spec.Given(t).When(with(adopt, func(c *AdoptDefinition) { c.Definition.Types = nil })).Rejects(ErrDefinition)
	})
	t.Run("a definition never changes under its id", func(t *testing.T) {
		spec.Given(t, adopted).When(with(adopt, func(c *AdoptDefinition) { c.Definition.SmallSingleCM2 = 7000 })).Rejects(ErrDefinitionID)
		spec.Given(t).When(with(adopt, func(c *AdoptDefinition) { c.Definition = Default() })).Rejects(ErrDefinitionID)
	})
	t.Run("the day tells the definition in force", func(t *testing.T) {
		s := spec.Given(t, adopted).State()
		if a, b := s.DefinitionOn("2026-12-31").ID, s.DefinitionOn("2027-01-01").ID; a != "dl-eco-2026.1" || b != "dl-eco-2027.1" {
			t.Error(a, b)
		}
		if d, ok := s.Definition("dl-eco-2027.1"); !ok || d.SmallSingleCM2 != 6000 {
			t.Error("the adopted definition is not found")
		}
		if _, ok := s.Definition("dl-eco-1900.1"); ok {
			t.Error("a definition that there is not was found")
		}
	})
	rules := AdoptIncentives{at(0), "2027.1", "演示文件", []IncentiveRule{seaRule}}
	t.Run("incentive rules are adopted as a whole", func(t *testing.T) {
		spec.Given(t).When(rules).Then(IncentivesAdopted{"2027.1", "演示文件", []IncentiveRule{seaRule}})
		spec.Given(t, IncentivesAdopted{"2027.1", "演示文件", nil}).When(rules).Rejects(ErrRulesVersion)
		spec.Given(t).When(with(rules, func(c *AdoptIncentives) { c.Version = "" })).Rejects(ErrRuleDocument)
		for _, bad := range []func(*IncentiveRule){
			func(r *IncentiveRule) { r.Amount = 0 }, func(r *IncentiveRule) { r.Types = []string{"TAXI"} }, func(r *IncentiveRule) { r.Document = "" },
			func(r *IncentiveRule) { r.ValidUntil = "2020-01-01" },
		} {
			spec.Given(t).When(with(rules, func(c *AdoptIncentives) { c.Rules = []IncentiveRule{with(seaRule, bad)} })).Rejects(ErrRules)
		}
	})
	target := SetTarget{at(0), BroadShare, "2027", 500, "演示文件"}
	t.Run("a target is somebody's, for a share and a year", func(t *testing.T) {
		spec.Given(t).When(target).Then(TargetSet{BroadShare, "2027", 500, "演示文件"})
		spec.Given(t).When(with(target, func(c *SetTarget) { c.Document = "" })).Rejects(ErrRuleDocument)
		for _, bad := range []func(*SetTarget){func(c *SetTarget) { c.PerMille = 1001 }, func(c *SetTarget) { c.Share = "both" }, func(c *SetTarget) { c.Year = "soon" }} {
			spec.Given(t).When(with(target, bad)).Rejects(ErrTarget)
		}
		s := spec.Given(t, TargetSet{BroadShare, "2027", 500, "a"}, TargetSet{StrictShare, "2027", 50, "a"}, TargetSet{BroadShare, "2027", 600, "b"}).State()
		if len(s.Targets) != 2 || s.Targets[1].PerMille != 600 {
			t.Errorf("%+v", s.Targets)
		}
	})
}

func TestFigures(t *testing.T) {
	spec := domaintest.For(Figures)
	cells := []Cell{{"210211", "STD_PLOT", 7, 70_000, 1}, {"210202", "SEA", 3, 0, 0}, {"210211", "TREE_KEEP", 2, 5_000, 0}, {"210211", "SELF_KEPT", 9, 0, 0}, {"210211", "NEW_WAY", 1, 0, 0}}
	sorted := []Cell{cells[1], cells[4], cells[3], cells[0], cells[2]}
	publish := PublishFigures{Act: at(0), Division: "210200", Month: "2026-10", Position: 77, Cells: cells, Definitions: []Definition{Default()}, Day: 10}
	published := FiguresPublished{"210200", "2026-10", 77, sorted, []Total{{"dl-eco-2026.1", 13, 3, 5, 45_000, 1}}}
	t.Run("a month is frozen with its parts and its place in the log", func(t *testing.T) {
		spec.Given(t).When(publish).Then(published)
	})
	t.Run("what was published stays", func(t *testing.T) {
		spec.Given(t, published).When(publish).Then()
		spec.Given(t, published).When(with(publish, func(c *PublishFigures) { c.Position, c.Cells = 99, nil })).Rejects(ErrFrozen)
	})
	t.Run("not before its day", func(t *testing.T) {
		spec.Given(t).When(with(publish, func(c *PublishFigures) { c.Month = "2026-11" })).Rejects(ErrMonthOpen)
		spec.Given(t).When(with(publish, func(c *PublishFigures) { c.Day = 24 })).Rejects(ErrMonthOpen)
		spec.Given(t).When(with(publish, func(c *PublishFigures) { c.Day = 23 })).Then(published)
	})
	t.Run("a month is a month", func(t *testing.T) {
		spec.Given(t).When(with(publish, func(c *PublishFigures) { c.Month = "2026-Q4" })).Rejects(ErrMonth)
	})
}
