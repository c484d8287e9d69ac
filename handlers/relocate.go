package handlers

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
)

// RequestRelocation asks to move people who rest in a plot.
type RequestRelocation struct {
	ID uuid.UUID
	// RequestRelocation without Resting and Standing, which are looked up. Who
	// asks as the family is the holder.
	cemetery.RequestRelocation
}

// RequestRelocation looks up the plot and its right and asks the relocation. One
// stream is written.
func (a *App) RequestRelocation(ctx context.Context, c RequestRelocation) (events.Receipt, error) {
	place := PlotID(c.Cemetery, c.Plot)
	if err := streamID(cemetery.PlotCategory, place); err != nil {
		return events.Receipt{}, err
	}
	p, _, err := a.Plots.Load(ctx, place)
	if err != nil {
		return events.Receipt{}, err
	}
	if err := a.Granted(ctx, step(c.Act, "granted"), place); err != nil {
		return events.Receipt{}, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(c.Cemetery, p.Right))
	if err != nil {
		return events.Receipt{}, err
	}
	c.Resting, c.Standing = p.Interred, r.Standing()
	return a.Relocations.Handle(ctx, c.ID.String(), c.RequestRelocation)
}

// Lift takes one person out of a plot, into the hands of a carrier.
type Lift struct {
	ID            uuid.UUID
	cemetery.Lift // without Ready, which is looked up
	IfMatch       *events.Revision
}

// Lift runs: is the destination ready? → lift → the plot is vacated → the ashes
// are the carrier's. A crash between leaves ashes that are, on paper, still with
// the cemetery (policy: who was lifted is with the carrier); the same request again
// completes it.
func (a *App) Lift(ctx context.Context, c Lift) (events.Receipt, error) {
	id := c.ID.String()
	s, _, err := a.Relocations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Ready, err = a.ready(ctx, s.To, c.Person); err != nil {
		return events.Receipt{}, err
	}
	if s.Requested != nil { // an interment that its custody has not followed yet
		if err := a.TakeOver(ctx, step(c.Act, "take over"), PlotID(s.Requested.Cemetery, s.Requested.Plot), c.Person); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := to(a.Relocations, id, c.IfMatch).run(ctx, c.Lift)
	if err != nil {
		return rc, err
	}
	return rc, a.CarryOut(ctx, c.Act, id, c.Person)
}

// ready says that a destination waits for this person: a place that was given to
// them, an eco-burial that was applied for. Of places elsewhere their paper says
// so.
func (a *App) ready(ctx context.Context, to cemetery.Destination, person domain.Subject) (bool, error) {
	switch to.Kind {
	case cemetery.ToPlot:
		if streamID(cemetery.PlotCategory, to.Place) != nil {
			return false, nil
		}
		p, _, err := a.Plots.Load(ctx, to.Place)
		for _, x := range p.Places {
			if x.Deceased == person && !p.Lapsed {
				return true, err
			}
		}
		return false, err
	case cemetery.ToEco:
		burial, err := uuid.Parse(strings.TrimPrefix(to.Place, "eco."))
		if err != nil {
			return false, nil
		}
		b, _, err := a.EcoBurials.Load(ctx, burial.String())
		return b.Applied.Type != "" && b.Applied.Person == person, err
	}
	return true, nil
}

// CarryOut lets somebody who was lifted leave the plot and passes the ashes to
// the carrier. Nothing when that was done. The plot comes first: while it still
// names the person, an interment's custody could be taken over once more
// (TakeOver) after the ashes have gone.
func (a *App) CarryOut(ctx context.Context, act domain.Act, id string, person domain.Subject) error {
	s, _, err := a.Relocations.Load(ctx, id)
	l, ok := s.Lift(person)
	if err != nil || !ok {
		return err
	}
	place := PlotID(s.Requested.Cemetery, s.Requested.Plot)
	if _, err := a.Plots.Handle(ctx, place, cemetery.Vacate{Act: step(act, "vacate "+string(person)), Person: person, Relocation: id, Lifted: true}); err != nil {
		return err
	}
	p, rev, err := a.Placements.Load(ctx, string(person))
	if err != nil {
		return err
	}
	if p.Rests && p.Plot == place {
		if _, err := a.Placements.Handle(ctx, string(person), cemetery.Pass{Act: stepAt(act, "pass to carrier", rev), To: l.Carrier, Label: l.Label, Receipt: l.Receipt, Relocation: id, Lifted: true}); err != nil {
			return err
		}
	}
	plot, _, err := a.Plots.Load(ctx, place) // what the leaving came to, in this request or an earlier one
	if err != nil {
		return err
	}
	for _, v := range plot.Left {
		if v.Person != person || v.Relocation != id {
			continue
		}
		for _, who := range v.Freed {
			if err := a.FreeClaim(ctx, step(act, "free "+string(who)), who, place); err != nil {
				return err
			}
		}
		return a.EndRight(ctx, act, place, v.Right, id)
	}
	return nil
}

// Arrive ends one person's way.
type Arrive struct {
	ID              uuid.UUID
	cemetery.Arrive // without Ready, which is looked up
	// Consent is the word of the holder of the new place, for a destination that
	// is one; without By it is the holder's.
	Consent cemetery.Consent
	IfMatch *events.Revision
}

// Arrive runs: is the destination ready? → arrive → the place is the person's →
// inter, or hand over to the taker. A crash between leaves ashes with the
// carrier, on paper (policy: who arrived is with the taker; an interment still
// wants its consent, so the same request again completes it).
func (a *App) Arrive(ctx context.Context, c Arrive) (events.Receipt, error) {
	id := c.ID.String()
	s, _, err := a.Relocations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Ready, err = a.ready(ctx, s.To, c.Person); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Relocations, id, c.IfMatch).run(ctx, c.Arrive)
	if err != nil {
		return rc, err
	}
	if err := a.CarryIn(ctx, c.Act, id, c.Person); err != nil {
		return rc, err
	}
	if s, _, err = a.Relocations.Load(ctx, id); err != nil {
		return rc, err
	}
	to, arrived := arrivedAt(s, c.Person)
	if !arrived || to.Kind != cemetery.ToPlot {
		return rc, nil
	}
	p, _, err := a.Plots.Load(ctx, to.Place)
	if err != nil {
		return rc, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(p.Surveyed.Cemetery, p.Right))
	if err != nil {
		return rc, err
	}
	if c.Consent.Exception == "" && c.Consent.By == "" {
		c.Consent.By = r.Holder
	}
	if _, err := a.Plots.Handle(ctx, to.Place, cemetery.Inter{Act: step(c.Act, "inter"), Right: p.Right, Person: c.Person, Certificate: s.Permitted.Permit, CertificateHolds: true,
		Released: true, Standing: r.Standing(), Consent: c.Consent, Definition: "-"}); err != nil {
		return rc, err
	}
	return rc, a.TakeOver(ctx, c.Act, to.Place, c.Person)
}

