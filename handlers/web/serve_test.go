package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/handlers"
)

func TestConditionalAndCompressed(t *testing.T) {
	s := exampleServer(t, sources["full"])
	for _, address := range []string{"/", "/prices/" + exampleHome, "/prices/" + exampleHome + ".csv", "/stats/eco-burial.json", newRenderer(t, Site{}).assets["shenzhong.css"].path} {
		t.Run(address, func(t *testing.T) {
			plain := get(t, s, address)
			if plain.StatusCode != http.StatusOK || plain.Header.Get("Content-Encoding") != "" {
				t.Fatalf("status %d, encoding %q", plain.StatusCode, plain.Header.Get("Content-Encoding"))
			}
			small := get(t, s, address, "Accept-Encoding", "br, gzip;q=0.8")
			if small.Header.Get("Content-Encoding") != "gzip" && len(body(t, plain)) > 200 {
				t.Fatal("not compressed for a client that takes gzip")
			}
			if small.Header.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(small.Body)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil || !bytes.Equal(b, body(t, get(t, s, address))) {
					t.Fatalf("compressed and plain differ (%v)", err)
				}
				if small.Header.Get("ETag") == plain.Header.Get("ETag") {
					t.Error("two representations have one strong ETag")
				}
			}
			if none := get(t, s, address, "Accept-Encoding", "gzip;q=0"); none.Header.Get("Content-Encoding") != "" {
				t.Error("compressed for a client that refuses it")
			}
			for _, tag := range []string{plain.Header.Get("ETag"), `"other", W/` + plain.Header.Get("ETag"), "*"} {
				again := get(t, s, address, "If-None-Match", tag)
				if again.StatusCode != http.StatusNotModified || len(body(t, again)) != 0 || again.Header.Get("ETag") != plain.Header.Get("ETag") {
					t.Errorf("If-None-Match %s: status %d, ETag %s", tag, again.StatusCode, again.Header.Get("ETag"))
				}
			}
			if again := get(t, s, address, "If-None-Match", `"other"`); again.StatusCode != http.StatusOK {
				t.Errorf("another tag: status %d", again.StatusCode)
			}
			if !strings.Contains(plain.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("Vary: %q", plain.Header.Get("Vary"))
			}
			head := httptest.NewRecorder()
			s.ServeHTTP(head, httptest.NewRequest(http.MethodHead, address, nil))
			if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != plain.Header.Get("ETag") {
				t.Errorf("HEAD: status %d, %d bytes, ETag %s", head.Code, head.Body.Len(), head.Header().Get("ETag"))
			}
		})
	}
}

func TestStaticFilesKeep(t *testing.T) {
	s := exampleServer(t, sources["full"])
	css := newRenderer(t, Site{}).assets["shenzhong.css"].path
	if got := get(t, s, css).Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control %q", got)
	}
	// A page rendered by an earlier program names an earlier hash.
	old := get(t, s, "/static/shenzhong.000000000000.css")
	if old.StatusCode != http.StatusOK || old.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("an earlier hash: status %d, Cache-Control %q", old.StatusCode, old.Header.Get("Cache-Control"))
	}
	if r := get(t, s, "/static/secret.css"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is not there: status %d", r.StatusCode)
	}
}

