// Package ecoratio is the read model of the eco-burial ratio: every interment as
// one row without personal data, and the counts by month, district and type
// that strict and broad share are made of.
package ecoratio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/projections"
)

// A Reader answers questions about the ratio.
type Reader struct{ DB projections.Querier }

// A Unit is how long the periods of a series are.
type Unit string

// The units. A period is named as domain.Date names it: "2026-11", "2026-Q4",
// "2026".
const (
	Month   Unit = "month"
	Quarter Unit = "quarter"
	Year    Unit = "year"
)

// A Filter narrows a question. Its zero value asks for everything whose day is
// known.
type Filter struct {
	// From and Until bound the local date of the interment, both inclusive;
	// empty is open. Shares are counted by whole months, so a bound in the
	// middle of a month takes the whole month.
	From, Until domain.Date
	// Division narrows to a district (210211) or a city (210200); Institution
	// to one facility.
	Division    domain.Division
	Institution string
	// Definition is the id of the definition to count under; empty means the one
	// in force at the end of the time asked for.
	Definition string
	// Type narrows to one way of burial.
	Type string
	// Share narrows the rows to one numerator, Counted to the denominator, Late
	// to what was recorded in a later month; only Interments looks at them.
	Share         ecoburial.Share
	Counted, Late bool
}

// Period bounds a filter to a period by its name.
func (f Filter) Period(name string) (Filter, error) {
	from, err := time.Parse("2006", name)
	months := 12
	if y, q, ok := strings.Cut(name, "-Q"); ok && len(q) == 1 && '1' <= q[0] && q[0] <= '4' {
		from, err = time.Parse("2006", y)
		from, months = from.AddDate(0, int(q[0]-'1')*3, 0), 3
	} else if len(name) == 7 {
		from, err = time.Parse("2006-01", name)
		months = 1
	}
	if err != nil || from.Year() < 1 {
		return Filter{}, fmt.Errorf("ecoratio: %q is no month (2026-11), quarter (2026-Q4) or year (2026)", name)
	}
	f.From = domain.Date(from.Format(time.DateOnly))
	f.Until = domain.Date(from.AddDate(0, months, -1).Format(time.DateOnly))
	return f, nil
}

// Counts are the parts of every share. A share is never shown without them.
type Counts struct {
	// Interments is the denominator: burials completed in the period, by local
	// date. Strict and Broad are the numerators.
	Interments int `json:"interments"`
	Strict     int `json:"strict"`
	Broad      int `json:"broad"`
	// LandSavedCm2 is Σ (10,000 cm² − land used) over the broad numerator. A way
	// that takes no ground under the definition uses 0, any other what was
	// reported; a body buried deep uses more than 1 m² and counts negative. It is
	// an estimate against a standard plot of 1 m², not a measurement.
	LandSavedCm2 int64 `json:"land_saved_cm2"`
	// Late are the interments of the denominator that were recorded in a later
	// month than the one they happened in.
	Late int `json:"late"`
}

// LandFormula says in words how LandSavedCm2 is computed.
var LandFormula = struct{ Zh, En string }{
	"节地 = Σ（1㎡ − 实际占地），对宽口径的安葬求和；不占地的葬式按 0 计。这是按标准墓位 1㎡ 推算，不是实测。",
	"Land saved = Σ (1 m² − land used) over the broad numerator; ways that take no ground count 0. Estimated against a standard plot of 1 m², not measured.",
}

func (c *Counts) add(o Counts) {
	c.Interments += o.Interments
	c.Strict += o.Strict
	c.Broad += o.Broad
	c.LandSavedCm2 += o.LandSavedCm2
	c.Late += o.Late
}

// Share is n/d; false where the denominator is empty: no data is not 0 %.
func Share(n, d int) (float64, bool) {
	if d == 0 {
		return 0, false
	}
	return float64(n) / float64(d), true
}

// A Period is one step of a series.
type Period struct {
	Period string `json:"period"`
	Counts
}

// A District is one division's part.
type District struct {
	Division domain.Division `json:"division"`
	Counts
}

// A Type is one way of burial's part.
type Type struct {
	ecoburial.Type
	// Counted says that it is an interment at all. What is not (ashes deposited
	// for a while) is in neither part of a share, and listed all the same.
	Counted      bool  `json:"counted"`
	Count        int   `json:"count"`
	LandSavedCm2 int64 `json:"land_saved_cm2"` // zero where it is not in the broad numerator
	Late         int   `json:"late"`
}

// An Interment is one row of the record behind the figures. It holds nothing
// about a person.
type Interment struct {
	Source      projections.Source `json:"source"`
	Stream      string             `json:"stream"`
	On          domain.Date        `json:"interred_on"` // local date; empty when nobody knows
	Type        string             `json:"type"`
	Definition  string             `json:"definition"`
	Division    domain.Division    `json:"division"`
	Institution string             `json:"institution"`
	LandCm2     int64              `json:"land_cm2"`
	Late        bool               `json:"late"`
	// Corrected is the place in the log of the last correction, zero for none.
	Corrected events.Position `json:"corrected_at,omitzero"`
}

