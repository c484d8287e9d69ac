package cemetery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
	Wall      PlotKind = "WALL"       // a place in a wall out of doors
	Tree      PlotKind = "TREE"       // under a tree
	Flowers   PlotKind = "FLOWERS"    // in a flower bed
	Lawn      PlotKind = "LAWN"       // under grass
	Eco       PlotKind = "ECO"        // one of the last three, not said which
)

// PlotKinds lists every kind of place.
var PlotKinds = []PlotKind{Grave, BodyGrave, Niche, Wall, Tree, Flowers, Lawn, Eco}

// A Ground is the paper against which a place is given (E-1).
type Ground string

// The grounds.
const (
	// CremationCertificate is the usual one.
	CremationCertificate Ground = "CREMATION_CERTIFICATE"
	// DeathCertificate serves for a body grave.
	DeathCertificate Ground = "DEATH_CERTIFICATE"
	// RelocationPermit serves for ashes that are moved from another place.
	RelocationPermit Ground = "RELOCATION_PERMIT"
	// LivingSpouse is an exception of E-3: a place beside the deceased. The other
	// exceptions are the seriously ill, the old, and childless elderly people.
	LivingSpouse    Ground = "LIVING_SPOUSE"
	LivingIll       Ground = "LIVING_ILL"
	LivingAged      Ground = "LIVING_AGED"
	LivingChildless Ground = "LIVING_CHILDLESS"
)

// Grounds lists every ground.
var Grounds = []Ground{CremationCertificate, DeathCertificate, RelocationPermit, LivingSpouse, LivingIll, LivingAged, LivingChildless}

// A PlotEvent is what happens to one plot.
type PlotEvent interface{ plotEvent() }

