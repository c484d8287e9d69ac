package pricing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/pricing"
)

var (
	list = domaintest.For(PriceList)

	rows = []Row{
		{Code: "CRM-FLAT", NameZh: "遗体火化（平板炉）", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具", Price: domain.Yuan(900)},
		{Code: "ASH-STD", NameZh: "骨灰寄存", Category: AshStorage, PricingType: GovGuidedBasic, Unit: "元/格·年", Price: domain.Yuan(150)},
		{Code: "URN-STD", NameZh: "骨灰盒", Category: Goods, PricingType: MarkupCapped, Unit: "元/只", Price: domain.Yuan(390), Cost: domain.Yuan(300), MarkupPercent: 30},
		{Code: "WRE-FREE", NameZh: "绢花花圈", Category: Goods, PricingType: Free, Unit: "个"},
	}
	publish = Publish{
		Act: by, EffectiveFrom: "2026-10-01", InstitutionName: "海晏殡仪馆（演示）", City: "大连市", Division: "210211",
		FacilityKind: "FUNERAL_HOME", Attester: "staff-0001", Rows: rows,
	}
	published = Published{
		Version: 1, EffectiveFrom: "2026-10-01", Precision: ToDay, InstitutionName: "海晏殡仪馆（演示）", City: "大连市", Division: "210211",
		FacilityKind: "FUNERAL_HOME", Attester: "staff-0001", Rows: rows,
	}
)

// at is the published list with another version and date.
func at(version int, from domain.Date) Published {
	return with(published, func(p *Published) { p.Version, p.EffectiveFrom = version, from })
}

func TestPublish(t *testing.T) {
	t.Run("a list's version follows from the one before", func(t *testing.T) {
		list.Given(t).When(publish).Then(published)
		list.Given(t, published).When(with(publish, func(c *Publish) { c.EffectiveFrom = "2027-01-01" })).Then(at(2, "2027-01-01"))
	})
	t.Run("the same list again is no news, whoever sends it", func(t *testing.T) {
		list.Given(t, published).When(with(publish, func(c *Publish) { c.Attester = "staff-0002" })).Then()
	})
	t.Run("a file imported again is no news even after its successor", func(t *testing.T) {
		list.Given(t, published, at(2, "2027-01-01")).When(publish).Then()
	})
	t.Run("a list dated in the past of its own predecessor is refused", func(t *testing.T) {
		list.Given(t, published).When(with(publish, func(c *Publish) { c.EffectiveFrom = "2026-09-30" })).Rejects(ErrPredates)
	})
	t.Run("a correction may begin on the same day, and be taken back", func(t *testing.T) {
		dearer := with(published, func(p *Published) { p.Version, p.Basis, p.LateReason = 2, "更正", "印错了" })
		list.Given(t, published).When(with(publish, func(c *Publish) { c.Basis, c.LateReason = "更正", "印错了" })).Then(dearer)
		list.Given(t, published, dearer).When(with(publish, func(c *Publish) { c.LateReason = "更正有误" })).Then(with(at(3, "2026-10-01"), func(p *Published) { p.LateReason = "更正有误" }))
	})
	t.Run("a list in force is replaced back in time with a reason only", func(t *testing.T) {
		today := domain.DateOf(by.Now)
		c := with(publish, func(c *Publish) { c.EffectiveFrom = today.AddDays(-1) })
		list.Given(t, published).When(c).Rejects(ErrBackdated)
		list.Given(t).When(c).Then(at(1, c.EffectiveFrom))
		list.Given(t, published).When(with(c, func(c *Publish) { c.LateReason = "补录" })).Then(with(at(2, c.EffectiveFrom), func(p *Published) { p.LateReason = "补录" }))
		list.Given(t, published).When(with(c, func(c *Publish) { c.EffectiveFrom = today })).Then(at(2, today))
		list.Given(t, published).When(with(c, func(c *Publish) { c.EffectiveFrom, c.LateReason = today, "补录" })).Then(with(at(2, today), func(p *Published) { p.LateReason = "补录" }))
	})
	t.Run("a list is published a year ahead and no further", func(t *testing.T) {
		last := domain.DateOf(by.Now).AddDays(366)
		list.Given(t, published).When(with(publish, func(c *Publish) { c.EffectiveFrom = last })).Then(at(2, last))
		for _, far := range []domain.Date{last.AddDays(1), "9999-12-31"} {
			list.Given(t).When(with(publish, func(c *Publish) { c.EffectiveFrom = far })).Rejects(ErrFarAhead)
		}
		catalogue.Given(t).When(with(Adopt{by, adopted.Document, adopted.EffectiveFrom, items}, func(c *Adopt) { c.EffectiveFrom = last.AddDays(1) })).Rejects(ErrFarAhead)
	})
	t.Run("what stands on a list can be read", func(t *testing.T) {
		for _, bad := range []string{"\u200b", "a\u0000b", "\u202eabc", "a\nb"} {
			list.Given(t).When(with(publish, func(c *Publish) { c.InstitutionName = bad })).Rejects(domain.ErrText)
			list.Given(t).When(with(publish, func(c *Publish) {
				c.Rows = slices.Clone(rows)
				c.Rows[1].NameZh = bad
			})).Rejects(ErrPriceList)
			list.Given(t).When(with(publish, func(c *Publish) {
				c.Rows = slices.Clone(rows)
				c.Rows[1].Note = bad
			})).Rejects(ErrPriceList)
		}
	})
	t.Run("a list known only to the year begins on 1 January", func(t *testing.T) {
		c := with(publish, func(c *Publish) { c.EffectiveFrom, c.Precision = "2008-01-01", ToYear })
		list.Given(t).When(c).Then(with(at(1, "2008-01-01"), func(p *Published) { p.Precision = ToYear }))
		list.Given(t).When(with(c, func(c *Publish) { c.EffectiveFrom = "2008-05-04" })).Rejects(ErrPrecision)
		list.Given(t).When(with(c, func(c *Publish) { c.Precision = "month" })).Rejects(ErrPrecision)
	})
	t.Run("a list has a name, a division, a date and rows", func(t *testing.T) {
		list.Given(t).When(with(publish, func(c *Publish) { c.InstitutionName = "" })).Rejects(ErrHeading)
		list.Given(t).When(with(publish, func(c *Publish) { c.Division = "大连" })).Rejects(domain.ErrDivision)
		list.Given(t).When(with(publish, func(c *Publish) { c.EffectiveFrom = "" })).Rejects(domain.Reject("date_invalid", "", ""))
		list.Given(t).When(with(publish, func(c *Publish) { c.Rows = nil })).Rejects(ErrEmpty)
		list.Given(t).When(with(publish, func(c *Publish) { c.Rows = make([]Row, 1001) })).Rejects(ErrTooLong)
	})
	t.Run("a time from the future is refused", func(t *testing.T) {
		list.Given(t).When(with(publish, func(c *Publish) { c.At = c.Now.Add(1) })).Rejects(domain.ErrFuture)
	})
	t.Run("the list is not the caller's slice", func(t *testing.T) {
		c := with(publish, func(c *Publish) { c.Rows = slices.Clone(rows) })
		es, err := PriceList.Decide(PriceListState{}, c)
		if err != nil {
			t.Fatal(err)
		}
		c.Rows[0].Price = 1
		if es[0].(Published).Rows[0].Price != domain.Yuan(900) {
			t.Error("the event changed with the command")
		}
	})
}

func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		row   int
		edit  func(*Row)
		field string
	}{
		"a row has a code":                               {0, func(r *Row) { r.Code = "" }, "code"},
		"a code stands once on a list":                   {1, func(r *Row) { r.Code = "CRM-FLAT" }, "code"},
		"a row has a name":                               {0, func(r *Row) { r.NameZh = "" }, "name_zh"},
		"a row is of a known category":                   {0, func(r *Row) { r.Category = "TEA" }, "category"},
		"a row has a known pricing type":                 {0, func(r *Row) { r.PricingType = "WHATEVER" }, "pricing_type"},
		"a row has a unit":                               {0, func(r *Row) { r.Unit = "" }, "unit"},
		"a price is not negative":                        {0, func(r *Row) { r.Price = -1 }, "price_fen"},
		"a minimum is not negative":                      {0, func(r *Row) { r.PriceMin = -1 }, "price_min_fen"},
		"a price is one that anybody could mean":         {0, func(r *Row) { r.Price = 1 << 60 }, "price_fen"},
		"the minimum is not above the maximum":           {0, func(r *Row) { r.PriceMin, r.PriceMax = domain.Yuan(1000), domain.Yuan(800) }, "price_min_fen"},
		"a price is not above the maximum":               {0, func(r *Row) { r.PriceMax = domain.Yuan(800) }, "price_fen"},
		"a price is not below the minimum":               {0, func(r *Row) { r.PriceMin, r.PriceMax = domain.Yuan(950), domain.Yuan(1000) }, "price_fen"},
		"a price is not below a lone minimum either":     {0, func(r *Row) { r.PriceMin = domain.Yuan(950) }, "price_fen"},
		"a government price is stated":                   {0, func(r *Row) { r.Price, r.PriceMin, r.PriceMax = 0, 1, 2 }, "price_fen"},
		"a market price is stated, as price or as range": {0, func(r *Row) { r.PricingType, r.Price = Market, 0 }, "price_fen"},
		"what is free costs nothing":                     {3, func(r *Row) { r.Price = 1 }, "price_fen"},
		"what is free has no range":                      {3, func(r *Row) { r.PriceMax = 1 }, "price_max_fen"},
		"goods stay within cost and markup rate":         {2, func(r *Row) { r.Price = domain.Yuan(391) }, "price_fen"},
		"goods stay within cost and markup amount":       {2, func(r *Row) { r.MarkupPercent, r.Markup = 0, domain.Yuan(50) }, "price_fen"},
		"a range of goods stays within it too":           {2, func(r *Row) { r.PriceMax = domain.Yuan(400) }, "price_fen"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := slices.Clone(rows)
			c.edit(&bad[c.row])
			cmd := with(publish, func(p *Publish) { p.Rows = bad })
			list.Given(t).When(cmd).Rejects(ErrPriceList)
			_, err := PriceList.Decide(PriceListState{}, cmd)
			wantProblems(t, err, fmt.Sprint(c.row, " ", c.field))
		})
	}
	t.Run("every bad row is named, with its line, field and reason, in both languages", func(t *testing.T) {
		bad := slices.Clone(rows)
		bad[0].Price, bad[1].Unit = -100, ""
		_, err := PriceList.Decide(PriceListState{}, with(publish, func(p *Publish) { p.Rows = bad }))
		wantProblems(t, err, "0 price_fen", "1 unit")
		var rj *domain.Rejection
		if !errors.As(err, &rj) || rj.Code != "price_list_invalid" || !strings.Contains(rj.Text("zh"), "2 处") {
			t.Error(rj)
		}
		for _, want := range []string{"row 1 (CRM-FLAT) price_fen: it is negative", "row 2 (ASH-STD) unit: there is no unit"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %s", want, err)
			}
		}
	})
	t.Run("a range without a price is a price for what is not government-priced", func(t *testing.T) {
		r := Row{Code: "GRM-STD", NameZh: "整容", Category: Grooming, PricingType: ReferenceRange, Unit: "元/具", PriceMin: 2000, PriceMax: 60000}
		es, err := PriceList.Decide(PriceListState{}, with(publish, func(p *Publish) { p.Rows = []Row{r} }))
		if err != nil || len(es) != 1 {
			t.Error(err)
		}
	})
}

