package cremation

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// ColdStoreCategory names the streams of cold stores; a stream's id is the
// institution's credit code.
const ColdStoreCategory = "coldstore"

// A Bay is one place in a cold bank: the bank's resource and a number from 1.
type Bay struct {
	Bank string `json:"bank"`
	No   int    `json:"no"`
}

// Place is where somebody in this bay is.
func (b Bay) Place() Place { return Place{InColdBay, fmt.Sprintf("%s/%d", b.Bank, b.No)} }

// A ColdStoreEvent is what happens in the cold store of one institution.
type ColdStoreEvent interface{ coldStoreEvent() }

type (
	// Stored puts remains into a bay.
	Stored struct {
		Bay  Bay       `json:"bay"`
		Tag  string    `json:"tag"`
		Case uuid.UUID `json:"case"`
		// Since is the day from which storage counts; empty where nobody knows.
		Since domain.Date `json:"since,omitzero"`
	}
	// Removed takes them out.
	Removed struct {
		Bay Bay    `json:"bay"`
		Tag string `json:"tag"`
	}
	// Relocated moves many at once, in an emergency. Nothing leaves the store
	// until it has been recounted.
	Relocated struct {
		Relocation uuid.UUID    `json:"relocation"`
		Moves      []Relocation `json:"moves"`
		Reason     string       `json:"reason"` // why, never who
		By         string       `json:"by"`
		At         time.Time    `json:"at,omitzero"`
	}
	// Recounted says what a full count found, in order of bays.
	Recounted struct {
		Count      uuid.UUID `json:"count"`
		Expected   int       `json:"expected"`
		Missing    []string  `json:"missing,omitzero"`    // expected and not seen
		Unexpected []string  `json:"unexpected,omitzero"` // seen and not expected
		Misplaced  []string  `json:"misplaced,omitzero"`  // seen in another bay
		By         string    `json:"by"`
	}
	// DiscrepancySettled strikes a missing tag off after somebody found out why
	// it is not there, on another account than the one that counted.
	DiscrepancySettled struct {
		Tag     string `json:"tag"`
		Bay     Bay    `json:"bay"`
		Reason  string `json:"reason"` // why, never who
		Paper   string `json:"paper"`
		By      string `json:"by"`
		Counter string `json:"counter"`
	}
)

// A Relocation is one tag's move in an emergency.
type Relocation struct {
	Tag  string `json:"tag"`
	From Bay    `json:"from"`
	To   Bay    `json:"to"`
}

func (Stored) coldStoreEvent()             {}
func (Removed) coldStoreEvent()            {}
func (Relocated) coldStoreEvent()          {}
func (Recounted) coldStoreEvent()          {}
func (DiscrepancySettled) coldStoreEvent() {}

// A ColdStoreCommand asks something of one cold store.
type ColdStoreCommand interface {
	domain.Command
	coldStoreCommand()
}

type (
	// Store puts remains into a bay.
	Store struct {
		domain.Act
		Bay      Bay
		Tag      string // as scanned
		Case     uuid.UUID
		TagCase  uuid.UUID   // fact: the case that the tag's own stream is issued to
		Capacity int         // fact: how many bays the bank has on that day; zero when it is not in service
		Since    domain.Date // fact: the day they came in; empty: the day of the act
	}
	// Remove takes remains out of their bay.
	Remove struct {
		domain.Act
		Bay Bay
		Tag string // as scanned
	}
	// Relocate moves many at once, in an emergency.
	Relocate struct {
		domain.Act
		Relocation uuid.UUID
		Moves      []Relocation
		Reason     string
		// Capacity is the fact how many bays each bank has that is moved to.
		Capacity map[string]int
	}
	// Recount reports a full count: every tag that was scanned, and in which bay.
	Recount struct {
		domain.Act
		Count uuid.UUID
		Seen  []Sighting
	}
	// SettleDiscrepancy strikes off a tag that the last count missed.
	SettleDiscrepancy struct {
		domain.Act
		Tag    string
		Reason string
		Paper  string // the record of the inquiry
	}
)

