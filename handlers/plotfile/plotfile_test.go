package plotfile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
)

const (
	hill  = domain.CreditCode("12210211422000301L")
	other = domain.CreditCode("12210281422000802G")
)

// told are faults as "line plot field".
func told(fs []Fault) (out []string) {
	for _, f := range fs {
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(f.Line, " ", f.Plot, " ", f.Field)), " "))
	}
	return out
}

// TestFaults: each thing wrong is told with its line, its place and its column.
func TestFaults(t *testing.T) {
	const head = "cemetery,division,plot,kind,eco_type,capacity,area_cm2,stone_height_cm\n"
	for _, c := range []struct {
		name, text string
		of         domain.CreditCode
		want       []string
	}{
		{"what it counts as", head + "12210211422000301L,210211,A-1,GRAVE,SMALL_PLOT,1,5000,60\n12210211422000301L,210211,A-2,grave,SMALL_PLOT,1,5001,60\n" +
			"12210211422000301L,210211,A-3,NICHE,NO_SUCH,1,0,0\n12210211422000301L,210211,A-4,NICHE,,1,0,0\n", "", []string{"3 A-2 eco_type", "4 A-3 eco_type", "5 A-4 eco_type"}},
		{"a number", head + "12210211422000301L,210211,A-1,GRAVE,SMALL_PLOT,一,5000,-60\n", "", []string{"2 A-1 capacity", "2 A-1 stone_height_cm"}},
		{"twice", head + strings.Repeat("12210211422000301L,210211,A-1,GRAVE,SMALL_PLOT,1,5000,60\n", 2), "", []string{"3 A-1 plot"}},
		{"no number of the place", head + "12210211422000301L,210211,,GRAVE,SMALL_PLOT,1,5000,60\n", "", []string{"2 plot"}},
		{"cells", head + "12210211422000301L,210211,A-1\n", "", []string{"2"}},
		{"quotes", head + "a,\"b\n", "", []string{"2"}},
		{"columns", "plot,plot,colour\n", hill, []string{"1 plot", "1 colour", "1 kind", "1 eco_type", "1 capacity", "1 area_cm2", "1 stone_height_cm"}},
		{"columns of a file for anybody", "plot,kind,eco_type,capacity,area_cm2,stone_height_cm\n", "", []string{"1 cemetery", "1 division"}},
		{"another cemetery", head + "12210281422000802G,210281,A-1,GRAVE,SMALL_PLOT,1,5000,60\n", hill, []string{"2 A-1 cemetery"}},
		{"GB 18030", head + "12210211422000301L,210211,A-1,GRAVE,SMALL_PLOT,1,5000,60\n\xb6\xab\xc7\xf8,210211,A-2,GRAVE,SMALL_PLOT,1,5000,60\n", "", []string{"3"}},
		{"UTF-16", "\xff\xfep\x00l\x00o\x00t\x00", hill, []string{"1"}},
		{"nothing", head, "", []string{"1"}},
		{"empty", "", "", []string{"1"}},
		{"features", "{\"type\": \"FeatureCollection\",\n\"features\": [\n{\"type\":\"Feature\",\"properties\":{\"plot\":\"A-1\",\"owner\":\"a\",\"kind\":\"GRAVE\",\"eco_type\":\"SMALL_PLOT\",\"capacity\":1,\"area_cm2\":5000,\"stone_height_cm\":60},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[]}},\n" +
			"{\"type\":\"Feature\",\"colour\":1,\"properties\":{}}\n]}", hill, []string{"3 A-1 owner", "3 A-1 geometry", "4"}},
		{"no collection", "{\n\"type\": \"Feature\", \"more\": 1}", hill, []string{"2 more", "1 type", "1 features"}},
		{"broken", "{\"type\": \"FeatureCollection\",\n\"features\": [\n{]}", hill, []string{"3"}},
		{"more than one value", "{\"type\": \"FeatureCollection\", \"features\": []}\n{}", hill, []string{"2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Read([]byte(c.text), c.of)
			if diff := cmp.Diff(c.want, told(f.Faults)); diff != "" {
				t.Errorf("%s\n%v", diff, f.Faults)
			}
			for _, x := range f.Faults {
				if x.Zh == "" || x.En == "" {
					t.Errorf("line %d says nothing in one language: %+v", x.Line, x)
				}
			}
		})
	}
	if f := Read(make([]byte, MaxBytes+1), hill); len(f.Faults) != 1 {
		t.Errorf("a file that is too large: %v", f.Faults)
	}
}