func TestPublishUnderACatalogue(t *testing.T) {
	under := with(publish, func(c *Publish) { c.Catalogue = &adopted })
	t.Run("a list within the catalogue names the catalogue's version", func(t *testing.T) {
		list.Given(t).When(under).Then(with(published, func(p *Published) { p.CatalogueVersion = 1 }))
	})
	t.Run("nothing outside the catalogue is published, and the refusal names the documents", func(t *testing.T) {
		c := with(under, func(c *Publish) {
			c.Rows = append(slices.Clone(rows), Row{Code: "TEA", NameZh: "茶水费", Category: Venue, PricingType: Market, Unit: "元/次", Price: 100})
		})
		list.Given(t).When(c).Rejects(ErrUnlisted)
		_, err := PriceList.Decide(PriceListState{}, c)
		wantProblems(t, err, "4 code")
		var rj *domain.Rejection
		if !errors.As(err, &rj) || rj.Rule != "I16" || !strings.Contains(rj.Basis, "发改价格〔2026〕108号") {
			t.Errorf("%+v", rj)
		}
	})
	t.Run("a list from before the catalogue is not measured by it", func(t *testing.T) {
		c := with(under, func(c *Publish) {
			c.EffectiveFrom, c.Rows = "2026-03-31", []Row{with(rows[0], func(r *Row) { r.Code = "OLD" })}
		})
		if _, err := PriceList.Decide(PriceListState{}, c); err != nil {
			t.Error(err)
		}
	})
}

