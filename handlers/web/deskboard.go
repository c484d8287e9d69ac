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
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/search"
	"shenzhong/projections/voyages"
)

// A DeskSource answers what the desk's overviews show: the day, the search, who
// is in the house. It reads read models; what a single case shows is folded from
// its own streams (handlers.App.Dossier).
type DeskSource interface {
	PlaceSource
	RegulatorSource
	CreditWorkSource
	// ReadModels names those that a page waits for after a write.
	ReadModels() []string
	// Board is one institution's day, and what needs attention there.
	Board(ctx context.Context, institution string, day domain.Date, now time.Time) (frontdesk.Board, frontdesk.Attention, AsOf, error)
	// Custody is everything that the institution has.
	Custody(ctx context.Context, institution string, now time.Time) ([]frontdesk.Custody, AsOf, error)
	// Sheet is one institution's day sheet.
	Sheet(ctx context.Context, institution string, day domain.Date) (frontdesk.Sheet, AsOf, error)
	// Voyages are the sea-burial voyages that depart in [from, until), of one
	// operator or of all for "".
	Voyages(ctx context.Context, from, until time.Time, operator domain.CreditCode) ([]voyages.Voyage, AsOf, error)
	// Find searches an institution's cases; the best first, at most n.
	Find(ctx context.Context, institution, query string, n int) ([]search.Hit, AsOf, error)
}

// The board as the template draws it.
type (
	board struct {
		Day, Before, After domain.Date
		Today              bool
		Hours              []string // headings, each four columns
		Columns            int
		Groups             []boardGroup
		Counts             frontdesk.Counts
		Attention          frontdesk.Attention
		First              *frontdesk.Lack
		Bays               []frontdesk.Bay
		Taken              int
		NowAt              string // where now is, "36.8%"; empty on other days
		AsOf               AsOf
	}
	boardGroup struct {
		Kind string
		Rows []boardRow
	}
	boardRow struct {
		Name  Text
		Cells []boardCell
	}
	// boardCell is a run of quarter-hours.
	boardCell struct {
		Span  int
		State string // "" for free; run, set, held, lack, done; buf, fix
		Cell  *frontdesk.Cell
		ID    string
	}
)

// Past is the class of a state: what is done is grey.
func (c boardCell) Class() string {
	if c.State == "done" {
		return "past"
	}
	return c.State
}

// laneKinds is the order of the groups.
var laneKinds = []string{"hall", "furnace", "vehicle"}

// lay puts the day on a grid of quarter-hours.
func lay(x frontdesk.Board, a frontdesk.Attention, now time.Time) board {
	b := board{Day: x.Day, Before: x.Day.AddDays(-1), After: x.Day.AddDays(1), Today: x.Day == domain.DateOf(now), Counts: x.Counts, Attention: a, Bays: x.Bays}
	if len(a.Lacking) > 0 {
		b.First = &a.Lacking[0]
	}
	for _, bay := range x.Bays {
		if bay.Case != "" {
			b.Taken++
		}
	}
	from, to := 6*60, 18*60
	midnight := x.Day.Start()
	minute := func(t time.Time) int { return int(t.Sub(midnight) / time.Minute) }
	for _, r := range x.Rows {
		if r.Opens.Valid() && r.Closes.Valid() && r.Opens.Minutes() > 0 { // what serves day and night does not stretch the board
			from, to = min(from, r.Opens.Minutes()), max(to, r.Closes.Minutes())
		}
		for _, c := range r.Cells {
			if c.Closure == "" {
				from, to = min(from, max(0, minute(c.Start))), max(to, min(24*60, minute(c.End)))
			}
		}
	}
	from, to = from/60*60, (to+59)/60*60
	for m := from; m < to; m += 60 {
		b.Hours = append(b.Hours, fmt.Sprintf("%d:00", m/60))
	}
	b.Columns = (to - from) / 15
	for _, kind := range append(slices.Clone(laneKinds), "") {
		g := boardGroup{Kind: kind}
		for _, r := range x.Rows {
			if string(r.Kind) == kind || kind == "" && !slices.Contains(laneKinds, string(r.Kind)) {
				g.Rows = append(g.Rows, boardRow{Text{r.NameZh, r.NameEn}, cells(r, from, b.Columns, minute)})
			}
		}
		if len(g.Rows) > 0 {
			b.Groups = append(b.Groups, g)
		}
	}
	if at := minute(now); b.Today && at >= from && at < to {
		b.NowAt = fmt.Sprintf("%.1f%%", 100*float64(at-from)/float64(to-from))
	}
	return b
}

