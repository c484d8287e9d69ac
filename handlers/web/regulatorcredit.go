package web

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/servicecredit"
)

// Service credit at work: officers take suspicions through, institutions answer,
// object and ask for repair. Both see one ledger, folded from the log; what they
// may do with it is asked of the decider.

// creditPages are the pages on which service credit is worked on.
func (d *Desk) creditPages() []deskPage {
	return []deskPage{
		{http.MethodGet, "/regulator/credit", "view_regulator", d.creditWork},
		{http.MethodGet, "/regulator/credit/trial", "try_credit_policy", d.trialForm},
		{http.MethodPost, "/regulator/credit/trial", "try_credit_policy", d.trialDo},
		{http.MethodGet, "/regulator/credit/{code}", "view_regulator", d.creditLedger},
		{http.MethodGet, "/regulator/credit/{code}/{about}/{act}", "view_regulator", d.creditForm},
		{http.MethodPost, "/regulator/credit/{code}/{about}/{act}", "view_regulator", d.creditDo},
		{http.MethodGet, "/desk/credit", "view_own_credit", d.creditLedger},
		{http.MethodGet, "/desk/credit/{about}/{act}", "view_own_credit", d.creditForm},
		{http.MethodPost, "/desk/credit/{about}/{act}", "view_own_credit", d.creditDo},
	}
}

// creditPageNames are their templates, drawn in the frame of the desk.
var creditPageNames = []string{"credit-work", "credit-ledger", "credit-act", "credit-trial"}

// A CreditWorkSource answers what officers still have to do.
type CreditWorkSource interface {
	CreditWork(ctx context.Context, today domain.Date) ([]CreditTask, AsOf, error)
}

// A CreditTask is one thing that an officer, or the institution, has to do next.
type CreditTask struct {
	Of   domain.CreditCode
	Name Text
	// What is the next step: notify, wait, propose, confirm, objection, repair.
	What string
	Rule string
	// RuleName is the rule's name in the policy in force.
	RuleName Text
	Fact     string
	// Due is the day until when; empty where no rule names one.
	Due  domain.Date
	Late bool
	// By is who proposed it, who may not be the one to confirm it.
	By string
}

// CreditWork implements CreditWorkSource: what is open in all ledgers, by the
// day on which it is due.
func (m *ReadModels) CreditWork(ctx context.Context, today domain.Date) (tasks []CreditTask, asOf AsOf, err error) {
	asOf, err = m.look(ctx, servicecredit.Name, func(tx *sql.Tx) error {
		r := servicecredit.Reader{DB: tx}
		list, err := r.List(ctx, today)
		if err != nil {
			return err
		}
		policy, _, err := r.PolicyOn(ctx, today)
		if err != nil {
			return err
		}
		suspicions, err := r.Suspicions(ctx, "")
		if err != nil {
			return err
		}
		for _, s := range list {
			name := Text{s.NameZh, s.NameEn}
			for _, x := range suspicions {
				if x.Institution != s.Code || x.Outcome != "" {
					continue
				}
				rule, _ := policy.Rule(x.Rule)
				t := CreditTask{Of: s.Code, Name: name, What: "notify", Rule: x.Rule, RuleName: Text{cmp.Or(rule.NameZh, x.Rule), rule.NameEn}, Fact: x.Fact}
				switch {
				case x.Proposed.Document != "":
					t.What, t.By = "confirm", x.Proposed.By
				case x.Answer != "" || x.AnswerBy != "" && x.AnswerBy < today:
					t.What = "propose"
				case x.AnswerBy != "":
					t.What, t.Due = "wait", x.AnswerBy
				}
				tasks = append(tasks, t)
			}
			objections, err := r.Objections(ctx, s.Code)
			if err != nil {
				return err
			}
			for _, o := range objections {
				if o.Outcome == "" {
					tasks = append(tasks, CreditTask{Of: s.Code, Name: name, What: "objection", Fact: o.Document, Due: o.DecideBy, Late: o.DecideBy < today})
				}
			}
			requests, err := r.RepairRequests(ctx, s.Code)
			if err != nil {
				return err
			}
			for _, q := range requests {
				if q.Outcome == "" {
					tasks = append(tasks, CreditTask{Of: s.Code, Name: name, What: "repair", Fact: q.Document, Due: q.DecideBy, Late: q.DecideBy < today})
				}
			}
		}
		return nil
	})
	slices.SortStableFunc(tasks, func(a, b CreditTask) int {
		return cmp.Or(cmp.Compare(cmp.Or(a.Due, "9"), cmp.Or(b.Due, "9")), cmp.Compare(slices.Index(creditSteps, a.What), slices.Index(creditSteps, b.What)))
	})
	return tasks, asOf, err
}