func TestInForce(t *testing.T) {
	s := list.Given(t, at(1, "2008-01-01"), at(2, "2026-10-01"), at(3, "2026-10-01"), at(4, "2027-01-01")).State()
	for d, want := range map[domain.Date]int{"2007-12-31": 0, "2008-01-01": 1, "2026-09-30": 1, "2026-10-01": 3, "2026-12-31": 3, "2027-06-01": 4} {
		if v, ok := s.InForce(d); v.Version != want || ok != (want > 0) {
			t.Errorf("%s: version %d, want %d", d, v.Version, want)
		}
	}
	if r, ok := published.Row("ASH-STD"); !ok || r.Price != domain.Yuan(150) {
		t.Error(r, ok)
	}
	if _, ok := published.Row("TEA"); ok {
		t.Error("found what is not on the list")
	}
}

func TestCeilingAndBlock(t *testing.T) {
	for _, c := range []struct {
		row     Row
		ceiling domain.Money
		block   Block
	}{
		{Row{Category: Cremation, PricingType: GovFixed, Price: 90000}, 90000, Basic},
		{Row{Category: Cremation, PricingType: GovGuidedBasic, Price: 90000, PriceMax: 99000}, 99000, Basic},
		{Row{Category: Grooming, PricingType: GovFixed, Price: 4000}, 4000, Basic},
		{Row{Category: Transport, PricingType: GovGuided, Price: 60000, PriceMin: 60000, PriceMax: 100000}, 100000, Optional},
		{Row{Category: Farewell, PricingType: ReferenceRange, PriceMin: 60000, PriceMax: 100000}, 100000, Optional},
		{Row{Category: Grooming, PricingType: Market, Price: 200000, PriceMin: 200000, PriceMax: 500000}, 500000, Optional},
		{Row{Category: BurialPlot, PricingType: GovGuided, Price: 300000}, 300000, Basic},
		{Row{Category: BurialPlot, PricingType: MarketFiled, Price: 5000000}, 5000000, Optional},
		{Row{Category: Maintenance, PricingType: VillageCost, Price: 2000}, 2000, Basic},
		{Row{Category: EcoBurial, PricingType: Free}, 0, Basic},
		{Row{Category: Grooming, PricingType: Free}, 0, Optional},
		{Row{Category: Goods, PricingType: Free}, 0, GoodsBlock},
		{Row{Category: Goods, PricingType: MarkupCapped, Price: 39000, Cost: 30000, MarkupPercent: 30}, 39000, GoodsBlock},
		{Row{Category: Headstone, PricingType: GovFixed, Price: 136000}, 136000, GoodsBlock},
	} {
		if got := c.row.Ceiling(); got != c.ceiling {
			t.Errorf("%+v: ceiling %s, want %s", c.row, got, c.ceiling)
		}
		if got := c.row.Block(); got != c.block {
			t.Errorf("%+v: block %s, want %s", c.row, got, c.block)
		}
	}
}

