// Package cremation decides over remains, papers, holds, identity checks, the
// furnace, the ashes and the certificate of a cremation.
//
// Six aggregates: Tag (one tag, one case, for ever), Custody (the remains of a
// case up to the furnace), ColdStore (one in a bay), Cremation (one case, from
// the papers to the last of the ashes), Furnace (one set of remains at a time),
// Certificate (one number, once).
package cremation

import (
	"cmp"
	"slices"
	"strings"
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
	domain.Named[RemainsCollected]("custody.collected.v1"),
	domain.Named[RemainsArrived]("custody.received.v1"),
	domain.Named[RemainsTagged]("custody.tagged.v1"),
	domain.Named[RemainsMoved]("custody.moved.v1"),
	domain.Named[ConditionRecorded]("custody.condition_recorded.v1"),
	domain.Named[PrecautionsRecorded]("custody.precautions_recorded.v1"),
	domain.Named[BelongingsListed]("custody.belongings_listed.v1"),
	domain.Named[BelongingsSettled]("custody.belongings_settled.v1"),
	domain.Named[Identified]("custody.identified.v1"),
	domain.Named[NotRecognised]("custody.not_recognised.v1"),
	domain.Named[WaiverAsked]("custody.waiver_asked.v1"),
	domain.Named[IdentificationWaived]("custody.identification_waived.v1"),
	domain.Named[VigilBegan]("custody.vigil_began.v1"),
	domain.Named[VigilEnded]("custody.vigil_ended.v1"),
	domain.Named[StorageExtended]("custody.storage_extended.v1"),
	domain.Named[RemainsHandedOver]("custody.handed_over.v1"),
	domain.Named[CustodyEnded]("custody.ended.v1"),
	domain.Named[Stored]("coldstore.placed.v1"),
	domain.Named[Removed]("coldstore.removed.v1"),
	domain.Named[Relocated]("coldstore.relocated.v1"),
	domain.Named[Recounted]("coldstore.recounted.v1"),
	domain.Named[DiscrepancySettled]("coldstore.discrepancy_settled.v1"),
	domain.Named[Received]("cremation.received.v2"),
	domain.Upcast("cremation.received.v1", receivedV1.up),
	domain.Named[DeathCertificateRecorded]("cremation.death_certificate_recorded.v1"),
	domain.Named[ConfirmationSigned]("cremation.confirmation_signed.v1"),
	domain.Named[PolicePaperRecorded]("cremation.police_paper_recorded.v1"),
	domain.Named[HoldPlaced]("cremation.hold_placed.v1"),
	domain.Named[HoldLifted]("cremation.hold_lifted.v1"),
	domain.Named[IdentityVerified]("cremation.identity_verified.v2"),
	domain.Upcast("cremation.identity_verified.v1", identityVerifiedV1.up),
	domain.Named[Started]("cremation.started.v2"),
	domain.Upcast("cremation.started.v1", startedV1.up),
	domain.Named[Completed]("cremation.completed.v1"),
	domain.Named[TelemetryRecorded]("cremation.telemetry_recorded.v1"),
	domain.Named[AnomalyFlagged]("cremation.anomaly_flagged.v1"),
	domain.Named[AnomalyExplained]("cremation.anomaly_explained.v1"),
	domain.Named[Corrected]("cremation.corrected.v1"),
	domain.Named[Clarified]("cremation.clarified.v1"),
	domain.Named[AshesCollected]("cremation.ashes_collected.v1"),
	domain.Named[AshesSplit]("cremation.ashes_split.v1"),
	domain.Named[AshesMoved]("cremation.ashes_moved.v1"),
	domain.Named[AshesDeposited]("cremation.ashes_deposited.v1"),
	domain.Named[DepositExtended]("cremation.deposit_extended.v1"),
	domain.Named[AshesWithdrawn]("cremation.ashes_withdrawn.v1"),
	domain.Upcast("cremation.ashes_notice_published.v1", noticePublishedV1.up),
	domain.Named[NoticePublished]("cremation.ashes_notice_published.v2"),
	domain.Named[NoticeServed]("cremation.ashes_notice_served.v1"),
	domain.Named[ReleaseCodeIssued]("cremation.release_code_issued.v1"),
	domain.Named[ReleaseCodeWrong]("cremation.release_code_wrong.v1"),
	domain.Named[AshesReleased]("cremation.ashes_released.v2"),
	domain.Upcast("cremation.ashes_released.v1", ashesReleasedV1.up),
	domain.Named[RestProposed]("cremation.rest_proposed.v1"),
	domain.Named[LaidToRest]("cremation.laid_to_rest.v1"),
	domain.Named[CertificateIssued]("cremation.certificate_issued.v2"),
	domain.Upcast("cremation.certificate_issued.v1", certificateIssuedV1.up),
	domain.Named[ShiftHandedOver]("shift.handed_over.v1"),
	domain.Named[ShiftTakenOver]("shift.taken_over.v1"),
	domain.Named[FurnaceReported]("telemetry.reported.v1"),
	domain.Named[FurnaceApproached]("furnace.approached.v1"),
	domain.Named[FurnaceLeft]("furnace.left.v1"),
	domain.Named[FurnaceCharged]("furnace.charged.v1"),
	domain.Named[ChamberInspected]("furnace.inspected.v1"),
	domain.Named[FurnaceEmptied]("furnace.emptied.v1"),
	domain.Named[FurnaceChargeAborted]("furnace.charge_aborted.v1"),
	domain.Named[CertificateRegistered]("certificate.registered.v1"),
	domain.Named[CertificateCollected]("certificate.collected.v1"),
	domain.Named[CertificateFiled]("certificate.filed.v1"),
	domain.Named[CertificateDeregistered]("certificate.deregistered.v1"),
	domain.Named[CertificateVoided]("certificate.voided.v1"),
}