// cells cuts one lane into runs of quarter-hours. Two that overlap by the
// minute stand beside each other, and a slot is never hidden by a closure.
func cells(r frontdesk.Row, from, columns int, minute func(time.Time) int) []boardCell {
	all := slices.Clone(r.Cells)
	slices.SortStableFunc(all, func(x, y frontdesk.Cell) int {
		return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(string(x.Closure), string(y.Closure)), x.End.Compare(y.End))
	})
	var cs []boardCell
	at := 0
	put := func(until int, c boardCell) {
		until = min(until, columns)
		if until <= at {
			return
		}
		c.Span, at = until-at, until
		cs = append(cs, c)
	}
	for n := range all {
		c := &all[n]
		start, end := (minute(c.Start)-from)/15, (minute(c.End)-from+14)/15
		if end <= at || start >= columns {
			continue
		}
		x := boardCell{State: string(c.Mark), Cell: c, ID: "i-" + r.Resource + "-" + c.Start.In(domain.Shanghai).Format("1504")}
		if c.Closure != "" {
			for _, next := range all[n+1:] { // a slot that begins within the closure is seen
				if next.Closure == "" {
					end = min(end, (minute(next.Start)-from)/15)
					break
				}
			}
			x.State = "fix"
			if c.Closure == frontdesk.Buffer || c.Closure == frontdesk.CleanDown {
				x.State = "buf"
			}
			x.ID = ""
		} else {
			end = max(end, at+1)
		}
		put(max(start, 0), boardCell{})
		put(end, x)
	}
	put(columns, boardCell{})
	return cs
}

// board shows a day. The page asks anew for its own table while it is open.
func (d *Desk) board(v *visit) error {
	v.keep = []string{"d"}
	day, err := d.day(v)
	if err != nil {
		return err
	}
	now := d.app.Now()
	x, a, asOf, err := d.data.Board(v.ctx(), v.institution(), day, now)
	if err != nil {
		return err
	}
	b := lay(x, a, now)
	b.AsOf = asOf
	return d.send(v, "desk-board", "/desk", b, &b.AsOf)
}

// found is what a search came to.
type found struct {
	Query string
	Hits  []search.Hit
	More  bool
	AsOf  AsOf
}

// The most hits of a search, and the longest.
const (
	maxFound = 50
	maxQuery = 60 // characters
)

// search shows what a search came to, as one types or after Enter. A whole tag
// or case number that has one answer goes straight to the case. What is looked
// for is somebody's name or number, so it comes in a form and never stands in an
// address, where browsers and proxies keep it.
func (d *Desk) search(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := found{Query: clip(strings.TrimSpace(v.r.PostForm.Get("q")), maxQuery)}
	if f.Query != "" {
		var err error
		if f.Hits, f.AsOf, err = d.data.Find(v.ctx(), v.institution(), f.Query, maxFound+1); err != nil {
			return err
		}
	}
	if f.More = len(f.Hits) > maxFound; f.More {
		f.Hits = f.Hits[:maxFound]
	}
	if len(f.Hits) == 1 && v.r.Header.Get("HX-Request") == "" && (strings.EqualFold(f.Hits[0].Tag, f.Query) || strings.EqualFold(f.Hits[0].Number, f.Query)) {
		return see(v, "/desk/cases/"+f.Hits[0].Case.String())
	}
	return d.send(v, "desk-search", "/desk/search", f, &f.AsOf)
}

// house is the handover list: everything in custody.
type house struct {
	At       time.Time
	Places   []housePlace
	Ashes    []houseLine
	Total    int
	Actor    string
	AsOf     AsOf
	Recount  bool
	Token    string
	Banks    []houseBank
	Shift    cremation.ShiftState
	Give     bool // who looks may hand this list over
	Take     bool // it was handed to who looks
	Changed  bool // the list since
	List     string
	ShiftID  string
	Unsigned *handlers.Problem
	To       string
	Differs  string
	// Typed and Wrong are what a count that was refused had in each bay, and what
	// is wrong there.
	Typed, Wrong map[string]string
	Refused      *handlers.Problem
}

