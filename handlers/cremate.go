package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/events"
)

// SignConfirmation records the signed 火化确认书.
type SignConfirmation struct {
	domain.Act
	Case uuid.UUID
	// Applicant and Collector are persons; empty means the case's handler.
	Applicant, Collector domain.Subject
	Form                 string
	IfMatch              *events.Revision
}

// SignConfirmation looks up whom the case names and asks the cremation.
func (a *App) SignConfirmation(ctx context.Context, c SignConfirmation) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if c.Applicant == "" {
		c.Applicant = s.Handler.Person
	}
	return to(a.Cremations, c.Case.String(), c.IfMatch).run(ctx, cremation.SignConfirmation{Act: c.Act, Applicant: c.Applicant,
		Authorised: s.Handler.Person, Collector: c.Collector, Form: c.Form})
}

// StartCremation charges a furnace and begins the cremation.
type StartCremation struct {
	domain.Act
	Case    uuid.UUID
	Furnace string // resource of the institution
	IfMatch *events.Revision
}

// StartCremation runs: would the gate refuse it? → charge the furnace → start →
// fix the particulars and end the custody; a charge of its own that the gate
// refuses after all is aborted.
//
// A crash after the charge leaves a furnace that holds the case without a
// cremation: the same request again, or any other start of this case, goes on
// from there; otherwise somebody at the furnace takes the charge back
// (AbortCharge). No reaction does: the remains may well be in the chamber, and a
// furnace that only the log believes empty must not be charged again (I7). A
// crash after the start leaves particulars that could still be changed (policy:
// what follows from a start).
func (a *App) StartCremation(ctx context.Context, c StartCremation) (events.Receipt, error) {
	id := c.Case.String()
	s, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	in, _, err := a.Institutions.Load(ctx, string(s.Institution))
	if err != nil {
		return events.Receipt{}, err
	}
	start, err := a.StartFacts(ctx, c.Case, cremation.Start{Act: c.Act, Furnace: c.Furnace, FurnaceCase: c.Case})
	if err != nil {
		return events.Receipt{}, err
	}
	if r, ok := in.Resource(c.Furnace); !ok || r.Kind != "furnace" || !r.ServesOn(day(c.Act)) {
		start.FurnaceCase = uuid.Nil // no such furnace: the gate says so
	}
	if err := to(a.Cremations, id, c.IfMatch).wouldRefuse(ctx, start); err != nil {
		return events.Receipt{}, err
	}
	furnace := FurnaceID(s.Institution, c.Furnace)
	if err := streamID(cremation.FurnaceCategory, furnace); err != nil {
		return events.Receipt{}, err
	}
	done, err := a.did(ctx, a.Cremations.Stream(id), c.ID)
	if err != nil {
		return events.Receipt{}, err
	}
	if done != nil {
		return *done, a.Begun(ctx, c.Act, c.Case)
	}
	f, rev, err := a.Furnaces.Load(ctx, furnace)
	if err != nil {
		return events.Receipt{}, err
	}
	ours := false
	if f.Case != c.Case {
		over, err := a.pastApproach(ctx, furnace)
		if err != nil {
			return events.Receipt{}, err
		}
		charged, err := a.Furnaces.Handle(ctx, furnace, cremation.Charge{Act: stepAt(c.Act, "charge", rev), Case: c.Case, Over: over,
			Stands: s.Rules == cremation.PapersOnly || start.Custody.Place == cremation.Place{Kind: cremation.AtFurnace, ID: c.Furnace}})
		if err != nil {
			return events.Receipt{}, a.whoStands(ctx, furnace, err)
		}
		ours = charged.Events > 0
		u, _, err := a.Custodies.Load(ctx, id) // from here on nobody else is let to the furnace: do these stand there still?
		if err != nil {
			return events.Receipt{}, err
		}
		start.Custody = u.Standing()
		if f, _, err = a.Furnaces.Load(ctx, furnace); err != nil {
			return events.Receipt{}, err
		}
	}
	start.FurnaceCase = f.Case
	rc, err := to(a.Cremations, id, c.IfMatch).run(ctx, start)
	if why, ok := errors.AsType[*domain.Rejection](err); ok && ours {
		if undo := a.AbortCharge(ctx, c.Act, furnace, c.Case, why.Code); undo != nil {
			err = errors.Join(err, undo)
		}
	}
	if err != nil {
		return rc, err
	}
	return rc, a.Begun(ctx, c.Act, c.Case)
}

