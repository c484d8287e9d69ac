package web

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/servicecredit"
)

// ReadModels is the Source that the program runs with: it asks the read models
// that the runner keeps.
type ReadModels struct {
	runner *projections.Runner
	now    func() time.Time
	texts  map[Lang]messages

	mu    sync.Mutex
	files map[FileQuery]pricepages.File // of one position of the read model
	at    projections.Status
}

var _ Source = (*ReadModels)(nil)

// NewReadModels asks the read models of a runner, which has servicecredit,
// ecoratio and pricepages among them. A nil clock is time.Now.
func NewReadModels(r *Renderer, runner *projections.Runner, now func() time.Time) *ReadModels {
	if now == nil {
		now = time.Now
	}
	return &ReadModels{runner: runner, now: now, texts: r.texts, files: map[FileQuery]pricepages.File{}}
}

// lagAfter is how far behind a read model may be before its pages say so: under
// steady load every one of them is a moment behind.
const lagAfter = 30 * time.Second

func (m *ReadModels) today() domain.Date { return domain.DateOf(m.now()) }

// standing says how far a read model has come.
func (m *ReadModels) standing(name string) (AsOf, projections.Status) {
	for _, s := range m.runner.Status() {
		if s.Name != name {
			continue
		}
		a := AsOf{Position: uint64(s.Position), At: s.AsOf}
		switch {
		case s.Stopped:
			a.Trouble = Stopped
		case !s.CaughtUp && m.now().Sub(s.AsOf) > lagAfter:
			a.Trouble = Lagging
		}
		return a, s
	}
	return AsOf{Trouble: Stopped}, projections.Status{}
}

// look runs the queries of one page against one state of a read model.
func (m *ReadModels) look(ctx context.Context, name string, ask func(*sql.Tx) error) (AsOf, error) {
	// The position is read first: what the queries see is never older.
	asOf, _ := m.standing(name)
	tx, err := m.runner.Read(name).BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return asOf, fmt.Errorf("web: %s: %w", name, err)
	}
	defer tx.Rollback() // nothing was written
	if err := ask(tx); err != nil {
		if errors.Is(err, pricepages.ErrNotFound) || errors.Is(err, servicecredit.ErrNotFound) {
			return asOf, handlers.ErrNotFound
		}
		return asOf, fmt.Errorf("web: %s: %w", name, err)
	}
	return asOf, nil
}

// PriceIndex implements Source.
func (m *ReadModels) PriceIndex(ctx context.Context) (PriceIndex, error) {
	var es []pricepages.Entry
	asOf, err := m.look(ctx, pricepages.Name, func(tx *sql.Tx) (err error) {
		es, err = pricepages.Reader{DB: tx}.Index(ctx, m.today())
		return err
	})
	return priceIndexOf(es, asOf), err
}

// PriceFile implements Source. Files are kept in memory as long as the read
// model stays where it is: a price page is asked for far more often than any
// institution changes its prices.
func (m *ReadModels) PriceFile(ctx context.Context, q FileQuery) (pricepages.File, AsOf, error) {
	if !q.History && q.Version == 0 && q.On == "" {
		q.On = m.today()
	}
	asOf, status := m.standing(pricepages.Name)
	if f, ok := m.kept(q, status); ok {
		return f, asOf, nil
	}
	var f pricepages.File
	asOf, err := m.look(ctx, pricepages.Name, func(tx *sql.Tx) (err error) {
		r := pricepages.Reader{DB: tx}
		switch {
		case q.History:
			f, err = r.HistoryFile(ctx, q.Institution, q.Format, q.Variant)
		case q.Version > 0:
			f, err = r.VersionFile(ctx, q.Institution, q.Version, q.Format, q.Variant)
		default:
			f, err = r.File(ctx, q.Institution, q.On, q.Format, q.Variant)
		}
		return err
	})
	if err == nil {
		m.keep(q, status, f)
	}
	return f, asOf, err
}

// maxKept bounds the files in memory: what is asked for of a busy city, not
// everything that anybody may think of.
const maxKept = 1000

