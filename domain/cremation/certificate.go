package cremation

import (
	"github.com/google/uuid"

	"shenzhong/domain"
)

// CertificateCategory names the streams of cremation certificates; a stream's
// id is the certificate's number.
const CertificateCategory = "certificate"

// A CertificateEvent is what happens to one certificate number.
type CertificateEvent interface{ certificateEvent() }

type (
	// CertificateRegistered gives the number to one case (I13).
	CertificateRegistered struct {
		Number      string            `json:"number"`
		Case        uuid.UUID         `json:"case"`
		Institution domain.CreditCode `json:"institution"`
	}
	// CertificateCollected hands the paper out (领取).
	CertificateCollected struct {
		To      domain.Subject         `json:"to"`
		Name    domain.Private[string] `json:"name"`
		Receipt domain.Private[string] `json:"receipt"` // the signature
		Giver   string                 `json:"giver"`
	}
	// CertificateFiled puts the counterfoil on file (备查).
	CertificateFiled struct {
		File string `json:"file"`
	}
	// CertificateDeregistered takes a number off the register that has no
	// successor: spoiled, or cancelled on a paper (核销).
	CertificateDeregistered struct {
		Reason string `json:"reason"`
		Paper  string `json:"paper"`
		By     string `json:"by"`
	}
	// CertificateVoided ends the number. It is never given again.
	CertificateVoided struct {
		Reason     string `json:"reason"`
		ReplacedBy string `json:"replaced_by,omitzero"`
	}
)

func (CertificateRegistered) certificateEvent()   {}
func (CertificateCollected) certificateEvent()    {}
func (CertificateFiled) certificateEvent()        {}
func (CertificateDeregistered) certificateEvent() {}
func (CertificateVoided) certificateEvent()       {}

// A CertificateCommand asks something of one certificate number.
type CertificateCommand interface {
	domain.Command
	certificateCommand()
}

type (
	// RegisterCertificate asks for the number for one case.
	RegisterCertificate struct {
		domain.Act
		Number      string
		Case        uuid.UUID
		Institution domain.CreditCode
	}
	// CollectCertificate hands the paper to the person it is for.
	CollectCertificate struct {
		domain.Act
		To      domain.Subject
		Name    domain.Private[string]
		Receipt domain.Private[string]
		// Issued is the fact that the case's own stream has this number as its
		// valid certificate.
		Issued bool
	}
	// FileCertificate puts the counterfoil on file.
	FileCertificate struct {
		domain.Act
		File string // reference of the file
	}
	// DeregisterCertificate takes the number off the register.
	DeregisterCertificate struct {
		domain.Act
		Reason string // never about a person
		Paper  string
		// Valid is the fact that the case's own stream has this number as its valid
		// certificate: such a number is replaced, not struck off.
		Valid bool
	}
	// VoidCertificate ends the number, for instance because it is replaced.
	VoidCertificate struct {
		domain.Act
		Reason     string // never about a person
		ReplacedBy string // the number of the reissue, if there is one
	}
)

func (RegisterCertificate) certificateCommand()   {}
func (CollectCertificate) certificateCommand()    {}
func (FileCertificate) certificateCommand()       {}
func (DeregisterCertificate) certificateCommand() {}
func (VoidCertificate) certificateCommand()       {}

// CertificateState is what a certificate number stands for.
type CertificateState struct {
	Number      string
	Case        uuid.UUID
	Institution domain.CreditCode
	Void        bool                 // voided or deregistered
	Collected   CertificateCollected // zero To: not collected
	File        string               // empty: not on file
}

// A Validity is what anybody may learn of a number.
type Validity string

// The answers of the public check.
const (
	CertificateValid   Validity = "valid"
	CertificateIsVoid  Validity = "void"
	CertificateNotSeen Validity = "unknown"
)

// A PublicCheck is the answer to whoever holds a certificate in the hand: it
// names no person and no case.
type PublicCheck struct {
	Validity    Validity          `json:"validity"`
	Institution domain.CreditCode `json:"institution,omitzero"` // that issued it
}

// Check answers the public check.
func (s CertificateState) Check() PublicCheck {
	switch {
	case s.Case == uuid.Nil:
		return PublicCheck{Validity: CertificateNotSeen}
	case s.Void:
		return PublicCheck{CertificateIsVoid, s.Institution}
	}
	return PublicCheck{CertificateValid, s.Institution}
}

// Holds says that the number is a valid certificate of this case.
func (s CertificateState) Holds(of uuid.UUID) bool {
	return of != uuid.Nil && s.Case == of && !s.Void
}

// Certificate decides over one certificate number.
var Certificate = domain.Decider[CertificateState, CertificateCommand, CertificateEvent]{Decide: decideCertificate, Evolve: evolveCertificate}