// FurnaceID is the id of a furnace's stream.
func FurnaceID(of domain.CreditCode, resource string) string { return string(of) + "." + resource }

// AbortCharge takes a charge back whose cremation has not begun; nothing when
// the furnace no longer holds the case or the cremation did begin.
func (a *App) AbortCharge(ctx context.Context, act domain.Act, furnace string, caseID uuid.UUID, why string) error {
	f, rev, err := a.Furnaces.Load(ctx, furnace)
	if err != nil || f.Case != caseID {
		return err
	}
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return err
	}
	_, err = a.Furnaces.Handle(ctx, furnace, cremation.AbortCharge{Act: stepAt(act, "abort", rev), Case: caseID, Reason: why, Started: !s.Started.At.IsZero()})
	if errors.Is(err, cremation.ErrAbortStarted) || errors.Is(err, cremation.ErrFurnaceOther) {
		return nil
	}
	return err
}

// TakeBackCharge takes a charge back because Act.By says that the remains are
// not in the chamber and no cremation began. One stream is written.
func (a *App) TakeBackCharge(ctx context.Context, act domain.Act, caseID uuid.UUID, resource, why string) (events.Receipt, error) {
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	id := FurnaceID(s.Institution, resource)
	if err := streamID(cremation.FurnaceCategory, id); err != nil {
		return events.Receipt{}, err
	}
	return a.Furnaces.Handle(ctx, id, cremation.AbortCharge{Act: act, Case: caseID, Reason: why, Started: !s.Started.At.IsZero()})
}

// CollectAshes records the ashes of a completed cremation.
type CollectAshes struct {
	domain.Act
	Case       uuid.UUID
	WeightG    int
	Containers int
	Label      string
	SealedBy   [2]string
	// ChamberEmpty says that Act.By looked into the chamber and found it empty.
	ChamberEmpty bool
	IfMatch      *events.Revision
}

// CollectAshes runs: collect → with ChamberEmpty, report the furnace empty. A
// crash between leaves the furnace shut for the next charge; the same request
// again, or EmptyFurnace, opens it.
func (a *App) CollectAshes(ctx context.Context, c CollectAshes) (events.Receipt, error) {
	rc, err := to(a.Cremations, c.Case.String(), c.IfMatch).run(ctx, cremation.CollectAshes{Act: c.Act, WeightG: c.WeightG, Containers: c.Containers, Label: c.Label, SealedBy: c.SealedBy})
	if err != nil || !c.ChamberEmpty {
		return rc, err
	}
	_, err = a.EmptyFurnace(ctx, step(c.Act, "empty"), c.Case)
	return rc, err
}

// EmptyFurnace reports that the chamber in which the case was cremated was
// looked into by Act.By and found empty, where something was left before too.
func (a *App) EmptyFurnace(ctx context.Context, act domain.Act, caseID uuid.UUID) (events.Receipt, error) {
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if s.Started.At.IsZero() {
		return events.Receipt{}, cremation.ErrFurnaceOther
	}
	furnace := FurnaceID(s.Institution, s.Started.Furnace)
	f, _, err := a.Furnaces.Load(ctx, furnace)
	if err != nil {
		return events.Receipt{}, err
	}
	if f.Case == caseID && f.Inspection.By != "" && !f.Inspection.Clear { // what was left is taken out now
		if _, err := a.Furnaces.Handle(ctx, furnace, cremation.InspectChamber{Act: step(act, "clear"), Case: caseID, Clear: true}); err != nil {
			return events.Receipt{}, err
		}
	}
	return a.Furnaces.Handle(ctx, furnace, cremation.Empty{Act: act, Case: caseID, AshesCollected: s.Ashes.WeightG > 0})
}