func (m *ReadModels) kept(q FileQuery, s projections.Status) (pricepages.File, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.Position != m.at.Position || s.Version != m.at.Version {
		clear(m.files)
		m.at = s
	}
	f, ok := m.files[q]
	return f, ok
}

func (m *ReadModels) keep(q FileQuery, s projections.Status, f pricepages.File) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.Position != m.at.Position || s.Version != m.at.Version {
		return // the read model moved on meanwhile
	}
	if len(m.files) >= maxKept {
		clear(m.files)
	}
	m.files[q] = f
}

// Eco implements Source.
func (m *ReadModels) Eco(ctx context.Context, period string) (Eco, error) {
	var p Eco
	asOf, err := m.look(ctx, ecoratio.Name, func(tx *sql.Tx) error {
		r := ecoratio.Reader{DB: tx}
		first, last, err := r.Span(ctx)
		if err != nil {
			return err
		}
		p.Periods = m.periods(first, last)
		if period == "" {
			period = newest(p.Periods)
		}
		def, err := r.Definition(ctx, ecoratio.Filter{})
		if err != nil {
			return err
		}
		p.Definition = EcoDefinition{def.ID, int64(def.SmallSingleCM2), int64(def.SmallDoubleCM2)}
		if p.Undated, err = r.Undated(ctx, ecoratio.Filter{Division: city}); err != nil || period == "" {
			return err
		}
		return m.ecoOf(ctx, r, period, first, &p)
	})
	p.AsOf = asOf
	return p, err
}

// city is the division whose figures the pages show.
const city domain.Division = "210200"

func (m *ReadModels) ecoOf(ctx context.Context, r ecoratio.Reader, period, first string, p *Eco) error {
	f, err := ecoratio.Filter{Division: city}.Period(period)
	if err != nil {
		return err
	}
	p.Period = m.period(period)
	total, err := r.Total(ctx, f)
	if err != nil {
		return err
	}
	p.Total, p.Late, p.SavedCM2 = countsOf(total), total.Late, total.LandSavedCm2
	def, err := r.Definition(ctx, f)
	if err != nil {
		return err
	}
	p.Definition = EcoDefinition{def.ID, int64(def.SmallSingleCM2), int64(def.SmallDoubleCM2)}
	targets, err := r.Targets(ctx, f.From.Year())
	if err != nil {
		return err
	}
	for _, t := range targets {
		p.Targets = append(p.Targets, EcoTarget{t.Share == ecoburial.StrictShare, t.Year, t.PerMille, t.Document})
	}
	if p.Frozen, err = frozen(ctx, r, period, def.ID, total); err != nil {
		return err
	}
	if p.Trend, err = m.trend(ctx, r, p.Period, f, first); err != nil {
		return err
	}
	districts, err := r.Districts(ctx, f)
	if err != nil {
		return err
	}
	p.Districts = m.districts(districts)
	types, err := r.Types(ctx, f)
	if err != nil {
		return err
	}
	for _, t := range types {
		p.Types = append(p.Types, EcoType{Code: t.Code, Name: Text{t.NameZh, t.NameEn}, Count: t.Count, Out: !t.Counted,
			Strict: t.Counted && t.Strict, Broad: t.Counted && t.Broad, SavedCM2: t.LandSavedCm2})
	}
	withhold(p)
	return nil
}

// frozen is what was published of a month and what changed since; nil where
// nothing was published under the definition.
func frozen(ctx context.Context, r ecoratio.Reader, month, definition string, now ecoratio.Counts) (*EcoFrozen, error) {
	f, ok, err := r.Frozen(ctx, month)
	if err != nil || !ok {
		return nil, err
	}
	then, ok := f.Total(definition)
	if !ok {
		return nil, nil
	}
	causes, err := r.Causes(ctx, f, city)
	x := &EcoFrozen{On: domain.DateOf(f.Source.Recorded), Then: countsOf(then), Now: countsOf(now), Position: uint64(f.RestsOn)}
	for _, c := range causes {
		if c.LateReport() {
			x.Late++
		} else {
			x.Corrected++
		}
		x.Causes = append(x.Causes, c.Source.ID.String())
	}
	return x, err
}

