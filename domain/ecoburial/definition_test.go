package ecoburial_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "shenzhong/domain/ecoburial"
)

func TestDefaultDefinition(t *testing.T) {
	d := Default()
	if d.ID != "dl-eco-2026.1" || len(d.Types) != 20 || d.SmallSingleCM2 != 5000 || d.SmallDoubleCM2 != 8000 || d.Relocations {
		t.Errorf("%s: %d types, %d, %d, %v", d.ID, len(d.Types), d.SmallSingleCM2, d.SmallDoubleCM2, d.Relocations)
	}
	var strict, broad, interments, irreversible []string
	for _, c := range d.Types {
		add := func(to *[]string, is bool) {
			if is {
				*to = append(*to, c.Code)
			}
		}
		add(&strict, c.Strict)
		add(&broad, c.Broad)
		add(&interments, c.Interment)
		add(&irreversible, c.Irreversible)
	}
	for name, c := range map[string]struct {
		got  []string
		want string
	}{
		"strict":       {strict, "SEA SCATTER TREE_BIO FLOWER_BIO LAWN_BIO DEEP_ASH DEEP_BODY"},
		"broad":        {broad, "SEA SCATTER TREE_BIO FLOWER_BIO LAWN_BIO DEEP_ASH DEEP_BODY TREE_KEEP FLOWER_KEEP LAWN_KEEP NICHE WALL TOWER DEPOSIT_LONG SMALL_PLOT CRYSTAL"},
		"interments":   {interments, "SEA SCATTER TREE_BIO FLOWER_BIO LAWN_BIO DEEP_ASH DEEP_BODY TREE_KEEP FLOWER_KEEP LAWN_KEEP NICHE WALL TOWER DEPOSIT_LONG SMALL_PLOT CRYSTAL STD_PLOT BODY_PLOT"},
		"irreversible": {irreversible, "SEA SCATTER TREE_BIO FLOWER_BIO LAWN_BIO DEEP_ASH"},
	} {
		if got := strings.Join(c.got, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	sea, _ := d.Type("SEA")
	var req []string
	for _, r := range sea.Requires {
		req = append(req, r.String())
	}
	if got := strings.Join(req, " "); got != "sea_area vessel voyage_id container_degradable relatives_aboard<=3 certificate_no" || sea.LandCM2 != 0 {
		t.Error(got, sea.LandCM2)
	}
	for code, want := range map[string]int{"TREE_BIO": 1000, "LAWN_KEEP": 3600, "WALL": 500, "BODY_PLOT": 40_000} {
		if c, ok := d.Type(code); !ok || c.LandCM2 != want {
			t.Errorf("%s takes %d cm², want %d", code, c.LandCM2, want)
		}
	}
	if _, ok := d.Type("TAXI"); ok {
		t.Error("an unknown type was found")
	}
	for _, c := range []struct {
		area, capacity int
		want           string
	}{{5000, 1, SmallPlot}, {5001, 1, StandardPlot}, {8000, 2, SmallPlot}, {8001, 2, StandardPlot}} {
		if got := d.PlotType(c.area, c.capacity); got != c.want {
			t.Errorf("%d cm² for %d is %s, want %s", c.area, c.capacity, got, c.want)
		}
	}
}

func TestParseDefinitionRefuses(t *testing.T) {
	file, err := os.ReadFile("eco_types.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(types []any, def map[string]any)
		want   string
	}{
		"a type without a code":         {func(ts []any, _ map[string]any) { ts[0].(map[string]any)["code"] = "" }, "types[0] (): code"},
		"a type that is there twice":    {func(ts []any, _ map[string]any) { ts[1].(map[string]any)["code"] = "SEA" }, "types[1] (SEA): code"},
		"a type without a name":         {func(ts []any, _ map[string]any) { ts[2].(map[string]any)["name_zh"] = "" }, "name_zh"},
		"a type without its land":       {func(ts []any, _ map[string]any) { delete(ts[2].(map[string]any), "land_m2") }, "land_m2"},
		"land below zero":               {func(ts []any, _ map[string]any) { ts[2].(map[string]any)["land_m2"] = -1 }, "land_m2"},
		"a type without its flags":      {func(ts []any, _ map[string]any) { delete(ts[2].(map[string]any), "counts_broad") }, "counts_strict"},
		"strict but not broad":          {func(ts []any, _ map[string]any) { ts[0].(map[string]any)["counts_broad"] = false }, "strictly"},
		"a deposit that counts":         {func(ts []any, _ map[string]any) { ts[18].(map[string]any)["counts_broad"] = true }, "no interment"},
		"a subject that is nobody":      {func(ts []any, _ map[string]any) { ts[0].(map[string]any)["subject"] = "pet" }, "subject"},
		"a fact that cannot be read":    {func(ts []any, _ map[string]any) { ts[0].(map[string]any)["required_facts"] = []any{"years>=many"} }, "years>=many"},
		"a definition without its name": {func(_ []any, d map[string]any) { d["id"] = "" }, "id is empty"},
		"thresholds upside down":        {func(_ []any, d map[string]any) { d["small_plot_double_m2"] = 0.4 }, "small_plot"},
		"a threshold of nothing":        {func(_ []any, d map[string]any) { d["small_plot_single_m2"] = 0 }, "small_plot"},
		"a grave as large as a house":   {func(ts []any, _ map[string]any) { ts[2].(map[string]any)["land_m2"] = 101 }, "land_m2"},
	} {
		t.Run(name, func(t *testing.T) {
			var m map[string]any
			if err := json.Unmarshal(file, &m); err != nil {
				t.Fatal(err)
			}
			c.change(m["types"].([]any), m["default_definition"].(map[string]any))
			b, _ := json.Marshal(m)
			if _, err := ParseDefinition(b); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one about %s", err, c.want)
			}
		})
	}
	for _, bad := range []string{"", "[]", "{}", `{"default_definition":{"id":"x","small_plot_single_m2":0.5,"small_plot_double_m2":0.5}}`, string(file) + "{}", string(file[:200])} {
		if _, err := ParseDefinition([]byte(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func TestRequirement(t *testing.T) {
	for _, c := range []struct {
		req, value string
		want       bool
	}{
		{"vessel", "辽连客 7", true}, {"vessel", "", false}, {"container_degradable", "true", true}, {"container_degradable", "false", false},
		{"relatives_aboard<=3", "3", true}, {"relatives_aboard<=3", "4", false}, {"relatives_aboard<=3", "0", true}, {"relatives_aboard<=3", "-1", false},
		{"relatives_aboard<=3", "", false}, {"relatives_aboard<=3", "two", false},
		{"years>=20", "20", true}, {"years>=20", "19", false}, {"years>=20", "99999999999999999999", false},
	} {
		r, err := ParseRequirement(c.req)
		if err != nil || r.String() != c.req || r.Met(c.value) != c.want {
			t.Errorf("%s with %q: %v, %v", c.req, c.value, r.Met(c.value), err)
		}
	}
	for _, bad := range []string{"", "<=3", "a<3", "A", "years>=", "years>=2x", "two words", "a<=b>=3"} {
		if r, err := ParseRequirement(bad); err == nil {
			t.Errorf("%q was read as %v", bad, r)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := Requirement{Name: rapid.StringMatching(`[a-z][a-z0-9_]{0,12}`).Draw(t, "name")}
		if r.Op = rapid.SampledFrom([]string{"", "<=", ">="}).Draw(t, "op"); r.Op != "" {
			r.Bound = rapid.IntRange(0, 1000).Draw(t, "bound")
		}
		if got, err := ParseRequirement(r.String()); err != nil || got != r {
			t.Fatalf("%v came back as %v, %v", r, got, err)
		}
	})
}