// A RuleSet is the version of our rules that a case runs under (I20). It is
// named when the remains are received and stays with the case: a new rule never
// falls on a case that is half done.
type RuleSet string

// The rule sets.
const (
	// PapersOnly is the first: papers, holds, two verifiers, furnace,
	// certificate. Cases received before custody was kept run under it.
	PapersOnly RuleSet = ""
	// FullCustody asks besides: identification by the family or a waiver (I5),
	// remains scanned to the furnace (I2), an operator who is qualified (I19), an
	// applicant who is still authorised (I3), a release against code, ID and both
	// signatures (I11).
	FullCustody RuleSet = "custody.1"
)

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
		CaseCreator string  `json:"case_creator"`
		Rules       RuleSet `json:"rules,omitzero"`
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
		// Scanned says that the tag was read by a scanner, not typed.
		Scanned bool `json:"scanned,omitzero"`
		// LookAlikes is how many others could be taken for this one (I6).
		LookAlikes int `json:"look_alikes,omitzero"`
		// Compared says that the tail of the ID number was compared with the papers.
		Compared bool `json:"id_tail_compared,omitzero"`
	}
	// Started begins the cremation.
	Started struct {
		Institution domain.CreditCode `json:"institution"`
		Furnace     string            `json:"furnace"`
		Operator    string            `json:"operator"`
		Verifiers   [2]string         `json:"verifiers"`
		At          time.Time         `json:"at"`
		// Licence and Qualification are the institution's and the operator's, valid
		// on the day (I19); Rules the version of the rules that let it begin (I20).
		Licence       string  `json:"licence,omitzero"`
		Qualification string  `json:"qualification,omitzero"`
		Rules         RuleSet `json:"rules,omitzero"`
	}
	// Completed ends the cremation.
	Completed struct {
		Institution domain.CreditCode `json:"institution"`
		Furnace     string            `json:"furnace"`
		// At is empty where nobody saw the end; a guess stays with the event's own
		// time, flagged (I8).
		At time.Time `json:"at,omitzero"`
	}
	// CertificateIssued hands out the cremation certificate.
	CertificateIssued struct {
		Number string `json:"number"`
		// Replaces is the former number that this one voids.
		Replaces string `json:"replaces,omitzero"`
		Reason   string `json:"reason,omitzero"`
		Form     string `json:"form,omitzero"` // version of the form (I20)
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
func (CertificateIssued) cremationEvent()        {}

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
		Rules       RuleSet
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
		// Scanned says that a scanner read the tag.
		Scanned bool
		// LookAlikes is the fact which cases could be taken for this one (I6).
		LookAlikes []uuid.UUID
		// IDTail is what Act.By read at the remains; IDTailOf the fact what the case
		// says: the last four of the ID number, or of the death certificate's number
		// where there is none.
		IDTail, IDTailOf string
	}
	// Start begins the cremation. Act.By operates the furnace.
	Start struct {
		domain.Act
		Furnace string
		// FurnaceCase is the fact which case the furnace's own stream is charged
		// with.
		FurnaceCase uuid.UUID
		// Licensed is the fact that the institution's licence is valid on the day,
		// Licence its number.
		Licensed bool
		Licence  string
		// What FullCustody asks besides.
		Custody       Standing       // fact: how the custody stands
		Authorised    domain.Subject // fact: who may act for the deceased on the day
		Qualification string         // fact: the operator's, valid on the day; empty: none
		LookAlikes    []uuid.UUID    // fact: as for VerifyIdentity
		// VerifyWithin is a shorter limit for the two checks than ten minutes; zero:
		// ten minutes.
		VerifyWithin time.Duration
	}
	// Complete ends the cremation. Act.At stays empty when nobody saw the end.
	Complete struct {
		domain.Act
		// MinMinutes is the parameter below which a cremation is implausibly short
		// (I9); zero: not judged.
		MinMinutes int
	}
	// IssueCertificate hands out the certificate.
	IssueCertificate struct {
		domain.Act
		Number     string
		Registered uuid.UUID // fact: the case that the number's own stream holds validly
		// Reissue replaces the former certificate, for this reason.
		Reissue string
		Form    string // version of the certificate's form
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
func (IssueCertificate) cremationCommand()       {}

// CremationState is how far the cremation of a case has come.
type CremationState struct {
	Case        uuid.UUID // uuid.Nil before the remains are received
	Tag         string
	Institution domain.CreditCode
	CaseCreator string
	Rules       RuleSet

	Death        DeathCertificateRecorded // zero Form: not recorded
	Confirmation ConfirmationSigned       // zero Applicant: not signed
	Police       PolicePaperRecorded      // zero Issuer: not recorded
	Holds        []HoldPlaced             // every hold, open or lifted
	Lifted       []uuid.UUID              // the holds that are lifted
	Verified     []IdentityVerified       // since the death certificate last changed

	Started   Started           // zero At: not started
	Done      bool              // the cremation ended
	Completed time.Time         // zero: not ended, or nobody knows when
	Telemetry TelemetryRecorded // zero Device: none
	Anomalies []Anomaly
	Ashes     AshesCollected // zero WeightG: not collected
	Shares    []Share        // of the ashes, every one there ever was

	Certificate  string   // the valid one; empty: none yet
	Certificates []string // every number ever issued
	// Released is the last handing over, once no share is left in custody.
	Released AshesReleased

	Corrections    []Corrected
	Clarifications []uuid.UUID
}

// Cremation decides over the cremation of one case.
var Cremation = domain.Decider[CremationState, CremationCommand, CremationEvent]{Decide: decideCremation, Evolve: evolveCremation}

// The two checks of identity (I4): at most this far apart, the later at most
// that long before the start. Both are proposals of ours ([P]); "two people" is
// ours as well, the check itself is 民办函〔2024〕27号's.
const (
	VerifyApart       = 10 * time.Minute
	VerifyBeforeStart = 10 * time.Minute
)

const (
	basisCremation = "殡葬管理条例（2026）：殡仪馆应当凭死亡证明和火化确认书火化遗体"
	basisIdentity  = "民办函〔2024〕27号"
	basisForm2026  = "国卫规划发〔2026〕5号"
)

var (
	// ErrNotReceived refuses an act before the remains are in care.
	ErrNotReceived = domain.Reject("cremation_not_received", "遗体还没有办理接收登记。", "The remains are not received yet.")
	// ErrReceived refuses to receive one case twice with different words.
	ErrReceived = domain.Reject("cremation_received", "这件业务已经办理接收登记。", "This case is already received.")
	// ErrCaseCreator refuses to go on without knowing whom I4 excludes.
	ErrCaseCreator = domain.Reject("cremation_case_creator_needed", "没有说明是谁建立的业务。", "It is not said who opened the case.").Under("I4", "")
	// ErrTagNotIssued refuses a tag that is not this case's.
	ErrTagNotIssued = domain.Reject("tag_not_issued", "这个腕带编号没有发给这件业务。", "This tag was not issued to this case.").Under("I1", "")
	// ErrTagFixed refuses a second tag for one case.
	ErrTagFixed = domain.Reject("tag_fixed", "这件业务已有腕带，终身不换。", "This case has its tag, and keeps it for life.").Under("I1", "")
	// ErrUnderway refuses to change papers once the cremation has begun.
	ErrUnderway = domain.Reject("cremation_underway", "火化已经开始，此项不能再更改。", "The cremation has begun; this cannot be changed any more.").Under("I12", "")
	// ErrTimeNeeded refuses an act whose rule depends on a time that is not known.
	ErrTimeNeeded = domain.Reject("cremation_time_needed", "请写明确切时间，不能是估计的。", "Please give the exact time, not an estimate.").Under("I8", "")
	// ErrDay refuses a day that does not exist, has not come, or is out of order.
	ErrDay = domain.Reject("cremation_day_invalid", "日期“%s”不对：不存在、还没有到，或先后颠倒。", "The day %q does not exist, has not come yet, or is out of order.").Under("I8", "")

	// ErrDeathForm refuses a paper of the wrong generation.
	ErrDeathForm = domain.Reject("death_certificate_form", "2026 年 6 月 30 日前签发的是《居民死亡医学证明（推断）书》，7 月 1 日起签发的是《居民死亡医学证明》，请核对签发日期。",
		"The form changed on 1 July 2026; please compare the form with the date of issue.").Under("I3", basisForm2026)
	// ErrDeathNumber refuses a certificate without a number.
	ErrDeathNumber = domain.Reject("death_certificate_number", "请填写死亡证明编号。", "The death certificate's number is needed.").Under("I3", "")
	// ErrDeathSerial refuses an issuer's serial number that is not well formed.
	ErrDeathSerial = domain.Reject("death_certificate_serial", "无证件号码的，编号为签发机构统一社会信用代码加四位流水号，请照证明再看一遍。",
		"Without an ID number, the number is the issuer's credit code and four digits; please compare it with the paper.").Under("I3", basisForm2026)
	// ErrIssuer refuses a paper that nobody issued.
	ErrIssuer = domain.Reject("cremation_issuer_needed", "请填写签发单位。", "The paper's issuer is needed.").Under("I3", "")
	// ErrCause refuses a certificate without its class of cause.
	ErrCause = domain.Reject("death_certificate_cause", "请选择死亡类别：正常、非正常或不明。", "Please choose the class of the cause: natural, unnatural or unknown.").Under("I3", "")

	// ErrNotApplicant refuses a confirmation signed by somebody else.
	ErrNotApplicant = domain.Reject("confirmation_not_applicant", "火化确认书须由本业务的承办人签署。", "The cremation confirmation is signed by the handler of the case.").Under("I3", basisCremation)
	// ErrConfirmationForm refuses a confirmation that does not say on which form.
	ErrConfirmationForm = domain.Reject("confirmation_form_needed", "没有注明火化确认书的版本。", "The version of the confirmation form is not given.").Under("I20", "")
	// ErrPolicePaper refuses a police paper without its number.
	ErrPolicePaper = domain.Reject("police_paper_number", "请填写公安机关证明的编号。", "The police paper's number is needed.").Under("I3", "")

	// ErrHoldNeeded refuses a hold that does not say what it is.
	ErrHoldNeeded = domain.Reject("hold_incomplete", "请写明暂停的类别和提出单位。", "The kind of hold and the authority behind it are needed.").Under("I3", "")
	// ErrHoldExists refuses another hold under the same reference.
	ErrHoldExists = domain.Reject("hold_exists", "这个暂停编号已经使用。", "This hold reference is used.").Under("I3", "")
	// ErrHoldUnknown refuses to lift what was never placed.
	ErrHoldUnknown = domain.Reject("hold_unknown", "没有这项暂停。", "There is no such hold.").Under("I3", "")
	// ErrHoldAuthority refuses to lift somebody else's hold.
	ErrHoldAuthority = domain.Reject("hold_authority", "这项暂停由%s提出，须由其解除，或凭其出具的文书解除。", "This hold was placed by %s; only they, or their paper, can lift it.").Under("I3", "")
	// ErrHeld refuses to go on while a hold is open.
	ErrHeld = domain.Reject("cremation_on_hold", "本业务处于暂停中（%[1]s），解除后再办理。", "The case is on hold (%[2]s); this waits until the hold is lifted.").Under("I3", "")

	// ErrTagOther refuses a check against the wrong tag.
	ErrTagOther = domain.Reject("tag_other", "扫描的腕带与本业务不符，请停下核对。", "The scanned tag is not this case's; please stop and check.").Under("I4", basisIdentity)
	// ErrVerifierCreator refuses a check by the one who opened the case.
	ErrVerifierCreator = domain.Reject("verifier_is_creator", "建立业务的人不能核对身份，请由另外两名工作人员核对。", "Who opened the case cannot verify the identity; two other people do.").Under("I4", basisIdentity)
	// ErrNotVerified refuses to start without the two checks.
	ErrNotVerified = domain.Reject("identity_not_verified", "入炉前须由两名工作人员分别核对身份，前后相隔不超过 10 分钟，并在 10 分钟内开始。",
		"Two people verify the identity, at most 10 minutes apart, and the cremation starts within 10 minutes.").Under("I4", basisIdentity)

	// ErrNoDeathCertificate refuses to go on without the death certificate.
	ErrNoDeathCertificate = domain.Reject("no_death_certificate", "还没有登记死亡证明，不能火化。", "No death certificate is recorded.").Under("I3", basisCremation)
	// ErrDeathUnverified refuses to start on a certificate that nobody compared.
	ErrDeathUnverified = domain.Reject("death_certificate_unverified", "死亡证明还没有核验原件或电子证照，不能火化。", "The death certificate has not been compared with its original or e-licence.").Under("I3", basisCremation)
	// ErrNoConfirmation refuses to start without the signed confirmation.
	ErrNoConfirmation = domain.Reject("no_confirmation", "还没有签署火化确认书，不能火化。", "The cremation confirmation is not signed.").Under("I3", basisCremation)
	// ErrNoPolicePaper refuses to start after an unnatural or unknown death.
	ErrNoPolicePaper = domain.Reject("no_police_paper", "非正常死亡或死因不明的，须有公安机关证明方可火化。", "An unnatural death, or one of unknown cause, needs the police paper.").Under("I3", "")
	// ErrFurnaceNotCharged refuses to start a furnace that holds another case.
	ErrFurnaceNotCharged = domain.Reject("furnace_not_charged", "这台火化机里不是这位逝者，不能开始。", "The furnace is not charged with this case.").Under("I7", "")
	// ErrLicence refuses to start at an institution without a valid licence.
	ErrLicence = domain.Reject("licence_invalid", "殡仪馆的许可当日无效，不能火化。", "The institution's licence is not valid on this day.").Under("I19", "")

	// ErrNotStarted refuses to end what has not begun.
	ErrNotStarted = domain.Reject("cremation_not_started", "火化还没有开始。", "The cremation has not begun.")
	// ErrBeforeStart refuses an end before the beginning.
	ErrBeforeStart = domain.Reject("cremation_ends_before_start", "结束时间须晚于开始时间 %s。", "The end must come after the start at %s.").Under("I8", "")
	// ErrCompleted refuses another end.
	ErrCompleted = domain.Reject("cremation_completed", "火化已经登记完成。", "The cremation is already recorded as completed.").Under("I12", "")
	// ErrNotCompleted refuses what follows the cremation before it is done.
	ErrNotCompleted = domain.Reject("cremation_not_completed", "火化还没有完成。", "The cremation is not completed.")

	// ErrCertificateOther refuses a number that is not registered to the case.
	ErrCertificateOther = domain.Reject("certificate_not_registered", "这个火化证明编号没有登记给这件业务。", "This certificate number is not registered to this case.").Under("I13", "")
	// ErrCertificateIssued refuses a second certificate that replaces nothing.
	ErrCertificateIssued = domain.Reject("certificate_issued", "火化证明已经开具；补开须写明原因，原证明作废。", "The certificate is issued; a reissue gives its reason and voids the former.").Under("I13", basisIdentity)
	// ErrRules refuses a reception under rules that there are not.
	ErrRules = domain.Reject("cremation_rules_unknown", "没有这一版办理规则：%s。", "There is no such version of the rules: %s.").Under("I20", "")
	// ErrHoldOver refuses a hold that can hold nothing any more.
	ErrHoldOver = domain.Reject("hold_too_late", "火化已经完成，传染病防控的暂停不再适用。", "The cremation is done; a hold of infection control has nothing to hold.").Under("I3", "")
	// ErrNoCustody refuses to start without the custody of the remains.
	ErrNoCustody = domain.Reject("cremation_no_custody", "没有这位逝者的遗体保管记录，或腕带不符。", "There is no custody of these remains, or the tag differs.").Under("I2", "")
	// ErrNotAtFurnace refuses to start elsewhere than where the remains are.
	ErrNotAtFurnace = domain.Reject("remains_not_at_furnace", "按扫描记录，遗体不在这台火化机。", "By the scans, the remains are not at this furnace.").Under("I2", "")
	// ErrBeforeFurnace refuses a start from before the remains came to the furnace.
	ErrBeforeFurnace = domain.Reject("started_before_furnace", "按扫描记录，遗体 %s 才到这台火化机，开始时间不能更早。", "By the scans, the remains came to this furnace at %s; the start cannot be earlier.").Under("I8", "")
	// ErrAuthority refuses to start for an applicant who may not act any more.
	ErrAuthority = domain.Reject("applicant_not_authorised", "签署火化确认书的人目前无权办理，请核对授权或重新签署。", "Who signed the confirmation may not act for the deceased now; check the authority or sign anew.").Under("I3", basisCremation)
	// ErrQualification refuses an operator who is not qualified on the day.
	ErrQualification = domain.Reject("operator_not_qualified", "火化机操作人的上岗资格当日无效。", "The operator's qualification is not valid on this day.").Under("I19", "")
	// ErrLookAlike refuses a check too light for somebody who can be mistaken.
	ErrLookAlike = domain.Reject("look_alike", "有 %d 位相近的逝者：第二次核验须扫描腕带，并读出证件号码后四位与资料一致。",
		"%d others could be taken for this one: the second check scans the tag and compares the last four of the ID number.").Under("I6", basisIdentity)
	// ErrCertificateForm refuses a certificate that does not say on which form.
	ErrCertificateForm = domain.Reject("certificate_form_needed", "没有注明火化证明的版本。", "The version of the certificate's form is not given.").Under("I20", "")
)

// holdNames is how a hold's kind reads, in Chinese and English.
var holdNames = map[HoldKind][2]string{
	HoldPolice:           {"公安机关", "police"},
	HoldCourt:            {"法院", "court"},
	HoldDispute:          {"家属争议", "dispute"},
	HoldInfectionControl: {"传染病防控", "infection control"},
	HoldIdentity:         {"身份待查", "identity"},
}

// OpenHolds are the holds that stop the case.
func (s CremationState) OpenHolds() []HoldPlaced {
	var open []HoldPlaced
	for _, h := range s.Holds {
		if !slices.Contains(s.Lifted, h.Hold) {
			open = append(open, h)
		}
	}
	return open
}

// HasOpen says that a hold of this kind is open: the fact InfectionHold of
// custody commands.
func (s CremationState) HasOpen(k HoldKind) bool {
	return slices.ContainsFunc(s.OpenHolds(), func(h HoldPlaced) bool { return h.Kind == k })
}

func decideCremation(s CremationState, cmd CremationCommand) ([]CremationEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if _, ok := cmd.(Receive); !ok && s.Case == uuid.Nil {
		return nil, ErrNotReceived
	}
	today := domain.DateOf(act.Now)
	at := act.At.UTC().Round(0) // what the log keeps: no monotonic clock
	timed := !act.At.IsZero() && !act.Estimated
	underway := !s.Started.At.IsZero()

	switch c := cmd.(type) {
	case Receive:
		e := Received{c.Case, c.Tag, c.Institution, c.CaseCreator, c.Rules}
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case c.Tag == "":
			return nil, ErrTagNeeded
		case c.Institution == "":
			return nil, ErrInstitution
		case c.CaseCreator == "":
			return nil, ErrCaseCreator
		case c.Rules != PapersOnly && c.Rules != FullCustody:
			return nil, ErrRules.With(c.Rules)
		case s.Case != uuid.Nil && e == Received{s.Case, s.Tag, s.Institution, s.CaseCreator, s.Rules}:
			return nil, nil
		case s.Case == c.Case && s.Tag != c.Tag:
			return nil, ErrTagFixed
		case s.Case != uuid.Nil:
			return nil, ErrReceived
		case c.TagCase != c.Case:
			return nil, ErrTagNotIssued
		}
		return []CremationEvent{e}, nil

	case RecordDeathCertificate:
		if c.Form == "" {
			c.Form = FormOn(c.IssuedOn)
		}
		e := DeathCertificateRecorded{Form: c.Form, Number: c.Number, Issuer: c.Issuer, IssuedOn: c.IssuedOn, DeathDate: c.DeathDate, CauseClass: c.CauseClass}
		if c.Checked {
			e.Verified, e.Checker = true, c.By
		}
		switch number := c.Number.Or(""); {
		case s.Death == e:
			return nil, nil
		case underway:
			return nil, ErrUnderway
		case number == "":
			return nil, ErrDeathNumber
		case c.Issuer == "":
			return nil, ErrIssuer
		case !c.IssuedOn.Valid() || c.IssuedOn > today:
			return nil, ErrDay.With(c.IssuedOn)
		case c.DeathDate != "" && (!c.DeathDate.Valid() || c.DeathDate > c.IssuedOn):
			return nil, ErrDay.With(c.DeathDate)
		case c.Form != FormOn(c.IssuedOn):
			return nil, ErrDeathForm
		case !slices.Contains([]CauseClass{Natural, Unnatural, Unknown}, c.CauseClass.Or("")):
			return nil, ErrCause
		case c.Form == Form2026:
			if err := checkNumber2026(number); err != nil {
				return nil, err
			}
		}
		return []CremationEvent{e}, nil

	case SignConfirmation:
		e := ConfirmationSigned{c.Applicant, cmp.Or(c.Collector, c.Applicant), c.Form}
		switch {
		case s.Confirmation == e && c.Applicant != "":
			return nil, nil
		case underway:
			return nil, ErrUnderway
		case c.Applicant == "" || c.Applicant != c.Authorised:
			return nil, ErrNotApplicant
		case c.Form == "":
			return nil, ErrConfirmationForm
		}
		return []CremationEvent{e}, nil

	case RecordPolicePaper:
		e := PolicePaperRecorded{c.Number, c.Issuer, c.IssuedOn}
		switch {
		case s.Police == e && c.Issuer != "":
			return nil, nil
		case underway:
			return nil, ErrUnderway
		case c.Number.Or("") == "":
			return nil, ErrPolicePaper
		case c.Issuer == "":
			return nil, ErrIssuer
		case !c.IssuedOn.Valid() || c.IssuedOn > today:
			return nil, ErrDay.With(c.IssuedOn)
		}
		return []CremationEvent{e}, nil

	case PlaceHold:
		e := HoldPlaced{c.Hold, c.Kind, c.Authority, c.Paper}
		_, known := holdNames[c.Kind]
		switch {
		case c.Hold == uuid.Nil || !known || c.Authority == "":
			return nil, ErrHoldNeeded
		case slices.Contains(s.Holds, e):
			return nil, nil
		case s.hold(c.Hold) >= 0:
			return nil, ErrHoldExists
		case s.gone():
			return nil, ErrReleased
		case s.Done && c.Kind == HoldInfectionControl: // ashes carry no infection
			return nil, ErrHoldOver
		}
		return []CremationEvent{e}, nil

	case LiftHold:
		i := s.hold(c.Hold)
		if i < 0 {
			return nil, ErrHoldUnknown
		}
		h := s.Holds[i]
		switch {
		case slices.Contains(s.Lifted, c.Hold):
			return nil, nil
		case c.Authority != h.Authority && (c.Paper == "" || c.PaperOf != h.Authority):
			return nil, ErrHoldAuthority.With(h.Authority)
		}
		return []CremationEvent{HoldLifted{c.Hold, h.Kind, h.Authority, c.Paper}}, nil

	case VerifyIdentity:
		e := IdentityVerified{c.By, at, c.Scanned, len(c.LookAlikes), sameTail(c.IDTail, c.IDTailOf)}
		second := slices.ContainsFunc(s.Verified, func(v IdentityVerified) bool { return v.Verifier != c.By })
		switch {
		case slices.ContainsFunc(s.Verified, func(v IdentityVerified) bool { return v.Verifier == c.By && v.At.Equal(at) }):
			return nil, nil
		case underway:
			return nil, ErrUnderway
		case s.Death.Form == "":
			return nil, ErrNoDeathCertificate
		case c.Tag != s.Tag:
			return nil, ErrTagOther
		case c.By == s.CaseCreator:
			return nil, ErrVerifierCreator
		case !timed:
			return nil, ErrTimeNeeded
		case second && len(c.LookAlikes) > 0 && !e.close():
			return nil, ErrLookAlike.With(len(c.LookAlikes))
		}
		return []CremationEvent{e}, nil

	case Start:
		if underway && s.Started.Furnace == c.Furnace {
			return nil, nil
		}
		within := VerifyApart
		if c.VerifyWithin > 0 {
			within = min(within, c.VerifyWithin)
		}
		verifiers, verified := s.verifiers(at, within, false)
		_, close := s.verifiers(at, within, true)
		full := s.Rules == FullCustody
		open := s.OpenHolds()
		switch {
		case underway:
			return nil, ErrUnderway
		case !timed:
			return nil, ErrTimeNeeded
		case s.Death.Form == "":
			return nil, ErrNoDeathCertificate
		case !s.Death.Verified:
			return nil, ErrDeathUnverified
		case s.Confirmation.Applicant == "":
			return nil, ErrNoConfirmation
		case s.Death.CauseClass.Or(Unknown) != Natural && s.Police.Issuer == "":
			return nil, ErrNoPolicePaper
		case len(open) > 0:
			return nil, held(open)
		case !verified:
			return nil, ErrNotVerified
		case len(c.LookAlikes) > 0 && !close:
			return nil, ErrLookAlike.With(len(c.LookAlikes))
		case c.Furnace == "" || c.FurnaceCase != s.Case:
			return nil, ErrFurnaceNotCharged
		case !c.Licensed:
			return nil, ErrLicence
		case full && c.Qualification == "":
			return nil, ErrQualification
		case full && c.Authorised != s.Confirmation.Applicant:
			return nil, ErrAuthority
		case full && (c.Custody.Case != s.Case || c.Custody.Tag != s.Tag):
			return nil, ErrNoCustody
		case full && !c.Custody.Identified:
			return nil, ErrNotIdentified
		case full && c.Custody.Place != Place{AtFurnace, c.Furnace}:
			return nil, ErrNotAtFurnace
		case full && at.Before(c.Custody.Since.Truncate(time.Minute)): // a form tells minutes
			return nil, ErrBeforeFurnace.With(domain.FormatTime(c.Custody.Since))
		}
		if len(c.LookAlikes) > 0 { // the pair that looked closely is the one that counts
			verifiers, _ = s.verifiers(at, within, true)
		}
		return []CremationEvent{Started{s.Institution, c.Furnace, c.By, verifiers, at, c.Licence, c.Qualification, s.Rules}}, nil

	case Complete:
		if !timed {
			at = time.Time{}
		}
		switch {
		case !underway:
			return nil, ErrNotStarted
		case s.Done && s.Completed.Equal(at):
			return nil, nil
		case s.Done:
			return nil, ErrCompleted
		case timed && !at.After(s.Started.At):
			return nil, ErrBeforeStart.With(domain.FormatTime(s.Started.At))
		}
		return s.andAnomalies(c.MinMinutes, Completed{s.Institution, s.Started.Furnace, at}), nil

	case IssueCertificate:
		switch {
		case !s.Done:
			return nil, ErrNotCompleted
		case c.Number == "":
			return nil, ErrCertificateNumber
		case s.Certificate == c.Number:
			return nil, nil
		case slices.Contains(s.Certificates, c.Number):
			return nil, ErrCertificateVoid
		case c.Registered != s.Case:
			return nil, ErrCertificateOther
		case s.Certificate != "" && c.Reissue == "":
			return nil, ErrCertificateIssued
		case c.Form == "" && s.Rules == FullCustody:
			return nil, ErrCertificateForm
		}
		e := CertificateIssued{Number: c.Number, Replaces: s.Certificate, Form: c.Form}
		if s.Certificate != "" {
			e.Reason = c.Reissue
		}
		return []CremationEvent{e}, nil

	case AshesCommand:
		return s.ashes(c, at)
	case RecordTelemetry:
		return s.recordTelemetry(c)
	case ExplainAnomaly:
		return s.explainAnomaly(c)
	case Correct:
		return s.correct(c)
	case Clarify:
		return s.clarify(c)
	}
	panic("unreachable: CremationCommand is sealed")
}

