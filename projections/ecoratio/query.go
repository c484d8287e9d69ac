// Package ecoratio is the read model of the eco-burial ratio: every interment as
// one row without personal data, and the counts by month, district and type
// that strict and broad share are made of.
package ecoratio

import (
	"shenzhong/domain"
	"shenzhong/projections"
)

// A Unit is how long the periods of a series are.
type Unit string

// The periods that a share can be asked for. A period is named as domain.Date
// names it: "2026-11", "2026-Q4", "2026".
const (
	Month   Unit = "month"
	Quarter Unit = "quarter"
	Year    Unit = "year"
)

// A Filter narrows a question. Its zero value asks for everything there is.
type Filter struct {
	// From and Until bound the local date of the interment, both inclusive;
	// empty is open. Shares are counted by whole months, so a bound in the
	// middle of a month takes the whole month.
	From, Until domain.Date
	// Division narrows to a district (210211) or a city (210200); Institution
	// to one facility.
	Division    domain.Division
	Institution string
	// Definition is the definition version; empty means the newest that any
	// interment in question was recorded under.
	Definition string
}

// Counts are the parts of every share. A share is never shown without them.
type Counts struct {
	// Interments is the denominator: burials completed in the period, by local
	// date. Strict and Broad are the numerators.
	Interments int `json:"interments"`
	Strict     int `json:"strict"`
	Broad      int `json:"broad"`
	// LandSavedCm2 is Σ (10,000 cm² − land used) over the broad numerator, a
	// burial that uses more than 1 m² counting 0: an estimate against a standard
	// plot of 1 m², not a measurement.
	LandSavedCm2 int64 `json:"land_saved_cm2"`
	// Late are the interments of this period that were recorded in a later
	// month than the one they happened in.
	Late int `json:"late"`
}

// Share is n/d of 1; false where the denominator is empty: no data is not 0 %.
func Share(n, d int) (float64, bool) {
	if d == 0 {
		return 0, false
	}
	return float64(n) / float64(d), true
}

// A Period is one step of a series. Periods without any interment are absent:
// the caller shows a gap, never 0 %.
type Period struct {
	Period string `json:"period"`
	Counts
}

// A District is one division's part.
type District struct {
	Division domain.Division `json:"division"`
	Counts
}

// A Type is one way of burial's part. Strict and Broad say into which
// numerators it goes under the definition.
type Type struct {
	Code         string `json:"type"`
	Interments   int    `json:"interments"`
	LandSavedCm2 int64  `json:"land_saved_cm2"`
	CountsStrict bool   `json:"counts_strict"`
	CountsBroad  bool   `json:"counts_broad"`
	NameZh       string `json:"name_zh"`
	NameEn       string `json:"name_en"`
	CountsAtAll  bool   `json:"counts_at_all"` // false: neither numerator nor denominator (temporary deposit, kept by family)
}

// An Interment is one row of the record behind the figures. It holds nothing
// about a person.
type Interment struct {
	Source      projections.Source `json:"source"`
	Stream      string             `json:"stream"`
	On          domain.Date        `json:"interred_on"` // local date; empty when nobody knows
	Type        string             `json:"type"`
	Definition  string             `json:"definition"`
	Division    domain.Division    `json:"division"`
	Institution string             `json:"institution"`
	LandCm2     int64              `json:"land_cm2"`
	Late        bool               `json:"late"`
}
