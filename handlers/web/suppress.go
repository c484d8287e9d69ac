package web

import (
	"maps"
	"slices"

	"shenzhong/domain/ecoburial"
	"shenzhong/projections/ecoratio"
)

// leastShown is the smallest number of burials that is published for a
// district or a form of burial: a place, a month and a form can name a family.
// Sums of the whole city are published whatever they are. The number is a
// proposal of ours ([P]).
const leastShown = 5

func few(n int) bool { return n > 0 && n < leastShown }

// tooFew says which cells of a column stay unpublished. Zero is published: it
// is about nobody. When the column's total stands beside it, a single hidden
// cell could be worked out from the others, so the next smallest goes with it;
// a zero only where there is nothing else.
func tooFew(cells []int) []bool {
	hide := make([]bool, len(cells))
	for i, n := range cells {
		hide[i] = few(n)
	}
	second(cells, hide)
	return hide
}

// second hides one more cell of a column in which exactly one is hidden.
func second(cells []int, hide []bool) {
	hidden, next := 0, -1
	for i, n := range cells {
		switch {
		case hide[i]:
			hidden++
		case next < 0 || cells[next] == 0 && n > 0 || n > 0 && n < cells[next]:
			next = i
		}
	}
	if hidden == 1 && next >= 0 {
		hide[next] = true
	}
}

// hideDistricts marks what of each district is too small to publish: the whole,
// a share, or what is left when one of the numbers is taken from another. A
// district whose whole is hidden shows none of its parts.
func hideDistricts(ds []EcoDistrict) {
	column := func(get func(*EcoDistrict) (n int, hide *bool)) {
		cells, hide := make([]int, len(ds)), make([]bool, len(ds))
		for i := range ds {
			n, h := get(&ds[i])
			cells[i], hide[i] = n, *h
		}
		second(cells, hide)
		for i := range ds {
			_, h := get(&ds[i])
			*h = hide[i]
		}
	}
	for i := range ds {
		d := &ds[i]
		d.HideWhole = d.HideWhole || few(d.Whole)
	}
	column(func(d *EcoDistrict) (int, *bool) { return d.Whole, &d.HideWhole })
	for i := range ds {
		d := &ds[i]
		d.HideStrict = d.HideStrict || d.HideWhole || few(d.Strict) || few(d.Broad-d.Strict)
		d.HideBroad = d.HideBroad || d.HideWhole || few(d.Broad) || few(d.Whole-d.Broad)
	}
	column(func(d *EcoDistrict) (int, *bool) { return d.Strict, &d.HideStrict })
	column(func(d *EcoDistrict) (int, *bool) { return d.Broad, &d.HideBroad })
}

// hideTypes marks the forms of burial that are too small to publish. The shares
// tell the sum of what counts in both, in the broad one only and in neither, so
// each of the three is a column of its own. What is no interment is in no sum.
func hideTypes(ts []EcoType) {
	for part := range 3 {
		var of []int
		for i, t := range ts {
			if !t.Out && partOf(t.Strict, t.Broad) == part {
				of = append(of, i)
			}
		}
		cells, hide := make([]int, len(of)), make([]bool, len(of))
		for j, i := range of {
			cells[j], hide[j] = ts[i].Count, ts[i].Hidden || few(ts[i].Count)
		}
		second(cells, hide)
		for j, i := range of {
			ts[i].Hidden = hide[j]
		}
	}
	for i := range ts {
		ts[i].Hidden = ts[i].Hidden || ts[i].Out && few(ts[i].Count)
	}
}

func partOf(strict, broad bool) int {
	switch {
	case strict:
		return 0
	case broad:
		return 1
	}
	return 2
}

