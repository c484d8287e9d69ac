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
	propose   = ProposeConfirmation{on("2026-11-23"), entry, suspicion, "大民信认〔2026〕1 号", "2026-11-23", policy}
	proposed  = ConfirmationProposed{suspicion, entry, "大民信认〔2026〕1 号", "2026-11-23", "staff-0401"}
	confirm   = Confirm{domaintest.By("staff-0402"), suspicion, policy}
	told      = RepairTold{entry, "2027-02-23", "2027-11-23", "2027-11-23"}
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
		late := on("2026-11-27")
		late.At, late.LateReason = late.At.AddDate(0, 0, -10), "补录"
		spec.Given(t, suspected).When(Notify{late, suspicion, "告知书 1 号", ""}).Then(Notified{suspicion, "告知书 1 号", "2026-12-04"})
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
	decided := append(given[:3:3], proposed)
	change := func(f func(*ProposeConfirmation)) ProposeConfirmation { return with(propose, f) }
	t.Run("one officer decides under a document and a policy version", func(t *testing.T) {
		spec.Given(t, given...).When(propose).Then(proposed)
		if st := Score(policy, spec.Given(t, decided...).State().Entries, "2026-11-23"); st.Score != 80 {
			t.Error("a proposal scores:", st.Score)
		}
	})
	t.Run("a second one confirms it, and the repair timetable goes with the decision", func(t *testing.T) {
		spec.Given(t, decided...).When(confirm).Then(confirmed, told)
		if st := Score(policy, spec.Given(t, append(decided, confirmed, told)...).State().Entries, "2026-11-23"); st.Score != 70 || st.Grade != "C" {
			t.Error(st.Score, st.Grade)
		}
	})
	t.Run("never the first one again, and nothing that nobody decided", func(t *testing.T) {
		spec.Given(t, decided...).When(Confirm{by, suspicion, policy}).Rejects(ErrOfficers)
		spec.Given(t, given...).When(confirm).Rejects(ErrNotProposed)
	})
	t.Run("who decides last needs the other's word", func(t *testing.T) {
		second := with(propose, func(c *ProposeConfirmation) {
			c.Act, c.Document = domaintest.By("staff-0402"), "大民信认〔2026〕2 号"
		})
		again := with(proposed, func(e *ConfirmationProposed) { e.By, e.Document = "staff-0402", "大民信认〔2026〕2 号" })
		spec.Given(t, decided...).When(second).Then(again)
		spec.Given(t, append(decided, again)...).When(confirm).Rejects(ErrOfficers)
	})
	t.Run("nothing is decided that was not suspected, told and heard", func(t *testing.T) {
		spec.Given(t).When(propose).Rejects(ErrSuspicionUnknown)
		spec.Given(t).When(confirm).Rejects(ErrSuspicionUnknown)
		spec.Given(t, suspected).When(propose).Rejects(ErrNotNotified)
		spec.Given(t, suspected).When(confirm).Rejects(ErrNotNotified)
		spec.Given(t, suspected, notified).When(propose).Rejects(ErrAnswerOpen)
		spec.Given(t, suspected, notified).When(change(func(c *ProposeConfirmation) { c.Act = on("2026-11-30") })).Rejects(ErrAnswerOpen)
		spec.Given(t, suspected, notified).When(change(func(c *ProposeConfirmation) { c.Act = on("2026-12-01") })).Then(proposed)
		spec.Given(t, suspected, Dismissed{suspicion, "误报"}).When(propose).Rejects(ErrSuspicionClosed)
		spec.Given(t, append(decided, Dismissed{suspicion, "误报"})...).When(confirm).Rejects(ErrSuspicionClosed)
	})
	for name, c := range map[string]struct {
		change func(*ProposeConfirmation)
		want   error
	}{
		"no document":                        {func(c *ProposeConfirmation) { c.Document = "" }, ErrDocument},
		"no reference":                       {func(c *ProposeConfirmation) { c.Entry = uuid.Nil }, ErrRefNeeded},
		"a decision of tomorrow":             {func(c *ProposeConfirmation) { c.DecidedOn = "2026-11-24" }, ErrDay},
		"a decision on no day":               {func(c *ProposeConfirmation) { c.DecidedOn = "" }, ErrDay},
		"a policy that was not yet in force": {func(c *ProposeConfirmation) { c.DecidedOn = "2026-03-31" }, ErrPolicyNotInForce},
		"no policy":                          {func(c *ProposeConfirmation) { c.Policy = PolicyVersion{} }, ErrPolicyNotInForce},
		"a policy without the rule":          {func(c *ProposeConfirmation) { c.Policy.Rules = c.Policy.Rules[:1] }, ErrRuleUnknown},
	} {
		t.Run(name+" is refused", func(t *testing.T) { spec.Given(t, given...).When(change(c.change)).Rejects(c.want) })
	}
	// another is a second suspicion of the same fact, proposed as entry 2.
	another := func(rule string) []LedgerEvent {
		return []LedgerEvent{Suspected{id(902), rule, suspected.Fact, uuid.Nil, ""}, Notified{id(902), "告知书 2 号", "2026-11-30"}, Answered{id(902), "x"},
			with(proposed, func(e *ConfirmationProposed) { e.Suspicion, e.Entry = id(902), id(2) })}
	}
	second := Confirm{confirm.Act, id(902), policy}
	t.Run("one fact is one deduction, whatever the rules it breaks", func(t *testing.T) {
		spec.Given(t, append(append(decided[:4:4], confirmed, told), another("P04")...)...).When(second).Rejects(ErrSameFact)
		spec.Given(t, append(append(decided[:4:4], confirmed, told), another("V04")...)...).When(second).Rejects(ErrSameFact)
		spec.Given(t, append(decided[:4:4], confirmed, told)...).When(with(suspect, func(c *Suspect) { c.Suspicion = id(903) })).Rejects(ErrSameFact)
	})
	t.Run("a heavier one may follow, and it alone counts", func(t *testing.T) {
		v05 := with(confirmed, func(e *Confirmed) {
			e.Entry, e.Suspicion, e.Rule, e.Points, e.Severity, e.GradeCeiling = id(2), id(902), "V05", 30, Severe, "D"
		})
		es := append(append(decided[:4:4], confirmed, told), another("V05")...)
		spec.Given(t, es...).When(second).Then(v05, RepairTold{id(2), "2027-11-23", "2029-11-23", "2029-11-23"})
		st := Score(policy, spec.Given(t, append(es, v05)...).State().Entries, "2026-11-23")
		if st.Score != 50 || len(st.Active) != 2 || st.Deducted != 30 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("unless the first was revoked", func(t *testing.T) {
		es := append(append(decided[:4:4], confirmed, told, Revoked{entry, "复议决定", "事实不清", "2026-11-23"}), another("P04")...)
		spec.Given(t, es...).When(second).Then(with(confirmed, func(e *Confirmed) { e.Entry, e.Suspicion, e.Rule, e.Points = id(2), id(902), "P04", 6 }),
			with(told, func(e *RepairTold) { e.Entry = id(2) }))
	})
	t.Run("an entry's reference is used once", func(t *testing.T) {
		es := append(append(decided[:4:4], confirmed, told), another("V05")[:3]...)
		spec.Given(t, es...).When(with(propose, func(c *ProposeConfirmation) { c.Suspicion = id(902) })).Rejects(ErrEntryExists)
	})
	severe := RepairTold{entry, "2027-11-23", "2029-11-23", "2029-11-23"}
	p04 := with(suspected, func(e *Suspected) { e.Rule = "P04" })
	is04 := with(confirmed, func(e *Confirmed) { e.Rule, e.Points = "P04", 6 })
	t.Run("the third of one rule within 12 months counts one severity higher", func(t *testing.T) {
		es := func(first, second domain.Date) []LedgerEvent {
			return append(append(confirmedBefore(11, "P04", first), confirmedBefore(12, "P04", second)...), p04, notified, answered, proposed)
		}
		third := with(is04, func(e *Confirmed) { e.Severity, e.Escalated = Severe, true })
		spec.Given(t, es("2025-11-24", "2026-06-01")...).When(confirm).Then(third, severe)
		spec.Given(t, es("2025-11-23", "2026-06-01")...).When(confirm).Then(is04, told)
		spec.Given(t, es("2026-11-23", "2026-11-23")...).When(confirm).Then(third, severe)
		revoked := append(es("2026-05-01", "2026-06-01"), Revoked{id(11), "x", "y", "2026-06-02"})
		spec.Given(t, revoked...).When(confirm).Then(is04, told)
		otherRule := append(append(confirmedBefore(11, "P05", "2026-05-01"), confirmedBefore(12, "P04", "2026-06-01")...), p04, notified, answered, proposed)
		spec.Given(t, otherRule...).When(confirm).Then(is04, told)
	})
	t.Run("a second charge outside the catalogue within 12 months counts 20 and is severe", func(t *testing.T) {
		again := with(confirmed, func(e *Confirmed) { e.Points, e.Severity, e.Escalated = 20, Severe, true })
		spec.Given(t, append(confirmedBefore(11, "P02", "2025-11-24"), decided...)...).When(confirm).Then(again, severe)
		spec.Given(t, append(confirmedBefore(11, "P02", "2025-11-23"), decided...)...).When(confirm).Then(confirmed, told)
	})
	t.Run("what is severe stays severe", func(t *testing.T) {
		s := with(suspected, func(e *Suspected) { e.Rule = "S08" })
		es := append(append(confirmedBefore(11, "S08", "2026-06-01"), confirmedBefore(12, "S08", "2026-07-01")...), s, notified, answered, proposed)
		spec.Given(t, es...).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Rule, e.Points, e.Severity = "S08", 15, Severe }), severe)
	})
	t.Run("a rule's ceiling goes with the entry", func(t *testing.T) {
		s := with(suspected, func(e *Suspected) { e.Rule = "S01" })
		spec.Given(t, s, notified, answered, proposed).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Rule, e.Points, e.Severity, e.GradeCeiling = "S01", 30, Severe, "D" }), severe)
	})
	t.Run("a minor fault is never published", func(t *testing.T) {
		s := with(suspected, func(e *Suspected) { e.Rule = "P01" })
		spec.Given(t, s, notified, answered, proposed).When(confirm).Then(with(confirmed, func(e *Confirmed) { e.Rule, e.Points, e.Severity = "P01", 3, Minor }),
			RepairTold{entry, "2026-11-23", "", "2027-02-23"})
	})
}

