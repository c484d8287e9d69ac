package booking_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

var (
	till   = domaintest.For(Till)
	tillID = TillID(home, day)
)

func enter(entry string, k TillKind, m Method, amount domain.Money) EnterTill {
	return EnterTill{by, tillID, entry, "case-1", k, m, amount}
}

func entered(n int, entry string, k TillKind, m Method, amount domain.Money) TillEntered {
	return TillEntered{entry, "case-1", k, m, amount, n, fmt.Sprintf("12210200422000019F-20261123-%04d", n)}
}

func TestTill(t *testing.T) {
	cash, wechat, back := entered(1, "p1", MoneyIn, Cash, domain.Yuan(900)), entered(2, "p2", MoneyIn, WeChat, domain.Yuan(270)), entered(3, "r1", MoneyOut, Cash, domain.Yuan(100))
	t.Run("every payment and refund is entered once, and gets the next receipt number", func(t *testing.T) {
		till.Given(t).When(enter("p1", MoneyIn, Cash, domain.Yuan(900))).Then(cash)
		till.Given(t, cash, wechat).When(enter("r1", MoneyOut, Cash, domain.Yuan(100))).Then(back)
		till.Given(t, cash).When(enter("p1", MoneyIn, Cash, 1)).Rejects(ErrTillEntry)
		if n, ok := till.Given(t, cash).State().Receipt("case-1", "p1", MoneyIn); !ok || n != cash.Receipt {
			t.Error(n)
		}
		if _, ok := till.Given(t, cash).State().Receipt("case-1", "p1", MoneyOut); ok {
			t.Error("a receipt of nothing")
		}
	})
	t.Run("a payment and a refund may bear one id", func(t *testing.T) {
		till.Given(t, cash).When(enter("p1", MoneyOut, Cash, domain.Yuan(100))).Then(entered(2, "p1", MoneyOut, Cash, domain.Yuan(100)))
	})
	t.Run("an entry has a direction, a method and an amount", func(t *testing.T) {
		for _, c := range []EnterTill{enter("", MoneyIn, Cash, 1), enter("p", "SIDEWAYS", Cash, 1), enter("p", MoneyIn, "SHELLS", 1), enter("p", MoneyIn, Cash, 0), enter("p", MoneyIn, Cash, -1),
			with(enter("p", MoneyIn, Cash, 1), func(c *EnterTill) { c.Case = "" }), with(enter("p", MoneyIn, Cash, 1), func(c *EnterTill) { c.Till = "大连" })} {
			till.Given(t).When(c).Rejects(ErrTillInvalid)
		}
	})
	counted := map[Method]domain.Money{Cash: domain.Yuan(800), WeChat: domain.Yuan(270)}
	closing := TillClosed{Counts: []TillCount{{Cash, domain.Yuan(800), domain.Yuan(800)}, {WeChat, domain.Yuan(270), domain.Yuan(270)}}}
	t.Run("the day closes to zero", func(t *testing.T) {
		till.Given(t, cash, wechat, back).When(CloseTill{by, counted, ""}).Then(closing)
		till.Given(t).When(CloseTill{by, nil, ""}).Then(TillClosed{})
	})
	t.Run("or says why not", func(t *testing.T) {
		short := maps.Clone(counted)
		short[Cash] = domain.Yuan(795)
		g := till.Given(t, cash, wechat, back)
		g.When(CloseTill{by, short, " "}).Rejects(ErrTillDiffers)
		_, err := Till.Decide(g.State(), CloseTill{by, short, ""})
		if r, _ := errors.AsType[*domain.Rejection](err); r.Text("zh") != "现金：应有 800 元，实点 795 元。请再点一遍，或写明原因。" {
			t.Error(r.Text("zh"))
		}
		g.When(CloseTill{by, short, "找零差错"}).Then(TillClosed{Counts: []TillCount{{Cash, domain.Yuan(800), domain.Yuan(795)}, closing.Counts[1]}, Difference: -domain.Yuan(5), Reason: "找零差错"})
	})
	t.Run("two differences that cancel out are still differences", func(t *testing.T) {
		till.Given(t, cash, wechat, back).When(CloseTill{by, map[Method]domain.Money{Cash: domain.Yuan(810), WeChat: domain.Yuan(260)}, ""}).Rejects(ErrTillDiffers)
	})
	t.Run("what was found under a method that nobody used is counted too", func(t *testing.T) {
		till.Given(t).When(CloseTill{by, map[Method]domain.Money{Card: 1}, ""}).Rejects(ErrTillDiffers)
		till.Given(t).When(CloseTill{by, map[Method]domain.Money{"SHELLS": 1}, ""}).Rejects(ErrTillInvalid)
	})
	t.Run("after closing nothing is entered until it is opened again, with a reason", func(t *testing.T) {
		g := till.Given(t, cash, wechat, back, closing)
		g.When(enter("p9", MoneyIn, Cash, 1)).Rejects(ErrTillClosed)
		g.When(CloseTill{by, nil, "x"}).Rejects(ErrTillClosed)
		g.When(ReopenTill{by, ""}).Rejects(ErrTillNoReason)
		g.When(ReopenTill{by, "晚到的退费"}).Then(TillReopened{"晚到的退费"})
		till.Given(t, closing, TillReopened{"晚到的退费"}).When(enter("p9", MoneyIn, Cash, 1)).Then(entered(1, "p9", MoneyIn, Cash, 1))
		till.Given(t).When(ReopenTill{by, "x"}).Rejects(ErrTillOpen)
	})
	t.Run("a till is an institution's day", func(t *testing.T) {
		if tillID != "12210200422000019F.20261123" {
			t.Error(tillID)
		}
	})
}

