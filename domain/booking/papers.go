package booking

import (
	"slices"

	"shenzhong/domain"
)

// A DeathPlace is where the person died.
type DeathPlace string

// The places of death.
const (
	InHospital DeathPlace = "HOSPITAL"
	InCareHome DeathPlace = "CARE_HOME"
	AtHome     DeathPlace = "HOME"
	Elsewhere  DeathPlace = "ELSEWHERE"
	Abroad     DeathPlace = "ABROAD"
)

// DeathPlaces lists every place, in the order of menus.
var DeathPlaces = []DeathPlace{InHospital, AtHome, InCareHome, Elsewhere, Abroad}

// A Cause says whether the death was natural. Unknown is never treated as
// natural.
type Cause string

// The causes. DeclaredDead and Executed have a court paper instead of a medical
// certificate.
const (
	NaturalDeath   Cause = "NATURAL"
	UnnaturalDeath Cause = "UNNATURAL"
	UnknownDeath   Cause = "UNKNOWN"
	DeclaredDead   Cause = "DECLARED_DEAD"
	Executed       Cause = "EXECUTED"
)

// Causes lists every cause, in the order of menus.
var Causes = []Cause{NaturalDeath, UnnaturalDeath, UnknownDeath, DeclaredDead, Executed}

// A Code names one paper of the checklist.
type Code string

// The papers. The first two are those of a cremation and may never follow.
const (
	DeathPaper        Code = "DEATH_CERTIFICATE"      // 死亡证明
	ConfirmationPaper Code = "CREMATION_CONFIRMATION" // 火化确认书
	PolicePaper       Code = "POLICE_PAPER"           // 公安机关的证明
	CourtPaper        Code = "COURT_PAPER"
	TransferForm      Code = "TRANSFER_FORM"   // 遗体交接登记表
	DisposalNotice    Code = "DISPOSAL_NOTICE" // 遗体处置通知书
	DeceasedID        Code = "DECEASED_ID"
	HandlerID         Code = "HANDLER_ID"
	AuthorityPaper    Code = "AUTHORITY" // 委托书、单位或居（村）委会介绍信
	RelationProof     Code = "RELATION_PROOF"
	HouseholdBook     Code = "HOUSEHOLD_BOOK"
	ReliefProof       Code = "RELIEF_PROOF"
	ParentID          Code = "PARENT_ID"
)

// Codes lists every paper, in the order of the checklist.
var Codes = []Code{DeathPaper, ConfirmationPaper, PolicePaper, CourtPaper, TransferForm, DisposalNotice, DeceasedID, HandlerID, ParentID, AuthorityPaper, RelationProof, HouseholdBook, ReliefProof}

// A Form is in what form a paper was seen.
type Form string

// The forms of a paper.
const (
	Original   Form = "ORIGINAL"
	Copy       Form = "COPY"
	ELicence   Form = "E_LICENCE"
	Photo      Form = "PHOTO"       // sent by phone, to be compared at the desk
	DataLookup Form = "DATA_LOOKUP" // read from the issuing office's own data
)

// Forms lists every form, in the order of menus.
var Forms = []Form{Original, ELicence, Copy, Photo, DataLookup}

// An Office is one that has to be told of a death.
type Office string

// The offices.
const (
	ForeignAffairs Office = "FOREIGN_AFFAIRS" // 外办
	HKMacaoOffice  Office = "HK_MACAO"        // 港澳办
	TaiwanOffice   Office = "TAIWAN"          // 台办
)

type (
	// CircumstancesRecorded noted what decides which papers are needed.
	CircumstancesRecorded struct {
		Place      DeathPlace             `json:"place,omitzero"`
		Cause      domain.Private[Cause]  `json:"cause,omitzero"`
		Infectious domain.Private[bool]   `json:"infectious,omitzero"`
		Custom     domain.Private[string] `json:"custom,omitzero"` // religion or custom to be respected
	}
	// PaperReceived noted that a paper was seen.
	PaperReceived struct {
		Paper Code `json:"paper"`
		Form  Form `json:"form"`
		// Number is the paper's own, where it has one.
		Number domain.Private[string] `json:"number,omitzero"`
	}
	// PaperPromised noted that a minor paper follows later (容缺受理), as the
	// handler signed and was told.
	PaperPromised struct {
		Paper Code        `json:"paper"`
		Due   domain.Date `json:"due"` // the last day
		// Pledge is the version of the form that the handler signed (I20).
		Pledge string         `json:"pledge"`
		Person domain.Subject `json:"person"`
	}
	// PaperLapsed noted that a promised paper did not come in time.
	PaperLapsed struct {
		Paper Code        `json:"paper"`
		Due   domain.Date `json:"due"`
	}
	// OfficeNotified noted that an office was told of the death.
	OfficeNotified struct {
		Office Office `json:"office"`
		// Reference is the office's receipt or our letter, never a name.
		Reference string `json:"reference,omitzero"`
	}
)

func (CircumstancesRecorded) caseEvent() {}
func (PaperReceived) caseEvent()         {}
func (PaperPromised) caseEvent()         {}
func (PaperLapsed) caseEvent()           {}
func (OfficeNotified) caseEvent()        {}

