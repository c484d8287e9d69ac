// Package availability is the read model of free time: which slots of which
// resource are free, and what is nearest to a wish.
package availability

import (
	"time"

	"shenzhong/domain"
)

// A Resource is something of an institution that is taken by time: a farewell
// hall, a cremator, a vehicle.
type Resource struct {
	Institution   string `json:"institution"`
	Resource      string `json:"resource"`
	Kind          string `json:"kind"`
	NameZh        string `json:"name_zh"`
	NameEn        string `json:"name_en"`
	Opens         string `json:"opens"`  // local time of day, "07:30"
	Closes        string `json:"closes"` // "17:00"
	SlotMinutes   int    `json:"slot_minutes"`
	BufferMinutes int    `json:"buffer_minutes"`
	Capacity      int    `json:"capacity"`
	Retired       bool   `json:"retired"`
}

// A State is what a slot is at the moment of asking.
type State string

// The states of a slot. A hold whose deadline has passed is free again.
const (
	Free  State = "free"
	Held  State = "held"
	Taken State = "taken"
)

// A Slot is one bookable piece of a resource's day.
type Slot struct {
	Institution string      `json:"institution"`
	Resource    string      `json:"resource"`
	Date        domain.Date `json:"date"`
	Slot        string      `json:"slot"` // its name in schedule commands
	Start       time.Time   `json:"start"`
	End         time.Time   `json:"end"`
	State       State       `json:"state"`
	Until       time.Time   `json:"until,omitzero"` // of a hold
}
