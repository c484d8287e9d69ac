package ecoburial

import (
	"fmt"
	"slices"

	"shenzhong/domain"
)

// An IncentiveRule pays for an eco-burial, once for each person.
type IncentiveRule struct {
	ID       string `json:"id"` // "DL-SEA-2025"
	Version  string `json:"version"`
	Document string `json:"document"`
	// ValidFrom and ValidUntil are days of the burial; empty: open.
	ValidFrom  domain.Date `json:"valid_from,omitzero"`
	ValidUntil domain.Date `json:"valid_until,omitzero"`
	// Types are the eco types it pays for.
	Types []string `json:"types"`
	// Hukou is where the deceased was registered; empty: anywhere.
	Hukou  domain.Division `json:"hukou,omitzero"`
	Amount domain.Money    `json:"amount_fen"`
}

func (r IncentiveRule) check() bool {
	return r.ID != "" && r.Version != "" && r.Document != "" && r.Amount > 0 && len(r.Types) > 0 &&
		(r.ValidUntil == "" || r.ValidFrom <= r.ValidUntil)
}

func (r IncentiveRule) covers(day domain.Date) bool {
	return (r.ValidFrom == "" || r.ValidFrom <= day) && (r.ValidUntil == "" || day <= r.ValidUntil)
}

// An Outcome is what the rules come to for one burial.
type Outcome string

// The outcomes.
const (
	Grantable    Outcome = "GRANTABLE"
	NoRule       Outcome = "NO_RULE"       // no rule pays for this type
	NotThen      Outcome = "NOT_THEN"      // rules for the type do not cover the day
	OtherHukou   Outcome = "OTHER_HUKOU"   // rules for the type are for people registered elsewhere
	DateUnknown  Outcome = "DATE_UNKNOWN"  // nobody knows the day of the burial
	HukouUnknown Outcome = "HUKOU_UNKNOWN" // the rule asks where the person was registered, and nobody knows
)

// A Computation is what the rules come to for one burial, with the sentence
// that tells it to the family.
type Computation struct {
	Outcome  Outcome      `json:"outcome"`
	Rule     string       `json:"rule,omitzero"`
	Version  string       `json:"version,omitzero"`
	Document string       `json:"document,omitzero"`
	Amount   domain.Money `json:"amount_fen"`
	Zh       string       `json:"zh"`
	En       string       `json:"en"`
}

// RuleFor is the newest rule that pays for this type on this day for a person
// registered there.
func RuleFor(rules []IncentiveRule, code string, on domain.Date, hukou domain.Division) (IncentiveRule, bool) {
	for _, r := range slices.Backward(rules) {
		if slices.Contains(r.Types, code) && r.covers(on) && (r.Hukou == "" || hukou.In(r.Hukou)) {
			return r, true
		}
	}
	return IncentiveRule{}, false
}

// Compute applies the rules to a burial of this type on this day. Of the rules
// that pay, the newest does: the last in the list.
func Compute(rules []IncentiveRule, t Type, on domain.Date, hukou domain.Division) Computation {
	none := func(o Outcome, zh, en string) Computation { return Computation{Outcome: o, Zh: zh, En: en} }
	paying := slices.DeleteFunc(slices.Clone(rules), func(r IncentiveRule) bool { return !slices.Contains(r.Types, t.Code) })
	if len(paying) == 0 {
		return none(NoRule, fmt.Sprintf("现行规定没有给%s设奖补。", t.NameZh), fmt.Sprintf("No rule in force grants an incentive for: %s.", t.NameEn))
	}
	if on == "" {
		return none(DateUnknown, "安葬日期还不清楚，补明日期后再算奖补。", "The day of the burial is not known; the incentive is computed once it is.")
	}
	then := slices.DeleteFunc(paying, func(r IncentiveRule) bool { return !r.covers(on) })
	if len(then) == 0 {
		return none(NotThen, fmt.Sprintf("%s 安葬时，没有给%s设奖补的规定。", on, t.NameZh), fmt.Sprintf("On %s no rule granted an incentive for: %s.", on, t.NameEn))
	}
	if r, ok := RuleFor(then, t.Code, on, hukou); ok {
		return Computation{Outcome: Grantable, Rule: r.ID, Version: r.Version, Document: r.Document, Amount: r.Amount,
			Zh: fmt.Sprintf("按%s（%s，%s 版），%s 办理%s，户籍符合规定，奖补 %s 元；每位逝者全市只发一次。", r.Document, r.ID, r.Version, on, t.NameZh, r.Amount),
			En: fmt.Sprintf("Under %s (%s, version %s): %s on %s, household registration as required, %s yuan; once for each person in the city.", r.Document, r.ID, r.Version, t.NameEn, on, r.Amount)}
	}
	r := then[len(then)-1]
	if hukou == "" {
		return none(HukouUnknown, fmt.Sprintf("按%s，奖补要看逝者的户籍；户籍还没有登记。", r.Document), fmt.Sprintf("Under %s the incentive depends on the household registration, which is not recorded.", r.Document))
	}
	return none(OtherHukou, fmt.Sprintf("按%s，这项奖补只发给当地户籍的逝者。", r.Document), fmt.Sprintf("Under %s this incentive is for people registered there only.", r.Document))
}
