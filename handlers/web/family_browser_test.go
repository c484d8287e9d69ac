package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events/memory"
	"shenzhong/handlers"
)

// A screen is a phone of 360 px in a real browser.
type screen struct {
	*testing.T
	ctx   context.Context
	base  string
	name  string
	tab   *complaints
	axe   bool // axe looks at each page as well
	shots int
}

// pace is how fast a network is, as the protocol's own command has it.
type pace struct {
	Offline            bool    `json:"offline"`
	Latency            float64 `json:"latency"`
	DownloadThroughput float64 `json:"downloadThroughput"`
	UploadThroughput   float64 `json:"uploadThroughput"`
}

var setPace = cdp.Command[pace, cdp.Empty]{Method: "Network.emulateNetworkConditions"}

func (s *screen) do(actions ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	for i, a := range actions {
		ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
		err := chromedp.Do(ctx, a)
		cancel()
		if err != nil {
			at, _ := chromedp.Run(s.ctx, chromedp.Location())
			s.Fatalf("step %d: %v at %s", i, err, at)
		}
	}
}

func (s *screen) value(js string) string {
	s.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](js))
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// look checks what every page has to keep in a browser, and takes a picture.
func (s *screen) look(name string) {
	s.Helper()
	s.shots++
	file := fmt.Sprintf("%s-%02d-%s", s.name, s.shots, name)
	small, err := chromedp.Run(s.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("main a.tap, main .btn, main button, main summary, main .slot:not(.full):not(.hold), main .opt, main input:not([type=hidden],[type=radio],[type=checkbox]), main select")]
		.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.outerHTML)`))
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range small {
		s.Errorf("%s: too small to touch: %s", file, e)
	}
	inspect(s.T, s.ctx, file, s.axe)
	for _, said := range s.tab.take() {
		if strings.Contains(said, "404") || strings.Contains(said, "409") || strings.Contains(said, "422") || strings.Contains(said, "ERR_EMPTY_RESPONSE") {
			continue // the page that says so is what is looked at
		}
		s.Errorf("%s: browser: %s", file, said)
	}
}

// paper takes a picture of the page as it is printed: no chrome, no button.
func (s *screen) paper(name string) {
	s.Helper()
	media := func(m string) chromedp.Action[chromedp.Void] {
		return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: m})
	}
	s.do(media("print"))
	if shown := s.value(`[...document.querySelectorAll(".mast, .skip, .back, .stepper, .acts, .noprint, .btn, button, .foot ul")].filter(e => e.checkVisibility()).map(e => e.outerHTML).join()`); shown != "" {
		s.Errorf("%s prints %s", name, shown)
	}
	shoot(s.T, s.ctx, s.name+"-print-"+name)
	s.do(media(""))
}

// open shows all that is folded away.
var open = chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`)

func click(css string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(css)) }

