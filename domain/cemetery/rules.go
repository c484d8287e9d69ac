package cemetery

import (
	"cmp"
	"reflect"
	"slices"

	"shenzhong/domain"
)

// RulesCategory names the streams of the rules E-1 to E-8; a stream's id is the
// division that they hold in ("210200").
const RulesCategory = "burialrules"

// Rules are one version of the figures behind E-1 to E-8. What the law fixes is
// no figure here: a certificate (E-1), one place for one person (E-4) and a
// contract (E-8) are asked for under every version.
type Rules struct {
	ID            string      `json:"rules"` // "dl-cem-2026.1"
	EffectiveFrom domain.Date `json:"effective_from,omitzero"`
	Document      string      `json:"document,omitzero"` // the decision they rest on

	// ServedArea asks for a registered residence in the area that a public
	// cemetery serves (E-2); Family lets the non-local spouse and the minor
	// children of a resident count as residents.
	ServedArea bool `json:"served_area"`
	Family     bool `json:"family"`

	// The exceptions of E-3, for which a place is given ahead of a death: a
	// living spouse beside the deceased, the seriously ill, childless elderly
	// people, and everybody from an age on. AgedFrom zero: no such exception.
	Spouse    bool `json:"spouse"`
	Ill       bool `json:"ill"`
	Childless bool `json:"childless"`
	AgedFrom  int  `json:"aged_from"`

	// AshAreaCM2 bounds a grave for ashes (E-5), SingleBodyAreaCM2 and
	// DoubleBodyAreaCM2 a body grave, in square centimetres of ground. The public
	// figures are a target for graves of public cemeteries: what exceeds them is
	// told, not refused.
	AshAreaCM2        int `json:"ash_area_cm2"`
	SingleBodyAreaCM2 int `json:"single_body_area_cm2"`
	DoubleBodyAreaCM2 int `json:"double_body_area_cm2"`
	PublicSingleCM2   int `json:"public_single_cm2"`
	PublicDoubleCM2   int `json:"public_double_cm2"`
	// StoneHeightCM bounds the headstone (E-6).
	StoneHeightCM int `json:"stone_height_cm"`
	// TermYears bounds one period of use (E-7).
	TermYears int `json:"term_years"`
	// PublicFeeFen bounds the use fee of a public place, UpkeepYearFen the upkeep
	// fee of one year. Zero: the price list alone says.
	PublicFeeFen  domain.Money `json:"public_fee_fen"`
	UpkeepYearFen domain.Money `json:"upkeep_year_fen"`

	Notices Timetable `json:"notices"`
	// WorksDays is how long a public notice stands before graves are moved for
	// works.
	WorksDays int `json:"works_days"`
	// AcceptDays is how long a place that was drawn waits for its family.
	AcceptDays int `json:"accept_days"`
}

// A Timetable says when a holder is told that the period of use ends, and what
// has to pass before a right lapses.
type Timetable struct {
	Before      []int `json:"before_months"` // months before the last day, the earliest first: 12, 6, 1
	After       []int `json:"after_months"`  // months after it
	GraceMonths int   `json:"grace_months"`  // from the last day on
	PublicDays  int   `json:"public_days"`   // of public notice, after the grace
}

// DefaultRules are what holds until an authority adopts others. 1 m², 4 m², 6 m²
// and 20 years are those of 民事发〔1998〕10号 and of 《殡葬管理条例》 practice; the
// other figures are found elsewhere than in Dalian, or are proposals of ours.
var DefaultRules = Rules{
	ID: "default-1", ServedArea: true, Family: true, Spouse: true, Ill: true, Childless: true,
	AshAreaCM2: 10_000, SingleBodyAreaCM2: 40_000, DoubleBodyAreaCM2: 60_000, PublicSingleCM2: 5_000, PublicDoubleCM2: 8_000,
	StoneHeightCM: 100, TermYears: 20,
	Notices:   Timetable{Before: []int{12, 6, 1}, After: []int{3}, GraceMonths: 24, PublicDays: 60},
	WorksDays: 60, AcceptDays: 30,
}

// A Stage is one notice of a timetable: how many months before (negative) or
// after the last day of a period.
type Stage int

