package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A caseView is a case in front of somebody who may work on it.
type caseView struct {
	*visit
	handlers.Dossier
	now time.Time
}

// A deskAct is one thing that can be done with a case. Whether it may be done
// now is asked of the deciders themselves, with a candidate command on the
// folded state: the desk has no rules of its own.
type deskAct struct {
	name  string
	op    handlers.Operation
	group string
	// ask answers with nil where the act may be done, with errHide where there is
	// nothing to do, and else with why it may not.
	ask func(*caseView) error
	// tell shows the act on the case's page where it may not be done, with the
	// reason; else it is only left out.
	tell bool
	// fields are what its form asks for.
	fields func(*caseView) []field
	// facts are what the form shows before it asks.
	facts func(*caseView) []fact
	do    func(*caseView, domain.Act, form) (events.Receipt, error)
	// after is the page to go to; empty: the case's.
	after string
	// final marks what cannot be undone; minor what is seldom needed, and so has
	// no number key.
	final, minor bool
}

// errHide says that an act is not for now, which needs no explanation.
var errHide = errors.New("nothing to do")

// would asks a decider whether it would take cmd.
func would[S, C, E any](d domain.Decider[S, C, E], s S, cmd C) error {
	es, err := d.Decide(s, cmd)
	if err == nil && len(es) == 0 {
		return errHide
	}
	return err
}

// only hides an act unless when.
func only(when bool, ask func() error) error {
	if !when {
		return errHide
	}
	return ask()
}

// A field is one thing that a form asks for.
type field struct {
	Name, Kind string // text, id, phone, date, when, number, money, select, radio, check, checks, area, scan, items, password
	Value      string
	Values     []string // of checks
	Options    []option // of a select, a radio or checks; suggestions for what is typed
	Optional   bool
	Hint       string
	Err        string
	Max        int
	Rows       []itemRow // of items
	// Acts names the act whose form it is, for its label.
	Act string
}

// An option is one to choose from.
type option struct{ Value, Text string }

// An itemRow is one row of the price list in a form.
type itemRow struct {
	Code, Unit, Price, Limit string
	Name                     Text
	Block                    string
	Method                   string
	Quantity, Own, Reason    string
	Err                      string
}

// A fact is shown before a form asks.
type fact struct{ Label, Value string }

// A form is what somebody filled in.
type form struct {
	url.Values
	bad handlers.Fields
}

// text is a value without blanks around it.
func (f *form) value(name string) string { return strings.TrimSpace(f.Get(name)) }

func (f *form) on(name string) bool { return f.Get(name) != "" }

// fail notes what is wrong with a field.
func (f *form) fail(name string, err error) {
	f.bad = append(f.bad, handlers.Field{Location: name, Err: err})
}

var (
	errNumber = domain.Reject("number_needed", "请填一个数字。", "Please give a number.")
	errMoney  = domain.Reject("amount_needed", "请填金额，例如 560 或 560.50。", "Please give an amount, 560 or 560.50.")
	errWhen   = domain.Reject("time_needed", "请填日期和时间，例如 2026-11-23 09:30。", "Please give day and time, 2026-11-23 09:30.")
	errField  = domain.Reject("field_needed", "请填写这一项。", "Please fill this in.")
	errLong   = domain.Reject("field_too_long", "最多写 %d 个字。", "At most %d characters.")
)

// The most characters of a field that names no bound of its own, and of the
// reason for a late record.
const (
	maxText = 200
	maxLate = 200
)

// check holds what every field keeps to, whatever the browser let through: its
// length, and characters that can be seen. Only an area has lines.
func (f *form) check(fields ...field) {
	for _, x := range fields {
		switch x.Kind {
		case "items":
			for _, r := range x.Rows {
				f.check(field{Name: "qty." + r.Code}, field{Name: "own." + r.Code}, field{Name: "why." + r.Code})
			}
			continue
		case "checks":
			continue // codes, which the deciders know
		}
		s := f.value(x.Name)
		if x.Kind == "area" {
			s = strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(s)
		}
		most := cmp.Or(x.Max, maxText)
		if _, err := domain.CheckLine(s); err != nil {
			f.fail(x.Name, err)
		} else if utf8.RuneCountInString(s) > most {
			f.fail(x.Name, errLong.With(most))
		}
	}
}

