package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"shenzhong/domain/cemetery"
	"shenzhong/handlers"
)

// session is the cookie of whoever has signed in, for another host.
func (c *clerk) session(home string) chromedp.Action[chromedp.Void] {
	u, err := url.Parse(c.server.URL)
	if err != nil {
		c.Fatal(err)
	}
	for _, k := range c.client.Jar.Cookies(u) {
		if k.Name == "shenzhong_session" {
			return cookie(home, k.Name, k.Value)
		}
	}
	c.Fatal("no session")
	return nil
}

// TestCemeteriesInBrowser opens every page of cemeteries at the width of a phone
// and of a desk: nothing scrolls sideways but the map in its own box, axe finds
// nothing, the console stays silent, nothing is asked of another host.
func TestCemeteriesInBrowser(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	g.lived()
	ctx := browser(t)
	tab := listen(t, ctx, g.server.URL)
	for i, v := range variants {
		if testing.Short() && i > 0 {
			break
		}
		for _, width := range []int64{360, 1440} {
			for _, address := range g.addresses() {
				name := fmt.Sprintf("cem-%s-%d-%s", Variant(v.Lang, v.Elder), width, slug(strings.NewReplacer(hillCemetery, "hill", villageCemetery, "village").Replace(address)))
				t.Run(name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(ctx, time.Minute)
					defer cancel()
					tab.take()
					err := chromedp.Do(ctx, g.visitor(address).as(),
						cookie(g.server.URL, "lang", string(v.Lang)), cookie(g.server.URL, "elder", map[bool]string{true: "1"}[v.Elder]),
						call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600}),
						chromedp.Navigate(g.server.URL+address), open,
					)
					if err != nil {
						t.Fatal(err)
					}
					inspect(t, ctx, name, pairwise(v.Lang, v.Elder, width))
					for _, said := range tab.take() {
						t.Errorf("browser: %s", said)
					}
				})
			}
		}
	}
}

// TestCemeteryOnPaper: the map, the public notice and the yearly statement on
// A4.
func TestCemeteryOnPaper(t *testing.T) {
	g := newGraveyard(t)
	g.lived()
	v := filled(g.village.page("/desk/cemeteries/"+villageCemetery+"/clerk"), "/desk/cemeteries/"+villageCemetery+"/clerk")
	for k, x := range map[string]string{"surname": "柳", "certificate": g.certificates["柳文章"], "plot": "D-03-05", "on": "2026-11-23", "paper_no": "SQ-1"} {
		v.Set(k, x)
	}
	if res := g.village.post("/desk/cemeteries/"+villageCemetery+"/clerk", v); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
	}
	g.settle()
	ctx, cancel := context.WithTimeout(browser(t), 2*time.Minute)
	defer cancel()
	for _, p := range []struct {
		address, name string
		sheets        int
	}{
		{"/cemeteries/" + hillCemetery, "map", 4}, {"/cemeteries/" + villageCemetery, "notice", 2}, {"/desk/cemeteries/" + villageCemetery + "/years/2026", "year", 1},
	} {
		err := chromedp.Do(ctx, g.visitor(p.address).as(), cookie(g.server.URL, "lang", "zh"), call(network.Enable, network.EnableParams{}), chromedp.Navigate(g.server.URL+p.address), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".mast, .nav, .tools, .skip, .noprint, button")].filter(e => e.checkVisibility()).map(e => e.outerHTML)`))
		if err != nil {
			t.Fatal(err)
		}
		if len(shown) > 0 {
			t.Errorf("%s prints %s", p.name, shown[0])
		}
		paper, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (cdppage.PrintToPDFResult, error) {
			return cdp.Call(ctx, t, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: new(true)})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(onePage.FindAll(paper.Data, -1)); n < 1 || n > p.sheets {
			t.Errorf("%s takes %d sheets, at most %d expected", p.name, n, p.sheets)
		}
		if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "print-"+p.name+".pdf"), paper.Data, 0o600); err != nil {
			t.Error(err)
		}
		shoot(t, ctx, "print-cem-"+p.name)
	}
}

// fill types a value into a field at once.
func fill(id, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById(%q).value = %q`, id, value))
}