// A Sighting is one tag scanned in one bay.
type Sighting struct {
	Bay Bay
	Tag string
}

func (Store) coldStoreCommand()             {}
func (Remove) coldStoreCommand()            {}
func (Relocate) coldStoreCommand()          {}
func (Recount) coldStoreCommand()           {}
func (SettleDiscrepancy) coldStoreCommand() {}

// ColdStoreState is who lies where.
type ColdStoreState struct {
	In []Stored // by bay
	// Due is the relocation after which no full count has found everybody in
	// place yet; uuid.Nil when none is due.
	Due     uuid.UUID
	Last    Recounted // zero Count: never counted
	settled []string  // struck off since the last count
}

// ColdStore decides over the cold store of one institution: one set of remains
// in a bay, and a full recount before anything leaves after an emergency (I2).
var ColdStore = domain.Decider[ColdStoreState, ColdStoreCommand, ColdStoreEvent]{Decide: decideColdStore, Evolve: evolveColdStore}

var (
	// ErrBayUnknown refuses a bay that the bank does not have.
	ErrBayUnknown = domain.Reject("bay_unknown", "没有 %s 第 %d 号柜位，或该冷藏设备停用。", "There is no bay %[2]d in %[1]s, or it is out of service.").Under("I2", "")
	// ErrBayTaken refuses a bay that holds somebody.
	ErrBayTaken = domain.Reject("bay_taken", "%s 第 %d 号柜位已有一位逝者，一个柜位只放一位。", "Bay %[2]d of %[1]s holds somebody; a bay holds one.").Under("I2", "").Race()
	// ErrStored refuses to store somebody twice.
	ErrStored = domain.Reject("already_stored", "这位逝者已在 %s 第 %d 号柜位。", "They are already in bay %[2]d of %[1]s.").Under("I2", "")
	// ErrNotStored refuses to remove who is not there.
	ErrNotStored = domain.Reject("not_stored", "这个柜位里不是这个腕带，请停下核对。", "That tag is not in this bay; please stop and check.").Under("I2", "")
	// ErrRelocation refuses a relocation that is not whole.
	ErrRelocation = domain.Reject("relocation_incomplete", "紧急转移须写明原因，并逐一写明腕带、原柜位和新柜位。", "An emergency relocation gives its reason and, for every tag, the bay before and after.").Under("I2", "")
	// ErrRelocationUsed refuses another relocation under the same reference.
	ErrRelocationUsed = domain.Reject("relocation_used", "这个转移编号已经使用。", "This relocation reference is used.").Under("I2", "")
	// ErrRecount refuses a count that is not one.
	ErrRecount = domain.Reject("recount_invalid", "清点记录不对：缺少编号，或同一腕带扫了两次，请重新清点。", "The count lacks its reference, or one tag was scanned twice; please count again.").Under("I2", "")
	// ErrNotMissing refuses to strike off who is not missing.
	ErrNotMissing = domain.Reject("not_missing", "上一次清点没有报告缺少这个腕带。", "The last count did not miss this tag.").Under("I2", "")
	// ErrSettle refuses to strike off without reason and paper.
	ErrSettle = domain.Reject("discrepancy_reason", "请写明查明的原因和记录编号。", "Please give what was found out, and the record of it.").Under("I2", "")
	// ErrSettleSelf refuses to strike off what one counted oneself.
	ErrSettleSelf = domain.Reject("discrepancy_second_account", "清点差异须由清点人以外的另一帐号处理。", "A discrepancy is settled on another account than the one that counted.").Under("I2", "")
)

// RecountDue says that an emergency relocation still waits for its full count.
func (s ColdStoreState) RecountDue() bool { return s.Due != uuid.Nil }

// Where is the bay of this tag.
func (s ColdStoreState) Where(tag string) (Bay, bool) {
	if i := s.of(tag); i >= 0 {
		return s.In[i].Bay, true
	}
	return Bay{}, false
}

