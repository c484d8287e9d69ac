package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

// deskActs are all that can be done with a case, in the order in which a case
// goes.
var deskActs = slices.Concat(caseActs, paperActs, custodyActs, moneyActs, cremationActs, endActs)

// ofCase asks the case's own decider.
func ofCase(cmd func(*caseView) booking.Command) func(*caseView) error {
	return func(c *caseView) error { return would(booking.Case, c.Case, cmd(c)) }
}

// doCase asks the case's own stream.
func doCase(cmd func(*caseView, domain.Act, *form) booking.Command) func(*caseView, domain.Act, form) (events.Receipt, error) {
	return func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(c, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), x)
	}
}

// sealed keeps a fact about a person; nothing for nothing.
func sealed[T ~string](of domain.Subject, v T) (p domain.Private[T]) {
	if strings.TrimSpace(string(v)) != "" {
		p = domain.Personal(of, v)
	}
	return p
}

// begun is the fact that the cremation has begun.
func (c *caseView) begun() bool { return !c.Cremation.Started.At.IsZero() }

var caseActs = []*deskAct{
	{
		name: "circumstances", op: "amend_case", group: "case", minor: true,
		ask: ofCase(func(c *caseView) booking.Command {
			place := booking.AtHome
			if c.Case.Circumstances.Place == place {
				place = booking.InHospital
			}
			return booking.RecordCircumstances{Act: c.candidate(), CircumstancesRecorded: booking.CircumstancesRecorded{Place: place}}
		}),
		fields: circumstanceFields,
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.RecordCircumstances{Act: act, CircumstancesRecorded: circumstances(c.Case.Deceased.Person, f)}
		}),
	},
	{
		name: "amend", op: "amend_case", group: "case", tell: true, minor: true,
		ask: ofCase(func(c *caseView) booking.Command {
			d := c.Case.Deceased
			d.Hukou = "210299" // any other
			return booking.Amend{Act: c.candidate(), Deceased: d, Handler: c.Case.Handler, Begun: c.begun()}
		}),
		fields: func(c *caseView) []field { return personFields(c.Case.Deceased, c.Case.Handler, c) },
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			d, h := persons(c.desk.app, act.ID, f)
			// The references stay those of the case: whoever it is, it is the same
			// person under a corrected number.
			return booking.Amend{Act: act, Deceased: under(c.Case.Deceased.Person, d), Handler: handlerUnder(c.Case.Handler.Person, h), Begun: c.begun()}
		}),
	},
	{
		name: "correct", op: "amend_case", group: "case", minor: true,
		ask: func(c *caseView) error {
			return only(c.begun(), func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Correct{Act: c.candidate(), Correction: "candidate", Field: booking.FieldHukou, From: c.Case.Value(booking.FieldHukou), To: "210299", Reason: anything, Begun: true}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "field", Kind: "select", Options: options(c, "particular", booking.Fields)}, {Name: "from", Kind: "text", Optional: true, Max: 100}, {Name: "to", Kind: "text", Optional: true, Max: 100},
				{Name: "reason", Kind: "area", Max: 300, Hint: "no_names"}, {Name: "document", Kind: "text", Optional: true, Max: 100}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.Correct{Act: act, Correction: act.ID.String(), Field: booking.Field(f.Get("field")), From: f.value("from"), To: f.value("to"), Reason: f.value("reason"), Document: f.value("document"), Begun: c.begun()}
		}),
	},
	{
		name: "clarify", op: "amend_case", group: "case", minor: true,
		ask: func(c *caseView) error {
			return only(c.begun(), func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Clarify{Act: c.candidate(), Clarification: "candidate", Field: booking.FieldHukou, Text: anything, Begun: true}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "field", Kind: "select", Options: options(c, "particular", booking.Fields)}, {Name: "text", Kind: "area", Max: 1000}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.Clarify{Act: act, Clarification: act.ID.String(), Field: booking.Field(f.Get("field")), Text: f.value("text"), Begun: c.begun()}
		}),
	},
	{
		name: "authorise", op: "amend_case", group: "case", minor: true,
		ask: ofCase(func(c *caseView) booking.Command {
			return booking.Authorise{Act: c.candidate(), Kind: booking.ByDecision, Document: domain.Personal(c.Case.Handler.Person, anything), Scope: booking.Scopes}
		}),
		fields: func(c *caseView) []field {
			return []field{{Name: "ground", Kind: "select", Options: options(c, "authority", booking.AuthorityKinds)}, {Name: "document", Kind: "text", Optional: true, Max: 100},
				{Name: "scope", Kind: "checks", Options: options(c, "scope", booking.Scopes), Values: scopesOf(c)}, {Name: "until", Kind: "date", Optional: true}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			x := booking.Authorise{Act: act, Kind: booking.AuthorityKind(f.Get("ground")), Document: sealed(c.Case.Handler.Person, f.value("document")), ValidUntil: f.date("until")}
			for _, s := range f.Values["scope"] {
				x.Scope = append(x.Scope, booking.Scope(s))
			}
			return x
		}),
	},
	{
		name: "challenge", op: "amend_case", group: "case", minor: true,
		ask: ofCase(func(c *caseView) booking.Command {
			who := domain.Subject("candidate")
			return booking.Challenge{Act: c.candidate(), Challenge: "candidate", Person: who, Name: domain.Personal(who, anything), Phone: domain.Personal(who, "0411-12345"), Relation: booking.Child}
		}),
		fields: func(c *caseView) []field {
			return []field{{Name: "name", Kind: "text", Max: 60}, {Name: "phone", Kind: "phone", Max: 20}, {Name: "relation", Kind: "select", Options: options(c, "relation", booking.Relations)}, {Name: "ground_words", Kind: "area", Optional: true, Max: 500}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			who := c.desk.app.Somebody(act.ID, "objector")
			order := []booking.Relation{}
			for _, r := range c.Parameters.List(institution.OrderOfRight) {
				order = append(order, booking.Relation(r))
			}
			return c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), booking.Challenge{Act: act, Challenge: act.ID.String(), Person: who, Name: sealed(who, f.value("name")), Phone: sealed(who, f.value("phone")),
				Relation: booking.Relation(f.Get("relation")), Ground: sealed(who, f.value("ground_words")), Order: order})
		},
	},
	{
		name: "resolve", op: "amend_case", group: "case",
		ask: func(c *caseView) error {
			return only(c.Case.Disputed(), func() error {
				return would(booking.Case, c.Case, booking.Command(booking.ResolveChallenge{Act: c.candidate(), ChallengeResolved: booking.ChallengeResolved{Challenge: openChallenge(c), Outcome: booking.Settled, Document: anything}}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "outcome", Kind: "select", Options: options(c, "outcome", booking.ChallengeOutcomes)}, {Name: "document", Kind: "text", Max: 100}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.ResolveChallenge{Act: act, ChallengeResolved: booking.ChallengeResolved{Challenge: openChallenge(c), Outcome: booking.ChallengeOutcome(f.Get("outcome")), Document: f.value("document")}}
		}),
	},
	{
		name: "replace_handler", op: "amend_case", group: "case", minor: true,
		ask: func(c *caseView) error {
			return only(c.Case.Unseated || slices.Contains([]booking.Relation{booking.Agent}, c.Case.Handler.Relation) || !c.begun() && c.Cremation.Confirmation.Applicant == "", func() error {
				who := domain.Subject("candidate")
				return would(booking.Case, c.Case, booking.Command(booking.ReplaceHandler{Act: c.candidate(), Begun: c.begun(), HandlerReplaced: booking.HandlerReplaced{
					Handler: booking.Handler{Person: who, Name: domain.Personal(who, anything), Phone: domain.Personal(who, "0411-12345"), Relation: c.Case.Handler.Relation}, Document: anything}}))
			})
		},
		fields: func(c *caseView) []field {
			return append(handlerFields(booking.Handler{}, c), field{Name: "document", Kind: "text", Max: 100})
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			_, h := persons(c.desk.app, act.ID, f)
			x := booking.ReplaceHandler{Act: act, Begun: c.begun(), HandlerReplaced: booking.HandlerReplaced{Handler: h, Document: f.value("document")}}
			for _, d := range c.Case.Disputes {
				if d.Outcome == booking.Upheld {
					x.Challenge = d.Challenge
				}
			}
			return x
		}),
	},
	{
		name: "book", op: "book_slot", group: "case",
		ask: func(c *caseView) error {
			return only(!c.begun(), func() error {
				on := domain.DateOf(c.now).AddDays(1)
				start := on.Start().Add(9 * time.Hour)
				return would(booking.Case, c.Case, booking.Command(booking.AttachSlot{Act: c.candidate(), SlotAttached: booking.SlotAttached{Slot: booking.Slot{Resource: "candidate", Day: on, Slot: "0900", Start: start, End: start.Add(time.Hour)}}}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "resource", Kind: "select", Options: c.resources(institution.Hall, institution.Furnace, institution.Vehicle)}, {Name: "start", Kind: "when"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			w := handlers.Want{Resource: f.Get("resource"), Start: f.instant("start")}
			if near := f.Get("near"); near != "" { // one of the free ones that were offered
				r, at, _ := strings.Cut(near, " ")
				w.Resource = r
				w.Start, _ = time.ParseInLocation("2006-01-02 15:04", at, domain.Shanghai)
			}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			if r, ok := c.Institution.Resource(w.Resource); ok {
				var quoted []string
				for _, q := range c.Case.Quotes {
					for _, l := range q.Lines {
						quoted = append(quoted, l.Code)
					}
				}
				w.Item = handlers.ItemAt(r, quoted)
			}
			return c.desk.app.TakeSlot(c.ctx(), handlers.TakeSlot{Act: act, Case: c.ID, Want: w})
		},
	},
	{
		name: "unbook", op: "release_slot", group: "case", minor: true,
		ask: func(c *caseView) error {
			return only(len(c.Case.Slots) > 0 && !c.begun(), func() error { return nil })
		},
		fields: func(c *caseView) []field {
			var slots []option
			for _, s := range c.Case.Slots {
				slots = append(slots, option{s.Resource + " " + s.Start.In(domain.Shanghai).Format("2006-01-02 15:04"), c.slotText(s)})
			}
			return []field{{Name: "slot", Kind: "select", Options: slots}, {Name: "reason", Kind: "select", Options: options(c, "slot_reason", []schedule.Reason{schedule.Rescheduled, schedule.Withdrawn, schedule.OutOfService, schedule.Weather})}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			r, at, _ := strings.Cut(f.Get("slot"), " ")
			start, err := time.ParseInLocation("2006-01-02 15:04", at, domain.Shanghai)
			if err != nil {
				return events.Receipt{}, booking.ErrSlot
			}
			return c.desk.app.ReleaseSlot(c.ctx(), handlers.ReleaseSlot{Act: act, Case: c.ID, Resource: r, Start: start, Reason: schedule.Reason(f.Get("reason"))})
		},
	},
	{
		name: "farewell_begins", op: "book_slot", group: "case",
		ask: func(c *caseView) error {
			x, planned, ok := c.farewell()
			return only(ok && !x.Begun && c.Custody.Arrived && !c.Custody.Ended, func() error {
				if !planned {
					return would(booking.Case, c.Case, booking.Command(booking.PlanService{Act: c.candidate(), ServicePlanned: x.ServicePlanned}))
				}
				return would(booking.Case, c.Case, booking.Command(booking.StartService{Act: c.candidate(), Service: x.Service}))
			})
		},
		facts: func(c *caseView) []fact { return c.farewellFacts() },
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			x, planned, _ := c.farewell()
			if !planned { // booked at the desk: the slot is the plan
				plan := act
				plan.ID = events.StepID(act.ID, "plan")
				if rc, err := c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), booking.PlanService{Act: plan, ServicePlanned: x.ServicePlanned}); err != nil {
					return rc, err
				}
			}
			return c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), booking.StartService{Act: act, Service: x.Service})
		},
	},
	{
		name: "farewell_ends", op: "book_slot", group: "case",
		ask: func(c *caseView) error {
			x, planned, _ := c.farewell()
			return only(planned && x.Begun && !x.Done, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.EndService{Act: c.candidate(), Service: x.Service}))
			})
		},
		facts: func(c *caseView) []fact { return c.farewellFacts() },
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			x, _, _ := c.farewell()
			return booking.EndService{Act: act, Service: x.Service}
		}),
	},
}

