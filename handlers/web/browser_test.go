package web

import (
	"context"
	_ "embed"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/axe.min.js
var axe string

// browser starts Chromium; .ci/run installs it, and a machine without it cannot
// vouch for the pages.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start (apt-get install chromium fonts-noto-cjk): %v", err)
	}
	return ctx
}

// TestInBrowser opens every page at the width of a phone and of a desk, in both
// languages and type sizes: nothing scrolls sideways, axe finds nothing, the
// console stays silent and nothing is asked of another host. The pictures are
// for whoever reads the test's artifacts.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Log("-short: only the normal Chinese pages")
	}
	srv := httptest.NewServer(exampleServer(t, sources["full"]))
	t.Cleanup(srv.Close)
	ctx := browser(t)
	tab := listen(t, ctx, srv.URL)
	for _, v := range variants {
		if testing.Short() && (v.Lang != Zh || v.Elder) {
			continue
		}
		for _, width := range []int64{360, 1440} {
			for _, address := range append(addresses(), "/estimate", "/verify", "/voyages", "/tlog") {
				name := fmt.Sprintf("%s-%d-%s", Variant(v.Lang, v.Elder), width, slug(address))
				t.Run(name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
					defer cancel()
					tab.take()
					missing := strings.HasSuffix(address, "nowhere") || strings.HasSuffix(address, "nobody")
					err := chromedp.Do(ctx,
						cookie(srv.URL, "lang", string(v.Lang)), cookie(srv.URL, "elder", map[bool]string{true: "1"}[v.Elder]),
						call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600}),
						chromedp.Navigate(srv.URL+address), open,
					)
					if err != nil {
						t.Fatal(err)
					}
					inspect(t, ctx, name, pairwise(v.Lang, v.Elder, width))
					for _, said := range tab.take() {
						if missing && strings.Contains(said, "404") {
							continue // the page that says so is what is looked at
						}
						t.Errorf("browser: %s", said)
					}
				})
			}
		}
	}
}

