package web

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/oversight"
)

// An OversightSource answers what the pages of complaints and follow-ups list.
type OversightSource interface {
	// Matters are those of a kind, of one institution or of all for "".
	Matters(ctx context.Context, kind string, of domain.CreditCode) (open, ended []oversight.Matter, asOf AsOf, err error)
	// Results are what visits and penalties came to.
	Results(ctx context.Context, kind string, of domain.CreditCode) ([]oversight.Result, AsOf, error)
	// OversightDuties are the terms that ran on a day.
	OversightDuties(ctx context.Context, on, known domain.Date) ([]oversight.Due, error)
}

// Matters implements OversightSource.
func (m *ReadModels) Matters(ctx context.Context, kind string, of domain.CreditCode) (open, ended []oversight.Matter, asOf AsOf, err error) {
	asOf, err = m.look(ctx, oversight.Name, func(tx *sql.Tx) (err error) {
		open, ended, err = oversight.Reader{DB: tx}.List(ctx, kind, of)
		return err
	})
	return open, ended, asOf, err
}

// Results implements OversightSource and FamilySource.
func (m *ReadModels) Results(ctx context.Context, kind string, of domain.CreditCode) (xs []oversight.Result, asOf AsOf, err error) {
	asOf, err = m.look(ctx, oversight.Name, func(tx *sql.Tx) (err error) {
		xs, err = oversight.Reader{DB: tx}.Results(ctx, kind, of)
		return err
	})
	return xs, asOf, err
}

// OversightDuties implements OversightSource.
func (m *ReadModels) OversightDuties(ctx context.Context, on, known domain.Date) (ds []oversight.Due, err error) {
	_, err = m.look(ctx, oversight.Name, func(tx *sql.Tx) (err error) {
		ds, err = oversight.Reader{DB: tx}.DutiesOn(ctx, on, known)
		return err
	})
	return ds, err
}

// A watchKind is a kind of matter; path is the last part of its list's address.
type watchKind struct {
	kind, path string
	desk       bool // an institution has them on its desk
}

// The kinds of matters and their pages: an institution's own under /desk, the
// authority's under /regulator.
var watchKinds = []watchKind{{domainoversight.ComplaintCategory, "complaints", true}, {domainoversight.ReviewCategory, "reviews", true},
	{domainoversight.InspectionCategory, "inspections", false}, {domainoversight.PenaltyCategory, "penalties", false}}

// watchPath is the last part of the address of a kind's list.
func watchPath(kind string) string {
	return watchKinds[slices.IndexFunc(watchKinds, func(k watchKind) bool { return k.kind == kind })].path
}

func (d *Desk) oversightPages() (ps []deskPage) {
	for _, k := range watchKinds {
		for _, front := range []struct {
			at string
			op handlers.Operation
		}{{"/desk/", handlers.Operation("view_" + k.path)}, {"/regulator/", "view_regulator"}} {
			if front.at == "/desk/" && !k.desk {
				continue
			}
			at := front.at + k.path
			ps = append(ps,
				deskPage{http.MethodGet, at, front.op, func(v *visit) error { return d.watchList(v, k.kind, at) }},
				deskPage{http.MethodGet, at + "/{id}", front.op, func(v *visit) error { return d.watchItem(v, k.kind, at) }},
				deskPage{http.MethodGet, at + "/{id}/{act}", front.op, func(v *visit) error { return d.watchForm(v, k.kind, at) }},
				deskPage{http.MethodPost, at + "/{id}/{act}", front.op, func(v *visit) error { return d.doWatch(v, k.kind, at) }})
		}
	}
	return ps
}

// oversightPageNames are their templates, drawn in the frame of the desk.
var oversightPageNames = []string{"oversight-list", "oversight-item", "oversight-act"}

// A watchList is what is open and what is over.
type watchList struct {
	Kind, At    string
	City        bool // of all institutions
	Today       domain.Date
	Open, Ended []watchRow
	Overdue     int
	Begin       string // the act that begins a new one, if this account may
	AsOf        AsOf
}

