package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/handlers"
)

type splitBody struct {
	Happened
	Share   int        `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Into    []partBody `json:"into" minItems:"2" maxItems:"20" nullable:"false"`
	Request string     `json:"request" maxLength:"60" doc:"The family's signed request. Sealed."`
	Form    string     `json:"form" maxLength:"40" doc:"Version of its form."`
}

type partBody struct {
	WeightG     int    `json:"weight_g" minimum:"1" maximum:"20000"`
	Containers  int    `json:"containers" minimum:"1" maximum:"20"`
	Label       string `json:"label" maxLength:"44" doc:"As read from the container."`
	CollectorID string `json:"collector_citizen_id,omitzero" maxLength:"18" doc:"Who will receive this part; left out: as the whole."`
	SealedWith  string `json:"sealed_with" maxLength:"40" doc:"Account of the second person who sealed."`
}

type ashMoveBody struct {
	Scanned
	Share int       `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Label string    `json:"label" maxLength:"44" doc:"As scanned."`
	From  PlaceView `json:"from"`
	To    PlaceView `json:"to"`
}

type depositBody struct {
	Scanned
	Share     int       `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Label     string    `json:"label" maxLength:"44" doc:"As scanned."`
	From      PlaceView `json:"from"`
	To        PlaceView `json:"to"`
	Until     string    `json:"until" format:"date" doc:"Last day of the term."`
	Agreement string    `json:"agreement" maxLength:"60" doc:"Number of the agreement. No names."`
	Form      string    `json:"form" maxLength:"40" doc:"Version of its form."`
}

type depositTermBody struct {
	Happened
	Share     int    `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Until     string `json:"until" format:"date" doc:"Last day of the term."`
	Agreement string `json:"agreement" maxLength:"60" doc:"Number of the agreement. No names."`
}

type noticeBody struct {
	Happened
	Share       int    `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Document    string `json:"document" maxLength:"100" doc:"Number of the notice."`
	PublishedOn string `json:"published_on" format:"date" doc:"The notice's own date; its days count from the day of the record."`
}

type shareBody struct {
	Happened
	Share int `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
}

type servedBody struct {
	Happened
	Share     int    `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Clock     string `json:"clock" enum:"UNCLAIMED,TERM" doc:"Days after the cremation in which nobody came, or before the end of a deposit."`
	Step      int    `json:"step" minimum:"1" maximum:"100" doc:"Which notice of the schedule; 1 is the first."`
	Way       string `json:"way" enum:"MESSAGE,CALL,LETTER,VISIT,PUBLICATION"`
	ServedOn  string `json:"served_on" format:"date"`
	Reference string `json:"reference,omitzero" maxLength:"100" doc:"Who was reached, or the letter's number. Sealed."`
}

// NoticeView is one notice of the published schedule.
type NoticeView struct {
	Share    int    `json:"share"`
	Clock    string `json:"clock" enum:"UNCLAIMED,TERM"`
	Step     int    `json:"step"`
	Due      string `json:"due" format:"date"`
	Way      string `json:"way,omitzero"`
	ServedOn string `json:"served_on,omitzero" format:"date" doc:"Left out: not served yet."`
}

func noticeViews(ns []cremation.Notice) []NoticeView {
	vs := []NoticeView{}
	for _, n := range ns {
		vs = append(vs, NoticeView{n.Share, string(n.Clock), n.Step, string(n.Due), string(n.Served.Way), string(n.Served.ServedOn)})
	}
	return vs
}

type restBody struct {
	Happened
	Share    int    `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Way      string `json:"way" maxLength:"60" doc:"How they are laid to rest."`
	Document string `json:"document" maxLength:"100" doc:"The decision it rests on."`
}

type collectedBody struct {
	Happened
	Number    string `json:"number" maxLength:"40" doc:"The certificate's."`
	Name      string `json:"name" maxLength:"60" doc:"Of who takes it. Sealed."`
	CitizenID string `json:"citizen_id,omitzero" maxLength:"18" doc:"Of who takes it."`
	Receipt   string `json:"receipt" maxLength:"60" doc:"The signature. Sealed."`
}

type filedBody struct {
	Happened
	Number string `json:"number" maxLength:"40" doc:"The certificate's."`
	File   string `json:"file" maxLength:"60" doc:"Reference of the file with its counterfoil."`
}

type struckBody struct {
	Happened
	Number string `json:"number" maxLength:"40" doc:"The certificate's."`
	Reason string `json:"reason" maxLength:"200" doc:"Never about a person."`
	Paper  string `json:"paper" maxLength:"100"`
}

type recordBody struct {
	Happened
	Field    string `json:"field" enum:"death_number,death_issuer,death_issued_on,death_date,cause_class,police_number,collector,started_at,completed_at,ashes_weight_g"`
	From     string `json:"from,omitzero" maxLength:"100" doc:"What is recorded now. Sealed."`
	To       string `json:"to,omitzero" maxLength:"100" doc:"Sealed. Times are RFC 3339, days 2026-11-23; a collector is named by the ID number."`
	Reason   string `json:"reason" maxLength:"200" doc:"Why, never who."`
	Document string `json:"document,omitzero" maxLength:"100"`
}

