// Package ecoburial decides over burials that save land, and over the
// incentives for them.
//
// Burial is an application from the first wish to the completed burial, Voyage a
// ship with its licensed seats and its manifest, Incentive what one person was
// granted and paid, once. A Rulebook holds the versions of what a city counts
// and pays by; Figures are what was published of one month, for good. A
// Definition says which ways of burial there are and how each counts.
package ecoburial

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// BurialCategory names the streams of applications; a stream's id is the
// application's.
const BurialCategory = "eco"

// Wire lists every event of this package by its name on the log.
var Wire = []domain.Wire{
	domain.Named[Applied]("eco.applied.v1"),
	domain.Named[Consented]("eco.consented.v1"),
	domain.Named[Withdrawn]("eco.withdrawn.v1"),
	domain.Named[Completed]("eco.completed.v1"),
	domain.Named[VoyageChosen]("eco.voyage_chosen.v1"),
	domain.Named[VoyageLeft]("eco.voyage_left.v1"),
	domain.Named[AshesReceived]("eco.ashes_received.v1"),
	domain.Named[AshesReturned]("eco.ashes_returned.v1"),
	domain.Named[Corrected]("eco.corrected.v1"),
	domain.Named[VoyageOpened]("voyage.opened.v1"),
	domain.Named[SeatsTaken]("voyage.seats_taken.v1"),
	domain.Named[OfferAnswered]("voyage.offer_answered.v1"),
	domain.Named[OfferTaken]("voyage.offer_taken.v1"),
	domain.Named[SeatsFreed]("voyage.seats_freed.v1"),
	domain.Named[VoyageCancelled]("voyage.cancelled.v1"),
	domain.Named[NoticeIssued]("voyage.notice_issued.v1"),
	domain.Named[VoyageDeparted]("voyage.departed.v1"),
	domain.Named[AshesScattered]("voyage.scattered.v1"),
	domain.Named[AshesBroughtBack]("voyage.brought_back.v1"),
	domain.Named[VoyageEnded]("voyage.ended.v1"),
	domain.Named[IncentiveApplied]("incentive.applied.v1"),
	domain.Named[IncentiveComputed]("incentive.computed.v1"),
	domain.Upcast("incentive.granted.v1", func(old grantedV1) IncentiveGranted {
		return IncentiveGranted{Rule: old.Rule, Burial: old.Burial, AmountFen: old.AmountFen}
	}),
	domain.Named[IncentiveGranted]("incentive.granted.v2"),
	domain.Named[IncentivePaid]("incentive.paid.v1"),
	domain.Named[DefinitionAdopted]("ecorules.definition_adopted.v1"),
	domain.Named[IncentivesAdopted]("ecorules.incentives_adopted.v1"),
	domain.Named[TargetSet]("ecorules.target_set.v1"),
	domain.Named[FiguresPublished]("ecofigures.published.v1"),
}

// DefaultPauseHours is the pause before the second consent where no authority
// has set another. It is a proposal of ours ([P]).
const DefaultPauseHours = 24

// A BurialEvent is what happens to one application.
type BurialEvent interface{ burialEvent() }