// farewell is the farewell of the case: as it was planned, or else as the slot
// of a hall has it.
func (c *caseView) farewell() (x booking.Service, planned, ok bool) {
	for _, x := range c.Case.Services {
		if x.Ceremony == booking.Farewell {
			return x, true, true
		}
	}
	for _, s := range c.Case.Slots {
		if s.Kind == string(institution.Hall) {
			return booking.Service{ServicePlanned: booking.ServicePlanned{Service: "farewell", Ceremony: booking.Farewell, Resource: s.Resource, From: s.Start, To: s.End}}, false, true
		}
	}
	return booking.Service{}, false, false
}

func (c *caseView) farewellFacts() []fact {
	x, _, ok := c.farewell()
	if !ok {
		return nil
	}
	return []fact{{c.text("fact.farewell"), c.resource(x.Resource) + " " + domain.FormatTime(x.From) + "–" + string(domain.ClockOf(x.To))}}
}

func openChallenge(c *caseView) string {
	for _, d := range c.Case.Disputes {
		if d.Outcome == "" {
			return d.Challenge
		}
	}
	return ""
}

func scopesOf(c *caseView) (all []string) {
	have := booking.Scopes
	if c.Case.Authority != nil {
		have = c.Case.Authority.Scope
	}
	for _, s := range have {
		all = append(all, string(s))
	}
	return all
}

