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

// TestWatchedPages holds these pages to the rules that all pages share.
func TestWatchedPages(t *testing.T) {
	h := newHome(t)
	complaint, review := h.watched()
	authority, desk := h.clerk("regulator-0501"), h.clerk("desk-0101")
	for _, lang := range Langs {
		for _, x := range []struct {
			*clerk
			at string
		}{{authority, "/regulator/complaints"}, {authority, "/regulator/reviews"}, {authority, "/regulator/" + complaint}, {authority, "/regulator/" + complaint + "/decide"}, {authority, "/regulator/" + complaint + "/close"},
			{desk, "/desk/complaints"}, {desk, "/desk/reviews"}, {desk, "/desk/" + review}, {desk, "/desk/" + review + "/resolve"}, {authority, "/regulator/" + review + "/check"}, {authority, "/regulator/" + review + "/exclude"}} {
			x.lang = string(lang)
			x.page(x.at).rules(t, lang, false, func(string) bool { return true })
		}
	}
}