type (
	// Applied is the first wish. It carries what the type asks for, so that a
	// later definition changes nothing about it (I20).
	Applied struct {
		Type        string            `json:"type"`
		Definition  string            `json:"definition"`
		Institution domain.CreditCode `json:"institution"`
		Division    domain.Division   `json:"division"`
		Case        uuid.UUID         `json:"case,omitzero"`
		Certificate string            `json:"certificate,omitzero"`
		Person      domain.Subject    `json:"person"`
		Applicant   domain.Subject    `json:"applicant"`
		// Irreversible asks for a second consent PauseHours after At.
		Irreversible bool          `json:"irreversible,omitzero"`
		PauseHours   int           `json:"pause_hours,omitzero"`
		At           time.Time     `json:"at"`
		Requires     []Requirement `json:"requires,omitzero"`
		TakesLand    bool          `json:"takes_land,omitzero"`
	}
	// Consented is the second consent.
	Consented struct {
		Applicant domain.Subject `json:"applicant"`
		At        time.Time      `json:"at"`
	}
	// Withdrawn ends the application; nothing was buried.
	Withdrawn struct {
		Applicant domain.Subject `json:"applicant"`
	}
	// Completed is one burial.
	Completed struct {
		Type        string            `json:"type"`
		Definition  string            `json:"definition"`
		Facts       map[string]string `json:"facts"`
		Institution domain.CreditCode `json:"institution"`
		Division    domain.Division   `json:"division"`
		Person      domain.Subject    `json:"person"`
		Certificate string            `json:"certificate"`
		// CompletedOn is the local date of the act; empty when nobody knows it.
		CompletedOn    domain.Date `json:"completed_on,omitzero"`
		LandCM2        int         `json:"land_cm2"`
		EcoCertificate string      `json:"eco_certificate,omitzero"` // 《海葬证》 and the like
	}
	// VoyageChosen ties the application to one voyage, VoyageLeft unties it: a
	// set of ashes is never on two.
	VoyageChosen struct {
		Voyage string `json:"voyage"`
	}
	VoyageLeft struct {
		Voyage string `json:"voyage"`
	}
	// AshesReceived puts the ashes in the custody of the institution, which gives
	// a label; AshesReturned gives them back to the applicant.
	AshesReceived struct {
		From  domain.Subject `json:"from"`
		Label string         `json:"label"`
		Taker string         `json:"taker"` // account
	}
	AshesReturned struct {
		To     domain.Subject `json:"to"`
		Giver  string         `json:"giver"` // account
		Reason string         `json:"reason"`
	}
	// Corrected says what a completed burial really was. Was keeps what was said
	// before, so that every figure can be explained.
	Corrected struct {
		Type        string            `json:"type"`
		Facts       map[string]string `json:"facts"`
		Division    domain.Division   `json:"division"`
		CompletedOn domain.Date       `json:"completed_on,omitzero"`
		LandCM2     int               `json:"land_cm2"`
		Was         Told              `json:"was"`
		Reason      string            `json:"reason"`
		Paper       string            `json:"paper"`
	}
)

// Told is what a burial counts by.
type Told struct {
	Type        string          `json:"type"`
	Division    domain.Division `json:"division"`
	CompletedOn domain.Date     `json:"completed_on,omitzero"`
	LandCM2     int             `json:"land_cm2"`
}

func (Applied) burialEvent()   {}
func (Consented) burialEvent() {}
func (Withdrawn) burialEvent() {}
func (Completed) burialEvent() {}

func (VoyageChosen) burialEvent()  {}
func (VoyageLeft) burialEvent()    {}
func (AshesReceived) burialEvent() {}
func (AshesReturned) burialEvent() {}
func (Corrected) burialEvent()     {}

// A BurialCommand asks something of one application.
type BurialCommand interface {
	domain.Command
	burialCommand()
}

type (
	// Apply asks for an eco-burial.
	Apply struct {
		domain.Act
		// Definition is the one in force, Type a code of it.
		Definition  Definition
		Type        string
		Institution domain.CreditCode
		Division    domain.Division
		Case        uuid.UUID // uuid.Nil when the case was handled elsewhere
		Certificate string    // may follow until the burial
		Person      domain.Subject
		Applicant   domain.Subject
		PauseHours  int // before the second consent; zero means DefaultPauseHours
	}
	// Consent is the applicant's second consent.
	Consent struct {
		domain.Act
		Applicant domain.Subject
	}
	// Withdraw takes the application back.
	Withdraw struct {
		domain.Act
		Applicant domain.Subject
	}
	// Complete reports the burial.
	Complete struct {
		domain.Act
		// Certificate; empty means the one of the application. CertificateHolds
		// is the fact that it is registered, not void and of this person.
		Certificate      string
		CertificateHolds bool
		// PlacedElsewhere is the fact that the person's own placement stream names
		// a plot: who rests in a plot is counted there, and once.
		PlacedElsewhere bool
		// Scattered is the fact that the voyage of the facts scattered these very
		// ashes; only types that name a voyage ask for it.
		Scattered bool
		// Facts are those that the type requires, and no others: free fields
		// would collect names.
		Facts          map[string]string
		LandCM2        int
		EcoCertificate string
	}
	// ChooseVoyage ties an open application for a sea burial to a voyage.
	ChooseVoyage struct {
		domain.Act
		Voyage string
	}
	// LeaveVoyage unties it. Freed is the fact that the voyage holds no seats of
	// this burial, or does not sail.
	LeaveVoyage struct {
		domain.Act
		Voyage string
		Freed  bool
	}
	// ReceiveAshes takes the ashes over from the applicant. Holds is the fact
	// that the applicant has all of them (I11), Placed that the person's own
	// placement stream names this burial and no other.
	ReceiveAshes struct {
		domain.Act
		Applicant domain.Subject
		Label     string
		Holds     bool
		Placed    bool
		Signed    bool // both have signed
	}
	// ReturnAshes gives them back. Aboard is the fact that they are at sea.
	ReturnAshes struct {
		domain.Act
		Reason string
		Signed bool
		Aboard bool
	}
	// Correct says what a completed burial really was.
	Correct struct {
		domain.Act
		Definition  Definition // the one of the application
		Type        string
		Facts       map[string]string
		Division    domain.Division
		CompletedOn domain.Date
		LandCM2     int
		Reason      string
		Paper       string
	}
)