func TestViewIsRemembered(t *testing.T) {
	s := exampleServer(t, sources["full"])
	english := regexp.MustCompile(`<html lang="en"`)
	for _, tc := range []struct {
		name, address, cookie, accept string
		english, elder                bool
		cookies                       []string
	}{
		{name: "default", address: "/"},
		{name: "accept", address: "/", accept: "en-GB,en;q=0.9", english: true},
		{name: "accept Chinese first", address: "/", accept: "zh-TW,en;q=0.5"},
		{name: "accept neither", address: "/", accept: "fr"},
		{name: "cookie before accept", address: "/", cookie: "lang=zh", accept: "en"},
		{name: "query before cookie", address: "/?lang=en", cookie: "lang=zh", english: true, cookies: []string{"lang=en"}},
		{name: "ahead", address: "/prices/" + exampleHome + "?lang=en&elder=1", english: true, elder: true, cookies: []string{"lang=en", "elder=1"}},
		{name: "elder off", address: "/prices?elder=0", cookie: "elder=1", cookies: []string{"elder=0"}},
		{name: "elder kept", address: "/credit", cookie: "elder=1", elder: true},
		{name: "nonsense", address: "/?lang=xx&elder=9"},
		{name: "problem", address: "/nowhere?lang=en", english: true, cookies: []string{"lang=en"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := get(t, s, tc.address, "Cookie", tc.cookie, "Accept-Language", tc.accept)
			var cookies []string
			for _, c := range r.Cookies() {
				cookies = append(cookies, c.Name+"="+c.Value)
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge < 1 {
					t.Errorf("cookie %v", c)
				}
			}
			if diff := cmp.Diff(tc.cookies, cookies); diff != "" {
				t.Errorf("cookies (-want +got):\n%s", diff)
			}
			b := body(t, r)
			if english.Match(b) != tc.english || bytes.Contains(b, []byte("data-elder")) != tc.elder {
				t.Errorf("english %t, elder %t", english.Match(b), bytes.Contains(b, []byte("data-elder")))
			}
		})
	}
}

func TestSwitchingKeepsTheQuestion(t *testing.T) {
	s := exampleServer(t, sources["full"])
	b := string(body(t, get(t, s, "/stats/eco-burial?period=2026-11&lang=zh&other=1")))
	if !strings.Contains(b, `href="?elder=1&amp;period=2026-11"`) || !strings.Contains(b, `href="?lang=en&amp;period=2026-11"`) {
		t.Error("the links to other views do not keep the period, or keep more")
	}
}

func TestAddressesThatProgramsAskFor(t *testing.T) {
	s := exampleServer(t, sources["bare"])
	icon := get(t, s, "/favicon.ico")
	if icon.StatusCode != http.StatusFound || get(t, s, icon.Header.Get("Location")).StatusCode != http.StatusOK {
		t.Errorf("favicon: %d to %q", icon.StatusCode, icon.Header.Get("Location"))
	}
	robots := string(body(t, get(t, s, "/robots.txt")))
	for _, want := range []string{"Disallow: /api\n", "Disallow: /track\n", "Allow: /\n"} {
		if !strings.Contains(robots, want) {
			t.Errorf("no %q in %q", want, robots)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := exampleServer(t, sources["full"])
	for _, address := range addresses() {
		h := get(t, s, address).Header
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" {
			t.Errorf("%s: %v", address, h)
		}
	}
}

func TestFilesForMachines(t *testing.T) {
	s := exampleServer(t, sources["full"])

	var eco ecoFile
	decode(t, get(t, s, "/stats/eco-burial.json"), &eco)
	if eco.Definition != "dl-eco-2026.1" || eco.Interments != 1872 || eco.Strict != 145 || len(eco.Trend) != 12 || eco.AsOf.Position != 412806 {
		t.Errorf("eco: %+v", eco)
	}
	for _, d := range eco.Districts {
		if d.Division == "210224" && (d.Strict != nil || d.Interments != nil && *d.Interments < leastShown) {
			t.Errorf("a number about fewer than %d: %+v", leastShown, d)
		}
	}

	lines := strings.Split(strings.TrimSpace(string(body(t, get(t, s, "/stats/eco-burial.csv")))), "\n")
	if !strings.HasPrefix(lines[0], "\ufeffby,code,name_zh,period,interments") || lines[1] != "city,210200,大连市,2026-10,1872,145,879,8076000,dl-eco-2026.1,412806" {
		t.Errorf("csv: %q", lines[:2])
	}

	var credit map[string]any
	decode(t, get(t, s, "/credit/"+exampleHome+".json?on=2026-09-20"), &credit)
	if credit["grade"] != "B" || credit["on"] != "2026-09-20" {
		t.Errorf("credit: %v", credit)
	}
	for _, secret := range []string{"score", "base", "deductions"} {
		if _, ok := credit[secret]; ok {
			t.Errorf("the public file tells %q", secret)
		}
	}

	for _, tc := range []struct {
		address string
		status  int
	}{
		{"/stats/eco-burial.json?period=2026-13", 422}, {"/stats/eco-burial.csv?period=x", 422}, {"/stats/eco-burial.json?period=9999", 422}, {"/stats/eco-burial.json?period=0001-01", 422}, {"/credit/" + exampleHome + ".json?on=2026-02-30", 422},
		{"/credit/nobody.json", 404}, {"/prices/nobody.json", 404},
	} {
		r := get(t, s, tc.address)
		if r.StatusCode != tc.status || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, %s", tc.address, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
	if r := get(t, s, "/stats/eco-burial?period=x"); r.StatusCode != 422 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a wrong period on the page: status %d, %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
}

func decode(t *testing.T, r *http.Response, v any) {
	t.Helper()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, body(t, r))
	}
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// broken is a source whose read model cannot be reached.
type broken struct{ full }

func (broken) Eco(context.Context, EcoQuery) (Eco, error) {
	return Eco{}, errors.New("disk I/O error in /var/lib/shenzhong/ecoratio.v1.db")
}

func TestFailuresTellNothingInternal(t *testing.T) {
	s := exampleServer(t, func(r *Renderer) Source { return broken{full{r: r}} })
	for _, address := range []string{"/stats/eco-burial", "/stats/eco-burial?lang=en", "/stats/eco-burial.json"} {
		r := get(t, s, address)
		b := body(t, r)
		if r.StatusCode != http.StatusInternalServerError || bytes.Contains(b, []byte("ecoratio")) || !bytes.Contains(b, []byte(r.Header.Get("X-Request-Id"))) {
			t.Errorf("%s: status %d: %s", address, r.StatusCode, b)
		}
		if !strings.HasSuffix(address, ".json") {
			p := parse(t, b)
			lang := Zh
			if strings.Contains(address, "lang=en") {
				lang = En
			}
			p.rules(t, lang, false, func(string) bool { return true })
		}
		if r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: a failure may be kept: %q", address, r.Header.Get("Cache-Control"))
		}
	}
}

