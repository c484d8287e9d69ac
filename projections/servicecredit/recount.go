package servicecredit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: it scores every institution again,
// from the stored bytes, on every day on which a score can change. It must not
// use Apply, the Registry, the events' Go types or credit.Score.
func (Projection) Recount() projections.Recount {
	return &recount{ledgers: map[string][]*rawEntry{}, entries: map[string]*rawEntry{}, known: map[string]bool{}}
}

type recount struct {
	policies []rawPolicy
	ledgers  map[string][]*rawEntry // by credit code, as recorded
	entries  map[string]*rawEntry
	known    map[string]bool // registered institutions
	running  []running
}

type rawPolicy struct {
	Version       string `json:"version"`
	EffectiveFrom string `json:"effective_from"`
	Base          int    `json:"base"`
	Min           int    `json:"min"`
	Max           int    `json:"max"`
	BonusCap      int    `json:"bonus_cap"`
	BonusMonths   int    `json:"bonus_months"`
	Grades        []struct {
		Grade string `json:"grade"`
		Min   int    `json:"min"`
		Max   int    `json:"max"`
	} `json:"grades"`
	Severities map[string]struct {
		RetentionMonths int `json:"retention_months"`
	} `json:"severities"`
	Rules []struct {
		Code      string `json:"code"`
		PeriodCap int    `json:"period_cap"`
	} `json:"rules"`
}

type rawEntry struct {
	Entry        string `json:"entry"`
	Rule         string `json:"rule"`
	Points       int    `json:"points"`
	Severity     string `json:"severity"`
	GradeCeiling string `json:"grade_ceiling"`
	Fact         string `json:"fact"`
	DecidedOn    string `json:"decided_on"`
	bonus        bool
	repaired     string
	revoked      string
}

// running is the score that was right after an entry was recorded.
type running struct {
	code, entry string
	rated       bool
	score       int
	grade       string
}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	code := e.Stream.ID()
	switch e.Type {
	case "institution.registered.v1":
		r.known[code] = true
	case "creditpolicy.adopted.v1", "creditpolicy.adopted.v2":
		var p rawPolicy
		if err := json.Unmarshal(e.Data, &p); err != nil {
			return err
		}
		r.policies = append(r.policies, p)
	case "credit.confirmed.v1", "credit.bonus_granted.v1":
		x := &rawEntry{bonus: e.Type == "credit.bonus_granted.v1"}
		if err := json.Unmarshal(e.Data, x); err != nil {
			return err
		}
		r.ledgers[code] = append(r.ledgers[code], x)
		r.entries[x.Entry] = x
		score, grade, rated := r.score(code, x.DecidedOn)
		r.running = append(r.running, running{code, x.Entry, rated, score, grade})
	case "credit.repaired.v1", "credit.revoked.v1":
		var raw struct {
			Entry      string `json:"entry"`
			RepairedOn string `json:"repaired_on"`
			RevokedOn  string `json:"revoked_on"`
		}
		if err := json.Unmarshal(e.Data, &raw); err != nil {
			return err
		}
		x := r.entries[raw.Entry]
		if x == nil {
			return fmt.Errorf("no entry %s", raw.Entry)
		}
		if raw.RepairedOn != "" {
			x.repaired = raw.RepairedOn
		}
		if raw.RevokedOn != "" {
			x.revoked = raw.RevokedOn
		}
	}
	return nil
}

// policyOn is the policy adopted last of those in force on a day.
func (r *recount) policyOn(day string) *rawPolicy {
	for i := len(r.policies) - 1; i >= 0; i-- {
		if r.policies[i].EffectiveFrom <= day {
			return &r.policies[i]
		}
	}
	return nil
}

// end is the first day on which an entry no longer counts.
func (x *rawEntry) end(p *rawPolicy) string {
	switch {
	case x.revoked != "":
		return x.DecidedOn
	case x.bonus:
		return plusMonths(x.DecidedOn, p.BonusMonths)
	}
	end := plusMonths(x.DecidedOn, p.Severities[x.Severity].RetentionMonths)
	if x.repaired != "" && x.repaired < end {
		end = x.repaired
	}
	return end
}