type (
	// RecordCircumstances notes what decides which papers are needed.
	RecordCircumstances struct {
		domain.Act
		CircumstancesRecorded
	}
	// ReceivePaper notes that a paper was seen.
	ReceivePaper struct {
		domain.Act
		PaperReceived
	}
	// PromisePaper lets a minor paper follow until Due (容缺受理).
	PromisePaper struct {
		domain.Act
		Paper  Code
		Due    domain.Date
		Pledge string // version of the signed form
		// MaxDays is a fact: the longest that a paper may follow.
		MaxDays int
		// Excluded is a fact: the handler broke a promise before and has not
		// made it good.
		Excluded bool
	}
	// LapsePaper notes that the last day of a promise has passed.
	LapsePaper struct {
		domain.Act
		Paper Code
	}
	// NotifyOffice notes that an office was told.
	NotifyOffice struct {
		domain.Act
		OfficeNotified
	}
)

func (RecordCircumstances) caseCommand() {}
func (ReceivePaper) caseCommand()        {}
func (PromisePaper) caseCommand()        {}
func (LapsePaper) caseCommand()          {}
func (NotifyOffice) caseCommand()        {}

// A Following is a paper that was promised and what became of it.
type Following struct {
	PaperPromised
	Overdue bool
	Arrived bool
}

// A Notification is one office that was told.
type Notification struct{ OfficeNotified }

// lawGate is what makes the two papers of a cremation indispensable.
const lawGate = "殡葬管理条例（2026）：殡仪馆应当凭死亡证明和火化确认书火化遗体"

// The rejections about papers.
var (
	ErrPaper            = domain.Reject("paper_unknown", "清单上没有“%s”这份文书。", "There is no paper %q on the checklist.")
	ErrPaperForm        = domain.Reject("paper_form_unknown", "请写明看到的是原件、复印件还是电子证照。", "Please say whether the original, a copy or an e-licence was seen.")
	ErrPaperElsewhere   = domain.Reject("paper_kept_with_cremation", "死亡证明、公安证明和火化确认书在火化文书里登记。", "The death certificate, the police paper and the cremation confirmation are recorded with the cremation.")
	ErrNeverFollows     = domain.Reject("paper_never_follows", "“%[1]s”不能容缺，没有就不能火化。", "%[2]s can never follow later; without it there is no cremation.").Under("I3", lawGate)
	ErrNotMinor         = domain.Reject("paper_not_minor", "“%[1]s”是主要文书，不能容缺。", "%[2]s is no minor paper and cannot follow later.").Under("", "")
	ErrPromiseDue       = domain.Reject("promise_deadline_invalid", "补交的日期最迟 %s。", "The last day for it is %s.")
	ErrPledge           = domain.Reject("promise_unsigned", "容缺受理要有承办人签字的承诺书，请写明表格版本。", "The handler signs a promise; please name the version of the form.").Under("I20", "")
	ErrPromiseBroken    = domain.Reject("promise_broken_before", "承办人以前的承诺没有兑现，这次不能容缺。", "The handler has not kept an earlier promise; the paper cannot follow this time.")
	ErrPaperHere        = domain.Reject("paper_received", "“%[1]s”已经收到，不用再补。", "%[2]s has been received already.")
	ErrNotDue           = domain.Reject("promise_not_due", "补交期限是 %s，还没有过。", "It may follow until %s, which has not passed.")
	ErrOffice           = domain.Reject("office_unknown", "没有“%s”这个部门。", "There is no office %q.")
	ErrCircumstances    = domain.Reject("circumstances_invalid", "死亡地点或死亡原因的选项不对。", "The place or the cause of death is none of the list.")
	ErrAfterCremation   = domain.Reject("particulars_fixed", "火化已经开始，资料只能更正或补充说明，不能直接改。", "The cremation has begun; particulars are corrected or clarified, not changed.").Under("I12", "")
	ErrBeforeCremation  = domain.Reject("particulars_open", "火化还没有开始，请直接修改。", "The cremation has not begun; please change it directly.").Under("I12", "")
	ErrFollowingUnknown = domain.Reject("promise_unknown", "“%s”没有容缺。", "No later delivery of %s was agreed.")
)

func (s State) evolvePapers(e Event) State {
	switch e := e.(type) {
	case CircumstancesRecorded:
		s.Circumstances = e
	case PaperReceived:
		s.Papers = append(slices.Clip(s.Papers), e)
		s.Promised = slices.Clone(s.Promised)
		for i := range s.Promised {
			if s.Promised[i].Paper == e.Paper {
				s.Promised[i].Arrived = true
			}
		}
	case PaperPromised:
		s.Promised = append(slices.Clip(s.Promised), Following{PaperPromised: e})
	case PaperLapsed:
		s.Promised = slices.Clone(s.Promised)
		for i := range s.Promised {
			if s.Promised[i].Paper == e.Paper && !s.Promised[i].Arrived {
				s.Promised[i].Overdue = true
			}
		}
	case OfficeNotified:
		s.Notified = append(slices.Clip(s.Notified), Notification{OfficeNotified: e})
	}
	return s
}

