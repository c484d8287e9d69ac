package ecoburial

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
}

// A Requirement is one fact that a burial needs: that it is there and not
// denied, or that it is a number within a bound.
type Requirement struct {
	Name string `json:"name"`
	// Op is empty, "<=" or ">=".
	Op    string `json:"op,omitzero"`
	Bound int    `json:"bound,omitzero"`
}