// creditSteps are the next steps, the most advanced first.
var creditSteps = []string{"confirm", "propose", "objection", "repair", "notify", "wait"}

type creditWorkPage struct {
	Tasks []CreditTask
	AsOf  AsOf
}

func (d *Desk) creditWork(v *visit) error {
	tasks, asOf, err := d.data.CreditWork(v.ctx(), domain.DateOf(d.app.Now()))
	if err != nil {
		return err
	}
	return d.send(v, "credit-work", "/regulator/credit", creditWorkPage{tasks, asOf}, &asOf)
}

// A creditView is a ledger in front of somebody.
type creditView struct {
	*visit
	code    domain.CreditCode
	base    string // address of the ledger
	officer bool
	ledger  handlers.Ledger
	state   credit.LedgerState
	policy  credit.PolicyState
	about   uuid.UUID // what an act is about
	today   domain.Date
	name    Text
}

// creditOf folds the ledger of an address: any for an officer, their own for an
// institution's people.
func (d *Desk) creditOf(v *visit) (*creditView, error) {
	c := &creditView{visit: v, today: domain.DateOf(d.app.Now()), officer: strings.HasPrefix(v.r.URL.Path, "/regulator/")}
	c.code = domain.CreditCode(v.actor.Institution)
	if c.officer {
		c.code = domain.CreditCode(chi.URLParam(v.r, "code"))
	}
	if _, err := domain.ParseCreditCode(string(c.code)); err != nil {
		return nil, handlers.ErrNotFound
	}
	c.base = "/desk/credit"
	if c.officer {
		c.base = "/regulator/credit/" + string(c.code)
	} else if err := handlers.Allow(v.actor, "view_own_credit", string(c.code)); err != nil {
		return nil, err
	}
	in, _, err := d.app.Institutions.Load(v.ctx(), string(c.code))
	if err != nil {
		return nil, err
	}
	if !in.Exists() {
		return nil, handlers.ErrNotFound
	}
	c.name = Text{in.NameZh, in.NameEn}
	if c.ledger, err = d.app.Ledger(v.ctx(), c.code); err != nil {
		return nil, err
	}
	c.state, c.policy = c.ledger.State(""), c.ledger.Versions("")
	return c, nil
}

func (c *creditView) candidate() domain.Act {
	now := c.desk.app.Now().UTC()
	return domain.Act{ID: uuid.Must(uuid.NewV7()), By: c.actor.ID, Now: now, At: now}
}

// own is the policy version that an entry names.
func (c *creditView) own() credit.PolicyVersion {
	e, _ := c.state.Entry(c.about)
	p, _ := c.policy.Version(e.Policy)
	return p
}

// inForce is the version in force on a day.
func (c *creditView) inForce(on domain.Date) credit.PolicyVersion {
	p, _ := c.policy.InForce(on)
	return p
}

func (c *creditView) would(cmd credit.LedgerCommand) error { return would(credit.Ledger, c.state, cmd) }

// A creditAct is one thing that can be done with a ledger, asked of the decider
// as deskAct is.
type creditAct struct {
	name    string
	kind    string // suspicion, entry, objection, ledger
	op      handlers.Operation
	officer bool
	ask     func(*creditView) error
	fields  func(*creditView) []field
	do      func(*creditView, domain.Act, form) (events.Receipt, error)
	final   bool
}

func paperField() field { return field{Name: "credit_document", Kind: "text"} }
func dayField(name string, on domain.Date) field {
	return field{Name: name, Kind: "date", Value: string(on)}
}
func reasonField() field { return field{Name: "credit_reason", Kind: "area", Hint: "no_names"} }

// handle asks the ledger's own stream.
func (c *creditView) handle(cmd credit.LedgerCommand) (events.Receipt, error) {
	return c.desk.app.Credit.Handle(c.ctx(), string(c.code), cmd)
}