// TestImport: a file with anything wrong writes nothing; a good one all its
// places, once; and one that takes places back to what they were does so.
func TestImport(t *testing.T) {
	keys := events.NewMemoryKeys()
	registry := projections.Registry(keys)
	app := handlers.NewApp(memory.New(), registry, keys, nil)
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	for _, c := range []domain.CreditCode{hill, other} {
		if _, err := app.Cemeteries.Handle(t.Context(), string(c), cemetery.Establish{Act: domain.Act{ID: uuid.New(), By: "a", Now: now, At: now}, Cemetery: c, NameZh: "公墓（演示）", Class: cemetery.UrbanPublic, Division: "210211", Serves: []domain.Division{"210200"}}); err != nil {
			t.Fatal(err)
		}
	}
	file := func(stone int, rows ...string) *File {
		t.Helper()
		f := Read([]byte("plot,kind,eco_type,capacity,area_cm2,stone_height_cm,lon,lat\n"+strings.ReplaceAll(strings.Join(rows, "\n"), "STONE", fmt.Sprint(stone))), hill)
		if len(f.Faults) > 0 {
			t.Fatal(f.Faults)
		}
		return f
	}
	const good, far = "A-1,GRAVE,SMALL_PLOT,1,5000,STONE,121.5,38.9", "A-2,GRAVE,SMALL_PLOT,1,5000,STONE,38.9,121.5"
	f := file(60, good, far, "A 3,GRAVE,SMALL_PLOT,1,5000,60,,", "A-4,GRAVE,STD_PLOT,1,9223372036854775807,60,,")
	if _, err := f.Check(t.Context(), app, "office", now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"3 A-2", "4 A 3 plot", "5 A-4 area_cm2"}, told(f.Faults)); diff != "" {
		t.Error(diff, f.Faults)
	}
	if _, err := f.Import(t.Context(), app, nil); err == nil {
		t.Error("a file with faults is imported")
	}
	if s, _, err := app.Plots.Load(t.Context(), handlers.PlotID(hill, "A-1")); err != nil || s.Surveyed.Capacity != 0 {
		t.Errorf("part of it is there: %+v %v", s.Surveyed, err)
	}
	for i, c := range []struct {
		stone int
		plan  Plan
	}{{60, Plan{New: 1}}, {60, Plan{Same: 1}}, {50, Plan{Changed: 1}}, {60, Plan{Changed: 1}}} {
		f := file(c.stone, good)
		p, err := f.Check(t.Context(), app, "office", now)
		if err != nil || p != c.plan {
			t.Fatalf("%d: %+v %v %v", i, p, f.Faults, err)
		}
		steps := 0
		r, err := f.Import(t.Context(), app, func() { steps++ })
		if err != nil || r.Written != p.New+p.Changed || r.Same != p.Same || steps != 1 {
			t.Fatalf("%d: %+v %v, %d steps", i, r, err, steps)
		}
		if s, _, err := app.Plots.Load(t.Context(), handlers.PlotID(hill, "A-1")); err != nil || s.Surveyed.StoneHeightCM != c.stone {
			t.Errorf("%d: %+v %v", i, s.Surveyed, err)
		}
	}
	f = Read([]byte("cemetery,division,plot,kind,eco_type,capacity,area_cm2,stone_height_cm\n12210281422000802G,210281,B-1,GRAVE,SMALL_PLOT,1,5000,60\n12210211422000302G,210211,B-1,GRAVE,SMALL_PLOT,1,5000,60"), "")
	if _, err := f.Check(t.Context(), app, "import", now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2 B-1 division"}, told(f.Faults)[:1]); diff != "" {
		t.Error(diff, f.Faults)
	}
}
