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
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
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

// A family is somebody with a phone who has booked a cremation and follows it.
type family struct {
	*testing.T
	ctx  context.Context
	code string
	n    int
}

// book goes through the three screens of a booking on a phone.
func book(t *testing.T, browser context.Context, h *home) *family {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	f := &family{T: t, ctx: ctx}
	f.do(call(network.Enable, network.EnableParams{}), cookie(h.server.URL, "lang", "zh"),
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 1, Mobile: true}),
		chromedp.Navigate(h.server.URL+"/book?home="+deskHome), wait("#times"), open)
	f.shoot("time")
	f.do(click(`#times input[name=slot]`), click(`#times button[type=submit]`), wait(`form[action="/book/about"]`),
		typed("#name", "林归舟"), typed("#id", citizen("21020219351212001")), choose("#place", "HOSPITAL"), click(`input[name=cause][value=NATURAL]`), choose("#hukou", "210202"),
		typed("#handler", "林知远"), choose("#relation", "CHILD"), typed("#phone", "13804110412"))
	f.shoot("about")
	f.do(click(`form[action="/book/about"] .wide`), wait(`form[action="/book/check"]`))
	f.shoot("check")
	f.do(click("#ok"), click(`form[action="/book/check"] .wide`), wait(".tl"))
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	f.code = at
	return f
}

func (f *family) do(actions ...chromedp.Action[chromedp.Void]) {
	f.Helper()
	if err := chromedp.Do(f.ctx, actions...); err != nil {
		f.Fatal(err)
	}
}

func (f *family) shoot(name string) {
	f.Helper()
	f.n++
	shoot(f.T, f.ctx, fmt.Sprintf("keys-family-%02d-%s", f.n, name))
}

// reads looks at the page of the family's code, which says so.
func (f *family) reads(name string, want ...string) {
	f.Helper()
	f.do(chromedp.Navigate(f.code), wait(".tl"))
	said, err := chromedp.Run(f.ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
	if err != nil {
		f.Fatal(err)
	}
	f.shoot(name)
	for _, w := range want {
		if !strings.Contains(said, w) {
			f.Errorf("%s: the family does not read %q: %s", name, w, said)
		}
	}
}

// TestWithoutAMouse: a family books on a phone; the desk finds the case by the
// initials of its pinyin as they are typed, and takes it from there to the ashes
// with nothing but keys, three people at browsers of their own; at each stage
// the family reads how far it is.
func TestWithoutAMouse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ctx, cancel := context.WithTimeout(browser(t), 8*time.Minute)
	defer cancel()
	home := book(t, ctx, h)
	home.reads("booked", "预约已经定下", "林归舟", "海晏殡仪馆")
	desk := sit(t, ctx, h, "desk-0101")
	second, furnace := sit(t, ctx, h, "desk-0102"), sit(t, ctx, h, "furnace-0201")
	second.shoot("board")

	// Found as one types, before Enter.
	desk.press("/", "lg")
	desk.until("what is found as one types", `!!document.querySelector("#hits tbody a")`)
	desk.press("z")
	desk.until("what is found as one types", `document.querySelectorAll("#hits tbody a").length == 1`)
	desk.shoot("found")
	page := read[string](desk, `document.querySelector("#hits tbody a").getAttribute("href")`)
	id := strings.TrimPrefix(page, "/desk/cases/")
	desk.tabTo("the case", fmt.Sprintf(`e.getAttribute("href") === %q`, page))
	desk.follow(kb.Enter)
	desk.at(page)
	desk.shoot("case")

	desk.act(id, "amend", "handler_id", citizen("21020219650312041"))
	desk.act(id, "paper", "paper", "DECEASED_ID", "paper_form", "ORIGINAL")
	desk.act(id, "quote", "qty.TRN-STD", "1", "qty.STO-COLD", "2", "qty.CRM-FLAT", "1")
	desk.at("/desk/cases/" + id + "/print/quote")
	desk.shoot("quote")
	home.reads("quoted", "有一份 2,112 元的报价等您看")
	desk.act(id, "consent", "answer", "yes")
	home.reads("agreed", "应付 2,112 元")
	desk.act(id, "collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
	home.reads("collected", "正在接往殡仪馆")
	h.later(20 * time.Minute)
	desk.act(id, "arrive", "tag", "DL-0412")
	home.reads("arrived", "等待告别")
	h.later(5 * time.Minute)
	desk.act(id, "death_certificate", "issuer", "市某医院", "issued_on", "11222026", "cause_class", "NATURAL", "checked", "1")
	desk.act(id, "move", "tag", "DL-0412", "to", "COLD_BAY cold-1/2")
	desk.act(id, "belongings", "witness", "desk-0102")
	desk.act(id, "identify", "tag", "DL-0412", "recognised", "yes")
	desk.act(id, "farewell_begins")
	h.later(30 * time.Minute)
	desk.act(id, "farewell_ends")
	home.reads("farewell", "等您签火化确认书")
	desk.act(id, "confirmation", "signed", "1")
	desk.shoot("papers")
	home.reads("confirmed", "火化确认书已签，等待火化")

	// Two people, two sign-ins, beside each other. Meanwhile the board of one of
	// them has changed by itself.
	second.until("the board to show who lies in the cold store", `document.querySelector(".bays").innerText.includes("林*舟")`)
	second.shoot("board-changed")
	furnace.find("lgz", id)
	furnace.act(id, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
	furnace.act(id, "verify", "tag", "DL-0412")
	second.scan("DL-0412", id)
	second.act(id, "verify", "tag", "DL-0412")
	furnace.follow("r")
	furnace.act(id, "start", "furnace", "furnace-1")
	furnace.shoot("started")
	home.reads("burning", "正在火化")
	h.later(70 * time.Minute)
	furnace.act(id, "complete")
	home.reads("completed", "火化已经结束，正在出具火化证明")
	furnace.act(id, "ashes", "weight", "2410", "label", "DL-0412", "sealed_with", "desk-0102")
	furnace.act(id, "empty", "chamber_seen", "1")

	// The desk's page of the case was drawn long ago, and says so by itself.
	desk.until("word of what the furnace room wrote", `document.querySelector("#news").classList.contains("note")`)
	desk.shoot("news")
	desk.follow("r")
	desk.act(id, "certificate", "certificate", "DL-HZ-0001")
	home.reads("certificate", "骨灰可以领取")
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
	home.reads("over", "已经办完", "评价")
}
