package pricepages

import (
	"shenzhong/domain"
	"shenzhong/domain/pricing"
)

// The list as schema.org knows such things. The context is given in place, so
// that reading the file asks nobody else for anything.
type ldCatalog struct {
	Context    ldContext `json:"@context"`
	Type       string    `json:"@type"`
	ID         string    `json:"@id"`
	Name       string    `json:"name"`
	Version    int       `json:"version"`
	ValidFrom  string    `json:"validFrom"`
	Language   string    `json:"inLanguage"`
	Attester   string    `json:"creditText,omitempty"`
	Event      string    `json:"isBasedOn"` // the event that published it
	Provider   ldOrg     `json:"provider"`
	Offers     []ldOffer `json:"itemListElement"`
	OfferCount int       `json:"numberOfItems"`
}

type ldContext struct {
	Vocab string `json:"@vocab"`
}

type ldOrg struct {
	Type       string `json:"@type"`
	Name       string `json:"name"`
	Identifier string `json:"identifier"`
}

type ldOffer struct {
	Type         string    `json:"@type"`
	SKU          string    `json:"sku"`
	Category     string    `json:"category"`
	Item         ldItem    `json:"itemOffered"`
	Price        *ldPrice  `json:"priceSpecification,omitempty"`
	Availability ldPointer `json:"availability"`
}

type ldPointer struct {
	ID string `json:"@id"`
}

type ldItem struct {
	Type        string `json:"@type"`
	Name        string `json:"name"`
	English     string `json:"alternateName,omitempty"`
	Description string `json:"description,omitempty"`
}

type ldPrice struct {
	Type      string `json:"@type"`
	Price     string `json:"price,omitempty"` // yuan, "200.00"
	Min       string `json:"minPrice,omitempty"`
	Max       string `json:"maxPrice,omitempty"`
	Currency  string `json:"priceCurrency"`
	Unit      string `json:"unitText"`
	ValidFrom string `json:"validFrom"`
}

// Linked is the list as schema.org knows such things, to be put into a page.
func (p Page) Linked() any { return p.ld() }

func (p Page) ld() ldCatalog {
	c := ldCatalog{Context: ldContext{"https://schema.org/"}, Type: "OfferCatalog", ID: "urn:uuid:" + p.Version.Source.ID.String() + "#prices",
		Name: p.NameZh + " 收费公示", Version: p.Version.Version, ValidFrom: p.Effective(), Language: "zh-CN", Attester: p.Signed(),
		Event: "urn:uuid:" + p.Version.Source.ID.String(), Provider: ldOrg{"Organization", p.NameZh, p.Institution}, Offers: []ldOffer{}, OfferCount: len(p.Rows)}
	for _, r := range p.Rows {
		o := ldOffer{Type: "Offer", SKU: r.Code, Category: string(r.Block), Item: ldItem{"Service", r.NameZh, r.NameEn, r.Content}, Availability: ldPointer{"https://schema.org/InStock"}}
		if r.Block == pricing.GoodsBlock {
			o.Item.Type = "Product"
		}
		if r.NotOffered {
			o.Availability.ID = "https://schema.org/OutOfStock"
		} else {
			o.Price = &ldPrice{"UnitPriceSpecification", yuan(r.Price), yuan(r.PriceMin), yuan(r.PriceMax), "CNY", r.Unit, p.Effective()}
		}
		c.Offers = append(c.Offers, o)
	}
	return c
}

// Signed is who stands for the list in public: office and name, and the account.
func (v Version) Signed() string {
	switch {
	case v.AttesterName == "":
		return v.Attester
	case v.Attester == "":
		return v.AttesterName
	}
	return v.AttesterName + "（" + v.Attester + "）"
}

// A Limit is what the catalogue says of one row.
type Limit struct {
	Min           *domain.Money `json:"min_fen,omitempty"`
	Max           *domain.Money `json:"max_fen,omitempty"`
	MarkupPercent int64         `json:"markup_percent,omitempty"`
	Markup        *domain.Money `json:"markup_fen,omitempty"`
	Basis         string        `json:"basis,omitempty"`
	Required      bool          `json:"required,omitempty"`
}

// limits puts beside each row what the catalogue says of it.
func (p *Page) limits() {
	if p.Catalogue == nil {
		return
	}
	kind := p.FacilityKind
	for i := range p.Rows {
		r := &p.Rows[i]
		for _, it := range p.Catalogue.Items {
			if it.Code != r.Code {
				continue
			}
			l := Limit{MarkupPercent: it.MarkupPercent, Basis: it.Basis, Required: it.RequiredOf != "" && it.RequiredOf == kind}
			for _, x := range []struct {
				from domain.Money
				to   **domain.Money
			}{{it.PriceMin, &l.Min}, {it.PriceMax, &l.Max}, {it.Markup, &l.Markup}} {
				if x.from > 0 {
					*x.to = &x.from
				}
			}
			if r.Limit = nil; l != (Limit{}) {
				r.Limit = &l
			}
			if r.Content == "" {
				r.Content = it.Content
			}
		}
	}
}