func countsOf(c ecoratio.Counts) EcoCount { return EcoCount{c.Interments, c.Strict, c.Broad} }

// period names a period and says whether it is still running.
func (m *ReadModels) period(key string) Period {
	p := Period{Key: key, Kind: string(ecoratio.Month)}
	switch {
	case len(key) == 4:
		p.Kind = string(ecoratio.Year)
	case key[5] == 'Q':
		p.Kind = string(ecoratio.Quarter)
	}
	if f, err := (ecoratio.Filter{}).Period(key); err == nil {
		p.Open = f.Until >= m.today()
	}
	return p
}

// periods are what can be asked for: years, quarters and months from the first
// record to the last, newest first.
func (m *ReadModels) periods(first, last string) []Period {
	if first == "" {
		return nil
	}
	var months, quarters, years []Period
	add := func(ps *[]Period, key string) {
		if !slices.ContainsFunc(*ps, func(p Period) bool { return p.Key == key }) {
			*ps = append(*ps, m.period(key))
		}
	}
	for d := domain.Date(last + "-01"); d.Month() >= first && len(months) < 120; d = d.AddMonths(-1) {
		add(&months, d.Month())
		add(&quarters, d.Quarter())
		add(&years, d.Year())
	}
	return slices.Concat(months, quarters, years)
}

// newest is the last month that has ended; where there is none, the running one.
func newest(ps []Period) string {
	for _, p := range ps {
		if p.Kind == string(ecoratio.Month) && !p.Open {
			return p.Key
		}
	}
	if len(ps) > 0 {
		return ps[0].Key
	}
	return ""
}

// trend is the period and those before it, at most twelve, none earlier than
// the first record. A period without data is in it, with nothing.
func (m *ReadModels) trend(ctx context.Context, r ecoratio.Reader, p Period, f ecoratio.Filter, first string) ([]EcoPoint, error) {
	unit, step, name := ecoratio.Unit(p.Kind), 1, domain.Date.Month
	switch unit {
	case ecoratio.Quarter:
		step, name = 3, domain.Date.Quarter
	case ecoratio.Year:
		step, name = 12, domain.Date.Year
	}
	start := f.From.AddMonths(-11 * step)
	for start.Month() < first && start.AddMonths(step) <= f.From {
		if start.AddMonths(step).Month() > first {
			break // the first record lies within this period
		}
		start = start.AddMonths(step)
	}
	series, err := r.Series(ctx, unit, ecoratio.Filter{From: start, Until: f.Until, Division: f.Division})
	if err != nil {
		return nil, err
	}
	counts := map[string]EcoCount{}
	for _, s := range series {
		counts[s.Period] = countsOf(s.Counts)
	}
	var ps []EcoPoint
	for d := start; d <= f.From && len(ps) < 12; d = d.AddMonths(step) {
		ps = append(ps, EcoPoint{name(d), counts[name(d)]})
	}
	return ps, nil
}

