package ecoburial

import (
	"github.com/google/uuid"

	"shenzhong/domain"
)

// IncentiveCategory names the streams of incentives; a stream's id is the
// reference of the person who was buried. One stream for the whole city is what
// makes a second payment impossible (I18).
const IncentiveCategory = "incentive"

// An IncentiveEvent is what happens about one person's incentive.
type IncentiveEvent interface{ incentiveEvent() }

type (
	// IncentiveApplied is the family's request and where the money shall go.
	IncentiveApplied struct {
		Burial    uuid.UUID              `json:"burial"`
		Applicant domain.Subject         `json:"applicant"`
		Account   domain.Private[string] `json:"account"`
	}
	// IncentiveComputed is what the rules come to, and why.
	IncentiveComputed struct {
		Burial uuid.UUID   `json:"burial"`
		Type   string      `json:"type"`
		On     domain.Date `json:"on,omitzero"` // day of the burial
		Computation
	}
	// IncentiveGranted is the one grant for a person. What was granted before
	// rules had versions carries neither Version nor By.
	IncentiveGranted struct {
		Rule      string       `json:"rule"` // id of the subsidy rules, "DL-SEA-2025"
		Burial    uuid.UUID    `json:"burial"`
		AmountFen domain.Money `json:"amount_fen"`
		Version   string       `json:"version,omitzero"`
		By        string       `json:"by,omitzero"` // account
	}
	// IncentivePaid is the one payment.
	IncentivePaid struct {
		Payment   string       `json:"payment"` // number of the bank's or treasury's paper
		AmountFen domain.Money `json:"amount_fen"`
		By        string       `json:"by"`
	}
)

// grantedV1 is a grant as it was stored before rules had versions.
type grantedV1 struct {
	Rule      string       `json:"rule"`
	Burial    uuid.UUID    `json:"burial"`
	AmountFen domain.Money `json:"amount_fen"`
}

func (IncentiveApplied) incentiveEvent()  {}
func (IncentiveComputed) incentiveEvent() {}
func (IncentiveGranted) incentiveEvent()  {}
func (IncentivePaid) incentiveEvent()     {}

// An IncentiveCommand asks something about one person's incentive.
type IncentiveCommand interface {
	domain.Command
	incentiveCommand()
}

type (
	// ApplyIncentive asks for the incentive of one burial. Applies is the fact
	// that the applicant is the one who applied for the burial.
	ApplyIncentive struct {
		domain.Act
		Burial    uuid.UUID
		Applicant domain.Subject
		Applies   bool
		Account   domain.Private[string] // sealed for the applicant
	}
	// ComputeIncentive applies the rules to the burial.
	ComputeIncentive struct {
		domain.Act
		Burial uuid.UUID
		// Completed is the fact that the burial's own stream is completed for
		// this very person; Type, On, Hukou and Rules are facts too.
		Completed bool
		Type      Type
		On        domain.Date
		Hukou     domain.Division
		Rules     []IncentiveRule
	}
	// GrantIncentive grants what was computed.
	GrantIncentive struct {
		domain.Act
		Burial uuid.UUID
	}
	// PayIncentive records the payment of what was granted.
	PayIncentive struct {
		domain.Act
		Burial  uuid.UUID
		Payment string
		// Amount is what the paper says.
		Amount domain.Money
	}
)

func (ApplyIncentive) incentiveCommand()   {}
func (ComputeIncentive) incentiveCommand() {}
func (GrantIncentive) incentiveCommand()   {}
func (PayIncentive) incentiveCommand()     {}

// IncentiveState is how far one person's incentive has come. The zero value of
// a part: not yet.
type IncentiveState struct {
	Applied  IncentiveApplied
	Computed IncentiveComputed
	Granted  IncentiveGranted
	Paid     IncentivePaid
}

// Incentive decides over one person's incentive.
var Incentive = domain.Decider[IncentiveState, IncentiveCommand, IncentiveEvent]{Decide: decideIncentive, Evolve: evolveIncentive}

