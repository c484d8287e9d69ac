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
	AnswerBy domain.Date // empty: not notified
	Answered bool
	Closed   bool // dismissed or confirmed
}

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

func decideLedger(s LedgerState, cmd LedgerCommand) ([]LedgerEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	return nil, nil
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
		suspicion(e.Suspicion, func(x *Suspicion) { x.Closed = true })
	case Confirmed:
		suspicion(e.Suspicion, func(x *Suspicion) { x.Closed = true })
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
