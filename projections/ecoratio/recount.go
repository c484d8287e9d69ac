package ecoratio

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: it counts every share again from
// the stored bytes, the long way round: each month, quarter and year, district
// and type under every definition, now and as it was at the place of the log on
// which a publication rests. It must not use Apply, the Registry or the events'
// Go types; what a type counts for it reads from the definition's flags, as
// anybody would who recounts with the published definition.
func (Projection) Recount() projections.Recount { return &recount{} }

type recount struct {
	facts       []fact
	first       map[string]string // local month in which each burial was reported first
	definitions []rawDefinition
	published   []rawPublication
}

// A fact says what one burial is, from one place in the log on.
type fact struct {
	position       events.Position
	burial         string // event of a plot, stream of an application
	month          string // "2026-10"; empty when undated
	division, kind string
	land           int64
	recorded       string // local month of the first report
}

type rawDefinition struct {
	ID    string `json:"id"`
	Types []struct {
		Code      string `json:"code"`
		Interment bool   `json:"interment"`
		Strict    bool   `json:"strict"`
		Broad     bool   `json:"broad"`
		LandCM2   int64  `json:"land_cm2"`
	} `json:"types"`
}

type rawPublication struct {
	Month    string `json:"month"`
	Division string `json:"division"`
	Position uint64 `json:"position"`
	Cells    []struct {
		Division   string `json:"division"`
		Type       string `json:"type"`
		Interments int    `json:"interments"`
		LandCM2    int64  `json:"land_cm2"`
		Late       int    `json:"late"`
	} `json:"cells"`
	Totals []struct {
		Definition   string `json:"definition"`
		Interments   int    `json:"interments"`
		Strict       int    `json:"strict"`
		Broad        int    `json:"broad"`
		LandSavedCM2 int64  `json:"land_saved_cm2"`
		Late         int    `json:"late"`
	} `json:"totals"`
}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	var raw struct {
		// plot.interred.v1
		EcoType    string `json:"eco_type"`
		AreaCM2    int64  `json:"area_cm2"`
		InterredOn string `json:"interred_on"`
		// eco.completed.v1, eco.corrected.v1
		Type        string `json:"type"`
		LandCM2     int64  `json:"land_cm2"`
		CompletedOn string `json:"completed_on"`
		// all
		Division string `json:"division"`
	}
	switch e.Type {
	case "ecorules.definition_adopted.v1":
		var a struct {
			Definition rawDefinition `json:"definition"`
		}
		if err := json.Unmarshal(e.Data, &a); err != nil {
			return err
		}
		r.definitions = append(r.definitions, a.Definition)
		return nil
	case "ecofigures.published.v1":
		var p rawPublication
		if err := json.Unmarshal(e.Data, &p); err != nil {
			return err
		}
		r.published = append(r.published, p)
		return nil
	case "plot.interred.v1", "eco.completed.v1", "eco.corrected.v1":
	default:
		return nil
	}
	if err := json.Unmarshal(e.Data, &raw); err != nil {
		return err
	}
	f, on := fact{position: e.Position, burial: e.ID.String(), division: raw.Division, kind: raw.EcoType, land: raw.AreaCM2}, raw.InterredOn
	if e.Type != "plot.interred.v1" {
		f.burial, f.kind, f.land, on = string(e.Stream), raw.Type, raw.LandCM2, raw.CompletedOn
	}
	if on != "" {
		f.month = on[:7]
	}
	f.recorded = e.At.In(domain.Shanghai).Format("2006-01")
	if r.first == nil {
		r.first = map[string]string{}
	}
	if first, corrected := r.first[f.burial]; corrected {
		f.recorded = first
	}
	r.first[f.burial] = f.recorded
	r.facts = append(r.facts, f)
	return nil
}

// A cell is what the burials of one month, division and type come to.
type cell struct {
	month, division, kind string
}

type sum struct {
	n, late int
	land    int64
}