// resources are those of some kinds that serve today.
func (c *caseView) resources(kinds ...institution.ResourceKind) (os []option) {
	for _, k := range kinds {
		for _, r := range c.Institution.Resources {
			if r.Kind == k && r.ServesOn(domain.DateOf(c.now)) {
				os = append(os, option{r.Resource, c.in(Text{r.NameZh, r.NameEn})})
			}
		}
	}
	return os
}

func (c *caseView) resource(name string) string {
	if r, ok := c.Institution.Resource(name); ok {
		return c.in(Text{r.NameZh, r.NameEn})
	}
	return name
}

func (c *caseView) slotText(s booking.Slot) string {
	return fmt.Sprintf("%s %s–%s", c.resource(s.Resource), domain.FormatTime(s.Start), domain.ClockOf(s.End))
}

var paperActs = []*deskAct{
	{
		name: "death_certificate", op: "record_death_certificate", group: "papers",
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && (c.Cremation.Death.Form == "" || !c.Cremation.Death.Verified), func() error {
				return c.askCremation(c.deathPaper(c.candidate(), "candidate", anything, domain.DateOf(c.now), "", "NATURAL", true))
			})
		},
		fields: func(c *caseView) []field {
			number := ""
			if c.Case.Deceased.Class() == booking.Resident {
				number = string(c.Case.Deceased.CitizenID.Or(""))
			}
			return []field{{Name: "number", Kind: "text", Value: number, Max: 40, Hint: "death_number"}, {Name: "issuer", Kind: "text", Max: 100}, {Name: "issued_on", Kind: "date"},
				{Name: "death_date", Kind: "date", Optional: true, Value: string(c.Case.Deceased.DeathDate)}, {Name: "cause_class", Kind: "radio", Options: options(c, "cause_class", []string{"NATURAL", "UNNATURAL", "UNKNOWN"})},
				{Name: "checked", Kind: "check"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			cmd := c.deathPaper(act, f.value("number"), f.value("issuer"), f.date("issued_on"), f.date("death_date"), f.Get("cause_class"), f.on("checked"))
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.Cremations.Handle(c.ctx(), c.ID.String(), cmd)
		},
	},
	{
		name: "confirmation", op: "sign_confirmation", group: "papers", tell: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && c.Cremation.Confirmation.Applicant == "", func() error {
				if err := c.Case.May(booking.SignFor, domain.DateOf(c.now)); err != nil {
					return err
				}
				return c.askCremation(c.confirmed(c.candidate(), anything))
			})
		},
		facts: func(c *caseView) []fact {
			return []fact{{c.text("fact.applicant"), c.Case.Handler.Name.Or("—") + " " + c.label("relation", c.Case.Handler.Relation)}}
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "form", Kind: "text", Value: confirmationForm, Max: 40}, {Name: "signed", Kind: "check"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			if !f.on("signed") {
				f.fail("signed", errSigned)
				return events.Receipt{}, f.bad
			}
			if err := c.Case.May(booking.SignFor, domain.DateOf(act.Now)); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.SignConfirmation(c.ctx(), handlers.SignConfirmation{Act: act, Case: c.ID, Form: f.value("form")})
		},
	},
	{
		name: "police_paper", op: "record_police_paper", group: "papers",
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && c.needsPolice() && c.Cremation.Police.Issuer == "", func() error {
				return c.askCremation(c.policePaper(c.candidate(), anything, anything, domain.DateOf(c.now)))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "number", Kind: "text", Max: 60}, {Name: "issuer", Kind: "text", Max: 100}, {Name: "issued_on", Kind: "date"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			cmd := c.policePaper(act, f.value("number"), f.value("issuer"), f.date("issued_on"))
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.Cremations.Handle(c.ctx(), c.ID.String(), cmd)
		},
	},
	{
		name: "paper", op: "receive_paper", group: "papers",
		ask: func(c *caseView) error {
			papers := c.openPapers(false)
			return only(len(papers) > 0, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.ReceivePaper{Act: c.candidate(), PaperReceived: booking.PaperReceived{Paper: papers[0].Code, Form: booking.Original}}))
			})
		},
		fields: func(c *caseView) []field {
			var ps []option
			for _, p := range c.openPapers(false) {
				ps = append(ps, option{string(p.Code), c.in(Text{p.NameZh, p.NameEn}) + " — " + c.in(Text{p.WhyZh, p.WhyEn})})
			}
			return []field{{Name: "paper", Kind: "checks", Options: ps}, {Name: "paper_form", Kind: "radio", Value: string(booking.Original), Options: options(c, "paper_form", booking.Forms)}, {Name: "number", Kind: "text", Optional: true, Max: 60}}
		},
		do: func(c *caseView, act domain.Act, f form) (rc events.Receipt, err error) {
			if len(f.Values["paper"]) == 0 {
				f.fail("paper", errField)
				return rc, f.bad
			}
			for _, code := range f.Values["paper"] {
				x := booking.PaperReceived{Paper: booking.Code(code), Form: booking.Form(f.Get("paper_form"))}
				of := c.Case.Deceased.Person
				if x.Paper == booking.HandlerID || x.Paper == booking.AuthorityPaper || x.Paper == booking.RelationProof {
					of = c.Case.Handler.Person
				}
				if len(f.Values["paper"]) == 1 {
					x.Number = sealed(of, f.value("number"))
				}
				step := act
				step.ID = events.StepID(act.ID, code)
				if rc, err = c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), booking.ReceivePaper{Act: step, PaperReceived: x}); err != nil {
					return rc, err
				}
			}
			return rc, nil
		},
	},
	{
		name: "promise", op: "receive_paper", group: "papers", minor: true,
		ask: func(c *caseView) error {
			papers := c.openPapers(true)
			return only(len(papers) > 0, func() error {
				return would(booking.Case, c.Case, booking.Command(c.promise(c.candidate(), papers[0].Code, domain.DateOf(c.now), anything)))
			})
		},
		fields: func(c *caseView) []field {
			var ps []option
			for _, p := range c.openPapers(true) {
				ps = append(ps, option{string(p.Code), c.in(Text{p.NameZh, p.NameEn})})
			}
			return []field{{Name: "paper", Kind: "radio", Options: ps}, {Name: "due", Kind: "date", Value: string(domain.DateOf(c.now).AddDays(c.Parameters.Int(institution.PaperDays)))}, {Name: "pledge", Kind: "text", Value: pledgeForm, Max: 40}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return c.promise(act, booking.Code(f.Get("paper")), f.date("due"), f.value("pledge"))
		}),
	},
	{
		name: "notify_office", op: "receive_paper", group: "papers", minor: true,
		ask: func(c *caseView) error {
			return only(len(c.Case.Untold()) > 0, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.NotifyOffice{Act: c.candidate(), OfficeNotified: booking.OfficeNotified{Office: c.Case.Untold()[0]}}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "office", Kind: "radio", Options: options(c, "office", c.Case.Untold())}, {Name: "reference", Kind: "text", Optional: true, Max: 40}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.NotifyOffice{Act: act, OfficeNotified: booking.OfficeNotified{Office: booking.Office(f.Get("office")), Reference: f.value("reference")}}
		}),
	},
}