// TagIn is the tag in this bay; empty for an empty bay.
func (s ColdStoreState) TagIn(b Bay) string {
	if i := s.in(b); i >= 0 {
		return s.In[i].Tag
	}
	return ""
}

func (s ColdStoreState) of(tag string) int {
	return slices.IndexFunc(s.In, func(x Stored) bool { return x.Tag == tag })
}

func (s ColdStoreState) in(b Bay) int {
	return slices.IndexFunc(s.In, func(x Stored) bool { return x.Bay == b })
}

// An Overlong storage has outlasted its days.
type Overlong struct {
	Stored
	Limit domain.Date // the last ordinary or extended day; empty where Since is unknown
}

// Overlong lists who is stored beyond days, or beyond the day to which the case
// is extended, the longest first. Who came on a day that nobody knows is listed
// first of all: unknown is not short.
func (s ColdStoreState) Overlong(today domain.Date, days int, extended map[uuid.UUID]domain.Date) []Overlong {
	var over []Overlong
	for _, x := range s.In {
		var limit domain.Date
		if x.Since != "" {
			limit = max(x.Since.AddDays(days), extended[x.Case])
		}
		if limit < today {
			over = append(over, Overlong{x, limit})
		}
	}
	slices.SortStableFunc(over, func(a, b Overlong) int { return cmp.Compare(a.Since, b.Since) })
	return over
}

func decideColdStore(s ColdStoreState, cmd ColdStoreCommand) ([]ColdStoreEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Store:
		if b, ok := s.Where(c.Tag); ok && b == c.Bay {
			return nil, nil
		} else if ok {
			return nil, ErrStored.With(b.Bank, b.No)
		}
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case c.Tag == "":
			return nil, ErrTagNeeded
		case c.TagCase != c.Case:
			return nil, ErrTagNotIssued
		case c.Bay.No < 1 || c.Bay.No > c.Capacity:
			return nil, ErrBayUnknown.With(c.Bay.Bank, c.Bay.No)
		case s.in(c.Bay) >= 0:
			return nil, ErrBayTaken.With(c.Bay.Bank, c.Bay.No)
		case c.Since != "" && (!c.Since.Valid() || c.Since > domain.DateOf(act.Now)):
			return nil, ErrDay.With(c.Since)
		case c.Since == "" && !act.Estimated:
			c.Since = domain.DateOf(act.At)
		}
		return []ColdStoreEvent{Stored{c.Bay, c.Tag, c.Case, c.Since}}, nil

	case Remove:
		switch {
		case c.Tag == "":
			return nil, ErrTagNeeded
		case s.TagIn(c.Bay) != c.Tag:
			return nil, ErrNotStored
		case s.RecountDue():
			return nil, ErrRecountFirst
		}
		return []ColdStoreEvent{Removed{c.Bay, c.Tag}}, nil

	case Relocate:
		return s.relocate(c)

	case Recount:
		return s.recount(c)

	case SettleDiscrepancy:
		i := s.of(c.Tag)
		switch {
		case slices.Contains(s.settled, c.Tag):
			return nil, nil
		case i < 0 || !slices.Contains(s.Last.Missing, c.Tag):
			return nil, ErrNotMissing
		case c.Reason == "" || c.Paper == "":
			return nil, ErrSettle
		case c.By == s.Last.By:
			return nil, ErrSettleSelf
		}
		return []ColdStoreEvent{DiscrepancySettled{c.Tag, s.In[i].Bay, c.Reason, c.Paper, c.By, s.Last.By}}, nil
	}
	panic("unreachable: ColdStoreCommand is sealed")
}

