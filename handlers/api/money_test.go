package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shenzhong/domain/booking"
)

// agreed opens a case whose family has agreed to a cremation and a hall, and
// charges both.
func (c *city) agreed(n int) (id string) {
	c.t.Helper()
	id = c.must("desk-0101", "/cases", caseJSON(n, ""))
	on := "/cases/" + id
	c.must("desk-0101", on+"/quotes", `{"items":[{"code":"CRM-STD","quantity":1},{"code":"HAL-S","quantity":1}]}`)
	c.must("desk-0101", on+"/consents", fmt.Sprintf(`{"quote":%q,"total_fen":102000}`, c.send("desk-0101", "GET", "/api/v1"+on, "").field("quote.quote")))
	c.must("desk-0101", on+"/charges", `{"code":"CRM-STD","quantity":1}`)
	c.must("desk-0101", on+"/charges", `{"code":"HAL-S","quantity":1}`)
	return id
}

// The day's account closes to zero or says why, and nothing goes in after it.
func TestTill(t *testing.T) {
	c := newCity(t)
	till := "/institutions/" + home + "/tills/2026-11-23"
	view := func() reply { return c.send("desk-0101", "GET", "/api/v1"+till, "") }
	one, two := c.agreed(1), c.agreed(2)
	c.must("desk-0101", "/cases/"+one+"/payments", `{"amount_fen":102000,"method":"CASH"}`)
	c.must("desk-0101", "/cases/"+two+"/payments", `{"amount_fen":50000,"method":"WECHAT"}`)
	line := func(id string, n int) string {
		return c.send("desk-0101", "GET", "/api/v1/cases/"+id, "").field(fmt.Sprintf("bill.%d.line", n))
	}
	refund := func(id string, n, fen int) string {
		return fmt.Sprintf(`{"line":%q,"amount_fen":%d,"reason":"OVERCHARGE"}`, line(id, n), fen)
	}
	c.must("desk-0101", "/cases/"+one+"/refunds", refund(one, 1, 2000))
	if v := view(); v.field("methods.0.expected_fen") != "100000" || v.field("methods.2.expected_fen") != "50000" || v.field("entries.2.kind") != "REFUND" ||
		v.field("entries.2.receipt") != home+"-20261123-0003" {
		t.Error(v.Body)
	}
	if v := c.send("desk-0101", "GET", "/api/v1/cases/"+one, ""); v.field("receipts.0.capitals") != "人民币壹仟零贰拾元整" && v.field("receipts.0.capitals") != "壹仟零贰拾元整" || v.field("receipts.1.amount_fen") != "2000" {
		t.Error(v.Body)
	}
	counted := func(cash, wechat int, more string) string {
		return fmt.Sprintf(`{"counted":[{"method":"CASH","amount_fen":%d},{"method":"WECHAT","amount_fen":%d}]%s}`, cash, wechat, more)
	}
	p := c.refuses(422, "till_differs", "desk-0101", till+"/closing", counted(99000, 50000, ""))
	if !strings.Contains(p.Detail, "现金") || !strings.Contains(p.Detail, "1,000") || !strings.Contains(p.Detail, "990") {
		t.Error(p.Detail)
	}
	c.must("desk-0101", till+"/closing", counted(99000, 50000, `,"reason":"找零有误，已登记"`))
	if v := view(); v.field("closed") != "true" || v.field("difference_fen") != "-1000" {
		t.Error(v.Body)
	}
	// After it: neither money in nor money out, and nothing of either is kept.
	c.refuses(422, "till_closed", "desk-0101", "/cases/"+two+"/payments", `{"amount_fen":52000,"method":"CASH"}`)
	c.refuses(422, "till_closed", "desk-0101", "/cases/"+one+"/refunds", refund(one, 1, 3000))
	// A line that is not paid yet may still be taken off: no money moves.
	c.must("desk-0101", "/cases/"+two+"/refunds", refund(two, 1, 12000))
	if v := view(); v.field("entries.3.case") != "" {
		t.Error(v.Body)
	}
	c.refuses(422, "till_reopen_reason_missing", "desk-0101", till+"/reopening", `{"reason":" "}`)
	c.must("desk-0101", till+"/reopening", `{"reason":"补记一笔退费"}`)
	c.must("desk-0101", "/cases/"+one+"/refunds", refund(one, 1, 3000))
	c.must("desk-0101", till+"/closing", counted(97000, 50000, ""))
	if v := view(); v.field("closed") != "true" || v.field("difference_fen") != "0" || v.field("reason") != "" {
		t.Error(v.Body)
	}
	// On the next day the money goes through the next day's till.
	c.sleep(24 * time.Hour)
	c.must("desk-0101", "/cases/"+two+"/payments", `{"amount_fen":40000,"method":"CASH"}`)
	if v := c.send("desk-0101", "GET", "/api/v1/institutions/"+home+"/tills/2026-11-24", ""); v.field("methods.0.expected_fen") != "40000" {
		t.Error(v.Body)
	}
	c.refuses(422, "service_date_invalid", "desk-0101", "/institutions/"+home+"/tills/2026-11-25/closing", `{"counted":[]}`)
	c.must("desk-0101", "/cases/"+one+"/closing", `{}`)
	c.must("desk-0101", "/cases/"+one+"/refunds", refund(one, 0, 1000)) // an overcharge that was found later
	if v := c.send("desk-0101", "GET", "/api/v1/cases/"+one, ""); v.field("status") != "closed" || v.field("balance_fen") != "0" {
		t.Error(v.Body)
	}
	c.must("desk-0101", "/cases/"+one+"/receipt-copies", fmt.Sprintf(`{"number":%q}`, home+"-20261123-0001"))
	if v := c.send("desk-0101", "GET", "/api/v1/cases/"+one, ""); v.field("receipts.0.copies") != "2" {
		t.Error(v.Body)
	}
}

