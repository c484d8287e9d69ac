package web

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
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
	// The number alone finds them too, where the name was heard differently.
	other := filled(desk.page("/desk/intake"), "/desk/intake")
	for k, s := range map[string]string{"name": "凌桂周", "citizen_id": citizen("21020219351212001"), "handler_name": "林某", "handler_phone": "13804110413", "relation": "SIBLING"} {
		other.Set(k, s)
	}
	if res := desk.post("/desk/intake", other); res.StatusCode != http.StatusConflict || !strings.Contains(string(res.body), first) {
		t.Errorf("the same number under another name: status %d: %s", res.StatusCode, plainText(res.body))
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
	p = desk.refused("number_needed", id, "quote", "qty.CRM-FLAT", "x")
	if s := text(p.root); strings.Contains(s, "qty.CRM-FLAT") || !strings.Contains(s, "请填一个数字") {
		t.Errorf("the form does not name the item: %s", s)
	}
	for code, v := range map[string]url.Values{
		"hukou": {"hukou": {"990000"}}, "death_day": {"death_day": {"2027-01-01"}}, "document_number": {"citizen_id": {""}, "kind": {"FOREIGN"}, "document_kind": {"PASSPORT"}, "document_number": {"?"}},
	} {
		form := url.Values{"token": {uuid.NewString()}, "name": {"沈一舟"}, "kind": {"RESIDENT"}, "handler_name": {"沈二舟"}, "handler_phone": {"13804110000"}, "relation": {"CHILD"}}
		maps.Copy(form, v)
		res := desk.post("/desk/intake", form)
		if s := string(res.body); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(s, `id="`+code+`-e"`) || !strings.Contains(s, `href="#`+code+`"`) {
			t.Errorf("%s is not marked: status %d, %s", code, res.StatusCode, plainText(res.body))
		}
		if s := string(res.body); !strings.Contains(s, `<option value="210202">中山区</option>`) || !strings.Contains(s, `list="nationality-list"`) {
			t.Error("the form suggests no divisions or nationalities")
		}
	}
	desk.must(id, "quote", "qty.CRM-FLAT", "1")
	desk.must(id, "consent", "answer", "yes")
	if s := string(desk.get("/desk/cases/" + id + "/charge").body); !strings.Contains(s, `<datalist id="code-list"><option value="`) {
		t.Error("the form suggests no items")
	}
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

// TestNobodyPaysFirst: while relief is not decided, what it may take off is not
// collected.
func TestNobodyPaysFirst(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	desk.must(id, "claim_relief", "group", "最低生活保障对象")
	desk.must(id, "quote", "qty.TRN-STD", "1", "qty.GRM-STD", "1")
	desk.must(id, "consent", "answer", "yes")
	desk.must(id, "charge_agreed")
	p := desk.refused("pay_first", id, "pay", "amount", "240", "pay_method", "CASH")
	for _, want := range []string{"可能享受惠民减免", "最多收 40"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the form does not say %q: %s", want, text(p.root))
		}
	}
	desk.must(id, "pay", "amount", "40", "pay_method", "CASH")
}

