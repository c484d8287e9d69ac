package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
)

// fact records something that happened, as it stands on the log.
func (c *village) fact(st events.Stream, happened time.Time, e any) {
	c.Helper()
	typ, data, err := c.app.Registry.Encode(c.Context(), e)
	if err != nil {
		c.Fatal(err)
	}
	rev := events.NoStream
	for r, err := range c.app.Store.Load(c.Context(), st, events.NoStream) {
		if err != nil {
			c.Fatal(err)
		}
		rev = r.Revision
	}
	if _, _, err := c.app.Store.Append(c.Context(), st, rev, events.New{ID: uuid.New(), Type: typ, Data: data, Occurred: happened}); err != nil {
		c.Fatal(err)
	}
}

// TestTrackingFollows: the page tells what has happened and what is next, from
// the booking to the ashes, and only then asks how it was.
func TestTrackingFollows(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	code := p.booked(chosenSlot, "relief", "最低生活保障对象")
	at := "/track/" + code
	id, s := c.onlyCase(t)
	p.says("预约已经定下", code, "林归舟", "11 月 25 日周三 10:00 火化", "农历十月十七", "请您准备", "逝者身份证件", "还没有报价", "减免的部分不用先付", "11 月 24 日周二 17:00 前可以在这里改期或取消", "还没有人看过", "怎样办，请问殡仪馆")
	if strings.Contains(p.main(), "评价") || strings.Contains(p.main(), "13800000412") || strings.Contains(p.main(), "林知远") || strings.Contains(p.main(), "最低生活保障") {
		t.Errorf("the page asks too early or tells too much: %s", p.main())
	}
	rates := func() string { p.get(at + "/rate"); return p.main() }
	if !strings.Contains(rates(), "骨灰交给家属以后才能评价") {
		t.Error("the service can be rated before it was rendered")
	}

	st := c.app.Cremations.Stream(id.String())
	tues := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	c.fact(c.app.Looks.Stream(id.String()), tues, access.Read{By: "desk-0101", What: access.Numbers, Reason: "核对证件", At: tues})
	c.fact(st, tues, cremation.Received{Case: id, Tag: "D-1", Institution: haiyan})
	p.get(at).says("已在殡仪馆安放，等待告别", "到馆安放", "查看完整号码", "核对证件")
	if strings.Contains(p.main(), "desk-0101") {
		t.Error("the account of a member of staff is shown")
	}
	c.fact(st, time.Time{}, cremation.ConfirmationSigned{Applicant: s.Handler.Person, Form: "2026.1"})
	p.get(at).says("时间没有人记得，所以空着", "已收到，不用再带", "等待告别")
	c.fact(c.app.Cases.Stream(id.String()), tues, booking.ServiceStarted{Service: "farewell", At: tues})
	c.fact(c.app.Cases.Stream(id.String()), tues, booking.ServiceEnded{Service: "farewell", At: tues})
	p.get(at).says("等待火化")
	c.fact(st, tues, cremation.Started{Institution: haiyan, Furnace: "furnace-1", At: tues})
	p.get(at).says("正在火化", "火化已经开始，不能再改期或取消")
	c.fact(st, tues, cremation.Completed{Institution: haiyan, Furnace: "furnace-1", At: tues})
	c.fact(st, tues, cremation.AshesCollected{WeightG: 2100, Containers: 1, Label: "D-1"})
	p.get(at).says("正在出具火化证明")
	c.fact(st, tues, cremation.CertificateIssued{Number: "N-1"})
	p.get(at).says("骨灰可以领取")
	who := s.Handler.Person
	c.fact(st, tues, cremation.AshesReleased{Share: 1, To: who, Name: domain.Personal(who, "林知远"), Certificate: "N-1", Giver: "desk-0101"})
	c.wait(49 * time.Hour)
	p.get(at).says("已经办完", "评价服务")
	p.get(at+"/rate").submit(at+"/rate", url.Values{"level": {""}})
	p.says("请选一项")
	p.submit(at+"/rate", url.Values{"level": {"9"}})
	p.says("请选一项")
	p.submit(at+"/rate", url.Values{"level": {"4"}, "comment": {"谢谢"}})
	p.says("您的评价：满意")
	if _, s = c.onlyCase(t); s.Rating == nil || s.Rating.Level != 4 || s.Rating.Comment.Or("") != "谢谢" {
		t.Errorf("rating %+v", s.Rating)
	}
	p.get(at + "/rate")
	p.says("已经评价过")
	c.tellsNothing(t, nil)
}