func (ChooseVoyage) burialCommand() {}
func (LeaveVoyage) burialCommand()  {}
func (ReceiveAshes) burialCommand() {}
func (ReturnAshes) burialCommand()  {}
func (Correct) burialCommand()      {}

func (Apply) burialCommand()    {}
func (Consent) burialCommand()  {}
func (Withdraw) burialCommand() {}
func (Complete) burialCommand() {}

// BurialState is how far an application has come.
type BurialState struct {
	Applied     Applied   // zero Type: no application
	ConsentedAt time.Time // zero: no second consent
	Withdrawn   bool
	Completed   Completed // zero Type: not completed
	// Voyage is the one that the application is tied to; empty: none.
	Voyage string
	Ties   int    // how many times it was tied to one
	Left   string // the voyage that it was untied from last
	// Received are the ashes in the institution's custody; zero Label: they are
	// not. Returned says that they were, and went back.
	Received  AshesReceived
	Returned  bool
	Corrected int // how many corrections there were
}

// Open says that the application waits for its burial.
func (s BurialState) Open() bool {
	return s.Applied.Type != "" && !s.Withdrawn && s.Completed.Type == ""
}

// AtSea says that the type's burial is made by a voyage.
func (a Applied) AtSea() bool {
	return slices.ContainsFunc(a.Requires, func(r Requirement) bool { return r.Name == "voyage_id" })
}

// Burial decides over one application.
var Burial = domain.Decider[BurialState, BurialCommand, BurialEvent]{Decide: decideBurial, Evolve: evolveBurial}

// longestFact bounds a fact's value: it names a vessel or a tree, it tells no
// story.
const longestFact = 80

