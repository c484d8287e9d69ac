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
	// CertificateVoided ends the number. It is never given again.
	CertificateVoided struct {
		Reason     string `json:"reason"`
		ReplacedBy string `json:"replaced_by,omitzero"`
	}
)

func (CertificateRegistered) certificateEvent() {}
func (CertificateVoided) certificateEvent()     {}

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
	// VoidCertificate ends the number, for instance because it is replaced.
	VoidCertificate struct {
		domain.Act
		Reason     string // never about a person
		ReplacedBy string // the number of the reissue, if there is one
	}
)

func (RegisterCertificate) certificateCommand() {}
func (VoidCertificate) certificateCommand()     {}

// CertificateState is what a certificate number stands for.
type CertificateState struct {
	Number      string
	Case        uuid.UUID
	Institution domain.CreditCode
	Void        bool
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
	case CertificateVoided:
		s.Void = true
	}
	return s
}