// checkNumber2026 holds the numbers of the new form: the citizen's ID number,
// else a passport or permit number, else the issuer's credit code and a yearly
// serial of four digits.
func checkNumber2026(number string) error {
	switch len(number) {
	case 18:
		_, err := domain.ParseCitizenID(number)
		return err
	case 22:
		if _, err := domain.ParseCreditCode(number[:18]); err != nil {
			return ErrDeathSerial
		}
		for _, c := range number[18:] {
			if c < '0' || c > '9' {
				return ErrDeathSerial
			}
		}
	}
	return nil
}

func (s CremationState) hold(id uuid.UUID) int {
	return slices.IndexFunc(s.Holds, func(h HoldPlaced) bool { return h.Hold == id })
}

func held(open []HoldPlaced) error {
	var zh, en []string
	for _, h := range open {
		zh, en = append(zh, holdNames[h.Kind][0]), append(en, holdNames[h.Kind][1])
	}
	return ErrHeld.With(strings.Join(zh, "、"), strings.Join(en, ", "))
}

// sameTail says that the last four characters, at least, of a number were read
// and are those of the papers.
func sameTail(read, papers string) bool {
	return len(papers) >= 4 && strings.EqualFold(read, papers)
}

// close says that the check was made as look-alikes ask for it (I6).
func (v IdentityVerified) close() bool { return v.Scanned && v.Compared }

