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

const poor = "最低生活保障对象"

// The rule of 2025 and an older one of the city.
var rules = []ReliefRule{
	{ID: "DL-BASIC-2015", Version: "2015.1", Document: "大连市（2015，演示）", ValidFrom: "2015-08-01", Groups: []string{poor, "百岁老人"}, Hukou: "210200", Waives: []Waiver{{Code: "CRM-FLAT"}}},
	{ID: "LN-BASIC-2025", Version: "2025.1", Document: "辽宁省惠民殡葬政策（2025）", ValidFrom: "2025-04-04", Groups: []string{poor, "查实不了身源的无名(主)遗体"}, Hukou: "210000",
		Waives: []Waiver{{Code: "CRM-FLAT", Quantity: 1}, {Code: "STO-COLD", Quantity: 3}, {Code: "WRE-FREE"}}},
}

var (
	waives  = []Waived{{"CRM-FLAT", 1}, {"STO-COLD", 3}, {"WRE-FREE", 0}}
	claimed = ReliefClaimed{of(dead, poor), "LN-BASIC-2025", "2025.1", "辽宁省惠民殡葬政策（2025）", waives}
	granted = ReliefGranted{of(dead, poor), "LN-BASIC-2025", "2025.1", "辽宁省惠民殡葬政策（2025）", "民政数据核对", waives}
	ground  = domain.Personal(dead, Grounds{"LN-BASIC-2025", "2025.1", "辽宁省惠民殡葬政策（2025）", poor})
	claim   = ClaimRelief{by, poor, rules}
	grant   = GrantRelief{by, poor, "民政数据核对", rules}
)

func TestReliefIsComputed(t *testing.T) {
	facts := ReliefFacts{Category: poor, Hukou: "210211", DeathDate: "2026-11-22"}
	lines := []Line{line("1", "CRM-FLAT", 1, domain.Yuan(900)), line("2", "STO-COLD", 2, domain.Yuan(90)), line("3", "STO-COLD", 3, domain.Yuan(90)), line("4", "FLOWER", 1, domain.Yuan(1732)), line("5", "WRE-FREE", 6, 0)}
	t.Run("the waived units come off line by line, the rest is paid", func(t *testing.T) {
		r, rs, err := Relief(rules, facts, lines)
		want := []Reduction{{"1", "CRM-FLAT", 1, domain.Yuan(900)}, {"2", "STO-COLD", 2, domain.Yuan(180)}, {"3", "STO-COLD", 1, domain.Yuan(90)}}
		if err != nil || r.ID != "LN-BASIC-2025" || !slices.Equal(rs, want) {
			t.Error(r.ID, rs, err)
		}
	})
	for name, c := range map[string]struct {
		edit func(*ReliefFacts)
		rule string
		want string // of the refusal
	}{
		"the version is that of the day of death":        {func(f *ReliefFacts) { f.DeathDate = "2025-04-03" }, "DL-BASIC-2015", ""},
		"before any version there is none":               {func(f *ReliefFacts) { f.DeathDate = "2015-07-31" }, "", "死亡日期"},
		"a group is one of the rule's":                   {func(f *ReliefFacts) { f.Category = "其他" }, "", "不属于减免对象"},
		"who is registered elsewhere is not meant":       {func(f *ReliefFacts) { f.Hukou = "220100" }, "", "户籍"},
		"the province's rule reaches the whole province": {func(f *ReliefFacts) { f.Hukou = "210100" }, "LN-BASIC-2025", ""},
		"a nameless body has no registration and needs none": {func(f *ReliefFacts) {
			f.Category, f.Hukou, f.Nameless = "查实不了身源的无名(主)遗体", "", true
		}, "LN-BASIC-2025", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, rs, err := Relief(rules, with(facts, c.edit), lines)
			if r.ID != c.rule || (err == nil) != (c.want == "") || err != nil && len(rs) > 0 {
				t.Fatal(r.ID, rs, err)
			}
			if rj, ok := errors.AsType[*domain.Rejection](err); ok && !strings.Contains(rj.Text("zh"), c.want) {
				t.Error(rj.Text("zh"))
			}
		})
	}
	t.Run("a rule without a version decides nothing", func(t *testing.T) {
		if _, _, err := Relief([]ReliefRule{with(rules[1], func(r *ReliefRule) { r.Version = "" })}, facts, lines); !errors.Is(err, ErrRule) {
			t.Error(err)
		}
	})
}

