package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/oversight"
)

// TestRegulatorInBrowser opens the pages of the console as TestDeskInBrowser
// opens the desk's, sets the switches by keyboard, and prints.
func TestRegulatorInBrowser(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	i.notified = uuid.New()
	i.on("2026-11-20 17:00", deskLedger, credit.Suspected{Suspicion: i.notified, Rule: "V07", Fact: "reports:2026-10", Basis: "系统核对"}, credit.Notified{Suspicion: i.notified, Document: "大民监告字〔2026〕演示 2 号", AnswerBy: "2026-11-27"})
	i.on("2026-11-20 17:05", "inspection-2026-Q3", exampleRound(t)...)
	i.on("2026-11-20 17:10", "penalty-"+consolePenalty, oversight.PenaltyProposed{Institution: deskHome, Severity: oversight.GeneralPenalty, Kind: "罚款", Amount: domain.Yuan(20000), Fact: "价目牌以外收取费用", Basis: "演示依据", Officers: [2]string{"regulator-0501", "regulator-0502"}},
		oversight.PenaltyNotified{Document: "大民罚告〔2026〕演示 1 号", HearBy: "2026-11-27"}, oversight.PenaltyHeard{Document: "陈述笔录 演示 1 号"})
	i.odd()
	ctx := browser(t)
	tab := listen(t, ctx, i.server.URL)
	regulator, home := i.clerk("regulator-0501"), i.clerk("desk-0101")
	for _, way := range []struct {
		view
		width int64
	}{{view{Lang: Zh}, 1440}, {view{Lang: Zh}, 360}, {view{Lang: En, Elder: true}, 360}, {view{Lang: En}, 1440}} {
		if testing.Short() && way.Lang != Zh {
			continue
		}
		dress(t, ctx, i.server.URL, way.view, way.width)
		for _, address := range i.consolePages() {
			name := fmt.Sprintf("regulator-%s-%d-%s", Variant(way.Lang, way.Elder), way.width, slug(strings.ReplaceAll(address, deskHome, "home")))
			t.Run(name, func(t *testing.T) {
				as := regulator.as()
				if strings.HasPrefix(address, "/desk/credit") {
					as = home.as()
				}
				examine(t, ctx, tab, name, nil, as, chromedp.Navigate(i.server.URL+address))
			})
		}
		name := fmt.Sprintf("regulator-%s-%d-trial", Variant(way.Lang, way.Elder), way.width)
		t.Run(name, func(t *testing.T) {
			fill := `document.querySelector("#policy_version").value = "dl-2"; document.querySelector("#effective_from").value = "2027-01-01"; document.querySelector("#base").value = "85"; document.getElementById("points.P02").value = "12"; true`
			if err := chromedp.Do(ctx, regulator.as(), chromedp.Navigate(i.server.URL+"/regulator/credit/trial")); err != nil {
				t.Fatal(err)
			}
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fill)); err != nil {
				t.Fatal(err)
			}
			examine(t, ctx, tab, name, nil, chromedp.Click(chromedp.CSS("#try")), chromedp.WaitVisible(chromedp.CSS("#tried")))
		})
	}

	t.Run("export", func(t *testing.T) {
		i.downloads(t, ctx, regulator)
	})

	t.Run("switches by keyboard", func(t *testing.T) {
		k := &keyboard{T: t, ctx: ctx, home: i.home}
		k.do(regulator.as(), cookie(i.server.URL, "lang", "zh"), cookie(i.server.URL, "elder", ""), call(network.Enable, network.EnableParams{}), chromedp.Navigate(i.server.URL+"/regulator/ledger/"+deskHome+"?on=2026-09-20"))
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
			as := regulator.as()
			if strings.HasPrefix(address, "/desk/credit") {
				as = home.as()
			}
			err := chromedp.Do(ctx, as, chromedp.Navigate(i.server.URL+address), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
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

// consolePenalty is the penalty of which the console's pages are looked at.
const consolePenalty = "019aa000-0000-7000-8000-00000000000a"

// consolePages are the addresses of the console that a regulator comes to.
func (i *inspectorate) consolePages() []string {
	return []string{"/regulator", "/regulator/complaints", "/regulator/reviews", "/regulator/inspections", "/regulator/penalties", "/regulator/penalties/new/propose",
		"/regulator/inspections/2026-Q3", "/regulator/penalties/" + consolePenalty, "/regulator/penalties/" + consolePenalty + "/revoke", "/regulator?on=2026-09-20&view=true", "/regulator/ledger/" + deskHome, "/regulator/ledger/" + deskHome + "?on=2026-09-20&view=known", "/regulator/ledger/" + deskHome + "?on=2026-09-20&view=true",
		"/regulator/credit", "/regulator/credit/trial", "/regulator/credit/" + deskHome, "/regulator/credit/" + deskHome + "/ffffffff-ffff-ffff-ffff-ffffffffffff/credit_suspect",
		"/regulator/anomalies", "/regulator/duties", "/regulator/events/3",
		"/desk/credit", "/desk/credit/" + i.notified.String() + "/credit_answer", "/desk/credit/" + i.public.String() + "/credit_ask_repair"}
}

// downloads presses the links of the console that make files, and reads what the
// browser saved.
func (i *inspectorate) downloads(t *testing.T, ctx context.Context, regulator *clerk) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	saved := make(chan string, 8)
	names := map[string]string{} // of downloads, as the server calls them
	heard := func(ev any) {
		switch e := ev.(type) {
		case *cdpbrowser.EventDownloadWillBegin:
			names[e.GUID] = e.SuggestedFilename
		case *cdpbrowser.EventDownloadProgress:
			if e.State != cdpbrowser.DownloadProgressStateInProgress {
				saved <- names[e.GUID] + "/" + e.GUID
			}
		}
	}
	if err := chromedp.ListenBrowser(ctx, heard); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, heard); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err := chromedp.Do(ctx, regulator.as(), cookie(i.server.URL, "lang", "zh"), cookie(i.server.URL, "elder", ""),
		call(cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: new(true)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		page, link string
		rows       int
		word       string
	}{
		{"/regulator/ledger/" + deskHome + "?on=2026-09-20&view=true", "/regulator/ledger/" + deskHome + "/export.xlsx", 7, "revoked"},
		{"/regulator/ledger/" + deskHome + "?on=2026-09-20&view=known", "/regulator/ledger/" + deskHome + "/export.csv", 7, "public"},
		{"/regulator", "/regulator/charges/export.xlsx", 2, "=ASH-DEP"},
		{"/regulator", "/regulator/charges/export.csv", 2, "'=ASH-DEP"},
	} {
		if err := chromedp.Do(ctx, chromedp.Navigate(i.server.URL+x.page), chromedp.Click(chromedp.CSS(`a[href^="`+x.link+`"]`))); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s was not saved", x.link)
		case got := <-saved:
			name, guid, _ := strings.Cut(got, "/")
			file, err := os.ReadFile(filepath.Join(dir, guid))
			_, view, _ := strings.Cut(x.page, "view=")
			if err != nil || filepath.Ext(name) != filepath.Ext(x.link) || !strings.Contains(name, view) {
				t.Fatalf("%s was saved as %q: %v", x.link, name, err)
			}
			i.readBack(t, x.link, file, x.rows, x.word)
		}
	}
}
