package booking_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

const (
	home = "12210200422000019F"
	dead = domain.Subject("5d0c1a3e-0000-4000-8000-000000000001")
	kin  = domain.Subject("5d0c1a3e-0000-4000-8000-000000000002")
	day  = domain.Date("2026-11-23") // of domaintest.Noon
)

var (
	by   = domaintest.By("staff-0001")
	spec = domaintest.For(Case)

	deceased = Deceased{
		Person: dead, Name: domain.Personal(dead, "林远舟"), CitizenID: domain.Personal(dead, domain.CitizenID("210211193504120018")),
		Sex: domain.Personal(dead, Male), Birth: domain.Personal(dead, domain.Date("1935-04-12")), DeathDate: "2026-11-22", Hukou: "210211",
	}
	handler = Handler{Person: kin, Name: domain.Personal(kin, "林望"), Phone: domain.Personal(kin, "13800000412"), Relation: Child}
	opened  = Opened{Institution: home, Number: "DL-2026-000123", Deceased: deceased, Handler: handler, Source: Desk}

	prices = PriceList{Institution: home, Version: 12, EffectiveFrom: "2026-10-01", Rows: []PriceRow{
		{Code: "CRM-FLAT", NameZh: "遗体火化（平板炉）", NameEn: "Cremation, flat-bed", Unit: "元/具", Price: domain.Yuan(900), Ceiling: domain.Yuan(900)},
		{Code: "STO-COLD", NameZh: "遗体存放（冷藏）", NameEn: "", Unit: "元/日", Price: domain.Yuan(90), Ceiling: domain.Yuan(90)},
		{Code: "FLOWER", NameZh: "鲜花布置", NameEn: "Flowers", Unit: "元/场", Price: domain.Yuan(1732), Ceiling: domain.Yuan(1732)},
		{Code: "GRM-STD", NameZh: "一般整容", NameEn: "Grooming", Unit: "元/具", Price: 0, Ceiling: domain.Yuan(600)},
		{Code: "WRE-FREE", NameZh: "绢花花圈", NameEn: "Silk wreath", Unit: "个", Price: 0, Ceiling: 0},
	}}
)

// with edits a copy.
func with[T any](v T, edit func(*T)) T { edit(&v); return v }

func item(id, code string, n int64, price domain.Money) Item {
	return Item{ID: id, Code: code, Quantity: n, Price: price}
}

// line is what item comes to on the list.
func line(id, code string, n int64, price domain.Money) Line {
	for _, r := range prices.Rows {
		if r.Code == code {
			return Line{ID: id, Code: code, NameZh: r.NameZh, NameEn: r.NameEn, Unit: r.Unit, Quantity: n, Price: price,
				Amount: price * domain.Money(n), Ceiling: r.Ceiling, PriceListVersion: 12}
		}
	}
	panic(code)
}

func served(l Line) Line { l.ServedOn = day; return l }

// A quote of cremation, three days of cold storage and flowers, accepted.
var (
	quoted = Quoted{Quote: "q1", PriceListVersion: 12, Lines: []Line{
		line("1", "CRM-FLAT", 1, domain.Yuan(900)), line("2", "STO-COLD", 3, domain.Yuan(90)), line("3", "FLOWER", 1, domain.Yuan(1732)),
	}, Total: domain.Yuan(900 + 270 + 1732)}
	agreed    = []Event{opened, quoted, Consented{"q1", quoted.Total, kin}}
	cremation = Charged{served(line("b1", "CRM-FLAT", 1, domain.Yuan(900)))}
	storage   = Charged{served(line("b2", "STO-COLD", 3, domain.Yuan(90)))}
)

func after(es ...Event) []Event { return append(append([]Event{}, agreed...), es...) }

func charge(it Item) Charge { return Charge{by, it, day, prices} }

