package cemetery

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// RightCategory names the streams of rights of use; a stream's id is
// "<cemetery>.<right>".
const RightCategory = "right"

// A RightEvent is what happens to one right of use.
type RightEvent interface{ rightEvent() }

type (
	// RightGranted begins it.
	RightGranted struct {
		Right    string            `json:"right"`
		Cemetery domain.CreditCode `json:"cemetery"`
		Plot     string            `json:"plot"`
		Holder   domain.Subject    `json:"holder"`
		Contract string            `json:"contract"`
		FeeFen   domain.Money      `json:"fee_fen"` // use fee
		Until    domain.Date       `json:"until"`
		// UpkeepUntil is the last day that upkeep is paid for; empty: none is. The
		// right does not depend on it.
		UpkeepUntil domain.Date `json:"upkeep_until,omitzero"`
		Rules       string      `json:"rules"`
		// Notices is the timetable that was promised with the contract.
		Notices Timetable `json:"notices"`
	}
	// RightRenewed begins another period.
	RightRenewed struct {
		From     domain.Date  `json:"from"` // the former last day
		Until    domain.Date  `json:"until"`
		Contract string       `json:"contract"`
		FeeFen   domain.Money `json:"fee_fen"`
		Rules    string       `json:"rules"`
		Notices  Timetable    `json:"notices"`
	}
	// UpkeepPaid is money for upkeep, which is not the price of the right.
	UpkeepPaid struct {
		From      domain.Date  `json:"from,omitzero"` // the former last day
		Until     domain.Date  `json:"until"`
		AmountFen domain.Money `json:"amount_fen"`
		Receipt   string       `json:"receipt"`
	}
	// HolderDied ends what the holder can agree to.
	HolderDied struct {
		Holder domain.Subject         `json:"holder"`
		Paper  domain.Private[string] `json:"paper"`
	}
	// InheritanceProposed names one heir to take the right over, and all others.
	InheritanceProposed struct {
		To       domain.Subject         `json:"to"`
		Relation string                 `json:"relation"`
		Others   []domain.Subject       `json:"others,omitzero"`
		Paper    domain.Private[string] `json:"paper"` // the proof of who the heirs are
	}
	// HeirAnswered is one heir's answer to it.
	HeirAnswered struct {
		Heir   domain.Subject         `json:"heir"`
		Agrees bool                   `json:"agrees"`
		Paper  domain.Private[string] `json:"paper,omitzero"`
	}
	// RightInherited makes the heir the holder.
	RightInherited struct {
		From domain.Subject `json:"from"`
		To   domain.Subject `json:"to"`
	}
	// NoticeDue says that the day of a notice has come.
	NoticeDue struct {
		Stage Stage       `json:"stage"`
		On    domain.Date `json:"on"`
	}
	// NoticeServed is the proof that a notice reached the holder, or was left
	// where the rules say.
	NoticeServed struct {
		Stage    Stage                  `json:"stage"`
		Channel  Channel                `json:"channel"`
		To       domain.Subject         `json:"to"`
		Address  domain.Private[string] `json:"address,omitzero"`
		ServedOn domain.Date            `json:"served_on"`
		Proof    string                 `json:"proof"` // number of the receipt, the picture, the call
		By       string                 `json:"by"`
	}
	// LapseAnnounced is the public notice before a right lapses.
	LapseAnnounced struct {
		Document string      `json:"document"`
		From     domain.Date `json:"from"`
		Until    domain.Date `json:"until"`
	}
	// LapseProposed proposes that the right lapses.
	LapseProposed struct {
		Document string `json:"document"`
		By       string `json:"by"`
	}
	// RightLapsed ends the period of use. The ashes stay; a renewal still brings
	// the right back.
	RightLapsed struct {
		Until      domain.Date `json:"until"`
		Document   string      `json:"document"`
		ProposedBy string      `json:"proposed_by"`
		ApprovedBy string      `json:"approved_by"`
	}
	// RightSurrendered gives it back.
	RightSurrendered struct {
		Reason    string       `json:"reason"` // never about a person
		Paper     string       `json:"paper"`
		RefundFen domain.Money `json:"refund_fen"`
	}
	// RightEnded ends it because its plot is free of it: everybody was moved
	// elsewhere, or, with no relocation, the plot was given back.
	RightEnded struct {
		Relocation string `json:"relocation,omitzero"`
	}
	// TransferRefused keeps that somebody asked to sell or lend the right.
	TransferRefused struct {
		Attempt uuid.UUID      `json:"attempt"` // the command's
		To      domain.Subject `json:"to,omitzero"`
		PaidFen domain.Money   `json:"paid_fen,omitzero"`
		Rule    string         `json:"rule"`
	}
)