// A Due is a notice and the day from which on it is served.
type Due struct {
	Stage Stage
	On    domain.Date
}

// Dues are the notices about a period that ends with this day, in order.
func (t Timetable) Dues(until domain.Date) (ds []Due) {
	for _, m := range t.Before {
		ds = append(ds, Due{Stage(-m), until.AddMonths(-m)})
	}
	for _, m := range t.After {
		ds = append(ds, Due{Stage(m), until.AddMonths(m)})
	}
	return ds
}

// sound says that the notices are in order and the times above zero.
func (t Timetable) sound() bool {
	down := slices.IsSortedFunc(t.Before, func(a, b int) int { return cmp.Compare(b, a) })
	sane := func(m int) bool { return m < 1 || m > 60 }
	return len(t.Before)+len(t.After) >= 3 && down && slices.IsSorted(t.After) && !slices.ContainsFunc(t.Before, sane) && !slices.ContainsFunc(t.After, sane) &&
		len(slices.Compact(slices.Clone(t.Before))) == len(t.Before) && len(slices.Compact(slices.Clone(t.After))) == len(t.After) &&
		t.GraceMonths >= slices.Max(append(slices.Clone(t.After), 0)) && t.GraceMonths >= 1 && t.PublicDays >= 1
}

// Or is the rules, or the default where none were adopted.
func (r Rules) Or() Rules {
	if r.ID == "" {
		return DefaultRules
	}
	return r
}

// within takes the stricter of the rules and a cemetery's own limits.
func (r Rules) within(l Limits) Rules {
	tighter := func(a *int, b int) {
		if b > 0 {
			*a = min(*a, b)
		}
	}
	tighter(&r.AshAreaCM2, l.AshAreaCM2)
	tighter(&r.SingleBodyAreaCM2, l.SingleBodyAreaCM2)
	tighter(&r.DoubleBodyAreaCM2, l.DoubleBodyAreaCM2)
	tighter(&r.StoneHeightCM, l.StoneHeightCM)
	tighter(&r.TermYears, l.TermYears)
	r.Spouse = r.Spouse && l.Spouse
	return r
}

// A Need is what somebody applies for a place with.
type Need struct {
	Ground Ground
	// Certificate is the number of the paper, CertificateHolds the fact that it
	// is registered, valid and of this person.
	Certificate      string
	CertificateHolds bool
	// ExceptionPaper says that the paper of an exception is there; Beside that
	// the place is beside a deceased person's, who is not there by exception.
	ExceptionPaper, Beside bool
	// Age is in whole years on the day; zero where nobody knows.
	Age                int
	Hukou, FamilyHukou domain.Division
	Villager           bool
	// Placed is where the person has a place already; Here the place asked for;
	// MovesFrom the place that an open relocation takes the person from.
	Placed, Here, MovesFrom string
	// Body says that the place is for a body.
	Body bool
}

// Eligible says whether somebody may be given a place in a cemetery: E-4, E-1,
// E-3, E-2, in this order. It is a pure function of the rules and the need, so
// that everybody can recompute an answer.
func (r Rules) Eligible(c CemeteryState, n Need) error {
	r = r.Or().within(c.Limits)
	exception := slices.Contains(exceptions, n.Ground)
	switch {
	case !c.Class.Powers().Gives:
		return ErrHistoric
	case n.Placed != "" && n.Placed != n.Here && (n.Ground != RelocationPermit || n.Placed != n.MovesFrom):
		return ErrPersonPlaced
	case n.Ground == "":
		return ErrPreallocation
	case !slices.Contains(Grounds, n.Ground):
		return ErrGround
	case exception && n.Certificate != "":
		return ErrGround
	case n.Ground == LivingSpouse && (!r.Spouse || !n.Beside),
		n.Ground == LivingIll && !r.Ill,
		n.Ground == LivingChildless && !r.Childless,
		n.Ground == LivingAged && r.AgedFrom == 0:
		return ErrPreallocation
	case n.Ground == LivingAged && n.Age < r.AgedFrom:
		return ErrAge.With(r.AgedFrom)
	case exception && !n.ExceptionPaper:
		return ErrExceptionPaper
	case exception:
	case (n.Ground == DeathCertificate) != n.Body && n.Ground != RelocationPermit:
		return ErrGround
	case n.Certificate == "" || !n.CertificateHolds:
		return ErrCertificate
	case n.ExceptionPaper:
		return ErrGround
	}
	served := func(d domain.Division) bool { return slices.ContainsFunc(c.Serves, d.In) }
	if c.Class.Public() && r.ServedArea && !served(n.Hukou) && (!r.Family || !served(n.FamilyHukou)) || c.Class == RuralPublic && !n.Villager {
		return ErrNotServed
	}
	return nil
}