func TestOpen(t *testing.T) {
	t.Run("a case is opened once", func(t *testing.T) {
		spec.Given(t).When(Open{by, opened}).Then(opened)
		spec.Given(t, opened).When(Open{by, opened}).Then()
		spec.Given(t, opened).When(Open{by, with(opened, func(o *Opened) { o.Number = "DL-2026-000124" })}).Rejects(ErrOpened)
	})
	t.Run("the ID number tells birth date and sex, and is kept in its canonical form", func(t *testing.T) {
		o := with(opened, func(o *Opened) {
			o.Deceased.CitizenID = domain.Personal(dead, domain.CitizenID(" 11010519491231002x "))
			o.Deceased.Birth, o.Deceased.Sex = domain.Private[domain.Date]{}, domain.Private[Sex]{}
		})
		spec.Given(t).When(Open{by, o}).Then(with(opened, func(o *Opened) {
			o.Deceased.CitizenID = domain.Personal(dead, domain.CitizenID("11010519491231002X"))
			o.Deceased.Birth, o.Deceased.Sex = domain.Personal(dead, domain.Date("1949-12-31")), domain.Personal(dead, Female)
		}))
	})
	for name, c := range map[string]struct {
		edit func(*Opened)
		want error
	}{
		"a name that cannot be seen is refused":            {func(o *Opened) { o.Deceased.Name = domain.Personal(dead, "\u200b") }, domain.ErrText},
		"a handler's name on two lines is refused":         {func(o *Opened) { o.Handler.Name = domain.Personal(o.Handler.Person, "a\nb") }, domain.ErrText},
		"an ID number with a wrong check digit is refused": {func(o *Opened) { o.Deceased.CitizenID = domain.Personal(dead, domain.CitizenID("210211193504120019")) }, domain.ErrCitizenID},
		"a birth date that differs from the ID is refused": {func(o *Opened) { o.Deceased.Birth = domain.Personal(dead, domain.Date("1935-04-13")) }, ErrIDMismatch},
		"a sex that differs from the ID is refused":        {func(o *Opened) { o.Deceased.Sex = domain.Personal(dead, Female) }, ErrIDMismatch},
		"a sex is one that papers give":                    {func(o *Opened) { o.Deceased.Sex = domain.Personal(dead, Sex("M")) }, ErrSex},
		"a birth date is one that exists": {func(o *Opened) {
			o.Deceased.CitizenID, o.Deceased.Birth = domain.Private[domain.CitizenID]{}, domain.Personal(dead, domain.Date("1935-02-30"))
		}, domain.Reject("date_invalid", "", "")},
		"nobody was born tomorrow": {func(o *Opened) {
			o.Deceased.CitizenID, o.Deceased.Birth = domain.Private[domain.CitizenID]{}, domain.Personal(dead, day.AddDays(1))
		}, ErrBirth},
		"nobody died tomorrow":                         {func(o *Opened) { o.Deceased.DeathDate = day.AddDays(1) }, ErrDeathDate},
		"nobody died before birth":                     {func(o *Opened) { o.Deceased.DeathDate = "1935-04-11" }, ErrDeathDate},
		"a date of death is one that exists":           {func(o *Opened) { o.Deceased.DeathDate = "2026-11-31" }, ErrDeathDate},
		"a hukou is a division":                        {func(o *Opened) { o.Deceased.Hukou = "大连" }, domain.ErrDivision},
		"a case without a name says why":               {func(o *Opened) { o.Deceased.Name = domain.Private[string]{} }, ErrDeceased},
		"the reason is one of the list":                {func(o *Opened) { o.Deceased.Name, o.Deceased.Unnamed = domain.Private[string]{}, "FORGOT" }, ErrDeceased},
		"a name and a reason for none exclude another": {func(o *Opened) { o.Deceased.Unnamed = Unidentified }, ErrDeceased},
		"a name is not blank":                          {func(o *Opened) { o.Deceased.Name = domain.Personal(dead, " ") }, ErrDeceased},
		"personal data is kept under its own person":   {func(o *Opened) { o.Deceased.Name = domain.Personal(kin, "林远舟") }, ErrPerson},
		"the deceased has a reference":                 {func(o *Opened) { o.Deceased.Person = "" }, ErrPerson},
		"handler and deceased are two people": {func(o *Opened) {
			o.Handler = Handler{Person: dead, Name: domain.Personal(dead, "林"), Phone: domain.Personal(dead, "13800000412"), Relation: Child}
		}, ErrPerson},
		"the handler's phone is kept under the handler":  {func(o *Opened) { o.Handler.Phone = domain.Personal(dead, "13800000412") }, ErrPerson},
		"the handler has a name":                         {func(o *Opened) { o.Handler.Name = domain.Private[string]{} }, ErrHandler},
		"the handler has a phone":                        {func(o *Opened) { o.Handler.Phone = domain.Private[string]{} }, ErrHandler},
		"the handler has a relation":                     {func(o *Opened) { o.Handler.Relation = "FRIEND" }, ErrHandler},
		"a phone number has digits":                      {func(o *Opened) { o.Handler.Phone = domain.Personal(kin, "call me") }, ErrPhone},
		"a phone number is long enough":                  {func(o *Opened) { o.Handler.Phone = domain.Personal(kin, "12345") }, ErrPhone},
		"an unidentified body comes from an authority":   {func(o *Opened) { o.Deceased = Deceased{Person: dead, Unnamed: Unidentified} }, ErrUnclaimed},
		"the institution is a credit code":               {func(o *Opened) { o.Institution = "dalian" }, domain.ErrCreditCode},
		"the institution's code is in its one form":      {func(o *Opened) { o.Institution = strings.ToLower(home) }, domain.ErrCreditCode},
		"a case number is no sentence":                   {func(o *Opened) { o.Number = "林远舟 1" }, ErrNumber},
		"a case number is no ID number":                  {func(o *Opened) { o.Number = "210211193504120018" }, ErrNumber},
		"a case comes from a desk, the web or an import": {func(o *Opened) { o.Source = "phone" }, ErrSource},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(Open{by, with(opened, c.edit)}).Rejects(c.want) })
	}
	t.Run("an unidentified body has a case without name or date", func(t *testing.T) {
		o := with(opened, func(o *Opened) {
			o.Deceased, o.Handler.Relation = Deceased{Person: dead, Unnamed: Unidentified}, Police
		})
		spec.Given(t).When(Open{by, o}).Then(o)
	})
	t.Run("phone numbers may be written as people write them", func(t *testing.T) {
		for _, p := range []string{"0411-83600000", "+86 138 0000 0412", "(0411) 83600000"} {
			o := with(opened, func(o *Opened) { o.Handler.Phone = domain.Personal(kin, p) })
			spec.Given(t).When(Open{by, o}).Then(o)
		}
	})
	t.Run("nothing happens to a case that is not open", func(t *testing.T) {
		for _, c := range []Command{AttachSlot{Act: by}, DetachSlot{Act: by}, Quote{Act: by}, Consent{Act: by}, Charge{Act: by}, ApplyRelief{Act: by},
			Pay{Act: by}, Refund{Act: by}, Cancel{by, FamilyWithdrew}, Close{by}} {
			spec.Given(t).When(c).Rejects(ErrNotOpened)
		}
	})
	t.Run("a time from the future is refused", func(t *testing.T) {
		spec.Given(t).When(Open{with(by, func(a *domain.Act) { a.At = a.Now.Add(1) }), opened}).Rejects(domain.ErrFuture)
	})
	t.Run("the log of a case shows no name", func(t *testing.T) {
		if s := fmt.Sprintf("%+v %#v", opened, opened); strings.Contains(s, "林") || strings.Contains(s, "19350412") || strings.Contains(s, "138000") {
			t.Error(s)
		}
	})
}

