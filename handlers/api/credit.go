package api

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

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

type proposeBody struct {
	Happened
	Document  string `json:"document" maxLength:"200"`
	DecidedOn string `json:"decided_on" format:"date"`
}

type confirmBody struct{ Happened }

type objectBody struct {
	Happened
	Entry    string `json:"entry" format:"uuid"`
	Document string `json:"document" maxLength:"200"`
	FiledOn  string `json:"filed_on" format:"date" doc:"The day on which it came in."`
}

type extendBody struct {
	Happened
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
}

type replyBody struct {
	Happened
	Accepted  bool   `json:"accepted" doc:"true: the entry is revoked with this decision."`
	Document  string `json:"document" maxLength:"200"`
	Reason    string `json:"reason" maxLength:"200" doc:"No names."`
	DecidedOn string `json:"decided_on" format:"date"`
}

type requestRepairBody struct {
	Happened
	Entry    string `json:"entry" format:"uuid"`
	Document string `json:"document" maxLength:"200"`
	FiledOn  string `json:"filed_on" format:"date"`
}

type refuseRepairBody struct {
	Happened
	Entry     string `json:"entry" format:"uuid"`
	Document  string `json:"document" maxLength:"200"`
	Reason    string `json:"reason" maxLength:"200" doc:"No names."`
	DecidedOn string `json:"decided_on" format:"date"`
}

type onObjection[B any] struct {
	Institution string `path:"institution" maxLength:"18" doc:"Credit code."`
	Objection   string `path:"objection" format:"uuid"`
	Write[B]
}

type trialBody struct {
	Policy       credit.PolicyVersion `json:"policy"`
	Institutions []string             `json:"institutions" minItems:"1" maxItems:"200" doc:"Credit codes."`
	On           string               `json:"on,omitzero" format:"date" doc:"Left out: today."`
}

// TrialView is what a proposed policy would make of ledgers.
type TrialView struct {
	On           string        `json:"on" format:"date"`
	Institutions []TrialOfView `json:"institutions"`
}

// TrialOfView is one institution in a trial.
type TrialOfView struct {
	Institution string    `json:"institution"`
	Now         ScoreView `json:"now"`
	Proposed    ScoreView `json:"proposed" doc:"What the version would show on the day: entries keep their points."`
	Anew        ScoreView `json:"anew" doc:"As if every entry had been confirmed under it."`
}

// WhatIfView says what would change a score.
type WhatIfView struct {
	Fixes   []FixView    `json:"fixes" doc:"One for each entry that can be repaired before it ends by itself; last, without entry, all of them."`
	Changes []ChangeView `json:"changes" doc:"Days on which the score changes by itself."`
}

// FixView is what one repair would change.
type FixView struct {
	Entry       string `json:"entry,omitzero" format:"uuid"`
	On          string `json:"on" format:"date" doc:"First day from which it would count."`
	Before      int    `json:"before"`
	BeforeGrade string `json:"before_grade"`
	After       int    `json:"after"`
	AfterGrade  string `json:"after_grade"`
}

