package oversight

import (
	"cmp"
	"context"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/oversight"
	"shenzhong/projections"
)

// A Reader answers questions about what is watched over.
type Reader struct{ DB projections.Querier }

// A Matter is one complaint, follow-up, round of inspections or penalty.
type Matter struct {
	Kind, ID    string // category and id of its stream
	Institution domain.CreditCode
	About       string // line of the price list, or kind of penalty
	Level       int    // of a review
	State       string // last part of the last event's name
	OpenedOn    domain.Date
	Ended       bool
	Source      projections.Source
	// Duties are the terms that run, the next first; Missed those that passed.
	Duties, Missed []oversight.Duty
}

// Due is the day of the next term; empty where none runs.
func (m Matter) Due() domain.Date {
	if len(m.Duties) == 0 {
		return ""
	}
	return m.Duties[0].By
}

// List are the matters of a kind, of one institution or of all for "": those
// that are open by their next term, then the ended ones, the newest first.
func (r Reader) List(ctx context.Context, kind string, of domain.CreditCode) (open, ended []Matter, err error) {
	const of1 = ` FROM matter WHERE kind = ?1 AND (?2 = '' OR institution = ?2)`
	rs, err := r.DB.QueryContext(ctx, `SELECT stream, id, institution, about, level, state, opened_on, ended, event, position, recorded_at`+of1+` ORDER BY position`, kind, string(of))
	if err != nil {
		return nil, nil, err
	}
	defer rs.Close()
	at := map[string]int{}
	var all []Matter
	for rs.Next() {
		m := Matter{Kind: kind}
		var stream, event, recorded string
		var position int64
		if err := rs.Scan(&stream, &m.ID, &m.Institution, &m.About, &m.Level, &m.State, &m.OpenedOn, &m.Ended, &event, &position, &recorded); err != nil {
			return nil, nil, err
		}
		if m.Source, err = projections.ParseSource(event, position, recorded); err != nil {
			return nil, nil, err
		}
		at[stream] = len(all)
		all = append(all, m)
	}
	if err := rs.Err(); err != nil {
		return nil, nil, err
	}
	if err := r.duties(ctx, "duty", "d.done_known = ''", kind, of, func(stream string, d oversight.Duty) {
		if i, ok := at[stream]; ok {
			all[i].Duties = append(all[i].Duties, d)
		}
	}); err != nil {
		return nil, nil, err
	}
	if err := r.duties(ctx, "missed", "true", kind, of, func(stream string, d oversight.Duty) {
		if i, ok := at[stream]; ok {
			all[i].Missed = append(all[i].Missed, d)
		}
	}); err != nil {
		return nil, nil, err
	}
	for _, m := range all {
		if m.Ended {
			ended = append(ended, m)
		} else {
			open = append(open, m)
		}
	}
	slices.Reverse(ended)
	slices.SortStableFunc(open, func(a, b Matter) int { // what owes nothing comes last
		return cmp.Or(cmp.Compare(min(1, len(b.Duties)), min(1, len(a.Duties))), cmp.Compare(a.Due(), b.Due()))
	})
	return open, ended, nil
}

// duties reads the terms of a table, by their day.
func (r Reader) duties(ctx context.Context, table, which, kind string, of domain.CreditCode, add func(stream string, d oversight.Duty)) error {
	rs, err := r.DB.QueryContext(ctx, `SELECT d.stream, d.step, d.by, d.authority FROM `+table+` d JOIN matter m ON m.stream = d.stream
		WHERE `+which+` AND m.kind = ?1 AND (?2 = '' OR m.institution = ?2) ORDER BY d.by, d.step`, kind, string(of))
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var stream string
		var d oversight.Duty
		if err := rs.Scan(&stream, &d.Step, &d.By, &d.Authority); err != nil {
			return err
		}
		add(stream, d)
	}
	return rs.Err()
}