// districts are all districts of the city, those without data too, and the city
// itself where burials are recorded under it.
func (m *ReadModels) districts(ds []ecoratio.District) []EcoDistrict {
	counts := map[string]EcoCount{}
	for _, d := range ds {
		counts[string(d.Division)] = countsOf(d.Counts)
	}
	for key := range m.texts[Zh] {
		if code, ok := strings.CutPrefix(key, "division."); ok && code != string(city) {
			if _, told := counts[code]; !told {
				counts[code] = EcoCount{}
			}
		}
	}
	var all []EcoDistrict
	for code, c := range counts {
		all = append(all, EcoDistrict{Code: code, Name: Text{m.texts[Zh].label("division", code), m.texts[En].label("division", code)}, EcoCount: c})
	}
	slices.SortFunc(all, func(a, b EcoDistrict) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

// CreditIndex implements Source.
func (m *ReadModels) CreditIndex(ctx context.Context) (CreditIndex, error) {
	var p CreditIndex
	asOf, err := m.look(ctx, servicecredit.Name, func(tx *sql.Tx) error {
		r := servicecredit.Reader{DB: tx}
		standings, err := r.List(ctx, m.today())
		if err != nil {
			return err
		}
		for _, s := range standings {
			p.Rows = append(p.Rows, CreditIndexEntry{Code: string(s.Code), Kind: string(s.Kind), Grade: s.Grade, Name: Text{s.NameZh, s.NameEn},
				GradeName: m.grade(s.Grade, s.GradeZh), Fictitious: s.Fictitious, Published: s.Published})
		}
		p.Policy, err = m.policy(ctx, r, m.today())
		return err
	})
	p.AsOf = asOf
	return p, err
}

func (m *ReadModels) grade(letter, zh string) Text {
	if letter == "" {
		return Text{}
	}
	return Text{zh, m.texts[En].label("grade", letter)}
}

func (m *ReadModels) policy(ctx context.Context, r servicecredit.Reader, on domain.Date) (*CreditPolicy, error) {
	v, ok, err := r.PolicyOn(ctx, on)
	if err != nil || !ok {
		return nil, err
	}
	p := &CreditPolicy{Version: v.Version, From: v.EffectiveFrom, Base: v.Base}
	for _, g := range v.Grades {
		p.Grades = append(p.Grades, CreditGrade{g.Grade, m.grade(g.Grade, g.NameZh), g.Min, g.Max})
	}
	return p, nil
}

var errDayAhead = domain.Reject("day_ahead", "%s 还没有到，没有那天的等级。", "%s has not come yet; there is no grade for it.")

// Credit implements Source.
func (m *ReadModels) Credit(ctx context.Context, code string, on domain.Date) (Credit, error) {
	today := m.today()
	on = cmp.Or(on, today)
	if on > today {
		return Credit{}, errDayAhead.With(on)
	}
	p := Credit{Code: code, On: on, Past: on < today}
	asOf, err := m.look(ctx, servicecredit.Name, func(tx *sql.Tx) error {
		r := servicecredit.Reader{DB: tx}
		s, err := r.At(ctx, domain.CreditCode(code), on)
		if err != nil {
			return err
		}
		p.Kind, p.Name, p.Fictitious = string(s.Kind), Text{s.NameZh, s.NameEn}, s.Fictitious
		p.Grade, p.GradeName = s.Grade, m.grade(s.Grade, s.GradeZh)
		if p.Past {
			then, err := r.AsShown(ctx, domain.CreditCode(code), on)
			if err != nil {
				return err
			}
			if then.Grade != s.Grade {
				p.Then = &CreditThen{Grade: then.Grade}
				if v, ok, err := r.PolicyOn(ctx, on); err != nil {
					return err
				} else if ok && !then.Rated {
					p.Then.Recorded = domain.DateOf(v.Source.Recorded)
				}
			}
		}
		if p.Policy, err = m.policy(ctx, r, on); err != nil {
			return err
		}
		return m.public(ctx, r, on, &p)
	})
	p.AsOf = asOf
	return p, err
}

// public adds the entries that may be seen: those of the day, as far as they are
// on display today.
func (m *ReadModels) public(ctx context.Context, r servicecredit.Reader, on domain.Date, p *Credit) error {
	now, err := r.Public(ctx, domain.CreditCode(p.Code), m.today())
	if err != nil {
		return err
	}
	then, err := r.Public(ctx, domain.CreditCode(p.Code), on)
	if err != nil {
		return err
	}
	for _, e := range now {
		if !slices.ContainsFunc(then, func(o servicecredit.Entry) bool { return o.ID == e.ID }) {
			continue
		}
		name := Text{cmp.Or(e.RuleZh, e.Rule), e.RuleEn}
		if e.Bonus {
			p.Bonuses = append(p.Bonuses, CreditBonus{Rule: e.Rule, Name: name, Points: e.Points, Document: e.Document, From: e.DecidedOn, Until: e.PublicUntil})
			continue
		}
		p.Entries = append(p.Entries, CreditEntry{Rule: e.Rule, Name: name, Severity: string(e.Severity), Points: -e.Points,
			Document: e.Document, Decided: e.DecidedOn, Until: e.PublicUntil, Policy: e.Policy})
	}
	return nil
}