// cells adds up what the log said up to a place in it.
func (r *recount) cells(until events.Position) map[cell]sum {
	last := map[string]fact{}
	for _, f := range r.facts {
		if f.position <= until {
			last[f.burial] = f
		}
	}
	cs := map[cell]sum{}
	for _, f := range last {
		k := cell{f.month, f.division, f.kind}
		s := cs[k]
		s.n++
		s.land += f.land
		if f.month != "" && f.recorded > f.month {
			s.late++
		}
		cs[k] = s
	}
	return cs
}

// counts adds up what some of the cells come to under a definition.
func (d rawDefinition) counts(cs map[cell]sum, which func(cell) bool) Counts {
	var c Counts
	for k, s := range cs {
		if k.month == "" || !which(k) {
			continue
		}
		interment, strict, broad, land := true, false, false, int64(0)
		for _, t := range d.Types {
			if t.Code == k.kind {
				interment, strict, broad, land = t.Interment, t.Strict, t.Broad, t.LandCM2
			}
		}
		if !interment {
			continue
		}
		c.Interments += s.n
		c.Late += s.late
		if strict {
			c.Strict += s.n
		}
		if broad {
			c.Broad += s.n
			c.LandSavedCm2 += 10_000 * int64(s.n)
			if land > 0 {
				c.LandSavedCm2 -= s.land
			}
		}
	}
	return c
}

func quarterOf(month string) string {
	return month[:4] + "-Q" + string("111222333444"[(month[5]-'0')*10+month[6]-'0'-1])
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	reader := Reader{DB: live}
	definitions := slices.Clone(r.definitions)
	var own rawDefinition // the program's own is in no event
	b, err := json.Marshal(ecoburial.Default())
	if err == nil {
		err = json.Unmarshal(b, &own)
	}
	if err != nil {
		return 0, nil, err
	}
	definitions = append(definitions, own)
	now := r.cells(^events.Position(0))
	figures := 0
	var ds []projections.Difference
	differs := func(table, key, column string) {
		ds = append(ds, projections.Difference{Table: table, Key: key, Column: column, What: projections.Differs})
	}
	check := func(question, key string, got, want Counts) {
		for _, f := range []struct {
			name      string
			got, want int64
		}{
			{"interments", int64(got.Interments), int64(want.Interments)}, {"strict", int64(got.Strict), int64(want.Strict)},
			{"broad", int64(got.Broad), int64(want.Broad)}, {"land_saved_cm2", got.LandSavedCm2, want.LandSavedCm2}, {"late", int64(got.Late), int64(want.Late)},
		} {
			if figures++; f.got != f.want {
				differs(question, key, f.name)
			}
		}
	}
	months := map[string]bool{}
	for k := range now {
		if k.month != "" {
			months[k.month] = true
		}
	}
	for _, def := range definitions {
		// Every period of every unit, and that there are no others.
		for _, u := range []struct {
			unit Unit
			of   func(month string) string
		}{{Month, func(m string) string { return m }}, {Quarter, quarterOf}, {Year, func(m string) string { return m[:4] }}} {
			series, err := reader.Series(ctx, u.unit, Filter{Definition: def.ID})
			if err != nil {
				return 0, nil, err
			}
			got := map[string]Counts{}
			for _, p := range series {
				got[p.Period] = p.Counts
			}
			names := map[string]bool{}
			for m := range months {
				names[u.of(m)] = true
			}
			for name := range names {
				check("share by "+string(u.unit), def.ID+" "+name, got[name], def.counts(now, func(k cell) bool { return u.of(k.month) == name }))
				delete(got, name)
			}
			for name := range got {
				ds = append(ds, projections.Difference{Table: "share by " + string(u.unit), Key: def.ID + " " + name, What: projections.Unexpected})
			}
		}
		// Within each month: every district, every type.
		for name := range months {
			f, err := (Filter{Definition: def.ID}).Period(name)
			if err != nil {
				return 0, nil, err
			}
			districts, err := reader.Districts(ctx, f)
			if err != nil {
				return 0, nil, err
			}
			total := 0
			for _, d := range districts {
				total += d.Interments
				check("share by district", def.ID+" "+name+" "+string(d.Division), d.Counts,
					def.counts(now, func(k cell) bool { return k.month == name && k.division == string(d.Division) }))
			}
			if all := def.counts(now, func(k cell) bool { return k.month == name }); total != all.Interments {
				differs("share by district", def.ID+" "+name, "sum")
			}
			types, err := reader.Types(ctx, f)
			if err != nil {
				return 0, nil, err
			}
			left := map[string]sum{}
			for k, s := range now {
				if k.month == name {
					o := left[k.kind]
					left[k.kind] = sum{o.n + s.n, o.late + s.late, o.land + s.land}
				}
			}
			for _, t := range types {
				key := def.ID + " " + name + " " + t.Code
				if figures++; t.Count != left[t.Code].n {
					differs("count by type", key, "count")
				}
				want := def.counts(now, func(k cell) bool { return k.month == name && k.kind == t.Code })
				if figures++; t.LandSavedCm2 != want.LandSavedCm2 {
					differs("count by type", key, "land_saved_cm2")
				}
				delete(left, t.Code)
			}
			for kind, s := range left {
				ds = append(ds, projections.Difference{Table: "count by type", Key: fmt.Sprintf("%s %s (%d)", name, kind, s.n), What: projections.Missing})
			}
		}
	}
	undated := 0
	for k, s := range now {
		if k.month == "" {
			undated += s.n
		}
	}
	n, err := reader.Undated(ctx, Filter{})
	if figures++; n != undated {
		differs("undated", "all", "count")
	}
	if err != nil {
		return 0, nil, err
	}
	for _, p := range r.published {
		more, err := r.frozen(ctx, reader, definitions, p, check, differs)
		if err != nil {
			return 0, nil, err
		}
		figures += more
	}
	return figures, ds, nil
}