func (s State) recordCircumstances(c RecordCircumstances) ([]Event, error) {
	e := c.CircumstancesRecorded
	cause, hasCause := e.Cause.Get()
	for _, of := range []domain.Subject{subject(e.Cause), subject(e.Infectious), subject(e.Custom)} {
		if of != "" && of != s.Deceased.Person {
			return nil, ErrPerson
		}
	}
	switch {
	case e == s.Circumstances:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case s.Fixed:
		return nil, ErrAfterCremation
	case e.Place != "" && !slices.Contains(DeathPlaces, e.Place), hasCause && !slices.Contains(Causes, cause):
		return nil, ErrCircumstances
	}
	return []Event{e}, nil
}

// Received is the latest sight of a paper.
func (s State) Received(p Code) (PaperReceived, bool) {
	for _, have := range slices.Backward(s.Papers) {
		if have.Paper == p {
			return have, true
		}
	}
	return PaperReceived{}, false
}

// Following is the latest promise of a paper.
func (s State) Following(p Code) (Following, bool) {
	for _, have := range slices.Backward(s.Promised) {
		if have.Paper == p {
			return have, true
		}
	}
	return Following{}, false
}

func (s State) receivePaper(c ReceivePaper) ([]Event, error) {
	have, ok := s.Received(c.Paper)
	switch {
	case !slices.Contains(Codes, c.Paper):
		return nil, ErrPaper.With(c.Paper)
	case c.Paper == DeathPaper || c.Paper == ConfirmationPaper || c.Paper == PolicePaper:
		return nil, ErrPaperElsewhere
	case !slices.Contains(Forms, c.PaperReceived.Form):
		return nil, ErrPaperForm
	case subject(c.Number) != "" && subject(c.Number) != s.Deceased.Person && subject(c.Number) != s.Handler.Person:
		return nil, ErrPerson
	case ok && have == c.PaperReceived:
		return nil, nil
	case s.Cancelled:
		return nil, ErrEnded
	}
	return []Event{c.PaperReceived}, nil
}

func (s State) promisePaper(c PromisePaper) ([]Event, error) {
	today := domain.DateOf(c.Now)
	latest := today.AddDays(c.MaxDays)
	want := PaperPromised{c.Paper, c.Due, c.Pledge, s.Handler.Person}
	have, promised := s.Following(c.Paper)
	_, here := s.Received(c.Paper)
	zh, en := c.Paper.Names()
	switch {
	case !slices.Contains(Codes, c.Paper):
		return nil, ErrPaper.With(c.Paper)
	case c.Paper.gates():
		return nil, ErrNeverFollows.With(zh, en)
	case !c.Paper.MayFollow():
		return nil, ErrNotMinor.With(zh, en)
	case promised && have.PaperPromised == want && !have.Overdue && !have.Arrived:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case here:
		return nil, ErrPaperHere.With(zh, en)
	case c.Excluded || promised && have.Overdue:
		return nil, ErrPromiseBroken
	case blank(c.Pledge):
		return nil, ErrPledge
	case !c.Due.Valid() || c.Due < today || c.Due > latest:
		return nil, ErrPromiseDue.With(latest)
	case promised && c.Due > have.Due: // a promise is not prolonged by promising again
		return nil, ErrPromiseDue.With(have.Due)
	}
	return []Event{want}, nil
}

func (s State) lapsePaper(c LapsePaper) ([]Event, error) {
	have, ok := s.Following(c.Paper)
	switch {
	case !ok:
		return nil, ErrFollowingUnknown.With(c.Paper)
	case have.Arrived || have.Overdue || s.Cancelled:
		return nil, nil
	case domain.DateOf(c.Now) <= have.Due:
		return nil, ErrNotDue.With(have.Due)
	}
	return []Event{PaperLapsed{c.Paper, have.Due}}, nil
}

// Duties are the offices to be told of the death of that kind of person. Which
// office it is where is from memory ([M]), so the program reminds of it and
// hinders nobody.
func (k Kind) Duties() []Office {
	switch k {
	case Foreign:
		return []Office{ForeignAffairs}
	case HongKong, Macao:
		return []Office{HKMacaoOffice}
	case Taiwan:
		return []Office{TaiwanOffice}
	}
	return nil
}

// Untold are the offices that have not been told yet.
func (s State) Untold() []Office {
	return slices.DeleteFunc(s.Deceased.Class().Duties(), func(o Office) bool {
		return slices.ContainsFunc(s.Notified, func(n Notification) bool { return n.Office == o })
	})
}

func (s State) notifyOffice(c NotifyOffice) ([]Event, error) {
	switch {
	case c.Office != ForeignAffairs && c.Office != HKMacaoOffice && c.Office != TaiwanOffice:
		return nil, ErrOffice.With(c.Office)
	case c.Reference != "" && !validNumber(c.Reference):
		return nil, ErrNumber
	case slices.ContainsFunc(s.Notified, func(n Notification) bool { return n.OfficeNotified == c.OfficeNotified }):
		return nil, nil
	}
	return []Event{c.OfficeNotified}, nil
}
