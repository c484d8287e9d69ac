package web

import (
	"strconv"
)

// An ecoCompare is the regulator's page: nothing is withheld on it.
type ecoCompare struct {
	Eco
	Before    Eco // the same period a year earlier
	Years     []EcoPoint
	Compared  []ecoPair
	HasBefore bool
}

// An ecoPair is a district in two years.
type ecoPair struct {
	Now, Before EcoDistrict
}

// Points is the difference of a share in percentage points, to one decimal;
// "—" where one of the two has no data.
func (p ecoPair) Points(strict bool) string {
	a, b := p.Now.Broad, p.Before.Broad
	if strict {
		a, b = p.Now.Strict, p.Before.Strict
	}
	return points(a, p.Now.Whole, b, p.Before.Whole)
}

func points(a, whole, b, before int) string {
	if whole == 0 || before == 0 {
		return "—"
	}
	d := 100*float64(a)/float64(whole) - 100*float64(b)/float64(before)
	s := strconv.FormatFloat(d, 'f', 1, 64)
	if d > 0 {
		return "+" + s
	}
	return s
}

// yearBefore is the same period a year earlier.
func yearBefore(period string) string {
	if len(period) < 4 {
		return ""
	}
	return strconv.Itoa(atoi(period[:4])-1) + period[4:]
}

func (d *Desk) eco(v *visit) error {
	q, err := ecoQuery(v.r)
	if err != nil {
		return err
	}
	q.All = true
	p := ecoCompare{}
	if p.Eco, err = d.Handler.data.Eco(v.ctx(), q); err != nil {
		return err
	}
	if key := p.Period.Key; key != "" {
		q.Period = yearBefore(key)
		if p.Before, err = d.Handler.data.Eco(v.ctx(), q); err != nil {
			return err
		}
		p.HasBefore = p.Before.Total.Whole > 0
		q.Period = key[:4]
		years, err := d.Handler.data.Eco(v.ctx(), q)
		if err != nil {
			return err
		}
		p.Years = years.Trend
	}
	for _, now := range p.Districts {
		x := ecoPair{Now: now}
		for _, b := range p.Before.Districts {
			if b.Code == now.Code {
				x.Before = b
			}
		}
		p.Compared = append(p.Compared, x)
	}
	v.keep = []string{"period", "definition"}
	return d.send(v, "desk-eco", "/desk/eco-burial", p, &p.AsOf)
}

func (d *Desk) ecoList(v *visit) error {
	q, err := ecoListQuery(v.r)
	if err != nil {
		return err
	}
	q.All = true
	p, err := d.Handler.data.EcoList(v.ctx(), q)
	if err != nil {
		return err
	}
	v.keep = []string{"period", "definition", "division", "type", "share", "late", "after"}
	return d.send(v, "desk-eco-list", "/desk/eco-burial", p, &p.AsOf)
}

func (d *Desk) ecoFile(v *visit) (Eco, error) {
	q, err := ecoQuery(v.r)
	if err != nil {
		return Eco{}, err
	}
	q.All = true
	return d.Handler.data.Eco(v.ctx(), q)
}

func (d *Desk) ecoSheet(v *visit) error {
	p, err := d.ecoFile(v)
	if err != nil {
		return err
	}
	return sendWorkbook(v.w, v.r, "eco-burial-"+p.Period.Key+"-full", p)
}

func (d *Desk) ecoTable(v *visit) error {
	p, err := d.ecoFile(v)
	if err != nil {
		return err
	}
	b, err := csvOf(ecoLines(ecoFileOf(p)))
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="eco-burial-`+p.Period.Key+`-full.csv"`)
	_, err = v.w.Write(b)
	return err
}
