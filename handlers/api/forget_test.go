package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Nobody is forgotten for whom something is still kept; afterwards nothing of
// the person can be read, and the record of the service stays.
func TestForgetting(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	on := "/cases/" + id
	erase := func(who, ground string) string {
		return fmt.Sprintf(`{"who":%q,"ground":%q,"document":"SQ-1"}`, who, ground)
	}
	c.refuses(422, "forget_case_open", "regulator-0501", on+"/erasures", erase("DECEASED", "REQUESTED"))
	c.must("desk-0101", on+"/payments", `{"amount_fen":90000,"method":"CASH"}`)
	c.must("desk-0101", on+"/closing", `{}`)
	c.refuses(422, "forget_in_care", "regulator-0501", on+"/erasures", erase("DECEASED", "REQUESTED"))
	c.must("desk-0101", on+"/custody/belongings-settlements", fmt.Sprintf(`{%s,"items":["1"],"fate":"HANDED_OVER","receiver":"沈静","receipt":"S-1"}`, c.at()))
	c.must("desk-0101", on+"/cremation/ashes-release", fmt.Sprintf(`{%s,"name":"沈静","certificate":%q,"id_checked":true,"id_tail":%q,"receipt":"S-3","form":"2026.1","code":%q}`, c.at(), certificate, person(501)[14:], c.code(on)))
	c.refuses(422, "forget_retained", "regulator-0501", on+"/erasures", erase("DECEASED", "REQUESTED"))
	c.refuses(422, "forget_was_needed", "regulator-0501", on+"/erasures", erase("DECEASED", "NEVER_NEEDED"))
	c.refuses(403, "forbidden", "desk-0101", on+"/erasures", erase("DECEASED", "REQUESTED"))
	c.sleep(11 * 365 * 24 * time.Hour)
	// The handler arranges another funeral: that one needs them.
	second := c.must("desk-0101", "/cases", strings.Replace(caseJSON(2, ""), person(502), person(501), 1))
	c.refuses(422, "forget_case_open", "regulator-0501", on+"/erasures", erase("HANDLER", "RETENTION_ENDED"))
	c.must("regulator-0501", on+"/erasures", erase("DECEASED", "RETENTION_ENDED"))
	got := c.send("desk-0101", "GET", "/api/v1"+on, "")
	if got.field("deceased.forgotten") != "true" || got.field("deceased.name") != "" || got.field("handler.name") != "沈静" || got.field("charged_fen") != "90000" {
		t.Error(got.Body)
	}
	if crem := c.send("desk-0101", "GET", "/api/v1"+on+"/cremation", ""); crem.field("certificate") != certificate {
		t.Error(crem.Body)
	}
	// What was opened by mistake goes at once.
	c.must("desk-0101", "/cases/"+second+"/cancellation", `{"reason":"ENTRY_ERROR"}`)
	c.must("regulator-0501", "/cases/"+second+"/erasures", erase("DECEASED", "NEVER_NEEDED"))
	if got := c.send("desk-0101", "GET", "/api/v1/cases/"+second, ""); got.field("deceased.forgotten") != "true" {
		t.Error(got.Body)
	}
}
