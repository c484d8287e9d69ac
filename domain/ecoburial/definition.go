package ecoburial

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Type is one way of burial and how it counts.
type Type struct {
	Code        string `json:"code"`
	NameZh      string `json:"name_zh"`
	NameEn      string `json:"name_en"`
	Description string `json:"description,omitzero"`
	// Body says that a body is buried, not ashes.
	Body bool `json:"body,omitzero"`
	// Irreversible says that nothing of the ashes is kept (I14).
	Irreversible bool `json:"irreversible,omitzero"`
	// LandCM2 is the ground that one burial takes by default, in square
	// centimetres; zero for a way that takes none.
	LandCM2 int `json:"land_cm2,omitzero"`
	// Strict and Broad say in which ratios it counts.
	Strict bool `json:"strict,omitzero"`
	Broad  bool `json:"broad,omitzero"`
	// Interment says that it counts in the denominator: a deposit for a while
	// and ashes kept by the family are no burial.
	Interment bool `json:"interment,omitzero"`
	// Requires are the facts without which a burial is not complete.
	Requires []Requirement `json:"requires,omitzero"`
}

// A Definition is one version of what counts as eco-burial. Every ratio names
// the one it was counted under.
type Definition struct {
	ID    string `json:"id"` // "dl-eco-2026.1"
	Types []Type `json:"types"`
	// SmallSingleCM2 and SmallDoubleCM2 are up to where a plot is a land-saving
	// one, for one person and for more.
	SmallSingleCM2 int `json:"small_single_cm2"`
	SmallDoubleCM2 int `json:"small_double_cm2"`
	// Relocations says that the reburial of remains counts as an interment.
	Relocations bool `json:"relocations,omitzero"`
}

// A Requirement is one fact that a burial needs: that it is there and not
// denied, or that it is a number within a bound.
type Requirement struct {
	Name string `json:"name"`
	// Op is empty, "<=" or ">=".
	Op    string `json:"op,omitzero"`
	Bound int    `json:"bound,omitzero"`
}

// The codes of the two kinds of plot, which the area tells apart.
const (
	SmallPlot    = "SMALL_PLOT"
	StandardPlot = "STD_PLOT"
)

// Not a burial at all, whatever the file's flags: ashes deposited for a while
// and ashes kept by the family are in neither part of a ratio.
var noInterment = []string{"TEMP_DEPOSIT", "SELF_KEPT"}

// Type finds a type by its code.
func (d Definition) Type(code string) (Type, bool) {
	i := slices.IndexFunc(d.Types, func(t Type) bool { return t.Code == code })
	if i < 0 {
		return Type{}, false
	}
	return d.Types[i], true
}

// PlotType is what an ordinary grave for ashes counts as: a land-saving plot up
// to the definition's bound, else a standard one.
func (d Definition) PlotType(areaCM2, capacity int) string {
	bound := d.SmallSingleCM2
	if capacity > 1 {
		bound = d.SmallDoubleCM2
	}
	if areaCM2 <= bound {
		return SmallPlot
	}
	return StandardPlot
}

//go:embed eco_types.json
var defaultTypes []byte

// Default is the definition that the program brings along.
var Default = sync.OnceValue(func() Definition {
	d, err := ParseDefinition(defaultTypes)
	if err != nil {
		panic(err)
	}
	return d
})

