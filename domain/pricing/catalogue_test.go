package pricing_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/pricing"
)

var (
	by        = domaintest.By("staff-0001")
	catalogue = domaintest.For(Catalogue)

	items = []Item{
		{Code: "CRM-FLAT", NameZh: "遗体火化（平板炉）", Category: Cremation, PricingType: GovGuidedBasic, Unit: "元/具"},
		{Code: "ASH-STD", NameZh: "骨灰寄存", Category: AshStorage, PricingType: GovGuidedBasic, Unit: "元/格·年"},
		{Code: "URN-STD", NameZh: "骨灰盒", Category: Goods, PricingType: MarkupCapped, Unit: "元/只"},
		{Code: "WRE-FREE", NameZh: "绢花花圈", Category: Goods, PricingType: Free, Unit: "个"},
	}
	adopted = Adopted{1, "演示目录 2026 年第 1 版", "2026-04-01", items}
)

// with edits a copy.
func with[T any](v T, edit func(*T)) T { edit(&v); return v }

func TestAdopt(t *testing.T) {
	adopt := Adopt{by, adopted.Document, adopted.EffectiveFrom, items}
	t.Run("a catalogue's version follows from the one before", func(t *testing.T) {
		catalogue.Given(t).When(adopt).Then(adopted)
		second := with(adopt, func(c *Adopt) { c.Document, c.EffectiveFrom = "第 2 版", "2027-01-01" })
		catalogue.Given(t, adopted).When(second).Then(Adopted{2, "第 2 版", "2027-01-01", items})
	})
	t.Run("the same catalogue again is no news, even after its successor", func(t *testing.T) {
		catalogue.Given(t, adopted).When(adopt).Then()
		catalogue.Given(t, adopted, Adopted{2, "第 2 版", "2027-01-01", items[:1]}).When(adopt).Then()
	})
	t.Run("a catalogue does not begin before its predecessor", func(t *testing.T) {
		catalogue.Given(t, adopted).When(Adopt{by, "旧版", "2026-03-31", items}).Rejects(ErrPredates)
	})
	t.Run("a correction may begin on the same day", func(t *testing.T) {
		catalogue.Given(t, adopted).When(Adopt{by, "更正", "2026-04-01", items}).Then(Adopted{2, "更正", "2026-04-01", items})
	})
	t.Run("a catalogue names its document, its day and its items", func(t *testing.T) {
		catalogue.Given(t).When(Adopt{by, "", "2026-04-01", items}).Rejects(ErrDocument)
		catalogue.Given(t).When(Adopt{by, "第 1 版", "2026-04-31", items}).Rejects(domain.Reject("date_invalid", "", ""))
		catalogue.Given(t).When(Adopt{by, "第 1 版", "2026-04-01", nil}).Rejects(ErrEmpty)
		catalogue.Given(t).When(Adopt{by, "第 1 版", "2026-04-01", make([]Item, 1001)}).Rejects(ErrTooLong)
	})
	t.Run("every bad item is named", func(t *testing.T) {
		bad := []Item{items[0], items[0], {Code: " ", NameZh: "", Category: "X", PricingType: "Y", Unit: ""}}
		c := Adopt{by, "第 1 版", "2026-04-01", bad}
		catalogue.Given(t).When(c).Rejects(ErrCatalogue)
		wantProblems(t, func() error { _, err := Catalogue.Decide(CatalogueState{}, c); return err }(),
			"1 code", "2 code", "2 name_zh", "2 category", "2 pricing_type", "2 unit")
	})
	t.Run("a catalogue is in force from its first day until the next one's", func(t *testing.T) {
		s := catalogue.Given(t, adopted, Adopted{2, "第 2 版", "2027-01-01", items}).State()
		for d, want := range map[domain.Date]int{"2026-03-31": 0, "2026-04-01": 1, "2026-12-31": 1, "2027-01-01": 2} {
			if v, ok := s.InForce(d); v.Version != want || ok != (want > 0) {
				t.Errorf("%s: version %d", d, v.Version)
			}
		}
	})
}

// The canonical catalogue of the project is one that can be adopted.
func TestAdoptTheRealCatalogue(t *testing.T) {
	b, err := os.ReadFile("../../cmd/shenzhong/demo/catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Items []struct {
			Code   string      `json:"code"`
			NameZh string      `json:"name_zh"`
			Cat    RowCategory `json:"category"`
			Unit   string      `json:"unit"`
			Type   PricingType `json:"regime_2026"`
		} `json:"items"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	c := Adopt{by, "目录", "2026-04-01", nil}
	for _, it := range f.Items {
		c.Items = append(c.Items, Item{Code: it.Code, NameZh: it.NameZh, Category: it.Cat, PricingType: it.Type, Unit: it.Unit})
	}
	if es, err := Catalogue.Decide(CatalogueState{}, c); err != nil || len(es) != 1 || len(es[0].(Adopted).Items) != 43 {
		t.Error(len(f.Items), err)
	}
}

// wantProblems expects exactly these problems, each as "row field".
func wantProblems(t *testing.T, err error, want ...string) {
	t.Helper()
	var re *RowErrors
	if !errors.As(err, &re) {
		t.Fatalf("%v is no RowErrors", err)
	}
	var got []string
	for _, p := range re.Problems {
		if p.Zh == "" || p.En == "" {
			t.Errorf("row %d %s has no reason", p.Row, p.Field)
		}
		got = append(got, string(rune('0'+p.Row))+" "+p.Field)
	}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
