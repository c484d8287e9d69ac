// Package cremation decides over papers, holds, identity checks, the furnace,
// the ashes and the certificate of a cremation.
//
// Four aggregates: Tag (one tag, one case, for ever), Cremation (one case),
// Furnace (one set of remains at a time), Certificate (one number, once).
package cremation

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// CremationCategory names the streams of cremations; a stream's id is the
// case's.
const CremationCategory = "cremation"

// Wire lists every event of this package by its name on the log.
var Wire = []domain.Wire{
	domain.Named[TagIssued]("tag.issued.v1"),
	domain.Named[Received]("cremation.received.v1"),
	domain.Named[DeathCertificateRecorded]("cremation.death_certificate_recorded.v1"),
	domain.Named[ConfirmationSigned]("cremation.confirmation_signed.v1"),
	domain.Named[PolicePaperRecorded]("cremation.police_paper_recorded.v1"),
	domain.Named[HoldPlaced]("cremation.hold_placed.v1"),
	domain.Named[HoldLifted]("cremation.hold_lifted.v1"),
	domain.Named[IdentityVerified]("cremation.identity_verified.v1"),
	domain.Named[Started]("cremation.started.v1"),
	domain.Named[Completed]("cremation.completed.v1"),
	domain.Named[AshesCollected]("cremation.ashes_collected.v1"),
	domain.Named[CertificateIssued]("cremation.certificate_issued.v1"),
	domain.Named[AshesReleased]("cremation.ashes_released.v1"),
	domain.Named[FurnaceCharged]("furnace.charged.v1"),
	domain.Named[FurnaceEmptied]("furnace.emptied.v1"),
	domain.Named[FurnaceChargeAborted]("furnace.charge_aborted.v1"),
	domain.Named[CertificateRegistered]("certificate.registered.v1"),
	domain.Named[CertificateVoided]("certificate.voided.v1"),
}

// A Form is the generation of a death certificate.
type Form string

// The two generations. The date of issue decides which one a paper is.
const (
	// Form2013 is 《居民死亡医学证明（推断）书》, issued until 2026-06-30.
	Form2013 Form = "DEATH_2013"
	// Form2026 is 《居民死亡医学证明》, issued from 2026-07-01.
	Form2026 Form = "DEATH_2026"
)

// Form2026From is the first day of the new form.
const Form2026From domain.Date = "2026-07-01"

// FormOn is the form in which a certificate of this date is issued.
func FormOn(issued domain.Date) Form {
	if issued < Form2026From {
		return Form2013
	}
	return Form2026
}

// A CauseClass says whether the death was natural. Unknown is never treated as
// natural.
type CauseClass string

// The classes of cause.
const (
	Natural   CauseClass = "NATURAL"
	Unnatural CauseClass = "UNNATURAL"
	Unknown   CauseClass = "UNKNOWN"
)

// A HoldKind is why remains may not be cremated for the time being.
type HoldKind string

// The kinds of hold.
const (
	HoldPolice           HoldKind = "POLICE"
	HoldCourt            HoldKind = "COURT"
	HoldDispute          HoldKind = "DISPUTE"
	HoldInfectionControl HoldKind = "INFECTION_CONTROL"
	HoldIdentity         HoldKind = "IDENTITY"
)

// A CremationEvent is what happens in the cremation of one case.
type CremationEvent interface{ cremationEvent() }

