package cemetery

import (
	"slices"

	"shenzhong/domain"
)

// PlotCategory names the streams of plots and niches; a stream's id is
// "<cemetery>.<plot number>".
const PlotCategory = "plot"

// A PlotKind is the sort of place.
type PlotKind string

// The kinds of place.
const (
	Grave     PlotKind = "GRAVE"      // ashes in the ground
	BodyGrave PlotKind = "BODY_GRAVE" // a body in the ground, where that is allowed
	Niche     PlotKind = "NICHE"      // ashes in a building or a wall
	Eco       PlotKind = "ECO"        // under a tree, flowers or grass
)

// A Ground is the paper against which a place is given (E-1).
type Ground string

// The grounds.
const (
	// CremationCertificate is the usual one.
	CremationCertificate Ground = "CREMATION_CERTIFICATE"
	// DeathCertificate serves for a body grave.
	DeathCertificate Ground = "DEATH_CERTIFICATE"
	// LivingSpouse is the exception of E-3: a place beside the deceased.
	LivingSpouse Ground = "LIVING_SPOUSE"
)

// A PlotEvent is what happens to one plot.
type PlotEvent interface{ plotEvent() }

type (
	// PlotSurveyed says what the place is.
	PlotSurveyed struct {
		Cemetery      domain.CreditCode `json:"cemetery"`
		Division      domain.Division   `json:"division"`
		Plot          string            `json:"plot"`
		Section       string            `json:"section,omitzero"`
		Row           string            `json:"row,omitzero"`
		Kind          PlotKind          `json:"kind"`
		EcoType       string            `json:"eco_type"`
		Capacity      int               `json:"capacity"`
		AreaCM2       int               `json:"area_cm2"`
		StoneHeightCM int               `json:"stone_height_cm"`
	}
	// PlotAllocated gives a place in the plot to one person under a right of use.
	PlotAllocated struct {
		Right     string         `json:"right"`
		Applicant domain.Subject `json:"applicant"`
		Deceased  domain.Subject `json:"deceased"`
		Ground    Ground         `json:"ground"`
		// Certificate is the cremation certificate's number, or the reference
		// under which the death certificate is kept; empty for a living spouse.
		Certificate string `json:"certificate,omitzero"`
		// ExceptionPaper and SpouseOf belong to the living-spouse exception.
		ExceptionPaper domain.Private[string] `json:"exception_paper,omitzero"`
		SpouseOf       domain.Subject         `json:"spouse_of,omitzero"`
		Contract       string                 `json:"contract"`
		TermUntil      domain.Date            `json:"term_until"`
		FeeFen         domain.Money           `json:"fee_fen"`
	}
	// PlotInterred is one interment.
	PlotInterred struct {
		Right       string            `json:"right"`
		Person      domain.Subject    `json:"person"`
		Certificate string            `json:"certificate"`
		EcoType     string            `json:"eco_type"`
		Definition  string            `json:"definition"`
		Institution domain.CreditCode `json:"institution"`
		Division    domain.Division   `json:"division"`
		AreaCM2     int               `json:"area_cm2"`
		// InterredOn is the local date of the act; empty when nobody knows it.
		InterredOn domain.Date `json:"interred_on,omitzero"`
	}
	// PlotSurrendered gives an empty plot back.
	PlotSurrendered struct {
		Right   string           `json:"right"`
		Reason  string           `json:"reason"`
		Persons []domain.Subject `json:"persons"`
	}
)

func (PlotSurveyed) plotEvent()    {}
func (PlotAllocated) plotEvent()   {}
func (PlotInterred) plotEvent()    {}
func (PlotSurrendered) plotEvent() {}

// A PlotCommand asks something of one plot.
type PlotCommand interface {
	domain.Command
	plotCommand()
}

type (
	// Survey records or corrects what the place is, before it is given.
	Survey struct {
		domain.Act
		// Cemetery is the fact what its own stream says.
		Cemetery           CemeteryState
		Plot, Section, Row string
		Kind               PlotKind
		EcoType            string // code of the eco types in force
		Capacity           int
		AreaCM2            int
		StoneHeightCM      int
	}
	// Allocate gives a place to a deceased person, or, with LivingSpouse, to the
	// spouse of one who already has a place here. A second person joins under
	// the same Right.
	Allocate struct {
		domain.Act
		Right     string
		Applicant domain.Subject
		Deceased  domain.Subject
		Ground    Ground
		// Certificate and the fact that it is registered, not void and of this
		// person.
		Certificate      string
		CertificateHolds bool
		ExceptionPaper   domain.Private[string]
		SpouseOf         domain.Subject
		// Hukou is the fact where the person is registered; FamilyHukou the same
		// of the spouse of a non-local person or a parent of a minor (E-2).
		Hukou, FamilyHukou domain.Division
		// Villager is the fact that a village which a rural cemetery serves
		// counts the person as its own.
		Villager  bool
		Contract  string
		TermUntil domain.Date
		FeeFen    domain.Money // use fee
		// Placed is the fact which plot the person's own placement stream names,
		// as "<cemetery>.<plot>"; empty when there is none.
		Placed string
		// Cemetery is the fact what its own stream says.
		Cemetery CemeteryState
	}
	// Inter lays one person to rest.
	Inter struct {
		domain.Act
		Right            string
		Person           domain.Subject
		Certificate      string
		CertificateHolds bool // fact, as in Allocate
		// EcoType is what the interment counts as under Definition; empty takes
		// the surveyed one.
		EcoType    string
		Definition string
	}
	// Surrender gives an empty plot back.
	Surrender struct {
		domain.Act
		Right  string
		Reason string // never about a person
	}
)

func (Survey) plotCommand()    {}
func (Allocate) plotCommand()  {}
func (Inter) plotCommand()     {}
func (Surrender) plotCommand() {}

// PlotState is a plot as it stands.
type PlotState struct {
	Surveyed  PlotSurveyed // zero Capacity: not surveyed
	Right     string       // empty: free
	Applicant domain.Subject
	TermUntil domain.Date
	Places    []PlotAllocated // under Right, one per person
	Interred  []domain.Subject
}

// Plot decides over one plot.
var Plot = domain.Decider[PlotState, PlotCommand, PlotEvent]{Decide: decidePlot, Evolve: evolvePlot}

func decidePlot(s PlotState, cmd PlotCommand) ([]PlotEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	return nil, nil
}

func evolvePlot(s PlotState, e PlotEvent) PlotState {
	switch e := e.(type) {
	case PlotSurveyed:
		s.Surveyed = e
	case PlotAllocated:
		s.Right, s.Applicant, s.TermUntil = e.Right, e.Applicant, e.TermUntil
		s.Places = append(slices.Clip(s.Places), e)
	case PlotInterred:
		s.Interred = append(slices.Clip(s.Interred), e.Person)
	case PlotSurrendered:
		s.Right, s.Applicant, s.TermUntil, s.Places = "", "", "", nil
	}
	return s
}
