package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
)

// PlotID is the id of a plot's stream.
func PlotID(of domain.CreditCode, plot string) string { return string(of) + "." + plot }

// Survey records what a plot is.
type Survey struct {
	cemetery.Survey // without Cemetery, which is looked up
	Of              domain.CreditCode
	IfMatch         *events.Revision
}

// ErrPlotType refuses a grave that says of itself what its area contradicts:
// the eco-burial ratio counts it by that word.
var ErrPlotType = domain.Reject("plot_type_mismatch", "按面积和穴数，这个墓位应登记为 %s。", "By its area and places this plot is a %s.").Under("I20", "")

// CheckPlotType holds what a plot counts as against the eco types and its area.
func CheckPlotType(c cemetery.Survey) error {
	def := ecoburial.Default()
	if _, ok := def.Type(c.EcoType); !ok && c.EcoType != "" {
		return ecoburial.ErrTypeUnknown.With(c.EcoType, def.ID)
	}
	ordinary := c.Kind == cemetery.Grave && (c.EcoType == ecoburial.SmallPlot || c.EcoType == ecoburial.StandardPlot)
	if is := def.PlotType(c.AreaCM2, c.Capacity); ordinary && c.EcoType != is {
		return ErrPlotType.With(is)
	}
	return nil
}

// Survey looks up the cemetery and the eco types, and asks the plot. One stream
// is written.
func (a *App) Survey(ctx context.Context, c Survey) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Cemeteries.Load(ctx, string(c.Of))
	if err != nil {
		return events.Receipt{}, err
	}
	c.Survey.Cemetery = s
	if err := CheckPlotType(c.Survey); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Plots, id, c.IfMatch).run(ctx, c.Survey)
}

// AllocatePlot gives a place in a plot to one person.
type AllocatePlot struct {
	// Allocate without its facts, which are looked up: CertificateHolds, Placed
	// and Cemetery; and, for a cremation certificate, Deceased and Hukou too,
	// which are those of the certificate's case.
	cemetery.Allocate
	// SpouseCertificate is the cremation certificate of the person beside whom a
	// living spouse is given a place; SpouseOf follows from it.
	SpouseCertificate string
	Of                domain.CreditCode
	Plot              string
	IfMatch           *events.Revision
}

// AllocatePlot runs: would the plot refuse it? → claim the person's one place
// (E-4) → allocate; a claim of its own that the plot refuses after all is freed.
//
// A crash after the claim leaves a person tied to a plot that is not theirs:
// the same request again, or any other allocation of that plot to the person,
// goes on from there; otherwise the claim is freed after a while (policy:
// claims that came to nothing).
func (a *App) AllocatePlot(ctx context.Context, c AllocatePlot) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	done, err := a.did(ctx, a.Plots.Stream(id), c.ID)
	if err != nil || done != nil {
		return pointed(done), err
	}
	if c.Allocate.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Ground == cemetery.CremationCertificate {
		of, _, holds, err := a.holder(ctx, c.Certificate)
		if err != nil {
			return events.Receipt{}, err
		}
		c.CertificateHolds = holds && (c.Deceased == "" || c.Deceased == of.Deceased.Person)
		if !c.CertificateHolds {
			return events.Receipt{}, ErrCertificate
		}
		c.Deceased, c.Hukou = of.Deceased.Person, of.Deceased.Hukou
	}
	if c.SpouseCertificate != "" {
		of, _, holds, err := a.holder(ctx, c.SpouseCertificate)
		if err != nil {
			return events.Receipt{}, err
		}
		if holds {
			c.SpouseOf = of.Deceased.Person
		}
	}
	c.Placed = id
	if err := to(a.Plots, id, c.IfMatch).wouldRefuse(ctx, c.Allocate); err != nil {
		return events.Receipt{}, err
	}
	placed, ours, err := a.claim(ctx, c.Act, c.Deceased, id)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Placed = placed
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.Allocate)
	if _, refused := errors.AsType[*domain.Rejection](err); refused && ours {
		if undo := a.FreeClaim(ctx, c.Act, c.Deceased, id); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	return rc, err
}

