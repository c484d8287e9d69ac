package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/oversight"
	"shenzhong/projections/places"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/search"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
	"shenzhong/projections/watch"
)

// A home is a funeral home over a running log: its pages, its accounts, and a
// clock that the test moves.
type home struct {
	testing.TB
	app      *handlers.App
	server   *httptest.Server
	sessions *handlers.Sessions
	runner   *projections.Runner
	log      *tlog.Log

	mu  sync.Mutex
	now time.Time
}

const (
	deskHome  = "12210200422000019F"
	otherHome = "12210281422000027L"
	password  = "two-owls-watch-the-sea"
)

func (h *home) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// later moves the clock on.
func (h *home) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// passwordHash is one of the least cost: the price of a sign-in is looked at
// where passwords are.
var passwordHash = sync.OnceValue(func() string {
	const memory, passes, threads = 64, 1, 1 // KiB
	salt, b64 := []byte("the salt of test"), base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads, b64(salt), b64(argon2.IDKey([]byte(password), salt, passes, memory, threads, 32)))
})

func newHome(t testing.TB) *home { t.Helper(); return newHomeOn(t, memory.New()) }

func newHomeOn(t testing.TB, store events.Store) *home {
	t.Helper()
	h := &home{TB: t, now: time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)}
	keys := events.NewMemoryKeys()
	reg := projections.Registry(keys)
	h.app = handlers.NewApp(store, reg, keys, []byte("the key of a test"))
	h.app.Now = h.clock
	r := newRenderer(t, Site{Demo: true})
	var err error
	h.runner, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: store, Registry: reg, Logger: slog.New(slog.DiscardHandler),
		Projections: []projections.Projection{availability.Projection{}, frontdesk.Projection{}, ecoratio.Projection{}, places.Projection{}, search.Projection{}, tracking.Projection{}, voyages.Projection{}, pricepages.Projection{Renderer: r.PricePages()}, servicecredit.Projection{}, watch.Projection{}, oversight.Projection{}, tlog.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.runner.Close() })
	h.app.Wait = h.runner.Wait

	var as []handlers.Account
	for _, a := range []handlers.Account{
		{ID: "desk-0101", Roles: []handlers.Role{handlers.Desk}, Institution: deskHome}, {ID: "desk-0102", Roles: []handlers.Role{handlers.Desk}, Institution: deskHome},
		{ID: "furnace-0201", Roles: []handlers.Role{handlers.Cremator}, Institution: deskHome}, {ID: "furnace-0202", Roles: []handlers.Role{handlers.Cremator}, Institution: deskHome},
		{ID: "desk-0901", Roles: []handlers.Role{handlers.Desk}, Institution: otherHome}, {ID: "cemetery-0301", Roles: []handlers.Role{handlers.Cemetery}, Institution: deskHome},
		{ID: "eco-0401", Roles: []handlers.Role{handlers.Eco}, Institution: deskHome}, {ID: "regulator-0501", Roles: []handlers.Role{handlers.Regulator}, Institution: handlers.Everywhere},
		{ID: "regulator-0502", Roles: []handlers.Role{handlers.Regulator}, Institution: handlers.Everywhere}, {ID: "regulator-0503", Roles: []handlers.Role{handlers.Regulator}, Institution: handlers.Everywhere},
		{ID: "admin-0601", Roles: []handlers.Role{handlers.Admin}, Institution: handlers.Everywhere}, {ID: "office-0301", Roles: []handlers.Role{handlers.Cemetery}, Institution: hillCemetery}, {ID: "office-0302", Roles: []handlers.Role{handlers.Cemetery}, Institution: hillCemetery},
		{ID: "village-0801", Roles: []handlers.Role{handlers.Cemetery}, Institution: villageCemetery},
		{ID: "importer-0701", Roles: []handlers.Role{handlers.Importer}, Institution: handlers.Everywhere},
	} {
		a, _ = handlers.Issue(a)
		a.Password = passwordHash()
		as = append(as, a)
	}
	accounts, err := handlers.NewAccounts(as...)
	if err != nil {
		t.Fatal(err)
	}
	h.app.Officer = accounts.Officer
	if h.sessions, err = handlers.NewSessions(accounts, handlers.SessionConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.sessions.Close() })
	if h.log, err = tlog.OpenLog(tlog.LogConfig{Dir: t.TempDir(), Origin: "log.example/tlog", DB: h.runner.Read(tlog.Name)}); err != nil {
		t.Fatal(err)
	}
	models := NewReadModels(r, h.runner, h.clock)
	pages := New(r, models)
	srv := handlers.New(handlers.Config{Accounts: accounts, Web: pages, Pages: []handlers.Mount{NewFamilies(pages, h.app, models), NewDesk(pages, h.app, h.sessions, models, Audit{h.log, h.raw}), NewCemeteries(pages, models)}, Log: slog.New(slog.DiscardHandler)})
	h.server = httptest.NewServer(srv)
	t.Cleanup(h.server.Close)

	for _, code := range []domain.CreditCode{deskHome, otherHome} {
		h.found(code)
	}
	return h
}