// TestGrantedReliefAsksNoPaper: what was proved when relief was granted is not
// asked for again; a paper that came stays on the list.
func TestGrantedReliefAsksNoPaper(t *testing.T) {
	for name, tc := range map[string]struct {
		with []Event
		want bool
	}{
		"nothing": {nil, false}, "claimed": {[]Event{claimed}, true}, "granted": {[]Event{claimed, granted}, false},
		"the paper came": {[]Event{claimed, PaperReceived{Paper: ReliefProof}, granted}, true},
	} {
		var s State
		for _, e := range append([]Event{opened}, tc.with...) {
			s = Case.Evolve(s, e)
		}
		has := slices.ContainsFunc(Checklist(s.Situation("210200")), func(p Paper) bool { return p.Code == ReliefProof })
		if has != tc.want {
			t.Errorf("%s: on the list: %t", name, has)
		}
	}
}

func TestGrantRelief(t *testing.T) {
	t.Run("a claim says what would be free, sealed as to why", func(t *testing.T) {
		spec.Given(t, opened).When(claim).Then(claimed)
		if s := fmt.Sprintf("%+v", claimed); strings.Contains(s, poor) {
			t.Error(s)
		}
		spec.Given(t, opened).When(ClaimRelief{by, "百岁老人", rules}).Then(ReliefClaimed{of(dead, "百岁老人"), "DL-BASIC-2015", "2015.1", "大连市（2015，演示）", []Waived{{"CRM-FLAT", 0}}})
		spec.Given(t, opened).When(ClaimRelief{by, "其他", rules}).Rejects(ErrNotEntitled)
	})
	t.Run("granting it needs the proof, and the rule that holds", func(t *testing.T) {
		spec.Given(t, opened).When(grant).Then(granted)
		spec.Given(t, opened, claimed).When(with(grant, func(g *GrantRelief) { g.Proof = "" })).Rejects(ErrProof)
		spec.Given(t, opened, claimed).When(with(grant, func(g *GrantRelief) { g.Rules = nil })).Rejects(ErrNotEntitled)
		spec.Given(t, opened, granted).When(with(grant, func(g *GrantRelief) { g.Category = "百岁老人" })).Rejects(ErrReliefGranted)
	})
	t.Run("on the quote the waived items are at nothing", func(t *testing.T) {
		q := Quote{by, "q1", []Item{item("1", "CRM-FLAT", 1, 0), item("2", "STO-COLD", 5, 0), item("3", "FLOWER", 1, 0)}, prices}
		free := func(l Line, m domain.Money) Line { l.Relief = m; return l }
		spec.Given(t, opened, granted).When(q).Then(Quoted{Quote: "q1", PriceListVersion: 12, Lines: []Line{
			free(line("1", "CRM-FLAT", 1, domain.Yuan(900)), domain.Yuan(900)), free(line("2", "STO-COLD", 5, domain.Yuan(90)), domain.Yuan(270)), line("3", "FLOWER", 1, domain.Yuan(1732)),
		}, Total: domain.Yuan(900 + 450 + 1732), Relief: domain.Yuan(1170)})
	})
	t.Run("what is charged afterwards is free in the same moment", func(t *testing.T) {
		spec.Given(t, after(granted)...).When(charge(item("b1", "CRM-FLAT", 1, 0))).Then(cremation, ReliefApplied{"b1", domain.Yuan(900), ground})
		spec.Given(t, after(granted, storage, ReliefApplied{"b2", domain.Yuan(270), ground})...).When(charge(item("b9", "CRM-FLAT", 1, 0))).
			Then(Charged{served(line("b9", "CRM-FLAT", 1, domain.Yuan(900)))}, ReliefApplied{"b9", domain.Yuan(900), ground})
	})
	t.Run("what was charged before becomes free", func(t *testing.T) {
		spec.Given(t, after(cremation, storage)...).When(grant).Then(granted, ReliefApplied{"b1", domain.Yuan(900), ground}, ReliefApplied{"b2", domain.Yuan(270), ground})
	})
	t.Run("relief is computed before payment; what was paid is given back by a refund", func(t *testing.T) {
		spec.Given(t, after(cremation, Paid{"p1", domain.Yuan(900), Cash, ""})...).When(grant).Rejects(ErrReliefLate)
		spec.Given(t, after(cremation, Paid{"p1", domain.Yuan(900), Cash, ""})...).When(Refund{by, "r1", "b1", domain.Yuan(900), ReliefFound}).
			Then(Refunded{"r1", "b1", domain.Yuan(900), domain.Yuan(900), ReliefFound})
	})
	t.Run("a claim that comes to nothing says why", func(t *testing.T) {
		spec.Given(t, opened, claimed).When(DeclineRelief{by, NotInRegister}).Then(ReliefDeclined{NotInRegister})
		spec.Given(t, opened, claimed).When(DeclineRelief{by, "BAD LUCK"}).Rejects(ErrDeclineReason)
		spec.Given(t, opened).When(DeclineRelief{by, NotInRegister}).Then()
		spec.Given(t, opened, granted).When(DeclineRelief{by, NotInRegister}).Rejects(ErrReliefGranted)
	})
}

