package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// placePages are the pages of a cemetery's office. A page about a cemetery asks
// again at that cemetery.
func (d *Desk) placePages() []deskPage {
	return []deskPage{
		{http.MethodGet, "/desk/cemeteries", "view_places", d.cemeteryIndex},
		{http.MethodGet, "/desk/limits", "view_places", d.limits},
		{http.MethodGet, "/desk/limits.csv", "view_places", d.limitsTable},
		{http.MethodGet, "/desk/cemeteries/{cemetery}", "view_places", d.cemetery},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/years/{year}", "view_places", d.cemeteryYear},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/import", "survey_plot", d.importForm},
		{http.MethodPost, "/desk/cemeteries/{cemetery}/import", "survey_plot", d.importDo},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/clerk", "inter", d.clerk},
		{http.MethodPost, "/desk/cemeteries/{cemetery}/clerk", "inter", d.clerkRecord},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/clerk-worker.js", "inter", d.clerkWorker},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/rounds/{round}", "view_places", d.round},
		{http.MethodPost, "/desk/cemeteries/{cemetery}/rounds/{round}/{act}", "view_places", d.roundDo},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/work-orders", "view_places", d.orders},
		{http.MethodPost, "/desk/cemeteries/{cemetery}/work-orders/{order}/{act}", "view_places", d.orderDo},
		{http.MethodGet, "/desk/cemeteries/{cemetery}/places/{plot}/{act}", "view_places", d.placeForm},
		{http.MethodPost, "/desk/cemeteries/{cemetery}/places/{plot}/{act}", "view_places", d.placeDo},
	}
}

// A placeView is a place in front of somebody who may work on it, folded from
// the log.
type placeView struct {
	*visit
	of     domain.CreditCode
	no     string
	cem    cemetery.CemeteryState
	plot   cemetery.PlotState
	right  cemetery.RightState
	rules  cemetery.Rules
	moves  []placeMove // open relocations from this place
	coming []placeMove // open relocations to it
	awaits bool        // a round gave the place to somebody who has not come yet
	now    time.Time
}

type placeMove struct {
	id uuid.UUID
	cemetery.RelocationState
}

// A placeAct is one thing that can be done with a place; it is asked of the
// deciders as deskAct is.
type placeAct struct {
	name   string
	op     handlers.Operation
	ask    func(*placeView) error
	tell   bool // where it may not be done, say why
	fields func(*placeView) []field
	do     func(*placeView, domain.Act, form) (events.Receipt, error)
	final  bool
}

func (p *placeView) candidate() domain.Act {
	return domain.Act{ID: uuid.Must(uuid.NewV7()), By: p.actor.ID, Now: p.now.UTC(), At: p.now.UTC()}
}

func (p *placeView) today() domain.Date { return domain.DateOf(p.now) }

func (p *placeView) id() string { return handlers.PlotID(p.of, p.no) }

// mine lets in whoever may do op at the cemetery of the address.
func (v *visit) mine(op handlers.Operation) (domain.CreditCode, error) {
	of := chi.URLParam(v.r, "cemetery")
	return domain.CreditCode(of), handlers.Allow(v.actor, op, of)
}

// placeOf folds the place of an address.
func (d *Desk) placeOf(v *visit, plot string, op handlers.Operation) (*placeView, error) {
	of, err := v.mine(op)
	if err != nil {
		return nil, err
	}
	p := &placeView{visit: v, of: of, no: plot, now: d.app.Now()}
	if (events.Stream(cemetery.PlotCategory + "-" + p.id())).Check() != nil {
		return nil, handlers.ErrNotFound
	}
	if p.cem, _, err = d.app.Cemeteries.Load(v.ctx(), string(of)); err != nil {
		return nil, err
	}
	if p.plot, _, err = d.app.Plots.Load(v.ctx(), p.id()); err != nil {
		return nil, err
	}
	if p.plot.Surveyed.Capacity == 0 {
		return nil, handlers.ErrNotFound
	}
	if p.plot.Right != "" {
		if p.right, _, err = d.app.Rights.Load(v.ctx(), handlers.RightID(of, p.plot.Right)); err != nil {
			return nil, err
		}
	}
	if p.plot.Held != "" {
		r, _, err := d.app.Rounds.Load(v.ctx(), handlers.RoundID(of, p.plot.Held))
		if err != nil {
			return nil, err
		}
		p.awaits = slices.ContainsFunc(r.Holds, func(x cemetery.RoundPlace) bool { return x.Place == plot })
	}
	if p.rules, err = d.app.RulesFor(v.ctx(), p.cem.Division, p.today()); err != nil {
		return nil, err
	}
	o, err := d.data.Office(v.ctx(), string(of), plot)
	if err != nil {
		return nil, err
	}
	for _, x := range o.Relocations {
		id, err := uuid.Parse(x.ID)
		if err != nil {
			return nil, err
		}
		s, _, err := d.app.Relocations.Load(v.ctx(), x.ID)
		if err != nil {
			return nil, err
		}
		switch m := (placeMove{id, s}); {
		case s.Requested == nil || s.Cancelled || s.Status() == "arrived":
		case s.Requested.Cemetery == of && s.Requested.Plot == plot:
			p.moves = append(p.moves, m)
		default:
			p.coming = append(p.coming, m)
		}
	}
	return p, nil
}

// someone names a person of the place without a name: by the deed.
func (p *placeView) someone(who domain.Subject) string {
	for i, x := range p.plot.Places {
		if x.Deceased == who {
			return p.text("place.person", i+1, cmp.Or(x.Deed, x.Right))
		}
	}
	return p.text("place.person", 1+slices.Index(p.plot.Interred, who), "—")
}

// people are persons to choose from.
func (p *placeView) people(who []domain.Subject) (os []option) {
	for _, w := range who {
		os = append(os, option{string(w), p.someone(w)})
	}
	return os
}

// waiting are those who have a place here and do not rest in it.
func (p *placeView) waiting() (who []domain.Subject) {
	for _, x := range p.plot.Places {
		if !slices.Contains(p.plot.Interred, x.Deceased) {
			who = append(who, x.Deceased)
		}
	}
	return who
}

func (p *placeView) askPlot(c cemetery.PlotCommand) error { return would(cemetery.Plot, p.plot, c) }

func (p *placeView) askRight(c cemetery.RightCommand) error {
	return only(p.right.Granted.Right != "", func() error { return would(cemetery.Right, p.right, c) })
}

