package web

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
)

// A ledgerPage is one institution's ledger.
type ledgerPage struct {
	Code    domain.CreditCode
	Name    Text
	History history
	Policy  *credit.PolicyVersion // in force on the day
	Rated   bool
	Score   int
	Grade   string
	GradeZh Text
	// Other is the same day in the other history.
	Other  *ledgerScore
	Chart  *scoreChart
	Rows   []ledgerRow // the newest first
	Others []ledgerCase
	AsOf   AsOf
}

type ledgerScore struct {
	Rated bool
	Score int
	Grade string
}

// A ledgerRow is one line: what moved the score.
type ledgerRow struct {
	What      string      // policy, confirmed, bonus, repaired, revoked, expired
	Effective domain.Date // from when it holds
	Recorded  domain.Date // empty for what nothing records: the end of a period
	Rule      string
	Name      Text
	Fact      string
	Points    string // signed; empty where nothing moved
	Struck    bool   // it was revoked, and counts for nothing in this history
	After     ledgerScore
	Status    string // of the entry on the day: counts, public, expired, repaired, revoked
	Until     domain.Date
	Severity  credit.Severity
	Document  string
	Position  events.Position
	Event     uuid.UUID
	Leaf      tlog.Hash
	Chain     []link
	at        int // place in the log, to order what is of one day
}

// A ledgerCase is a matter that is no entry: a suspicion that is open or was
// dismissed. It never scores and is never public.
type ledgerCase struct {
	Rule      string
	Name      Text
	Fact      string
	Dismissed bool
	AnswerBy  domain.Date
	Late      bool // the time for the answer is over and none came
	Chain     []link
}

// A link is one event of a chain of evidence.
type link struct {
	Type     string
	Occurred time.Time
	Recorded time.Time
	Stream   events.Stream
	Position events.Position
	Event    uuid.UUID
	Actor    string
	Leaf     tlog.Hash
	// Said are the words of the event: document, reason, fact, days.
	Said []said
	// Source is the event that an automatic rule saw.
	Source   uuid.UUID
	SourceAt events.Position // where it is on the log; zero: not found
}

// said is one thing that an event says.
type said struct{ Key, Value string }

// linkOf tells an event of a ledger. Nothing in one is personal.
func linkOf(r handlers.LedgerRecord) (link, error) {
	l := link{Type: strings.TrimSuffix(r.Type, r.Type[strings.LastIndex(r.Type, ".v"):]), Occurred: r.Occurred, Recorded: r.At, Stream: r.Stream, Position: r.Position, Event: r.ID, Actor: r.Meta.Actor, Leaf: tlog.LeafHash(&r.Recorded)}
	var fields map[string]any
	if err := json.Unmarshal(r.Data, &fields); err != nil {
		return l, fmt.Errorf("web: %s at %d: %w", r.Type, r.Position, err)
	}
	for _, k := range []string{"rule", "fact", "basis", "document", "reason", "answer_by", "filed_on", "decide_by", "decided_on", "repaired_on", "revoked_on", "repairable_from", "public_until", "counts_until"} {
		if s, ok := fields[k].(string); ok && s != "" {
			l.Said = append(l.Said, said{k, s})
		}
	}
	if os, ok := fields["officers"].([]any); ok {
		var names []string
		for _, o := range os {
			names = append(names, fmt.Sprint(o))
		}
		l.Said = append(l.Said, said{"officers", strings.Join(names, "、")})
	}
	if s, ok := r.Event.(credit.Suspected); ok {
		l.Source = s.SourceEvent
	}
	return l, nil
}

func (d *Desk) ledger(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	p, _, err := d.ledgerOf(v.ctx(), domain.CreditCode(chi.URLParam(v.r, "code")), h)
	if err != nil {
		return err
	}
	return d.send(v, "regulator-ledger", "/regulator", p, &p.AsOf)
}

