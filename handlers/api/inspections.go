package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
)

type commitInspectionBody struct {
	Happened
	Commitment string `json:"commitment" minLength:"64" maxLength:"64" doc:"SHA-256 of seed and salt."`
	Count      int    `json:"count" minimum:"1" maximum:"1000" doc:"How many institutions are drawn."`
}

type freezeInspectionBody struct {
	Happened
	Institutions []string                        `json:"institutions" maxItems:"1000" doc:"Credit codes: everybody of the register who is not excluded."`
	Officers     []string                        `json:"officers" maxItems:"1000" doc:"Accounts."`
	Excluded     []oversight.InspectionExclusion `json:"excluded,omitzero" maxItems:"1000"`
}

type openInspectionBody struct {
	Happened
	Seed string `json:"seed" minLength:"64" maxLength:"64"`
	Salt string `json:"salt" minLength:"64" maxLength:"64"`
}

type recordInspectionBody struct {
	Happened
	Institution string                         `json:"institution" maxLength:"18"`
	VisitedOn   string                         `json:"visited_on" format:"date"`
	Officers    [2]string                      `json:"officers"`
	Checklist   string                         `json:"checklist" maxLength:"40" doc:"Version of the checklist."`
	Findings    []oversight.InspectionFinding  `json:"findings,omitzero" maxItems:"200"`
	Evidence    []oversight.InspectionEvidence `json:"evidence" maxItems:"200" doc:"Photographs and papers, by their SHA-256."`
}

type publishInspectionBody struct {
	Happened
	Institution string `json:"institution" maxLength:"18"`
	Document    string `json:"document" maxLength:"200"`
	PublishedOn string `json:"published_on" format:"date"`
}

type onInspection[B any] struct {
	Inspection string `path:"inspection" maxLength:"40" doc:"Number of the round: 2026-Q4."`
	Write[B]
}

type proposePenaltyBody struct {
	Happened
	Institution   string `json:"institution" maxLength:"18"`
	Severity      string `json:"severity" enum:"MINOR,GENERAL,SEVERE"`
	Kind          string `json:"kind" maxLength:"60"`
	AmountFen     int64  `json:"amount_fen,omitzero" minimum:"0"`
	Fact          string `json:"fact" maxLength:"300" doc:"No names."`
	Basis         string `json:"basis" maxLength:"300"`
	SecondOfficer string `json:"second_officer" maxLength:"40" doc:"Account of the second officer; the first is yours."`
}

type penaltyPaperBody struct {
	Happened
	Document string `json:"document" maxLength:"200"`
}

type hearPenaltyBody struct {
	Happened
	Document string `json:"document" maxLength:"200"`
	Hearing  bool   `json:"hearing,omitzero" doc:"It is the record of a hearing."`
}

type reviewPenaltyBody struct {
	Happened
	Approved bool   `json:"approved"`
	Opinion  string `json:"opinion" maxLength:"300"`
}

type decidePenaltyBody struct {
	Happened
	Document  string `json:"document" maxLength:"200"`
	DecidedOn string `json:"decided_on" format:"date"`
}

type servePenaltyBody struct {
	Happened
	ServedOn string `json:"served_on" format:"date"`
}

type repairPenaltyBody struct {
	Happened
	Document   string `json:"document" maxLength:"200"`
	RepairedOn string `json:"repaired_on" format:"date"`
}

type revokePenaltyBody struct {
	Happened
	Document  string `json:"document" maxLength:"200"`
	Reason    string `json:"reason" maxLength:"200" doc:"No names."`
	RevokedOn string `json:"revoked_on" format:"date"`
}

type onPenalty[B any] struct {
	Penalty string `path:"penalty" format:"uuid"`
	Write[B]
}

type getPenalty struct {
	Penalty string `path:"penalty" format:"uuid"`
}

// PenaltyView is a penalty.
type PenaltyView struct {
	Penalty        string `json:"penalty" format:"uuid"`
	Institution    string `json:"institution"`
	Severity       string `json:"severity"`
	Kind           string `json:"kind"`
	AmountFen      int64  `json:"amount_fen,omitzero"`
	Fact           string `json:"fact"`
	Basis          string `json:"basis"`
	HearBy         string `json:"hear_by,omitzero" format:"date"`
	Reviewed       bool   `json:"reviewed" doc:"The legal review approved it."`
	Document       string `json:"document,omitzero"`
	DecidedOn      string `json:"decided_on,omitzero" format:"date"`
	PublishBy      string `json:"publish_by,omitzero" format:"date"`
	ServedOn       string `json:"served_on,omitzero" format:"date"`
	PublishedUntil string `json:"published_until,omitzero" format:"date"`
	Public         bool   `json:"public" doc:"Everybody may see it today."`
	Revoked        bool   `json:"revoked"`
}