// lastDay is the last day that a period which begins on a day may have.
func (p *placeView) lastDay(from domain.Date) domain.Date {
	years := p.rules.Or().TermYears
	if n := p.cem.Limits.TermYears; n > 0 {
		years = min(years, n)
	}
	return from.AddMonths(12 * years)
}

func placeOptions[T ~string](v *visit, kind string, codes []T) (os []option) {
	for _, x := range codes {
		os = append(os, option{string(x), v.label(kind, x)})
	}
	return os
}

// doRight asks the right's own stream, and lets the plot follow.
func doRight(cmd func(*placeView, domain.Act, *form) cemetery.RightCommand) func(*placeView, domain.Act, form) (events.Receipt, error) {
	return func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(p, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return p.desk.app.ChangeRight(p.ctx(), p.of, p.plot.Right, nil, x)
	}
}

// doPlot asks the plot's own stream.
func doPlot(cmd func(*placeView, domain.Act, *form) cemetery.PlotCommand) func(*placeView, domain.Act, form) (events.Receipt, error) {
	return func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(p, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return p.desk.app.Plots.Handle(p.ctx(), p.id(), x)
	}
}

var placeActs = []*placeAct{
	{
		name: "allocate", op: "allocate_plot", tell: true,
		ask: func(p *placeView) error {
			ground, until := cemetery.CremationCertificate, p.lastDay(p.today())
			if p.plot.Surveyed.Kind == cemetery.BodyGrave {
				ground = cemetery.DeathCertificate
			}
			right, applicant := cmp.Or(p.plot.Right, "candidate"), cmp.Or(p.plot.Applicant, "candidate")
			if p.plot.Right != "" {
				until = p.plot.TermUntil
			}
			var served domain.Division
			if len(p.cem.Serves) > 0 {
				served = p.cem.Serves[0]
			}
			return p.askPlot(cemetery.Allocate{Act: p.candidate(), Right: right, Applicant: applicant, Deceased: "candidate", Ground: ground, Certificate: "candidate", CertificateHolds: true,
				Hukou: served, Villager: true, Contract: "candidate", TermUntil: until, Cemetery: p.cem, Rules: p.rules, Round: p.plot.Held, Won: p.awaits})
		},
		fields: func(p *placeView) []field {
			grounds := []cemetery.Ground{cemetery.CremationCertificate}
			if len(p.plot.Places) > 0 {
				grounds = append(grounds, cemetery.LivingSpouse)
			}
			for _, m := range p.coming {
				if m.Permitted.Permit != "" {
					grounds = append(grounds, cemetery.RelocationPermit)
					break
				}
			}
			until := p.plot.TermUntil
			if until == "" {
				until = p.lastDay(p.today())
			}
			fs := []field{{Name: "ground", Kind: "radio", Value: string(grounds[len(grounds)-1]), Options: placeOptions(p.visit, "ground", grounds)}, {Name: "certificate", Kind: "text", Max: 40, Hint: "certificate", Optional: len(grounds) > 1}}
			if slices.Contains(grounds, cemetery.LivingSpouse) {
				fs = append(fs, field{Name: "marriage_paper", Kind: "text", Max: 60, Optional: true})
			}
			fs = append(fs, field{Name: "contract", Kind: "text", Max: 60}, field{Name: "until", Kind: "date", Value: string(until)})
			if p.cem.Class.Powers().UseFee {
				fs = append(fs, field{Name: "fee", Kind: "money", Optional: true, Max: 12}, field{Name: "fee_code", Kind: "text", Optional: true, Max: 40, Hint: "fee_code"})
			}
			if p.cem.Class == cemetery.RuralPublic {
				fs = append(fs, field{Name: "villager", Kind: "check"})
			}
			return fs
		},
		do: (*placeView).allocate,
	},
	{
		name: "inter", op: "inter", tell: true,
		ask: func(p *placeView) error {
			who := p.waiting()
			return only(len(who) > 0 && p.plot.Places[0].Ground != "" && !p.isComing(who[0]), func() error {
				st := p.standing()
				c := cemetery.Consent{By: st.Holder, Paper: "candidate"}
				if st.Died || slices.Contains(p.plot.Interred, st.Holder) { // an exception may stand in
					c = cemetery.Consent{Exception: cemetery.HeirsAgree, Paper: "candidate"}
				}
				return p.askPlot(cemetery.Inter{Act: p.candidate(), Right: p.plot.Right, Person: who[0], Certificate: "candidate", CertificateHolds: true, Released: true, Standing: st, Consent: c, Definition: "candidate"})
			})
		},
		fields: func(p *placeView) []field {
			number := ""
			for _, x := range p.plot.Places {
				if !slices.Contains(p.plot.Interred, x.Deceased) {
					number = cmp.Or(number, x.Certificate)
				}
			}
			return []field{{Name: "certificate", Kind: "text", Value: number, Max: 40}, {Name: "consent_paper", Kind: "text", Max: 60, Hint: "consent_paper"},
				{Name: "exception", Kind: "select", Optional: true, Options: placeOptions(p.visit, "consent_exception", []cemetery.Exception{cemetery.HolderRests, cemetery.HeirsAgree, cemetery.ByOrder})}}
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			return p.desk.app.Inter(p.ctx(), handlers.Inter{Of: p.of, Plot: p.no, Inter: cemetery.Inter{Act: act, Right: p.plot.Right, Certificate: f.value("certificate"),
				Consent: cemetery.Consent{Paper: f.value("consent_paper"), Exception: cemetery.Exception(f.Get("exception"))}}})
		},
	},
	{
		name: "renew", op: "manage_places", tell: true,
		ask: func(p *placeView) error {
			return p.askRight(cemetery.Renew{Act: p.candidate(), Holder: p.right.Holder, Until: p.lastDay(p.right.Until), Contract: "candidate", Rules: p.rules, Cemetery: p.cem})
		},
		fields: func(p *placeView) []field {
			fs := []field{{Name: "contract", Kind: "text", Max: 60}, {Name: "until", Kind: "date", Value: string(p.lastDay(p.right.Until))}}
			if p.cem.Class.Powers().UseFee {
				fs = append(fs, field{Name: "fee", Kind: "money", Optional: true, Max: 12}, field{Name: "fee_code", Kind: "text", Optional: true, Max: 40, Hint: "fee_code"})
			}
			return fs
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			x := handlers.RenewRight{Of: p.of, Right: p.plot.Right, FeeCode: f.value("fee_code"), Renew: cemetery.Renew{Act: act, Holder: p.right.Holder, Until: f.date("until"), Contract: f.value("contract"), FeeFen: f.money("fee")}}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return p.desk.app.RenewRight(p.ctx(), x)
		},
	},
	{
		name: "serve_notice", op: "manage_places",
		ask: func(p *placeView) error {
			return only(len(p.right.Outstanding(p.today())) > 0, func() error { return nil })
		},
		fields: func(p *placeView) []field {
			var stages []option
			for _, d := range p.right.Outstanding(p.today()) {
				stages = append(stages, option{fmt.Sprint(int(d.Stage)), p.stage(d.Stage) + " " + string(d.On)})
			}
			return []field{{Name: "stage", Kind: "radio", Value: stages[0].Value, Options: stages}, {Name: "channel", Kind: "select", Options: placeOptions(p.visit, "channel", cemetery.Channels)},
				{Name: "served_on", Kind: "date", Value: string(p.today())}, {Name: "proof", Kind: "text", Max: 100, Hint: "notice_proof"}}
		},
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			return cemetery.ServeNotice{Act: act, Stage: cemetery.Stage(f.number("stage")), Channel: cemetery.Channel(f.Get("channel")), To: p.right.Holder, ServedOn: f.date("served_on"), Proof: f.value("proof")}
		}),
	},
	{
		name: "upkeep", op: "manage_places",
		ask: func(p *placeView) error {
			return p.askRight(cemetery.PayUpkeep{Act: p.candidate(), Until: cmp.Or(p.right.UpkeepUntil, p.today()).AddMonths(12), Receipt: "candidate", Rules: p.rules})
		},
		fields: func(p *placeView) []field {
			return []field{{Name: "until", Kind: "date", Value: string(cmp.Or(p.right.UpkeepUntil, p.today()).AddMonths(12))}, {Name: "amount", Kind: "money", Max: 12}, {Name: "receipt", Kind: "text", Max: 60}}
		},
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			return cemetery.PayUpkeep{Act: act, Until: f.date("until"), AmountFen: f.money("amount"), Receipt: f.value("receipt")}
		}),
	},
	{
		name: "surrender", op: "surrender_plot", tell: true, final: true,
		ask: func(p *placeView) error {
			return p.askRight(cemetery.SurrenderRight{Act: p.candidate(), Holder: p.right.Holder, Reason: "candidate", Paper: "candidate", Resting: len(p.plot.Interred)})
		},
		fields: func(*placeView) []field {
			return []field{{Name: "reason", Kind: "text", Max: 200, Hint: "no_names"}, {Name: "paper_no", Kind: "text", Max: 60}, {Name: "refund", Kind: "money", Optional: true, Max: 12}}
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			x := handlers.SurrenderRight{Of: p.of, Right: p.plot.Right, SurrenderRight: cemetery.SurrenderRight{Act: act, Holder: p.right.Holder, Reason: f.value("reason"), Paper: f.value("paper_no"), RefundFen: f.money("refund")}}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return p.desk.app.SurrenderRight(p.ctx(), x)
		},
	},
	{
		name: "holder_died", op: "manage_places",
		ask: func(p *placeView) error {
			return p.askRight(cemetery.RecordHolderDeath{Act: p.candidate(), Paper: domain.Personal(p.right.Holder, "candidate")})
		},
		fields: func(*placeView) []field { return []field{{Name: "paper_no", Kind: "text", Max: 100}} },
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			return cemetery.RecordHolderDeath{Act: act, Paper: sealed(p.right.Holder, f.value("paper_no"))}
		}),
	},
	{
		name: "propose_heir", op: "manage_places",
		ask: func(p *placeView) error {
			return only(p.right.Died && p.right.Proposed == nil, func() error { return nil })
		},
		fields: func(*placeView) []field {
			return []field{{Name: "heir_relation", Kind: "text", Max: 40}, {Name: "other_heirs", Kind: "number", Value: "0", Max: 2}, {Name: "paper_no", Kind: "text", Max: 100, Hint: "heirs_paper"}}
		},
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			heir := p.desk.app.Somebody(act.ID, "heir")
			x := cemetery.ProposeInheritance{Act: act, To: heir, Relation: f.value("heir_relation"), Paper: sealed(heir, f.value("paper_no"))}
			for i := range min(f.number("other_heirs"), 30) {
				x.Others = append(x.Others, p.desk.app.Somebody(act.ID, fmt.Sprint("heir ", i+1)))
			}
			return x
		}),
	},
	{
		name: "heir_answer", op: "manage_places",
		ask: func(p *placeView) error { return only(len(p.unanswered()) > 0, func() error { return nil }) },
		fields: func(p *placeView) []field {
			return []field{{Name: "heir", Kind: "radio", Options: p.unanswered()}, {Name: "agrees", Kind: "radio", Options: []option{{"yes", p.text("heir.yes")}, {"no", p.text("heir.no")}}}, {Name: "paper_no", Kind: "text", Max: 100, Optional: true}}
		},
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			heir := domain.Subject(f.Get("heir"))
			return cemetery.AnswerHeir{Act: act, Heir: heir, Agrees: f.Get("agrees") == "yes", Paper: sealed(heir, f.value("paper_no"))}
		}),
	},
	{
		name: "inherit", op: "manage_places", tell: true,
		ask: func(p *placeView) error {
			return only(p.right.Died && p.right.Proposed != nil, func() error { return p.askRight(cemetery.Inherit{Act: p.candidate()}) })
		},
		fields: func(*placeView) []field { return nil },
		do: doRight(func(_ *placeView, act domain.Act, _ *form) cemetery.RightCommand {
			return cemetery.Inherit{Act: act}
		}),
	},
	{
		name: "relocate", op: "manage_places", tell: true,
		ask: func(p *placeView) error {
			return only(len(p.plot.Interred) > 0 && len(p.moves) == 0, func() error {
				return would(cemetery.Relocation, cemetery.RelocationState{}, cemetery.RelocationCommand(cemetery.RequestRelocation{Act: p.candidate(), Cemetery: p.of, Plot: p.no, Persons: p.plot.Interred[:1], Cause: cemetery.ForWorks,
					Paper: "candidate", To: cemetery.Destination{Kind: cemetery.ToAway, Place: "candidate", Taker: cemetery.Custodian{Person: "candidate"}}, Resting: p.plot.Interred, Standing: p.standing()}))
			})
		},
		fields: func(p *placeView) []field {
			var all []string
			for _, w := range p.plot.Interred {
				all = append(all, string(w))
			}
			return []field{{Name: "persons", Kind: "checks", Options: p.people(p.plot.Interred), Values: all}, {Name: "cause", Kind: "radio", Value: string(cemetery.FamilyWish), Options: placeOptions(p.visit, "relocation_cause", cemetery.Causes)},
				{Name: "paper_no", Kind: "text", Max: 60, Hint: "relocation_paper"}, {Name: "to_kind", Kind: "radio", Value: string(cemetery.ToPlot), Options: placeOptions(p.visit, "destination", cemetery.DestinationKinds)},
				{Name: "to_place", Kind: "text", Max: 100, Hint: "to_place"}}
		},
		do: (*placeView).relocate,
	},
	{
		name: "relocation_notice", op: "manage_places",
		ask: func(p *placeView) error {
			return p.askMove(func(m placeMove) error {
				return only(m.Requested.Cause == cemetery.ForWorks && m.Permitted.Permit == "", func() error {
					return would(cemetery.Relocation, m.RelocationState, cemetery.RelocationCommand(cemetery.NoticeRelocation{Act: p.candidate(), Document: "candidate", From: p.today(), Rules: p.rules}))
				})
			})
		},
		fields: func(p *placeView) []field {
			return []field{{Name: "document", Kind: "text", Max: 100}, {Name: "from", Kind: "date", Value: string(p.today()), Hint: "notice_runs"}}
		},
		do: doMove(func(p *placeView, act domain.Act, f *form) cemetery.RelocationCommand {
			return cemetery.NoticeRelocation{Act: act, Document: f.value("document"), From: f.date("from"), Rules: p.rules}
		}),
	},
	{
		name: "permit_relocation", op: "permit_relocation", tell: true,
		ask: func(p *placeView) error {
			return p.askMove(func(m placeMove) error {
				return only(m.Permitted.Permit == "", func() error {
					return would(cemetery.Relocation, m.RelocationState, cemetery.RelocationCommand(cemetery.PermitRelocation{Act: p.candidate(), Permit: "candidate", Authority: "candidate", From: p.today(), Until: p.today()}))
				})
			})
		},
		fields: func(p *placeView) []field {
			return []field{{Name: "permit", Kind: "text", Max: 60}, {Name: "authority_name", Kind: "text", Max: 100}, {Name: "from", Kind: "date", Value: string(p.today())}, {Name: "until", Kind: "date", Value: string(p.today().AddDays(30))}}
		},
		do: doMove(func(_ *placeView, act domain.Act, f *form) cemetery.RelocationCommand {
			return cemetery.PermitRelocation{Act: act, Permit: f.value("permit"), Authority: f.value("authority_name"), From: f.date("from"), Until: f.date("until")}
		}),
	},
	{
		name: "lift", op: "manage_places", tell: true, final: true,
		ask: func(p *placeView) error {
			return p.askMove(func(m placeMove) error {
				who := slices.DeleteFunc(slices.Clone(m.Requested.Persons), func(w domain.Subject) bool { _, done := m.Lift(w); return done })
				return only(len(who) > 0, func() error {
					ready := m.To.Kind != cemetery.ToPlot || p.awaited(m, who[0])
					return would(cemetery.Relocation, m.RelocationState, cemetery.RelocationCommand(cemetery.Lift{Act: p.candidate(), Person: who[0], Label: "candidate", SealedBy: [2]string{"a", "b"},
						Carrier: cemetery.Custodian{Person: "candidate"}, Receipt: "candidate", Ready: ready}))
				})
			})
		},
		fields: func(p *placeView) []field {
			var who []domain.Subject
			for _, m := range p.moves {
				for _, w := range m.Requested.Persons {
					if _, done := m.Lift(w); !done {
						who = append(who, w)
					}
				}
			}
			return []field{{Name: "person", Kind: "radio", Value: string(slices.Concat(who, []domain.Subject{""})[0]), Options: p.people(who)}, {Name: "old_label", Kind: "scan", Optional: true, Max: 40}, {Name: "new_label", Kind: "scan", Max: 40},
				{Name: "sealed_with", Kind: "text", Max: 40, Hint: "witness"}, {Name: "carrier", Kind: "radio", Value: "holder", Options: []option{{"holder", p.text("carrier.holder")}, {"other", p.text("carrier.other")}}}, {Name: "receipt", Kind: "text", Max: 60}}
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			who := domain.Subject(f.Get("person"))
			carrier := cemetery.Custodian{Person: p.right.Holder}
			if f.Get("carrier") != "holder" || carrier.Person == "" {
				carrier.Person = p.desk.app.Somebody(act.ID, "carrier")
			}
			for _, m := range p.moves {
				if slices.Contains(m.Requested.Persons, who) {
					return p.desk.app.Lift(p.ctx(), handlers.Lift{ID: m.id, Lift: cemetery.Lift{Act: act, Person: who, Label: strings.ToUpper(f.value("new_label")), OldLabel: strings.ToUpper(f.value("old_label")),
						SealedBy: [2]string{act.By, f.value("sealed_with")}, Carrier: carrier, Receipt: f.value("receipt")}})
				}
			}
			return events.Receipt{}, cemetery.ErrNotMoved
		},
	},
	{
		name: "arrive_relocated", op: "manage_places",
		ask: func(p *placeView) error { return only(len(p.onTheWay()) > 0, func() error { return nil }) },
		fields: func(p *placeView) []field {
			var who []option
			for i, w := range p.onTheWay() {
				who = append(who, option{string(w), p.text("place.moved_person", i+1)})
			}
			return []field{{Name: "person", Kind: "radio", Value: who[0].Value, Options: who}, {Name: "new_label", Kind: "scan", Max: 40}, {Name: "receipt", Kind: "text", Max: 60}, {Name: "consent_paper", Kind: "text", Max: 60, Hint: "consent_paper"}}
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			who := domain.Subject(f.Get("person"))
			for _, m := range slices.Concat(p.moves, p.coming) {
				if m.OnTheWay(who) {
					return p.desk.app.Arrive(p.ctx(), handlers.Arrive{ID: m.id, Arrive: cemetery.Arrive{Act: act, Person: who, Label: strings.ToUpper(f.value("new_label")), Receipt: f.value("receipt")}, Consent: cemetery.Consent{Paper: f.value("consent_paper")}})
				}
			}
			return events.Receipt{}, cemetery.ErrNotOnTheWay
		},
	},
	{
		name: "redirect", op: "redirect_relocation", tell: true,
		ask: func(p *placeView) error {
			return p.askMove(func(m placeMove) error {
				return only(len(m.Lifted) > 0, func() error {
					return would(cemetery.Relocation, m.RelocationState, cemetery.RelocationCommand(cemetery.Redirect{Act: p.candidate(), Paper: "candidate",
						To: cemetery.Destination{Kind: cemetery.ToAway, Place: "candidate", Taker: cemetery.Custodian{Person: "candidate"}}}))
				})
			})
		},
		fields: func(p *placeView) []field {
			to := p.moves[0].To
			if x := p.moves[0].Redirect; x.By != "" {
				to = x.To
			}
			return []field{{Name: "to_kind", Kind: "radio", Value: string(to.Kind), Options: placeOptions(p.visit, "destination", cemetery.DestinationKinds)},
				{Name: "to_place", Kind: "text", Value: to.Place, Max: 100, Hint: "to_place"}, {Name: "paper_no", Kind: "text", Max: 60, Hint: "redirect_paper"}}
		},
		do: doMove(func(p *placeView, act domain.Act, f *form) cemetery.RelocationCommand {
			x := cemetery.Redirect{Act: act, Paper: f.value("paper_no")}
			if len(p.moves) > 0 {
				m := p.moves[0]
				x.To = p.destination(*f, cmp.Or(m.Requested.Holder, m.To.Taker.Person, p.right.Holder))
			}
			return x
		}),
	},
	{
		name: "cancel_relocation", op: "manage_places",
		ask: func(p *placeView) error {
			return p.askMove(func(m placeMove) error {
				return only(len(m.Lifted) == 0, func() error {
					return would(cemetery.Relocation, m.RelocationState, cemetery.RelocationCommand(cemetery.CancelRelocation{Act: p.candidate(), Reason: "candidate"}))
				})
			})
		},
		fields: func(*placeView) []field { return []field{{Name: "reason", Kind: "text", Max: 200, Hint: "no_names"}} },
		do: doMove(func(_ *placeView, act domain.Act, f *form) cemetery.RelocationCommand {
			return cemetery.CancelRelocation{Act: act, Reason: f.value("reason")}
		}),
	},
	{
		name: "reopen", op: "manage_places",
		ask: func(p *placeView) error {
			return only(p.plot.Emptied > 0, func() error { return p.askPlot(cemetery.Reopen{Act: p.candidate(), Document: "candidate"}) })
		},
		fields: func(*placeView) []field { return []field{{Name: "document", Kind: "text", Max: 100}} },
		do: doPlot(func(_ *placeView, act domain.Act, f *form) cemetery.PlotCommand {
			return cemetery.Reopen{Act: act, Document: f.value("document")}
		}),
	},
	{
		name: "headstone", op: "agree_headstone", tell: true,
		ask: func(p *placeView) error {
			return only(p.plot.Right != "" && !p.plot.Lapsed, func() error {
				return p.askPlot(cemetery.AgreeStone{Act: p.candidate(), Right: p.plot.Right, Inscription: domain.Personal("candidate", "candidate"), Rules: p.rules, Cemetery: p.cem, Standing: p.standing()})
			})
		},
		fields: func(p *placeView) []field {
			return []field{{Name: "headstone_cm", Kind: "number", Max: 5, Hint: "headstone_cm"}, {Name: "inscription", Kind: "area", Max: 200, Hint: "inscription"}}
		},
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			c := handlers.AgreeHeadstone{Of: p.of, Plot: p.no, Words: f.value("inscription"), AgreeStone: cemetery.AgreeStone{Act: act, Right: p.plot.Right, HeightCM: f.number("headstone_cm")}}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return p.desk.app.AgreeHeadstone(p.ctx(), c)
		},
	},
	{
		name: "measure", op: "survey_plot",
		ask: func(*placeView) error { return nil },
		fields: func(p *placeView) []field {
			return []field{{Name: "area_cm2", Kind: "number", Value: fmt.Sprint(p.plot.Surveyed.AreaCM2), Max: 8}, {Name: "stone_height_cm", Kind: "number", Value: fmt.Sprint(p.plot.Surveyed.StoneHeightCM), Max: 5}}
		},
		do: doPlot(func(p *placeView, act domain.Act, f *form) cemetery.PlotCommand {
			return cemetery.Measure{Act: act, AreaCM2: f.number("area_cm2"), StoneHeightCM: f.number("stone_height_cm"), Rules: p.rules, Cemetery: p.cem}
		}),
	},
	{
		name: "announce_lapse", op: "manage_places",
		ask: func(p *placeView) error {
			return only(p.right.Until != "" && p.right.Until < p.today(), func() error {
				return p.askRight(cemetery.AnnounceLapse{Act: p.candidate(), Document: "candidate", From: p.today()})
			})
		},
		fields: func(p *placeView) []field {
			return []field{{Name: "document", Kind: "text", Max: 100}, {Name: "from", Kind: "date", Value: string(p.today()), Hint: "notice_runs"}}
		},
		do: doRight(func(_ *placeView, act domain.Act, f *form) cemetery.RightCommand {
			return cemetery.AnnounceLapse{Act: act, Document: f.value("document"), From: f.date("from")}
		}),
	},
	{
		name: "lapse", op: "manage_places", tell: true,
		ask: func(p *placeView) error {
			return only(p.right.Granted.Right != "" && !p.right.Lapsed, func() error {
				if p.right.LapseBy.By != "" {
					return p.askRight(cemetery.ApproveLapse{Act: p.candidate()})
				}
				return p.askRight(cemetery.ProposeLapse{Act: p.candidate(), Document: "candidate"})
			})
		},
		fields: func(p *placeView) []field {
			if p.right.LapseBy.By != "" {
				return nil
			}
			return []field{{Name: "document", Kind: "text", Max: 100}}
		},
		do: doRight(func(p *placeView, act domain.Act, f *form) cemetery.RightCommand {
			if p.right.LapseBy.By != "" {
				return cemetery.ApproveLapse{Act: act}
			}
			return cemetery.ProposeLapse{Act: act, Document: f.value("document")}
		}),
	},
	{
		// Nobody may do this: the page says so, and why.
		name: "transfer", op: "manage_places", tell: true,
		ask: func(p *placeView) error {
			return only(p.right.Granted.Right != "" && !p.right.Over(), func() error { return cemetery.ErrTransfer })
		},
		fields: func(*placeView) []field { return []field{{Name: "paid", Kind: "money", Optional: true, Max: 12}} },
		do: func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
			paid := f.money("paid")
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return p.desk.app.TransferRight(p.ctx(), p.of, p.plot.Right, cemetery.Transfer{Act: act, PaidFen: paid})
		},
	},
}

