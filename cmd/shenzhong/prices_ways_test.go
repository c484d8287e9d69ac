package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"context"
	"encoding/json"
	"github.com/google/uuid"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/handlers/api"
	"shenzhong/projections"
	"shenzhong/projections/pricepages"
)

const pricedHome = "12210200422000019F"

// A pricedCity has a catalogue and one list in force; with two, the second is to
// come, and the files are those that are published.
type pricedCity struct {
	*testing.T
	app    *handlers.App
	server http.Handler
	token  string
	now    time.Time
	models *projections.Runner
}

func newPricedCity(t *testing.T, lists int) *pricedCity {
	c := &pricedCity{T: t, now: time.Now()}
	today := domain.DateOf(c.now)
	store, keys := memory.New(), events.NewMemoryKeys()
	registry := projections.Registry(keys)
	c.app = handlers.NewApp(store, registry, keys, []byte("the key of a test"))
	c.app.Now = func() time.Time { return c.now }
	account, token := handlers.Issue(handlers.Account{ID: "importer-1", Institution: handlers.Everywhere, Roles: []handlers.Role{handlers.Importer}})
	accounts, err := handlers.NewAccounts(account)
	if err != nil {
		t.Fatal(err)
	}
	c.token = token
	c.server = handlers.New(handlers.Config{Accounts: accounts, API: api.New(c.app, 1000), Log: slog.New(slog.DiscardHandler)})
	act := func() domain.Act { return domain.Act{ID: uuid.New(), By: "importer-1", Now: c.now, At: c.now} }
	must := func(_ events.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.app.RegisterInstitution(t.Context(), institution.Register{Act: act(), Registered: institution.Registered{CreditCode: pricedHome, NameZh: "海晏殡仪馆（演示）",
		Kind: institution.FuneralHome, Division: "210211", Operator: institution.Government, RegisteredOn: "2020-01-01", Fictitious: true}}))
	must(c.app.AdoptCatalogue(t.Context(), "210200", pricing.Adopt{Act: act(), Document: "演示目录", EffectiveFrom: today.AddDays(-200), Items: []pricing.Item{
		{Code: "CRM-FLAT", NameZh: "火化", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "元/具", PriceMax: domain.Yuan(900), RequiredOf: "FUNERAL_HOME"},
		{Code: "TRN-STD", NameZh: "接运", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具", PriceMax: domain.Yuan(200), RequiredOf: "FUNERAL_HOME"}}}))
	must(c.app.PublishPriceList(t.Context(), handlers.PublishPriceList{Key: pricedHome, Publish: newWay(today.AddDays(-50)).publish(act())}))
	if lists == 1 {
		return c
	}
	second := newWay(today.AddDays(8))
	second.prices["CRM-FLAT"], second.total = domain.Yuan(880), domain.Yuan(1080)
	must(c.app.PublishPriceList(t.Context(), handlers.PublishPriceList{Key: pricedHome, Publish: second.publish(act())}))

	if c.models, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: store, Registry: registry, Projections: []projections.Projection{pricepages.Projection{}}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.models.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	if err := c.models.WaitCaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// A way is a list before it is written down in one of the ways.
type way struct {
	from   domain.Date
	codes  []string
	prices map[string]domain.Money
	total  domain.Money
}

func newWay(from domain.Date) *way {
	return &way{from, []string{"CRM-FLAT", "TRN-STD"}, map[string]domain.Money{"CRM-FLAT": domain.Yuan(900), "TRN-STD": domain.Yuan(200)}, domain.Yuan(1100)}
}

var wayRows = map[string]pricing.Row{
	"CRM-FLAT": {Code: "CRM-FLAT", NameZh: "火化", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "元/具"},
	"TRN-STD":  {Code: "TRN-STD", NameZh: "接运", Category: pricing.Transport, PricingType: pricing.GovGuidedBasic, Unit: "元/具"},
}

func (w *way) publish(act domain.Act) pricing.Publish {
	p := pricing.Publish{Act: act, EffectiveFrom: w.from, InstitutionName: "海晏殡仪馆（演示）", Division: "210211"}
	t := pricing.Total{NameZh: "一套", Amount: w.total}
	for _, code := range w.codes {
		r := wayRows[code]
		r.Price = w.prices[code]
		p.Rows = append(p.Rows, r)
		t.Items = append(t.Items, pricing.TotalItem{Code: code, Quantity: 1})
	}
	p.Totals = []pricing.Total{t}
	return p
}

// text is the list as JSON, under the names that the import and the API give its
// parts.
func (w *way) text(t *testing.T, institution, date, rows string, more map[string]any) []byte {
	p := w.publish(domain.Act{})
	o := map[string]any{institution: p.InstitutionName, date: p.EffectiveFrom, "division": p.Division, rows: p.Rows, "totals": p.Totals}
	for k, v := range more {
		o[k] = v
	}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// imported is what the import says of the list.
func (c *pricedCity) imported(w *way) []string {
	src := &source{name: "list.json", data: w.text(c.T, "institution", "date", "items", map[string]any{"credit_code": pricedHome})}
	l := src.priceList(c.now)
	cmd := l.cmd
	if err := c.app.PriceListFacts(c.Context(), l.key, &cmd); err != nil {
		c.Fatal(err)
	}
	if err := check(c.Context(), c.app.PriceLists, []planned[pricing.PriceListCommand]{{l.key, src.name, cmd, l.refuse}}); err != nil {
		c.Fatal(err)
	}
	var codes []string
	for _, f := range src.bad {
		said := f.text("zh")
		if i := strings.LastIndexByte(said, '['); i >= 0 {
			codes = append(codes, strings.TrimSuffix(said[i+1:], "]"))
		} else {
			codes = append(codes, said)
		}
	}
	return codes
}

// posted is what the API says of the list.
func (c *pricedCity) posted(w *way) []string {
	r := httptest.NewRequest("POST", "/api/v1/price-lists/"+pricedHome, bytes.NewReader(w.text(c.T, "institution_name", "effective_from", "rows", nil)))
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", uuid.NewString())
	rec := httptest.NewRecorder()
	c.server.ServeHTTP(rec, r)
	if rec.Code < 300 {
		return nil
	}
	var p handlers.Problem
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		c.Fatal(rec.Body)
	}
	return []string{p.Code}
}

// file is what is published of the second list.
func (c *pricedCity) file(f pricepages.Format) []byte {
	got, err := pricepages.Reader{DB: c.models.Read(pricepages.Name)}.VersionFile(c.Context(), pricedHome, 2, f, "")
	if err != nil {
		c.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(got.Gzip))
	if err != nil {
		c.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		c.Fatal(err)
	}
	return b
}

// asJSON is the published file as somebody would have altered it.
func (c *pricedCity) asJSON(w *way) []byte {
	var o map[string]any
	if err := json.Unmarshal(c.file(pricepages.JSON), &o); err != nil {
		c.Fatal(err)
	}
	o["effective_from"] = w.from
	var rows []any
	for _, r := range o["rows"].([]any) {
		row := r.(map[string]any)
		if code := row["code"].(string); slices.Contains(w.codes, code) {
			row["price_fen"] = w.prices[code]
			rows = append(rows, row)
		}
	}
	o["rows"], o["row_count"], o["totals"] = rows, len(rows), w.publish(domain.Act{}).Totals
	b, err := json.Marshal(o)
	if err != nil {
		c.Fatal(err)
	}
	return b
}

func (c *pricedCity) asCSV(w *way) []byte {
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(c.file(pricepages.CSV), []byte("\ufeff")))).ReadAll()
	if err != nil {
		c.Fatal(err)
	}
	at := map[string]int{}
	for i, h := range rows[0] {
		at[h] = i
	}
	out := rows[:1]
	for _, row := range rows[1:] {
		price := w.total
		if code := row[at["code"]]; code != "" {
			if !slices.Contains(w.codes, code) {
				continue
			}
			price = w.prices[code]
		} else {
			var of []string
			for _, code := range w.codes {
				of = append(of, code+"*1")
			}
			row[at["total_of"]] = strings.Join(of, " ")
		}
		row[at["effective_from"]], row[at["price_fen"]], row[at["price_yuan"]] = string(w.from), fmt.Sprint(int64(price)), fmt.Sprintf("%d.%02d", price/100, price%100)
		out = append(out, row)
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(out); err != nil {
		c.Fatal(err)
	}
	return b.Bytes()
}

// checked is what the validator says of a file, run as a journalist would.
func (c *pricedCity) checked(name string, b []byte) []string {
	dir := c.TempDir()
	cs, err := pricepages.Reader{DB: c.models.Read(pricepages.Name)}.Catalogues(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	catalogues, err := json.Marshal(map[string]any{"catalogues": cs})
	if err != nil {
		c.Fatal(err)
	}
	v := verifyCmd{File: filepath.Join(dir, name), Catalogue: filepath.Join(dir, "catalogue.json")}
	if err := errors.Join(os.WriteFile(v.File, b, 0o600), os.WriteFile(v.Catalogue, catalogues, 0o600)); err != nil {
		c.Fatal(err)
	}
	var out bytes.Buffer
	err = v.Run(c.Context(), &console{lang: "zh", out: &out, err: &out})
	var codes []string
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); strings.HasSuffix(line, "]") {
			codes = append(codes, line[strings.LastIndexByte(line, '[')+1:len(line)-1])
		}
	}
	if f := new(failure); (len(codes) > 0) != (errors.As(err, &f) && f.code == exitDiffers) {
		c.Errorf("%v with %q", err, codes)
	}
	return codes
}

// What a list must not be is refused by import, by the API and by whoever checks
// the published file, under the same code each.
func TestOneCodeInEveryWay(t *testing.T) {
	c, desk := newPricedCity(t, 2), newPricedCity(t, 1)
	today := domain.DateOf(c.now)
	for _, tc := range []struct {
		name, code string
		edit       func(*way)
	}{
		{"one row above its ceiling", "price_above_catalogue", func(w *way) { w.prices["CRM-FLAT"], w.total = domain.Yuan(901), domain.Yuan(1101) }},
		{"a fixed row is missing", "required_row_missing", func(w *way) { w.codes, w.total = w.codes[:1], domain.Yuan(900) }},
		{"a wrong total", "total_wrong", func(w *way) { w.total = domain.Yuan(1000) }},
		{"a past date", "price_list_backdated", func(w *way) { w.from = today.AddDays(-1) }},
		{"nothing is wrong", "", func(w *way) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, desk := *c, *desk
			c.T, desk.T = t, t
			w := newWay(today.AddDays(8))
			tc.edit(w)
			var want []string
			if tc.code != "" {
				want = []string{tc.code}
			}
			for by, got := range map[string][]string{"import": desk.imported(w), "API": desk.posted(w), "validator, JSON": c.checked("prices.json", c.asJSON(w)), "validator, CSV": c.checked("prices.csv", c.asCSV(w))} {
				if !slices.Equal(got, want) {
					t.Errorf("%s says %q, want %q", by, got, want)
				}
			}
		})
	}
	t.Run("the files as they are published", func(t *testing.T) {
		c := *c
		c.T = t
		for name, f := range map[string]pricepages.Format{"prices.json": pricepages.JSON, "prices.csv": pricepages.CSV} {
			if got := c.checked(name, c.file(f)); got != nil {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
	t.Run("an amount that was changed in one column", func(t *testing.T) {
		c := *c
		c.T = t
		b := bytes.Replace(c.file(pricepages.CSV), []byte("880.00"), []byte("780.00"), 1)
		if got := c.checked("prices.csv", b); !slices.Equal(got, []string{"amounts_differ"}) {
			t.Errorf("%q", got)
		}
	})
}
