package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
)

// At the desk and the console, without a script: an officer notes a suspicion
// and tells the institution, which answers; one officer decides, another
// confirms; the institution asks for repair and objects; each sees what is next,
// and nobody what is not theirs.
func TestCreditAtWork(t *testing.T) {
	h := newHome(t)
	ctx := t.Context()
	if _, err := h.app.AdoptCreditPolicy(ctx, credit.Adopt{Act: h.act(h.clock()), PolicyVersion: credit.Default()}); err != nil {
		t.Fatal(err)
	}
	first, second, desk := h.clerk("regulator-0501"), h.clerk("regulator-0502"), h.clerk("desk-0101")
	console := "/regulator/credit/" + deskHome
	state := func() credit.LedgerState {
		s, _, err := h.app.Credit.Load(ctx, deskHome)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// do opens the form of an act, fills it in and sends it.
	token := regexp.MustCompile(`name="token" value="([^"]+)"`)
	do := func(who *clerk, base string, about uuid.UUID, act string, values ...string) {
		t.Helper()
		address := base + "/" + about.String() + "/" + act
		m := token.FindStringSubmatch(whole(t, who, address))
		if m == nil {
			t.Fatalf("%s has no form", address)
		}
		form := url.Values{"token": {m[1]}}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		if a := who.post(address, form); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", address, a.StatusCode, plainText(a.body))
		}
	}
	says := func(who *clerk, address string, words ...string) {
		t.Helper()
		page := whole(t, who, address)
		for _, w := range words {
			if no, ok := strings.CutPrefix(w, "!"); strings.Contains(page, no) == ok {
				t.Errorf("%s: %q", address, w)
			}
		}
	}
	today := func() string { return string(domain.DateOf(h.clock())) }

	says(first, "/regulator/credit", "没有要办的事")
	do(first, console, uuid.Max, "credit_suspect", "credit_rule", "P04", "credit_fact", "inspection:2026-11-3", "credit_basis", "抽查时见到停车押金")
	x := state().Suspicions[0]
	says(first, "/regulator/credit", "告知机构", "inspection:2026-11-3")
	says(desk, "/desk/credit", "!inspection:2026-11-3") // not before its notice
	do(first, console, x.Suspected.Suspicion, "credit_notify", "credit_document", "告知1号")
	says(desk, "/desk/credit", "inspection:2026-11-3", "提交申辩", "!认定</a>")
	// Before the answer a decision is refused on its form, with the rule.
	if a := first.get(console + "/" + x.Suspected.Suspicion.String() + "/credit_propose"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), "申辩期到") {
		t.Error(a.StatusCode)
	}
	do(desk, "/desk/credit", x.Suspected.Suspicion, "credit_answer", "credit_document", "申辩1号")
	do(first, console, x.Suspected.Suspicion, "credit_propose", "credit_document", "大民信认〔2026〕1号", "decided_on", today())
	says(desk, "/desk/credit", "!大民信认〔2026〕1号") // what one decided is not yet a decision
	says(first, "/regulator/credit", "第二人确认", "regulator-0501")
	if a := first.get(console + "/" + x.Suspected.Suspicion.String() + "/credit_confirm"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Error("the first officer confirms:", a.StatusCode)
	}
	do(second, console, x.Suspected.Suspicion, "credit_confirm")
	entry, decided := state().Entries[0].ID, state().Entries[0].DecidedOn
	says(desk, "/desk/credit", "大民信认〔2026〕1号", "提出异议", "74 C", "80 B", "!准予修复")
	do(desk, "/desk/credit", entry, "credit_object", "credit_document", "异议1号", "filed_on", today())
	says(second, "/regulator/credit", "答复异议", "2026-11-30")
	objection := state().Objections[0].Objected.Objection
	do(second, console, objection, "credit_extend", "credit_reason", "需市场监管部门核查")
	do(second, console, objection, "credit_reply", "accepted", "no", "credit_document", "答复1号", "credit_reason", "事实清楚", "decided_on", today())
	h.later(95 * 24 * time.Hour)
	desk, first = h.clerk("desk-0101"), h.clerk("regulator-0501")
	do(desk, "/desk/credit", entry, "credit_ask_repair", "credit_document", "申请1号", "filed_on", today())
	says(first, "/regulator/credit", "办理修复申请")
	do(first, console, entry, "credit_repair", "credit_document", "修复1号", "repaired_on", today())
	says(desk, "/desk/credit", "已修复")
	do(first, console, uuid.Max, "credit_bonus", "credit_rule", "G05", "credit_fact", "G05/2026", "credit_document", "通报1号", "decided_on", today())
	if s := state(); len(s.Entries) != 2 || s.Entries[0].RepairedOn == "" {
		t.Errorf("%+v", s.Entries)
	}
	h.tryPolicy(first, desk, token, decided)
	// Who is it not for.
	stranger := h.clerk("desk-0901")
	for _, address := range []string{"/regulator/credit", console} {
		if a := desk.get(address); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s opens for a desk: %d", address, a.StatusCode)
		}
	}
	if a := stranger.get(fmt.Sprintf("/desk/credit/%s/credit_object", entry)); a.StatusCode == http.StatusOK {
		t.Error("another home objects")
	}
	says(stranger, "/desk/credit", "!大民信认〔2026〕1号")
}