type (
	// PlotSurveyed says what the place is.
	PlotSurveyed struct {
		Cemetery      domain.CreditCode `json:"cemetery"`
		Division      domain.Division   `json:"division"`
		Plot          string            `json:"plot"`
		Garden        string            `json:"garden,omitzero"`  // 园
		Section       string            `json:"section,omitzero"` // 区
		Row           string            `json:"row,omitzero"`     // 排
		Seat          string            `json:"seat,omitzero"`    // 位
		Kind          PlotKind          `json:"kind"`
		EcoType       string            `json:"eco_type"`
		Capacity      int               `json:"capacity"`
		AreaCM2       int               `json:"area_cm2"`
		StoneHeightCM int               `json:"stone_height_cm"`
		// WidthCM and DepthCM are the sides of the place; zero where nobody
		// measured them.
		WidthCM int `json:"width_cm,omitzero"`
		DepthCM int `json:"depth_cm,omitzero"`
		// Spot is where the place is on the map.
		Spot Spot `json:"spot,omitzero"`
	}
	// PlotExceeded says that the place, as it is, breaks a limit: it stays on
	// record as not compliant, and is not given, until it is remedied.
	PlotExceeded struct {
		Rule     string `json:"rule"` // "E-5", "E-6"
		Measured int    `json:"measured"`
		Limit    int    `json:"limit"`
		Rules    string `json:"rules"` // the version it was held against
	}
	// PlotRemedied says that it breaks that limit no more.
	PlotRemedied struct {
		Rule     string `json:"rule"`
		Measured int    `json:"measured"`
		Rules    string `json:"rules"`
	}
	// PlotHeld keeps a free place for a round.
	PlotHeld struct {
		Round string `json:"round"`
	}
	// PlotHoldEnded opens it again: the round came to an end without a taker.
	PlotHoldEnded struct {
		Round string `json:"round"`
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
		// Deed is the number of the burial certificate (安葬证, E-8).
		Deed string `json:"deed,omitzero"`
		// Rules is the version of E-1 to E-8 that was held; Round the round that
		// the place was won in.
		Rules string `json:"rules,omitzero"`
		Round string `json:"round,omitzero"`
	}
	// PlotRefused keeps that somebody asked for what a limit forbids.
	PlotRefused struct {
		Refusal string `json:"refusal"`
		Right   string `json:"right,omitzero"`
		Code    string `json:"code"` // of the rejection, "plot_area"
		Rule    string `json:"rule,omitzero"`
		Basis   string `json:"basis,omitzero"`
		Asked   string `json:"asked,omitzero"`
		Limit   string `json:"limit,omitzero"`
	}
	// StoneAgreed says what headstone may stand on the place. Its words name the
	// dead; they are sealed for the holder of the right.
	StoneAgreed struct {
		Right       string                 `json:"right"`
		HeightCM    int                    `json:"height_cm"` // above the ground; zero: it lies flat
		Inscription domain.Private[string] `json:"inscription"`
		Rules       string                 `json:"rules"` // the version it was held against
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
	// PlotConsented is who agreed to an interment, and how; it comes with it.
	PlotConsented struct {
		Right   string         `json:"right"`
		Person  domain.Subject `json:"person"`
		Consent Consent        `json:"consent"`
	}
	// PlotReinterred lays somebody in the place who was moved from another one.
	// It is no new burial and counts in no ratio.
	PlotReinterred struct {
		Right      string         `json:"right"`
		Person     domain.Subject `json:"person"`
		Permit     string         `json:"permit"`
		EcoType    string         `json:"eco_type"`
		InterredOn domain.Date    `json:"interred_on,omitzero"`
	}
	// PlotExtended gives the right a longer period of use.
	PlotExtended struct {
		Right string      `json:"right"`
		Until domain.Date `json:"until"`
	}
	// PlotPassedOn names the heir who holds the right now.
	PlotPassedOn struct {
		Right  string         `json:"right"`
		Holder domain.Subject `json:"holder"`
	}
	// PlotLapsed ends the use of the place, not the rest of who lies there.
	PlotLapsed struct {
		Right string `json:"right"`
	}
	// PlotSurrendered gives an empty plot back.
	PlotSurrendered struct {
		Right   string           `json:"right"`
		Reason  string           `json:"reason"`
		Persons []domain.Subject `json:"persons"`
		Paper   string           `json:"paper,omitzero"` // number of the signed request; the first form had none
	}
	// PlotVacated is one person's leaving under a relocation. When nobody rests
	// there any more the right is over, and the place is locked until it is
	// reopened; Freed are those who had a place there and had not come.
	PlotVacated struct {
		Right      string           `json:"right"`
		Person     domain.Subject   `json:"person"`
		Relocation string           `json:"relocation"`
		Empty      bool             `json:"empty,omitzero"`
		Freed      []domain.Subject `json:"freed,omitzero"`
	}
	// PlotReopened lets a vacated place be given again, publicly.
	PlotReopened struct {
		Document string `json:"document"`
	}
)

// A Spot is a point of the map in CGCS2000, in ten-millionths of a degree (about
// a centimetre). Zero: nobody measured it.
type Spot struct {
	LonE7 int `json:"lon_e7"`
	LatE7 int `json:"lat_e7"`
}

// A Consent is how the holder of the right agreed to an interment.
type Consent struct {
	By    domain.Subject `json:"by,omitzero"`
	Paper string         `json:"paper,omitzero"` // number of the signed request
	// Exception stands in for the holder; its paper is then Paper.
	Exception Exception `json:"exception,omitzero"`
}

// An Exception says why somebody is laid to rest without the holder's own word.
type Exception string

// The exceptions.
const (
	// HolderRests: it is the holder who is laid to rest.
	HolderRests Exception = "HOLDER_RESTS"
	// HeirsAgree: the holder has died, and all heirs signed before one of them
	// took the right over.
	HeirsAgree Exception = "HEIRS_AGREE"
	// ByOrder: civil affairs, a court or a prosecutor's office decided it.
	ByOrder Exception = "ORDER"
)

func (PlotSurveyed) plotEvent()    {}
func (PlotExceeded) plotEvent()    {}
func (PlotRemedied) plotEvent()    {}
func (PlotHeld) plotEvent()        {}
func (PlotHoldEnded) plotEvent()   {}
func (PlotAllocated) plotEvent()   {}
func (PlotRefused) plotEvent()     {}
func (StoneAgreed) plotEvent()     {}
func (PlotConsented) plotEvent()   {}
func (PlotInterred) plotEvent()    {}
func (PlotReinterred) plotEvent()  {}
func (PlotExtended) plotEvent()    {}
func (PlotPassedOn) plotEvent()    {}
func (PlotLapsed) plotEvent()      {}
func (PlotSurrendered) plotEvent() {}
func (PlotVacated) plotEvent()     {}
func (PlotReopened) plotEvent()    {}

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
		Garden, Seat       string
		WidthCM, DepthCM   int
		Spot               Spot
		// Rules are the ones in force; zero: DefaultRules.
		Rules Rules
	}
	// Measure holds the place as it was found on the spot against the limits,
	// whoever has a right to it.
	Measure struct {
		domain.Act
		AreaCM2, StoneHeightCM int
		Rules                  Rules
		Cemetery               CemeteryState
	}
	// AgreeStone asks for a headstone on a place that was given. Standing is the
	// fact how its right stands; Inscription is sealed for the holder.
	AgreeStone struct {
		domain.Act
		Right       string
		HeightCM    int
		Inscription domain.Private[string]
		Rules       Rules
		Cemetery    CemeteryState
		Standing    Standing
	}
	// RefuseStone keeps that a higher one was asked for than the rules allow.
	RefuseStone struct{ AgreeStone }
	// Hold keeps a free place for a round.
	Hold struct {
		domain.Act
		Round string
	}
	// EndHold opens it again.
	EndHold struct {
		domain.Act
		Round string
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
		// Rules are the ones in force; zero: DefaultRules.
		Rules Rules
		// Age is the fact how old the living person is, in years.
		Age int
		// CeilingFen is the fact what the price list asks at most; zero where
		// there is none.
		CeilingFen domain.Money
		// MovesFrom is the fact from which place an open relocation moves the
		// person to this one.
		MovesFrom string
		// Round is the round that the place was won in, Won the fact that the
		// round's own stream has it so.
		Round string
		Won   bool
		// Deed is the number of the burial certificate; empty: made from the
		// right's.
		Deed string
	}
	// RefuseAllocation keeps that an allocation was refused for a limit.
	RefuseAllocation struct{ Allocate }
	// Inter lays one person to rest.
	Inter struct {
		domain.Act
		Right            string
		Person           domain.Subject
		Certificate      string
		CertificateHolds bool // fact, as in Allocate
		// Released is the fact that the ashes are no more with the funeral home:
		// they have one custodian at a time (I11).
		Released bool
		// Standing is the fact what the right's own stream says.
		Standing Standing
		Consent  Consent
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
		Paper  string // number of the holder's signed request
		// Died is the fact that the right's own stream says so of its holder.
		Died bool
	}
	// Extend follows a right that was renewed, PassOn one that was inherited,
	// Lapse one that has lapsed. Standing is what the right's own stream says.
	Extend struct {
		domain.Act
		Standing Standing
	}
	PassOn struct {
		domain.Act
		Standing Standing
	}
	Lapse struct {
		domain.Act
		Standing Standing
	}
	// Vacate lets a person leave.
	Vacate struct {
		domain.Act
		Person     domain.Subject
		Relocation string
		// Lifted is the fact that the relocation's own stream has this person
		// lifted from this place.
		Lifted bool
	}
	// Reopen lets a vacated place be given again.
	Reopen struct {
		domain.Act
		Document string // under which it was made public
	}
)