// score is the published formula, written down once more:
// clamp(min, max, base + min(cap, Σ bonuses) − Σ per rule min(cap of the rule, Σ deductions)),
// of the deductions for one fact only the heaviest, the first of equals.
func (r *recount) score(code, day string) (score int, grade string, rated bool) {
	p := r.policyOn(day)
	if p == nil {
		return 0, "", false
	}
	bonus, byRule, worst := 0, map[string]int{}, ""
	for _, x := range r.ledgers[code] {
		if day < x.DecidedOn || day >= x.end(p) {
			continue
		}
		if x.bonus {
			bonus += x.Points
			continue
		}
		if !r.outweighed(code, x, day, p) {
			byRule[x.Rule] += x.Points
		}
		if x.GradeCeiling > worst { // A is best, D worst
			worst = x.GradeCeiling
		}
	}
	score = p.Base + min(bonus, p.BonusCap)
	for rule, sum := range byRule {
		for _, x := range p.Rules {
			if x.Code == rule {
				sum = min(sum, x.PeriodCap)
			}
		}
		score -= sum
	}
	score = max(p.Min, min(p.Max, score))
	for _, g := range p.Grades {
		if g.Min <= score && score <= g.Max {
			grade = g.Grade
		}
	}
	if worst > grade {
		grade = worst
	}
	return score, grade, true
}

// outweighed says that another deduction for the same fact counts in its place.
func (r *recount) outweighed(code string, x *rawEntry, day string, p *rawPolicy) bool {
	for _, o := range r.ledgers[code] {
		if o == x || o.bonus || x.Fact == "" || o.Fact != x.Fact || day < o.DecidedOn || day >= o.end(p) {
			continue
		}
		if o.Points > x.Points || o.Points == x.Points && (o.DecidedOn < x.DecidedOn || o.DecidedOn == x.DecidedOn && o.Entry < x.Entry) {
			return true
		}
	}
	return false
}

// plusMonths adds calendar months to "2026-11-23"; a day that the month does
// not have becomes its last.
func plusMonths(day string, n int) string {
	y, _ := strconv.Atoi(day[:4])
	m, _ := strconv.Atoi(day[5:7])
	d, _ := strconv.Atoi(day[8:10])
	m += n
	y, m = y+(m-1)/12, (m-1)%12+1
	last := []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
	if m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0) {
		last = 29
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, min(d, last))
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	reader := Reader{live}
	figures := 0
	var ds []projections.Difference
	differ := func(question, key, column string) {
		ds = append(ds, projections.Difference{Table: question, Key: key, Column: column, What: projections.Differs})
	}
	institutions, err := reader.institutions(ctx, "")
	if err != nil {
		return 0, nil, err
	}
	if figures++; len(institutions) != len(r.known) {
		differ("institutions", "all", "count")
	}
	policies, err := reader.Policies(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, i := range institutions {
		code := string(i.Code)
		rows, err := reader.entries(ctx, code)
		if err != nil {
			return 0, nil, err
		}
		if figures++; len(rows) != len(r.ledgers[code]) {
			differ("entries", code, "count")
		}
		for _, day := range r.days(code) {
			got := standing(i, policies, rows, domain.Date(day), "")
			score, grade, rated := r.score(code, day)
			if figures++; got.Rated != rated || got.Score != score || got.Grade != grade {
				differ("score on a day", code+" "+day, "score, grade")
			}
		}
	}
	// The running scores, as they are kept.
	stored := map[string]row{}
	all, err := reader.entries(ctx, "")
	if err != nil {
		return 0, nil, err
	}
	for _, x := range all {
		stored[x.ID.String()] = x
	}
	for _, want := range r.running {
		got, ok := stored[want.entry]
		if figures++; !ok || string(got.institution) != want.code || (got.score != nil) != want.rated ||
			want.rated && (*got.score != want.score || got.grade != want.grade) {
			differ("running score", want.code+" "+want.entry, "score, grade")
		}
	}
	return figures, ds, nil
}

// days are those on which an institution's score begins or ends to be what it
// is, and the day before each.
func (r *recount) days(code string) []string {
	set := map[string]bool{}
	add := func(day string) {
		set[day] = true
		set[string(domain.Date(day).AddDays(-1))] = true
	}
	for i := range r.policies {
		p := &r.policies[i]
		add(p.EffectiveFrom)
		for _, x := range r.ledgers[code] {
			add(x.DecidedOn)
			add(x.end(p))
		}
	}
	var days []string
	for d := range set {
		days = append(days, d)
	}
	sort.Strings(days)
	return slices.Compact(days)
}
