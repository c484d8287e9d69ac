package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/projections"
)

// A Reader answers the regulator's questions.
type Reader struct{ DB projections.Querier }

// A Kind is a rule by which something is an anomaly.
type Kind string

// The kinds. An anomaly is a reason to look, never a score, and never public.
const (
	TooShort  Kind = "TOO_SHORT"         // a cremation shorter than one takes
	Telemetry Kind = "TELEMETRY_DIFFERS" // the furnace's clock says otherwise
	TooLong   Kind = "TOO_LONG"
	NoStart   Kind = "NO_START"   // a cremation that ended and whose start nobody had recorded
	Alike     Kind = "ALIKE"      // cremations of one day that took the same time to the second
	Refused   Kind = "REFUSED"    // somebody tried to charge what a rule forbids
	PriceGap  Kind = "PRICE_GAP"  // a price far above the others'
	PriceJump Kind = "PRICE_JUMP" // a price far above the list before
	Oversize  Kind = "OVERSIZE"   // a grave beyond a limit
	RatioJump Kind = "RATIO_JUMP" // a share of eco-burials that moved suddenly
)

// Kinds lists them all.
var Kinds = []Kind{TooShort, TooLong, NoStart, Telemetry, Alike, Refused, PriceGap, PriceJump, RatioJump, Oversize}

// Limits are where anomalies begin: parameters of the city.
type Limits struct {
	LongestMinutes int // of a cremation
	Alike          int // so many of one day, and more
	GapPercent     int // above the median of the city
	JumpPercent    int // above the list before
	RatioPoints    int // percentage points from one month to the next
	RatioLeast     int // burials in each of the two months
}

// LimitsOf are those that the city set.
func LimitsOf(p institution.ParametersState) Limits {
	return Limits{p.Int(institution.CremationMinutesMost), p.Int(institution.AlikeCremations), p.Int(institution.PriceGapPercent), p.Int(institution.PriceJumpPercent),
		p.Int(institution.RatioJumpPoints), p.Int(institution.RatioJumpLeast)}
}

// An Anomaly is one, with the rule that it meets and the events that it is made
// of.
type Anomaly struct {
	Kind        Kind
	Institution domain.CreditCode
	On          domain.Date // when it became known
	// Found and Limit are what the rule compares: seconds, fen, a number of
	// cremations, cm² or cm, tenths of percentage points.
	Found, Limit int64
	Code         string // of the rejection, or of the rule that a grave breaks
	Item         string // of a price list; a month for a ratio
	Division     domain.Division
	Source       projections.Source // that made it known
	Events       []events.Position  // all that it is made of, Source among them
	// Closed is the day on which it was explained or put right, empty while open.
	Closed domain.Date
}

// Anomalies are those that show on a day, the newest first, by what was recorded
// until the end of known; empty means everything.
func (r Reader) Anomalies(ctx context.Context, l Limits, on, known domain.Date) ([]Anomaly, error) {
	var as []Anomaly
	for _, find := range []func(context.Context, Limits, domain.Date) ([]Anomaly, error){r.flags, r.runs, r.startless, r.refusals, r.prices, r.graves} {
		some, err := find(ctx, l, cmp.Or(known, "9999-12-31"))
		if err != nil {
			return nil, err
		}
		as = append(as, some...)
	}
	as = slices.DeleteFunc(as, func(a Anomaly) bool { return a.On > on })
	for i := range as {
		if c := as[i].Closed; c > on || known != "" && c > known {
			as[i].Closed = ""
		}
	}
	slices.SortStableFunc(as, func(a, b Anomaly) int {
		return cmp.Or(cmp.Compare(b.On, a.On), cmp.Compare(b.Source.Position, a.Source.Position), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Item, b.Item))
	})
	return as, nil
}

func day(recorded string) domain.Date {
	t, err := time.Parse(time.RFC3339Nano, recorded)
	if err != nil {
		return ""
	}
	return domain.DateOf(t)
}