// TestNoCremation: the page refuses a cremation without one of its papers, with
// one verifier twice, on a furnace that is in use, under a hold, and at a time
// that has not come, each in Chinese with its reason; and none of it begins.
func TestNoCremation(t *testing.T) {
	// ready takes a case to the furnace with everything but what is named.
	ready := func(t *testing.T, h *home, without ...string) string {
		desk, furnace := h.clerk("desk-0101"), h.clerk("furnace-0201")
		id := desk.intake()
		for _, x := range [][]string{
			{"collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1"},
			{"arrive", "tag", "DL-0412"},
			{"death_certificate", "issuer", "市某医院", "issued_on", "2026-11-22", "cause_class", "NATURAL", "checked", "1"},
			{"identify", "tag", "DL-0412", "recognised", "yes"},
			{"confirmation", "signed", "1"},
		} {
			if slices.Contains(without, x[0]) {
				continue
			}
			desk.must(id, x[0], x[1:]...)
			h.later(10 * time.Minute)
		}
		furnace.must(id, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
		return id
	}
	verified := func(h *home, id string) {
		h.clerk("furnace-0201").must(id, "verify", "tag", "DL-0412")
		h.clerk("desk-0102").must(id, "verify", "tag", "DL-0412")
	}
	start := []string{"furnace", "furnace-1"}
	for _, tc := range []struct {
		name, code, says string
		act              func(t *testing.T, h *home) (id string, set []string)
	}{
		{"no death certificate", "no_death_certificate", "死亡证明", func(t *testing.T, h *home) (string, []string) { return ready(t, h, "death_certificate"), start }},
		{"no confirmation", "no_confirmation", "火化确认书", func(t *testing.T, h *home) (string, []string) { return ready(t, h, "confirmation"), start }},
		{"one verifier twice", "identity_not_verified", "两名工作人员", func(t *testing.T, h *home) (string, []string) {
			id := ready(t, h)
			c := h.clerk("furnace-0201")
			c.must(id, "verify", "tag", "DL-0412")
			h.later(time.Minute)
			if form := c.get("/desk/cases/" + id + "/verify"); form.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("the second check is offered to who made the first: status %d", form.StatusCode)
			}
			c.do(id, "verify", "tag", "DL-0412") // and sending it all the same makes no second one
			return id, start
		}},
		{"police hold", "cremation_on_hold", "公安", func(t *testing.T, h *home) (string, []string) {
			id := ready(t, h)
			verified(h, id)
			h.clerk("desk-0101").must(id, "hold", "hold_kind", "POLICE", "authority", "大连市公安局某分局")
			return id, start
		}},
		{"time from the future", "time_in_future", "时间", func(t *testing.T, h *home) (string, []string) {
			id := ready(t, h)
			verified(h, id)
			return id, append(slices.Clone(start), "at", h.clock().Add(time.Hour).In(domain.Shanghai).Format("2006-01-02T15:04"))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			id, set := tc.act(t, h)
			c := h.clerk("furnace-0201")
			p := c.refused(tc.code, id, "start", set...)
			alert := p.find(func(n *html.Node) bool { return attr(n, "role") == "alert" })
			if len(alert) != 1 || !strings.Contains(text(alert[0]), tc.says) {
				t.Errorf("the page does not say %q: %s", tc.says, text(p.root))
			}
			if s, _, err := h.app.Cremations.Load(t.Context(), id); err != nil || !s.Started.At.IsZero() {
				t.Errorf("it began: %+v %v", s.Started, err)
			}
		})
	}
	t.Run("not identified", func(t *testing.T) {
		h := newHome(t)
		desk := h.clerk("desk-0101")
		id := desk.intake()
		desk.must(id, "collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
		desk.must(id, "arrive", "tag", "DL-0412")
		desk.must(id, "death_certificate", "issuer", "市某医院", "issued_on", "2026-11-22", "cause_class", "NATURAL", "checked", "1")
		desk.must(id, "confirmation", "signed", "1")
		p := h.clerk("furnace-0201").refused("not_identified", id, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
		if !strings.Contains(text(p.root), "没有家属辨认") {
			t.Errorf("the page does not say why: %s", text(p.root))
		}
	})
	t.Run("occupied furnace", func(t *testing.T) {
		h := newHome(t)
		first := ready(t, h)
		furnace := h.clerk("furnace-0201")
		desk := h.clerk("desk-0101")
		id := desk.intake("name", "沈一舟", "citizen_id", citizen("21020219380101003"), "handler_name", "沈某", "handler_id", "")
		desk.must(id, "collect", "paper", "SY-2", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
		desk.must(id, "arrive", "tag", "DL-0413")
		desk.must(id, "death_certificate", "issuer", "市某医院", "issued_on", "2026-11-22", "cause_class", "NATURAL", "checked", "1")
		desk.must(id, "identify", "tag", "DL-0413", "recognised", "yes")
		desk.must(id, "confirmation", "signed", "1")
		// While the first stands there nobody else is brought there, and the page says who.
		p := furnace.refused("furnace_approached", id, "move", "tag", "DL-0413", "to", "FURNACE furnace-1", "out_by", "desk-0102")
		of, _, err := h.app.Cases.Load(t.Context(), first)
		if err != nil || !strings.Contains(text(p.root), "I7") || !strings.Contains(text(p.root), "业务 "+of.Number+"）") {
			t.Errorf("the page names neither rule nor case %q (%v): %s", of.Number, err, text(p.root))
		}
		verified(h, first)
		furnace.must(first, "start", start...)
		desk.refused("cremation_begun", first, "cancel", "reason", "ENTRY_ERROR") // and what has begun is not cancelled
		furnace.must(id, "verify", "tag", "DL-0413")
		h.clerk("desk-0102").must(id, "verify", "tag", "DL-0413")
		furnace.refused("remains_not_at_furnace", id, "start", start...)
		// Nor while it is in use.
		p = furnace.refused("furnace_occupied", id, "move", "tag", "DL-0413", "to", "FURNACE furnace-1", "out_by", "desk-0102")
		if !strings.Contains(text(p.root), "I7") {
			t.Errorf("the page does not name the rule: %s", text(p.root))
		}
	})
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

// TestASlotIsAsLongAsItsService: what the desk books is as long as the service
// takes there, quoted already or not, so that nothing else fits in between.
func TestASlotIsAsLongAsItsService(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	desk.must(id, "book", "resource", "furnace-1", "start", "2026-11-24T09:00")
	desk.must(id, "book", "resource", "hall-1", "start", "2026-11-24T08:00")
	s, _, err := h.app.Cases.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	in, _, err := h.app.Institutions.Load(t.Context(), deskHome)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range s.Slots {
		r, _ := in.Resource(x.Resource)
		want := map[institution.ResourceKind]int{institution.Furnace: r.Minutes("CRM-FLAT"), institution.Hall: r.Minutes(handlers.HallSize(r))}[r.Kind]
		if got := int(x.End.Sub(x.Start).Minutes()); got != want || got <= r.SlotMinutes {
			t.Errorf("%s is booked for %d minutes, the service takes %d", x.Resource, got, want)
		}
	}
	if len(s.Slots) != 2 {
		t.Errorf("%d slots", len(s.Slots))
	}
}

// TestReliefAfterTheQuote: who answers a quote that was made before relief was
// granted is told to quote again; the new one has the relief in it.
func TestReliefAfterTheQuote(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	const says = "请重新报价"
	desk.must(id, "claim_relief", "group", "最低生活保障对象")
	desk.must(id, "quote", "qty.CRM-FLAT", "1", "qty.GRM-STD", "1")
	if p := desk.page("/desk/cases/" + id + "/consent"); strings.Contains(text(p.root), says) {
		t.Errorf("before the grant: %s", text(p.root))
	}
	desk.must(id, "grant_relief", "proof", "低保证")
	if p := desk.page("/desk/cases/" + id + "/consent"); !strings.Contains(text(p.root), says) {
		t.Errorf("after the grant: %s", text(p.root))
	}
	desk.must(id, "quote", "qty.CRM-FLAT", "1", "qty.GRM-STD", "1")
	if p := desk.page("/desk/cases/" + id + "/consent"); strings.Contains(text(p.root), says) {
		t.Errorf("quoted again: %s", text(p.root))
	}
}

// TestConfirmationOnPaper: the paper that is signed before a cremation is
// printed from the case, and says by itself when it is a copy.
func TestConfirmationOnPaper(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	at := "/desk/cases/" + id + "/print/confirmation"
	if links := desk.page("/desk/cases/" + id).find(func(n *html.Node) bool { return attr(n, "href") == at }); len(links) != 1 {
		t.Fatalf("the page of the case has %d links to it", len(links))
	}
	paper := desk.page(at)
	for _, want := range []string{"火化确认书", "林归舟", "林知远", "还没有核对", "承办人（签字）", "表单 2026.1"} {
		if !strings.Contains(text(paper.root), want) {
			t.Errorf("the paper does not say %q: %s", want, text(paper.root))
		}
	}
	if s := text(paper.root); strings.Contains(s, citizen("21020219351212001")) {
		t.Errorf("the whole number is on it: %s", s)
	}
	for range 2 {
		if res := desk.post(at, filled(desk.page(at), at)); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("printing answers %d", res.StatusCode)
		}
	}
	if s := text(desk.page(at + "?print=1").root); !strings.Contains(s, "第 2 次打印") {
		t.Errorf("the copy does not say so: %s", s)
	}
	desk.must(id, "cancel", "reason", "DUPLICATE")
	if res := desk.get(at); res.StatusCode != http.StatusNotFound {
		t.Errorf("of a cancelled case it answers %d", res.StatusCode)
	}
}

// TestTillOfADayThatThereIs: the form of a day's account closes no day to come,
// takes no day at all for today, and reads an amount as it is written.
func TestTillOfADayThatThereIs(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	send := func(set ...string) answer {
		v := filled(desk.page("/desk/day"), "/desk/day")
		for i := 0; i < len(set); i += 2 {
			v.Set(set[i], set[i+1])
		}
		return desk.post("/desk/day", v)
	}
	for _, day := range []string{"2099-01-01", "2026-02-30", "yesterday"} {
		if res := send("day", day); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d: %s", day, res.StatusCode, plainText(res.body))
		}
	}
	for _, amount := range []string{"-0.50", "-1", "1,5", "1,00", "1e3", "+1", ".5", "99999999999", "0x10", "\u200b1", "1\u202e2"} {
		if res := send("counted.CASH", amount, "reason", "x"); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(res.body), "counted.CASH") {
			t.Errorf("%q is taken for an amount: status %d", amount, res.StatusCode)
		}
	}
	if res := send("day", ""); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/desk/day?d="+string(domain.DateOf(h.clock())) {
		t.Errorf("without a day: status %d to %s: %s", res.StatusCode, res.Header.Get("Location"), plainText(res.body))
	}
	for s, want := range map[string]domain.Money{"0": 0, "560": 56000, "560.5": 56050, "560.50": 56050, "1,732": 173200, "1,732.05": 173205, "0.01": 1} {
		if got, ok := parseYuan(s); !ok || got != want {
			t.Errorf("%s: %d, %v", s, got, ok)
		}
	}
}