// The versions of the forms that are signed at the desk (I20).
const (
	confirmationForm = "2026.1"
	pledgeForm       = "2026.1"
	identifyForm     = "2026.1"
	receiptForm      = "2026.1"
	depositForm      = "2026.1"
	certificateForm  = "2026.1"
)

var errSigned = domain.Reject("signature_needed", "请由本人当面签字，再勾选。", "Please tick this once it has been signed in person.")

// checklist is what papers the case needs and how each stands.
func (c *caseView) checklist() []booking.Standing {
	var with []booking.Code
	if c.Cremation.Death.Verified {
		with = append(with, booking.DeathPaper)
	}
	if c.Cremation.Confirmation.Applicant != "" {
		with = append(with, booking.ConfirmationPaper)
	}
	if c.Cremation.Police.Issuer != "" {
		with = append(with, booking.PolicePaper)
	}
	s := c.Case.Situation(c.Institution.Division.City())
	if c.Cremation.Death.Form != "" && s.Cause == "" { // the certificate knows more
		s.Cause = booking.Cause(c.Cremation.Death.CauseClass.Or(""))
	}
	return c.Case.Standing(booking.Checklist(s), with...)
}

// openPapers are those that the case's own stream may receive, or promise.
func (c *caseView) openPapers(follow bool) (ps []booking.Standing) {
	for _, p := range c.checklist() {
		switch p.Code {
		case booking.DeathPaper, booking.ConfirmationPaper, booking.PolicePaper:
			continue
		}
		if !p.Have && (!follow || p.MayFollow && p.Due == "") {
			ps = append(ps, p)
		}
	}
	return ps
}

