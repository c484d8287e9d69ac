package oversight

import (
	"slices"

	"shenzhong/domain"
)

// PenaltyCategory is the first part of the stream name of a penalty; its id is a
// uuid.
const PenaltyCategory = "penalty"

// PenaltyEvent is a fact about one penalty.
type PenaltyEvent interface{ penaltyEvent() }

type (
	// PenaltyProposed is what two officers propose, on which facts and basis.
	PenaltyProposed struct {
		Institution domain.CreditCode `json:"institution"`
		Severity    PenaltySeverity   `json:"severity"`
		Kind        string            `json:"kind"` // "警告", "罚款"
		Amount      domain.Money      `json:"amount,omitzero"`
		Fact        string            `json:"fact"`
		Basis       string            `json:"basis"`
		// Officers are who proposes it, then who decides it with them.
		Officers [2]string `json:"officers"`
	}
	// PenaltyNotified told the institution of it, and until when it may make a
	// statement or ask for a hearing.
	PenaltyNotified struct {
		Document string      `json:"document"`
		HearBy   domain.Date `json:"hear_by"`
	}
	// PenaltyHeard is its statement or the record of the hearing.
	PenaltyHeard struct {
		Document string `json:"document"`
		Hearing  bool   `json:"hearing,omitzero"`
	}
	// PenaltyReviewed is the legal review (法制审核) by a third person.
	PenaltyReviewed struct {
		Reviewer string `json:"reviewer"`
		Approved bool   `json:"approved,omitzero"`
		Opinion  string `json:"opinion"`
	}
	// PenaltyDecided is the decision.
	PenaltyDecided struct {
		Document  string      `json:"document"`
		DecidedOn domain.Date `json:"decided_on"`
		PublishBy domain.Date `json:"publish_by"`
		// Published is the last day of publication, none for "".
		PublishedUntil domain.Date `json:"published_until,omitzero"`
	}
	// PenaltyServed handed the decision over. Publication begins with it.
	PenaltyServed struct {
		ServedOn domain.Date `json:"served_on"`
	}
	// PenaltyRepaired ended its publication before the time (信用修复).
	PenaltyRepaired struct {
		Document   string      `json:"document"`
		RepairedOn domain.Date `json:"repaired_on"`
	}
	// PenaltyRevoked struck it out.
	PenaltyRevoked struct {
		Document  string      `json:"document"`
		Reason    string      `json:"reason"`
		RevokedOn domain.Date `json:"revoked_on"`
	}
	// PenaltyMissed says that it was not served, and so not published, in time.
	PenaltyMissed struct {
		By domain.Date `json:"by"`
	}
)

func (PenaltyProposed) penaltyEvent() {}
func (PenaltyNotified) penaltyEvent() {}
func (PenaltyHeard) penaltyEvent()    {}
func (PenaltyReviewed) penaltyEvent() {}
func (PenaltyDecided) penaltyEvent()  {}
func (PenaltyServed) penaltyEvent()   {}
func (PenaltyRepaired) penaltyEvent() {}
func (PenaltyRevoked) penaltyEvent()  {}
func (PenaltyMissed) penaltyEvent()   {}

// A PenaltySeverity drives publication and repair.
type PenaltySeverity string

// The severities.
const (
	MinorPenalty   PenaltySeverity = "MINOR"
	GeneralPenalty PenaltySeverity = "GENERAL"
	SeverePenalty  PenaltySeverity = "SEVERE"
)

// PenaltySeverities lists them all.
var PenaltySeverities = []PenaltySeverity{MinorPenalty, GeneralPenalty, SeverePenalty}

// repairRules is the document that fixes how long a penalty is public.
const repairRules = "信用修复管理办法（2026-04-01 施行）"

// Months are the shortest and the longest time of publication, from the day of
// the decision. A minor penalty is normally not published.
func (p PenaltySeverity) Months() (least, most int) {
	switch p {
	case GeneralPenalty:
		return 3, 12
	case SeverePenalty:
		return 12, 36
	}
	return 0, 0
}

// PenaltyCommand asks one penalty for something.
type PenaltyCommand interface {
	domain.Command
	penaltyCommand()
}

