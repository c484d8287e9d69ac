package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
)

type policyBody struct {
	Happened
	Policy credit.PolicyVersion `json:"policy"`
}

type suspectBody struct {
	Happened
	Rule        string `json:"rule" maxLength:"20"`
	Fact        string `json:"fact" maxLength:"200" doc:"What happened, named the same by whoever reports it. No names."`
	SourceEvent string `json:"source_event,omitzero" format:"uuid"`
	Basis       string `json:"basis" maxLength:"300"`
}

type notifyBody struct {
	Happened
	Document string `json:"document" maxLength:"200"`
	AnswerBy string `json:"answer_by,omitzero" format:"date" doc:"Left out: the shortest that the rules allow."`
}

type answerBody struct {
	Happened
	Document string `json:"document" maxLength:"200"`
}

type dismissBody struct {
	Happened
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
}

type confirmBody struct {
	Happened
	Document      string `json:"document" maxLength:"200"`
	DecidedOn     string `json:"decided_on" format:"date"`
	SecondOfficer string `json:"second_officer" maxLength:"40" doc:"Account of the second officer; the first is yours."`
}

type bonusBody struct {
	Happened
	Bonus     string `json:"bonus" maxLength:"20"`
	Fact      string `json:"fact" maxLength:"200"`
	Document  string `json:"document" maxLength:"200"`
	DecidedOn string `json:"decided_on" format:"date"`
}

type repairBody struct {
	Happened
	Entry      string `json:"entry" format:"uuid"`
	Document   string `json:"document" maxLength:"200"`
	RepairedOn string `json:"repaired_on" format:"date"`
}

type revokeBody struct {
	Happened
	Entry     string `json:"entry" format:"uuid"`
	Document  string `json:"document" maxLength:"200"`
	Reason    string `json:"reason" maxLength:"200" doc:"No names."`
	RevokedOn string `json:"revoked_on" format:"date"`
}

type onSuspicion[B any] struct {
	Institution string `path:"institution" maxLength:"18" doc:"Credit code."`
	Suspicion   string `path:"suspicion" format:"uuid"`
	Write[B]
}

// LedgerView is an institution's ledger.
type LedgerView struct {
	Institution string          `json:"institution"`
	Suspicions  []SuspicionView `json:"suspicions"`
	Entries     []EntryView     `json:"entries"`
}

// SuspicionView is a suspicion; it never scores.
type SuspicionView struct {
	Suspicion string `json:"suspicion" format:"uuid"`
	Rule      string `json:"rule"`
	Fact      string `json:"fact"`
	Basis     string `json:"basis"`
	AnswerBy  string `json:"answer_by,omitzero" format:"date"`
	Answered  bool   `json:"answered"`
	Open      bool   `json:"open"`
}

// EntryView is an entry that scores.
type EntryView struct {
	Entry      string `json:"entry" format:"uuid"`
	Bonus      bool   `json:"bonus"`
	Rule       string `json:"rule"`
	Policy     string `json:"policy"`
	Points     int    `json:"points"`
	Severity   string `json:"severity,omitzero"`
	Fact       string `json:"fact"`
	Document   string `json:"document"`
	DecidedOn  string `json:"decided_on" format:"date"`
	RepairedOn string `json:"repaired_on,omitzero" format:"date"`
	RevokedOn  string `json:"revoked_on,omitzero" format:"date"`
}

