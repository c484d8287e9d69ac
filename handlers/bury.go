package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
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
	if c.Rules, err = a.RulesFor(ctx, s.Division, day(c.Act)); err != nil {
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
	// Relocation is the permitted one under which the person comes from another
	// place, for RELOCATION_PERMIT.
	Relocation uuid.UUID
	// FeeCode is the row of the cemetery's price list that the use fee is asked
	// under; empty: none, and no ceiling is known.
	FeeCode string
	Of      domain.CreditCode
	Plot    string
	IfMatch *events.Revision
}

// AllocatePlot runs: would the plot refuse it? → claim the person's one place
// (E-4) → allocate → grant the right of use → tell the round; a claim of its own
// that the plot refuses after all is freed. What was refused for a limit is kept
// on the plot.
//
// A crash after the claim leaves a person tied to a plot that is not theirs:
// the same request again, or any other allocation of that plot to the person,
// goes on from there; otherwise the claim is freed after a while (policy:
// claims that came to nothing). A crash after the allocation leaves a right that
// is not on record yet (policy: an allocation grants its right).
func (a *App) AllocatePlot(ctx context.Context, c AllocatePlot) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	done, err := a.did(ctx, a.Plots.Stream(id), c.ID)
	if err != nil {
		return events.Receipt{}, err
	}
	if done != nil {
		return *done, a.Granted(ctx, c.Act, id)
	}
	if c.Allocate.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Rules, err = a.RulesFor(ctx, c.Allocate.Cemetery.Division, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	if c.CeilingFen, err = a.ceiling(ctx, c.Of, c.FeeCode, day(c.Act)); err != nil {
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
	if c.Ground == cemetery.RelocationPermit {
		if err := a.moves(ctx, &c, id); err != nil {
			return events.Receipt{}, err
		}
	}
	if c.Round != "" {
		r, _, err := a.Rounds.Load(ctx, RoundID(c.Of, c.Round))
		if err != nil {
			return events.Receipt{}, err
		}
		_, c.Won = r.Won(c.Plot, c.Deceased)
	}
	c.Placed = id
	if err := to(a.Plots, id, c.IfMatch).wouldRefuse(ctx, c.Allocate); err != nil {
		return events.Receipt{}, a.refusedPlot(ctx, id, c.Allocate, err)
	}
	var ours bool
	if c.MovesFrom == "" {
		if c.Placed, ours, err = a.claim(ctx, c.Act, c.Deceased, id); err != nil {
			return events.Receipt{}, err
		}
	} else { // the one place is still the former; it moves with the ashes
		c.Placed = c.MovesFrom
	}
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.Allocate)
	if _, refused := errors.AsType[*domain.Rejection](err); refused && ours {
		if undo := a.FreeClaim(ctx, c.Act, c.Deceased, id); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	if err != nil {
		return rc, a.refusedPlot(ctx, id, c.Allocate, err)
	}
	return rc, a.Granted(ctx, c.Act, id)
}

// refusedPlot keeps on the plot that an allocation was refused for a limit, and
// answers with err as it came.
func (a *App) refusedPlot(ctx context.Context, id string, c cemetery.Allocate, err error) error {
	if !cemetery.Refusable(err) {
		return err
	}
	c.Act = step(c.Act, "refused")
	_, failed := a.Plots.Handle(ctx, id, cemetery.RefuseAllocation{Allocate: c})
	if _, rejected := errors.AsType[*domain.Rejection](failed); rejected {
		return err
	}
	return errors.Join(err, failed)
}

// ceiling is what the price list of a cemetery asks at most under this code;
// zero where no code is named.
func (a *App) ceiling(ctx context.Context, of domain.CreditCode, code string, on domain.Date) (domain.Money, error) {
	if code == "" {
		return 0, nil
	}
	l, err := a.prices(ctx, string(of), on)
	if err != nil {
		return 0, err
	}
	for _, r := range l.Rows {
		if r.Code == code {
			return cmp.Or(r.Ceiling, r.Price), nil
		}
	}
	return 0, booking.ErrOffList.With(code)
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
	// Inter without CertificateHolds, Released and Standing, which are looked up,
	// and Person, which for a registered certificate is that of its case. A
	// consent without By is the holder's.
	cemetery.Inter
	Of      domain.CreditCode
	Plot    string
	IfMatch *events.Revision
}

// Inter runs: inter → the ashes are the cemetery's now. A crash between leaves
// ashes that are in the plot and, on paper, still with who brought them (policy:
// an interment takes the ashes over); the same request again completes it.
func (a *App) Inter(ctx context.Context, c Inter) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	of, caseID, holds, err := a.holder(ctx, c.Certificate)
	if err != nil {
		return events.Receipt{}, err
	}
	c.CertificateHolds = holds && (c.Person == "" || c.Person == of.Deceased.Person)
	if c.CertificateHolds {
		c.Person = of.Deceased.Person
		if c.Released, err = a.released(ctx, caseID); err != nil {
			return events.Receipt{}, err
		}
	}
	if err := a.Granted(ctx, step(c.Act, "granted"), id); err != nil {
		return events.Receipt{}, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(c.Of, c.Right))
	if err != nil {
		return events.Receipt{}, err
	}
	c.Standing = r.Standing()
	if c.Consent.Exception == "" && c.Consent.By == "" {
		c.Consent.By = r.Holder
	}
	c.Definition = cmp.Or(c.Definition, ecoburial.Default().ID)
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.Inter)
	if err != nil {
		return rc, err
	}
	return rc, a.TakeOver(ctx, c.Act, id, c.Person)
}

