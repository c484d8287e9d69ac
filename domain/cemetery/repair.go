package cemetery

import (
	"slices"
	"strings"

	"shenzhong/domain"
)

// RepairCategory names the streams of work orders; a stream's id follows from the
// code by which whoever reported the damage follows it, under a secret key.
const RepairCategory = "repair"

// A Damage is what kind of damage was reported.
type Damage string

// The kinds.
const (
	StoneDamage  Damage = "STONE"  // headstone or plate
	GraveDamage  Damage = "GRAVE"  // the place itself: it has sunk, its edge is broken
	PathDamage   Damage = "PATH"   // way, steps, drain
	PlantDamage  Damage = "PLANTS" // a tree that fell or threatens to, lawn
	OtherDamage  Damage = "OTHER"  // what the words say
	repairWords         = 500      // most characters of a report
	reachOfWords        = 100      // and of how to reach who made it
)

// Damages lists every kind, in the order of menus.
var Damages = []Damage{StoneDamage, GraveDamage, PathDamage, PlantDamage, OtherDamage}

// A NoRepair is why nothing was repaired.
type NoRepair string

// The reasons.
const (
	NothingFound  NoRepair = "NOTHING_FOUND"  // somebody looked
	ReportedTwice NoRepair = "REPORTED_TWICE" // there is an order for it
	HoldersOwn    NoRepair = "HOLDERS_OWN"    // the contract leaves it to who has the right
)

// NoRepairs lists every reason, in the order of menus.
var NoRepairs = []NoRepair{NothingFound, ReportedTwice, HoldersOwn}

// A RepairEvent is what happens to one work order.
type RepairEvent interface{ repairEvent() }

type (
	// DamageReported took a report and made it a work order with a term.
	DamageReported struct {
		Cemetery domain.CreditCode `json:"cemetery"`
		Plot     string            `json:"plot"`
		Damage   Damage            `json:"damage"`
		// Text and Contact are the reporter's own words, and where an answer reaches
		// them. Both may be missing.
		Text       domain.Private[string] `json:"text,omitzero"`
		Contact    domain.Private[string] `json:"contact,omitzero"`
		ReportedOn domain.Date            `json:"reported_on"`
		// DueBy is the last day of the term, from the parameter of that moment.
		DueBy domain.Date `json:"due_by"`
	}
	// RepairDone ended the order.
	RepairDone struct {
		On domain.Date `json:"on"`
		By string      `json:"by"` // who says so
	}
	// RepairRefused ended it without a repair.
	RepairRefused struct {
		Reason NoRepair    `json:"reason"`
		On     domain.Date `json:"on"`
		By     string      `json:"by"`
	}
	// RepairLate says that the term passed.
	RepairLate struct {
		DueBy domain.Date `json:"due_by"`
	}
)

func (DamageReported) repairEvent() {}
func (RepairDone) repairEvent()     {}
func (RepairRefused) repairEvent()  {}
func (RepairLate) repairEvent()     {}

// A RepairCommand asks something of one work order.
type RepairCommand interface {
	domain.Command
	repairCommand()
}

type (
	// ReportDamage makes a work order.
	ReportDamage struct {
		domain.Act
		Cemetery      domain.CreditCode
		Plot          string
		Damage        Damage
		Text, Contact domain.Private[string]
		Known         bool // fact: the cemetery has this place
		Days          int  // parameter: working days
	}
	// FinishRepair says on which day it was repaired.
	FinishRepair struct {
		domain.Act
		On domain.Date
	}
	// RefuseRepair says why nothing is repaired.
	RefuseRepair struct {
		domain.Act
		Reason NoRepair
	}
	// MissRepair notes that the term has passed.
	MissRepair struct{ domain.Act }
)

func (ReportDamage) repairCommand() {}
func (FinishRepair) repairCommand() {}
func (RefuseRepair) repairCommand() {}
func (MissRepair) repairCommand()   {}

// RepairState is one work order.
type RepairState struct {
	Reported DamageReported
	Done     *RepairDone
	Refused  *RepairRefused
	Late     bool
}

// Exists says that damage was reported.
func (s RepairState) Exists() bool { return s.Reported.Cemetery != "" }

// Open says that the order waits for its repair.
func (s RepairState) Open() bool { return s.Exists() && s.Done == nil && s.Refused == nil }

// Repair decides over one work order.
var Repair = domain.Decider[RepairState, RepairCommand, RepairEvent]{Decide: decideRepair, Evolve: evolveRepair}

