package web

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/projections/pricepages"
)

// The page, the notice on the wall, the sheet at the counter and every file come
// from one event, and say which.
func TestEveryFormIsOfOneEvent(t *testing.T) {
	c := newTown(t, registered, priced)
	c.settle(pricepages.Name)
	var event, who string
	var file struct {
		Version int
		Source  struct{ Event string }
		Signed  string `json:"attester"`
	}
	decode(t, get(t, c, "/prices/"+townHome+".json"), &file)
	event, who = file.Source.Event, file.Signed
	if file.Version != 2 || event == "" || who == "" {
		t.Fatalf("%+v", file)
	}
	for _, form := range []string{"", "/wall", "/counter", ".csv", ".jsonld"} {
		for _, version := range []string{"", "?version=2"} {
			b := string(body(t, get(t, c, "/prices/"+townHome+form+version)))
			if !strings.Contains(b, event) || !strings.Contains(b, who) || !strings.Contains(b, "880") {
				t.Errorf("%q does not name the event, who signed it, or its price", form+version)
			}
		}
		if b := string(body(t, get(t, c, "/prices/"+townHome+form+"?version=1"))); strings.Contains(b, event) || strings.Contains(b, "880") {
			t.Errorf("%q of version 1 names version 2", form)
		}
	}
	if b := string(body(t, get(t, c, "/.well-known/funeral-prices.txt"))); !strings.Contains(b, event) {
		t.Error("the index does not name the event")
	}
}

// Programs that were not written here read what is published: a JSON-LD
// processor, a CSV reader, and the same reader for the index.
func TestOtherProgramsReadPrices(t *testing.T) {
	c := newTown(t, registered, priced)
	c.settle(pricepages.Name)

	raw := body(t, get(t, c, "/prices/"+townHome+".jsonld"))
	var inPage []byte
	for _, n := range c.page("/prices/" + townHome).find(tag(atom.Script)) {
		inPage = []byte(n.FirstChild.Data)
	}
	for name, b := range map[string][]byte{"file": raw, "page": inPage} {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		options := ld.NewJsonLdOptions("")
		options.DocumentLoader = noDocuments{}
		expanded, err := ld.NewJsonLdProcessor().Expand(v, options)
		if err != nil || len(expanded) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		const schema = "https://schema.org/"
		list := expanded[0].(map[string]any)
		offers := list[schema+"itemListElement"].([]any)
		if list["@type"].([]any)[0] != schema+"OfferCatalog" || len(offers) != 2 {
			t.Fatalf("%s: %v", name, list)
		}
		offer := offers[0].(map[string]any)
		price := offer[schema+"priceSpecification"].([]any)[0].(map[string]any)
		value := func(k string) any { return price[schema+k].([]any)[0].(map[string]any)["@value"] }
		if offer["@type"].([]any)[0] != schema+"Offer" || value("price") != "880.00" || value("maxPrice") != "900.00" || value("priceCurrency") != "CNY" || value("validFrom") != "2026-10-01" {
			t.Errorf("%s: %v", name, offer)
		}
	}

	b, marked := bytes.CutPrefix(body(t, get(t, c, "/prices/"+townHome+".csv")), []byte("\xef\xbb\xbf"))
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || !marked || len(rows) != 3 || rows[0][0] != "code" || rows[1][0] != "CRM-STD" || rows[1][7] != "880.00" {
		t.Errorf("csv: %v %v", rows, err)
	}

	index := csv.NewReader(bytes.NewReader(body(t, get(t, c, "/.well-known/funeral-prices.txt"))))
	index.Comma, index.Comment = '\t', '#'
	lines, err := index.ReadAll()
	if err != nil || len(lines) != 3 || lines[1][0] != townHome || lines[1][3] != "2" || lines[2][2] != "REFERENCE" {
		t.Fatalf("index: %v %v", lines, err)
	}
	for _, line := range lines[1:] { // nothing in it is a dead end
		for i, at := range line[7:] {
			if r := get(t, c, at); r.StatusCode != http.StatusOK {
				t.Errorf("%s: %s: status %d", lines[0][7+i], at, r.StatusCode)
			}
		}
	}
}

// noDocuments loads nothing: whoever reads a price file asks nobody else.
type noDocuments struct{}

func (noDocuments) LoadDocument(u string) (*ld.RemoteDocument, error) {
	return nil, fmt.Errorf("the file refers to %s", u)
}

// The same basket at every home, with distance and grade beside the price; a
// home that lacks an item has no total and does not lead.
func TestCompare(t *testing.T) {
	s := exampleServer(t, sources["full"])
	rows := func(address string) []*html.Node {
		p := parse(t, body(t, get(t, s, address)))
		return p.find(func(n *html.Node) bool {
			return n.DataAtom == atom.Tr && n.Parent.DataAtom == atom.Tbody
		})
	}
	for _, n := range rows("/prices/compare") {
		if got := text(n); !strings.Contains(got, "不合计") {
			t.Errorf("a total of what is incomplete: %s", got)
		}
	}
	if plain := rows("/prices/compare?basket=plain"); !strings.Contains(text(plain[0]), "1,370") || !strings.Contains(text(plain[1]), "不合计") {
		t.Errorf("%q", text(plain[0]))
	}
	near := rows("/prices/compare?sort=near&from=210211")
	if len(near) != 2 || !strings.Contains(text(near[0]), "海晏") || !strings.Contains(text(near[0]), "同一区县") || !strings.Contains(text(near[0]), "B") || !strings.Contains(text(near[1]), "须乘船") {
		t.Errorf("%q", text(near[0]))
	}
	if far := rows("/prices/compare?sort=near&from=210224"); !strings.Contains(text(far[0]), "渔湾") {
		t.Errorf("%q", text(far[0]))
	}
	if km, water, ok := apart("210211", "210281"); !ok || water || km < 75 || km > 90 {
		t.Errorf("%d km from Ganjingzi to Wafangdian", km)
	}
}

// What the catalogue, the list and the bills say of a row stands on its line.
func TestPriceLines(t *testing.T) {
	s := exampleServer(t, sources["full"])
	for address, wants := range map[string][]string{
		"/prices/" + exampleHome:              {"馆长 闻思远（化名）（staff-0102）", "含抬运、消毒", "惠民对象 0 元", "均为 200", "412 笔", "1,000（900–1,000）", "少于 5 笔，不公布", "不提供", "须如实标明", "不办告别", "市市场监管局"},
		"/prices/" + exampleHome + "/wall":    {"馆长 闻思远（化名）（staff-0102）", "含抬运、消毒", "惠民对象 0 元", "不提供", "市市场监管局", "12315"},
		"/prices/" + exampleHome + "/counter": {"馆长 闻思远（化名）（staff-0102）", "不提供", "1,100"},
		"/prices/" + exampleHome + "/charged": {"2026 年 10 月", "412", "少于 5 笔，不公布"},
	} {
		got := text(parse(t, body(t, get(t, s, address))).root)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q", address, want)
			}
		}
	}
}