func (RightGranted) rightEvent()        {}
func (RightRenewed) rightEvent()        {}
func (UpkeepPaid) rightEvent()          {}
func (HolderDied) rightEvent()          {}
func (InheritanceProposed) rightEvent() {}
func (HeirAnswered) rightEvent()        {}
func (RightInherited) rightEvent()      {}
func (NoticeDue) rightEvent()           {}
func (NoticeServed) rightEvent()        {}
func (LapseAnnounced) rightEvent()      {}
func (LapseProposed) rightEvent()       {}
func (RightLapsed) rightEvent()         {}
func (RightSurrendered) rightEvent()    {}
func (RightEnded) rightEvent()          {}
func (TransferRefused) rightEvent()     {}

// A Channel is how a notice was served.
type Channel string

// The channels. A text message or a call alone proves nothing: they count with
// the record of the operator as proof.
const (
	InPerson  Channel = "IN_PERSON"
	ByPost    Channel = "REGISTERED_POST"
	ByMessage Channel = "MESSAGE"
	ByPhone   Channel = "PHONE"
	AtThePlot Channel = "AT_THE_PLOT" // left at the place, with a picture
)

// Channels lists every channel.
var Channels = []Channel{InPerson, ByPost, ByMessage, ByPhone, AtThePlot}

// A RightCommand asks something of one right of use.
type RightCommand interface {
	domain.Command
	rightCommand()
}

type (
	// Grant begins a right. Its facts are what the plot's own stream says of the
	// allocation.
	Grant struct {
		domain.Act
		Allocated   PlotAllocated
		Cemetery    domain.CreditCode
		Plot        string
		UpkeepUntil domain.Date
		Rules       Rules
	}
	// Renew begins another period.
	Renew struct {
		domain.Act
		Holder   domain.Subject // who asks
		Until    domain.Date
		Contract string
		FeeFen   domain.Money
		Rules    Rules
		// Cemetery is the fact what its own stream says; CeilingFen what the price
		// list asks at most.
		Cemetery   CemeteryState
		CeilingFen domain.Money
	}
	// PayUpkeep records money for upkeep.
	PayUpkeep struct {
		domain.Act
		Until     domain.Date
		AmountFen domain.Money
		Receipt   string
		Rules     Rules
	}
	// RecordHolderDeath says that the holder has died.
	RecordHolderDeath struct {
		domain.Act
		Paper domain.Private[string]
	}
	// ProposeInheritance names one heir to take the right over, and all others.
	ProposeInheritance struct {
		domain.Act
		To       domain.Subject
		Relation string
		Others   []domain.Subject
		Paper    domain.Private[string]
	}
	// AnswerHeir records one heir's answer.
	AnswerHeir struct {
		domain.Act
		Heir   domain.Subject
		Agrees bool
		Paper  domain.Private[string] // the signed answer
	}
	// Inherit makes the proposed heir the holder.
	Inherit struct{ domain.Act }
	// NoteDue says that the day of a notice has come.
	NoteDue struct {
		domain.Act
		Stage Stage
	}
	// ServeNotice records that a notice was served.
	ServeNotice struct {
		domain.Act
		Stage    Stage
		Channel  Channel
		To       domain.Subject
		Address  domain.Private[string]
		ServedOn domain.Date
		Proof    string
	}
	// AnnounceLapse records the public notice before a lapse.
	AnnounceLapse struct {
		domain.Act
		Document string
		From     domain.Date
	}
	// ProposeLapse proposes that the right lapses, ApproveLapse is the second
	// account's yes.
	ProposeLapse struct {
		domain.Act
		Document string
	}
	ApproveLapse struct{ domain.Act }
	// SurrenderRight gives the right back.
	SurrenderRight struct {
		domain.Act
		Holder    domain.Subject
		Reason    string
		Paper     string // number of the signed request
		RefundFen domain.Money
		// Resting is the fact how many rest in the plot.
		Resting int
	}
	// EndRight ends a right whose plot was vacated or given back.
	EndRight struct {
		domain.Act
		Relocation string
		// Vacated is the fact that the plot's own stream names this right no more.
		Vacated bool
	}
	// Transfer asks to sell, lend or give the right to somebody else. It is always
	// refused, and the refusal is kept: the caller asks
	// RightState.TransferRefused afterwards and answers ErrTransfer.
	Transfer struct {
		domain.Act
		To      domain.Subject
		PaidFen domain.Money
	}
)