func TestSlots(t *testing.T) {
	start := domain.Clock("09:00").On("2026-11-25").UTC()
	slot := Slot{"hall-1", "hall", "2026-11-25", "0900", start, start.Add(time.Hour)}
	attached := SlotAttached{slot}
	t.Run("a slot is attached once", func(t *testing.T) {
		spec.Given(t, opened).When(AttachSlot{by, attached}).Then(attached)
	})
	t.Run("a case has one slot of a resource a day", func(t *testing.T) {
		spec.Given(t, opened, attached).When(AttachSlot{by, SlotAttached{with(slot, func(s *Slot) { s.Slot, s.Start = "0930", s.Start.Add(30*time.Minute) })}}).Rejects(ErrSlotAttached)
	})
	t.Run("a slot is of a resource and lies on its day", func(t *testing.T) {
		for _, edit := range []func(*Slot){func(s *Slot) { s.Resource = "" }, func(s *Slot) { s.Slot = "" }, func(s *Slot) { s.End = s.Start }, func(s *Slot) { s.Day = "2026-11-24" }} {
			spec.Given(t, opened).When(AttachSlot{by, SlotAttached{with(slot, edit)}}).Rejects(ErrSlot)
		}
	})
	detached := SlotDetached{"hall-1", "2026-11-25", "0900", Rescheduled}
	t.Run("a slot is detached with a reason of the list, and then another may come", func(t *testing.T) {
		spec.Given(t, opened, attached).When(DetachSlot{by, detached}).Then(detached)
		spec.Given(t, opened, attached).When(DetachSlot{by, with(detached, func(d *SlotDetached) { d.Reason = "林远舟" })}).Rejects(ErrReason)
		spec.Given(t, opened, attached, detached).When(DetachSlot{by, detached}).Then()
		spec.Given(t, opened, attached, detached).When(AttachSlot{by, attached}).Then(attached)
	})
	t.Run("a cancelled case gets no slot but may give one back", func(t *testing.T) {
		spec.Given(t, opened, Cancelled{FamilyWithdrew}).When(AttachSlot{by, attached}).Rejects(ErrEnded)
		spec.Given(t, opened, attached, Cancelled{FamilyWithdrew}).When(DetachSlot{by, detached}).Then(detached)
	})
}

