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

// IncentiveGranted is the one grant for a person.
type IncentiveGranted struct {
	Rule      string       `json:"rule"` // id of the subsidy rules, "DL-SEA-2025"
	Burial    uuid.UUID    `json:"burial"`
	AmountFen domain.Money `json:"amount_fen"`
}

func (IncentiveGranted) incentiveEvent() {}

// An IncentiveCommand asks something about one person's incentive.
type IncentiveCommand interface {
	domain.Command
	incentiveCommand()
}

// Grant asks for the incentive of one burial.
type Grant struct {
	domain.Act
	Rule      string       // fact: the subsidy rule in force
	AmountFen domain.Money // fact: its amount
	Burial    uuid.UUID
	// Completed is the fact that the burial's own stream is completed for this
	// very person.
	Completed bool
}

func (Grant) incentiveCommand() {}

// IncentiveState is what was granted; zero Burial: nothing yet.
type IncentiveState struct{ Granted IncentiveGranted }

// Incentive decides over one person's incentive.
var Incentive = domain.Decider[IncentiveState, IncentiveCommand, IncentiveEvent]{Decide: decideIncentive, Evolve: evolveIncentive}

var (
	// ErrIncentiveRule refuses a grant that rests on no rule.
	ErrIncentiveRule = domain.Reject("incentive_rule_needed", "请写明奖补依据的规则编号和金额。", "A grant needs the rule it rests on and its amount.").Under("I20", "")
	// ErrIncentiveBurial refuses a grant without a burial.
	ErrIncentiveBurial = domain.Reject("incentive_burial_not_completed", "生态安葬还没有办结，不能发放奖补。",
		"The eco-burial is not completed; no incentive can be granted yet.").Under("I18", "")
	// ErrIncentiveGranted refuses a second grant for one person.
	ErrIncentiveGranted = domain.Reject("incentive_granted", "这位逝者的生态安葬奖补已经发放过，全市只发放一次。",
		"The incentive for this person was already granted; it is granted once in the city.").Under("I18", "").Race()
)

func decideIncentive(s IncentiveState, cmd IncentiveCommand) ([]IncentiveEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Grant:
		granted := IncentiveGranted{c.Rule, c.Burial, c.AmountFen}
		switch {
		case c.Rule == "" || c.AmountFen <= 0:
			return nil, ErrIncentiveRule
		case c.Burial == uuid.Nil || !c.Completed:
			return nil, ErrIncentiveBurial
		case s.Granted == granted:
			return nil, nil
		case s.Granted.Burial != uuid.Nil:
			return nil, ErrIncentiveGranted
		}
		return []IncentiveEvent{granted}, nil
	}
	panic("unreachable: IncentiveCommand is sealed")
}

func evolveIncentive(s IncentiveState, e IncentiveEvent) IncentiveState {
	if e, ok := e.(IncentiveGranted); ok {
		s.Granted = e
	}
	return s
}