// Standing is how a right of use stands.
type Standing struct {
	Right  string
	Holder domain.Subject
	Died   bool // the holder has
	Until  domain.Date
	Lapsed bool
	Over   bool // surrendered, or everybody was moved
}

func (Survey) plotCommand()           {}
func (Measure) plotCommand()          {}
func (AgreeStone) plotCommand()       {}
func (Hold) plotCommand()             {}
func (EndHold) plotCommand()          {}
func (Allocate) plotCommand()         {}
func (RefuseAllocation) plotCommand() {}
func (Inter) plotCommand()            {}
func (Extend) plotCommand()           {}
func (PassOn) plotCommand()           {}
func (Lapse) plotCommand()            {}
func (Surrender) plotCommand()        {}
func (Vacate) plotCommand()           {}
func (Reopen) plotCommand()           {}

// PlotState is a plot as it stands.
type PlotState struct {
	Surveyed  PlotSurveyed // zero Capacity: not surveyed
	Right     string       // empty: free
	Applicant domain.Subject
	TermUntil domain.Date
	Places    []PlotAllocated  // under Right, one per person, never beyond capacity
	Interred  []domain.Subject // each has a place
	Exceeded  []PlotExceeded   // limits that the place breaks as it is
	Refusals  []PlotRefused
	Stone     StoneAgreed // zero Right: none was agreed
	Held      string      // the round it is kept for
	Holds     int         // how often it was kept for one
	Lapsed    bool        // the right has; who rests there rests there
	// Emptied counts the positions that were vacated and not reopened: they are
	// locked.
	Emptied int
	Left    []PlotVacated
}

// Locked says that everybody who rested here was moved, and that the place was
// not reopened since.
func (s PlotState) Locked() bool { return s.Right == "" && s.Emptied > 0 }

// A Status is what a place is for whoever looks at a list or a map.
type Status string

// The states of a place.
const (
	Unknown   Status = "UNKNOWN"
	Vacant    Status = "FREE"
	OnHold    Status = "HELD"
	Allocated Status = "ALLOCATED" // given, nobody rests there
	Resting   Status = "INTERRED"
	Full      Status = "FULL"
	LapsedUse Status = "LAPSED"
	LockedUp  Status = "LOCKED"
)

// Status is the one word for the place.
func (s PlotState) Status() Status {
	switch {
	case s.Surveyed.Capacity == 0:
		return Unknown
	case s.Locked():
		return LockedUp
	case s.Lapsed:
		return LapsedUse
	case len(s.Interred) >= s.Surveyed.Capacity:
		return Full
	case len(s.Interred) > 0:
		return Resting
	case s.Right != "":
		return Allocated
	case s.Held != "":
		return OnHold
	}
	return Vacant
}

// Plot decides over one plot.
var Plot = domain.Decider[PlotState, PlotCommand, PlotEvent]{Decide: decidePlot, Evolve: evolvePlot}