func (c *caseView) promise(act domain.Act, paper booking.Code, due domain.Date, pledge string) booking.PromisePaper {
	return booking.PromisePaper{Act: act, Paper: paper, Due: due, Pledge: pledge, MaxDays: c.Parameters.Int(institution.PaperDays)}
}

// circumstanceFields ask what decides which papers are needed.
func circumstanceFields(c *caseView) []field {
	x := c.Case.Circumstances
	infectious := ""
	if x.Infectious.Or(false) {
		infectious = "1"
	}
	return circumstancesForm(c.desk.staff[c.view.Lang], x.Place, x.Cause.Or(""), infectious, x.Custom.Or(""))
}

func circumstancesForm(m messages, place booking.DeathPlace, cause booking.Cause, infectious, custom string) []field {
	of := func(kind string, codes []string) (os []option) {
		for _, x := range codes {
			os = append(os, option{x, m.label(kind, x)})
		}
		return os
	}
	var places, causes []string
	for _, p := range booking.DeathPlaces {
		places = append(places, string(p))
	}
	for _, p := range booking.Causes {
		causes = append(causes, string(p))
	}
	return []field{{Name: "place", Kind: "select", Value: string(place), Optional: true, Options: of("place", places)}, {Name: "cause", Kind: "select", Value: string(cause), Optional: true, Options: of("cause", causes)},
		{Name: "infectious", Kind: "check", Value: infectious}, {Name: "custom", Kind: "text", Value: custom, Optional: true, Max: 100}}
}