// TestTrackingUnrecorded: what was not written down is not waited for when
// the cremation is over.
func TestTrackingUnrecorded(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked(chosenSlot)
	id, _ := c.onlyCase(t)
	for _, e := range []any{cremation.Received{Case: id, Tag: "D-1", Institution: haiyan}, cremation.Started{At: c.clock()}, cremation.Completed{At: c.clock()}} {
		c.fact(c.app.Cremations.Stream(id.String()), c.clock(), e)
	}
	p.get(at).says("没有记录")
	if strings.Contains(p.main(), "等待告别") {
		t.Error("the page waits for a farewell after the cremation")
	}
}

// TestNoSuchCode: what is no code, a code of nobody and a code that a newer one
// voided are answered alike.
func TestNoSuchCode(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	code := p.booked(chosenSlot)
	id, _ := c.onlyCase(t)
	stranger := c.app.TrackingCode(uuid.New())
	slip := strings.Replace(code, code[:1], map[bool]string{true: "1", false: "0"}[code[0] == '0'], 1)
	for _, wrong := range []string{stranger, slip, "x", "AAAA-AAAA-AAA", strings.Repeat("0", 300)} {
		for _, path := range []string{"", "/change", "/wait", "/cancel", "/object", "/rate"} {
			if p.get("/track/" + wrong + path); p.status != 404 || strings.Contains(p.main(), "林") {
				t.Errorf("%s%s: %d", wrong, path, p.status)
			}
		}
		p.get("/track").submit("/track", url.Values{"code": {wrong}})
		if p.status != 404 {
			t.Errorf("%s typed: %d", wrong, p.status)
		}
		p.says("没有找到这个查询码")
		p.doc.rules(t, Zh, false, func(string) bool { return true })
	}
	for _, typed := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), " " + strings.ReplaceAll(code, "-", " ") + "　",
		strings.NewReplacer("0", "O", "1", "l").Replace(code)} {
		p.get("/track").submit("/track", url.Values{"code": {typed}})
		if p.status != 200 || p.at != "/track/"+code {
			t.Errorf("%q: %d %s", typed, p.status, p.at)
		}
		if p.get("/track/" + url.PathEscape(typed)); p.status != 200 {
			t.Errorf("%q in the address: %d", typed, p.status)
		}
	}
	c.must(c.app.Cases.Handle(t.Context(), id.String(), booking.IssueTracking{Act: c.act(), Hash: c.app.TrackingHash(stranger)}))
	if p.get("/track/" + code); p.status != 404 {
		t.Errorf("a voided code: %d", p.status)
	}
	if p.get("/track/" + stranger); p.status != 200 {
		t.Errorf("the new code: %d", p.status)
	}
	if n := strings.Count(c.log.String(), "status=404"); n < 20 {
		t.Errorf("%d lines of the log tell of 404", n)
	}
}

// TestTrackingIsPrivate: a browser keeps nothing of it, no search engine finds
// it and no other site is told the address.
func TestTrackingIsPrivate(t *testing.T) {
	c := newVillage(t, memory.New())
	code := c.phone(t).booked(chosenSlot)
	for path, referrer := range map[string]string{"/track": "same-origin", "/track/" + code: "no-referrer", "/track/" + code + "/change": "same-origin", "/track/" + code + "/cancel": "same-origin",
		"/track/" + code + "/object": "same-origin", "/track/AAAA-AAAA-AAAA": "no-referrer"} {
		h := get(t, c, path).Header
		if h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("X-Robots-Tag"), "noindex") || h.Get("Referrer-Policy") != referrer {
			t.Errorf("%s: %v", path, h)
		}
		if h.Get("Content-Security-Policy") == "" || len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %v", path, h)
		}
	}
	// Nothing of the case is on any other page of the site.
	for _, address := range append(addresses(), "/book", "/track") {
		b := string(body(t, get(t, c, address)))
		for _, secret := range []string{"林归舟", "林知远", "13800000412", code, theDeceased.Get("id")} {
			if strings.Contains(b, secret) {
				t.Errorf("%s tells %s", address, secret)
			}
		}
	}
	// Nor is any of it in clear on the log.
	for b, err := range c.app.Store.Follow(t.Context(), 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Events {
			for _, secret := range []string{"林归舟", "林知远", "13800000412", code, strings.ReplaceAll(code, "-", ""), theDeceased.Get("id")} {
				if strings.Contains(string(r.Data)+string(r.Stream)+fmt.Sprint(r.Meta), secret) {
					t.Errorf("%s tells %s", r.Type, secret)
				}
			}
		}
		if b.CaughtUp {
			break
		}
	}
}

