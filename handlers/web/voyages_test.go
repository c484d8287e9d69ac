package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"golang.org/x/net/html"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A harbour is a home that sails too, with a vessel of six seats.
type harbour struct {
	*home
	eco *clerk
}

func newHarbour(t testing.TB) *harbour {
	h := newHome(t)
	if _, err := h.app.Institutions.Handle(t.Context(), deskHome, institution.AddResource{Act: h.act(h.clock()), ResourceAdded: institution.ResourceAdded{Resource: "ship-1", Kind: institution.Vessel,
		NameZh: "演示一号", NameEn: "Demo One", Opens: "06:00", Closes: "18:00", SlotMinutes: 60, Capacity: 6}}); err != nil {
		t.Fatal(err)
	}
	return &harbour{h, h.clerk("eco-0401")}
}

// family is the application of the n-th family for a sea burial, with the
// second consent and the ashes in its hands.
func (h *harbour) family(n int) uuid.UUID {
	h.Helper()
	id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "sea case", n))
	dead, son := domain.Subject(fmt.Sprint("dead-", n)), domain.Subject(fmt.Sprint("son-", n))
	number := fmt.Sprintf("N-%d", n)
	store := func(stream events.Stream, es ...any) {
		h.Helper()
		var news []events.New
		for i, e := range es {
			typ, data, err := h.app.Registry.Encode(h.Context(), e)
			if err != nil {
				h.Fatal(err)
			}
			news = append(news, events.New{ID: uuid.NewSHA1(id, fmt.Append(nil, stream, i)), Type: typ, Data: data, Occurred: h.clock(), Meta: events.Meta{Actor: "desk-0101"}})
		}
		if _, _, err := h.app.Store.Append(h.Context(), stream, events.NoStream, news...); err != nil {
			h.Fatal(err)
		}
	}
	store(h.app.Cases.Stream(id.String()), booking.Opened{Institution: deskHome, Deceased: booking.Deceased{Kind: booking.Resident, Person: dead, Name: domain.Personal(dead, fmt.Sprintf("海归%d", n)), Hukou: "210202"},
		Handler: booking.Handler{Person: son, Name: domain.Personal(son, "海知"), Phone: domain.Personal(son, "13804110412"), Relation: booking.Child}},
		booking.TrackingIssued{Hash: h.app.TrackingHash(h.app.TrackingCode(id))})
	store(h.app.Cremations.Stream(id.String()), cremation.Received{Tag: "T", Institution: deskHome}, cremation.Started{At: h.clock()}, cremation.Completed{At: h.clock()}, cremation.AshesCollected{WeightG: 2000, Containers: 1, Label: "T"},
		cremation.CertificateIssued{Number: number}, cremation.AshesReleased{Share: 1, To: son, Certificate: number})
	store(h.app.Certificates.Stream(number), cremation.CertificateRegistered{Case: id})
	burial := uuid.NewSHA1(id, []byte("burial"))
	act := func(part string) domain.Act {
		return domain.Act{ID: uuid.NewSHA1(burial, []byte(part)), By: "eco-0401", Now: h.clock(), At: h.clock()}
	}
	if _, err := h.app.ApplyEcoBurial(h.Context(), handlers.ApplyEcoBurial{ID: burial, Apply: ecoburial.Apply{Act: act("apply"), Type: "SEA", Institution: deskHome, Division: "210202", Certificate: number}}); err != nil {
		h.Fatal(err)
	}
	return burial
}

// under is the address under the n-th family's code.
func (h *harbour) under(n int) string {
	h.Helper()
	if err := h.runner.WaitCaughtUp(h.Context()); err != nil {
		h.Fatal(err)
	}
	return "/track/" + h.app.TrackingCode(uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "sea case", n)))
}

// told is what the n-th family reads there.
func (h *harbour) told(n int) string {
	h.Helper()
	return text(h.clerk("desk-0101").page(h.under(n)).root)
}

