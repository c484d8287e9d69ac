package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/handlers"
)

// A busyHome has one case that has gone all the way to the ashes, one in the
// cold store that lacks papers, is held and looks like another, and an unnamed
// body.
type busyHome struct {
	*home
	desk                  *clerk
	whole, stored, nobody string
	receipt               string
}

func newBusyHome(t testing.TB) *busyHome {
	h := newHome(t)
	b := &busyHome{home: h, desk: h.clerk("desk-0101")}
	second, furnace := h.clerk("desk-0102"), h.clerk("furnace-0201")
	desk := b.desk
	takeIn := func(id, tag, bay string) {
		desk.must(id, "collect", "paper", "SY-1", "issuer", "市某医院", "giver", "HOSPITAL", "giver_name", "周某", "into", "VEHICLE car-1", "giver_signed", "1")
		h.later(10 * time.Minute)
		desk.must(id, "arrive", "tag", tag)
		h.later(10 * time.Minute)
		desk.must(id, "move", "tag", tag, "to", "COLD_BAY cold-1/"+bay)
	}
	b.whole = desk.intake()
	takeIn(b.whole, "DL-0412", "2")
	desk.must(b.whole, "claim_relief", "group", "最低生活保障对象")
	desk.must(b.whole, "grant_relief", "proof", "civil-affairs-data")
	desk.must(b.whole, "quote", "qty.TRN-STD", "1", "qty.STO-COLD", "2", "qty.CRM-FLAT", "1", "qty.GRM-STD", "2", "qty.URN-BASIC", "1")
	desk.must(b.whole, "consent", "answer", "yes")
	desk.must(b.whole, "death_certificate", "issuer", "市某医院", "issued_on", "2026-11-22", "cause_class", "NATURAL", "checked", "1")
	desk.must(b.whole, "belongings", "found", "金色戒指 x1", "witness", "desk-0102")
	desk.must(b.whole, "identify", "tag", "DL-0412", "recognised", "yes")
	desk.must(b.whole, "confirmation", "signed", "1")
	desk.must(b.whole, "book", "resource", "furnace-1", "start", "2026-11-23T12:00")
	furnace.must(b.whole, "move", "tag", "DL-0412", "to", "FURNACE furnace-1", "out_by", "desk-0102")
	furnace.must(b.whole, "verify", "tag", "DL-0412")
	second.must(b.whole, "verify", "tag", "DL-0412")
	furnace.must(b.whole, "start", "furnace", "furnace-1")
	h.later(70 * time.Minute)
	furnace.must(b.whole, "complete")
	furnace.must(b.whole, "ashes", "weight", "2410", "label", "DL-0412", "sealed_with", "desk-0102")
	desk.must(b.whole, "certificate", "certificate", "DL-HZ-0001")
	desk.must(b.whole, "charge_agreed")
	desk.must(b.whole, "pay", "pay_method", "WECHAT")
	b.receipt = "/desk/cases/" + b.whole + "/print/receipt/" + deskHome + "-20261123-0001"

	b.stored = desk.intake("name", "沈一舟", "citizen_id", citizen("21020219380101003"), "handler_name", "沈某", "handler_id", "")
	takeIn(b.stored, "DL-0413", "3")
	desk.must(b.stored, "hold", "hold_kind", "POLICE", "authority", "大连市公安局某分局", "paper", "公字第 1 号")
	desk.must(b.stored, "quote", "qty.CRM-FLAT", "1", "qty.HAL-S", "1")
	desk.must(b.stored, "promise", "paper", "HOUSEHOLD_BOOK")
	desk.must(b.stored, "waiver", "reason", "无近亲属在本市")
	desk.must(b.stored, "book", "resource", "hall-1", "start", "2026-11-24T09:30")
	desk.refused("charge_above_ceiling", b.stored, "quote", "qty.CRM-FLAT", "1", "own.CRM-FLAT", "10600", "qty.CRM-FLAT", "1")
	alike := desk.intake("name", "沈逸周", "citizen_id", citizen("21020219390101003"), "handler_name", "沈某某", "handler_id", "", "sure", "1")
	takeIn(alike, "DL-0414", "4")

	b.nobody = desk.intake("name", "", "kind", "UNNAMED", "citizen_id", "", "handler_name", "王警官", "relation", "POLICE", "handler_id", "", "cause", "UNKNOWN", "hukou", "")
	return b
}

// addresses are all pages of the desk, in this home.
func (b *busyHome) addresses() []string {
	as := []string{"/desk", "/desk?d=2026-11-24", "/desk?d=2026-01-01", "/desk/search", "/desk/intake", "/desk/house", "/desk/notices", "/desk/complaints", "/desk/reviews", "/desk/day", "/desk/day?d=2026-11-20", b.receipt}
	for _, id := range []string{b.whole, b.stored, b.nobody} {
		as = append(as, "/desk/cases/"+id)
		for _, a := range deskActs {
			as = append(as, "/desk/cases/"+id+"/"+a.name)
		}
	}
	for _, paper := range []string{"quote", "label"} {
		as = append(as, "/desk/cases/"+b.whole+"/print/"+paper)
	}
	return as
}