// TestTriesAreCounted: who tries codes is stopped.
func TestTriesAreCounted(t *testing.T) {
	c := newVillage(t, memory.New())
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, Site{})
	h := New(r, full{r: r})
	f := NewFamilies(h, c.app, bareSource{app: c.app})
	f.Limit = 5
	s := handlers.New(handlers.Config{Accounts: accounts, Web: h, Pages: []handlers.Mount{f}})
	from := func(forwarded string) int {
		return get(t, s, "/track/AAAA-AAAA-AAAA", "X-Forwarded-For", forwarded).StatusCode
	}
	var last int
	for range 8 {
		last = from("")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eighth try: %d", last)
	}
	if got := get(t, s, "/book").StatusCode; got != 200 {
		t.Errorf("looking at times counts too: %d", got)
	}
}

// TestOneAddressDoesNotKeepAWholeHome: who goes on choosing times without an
// account is stopped, and others see that the times are only held.
func TestOneAddressDoesNotKeepAWholeHome(t *testing.T) {
	c := newVillage(t, memory.New())
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, Site{})
	h := New(r, full{r: r})
	f := NewFamilies(h, c.app, bareSource{app: c.app})
	f.Holds = 3
	s := handlers.New(handlers.Config{Accounts: accounts, Web: h, Pages: []handlers.Mount{f}})
	var got []int
	for range 4 {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, "/book", strings.NewReader(url.Values{"slot": {""}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.ServeHTTP(w, req)
		got = append(got, w.Code)
	}
	if slices.Contains(got[:3], http.StatusTooManyRequests) || got[3] != http.StatusTooManyRequests {
		t.Errorf("four choices, of which three are allowed: %d", got)
	}
	var b strings.Builder
	day := bookDay{Date: "2026-11-26", Times: []handlers.CeremonyTime{{State: handlers.TimeHeld}}}
	if err := r.pages[Zh]["book-time"].ExecuteTemplate(&b, "days", bookTime{Days: []bookDay{day}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "都有家属在选") || strings.Contains(b.String(), "已过") {
		t.Errorf("a day that is only held: %s", b.String())
	}
}

// TestChangeOfTime: the consequence in money stands before the button; nothing
// changes until it is pressed, and then only once.
func TestChangeOfTime(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked(chosenSlot, "relief", "特困人员")
	p.get(at+"/change").submit(at+"/change", url.Values{"slot": {""}})
	p.says("请选一个时间")
	p.submit(at+"/change", url.Values{"slot": {"2026-11-26T09:00"}})
	// Four days of storage instead of three, of which relief takes three.
	p.says("改到 11 月 26 日周四 09:00", "改期不收费", "估算会多 90 元", "为您保留到 08:40")
	if _, s := c.onlyCase(t); s.Slots[0].Day != "2026-11-25" {
		t.Error("it changed before it was confirmed")
	}
	form := p.filled(at+"/change", url.Values{"ok": {"1"}})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			r, err := p.send(form, at+"/change")
			if err != nil || r.StatusCode != 200 && r.StatusCode != 409 {
				t.Error(err, r.StatusCode)
			}
			if err == nil {
				r.Body.Close()
			}
		})
	}
	all.Wait()
	p.submit(at+"/change", url.Values{"ok": {"1"}})
	if p.at != at {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	p.says("11 月 26 日周四 10:00 火化")
	_, s := c.onlyCase(t)
	if len(s.Slots) != 2 || s.Slots[0].Day != "2026-11-26" || s.Slots[1].Day != "2026-11-26" || len(s.Services) != 1 || domain.DateOf(s.Services[0].From) != "2026-11-26" {
		t.Errorf("slots %+v, services %+v", s.Slots, s.Services)
	}
	if a, b := c.taken(t, haiyan, "2026-11-25"), c.taken(t, haiyan, "2026-11-26"); a != 0 || b != 2 {
		t.Errorf("%d and %d slots are taken", a, b)
	}
	if strings.Contains(p.main(), "网上不能再改") {
		t.Errorf("it can still be changed: %s", p.main())
	}
	// Within the day, on the same hall.
	p.get(at+"/change").submit(at+"/change", url.Values{"slot": {"2026-11-26T11:00"}})
	p.says("估算的费用不变")
	p.submit(at+"/change", url.Values{"ok": {"1"}})
	if _, s := c.onlyCase(t); len(s.Slots) != 2 || c.taken(t, haiyan, "2026-11-26") != 2 {
		t.Errorf("slots %+v", s.Slots)
	}
	p.says("11 月 26 日周四 12:00 火化")
	// A time that another family is faster for.
	p.get(at + "/change")
	other := c.phone(t)
	other.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.submit(at+"/change", url.Values{"slot": {chosenSlot}})
	if p.status != 409 {
		t.Errorf("%d %s", p.status, p.main())
	}
	p.says("这个时间刚被另一家定下", "原来的时间没有动")
	// A hold that ran out.
	p.get(at+"/change").submit(at+"/change", url.Values{"slot": {"2026-11-27T09:00"}})
	c.wait(time.Hour)
	p.submit(at+"/change", url.Values{"ok": {"1"}})
	if p.status != 409 {
		t.Errorf("%d %s", p.status, p.main())
	}
	// The afternoon before is too late.
	c.mu.Lock()
	c.now = time.Date(2026, 11, 25, 9, 1, 0, 0, time.UTC)
	c.mu.Unlock()
	if p.get(at + "/change"); p.status != 422 {
		t.Errorf("%d %s", p.status, p.main())
	}
	p.says("网上改期、取消到 11 月 25 日 17:00 为止")
	p.get(at).says("网上改期、取消到")
}

