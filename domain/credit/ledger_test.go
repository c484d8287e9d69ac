package credit_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/credit"
	"shenzhong/domain/domaintest"
)

var (
	spec   = domaintest.For(Ledger)
	policy = Default()

	suspicion = id(901)
	entry     = id(1)
	suspect   = Suspect{by, suspicion, "P02", "case:1/line:3", id(77), "账单第 3 行不在价目表内", policy}
	suspected = Suspected{suspicion, "P02", "case:1/line:3", id(77), "账单第 3 行不在价目表内"}
	notified  = Notified{suspicion, "告知书 1 号", "2026-11-30"}
	answered  = Answered{suspicion, "申辩书 1 号"}
	confirm   = Confirm{by, entry, suspicion, "大民信认〔2026〕1 号", "2026-11-23", [2]string{"staff-0401", "staff-0402"}, policy}
	confirmed = Confirmed{Entry: entry, Suspicion: suspicion, Rule: "P02", Policy: policy.Version, Points: 10, Severity: General,
		Fact: "case:1/line:3", Document: "大民信认〔2026〕1 号", DecidedOn: "2026-11-23", Officers: [2]string{"staff-0401", "staff-0402"}}
)

// on is an act at noon of a day.
func on(d domain.Date) domain.Act { return domaintest.At("staff-0401", d.Start().Add(12*time.Hour)) }

// confirmedBefore is an entry of the rule, decided that day.
func confirmedBefore(n int, rule string, day domain.Date) []LedgerEvent {
	r, _ := policy.Rule(rule)
	fact := "fact:" + id(n).String()
	return []LedgerEvent{
		Suspected{Suspicion: id(900 + n), Rule: rule, Fact: fact},
		Confirmed{Entry: id(n), Suspicion: id(900 + n), Rule: rule, Policy: policy.Version, Points: r.Points, Severity: r.Severity, GradeCeiling: r.GradeCeiling, Fact: fact, DecidedOn: day},
	}
}

func TestSuspicion(t *testing.T) {
	t.Run("a suspicion is noted", func(t *testing.T) {
		spec.Given(t).When(suspect).Then(suspected)
	})
	t.Run("and never scores, in whatever state it is", func(t *testing.T) {
		for _, es := range [][]LedgerEvent{{suspected}, {suspected, notified}, {suspected, notified, answered}, {suspected, Dismissed{suspicion, "x"}}} {
			if st := Score(policy, spec.Given(t, es...).State().Entries, "2026-11-23"); st.Score != 80 || len(st.Active) != 0 {
				t.Errorf("after %T: %d", es[len(es)-1], st.Score)
			}
		}
	})
	t.Run("the rule is one of the policy in force", func(t *testing.T) {
		spec.Given(t).When(with(suspect, func(c *Suspect) { c.Rule = "X99" })).Rejects(ErrRuleUnknown)
		spec.Given(t).When(with(suspect, func(c *Suspect) { c.Policy = PolicyVersion{} })).Rejects(ErrRuleUnknown)
	})
	t.Run("it has a reference and a fact", func(t *testing.T) {
		spec.Given(t).When(with(suspect, func(c *Suspect) { c.Suspicion = uuid.Nil })).Rejects(ErrRefNeeded)
		spec.Given(t).When(with(suspect, func(c *Suspect) { c.Fact = "" })).Rejects(ErrFactNeeded)
	})
	t.Run("the same fact is suspected of one rule once", func(t *testing.T) {
		again := with(suspect, func(c *Suspect) { c.Suspicion = id(902) })
		spec.Given(t, suspected).When(again).Rejects(ErrSuspicionKnown)
		spec.Given(t, suspected, Dismissed{suspicion, "误报"}).When(again).Then(with(suspected, func(e *Suspected) { e.Suspicion = id(902) }))
		spec.Given(t, suspected).When(with(suspect, func(c *Suspect) { c.Fact = "other" })).Rejects(ErrSuspicionExists)
	})
	t.Run("the institution is told, and has five working days", func(t *testing.T) {
		// 2026-11-23 is a Monday.
		spec.Given(t, suspected).When(Notify{on("2026-11-23"), suspicion, "告知书 1 号", ""}).Then(notified)
		spec.Given(t, suspected).When(Notify{on("2026-11-27"), suspicion, "告知书 1 号", ""}).Then(Notified{suspicion, "告知书 1 号", "2026-12-04"})
		spec.Given(t, suspected).When(Notify{on("2026-11-23"), suspicion, "告知书 1 号", "2026-12-07"}).Then(Notified{suspicion, "告知书 1 号", "2026-12-07"})
		spec.Given(t, suspected).When(Notify{on("2026-11-23"), suspicion, "告知书 1 号", "2026-11-29"}).Rejects(ErrAnswerShort)
		spec.Given(t, suspected).When(Notify{on("2026-11-23"), suspicion, "", ""}).Rejects(ErrDocument)
		spec.Given(t).When(Notify{on("2026-11-23"), suspicion, "告知书 1 号", ""}).Rejects(ErrSuspicionUnknown)
	})
	t.Run("it answers after it was told", func(t *testing.T) {
		spec.Given(t, suspected, notified).When(Answer{by, suspicion, "申辩书 1 号"}).Then(answered)
		spec.Given(t, suspected).When(Answer{by, suspicion, "申辩书 1 号"}).Rejects(ErrNotNotified)
		spec.Given(t, suspected, notified).When(Answer{by, suspicion, ""}).Rejects(ErrDocument)
		spec.Given(t).When(Answer{by, uuid.Nil, "x"}).Rejects(ErrRefNeeded)
	})
	t.Run("a suspicion may be dismissed, with its reason", func(t *testing.T) {
		spec.Given(t, suspected).When(Dismiss{by, suspicion, "误报"}).Then(Dismissed{suspicion, "误报"})
		spec.Given(t, suspected).When(Dismiss{by, suspicion, ""}).Rejects(ErrReason)
		spec.Given(t, suspected, notified, answered, confirmed).When(Dismiss{by, suspicion, "误报"}).Rejects(ErrSuspicionClosed)
		spec.Given(t).When(Dismiss{by, suspicion, "误报"}).Rejects(ErrSuspicionUnknown)
	})
}

