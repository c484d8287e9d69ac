package oversight

import (
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// ComplaintCategory is the first part of the stream name of a complaint; its id
// follows from the code by which the complainant follows it, under a secret key:
// whoever has only the log learns no code.
const ComplaintCategory = "complaint"

// ComplaintEvent is a fact about one complaint.
type ComplaintEvent interface{ complaintEvent() }

type (
	// ComplaintFiled took a complaint, of whoever and about whichever line of a
	// price list. It begins the terms of the authority.
	ComplaintFiled struct {
		Institution domain.CreditCode `json:"institution"`
		// Item is the line of the price list that it is about, if one.
		Item string `json:"item,omitzero"`
		// Case is the business that it is about, where the code was given by which
		// the family follows it.
		Case uuid.UUID `json:"case,omitzero"`
		// Text is what was said, Contact where an answer reaches whoever said it.
		// Both are the complainant's; Contact may be missing.
		Text          domain.Private[string] `json:"text"`
		Contact       domain.Private[string] `json:"contact,omitzero"`
		FiledOn       domain.Date            `json:"filed_on"`
		AcknowledgeBy domain.Date            `json:"acknowledge_by"`
		DecideBy      domain.Date            `json:"decide_by"`
	}
	// ComplaintAcknowledged says that an officer has taken it up.
	ComplaintAcknowledged struct{}
	// ComplaintForwarded asked the institution, and fixed the day until which it
	// answers.
	ComplaintForwarded struct {
		AnswerBy domain.Date `json:"answer_by"`
	}
	// ComplaintAnswered is the institution's word. It is told to the complainant,
	// and sealed as theirs.
	ComplaintAnswered struct {
		Answer domain.Private[string] `json:"answer"`
	}
	// ComplaintDecided is the authority's finding.
	ComplaintDecided struct {
		Upheld    bool        `json:"upheld"`
		Document  string      `json:"document"`
		DecidedOn domain.Date `json:"decided_on"`
		// Finding is what the complainant is told beside the document's number.
		Finding domain.Private[string] `json:"finding,omitzero"`
	}
	// ComplaintClosed ended it.
	ComplaintClosed struct {
		How ClosedHow `json:"how"`
		// Reason says why there was no decision. It names nobody.
		Reason string `json:"reason,omitzero"`
	}
	// ComplaintMissed says that a term has passed.
	ComplaintMissed struct {
		Step      Step        `json:"step"`
		By        domain.Date `json:"by"`
		Authority bool        `json:"authority,omitzero"`
	}
)

func (ComplaintFiled) complaintEvent()        {}
func (ComplaintAcknowledged) complaintEvent() {}
func (ComplaintForwarded) complaintEvent()    {}
func (ComplaintAnswered) complaintEvent()     {}
func (ComplaintDecided) complaintEvent()      {}
func (ComplaintClosed) complaintEvent()       {}
func (ComplaintMissed) complaintEvent()       {}

// A ClosedHow is how a complaint ended.
type ClosedHow string

// The ways in which a complaint ends.
const (
	AfterDecision ClosedHow = "DECIDED"
	Withdrawn     ClosedHow = "WITHDRAWN"     // by whoever complained
	NotCompetent  ClosedHow = "NOT_COMPETENT" // handed to another authority
	SameAsOther   ClosedHow = "SAME_AS_OTHER" // complained of before
)

// ClosedHows lists them all.
var ClosedHows = []ClosedHow{AfterDecision, Withdrawn, NotCompetent, SameAsOther}

// ComplaintCommand asks one complaint for something.
type ComplaintCommand interface {
	domain.Command
	complaintCommand()
}

type (
	// FileComplaint takes a complaint.
	FileComplaint struct {
		domain.Act
		Institution   domain.CreditCode
		Item          string
		Case          uuid.UUID
		Text, Contact domain.Private[string]
		// Known is the fact that there is such an institution, ItemKnown that Item
		// is a line of its list (or empty).
		Known, ItemKnown bool
		// AcknowledgeDays and DecideDays are the parameters in force, working days.
		AcknowledgeDays, DecideDays int
	}
	// AcknowledgeComplaint takes it up.
	AcknowledgeComplaint struct{ domain.Act }
	// ForwardComplaint asks the institution.
	ForwardComplaint struct {
		domain.Act
		AnswerDays int // parameter, working days
	}
	// AnswerComplaint is the institution's word.
	AnswerComplaint struct {
		domain.Act
		Answer domain.Private[string]
	}
	// DecideComplaint is the authority's finding.
	DecideComplaint struct {
		domain.Act
		Upheld    bool
		Document  string
		DecidedOn domain.Date
		Finding   domain.Private[string]
	}
	// CloseComplaint ends it.
	CloseComplaint struct {
		domain.Act
		How    ClosedHow
		Reason string
	}
	// MissComplaint notes that a term has passed.
	MissComplaint struct {
		domain.Act
		Step Step
	}
)

func (FileComplaint) complaintCommand()        {}
func (AcknowledgeComplaint) complaintCommand() {}
func (ForwardComplaint) complaintCommand()     {}
func (AnswerComplaint) complaintCommand()      {}
func (DecideComplaint) complaintCommand()      {}
func (CloseComplaint) complaintCommand()       {}
func (MissComplaint) complaintCommand()        {}

// ComplaintState is one complaint.
type ComplaintState struct {
	Filed        ComplaintFiled
	Acknowledged bool
	AnswerBy     domain.Date // empty: the institution was not asked
	Answer       *ComplaintAnswered
	Decided      *ComplaintDecided
	Closed       *ComplaintClosed
	Missed       []ComplaintMissed
}

// Exists says that it was filed.
func (s ComplaintState) Exists() bool { return s.Filed.Institution != "" }

// Duties are the terms that run.
func (s ComplaintState) Duties() (ds []Duty) {
	if !s.Exists() || s.Closed != nil || s.Decided != nil {
		return nil
	}
	if !s.Acknowledged {
		ds = append(ds, Duty{Acknowledge, s.Filed.AcknowledgeBy, true})
	}
	if s.AnswerBy != "" && s.Answer == nil {
		ds = append(ds, Duty{Answer, s.AnswerBy, false})
	}
	return append(ds, Duty{Decide, s.Filed.DecideBy, true})
}

// Complaint decides over one complaint.
var Complaint = domain.Decider[ComplaintState, ComplaintCommand, ComplaintEvent]{Decide: decideComplaint, Evolve: evolveComplaint}

// The rejections of complaints.
var (
	ErrComplaintAbout    = domain.Reject("complaint_institution_unknown", "请选择投诉的机构。", "Please choose the institution that this is about.")
	ErrComplaintItem     = domain.Reject("complaint_item_unknown", "该机构的价格表上没有这个项目。", "The institution's price list has no such line.")
	ErrComplaintText     = domain.Reject("complaint_text_needed", "请写明发生了什么。", "Please say what happened.")
	ErrComplaintExists   = domain.Reject("complaint_filed", "这个编号已经用于另一件投诉。", "This reference is used for another complaint.")
	ErrComplaintUnknown  = domain.Reject("complaint_unknown", "没有这件投诉。", "There is no such complaint.")
	ErrComplaintEnded    = domain.Reject("complaint_ended", "这件投诉已经办结。", "This complaint is closed.")
	ErrComplaintDecided  = domain.Reject("complaint_decided", "这件投诉已经作出处理决定。", "This complaint has been decided.")
	ErrNotForwarded      = domain.Reject("complaint_not_forwarded", "还没有转给机构答复。", "The institution has not been asked yet.")
	ErrComplaintAnswered = domain.Reject("complaint_answered", "机构已经答复。", "The institution has answered.")
	ErrAnswerNeeded      = domain.Reject("complaint_answer_needed", "请写明答复内容。", "Please write the answer.")
	ErrAnswerRuns        = domain.Reject("complaint_answer_runs", "机构的答复期到 %s 为止，期满或收到答复后再作决定。", "The institution may answer until %s; please decide after that, or after its answer.")
	ErrNotDecided        = domain.Reject("complaint_not_decided", "还没有作出处理决定；不作决定就办结的，请写明原因。", "It is not decided; what is closed without a decision needs its reason.")
	ErrClosedHow         = domain.Reject("complaint_close_invalid", "请选择办结方式。", "Please choose how it ends.")
)

func decideComplaint(s ComplaintState, cmd ComplaintCommand) ([]ComplaintEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	if c, ok := cmd.(FileComplaint); ok {
		return s.file(c, today)
	}
	if !s.Exists() {
		return nil, ErrComplaintUnknown
	}
	if c, ok := cmd.(CloseComplaint); ok {
		return s.close(c)
	}
	switch c := cmd.(type) {
	case DecideComplaint:
		return s.decideOn(c, today)
	case MissComplaint:
		if slices.ContainsFunc(s.Missed, func(m ComplaintMissed) bool { return m.Step == c.Step }) {
			return nil, nil
		}
		d, err := missed(s.Duties(), c.Step, today)
		if err != nil {
			return nil, err
		}
		return []ComplaintEvent{ComplaintMissed(d)}, nil
	case AcknowledgeComplaint:
		switch {
		case s.Acknowledged:
			return nil, nil
		case s.Closed != nil:
			return nil, ErrComplaintEnded
		}
		return []ComplaintEvent{ComplaintAcknowledged{}}, nil
	case ForwardComplaint:
		switch {
		case s.AnswerBy != "":
			return nil, nil
		case s.Closed != nil:
			return nil, ErrComplaintEnded
		case s.Decided != nil:
			return nil, ErrComplaintDecided
		case c.AnswerDays < 1:
			return nil, ErrTerms
		}
		var es []ComplaintEvent
		if !s.Acknowledged { // who asks the institution has taken it up
			es = append(es, ComplaintAcknowledged{})
		}
		return append(es, ComplaintForwarded{today.AddWorkingDays(c.AnswerDays)}), nil
	case AnswerComplaint:
		switch {
		case s.Answer != nil && s.Answer.Answer == c.Answer:
			return nil, nil
		case s.Closed != nil:
			return nil, ErrComplaintEnded
		case s.AnswerBy == "":
			return nil, ErrNotForwarded
		case s.Answer != nil:
			return nil, ErrComplaintAnswered
		case s.Decided != nil:
			return nil, ErrComplaintDecided
		}
		if err := sealed(c.Answer, ErrAnswerNeeded); err != nil {
			return nil, err
		}
		return []ComplaintEvent{ComplaintAnswered{c.Answer}}, nil
	}
	panic("unreachable: sealed interface")
}

func (s ComplaintState) file(c FileComplaint, today domain.Date) ([]ComplaintEvent, error) {
	e := ComplaintFiled{Institution: c.Institution, Item: c.Item, Case: c.Case, Text: c.Text, Contact: c.Contact, FiledOn: today,
		AcknowledgeBy: today.AddWorkingDays(c.AcknowledgeDays), DecideBy: today.AddWorkingDays(c.DecideDays)}
	if s.Exists() {
		if have := s.Filed; have.Institution == e.Institution && have.Item == e.Item && have.Case == e.Case && have.Text == e.Text && have.Contact == e.Contact {
			return nil, nil
		}
		return nil, ErrComplaintExists
	}
	if err := sealed(c.Text, ErrComplaintText); err != nil {
		return nil, err
	}
	if !c.Contact.IsZero() {
		if err := sealed(c.Contact, ErrComplaintText); err != nil {
			return nil, err
		}
	}
	switch {
	case !c.Known:
		return nil, ErrComplaintAbout
	case c.Item != "" && !c.ItemKnown:
		return nil, ErrComplaintItem
	case c.AcknowledgeDays < 1 || c.DecideDays < 1:
		return nil, ErrTerms
	}
	return []ComplaintEvent{e}, nil
}

func (s ComplaintState) decideOn(c DecideComplaint, today domain.Date) ([]ComplaintEvent, error) {
	doc, err := line(c.Document, ErrDocument)
	e := ComplaintDecided{c.Upheld, doc, c.DecidedOn, c.Finding}
	switch {
	case s.Decided != nil && err == nil && *s.Decided == e:
		return nil, nil
	case s.Closed != nil:
		return nil, ErrComplaintEnded
	case s.Decided != nil:
		return nil, ErrComplaintDecided
	case s.AnswerBy == "":
		return nil, ErrNotForwarded
	case s.Answer == nil && today <= s.AnswerBy:
		return nil, ErrAnswerRuns.With(s.AnswerBy)
	case err != nil:
		return nil, err
	case !c.DecidedOn.Valid() || c.DecidedOn > today || c.DecidedOn < s.Filed.FiledOn:
		return nil, ErrDay.With(c.DecidedOn)
	}
	if !c.Finding.IsZero() {
		if err := sealed(c.Finding, ErrReason); err != nil {
			return nil, err
		}
	}
	return []ComplaintEvent{e}, nil
}

func (s ComplaintState) close(c CloseComplaint) ([]ComplaintEvent, error) {
	e := ComplaintClosed{How: c.How}
	switch {
	case s.Closed != nil && s.Closed.How == c.How && (c.How == AfterDecision || s.Closed.Reason == c.Reason):
		return nil, nil
	case s.Closed != nil:
		return nil, ErrComplaintEnded
	case !slices.Contains(ClosedHows, c.How):
		return nil, ErrClosedHow
	case c.How == AfterDecision && s.Decided == nil:
		return nil, ErrNotDecided
	case c.How != AfterDecision && s.Decided != nil:
		return nil, ErrComplaintDecided
	}
	if c.How != AfterDecision {
		var err error
		if e.Reason, err = line(c.Reason, ErrReason); err != nil {
			return nil, err
		}
	}
	return []ComplaintEvent{e}, nil
}

func evolveComplaint(s ComplaintState, e ComplaintEvent) ComplaintState {
	switch e := e.(type) {
	case ComplaintFiled:
		s.Filed = e
	case ComplaintAcknowledged:
		s.Acknowledged = true
	case ComplaintForwarded:
		s.AnswerBy = e.AnswerBy
	case ComplaintAnswered:
		s.Answer = &e
	case ComplaintDecided:
		s.Decided = &e
	case ComplaintClosed:
		s.Closed = &e
	case ComplaintMissed:
		s.Missed = append(slices.Clip(s.Missed), e)
	}
	return s
}