// TestCancel: the reason comes from a list, the consequence stands before, the
// times go back; what is in the home's care stays a case.
func TestCancel(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked(chosenSlot)
	p.get(at + "/cancel")
	p.says("取消不收费", "没有记账", "会放回")
	if p.submit(at+"/cancel", url.Values{"reason": {"WEATHER"}}); p.status != 422 {
		t.Errorf("a reason of another list: %d", p.status)
	}
	p.says("这里没有这个原因", "其他")
	p.submit(at+"/cancel", url.Values{"reason": {"MOVED_ELSEWHERE"}})
	p.says("预约已经取消")
	if _, s := c.onlyCase(t); !s.Cancelled || c.taken(t, haiyan, "2026-11-25") != 0 {
		t.Errorf("%+v", s)
	}
	if p.get(at + "/cancel"); p.status != 422 {
		t.Errorf("twice: %d", p.status)
	}
	p.get(at + "/object").says("已经办结或取消")

	c = newVillage(t, memory.New())
	p = c.phone(t)
	at = "/track/" + p.booked(chosenSlot)
	if p.get(at + "/object"); strings.Contains(p.main(), "公安") || strings.Contains(p.main(), "医院") {
		t.Error("an authority is offered as a relative")
	}
	p.get(at+"/cancel").submit(at+"/cancel", url.Values{})
	if _, s := c.onlyCase(t); !s.Cancelled {
		t.Errorf("without a reason: %+v", s)
	}

	c = newVillage(t, memory.New())
	p = c.phone(t)
	at = "/track/" + p.booked(chosenSlot)
	id, _ := c.onlyCase(t)
	c.fact(c.app.Cremations.Stream(id.String()), c.clock(), cremation.Received{Case: id, Tag: "D-1", Institution: haiyan})
	c.must(c.app.Quote(t.Context(), handlers.Quote{Act: c.act(), Case: id, Quote: "Q1", Items: []booking.Item{{ID: "l", Code: "TRN-STD", Quantity: 1}}}))
	p.get(at).says("有一份 200 元的报价等您看")
	c.must(c.app.Cases.Handle(t.Context(), id.String(), booking.Consent{Act: c.act(), Quote: "Q1", Total: domain.Yuan(200)}))
	c.must(c.app.Charge(t.Context(), handlers.Charge{Act: c.act(), Case: id, Item: booking.Item{ID: "l", Code: "TRN-STD", Quantity: 1}}))
	p.get(at).says("应付 200 元，是您签字的报价", "已经记账 200 元，已付 0 元")
	p.get(at + "/cancel")
	p.says("取消不收费", "记账 200 元，已付 0 元", "还要付 200 元", "遗体仍在馆内安放")
	p.submit(at+"/cancel", url.Values{"reason": {"FAMILY_WITHDREW"}})
	if _, s := c.onlyCase(t); s.Cancelled || len(s.Slots) != 0 || c.taken(t, haiyan, "2026-11-25") != 0 {
		t.Errorf("%+v", s)
	}
	p.says("还没有定下时间，可以选一个")
	p.get(at+"/change").submit(at+"/change", url.Values{"slot": {"2026-11-26T09:00"}})
	p.submit(at+"/change", url.Values{"ok": {"1"}})
	if _, s := c.onlyCase(t); len(s.Slots) == 0 {
		t.Error("no time can be chosen again")
	}
}

