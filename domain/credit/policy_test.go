package credit_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/credit"
	"shenzhong/domain/domaintest"
)

func with[T any](v T, change func(*T)) T { change(&v); return v }

var by = domaintest.By("staff-0401")

func TestDefaultPolicy(t *testing.T) {
	p := Default()
	if p.Version != "dl-funeral-credit-v1" || p.EffectiveFrom != "2026-04-01" || p.Base != 80 || p.Min != 0 || p.Max != 100 || p.BonusCap != 20 ||
		p.BonusMonths != 12 || p.EscalateNth != 3 || p.EscalateMonths != 12 || len(p.Rules) != 44 || len(p.Bonuses) != 10 {
		t.Errorf("%+v", with(p, func(p *PolicyVersion) { p.Rules, p.Bonuses = nil, nil }))
	}
	var grades []string
	for _, g := range p.Grades {
		grades = append(grades, g.Grade)
	}
	if strings.Join(grades, "") != "ABCD" {
		t.Error(grades)
	}
	for s, want := range map[Severity]SeverityPeriod{Minor: {"轻微", 0, 3, 3, false}, General: {"一般", 3, 12, 12, true}, Severe: {"严重", 12, 36, 36, true}} {
		if p.Severities[s] != want {
			t.Errorf("%s: %+v, want %+v", s, p.Severities[s], want)
		}
	}
	s01, ok := p.Rule("S01")
	if !ok || s01.Points != 30 || s01.PeriodCap != 60 || s01.Severity != Severe || s01.GradeCeiling != "D" || !s01.BasisFound || !strings.Contains(s01.Basis, "火化确认书") {
		t.Errorf("%+v", s01)
	}
	g02, ok := p.Bonus("G02")
	if !ok || g02.Points != 3 {
		t.Errorf("%+v", g02)
	}
	for _, r := range p.Rules {
		if strings.Contains(r.Basis, "memory") || strings.Contains(r.Basis, "同上") || r.BasisFound != (r.Basis != "") {
			t.Errorf("%s rests on %q", r.Code, r.Basis)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	file, err := os.ReadFile("credit_rules.json")
	if err != nil {
		t.Fatal(err)
	}
	type obj = map[string]any
	rule := func(m obj, i int) obj { return m["deductions"].([]any)[i].(obj) }
	for name, c := range map[string]struct {
		change func(obj)
		want   string
	}{
		"another formula":                        {func(m obj) { m["scoring"].(obj)["formula"] = "random()" }, "scoring.formula"},
		"another period of activity":             {func(m obj) { m["scoring"].(obj)["activity"] = "for ever" }, "scoring.activity"},
		"another escalation":                     {func(m obj) { m["escalation"] = []any{} }, "escalation"},
		"no name":                                {func(m obj) { m["_meta"].(obj)["policy_id"] = "" }, "version"},
		"a day that does not exist":              {func(m obj) { m["_meta"].(obj)["effective_from"] = "2026-02-30" }, "effective_from"},
		"a base outside the scale":               {func(m obj) { m["scoring"].(obj)["base"] = 101 }, "base"},
		"a gap between grades":                   {func(m obj) { m["grades"].([]any)[1].(obj)["min"] = 76 }, "grades"},
		"grades that stop above zero":            {func(m obj) { m["grades"].([]any)[3].(obj)["min"] = 1 }, "grades"},
		"a severity without retention":           {func(m obj) { delete(m["severity"].(obj)["SEVERE"].(obj), "retention_months") }, "severities.SEVERE"},
		"a severity too few":                     {func(m obj) { delete(m["severity"].(obj), "MINOR") }, "severities"},
		"a rule that is there twice":             {func(m obj) { rule(m, 1)["code"] = "B01" }, "rules[1].code"},
		"a rule that deducts nothing":            {func(m obj) { rule(m, 3)["points"] = 0 }, "rules[3].points (B04)"},
		"a rule with a cap below its points":     {func(m obj) { rule(m, 3)["period_cap"] = 2 }, "rules[3].period_cap"},
		"a rule of no severity":                  {func(m obj) { rule(m, 3)["severity"] = "AWFUL" }, "rules[3].severity"},
		"a rule with a ceiling that is no grade": {func(m obj) { rule(m, 3)["grade_ceiling"] = "E" }, "rules[3].grade_ceiling"},
		"a bonus of no points":                   {func(m obj) { m["bonuses"].([]any)[0].(obj)["points"] = 0 }, "bonuses[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			var m obj
			if err := json.Unmarshal(file, &m); err != nil {
				t.Fatal(err)
			}
			c.change(m)
			b, _ := json.Marshal(m)
			if _, err := ParsePolicy(b); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one about %s", err, c.want)
			}
		})
	}
	for _, bad := range []string{"", "[]", "{}", string(file) + "{}", string(file[:400])} {
		if _, err := ParsePolicy([]byte(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func TestAdopt(t *testing.T) {
	spec := domaintest.For(Policy)
	v1 := Default()
	v2 := with(v1, func(p *PolicyVersion) { p.Version, p.EffectiveFrom, p.Base = "dl-funeral-credit-v2", "2027-01-01", 85 })
	t.Run("a policy is adopted", func(t *testing.T) {
		spec.Given(t).When(Adopt{by, v1}).Then(PolicyAdopted{v1})
		spec.Given(t).When(Adopt{by, with(v1, func(p *PolicyVersion) { p.EffectiveFrom = "9999-12-31" })}).Rejects(ErrPolicyFarAhead)
	})
	t.Run("a later version follows", func(t *testing.T) {
		spec.Given(t, PolicyAdopted{v1}).When(Adopt{by, v2}).Then(PolicyAdopted{v2})
		spec.Given(t, PolicyAdopted{v1}, PolicyAdopted{v2}).When(Adopt{by, v1}).Then()
	})
	t.Run("a version never changes: entries name it", func(t *testing.T) {
		spec.Given(t, PolicyAdopted{v1}).When(Adopt{by, with(v1, func(p *PolicyVersion) { p.Base = 85 })}).Rejects(ErrPolicyChanged)
	})
	t.Run("no version starts before its predecessor", func(t *testing.T) {
		spec.Given(t, PolicyAdopted{v2}).When(Adopt{by, v1}).Rejects(ErrPolicyOlder)
	})
	for name, change := range map[string]func(*PolicyVersion){
		"nothing at all":           func(p *PolicyVersion) { *p = PolicyVersion{} },
		"a cap below zero":         func(p *PolicyVersion) { p.BonusCap = -1 },
		"bonuses that never count": func(p *PolicyVersion) { p.BonusMonths = 0 },
		"everything escalates":     func(p *PolicyVersion) { p.EscalateNth = 1 },
		"no window of escalation":  func(p *PolicyVersion) { p.EscalateMonths = 0 },
		"no rules":                 func(p *PolicyVersion) { p.Rules = nil },
		"a fourth severity": func(p *PolicyVersion) {
			p.Severities = with(maps.Clone(p.Severities), func(m *map[Severity]SeverityPeriod) { (*m)["AWFUL"] = (*m)[Severe] })
		},
		"another name for a severity": func(p *PolicyVersion) {
			p.Severities = with(maps.Clone(p.Severities), func(m *map[Severity]SeverityPeriod) { (*m)["AWFUL"] = (*m)[Severe]; delete(*m, Severe) })
		},
	} {
		t.Run("a policy fits together: "+name, func(t *testing.T) { spec.Given(t).When(Adopt{by, with(v1, change)}).Rejects(ErrPolicyInvalid) })
	}
	t.Run("a policy may know no bonus, start at zero, and follow on the same day", func(t *testing.T) {
		plain := with(v1, func(p *PolicyVersion) { p.Version, p.Base, p.BonusCap, p.Bonuses = "plain", 0, 0, nil })
		spec.Given(t, PolicyAdopted{v1}).When(Adopt{by, plain}).Then(PolicyAdopted{plain})
	})
	t.Run("each day has the version in force", func(t *testing.T) {
		s := spec.Given(t, PolicyAdopted{v1}, PolicyAdopted{v2}).State()
		for on, want := range map[domain.Date]string{"2026-03-31": "", "2026-04-01": v1.Version, "2026-12-31": v1.Version, "2027-01-01": v2.Version} {
			if v, ok := s.InForce(on); v.Version != want || ok != (want != "") {
				t.Errorf("%s: %s, want %s", on, v.Version, want)
			}
		}
		if v, ok := s.Version(v1.Version); !ok || v.Base != 80 {
			t.Error(v.Version, ok)
		}
		if _, ok := s.Version("v9"); ok {
			t.Error("a version that was never adopted was found")
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Policy, func(PolicyState) PolicyCommand {
			return Adopt{by, with(v1, func(p *PolicyVersion) {
				p.Version = rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "version")
				p.EffectiveFrom = rapid.SampledFrom([]domain.Date{"2026-04-01", "2026-05-01", "2026-06-01", "x"}).Draw(t, "from")
			})}
		}, func(s PolicyState, history []PolicyEvent) {
			if !slices.IsSortedFunc(s.Versions, func(a, b PolicyVersion) int { return strings.Compare(string(a.EffectiveFrom), string(b.EffectiveFrom)) }) {
				t.Fatal("versions out of order")
			}
			names := map[string]bool{}
			for _, v := range s.Versions {
				if names[v.Version] {
					t.Fatalf("%s twice", v.Version)
				}
				names[v.Version] = true
			}
		})
	})
}
