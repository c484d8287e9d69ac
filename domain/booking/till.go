package booking

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shenzhong/domain"
)

// TillCategory is the first part of a till's stream name.
const TillCategory = "till"

// TillEvent is a fact about one institution's till on one day.
type TillEvent interface{ tillEvent() }

// A TillKind is the direction of an entry.
type TillKind string

// The kinds of entry.
const (
	MoneyIn  TillKind = "PAYMENT"
	MoneyOut TillKind = "REFUND"
)

type (
	// TillEntered put a payment or a refund into the day's account. Sequence
	// counts the day's entries, Receipt follows from it.
	TillEntered struct {
		Entry    string       `json:"entry"` // payment or refund id, unique in its case
		Case     string       `json:"case"`
		Kind     TillKind     `json:"kind"`
		Method   Method       `json:"method"`
		Amount   domain.Money `json:"amount_fen"` // above zero
		Sequence int          `json:"sequence"`
		Receipt  string       `json:"receipt"`
	}
	// TillClosed compared the account with what was counted.
	TillClosed struct {
		Counts     []TillCount  `json:"counts"`
		Difference domain.Money `json:"difference_fen,omitzero"` // counted less expected
		Reason     string       `json:"reason,omitzero"`
	}
	// TillReopened let entries in again after the day was closed.
	TillReopened struct {
		Reason string `json:"reason"`
	}
)

func (TillEntered) tillEvent()  {}
func (TillClosed) tillEvent()   {}
func (TillReopened) tillEvent() {}

// A TillCount is what one method of payment should come to, and what was there.
type TillCount struct {
	Method   Method       `json:"method"`
	Expected domain.Money `json:"expected_fen"`
	Counted  domain.Money `json:"counted_fen"`
}

// TillCommand asks one institution's till for something.
type TillCommand interface {
	domain.Command
	tillCommand()
}

type (
	// EnterTill puts a payment or a refund into the day's account.
	EnterTill struct {
		domain.Act
		// Till is the stream's id (TillID), from which receipt numbers are made.
		Till   string
		Entry  string
		Case   string
		Kind   TillKind
		Method Method
		Amount domain.Money
	}
	// CloseTill compares the account with what was counted. A difference needs
	// its reason.
	CloseTill struct {
		domain.Act
		Counted map[Method]domain.Money
		Reason  string
	}
	// ReopenTill lets entries in again.
	ReopenTill struct {
		domain.Act
		Reason string
	}
)

func (EnterTill) tillCommand()  {}
func (CloseTill) tillCommand()  {}
func (ReopenTill) tillCommand() {}

// TillID is the stream id of an institution's till on a day:
// "<institution>.20261123".
func TillID(institution string, day domain.Date) string {
	return institution + "." + strings.ReplaceAll(string(day), "-", "")
}

// TillState is one institution's till on one day.
type TillState struct {
	Entries []TillEntered
	Closed  *TillClosed // nil while it is open
	// Closings counts how often it was closed.
	Closings int
}

// Expected is what one method of payment should come to.
func (s TillState) Expected(m Method) (sum domain.Money) {
	for _, e := range s.Entries {
		switch {
		case e.Method != m:
		case e.Kind == MoneyIn:
			sum += e.Amount
		default:
			sum -= e.Amount
		}
	}
	return sum
}

// Till decides for one institution's till on one day.
var Till = domain.Decider[TillState, TillCommand, TillEvent]{Decide: decideTill, Evolve: evolveTill}

func evolveTill(s TillState, e TillEvent) TillState {
	switch e := e.(type) {
	case TillEntered:
		s.Entries = append(slices.Clip(s.Entries), e)
	case TillClosed:
		s.Closed = &e
		s.Closings++
	case TillReopened:
		s.Closed = nil
	}
	return s
}

