package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/projections/ecoratio"
)

// City is the division whose rulebook and figures the program keeps (Dalian).
const City domain.Division = "210200"

// rulebook is what the city counts and pays by.
func (a *App) rulebook(ctx context.Context) (ecoburial.RulebookState, error) {
	s, _, err := a.Rulebooks.Load(ctx, string(City))
	return s, err
}

// IncentiveRules are those that the city adopted, or else the program's own.
func (a *App) IncentiveRules(ctx context.Context) ([]ecoburial.IncentiveRule, error) {
	s, err := a.rulebook(ctx)
	if s.Incentives.Version != "" {
		return s.Incentives.Rules, err
	}
	return a.Rules.Incentives, err
}

// ApplyEcoBurial asks for an eco-burial.
type ApplyEcoBurial struct {
	ID uuid.UUID
	// Apply without Definition and PauseHours, which are those in force; and,
	// where a certificate or case is named, without Person, which is that one's.
	ecoburial.Apply
}

// ApplyEcoBurial looks up the definition and the person. One stream is written.
func (a *App) ApplyEcoBurial(ctx context.Context, c ApplyEcoBurial) (events.Receipt, error) {
	if done, err := a.did(ctx, a.EcoBurials.Stream(c.ID.String()), c.Act.ID); err != nil || done != nil {
		return pointed(done), err
	}
	rules, err := a.rulebook(ctx)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Definition = rules.DefinitionOn(day(c.Act))
	p, _, err := a.ParametersAt(ctx, string(City))
	if err != nil {
		return events.Receipt{}, err
	}
	c.PauseHours = cmp.Or(c.PauseHours, p.Int(institution.EcoPauseHours))
	if c.Certificate != "" {
		of, caseID, holds, err := a.holder(ctx, c.Certificate)
		if err != nil {
			return events.Receipt{}, err
		}
		if !holds || c.Case != uuid.Nil && c.Case != caseID {
			return events.Receipt{}, ErrCertificate
		}
		c.Case, c.Person = caseID, of.Deceased.Person
		c.Applicant = cmp.Or(c.Applicant, of.Handler.Person)
	}
	if c.Case != uuid.Nil && c.Person == "" {
		of, _, err := a.Cases.Load(ctx, c.Case.String())
		if err != nil {
			return events.Receipt{}, err
		}
		c.Person, c.Applicant = of.Deceased.Person, cmp.Or(c.Applicant, of.Handler.Person)
	}
	return a.EcoBurials.Handle(ctx, c.ID.String(), c.Apply)
}

// CompleteEcoBurial reports an eco-burial.
type CompleteEcoBurial struct {
	ID uuid.UUID
	// Complete without its facts of other streams, which are looked up.
	ecoburial.Complete
	IfMatch *events.Revision
}