func circumstances(of domain.Subject, f *form) booking.CircumstancesRecorded {
	x := booking.CircumstancesRecorded{Place: booking.DeathPlace(f.Get("place")), Cause: sealed(of, booking.Cause(f.Get("cause"))), Custom: sealed(of, f.value("custom"))}
	if f.on("infectious") {
		x.Infectious = domain.Personal(of, true)
	}
	return x
}

var endActs = []*deskAct{
	{
		name: "tracking", op: "amend_case", group: "case", minor: true,
		ask: func(c *caseView) error { return only(!c.Case.Cancelled, func() error { return nil }) },
		facts: func(c *caseView) []fact {
			return []fact{{c.text("fact.tracking_to"), c.Case.Handler.Name.Or("—") + " " + maskPhone(c.Case.Handler.Phone.Or(""))}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			code := c.desk.app.TrackingCode(c.ID)
			rc, err := c.desk.app.Cases.Handle(c.ctx(), c.ID.String(), booking.IssueTracking{Act: act, Hash: c.desk.app.TrackingHash(code)})
			if err == nil {
				c.say(c.text("desk.tracking", code))
			}
			return rc, err
		},
	},
	{
		name: "cancel", op: "cancel_case", group: "case", final: true, minor: true,
		ask: func(c *caseView) error {
			return only(!c.Case.Cancelled && !c.Case.Closed && !c.begun(), func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Cancel{Act: c.candidate(), Reason: booking.EntryError}))
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "reason", Kind: "radio", Options: options(c, "case_reason", booking.CancelReasons)}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.CancelCase(c.ctx(), handlers.CancelCase{Act: act, Case: c.ID, Reason: booking.Reason(f.Get("reason"))})
		},
	},
	{
		name: "close", op: "close_case", group: "money",
		ask: func(c *caseView) error {
			return only(c.Cremation.Released.To != "" && !c.Case.Closed, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Close{Act: c.candidate()}))
			})
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command { return booking.Close{Act: act} }),
	},
}

