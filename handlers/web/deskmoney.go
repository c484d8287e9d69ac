package web

import (
	"cmp"
	"fmt"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/events"
	"shenzhong/handlers"
)

// exact is an amount as bills write it: "1,732.00".
func exact(m domain.Money) string {
	s := m.String()
	if m%100 == 0 {
		s += ".00"
	}
	return s
}

// reliefGroups are the groups that the rules in force name.
func (c *caseView) reliefGroups() (os []option) {
	for _, r := range c.desk.app.Rules.Relief {
		for _, g := range r.Groups {
			if !slices.ContainsFunc(os, func(o option) bool { return o.Value == g }) {
				os = append(os, option{g, c.label("relief_group", g)})
			}
		}
	}
	return os
}

// lastQuote is the quote that counts; false where there is none.
func (c *caseView) lastQuote() (booking.Quoted, bool) {
	if n := len(c.Case.Quotes); n > 0 {
		return c.Case.Quotes[n-1], true
	}
	return booking.Quoted{}, false
}

func (c *caseView) answered() bool {
	q, ok := c.lastQuote()
	return !ok || c.Case.Accepted != nil && c.Case.Accepted.Quote == q.Quote || c.Case.Unanswered == 0
}

// quoteFacts show what a quote comes to, before anybody agrees.
func (c *caseView) quoteFacts(q booking.Quoted) (fs []fact) {
	for _, l := range q.Lines {
		s := fmt.Sprintf("%s × %d = %s", exact(l.Price), l.Quantity, exact(l.Amount))
		if l.Relief > 0 {
			s += c.text("quote.less", exact(l.Relief))
		}
		fs = append(fs, fact{c.in(Text{l.NameZh, l.NameEn}), s})
	}
	return append(fs, fact{c.text("quote.total"), exact(q.Total)}, fact{c.text("quote.relief"), exact(q.Relief)}, fact{c.text("quote.due"), exact(q.Total - q.Relief)})
}