var (
	// ErrCemeteryUnknown refuses a plot of a cemetery that is not on record.
	ErrCemeteryUnknown = domain.Reject("plot_cemetery_unknown", "公墓还没有登记。", "The cemetery is not on record.")
	// ErrHeadstone refuses a headstone above the limit.
	ErrHeadstone = domain.Reject("headstone_too_high", "墓碑高 %d 厘米，超过限值 %d 厘米，不能这样立。改小以后可以再报。", "The headstone would be %d cm high, above the limit of %d cm. It can be asked for again with a lower one.").Under("E-6", basisRegulation)
	// ErrInscription refuses a headstone without words, or with a whole story.
	ErrInscription = domain.Reject("headstone_inscription", "请写明碑文，最多 %d 字。", "The words on the stone are needed, %d characters at most.")
	// ErrPlotInvalid refuses a survey that describes no place.
	ErrPlotInvalid = domain.Reject("plot_invalid", "墓位资料有误：%s。", "The plot's survey is not right: %s.").Under("I15", "")
	// ErrPlotText refuses a mark that cannot be read, or is none.
	ErrPlotText = domain.Reject("plot_text", "园、区、排、位各写一行，最多 %d 个字，不能有看不见的字符：%s。",
		"Garden, section, row and seat are one line each, of at most %d characters that can be seen: %s.").Under("I15", "")
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
	// ErrKind refuses a kind of place that the class of cemetery does not have.
	ErrKind = domain.Reject("plot_kind_class", "这类公墓不设这种位置。", "A cemetery of this class has no such places.").Under("I15", "")
	// ErrSpot refuses a point that is not on the map of China.
	ErrSpot = domain.Reject("plot_spot", "坐标不对，应为 CGCS2000 经纬度。", "The coordinates are not right; longitude and latitude in CGCS2000 are needed.").Under("I15", "")
	// ErrAge refuses the exception for age to somebody younger.
	ErrAge = domain.Reject("plot_age", "高龄预留须年满 %d 周岁。", "The exception for age begins at %d years.").Under("E-3", "")
	// ErrFeeCeiling refuses a use fee above what the price list or the rules allow.
	ErrFeeCeiling = domain.Reject("plot_fee_ceiling", "墓位使用费 %s 元，超过上限 %s 元，不能收取。", "A use fee of %s yuan is above the ceiling of %s.").Under("I16", "发改价格〔2026〕108号")
	// ErrHeld refuses a place that is kept for a public round.
	ErrHeld = domain.Reject("plot_held", "这个位置留给公开安排，只提供给本轮的中签人。", "This place is kept for a public round and goes to whom it falls to.").Under("E-4", "")
	// ErrNotFree refuses to keep a place for a round that is not free.
	ErrNotFree = domain.Reject("plot_not_free", "这个位置现在不是空位。", "This place is not free.").Under("I15", "").Race()
	// ErrLocked refuses a place that was vacated and not reopened.
	ErrLocked = domain.Reject("plot_locked", "这个位置迁出后锁定，须先公开重新安排。", "This place was vacated and is locked until it is publicly opened again.").Under("I15", "")
	// ErrLapsed refuses an act under a right that has lapsed.
	ErrLapsed = domain.Reject("plot_right_lapsed", "使用权已经收回，请先续期。", "The right of use has lapsed; please renew it first.").Under("E-7", "")
	// ErrNotKept refuses to keep a refusal that is none of a limit.
	ErrNotKept = domain.Reject("plot_refusal_not_kept", "这一种拒绝不用记录。", "A refusal of this kind is not kept.")
	// ErrStanding refuses an act whose right is not on record, or is over.
	ErrStanding = domain.Reject("plot_right_over", "这份使用权没有登记，或已经终止。", "This right of use is not on record, or is over.").Under("E-4", "")
	// ErrHolderConsent refuses an interment without the holder's signed request.
	ErrHolderConsent = domain.Reject("plot_holder_consent", "安葬须有健在的使用权人签字同意，请写明申请编号。", "An interment needs the signed consent of the living holder of the right; please give the request's number.").Under("E-4", "")
	// ErrHolderDied refuses an interment under a right whose holder has died.
	ErrHolderDied = domain.Reject("plot_holder_died", "使用权人已经去世，请先办理继承，或按例外办理并写明文书。", "The holder of the right has died; please settle the inheritance first, or name the exception with its paper.").Under("E-4", "")
	// ErrException refuses an exception that does not apply.
	ErrException = domain.Reject("plot_consent_exception", "这一例外不适用，或没有写明文书。", "This exception does not apply, or its paper is missing.").Under("E-4", "")
	// ErrNotReleased refuses an interment of ashes that the funeral home still has.
	ErrNotReleased = domain.Reject("plot_ashes_not_released", "骨灰还在殡仪馆保管，请先办理领取交接。", "The ashes are still in the funeral home's custody; they must be handed over first.").Under("I11", "")
	// ErrNotResting refuses to let somebody leave who does not rest there.
	ErrNotResting = domain.Reject("plot_not_resting", "这位逝者没有安葬在这里。", "This person does not rest here.").Under("I15", "")
	// ErrNotLifted refuses to let somebody leave without a relocation.
	ErrNotLifted = domain.Reject("plot_not_lifted", "迁出须有获准的迁葬手续，并已起出。", "Somebody leaves only under a permitted relocation that has lifted them.").Under("I15", "")
	// ErrByClock refuses to let a program move who rests, or open their place.
	ErrByClock = domain.Reject("plot_by_clock", "迁出和重新安排不会自动发生，须由人决定并留下文书。", "Nobody is moved and no place reopened by a clock; people decide, with a paper.").Under("I11", "")
	// ErrReopen refuses to reopen a place without the public document.
	ErrReopen = domain.Reject("plot_reopen", "重新安排须有公开的文书编号，且位置处于锁定。", "A place is reopened under a public document, and only when it is locked.").Under("I15", "")
)

