package web

import (
	"bytes"
	"context"
	"fmt"
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
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/oversight"
	"shenzhong/projections/voyages"
)

// The homes of the families' tests, all invented.
const (
	haiyan  = "12210200422000019F"
	yunxiu  = "52210212MJ0YY00496"
	songtao = "91210211MA0YY00382"
)

// A village is an application over a memory store with three homes, and the
// server that families see. Its clock stands where the test puts it.
type village struct {
	testing.TB
	*handlers.Server
	app *handlers.App
	log *safeBuffer // what the server logged

	mu  sync.Mutex
	now time.Time
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (c *village) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *village) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bareSource answers without read models: it reads the log.
type bareSource struct {
	app     *handlers.App
	trouble Trouble
}

func (bareSource) Homes(context.Context) ([]string, error) {
	return []string{haiyan, songtao, yunxiu}, nil
}

// Results are one of each that is on public display, one that was struck out, and
// one whose time is over.
func (s bareSource) Results(context.Context, string, domain.CreditCode) ([]oversight.Result, AsOf, error) {
	asOf := exampleAsOf
	asOf.Trouble = s.trouble
	return exampleResults, asOf, nil
}

// Voyages of a week: with seats, without, and one that the weather cancelled.
func (bareSource) Voyages(_ context.Context, from, _ time.Time, _ domain.CreditCode) ([]voyages.Voyage, AsOf, error) {
	v := voyages.Voyage{Number: "20261128-1-1", Operator: haiyan, NameZh: "海风海葬服务（演示）", NameEn: "Haifeng Sea Burials (demo)", Vessel: "演示一号", SeaArea: "演示海域一", Pier: "演示码头",
		Departs: from.AddDate(0, 0, 5), Seats: 40, Taken: 12, State: voyages.Open}
	full, off := v, v
	full.Number, full.Taken = "20261128-1-2", 40
	off.Number, off.State, off.Reason, off.Departs = "20261129-1-1", voyages.Cancelled, "WEATHER", v.Departs.AddDate(0, 0, 1)
	return []voyages.Voyage{v, full, off}, AsOf{}, nil
}

func (s bareSource) EcoBurials(ctx context.Context, of uuid.UUID) (ids []uuid.UUID, err error) {
	for b, err := range s.app.Store.Follow(ctx, 0, 1000) {
		if err != nil {
			return nil, err
		}
		for _, r := range b.Events {
			if r.Type != "eco.applied.v1" {
				continue
			}
			body, err := s.app.Registry.Decode(ctx, r)
			if err != nil {
				return nil, err
			}
			if e := body.(ecoburial.Applied); e.Case == of {
				ids = append(ids, uuid.MustParse(r.Stream.ID()))
			}
		}
		if b.CaughtUp {
			break
		}
	}
	return ids, nil
}

func (s bareSource) Case(ctx context.Context, hash string) (uuid.UUID, error) {
	for b, err := range s.app.Store.Follow(ctx, 0, 1000) {
		if err != nil {
			return uuid.Nil, err
		}
		for _, r := range b.Events {
			if r.Type != "booking.tracking_issued.v1" {
				continue
			}
			body, err := s.app.Registry.Decode(ctx, r)
			if err != nil {
				return uuid.Nil, err
			}
			if e, ok := body.(booking.TrackingIssued); ok && e.Hash == hash {
				return uuid.Parse(r.Stream.ID())
			}
		}
		if b.CaughtUp {
			break
		}
	}
	return uuid.Nil, handlers.ErrNotFound
}

// sunday is 22 November 2026, 8:25 in the morning.
var sunday = time.Date(2026, 11, 22, 0, 25, 0, 0, time.UTC)

func newVillage(t testing.TB, store events.Store) *village {
	t.Helper()
	c := &village{TB: t, now: sunday, log: new(safeBuffer)}
	keys := events.NewMemoryKeys()
	c.app = handlers.NewApp(store, projections.Registry(keys), keys, []byte("the key of a test"))
	c.app.Now = c.clock
	for i, h := range []struct {
		code, zh, en string
		division     domain.Division
		halls        []int // people
		percent      domain.Money
	}{
		{haiyan, "海晏殡仪馆（演示）", "Haiyan Funeral Home (demo)", "210211", []int{40, 80}, 100},
		{songtao, "松涛殡仪馆（演示）", "", "210213", []int{40}, 96},
		{yunxiu, "云岫殡仪馆（演示）", "Yunxiu Funeral Home (demo)", "210212", []int{40, 150}, 105},
	} {
		c.home(i, h.code, institution.Registered{CreditCode: domain.CreditCode(h.code), NameZh: h.zh, NameEn: h.en, Kind: institution.FuneralHome, Division: h.division,
			Operator: institution.Government, Fictitious: true}, h.halls, h.percent)
	}
	c.serve(t)
	return c
}

