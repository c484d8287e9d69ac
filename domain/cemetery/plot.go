package cemetery

import (
	"cmp"
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

// PlotKinds lists every kind of place.
var PlotKinds = []PlotKind{Grave, BodyGrave, Niche, Eco}

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
	Places    []PlotAllocated  // under Right, one per person, never beyond capacity
	Interred  []domain.Subject // each has a place
}

// Plot decides over one plot.
var Plot = domain.Decider[PlotState, PlotCommand, PlotEvent]{Decide: decidePlot, Evolve: evolvePlot}

var (
	// ErrCemeteryUnknown refuses a plot of a cemetery that is not on record.
	ErrCemeteryUnknown = domain.Reject("plot_cemetery_unknown", "公墓还没有登记。", "The cemetery is not on record.")
	// ErrPlotInvalid refuses a survey that describes no place.
	ErrPlotInvalid = domain.Reject("plot_invalid", "墓位资料有误：%s。", "The plot's survey is not right: %s.").Under("I15", "")
	// ErrSurveyGiven refuses to survey anew what somebody has a right to.
	ErrSurveyGiven = domain.Reject("plot_survey_given", "墓位已经提供使用，不能重新登记。", "The plot is given; it cannot be surveyed anew.").Under("I15", "")
	// ErrNotSurveyed refuses to give a plot that is not on record.
	ErrNotSurveyed = domain.Reject("plot_not_surveyed", "没有登记过这个墓位。", "This plot is not on record.").Under("I15", "")
	// ErrHistoric refuses new places in a historic burial spot.
	ErrHistoric = domain.Reject("plot_historic", "历史埋葬点不再提供新的墓位。", "A historic burial spot gives no new places.").Under("", basisRegulation)
	// ErrRightNeeded refuses an allocation that lacks its people or its right.
	ErrRightNeeded = domain.Reject("plot_right_needed", "请写明使用权编号、申请人和逝者。", "The right, the applicant and the deceased are needed.").Under("E-1", "")
	// ErrPlotTaken refuses a plot that somebody else has a right to.
	ErrPlotTaken = domain.Reject("plot_taken", "这个墓位已经提供给别的家庭。", "This plot is already given to another family.").Under("I15", "").Race()
	// ErrOtherApplicant refuses to add a person under somebody else's right.
	ErrOtherApplicant = domain.Reject("plot_other_applicant", "须由原申请人办理，墓位不得转让。", "Only the holder of the right can do this; a plot is not transferred.").Under("E-4", "")
	// ErrPlotFull refuses a person beyond the plot's capacity.
	ErrPlotFull = domain.Reject("plot_full", "这个墓位最多安葬 %d 位，已经满了。", "This plot holds at most %d and is full.").Under("I15", "").Race()
	// ErrPersonPlaced refuses a person who already has a place.
	ErrPersonPlaced = domain.Reject("plot_person_placed", "这位逝者已经有一处安葬位置，一位逝者只安排一处。", "This person already has a place; there is one for each person.").Under("E-4", "")
	// ErrGround refuses a ground that does not exist or does not fit the plot.
	ErrGround = domain.Reject("plot_ground", "办理依据不对：骨灰凭火化证明，遗体墓凭死亡证明，健在配偶凭有关证明。",
		"The ground does not fit: ashes need a cremation certificate, a body grave a death certificate, a living spouse the paper about it.").Under("E-1", basisRegulation)
	// ErrCertificate refuses an act without a valid certificate of the person.
	ErrCertificate = domain.Reject("plot_certificate_needed", "墓位须凭证提供：请出示这位逝者的有效证明。", "A plot is given against a certificate: a valid one of this person is needed.").Under("E-1", basisRegulation)
	// ErrPreallocation refuses to give a plot ahead of a death.
	ErrPreallocation = domain.Reject("plot_preallocation", "不得预先提供墓位。健在配偶只能与已在此安排的逝者合葬预留。",
		"Plots are not given ahead of a death. A living spouse can only be named beside a person who already has a place here.").Under("E-3", basisRegulation)
	// ErrExceptionPaper refuses the exception without its paper.
	ErrExceptionPaper = domain.Reject("plot_exception_paper", "健在配偶合葬预留，须有婚姻关系证明。", "A place for a living spouse needs the proof of marriage.").Under("E-3", "")
	// ErrNotServed refuses a person outside the area that a public cemetery serves.
	ErrNotServed = domain.Reject("plot_not_served", "逝者户籍不在这家公益性公墓的服务区域内。", "The person's registered residence is outside the area this public cemetery serves.").Under("E-2", "")
	// ErrArea refuses a plot that is larger than the rules allow.
	ErrArea = domain.Reject("plot_area", "墓位占地 %d 平方厘米，超过限值 %d，不能提供。", "The plot takes %d cm², above the limit of %d; it cannot be given.").Under("E-5", basisRegulation)
	// ErrStone refuses a headstone that is higher than the rules allow.
	ErrStone = domain.Reject("plot_stone", "墓碑高 %d 厘米，超过限值 %d，不能提供。", "The headstone is %d cm high, above the limit of %d; the plot cannot be given.").Under("E-6", basisRegulation)
	// ErrTerm refuses a period of use that has ended, or is too long.
	ErrTerm = domain.Reject("plot_term", "使用期限须晚于办理当天，最迟到 %s。", "The period of use must end after the day of the allocation, and by %s.").Under("E-7", "民事发〔1998〕10号")
	// ErrTermOther refuses a second person's term that is not the right's.
	ErrTermOther = domain.Reject("plot_term_other", "同一使用权的期限须一致，为 %s。", "One right has one period of use; it ends on %s.").Under("E-7", "")
	// ErrContract refuses an allocation without its contract.
	ErrContract = domain.Reject("plot_contract_needed", "请写明合同编号。", "The contract's number is needed.").Under("E-8", "民办函〔2024〕27号")
	// ErrFee refuses a fee below zero.
	ErrFee = domain.Reject("plot_fee_negative", "费用不能为负数。", "The fee cannot be below zero.")
	// ErrVillageFee refuses a use fee of a villager.
	ErrVillageFee = domain.Reject("plot_village_fee", "农村公益性墓地原则上不向村民收取墓位使用费。", "A village cemetery asks villagers for no plot-use fee.").Under("", "发改价格〔2026〕108号")
	// ErrNotHolder refuses an act under a right that the plot is not given to.
	ErrNotHolder = domain.Reject("plot_not_holder", "这个墓位没有按这份使用权提供。", "The plot is not given under this right.").Under("I15", "")
	// ErrNotNamed refuses to inter somebody who has no place in the plot.
	ErrNotNamed = domain.Reject("plot_not_named", "这位逝者没有登记在这份使用权内，请先办理。", "This person has no place under this right; please allocate it first.").Under("E-4", "")
	// ErrTermOver refuses an interment after the period of use.
	ErrTermOver = domain.Reject("plot_term_over", "使用期限已于 %s 届满，请先续期。", "The period of use ended on %s; please renew it first.").Under("E-7", "")
	// ErrEcoType refuses an interment that the survey contradicts.
	ErrEcoType = domain.Reject("plot_eco_type", "葬式与墓位登记的 %s 不符。", "The type does not fit the surveyed one, %s.").Under("I20", "")
	// ErrDefinition refuses an interment that does not say how it counts.
	ErrDefinition = domain.Reject("plot_definition_needed", "请写明统计口径版本。", "The version of the eco definition is needed.").Under("I20", "")
	// ErrOccupied refuses to give back a plot in which somebody rests.
	ErrOccupied = domain.Reject("plot_occupied", "墓位内已有安葬，不能退回。", "Somebody rests in this plot; it cannot be given back.").Under("I15", "")
	// ErrReason refuses to give a plot back without saying why.
	ErrReason = domain.Reject("plot_reason_needed", "请写明退回的原因。", "Please say why the plot is given back.")
)