type watchRow struct {
	oversight.Matter
	Name     Text
	Duties   []dutyLine
	Progress *roundProgress // of a round of inspections that was drawn
}

// A roundProgress says how many of the institutions that were drawn were visited,
// and of how many the result was published.
type roundProgress struct{ Drawn, Visited, Published int }

// endedShown is how many of those that are over a page lists.
const endedShown = 50

func (d *Desk) watchList(v *visit, kind, at string) error {
	l := watchList{Kind: kind, At: at, City: strings.HasPrefix(at, "/regulator"), Today: domain.DateOf(d.app.Now())}
	of := domain.CreditCode(v.institution())
	if v.actor.Institution == handlers.Everywhere {
		of = ""
	}
	open, ended, asOf, err := d.data.Matters(v.ctx(), kind, of)
	if err != nil {
		return err
	}
	l.AsOf = asOf
	l.Begin = begins[kind]
	progress := map[string]*roundProgress{}
	if kind == domainoversight.InspectionCategory {
		results, _, err := d.data.Results(v.ctx(), kind, "")
		if err != nil {
			return err
		}
		for _, x := range results {
			p := progress[x.ID]
			if p == nil {
				p = &roundProgress{}
				progress[x.ID] = p
			}
			p.Drawn++
			if x.On != "" {
				p.Visited++
			}
			if x.From != "" {
				p.Published++
			}
		}
	}
	names := map[domain.CreditCode]Text{}
	row := func(m oversight.Matter) (watchRow, error) {
		if _, ok := names[m.Institution]; !ok {
			x, err := d.app.Overseen(v.ctx(), m.Institution)
			if err != nil && !errors.Is(err, handlers.ErrNotFound) {
				return watchRow{}, err
			}
			names[m.Institution] = Text{x.NameZh, x.NameEn}
		}
		duties, missed := m.Duties, m.Missed
		if kind == domainoversight.InspectionCategory { // the step names the institution
			duties, m.Missed = publishing(duties), publishing(missed)
		}
		return watchRow{m, names[m.Institution], dutyLines(duties, l.Today), progress[m.ID]}, nil
	}
	for _, m := range open {
		if !l.City && kind == domainoversight.ComplaintCategory && (m.State == "filed" || m.State == "acknowledged") {
			continue // not sent to the institution
		}
		r, err := row(m)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(r.Duties, func(x dutyLine) bool { return x.Late > 0 }) {
			l.Overdue++
		}
		l.Open = append(l.Open, r)
	}
	for _, m := range ended[:min(len(ended), endedShown)] {
		r, err := row(m)
		if err != nil {
			return err
		}
		l.Ended = append(l.Ended, r)
	}
	return d.send(v, "oversight-list", at, l, &l.AsOf)
}

// A watchAct is one thing that can be done with a matter. The decider is asked
// whether it may be done now.
type watchAct struct {
	name   string
	op     handlers.Operation
	fields []field
	ask    func(m *matter, act domain.Act) error
	do     func(m *matter, act domain.Act, f form) (events.Receipt, error)
	// prepare fills in what its form needs to know, where it takes looking up.
	prepare func(fields []field) error
}

// A matter is one complaint, follow-up, round of inspections or penalty in front
// of somebody; or the one that is to begin.
type matter struct {
	*visit
	key        string // in its address: id, or number of the round; "new"
	id         uuid.UUID
	of         domain.CreditCode
	complaint  domainoversight.ComplaintState
	review     domainoversight.ReviewState
	inspection domainoversight.InspectionState
	penalty    domainoversight.PenaltyState
}

// begins is the act that begins a matter of a kind, where officers begin it, in
// place of an id in its address.
var begins = map[string]string{domainoversight.InspectionCategory: "commit", domainoversight.PenaltyCategory: "propose"}

// A watchAction is the form of an act.
type watchAction struct {
	Name, To, Back, Token, By string
	Institution               Text
	Fields                    []field
	Refused                   *handlers.Problem
}

