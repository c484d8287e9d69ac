package handlers

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/ecoburial"
)

//go:embed rules.json
var defaultRules []byte

// Rules are the versions of the relief (惠民殡葬) and incentive (奖补) rules: who
// is entitled to what, as data that an authority edits. What was decided under
// an older version stays under it.
type Rules struct {
	Relief []booking.ReliefRule
	// Incentives are those that the program brings along, in force until the city
	// adopts its own (ecoburial.IncentivesAdopted).
	Incentives []ecoburial.IncentiveRule
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
		Incentives []ecoburial.IncentiveRule `json:"incentives"`
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