// PR-4: nobody who is entitled pays first.
func TestPayFirst(t *testing.T) {
	bill := after(cremation, storage, Charged{served(line("b3", "FLOWER", 1, domain.Yuan(1732)))}, claimed)
	t.Run("while a claim is open, what it would waive is not collected", func(t *testing.T) {
		g := spec.Given(t, bill...)
		g.When(Pay{by, Paid{"p1", domain.Yuan(1732) + 1, Cash, ""}}).Rejects(ErrPayFirst)
		g.When(Pay{by, Paid{"p1", domain.Yuan(1732), Cash, ""}}).Then(Paid{"p1", domain.Yuan(1732), Cash, ""})
		if g.State().Payable() != domain.Yuan(1732) {
			t.Error(g.State().Payable())
		}
	})
	t.Run("the answer names the rule, the document and what may be taken", func(t *testing.T) {
		_, err := Case.Decide(Case.Fold(Case.Initial, bill...), Pay{by, Paid{"p1", domain.Yuan(2902), Cash, ""}})
		r, _ := errors.AsType[*domain.Rejection](err)
		if r.Rule != "PR-4" || !strings.Contains(r.Basis, "严禁要求减免对象家属先付费后报销") || !strings.Contains(r.Text("zh"), "最多收 1,732 元") {
			t.Error(r.Rule, r.Basis, r.Text("zh"))
		}
	})
	t.Run("once it is decided, everything that is due may be paid", func(t *testing.T) {
		spec.Given(t, append(bill, ReliefDeclined{NotInRegister})...).When(Pay{by, Paid{"p1", domain.Yuan(2902), Cash, ""}}).Then(Paid{"p1", domain.Yuan(2902), Cash, ""})
		spec.Given(t, append(bill, granted, ReliefApplied{"b1", domain.Yuan(900), ground}, ReliefApplied{"b2", domain.Yuan(270), ground})...).
			When(Pay{by, Paid{"p1", domain.Yuan(1732), Cash, ""}}).Then(Paid{"p1", domain.Yuan(1732), Cash, ""})
	})
	t.Run("for an unidentified body nothing is taken before it is decided", func(t *testing.T) {
		o := with(opened, func(o *Opened) {
			o.Deceased, o.Handler.Relation = Deceased{Person: dead, Unnamed: Unidentified}, Police
		})
		given := []Event{o, quoted, Consented{"q1", quoted.Total, kin}, cremation}
		spec.Given(t, given...).When(Pay{by, Paid{"p1", 1, Cash, ""}}).Rejects(ErrPayFirst)
		spec.Given(t, append(given, ReliefDeclined{NotInForce})...).When(Pay{by, Paid{"p1", 1, Cash, ""}}).Then(Paid{"p1", 1, Cash, ""})
		spec.Given(t, given...).When(DeclineRelief{by, NotInForce}).Then(ReliefDeclined{NotInForce})
	})
}