// A watchItem is one matter's page.
type watchItem struct {
	Kind, Back string
	Name       Text
	Case       string // that it is about, for who may open it
	Facts      []fact
	Said       []quote
	Duties     []dutyLine
	Missed     []domainoversight.Duty
	Acts       []string
	At         string
	Title      string // instead of the institution's name
	Round      *inspectionPage
}

// A quote is somebody's own words.
type quote struct{ Label, Text string }

func words(name string, optional bool) field {
	return field{Name: name, Kind: "area", Max: maxComplaint, Optional: optional}
}

// choices names the codes of a select.
func choices[T ~string](v *visit, kind string, codes []T) (os []option) {
	for _, c := range codes {
		os = append(os, option{string(c), v.label(kind, c)})
	}
	return os
}

// thought is what a candidate says where the form will ask.
func thought(f form, name string) string {
	if s := f.value(name); s != "" || f.Has("token") {
		return s
	}
	return anything
}

// acts are what may be done with a matter of a kind, in the order in which it
// goes.
func (d *Desk) acts(m *matter, kind string) []watchAct {
	switch kind {
	case domainoversight.InspectionCategory:
		return d.inspectionActs(m)
	case domainoversight.PenaltyCategory:
		return d.penaltyActs(m)
	}
	app, id := d.app, m.id
	of := domain.Personal[string]
	who := m.complaint.Filed.Text.Subject()
	complaint := func(name string, op handlers.Operation, cmd func(domain.Act, form) domainoversight.ComplaintCommand, fields ...field) watchAct {
		return watchAct{name, op, fields, func(m *matter, act domain.Act) error {
			return would(domainoversight.Complaint, m.complaint, cmd(act, form{Values: map[string][]string{}}))
		}, func(_ *matter, act domain.Act, f form) (events.Receipt, error) {
			return app.Complaints.Handle(m.ctx(), id.String(), cmd(act, f))
		}, nil}
	}
	review := func(name string, op handlers.Operation, cmd func(domain.Act, form) domainoversight.ReviewCommand, fields ...field) watchAct {
		return watchAct{name, op, fields, func(m *matter, act domain.Act) error {
			return would(domainoversight.Review, m.review, cmd(act, form{Values: map[string][]string{}}))
		}, func(_ *matter, act domain.Act, f form) (events.Receipt, error) {
			return app.FollowReview(m.ctx(), id, nil, cmd(act, f))
		}, nil}
	}
	today := domain.DateOf(app.Now())
	if kind == domainoversight.ReviewCategory {
		return []watchAct{
			review("contact", "contact_reviewer", func(a domain.Act, f form) domainoversight.ReviewCommand {
				return domainoversight.ContactReviewer{Act: a, Reached: f.on("reached")}
			}, field{Name: "reached", Kind: "check"}),
			review("extend", "extend_review", func(a domain.Act, f form) domainoversight.ReviewCommand {
				return domainoversight.ExtendReview{Act: a, Reason: thought(f, "reason"), Days: 1}
			}, field{Name: "reason", Kind: "text"}),
			review("resolve", "resolve_review", func(a domain.Act, f form) domainoversight.ReviewCommand {
				return domainoversight.ResolveReview{Act: a, Unable: f.on("unable") || !f.Has("token"), Note: thought(f, "note"), CheckDays: 1}
			}, field{Name: "note", Kind: "text", Max: 300}, field{Name: "unable", Kind: "check"}),
			review("check", "check_review", func(a domain.Act, f form) domainoversight.ReviewCommand {
				return domainoversight.CheckReview{Act: a, Sound: f.value("sound") != "no", Justified: f.on("justified"), Reason: f.value("reason"), ResolveDays: 1}
			}, field{Name: "sound", Kind: "radio", Value: "yes", Options: choices(m.visit, "sound", []string{"yes", "no"})}, field{Name: "justified", Kind: "check"}, field{Name: "reason", Kind: "text", Optional: true}),
			review("exclude", "exclude_review", func(a domain.Act, f form) domainoversight.ReviewCommand {
				g := domainoversight.ExclusionGround(f.value("ground"))
				if !f.Has("token") {
					g = domainoversight.ByMistake
				}
				return domainoversight.ExcludeReview{Act: a, Ground: g, Document: thought(f, "document")}
			}, field{Name: "ground", Kind: "select", Options: choices(m.visit, "exclusion", domainoversight.ExclusionGrounds)}, field{Name: "document", Kind: "text"}),
		}
	}
	forward := complaint("forward", "forward_complaint", func(a domain.Act, _ form) domainoversight.ComplaintCommand {
		return domainoversight.ForwardComplaint{Act: a, AnswerDays: 1}
	})
	forward.do = func(_ *matter, act domain.Act, _ form) (events.Receipt, error) {
		return app.ForwardComplaint(m.ctx(), id, nil, act)
	}
	return []watchAct{
		complaint("acknowledge", "acknowledge_complaint", func(a domain.Act, _ form) domainoversight.ComplaintCommand {
			return domainoversight.AcknowledgeComplaint{Act: a}
		}),
		forward,
		complaint("answer", "answer_complaint", func(a domain.Act, f form) domainoversight.ComplaintCommand {
			return domainoversight.AnswerComplaint{Act: a, Answer: of(who, thought(f, "answer"))}
		}, words("answer", false)),
		complaint("decide", "decide_complaint", func(a domain.Act, f form) domainoversight.ComplaintCommand {
			c := domainoversight.DecideComplaint{Act: a, Upheld: f.value("upheld") == "yes", Document: thought(f, "document"), DecidedOn: f.date("decided_on")}
			if !f.Has("token") {
				c.DecidedOn = today
			}
			if s := f.value("finding"); s != "" {
				c.Finding = of(who, s)
			}
			return c
		}, field{Name: "upheld", Kind: "radio", Options: choices(m.visit, "upheld", []string{"yes", "no"})}, field{Name: "document", Kind: "text"},
			field{Name: "decided_on", Kind: "date", Value: string(today)}, words("finding", true)),
		complaint("close", "close_complaint", func(a domain.Act, f form) domainoversight.ComplaintCommand {
			how := domainoversight.ClosedHow(f.value("how"))
			if !f.Has("token") {
				if how = domainoversight.Withdrawn; m.complaint.Decided != nil {
					how = domainoversight.AfterDecision
				}
			}
			return domainoversight.CloseComplaint{Act: a, How: how, Reason: thought(f, "reason")}
		}, field{Name: "how", Kind: "select", Options: choices(m.visit, "closed_how", domainoversight.ClosedHows)}, field{Name: "reason", Kind: "text", Optional: true}),
	}
}