// TestByHand: a reader changes the type size and the period by what is on the
// page, which holds no script (TestPages), and gets about by keyboard.
func TestByHand(t *testing.T) {
	srv := httptest.NewServer(exampleServer(t, sources["full"]))
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithTimeout(browser(t), 5*time.Minute)
	defer cancel()
	err := chromedp.Do(ctx,
		chromedp.Navigate(srv.URL+"/stats/eco-burial"),
		chromedp.Click(chromedp.CSS(`.tools a[href*="elder"]`)),
		chromedp.WaitReady(chromedp.CSS(`html[data-elder]`)),
		chromedp.SetValue(chromedp.CSS("#period"), "2026-11"),
		chromedp.Click(chromedp.CSS(`form button`)),
		chromedp.WaitReady(chromedp.CSS(`option[value="2026-11"][selected]`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	after, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	size, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).fontSize`))
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+"/prices"), chromedp.KeyEvent(kb.Tab)); err != nil {
		t.Fatal(err)
	}
	focus, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.className`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(after, "/stats/eco-burial?period=2026-11&") {
		t.Errorf("the form led to %s", after)
	}
	if size != "21px" {
		t.Errorf("large type is %s, want 21px", size)
	}
	if focus != "skip" {
		t.Errorf("the first stop of the keyboard is %q, want the skip link", focus)
	}
}

// TestOnPaper: what is of use on a screen only is not printed, and what is folded
// away on a screen is.
func TestOnPaper(t *testing.T) {
	srv := httptest.NewServer(exampleServer(t, sources["full"]))
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithTimeout(browser(t), 5*time.Minute)
	defer cancel()
	for address, pages := range map[string]int{"/": 2, "/estimate": 2, "/prices/" + exampleReal: 4, "/prices/" + exampleReal + "/wall": 2, "/prices/" + exampleReal + "/counter": 2, "/prices/" + exampleHome + "/wall": 2, "/prices/" + exampleHome + "/counter": 2, "/stats/eco-burial": 5} {
		err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+address), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".mast, .nav, .tools, .skip, .noprint, .foot nav ul")].filter(e => e.checkVisibility()).map(e => e.outerHTML)`))
		if err != nil {
			t.Fatal(err)
		}
		if len(shown) > 0 {
			t.Errorf("%s prints %s", address, shown[0])
		}
		paper, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (cdppage.PrintToPDFResult, error) {
			return cdp.Call(ctx, t, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PreferCSSPageSize: new(true)})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(onePage.FindAll(paper.Data, -1)); n < 1 || n > pages {
			t.Errorf("%s takes %d sheets, at most %d expected", address, n, pages)
		}
		shoot(t, ctx, "print-"+slug(address))
	}
}

var onePage = regexp.MustCompile(`/Type\s*/Page[^s]`)

// complaints are what a tab says besides showing the page.
type complaints struct {
	mu   sync.Mutex
	said []string
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said
	c.said = nil
	return said
}

// listen gathers console messages, broken policies, failed loads and requests
// that leave for another host.
func listen(t *testing.T, ctx context.Context, home string) *complaints {
	t.Helper()
	c := new(complaints)
	add := func(format string, args ...any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said = append(c.said, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *cdplog.EventEntryAdded:
			add("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		case *cdpruntime.EventConsoleAPICalled:
			add("console.%s", e.Type)
		case *cdpruntime.EventExceptionThrown:
			add("exception: %s", e.ExceptionDetails.Text)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, home) && !strings.HasPrefix(e.Request.URL, "data:") { // the browser draws its own date field
				add("asks for %s", e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, call(network.Enable, network.EnableParams{}), call(cdplog.Enable, cdp.Empty{})); err != nil {
		t.Fatal(err)
	}
	return c
}

// call is an action that sends one command of the protocol.
func call[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func cookie(home, name, value string) chromedp.Action[chromedp.Void] {
	return call(network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: home})
}

// dress sets language, type size and width for the pages that follow.
func dress(t *testing.T, ctx context.Context, home string, v view, width int64) {
	t.Helper()
	err := chromedp.Do(ctx, cookie(home, "lang", string(v.Lang)), cookie(home, "elder", map[bool]string{true: "1"}[v.Elder]),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 600}))
	if err != nil {
		t.Fatal(err)
	}
}

// examine opens a page with all that folds in it open: it is no wider than the
// window, axe finds nothing, and the browser says nothing but what is expected.
// It keeps a picture under the name.
func examine(t *testing.T, ctx context.Context, tab *complaints, name string, expected func(said string) bool, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tab.take()
	if err := chromedp.Do(ctx, append(steps, open)...); err != nil {
		t.Fatal(err)
	}
	inspect(t, ctx, name, true)
	for _, said := range tab.take() {
		if expected == nil || !expected(said) {
			t.Errorf("browser: %s", said)
		}
	}
}

// The faults of a page are what inspect finds on it: how much wider than the
// window it is (px) and because of what, which headings have no room for their
// letters, and what axe objects to.
type faults struct {
	Over       int
	Wide       []string
	Thin       []string
	Violations []struct {
		ID    string   `json:"id"`
		Where []string `json:"where"`
	}
}

// inspect looks at the page that has come: nothing scrolls sideways, and axe, if
// it is to look as well, finds nothing. The picture is for whoever reads the
// test's artifacts.
func inspect(t *testing.T, ctx context.Context, name string, withAxe bool) {
	t.Helper()
	look := findFaults
	if withAxe {
		// Of axe's more than half a megabyte one copy goes to each page that it looks at.
		look = axe + ";" + findFaults
	}
	f, err := chromedp.Run(ctx, chromedp.Evaluate[faults](look, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, name)
	if f.Over > 0 {
		t.Errorf("%s is %d px wider than the window: %q", name, f.Over, f.Wide)
	}
	for _, text := range f.Thin {
		t.Errorf("%s has no room for %q: its letters stand one below the other", name, text)
	}
	for _, v := range f.Violations {
		t.Errorf("%s: axe: %s\n%s", name, v.ID, strings.Join(v.Where, "\n"))
	}
}

// pairwise says in which of the eight views axe looks at a page too: in four,
// among which every two of language, type size and width meet.
func pairwise(lang Lang, elder bool, width int64) bool {
	return (lang == En) != elder == (width > 600)
}

const findFaults = `(async () => {
	const wide = document.documentElement.clientWidth, over = document.documentElement.scrollWidth - wide;
	const found = typeof axe === "undefined" ? [] : (await axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})).violations;
	// A heading of more letters than it has room for stands one letter below the other.
	const thin = [...document.querySelectorAll("main .pl tbody th")].filter(e => e.getClientRects().length > 0 && e.offsetWidth !== 1 && e.textContent.trim().length > 8 && e.clientWidth < 2 * parseFloat(getComputedStyle(e).fontSize));
	// An element juts out with its box or with a line of its text, unless a box
	// around it scrolls or cuts it off.
	const juts = e => {
		const text = [...e.childNodes].filter(n => n.nodeType === Node.TEXT_NODE).flatMap(n => { const r = document.createRange(); r.selectNodeContents(n); return [...r.getClientRects()] });
		if (![e.getBoundingClientRect(), ...text].some(r => r.right > wide + 1)) return false;
		for (let up = e.parentElement; up && up !== document.body; up = up.parentElement) if (getComputedStyle(up).overflowX !== "visible") return false;
		return true;
	};
	return {Over: over, Thin: thin.map(e => e.textContent.trim().slice(0, 60)).slice(0, 4), Wide: over <= 0 ? [] : [...document.querySelectorAll("body *")].filter(juts).map(e => e.outerHTML.slice(0, 160)).slice(-4),
		Violations: found.map(v => ({id: v.id, where: v.nodes.map(n => n.html + " " + n.failureSummary)}))};
})()`

var notWord = regexp.MustCompile(`[^a-zA-Z0-9]+`)

func slug(address string) string {
	if s := strings.Trim(notWord.ReplaceAllString(address, "-"), "-"); s != "" {
		return s
	}
	return "home"
}
