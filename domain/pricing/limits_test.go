package pricing_test

import (
	"errors"
	"slices"
	"testing"

	"shenzhong/domain"
	. "shenzhong/domain/pricing"
)

// limited is a catalogue that says how high each price may be, and which rows a
// funeral home has to have.
var limited = Adopted{1, "演示目录", "2026-04-01", []Item{
	{Code: "CRM-FLAT", NameZh: "火化", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具", PriceMin: domain.Yuan(500), PriceMax: domain.Yuan(900), RequiredOf: "FUNERAL_HOME"},
	{Code: "CRM-TRAY", NameZh: "拣灰炉火化", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具", PriceMax: domain.Yuan(1000), RequiredOf: "FUNERAL_HOME"},
	{Code: "GRM-STD", NameZh: "整容", Category: Grooming, PricingType: ReferenceRange, Unit: "元/次", PriceMin: domain.Yuan(20), PriceMax: domain.Yuan(600)},
	{Code: "URN-STD", NameZh: "骨灰盒", Category: Goods, PricingType: MarkupCapped, Unit: "元/只", MarkupPercent: 30},
	{Code: "DOC", NameZh: "火化证", Category: Paper, PricingType: Free, Unit: "元/本"},
}}

func TestLimitsOfTheCatalogue(t *testing.T) {
	good := []Row{
		{Code: "CRM-FLAT", NameZh: "火化", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具", Price: domain.Yuan(900)},
		{Code: "CRM-TRAY", NameZh: "拣灰炉火化", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具", NotOffered: true},
		{Code: "GRM-STD", NameZh: "整容", Category: Grooming, PricingType: ReferenceRange, Unit: "元/次", Price: domain.Yuan(40)},
		{Code: "URN-STD", NameZh: "骨灰盒", Category: Goods, PricingType: MarkupCapped, Unit: "元/只", Price: domain.Yuan(390), Cost: domain.Yuan(300), MarkupPercent: 30},
		{Code: "DOC", NameZh: "火化证", Category: Paper, PricingType: Free, Unit: "元/本"},
	}
	set := Total{NameZh: "一套", Items: []TotalItem{{"CRM-FLAT", 1}, {"GRM-STD", 2}, {"DOC", 1}}, Amount: domain.Yuan(980)}
	for name, c := range map[string]struct {
		edit func(*Publish)
		want *domain.Rejection // nil: it is published
		at   string
	}{
		"a list within every limit":             {func(*Publish) {}, nil, ""},
		"a guided price above its ceiling":      {func(c *Publish) { c.Rows[0].Price, c.Totals = domain.Yuan(901), nil }, ErrAbove, "0 price_fen"},
		"a maximum above the ceiling":           {func(c *Publish) { c.Rows[0].PriceMax = domain.Yuan(950) }, ErrAbove, "0 price_fen"},
		"a guided price below its floor":        {func(c *Publish) { c.Rows[0].Price, c.Totals = domain.Yuan(499), nil }, ErrPriceList, "0 price_fen"},
		"what is given away is below no floor":  {func(c *Publish) { c.Rows[0].Price, c.Rows[0].PricingType, c.Totals = 0, Free, nil }, nil, ""},
		"a price above the range":               {func(c *Publish) { c.Rows[2].Price, c.Totals = domain.Yuan(601), nil }, ErrOutside, "2 price_fen"},
		"a price below the range":               {func(c *Publish) { c.Rows[2].Price, c.Totals = domain.Yuan(19), nil }, ErrOutside, "2 price_fen"},
		"a price above the range with a reason": {func(c *Publish) { c.Rows[2].Price, c.Rows[2].Reason, c.Totals = domain.Yuan(601), "特殊材料", nil }, nil, ""},
		"another method than the catalogue's":   {func(c *Publish) { c.Rows[2].PricingType = Market }, ErrMethod, "2 pricing_type"},
		"a higher markup than the catalogue's":  {func(c *Publish) { c.Rows[3].MarkupPercent = 31 }, ErrAbove, "3 markup_percent"},
		"goods above cost and markup":           {func(c *Publish) { c.Rows[3].MarkupPercent, c.Rows[3].Price = 0, domain.Yuan(391) }, ErrAbove, "3 price_fen"},
		"a charge for what is free": {func(c *Publish) {
			c.Rows[4].PricingType, c.Rows[4].Price, c.Totals = Market, domain.Yuan(10), nil
		}, ErrMethod, "4 pricing_type"},
		"a fixed row that is missing":          {func(c *Publish) { c.Rows = slices.Delete(c.Rows, 1, 2) }, ErrMissing, "-1 rows"},
		"fixed rows are those of its kind":     {func(c *Publish) { c.Rows, c.FacilityKind = slices.Delete(c.Rows, 1, 2), "COLUMBARIUM" }, nil, ""},
		"a price on what is not offered":       {func(c *Publish) { c.Rows[1].Price = 1 }, ErrPriceList, "1 price_fen"},
		"a total that is not the sum":          {func(c *Publish) { c.Totals[0].Amount = domain.Yuan(970) }, ErrTotal, "-1 totals[0].total_fen"},
		"a total of what is not on the list":   {func(c *Publish) { c.Totals[0].Items[0].Code = "TEA" }, ErrPriceList, "-1 totals[0]"},
		"a total of what is not offered":       {func(c *Publish) { c.Totals[0].Items[0].Code = "CRM-TRAY" }, ErrPriceList, "-1 totals[0]"},
		"a total without items":                {func(c *Publish) { c.Totals[0].Items = nil }, ErrPriceList, "-1 totals[0]"},
		"a total of a negative number of rows": {func(c *Publish) { c.Totals[0].Items[0].Quantity = -1 }, ErrPriceList, "-1 totals[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			p := with(publish, func(p *Publish) {
				p.Rows, p.Catalogue = slices.Clone(good), &limited
				p.Totals = []Total{with(set, func(s *Total) { s.Items = slices.Clone(s.Items) })}
				c.edit(p)
			})
			es, err := PriceList.Decide(PriceListState{}, p)
			if c.want == nil {
				if err != nil || len(es) != 1 {
					t.Fatal(err)
				}
				return
			}
			var re *RowErrors
			if !errors.As(err, &re) || re.Code != c.want.Code {
				t.Fatalf("%v, want %s", err, c.want.Code)
			}
			p0 := re.Problems[0]
			if at := itoa(p0.Row) + " " + p0.Field; len(re.Problems) != 1 || at != c.at {
				t.Errorf("problems %+v, want one at %s", re.Problems, c.at)
			}
		})
	}
	t.Run("problems of several kinds are refused as such, each with its own", func(t *testing.T) {
		p := with(publish, func(p *Publish) {
			p.Rows, p.Catalogue = slices.Clone(good[:1]), &limited
			p.Rows[0].Price = domain.Yuan(901)
		})
		_, err := PriceList.Decide(PriceListState{}, p)
		var re *RowErrors
		if !errors.As(err, &re) || re.Code != ErrPriceList.Code || len(re.Problems) != 2 || re.Problems[0].Kind != ErrAbove.Code || re.Problems[1].Kind != ErrMissing.Code {
			t.Error(err)
		}
	})
}

func itoa(n int) string {
	if n < 0 {
		return "-1"
	}
	return string(rune('0' + n))
}

// An item's own limits are such as can be.
func TestLimitsThatCannotBe(t *testing.T) {
	for _, it := range []Item{{PriceMin: 2, PriceMax: 1}, {PriceMax: -1}, {MarkupPercent: -1}, {Markup: 1 << 60}} {
		it.Code, it.NameZh, it.Category, it.PricingType, it.Unit = "A", "甲", Goods, MarkupCapped, "元/只"
		if _, err := Catalogue.Decide(CatalogueState{}, Adopt{Act: by, Document: "目录", EffectiveFrom: "2026-04-01", Items: []Item{it}}); !errors.Is(err, ErrCatalogue) {
			t.Errorf("%+v: %v", it, err)
		}
	}
}