// ParseDefinition reads a definition of the shape of eco_types.json and checks
// it as a whole.
func ParseDefinition(data []byte) (Definition, error) {
	var f struct {
		Types []struct {
			Code         string   `json:"code"`
			NameZh       string   `json:"name_zh"`
			NameEn       string   `json:"name_en"`
			Subject      string   `json:"subject"`
			RetainsAshes *bool    `json:"retains_ashes"`
			LandM2       *float64 `json:"land_m2"`
			Strict       *bool    `json:"counts_strict"`
			Broad        *bool    `json:"counts_broad"`
			Description  string   `json:"description"`
			Requires     []string `json:"required_facts"`
		} `json:"types"`
		Default struct {
			ID          string  `json:"id"`
			SingleM2    float64 `json:"small_plot_single_m2"`
			DoubleM2    float64 `json:"small_plot_double_m2"`
			Relocations bool    `json:"include_relocations"`
		} `json:"default_definition"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&f); err != nil {
		return Definition{}, fmt.Errorf("eco definition: %w", err)
	}
	if dec.More() {
		return Definition{}, fmt.Errorf("eco definition: more than one JSON value")
	}
	d := Definition{ID: f.Default.ID, SmallSingleCM2: cm2(f.Default.SingleM2), SmallDoubleCM2: cm2(f.Default.DoubleM2), Relocations: f.Default.Relocations}
	for i, t := range f.Types {
		bad := func(field string) (Definition, error) {
			return Definition{}, fmt.Errorf("eco definition: types[%d] (%s): %s", i, t.Code, field)
		}
		switch {
		case t.Subject != "ashes" && t.Subject != "body":
			return bad("subject is neither ashes nor body")
		case t.LandM2 == nil:
			return bad("land_m2 is missing")
		case t.Strict == nil || t.Broad == nil:
			return bad("counts_strict and counts_broad are needed")
		}
		out := Type{Code: t.Code, NameZh: t.NameZh, NameEn: t.NameEn, Description: t.Description, Body: t.Subject == "body",
			Irreversible: t.RetainsAshes != nil && !*t.RetainsAshes, LandCM2: cm2(*t.LandM2), Strict: *t.Strict, Broad: *t.Broad,
			Interment: !slices.Contains(noInterment, t.Code)}
		for _, r := range t.Requires {
			req, err := ParseRequirement(r)
			if err != nil {
				return bad(err.Error())
			}
			out.Requires = append(out.Requires, req)
		}
		d.Types = append(d.Types, out)
	}
	return d, d.Check()
}

// Check says what is unsound about a definition.
func (d Definition) Check() error {
	switch {
	case d.ID == "":
		return fmt.Errorf("eco definition: id is empty")
	case d.SmallSingleCM2 <= 0 || d.SmallDoubleCM2 < d.SmallSingleCM2:
		return fmt.Errorf("eco definition: small_plot_single_m2, small_plot_double_m2 do not fit together")
	case len(d.Types) == 0:
		return fmt.Errorf("eco definition: no types")
	}
	for i, t := range d.Types {
		bad := func(what string) error { return fmt.Errorf("eco definition: types[%d] (%s): %s", i, t.Code, what) }
		switch {
		case t.Code == "" || slices.ContainsFunc(d.Types[:i], func(o Type) bool { return o.Code == t.Code }):
			return bad("code is empty or there twice")
		case t.NameZh == "" || t.NameEn == "":
			return bad("name_zh and name_en are needed")
		case t.LandCM2 < 0 || t.LandCM2 > 1_000_000:
			return bad("land_m2 is no area of a grave")
		case t.Strict && !t.Broad:
			return bad("what counts strictly counts broadly")
		case t.Broad && !t.Interment:
			return bad("is no interment and cannot count as one")
		}
		for _, r := range t.Requires {
			if again, err := ParseRequirement(r.String()); err != nil || again != r {
				return bad(fmt.Sprintf("required fact %q is not understood", r))
			}
		}
	}
	return nil
}

func cm2(m2 float64) int { return int(math.Round(m2 * 10_000)) }

// ParseRequirement reads "vessel", "relatives_aboard<=3" or "years>=20".
func ParseRequirement(s string) (Requirement, error) {
	for _, op := range []string{"<=", ">="} {
		name, bound, ok := strings.Cut(s, op)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(bound)
		if err != nil || !factName(name) {
			return Requirement{}, fmt.Errorf("required fact %q is not understood", s)
		}
		return Requirement{name, op, n}, nil
	}
	if !factName(s) {
		return Requirement{}, fmt.Errorf("required fact %q is not understood", s)
	}
	return Requirement{Name: s}, nil
}

func factName(s string) bool {
	for _, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// String is the requirement as it is written in a definition.
func (r Requirement) String() string {
	if r.Op == "" {
		return r.Name
	}
	return r.Name + r.Op + strconv.Itoa(r.Bound)
}

// Met says that the value fulfils the requirement. A name without a bound wants
// the fact to be there and not to be denied: container_degradable=false is no
// degradable container. Numbers are whole and not negative.
func (r Requirement) Met(value string) bool {
	if r.Op == "" {
		return value != "" && value != "false"
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return false
	}
	if r.Op == "<=" {
		return n <= r.Bound
	}
	return n >= r.Bound
}
