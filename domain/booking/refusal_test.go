package booking_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

// A list with transport, which contains carrying, and a service that has a
// reference range.
var long = with(prices, func(l *PriceList) {
	l.Rows = append(slices.Clone(l.Rows),
		PriceRow{Code: "TRN-STD", NameZh: "遗体接运（普通车）", NameEn: "Transport", Unit: "元/具", Price: domain.Yuan(200), Ceiling: domain.Yuan(200), Includes: []string{"TRN-CARRY", "DIS-STD"}},
		PriceRow{Code: "TRN-CARRY", NameZh: "抬尸", NameEn: "Carrying", Unit: "元/具", Price: domain.Yuan(80), Ceiling: domain.Yuan(80)},
		PriceRow{Code: "DIS-STD", NameZh: "消毒", NameEn: "Disinfection", Unit: "元/次", Ceiling: domain.Yuan(60)},
		PriceRow{Code: "GRM-DRESS", NameZh: "更衣", NameEn: "Dressing", Unit: "元/具", Price: domain.Yuan(200), Ceiling: domain.Yuan(300), PricingType: "REFERENCE_RANGE", Min: domain.Yuan(20), Max: domain.Yuan(200),
			Block: "optional", Content: "两名工作人员", Basis: "发改价格〔2026〕108号"},
		PriceRow{Code: "HAL-S", NameZh: "小厅", NameEn: "Small hall", Unit: "元/场", Price: domain.Yuan(120), Ceiling: domain.Yuan(150), PricingType: "GOV_GUIDED_BASIC", Min: domain.Yuan(100), Max: domain.Yuan(150)},
	)
})

func quoteOf(id string, items ...Item) Quote { return Quote{by, id, items, long} }

// rejection is what Case answers.
func rejection(t *testing.T, c Command, given ...Event) *domain.Rejection {
	t.Helper()
	_, err := Case.Decide(Case.Fold(Case.Initial, given...), c)
	r, ok := errors.AsType[*domain.Rejection](err)
	if !ok {
		t.Fatalf("%T: %v", c, err)
	}
	return r
}