// released says that the ashes of a case are not all with the institution that
// cremated them. Of a cremation that is not on record nothing is known.
func (a *App) released(ctx context.Context, caseID uuid.UUID) (bool, error) {
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil || !s.Done {
		return true, err
	}
	return slices.ContainsFunc(s.Holdings(), func(h cremation.Holding) bool { return h.Custodian.Person != "" }), nil
}

// TakeOver gives the ashes of somebody who was interred into the cemetery's
// custody. Nothing when they are, or were since given to somebody else. The
// former custodian is whom the funeral home handed them to; where that is not on
// record, the holder of the right who brought them.
func (a *App) TakeOver(ctx context.Context, act domain.Act, place string, person domain.Subject) error {
	s, _, err := a.Plots.Load(ctx, place)
	if err != nil || !slices.Contains(s.Interred, person) {
		return err
	}
	p, _, err := a.Placements.Load(ctx, string(person))
	if err != nil || p.Rests {
		return err
	}
	// The step is told apart by how often the ashes were passed on, which is the
	// same on every log, and not by a revision.
	lay := cemetery.LayIn{Act: step(act, fmt.Sprintf("lay in %d", len(p.Passed))), Plot: place, To: cemetery.Custodian{Institution: s.Surveyed.Cemetery}, Interred: true}
	if !p.Custodian.One() {
		if p.Plot == "" { // a claim that was freed while the place was being given
			if err := a.EnsureClaim(ctx, act, person, place); err != nil {
				return err
			}
		}
		lay.From = cemetery.Custodian{Person: s.Applicant}
		if i := slices.IndexFunc(s.Places, func(x cemetery.PlotAllocated) bool { return x.Deceased == person }); i >= 0 && s.Places[i].Certificate != "" {
			if lay.From, err = a.collector(ctx, s.Places[i]); err != nil {
				return err
			}
		}
	}
	_, err = a.Placements.Handle(ctx, string(person), lay)
	return err
}

// collector is whom the funeral home handed the ashes of an allocation's person
// to; the applicant where that is not on record.
func (a *App) collector(ctx context.Context, x cemetery.PlotAllocated) (cemetery.Custodian, error) {
	who := cemetery.Custodian{Person: x.Applicant}
	_, caseID, _, err := a.holder(ctx, x.Certificate)
	if err != nil || caseID == uuid.Nil {
		return who, err
	}
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	for _, h := range s.Holdings() {
		if h.Custodian.Person != "" {
			who.Person = h.Custodian.Person
		}
	}
	return who, err
}

