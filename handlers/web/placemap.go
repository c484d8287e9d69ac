package web

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"shenzhong/domain/cemetery"
	"shenzhong/projections/places"
)

// A placeMap is the map of a cemetery, or of one section, in the units of its
// drawing: two neighbouring places are pitch units apart. It is drawn from the
// coordinates of the places, or, where nobody measured them, by rows and seats.
type placeMap struct {
	Width, Height int
	// PxWidth is how wide it is drawn on a screen: wide enough to be pressed with
	// a finger.
	PxWidth  int
	Marks    []placeMark
	Paths    []placePath // instead of marks, where they are too many
	Labels   []mapLabel
	Measured bool
	// Bar is the length of the scale in metres and in units; zero without
	// coordinates.
	BarMetres, Bar int
}

// A placeMark is one place on a map.
type placeMark struct {
	X, Y     int
	Plot     string
	Status   places.Status
	Symbol   string
	Href     string
	Selected bool
}

// A placePath draws all places of one status at once.
type placePath struct {
	Status places.Status
	Symbol string
	D      string
}

type mapLabel struct {
	X, Y int
	Text string
}

const (
	pitch      = 30 // units between neighbours
	markWidth  = 24
	markHeight = 18
	margin     = 34
	mostMarks  = 700 // of which each is a link of its own
	mostUnits  = 12_000
)

// symbol names the drawing of a status: shape and pattern, not colour alone. Of
// those who rest, one dot or two.
func symbol(s places.Status, resting int) string {
	switch s {
	case cemetery.OnHold:
		return "held"
	case cemetery.Allocated:
		return "given"
	case cemetery.Resting, cemetery.Full:
		if resting > 1 {
			return "two"
		}
		return "one"
	case cemetery.LapsedUse:
		return "lapsed"
	case cemetery.LockedUp:
		return "locked"
	case places.Barred:
		return "barred"
	}
	return "free"
}

// sectionOf names the part of a cemetery that a place is in, for people and for
// the query of an address.
func sectionOf(p places.Place) string {
	return strings.TrimSpace(p.Garden + " " + p.Section)
}

type point struct{ x, y float64 }

