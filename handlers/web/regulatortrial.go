package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/handlers"
	"shenzhong/projections/servicecredit"
)

// A version of the credit policy is tried before it is adopted: what it would
// make of every ledger on a day, by the code that scores. Only its adoption is
// recorded.

// maxPolicy is how long a version may be, in bytes. The one that the program
// brings along has about 20,000.
const maxPolicy = 256 << 10

// The limit of a figure in the form; a policy's scores have three digits.
const maxFigure = 10000

var errNoPolicy = domain.Reject("policy_needed", "请选一个规则文件，或把内容贴在框里。", "Please choose a file of the policy, or paste its text.")

// A trialPage tries a version: one that is handed in, or one in force with other
// figures.
type trialPage struct {
	To string
	// From is the version whose figures the form shows.
	From    string
	Fields  []field
	Rules   []trialRule
	On      domain.Date
	Kept    string // the version that the form changes
	Text    string // what was pasted
	Refused *handlers.Problem

	// After a trial:
	Tried    *credit.PolicyVersion
	Before   string // the version in force on the day
	Rows     []trialRow
	Scores   int // institutions whose score would be another
	Grades   int // … whose grade would
	Token    string
	CanAdopt bool
	NotYet   *handlers.Problem // why it could not be adopted
	AsOf     AsOf
}

// A trialRule is the points and the cap of a rule, or the points of a bonus.
type trialRule struct {
	Code        string
	Name        Text
	Points, Cap field
	Bonus       bool
}

// A trialRow is what a version makes of one institution.
type trialRow struct {
	Code domain.CreditCode
	Name Text
	credit.Trial
	Shifts []trialShift
}

// Rated says that a version was in force on the day.
func (r trialRow) Rated() bool { return r.Now.Policy != "" }

// Regraded says that the grade would be another.
func (r trialRow) Regraded() bool { return r.Rated() && r.Now.Grade != r.Proposed.Grade }

// Rescored says that the score would be.
func (r trialRow) Rescored() bool { return r.Rated() && r.Now.Score != r.Proposed.Score }

type trialShift struct {
	credit.Shift
	Name Text
}

// By is points as a ledger writes them.
func (trialShift) By(n int) string {
	if n == 0 {
		return "0"
	}
	return signed(n)
}

// trialFigures are the fields of a version besides its rules.
var trialFigures = []struct {
	name string
	of   func(*credit.PolicyVersion) *int
}{
	{"base", func(p *credit.PolicyVersion) *int { return &p.Base }},
	{"bonus_cap", func(p *credit.PolicyVersion) *int { return &p.BonusCap }},
	{"bonus_months", func(p *credit.PolicyVersion) *int { return &p.BonusMonths }},
	{"escalate_nth", func(p *credit.PolicyVersion) *int { return &p.EscalateNth }},
	{"escalate_months", func(p *credit.PolicyVersion) *int { return &p.EscalateMonths }},
}

// show puts a version into the form; another than the one in force has a name
// and a day of its own.
func (p *trialPage) show(v credit.PolicyVersion, named bool) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.Kept, p.From = string(text), v.Version
	version, day := field{Name: "policy_version", Kind: "text", Max: 60, Hint: "policy_version", Act: "trial"}, field{Name: "effective_from", Kind: "date", Hint: "effective_from", Act: "trial"}
	if named {
		version.Value, day.Value = v.Version, string(v.EffectiveFrom)
	}
	p.Fields = []field{version, day}
	figure := func(name string, n int) field {
		return field{Name: name, Kind: "number", Value: strconv.Itoa(n), Max: 5, Act: "trial"}
	}
	for _, x := range trialFigures {
		p.Fields = append(p.Fields, figure(x.name, *x.of(&v)))
	}
	p.Rules = nil
	for _, r := range v.Rules {
		p.Rules = append(p.Rules, trialRule{Code: r.Code, Name: Text{r.NameZh, r.NameEn}, Points: figure("points."+r.Code, r.Points), Cap: figure("cap."+r.Code, r.PeriodCap)})
	}
	for _, b := range v.Bonuses {
		p.Rules = append(p.Rules, trialRule{Code: b.Code, Name: Text{b.NameZh, b.NameEn}, Points: figure("points."+b.Code, b.Points), Bonus: true})
	}
	return nil
}