// raw is the log as it is stored.
func (h *home) raw(ctx context.Context) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for b, err := range h.app.Store.Follow(ctx, 0, 1000) {
			for _, r := range b.Events {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(events.Recorded{}, err)
			}
			if err != nil || b.CaughtUp {
				return
			}
		}
	}
}

func (h *home) act(at time.Time) domain.Act {
	return domain.Act{ID: uuid.New(), By: "admin-0601", Now: at, At: at}
}

// found registers a home with two halls, two furnaces, a cold bank of six, a
// vehicle, a licence, its cremators and a price list.
func (h *home) found(code domain.CreditCode) {
	h.Helper()
	at := time.Date(2026, 10, 1, 1, 0, 0, 0, time.UTC)
	do := func(c institution.Command) {
		h.Helper()
		if _, err := h.app.Institutions.Handle(h.Context(), string(code), c); err != nil {
			h.Fatal(err)
		}
	}
	do(institution.Register{Act: h.act(at), Registered: institution.Registered{CreditCode: code, NameZh: "海晏殡仪馆（演示）", NameEn: "Haiyan Funeral Home (demo)", Kind: institution.FuneralHome, Division: "210211", Address: "虚构地址", Operator: institution.Government, RegisteredOn: "2001-05-08", Fictitious: true}})
	do(institution.License{Act: h.act(at), Licensed: institution.Licensed{Licence: "CREMATION", Number: "DL-0001", ValidFrom: "2026-01-01", ValidUntil: "2029-12-31", Document: "演示"}})
	for _, r := range []institution.ResourceAdded{
		{Resource: "hall-1", Kind: institution.Hall, NameZh: "小厅一", NameEn: "Small hall 1", Opens: "07:00", Closes: "18:00", SlotMinutes: 30, BufferMinutes: 15, Capacity: 40},
		{Resource: "hall-2", Kind: institution.Hall, NameZh: "大厅", NameEn: "Large hall", Opens: "07:00", Closes: "18:00", SlotMinutes: 30, BufferMinutes: 30, Capacity: 200},
		{Resource: "furnace-1", Kind: institution.Furnace, NameZh: "平板炉 1", NameEn: "Furnace 1", Opens: "06:00", Closes: "17:00", SlotMinutes: 30, BufferMinutes: 15, Capacity: 1},
		{Resource: "furnace-2", Kind: institution.Furnace, NameZh: "平板炉 2", NameEn: "Furnace 2", Opens: "06:00", Closes: "17:00", SlotMinutes: 30, BufferMinutes: 15, Capacity: 1},
		{Resource: "cold-1", Kind: institution.ColdBay, NameZh: "冷藏柜一", NameEn: "Cold bank 1", Opens: "00:00", Closes: "24:00", SlotMinutes: 1440, Capacity: 6},
		{Resource: "car-1", Kind: institution.Vehicle, NameZh: "接运车 1", NameEn: "Hearse 1", Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: 1},
	} {
		do(institution.AddResource{Act: h.act(at), ResourceAdded: r})
	}
	for _, who := range []string{"furnace-0201", "furnace-0202"} {
		do(institution.QualifyStaff{Act: h.act(at), StaffQualified: institution.StaffQualified{Account: who, Skill: institution.Cremator, ValidFrom: "2026-01-01", Document: "演示证 01"}})
	}
	list := pricing.Publish{Act: h.act(at), EffectiveFrom: "2026-10-01", InstitutionName: "海晏殡仪馆（演示）", City: "大连市", Division: "210211", FacilityKind: "FUNERAL_HOME", Basis: "发改价格〔2026〕108号", Attester: "staff-0102"}
	list.Rows = append(list.Rows, []pricing.Row{
		{Code: "TRN-STD", NameZh: "遗体接运（普通车）", NameEn: "Body transport", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: domain.Yuan(200)},
		{Code: "TRN-CARRY", NameZh: "抬尸", NameEn: "Carrying", Category: pricing.Transport, PricingType: pricing.Market, Unit: "元/次", Price: domain.Yuan(100)},
		{Code: "STO-COLD", NameZh: "遗体存放（冷藏）", NameEn: "Refrigerated storage", Category: pricing.Storage, PricingType: pricing.GovGuidedBasic, Unit: "元/具·天", Price: domain.Yuan(90)},
		{Code: "HAL-S", NameZh: "遗体告别（小厅）", NameEn: "Farewell, small hall", Category: pricing.Farewell, PricingType: pricing.GovGuidedBasic, Unit: "元/场", Price: domain.Yuan(120)},
		{Code: "CRM-FLAT", NameZh: "遗体火化（平板炉）", NameEn: "Cremation", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Price: domain.Yuan(1732)},
		{Code: "GRM-STD", NameZh: "一般整容", NameEn: "Grooming", Category: pricing.Grooming, PricingType: pricing.ReferenceRange, Unit: "元/次", Price: domain.Yuan(40), PriceMin: domain.Yuan(40), PriceMax: domain.Yuan(60)},
		{Code: "URN-BASIC", NameZh: "骨灰盒（基本款）", NameEn: "Urn, basic", Category: pricing.Goods, PricingType: pricing.MarkupCapped, Unit: "元/只", Price: domain.Yuan(290)},
	}...)
	if _, err := h.app.PublishPriceList(h.Context(), handlers.PublishPriceList{Key: string(code), Publish: list}); err != nil {
		h.Fatal(err)
	}
}

