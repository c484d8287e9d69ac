package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/handlers"
)

type closeTillBody struct {
	Happened
	Counted []countBody `json:"counted" maxItems:"5" nullable:"false" doc:"What was there, by method; what is not named is nothing."`
	Reason  string      `json:"reason,omitzero" maxLength:"200" doc:"Why it differs from the account. No names."`
}

type countBody struct {
	Method    string `json:"method" enum:"CASH,CARD,WECHAT,ALIPAY,TRANSFER"`
	AmountFen int64  `json:"amount_fen" minimum:"-10000000000" maximum:"10000000000"`
}

type reopenBody struct {
	Happened
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
}

type ofDay[B any] struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Date        string `path:"date" format:"date"`
	Write[B]
}

type byDay struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Date        string `path:"date" format:"date"`
}

// TillView is an institution's account of one day.
type TillView struct {
	Closed        bool            `json:"closed"`
	DifferenceFen int64           `json:"difference_fen" doc:"Counted less expected, when it is closed."`
	Reason        string          `json:"reason,omitzero"`
	Methods       []CountView     `json:"methods" nullable:"false"`
	Entries       []TillEntryView `json:"entries" nullable:"false"`
}

// CountView is what one method comes to.
type CountView struct {
	Method      string `json:"method"`
	ExpectedFen int64  `json:"expected_fen"`
	CountedFen  int64  `json:"counted_fen,omitzero"`
}

// TillEntryView is one payment or refund.
type TillEntryView struct {
	Case      string `json:"case"`
	Entry     string `json:"entry"`
	Kind      string `json:"kind" enum:"PAYMENT,REFUND"`
	Method    string `json:"method"`
	AmountFen int64  `json:"amount_fen"`
	Receipt   string `json:"receipt"`
}