func TestQuote(t *testing.T) {
	quote := Quote{by, "q1", []Item{item("1", "CRM-FLAT", 1, 0), item("2", "STO-COLD", 3, 0), item("3", "FLOWER", 1, 0)}, prices}
	t.Run("a quote takes its prices from the list and sums them", func(t *testing.T) {
		spec.Given(t, opened).When(quote).Then(quoted)
	})
	t.Run("a lower price may be offered, a higher one not", func(t *testing.T) {
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "CRM-FLAT", 1, domain.Yuan(800))}, prices}).
			Then(Quoted{Quote: "q1", PriceListVersion: 12, Lines: []Line{line("1", "CRM-FLAT", 1, domain.Yuan(800))}, Total: domain.Yuan(800)})
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "CRM-FLAT", 1, domain.Yuan(900)+1)}, prices}).Rejects(ErrAboveCeiling)
	})
	t.Run("what has only a range needs a price within it", func(t *testing.T) {
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "GRM-STD", 1, 0)}, prices}).Rejects(ErrNoPrice)
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "GRM-STD", 1, domain.Yuan(601))}, prices}).Rejects(ErrAboveCeiling)
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "GRM-STD", 1, domain.Yuan(600))}, prices}).
			Then(Quoted{Quote: "q1", PriceListVersion: 12, Lines: []Line{line("1", "GRM-STD", 1, domain.Yuan(600))}, Total: domain.Yuan(600)})
	})
	t.Run("what is free is quoted at nothing", func(t *testing.T) {
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "WRE-FREE", 8, 0)}, prices}).Then(Quoted{Quote: "q1", PriceListVersion: 12, Lines: []Line{line("1", "WRE-FREE", 8, 0)}, Total: 0})
	})
	t.Run("what is not on the list is not quoted", func(t *testing.T) {
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "TEA", 1, 100)}, prices}).Rejects(ErrOffList)
	})
	t.Run("a quantity is above zero and a price not below", func(t *testing.T) {
		for _, n := range []int64{0, -1, 1 << 62} {
			spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "STO-COLD", n, 0)}, prices}).Rejects(ErrQuantity)
		}
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "STO-COLD", 1, -1)}, prices}).Rejects(ErrPrice)
	})
	t.Run("a quote needs the institution's own list, in force today", func(t *testing.T) {
		for _, edit := range []func(*PriceList){func(l *PriceList) { *l = PriceList{Institution: home} }, func(l *PriceList) { l.Institution = "12210281422000027L" }, func(l *PriceList) { l.EffectiveFrom = day.AddDays(1) }} {
			spec.Given(t, opened).When(Quote{by, "q1", quote.Items, with(prices, edit)}).Rejects(ErrNoList)
		}
	})
	t.Run("a quote has an id and items with ids of their own", func(t *testing.T) {
		spec.Given(t, opened).When(Quote{by, "", quote.Items, prices}).Rejects(ErrNoID)
		spec.Given(t, opened).When(Quote{by, "q1", nil, prices}).Rejects(ErrNoItems)
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("", "STO-COLD", 1, 0)}, prices}).Rejects(ErrNoID)
		spec.Given(t, opened).When(Quote{by, "q1", []Item{item("1", "STO-COLD", 1, 0), item("1", "CRM-FLAT", 1, 0)}, prices}).Rejects(ErrLineExists)
	})
	t.Run("one quote id is one quote", func(t *testing.T) {
		spec.Given(t, opened, quoted).When(quote).Then()
		spec.Given(t, opened, quoted).When(Quote{by, "q1", quote.Items[:1], prices}).Rejects(ErrQuoteExists)
	})
	t.Run("a new quote has everything that is already on the bill", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(Quote{by, "q2", []Item{item("1", "STO-COLD", 3, 0)}, prices}).Rejects(ErrQuoteBelowBill)
		spec.Given(t, after(cremation)...).When(Quote{by, "q2", []Item{item("1", "CRM-FLAT", 1, 0)}, prices}).
			Then(Quoted{Quote: "q2", PriceListVersion: 12, Lines: []Line{line("1", "CRM-FLAT", 1, domain.Yuan(900))}, Total: domain.Yuan(900)})
	})
}

func TestConsent(t *testing.T) {
	second := Quoted{Quote: "q2", PriceListVersion: 12, Lines: []Line{line("1", "CRM-FLAT", 1, domain.Yuan(900))}, Total: domain.Yuan(900)}
	t.Run("the handler agrees to the latest quote, once", func(t *testing.T) {
		spec.Given(t, opened, quoted).When(Consent{by, "q1", quoted.Total}).Then(Consented{"q1", quoted.Total, kin})
		spec.Given(t, agreed...).When(Consent{by, "q1", quoted.Total}).Then()
	})
	t.Run("an older quote cannot be agreed to any more", func(t *testing.T) {
		spec.Given(t, opened, quoted, second).When(Consent{by, "q1", quoted.Total}).Rejects(ErrQuoteSuperseded)
	})
	t.Run("the total that was read is the total that is agreed to", func(t *testing.T) {
		spec.Given(t, opened, quoted).When(Consent{by, "q1", quoted.Total - 1}).Rejects(ErrQuoteTotal)
	})
	t.Run("there is no agreeing to nothing", func(t *testing.T) {
		spec.Given(t, opened).When(Consent{by, "q1", 0}).Rejects(ErrNoQuote)
	})
	t.Run("a quote that the bill has outgrown cannot be agreed to", func(t *testing.T) {
		spec.Given(t, after(second, storage)...).When(Consent{by, "q2", second.Total}).Rejects(ErrQuoteBelowBill)
	})
}