// arrivedAt is where a person arrived.
func arrivedAt(s cemetery.RelocationState, person domain.Subject) (cemetery.Destination, bool) {
	for _, x := range s.Arrived {
		if x.Person == person {
			return x.To, true
		}
	}
	return cemetery.Destination{}, false
}

// CarryIn ties somebody who arrived to the new place, and, where that is no plot
// of ours, passes the ashes to the taker. Nothing when that was done.
func (a *App) CarryIn(ctx context.Context, act domain.Act, id string, person domain.Subject) error {
	s, _, err := a.Relocations.Load(ctx, id)
	to, arrived := arrivedAt(s, person)
	if err != nil || !arrived {
		return err
	}
	if err := a.CarryOut(ctx, step(act, "out"), id, person); err != nil {
		return err
	}
	p, rev, err := a.Placements.Load(ctx, string(person))
	if err != nil || p.Rests || len(p.Passed) > 0 && p.Passed[len(p.Passed)-1].Relocation != id {
		return err // at rest, or since on the way of another relocation
	}
	if _, err := a.Placements.Handle(ctx, string(person), cemetery.Move{Act: stepAt(act, "move", rev), To: to.Place, Relocation: id}); err != nil {
		return err
	}
	if to.Kind == cemetery.ToPlot || p.Custodian == to.Taker {
		return nil
	}
	var receipt, label string
	for _, x := range s.Arrived {
		if x.Person == person {
			receipt, label = x.Receipt, x.Label
		}
	}
	_, err = a.Placements.Handle(ctx, string(person), cemetery.Pass{Act: stepAt(act, "pass to taker", rev), To: to.Taker, Label: label, Receipt: receipt, Relocation: id, Lifted: true})
	return err
}