func (f *form) number(name string) int {
	s := f.value(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		f.fail(name, errNumber)
	}
	return n
}

// money reads yuan, "560" or "560.50" or "1,732".
func (f *form) money(name string) domain.Money {
	s := f.value(name)
	if s == "" {
		return 0
	}
	m, ok := parseYuan(s)
	if !ok {
		f.fail(name, errMoney)
	}
	return m
}

// yuanForm is an amount as people write it. A comma parts thousands: "1,5" is
// not fifteen.
var yuanForm = regexp.MustCompile(`^([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.([0-9]{1,2}))?$`)

func parseYuan(s string) (domain.Money, bool) {
	m := yuanForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	y, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	if err != nil || y > 100_000_000 {
		return 0, false
	}
	fen, err := strconv.ParseInt((m[2] + "00")[:2], 10, 64)
	return domain.Yuan(y) + domain.Money(fen), err == nil
}

func (f *form) date(name string) domain.Date {
	s := f.value(name)
	if s == "" {
		return ""
	}
	d, err := domain.ParseDate(s)
	if err != nil {
		f.fail(name, err)
	}
	return d
}

// instant reads a local day and time; the zero time for none.
func (f *form) instant(name string) time.Time {
	s := strings.Replace(f.value(name), "T", " ", 1)
	if s == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", s[:min(len(s), 16)], domain.Shanghai)
	if err != nil {
		f.fail(name, errWhen)
	}
	return t
}

// citizen reads an ID number; empty for none.
func (f *form) citizen(name string) domain.CitizenID {
	s := f.value(name)
	if s == "" {
		return ""
	}
	id, err := domain.ParseCitizenID(s)
	if err != nil {
		f.fail(name, err)
	}
	return id
}

// caseOf folds the case of an address for somebody who may do op with it. That
// it was looked at, or that this was refused, is noted.
func (d *Desk) caseOf(v *visit, op handlers.Operation) (*caseView, error) {
	id, err := uuid.Parse(chi.URLParam(v.r, "case"))
	if err != nil || id == uuid.Nil {
		return nil, handlers.ErrNotFound
	}
	x, err := d.app.Dossier(v.ctx(), id)
	if err != nil {
		return nil, err
	}
	if err := handlers.Allow(v.actor, op, x.Case.Institution); err != nil {
		if handlers.Allow(v.actor, "view_case", x.Case.Institution) == nil {
			return nil, err // who may look at the case was refused an act, not a look
		}
		refused := domain.Act{ID: events.StepID(handlers.RequestID(v.ctx()), "refused"), By: v.actor.ID, Now: d.app.Now().UTC()}
		if _, noting := d.app.Looks.Handle(v.ctx(), id.String(), access.Refuse{Act: refused, What: access.File}); noting != nil {
			return nil, errors.Join(noting)
		}
		return nil, err
	}
	return &caseView{visit: v, Dossier: x, now: d.app.Now()}, nil
}

// look notes that the case's data are about to be shown.
func (c *caseView) look(what access.What, reason string) error {
	act := c.candidate()
	act.ID = events.StepID(handlers.RequestID(c.ctx()), "look "+string(what))
	_, err := c.desk.app.Look(c.ctx(), act, c.ID, what, reason)
	return err
}

// anything stands in a candidate command for what a form will ask: it is asked
// whether the act may be done, not what will be written.
const anything = "x"

// candidate is an act that is only thought of.
func (c *caseView) candidate() domain.Act {
	return domain.Act{ID: uuid.Must(uuid.NewV7()), By: c.actor.ID, Now: c.now.UTC(), At: c.now.UTC()}
}