// tryPolicy tries a version of the policy on the day of an entry of −6 by its
// form, as a file and pasted; nothing is recorded until it is adopted.
func (h *home) tryPolicy(officer, desk *clerk, token *regexp.Regexp, on domain.Date) {
	h.Helper()
	const address = "/regulator/credit/trial"
	versions := func() int {
		s, _, err := h.app.CreditPolicies.Load(h.Context(), h.app.PolicyID)
		if err != nil {
			h.Fatal(err)
		}
		return len(s.Versions)
	}
	if !strings.Contains(whole(h, officer, "/regulator/credit"), `href="`+address+`"`) {
		h.Error("no way to the trial")
	}
	if a := desk.get(address); a.StatusCode != http.StatusForbidden {
		h.Error("a desk tries a policy:", a.StatusCode)
	}
	// The form as a browser sends it back, with some figures changed.
	inputs := regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"|<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	form := func(page string, change ...string) url.Values {
		_, page, _ = strings.Cut(page, `id="edit"`)
		page, _, _ = strings.Cut(page, "</form>")
		f := url.Values{}
		for _, m := range inputs.FindAllStringSubmatch(page, -1) {
			f.Set(cmp.Or(m[1], m[3]), html.UnescapeString(m[2]+m[4]))
		}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return f
	}
	expect := func(a answer, status int, words ...string) {
		h.Helper()
		text := plainText(a.body)
		if a.StatusCode != status {
			h.Fatalf("status %d, want %d: %s", a.StatusCode, status, text)
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				h.Errorf("does not say %q: %s", w, text)
			}
		}
	}
	page := whole(h, officer, address)
	next := string(domain.DateOf(h.clock()).AddDays(7))
	change := []string{"policy_version", "dl-2", "effective_from", next, "on", string(on), "base", "82", "points.P04", "9"}
	a := officer.post(address, form(page, change...))
	expect(a, http.StatusOK, "dl-2 在 "+string(on)+" 的试算结果", "74 C", "76 B", "73 C", "等级有变", "−6−6−9")
	for name, c := range map[string][]string{
		"no name":             {"policy_version", "", "", "请填写这一项"},
		"no figure":           {"points.P04", "x", "", "P04 分值"},
		"a cap below a point": {"cap.P04", "1", "", "period_cap (P04)"},
		"a day ahead":         {"on", next, "", "还没有到"},
	} {
		expect(officer.post(address, form(page, append(slices.Clone(change), c[0], c[1])...)), http.StatusUnprocessableEntity, c[3])
		if h.Failed() {
			h.Fatal(name)
		}
	}
	kept := form(string(a.body)).Get("kept")
	pasted := officer.post(address, url.Values{"do": {"file"}, "on": {string(on)}, "text": {kept}})
	expect(pasted, http.StatusOK, "76 B")
	expect(officer.post(address, url.Values{"do": {"file"}, "text": {"{"}}), http.StatusUnprocessableEntity, "credit_policy_unreadable")
	expect(officer.post(address, url.Values{"do": {"file"}}), http.StatusUnprocessableEntity, "policy_needed")
	expect(officer.upload(address, "as it is.json", "{}"), http.StatusUnprocessableEntity) // no figures that were sent with it
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	m.WriteField("do", "file")
	m.WriteField("on", string(on))
	part, err := m.CreateFormFile("file", "policy.json")
	if err != nil {
		h.Fatal(err)
	}
	part.Write([]byte(kept))
	m.Close()
	expect(officer.multipart(address, m.FormDataContentType(), &b), http.StatusOK, "76 B", "采用这个版本")
	// The version in force, handed in again, is nothing to adopt.
	expect(officer.post(address, url.Values{"do": {"file"}, "text": {form(page).Get("kept")}}), http.StatusOK, "现在不能采用")
	if versions() != 1 {
		h.Fatal("a trial recorded a version")
	}
	adopt := url.Values{"do": {"adopt"}, "kept": {kept}, "token": {token.FindStringSubmatch(string(a.body))[1]}}
	for range 2 { // sent twice, adopted once
		if a := officer.post(address, adopt); a.StatusCode != http.StatusSeeOther {
			h.Fatal(a.StatusCode, plainText(a.body))
		}
	}
	if versions() != 2 {
		h.Error("it was not adopted")
	}
}

// whole is a page that is there, as it was sent.
func whole(t testing.TB, who *clerk, address string) string {
	t.Helper()
	a := who.get(address)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s asks for %s: %d: %s", who.id, address, a.StatusCode, plainText(a.body))
	}
	return string(a.body)
}