// Whatever is entered, closed and opened in whatever order: the account is the
// sum of its entries by method; it closes with what was counted equal to it or
// with a reason; receipt numbers run on without gap or repetition.
func TestRandomTill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		method := rapid.SampledFrom(Methods)
		domaintest.Random(t, Till, func(s TillState) TillCommand {
			n++
			switch rapid.IntRange(0, 6).Draw(t, "kind") {
			case 0:
				c := CloseTill{by, map[Method]domain.Money{}, rapid.SampledFrom([]string{"", "差错"}).Draw(t, "reason")}
				for _, m := range Methods {
					c.Counted[m] = s.Expected(m) + domain.Money(rapid.SampledFrom([]int64{0, 0, 0, 1, -1}).Draw(t, "off"))
				}
				return c
			case 1:
				return ReopenTill{by, rapid.SampledFrom([]string{"", "补记"}).Draw(t, "why")}
			}
			return enter(fmt.Sprint(rapid.IntRange(1, 9).Draw(t, "entry")), rapid.SampledFrom([]TillKind{MoneyIn, MoneyOut}).Draw(t, "kind"), method.Draw(t, "method"), domain.Money(rapid.Int64Range(-1, 1000).Draw(t, "amount")))
		}, func(s TillState, history []TillEvent) {
			sum, seen := map[Method]domain.Money{}, map[string]bool{}
			for i, e := range s.Entries {
				if e.Kind == MoneyIn {
					sum[e.Method] += e.Amount
				} else {
					sum[e.Method] -= e.Amount
				}
				if e.Sequence != i+1 || seen[e.Receipt] || !strings.HasSuffix(e.Receipt, fmt.Sprintf("-%04d", i+1)) {
					t.Fatalf("%+v", e)
				}
				seen[e.Receipt] = true
			}
			if s.Closed == nil {
				return
			}
			var difference domain.Money
			for _, c := range s.Closed.Counts {
				if c.Expected != sum[c.Method] || c.Counted != c.Expected && s.Closed.Reason == "" {
					t.Fatalf("%+v, entries come to %v", s.Closed, sum)
				}
				difference += c.Counted - c.Expected
				delete(sum, c.Method)
			}
			for m, left := range sum {
				if left != 0 {
					t.Fatalf("%s of %s was not counted", left, m)
				}
			}
			if difference != s.Closed.Difference {
				t.Fatalf("%+v", s.Closed)
			}
		})
	})
}
