package cemetery

import (
	"shenzhong/domain"
)

// PlacementCategory names the streams that keep one allocation per deceased
// (E-4); a stream's id is the person's reference.
const PlacementCategory = "placement"

// A PlacementEvent is what happens to one person's place.
type PlacementEvent interface{ placementEvent() }

type (
	// PlacementClaimed ties the person to a plot.
	PlacementClaimed struct {
		// Plot is "<cemetery>.<plot>", or "eco.<application>" for a burial that
		// needs no plot.
		Plot string `json:"plot"`
	}
	// PlacementFreed ends that, because the allocation was refused or given back.
	PlacementFreed struct {
		Plot string `json:"plot"`
	}
)

func (PlacementClaimed) placementEvent() {}
func (PlacementFreed) placementEvent()   {}

// A PlacementCommand asks something of one person's place.
type PlacementCommand interface {
	domain.Command
	placementCommand()
}

type (
	// Claim asks for the person's one place.
	Claim struct {
		domain.Act
		Plot string
	}
	// Free gives it up.
	Free struct {
		domain.Act
		Plot string
		// Interred is the fact that the plot's own stream has the person interred.
		Interred bool
	}
)

func (Claim) placementCommand() {}
func (Free) placementCommand()  {}

// PlacementState is the plot that a person has; empty for none.
type PlacementState struct{ Plot string }

// Placement decides over one person's place.
var Placement = domain.Decider[PlacementState, PlacementCommand, PlacementEvent]{Decide: decidePlacement, Evolve: evolvePlacement}

var (
	// ErrPlaceNeeded refuses a claim of nothing.
	ErrPlaceNeeded = domain.Reject("placement_plot_needed", "没有说明是哪一个墓位。", "No plot is named.")
	// ErrPlaced refuses a second place for one person (E-4).
	ErrPlaced = domain.Reject("placement_exists", "这位逝者已经有一处安葬位置，一位逝者只安排一处。",
		"This person already has a place; there is one for each person.").Under("E-4", "").Race()
	// ErrPlacedElsewhere refuses to free a place that the person does not have.
	ErrPlacedElsewhere = domain.Reject("placement_other_plot", "这位逝者的安葬位置不是这一处。", "This is not the person's place.").Under("E-4", "")
	// ErrAtRest refuses to free the place of somebody who rests there.
	ErrAtRest = domain.Reject("placement_interred", "这位逝者已经安葬在此。", "This person rests here.").Under("E-4", "")
)

func decidePlacement(s PlacementState, cmd PlacementCommand) ([]PlacementEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Claim:
		switch {
		case c.Plot == "":
			return nil, ErrPlaceNeeded
		case s.Plot == c.Plot:
			return nil, nil
		case s.Plot != "":
			return nil, ErrPlaced
		}
		return []PlacementEvent{PlacementClaimed{c.Plot}}, nil
	case Free:
		switch {
		case c.Plot == "":
			return nil, ErrPlaceNeeded
		case s.Plot == "":
			return nil, nil
		case s.Plot != c.Plot:
			return nil, ErrPlacedElsewhere
		case c.Interred:
			return nil, ErrAtRest
		}
		return []PlacementEvent{PlacementFreed{c.Plot}}, nil
	}
	panic("unreachable: PlacementCommand is sealed")
}

func evolvePlacement(s PlacementState, e PlacementEvent) PlacementState {
	switch e := e.(type) {
	case PlacementClaimed:
		s.Plot = e.Plot
	case PlacementFreed:
		s.Plot = ""
	}
	return s
}
