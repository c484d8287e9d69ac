package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/handlers"
)

// burialOf loads an application that the account may work on.
func (a *API) burialOf(ctx context.Context, at func(string) error, id string) (string, ecoburial.BurialState, events.Revision, error) {
	u, err := record(id)
	if err != nil {
		return "", ecoburial.BurialState{}, 0, err
	}
	s, rev, err := a.app.EcoBurials.Load(ctx, u.String())
	if err != nil || s.Applied.Type == "" {
		return "", s, 0, orNotFound(err)
	}
	return u.String(), s, rev, at(string(s.Applied.Institution))
}

// burialFor is burialOf for the counter that serves the family too: the home of
// the case, or the operator.
func (a *API) burialFor(ctx context.Context, q *request, id string) (uuid.UUID, ecoburial.BurialState, error) {
	_, s, _, err := a.burialOf(ctx, func(string) error { return nil }, id)
	if err != nil {
		return uuid.Nil, s, err
	}
	own := string(s.Applied.Institution)
	if s.Applied.Case != uuid.Nil {
		of, _, err := a.app.Cases.Load(ctx, s.Applied.Case.String())
		if err != nil {
			return uuid.Nil, s, err
		}
		if q.actor.In(of.Institution) {
			own = of.Institution
		}
	}
	u, _ := record(id)
	return u, s, q.at(own)
}

type voyageBody struct {
	Happened
	Number   string    `json:"number" minLength:"1" maxLength:"40" doc:"Used once in the city: letters, digits, dashes." example:"20261128-1"`
	Operator string    `json:"operator,omitzero" maxLength:"18" doc:"Left out: the account's own institution."`
	Vessel   string    `json:"vessel" maxLength:"32" doc:"The operator's resource of kind vessel."`
	Seats    int       `json:"seats" minimum:"1" maximum:"1000" doc:"For relatives; never more than the vessel is licensed for."`
	SeaArea  string    `json:"sea_area" maxLength:"60"`
	Pier     string    `json:"pier" maxLength:"60"`
	Division string    `json:"division" maxLength:"6" doc:"Where the pier is; the burials count there."`
	Departs  time.Time `json:"departs"`
}

type bookVoyageBody struct {
	Happened
	Burial    string      `json:"burial" format:"uuid"`
	Relatives int         `json:"relatives" minimum:"0" maximum:"10"`
	Party     []passenger `json:"party,omitzero" maxItems:"10" nullable:"false" doc:"Who comes along; sealed. It may follow."`
}

type passenger struct {
	Name      string `json:"name" maxLength:"60"`
	CitizenID string `json:"citizen_id,omitzero" maxLength:"18"`
}

type voyageBurialBody struct {
	Happened
	Burial string `json:"burial" format:"uuid"`
}

type voyageAnswerBody struct {
	Happened
	Burial string `json:"burial" format:"uuid"`
	Answer string `json:"answer,omitzero" enum:"TAKE,DECLINE" default:"TAKE" doc:"What the family says. It is recorded once."`
}

type cancelVoyageBody struct {
	Happened
	Reason   string   `json:"reason" enum:"WEATHER,VESSEL,AUTHORITY"`
	Document string   `json:"document" maxLength:"100" doc:"The forecast or order it rests on."`
	Instead  []string `json:"instead,omitzero" maxItems:"20" nullable:"false" doc:"Numbers of voyages on which its bookings are offered seats, in this order."`
}

type departBody struct {
	Timed
	Aboard []boarding `json:"aboard" maxItems:"1000" nullable:"false" doc:"The bookings that came."`
}

type boarding struct {
	Burial    string `json:"burial" format:"uuid"`
	Relatives int    `json:"relatives" minimum:"0" maximum:"10"`
}

type scatterBody struct {
	Timed
	Burial     string `json:"burial" format:"uuid"`
	Degradable bool   `json:"container_degradable" doc:"The container dissolves, or there is none."`
}