func (d *Desk) ledgerOf(ctx context.Context, code domain.CreditCode, h history) (ledgerPage, handlers.Ledger, error) {
	p := ledgerPage{Code: code, History: h}
	in, asOf, err := d.data.CreditInstitution(ctx, code)
	if err != nil {
		return p, handlers.Ledger{}, err
	}
	p.AsOf, p.Name = asOf, Text{in.NameZh, in.NameEn}
	l, err := d.app.Ledger(ctx, code)
	if err != nil {
		return p, l, err
	}
	if v, ok := l.Versions(h.Until()).InForce(h.On); ok {
		p.Policy = &v
	}
	now := scoreOf(l.Standing(h.On, h.Until()))
	p.Rated, p.Score, p.Grade = now.Rated, now.Score, now.Grade
	if p.Policy != nil {
		for _, g := range p.Policy.Grades {
			if g.Grade == p.Grade {
				p.GradeZh = Text{g.NameZh, d.texts[En].label("grade", g.Grade)}
			}
		}
	}
	other := h.On
	if h.Known {
		other = ""
	}
	o := scoreOf(l.Standing(h.On, other))
	p.Other = &o
	if p.Rows, err = ledgerRows(l, h); err != nil {
		return p, l, err
	}
	if p.Others, err = ledgerCases(l, h); err != nil {
		return p, l, err
	}
	p.Chart = drawScores(l, h.On)
	return p, l, d.findSources(ctx, &p)
}