// may asks whether the account may do the act at all, and whether it may be
// done now.
func (c *caseView) may(a *deskAct) error {
	err := a.ask(c)
	if err == errHide {
		return err
	}
	if denied := handlers.Allow(c.actor, a.op, c.Case.Institution); denied != nil {
		switch {
		case a.group != "cremation": // others do it
			return errHide
		case err == nil:
			return denied
		}
	}
	return err
}

// options names codes.
func options[T ~string](c *caseView, kind string, codes []T) []option {
	var os []option
	for _, x := range codes {
		os = append(os, option{string(x), c.label(kind, x)})
	}
	return os
}

// An actPage is the form of one act.
type actPage struct {
	Case    caseHead
	Name    string // of the act
	To      string
	Token   string
	By      string
	Fields  []field
	Facts   []fact
	Final   bool
	When    field
	Refused *handlers.Problem
	// LateReason and the rest say when it happened, where it was not now.
	Unknown, Estimated bool
	Late               string
	Open               bool // the part about the time is open
	Alternatives       []option
}

func (d *Desk) find(name string) (*deskAct, bool) {
	i := slices.IndexFunc(deskActs, func(a *deskAct) bool { return a.name == name })
	if i < 0 {
		return nil, false
	}
	return deskActs[i], true
}

// actForm shows the form of an act.
func (d *Desk) actForm(v *visit) error {
	a, ok := d.find(chi.URLParam(v.r, "act"))
	if !ok {
		return handlers.ErrNotFound
	}
	c, err := d.caseOf(v, a.op)
	if err != nil {
		return err
	}
	if err := c.look(access.File, ""); err != nil {
		return err
	}
	p := c.page(a, uuid.Must(uuid.NewV7()).String())
	if err := a.ask(c); err != nil {
		return d.sendAct(v, statusOf(c.shown(err)), c.refused(p, err))
	}
	return d.sendAct(v, http.StatusOK, p)
}

func statusOf(p *handlers.Problem) int { return p.Status }

func (d *Desk) sendAct(v *visit, status int, p actPage) error {
	return d.sendAs(v, status, "desk-act", "/desk/cases", p, nil)
}

func (c *caseView) page(a *deskAct, token string) actPage {
	p := actPage{Case: c.head(), Name: a.name, To: "/desk/cases/" + c.ID.String() + "/" + a.name, Token: token, By: c.actor.ID, Final: a.final}
	if a.fields != nil {
		p.Fields = a.fields(c)
	}
	for i := range p.Fields {
		p.Fields[i].Act = a.name
	}
	if a.facts != nil {
		p.Facts = a.facts(c)
	}
	return p
}

// shown is an error as the page tells it.
func (c *caseView) shown(err error) *handlers.Problem {
	if err == errHide {
		err = errNothing
	}
	return handlers.RequestProblem(c.ctx(), err)
}

var errNothing = domain.Reject("nothing_to_do", "这一步已经办过，或者现在不需要。", "This has been done, or is not needed now.")

// refused puts why nothing was done on the form. What is wrong with a field
// stands at the field.
func (c *caseView) refused(p actPage, err error) actPage {
	p.Refused = c.shown(err)
	mark(p.Refused, p.Fields)
	for k, e := range p.Refused.Errors {
		for i := range p.Fields {
			for j := range p.Fields[i].Rows {
				row := &p.Fields[i].Rows[j]
				if p.Fields[i].Kind == "items" && slices.Contains([]string{"qty." + row.Code, "own." + row.Code, "why." + row.Code}, e.Location) {
					row.Err, p.Refused.Errors[k].Label = e.Detail, c.in(row.Name)
				}
			}
		}
	}
	for _, x := range p.Refused.Alternatives {
		name := x.Resource
		if r, ok := c.Institution.Resource(x.Resource); ok {
			name = c.in(Text{r.NameZh, r.NameEn})
		}
		p.Alternatives = append(p.Alternatives, option{x.Resource + " " + x.Start.In(domain.Shanghai).Format("2006-01-02 15:04"), name + " " + domain.FormatTime(x.Start)})
	}
	return p
}

