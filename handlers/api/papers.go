package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
)

type circumstancesBody struct {
	Happened
	Place      string `json:"place,omitzero" enum:"HOSPITAL,HOME,CARE_HOME,ELSEWHERE,ABROAD"`
	Cause      string `json:"cause,omitzero" enum:"NATURAL,UNNATURAL,UNKNOWN,DECLARED_DEAD,EXECUTED" doc:"Sealed."`
	Infectious *bool  `json:"infectious,omitzero" doc:"Sealed; left out: nobody knows."`
	Custom     string `json:"custom,omitzero" maxLength:"200" doc:"Religion or custom to be respected. Sealed."`
}

type paperBody struct {
	Happened
	Paper  string `json:"paper" enum:"COURT_PAPER,TRANSFER_FORM,DISPOSAL_NOTICE,DECEASED_ID,HANDLER_ID,PARENT_ID,AUTHORITY,RELATION_PROOF,HOUSEHOLD_BOOK,RELIEF_PROOF"`
	Form   string `json:"form" enum:"ORIGINAL,E_LICENCE,COPY,PHOTO,DATA_LOOKUP"`
	Number string `json:"number,omitzero" maxLength:"60" doc:"The paper's own number, where it has one. Sealed."`
}

type promiseBody struct {
	Happened
	Paper  string `json:"paper" maxLength:"40"`
	Due    string `json:"due" format:"date" doc:"The last day on which it may follow."`
	Pledge string `json:"pledge" maxLength:"40" doc:"Version of the form that the handler signed."`
}

type officeBody struct {
	Happened
	Office    string `json:"office" enum:"FOREIGN_AFFAIRS,HK_MACAO,TAIWAN"`
	Reference string `json:"reference,omitzero" maxLength:"40" doc:"The office's receipt or our letter. Never a name."`
}

type authorityBody struct {
	Happened
	Kind       string   `json:"kind" enum:"KINSHIP,DESIGNATION,LETTER,OFFICE,COURT_OR_DEED"`
	Document   string   `json:"document,omitzero" maxLength:"100" doc:"Its number or date. Sealed."`
	Scope      []string `json:"scope" minItems:"1" maxItems:"5" nullable:"false" enum:"ARRANGE,CONFIRM_CREMATION,COLLECT_ASHES,CHOOSE_BURIAL,RECEIVE_MONEY"`
	ValidUntil string   `json:"valid_until,omitzero" format:"date" doc:"Last day; left out: until the case ends."`
}

type replacementBody struct {
	Happened
	Handler   handlerBody `json:"handler"`
	Document  string      `json:"document" maxLength:"100" doc:"The paper that it rests on. No names."`
	Challenge string      `json:"challenge,omitzero" maxLength:"60" doc:"The upheld one that it follows from."`
}

type amendBody struct {
	Happened
	Deceased deceasedBody `json:"deceased"`
	Handler  handlerBody  `json:"handler"`
}

type correctionBody struct {
	Happened
	Field    string `json:"field" enum:"deceased.name,deceased.citizen_id,deceased.document,deceased.sex,deceased.birth,deceased.death_date,deceased.hukou,deceased.nationality,handler.name,handler.phone,handler.relation,handler.citizen_id"`
	From     string `json:"from,omitzero" maxLength:"100" doc:"What is recorded now. Sealed."`
	To       string `json:"to,omitzero" maxLength:"100" doc:"Sealed."`
	Reason   string `json:"reason" maxLength:"200" doc:"Why, never who."`
	Document string `json:"document,omitzero" maxLength:"100"`
}

type clarificationBody struct {
	Happened
	Field string `json:"field" enum:"deceased.name,deceased.citizen_id,deceased.document,deceased.sex,deceased.birth,deceased.death_date,deceased.hukou,deceased.nationality,handler.name,handler.phone,handler.relation,handler.citizen_id"`
	Text  string `json:"text" maxLength:"1000" doc:"Sealed."`
}

type claimBody struct {
	Happened
	Category string `json:"category" maxLength:"60" doc:"The entitled group, as the rule calls it. Sealed."`
}

type grantReliefBody struct {
	Happened
	Category string `json:"category" maxLength:"60" doc:"The entitled group, as the rule calls it. Sealed."`
	Proof    string `json:"proof" maxLength:"60" doc:"How it was checked, never who." example:"civil-affairs-data"`
}

type reliefRefusalBody struct {
	Happened
	Reason string `json:"reason" enum:"NOT_IN_REGISTER,OTHER_HUKOU,RULE_NOT_IN_FORCE,DROPPED"`
}

// ChecklistView is the papers that a case needs and how each stands.
type ChecklistView struct {
	Papers   []PaperView `json:"papers" nullable:"false"`
	Untold   []string    `json:"offices_to_tell" nullable:"false" doc:"Offices that have not been told of the death."`
	MaxDays  int         `json:"may_follow_days" doc:"In how many days a minor paper may follow."`
	Disputed bool        `json:"disputed" doc:"A relative disputes who acts."`
}