// personFields ask who died and who arranges the case.
func personFields(d booking.Deceased, h booking.Handler, c *caseView) []field {
	m := c.desk.staff[c.view.Lang]
	return append(deceasedForm(m, d), handlerForm(m, h)...)
}

func handlerFields(h booking.Handler, c *caseView) []field {
	return handlerForm(c.desk.staff[c.view.Lang], h)
}

func labelled[T ~string](m messages, kind string, codes []T) (os []option) {
	for _, x := range codes {
		os = append(os, option{string(x), m.label(kind, string(x))})
	}
	return os
}

// divisionOptions are the divisions that a form suggests; others may be typed.
func divisionOptions(m messages) (os []option) {
	for _, code := range hukous(m) {
		os = append(os, option{code, cmp.Or(m["division."+code], m["hukou."+code])})
	}
	return os
}

func deceasedForm(m messages, d booking.Deceased) []field {
	return []field{
		{Name: "name", Kind: "text", Value: d.Name.Or(""), Optional: d.Unnamed != "", Max: 60},
		{Name: "citizen_id", Kind: "id", Value: string(d.CitizenID.Or("")), Optional: true, Max: 18, Hint: "citizen_id"},
		{Name: "death_day", Kind: "date", Value: string(d.DeathDate), Optional: true},
		{Name: "hukou", Kind: "number", Value: string(d.Hukou), Optional: true, Max: 6, Options: divisionOptions(m)},
		{Name: "kind", Kind: "select", Value: string(cmp.Or(d.Kind, booking.Resident)), Options: labelled(m, "kind_of", booking.DeceasedKinds)},
		{Name: "document_kind", Kind: "select", Value: string(d.Document.Kind), Optional: true, Options: labelled(m, "document_kind", booking.DocumentKinds)},
		{Name: "document_number", Kind: "text", Value: d.Document.Number.Or(""), Optional: true, Max: 40},
		{Name: "sex", Kind: "select", Value: string(d.Sex.Or("")), Optional: true, Options: labelled(m, "sex", []booking.Sex{booking.Male, booking.Female, booking.UnknownSex})},
		{Name: "birth", Kind: "date", Value: string(d.Birth.Or("")), Optional: true},
		{Name: "nationality", Kind: "text", Value: d.Nationality.Or(""), Optional: true, Max: 3, Options: labelled(m, "country", nationalities)},
	}
}