// PR-3: no line may duplicate the content of another.
func TestSplitItems(t *testing.T) {
	t.Run("what transport contains is not quoted beside it, in whatever order", func(t *testing.T) {
		spec.Given(t, opened).When(quoteOf("q1", item("1", "TRN-STD", 1, 0), item("2", "TRN-CARRY", 1, 0))).Rejects(ErrSplit)
		spec.Given(t, opened).When(quoteOf("q1", item("1", "TRN-CARRY", 1, 0), item("2", "TRN-STD", 1, 0))).Rejects(ErrSplit)
	})
	t.Run("nor charged beside it", func(t *testing.T) {
		es, err := Case.Decide(Case.Fold(Case.Initial, opened), quoteOf("q1", item("1", "TRN-STD", 1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		q := es[0].(Quoted)
		given := []Event{opened, q, Consented{"q1", q.Total, kin}, Charged{served(q.Lines[0])}}
		r := rejection(t, Charge{by, item("b2", "TRN-CARRY", 1, 0), day, long}, given...)
		if !errors.Is(r, ErrSplit) || r.Rule != "PR-3" || r.Basis == "" || r.Text("zh") != "“抬尸”已经包含在“遗体接运（普通车）”里，不得分解收费。" || r.Text("en") != `"Carrying" is part of "Transport" and is not charged separately.` {
			t.Error(r.Code, r.Rule, r.Basis, r.Text("zh"), r.Text("en"))
		}
	})
	t.Run("alone it may be charged, and for nothing it may be named", func(t *testing.T) {
		for _, q := range []Quote{quoteOf("q1", item("1", "TRN-CARRY", 1, 0)),
			with(quoteOf("q1", item("1", "TRN-STD", 1, 0), item("2", "DIS-STD", 1, 0)), func(q *Quote) {
				q.Prices.Rows = slices.Clone(q.Prices.Rows)
				for i := range q.Prices.Rows {
					if q.Prices.Rows[i].Code == "DIS-STD" {
						q.Prices.Rows[i].Ceiling = 0
					}
				}
			})} {
			if _, err := Case.Decide(Case.Fold(Case.Initial, opened), q); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a line that was given back in full stands in nobody's way", func(t *testing.T) {
		carry, _ := Case.Decide(Case.Fold(Case.Initial, opened), quoteOf("q1", item("1", "TRN-CARRY", 1, 0)))
		first := carry[0].(Quoted)
		given := []Event{opened, first, Consented{"q1", first.Total, kin}, Charged{served(first.Lines[0])}, Refunded{"r1", "1", domain.Yuan(80), 0, WrongLine}}
		es, err := Case.Decide(Case.Fold(Case.Initial, given...), quoteOf("q2", item("1", "TRN-STD", 1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		second := es[0].(Quoted)
		given = append(given, second, Consented{"q2", second.Total, kin})
		if _, err := Case.Decide(Case.Fold(Case.Initial, given...), Charge{by, item("b2", "TRN-STD", 1, 0), day, long}); err != nil {
			t.Error(err)
		}
	})
}

// PR-2: bands and reference ranges.
func TestRanges(t *testing.T) {
	price := func(code string, p domain.Money, reason string) Quote {
		it := item("1", code, 1, p)
		it.Reason = reason
		return quoteOf("q1", it)
	}
	t.Run("a price outside the reference range needs a written reason, which stays with the line", func(t *testing.T) {
		for _, p := range []domain.Money{domain.Yuan(10), domain.Yuan(250)} {
			r := rejection(t, price("GRM-DRESS", p, " "), opened)
			if !errors.Is(r, ErrOutsideRange) || r.Rule != "PR-2" || !strings.Contains(r.Basis, "108号") {
				t.Error(r, r.Rule, r.Basis)
			}
			es, err := Case.Decide(Case.Fold(Case.Initial, opened), price("GRM-DRESS", p, " 遗体需特殊处理 "))
			if err != nil {
				t.Fatal(err)
			}
			if l := es[0].(Quoted).Lines[0]; l.Reason != "遗体需特殊处理" || l.Price != p || l.Block != "optional" || l.Content != "两名工作人员" || l.Basis == "" || l.PricingType != "REFERENCE_RANGE" {
				t.Errorf("%+v", l)
			}
		}
	})
	t.Run("no reason lifts it above the ceiling", func(t *testing.T) {
		spec.Given(t, opened).When(price("GRM-DRESS", domain.Yuan(301), "遗体需特殊处理")).Rejects(ErrAboveCeiling)
	})
	t.Run("within the range no reason is kept", func(t *testing.T) {
		es, err := Case.Decide(Case.Fold(Case.Initial, opened), price("GRM-DRESS", domain.Yuan(20), "随便写"))
		if err != nil || es[0].(Quoted).Lines[0].Reason != "" {
			t.Error(es, err)
		}
	})
	t.Run("a guided price does not go below its floor", func(t *testing.T) {
		spec.Given(t, opened).When(price("HAL-S", domain.Yuan(99), "优惠")).Rejects(ErrBelowFloor)
		if _, err := Case.Decide(Case.Fold(Case.Initial, opened), price("HAL-S", domain.Yuan(100), "")); err != nil {
			t.Error(err)
		}
	})
}

// A family is not quoted at until it gives in.
func TestThirdQuote(t *testing.T) {
	q := func(id string, n int64) Quote { return quoteOf(id, item("1", "STO-COLD", n, 0)) }
	quoted := func(id string, n int64) Quoted {
		return Quoted{Quote: id, PriceListVersion: 12, Lines: []Line{line("1", "STO-COLD", n, domain.Yuan(90))}, Total: domain.Yuan(90 * n)}
	}
	two := []Event{opened, quoted("q1", 1), quoted("q2", 2)}
	t.Run("a third quote without consent is refused, with its rule and its document", func(t *testing.T) {
		spec.Given(t, two[:2]...).When(q("q2", 2)).Then(quoted("q2", 2))
		r := rejection(t, q("q3", 3), two...)
		if !errors.Is(r, ErrThirdQuote) || r.Code == ErrAboveQuote.Code || r.Rule == "" || !strings.Contains(r.Basis, "殡葬管理条例") {
			t.Error(r, r.Rule, r.Basis)
		}
	})
	t.Run("the same quote sent again is no third one", func(t *testing.T) {
		spec.Given(t, two...).When(q("q2", 2)).Then()
	})
	t.Run("the family's yes or no to the latest opens the way", func(t *testing.T) {
		spec.Given(t, append(two, Consented{"q2", domain.Yuan(180), kin})...).When(q("q3", 3)).Then(quoted("q3", 3))
		spec.Given(t, two...).When(DeclineQuote{by, "q2"}).Then(QuoteDeclined{"q2", kin})
		spec.Given(t, append(two, QuoteDeclined{"q2", kin})...).When(q("q3", 3)).Then(quoted("q3", 3))
	})
	t.Run("who said no may still say yes to the latest", func(t *testing.T) {
		spec.Given(t, append(two, QuoteDeclined{"q2", kin})...).When(Consent{by, "q2", domain.Yuan(180)}).Then(Consented{"q2", domain.Yuan(180), kin})
	})
	t.Run("no is said to the latest quote", func(t *testing.T) {
		spec.Given(t, two...).When(DeclineQuote{by, "q1"}).Rejects(ErrQuoteSuperseded)
		spec.Given(t, two...).When(DeclineQuote{by, "q9"}).Rejects(ErrNoQuote)
		spec.Given(t, opened).When(DeclineQuote{by, "q1"}).Rejects(ErrNoQuote)
		spec.Given(t, append(two, Cancelled{Duplicate})...).When(DeclineQuote{by, "q2"}).Rejects(ErrEnded)
	})
}

// The five refusals that the issue names, each with rule and document, each
// kept as a fact, none of which changes the bill.
func TestRefusalsAreKept(t *testing.T) {
	paying := after(cremation, claimed)
	for name, c := range map[string]struct {
		given []Event
		cmd   Command
		want  *domain.Rejection
	}{
		"10,600 yuan against a tag of 1,732":   {agreed, charge(item("b3", "FLOWER", 1, domain.Yuan(10600))), ErrAboveCeiling},
		"an item off the list":                 {agreed, charge(item("b3", "TEA", 1, 100)), ErrOffList},
		"a split item":                         {[]Event{opened}, quoteOf("q1", item("1", "TRN-STD", 1, 0), item("2", "TRN-CARRY", 1, 0)), ErrSplit},
		"a third quote without consent":        {[]Event{opened, quoted, with(quoted, func(q *Quoted) { q.Quote = "q2" })}, quoteOf("q3", item("1", "CRM-FLAT", 1, 0)), ErrThirdQuote},
		"pay-first for who may be entitled":    {paying, Pay{by, Paid{"p1", domain.Yuan(900), Cash, ""}}, ErrPayFirst},
		"a charge above what was agreed to":    {agreed, charge(item("b3", "FLOWER", 2, 0)), ErrAboveQuote},
		"a price outside the range, unwritten": {[]Event{opened}, quoteOf("q1", item("1", "GRM-DRESS", 1, domain.Yuan(10))), ErrOutsideRange},
	} {
		t.Run(name, func(t *testing.T) {
			r := rejection(t, c.cmd, c.given...)
			if r.Code != c.want.Code || r.Rule == "" || c.want != ErrAboveQuote && r.Basis == "" {
				t.Fatalf("%v, rule %q, basis %q", r, r.Rule, r.Basis)
			}
			keep, ok := Refusal("x1", r)
			if !ok {
				t.Fatal("not kept")
			}
			keep.Act, keep.Item, keep.Amount = by, "FLOWER", domain.Yuan(10600)
			kept := ChargeRefused{Refusal: "x1", Code: r.Code, Item: "FLOWER", Amount: domain.Yuan(10600), Rule: r.Rule, Basis: r.Basis}
			spec.Given(t, c.given...).When(keep).Then(kept)
			before, after := spec.Given(t, c.given...).State(), spec.Given(t, append(slices.Clone(c.given), kept)...).State()
			if before.Charged() != after.Charged() || before.Balance() != after.Balance() || len(after.Refusals) != 1 {
				t.Error("the bill changed")
			}
		})
	}
	t.Run("other refusals are nobody's business", func(t *testing.T) {
		for _, err := range []error{nil, errors.New("disk full"), ErrEnded, ErrAmount} {
			if _, ok := Refusal("x1", err); ok {
				t.Error(err)
			}
		}
		spec.Given(t, opened).When(RecordRefusal{by, ChargeRefused{Refusal: "x1", Code: ErrEnded.Code}}).Rejects(ErrRefusalCode)
	})
	t.Run("one id is one refusal", func(t *testing.T) {
		kept := ChargeRefused{Refusal: "x1", Code: ErrOffList.Code, Item: "TEA"}
		spec.Given(t, opened, kept).When(RecordRefusal{by, kept}).Then()
		spec.Given(t, opened, kept).When(RecordRefusal{by, with(kept, func(r *ChargeRefused) { r.Item = "COFFEE" })}).Rejects(ErrRefusalExists)
		spec.Given(t, opened).When(RecordRefusal{by, with(kept, func(r *ChargeRefused) { r.Refusal = "" })}).Rejects(ErrNoID)
	})
	t.Run("a refusal found after the case has ended is kept too", func(t *testing.T) {
		kept := ChargeRefused{Refusal: "x1", Code: ErrOffList.Code}
		spec.Given(t, opened, Cancelled{Duplicate}).When(RecordRefusal{by, kept}).Then(kept)
	})
}

// Whatever is quoted, agreed to, declined and charged in whatever order: never
// do two charged lines contain one another, never wait more than two quotes for
// an answer, never is a unit dearer than its ceiling or outside its range
// without a reason.
func TestRandomQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		code := rapid.SampledFrom([]string{"TRN-STD", "TRN-CARRY", "DIS-STD", "GRM-DRESS", "HAL-S", "FLOWER"})
		money := rapid.SampledFrom([]domain.Money{0, domain.Yuan(10), domain.Yuan(50), domain.Yuan(120), domain.Yuan(250), domain.Yuan(400)})
		draw := func(id string) Item {
			return Item{id, code.Draw(t, "code"), 1, money.Draw(t, "price"), rapid.SampledFrom([]string{"", "特殊"}).Draw(t, "reason")}
		}
		domaintest.Random(t, Case, func(s State) Command {
			n++
			if !s.Exists() {
				return Open{by, opened}
			}
			latest := "?"
			var total domain.Money
			if k := len(s.Quotes); k > 0 {
				latest, total = s.Quotes[k-1].Quote, s.Quotes[k-1].Total
			}
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0, 1:
				var items []Item
				for i := range rapid.IntRange(1, 3).Draw(t, "items") {
					items = append(items, draw(fmt.Sprint(i)))
				}
				for i, b := range s.Bill {
					items = append(items, Item{fmt.Sprint("b", i), b.Code, b.Quantity, b.Price, b.Reason})
				}
				return quoteOf(fmt.Sprint("q", n), items...)
			case 2, 3:
				return Consent{by, latest, total}
			case 4:
				return DeclineQuote{by, latest}
			case 5:
				if len(s.Bill) > 0 {
					b := rapid.SampledFrom(s.Bill).Draw(t, "line")
					return Refund{by, fmt.Sprint(n), b.ID, b.Due(), WrongLine}
				}
			}
			it := draw(fmt.Sprint("b", n))
			if s.Accepted != nil {
				l := rapid.SampledFrom(s.Accepted.Lines).Draw(t, "agreed")
				it = Item{it.ID, l.Code, 1, l.Price, l.Reason}
			}
			return Charge{by, it, day, long}
		}, func(s State, _ []Event) {
			row := func(code string) PriceRow {
				return long.Rows[slices.IndexFunc(long.Rows, func(r PriceRow) bool { return r.Code == code })]
			}
			if s.Unanswered > 2 {
				t.Fatalf("%d quotes wait", s.Unanswered)
			}
			for _, b := range s.Bill {
				r := row(b.Code)
				if b.Price > r.Ceiling || b.Reason == "" && (b.Price < r.Min || r.Max > 0 && b.Price > r.Max) {
					t.Fatalf("%+v", b)
				}
				for _, x := range s.Bill {
					if slices.Contains(r.Includes, x.Code) && x.Amount > x.Refunded && b.Amount > b.Refunded {
						t.Fatalf("%s is charged beside %s", x.Code, b.Code)
					}
				}
			}
		})
	})
}