var creditActs = []*creditAct{
	{name: "credit_notify", kind: "suspicion", op: "notify_suspicion", officer: true,
		ask: func(c *creditView) error {
			return c.would(credit.Notify{Act: c.candidate(), Suspicion: c.about, Document: anything})
		},
		fields: func(*creditView) []field {
			return []field{paperField(), {Name: "answer_by", Kind: "date", Optional: true, Hint: "answer_by"}}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.Notify{Act: act, Suspicion: c.about, Document: f.value("credit_document"), AnswerBy: f.date("answer_by")})
		}},
	{name: "credit_answer", kind: "suspicion", op: "answer_suspicion",
		ask: func(c *creditView) error {
			return c.would(credit.Answer{Act: c.candidate(), Suspicion: c.about, Document: anything})
		},
		fields: func(*creditView) []field { return []field{paperField()} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.Answer{Act: act, Suspicion: c.about, Document: f.value("credit_document")})
		}},
	{name: "credit_propose", kind: "suspicion", op: "propose_confirmation", officer: true,
		ask: func(c *creditView) error {
			return c.would(credit.ProposeConfirmation{Act: c.candidate(), Entry: uuid.Must(uuid.NewV7()), Suspicion: c.about, Document: anything, DecidedOn: c.today, Policy: c.inForce(c.today)})
		},
		fields: func(c *creditView) []field { return []field{paperField(), dayField("decided_on", c.today)} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.ProposeConfirmation(c.ctx(), c.code, credit.ProposeConfirmation{Act: act, Entry: events.StepID(act.ID, "entry"), Suspicion: c.about,
				Document: f.value("credit_document"), DecidedOn: f.date("decided_on")})
		}},
	{name: "credit_confirm", kind: "suspicion", op: "confirm_suspicion", officer: true, final: true,
		ask: func(c *creditView) error {
			x, _ := c.state.Suspicion(c.about)
			return only(x.Proposed.Document != "", func() error {
				return c.would(credit.Confirm{Act: c.candidate(), Suspicion: c.about, Policy: c.inForce(x.Proposed.DecidedOn)})
			})
		},
		fields: func(*creditView) []field { return nil },
		do: func(c *creditView, act domain.Act, _ form) (events.Receipt, error) {
			return c.desk.app.ConfirmSuspicion(c.ctx(), c.code, credit.Confirm{Act: act, Suspicion: c.about})
		}},
	{name: "credit_dismiss", kind: "suspicion", op: "dismiss_suspicion", officer: true, final: true,
		ask: func(c *creditView) error {
			return c.would(credit.Dismiss{Act: c.candidate(), Suspicion: c.about, Reason: anything})
		},
		fields: func(*creditView) []field { return []field{reasonField()} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.Dismiss{Act: act, Suspicion: c.about, Reason: f.value("credit_reason")})
		}},
	{name: "credit_object", kind: "entry", op: "object_entry",
		ask: func(c *creditView) error {
			return c.would(credit.Object{Act: c.candidate(), Objection: uuid.Must(uuid.NewV7()), Entry: c.about, Document: anything, FiledOn: c.today})
		},
		fields: func(c *creditView) []field { return []field{paperField(), dayField("filed_on", c.today)} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.Object{Act: act, Objection: events.StepID(act.ID, "objection"), Entry: c.about, Document: f.value("credit_document"), FiledOn: f.date("filed_on")})
		}},
	{name: "credit_extend", kind: "objection", op: "extend_objection", officer: true,
		ask: func(c *creditView) error {
			return c.would(credit.ExtendObjection{Act: c.candidate(), Objection: c.about, Reason: anything})
		},
		fields: func(*creditView) []field { return []field{reasonField()} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.ExtendObjection{Act: act, Objection: c.about, Reason: f.value("credit_reason")})
		}},
	{name: "credit_reply", kind: "objection", op: "decide_objection", officer: true, final: true,
		ask: func(c *creditView) error {
			return c.would(credit.DecideObjection{Act: c.candidate(), Objection: c.about, Document: anything, Reason: anything, DecidedOn: c.today})
		},
		fields: func(c *creditView) []field {
			return []field{{Name: "accepted", Kind: "radio", Options: []option{{"no", c.label("reply", "no")}, {"yes", c.label("reply", "yes")}}}, paperField(), reasonField(), dayField("decided_on", c.today)}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.DecideObjection{Act: act, Objection: c.about, Accepted: f.value("accepted") == "yes", Document: f.value("credit_document"), Reason: f.value("credit_reason"), DecidedOn: f.date("decided_on")})
		}},
	{name: "credit_ask_repair", kind: "entry", op: "request_repair",
		ask: func(c *creditView) error {
			return c.would(credit.RequestRepair{Act: c.candidate(), Entry: c.about, Document: anything, FiledOn: c.today, Policy: c.own()})
		},
		fields: func(c *creditView) []field { return []field{paperField(), dayField("filed_on", c.today)} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.RequestRepair(c.ctx(), c.code, credit.RequestRepair{Act: act, Entry: c.about, Document: f.value("credit_document"), FiledOn: f.date("filed_on")})
		}},
	{name: "credit_repair", kind: "entry", op: "repair_entry", officer: true, final: true,
		ask: func(c *creditView) error {
			return c.would(credit.Repair{Act: c.candidate(), Entry: c.about, Document: anything, RepairedOn: c.today, Policy: c.own()})
		},
		fields: func(c *creditView) []field { return []field{paperField(), dayField("repaired_on", c.today)} },
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.RepairEntry(c.ctx(), c.code, credit.Repair{Act: act, Entry: c.about, Document: f.value("credit_document"), RepairedOn: f.date("repaired_on")})
		}},
	{name: "credit_refuse_repair", kind: "entry", op: "refuse_repair", officer: true, final: true,
		ask: func(c *creditView) error {
			e, _ := c.state.Entry(c.about)
			return only(e.RepairBy != "", func() error {
				return c.would(credit.RefuseRepair{Act: c.candidate(), Entry: c.about, Document: anything, Reason: anything, DecidedOn: c.today})
			})
		},
		fields: func(c *creditView) []field {
			return []field{paperField(), reasonField(), dayField("decided_on", c.today)}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.RefuseRepair{Act: act, Entry: c.about, Document: f.value("credit_document"), Reason: f.value("credit_reason"), DecidedOn: f.date("decided_on")})
		}},
	{name: "credit_revoke", kind: "entry", op: "revoke_entry", officer: true, final: true,
		ask: func(c *creditView) error {
			return c.would(credit.Revoke{Act: c.candidate(), Entry: c.about, Document: anything, Reason: anything, RevokedOn: c.today})
		},
		fields: func(c *creditView) []field {
			return []field{paperField(), reasonField(), dayField("revoked_on", c.today)}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.handle(credit.Revoke{Act: act, Entry: c.about, Document: f.value("credit_document"), Reason: f.value("credit_reason"), RevokedOn: f.date("revoked_on")})
		}},
	{name: "credit_suspect", kind: "ledger", op: "suspect", officer: true,
		ask: func(c *creditView) error { return nil },
		fields: func(c *creditView) []field {
			var rules []option
			for _, r := range c.inForce(c.today).Rules {
				rules = append(rules, option{r.Code, r.Code + " " + c.in(Text{r.NameZh, r.NameEn})})
			}
			return []field{{Name: "credit_rule", Kind: "select", Options: rules}, {Name: "credit_fact", Kind: "text", Hint: "credit_fact"}, {Name: "credit_basis", Kind: "area", Hint: "no_names"}}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.Suspect(c.ctx(), c.code, credit.Suspect{Act: act, Suspicion: events.StepID(act.ID, "suspicion"), Rule: f.value("credit_rule"), Fact: f.value("credit_fact"), Basis: f.value("credit_basis")})
		}},
	{name: "credit_bonus", kind: "ledger", op: "grant_bonus", officer: true,
		ask: func(c *creditView) error { return nil },
		fields: func(c *creditView) []field {
			var bonuses []option
			for _, b := range c.inForce(c.today).Bonuses {
				bonuses = append(bonuses, option{b.Code, b.Code + " " + c.in(Text{b.NameZh, b.NameEn})})
			}
			return []field{{Name: "credit_rule", Kind: "select", Options: bonuses}, {Name: "credit_fact", Kind: "text", Hint: "credit_fact"}, paperField(), dayField("decided_on", c.today)}
		},
		do: func(c *creditView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.GrantBonus(c.ctx(), c.code, credit.GrantBonus{Act: act, Entry: events.StepID(act.ID, "entry"), Bonus: f.value("credit_rule"), Fact: f.value("credit_fact"),
				Document: f.value("credit_document"), DecidedOn: f.date("decided_on")})
		}},
}

