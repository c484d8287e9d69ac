package booking

import (
	"slices"

	"shenzhong/domain"
)

type (
	// RefundPaid gave the money of a refund back.
	RefundPaid struct {
		Refund string       `json:"refund"`
		Amount domain.Money `json:"amount_fen"`
		Method Method       `json:"method"`
	}
	// ReceiptIssued handed out the receipt of a payment, or of a refund that
	// was paid.
	ReceiptIssued struct {
		Number   string       `json:"number"`
		Payment  string       `json:"payment,omitzero"`
		Refund   string       `json:"refund,omitzero"`
		Amount   domain.Money `json:"amount_fen"`
		Capitals string       `json:"capitals"` // 壹仟柒佰叁拾贰元整
		// Fiscal is the number of the fiscal e-receipt, where one was drawn.
		Fiscal string `json:"fiscal,omitzero"`
	}
	// ReceiptReprinted printed a receipt once more; Copy is 2 for the first
	// reprint, and stands on the paper.
	ReceiptReprinted struct {
		Number string `json:"number"`
		Copy   int    `json:"copy"`
	}
)

func (RefundPaid) caseEvent()       {}
func (ReceiptIssued) caseEvent()    {}
func (ReceiptReprinted) caseEvent() {}

type (
	// PayRefund gives the money of a refund back.
	PayRefund struct {
		domain.Act
		Refund string
		Method Method
	}
	// IssueReceipt hands out the receipt of a payment or of a paid refund.
	IssueReceipt struct {
		domain.Act
		Number  string // fact: the number that the day's till gave
		Payment string // one of the two
		Refund  string
		Fiscal  string
	}
	// ReprintReceipt prints a receipt once more. Copy is the number that the
	// paper will bear: one more than the last.
	ReprintReceipt struct {
		domain.Act
		Number string
		Copy   int
	}
)

func (PayRefund) caseCommand()      {}
func (IssueReceipt) caseCommand()   {}
func (ReprintReceipt) caseCommand() {}

// A Receipt is one that was issued and how often it was printed.
type Receipt struct {
	ReceiptIssued
	Copies int
}

// The rejections about receipts.
var (
	ErrReceiptOf       = domain.Reject("receipt_of_nothing", "票据要对应一笔收款，或者一笔已经退出的款。", "A receipt is of one payment, or of one refund that was paid.")
	ErrReceiptExists   = domain.Reject("receipt_exists", "这笔款已经开了票据 %s，请补打。", "Receipt %s has been issued for it; please print that one again.")
	ErrFiscal          = domain.Reject("fiscal_invalid", "财政电子票据号只用字母、数字和连字符，最多 40 个。", "The number of a fiscal e-receipt has letters, digits and dashes, at most 40.")
	ErrNoReceipt       = domain.Reject("receipt_unknown", "没有票据 %s。", "There is no receipt %s.")
	ErrReceiptCopy     = domain.Reject("receipt_copy_invalid", "这张票据下一次打印是第 %d 次。", "The next print of this receipt is number %d.")
	ErrNoRefund        = domain.Reject("refund_unknown", "没有退费 %s。", "There is no refund %s.")
	ErrNothingReturned = domain.Reject("refund_without_money", "这笔退费只是减少应收，没有钱要退。", "This refund only lowered the bill; there is no money to give back.")
	ErrRefundPaid      = domain.Reject("refund_paid", "退费 %s 已经退出。", "Refund %s has been paid.")
)

func (s State) evolveReceipts(e Event) State {
	switch e := e.(type) {
	case RefundPaid:
		s.RefundsPaid = append(slices.Clip(s.RefundsPaid), e)
	case ReceiptIssued:
		s.Receipts = append(slices.Clip(s.Receipts), Receipt{e, 1})
	case ReceiptReprinted:
		s.Receipts = slices.Clone(s.Receipts)
		for i := range s.Receipts {
			if s.Receipts[i].Number == e.Number {
				s.Receipts[i].Copies = e.Copy
			}
		}
	}
	return s
}

func (s State) payRefund(c PayRefund) ([]Event, error) {
	i := slices.IndexFunc(s.Refunds, func(r Refunded) bool { return r.Refund == c.Refund })
	j := slices.IndexFunc(s.RefundsPaid, func(r RefundPaid) bool { return r.Refund == c.Refund })
	switch {
	case i < 0:
		return nil, ErrNoRefund.With(c.Refund)
	case j >= 0 && s.RefundsPaid[j].Method == c.Method:
		return nil, nil
	case j >= 0:
		return nil, ErrRefundPaid.With(c.Refund)
	case !slices.Contains(Methods, c.Method):
		return nil, ErrMethod.With(c.Method)
	case s.Refunds[i].Returned == 0:
		return nil, ErrNothingReturned
	}
	return []Event{RefundPaid{c.Refund, s.Refunds[i].Returned, c.Method}}, nil
}

// Unreturned is the money of refunds that nobody has been given yet.
func (s State) Unreturned() (m domain.Money) {
	for _, r := range s.Refunds {
		m += r.Returned
	}
	for _, r := range s.RefundsPaid {
		m -= r.Amount
	}
	return m
}

func (s State) issueReceipt(c IssueReceipt) ([]Event, error) {
	e := ReceiptIssued{Number: c.Number, Payment: c.Payment, Refund: c.Refund, Fiscal: c.Fiscal}
	if i := slices.IndexFunc(s.Payments, func(p Paid) bool { return p.Payment == c.Payment }); i >= 0 && c.Refund == "" {
		e.Amount = s.Payments[i].Amount
	}
	if i := slices.IndexFunc(s.RefundsPaid, func(r RefundPaid) bool { return r.Refund == c.Refund }); i >= 0 && c.Payment == "" {
		e.Amount = s.RefundsPaid[i].Amount
	}
	e.Capitals = e.Amount.Capitals()
	for _, have := range s.Receipts {
		if have.ReceiptIssued == e {
			return nil, nil
		}
		if have.Number == e.Number || have.Payment == e.Payment && have.Refund == e.Refund {
			return nil, ErrReceiptExists.With(have.Number)
		}
	}
	switch {
	case !validNumber(c.Number), c.Fiscal != "" && !validNumber(c.Fiscal):
		return nil, ErrNumber
	case e.Amount == 0:
		return nil, ErrReceiptOf
	}
	return []Event{e}, nil
}

func (s State) reprintReceipt(c ReprintReceipt) ([]Event, error) {
	i := slices.IndexFunc(s.Receipts, func(r Receipt) bool { return r.Number == c.Number })
	switch {
	case i < 0:
		return nil, ErrNoReceipt.With(c.Number)
	case c.Copy > 1 && c.Copy <= s.Receipts[i].Copies:
		return nil, nil
	case c.Copy != s.Receipts[i].Copies+1:
		return nil, ErrReceiptCopy.With(s.Receipts[i].Copies + 1)
	}
	return []Event{ReceiptReprinted{c.Number, c.Copy}}, nil
}