// tells wants words on the n-th family's page.
func (h *harbour) tells(n int, want ...string) {
	h.Helper()
	s := h.told(n)
	for _, w := range want {
		if !strings.Contains(s, w) {
			h.Errorf("family %d is not told %q: %s", n, w, s)
		}
	}
}

// consent gives the second consent, a day later.
func (h *harbour) consent(burials ...uuid.UUID) {
	h.Helper()
	h.later(25 * time.Hour)
	for _, id := range burials {
		b, _, err := h.app.EcoBurials.Load(h.Context(), id.String())
		if err == nil {
			_, err = h.app.EcoBurials.Handle(h.Context(), id.String(), ecoburial.Consent{Act: domain.Act{ID: uuid.NewSHA1(id, []byte("consent")), By: "eco-0401", Now: h.clock(), At: h.clock()}, Applicant: b.Applied.Applicant})
		}
		if err != nil {
			h.Fatal(err)
		}
	}
}

// voyage opens a voyage by the form of the list.
func (h *harbour) voyage(number string, seats int, departs time.Time) {
	h.Helper()
	v := filled(h.eco.page("/desk/voyages"), "/desk/voyages")
	for k, s := range map[string]string{"number": number, "vessel": "ship-1", "seats": fmt.Sprint(seats), "departs": departs.In(domain.Shanghai).Format("2006-01-02T15:04"), "pier": "演示码头", "sea_area": "演示海域一"} {
		v.Set(k, s)
	}
	if res := h.eco.post("/desk/voyages", v); res.StatusCode != http.StatusSeeOther {
		h.Fatalf("open: status %d: %s", res.StatusCode, plainText(res.body))
	}
}

// does sends a form of a voyage's page.
func (h *harbour) does(number, act string, set ...string) answer {
	h.Helper()
	at := "/desk/voyages/" + number
	v := url.Values{"token": {uuid.NewString()}, "by": {"eco-0401"}}
	for i := 0; i < len(set); i += 2 {
		if set[i] == "token" {
			v.Del("token")
		}
		v.Add(set[i], set[i+1])
	}
	return h.eco.post(at+"/"+act, v)
}

func (h *harbour) must(number, act string, set ...string) {
	h.Helper()
	if res := h.does(number, act, set...); res.StatusCode != http.StatusSeeOther {
		h.Fatalf("%s: status %d: %s", act, res.StatusCode, plainText(res.body))
	}
}

func (h *harbour) refuses(code, number, act string, set ...string) {
	h.Helper()
	if res := h.does(number, act, set...); res.StatusCode < 400 || !strings.Contains(string(res.body), code) {
		h.Fatalf("%s: status %d, want %s: %s", act, res.StatusCode, code, plainText(res.body))
	}
}

