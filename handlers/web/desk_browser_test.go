package web

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// as gives a browser the session of a clerk.
func (c *clerk) as() chromedp.Action[chromedp.Void] {
	u, err := url.Parse(c.server.URL)
	if err != nil {
		c.Fatal(err)
	}
	for _, k := range c.client.Jar.Cookies(u) {
		if k.Name == "shenzhong_session" {
			return cookie(c.server.URL, k.Name, k.Value)
		}
	}
	c.Fatal("no session")
	return nil
}

// TestDeskInBrowser opens the pages of the desk as TestInBrowser opens the
// public ones: nothing scrolls sideways, axe finds nothing, the console stays
// silent. The form of every act is looked at in the smallest and in the largest
// type; the pages in more ways.
func TestDeskInBrowser(t *testing.T) {
	t.Parallel()
	b := newBusyHome(t)
	ctx := browser(t)
	tab := listen(t, ctx, b.server.URL)
	id := strings.NewReplacer(b.whole, "whole", b.stored, "stored", b.nobody, "nobody")
	pages := []string{"/signin?ended=1", "/desk", "/desk?d=2026-11-24", "/desk/search", "/desk/search#found", "/desk/intake", "/desk/house", "/desk/day", "/desk/cases/" + b.whole, "/desk/cases/" + b.stored, "/desk/cases/" + b.nobody,
		"/desk/cases/" + b.whole + "/print/quote", "/desk/cases/" + b.whole + "/print/label", "/desk/cases/" + b.whole + "/print/confirmation", b.receipt}
	var forms []string
	for _, a := range deskActs {
		forms = append(forms, "/desk/cases/"+b.stored+"/"+a.name)
	}
	for _, way := range []struct {
		view
		width int64
		forms bool
	}{{view{Lang: Zh}, 1440, true}, {view{Lang: Zh}, 360, false}, {view{Lang: En, Elder: true}, 360, true}, {view{Lang: Zh, Elder: true}, 360, false}, {view{Lang: En}, 1440, false}} {
		if testing.Short() && (way.Lang != Zh || way.Elder) {
			continue
		}
		addresses := pages
		if way.forms {
			addresses = append(slices.Clone(pages), forms...)
		}
		dress(t, ctx, b.server.URL, way.view, way.width)
		for _, address := range addresses {
			name := fmt.Sprintf("desk-%s-%d-%s", Variant(way.Lang, way.Elder), way.width, slug(id.Replace(address)))
			t.Run(name, func(t *testing.T) {
				session := b.desk.as()
				if strings.HasPrefix(address, "/signin") {
					session = cookie(b.server.URL, "shenzhong_session", "nobody")
				}
				look := "true"
				if strings.HasSuffix(address, "#found") { // what a search finds, which no address leads to
					look = `fetch("/desk/search", {method: "POST", body: new URLSearchParams({q: "l"})}).then(r => r.text()).then(t => {
						document.querySelector("main").innerHTML = new DOMParser().parseFromString(t, "text/html").querySelector("main").innerHTML; return true })`
				}
				examine(t, ctx, tab, name, func(said string) bool { // a form that says why it may not be sent
					return strings.Contains(said, "the server responded with a status of 4") && strings.Contains(said, "/desk/cases/")
				}, session, chromedp.Navigate(b.server.URL+address), chromedp.Evaluate[chromedp.Void](look))
			})
		}
	}
}

// shoot keeps a picture for whoever reads the test's artifacts.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if !artifacts() {
		return // drawing a whole page costs more than all that is looked at on it
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		t.Error(err)
	}
}

// artifacts says whether anybody keeps what tests draw (go test -artifacts).
func artifacts() bool {
	kept := flag.Lookup("test.artifacts")
	return kept != nil && kept.Value.String() == "true"
}

// TestDeskOnPaper: what is printed takes the sheets it should, and shows nothing
// that is of use on a screen only.
func TestDeskOnPaper(t *testing.T) {
	b := newBusyHome(t)
	ctx, cancel := context.WithTimeout(browser(t), 2*time.Minute)
	defer cancel()
	for _, p := range []struct {
		address, name string
		sheets        int
	}{
		{"/desk", "board", 1}, {"/desk/cases/" + b.whole + "/print/quote", "quote", 2}, {"/desk/cases/" + b.whole + "/print/label", "label", 2}, {b.receipt, "receipt", 1}, {"/desk/cases/" + b.whole + "/print/confirmation", "confirmation", 1},
		{"/desk/house", "house", 1}, {"/desk/day", "day", 1}, {"/desk/cases/" + b.stored, "case", 4},
	} {
		err := chromedp.Do(ctx, b.desk.as(), cookie(b.server.URL, "lang", "zh"), call(network.Enable, network.EnableParams{}), chromedp.Navigate(b.server.URL+p.address), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
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
		if n := len(onePage.FindAll(paper.Data, -1)); n != p.sheets && (p.name != "case" || n > p.sheets) {
			t.Errorf("%s takes %d sheets, want %d", p.name, n, p.sheets)
		}
		if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "print-"+p.name+".pdf"), paper.Data, 0o600); err != nil {
			t.Error(err)
		}
		shoot(t, ctx, "print-"+p.name)
	}
}
