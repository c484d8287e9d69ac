package credit

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// A Fix is what repairing one deduction would change, computed by Score.
type Fix struct {
	Entry uuid.UUID // uuid.Nil: everything that can be repaired by then, together
	// On is the first day from which the repair would count; Before and After are
	// the standings of that day without and with it.
	On            domain.Date
	Before, After Standing
}

// Gain is how many points the repair would bring.
func (f Fix) Gain() int { return f.After.Score - f.Before.Score }

// WhatIf says what each repair would change, for the deductions that count on a
// day, in order of the day on which they can be repaired, and last, where there
// are several, all of them together. A deduction that ends by itself before it
// can be repaired is left out.
func WhatIf(policies PolicyState, entries []Entry, on domain.Date) []Fix {
	p, ok := policies.InForce(on)
	if !ok {
		return nil
	}
	var fixes []Fix
	all, last := slices.Clone(entries), on
	try := func(id uuid.UUID, repaired []Entry, day domain.Date) {
		p, _ := policies.InForce(day)
		fixes = append(fixes, Fix{id, day, Score(p, entries, day), Score(p, repaired, day)})
	}
	for _, l := range Score(p, entries, on).Active {
		own, known := policies.Version(l.Policy)
		day := max(on, l.RepairableFrom(own))
		if l.Bonus || !known || l.Until <= day {
			continue
		}
		one := slices.Clone(entries)
		for i := range one {
			if one[i].ID == l.ID {
				one[i].RepairedOn, all[i].RepairedOn = day, day
			}
		}
		try(l.ID, one, day)
		last = max(last, day)
	}
	slices.SortStableFunc(fixes, func(a, b Fix) int { return cmp.Compare(a.On, b.On) })
	if len(fixes) > 1 {
		try(uuid.Nil, all, last)
	}
	return fixes
}

// Changes are the standings on the days after a day on which one of the entries
// stops to count by itself, in order.
func Changes(policies PolicyState, entries []Entry, on domain.Date) []Standing {
	p, ok := policies.InForce(on)
	if !ok {
		return nil
	}
	var days []domain.Date
	for _, l := range Score(p, entries, on).Active {
		days = append(days, l.Until)
	}
	slices.Sort(days)
	var out []Standing
	for _, d := range slices.Compact(days) {
		p, _ := policies.InForce(d)
		out = append(out, Score(p, entries, d))
	}
	return out
}

// A Trial is what a ledger's standing on a day is, and what a proposed version
// of the policy would make of it. Nothing is recorded.
type Trial struct {
	Now Standing
	// Proposed scores the entries as they were confirmed: their points stay, caps,
	// periods, base and grades are the proposed ones. This is what its adoption
	// would show on the day.
	Proposed Standing
	// Anew scores them as if each had been confirmed under the proposed version, a
	// repetition too; an entry whose rule it does not have is left as it was.
	Anew Standing
}

// A Shift is an entry that moves one of a trial's three scores by something
// else than another.
type Shift struct {
	Entry               // as it was confirmed, where it counts now
	Now, Proposed, Anew int
}

// Shifts are the entries that count otherwise under the proposed version, in the
// order in which a score counts them.
func (t Trial) Shifts() []Shift {
	var all []Shift
	add := func(st Standing, by func(*Shift) *int) {
		for _, l := range st.Active {
			i := slices.IndexFunc(all, func(s Shift) bool { return s.ID == l.ID })
			if i < 0 {
				i, all = len(all), append(all, Shift{Entry: l.Entry})
			}
			*by(&all[i]) = l.Counted
		}
	}
	add(t.Now, func(s *Shift) *int { return &s.Now })
	add(t.Proposed, func(s *Shift) *int { return &s.Proposed })
	add(t.Anew, func(s *Shift) *int { return &s.Anew })
	all = slices.DeleteFunc(all, func(s Shift) bool { return s.Now == s.Proposed && s.Now == s.Anew })
	slices.SortFunc(all, func(a, b Shift) int { return a.Entry.Compare(b.Entry) })
	return all
}

// Try compares a proposed version of the policy with the one in force on a day.
// It answers with why the version could not be adopted.
func Try(policies PolicyState, proposed PolicyVersion, entries []Entry, on domain.Date) (Trial, error) {
	if err := proposed.check(); err != nil {
		return Trial{}, err
	}
	t := Trial{Proposed: Score(proposed, entries, on)}
	if p, ok := policies.InForce(on); ok {
		t.Now = Score(p, entries, on)
	}
	anew := slices.Clone(entries)
	for i, e := range anew {
		if b, ok := proposed.Bonus(e.Rule); ok && e.Bonus {
			anew[i].Points = b.Points
		}
		r, ok := proposed.Rule(e.Rule)
		if !ok || e.Bonus {
			continue
		}
		anew[i].GradeCeiling = r.GradeCeiling
		anew[i].Points, anew[i].Severity = proposed.weigh(r, func(months int) int {
			n, since := 1, e.DecidedOn.AddMonths(-months)
			for _, o := range entries[:i] { // entries are in the order of confirmation
				if !o.Bonus && o.Rule == e.Rule && o.RevokedOn == "" && since < o.DecidedOn && o.DecidedOn <= e.DecidedOn {
					n++
				}
			}
			return n
		})
		anew[i].Escalated = anew[i].Severity != r.Severity
	}
	t.Anew = Score(proposed, anew, on)
	return t, nil
}

// The days by which the authority has to act, from what it was told or decided.

// PublishBy is the last day on which an entry may come to be published.
func PublishBy(decided domain.Date) domain.Date { return decided.AddWorkingDays(PublishDays) }

// TakeDownBy is the last day on which a revoked entry may still be published.
func TakeDownBy(revoked domain.Date) domain.Date { return revoked.AddDays(TakeDownDays) }

// MarkBy is the last day on which an objection may come to be marked.
func MarkBy(filed domain.Date) domain.Date { return filed.AddWorkingDays(MarkDays) }

// A DutyKind is what the authority has to do by a day.
type DutyKind string

// The duties.
const (
	ToPublish      DutyKind = "PUBLISH"
	ToMark         DutyKind = "MARK_OBJECTION"
	ToDecide       DutyKind = "DECIDE_OBJECTION"
	ToTakeDown     DutyKind = "TAKE_DOWN"
	ToDecideRepair DutyKind = "DECIDE_REPAIR"
)

// DutyKinds lists every duty.
var DutyKinds = []DutyKind{ToPublish, ToMark, ToDecide, ToTakeDown, ToDecideRepair}

// A Duty is one deadline of the authority and what became of it. Whether it was
// kept follows from the days alone: nobody decides to record a failure.
type Duty struct {
	Kind  DutyKind
	Entry uuid.UUID
	Since domain.Date // the day that it runs from
	Due   domain.Date // its last day
	Done  domain.Date // empty: not yet
}

// Late is how many days a duty is or was overdue, as of a day; zero: it is not.
func (d Duty) Late(on domain.Date) int {
	done := on
	if d.Done != "" {
		done = d.Done
	}
	if done <= d.Due {
		return 0
	}
	return int(done.Start().Sub(d.Due.Start()).Hours() / 24)
}