// matterOf folds the matter of an address for somebody who may see it.
func (d *Desk) matterOf(v *visit, kind string) (*matter, error) {
	m := &matter{visit: v, key: chi.URLParam(v.r, "id")}
	if m.key == "new" && begins[kind] != "" {
		return m, nil
	}
	op := handlers.Operation("get_" + kind)
	var err error
	if kind == domainoversight.InspectionCategory {
		m.inspection, err = d.app.InspectionRound(v.ctx(), m.key)
		return m, err // the page is for whoever may see it
	}
	if m.id, err = uuid.Parse(m.key); err != nil || m.id == uuid.Nil {
		return nil, handlers.ErrNotFound
	}
	switch kind {
	case domainoversight.ReviewCategory:
		m.review, _, err = d.app.Review(v.ctx(), m.id)
		m.of = m.review.Opened.Institution
	case domainoversight.PenaltyCategory:
		m.penalty, _, err = d.app.Penalty(v.ctx(), m.id)
		m.of = m.penalty.Proposed.Institution
	default:
		m.complaint, _, err = d.app.Complaint(v.ctx(), m.id)
		m.of = m.complaint.Filed.Institution
	}
	if err != nil {
		return nil, err
	}
	if err := handlers.Allow(v.actor, op, string(m.of)); err != nil {
		return nil, err
	}
	if kind == domainoversight.ComplaintCategory && !v.actor.Has(handlers.Regulator) && m.complaint.AnswerBy == "" {
		return nil, handlers.ErrNotFound // the institution was not asked
	}
	return m, nil
}

