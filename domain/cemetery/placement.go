package cemetery

import (
	"slices"
	"strings"

	"shenzhong/domain"
)

// PlacementCategory names the streams that keep one place for each deceased
// (E-4), and who has the ashes from the day they come to a cemetery; a stream's
// id is the person's reference.
//
// Every change of custody is one event of this one stream, from one custodian to
// another: at no moment are there two, or none (I11).
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
	// PlacementMoved ties a person whose ashes are on the way to another place.
	PlacementMoved struct {
		From       string `json:"from"`
		To         string `json:"to"`
		Relocation string `json:"relocation"`
	}
	// LaidIn gives the ashes into the cemetery's custody, in the place.
	LaidIn struct {
		Plot string    `json:"plot"`
		From Custodian `json:"from"`
		To   Custodian `json:"to"`
	}
	// PassedTo gives them to the next custodian, against a receipt.
	PassedTo struct {
		From       Custodian `json:"from"`
		To         Custodian `json:"to"`
		Label      string    `json:"label"` // of the container, as scanned
		Giver      string    `json:"giver"`
		Receipt    string    `json:"receipt"` // number of the paper that both signed
		Relocation string    `json:"relocation"`
	}
)

// A Custodian has ashes: an institution or a person, never both.
type Custodian struct {
	Institution domain.CreditCode `json:"institution,omitzero"`
	Person      domain.Subject    `json:"person,omitzero"`
}

// One says that it is exactly one.
func (c Custodian) One() bool { return (c.Institution == "") != (c.Person == "") }

func (PlacementClaimed) placementEvent() {}
func (PlacementFreed) placementEvent()   {}
func (PlacementMoved) placementEvent()   {}
func (LaidIn) placementEvent()           {}
func (PassedTo) placementEvent()         {}

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
	// Move ties a person whose ashes are on the way to another place.
	Move struct {
		domain.Act
		To         string
		Relocation string
	}
	// LayIn gives the ashes into the cemetery's custody.
	LayIn struct {
		domain.Act
		Plot string
		// From is who brings them: for the first rest the person to whom the
		// funeral home handed them, a fact; later it is who had them last.
		From Custodian
		To   Custodian
		// Interred is the fact that the plot's own stream has the person interred.
		Interred bool
	}
	// Pass gives the ashes to the next custodian.
	Pass struct {
		domain.Act
		To         Custodian
		Label      string
		Receipt    string
		Relocation string
		// Lifted is the fact that the relocation's own stream has this person
		// lifted under this label.
		Lifted bool
	}
)

func (Claim) placementCommand() {}
func (Free) placementCommand()  {}
func (Move) placementCommand()  {}
func (LayIn) placementCommand() {}
func (Pass) placementCommand()  {}

// PlacementState is the place that a person has, empty for none, and who has the
// ashes; the zero Custodian until they first come to a cemetery.
type PlacementState struct {
	Plot      string
	Custodian Custodian
	Rests     bool // in Plot
	Passed    []PassedTo
}

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
	// ErrCustodian refuses to give ashes to nobody, to two, or from somebody who
	// has them not.
	ErrCustodian = domain.Reject("placement_custodian", "骨灰任何时候只有一个保管人：请写明由谁交给谁。", "Ashes have one custodian at a time; who gives them to whom is needed.").Under("I11", "")
	// ErrOnTheWay refuses an act that only ashes on the way can have.
	ErrOnTheWay = domain.Reject("placement_not_on_the_way", "骨灰不在迁移途中。", "The ashes are not on the way between two places.").Under("I11", "")
	// ErrPassReceipt refuses to pass ashes on without label and signed receipt.
	ErrPassReceipt = domain.Reject("placement_receipt", "交接骨灰须扫描标签，并有双方签字的交接单编号。", "Ashes are passed on with their label scanned, against a receipt that both signed.").Under("I11", "")
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
		case c.Interred || s.Rests || s.Custodian.One():
			return nil, ErrAtRest
		}
		return []PlacementEvent{PlacementFreed{c.Plot}}, nil
	case Move:
		switch {
		case c.To == "" || c.Relocation == "":
			return nil, ErrPlaceNeeded
		case s.Plot == c.To:
			return nil, nil
		case s.Plot == "" || s.Rests || !s.Custodian.One() || s.Passed[len(s.Passed)-1].Relocation != c.Relocation:
			return nil, ErrOnTheWay
		}
		return []PlacementEvent{PlacementMoved{s.Plot, c.To, c.Relocation}}, nil
	case LayIn:
		from := s.Custodian
		if from == (Custodian{}) {
			from = c.From
		}
		switch {
		case s.Rests && s.Plot == c.Plot && s.Custodian == c.To:
			return nil, nil
		case c.Plot == "":
			return nil, ErrPlaceNeeded
		case s.Plot != c.Plot:
			return nil, ErrPlacedElsewhere
		case s.Rests:
			return nil, ErrAtRest
		case !c.Interred:
			return nil, ErrNotResting
		case !from.One() || !c.To.One() || c.To.Institution == "" || c.From != (Custodian{}) && c.From != from:
			return nil, ErrCustodian
		}
		return []PlacementEvent{LaidIn{c.Plot, from, c.To}}, nil
	case Pass:
		e := PassedTo{s.Custodian, c.To, c.Label, c.By, c.Receipt, c.Relocation}
		again := func(p PassedTo) bool {
			return p.To == c.To && p.Label == c.Label && p.Receipt == c.Receipt && p.Relocation == c.Relocation
		}
		switch {
		case slices.ContainsFunc(s.Passed, again): // also when they have gone further since
			return nil, nil
		case !s.Custodian.One() || !c.To.One() || s.Custodian == c.To:
			return nil, ErrCustodian
		case c.Relocation == "" || !c.Lifted:
			return nil, ErrNotLifted
		case strings.TrimSpace(c.Label) == "" || strings.TrimSpace(c.Receipt) == "":
			return nil, ErrPassReceipt
		}
		return []PlacementEvent{e}, nil
	}
	panic("unreachable: PlacementCommand is sealed")
}

func evolvePlacement(s PlacementState, e PlacementEvent) PlacementState {
	switch e := e.(type) {
	case PlacementClaimed:
		s.Plot = e.Plot
	case PlacementFreed:
		s.Plot = ""
	case PlacementMoved:
		s.Plot = e.To
	case LaidIn:
		s.Plot, s.Custodian, s.Rests = e.Plot, e.To, true
	case PassedTo:
		s.Custodian, s.Rests = e.To, false
		s.Passed = append(slices.Clip(s.Passed), e)
	}
	return s
}
