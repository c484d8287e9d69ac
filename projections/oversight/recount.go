package oversight

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter.
func (Projection) Recount() projections.Recount {
	return &recount{at: map[string]*counted{}, cases: map[string]string{}, rated: map[string]int{}}
}

// A counted matter as the stored bytes tell it.
type counted struct {
	kind, institution string
	ended             bool
	missed            int
	drawn             int
	// shown are the days of publication of each institution's result, "from until".
	shown map[string]string
	until string // of a penalty that was decided
}

type recount struct {
	at map[string]*counted
	// cases are whose each is, rated the level of those that were rated.
	cases map[string]string
	rated map[string]int
}

var kinds = []string{"complaint", "review", "inspection", "penalty"}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	kind, id, _ := strings.Cut(string(e.Stream), "-")
	if strings.HasPrefix(e.Type, "booking.opened.") || e.Type == "booking.rated.v1" {
		var b struct {
			Institution string `json:"institution"`
			Level       int    `json:"level"`
		}
		if err := json.Unmarshal(e.Data, &b); err != nil {
			return err
		}
		if b.Level > 0 {
			r.rated[id] = b.Level
		} else {
			r.cases[id] = b.Institution
		}
		return nil
	}
	if !slices.Contains(kinds, kind) || !strings.HasPrefix(e.Type, kind+".") {
		return nil
	}
	var b struct {
		Institution    string `json:"institution"`
		Sound          bool   `json:"sound"`
		Visits         []any  `json:"visits"`
		PublishedOn    string `json:"published_on"`
		PublishedUntil string `json:"published_until"`
		ServedOn       string `json:"served_on"`
		RepairedOn     string `json:"repaired_on"`
	}
	if err := json.Unmarshal(e.Data, &b); err != nil {
		return err
	}
	m := r.at[string(e.Stream)]
	if m == nil {
		m = &counted{kind: kind, institution: b.Institution, shown: map[string]string{}}
		r.at[string(e.Stream)] = m
	}
	switch name := e.Type[:strings.LastIndex(e.Type, ".v")]; name {
	case "complaint.closed":
		m.ended = true
	case "review.excluded":
		m.ended = true
		delete(r.rated, id)
	case "review.checked":
		m.ended = m.ended || b.Sound
	case "inspection.drawn":
		m.drawn = len(b.Visits)
	case "inspection.published":
		m.shown[b.Institution] = b.PublishedOn + " " + b.PublishedUntil
		m.ended = len(m.shown) == m.drawn
	case "penalty.decided":
		m.until = b.PublishedUntil
	case "penalty.served":
		m.ended = true
		if m.until != "" {
			m.shown[m.institution] = b.ServedOn + " " + m.until
		}
	case "penalty.repaired":
		if from, until, ok := strings.Cut(m.shown[m.institution], " "); ok {
			m.shown[m.institution] = from + " " + min(until, string(domain.Date(b.RepairedOn).AddDays(-1)))
		}
	case "penalty.revoked":
		m.ended = true
		if s, ok := m.shown[m.institution]; ok {
			m.shown[m.institution] = s + " revoked"
		}
	default:
		if strings.HasSuffix(name, ".missed") {
			m.missed++
		}
	}
	return nil
}

// Compare implements projections.Recount: open, ended and missed of every
// institution, and the days on which everybody may see a result.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	type figures struct{ open, ended, missed int }
	want, got := map[string]figures{}, map[string]figures{}
	wantDays, gotDays := map[string]string{}, map[string]string{}
	add := func(m map[string]figures, key string, ended bool, missed int) {
		f := m[key]
		if f.missed += missed; ended {
			f.ended++
		} else {
			f.open++
		}
		m[key] = f
	}
	for stream, m := range r.at {
		of := m.institution
		if m.kind == "inspection" { // a round is nobody's
			of = ""
		}
		add(want, m.kind+" "+of, m.ended, m.missed)
		for institution, days := range m.shown {
			wantDays[stream+" "+institution] = days
		}
	}
	q := Reader{live}
	for _, kind := range kinds {
		open, ended, err := q.List(ctx, kind, "")
		if err != nil {
			return 0, nil, err
		}
		for _, m := range append(open, ended...) {
			add(got, kind+" "+string(m.Institution), m.Ended, len(m.Missed))
		}
	}
	results, err := q.Results(ctx, "", "")
	if err != nil {
		return 0, nil, err
	}
	for _, x := range results {
		if x.From == "" {
			continue
		}
		days := string(x.From) + " " + string(x.Until)
		if x.Revoked != "" {
			days += " revoked"
		}
		gotDays[x.Kind+"-"+x.ID+" "+string(x.Institution)] = days
	}
	wantRated, gotRated := map[string][5]int{}, map[string][5]int{}
	for id, level := range r.rated {
		if of, ok := r.cases[id]; ok {
			n := wantRated[of]
			n[5-level]++
			wantRated[of] = n
		}
	}
	for _, of := range slices.Compact(slices.Sorted(maps.Values(r.cases))) {
		if gotRated[of], err = q.Ratings(ctx, domain.CreditCode(of), "", "9999-12-31"); err != nil {
			return 0, nil, err
		}
		if _, ok := wantRated[of]; !ok {
			wantRated[of] = [5]int{}
		}
	}
	ds := slices.Concat(differing("ratings", "by level", wantRated, gotRated), differing("matters by institution", "open, ended, missed", want, got), differing("results", "days of publication", wantDays, gotDays))
	return 3*len(got) + len(gotDays) + 5*len(gotRated), ds, nil
}

// differing names every key whose figures are not the same.
func differing[F comparable](table, column string, want, got map[string]F) (ds []projections.Difference) {
	for key, w := range want {
		if g, ok := got[key]; !ok || g != w {
			ds = append(ds, projections.Difference{Table: table, Key: key, Column: column, What: projections.Differs})
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			ds = append(ds, projections.Difference{Table: table, Key: key, Column: column, What: projections.Differs})
		}
	}
	return ds
}
