package web

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/projections/places"
)

// A limitsPage lists the places that break a limit as they are, and what was
// asked for beyond a limit and refused: of one's own cemetery, or, for the
// regulator, of every one.
type limitsPage struct {
	Divisions []domain.Division
	Division  string // the one that was asked for
	Standing  []limitLine
	Refused   []limitLine
	Places    int // that were looked at
	CSV       string
	AsOf      AsOf
}

type limitLine struct {
	places.Breach
	Yard     Text
	Division domain.Division
	Href     string
	// Has and Most are what was measured or asked, and the limit, in words.
	Has, Most string
}

// limitFigure writes what a limit's code measures: m², cm, a day or yuan.
func (v *visit) limitFigure(code, s string) string {
	n, err := strconv.Atoi(s)
	switch {
	case s == "":
		return "—"
	case err != nil: // a day
		return s
	case code == cemetery.ErrArea.Code:
		return area(n) + v.text("limits.m2")
	case code == cemetery.ErrStone.Code || code == cemetery.ErrHeadstone.Code:
		return strconv.Itoa(n) + v.text("limits.cm")
	}
	return domain.Money(n).String() + v.text("limits.yuan")
}

func (d *Desk) limitsPage(v *visit) (limitsPage, error) {
	p := limitsPage{Division: v.r.URL.Query().Get("district")}
	cs, asOf, err := d.data.Cemeteries(v.ctx())
	if err != nil {
		return p, err
	}
	of := domain.CreditCode("")
	var mine []places.Cemetery
	for _, c := range cs {
		if !v.actor.In(string(c.Code)) {
			continue
		}
		if !slices.Contains(p.Divisions, c.Division) {
			p.Divisions = append(p.Divisions, c.Division)
		}
		if p.Division == "" || string(c.Division) == p.Division {
			mine, p.Places = append(mine, c), p.Places+c.Places
		}
	}
	if len(mine) == 1 {
		of = mine[0].Code
	}
	slices.Sort(p.Divisions)
	bs, asOf2, err := d.data.Breaches(v.ctx(), string(of))
	if err != nil {
		return p, err
	}
	p.AsOf = asOf2
	if asOf.Trouble != None {
		p.AsOf = asOf
	}
	for _, b := range bs {
		i := slices.IndexFunc(mine, func(c places.Cemetery) bool { return c.Code == b.Cemetery })
		if i < 0 {
			continue
		}
		l := limitLine{Breach: b, Yard: Text{mine[i].NameZh, mine[i].NameEn}, Division: mine[i].Division, Has: v.limitFigure(b.Code, b.Asked), Most: v.limitFigure(b.Code, b.Limit),
			Href: "/desk/cemeteries/" + string(b.Cemetery) + "?plot=" + b.Plot + "#sheet"}
		if b.Refused {
			p.Refused = append(p.Refused, l)
		} else {
			p.Standing = append(p.Standing, l)
		}
	}
	p.CSV = "/desk/limits.csv"
	if p.Division != "" {
		p.CSV += "?district=" + p.Division
	}
	return p, nil
}

// limits is GET /desk/limits.
func (d *Desk) limits(v *visit) error {
	p, err := d.limitsPage(v)
	if err != nil {
		return err
	}
	v.keep = []string{"district"}
	return d.send(v, "desk-limits", "/desk/cemeteries/limits", p, &p.AsOf)
}

// limitsTable is the same as CSV, figures in the units of the events: cm², cm, a
// day, or fen.
func (d *Desk) limitsTable(v *visit) error {
	p, err := d.limitsPage(v)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="limits.csv"`)
	w := csv.NewWriter(v.w)
	w.Write([]string{"division", "cemetery", "cemetery_name", "plot", "what", "code", "rule", "asked_or_measured", "limit", "given", "day", "log_position", "as_of"})
	for _, l := range slices.Concat(p.Standing, p.Refused) {
		what := "standing"
		if l.Refused {
			what = "refused"
		}
		w.Write([]string{string(l.Division), string(l.Cemetery), cell(l.Yard.Zh), cell(l.Plot), what, l.Code, l.Rule, l.Asked, l.Limit, strconv.FormatBool(l.Given), string(l.On),
			fmt.Sprint(p.AsOf.Position), p.AsOf.At.In(domain.Shanghai).Format(time.RFC3339)})
	}
	w.Flush()
	return nil // the client may be gone
}