func (r Reader) flags(ctx context.Context, _ Limits, known domain.Date) ([]Anomaly, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT f.position, f.event, f.recorded_at, f.kind, f.found_s, f.limit_s, f.explained, f.explanation,
		COALESCE(run.institution, ''), COALESCE(run.start_position, 0), COALESCE(run.end_position, 0) FROM flag f LEFT JOIN run USING (stream) ORDER BY f.position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var as []Anomaly
	for rs.Next() {
		var a Anomaly
		var at, explanation, start, end int64
		var event, recorded, explained string
		if err := rs.Scan(&at, &event, &recorded, &a.Kind, &a.Found, &a.Limit, &explained, &explanation, &a.Institution, &start, &end); err != nil {
			return nil, err
		}
		if a.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		a.On, a.Closed = domain.DateOf(a.Source.Recorded), day(explained)
		for _, p := range []int64{start, end, at, explanation} {
			if p > 0 && (p != explanation || a.Closed <= known) {
				a.Events = append(a.Events, events.Position(p))
			}
		}
		if a.On <= known {
			as = append(as, a)
		}
	}
	return as, rs.Err()
}

// runs finds cremations that took too long, and those of one day that took the
// same time to the second.
func (r Reader) runs(ctx context.Context, l Limits, known domain.Date) ([]Anomaly, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT institution, day, seconds, start_position, end_position, end_event, end_recorded FROM run WHERE seconds > 0 ORDER BY institution, day, seconds, end_position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var as []Anomaly
	var group []Anomaly // of one day and one duration
	var of domain.Date
	flush := func() {
		if n := len(group); n > 0 && n >= l.Alike {
			a := group[n-1]
			a.Kind, a.Found, a.Limit, a.Events = Alike, int64(n), int64(l.Alike), nil
			for _, x := range group {
				a.Events = append(a.Events, x.Source.Position)
			}
			as = append(as, a)
		}
		group = nil
	}
	for rs.Next() {
		var a Anomaly
		var date domain.Date
		var start, end int64
		var event, recorded string
		if err := rs.Scan(&a.Institution, &date, &a.Found, &start, &end, &event, &recorded); err != nil {
			return nil, err
		}
		if a.Source, err = projections.ParseSource(event, end, recorded); err != nil {
			return nil, err
		}
		if a.On = domain.DateOf(a.Source.Recorded); a.On > known {
			continue
		}
		if n := len(group); n > 0 && (group[n-1].Institution != a.Institution || of != date || group[n-1].Found != a.Found) {
			flush()
		}
		of, group = date, append(group, a)
		if limit := int64(l.LongestMinutes) * 60; a.Found > limit {
			long := a
			long.Kind, long.Limit, long.Events = TooLong, limit, []events.Position{events.Position(start), events.Position(end)}
			as = append(as, long)
		}
	}
	flush()
	return as, rs.Err()
}

// startless finds cremations that were recorded as ended before any start was; a
// start that is recorded later puts it right.
func (r Reader) startless(ctx context.Context, _ Limits, known domain.Date) ([]Anomaly, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT institution, start_position, start_recorded, end_position, end_event, end_recorded FROM run
		WHERE end_position > 0 AND (start_position = 0 OR start_position > end_position) ORDER BY end_position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var as []Anomaly
	for rs.Next() {
		a := Anomaly{Kind: NoStart}
		var start, end int64
		var event, recorded, began string
		if err := rs.Scan(&a.Institution, &start, &began, &end, &event, &recorded); err != nil {
			return nil, err
		}
		if a.Source, err = projections.ParseSource(event, end, recorded); err != nil {
			return nil, err
		}
		if a.On = domain.DateOf(a.Source.Recorded); a.On > known {
			continue
		}
		a.Events = []events.Position{events.Position(end)}
		if a.Closed = day(began); start > 0 && a.Closed <= known {
			a.Events = append(a.Events, events.Position(start))
		}
		as = append(as, a)
	}
	return as, rs.Err()
}

