// Package credit decides over the service credit of institutions: the policy
// that says what counts, and each institution's ledger.
//
// Two aggregates: Policy (its versions) and Ledger (one institution). Score and
// Publication are pure functions of a policy version and ledger entries; the
// ledger and the read models use the same ones.
package credit

import (
	"maps"
	"slices"

	"shenzhong/domain"
)

// PolicyCategory names the stream of the policy; its id is the city's, "dl".
const PolicyCategory = "creditpolicy"

// Wire lists every event of this package by its name on the log.
var Wire = []domain.Wire{
	domain.Upcast("creditpolicy.adopted.v1", policyAdoptedV1.up),
	domain.Named[PolicyAdopted]("creditpolicy.adopted.v2"),
	domain.Named[Suspected]("credit.suspected.v1"),
	domain.Named[Notified]("credit.notified.v1"),
	domain.Named[Answered]("credit.answered.v1"),
	domain.Named[Dismissed]("credit.dismissed.v1"),
	domain.Named[ConfirmationProposed]("credit.confirmation_proposed.v1"),
	domain.Named[Confirmed]("credit.confirmed.v1"),
	domain.Named[RepairTold]("credit.repair_told.v1"),
	domain.Named[Objected]("credit.objected.v1"),
	domain.Named[ObjectionExtended]("credit.objection_extended.v1"),
	domain.Named[ObjectionDecided]("credit.objection_decided.v1"),
	domain.Named[BonusGranted]("credit.bonus_granted.v1"),
	domain.Named[RepairRequested]("credit.repair_requested.v1"),
	domain.Named[RepairRefused]("credit.repair_refused.v1"),
	domain.Named[Repaired]("credit.repaired.v1"),
	domain.Named[Revoked]("credit.revoked.v1"),
}

// A Severity drives publication, retention and repair.
type Severity string

// The severities of 《信用修复管理办法》.
const (
	Minor   Severity = "MINOR"
	General Severity = "GENERAL"
	Severe  Severity = "SEVERE"
)

// Severities in rising order.
var Severities = []Severity{Minor, General, Severe}

// Next is one severity higher; Severe stays.
func (s Severity) Next() Severity {
	if i := slices.Index(Severities, s); i >= 0 {
		return Severities[min(i+1, len(Severities)-1)]
	}
	return s
}

// or is the severer of two.
func (s Severity) or(o Severity) Severity {
	if slices.Index(Severities, o) > slices.Index(Severities, s) {
		return o
	}
	return s
}

// A PolicyVersion is one version of the whole policy.
type PolicyVersion struct {
	Version       string      `json:"version"` // "dl-funeral-credit-v1"
	EffectiveFrom domain.Date `json:"effective_from"`
	Base          int         `json:"base"`
	Min           int         `json:"min"`
	Max           int         `json:"max"`
	BonusCap      int         `json:"bonus_cap"`
	// BonusMonths is how long a bonus counts.
	BonusMonths int `json:"bonus_months"`
	// The EscalateNth confirmation of one rule within EscalateMonths counts one
	// severity higher.
	EscalateNth    int                         `json:"escalate_nth"`
	EscalateMonths int                         `json:"escalate_months"`
	Grades         []Grade                     `json:"grades"`     // best first
	Severities     map[Severity]SeverityPeriod `json:"severities"` // all three
	Rules          []Rule                      `json:"rules"`
	Bonuses        []Bonus                     `json:"bonuses"`
}

// A Grade is a band of scores, both ends included.
type Grade struct {
	Grade  string `json:"grade"`
	NameZh string `json:"name_zh"`
	Min    int    `json:"min"`
	Max    int    `json:"max"`
}

// A SeverityPeriod holds the months that a severity brings.
type SeverityPeriod struct {
	NameZh string `json:"name_zh"`
	// MinMonths must pass before repair; MaxMonths end publication.
	MinMonths int `json:"min_months"`
	MaxMonths int `json:"max_months"`
	// RetentionMonths end the deduction.
	RetentionMonths int `json:"retention_months"`
	// Published says that entries are published unless decided otherwise.
	Published bool `json:"published,omitzero"`
}

// A Rule is one reason for a deduction.
type Rule struct {
	Code      string   `json:"code"`
	NameZh    string   `json:"name_zh"`
	NameEn    string   `json:"name_en"`
	Dimension string   `json:"dimension"`
	Severity  Severity `json:"severity"`
	Points    int      `json:"points"` // to deduct, positive
	// PeriodCap bounds what the rule's entries deduct together at any time.
	PeriodCap int `json:"period_cap"`
	// Repeat is what another confirmation counts soon after; zero: the same.
	Repeat Repeat `json:"repeat,omitzero"`
	// GradeCeiling is the best grade while an entry of the rule is active.
	GradeCeiling string `json:"grade_ceiling,omitzero"`
	Trigger      string `json:"trigger"`
	Basis        string `json:"basis"`
	// BasisFound says that the basis was found in a document; otherwise it is a
	// proposal of ours.
	BasisFound bool   `json:"basis_found,omitzero"`
	Note       string `json:"note,omitzero"`
}

// A Repeat is what the Nth confirmation of a rule within Months counts.
type Repeat struct {
	Nth      int      `json:"nth,omitzero"`
	Months   int      `json:"months,omitzero"`
	Points   int      `json:"points,omitzero"`
	Severity Severity `json:"severity,omitzero"`
}

// A Bonus is one reason for points on top.
type Bonus struct {
	Code    string `json:"code"`
	NameZh  string `json:"name_zh"`
	NameEn  string `json:"name_en"`
	Points  int    `json:"points"`
	Trigger string `json:"trigger"`
}