// TestObjection: a relative objects; the cremation waits, and the page says what
// ends it. Sent twice it is one objection.
func TestObjection(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked(chosenSlot)
	id, _ := c.onlyCase(t)
	c.fact(c.app.Cremations.Stream(id.String()), c.clock(), cremation.Received{Case: id, Tag: "D-1", Institution: haiyan})
	p.get(at+"/object").submit(at+"/object", url.Values{"name": {""}})
	if p.status != 422 {
		t.Errorf("%d", p.status)
	}
	p.says("请填写您的姓名", "请选择您是逝者的什么人", "请填写手机号码，殡仪馆当天与您联系")
	p.doc.rules(t, Zh, false, func(string) bool { return true })
	p.submit(at+"/object", url.Values{"name": {"林知微"}, "relation": {"SPOUSE"}, "phone": {"1"}})
	p.says("电话号码不对")
	fill := url.Values{"name": {"林知微"}, "relation": {"SPOUSE"}, "phone": {"13900000001"}, "ground": {"想等孩子回来"}}
	form := p.filled(at+"/object", fill)
	for range 3 {
		r, err := p.send(form, at+"/object")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	p.get(at).says("有亲属提出不同意见，火化已暂停", "各位亲属的书面一致意见", "由谁承办，本馆按这个先后", "大连的规定没有找到", "解决之前不能办理这一步")
	if strings.Contains(p.main(), "林知微") || strings.Contains(p.main(), "13900000001") || strings.Contains(p.main(), "孩子") {
		t.Error("the page tells who objected")
	}
	_, s := c.onlyCase(t)
	cr, _, err := c.app.Cremations.Load(t.Context(), id.String())
	if err != nil || len(s.Disputes) != 1 || !s.Disputed() || !cr.HasOpen(cremation.HoldDispute) || s.Disputes[0].Ground.Or("") != "想等孩子回来" || !s.Disputes[0].Prior {
		t.Fatalf("%+v, holds %+v, %v", s.Disputes, cr.Holds, err)
	}
	for _, path := range []string{"/change", "/cancel"} {
		if p.get(at + path); p.status != 422 {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	c.must(c.app.Cases.Handle(t.Context(), id.String(), booking.ResolveChallenge{Act: c.act(), ChallengeResolved: booking.ChallengeResolved{Challenge: s.Disputes[0].Challenge, Outcome: booking.Settled, Document: "协议"}}))
	for range 2 {
		if err := c.app.HoldDisputes(t.Context(), c.act(), id); err != nil {
			t.Fatal(err)
		}
	}
	if cr, _, _ = c.app.Cremations.Load(t.Context(), id.String()); len(cr.OpenHolds()) != 0 {
		t.Errorf("holds %+v", cr.OpenHolds())
	}
	p.get(at)
	if strings.Contains(p.main(), "暂停") && !strings.Contains(p.main(), "火化会暂停") {
		t.Error(p.main())
	}
	if strings.Contains(c.log.String(), "林知微") || strings.Contains(c.log.String(), "13900000001") {
		t.Error("the log tells who objected")
	}
}

// TestTrackPages: every page under a code keeps the rules of all pages.
func TestTrackPages(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	code := p.booked(chosenSlot)
	id, s := c.onlyCase(t)
	known := links(t, c)
	check := func(name string) {
		t.Helper()
		for _, lang := range Langs {
			for _, elder := range []string{"1", "0"} {
				for _, path := range []string{"", "/change", "/wait", "/cancel", "/object", "/rate"} {
					t.Run(fmt.Sprintf("%s %s %s %s", name, path, lang, elder), func(t *testing.T) {
						q := *p
						q.village = &village{TB: t, Server: c.Server, app: c.app, log: c.log}
						q.get("/track/" + code + path + "?lang=" + string(lang) + "&elder=" + elder)
						q.doc.rules(t, lang, elder == "1", known)
						if path == "" && q.status != 200 {
							t.Errorf("status %d", q.status)
						}
					})
				}
			}
		}
	}
	check("booked")
	for _, lang := range []string{"en", "zh"} {
		p.get("/track/"+code+"/change?lang="+lang).submit("/track/"+code+"/change", url.Values{"slot": {"2026-11-26T09:00"}})
		p.doc.rules(t, Lang(lang), false, known)
	}
	c.must(c.app.Object(t.Context(), handlers.Object{Act: c.act(), Case: id, Challenge: "x", Name: "林知微", Phone: "13900000001", Relation: booking.Sibling}))
	st := c.app.Cremations.Stream(id.String())
	c.fact(st, time.Time{}, cremation.Received{Case: id, Tag: "D-1", Institution: haiyan})
	c.fact(st, c.clock(), cremation.HoldPlaced{Hold: uuid.New(), Kind: cremation.HoldPolice, Authority: "公安"})
	c.must(c.app.Cases.Handle(t.Context(), id.String(), booking.PromisePaper{Act: c.act(), Paper: booking.HouseholdBook, Due: "2026-11-27", Pledge: "2026.1", MaxDays: 7}))
	check("disputed")
	c.fact(c.app.Looks.Stream(id.String()), c.clock(), access.Read{By: "desk-0101", What: access.Numbers, Reason: "核对证件", At: c.clock()})
	c.fact(c.app.Looks.Stream(id.String()), c.clock(), access.Refused{By: "desk-0901", What: access.File, At: c.clock()})
	for _, e := range []any{cremation.ConfirmationSigned{Applicant: s.Handler.Person, Form: "1"}, cremation.Started{At: c.clock()}, cremation.Completed{At: c.clock()}, cremation.AshesCollected{WeightG: 1, Containers: 1, Label: "D-1"},
		cremation.CertificateIssued{Number: "N"}, cremation.AshesReleased{Share: 1, To: s.Handler.Person, Certificate: "N"}} {
		c.fact(st, c.clock(), e)
	}
	c.must(c.app.Certificates.Handle(t.Context(), "N", cremation.RegisterCertificate{Act: c.act(), Number: "N", Case: id, Institution: haiyan}))
	check("over")
}

// TestUntoldTimes: a hall of the same size is offered while one is free, a hold
// shows until when, and what is under maintenance is not offered.
func TestUntoldTimes(t *testing.T) {
	c := newVillage(t, memory.New())
	first := c.phone(t)
	first.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	second := c.phone(t)
	second.get("/book")
	held := second.doc.find(func(n *html.Node) bool { return class("hold")(n) && strings.Contains(text(n), "09:00") })
	if len(held) != 1 || !strings.Contains(text(held[0]), "暂留，08:40 前") {
		t.Errorf("%d times are shown as kept", len(held))
	}
	from, to := domain.Clock("08:00").On("2026-11-26"), domain.Clock("12:00").On("2026-11-26")
	c.must(c.app.Institutions.Handle(t.Context(), haiyan, institution.PlanMaintenance{Act: c.act(), MaintenancePlanned: institution.MaintenancePlanned{Window: "w", Resource: "hall-1", From: from, To: to, Reason: "检修"}}))
	c.must(c.app.Days.Handle(t.Context(), schedule.ID(haiyan, "hall-1", "2026-11-27"), schedule.Block{Act: c.act(), Block: "b", Start: domain.Clock("08:00").On("2026-11-27"), End: domain.Clock("12:00").On("2026-11-27"), Kind: schedule.Maintenance}))
	second.get("/book")
	for _, slot := range second.slots() {
		if regexp.MustCompile(`2026-11-2[67]T(08|09|10|11)`).MatchString(slot) {
			t.Errorf("%s is offered", slot)
		}
	}
	if n := len(second.doc.find(tag(atom.Fieldset))); n < 5 {
		t.Errorf("%d days are offered", n)
	}
}

// TestWaiting: a family that has a time waits for a better one, is asked when it
// becomes free, and has one time at every moment.
func TestWaiting(t *testing.T) {
	c := newVillage(t, memory.New())
	first := c.phone(t)
	code := first.booked(chosenSlot)
	p := c.phone(t)
	at := "/track/" + p.booked("2026-11-26T09:00")
	var mine uuid.UUID
	for _, id := range c.cases(t) {
		if "/track/"+c.app.TrackingCode(id) == at {
			mine = id
		}
	}
	p.get("/book").says("想要的时间已约满")
	p.get(at+"/wait").submit(at+"/wait", url.Values{"day": {""}})
	p.says("还没有选")
	p.get(at+"/wait").submit(at+"/wait", url.Values{"day": {"2026-11-25"}, "part": {"morning"}})
	p.says("您在 11 月 25 日周三 的队里，前面 0 家")
	p.get(at).says("您在 11 月 25 日周三 的队里，前面 0 家")
	// The other family cancels; its hall is offered (a policy does so).
	other := "/track/" + code
	first.get(other+"/cancel").submit(other+"/cancel", url.Values{"reason": {"MOVED_ELSEWHERE"}})
	if err := c.app.OfferSlot(t.Context(), c.act(), schedule.ID(haiyan, "hall-1", "2026-11-25"), "0900"); err != nil {
		t.Fatal(err)
	}
	p.get(at).says("有一个时间空出来了", "11 月 25 日周三 09:00", "为您保留到")
	p.get(at + "/wait").says("换到这个时间，原来的时间会放回")
	p.submit(at+"/wait", url.Values{"do": {"yes"}, "day": {"2026-11-25"}})
	if p.at != at {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	p.says("11 月 25 日周三 09:00", "11 月 25 日周三 10:00 火化")
	s, _, err := c.app.Cases.Load(t.Context(), mine.String())
	if err != nil || len(s.Slots) != 2 || s.Slots[0].Day != "2026-11-25" || s.Slots[1].Day != "2026-11-25" {
		t.Errorf("slots %+v, %v", s.Slots, err)
	}
	if a, b := c.taken(t, haiyan, "2026-11-25"), c.taken(t, haiyan, "2026-11-26"); a != 2 || b != 0 {
		t.Errorf("%d and %d slots are taken", a, b)
	}
	if p.get(at + "/wait"); strings.Contains(p.main(), "的队里") {
		t.Error("still on the list")
	}
	if p.submit(at+"/wait", url.Values{"do": {"yes"}, "day": {"2026-11-25"}}); p.at != at || c.taken(t, haiyan, "2026-11-25") != 2 {
		t.Errorf("pressed twice: %d %s", p.status, p.at)
	}
	c.tellsNothing(t, *p.visited)
}

// TestOfferRefused: what is declined or comes too late leaves what was booked.
func TestOfferRefused(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked("2026-11-26T09:00")
	id, _ := c.onlyCase(t)
	other := c.phone(t)
	other.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.get(at+"/wait").submit(at+"/wait", url.Values{"day": {"2026-11-25"}})
	day := schedule.ID(haiyan, "hall-1", "2026-11-25")
	d, _, err := c.app.Days.Load(t.Context(), day)
	if err != nil || len(d.Slots) != 1 {
		t.Fatalf("%+v %v", d.Slots, err)
	}
	c.must(c.app.Days.Handle(t.Context(), day, schedule.Release{Act: c.act(), Slot: "0900", Case: d.Slots[0].Case, Reason: schedule.Withdrawn}))
	offer := func() {
		t.Helper()
		if err := c.app.OfferSlot(t.Context(), c.act(), day, "0900"); err != nil {
			t.Fatal(err)
		}
	}
	offer()
	p.get(at+"/wait").submit(at+"/wait", url.Values{"do": {"no"}, "day": {"2026-11-25"}})
	p.says("您在 11 月 25 日周三 的队里，前面 0 家")
	if n := c.taken(t, haiyan, "2026-11-25"); n > 1 {
		t.Errorf("%d slots are taken", n)
	}
	p.submit(at+"/wait", url.Values{"do": {"leave"}, "day": {"2026-11-25"}})
	if strings.Contains(p.main(), "的队里") {
		t.Error("still on the list")
	}
	p.get(at+"/wait").submit(at+"/wait", url.Values{"day": {"2026-11-25"}})
	offer()
	p.get(at + "/wait")
	form := p.filled(at+"/wait", nil)
	form.Set("day", "2026-11-25")
	form.Set("do", "yes")
	c.wait(time.Hour)
	r, err := p.send(form, at+"/wait")
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != 422 {
		t.Errorf("too late: %d", r.StatusCode)
	}
	s, _, err := c.app.Cases.Load(t.Context(), id.String())
	if err != nil || len(s.Slots) != 2 || s.Slots[0].Day != "2026-11-26" {
		t.Errorf("slots %+v, %v", s.Slots, err)
	}
}

// TestPeakDraw: the times of a peak day are drawn; a family applies by its code,
// and anybody can draw again from what is published.
func TestPeakDraw(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	at := "/track/" + p.booked(chosenSlot, "relief", "")
	id, _ := c.onlyCase(t)
	seed, salt := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	peak := handlers.Peak{Institution: haiyan, Kind: institution.Furnace, Day: "2026-11-28"}
	c.must(c.app.AnnouncePeak(t.Context(), handlers.AnnouncePeak{Act: c.act(), Peak: peak, Item: "CRM-FLAT", Commitment: schedule.Commitment(seed, salt), Closes: c.clock().Add(24 * time.Hour)}))
	record := "/draw/" + haiyan + "/furnace/2026-11-28"
	p.get("/book").says("的时间由抽签分配")
	p.get(record).says("抽签公示", "正在接受申请", schedule.Commitment(seed, salt), "shenzhong draw check", "sha256sum")
	if strings.Contains(p.main(), seed) {
		t.Error("the seed is told before the draw")
	}
	s, _, err := c.app.Peaks.Load(t.Context(), peak.Key())
	if err != nil || len(s.Names()) < 2 {
		t.Fatalf("%v %v", s.Names(), err)
	}
	wish := s.Names()[1]
	p.get(at+"/wait").says("这一天要的人多", "已有 0 家申请")
	p.submit(at+"/wait", url.Values{"wish": {wish, s.Names()[0]}, "do": {"apply"}})
	p.says("已有 1 家申请", "您已申请，按先后："+wish)
	p.submit(at+"/wait", url.Values{"do": {"withdraw"}})
	p.says("已有 0 家申请")
	p.submit(at+"/wait", url.Values{"wish": {"nowhere/0000"}, "do": {"apply"}})
	p.says("请从公布的时段里选")
	p.get(at+"/wait").submit(at+"/wait", url.Values{"wish": {wish}, "do": {"apply"}})
	known := func(string) bool { return true } // the record for programs is the API's, which this server has not
	check := func() {
		t.Helper()
		for _, lang := range Langs {
			for _, elder := range []string{"1", "0"} {
				for _, address := range []string{at + "/wait", record} {
					p.get(address + "?elder=" + elder + "&lang=" + string(lang))
					p.doc.rules(t, lang, elder == "1", known)
				}
			}
		}
		p.get("/?lang=zh")
	}
	check()
	c.wait(25 * time.Hour)
	p.get(at + "/wait").says("申请已截止，等待抽签")
	c.must(c.app.DrawPeak(t.Context(), handlers.DrawPeak{Act: c.act(), Peak: peak, Seed: seed, Salt: salt}))
	p.get(at + "/wait").says("抽中了 " + wish)
	p.get(record).says("已经抽签", seed, salt, wish, id.String())
	check()
	rec, err := c.app.Drawn(t.Context(), peak, c.clock())
	if err != nil || len(rec.Differences()) > 0 {
		t.Errorf("%v %v", rec.Differences(), err)
	}
	if p.get("/draw/" + haiyan + "/furnace/2026-11-29"); p.status != 404 {
		t.Errorf("no draw: %d", p.status)
	}
	c.tellsNothing(t, *p.visited)
}
