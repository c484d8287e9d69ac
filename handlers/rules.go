package handlers

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/booking"
)

//go:embed rules.json
var defaultRules []byte

// Rules are the versions of the relief (惠民殡葬) and incentive (奖补) rules: who
// is entitled to what, as data that an authority edits. What was decided under
// an older version stays under it.
type Rules struct {
	Relief     []booking.ReliefRule
	Incentives []IncentiveRule
}

// An IncentiveRule pays for an eco-burial, once for each person.
type IncentiveRule struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Document string `json:"document"`
	// ValidFrom and ValidUntil are days of the burial; empty: open.
	ValidFrom  domain.Date `json:"valid_from"`
	ValidUntil domain.Date `json:"valid_until"`
	// Types are the eco types it pays for.
	Types []string `json:"types"`
	// Hukou is where the deceased was registered.
	Hukou  domain.Division `json:"hukou"`
	Amount domain.Money    `json:"amount_fen"`
}

// DefaultRules are the ones that were found in public notices.
func DefaultRules() Rules {
	r, err := ParseRules(defaultRules)
	if err != nil {
		panic(err) // embedded; a test reads it
	}
	return r
}

// ParseRules reads a rules file.
func ParseRules(b []byte) (Rules, error) {
	var f struct {
		Relief []struct {
			ID         string          `json:"id"`
			Version    string          `json:"version"`
			Document   string          `json:"document"`
			ValidFrom  domain.Date     `json:"valid_from"`
			ValidUntil domain.Date     `json:"valid_until"`
			Groups     []string        `json:"groups"`
			Hukou      domain.Division `json:"hukou"`
			Waives     []struct {
				Code     string `json:"code"`
				Quantity int64  `json:"quantity"`
			} `json:"waives"`
		} `json:"relief"`
		Incentives []IncentiveRule `json:"incentives"`
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Rules{}, fmt.Errorf("rules: %w", err)
	}
	var r Rules
	for _, x := range f.Relief {
		v := booking.ReliefRule{ID: x.ID, Version: x.Version, Document: x.Document, ValidFrom: x.ValidFrom, ValidUntil: x.ValidUntil, Groups: x.Groups, Hukou: x.Hukou}
		for _, w := range x.Waives {
			v.Waives = append(v.Waives, booking.Waiver(w))
		}
		r.Relief = append(r.Relief, v)
	}
	r.Incentives = f.Incentives
	return r, nil
}

// covers says that day lies between from and until; empty ends are open.
func covers(from, until, day domain.Date) bool {
	return (from == "" || from <= day) && (until == "" || day <= until)
}

// relief is the newest relief rule of this id (any, when empty) that names the
// group and covers the day; the zero rule when there is none.
func (r Rules) relief(id, group string, on domain.Date) booking.ReliefRule {
	for _, x := range slices.Backward(r.Relief) {
		if (id == "" || x.ID == id) && slices.Contains(x.Groups, group) && covers(x.ValidFrom, x.ValidUntil, on) {
			return x
		}
	}
	return booking.ReliefRule{}
}

// incentive is the newest rule that pays for this type on this day for a person
// registered there; the zero rule when there is none.
func (r Rules) incentive(ecoType string, on domain.Date, hukou domain.Division) IncentiveRule {
	for _, x := range slices.Backward(r.Incentives) {
		if slices.Contains(x.Types, ecoType) && covers(x.ValidFrom, x.ValidUntil, on) && (x.Hukou == "" || hukou.In(x.Hukou)) {
			return x
		}
	}
	return IncentiveRule{}
}
