package booking_test

import (
	"testing"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
)

func TestReceipts(t *testing.T) {
	paid := Paid{"p1", domain.Yuan(900), WeChat, ""}
	refunded := Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(100), Overcharge}
	number := "12210200422000019F-20261123-0001"
	issue := IssueReceipt{Act: by, Number: number, Payment: "p1"}
	issued := ReceiptIssued{Number: number, Payment: "p1", Amount: domain.Yuan(900), Capitals: "玖佰元整"}
	t.Run("a payment has one receipt, in figures and in capitals", func(t *testing.T) {
		spec.Given(t, after(cremation, paid)...).When(issue).Then(issued)
		spec.Given(t, after(cremation, paid, issued)...).When(with(issue, func(r *IssueReceipt) { r.Number = "2" })).Rejects(ErrReceiptExists)
	})
	t.Run("a number is of one receipt", func(t *testing.T) {
		two := Paid{"p2", domain.Yuan(270), Cash, ""}
		spec.Given(t, after(cremation, storage, paid, issued, two)...).When(with(issue, func(r *IssueReceipt) { r.Payment = "p2" })).Rejects(ErrReceiptExists)
	})
	t.Run("a receipt is of money that moved", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(issue).Rejects(ErrReceiptOf)
		spec.Given(t, after(cremation, paid)...).When(with(issue, func(r *IssueReceipt) { r.Refund = "r1" })).Rejects(ErrReceiptOf)
		spec.Given(t, after(cremation, paid)...).When(with(issue, func(r *IssueReceipt) { r.Payment = "" })).Rejects(ErrReceiptOf)
		spec.Given(t, after(cremation, paid, refunded)...).When(IssueReceipt{Act: by, Number: "R2", Refund: "r1"}).Rejects(ErrReceiptOf)
	})
	t.Run("and has a number that names nobody", func(t *testing.T) {
		for _, n := range []string{"", "林远舟", "210211193504120018"} {
			spec.Given(t, after(cremation, paid)...).When(with(issue, func(r *IssueReceipt) { r.Number = n })).Rejects(ErrNumber)
		}
		spec.Given(t, after(cremation, paid)...).When(with(issue, func(r *IssueReceipt) { r.Fiscal = "票 1" })).Rejects(ErrNumber)
	})
	back := RefundPaid{"r1", domain.Yuan(100), Transfer}
	t.Run("a refund is paid once, what it returns, and has a receipt of its own", func(t *testing.T) {
		g := after(cremation, paid, refunded)
		spec.Given(t, g...).When(PayRefund{by, "r1", Transfer}).Then(back)
		spec.Given(t, append(g, back)...).When(PayRefund{by, "r1", Cash}).Rejects(ErrRefundPaid)
		spec.Given(t, g...).When(PayRefund{by, "r9", Cash}).Rejects(ErrNoRefund)
		spec.Given(t, g...).When(PayRefund{by, "r1", "SHELLS"}).Rejects(ErrMethod)
		spec.Given(t, after(cremation, Refunded{"r1", "b1", domain.Yuan(100), 0, Overcharge})...).When(PayRefund{by, "r1", Cash}).Rejects(ErrNothingReturned)
		spec.Given(t, append(g, back)...).When(IssueReceipt{Act: by, Number: "R2", Refund: "r1"}).
			Then(ReceiptIssued{Number: "R2", Refund: "r1", Amount: domain.Yuan(100), Capitals: "壹佰元整"})
		if a, b := spec.Given(t, g...).State().Unreturned(), spec.Given(t, append(g, back)...).State().Unreturned(); a != domain.Yuan(100) || b != 0 {
			t.Error(a, b)
		}
	})
	t.Run("every reprint has its number", func(t *testing.T) {
		g := after(cremation, paid, issued)
		spec.Given(t, g...).When(ReprintReceipt{by, number, 2}).Then(ReceiptReprinted{number, 2})
		spec.Given(t, append(g, ReceiptReprinted{number, 2})...).When(ReprintReceipt{by, number, 3}).Then(ReceiptReprinted{number, 3})
		spec.Given(t, g...).When(ReprintReceipt{by, number, 3}).Rejects(ErrReceiptCopy)
		spec.Given(t, g...).When(ReprintReceipt{by, number, 1}).Rejects(ErrReceiptCopy)
		spec.Given(t, g...).When(ReprintReceipt{by, "R9", 2}).Rejects(ErrNoReceipt)
	})
}