// standing is how the right stands; one whose own record is still to come stands
// as the plot says.
func (p *placeView) standing() cemetery.Standing {
	if p.right.Granted.Right == "" && p.plot.Right != "" {
		return cemetery.Standing{Right: p.plot.Right, Holder: p.plot.Applicant, Until: p.plot.TermUntil, Lapsed: p.plot.Lapsed}
	}
	return p.right.Standing()
}

// isComing says that the person is brought here by a relocation: arriving, not
// interring, is what is done then.
func (p *placeView) isComing(who domain.Subject) bool {
	return slices.ContainsFunc(p.coming, func(m placeMove) bool { return slices.Contains(m.Requested.Persons, who) })
}

// onTheWay are those who were lifted: from here to a place that is none of ours,
// or from elsewhere to here.
func (p *placeView) onTheWay() (who []domain.Subject) {
	for _, m := range slices.Concat(p.moves, p.coming) {
		for _, w := range m.Requested.Persons {
			if m.OnTheWay(w) {
				who = append(who, w)
			}
		}
	}
	return who
}

// unanswered are the heirs who have not agreed, by number: nobody is named.
func (p *placeView) unanswered() (os []option) {
	if p.right.Proposed == nil {
		return nil
	}
	for i, h := range p.right.Proposed.Others {
		if !slices.ContainsFunc(p.right.Answers, func(a cemetery.HeirAnswered) bool { return a.Heir == h && a.Agrees }) {
			os = append(os, option{string(h), p.text("heir.number", i+1)})
		}
	}
	return os
}

