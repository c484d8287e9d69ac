package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// ordersAtOnce is how many work orders the office's page lists.
const ordersAtOnce = 60

// A deskOrders is the page of a cemetery's work orders.
type deskOrders struct {
	Yard      Text
	Of        domain.CreditCode
	At        string
	Rows      []deskOrder
	May       bool
	Refusals  []cemetery.NoRepair
	Today     domain.Date
	Token, By string
	Refused   *handlers.Problem
}

// A deskOrder is a work order in front of its office, which alone reads what was
// said and how to reach who said it.
type deskOrder struct {
	places.Repair
	Text, Contact string
	Over          bool
}

func (d *Desk) orders(v *visit) error {
	return d.showOrders(v, http.StatusOK, uuid.Must(uuid.NewV7()).String(), nil)
}

func (d *Desk) showOrders(v *visit, status int, token string, refused *handlers.Problem) error {
	of, err := v.mine("view_places")
	if err != nil {
		return err
	}
	c, _, err := d.app.Cemeteries.Load(v.ctx(), string(of))
	if err == nil && c.Cemetery == "" {
		err = handlers.ErrNotFound
	}
	if err != nil {
		return err
	}
	all, asOf, err := d.data.WorkOrders(v.ctx(), string(of))
	if err != nil {
		return err
	}
	p := deskOrders{Yard: Text{c.NameZh, c.NameEn}, Of: of, At: "/desk/cemeteries/" + string(of) + "/work-orders", May: handlers.Allow(v.actor, "finish_work_order", string(of)) == nil,
		Refusals: cemetery.NoRepairs, Today: domain.DateOf(d.app.Now()), Token: token, By: v.actor.ID, Refused: refused}
	for _, x := range all {
		row := deskOrder{Repair: x, Over: x.Open() && x.Due < p.Today}
		if id, err := uuid.Parse(x.ID); err == nil && x.Open() && p.May {
			s, _, err := d.app.Repair(v.ctx(), id)
			if err != nil {
				return err
			}
			row.Text, row.Contact = s.Reported.Text.Or(""), s.Reported.Contact.Or("")
		}
		p.Rows = append(p.Rows, row)
	}
	return d.sendAs(v, status, "desk-orders", "/desk/cemeteries", p, &asOf)
}

// orderDo is POST …/work-orders/{order}/{act}: it was repaired, or is not.
func (d *Desk) orderDo(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	id, err := uuid.Parse(chi.URLParam(v.r, "order"))
	if err != nil {
		return handlers.ErrNotFound
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	var op handlers.Operation
	var cmd cemetery.RepairCommand
	switch chi.URLParam(v.r, "act") {
	case "done":
		op, cmd = "finish_work_order", cemetery.FinishRepair{Act: act, On: f.date("on")}
	case "refuse":
		op, cmd = "decline_work_order", cemetery.RefuseRepair{Act: act, Reason: cemetery.NoRepair(f.Get("reason"))}
	default:
		return handlers.ErrNotFound
	}
	of, err := v.mine(op)
	if err != nil {
		return err
	}
	rc, err := events.Receipt{}, f.bad.Or()
	if err == nil {
		rc, err = d.app.SettleRepair(v.ctx(), of, id, nil, cmd)
	}
	if err != nil {
		p := handlers.RequestProblem(v.ctx(), err)
		if p.Status >= 500 {
			return err
		}
		return d.showOrders(v, p.Status, f.Get("token"), p)
	}
	d.placesSettled(v, rc)
	v.say(v.text("orders.said"))
	return see(v, "/desk/cemeteries/"+string(of)+"/work-orders")
}