// findSources finds on the log what automatic rules saw.
func (d *Desk) findSources(ctx context.Context, p *ledgerPage) error {
	var chains [][]link
	for _, r := range p.Rows {
		chains = append(chains, r.Chain)
	}
	for _, c := range p.Others {
		chains = append(chains, c.Chain)
	}
	var ids []uuid.UUID
	for _, c := range chains {
		for _, l := range c {
			if l.Source != uuid.Nil {
				ids = append(ids, l.Source)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	at, err := d.data.Positions(ctx, ids)
	for _, c := range chains {
		for i := range c {
			c[i].SourceAt = at[c[i].Source]
		}
	}
	return err
}

func scoreOf(s credit.Standing, rated bool) ledgerScore {
	return ledgerScore{rated, s.Score, s.Grade}
}

// chainOf is a chain as far as a history knows it.
func chainOf(l handlers.Ledger, h history, suspicion, entry uuid.UUID) ([]link, error) {
	var chain []link
	for _, r := range l.Chain(suspicion, entry) {
		if u := h.Until(); u != "" && domain.DateOf(r.At) > u {
			continue
		}
		x, err := linkOf(r)
		if err != nil {
			return nil, err
		}
		chain = append(chain, x)
	}
	return chain, nil
}

// ledgerRows are the lines of a ledger in a history, the newest first: by when
// they were recorded where one asks what was known, else by when they hold.
func ledgerRows(l handlers.Ledger, h history) ([]ledgerRow, error) {
	versions, state := l.Versions(h.Until()), l.State(h.Until())
	suspicions := map[uuid.UUID]uuid.UUID{} // by entry
	for _, s := range state.Suspicions {
		if s.Entry != uuid.Nil {
			suspicions[s.Entry] = s.Suspicion
		}
	}
	inForce, _ := versions.InForce(h.On)
	var rows []ledgerRow
	add := func(r ledgerRow) {
		if r.Effective <= h.On {
			rows = append(rows, r)
		}
	}
	for _, p := range l.Policies {
		if u := h.Until(); u != "" && domain.DateOf(p.At) > u {
			continue
		}
		r := ledgerRow{What: "policy", Effective: p.EffectiveFrom, Recorded: domain.DateOf(p.At), Fact: p.Version, Position: p.Position, Event: p.ID, Leaf: tlog.LeafHash(&p.Recorded), at: int(p.Position)}
		r.After = scoreOf(l.Standing(p.EffectiveFrom, h.Until()))
		add(r)
	}
	for i, x := range l.Records {
		recorded := domain.DateOf(x.At)
		if u := h.Until(); u != "" && recorded > u {
			continue
		}
		r := ledgerRow{Recorded: recorded, Position: x.Position, Event: x.ID, Leaf: tlog.LeafHash(&x.Recorded), at: i}
		e, _ := state.Entry(x.Entry)
		switch b := x.Event.(type) {
		case credit.Confirmed:
			r.What, r.Effective, r.Points = "confirmed", b.DecidedOn, "−"+strconv.Itoa(b.Points)
		case credit.BonusGranted:
			r.What, r.Effective, r.Points = "bonus", b.DecidedOn, "+"+strconv.Itoa(b.Points)
		case credit.Repaired:
			r.What, r.Effective, r.Document = "repaired", b.RepairedOn, b.Document
		case credit.Revoked:
			r.What, r.Effective, r.Document = "revoked", b.RevokedOn, b.Document
		default:
			continue
		}
		own, ok := versions.Version(e.Policy)
		if !ok {
			own = inForce
		}
		r.Rule, r.Fact, r.Severity = e.Rule, e.Fact, e.Severity
		r.Name = ruleName(own, e)
		if r.What == "confirmed" || r.What == "bonus" {
			r.Document, r.Struck, r.Until = e.Document, e.RevokedOn != "", e.Until(inForce)
			r.Status = entryStatus(e, inForce, own, h.On)
			var err error
			if r.Chain, err = chainOf(l, h, suspicions[e.ID], e.ID); err != nil {
				return nil, err
			}
		}
		if h.Known {
			r.After = scoreOf(l.After(i))
		} else {
			r.After = scoreOf(l.Standing(r.Effective, ""))
		}
		if r.What == "revoked" && !h.Known {
			continue // a correction: the entry stands struck out, and never counted
		}
		if r.What == "repaired" || r.What == "revoked" {
			before, rated := l.Standing(r.Effective.AddDays(-1), h.Until())
			if h.Known && i > 0 {
				before, rated = l.After(i - 1)
			}
			if rated {
				r.Points = signed(r.After.Score - before.Score)
			}
		}
		add(r)
		if r.Status == "expired" {
			end := ledgerRow{What: "expired", Effective: r.Until, Rule: r.Rule, Name: r.Name, Fact: r.Fact, After: scoreOf(l.Standing(r.Until, h.Until())), at: i}
			if before, rated := l.Standing(r.Until.AddDays(-1), h.Until()); rated {
				end.Points = signed(end.After.Score - before.Score)
			}
			add(end)
		}
	}
	slices.SortStableFunc(rows, func(a, b ledgerRow) int {
		day := func(r ledgerRow) domain.Date {
			if h.Known {
				return cmp.Or(r.Recorded, r.Effective)
			}
			return r.Effective
		}
		return cmp.Or(cmp.Compare(day(b), day(a)), cmp.Compare(b.at, a.at))
	})
	return rows, nil
}

func signed(n int) string {
	if n < 0 {
		return "−" + strconv.Itoa(-n)
	}
	return "+" + strconv.Itoa(n)
}

func ruleName(p credit.PolicyVersion, e credit.Entry) Text {
	if e.Bonus {
		b, _ := p.Bonus(e.Rule)
		return Text{cmp.Or(b.NameZh, e.Rule), b.NameEn}
	}
	r, _ := p.Rule(e.Rule)
	return Text{cmp.Or(r.NameZh, e.Rule), r.NameEn}
}

// entryStatus is how an entry stands on a day.
func entryStatus(e credit.Entry, inForce, own credit.PolicyVersion, on domain.Date) string {
	switch {
	case e.RevokedOn != "":
		return "revoked"
	case e.RepairedOn != "" && e.RepairedOn <= on:
		return "repaired"
	case e.Until(inForce) <= on:
		return "expired"
	case !e.Bonus && credit.Publication(e, own, on).Now:
		return "public"
	}
	return "counts"
}

// ledgerCases are the suspicions that are no entry, the newest first.
func ledgerCases(l handlers.Ledger, h history) ([]ledgerCase, error) {
	state := l.State(h.Until())
	p, _ := l.Versions(h.Until()).InForce(h.On)
	var cases []ledgerCase
	for _, s := range slices.Backward(state.Suspicions) {
		if s.Entry != uuid.Nil {
			continue
		}
		rule, _ := p.Rule(s.Rule)
		c := ledgerCase{Rule: s.Rule, Name: Text{cmp.Or(rule.NameZh, s.Rule), rule.NameEn}, Fact: s.Fact, Dismissed: s.Dismissed, AnswerBy: s.AnswerBy,
			Late: !s.Dismissed && s.AnswerBy != "" && !s.Answered && s.AnswerBy < h.On}
		var err error
		if c.Chain, err = chainOf(l, h, s.Suspicion, uuid.Nil); err != nil {
			return nil, err
		}
		if len(c.Chain) > 0 && domain.DateOf(c.Chain[0].Recorded) <= h.On {
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// CreditInstitution implements RegulatorSource.
func (m *ReadModels) CreditInstitution(ctx context.Context, code domain.CreditCode) (i servicecredit.Institution, asOf AsOf, err error) {
	asOf, err = m.look(ctx, servicecredit.Name, func(tx *sql.Tx) (err error) {
		i, err = servicecredit.Reader{DB: tx}.Institution(ctx, code)
		return err
	})
	return i, asOf, err
}

// A scoreChart is the score over time in both histories: what was known on each
// day, and what is known of it today.
type scoreChart struct {
	Known, True string // paths
	Months      []chartLabel
	Bounds      []chartLine // where a grade begins
	Marks       []scoreMark
	First, Last ledgerScore
	Lowest      int
	From, Until domain.Date
	Points      []scorePoint
}

// A scoreMark is a figure beside the line.
type scoreMark struct{ X, Y, Text string }

// A scorePoint is what the chart shows, as figures.
type scorePoint struct {
	On          domain.Date
	Known, True ledgerScore
}

const (
	scoreLeft, scoreRight = 40.0, 1350.0
	scoreTop, scoreBase   = 12.0, 162.0
)

// drawScores draws the score up to a day, for at most two years; nil where no
// policy was in force.
func drawScores(l handlers.Ledger, until domain.Date) *scoreChart {
	c := &scoreChart{Until: until}
	days := l.Days(until)
	if len(days) == 0 || days[len(days)-1] != until {
		days = append(days, until)
	}
	floor := until.AddMonths(-24)
	for _, d := range days {
		if d < floor {
			continue
		}
		p := scorePoint{d, scoreOf(l.Standing(d, d)), scoreOf(l.Standing(d, ""))}
		if !p.Known.Rated && !p.True.Rated {
			continue
		}
		if n := len(c.Points); n > 0 && d != until && c.Points[n-1].Known == p.Known && c.Points[n-1].True == p.True {
			continue
		}
		c.Points = append(c.Points, p)
	}
	p, ok := l.Versions("").InForce(until)
	if len(c.Points) == 0 || !ok || p.Max <= p.Min {
		return nil
	}
	c.From = c.Points[0].On
	span := max(1, daysBetween(c.From, until))
	low := p.Max
	for _, x := range c.Points {
		if x.Known.Rated {
			low = min(low, x.Known.Score)
		}
		if x.True.Rated {
			low = min(low, x.True.Score)
		}
	}
	c.Lowest = low
	low = max(p.Min, min(low-5, 50)) // the axis ends a little below the lowest
	x := func(d domain.Date) float64 {
		return scoreLeft + (scoreRight-scoreLeft)*float64(daysBetween(c.From, d))/float64(span)
	}
	y := func(s int) float64 {
		return scoreBase - (scoreBase-scoreTop)*float64(s-low)/float64(max(1, p.Max-low))
	}
	path := func(of func(scorePoint) ledgerScore) string {
		var b strings.Builder
		drawn := false
		for _, q := range c.Points {
			s := of(q)
			switch {
			case !s.Rated:
				drawn = false
			case !drawn:
				fmt.Fprintf(&b, "M%s %s", num(x(q.On)), num(y(s.Score)))
				drawn = true
			default:
				fmt.Fprintf(&b, "H%sV%s", num(x(q.On)), num(y(s.Score)))
			}
		}
		return b.String()
	}
	c.Known, c.True = path(func(q scorePoint) ledgerScore { return q.Known }), path(func(q scorePoint) ledgerScore { return q.True })
	for _, g := range p.Grades {
		if g.Min > low {
			c.Bounds = append(c.Bounds, chartLine{num(y(g.Min)), num(y(g.Min) + 4), strconv.Itoa(g.Min)})
		}
	}
	c.First, c.Last = c.Points[0].Known, c.Points[len(c.Points)-1].Known
	step := 1 + span/460 // months between two labels
	for m, i := c.From.AddMonths(1), 0; m <= until; m, i = m.AddMonths(1), i+1 {
		if first := domain.Date(string(m)[:8] + "01"); i%step == 0 && first > c.From && first <= until {
			c.Months = append(c.Months, chartLabel{num(x(first)), string(first)[:7]})
		}
	}
	last := -100.0
	for i, q := range c.Points {
		moved := i == 0 || i == len(c.Points)-1 || c.Points[i-1].Known.Score != q.Known.Score
		if at := x(q.On); q.Known.Rated && moved && (at-last > 45 || i == len(c.Points)-1) {
			if at-last <= 45 && len(c.Marks) > 0 {
				c.Marks = c.Marks[:len(c.Marks)-1]
			}
			c.Marks = append(c.Marks, scoreMark{num(min(at+4, scoreRight-18)), num(max(12, y(q.Known.Score)-6)), strconv.Itoa(q.Known.Score)})
			last = at
		}
	}
	return c
}

// daysBetween is how many days lie between two dates.
func daysBetween(from, to domain.Date) int {
	return int(to.Start().Sub(from.Start()).Hours()/24 + 0.5)
}