// TestWhatIsLookedForStandsInNoAddress: a name that was searched for is in the
// page and in no address of it.
func TestWhatIsLookedForStandsInNoAddress(t *testing.T) {
	h := newHome(t)
	desk := h.clerk("desk-0101")
	id := desk.intake()
	for _, typed := range []string{"林归舟", "lgz", "zzz"} {
		res := desk.post("/desk/search", url.Values{"q": {typed}})
		p := res.doc(t)
		if res.StatusCode != http.StatusOK || strings.Contains(string(res.body), "?q=") {
			t.Errorf("%s: status %d: %s", typed, res.StatusCode, plainText(res.body))
		}
		if found := strings.Contains(string(res.body), "/desk/cases/"+id); found != (typed != "zzz") {
			t.Errorf("%s: found %v", typed, found)
		}
		p.rules(t, Zh, false, func(string) bool { return true })
	}
	if res := desk.get("/desk/search?q=lgz"); strings.Contains(string(res.body), id) {
		t.Error("an address with a name in it is answered")
	}
	for _, f := range desk.page("/desk/search").find(func(n *html.Node) bool { return n.DataAtom == atom.Form }) {
		if attr(f, "action") == "/desk/search" && attr(f, "method") != "post" {
			t.Error("a search form sends what is typed in an address")
		}
	}
}

// TestDeskPages holds every page of the desk to the rules that all pages share,
// in both languages and type sizes.
func TestDeskPages(t *testing.T) {
	t.Parallel()
	b := newBusyHome(t)
	onlyPost := func(ref string) bool {
		return ref == "/signout" || ref == "/desk/house/shift" || strings.HasSuffix(ref, "/numbers")
	}
	seen := map[string]bool{}
	known := func(ref string) bool {
		ok, asked := seen[ref]
		if !asked {
			res := b.desk.get(ref)
			ok = onlyPost(ref) || res.StatusCode == http.StatusOK || res.StatusCode == http.StatusUnprocessableEntity && strings.Contains(ref, "/desk/cases/")
			seen[ref] = ok
		}
		return ok
	}
	for _, lang := range Langs {
		for _, elder := range []string{"0", "1"} {
			b.desk.get(fmt.Sprintf("/desk?lang=%s&elder=%s", lang, elder)) // the cookies keep it
			for _, address := range b.addresses() {
				t.Run(fmt.Sprintf("%s/elder=%s%s", lang, elder, address), func(t *testing.T) {
					res := b.desk.get(address)
					if res.StatusCode >= 500 || res.StatusCode == http.StatusNotFound {
						t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
					}
					if cc := res.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
						t.Errorf("the page may be kept: %q", cc)
					}
					res.doc(t).rules(t, lang, elder == "1", known)
				})
			}
		}
	}
}

func TestSignInPage(t *testing.T) {
	h := newHome(t)
	for _, lang := range Langs {
		for _, address := range []string{"/signin", "/signin?ended=1&next=/desk/intake"} {
			res, err := http.Get(h.server.URL + address + map[bool]string{true: "&", false: "?"}[strings.Contains(address, "?")] + "lang=" + string(lang))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			d := parse(t, body(t, res))
			d.rules(t, lang, false, func(ref string) bool {
				return strings.HasPrefix(ref, "/static/") || slices.Contains(append(sections, "/signin", "/complain"), ref)
			})
		}
	}
}

// TestVendoredFile: the one file that is not ours is the one that was looked at.
func TestVendoredFile(t *testing.T) {
	b, err := os.ReadFile("static/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != htmxSHA256 {
		t.Errorf("htmx is %s", got)
	}
}