// Rule finds a rule of the version.
func (p PolicyVersion) Rule(code string) (Rule, bool) {
	i := slices.IndexFunc(p.Rules, func(r Rule) bool { return r.Code == code })
	if i < 0 {
		return Rule{}, false
	}
	return p.Rules[i], true
}

// Bonus finds a bonus of the version.
func (p PolicyVersion) Bonus(code string) (Bonus, bool) {
	i := slices.IndexFunc(p.Bonuses, func(b Bonus) bool { return b.Code == code })
	if i < 0 {
		return Bonus{}, false
	}
	return p.Bonuses[i], true
}

// A PolicyEvent is what happens to the policy.
type PolicyEvent interface{ policyEvent() }

// PolicyAdopted puts a version in force from its effective date on.
type PolicyAdopted struct{ PolicyVersion }

func (PolicyAdopted) policyEvent() {}

// policyAdoptedV1 is PolicyAdopted before a rule could say what a repetition
// counts.
type policyAdoptedV1 struct{ PolicyVersion }

func (old policyAdoptedV1) up() PolicyAdopted { return PolicyAdopted(old) }

// A PolicyCommand asks something of the policy.
type PolicyCommand interface {
	domain.Command
	policyCommand()
}

// Adopt asks for a new version.
type Adopt struct {
	domain.Act
	PolicyVersion PolicyVersion
}

func (Adopt) policyCommand() {}

// PolicyState is every version, in the order of adoption, which is also that of
// effective dates.
type PolicyState struct{ Versions []PolicyVersion }

// InForce is the version in force on a day.
func (s PolicyState) InForce(on domain.Date) (PolicyVersion, bool) {
	for _, v := range slices.Backward(s.Versions) {
		if v.EffectiveFrom <= on {
			return v, true
		}
	}
	return PolicyVersion{}, false
}

// Version finds a version by name.
func (s PolicyState) Version(name string) (PolicyVersion, bool) {
	i := slices.IndexFunc(s.Versions, func(v PolicyVersion) bool { return v.Version == name })
	if i < 0 {
		return PolicyVersion{}, false
	}
	return s.Versions[i], true
}

// Policy decides over the policy's versions.
var Policy = domain.Decider[PolicyState, PolicyCommand, PolicyEvent]{Decide: decidePolicy, Evolve: evolvePolicy}

var (
	// ErrPolicyInvalid refuses a version that does not fit together.
	ErrPolicyInvalid = domain.Reject("credit_policy_invalid", "信用评价规则有误：%s。", "The credit policy does not fit together: %s.").Under("I17", "")
	// ErrPolicyUnreadable refuses what is no version at all.
	ErrPolicyUnreadable = domain.Reject("credit_policy_unreadable", "这不是评价规则文件：%s。", "This is no file of a credit policy: %s.")
	// ErrPolicyFarAhead refuses a version for a day that is too far ahead.
	ErrPolicyFarAhead = domain.Reject("effective_date_too_far", "生效日期 %s 太远，最多提前 %d 天发布。", "It would take effect on %s; rules are adopted at most %d days ahead.")
	// ErrPolicyChanged refuses to change a version that exists: entries name it.
	ErrPolicyChanged = domain.Reject("credit_policy_version_exists", "规则版本 %s 已经发布，内容不能再改，请使用新的版本号。",
		"The policy version %s exists and cannot be changed; please use a new version name.").Under("I17", "")
	// ErrPolicyOlder refuses a version that starts before its predecessor.
	ErrPolicyOlder = domain.Reject("credit_policy_older", "新版本的生效日期不能早于上一版本（%s）。",
		"A new version cannot start before its predecessor (%s).").Under("I20", "")
)

// maxAhead is how many days ahead a version is adopted at most; a proposal of
// ours ([P]).
const maxAhead = 366

func decidePolicy(s PolicyState, cmd PolicyCommand) ([]PolicyEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Adopt:
		p := c.PolicyVersion
		if err := p.check(); err != nil {
			return nil, err
		}
		if old, ok := s.Version(p.Version); ok {
			if old.equal(p) {
				return nil, nil
			}
			return nil, ErrPolicyChanged.With(p.Version)
		}
		if n := len(s.Versions); n > 0 && p.EffectiveFrom < s.Versions[n-1].EffectiveFrom {
			return nil, ErrPolicyOlder.With(s.Versions[n-1].EffectiveFrom)
		}
		// A version for an absurd day would keep out every later one.
		if p.EffectiveFrom > domain.DateOf(c.Now).AddDays(maxAhead) {
			return nil, ErrPolicyFarAhead.With(p.EffectiveFrom, maxAhead)
		}
		return []PolicyEvent{PolicyAdopted{p}}, nil
	}
	panic("unreachable: PolicyCommand is sealed")
}

// equal compares versions by content; an absent list equals an empty one.
func (p PolicyVersion) equal(o PolicyVersion) bool {
	return p.Version == o.Version && p.EffectiveFrom == o.EffectiveFrom &&
		p.Base == o.Base && p.Min == o.Min && p.Max == o.Max && p.BonusCap == o.BonusCap && p.BonusMonths == o.BonusMonths &&
		p.EscalateNth == o.EscalateNth && p.EscalateMonths == o.EscalateMonths &&
		slices.Equal(p.Grades, o.Grades) && maps.Equal(p.Severities, o.Severities) &&
		slices.Equal(p.Rules, o.Rules) && slices.Equal(p.Bonuses, o.Bonuses)
}

func evolvePolicy(s PolicyState, e PolicyEvent) PolicyState {
	if e, ok := e.(PolicyAdopted); ok {
		s.Versions = append(slices.Clip(s.Versions), e.PolicyVersion)
	}
	return s
}