var (
	// ErrIncentiveRule refuses a grant that no rule pays for; the argument says
	// why, in the words that the family is told.
	ErrIncentiveRule = domain.Reject("incentive_no_rule", "%[1]s", "%[2]s").Under("I20", "")
	// ErrIncentiveBurial refuses an incentive without a burial.
	ErrIncentiveBurial = domain.Reject("incentive_burial_not_completed", "生态安葬还没有办结，不能发放奖补。",
		"The eco-burial is not completed; no incentive can be granted yet.").Under("I18", "")
	// ErrIncentiveComputed refuses to grant what was not computed.
	ErrIncentiveComputed = domain.Reject("incentive_not_computed", "还没有按规定算出奖补。", "The incentive was not computed yet.").Under("I20", "")
	// ErrIncentiveGranted refuses a second grant for one person.
	ErrIncentiveGranted = domain.Reject("incentive_granted", "这位逝者的生态安葬奖补已经发放过，全市只发放一次。",
		"The incentive for this person was already granted; it is granted once in the city.").Under("I18", "").Race()
	// ErrIncentiveApplicant refuses somebody else's application.
	ErrIncentiveApplicant = domain.Reject("incentive_not_applicant", "由安葬申请人申领奖补，并写明收款账户。",
		"The one who applied for the burial applies for the incentive and names the account.").Under("I18", "")
	// ErrIncentiveNotGranted refuses a payment of nothing.
	ErrIncentiveNotGranted = domain.Reject("incentive_not_granted", "还没有核准，不能付款。", "It was not granted yet and cannot be paid.").Under("I18", "")
	// ErrIncentivePaid refuses a second payment.
	ErrIncentivePaid = domain.Reject("incentive_paid", "这笔奖补已经付过，全市只付一次。", "This incentive was paid; it is paid once in the city.").Under("I18", "").Race()
	// ErrIncentiveAmount refuses a payment of another amount.
	ErrIncentiveAmount = domain.Reject("incentive_amount", "付款金额与核准的 %s 元不一致，或没有写凭证号。", "The payment differs from the %s yuan granted, or names no paper.").Under("I18", "")
	// ErrIncentiveTwo refuses a payment by the one who granted.
	ErrIncentiveTwo = domain.Reject("incentive_two_persons", "核准和付款须由两人分别办理。", "Granting and paying take two people.").Under("I18", "")
)

func decideIncentive(s IncentiveState, cmd IncentiveCommand) ([]IncentiveEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	other := func(burial uuid.UUID) bool { return s.Granted.Burial != uuid.Nil && s.Granted.Burial != burial }
	switch c := cmd.(type) {
	case ApplyIncentive:
		switch {
		case other(c.Burial):
			return nil, ErrIncentiveGranted
		case s.Granted.Burial != uuid.Nil || s.Applied.Burial == c.Burial && c.Burial != uuid.Nil:
			return nil, nil
		case c.Burial == uuid.Nil || c.Applicant == "" || !c.Applies || c.Account.Or("") == "":
			return nil, ErrIncentiveApplicant
		}
		return []IncentiveEvent{IncentiveApplied{c.Burial, c.Applicant, c.Account}}, nil

	case ComputeIncentive:
		switch {
		case c.Burial == uuid.Nil || !c.Completed:
			return nil, ErrIncentiveBurial
		case other(c.Burial):
			return nil, ErrIncentiveGranted
		case s.Granted.Burial != uuid.Nil:
			return nil, nil
		}
		e := IncentiveComputed{c.Burial, c.Type.Code, c.On, Compute(c.Rules, c.Type, c.On, c.Hukou)}
		if s.Computed == e {
			return nil, nil
		}
		return []IncentiveEvent{e}, nil

	case GrantIncentive:
		switch {
		case other(c.Burial):
			return nil, ErrIncentiveGranted
		case s.Granted.Burial != uuid.Nil:
			return nil, nil
		case c.Burial == uuid.Nil || s.Computed.Burial != c.Burial:
			return nil, ErrIncentiveComputed
		case s.Computed.Outcome != Grantable:
			return nil, ErrIncentiveRule.With(s.Computed.Zh, s.Computed.En)
		}
		return []IncentiveEvent{IncentiveGranted{s.Computed.Rule, c.Burial, s.Computed.Amount, s.Computed.Version, act.By}}, nil

	case PayIncentive:
		switch {
		case s.Granted.Burial == uuid.Nil:
			return nil, ErrIncentiveNotGranted
		case other(c.Burial):
			return nil, ErrIncentiveGranted
		case s.Paid.Payment != "" && s.Paid.Payment == c.Payment && s.Paid.AmountFen == c.Amount:
			return nil, nil
		case s.Paid.Payment != "":
			return nil, ErrIncentivePaid
		case c.Payment == "" || c.Amount != s.Granted.AmountFen:
			return nil, ErrIncentiveAmount.With(s.Granted.AmountFen)
		case act.By == s.Granted.By:
			return nil, ErrIncentiveTwo
		}
		return []IncentiveEvent{IncentivePaid{c.Payment, c.Amount, act.By}}, nil
	}
	panic("unreachable: IncentiveCommand is sealed")
}

func evolveIncentive(s IncentiveState, e IncentiveEvent) IncentiveState {
	switch e := e.(type) {
	case IncentiveApplied:
		s.Applied = e
	case IncentiveComputed:
		s.Computed = e
	case IncentiveGranted:
		s.Granted = e
	case IncentivePaid:
		s.Paid = e
	}
	return s
}
