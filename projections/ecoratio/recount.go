package ecoratio

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: it counts every share again from
// the stored bytes, the long way round. It must not use Apply, the Registry or
// the events' Go types; what a type counts for it reads from the definition's
// flags, as anybody would who recounts with the published definition.
func (Projection) Recount() projections.Recount { return &recount{} }

type recount struct{ burials []burial }

type burial struct {
	year, month, quarter string // "2026", "2026-10", "2026-Q4"; empty when undated
	division, kind       string
	land                 int64
	late                 bool
}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	var raw struct {
		// plot.interred.v1
		EcoType    string `json:"eco_type"`
		AreaCM2    int64  `json:"area_cm2"`
		InterredOn string `json:"interred_on"`
		// eco.completed.v1
		Type        string `json:"type"`
		LandCM2     int64  `json:"land_cm2"`
		CompletedOn string `json:"completed_on"`
		// both
		Division string `json:"division"`
	}
	if e.Type != "plot.interred.v1" && e.Type != "eco.completed.v1" {
		return nil
	}
	if err := json.Unmarshal(e.Data, &raw); err != nil {
		return err
	}
	b, on := burial{division: raw.Division, kind: raw.EcoType, land: raw.AreaCM2}, raw.InterredOn
	if e.Type == "eco.completed.v1" {
		b.kind, b.land, on = raw.Type, raw.LandCM2, raw.CompletedOn
	}
	if on != "" {
		b.year, b.month = on[:4], on[:7]
		switch on[5:7] {
		case "01", "02", "03":
			b.quarter = b.year + "-Q1"
		case "04", "05", "06":
			b.quarter = b.year + "-Q2"
		case "07", "08", "09":
			b.quarter = b.year + "-Q3"
		default:
			b.quarter = b.year + "-Q4"
		}
		b.late = e.At.In(domain.Shanghai).Format("2006-01") > b.month
	}
	r.burials = append(r.burials, b)
	return nil
}

// counts adds up what some of the burials come to.
func (r *recount) counts(def ecoburial.Definition, which func(burial) bool) Counts {
	var c Counts
	for _, b := range r.burials {
		if b.month == "" || !which(b) {
			continue
		}
		i := slices.IndexFunc(def.Types, func(t ecoburial.Type) bool { return t.Code == b.kind })
		if i >= 0 && !def.Types[i].Interment {
			continue
		}
		c.Interments++
		if b.late {
			c.Late++
		}
		if i < 0 {
			continue
		}
		if def.Types[i].Strict {
			c.Strict++
		}
		if def.Types[i].Broad {
			c.Broad++
			c.LandSavedCm2 += 10_000
			if def.Types[i].LandCM2 > 0 {
				c.LandSavedCm2 -= b.land
			}
		}
	}
	return c
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	reader := Reader{DB: live}
	def, err := reader.Definition(Filter{})
	if err != nil {
		return 0, nil, err
	}
	figures := 0
	var ds []projections.Difference
	check := func(question, key string, got, want Counts) {
		for _, f := range []struct {
			name      string
			got, want int64
		}{
			{"interments", int64(got.Interments), int64(want.Interments)}, {"strict", int64(got.Strict), int64(want.Strict)},
			{"broad", int64(got.Broad), int64(want.Broad)}, {"land_saved_cm2", got.LandSavedCm2, want.LandSavedCm2}, {"late", int64(got.Late), int64(want.Late)},
		} {
			if figures++; f.got != f.want {
				ds = append(ds, projections.Difference{Table: question, Key: key, Column: f.name, What: projections.Differs})
			}
		}
	}
	// Every period of every unit, and that there are no others.
	periods := map[string]bool{}
	for _, u := range []struct {
		unit Unit
		of   func(burial) string
	}{{Month, func(b burial) string { return b.month }}, {Quarter, func(b burial) string { return b.quarter }}, {Year, func(b burial) string { return b.year }}} {
		series, err := reader.Series(ctx, u.unit, Filter{})
		if err != nil {
			return 0, nil, err
		}
		got := map[string]Counts{}
		for _, p := range series {
			got[p.Period] = p.Counts
		}
		names := map[string]bool{}
		for _, b := range r.burials {
			if b.month != "" {
				names[u.of(b)] = true
			}
		}
		for name := range names {
			periods[name] = true
			check("share by "+string(u.unit), name, got[name], r.counts(def, func(b burial) bool { return u.of(b) == name }))
			delete(got, name)
		}
		for name := range got {
			ds = append(ds, projections.Difference{Table: "share by " + string(u.unit), Key: name, What: projections.Unexpected})
		}
	}
	// Within each month: every district, every type.
	for name := range periods {
		if len(name) != 7 || strings.Contains(name, "Q") {
			continue
		}
		f, err := (Filter{}).Period(name)
		if err != nil {
			return 0, nil, err
		}
		districts, err := reader.Districts(ctx, f)
		if err != nil {
			return 0, nil, err
		}
		sum := 0
		for _, d := range districts {
			sum += d.Interments
			check("share by district", name+" "+string(d.Division), d.Counts,
				r.counts(def, func(b burial) bool { return b.month == name && b.division == string(d.Division) }))
		}
		if all := r.counts(def, func(b burial) bool { return b.month == name }); sum != all.Interments {
			ds = append(ds, projections.Difference{Table: "share by district", Key: name, Column: "sum", What: projections.Differs})
		}
		types, err := reader.Types(ctx, f)
		if err != nil {
			return 0, nil, err
		}
		left := map[string]int{}
		for _, b := range r.burials {
			if b.month == name {
				left[b.kind]++
			}
		}
		for _, t := range types {
			if figures++; t.Count != left[t.Code] {
				ds = append(ds, projections.Difference{Table: "count by type", Key: name + " " + t.Code, Column: "count", What: projections.Differs})
			}
			delete(left, t.Code)
		}
		for kind, n := range left {
			ds = append(ds, projections.Difference{Table: "count by type", Key: fmt.Sprintf("%s %s (%d)", name, kind, n), What: projections.Missing})
		}
	}
	undated := 0
	for _, b := range r.burials {
		if b.month == "" {
			undated++
		}
	}
	n, err := reader.Undated(ctx, Filter{})
	if figures++; n != undated {
		ds = append(ds, projections.Difference{Table: "undated", Key: "all", Column: "count", What: projections.Differs})
	}
	return figures, ds, err
}