func TestCharge(t *testing.T) {
	t.Run("what was agreed to is charged at the list's price", func(t *testing.T) {
		spec.Given(t, agreed...).When(charge(item("b1", "CRM-FLAT", 1, 0))).Then(cremation)
	})
	t.Run("one line id is one line", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(charge(item("b1", "CRM-FLAT", 1, 0))).Then()
		spec.Given(t, after(cremation)...).When(charge(item("b1", "STO-COLD", 1, 0))).Rejects(ErrLineExists)
	})
	t.Run("10,600 yuan cannot be charged where the list says 1,732", func(t *testing.T) {
		wuxi := charge(item("b3", "FLOWER", 1, domain.Yuan(10600)))
		spec.Given(t, agreed...).When(wuxi).Rejects(ErrAboveCeiling)
		_, err := Case.Decide(Case.Fold(Case.Initial, agreed...), wuxi)
		var rj *domain.Rejection
		if !errors.As(err, &rj) {
			t.Fatal(err)
		}
		if zh := rj.Text("zh"); zh != "鲜花布置录入 10,600 元，最高价是 1,732 元/场。" {
			t.Error(zh)
		}
		if en := rj.Text("en"); en != "Flowers is entered at 10,600 yuan; the most it may cost is 1,732 元/场." {
			t.Error(en)
		}
		if rj.Rule != "I16" || !strings.Contains(rj.Basis, "发改价格〔2026〕108号") {
			t.Error(rj.Rule, rj.Basis)
		}
	})
	t.Run("nor as several times the price", func(t *testing.T) {
		spec.Given(t, agreed...).When(charge(item("b3", "FLOWER", 6, 0))).Rejects(ErrAboveQuote)
	})
	t.Run("nor in several lines", func(t *testing.T) {
		spec.Given(t, after(Charged{served(line("b3", "FLOWER", 1, domain.Yuan(1732)))})...).When(charge(item("b4", "FLOWER", 1, 1))).Rejects(ErrAboveQuote)
	})
	t.Run("what is not on the list is not charged", func(t *testing.T) {
		spec.Given(t, agreed...).When(charge(item("b9", "TEA", 1, 100))).Rejects(ErrOffList)
	})
	t.Run("what was not agreed to is not charged, though it is on the list", func(t *testing.T) {
		spec.Given(t, agreed...).When(charge(item("b9", "GRM-STD", 1, 100))).Rejects(ErrAboveQuote)
		spec.Given(t, opened, quoted).When(charge(item("b1", "CRM-FLAT", 1, 0))).Rejects(ErrAboveQuote)
	})
	t.Run("a new quote and a new consent allow more", func(t *testing.T) {
		more := Quoted{Quote: "q2", PriceListVersion: 12, Lines: []Line{line("1", "CRM-FLAT", 1, domain.Yuan(900)), line("2", "STO-COLD", 5, domain.Yuan(90))}, Total: domain.Yuan(1350)}
		two := charge(item("b4", "STO-COLD", 2, 0))
		spec.Given(t, after(storage)...).When(two).Rejects(ErrAboveQuote)
		spec.Given(t, after(storage, more)...).When(two).Rejects(ErrAboveQuote)
		spec.Given(t, after(storage, more, Consented{"q2", more.Total, kin})...).When(two).Then(Charged{served(line("b4", "STO-COLD", 2, domain.Yuan(90)))})
	})
	t.Run("the list is the one in force on the day of the service", func(t *testing.T) {
		c := charge(item("b1", "CRM-FLAT", 1, 0))
		c.ServedOn = "2026-09-30"
		spec.Given(t, agreed...).When(c).Rejects(ErrNoList)
	})
	t.Run("a service of tomorrow is not charged today", func(t *testing.T) {
		for _, d := range []domain.Date{day.AddDays(1), "", "2026-11-31"} {
			c := charge(item("b1", "CRM-FLAT", 1, 0))
			c.ServedOn = d
			spec.Given(t, agreed...).When(c).Rejects(ErrServed)
		}
	})
	t.Run("a quantity is above zero", func(t *testing.T) {
		spec.Given(t, agreed...).When(charge(item("b1", "CRM-FLAT", 0, 0))).Rejects(ErrQuantity)
		spec.Given(t, agreed...).When(charge(item("b1", "CRM-FLAT", -1, 0))).Rejects(ErrQuantity)
	})
	t.Run("a cancelled case is charged nothing more", func(t *testing.T) {
		spec.Given(t, after(Cancelled{FamilyWithdrew})...).When(charge(item("b1", "CRM-FLAT", 1, 0))).Rejects(ErrEnded)
	})
}

