package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/handlers"
)

// watched files a complaint and begins a follow-up of a bad review, and answers
// with the addresses of both, without their front.
func (h *home) watched() (complaint, review string) {
	h.Helper()
	at := h.clock()
	act := func() domain.Act { return domain.Act{ID: uuid.New(), By: handlers.Public, Now: at, At: at} }
	_, id, _, err := h.app.FileComplaint(h.Context(), handlers.FileComplaint{Act: act(), Token: uuid.New(), Institution: deskHome, Item: "HAL-S", Text: "小厅多收了二百元", Contact: "13800000412"})
	if err != nil {
		h.Fatal(err)
	}
	caseID := uuid.MustParse(h.clerk("desk-0101").intake())
	if err := h.app.OpenReview(h.Context(), act(), caseID, booking.Rated{Level: 1, Named: true}, uuid.New(), domain.DateOf(at)); err != nil {
		h.Fatal(err)
	}
	return "complaints/" + id.String(), "reviews/" + caseID.String()
}

// TestWatched: a complaint goes from the authority to the institution and back,
// a follow-up the other way, each by forms that show what is due to whom.
func TestWatched(t *testing.T) {
	h := newHome(t)
	complaint, review := h.watched()
	desk, authority := h.clerk("desk-0101"), h.clerk("regulator-0501")
	do := func(c *clerk, at, act string, set ...string) answer {
		t.Helper()
		at += "/" + act
		f := filled(c.page(at), at)
		for i := 0; i < len(set); i += 2 {
			f.Set(set[i], set[i+1])
		}
		return c.post(at, f)
	}
	must := func(c *clerk, at, act string, set ...string) {
		t.Helper()
		if res := do(c, at, act, set...); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", act, res.StatusCode, plainText(res.body))
		}
	}
	says := func(c *clerk, address string, want ...string) {
		t.Helper()
		page := text(c.page(address).root)
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s does not say %q: %s", address, w, page)
			}
		}
	}
	says(authority, "/regulator/complaints", "办理中 1 件", "HAL-S", "待受理", "2026-11-25")
	if page := text(desk.page("/desk/complaints").root); strings.Contains(page, "HAL-S") {
		t.Error("the institution sees what it was not asked about")
	}
	if res := desk.get("/desk/" + complaint); res.StatusCode != http.StatusNotFound {
		t.Errorf("a complaint that was not sent to the institution: %d", res.StatusCode)
	}
	must(authority, "/regulator/"+complaint, "forward")
	says(desk, "/desk/complaints", "办理中 1 件", "机构答复中", "2026-11-30")
	says(authority, "/regulator/"+complaint, "13800000412")
	if page := text(desk.page("/desk/" + complaint).root); !strings.Contains(page, "小厅多收了二百元") || strings.Contains(page, "13800000412") {
		t.Errorf("the institution reads %s", page)
	}
	if res := do(authority, "/regulator/"+complaint, "decide", "upheld", "yes", "document", "连民投〔2026〕3号"); res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusConflict || !strings.Contains(string(res.body), "complaint_answer_runs") || !strings.Contains(string(res.body), "连民投〔2026〕3号") {
		t.Errorf("decided before the answer: %d %s", res.StatusCode, plainText(res.body))
	}
	if res := desk.post("/desk/"+complaint+"/decide", url.Values{"token": {uuid.NewString()}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("the institution decides: %d", res.StatusCode)
	}
	must(desk, "/desk/"+complaint, "answer", "answer", "已退还二百元")
	must(authority, "/regulator/"+complaint, "decide", "upheld", "yes", "document", "连民投〔2026〕3号")
	must(authority, "/regulator/"+complaint, "close", "how", "DECIDED")
	says(authority, "/regulator/complaints", "已办结", "没有办理中的")
	says(desk, "/desk/"+complaint, "属实 连民投〔2026〕3号", "已退还二百元")

	says(desk, "/desk/reviews", "非常不满意", "机构首次联系 2026-11-24", "机构处理完毕 2026-11-30")
	must(desk, "/desk/"+review, "contact", "reached", "1")
	must(desk, "/desk/"+review, "resolve", "note", "已说明并退还差额")
	says(authority, "/regulator/reviews", "待核查", "监管部门核查 2026-11-30")
	must(authority, "/regulator/"+review, "check", "sound", "no", "reason", "家属说没有接到电话")
	says(desk, "/desk/"+review, "退回重办 家属说没有接到电话")
	h.later(30 * 24 * time.Hour)
	says(h.clerk("desk-0101"), "/desk/reviews", "超期 1 件", "已超 23 天")
}

