package pricing_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/pricing"
)

func TestContents(t *testing.T) {
	own := Contents{1, "大连市收费目录清单（演示）", "2026-05-01", []Content{{"HAL-S", []string{"MUS-STD"}, "含司仪"}}}
	state := StateContents{by, own.Document, own.EffectiveFrom, own.Items}
	t.Run("transport contains carrying and disinfection where nobody said otherwise", func(t *testing.T) {
		s := catalogue.Given(t).State()
		if got := s.Includes("TRN-STD", "2026-04-01"); !slices.Equal(got, []string{"TRN-CARRY", "DIS-STD"}) {
			t.Error(got)
		}
		if got := s.Includes("CRM-FLAT", "2026-04-01"); got != nil {
			t.Error(got)
		}
	})
	t.Run("an authority states its own, from a day on", func(t *testing.T) {
		catalogue.Given(t).When(state).Then(own)
		s := catalogue.Given(t, own).State()
		if s.Includes("TRN-STD", "2026-04-30") == nil || s.Includes("TRN-STD", "2026-05-01") != nil || s.Includes("HAL-S", "2026-05-01")[0] != "MUS-STD" {
			t.Error(s.Contents)
		}
	})
	t.Run("a later statement stands for the former, never an earlier one", func(t *testing.T) {
		catalogue.Given(t, own).When(with(state, func(c *StateContents) { c.EffectiveFrom, c.Items = "2026-06-01", nil })).Then(Contents{2, own.Document, "2026-06-01", nil})
		catalogue.Given(t, own).When(with(state, func(c *StateContents) { c.EffectiveFrom, c.Items = "2026-04-01", nil })).Rejects(ErrPredates)
	})
	t.Run("contents can be", func(t *testing.T) {
		for _, items := range [][]Content{{{"", []string{"A"}, ""}}, {{"A", nil, ""}}, {{"A", []string{"A"}, ""}}, {{"A", []string{"B", "B"}, ""}}, {{"A", []string{" "}, ""}},
			{{"A", []string{"B"}, ""}, {"A", []string{"C"}, ""}}, {{"A", []string{"B"}, ""}, {"B", []string{"A"}, ""}}} {
			catalogue.Given(t).When(with(state, func(c *StateContents) { c.Items = items })).Rejects(ErrContents)
		}
		catalogue.Given(t).When(with(state, func(c *StateContents) { c.Document = "" })).Rejects(ErrDocument)
		catalogue.Given(t).When(with(state, func(c *StateContents) { c.EffectiveFrom = "soon" })).Rejects(domain.Reject("date_invalid", "", ""))
		catalogue.Given(t).When(with(state, func(c *StateContents) { c.Items = make([]Content, 1001) })).Rejects(ErrTooLong)
	})
}

// Whatever is stated, no item includes itself, and no two include another.
func TestRandomContents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"A", "B", "C", ""})
		domaintest.Random(t, Catalogue, func(CatalogueState) CatalogueCommand {
			c := StateContents{by, "文件", rapid.SampledFrom([]domain.Date{"2026-05-01", "2026-06-01", "2026-07-01"}).Draw(t, "from"), nil}
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				c.Items = append(c.Items, Content{code.Draw(t, "code"), rapid.SliceOfN(code, 0, 2).Draw(t, "includes"), ""})
			}
			return c
		}, func(s CatalogueState, _ []CatalogueEvent) {
			for i, v := range s.Contents {
				if i > 0 && v.EffectiveFrom < s.Contents[i-1].EffectiveFrom {
					t.Fatal("a later statement is of an earlier day")
				}
				for _, a := range v.Items {
					for _, part := range a.Includes {
						if part == a.Code || slices.Contains(s.Includes(part, v.EffectiveFrom), a.Code) && i == len(s.Contents)-1 {
							t.Fatalf("%+v", v.Items)
						}
					}
				}
			}
		})
	})
}