// can are the acts that somebody may do now with one matter.
func (c *creditView) can(kind string, about uuid.UUID) []placeLink {
	was := c.about
	c.about = about
	defer func() { c.about = was }()
	var links []placeLink
	for _, a := range creditActs {
		if a.kind != kind || a.officer != c.officer || handlers.Allow(c.actor, a.op, string(c.code)) != nil || a.ask(c) != nil {
			continue
		}
		links = append(links, placeLink{c.label("act", a.name), c.base + "/" + about.String() + "/" + a.name})
	}
	return links
}

// A creditLedgerPage is a ledger to work on.
type creditLedgerPage struct {
	Name       Text
	Code       domain.CreditCode
	Officer    bool
	Base       string
	Rated      bool
	Score      int
	Grade      string
	Suspicions []creditMatter
	Entries    []creditMatter
	Fixes      []creditFix
	Changes    []credit.Standing
	Can        []placeLink
}

// A creditMatter is a suspicion or an entry with what has happened to it and
// what can be done.
type creditMatter struct {
	Rule     string
	Name     Text
	Points   string
	Status   string
	Until    domain.Date
	Severity credit.Severity
	Fact     string
	Case     string // the case that the fact is about, for who may look at it
	Due      domain.Date
	Proposed credit.ConfirmationProposed
	Chain    []link
	Can      []placeLink
}