// TestRefusalPage: a rule's "no" names the rule and its document.
func TestRefusalPage(t *testing.T) {
	h := New(newRenderer(t, Site{}), full{})
	no := domain.Reject("price_above_ceiling", "录入 10,600 元，最高价是 150 元。", "10,600 yuan was entered; at most 150 may be charged.").Under("I16", "发改价格〔2026〕108号")
	for lang, want := range map[string][]string{"zh": {"录入 10,600 元", "I16", "发改价格〔2026〕108号", "422 price_above_ceiling"}, "en": {"10,600 yuan", "I16"}} {
		w := httptest.NewRecorder()
		h.Problem(w, httptest.NewRequest(http.MethodGet, "/?lang="+lang, nil), handlers.ProblemOf(no, lang))
		p := parse(t, w.Body.Bytes())
		for _, s := range want {
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(text(p.root), s) {
				t.Errorf("%s: status %d, %q is missing", lang, w.Code, s)
			}
		}
		p.rules(t, Lang(lang), false, func(string) bool { return true })
	}
}

func TestPublicCreditPageHasNoScore(t *testing.T) {
	s := exampleServer(t, sources["full"])
	for _, lang := range Langs {
		if p := parse(t, body(t, get(t, s, "/credit/"+exampleHome, "Cookie", "lang="+string(lang)))); strings.Contains(text(p.root), "76") {
			t.Error("the score is on the public page")
		}
	}
}