// A houseBank is one cold bank, to be counted.
type houseBank struct {
	Resource string
	Name     Text
	Bays     []int
}

type housePlace struct {
	Kind  string
	Lines []houseLine
}

type houseLine struct {
	frontdesk.Custody
	Where, Lacks, OnHold string
}

// handover shows everything in custody, to be signed by who goes and who comes.
func (d *Desk) handover(v *visit) error {
	h, err := d.house(v)
	if err != nil {
		return err
	}
	return d.send(v, "desk-house", "/desk/house", h, &h.AsOf)
}

// house is the list as it stands now.
func (d *Desk) house(v *visit) (h house, err error) {
	now := d.app.Now()
	all, asOf, err := d.data.Custody(v.ctx(), v.institution(), now)
	if err != nil {
		return h, err
	}
	in, _, err := d.app.Institutions.Load(v.ctx(), v.institution())
	if err != nil {
		return h, err
	}
	cold, _, err := d.app.ColdStores.Load(v.ctx(), v.institution())
	if err != nil {
		return h, err
	}
	c := &caseView{visit: v, Dossier: handlers.Dossier{Institution: in}, now: now}
	h = house{At: now, Total: len(all), Actor: v.actor.ID, AsOf: asOf, List: listSum(all), ShiftID: uuid.Must(uuid.NewV7()).String(), Recount: cold.RecountDue(), Token: uuid.Must(uuid.NewV7()).String()}
	for _, r := range in.Resources {
		if r.Kind != institution.ColdBay || !r.ServesOn(domain.DateOf(now)) {
			continue
		}
		b := houseBank{Resource: r.Resource, Name: Text{r.NameZh, r.NameEn}}
		for n := range max(0, r.Capacity) {
			b.Bays = append(b.Bays, n+1)
		}
		h.Banks = append(h.Banks, b)
	}
	for _, x := range all {
		l := houseLine{Custody: x, Where: c.placeText(x.Place), Lacks: v.lacks(x.Lack)}
		if x.Place == (cremation.Place{}) {
			l.Where = v.label("stage", x.Stage)
		}
		var holds []string
		for _, k := range x.Holds {
			holds = append(holds, v.label("hold", k))
		}
		l.OnHold = strings.Join(holds, v.text("prov.comma"))
		if x.Stage == frontdesk.Ashes {
			for _, s := range x.Shares {
				if s.Place.Kind != "" {
					l.Where = c.placeText(s.Place)
				}
			}
			h.Ashes = append(h.Ashes, l)
			continue
		}
		kind := cmp.Or(string(x.Place.Kind), string(x.Stage))
		if n := len(h.Places); n == 0 || h.Places[n-1].Kind != kind {
			h.Places = append(h.Places, housePlace{Kind: kind})
		}
		p := &h.Places[len(h.Places)-1]
		p.Lines = append(p.Lines, l)
	}
	if h.Shift, _, err = d.app.Shifts.Load(v.ctx(), v.institution()); err != nil {
		return h, err
	}
	h.Give = v.actor.ID != h.Shift.Last.To || !h.Shift.Open()
	h.Take = h.Shift.Open() && v.actor.ID == h.Shift.Last.To
	h.Changed = h.Shift.Open() && h.Shift.Last.List != h.List
	return h, nil
}

// lacks says what is missing, by its names.
func (v *visit) lacks(codes []string) string {
	var names []string
	for _, code := range codes {
		names = append(names, v.label("lack", code))
	}
	return strings.Join(names, v.text("prov.comma"))
}

// maskName leaves the first and, of three or more, the last character: 林*舟.
func maskName(name string) string { return frontdesk.MaskName(name) }

// maskPhone leaves the ends: 138****0412.
func maskPhone(p string) string {
	if len(p) < 8 {
		return strings.Repeat("*", len(p))
	}
	return p[:3] + "****" + p[len(p)-4:]
}
