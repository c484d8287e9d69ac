// Package pricepages is the read model of the public price lists: every version
// of every institution, rendered once per change and kept ready to serve.
package pricepages

import (
	"shenzhong/domain"
	"shenzhong/projections"
)

// A Row is one line of a price list, as published.
type Row struct {
	Code        string        `json:"code"`
	NameZh      string        `json:"name_zh"`
	NameEn      string        `json:"name_en"`
	Category    string        `json:"category"`
	PricingType string        `json:"pricing_type"`
	Unit        string        `json:"unit"`
	Price       *domain.Money `json:"price_fen,omitempty"`
	PriceMin    *domain.Money `json:"price_min_fen,omitempty"`
	PriceMax    *domain.Money `json:"price_max_fen,omitempty"`
	Note        string        `json:"note,omitempty"`
	Basis       string        `json:"basis,omitempty"`
}

// A Version is one published price list without its rows.
type Version struct {
	Institution   string             `json:"institution"`
	Version       int                `json:"version"`
	EffectiveFrom domain.Date        `json:"effective_from"`
	Precision     string             `json:"precision"` // "day", or "year" where only the year is known
	NameZh        string             `json:"name_zh"`
	City          string             `json:"city"`
	Division      domain.Division    `json:"division"`
	FacilityKind  string             `json:"facility_kind"`
	Basis         string             `json:"basis"`
	Origin        string             `json:"origin"` // where the list was found: an address or a document
	Confidence    string             `json:"confidence"`
	Caveats       string             `json:"caveats"`
	Attester      string             `json:"attester"` // empty where nobody signed
	Rows          int                `json:"rows"`
	Source        projections.Source `json:"source"`
}

// A Page is what the public page of one version of a price list shows. It is
// handed to Render once, when the list or its neighbour is published.
type Page struct {
	Version
	Lines []Row `json:"rows"`
	// Previous is the version before this one, Changes what differs from it.
	Previous *Version `json:"previous,omitempty"`
	Changes  []Change `json:"changes,omitempty"`
	// Next is a version already published that takes effect later.
	Next *Version `json:"next,omitempty"`
	// Versions are all that were published up to this one, newest first.
	Versions []Version `json:"-"`
}

// A Change is one line that differs between two versions. Before is nil for a
// new line, After for one that was dropped.
type Change struct {
	Code   string   `json:"code"`
	NameZh string   `json:"name_zh"`
	NameEn string   `json:"name_en"`
	Before *Row     `json:"before,omitempty"`
	After  *Row     `json:"after,omitempty"`
	Fields []string `json:"fields"` // JSON names of what differs, in the row's order
}

// A File is a page ready to be served.
type File struct {
	// Type is the Content-Type; Gzip the bytes, already compressed; ETag a strong
	// tag with its quotes, of the uncompressed bytes.
	Type string
	Gzip []byte
	ETag string
	Version
}

// A Format is one of the ways in which a list is kept ready.
type Format string

// The formats of a file. HTML is kept once per language that Render answered
// with.
const (
	HTML Format = "html"
	JSON Format = "json"
	CSV  Format = "csv"
)

// Render makes the HTML of a page in each language ("zh", "en"). Its result
// must follow from the page alone.
type Render func(page Page) (map[string][]byte, error)