func penaltyView(id string, s oversight.PenaltyState, on domain.Date) PenaltyView {
	p := s.Proposed
	v := PenaltyView{Penalty: id, Institution: string(p.Institution), Severity: string(p.Severity), Kind: p.Kind, AmountFen: int64(p.Amount), Fact: p.Fact, Basis: p.Basis,
		Reviewed: s.Reviewed != nil && s.Reviewed.Approved, Public: s.Public(on), Revoked: s.Revoked != nil}
	if s.Notified != nil {
		v.HearBy = string(s.Notified.HearBy)
	}
	if d := s.Decided; d != nil {
		v.Document, v.DecidedOn, v.PublishBy, v.PublishedUntil = d.Document, string(d.DecidedOn), string(d.PublishBy), string(d.PublishedUntil)
	}
	if s.Served != nil {
		v.ServedOn = string(s.Served.ServedOn)
	}
	return v
}

func (a *API) inspections(h huma.API) {
	inspect := func(ctx context.Context, q *request, round string, cmd oversight.InspectionCommand) (done, error) {
		rc, err := a.app.Inspect(ctx, round, q.IfMatch, cmd)
		return done{round, rc}, err
	}
	post(a, h, "commit_inspection", "/inspections/{inspection}/commitment", "Bind the seed of a round of inspections", func(ctx context.Context, q *request, in *onInspection[commitInspectionBody]) (done, error) {
		return inspect(ctx, q, in.Inspection, oversight.CommitInspection{Act: q.Act, Commitment: in.Body.Commitment, Count: in.Body.Count})
	})
	post(a, h, "freeze_inspection", "/inspections/{inspection}/lists", "Close the lists of institutions and officers", func(ctx context.Context, q *request, in *onInspection[freezeInspectionBody]) (done, error) {
		c := oversight.FreezeInspection{Act: q.Act, Officers: in.Body.Officers, Excluded: in.Body.Excluded}
		for _, of := range in.Body.Institutions {
			c.Institutions = append(c.Institutions, domain.CreditCode(of))
		}
		return inspect(ctx, q, in.Inspection, c)
	})
	post(a, h, "open_inspection", "/inspections/{inspection}/draw", "Open the seed and draw", func(ctx context.Context, q *request, in *onInspection[openInspectionBody]) (done, error) {
		return inspect(ctx, q, in.Inspection, oversight.OpenInspection{Act: q.Act, Seed: in.Body.Seed, Salt: in.Body.Salt})
	})
	post(a, h, "record_inspection", "/inspections/{inspection}/visits", "Record a visit", func(ctx context.Context, q *request, in *onInspection[recordInspectionBody]) (done, error) {
		b := in.Body
		return inspect(ctx, q, in.Inspection, oversight.RecordInspection{Act: q.Act, Institution: domain.CreditCode(b.Institution), VisitedOn: domain.Date(b.VisitedOn), Officers: b.Officers,
			Checklist: b.Checklist, Findings: b.Findings, Evidence: b.Evidence})
	})
	post(a, h, "publish_inspection", "/inspections/{inspection}/results", "Publish the result of a visit", func(ctx context.Context, q *request, in *onInspection[publishInspectionBody]) (done, error) {
		b := in.Body
		return inspect(ctx, q, in.Inspection, oversight.PublishInspection{Act: q.Act, Institution: domain.CreditCode(b.Institution), Document: b.Document, PublishedOn: domain.Date(b.PublishedOn)})
	})

	post(a, h, "propose_penalty", "/penalties", "Propose a penalty", func(ctx context.Context, q *request, in *Write[proposePenaltyBody]) (done, error) {
		b := in.Body
		rc, err := a.app.Penalise(ctx, q.New, q.IfMatch, oversight.ProposePenalty{Act: q.Act, PenaltyProposed: oversight.PenaltyProposed{Institution: domain.CreditCode(b.Institution),
			Severity: oversight.PenaltySeverity(b.Severity), Kind: b.Kind, Amount: domain.Money(b.AmountFen), Fact: b.Fact, Basis: b.Basis, Officers: [2]string{q.actor.ID, b.SecondOfficer}}})
		return done{q.New.String(), rc}, err
	})
	penalise := func(ctx context.Context, q *request, penalty string, cmd oversight.PenaltyCommand) (done, error) {
		id, err := record(penalty)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.Penalise(ctx, id, q.IfMatch, cmd)
		return done{id.String(), rc}, err
	}
	post(a, h, "notify_penalty", "/penalties/{penalty}/notice", "Tell the institution of a penalty and its right to be heard", func(ctx context.Context, q *request, in *onPenalty[penaltyPaperBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.NotifyPenalty{Act: q.Act, Document: in.Body.Document})
	})
	post(a, h, "hear_penalty", "/penalties/{penalty}/statements", "Record a statement or a hearing", func(ctx context.Context, q *request, in *onPenalty[hearPenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.HearPenalty{Act: q.Act, Document: in.Body.Document, Hearing: in.Body.Hearing})
	})
	post(a, h, "review_penalty", "/penalties/{penalty}/review", "Review a penalty by the law, as a third person", func(ctx context.Context, q *request, in *onPenalty[reviewPenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.ReviewPenalty{Act: q.Act, Approved: in.Body.Approved, Opinion: in.Body.Opinion})
	})
	post(a, h, "decide_penalty", "/penalties/{penalty}/decision", "Decide a penalty", func(ctx context.Context, q *request, in *onPenalty[decidePenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.DecidePenalty{Act: q.Act, Document: in.Body.Document, DecidedOn: domain.Date(in.Body.DecidedOn)})
	})
	post(a, h, "serve_penalty", "/penalties/{penalty}/service", "Record the service of a penalty", func(ctx context.Context, q *request, in *onPenalty[servePenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.ServePenalty{Act: q.Act, ServedOn: domain.Date(in.Body.ServedOn)})
	})
	post(a, h, "repair_penalty", "/penalties/{penalty}/repair", "End the publication of a penalty", func(ctx context.Context, q *request, in *onPenalty[repairPenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.RepairPenalty{Act: q.Act, Document: in.Body.Document, RepairedOn: domain.Date(in.Body.RepairedOn)})
	})
	post(a, h, "revoke_penalty", "/penalties/{penalty}/revocation", "Strike a penalty out", func(ctx context.Context, q *request, in *onPenalty[revokePenaltyBody]) (done, error) {
		return penalise(ctx, q, in.Penalty, oversight.RevokePenalty{Act: q.Act, Document: in.Body.Document, Reason: in.Body.Reason, RevokedOn: domain.Date(in.Body.RevokedOn)})
	})
	get(h, "get_penalty", "/penalties/{penalty}", "A penalty", func(ctx context.Context, _ func(string) error, in *getPenalty) (PenaltyView, events.Revision, error) {
		id, err := record(in.Penalty)
		if err != nil {
			return PenaltyView{}, 0, err
		}
		s, rev, err := a.app.Penalty(ctx, id)
		return penaltyView(in.Penalty, s, domain.DateOf(a.app.Now())), rev, err
	})
}

// published are the addresses that everybody may ask: the draw of a round, and a
// penalty for as long as it is public.
func (a *API) published(r chi.Router) {
	r.Get("/api/v1/inspections/{inspection}", func(w http.ResponseWriter, r *http.Request) {
		rec, err := a.app.Inspection(r.Context(), chi.URLParam(r, "inspection"))
		if err != nil {
			handlers.WriteProblem(w, r, err)
			return
		}
		publicRecord(w, rec)
	})
	r.Get("/api/v1/published-penalties/{penalty}", func(w http.ResponseWriter, r *http.Request) {
		id, err := uuid.Parse(chi.URLParam(r, "penalty"))
		if err != nil {
			handlers.WriteProblem(w, r, handlers.ErrNotFound)
			return
		}
		s, _, err := a.app.Penalty(r.Context(), id)
		on := domain.DateOf(a.app.Now())
		if err == nil && !s.Public(on) {
			err = handlers.ErrNotFound
		}
		if err != nil {
			handlers.WriteProblem(w, r, err)
			return
		}
		publicRecord(w, penaltyView(id.String(), s, on))
	})
}
