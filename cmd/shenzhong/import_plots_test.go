package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
)

// features writes a GeoJSON file of n graves.
func features(t *testing.T, n int, change func(i int, properties map[string]any, at []float64)) string {
	t.Helper()
	var fs []any
	for i := range n {
		p := map[string]any{"cemetery": "12210202DEM000014H", "division": "210202", "plot": fmt.Sprintf("A-%05d", i), "garden": "东园", "section": "A", "row": fmt.Sprint(i / 100),
			"seat": fmt.Sprint(i % 100), "kind": "GRAVE", "eco_type": "STD_PLOT", "capacity": 2, "area_cm2": 10000, "stone_height_cm": 40}
		at := []float64{121.5 + float64(i%100)*1e-5, 38.9 + float64(i/100)*1e-5}
		change(i, p, at)
		fs = append(fs, map[string]any{"type": "Feature", "properties": p, "geometry": map[string]any{"type": "Point", "coordinates": at}})
	}
	b, err := json.MarshalIndent(map[string]any{"type": "FeatureCollection", "features": fs}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plots.geojson")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A GeoJSON file is imported whole, or, with anything wrong in it, not at all.
func TestImportGeoJSON(t *testing.T) {
	var out, errs strings.Builder
	con := &console{lang: "en", out: &out, err: &errs}
	in := &importCmd{cityFlags: cityFlags{Data: filepath.Join(t.TempDir(), "city"), Store: "nats", Init: true}}
	city, err := in.open(t.Context(), con)
	if err != nil {
		t.Fatal(err)
	}
	code, now := domain.CreditCode("12210202DEM000014H"), time.Now()
	_, err = city.app.Cemeteries.Handle(t.Context(), string(code), cemetery.Establish{Act: domain.Act{ID: uuid.New(), By: importer, Now: now, At: now}, Cemetery: code, NameZh: "公墓（演示）",
		Class: cemetery.UrbanPublic, Division: "210202", Serves: []domain.Division{"210200"}})
	if err != nil {
		t.Fatal(err)
	}
	city.close()
	in.Init = false

	bad := features(t, 12, func(i int, p map[string]any, at []float64) {
		switch i {
		case 3:
			p["capacity"] = "x"
		case 5:
			at[0], at[1] = at[1], at[0]
		case 7:
			p["owner"] = "a"
		}
	})
	fs, ok := errors.AsType[faults]((&importPlotsCmd{Files: []string{bad}}).Run(t.Context(), con, in))
	if !ok || len(fs) < 2 || fs[0].field != "capacity" || fs[1].field != "owner" {
		t.Fatalf("%v", fs)
	}
	swapped := features(t, 12, func(i int, _ map[string]any, at []float64) {
		if i == 5 {
			at[0], at[1] = at[1], at[0]
		}
	})
	if fs, ok := errors.AsType[faults]((&importPlotsCmd{Files: []string{swapped}}).Run(t.Context(), con, in)); !ok || len(fs) != 1 || fs[0].row != "A-00005" {
		t.Fatalf("%v", fs)
	}
	good := features(t, 10_000, func(int, map[string]any, []float64) {})
	began := time.Now()
	if err := (&importPlotsCmd{Files: []string{good}}).Run(t.Context(), con, in); err != nil {
		t.Fatal(err)
	}
	t.Logf("10,000 places in %v", time.Since(began))
	if !strings.Contains(out.String(), "10000 plots: 10000 imported, 0 unchanged.") { // so nothing of the files with faults was
		t.Error(out.String())
	}
	if err := (&importPlotsCmd{Files: []string{good}}).Run(t.Context(), con, in); err != nil || !strings.Contains(out.String(), "0 imported, 10000 unchanged.") {
		t.Error(err, out.String())
	}
}