func (Grant) rightCommand()              {}
func (Renew) rightCommand()              {}
func (PayUpkeep) rightCommand()          {}
func (RecordHolderDeath) rightCommand()  {}
func (ProposeInheritance) rightCommand() {}
func (AnswerHeir) rightCommand()         {}
func (Inherit) rightCommand()            {}
func (NoteDue) rightCommand()            {}
func (ServeNotice) rightCommand()        {}
func (AnnounceLapse) rightCommand()      {}
func (ProposeLapse) rightCommand()       {}
func (ApproveLapse) rightCommand()       {}
func (SurrenderRight) rightCommand()     {}
func (EndRight) rightCommand()           {}
func (Transfer) rightCommand()           {}

// RightState is a right of use as it stands.
type RightState struct {
	Granted     RightGranted // zero Right: there is none
	Holder      domain.Subject
	Died        bool
	Until       domain.Date
	UpkeepUntil domain.Date
	Rules       string
	Notices     Timetable
	Renewals    []RightRenewed
	Upkeep      []UpkeepPaid
	Proposed    *InheritanceProposed
	Answers     []HeirAnswered // to Proposed, the last of each heir
	Due         []NoticeDue    // of this period
	Served      []NoticeServed // of this period
	Announced   LapseAnnounced // of this period
	LapseBy     LapseProposed  // of this period
	Lapsed      bool
	Surrendered bool
	Ended       bool
	Attempts    []uuid.UUID
}

// Over says that the right is no more.
func (s RightState) Over() bool { return s.Surrendered || s.Ended }

// Standing is what other streams are told of the right.
func (s RightState) Standing() Standing {
	return Standing{s.Granted.Right, s.Holder, s.Died, s.Until, s.Lapsed, s.Over()}
}

// Outstanding are the notices whose day has come and which were not served.
func (s RightState) Outstanding(today domain.Date) (ds []Due) {
	if s.Over() || s.Lapsed {
		return nil
	}
	for _, d := range s.Notices.Dues(s.Until) {
		if d.On <= today && !s.served(d.Stage) {
			ds = append(ds, d)
		}
	}
	return ds
}

// Next is the first notice of this period that was not noted as due; false when
// there is none.
func (s RightState) Next() (Due, bool) {
	for _, d := range s.Notices.Dues(s.Until) {
		if !slices.ContainsFunc(s.Due, func(n NoticeDue) bool { return n.Stage == d.Stage }) {
			return d, !s.Over() && !s.Lapsed
		}
	}
	return Due{}, false
}

func (s RightState) served(x Stage) bool {
	return slices.ContainsFunc(s.Served, func(n NoticeServed) bool { return n.Stage == x })
}