// exceptions are the grounds for which a place is given ahead of a death (E-3).
var exceptions = []Ground{LivingSpouse, LivingIll, LivingAged, LivingChildless}

// A Finding is one figure of a place that exceeds what the rules allow.
type Finding struct {
	Rule     string // "E-5", "E-6"
	Measured int    // cm² or cm
	Limit    int
	// Told marks a target that is missed, not a limit that is broken.
	Told bool
}

// Findings holds a place as it was measured against E-5 and E-6.
func (r Rules) Findings(c CemeteryState, p PlotSurveyed) (fs []Finding) {
	r = r.Or().within(c.Limits)
	area := r.AshAreaCM2
	if p.Kind == BodyGrave {
		area = r.SingleBodyAreaCM2
		if p.Capacity > 1 {
			area = r.DoubleBodyAreaCM2
		}
	}
	target := r.PublicSingleCM2
	if p.Capacity > 1 {
		target = r.PublicDoubleCM2
	}
	switch {
	case p.AreaCM2 > area:
		fs = append(fs, Finding{"E-5", p.AreaCM2, area, false})
	case c.Class.Public() && p.Kind == Grave && p.AreaCM2 > target:
		fs = append(fs, Finding{"E-5", p.AreaCM2, target, true})
	}
	if p.StoneHeightCM > r.StoneHeightCM {
		fs = append(fs, Finding{"E-6", p.StoneHeightCM, r.StoneHeightCM, false})
	}
	return fs
}

// broken is the first limit that is broken.
func broken(fs []Finding) error {
	for _, f := range fs {
		switch {
		case f.Told:
		case f.Rule == "E-5":
			return ErrArea.With(f.Measured, f.Limit)
		default:
			return ErrStone.With(f.Measured, f.Limit)
		}
	}
	return nil
}

// A Contract is what a family is offered for a place.
type Contract struct {
	Number string
	On     domain.Date // the day it begins
	Until  domain.Date
	FeeFen domain.Money // use fee
	// CeilingFen is the fact what the price list in force asks at most; zero
	// where there is none.
	CeilingFen domain.Money
}

// Permits holds a contract against E-7, E-8 and the limits of the fee.
func (r Rules) Permits(c CemeteryState, k Contract) error {
	r = r.Or().within(c.Limits)
	ceiling := k.CeilingFen
	if c.Class.Public() && r.PublicFeeFen > 0 && (ceiling == 0 || r.PublicFeeFen < ceiling) {
		ceiling = r.PublicFeeFen
	}
	last := k.On.AddMonths(12 * r.TermYears)
	switch {
	case !k.Until.Valid() || k.Until <= k.On || k.Until > last:
		return ErrTerm.With(last)
	case k.Number == "":
		return ErrContract
	case k.FeeFen < 0:
		return ErrFee
	case k.FeeFen > 0 && !c.Class.Powers().UseFee:
		return ErrVillageFee
	case ceiling > 0 && k.FeeFen > ceiling:
		return ErrFeeCeiling.With(k.FeeFen, ceiling)
	}
	return nil
}

// A RulesEvent is what happens to the rules of one division.
type RulesEvent interface{ rulesEvent() }

// RulesAdopted puts a version in force from its day on.
type RulesAdopted struct{ Rules }

func (RulesAdopted) rulesEvent() {}

// A RulesCommand asks something of the rules of one division.
type RulesCommand interface {
	domain.Command
	rulesCommand()
}

// AdoptRules puts a version in force from its day on.
type AdoptRules struct {
	domain.Act
	Rules Rules
}

func (AdoptRules) rulesCommand() {}