// SurrenderPlot gives an empty plot back.
type SurrenderPlot struct {
	cemetery.Surrender // without Died, which is looked up
	Of                 domain.CreditCode
	Plot               string
	IfMatch            *events.Revision
}

// SurrenderPlot runs: surrender → free each person's place → end the right. A
// crash between leaves persons tied to a plot that is no longer theirs, or a
// right of a free plot (policy: a surrendered plot's claims are freed and its
// right ends).
func (a *App) SurrenderPlot(ctx context.Context, c SurrenderPlot) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Plots.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(c.Of, s.Right))
	if err != nil {
		return events.Receipt{}, err
	}
	c.Died = r.Died
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.Surrender)
	if err != nil {
		return rc, err
	}
	for _, x := range s.Places {
		if err := a.FreeClaim(ctx, step(c.Act, "free "+string(x.Deceased)), x.Deceased, id); err != nil {
			return rc, err
		}
	}
	return rc, a.EndRight(ctx, c.Act, id, c.Right, "")
}

// ErrCertificate refuses an application under a certificate that is not
// registered, is void or belongs to another case.
var ErrCertificate = domain.Reject("certificate_not_valid", "这份火化证明没有登记、已经作废，或不是这件业务的。",
	"This cremation certificate is not registered, is void, or belongs to another case.").Under("E-1", "")

// CertifiedPerson is the person of a registered, valid cremation certificate.
func (a *App) CertifiedPerson(ctx context.Context, certificate string) (domain.Subject, error) {
	of, _, holds, err := a.holder(ctx, certificate)
	if err == nil && !holds {
		err = ErrCertificate
	}
	return of.Deceased.Person, err
}

// MeasurePlot holds a place as it was found on the spot against the limits.
type MeasurePlot struct {
	cemetery.Measure // without Rules and Cemetery, which are looked up
	Of               domain.CreditCode
	Plot             string
	IfMatch          *events.Revision
}

// MeasurePlot looks up the cemetery and its rules, and asks the plot. One stream
// is written.
func (a *App) MeasurePlot(ctx context.Context, c MeasurePlot) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	var err error
	if c.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Rules, err = a.RulesFor(ctx, c.Cemetery.Division, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Plots, id, c.IfMatch).run(ctx, c.Measure)
}

// AgreeHeadstone asks for a headstone on a place that was given.
type AgreeHeadstone struct {
	cemetery.AgreeStone // without Inscription, Rules, Cemetery and Standing
	// Words are what it shall say; they are sealed for the holder of the right.
	Words   string
	Of      domain.CreditCode
	Plot    string
	IfMatch *events.Revision
}

// AgreeHeadstone looks up the right, the cemetery and its rules, and asks the
// plot. That a higher stone was asked for than the rules allow is kept on the
// plot. One stream is written.
func (a *App) AgreeHeadstone(ctx context.Context, c AgreeHeadstone) (events.Receipt, error) {
	id := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, id); err != nil {
		return events.Receipt{}, err
	}
	if err := a.Granted(ctx, step(c.Act, "granted"), id); err != nil {
		return events.Receipt{}, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(c.Of, c.Right))
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Rules, err = a.RulesFor(ctx, c.Cemetery.Division, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	c.Standing, c.Inscription = r.Standing(), domain.Personal(r.Holder, c.Words)
	rc, err := to(a.Plots, id, c.IfMatch).run(ctx, c.AgreeStone)
	if !errors.Is(err, cemetery.ErrHeadstone) {
		return rc, err
	}
	c.Act = step(c.Act, "refused")
	_, failed := a.Plots.Handle(ctx, id, cemetery.RefuseStone{AgreeStone: c.AgreeStone})
	if _, rejected := errors.AsType[*domain.Rejection](failed); rejected {
		return rc, err
	}
	return rc, errors.Join(err, failed)
}