// TransferRefused says that the command asked for a transfer.
func (s RightState) TransferRefused(command uuid.UUID) bool {
	return slices.Contains(s.Attempts, command)
}

// Right decides over one right of use.
var Right = domain.Decider[RightState, RightCommand, RightEvent]{Decide: decideRight, Evolve: evolveRight}

var (
	// ErrNoRight refuses an act of a right that is not on record.
	ErrNoRight = domain.Reject("right_unknown", "没有登记过这份使用权。", "This right of use is not on record.").Under("E-4", "")
	// ErrRightOther refuses to grant a right a second time, otherwise.
	ErrRightOther = domain.Reject("right_exists", "这份使用权已经登记，内容不同。", "This right is on record already, with other contents.").Under("I15", "")
	// ErrRightOver refuses an act of a right that has ended.
	ErrRightOver = domain.Reject("right_over", "这份使用权已经终止。", "This right of use is over.").Under("E-4", "")
	// ErrHolderOnly refuses what only the holder may ask.
	ErrHolderOnly = domain.Reject("right_holder_only", "须由健在的使用权人本人办理。", "Only the living holder of the right can do this.").Under("E-4", "")
	// ErrHolderGone refuses an act of a holder who has died.
	ErrHolderGone = domain.Reject("right_holder_died", "使用权人已经去世，请先办理继承。", "The holder has died; please settle the inheritance first.").Under("E-4", "")
	// ErrDeathPaper refuses a holder's death without its paper.
	ErrDeathPaper = domain.Reject("right_death_paper", "请写明使用权人死亡的证明。", "The proof of the holder's death is needed.")
	// ErrHolderLives refuses an inheritance of somebody who lives.
	ErrHolderLives = domain.Reject("right_holder_lives", "使用权人健在，不办理继承。", "The holder lives; there is nothing to inherit.").Under("E-4", "")
	// ErrHeirs refuses a proposal without the heir, the paper, or with somebody twice.
	ErrHeirs = domain.Reject("right_heirs", "请写明承继人、关系、其他继承人和证明，每人一次。", "The heir, the relation, all other heirs, each once, and the proof are needed.").Under("E-4", "")
	// ErrNoProposal refuses an answer to what nobody proposed.
	ErrNoProposal = domain.Reject("right_inheritance_not_proposed", "还没有提出由谁承继，或这个人不是继承人。", "Nobody was proposed to inherit, or this person is no heir.").Under("E-4", "")
	// ErrHeirPaper refuses an heir's yes without a signature.
	ErrHeirPaper = domain.Reject("right_heir_paper", "继承人同意须有本人签字的文书。", "An heir's consent needs the signed paper.").Under("E-4", "")
	// ErrHeirsAnswer refuses an inheritance that not all heirs agreed to.
	ErrHeirsAnswer = domain.Reject("right_heirs_consent", "还有 %d 位继承人没有同意，不能办理。", "%d heirs have not agreed yet.").Under("E-4", "")
	// ErrRenewEarly refuses a renewal before the first notice's day.
	ErrRenewEarly = domain.Reject("right_renew_early", "%s 起可以续期，现在还早。", "The right can be renewed from %s on.").Under("E-7", "")
	// ErrUpkeep refuses upkeep for no time, for more than 20 years at once, or
	// without a receipt.
	ErrUpkeep = domain.Reject("right_upkeep", "维护费须写明缴到哪天和收据编号，一次最多缴 20 年。", "Upkeep needs the day it is paid until and the receipt; at most 20 years are paid at once.").Under("", "民事发〔1992〕24号")
	// ErrUpkeepFee refuses an upkeep fee above the rules'.
	ErrUpkeepFee = domain.Reject("right_upkeep_fee", "维护费 %s 元，超过上限 %s 元。", "An upkeep fee of %s yuan is above the ceiling of %s.").Under("I16", "")
	// ErrStage refuses a notice that the timetable does not have, or whose day
	// has not come.
	ErrStage = domain.Reject("right_notice_stage", "通知时间表里没有这一次，或还没有到时候。", "The timetable has no such notice, or its day has not come.").Under("E-7", "")
	// ErrProof refuses a notice that nobody could prove.
	ErrProof = domain.Reject("right_notice_proof", "请写明通知送达的方式、日期、对象和凭证编号。", "How, when and to whom the notice was served, and the number of the proof, are needed.").Under("E-7", "")
	// ErrNotOver refuses to let a right lapse before its time.
	ErrNotOver = domain.Reject("right_not_over", "到期后的宽限期到 %s，现在不能收回。", "The time of grace runs until %s; the right does not lapse before.").Under("E-7", "")
	// ErrNoticesMissing refuses to let a right lapse without all notices.
	ErrNoticesMissing = domain.Reject("right_notices_missing", "还有 %d 次通知没有送达凭证，不能收回。", "%d notices have no proof of service; the right cannot lapse.").Under("E-7", "")
	// ErrAnnounce refuses a public notice without document, too early, or a lapse
	// before it has run out.
	ErrAnnounce = domain.Reject("right_announcement", "须有公告编号；公告在宽限期满后发布，期满后才能收回。", "A public notice with its number is needed, after the grace; the right lapses only when it has run out.").Under("E-7", "")
	// ErrLapseDocument refuses a proposal without its document.
	ErrLapseDocument = domain.Reject("right_lapse_document", "请写明收回使用权的决定文书。", "The document of the decision is needed.").Under("E-7", "")
	// ErrLapseProposed refuses to approve what nobody proposed.
	ErrLapseProposed = domain.Reject("right_lapse_not_proposed", "没有人提出收回这份使用权。", "Nobody proposed that this right lapses.").Under("E-7", "")
	// ErrLapseSelf refuses to approve one's own proposal.
	ErrLapseSelf = domain.Reject("right_lapse_second_account", "须由提出人以外的另一帐号同意。", "It is approved on another account than the one that proposed.").Under("E-7", "")
	// ErrRightByClock refuses to let a program end a right.
	ErrRightByClock = domain.Reject("right_by_clock", "使用权不会因到期自动终止，须由人决定并留下文书。", "A right never ends by a clock; people decide, with a paper.").Under("E-7", "")
	// ErrResting refuses to give back a right under which somebody rests.
	ErrResting = domain.Reject("right_occupied", "墓位内已有安葬，须先迁出才能退还。", "Somebody rests there; they are moved before the right is given back.").Under("I15", "")
	// ErrSurrender refuses to give back without reason and signed request.
	ErrSurrender = domain.Reject("right_surrender_paper", "请写明退还原因和申请编号，退款不能为负数。", "The reason and the signed request are needed, and no refund below zero.").Under("E-4", "")
	// ErrTransfer is what a caller answers after TransferRefused.
	ErrTransfer = domain.Reject("right_no_transfer", "墓位使用权不得转让、转租。可以办理继承或退还。", "A right of use is not sold or lent. It can be inherited or given back.").Under("E-4", "")
)

