package web

import (
	"net/url"
	"strings"
	"testing"

	"shenzhong/domain/cremation"
	"shenzhong/events/memory"
)

// TestEstimate: what a funeral will cost, from the list in force, before and
// after relief, with the document of each; who asks leaves no trace.
func TestEstimate(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/estimate")
	// Transport 200, three days 270, small hall 120, cremation 900.
	p.says("费用估算", "您负担 1,490 元", "海晏殡仪馆（演示）", "基础项目", "200 元", "× 3", "按第 1 版价目", "这是估算，不是报价", "本页不保存您的选择")
	if strings.Contains(p.main(), "减免规则") {
		t.Error("relief without a group")
	}
	p.submit("/estimate#sum", url.Values{"relief": {"最低生活保障对象"}})
	p.says("您负担 120 元", "1,370 元，直接减免，不用先付", "减免规则：LN-BASIC-2025 第 2025.2 版", "辽宁省惠民殡葬政策")
	if strings.Contains(p.at, "relief") {
		t.Errorf("the group is in the address: %s", p.at)
	}
	// A longer stay: relief takes three days of it.
	p.submit("/estimate#sum", url.Values{"days": {"5"}, "hall": {"none"}})
	p.says("您负担 180 元", "× 5")
	// Registered elsewhere: no relief, and why.
	p.submit("/estimate#sum", url.Values{"days": {"3"}, "hukou": {"other"}})
	p.says("您负担 1,370 元", "户籍不在适用范围内")
	// Another home, the sea.
	p.submit("/estimate#sum", url.Values{"home": {songtao}, "hukou": {"city"}, "ashes": {"SEA"}, "relief": {""}, "hall": {"HAL-S"}})
	p.says("松涛殡仪馆（演示）", "您负担 1,430.40 元", "400 元，海葬完成后申请", "大连市2025年骨灰海葬通知", "海葬一经完成不能改变")
	p.submit("/estimate#sum", url.Values{"hukou": {"province"}})
	if strings.Contains(p.main(), "400 元") {
		t.Error("the city's incentive for somebody registered elsewhere")
	}
	// What is no answer of the form is none.
	for _, odd := range []url.Values{{"home": {"x"}}, {"days": {"-1"}}, {"days": {"1e9"}}, {"days": {"999999999999999999999"}}, {"more": {"NOWHERE", "CRM-FLAT"}}, {"ashes": {"CRM-FLAT"}}, {"hukou": {"x"}}, {"relief": {"x"}}} {
		p.get("/estimate").submit("/estimate#sum", odd)
		if p.status != 200 {
			t.Errorf("%v: %d", odd, p.status)
		}
		p.says("您负担 1,490 元")
	}
	p.get("/estimate").submit("/estimate#sum", url.Values{"days": {"365"}})
	p.says("× 30")
	// The estimate and the third screen of a booking come to the same fen.
	p.get("/estimate").submit("/estimate#sum", url.Values{"relief": {"特困人员"}})
	p.says("您负担 120 元")
	if n := len(c.cases(t)); n != 0 {
		t.Errorf("%d cases", n)
	}
	known := links(t, c)
	for _, lang := range Langs {
		for _, elder := range []string{"1", "0"} {
			p.get("/estimate?lang=" + string(lang) + "&elder=" + elder)
			p.doc.rules(t, lang, elder == "1", known)
			p.submit("/estimate#sum", url.Values{"relief": {"特困人员"}, "hukou": {"city"}, "ashes": {"SEA"}})
			p.doc.rules(t, lang, elder == "1", known)
		}
	}
	c.tellsNothing(t, *p.visited)
}

// TestCertificateCheck: anybody learns whether a number is valid and who gave
// it, and nothing else.
func TestCertificateCheck(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.booked(chosenSlot)
	id, _ := c.onlyCase(t)
	ask := func(number string, status int, want ...string) {
		t.Helper()
		p.get("/verify").submit("/verify", url.Values{"number": {number}})
		if p.status != status {
			t.Errorf("%q: %d", number, p.status)
		}
		p.says(want...)
		for _, secret := range []string{"林归舟", "林知远", "1380000", id.String(), "11 月 2"} {
			if strings.Contains(p.main(), secret) {
				t.Errorf("%q tells %s", number, secret)
			}
		}
	}
	ask("HY-2026-0412", 404, "没有登记过这个编号")
	c.must(c.app.Certificates.Handle(t.Context(), "HY-2026-0412", cremation.RegisterCertificate{Act: c.act(), Number: "HY-2026-0412", Case: id, Institution: haiyan}))
	ask("HY-2026-0412", 200, "这个编号有效", "海晏殡仪馆（演示）", "2026 年 11 月")
	ask(" ＨＹ-2026-0412 ", 200, "这个编号有效")
	if p.get("/verify/HY-2026-0412"); p.status != 200 {
		t.Errorf("%d", p.status)
	}
	p.says("这个编号有效")
	for _, odd := range []string{"HY-2026-0413", "某某", "../x", strings.Repeat("9", 500), "a b"} {
		ask(odd, 404, "没有登记过这个编号")
	}
	ask("", 422, "扫证明上的二维码")
	c.must(c.app.Certificates.Handle(t.Context(), "HY-2026-0412", cremation.VoidCertificate{Act: c.act(), Reason: "补开", ReplacedBy: "HY-2026-0500"}))
	ask("HY-2026-0412", 200, "已经作废")
	if strings.Contains(p.main(), "0500") {
		t.Error("a void number tells the one after it")
	}
	known := links(t, c)
	for _, lang := range Langs {
		for _, address := range []string{"/verify", "/verify/HY-2026-0412", "/verify/HY-1"} {
			p.get(address + "?lang=" + string(lang))
			p.doc.rules(t, lang, false, known)
		}
	}
	if strings.Contains(c.log.String(), "2026-0412") {
		t.Error("the log tells the number")
	}
}
