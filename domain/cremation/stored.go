package cremation

import (
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// Earlier forms of events, as they lie on logs. They are read for ever and
// never written again.

type receivedV1 struct {
	Case        uuid.UUID         `json:"case"`
	Tag         string            `json:"tag"`
	Institution domain.CreditCode `json:"institution"`
	CaseCreator string            `json:"case_creator"`
}

func (o receivedV1) up() Received {
	return Received{Case: o.Case, Tag: o.Tag, Institution: o.Institution, CaseCreator: o.CaseCreator}
}

type identityVerifiedV1 struct {
	Verifier string    `json:"verifier"`
	At       time.Time `json:"at"`
}

func (o identityVerifiedV1) up() IdentityVerified {
	return IdentityVerified{Verifier: o.Verifier, At: o.At}
}

type startedV1 struct {
	Institution domain.CreditCode `json:"institution"`
	Furnace     string            `json:"furnace"`
	Operator    string            `json:"operator"`
	Verifiers   [2]string         `json:"verifiers"`
	At          time.Time         `json:"at"`
}

func (o startedV1) up() Started {
	return Started{Institution: o.Institution, Furnace: o.Furnace, Operator: o.Operator, Verifiers: o.Verifiers, At: o.At}
}

type certificateIssuedV1 struct {
	Number   string `json:"number"`
	Replaces string `json:"replaces,omitzero"`
	Reason   string `json:"reason,omitzero"`
}

func (o certificateIssuedV1) up() CertificateIssued {
	return CertificateIssued{Number: o.Number, Replaces: o.Replaces, Reason: o.Reason}
}

type noticePublishedV1 struct {
	Share       int         `json:"share"`
	Document    string      `json:"document"`
	PublishedOn domain.Date `json:"published_on"`
}

func (o noticePublishedV1) up() NoticePublished {
	return NoticePublished{Share: o.Share, Document: o.Document, PublishedOn: o.PublishedOn}
}

type ashesReleasedV1 struct {
	To          domain.Subject         `json:"to"`
	Name        domain.Private[string] `json:"name"`
	Certificate string                 `json:"certificate"`
	Giver       string                 `json:"giver"`
}

func (o ashesReleasedV1) up() AshesReleased {
	return AshesReleased{Share: wholeShare, To: o.To, Name: o.Name, Certificate: o.Certificate, Giver: o.Giver}
}