func (r Reader) refusals(ctx context.Context, _ Limits, known domain.Date) ([]Anomaly, error) {
	ts, err := r.Refusals(ctx, "", known)
	var as []Anomaly
	for _, t := range ts {
		as = append(as, Anomaly{Kind: Refused, Institution: t.Institution, On: t.On, Found: int64(t.Amount), Limit: int64(t.Limit), Code: t.Code, Item: t.Item, Source: t.Source, Events: []events.Position{t.Source.Position}})
	}
	return as, err
}

// prices finds what costs far more than elsewhere, or than in the list before.
func (r Reader) prices(ctx context.Context, l Limits, known domain.Date) ([]Anomaly, error) {
	ls, err := r.Lists(ctx, known)
	if err != nil {
		return nil, err
	}
	last := map[domain.CreditCode]List{}
	var as []Anomaly
	for _, x := range ls {
		before, ok := last[x.Institution]
		last[x.Institution] = x
		if !ok {
			continue
		}
		for _, item := range x.Items() {
			was := before.Prices[item]
			if limit := was + was*int64(l.JumpPercent)/100; was > 0 && x.Prices[item] > limit {
				as = append(as, Anomaly{Kind: PriceJump, Institution: x.Institution, On: x.Known(), Found: x.Prices[item], Limit: limit, Item: item, Source: x.Source,
					Events: []events.Position{before.Source.Position, x.Source.Position}})
			}
		}
	}
	byItem := map[string][]int64{}
	for _, x := range last {
		for item, p := range x.Prices {
			byItem[item] = append(byItem[item], p)
		}
	}
	for _, x := range last {
		for _, item := range x.Items() {
			ps := byItem[item]
			if len(ps) < 3 { // of two, none is out of line
				continue
			}
			slices.Sort(ps)
			middle := ps[(len(ps)-1)/2]
			if limit := middle + middle*int64(l.GapPercent)/100; x.Prices[item] > limit {
				as = append(as, Anomaly{Kind: PriceGap, Institution: x.Institution, On: x.Known(), Found: x.Prices[item], Limit: limit, Item: item, Source: x.Source, Events: []events.Position{x.Source.Position}})
			}
		}
	}
	return as, nil
}

func (r Reader) graves(ctx context.Context, _ Limits, known domain.Date) ([]Anomaly, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, recorded_at, institution, rule, measured, bound, remedied, remedy FROM exceeded ORDER BY position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var as []Anomaly
	for rs.Next() {
		a := Anomaly{Kind: Oversize}
		var at, remedy int64
		var event, recorded, remedied string
		if err := rs.Scan(&at, &event, &recorded, &a.Institution, &a.Code, &a.Found, &a.Limit, &remedied, &remedy); err != nil {
			return nil, err
		}
		if a.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		a.On, a.Closed = domain.DateOf(a.Source.Recorded), day(remedied)
		a.Events = []events.Position{events.Position(at)}
		if remedy > 0 && a.Closed <= known {
			a.Events = append(a.Events, events.Position(remedy))
		}
		if a.On <= known {
			as = append(as, a)
		}
	}
	return as, rs.Err()
}

// A Try is a charge that a rule refused.
type Try struct {
	projections.Source
	On            domain.Date
	Institution   domain.CreditCode
	Actor         string
	Code, Item    string
	Amount, Limit domain.Money
	Rule, Basis   string
}

