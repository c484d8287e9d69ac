package web

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
	"shenzhong/projections/ecoratio"
)

// randomCells are the burials of some months, with many small numbers.
func randomCells(r *rand.Rand, months int) []ecoratio.Cell {
	var cells []ecoratio.Cell
	for m := range months {
		for _, d := range []domain.Division{"210202", "210203", "210211", "210213", "210281"} {
			for _, code := range []string{"BODY_PLOT", "NICHE", "SEA", "STD_PLOT", "TREE_BIO", "WALL"} {
				if n := r.IntN(14) - 4; n > 0 {
					cells = append(cells, ecoratio.Cell{Month: fmt.Sprintf("2026-%02d", m+1), Cell: ecoburial.Cell{Division: d, Type: code, Interments: n}})
				}
			}
		}
	}
	return cells
}

// TestNoNumberIsLeftToWorkOut: of what the tables of a period do not publish,
// nothing small is the difference of what they do publish.
func TestNoNumberIsLeftToWorkOut(t *testing.T) {
	def := ecoburial.Default()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		cells := randomCells(r, 3)
		p := Eco{}
		p.Districts, p.Types = tables(def, cells)
		withhold(&p, def, cells)
		alone := func(what string, n, whole int, sum int) {
			if n == 1 && whole > 1 {
				t.Fatalf("%s: one number is hidden among %d, and the sum %d is published", what, whole, sum)
			}
		}
		hidden := [3]int{}
		for _, d := range p.Districts {
			for i, h := range []bool{d.HideWhole, d.HideStrict, d.HideBroad} {
				if h {
					hidden[i]++
				}
			}
			if !d.HideWhole && few(d.Whole) || !d.HideStrict && few(d.Strict) || !d.HideBroad && few(d.Broad) ||
				!d.HideStrict && !d.HideBroad && few(d.Broad-d.Strict) || !d.HideWhole && !d.HideBroad && few(d.Whole-d.Broad) {
				t.Fatalf("%+v gives a small number away", d)
			}
		}
		for _, n := range hidden {
			alone("districts", n, len(p.Districts), 0)
		}
		for part := range 3 {
			n, whole := 0, 0
			for _, ty := range p.Types {
				if partOf(ty.Strict, ty.Broad) == part {
					whole++
					if ty.Hidden {
						n++
					} else if few(ty.Count) {
						t.Fatalf("%+v is published", ty)
					}
				}
			}
			alone("forms", n, whole, 0)
		}
		// What one month hides, the quarter hides.
		for _, month := range byMonth(cells) {
			q := Eco{}
			q.Districts, q.Types = tables(def, month)
			withhold(&q, def, month)
			for _, d := range q.Districts {
				i := slices.IndexFunc(p.Districts, func(x EcoDistrict) bool { return x.Code == d.Code })
				if x := p.Districts[i]; d.HideWhole && !x.HideWhole || d.HideStrict && !x.HideStrict || d.HideBroad && !x.HideBroad {
					t.Fatalf("%s shows %+v, and %s hides %+v", "the quarter", x, month[0].Month, d)
				}
			}
		}
	}
}

// TestListsTellNoCell: whoever lays the list of a district beside that of a form
// finds nothing that is too small to publish, nor does who counts what a list
// leaves out.
func TestListsTellNoCell(t *testing.T) {
	def := ecoburial.Default()
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		cells := randomCells(r, 1)
		hidden := hideCrosses(def, cells)
		out, n, whole := map[string]int{}, map[string]int{}, map[string]int{}
		for _, c := range cells {
			if few(c.Interments) && !hidden[crossOf(c)] {
				t.Fatalf("%+v is named", c)
			}
			ty, _ := def.Type(c.Type)
			for _, line := range []string{c.Type, fmt.Sprint(c.Division, partOf(ty.Strict, ty.Broad))} {
				whole[line]++
				if hidden[crossOf(c)] {
					out[line], n[line] = out[line]+c.Interments, n[line]+1
				}
			}
		}
		for line, k := range n {
			if k < whole[line] && (k == 1 || out[line] < leastShown) {
				t.Fatalf("%s leaves out %d of %d cells", line, out[line], k)
			}
		}
	}
}