func TestConfirm(t *testing.T) {
	given := []LedgerEvent{suspected, notified, answered}
	change := func(f func(*Confirm)) Confirm { return with(confirm, f) }
	t.Run("two officers confirm it under a document and a policy version", func(t *testing.T) {
		spec.Given(t, given...).When(confirm).Then(confirmed)
		if st := Score(policy, spec.Given(t, append(given, confirmed)...).State().Entries, "2026-11-23"); st.Score != 70 || st.Grade != "C" {
			t.Error(st.Score, st.Grade)
		}
	})
	t.Run("nothing is confirmed that was not suspected, told and heard", func(t *testing.T) {
		spec.Given(t).When(confirm).Rejects(ErrSuspicionUnknown)
		spec.Given(t, suspected).When(confirm).Rejects(ErrNotNotified)
		spec.Given(t, suspected, notified).When(confirm).Rejects(ErrAnswerOpen)
		spec.Given(t, suspected, notified).When(change(func(c *Confirm) { c.Act = on("2026-11-30") })).Rejects(ErrAnswerOpen)
		spec.Given(t, suspected, notified).When(change(func(c *Confirm) { c.Act = on("2026-12-01") })).Then(confirmed)
		spec.Given(t, suspected, Dismissed{suspicion, "误报"}).When(confirm).Rejects(ErrSuspicionClosed)
	})
	for name, c := range map[string]struct {
		change func(*Confirm)
		want   error
	}{
		"one officer twice":                  {func(c *Confirm) { c.Officers[1] = c.Officers[0] }, ErrOfficers},
		"one officer alone":                  {func(c *Confirm) { c.Officers[1] = "" }, ErrOfficers},
		"no document":                        {func(c *Confirm) { c.Document = "" }, ErrDocument},
		"no reference":                       {func(c *Confirm) { c.Entry = uuid.Nil }, ErrRefNeeded},
		"a decision of tomorrow":             {func(c *Confirm) { c.DecidedOn = "2026-11-24" }, ErrDay},
		"a decision on no day":               {func(c *Confirm) { c.DecidedOn = "" }, ErrDay},
		"a policy that was not yet in force": {func(c *Confirm) { c.DecidedOn = "2026-03-31" }, ErrPolicyNotInForce},
		"no policy":                          {func(c *Confirm) { c.Policy = PolicyVersion{} }, ErrPolicyNotInForce},
		"a policy without the rule":          {func(c *Confirm) { c.Policy.Rules = c.Policy.Rules[:1] }, ErrRuleUnknown},
	} {
		t.Run(name+" is refused", func(t *testing.T) { spec.Given(t, given...).When(change(c.change)).Rejects(c.want) })
	}
	other := Suspected{id(902), "P04", suspected.Fact, uuid.Nil, ""}
	told := []LedgerEvent{other, Notified{id(902), "告知书 2 号", "2026-11-30"}, Answered{id(902), "x"}}
	second := change(func(c *Confirm) { c.Entry, c.Suspicion = id(2), id(902) })
	t.Run("one fact is one deduction, whatever the rules it breaks", func(t *testing.T) {
		spec.Given(t, append(append(given[:3:3], confirmed), told...)...).When(second).Rejects(ErrSameFact)
	})
	t.Run("unless the first was revoked", func(t *testing.T) {
		es := append(append(given[:3:3], confirmed, Revoked{entry, "复议决定", "事实不清", "2026-11-23"}), told...)
		spec.Given(t, es...).When(second).Then(with(confirmed, func(e *Confirmed) { e.Entry, e.Suspicion, e.Rule, e.Points = id(2), id(902), "P04", 6 }))
	})
	t.Run("an entry's reference is used once", func(t *testing.T) {
		spec.Given(t, append(append(given[:3:3], confirmed), told...)...).When(with(second, func(c *Confirm) { c.Entry = entry })).Rejects(ErrEntryExists)
	})
	t.Run("the third of one rule within 12 months counts one severity higher", func(t *testing.T) {
		es := func(first, second domain.Date) []LedgerEvent {
			return append(append(confirmedBefore(11, "P02", first), confirmedBefore(12, "P02", second)...), given...)
		}
		spec.Given(t, es("2025-11-24", "2026-06-01")...).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Severity, e.Escalated = Severe, true }))
		spec.Given(t, es("2025-11-23", "2026-06-01")...).When(confirm).Then(confirmed)
		spec.Given(t, es("2026-11-23", "2026-11-23")...).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Severity, e.Escalated = Severe, true }))
		revoked := append(es("2026-05-01", "2026-06-01"), Revoked{id(11), "x", "y", "2026-06-02"})
		spec.Given(t, revoked...).When(confirm).Then(confirmed)
		otherRule := append(append(confirmedBefore(11, "P04", "2026-05-01"), confirmedBefore(12, "P02", "2026-06-01")...), given...)
		spec.Given(t, otherRule...).When(confirm).Then(confirmed)
	})
	t.Run("what is severe stays severe", func(t *testing.T) {
		s := with(suspected, func(e *Suspected) { e.Rule = "S08" })
		es := append(append(confirmedBefore(11, "S08", "2026-06-01"), confirmedBefore(12, "S08", "2026-07-01")...), s, notified, answered)
		spec.Given(t, es...).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Rule, e.Points, e.Severity = "S08", 15, Severe }))
	})
	t.Run("a rule's ceiling goes with the entry", func(t *testing.T) {
		s := with(suspected, func(e *Suspected) { e.Rule = "S01" })
		spec.Given(t, s, notified, answered).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Rule, e.Points, e.Severity, e.GradeCeiling = "S01", 30, Severe, "D" }))
	})
}