// drawMap lays the places out. href is the address of one.
func drawMap(ps []places.Place, status func(places.Place) places.Status, selected string, href func(places.Place) string) placeMap {
	if len(ps) == 0 {
		return placeMap{}
	}
	at, perMetre := surveyed(ps)
	m := placeMap{Measured: at != nil}
	if at == nil {
		at = byRows(ps)
	}
	low, high := at[0], at[0]
	for _, p := range at {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	place := func(p point) (x, y int) {
		return margin + int(math.Round(p.x-low.x)), margin + int(math.Round(p.y-low.y))
	}
	m.Width, m.Height = 2*margin+int(high.x-low.x)+markWidth, 2*margin+int(high.y-low.y)+markHeight
	m.Width = max(m.Width, 240)
	if m.Measured {
		m.Height += 24
		m.BarMetres = 1
		for _, n := range []int{2, 5, 10, 20, 50, 100} {
			if float64(n)*perMetre <= float64(m.Width)/3 {
				m.BarMetres = n
			}
		}
		m.Bar = int(float64(m.BarMetres) * perMetre)
	}
	// A phone shows a part of it and scrolls; a desk shows a small one larger.
	m.PxWidth = min(max(m.Width, min(m.Width*3/2, 680)), 2*m.Width)
	if len(ps) > mostMarks {
		m.PxWidth = min(m.Width, 1_000)
	}
	paths := map[string]*placePath{}
	first := map[string]point{}
	var sections []string
	for i, p := range ps {
		x, y := place(at[i])
		if s := sectionOf(p); s != "" {
			if f, ok := first[s]; !ok {
				first[s] = at[i]
				sections = append(sections, s)
			} else {
				first[s] = point{min(f.x, at[i].x), min(f.y, at[i].y)}
			}
		}
		st := status(p)
		sym := symbol(st, p.Resting)
		if len(ps) > mostMarks {
			if paths[sym] == nil {
				paths[sym] = &placePath{Status: st, Symbol: sym}
			}
			paths[sym].D += fmt.Sprintf("M%d %dh%dv%dh-%dz", x, y, markWidth, markHeight, markWidth)
			continue
		}
		m.Marks = append(m.Marks, placeMark{X: x, Y: y, Plot: p.Plot, Status: st, Symbol: sym, Href: href(p), Selected: p.Plot == selected})
	}
	for _, p := range paths {
		m.Paths = append(m.Paths, *p)
	}
	slices.SortFunc(m.Paths, func(a, b placePath) int { return cmp.Compare(a.Symbol, b.Symbol) })
	for _, s := range sections {
		x, y := place(first[s])
		m.Labels = append(m.Labels, mapLabel{x, y - 9, s})
	}
	return m
}

// surveyed projects measured places onto a plane, east to the right and north
// up, and scales it so that neighbours are pitch apart; nil when one of them was
// not measured.
func surveyed(ps []places.Place) (at []point, perMetre float64) {
	const metresPerDegree = 111_320.0
	lat := 0.0
	for _, p := range ps {
		if p.Spot == (cemetery.Spot{}) {
			return nil, 0
		}
		lat += float64(p.Spot.LatE7) / 1e7
	}
	cos := math.Cos(lat / float64(len(ps)) * math.Pi / 180)
	for _, p := range ps {
		at = append(at, point{float64(p.Spot.LonE7-ps[0].Spot.LonE7) / 1e7 * metresPerDegree * cos, -float64(p.Spot.LatE7-ps[0].Spot.LatE7) / 1e7 * metresPerDegree})
	}
	perMetre = pitch / neighbours(at)
	low, high := at[0], at[0]
	for _, p := range at {
		low, high = point{min(low.x, p.x), min(low.y, p.y)}, point{max(high.x, p.x), max(high.y, p.y)}
	}
	if span := max(high.x-low.x, high.y-low.y) * perMetre; span > mostUnits {
		perMetre *= mostUnits / span
	}
	for i := range at {
		at[i] = point{at[i].x * perMetre, at[i].y * perMetre}
	}
	return at, perMetre
}

// neighbours is how far apart neighbours are, in metres: the distance to the
// nearest other place that nine of ten places exceed. A grid of cells keeps it
// fast for large cemeteries.
func neighbours(at []point) float64 {
	const cell = 4.0
	grid := map[[2]int][]int{}
	key := func(p point) [2]int { return [2]int{int(math.Floor(p.x / cell)), int(math.Floor(p.y / cell))} }
	for i, p := range at {
		grid[key(p)] = append(grid[key(p)], i)
	}
	var ds []float64
	for i, p := range at {
		k, nearest := key(p), math.Inf(1)
		for dx := -1; dx <= 1; dx++ {
			for dy := -1; dy <= 1; dy++ {
				for _, j := range grid[[2]int{k[0] + dx, k[1] + dy}] {
					if d := math.Hypot(at[j].x-p.x, at[j].y-p.y); j != i && d > 0.05 {
						nearest = min(nearest, d)
					}
				}
			}
		}
		if !math.IsInf(nearest, 1) {
			ds = append(ds, nearest)
		}
	}
	if len(ds) == 0 {
		return cell
	}
	slices.Sort(ds)
	return ds[len(ds)/10]
}

// byRows draws places that nobody measured, in the order in which they are
// counted: a line for each row, a gap between sections.
func byRows(ps []places.Place) (at []point) {
	const longest = 24 // places in a line
	x, y := 0, 0
	for i, p := range ps {
		if i > 0 {
			switch q := ps[i-1]; {
			case sectionOf(p) != sectionOf(q):
				x, y = 0, y+pitch+24
			case p.Row != q.Row || x >= longest*pitch:
				x, y = 0, y+pitch
			}
		}
		at = append(at, point{float64(x), float64(y)})
		x += pitch
	}
	return at
}