// A clerk is somebody at a browser who has signed in.
type clerk struct {
	*home
	id     string
	client *http.Client
	lang   string
}

func (h *home) clerk(id string) *clerk {
	h.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	c := &clerk{home: h, id: id, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	res := c.post("/signin", url.Values{"account": {id}, "password": {password}})
	if res.StatusCode != http.StatusSeeOther {
		h.Fatalf("sign-in of %s: status %d: %s", id, res.StatusCode, res.body)
	}
	return c
}

// An answer is a response that was read.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) doc(t testing.TB) doc { t.Helper(); return parse(t, a.body) }

func (c *clerk) send(r *http.Request) answer {
	c.Helper()
	r.Header.Set("Accept", "text/html")
	if c.lang != "" {
		r.AddCookie(&http.Cookie{Name: "lang", Value: c.lang})
	}
	res, err := c.client.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatal(err)
	}
	return answer{res, b}
}

func (c *clerk) get(address string) answer {
	c.Helper()
	r, err := http.NewRequest(http.MethodGet, c.server.URL+address, nil)
	if err != nil {
		c.Fatal(err)
	}
	return c.send(r)
}

func (c *clerk) post(address string, form url.Values) answer {
	c.Helper()
	r, err := http.NewRequest(http.MethodPost, c.server.URL+address, strings.NewReader(form.Encode()))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(r)
}

