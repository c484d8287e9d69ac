package web

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/oversight"
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

// lookPrices asks the price pages.
func (m *ReadModels) lookPrices(ctx context.Context, ask func(pricepages.Reader) error) (AsOf, error) {
	return m.look(ctx, pricepages.Name, func(tx *sql.Tx) error { return ask(pricepages.Reader{DB: tx}) })
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
		if p.Policy, err = m.policy(ctx, r, m.today()); err != nil {
			return err
		}
		duties, err := r.Duties(ctx, "")
		if err != nil {
			return err
		}
		p.Duties = countDuties(duties, m.today())
		return nil
	})
	p.AsOf = asOf
	return p, err
}

// countDuties counts deadlines by kind, those that there were.
func countDuties(ds []credit.Duty, today domain.Date) (counts []CreditDutyCount) {
	for _, kind := range credit.DutyKinds {
		c := CreditDutyCount{Kind: kind}
		for _, d := range ds {
			late := d.Late(today) > 0
			switch {
			case d.Kind != kind:
			case d.Done == "" && late:
				c.Overdue++
			case d.Done == "":
				c.Open++
			case late:
				c.Late++
			default:
				c.Kept++
			}
		}
		if c != (CreditDutyCount{Kind: kind}) {
			counts = append(counts, c)
		}
	}
	return counts
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
	if err != nil || p.Past {
		return p, err
	}
	_, err = m.look(ctx, oversight.Name, func(tx *sql.Tx) error {
		r, of := oversight.Reader{DB: tx}, domain.CreditCode(code)
		xs, err := r.Results(ctx, "", of)
		if err != nil {
			return err
		}
		p.Results = publicResults(xs, on)
		said, err := ratingsOf(on, func(from, until domain.Date) ([5]int, error) { return r.Ratings(ctx, of, from, until) })
		p.Ratings = &said
		return err
	})
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
			Document: e.Document, Decided: e.DecidedOn, Until: e.PublicUntil, Repairable: e.RepairableFrom, Disputed: e.Disputed, RepairBy: e.RepairBy,
			Policy: e.Policy, Event: e.Source.ID})
		if e.BasisFound {
			p.Entries[len(p.Entries)-1].Basis = e.Basis
		}
	}
	if p.Past {
		return nil
	}
	duties, err := r.PublicDuties(ctx, domain.CreditCode(p.Code), on)
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(duties) {
		p.Duties = append(p.Duties, CreditDuty{d.Kind, d.Since, d.Due, d.Done, d.Late(on)})
	}
	revoked, err := r.Revoked(ctx, domain.CreditCode(p.Code), on)
	for _, e := range slices.Backward(revoked) {
		p.Revoked = append(p.Revoked, CreditRevoked{e.Revocation, e.RevokedOn, e.Reason})
	}
	return err
}