// TestWordsOfADeskForm: what cannot be read as it stands, or is longer than the
// form allows, is refused at its field and kept in the form; nothing is stored.
func TestWordsOfADeskForm(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	before := len(desk.page("/desk/cases/" + id).find(tag(atom.Time)))
	for _, words := range []string{"张\u202e三", "王\u200b某", strings.Repeat("长", 5000)} {
		for act, name := range map[string]string{"challenge": "name", "authorise": "document", "circumstances": "custom"} {
			res := desk.do(id, act, name, words, "phone", "13804110412", "relation", "SPOUSE", "ground", "DECISION")
			if res.StatusCode != http.StatusUnprocessableEntity || len(res.doc(t).find(class("bad"))) == 0 {
				t.Errorf("%s %.20q: status %d: %.300s", act, words, res.StatusCode, plainText(res.body))
			}
		}
		v := filled(desk.page("/desk/intake"), "/desk/intake")
		for k, s := range map[string]string{"name": "周远", "custom": words, "handler_name": "周近", "handler_phone": "13804110419", "relation": "CHILD"} {
			v.Set(k, s)
		}
		if res := desk.post("/desk/intake", v); res.StatusCode != http.StatusUnprocessableEntity || filled(res.doc(t), "/desk/intake").Get("handler_name") != "周近" {
			t.Errorf("intake %.20q: status %d", words, res.StatusCode)
		}
	}
	for _, words := range []string{"a\x00b", "\xff\xfe"} { // no form that was typed holds these: it was damaged on its way
		v := filled(desk.page("/desk/intake"), "/desk/intake")
		v.Set("custom", words)
		for act, res := range map[string]answer{
			"challenge": desk.do(id, "challenge", "name", words, "phone", "13804110412", "relation", "SPOUSE"),
			"authorise": desk.do(id, "authorise", "document", words, "ground", "DECISION"),
			"intake":    desk.post("/desk/intake", v),
		} {
			if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(res.body), "form_malformed") {
				t.Errorf("%s %q: status %d: %.300s", act, words, res.StatusCode, plainText(res.body))
			}
		}
	}
	if after := len(desk.page("/desk/cases/" + id).find(tag(atom.Time))); after != before {
		t.Errorf("the case has %d times on it, had %d", after, before)
	}
	if res := desk.do(id, "challenge", "name", "丁一", "phone", "13804110412", "relation", "SPOUSE", "ground_words", "第一行\r\n第二行"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("two lines where lines are asked for: status %d: %s", res.StatusCode, plainText(res.body))
	}
}

