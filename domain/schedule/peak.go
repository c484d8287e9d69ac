package schedule

import (
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
)

// ReleaseCategory is the first part of the stream name of a peak day's draw;
// its id is "<institution>.<kind>.20261123" (ID with the kind of resource).
const ReleaseCategory = "release"

// PeakEvent is a fact about the draw of one peak day (清明, 冬至).
type PeakEvent interface{ peakEvent() }

type (
	// Announced published the slots that are drawn and the commitment to the
	// seed, before anybody could apply.
	Announced struct {
		Slots      []PeakSlot `json:"slots"`
		Commitment string     `json:"commitment"`
		Closes     time.Time  `json:"closes"`
	}
	// Applied took the application of a case; a later one of the same case
	// stands in for the former.
	Applied struct {
		Case   string   `json:"case"`
		Wishes []string `json:"wishes"` // slots by name, the dearest first
	}
	// ApplicationWithdrawn took it back.
	ApplicationWithdrawn struct {
		Case string `json:"case"`
	}
	// Drawn opened the seed and gave the slots away.
	Drawn struct {
		Seed   string      `json:"seed"`
		Salt   string      `json:"salt"`
		Order  []string    `json:"order"` // cases, the first to choose first
		Result []DrawnSlot `json:"result"`
	}
)

func (Announced) peakEvent()            {}
func (Applied) peakEvent()              {}
func (ApplicationWithdrawn) peakEvent() {}
func (Drawn) peakEvent()                {}

