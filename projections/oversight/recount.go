package oversight

import (
	"context"
	"encoding/json"
	"strings"

	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter.
func (Projection) Recount() projections.Recount {
	return &recount{at: map[string]*counted{}}
}

// A counted matter as the stored bytes tell it.
type counted struct {
	kind, institution string
	ended             bool
	missed            int
}

type recount struct{ at map[string]*counted }

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	kind, _, _ := strings.Cut(string(e.Stream), "-")
	if kind != "complaint" && kind != "review" || !strings.HasPrefix(e.Type, kind+".") {
		return nil
	}
	var b struct {
		Institution string `json:"institution"`
		Sound       bool   `json:"sound"`
	}
	if err := json.Unmarshal(e.Data, &b); err != nil {
		return err
	}
	m := r.at[string(e.Stream)]
	if m == nil {
		m = &counted{kind: kind, institution: b.Institution}
		r.at[string(e.Stream)] = m
	}
	switch strings.TrimPrefix(e.Type, kind+".") {
	case "missed.v1":
		m.missed++
	case "closed.v1", "excluded.v1":
		m.ended = true
	case "checked.v1":
		m.ended = m.ended || b.Sound
	}
	return nil
}

// Compare implements projections.Recount: open, ended and missed of every
// institution.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	type figures struct{ open, ended, missed int }
	want, got := map[string]figures{}, map[string]figures{}
	add := func(m map[string]figures, key string, ended bool, missed int) {
		f := m[key]
		if f.missed += missed; ended {
			f.ended++
		} else {
			f.open++
		}
		m[key] = f
	}
	for _, m := range r.at {
		add(want, m.kind+" "+m.institution, m.ended, m.missed)
	}
	for _, kind := range []string{"complaint", "review"} {
		open, ended, err := Reader{live}.List(ctx, kind, "")
		if err != nil {
			return 0, nil, err
		}
		for _, m := range append(open, ended...) {
			add(got, kind+" "+string(m.Institution), m.Ended, len(m.Missed))
		}
	}
	var ds []projections.Difference
	for key := range want {
		if _, ok := got[key]; !ok {
			got[key] = figures{}
		}
	}
	for key, g := range got {
		if g != want[key] {
			ds = append(ds, projections.Difference{Table: "matters by institution", Key: key, Column: "open, ended, missed", What: projections.Differs})
		}
	}
	return 3 * len(got), ds, nil
}