var (
	// ErrTypeUnknown refuses a type that the definition does not have.
	ErrTypeUnknown = domain.Reject("eco_type_unknown", "统计口径 %[2]s 中没有 %[1]s 这种葬式。", "There is no type %[1]s in definition %[2]s.").Under("I20", "")
	// ErrTypeNotEco refuses a type that no ratio counts as eco-burial.
	ErrTypeNotEco = domain.Reject("eco_type_not_eco", "%[1]s不属于节地生态安葬。", "%[2]s is not an eco-burial.").Under("", "民发〔2016〕21号")
	// ErrWho refuses an application that lacks its people or its place.
	ErrWho = domain.Reject("eco_who_needed", "请写明逝者、申请人和办理机构。", "The deceased, the applicant and the institution are needed.")
	// ErrApplied refuses another application under the same reference.
	ErrApplied = domain.Reject("eco_applied", "这个申请编号已经使用。", "This application reference is used.").Race()
	// ErrNotApplied refuses to go on with what was never applied for.
	ErrNotApplied = domain.Reject("eco_not_applied", "没有这份生态安葬申请。", "There is no such application.")
	// ErrTimeNeeded refuses an act whose rule depends on a time that is not known.
	ErrTimeNeeded = domain.Reject("eco_time_needed", "请写明确切时间，不能是估计的。", "Please give the exact time, not an estimate.").Under("I8", "")
	// ErrPause refuses a second consent before the pause is over.
	ErrPause = domain.Reject("eco_consent_pause", "这种葬式不保留骨灰，安葬后无法更改。第二次确认请在 %s 之后再作。",
		"This way of burial keeps no ashes and cannot be undone. Please give the second consent after %s.").Under("I14", "")
	// ErrPauseNegative refuses a pause that is none.
	ErrPauseNegative = domain.Reject("eco_pause_negative", "两次确认之间的间隔不能为负数。", "The pause cannot be negative.").Under("I14", "")
	// ErrNotApplicant refuses a consent of somebody else.
	ErrNotApplicant = domain.Reject("eco_not_applicant", "须由申请人本人确认。", "Only the applicant can do this.").Under("I14", "")
	// ErrNoSecondConsent refuses a second consent where none is asked for.
	ErrNoSecondConsent = domain.Reject("eco_consent_not_needed", "这种葬式保留骨灰，不需要第二次确认。", "This way of burial keeps the ashes; no second consent is needed.").Under("I14", "")
	// ErrConsentMissing refuses an irreversible burial without the second consent.
	ErrConsentMissing = domain.Reject("eco_consent_missing", "这种葬式不保留骨灰，须待申请人第二次确认后办理。",
		"This way of burial keeps no ashes; it waits for the applicant's second consent.").Under("I14", "")
	// ErrBeforeConsent refuses a burial that happened before the second consent.
	ErrBeforeConsent = domain.Reject("eco_before_consent", "安葬时间早于第二次确认的时间。", "The burial comes before the second consent.").Under("I14", "")
	// ErrWithdrawn refuses to go on with what was taken back.
	ErrWithdrawn = domain.Reject("eco_withdrawn", "申请已经撤回。", "The application was withdrawn.")
	// ErrCompleted refuses to change what is done.
	ErrCompleted = domain.Reject("eco_completed", "已经安葬，不能再更改。", "The burial is completed and cannot be changed.")
	// ErrCertificate refuses a burial without a valid certificate.
	ErrCertificate = domain.Reject("eco_certificate_needed", "须凭这位逝者的有效火化证明办理安葬。", "A valid cremation certificate of this person is needed.").Under("I15", "")
	// ErrPlacedElsewhere refuses a second resting place for one person.
	ErrPlacedElsewhere = domain.Reject("eco_placed_elsewhere", "这位逝者已经有一处安葬位置，一位逝者只安排一处。",
		"This person already has a place; there is one for each person.").Under("E-4", "")
	// ErrFactMissing refuses a burial that lacks a required fact.
	ErrFactMissing = domain.Reject("eco_fact_missing", "还缺少或不符合：%s。", "Missing, or outside its bound: %s.").Under("I20", "")
	// ErrFactUnknown refuses a fact that the type does not ask for.
	ErrFactUnknown = domain.Reject("eco_fact_unknown", "这种葬式不需要 %s，请勿填写。", "This way of burial does not ask for %s.").Under("I20", "")
	// ErrFactLong refuses a fact that is a text.
	ErrFactLong = domain.Reject("eco_fact_long", "%s 填写过长。", "%s is too long.")
	// ErrNotAtSea refuses a voyage for another way of burial.
	ErrNotAtSea = domain.Reject("eco_not_at_sea", "这种葬式不用航次。", "This way of burial takes no voyage.")
	// ErrOnVoyage refuses a second voyage.
	ErrOnVoyage = domain.Reject("eco_on_voyage", "已经订了航次 %s，先退掉再换。", "Seats are taken on voyage %s; they are given back first.").Under("I15", "").Race()
	// ErrNotScattered refuses a sea burial that no voyage made.
	ErrNotScattered = domain.Reject("eco_not_scattered", "海葬以航次的撒放记录为准，这个航次还没有撒放这具骨灰。", "A sea burial rests on its voyage; this voyage has not scattered these ashes.").Under("I15", "")
	// ErrAshesElsewhere refuses ashes that the applicant does not have.
	ErrAshesElsewhere = domain.Reject("eco_ashes_elsewhere", "骨灰不在申请人手里，或已经安放在别处，不能接收。", "The applicant does not have the ashes, or they rest elsewhere.").Under("I11", "")
	// ErrAshesReceived refuses to receive twice.
	ErrAshesReceived = domain.Reject("eco_ashes_received", "骨灰已经由本单位保管。", "The institution has these ashes already.").Under("I11", "")
	// ErrAshesNotHere refuses to give what is not there.
	ErrAshesNotHere = domain.Reject("eco_ashes_not_here", "骨灰不在本单位。", "The institution does not have these ashes.").Under("I11", "")
	// ErrAshesSigned refuses a handover that is not signed.
	ErrAshesSigned = domain.Reject("eco_ashes_signed", "交接须双方签字，并写明标签号。", "Both sign a handover, and it names the label.").Under("I11", "")
	// ErrAshesAboard refuses a return from the sea.
	ErrAshesAboard = domain.Reject("eco_ashes_aboard", "骨灰在船上，带回登记后再办退还。", "The ashes are aboard; they are given back once they are brought back.").Under("I11", "")
	// ErrNotCompleted refuses to correct what did not happen.
	ErrNotCompleted = domain.Reject("eco_not_completed", "还没有安葬记录，不能更正。", "There is no burial to correct.").Under("I12", "")
	// ErrCorrection refuses a correction that says nothing.
	ErrCorrection = domain.Reject("eco_correction_reason", "更正须写明原因和依据的书面材料。", "A correction needs its reason and the paper it rests on.").Under("I12", "")
	// ErrCorrectSea refuses to turn a voyage's burial into another, or another
	// into one.
	ErrCorrectSea = domain.Reject("eco_correction_sea", "海葬以航次记录为准，葬式、海域和日期不能在这里更正。", "A sea burial rests on its voyage; its type, place and day are not corrected here.").Under("I12", "")
	// ErrLand refuses an area that does not fit the type.
	ErrLand = domain.Reject("eco_land", "占地面积与葬式不符：不占地的填 0，占地的填实际面积。",
		"The area does not fit the type: 0 for one that takes no land, the real area for one that does.")
)