func (s ColdStoreState) relocate(c Relocate) ([]ColdStoreEvent, error) {
	if c.Relocation == uuid.Nil || c.Reason == "" || len(c.Moves) == 0 {
		return nil, ErrRelocation
	}
	done, taken := true, map[Bay]bool{} // where everybody is afterwards
	for _, x := range s.In {
		if !slices.ContainsFunc(c.Moves, func(m Relocation) bool { return m.Tag == x.Tag }) {
			taken[x.Bay] = true
		}
	}
	seen := map[string]bool{}
	for _, m := range c.Moves {
		b, ok := s.Where(m.Tag)
		done = done && ok && b == m.To
		switch {
		case m.Tag == "" || seen[m.Tag]:
			return nil, ErrRelocation
		case !ok || b != m.From && b != m.To:
			return nil, ErrNotStored
		case m.To.No < 1 || m.To.No > c.Capacity[m.To.Bank]:
			return nil, ErrBayUnknown.With(m.To.Bank, m.To.No)
		case taken[m.To]:
			return nil, ErrBayTaken.With(m.To.Bank, m.To.No)
		}
		seen[m.Tag], taken[m.To] = true, true
	}
	switch {
	case done:
		return nil, nil
	case s.Due == c.Relocation:
		return nil, ErrRelocationUsed
	}
	for _, m := range c.Moves {
		if b, _ := s.Where(m.Tag); b != m.From {
			return nil, ErrNotStored
		}
	}
	e := Relocated{c.Relocation, slices.Clone(c.Moves), c.Reason, c.By, time.Time{}}
	if !c.Estimated {
		e.At = c.At.UTC().Round(0)
	}
	return []ColdStoreEvent{e}, nil
}

func (s ColdStoreState) recount(c Recount) ([]ColdStoreEvent, error) {
	if c.Count == uuid.Nil {
		return nil, ErrRecount
	}
	if s.Last.Count == c.Count {
		return nil, nil
	}
	e := Recounted{Count: c.Count, Expected: len(s.In), By: c.By}
	seen := map[string]Bay{}
	for _, x := range c.Seen {
		if _, twice := seen[x.Tag]; twice || x.Tag == "" {
			return nil, ErrRecount
		}
		seen[x.Tag] = x.Bay
		if s.of(x.Tag) < 0 {
			e.Unexpected = append(e.Unexpected, x.Tag)
		}
	}
	for _, x := range s.In {
		switch b, ok := seen[x.Tag]; {
		case !ok:
			e.Missing = append(e.Missing, x.Tag)
		case b != x.Bay:
			e.Misplaced = append(e.Misplaced, x.Tag)
		}
	}
	slices.Sort(e.Unexpected)
	return []ColdStoreEvent{e}, nil
}

// Clean says that the count found everybody, and nobody else, in place.
func (e Recounted) Clean() bool {
	return e.Count != uuid.Nil && len(e.Missing)+len(e.Unexpected)+len(e.Misplaced) == 0
}

func evolveColdStore(s ColdStoreState, e ColdStoreEvent) ColdStoreState {
	without := func(tag string) []Stored {
		return slices.DeleteFunc(slices.Clone(s.In), func(x Stored) bool { return x.Tag == tag })
	}
	switch e := e.(type) {
	case Stored:
		s.In = sorted(append(slices.Clip(s.In), e))
	case Removed:
		s.In = without(e.Tag)
	case Relocated:
		s.In = slices.Clone(s.In)
		for _, m := range e.Moves {
			if i := s.of(m.Tag); i >= 0 {
				s.In[i].Bay = m.To
			}
		}
		s.In, s.Due = sorted(s.In), e.Relocation
	case Recounted:
		s.Last, s.settled = e, nil
		if e.Clean() {
			s.Due = uuid.Nil
		}
	case DiscrepancySettled:
		s.In, s.settled = without(e.Tag), append(slices.Clip(s.settled), e.Tag)
	}
	return s
}

// sorted orders a list of its own by bay.
func sorted(in []Stored) []Stored {
	slices.SortFunc(in, func(a, b Stored) int {
		return cmp.Or(cmp.Compare(a.Bay.Bank, b.Bay.Bank), cmp.Compare(a.Bay.No, b.Bay.No))
	})
	return in
}
