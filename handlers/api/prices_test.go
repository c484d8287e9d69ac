package api_test

import (
	"fmt"
	"strings"
	"testing"

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