// ChangeView is a score that comes by itself.
type ChangeView struct {
	On    string `json:"on" format:"date"`
	Score int    `json:"score"`
	Grade string `json:"grade"`
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

// creditOn asks for a ledger and its score on a day.
type creditOn struct {
	Institution string `path:"institution" maxLength:"60" doc:"Credit code."`
	On          string `query:"on" format:"date" doc:"The score of this day, by everything recorded until now. Left out: today."`
}

// LedgerView is an institution's ledger.
type LedgerView struct {
	Institution string          `json:"institution"`
	Score       ScoreView       `json:"score"`
	Suspicions  []SuspicionView `json:"suspicions"`
	Entries     []EntryView     `json:"entries"`
	Objections  []ObjectionView `json:"objections"`
}

// ScoreView is the score on a day, by everything recorded until now.
type ScoreView struct {
	On      string        `json:"on" format:"date"`
	Rated   bool          `json:"rated" doc:"A policy was in force; without it there is no score."`
	Policy  string        `json:"policy,omitzero" doc:"The version that scored."`
	Score   *int          `json:"score,omitzero"`
	Grade   string        `json:"grade,omitzero"`
	Ceiling string        `json:"ceiling,omitzero" doc:"The best grade that some entry allows."`
	Counted []CountedView `json:"counted" doc:"Entries that made the score, in the order of decision."`
	AsOf    string        `json:"as_of,omitzero" doc:"Position of the ledger's last event, opaque."`
}

// CountedView is an entry's part in a score.
type CountedView struct {
	Entry string `json:"entry" format:"uuid"`
	By    int    `json:"by" doc:"After caps: negative for a deduction."`
	Until string `json:"until" format:"date" doc:"First day on which it no longer counts."`
}

// SuspicionView is a suspicion; it never scores.
type SuspicionView struct {
	Suspicion string `json:"suspicion" format:"uuid"`
	Rule      string `json:"rule"`
	Fact      string `json:"fact"`
	Basis     string `json:"basis"`
	AnswerBy  string `json:"answer_by,omitzero" format:"date"`
	Answered  bool   `json:"answered"`
	Proposed  bool   `json:"proposed" doc:"One officer has decided; another has to confirm."`
	Open      bool   `json:"open"`
}

// ObjectionView is an objection to an entry.
type ObjectionView struct {
	Objection string `json:"objection" format:"uuid"`
	Entry     string `json:"entry" format:"uuid"`
	FiledOn   string `json:"filed_on" format:"date"`
	DecideBy  string `json:"decide_by" format:"date"`
	Decided   bool   `json:"decided"`
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
	RepairBy   string `json:"repair_by,omitzero" format:"date" doc:"Until when an open request for repair is to be decided."`
	RepairedOn string `json:"repaired_on,omitzero" format:"date"`
	RevokedOn  string `json:"revoked_on,omitzero" format:"date"`
	// The score right after the entry was recorded, as of DecidedOn.
	RunningScore *int   `json:"running_score,omitzero" doc:"Score right after the entry was recorded, as of decided_on."`
	RunningGrade string `json:"running_grade,omitzero"`
	RunningUnder string `json:"running_policy,omitzero" doc:"The policy version that scored it."`
	Event        string `json:"event" format:"uuid" doc:"The event that recorded the entry."`
	Position     string `json:"position" doc:"Place of that event in the log, opaque."`
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
	post(a, h, "propose_confirmation", "/credit/{institution}/suspicions/{suspicion}/proposal", "Decide that a suspicion becomes an entry; another officer confirms it", func(ctx context.Context, q *request, in *onSuspicion[proposeBody]) (done, error) {
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.ProposeConfirmation(ctx, domain.CreditCode(in.Institution), credit.ProposeConfirmation{Act: q.Act, Entry: q.New, Suspicion: id, Document: b.Document, DecidedOn: domain.Date(b.DecidedOn)})
		return done{q.New.String(), rc}, err
	})
	post(a, h, "confirm_suspicion", "/credit/{institution}/suspicions/{suspicion}/confirmation", "Confirm another officer's decision: the suspicion becomes an entry", func(ctx context.Context, q *request, in *onSuspicion[confirmBody]) (done, error) {
		id, err := record(in.Suspicion)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.ConfirmSuspicion(ctx, domain.CreditCode(in.Institution), credit.Confirm{Act: q.Act, Suspicion: id})
		return done{id.String(), rc}, err
	})
	post(a, h, "object_entry", "/credit/{institution}/objections", "Object to an entry", func(ctx context.Context, q *request, in *keyed[objectBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		id, err := record(in.Body.Entry)
		if err != nil {
			return done{}, err
		}
		rc, err := ledger(ctx, q, in.Institution, credit.Object{Act: q.Act, Objection: q.New, Entry: id, Document: in.Body.Document, FiledOn: domain.Date(in.Body.FiledOn)})
		return done{q.New.String(), rc}, err
	})
	post(a, h, "extend_objection", "/credit/{institution}/objections/{objection}/extension", "Take more time for an objection, because another body must check", func(ctx context.Context, q *request, in *onObjection[extendBody]) (done, error) {
		id, err := record(in.Objection)
		if err != nil {
			return done{}, err
		}
		rc, err := ledger(ctx, q, in.Institution, credit.ExtendObjection{Act: q.Act, Objection: id, Reason: in.Body.Reason})
		return done{id.String(), rc}, err
	})
	post(a, h, "decide_objection", "/credit/{institution}/objections/{objection}/decision", "Accept or refuse an objection", func(ctx context.Context, q *request, in *onObjection[replyBody]) (done, error) {
		id, err := record(in.Objection)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := ledger(ctx, q, in.Institution, credit.DecideObjection{Act: q.Act, Objection: id, Accepted: b.Accepted, Document: b.Document, Reason: b.Reason, DecidedOn: domain.Date(b.DecidedOn)})
		return done{id.String(), rc}, err
	})
	post(a, h, "request_repair", "/credit/{institution}/repair-requests", "Ask for repair of an entry", func(ctx context.Context, q *request, in *keyed[requestRepairBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		id, err := record(in.Body.Entry)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.RequestRepair(ctx, domain.CreditCode(in.Institution), credit.RequestRepair{Act: q.Act, Entry: id, Document: in.Body.Document, FiledOn: domain.Date(in.Body.FiledOn)})
		return done{id.String(), rc}, err
	})
	post(a, h, "refuse_repair", "/credit/{institution}/repair-refusals", "Refuse a request for repair", func(ctx context.Context, q *request, in *keyed[refuseRepairBody]) (done, error) {
		id, err := record(in.Body.Entry)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := ledger(ctx, q, in.Institution, credit.RefuseRepair{Act: q.Act, Entry: id, Document: b.Document, Reason: b.Reason, DecidedOn: domain.Date(b.DecidedOn)})
		return done{id.String(), rc}, err
	})
	ask(h, "try_credit_policy", "/credit-policies/trial", "What a proposed version of the credit policy would show; nothing is recorded", func(ctx context.Context, in *struct{ Body trialBody }) (TrialView, error) {
		on := cmp.Or(domain.Date(in.Body.On), domain.DateOf(a.app.Now()))
		v := TrialView{On: string(on), Institutions: []TrialOfView{}}
		var codes []domain.CreditCode
		for _, c := range in.Body.Institutions {
			codes = append(codes, domain.CreditCode(c))
		}
		ts, err := a.app.TryCreditPolicy(ctx, in.Body.Policy, codes, on)
		for i, t := range ts {
			v.Institutions = append(v.Institutions, TrialOfView{string(codes[i]), standingView(t.Now, on), standingView(t.Proposed, on), standingView(t.Anew, on)})
		}
		return v, err
	})
	get(h, "credit_what_if", "/credit/{institution}/what-if", "What would change an institution's score", func(ctx context.Context, at func(string) error, in *creditOn) (WhatIfView, events.Revision, error) {
		if err := at(in.Institution); err != nil {
			return WhatIfView{}, 0, err
		}
		fixes, changes, err := a.app.WhatIf(ctx, domain.CreditCode(in.Institution), cmp.Or(domain.Date(in.On), domain.DateOf(a.app.Now())))
		v := WhatIfView{Fixes: []FixView{}, Changes: []ChangeView{}}
		for _, f := range fixes {
			x := FixView{On: string(f.On), Before: f.Before.Score, BeforeGrade: f.Before.Grade, After: f.After.Score, AfterGrade: f.After.Grade}
			if f.Entry != uuid.Nil {
				x.Entry = f.Entry.String()
			}
			v.Fixes = append(v.Fixes, x)
		}
		for _, s := range changes {
			v.Changes = append(v.Changes, ChangeView{string(s.AsOf), s.Score, s.Grade})
		}
		return v, events.NoStream, err
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
	get(h, "get_credit", "/credit/{institution}", "An institution's ledger, with its score on a day", func(ctx context.Context, at func(string) error, in *creditOn) (LedgerView, events.Revision, error) {
		if err := at(in.Institution); err != nil {
			return LedgerView{}, 0, err
		}
		today := domain.DateOf(a.app.Now())
		on := cmp.Or(domain.Date(in.On), today)
		if on > today {
			return LedgerView{}, 0, errDayAhead.With(on)
		}
		policies, _, err := a.app.CreditPolicies.Load(ctx, a.app.PolicyID)
		if err != nil {
			return LedgerView{}, 0, err
		}
		l, err := a.ledger(ctx, in.Institution, policies)
		if err != nil || l.rev == events.NoStream {
			return LedgerView{}, 0, orNotFound(err)
		}
		s, rev := l.LedgerState, l.rev
		v := LedgerView{Institution: in.Institution, Score: scoreOn(policies, s, on)}
		v.Score.AsOf = strconv.FormatUint(uint64(l.at), 10)
		for _, x := range s.Suspicions {
			v.Suspicions = append(v.Suspicions, SuspicionView{x.Suspicion.String(), x.Rule, x.Fact, x.Basis, string(x.AnswerBy), x.Answered, x.Proposed.Entry != uuid.Nil, x.Open()})
		}
		for _, x := range s.Entries {
			e := EntryView{Entry: x.ID.String(), Bonus: x.Bonus, Rule: x.Rule, Policy: x.Policy, Points: x.Points, Severity: string(x.Severity), Fact: x.Fact,
				Document: x.Document, DecidedOn: string(x.DecidedOn), RepairBy: string(x.RepairBy), RepairedOn: string(x.RepairedOn), RevokedOn: string(x.RevokedOn)}
			r := l.recorded[x.ID]
			e.RunningScore, e.RunningGrade, e.RunningUnder, e.Event, e.Position = r.Score, r.Grade, r.Policy, r.event, r.AsOf
			v.Entries = append(v.Entries, e)
		}
		for _, o := range s.Objections {
			v.Objections = append(v.Objections, ObjectionView{o.Objected.Objection.String(), o.Entry.String(), string(o.FiledOn), string(o.DecideBy), o.Decided})
		}
		return v, rev, nil
	})
}

var errDayAhead = domain.Reject("day_ahead", "%s 还没有到，没有那天的等级。", "%s has not come yet; there is no grade for it.")

// scoreOn scores a ledger on a day.
func scoreOn(policies credit.PolicyState, s credit.LedgerState, on domain.Date) ScoreView {
	p, ok := policies.InForce(on)
	if !ok {
		return standingView(credit.Standing{}, on)
	}
	return standingView(credit.Score(p, s.Entries, on), on)
}

// standingView is a standing; one without a policy is not rated.
func standingView(st credit.Standing, on domain.Date) ScoreView {
	v := ScoreView{On: string(on), Counted: []CountedView{}}
	if st.Policy == "" {
		return v
	}
	v.Rated, v.Policy, v.Score, v.Grade, v.Ceiling = true, st.Policy, &st.Score, st.Grade, st.Ceiling
	for _, l := range st.Active {
		v.Counted = append(v.Counted, CountedView{l.ID.String(), l.Counted, string(l.Until)})
	}
	return v
}

// A readLedger is a ledger with the event that recorded each entry.
type readLedger struct {
	credit.LedgerState
	rev      events.Revision
	at       events.Position
	recorded map[uuid.UUID]recordedEntry
}

type recordedEntry struct {
	ScoreView // right after the entry
	event     string
}

// ledger reads a ledger event by event, for the score that was right after each
// entry.
func (a *API) ledger(ctx context.Context, institution string, policies credit.PolicyState) (readLedger, error) {
	h := a.app.Credit
	l := readLedger{LedgerState: h.Decider.Initial, rev: events.NoStream, recorded: map[uuid.UUID]recordedEntry{}}
	if h.Stream(institution).Check() != nil {
		return l, nil
	}
	for r, err := range h.Store.Load(ctx, h.Stream(institution), events.NoStream) {
		if err != nil {
			return l, err
		}
		body, err := h.Registry.Decode(ctx, r)
		if err != nil {
			return l, fmt.Errorf("ledger at position %d: %w", r.Position, err)
		}
		e, ok := body.(credit.LedgerEvent)
		if !ok {
			return l, fmt.Errorf("ledger at position %d: %s is not its event", r.Position, r.Type)
		}
		had := len(l.Entries)
		l.LedgerState, l.rev, l.at = h.Decider.Evolve(l.LedgerState, e), r.Revision, r.Position
		for _, x := range l.Entries[had:] {
			s := scoreOn(policies, l.LedgerState, x.DecidedOn)
			s.AsOf = strconv.FormatUint(uint64(r.Position), 10)
			l.recorded[x.ID] = recordedEntry{s, r.ID.String()}
		}
	}
	return l, nil
}