func TestRelief(t *testing.T) {
	rule := ReliefRule{ID: "LN-BASIC-2025", Version: "1", Document: "演示文件", ValidFrom: "2025-04-04", Groups: []string{"特困人员"}, Hukou: "210000",
		Waives: []Waiver{{Code: "CRM-FLAT"}, {Code: "STO-COLD", Quantity: 3}}}
	relief := ApplyRelief{by, "b1", "特困人员", rule}
	grounds := domain.Personal(dead, Grounds{"LN-BASIC-2025", "1", "演示文件", "特困人员"})
	relieved := ReliefApplied{"b1", domain.Yuan(900), grounds}
	t.Run("a line that the rule waives comes to nothing", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(relief).Then(relieved)
		if s := spec.Given(t, after(cremation, relieved)...).State(); s.Balance() != 0 || s.Relief() != domain.Yuan(900) || s.Charged() != domain.Yuan(900) {
			t.Error(s.Balance(), s.Relief(), s.Charged())
		}
	})
	t.Run("who is entitled is sealed", func(t *testing.T) {
		if s := fmt.Sprintf("%+v %#v", relieved, relieved); strings.Contains(s, "特困") || strings.Contains(s, "LN-BASIC") {
			t.Error(s)
		}
	})
	t.Run("relief comes before payment", func(t *testing.T) {
		spec.Given(t, after(cremation, Paid{"p1", 1, Cash, ""})...).When(relief).Rejects(ErrReliefLate)
		spec.Given(t, after(cremation, storage, Paid{"p1", domain.Yuan(270), Cash, ""})...).When(relief).Then(relieved)
	})
	t.Run("the rule is the version of the day of death", func(t *testing.T) {
		for _, edit := range []func(*ReliefRule){func(r *ReliefRule) { r.ValidFrom = "2026-11-23" }, func(r *ReliefRule) { r.ValidUntil = "2026-11-21" }} {
			spec.Given(t, after(cremation)...).When(with(relief, func(c *ApplyRelief) { c.Rule = with(rule, edit) })).Rejects(ErrNotEntitled)
		}
	})
	for name, edit := range map[string]func(*ApplyRelief){
		"the group is one of the rule's":       func(c *ApplyRelief) { c.Group = "其他" },
		"the item is one that the rule waives": func(c *ApplyRelief) { c.Rule.Waives = c.Rule.Waives[1:] },
		"the hukou is one that the rule means": func(c *ApplyRelief) { c.Rule.Hukou = "220000" },
	} {
		t.Run(name, func(t *testing.T) {
			spec.Given(t, after(cremation)...).When(with(relief, edit)).Rejects(ErrNotEntitled)
		})
	}
	t.Run("an unidentified body has no hukou and needs none", func(t *testing.T) {
		o := with(opened, func(o *Opened) {
			o.Deceased, o.Handler.Relation = Deceased{Person: dead, Unnamed: Unidentified}, Police
		})
		spec.Given(t, o, quoted, Consented{"q1", quoted.Total, kin}, cremation).When(relief).Then(relieved)
	})
	t.Run("a rule waives no more than its quantity", func(t *testing.T) {
		days := func(id string, n int64) Charged { return Charged{served(line(id, "STO-COLD", n, domain.Yuan(90)))} }
		on := func(id string) ApplyRelief { return with(relief, func(c *ApplyRelief) { c.Line = id }) }
		spec.Given(t, after(days("b2", 3))...).When(on("b2")).Then(ReliefApplied{"b2", domain.Yuan(270), grounds})
		spec.Given(t, after(days("b2", 4))...).When(on("b2")).Rejects(ErrNotEntitled)
		spec.Given(t, after(days("b2", 2), ReliefApplied{"b2", domain.Yuan(180), grounds}, days("b3", 2))...).When(on("b3")).Rejects(ErrNotEntitled)
		spec.Given(t, after(days("b2", 2), ReliefApplied{"b2", domain.Yuan(180), grounds}, days("b3", 1))...).When(on("b3")).Then(ReliefApplied{"b3", domain.Yuan(90), grounds})
	})
	t.Run("relief is of a line that is there, under a rule with a version", func(t *testing.T) {
		spec.Given(t, agreed...).When(relief).Rejects(ErrNoLine)
		spec.Given(t, after(cremation)...).When(with(relief, func(c *ApplyRelief) { c.Rule.Version = "" })).Rejects(ErrRule)
	})
}