// TestRecountKeepsWhatWasScanned: one label that was read badly does not cost
// the count of a whole cold store.
func TestRecountKeepsWhatWasScanned(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	v := filled(desk.page("/desk/house"), "/desk/house")
	v.Set("bay.cold-1/1", "DL-0001")
	v.Set("bay.cold-1/2", "SZ1/T/DL-0002/000000000000/XXXXXX")
	v.Set("bay.cold-1/3", "DL\u202e-0003")
	res := desk.post("/desk/house", v)
	p := res.doc(t)
	if res.StatusCode != http.StatusUnprocessableEntity || len(p.find(class("bad"))) != 2 || !strings.Contains(plainText(res.body), errLabel.Zh) {
		t.Fatalf("status %d, %d fields marked: %s", res.StatusCode, len(p.find(class("bad"))), plainText(res.body))
	}
	kept := filled(p, "/desk/house")
	for name := range v {
		if kept.Get(name) != v.Get(name) {
			t.Errorf("%s was %q and is %q", name, v.Get(name), kept.Get(name))
		}
	}
	p.rules(t, Zh, false, func(string) bool { return true })
	kept.Del("bay.cold-1/2")
	kept.Del("bay.cold-1/3")
	if res := desk.post("/desk/house", kept); res.StatusCode != http.StatusSeeOther {
		t.Errorf("counted again: status %d: %s", res.StatusCode, plainText(res.body))
	}
}
