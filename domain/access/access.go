// Package access keeps who looked at a family's case and why. A family can ask
// for it (个人信息保护法 Art. 45), and a colleague who is curious knows that.
package access

import (
	"maps"
	"strings"
	"time"

	"shenzhong/domain"
)

// Category is the first part of a stream of reads; its id is the case's.
const Category = "access"

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[Read]("access.read.v1"),
	domain.Named[Refused]("access.refused.v1"),
}

// What is a part of a case that is looked at by itself.
type What string

// The parts.
const (
	File     What = "CASE"     // the case on its page; numbers masked
	Numbers  What = "NUMBERS"  // ID and telephone numbers in full
	Paper    What = "PRINT"    // on paper: a list of charges, a label, a receipt
	Handover What = "HANDOVER" // in a list with others
)

// sealed says that the part needs a reason each time.
func (w What) sealed() bool { return w == Numbers }

// each says that every look counts: each sight of the numbers, each print.
func (w What) each() bool { return w == Numbers || w == Paper }

// Event is a fact about who looked at one case.
type Event interface{ accessEvent() }

type (
	// Read says that somebody saw a part of the case.
	Read struct {
		By     string    `json:"by"`
		What   What      `json:"what"`
		Reason string    `json:"reason,omitzero"` // why, never who
		At     time.Time `json:"at"`
	}
	// Refused says that somebody asked and was shown nothing.
	Refused struct {
		By   string    `json:"by"`
		What What      `json:"what"`
		At   time.Time `json:"at"`
	}
)

func (Read) accessEvent()    {}
func (Refused) accessEvent() {}

// Command asks to note a look at one case.
type Command interface {
	domain.Command
	accessCommand()
}

type (
	// Look notes that Act.By sees a part of the case.
	Look struct {
		domain.Act
		What   What
		Reason string
	}
	// Refuse notes that Act.By asked and was shown nothing.
	Refuse struct {
		domain.Act
		What What
	}
)

func (Look) accessCommand()   {}
func (Refuse) accessCommand() {}

// Again is how long one look lasts: who turns pages of a case for a while has
// looked once.
const Again = 30 * time.Minute

// State is who looked last, and when.
type State struct {
	last  map[seen]time.Time
	Reads int
	// Prints counts how often a paper was printed, by what it is ("label").
	Prints map[string]int
}

type seen struct {
	by   string
	what What
}

// Case decides over the looks at one case.
var Case = domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve}

// The rejections of this context.
var (
	ErrReason = domain.Reject("access_reason_missing", "查看完整号码要写明原因，家属可以查到。", "Seeing the full numbers needs a reason, which the family can read.").
			Under("", "个人信息保护法")
	ErrWhat = domain.Reject("access_part_unknown", "没有说明查看的是什么。", "It is not said what is looked at.")
)

func decide(s State, cmd Command) ([]Event, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	now := act.Now.UTC().Round(0)
	switch c := cmd.(type) {
	case Look:
		reason := strings.TrimSpace(c.Reason)
		last, before := s.last[seen{c.By, c.What}]
		switch {
		case c.What == "":
			return nil, ErrWhat
		case c.What.sealed() && reason == "":
			return nil, ErrReason
		case !c.What.each() && before && now.Sub(last) < Again:
			return nil, nil
		}
		return []Event{Read{c.By, c.What, reason, now}}, nil
	case Refuse:
		if c.What == "" {
			return nil, ErrWhat
		}
		return []Event{Refused{c.By, c.What, now}}, nil
	}
	panic("unreachable: sealed interface")
}

func evolve(s State, e Event) State {
	if r, ok := e.(Read); ok {
		last := maps.Clone(s.last)
		if last == nil {
			last = map[seen]time.Time{}
		}
		last[seen{r.By, r.What}] = r.At
		s.last = last
		s.Reads++
		if r.What == Paper {
			prints := maps.Clone(s.Prints)
			if prints == nil {
				prints = map[string]int{}
			}
			prints[r.Reason]++
			s.Prints = prints
		}
	}
	return s
}