func TestMoney(t *testing.T) {
	paid := Paid{"p1", domain.Yuan(900), WeChat, ""}
	t.Run("what is due is paid, once", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(Pay{by, paid}).Then(paid)
		spec.Given(t, after(cremation, paid)...).When(Pay{by, paid}).Then()
		spec.Given(t, after(cremation, paid)...).When(Pay{by, with(paid, func(p *Paid) { p.Method = Cash })}).Rejects(ErrPaymentExists)
	})
	t.Run("nobody pays more than is due, or nothing", func(t *testing.T) {
		for _, m := range []domain.Money{0, -1, domain.Yuan(900) + 1} {
			spec.Given(t, after(cremation)...).When(Pay{by, Paid{"p1", m, Cash, ""}}).Rejects(ErrAmount)
		}
		spec.Given(t, after(cremation)...).When(Pay{by, Paid{"p1", 1, "SHELLS", ""}}).Rejects(ErrMethod)
		spec.Given(t, after(cremation)...).When(Pay{by, Paid{"", 1, Cash, ""}}).Rejects(ErrNoID)
		spec.Given(t, after(cremation)...).When(Pay{by, Paid{"p1", 1, Cash, "林家 1"}}).Rejects(ErrFiscal)
	})
	refund := Refund{by, "r1", "b1", domain.Yuan(100), Overcharge}
	t.Run("a refund gives back what was paid too much", func(t *testing.T) {
		spec.Given(t, after(cremation, paid)...).When(refund).Then(Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(100), Overcharge})
		spec.Given(t, after(cremation, Paid{"p1", domain.Yuan(850), Cash, ""})...).When(refund).Then(Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(50), Overcharge})
	})
	t.Run("a refund leaves nothing open", func(t *testing.T) {
		s := spec.Given(t, after(cremation, paid, Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(100), Overcharge})...).State()
		if s.Charged() != domain.Yuan(800) || s.Paid() != domain.Yuan(800) || s.Balance() != 0 {
			t.Error(s.Charged(), s.Paid(), s.Balance())
		}
	})
	t.Run("a refund before payment only lowers the bill", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(refund).Then(Refunded{"r1", "b1", domain.Yuan(100), 0, Overcharge})
	})
	t.Run("an overcharge found after the case was closed is given back", func(t *testing.T) {
		spec.Given(t, after(cremation, paid, Closed{domain.Yuan(900), 0, domain.Yuan(900)})...).When(refund).
			Then(Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(100), Overcharge})
	})
	t.Run("no more is given back than the line costs, and only once", func(t *testing.T) {
		spec.Given(t, after(cremation, paid)...).When(with(refund, func(r *Refund) { r.Amount = domain.Yuan(900) + 1 })).Rejects(ErrAmount)
		done := Refunded{"r1", "b1", domain.Yuan(100), domain.Yuan(100), Overcharge}
		spec.Given(t, after(cremation, paid, done)...).When(refund).Then()
		spec.Given(t, after(cremation, paid, done)...).When(with(refund, func(r *Refund) { r.Amount = 1 })).Rejects(ErrRefundExists)
		spec.Given(t, after(cremation, paid, done)...).When(with(refund, func(r *Refund) { r.Refund, r.Amount = "r2", domain.Yuan(801) })).Rejects(ErrAmount)
	})
	t.Run("a refund is of a line, with an id and a reason of the list", func(t *testing.T) {
		spec.Given(t, after(cremation, paid)...).When(with(refund, func(r *Refund) { r.Line = "b7" })).Rejects(ErrNoLine)
		spec.Given(t, after(cremation, paid)...).When(with(refund, func(r *Refund) { r.Reason = "" })).Rejects(ErrReason)
		spec.Given(t, after(cremation, paid)...).When(with(refund, func(r *Refund) { r.Refund = "" })).Rejects(ErrNoID)
	})
}

func TestEnd(t *testing.T) {
	t.Run("a case is cancelled once, with a reason of the list", func(t *testing.T) {
		spec.Given(t, agreed...).When(Cancel{by, FamilyWithdrew}).Then(Cancelled{FamilyWithdrew})
		spec.Given(t, after(Cancelled{FamilyWithdrew})...).When(Cancel{by, Duplicate}).Then()
		spec.Given(t, agreed...).When(Cancel{by, "林家不来了"}).Rejects(ErrReason)
	})
	t.Run("a case is closed when its bill is settled", func(t *testing.T) {
		spec.Given(t, after(cremation)...).When(Close{by}).Rejects(ErrBalance)
		spec.Given(t, after(cremation, Paid{"p1", domain.Yuan(900), Cash, ""})...).When(Close{by}).Then(Closed{domain.Yuan(900), 0, domain.Yuan(900)})
	})
	t.Run("what a cancelled case had been charged is still paid and closed", func(t *testing.T) {
		spec.Given(t, after(cremation, Cancelled{MovedElsewhere})...).When(Pay{by, Paid{"p1", domain.Yuan(900), Cash, ""}}).Then(Paid{"p1", domain.Yuan(900), Cash, ""})
	})
	t.Run("a case that has ended is not quoted, agreed to or cancelled", func(t *testing.T) {
		for _, end := range []Event{Cancelled{FamilyWithdrew}, Closed{}} {
			spec.Given(t, opened, quoted, end).When(Quote{by, "q2", []Item{item("1", "CRM-FLAT", 1, 0)}, prices}).Rejects(ErrEnded)
			spec.Given(t, opened, quoted, end).When(Consent{by, "q1", quoted.Total}).Rejects(ErrEnded)
		}
		spec.Given(t, opened, Closed{}).When(Cancel{by, FamilyWithdrew}).Rejects(ErrEnded)
		spec.Given(t, opened, ParticularsFixed{}).When(Cancel{by, EntryError}).Rejects(ErrBegun)
	})
}