// may are the acts that this account may do with the matter now.
func (m *matter) may(d *Desk, kind string) (names []string) {
	now := d.app.Now().UTC()
	for _, a := range d.acts(m, kind) {
		if handlers.Allow(m.actor, a.op, string(m.of)) == nil && a.ask(m, domain.Act{ID: uuid.Must(uuid.NewV7()), By: m.actor.ID, Now: now, At: now}) == nil {
			names = append(names, a.name)
		}
	}
	return names
}

func (d *Desk) watchItem(v *visit, kind, at string) error {
	m, err := d.matterOf(v, kind)
	if err != nil {
		return err
	}
	if m.key == "new" && begins[kind] != "" {
		return handlers.ErrNotFound
	}
	today := domain.DateOf(d.app.Now())
	p := watchItem{Kind: kind, Back: at, At: at + "/" + m.key, Acts: m.may(d, kind)}
	x, err := d.app.Overseen(m.ctx(), m.of)
	if err != nil && !errors.Is(err, handlers.ErrNotFound) {
		return err
	}
	p.Name = Text{x.NameZh, x.NameEn}
	tell := func(key, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{m.label("watch", key), value})
		}
	}
	var caseID uuid.UUID
	switch kind {
	case domainoversight.InspectionCategory:
		p.Title = m.key
		p.Duties = dutyLines(publishing(m.inspection.Duties()), today)
		if p.Round, err = d.inspectionPage(m); err != nil {
			return err
		}
	case domainoversight.PenaltyCategory:
		m.tellPenalty(tell, today)
		p.Duties = dutyLines(m.penalty.Duties(), today)
		for _, x := range m.penalty.Missed {
			p.Missed = append(p.Missed, domainoversight.Duty{Step: domainoversight.Publish, By: x.By, Authority: true})
		}
	case domainoversight.ReviewCategory:
		s := m.review
		caseID = s.Opened.Case
		tell("rated_on", string(s.Opened.RatedOn))
		tell("level", m.label("level", s.Opened.Level))
		for _, c := range s.Contacts {
			tell("contacted", string(c.On)+" "+m.label("reached", c.Reached))
		}
		if s.Resolved != nil {
			tell("resolved", s.Resolved.Note)
			if s.Resolved.Unable {
				tell("unable", m.label("reached", "unable"))
			}
		}
		if s.Checked != nil {
			tell("checked", m.label("sound", map[bool]string{true: "yes", false: "no"}[s.Checked.Sound])+" "+s.Checked.Reason)
		}
		if s.Excluded != nil {
			tell("excluded", m.label("exclusion", s.Excluded.Ground)+" "+s.Excluded.Document)
		}
		p.Duties = dutyLines(s.Duties(), today)
		for _, x := range s.Missed {
			p.Missed = append(p.Missed, domainoversight.Duty(x))
		}
		c, _, err := d.app.Cases.Load(m.ctx(), caseID.String())
		if err != nil {
			return err
		}
		if c.Rating != nil {
			if s, ok := c.Rating.Comment.Get(); ok {
				act := domain.Act{ID: events.StepID(handlers.RequestID(m.ctx()), "look"), By: m.actor.ID, Now: d.app.Now().UTC()}
				if _, err := d.app.Look(m.ctx(), act, caseID, access.File, ""); err != nil {
					return err
				}
				p.Said = append(p.Said, quote{m.label("watch", "comment"), s})
			}
		}
	default:
		s := m.complaint
		caseID = s.Filed.Case
		tell("filed_on", string(s.Filed.FiledOn))
		tell("item", s.Filed.Item)
		if m.actor.Has(handlers.Regulator) {
			tell("contact", s.Filed.Contact.Or(""))
		}
		if s.Decided != nil {
			tell("decided", m.label("upheld", map[bool]string{true: "yes", false: "no"}[s.Decided.Upheld])+" "+s.Decided.Document+" "+string(s.Decided.DecidedOn))
		}
		if s.Closed != nil {
			tell("closed", m.label("closed_how", s.Closed.How)+" "+s.Closed.Reason)
		}
		p.Duties = dutyLines(s.Duties(), today)
		for _, x := range s.Missed {
			p.Missed = append(p.Missed, domainoversight.Duty(x))
		}
		p.Said = append(p.Said, quote{m.label("watch", "said"), s.Filed.Text.Or(m.label("watch", "gone"))})
		if s.Answer != nil {
			p.Said = append(p.Said, quote{m.label("watch", "answer"), s.Answer.Answer.Or(m.label("watch", "gone"))})
		}
	}
	if caseID != uuid.Nil && handlers.Allow(m.actor, "view_case", string(m.of)) == nil {
		p.Case = caseID.String()
	}
	return d.send(v, "oversight-item", at, p, nil)
}