func decidePlot(s PlotState, cmd PlotCommand) ([]PlotEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if _, ok := cmd.(Survey); !ok && s.Surveyed.Capacity == 0 {
		return nil, ErrNotSurveyed
	}
	switch c := cmd.(type) {
	case Survey:
		e := PlotSurveyed{c.Cemetery.Cemetery, c.Cemetery.Division, c.Plot, c.Section, c.Row, c.Kind, c.EcoType, c.Capacity, c.AreaCM2, c.StoneHeightCM}
		switch {
		case c.Cemetery.Cemetery == "":
			return nil, ErrCemeteryUnknown
		case s.Surveyed == e:
			return nil, nil
		case s.Right != "":
			return nil, ErrSurveyGiven
		case c.Plot == "":
			return nil, ErrPlotInvalid.With("plot")
		case !slices.Contains(PlotKinds, c.Kind):
			return nil, ErrPlotInvalid.With("kind")
		case c.EcoType == "":
			return nil, ErrPlotInvalid.With("eco_type")
		case c.Capacity < 1 || c.Capacity > mostInPlot:
			return nil, ErrPlotInvalid.With("capacity")
		case c.AreaCM2 < 0 || c.AreaCM2 == 0 && (c.Kind == Grave || c.Kind == BodyGrave):
			return nil, ErrPlotInvalid.With("area_cm2")
		case c.StoneHeightCM < 0:
			return nil, ErrPlotInvalid.With("stone_height_cm")
		}
		return []PlotEvent{e}, nil

	case Allocate:
		e := PlotAllocated{c.Right, c.Applicant, c.Deceased, c.Ground, c.Certificate, c.ExceptionPaper, c.SpouseOf, c.Contract, c.TermUntil, c.FeeFen}
		if slices.Contains(s.Places, e) {
			return nil, nil
		}
		if err := s.mayAllocate(c, cmp.Or(domain.DateOf(act.At), domain.DateOf(act.Now))); err != nil {
			return nil, err
		}
		return []PlotEvent{e}, nil

	case Inter:
		switch {
		case s.Right == "" || s.Right != c.Right:
			return nil, ErrNotHolder
		case slices.Contains(s.Interred, c.Person):
			return nil, nil
		case s.place(c.Person) < 0:
			return nil, ErrNotNamed
		case c.Certificate == "" || !c.CertificateHolds:
			return nil, ErrCertificate
		case c.EcoType != "" && c.EcoType != s.Surveyed.EcoType:
			return nil, ErrEcoType.With(s.Surveyed.EcoType)
		case c.Definition == "":
			return nil, ErrDefinition
		}
		on := domain.DateOf(act.At)
		if cmp.Or(on, domain.DateOf(act.Now)) > s.TermUntil {
			return nil, ErrTermOver.With(s.TermUntil)
		}
		return []PlotEvent{PlotInterred{c.Right, c.Person, c.Certificate, s.Surveyed.EcoType, c.Definition,
			s.Surveyed.Cemetery, s.Surveyed.Division, s.Surveyed.AreaCM2, on}}, nil

	case Surrender:
		switch {
		case s.Right == "" || s.Right != c.Right:
			return nil, ErrNotHolder
		case len(s.Interred) > 0:
			return nil, ErrOccupied
		case c.Reason == "":
			return nil, ErrReason
		}
		var persons []domain.Subject
		for _, p := range s.Places {
			persons = append(persons, p.Deceased)
		}
		return []PlotEvent{PlotSurrendered{c.Right, c.Reason, persons}}, nil
	}
	panic("unreachable: PlotCommand is sealed")
}

