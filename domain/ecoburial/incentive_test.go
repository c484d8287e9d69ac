package ecoburial_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/ecoburial"
)

func TestIncentive(t *testing.T) {
	spec := domaintest.For(Incentive)
	grant := Grant{at(0), "DL-SEA-2025", domain.Yuan(400), caseA, true}
	granted := IncentiveGranted{"DL-SEA-2025", caseA, domain.Yuan(400)}
	t.Run("a completed burial is granted its incentive", func(t *testing.T) {
		spec.Given(t).When(grant).Then(granted)
	})
	t.Run("once for a person, whatever the rule and the burial", func(t *testing.T) {
		spec.Given(t, granted).When(with(grant, func(c *Grant) { c.Rule = "LN-ECO-2017" })).Rejects(ErrIncentiveGranted)
		spec.Given(t, granted).When(with(grant, func(c *Grant) { c.Burial = uuid.MustParse("0193b000-0000-7000-8000-00000000000b") })).Rejects(ErrIncentiveGranted)
	})
	t.Run("asked again for the same, nothing happens", func(t *testing.T) {
		spec.Given(t, granted).When(grant).Then()
	})
	t.Run("nothing before the burial is completed", func(t *testing.T) {
		spec.Given(t).When(with(grant, func(c *Grant) { c.Completed = false })).Rejects(ErrIncentiveBurial)
		spec.Given(t).When(with(grant, func(c *Grant) { c.Burial = uuid.Nil })).Rejects(ErrIncentiveBurial)
	})
	t.Run("nothing without a rule and an amount", func(t *testing.T) {
		spec.Given(t).When(with(grant, func(c *Grant) { c.Rule = "" })).Rejects(ErrIncentiveRule)
		spec.Given(t).When(with(grant, func(c *Grant) { c.AmountFen = 0 })).Rejects(ErrIncentiveRule)
	})
	// I18
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Incentive, func(IncentiveState) IncentiveCommand {
			return Grant{at(0), rapid.SampledFrom([]string{"A", "B"}).Draw(t, "rule"), domain.Money(rapid.IntRange(-1, 2).Draw(t, "fen")),
				rapid.SampledFrom([]uuid.UUID{uuid.Nil, caseA, uuid.Max}).Draw(t, "burial"), rapid.Bool().Draw(t, "completed")}
		}, func(s IncentiveState, history []IncentiveEvent) {
			if len(history) != 1 {
				t.Fatalf("granted %d times", len(history))
			}
		})
	})
}