// What an administrator sets changes what is done from then on, at the
// institution or in the whole city, and nobody else sets it.
func TestParametersChangeWhatIsDone(t *testing.T) {
	c := newCity(t)
	set := func(key, name, value string) {
		t.Helper()
		c.must("admin-0601", "/parameters/"+key, fmt.Sprintf(`{"name":%q,"value":%q,"reason":"试行"}`, name, value))
	}
	value := func(key, name string) string {
		v := c.send("desk-0101", "GET", "/api/v1/parameters/"+key, "")
		for i := 0; v.field(fmt.Sprintf("parameters.%d.name", i)) != ""; i++ {
			if v.field(fmt.Sprintf("parameters.%d.name", i)) == name {
				return v.field(fmt.Sprintf("parameters.%d.value", i))
			}
		}
		return "none"
	}
	c.refuses(403, "forbidden", "desk-0101", "/parameters/"+home, `{"name":"hold_minutes","value":"60","reason":"x"}`)
	c.refuses(422, "parameter_unknown", "admin-0601", "/parameters/"+home, `{"name":"colour","value":"60","reason":"x"}`)
	c.refuses(404, "not_found", "admin-0601", "/parameters/"+strings.Replace(cemetery, "52", "53", 1), `{"name":"hold_minutes","value":"60","reason":"x"}`)

	// How long a slot is kept.
	set(home, "hold_minutes", "5")
	id := c.must("desk-0101", "/cases", caseJSON(1, `,"slot":{`+slotJSON("hall-1", "11-25T09:00")+`,"hold_only":true}`))
	confirm := func(id string) (string, string) {
		return "/cases/" + id + "/slot-confirmations", "{" + slotJSON("hall-1", "11-25T09:00") + "}"
	}
	c.sleep(6 * time.Minute)
	path, body := confirm(id)
	c.refuses(422, "hold_lapsed", "desk-0101", path, body)
	set(home, "hold_minutes", "60")
	id = c.must("desk-0101", "/cases", caseJSON(2, `,"slot":{`+slotJSON("hall-1", "11-25T09:00")+`,"hold_only":true}`))
	c.sleep(59 * time.Minute)
	path, body = confirm(id)
	c.must("desk-0101", path, body)

	// How far ahead is booked: the institution's own figure before the city's.
	day := func(n int) string { return c.clock().AddDate(0, 0, n).Format("01-02") }
	for _, x := range []struct {
		key, value string
		days       int
	}{{"", "", 7}, {"210200", "20", 20}, {home, "3", 3}, {"210200", "30", 3}} {
		if x.key != "" {
			set(x.key, "booking_days", x.value)
		}
		if last, beyond := c.free("hall-2", "2026-"+day(x.days)), c.free("hall-2", "2026-"+day(x.days+1)); last == "" || beyond != "" {
			t.Errorf("%s=%s: free on the last day are %q, on the next %q", x.key, x.value, last, beyond)
		}
		p := c.refuses(422, "slot_too_far_ahead", "desk-0101", "/cases", caseJSON(9, `,"slot":{`+slotJSON("hall-2", day(x.days+1)+"T09:00")+"}"))
		if !strings.Contains(p.Detail, "2026-"+day(x.days)) {
			t.Error(p.Detail)
		}
	}
	if got := value(home, "booking_days") + value("210200", "booking_days") + value(home, "refund_days"); got != "3305" {
		t.Error(got)
	}

	// How late something may be recorded without a reason.
	late := fmt.Sprintf(`,"occurred_at":%q`, c.clock().Add(-2*time.Hour).Format(time.RFC3339))
	set(home, "late_limit_hours", "1")
	c.refuses(422, "late_without_reason", "desk-0101", "/cases", caseJSON(3, late))
	c.must("desk-0101", "/cases", caseJSON(3, late+`,"late_reason":"停电"`))
	set(home, "late_limit_hours", "3")
	c.must("desk-0101", "/cases", caseJSON(4, late))

	// How long a paper may follow.
	set(home, "paper_days", "2")
	c.refuses(422, "promise_deadline_invalid", "desk-0101", "/cases/"+id+"/paper-promises", `{"paper":"HOUSEHOLD_BOOK","due":"2026-11-26","pledge":"2026.1"}`)
	c.must("desk-0101", "/cases/"+id+"/paper-promises", `{"paper":"HOUSEHOLD_BOOK","due":"2026-11-25","pledge":"2026.1"}`)
}