// mostInPlot is far above any family grave: a larger number is a typing error.
const mostInPlot = 20

// mayAllocate holds E-1 to E-8 on the day of the allocation.
func (s PlotState) mayAllocate(c Allocate, day domain.Date) error {
	cem := c.Cemetery
	limits := cem.Limits
	switch {
	case cem.Cemetery == "" || cem.Cemetery != s.Surveyed.Cemetery:
		return ErrCemeteryUnknown
	case cem.Class == Historic:
		return ErrHistoric
	case c.Right == "" || c.Applicant == "" || c.Deceased == "":
		return ErrRightNeeded
	case s.Right != "" && s.Right != c.Right:
		return ErrPlotTaken
	case s.Right != "" && s.Applicant != c.Applicant:
		return ErrOtherApplicant
	case s.place(c.Deceased) >= 0, c.Placed != "" && c.Placed != string(s.Surveyed.Cemetery)+"."+s.Surveyed.Plot:
		return ErrPersonPlaced
	case len(s.Places) >= s.Surveyed.Capacity:
		return ErrPlotFull.With(s.Surveyed.Capacity)
	}

	switch c.Ground {
	case CremationCertificate, DeathCertificate:
		switch {
		case (c.Ground == DeathCertificate) != (s.Surveyed.Kind == BodyGrave):
			return ErrGround
		case c.Certificate == "" || !c.CertificateHolds:
			return ErrCertificate
		case !c.ExceptionPaper.IsZero() || c.SpouseOf != "":
			return ErrGround
		}
	case LivingSpouse:
		i := s.place(c.SpouseOf)
		switch {
		case c.Certificate != "":
			return ErrGround
		case !limits.Spouse || i < 0 || s.Places[i].Ground == LivingSpouse:
			return ErrPreallocation
		case c.ExceptionPaper.Or("") == "":
			return ErrExceptionPaper
		}
	case "":
		return ErrPreallocation
	default:
		return ErrGround
	}

	serves := func(d domain.Division) bool {
		return slices.ContainsFunc(cem.Serves, d.In)
	}
	area := limits.AshAreaCM2
	if s.Surveyed.Kind == BodyGrave {
		area = limits.SingleBodyAreaCM2
		if s.Surveyed.Capacity > 1 {
			area = limits.DoubleBodyAreaCM2
		}
	}
	last := day.AddMonths(12 * limits.TermYears)
	switch {
	case cem.Class.Public() && !serves(c.Hukou) && !serves(c.FamilyHukou), cem.Class == RuralPublic && !c.Villager:
		return ErrNotServed
	case s.Surveyed.AreaCM2 > area:
		return ErrArea.With(s.Surveyed.AreaCM2, area)
	case s.Surveyed.StoneHeightCM > limits.StoneHeightCM:
		return ErrStone.With(s.Surveyed.StoneHeightCM, limits.StoneHeightCM)
	case !c.TermUntil.Valid() || c.TermUntil <= day || c.TermUntil > last:
		return ErrTerm.With(last)
	case s.Right != "" && c.TermUntil != s.TermUntil:
		return ErrTermOther.With(s.TermUntil)
	case c.Contract == "":
		return ErrContract
	case c.FeeFen < 0:
		return ErrFee
	case cem.Class == RuralPublic && c.FeeFen > 0:
		return ErrVillageFee
	}
	return nil
}

// place is the index of the person's place; negative for none.
func (s PlotState) place(of domain.Subject) int {
	return slices.IndexFunc(s.Places, func(p PlotAllocated) bool { return p.Deceased == of })
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
