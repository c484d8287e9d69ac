// Package ecoburial decides over burials that save land, and over the
// incentives for them.
//
// Two aggregates: Burial (an application from the first wish to the completed
// burial) and Incentive (what one person was granted, once). A Definition says
// which ways of burial there are and how each counts.
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
	domain.Named[IncentiveGranted]("incentive.granted.v1"),
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
)

func (Applied) burialEvent()   {}
func (Consented) burialEvent() {}
func (Withdrawn) burialEvent() {}
func (Completed) burialEvent() {}

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
		// Facts are those that the type requires, and no others: free fields
		// would collect names.
		Facts          map[string]string
		LandCM2        int
		EcoCertificate string
	}
)

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
	case c.PlacedElsewhere:
		return nil, ErrPlacedElsewhere
	case c.LandCM2 < 0 || a.TakesLand != (c.LandCM2 > 0):
		return nil, ErrLand
	}
	var missing []string
	for _, r := range a.Requires {
		if !r.Met(c.Facts[r.Name]) {
			missing = append(missing, r.String())
		}
	}
	if len(missing) > 0 {
		return nil, ErrFactMissing.With(strings.Join(missing, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Facts)) {
		switch {
		case !slices.ContainsFunc(a.Requires, func(r Requirement) bool { return r.Name == name }):
			return nil, ErrFactUnknown.With(name)
		case len([]rune(c.Facts[name])) > longestFact:
			return nil, ErrFactLong.With(name)
		}
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
	}
	return s
}