// wait waits until the page that has come has such an element. It asks the page
// again and again: an element that is remembered would be the former page's.
func wait(css string) chromedp.Action[chromedp.Void] {
	there := chromedp.Evaluate[bool](fmt.Sprintf(`document.readyState == "complete" && !!document.querySelector(%q)?.checkVisibility()`, css))
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for {
			if ok, err := there(ctx, t); err == nil && ok {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w", css, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

func typed(css, s string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.CSS(css), s)
}
func choose(css, s string) chromedp.Action[chromedp.Void] {
	return chromedp.SetValue(chromedp.CSS(css), s)
}

// noScript forbids every script of an answer.
type noScript struct{ http.ResponseWriter }

func (w noScript) WriteHeader(status int) {
	w.Header().Add("Content-Security-Policy", "script-src 'none'")
	w.ResponseWriter.WriteHeader(status)
}

func (w noScript) Write(b []byte) (int, error) {
	if len(w.Header().Values("Content-Security-Policy")) < 2 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// TestFamilyInBrowser: a family books a cremation in three screens on a phone,
// with script and without, in normal and in large type, over a slow network too,
// and follows it to the ashes.
func TestFamilyInBrowser(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name   string
		lang   Lang
		elder  bool
		script bool
		slow   bool
	}{{"zh", Zh, false, false, true}, {"zh-script", Zh, false, true, false}, {"zh-elder", Zh, true, false, false}, {"en", En, false, false, false}} {
		if testing.Short() && v.name != "zh" {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			c := newVillage(t, memory.New())
			var lost atomic.Bool
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && lost.Load() {
					// The network hangs, and then the connection breaks off. Meanwhile the
					// browser notes what is typed, as it does every second.
					select {
					case <-time.After(3 * time.Second):
					case <-r.Context().Done():
					}
					panic(http.ErrAbortHandler)
				}
				if !v.script {
					// Nothing runs, whatever a page may hold. (Switched off altogether, the
					// browser could not be asked what it shows; TestBookingInThreeScreens
					// goes the same way without any script engine.)
					w = noScript{w}
				}
				c.ServeHTTP(w, r)
			}))
			t.Cleanup(srv.Close)
			// A browser of its own: a second tab would be one that nobody looks at, which
			// is slower to remember what was typed, and would share the cookies.
			ctx, cancel := context.WithTimeout(browser(t), 5*time.Minute)
			t.Cleanup(cancel)
			s := &screen{T: t, ctx: ctx, base: srv.URL, name: v.name, tab: listen(t, ctx, srv.URL), axe: !v.script} // the pages are the same with script
			s.do(cookie(srv.URL, "lang", string(v.lang)), cookie(srv.URL, "elder", map[bool]string{true: "1"}[v.elder]),
				call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 1, Mobile: true}),
				call(network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: false}))
			if v.slow {
				s.do(call(setPace, pace{Latency: 400, DownloadThroughput: 50_000, UploadThroughput: 50_000}))
			}
			s.do(chromedp.Navigate(srv.URL+"/"), wait(`main a[href="/book"]`), click(`main a[href="/book"]`), wait("#times"))
			s.look("time")
			s.do(open)
			s.look("time-open")
			s.do(click(`input[value="`+chosenSlot+`"]`), click(`#times button[type=submit]`), wait(`form[action="/book/about"]`))
			s.look("about")
			// A slip of the pen, and a connection that breaks off.
			bad := theDeceased.Get("id")[:17] + map[bool]string{true: "1", false: "0"}[theDeceased.Get("id")[17] == '0']
			s.do(typed("#name", "林归舟"), typed("#id", bad), choose("#place", "HOSPITAL"), choose("#hukou", "210211"), typed("#handler", "林知远"), choose("#relation", "CHILD"),
				typed("#phone", "138 0000 0412"), click(`form[action="/book/about"] .wide`), wait(`.refusal`))
			s.look("about-wrong")
			if got := s.value(`document.querySelector("#id").value + document.querySelector("#name").value`); got != bad+"林归舟" {
				t.Errorf("typed text is gone: %q", got)
			}
			s.do(chromedp.Clear(chromedp.CSS("#id")), typed("#id", theDeceased.Get("id")), open, click(`input[name=relief][value="最低生活保障对象"]`))
			if v.slow {
				lost.Store(true)
				s.do(click(`form[action="/book/about"] .wide`))
				for deadline := time.Now().Add(time.Minute); ; {
					at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`))
					if err == nil && strings.HasPrefix(at, "chrome-error:") {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("the connection did not break off: %s %v", at, err)
					}
				}
				lost.Store(false)
				s.tab.take()
				s.do(chromedp.NavigateBack(), wait(`form[action="/book/about"]`))
				if got := s.value(`document.querySelector("#id").value + document.querySelector("#phone").value`); got != theDeceased.Get("id")+"138 0000 0412" {
					t.Errorf("after a lost connection the browser shows %q", got)
				}
				if got := s.value(`document.querySelector("input[name=relief]:checked").value`); got != "最低生活保障对象" {
					t.Errorf("after a lost connection the group is %q", got)
				}
			}
			s.do(click(`form[action="/book/about"] .wide`), wait(`form[action="/book/check"]`))
			s.look("check")
			s.paper("check")
			s.do(click(`#ok`), click(`form[action="/book/check"] .wide`), wait(`.tl`))
			if v.slow {
				s.do(call(setPace, pace{DownloadThroughput: -1, UploadThroughput: -1}))
			}
			s.look("track")
			s.paper("track")
			if c.tellsNothing(t, nil); v.script {
				return // the pages hold no script: the rest is as without
			}
			at, err := chromedp.Run(ctx, chromedp.Location())
			if err != nil {
				t.Fatal(err)
			}
			seed, salt := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
			peak := handlers.Peak{Institution: haiyan, Kind: institution.Furnace, Day: "2026-11-29"}
			c.must(c.app.AnnouncePeak(t.Context(), handlers.AnnouncePeak{Act: c.act(), Peak: peak, Item: "CRM-FLAT", Commitment: schedule.Commitment(seed, salt), Closes: c.clock().Add(24 * time.Hour)}))
			s.do(chromedp.Navigate(srv.URL+"/draw/"+haiyan+"/furnace/2026-11-29"), wait("main h1"))
			s.look("draw")
			for _, n := range []string{"change", "wait", "cancel", "object"} {
				s.do(chromedp.Navigate(at+"/"+n), wait("main h1"))
				s.look("track-" + n)
			}
			s.do(chromedp.Navigate(at+"/change"), wait("#times"), open, click(`input[value="2026-11-26T09:00"]`), click(`#times button[type=submit]`), wait(`button[name=ok]`))
			s.look("track-change-cost")
			s.do(click(`button[name=ok]`), wait(`.tl`), open)
			s.look("track-changed")
			id, st := c.onlyCase(t)
			if _, err := c.app.Object(t.Context(), handlers.Object{Act: c.act(), Case: id, Challenge: "x", Name: "林知微", Phone: "13900000001", Relation: booking.Spouse}); err != nil {
				t.Fatal(err)
			}
			s.do(chromedp.Navigate(at), wait(".refusal"))
			s.look("track-disputed")
			c.must(c.app.Cases.Handle(t.Context(), id.String(), booking.ResolveChallenge{Act: c.act(), ChallengeResolved: booking.ChallengeResolved{Challenge: "x", Outcome: booking.Settled, Document: "1"}}))
			for _, e := range []any{cremation.Received{Case: id, Tag: "D-1", Institution: haiyan}, cremation.ConfirmationSigned{Applicant: st.Handler.Person, Form: "1"}, cremation.Started{At: c.clock()}, cremation.Completed{At: c.clock()},
				cremation.AshesCollected{WeightG: 1, Containers: 1, Label: "D-1"}, cremation.CertificateIssued{Number: "N"}, cremation.AshesReleased{Share: 1, To: st.Handler.Person, Name: domain.Personal(st.Handler.Person, "林知远"), Certificate: "N"}} {
				c.fact(c.app.Cremations.Stream(id.String()), c.clock(), e)
			}
			c.wait(100 * time.Hour)
			s.do(chromedp.Navigate(at), wait(`a[href$="/rate"]`))
			s.look("track-over")
			s.do(click(`a[href$="/rate"]`), wait(`input[name=level]`))
			s.look("track-rate")
			s.do(click(`input[value="5"]`), click(`form .wide`), wait(`.tl`))
			s.do(chromedp.Navigate(srv.URL+"/track"), wait("#code"), typed("#code", "0000 0000 0001"), click("form .wide"), wait(".refusal"))
			s.look("track-no-code")
			s.do(chromedp.Navigate(srv.URL+"/complain?institution="+haiyan+"&item=HAL-S"), wait("#text"), click("form[action='/complain'] .wide"), wait(".refusal"))
			s.look("complain-wrong")
			s.do(typed("#text", "小厅多收了二百元"), click("form[action='/complain'] .wide"), wait(".note"))
			s.look("complaint")
			s.paper("complaint")
			// What it will cost, and whether a certificate is genuine.
			s.do(chromedp.Navigate(srv.URL+"/estimate"), wait("#relief"), choose("#relief", "最低生活保障对象"), click(`input[name=ashes][value=SEA]`), click("main form button"), wait("tr.relief"))
			s.look("estimate")
			c.must(c.app.Certificates.Handle(t.Context(), "N", cremation.RegisterCertificate{Act: c.act(), Number: "N", Case: id, Institution: haiyan}))
			for _, n := range []string{"N", "M"} {
				s.do(chromedp.Navigate(srv.URL+"/verify/"+n), wait("#number"))
				s.look("verify-" + n)
			}
			// Two families, one time.
			other := c.phone(t)
			other.get("/book").submit("/book", map[string][]string{"slot": {"2026-11-28T09:00"}})
			s.do(chromedp.Navigate(srv.URL+"/book?home="+haiyan), wait("#times"), open)
			s.do(chromedp.Evaluate[chromedp.Void](`(() => { const r = document.querySelector("input[name=slot]"); r.value = "2026-11-28T09:00"; r.checked = true })()`), click(`#times button[type=submit]`), wait(`.refusal`))
			s.look("lost")
			c.tellsNothing(t, nil)
		})
	}
}