// actOf is the act of an address, for whoever may do it.
func (d *Desk) actOf(m *matter, kind string) (watchAct, error) {
	acts := d.acts(m, kind)
	i := slices.IndexFunc(acts, func(a watchAct) bool { return a.name == chi.URLParam(m.r, "act") })
	if i < 0 {
		return watchAct{}, handlers.ErrNotFound
	}
	return acts[i], handlers.Allow(m.actor, acts[i].op, string(m.of))
}

func (d *Desk) watchForm(v *visit, kind, at string) error {
	m, err := d.matterOf(v, kind)
	if err != nil {
		return err
	}
	a, err := d.actOf(m, kind)
	if err != nil {
		return err
	}
	return d.showAct(m, a, at, http.StatusOK, uuid.Must(uuid.NewV7()).String(), form{}, nil)
}

// showAct draws the form of an act; refused says why nothing was done, and f is
// what was typed.
func (d *Desk) showAct(m *matter, a watchAct, at string, status int, token string, f form, refused *handlers.Problem) error {
	p := watchAction{Name: a.name, Back: at + "/" + m.key, Token: token, By: m.actor.ID, Fields: slices.Clone(a.fields), Refused: refused}
	p.To = p.Back + "/" + a.name
	if m.key == "new" {
		p.Back = at
	}
	if a.prepare != nil {
		if err := a.prepare(p.Fields); err != nil {
			return err
		}
	}
	x, err := d.app.Overseen(m.ctx(), m.of)
	if err != nil && !errors.Is(err, handlers.ErrNotFound) {
		return err
	}
	p.Institution = Text{x.NameZh, x.NameEn}
	for i := range p.Fields {
		p.Fields[i].Act = "watch"
		if refused != nil {
			p.Fields[i].Value = f.Get(p.Fields[i].Name)
		}
	}
	if refused != nil {
		mark(refused, p.Fields)
		for i, e := range refused.Errors {
			refused.Errors[i].Label = m.label("field.watch", e.Location)
		}
	}
	return d.sendAs(m.visit, status, "oversight-act", at, p, nil)
}

// doWatch does an act of a matter and goes back to its page; a refusal shows the
// page again, with what was typed.
func (d *Desk) doWatch(v *visit, kind, at string) error {
	if err := v.form(); err != nil {
		return err
	}
	m, err := d.matterOf(v, kind)
	if err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	a, err := d.actOf(m, kind)
	if err != nil {
		return err
	}
	f.check(a.fields...)
	for _, x := range a.fields {
		if !x.Optional && x.Kind != "check" && f.value(x.Name) == "" {
			f.fail(x.Name, errField)
		}
	}
	var rc events.Receipt
	if err = f.bad.Or(); err == nil {
		rc, err = a.do(m, act, f)
	}
	if err == nil {
		err = f.bad.Or() // a date that is none
	}
	if err != nil {
		problem := handlers.RequestProblem(v.ctx(), err)
		if problem.Status >= http.StatusInternalServerError {
			return err
		}
		m.key = chi.URLParam(v.r, "id") // nothing has begun
		return d.showAct(m, a, at, problem.Status, f.Get("token"), f, problem)
	}
	d.settled(v.ctx(), rc)
	v.say(v.text("desk.done", v.label("watchact", a.name)))
	return see(v, at+"/"+m.key)
}