// TestRolesAtTheDesk: who may open which page, of the own institution and of
// another one. Nobody who may not sees anything of the case.
func TestRolesAtTheDesk(t *testing.T) {
	b := newBusyHome(t)
	d := &Desk{}
	own := map[string]bool{"desk-0101": true, "furnace-0201": true, "cemetery-0301": true, "eco-0401": true, "regulator-0501": true, "admin-0601": true, "importer-0701": true}
	for _, who := range []string{"desk-0101", "desk-0901", "furnace-0201", "cemetery-0301", "eco-0401", "regulator-0501", "admin-0601", "importer-0701"} {
		c := b.clerk(who)
		role := map[string]handlers.Role{"desk": handlers.Desk, "furnace": handlers.Cremator, "cemetery": handlers.Cemetery, "eco": handlers.Eco, "regulator": handlers.Regulator, "admin": handlers.Admin, "importer": handlers.Importer}[who[:strings.IndexByte(who, '-')]]
		for _, p := range d.pages() {
			address := strings.NewReplacer("{case}", b.stored, "{act}", "hold", "{number}", "X-1", "{paper}", "label").Replace(p.at)
			about := strings.Contains(p.at, "{case}")
			op := p.op
			if p.at == "/desk/cases/{case}/{act}" {
				op = "place_hold"
			}
			rule := handlers.AccessTo(op)
			allowed := false
			for _, r := range rule.Roles {
				allowed = allowed || r == role
			}
			if p.at == "/desk/cases/{case}/{act}" { // whoever may not see a case does nothing with it
				view := false
				for _, r := range handlers.AccessTo("view_case").Roles {
					view = view || r == role
				}
				allowed = allowed && view
			}
			if about && !own[who] {
				allowed = false
			}
			var res answer
			if p.method == http.MethodGet {
				res = c.get(address)
			} else {
				res = c.post(address, nil)
			}
			forbidden := res.StatusCode == http.StatusForbidden
			if !allowed && p.at == "/desk" && (res.Header.Get("Location") == "/desk/cemeteries" || res.Header.Get("Location") == "/regulator") {
				forbidden = true // who has no board is led to the page that is there for them
			}
			if forbidden == allowed {
				t.Errorf("%s, %s %s: status %d", who, p.method, p.at, res.StatusCode)
			}
			if !allowed && strings.Contains(string(res.body), "沈一舟") {
				t.Errorf("%s sees whom the case is about on %s", who, p.at)
			}
		}
	}
	if p := b.desk.page("/desk/cases/" + b.stored); !strings.Contains(text(p.root), "desk-0901") {
		t.Error("that another home's desk asked is not told")
	}
}

// TestNobodyHasNotSignedIn: without a session there is only the way to sign in,
// which leads back to where one wanted to go, and nowhere else.
func TestNobodyHasNotSignedIn(t *testing.T) {
	b := newHome(t)
	stranger := &clerk{home: b, id: "nobody", client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for _, p := range (&Desk{}).pages() {
		address := strings.NewReplacer("{case}", "0199c3f1-77ad-7000-8000-000000000001", "{act}", "hold", "{number}", "X-1", "{paper}", "label").Replace(p.at)
		switch p.method {
		case http.MethodGet:
			if res := stranger.get(address); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/signin?next=%2Fdesk") {
				t.Errorf("GET %s: status %d to %s", p.at, res.StatusCode, res.Header.Get("Location"))
			}
		default:
			if res := stranger.post(address, nil); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("POST %s: status %d", p.at, res.StatusCode)
			}
		}
	}
	for next, want := range map[string]string{"/desk/intake": "/desk/intake", "//evil.example/desk": "/desk", "https://evil.example/desk": "/desk", "/prices": "/desk", `/desk/\evil`: "/desk", "/deskx": "/desk", "": "/desk", "/regulator/ledger?on=2026-10-01": "/regulator/ledger?on=2026-10-01", "/regulators": "/desk"} {
		if got := local(next); got != want {
			t.Errorf("local(%q) = %q, want %q", next, got, want)
		}
	}
}

// TestLanding: who signs in comes to a page that their role includes, and who is
// refused a page is led to one that refuses nobody.
func TestLanding(t *testing.T) {
	b := newHome(t)
	for who, want := range map[string]string{"desk-0101": "/desk", "furnace-0201": "/desk", "regulator-0501": "/regulator", "cemetery-0301": "/desk/cemeteries", "admin-0601": "/desk/cemeteries", "importer-0701": "/"} {
		c := b.clerk(who)
		if at := c.get("/signin?next=/desk").Header.Get("Location"); at != want {
			t.Errorf("%s comes to %q, want %q", who, at, want)
		}
		if at := c.post("/signin", url.Values{"account": {who}, "password": {password}}).Header.Get("Location"); at != want {
			t.Errorf("%s signs in and comes to %q, want %q", who, at, want)
		}
		if want != "/" {
			if res := c.get(want); res.StatusCode != http.StatusOK {
				t.Errorf("%s comes to %s: status %d", who, want, res.StatusCode)
			}
			continue
		}
		res := c.get("/desk")
		if body := string(res.body); res.StatusCode != http.StatusForbidden || !strings.Contains(body, `<a class="btn alt" href="/">`) || strings.Contains(body, `<a class="btn alt" href="/desk">`) {
			t.Errorf("%s at the board: status %d, %s", who, res.StatusCode, plainText(res.body))
		}
	}
	c := b.clerk("desk-0101")
	if s := plainText(c.get("/desk/cases/0199c3f1-77ad-7000-8000-000000000001").body); strings.Count(s, "没有找到") > 2 || !strings.Contains(s, "请核对网址或编号") {
		t.Errorf("what is not there: %s", s)
	}
}