// verifiers are the two people whose checks lead to a start at this time: the
// latest such pair, or the latest of which one looked as closely as look-alikes
// ask for.
func (s CremationState) verifiers(start time.Time, within time.Duration, closely bool) (who [2]string, ok bool) {
	checks := slices.SortedStableFunc(slices.Values(s.Verified), func(a, b IdentityVerified) int { return a.At.Compare(b.At) })
	for i, b := range slices.Backward(checks) {
		if b.At.After(start) || start.Sub(b.At) > min(within, VerifyBeforeStart) {
			continue
		}
		for _, a := range slices.Backward(checks[:i]) {
			if a.Verifier != b.Verifier && b.At.Sub(a.At) <= within && (!closely || a.close() || b.close()) {
				return [2]string{a.Verifier, b.Verifier}, true
			}
		}
	}
	return who, false
}

func evolveCremation(s CremationState, e CremationEvent) CremationState {
	switch e := e.(type) {
	case Received:
		s.Case, s.Tag, s.Institution, s.CaseCreator, s.Rules = e.Case, e.Tag, e.Institution, e.CaseCreator, e.Rules
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
		s.Done, s.Completed = true, e.At
	case TelemetryRecorded:
		s.Telemetry = e
	case AnomalyFlagged:
		s.Anomalies = append(slices.Clip(s.Anomalies), Anomaly{AnomalyFlagged: e})
	case AnomalyExplained:
		s.Anomalies = slices.Clone(s.Anomalies)
		for i, a := range s.Anomalies {
			if a.Kind == e.Kind {
				s.Anomalies[i].Explained = e
			}
		}
	case Corrected:
		s.Corrections = append(slices.Clip(s.Corrections), e)
		s = s.corrected(e)
	case Clarified:
		s.Clarifications = append(slices.Clip(s.Clarifications), e.Clarification)
	case CertificateIssued:
		s.Certificate = e.Number
		s.Certificates = append(slices.Clip(s.Certificates), e.Number)
	case AshesEvent:
		s = s.evolveAshes(e)
	}
	return s
}