type (
	// Received takes the remains into the institution's care.
	Received struct {
		Case        uuid.UUID         `json:"case"`
		Tag         string            `json:"tag"`
		Institution domain.CreditCode `json:"institution"`
		// CaseCreator is the account that opened the case; it verifies nobody.
		CaseCreator string `json:"case_creator"`
	}
	// DeathCertificateRecorded keeps the death certificate. A later one stands
	// in for the former until the cremation starts.
	DeathCertificateRecorded struct {
		Form       Form                       `json:"form"`
		Number     domain.Private[string]     `json:"number"`
		Issuer     string                     `json:"issuer"`
		IssuedOn   domain.Date                `json:"issued_on"`
		DeathDate  domain.Date                `json:"death_date,omitzero"`
		CauseClass domain.Private[CauseClass] `json:"cause_class"`
		// Verified says that Checker compared it with the original or the
		// e-licence.
		Verified bool   `json:"verified,omitzero"`
		Checker  string `json:"checker,omitzero"`
	}
	// ConfirmationSigned is the signed 火化确认书.
	ConfirmationSigned struct {
		Applicant domain.Subject `json:"applicant"`
		// Collector is the person named to receive the ashes.
		Collector domain.Subject `json:"collector"`
		Form      string         `json:"form"` // the form's version (I20)
	}
	// PolicePaperRecorded is the police paper that an unnatural or unknown
	// death needs.
	PolicePaperRecorded struct {
		Number   domain.Private[string] `json:"number"`
		Issuer   string                 `json:"issuer"`
		IssuedOn domain.Date            `json:"issued_on"`
	}
	// HoldPlaced stops the cremation and the release of the ashes.
	HoldPlaced struct {
		Hold      uuid.UUID `json:"hold"`
		Kind      HoldKind  `json:"kind"`
		Authority string    `json:"authority"`
		Paper     string    `json:"paper,omitzero"`
	}
	// HoldLifted ends a hold.
	HoldLifted struct {
		Hold      uuid.UUID `json:"hold"`
		Kind      HoldKind  `json:"kind"`
		Authority string    `json:"authority"`
		Paper     string    `json:"paper,omitzero"`
	}
	// IdentityVerified says that one person compared tag, papers and remains.
	IdentityVerified struct {
		Verifier string    `json:"verifier"`
		At       time.Time `json:"at"`
	}
	// Started begins the cremation.
	Started struct {
		Institution domain.CreditCode `json:"institution"`
		Furnace     string            `json:"furnace"`
		Operator    string            `json:"operator"`
		Verifiers   [2]string         `json:"verifiers"`
		At          time.Time         `json:"at"`
	}
	// Completed ends the cremation.
	Completed struct {
		Institution domain.CreditCode `json:"institution"`
		Furnace     string            `json:"furnace"`
		At          time.Time         `json:"at"`
	}
	// AshesCollected puts the ashes into the institution's custody.
	AshesCollected struct {
		WeightG    int       `json:"weight_g"`
		Containers int       `json:"containers"`
		Label      string    `json:"label"`
		SealedBy   [2]string `json:"sealed_by"`
	}
	// CertificateIssued hands out the cremation certificate.
	CertificateIssued struct {
		Number string `json:"number"`
		// Replaces is the former number that this one voids.
		Replaces string `json:"replaces,omitzero"`
		Reason   string `json:"reason,omitzero"`
	}
	// AshesReleased hands the ashes to the person named for it.
	AshesReleased struct {
		To          domain.Subject         `json:"to"`
		Name        domain.Private[string] `json:"name"`
		Certificate string                 `json:"certificate"`
		Giver       string                 `json:"giver"`
	}
)

func (Received) cremationEvent()                 {}
func (DeathCertificateRecorded) cremationEvent() {}
func (ConfirmationSigned) cremationEvent()       {}
func (PolicePaperRecorded) cremationEvent()      {}
func (HoldPlaced) cremationEvent()               {}
func (HoldLifted) cremationEvent()               {}
func (IdentityVerified) cremationEvent()         {}
func (Started) cremationEvent()                  {}
func (Completed) cremationEvent()                {}
func (AshesCollected) cremationEvent()           {}
func (CertificateIssued) cremationEvent()        {}
func (AshesReleased) cremationEvent()            {}

// A CremationCommand asks something of the cremation of one case.
type CremationCommand interface {
	domain.Command
	cremationCommand()
}