// PaperView is one line of the checklist.
type PaperView struct {
	Paper     string `json:"paper"`
	NameZh    string `json:"name_zh"`
	NameEn    string `json:"name_en"`
	WhyZh     string `json:"why_zh"`
	WhyEn     string `json:"why_en"`
	Gate      bool   `json:"gate" doc:"No cremation without it."`
	MayFollow bool   `json:"may_follow" doc:"It may come later, against a signed promise."`
	Have      bool   `json:"have"`
	Form      string `json:"form,omitzero"`
	Due       string `json:"due,omitzero" format:"date"`
	Overdue   bool   `json:"overdue,omitzero"`
}

func (a *API) papers(h huma.API) {
	// asked registers a write that the case decides from what it says itself.
	get(h, "get_checklist", "/cases/{case}/papers", "The papers that a case needs", a.checklist)
	post(a, h, "record_circumstances", "/cases/{case}/circumstances", "Note what decides which papers are needed", func(ctx context.Context, q *request, in *ofCase[circumstancesBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b, of := in.Body, s.Deceased.Person
		c := booking.RecordCircumstances{Act: q.Act, CircumstancesRecorded: booking.CircumstancesRecorded{Place: booking.DeathPlace(b.Place),
			Cause: sealed(of, booking.Cause(b.Cause)), Custom: sealed(of, b.Custom)}}
		if b.Infectious != nil {
			c.Infectious = domain.Personal(of, *b.Infectious)
		}
		rc, err := handle(ctx, a.app.Cases, id.String(), q, booking.Command(c))
		return done{id.String(), rc}, err
	})
	post(a, h, "receive_paper", "/cases/{case}/papers", "Note that a paper was seen", func(ctx context.Context, q *request, in *ofCase[paperBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		of := s.Deceased.Person
		switch code := booking.Code(in.Body.Paper); code {
		case booking.HandlerID, booking.AuthorityPaper:
			of = s.Handler.Person
		}
		rc, err := handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.ReceivePaper{Act: q.Act, PaperReceived: booking.PaperReceived{
			Paper: booking.Code(in.Body.Paper), Form: booking.Form(in.Body.Form), Number: sealed(of, in.Body.Number)}}))
		return done{id.String(), rc}, err
	})
	onCase(a, h, "promise_paper", "/paper-promises", "Let a minor paper follow later", func(ctx context.Context, q *request, id uuid.UUID, b promiseBody) (events.Receipt, error) {
		return a.app.PromisePaper(ctx, handlers.PromisePaper{Act: q.Act, Case: id, Paper: booking.Code(b.Paper), Due: domain.Date(b.Due), Pledge: b.Pledge, IfMatch: q.IfMatch})
	})
	onCase(a, h, "notify_office", "/office-notices", "Note that an office was told", func(ctx context.Context, q *request, id uuid.UUID, b officeBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.NotifyOffice{Act: q.Act, OfficeNotified: booking.OfficeNotified{Office: booking.Office(b.Office), Reference: b.Reference}}))
	})

	post(a, h, "authorise_handler", "/cases/{case}/authority", "Record what the handler's authority rests on", func(ctx context.Context, q *request, in *ofCase[authorityBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		c := booking.Authorise{Act: q.Act, Kind: booking.AuthorityKind(in.Body.Kind), Document: sealed(s.Handler.Person, in.Body.Document), ValidUntil: domain.Date(in.Body.ValidUntil)}
		for _, x := range in.Body.Scope {
			c.Scope = append(c.Scope, booking.Scope(x))
		}
		rc, err := handle(ctx, a.app.Cases, id.String(), q, booking.Command(c))
		return done{id.String(), rc}, err
	})
	onCase(a, h, "replace_handler", "/handler-replacements", "Put another handler in charge", func(ctx context.Context, q *request, id uuid.UUID, b replacementBody) (events.Receipt, error) {
		who, err := a.handler(q, b.Handler, "")
		if err != nil {
			return events.Receipt{}, err
		}
		return a.app.ReplaceHandler(ctx, handlers.ReplaceHandler{Act: q.Act, Case: id, HandlerReplaced: booking.HandlerReplaced{Handler: who, Document: b.Document, Challenge: b.Challenge}, IfMatch: q.IfMatch})
	})
	post(a, h, "amend_case", "/cases/{case}/particulars", "Replace the particulars before the cremation begins", func(ctx context.Context, q *request, in *ofCase[amendBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		deceased, err := a.deceased(q, in.Body.Deceased, s.Deceased.Person)
		if err != nil {
			return done{}, err
		}
		handler, err := a.handler(q, in.Body.Handler, s.Handler.Person)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.Amend(ctx, handlers.Amend{Act: q.Act, Case: id, Deceased: deceased, Handler: handler, IfMatch: q.IfMatch})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "correct_case", "/corrections", "Put a particular right after the cremation began", func(ctx context.Context, q *request, id uuid.UUID, b correctionBody) (events.Receipt, error) {
		return a.app.Correct(ctx, handlers.Correct{Case: id, IfMatch: q.IfMatch, Correct: booking.Correct{Act: q.Act, Correction: q.New.String(), Field: booking.Field(b.Field), From: b.From, To: b.To,
			Reason: b.Reason, Document: b.Document}})
	})
	onCase(a, h, "clarify_case", "/clarifications", "Explain a particular and change nothing", func(ctx context.Context, q *request, id uuid.UUID, b clarificationBody) (events.Receipt, error) {
		return a.app.Clarify(ctx, handlers.Clarify{Case: id, IfMatch: q.IfMatch, Clarify: booking.Clarify{Act: q.Act, Clarification: q.New.String(), Field: booking.Field(b.Field), Text: b.Text}})
	})

	onCase(a, h, "claim_relief", "/relief-claims", "Note that the family claims relief", func(ctx context.Context, q *request, id uuid.UUID, b claimBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.ClaimRelief{Act: q.Act, Category: b.Category, Rules: a.app.Rules.Relief}))
	})
	onCase(a, h, "grant_relief", "/relief-grants", "Decide that the case is entitled", func(ctx context.Context, q *request, id uuid.UUID, b grantReliefBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.GrantRelief{Act: q.Act, Category: b.Category, Proof: b.Proof, Rules: a.app.Rules.Relief}))
	})
	onCase(a, h, "decline_relief", "/relief-refusals", "Decide that the claim comes to nothing", func(ctx context.Context, q *request, id uuid.UUID, b reliefRefusalBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.DeclineRelief{Act: q.Act, Reason: booking.DeclineReason(b.Reason)}))
	})
}

