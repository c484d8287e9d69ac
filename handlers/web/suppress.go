package web

// leastShown is the smallest number of burials that is published for a
// district or a form of burial: a place, a month and a form can name a family.
// The number
// is a proposal of ours ([P]).
const leastShown = 5

// tooFew says which cells of a column stay unpublished. Zero is published: it
// is about nobody. When the column's total stands beside it, a single hidden
// cell could be worked out from the others, so the next smallest goes with it.
func tooFew(cells []int) []bool {
	hide := make([]bool, len(cells))
	hidden, next := 0, -1
	for i, n := range cells {
		switch {
		case n > 0 && n < leastShown:
			hide[i] = true
			hidden++
		case n > 0 && (next < 0 || n < cells[next]):
			next = i
		}
	}
	if hidden == 1 && next >= 0 {
		hide[next] = true
	}
	return hide
}

// withhold hides what is too small to publish. A district whose whole is too
// small shows none of its parts.
func withhold(p *Eco) {
	column := func(get func(EcoDistrict) int, set func(*EcoDistrict)) {
		cells := make([]int, len(p.Districts))
		for i, d := range p.Districts {
			cells[i] = get(d)
		}
		for i, hide := range tooFew(cells) {
			if hide {
				set(&p.Districts[i])
			}
		}
	}
	column(func(d EcoDistrict) int { return d.Whole }, func(d *EcoDistrict) { d.HideWhole, d.HideStrict, d.HideBroad = true, true, true })
	column(func(d EcoDistrict) int { return d.Strict }, func(d *EcoDistrict) { d.HideStrict = true })
	column(func(d EcoDistrict) int { return d.Broad }, func(d *EcoDistrict) { d.HideBroad = true })
	// What is no interment is not in the total, so nothing is worked out from it.
	var counts []int
	for _, t := range p.Types {
		if !t.Out {
			counts = append(counts, t.Count)
		}
	}
	hide := tooFew(counts)
	for i, t := range p.Types {
		if t.Out {
			p.Types[i].Hidden = t.Count > 0 && t.Count < leastShown
		} else {
			p.Types[i].Hidden, hide = hide[0], hide[1:]
		}
	}
}
