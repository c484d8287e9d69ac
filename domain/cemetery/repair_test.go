package cemetery_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

var (
	repairSpec = domaintest.For(Repair)
	words      = domain.Personal(son, "碑座裂了")
	report     = ReportDamage{Act: by, Cemetery: code, Plot: "A-1", Damage: StoneDamage, Text: words, Known: true, Days: 10}
	reported   = DamageReported{Cemetery: code, Plot: "A-1", Damage: StoneDamage, Text: words, ReportedOn: "2026-11-23", DueBy: domain.Date("2026-11-23").AddWorkingDays(10)}
)

func TestRepair(t *testing.T) {
	due := reported.DueBy
	t.Run("a report is a work order with a term", func(t *testing.T) {
		repairSpec.Given(t).When(report).Then(reported)
		repairSpec.Given(t, reported).When(report).Then()
		repairSpec.Given(t, reported).When(with(report, func(c *ReportDamage) { c.Plot = "A-2" })).Rejects(ErrRepairExists)
		for want, change := range map[error]func(*ReportDamage){
			ErrRepairPlace:          func(c *ReportDamage) { c.Known = false },
			ErrRepairDamage:         func(c *ReportDamage) { c.Damage = "ROOF" },
			ErrRepairTerm:           func(c *ReportDamage) { c.Days = 0 },
			ErrRepairLong.With(500): func(c *ReportDamage) { c.Text = domain.Personal(son, strings.Repeat("碑", 501)) },
		} {
			repairSpec.Given(t).When(with(report, change)).Rejects(want)
		}
		repairSpec.Given(t).When(with(report, func(c *ReportDamage) { c.Damage, c.Text = OtherDamage, domain.Private[string]{} })).Rejects(ErrRepairDamage)
		repairSpec.Given(t).When(with(report, func(c *ReportDamage) { c.Text = domain.Private[string]{} })).Then(with(reported, func(e *DamageReported) { e.Text = domain.Private[string]{} }))
	})
	t.Run("it ends by a repair or a reason, once", func(t *testing.T) {
		done := FinishRepair{on("staff-1", "2026-11-27"), "2026-11-26"}
		repairSpec.Given(t, reported).When(done).Then(RepairDone{"2026-11-26", "staff-1"})
		repairSpec.Given(t, reported, RepairDone{"2026-11-26", "staff-1"}).When(done).Then()
		repairSpec.Given(t).When(done).Rejects(ErrRepairUnknown)
		repairSpec.Given(t, reported).When(with(done, func(c *FinishRepair) { c.On = "2026-11-28" })).Rejects(ErrRepairDay)
		repairSpec.Given(t, reported).When(with(done, func(c *FinishRepair) { c.On = "2026-11-22" })).Rejects(ErrRepairDay)
		no := RefuseRepair{on("staff-1", "2026-11-27"), NothingFound}
		repairSpec.Given(t, reported).When(no).Then(RepairRefused{NothingFound, "2026-11-27", "staff-1"})
		repairSpec.Given(t, reported).When(with(no, func(c *RefuseRepair) { c.Reason = "LAZY" })).Rejects(ErrRepairReason)
		repairSpec.Given(t, reported, RepairDone{"2026-11-26", "staff-1"}).When(no).Rejects(ErrRepairSettled)
		repairSpec.Given(t, reported, RepairRefused{NothingFound, "2026-11-27", "staff-1"}).When(done).Rejects(ErrRepairSettled)
	})
	t.Run("a term that passes is on record, once", func(t *testing.T) {
		miss := MissRepair{on("policy:duties", due.AddDays(1))}
		repairSpec.Given(t, reported).When(miss).Then(RepairLate{due})
		repairSpec.Given(t, reported).When(MissRepair{on("policy:duties", due)}).Rejects(ErrRepairNotDue)
		repairSpec.Given(t, reported, RepairLate{due}).When(miss).Then()
		repairSpec.Given(t, reported, RepairDone{"2026-11-26", "staff-1"}).When(miss).Then()
		after := due.AddDays(3)
		repairSpec.Given(t, reported).When(FinishRepair{on("staff-1", after), after}).Then(RepairLate{due}, RepairDone{after, "staff-1"})
		repairSpec.Given(t, reported).When(FinishRepair{on("staff-1", after), due}).Then(RepairDone{due, "staff-1"}) // in time, noted later
		repairSpec.Given(t, reported, RepairLate{due}).When(RefuseRepair{on("staff-1", after), ReportedTwice}).Then(RepairRefused{ReportedTwice, after, "staff-1"})
	})
}

// Whatever is tried, an order ends once, is late at most once, and never without
// its term having passed.
func TestRepairHistories(t *testing.T) {
	late, ended := 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		day := domain.Date("2026-11-23")
		command := func(s RepairState) RepairCommand {
			day = day.AddDays(rapid.IntRange(0, 6).Draw(t, "days"))
			act := on("staff-1", day)
			switch rapid.IntRange(0, 4).Draw(t, "command") {
			case 0:
				return with(report, func(c *ReportDamage) { c.Act = act })
			case 1:
				return FinishRepair{act, day.AddDays(-rapid.IntRange(-1, 9).Draw(t, "ago"))}
			case 2:
				return RefuseRepair{act, rapid.SampledFrom(append(NoRepairs, "LAZY")).Draw(t, "reason")}
			}
			return MissRepair{act}
		}
		domaintest.Random(t, Repair, command, func(s RepairState, history []RepairEvent) {
			ends, lates := 0, 0
			for _, e := range history {
				switch e := e.(type) {
				case RepairDone:
					if ends++; e.On > s.Reported.DueBy && lates == 0 {
						t.Fatalf("repaired on %s, due by %s, and not late", e.On, s.Reported.DueBy)
					}
				case RepairRefused:
					ends++
				case RepairLate:
					if lates++; day <= e.DueBy {
						t.Fatalf("late on %s, due by %s", day, e.DueBy)
					}
				}
			}
			if ends > 1 || lates > 1 || s.Open() != (len(history) > 0 && ends == 0) {
				t.Fatalf("%d ends, late %d times: %v", ends, lates, history)
			}
			late, ended = late+lates, ended+ends
		})
	}, &late, &ended)
}