// The rejections of a till.
var (
	ErrTillClosed   = domain.Reject("till_closed", "这一天的账已经结了，不能再记。", "This day's till has been closed.")
	ErrTillEntry    = domain.Reject("till_entry_exists", "这笔款已经入账，内容不同。", "This entry is in the till already, with other contents.")
	ErrTillInvalid  = domain.Reject("till_entry_invalid", "入账要写明业务、方向、方式和大于零的金额。", "An entry needs its case, its direction, its method and an amount above zero.")
	ErrTillDiffers  = domain.Reject("till_differs", "%[1]s：应有 %[3]s 元，实点 %[4]s 元。请再点一遍，或写明原因。", "%[2]s: there should be %[3]s yuan, %[4]s were counted. Please count again, or say why.")
	ErrTillOpen     = domain.Reject("till_open", "这一天的账没有结。", "This day's till is not closed.")
	ErrTillNoReason = domain.Reject("till_reopen_reason_missing", "重新开账要写明原因。", "Opening the till again needs its reason.")
)

func decideTill(s TillState, cmd TillCommand) ([]TillEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case EnterTill:
		return s.enter(c)
	case CloseTill:
		return s.close(c)
	case ReopenTill:
		return s.reopen(c)
	}
	panic("unreachable: sealed interface")
}

func (s TillState) enter(c EnterTill) ([]TillEvent, error) {
	n := len(s.Entries) + 1
	e := TillEntered{c.Entry, c.Case, c.Kind, c.Method, c.Amount, n, fmt.Sprintf("%s-%04d", strings.ReplaceAll(c.Till, ".", "-"), n)}
	for _, have := range s.Entries {
		if have.Case != e.Case || have.Entry != e.Entry || have.Kind != e.Kind {
			continue
		}
		if have.Method == e.Method && have.Amount == e.Amount {
			return nil, nil
		}
		return nil, ErrTillEntry
	}
	switch {
	case s.Closed != nil:
		return nil, ErrTillClosed
	case blank(c.Entry) || blank(c.Case) || c.Kind != MoneyIn && c.Kind != MoneyOut || !slices.Contains(Methods, c.Method) || c.Amount <= 0,
		!validNumber(e.Receipt):
		return nil, ErrTillInvalid
	}
	return []TillEvent{e}, nil
}

// Receipt is the number that the till gave to a payment or refund.
func (s TillState) Receipt(caseID, entry string, kind TillKind) (string, bool) {
	for _, e := range s.Entries {
		if e.Case == caseID && e.Entry == entry && e.Kind == kind {
			return e.Receipt, true
		}
	}
	return "", false
}

func (s TillState) close(c CloseTill) ([]TillEvent, error) {
	e := TillClosed{Reason: strings.TrimSpace(c.Reason)}
	var differs *TillCount
	for _, m := range Methods {
		x := TillCount{m, s.Expected(m), c.Counted[m]}
		if x.Expected == 0 && x.Counted == 0 {
			continue
		}
		e.Counts = append(e.Counts, x)
		e.Difference += x.Counted - x.Expected
		if x.Counted != x.Expected {
			differs = cmp.Or(differs, &x)
		}
	}
	switch {
	case s.Closed != nil && slices.Equal(s.Closed.Counts, e.Counts):
		return nil, nil
	case s.Closed != nil:
		return nil, ErrTillClosed
	case slices.ContainsFunc(slices.Collect(maps.Keys(c.Counted)), func(m Method) bool { return !slices.Contains(Methods, m) }):
		return nil, ErrTillInvalid
	case differs != nil && e.Reason == "":
		zh, en := differs.Method.Names()
		return nil, ErrTillDiffers.With(zh, en, differs.Expected, differs.Counted)
	}
	return []TillEvent{e}, nil
}

// Names are the method's names for people.
func (m Method) Names() (zh, en string) {
	switch m {
	case Cash:
		return "现金", "Cash"
	case Card:
		return "银行卡", "Card"
	case WeChat:
		return "微信", "WeChat"
	case Alipay:
		return "支付宝", "Alipay"
	case Transfer:
		return "转账", "Transfer"
	}
	return string(m), string(m)
}

func (s TillState) reopen(c ReopenTill) ([]TillEvent, error) {
	switch {
	case s.Closed == nil && s.Closings > 0:
		return nil, nil
	case s.Closed == nil:
		return nil, ErrTillOpen
	case blank(c.Reason):
		return nil, ErrTillNoReason
	}
	return []TillEvent{TillReopened{c.Reason}}, nil
}
