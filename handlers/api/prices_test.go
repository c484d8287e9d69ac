package api_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"

	"shenzhong/domain/booking"
	"shenzhong/handlers"
)

// taggedList has an urn at 1,732 yuan, a transport that includes carrying, and
// a range.
const taggedList = `{"effective_from":"2026-11-23","institution_name":"松涛殡仪馆（演示）","division":"210211","basis":"演示",
 "rows":[{"code":"CRM-STD","name_zh":"遗体火化","category":"CREMATION","pricing_type":"GOV_GUIDED_BASIC","unit":"元/具","price_fen":90000},
  {"code":"TRN-STD","name_zh":"遗体接运","category":"TRANSPORT","pricing_type":"GOV_GUIDED_BASIC","unit":"元/具","price_fen":38000},
  {"code":"TRN-CARRY","name_zh":"抬运","category":"TRANSPORT","pricing_type":"GOV_GUIDED_BASIC","unit":"元/具","price_fen":10000},
  {"code":"GRM-WASH","name_zh":"洁身","category":"GROOMING","pricing_type":"REFERENCE_RANGE","unit":"元/具","price_fen":20000,"price_min_fen":15000,"price_max_fen":30000},
  {"code":"URN-STD","name_zh":"骨灰盒","category":"GOODS","pricing_type":"MARKET","unit":"元/个","price_fen":173200}]}`