// sends fills in the form of an act and sends it; it answers with the page that
// came, and where a begun matter is.
func (c *clerk) sends(at, act string, set ...string) answer {
	c.Helper()
	at += "/" + act
	f := filled(c.page(at), at)
	for i := 0; i < len(set); i += 2 {
		f.Set(set[i], set[i+1])
	}
	return c.post(at, f)
}

const (
	aSeed = "abababababababababababababababababababababababababababababababab"
	aSalt = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
)

// inspected takes a round of inspections as far as its draw and one visit with a
// finding, and answers with its address and the institution that was visited.
func (h *home) inspected() (at, institution string) {
	h.Helper()
	first, second := h.clerk("regulator-0501"), h.clerk("regulator-0502")
	must := func(a answer) {
		h.Helper()
		if a.StatusCode != http.StatusSeeOther {
			h.Fatalf("%d %s", a.StatusCode, plainText(a.body))
		}
	}
	at = "/regulator/inspections/2026-Q4"
	must(first.sends("/regulator/inspections/new", "commit", "round", "2026-Q4", "commitment", domain.Commitment(aSeed, aSalt), "count", "1"))
	if a := first.get(at + "/freeze"); a.StatusCode == http.StatusOK {
		if a := first.sends(at, "freeze", "officers", "regulator-0501\nregulator-0502"); a.StatusCode != http.StatusUnprocessableEntity && a.StatusCode != http.StatusConflict || !strings.Contains(string(a.body), "inspection_same_person") {
			h.Errorf("who knows the seed closes the lists: %d %s", a.StatusCode, plainText(a.body))
		}
	}
	must(second.sends(at, "freeze", "officers", "regulator-0501\nregulator-0502"))
	if a := second.sends(at, "draw", "seed", aSalt, "salt", aSeed); !strings.Contains(string(a.body), "inspection_seed_differs") {
		h.Errorf("another seed draws: %d %s", a.StatusCode, plainText(a.body))
	}
	must(first.sends(at, "draw", "seed", aSeed, "salt", aSalt))
	s, err := h.app.InspectionRound(h.Context(), "2026-Q4")
	if err != nil || !s.Recompute() {
		h.Fatalf("the draw does not recompute: %v", err)
	}
	institution = string(s.Drawn.Visits[0].Institution)
	if a := h.clerk("regulator-0503").post(at+"/record", url.Values{"token": {uuid.NewString()}, "institution": {institution}, "visited_on": {"2026-11-23"}, "checklist": {"2026.1"}, "evidence": {"a.jpg " + aSeed}}); !strings.Contains(string(a.body), "inspection_recorder") {
		h.Errorf("somebody who was not there records the visit: %d %s", a.StatusCode, plainText(a.body))
	}
	must(second.sends(at, "record", "institution", institution, "checklist", "2026.1", "findings", "P01 价目牌缺两项", "evidence", "大厅价目牌.jpg "+aSeed))
	return at, institution
}

// penalised takes a penalty as far as its decision and answers with its address.
func (h *home) penalised() string {
	h.Helper()
	first, second, third := h.clerk("regulator-0501"), h.clerk("regulator-0502"), h.clerk("regulator-0503")
	must := func(a answer) string {
		h.Helper()
		if a.StatusCode != http.StatusSeeOther {
			h.Fatalf("%d %s", a.StatusCode, plainText(a.body))
		}
		return a.Header.Get("Location")
	}
	refused := func(a answer, code string) {
		h.Helper()
		if a.StatusCode < 400 || !strings.Contains(string(a.body), code) {
			h.Errorf("not refused with %s: %d %s", code, a.StatusCode, plainText(a.body))
		}
	}
	set := []string{"institution", deskHome, "severity", "GENERAL", "kind", "罚款", "amount", "20000", "fact", "价目牌以外收取费用", "basis", "演示依据"}
	refused(first.sends("/regulator/penalties/new", "propose", append(set, "second", "regulator-0501")...), "penalty_two_officers")
	for _, nobody := range []string{"regulator-9999", "desk-0101"} { // nobody's account, and none of the authority
		refused(first.sends("/regulator/penalties/new", "propose", append(set, "second", nobody)...), "penalty_officer_unknown")
	}
	at := must(first.sends("/regulator/penalties/new", "propose", append(set, "second", "regulator-0502")...))
	empty := func(fields ...string) url.Values {
		f := url.Values{"token": {uuid.NewString()}}
		for i := 0; i < len(fields); i += 2 {
			f.Set(fields[i], fields[i+1])
		}
		return f
	}
	refused(second.post(at+"/penalise", empty("document", "D", "decided_on", "2026-11-23")), "penalty_not_notified")
	refused(first.post(at+"/serve", empty("served_on", "2026-11-23")), "penalty_not_decided")
	must(first.sends(at, "notify", "document", "大民罚告〔2026〕1号"))
	must(first.sends(at, "hear", "document", "陈述书"))
	for _, officer := range []*clerk{first, second} {
		refused(officer.post(at+"/legal", empty("approved", "yes", "opinion", "O")), "penalty_third_person")
	}
	refused(second.post(at+"/penalise", empty("document", "D", "decided_on", "2026-11-23")), "penalty_not_reviewed")
	must(third.sends(at, "legal", "approved", "yes", "opinion", "事实清楚，程序合法"))
	refused(first.post(at+"/penalise", empty("document", "D", "decided_on", "2026-11-23")), "penalty_second_officer")
	refused(third.post(at+"/penalise", empty("document", "D", "decided_on", "2026-11-23")), "penalty_second_officer")
	must(second.sends(at, "penalise", "document", "大民罚决〔2026〕1号"))
	return at
}