func handlerForm(m messages, h booking.Handler) []field {
	return []field{
		{Name: "handler_name", Kind: "text", Value: h.Name.Or(""), Max: 60},
		{Name: "handler_phone", Kind: "phone", Value: h.Phone.Or(""), Max: 20},
		{Name: "relation", Kind: "select", Value: string(h.Relation), Options: labelled(m, "relation", booking.Relations)},
		{Name: "handler_id", Kind: "id", Value: string(h.CitizenID.Or("")), Optional: true, Max: 18},
	}
}

// persons reads who died and who arranges the case. References follow from the
// ID numbers, or else from the request.
func persons(app *handlers.App, request uuid.UUID, f *form) (booking.Deceased, booking.Handler) {
	id, hid := f.citizen("citizen_id"), f.citizen("handler_id")
	dead, handler := app.Somebody(request, "deceased"), app.Somebody(request, "handler")
	if id != "" {
		dead = app.Person(id)
	}
	if hid != "" {
		handler = app.Person(hid)
	}
	d := booking.Deceased{Person: dead, Name: sealed(dead, f.value("name")), CitizenID: sealed(dead, id), Sex: sealed(dead, booking.Sex(f.Get("sex"))), Birth: sealed(dead, f.date("birth")),
		DeathDate: f.date("death_day"), Hukou: domain.Division(f.value("hukou")), Kind: booking.Kind(f.Get("kind")), Nationality: sealed(dead, strings.ToUpper(f.value("nationality")))}
	if k := f.Get("document_kind"); k != "" {
		d.Document = booking.IDDocument{Kind: booking.DocumentKind(k), Number: sealed(dead, f.value("document_number"))}
	}
	switch {
	case d.Name.IsZero() && d.Kind == booking.UnnamedBody:
		d.Unnamed = booking.Unidentified
	case d.Name.IsZero() && d.Kind == booking.Infant:
		d.Unnamed = booking.Newborn
	}
	return d, booking.Handler{Person: handler, Name: sealed(handler, f.value("handler_name")), Phone: sealed(handler, f.value("handler_phone")), Relation: booking.Relation(f.Get("relation")), CitizenID: sealed(handler, hid)}
}

// under keeps the particulars of the deceased under the reference that the case
// has.
func under(of domain.Subject, d booking.Deceased) booking.Deceased {
	d.Person = of
	d.Name, d.CitizenID, d.Sex, d.Birth, d.Nationality = sealed(of, d.Name.Or("")), sealed(of, d.CitizenID.Or("")), sealed(of, d.Sex.Or("")), sealed(of, d.Birth.Or("")), sealed(of, d.Nationality.Or(""))
	d.Document.Number = sealed(of, d.Document.Number.Or(""))
	return d
}

func handlerUnder(of domain.Subject, h booking.Handler) booking.Handler {
	h.Person = of
	h.Name, h.Phone, h.CitizenID = sealed(of, h.Name.Or("")), sealed(of, h.Phone.Or("")), sealed(of, h.CitizenID.Or(""))
	return h
}