var (
	// ErrCertificateNumber refuses a certificate without a number.
	ErrCertificateNumber = domain.Reject("certificate_number_needed", "火化证明须有编号。", "A cremation certificate needs its number.").Under("I13", "")
	// ErrCertificateTaken refuses a number that another case has, or had.
	ErrCertificateTaken = domain.Reject("certificate_number_taken", "这个火化证明编号已经开具给另一件业务，编号只用一次。",
		"This certificate number was given to another case; a number is issued once.").Under("I13", "民办函〔2024〕27号").Race()
	// ErrCertificateVoid refuses a number that was voided.
	ErrCertificateVoid = domain.Reject("certificate_void", "这份火化证明已经作废。", "This cremation certificate is void.").Under("I13", "民办函〔2024〕27号")
	// ErrCertificateUnknown refuses to void what was never registered.
	ErrCertificateUnknown = domain.Reject("certificate_unknown", "没有登记过这个火化证明编号。", "This certificate number is not registered.").Under("I13", "")
	// ErrCertificateReason refuses to void without saying why.
	ErrCertificateReason = domain.Reject("certificate_void_reason", "请写明作废的原因。", "Please say why the certificate is voided.").Under("I13", "")
	// ErrCertificateNotIssued refuses to hand out what the case does not have.
	ErrCertificateNotIssued = domain.Reject("certificate_not_issued", "这个编号不是本业务现行有效的火化证明，不能领取。", "This number is not the case's valid certificate; it cannot be handed out.").Under("I13", "民办函〔2024〕27号")
	// ErrCertificateCollected refuses to hand one paper to two people.
	ErrCertificateCollected = domain.Reject("certificate_collected", "这份火化证明已经领取；遗失的请办理补开。", "This certificate was handed out; if it is lost, it is reissued.").Under("I13", "民办函〔2024〕27号")
	// ErrCertificateReceipt refuses to hand out without a signature.
	ErrCertificateReceipt = domain.Reject("certificate_receipt", "请领取人签收，并核对姓名。", "The person signs for it, and the name is compared.").Under("I13", "民办函〔2024〕27号")
	// ErrCertificateFile refuses to file without saying where.
	ErrCertificateFile = domain.Reject("certificate_file", "请写明存根的档案编号，编号登记后不改。", "The counterfoil's file reference is needed, and does not change.").Under("I13", "民办函〔2024〕27号")
	// ErrCertificateInUse refuses to strike off a valid certificate.
	ErrCertificateInUse = domain.Reject("certificate_in_use", "这是本业务现行有效的火化证明，须补开新证后作废，不能核销。", "This is the case's valid certificate; it is replaced, not struck off.").Under("I13", "民办函〔2024〕27号")
	// ErrInstitution refuses an act without its institution.
	ErrInstitution = domain.Reject("cremation_no_institution", "没有说明是哪一家殡仪馆。", "No institution is named.")
)

func decideCertificate(s CertificateState, cmd CertificateCommand) ([]CertificateEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case RegisterCertificate:
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case c.Number == "":
			return nil, ErrCertificateNumber
		case c.Institution == "":
			return nil, ErrInstitution
		case s.Case != uuid.Nil && s.Case != c.Case:
			return nil, ErrCertificateTaken
		case s.Void:
			return nil, ErrCertificateVoid
		case s.Case == c.Case:
			return nil, nil
		}
		return []CertificateEvent{CertificateRegistered{c.Number, c.Case, c.Institution}}, nil
	case CollectCertificate:
		switch {
		case s.Case == uuid.Nil:
			return nil, ErrCertificateUnknown
		case s.Collected.To != "" && s.Collected.To == c.To:
			return nil, nil
		case s.Collected.To != "":
			return nil, ErrCertificateCollected
		case s.Void:
			return nil, ErrCertificateVoid
		case !c.Issued:
			return nil, ErrCertificateNotIssued
		case c.To == "" || !named(c.Name) || c.Receipt.Or("") == "":
			return nil, ErrCertificateReceipt
		}
		return []CertificateEvent{CertificateCollected{c.To, c.Name, c.Receipt, c.By}}, nil
	case FileCertificate:
		switch {
		case s.Case == uuid.Nil:
			return nil, ErrCertificateUnknown
		case s.File != "" && s.File == c.File:
			return nil, nil
		case c.File == "" || s.File != "":
			return nil, ErrCertificateFile
		}
		return []CertificateEvent{CertificateFiled{c.File}}, nil
	case DeregisterCertificate:
		switch {
		case s.Case == uuid.Nil:
			return nil, ErrCertificateUnknown
		case s.Void:
			return nil, nil
		case c.Valid:
			return nil, ErrCertificateInUse
		case c.Reason == "" || c.Paper == "":
			return nil, ErrCertificateReason
		}
		return []CertificateEvent{CertificateDeregistered{c.Reason, c.Paper, c.By}}, nil
	case VoidCertificate:
		switch {
		case s.Case == uuid.Nil:
			return nil, ErrCertificateUnknown
		case s.Void:
			return nil, nil
		case c.Reason == "":
			return nil, ErrCertificateReason
		}
		return []CertificateEvent{CertificateVoided{c.Reason, c.ReplacedBy}}, nil
	}
	panic("unreachable: CertificateCommand is sealed")
}

func evolveCertificate(s CertificateState, e CertificateEvent) CertificateState {
	switch e := e.(type) {
	case CertificateRegistered:
		s.Number, s.Case, s.Institution = e.Number, e.Case, e.Institution
	case CertificateCollected:
		s.Collected = e
	case CertificateFiled:
		s.File = e.File
	case CertificateVoided, CertificateDeregistered:
		s.Void = true
	}
	return s
}
