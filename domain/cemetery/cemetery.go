// Package cemetery decides over cemeteries, the plots and niches in them, and
// who rests where.
//
// Three aggregates: Cemetery (its class, whom it serves, its limits), Plot (one
// right of use at a time, never beyond capacity), Placement (one allocation per
// deceased person).
package cemetery

import (
	"shenzhong/domain"
)

// CemeteryCategory names the streams of cemeteries; a stream's id is the
// cemetery's credit code.
const CemeteryCategory = "cemetery"

// Wire lists every event of this package by its name on the log.
var Wire = []domain.Wire{
	domain.Named[CemeteryEstablished]("cemetery.established.v1"),
	domain.Named[PlotSurveyed]("plot.surveyed.v1"),
	domain.Named[PlotAllocated]("plot.allocated.v1"),
	domain.Named[PlotInterred]("plot.interred.v1"),
	domain.Named[PlotSurrendered]("plot.surrendered.v1"),
	domain.Named[PlacementClaimed]("placement.claimed.v1"),
	domain.Named[PlacementFreed]("placement.freed.v1"),
}

// A Class says what a cemetery is for.
type Class string

// The classes.
const (
	UrbanPublic Class = "URBAN_PUBLIC" // 城市公益性公墓
	RuralPublic Class = "RURAL_PUBLIC" // 农村公益性公墓
	Commercial  Class = "COMMERCIAL"   // 经营性公墓, existing ones only
	Columbarium Class = "COLUMBARIUM"  // 骨灰堂
	Historic    Class = "HISTORIC"     // 历史埋葬点
)

// Public says that the class serves the residents of an area.
func (c Class) Public() bool { return c == UrbanPublic || c == RuralPublic }

// Limits are the parameters that a cemetery's plots keep to.
type Limits struct {
	// AshAreaCM2 bounds a plot for ashes (E-5), SingleBodyAreaCM2 and
	// DoubleBodyAreaCM2 a body grave, in square centimetres of ground.
	AshAreaCM2        int `json:"ash_area_cm2"`
	SingleBodyAreaCM2 int `json:"single_body_area_cm2"`
	DoubleBodyAreaCM2 int `json:"double_body_area_cm2"`
	// StoneHeightCM bounds the headstone (E-6).
	StoneHeightCM int `json:"stone_height_cm"`
	// TermYears bounds one period of use (E-7).
	TermYears int `json:"term_years"`
	// Spouse lets a living spouse be named for a place beside the deceased (E-3).
	Spouse bool `json:"spouse"`
}

// DefaultLimits are what holds where no authority has set other limits: 1 m²
// and 20 years as 民事发〔1998〕10号 had them, 100 cm of stone.
var DefaultLimits = Limits{
	AshAreaCM2: 10_000, SingleBodyAreaCM2: 40_000, DoubleBodyAreaCM2: 60_000,
	StoneHeightCM: 100, TermYears: 20, Spouse: true,
}

// A CemeteryEvent is what happens to one cemetery.
type CemeteryEvent interface{ cemeteryEvent() }

// CemeteryEstablished puts a cemetery, or new limits of it, on record.
type CemeteryEstablished struct {
	Cemetery  domain.CreditCode `json:"cemetery"`
	NameZh    string            `json:"name_zh"`
	NameEn    string            `json:"name_en,omitzero"`
	Class     Class             `json:"class"`
	Division  domain.Division   `json:"division"`
	Serves    []domain.Division `json:"serves,omitzero"`
	FoundedOn domain.Date       `json:"founded_on,omitzero"`
	Limits    Limits            `json:"limits"`
}

func (CemeteryEstablished) cemeteryEvent() {}

// A CemeteryCommand asks something of one cemetery.
type CemeteryCommand interface {
	domain.Command
	cemeteryCommand()
}

// Establish records a cemetery.
type Establish struct {
	domain.Act
	Cemetery       domain.CreditCode
	NameZh, NameEn string
	Class          Class
	Division       domain.Division
	// Serves are the divisions whose residents a public cemetery is for.
	Serves []domain.Division
	// FoundedOn is when it came into being; a commercial one must say so.
	FoundedOn domain.Date
	// Limits; zero means DefaultLimits.
	Limits Limits
}

func (Establish) cemeteryCommand() {}

// CemeteryState is a cemetery as its own stream has it; zero when there is none.
type CemeteryState struct {
	Cemetery       domain.CreditCode
	NameZh, NameEn string
	Class          Class
	Division       domain.Division
	Serves         []domain.Division
	FoundedOn      domain.Date
	Limits         Limits
}

// Cemetery decides over one cemetery.
var Cemetery = domain.Decider[CemeteryState, CemeteryCommand, CemeteryEvent]{Decide: decideCemetery, Evolve: evolveCemetery}

func decideCemetery(s CemeteryState, cmd CemeteryCommand) ([]CemeteryEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	return nil, nil
}

func evolveCemetery(s CemeteryState, e CemeteryEvent) CemeteryState {
	if e, ok := e.(CemeteryEstablished); ok {
		s = CemeteryState(e)
	}
	return s
}