// claim asks for the person's one place, and answers with the place the person
// has now and whether this very call made the claim.
func (a *App) claim(ctx context.Context, act domain.Act, of domain.Subject, place string) (has string, ours bool, err error) {
	if err := streamID(cemetery.PlacementCategory, string(of)); err != nil {
		return "", false, err
	}
	p, rev, err := a.Placements.Load(ctx, string(of))
	if err != nil || p.Plot == place {
		return p.Plot, false, err
	}
	rc, err := a.Placements.Handle(ctx, string(of), cemetery.Claim{Act: stepAt(act, "claim", rev), Plot: place})
	if err != nil {
		return "", false, err
	}
	p, _, err = a.Placements.Load(ctx, string(of))
	return p.Plot, rc.Events > 0, err
}

// EnsureClaim ties a person to the place in which the person is: it mends a
// claim that was freed while the place was being given.
func (a *App) EnsureClaim(ctx context.Context, act domain.Act, of domain.Subject, place string) error {
	_, _, err := a.claim(ctx, act, of, place)
	return err
}

// EcoPlace is how a person's placement names an eco-burial without a plot.
func EcoPlace(burial uuid.UUID) string { return "eco." + burial.String() }

// FreeClaim frees a person's place where the person was never put: a plot that
// was not allocated to the person, an eco-burial that was not completed.
// Nothing when the person is there after all, or placed elsewhere.
func (a *App) FreeClaim(ctx context.Context, act domain.Act, person domain.Subject, place string) error {
	p, rev, err := a.Placements.Load(ctx, string(person))
	if err != nil || p.Plot != place {
		return err
	}
	if burial, ok := strings.CutPrefix(place, "eco."); ok {
		s, _, err := a.EcoBurials.Load(ctx, burial)
		if err != nil || s.Completed.Type != "" || s.Received.Label != "" {
			return err
		}
	} else {
		s, _, err := a.Plots.Load(ctx, place)
		if err != nil || slices.ContainsFunc(s.Places, func(x cemetery.PlotAllocated) bool { return x.Deceased == person }) {
			return err
		}
	}
	_, err = a.Placements.Handle(ctx, string(person), cemetery.Free{Act: stepAt(act, "free", rev), Plot: place})
	return err
}

// Inter lays one person to rest in a plot.
type Inter struct {
	// Inter without CertificateHolds, which is looked up, and Person, which for
	// a registered certificate is that of its case.
	cemetery.Inter
	Of      domain.CreditCode
	Plot    string
	IfMatch *events.Revision
}

// Inter looks up the certificate and asks the plot. One stream is written.
func (a *App) Inter(ctx context.Context, c Inter) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	of, _, holds, err := a.holder(ctx, c.Certificate)
	if err != nil {
		return events.Receipt{}, err
	}
	c.CertificateHolds = holds && (c.Person == "" || c.Person == of.Deceased.Person)
	if c.CertificateHolds {
		c.Person = of.Deceased.Person
	}
	c.Definition = cmp.Or(c.Definition, ecoburial.Default().ID)
	return to(a.Plots, id, c.IfMatch).run(ctx, c.Inter)
}

// SurrenderPlot gives an empty plot back.
type SurrenderPlot struct {
	cemetery.Surrender
	Of      domain.CreditCode
	Plot    string
	IfMatch *events.Revision
}

// SurrenderPlot runs: surrender → free each person's place. A crash between
// leaves persons tied to a plot that is no longer theirs (policy: a surrendered
// plot's claims are freed).
func (a *App) SurrenderPlot(ctx context.Context, c SurrenderPlot) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Plots.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.Surrender)
	if err != nil {
		return rc, err
	}
	for _, x := range s.Places {
		if err := a.FreeClaim(ctx, step(c.Act, "free "+string(x.Deceased)), x.Deceased, id); err != nil {
			return rc, err
		}
	}
	return rc, nil
}

// ErrCertificate refuses an application under a certificate that is not
// registered, is void or belongs to another case.
var ErrCertificate = domain.Reject("certificate_not_valid", "这份火化证明没有登记、已经作废，或不是这件业务的。",
	"This cremation certificate is not registered, is void, or belongs to another case.").Under("E-1", "")