func TestPriceTexts(t *testing.T) {
	r := newRenderer(t, Site{})
	for _, tc := range []struct {
		row   PriceRow
		price string
		limit string
	}{
		{PriceRow{Method: "GOV_GUIDED_BASIC", Price: 200_00, Max: 250_00}, "200", "最高 250"},
		{PriceRow{Method: "REFERENCE_RANGE", Price: 600_00, Min: 600_00, Max: 1000_00}, "600", "参考区间 600–1,000"},
		{PriceRow{Method: "REFERENCE_RANGE", Min: 600_00, Max: 1000_00}, "600–1,000", ""},
		{PriceRow{Method: "MARKET", Price: 2000_00, Min: 2000_00, Max: 5000_00}, "2,000–5,000", ""},
		{PriceRow{Method: "MARKUP_CAPPED", Max: 101_40}, "—", "最高 101.40"},
		{PriceRow{Method: "FREE"}, "0", "不收费"},
		{PriceRow{Method: "GOV_FIXED", Price: 3_50}, "3.50", ""},
	} {
		limit, err := limitText(r.texts[Zh], tc.row)
		if got := priceText(tc.row); err != nil || got != tc.price || limit != tc.limit {
			t.Errorf("%+v: %q, %q, %v", tc.row, got, limit, err)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tc := range []struct {
		part, whole int
		want        string
	}{{145, 1872, "7.7%"}, {879, 1872, "47.0%"}, {0, 12, "0.0%"}, {0, 0, "—"}, {1, 1, "100.0%"}, {1, 2000, "0.1%"}, {1, 2001, "0.0%"}} {
		if got := percent(tc.part, tc.whole); got != tc.want {
			t.Errorf("percent(%d, %d) = %s, want %s", tc.part, tc.whole, got, tc.want)
		}
	}
}

func TestTooFew(t *testing.T) {
	for _, tc := range []struct {
		cells []int
		want  []bool
	}{
		{[]int{0, 4, 20, 9}, []bool{false, true, false, true}}, // the 9 goes too, or the 4 could be worked out
		{[]int{3, 4, 20}, []bool{true, true, false}},
		{[]int{0, 5, 20}, []bool{false, false, false}},
		{[]int{2, 0}, []bool{true, true}},
		{nil, []bool{}},
	} {
		if diff := cmp.Diff(tc.want, tooFew(tc.cells)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.cells, diff)
		}
	}
}

func TestTrendBreaksWhereThereIsNothing(t *testing.T) {
	m := newRenderer(t, Site{}).texts[Zh]
	c, err := drawTrend(m, []EcoPoint{{Period: "2026-01", EcoCount: EcoCount{10, 1, 5}}, {Period: "2026-02"}, {Period: "2026-03", EcoCount: EcoCount{10, 2, 6}}, {Period: "2026-04", EcoCount: EcoCount{10, 0, 10}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(c.Strict.Path, "M"); got != 2 || len(c.Strict.Points) != 3 {
		t.Errorf("path %q with %d points: want two pieces, three points", c.Strict.Path, len(c.Strict.Points))
	}
	if top := c.Grid[len(c.Grid)-1].Text; top != "100%" {
		t.Errorf("the axis ends at %s", top)
	}
}

// TestFiguresStandClear: the figures at the end of the lines do not lie on them.
func TestFiguresStandClear(t *testing.T) {
	m := newRenderer(t, Site{}).texts[Zh]
	for _, shares := range [][2]int{{4, 47}, {30, 85}, {1, 2}, {99, 100}, {50, 51}, {0, 100}} {
		var ps []EcoPoint
		for i := range 12 {
			wave := i % 3
			ps = append(ps, EcoPoint{Period: domain.Date("2026-01-01").AddMonths(i).Month(), EcoCount: EcoCount{100, max(shares[0]-wave, 0), max(shares[1]-wave, 0)}})
		}
		c, err := drawTrend(m, ps)
		if err != nil {
			t.Fatal(err)
		}
		if gap := atof(c.Strict.TextY) - atof(c.Broad.TextY); gap < 14 {
			t.Errorf("%v: the figures are %.1f apart", shares, gap)
		}
		for _, s := range []chartSeries{c.Strict, c.Broad} {
			y := atof(s.TextY)
			if y < 11 || y > c.Base+17 {
				t.Errorf("%v: a figure at height %s is off the chart", shares, s.TextY)
			}
			for _, p := range s.Points[7:] {
				if at := atof(p.Y); at > y-10 && at < y+2 {
					t.Errorf("%v: a figure at height %s lies on its line at %s", shares, s.TextY, p.Y)
				}
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	a, b := newRenderer(t, Site{}), newRenderer(t, Site{Demo: true})
	again, err := NewRenderer(Site{}) // not the one that is shared
	if err != nil {
		t.Fatal(err)
	}
	if a.Fingerprint() == b.Fingerprint() || a.Fingerprint() != again.Fingerprint() {
		t.Error("the fingerprint does not follow what is rendered")
	}
}

// TestSpreadsheetCell: no name becomes a formula.
func TestSpreadsheetCell(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "-2": "'-2", "@a": "'@a", "大连": "大连", "": ""} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q", in, got)
		}
	}
}
