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
	// ConfirmationProposed is one officer's decision, in force when a second one
	// confirms it. A later proposal takes its place.
	ConfirmationProposed struct {
		Suspicion uuid.UUID   `json:"suspicion"`
		Entry     uuid.UUID   `json:"entry"` // that it becomes
		Document  string      `json:"document"`
		DecidedOn domain.Date `json:"decided_on"`
		By        string      `json:"by"` // account
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
	// RepairTold is the notice that goes with a decision (两书同达): from when
	// repair may be asked for, and when publication and deduction end by
	// themselves. It is recorded together with Confirmed.
	RepairTold struct {
		Entry          uuid.UUID   `json:"entry"`
		RepairableFrom domain.Date `json:"repairable_from"`
		// PublicUntil is the first day without publication; empty: never published.
		PublicUntil domain.Date `json:"public_until,omitzero"`
		CountsUntil domain.Date `json:"counts_until"` // first day without the deduction
	}
	// Objected says that the institution disputes an entry, which is marked so
	// from then on.
	Objected struct {
		Objection uuid.UUID   `json:"objection"`
		Entry     uuid.UUID   `json:"entry"`
		Document  string      `json:"document"`
		FiledOn   domain.Date `json:"filed_on"`
		DecideBy  domain.Date `json:"decide_by"`
	}
	// ObjectionExtended gives the authority more time, because another body must
	// check.
	ObjectionExtended struct {
		Objection uuid.UUID   `json:"objection"`
		Reason    string      `json:"reason"`
		DecideBy  domain.Date `json:"decide_by"`
	}
	// ObjectionDecided ends an objection. One that is accepted revokes the entry
	// in the same breath.
	ObjectionDecided struct {
		Objection uuid.UUID   `json:"objection"`
		Accepted  bool        `json:"accepted,omitzero"`
		Document  string      `json:"document"`
		Reason    string      `json:"reason"`
		DecidedOn domain.Date `json:"decided_on"`
	}
	// RepairRequested says that the institution asked for repair.
	RepairRequested struct {
		Entry    uuid.UUID   `json:"entry"`
		Document string      `json:"document"`
		FiledOn  domain.Date `json:"filed_on"`
		DecideBy domain.Date `json:"decide_by"`
	}
	// RepairRefused answers a request with no. Another one may follow.
	RepairRefused struct {
		Entry     uuid.UUID   `json:"entry"`
		Document  string      `json:"document"`
		Reason    string      `json:"reason"`
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

func (Suspected) ledgerEvent()            {}
func (Notified) ledgerEvent()             {}
func (Answered) ledgerEvent()             {}
func (Dismissed) ledgerEvent()            {}
func (ConfirmationProposed) ledgerEvent() {}
func (Confirmed) ledgerEvent()            {}
func (RepairTold) ledgerEvent()           {}
func (Objected) ledgerEvent()             {}
func (ObjectionExtended) ledgerEvent()    {}
func (ObjectionDecided) ledgerEvent()     {}
func (BonusGranted) ledgerEvent()         {}
func (RepairRequested) ledgerEvent()      {}
func (RepairRefused) ledgerEvent()        {}
func (Repaired) ledgerEvent()             {}
func (Revoked) ledgerEvent()              {}

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
	// ProposeConfirmation is the first officer's decision. It changes nothing yet.
	ProposeConfirmation struct {
		domain.Act
		Entry     uuid.UUID
		Suspicion uuid.UUID
		Document  string
		DecidedOn domain.Date
		// Policy is the fact what the version in force on DecidedOn says.
		Policy PolicyVersion
	}
	// Confirm is the second officer's, and makes a suspicion the entry that was
	// proposed.
	Confirm struct {
		domain.Act
		Suspicion uuid.UUID
		// Policy is the fact what the version in force on the day that the proposal
		// names says.
		Policy PolicyVersion
	}
	// Object disputes an entry.
	Object struct {
		domain.Act
		Objection uuid.UUID
		Entry     uuid.UUID
		Document  string
		FiledOn   domain.Date // when it came in
	}
	// ExtendObjection gives the authority more time, once.
	ExtendObjection struct {
		domain.Act
		Objection uuid.UUID
		Reason    string // never about a person
	}
	// DecideObjection ends an objection.
	DecideObjection struct {
		domain.Act
		Objection uuid.UUID
		Accepted  bool
		Document  string
		Reason    string // never about a person
		DecidedOn domain.Date
	}
	// RequestRepair notes that the institution asked for repair.
	RequestRepair struct {
		domain.Act
		Entry    uuid.UUID
		Document string
		FiledOn  domain.Date
		Policy   PolicyVersion // fact: the version that the entry names
	}
	// RefuseRepair answers a request with no.
	RefuseRepair struct {
		domain.Act
		Entry     uuid.UUID
		Document  string
		Reason    string // never about a person
		DecidedOn domain.Date
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

func (Suspect) ledgerCommand()             {}
func (Notify) ledgerCommand()              {}
func (Answer) ledgerCommand()              {}
func (Dismiss) ledgerCommand()             {}
func (ProposeConfirmation) ledgerCommand() {}
func (Confirm) ledgerCommand()             {}
func (Object) ledgerCommand()              {}
func (ExtendObjection) ledgerCommand()     {}
func (DecideObjection) ledgerCommand()     {}
func (GrantBonus) ledgerCommand()          {}
func (RequestRepair) ledgerCommand()       {}
func (RefuseRepair) ledgerCommand()        {}
func (Repair) ledgerCommand()              {}
func (Revoke) ledgerCommand()              {}

// A Suspicion is one open or closed suspicion.
type Suspicion struct {
	Suspected
	AnswerBy  domain.Date // empty: not notified
	Answered  bool
	Dismissed bool
	Proposed  ConfirmationProposed // zero: nobody has proposed to confirm it
	Entry     uuid.UUID            // what it was confirmed as; uuid.Nil: not confirmed
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
	RepairBy     domain.Date // until when a request for repair is to be decided; empty: none is open
	RepairedOn   domain.Date // empty: not repaired
	RevokedOn    domain.Date // empty: not revoked
}

// An Objection is one that was filed.
type Objection struct {
	Objected // DecideBy as it was extended
	Extended bool
	Decided  bool
}

// LedgerState is one institution's ledger.
type LedgerState struct {
	Suspicions []Suspicion
	Entries    []Entry
	Objections []Objection
}

// Objection finds an objection.
func (s LedgerState) Objection(id uuid.UUID) (Objection, bool) {
	if i := s.objection(id); i >= 0 {
		return s.Objections[i], true
	}
	return Objection{}, false
}

func (s LedgerState) objection(id uuid.UUID) int {
	return slices.IndexFunc(s.Objections, func(x Objection) bool { return x.Objection == id })
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

// What the authority has to keep, in working days where nothing else is said;
// public holidays are not taken off, so that a day named here is never too late.
const (
	PublishDays        = 7  // 双公示：自决定之日起 7 个工作日内
	TakeDownDays       = 3  // calendar days: 行政处罚法, a penalty that was revoked is taken down
	MarkDays           = 1  // an objection is marked; 上海市社会信用条例, Dalian's own not found
	ObjectionDays      = 5  // and decided; the same
	ObjectionDaysOther = 7  // in all, when another body must check; the same
	RepairDays         = 10 // a request for repair is decided; a proposal of ours ([P])
)

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
	// ErrNotProposed refuses to confirm what nobody has decided.
	ErrNotProposed = domain.Reject("credit_not_proposed", "还没有人提出认定：先由一名工作人员写明文书和日期，再由另一名确认。",
		"Nobody has proposed to confirm it: one officer names document and day first, another confirms.").Under("I17", "")
	// ErrObjectionUnknown refuses to go on with what was never filed.
	ErrObjectionUnknown = domain.Reject("credit_objection_unknown", "没有登记过这项异议。", "There is no such objection.")
	// ErrObjectionExists refuses another objection under the same reference.
	ErrObjectionExists = domain.Reject("credit_objection_exists", "这个异议编号已经用于另一件事。", "This objection reference is used for something else.")
	// ErrObjectionOpen refuses a second objection while one is open.
	ErrObjectionOpen = domain.Reject("credit_objection_open", "这条记录的异议正在办理，%s 之前答复。", "An objection to this entry is open and will be answered by %s.")
	// ErrObjectionClosed refuses to decide an objection again.
	ErrObjectionClosed = domain.Reject("credit_objection_closed", "这项异议已经办结。", "This objection is closed.")
	// ErrObjectionBonus refuses an objection to points on top.
	ErrObjectionBonus = domain.Reject("credit_objection_bonus", "异议针对扣分记录提出。", "Objections are to deductions.")
	// ErrExtended refuses more time a second time, or after it ran out.
	ErrExtended = domain.Reject("credit_objection_extended", "办理期限只能延长一次，并且要在到期之前。", "The time can be extended once, and before it runs out.")
	// ErrRepairOpen refuses a second request while one is open.
	ErrRepairOpen = domain.Reject("credit_repair_open", "修复申请正在办理，%s 之前办结。", "A request for repair is open and will be decided by %s.")
	// ErrRepairNotAsked refuses to answer what nobody asked.
	ErrRepairNotAsked = domain.Reject("credit_repair_not_requested", "没有正在办理的修复申请。", "No request for repair is open.")
	// ErrRepairDone refuses to ask for what has been granted.
	ErrRepairDone = domain.Reject("credit_repaired", "这条记录已经修复。", "This entry is repaired.")
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
		case s.counted(func(e Entry) bool { return !e.Bonus && e.Rule == c.Rule && e.Fact == c.Fact }) > 0:
			return nil, ErrSameFact
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
		first := today.AddWorkingDays(AnswerDays) // from the record: a notice of an earlier day leaves no less time
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

	case ProposeConfirmation:
		x, err := s.open(c.Suspicion)
		if err != nil {
			return nil, err
		}
		e := ConfirmationProposed{c.Suspicion, c.Entry, c.Document, c.DecidedOn, c.By}
		if x.Proposed == e {
			return nil, nil
		}
		if _, err := s.confirmed(x, e, c.Policy, today); err != nil {
			return nil, err
		}
		return []LedgerEvent{e}, nil

	case Confirm:
		if x, ok := s.Suspicion(c.Suspicion); ok && x.Entry != uuid.Nil {
			return nil, nil
		}
		x, err := s.open(c.Suspicion)
		switch {
		case err != nil:
			return nil, err
		case x.AnswerBy == "":
			return nil, ErrNotNotified
		case x.Proposed.Entry == uuid.Nil:
			return nil, ErrNotProposed
		case x.Proposed.By == c.By:
			return nil, ErrOfficers
		}
		e, err := s.confirmed(x, x.Proposed, c.Policy, today)
		if err != nil {
			return nil, err
		}
		e.Officers[1] = c.By
		return []LedgerEvent{e, c.Policy.told(e)}, nil

	case Object:
		e, ok := s.Entry(c.Entry)
		if old, known := s.Objection(c.Objection); known {
			if old.Entry == c.Entry && old.Document == c.Document && old.FiledOn == c.FiledOn {
				return nil, nil
			}
			return nil, ErrObjectionExists
		}
		switch {
		case c.Objection == uuid.Nil:
			return nil, ErrRefNeeded
		case !ok:
			return nil, ErrEntryUnknown
		case e.Bonus:
			return nil, ErrObjectionBonus
		case e.RevokedOn != "":
			return nil, ErrEntryRevoked
		case c.Document == "":
			return nil, ErrDocument
		case !c.FiledOn.Valid() || c.FiledOn > today:
			return nil, ErrDay.With(c.FiledOn)
		case c.FiledOn < e.DecidedOn:
			return nil, ErrDayOrder.With(e.DecidedOn)
		}
		for _, o := range s.Objections {
			if o.Entry == c.Entry && !o.Decided {
				return nil, ErrObjectionOpen.With(o.DecideBy)
			}
		}
		return []LedgerEvent{Objected{c.Objection, c.Entry, c.Document, c.FiledOn, c.FiledOn.AddWorkingDays(ObjectionDays)}}, nil

	case ExtendObjection:
		o, err := s.disputed(c.Objection)
		switch {
		case err != nil:
			return nil, err
		case c.Reason == "":
			return nil, ErrReason
		case o.Extended || today > o.DecideBy:
			return nil, ErrExtended
		}
		return []LedgerEvent{ObjectionExtended{c.Objection, c.Reason, o.FiledOn.AddWorkingDays(ObjectionDaysOther)}}, nil

	case DecideObjection:
		o, err := s.disputed(c.Objection)
		switch {
		case err != nil:
			return nil, err
		case c.Document == "":
			return nil, ErrDocument
		case c.Reason == "":
			return nil, ErrReason
		case !c.DecidedOn.Valid() || c.DecidedOn > today:
			return nil, ErrDay.With(c.DecidedOn)
		case c.DecidedOn < o.FiledOn:
			return nil, ErrDayOrder.With(o.FiledOn)
		}
		es := []LedgerEvent{ObjectionDecided{c.Objection, c.Accepted, c.Document, c.Reason, c.DecidedOn}}
		if e, _ := s.Entry(o.Entry); c.Accepted && e.RevokedOn == "" {
			es = append(es, Revoked{o.Entry, c.Document, c.Reason, c.DecidedOn})
		}
		return es, nil

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

	case RequestRepair:
		e, err := s.repairable(c.Entry, c.Policy, c.FiledOn)
		switch {
		case err != nil:
			return nil, err
		case e.RepairedOn != "":
			return nil, ErrRepairDone
		case e.RepairBy != "":
			return nil, ErrRepairOpen.With(e.RepairBy)
		case c.Document == "":
			return nil, ErrDocument
		case !c.FiledOn.Valid() || c.FiledOn > today:
			return nil, ErrDay.With(c.FiledOn)
		}
		return []LedgerEvent{RepairRequested{c.Entry, c.Document, c.FiledOn, c.FiledOn.AddWorkingDays(RepairDays)}}, nil

	case RefuseRepair:
		e, ok := s.Entry(c.Entry)
		switch {
		case !ok:
			return nil, ErrEntryUnknown
		case e.RepairBy == "":
			return nil, ErrRepairNotAsked
		case c.Document == "":
			return nil, ErrDocument
		case c.Reason == "":
			return nil, ErrReason
		case !c.DecidedOn.Valid() || c.DecidedOn > today:
			return nil, ErrDay.With(c.DecidedOn)
		}
		return []LedgerEvent{RepairRefused{c.Entry, c.Document, c.Reason, c.DecidedOn}}, nil

	case Repair:
		e, err := s.repairable(c.Entry, c.Policy, c.RepairedOn)
		switch {
		case e.RepairedOn != "" && e.RevokedOn == "":
			return nil, nil
		case err != nil:
			return nil, err
		case c.Document == "":
			return nil, ErrDocument
		case !c.RepairedOn.Valid() || c.RepairedOn > today:
			return nil, ErrDay.With(c.RepairedOn)
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

// disputed finds an objection that is still to be decided.
func (s LedgerState) disputed(id uuid.UUID) (Objection, error) {
	o, ok := s.Objection(id)
	switch {
	case id == uuid.Nil:
		return o, ErrRefNeeded
	case !ok:
		return o, ErrObjectionUnknown
	case o.Decided:
		return o, ErrObjectionClosed
	}
	return o, nil
}

// repairable finds a deduction that may be repaired on a day, p being the
// version that it names.
func (s LedgerState) repairable(id uuid.UUID, p PolicyVersion, on domain.Date) (Entry, error) {
	e, ok := s.Entry(id)
	switch {
	case !ok:
		return e, ErrEntryUnknown
	case e.Bonus:
		return e, ErrRepairBonus
	case e.RevokedOn != "":
		return e, ErrEntryRevoked
	case e.Policy != p.Version:
		return e, ErrPolicyOther.With(e.Policy)
	case on.Valid() && on < e.RepairableFrom(p):
		return e, ErrRepairEarly.With(e.RepairableFrom(p))
	}
	return e, nil
}

// confirmed is the entry that a suspicion becomes by a proposal, under the
// policy of the day that it names. The second officer is still missing.
//
// One fact counts once: where it is entered already, under another rule or as
// a penalty, only a heavier rule may follow, and the heaviest alone counts
// (Score).
func (s LedgerState) confirmed(x Suspicion, d ConfirmationProposed, p PolicyVersion, today domain.Date) (Confirmed, error) {
	switch {
	case x.AnswerBy == "":
		return Confirmed{}, ErrNotNotified
	case !x.Answered && today <= x.AnswerBy:
		return Confirmed{}, ErrAnswerOpen.With(x.AnswerBy)
	}
	if err := s.enter(d.Entry, d.Document, d.DecidedOn, today, p); err != nil {
		return Confirmed{}, err
	}
	r, ok := p.Rule(x.Rule)
	if !ok {
		return Confirmed{}, ErrRuleUnknown.With(x.Rule, p.Version)
	}
	e := Confirmed{Entry: d.Entry, Suspicion: d.Suspicion, Rule: r.Code, Policy: p.Version, Points: r.Points,
		Severity: r.Severity, GradeCeiling: r.GradeCeiling, Fact: x.Fact, Document: d.Document, DecidedOn: d.DecidedOn, Officers: [2]string{d.By}}
	e.Points, e.Severity = p.weigh(r, func(months int) int {
		since := d.DecidedOn.AddMonths(-months)
		return 1 + s.counted(func(e Entry) bool {
			return !e.Bonus && e.Rule == r.Code && since < e.DecidedOn && e.DecidedOn <= d.DecidedOn
		})
	})
	e.Escalated = e.Severity != r.Severity
	if s.counted(func(o Entry) bool { return !o.Bonus && o.Fact == x.Fact && o.Points >= e.Points }) > 0 {
		return Confirmed{}, ErrSameFact
	}
	return e, nil
}

// weigh is what a confirmation of r counts; nth says the how manieth it is of
// its rule within so many months.
func (p PolicyVersion) weigh(r Rule, nth func(months int) int) (points int, severity Severity) {
	points, severity = r.Points, r.Severity
	if nth(p.EscalateMonths) >= p.EscalateNth {
		severity = r.Severity.Next()
	}
	if again := r.Repeat; again.Nth > 0 && nth(again.Months) >= again.Nth {
		points, severity = again.Points, severity.or(again.Severity)
	}
	return points, severity
}

// told is the notice that goes with a decision.
func (p PolicyVersion) told(c Confirmed) RepairTold {
	e := Entry{ID: c.Entry, Rule: c.Rule, Policy: c.Policy, Severity: c.Severity, DecidedOn: c.DecidedOn}
	return RepairTold{c.Entry, e.RepairableFrom(p), Publication(e, p, c.DecidedOn).Until, e.Until(p)}
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
	objection := func(id uuid.UUID, change func(*Objection)) {
		if i := s.objection(id); i >= 0 {
			s.Objections = slices.Clone(s.Objections)
			change(&s.Objections[i])
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
	case ConfirmationProposed:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Proposed = e })
	case Objected:
		s.Objections = append(slices.Clip(s.Objections), Objection{Objected: e})
	case ObjectionExtended:
		objection(e.Objection, func(o *Objection) { o.Extended, o.DecideBy = true, e.DecideBy })
	case ObjectionDecided:
		objection(e.Objection, func(o *Objection) { o.Decided = true })
	case RepairRequested:
		entry(e.Entry, func(x *Entry) { x.RepairBy = e.DecideBy })
	case RepairRefused:
		entry(e.Entry, func(x *Entry) { x.RepairBy = "" })
	case Confirmed:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Entry = e.Entry })
		s.Entries = append(slices.Clip(s.Entries), Entry{ID: e.Entry, Rule: e.Rule, Policy: e.Policy, Points: e.Points,
			Severity: e.Severity, Escalated: e.Escalated, GradeCeiling: e.GradeCeiling, Fact: e.Fact, Document: e.Document, DecidedOn: e.DecidedOn})
	case BonusGranted:
		s.Entries = append(slices.Clip(s.Entries), Entry{ID: e.Entry, Bonus: true, Rule: e.Rule, Policy: e.Policy, Points: e.Points,
			Fact: e.Fact, Document: e.Document, DecidedOn: e.DecidedOn})
	case Repaired:
		entry(e.Entry, func(x *Entry) { x.RepairedOn, x.RepairBy = e.RepairedOn, "" })
	case Revoked:
		entry(e.Entry, func(x *Entry) { x.RevokedOn = e.RevokedOn })
	}
	return s
}