// TestVoyageFromOpeningToCertificate takes voyages through everything on the
// desk's pages: the licence holds, a storm moves each family or tells it, and
// the manifest is what was scattered.
func TestVoyageFromOpeningToCertificate(t *testing.T) {
	h := newHarbour(t)
	v := filled(h.eco.page("/desk/voyages"), "/desk/voyages")
	for k, s := range map[string]string{"number": "V-0", "vessel": "ship-1", "seats": "7", "departs": "2026-11-28T09:00", "pier": "演示码头", "sea_area": "演示海域一"} {
		v.Set(k, s)
	}
	if res := h.eco.post("/desk/voyages", v); res.StatusCode != 422 || !strings.Contains(string(res.body), "voyage_licence") || filled(res.doc(t), "/desk/voyages").Get("pier") != "演示码头" {
		t.Fatalf("seven seats on a vessel of six: status %d: %s", res.StatusCode, plainText(res.body))
	}
	day := time.Date(2026, 11, 28, 1, 0, 0, 0, time.UTC)
	h.voyage("V-1", 6, day)
	h.voyage("V-2", 4, day.AddDate(0, 0, 7))
	a, b, c := h.family(1), h.family(2), h.family(3)
	h.tells(1, "已申请骨灰海葬(撒海)，由", "这种葬式不留骨灰，完成后不能更改", "以后，请申请人向", "还没有订航次", "奖补 400 元")
	h.must("V-1", "book", "burial", a.String(), "relatives", "3", "party", "海知、海远")
	h.tells(1, "航次 V-1 的座位已经订好", "9:00开航，从演示码头出发，到演示海域一", "随行家属 3 人，座位 3 个")
	h.refuses("voyage_relatives", "V-1", "book", "burial", b.String(), "relatives", "4")
	// One page has a form for each burial, all with its one token: each is an act.
	token := uuid.NewString()
	h.must("V-2", "book", "token", token, "burial", b.String(), "relatives", "1")
	h.must("V-2", "leave", "burial", b.String())
	h.must("V-2", "book", "token", token, "burial", c.String(), "relatives", "1")
	if v, _, err := h.app.Voyages.Load(t.Context(), "V-2"); err != nil || len(v.Bookings) != 1 || v.Bookings[0].Burial != c {
		t.Errorf("of two forms of one page the second is lost: %+v (%v)", v.Bookings, err)
	}
	h.must("V-2", "leave", "burial", c.String())
	h.must("V-1", "book", "burial", b.String(), "relatives", "2")
	h.refuses("voyage_full", "V-1", "book", "burial", c.String(), "relatives", "2")
	h.must("V-1", "book", "burial", c.String(), "relatives", "1")
	p := h.clerk("desk-0101").page("/voyages")
	if !strings.Contains(text(p.root), "座位已满（共 6 座）") || !strings.Contains(text(p.root), "余 4 座／共 4 座") || !strings.Contains(text(p.root), "400") {
		t.Errorf("the public page: %s", text(p.root))
	}
	for _, private := range []string{"海归", "海知", a.String()} {
		if strings.Contains(text(p.root), private) {
			t.Errorf("the public page tells %q", private)
		}
	}
	if s := text(h.eco.page("/desk/voyages/V-1").root); strings.Contains(s, "海归1") || !strings.Contains(s, "未确认") {
		t.Error("names show in full, or missing consents do not show")
	}
	h.refuses("voyage_cancel_reason", "V-1", "cancel", "why", "WEATHER")
	h.must("V-1", "cancel", "why", "WEATHER", "document", "海浪预报 1 号", "instead", "V-2")
	s := text(h.eco.page("/desk/voyages/V-1").root)
	if strings.Count(s, "在航次 V-2 留座") != 2 || strings.Count(s, "暂时没有可换的航次") != 1 || strings.Contains(s, "还没有告知") {
		t.Errorf("what happens to each family: %s", s)
	}
	h.tells(1, "航次 V-1 没有开，原因是天气", "在航次 V-2 另为您留了座位，留到")
	h.tells(2, "航次 V-1 没有开，原因是天气", "现在没有可以换的航次")
	h.answersOnItsPage(a, c)
	h.tells(3, "火化已经办完，生态安葬还没有", "还没有订航次", "谢绝航次 V-2 的座位")
	for _, at := range []string{"/desk/voyages/V-1", "/desk/voyages/V-2"} {
		if s := text(h.eco.page(at).root); strings.Count(s, "家属在查询页上答复") < 1 || !strings.Contains(s, "2026-11-23 09:30 接受") {
			t.Errorf("%s does not tell who answered and when: %s", at, s)
		}
	}
	if s := text(h.eco.page("/desk/voyages/V-2").root); !strings.Contains(s, "谢绝的留座") || strings.Count(s, "家属在查询页上答复") != 2 {
		t.Errorf("who declined: %s", s)
	}
	h.refuses("eco_consent_missing", "V-2", "depart", "aboard."+a.String(), "1", "relatives."+a.String(), "3")
	h.tells(1, "航次 V-2 的座位已经订好")
	h.consent(a)
	h.tells(1, "申请人已在")
	h.tells(2, "现在可以作第二次确认")
	h.must("V-2", "depart", "aboard."+a.String(), "1", "relatives."+a.String(), "2")
	h.tells(1, "航次 V-2 已在")
	h.later(time.Hour)
	h.refuses("eco_fact_missing", "V-2", "scatter", "burial", a.String())
	h.refuses("voyage_manifest_open", "V-2", "end")
	h.must("V-2", "scatter", "burial", a.String(), "degradable", "1")
	h.refuses("voyage_settled", "V-2", "back", "burial", a.String(), "reason", "风浪")
	h.must("V-2", "end")
	if _, err := h.app.ComputeIncentive(t.Context(), domain.Act{ID: uuid.New(), By: "regulator-0501", Now: h.clock(), At: h.clock()}, a); err != nil {
		t.Fatal(err)
	}
	h.tells(1, "已经办完。", "骨灰海葬(撒海)已在", "地点：演示海域一", "证书编号 HZ-V-2-01", "奖补 400 元", "请申请人向")
	if s := h.told(1); strings.Contains(s, "海知") || strings.Contains(s, "海远") {
		t.Error("the page under a code names who was aboard")
	}
	m := text(h.eco.page("/desk/voyages/V-2/manifest").root)
	for _, want := range []string{"海归1", "海知", "海远", "HZ-V-2-01", "奖补 400 元", "撒放 1"} {
		if !strings.Contains(m, want) {
			t.Errorf("the manifest does not say %q: %s", want, m)
		}
	}
	if res := h.clerk("desk-0901").get("/desk/voyages/V-2/manifest"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another home reads the manifest: status %d", res.StatusCode)
	}
	if s := text(h.clerk("desk-0901").page("/desk/voyages/V-2").root); strings.Contains(s, "海") && strings.Contains(s, a.String()) {
		t.Error("another home reads the bookings")
	}
	if res := h.clerk("desk-0901").post("/desk/voyages/V-2/end", url.Values{"token": {uuid.NewString()}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("another home ends the voyage: status %d", res.StatusCode)
	}
}

// answersOnItsPage has the first family take the seats of V-2 under its code and
// the third decline them, each once.
func (h *harbour) answersOnItsPage(a, c uuid.UUID) {
	h.Helper()
	h.tells(1, "看说明并答复")
	one, three := h.under(1)+"/offer", h.under(3)+"/offer"
	phone := h.clerk("desk-0101")
	p := phone.page(one)
	for _, want := range []string{"航次 V-1 没有开，原因是天气", "航次 V-2 的座位为您留到", "9:00开航，从演示码头出发", "随行家属 3 人", "接受：座位就订好了", "上船还需要申请人向", "谢绝：座位马上放回", "骨灰不动", "答复只记一次"} {
		if s := text(p.root); !strings.Contains(s, want) {
			h.Errorf("before the answer the page does not say %q: %s", want, s)
		}
	}
	say := func(at string, burial uuid.UUID, voyage, do string) answer {
		return phone.post(at, url.Values{"burial": {burial.String()}, "voyage": {voyage}, "do": {do}})
	}
	for _, x := range []struct {
		res  answer
		want int
		says string
	}{
		{say(one, a, "V-2", ""), 422, "请选接受或谢绝"},
		{say(one, c, "V-2", "yes"), 422, ""}, // another family's
		{say(one, a, "V-9", "yes"), 422, ""},
		{say(one, a, "V-2", "yes"), 303, ""},
		{say(one, a, "V-2", "yes"), 303, ""},
		{say(one, a, "V-2", "no"), 422, "答复只记一次"},
		{say(three, c, "V-2", "no"), 303, ""},
		{say(three, c, "V-2", "no"), 303, ""},
		{say(three, c, "V-2", "yes"), 422, "已经答复过"},
	} {
		if x.res.StatusCode != x.want || !strings.Contains(plainText(x.res.body), x.says) {
			h.Errorf("status %d, want %d and %q: %s", x.res.StatusCode, x.want, x.says, plainText(x.res.body))
		}
	}
	h.tells(1, "接受航次 V-2 的座位", "航次 V-2 的座位已经订好")
	if s := text(phone.page(one).root); !strings.Contains(s, "接受航次 V-2 的座位") || strings.Contains(s, "接受这些座位") {
		h.Errorf("after its answer the family is asked again: %s", s)
	}
	if v, _, err := h.app.Voyages.Load(h.Context(), "V-2"); err != nil || len(v.Answers) != 2 || v.Taken() != 3 || v.Answers[a].By != handlers.Family || !v.Answers[a].At.Equal(h.clock()) {
		h.Errorf("answers %v, %d seats taken (%v)", v.Answers, v.Taken(), err)
	}
}

// TestVoyagePages holds the pages of voyages and of the regulator to the rules
// of all pages.
func TestVoyagePages(t *testing.T) {
	h := newHarbour(t)
	day := time.Date(2026, 11, 28, 1, 0, 0, 0, time.UTC)
	h.voyage("V-1", 6, day)
	h.voyage("V-2", 6, day.AddDate(0, 0, 7))
	h.voyage("V-3", 6, day.AddDate(0, 0, 9))
	a, b := h.family(1), h.family(2)
	h.must("V-1", "book", "burial", a.String(), "relatives", "2")
	h.must("V-2", "book", "burial", b.String(), "relatives", "1")
	h.consent(a)
	h.must("V-1", "depart", "aboard."+a.String(), "1", "relatives."+a.String(), "2")
	h.must("V-2", "cancel", "why", "WEATHER", "document", "海浪预报 1 号", "instead", "V-3")
	h.later(25 * time.Hour)
	regulator := h.clerk("regulator-0501")
	for _, lang := range Langs {
		for _, address := range []string{"/voyages", "/desk/voyages", "/desk/voyages/V-1", "/desk/voyages/V-2", "/desk/voyages/V-3", "/desk/voyages/V-1/manifest", "/desk/eco-burial", "/desk/eco-burial?period=2026-11", "/desk/eco-burial/list?period=2026-11"} {
			t.Run(fmt.Sprint(lang, address), func(t *testing.T) {
				c := h.eco
				if strings.HasPrefix(address, "/desk/eco-burial") {
					c = regulator
				}
				c.lang = string(lang)
				defer func() { c.lang = "" }()
				p := c.page(address)
				p.rules(t, lang, false, func(to string) bool {
					if !strings.HasPrefix(to, "/desk/voyages") && !strings.HasPrefix(to, "/desk/eco") && !strings.HasPrefix(to, "/voyages") {
						return true // the read models of other pages are not here
					}
					r := c.get(to).StatusCode
					return r < 400 || r == http.StatusMethodNotAllowed
				})
			})
		}
	}
}

// TestRegulatorSeesEverything: what the public page withholds the regulator's
// page tells, to the regulator alone.
func TestRegulatorSeesEverything(t *testing.T) {
	h := newHarbour(t)
	a := h.family(1)
	day := h.clock().AddDate(0, 0, 3)
	h.voyage("V-1", 6, day)
	h.must("V-1", "book", "burial", a.String(), "relatives", "2")
	h.consent(a)
	h.must("V-1", "depart", "aboard."+a.String(), "1", "relatives."+a.String(), "2")
	h.must("V-1", "scatter", "burial", a.String(), "degradable", "1")
	regulator := h.clerk("regulator-0501")
	if err := h.runner.WaitCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	public := text(regulator.page("/stats/eco-burial?period=2026-11").root)
	p := regulator.page("/desk/eco-burial?period=2026-11")
	district := func(p doc) string {
		for _, tr := range p.find(func(n *html.Node) bool { return n.Data == "tr" }) {
			if s := text(tr); strings.Contains(s, "甘井子区") || strings.Contains(s, "中山区") && strings.Contains(s, "1/1") {
				return s
			}
		}
		return ""
	}
	if !strings.Contains(text(p.root), "1/1") || !strings.Contains(public, "不公布") || strings.Contains(district(regulator.page("/stats/eco-burial?period=2026-11")), "1/1") {
		t.Errorf("public: %s\nregulator: %s", public, text(p.root))
	}
	list := regulator.page("/desk/eco-burial/list?period=2026-11&division=210202")
	if s := text(list.root); !strings.Contains(s, "eco.completed") || strings.Contains(s, "海归") {
		t.Errorf("the regulator's list: %s", s)
	}
	for _, at := range []string{"/desk/eco-burial.csv?period=2026-11", "/desk/eco-burial.xlsx?period=2026-11"} {
		if res := regulator.get(at); res.StatusCode != http.StatusOK || len(res.body) < 100 {
			t.Errorf("%s: status %d", at, res.StatusCode)
		}
	}
	for _, at := range []string{"/desk/eco-burial", "/desk/eco-burial/list?period=2026-11", "/desk/eco-burial.csv", "/desk/eco-burial.xlsx"} {
		if res := h.clerk("desk-0101").get(at); res.StatusCode != http.StatusForbidden {
			t.Errorf("a desk reads %s: status %d", at, res.StatusCode)
		}
	}
}

// TestVoyagesInBrowser opens the pages of voyages and of the regulator as
// TestDeskInBrowser opens the desk's.
func TestVoyagesInBrowser(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	day := time.Date(2026, 11, 28, 1, 0, 0, 0, time.UTC)
	h.voyage("V-1", 6, day)
	h.voyage("V-2", 6, day.AddDate(0, 0, 7))
	h.voyage("V-3", 6, day.AddDate(0, 0, 9))
	a, b, c := h.family(1), h.family(2), h.family(3)
	h.must("V-1", "book", "burial", a.String(), "relatives", "2", "party", "海知、海远")
	h.must("V-1", "book", "burial", c.String(), "relatives", "1")
	h.must("V-2", "book", "burial", b.String(), "relatives", "1")
	h.consent(a, c)
	h.must("V-1", "depart", "aboard."+a.String(), "1", "relatives."+a.String(), "2", "aboard."+c.String(), "1", "relatives."+c.String(), "1")
	h.must("V-1", "scatter", "burial", a.String(), "degradable", "1")
	h.must("V-2", "cancel", "why", "WEATHER", "document", "海浪预报 1 号", "instead", "V-3")
	regulator := h.clerk("regulator-0501")
	ctx := browser(t)
	tab := listen(t, ctx, h.server.URL)
	for _, way := range []struct {
		view
		width int64
	}{{view{Lang: Zh}, 1440}, {view{Lang: Zh}, 360}, {view{Lang: En, Elder: true}, 360}, {view{Lang: En}, 1440}} {
		dress(t, ctx, h.server.URL, way.view, way.width)
		for _, address := range []string{"/voyages", "/desk/voyages", "/desk/voyages/V-1", "/desk/voyages/V-2", "/desk/voyages/V-3", "/desk/voyages/V-1/manifest", "/desk/eco-burial?period=2026-11", "/desk/eco-burial/list?period=2026-11", h.under(1), h.under(2), h.under(2) + "/offer"} {
			name := fmt.Sprintf("voyages-%s-%d-%s", Variant(way.Lang, way.Elder), way.width, slug(strings.Replace(strings.Replace(address, h.under(1), "track done", 1), h.under(2), "track offer", 1)))
			t.Run(name, func(t *testing.T) {
				session := h.eco.as()
				if strings.HasPrefix(address, "/desk/eco") {
					session = regulator.as()
				}
				examine(t, ctx, tab, name, nil, session, chromedp.Navigate(h.server.URL+address))
			})
		}
	}
	// On paper the manifest is one sheet without anything to press.
	err := chromedp.Do(ctx, h.eco.as(), cookie(h.server.URL, "lang", "zh"), chromedp.Navigate(h.server.URL+"/desk/voyages/V-1/manifest"), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".mast, .nav, .tools, .skip, .noprint, button")].filter(e => e.checkVisibility()).map(e => e.outerHTML)`))
	if err != nil || len(shown) > 0 {
		t.Errorf("the manifest prints %v (%v)", shown, err)
	}
	paper, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (cdppage.PrintToPDFResult, error) {
		return cdp.Call(ctx, t, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: new(true)})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(onePage.FindAll(paper.Data, -1)); n != 1 {
		t.Errorf("the manifest takes %d sheets", n)
	}
}