func decidePlot(s PlotState, cmd PlotCommand) ([]PlotEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if _, ok := cmd.(Survey); !ok && s.Surveyed.Capacity == 0 {
		return nil, ErrNotSurveyed
	}
	on := cmp.Or(domain.DateOf(act.At), domain.DateOf(act.Now))
	switch c := cmd.(type) {
	case Survey:
		return s.survey(c)
	case Measure:
		p := s.Surveyed
		p.AreaCM2, p.StoneHeightCM = c.AreaCM2, c.StoneHeightCM
		switch {
		case c.Cemetery.Cemetery != p.Cemetery:
			return nil, ErrCemeteryUnknown
		case c.AreaCM2 < 0 || c.AreaCM2 > mostAreaCM2 || c.AreaCM2 == 0 && (p.Kind == Grave || p.Kind == BodyGrave):
			return nil, ErrPlotInvalid.With("area_cm2")
		case c.StoneHeightCM < 0 || c.StoneHeightCM > mostCM:
			return nil, ErrPlotInvalid.With("stone_height_cm")
		}
		return s.held(c.Cemetery, p, c.Rules), nil
	case AgreeStone:
		agreed := StoneAgreed{c.Right, c.HeightCM, c.Inscription, c.Rules.Or().ID}
		if s.Stone.Right == c.Right && c.Right != "" && s.Stone.HeightCM == c.HeightCM && s.Stone.Inscription.Or("") == c.Inscription.Or("") {
			return nil, nil
		}
		if err := s.mayStand(c); err != nil {
			return nil, err
		}
		return []PlotEvent{agreed}, nil
	case RefuseStone:
		id := c.ID.String()
		if slices.ContainsFunc(s.Refusals, func(r PlotRefused) bool { return r.Refusal == id }) {
			return nil, nil
		}
		r, ok := errors.AsType[*domain.Rejection](s.mayStand(c.AgreeStone))
		if !ok || r.Code != ErrHeadstone.Code {
			return nil, ErrNotKept
		}
		limit := c.Rules.Or().within(c.Cemetery.Limits).StoneHeightCM
		return []PlotEvent{PlotRefused{Refusal: id, Right: c.Right, Code: r.Code, Rule: r.Rule, Basis: r.Basis, Asked: strconv.Itoa(c.HeightCM), Limit: strconv.Itoa(limit)}}, nil
	case Hold:
		switch {
		case c.Round != "" && s.Held == c.Round:
			return nil, nil
		case s.Locked():
			return nil, ErrLocked
		case c.Round == "" || s.Right != "" || s.Held != "" || len(s.Exceeded) > 0:
			return nil, ErrNotFree
		}
		return []PlotEvent{PlotHeld{c.Round}}, nil
	case EndHold:
		if c.Round == "" || s.Held != c.Round {
			return nil, nil
		}
		return []PlotEvent{PlotHoldEnded{c.Round}}, nil

	case Allocate:
		if slices.ContainsFunc(s.Places, func(p PlotAllocated) bool { return p == c.named(cmp.Or(c.Deed, p.Deed)) }) {
			return nil, nil
		}
		if err := s.mayAllocate(c, on); err != nil {
			return nil, err
		}
		return []PlotEvent{c.named(cmp.Or(c.Deed, fmt.Sprintf("%s-%d", c.Right, len(s.Places)+1)))}, nil
	case RefuseAllocation:
		id := c.ID.String()
		if slices.ContainsFunc(s.Refusals, func(r PlotRefused) bool { return r.Refusal == id }) {
			return nil, nil
		}
		r, ok := errors.AsType[*domain.Rejection](s.mayAllocate(c.Allocate, on))
		if !ok || !slices.Contains(refusable, r.Code) {
			return nil, ErrNotKept
		}
		e := PlotRefused{Refusal: id, Right: c.Right, Code: r.Code, Rule: r.Rule, Basis: r.Basis}
		rules := c.Rules.Or().within(c.Cemetery.Limits)
		for _, f := range rules.Findings(c.Cemetery, s.Surveyed) {
			if f.Rule == r.Rule && !f.Told {
				e.Asked, e.Limit = strconv.Itoa(f.Measured), strconv.Itoa(f.Limit)
			}
		}
		switch r.Code {
		case ErrTerm.Code:
			e.Asked, e.Limit = string(c.TermUntil), string(on.AddMonths(12*rules.TermYears))
		case ErrFeeCeiling.Code, ErrVillageFee.Code:
			e.Asked = strconv.FormatInt(int64(c.FeeFen), 10)
		}
		return []PlotEvent{e}, nil

	case Inter:
		return s.inter(c, on)

	case Extend:
		switch st := c.Standing; {
		case s.Right == "" || st.Right != s.Right || st.Over || st.Lapsed:
			return nil, ErrStanding
		case st.Until <= s.TermUntil && !s.Lapsed:
			return nil, nil
		default:
			return []PlotEvent{PlotExtended{s.Right, st.Until}}, nil
		}
	case PassOn:
		switch st := c.Standing; {
		case s.Right == "" || st.Right != s.Right || st.Over || st.Holder == "":
			return nil, ErrStanding
		case st.Holder == s.Applicant:
			return nil, nil
		default:
			return []PlotEvent{PlotPassedOn{s.Right, st.Holder}}, nil
		}
	case Lapse:
		switch {
		case s.Right == "" || c.Standing.Right != s.Right || !c.Standing.Lapsed:
			return nil, ErrStanding
		case s.Lapsed:
			return nil, nil
		}
		return []PlotEvent{PlotLapsed{s.Right}}, nil

	case Surrender:
		switch {
		case s.Right == "" || s.Right != c.Right:
			return nil, ErrNotHolder
		case len(s.Interred) > 0:
			return nil, ErrOccupied
		case c.Reason == "":
			return nil, ErrReason
		case strings.TrimSpace(c.Paper) == "":
			return nil, ErrSurrender
		case c.Died:
			return nil, ErrHolderGone
		}
		var persons []domain.Subject
		for _, p := range s.Places {
			persons = append(persons, p.Deceased)
		}
		return []PlotEvent{PlotSurrendered{c.Right, c.Reason, persons, c.Paper}}, nil

	case Vacate:
		switch {
		case c.Relocation != "" && slices.ContainsFunc(s.Left, func(v PlotVacated) bool { return v.Person == c.Person && v.Relocation == c.Relocation }):
			return nil, nil
		case !slices.Contains(s.Interred, c.Person):
			return nil, ErrNotResting
		case c.Relocation == "" || !c.Lifted:
			return nil, ErrNotLifted
		}
		e := PlotVacated{Right: s.Right, Person: c.Person, Relocation: c.Relocation, Empty: len(s.Interred) == 1}
		for _, p := range s.Places {
			if e.Empty && p.Deceased != c.Person {
				e.Freed = append(e.Freed, p.Deceased)
			}
		}
		return []PlotEvent{e}, nil
	case Reopen:
		switch {
		case byClock(c.By):
			return nil, ErrByClock
		case c.Document == "" || s.Emptied == 0:
			return nil, ErrReopen
		}
		return []PlotEvent{PlotReopened{c.Document}}, nil
	}
	panic("unreachable: PlotCommand is sealed")
}