func (c *village) act() domain.Act {
	return domain.Act{ID: uuid.New(), By: "staff-0102", Now: c.clock(), At: c.clock()}
}

func (c *village) must(_ events.Receipt, err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *village) home(n int, code string, reg institution.Registered, halls []int, percent domain.Money) {
	c.Helper()
	ctx := c.Context()
	c.must(c.app.RegisterInstitution(ctx, institution.Register{Act: c.act(), Registered: reg}))
	c.must(c.app.Institutions.Handle(ctx, code, institution.License{Act: c.act(), Licensed: institution.Licensed{Licence: "operating", Number: fmt.Sprint(n), ValidFrom: "2020-01-01"}}))
	for i, people := range halls {
		c.must(c.app.Institutions.Handle(ctx, code, institution.AddResource{Act: c.act(), ResourceAdded: institution.ResourceAdded{Resource: fmt.Sprintf("hall-%d", i+1), Kind: institution.Hall,
			NameZh: "厅", Opens: "08:00", Closes: "13:00", SlotMinutes: 60, BufferMinutes: 30, Capacity: people}}))
	}
	for i := range 2 {
		c.must(c.app.Institutions.Handle(ctx, code, institution.AddResource{Act: c.act(), ResourceAdded: institution.ResourceAdded{Resource: fmt.Sprintf("furnace-%d", i+1), Kind: institution.Furnace,
			NameZh: "炉", Opens: "08:00", Closes: "16:30", SlotMinutes: 15, Capacity: 1}}))
	}
	row := func(code, zh, en, unit string, cat pricing.RowCategory, yuan int64) pricing.Row {
		return pricing.Row{Code: code, NameZh: zh, NameEn: en, Category: cat, PricingType: pricing.GovGuidedBasic, Unit: unit, Price: domain.Yuan(yuan) * percent / 100}
	}
	c.must(c.app.PublishPriceList(ctx, handlers.PublishPriceList{Key: code, Publish: pricing.Publish{Act: c.act(), EffectiveFrom: "2026-10-01", InstitutionName: reg.NameZh, City: "大连市", Division: reg.Division,
		FacilityKind: "FUNERAL_HOME", Rows: []pricing.Row{
			row("TRN-STD", "遗体接运（普通车）", "Body transport", "元/台次", pricing.Transport, 200), row("STO-COLD", "遗体存放（冷藏）", "Refrigerated storage", "元/具·日", pricing.Storage, 90),
			row("HAL-S", "遗体告别（小厅）", "Farewell hall, small", "元/场", pricing.Farewell, 120), row("HAL-M", "遗体告别（中厅）", "Farewell hall, medium", "元/场", pricing.Farewell, 500),
			row("HAL-L", "遗体告别（大厅）", "", "元/场", pricing.Farewell, 1000), row("CRM-FLAT", "遗体火化（平板炉）", "Cremation, flat-bed", "元/具", pricing.Cremation, 900)}}}))
}

func (c *village) serve(t testing.TB) {
	t.Helper()
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, Site{Demo: true})
	h := New(r, full{r: r})
	f := NewFamilies(h, c.app, bareSource{app: c.app})
	f.Limit = 10_000
	c.Server = handlers.New(handlers.Config{Accounts: accounts, Web: h, Pages: []handlers.Mount{f, NewCemeteries(h, noPlaces{})}, Log: slog.New(slog.NewTextHandler(c.log, nil))})
}

// A phone is a browser without script: it keeps cookies, follows links and
// fills in forms as they stand on the page.
type phone struct {
	*village
	client  *http.Client
	base    string
	visited *[]string
	doc     doc
	status  int
	at      string
}