// Definitions lists every version that may be asked for with the day from which
// it is in force, the program's own first.
func (r Reader) Definitions(ctx context.Context) ([]ecoburial.DefinitionAdopted, error) {
	ds := []ecoburial.DefinitionAdopted{{Definition: ecoburial.Default()}}
	rs, err := r.DB.QueryContext(ctx, `SELECT from_day, document, definition FROM definition ORDER BY from_day, position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var d ecoburial.DefinitionAdopted
		var b string
		if err := rs.Scan(&d.From, &d.Document, &b); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(b), &d.Definition); err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, rs.Err()
}

// Definition is the version that a filter counts under.
func (r Reader) Definition(ctx context.Context, f Filter) (ecoburial.Definition, error) {
	ds, err := r.Definitions(ctx)
	if err != nil {
		return ecoburial.Definition{}, err
	}
	in := ds[0].Definition
	for _, d := range ds {
		switch {
		case f.Definition == d.Definition.ID:
			return d.Definition, nil
		case f.Definition == "" && (f.Until == "" || d.From <= f.Until):
			in = d.Definition
		}
	}
	if f.Definition != "" {
		return in, fmt.Errorf("%w: %q", ErrDefinition, f.Definition)
	}
	return in, nil
}

// ErrDefinition reports a definition that there is not.
var ErrDefinition = errors.New("ecoratio: no such definition")

// Total counts everything that the filter lets through. Without any interment
// its counts are zero, and every Share of them absent.
func (r Reader) Total(ctx context.Context, f Filter) (Counts, error) {
	groups, err := r.groups(ctx, f, func(g group) string { return "" })
	return groups[""].Counts, err
}

// Series counts by periods, oldest first. A period without any interment is
// absent: the caller shows a gap.
func (r Reader) Series(ctx context.Context, unit Unit, f Filter) ([]Period, error) {
	var name func(domain.Date) string
	switch unit {
	case Month:
		name = domain.Date.Month
	case Quarter:
		name = domain.Date.Quarter
	case Year:
		name = domain.Date.Year
	default:
		return nil, fmt.Errorf("ecoratio: %q is no unit", unit)
	}
	groups, err := r.groups(ctx, f, func(g group) string { return name(domain.Date(g.month + "-01")) })
	var ps []Period
	for k, g := range groups {
		if g.Interments > 0 {
			ps = append(ps, Period{k, g.Counts})
		}
	}
	slices.SortFunc(ps, func(a, b Period) int { return cmp.Compare(a.Period, b.Period) })
	return ps, err
}

// Districts counts by the division in which the burial was, in the order of
// codes. A division without any interment is absent.
func (r Reader) Districts(ctx context.Context, f Filter) ([]District, error) {
	groups, err := r.groups(ctx, f, func(g group) string { return g.division })
	var ds []District
	for k, g := range groups {
		if g.Interments > 0 {
			ds = append(ds, District{domain.Division(k), g.Counts})
		}
	}
	slices.SortFunc(ds, func(a, b District) int { return cmp.Compare(a.Division, b.Division) })
	return ds, err
}

// Types counts by way of burial, in the order of the definition. Ways that
// nobody was buried in are absent.
func (r Reader) Types(ctx context.Context, f Filter) ([]Type, error) {
	def, err := r.Definition(ctx, f)
	if err != nil {
		return nil, err
	}
	groups, err := r.groups(ctx, f, func(g group) string { return g.kind })
	rank := map[string]int{}
	for i, t := range def.Types {
		rank[t.Code] = i + 1
	}
	var ts []Type
	for k, g := range groups {
		t := kindOf(def, k)
		ts = append(ts, Type{t, t.Interment, g.all, g.LandSavedCm2, g.allLate})
	}
	slices.SortFunc(ts, func(a, b Type) int {
		return cmp.Or(cmp.Compare(rank[a.Code], rank[b.Code]), cmp.Compare(a.Code, b.Code))
	})
	return ts, err
}

// Undated is how many reports of the filter's place carry no date: they are in
// no period.
func (r Reader) Undated(ctx context.Context, f Filter) (n int, err error) {
	where, args := f.place(`month = ''`)
	err = r.DB.QueryRowContext(ctx, `SELECT coalesce(sum(interments), 0) FROM tally`+where, args...).Scan(&n)
	return n, err
}

// Span is the first and the last month with a dated report; empty when there
// is none.
func (r Reader) Span(ctx context.Context) (first, last string, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT coalesce(min(month), ''), coalesce(max(month), '') FROM tally WHERE month <> ''`).Scan(&first, &last)
	return first, last, err
}

// A Cell is what one type, district and month come to, before any definition.
type Cell struct {
	Month string
	ecoburial.Cell
}

