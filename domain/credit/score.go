package credit

import (
	"cmp"
	"slices"

	"shenzhong/domain"
)

// A Standing is an institution's score on a day, with everything that made it.
type Standing struct {
	Policy string // the version it was computed under
	AsOf   domain.Date
	// Bonus and Deducted are what counts after all caps.
	Bonus, Deducted int
	Score           int
	Grade           string
	// Ceiling is the best grade that the active entries allow; empty when none
	// of them says so.
	Ceiling string
	// Active holds the entries that count on the day, in order.
	Active []Line
}

// A Line is one entry in a standing.
type Line struct {
	Entry
	// Until is the first day on which the entry no longer counts.
	Until domain.Date
	// Counted is what the entry moves the score by, after caps: negative for a
	// deduction.
	Counted int
}

// Until is the first day on which an entry no longer counts under p: a
// deduction ends with its repair or its retention, whichever comes first, a
// bonus after BonusMonths. A revoked entry never counted.
func (e Entry) Until(p PolicyVersion) domain.Date {
	switch {
	case e.RevokedOn != "":
		return e.DecidedOn
	case e.Bonus:
		return e.DecidedOn.AddMonths(p.BonusMonths)
	}
	end := e.DecidedOn.AddMonths(p.Severities[e.Severity].RetentionMonths)
	if e.RepairedOn != "" {
		end = min(end, e.RepairedOn)
	}
	return end
}

// RepairableFrom is the first day on which a deduction may be repaired under
// the version p that it names.
func (e Entry) RepairableFrom(p PolicyVersion) domain.Date {
	return e.DecidedOn.AddMonths(p.Severities[e.Severity].MinMonths)
}

// Compare orders entries as a score counts them: by day of decision, then by id.
func (e Entry) Compare(o Entry) int {
	return cmp.Or(cmp.Compare(e.DecidedOn, o.DecidedOn), slices.Compare(e.ID[:], o.ID[:]))
}

// Score computes a standing:
//
//	clamp(min, max, base + min(bonus cap, Σ active bonuses) − Σ active deductions after per-rule caps)
//
// An entry is active from the day of its decision to the day before Until. Of
// the active deductions for one fact only the heaviest counts, the first of
// equals. The order of entries does not matter. The grade is the score's band, lowered to
// the ceiling of any active entry.
func Score(p PolicyVersion, entries []Entry, asOf domain.Date) Standing {
	st := Standing{Policy: p.Version, AsOf: asOf}
	for _, e := range entries {
		if until := e.Until(p); e.DecidedOn <= asOf && asOf < until {
			st.Active = append(st.Active, Line{Entry: e, Until: until})
		}
	}
	slices.SortFunc(st.Active, func(a, b Line) int { return a.Entry.Compare(b.Entry) })

	heaviest := map[string]int{} // by fact: index in Active
	for i, l := range st.Active {
		if l.Bonus || l.Fact == "" {
			continue
		}
		if j, ok := heaviest[l.Fact]; !ok || l.Points > st.Active[j].Points {
			heaviest[l.Fact] = i
		}
	}
	byRule := map[string]int{}
	ceiling := 0 // index in Grades, best first
	for i := range st.Active {
		l := &st.Active[i]
		if l.Bonus {
			l.Counted = min(l.Points, p.BonusCap-st.Bonus)
			st.Bonus += l.Counted
			continue
		}
		n := l.Points
		if j, ok := heaviest[l.Fact]; ok && j != i {
			n = 0
		}
		if r, ok := p.Rule(l.Rule); ok {
			n = min(n, r.PeriodCap-byRule[l.Rule])
		}
		n = max(n, 0)
		byRule[l.Rule] += n
		l.Counted = -n
		st.Deducted += n
		if g := p.gradeIndex(l.GradeCeiling); g > ceiling {
			ceiling, st.Ceiling = g, l.GradeCeiling
		}
	}
	st.Score = min(max(p.Base+st.Bonus-st.Deducted, p.Min), p.Max)
	if g := max(p.gradeOf(st.Score), ceiling); g < len(p.Grades) {
		st.Grade = p.Grades[g].Grade
	}
	return st
}

func (p PolicyVersion) gradeIndex(grade string) int {
	return slices.IndexFunc(p.Grades, func(g Grade) bool { return g.Grade == grade })
}

func (p PolicyVersion) gradeOf(score int) int {
	i := slices.IndexFunc(p.Grades, func(g Grade) bool { return g.Min <= score && score <= g.Max })
	if i < 0 {
		return len(p.Grades)
	}
	return i
}

// Published is when an entry is open to the public. Both days are empty for an
// entry that is not published.
type Published struct {
	From  domain.Date
	Until domain.Date // the first day on which it no longer is
	Now   bool        // on the day that was asked about
}

// Publication says when a deduction is published under p: from the day of the
// decision document until the longest period of its severity is over, it is
// repaired, or it is revoked. Minor entries are not published, bonuses are for
// as long as they count.
func Publication(e Entry, p PolicyVersion, asOf domain.Date) Published {
	period := p.Severities[e.Severity]
	var until domain.Date
	switch {
	case e.Bonus:
		until = e.DecidedOn.AddMonths(p.BonusMonths)
	case period.Published:
		until = e.DecidedOn.AddMonths(period.MaxMonths)
	default:
		return Published{}
	}
	for _, end := range []domain.Date{e.RepairedOn, e.RevokedOn} {
		if end != "" {
			until = min(until, end)
		}
	}
	return Published{From: e.DecidedOn, Until: until, Now: e.DecidedOn <= asOf && asOf < until}
}