type remarkBody struct {
	Happened
	Field string `json:"field,omitzero" enum:"death_number,death_issuer,death_issued_on,death_date,cause_class,police_number,collector,started_at,completed_at,ashes_weight_g" doc:"Left out: the case as a whole."`
	Text  string `json:"text" maxLength:"1000" doc:"Sealed."`
}

type explanationBody struct {
	Happened
	Kind   string `json:"kind" enum:"TOO_SHORT,TELEMETRY_DIFFERS"`
	Reason string `json:"reason" maxLength:"200" doc:"What was found out, never who."`
}

// AshView is a share of the ashes.
type AshView struct {
	Share        int       `json:"share"`
	WeightG      int       `json:"weight_g"`
	Label        string    `json:"label"`
	Status       string    `json:"status" enum:"in_custody,deposited,split,released,at_rest"`
	Place        PlaceView `json:"place"`
	DepositUntil string    `json:"deposit_until,omitzero" format:"date"`
	CodeSent     bool      `json:"code_issued" doc:"A one-time code was issued and not used up."`
}

func ashViews(s cremation.CremationState) []AshView {
	vs := []AshView{}
	for _, x := range s.Shares {
		v := AshView{x.Share, x.WeightG, x.Label, "in_custody", placeView(x.Place), string(x.Deposited.Until), x.Code.Code != uuid.Nil}
		switch {
		case x.Split:
			v.Status = "split"
		case x.Released.To != "":
			v.Status, v.CodeSent = "released", false
		case x.Rest.ApprovedBy != "":
			v.Status = "at_rest"
		case x.Deposited.Agreement != "":
			v.Status = "deposited"
		}
		vs = append(vs, v)
	}
	return vs
}