func TestBonus(t *testing.T) {
	grant := GrantBonus{by, entry, "G02", "G02/2026", "大民信〔2026〕9 号", "2026-11-23", policy}
	granted := BonusGranted{entry, "G02", policy.Version, 3, "G02/2026", "大民信〔2026〕9 号", "2026-11-23"}
	t.Run("a bonus is granted under the policy", func(t *testing.T) {
		spec.Given(t).When(grant).Then(granted)
		if st := Score(policy, spec.Given(t, granted).State().Entries, "2026-11-23"); st.Score != 83 {
			t.Error(st.Score)
		}
	})
	t.Run("once for one fact", func(t *testing.T) {
		spec.Given(t, granted).When(with(grant, func(c *GrantBonus) { c.Entry = id(2) })).Rejects(ErrSameFact)
		spec.Given(t, granted).When(with(grant, func(c *GrantBonus) { c.Fact = "G02/2027" })).Rejects(ErrEntryExists)
	})
	t.Run("not without rule, fact, document and day", func(t *testing.T) {
		spec.Given(t).When(with(grant, func(c *GrantBonus) { c.Bonus = "P02" })).Rejects(ErrRuleUnknown)
		spec.Given(t).When(with(grant, func(c *GrantBonus) { c.Fact = "" })).Rejects(ErrFactNeeded)
		spec.Given(t).When(with(grant, func(c *GrantBonus) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t).When(with(grant, func(c *GrantBonus) { c.DecidedOn = "2026-11-24" })).Rejects(ErrDay)
	})
}

func TestRepairAndRevoke(t *testing.T) {
	repair := func(n int, day domain.Date) Repair { return Repair{on(day), id(n), "修复 1 号", day, policy} }
	t.Run("a general fault is repaired after 3 months", func(t *testing.T) {
		es := confirmedBefore(1, "P02", "2026-06-15")
		spec.Given(t, es...).When(repair(1, "2026-09-14")).Rejects(ErrRepairEarly)
		spec.Given(t, es...).When(repair(1, "2026-09-15")).Then(Repaired{entry, "修复 1 号", "2026-09-15"})
	})
	t.Run("a severe one after 12, a minor one at once", func(t *testing.T) {
		spec.Given(t, confirmedBefore(1, "S04", "2026-06-15")...).When(repair(1, "2027-06-14")).Rejects(ErrRepairEarly)
		spec.Given(t, confirmedBefore(1, "S04", "2026-06-15")...).When(repair(1, "2027-06-15")).Then(Repaired{entry, "修复 1 号", "2027-06-15"})
		spec.Given(t, confirmedBefore(1, "P01", "2026-06-15")...).When(repair(1, "2026-06-15")).Then(Repaired{entry, "修复 1 号", "2026-06-15"})
	})
	es := confirmedBefore(1, "P02", "2026-06-15")
	t.Run("under the entry's own policy, with a document, on a day that has come", func(t *testing.T) {
		spec.Given(t, es...).When(with(repair(1, "2026-09-15"), func(c *Repair) { c.Policy.Version = "v2" })).Rejects(ErrPolicyOther)
		spec.Given(t, es...).When(with(repair(1, "2026-09-15"), func(c *Repair) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, es...).When(with(repair(1, "2026-09-15"), func(c *Repair) { c.RepairedOn = "2026-09-16" })).Rejects(ErrDay)
	})
	t.Run("only what is an open fault", func(t *testing.T) {
		spec.Given(t).When(repair(1, "2026-09-15")).Rejects(ErrEntryUnknown)
		spec.Given(t, append(es[:2:2], Revoked{entry, "x", "y", "2026-07-01"})...).When(repair(1, "2026-09-15")).Rejects(ErrEntryRevoked)
		spec.Given(t, BonusGranted{Entry: entry, Rule: "G01", Policy: policy.Version, Points: 2, DecidedOn: "2026-06-15"}).When(repair(1, "2026-09-15")).Rejects(ErrRepairBonus)
		spec.Given(t, append(es[:2:2], Repaired{entry, "x", "2026-09-15"})...).When(repair(1, "2026-10-01")).Then()
	})
	revoke := Revoke{by, entry, "行政复议决定 3 号", "处罚被撤销", "2026-11-23"}
	t.Run("a revoked entry never counted", func(t *testing.T) {
		spec.Given(t, es...).When(revoke).Then(Revoked{entry, "行政复议决定 3 号", "处罚被撤销", "2026-11-23"})
		s := spec.Given(t, append(es[:2:2], Revoked{entry, "x", "y", "2026-11-23"})...).State()
		if st := Score(policy, s.Entries, "2026-07-01"); st.Score != 80 {
			t.Error(st.Score)
		}
	})
	t.Run("with document, reason and a day not before the decision", func(t *testing.T) {
		spec.Given(t).When(revoke).Rejects(ErrEntryUnknown)
		spec.Given(t, es...).When(with(revoke, func(c *Revoke) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, es...).When(with(revoke, func(c *Revoke) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, es...).When(with(revoke, func(c *Revoke) { c.RevokedOn = "2026-11-24" })).Rejects(ErrDay)
		spec.Given(t, es...).When(with(revoke, func(c *Revoke) { c.RevokedOn = "2026-06-14" })).Rejects(ErrDayOrder)
	})
	t.Run("a bonus can be revoked too", func(t *testing.T) {
		spec.Given(t, BonusGranted{Entry: entry, Rule: "G01", Policy: policy.Version, Points: 2, DecidedOn: "2026-06-15"}).When(revoke).Then(Revoked{entry, "行政复议决定 3 号", "处罚被撤销", "2026-11-23"})
	})
}

func TestAskedAgain(t *testing.T) {
	done := []LedgerEvent{suspected, notified, answered, confirmed}
	for name, again := range map[string]LedgerCommand{
		"suspicion": suspect,
		"decision":  confirm,
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, done...).When(again).Then() })
	}
	t.Run("notice and answer", func(t *testing.T) {
		spec.Given(t, suspected, notified, answered).When(Notify{on("2026-11-24"), suspicion, "告知书 1 号", ""}).Then()
		spec.Given(t, suspected, notified, answered).When(Answer{by, suspicion, "申辩书 1 号"}).Then()
	})
	t.Run("dismissal and revocation", func(t *testing.T) {
		spec.Given(t, suspected, Dismissed{suspicion, "误报"}).When(Dismiss{by, suspicion, "误报"}).Then()
		spec.Given(t, append(done[:4:4], Revoked{entry, "x", "y", "2026-11-23"})...).When(Revoke{by, entry, "x", "y", "2026-11-23"}).Then()
	})
}

// I17, whatever is sent in whatever order: only confirmed entries and bonuses
// score, each fact once, under two officers, after notice.
func TestLedgerHistories(t *testing.T) {
	entries := 0
	rapid.Check(t, func(t *rapid.T) {
		day := domain.Date("2026-04-01")
		some := func(base int) uuid.UUID { return id(base + rapid.IntRange(0, 4).Draw(t, "id")) }
		officers := rapid.SampledFrom([]string{"staff-1", "staff-2", ""})
		draw := func(s LedgerState) LedgerCommand {
			day = day.AddDays(rapid.IntRange(0, 40).Draw(t, "days"))
			act := on(day)
			switch rapid.IntRange(0, 9).Draw(t, "command") {
			case 0, 1:
				n := rapid.IntRange(0, 4).Draw(t, "suspicion")
				return Suspect{act, id(900 + n), rapid.SampledFrom([]string{"P01", "P02"}).Draw(t, "rule"), rapid.SampledFrom([]string{"f1", "f2", "f3"}).Draw(t, "fact"), uuid.Nil, "", policy}
			case 2, 3:
				return Notify{act, some(900), "告知书", ""}
			case 4:
				return Answer{act, some(900), "申辩书"}
			case 5, 6:
				return Confirm{act, some(0), some(900), "文书", day, [2]string{officers.Draw(t, "officer"), officers.Draw(t, "officer")}, policy}
			case 7:
				return GrantBonus{act, some(0), "G01", rapid.SampledFrom([]string{"f1", "f2"}).Draw(t, "fact"), "文书", day, policy}
			case 8:
				return Repair{act, some(0), "文书", day, policy}
			}
			if rapid.Bool().Draw(t, "revoke") {
				return Revoke{act, some(0), "文书", "理由", day}
			}
			return Dismiss{act, some(900), "理由"}
		}
		domaintest.Random(t, Ledger, draw, func(s LedgerState, history []LedgerEvent) {
			told, facts := map[uuid.UUID]bool{}, map[string]uuid.UUID{}
			for _, e := range history {
				switch e := e.(type) {
				case Notified:
					told[e.Suspicion] = true
				case Confirmed:
					entries++
					if !told[e.Suspicion] || e.Officers[0] == e.Officers[1] || e.Officers[0] == "" || e.Officers[1] == "" || e.Document == "" {
						t.Fatalf("%#v", e)
					}
					if r, _ := policy.Rule(e.Rule); r.Points != e.Points || e.Severity != r.Severity && e.Severity != r.Severity.Next() {
						t.Fatalf("%#v", e)
					}
					if facts[e.Fact] != uuid.Nil {
						t.Fatalf("%s deducted twice", e.Fact)
					}
					facts[e.Fact] = e.Entry
				case Repaired:
					x, _ := s.Entry(e.Entry)
					if x.Bonus || e.RepairedOn < x.DecidedOn.AddMonths(policy.Severities[x.Severity].MinMonths) {
						t.Fatalf("%#v of %#v", e, x)
					}
				case Revoked:
					for fact, entry := range facts {
						if entry == e.Entry {
							delete(facts, fact)
						}
					}
				}
			}
			// What an event other than an entry's own does to the score: nothing.
			before := s
			switch e := history[len(history)-1].(type) {
			case Suspected, Notified, Answered, Dismissed:
				before = Ledger.Fold(Ledger.Initial, history[:len(history)-1]...)
				if a, b := Score(policy, before.Entries, day), Score(policy, s.Entries, day); a.Score != b.Score || a.Grade != b.Grade {
					t.Fatalf("%T moved the score from %d to %d", e, a.Score, b.Score)
				}
			}
		})
	})
	if entries == 0 {
		t.Error("no history ever confirmed anything: the test shows nothing")
	}
}
