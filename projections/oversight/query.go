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

// A Matter is one complaint or follow-up.
type Matter struct {
	Kind, ID    string // category and id of its stream
	Institution domain.CreditCode
	About       string // line of the price list
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
	if err := r.duties(ctx, "duty", kind, of, func(stream string, d oversight.Duty) {
		if i, ok := at[stream]; ok {
			all[i].Duties = append(all[i].Duties, d)
		}
	}); err != nil {
		return nil, nil, err
	}
	if err := r.duties(ctx, "missed", kind, of, func(stream string, d oversight.Duty) {
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
func (r Reader) duties(ctx context.Context, table, kind string, of domain.CreditCode, add func(stream string, d oversight.Duty)) error {
	rs, err := r.DB.QueryContext(ctx, `SELECT d.stream, d.step, d.by, d.authority FROM `+table+` d JOIN matter m ON m.stream = d.stream
		WHERE m.kind = ?1 AND (?2 = '' OR m.institution = ?2) ORDER BY d.by, d.step`, kind, string(of))
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