// Refusals are the refused tries that were recorded from one day to another,
// both inclusive, in the order of the log.
func (r Reader) Refusals(ctx context.Context, from, until domain.Date) ([]Try, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, recorded_at, day, institution, actor, code, item, amount_fen, limit_fen, rule, basis FROM refusal WHERE day >= ? AND day <= ? ORDER BY position`, string(from), string(until))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ts []Try
	for rs.Next() {
		var t Try
		var at int64
		var event, recorded string
		if err := rs.Scan(&at, &event, &recorded, &t.On, &t.Institution, &t.Actor, &t.Code, &t.Item, &t.Amount, &t.Limit, &t.Rule, &t.Basis); err != nil {
			return nil, err
		}
		if t.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, rs.Err()
}

// A Charge is one line that was charged. Whose it was is not kept beside it.
type Charge struct {
	projections.Source
	On                     domain.Date
	Institution            domain.CreditCode
	Item, NameZh, Unit     string
	Quantity               int64
	Price, Amount, Ceiling domain.Money
	List                   int
}

// Charges are those that were recorded from one day to another, both inclusive,
// in the order of the log.
func (r Reader) Charges(ctx context.Context, from, until domain.Date) ([]Charge, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, recorded_at, day, institution, item, name_zh, unit, quantity, price_fen, amount_fen, ceiling_fen, list FROM charge WHERE day >= ? AND day <= ? ORDER BY position`, string(from), string(until))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var cs []Charge
	for rs.Next() {
		var c Charge
		var at int64
		var event, recorded string
		if err := rs.Scan(&at, &event, &recorded, &c.On, &c.Institution, &c.Item, &c.NameZh, &c.Unit, &c.Quantity, &c.Price, &c.Amount, &c.Ceiling, &c.List); err != nil {
			return nil, err
		}
		if c.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return cs, rs.Err()
}

// A List is one version of an institution's price list.
type List struct {
	projections.Source
	Institution   domain.CreditCode
	Version       int
	EffectiveFrom domain.Date
	Prices        map[string]int64 // fen by item
}

// Known is the day from which it was known.
func (l List) Known() domain.Date { return domain.DateOf(l.Recorded) }

// Items are those that have a price, in order.
func (l List) Items() []string {
	var items []string
	for i := range l.Prices {
		items = append(items, i)
	}
	slices.Sort(items)
	return items
}

// Lists are the versions that registered institutions had published by the end
// of a day, in the order of the log.
func (r Reader) Lists(ctx context.Context, known domain.Date) ([]List, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT l.position, l.event, l.recorded_at, l.institution, l.version, l.effective_from, l.prices FROM list l JOIN institution i ON i.code = l.institution ORDER BY l.position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ls []List
	for rs.Next() {
		var l List
		var at int64
		var event, recorded, prices string
		if err := rs.Scan(&at, &event, &recorded, &l.Institution, &l.Version, &l.EffectiveFrom, &prices); err != nil {
			return nil, err
		}
		if l.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(prices), &l.Prices); err != nil {
			return nil, err
		}
		if l.Known() <= known {
			ls = append(ls, l)
		}
	}
	return ls, rs.Err()
}

// An Institution is one that is watched.
type Institution struct {
	Code  domain.CreditCode
	Kind  institution.Kind
	Since domain.Date
}

// Institutions lists those registered by the end of a day.
func (r Reader) Institutions(ctx context.Context, known domain.Date) ([]Institution, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT code, kind, recorded FROM institution WHERE recorded <= ? ORDER BY code`, string(known))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var is []Institution
	for rs.Next() {
		var i Institution
		if err := rs.Scan(&i.Code, &i.Kind, &i.Since); err != nil {
			return nil, err
		}
		is = append(is, i)
	}
	return is, rs.Err()
}

// A Day is how many cremations ended on one.
type Day struct {
	On    domain.Date
	Count int
}

// Cremations counts the cremations that began on each day from one to another
// and had been recorded as ended by the end of known, of one institution or of
// all for "". Days without any are there too.
func (r Reader) Cremations(ctx context.Context, of domain.CreditCode, from, until, known domain.Date) ([]Day, error) {
	var ds []Day
	for d := from; d <= until; d = d.AddDays(1) {
		ds = append(ds, Day{On: d})
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT day, end_recorded FROM run WHERE end_position > 0 AND day >= ? AND day <= ? AND (?3 = '' OR institution = ?3)`, string(from), string(until), string(of))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var on domain.Date
		var recorded string
		if err := rs.Scan(&on, &recorded); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(ds, func(d Day) bool { return d.On == on }); i >= 0 && (known == "" || day(recorded) <= known) {
			ds[i].Count++
		}
	}
	return ds, rs.Err()
}

// Tenths writes tenths as a decimal: 74 is 7.4.
func Tenths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "−", -n
	}
	return sign + strconv.FormatInt(n/10, 10) + "." + strconv.FormatInt(n%10, 10)
}
