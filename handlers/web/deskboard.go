package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/handlers"
)

// A DeskSource answers what the desk's overviews show: the day, the search, who
// is in the house. It is filled from read models; what a single case shows is
// folded from its own streams (handlers.App.Dossier).
type DeskSource interface {
	// ReadModels names those that a page waits for after a write.
	ReadModels() []string
	// Day is one institution's day.
	Day(ctx context.Context, institution string, day domain.Date) (DeskDay, error)
	// Find searches an institution's cases; the best first, at most n.
	Find(ctx context.Context, institution, query string, n int) (Found, error)
	// House is everything that is in the institution's custody.
	House(ctx context.Context, institution string) (House, error)
}

// A DeskDay is all that happens at one institution on one day.
type DeskDay struct {
	Day   domain.Date
	Lanes []Lane
	Items []BoardItem
	// Overdue, Held and Waiting are what somebody should look at.
	AsOf AsOf
}

// A Lane is one resource of the board.
type Lane struct {
	Resource, Kind string // hall, furnace, vehicle, lounge
	Name           Text
	Opens, Closes  domain.Clock
}

// A BoardItem is what occupies a resource for a time: a case, or a block.
type BoardItem struct {
	Resource   string
	Start, End time.Time
	Buffer     int // minutes that are kept free after it

	Case      uuid.UUID // uuid.Nil: a block
	Block     string    // kind of a block
	Name, Tag string    // masked
	Confirmed bool
	Until     time.Time // of a hold
	// Begun and Done are what was recorded; Lacks is how many papers are missing
	// without which it cannot begin.
	Begun, Done bool
	Lacks       int
}

// state is the one-letter state of an item at a moment, as the board names it.
func (i BoardItem) state(now time.Time) string {
	switch {
	case i.Case == uuid.Nil:
		return "fix"
	case i.Done, !now.Before(i.End) && i.Begun:
		return "past"
	case i.Begun:
		return "run"
	case !i.Confirmed:
		return "held"
	case i.Lacks > 0:
		return "lack"
	case !now.Before(i.End):
		return "past"
	case !now.Before(i.Start):
		return "run"
	}
	return "set"
}

// The board as the template draws it.
type (
	// Board is one day's board.
	Board struct {
		Day, Before, After domain.Date
		Today              bool
		Hours              []string // headings, each four columns
		Columns            int
		Groups             []BoardGroup
		Count              map[string]int
		Total              int
		First              *BoardItem // the next that lacks papers
		NowAt              string     // where now is, "36.8%"; empty on other days
		House              *HouseCount
		AsOf               AsOf
		Fragment           bool // only the table is asked for
	}
	// BoardGroup is the lanes of one kind.
	BoardGroup struct {
		Kind string
		Rows []BoardRow
	}
	// BoardRow is one lane.
	BoardRow struct {
		Lane
		Cells []BoardCell
	}
	// BoardCell is a run of quarter-hours.
	BoardCell struct {
		Span  int
		State string // "" for free, "buf" for a buffer
		Item  *BoardItem
		ID    string
	}
)

// laneKinds is the order of the groups.
var laneKinds = []string{"hall", "furnace", "vehicle", "lounge"}

// lay puts the day on a grid of quarter-hours.
func lay(d DeskDay, now time.Time) Board {
	b := Board{Day: d.Day, Before: d.Day.AddDays(-1), After: d.Day.AddDays(1), Today: d.Day == domain.DateOf(now), Count: map[string]int{}, AsOf: d.AsOf}
	from, to := 6*60, 18*60
	midnight := d.Day.Start()
	minute := func(t time.Time) int { return int(t.Sub(midnight) / time.Minute) }
	for _, l := range d.Lanes {
		if l.Opens.Valid() && l.Closes.Valid() && l.Opens.Minutes() > 0 { // a vehicle that serves day and night does not stretch the board
			from, to = min(from, l.Opens.Minutes()), max(to, l.Closes.Minutes())
		}
	}
	for _, i := range d.Items {
		if i.Case != uuid.Nil {
			from, to = min(from, max(0, minute(i.Start))), max(to, min(24*60, minute(i.End)))
		}
	}
	from, to = from/60*60, (to+59)/60*60
	for m := from; m < to; m += 60 {
		b.Hours = append(b.Hours, fmt.Sprintf("%d:00", m/60))
	}
	b.Columns = (to - from) / 15
	for _, kind := range append(slices.Clone(laneKinds), "") {
		g := BoardGroup{Kind: kind}
		for _, l := range d.Lanes {
			if l.Kind == kind || kind == "" && !slices.Contains(laneKinds, l.Kind) {
				var items []BoardItem
				for _, i := range d.Items {
					if i.Resource == l.Resource {
						items = append(items, i)
					}
				}
				g.Rows = append(g.Rows, BoardRow{l, cells(items, from, b.Columns, minute, now)})
			}
		}
		if len(g.Rows) > 0 {
			b.Groups = append(b.Groups, g)
		}
	}
	for n := range d.Items {
		i := &d.Items[n]
		if i.Case == uuid.Nil {
			continue
		}
		s := i.state(now)
		b.Count[s]++
		b.Total++
		if s == "lack" && (b.First == nil || i.Start.Before(b.First.Start)) {
			b.First = i
		}
	}
	if at := minute(now); b.Today && at >= from && at < to {
		b.NowAt = fmt.Sprintf("%.1f%%", 100*float64(at-from)/float64(to-from))
	}
	return b
}

