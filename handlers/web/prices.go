package web

import (
	"cmp"
	"encoding/json"
	"html/template"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/projections/pricepages"
)

// PricePages is what the pricepages read model draws its pages with, each by
// Variant.
func (r *Renderer) PricePages() pricepages.Renderer {
	return pricepages.Renderer{
		List: func(p pricepages.Page) (map[string][]byte, error) {
			l := priceListOf(p)
			return r.ahead("price", l, l.AsOf)
		},
		History: func(h pricepages.History) (map[string][]byte, error) {
			p := historyOf(h)
			return r.ahead("history", p, p.AsOf)
		},
		// The sheets on paper are drawn from the very page that the web shows.
		Wall: func(p pricepages.Page) (map[string][]byte, error) {
			l := priceListOf(p)
			return r.ahead("wall", l, l.AsOf)
		},
		Counter: func(p pricepages.Page) (map[string][]byte, error) {
			l := priceListOf(p)
			return r.ahead("counter", l, l.AsOf)
		},
		Fingerprint: r.Fingerprint(),
	}
}

// ahead draws a page in every variant, before anybody asks for it.
func (r *Renderer) ahead(name string, body any, asOf AsOf) (map[string][]byte, error) {
	pages := map[string][]byte{}
	for _, v := range variants {
		b, err := r.render(name, "/prices", v, body, &asOf)
		if err != nil {
			return nil, err
		}
		pages[Variant(v.Lang, v.Elder)] = b
	}
	return pages, nil
}

// reference says that a list is of another place or year: an institution that
// charges by its list is known by its credit code, a list kept for comparison
// by a word.
func reference(institution string) bool {
	_, err := domain.ParseCreditCode(institution)
	return err != nil
}

// known is an institution as the register names it, or else as its list does.
func known(v pricepages.Version, g *pricepages.Registered) (name Text, kind string, fictitious bool) {
	if g != nil {
		return Text{g.NameZh, g.NameEn}, string(g.Kind), g.Fictitious
	}
	return Text{Zh: v.NameZh}, v.FacilityKind, false
}

func dayOf(v pricepages.Version) Day { return Day{v.EffectiveFrom, v.Precision == pricing.ToYear} }

func priceListOf(p pricepages.Page) PriceList {
	l := PriceList{
		Key: p.Institution, City: p.City, Reference: reference(p.Institution),
		Version: p.Version.Version, From: dayOf(p.Version), Attester: p.Signed(), Next: p.Next, NextFrom: p.NextFrom,
		Basis: p.Basis, Source: p.Origin, Confidence: p.Confidence, Caveats: p.Caveats, Catalogue: p.Catalogue,
		Changes: changesOf(p.Changes), Event: p.Version.Source.ID.String(),
		AsOf: AsOf{Position: uint64(p.Version.Source.Position), At: p.Version.Source.Recorded},
	}
	l.Name, l.Kind, l.Fictitious = known(p.Version, p.Registered)
	if !l.Reference {
		l.CreditCode = p.Institution
	}
	l.Late, l.ChargedMonth = p.LateReason, p.ChargedMonth
	ld, err := json.Marshal(p.Linked())
	if err != nil {
		panic(err) // texts and numbers
	}
	l.Linked = template.JS(ld)
	for _, t := range p.Totals {
		total := PriceTotal{Name: Text{t.NameZh, t.NameEn}, Amount: t.Amount}
		for _, it := range t.Items {
			for _, r := range p.Rows {
				if r.Code == it.Code {
					total.Items = append(total.Items, PriceTotalItem{Text{r.NameZh, r.NameEn}, it.Quantity})
				}
			}
		}
		l.Totals = append(l.Totals, total)
	}
	for _, kind := range pricing.Blocks {
		b := PriceBlock{Kind: kind}
		for i, r := range p.Rows {
			if r.Block == kind {
				row := priceRowOf(i+1, r)
				for _, c := range p.Charged {
					if c.Code == r.Code {
						row.Charged = &c
					}
				}
				b.Rows = append(b.Rows, row)
			}
		}
		l.Blocks = append(l.Blocks, b)
	}
	return l
}

func priceRowOf(number int, r pricepages.Row) PriceRow {
	amount := func(m *domain.Money) domain.Money {
		if m == nil {
			return 0
		}
		return *m
	}
	row := PriceRow{
		Content: r.Content, Relief: r.Relief, Reason: r.Reason, NotOffered: r.NotOffered,
		Number: number, Code: r.Code, Name: Text{r.NameZh, r.NameEn}, Method: r.PricingType, Unit: r.Unit,
		Price: amount(r.Price), Min: amount(r.PriceMin), Max: amount(r.PriceMax),
		MarkupPercent: r.MarkupPercent, Markup: amount(r.Markup), Note: r.Note, Basis: r.Basis,
	}
	if l := r.Limit; l != nil {
		row.LimitMin, row.LimitMax, row.Basis = amount(l.Min), amount(l.Max), cmp.Or(row.Basis, l.Basis)
		if row.Markup == 0 && row.MarkupPercent == 0 {
			row.MarkupPercent, row.Markup = l.MarkupPercent, amount(l.Markup)
		}
	}
	return row
}

func changesOf(cs []pricepages.Change) []PriceChange {
	var all []PriceChange
	for _, c := range cs {
		p := PriceChange{Kind: c.Kind, Code: c.Code, Name: Text{c.NameZh, c.NameEn}, Unit: c.Unit}
		if c.Before != nil {
			p.From = priceText(priceRowOf(0, *c.Before))
		}
		if c.After != nil {
			p.To = priceText(priceRowOf(0, *c.After))
		}
		all = append(all, p)
	}
	return all
}

func historyOf(h pricepages.History) PriceHistory {
	p := PriceHistory{Key: h.Institution, Reference: reference(h.Institution)}
	for _, v := range h.Versions {
		p.Versions = append(p.Versions, PriceVersion{
			Version: v.Version.Version, From: dayOf(v.Version), Recorded: v.Version.Source.Recorded, Basis: v.Basis, Rows: v.RowCount,
			First: v.Previous == 0, Changes: changesOf(v.Changes), Event: v.Version.Source.ID.String(),
		})
	}
	if len(h.Versions) > 0 {
		last := h.Versions[0].Version
		p.Name, _, _ = known(last, h.Registered)
		p.AsOf = AsOf{Position: uint64(last.Source.Position), At: last.Source.Recorded}
	}
	return p
}

func priceIndexOf(es []pricepages.Entry, asOf AsOf) PriceIndex {
	p := PriceIndex{AsOf: asOf}
	for _, e := range es {
		line := PriceIndexEntry{Key: e.Institution, City: e.City, Version: e.Version.Version, Rows: e.RowCount, From: dayOf(e.Version), Attester: e.Attester, Event: e.Version.Source.ID.String(), ToCome: !e.InForce}
		line.Name, line.Kind, line.Fictitious = known(e.Version, e.Registered)
		if reference(e.Institution) {
			p.Reference = append(p.Reference, line)
		} else {
			p.Current = append(p.Current, line)
		}
	}
	return p
}
