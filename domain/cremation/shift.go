package cremation

import (
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// ShiftCategory names the streams of an institution's shifts; a stream's id is
// the institution's.
const ShiftCategory = "shift"

// A ShiftEvent is what happens between two shifts of one institution.
type ShiftEvent interface{ shiftEvent() }

// Counts is how much a list of custody holds.
type Counts struct {
	Remains    int `json:"remains"`
	Ashes      int `json:"ashes"`      // cases with ashes in custody
	Belongings int `json:"belongings"` // items that nobody has received
}

type (
	// ShiftHandedOver is the list of everything in custody, signed by who goes.
	ShiftHandedOver struct {
		Handover uuid.UUID `json:"handover"`
		From     string    `json:"from"`
		To       string    `json:"to"`
		Counts   Counts    `json:"counts"`
		// List is the SHA-256 of the list, in hex, and Position the place in the log
		// up to which the list was complete: anybody can make it again and compare.
		List     string `json:"list"`
		Position uint64 `json:"position"`
		// Differs says what is not as the list has it; never about a person.
		Differs string `json:"differs,omitzero"`
		// Replaces is a handover that nobody took over.
		Replaces uuid.UUID `json:"replaces,omitzero"`
	}
	// ShiftTakenOver is the same list signed by who comes.
	ShiftTakenOver struct {
		Handover uuid.UUID `json:"handover"`
		By       string    `json:"by"`
		List     string    `json:"list"` // as it stood when it was signed
		Differs  string    `json:"differs,omitzero"`
	}
)

func (ShiftHandedOver) shiftEvent() {}
func (ShiftTakenOver) shiftEvent()  {}

// A ShiftCommand asks something of an institution's shifts.
type ShiftCommand interface {
	domain.Command
	shiftCommand()
}

type (
	// HandOverShift signs the list. Act.By goes.
	HandOverShift struct {
		domain.Act
		Handover uuid.UUID
		To       string
		Counts   Counts
		List     string
		Position uint64
		Differs  string
	}
	// TakeOverShift signs it on the other side. Act.By comes.
	TakeOverShift struct {
		domain.Act
		Handover uuid.UUID
		List     string // as it stands now
		Differs  string
	}
)

func (HandOverShift) shiftCommand() {}
func (TakeOverShift) shiftCommand() {}

// ShiftState is the last handover, and whether it was taken over.
type ShiftState struct {
	Last  ShiftHandedOver // zero Handover: none yet
	Taken ShiftTakenOver  // of Last; zero By: not yet
}

// Open says that a handover waits for who comes.
func (s ShiftState) Open() bool { return s.Last.Handover != uuid.Nil && s.Taken.By == "" }

// Shift decides over the handovers of one institution.
var Shift = domain.Decider[ShiftState, ShiftCommand, ShiftEvent]{Decide: decideShift, Evolve: evolveShift}

var (
	// ErrShiftSelf refuses a handover to oneself.
	ErrShiftSelf = domain.Reject("shift_self", "交班和接班须是两个人，各用自己的帐号签字。", "A shift is handed over by one person and taken over by another, each signing with an own account.").Under("I2", "")
	// ErrShiftList refuses a handover without its list.
	ErrShiftList = domain.Reject("shift_list_needed", "没有交接清单，不能交班。", "A shift is handed over by its list.").Under("I2", "")
	// ErrShiftNone refuses to take over what nobody handed over.
	ErrShiftNone = domain.Reject("shift_not_handed_over", "没有这次交班，或已由别人重新交班。", "There is no such handover, or another took its place.").Under("I2", "")
	// ErrShiftOther refuses to take over what was handed to somebody else.
	ErrShiftOther = domain.Reject("shift_other_person", "这次交班是交给 %s 的，由本人签字接班。", "This shift was handed over to %s, who signs for it.").Under("I2", "")
	// ErrShiftTaken refuses to take over twice.
	ErrShiftTaken = domain.Reject("shift_taken_over", "这次交班已经接班。", "This shift is taken over.").Under("I2", "")
	// ErrShiftChanged refuses to sign another list than was handed over without a word.
	ErrShiftChanged = domain.Reject("shift_list_changed", "交班以后清单有变动，请对着现在的清单点过，并写明不同之处。", "The list has changed since it was handed over; please check the present one and say what differs.").Under("I2", "")
)

func decideShift(s ShiftState, cmd ShiftCommand) ([]ShiftEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case HandOverShift:
		e := ShiftHandedOver{Handover: c.Handover, From: c.By, To: strings.TrimSpace(c.To), Counts: c.Counts, List: c.List, Position: c.Position, Differs: strings.TrimSpace(c.Differs)}
		if s.Open() && s.Last.Handover != c.Handover {
			e.Replaces = s.Last.Handover
		}
		sum, err := hex.DecodeString(c.List)
		switch {
		case s.Last.Handover != uuid.Nil && s.Last.Handover == c.Handover:
			return nil, nil
		case c.Handover == uuid.Nil || err != nil || len(sum) != 32 || c.Counts.Remains < 0 || c.Counts.Ashes < 0 || c.Counts.Belongings < 0:
			return nil, ErrShiftList
		case e.To == "" || e.To == c.By:
			return nil, ErrShiftSelf
		}
		return []ShiftEvent{e}, nil
	case TakeOverShift:
		e := ShiftTakenOver{c.Handover, c.By, c.List, strings.TrimSpace(c.Differs)}
		switch {
		case c.Handover == uuid.Nil || s.Last.Handover != c.Handover:
			return nil, ErrShiftNone
		case s.Taken.By == c.By:
			return nil, nil
		case s.Taken.By != "":
			return nil, ErrShiftTaken
		case c.By == s.Last.From:
			return nil, ErrShiftSelf
		case c.By != s.Last.To:
			return nil, ErrShiftOther.With(s.Last.To)
		case c.List != s.Last.List && e.Differs == "":
			return nil, ErrShiftChanged
		}
		return []ShiftEvent{e}, nil
	}
	panic("unreachable: ShiftCommand is sealed")
}

func evolveShift(s ShiftState, e ShiftEvent) ShiftState {
	switch e := e.(type) {
	case ShiftHandedOver:
		s = ShiftState{Last: e}
	case ShiftTakenOver:
		s.Taken = e
	}
	return s
}
