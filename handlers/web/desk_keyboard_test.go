package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A keyboard is somebody in front of a browser who has no mouse.
type keyboard struct {
	*testing.T
	ctx  context.Context
	home *home
	who  string
	n    int // pictures taken
}

// sit opens a browser of its own for an account and signs in, by keys.
func sit(t *testing.T, browser context.Context, h *home, who string) *keyboard {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	k := &keyboard{T: t, ctx: ctx, home: h, who: who}
	k.do(call(network.Enable, network.EnableParams{}), cookie(h.server.URL, "lang", "zh"),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1440, Height: 900, DeviceScaleFactor: 1}),
		chromedp.Navigate(h.server.URL+"/signin"))
	k.until("the form", arrived)
	k.press(who, kb.Tab, password)
	k.follow(kb.Enter)
	k.at("/desk")
	return k
}

func (k *keyboard) do(actions ...chromedp.Action[chromedp.Void]) {
	k.Helper()
	if err := chromedp.Do(k.ctx, actions...); err != nil {
		k.Fatal(err)
	}
}

// press types keys, one string after the other. As with a keyboard, what a key
// writes is part of its going down, so that a page which takes the key for
// itself keeps it from being written; what no key writes comes from an input
// method.
func (k *keyboard) press(keys ...string) {
	k.Helper()
	for _, r := range strings.Join(keys, "") {
		if _, key := kb.Keys[r]; !key {
			k.do(call(input.InsertText, input.InsertTextParams{Text: string(r)}))
			continue
		}
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if len(events) == 3 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		k.do(call(input.DispatchKeyEvent, down), call(input.DispatchKeyEvent, up))
	}
}

func read[T any](k *keyboard, script string) T {
	k.Helper()
	v, err := chromedp.Run(k.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		k.Fatal(err)
	}
	return v
}

// until waits for what a page does by itself.
func (k *keyboard) until(what, script string) {
	k.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		// While a page is on its way there may be nothing to ask.
		if ok, err := chromedp.Run(k.ctx, chromedp.Evaluate[bool](script)); err == nil && ok {
			return
		}
		select {
		case <-deadline:
			k.shoot("stuck")
			k.Fatalf("%s waits in vain for %s on %s", k.who, what, read[string](k, "location.href"))
		case <-tick.C:
		}
	}
}

// arrived says that another page has come, and that the focus is where the page
// puts it.
const arrived = `window.left === undefined && document.readyState === "complete" && document.activeElement && (!document.querySelector("[autofocus]") || document.activeElement.matches("[autofocus]"))`

// follow presses a key that leads to another page, and waits for it.
func (k *keyboard) follow(key string) {
	k.Helper()
	read[bool](k, "window.left = true")
	k.press(key)
	k.until("the next page", arrived)
}

func (k *keyboard) at(path string) {
	k.Helper()
	if got := read[string](k, "location.pathname"); got != path {
		k.shoot("elsewhere")
		k.Fatalf("%s is on %s, not on %s: %s", k.who, got, path, read[string](k, `document.querySelector("main").innerText`))
	}
}

// shoot keeps a picture of where somebody has come to.
func (k *keyboard) shoot(name string) {
	k.Helper()
	k.n++
	shoot(k.T, k.ctx, fmt.Sprintf("keys-%s-%02d-%s", k.who, k.n, name))
}

// tabTo goes from stop to stop until the one that a script describes.
func (k *keyboard) tabTo(what, script string) {
	k.Helper()
	for range 150 {
		if read[bool](k, "(e => "+script+")(document.activeElement)") {
			return
		}
		k.press(kb.Tab)
	}
	k.shoot("lost")
	k.Fatalf("%s does not come to %s by Tab: %s", k.who, what, read[string](k, `document.querySelector("main").innerText`))
}

// A stop is what has the focus.
type stop struct {
	Name, Type, Value string
	Checked           bool
}

func (k *keyboard) stop() stop {
	k.Helper()
	return read[stop](k, `(e => ({Name: e.name || "", Type: e.type || e.tagName.toLowerCase(), Value: e.value || "", Checked: !!e.checked}))(document.activeElement)`)
}

// fill goes through a form by Enter, filling in what is named, until it is sent.
func (k *keyboard) fill(values ...string) {
	k.Helper()
	want := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		want[values[i]] = values[i+1]
	}
	read[bool](k, `document.addEventListener("submit", () => { window.left = "sent" }), window.left = true`)
	for range 120 {
		s := k.stop()
		v, named := want[s.Name]
		switch {
		case s.Type == "submit":
		case !named:
		case s.Type == "select-one":
			for range 60 {
				if k.stop().Value == v {
					break
				}
				k.press(kb.ArrowDown)
			}
			if got := k.stop().Value; got != v {
				k.Fatalf("%s: %s has no %q (%q)", k.who, s.Name, v, got)
			}
		case s.Type == "radio":
			for range 12 {
				if x := k.stop(); x.Value == v && x.Checked {
					break
				} else if x.Value == v {
					k.press(" ")
				} else {
					k.press(kb.ArrowDown)
				}
			}
		case s.Type == "checkbox":
			if (v == s.Value) != s.Checked {
				k.press(" ")
			}
		default:
			k.press(v)
		}
		if s.Type != "checkbox" || v == s.Value {
			delete(want, s.Name)
		}
		next := kb.Enter
		if s.Type == "textarea" { // where Enter is a new line
			next = kb.Tab
		}
		k.press(next)
		if read[bool](k, `window.left !== true`) { // the form was sent: its answer is on its way, or here
			break
		}
	}
	k.until("the answer to the form", arrived)
	if len(want) > 0 {
		k.shoot("unfilled")
		k.Fatalf("%s sent the form without %v", k.who, want)
	}
}