// A PeakSlot is one slot of the draw.
type PeakSlot struct {
	Resource string    `json:"resource"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// Name is what wishes and results call the slot: "hall-1/0930".
func (p PeakSlot) Name() string { return spot(p.Resource, SlotName(p.Start)) }

// A DrawnSlot is a slot and the case that it went to.
type DrawnSlot struct {
	Case string `json:"case"`
	Slot string `json:"slot"`
}

// An Application is what one case wishes for.
type Application struct {
	Case   string
	Wishes []string // slots by name, the dearest first
}

// PeakCommand asks the draw of one peak day for something.
type PeakCommand interface {
	domain.Command
	peakCommand()
}

type (
	// Announce publishes slots and commitment.
	Announce struct {
		domain.Act
		Slots      []PeakSlot
		Commitment string
		Closes     time.Time
	}
	// Apply takes the application of a case.
	Apply struct {
		domain.Act
		Case   string
		Wishes []string
	}
	// WithdrawApplication takes it back.
	WithdrawApplication struct {
		domain.Act
		Case string
	}
	// DrawSlots opens the seed and gives the slots away.
	DrawSlots struct {
		domain.Act
		Seed, Salt string
	}
)

func (Announce) peakCommand()            {}
func (Apply) peakCommand()               {}
func (WithdrawApplication) peakCommand() {}
func (DrawSlots) peakCommand()           {}

// Commitment is what is published of a seed before applications open
// (domain.Commitment).
func Commitment(seed, salt string) string { return domain.Commitment(seed, salt) }

// Draw gives slots to cases as domain.Draw says; who recomputes a draw follows
// the steps there. The salt plays no part. Two applications of one case count as
// the later one.
func Draw(seed, salt string, applications []Application, slots []string) (order []string, result []DrawnSlot) {
	var entries []domain.Entry
	for _, a := range applications {
		entries = append(entries, domain.Entry{Who: a.Case, Wishes: a.Wishes})
	}
	order, lots := domain.Draw(seed, entries, slots)
	for _, l := range lots {
		result = append(result, DrawnSlot{l.Who, l.Got})
	}
	return order, result
}

// PeakState is the draw of one peak day.
type PeakState struct {
	Announced    *Announced
	Applications []Application // in the order in which the cases first applied
	Drawn        *Drawn
}

// Names are the slots of the draw.
func (s PeakState) Names() (names []string) {
	if s.Announced != nil {
		for _, x := range s.Announced.Slots {
			names = append(names, x.Name())
		}
	}
	return names
}

// Recompute draws again from what the log says, and says whether it comes to
// what was published.
func (s PeakState) Recompute() bool {
	if s.Announced == nil || s.Drawn == nil || Commitment(s.Drawn.Seed, s.Drawn.Salt) != s.Announced.Commitment {
		return false
	}
	order, result := Draw(s.Drawn.Seed, s.Drawn.Salt, s.Applications, s.Names())
	return slices.Equal(order, s.Drawn.Order) && slices.Equal(result, s.Drawn.Result)
}

// Peak decides for the draw of one peak day.
var Peak = domain.Decider[PeakState, PeakCommand, PeakEvent]{Decide: decidePeak, Evolve: evolvePeak}

func evolvePeak(s PeakState, e PeakEvent) PeakState {
	drop := func(who string) {
		s.Applications = slices.DeleteFunc(slices.Clone(s.Applications), func(a Application) bool { return a.Case == who })
	}
	switch e := e.(type) {
	case Announced:
		s.Announced = &e
	case Applied:
		i := slices.IndexFunc(s.Applications, func(a Application) bool { return a.Case == e.Case })
		if i < 0 {
			s.Applications = append(slices.Clip(s.Applications), Application(e))
			break
		}
		s.Applications = slices.Clone(s.Applications)
		s.Applications[i] = Application(e)
	case ApplicationWithdrawn:
		drop(e.Case)
	case Drawn:
		s.Drawn = &e
	}
	return s
}

// The rejections of a draw.
var (
	ErrAnnounced    = domain.Reject("draw_announced", "这一天的抽签已经公布，不能改。", "The draw of this day is announced and cannot be changed.")
	ErrNotAnnounced = domain.Reject("draw_not_announced", "这一天的抽签还没有公布。", "The draw of this day is not announced.")
	ErrDrawInvalid  = domain.Reject("draw_invalid", "抽签要有时段、64 位的种子承诺，截止时间要在现在之后、第一个时段之前。", "A draw needs slots, a commitment of 64 hex digits, and closes after now and before the first slot.")
	ErrDrawClosed   = domain.Reject("draw_closed", "申请已于 %s 截止。", "Applications closed at %s.")
	ErrDrawOpen     = domain.Reject("draw_open", "申请 %s 才截止，现在不能抽签。", "Applications close at %s; there is no draw before.")
	ErrWishes       = domain.Reject("draw_wishes_invalid", "请从公布的时段里选，每个只选一次。", "Please choose among the announced slots, each of them once.")
	ErrSeed         = domain.Reject("draw_seed_differs", "种子和盐与公布的承诺对不上。", "Seed and salt do not fit the commitment that was published.")
	ErrDrawn        = domain.Reject("drawn", "已经抽过签。", "The draw has taken place.")
)

func decidePeak(s PeakState, cmd PeakCommand) ([]PeakEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Announce:
		return s.announce(c)
	case Apply:
		return s.apply(c)
	case WithdrawApplication:
		return s.withdraw(c)
	case DrawSlots:
		return s.draw(c)
	}
	panic("unreachable: sealed interface")
}

func (s PeakState) announce(c Announce) ([]PeakEvent, error) {
	e := Announced{slices.Clone(c.Slots), c.Commitment, c.Closes.UTC()}
	for i := range e.Slots {
		e.Slots[i].Start, e.Slots[i].End = e.Slots[i].Start.UTC(), e.Slots[i].End.UTC()
	}
	if have := s.Announced; have != nil {
		if slices.Equal(have.Slots, e.Slots) && have.Commitment == e.Commitment && have.Closes.Equal(e.Closes) {
			return nil, nil
		}
		return nil, ErrAnnounced
	}
	if len(e.Slots) == 0 || !domain.IsDigest(e.Commitment) || !e.Closes.After(c.Now) {
		return nil, ErrDrawInvalid
	}
	day := domain.DateOf(e.Slots[0].Start)
	seen := map[string]bool{}
	for _, x := range e.Slots {
		if x.Resource == "" || !x.End.After(x.Start) || domain.DateOf(x.Start) != day || seen[x.Name()] || !x.Start.After(e.Closes) {
			return nil, ErrDrawInvalid
		}
		seen[x.Name()] = true
	}
	return []PeakEvent{e}, nil
}

// open says that applications are taken now.
func (s PeakState) open(now time.Time) error {
	switch {
	case s.Announced == nil:
		return ErrNotAnnounced
	case s.Drawn != nil:
		return ErrDrawn
	case !now.Before(s.Announced.Closes):
		return ErrDrawClosed.With(domain.FormatTime(s.Announced.Closes))
	}
	return nil
}

func (s PeakState) apply(c Apply) ([]PeakEvent, error) {
	if i := slices.IndexFunc(s.Applications, func(a Application) bool { return a.Case == c.Case }); i >= 0 && slices.Equal(s.Applications[i].Wishes, c.Wishes) {
		return nil, nil
	}
	if err := s.open(c.Now); err != nil {
		return nil, err
	}
	if c.Case == "" || strings.Contains(c.Case, "\n") {
		return nil, ErrNoCase
	}
	names, seen := s.Names(), map[string]bool{}
	for _, w := range c.Wishes {
		if seen[w] || !slices.Contains(names, w) {
			return nil, ErrWishes
		}
		seen[w] = true
	}
	if len(c.Wishes) == 0 {
		return nil, ErrWishes
	}
	return []PeakEvent{Applied{c.Case, slices.Clone(c.Wishes)}}, nil
}

func (s PeakState) withdraw(c WithdrawApplication) ([]PeakEvent, error) {
	if !slices.ContainsFunc(s.Applications, func(a Application) bool { return a.Case == c.Case }) {
		return nil, nil
	}
	if err := s.open(c.Now); err != nil {
		return nil, err
	}
	return []PeakEvent{ApplicationWithdrawn{c.Case}}, nil
}

func (s PeakState) draw(c DrawSlots) ([]PeakEvent, error) {
	switch {
	case s.Announced == nil:
		return nil, ErrNotAnnounced
	case s.Drawn != nil && s.Drawn.Seed == c.Seed && s.Drawn.Salt == c.Salt:
		return nil, nil
	case s.Drawn != nil:
		return nil, ErrDrawn
	case c.Now.Before(s.Announced.Closes):
		return nil, ErrDrawOpen.With(domain.FormatTime(s.Announced.Closes))
	case !domain.IsDigest(c.Seed) || !domain.IsDigest(c.Salt) || Commitment(c.Seed, c.Salt) != s.Announced.Commitment:
		return nil, ErrSeed
	}
	order, result := Draw(c.Seed, c.Salt, s.Applications, s.Names())
	return []PeakEvent{Drawn{c.Seed, c.Salt, order, result}}, nil
}