type (
	// ProposePenalty begins the procedure.
	ProposePenalty struct {
		domain.Act
		PenaltyProposed
		Known bool // fact: there is such an institution
		// Stranger says that the second officer is no account of the authority.
		Stranger bool
	}
	// NotifyPenalty tells the institution.
	NotifyPenalty struct {
		domain.Act
		Document string
		HearDays int // parameter, working days
	}
	// HearPenalty records its statement or the hearing.
	HearPenalty struct {
		domain.Act
		Document string
		Hearing  bool
	}
	// ReviewPenalty is the legal review; the reviewer is Act.By.
	ReviewPenalty struct {
		domain.Act
		Approved bool
		Opinion  string
	}
	// DecidePenalty decides it; it is the second officer's, so that two accounts
	// stand for it.
	DecidePenalty struct {
		domain.Act
		Document    string
		DecidedOn   domain.Date
		PublishDays int // parameter, working days
	}
	// ServePenalty records that it was handed over.
	ServePenalty struct {
		domain.Act
		ServedOn domain.Date
	}
	// RepairPenalty ends its publication.
	RepairPenalty struct {
		domain.Act
		Document   string
		RepairedOn domain.Date
	}
	// RevokePenalty strikes it out.
	RevokePenalty struct {
		domain.Act
		Document, Reason string
		RevokedOn        domain.Date
	}
	// MissPenalty notes that the term of publication has passed.
	MissPenalty struct{ domain.Act }
)

func (ProposePenalty) penaltyCommand() {}
func (NotifyPenalty) penaltyCommand()  {}
func (HearPenalty) penaltyCommand()    {}
func (ReviewPenalty) penaltyCommand()  {}
func (DecidePenalty) penaltyCommand()  {}
func (ServePenalty) penaltyCommand()   {}
func (RepairPenalty) penaltyCommand()  {}
func (RevokePenalty) penaltyCommand()  {}
func (MissPenalty) penaltyCommand()    {}

// PenaltyState is one penalty.
type PenaltyState struct {
	Proposed PenaltyProposed
	Notified *PenaltyNotified
	Heard    *PenaltyHeard
	Reviewed *PenaltyReviewed // the last
	Decided  *PenaltyDecided
	Served   *PenaltyServed
	Repaired *PenaltyRepaired
	Revoked  *PenaltyRevoked
	Missed   []PenaltyMissed
}

// Exists says that it was proposed.
func (s PenaltyState) Exists() bool { return s.Proposed.Institution != "" }

// Public says whether the public may see it on a day. It follows from the
// events and the day alone: nobody starts it, and nobody ends it.
func (s PenaltyState) Public(on domain.Date) bool {
	return s.Decided != nil && s.Served != nil && s.Decided.PublishedUntil != "" && s.Served.ServedOn <= on && on <= s.Decided.PublishedUntil &&
		(s.Repaired == nil || on < s.Repaired.RepairedOn) && s.Revoked == nil
}

// Duties are the terms that run.
func (s PenaltyState) Duties() []Duty {
	if s.Decided == nil || s.Served != nil || s.Revoked != nil {
		return nil
	}
	return []Duty{{Publish, s.Decided.PublishBy, true}}
}

// Penalty decides over one penalty.
var Penalty = domain.Decider[PenaltyState, PenaltyCommand, PenaltyEvent]{Decide: decidePenalty, Evolve: evolvePenalty}

// The rejections of penalties.
var (
	ErrPenaltyIncomplete   = domain.Reject("penalty_incomplete", "请写明机构、种类、事实、依据和轻重等级。", "Please give institution, kind, fact, basis and severity.")
	ErrPenaltyOfficers     = domain.Reject("penalty_two_officers", "须由两名不同的执法人员承办。", "Two different officers take a penalty forward.")
	ErrPenaltyStranger     = domain.Reject("penalty_officer_unknown", "监管部门没有 %s 这个账号，请再看一遍第二名承办人员。", "The authority has no account %s; please look at the second officer again.")
	ErrPenaltyProposer     = domain.Reject("penalty_proposer", "由提出的人登记：第一名承办人员须是本人。", "Who proposes records it: the first officer is yourself.")
	ErrPenaltySecond       = domain.Reject("penalty_second_officer", "决定由第二名承办人员 %s 登记，不能由提出的人自己登记。", "The decision is recorded by the second officer, %s, not by who proposed it.")
	ErrPenaltyExists       = domain.Reject("penalty_proposed", "这个编号已经用于另一件处罚。", "This reference is used for another penalty.")
	ErrPenaltyUnknown      = domain.Reject("penalty_unknown", "没有这件处罚。", "There is no such penalty.")
	ErrPenaltyUnnotified   = domain.Reject("penalty_not_notified", "作出决定之前，须告知机构事实、理由、依据和陈述申辩、要求听证的权利。", "Before a decision the institution is told facts, reasons and basis, and its right to be heard.")
	ErrPenaltyHearing      = domain.Reject("penalty_hearing_open", "陈述申辩的期限到 %s 为止，期满或收到陈述后再作决定。", "The institution may be heard until %s; please decide after that, or after its statement.")
	ErrPenaltyThird        = domain.Reject("penalty_third_person", "法制审核须由承办人员以外的第三人进行。", "The legal review is made by a third person, neither of the two officers.").Under("", "法制审核制度")
	ErrPenaltyUnreviewed   = domain.Reject("penalty_not_reviewed", "没有通过法制审核，不能作出决定。", "Without an approving legal review there is no decision.").Under("", "法制审核制度")
	ErrPenaltyDecided      = domain.Reject("penalty_decided", "已经作出处罚决定。", "The penalty is decided.")
	ErrPenaltyUndecided    = domain.Reject("penalty_not_decided", "还没有作出处罚决定。", "The penalty is not decided.")
	ErrPenaltyServed       = domain.Reject("penalty_served", "决定已经送达。", "The decision has been served.")
	ErrPenaltyRepairEarly  = domain.Reject("penalty_repair_early", "最短公示期到 %s 届满，届满后可以修复。", "The shortest time of publication ends on %s; repair is possible from then on.").Under("", repairRules)
	ErrPenaltyUnpublished  = domain.Reject("penalty_not_published", "这件处罚没有公示，不需要修复。", "This penalty is not published and needs no repair.").Under("", repairRules)
	ErrPenaltyRepaired     = domain.Reject("penalty_repaired", "已经修复。", "It has been repaired.")
	ErrPenaltyRevoked      = domain.Reject("penalty_revoked", "处罚决定已经撤销。", "The penalty is revoked.")
	ErrPenaltyNotifiedPast = domain.Reject("penalty_notified", "已经告知。", "The institution has been told.")
)