func (a *API) tills(h huma.API) {
	post(a, h, "close_till", "/institutions/{institution}/tills/{date}/closing", "Close a day's till", func(ctx context.Context, q *request, in *ofDay[closeTillBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		c := handlers.CloseTill{Act: q.Act, Institution: in.Institution, Day: domain.Date(in.Date), Counted: map[booking.Method]domain.Money{}, Reason: in.Body.Reason, IfMatch: q.IfMatch}
		for _, x := range in.Body.Counted {
			c.Counted[booking.Method(x.Method)] += domain.Money(x.AmountFen)
		}
		rc, err := a.app.CloseTill(ctx, c)
		return done{booking.TillID(in.Institution, domain.Date(in.Date)), rc}, err
	})
	post(a, h, "reopen_till", "/institutions/{institution}/tills/{date}/reopening", "Let entries into a closed till again", func(ctx context.Context, q *request, in *ofDay[reopenBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		id := booking.TillID(in.Institution, domain.Date(in.Date))
		rc, err := handle(ctx, a.app.Tills, id, q, booking.TillCommand(booking.ReopenTill{Act: q.Act, Reason: in.Body.Reason}))
		return done{id, rc}, err
	})
	get(h, "get_till", "/institutions/{institution}/tills/{date}", "A day's till", func(ctx context.Context, at func(string) error, in *byDay) (TillView, events.Revision, error) {
		v := TillView{Methods: []CountView{}, Entries: []TillEntryView{}}
		if err := at(in.Institution); err != nil {
			return v, 0, err
		}
		s, rev, err := load(ctx, a.app.Tills, booking.TillID(in.Institution, domain.Date(in.Date)))
		if err != nil {
			return v, 0, err
		}
		counted := map[booking.Method]domain.Money{}
		if c := s.Closed; c != nil {
			v.Closed, v.DifferenceFen, v.Reason = true, int64(c.Difference), c.Reason
			for _, x := range c.Counts {
				counted[x.Method] = x.Counted
			}
		}
		for _, m := range booking.Methods {
			v.Methods = append(v.Methods, CountView{string(m), int64(s.Expected(m)), int64(counted[m])})
		}
		for _, e := range s.Entries {
			v.Entries = append(v.Entries, TillEntryView{e.Case, e.Entry, string(e.Kind), string(e.Method), int64(e.Amount), e.Receipt})
		}
		return v, rev, nil
	})
}

type parameterBody struct {
	Happened
	Name     string `json:"name" maxLength:"40" example:"hold_minutes"`
	Value    string `json:"value" maxLength:"200"`
	Reason   string `json:"reason" maxLength:"200" doc:"No names."`
	Document string `json:"document,omitzero" maxLength:"200" doc:"The paper that the value rests on."`
}

// ParametersView is the figures in force at an institution or in a division.
type ParametersView struct {
	Parameters []ParameterView `json:"parameters" nullable:"false"`
}

// ParameterView is one figure.
type ParameterView struct {
	Name     string `json:"name"`
	NameZh   string `json:"name_zh"`
	NameEn   string `json:"name_en"`
	Value    string `json:"value" doc:"Empty: unknown until somebody sets it."`
	Unit     string `json:"unit"`
	Default  string `json:"default"`
	Source   string `json:"source" enum:"F,M,P" doc:"How well the default is founded: found in a document, from memory, our proposal."`
	Document string `json:"document,omitzero" doc:"Where the default was found. None of them is Dalian's own rule."`
}

type maintenanceBody struct {
	Happened
	Resource string    `json:"resource" maxLength:"32"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Reason   string    `json:"reason" maxLength:"200" doc:"No names."`
}

type maintenanceEndBody struct {
	Happened
	Window string `json:"window" maxLength:"60" doc:"Id of the window: the Idempotency-Key's record id, as its receipt's window."`
	Reason string `json:"reason" maxLength:"200"`
}

type timingBody struct {
	Happened
	Resource  string         `json:"resource" maxLength:"32"`
	Durations []durationBody `json:"durations" maxItems:"50" nullable:"false" doc:"How long each service takes there."`
	CleanDown []spanBody     `json:"clean_down" maxItems:"10" nullable:"false" doc:"The times of every day at which nothing is booked."`
}

type durationBody struct {
	Code    string `json:"code" maxLength:"40"`
	Minutes int    `json:"minutes" minimum:"1" maximum:"1440"`
}

type spanBody struct {
	From string `json:"from" maxLength:"5" example:"12:00"`
	To   string `json:"to" maxLength:"5" example:"13:00"`
}

type staffBody struct {
	Happened
	Account    string `json:"account" maxLength:"40"`
	Skill      string `json:"skill" enum:"CREMATOR,EMBALMER,DRIVER,INSPECTOR"`
	ValidFrom  string `json:"valid_from" format:"date"`
	ValidUntil string `json:"valid_until,omitzero" format:"date" doc:"Last day; left out: without end."`
	Document   string `json:"document,omitzero" maxLength:"100"`
}

type staffEndBody struct {
	Happened
	Account string `json:"account" maxLength:"40"`
	Skill   string `json:"skill" enum:"CREMATOR,EMBALMER,DRIVER,INSPECTOR"`
	From    string `json:"from" format:"date" doc:"First day without it."`
	Reason  string `json:"reason" maxLength:"200" doc:"No names."`
}

type contentsBody struct {
	Happened
	Document      string        `json:"document" maxLength:"200"`
	EffectiveFrom string        `json:"effective_from" format:"date"`
	Items         []contentBody `json:"items" maxItems:"1000" nullable:"false"`
}

type contentBody struct {
	Code     string   `json:"code" maxLength:"40"`
	Includes []string `json:"includes" minItems:"1" maxItems:"50" nullable:"false"`
	Note     string   `json:"note,omitzero" maxLength:"200"`
}

// upkeep registers what an administrator sets: figures, maintenance, timing,
// staff, and what items include.
func (a *API) upkeep(h huma.API) {
	type ofKey struct {
		Key string `path:"key" maxLength:"60" doc:"An institution's credit code, or a division."`
		Write[parameterBody]
	}
	post(a, h, "set_parameter", "/parameters/{key}", "Set a figure", func(ctx context.Context, q *request, in *ofKey) (done, error) {
		if err := q.at(in.Key); err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.SetParameter(ctx, handlers.SetParameter{Key: in.Key, IfMatch: q.IfMatch, SetParameter: institution.SetParameter{Act: q.Act, Name: institution.Name(b.Name), Value: b.Value,
			Reason: b.Reason, Document: b.Document, Administrator: q.actor.Has(handlers.Admin)}})
		return done{in.Key, rc}, err
	})
	type byKey struct {
		Key string `path:"key" maxLength:"60" doc:"An institution's credit code, or a division."`
	}
	get(h, "get_parameters", "/parameters/{key}", "The figures in force", func(ctx context.Context, _ func(string) error, in *byKey) (ParametersView, events.Revision, error) {
		p, rev, err := a.app.ParametersAt(ctx, in.Key)
		v := ParametersView{Parameters: []ParameterView{}}
		for _, d := range institution.Definitions {
			v.Parameters = append(v.Parameters, ParameterView{string(d.Name), d.Zh, d.En, p.Value(d.Name), d.Unit, d.Default, d.Source, d.Document})
		}
		return v, rev, err
	})
	post(a, h, "plan_maintenance", "/institutions/{institution}/maintenance", "Take a resource out of use for a while", func(ctx context.Context, q *request, in *keyed[maintenanceBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.PlanMaintenance(ctx, handlers.PlanMaintenance{Institution: in.Institution, IfMatch: q.IfMatch, PlanMaintenance: institution.PlanMaintenance{Act: q.Act,
			MaintenancePlanned: institution.MaintenancePlanned{Window: q.New.String(), Resource: b.Resource, From: b.From, To: b.To, Reason: b.Reason}}})
		return done{q.New.String(), rc}, err
	})
	one := func(ctx context.Context, q *request, key string, c institution.Command) (done, error) {
		if err := q.at(key); err != nil {
			return done{}, err
		}
		rc, err := handle(ctx, a.app.Institutions, key, q, c)
		return done{key, rc}, err
	}
	post(a, h, "cancel_maintenance", "/institutions/{institution}/maintenance-cancellations", "Give the time of maintenance back", func(ctx context.Context, q *request, in *keyed[maintenanceEndBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		rc, err := a.app.CancelMaintenance(ctx, handlers.CancelMaintenance{Institution: in.Institution, IfMatch: q.IfMatch, CancelMaintenance: institution.CancelMaintenance{Act: q.Act,
			MaintenanceCancelled: institution.MaintenanceCancelled{Window: in.Body.Window, Reason: in.Body.Reason}}})
		return done{in.Body.Window, rc}, err
	})
	post(a, h, "time_resource", "/institutions/{institution}/resource-timings", "Say how long services take and when a resource is cleaned", func(ctx context.Context, q *request, in *keyed[timingBody]) (done, error) {
		t := institution.ResourceTimed{Resource: in.Body.Resource}
		for _, d := range in.Body.Durations {
			t.Durations = append(t.Durations, institution.Duration(d))
		}
		for _, s := range in.Body.CleanDown {
			t.CleanDown = append(t.CleanDown, institution.Span{From: domain.Clock(s.From), To: domain.Clock(s.To)})
		}
		return one(ctx, q, in.Institution, institution.TimeResource{Act: q.Act, ResourceTimed: t})
	})
	post(a, h, "qualify_staff", "/institutions/{institution}/qualifications", "Record a qualification", func(ctx context.Context, q *request, in *keyed[staffBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.QualifyStaff{Act: q.Act, StaffQualified: institution.StaffQualified{Account: b.Account, Skill: institution.Skill(b.Skill),
			ValidFrom: domain.Date(b.ValidFrom), ValidUntil: domain.Date(b.ValidUntil), Document: b.Document}})
	})
	post(a, h, "disqualify_staff", "/institutions/{institution}/disqualifications", "End a qualification", func(ctx context.Context, q *request, in *keyed[staffEndBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.DisqualifyStaff{Act: q.Act, StaffDisqualified: institution.StaffDisqualified{Account: b.Account, Skill: institution.Skill(b.Skill),
			From: domain.Date(b.From), Reason: b.Reason}})
	})
	type inDivision struct {
		Division string `path:"division" maxLength:"6" doc:"GB/T 2260."`
		Write[contentsBody]
	}
	post(a, h, "state_contents", "/catalogues/{division}/contents", "Say what items of the catalogue include", func(ctx context.Context, q *request, in *inDivision) (done, error) {
		c := pricing.StateContents{Act: q.Act, Document: in.Body.Document, EffectiveFrom: domain.Date(in.Body.EffectiveFrom)}
		for _, x := range in.Body.Items {
			c.Items = append(c.Items, pricing.Content(x))
		}
		rc, err := handle(ctx, a.app.Catalogues, in.Division, q, pricing.CatalogueCommand(c))
		return done{in.Division, rc}, err
	})
}