// RulesState is every version that was adopted, the oldest first.
type RulesState struct{ Versions []Rules }

// InForce is the version in force on a day; DefaultRules where there is none.
func (s RulesState) InForce(on domain.Date) Rules {
	for _, r := range slices.Backward(s.Versions) {
		if r.EffectiveFrom <= on {
			return r
		}
	}
	return DefaultRules
}

// RuleBook decides over the rules of one division.
var RuleBook = domain.Decider[RulesState, RulesCommand, RulesEvent]{Decide: decideRules, Evolve: evolveRules}

var (
	// ErrRules refuses rules that bound nothing, or loosen what the law bounds.
	ErrRules = domain.Reject("burial_rules_invalid", "规则有误：%s。", "The rules are not right: %s.").Under("E-5", "民事发〔1998〕10号")
	// ErrRulesExist refuses to change a version that was adopted.
	ErrRulesExist = domain.Reject("burial_rules_exist", "规则版本 %s 已经公布，不能改；请另立版本。", "Version %s was adopted and does not change; please adopt another one.")
	// ErrRulesPast refuses rules that hold before they were adopted, or before a
	// version that is adopted already.
	ErrRulesPast = domain.Reject("burial_rules_past", "规则生效日期须不早于今天，并晚于上一版本的 %s。", "Rules take effect today or later, and after the former version's %s.")
)

func decideRules(s RulesState, cmd RulesCommand) ([]RulesEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case AdoptRules:
		r, former := c.Rules, domain.Date("")
		if n := len(s.Versions); n > 0 {
			former = s.Versions[n-1].EffectiveFrom
		}
		if i := slices.IndexFunc(s.Versions, func(v Rules) bool { return v.ID == r.ID }); i >= 0 {
			if reflect.DeepEqual(s.Versions[i], r) {
				return nil, nil
			}
			return nil, ErrRulesExist.With(r.ID)
		}
		wrong := ""
		d := DefaultRules // what the law bounds is bounded there
		switch {
		case r.ID == "" || r.ID == d.ID:
			wrong = "rules"
		case r.Document == "":
			wrong = "document"
		case r.AgedFrom != 0 && (r.AgedFrom < 60 || r.AgedFrom > 120):
			wrong = "aged_from"
		case r.AshAreaCM2 < 1 || r.AshAreaCM2 > d.AshAreaCM2:
			wrong = "ash_area_cm2"
		case r.SingleBodyAreaCM2 < 1 || r.SingleBodyAreaCM2 > d.SingleBodyAreaCM2:
			wrong = "single_body_area_cm2"
		case r.DoubleBodyAreaCM2 < r.SingleBodyAreaCM2 || r.DoubleBodyAreaCM2 > d.DoubleBodyAreaCM2:
			wrong = "double_body_area_cm2"
		case r.PublicSingleCM2 < 1 || r.PublicDoubleCM2 < r.PublicSingleCM2:
			wrong = "public_double_cm2"
		case r.StoneHeightCM < 1:
			wrong = "stone_height_cm"
		case r.TermYears < 1 || r.TermYears > d.TermYears:
			wrong = "term_years"
		case r.PublicFeeFen < 0 || r.UpkeepYearFen < 0:
			wrong = "public_fee_fen"
		case !r.Notices.sound():
			wrong = "notices"
		case r.WorksDays < 1:
			wrong = "works_days"
		case r.AcceptDays < 1:
			wrong = "accept_days"
		}
		switch {
		case wrong != "":
			return nil, ErrRules.With(wrong)
		case !r.EffectiveFrom.Valid() || r.EffectiveFrom < domain.DateOf(act.Now) || r.EffectiveFrom <= former:
			return nil, ErrRulesPast.With(cmp.Or(string(former), "—"))
		}
		r.Notices.Before, r.Notices.After = slices.Clone(r.Notices.Before), slices.Clone(r.Notices.After)
		return []RulesEvent{RulesAdopted{r}}, nil
	}
	panic("unreachable: RulesCommand is sealed")
}

func evolveRules(s RulesState, e RulesEvent) RulesState {
	if e, ok := e.(RulesAdopted); ok {
		s.Versions = append(slices.Clip(s.Versions), e.Rules)
	}
	return s
}