func decideRight(s RightState, cmd RightCommand) ([]RightEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	if c, ok := cmd.(Grant); ok {
		return s.grant(c)
	}
	if s.Granted.Right == "" {
		return nil, ErrNoRight
	}
	if c, ok := cmd.(Transfer); ok {
		if slices.Contains(s.Attempts, c.ID) {
			return nil, nil
		}
		return []RightEvent{TransferRefused{c.ID, c.To, c.PaidFen, ErrTransfer.Rule}}, nil
	}
	if s.Over() {
		switch cmd.(type) { // asked again
		case SurrenderRight:
			if s.Surrendered {
				return nil, nil
			}
		case EndRight:
			return nil, nil
		}
		return nil, ErrRightOver
	}
	switch c := cmd.(type) {
	case Renew:
		return s.renew(c, today)
	case PayUpkeep:
		return s.upkeep(c)
	case RecordHolderDeath:
		switch {
		case s.Died:
			return nil, nil
		case c.Paper.Or("") == "":
			return nil, ErrDeathPaper
		}
		return []RightEvent{HolderDied{s.Holder, c.Paper}}, nil
	case ProposeInheritance:
		return s.propose(c)
	case AnswerHeir:
		return s.answer(c)
	case Inherit:
		switch {
		case s.Proposed == nil && len(s.Answers) == 0 && !s.Died:
			return nil, ErrHolderLives
		case s.Proposed == nil:
			return nil, ErrNoProposal
		}
		missing := 0
		for _, h := range s.Proposed.Others {
			if !slices.ContainsFunc(s.Answers, func(a HeirAnswered) bool { return a.Heir == h && a.Agrees }) {
				missing++
			}
		}
		if missing > 0 {
			return nil, ErrHeirsAnswer.With(missing)
		}
		return []RightEvent{RightInherited{s.Holder, s.Proposed.To}}, nil
	case NoteDue:
		for _, d := range s.Notices.Dues(s.Until) {
			switch {
			case d.Stage != c.Stage:
			case slices.ContainsFunc(s.Due, func(n NoticeDue) bool { return n.Stage == c.Stage }):
				return nil, nil
			case d.On <= today && !s.Lapsed:
				return []RightEvent{NoticeDue(d)}, nil
			}
		}
		return nil, ErrStage
	case ServeNotice:
		return s.serve(c, today)
	case AnnounceLapse:
		end := s.Until.AddMonths(s.Notices.GraceMonths)
		// As for works, it runs from the day on which it is known here.
		e := LapseAnnounced{c.Document, c.From, today.AddDays(s.Notices.PublicDays)}
		switch {
		case c.Document != "" && s.Announced.Document == c.Document && s.Announced.From == c.From:
			return nil, nil
		case c.Document == "" || !c.From.Valid() || c.From > today || c.From <= end || s.Announced.Document != "" || s.Lapsed:
			return nil, ErrAnnounce
		}
		return []RightEvent{e}, nil
	case ProposeLapse:
		e := LapseProposed{c.Document, c.By}
		switch {
		case s.LapseBy == e:
			return nil, nil
		case c.Document == "":
			return nil, ErrLapseDocument
		}
		if err := s.mayLapse(c.By, today); err != nil {
			return nil, err
		}
		return []RightEvent{e}, nil
	case ApproveLapse:
		switch {
		case s.Lapsed:
			return nil, nil
		case s.LapseBy.By == "":
			return nil, ErrLapseProposed
		case s.LapseBy.By == c.By:
			return nil, ErrLapseSelf
		}
		if err := s.mayLapse(c.By, today); err != nil {
			return nil, err
		}
		return []RightEvent{RightLapsed{s.Until, s.LapseBy.Document, s.LapseBy.By, c.By}}, nil
	case SurrenderRight:
		switch {
		case c.Resting > 0:
			return nil, ErrResting
		case s.Died:
			return nil, ErrHolderGone
		case c.Holder != s.Holder:
			return nil, ErrHolderOnly
		case strings.TrimSpace(c.Reason) == "" || c.Paper == "" || c.RefundFen < 0:
			return nil, ErrSurrender
		}
		return []RightEvent{RightSurrendered{c.Reason, c.Paper, c.RefundFen}}, nil
	case EndRight:
		if !c.Vacated {
			return nil, ErrNotLifted
		}
		return []RightEvent{RightEnded{c.Relocation}}, nil
	}
	panic("unreachable: RightCommand is sealed")
}