func (a *API) ashes(h huma.API, plain func(*request, context.Context, uuid.UUID, cremation.CremationCommand) (events.Receipt, error)) {
	onCase(a, h, "split_ashes", "/cremation/ashes-splits", "Divide the ashes at the family's written wish", func(ctx context.Context, q *request, id uuid.UUID, b splitBody) (events.Receipt, error) {
		s, _, err := a.app.Cases.Load(ctx, id.String())
		if err != nil {
			return events.Receipt{}, err
		}
		c := cremation.SplitAshes{Act: q.Act, Share: b.Share, Request: sealed(s.Handler.Person, b.Request), Form: b.Form}
		for _, p := range b.Into {
			to, err := a.citizen("body.into.collector_citizen_id", p.CollectorID)
			if err != nil {
				return events.Receipt{}, err
			}
			c.Into = append(c.Into, cremation.Part{WeightG: p.WeightG, Containers: p.Containers, Label: p.Label, Collector: to, SealedBy: [2]string{q.actor.ID, p.SealedWith}})
		}
		return plain(q, ctx, id, c)
	})
	onCase(a, h, "move_ashes", "/cremation/ashes-moves", "Move a share by two scans of its label", func(ctx context.Context, q *request, id uuid.UUID, b ashMoveBody) (events.Receipt, error) {
		out, in := b.scans(q)
		return plain(q, ctx, id, cremation.MoveAshes{Act: q.Act, Share: b.Share, Label: b.Label, From: b.From.place(), To: b.To.place(), Out: out, In: in})
	})
	onCase(a, h, "deposit_ashes", "/cremation/deposits", "Put a share into a niche for a term", func(ctx context.Context, q *request, id uuid.UUID, b depositBody) (events.Receipt, error) {
		out, in := b.scans(q)
		return plain(q, ctx, id, cremation.DepositAshes{Act: q.Act, Share: b.Share, Label: b.Label, From: b.From.place(), To: b.To.place(), Out: out, In: in,
			Until: domain.Date(b.Until), Agreement: b.Agreement, Form: b.Form})
	})
	onCase(a, h, "extend_deposit", "/cremation/deposit-extensions", "Lengthen the term of a deposit", func(ctx context.Context, q *request, id uuid.UUID, b depositTermBody) (events.Receipt, error) {
		return plain(q, ctx, id, cremation.ExtendDeposit{Act: q.Act, Share: b.Share, Until: domain.Date(b.Until), Agreement: b.Agreement})
	})
	onCase(a, h, "withdraw_ashes", "/cremation/withdrawals", "Take a share out of its niche", func(ctx context.Context, q *request, id uuid.UUID, b ashMoveBody) (events.Receipt, error) {
		out, in := b.scans(q)
		return plain(q, ctx, id, cremation.WithdrawAshes{Act: q.Act, Share: b.Share, Label: b.Label, From: b.From.place(), To: b.To.place(), Out: out, In: in})
	})
	onCase(a, h, "publish_ashes_notice", "/cremation/ashes-notices", "Record a notice about ashes that nobody takes", func(ctx context.Context, q *request, id uuid.UUID, b noticeBody) (events.Receipt, error) {
		return plain(q, ctx, id, cremation.PublishNotice{Act: q.Act, Share: b.Share, Document: b.Document, PublishedOn: domain.Date(b.PublishedOn)})
	})
	post(a, h, "serve_ashes_notice", "/cases/{case}/cremation/served-notices", "Record that a notice of the published schedule was served", func(ctx context.Context, q *request, in *ofCase[servedBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.ServeNotice(ctx, id, cremation.ServeNotice{Act: q.Act, Share: b.Share, Clock: cremation.Clock(b.Clock), Step: b.Step, Way: cremation.NoticeWay(b.Way), ServedOn: domain.Date(b.ServedOn), Reference: sealed(s.Handler.Person, b.Reference)})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "propose_rest", "/cremation/rest-proposals", "Propose where ashes that nobody takes are laid to rest", func(ctx context.Context, q *request, id uuid.UUID, b restBody) (events.Receipt, error) {
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return events.Receipt{}, err
		}
		return a.app.ProposeRest(ctx, id, cremation.ProposeRest{Act: q.Act, Share: b.Share, Way: b.Way, Document: b.Document})
	})
	onCase(a, h, "approve_rest", "/cremation/rests", "Carry out what another account proposed", func(ctx context.Context, q *request, id uuid.UUID, b shareBody) (events.Receipt, error) {
		return plain(q, ctx, id, cremation.ApproveRest{Act: q.Act, Share: b.Share})
	})
	onCase(a, h, "issue_release_code", "/cremation/release-codes", "Make a one-time code for who receives the ashes; it is told in this answer and never again", func(ctx context.Context, q *request, id uuid.UUID, b shareBody) (rc events.Receipt, err error) {
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return rc, err
		}
		q.code, rc, err = a.app.IssueCode(ctx, handlers.IssueCode{Act: q.Act, Case: id, Share: b.Share})
		return rc, err
	})

	post(a, h, "collect_certificate", "/cases/{case}/cremation/certificate-collection", "Hand the certificate out", func(ctx context.Context, q *request, in *ofCase[collectedBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		to, err := a.relative(q, s, b.Name, b.CitizenID, "taker")
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.Certificate(ctx, id, b.Number, func(valid bool) cremation.CertificateCommand {
			return cremation.CollectCertificate{Act: q.Act, To: to, Name: sealed(to, b.Name), Receipt: sealed(to, b.Receipt), Issued: valid}
		})
		return done{b.Number, rc}, err
	})
	onCertificate(a, h, "file_certificate", "/cremation/certificate-files", "Put the certificate's counterfoil on file", func(q *request, b filedBody) (string, func(bool) cremation.CertificateCommand) {
		return b.Number, func(bool) cremation.CertificateCommand { return cremation.FileCertificate{Act: q.Act, File: b.File} }
	})
	onCertificate(a, h, "deregister_certificate", "/cremation/certificate-cancellations", "Strike a number off the register that is not the valid certificate", func(q *request, b struckBody) (string, func(bool) cremation.CertificateCommand) {
		return b.Number, func(valid bool) cremation.CertificateCommand {
			return cremation.DeregisterCertificate{Act: q.Act, Reason: b.Reason, Paper: b.Paper, Valid: valid}
		}
	})

	post(a, h, "correct_cremation", "/cases/{case}/cremation/corrections", "Put the record of the cremation right after it began", func(ctx context.Context, q *request, in *ofCase[recordBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return done{}, err
		}
		b, of := in.Body, s.Deceased.Person
		if b.Field == string(cremation.FieldCollector) {
			for _, v := range []*string{&b.From, &b.To} {
				who, err := a.citizen("body.to", *v)
				if err != nil {
					return done{}, err
				}
				*v = string(who)
			}
		}
		rc, err := a.app.CorrectCremation(ctx, id, cremation.Correct{Act: q.Act, Correction: q.New, Field: cremation.Field(b.Field), From: domain.Personal(of, b.From), To: domain.Personal(of, b.To), Reason: b.Reason, Document: b.Document})
		return done{id.String(), rc}, err
	})
	post(a, h, "clarify_cremation", "/cases/{case}/cremation/clarifications", "Explain the record of the cremation and change nothing", func(ctx context.Context, q *request, in *ofCase[remarkBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		rc, err := plain(q, ctx, id, cremation.Clarify{Act: q.Act, Clarification: q.New, About: cremation.Field(in.Body.Field), Text: sealed(s.Deceased.Person, in.Body.Text)})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "explain_anomaly", "/cremation/explanations", "Say what was found out about an anomaly; not by the operator", func(ctx context.Context, q *request, id uuid.UUID, b explanationBody) (events.Receipt, error) {
		return plain(q, ctx, id, cremation.ExplainAnomaly{Act: q.Act, Kind: cremation.AnomalyKind(b.Kind), Reason: b.Reason})
	})
}

// onCertificate registers a write to a certificate of a case.
func onCertificate[B any](a *API, h huma.API, op handlers.Operation, path, summary string, ask func(*request, B) (string, func(valid bool) cremation.CertificateCommand)) {
	post(a, h, op, "/cases/{case}"+path, summary, func(ctx context.Context, q *request, in *ofCase[B]) (done, error) {
		id, _, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		number, command := ask(q, in.Body)
		rc, err := a.app.Certificate(ctx, id, number, command)
		return done{number, rc}, err
	})
}