// Whatever is claimed, granted, charged, paid and given back in whatever order:
// never is more paid than what is due after the relief that was claimed or
// granted; the waived units of a code are never more than the rule waives; and
// the bill, relief and payments add up.
func TestRandomRelief(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		domaintest.Random(t, Case, func(s State) Command {
			n++
			id := fmt.Sprint(n)
			switch k := rapid.IntRange(0, 11).Draw(t, "kind"); {
			case !s.Exists():
				return Open{by, opened}
			case len(s.Quotes) == 0:
				return Quote{by, "q1", []Item{item("1", "CRM-FLAT", 3, 0), item("2", "STO-COLD", 9, 0), item("3", "FLOWER", 2, 0)}, prices}
			case s.Accepted == nil:
				return Consent{by, "q1", s.Quotes[0].Total}
			case k == 0:
				return claim
			case k == 1 && rapid.Bool().Draw(t, "grant"):
				return grant
			case k == 2:
				return DeclineRelief{by, ClaimDropped}
			case k <= 4 && len(s.Bill) > 0:
				return Pay{by, Paid{id, rapid.SampledFrom([]domain.Money{domain.Yuan(90), domain.Yuan(900), s.Balance(), s.Payable()}).Draw(t, "amount"), Cash, ""}}
			case k == 5 && len(s.Bill) > 0:
				return Refund{by, id, rapid.SampledFrom(s.Bill).Draw(t, "line").ID, domain.Yuan(90), ReliefFound}
			case k == 6 && len(s.Bill) > 0:
				return ApplyRelief{by, rapid.SampledFrom(s.Bill).Draw(t, "line").ID, poor, rules[1]}
			}
			return charge(item("b"+id, rapid.SampledFrom([]string{"CRM-FLAT", "STO-COLD", "FLOWER"}).Draw(t, "code"), int64(rapid.IntRange(1, 3).Draw(t, "n")), 0))
		}, func(s State, history []Event) {
			if p, ok := history[len(history)-1].(Paid); ok {
				before := Case.Fold(Case.Initial, history[:len(history)-1]...)
				if p.Amount > before.Payable() || before.Payable() > before.Balance() {
					t.Fatalf("paid %s where %s may be taken", p.Amount, before.Payable())
				}
			}
			free := map[string]domain.Money{}
			for _, b := range s.Bill {
				free[b.Code] += b.Relief
				if b.Due() < 0 || b.Relief > 0 && b.Code == "FLOWER" {
					t.Fatalf("%+v", b)
				}
			}
			if free["CRM-FLAT"] > domain.Yuan(900) || free["STO-COLD"] > domain.Yuan(270) {
				t.Fatalf("waived %v", free)
			}
			if s.Balance() < 0 || s.Charged()-s.Relief()-s.Paid() != s.Balance() {
				t.Fatalf("%s - %s - %s != %s", s.Charged(), s.Relief(), s.Paid(), s.Balance())
			}
			if s.Grant != nil { // what is waived is never due, not even for a moment
				for code, limit := range map[string]int64{"CRM-FLAT": 1, "STO-COLD": 3} {
					var units int64
					var relieved domain.Money
					for _, b := range s.Bill {
						if b.Code == code && b.Refunded == 0 {
							units, relieved = units+b.Quantity, relieved+b.Relief
						}
					}
					price := map[string]domain.Money{"CRM-FLAT": domain.Yuan(900), "STO-COLD": domain.Yuan(90)}[code]
					refunded := slices.ContainsFunc(s.Bill, func(b BillLine) bool { return b.Code == code && b.Refunded > 0 })
					if want := price * domain.Money(min(units, limit)); !refunded && relieved < want {
						t.Fatalf("%s: %s waived of %s", code, relieved, want)
					}
				}
			}
		})
	})
}