// deskAtField is the field of the desk's forms that a rule's "no" is about.
var deskAtField = map[string]string{
	domain.ErrCitizenID.Code: "citizen_id", booking.ErrDocument.Code: "document_number", booking.ErrDeathDate.Code: "death_day",
	oversight.ErrPenaltyOfficers.Code: "second", oversight.ErrPenaltyStranger.Code: "second", domain.ErrDivision.Code: "hukou", booking.ErrNationality.Code: "nationality",
}

// mark puts what is wrong at the fields that it is about. A rule's "no" that
// names no field is listed with the one it is about, where the form asks for it.
func mark(p *handlers.Problem, forms ...[]field) {
	has := func(name string) bool {
		return slices.ContainsFunc(forms, func(fs []field) bool {
			return slices.ContainsFunc(fs, func(f field) bool { return f.Name == name })
		})
	}
	if at := deskAtField[p.Code]; len(p.Errors) == 0 && at != "" && has(at) {
		p.Errors = []handlers.FieldError{{Location: at, Code: p.Code, Detail: p.Detail}}
	}
	for _, e := range p.Errors {
		for _, fs := range forms {
			for i := range fs {
				if fs[i].Name == e.Location {
					fs[i].Err = e.Detail
				}
			}
		}
	}
}

// typed puts what was filled in back into the form.
func (p *actPage) typed(f form) {
	for i := range p.Fields {
		x := &p.Fields[i]
		switch x.Kind {
		case "checks":
			x.Values = f.Values[x.Name]
		case "password":
		case "items":
			for j := range x.Rows {
				r := &x.Rows[j]
				r.Quantity, r.Own, r.Reason = f.Get("qty."+r.Code), f.Get("own."+r.Code), f.Get("why."+r.Code)
			}
		default:
			x.Value = f.Get(x.Name)
		}
	}
	p.When.Value, p.Late = f.Get("at"), f.Get("late")
	p.Unknown, p.Estimated = f.on("unknown"), f.on("estimated")
	p.Open = p.When.Value != "" || p.Late != "" || p.Unknown || p.Estimated
}

// doAct does an act and goes on to the page that shows it (303). A refusal
// shows the same form again, with what was typed.
func (d *Desk) doAct(v *visit) error {
	a, ok := d.find(chi.URLParam(v.r, "act"))
	if !ok {
		return handlers.ErrNotFound
	}
	if err := v.form(); err != nil {
		return err
	}
	c, err := d.caseOf(v, a.op)
	if err != nil {
		return err
	}
	if err := c.look(access.File, ""); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	token := f.Get("token")
	act, err := d.act(v, token)
	if err != nil {
		return err
	}
	again := func(err error) error {
		p := c.page(a, token)
		p.typed(f)
		p = c.refused(p, err)
		return d.sendAct(v, p.Refused.Status, p)
	}
	if at := f.instant("at"); !at.IsZero() {
		act.At = at.UTC()
	}
	if f.on("unknown") {
		act.At = time.Time{}
	}
	act.Estimated, act.LateReason = f.on("estimated") && !act.At.IsZero(), f.value("late")
	act.LateLimit = c.Parameters.Duration("late_limit_hours")
	f.check(field{Name: "late", Max: maxLate})
	for _, x := range c.page(a, token).Fields {
		f.check(x)
		if x.Kind == "scan" {
			f.Set(x.Name, f.scan(x.Name))
		}
		if !x.Optional && x.Kind != "check" && x.Kind != "checks" && x.Kind != "items" && f.value(x.Name) == "" {
			f.fail(x.Name, errField)
		}
	}
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	rc, err := a.do(c, act, f)
	if err != nil {
		if p := handlers.ProblemOf(err, string(v.view.Lang)); p.Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	d.settled(v.ctx(), rc)
	if d.sessions.Peek(v.ctx(), "notice") == "" {
		c.say(c.text("desk.done", c.label("act", a.name)))
	}
	return see(v, cmp.Or(strings.ReplaceAll(a.after, "{case}", c.ID.String()), "/desk/cases/"+c.ID.String()))
}
