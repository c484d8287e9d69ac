package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
)

type reportDamageBody struct {
	Happened
	Plot    string `json:"plot" minLength:"1" maxLength:"60"`
	Damage  string `json:"damage" enum:"STONE,GRAVE,PATH,PLANTS,OTHER"`
	Text    string `json:"text,omitzero" maxLength:"500" doc:"What was said; needed for OTHER. Sealed."`
	Contact string `json:"contact,omitzero" maxLength:"100" doc:"Where an answer reaches whoever reported it. Sealed."`
}

type finishOrderBody struct {
	Happened
	On string `json:"on" format:"date" doc:"Day on which it was repaired."`
}

type declineOrderBody struct {
	Happened
	Reason string `json:"reason" enum:"NOTHING_FOUND,REPORTED_TWICE,HOLDERS_OWN"`
}

type onOrder[B any] struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Order    string `path:"order" format:"uuid"`
	Write[B]
}

type getOrder struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Order    string `path:"order" format:"uuid"`
}

// WorkOrderView is a work order.
type WorkOrderView struct {
	Order      string `json:"order" format:"uuid"`
	Cemetery   string `json:"cemetery"`
	Plot       string `json:"plot"`
	Damage     string `json:"damage" enum:"STONE,GRAVE,PATH,PLANTS,OTHER"`
	ReportedOn string `json:"reported_on" format:"date"`
	DueBy      string `json:"due_by" format:"date" doc:"Last day of the term."`
	Late       bool   `json:"late" doc:"The term passed before its end; it is a suspicion for the credit ledger."`
	DoneOn     string `json:"done_on,omitzero" format:"date"`
	Refused    string `json:"refused,omitzero" doc:"Why nothing was repaired."`
	Text       string `json:"text,omitzero" doc:"What was said; for the cemetery alone. Left out where it was erased."`
	Contact    string `json:"contact,omitzero" doc:"For the cemetery alone."`
}

func (a *API) workOrders(h huma.API) {
	post(a, h, "report_damage", "/cemeteries/{cemetery}/damage-reports", "Take a report of damage that came by telephone or at the counter", func(ctx context.Context, q *request, in *inYard[reportDamageBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		code, id, rc, err := a.app.ReportDamage(ctx, handlers.ReportDamage{Act: q.Act, Token: q.New, Of: domain.CreditCode(in.Cemetery), Plot: b.Plot, Damage: cemetery.Damage(b.Damage), Text: b.Text, Contact: b.Contact})
		q.code = code
		return done{id.String(), rc}, err
	})
	settle := func(ctx context.Context, q *request, of, order string, cmd cemetery.RepairCommand) (done, error) {
		if err := q.at(of); err != nil {
			return done{}, err
		}
		id, err := record(order)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.SettleRepair(ctx, domain.CreditCode(of), id, q.IfMatch, cmd)
		return done{id.String(), rc}, err
	}
	post(a, h, "finish_work_order", "/cemeteries/{cemetery}/work-orders/{order}/completion", "Record a repair", func(ctx context.Context, q *request, in *onOrder[finishOrderBody]) (done, error) {
		return settle(ctx, q, in.Cemetery, in.Order, cemetery.FinishRepair{Act: q.Act, On: domain.Date(in.Body.On)})
	})
	post(a, h, "decline_work_order", "/cemeteries/{cemetery}/work-orders/{order}/refusal", "Settle a report without a repair", func(ctx context.Context, q *request, in *onOrder[declineOrderBody]) (done, error) {
		return settle(ctx, q, in.Cemetery, in.Order, cemetery.RefuseRepair{Act: q.Act, Reason: cemetery.NoRepair(in.Body.Reason)})
	})
	get(h, "get_work_order", "/cemeteries/{cemetery}/work-orders/{order}", "A work order", func(ctx context.Context, at func(string) error, in *getOrder) (WorkOrderView, events.Revision, error) {
		if err := at(in.Cemetery); err != nil {
			return WorkOrderView{}, 0, err
		}
		id, err := record(in.Order)
		if err != nil {
			return WorkOrderView{}, 0, err
		}
		s, rev, err := a.app.Repair(ctx, id)
		if err == nil && string(s.Reported.Cemetery) != in.Cemetery {
			err = handlers.ErrNotFound
		}
		if err != nil {
			return WorkOrderView{}, 0, err
		}
		e := s.Reported
		v := WorkOrderView{Order: id.String(), Cemetery: in.Cemetery, Plot: e.Plot, Damage: string(e.Damage), ReportedOn: string(e.ReportedOn), DueBy: string(e.DueBy), Late: s.Late}
		if handlers.Actor(ctx).Has(handlers.Cemetery) { // who repairs reads what was said
			v.Text, v.Contact = e.Text.Or(""), e.Contact.Or("")
		}
		if s.Done != nil {
			v.DoneOn = string(s.Done.On)
		}
		if s.Refused != nil {
			v.Refused = string(s.Refused.Reason)
		}
		return v, rev, nil
	})
}