// read is the version that the form asks for: the one it began with, with the
// figures that were filled in. What was typed stays in the form.
func (p *trialPage) read(f *form) (credit.PolicyVersion, error) {
	from, err := credit.ReadPolicy([]byte(f.Get("kept")))
	if err != nil {
		return from, err
	}
	if err := p.show(from, false); err != nil {
		return from, err
	}
	from.Rules, from.Bonuses = slices.Clone(from.Rules), slices.Clone(from.Bonuses)
	typed := func(x *field) { x.Value = f.value(x.Name) }
	figure := func(x *field, to *int) {
		typed(x)
		f.check(*x)
		if x.Value == "" {
			f.fail(x.Name, errField)
		}
		if *to = f.number(x.Name); *to < 0 || *to > maxFigure {
			f.fail(x.Name, errNumber)
		}
	}
	for i := range p.Fields[:2] {
		typed(&p.Fields[i])
		if p.Fields[i].Value == "" {
			f.fail(p.Fields[i].Name, errField)
		}
	}
	f.check(p.Fields[:2]...)
	from.Version, from.EffectiveFrom = f.value("policy_version"), f.date("effective_from")
	for i, x := range trialFigures {
		figure(&p.Fields[2+i], x.of(&from))
	}
	for i := range from.Rules {
		figure(&p.Rules[i].Points, &from.Rules[i].Points)
		figure(&p.Rules[i].Cap, &from.Rules[i].PeriodCap)
	}
	for i := range from.Bonuses {
		figure(&p.Rules[len(from.Rules)+i].Points, &from.Bonuses[i].Points)
	}
	return from, f.bad.Or()
}

// mark puts what is wrong beside its field, and names a rule by its code.
func (p *trialPage) mark(v *visit) {
	mark(p.Refused, p.Fields)
	for i, e := range p.Refused.Errors {
		if what, code, ok := strings.Cut(e.Location, "."); ok {
			p.Refused.Errors[i].Label = code + " " + v.label("trialfigure", what)
		} else {
			p.Refused.Errors[i].Label = v.label("field", "trial."+e.Location)
		}
		for j := range p.Rules {
			for _, x := range []*field{&p.Rules[j].Points, &p.Rules[j].Cap} {
				if x.Name == e.Location {
					x.Err = e.Detail
				}
			}
		}
	}
}

// trialOf is the page before anything was asked.
func (d *Desk) trialOf(v *visit) (*trialPage, credit.PolicyState, error) {
	today := domain.DateOf(d.app.Now())
	p := &trialPage{To: "/regulator/credit/trial", On: today, CanAdopt: handlers.Allow(v.actor, "adopt_credit_policy", "") == nil}
	ps, _, err := d.app.CreditPolicies.Load(v.ctx(), d.app.PolicyID)
	if err != nil {
		return nil, ps, err
	}
	from, ok := ps.InForce(today)
	if !ok {
		from = credit.Default()
	}
	return p, ps, p.show(from, false)
}

func (d *Desk) trialForm(v *visit) error {
	p, _, err := d.trialOf(v)
	if err != nil {
		return err
	}
	return d.send(v, "credit-trial", "/regulator/credit", p, nil)
}

// trialDo tries a version, or adopts one that was tried.
func (d *Desk) trialDo(v *visit) error {
	p, ps, err := d.trialOf(v)
	if err != nil {
		return err
	}
	if err := trialRequest(v); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	refused := func(err error) error {
		p.Refused = handlers.RequestProblem(v.ctx(), err)
		if p.Refused.Status == http.StatusInternalServerError {
			return err
		}
		p.mark(v)
		return d.sendAs(v, p.Refused.Status, "credit-trial", "/regulator/credit", p, nil)
	}
	on := f.date("on")
	p.On = cmp.Or(on, p.On)
	if err := f.bad.Or(); err != nil {
		return refused(err)
	}
	if today := domain.DateOf(d.app.Now()); p.On > today {
		return refused(errDayAhead.With(p.On))
	}
	var next credit.PolicyVersion
	switch f.Get("do") {
	case "file":
		p.Text = f.Get("text")
		text, err := trialText(v, p.Text)
		if err == nil {
			next, err = credit.ReadPolicy(text)
		}
		if err != nil {
			return refused(err)
		}
		if err := p.show(next, true); err != nil {
			return err
		}
	case "adopt":
		if next, err = credit.ReadPolicy([]byte(f.Get("kept"))); err != nil {
			return refused(err)
		}
		if err := p.show(next, true); err != nil {
			return err
		}
		return d.adoptTried(v, f, next, refused)
	default:
		if next, err = p.read(&f); err != nil {
			return refused(err)
		}
	}
	if err := d.try(v, p, ps, next); err != nil {
		if _, said := errors.AsType[*domain.Rejection](err); said {
			return refused(err)
		}
		return err
	}
	return d.send(v, "credit-trial", "/regulator/credit", p, &p.AsOf)
}