// frozen holds one publication against the log as it was then, and the causes
// that are shown beside it against the difference between then and now.
func (r *recount) frozen(ctx context.Context, reader Reader, definitions []rawDefinition, p rawPublication,
	check func(question, key string, got, want Counts), differs func(table, key, column string)) (figures int, err error) {
	then := r.cells(events.Position(p.Position))
	in := func(division string) bool { return strings.HasPrefix(division, p.Division[:4]) }
	maps.DeleteFunc(then, func(k cell, _ sum) bool { return k.month != p.Month || !in(k.division) })
	kept, ok, err := reader.Frozen(ctx, p.Month)
	if err != nil {
		return 0, err
	}
	if !ok || uint64(kept.RestsOn) != p.Position || len(kept.Cells) != len(p.Cells) {
		differs("published", p.Month, "month")
		return 1, nil
	}
	for _, c := range p.Cells {
		k := cell{p.Month, c.Division, c.Type}
		if figures++; then[k] != (sum{c.Interments, c.Late, c.LandCM2}) {
			differs("published", p.Month+" "+c.Division+" "+c.Type, "cell")
		}
		delete(then, k)
	}
	for k := range then {
		differs("published", p.Month+" "+k.division+" "+k.kind, "cell")
	}
	for _, t := range p.Totals {
		want := Counts{t.Interments, t.Strict, t.Broad, t.LandSavedCM2, t.Late}
		shown, ok := kept.Total(t.Definition)
		if !ok {
			differs("published", p.Month+" "+t.Definition, "total")
		}
		check("published", p.Month+" "+t.Definition, shown, want)
		for _, d := range definitions {
			if d.ID == t.Definition {
				check("published from the log of then", p.Month+" "+d.ID, want,
					d.counts(r.cells(events.Position(p.Position)), func(k cell) bool { return k.month == p.Month && in(k.division) }))
			}
		}
	}
	causes, err := reader.Causes(ctx, kept, domain.Division(p.Division))
	if err != nil {
		return 0, err
	}
	moved := 0
	for _, c := range causes {
		if c.Is.Month == p.Month && in(string(c.Is.Division)) {
			moved++
		}
		if c.Was.Month == p.Month && in(string(c.Was.Division)) {
			moved--
		}
	}
	for _, c := range p.Cells {
		moved += c.Interments
	}
	for k, s := range r.cells(^events.Position(0)) {
		if k.month == p.Month && in(k.division) {
			moved -= s.n
		}
	}
	if figures++; moved != 0 {
		differs("causes", p.Month, "sum")
	}
	return figures, nil
}