// act opens an act of the case by its number key, or by Tab where it has none,
// fills in its form and comes back to the case.
func (k *keyboard) act(id, name string, values ...string) {
	k.Helper()
	page := "/desk/cases/" + id
	if read[string](k, "location.pathname") != page {
		k.tabTo("the way back", fmt.Sprintf(`e.getAttribute("href") === %q`, page))
		k.follow(kb.Enter)
	}
	k.at(page)
	if key := read[string](k, fmt.Sprintf(`(document.querySelector('a[data-key][href=%q]') || {dataset: {key: ""}}).dataset.key`, page+"/"+name)); key != "" {
		k.follow(key)
	} else {
		k.tabTo(name, fmt.Sprintf(`e.getAttribute("href") === %q`, page+"/"+name))
		k.follow(kb.Enter)
	}
	k.at(page + "/" + name)
	k.fill(values...)
	if read[string](k, "location.pathname") == page+"/"+name {
		k.shoot("refused-" + name)
		k.Fatalf("%s: %s was refused: %s", k.who, name, read[string](k, `document.querySelector("main").innerText`))
	}
}

// find goes to a case by typing into the search that is on every page.
func (k *keyboard) find(what, id string) {
	k.Helper()
	k.press("/")
	k.press(what)
	k.follow(kb.Enter)
	k.shoot("search")
	k.tabTo("the case", fmt.Sprintf(`e.getAttribute("href") === "/desk/cases/%s"`, id))
	k.follow(kb.Enter)
	k.at("/desk/cases/" + id)
}

// scan goes straight to a case by its whole tag, as a scanner types it.
func (k *keyboard) scan(tag, id string) {
	k.Helper()
	k.press("/", tag)
	k.follow(kb.Enter)
	k.at("/desk/cases/" + id)
}

// TestWithoutAMouse takes a case from intake to release with nothing but keys:
// the desk opens it, two others find it by its pinyin initials and by its tag in
// browsers of their own, and verify it.
func TestWithoutAMouse(t *testing.T) {
	h := newHome(t)
	ctx, cancel := context.WithTimeout(browser(t), 8*time.Minute)
	defer cancel()
	desk := sit(t, ctx, h, "desk-0101")
	second, furnace := sit(t, ctx, h, "desk-0102"), sit(t, ctx, h, "furnace-0201")
	desk.shoot("board")

	desk.follow("i")
	desk.at("/desk/intake")
	desk.fill("name", "林归舟", "citizen_id", citizen("21020219351212001"), "hukou", "210202", "handler_name", "林知远", "handler_phone", "13804110412", "relation", "CHILD",
		"handler_id", citizen("21020219650312041"), "place", "HOSPITAL", "cause", "NATURAL")
	id := strings.TrimPrefix(read[string](desk, "location.pathname"), "/desk/cases/")
	desk.at("/desk/cases/" + id)
	desk.shoot("case")

	desk.act(id, "quote", "qty.TRN-STD", "1", "qty.STO-COLD", "2", "qty.CRM-FLAT", "1")
	desk.at("/desk/cases/" + id + "/print/quote")
	desk.shoot("quote")
	desk.act(id, "consent", "answer", "yes")
	desk.act(id, "collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
	h.later(20 * time.Minute)
	desk.act(id, "arrive", "tag", "DL-0412")
	h.later(5 * time.Minute)
	desk.act(id, "death_certificate", "issuer", "市某医院", "issued_on", "11222026", "cause_class", "NATURAL", "checked", "1")
	desk.act(id, "move", "tag", "DL-0412", "to", "COLD_BAY cold-1/2")
	desk.act(id, "belongings", "witness", "desk-0102")
	desk.act(id, "identify", "tag", "DL-0412", "recognised", "yes")
	desk.act(id, "confirmation", "signed", "1")
	desk.shoot("papers")

	h.later(time.Hour)
	furnace.find("lgz", id)
	furnace.act(id, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
	furnace.act(id, "verify", "tag", "DL-0412")
	second.scan("DL-0412", id)
	second.act(id, "verify", "tag", "DL-0412")
	furnace.scan("DL-0412", id)
	furnace.act(id, "start", "furnace", "furnace-1")
	furnace.shoot("started")
	h.later(70 * time.Minute)
	furnace.act(id, "complete")
	furnace.act(id, "ashes", "weight", "2410", "label", "DL-0412", "sealed_with", "desk-0102", "chamber_empty", "1")

	desk.scan("DL-0412", id)
	desk.act(id, "certificate", "certificate", "DL-HZ-0001")
	desk.act(id, "charge_agreed")
	desk.act(id, "pay", "pay_method", "CASH")
	desk.act(id, "code")
	desk.shoot("code")
	code := codeForm.FindString(read[string](desk, `document.querySelector("main").innerText`))
	if code == "" {
		t.Fatal("the one-time code does not show")
	}
	desk.act(id, "release", "code", code, "certificate", "DL-HZ-0001", "collector", "林知远", "collector_tail", citizen("21020219650312041")[14:], "id_checked", "1", "receipt", "LQ-1")
	desk.shoot("released")
	if s := read[string](desk, `document.querySelector("main").innerText`); !strings.Contains(s, "骨灰已领取") {
		t.Errorf("the page does not say that the ashes were handed over: %s", s)
	}
}