func (s RightState) grant(c Grant) ([]RightEvent, error) {
	a := c.Allocated
	if s.Granted.Right != "" {
		if s.Granted.Right == a.Right && s.Granted.Plot == c.Plot && s.Granted.Cemetery == c.Cemetery && !s.Over() {
			return nil, nil // a second person joined, or it was asked again
		}
		return nil, ErrRightOther
	}
	if a.Right == "" || a.Applicant == "" || c.Plot == "" || c.Cemetery == "" || !a.TermUntil.Valid() {
		return nil, ErrRightNeeded
	}
	r := c.Rules.Or()
	return []RightEvent{RightGranted{a.Right, c.Cemetery, c.Plot, a.Applicant, a.Contract, a.FeeFen, a.TermUntil, c.UpkeepUntil, r.ID, r.Notices}}, nil
}

func (s RightState) renew(c Renew, today domain.Date) ([]RightEvent, error) {
	if n := len(s.Renewals); n > 0 && !s.Lapsed && s.Renewals[n-1].Until == c.Until && s.Renewals[n-1].Contract == c.Contract {
		return nil, nil
	}
	from := s.Until
	if len(s.Notices.Before) > 0 {
		if first := s.Until.AddMonths(-slices.Max(s.Notices.Before)); today < first {
			return nil, ErrRenewEarly.With(first)
		}
	}
	switch {
	case s.Died:
		return nil, ErrHolderGone
	case c.Holder != s.Holder:
		return nil, ErrHolderOnly
	case c.Cemetery.Cemetery != s.Granted.Cemetery:
		return nil, ErrCemeteryUnknown
	case c.Until <= today:
		return nil, ErrTerm.With(from.AddMonths(12 * c.Rules.Or().within(c.Cemetery.Limits).TermYears))
	}
	if err := c.Rules.Permits(c.Cemetery, Contract{c.Contract, from, c.Until, c.FeeFen, c.CeilingFen}); err != nil {
		return nil, err
	}
	r := c.Rules.Or()
	return []RightEvent{RightRenewed{from, c.Until, c.Contract, c.FeeFen, r.ID, r.Notices}}, nil
}

