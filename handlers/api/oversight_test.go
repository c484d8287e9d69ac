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

// A round of inspections and a penalty go through the API, each step by whoever
// may take it; what is not public yet, and what is out of order, is refused.
func TestInspectionAndPenalty(t *testing.T) {
	c := newCity(t)
	seed, salt := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	refused := func(account, path, body, code string) {
		t.Helper()
		if r := c.post(account, path, body); r.problem().Code != code {
			t.Errorf("%s: %d %s, want %s", path, r.Code, r.problem().Code, code)
		}
	}
	const round = "/inspections/2026-Q4"
	lists := fmt.Sprintf(`{"institutions":[%q],"officers":["regulator-0501","regulator-0502"],"excluded":[]}`, home)
	refused("regulator-0502", round+"/lists", lists, "inspection_not_committed")
	c.must("regulator-0501", round+"/commitment", fmt.Sprintf(`{"commitment":%q,"count":1}`, domain.Commitment(seed, salt)))
	refused("regulator-0501", round+"/lists", lists, "inspection_same_person")
	refused("desk-0101", round+"/lists", lists, "forbidden")
	c.must("regulator-0502", round+"/lists", fmt.Sprintf(`{"institutions":["%s"],"officers":["regulator-0501","regulator-0502"],"excluded":[]}`, strings.Join([]string{home, other, cemetery, boats}, `","`)))
	refused("regulator-0501", round+"/draw", fmt.Sprintf(`{"seed":%q,"salt":%q}`, salt, seed), "inspection_seed_differs")
	c.must("regulator-0501", round+"/draw", fmt.Sprintf(`{"seed":%q,"salt":%q}`, seed, salt))
	rec, err := c.app.Inspection(t.Context(), "2026-Q4")
	if err != nil || len(rec.Differences()) > 0 {
		t.Fatal(err, rec.Differences())
	}
	of := rec.Visits[0].Institution
	visit := fmt.Sprintf(`{"institution":%q,"visited_on":"2026-11-23","officers":["regulator-0501","regulator-0502"],"checklist":"2026.1","findings":[{"line":"P01","what":"价目牌缺两项"}],"evidence":[{"name":"a.jpg","sha256":%q}]}`, of, seed)
	refused("regulator-0501", round+"/results", fmt.Sprintf(`{"institution":%q,"document":"D","published_on":"2026-11-23"}`, of), "inspection_not_recorded")
	c.must("regulator-0502", round+"/visits", visit)
	if body := c.send("", "GET", "/api/v1"+round, "").Body.String(); !strings.Contains(body, seed) || strings.Contains(body, "published_on") || strings.Contains(body, "价目牌") {
		t.Errorf("before it is published: %s", body)
	}
	c.must("regulator-0501", round+"/results", fmt.Sprintf(`{"institution":%q,"document":"大民检〔2026〕4号","published_on":"2026-11-23"}`, of))
	if body := c.send("", "GET", "/api/v1"+round, "").Body.String(); !strings.Contains(body, "大民检〔2026〕4号") || !strings.Contains(body, "2027-11-23") {
		t.Errorf("published: %s", body)
	}

	propose := func(second string) string {
		return fmt.Sprintf(`{"institution":%q,"severity":"GENERAL","kind":"罚款","amount_fen":2000000,"fact":"价目牌以外收取费用","basis":"演示依据","second_officer":%q}`, home, second)
	}
	refused("regulator-0501", "/penalties", propose("regulator-0501"), "penalty_two_officers")
	refused("regulator-0501", "/penalties", propose("regulator-9999"), "penalty_officer_unknown")
	refused("desk-0101", "/penalties", propose("regulator-0501"), "forbidden")
	id := c.must("regulator-0501", "/penalties", propose("regulator-0502"))
	at := "/penalties/" + id
	decision := `{"document":"大民罚决〔2026〕1号","decided_on":"2026-11-23"}`
	refused("regulator-0502", at+"/decision", decision, "penalty_not_notified")
	c.must("regulator-0501", at+"/notice", `{"document":"大民罚告〔2026〕1号"}`)
	refused("regulator-0502", at+"/decision", decision, "penalty_hearing_open")
	c.must("regulator-0501", at+"/statements", `{"document":"陈述书"}`)
	refused("regulator-0502", at+"/review", `{"approved":true,"opinion":"O"}`, "penalty_third_person")
	refused("regulator-0502", at+"/decision", decision, "penalty_not_reviewed")
	c.must("regulator-0503", at+"/review", `{"approved":true,"opinion":"事实清楚"}`)
	refused("regulator-0501", at+"/decision", decision, "penalty_second_officer")
	refused("regulator-0502", at+"/service", `{"served_on":"2026-11-23"}`, "penalty_not_decided")
	c.must("regulator-0502", at+"/decision", decision)
	refused("regulator-0502", at+"/repair", `{"document":"R","repaired_on":"2026-11-23"}`, "penalty_not_published")
	public := func() int { return c.send("", "GET", "/api/v1/published-penalties/"+id, "").Code }
	if s := public(); s != 404 {
		t.Errorf("public before it was served: %d", s)
	}
	c.must("regulator-0502", at+"/service", `{"served_on":"2026-11-23"}`)
	if s := public(); s != 200 {
		t.Errorf("served and not public: %d", s)
	}
	c.must("regulator-0502", at+"/revocation", `{"document":"V","reason":"适用依据错误","revoked_on":"2026-11-23"}`)
	if s := public(); s != 404 {
		t.Errorf("struck out and public: %d", s)
	}
}