// tooWide names what makes a page wider than its window; empty where nothing does.
const tooWide = `(() => { const wide = document.documentElement.clientWidth;
	return document.documentElement.scrollWidth <= wide ? "" : [...document.querySelectorAll("main *, header *, footer *")].filter(e => e.getBoundingClientRect().right > wide + 1 && !e.closest(".scroll")).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 30)).join("; ") || "?" })()`

// TestOfficeInBrowser: somebody imports a section of a cemetery, sees it on the
// map, gives a place to who won it in a public round, lays that person to rest,
// renews the right, moves the ashes to another place, and gives the former place
// again after it was opened; each page is photographed at the width of a phone
// and of a desk.
func TestOfficeInBrowser(t *testing.T) {
	g := newGraveyard(t)
	ctx, cancel := context.WithTimeout(browser(t), 3*time.Minute)
	defer cancel()
	base := g.server.URL + "/desk/cemeteries/" + hillCemetery
	do := func(as ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, as...); err != nil {
			t.Fatal(err)
		}
	}
	main := func() string {
		t.Helper()
		s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	says := func(when string, wants ...string) {
		t.Helper()
		s := main()
		for _, want := range wants {
			if !strings.Contains(s, want) {
				t.Errorf("%s: the page does not say %q: %s", when, want, s)
			}
		}
	}
	n := 0
	shot := func(name string) {
		t.Helper()
		n++
		widths := []int64{360, 1440}
		if !artifacts() {
			widths = widths[:1] // nobody looks at the pictures
		}
		for _, width := range widths {
			do(call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600}))
			over, err := chromedp.Run(ctx, chromedp.Evaluate[string](tooWide))
			if err != nil || over != "" {
				t.Errorf("%s is wider than a window of %d: %s %v", name, width, over, err)
			}
			if len(widths) == 1 {
				return
			}
			shoot(t, ctx, fmt.Sprintf("office-%02d-%s-%d", n, name, width))
		}
	}
	// act fills in the form of an act and sends it, and waits for the sheet.
	act := func(plot, name string, set ...string) {
		t.Helper()
		do(chromedp.Navigate(base+"/places/"+plot+"/"+name), chromedp.WaitVisible(chromedp.CSS("main form")))
		for i := 0; i < len(set); i += 2 {
			do(fill(set[i], set[i+1]))
		}
		shot(name)
		do(chromedp.Click(chromedp.CSS(`main form .acts button`)), chromedp.WaitVisible(chromedp.CSS("#sheet")))
	}
	do(call(network.Enable, network.EnableParams{}), g.office.as(), cookie(g.server.URL, "lang", "zh"))

	// Import: checked, corrected, checked, written.
	dir := t.TempDir()
	file := func(name, rows string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(plotsHead[:len(plotsHead)-1]+",lon,lat\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var rows strings.Builder
	for i := range 12 {
		fmt.Fprintf(&rows, "E-01-%02d,戊区,1 排,%d 号,GRAVE,SMALL_PLOT,1,5000,60,%.6f,38.9480\n", i+1, i+1, 121.5+float64(i)*2e-5)
	}
	choose := func(path string) {
		t.Helper()
		do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}), chromedp.Click(chromedp.CSS("#check")))
	}
	do(chromedp.Navigate(base+"/import"), chromedp.WaitVisible(chromedp.CSS("#file")))
	shot("import")
	choose(file("wu-1.csv", strings.Replace(rows.String(), ",1,5000,", ",1,50000,", 1)))
	do(chromedp.WaitVisible(chromedp.CSS("#refused")))
	says("a file with a fault", "没有写入任何墓位", "E-01-01", "STD_PLOT")
	shot("import-faults")
	choose(file("wu-2.csv", rows.String()))
	do(chromedp.WaitVisible(chromedp.CSS("#do-import")))
	says("a checked file", "12 个墓位没有问题", "还没有写入")
	shot("import-checked")
	do(chromedp.Click(chromedp.CSS("#do-import")), chromedp.WaitVisible(chromedp.CSS(".plotmap")))
	g.settle()

	// The map, opened from the keyboard.
	do(chromedp.Navigate(base+"?section="+url.QueryEscape("戊区")), chromedp.WaitVisible(chromedp.CSS(".plotmap")))
	shot("map")
	do(chromedp.Evaluate[chromedp.Void](`document.querySelector('.plotmap a[aria-label^="E-01-01 "]').focus()`), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#sheet")))
	says("the sheet", "E-01-02", "提供墓位")

	// Application, draw, allocation, grant.
	g.round("2026-2", cemetery.ByDraw, []string{"E-01-01", "E-01-02"}, "何雨生", "罗青山")
	g.settle()
	do(chromedp.Navigate(g.server.URL+roundAddress(hillCemetery, "2026-2")), chromedp.WaitVisible(chromedp.CSS("main")))
	says("the round", "s-001", "E-01-02", "已经抽签")
	shot("round")
	act("E-01-01", "allocate", "certificate", g.certificates["何雨生"], "contract", "HT-1", "until", "2027-03-28")
	says("the right", "R-", "2027-03-28")
	shot("given")
	act("E-01-01", "inter", "consent_paper", "SQ-1")
	says("interred", "已葬一位")
	act("E-01-01", "renew", "contract", "HT-2")
	says("renewed", "2047-03-28", "不得转让")
	shot("renewed")

	// Moved: request, permit, the new place, exhumed and tagged, arrived.
	act("E-01-01", "relocate", "paper_no", "QZ-1", "to_place", "E-01-03")
	do(g.clerk("office-0302").as())
	act("E-01-01", "permit_relocation", "permit", "ZM-1", "authority_name", "演示民政局")
	do(g.office.as())
	act("E-01-03", "allocate", "contract", "HT-3")
	act("E-01-01", "lift", "new_label", "QC-1", "sealed_with", "office-0302", "receipt", "JJ-1")
	act("E-01-03", "arrive_relocated", "new_label", "QC-1", "receipt", "JJ-2", "consent_paper", "SQ-2")
	g.settle()
	on := func(wants ...string) {
		t.Helper()
		do(chromedp.Navigate(base), chromedp.WaitVisible(chromedp.CSS(".plotmap")))
		for _, want := range wants {
			n, err := chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf(`document.querySelectorAll('.plotmap a[aria-label="%s"]').length`, want)))
			if err != nil || n != 1 {
				t.Errorf("the map does not show %s: %d %v", want, n, err)
			}
		}
	}
	on("E-01-01 腾退锁定", "E-01-03 已葬一位")
	shot("moved")

	// The former place, opened in public, goes to somebody else.
	act("E-01-01", "reopen", "document", "公告 1 号")
	act("E-01-01", "allocate", "certificate", g.certificates["苏念慈"], "contract", "HT-4")
	g.settle()
	on("E-01-01 已定未葬", "E-01-03 已葬一位")
	shot("given-again")
	do(chromedp.Navigate(g.server.URL+"/desk/limits"), chromedp.WaitVisible(chromedp.CSS("main")))
	shot("limits")
}