type creditFix struct {
	Name          Text
	On            domain.Date
	Before, After credit.Standing
}

func (d *Desk) creditLedger(v *visit) error {
	c, err := d.creditOf(v)
	if err != nil {
		return err
	}
	p := creditLedgerPage{Name: c.name, Code: c.code, Officer: c.officer, Base: c.base, Can: c.can("ledger", uuid.Max)}
	h := history{On: c.today, Today: c.today}
	st, rated := c.ledger.Standing(c.today, "")
	p.Rated, p.Score, p.Grade = rated, st.Score, st.Grade
	now := c.inForce(c.today)
	byEntry := map[uuid.UUID]uuid.UUID{}
	for _, x := range slices.Backward(c.state.Suspicions) {
		if x.Entry != uuid.Nil {
			byEntry[x.Entry] = x.Suspicion
		}
		if !x.Open() || !c.officer && x.AnswerBy == "" { // an institution learns of it by its notice
			continue
		}
		rule, _ := now.Rule(x.Rule)
		m := creditMatter{Rule: x.Rule, Name: Text{cmp.Or(rule.NameZh, x.Rule), rule.NameEn}, Fact: x.Fact, Due: x.AnswerBy, Proposed: x.Proposed, Status: "suspected", Can: c.can("suspicion", x.Suspicion)}
		switch {
		case x.Proposed.Document != "" && c.officer:
			m.Status = "proposed"
		case x.Answered:
			m.Status = "answered"
		case x.AnswerBy != "":
			m.Status = "told"
		}
		if rest, ok := strings.CutPrefix(x.Fact, "case:"); ok && c.officer {
			if id, _, _ := strings.Cut(rest, "/"); uuid.Validate(id) == nil {
				m.Case = id
			}
		}
		if m.Chain, err = chainOf(c.ledger, h, x.Suspicion, uuid.Nil); err != nil {
			return err
		}
		if !c.officer {
			m.Chain = slices.DeleteFunc(m.Chain, func(l link) bool { return l.Type == "credit.confirmation_proposed" })
		}
		p.Suspicions = append(p.Suspicions, m)
	}
	names := map[uuid.UUID]Text{}
	for _, e := range slices.Backward(c.state.Entries) {
		own, _ := c.policy.Version(e.Policy)
		m := creditMatter{Rule: e.Rule, Name: ruleName(own, e), Severity: e.Severity, Fact: e.Fact, Status: entryStatus(e, now, own, c.today), Until: e.Until(now), Due: e.RepairBy, Points: "−"}
		names[e.ID] = m.Name
		if e.Bonus {
			m.Points = "+"
		}
		m.Points = signed(map[bool]int{true: e.Points, false: -e.Points}[e.Bonus])
		m.Can = c.can("entry", e.ID)
		for _, o := range c.state.Objections {
			if o.Entry == e.ID && !o.Decided {
				m.Status, m.Due = "disputed", o.DecideBy
				m.Can = append(m.Can, c.can("objection", o.Objected.Objection)...)
			}
		}
		if m.Chain, err = chainOf(c.ledger, h, byEntry[e.ID], e.ID); err != nil {
			return err
		}
		p.Entries = append(p.Entries, m)
	}
	for _, f := range credit.WhatIf(c.policy, c.state.Entries, c.today) {
		p.Fixes = append(p.Fixes, creditFix{names[f.Entry], f.On, f.Before, f.After})
	}
	p.Changes = credit.Changes(c.policy, c.state.Entries, c.today)
	nav := "/desk/credit"
	if c.officer {
		nav = "/regulator/credit"
	}
	return d.send(v, "credit-ledger", nav, p, nil)
}