func decideBurial(s BurialState, cmd BurialCommand) ([]BurialEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if _, ok := cmd.(Apply); !ok && s.Applied.Type == "" {
		return nil, ErrNotApplied
	}
	switch c := cmd.(type) {
	case Apply:
		return decideApply(s, c)

	case Consent:
		due := s.Applied.At.Add(time.Duration(s.Applied.PauseHours) * time.Hour)
		switch {
		case c.Applicant != s.Applied.Applicant:
			return nil, ErrNotApplicant
		case !s.Applied.Irreversible:
			return nil, ErrNoSecondConsent
		case !s.ConsentedAt.IsZero():
			return nil, nil
		case s.Withdrawn:
			return nil, ErrWithdrawn
		case act.At.IsZero() || act.Estimated:
			return nil, ErrTimeNeeded
		case act.At.Before(due):
			return nil, ErrPause.With(domain.FormatTime(due))
		}
		return []BurialEvent{Consented{c.Applicant, act.At.UTC().Round(0)}}, nil

	case Withdraw:
		switch {
		case s.Withdrawn:
			return nil, nil
		case s.Completed.Type != "":
			return nil, ErrCompleted
		case c.Applicant != s.Applied.Applicant:
			return nil, ErrNotApplicant
		}
		return []BurialEvent{Withdrawn{c.Applicant}}, nil

	case Complete:
		return decideComplete(s, c)

	case ChooseVoyage:
		switch {
		case s.Voyage == c.Voyage && c.Voyage != "":
			return nil, nil
		case s.Withdrawn:
			return nil, ErrWithdrawn
		case s.Completed.Type != "":
			return nil, ErrCompleted
		case !s.Applied.AtSea() || c.Voyage == "":
			return nil, ErrNotAtSea
		case s.Voyage != "":
			return nil, ErrOnVoyage.With(s.Voyage)
		}
		return []BurialEvent{VoyageChosen{c.Voyage}}, nil

	case LeaveVoyage:
		switch {
		case s.Voyage == "" || s.Voyage != c.Voyage:
			return nil, nil
		case s.Completed.Type != "":
			return nil, ErrCompleted
		case !c.Freed:
			return nil, ErrOnVoyage.With(s.Voyage)
		}
		return []BurialEvent{VoyageLeft{c.Voyage}}, nil

	case ReceiveAshes:
		switch {
		case s.Received.Label != "" && s.Received.Label == c.Label && s.Received.From == c.Applicant:
			return nil, nil
		case s.Received.Label != "":
			return nil, ErrAshesReceived
		case s.Withdrawn:
			return nil, ErrWithdrawn
		case s.Completed.Type != "":
			return nil, ErrCompleted
		case c.Applicant != s.Applied.Applicant:
			return nil, ErrNotApplicant
		case c.Label == "" || !c.Signed:
			return nil, ErrAshesSigned
		case !c.Holds || !c.Placed:
			return nil, ErrAshesElsewhere
		}
		return []BurialEvent{AshesReceived{c.Applicant, c.Label, act.By}}, nil

	case ReturnAshes:
		switch {
		case s.Completed.Type != "":
			return nil, ErrCompleted
		case s.Received.Label == "" && s.Returned:
			return nil, nil
		case s.Received.Label == "":
			return nil, ErrAshesNotHere
		case !c.Signed || c.Reason == "":
			return nil, ErrAshesSigned
		case c.Aboard:
			return nil, ErrAshesAboard
		}
		return []BurialEvent{AshesReturned{s.Received.From, act.By, c.Reason}}, nil

	case Correct:
		return decideCorrect(s, c)
	}
	panic("unreachable: BurialCommand is sealed")
}

