package ecoburial_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/ecoburial"
)

var (
	seaRule = IncentiveRule{ID: "DL-SEA-2025", Version: "2025.1", Document: "大连市2025年骨灰海葬通知", ValidFrom: "2025-03-24", Types: []string{"SEA"}, Hukou: "210200", Amount: domain.Yuan(400)}
	caseB   = uuid.MustParse("0193b000-0000-7000-8000-00000000000b")
)

func TestCompute(t *testing.T) {
	older := with(seaRule, func(r *IncentiveRule) {
		r.Version, r.ValidFrom, r.ValidUntil, r.Amount = "2022.1", "2022-01-01", "2025-03-23", 1
	})
	niche, _ := Default().Type("NICHE")
	for _, c := range []struct {
		name   string
		typ    Type
		on     domain.Date
		hukou  domain.Division
		want   Outcome
		amount domain.Money
		zh     string
	}{
		{"a person of the city, under the rule of the day", sea, "2026-10-12", "210211", Grantable, domain.Yuan(400), "按大连市2025年骨灰海葬通知（DL-SEA-2025，2025.1 版），2026-10-12 办理骨灰海葬(撒海)，户籍符合规定，奖补 400 元；每位逝者全市只发一次。"},
		{"the first day of a rule counts", sea, "2025-03-24", "210211", Grantable, domain.Yuan(400), "2025.1 版"},
		{"the day before it the older one pays", sea, "2025-03-23", "210211", Grantable, 1, "2022.1 版"},
		{"no rule pays for a niche", niche, "2026-10-12", "210211", NoRule, 0, "没有给骨灰堂格位安放"},
		{"nor for a day before all rules", sea, "2021-12-31", "210211", NotThen, 0, "2021-12-31"},
		{"nor for somebody from elsewhere", sea, "2026-10-12", "210100", OtherHukou, 0, "当地户籍"},
		{"an unknown registration is not guessed", sea, "2026-10-12", "", HukouUnknown, 0, "户籍还没有登记"},
		{"an unknown day is not guessed", sea, "", "210211", DateUnknown, 0, "安葬日期还不清楚"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Compute([]IncentiveRule{older, seaRule}, c.typ, c.on, c.hukou)
			if got.Outcome != c.want || got.Amount != c.amount || !strings.Contains(got.Zh, c.zh) || got.En == "" || strings.Count(got.Zh, "。") != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestIncentive(t *testing.T) {
	spec := domaintest.For(Incentive)
	account := domain.Personal(daughter, "6222 0000 0000 0000 018")
	claim := ApplyIncentive{at(50), caseA, daughter, true, account}
	claimed := IncentiveApplied{caseA, daughter, account}
	compute := ComputeIncentive{Act: at(51), Burial: caseA, Completed: true, Type: sea, On: "2026-11-25", Hukou: "210211", Rules: []IncentiveRule{seaRule}}
	computed := IncentiveComputed{caseA, "SEA", "2026-11-25", Compute([]IncentiveRule{seaRule}, sea, "2026-11-25", "210211")}
	grant := GrantIncentive{at(52), caseA}
	granted := IncentiveGranted{"DL-SEA-2025", caseA, domain.Yuan(400), "2025.1", "staff-0301"}
	pay := PayIncentive{domaintest.At("treasury-0801", domaintest.Noon), caseA, "PZ-1", domain.Yuan(400)}
	paid := IncentivePaid{"PZ-1", domain.Yuan(400), "treasury-0801"}

	t.Run("applied, computed, granted, paid", func(t *testing.T) {
		spec.Given(t).When(claim).Then(claimed)
		spec.Given(t, claimed).When(compute).Then(computed)
		spec.Given(t, claimed, computed).When(grant).Then(granted)
		spec.Given(t, claimed, computed, granted).When(pay).Then(paid)
	})
	t.Run("asked again for the same, nothing happens", func(t *testing.T) {
		all := []IncentiveEvent{claimed, computed, granted, paid}
		for _, c := range []IncentiveCommand{claim, compute, grant, pay} {
			spec.Given(t, all...).When(c).Then()
		}
	})
	t.Run("once for a person, whatever the burial", func(t *testing.T) {
		for _, c := range []IncentiveCommand{
			with(claim, func(c *ApplyIncentive) { c.Burial = caseB }), with(compute, func(c *ComputeIncentive) { c.Burial = caseB }),
			GrantIncentive{at(53), caseB}, with(pay, func(c *PayIncentive) { c.Burial = caseB }),
		} {
			spec.Given(t, computed, granted).When(c).Rejects(ErrIncentiveGranted)
		}
		spec.Given(t, computed, granted, paid).When(with(pay, func(c *PayIncentive) { c.Payment = "PZ-2" })).Rejects(ErrIncentivePaid)
	})
	t.Run("the one who applied for the burial applies, and names an account", func(t *testing.T) {
		spec.Given(t).When(with(claim, func(c *ApplyIncentive) { c.Applies = false })).Rejects(ErrIncentiveApplicant)
		spec.Given(t).When(with(claim, func(c *ApplyIncentive) { c.Account = domain.Private[string]{} })).Rejects(ErrIncentiveApplicant)
	})
	t.Run("nothing before the burial is completed", func(t *testing.T) {
		spec.Given(t).When(with(compute, func(c *ComputeIncentive) { c.Completed = false })).Rejects(ErrIncentiveBurial)
		spec.Given(t).When(with(compute, func(c *ComputeIncentive) { c.Burial = uuid.Nil })).Rejects(ErrIncentiveBurial)
		spec.Given(t, claimed).When(grant).Rejects(ErrIncentiveComputed)
		spec.Given(t, claimed, computed).When(pay).Rejects(ErrIncentiveNotGranted)
	})
	t.Run("a refusal says why, in the family's sentence", func(t *testing.T) {
		no := with(compute, func(c *ComputeIncentive) { c.Hukou = "210100" })
		not := IncentiveComputed{caseA, "SEA", "2026-11-25", Compute(no.Rules, sea, "2026-11-25", "210100")}
		spec.Given(t).When(no).Then(not)
		_, err := Incentive.Decide(Incentive.Fold(IncentiveState{}, IncentiveEvent(not)), grant)
		if r, ok := err.(*domain.Rejection); !ok || r.Text("zh") != not.Zh || r.Text("en") != not.En {
			t.Errorf("%v, want the sentence %q", err, not.Zh)
		}
		spec.Given(t, not).When(compute).Then(computed) // the registration was corrected
	})
	t.Run("the amount granted is paid, by somebody else, against a paper", func(t *testing.T) {
		spec.Given(t, computed, granted).When(with(pay, func(c *PayIncentive) { c.Amount++ })).Rejects(ErrIncentiveAmount)
		spec.Given(t, computed, granted).When(with(pay, func(c *PayIncentive) { c.Payment = "" })).Rejects(ErrIncentiveAmount)
		spec.Given(t, computed, granted).When(with(pay, func(c *PayIncentive) { c.By = "staff-0301" })).Rejects(ErrIncentiveTwo)
	})
	t.Run("what was granted before rules had versions is paid too", func(t *testing.T) {
		spec.Given(t, IncentiveGranted{Rule: "DL-SEA-2025", Burial: caseA, AmountFen: domain.Yuan(400)}).When(pay).Then(paid)
	})
}

// I18, whatever is asked in whatever order, for whichever of a person's burials.
func TestIncentiveHistories(t *testing.T) {
	payments := 0
	domaintest.Check(t, func(t *rapid.T) {
		n := 0.0
		domaintest.Random(t, Incentive, func(s IncentiveState) IncentiveCommand {
			n++
			act := at(n)
			act.By = rapid.SampledFrom([]string{"regulator-1", "regulator-2"}).Draw(t, "by")
			burial := rapid.SampledFrom([]uuid.UUID{uuid.Nil, caseA, caseA, caseB}).Draw(t, "burial")
			switch rapid.IntRange(0, 3).Draw(t, "command") {
			case 0:
				return ApplyIncentive{act, burial, daughter, rapid.Bool().Draw(t, "applies"), domain.Personal(daughter, "6222")}
			case 1:
				return ComputeIncentive{Act: act, Burial: burial, Completed: rapid.Bool().Draw(t, "completed"), Type: sea, On: "2026-11-25",
					Hukou: rapid.SampledFrom([]domain.Division{"210211", "210100", ""}).Draw(t, "hukou"), Rules: []IncentiveRule{seaRule}}
			case 2:
				return GrantIncentive{act, burial}
			}
			return PayIncentive{act, burial, rapid.SampledFrom([]string{"", "P1", "P2"}).Draw(t, "paper"), domain.Money(rapid.SampledFrom([]int{0, 40_000}).Draw(t, "fen"))}
		}, func(s IncentiveState, history []IncentiveEvent) {
			granted, paid := domain.Money(0), domain.Money(0)
			grants, pays := 0, 0
			for _, e := range history {
				switch e := e.(type) {
				case IncentiveGranted:
					grants++
					granted += e.AmountFen
				case IncentivePaid:
					pays++
					paid += e.AmountFen
				}
			}
			if grants > 1 || pays > grants || paid > granted {
				t.Fatalf("%d grants, %d payments, %s of %s", grants, pays, paid, granted)
			}
			payments += pays
		})
	}, &payments)
}