// A Due is a term that ran on a day, with the matter it runs in.
type Due struct {
	oversight.Duty
	Kind, ID    string
	Institution domain.CreditCode // whose matter it is
}

// DutiesOn are the terms that ran at the end of a day, by what the log held at
// the end of known, or by everything that it holds for "".
func (r Reader) DutiesOn(ctx context.Context, on, known domain.Date) (ds []Due, err error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT m.kind, m.id, m.institution, d.step, d.by, d.authority FROM duty d JOIN matter m ON m.stream = d.stream
		WHERE d.since <= ?1 AND (d.done = '' OR d.done > ?1) AND ?2 = ''
		   OR d.known <= ?2 AND (d.done_known = '' OR d.done_known > ?2) AND ?2 != '' ORDER BY d.by, d.position, d.step`, string(on), string(known))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var d Due
		if err := rs.Scan(&d.Kind, &d.ID, &d.Institution, &d.Step, &d.By, &d.Authority); err != nil {
			return nil, err
		}
		if d.Kind == oversight.InspectionCategory { // the step names the institution
			d.Institution, d.Step = domain.CreditCode(d.Step), oversight.Publish
		}
		ds = append(ds, d)
	}
	return ds, rs.Err()
}

// A Result is what a visit of an inspection or a penalty came to.
type Result struct {
	Kind, ID    string
	Institution domain.CreditCode
	Severity    oversight.PenaltySeverity
	What        string // kind of penalty, version of the checklist
	Amount      domain.Money
	Fact        string // of an inspection: a line for each finding
	Basis       string
	Findings    int
	Document    string
	On          domain.Date // of the visit or the decision
	From, Until domain.Date // publication; empty: none, or no end
	Revoked     domain.Date
	Reason      string
}

// Public says whether everybody may see it on a day. A penalty that was struck
// out is not shown; that it was, and why, is.
func (x Result) Public(on domain.Date) bool {
	return x.From != "" && x.From <= on && (x.Until == "" || on <= x.Until) && x.Revoked == ""
}

// Withdrawn says that it was shown and struck out, which is said for as long as
// it would have been shown.
func (x Result) Withdrawn(on domain.Date) bool {
	return x.Revoked != "" && x.From != "" && x.From <= on && (x.Until == "" || on <= x.Until)
}

// Results are those of a kind and of an institution, of all for "", the newest
// first.
func (r Reader) Results(ctx context.Context, kind string, of domain.CreditCode) (xs []Result, err error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT kind, id, institution, severity, what, amount, fact, basis, findings, document, happened_on, from_day, until_day, revoked_on, reason
		FROM result WHERE (?1 = '' OR kind = ?1) AND (?2 = '' OR institution = ?2) ORDER BY from_day DESC, happened_on DESC, stream, institution`, kind, string(of))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var x Result
		if err := rs.Scan(&x.Kind, &x.ID, &x.Institution, &x.Severity, &x.What, &x.Amount, &x.Fact, &x.Basis, &x.Findings, &x.Document, &x.On, &x.From, &x.Until, &x.Revoked, &x.Reason); err != nil {
			return nil, err
		}
		xs = append(xs, x)
	}
	return xs, rs.Err()
}

// Ratings counts the ratings of an institution from one day to another by level;
// the first is level 5. One that was excluded does not count.
func (r Reader) Ratings(ctx context.Context, of domain.CreditCode, from, until domain.Date) (levels [5]int, err error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT level, count(*) FROM rating WHERE institution = ? AND level BETWEEN 1 AND 5 AND rated_on BETWEEN ? AND ? AND NOT excluded GROUP BY level`, string(of), string(from), string(until))
	if err != nil {
		return levels, err
	}
	defer rs.Close()
	for rs.Next() {
		var level, n int
		if err := rs.Scan(&level, &n); err != nil {
			return levels, err
		}
		levels[5-level] = n
	}
	return levels, rs.Err()
}
