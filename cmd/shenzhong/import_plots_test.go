package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a plot counts as is held against the eco types and its area before
// anything is imported.
func TestPlotsFileCounts(t *testing.T) {
	s := &source{name: "plots.csv", data: []byte(`cemetery,division,plot,kind,eco_type,capacity,area_cm2,stone_height_cm
12210202DEM000014H,210202,A-1,GRAVE,SMALL_PLOT,1,5000,60
12210202DEM000014H,210202,A-2,grave,SMALL_PLOT,1,5001,60
12210202DEM000014H,210202,A-3,NICHE,NO_SUCH,1,0,0
12210202DEM000014H,210202,A-4,NICHE,,1,0,0
`)}
	s.plots(time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
	var got []string
	for _, f := range s.bad {
		got = append(got, f.field)
		if f.line != len(got)+2 {
			t.Errorf("fault %d is told of line %d", len(got), f.line)
		}
	}
	if diff := cmp.Diff([]string{"eco_type", "eco_type", "eco_type"}, got); diff != "" {
		t.Error(diff, s.bad)
	}
}