func TestObjection(t *testing.T) {
	es := confirmedBefore(1, "P04", "2026-09-14")
	// 2026-09-17 is a Thursday.
	object := Object{on("2026-09-18"), id(801), entry, "异议书 1 号", "2026-09-17"}
	objected := Objected{id(801), entry, "异议书 1 号", "2026-09-17", "2026-09-24"}
	t.Run("an institution objects, and is answered within five working days", func(t *testing.T) {
		spec.Given(t, es...).When(object).Then(objected)
		spec.Given(t, append(es, objected)...).When(object).Then()
		spec.Given(t, append(es, objected)...).When(with(object, func(c *Object) { c.Objection = id(802) })).Rejects(ErrObjectionOpen)
		spec.Given(t, append(es, objected)...).When(with(object, func(c *Object) { c.Document = "异议书 2 号" })).Rejects(ErrObjectionExists)
	})
	t.Run("to a deduction that stands, with a document, on a day", func(t *testing.T) {
		spec.Given(t).When(object).Rejects(ErrEntryUnknown)
		spec.Given(t, es...).When(with(object, func(c *Object) { c.Objection = uuid.Nil })).Rejects(ErrRefNeeded)
		spec.Given(t, es...).When(with(object, func(c *Object) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, es...).When(with(object, func(c *Object) { c.FiledOn = "2026-09-19" })).Rejects(ErrDay)
		spec.Given(t, es...).When(with(object, func(c *Object) { c.FiledOn = "2026-09-13" })).Rejects(ErrDayOrder)
		spec.Given(t, append(es[:2:2], Revoked{entry, "x", "y", "2026-09-15"})...).When(object).Rejects(ErrEntryRevoked)
		spec.Given(t, BonusGranted{Entry: entry, Rule: "G01", DecidedOn: "2026-06-15"}).When(object).Rejects(ErrObjectionBonus)
	})
	given := append(es[:2:2], objected)
	t.Run("where another body must check it takes seven, said once and in time", func(t *testing.T) {
		more := ExtendObjection{on("2026-09-24"), id(801), "需市场监管部门核查"}
		extended := ObjectionExtended{id(801), "需市场监管部门核查", "2026-09-28"}
		spec.Given(t, given...).When(more).Then(extended)
		spec.Given(t, given...).When(with(more, func(c *ExtendObjection) { c.Act = on("2026-09-25") })).Rejects(ErrExtended)
		spec.Given(t, append(given, extended)...).When(more).Rejects(ErrExtended)
		spec.Given(t, given...).When(with(more, func(c *ExtendObjection) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, es...).When(more).Rejects(ErrObjectionUnknown)
	})
	decide := DecideObjection{on("2026-09-24"), id(801), false, "答复书 1 号", "事实清楚", "2026-09-24"}
	refused := ObjectionDecided{id(801), false, "答复书 1 号", "事实清楚", "2026-09-24"}
	t.Run("refused, the entry stands and another may follow", func(t *testing.T) {
		spec.Given(t, given...).When(decide).Then(refused)
		spec.Given(t, append(given, refused)...).When(decide).Rejects(ErrObjectionClosed)
		spec.Given(t, append(given, refused)...).When(with(object, func(c *Object) { c.Act, c.Objection, c.FiledOn = on("2026-10-08"), id(802), "2026-10-08" })).
			Then(Objected{id(802), entry, "异议书 1 号", "2026-10-08", "2026-10-15"})
	})
	t.Run("accepted, it is revoked in the same breath", func(t *testing.T) {
		accept := with(decide, func(c *DecideObjection) { c.Accepted, c.Reason = true, "车位费已退，不构成加价" })
		es := []LedgerEvent{ObjectionDecided{id(801), true, "答复书 1 号", "车位费已退，不构成加价", "2026-09-24"}, Revoked{entry, "答复书 1 号", "车位费已退，不构成加价", "2026-09-24"}}
		spec.Given(t, given...).When(accept).Then(es...)
		if st := Score(policy, spec.Given(t, append(given, es...)...).State().Entries, "2026-09-20"); st.Score != 80 {
			t.Error(st.Score)
		}
	})
	t.Run("with document, reason and a day", func(t *testing.T) {
		spec.Given(t, given...).When(with(decide, func(c *DecideObjection) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, given...).When(with(decide, func(c *DecideObjection) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, given...).When(with(decide, func(c *DecideObjection) { c.DecidedOn = "2026-09-25" })).Rejects(ErrDay)
		spec.Given(t, given...).When(with(decide, func(c *DecideObjection) { c.DecidedOn = "2026-09-16" })).Rejects(ErrDayOrder)
		spec.Given(t, given...).When(with(decide, func(c *DecideObjection) { c.Objection = uuid.Nil })).Rejects(ErrRefNeeded)
	})
}

func TestRepairRequest(t *testing.T) {
	es := confirmedBefore(1, "P04", "2026-07-20")
	ask := RequestRepair{on("2026-11-16"), entry, "修复申请 1 号", "2026-11-16", policy}
	asked := RepairRequested{entry, "修复申请 1 号", "2026-11-16", "2026-11-30"}
	t.Run("asked for when its time has come, decided within ten working days", func(t *testing.T) {
		spec.Given(t, es...).When(ask).Then(asked)
		spec.Given(t, append(es[:2:2], asked)...).When(ask).Rejects(ErrRepairOpen)
		spec.Given(t, es...).When(with(ask, func(c *RequestRepair) { c.FiledOn = "2026-10-19" })).Rejects(ErrRepairEarly)
		spec.Given(t, es...).When(with(ask, func(c *RequestRepair) { c.FiledOn = "2026-11-17" })).Rejects(ErrDay)
		spec.Given(t, es...).When(with(ask, func(c *RequestRepair) { c.Document = "" })).Rejects(ErrDocument)
		spec.Given(t, es...).When(with(ask, func(c *RequestRepair) { c.Policy.Version = "v2" })).Rejects(ErrPolicyOther)
		spec.Given(t, append(es[:2:2], Repaired{entry, "x", "2026-11-01"})...).When(ask).Rejects(ErrRepairDone)
	})
	refuse := RefuseRepair{on("2026-11-20"), entry, "不予修复 1 号", "多收的费用还没有退清", "2026-11-20"}
	refused := RepairRefused{entry, "不予修复 1 号", "多收的费用还没有退清", "2026-11-20"}
	t.Run("refused with a reason, and asked for again", func(t *testing.T) {
		spec.Given(t, append(es[:2:2], asked)...).When(refuse).Then(refused)
		spec.Given(t, es...).When(refuse).Rejects(ErrRepairNotAsked)
		spec.Given(t, append(es[:2:2], asked)...).When(with(refuse, func(c *RefuseRepair) { c.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, append(es[:2:2], asked, refused)...).When(with(ask, func(c *RequestRepair) { c.Act, c.FiledOn = on("2026-12-01"), "2026-12-01" })).
			Then(RepairRequested{entry, "修复申请 1 号", "2026-12-01", "2026-12-15"})
	})
	t.Run("granted, the request is closed", func(t *testing.T) {
		s := spec.Given(t, append(es[:2:2], asked, Repaired{entry, "修复 1 号", "2026-11-23"})...).State()
		if e, _ := s.Entry(entry); e.RepairBy != "" || e.RepairedOn != "2026-11-23" {
			t.Errorf("%+v", e)
		}
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
	done := []LedgerEvent{suspected, notified, answered, proposed, confirmed, told}
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
		spec.Given(t, append(done[:6:6], Revoked{entry, "x", "y", "2026-11-23"})...).When(Revoke{by, entry, "x", "y", "2026-11-23"}).Then()
	})
}

// I17, whatever is sent in whatever order: only confirmed entries and bonuses
// score, each fact once and the heaviest rule alone, under two officers who act
// one after the other, after notice; each decision tells its timetable; nothing
// but an entry, its repair and its revocation moves a score.
func TestLedgerHistories(t *testing.T) {
	entries, heavier, objections := 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		day := domain.Date("2026-04-01")
		some := func(base int) uuid.UUID { return id(base + rapid.IntRange(0, 4).Draw(t, "id")) }
		draw := func(s LedgerState) LedgerCommand {
			day = day.AddDays(rapid.IntRange(0, 40).Draw(t, "days"))
			act := domaintest.At(rapid.SampledFrom([]string{"staff-1", "staff-2"}).Draw(t, "officer"), day.Start().Add(12*time.Hour))
			if n := len(s.Suspicions); n > 0 && rapid.IntRange(0, 2).Draw(t, "go on") > 0 { // with what has begun, as far as it has come
				x := s.Suspicions[rapid.IntRange(0, n-1).Draw(t, "suspicion")]
				switch {
				case x.Dismissed:
				case x.AnswerBy == "":
					return Notify{act, x.Suspicion, "告知书", ""}
				case x.Proposed.Entry == uuid.Nil:
					return ProposeConfirmation{act, some(0), x.Suspicion, "文书", day, policy}
				case x.Entry == uuid.Nil:
					return Confirm{act, x.Suspicion, policy}
				case len(s.Objections) == 0:
					return Object{act, some(800), x.Entry, "文书", day}
				default:
					o := s.Objections[rapid.IntRange(0, len(s.Objections)-1).Draw(t, "objection")]
					return DecideObjection{act, o.Objection, rapid.Bool().Draw(t, "accepted"), "文书", "理由", day}
				}
			}
			switch rapid.IntRange(0, 13).Draw(t, "command") {
			case 0, 1:
				n := rapid.IntRange(0, 4).Draw(t, "new")
				return Suspect{act, id(900 + n), rapid.SampledFrom([]string{"P02", "V05"}).Draw(t, "rule"), rapid.SampledFrom([]string{"f1", "f2"}).Draw(t, "fact"), uuid.Nil, "", policy}
			case 2, 3:
				return Notify{act, some(900), "告知书", ""}
			case 4:
				return Answer{act, some(900), "申辩书"}
			case 5, 6:
				return ProposeConfirmation{act, some(0), some(900), "文书", day, policy}
			case 7, 8:
				return Confirm{act, some(900), policy}
			case 9:
				return GrantBonus{act, some(0), "G01", rapid.SampledFrom([]string{"f1", "f2"}).Draw(t, "fact"), "文书", day, policy}
			case 10:
				if rapid.Bool().Draw(t, "ask") {
					return RequestRepair{act, some(0), "文书", day, policy}
				}
				return Repair{act, some(0), "文书", day, policy}
			case 11:
				return Object{act, some(800), some(0), "文书", day}
			case 12:
				if rapid.Bool().Draw(t, "extend") {
					return ExtendObjection{act, some(800), "理由"}
				}
				return DecideObjection{act, some(800), rapid.Bool().Draw(t, "accepted"), "文书", "理由", day}
			}
			if rapid.Bool().Draw(t, "revoke") {
				return Revoke{act, some(0), "文书", "理由", day}
			}
			return Dismiss{act, some(900), "理由"}
		}
		domaintest.Random(t, Ledger, draw, func(s LedgerState, history []LedgerEvent) {
			noticed, facts, decided := map[uuid.UUID]bool{}, map[uuid.UUID]Confirmed{}, map[uuid.UUID]ConfirmationProposed{}
			for i, e := range history {
				switch e := e.(type) {
				case Notified:
					noticed[e.Suspicion] = true
				case ConfirmationProposed:
					decided[e.Suspicion] = e
				case Confirmed:
					entries++
					d := decided[e.Suspicion]
					if !noticed[e.Suspicion] || e.Officers[0] == e.Officers[1] || e.Officers[0] != d.By || e.Officers[1] == "" || e.Document == "" || e.Document != d.Document || e.Entry != d.Entry {
						t.Fatalf("%#v", e)
					}
					r, _ := policy.Rule(e.Rule)
					if r.Points != e.Points && r.Repeat.Points != e.Points || e.Severity != r.Severity && e.Severity != r.Severity.Next() {
						t.Fatalf("%#v", e)
					}
					if i+1 < len(history) {
						if told, ok := history[i+1].(RepairTold); !ok || told.Entry != e.Entry || told.RepairableFrom != e.DecidedOn.AddMonths(policy.Severities[e.Severity].MinMonths) {
							t.Fatalf("%#v follows %#v", history[i+1], e)
						}
					}
					for _, o := range facts {
						if o.Fact == e.Fact {
							heavier++
							if o.Points >= e.Points {
								t.Fatalf("%s deducted twice: %d, then %d", e.Fact, o.Points, e.Points)
							}
						}
					}
					facts[e.Entry] = e
				case ObjectionDecided:
					objections++
				case Repaired:
					x, _ := s.Entry(e.Entry)
					if x.Bonus || e.RepairedOn < x.DecidedOn.AddMonths(policy.Severities[x.Severity].MinMonths) {
						t.Fatalf("%#v of %#v", e, x)
					}
				case Revoked:
					delete(facts, e.Entry)
				}
			}
			// Each fact moves the score once, whatever rules it breaks.
			moved := map[string]int{}
			for _, l := range Score(policy, s.Entries, day).Active {
				if !l.Bonus && l.Counted != 0 {
					if moved[l.Fact]++; moved[l.Fact] > 1 {
						t.Fatalf("%s counts twice", l.Fact)
					}
				}
			}
			// What an event other than an entry's own does to the score: nothing.
			switch e := history[len(history)-1].(type) {
			case Confirmed, RepairTold, BonusGranted, Repaired, Revoked: // told with, and after, an entry
			default:
				before := Ledger.Fold(Ledger.Initial, history[:len(history)-1]...)
				if a, b := Score(policy, before.Entries, day), Score(policy, s.Entries, day); a.Score != b.Score || a.Grade != b.Grade {
					t.Fatalf("%T moved the score from %d to %d", e, a.Score, b.Score)
				}
			}
		})
	}, &entries, &heavier, &objections)
}