// Cells lists every cell of a filter's months and place in the order of months,
// divisions and types: what all its other answers are sums of.
func (r Reader) Cells(ctx context.Context, f Filter) ([]Cell, error) {
	where, args := f.place(`month <> ''`)
	if f.From != "" {
		where, args = where+` AND month >= ?`, append(args, f.From.Month())
	}
	if f.Until != "" {
		where, args = where+` AND month <= ?`, append(args, f.Until.Month())
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT month, division, type, sum(interments), sum(land_cm2), sum(late)
		FROM tally`+where+` GROUP BY month, division, type ORDER BY month, division, type`, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var cs []Cell
	for rs.Next() {
		var c Cell
		if err := rs.Scan(&c.Month, &c.Division, &c.Type, &c.Interments, &c.LandCM2, &c.Late); err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return cs, rs.Err()
}

// Interments lists the rows behind the figures after a position, in the order
// of the log, at most limit. Undated ones come only when the filter has no
// bounds.
func (r Reader) Interments(ctx context.Context, f Filter, after events.Position, limit int) ([]Interment, error) {
	where, args := f.place(`position > ?`, int64(after))
	if f.From != "" {
		where, args = where+` AND interred_on >= ?`, append(args, string(f.From))
	}
	if f.Until != "" {
		where, args = where+` AND interred_on <> '' AND interred_on <= ?`, append(args, string(f.Until))
	}
	if f.Late {
		where += ` AND late = 1`
	}
	if f.Share != "" || f.Counted {
		def, err := r.Definition(ctx, f)
		if err != nil {
			return nil, err
		}
		in, out := []string{}, []string{}
		for _, t := range def.Types {
			switch {
			case !t.Interment:
				out = append(out, t.Code)
			case f.Share == ecoburial.StrictShare && t.Strict, f.Share == ecoburial.BroadShare && t.Broad:
				in = append(in, t.Code)
			}
		}
		codes, within := out, ` AND type NOT IN (SELECT value FROM json_each(?))`
		if f.Share != "" {
			codes, within = in, ` AND type IN (SELECT value FROM json_each(?))`
		}
		b, err := json.Marshal(codes)
		if err != nil {
			return nil, err
		}
		where, args = where+within, append(args, string(b))
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, stream, recorded_at, interred_on, type, definition, division, institution, land_cm2, late, corrected
		FROM interment`+where+` ORDER BY position LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var is []Interment
	for rs.Next() {
		var i Interment
		var at, corrected int64
		var id, recorded string
		if err := rs.Scan(&at, &id, &i.Stream, &recorded, &i.On, &i.Type, &i.Definition, &i.Division, &i.Institution, &i.LandCm2, &i.Late, &corrected); err != nil {
			return nil, err
		}
		if i.Source, err = projections.ParseSource(id, at, recorded); err != nil {
			return nil, err
		}
		i.Corrected = events.Position(corrected)
		is = append(is, i)
	}
	return is, rs.Err()
}

// A group is one sum of rows of the tally, and what the rows stand for.
type group struct {
	month, division, kind string
	Counts
	all, allLate int // also what is no interment
}

// groups sums the tally by a key, applying the definition.
func (r Reader) groups(ctx context.Context, f Filter, key func(group) string) (map[string]group, error) {
	def, err := r.Definition(ctx, f)
	if err != nil {
		return nil, err
	}
	cells, err := r.Cells(ctx, f)
	if err != nil {
		return nil, err
	}
	groups := map[string]group{}
	for _, x := range cells {
		g := group{month: x.Month, division: string(x.Division), kind: x.Type, all: x.Interments, allLate: x.Late}
		c := def.Count(x.Cell)
		g.Counts = Counts{c.Interments, c.Strict, c.Broad, c.LandSavedCM2, c.Late}
		k := key(g)
		sum := groups[k]
		sum.add(g.Counts)
		sum.all, sum.allLate = sum.all+g.all, sum.allLate+g.allLate
		groups[k] = sum
	}
	return groups, nil
}

// kindOf is what a code means under a definition. A code that it does not know
// is an interment and in no numerator: leaving it out would raise the share.
func kindOf(def ecoburial.Definition, code string) ecoburial.Type {
	if t, ok := def.Type(code); ok {
		return t
	}
	return ecoburial.Type{Code: code, NameZh: code, NameEn: code, Interment: true}
}

// place is the WHERE of a filter's place and a condition.
func (f Filter) place(condition string, args ...any) (string, []any) {
	where := ` WHERE ` + condition
	switch d := string(f.Division); {
	case strings.HasSuffix(d, "0000"):
		where, args = where+` AND substr(division, 1, 2) = ?`, append(args, d[:2])
	case strings.HasSuffix(d, "00"):
		where, args = where+` AND substr(division, 1, 4) = ?`, append(args, d[:4])
	case d != "":
		where, args = where+` AND division = ?`, append(args, d)
	}
	if f.Type != "" {
		where, args = where+` AND type = ?`, append(args, f.Type)
	}
	if f.Institution != "" {
		where, args = where+` AND institution = ?`, append(args, f.Institution)
	}
	return where, args
}
