package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCaseFromIntakeToRelease takes one case through everything that the desk
// and the furnace room do, by the forms of its page.
func TestCaseFromIntakeToRelease(t *testing.T) {
	h := newHome(t)
	desk, second, furnace := h.clerk("desk-0101"), h.clerk("desk-0102"), h.clerk("furnace-0201")
	id := desk.intake()

	// Papers, money.
	desk.must(id, "quote", "qty.TRN-STD", "1", "qty.STO-COLD", "2", "qty.CRM-FLAT", "1", "qty.GRM-STD", "1", "qty.URN-BASIC", "1")
	desk.must(id, "consent", "answer", "yes")
	desk.must(id, "collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
	h.later(20 * time.Minute)
	desk.must(id, "arrive", "tag", "dl-0412")
	desk.must(id, "death_certificate", "issuer", "市某医院", "issued_on", "2026-11-22", "cause_class", "NATURAL", "checked", "1")
	desk.must(id, "belongings", "found", "金色戒指 x1\n手表", "witness", "desk-0102")
	h.later(5 * time.Minute)
	desk.must(id, "move", "tag", "DL-0412", "to", "COLD_BAY cold-1/2")
	desk.must(id, "paper", "paper", "DECEASED_ID")
	desk.must(id, "identify", "tag", "DL-0412", "recognised", "yes")
	desk.must(id, "settle", "items", "1", "receipt", "YW-1")
	desk.must(id, "confirmation", "signed", "1")

	// The furnace room.
	h.later(time.Hour)
	furnace.must(id, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
	desk.refused("verifier_is_creator", id, "verify", "tag", "DL-0412")
	furnace.refused("identity_not_verified", id, "start", "furnace", "furnace-1")
	furnace.must(id, "verify", "tag", "DL-0412")
	furnace.refused("identity_not_verified", id, "start", "furnace", "furnace-1")
	second.must(id, "verify", "tag", "DL-0412")
	furnace.must(id, "start", "furnace", "furnace-1")
	h.later(70 * time.Minute)
	furnace.must(id, "complete")
	furnace.must(id, "ashes", "weight", "2410", "label", "DL-0412", "sealed_with", "desk-0102", "chamber_empty", "1")

	// Certificate, bill, release.
	desk.must(id, "certificate", "certificate", "dl-hz-0001")
	desk.must(id, "charge_agreed")
	desk.must(id, "pay", "pay_method", "WECHAT")
	desk.must(id, "code")
	code := codeForm.FindString(plainText(desk.get("/desk/cases/" + id).body))
	if code == "" {
		t.Fatal("the code does not show")
	}
	if again := codeForm.FindString(plainText(desk.get("/desk/cases/" + id).body)); again != "" {
		t.Error("the code shows twice")
	}
	release := []string{"certificate", "DL-HZ-0001", "collector", "林知远", "collector_tail", citizen("21020219650312041")[14:], "id_checked", "1", "receipt", "LQ-1"}
	desk.refused("release_code_wrong", id, "release", append(release, "code", "ABCD-EFGH")...)
	desk.must(id, "release", append(release, "code", code)...)
	desk.must(id, "close")

	p := desk.page("/desk/cases/" + id)
	for _, want := range []string{"骨灰已领取", "已办结", "2,442.00"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

var codeForm = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

func TestBadIntakeKeepsWhatWasTyped(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	v := filled(desk.page("/desk/intake"), "/desk/intake")
	v.Set("name", "林归舟")
	wrong := []byte(citizen("21020219351212001"))
	wrong[17] = '0' + (wrong[17]-'0'+1)%10
	v.Set("citizen_id", string(wrong))
	v.Set("handler_name", "林知远")
	v.Set("relation", "CHILD")
	res := desk.post("/desk/intake", v)
	p := res.doc(t)
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", res.StatusCode)
	}
	kept := filled(p, "/desk/intake")
	for _, name := range []string{"name", "citizen_id", "handler_name", "relation", "token"} {
		if kept.Get(name) != v.Get(name) {
			t.Errorf("%s was %q and is %q", name, v.Get(name), kept.Get(name))
		}
	}
	if n := len(p.find(class("bad"))); n != 2 {
		t.Errorf("%d fields are marked, want the ID number and the phone", n)
	}
}

func TestOneFormCountsOnce(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	v := filled(desk.page("/desk/intake"), "/desk/intake")
	for k, s := range map[string]string{"name": "林归舟", "handler_name": "林知远", "handler_phone": "13804110412", "relation": "CHILD"} {
		v.Set(k, s)
	}
	first := desk.post("/desk/intake", v).Header.Get("Location")
	again := desk.post("/desk/intake", v).Header.Get("Location")
	if first == "" || first != again {
		t.Errorf("sent twice, the form led to %s and %s", first, again)
	}
}

func TestSomebodyAlikeIsShownFirst(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	first := desk.intake()
	v := filled(desk.page("/desk/intake"), "/desk/intake")
	for k, s := range map[string]string{"name": "林归舟", "handler_name": "林某", "handler_phone": "13804110413", "relation": "SIBLING"} {
		v.Set(k, s)
	}
	res := desk.post("/desk/intake", v)
	if res.StatusCode != http.StatusConflict || !strings.Contains(string(res.body), first) {
		t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
	}
	kept := filled(res.doc(t), "/desk/intake")
	kept.Set("sure", "1")
	if res := desk.post("/desk/intake", kept); res.StatusCode != http.StatusSeeOther {
		t.Errorf("compared and sure: status %d: %s", res.StatusCode, plainText(res.body))
	}
}

// TestRefusalsOnTheirForm: a rule's "no" stands on the form with its rule and
// document, and a charge that was refused is on the page of the case.
func TestRefusalsOnTheirForm(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	desk.refused("charge_above_ceiling", id, "quote", "qty.CRM-FLAT", "1", "own.CRM-FLAT", "10600")
	p := desk.refused("charge_split", id, "quote", "qty.TRN-STD", "1", "qty.TRN-CARRY", "1")
	for _, want := range []string{"PR-3", "不得分解"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the form does not say %q", want)
		}
	}
	desk.must(id, "quote", "qty.CRM-FLAT", "1")
	desk.must(id, "consent", "answer", "yes")
	desk.refused("charge_off_list", id, "charge", "code", "LUCK-1", "quantity", "1")
	p = desk.refused("charge_above_ceiling", id, "charge", "code", "CRM-FLAT", "price", "10600")
	for _, want := range []string{"10,600", "1,732", "I16", "发改价格〔2026〕108号"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the form does not say %q", want)
		}
	}
	p = desk.page("/desk/cases/" + id)
	if !strings.Contains(text(p.root), "10,600.00") {
		t.Error("the refused charge is not on the page of the case")
	}
	desk.must(id, "quote", "qty.CRM-FLAT", "1", "qty.GRM-STD", "1")
	desk.must(id, "quote", "qty.CRM-FLAT", "1", "qty.GRM-STD", "2")
	desk.refused("third_quote", id, "quote", "qty.CRM-FLAT", "1", "qty.GRM-STD", "3")
}

// TestUnmaskingNeedsAReason: numbers show masked, in full only for a reason
// that is kept and shown.
func TestUnmaskingNeedsAReason(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	full := citizen("21020219351212001")
	if s := string(desk.get("/desk/cases/" + id).body); strings.Contains(s, full) || strings.Contains(s, "13804110412") {
		t.Error("a number shows in full")
	}
	if res := desk.post("/desk/cases/"+id+"/numbers", url.Values{"reason": {" "}}); res.StatusCode != http.StatusUnprocessableEntity || strings.Contains(string(res.body), full) {
		t.Errorf("without a reason: status %d", res.StatusCode)
	}
	res := desk.post("/desk/cases/"+id+"/numbers", url.Values{"reason": {"家属电话核对"}})
	if res.StatusCode != http.StatusOK || !strings.Contains(string(res.body), full) || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("with a reason: status %d", res.StatusCode)
	}
	if p := desk.page("/desk/cases/" + id); !strings.Contains(text(p.root), "家属电话核对") {
		t.Error("the look is not told")
	}
}
