// Package cremation decides over papers, holds, identity checks, the furnace,
// the ashes and the certificate of a cremation.
//
// Four aggregates: Tag (one tag, one case, for ever), Cremation (one case),
// Furnace (one set of remains at a time), Certificate (one number, once).
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

	// ErrAshWeight refuses ashes that weigh nothing.
	ErrAshWeight = domain.Reject("ashes_weight", "请填写骨灰重量（克）。", "The weight of the ashes in grams is needed.").Under("I10", "")
	// ErrAshContainers refuses ashes in no container.
	ErrAshContainers = domain.Reject("ashes_containers", "请填写容器数量。", "The number of containers is needed.").Under("I10", "")
	// ErrAshLabel refuses a label that is not this case's.
	ErrAshLabel = domain.Reject("ashes_label", "容器标签与本业务的腕带编号不符，请停下核对。", "The label is not this case's tag number; please stop and check.").Under("I10", basisIdentity)
	// ErrAshSeal refuses a seal of one person alone.
	ErrAshSeal = domain.Reject("ashes_sealed_by_two", "骨灰容器须由两名工作人员共同封签。", "The container is sealed by two different people.").Under("I10", "")
	// ErrAshesCollected refuses to collect the same ashes anew.
	ErrAshesCollected = domain.Reject("ashes_collected", "骨灰已经收齐登记。", "The ashes are already recorded as collected.").Under("I10", "")
	// ErrNoAshes refuses to hand over what is not collected.
	ErrNoAshes = domain.Reject("ashes_not_collected", "骨灰还没有收齐登记。", "The ashes are not recorded as collected.").Under("I11", "")

	// ErrCertificateOther refuses a number that is not registered to the case.
	ErrCertificateOther = domain.Reject("certificate_not_registered", "这个火化证明编号没有登记给这件业务。", "This certificate number is not registered to this case.").Under("I13", "")
	// ErrCertificateIssued refuses a second certificate that replaces nothing.
	ErrCertificateIssued = domain.Reject("certificate_issued", "火化证明已经开具；补开须写明原因，原证明作废。", "The certificate is issued; a reissue gives its reason and voids the former.").Under("I13", basisIdentity)
	// ErrNoCertificate refuses to hand over without the certificate.
	ErrNoCertificate = domain.Reject("certificate_not_shown", "领取骨灰须出示本业务的有效火化证明。", "The valid cremation certificate of the case must be shown.").Under("I11", "")
	// ErrNotCollector refuses to hand the ashes to anybody else.
	ErrNotCollector = domain.Reject("ashes_not_collector", "骨灰只能交给火化确认书上指定的领取人。", "The ashes go only to the person named in the confirmation.").Under("I11", "")
	// ErrCollectorID refuses to hand over without looking at the identity card.
	ErrCollectorID = domain.Reject("ashes_collector_id", "请核对领取人的身份证件和姓名。", "The collector's identity card and name must be compared.").Under("I11", "")
	// ErrReleased refuses to hand over, or to hold, what has been handed over.
	ErrReleased = domain.Reject("ashes_released", "骨灰已经领取。", "The ashes have been handed over.").Under("I11", "")
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

// A Custodian has the ashes: the institution or a person, never both.
type Custodian struct {
	Institution domain.CreditCode
	Person      domain.Subject
}