// longestInscription is far above what a stone of the allowed height holds, in
// characters.
const longestInscription = 200

// mayStand holds a headstone against the right and the limits.
func (s PlotState) mayStand(c AgreeStone) error {
	stone := s.Surveyed
	stone.StoneHeightCM = c.HeightCM
	words := strings.TrimSpace(c.Inscription.Or(""))
	switch st := c.Standing; {
	case s.Right == "" || s.Right != c.Right:
		return ErrNotHolder
	case c.Cemetery.Cemetery != s.Surveyed.Cemetery:
		return ErrCemeteryUnknown
	case st.Right != c.Right || st.Over:
		return ErrStanding
	case s.Lapsed || st.Lapsed:
		return ErrLapsed
	case c.HeightCM < 0:
		return ErrPlotInvalid.With("stone_height_cm")
	case words == "" || utf8.RuneCountInString(words) > longestInscription:
		return ErrInscription.With(longestInscription)
	}
	for _, f := range c.Rules.Findings(c.Cemetery, stone) {
		if f.Rule == "E-6" && !f.Told {
			return ErrHeadstone.With(f.Measured, f.Limit)
		}
	}
	return nil
}

// byClock says that no person acts.
func byClock(account string) bool { return strings.HasPrefix(account, "policy:") }

// mostInPlot is far above any family grave: a larger number is a typing error.
const mostInPlot = 20

// The most that anybody measures: a larger number is a typing error, and what is
// summed over a city must stay a number. Marks are what is painted on a sign.
const (
	mostAreaCM2 = 10_000_000 // 1,000 m²
	mostCM      = 10_000     // 100 m
	longestMark = 40         // characters
)

// unreadable names the mark of a survey that is not one short line; empty: none.
func (c Survey) unreadable() string {
	for _, x := range [][2]string{{"garden", c.Garden}, {"section", c.Section}, {"row", c.Row}, {"seat", c.Seat}} {
		if _, err := domain.CheckLine(x[1]); err != nil || utf8.RuneCountInString(x[1]) > longestMark {
			return x[0]
		}
	}
	return ""
}

func (s PlotState) survey(c Survey) ([]PlotEvent, error) {
	e := PlotSurveyed{Cemetery: c.Cemetery.Cemetery, Division: c.Cemetery.Division, Plot: c.Plot, Garden: c.Garden, Section: c.Section, Row: c.Row, Seat: c.Seat,
		Kind: c.Kind, EcoType: c.EcoType, Capacity: c.Capacity, AreaCM2: c.AreaCM2, StoneHeightCM: c.StoneHeightCM, WidthCM: c.WidthCM, DepthCM: c.DepthCM, Spot: c.Spot}
	switch {
	case c.Cemetery.Cemetery == "":
		return nil, ErrCemeteryUnknown
	case s.Surveyed == e:
		return nil, nil
	case s.Right != "" || s.Emptied > 0:
		return nil, ErrSurveyGiven
	case c.Plot == "":
		return nil, ErrPlotInvalid.With("plot")
	case !slices.Contains(PlotKinds, c.Kind):
		return nil, ErrPlotInvalid.With("kind")
	case !slices.Contains(c.Cemetery.Class.Powers().Kinds, c.Kind):
		return nil, ErrKind
	case c.EcoType == "":
		return nil, ErrPlotInvalid.With("eco_type")
	case c.Capacity < 1 || c.Capacity > mostInPlot:
		return nil, ErrPlotInvalid.With("capacity")
	case c.unreadable() != "":
		return nil, ErrPlotText.With(longestMark, c.unreadable())
	case c.AreaCM2 < 0 || c.AreaCM2 > mostAreaCM2 || c.AreaCM2 == 0 && (c.Kind == Grave || c.Kind == BodyGrave):
		return nil, ErrPlotInvalid.With("area_cm2")
	case c.StoneHeightCM < 0 || c.StoneHeightCM > mostCM:
		return nil, ErrPlotInvalid.With("stone_height_cm")
	case c.WidthCM < 0 || c.DepthCM < 0 || max(c.WidthCM, c.DepthCM) > mostCM || (c.WidthCM == 0) != (c.DepthCM == 0):
		return nil, ErrPlotInvalid.With("width_cm")
	case c.Spot != Spot{} && !c.Spot.inChina():
		return nil, ErrSpot
	}
	return append([]PlotEvent{e}, s.held(c.Cemetery, e, c.Rules)...), nil
}