// TestPenaltyAndInspection: what officers take through by their forms comes to
// the public page when it is published and served, and goes from it by itself.
func TestPenaltyAndInspection(t *testing.T) {
	h := newHome(t)
	round, institution := h.inspected()
	penalty := h.penalised()
	regulator := h.clerk("regulator-0501")
	says := func(address string, want bool, words ...string) {
		t.Helper()
		page := text(h.clerk("regulator-0501").page(address).root)
		for _, w := range words {
			if strings.Contains(page, w) != want {
				t.Errorf("%s says %q: %v: %s", address, w, !want, page)
			}
		}
	}
	says("/regulator/inspections", true, "2026-Q4", "抽中 1 家，已查 1 家，已公开 0 家", "待公开")
	says(round, true, "regulator-0502", "P01 价目牌缺两项", "2026-12-21")
	says("/regulator/penalties", true, "罚款", "待送达", "2026-12-02")
	says("/regulator/duties?view=true", true, "监管部门公开结果", "双随机检查", "行政处罚") // the test's log is not of its day
	for _, address := range []string{"/oversight", "/oversight/2026-Q4", "/credit/" + deskHome} {
		says(address, false, "价目牌以外收取费用", "价目牌缺两项", "大民罚决", "大民检")
	}
	says("/oversight/2026-Q4", true, "没有公开的结果", aSeed)
	if a := regulator.sends(penalty, "serve"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", a.StatusCode, plainText(a.body))
	}
	if a := regulator.sends(round, "publish", "document", "大民检〔2026〕4号"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", a.StatusCode, plainText(a.body))
	}
	says("/oversight", true, "价目牌以外收取费用", "大民罚决〔2026〕1号", "2026-11-23 到 2027-11-23", "P01 价目牌缺两项", "大民检〔2026〕4号")
	says("/credit/"+deskHome, true, "大民罚决〔2026〕1号")
	says("/credit/"+institution, true, "大民检〔2026〕4号")
	says("/regulator/duties?view=true", false, "监管部门公开结果")
	h.later(366 * 24 * time.Hour)
	says("/oversight", false, "大民罚决", "大民检", "价目牌")
	says(round, false, "大民检") // its publication is over
}

// TestWatchedPages holds these pages to the rules that all pages share.
func TestWatchedPages(t *testing.T) {
	h := newHome(t)
	complaint, review := h.watched()
	round, _ := h.inspected()
	penalty := h.penalised()
	authority, desk := h.clerk("regulator-0501"), h.clerk("desk-0101")
	for _, lang := range Langs {
		for _, x := range []struct {
			*clerk
			at string
		}{{authority, "/regulator/complaints"}, {authority, "/regulator/reviews"}, {authority, "/regulator/" + complaint}, {authority, "/regulator/" + complaint + "/decide"}, {authority, "/regulator/" + complaint + "/close"},
			{desk, "/desk/complaints"}, {desk, "/desk/reviews"}, {desk, "/desk/" + review}, {desk, "/desk/" + review + "/resolve"}, {authority, "/regulator/" + review + "/check"}, {authority, "/regulator/" + review + "/exclude"},
			{authority, "/regulator/inspections"}, {authority, "/regulator/inspections/new/commit"}, {authority, round}, {authority, round + "/publish"}, {authority, round + "/freeze"}, {authority, round + "/record"},
			{authority, "/regulator/penalties"}, {authority, "/regulator/penalties/new/propose"}, {authority, penalty}, {authority, penalty + "/serve"}, {authority, penalty + "/legal"}, {authority, penalty + "/revoke"}, {authority, "/oversight/2026-Q4"}} {
			x.lang = string(lang)
			x.page(x.at).rules(t, lang, false, func(string) bool { return true })
		}
	}
}