// The rejections of work orders.
var (
	ErrRepairPlace   = domain.Reject("repair_place_unknown", "这座公墓没有这个位置。", "This cemetery has no such place.")
	ErrRepairDamage  = domain.Reject("repair_damage_needed", "请选哪里损坏；选“其他”的，请写几句。", "Please choose what is damaged; for anything else a few words are needed.")
	ErrRepairLong    = domain.Reject("repair_text_too_long", "最多写 %d 个字。", "At most %d characters.")
	ErrRepairExists  = domain.Reject("repair_reported", "这个编号已经用于另一次报修。", "This reference is used for another report.")
	ErrRepairUnknown = domain.Reject("repair_unknown", "没有这次报修。", "There is no such report.")
	ErrRepairSettled = domain.Reject("repair_settled", "这次报修已经办结。", "This report is settled.")
	ErrRepairDay     = domain.Reject("repair_day_invalid", "修好的日期在报修以前，或者还没有到。", "The day of the repair lies before the report, or has not come yet.").Under("I8", "")
	ErrRepairReason  = domain.Reject("repair_reason_needed", "请选不修的原因。", "Please choose why nothing is repaired.")
	ErrRepairNotDue  = domain.Reject("repair_not_due", "维修的期限还没有过。", "The term of this repair has not passed.")
	ErrRepairTerm    = domain.Reject("repair_term_unknown", "没有说明维修期限。", "The term for repairs is not known.")
)

func decideRepair(s RepairState, cmd RepairCommand) ([]RepairEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	if c, ok := cmd.(ReportDamage); ok {
		return s.report(c, today)
	}
	if !s.Exists() {
		return nil, ErrRepairUnknown
	}
	// What ends after its term was late, whether or not somebody noted it before.
	end := func(on domain.Date, e RepairEvent) []RepairEvent {
		if on > s.Reported.DueBy && !s.Late {
			return []RepairEvent{RepairLate{s.Reported.DueBy}, e}
		}
		return []RepairEvent{e}
	}
	switch c := cmd.(type) {
	case FinishRepair:
		switch {
		case s.Done != nil && s.Done.On == c.On:
			return nil, nil
		case !s.Open():
			return nil, ErrRepairSettled
		case !c.On.Valid() || c.On < s.Reported.ReportedOn || c.On > today:
			return nil, ErrRepairDay
		}
		return end(c.On, RepairDone{c.On, c.By}), nil
	case RefuseRepair:
		switch {
		case s.Refused != nil && s.Refused.Reason == c.Reason:
			return nil, nil
		case !s.Open():
			return nil, ErrRepairSettled
		case !slices.Contains(NoRepairs, c.Reason):
			return nil, ErrRepairReason
		}
		return end(today, RepairRefused{c.Reason, today, c.By}), nil
	case MissRepair:
		switch {
		case s.Late || !s.Open():
			return nil, nil
		case today <= s.Reported.DueBy:
			return nil, ErrRepairNotDue
		}
		return []RepairEvent{RepairLate{s.Reported.DueBy}}, nil
	}
	panic("unreachable: RepairCommand is sealed")
}

func (s RepairState) report(c ReportDamage, today domain.Date) ([]RepairEvent, error) {
	if have := s.Reported; s.Exists() {
		if have.Cemetery == c.Cemetery && have.Plot == c.Plot && have.Damage == c.Damage && have.Text == c.Text && have.Contact == c.Contact {
			return nil, nil
		}
		return nil, ErrRepairExists
	}
	words, reach := strings.TrimSpace(c.Text.Or("")), c.Contact.Or("")
	switch {
	case !c.Known || c.Cemetery == "" || c.Plot == "":
		return nil, ErrRepairPlace
	case !slices.Contains(Damages, c.Damage) || c.Damage == OtherDamage && words == "":
		return nil, ErrRepairDamage
	case len([]rune(words)) > repairWords:
		return nil, ErrRepairLong.With(repairWords)
	case len([]rune(reach)) > reachOfWords:
		return nil, ErrRepairLong.With(reachOfWords)
	case c.Days < 1:
		return nil, ErrRepairTerm
	}
	return []RepairEvent{DamageReported{c.Cemetery, c.Plot, c.Damage, c.Text, c.Contact, today, today.AddWorkingDays(c.Days)}}, nil
}

func evolveRepair(s RepairState, e RepairEvent) RepairState {
	switch e := e.(type) {
	case DamageReported:
		s.Reported = e
	case RepairDone:
		s.Done = &e
	case RepairRefused:
		s.Refused = &e
	case RepairLate:
		s.Late = true
	}
	return s
}