// Custodian is who has the ashes; zero before the cremation is completed.
func (s CremationState) Custodian() Custodian {
	switch {
	case s.Released.To != "":
		return Custodian{Person: s.Released.To}
	case !s.Completed.IsZero():
		return Custodian{Institution: s.Institution}
	}
	return Custodian{}
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
		e := Received{c.Case, c.Tag, c.Institution, c.CaseCreator}
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case c.Tag == "":
			return nil, ErrTagNeeded
		case c.Institution == "":
			return nil, ErrInstitution
		case c.CaseCreator == "":
			return nil, ErrCaseCreator
		case s.Case != uuid.Nil && e == Received{s.Case, s.Tag, s.Institution, s.CaseCreator}:
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
		case s.Released.To != "":
			return nil, ErrReleased
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
		e := IdentityVerified{c.By, at}
		switch {
		case slices.Contains(s.Verified, e):
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
		}
		return []CremationEvent{e}, nil

	case Start:
		if underway && s.Started.Furnace == c.Furnace {
			return nil, nil
		}
		verifiers, verified := s.verifiers(at)
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
		case c.Furnace == "" || c.FurnaceCase != s.Case:
			return nil, ErrFurnaceNotCharged
		case !c.Licensed:
			return nil, ErrLicence
		}
		return []CremationEvent{Started{s.Institution, c.Furnace, c.By, verifiers, at}}, nil

	case Complete:
		switch {
		case !underway:
			return nil, ErrNotStarted
		case s.Completed.Equal(at) && timed:
			return nil, nil
		case !s.Completed.IsZero():
			return nil, ErrCompleted
		case !timed:
			return nil, ErrTimeNeeded
		case !at.After(s.Started.At):
			return nil, ErrBeforeStart.With(domain.FormatTime(s.Started.At))
		}
		return []CremationEvent{Completed{s.Institution, s.Started.Furnace, at}}, nil

	case CollectAshes:
		e := AshesCollected{c.WeightG, c.Containers, c.Label, c.SealedBy}
		switch {
		case s.Completed.IsZero():
			return nil, ErrNotCompleted
		case s.Ashes == e && e.WeightG > 0:
			return nil, nil
		case s.Ashes.WeightG > 0:
			return nil, ErrAshesCollected
		case c.WeightG <= 0:
			return nil, ErrAshWeight
		case c.Containers < 1:
			return nil, ErrAshContainers
		case c.Label != s.Tag:
			return nil, ErrAshLabel
		case c.SealedBy[0] == "" || c.SealedBy[1] == "" || c.SealedBy[0] == c.SealedBy[1]:
			return nil, ErrAshSeal
		}
		return []CremationEvent{e}, nil

	case IssueCertificate:
		switch {
		case s.Completed.IsZero():
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
		}
		e := CertificateIssued{Number: c.Number, Replaces: s.Certificate}
		if s.Certificate != "" {
			e.Reason = c.Reissue
		}
		return []CremationEvent{e}, nil

	case ReleaseAshes:
		switch open := s.OpenHolds(); {
		case s.Released.To != "" && s.Released.To == c.To:
			return nil, nil
		case s.Released.To != "":
			return nil, ErrReleased
		case s.Ashes.WeightG == 0:
			return nil, ErrNoAshes
		case len(open) > 0:
			return nil, held(open)
		case s.Certificate == "" || c.Certificate != s.Certificate:
			return nil, ErrNoCertificate
		case c.To == "" || c.To != s.Confirmation.Collector:
			return nil, ErrNotCollector
		case !c.IDChecked || c.Name.Or("") == "":
			return nil, ErrCollectorID
		}
		return []CremationEvent{AshesReleased{c.To, c.Name, c.Certificate, c.By}}, nil
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

// verifiers are the two people whose checks lead to a start at this time: the
// latest such pair.
func (s CremationState) verifiers(start time.Time) (who [2]string, ok bool) {
	checks := slices.SortedStableFunc(slices.Values(s.Verified), func(a, b IdentityVerified) int { return a.At.Compare(b.At) })
	for i, b := range slices.Backward(checks) {
		if b.At.After(start) || start.Sub(b.At) > VerifyBeforeStart {
			continue
		}
		for _, a := range slices.Backward(checks[:i]) {
			if a.Verifier != b.Verifier && b.At.Sub(a.At) <= VerifyApart {
				return [2]string{a.Verifier, b.Verifier}, true
			}
		}
	}
	return who, false
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
