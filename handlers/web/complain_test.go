package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/events/memory"
)

// TestComplain: anybody complains without account or script, about a line of a
// price list, and sees by the code how far it is; what is said is in no address
// and no log line.
func TestComplain(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	const said, reach = "小厅多收了二百元，没有给收据", "13800000412"
	p.get("/complain?institution="+haiyan+"&item=HAL-S").says("海晏殡仪馆（演示）", "遗体告别（小厅）", "不用账号")
	p.submit("/complain", url.Values{"case": {"0000-0000-0001"}})
	if p.status != 422 {
		t.Errorf("status %d", p.status)
	}
	p.says("请写明发生了什么", "没有这个查询码")
	form := p.filled("/complain", url.Values{"text": {said}, "contact": {reach}, "case": {""}})
	for range 2 { // pressed twice
		p.take(p.send(form, "/complain"))
	}
	code := strings.TrimPrefix(p.at, "/complain/")
	p.says("请记下查询码", code, "海晏殡仪馆（演示）", "HAL-S", said, "监管部门受理，期限 2026-11-24", "监管部门作出决定，期限 2026-12-18")
	if strings.Contains(p.main(), reach) {
		t.Error("the page shows how the complainant is reached")
	}
	id := c.app.ComplaintID(code)
	kept := 0
	for _, err := range c.app.Store.Load(t.Context(), c.app.Complaints.Stream(id.String()), events.NoStream) {
		if kept++; err != nil {
			t.Fatal(err)
		}
	}
	if s, _, err := c.app.Complaint(t.Context(), id); err != nil || kept != 1 || s.Filed.Item != "HAL-S" || s.Filed.Contact.Or("") != reach {
		t.Errorf("%+v, %d events, %v", s.Filed, kept, err)
	}
	// It goes its way; a term that passed is said.
	c.wait(4 * 24 * time.Hour)
	p.get("/complain/" + strings.ToLower(strings.ReplaceAll(code, "-", ""))).says("已超 2 天")
	if _, err := c.app.ForwardComplaint(t.Context(), id, nil, c.act()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.app.AnswerComplaint(t.Context(), id, nil, c.act(), "已退还二百元"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.app.DecideComplaint(t.Context(), id, nil, oversight.DecideComplaint{Act: c.act(), Upheld: true, Document: "连民投〔2026〕3号", DecidedOn: "2026-11-26"}, "收据已补开"); err != nil {
		t.Fatal(err)
	}
	p.get("/complain/"+code).says("决定：投诉属实。 连民投〔2026〕3号", "已退还二百元", "收据已补开")
	if p.get("/complain/0000-0000-0001"); p.status != 404 {
		t.Errorf("a code that is none: %d", p.status)
	}
	p.submit("/complain/find", url.Values{"code": {"xxxx"}}).says("没有这个查询码")
	for _, s := range []string{said, reach, url.QueryEscape(said)} {
		if strings.Contains(c.log.String(), s) || strings.Contains(strings.Join(*p.visited, " "), s) {
			t.Errorf("%q is in a log line or an address", s)
		}
	}
	known := links(t, c)
	for _, lang := range Langs {
		for _, elder := range []string{"1", "0"} {
			for _, at := range []string{"/complain?institution=" + haiyan + "&item=HAL-S&", "/complain?", "/complain/" + code + "?"} {
				t.Run(fmt.Sprintf("%s %s %s", at, lang, elder), func(t *testing.T) {
					q := *p
					q.village = &village{TB: t, Server: c.Server, app: c.app, log: c.log}
					q.get(at + "lang=" + string(lang) + "&elder=" + elder)
					q.doc.rules(t, lang, elder == "1", known)
				})
			}
		}
	}
}