type bringBackBody struct {
	Happened
	Burial string `json:"burial" format:"uuid"`
	Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"No names."`
}

type onVoyage[B any] struct {
	Voyage string `path:"voyage" maxLength:"40" doc:"Number of the voyage."`
	Write[B]
}

// VoyageView is a voyage. It names no persons.
type VoyageView struct {
	Number     string          `json:"number"`
	Operator   string          `json:"operator"`
	Vessel     string          `json:"vessel"`
	SeaArea    string          `json:"sea_area"`
	Pier       string          `json:"pier"`
	Departs    time.Time       `json:"departs"`
	Status     string          `json:"status" enum:"open,cancelled,departed,ended"`
	Reason     string          `json:"cancelled_for,omitzero"`
	Seats      int             `json:"seats"`
	Taken      int             `json:"seats_taken"`
	Bookings   []VoyageBooking `json:"bookings,omitzero" nullable:"false" doc:"For the operator and the regulator."`
	Answers    []OfferAnswer   `json:"offer_answers,omitzero" nullable:"false" doc:"What families said to seats offered here; for the operator and the regulator."`
	DepartedAt time.Time       `json:"departed_at,omitzero"`
}

// VoyageBooking is one set of ashes on a voyage.
type VoyageBooking struct {
	Burial      string    `json:"burial" format:"uuid"`
	Relatives   int       `json:"relatives"`
	Seats       int       `json:"seats"`
	OfferUntil  time.Time `json:"offer_until,omitzero" doc:"An offer after a cancelled voyage; not firm yet."`
	Row         int       `json:"manifest_row,omitzero"`
	Scattered   bool      `json:"scattered,omitzero"`
	Certificate string    `json:"certificate,omitzero"`
	BroughtBack bool      `json:"brought_back,omitzero"`
	Told        bool      `json:"told,omitzero" doc:"Of a cancelled voyage: the family's notice was issued."`
	OfferedOn   string    `json:"offered_on,omitzero" doc:"The voyage on which the notice offers seats."`
}

// OfferAnswer is what one family said to seats that were offered to it.
type OfferAnswer struct {
	Burial string    `json:"burial" format:"uuid"`
	Taken  bool      `json:"taken"`
	By     string    `json:"by" doc:"family: on its own page; or the account that recorded it."`
	At     time.Time `json:"at"`
}

func voyageView(s ecoburial.VoyageState, all bool) VoyageView {
	x := s.Opened
	v := VoyageView{Number: x.Number, Operator: string(x.Operator), Vessel: x.Vessel, SeaArea: x.SeaArea, Pier: x.Pier, Departs: x.Departs,
		Status: "open", Reason: string(s.Cancelled.Reason), Seats: x.Seats, Taken: s.Taken(), DepartedAt: s.Departed.At}
	switch {
	case s.Ended:
		v.Status = "ended"
	case !s.Departed.At.IsZero():
		v.Status = "departed"
	case v.Reason != "":
		v.Status = "cancelled"
	}
	if !all {
		return v
	}
	for _, b := range s.Bookings {
		n, told := s.Notices[b.Burial]
		e, scattered := s.Scattered[b.Burial]
		w := VoyageBooking{Burial: b.Burial.String(), Relatives: b.Relatives, Seats: b.Seats, OfferUntil: b.Until, Told: told, OfferedOn: n.To,
			Scattered: scattered, Certificate: e.Certificate, BroughtBack: s.Back[b.Burial]}
		for _, r := range s.Departed.Manifest {
			if r.Burial == b.Burial {
				w.Row = r.Row
			}
		}
		v.Bookings = append(v.Bookings, w)
	}
	for burial, x := range s.Answers {
		v.Answers = append(v.Answers, OfferAnswer{burial.String(), x.Taken, x.By, x.At})
	}
	slices.SortFunc(v.Answers, func(a, b OfferAnswer) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Burial, b.Burial)) })
	return v
}

func (a *API) voyages(h huma.API) {
	voyageOf := func(ctx context.Context, number string) (ecoburial.VoyageState, events.Revision, error) {
		if (events.Stream(ecoburial.VoyageCategory + "-" + number)).Check() != nil {
			return ecoburial.VoyageState{}, 0, handlers.ErrNotFound
		}
		s, rev, err := a.app.Voyages.Load(ctx, number)
		if err != nil || s.Opened.Number == "" {
			return s, 0, orNotFound(err)
		}
		return s, rev, nil
	}
	// operated is what the operator asks of its own voyage.
	operated := func(ctx context.Context, q *request, number string) error {
		s, _, err := voyageOf(ctx, number)
		if err != nil {
			return err
		}
		return q.at(string(s.Opened.Operator))
	}
	post(a, h, "open_voyage", "/voyages", "Offer a sea-burial voyage", func(ctx context.Context, q *request, in *Write[voyageBody]) (done, error) {
		b := in.Body
		if b.Operator == "" {
			b.Operator = q.actor.Institution
		}
		code, err := domain.ParseCreditCode(b.Operator)
		if err != nil {
			return done{}, wrong("body.operator", err)
		}
		if err := q.at(string(code)); err != nil {
			return done{}, err
		}
		rc, err := a.app.OpenVoyage(ctx, handlers.OpenVoyage{OpenVoyage: ecoburial.OpenVoyage{Act: q.Act, Number: b.Number, Operator: code, Vessel: b.Vessel, Seats: b.Seats,
			SeaArea: b.SeaArea, Pier: b.Pier, Division: domain.Division(b.Division), Departs: b.Departs}})
		return done{b.Number, rc}, err
	})
	post(a, h, "book_voyage", "/voyages/{voyage}/bookings", "Take seats for a set of ashes and its relatives", func(ctx context.Context, q *request, in *onVoyage[bookVoyageBody]) (done, error) {
		id, _, err := a.burialFor(ctx, q, in.Body.Burial)
		if err != nil {
			return done{}, err
		}
		c := handlers.BookVoyage{Act: q.Act, Burial: id, Voyage: in.Voyage, Relatives: in.Body.Relatives}
		for _, p := range in.Body.Party {
			x := ecoburial.Passenger{Name: p.Name}
			if p.CitizenID != "" {
				if x.CitizenID, err = domain.ParseCitizenID(p.CitizenID); err != nil {
					return done{}, wrong("body.party", err)
				}
			}
			c.Party = append(c.Party, x)
		}
		rc, err := a.app.BookVoyage(ctx, c)
		return done{in.Voyage, rc}, err
	})
	post(a, h, "answer_voyage_offer", "/voyages/{voyage}/offer-answers", "Take or decline the seats offered after a cancelled voyage", func(ctx context.Context, q *request, in *onVoyage[voyageAnswerBody]) (done, error) {
		id, _, err := a.burialFor(ctx, q, in.Body.Burial)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.AnswerVoyageOffer(ctx, handlers.AnswerVoyageOffer{Act: q.Act, Burial: id, Voyage: in.Voyage, Take: in.Body.Answer != "DECLINE"})
		return done{in.Voyage, rc}, err
	})
	post(a, h, "leave_voyage", "/voyages/{voyage}/releases", "Give seats back", func(ctx context.Context, q *request, in *onVoyage[voyageBurialBody]) (done, error) {
		id, _, err := a.burialFor(ctx, q, in.Body.Burial)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.LeaveVoyage(ctx, handlers.LeaveVoyage{Act: q.Act, Burial: id, Voyage: in.Voyage})
		return done{in.Voyage, rc}, err
	})
	post(a, h, "cancel_voyage", "/voyages/{voyage}/cancellation", "Cancel a voyage, and offer its families another", func(ctx context.Context, q *request, in *onVoyage[cancelVoyageBody]) (done, error) {
		if err := operated(ctx, q, in.Voyage); err != nil {
			return done{}, err
		}
		rc, err := a.app.CancelVoyage(ctx, handlers.CancelVoyage{Voyage: in.Voyage, CancelVoyage: ecoburial.CancelVoyage{Act: q.Act,
			Reason: ecoburial.CancelReason(in.Body.Reason), Document: in.Body.Document, Instead: in.Body.Instead}})
		return done{in.Voyage, rc}, err
	})
	post(a, h, "depart_voyage", "/voyages/{voyage}/departure", "Record the departure and the manifest", func(ctx context.Context, q *request, in *onVoyage[departBody]) (done, error) {
		if err := operated(ctx, q, in.Voyage); err != nil {
			return done{}, err
		}
		c := handlers.DepartVoyage{Act: q.Act, Voyage: in.Voyage}
		for _, x := range in.Body.Aboard {
			id, err := record(x.Burial)
			if err != nil {
				return done{}, err
			}
			c.Aboard = append(c.Aboard, ecoburial.Boarding{Burial: id, Relatives: x.Relatives})
		}
		rc, err := a.app.DepartVoyage(ctx, c)
		return done{in.Voyage, rc}, err
	})
	post(a, h, "scatter_ashes", "/voyages/{voyage}/scatterings", "Record a scattering; it completes the burial", func(ctx context.Context, q *request, in *onVoyage[scatterBody]) (done, error) {
		if err := operated(ctx, q, in.Voyage); err != nil {
			return done{}, err
		}
		id, err := record(in.Body.Burial)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.ScatterAshes(ctx, handlers.ScatterAshes{Act: q.Act, Voyage: in.Voyage, Burial: id, Degradable: in.Body.Degradable})
		return done{in.Voyage, rc}, err
	})
	post(a, h, "bring_ashes_back", "/voyages/{voyage}/returns", "Record ashes that come ashore again", func(ctx context.Context, q *request, in *onVoyage[bringBackBody]) (done, error) {
		if err := operated(ctx, q, in.Voyage); err != nil {
			return done{}, err
		}
		id, err := record(in.Body.Burial)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.BringBack(ctx, handlers.BringBack{Act: q.Act, Voyage: in.Voyage, Burial: id, Reason: in.Body.Reason})
		return done{in.Voyage, rc}, err
	})
	post(a, h, "end_voyage", "/voyages/{voyage}/end", "Close a voyage whose manifest is accounted for", func(ctx context.Context, q *request, in *onVoyage[plainBody]) (done, error) {
		if err := operated(ctx, q, in.Voyage); err != nil {
			return done{}, err
		}
		rc, err := handle(ctx, a.app.Voyages, in.Voyage, q, ecoburial.VoyageCommand(ecoburial.EndVoyage{Act: q.Act}))
		return done{in.Voyage, rc}, err
	})
	type byVoyage struct {
		Voyage string `path:"voyage" maxLength:"40"`
	}
	get(h, "get_voyage", "/voyages/{voyage}", "A voyage", func(ctx context.Context, at func(string) error, in *byVoyage) (VoyageView, events.Revision, error) {
		s, rev, err := voyageOf(ctx, in.Voyage)
		if err != nil {
			return VoyageView{}, 0, err
		}
		actor := handlers.Actor(ctx)
		return voyageView(s, actor.In(string(s.Opened.Operator)) || actor.Has(handlers.Regulator)), rev, at("")
	})
}

type correctEcoBody struct {
	Happened
	Type        string            `json:"type" maxLength:"40"`
	Facts       map[string]string `json:"facts,omitzero" maxProperties:"20" nullable:"false" doc:"Those that the type requires, and no others."`
	Division    string            `json:"division" maxLength:"6"`
	CompletedOn string            `json:"completed_on,omitzero" format:"date" doc:"Left out: nobody knows."`
	LandCM2     int               `json:"land_cm2,omitzero" minimum:"0" maximum:"10000000"`
	Reason      string            `json:"reason" maxLength:"200" doc:"No names."`
	Paper       string            `json:"paper" maxLength:"60" doc:"The paper it rests on."`
}

type ecoAshesBody struct {
	Happened
	Label  string `json:"label" maxLength:"60"`
	Signed bool   `json:"both_signed"`
}

type ecoAshesBackBody struct {
	Happened
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
	Signed bool   `json:"both_signed"`
}

type applyIncentiveBody struct {
	Happened
	ApplicantID string `json:"applicant_citizen_id,omitzero" maxLength:"18" doc:"Left out: who applied for the burial."`
	Account     string `json:"account" minLength:"1" maxLength:"60" doc:"Where the money goes; sealed."`
}

type payIncentiveBody struct {
	Happened
	Payment   string `json:"payment" minLength:"1" maxLength:"60" doc:"Number of the payment's paper."`
	AmountFen int64  `json:"amount_fen" minimum:"1" maximum:"10000000000"`
}

// IncentiveView is one person's incentive. It names no persons.
type IncentiveView struct {
	Status    string `json:"status" enum:"none,applied,computed,granted,paid"`
	Outcome   string `json:"outcome,omitzero"`
	AmountFen int64  `json:"amount_fen"`
	Rule      string `json:"rule,omitzero"`
	Version   string `json:"version,omitzero"`
	Document  string `json:"document,omitzero"`
	// Zh and En are the one sentence for the family.
	Zh      string `json:"sentence_zh,omitzero"`
	En      string `json:"sentence_en,omitzero"`
	Payment string `json:"payment,omitzero"`
}

func (a *API) incentives(h huma.API) {
	post(a, h, "correct_eco_burial", "/eco-burials/{burial}/corrections", "Correct a completed burial", func(ctx context.Context, q *request, in *onBurial[correctEcoBody]) (done, error) {
		id, _, _, err := a.burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		u, _ := record(id)
		b := in.Body
		rc, err := a.app.CorrectEcoBurial(ctx, handlers.CorrectEcoBurial{ID: u, IfMatch: q.IfMatch, Correct: ecoburial.Correct{Act: q.Act, Type: b.Type, Facts: b.Facts,
			Division: domain.Division(b.Division), CompletedOn: domain.Date(b.CompletedOn), LandCM2: b.LandCM2, Reason: b.Reason, Paper: b.Paper}})
		return done{id, rc}, err
	})
	post(a, h, "receive_eco_ashes", "/eco-burials/{burial}/ashes", "Take the ashes over from the applicant", func(ctx context.Context, q *request, in *onBurial[ecoAshesBody]) (done, error) {
		id, _, _, err := a.burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		u, _ := record(id)
		rc, err := a.app.ReceiveAshes(ctx, handlers.ReceiveAshes{Act: q.Act, Burial: u, Label: in.Body.Label, Signed: in.Body.Signed})
		return done{id, rc}, err
	})
	post(a, h, "return_eco_ashes", "/eco-burials/{burial}/ashes-return", "Give the ashes back to the applicant", func(ctx context.Context, q *request, in *onBurial[ecoAshesBackBody]) (done, error) {
		id, _, _, err := a.burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		u, _ := record(id)
		rc, err := a.app.ReturnAshes(ctx, handlers.ReturnAshes{Act: q.Act, Burial: u, Reason: in.Body.Reason, Signed: in.Body.Signed})
		return done{id, rc}, err
	})
	post(a, h, "apply_incentive", "/eco-burials/{burial}/incentive-application", "Apply for the incentive", func(ctx context.Context, q *request, in *onBurial[applyIncentiveBody]) (done, error) {
		id, _, err := a.burialFor(ctx, q, in.Burial)
		if err != nil {
			return done{}, err
		}
		who, err := a.citizen("body.applicant_citizen_id", in.Body.ApplicantID)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.ApplyIncentive(ctx, handlers.ApplyIncentive{Act: q.Act, Burial: id, Applicant: who, Account: in.Body.Account})
		return done{id.String(), rc}, err
	})
	post(a, h, "compute_incentive", "/eco-burials/{burial}/incentive-computation", "Compute the incentive under the rules in force", func(ctx context.Context, q *request, in *onBurial[plainBody]) (done, error) {
		id, _, err := a.burialFor(ctx, q, in.Burial)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.ComputeIncentive(ctx, q.Act, id)
		return done{id.String(), rc}, err
	})
	post(a, h, "pay_incentive", "/eco-burials/{burial}/incentive-payment", "Record the payment of a granted incentive", func(ctx context.Context, q *request, in *onBurial[payIncentiveBody]) (done, error) {
		id, _, _, err := a.burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		u, _ := record(id)
		rc, err := a.app.PayIncentive(ctx, handlers.PayIncentive{Act: q.Act, Burial: u, Payment: in.Body.Payment, Amount: domain.Money(in.Body.AmountFen)})
		return done{id, rc}, err
	})
	type byBurial struct {
		Burial string `path:"burial" format:"uuid"`
	}
	get(h, "get_incentive", "/eco-burials/{burial}/incentive", "The incentive and its sentence", func(ctx context.Context, at func(string) error, in *byBurial) (IncentiveView, events.Revision, error) {
		_, b, _, err := a.burialOf(ctx, func(string) error { return nil }, in.Burial)
		if err != nil {
			return IncentiveView{}, 0, err
		}
		own := string(b.Applied.Institution)
		if b.Applied.Case != uuid.Nil {
			of, _, err := a.app.Cases.Load(ctx, b.Applied.Case.String())
			if err != nil {
				return IncentiveView{}, 0, err
			}
			if handlers.Actor(ctx).In(of.Institution) {
				own = of.Institution
			}
		}
		if err := at(own); err != nil {
			return IncentiveView{}, 0, err
		}
		s, rev, err := a.app.Incentives.Load(ctx, string(b.Applied.Person))
		if err != nil {
			return IncentiveView{}, 0, err
		}
		c := s.Computed
		v := IncentiveView{Status: "none", Outcome: string(c.Outcome), AmountFen: int64(c.Amount), Rule: c.Rule, Version: c.Version, Document: c.Document, Zh: c.Zh, En: c.En, Payment: s.Paid.Payment}
		switch {
		case s.Paid.Payment != "":
			v.Status = "paid"
		case s.Granted.Burial != uuid.Nil:
			v.Status = "granted"
		case c.Burial != uuid.Nil:
			v.Status = "computed"
		case s.Applied.Burial != uuid.Nil:
			v.Status = "applied"
		}
		return v, rev, nil
	})
}

type definitionBody struct {
	Happened
	Definition ecoburial.Definition `json:"definition"`
	From       string               `json:"from" format:"date"`
	Document   string               `json:"document" maxLength:"200"`
}

type incentiveRulesBody struct {
	Happened
	Version  string                    `json:"version" maxLength:"40"`
	Document string                    `json:"document" maxLength:"200"`
	Rules    []ecoburial.IncentiveRule `json:"rules" maxItems:"100" nullable:"false"`
}

type targetBody struct {
	Happened
	Share    string `json:"share" enum:"strict,broad"`
	Year     string `json:"year" pattern:"^(19|20|21)[0-9]{2}$"`
	PerMille int    `json:"per_mille" minimum:"0" maximum:"1000" doc:"500 is 50 %."`
	Document string `json:"document" maxLength:"200"`
}

type figuresBody struct {
	Happened
	Month string `json:"month" pattern:"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"`
}

// RulebookView is what the city counts and pays by.
type RulebookView struct {
	Definitions []ecoburial.DefinitionAdopted `json:"definitions" nullable:"false"`
	Incentives  ecoburial.IncentivesAdopted   `json:"incentives"`
	Targets     []ecoburial.TargetSet         `json:"targets" nullable:"false"`
}

func (a *API) ecoRules(h huma.API) {
	const city = string(handlers.City)
	post(a, h, "adopt_eco_definition", "/eco-rules/definitions", "Put a definition of eco-burial in force", func(ctx context.Context, q *request, in *Write[definitionBody]) (done, error) {
		rc, err := handle(ctx, a.app.Rulebooks, city, q, ecoburial.RulebookCommand(ecoburial.AdoptDefinition{Act: q.Act, Definition: in.Body.Definition, From: domain.Date(in.Body.From), Document: in.Body.Document}))
		return done{in.Body.Definition.ID, rc}, err
	})
	post(a, h, "adopt_incentive_rules", "/eco-rules/incentives", "Put incentive rules in force", func(ctx context.Context, q *request, in *Write[incentiveRulesBody]) (done, error) {
		rc, err := handle(ctx, a.app.Rulebooks, city, q, ecoburial.RulebookCommand(ecoburial.AdoptIncentives{Act: q.Act, Version: in.Body.Version, Document: in.Body.Document, Rules: in.Body.Rules}))
		return done{in.Body.Version, rc}, err
	})
	post(a, h, "set_eco_target", "/eco-rules/targets", "Record a published target", func(ctx context.Context, q *request, in *Write[targetBody]) (done, error) {
		b := in.Body
		rc, err := handle(ctx, a.app.Rulebooks, city, q, ecoburial.RulebookCommand(ecoburial.SetTarget{Act: q.Act, Share: ecoburial.Share(b.Share), Year: b.Year, PerMille: b.PerMille, Document: b.Document}))
		return done{b.Year, rc}, err
	})
	post(a, h, "publish_eco_figures", "/eco-figures", "Publish a month's figures, for good", func(ctx context.Context, q *request, in *Write[figuresBody]) (done, error) {
		rc, err := a.app.PublishFigures(ctx, q.Act, in.Body.Month)
		return done{in.Body.Month, rc}, err
	})
	type none struct{}
	get(h, "get_eco_rulebook", "/eco-rules", "What the city counts and pays by", func(ctx context.Context, at func(string) error, _ *none) (RulebookView, events.Revision, error) {
		s, rev, err := a.app.Rulebooks.Load(ctx, city)
		if err != nil {
			return RulebookView{}, 0, err
		}
		v := RulebookView{Definitions: append([]ecoburial.DefinitionAdopted{{Definition: ecoburial.Default()}}, s.Adopted...), Incentives: s.Incentives, Targets: s.Targets}
		if s.Incentives.Version == "" {
			v.Incentives.Rules = a.app.Rules.Incentives
		}
		return v, rev, at("")
	})
}