var moneyActs = []*deskAct{
	{
		name: "claim_relief", op: "relieve_case", group: "money",
		ask: func(c *caseView) error {
			gs := c.reliefGroups()
			return only(len(gs) > 0 && c.Case.Claim == nil && c.Case.Grant == nil, func() error {
				var err error
				for _, g := range gs { // one group that would do is enough
					if err = would(booking.Case, c.Case, booking.Command(booking.ClaimRelief{Act: c.candidate(), Category: g.Value, Rules: c.desk.app.Rules.Relief})); err == nil {
						return nil
					}
				}
				return err
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "group", Kind: "radio", Options: c.reliefGroups()}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			return booking.ClaimRelief{Act: act, Category: f.Get("group"), Rules: c.desk.app.Rules.Relief}
		}),
	},
	{
		name: "grant_relief", op: "relieve_case", group: "money",
		ask: func(c *caseView) error {
			return only(c.Case.Claim != nil, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.GrantRelief{Act: c.candidate(), Category: c.Case.Claim.Category.Or(""), Proof: anything, Rules: c.desk.app.Rules.Relief}))
			})
		},
		facts: func(c *caseView) []fact {
			if c.Case.Claim == nil {
				return nil
			}
			return []fact{{c.text("fact.relief_rule"), c.Case.Claim.Rule + " " + c.Case.Claim.Version}, {c.text("fact.relief_group"), c.label("relief_group", c.Case.Claim.Category.Or(""))}}
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "decision", Kind: "radio", Value: "grant", Options: options(c, "relief_decision", append([]string{"grant"}, texts(booking.DeclineReasons)...))}, {Name: "proof", Kind: "text", Optional: true, Max: 100, Hint: "proof"}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			if d := f.Get("decision"); d != "grant" {
				return booking.DeclineRelief{Act: act, Reason: booking.DeclineReason(d)}
			}
			category := ""
			if c.Case.Claim != nil {
				category = c.Case.Claim.Category.Or("")
			}
			return booking.GrantRelief{Act: act, Category: category, Proof: f.value("proof"), Rules: c.desk.app.Rules.Relief}
		}),
	},
	{
		name: "quote", op: "quote_case", group: "money", tell: true,
		ask: func(c *caseView) error {
			if c.Case.Cancelled || c.Case.Closed {
				return errHide
			}
			l, err := c.desk.app.PricesOf(c.ctx(), c.Case.Institution, domain.DateOf(c.now))
			if err != nil {
				return err
			}
			var items []booking.Item
			if q, ok := c.lastQuote(); ok { // as it is, and one more of something
				for _, x := range q.Lines {
					items = append(items, booking.Item{ID: x.ID, Code: x.Code, Quantity: x.Quantity + 1, Price: x.Price, Reason: cmp.Or(x.Reason, anything)})
				}
			} else if len(l.Rows) > 0 {
				r := l.Rows[0]
				items = append(items, booking.Item{ID: "candidate", Code: r.Code, Quantity: 1, Price: cmp.Or(r.Price, r.Ceiling), Reason: anything})
			}
			err = would(booking.Case, c.Case, booking.Command(booking.Quote{Act: c.candidate(), Quote: "candidate", Items: items, Prices: l}))
			return err
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "items", Kind: "items", Optional: true, Rows: c.itemRows()}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			items := c.items(act, &f)
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			rc, err := c.desk.app.Quote(c.ctx(), handlers.Quote{Act: act, Case: c.ID, Quote: act.ID.String(), Items: items})
			if err != nil {
				return rc, c.desk.app.Refused(c.ctx(), act, c.ID, "", 0, err)
			}
			return rc, nil
		},
		after: "/desk/cases/{case}/print/quote",
	},
	{
		name: "consent", op: "consent_case", group: "money",
		ask: func(c *caseView) error {
			q, ok := c.lastQuote()
			return only(ok && !c.answered(), func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Consent{Act: c.candidate(), Quote: q.Quote, Total: q.Total}))
			})
		},
		facts: func(c *caseView) []fact {
			q, ok := c.lastQuote()
			if !ok {
				return nil
			}
			fs := c.quoteFacts(q)
			if c.Case.Grant != nil && q.Relief == 0 { // granted after it was made
				fs = append(fs, fact{c.text("money.relief"), c.text("quote.before_relief")})
			}
			return fs
		},
		fields: func(c *caseView) []field {
			q, _ := c.lastQuote()
			return []field{{Name: "answer", Kind: "radio", Options: options(c, "answer", []string{"yes", "no"})}, {Name: "quote", Kind: "hidden", Value: q.Quote}, {Name: "total", Kind: "hidden", Value: exact(q.Total)}}
		},
		do: doCase(func(c *caseView, act domain.Act, f *form) booking.Command {
			if f.Get("answer") == "no" {
				return booking.DeclineQuote{Act: act, Quote: f.Get("quote")}
			}
			return booking.Consent{Act: act, Quote: f.Get("quote"), Total: f.money("total")}
		}),
	},
	{
		name: "charge_agreed", op: "charge_case", group: "money",
		ask: func(c *caseView) error {
			open := handlers.Uncharged(c.Case)
			return only(len(open) > 0, func() error { return c.askCharge(open[0]) })
		},
		facts: func(c *caseView) (fs []fact) {
			for _, l := range handlers.Uncharged(c.Case) {
				fs = append(fs, fact{c.in(Text{l.NameZh, l.NameEn}), fmt.Sprintf("%s × %d = %s", exact(l.Price), l.Quantity, exact(l.Amount))})
			}
			return fs
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "served_on", Kind: "date", Value: string(domain.DateOf(c.now))}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			on := f.date("served_on")
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			rc, err := c.desk.app.ChargeAgreed(c.ctx(), handlers.ChargeAgreed{Act: act, Case: c.ID, ServedOn: on})
			if err != nil {
				return rc, c.desk.app.Refused(c.ctx(), act, c.ID, "", 0, err)
			}
			return rc, nil
		},
	},
	{
		name: "charge", op: "charge_case", group: "money", minor: true,
		ask: func(c *caseView) error {
			return only(c.Case.Accepted != nil && !c.Case.Cancelled && !c.Case.Closed, func() error { return nil })
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "code", Kind: "text", Max: 40, Hint: "charge_code", Options: c.itemOptions()}, {Name: "quantity", Kind: "number", Value: "1", Max: 6}, {Name: "price", Kind: "money", Optional: true}, {Name: "reason", Kind: "text", Optional: true, Max: 200, Hint: "range_reason"}, {Name: "served_on", Kind: "date", Value: string(domain.DateOf(c.now))}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			it := booking.Item{ID: act.ID.String(), Code: f.value("code"), Quantity: int64(f.number("quantity")), Price: f.money("price"), Reason: f.value("reason")}
			on := f.date("served_on")
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			rc, err := c.desk.app.Charge(c.ctx(), handlers.Charge{Act: act, Case: c.ID, Item: it, ServedOn: on})
			if err != nil {
				return rc, c.desk.app.Refused(c.ctx(), act, c.ID, it.Code, it.Price, err)
			}
			return rc, nil
		},
	},
	{
		name: "pay", op: "pay_case", group: "money",
		ask: func(c *caseView) error {
			return only(c.Case.Balance() > 0, func() error {
				return would(booking.Case, c.Case, booking.Command(booking.Pay{Act: c.candidate(), Paid: booking.Paid{Payment: "candidate", Amount: max(1, c.Case.Payable()), Method: booking.Cash}}))
			})
		},
		facts: func(c *caseView) []fact {
			return []fact{{c.text("money.balance"), exact(c.Case.Balance())}, {c.text("money.payable"), exact(c.Case.Payable())}}
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "amount", Kind: "money", Value: exact(c.Case.Payable())}, {Name: "pay_method", Kind: "radio", Value: string(booking.Cash), Options: methods(c)}, {Name: "fiscal", Kind: "text", Optional: true, Max: 40}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			x := handlers.TakePayment{Act: act, Case: c.ID, Payment: act.ID.String(), Amount: f.money("amount"), Method: booking.Method(f.Get("pay_method")), Fiscal: f.value("fiscal")}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			rc, err := c.desk.app.TakePayment(c.ctx(), x)
			if err != nil {
				return rc, c.desk.app.Refused(c.ctx(), act, c.ID, "", x.Amount, err)
			}
			return rc, nil
		},
	},
	{
		name: "refund", op: "refund_case", group: "money", minor: true,
		ask: func(c *caseView) error {
			return only(len(c.refundable()) > 0, func() error {
				b := c.refundable()[0]
				return would(booking.Case, c.Case, booking.Command(booking.Refund{Act: c.candidate(), Refund: "candidate", Line: b.ID, Amount: 1, Reason: booking.WrongLine}))
			})
		},
		fields: func(c *caseView) []field {
			var ls []option
			for _, b := range c.refundable() {
				ls = append(ls, option{b.ID, c.in(Text{b.NameZh, b.NameEn}) + " " + exact(b.Due())})
			}
			return []field{{Name: "line", Kind: "radio", Options: ls}, {Name: "amount", Kind: "money"}, {Name: "reason", Kind: "radio", Options: options(c, "refund_reason", booking.RefundReasons)}, {Name: "pay_method", Kind: "radio", Value: string(booking.Cash), Options: methods(c)}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			x := handlers.GiveRefund{Act: act, Case: c.ID, Refund: act.ID.String(), Line: f.Get("line"), Amount: f.money("amount"), Reason: booking.Reason(f.Get("reason")), Method: booking.Method(f.Get("pay_method"))}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.GiveRefund(c.ctx(), x)
		},
	},
}