func (c *village) phone(t testing.TB) *phone {
	t.Helper()
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visited := []string{}
	p := &phone{village: c, base: srv.URL, visited: &visited, client: &http.Client{Jar: jar}}
	var one sync.Mutex // a form may be pressed several times at once
	p.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		one.Lock()
		defer one.Unlock()
		visited = append(visited, r.URL.String())
		return nil
	}
	return p
}

func (p *phone) take(r *http.Response, err error) *phone {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	p.doc, p.status, p.at = parse(p, body(p, r)), r.StatusCode, r.Request.URL.RequestURI()
	*p.visited = append(*p.visited, r.Request.URL.String())
	return p
}

func (p *phone) get(address string) *phone {
	p.Helper()
	r, err := http.NewRequest(http.MethodGet, p.base+address, nil)
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return p.take(p.client.Do(r))
}

// submit sends the form of this action, filled in; what is not named stays as
// it is on the page.
func (p *phone) submit(action string, fill url.Values) *phone {
	p.Helper()
	return p.take(p.send(p.filled(action, fill), action))
}

func (p *phone) send(v url.Values, action string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodPost, p.base+action, strings.NewReader(v.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	return p.client.Do(r)
}

func (p *phone) filled(action string, fill url.Values) url.Values {
	p.Helper()
	v := url.Values{}
	forms := p.doc.find(func(n *html.Node) bool { return n.DataAtom == atom.Form && attr(n, "action") == action })
	if len(forms) == 0 {
		p.Fatalf("%s (%d): no form to %s: %s", p.at, p.status, action, text(p.doc.find(tag(atom.Main))[0]))
	}
	form := doc{forms[len(forms)-1]}
	for _, n := range form.find(tag(atom.Input, atom.Select)) {
		name := attr(n, "name")
		switch {
		case n.DataAtom == atom.Select:
			for _, o := range (doc{n}).find(tag(atom.Option)) {
				if has(o, "selected") || v.Get(name) == "" && !v.Has(name) {
					v.Set(name, attr(o, "value"))
				}
			}
		case attr(n, "type") == "radio" || attr(n, "type") == "checkbox":
			if has(n, "checked") {
				v.Set(name, attr(n, "value"))
			}
		default:
			v.Set(name, attr(n, "value"))
		}
	}
	for k, vs := range fill {
		v[k] = vs
	}
	return v
}

func (p *phone) main() string { return text(p.doc.find(tag(atom.Main))[0]) }

func (p *phone) says(want ...string) {
	p.Helper()
	for _, w := range want {
		if !strings.Contains(p.main(), w) {
			p.Errorf("%s (%d) does not say %q: %s", p.at, p.status, w, spaces.ReplaceAllString(p.main(), " "))
		}
	}
}

var spaces = regexp.MustCompile(`\s+`)

// slots are the times that may be chosen.
func (p *phone) slots() (times []string) {
	for _, n := range p.doc.find(func(n *html.Node) bool { return n.DataAtom == atom.Input && attr(n, "name") == "slot" }) {
		times = append(times, attr(n, "value"))
	}
	return times
}

// The invented family of the tests. Every value is searched for in addresses
// and log lines.
var (
	theDeceased = url.Values{"name": {"林归舟"}, "id": {"21021119350412001X"}, "place": {"HOSPITAL"}, "cause": {"NATURAL"}, "hukou": {"210211"}, "death": {"2026-11-21"}}
	theFamily   = url.Values{"handler": {"林知远"}, "relation": {"CHILD"}, "phone": {"13800000412"}}
)

func about(more ...string) url.Values {
	v := url.Values{}
	for _, part := range []url.Values{theDeceased, theFamily} {
		for k, x := range part {
			v[k] = x
		}
	}
	for _, k := range []string{"number", "document", "nationality", "relief"} {
		v.Set(k, "")
	}
	v.Set("kind", "RESIDENT")
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// goodID makes an ID number valid.
func goodID(first17 string) string {
	for _, c := range "0123456789X" {
		if id, err := domain.ParseCitizenID(first17 + string(c)); err == nil {
			return string(id)
		}
	}
	panic("no check digit")
}

func init() { theDeceased.Set("id", goodID("21021119350412001")) }

const chosenSlot = "2026-11-25T09:00"

// TestBookingInThreeScreens: home and time, who died and who handles it, costs
// and papers; then there is a case with its slots, its claim and its code.
func TestBookingInThreeScreens(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book")
	p.says("预约告别和火化", "海晏殡仪馆（演示）", "标价共 1,020 元", "松涛殡仪馆（演示）", "少 40.80 元", "云岫殡仪馆（演示）", "多 51 元", "11 月 23 日周一（明天）", "农历十月十五")
	p.submit("/book", url.Values{"slot": {chosenSlot}})
	if p.status != 200 || p.at != "/book/about" {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	p.says("11 月 25 日周三 09:00", "保留到 08:40，还有 15 分钟")
	c.wait(2 * time.Minute)
	p.submit("/book/about", about("relief", "最低生活保障对象"))
	if p.status != 200 || p.at != "/book/check" {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	p.says("还有 13 分钟", "林归舟", "2102**********"+theDeceased.Get("id")[14:], "138****0412", "死亡证明", "由医院开具", "户口簿", "减免对象的证明", "1,490", "−1,370", "120 元", "同日 10:00", "待民政核对")
	if strings.Contains(p.main(), "13800000412") || strings.Contains(p.main(), theDeceased.Get("id")) {
		t.Error("a number is shown whole")
	}
	p.submit("/book/check", url.Values{})
	if p.status != 422 {
		t.Errorf("sent without confirming: %d", p.status)
	}
	p.submit("/book/check", url.Values{"ok": {"1"}})
	if p.status != 200 || !strings.HasPrefix(p.at, "/track/") {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	code, ok := handlers.ParseTrackingCode(strings.TrimPrefix(p.at, "/track/"))
	if !ok {
		t.Fatalf("%q is no code", p.at)
	}
	id, s := c.onlyCase(t)
	if s.Tracking != c.app.TrackingHash(code) || len(s.Slots) != 2 || s.Claim == nil || s.Deceased.Name.Or("") != "林归舟" || s.Handler.Phone.Or("") != "13800000412" ||
		s.Source != booking.Online || s.Circumstances.Place != booking.InHospital || len(s.Services) != 1 || s.Institution != haiyan {
		t.Errorf("case %s: %+v", id, s)
	}
	for _, want := range []string{"hall-1 0900", "furnace-1 1000"} {
		if got := fmt.Sprint(s.Slots[0].Resource, " ", s.Slots[0].Slot, s.Slots[1].Resource, " ", s.Slots[1].Slot); !strings.Contains(got, want) {
			t.Errorf("slots %s, want %s", got, want)
		}
	}
	c.tellsNothing(t, *p.visited)
}

// onlyCase finds the one case of the log.
func (c *village) onlyCase(t testing.TB) (uuid.UUID, booking.State) {
	t.Helper()
	cases := c.cases(t)
	if len(cases) != 1 {
		t.Fatalf("%d cases, want one", len(cases))
	}
	s, _, err := c.app.Cases.Load(t.Context(), cases[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return cases[0], s
}

func (c *village) cases(t testing.TB) (ids []uuid.UUID) {
	t.Helper()
	for b, err := range c.app.Store.Follow(t.Context(), 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Events {
			if strings.HasPrefix(r.Type, "booking.opened.") {
				ids = append(ids, uuid.MustParse(r.Stream.ID()))
			}
		}
		if b.CaughtUp {
			break
		}
	}
	return ids
}

// tellsNothing: nothing about a person is in an address or a log line.
func (c *village) tellsNothing(t testing.TB, addresses []string) {
	t.Helper()
	for _, v := range []url.Values{theDeceased, theFamily, {"group": {"最低生活保障对象"}}} {
		for k, secret := range v {
			if k == "place" || k == "cause" || k == "relation" || k == "hukou" {
				continue
			}
			for _, s := range []string{secret[0], url.QueryEscape(secret[0])} {
				if strings.Contains(c.log.String(), s) {
					t.Errorf("the log tells the %s", k)
				}
				for _, a := range addresses {
					if strings.Contains(a, s) {
						t.Errorf("the address %s tells the %s", a, k)
					}
				}
			}
		}
	}
	for _, id := range c.cases(t) {
		code := c.app.TrackingCode(id)
		for _, s := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), url.QueryEscape(code)} {
			if strings.Contains(c.log.String(), s) {
				t.Errorf("the log tells the tracking code: %s", s)
			}
		}
	}
}

// booked goes through the screens and answers with the code.
func (p *phone) booked(slot string, more ...string) string {
	p.Helper()
	p.get("/book")
	p.submit("/book", url.Values{"slot": {slot}})
	p.submit("/book/about", about(more...))
	p.submit("/book/check", url.Values{"ok": {"1"}})
	code, ok := handlers.ParseTrackingCode(strings.TrimPrefix(p.at, "/track/"))
	if !ok {
		p.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	return code
}

// TestPressedTwice: every screen sent many times at once leaves one case and
// one pair of slots.
func TestPressedTwice(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	twice := func(action string, fill url.Values) {
		t.Helper()
		form := p.filled(action, fill)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				r, err := p.send(form, action)
				if err != nil {
					t.Error(err)
					return
				}
				if r.Body.Close(); r.StatusCode != 200 {
					t.Errorf("%s: %d", action, r.StatusCode)
				}
			})
		}
		all.Wait()
		p.submit(action, fill)
	}
	p.get("/book")
	twice("/book", url.Values{"slot": {chosenSlot}})
	twice("/book/about", about())
	twice("/book/check", url.Values{"ok": {"1"}})
	if !strings.HasPrefix(p.at, "/track/") {
		t.Fatalf("%d %s", p.status, p.at)
	}
	_, s := c.onlyCase(t)
	if len(s.Slots) != 2 {
		t.Errorf("slots: %+v", s.Slots)
	}
	if n := c.taken(t, haiyan, "2026-11-25"); n != 2 {
		t.Errorf("%d slots are taken, want 2", n)
	}
}

// taken counts the slots of a home's day.
func (c *village) taken(t testing.TB, home string, on domain.Date) (n int) {
	t.Helper()
	for _, r := range []string{"hall-1", "hall-2", "furnace-1", "furnace-2"} {
		d, _, err := c.app.Days.Load(t.Context(), home+"."+r+"."+strings.ReplaceAll(string(on), "-", ""))
		if err != nil {
			t.Fatal(err)
		}
		n += len(d.Slots)
	}
	return n
}

// TestOneSlotTwoFamilies: of two families who press at the same moment one gets
// the time; the other keeps all it typed and is shown the nearest free ones.
func TestOneSlotTwoFamilies(t *testing.T) {
	c := newVillage(t, memory.New())
	a, b := c.phone(t), c.phone(t)
	for _, p := range []*phone{a, b} {
		p.get("/book")
	}
	var both sync.WaitGroup
	for _, p := range []*phone{a, b} {
		both.Go(func() { p.submit("/book", url.Values{"slot": {chosenSlot}}) })
	}
	both.Wait()
	if a.status == 200 && b.status == 200 || a.status != 200 && b.status != 200 {
		t.Fatalf("status %d and %d", a.status, b.status)
	}
	first, second := a, b
	if a.status != 200 {
		first, second = b, a
	}
	second.says("这个时间刚被另一家定下", "最近的空余")
	first.submit("/book/about", about())
	// The second takes another time, types everything, and loses that too: its
	// hold runs out and somebody else is faster.
	second.submit("/book", url.Values{"slot": {"2026-11-25T11:00"}})
	second.submit("/book/about", about("name", "周望川", "id", ""))
	c.wait(20 * time.Minute)
	third := c.phone(t)
	third.get("/book").submit("/book", url.Values{"slot": {"2026-11-25T11:00"}})
	if third.status != 200 {
		t.Fatalf("a lapsed hold is in the way: %d %s", third.status, third.main())
	}
	second.submit("/book/check", url.Values{"ok": {"1"}})
	if second.status != 409 {
		t.Fatalf("status %d: %s", second.status, second.main())
	}
	second.says("这个时间刚被另一家定下", "您填的内容都还在", "周望川")
	if n := len(c.cases(t)); n != 0 {
		t.Errorf("%d cases were opened", n)
	}
	offers := second.doc.find(func(n *html.Node) bool { return n.DataAtom == atom.Button && attr(n, "name") == "slot" })
	if len(offers) < 2 {
		t.Fatalf("%d offers", len(offers))
	}
	// One press takes an offer, nothing is asked again.
	second.submit("/book", url.Values{"slot": {attr(offers[len(offers)-1], "value")}})
	if second.at != "/book/check" || second.status != 200 {
		t.Fatalf("%d %s: %s", second.status, second.at, second.main())
	}
	second.says("周望川")
	second.submit("/book/check", url.Values{"ok": {"1"}})
	if !strings.HasPrefix(second.at, "/track/") {
		t.Errorf("%d %s: %s", second.status, second.at, second.main())
	}
}

// TestHoldRunsOut: a time that is still free is the family's after all.
func TestHoldRunsOut(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.submit("/book/about", about())
	c.wait(40 * time.Minute)
	p.get("/book/check")
	p.says("保留的时间已过", "林归舟")
	p.submit("/book/check", url.Values{"ok": {"1"}})
	if !strings.HasPrefix(p.at, "/track/") {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
}

// TestAnotherTime: going back keeps what was typed and gives the former time
// back; another home too.
func TestAnotherTime(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.submit("/book/about", about("do", "time", "name", "林归"))
	if p.at != "/book" {
		t.Fatalf("%s", p.at)
	}
	p.says("您填的内容都还在")
	for _, slot := range []string{"2026-11-25T10:00", "2026-11-26T09:00", chosenSlot} {
		p.get("/book").submit("/book", url.Values{"slot": {slot}})
		if p.at != "/book/check" || p.status != 200 {
			t.Fatalf("%s: %d %s: %s", slot, p.status, p.at, p.main())
		}
	}
	p.get("/book?home="+songtao+"&hall=none").submit("/book", url.Values{"slot": {"2026-11-24T08:30"}})
	if p.at != "/book/check" {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	p.says("松涛殡仪馆（演示）", "林归", "11 月 24 日周二 08:30")
	if n := c.taken(t, haiyan, "2026-11-25") + c.taken(t, haiyan, "2026-11-26"); n != 0 {
		t.Errorf("%d former slots are still held", n)
	}
	if n := c.taken(t, songtao, "2026-11-24"); n != 1 {
		t.Errorf("%d slots are held", n)
	}
	p.get("/book/about").submit("/book/drop", url.Values{})
	if p.at != "/" || c.taken(t, songtao, "2026-11-24") != 0 {
		t.Errorf("%s: the slot is still held", p.at)
	}
	p.get("/book/about")
	if p.at != "/book" {
		t.Errorf("what was erased is there again: %s", p.at)
	}
}

// TestWhatIsWrong: each slip is named at its field, and everything typed stays.
func TestWhatIsWrong(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	bad := theDeceased.Get("id")[:17] + map[bool]string{true: "1", false: "0"}[theDeceased.Get("id")[17] == '0']
	for _, tc := range []struct {
		name  string
		fill  url.Values
		field string
		says  string
	}{
		{"no name", about("name", ""), "name", "请填写逝者姓名"},
		{"check digit", about("id", bad), "id", "第 18 位与前面的数字对不上，请照证件再看一遍。"},
		{"short", about("id", "2102111935"), "id", "现在是 10 位"},
		{"no place", about("place", ""), "place", "请选择在哪里离世"},
		{"no relation", about("relation", ""), "relation", "请选择您是逝者的什么人"},
		{"phone", about("phone", "138"), "phone", "电话号码不对"},
		{"death to come", about("death", "2026-11-23"), "death", "不能晚于今天"},
		{"death before birth", about("death", "1930-01-01"), "death", "早于出生日期"},
		{"passport number", about("id", "", "kind", "FOREIGN", "document", "PASSPORT", "number", "?"), "number", "证件种类或号码不对"},
		{"kind and number", about("kind", "TAIWAN"), "kind", "身份类别"},
		{"nameless brought by kin", about("kind", "UNNAMED", "id", "", "name", ""), "relation", "由公安、医院或民政移交"},
		{"hostile", about("cause", "MURDER"), "place", "死亡地点或死亡原因"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.get("/book/about").submit("/book/about", tc.fill)
			if p.status != 422 {
				t.Fatalf("%d %s", p.status, p.at)
			}
			p.says(tc.says)
			p.doc.rules(t, Zh, false, func(string) bool { return true })
			links := p.doc.find(func(n *html.Node) bool { return attr(n, "href") == "#"+tc.field })
			if len(links) != 1 {
				t.Errorf("%d links to the field", len(links))
			}
			for k, v := range tc.fill {
				if got := p.filled("/book/about", nil).Get(k); got != v[0] && k != "cause" {
					t.Errorf("%s: %q stands in the form, %q was typed", k, got, v[0])
				}
			}
		})
	}
}

// TestAllKindsOfDeceased: whoever died can be booked for, with the papers that
// go with it.
func TestAllKindsOfDeceased(t *testing.T) {
	for _, tc := range []struct {
		name string
		fill url.Values
		says string
	}{
		{"pasted number", about("id", " 210211 19350412 001"+theDeceased.Get("id")[17:]+" ", "phone", "＋86 138 0000 0412"), "居民身份证"},
		{"no number", about("id", ""), "居民身份证"},
		{"unnamed infant", about("kind", "INFANT_UNNAMED", "name", "", "id", "", "relation", "PARENT"), "父母身份证件"},
		{"infant", about("kind", "INFANT", "id", "", "number", "T210123456", "relation", "PARENT"), "出生医学证明"},
		{"foreigner", about("kind", "FOREIGN", "id", "", "number", "m1234567", "nationality", "KOR", "name", "KIM MINSU"), "护照"},
		{"Hong Kong", about("kind", "HONG_KONG", "id", "", "number", "H12345678"), "通行证"},
		{"Macao", about("kind", "MACAO", "id", "", "number", "M12345678"), "通行证"},
		{"Taiwan", about("kind", "TAIWAN", "id", "", "number", "12345678"), "台湾居民来往大陆通行证"},
		{"nameless", about("kind", "UNNAMED", "id", "", "name", "", "relation", "POLICE", "hukou", "", "cause", "UNKNOWN"), "遗体交接登记表"},
		{"accident", about("cause", "UNNATURAL"), "公安机关证明"},
		{"court", about("cause", "DECLARED_DEAD"), "法院文书"},
		{"agent", about("relation", "AGENT"), "委托书"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newVillage(t, memory.New())
			p := c.phone(t)
			p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
			p.submit("/book/about", tc.fill)
			if p.at != "/book/check" || p.status != 200 {
				t.Fatalf("%d %s: %s", p.status, p.at, p.main())
			}
			p.says(tc.says)
			p.submit("/book/check", url.Values{"ok": {"1"}})
			if !strings.HasPrefix(p.at, "/track/") {
				t.Fatalf("%d %s: %s", p.status, p.at, p.main())
			}
			c.onlyCase(t)
		})
	}
}

// TestRelief: who is entitled sees zero, who is not sees why.
func TestRelief(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.submit("/book/about", about("relief", "特困人员", "hukou", "220000"))
	p.says("户籍不在适用范围内", "费用按没有减免列出")
	if strings.Contains(p.main(), "−") {
		t.Error("something is waived")
	}
	p.get("/book/about").submit("/book/about", about("relief", "特困人员"))
	p.says("−200", "−270", "−900", "辽宁省惠民殡葬政策")
	p.get("/book/about").submit("/book/about", about("relief", "富人"))
	p.submit("/book/check", url.Values{"ok": {"1"}})
	if _, s := c.onlyCase(t); s.Claim != nil {
		t.Error("a group that no rule names was claimed")
	}
}

// TestLogUnreachable: what could not be sent is still there, and pressing again
// later completes it once.
func TestLogUnreachable(t *testing.T) {
	t.Parallel()
	store := &failing{Store: memory.New()}
	c := newVillage(t, store)
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	p.submit("/book/about", about())
	for n := range 3 {
		store.after(n)
		p.submit("/book/check", url.Values{"ok": {"1"}})
		if p.status != 503 {
			t.Fatalf("append %d fails: %d %s", n, p.status, p.main())
		}
		p.says("系统暂时不能提交", "填的内容还在", "林归舟")
		store.after(-1)
		if n%2 == 1 { // the reader reloads before trying again
			p.get("/book/check")
		}
		if n == 0 {
			if len(c.cases(t)) != 0 {
				t.Error("a case was opened")
			}
		}
	}
	p.submit("/book/check", url.Values{"ok": {"1"}})
	if !strings.HasPrefix(p.at, "/track/") {
		t.Fatalf("%d %s: %s", p.status, p.at, p.main())
	}
	_, s := c.onlyCase(t)
	if len(s.Slots) != 2 || s.Tracking == "" {
		t.Errorf("%+v", s)
	}
}

// failing is a store whose appends fail after so many.
type failing struct {
	events.Store
	mu   sync.Mutex
	left int
	on   bool
}

func (f *failing) after(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.on = n, n >= 0
}

func (f *failing) Append(ctx context.Context, st events.Stream, rev events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	f.mu.Lock()
	fails := f.on && f.left == 0
	if f.on && f.left > 0 {
		f.left--
	}
	f.mu.Unlock()
	if fails {
		return 0, 0, fmt.Errorf("%w: %w", events.ErrUnknown, eventstest.ErrInjected)
	}
	return f.Store.Append(ctx, st, rev, es...)
}

// TestNoDraftButOurs: a draft that somebody made up, or an old one, is none.
func TestNoDraftButOurs(t *testing.T) {
	c := newVillage(t, memory.New())
	p := c.phone(t)
	p.get("/book").submit("/book", url.Values{"slot": {chosenSlot}})
	good := p.filled("/book/about", about())
	for name, draft := range map[string]string{"none": "", "noise": "AAAA", "changed": good.Get("draft")[:40] + map[bool]string{true: "B", false: "A"}[good.Get("draft")[40] == 'A'] + good.Get("draft")[41:]} {
		v := url.Values{}
		for k, x := range good {
			v[k] = x
		}
		v.Set("draft", draft)
		if p.take(p.send(v, "/book/about")); p.at != "/book" {
			t.Errorf("%s: %d %s", name, p.status, p.at)
		}
	}
	if strings.Contains(good.Get("draft"), "林") || len(good.Get("draft")) > 3000 {
		t.Errorf("the draft is %d bytes", len(good.Get("draft")))
	}
	c.wait(4 * time.Hour)
	if p.take(p.send(good, "/book/about")); p.at != "/book" {
		t.Errorf("an old draft: %d %s", p.status, p.at)
	}
	// Times beyond what may be booked, and homes that are none.
	for _, fill := range []url.Values{{"slot": {"2027-01-25T09:00"}}, {"slot": {chosenSlot}, "home": {exampleCemetery}}, {"slot": {chosenSlot}, "hall": {"HAL-L"}}} {
		if p.get("/book").submit("/book", fill); p.status != 404 {
			t.Errorf("%v: %d", fill, p.status)
		}
	}
	for _, fill := range []url.Values{{}, {"slot": {"tomorrow"}}} {
		if p.get("/book").submit("/book", fill); p.status != 422 {
			t.Errorf("%v: %d", fill, p.status)
		}
	}
	if p.get("/book").submit("/book", url.Values{"slot": {"2026-11-22T08:00"}}); p.status != 409 {
		t.Errorf("a time that has passed: %d", p.status)
	}
}

// TestFamilyPages: every screen in both languages and type sizes keeps the rules
// of all pages, and switching them keeps what was typed.
func TestFamilyPages(t *testing.T) {
	c := newVillage(t, memory.New())
	known := links(t, c)
	p := c.phone(t)
	check := func(address string) {
		t.Helper()
		for _, lang := range Langs {
			for _, elder := range []string{"1", "0"} {
				sep := "?"
				if strings.Contains(address, "?") {
					sep = "&"
				}
				p.get(address + sep + "lang=" + string(lang) + "&elder=" + elder)
				if p.status != 200 {
					t.Fatalf("%s: %d", address, p.status)
				}
				t.Run(fmt.Sprintf("%s %s %s", address, lang, elder), func(t *testing.T) { p.doc.rules(t, lang, elder == "1", known) })
			}
		}
	}
	check("/book")
	check("/book?home=" + yunxiu + "&hall=HAL-L")
	check("/book?home=" + songtao + "&hall=none")
	p.get("/book?lang=zh").submit("/book", url.Values{"slot": {chosenSlot}})
	check("/book/about")
	p.get("/book/about?lang=zh").submit("/book/about", about("relief", "最低生活保障对象", "name", "LIN GUIZHOU", "handler", "LIN ZHIYUAN"))
	check("/book/check")
	check("/book/about")
	check("/book")
}
