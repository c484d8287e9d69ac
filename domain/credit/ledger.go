package credit

import (
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// LedgerCategory names the streams of ledgers; a stream's id is the
// institution's credit code.
const LedgerCategory = "credit"

// A LedgerEvent is what happens in one institution's ledger.
type LedgerEvent interface{ ledgerEvent() }

type (
	// Suspected notes that a rule may have been broken. It never scores and is
	// never public.
	Suspected struct {
		Suspicion uuid.UUID `json:"suspicion"`
		Rule      string    `json:"rule"`
		// Fact names what happened, the same for whoever reports it:
		// "case:…/line:3".
		Fact string `json:"fact"`
		// SourceEvent is the event that an automatic rule saw.
		SourceEvent uuid.UUID `json:"source_event,omitzero"`
		Basis       string    `json:"basis"`
	}
	// Notified tells the institution what it is suspected of and until when it
	// may answer.
	Notified struct {
		Suspicion uuid.UUID   `json:"suspicion"`
		Document  string      `json:"document"`
		AnswerBy  domain.Date `json:"answer_by"`
	}
	// Answered is the institution's statement.
	Answered struct {
		Suspicion uuid.UUID `json:"suspicion"`
		Document  string    `json:"document"`
	}
	// Dismissed ends a suspicion without an entry.
	Dismissed struct {
		Suspicion uuid.UUID `json:"suspicion"`
		Reason    string    `json:"reason"`
	}
	// Confirmed is a deduction, under the version of the policy that it names.
	Confirmed struct {
		Entry     uuid.UUID `json:"entry"`
		Suspicion uuid.UUID `json:"suspicion"`
		Rule      string    `json:"rule"`
		Policy    string    `json:"policy"`
		Points    int       `json:"points"` // to deduct, positive
		Severity  Severity  `json:"severity"`
		// Escalated says that Severity is one above the rule's own.
		Escalated    bool        `json:"escalated,omitzero"`
		GradeCeiling string      `json:"grade_ceiling,omitzero"`
		Fact         string      `json:"fact"`
		Document     string      `json:"document"`
		DecidedOn    domain.Date `json:"decided_on"`
		Officers     [2]string   `json:"officers"`
	}
	// BonusGranted is points on top.
	BonusGranted struct {
		Entry     uuid.UUID   `json:"entry"`
		Rule      string      `json:"rule"` // the bonus' code
		Policy    string      `json:"policy"`
		Points    int         `json:"points"`
		Fact      string      `json:"fact"`
		Document  string      `json:"document"`
		DecidedOn domain.Date `json:"decided_on"`
	}
	// Repaired ends a deduction, its publication and its use together.
	Repaired struct {
		Entry      uuid.UUID   `json:"entry"`
		Document   string      `json:"document"`
		RepairedOn domain.Date `json:"repaired_on"`
	}
	// Revoked strikes an entry out as if it had never been.
	Revoked struct {
		Entry     uuid.UUID   `json:"entry"`
		Document  string      `json:"document"`
		Reason    string      `json:"reason"`
		RevokedOn domain.Date `json:"revoked_on"`
	}
)

func (Suspected) ledgerEvent()    {}
func (Notified) ledgerEvent()     {}
func (Answered) ledgerEvent()     {}
func (Dismissed) ledgerEvent()    {}
func (Confirmed) ledgerEvent()    {}
func (BonusGranted) ledgerEvent() {}
func (Repaired) ledgerEvent()     {}
func (Revoked) ledgerEvent()      {}

// A LedgerCommand asks something of one institution's ledger.
type LedgerCommand interface {
	domain.Command
	ledgerCommand()
}

type (
	// Suspect notes a suspicion. An automatic rule does this and nothing more.
	Suspect struct {
		domain.Act
		Suspicion   uuid.UUID
		Rule        string
		Fact        string
		SourceEvent uuid.UUID
		Basis       string
		// Policy is the fact which version is in force; the rule is one of its.
		Policy PolicyVersion
	}
	// Notify tells the institution.
	Notify struct {
		domain.Act
		Suspicion uuid.UUID
		Document  string
		// AnswerBy is the last day for the answer; empty means AnswerDays working
		// days. It may be later, never earlier.
		AnswerBy domain.Date
	}
	// Answer records the institution's statement.
	Answer struct {
		domain.Act
		Suspicion uuid.UUID
		Document  string
	}
	// Dismiss ends a suspicion without an entry.
	Dismiss struct {
		domain.Act
		Suspicion uuid.UUID
		Reason    string // never about a person
	}
	// Confirm makes a suspicion an entry.
	Confirm struct {
		domain.Act
		Entry     uuid.UUID
		Suspicion uuid.UUID
		Document  string
		DecidedOn domain.Date
		Officers  [2]string // accounts
		// Policy is the fact what the version in force on DecidedOn says.
		Policy PolicyVersion
	}
	// GrantBonus makes a bonus entry.
	GrantBonus struct {
		domain.Act
		Entry     uuid.UUID
		Bonus     string
		Fact      string // "G02/2026"
		Document  string
		DecidedOn domain.Date
		Policy    PolicyVersion // fact, as in Confirm
	}
	// Repair ends an entry after its time.
	Repair struct {
		domain.Act
		Entry      uuid.UUID
		Document   string
		RepairedOn domain.Date
		Policy     PolicyVersion // fact: the version that the entry names
	}
	// Revoke strikes an entry out.
	Revoke struct {
		domain.Act
		Entry     uuid.UUID
		Document  string
		Reason    string // never about a person
		RevokedOn domain.Date
	}
)

func (Suspect) ledgerCommand()    {}
func (Notify) ledgerCommand()     {}
func (Answer) ledgerCommand()     {}
func (Dismiss) ledgerCommand()    {}
func (Confirm) ledgerCommand()    {}
func (GrantBonus) ledgerCommand() {}
func (Repair) ledgerCommand()     {}
func (Revoke) ledgerCommand()     {}

// A Suspicion is one open or closed suspicion.
type Suspicion struct {
	Suspected
	AnswerBy  domain.Date // empty: not notified
	Answered  bool
	Dismissed bool
	Entry     uuid.UUID // what it was confirmed as; uuid.Nil: not confirmed
}

// Open says that the suspicion is neither dismissed nor confirmed.
func (x Suspicion) Open() bool { return !x.Dismissed && x.Entry == uuid.Nil }

// An Entry is one line of a ledger that scores.
type Entry struct {
	ID           uuid.UUID
	Bonus        bool
	Rule         string
	Policy       string
	Points       int // positive, for a bonus to add, else to deduct
	Severity     Severity
	Escalated    bool
	GradeCeiling string
	Fact         string
	Document     string
	DecidedOn    domain.Date
	RepairedOn   domain.Date // empty: not repaired
	RevokedOn    domain.Date // empty: not revoked
}

// LedgerState is one institution's ledger.
type LedgerState struct {
	Suspicions []Suspicion
	Entries    []Entry
}

// Suspicion finds a suspicion.
func (s LedgerState) Suspicion(id uuid.UUID) (Suspicion, bool) {
	if i := s.suspicion(id); i >= 0 {
		return s.Suspicions[i], true
	}
	return Suspicion{}, false
}

// Entry finds an entry.
func (s LedgerState) Entry(id uuid.UUID) (Entry, bool) {
	if i := s.entry(id); i >= 0 {
		return s.Entries[i], true
	}
	return Entry{}, false
}

func (s LedgerState) suspicion(id uuid.UUID) int {
	return slices.IndexFunc(s.Suspicions, func(x Suspicion) bool { return x.Suspicion == id })
}

func (s LedgerState) entry(id uuid.UUID) int {
	return slices.IndexFunc(s.Entries, func(x Entry) bool { return x.ID == id })
}

// Ledger decides over one institution's ledger.
var Ledger = domain.Decider[LedgerState, LedgerCommand, LedgerEvent]{Decide: decideLedger, Evolve: evolveLedger}

// AnswerDays is how many working days an institution has for its answer. It is
// a proposal of ours ([P]); public holidays only make a later AnswerBy.
const AnswerDays = 5

var (
	// ErrRefNeeded refuses an act that does not name what it is about.
	ErrRefNeeded = domain.Reject("credit_reference_needed", "没有说明是哪一条记录。", "It is not said which record this is about.")
	// ErrFactNeeded refuses an entry that cannot be told from others.
	ErrFactNeeded = domain.Reject("credit_fact_needed", "请写明具体事实。", "Please name the fact.").Under("I17", "")
	// ErrRuleUnknown refuses a rule that the named policy version does not have.
	ErrRuleUnknown = domain.Reject("credit_rule_unknown", "规则版本 %[2]s 中没有 %[1]s 这一条。", "There is no rule %[1]s in policy version %[2]s.").Under("I17", "")
	// ErrSuspicionExists refuses another suspicion under the same reference.
	ErrSuspicionExists = domain.Reject("credit_suspicion_exists", "这个线索编号已经用于另一件事。", "This suspicion reference is used for something else.")
	// ErrSuspicionKnown refuses a second open suspicion of the same fact and rule.
	ErrSuspicionKnown = domain.Reject("credit_suspicion_known", "同一事实、同一规则的线索已经登记，正在办理。", "The same fact is already under suspicion of the same rule.").Under("I17", "").Race()
	// ErrSuspicionUnknown refuses to go on with what was never suspected.
	ErrSuspicionUnknown = domain.Reject("credit_suspicion_unknown", "没有登记过这条线索。", "There is no such suspicion.").Under("I17", "")
	// ErrSuspicionClosed refuses to go on with what has ended.
	ErrSuspicionClosed = domain.Reject("credit_suspicion_closed", "这条线索已经办结。", "This suspicion is closed.").Under("I17", "")
	// ErrNotNotified refuses to decide before the institution was told.
	ErrNotNotified = domain.Reject("credit_not_notified", "认定之前，须先书面告知机构事实、理由和依据，并听取陈述申辩。",
		"Before a decision the institution must be told the facts, reasons and basis, and be heard.")
	// ErrAnswerOpen refuses to decide while the institution may still answer.
	ErrAnswerOpen = domain.Reject("credit_answer_open", "机构的申辩期到 %s 为止，期满或收到申辩后再作认定。",
		"The institution may answer until %s; please decide after that, or after its answer.")
	// ErrAnswerShort refuses an answer period below the shortest.
	ErrAnswerShort = domain.Reject("credit_answer_period_short", "申辩期最早到 %s。", "The answer period ends on %s at the earliest.")
	// ErrOfficers refuses a decision of one person alone.
	ErrOfficers = domain.Reject("credit_two_officers", "认定须由两名不同的工作人员共同作出。", "A decision needs two different officers.")
	// ErrDocument refuses a decision without its document.
	ErrDocument = domain.Reject("credit_document_needed", "请写明文书编号。", "Please give the document's number.").Under("", "信用修复管理办法（2026-04-01 施行）")
	// ErrReason refuses an end without its reason.
	ErrReason = domain.Reject("credit_reason_needed", "请写明理由。", "Please give the reason.")
	// ErrDay refuses a day that does not exist or has not come yet.
	ErrDay = domain.Reject("credit_day_invalid", "日期“%s”不对，或还没有到。", "The day %q does not exist or has not come yet.").Under("I8", "")
	// ErrDayOrder refuses an end that comes before the decision.
	ErrDayOrder = domain.Reject("credit_day_before_decision", "日期不能早于认定日期 %s。", "The day cannot come before the decision on %s.").Under("I8", "")
	// ErrPolicyNotInForce refuses a policy version on a day before it began.
	ErrPolicyNotInForce = domain.Reject("credit_policy_not_in_force", "规则版本 %s 在 %s 还没有生效。", "Policy version %s was not in force on %s.").Under("I17", "")
	// ErrPolicyOther refuses a policy version that the entry does not name.
	ErrPolicyOther = domain.Reject("credit_policy_other", "这条记录依据的规则版本是 %s。", "This entry rests on policy version %s.").Under("I17", "")
	// ErrSameFact refuses a second entry for one fact.
	ErrSameFact = domain.Reject("credit_same_fact", "同一事实只计一次，这件事已经记过了。", "One fact counts once, and this one is already entered.").Under("I17", "").Race()
	// ErrEntryExists refuses another entry under the same reference.
	ErrEntryExists = domain.Reject("credit_entry_exists", "这个记录编号已经用于另一件事。", "This entry reference is used for something else.")
	// ErrEntryUnknown refuses to change an entry that does not exist.
	ErrEntryUnknown = domain.Reject("credit_entry_unknown", "没有这条信用记录。", "There is no such entry.")
	// ErrEntryRevoked refuses to repair what was struck out.
	ErrEntryRevoked = domain.Reject("credit_entry_revoked", "这条记录已经撤销。", "This entry is revoked.")
	// ErrRepairBonus refuses to repair what is no fault.
	ErrRepairBonus = domain.Reject("credit_repair_bonus", "加分记录不需要修复。", "A bonus needs no repair.")
	// ErrRepairEarly refuses a repair before the shortest period of publication.
	ErrRepairEarly = domain.Reject("credit_repair_early", "最短公示期到 %s 届满，届满后可以修复。", "The shortest period of publication ends on %s; repair is possible from then on.").Under("", "信用修复管理办法（2026-04-01 施行）")
)

func decideLedger(s LedgerState, cmd LedgerCommand) ([]LedgerEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	switch c := cmd.(type) {
	case Suspect:
		e := Suspected{c.Suspicion, c.Rule, c.Fact, c.SourceEvent, c.Basis}
		old, known := s.Suspicion(c.Suspicion)
		switch {
		case c.Suspicion == uuid.Nil:
			return nil, ErrRefNeeded
		case known && old.Suspected == e:
			return nil, nil
		case known:
			return nil, ErrSuspicionExists
		case c.Fact == "":
			return nil, ErrFactNeeded
		case slices.ContainsFunc(s.Suspicions, func(x Suspicion) bool { return x.Open() && x.Rule == c.Rule && x.Fact == c.Fact }):
			return nil, ErrSuspicionKnown
		}
		if _, ok := c.Policy.Rule(c.Rule); !ok {
			return nil, ErrRuleUnknown.With(c.Rule, c.Policy.Version)
		}
		return []LedgerEvent{e}, nil

	case Notify:
		x, err := s.open(c.Suspicion)
		if err != nil || x.AnswerBy != "" {
			return nil, err
		}
		told := domain.DateOf(act.At)
		if told == "" {
			told = today
		}
		first := told.AddWorkingDays(AnswerDays)
		by := c.AnswerBy
		if by == "" {
			by = first
		}
		switch {
		case c.Document == "":
			return nil, ErrDocument
		case !by.Valid() || by < first:
			return nil, ErrAnswerShort.With(first)
		}
		return []LedgerEvent{Notified{c.Suspicion, c.Document, by}}, nil

	case Answer:
		x, err := s.open(c.Suspicion)
		switch {
		case err != nil || x.Answered:
			return nil, err
		case x.AnswerBy == "":
			return nil, ErrNotNotified
		case c.Document == "":
			return nil, ErrDocument
		}
		return []LedgerEvent{Answered{c.Suspicion, c.Document}}, nil

	case Dismiss:
		if x, ok := s.Suspicion(c.Suspicion); ok && x.Dismissed {
			return nil, nil
		}
		if _, err := s.open(c.Suspicion); err != nil {
			return nil, err
		}
		if c.Reason == "" {
			return nil, ErrReason
		}
		return []LedgerEvent{Dismissed{c.Suspicion, c.Reason}}, nil

	case Confirm:
		if x, ok := s.Suspicion(c.Suspicion); ok && x.Entry == c.Entry && c.Entry != uuid.Nil {
			return nil, nil
		}
		x, err := s.open(c.Suspicion)
		if err != nil {
			return nil, err
		}
		switch {
		case x.AnswerBy == "":
			return nil, ErrNotNotified
		case !x.Answered && today <= x.AnswerBy:
			return nil, ErrAnswerOpen.With(x.AnswerBy)
		case c.Officers[0] == "" || c.Officers[1] == "" || c.Officers[0] == c.Officers[1]:
			return nil, ErrOfficers
		}
		if err := s.enter(c.Entry, c.Document, c.DecidedOn, today, c.Policy); err != nil {
			return nil, err
		}
		r, ok := c.Policy.Rule(x.Rule)
		switch {
		case !ok:
			return nil, ErrRuleUnknown.With(x.Rule, c.Policy.Version)
		case s.counted(func(e Entry) bool { return !e.Bonus && e.Fact == x.Fact }) > 0:
			return nil, ErrSameFact
		}
		e := Confirmed{Entry: c.Entry, Suspicion: c.Suspicion, Rule: r.Code, Policy: c.Policy.Version, Points: r.Points,
			Severity: r.Severity, GradeCeiling: r.GradeCeiling, Fact: x.Fact, Document: c.Document, DecidedOn: c.DecidedOn, Officers: c.Officers}
		since := c.DecidedOn.AddMonths(-c.Policy.EscalateMonths)
		before := s.counted(func(e Entry) bool {
			return !e.Bonus && e.Rule == r.Code && since < e.DecidedOn && e.DecidedOn <= c.DecidedOn
		})
		if before+1 >= c.Policy.EscalateNth {
			e.Severity = r.Severity.Next()
			e.Escalated = e.Severity != r.Severity
		}
		return []LedgerEvent{e}, nil

	case GrantBonus:
		if old, ok := s.Entry(c.Entry); ok && old.Bonus && old.Rule == c.Bonus && old.Fact == c.Fact && old.Document == c.Document && old.DecidedOn == c.DecidedOn {
			return nil, nil
		}
		if err := s.enter(c.Entry, c.Document, c.DecidedOn, today, c.Policy); err != nil {
			return nil, err
		}
		b, ok := c.Policy.Bonus(c.Bonus)
		switch {
		case !ok:
			return nil, ErrRuleUnknown.With(c.Bonus, c.Policy.Version)
		case c.Fact == "":
			return nil, ErrFactNeeded
		case s.counted(func(e Entry) bool { return e.Bonus && e.Rule == c.Bonus && e.Fact == c.Fact }) > 0:
			return nil, ErrSameFact
		}
		return []LedgerEvent{BonusGranted{c.Entry, b.Code, c.Policy.Version, b.Points, c.Fact, c.Document, c.DecidedOn}}, nil

	case Repair:
		e, ok := s.Entry(c.Entry)
		first := e.DecidedOn.AddMonths(c.Policy.Severities[e.Severity].MinMonths)
		switch {
		case !ok:
			return nil, ErrEntryUnknown
		case e.Bonus:
			return nil, ErrRepairBonus
		case e.RevokedOn != "":
			return nil, ErrEntryRevoked
		case e.RepairedOn != "":
			return nil, nil
		case e.Policy != c.Policy.Version:
			return nil, ErrPolicyOther.With(e.Policy)
		case c.Document == "":
			return nil, ErrDocument
		case !c.RepairedOn.Valid() || c.RepairedOn > today:
			return nil, ErrDay.With(c.RepairedOn)
		case c.RepairedOn < first:
			return nil, ErrRepairEarly.With(first)
		}
		return []LedgerEvent{Repaired{c.Entry, c.Document, c.RepairedOn}}, nil

	case Revoke:
		e, ok := s.Entry(c.Entry)
		switch {
		case !ok:
			return nil, ErrEntryUnknown
		case e.RevokedOn != "":
			return nil, nil
		case c.Document == "":
			return nil, ErrDocument
		case c.Reason == "":
			return nil, ErrReason
		case !c.RevokedOn.Valid() || c.RevokedOn > today:
			return nil, ErrDay.With(c.RevokedOn)
		case c.RevokedOn < e.DecidedOn:
			return nil, ErrDayOrder.With(e.DecidedOn)
		}
		return []LedgerEvent{Revoked{c.Entry, c.Document, c.Reason, c.RevokedOn}}, nil
	}
	panic("unreachable: LedgerCommand is sealed")
}

// open finds a suspicion that can still go either way.
func (s LedgerState) open(id uuid.UUID) (Suspicion, error) {
	x, ok := s.Suspicion(id)
	switch {
	case id == uuid.Nil:
		return x, ErrRefNeeded
	case !ok:
		return x, ErrSuspicionUnknown
	case !x.Open():
		return x, ErrSuspicionClosed
	}
	return x, nil
}

// enter checks what every new entry needs.
func (s LedgerState) enter(id uuid.UUID, document string, on, today domain.Date, p PolicyVersion) error {
	switch {
	case id == uuid.Nil:
		return ErrRefNeeded
	case s.entry(id) >= 0:
		return ErrEntryExists
	case document == "":
		return ErrDocument
	case !on.Valid() || on > today:
		return ErrDay.With(on)
	case p.Version == "" || on < p.EffectiveFrom:
		return ErrPolicyNotInForce.With(p.Version, on)
	}
	return nil
}

// counted is the number of entries that are not revoked and are such.
func (s LedgerState) counted(such func(Entry) bool) int {
	n := 0
	for _, e := range s.Entries {
		if e.RevokedOn == "" && such(e) {
			n++
		}
	}
	return n
}

func evolveLedger(s LedgerState, e LedgerEvent) LedgerState {
	suspicion := func(id uuid.UUID, change func(*Suspicion)) {
		if i := s.suspicion(id); i >= 0 {
			s.Suspicions = slices.Clone(s.Suspicions)
			change(&s.Suspicions[i])
		}
	}
	entry := func(id uuid.UUID, change func(*Entry)) {
		if i := s.entry(id); i >= 0 {
			s.Entries = slices.Clone(s.Entries)
			change(&s.Entries[i])
		}
	}
	switch e := e.(type) {
	case Suspected:
		s.Suspicions = append(slices.Clip(s.Suspicions), Suspicion{Suspected: e})
	case Notified:
		suspicion(e.Suspicion, func(x *Suspicion) { x.AnswerBy = e.AnswerBy })
	case Answered:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Answered = true })
	case Dismissed:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Dismissed = true })
	case Confirmed:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Entry = e.Entry })
		s.Entries = append(slices.Clip(s.Entries), Entry{ID: e.Entry, Rule: e.Rule, Policy: e.Policy, Points: e.Points,
			Severity: e.Severity, Escalated: e.Escalated, GradeCeiling: e.GradeCeiling, Fact: e.Fact, Document: e.Document, DecidedOn: e.DecidedOn})
	case BonusGranted:
		s.Entries = append(slices.Clip(s.Entries), Entry{ID: e.Entry, Bonus: true, Rule: e.Rule, Policy: e.Policy, Points: e.Points,
			Fact: e.Fact, Document: e.Document, DecidedOn: e.DecidedOn})
	case Repaired:
		entry(e.Entry, func(x *Entry) { x.RepairedOn = e.RepairedOn })
	case Revoked:
		entry(e.Entry, func(x *Entry) { x.RevokedOn = e.RevokedOn })
	}
	return s
}