// page gets a page that is there.
func (c *clerk) page(address string) doc {
	c.Helper()
	res := c.get(address)
	if res.StatusCode != http.StatusOK {
		c.Fatalf("%s asks for %s: status %d: %s", c.id, address, res.StatusCode, plainText(res.body))
	}
	return res.doc(c)
}

// filled reads the form of a page with what stands in it.
func filled(d doc, action string) url.Values {
	v := url.Values{}
	for _, f := range d.find(func(n *html.Node) bool { return n.DataAtom == atom.Form && attr(n, "action") == action }) {
		for _, n := range (doc{f}).find(tag(atom.Input, atom.Select, atom.Textarea)) {
			name := attr(n, "name")
			switch {
			case name == "":
			case n.DataAtom == atom.Select:
				for _, o := range (doc{n}).find(tag(atom.Option)) {
					if has(o, "selected") {
						v.Set(name, attr(o, "value"))
					}
				}
			case n.DataAtom == atom.Textarea:
				if v.Set(name, ""); n.FirstChild != nil {
					v.Set(name, n.FirstChild.Data) // as it stands, with its lines
				}
			case attr(n, "type") == "radio" || attr(n, "type") == "checkbox":
				if has(n, "checked") {
					v.Add(name, attr(n, "value"))
				}
			default:
				v.Set(name, attr(n, "value"))
			}
		}
	}
	return v
}

// do fills in the form of an act and sends it; "" takes a value away.
func (c *clerk) do(id, act string, set ...string) answer {
	c.Helper()
	address := "/desk/cases/" + id + "/" + act
	v := filled(c.get(address).doc(c), address)
	for i := 0; i < len(set); i += 2 {
		if v.Del(set[i]); set[i+1] != "" {
			v.Set(set[i], set[i+1])
		}
	}
	return c.post(address, v)
}

// must does an act that is offered and that nothing refuses.
func (c *clerk) must(id, act string, set ...string) {
	c.Helper()
	c.page("/desk/cases/" + id + "/" + act)
	if res := c.do(id, act, set...); res.StatusCode != http.StatusSeeOther {
		c.Fatalf("%s does %s: status %d: %s", c.id, act, res.StatusCode, plainText(res.body))
	}
}

// refused does an act that is refused with a code, and answers with the page.
func (c *clerk) refused(code, id, act string, set ...string) doc {
	c.Helper()
	res := c.do(id, act, set...)
	if res.StatusCode < 400 || !bytes.Contains(res.body, []byte(code)) {
		c.Fatalf("%s does %s: status %d, want %s: %s", c.id, act, res.StatusCode, code, plainText(res.body))
	}
	return res.doc(c)
}

var blanks = regexp.MustCompile(`\s+`)

func plainText(b []byte) string {
	n, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		return err.Error()
	}
	for m := range n.Descendants() {
		if m.DataAtom == atom.Main {
			return blanks.ReplaceAllString(text(m), " ")
		}
	}
	return blanks.ReplaceAllString(text(n), " ")
}

// intake opens a case and answers with its id.
func (c *clerk) intake(set ...string) string {
	c.Helper()
	v := filled(c.page("/desk/intake"), "/desk/intake")
	for k, s := range map[string]string{"name": "林归舟", "citizen_id": citizen("21020219351212001"), "death_day": "2026-11-22", "hukou": "210202",
		"handler_name": "林知远", "handler_phone": "13804110412", "relation": "CHILD", "handler_id": citizen("21020219650312041"), "place": "HOSPITAL", "cause": "NATURAL"} {
		v.Set(k, s)
	}
	for i := 0; i < len(set); i += 2 {
		v.Set(set[i], set[i+1])
	}
	res := c.post("/desk/intake", v)
	if res.StatusCode != http.StatusSeeOther {
		c.Fatalf("intake: status %d: %s", res.StatusCode, plainText(res.body))
	}
	return strings.TrimPrefix(res.Header.Get("Location"), "/desk/cases/")
}

// citizen completes an ID number with its check digit.
func citizen(first17 string) string {
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(first17[i]-'0') * w
	}
	return fmt.Sprintf("%s%c", first17, "10X98765432"[sum%11])
}
