package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
)

// badReview begins the follow-up of a signed bad review of a case.
func (c *city) badReview(caseID string) {
	c.t.Helper()
	now := c.app.Now().UTC()
	if err := c.app.OpenReview(context.Background(), domain.Act{ID: uuid.New(), By: "policy:reviews", Now: now, At: now}, uuid.MustParse(caseID),
		booking.Rated{Level: 1, Named: true}, uuid.New(), domain.DateOf(now)); err != nil {
		c.t.Fatal(err)
	}
}

// A complaint by telephone goes to the institution and to its decision; what is
// the complainant's own stays from the institution.
func TestComplaint(t *testing.T) {
	c := newCity(t)
	r := c.send("regulator-0501", "POST", "/api/v1/complaints", fmt.Sprintf(`{"institution":%q,"text":"多收了钱","contact":"13804110412"}`, home), "Idempotency-Key", "complaint-1")
	if r.Code != 200 || !strings.Contains(r.Body.String(), `"code":`) {
		t.Fatal(r.Code, r.Body)
	}
	id := r.field("id")
	see := func(account string) (int, string) {
		r := c.send(account, "GET", "/api/v1/complaints/"+id, "")
		return r.Code, r.Body.String()
	}
	if status, _ := see("desk-0101"); status != 404 {
		t.Errorf("the institution sees what it was not asked about: %d", status)
	}
	refused := func(account, path, body, code string) {
		t.Helper()
		if r := c.send(account, "POST", "/api/v1/complaints/"+id+path, body, "Idempotency-Key", "no-"+path+code); r.problem().Code != code {
			t.Errorf("%s: %d %s, want %s", path, r.Code, r.problem().Code, code)
		}
	}
	refused("desk-0101", "/answer", `{"answer":"已退还"}`, "complaint_not_forwarded")
	c.must("regulator-0501", "/complaints/"+id+"/forwarding", `{}`)
	if status, body := see("desk-0101"); status != 200 || !strings.Contains(body, "多收了钱") || strings.Contains(body, "13804110412") {
		t.Errorf("the institution sees %d %s", status, body)
	}
	refused("regulator-0501", "/decision", `{"upheld":true,"document":"连民投〔2026〕3号","decided_on":"2026-11-23"}`, "complaint_answer_runs")
	c.must("desk-0101", "/complaints/"+id+"/answer", `{"answer":"已退还"}`)
	refused("regulator-0501", "/decision", `{"upheld":true,"document":"","decided_on":"2026-11-23"}`, "oversight_document_needed")
	refused("regulator-0501", "/closing", `{"how":"DECIDED"}`, "complaint_not_decided")
	c.must("regulator-0501", "/complaints/"+id+"/decision", `{"upheld":true,"document":"连民投〔2026〕3号","decided_on":"2026-11-23"}`)
	c.must("regulator-0501", "/complaints/"+id+"/closing", `{"how":"DECIDED"}`)
	if _, body := see("regulator-0501"); !strings.Contains(body, "13804110412") || !strings.Contains(body, `"closed":"DECIDED"`) {
		t.Errorf("the authority sees %s", body)
	}
}

// A signed bad review is called, resolved and checked, each by whoever owes it.
func TestReviewFollowUp(t *testing.T) {
	c := newCity(t)
	id, _ := c.cremated(1)
	c.badReview(id)
	refused := func(account, path, body, code string) {
		t.Helper()
		if r := c.send(account, "POST", "/api/v1/reviews/"+id+path, body, "Idempotency-Key", "no-"+path+code); r.problem().Code != code {
			t.Errorf("%s: %d %s, want %s", path, r.Code, r.problem().Code, code)
		}
	}
	refused("desk-0101", "/result", `{"note":"已说明"}`, "review_not_contacted")
	c.must("desk-0101", "/reviews/"+id+"/contacts", `{"reached":false}`)
	refused("desk-0101", "/result", `{"unable":true,"note":"联系不上"}`, "review_attempts_few")
	c.must("desk-0101", "/reviews/"+id+"/contacts", `{"reached":true}`)
	refused("regulator-0501", "/check", `{"sound":true}`, "review_not_resolved")
	c.must("desk-0101", "/reviews/"+id+"/result", `{"note":"已说明并退还差额"}`)
	refused("desk-0101", "/check", `{"sound":true}`, "forbidden")
	c.must("regulator-0501", "/reviews/"+id+"/check", `{"sound":true,"justified":true}`)
	if body := c.send("desk-0101", "GET", "/api/v1/reviews/"+id, "").Body.String(); !strings.Contains(body, `"checked":true`) || !strings.Contains(body, `"duties":[]`) {
		t.Error(body)
	}
}