// ecoTown is a city with a busy month.
func ecoTown(t *testing.T) *town {
	def := ecoburial.Default()
	c := newTown(t, registered, func(c *town) {
		for code, n := range map[string]int{"SEA": 30, "TREE_BIO": 36, "NICHE": 30, "WALL": 2, "STD_PLOT": 21, "BODY_PLOT": 9} {
			typ, ok := def.Type(code)
			if !ok {
				t.Fatalf("no type %s", code)
			}
			for i := range n {
				id := uuid.NewString()
				division := []domain.Division{"210211", "210211", "210213"}[i%3]
				c.add("2026-10-20", cemetery.PlotCategory, townCemetery+"."+id[:8], cemetery.PlotInterred{Right: "R", Person: domain.Subject(id), Certificate: "C",
					EcoType: code, Definition: def.ID, Institution: townCemetery, Division: division, AreaCM2: typ.LandCM2, InterredOn: "2026-10-15"})
			}
		}
	})
	c.settle(ecoratio.Name)
	return c
}

// TestListsBehindFigures: the number of a list is the figure's; it names events
// and nothing else, and what is withheld on the page is withheld there.
func TestListsBehindFigures(t *testing.T) {
	c := ecoTown(t)
	number := func(query string) (count string, named int, page doc) {
		p := c.page("/stats/eco-burial/list?period=2026-10" + query)
		facts := p.find(func(n *html.Node) bool { return n.Data == "dd" })
		return text(facts[len(facts)-1]), len(p.find(func(n *html.Node) bool { return n.Data == "th" && attr(n, "scope") == "row" })), p
	}
	for query, want := range map[string]string{"": "128", "&share=strict": "66", "&share=broad": "98", "&type=NICHE": "不公布", "&type=WALL": "不公布", "&type=SEA": "30", "&division=210211": "86", "&division=210202": "—", "&division=210213&share=broad": "32"} {
		if got, _, _ := number(query); got != want {
			t.Errorf("list%s counts %s, want %s", query, got, want)
		}
	}
	count, named, p := number("&share=strict")
	if count != "66" || named != 66 {
		t.Errorf("%d of %s are named", named, count)
	}
	if count, named, _ := number(""); named != 66 { // the only wall burials are two, the body plots of one district three
		t.Errorf("%d of %s are named", named, count)
	}
	if s := text(p.root); strings.Contains(s, "2026-10-15") || strings.Contains(s, townCemetery+".") {
		t.Error("the list names a day or a plot")
	}
	for _, bad := range []string{"?period=2026-10&division=999999", "?period=2026-10&type=NONE", "?period=2026-10&share=most", "?period=2026-10&late=1&type=SEA", "?period=2026-10&definition=none"} {
		if r := get(t, c, "/stats/eco-burial/list"+bad); r.StatusCode != http.StatusNotFound {
			t.Errorf("list%s: status %d", bad, r.StatusCode)
		}
	}
	if r := get(t, c, "/stats/eco-burial/list"); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("list of no period: status %d", r.StatusCode)
	}
}

// TestWorkbook: the workbook says what the page says, and no text in it is a
// formula.
func TestWorkbook(t *testing.T) {
	s := exampleServer(t, sources["full"])
	r := get(t, s, "/stats/eco-burial.xlsx")
	if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Content-Type"), "spreadsheetml") {
		t.Fatalf("status %d, %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	x, err := excelize.OpenReader(bytes.NewReader(body(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for at, want := range map[[2]string]string{{"说明 About", "B3"}: "dl-eco-2026.1", {"说明 About", "B4"}: "412806", {"数字 Figures", "A2"}: "city", {"数字 Figures", "E2"}: "1872", {"数字 Figures", "F2"}: "145",
		{"公布值 Published", "C2"}: "1867", {"设施 Coverage", "H3"}: "5"} {
		if got, err := x.GetCellValue(at[0], at[1]); err != nil || got != want {
			t.Errorf("%v is %q, want %q (%v)", at, got, want, err)
		}
	}

	b, err := workbook(time.Time{}, sheet{Name: "a", Head: []string{"=1+1"}, Lines: [][]any{{`=HYPERLINK("x")`, "@a", "+1", int64(2), nil}}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := workbook(time.Time{}, sheet{Name: "a", Head: []string{"=1+1"}, Lines: [][]any{{`=HYPERLINK("x")`, "@a", "+1", int64(2), nil}}})
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("the same tables make two files (%v)", err)
	}
	if x, err = excelize.OpenReader(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for cell, want := range map[string]string{"A1": "=1+1", "A2": `=HYPERLINK("x")`, "B2": "@a", "D2": "2", "E2": ""} {
		f, err := x.GetCellFormula("a", cell)
		v, err2 := x.GetCellValue("a", cell)
		if f != "" || v != want || err != nil || err2 != nil {
			t.Errorf("%s: formula %q, value %q, want %q", cell, f, v, want)
		}
	}
}
