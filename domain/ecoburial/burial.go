// Package ecoburial decides over burials that save land, and over the
// incentives for them.
//
// Two aggregates: Burial (an application from the first wish to the completed
// burial) and Incentive (what one person was granted, once). A Definition says
// which ways of burial there are and how each counts.
package ecoburial

import (
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

func decideBurial(s BurialState, cmd BurialCommand) ([]BurialEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	return nil, nil
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