// TestClerkThroughABadConnection: what a village's clerk writes down waits on the
// phone while there is no network, is sent when there is one, counts once though
// the answer was lost, and leaves nothing about anybody on the phone.
func TestClerkThroughABadConnection(t *testing.T) {
	g := newGraveyard(t)
	// In between is a connection that can lose the answer: the server has taken
	// the record, the phone never hears of it.
	home, err := url.Parse(g.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var lose, lost, asked atomic.Int32
	var down atomic.Bool // nothing comes through at all
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(home)
		r.Out.Header.Set("Origin", g.server.URL)
	}}
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.Request.Method == http.MethodPost && lose.Add(-1) >= 0 {
			lost.Add(1)
			io.Copy(io.Discard, res.Body)
			return fmt.Errorf("the connection breaks after the record was taken")
		}
		return nil
	}
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, _ error) {
		if c, ok := w.(http.Hijacker); ok {
			if conn, _, err := c.Hijack(); err == nil {
				if tcp, ok := conn.(*net.TCPConn); ok {
					tcp.SetLinger(0)
				}
				conn.Close()
			}
		}
	}
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			proxy.ErrorHandler(w, r, nil)
			return
		}
		if r.Method == http.MethodPost {
			asked.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(bad.Close)

	ctx, cancel := context.WithTimeout(browser(t), 2*time.Minute)
	defer cancel()
	address := bad.URL + "/desk/cemeteries/" + villageCemetery + "/clerk"
	do := func(as ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, as...); err != nil {
			t.Fatal(err)
		}
	}
	net := func(offline bool) {
		t.Helper()
		do(call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}}}),
			call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}))
	}
	wait := func(js string) {
		t.Helper()
		do(chromedp.Poll[chromedp.Void](js, chromedp.WithPollingTimeout(40*time.Second)))
	}
	write := func(surname, certificate, plot, on, late string) {
		t.Helper()
		for id, s := range map[string]string{"surname": surname, "certificate": certificate, "plot": plot, "on": on, "paper_no": "SQ-" + plot, "late": late} {
			do(fill(id, s))
		}
		do(chromedp.Click(chromedp.CSS("#clerk button[type=submit]")))
	}
	state := func(plot, state string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#queue li")].some(l => l.dataset.state === %q && l.textContent.includes(%q))`, state, plot)
	}
	do(call(network.Enable, network.EnableParams{}), g.village.session(bad.URL), cookie(bad.URL, "lang", "zh"), call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 800, DeviceScaleFactor: 1, Mobile: true}),
		chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("#sync")))

	// Without a network two records are written down, one of them with a slip.
	net(true)
	write("柳", g.certificates["柳文章"], "D-03-05", "2026-11-17", "村里没有信号")
	write("秦", g.certificates["潘山"], "D-03-04", "2026-11-23", "")
	wait(state("D-03-05", "wait") + " && " + state("D-03-04", "wait"))
	shoot(t, ctx, "clerk-offline")
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests came through where there is no network", n)
	}

	// The network is back; the first answer is lost after the record was taken.
	lose.Store(1)
	net(false)
	wait(state("D-03-05", "sent") + " && " + state("D-03-04", "fix"))
	if lost.Load() != 1 {
		t.Fatalf("%d answers were lost, want 1", lost.Load())
	}
	shoot(t, ctx, "clerk-fix")
	do(chromedp.Click(chromedp.CSS(`#queue li[data-state=fix] [data-do=fix]`)), fill("surname", "潘"), chromedp.Click(chromedp.CSS("#clerk button[type=submit]")))
	wait(state("D-03-04", "sent"))
	shoot(t, ctx, "clerk-sent")

	// The phone was switched off and on in the meantime: the page opens without a
	// network, takes a record, and sends it once there is one again.
	wait(`document.getElementById("opens-offline").dataset.state === "yes"`)
	down.Store(true)
	before := asked.Load()
	do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("#sync")))
	wait(state("D-03-04", "sent")) // the phone still knows
	write("秦", g.certificates["秦玉兰"], "D-03-03", "2026-11-23", "")
	wait(state("D-03-03", "wait"))
	shoot(t, ctx, "clerk-opened-offline")
	if n := asked.Load(); n != before {
		t.Errorf("%d requests came through where there is no network", n-before)
	}
	down.Store(false)
	// The page may have tried again by itself by now, and then has no button left.
	wait(`(document.getElementById("send-now").click(), true)`)
	wait(state("D-03-03", "sent"))
	pages, err := chromedp.Run(ctx, chromedp.Evaluate[string](`caches.open("clerk-page").then(c => c.keys()).then(ks => ks.map(k => new URL(k.url).pathname).sort().join(" "))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range strings.Fields(pages) {
		if !strings.HasPrefix(at, "/static/") && at != "/desk/cemeteries/"+villageCemetery+"/clerk" {
			t.Errorf("the phone keeps the page %s", at)
		}
	}

	kept, err := chromedp.Run(ctx, chromedp.Evaluate[string](`JSON.stringify({...localStorage})`))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"柳", "潘", "秦", "DL-HZ", "SQ-", "信号"} {
		if strings.Contains(kept, secret) {
			t.Errorf("the phone still has %q: %s", secret, kept)
		}
	}
	for _, plot := range []string{"D-03-05", "D-03-04", "D-03-03"} {
		s, _, err := g.app.Plots.Load(t.Context(), handlers.PlotID(villageCemetery, plot))
		if err != nil || len(s.Interred) != 1 || len(s.Places) != 1 || s.Status() != cemetery.Resting {
			t.Errorf("%s: %+v %v", plot, s, err)
		}
	}
	g.settle()
	if y := text(g.village.page("/desk/cemeteries/" + villageCemetery + "/years/2026").root); !strings.Contains(y, "安葬3位") {
		t.Errorf("the statement counts otherwise: %s", y)
	}
}