// Whatever is asked in whatever order: the bill never exceeds what was agreed
// to, item by item; no unit costs more than its ceiling; nobody has paid more
// than is due; earlier states stay what they were.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Case.Fold(Case.Initial, opened)
		history := []Event{opened}
		rule := ReliefRule{ID: "R", Version: "1", Groups: []string{"g"}, Waives: []Waiver{{Code: "CRM-FLAT"}, {Code: "STO-COLD", Quantity: 3}}}
		codes := rapid.SampledFrom([]string{"CRM-FLAT", "STO-COLD", "FLOWER", "GRM-STD", "WRE-FREE", "TEA"})
		money := rapid.SampledFrom([]domain.Money{-1, 0, 1, 100, domain.Yuan(90), domain.Yuan(600), domain.Yuan(900), domain.Yuan(1732), domain.Yuan(10600)})
		id := rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6", "7", "8"})
		// Half of what is asked has a chance, so that histories grow long.
		likely := func() bool { return rapid.Bool().Draw(t, "likely") }
		lineOf := func() string {
			if len(s.Bill) > 0 && likely() {
				return rapid.SampledFrom(s.Bill).Draw(t, "billed").ID
			}
			return id.Draw(t, "line")
		}
		for range rapid.IntRange(10, 60).Draw(t, "commands") {
			var c Command
			switch rapid.IntRange(0, 14).Draw(t, "kind") {
			case 0, 1:
				q := Quote{by, id.Draw(t, "quote"), nil, prices}
				for _, code := range []string{"CRM-FLAT", "STO-COLD", "FLOWER", "GRM-STD", "WRE-FREE"} {
					if rapid.IntRange(0, 3).Draw(t, code) > 0 {
						q.Items = append(q.Items, item(code, code, int64(rapid.IntRange(1, 5).Draw(t, "n")), rapid.SampledFrom([]domain.Money{0, 100}).Draw(t, "price")))
					}
				}
				c = q
			case 2, 3:
				q := Quoted{Quote: id.Draw(t, "quote")}
				if n := len(s.Quotes); n > 0 && likely() {
					q = s.Quotes[n-1]
				}
				c = Consent{by, q.Quote, q.Total}
			case 4, 5, 6, 7, 8:
				it := item(id.Draw(t, "id"), codes.Draw(t, "code"), int64(rapid.IntRange(-1, 5).Draw(t, "n")), money.Draw(t, "price"))
				if s.Accepted != nil && likely() {
					l := rapid.SampledFrom(s.Accepted.Lines).Draw(t, "agreed")
					it = item(it.ID, l.Code, 1, l.Price)
				}
				c = charge(it)
			case 9:
				c = ApplyRelief{by, lineOf(), "g", rule}
			case 10, 11:
				c = Pay{by, Paid{id.Draw(t, "payment"), money.Draw(t, "amount"), Cash, ""}}
			case 12:
				c = Refund{by, id.Draw(t, "refund"), lineOf(), money.Draw(t, "amount"), Overcharge}
			case 13:
				if rapid.IntRange(0, 9).Draw(t, "really") == 9 {
					c = Cancel{by, FamilyWithdrew}
				} else {
					c = Open{by, opened}
				}
			case 14:
				if c = (Cancel{by, "NO SUCH REASON"}); rapid.IntRange(0, 4).Draw(t, "really") == 4 {
					c = Close{by}
				}
			}
			es, err := Case.Decide(s, c)
			if err != nil {
				var rj *domain.Rejection
				if !errors.As(err, &rj) || len(es) > 0 {
					t.Fatalf("%T: %v with %v", c, err, es)
				}
				continue
			}
			s = Case.Fold(s, es...)
			history = append(history, es...)
			if again, err := Case.Decide(s, c); err == nil && len(again) > 0 {
				t.Fatalf("%T happens twice: %v", c, again)
			}
			agreed, billed := map[string]domain.Money{}, map[string]domain.Money{}
			if s.Accepted != nil {
				for _, l := range s.Accepted.Lines {
					agreed[l.Code] += l.Amount
				}
				if s.Charged() > s.Accepted.Total {
					t.Fatalf("charged %s, agreed to %s", s.Charged(), s.Accepted.Total)
				}
			}
			for _, b := range s.Bill {
				billed[b.Code] += b.Amount - b.Refunded
				if b.Price > b.Ceiling || b.Quantity <= 0 || b.Amount != b.Price*domain.Money(b.Quantity) || b.Due() < 0 {
					t.Fatalf("unsound line: %+v", b)
				}
			}
			for code, m := range billed {
				if m > agreed[code] {
					t.Fatalf("%s: charged %s, agreed to %s", code, m, agreed[code])
				}
			}
			if s.Balance() < 0 || s.Paid() < 0 || s.Closed && s.Balance() != 0 {
				t.Fatalf("balance %s, paid %s, closed %v", s.Balance(), s.Paid(), s.Closed)
			}
		}
		domaintest.Pure(t, Case, history...)
	})
}