func (a *API) checklist(ctx context.Context, at func(string) error, in *byCase) (ChecklistView, events.Revision, error) {
	id, s, rev, err := a.caseOf(ctx, at, in.Case)
	v := ChecklistView{Papers: []PaperView{}, Untold: []string{}}
	if err != nil {
		return v, 0, err
	}
	p, list, err := a.app.Papers(ctx, id, s)
	if err != nil {
		return v, 0, err
	}
	v.MaxDays, v.Disputed = p.Int(institution.PaperDays), s.Disputed()
	for _, x := range list {
		v.Papers = append(v.Papers, PaperView{string(x.Code), x.NameZh, x.NameEn, x.WhyZh, x.WhyEn, x.Gate, x.MayFollow, x.Have, string(x.Form), string(x.Due), x.Overdue})
	}
	for _, o := range s.Untold() {
		v.Untold = append(v.Untold, string(o))
	}
	return v, rev, nil
}

// deceased is the person whom a body describes; keep is who it is already, for
// one that names no ID number.
func (a *API) deceased(q *request, b deceasedBody, keep domain.Subject) (booking.Deceased, error) {
	person, citizen, err := a.person(q, "body.deceased", b.CitizenID)
	if err != nil {
		return booking.Deceased{}, err
	}
	if keep != "" { // who it is about does not change with a number
		person = keep
	}
	d := booking.Deceased{Person: person, Name: sealed(person, b.Name), Unnamed: booking.Unnamed(b.Unnamed), CitizenID: sealed(person, citizen),
		Sex: sealed(person, booking.Sex(b.Sex)), Birth: sealed(person, domain.Date(b.Birth)), DeathDate: domain.Date(b.DeathDate), Hukou: domain.Division(b.Hukou),
		Kind: booking.Kind(b.Kind), Nationality: sealed(person, b.Nationality)}
	if b.Document != nil {
		d.Document = booking.IDDocument{Kind: booking.DocumentKind(b.Document.Kind), Number: sealed(person, b.Document.Number)}
	}
	return d, nil
}

// handler is who arranges a case, as a body describes them; keep is who it is
// already.
func (a *API) handler(q *request, b handlerBody, keep domain.Subject) (booking.Handler, error) {
	person, citizen, err := a.person(q, "body.handler", b.CitizenID)
	if err != nil {
		return booking.Handler{}, err
	}
	if keep != "" {
		person = keep
	}
	h := booking.Handler{Person: person, Name: sealed(person, b.Name), Phone: sealed(person, b.Phone), Relation: booking.Relation(b.Relation), CitizenID: sealed(person, citizen)}
	if b.Document != nil {
		h.Document = booking.IDDocument{Kind: booking.DocumentKind(b.Document.Kind), Number: sealed(person, b.Document.Number)}
	}
	return h, nil
}