// I20: whatever is sent, a quote and a charge say which price list they rest on,
// and relief says which version of which rule.
func TestVersionsAtRandom(t *testing.T) {
	quotes, charges, reliefs := 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		d := Case
		d.Initial = d.Fold(d.Initial, opened)
		n := 0
		version := rapid.SampledFrom([]string{"", "2025.2"})
		rules := func() []ReliefRule {
			return []ReliefRule{{ID: rapid.SampledFrom([]string{"", "LN"}).Draw(t, "rule"), Version: version.Draw(t, "version"), Groups: []string{"g"}, Waives: []Waiver{{Code: "CRM-FLAT", Quantity: 1}}}}
		}
		list := func() PriceList {
			l := prices
			l.Version = rapid.SampledFrom([]int{0, prices.Version, prices.Version}).Draw(t, "list")
			return l
		}
		domaintest.Random(t, d, func(s State) Command {
			n++
			id := fmt.Sprint(n)
			switch rapid.IntRange(0, 6).Draw(t, "command") {
			case 0, 1:
				return Quote{by, id, []Item{item(id, "CRM-FLAT", 1, 0)}, list()}
			case 2:
				if len(s.Quotes) == 0 {
					return Consent{by, "none", 0}
				}
				last := s.Quotes[len(s.Quotes)-1]
				return Consent{by, last.Quote, last.Total}
			case 3:
				c := charge(item(id, "CRM-FLAT", 1, 0))
				c.Prices = list()
				return c
			case 4:
				return ClaimRelief{by, "g", rules()}
			case 5:
				return GrantRelief{by, "g", "civil-affairs-data", rules()}
			}
			line := "none"
			if len(s.Bill) > 0 {
				line = s.Bill[0].ID
			}
			return ApplyRelief{by, line, "g", rules()[0]}
		}, func(s State, history []Event) {
			for _, e := range history {
				switch e := e.(type) {
				case Quoted:
					quotes++
					if e.PriceListVersion == 0 {
						t.Fatalf("%+v", e)
					}
				case Charged:
					charges++
					if e.Line.PriceListVersion == 0 {
						t.Fatalf("%+v", e)
					}
				case ReliefClaimed:
					if e.Rule == "" || e.Version == "" {
						t.Fatalf("%+v", e)
					}
				case ReliefGranted:
					if e.Rule == "" || e.Version == "" {
						t.Fatalf("%+v", e)
					}
				case ReliefApplied:
					reliefs++
					if g, _ := e.Grounds.Get(); g.Rule == "" || g.Version == "" {
						t.Fatalf("%+v", e)
					}
				}
			}
		})
	}, &quotes, &charges, &reliefs)
}

// I8 holds for every command of a case and of a till.
func TestTimesOfEveryCommand(t *testing.T) {
	domaintest.Times[State, Command](t, Case, Case.Fold(Case.Initial, agreed...), Open{}, AttachSlot{}, DetachSlot{}, Quote{}, Consent{}, Charge{}, ApplyRelief{}, Pay{}, Refund{}, Cancel{}, Close{},
		DeclineQuote{}, RecordRefusal{}, ClaimRelief{}, GrantRelief{}, DeclineRelief{}, PayRefund{}, IssueReceipt{}, ReprintReceipt{}, RecordCircumstances{}, ReceivePaper{}, PromisePaper{}, LapsePaper{},
		NotifyOffice{}, Authorise{}, Challenge{}, ResolveChallenge{}, ReplaceHandler{}, Amend{}, FixParticulars{}, Correct{}, Clarify{}, PlanService{}, StartService{}, EndService{}, PreferContact{}, IssueTracking{}, Rate{})
	domaintest.Times[TillState, TillCommand](t, Till, Till.Initial, EnterTill{}, CloseTill{}, ReopenTill{})
}