// inChina says that the point lies in the rectangle around the country: a swap
// of the two numbers falls out of it.
func (p Spot) inChina() bool {
	return p.LonE7 > 73e7 && p.LonE7 < 136e7 && p.LatE7 > 3e7 && p.LatE7 < 54e7
}

// held are the facts that follow from holding the place as measured against the
// limits: what it breaks, and what it breaks no more.
func (s PlotState) held(c CemeteryState, p PlotSurveyed, r Rules) (es []PlotEvent) {
	fs := r.Findings(c, p)
	for _, f := range fs {
		e := PlotExceeded{f.Rule, f.Measured, f.Limit, r.Or().ID}
		if !f.Told && !slices.Contains(s.Exceeded, e) {
			es = append(es, e)
		}
	}
	for _, x := range s.Exceeded {
		if !slices.ContainsFunc(fs, func(f Finding) bool { return f.Rule == x.Rule && !f.Told }) {
			measured := p.AreaCM2
			if x.Rule == "E-6" {
				measured = p.StoneHeightCM
			}
			es = append(es, PlotRemedied{x.Rule, measured, r.Or().ID})
		}
	}
	return es
}

// named is what an allocation says, with this number of the deed.
func (c Allocate) named(deed string) PlotAllocated {
	return PlotAllocated{Right: c.Right, Applicant: c.Applicant, Deceased: c.Deceased, Ground: c.Ground, Certificate: c.Certificate, ExceptionPaper: c.ExceptionPaper,
		SpouseOf: c.SpouseOf, Contract: c.Contract, TermUntil: c.TermUntil, FeeFen: c.FeeFen, Deed: deed, Rules: c.Rules.Or().ID, Round: c.Round}
}

// refusable are the refusals that are kept: somebody asked for more than a
// limit allows, or ahead of a death.
var refusable = []string{ErrArea.Code, ErrStone.Code, ErrTerm.Code, ErrFeeCeiling.Code, ErrVillageFee.Code, ErrPreallocation.Code}

// Refusable says that an allocation was refused for a limit: the refusal is kept
// (RefuseAllocation).
func Refusable(err error) bool {
	r, ok := errors.AsType[*domain.Rejection](err)
	return ok && slices.Contains(refusable, r.Code)
}

// mayAllocate holds E-1 to E-8 on the day of the allocation.
func (s PlotState) mayAllocate(c Allocate, day domain.Date) error {
	cem := c.Cemetery
	here := string(s.Surveyed.Cemetery) + "." + s.Surveyed.Plot
	switch {
	case cem.Cemetery == "" || cem.Cemetery != s.Surveyed.Cemetery:
		return ErrCemeteryUnknown
	case !cem.Class.Powers().Gives:
		return ErrHistoric
	case c.Right == "" || c.Applicant == "" || c.Deceased == "":
		return ErrRightNeeded
	case s.Right != "" && s.Right != c.Right:
		return ErrPlotTaken
	case s.Right != "" && s.Applicant != c.Applicant:
		return ErrOtherApplicant
	case s.Locked():
		return ErrLocked
	case s.Lapsed:
		return ErrLapsed
	case s.Held != "" && (s.Held != c.Round || !c.Won), s.Right == "" && s.Held == "" && c.Round != "":
		return ErrHeld
	case s.place(c.Deceased) >= 0:
		return ErrPersonPlaced
	}
	beside := s.place(c.SpouseOf)
	need := Need{Ground: c.Ground, Certificate: c.Certificate, CertificateHolds: c.CertificateHolds, ExceptionPaper: c.ExceptionPaper.Or("") != "",
		Beside: beside >= 0 && !slices.Contains(exceptions, s.Places[beside].Ground), Age: c.Age, Hukou: c.Hukou, FamilyHukou: c.FamilyHukou, Villager: c.Villager,
		Placed: c.Placed, Here: here, MovesFrom: c.MovesFrom, Body: s.Surveyed.Kind == BodyGrave}
	eligible := c.Rules.Eligible(cem, need)
	switch full := len(s.Places)+s.Emptied >= s.Surveyed.Capacity; {
	case errors.Is(eligible, ErrPersonPlaced):
		return eligible
	case full:
		return ErrPlotFull.With(s.Surveyed.Capacity)
	case c.Ground != LivingSpouse && c.SpouseOf != "":
		return ErrGround
	case eligible != nil:
		return eligible
	}
	if err := broken(c.Rules.Findings(cem, s.Surveyed)); err != nil {
		return err
	}
	for _, x := range s.Exceeded { // as measured on the spot
		return broken([]Finding{{Rule: x.Rule, Measured: x.Measured, Limit: x.Limit}})
	}
	k := Contract{c.Contract, day, c.TermUntil, c.FeeFen, c.CeilingFen}
	if s.Right != "" && c.TermUntil == s.TermUntil {
		k.Until = min(k.Until, day.AddMonths(12*c.Rules.Or().within(cem.Limits).TermYears)) // a renewed right's term was held when it was renewed
	}
	if err := c.Rules.Permits(cem, k); err != nil {
		return err
	}
	if s.Right != "" && c.TermUntil != s.TermUntil {
		return ErrTermOther.With(s.TermUntil)
	}
	return nil
}