// CompleteEcoBurial runs: would it be refused? → claim the person's one place
// (E-4) → complete; a claim of its own that is refused after all is freed. A
// crash after the claim leaves a person tied to a burial that was not recorded:
// the same request again completes it; otherwise the claim is freed after a
// while (policy: claims that came to nothing).
func (a *App) CompleteEcoBurial(ctx context.Context, c CompleteEcoBurial) (events.Receipt, error) {
	id := c.ID.String()
	s, err := a.completable(ctx, &c)
	if err != nil {
		return events.Receipt{}, err
	}
	if number := c.Facts["voyage_id"]; s.Applied.AtSea() && streamID(ecoburial.VoyageCategory, number) == nil {
		v, _, err := a.Voyages.Load(ctx, number)
		if err != nil {
			return events.Receipt{}, err
		}
		_, c.Scattered = v.Scattered[c.ID]
	}
	if err := to(a.EcoBurials, id, c.IfMatch).wouldRefuse(ctx, c.Complete); err != nil {
		return events.Receipt{}, err
	}
	done, err := a.did(ctx, a.EcoBurials.Stream(id), c.Act.ID)
	if err != nil || done != nil {
		return pointed(done), err
	}
	person, place := s.Applied.Person, EcoPlace(c.ID)
	placed, ours, err := a.claim(ctx, c.Act, person, place)
	if err != nil {
		return events.Receipt{}, err
	}
	c.PlacedElsewhere = placed != place
	rc, err := to(a.EcoBurials, id, c.IfMatch).run(ctx, c.Complete)
	if _, refused := errors.AsType[*domain.Rejection](err); refused && ours {
		if undo := a.FreeClaim(ctx, c.Act, person, place); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	return rc, err
}

// completable looks up whether the certificate holds and where the person has a
// place, and puts both on the command.
func (a *App) completable(ctx context.Context, c *CompleteEcoBurial) (ecoburial.BurialState, error) {
	s, _, err := a.EcoBurials.Load(ctx, c.ID.String())
	if err != nil {
		return s, err
	}
	of, _, holds, err := a.holder(ctx, cmp.Or(c.Certificate, s.Applied.Certificate))
	if err != nil {
		return s, err
	}
	c.CertificateHolds = holds && of.Deceased.Person == s.Applied.Person
	if s.Applied.Person != "" {
		p, _, err := a.Placements.Load(ctx, string(s.Applied.Person))
		if err != nil {
			return s, err
		}
		c.PlacedElsewhere = p.Plot != "" && p.Plot != EcoPlace(c.ID)
	}
	return s, nil
}

// CorrectEcoBurial says what a completed burial really was.
type CorrectEcoBurial struct {
	ID uuid.UUID
	// Correct without Definition, which is the one of the application.
	ecoburial.Correct
	IfMatch *events.Revision
}

// CorrectEcoBurial looks up the definition. One stream is written.
func (a *App) CorrectEcoBurial(ctx context.Context, c CorrectEcoBurial) (events.Receipt, error) {
	s, _, err := a.EcoBurials.Load(ctx, c.ID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	rules, err := a.rulebook(ctx)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Definition, _ = rules.Definition(s.Applied.Definition)
	return to(a.EcoBurials, c.ID.String(), c.IfMatch).run(ctx, c.Correct)
}

// ReceiveAshes takes ashes for an eco-burial over from the applicant.
type ReceiveAshes struct {
	domain.Act
	Burial    uuid.UUID
	Applicant domain.Subject
	Label     string
	Signed    bool
}

// ReceiveAshes runs: would it be refused? → claim the person's one place → take
// the ashes over; a claim of its own that is refused after all is freed. The
// claim keeps the ashes from being taken over twice (I11). A crash after the
// claim is mended as with CompleteEcoBurial.
func (a *App) ReceiveAshes(ctx context.Context, c ReceiveAshes) (events.Receipt, error) {
	id := c.Burial.String()
	// Sent again after the ashes went back, it must not claim the place anew.
	if done, err := a.did(ctx, a.EcoBurials.Stream(id), c.ID); err != nil || done != nil {
		return pointed(done), err
	}
	s, _, err := a.EcoBurials.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	cmd := ecoburial.ReceiveAshes{Act: c.Act, Applicant: cmp.Or(c.Applicant, s.Applied.Applicant), Label: c.Label, Signed: c.Signed, Placed: true}
	if s.Applied.Case != uuid.Nil {
		of, _, err := a.Cremations.Load(ctx, s.Applied.Case.String())
		if err != nil {
			return events.Receipt{}, err
		}
		cmd.Holds = of.Custodian().Person == cmd.Applicant && cmd.Applicant != ""
	}
	h := to(a.EcoBurials, id, nil)
	if err := h.wouldRefuse(ctx, cmd); err != nil {
		return events.Receipt{}, err
	}
	placed, ours, err := a.claim(ctx, c.Act, s.Applied.Person, EcoPlace(c.Burial))
	if err != nil {
		return events.Receipt{}, err
	}
	cmd.Placed = placed == EcoPlace(c.Burial)
	rc, err := h.run(ctx, cmd)
	if _, refused := errors.AsType[*domain.Rejection](err); refused && ours {
		if undo := a.FreeClaim(ctx, c.Act, s.Applied.Person, EcoPlace(c.Burial)); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	return rc, err
}

// ReturnAshes gives ashes back to the applicant.
type ReturnAshes struct {
	domain.Act
	Burial uuid.UUID
	Reason string
	Signed bool
}

// ReturnAshes runs: give back → free the person's place. A crash between leaves
// the place claimed (policy: the place of returned ashes is freed).
func (a *App) ReturnAshes(ctx context.Context, c ReturnAshes) (events.Receipt, error) {
	s, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil {
		return events.Receipt{}, err
	}
	cmd := ecoburial.ReturnAshes{Act: c.Act, Reason: c.Reason, Signed: c.Signed}
	if s.Voyage != "" {
		v, _, err := a.Voyages.Load(ctx, s.Voyage)
		if err != nil {
			return events.Receipt{}, err
		}
		_, cmd.Aboard = v.Row(c.Burial)
	}
	rc, err := a.EcoBurials.Handle(ctx, c.Burial.String(), cmd)
	if err != nil {
		return rc, err
	}
	return rc, a.FreeClaim(ctx, step(c.Act, "free"), s.Applied.Person, EcoPlace(c.Burial))
}

// ApplyIncentive asks for the incentive of one burial.
type ApplyIncentive struct {
	domain.Act
	Burial    uuid.UUID
	Applicant domain.Subject // empty: who applied for the burial
	Account   string         // sealed for the applicant
}

// ApplyIncentive runs: apply → compute, where the burial is completed. A crash
// between leaves it uncomputed (policy: a completed burial's incentive is
// computed).
func (a *App) ApplyIncentive(ctx context.Context, c ApplyIncentive) (events.Receipt, error) {
	b, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil || b.Applied.Type == "" {
		return events.Receipt{}, cmp.Or(err, error(ErrNotFound))
	}
	who := cmp.Or(c.Applicant, b.Applied.Applicant)
	cmd := ecoburial.ApplyIncentive{Act: c.Act, Burial: c.Burial, Applicant: who, Applies: who == b.Applied.Applicant}
	if c.Account != "" {
		cmd.Account = domain.Personal(who, c.Account)
	}
	rc, err := a.Incentives.Handle(ctx, string(b.Applied.Person), cmd)
	if err != nil || b.Completed.Type == "" {
		return rc, err
	}
	_, err = a.ComputeIncentive(ctx, step(c.Act, "compute"), c.Burial)
	return rc, err
}

// ComputeIncentive looks up the burial, the household registration and the
// rules, and puts down what they come to. One stream is written.
func (a *App) ComputeIncentive(ctx context.Context, act domain.Act, burial uuid.UUID) (events.Receipt, error) {
	b, _, err := a.EcoBurials.Load(ctx, burial.String())
	if err != nil || b.Applied.Type == "" {
		return events.Receipt{}, cmp.Or(err, error(ErrNotFound))
	}
	cmd := ecoburial.ComputeIncentive{Act: act, Burial: burial, Completed: b.Completed.Type != "" && b.Completed.Person == b.Applied.Person, On: b.Completed.CompletedOn}
	rules, err := a.rulebook(ctx)
	if err != nil {
		return events.Receipt{}, err
	}
	d, _ := rules.Definition(b.Applied.Definition)
	cmd.Type, _ = d.Type(cmp.Or(b.Completed.Type, b.Applied.Type))
	if cmd.Rules, err = a.IncentiveRules(ctx); err != nil {
		return events.Receipt{}, err
	}
	if b.Applied.Case != uuid.Nil {
		of, _, err := a.Cases.Load(ctx, b.Applied.Case.String())
		if err != nil {
			return events.Receipt{}, err
		}
		cmd.Hukou = of.Deceased.Hukou
	}
	return a.Incentives.Handle(ctx, string(b.Applied.Person), cmd)
}

// GrantIncentive grants the incentive for an eco-burial.
type GrantIncentive struct {
	domain.Act
	Burial uuid.UUID
}

// GrantIncentive runs: compute under the rules of now → grant; both write the
// person's one incentive stream (I18).
func (a *App) GrantIncentive(ctx context.Context, c GrantIncentive) (events.Receipt, error) {
	b, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil || b.Applied.Type == "" {
		return events.Receipt{}, cmp.Or(err, error(ErrNotFound))
	}
	if _, err := a.ComputeIncentive(ctx, step(c.Act, "compute"), c.Burial); err != nil {
		return events.Receipt{}, err
	}
	return a.Incentives.Handle(ctx, string(b.Applied.Person), ecoburial.GrantIncentive{Act: c.Act, Burial: c.Burial})
}

// PayIncentive records the payment of what was granted.
type PayIncentive struct {
	domain.Act
	Burial  uuid.UUID
	Payment string
	Amount  domain.Money
}

// PayIncentive asks the person's one incentive stream.
func (a *App) PayIncentive(ctx context.Context, c PayIncentive) (events.Receipt, error) {
	b, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil || b.Applied.Type == "" {
		return events.Receipt{}, cmp.Or(err, error(ErrNotFound))
	}
	return a.Incentives.Handle(ctx, string(b.Applied.Person), ecoburial.PayIncentive{Act: c.Act, Burial: c.Burial, Payment: c.Payment, Amount: c.Amount})
}

// PublishFigures freezes a month's figures as the log has them now. Everything
// recorded after that place of the log is told beside them, for ever. One
// stream is written.
func (a *App) PublishFigures(ctx context.Context, act domain.Act, month string) (events.Receipt, error) {
	id := ecoburial.FiguresID(City, month)
	if err := streamID(ecoburial.FiguresCategory, id); err != nil || !domain.Date(month+"-01").Valid() {
		return events.Receipt{}, ecoburial.ErrMonth
	}
	if s, rev, err := a.Figures.Load(ctx, id); err != nil || s.Published.Month != "" {
		if err == nil {
			if done, err := a.did(ctx, a.Figures.Stream(id), act.ID); err != nil || done != nil {
				return pointed(done), err
			}
			err = ecoburial.ErrFrozen.With(month)
		}
		return events.Receipt{Revision: rev}, err
	}
	rules, err := a.rulebook(ctx)
	if err != nil {
		return events.Receipt{}, err
	}
	p, _, err := a.ParametersAt(ctx, string(City))
	if err != nil {
		return events.Receipt{}, err
	}
	cmd := ecoburial.PublishFigures{Act: act, Division: City, Month: month, Definitions: []ecoburial.Definition{ecoburial.Default()}, Day: p.Int(institution.FreezeDay)}
	for _, d := range rules.Adopted {
		cmd.Definitions = append(cmd.Definitions, d.Definition)
	}
	var at events.Position
	if cmd.Cells, at, err = ecoratio.Cells(ctx, a.Store, a.Registry, City, month); err != nil {
		return events.Receipt{}, err
	}
	cmd.Position = uint64(at)
	return a.Figures.Handle(ctx, id, cmd)
}

// FiguresDue is when a month's figures are to be published.
func (a *App) FiguresDue(ctx context.Context, month string) (time.Time, error) {
	p, _, err := a.ParametersAt(ctx, string(City))
	return domain.Date(month + "-01").AddMonths(1).AddDays(p.Int(institution.FreezeDay) - 1).Start(), err
}

// OpenVoyage offers a sea-burial voyage.
type OpenVoyage struct {
	// OpenVoyage without Licence and Licensed, which are looked up; Vessel is the
	// operator's resource.
	ecoburial.OpenVoyage
}

// OpenVoyage looks up the vessel and the operator's licence on that day. One
// stream is written.
func (a *App) OpenVoyage(ctx context.Context, c OpenVoyage) (events.Receipt, error) {
	if err := streamID(ecoburial.VoyageCategory, c.Number); err != nil {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, string(c.Operator))
	if err != nil {
		return events.Receipt{}, err
	}
	on := domain.DateOf(c.Departs)
	if r, ok := in.Resource(c.Vessel); ok && r.Kind == institution.Vessel && (r.RetiredFrom == "" || on < r.RetiredFrom) {
		c.Licensed = r.Capacity
		for _, l := range in.Licences {
			if l.ValidFrom <= on && (l.ValidUntil == "" || on <= l.ValidUntil) {
				c.Licence = l.Number
			}
		}
		if r.NameZh != "" {
			c.Vessel = r.NameZh
		}
	}
	return a.Voyages.Handle(ctx, c.Number, c.OpenVoyage)
}

// voyage loads a voyage that there is.
func (a *App) voyage(ctx context.Context, number string) (ecoburial.VoyageState, error) {
	if streamID(ecoburial.VoyageCategory, number) != nil {
		return ecoburial.VoyageState{}, ErrNotFound
	}
	v, _, err := a.Voyages.Load(ctx, number)
	if err == nil && v.Opened.Number == "" {
		err = ErrNotFound
	}
	return v, err
}

// BookVoyage takes seats on a voyage for a burial.
type BookVoyage struct {
	domain.Act
	Burial    uuid.UUID
	Voyage    string
	Relatives int
	Party     []ecoburial.Passenger // sealed for the applicant
}

// BookVoyage runs: would the voyage refuse it? → tie the burial to the voyage →
// take the seats; a tie of its own that the voyage refuses after all is undone.
// A crash after the tie leaves a burial tied to a voyage without seats: the
// same request goes on from there, another one unties it first.
func (a *App) BookVoyage(ctx context.Context, c BookVoyage) (events.Receipt, error) {
	return a.bookVoyage(ctx, c, "", time.Time{})
}

func (a *App) bookVoyage(ctx context.Context, c BookVoyage, from string, until time.Time) (events.Receipt, error) {
	v, err := a.voyage(ctx, c.Voyage)
	if err != nil {
		return events.Receipt{}, err
	}
	b, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil {
		return events.Receipt{}, err
	}
	p, _, err := a.ParametersAt(ctx, string(City))
	if err != nil {
		return events.Receipt{}, err
	}
	take := ecoburial.TakeSeats{Act: c.Act, Burial: c.Burial, Person: b.Applied.Person, Applicant: b.Applied.Applicant,
		Open:      b.Open() && b.Applied.AtSea() && b.Applied.Institution == v.Opened.Operator,
		Relatives: c.Relatives, Most: p.Int(institution.VoyageRelatives), From: from, Until: until}
	if len(c.Party) > 0 {
		take.Party = domain.Personal(b.Applied.Applicant, c.Party)
	}
	if err := to(a.Voyages, c.Voyage, nil).wouldRefuse(ctx, take); err != nil {
		return events.Receipt{}, err
	}
	if b.Voyage != "" && b.Voyage != c.Voyage {
		if err := a.untie(ctx, c.Act, c.Burial, b.Voyage); err != nil {
			return events.Receipt{}, err
		}
	}
	if err := a.tie(ctx, c.Act, c.Burial, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, take)
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		if undo := a.untie(ctx, c.Act, c.Burial, c.Voyage); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	return rc, err
}

// tie and untie may be needed again after they were undone: their ids follow
// from how often the burial was tied, which is the same wherever it is played.
func (a *App) tie(ctx context.Context, act domain.Act, burial uuid.UUID, voyage string) error {
	b, _, err := a.EcoBurials.Load(ctx, burial.String())
	if err == nil {
		_, err = a.EcoBurials.Handle(ctx, burial.String(), ecoburial.ChooseVoyage{Act: step(act, fmt.Sprintf("choose %s %d", voyage, b.Ties)), Voyage: voyage})
	}
	return err
}

// untie frees a burial from a voyage that holds nothing of it; refused while it
// does.
func (a *App) untie(ctx context.Context, act domain.Act, burial uuid.UUID, voyage string) error {
	v, _, err := a.Voyages.Load(ctx, voyage)
	if err != nil {
		return err
	}
	b, _, err := a.EcoBurials.Load(ctx, burial.String())
	if err == nil {
		_, err = a.EcoBurials.Handle(ctx, burial.String(), ecoburial.LeaveVoyage{Act: step(act, fmt.Sprintf("leave %s %d", voyage, b.Ties)), Voyage: voyage, Freed: !v.Holds(burial)})
	}
	return err
}

// Untie is the reaction to seats that were freed and ashes that did not sail or
// came back.
func (a *App) Untie(ctx context.Context, act domain.Act, burial uuid.UUID, voyage string) error {
	return a.untie(ctx, act, burial, voyage)
}

// LeaveVoyage gives a burial's seats back.
type LeaveVoyage struct {
	domain.Act
	Burial uuid.UUID
	Voyage string
}

// LeaveVoyage runs: free the seats → untie the burial. A crash between leaves a
// burial tied (policy: freed seats untie; or its next booking).
func (a *App) LeaveVoyage(ctx context.Context, c LeaveVoyage) (events.Receipt, error) {
	if _, err := a.voyage(ctx, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, ecoburial.FreeSeats{Act: c.Act, Burial: c.Burial})
	if err != nil {
		return rc, err
	}
	return rc, a.untie(ctx, c.Act, c.Burial, c.Voyage)
}

// AnswerVoyageOffer answers for a burial to the seats offered to it after a
// voyage was cancelled.
type AnswerVoyageOffer struct {
	domain.Act
	Burial uuid.UUID
	Voyage string
	Take   bool
}

// AnswerVoyageOffer makes the seats firm, or runs: give them back → untie the
// burial. A crash between leaves a burial tied (policy: freed seats untie; or
// its next booking).
func (a *App) AnswerVoyageOffer(ctx context.Context, c AnswerVoyageOffer) (events.Receipt, error) {
	if _, err := a.voyage(ctx, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	if c.Take {
		return a.Voyages.Handle(ctx, c.Voyage, ecoburial.TakeOffer{Act: c.Act, Burial: c.Burial})
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, ecoburial.DeclineOffer{Act: c.Act, Burial: c.Burial})
	if err != nil {
		return rc, err
	}
	return rc, a.untie(ctx, c.Act, c.Burial, c.Voyage)
}

// CancelVoyage ends a voyage that does not sail.
type CancelVoyage struct {
	Voyage string
	ecoburial.CancelVoyage
}

// CancelVoyage runs: cancel → offer each booking seats on a voyage instead, and
// tell its family. A crash leaves families untold (policy: a cancelled voyage's
// families are told).
func (a *App) CancelVoyage(ctx context.Context, c CancelVoyage) (events.Receipt, error) {
	if _, err := a.voyage(ctx, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, c.CancelVoyage)
	if err != nil {
		return rc, err
	}
	return rc, a.Rebook(ctx, c.Act, c.Voyage)
}

// Rebook offers every booking of a cancelled voyage seats on the first of its
// voyages instead that has room, in the order of booking, and tells each family
// once: of the offer, or that there is none yet. An offer is kept for some time
// and never longer than until that voyage departs.
func (a *App) Rebook(ctx context.Context, act domain.Act, voyage string) error {
	v, err := a.voyage(ctx, voyage)
	if err != nil {
		return err
	}
	p, _, err := a.ParametersAt(ctx, string(City))
	if err != nil {
		return err
	}
	for _, b := range v.Untold() {
		of := "rebook " + b.Burial.String()
		notice := ecoburial.IssueNotice{Act: step(act, of), Burial: b.Burial}
		if err := a.untie(ctx, step(act, of), b.Burial, voyage); err != nil {
			return err
		}
		for _, to := range v.Cancelled.Instead {
			w, err := a.voyage(ctx, to)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			until := act.Now.Add(p.Duration(institution.VoyageOfferHours))
			if w.Opened.Departs.Before(until) {
				until = w.Opened.Departs
			}
			if !w.Open() || !act.Now.Before(until) || w.Opened.Operator != v.Opened.Operator {
				continue
			}
			offer := BookVoyage{Act: step(act, of+" on "+to), Burial: b.Burial, Voyage: to, Relatives: b.Relatives, Party: b.Party.Or(nil)}
			_, err = a.bookVoyage(ctx, offer, voyage, until)
			if _, refused := errors.AsType[*domain.Rejection](err); refused {
				continue
			}
			if err != nil {
				return err
			}
			if w, err = a.voyage(ctx, to); err != nil {
				return err
			}
			if x, ok := w.Booking(b.Burial); ok {
				notice.To, notice.Until = to, x.Until
				break
			}
		}
		if _, err := a.Voyages.Handle(ctx, voyage, notice); err != nil {
			return err
		}
	}
	return nil
}

// LapseSeats gives offered seats back whose time is over: lapse → untie.
func (a *App) LapseSeats(ctx context.Context, act domain.Act, voyage string, burial uuid.UUID) error {
	if _, err := a.Voyages.Handle(ctx, voyage, ecoburial.LapseSeats{Act: act, Burial: burial}); err != nil {
		return err
	}
	v, _, err := a.Voyages.Load(ctx, voyage)
	if err != nil || v.Holds(burial) {
		return err
	}
	return a.untie(ctx, act, burial, voyage)
}

// DepartVoyage fixes who is aboard.
type DepartVoyage struct {
	domain.Act
	Voyage string
	// Aboard are the bookings that came; Consented is looked up.
	Aboard []ecoburial.Boarding
}

// DepartVoyage runs: depart → untie who did not come. A crash leaves burials
// tied to a voyage that sailed without them (policy: who was left ashore is
// untied; or their next booking).
func (a *App) DepartVoyage(ctx context.Context, c DepartVoyage) (events.Receipt, error) {
	if _, err := a.voyage(ctx, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	aboard := slices.Clone(c.Aboard)
	for i, x := range aboard {
		b, _, err := a.EcoBurials.Load(ctx, x.Burial.String())
		if err != nil {
			return events.Receipt{}, err
		}
		aboard[i].Consented = b.Open() && !b.ConsentedAt.IsZero()
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, ecoburial.Depart{Act: c.Act, Aboard: aboard})
	if err != nil {
		return rc, err
	}
	return rc, a.UntieLeft(ctx, c.Act, c.Voyage)
}

// UntieLeft unties the burials that a voyage sailed without.
func (a *App) UntieLeft(ctx context.Context, act domain.Act, voyage string) error {
	v, err := a.voyage(ctx, voyage)
	if err != nil {
		return err
	}
	for _, burial := range v.Departed.Left {
		if err := a.untie(ctx, step(act, "left "+burial.String()), burial, voyage); err != nil {
			return err
		}
	}
	return nil
}

// ScatterAshes reports one burial of a voyage.
type ScatterAshes struct {
	domain.Act
	Voyage     string
	Burial     uuid.UUID
	Degradable bool
}

// ScatterAshes runs: would the burial be refused? → claim the person's one place
// → scatter → complete the burial with the voyage's facts. A crash leaves ashes
// scattered and the burial open (policy: a scattering completes its burial).
func (a *App) ScatterAshes(ctx context.Context, c ScatterAshes) (events.Receipt, error) {
	v, err := a.voyage(ctx, c.Voyage)
	if err != nil {
		return events.Receipt{}, err
	}
	b, _, err := a.EcoBurials.Load(ctx, c.Burial.String())
	if err != nil {
		return events.Receipt{}, err
	}
	cmd := ecoburial.Scatter{Act: c.Act, Burial: c.Burial, Degradable: c.Degradable, Consented: !b.ConsentedAt.IsZero() && !b.Withdrawn}
	if err := to(a.Voyages, c.Voyage, nil).wouldRefuse(ctx, cmd); err != nil {
		return events.Receipt{}, err
	}
	if _, done := v.Scattered[c.Burial]; !done {
		row, _ := v.Row(c.Burial)
		burial := a.scattered(c.Act, v, ecoburial.AshesScattered{Burial: c.Burial, Certificate: ecoburial.SeaCertificate(c.Voyage, row.Row), SeaArea: v.Opened.SeaArea, Degradable: c.Degradable})
		if _, err := a.completable(ctx, &burial); err != nil {
			return events.Receipt{}, err
		}
		burial.Scattered = true
		if err := to(a.EcoBurials, c.Burial.String(), nil).wouldRefuse(ctx, burial.Complete); err != nil {
			return events.Receipt{}, err
		}
		placed, _, err := a.claim(ctx, c.Act, b.Applied.Person, EcoPlace(c.Burial))
		if err != nil {
			return events.Receipt{}, err
		}
		if placed != EcoPlace(c.Burial) {
			return events.Receipt{}, ecoburial.ErrPlacedElsewhere
		}
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, cmd)
	if err != nil {
		return rc, err
	}
	return rc, a.CompleteScattered(ctx, c.Act, c.Voyage, c.Burial)
}

// CompleteScattered completes the burial that a voyage scattered.
func (a *App) CompleteScattered(ctx context.Context, act domain.Act, voyage string, burial uuid.UUID) error {
	v, err := a.voyage(ctx, voyage)
	if err != nil {
		return err
	}
	e, ok := v.Scattered[burial]
	b, _, err := a.EcoBurials.Load(ctx, burial.String())
	if err != nil || !ok || b.Completed.Type != "" {
		return err
	}
	act = step(act, "complete")
	act.At = e.At
	if act.Now.Sub(act.At) > domain.DefaultLateLimit {
		act.LateReason = cmp.Or(act.LateReason, "按航次撒放记录补记")
	}
	_, err = a.CompleteEcoBurial(ctx, a.scattered(act, v, e))
	return err
}

// scattered is the report of a burial with the facts of its voyage.
func (a *App) scattered(act domain.Act, v ecoburial.VoyageState, e ecoburial.AshesScattered) CompleteEcoBurial {
	row, _ := v.Row(e.Burial)
	return CompleteEcoBurial{ID: e.Burial, Complete: ecoburial.Complete{Act: act, EcoCertificate: e.Certificate, Facts: map[string]string{
		"sea_area": e.SeaArea, "vessel": v.Opened.Vessel, "voyage_id": v.Opened.Number, "container_degradable": strconv.FormatBool(e.Degradable),
		"relatives_aboard": strconv.Itoa(row.Relatives), "certificate_no": e.Certificate}}}
}

// BringBack reports that ashes come ashore again.
type BringBack struct {
	domain.Act
	Voyage string
	Burial uuid.UUID
	Reason string
}

// BringBack runs: bring back → untie the burial (policy: likewise).
func (a *App) BringBack(ctx context.Context, c BringBack) (events.Receipt, error) {
	if _, err := a.voyage(ctx, c.Voyage); err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Voyages.Handle(ctx, c.Voyage, ecoburial.BringBack{Act: c.Act, Burial: c.Burial, Reason: c.Reason})
	if err != nil {
		return rc, err
	}
	return rc, a.untie(ctx, c.Act, c.Burial, c.Voyage)
}

// An EcoStory is one application for an eco-burial as its family may know it.
type EcoStory struct {
	Burial ecoburial.BurialState
	// Type is the way of burial, as counted if the burial is completed.
	Type ecoburial.Type
	// Voyage is the voyage that the burial is tied to, and Seats what it has there;
	// Missed is the one before, where that one did not sail or brought the ashes
	// back. The zero value of each: none.
	Voyage, Missed ecoburial.VoyageState
	Seats          ecoburial.SeatsTaken
	// Answer is what the family said to the seats that Offer, the number of a
	// voyage, had for it last: the one it is tied to, or has left.
	Answer ecoburial.OfferAnswered
	Offer  string
	// Incentive is what was computed, granted and paid for this burial. Where
	// nothing was computed yet, Computed says what the rules come to today.
	Incentive ecoburial.IncentiveState
	Elsewhere bool // the incentive was granted for another burial of this person
}

// ConsentFrom is from when the second consent can be given.
func (s EcoStory) ConsentFrom() time.Time {
	return s.Burial.Applied.At.Add(time.Duration(s.Burial.Applied.PauseHours) * time.Hour)
}

// EcoStory reads the streams of an eco-burial, its voyages and its incentive. It
// never lags. Hukou is where the deceased was registered.
func (a *App) EcoStory(ctx context.Context, burial uuid.UUID, hukou domain.Division, now time.Time) (EcoStory, error) {
	var s EcoStory
	var err error
	if s.Burial, _, err = a.EcoBurials.Load(ctx, burial.String()); err != nil || s.Burial.Applied.Type == "" {
		return s, cmp.Or(err, error(ErrNotFound))
	}
	rules, err := a.rulebook(ctx)
	if err != nil {
		return s, err
	}
	d, _ := rules.Definition(s.Burial.Applied.Definition)
	code := cmp.Or(s.Burial.Completed.Type, s.Burial.Applied.Type)
	if s.Type, _ = d.Type(code); s.Type.Code == "" {
		s.Type = ecoburial.Type{Code: code, NameZh: code, NameEn: code}
	}
	missed := s.Burial.Left
	if s.Burial.Voyage != "" {
		if s.Voyage, _, err = a.Voyages.Load(ctx, s.Burial.Voyage); err != nil {
			return s, err
		}
		s.Seats, _ = s.Voyage.Booking(burial)
		missed = s.Seats.From
		s.Answer, s.Offer = s.Voyage.Answers[burial], s.Burial.Voyage
	}
	if missed != "" {
		v, _, err := a.Voyages.Load(ctx, missed)
		if err != nil {
			return s, err
		}
		if v.Cancelled.Reason != "" || v.Back[burial] {
			s.Missed = v
		}
		if x, said := v.Answers[burial]; said && s.Burial.Voyage == "" {
			s.Answer, s.Offer = x, missed
		}
	}
	inc, _, err := a.Incentives.Load(ctx, string(s.Burial.Applied.Person))
	if err != nil {
		return s, err
	}
	if inc.Computed.Burial == burial {
		s.Incentive.Computed = inc.Computed
	} else {
		rules, err := a.IncentiveRules(ctx)
		if err != nil {
			return s, err
		}
		on := s.Burial.Completed.CompletedOn
		if s.Burial.Completed.Type == "" {
			on = domain.DateOf(now)
		}
		s.Incentive.Computed.Computation = ecoburial.Compute(rules, s.Type, on, hukou)
	}
	if inc.Applied.Burial == burial {
		s.Incentive.Applied = inc.Applied
	}
	if inc.Granted.Burial == burial {
		s.Incentive.Granted, s.Incentive.Paid = inc.Granted, inc.Paid
	} else {
		s.Elsewhere = inc.Granted.Burial != uuid.Nil
	}
	return s, nil
}

// Ashes tell of one share who has it. Exactly one of the first two is set while
// somebody has it, and Rest once it is laid to rest (I11).
type Ashes struct {
	Institution domain.CreditCode
	Person      domain.Subject
	// Rest is the plot or eco-burial where it rests.
	Rest string
	// Share counts from 1; zero before the ashes are collected.
	Share int
}

// WhoHasAshes follows the ashes of a case from the furnace to their rest: what
// the cremation's own stream says, and, from the release to the family on, what
// the burials to which the person's place belongs say.
func (a *App) WhoHasAshes(ctx context.Context, caseID uuid.UUID) ([]Ashes, error) {
	of, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return nil, err
	}
	c, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil {
		return nil, err
	}
	var all []Ashes
	for _, h := range of.Holdings() {
		x := Ashes{Institution: h.Custodian.Institution, Person: h.Custodian.Person, Rest: h.Rest, Share: h.Share}
		// Ashes that were divided among several people are each with the one who
		// got them; a burial takes all of them.
		if x.Person != "" && of.Custodian().Person == x.Person && c.Deceased.Person != "" {
			if x, err = a.beyondFamily(ctx, x, c.Deceased.Person); err != nil {
				return nil, err
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// beyondFamily is where ashes went that a family took home.
func (a *App) beyondFamily(ctx context.Context, x Ashes, person domain.Subject) (Ashes, error) {
	if streamID("placement", string(person)) != nil {
		return x, nil
	}
	p, _, err := a.Placements.Load(ctx, string(person))
	if err != nil {
		return x, err
	}
	if burial, ok := strings.CutPrefix(p.Plot, "eco."); ok {
		b, _, err := a.EcoBurials.Load(ctx, burial)
		switch {
		case err != nil:
			return x, err
		case b.Completed.Type != "":
			x.Person, x.Rest = "", p.Plot
		case b.Received.Label != "":
			x.Person, x.Institution = "", b.Applied.Institution
		}
		return x, nil
	}
	if p.Plot == "" {
		return x, nil
	}
	s, _, err := a.Plots.Load(ctx, p.Plot)
	if slices.Contains(s.Interred, person) {
		x.Person, x.Rest = "", p.Plot
	}
	return x, err
}