func decideApply(s BurialState, c Apply) ([]BurialEvent, error) {
	t, ok := c.Definition.Type(c.Type)
	switch {
	case !ok:
		return nil, ErrTypeUnknown.With(c.Type, c.Definition.ID)
	case !t.Broad:
		return nil, ErrTypeNotEco.With(t.NameZh, t.NameEn)
	case c.Person == "" || c.Applicant == "" || c.Institution == "":
		return nil, ErrWho
	case c.PauseHours < 0:
		return nil, ErrPauseNegative
	case c.At.IsZero() || c.Estimated:
		return nil, ErrTimeNeeded
	}
	if _, err := domain.ParseDivision(string(c.Division)); err != nil {
		return nil, err
	}
	e := Applied{Type: t.Code, Definition: c.Definition.ID, Institution: c.Institution, Division: c.Division, Case: c.Case,
		Certificate: c.Certificate, Person: c.Person, Applicant: c.Applicant, Irreversible: t.Irreversible,
		At: c.At.UTC().Round(0), Requires: t.Requires, TakesLand: t.LandCM2 > 0}
	if t.Irreversible {
		e.PauseHours = c.PauseHours
		if e.PauseHours == 0 {
			e.PauseHours = DefaultPauseHours
		}
	}
	if o := s.Applied; o.Type != "" {
		if o.Type == e.Type && o.Definition == e.Definition && o.Institution == e.Institution && o.Division == e.Division && o.Case == e.Case &&
			o.Certificate == e.Certificate && o.Person == e.Person && o.Applicant == e.Applicant && o.At.Equal(e.At) {
			return nil, nil
		}
		return nil, ErrApplied
	}
	return []BurialEvent{e}, nil
}

func decideComplete(s BurialState, c Complete) ([]BurialEvent, error) {
	a := s.Applied
	e := Completed{Type: a.Type, Definition: a.Definition, Facts: maps.Clone(c.Facts), Institution: a.Institution, Division: a.Division, Person: a.Person,
		Certificate: cmp.Or(c.Certificate, a.Certificate), CompletedOn: domain.DateOf(c.At), LandCM2: c.LandCM2, EcoCertificate: c.EcoCertificate}
	if o := s.Completed; o.Type != "" {
		if maps.Equal(o.Facts, e.Facts) && o.Certificate == e.Certificate && o.CompletedOn == e.CompletedOn && o.LandCM2 == e.LandCM2 && o.EcoCertificate == e.EcoCertificate {
			return nil, nil
		}
		return nil, ErrCompleted
	}
	switch {
	case s.Withdrawn:
		return nil, ErrWithdrawn
	case a.Irreversible && s.ConsentedAt.IsZero():
		return nil, ErrConsentMissing
	case a.Irreversible && !c.At.IsZero() && c.At.Before(s.ConsentedAt):
		return nil, ErrBeforeConsent
	case e.Certificate == "" || !c.CertificateHolds:
		return nil, ErrCertificate
	case a.AtSea() && !c.Scattered || s.Voyage != "" && s.Voyage != c.Facts["voyage_id"]:
		return nil, ErrNotScattered
	case s.Returned && s.Received.Label == "":
		return nil, ErrAshesNotHere
	case c.PlacedElsewhere:
		return nil, ErrPlacedElsewhere
	case c.LandCM2 < 0 || a.TakesLand != (c.LandCM2 > 0):
		return nil, ErrLand
	}
	if err := checkFacts(a.Requires, c.Facts); err != nil {
		return nil, err
	}
	return []BurialEvent{e}, nil
}