func decidePenalty(s PenaltyState, cmd PenaltyCommand) ([]PenaltyEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	if c, ok := cmd.(ProposePenalty); ok {
		return s.propose(c)
	}
	switch {
	case !s.Exists():
		return nil, ErrPenaltyUnknown
	case s.Revoked != nil:
		if c, ok := cmd.(RevokePenalty); ok && *s.Revoked == (PenaltyRevoked{c.Document, c.Reason, c.RevokedOn}) {
			return nil, nil
		}
		return nil, ErrPenaltyRevoked
	}
	// day holds the days of acts: none before the decision, none from the future.
	day := func(d domain.Date) error {
		if !d.Valid() || d > today || s.Decided != nil && d < s.Decided.DecidedOn {
			return ErrDay.With(d)
		}
		return nil
	}
	switch c := cmd.(type) {
	case NotifyPenalty:
		doc, err := line(c.Document, ErrDocument)
		switch {
		case s.Notified != nil && err == nil && s.Notified.Document == doc:
			return nil, nil
		case s.Notified != nil:
			return nil, ErrPenaltyNotifiedPast
		case err != nil:
			return nil, err
		case c.HearDays < 1:
			return nil, ErrTerms
		}
		return []PenaltyEvent{PenaltyNotified{doc, today.AddWorkingDays(c.HearDays)}}, nil
	case HearPenalty:
		doc, err := line(c.Document, ErrDocument)
		e := PenaltyHeard{doc, c.Hearing}
		switch {
		case s.Heard != nil && *s.Heard == e:
			return nil, nil
		case s.Notified == nil:
			return nil, ErrPenaltyUnnotified
		case s.Decided != nil:
			return nil, ErrPenaltyDecided
		case err != nil:
			return nil, err
		}
		return []PenaltyEvent{e}, nil
	case ReviewPenalty:
		opinion, err := line(c.Opinion, ErrReason)
		e := PenaltyReviewed{c.By, c.Approved, opinion}
		switch {
		case s.Reviewed != nil && *s.Reviewed == e:
			return nil, nil
		case s.Decided != nil:
			return nil, ErrPenaltyDecided
		case slices.Contains(s.Proposed.Officers[:], c.By):
			return nil, ErrPenaltyThird
		case err != nil:
			return nil, err
		}
		return []PenaltyEvent{e}, nil
	case DecidePenalty:
		return s.decideOn(c, today)
	case ServePenalty:
		switch {
		case s.Served != nil && s.Served.ServedOn == c.ServedOn:
			return nil, nil
		case s.Decided == nil:
			return nil, ErrPenaltyUndecided
		case s.Served != nil:
			return nil, ErrPenaltyServed
		}
		if err := day(c.ServedOn); err != nil {
			return nil, err
		}
		return []PenaltyEvent{PenaltyServed{c.ServedOn}}, nil
	case RepairPenalty:
		doc, err := line(c.Document, ErrDocument)
		e := PenaltyRepaired{doc, c.RepairedOn}
		if s.Repaired != nil && *s.Repaired == e {
			return nil, nil
		}
		if s.Decided == nil {
			return nil, ErrPenaltyUndecided
		}
		least, _ := s.Proposed.Severity.Months()
		from := s.Decided.DecidedOn.AddMonths(least)
		switch {
		case s.Repaired != nil:
			return nil, ErrPenaltyRepaired
		case s.Decided.PublishedUntil == "" || s.Served == nil:
			return nil, ErrPenaltyUnpublished
		case c.RepairedOn < from:
			return nil, ErrPenaltyRepairEarly.With(from)
		case err != nil:
			return nil, err
		}
		if err := day(c.RepairedOn); err != nil {
			return nil, err
		}
		return []PenaltyEvent{e}, nil
	case RevokePenalty:
		doc, err := line(c.Document, ErrDocument)
		if err != nil {
			return nil, err
		}
		reason, err := line(c.Reason, ErrReason)
		if err != nil {
			return nil, err
		}
		if s.Decided == nil {
			return nil, ErrPenaltyUndecided
		}
		if err := day(c.RevokedOn); err != nil {
			return nil, err
		}
		return []PenaltyEvent{PenaltyRevoked{doc, reason, c.RevokedOn}}, nil
	case MissPenalty:
		d, err := missed(s.Duties(), Publish, today)
		switch {
		case len(s.Missed) > 0:
			return nil, nil
		case err != nil:
			return nil, err
		}
		return []PenaltyEvent{PenaltyMissed{d.By}}, nil
	}
	panic("unreachable: sealed interface")
}