type (
	// Receive takes the remains of a case into care.
	Receive struct {
		domain.Act
		Case        uuid.UUID
		Tag         string
		TagCase     uuid.UUID // fact: the case that the tag's own stream is issued to
		Institution domain.CreditCode
		CaseCreator string // fact: the account that opened the case
	}
	// RecordDeathCertificate keeps what the paper or e-licence says.
	RecordDeathCertificate struct {
		domain.Act
		Form       Form
		Number     domain.Private[string]
		Issuer     string
		IssuedOn   domain.Date
		DeathDate  domain.Date // empty when nobody knows
		CauseClass domain.Private[CauseClass]
		// Checked says that Act.By compared it with the original or the
		// e-licence; only then may it lead to a cremation.
		Checked bool
	}
	// SignConfirmation records the signed 火化确认书.
	SignConfirmation struct {
		domain.Act
		Applicant  domain.Subject
		Authorised domain.Subject // fact: the handler whom the case names
		Collector  domain.Subject // who will receive the ashes; empty: the applicant
		Form       string         // version of the form that was signed
	}
	// RecordPolicePaper keeps the police paper.
	RecordPolicePaper struct {
		domain.Act
		Number   domain.Private[string]
		Issuer   string
		IssuedOn domain.Date
	}
	// PlaceHold stops the case.
	PlaceHold struct {
		domain.Act
		Hold      uuid.UUID
		Kind      HoldKind
		Authority string // who orders it: a court, a police bureau, the institution
		Paper     string
	}
	// LiftHold ends a hold. Either Authority is the one that placed it, or Paper
	// is a paper of that authority, named in PaperOf.
	LiftHold struct {
		domain.Act
		Hold      uuid.UUID
		Authority string // fact: the authority that Act.By acts for
		Paper     string
		PaperOf   string
	}
	// VerifyIdentity says that Act.By compared tag, papers and remains at Act.At.
	VerifyIdentity struct {
		domain.Act
		Tag string // as scanned
	}
	// Start begins the cremation. Act.By operates the furnace.
	Start struct {
		domain.Act
		Furnace string
		// FurnaceCase is the fact which case the furnace's own stream is charged
		// with.
		FurnaceCase uuid.UUID
		// Licensed is the fact that the institution's licence is valid on the day.
		Licensed bool
	}
	// Complete ends the cremation.
	Complete struct{ domain.Act }
	// CollectAshes records weight, containers, label and seal.
	CollectAshes struct {
		domain.Act
		WeightG    int
		Containers int
		Label      string // the tag number, read from the label on the container
		SealedBy   [2]string
	}
	// IssueCertificate hands out the certificate.
	IssueCertificate struct {
		domain.Act
		Number     string
		Registered uuid.UUID // fact: the case that the number's own stream holds validly
		// Reissue replaces the former certificate, for this reason.
		Reissue string
	}
	// ReleaseAshes hands the ashes over.
	ReleaseAshes struct {
		domain.Act
		To          domain.Subject
		Name        domain.Private[string]
		Certificate string // the certificate that the person shows
		IDChecked   bool   // the person's identity card was compared
	}
)

func (Receive) cremationCommand()                {}
func (RecordDeathCertificate) cremationCommand() {}
func (SignConfirmation) cremationCommand()       {}
func (RecordPolicePaper) cremationCommand()      {}
func (PlaceHold) cremationCommand()              {}
func (LiftHold) cremationCommand()               {}
func (VerifyIdentity) cremationCommand()         {}
func (Start) cremationCommand()                  {}
func (Complete) cremationCommand()               {}
func (CollectAshes) cremationCommand()           {}
func (IssueCertificate) cremationCommand()       {}
func (ReleaseAshes) cremationCommand()           {}

// CremationState is how far the cremation of a case has come.
type CremationState struct {
	Case        uuid.UUID // uuid.Nil before the remains are received
	Tag         string
	Institution domain.CreditCode
	CaseCreator string

	Death        DeathCertificateRecorded // zero Form: not recorded
	Confirmation ConfirmationSigned       // zero Applicant: not signed
	Police       PolicePaperRecorded      // zero Issuer: not recorded
	Holds        []HoldPlaced             // every hold, open or lifted
	Lifted       []uuid.UUID              // the holds that are lifted
	Verified     []IdentityVerified       // since the death certificate last changed

	Started   Started        // zero At: not started
	Completed time.Time      // zero: not completed
	Ashes     AshesCollected // zero WeightG: not collected

	Certificate  string   // the valid one; empty: none yet
	Certificates []string // every number ever issued
	Released     AshesReleased
}

// Cremation decides over the cremation of one case.
var Cremation = domain.Decider[CremationState, CremationCommand, CremationEvent]{Decide: decideCremation, Evolve: evolveCremation}

func decideCremation(s CremationState, cmd CremationCommand) ([]CremationEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	return nil, ErrNoCase
}

func evolveCremation(s CremationState, e CremationEvent) CremationState {
	switch e := e.(type) {
	case Received:
		s.Case, s.Tag, s.Institution, s.CaseCreator = e.Case, e.Tag, e.Institution, e.CaseCreator
	case DeathCertificateRecorded:
		// Identity is checked against the certificate: a new one asks for new checks.
		s.Death, s.Verified = e, nil
	case ConfirmationSigned:
		s.Confirmation = e
	case PolicePaperRecorded:
		s.Police = e
	case HoldPlaced:
		s.Holds = append(slices.Clip(s.Holds), e)
	case HoldLifted:
		s.Lifted = append(slices.Clip(s.Lifted), e.Hold)
	case IdentityVerified:
		s.Verified = append(slices.Clip(s.Verified), e)
	case Started:
		s.Started = e
	case Completed:
		s.Completed = e.At
	case AshesCollected:
		s.Ashes = e
	case CertificateIssued:
		s.Certificate = e.Number
		s.Certificates = append(slices.Clip(s.Certificates), e.Number)
	case AshesReleased:
		s.Released = e
	}
	return s
}
