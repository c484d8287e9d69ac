package credit

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"shenzhong/domain"
)

//go:embed credit_rules.json
var defaultRules []byte

// Default is the policy that the program brings along: a proposal, to be
// adopted, changed or replaced by the authority.
var Default = sync.OnceValue(func() PolicyVersion {
	p, err := ParsePolicy(defaultRules)
	if err != nil {
		panic(err)
	}
	return p
})

// What a policy file says in words and the program does in code. A file that
// says something else would be scored wrongly, so it is refused.
const (
	wordFormula    = "score(t) = clamp(0, 100, base + min(bonus_cap, Σ active bonuses) − Σ active deductions after per-rule period caps)"
	wordActivity   = "a deduction is active from its confirmation date until min(repair approved, retention end); bonuses are active for 12 months"
	wordEscalation = "同一规则12个月内第3次确认,按上一级严重程度计"
)

// ParsePolicy reads a policy file of the shape of credit_rules.json and checks
// it as a whole.
func ParsePolicy(data []byte) (PolicyVersion, error) {
	var f struct {
		Meta struct {
			PolicyID      string      `json:"policy_id"`
			EffectiveFrom domain.Date `json:"effective_from"`
		} `json:"_meta"`
		Scoring struct {
			Base     int    `json:"base"`
			Min      int    `json:"min"`
			Max      int    `json:"max"`
			BonusCap int    `json:"bonus_cap"`
			Formula  string `json:"formula"`
			Activity string `json:"activity"`
		} `json:"scoring"`
		Grades   []Grade `json:"grades"`
		Severity map[Severity]struct {
			NameZh          string `json:"name_zh"`
			MinMonths       int    `json:"min_publicity_months"`
			MaxMonths       int    `json:"max_publicity_months"`
			RetentionMonths int    `json:"retention_months"`
		} `json:"severity"`
		Deductions []struct {
			Code         string   `json:"code"`
			NameZh       string   `json:"name_zh"`
			NameEn       string   `json:"name_en"`
			Dimension    string   `json:"dimension"`
			Severity     Severity `json:"severity"`
			Points       int      `json:"points"`
			PeriodCap    int      `json:"period_cap"`
			Trigger      string   `json:"trigger"`
			LegalBasis   string   `json:"legal_basis"`
			BasisFlag    string   `json:"basis_flag"`
			GradeCeiling string   `json:"grade_ceiling"`
			Repeat       Repeat   `json:"repeat"`
			Note         string   `json:"note"`
		} `json:"deductions"`
		Bonuses    []Bonus `json:"bonuses"`
		Escalation []struct {
			Rule string `json:"rule"`
		} `json:"escalation"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&f); err != nil {
		return PolicyVersion{}, fmt.Errorf("credit policy: %w", err)
	}
	if dec.More() {
		return PolicyVersion{}, fmt.Errorf("credit policy: more than one JSON value")
	}
	escalates := false
	for _, e := range f.Escalation {
		escalates = escalates || e.Rule == wordEscalation
	}
	switch {
	case f.Scoring.Formula != wordFormula:
		return PolicyVersion{}, fmt.Errorf("credit policy: scoring.formula %q is not the one this program computes", f.Scoring.Formula)
	case f.Scoring.Activity != wordActivity:
		return PolicyVersion{}, fmt.Errorf("credit policy: scoring.activity %q is not what this program computes", f.Scoring.Activity)
	case !escalates:
		return PolicyVersion{}, fmt.Errorf("credit policy: escalation lacks %q", wordEscalation)
	}
	p := PolicyVersion{Version: f.Meta.PolicyID, EffectiveFrom: f.Meta.EffectiveFrom,
		Base: f.Scoring.Base, Min: f.Scoring.Min, Max: f.Scoring.Max, BonusCap: f.Scoring.BonusCap,
		BonusMonths: 12, EscalateNth: 3, EscalateMonths: 12, // as the words above have them
		Grades: f.Grades, Severities: map[Severity]SeverityPeriod{}, Bonuses: f.Bonuses}
	slices.SortStableFunc(p.Grades, func(a, b Grade) int { return b.Min - a.Min })
	for s, v := range f.Severity {
		// 信用修复管理办法: what has no shortest period is not published in principle.
		p.Severities[s] = SeverityPeriod{v.NameZh, v.MinMonths, v.MaxMonths, v.RetentionMonths, v.MinMonths > 0}
	}
	for _, d := range f.Deductions {
		r := Rule{Code: d.Code, NameZh: d.NameZh, NameEn: d.NameEn, Dimension: d.Dimension, Severity: d.Severity,
			Points: d.Points, PeriodCap: d.PeriodCap, GradeCeiling: d.GradeCeiling, Repeat: d.Repeat, Trigger: d.Trigger, Note: d.Note}
		if d.BasisFlag == "found" {
			r.Basis, r.BasisFound = vouched(d.LegalBasis), true
		}
		p.Rules = append(p.Rules, r)
	}
	if err := p.check(); err != nil {
		return PolicyVersion{}, fmt.Errorf("credit policy: %w", err)
	}
	return p, nil
}

// ReadPolicy reads a version that somebody hands in: a policy file
// (ParsePolicy), or a version as the API takes it. What is wrong with it is a
// rejection.
func ReadPolicy(data []byte) (PolicyVersion, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // as editors on Windows save it
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return PolicyVersion{}, ErrPolicyUnreadable.With(err)
	}
	if _, file := top["_meta"]; file {
		p, err := ParsePolicy(data)
		if _, said := errors.AsType[*domain.Rejection](err); err != nil && !said {
			err = ErrPolicyUnreadable.With(err)
		}
		return p, err
	}
	var p PolicyVersion
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields() // a misspelt name would be a figure that is left out
	if err := dec.Decode(&p); err != nil {
		return PolicyVersion{}, ErrPolicyUnreadable.With(err)
	}
	return p, p.check()
}

// vouched drops the parts of a basis that nobody has read in a document.
func vouched(basis string) string {
	var parts []string
	for part := range strings.SplitSeq(basis, ";") {
		if part = strings.TrimSpace(part); !strings.Contains(part, "from memory") {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// check says what in p does not fit together.
func (p PolicyVersion) check() error {
	bad := func(what string, args ...any) error { return ErrPolicyInvalid.With(fmt.Sprintf(what, args...)) }
	switch {
	case p.Version == "":
		return bad("version")
	case !p.EffectiveFrom.Valid():
		return bad("effective_from")
	case p.Min > p.Base || p.Base > p.Max:
		return bad("base")
	case p.BonusCap < 0:
		return bad("bonus_cap")
	case p.BonusMonths <= 0:
		return bad("bonus_months")
	case p.EscalateNth < 2 || p.EscalateMonths <= 0:
		return bad("escalate_nth, escalate_months")
	case len(p.Severities) != len(Severities):
		return bad("severities")
	case len(p.Rules) == 0:
		return bad("rules")
	}
	next := p.Max
	for i, g := range p.Grades {
		if g.Grade == "" || g.Max != next || g.Min > g.Max || p.gradeIndex(g.Grade) != i {
			return bad("grades[%d]", i)
		}
		next = g.Min - 1
	}
	if next != p.Min-1 {
		return bad("grades")
	}
	for _, s := range Severities {
		if v, ok := p.Severities[s]; !ok || v.MinMonths < 0 || v.MaxMonths < v.MinMonths || v.RetentionMonths <= 0 {
			return bad("severities.%s", s)
		}
	}
	codes := map[string]bool{}
	for i, r := range p.Rules {
		switch {
		case r.Code == "" || codes[r.Code]:
			return bad("rules[%d].code", i)
		case !slices.Contains(Severities, r.Severity):
			return bad("rules[%d].severity (%s)", i, r.Code)
		case r.Points <= 0:
			return bad("rules[%d].points (%s)", i, r.Code)
		case r.PeriodCap < r.Points:
			return bad("rules[%d].period_cap (%s)", i, r.Code)
		case r.Repeat != (Repeat{}) && (r.Repeat.Nth < 2 || r.Repeat.Months <= 0 || r.Repeat.Points < r.Points || r.PeriodCap < r.Repeat.Points || !slices.Contains(Severities, r.Repeat.Severity)):
			return bad("rules[%d].repeat (%s)", i, r.Code)
		case r.GradeCeiling != "" && p.gradeIndex(r.GradeCeiling) < 0:
			return bad("rules[%d].grade_ceiling (%s)", i, r.Code)
		}
		codes[r.Code] = true
	}
	for i, b := range p.Bonuses {
		if b.Code == "" || codes[b.Code] || b.Points <= 0 {
			return bad("bonuses[%d] (%s)", i, b.Code)
		}
		codes[b.Code] = true
	}
	return nil
}