// The checklist follows the circumstances; minor papers may follow, the two of
// the cremation never.
func TestPapers(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	on := "/cases/" + id
	paper := func(code string) (found map[string]string) {
		t.Helper()
		v := c.send("desk-0101", "GET", "/api/v1"+on+"/papers", "")
		for i := 0; v.field(fmt.Sprintf("papers.%d.paper", i)) != ""; i++ {
			at := fmt.Sprintf("papers.%d.", i)
			if v.field(at+"paper") == code {
				return map[string]string{"have": v.field(at + "have"), "due": v.field(at + "due"), "gate": v.field(at + "gate"), "overdue": v.field(at + "overdue")}
			}
		}
		return nil
	}
	if paper("POLICE_PAPER") != nil {
		t.Error("a natural death asks for the police")
	}
	c.must("desk-0101", on+"/circumstances", `{"place":"HOME","cause":"UNNATURAL"}`)
	if p := paper("POLICE_PAPER"); p == nil || p["gate"] != "true" || p["have"] != "false" {
		t.Errorf("%+v", p)
	}
	for _, never := range []string{"DEATH_CERTIFICATE", "CREMATION_CONFIRMATION", "POLICE_PAPER"} {
		if p := c.refuses(422, "paper_never_follows", "desk-0101", on+"/paper-promises", fmt.Sprintf(`{"paper":%q,"due":"2026-11-25","pledge":"2026.1"}`, never)); !chinese(p.Detail) {
			t.Error(p.Detail)
		}
	}
	c.must("desk-0101", on+"/paper-promises", `{"paper":"HOUSEHOLD_BOOK","due":"2026-11-30","pledge":"2026.1"}`)
	if p := paper("HOUSEHOLD_BOOK"); p["due"] != "2026-11-30" || p["have"] != "false" {
		t.Errorf("%+v", p)
	}
	c.must("desk-0101", on+"/papers", `{"paper":"HOUSEHOLD_BOOK","form":"ORIGINAL","number":"HK-1"}`)
	if p := paper("HOUSEHOLD_BOOK"); p["have"] != "true" || p["overdue"] == "true" {
		t.Errorf("%+v", p)
	}
}

// Until the cremation begins the particulars are replaced; from then on they are
// corrected, with what was there before, or explained.
func TestParticulars(t *testing.T) {
	c := newCity(t)
	amended := strings.Replace(caseJSON(1, ""), "沈明远", "沈鸣远", 1)
	other := c.must("desk-0101", "/cases", caseJSON(3, ""))
	c.must("desk-0101", "/cases/"+other+"/particulars", strings.Replace(caseJSON(3, ""), "沈明远", "沈鸣远", 1))
	if v := c.send("desk-0101", "GET", "/api/v1/cases/"+other, ""); v.field("deceased.name") != "沈鸣远" {
		t.Error(v.Body)
	}
	correction := `{"field":"deceased.name","from":"%s","to":"沈鸣远","reason":"照户口簿更正","document":"户口簿"}`
	c.refuses(422, "particulars_open", "desk-0101", "/cases/"+other+"/corrections", fmt.Sprintf(correction, "沈明远"))

	id, _ := c.cremated(1)
	on := "/cases/" + id
	if p := c.refuses(422, "particulars_fixed", "desk-0101", on+"/particulars", amended); p.Rule != "I12" || !chinese(p.Detail) {
		t.Errorf("%+v", p)
	}
	c.refuses(422, "correction_from_differs", "desk-0101", on+"/corrections", fmt.Sprintf(correction, "沈鸣"))
	c.must("desk-0101", on+"/corrections", fmt.Sprintf(correction, "沈明远"))
	c.must("desk-0101", on+"/clarifications", `{"field":"deceased.name","text":"家属口头常用另一个字。"}`)
	v := c.send("desk-0101", "GET", "/api/v1"+on, "")
	if v.field("deceased.name") != "沈鸣远" {
		t.Error(v.Body)
	}
	es := c.events(booking.Category, id)
	if x := of[booking.Corrected](es); len(x) != 1 || x[0].Reason != "照户口簿更正" || x[0].From.Or("") != "沈明远" {
		t.Errorf("%+v", x)
	}
	if x := of[booking.Clarified](es); len(x) != 1 {
		t.Errorf("%+v", x)
	}
}