// mostUpkeepYears is how many years of upkeep are paid at once, at most
// (民事发〔1992〕24号, for commercial cemeteries; the same for all here).
const mostUpkeepYears = 20

func (s RightState) upkeep(c PayUpkeep) ([]RightEvent, error) {
	if slices.ContainsFunc(s.Upkeep, func(u UpkeepPaid) bool {
		return u.Receipt == c.Receipt && u.Until == c.Until && u.AmountFen == c.AmountFen
	}) {
		return nil, nil
	}
	from := s.UpkeepUntil
	if from == "" {
		from = domain.DateOf(c.Now)
	}
	used := slices.ContainsFunc(s.Upkeep, func(u UpkeepPaid) bool { return u.Receipt == c.Receipt })
	if c.Receipt == "" || used || c.AmountFen < 0 || !c.Until.Valid() || c.Until <= from || c.Until > from.AddMonths(12*mostUpkeepYears) {
		return nil, ErrUpkeep
	}
	if most := c.Rules.Or().UpkeepYearFen; most > 0 {
		years := domain.Money(1)
		for from.AddMonths(12*int(years)) < c.Until {
			years++
		}
		if c.AmountFen > most*years {
			return nil, ErrUpkeepFee.With(c.AmountFen, most*years)
		}
	}
	return []RightEvent{UpkeepPaid{s.UpkeepUntil, c.Until, c.AmountFen, c.Receipt}}, nil
}

func (s RightState) propose(c ProposeInheritance) ([]RightEvent, error) {
	e := InheritanceProposed{c.To, c.Relation, slices.Clone(c.Others), c.Paper}
	if p := s.Proposed; p != nil && p.To == e.To && p.Relation == e.Relation && p.Paper == e.Paper && slices.Equal(p.Others, e.Others) {
		return nil, nil
	}
	all := append([]domain.Subject{c.To}, c.Others...)
	slices.Sort(all)
	switch {
	case !s.Died:
		return nil, ErrHolderLives
	case c.To == "" || c.Relation == "" || c.Paper.Or("") == "" || all[0] == "" || len(slices.Compact(slices.Clone(all))) != len(all) || slices.Contains(all, s.Holder):
		return nil, ErrHeirs
	}
	return []RightEvent{e}, nil
}

