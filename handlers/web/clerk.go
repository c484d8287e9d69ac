package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// A clerkPage is the phone page of a village's clerk: an interment is recorded
// days later, and where there is no network it waits on the phone (clerk.js).
type clerkPage struct {
	cemeteryPage
	Token, By string
	Today     domain.Date
	Open      []placeLine // that can be given, or have room for one more
	Year      string
	Notice    string
	// What was typed, where it was refused.
	Typed   form
	Refused *handlers.Problem
}

// Was is what was typed into a field.
func (p clerkPage) Was(name string) string { return p.Typed.Get(name) }

func (d *Desk) clerkPage(v *visit, of domain.CreditCode) (clerkPage, error) {
	data, err := d.data.Cemetery(v.ctx(), string(of))
	if err != nil {
		return clerkPage{}, err
	}
	if data.Class != cemetery.RuralPublic {
		return clerkPage{}, handlers.ErrNotFound
	}
	p := clerkPage{cemeteryPage: cemeteryPageOf(data, "/desk/cemeteries/"+string(of), nil, places.Place.Status), Token: uuid.Must(uuid.NewV7()).String(), By: v.actor.ID,
		Today: domain.DateOf(d.app.Now())}
	for _, x := range data.All {
		st := x.Status()
		if st == cemetery.Vacant || (st == cemetery.Allocated || st == cemetery.Resting) && x.Resting < x.Capacity-x.Emptied {
			p.Open = append(p.Open, placeLine{Place: x, Section: sectionOf(x), Symbol: symbol(st, x.Resting), Now: st})
		}
	}
	o, err := d.data.Office(v.ctx(), string(of), "")
	if err != nil {
		return p, err
	}
	for _, y := range o.Years { // the newest that there is a statement of
		if y.Year != "" {
			p.Year = y.Year
			break
		}
	}
	return p, nil
}

// clerk shows the page. It holds nobody's data, so that a phone may keep it and
// open it where there is no network.
func (d *Desk) clerk(v *visit) error {
	of, err := v.mine("inter")
	if err != nil {
		return err
	}
	p, err := d.clerkPage(v, of)
	if err != nil {
		return err
	}
	p.Notice = d.sessions.Take(v.ctx(), "notice")
	return d.sendClerk(v, http.StatusOK, p)
}

func (d *Desk) sendClerk(v *visit, status int, p clerkPage) error {
	b, err := d.render("clerk", "problem", v.view, p, &p.AsOf)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Vary", vary)
	v.w.WriteHeader(status)
	v.w.Write(b) // the client may be gone
	return nil
}

// clerkWorker is the script that keeps the page on the phone (clerk-worker.js).
// It lies beside the page, because a browser lets it answer for nothing above
// where it lies.
func (d *Desk) clerkWorker(v *visit) error {
	if _, err := v.mine("inter"); err != nil {
		return err
	}
	f := d.assets["clerk-worker.js"]
	v.w.Header().Set("Content-Type", f.kind)
	v.w.Header().Set("Cache-Control", "no-cache")
	v.w.Header().Set("Vary", "Accept-Encoding")
	f.page.serve(v.w, v.r)
	return nil
}

// A clerkReceipt tells the phone that a record was taken: when it happened, and
// when it came in.
type clerkReceipt struct {
	Plot     string `json:"plot"`
	On       string `json:"interred_on"`
	Received string `json:"received"`
	Position uint64 `json:"position"`
}

// clerkRecord takes one record, from the form or from the phone's queue. The
// token is the record's own, made where it was written down: however often it is
// sent, it counts once.
func (d *Desk) clerkRecord(v *visit) error {
	of, err := v.mine("inter")
	if err != nil {
		return err
	}
	if err := v.form(); err != nil {
		return err
	}
	machine := strings.Contains(v.r.Header.Get("Accept"), "application/json")
	f := form{Values: v.r.PostForm}
	// A phone's queue is of who wrote it down. On a phone that somebody else has
	// signed in on since, it waits for its own clerk: sent in another name it would
	// be another act, and not count once.
	if by := f.Get("by"); by != "" && by != v.actor.ID {
		if !machine {
			return handlers.ErrUnauthenticated
		}
		handlers.WriteProblem(v.w, v.r, handlers.ErrUnauthenticated)
		return nil
	}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	on := f.date("on")
	f.check(field{Name: "surname", Max: 10}, field{Name: "certificate", Max: 40}, field{Name: "plot", Max: 60}, field{Name: "paper_no", Max: 60}, field{Name: "late", Max: maxLate})
	for _, name := range []string{"surname", "certificate", "plot", "on", "paper_no"} {
		if f.value(name) == "" {
			f.fail(name, errField)
		}
	}
	// What is known is the day. A day that is not over has come as far as now.
	if act.At = on.Start().Add(12 * time.Hour); act.At.After(act.Now) && on <= domain.DateOf(act.Now) {
		act.At = act.Now
	}
	act.LateReason = f.value("late")
	var rc events.Receipt
	if err = f.bad.Or(); err == nil {
		rc, err = d.app.RecordVillageInterment(v.ctx(), handlers.VillageInterment{Act: act, Of: of, Plot: f.value("plot"), Certificate: strings.ToUpper(f.value("certificate")),
			Surname: f.value("surname"), Paper: f.value("paper_no"), Beside: f.on("beside")})
	}
	switch {
	case err != nil && machine:
		handlers.WriteProblem(v.w, v.r, err)
		return nil
	case err != nil:
		problem := handlers.RequestProblem(v.ctx(), err)
		if problem.Status >= http.StatusInternalServerError {
			return err
		}
		p, err := d.clerkPage(v, of)
		if err != nil {
			return err
		}
		p.Typed, p.Refused, p.Token = f, problem, f.Get("token")
		return d.sendClerk(v, problem.Status, p)
	}
	d.placesSettled(v, rc)
	got := clerkReceipt{f.value("plot"), string(on), domain.FormatTime(act.Now), uint64(rc.Position)}
	if machine {
		v.w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(v.w).Encode(got)
	}
	v.say(v.text("clerk.received", got.Plot, got.On, got.Received))
	return see(v, "/desk/cemeteries/"+string(of)+"/clerk")
}

// certified is the case of a certificate that holds.
func (d *Desk) certified(v *visit, number string) (of booking.State, ok bool, err error) {
	if number == "" || (events.Stream("certificate-"+number)).Check() != nil {
		return of, false, nil
	}
	c, _, err := d.app.Certificates.Load(v.ctx(), number)
	if err != nil || c.Case == uuid.Nil {
		return of, false, err
	}
	of, _, err = d.app.Cases.Load(v.ctx(), c.Case.String())
	return of, c.Holds(c.Case) && of.Exists(), err
}