// cells cuts one lane into runs of quarter-hours. Two that overlap by the
// minute stand beside each other: the earlier keeps its length.
func cells(items []BoardItem, from, columns int, minute func(time.Time) int, now time.Time) []BoardCell {
	slices.SortStableFunc(items, func(x, y BoardItem) int { return cmp.Or(x.Start.Compare(y.Start), x.End.Compare(y.End)) })
	var cs []BoardCell
	at := 0
	put := func(until int, c BoardCell) {
		until = min(until, columns)
		if until <= at {
			return
		}
		c.Span, at = until-at, until
		cs = append(cs, c)
	}
	for n := range items {
		i := &items[n]
		start, end := (minute(i.Start)-from)/15, (minute(i.End)-from+14)/15
		if end <= at || start >= columns {
			continue
		}
		put(max(start, 0), BoardCell{})
		put(max(end, at+1), BoardCell{State: i.state(now), Item: i, ID: fmt.Sprintf("i-%s-%s", i.Resource, i.Start.In(domain.Shanghai).Format("1504"))})
		if i.Buffer > 0 {
			until := (minute(i.End) + i.Buffer - from + 14) / 15
			if n+1 < len(items) {
				until = min(until, (minute(items[n+1].Start)-from)/15)
			}
			put(until, BoardCell{State: "buf"})
		}
	}
	put(columns, BoardCell{})
	return cs
}

// board shows a day. The page asks anew for its own table while it is open.
func (d *Desk) board(v *visit) error {
	v.keep = []string{"d"}
	day, err := d.day(v)
	if err != nil {
		return err
	}
	data, err := d.data.Day(v.ctx(), v.institution(), day)
	if err != nil {
		return err
	}
	now := d.app.Now()
	b := lay(data, now)
	house, err := d.data.House(v.ctx(), v.institution())
	if err != nil {
		return err
	}
	n := house.count()
	b.House = &n
	b.Fragment = v.r.URL.Query().Has(handlers.Poll)
	return d.send(v, "desk-board", "/desk", b, &b.AsOf)
}

// A House is everything in an institution's custody.
type House struct {
	Banks []Bank
	// Elsewhere are the remains that are not in the cold store; Ashes the ashes
	// that nobody has collected.
	Elsewhere, Ashes []Kept
	// RecountDue says that nothing may leave the cold store before a full count.
	RecountDue bool
	AsOf       AsOf
}

// A Bank is one cold bank with its bays.
type Bank struct {
	Resource string
	Name     Text
	Bays     []Kept // by number; an empty Case is an empty bay
}

// A Kept is one in custody.
type Kept struct {
	No        int // of the bay
	Case      uuid.UUID
	Number    string // of the case
	Name, Tag string // masked
	Where     string
	Since     time.Time
	Days      int  // that count, the first one is 1
	Overdue   bool // beyond the days of storage
	Holds     []string
	Lacks     int
	// Items are the belongings that are kept with them.
	Items int
}

// A HouseCount is what the board says about the house.
type HouseCount struct{ Bays, Taken, Elsewhere, Ashes, Overdue, Held int }

func (h House) count() (n HouseCount) {
	n.Elsewhere, n.Ashes = len(h.Elsewhere), len(h.Ashes)
	each := func(k Kept) {
		if k.Overdue {
			n.Overdue++
		}
		if len(k.Holds) > 0 {
			n.Held++
		}
	}
	for _, b := range h.Banks {
		n.Bays += len(b.Bays)
		for _, k := range b.Bays {
			if k.Case != uuid.Nil {
				n.Taken++
				each(k)
			}
		}
	}
	for _, k := range h.Elsewhere {
		each(k)
	}
	for _, k := range h.Ashes {
		each(k)
	}
	return n
}

// Found is what a search came to.
type Found struct {
	Query string
	Cases []FoundCase
	More  bool
	AsOf  AsOf
	// Fragment says that only the list is asked for.
	Fragment bool
}

// A FoundCase is one line of a search.
type FoundCase struct {
	Case         uuid.UUID
	Number, Name string
	ID, Tag      string // masked
	Handler      string
	Phone        string // masked
	Status       string
	Opened       time.Time
}

// found shows what a search came to, as one types or after Enter. A search for
// a whole tag or case number that has one answer goes straight to the case.
func (d *Desk) found(v *visit) error {
	v.keep = []string{"q"}
	q := strings.TrimSpace(v.r.URL.Query().Get("q"))
	f := Found{Query: q}
	if q != "" {
		var err error
		if f, err = d.data.Find(v.ctx(), v.institution(), q, 50); err != nil {
			return err
		}
		f.Query = q
	}
	f.Fragment = v.r.Header.Get("HX-Request") != ""
	if len(f.Cases) == 1 && !f.Fragment && (strings.EqualFold(f.Cases[0].Tag, q) || strings.EqualFold(f.Cases[0].Number, q)) {
		return see(v, "/desk/cases/"+f.Cases[0].Case.String())
	}
	return d.send(v, "desk-search", "/desk/search", f, &f.AsOf)
}

// maskName leaves the first and, of three or more, the last character: 林*舟.
func maskName(name string) string {
	rs := []rune(strings.TrimSpace(name))
	switch len(rs) {
	case 0:
		return ""
	case 1:
		return "*"
	case 2:
		return string(rs[0]) + "*"
	}
	return string(rs[0]) + "*" + string(rs[len(rs)-1])
}

// maskPhone leaves the ends: 138****0412.
func maskPhone(p string) string {
	if len(p) < 8 {
		return strings.Repeat("*", len(p))
	}
	return p[:3] + "****" + p[len(p)-4:]
}