func (s RightState) answer(c AnswerHeir) ([]RightEvent, error) {
	e := HeirAnswered{c.Heir, c.Agrees, c.Paper}
	switch {
	case s.Proposed == nil || !slices.Contains(s.Proposed.Others, c.Heir):
		return nil, ErrNoProposal
	case slices.Contains(s.Answers, e):
		return nil, nil
	case c.Agrees && c.Paper.Or("") == "":
		return nil, ErrHeirPaper
	}
	return []RightEvent{e}, nil
}

func (s RightState) serve(c ServeNotice, today domain.Date) ([]RightEvent, error) {
	i := slices.IndexFunc(s.Notices.Dues(s.Until), func(d Due) bool { return d.Stage == c.Stage })
	switch {
	case i < 0 || s.Notices.Dues(s.Until)[i].On > today || s.Lapsed:
		return nil, ErrStage
	case !slices.Contains(Channels, c.Channel) || strings.TrimSpace(c.Proof) == "" || c.To == "" || !c.ServedOn.Valid() || c.ServedOn > today ||
		c.ServedOn < s.Notices.Dues(s.Until)[i].On:
		return nil, ErrProof
	}
	e := NoticeServed{c.Stage, c.Channel, c.To, c.Address, c.ServedOn, c.Proof, c.By}
	if slices.Contains(s.Served, e) {
		return nil, nil
	}
	return []RightEvent{e}, nil
}

// mayLapse holds that all that was promised before a lapse has been done.
func (s RightState) mayLapse(by string, today domain.Date) error {
	end := s.Until.AddMonths(s.Notices.GraceMonths)
	missing := 0
	for _, d := range s.Notices.Dues(s.Until) {
		if !s.served(d.Stage) {
			missing++
		}
	}
	switch {
	case byClock(by):
		return ErrRightByClock
	case today <= end:
		return ErrNotOver.With(end)
	case missing > 0:
		return ErrNoticesMissing.With(missing)
	case s.Announced.Document == "" || today <= s.Announced.Until:
		return ErrAnnounce
	}
	return nil
}

func evolveRight(s RightState, e RightEvent) RightState {
	switch e := e.(type) {
	case RightGranted:
		s.Granted, s.Holder, s.Until, s.UpkeepUntil, s.Rules, s.Notices = e, e.Holder, e.Until, e.UpkeepUntil, e.Rules, e.Notices
	case RightRenewed:
		s.Until, s.Rules, s.Notices, s.Lapsed = e.Until, e.Rules, e.Notices, false
		s.Due, s.Served, s.Announced, s.LapseBy = nil, nil, LapseAnnounced{}, LapseProposed{}
		s.Renewals = append(slices.Clip(s.Renewals), e)
	case UpkeepPaid:
		s.UpkeepUntil = e.Until
		s.Upkeep = append(slices.Clip(s.Upkeep), e)
	case HolderDied:
		s.Died = true
	case InheritanceProposed:
		s.Proposed, s.Answers = &e, nil
	case HeirAnswered:
		s.Answers = append(slices.DeleteFunc(slices.Clone(s.Answers), func(a HeirAnswered) bool { return a.Heir == e.Heir }), e)
	case RightInherited:
		s.Holder, s.Died, s.Proposed, s.Answers = e.To, false, nil, nil
	case NoticeDue:
		s.Due = append(slices.Clip(s.Due), e)
	case NoticeServed:
		s.Served = append(slices.Clip(s.Served), e)
	case LapseAnnounced:
		s.Announced = e
	case LapseProposed:
		s.LapseBy = e
	case RightLapsed:
		s.Lapsed = true
	case RightSurrendered:
		s.Surrendered = true
	case RightEnded:
		s.Ended = true
	case TransferRefused:
		s.Attempts = append(slices.Clip(s.Attempts), e.Attempt)
	}
	return s
}