// IssueCertificate hands out a cremation certificate under a number.
type IssueCertificate struct {
	domain.Act
	Case    uuid.UUID
	Number  string
	Reissue string // why the former one is replaced; empty: there is none
	Form    string // version of the certificate's form
	IfMatch *events.Revision
}

// IssueCertificate runs: would it be refused? → register the number → issue →
// for a reissue, void the former number. A crash after registering leaves a
// number that only this case may use; after issuing a replacement, the former
// number still valid (policy: replaced certificates are voided). The same
// request again completes it.
func (a *App) IssueCertificate(ctx context.Context, c IssueCertificate) (events.Receipt, error) {
	id := c.Case.String()
	if c.Number != "" {
		if err := streamID(cremation.CertificateCategory, c.Number); err != nil {
			return events.Receipt{}, err
		}
	}
	s, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	issue := cremation.IssueCertificate{Act: c.Act, Number: c.Number, Registered: c.Case, Reissue: c.Reissue, Form: c.Form}
	if err := to(a.Cremations, id, c.IfMatch).wouldRefuse(ctx, issue); err != nil {
		return events.Receipt{}, err
	}
	if _, err := a.Certificates.Handle(ctx, c.Number, cremation.RegisterCertificate{Act: step(c.Act, "register"), Number: c.Number, Case: c.Case, Institution: s.Institution}); err != nil {
		return events.Receipt{}, err
	}
	n, _, err := a.Certificates.Load(ctx, c.Number)
	if err != nil {
		return events.Receipt{}, err
	}
	if issue.Registered = uuid.Nil; n.Holds(c.Case) {
		issue.Registered = c.Case
	}
	rc, err := to(a.Cremations, id, c.IfMatch).run(ctx, issue)
	if err != nil {
		return rc, err
	}
	if s, _, err = a.Cremations.Load(ctx, id); err != nil {
		return rc, err
	}
	if i := slices.Index(s.Certificates, c.Number); i > 0 { // also when this was done before and only the voiding is missing
		return rc, a.VoidReplaced(ctx, c.Act, s.Certificates[i-1], c.Number, c.Reissue)
	}
	return rc, nil
}

// VoidReplaced voids a number that another has taken the place of.
func (a *App) VoidReplaced(ctx context.Context, act domain.Act, former, by, why string) error {
	_, err := a.Certificates.Handle(ctx, former, cremation.VoidCertificate{Act: step(act, "void "+former), Reason: why, ReplacedBy: by})
	return err
}

// ChamberLeft reports that Act.By looked into the chamber in which the case was
// cremated and found something left there. The furnace stays shut until it is
// reported empty. One stream is written.
func (a *App) ChamberLeft(ctx context.Context, act domain.Act, caseID uuid.UUID, finding string) (events.Receipt, error) {
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if s.Started.At.IsZero() {
		return events.Receipt{}, cremation.ErrFurnaceOther
	}
	return a.Furnaces.Handle(ctx, FurnaceID(s.Institution, s.Started.Furnace), cremation.InspectChamber{Act: act, Case: caseID, Finding: finding})
}

// Certificate asks a certificate of the case for something, with the fact
// whether it is the case's valid one. One stream is written.
func (a *App) Certificate(ctx context.Context, caseID uuid.UUID, number string, command func(valid bool) cremation.CertificateCommand) (events.Receipt, error) {
	if err := streamID(cremation.CertificateCategory, number); err != nil {
		return events.Receipt{}, err
	}
	n, _, err := a.Certificates.Load(ctx, number)
	if err != nil {
		return events.Receipt{}, err
	}
	if n.Case != caseID {
		return events.Receipt{}, cremation.ErrCertificateUnknown
	}
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil {
		return events.Receipt{}, err
	}
	return a.Certificates.Handle(ctx, number, command(s.Certificate == number))
}
