package cremation

import (
	"github.com/google/uuid"

	"shenzhong/domain"
)

// FurnaceCategory names the streams of furnaces; a stream's id is
// "<institution>.<resource>".
const FurnaceCategory = "furnace"

// A FurnaceEvent is what happens to one furnace.
type FurnaceEvent interface{ furnaceEvent() }

type (
	// FurnaceApproached says that the remains of one case are brought to the
	// furnace; from then on no others are. It comes before the move itself, so
	// that of two who are brought at the same time one is refused.
	FurnaceApproached struct {
		Case uuid.UUID `json:"case"`
		// Move is how many moves the custody had recorded before the one that brings
		// them: that move is the custody's own word whether they came, and the next
		// whether they went again.
		Move int `json:"move"`
	}
	// FurnaceLeft says that they went again, or never came.
	FurnaceLeft struct {
		Case uuid.UUID `json:"case"`
		Move int       `json:"move"` // of the approach that is over
	}
	// FurnaceCharged puts the remains of one case into the furnace.
	FurnaceCharged struct {
		Case uuid.UUID `json:"case"`
	}
	// ChamberInspected says what somebody found who looked into the chamber.
	ChamberInspected struct {
		Case    uuid.UUID `json:"case"`
		Clear   bool      `json:"clear"`
		Finding string    `json:"finding,omitzero"` // what was left; never about a person
		By      string    `json:"by"`
	}
	// FurnaceEmptied says that the ashes of the case are collected and that
	// somebody looked into the chamber and found it empty.
	FurnaceEmptied struct {
		Case        uuid.UUID `json:"case"`
		InspectedBy string    `json:"inspected_by"`
	}
	// FurnaceChargeAborted takes a charge back whose cremation was refused.
	FurnaceChargeAborted struct {
		Case   uuid.UUID `json:"case"`
		Reason string    `json:"reason"`
	}
)

func (FurnaceApproached) furnaceEvent()    {}
func (FurnaceLeft) furnaceEvent()          {}
func (FurnaceCharged) furnaceEvent()       {}
func (ChamberInspected) furnaceEvent()     {}
func (FurnaceEmptied) furnaceEvent()       {}
func (FurnaceChargeAborted) furnaceEvent() {}

// A FurnaceCommand asks something of one furnace.
type FurnaceCommand interface {
	domain.Command
	furnaceCommand()
}

type (
	// Approach brings the remains of one case to the furnace.
	Approach struct {
		domain.Act
		Case uuid.UUID
		// Move is the fact how many moves the case's custody has recorded.
		Move int
		// Over is the fact which approach the custody of that other case says is
		// over (CustodyState.Past); zero: none.
		Over FurnaceApproached
	}
	// Leave says that an approach is over.
	Leave struct {
		domain.Act
		Over FurnaceApproached // fact, as in Approach
	}
	// Charge asks for the furnace for one case.
	Charge struct {
		domain.Act
		Case uuid.UUID
		// Stands is the fact that the case's custody has the remains at this
		// furnace, or that the case is of the time before custody was kept. Over is
		// as in Approach.
		Stands bool
		Over   FurnaceApproached
	}
	// InspectChamber reports what Act.By found in the chamber.
	InspectChamber struct {
		domain.Act
		Case    uuid.UUID
		Clear   bool
		Finding string // needed when it is not clear
	}
	// Empty reports the furnace empty. Act.By inspected the chamber.
	Empty struct {
		domain.Act
		Case uuid.UUID
		// AshesCollected is the fact that the case's own stream has its ashes
		// collected.
		AshesCollected bool
	}
	// AbortCharge takes a charge back.
	AbortCharge struct {
		domain.Act
		Case   uuid.UUID
		Reason string // a rejection's code, or why; never about a person
		// Started is the fact that the case's cremation has begun.
		Started bool
	}
)

func (Approach) furnaceCommand()       {}
func (Leave) furnaceCommand()          {}
func (Charge) furnaceCommand()         {}
func (InspectChamber) furnaceCommand() {}
func (Empty) furnaceCommand()          {}
func (AbortCharge) furnaceCommand()    {}

// FurnaceState is the case in the furnace; uuid.Nil when it is empty.
type FurnaceState struct {
	Case uuid.UUID
	// Approach is who stands at the furnace, or is being brought to it; zero Case:
	// nobody. It stays while they are inside, for a charge that is taken back.
	Approach FurnaceApproached
	// Inspection is the last look into the chamber since the charge; zero By: none.
	Inspection ChamberInspected
}

// Furnace decides over one furnace: one set of remains at a time, in it and at
// its door (I7).
var Furnace = domain.Decider[FurnaceState, FurnaceCommand, FurnaceEvent]{Decide: decideFurnace, Evolve: evolveFurnace}