// A creditActPage is the form of one act.
type creditActPage struct {
	Institution Text
	Back        string
	About       string
	// Proposed is what is to be confirmed.
	Proposed credit.ConfirmationProposed
	actPage
}

func (d *Desk) findCreditAct(v *visit) (*creditAct, *creditView, error) {
	i := slices.IndexFunc(creditActs, func(a *creditAct) bool { return a.name == chi.URLParam(v.r, "act") })
	about, err := uuid.Parse(chi.URLParam(v.r, "about"))
	if i < 0 || err != nil {
		return nil, nil, handlers.ErrNotFound
	}
	c, err := d.creditOf(v)
	if err != nil {
		return nil, nil, err
	}
	a := creditActs[i]
	if a.officer != c.officer {
		return nil, nil, handlers.ErrNotFound
	}
	c.about = about
	return a, c, handlers.Allow(v.actor, a.op, string(c.code))
}

func (c *creditView) page(a *creditAct, token string) creditActPage {
	p := creditActPage{Institution: c.name, Back: c.base, actPage: actPage{Name: a.name, To: c.base + "/" + c.about.String() + "/" + a.name, Token: token, By: c.actor.ID, Final: a.final, Fields: a.fields(c)}}
	for i := range p.Fields {
		p.Fields[i].Act = a.name
	}
	if x, ok := c.state.Suspicion(c.about); ok {
		p.About = x.Rule + " " + x.Fact
		if a.name == "credit_confirm" {
			p.Proposed = x.Proposed
		}
	}
	if e, ok := c.state.Entry(c.about); ok {
		p.About = e.Rule + " " + e.Document
	}
	return p
}

func (c *creditView) said(err error) *handlers.Problem {
	if err == errHide {
		err = errNothing
	}
	return handlers.RequestProblem(c.ctx(), err)
}

func (d *Desk) creditForm(v *visit) error {
	a, c, err := d.findCreditAct(v)
	if err != nil {
		return err
	}
	p := c.page(a, uuid.Must(uuid.NewV7()).String())
	if err := a.ask(c); err != nil {
		p.Refused = c.said(err)
		return d.sendAs(v, p.Refused.Status, "credit-act", c.base, p, nil)
	}
	return d.send(v, "credit-act", c.base, p, nil)
}

func (d *Desk) creditDo(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	a, c, err := d.findCreditAct(v)
	if err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	p := c.page(a, f.Get("token"))
	again := func(err error) error {
		p.typed(f)
		p.Refused = c.said(err)
		mark(p.Refused, p.Fields)
		return d.sendAs(v, p.Refused.Status, "credit-act", c.base, p, nil)
	}
	f.check(p.Fields...)
	for _, x := range p.Fields {
		if !x.Optional && f.value(x.Name) == "" {
			f.fail(x.Name, errField)
		}
		if x.Kind == "date" {
			f.date(x.Name)
		}
	}
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	rc, err := a.do(c, act, f)
	if err != nil {
		if _, ok := errors.AsType[*domain.Rejection](err); !ok && handlers.ProblemOf(err, string(v.view.Lang)).Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	if d.app.Wait != nil && rc.Position != 0 {
		_ = d.app.Wait(v.ctx(), servicecredit.Name, rc.Position) // the list says how old it is
	}
	v.say(v.text("desk.done", v.label("act", a.name)))
	return see(v, c.base)
}