func (s PenaltyState) propose(c ProposePenalty) ([]PenaltyEvent, error) {
	e := c.PenaltyProposed
	var errs [3]error
	e.Fact, errs[0] = line(e.Fact, ErrPenaltyIncomplete)
	e.Basis, errs[1] = line(e.Basis, ErrPenaltyIncomplete)
	e.Kind, errs[2] = line(e.Kind, ErrPenaltyIncomplete)
	switch {
	case s.Exists() && s.Proposed == e:
		return nil, nil
	case s.Exists():
		return nil, ErrPenaltyExists
	case !c.Known || !slices.Contains(PenaltySeverities, e.Severity) || e.Amount < 0:
		return nil, ErrPenaltyIncomplete
	case e.Officers[0] == "" || e.Officers[1] == "" || e.Officers[0] == e.Officers[1]:
		return nil, ErrPenaltyOfficers
	case c.By != e.Officers[0]:
		return nil, ErrPenaltyProposer
	case c.Stranger: // nobody could ever record the decision
		return nil, ErrPenaltyStranger.With(e.Officers[1])
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return []PenaltyEvent{e}, nil
}

func (s PenaltyState) decideOn(c DecidePenalty, today domain.Date) ([]PenaltyEvent, error) {
	doc, err := line(c.Document, ErrDocument)
	e := PenaltyDecided{Document: doc, DecidedOn: c.DecidedOn, PublishBy: c.DecidedOn.AddWorkingDays(c.PublishDays)}
	if _, most := s.Proposed.Severity.Months(); most > 0 {
		e.PublishedUntil = c.DecidedOn.AddMonths(most)
	}
	switch {
	case s.Decided != nil && *s.Decided == e:
		return nil, nil
	case s.Decided != nil:
		return nil, ErrPenaltyDecided
	case err != nil:
		return nil, err
	case s.Notified == nil:
		return nil, ErrPenaltyUnnotified
	case s.Heard == nil && min(today, c.DecidedOn) <= s.Notified.HearBy:
		return nil, ErrPenaltyHearing.With(s.Notified.HearBy)
	case s.Reviewed == nil || !s.Reviewed.Approved:
		return nil, ErrPenaltyUnreviewed
	case c.By != s.Proposed.Officers[1]:
		return nil, ErrPenaltySecond.With(s.Proposed.Officers[1])
	case c.PublishDays < 1:
		return nil, ErrTerms
	case !c.DecidedOn.Valid() || c.DecidedOn > today:
		return nil, ErrDay.With(c.DecidedOn)
	}
	return []PenaltyEvent{e}, nil
}

func evolvePenalty(s PenaltyState, e PenaltyEvent) PenaltyState {
	switch e := e.(type) {
	case PenaltyProposed:
		s.Proposed = e
	case PenaltyNotified:
		s.Notified = &e
	case PenaltyHeard:
		s.Heard, s.Reviewed = &e, nil // what was said is reviewed too
	case PenaltyReviewed:
		s.Reviewed = &e
	case PenaltyDecided:
		s.Decided = &e
	case PenaltyServed:
		s.Served = &e
	case PenaltyRepaired:
		s.Repaired = &e
	case PenaltyRevoked:
		s.Revoked = &e
	case PenaltyMissed:
		s.Missed = append(slices.Clip(s.Missed), e)
	}
	return s
}