var (
	// ErrFurnaceOccupied refuses a charge before the last one is cleared away.
	ErrFurnaceOccupied = domain.Reject("furnace_occupied", "这台火化机里还有一位逝者，须待骨灰收齐、炉膛查看无遗留后再用。",
		"This furnace still holds another case; the next charge waits until its ashes are collected and the chamber is inspected.").Under("I7", "").Race()
	// ErrFurnaceApproached refuses to bring a body where another one stands.
	ErrFurnaceApproached = domain.Reject("furnace_approached", "这台火化机前已有另一位逝者（业务 %s），须先入炉或移走，不能再送人到这里。",
		"Another body stands at this furnace (case %s); it goes in or is taken away before anybody else is brought here.").Under("I7", "").Race()
	// ErrNotApproached refuses to charge a furnace to which the body was not brought.
	ErrNotApproached = domain.Reject("furnace_not_approached", "没有把这位逝者送到这台火化机的扫描记录，请先扫描送到。",
		"These remains are not recorded as brought to this furnace; scan them to it first.").Under("I7", "").Race()
	// ErrFurnaceOther refuses an act about a case that is not in the furnace.
	ErrFurnaceOther = domain.Reject("furnace_other_case", "这台火化机里不是这位逝者。", "This furnace does not hold this case.").Under("I7", "")
	// ErrAshesInFurnace refuses to call a furnace empty that is not.
	ErrAshesInFurnace = domain.Reject("furnace_ashes_not_collected", "这位逝者的骨灰还没有收齐登记，不能确认炉膛已清。",
		"The ashes of this case are not recorded as collected; the furnace cannot be reported empty.").Under("I7", "")
	// ErrChamber refuses to call a chamber empty in which something was found.
	ErrChamber = domain.Reject("furnace_chamber_not_clear", "查看炉膛发现遗留，须清理并再次查看后，才能确认已清。", "Something was found in the chamber; it is cleared and looked into again first.").Under("I7", "")
	// ErrFinding refuses an inspection that does not say what it found.
	ErrFinding = domain.Reject("furnace_finding_needed", "炉膛有遗留的，请写明是什么。", "Please say what was left in the chamber.").Under("I7", "")
	// ErrAbortStarted refuses to take a charge back after the cremation began.
	ErrAbortStarted = domain.Reject("furnace_cremation_started", "火化已经开始，不能撤回入炉。", "The cremation has begun; the charge cannot be taken back.").Under("I7", "")
	// ErrAbortReason refuses to take a charge back without saying why.
	ErrAbortReason = domain.Reject("furnace_abort_reason", "请写明撤回入炉的原因。", "Please say why the charge is taken back.").Under("I7", "")
)

func decideFurnace(s FurnaceState, cmd FurnaceCommand) ([]FurnaceEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Approach:
		e := FurnaceApproached{c.Case, c.Move}
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case s.Approach == e:
			return nil, nil
		case s.Approach.Case == c.Case && s.Approach.Move > c.Move: // it was moved since
			return nil, ErrNotApproached
		}
		left, err := s.freeFor(c.Case, c.Over)
		if err != nil {
			return nil, err
		}
		return append(left, e), nil
	case Leave:
		if c.Over.Case == uuid.Nil || s.Approach != c.Over {
			return nil, nil
		}
		return []FurnaceEvent{FurnaceLeft(c.Over)}, nil
	case Charge:
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case s.Case == c.Case:
			return nil, nil
		}
		left, err := s.freeFor(c.Case, c.Over)
		switch {
		case err != nil:
			return nil, err
		case !c.Stands:
			return nil, ErrNotApproached
		}
		return append(left, FurnaceCharged{c.Case}), nil
	case InspectChamber:
		e := ChamberInspected{c.Case, c.Clear, c.Finding, c.By}
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case s.Case != c.Case:
			return nil, ErrFurnaceOther
		case s.Inspection == e:
			return nil, nil
		case !c.Clear && c.Finding == "":
			return nil, ErrFinding
		}
		return []FurnaceEvent{e}, nil
	case Empty:
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case s.Case != c.Case:
			return nil, ErrFurnaceOther
		case !c.AshesCollected:
			return nil, ErrAshesInFurnace
		case s.Inspection.By != "" && !s.Inspection.Clear:
			return nil, ErrChamber
		}
		return []FurnaceEvent{FurnaceEmptied{c.Case, c.By}}, nil
	case AbortCharge:
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case s.Case != c.Case:
			return nil, ErrFurnaceOther
		case c.Started:
			return nil, ErrAbortStarted
		case c.Reason == "":
			return nil, ErrAbortReason
		}
		return []FurnaceEvent{FurnaceChargeAborted{c.Case, c.Reason}}, nil
	}
	panic("unreachable: FurnaceCommand is sealed")
}

// freeFor says that nobody but this case is in the furnace or at it; what left
// without a record is recorded first.
func (s FurnaceState) freeFor(of uuid.UUID, over FurnaceApproached) ([]FurnaceEvent, error) {
	switch {
	case s.Case != uuid.Nil && s.Case != of:
		return nil, ErrFurnaceOccupied
	case s.Approach.Case == uuid.Nil || s.Approach.Case == of:
		return nil, nil
	case s.Approach == over:
		return []FurnaceEvent{FurnaceLeft(over)}, nil
	}
	return nil, ErrFurnaceApproached.With(s.Approach.Case)
}

func evolveFurnace(s FurnaceState, e FurnaceEvent) FurnaceState {
	switch e := e.(type) {
	case FurnaceApproached:
		s.Approach = e
	case FurnaceLeft:
		s.Approach = FurnaceApproached{}
	case FurnaceCharged: // on logs from before approaches were kept, without one
		s.Case, s.Inspection = e.Case, ChamberInspected{}
	case ChamberInspected:
		s.Inspection = e
	case FurnaceEmptied:
		s = FurnaceState{}
	case FurnaceChargeAborted:
		s.Case, s.Inspection = uuid.Nil, ChamberInspected{}
	}
	return s
}