func texts[T ~string](xs []T) (ss []string) {
	for _, x := range xs {
		ss = append(ss, string(x))
	}
	return ss
}

func methods(c *caseView) (os []option) {
	for _, m := range booking.Methods {
		zh, en := m.Names()
		os = append(os, option{string(m), c.in(Text{zh, en})})
	}
	return os
}

func (c *caseView) refundable() (bs []booking.BillLine) {
	for _, b := range c.Case.Bill {
		if b.Due() > 0 {
			bs = append(bs, b)
		}
	}
	return bs
}

func (c *caseView) askCharge(l booking.Line) error {
	prices, err := c.desk.app.PricesOf(c.ctx(), c.Case.Institution, domain.DateOf(c.now))
	if err != nil {
		return err
	}
	return would(booking.Case, c.Case, booking.Command(booking.Charge{Act: c.candidate(), Item: booking.Item{ID: "candidate", Code: l.Code, Quantity: l.Quantity, Price: l.Price, Reason: l.Reason}, ServedOn: domain.DateOf(c.now), Prices: prices}))
}

// itemRows are the rows of the price list in force, with what the last quote
// had of each.
func (c *caseView) itemRows() (rows []itemRow) {
	l, err := c.desk.app.PricesOf(c.ctx(), c.Case.Institution, domain.DateOf(c.now))
	if err != nil {
		return nil // the form says what is missing when it is sent
	}
	q, _ := c.lastQuote()
	for _, block := range []string{"basic", "optional", "goods"} {
		for _, r := range l.Rows {
			if r.Block != block {
				continue
			}
			x := itemRow{Code: r.Code, Unit: r.Unit, Name: Text{r.NameZh, r.NameEn}, Block: r.Block, Method: r.PricingType, Price: "—", Limit: exact(r.Ceiling)}
			if r.Price > 0 || r.Ceiling == 0 {
				x.Price = exact(r.Price)
			}
			for _, have := range q.Lines {
				if have.Code == r.Code {
					x.Quantity, x.Reason = fmt.Sprint(have.Quantity), have.Reason
					if have.Price != r.Price {
						x.Own = exact(have.Price)
					}
				}
			}
			rows = append(rows, x)
		}
	}
	return rows
}

// itemOptions are the items of the price list in force, by name.
func (c *caseView) itemOptions() (os []option) {
	for _, r := range c.itemRows() {
		os = append(os, option{r.Code, c.in(r.Name)})
	}
	return os
}

// items reads the quantities of a quote.
func (c *caseView) items(act domain.Act, f *form) (items []booking.Item) {
	for _, r := range c.itemRows() {
		n := f.number("qty." + r.Code)
		if n == 0 {
			continue
		}
		items = append(items, booking.Item{ID: events.StepID(act.ID, r.Code).String(), Code: r.Code, Quantity: int64(n), Price: f.money("own." + r.Code), Reason: f.value("why." + r.Code)})
	}
	return items
}

// receiptOf finds the receipt of a number.
func receiptOf(s booking.State, number string) (booking.Receipt, bool) {
	i := slices.IndexFunc(s.Receipts, func(r booking.Receipt) bool { return r.Number == number })
	if i < 0 {
		return booking.Receipt{}, false
	}
	return s.Receipts[i], true
}