// adoptTried puts a version in force that was tried.
func (d *Desk) adoptTried(v *visit, f form, next credit.PolicyVersion, refused func(error) error) error {
	if err := handlers.Allow(v.actor, "adopt_credit_policy", ""); err != nil {
		return err
	}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	rc, err := d.app.AdoptCreditPolicy(v.ctx(), credit.Adopt{Act: act, PolicyVersion: next})
	if err != nil {
		return refused(err)
	}
	if d.app.Wait != nil && rc.Position != 0 {
		_ = d.app.Wait(v.ctx(), servicecredit.Name, rc.Position) // the list says how old it is
	}
	v.say(v.text("trial.adopted", next.Version, string(next.EffectiveFrom)))
	return see(v, "/regulator/credit")
}

// try computes what a version would make of every ledger.
func (d *Desk) try(v *visit, p *trialPage, ps credit.PolicyState, next credit.PolicyVersion) error {
	all, asOf, err := d.data.Standings(v.ctx(), p.On, "")
	if err != nil {
		return err
	}
	var codes []domain.CreditCode
	for _, x := range all {
		codes = append(codes, x.Code)
	}
	trials, err := d.app.TryCreditPolicy(v.ctx(), next, codes, p.On)
	if err != nil {
		return err
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	p.Tried, p.Kept, p.From, p.AsOf, p.Token = &next, string(text), next.Version, asOf, uuid.Must(uuid.NewV7()).String()
	for i, t := range trials {
		r := trialRow{Code: all[i].Code, Name: Text{all[i].NameZh, all[i].NameEn}, Trial: t}
		for _, s := range t.Shifts() {
			own, _ := ps.Version(s.Policy)
			r.Shifts = append(r.Shifts, trialShift{s, ruleName(own, s.Entry)})
		}
		p.Before = t.Now.Policy
		if r.Rescored() {
			p.Scores++
		}
		if r.Regraded() {
			p.Grades++
		}
		p.Rows = append(p.Rows, r)
	}
	now := d.app.Now().UTC()
	err = would(credit.Policy, ps, credit.PolicyCommand(credit.Adopt{Act: domain.Act{ID: uuid.Must(uuid.NewV7()), By: v.actor.ID, Now: now, At: now}, PolicyVersion: next}))
	if err == errHide { // it is in force already
		err = credit.ErrPolicyChanged.With(next.Version)
	}
	if err != nil {
		p.NotYet = handlers.RequestProblem(v.ctx(), err)
	}
	return nil
}

// trialRequest reads the form with or without a file.
func trialRequest(v *visit) error {
	if !strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/form-data") {
		return v.form()
	}
	if err := v.r.ParseMultipartForm(maxPolicy); err != nil {
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return large
		}
		return handlers.ErrMalformedForm
	}
	return v.form()
}

// trialText is the file, or what was pasted.
func trialText(v *visit, pasted string) ([]byte, error) {
	text := []byte(pasted)
	if m := v.r.MultipartForm; m != nil {
		defer m.RemoveAll()
		if sent := m.File["file"]; len(sent) > 0 && sent[0].Size > 0 {
			file, err := sent[0].Open()
			if err != nil {
				return nil, err
			}
			defer file.Close()
			if text, err = io.ReadAll(io.LimitReader(file, maxPolicy+1)); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(text) > maxPolicy:
		return nil, &http.MaxBytesError{Limit: maxPolicy}
	case strings.TrimSpace(string(text)) == "":
		return nil, errNoPolicy
	case !utf8.Valid(text):
		return nil, credit.ErrPolicyUnreadable.With("UTF-8")
	}
	return text, nil
}
