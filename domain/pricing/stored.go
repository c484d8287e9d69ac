package pricing

import "shenzhong/domain"

// The forms in which events were stored before catalogues told limits and lists
// told what is not offered. What they do not say stays empty.

type adoptedV1 struct {
	Version       int         `json:"version"`
	Document      string      `json:"document"`
	EffectiveFrom domain.Date `json:"effective_from"`
	Items         []itemV1    `json:"items"`
}

type itemV1 struct {
	Code        string      `json:"code"`
	NameZh      string      `json:"name_zh"`
	NameEn      string      `json:"name_en,omitzero"`
	Category    RowCategory `json:"category"`
	PricingType PricingType `json:"pricing_type"`
	Unit        string      `json:"unit"`
	Note        string      `json:"note,omitzero"`
}

func (a adoptedV1) up() Adopted {
	now := Adopted{Version: a.Version, Document: a.Document, EffectiveFrom: a.EffectiveFrom}
	for _, it := range a.Items {
		now.Items = append(now.Items, Item{Code: it.Code, NameZh: it.NameZh, NameEn: it.NameEn, Category: it.Category, PricingType: it.PricingType, Unit: it.Unit, Note: it.Note})
	}
	return now
}

type publishedV1 struct {
	Version          int             `json:"version"`
	EffectiveFrom    domain.Date     `json:"effective_from"`
	Precision        Precision       `json:"precision"`
	InstitutionName  string          `json:"institution_name"`
	City             string          `json:"city,omitzero"`
	Division         domain.Division `json:"division"`
	FacilityKind     string          `json:"facility_kind,omitzero"`
	Basis            string          `json:"basis,omitzero"`
	Source           string          `json:"source,omitzero"`
	Confidence       string          `json:"confidence,omitzero"`
	Caveats          []string        `json:"caveats,omitzero"`
	Attester         string          `json:"attester,omitzero"`
	CatalogueVersion int             `json:"catalogue_version,omitzero"`
	Rows             []rowV1         `json:"rows"`
}

type rowV1 struct {
	Code          string       `json:"code"`
	NameZh        string       `json:"name_zh"`
	NameEn        string       `json:"name_en,omitzero"`
	Category      RowCategory  `json:"category"`
	PricingType   PricingType  `json:"pricing_type"`
	Unit          string       `json:"unit"`
	Price         domain.Money `json:"price_fen"`
	PriceMin      domain.Money `json:"price_min_fen,omitzero"`
	PriceMax      domain.Money `json:"price_max_fen,omitzero"`
	Cost          domain.Money `json:"cost_fen,omitzero"`
	MarkupPercent int64        `json:"markup_percent,omitzero"`
	Markup        domain.Money `json:"markup_fen,omitzero"`
	Note          string       `json:"note,omitzero"`
	Basis         string       `json:"basis,omitzero"`
}

func (p publishedV1) up() Published {
	now := Published{Version: p.Version, EffectiveFrom: p.EffectiveFrom, Precision: p.Precision, InstitutionName: p.InstitutionName, City: p.City,
		Division: p.Division, FacilityKind: p.FacilityKind, Basis: p.Basis, Source: p.Source, Confidence: p.Confidence, Caveats: p.Caveats,
		Attester: p.Attester, CatalogueVersion: p.CatalogueVersion}
	for _, r := range p.Rows {
		now.Rows = append(now.Rows, Row{Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Category: r.Category, PricingType: r.PricingType, Unit: r.Unit,
			Price: r.Price, PriceMin: r.PriceMin, PriceMax: r.PriceMax, Cost: r.Cost, MarkupPercent: r.MarkupPercent, Markup: r.Markup, Note: r.Note, Basis: r.Basis})
	}
	return now
}