// askMove asks about the first open relocation from here.
func (p *placeView) askMove(ask func(placeMove) error) error {
	if len(p.moves) == 0 {
		return errHide
	}
	return ask(p.moves[0])
}

func doMove(cmd func(*placeView, domain.Act, *form) cemetery.RelocationCommand) func(*placeView, domain.Act, form) (events.Receipt, error) {
	return func(p *placeView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(p, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		if len(p.moves) == 0 {
			return events.Receipt{}, cemetery.ErrNoRelocation
		}
		return p.desk.app.Relocations.Handle(p.ctx(), p.moves[0].id.String(), x)
	}
}

// awaited says that the place that a relocation leads to was given to a person.
func (p *placeView) awaited(m placeMove, who domain.Subject) bool {
	if (events.Stream(cemetery.PlotCategory + "-" + m.To.Place)).Check() != nil {
		return false
	}
	s, _, err := p.desk.app.Plots.Load(p.ctx(), m.To.Place)
	return err == nil && slices.ContainsFunc(s.Places, func(x cemetery.PlotAllocated) bool { return x.Deceased == who })
}

func (p *placeView) stage(s cemetery.Stage) string {
	if s < 0 {
		return p.text("notice.before", int(-s))
	}
	return p.text("notice.after", int(s))
}

// allocate gives the place. Who asks is whoever handles the certificate's case,
// the holder of the right that the person comes from, or, beside somebody who
// has a place here, the holder of this right.
func (p *placeView) allocate(act domain.Act, f form) (events.Receipt, error) {
	app := p.desk.app
	x := handlers.AllocatePlot{Of: p.of, Plot: p.no, FeeCode: f.value("fee_code"), Allocate: cemetery.Allocate{Act: act, Right: cmp.Or(p.plot.Right, rightNumber(act)), Applicant: p.plot.Applicant, Ground: cemetery.Ground(f.Get("ground")),
		Certificate: strings.ToUpper(f.value("certificate")), Contract: f.value("contract"), TermUntil: f.date("until"), FeeFen: f.money("fee"), Villager: f.on("villager"), Round: p.plot.Held}}
	switch x.Ground {
	case cemetery.CremationCertificate:
		if x.Certificate == "" {
			f.fail("certificate", errField)
		}
	case cemetery.LivingSpouse:
		x.Deceased = app.Somebody(act.ID, "spouse")
		x.SpouseCertificate, x.Certificate = x.Certificate, ""
		x.ExceptionPaper = sealed(x.Deceased, f.value("marriage_paper"))
		for _, at := range p.plot.Places {
			x.SpouseCertificate = cmp.Or(x.SpouseCertificate, at.Certificate)
		}
	case cemetery.RelocationPermit:
		x.Certificate = ""
		for _, m := range p.coming {
			for _, w := range m.Requested.Persons {
				if x.Deceased == "" && m.Permitted.Permit != "" && p.placeNo(w) < 0 {
					x.Relocation, x.Deceased, x.Applicant = m.id, w, cmp.Or(x.Applicant, m.Requested.Holder)
				}
			}
		}
	}
	if err := f.bad.Or(); err != nil {
		return events.Receipt{}, err
	}
	number := x.Certificate
	if x.Relocation != uuid.Nil { // what the former place was given against says where the person was registered
		was, _, err := app.Placements.Load(p.ctx(), string(x.Deceased))
		if err != nil {
			return events.Receipt{}, err
		}
		former, _, err := app.Plots.Load(p.ctx(), was.Plot)
		if err != nil {
			return events.Receipt{}, err
		}
		for _, at := range former.Places {
			if at.Deceased == x.Deceased {
				number = at.Certificate
			}
		}
	}
	if of, ok, err := p.desk.certified(p.visit, number); err != nil {
		return events.Receipt{}, err
	} else if ok {
		x.Applicant = cmp.Or(x.Applicant, of.Handler.Person)
		x.Hukou = of.Deceased.Hukou
	}
	return app.AllocatePlot(p.ctx(), x)
}

func (p *placeView) placeNo(who domain.Subject) int {
	return slices.IndexFunc(p.plot.Places, func(x cemetery.PlotAllocated) bool { return x.Deceased == who })
}

// rightNumber is the number of a new right: it follows from the form, so that
// one form gives one right.
func rightNumber(act domain.Act) string {
	return "R-" + strings.ToUpper(strings.ReplaceAll(act.ID.String(), "-", "")[:12])
}

// relocate asks for a relocation. Its number follows from the form.
func (p *placeView) relocate(act domain.Act, f form) (events.Receipt, error) {
	x := cemetery.RequestRelocation{Act: act, Cemetery: p.of, Plot: p.no, Cause: cemetery.Cause(f.Get("cause")), Paper: f.value("paper_no")}
	for _, w := range f.Values["persons"] {
		x.Persons = append(x.Persons, domain.Subject(w))
	}
	if x.Cause == cemetery.FamilyWish {
		x.Holder = p.right.Holder
	}
	x.To = p.destination(f, p.right.Holder)
	return p.desk.app.RequestRelocation(p.ctx(), handlers.RequestRelocation{ID: events.StepID(act.ID, "relocation"), RequestRelocation: x})
}

// destination is the one that a form names: a cemetery takes the ashes to a
// place of its own, the family anywhere else.
func (p *placeView) destination(f form, family domain.Subject) cemetery.Destination {
	to := cemetery.Destination{Kind: cemetery.DestinationKind(f.Get("to_kind")), Place: f.value("to_place"), Taker: cemetery.Custodian{Person: family}}
	if to.Kind == cemetery.ToPlot {
		of, _, _ := strings.Cut(to.Place, ".")
		if _, err := domain.ParseCreditCode(of); err != nil { // a number of this cemetery
			of, to.Place = string(p.of), handlers.PlotID(p.of, to.Place)
		}
		to.Taker = cemetery.Custodian{Institution: domain.CreditCode(of)}
	}
	return to
}

// may asks whether the account may do an act, and whether it may be done.
func (p *placeView) may(a *placeAct) error {
	err := a.ask(p)
	if err == errHide {
		return err
	}
	if denied := handlers.Allow(p.actor, a.op, string(p.of)); denied != nil {
		if err == nil {
			return denied
		}
		return errHide
	}
	return err
}

// An officePart is what a cemetery's office sees beside the public page.
type officePart struct {
	Attention []officeDue
	Clerk     bool
	Import    bool
	Years     []string
	Sheet     *officeSheet
}

type officeDue struct {
	Plot, Href, What, On string
}

// An officeSheet is what the office knows of a place.
type officeSheet struct {
	Facts    []fact
	Exceeded []fact
	Can      []placeLink
	Cannot   []placeRefusal
	More     []placeLink
}

type placeLink struct{ Name, Href string }

type placeRefusal struct{ Name, Why, Rule, Basis string }

func (d *Desk) cemeteryIndex(v *visit) error {
	cs, asOf, err := d.data.Cemeteries(v.ctx())
	if err != nil {
		return err
	}
	p := cemeteryIndex{AsOf: asOf}
	for _, c := range cs {
		if v.actor.In(string(c.Code)) {
			p.Rows = append(p.Rows, lineOf(c))
		}
	}
	if len(p.Rows) == 1 {
		return see(v, "/desk/cemeteries/"+p.Rows[0].Code)
	}
	return d.send(v, "desk-cemeteries", "/desk/cemeteries", p, &p.AsOf)
}

func (d *Desk) cemetery(v *visit) error {
	of, err := v.mine("view_places")
	if err != nil {
		return err
	}
	data, err := d.data.Cemetery(v.ctx(), string(of))
	if err != nil {
		return err
	}
	v.keep = []string{"section", "show", "plot", "q", "from"}
	p := cemeteryPageOf(data, "/desk/cemeteries/"+string(of), v.r.URL.Query(), places.Place.Status)
	if p.Asked != "" && p.Sheet == nil {
		return handlers.ErrNotFound
	}
	o, err := d.data.Office(v.ctx(), string(of), "")
	if err != nil {
		return err
	}
	p.Office = &officePart{Clerk: p.Class == cemetery.RuralPublic && handlers.Allow(v.actor, "inter", string(of)) == nil}
	p.Office.Import = handlers.Allow(v.actor, "survey_plot", string(of)) == nil
	for _, y := range o.Years {
		if y.Year != "" {
			p.Office.Years = append(p.Office.Years, y.Year)
		}
	}
	for _, a := range o.Attention {
		p.Office.Attention = append(p.Office.Attention, v.due(p.Base, a))
	}
	if p.Sheet != nil {
		x, err := d.placeOf(v, p.Sheet.Plot, "view_places")
		if err != nil {
			return err
		}
		p.Office.Sheet = x.sheet()
	}
	return d.send(v, "desk-cemetery", "/desk/cemeteries", p, &data.AsOf)
}

func (v *visit) due(base string, a places.Due) officeDue {
	x := officeDue{Plot: a.Plot, Href: base + "?" + url.Values{"plot": {a.Plot}}.Encode() + "#sheet", What: v.label("due", a.What), On: string(a.On)}
	if a.What == places.NoticeDue {
		s := (&placeView{visit: v}).stage(a.Stage)
		x.What += v.text("prov.word") + s
	}
	for _, e := range a.Exceeded {
		x.What += v.text("prov.word") + v.exceeded(e)
	}
	return x
}

func (v *visit) exceeded(e places.Exceeded) string {
	if e.Rule == "E-5" {
		return v.text("over.area", area(e.Measured), area(e.Limit))
	}
	return v.text("over.stone", e.Measured, e.Limit)
}

func (p *placeView) sheet() *officeSheet {
	s := &officeSheet{}
	add := func(key, value string) { s.Facts = append(s.Facts, fact{p.text(key), value}) }
	if p.plot.Right != "" {
		add("place.right", p.plot.Right)
		add("place.until", string(p.standing().Until))
		if p.right.UpkeepUntil != "" {
			add("place.upkeep_until", string(p.right.UpkeepUntil))
		}
		if p.right.Died {
			add("place.holder", p.text("place.holder_died"))
		}
	}
	for i, x := range p.plot.Places {
		state := p.text("place.not_interred")
		if slices.Contains(p.plot.Interred, x.Deceased) {
			state = p.text("place.interred")
		}
		s.Facts = append(s.Facts, fact{p.text("place.person_n", i+1), strings.Join([]string{cmp.Or(x.Deed, "—"), p.label("ground", x.Ground), state}, " · ")})
	}
	if p.plot.Held != "" {
		add("place.held", p.plot.Held)
	}
	var notices []string
	if p.right.Granted.Right != "" && !p.right.Over() {
		for _, d := range p.right.Notices.Dues(p.right.Until) {
			state := string(d.On)
			if i := slices.IndexFunc(p.right.Served, func(n cemetery.NoticeServed) bool { return n.Stage == d.Stage }); i >= 0 {
				state = p.text("notice.served", string(p.right.Served[i].ServedOn))
			} else if d.On <= p.today() {
				state = p.text("notice.due", string(d.On))
			}
			notices = append(notices, p.stage(d.Stage)+p.text("form.colon")+state)
		}
		add("place.notices", strings.Join(notices, " · "))
	}
	for _, m := range p.moves {
		add("place.moving", p.label("relocation_status", m.Status())+" · "+p.label("destination", m.To.Kind)+" "+m.To.Place)
		if x := m.Redirect; x.By != "" {
			add("place.redirect_asked", p.label("destination", x.To.Kind)+" "+x.To.Place)
		}
	}
	for _, m := range p.coming {
		add("place.coming", p.label("relocation_status", m.Status())+" · "+handlers.PlotID(m.Requested.Cemetery, m.Requested.Plot))
	}
	for _, x := range p.plot.Exceeded {
		s.Exceeded = append(s.Exceeded, fact{x.Rule, p.exceeded(places.Exceeded{Rule: x.Rule, Measured: x.Measured, Limit: x.Limit})})
	}
	if p.plot.Stone.Right != "" {
		add("place.headstone", p.text("place.headstone_is", p.plot.Stone.HeightCM))
	}
	if n := len(p.plot.Refusals); n > 0 {
		add("place.refusals", fmt.Sprint(n))
	}
	for _, a := range placeActs {
		name := p.label("act", a.name)
		href := "/desk/cemeteries/" + string(p.of) + "/places/" + url.PathEscape(p.no) + "/" + a.name
		err := p.may(a)
		if err == nil && a.name == "measure" {
			s.More = append(s.More, placeLink{name, href})
			continue
		}
		if err == nil {
			s.Can = append(s.Can, placeLink{name, href})
			continue
		}
		if no, ok := errors.AsType[*domain.Rejection](err); ok && err != errHide && a.tell {
			said := handlers.RequestProblem(p.ctx(), no)
			s.Cannot = append(s.Cannot, placeRefusal{Name: name, Why: said.Detail, Rule: no.Rule, Basis: no.Basis})
		}
	}
	return s
}

// A placeActPage is the form of one act with a place.
type placeActPage struct {
	Cemetery Text
	Back     string
	Plot     string
	actPage
}

func (d *Desk) findPlaceAct(v *visit) (*placeAct, *placeView, error) {
	i := slices.IndexFunc(placeActs, func(a *placeAct) bool { return a.name == chi.URLParam(v.r, "act") })
	if i < 0 {
		return nil, nil, handlers.ErrNotFound
	}
	plot, err := url.PathUnescape(chi.URLParam(v.r, "plot"))
	if err != nil {
		return nil, nil, handlers.ErrNotFound
	}
	p, err := d.placeOf(v, plot, placeActs[i].op)
	return placeActs[i], p, err
}

func (p *placeView) page(a *placeAct, token string) placeActPage {
	base := "/desk/cemeteries/" + string(p.of)
	x := placeActPage{Cemetery: Text{p.cem.NameZh, p.cem.NameEn}, Plot: p.no, Back: base + "?" + url.Values{"plot": {p.no}}.Encode() + "#sheet",
		actPage: actPage{Name: a.name, To: base + "/places/" + url.PathEscape(p.no) + "/" + a.name, Token: token, By: p.actor.ID, Final: a.final}}
	if a.ask(p) != errHide {
		x.Fields = a.fields(p)
	}
	for i := range x.Fields {
		x.Fields[i].Act = a.name
	}
	return x
}

func (d *Desk) placeForm(v *visit) error {
	a, p, err := d.findPlaceAct(v)
	if err != nil {
		return err
	}
	x := p.page(a, uuid.Must(uuid.NewV7()).String())
	if err := a.ask(p); err != nil {
		x.Refused = p.said(err)
		return d.sendAs(v, x.Refused.Status, "desk-place-act", "/desk/cemeteries/act", x, nil)
	}
	return d.send(v, "desk-place-act", "/desk/cemeteries/act", x, nil)
}

func (p *placeView) said(err error) *handlers.Problem {
	if err == errHide {
		err = errNothing
	}
	return handlers.RequestProblem(p.ctx(), err)
}

func (d *Desk) placeDo(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	a, p, err := d.findPlaceAct(v)
	if err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	again := func(err error) error {
		x := p.page(a, f.Get("token"))
		x.typed(f)
		x.Refused = p.said(err)
		for _, e := range x.Refused.Errors {
			for i := range x.Fields {
				if x.Fields[i].Name == e.Location {
					x.Fields[i].Err = e.Detail
				}
			}
		}
		return d.sendAs(v, x.Refused.Status, "desk-place-act", "/desk/cemeteries/act", x, nil)
	}
	if at := f.instant("at"); !at.IsZero() {
		act.At = at.UTC()
	}
	if f.on("unknown") {
		act.At = time.Time{}
	}
	act.Estimated, act.LateReason = f.on("estimated") && !act.At.IsZero(), f.value("late")
	for _, x := range p.page(a, "").Fields {
		if !x.Optional && x.Kind != "check" && x.Kind != "checks" && f.value(x.Name) == "" {
			f.fail(x.Name, errField)
		}
	}
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	rc, err := a.do(p, act, f)
	if err != nil {
		if handlers.ProblemOf(err, string(v.view.Lang)).Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	d.placesSettled(v, rc)
	v.say(v.text("desk.done", v.label("act", a.name)))
	return see(v, "/desk/cemeteries/"+string(p.of)+"?"+url.Values{"plot": {p.no}}.Encode()+"#sheet")
}

// placesSettled waits a moment for the read model to have folded what was
// written.
func (d *Desk) placesSettled(v *visit, rc events.Receipt) {
	if d.app.Wait == nil || rc.Position == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx(), 3*time.Second)
	defer cancel()
	_ = d.app.Wait(ctx, places.Name, rc.Position) // the page says how old it is
}

// A yearPage is the yearly statement of a cemetery.
type yearPage struct {
	cemeteryPage
	Year  places.Year
	Whole bool // the year has ended
	Now   time.Time
}

func (d *Desk) cemeteryYear(v *visit) error {
	of, err := v.mine("view_places")
	if err != nil {
		return err
	}
	data, err := d.data.Cemetery(v.ctx(), string(of))
	if err != nil {
		return err
	}
	o, err := d.data.Office(v.ctx(), string(of), "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(o.Years, func(y places.Year) bool { return y.Year != "" && y.Year == chi.URLParam(v.r, "year") })
	if i < 0 {
		return handlers.ErrNotFound
	}
	p := yearPage{cemeteryPageOf(data, "/desk/cemeteries/"+string(of), url.Values{}, places.Place.Status), o.Years[i], o.Years[i].Year < domain.DateOf(d.app.Now()).Year(), d.app.Now()}
	return d.send(v, "desk-year", "/desk/cemeteries/act", p, &data.AsOf)
}
