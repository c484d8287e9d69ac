package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestRegulatorInBrowser opens the pages of the console as TestDeskInBrowser
// opens the desk's, sets the switches by keyboard, and prints.
func TestRegulatorInBrowser(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	i.odd()
	ctx := browser(t)
	tab := listen(t, ctx, i.server.URL)
	regulator := i.clerk("regulator-0501")
	for _, way := range []struct {
		view
		width int64
	}{{view{Lang: Zh}, 1440}, {view{Lang: Zh}, 360}, {view{Lang: En, Elder: true}, 360}, {view{Lang: En}, 1440}} {
		if testing.Short() && way.Lang != Zh {
			continue
		}
		err := chromedp.Do(ctx, cookie(i.server.URL, "lang", string(way.Lang)), cookie(i.server.URL, "elder", map[bool]string{true: "1"}[way.Elder]), regulator.as(),
			call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: way.width, Height: 800, DeviceScaleFactor: 1, Mobile: way.width < 600}))
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range i.consolePages() {
			name := fmt.Sprintf("regulator-%s-%d-%s", Variant(way.Lang, way.Elder), way.width, slug(strings.ReplaceAll(address, deskHome, "home")))
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				tab.take()
				err := chromedp.Do(ctx, chromedp.Navigate(i.server.URL+address), open)
				if err != nil {
					t.Fatal(err)
				}
				inspect(t, ctx, name, true)
				for _, said := range tab.take() {
					t.Errorf("browser: %s", said)
				}
			})
		}
	}

	t.Run("switches by keyboard", func(t *testing.T) {
		k := &keyboard{T: t, ctx: ctx, home: i.home}
		k.do(cookie(i.server.URL, "lang", "zh"), cookie(i.server.URL, "elder", ""), call(network.Enable, network.EnableParams{}), chromedp.Navigate(i.server.URL+"/regulator/ledger/"+deskHome+"?on=2026-09-20"))
		k.do(chromedp.Focus(chromedp.CSS(`input[name=view]:checked`)))
		k.press(kb.ArrowDown)
		if v := read[string](k, `document.activeElement.value`); v != "true" {
			t.Errorf("the arrow chose %q", v)
		}
		k.press(kb.Enter)
		k.until("the other history", `location.search.includes("view=true")`)
		k.until("its score", `document.querySelector("main") && document.querySelector("main").innerText.includes("77 分")`)
	})

	t.Run("on paper", func(t *testing.T) {
		for _, address := range i.consolePages() {
			err := chromedp.Do(ctx, chromedp.Navigate(i.server.URL+address), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
			if err != nil {
				t.Fatal(err)
			}
			shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".mast, .nav, .tools, .skip, .noprint, button, .btn")].filter(e => e.checkVisibility()).map(e => e.outerHTML)`))
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
			if n := len(onePage.FindAll(paper.Data, -1)); n < 1 || n > 6 {
				t.Errorf("%s takes %d sheets", address, n)
			}
			shoot(t, ctx, "regulator-print-"+slug(strings.ReplaceAll(address, deskHome, "home")))
		}
	})
}

// consolePages are the addresses of the console that a regulator comes to.
func (i *inspectorate) consolePages() []string {
	return []string{"/regulator", "/regulator/complaints", "/regulator/reviews", "/regulator?on=2026-09-20&view=true", "/regulator/ledger/" + deskHome, "/regulator/ledger/" + deskHome + "?on=2026-09-20&view=known", "/regulator/ledger/" + deskHome + "?on=2026-09-20&view=true",
		"/regulator/credit", "/regulator/credit/" + deskHome, "/regulator/credit/" + deskHome + "/ffffffff-ffff-ffff-ffff-ffffffffffff/credit_suspect",
		"/regulator/anomalies", "/regulator/duties", "/regulator/events/3"}
}