// withhold hides what is too small to publish of a page. A quarter or a year
// hides whatever one of its months hides: the months that are published would
// otherwise give away the one that is not. months are those cells.
func withhold(p *Eco, def ecoburial.Definition, months []ecoratio.Cell) {
	for _, cells := range byMonth(months) {
		ds, ts := tables(def, cells)
		hideDistricts(ds)
		hideTypes(ts)
		for i := range p.Districts {
			d := &p.Districts[i]
			if j := slices.IndexFunc(ds, func(m EcoDistrict) bool { return m.Code == d.Code }); j >= 0 {
				d.HideWhole, d.HideStrict, d.HideBroad = d.HideWhole || ds[j].HideWhole, d.HideStrict || ds[j].HideStrict, d.HideBroad || ds[j].HideBroad
			}
		}
		for i := range p.Types {
			t := &p.Types[i]
			t.Hidden = t.Hidden || slices.ContainsFunc(ts, func(m EcoType) bool { return m.Code == t.Code && m.Hidden })
		}
	}
	// A month may hide a form for which there was no second in that month.
	hideDistricts(p.Districts)
	hideTypes(p.Types)
	// Two hidden forms could be worked out from the number and the land of both.
	if slices.ContainsFunc(p.Types, func(t EcoType) bool { return t.Hidden && t.Broad }) {
		const ten = 100_000 // m² in cm²
		p.SavedCM2, p.SavedAbout = (p.SavedCM2+ten/2)/ten*ten, true
	}
}

// byMonth cuts cells, which are in the order of months, into months.
func byMonth(cells []ecoratio.Cell) [][]ecoratio.Cell {
	var all [][]ecoratio.Cell
	for from, i := 0, 1; i <= len(cells); i++ {
		if i == len(cells) || cells[i].Month != cells[from].Month {
			all = append(all, cells[from:i])
			from = i
		}
	}
	return all
}

// tables are the districts and the forms that cells come to, without names.
func tables(def ecoburial.Definition, cells []ecoratio.Cell) (ds []EcoDistrict, ts []EcoType) {
	for _, c := range cells {
		n := def.Count(c.Cell)
		i := slices.IndexFunc(ds, func(d EcoDistrict) bool { return d.Code == string(c.Division) })
		if i < 0 {
			i, ds = len(ds), append(ds, EcoDistrict{Code: string(c.Division)})
		}
		ds[i].Whole, ds[i].Strict, ds[i].Broad = ds[i].Whole+n.Interments, ds[i].Strict+n.Strict, ds[i].Broad+n.Broad
		j := slices.IndexFunc(ts, func(t EcoType) bool { return t.Code == c.Type })
		if j < 0 {
			t, known := def.Type(c.Type)
			j, ts = len(ts), append(ts, EcoType{Code: c.Type, Out: known && !t.Interment, Strict: t.Interment && t.Strict, Broad: t.Interment && t.Broad})
		}
		ts[j].Count += c.Interments
	}
	return ds, ts
}

// A cross is one form in one district in one month.
type cross struct{ Month, Division, Type string }

// hideCrosses says whose events no public list names. An event that stood in
// the list of its district and in that of its form would tell of both, so the
// few of one form in one district are named in neither. Every list then withholds
// those of several such cells, at least leastShown together: else the number of
// those that it does not name would be the number of one of them.
func hideCrosses(def ecoburial.Definition, cells []ecoratio.Cell) map[cross]bool {
	hidden := map[cross]bool{}
	for _, month := range byMonth(cells) {
		lines := map[string][]ecoratio.Cell{}
		for _, c := range month {
			if few(c.Interments) {
				hidden[crossOf(c)] = true
			}
			t, _ := def.Type(c.Type)
			of := string(c.Division) + " " + string(rune('0'+partOf(t.Interment && t.Strict, t.Interment && t.Broad)))
			lines[of], lines[c.Type] = append(lines[of], c), append(lines[c.Type], c)
		}
		for again := true; again; {
			again = false
			for _, k := range slices.Sorted(maps.Keys(lines)) {
				line := lines[k]
				n, sum, next := 0, 0, -1
				for i, c := range line {
					switch {
					case hidden[crossOf(c)]:
						n, sum = n+1, sum+c.Interments
					case c.Interments > 0 && (next < 0 || c.Interments < line[next].Interments):
						next = i
					}
				}
				if n > 0 && (n == 1 || sum < leastShown) && next >= 0 {
					hidden[crossOf(line[next])], again = true, true
				}
			}
		}
	}
	return hidden
}

func crossOf(c ecoratio.Cell) cross { return cross{c.Month, string(c.Division), c.Type} }