func (s PlotState) inter(c Inter, day domain.Date) ([]PlotEvent, error) {
	st := c.Standing
	i := s.place(c.Person)
	switch {
	case s.Right == "" || s.Right != c.Right:
		return nil, ErrNotHolder
	case slices.Contains(s.Interred, c.Person):
		return nil, nil
	case i < 0:
		return nil, ErrNotNamed
	case c.Certificate == "" || !c.CertificateHolds:
		return nil, ErrCertificate
	case !c.Released:
		return nil, ErrNotReleased
	case c.EcoType != "" && c.EcoType != s.Surveyed.EcoType:
		return nil, ErrEcoType.With(s.Surveyed.EcoType)
	case c.Definition == "":
		return nil, ErrDefinition
	case st.Right != c.Right || st.Over:
		return nil, ErrStanding
	case s.Lapsed || st.Lapsed:
		return nil, ErrLapsed
	case day > st.Until:
		return nil, ErrTermOver.With(st.Until)
	}
	if err := s.consents(st, c.Consent, c.Person); err != nil {
		return nil, err
	}
	on, consented := domain.DateOf(c.At), PlotConsented{c.Right, c.Person, c.Consent}
	if s.Places[i].Ground == RelocationPermit {
		return []PlotEvent{consented, PlotReinterred{c.Right, c.Person, c.Certificate, s.Surveyed.EcoType, on}}, nil
	}
	return []PlotEvent{consented, PlotInterred{c.Right, c.Person, c.Certificate, s.Surveyed.EcoType, c.Definition,
		s.Surveyed.Cemetery, s.Surveyed.Division, s.Surveyed.AreaCM2, on}}, nil
}

// consents holds that a living holder agrees, or that the exception applies.
func (s PlotState) consents(st Standing, c Consent, person domain.Subject) error {
	died := st.Died || st.Holder == person || slices.Contains(s.Interred, st.Holder)
	switch c.Exception {
	case "":
		switch {
		case died:
			return ErrHolderDied
		case c.By == "" || c.By != st.Holder || c.Paper == "":
			return ErrHolderConsent
		}
		return nil
	case HolderRests:
		if st.Holder == person && c.Paper != "" {
			return nil
		}
	case HeirsAgree:
		if died && c.Paper != "" {
			return nil
		}
	case ByOrder:
		if c.Paper != "" {
			return nil
		}
	}
	return ErrException
}

// place is the index of the person's place; negative for none.
func (s PlotState) place(of domain.Subject) int {
	return slices.IndexFunc(s.Places, func(p PlotAllocated) bool { return p.Deceased == of })
}

func evolvePlot(s PlotState, e PlotEvent) PlotState {
	without := func(rule string) []PlotExceeded {
		return slices.DeleteFunc(slices.Clone(s.Exceeded), func(x PlotExceeded) bool { return x.Rule == rule })
	}
	switch e := e.(type) {
	case PlotSurveyed:
		s.Surveyed = e
	case PlotExceeded:
		s.Exceeded = append(without(e.Rule), e)
	case PlotRemedied:
		s.Exceeded = without(e.Rule)
	case PlotHeld:
		s.Held = e.Round
		s.Holds++
	case PlotHoldEnded:
		s.Held = ""
	case PlotAllocated:
		s.Right, s.Applicant, s.TermUntil, s.Held = e.Right, e.Applicant, e.TermUntil, ""
		s.Places = append(slices.Clip(s.Places), e)
	case PlotRefused:
		s.Refusals = append(slices.Clip(s.Refusals), e)
	case PlotInterred:
		s.Interred = append(slices.Clip(s.Interred), e.Person)
	case PlotReinterred:
		s.Interred = append(slices.Clip(s.Interred), e.Person)
	case PlotExtended:
		s.TermUntil, s.Lapsed = e.Until, false
	case PlotPassedOn:
		s.Applicant = e.Holder
	case PlotLapsed:
		s.Lapsed = true
	case StoneAgreed:
		s.Stone = e
	case PlotSurrendered:
		s.Right, s.Applicant, s.TermUntil, s.Places, s.Stone = "", "", "", nil, StoneAgreed{}
	case PlotVacated:
		s.Left = append(slices.Clip(s.Left), e)
		s.Emptied++
		s.Interred = slices.DeleteFunc(slices.Clone(s.Interred), func(p domain.Subject) bool { return p == e.Person })
		s.Places = slices.DeleteFunc(slices.Clone(s.Places), func(p PlotAllocated) bool { return p.Deceased == e.Person })
		if e.Empty {
			s.Right, s.Applicant, s.TermUntil, s.Places, s.Lapsed, s.Stone = "", "", "", nil, false, StoneAgreed{}
		}
	case PlotReopened:
		s.Emptied = 0
	}
	return s
}