// refusals are those that a case keeps.
func (c *city) refusals(id string) []booking.ChargeRefused {
	c.t.Helper()
	s, _, err := c.app.Cases.Load(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return s.Refusals
}

// Must show, line 4: each is refused with its rule and its document, and kept
// on the case for whoever supervises.
func TestPriceRefusals(t *testing.T) {
	c := newCity(t)
	c.must("importer-0701", "/price-lists/"+home, taggedList)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	on := "/cases/" + id
	quotes := on + "/quotes"
	law := func(p handlers.Problem, rule, basis string) {
		t.Helper()
		if p.Rule != rule || !strings.Contains(p.Basis, basis) {
			t.Errorf("%s is refused under %q, %q; want %s, %s", p.Code, p.Rule, p.Basis, rule, basis)
		}
	}
	p := c.refuses(422, "charge_above_ceiling", "desk-0101", quotes, `{"items":[{"code":"CRM-STD","quantity":1},{"code":"URN-STD","quantity":1,"price_fen":1060000}]}`)
	law(p, "I16", "殡葬管理条例（2026）")
	if !strings.Contains(p.Detail, "10600") && !strings.Contains(p.Detail, "10,600") || !strings.Contains(p.Detail, "1732") && !strings.Contains(p.Detail, "1,732") {
		t.Error(p.Detail)
	}
	law(c.refuses(422, "charge_off_list", "desk-0101", quotes, `{"items":[{"code":"GOLD","quantity":1}]}`), "I16", "不得在清单之外")
	law(c.refuses(422, "charge_split", "desk-0101", quotes, `{"items":[{"code":"TRN-STD","quantity":1},{"code":"TRN-CARRY","quantity":1}]}`), "PR-3", "不得分解项目收费")
	law(c.refuses(422, "price_outside_range", "desk-0101", quotes, `{"items":[{"code":"GRM-WASH","quantity":1,"price_fen":10000}]}`), "PR-2", "发改价格〔2026〕108号")
	c.must("desk-0101", quotes, `{"items":[{"code":"GRM-WASH","quantity":1,"price_fen":14000,"reason":"熟人不收全价"}]}`)
	c.must("desk-0101", quotes, `{"items":[{"code":"CRM-STD","quantity":1},{"code":"TRN-STD","quantity":1}]}`)
	law(c.refuses(422, "third_quote", "desk-0101", quotes, `{"items":[{"code":"CRM-STD","quantity":1}]}`), "I16", "不得强制")
	got := c.send("desk-0101", "GET", "/api/v1"+on, "")
	c.must("desk-0101", on+"/consents", fmt.Sprintf(`{"quote":%q,"total_fen":128000}`, got.field("quote.quote")))
	c.must("desk-0101", on+"/charges", `{"code":"TRN-STD","quantity":1}`)
	c.refuses(422, "charge_split", "desk-0101", on+"/charges", `{"code":"TRN-CARRY","quantity":1}`)
	c.refuses(422, "charge_above_quote", "desk-0101", on+"/charges", `{"code":"CRM-STD","quantity":2}`)

	want := []booking.ChargeRefused{
		{Code: "charge_above_ceiling", Item: "URN-STD", Amount: 1060000, Limit: 173200},
		{Code: "charge_off_list", Item: "GOLD"},
		{Code: "charge_split", Item: "TRN-CARRY", Amount: 10000, Limit: 10000},
		{Code: "price_outside_range", Item: "GRM-WASH", Amount: 10000, Limit: 30000},
		{Code: "third_quote"},
		{Code: "charge_split", Item: "TRN-CARRY", Amount: 10000, Limit: 10000},
		{Code: "charge_above_quote", Item: "CRM-STD", Amount: 180000, Limit: 90000},
	}
	have := c.refusals(id)
	if len(have) != len(want) {
		t.Fatalf("%d refusals are kept, want %d: %+v", len(have), len(want), have)
	}
	for i, h := range have {
		if h.Rule == "" || uuid.Validate(h.Refusal) != nil {
			t.Errorf("%+v", h)
		}
		h.Refusal, h.Rule, h.Basis = "", "", ""
		if h != want[i] {
			t.Errorf("refusal %d is %+v, want %+v", i, h, want[i])
		}
	}
}

// A refused request that is sent again is noted once, and refused again.
func TestARefusalIsKeptOnce(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	for range 3 {
		r := c.send("desk-0101", "POST", "/api/v1/cases/"+id+"/quotes", `{"items":[{"code":"GOLD","quantity":1}]}`, "Idempotency-Key", "the same key")
		if r.problem().Code != "charge_off_list" {
			t.Error(r.Body)
		}
	}
	if n := len(c.refusals(id)); n != 1 {
		t.Errorf("%d refusals are kept", n)
	}
}

// chinese says that a text is written for people here.
func chinese(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0 && !strings.Contains(s, "%!")
}

// The same at the till and on the bill, after the family agreed: whoever is
// charged 10,600 yuan for what is tagged at 1,732, for what is on no list, for a
// part of what is charged already, or before a claim to relief is decided, pays
// nothing of it, and the case keeps that it was tried.
func TestChargesThatRulesForbid(t *testing.T) {
	c := newCity(t)
	c.must("importer-0701", "/price-lists/"+home, taggedList)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	on := "/cases/" + id
	view := func() reply { return c.send("desk-0101", "GET", "/api/v1"+on, "") }
	c.must("desk-0101", on+"/quotes", `{"items":[{"code":"URN-STD","quantity":1},{"code":"TRN-STD","quantity":1},{"code":"CRM-STD","quantity":1}]}`)
	c.must("desk-0101", on+"/consents", fmt.Sprintf(`{"quote":%q,"total_fen":301200}`, view().field("quote.quote")))
	c.must("desk-0101", on+"/charges", `{"code":"TRN-STD","quantity":1}`)
	c.must("desk-0101", on+"/charges", `{"code":"CRM-STD","quantity":1}`)
	c.must("desk-0101", on+"/relief-claims", `{"category":"特困人员"}`)

	for _, r := range []struct {
		name, path, body         string
		code, rule, basis, texts string
		kept                     booking.ChargeRefused
	}{
		{"10,600 for what is tagged at 1,732", "/charges", `{"code":"URN-STD","quantity":1,"price_fen":1060000}`,
			"charge_above_ceiling", "I16", "发改价格〔2026〕108号", "10,600 1,732 骨灰盒", booking.ChargeRefused{Item: "URN-STD", Amount: 1060000, Limit: 173200}},
		{"what is on no list", "/charges", `{"code":"INCENSE","quantity":1,"price_fen":66600}`,
			"charge_off_list", "I16", "殡葬管理条例（2026）：不得在清单之外设立项目、收取费用", "INCENSE", booking.ChargeRefused{Item: "INCENSE", Amount: 66600}},
		{"a part of what is charged already", "/charges", `{"code":"TRN-CARRY","quantity":1}`,
			"charge_split", "PR-3", "殡葬管理条例（2026）：不得分解项目收费", "抬运 遗体接运", booking.ChargeRefused{Item: "TRN-CARRY", Amount: 10000, Limit: 10000}},
		{"more than was agreed to", "/charges", `{"code":"CRM-STD","quantity":1}`,
			"charge_above_quote", "I16", "", "900 遗体火化", booking.ChargeRefused{Item: "CRM-STD", Amount: 90000, Limit: 90000}},
		{"paying first what relief would waive", "/payments", `{"amount_fen":128000,"method":"CASH"}`,
			"pay_first", "PR-4", "严禁要求减免对象家属先付费后报销", "减免 0", booking.ChargeRefused{Amount: 128000, Limit: 0}},
	} {
		charged, kept := view().field("charged_fen"), len(c.refusals(id))
		p := c.refuses(422, r.code, "desk-0101", on+r.path, r.body)
		if p.Rule != r.rule || !strings.Contains(p.Basis, r.basis) || !chinese(p.Detail) || !chinese(p.Title) {
			t.Errorf("%s: %+v", r.name, p)
		}
		for text := range strings.FieldsSeq(r.texts) {
			if !strings.Contains(p.Detail, text) {
				t.Errorf("%s: %q does not say %s", r.name, p.Detail, text)
			}
		}
		if v := view(); v.field("charged_fen") != charged || v.field("paid_fen") != "0" {
			t.Errorf("%s: %s is charged, %s paid", r.name, v.field("charged_fen"), v.field("paid_fen"))
		}
		have := c.refusals(id)
		if len(have) != kept+1 {
			t.Fatalf("%s: %d refusals are kept, want %d", r.name, len(have), kept+1)
		}
		last := have[kept]
		if last.Code != r.code || last.Rule != r.rule || last.Basis != p.Basis || last.Item != r.kept.Item || last.Amount != r.kept.Amount || last.Limit != r.kept.Limit {
			t.Errorf("%s: kept is %+v", r.name, last)
		}
	}

	// Once it is decided, what is waived costs nothing and the rest is paid.
	c.must("desk-0101", on+"/relief-grants", `{"category":"特困人员","proof":"civil-affairs-data"}`)
	if v := view(); v.field("relief_fen") != "128000" || v.field("payable_fen") != "0" || v.field("relief") != "granted" {
		t.Error(v.Body)
	}
	c.must("desk-0101", on+"/charges", `{"code":"URN-STD","quantity":1}`)
	if v := view(); v.field("payable_fen") != "173200" || v.field("balance_fen") != "173200" {
		t.Error(v.Body)
	}
	c.refuses(422, "amount_invalid", "desk-0101", on+"/payments", `{"amount_fen":173201,"method":"CASH"}`)
	c.must("desk-0101", on+"/payments", `{"amount_fen":173200,"method":"CASH"}`)

	// Nobody pays for an unidentified body before its relief is decided.
	nobody := strings.NewReplacer(`"name":"沈明远","citizen_id":"`+person(2)+`"`, `"unnamed":"UNIDENTIFIED"`, `,"hukou":"210211"`, "", `"CHILD"`, `"POLICE"`).Replace(caseJSON(2, ""))
	unnamed := c.must("desk-0101", "/cases", nobody)
	c.must("desk-0101", "/cases/"+unnamed+"/quotes", `{"items":[{"code":"CRM-STD","quantity":1}]}`)
	c.must("desk-0101", "/cases/"+unnamed+"/consents", fmt.Sprintf(`{"quote":%q,"total_fen":90000}`, c.send("desk-0101", "GET", "/api/v1/cases/"+unnamed, "").field("quote.quote")))
	c.must("desk-0101", "/cases/"+unnamed+"/charges", `{"code":"CRM-STD","quantity":1}`)
	c.refuses(422, "pay_first", "desk-0101", "/cases/"+unnamed+"/payments", `{"amount_fen":1,"method":"CASH"}`)
	c.must("desk-0101", "/cases/"+unnamed+"/relief-grants", `{"category":"查实不了身源的无名(主)遗体","proof":"police-paper"}`)
	if v := c.send("desk-0101", "GET", "/api/v1/cases/"+unnamed, ""); v.field("balance_fen") != "0" {
		t.Error(v.Body)
	}
}