// checkFacts holds the facts of a burial against what its type requires: all of
// them, and no others.
func checkFacts(requires []Requirement, facts map[string]string) error {
	var missing []string
	for _, r := range requires {
		if !r.Met(facts[r.Name]) {
			missing = append(missing, r.String())
		}
	}
	if len(missing) > 0 {
		return ErrFactMissing.With(strings.Join(missing, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		switch {
		case !slices.ContainsFunc(requires, func(r Requirement) bool { return r.Name == name }):
			return ErrFactUnknown.With(name)
		case len([]rune(facts[name])) > longestFact:
			return ErrFactLong.With(name)
		}
	}
	return nil
}

func decideCorrect(s BurialState, c Correct) ([]BurialEvent, error) {
	o := s.Completed
	e := Corrected{Type: c.Type, Facts: maps.Clone(c.Facts), Division: c.Division, CompletedOn: c.CompletedOn, LandCM2: c.LandCM2,
		Was: Told{o.Type, o.Division, o.CompletedOn, o.LandCM2}, Reason: c.Reason, Paper: c.Paper}
	if o.Type == "" {
		return nil, ErrNotCompleted
	}
	if e.Was == (Told{e.Type, e.Division, e.CompletedOn, e.LandCM2}) && maps.Equal(o.Facts, e.Facts) {
		return nil, nil
	}
	t, ok := c.Definition.Type(c.Type)
	sea := Applied{Requires: t.Requires}.AtSea() || s.Applied.AtSea()
	switch {
	case c.Reason == "" || c.Paper == "":
		return nil, ErrCorrection
	case !ok:
		return nil, ErrTypeUnknown.With(c.Type, c.Definition.ID)
	case !t.Broad:
		return nil, ErrTypeNotEco.With(t.NameZh, t.NameEn)
	case sea && (c.Type != o.Type || c.Division != o.Division || c.CompletedOn != o.CompletedOn):
		return nil, ErrCorrectSea
	case t.Irreversible && s.ConsentedAt.IsZero():
		return nil, ErrConsentMissing
	case t.Irreversible && c.CompletedOn != "" && c.CompletedOn < domain.DateOf(s.ConsentedAt):
		return nil, ErrBeforeConsent
	case c.CompletedOn > domain.DateOf(c.Now):
		return nil, domain.ErrFuture.With(string(c.CompletedOn))
	case c.LandCM2 < 0 || (t.LandCM2 > 0) != (c.LandCM2 > 0):
		return nil, ErrLand
	}
	if c.CompletedOn != "" && !c.CompletedOn.Valid() {
		_, err := domain.ParseDate(string(c.CompletedOn))
		return nil, err
	}
	if _, err := domain.ParseDivision(string(c.Division)); err != nil {
		return nil, err
	}
	if err := checkFacts(t.Requires, c.Facts); err != nil {
		return nil, err
	}
	return []BurialEvent{e}, nil
}

func evolveBurial(s BurialState, e BurialEvent) BurialState {
	switch e := e.(type) {
	case Applied:
		s.Applied = e
	case Consented:
		s.ConsentedAt = e.At
	case Withdrawn:
		s.Withdrawn = true
	case Completed:
		s.Completed = e
	case VoyageChosen:
		s.Voyage, s.Ties = e.Voyage, s.Ties+1
	case VoyageLeft:
		s.Voyage, s.Left = "", e.Voyage
	case AshesReceived:
		s.Received, s.Returned = e, false
	case AshesReturned:
		s.Received, s.Returned = AshesReceived{}, true
	case Corrected:
		s.Completed.Type, s.Completed.Facts, s.Completed.Division = e.Type, e.Facts, e.Division
		s.Completed.CompletedOn, s.Completed.LandCM2 = e.CompletedOn, e.LandCM2
		s.Corrected++
	}
	return s
}
