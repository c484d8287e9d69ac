package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A chart is the trend as an SVG: everything the template writes is already a
// number or a short text here.
type chart struct {
	W, H       int
	Left, Base float64
	Right      float64
	Grid       []chartLine
	Labels     []chartLabel
	Years      []chartLabel
	Strict     chartSeries
	Broad      chartSeries
	Any        bool // there is at least one point
	First      EcoPoint
	Last       EcoPoint
	Count      int
}

type chartLine struct {
	Y, TextY string
	Text     string
}

type chartLabel struct{ X, Text string }

type chartSeries struct {
	Path   string
	Points []chartPoint
	Text   string
	TextY  string
}

type chartPoint struct{ X, Y string }

// drawTrend places the points of both shares. A period without interments has
// no point and breaks the line: it is not zero.
func drawTrend(m messages, ps []EcoPoint) (chart, error) {
	c := chart{W: 344, H: 230, Left: 36, Right: 328, Base: 190}
	const top = 16.0
	full := 20 // what the axis ends at
	for _, p := range ps {
		for p.Whole > 0 && p.Broad*100 > full*p.Whole && full < 100 {
			full += 20
		}
	}
	y := func(part, whole int) float64 {
		return c.Base - (c.Base-top)*100*float64(part)/(float64(full)*float64(whole))
	}
	steps := full / 20
	if steps == 1 {
		steps = 2
	}
	for i := range steps + 1 {
		at := c.Base - (c.Base-top)*float64(i)/float64(steps)
		c.Grid = append(c.Grid, chartLine{num(at), num(at + 4), strconv.Itoa(full*i/steps) + "%"})
	}
	gap := c.Right - c.Left
	if len(ps) > 1 {
		gap /= float64(len(ps) - 1)
	}
	year := ""
	var strict, broad strings.Builder
	broken := true
	for i, p := range ps {
		x := c.Left + gap*float64(i)
		y4, rest, sub := strings.Cut(p.Period, "-")
		if !sub {
			c.Labels = append(c.Labels, chartLabel{num(x), y4})
		} else {
			c.Labels = append(c.Labels, chartLabel{num(x), strings.TrimPrefix(rest, "0")})
			if y4 != year {
				text, err := m.text("period.year", atoi(y4))
				if err != nil {
					return c, err
				}
				c.Years = append(c.Years, chartLabel{num(x), text})
			}
		}
		year = y4
		if p.Whole == 0 {
			broken = true
			continue
		}
		move := "L"
		if broken {
			move = "M"
		}
		broken = false
		ys, yb := y(p.Strict, p.Whole), y(p.Broad, p.Whole)
		fmt.Fprintf(&strict, "%s%s %s", move, num(x), num(ys))
		fmt.Fprintf(&broad, "%s%s %s", move, num(x), num(yb))
		c.Strict.Points = append(c.Strict.Points, chartPoint{num(x), num(ys)})
		c.Broad.Points = append(c.Broad.Points, chartPoint{num(x), num(yb)})
		if c.Count == 0 {
			c.First = p
		}
		c.Last = p
		c.Count++
	}
	if len(c.Years) > 1 && atof(c.Years[1].X)-atof(c.Years[0].X) < 50 {
		c.Years = c.Years[1:] // two years would run into one another
	}
	c.Any = c.Count > 0
	c.Strict.Path, c.Broad.Path = strict.String(), broad.String()
	const line = 14 // height of a figure
	above, below := c.beside(c.Broad.Points, -1, top), c.beside(c.Strict.Points, 1, top)
	switch {
	case math.Abs(above-below) >= line:
	case above > c.Base/2:
		above = below - line
	default:
		below = above + line
	}
	c.Broad.TextY, c.Strict.TextY = num(above), num(below)
	return c, nil
}

// beside finds the height at which a line's own figure, written at the right
// end, does not lie on the line: above it (side −1) or below it (side 1), on the
// other side where there is no room.
func (c chart) beside(points []chartPoint, side int, top float64) float64 {
	const long, above, below = 135, 9, 17 // of the text: its length, and how far off it stands
	high, low := c.Base, top
	for _, p := range points {
		if atof(p.X) >= c.Right-long {
			high, low = min(high, atof(p.Y)), max(low, atof(p.Y))
		}
	}
	up, down := high-above, low+below
	if side < 0 && up >= 11 || side > 0 && down > c.Base-3 {
		return up
	}
	return down
}

// A bar is one cell's picture: strict within broad within the whole, in
// hundredths of the cell.
type bar struct{ Strict, Broad string }

func drawBar(c EcoCount) bar {
	if c.Whole == 0 {
		return bar{"0", "0"}
	}
	return bar{num(100 * float64(c.Strict) / float64(c.Whole)), num(100 * float64(c.Broad) / float64(c.Whole))}
}

func num(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func atof(s string) float64 { f, _ := strconv.ParseFloat(s, 64); return f }