// The ten real lists are lists that can be published, each with all its rows.
func TestPublishTheRealLists(t *testing.T) {
	files, _ := filepath.Glob("../../cmd/shenzhong/demo/prices/*.json")
	if len(files) != 10 {
		t.Fatalf("%d files", len(files))
	}
	total := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var in struct {
			Institution string          `json:"institution"`
			Division    domain.Division `json:"division"`
			Items       []Row           `json:"items"`
		}
		if err := json.Unmarshal(b, &in); err != nil {
			t.Fatal(err)
		}
		c := Publish{Act: by, EffectiveFrom: "2008-01-01", Precision: ToYear, InstitutionName: in.Institution, Division: in.Division, Rows: in.Items}
		es, err := PriceList.Decide(PriceListState{}, c)
		if err != nil || len(es) != 1 {
			t.Errorf("%s: %v", f, err)
			continue
		}
		total += len(es[0].(Published).Rows)
	}
	if total != 131 {
		t.Errorf("%d rows, want 131", total)
	}
}

// Whatever is published in whatever order: versions count up by one, dates
// never go back, every row that came in is sound, and earlier states stay.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PriceListState
		var history []PriceListEvent
		for i := range rapid.IntRange(3, 15).Draw(t, "commands") {
			c := publish
			c.EffectiveFrom = domain.Date("2026-10-01").AddDays(rapid.IntRange(i-3, i+3).Draw(t, "day"))
			c.Rows = slices.Clone(rows)[:rapid.IntRange(0, len(rows)).Draw(t, "rows")]
			for i := range c.Rows {
				if rapid.IntRange(0, 9).Draw(t, "edit") == 9 {
					r := &c.Rows[i]
					r.PricingType = rapid.SampledFrom(PricingTypes).Draw(t, "type")
					money := rapid.SampledFrom([]domain.Money{-1, 0, 1, 100, 39000, 90000})
					r.Price, r.PriceMin, r.PriceMax = money.Draw(t, "price"), money.Draw(t, "min"), money.Draw(t, "max")
				}
			}
			es, err := PriceList.Decide(s, c)
			if err != nil {
				var rj *domain.Rejection
				if !errors.As(err, &rj) || len(es) > 0 {
					t.Fatalf("%v with %v", err, es)
				}
				continue
			}
			s = PriceList.Fold(s, es...)
			history = append(history, es...)
			if again, err := PriceList.Decide(s, c); err != nil || len(again) > 0 {
				t.Fatalf("the same again: %v, %v", again, err)
			}
		}
		domaintest.Pure(t, PriceList, history...)
		for i, v := range s.Versions {
			if v.Version != i+1 || i > 0 && v.EffectiveFrom < s.Versions[i-1].EffectiveFrom {
				t.Fatalf("version %d is number %d from %s", i+1, v.Version, v.EffectiveFrom)
			}
			for _, r := range v.Rows {
				switch {
				case r.Price < 0 || r.PriceMin < 0 || r.PriceMax < 0 || r.Ceiling() < r.Price,
					r.PricingType == Free && r.Ceiling() != 0, r.PricingType != Free && r.Ceiling() == 0:
					t.Fatalf("unsound row: %+v", r)
				}
			}
		}
	})
}
