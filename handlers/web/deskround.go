package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A deskRoundPage is a round in front of the office that holds it: what became
// of it, and, where it was cancelled, whose families are still to be told.
type deskRoundPage struct {
	Yard      Text
	Of        domain.CreditCode
	At        string // address of the page
	Public    string // address of the public record
	Round     cemetery.RoundState
	Rows      []deskRoundRow // families to be told, of a cancelled round
	MayCancel bool
	MayTell   bool
	Reasons   []cemetery.RoundReason
	Channels  []cemetery.Channel
	Token, By string
	Refused   *handlers.Problem
	Now       time.Time
}

// A deskRoundRow is an application of a cancelled round; Told is zero while its
// family does not know.
type deskRoundRow struct {
	Application string
	Told        cemetery.RoundTold
}

// toldBy are the ways in which a family is told: nothing is left at a place that
// it does not have.
var toldBy = slices.DeleteFunc(slices.Clone(cemetery.Channels), func(c cemetery.Channel) bool { return c == cemetery.AtThePlot })

// roundOf loads the round of an address.
func (d *Desk) roundOf(v *visit, of domain.CreditCode) (cemetery.RoundState, error) {
	id := handlers.RoundID(of, chi.URLParam(v.r, "round"))
	if (events.Stream(cemetery.RoundCategory + "-" + id)).Check() != nil {
		return cemetery.RoundState{}, handlers.ErrNotFound
	}
	s, _, err := d.app.Rounds.Load(v.ctx(), id)
	if err == nil && s.Announced == nil {
		err = handlers.ErrNotFound
	}
	return s, err
}

func (d *Desk) round(v *visit) error {
	return d.showRound(v, http.StatusOK, uuid.Must(uuid.NewV7()).String(), nil)
}

func (d *Desk) showRound(v *visit, status int, token string, refused *handlers.Problem) error {
	of, err := v.mine("view_places")
	if err != nil {
		return err
	}
	s, err := d.roundOf(v, of)
	if err != nil {
		return err
	}
	c, _, err := d.app.Cemeteries.Load(v.ctx(), string(of))
	if err != nil {
		return err
	}
	may := func(op handlers.Operation) bool { return handlers.Allow(v.actor, op, string(of)) == nil }
	p := deskRoundPage{Yard: Text{c.NameZh, c.NameEn}, Of: of, Public: roundAddress(of, s.Announced.Round), Round: s, Reasons: cemetery.RoundReasons, Channels: toldBy,
		Token: token, By: v.actor.ID, Refused: refused, Now: d.app.Now(), MayCancel: s.Drawn == nil && s.Cancelled == nil && may("cancel_round"), MayTell: may("tell_applicant")}
	p.At = "/desk" + p.Public
	if s.Cancelled != nil {
		for _, a := range s.Cancelled.Applications {
			p.Rows = append(p.Rows, deskRoundRow{a, s.Told[a]})
		}
	}
	return d.sendAs(v, status, "desk-round", "/desk/cemeteries", p, nil)
}

// roundDo is POST …/rounds/{round}/{act}: cancel, or note that a family was told.
func (d *Desk) roundDo(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	f.check(field{Name: "document", Max: 100}, field{Name: "proof", Max: 100})
	round := chi.URLParam(v.r, "round")
	var do func(domain.CreditCode) (events.Receipt, error)
	var op handlers.Operation
	switch chi.URLParam(v.r, "act") {
	case "cancel":
		op, do = "cancel_round", func(of domain.CreditCode) (events.Receipt, error) {
			return d.app.CancelRound(v.ctx(), of, round, nil, cemetery.CancelRound{Act: act, Reason: cemetery.RoundReason(f.Get("why")), Document: f.value("document")})
		}
	case "tell":
		act.ID = events.StepID(act.ID, f.Get("application")) // the page has a form for each
		op, do = "tell_applicant", func(of domain.CreditCode) (events.Receipt, error) {
			return d.app.TellApplicant(v.ctx(), of, round, nil, cemetery.TellApplicant{Act: act, Application: f.Get("application"), Channel: cemetery.Channel(f.Get("channel")), Proof: f.value("proof")})
		}
	default:
		return handlers.ErrNotFound
	}
	of, err := v.mine(op)
	if err != nil {
		return err
	}
	rc, err := events.Receipt{}, f.bad.Or()
	if err == nil {
		rc, err = do(of)
	}
	if err != nil {
		p := handlers.RequestProblem(v.ctx(), err)
		if p.Status >= 500 {
			return err
		}
		return d.showRound(v, p.Status, f.Get("token"), p)
	}
	d.placesSettled(v, rc)
	v.say(v.label("round_did", op))
	return see(v, "/desk"+roundAddress(of, round))
}