func (a *API) credit(h huma.API) {
	post(a, h, "adopt_credit_policy", "/credit-policies", "Put a version of the credit policy in force", func(ctx context.Context, q *request, in *Write[policyBody]) (done, error) {
		rc, err := a.app.AdoptCreditPolicy(ctx, credit.Adopt{Act: q.Act, PolicyVersion: in.Body.Policy})
		return done{in.Body.Policy.Version, rc}, err
	})
	// ledger asks the institution's own ledger.
	ledger := func(ctx context.Context, q *request, of string, c credit.LedgerCommand) (events.Receipt, error) {
		code, err := domain.ParseCreditCode(of)
		if err != nil {
			return events.Receipt{}, wrong("path.institution", err)
		}
		return handle(ctx, a.app.Credit, string(code), q, c)
	}
	post(a, h, "suspect", "/credit/{institution}/suspicions", "Note a suspicion", func(ctx context.Context, q *request, in *keyed[suspectBody]) (done, error) {
		b := in.Body
		c := credit.Suspect{Act: q.Act, Suspicion: q.New, Rule: b.Rule, Fact: b.Fact, Basis: b.Basis}
		if b.SourceEvent != "" {
			u, err := record(b.SourceEvent)
			if err != nil {
				return done{}, err
			}
			c.SourceEvent = u
		}
		rc, err := a.app.Suspect(ctx, domain.CreditCode(in.Institution), c)
		return done{q.New.String(), rc}, err
	})
	post(a, h, "notify_suspicion", "/credit/{institution}/suspicions/{suspicion}/notice", "Tell the institution what it is suspected of", func(ctx context.Context, q *request, in *onSuspicion[notifyBody]) (done, error) {
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		rc, err := ledger(ctx, q, in.Institution, credit.Notify{Act: q.Act, Suspicion: id, Document: in.Body.Document, AnswerBy: domain.Date(in.Body.AnswerBy)})
		return done{id.String(), rc}, err
	})
	post(a, h, "answer_suspicion", "/credit/{institution}/suspicions/{suspicion}/answer", "Answer a suspicion", func(ctx context.Context, q *request, in *onSuspicion[answerBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		rc, err := ledger(ctx, q, in.Institution, credit.Answer{Act: q.Act, Suspicion: id, Document: in.Body.Document})
		return done{id.String(), rc}, err
	})
	post(a, h, "dismiss_suspicion", "/credit/{institution}/suspicions/{suspicion}/dismissal", "Dismiss a suspicion", func(ctx context.Context, q *request, in *onSuspicion[dismissBody]) (done, error) {
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		rc, err := ledger(ctx, q, in.Institution, credit.Dismiss{Act: q.Act, Suspicion: id, Reason: in.Body.Reason})
		return done{id.String(), rc}, err
	})
	post(a, h, "confirm_suspicion", "/credit/{institution}/suspicions/{suspicion}/confirmation", "Make a suspicion an entry", func(ctx context.Context, q *request, in *onSuspicion[confirmBody]) (done, error) {
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.ConfirmSuspicion(ctx, domain.CreditCode(in.Institution), credit.Confirm{Act: q.Act, Entry: q.New, Suspicion: id, Document: b.Document,
			DecidedOn: domain.Date(b.DecidedOn), Officers: [2]string{q.actor.ID, b.SecondOfficer}})
		return done{q.New.String(), rc}, err
	})
	post(a, h, "grant_bonus", "/credit/{institution}/bonuses", "Grant a bonus", func(ctx context.Context, q *request, in *keyed[bonusBody]) (done, error) {
		b := in.Body
		rc, err := a.app.GrantBonus(ctx, domain.CreditCode(in.Institution), credit.GrantBonus{Act: q.Act, Entry: q.New, Bonus: b.Bonus, Fact: b.Fact, Document: b.Document, DecidedOn: domain.Date(b.DecidedOn)})
		return done{q.New.String(), rc}, err
	})
	post(a, h, "repair_entry", "/credit/{institution}/repairs", "End an entry after its time", func(ctx context.Context, q *request, in *keyed[repairBody]) (done, error) {
		id, err := record(in.Body.Entry)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.RepairEntry(ctx, domain.CreditCode(in.Institution), credit.Repair{Act: q.Act, Entry: id, Document: in.Body.Document, RepairedOn: domain.Date(in.Body.RepairedOn)})
		return done{id.String(), rc}, err
	})
	post(a, h, "revoke_entry", "/credit/{institution}/revocations", "Strike an entry out", func(ctx context.Context, q *request, in *keyed[revokeBody]) (done, error) {
		id, err := record(in.Body.Entry)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := ledger(ctx, q, in.Institution, credit.Revoke{Act: q.Act, Entry: id, Document: b.Document, Reason: b.Reason, RevokedOn: domain.Date(b.RevokedOn)})
		return done{id.String(), rc}, err
	})
	get(h, "get_credit", "/credit/{institution}", "An institution's ledger", func(ctx context.Context, at func(string) error, in *byInstitution) (LedgerView, events.Revision, error) {
		if err := at(in.Institution); err != nil {
			return LedgerView{}, 0, err
		}
		s, rev, err := load(ctx, a.app.Credit, in.Institution)
		if err != nil || rev == events.NoStream {
			return LedgerView{}, 0, orNotFound(err)
		}
		v := LedgerView{Institution: in.Institution}
		for _, x := range s.Suspicions {
			v.Suspicions = append(v.Suspicions, SuspicionView{x.Suspicion.String(), x.Rule, x.Fact, x.Basis, string(x.AnswerBy), x.Answered, x.Open()})
		}
		for _, x := range s.Entries {
			v.Entries = append(v.Entries, EntryView{x.ID.String(), x.Bonus, x.Rule, x.Policy, x.Points, string(x.Severity), x.Fact, x.Document, string(x.DecidedOn), string(x.RepairedOn), string(x.RevokedOn)})
		}
		return v, rev, nil
	})
}
