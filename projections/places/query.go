// Package places is the read model of cemeteries: every place with its state,
// the rights of use with their terms and notices, and what each year came to.
// Nobody's name is in it, and no reference to a person.
package places

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/pricing"
	"shenzhong/projections"
)

// ErrNotFound means that no event names the cemetery, or the place.
var ErrNotFound = errors.New("places: there is no such cemetery or place")

// A Reader answers questions about cemeteries.
type Reader struct{ DB projections.Querier }

// A Status is what a place shows on a list and on a map. It is the domain's
// (cemetery.Status), and one more.
type Status = cemetery.Status

// Barred is a free place that breaks a limit as it is: nobody is given it.
const Barred Status = "BARRED"

// Statuses lists every status in the order of a legend.
var Statuses = []Status{cemetery.Vacant, cemetery.OnHold, cemetery.Allocated, cemetery.Resting, cemetery.Full, cemetery.LapsedUse, cemetery.LockedUp, Barred}

// A Cemetery is one cemetery as it stands.
type Cemetery struct {
	Code           domain.CreditCode
	NameZh, NameEn string
	Class          cemetery.Class
	Division       domain.Division
	Serves         []domain.Division
	FoundedOn      domain.Date
	Limits         cemetery.Limits
	// Count is of its places by status; Places of all of them, Persons of who
	// rests in them.
	Count           map[Status]int
	Places, Persons int
	// Exceeding counts the places that break a limit as they are, given or not.
	Exceeding int
	// Area is the rectangle that its measured places lie in; zero where nobody
	// measured any.
	Area Rect
}

// Free is how many places can be given.
func (c Cemetery) Free() int { return c.Count[cemetery.Vacant] }

// A Rect is a piece of the map, in ten-millionths of a degree.
type Rect struct{ West, South, East, North int }

// A Place is one place as it stands.
type Place struct {
	Cemetery                           domain.CreditCode
	Plot, Garden, Section, Row, Seat   string
	Kind                               cemetery.PlotKind
	EcoType                            string
	Capacity                           int
	AreaCM2, StoneCM, WidthCM, DepthCM int
	Spot                               cemetery.Spot
	Right                              string
	Until                              domain.Date
	Given, Resting, Emptied            int
	Held                               string
	Lapsed                             bool
	// Exceeded are the limits that it breaks as it is.
	Exceeded []Exceeded
	Refused  int
}

// An Exceeded is a limit that a place breaks: "E-5" in cm², "E-6" in cm.
type Exceeded struct {
	Rule            string
	Measured, Limit int
}

// Status is the one word for the place. It asks the domain.
func (p Place) Status() Status {
	s := cemetery.PlotState{Surveyed: cemetery.PlotSurveyed{Capacity: p.Capacity}, Right: p.Right, Held: p.Held, Lapsed: p.Lapsed, Emptied: p.Emptied, Interred: make([]domain.Subject, p.Resting)}
	if st := s.Status(); st != cemetery.Vacant || len(p.Exceeded) == 0 {
		return st
	}
	return Barred
}

// Public is the status as the public sees it: whether a period of use ran out is
// a family's own matter.
func (p Place) Public() Status {
	if p.Lapsed {
		p.Lapsed = false
	}
	return p.Status()
}

const cemeteryColumns = `code, name_zh, name_en, class, division, serves, founded_on, limits`

func scanCemetery(scan func(...any) error) (c Cemetery, err error) {
	var serves, limits string
	if err = scan(&c.Code, &c.NameZh, &c.NameEn, &c.Class, &c.Division, &serves, &c.FoundedOn, &limits); err != nil {
		return c, err
	}
	for d := range strings.FieldsSeq(serves) {
		c.Serves = append(c.Serves, domain.Division(d))
	}
	c.Count = map[Status]int{}
	return c, json.Unmarshal([]byte(limits), &c.Limits)
}

// tally counts the places of one cemetery, or of all of them, in the words of
// Place.Status: alike places are counted by SQLite and judged once.
func (r Reader) tally(ctx context.Context, cs []Cemetery) error {
	one := ""
	if len(cs) == 1 {
		one = string(cs[0].Code)
	}
	at := map[domain.CreditCode]*Cemetery{}
	for i := range cs {
		at[cs[i].Code] = &cs[i]
	}
	rows, err := r.DB.QueryContext(ctx, `SELECT cemetery, capacity, "right" <> '', min(resting, capacity), emptied, held <> '', lapsed, exceeded <> '', count(*), sum(resting),
			coalesce(min(nullif(lon_e7, 0)), 0), coalesce(min(nullif(lat_e7, 0)), 0), max(lon_e7), max(lat_e7)
		FROM place WHERE capacity > 0 AND (?1 = '' OR cemetery = ?1) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`, one)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of domain.CreditCode
		var p Place
		var given, held, exceeded bool
		var n, persons int
		var box Rect
		if err := rows.Scan(&of, &p.Capacity, &given, &p.Resting, &p.Emptied, &held, &p.Lapsed, &exceeded, &n, &persons, &box.West, &box.South, &box.East, &box.North); err != nil {
			return err
		}
		c := at[of]
		if c == nil {
			continue
		}
		if given {
			p.Right = "x"
		}
		if held {
			p.Held = "x"
		}
		if exceeded {
			p.Exceeded = []Exceeded{{}}
			c.Exceeding += n
		}
		c.Count[p.Status()] += n
		c.Places, c.Persons = c.Places+n, c.Persons+persons
		switch {
		case box.East == 0:
		case c.Area == Rect{}:
			c.Area = box
		default:
			c.Area = Rect{min(c.Area.West, box.West), min(c.Area.South, box.South), max(c.Area.East, box.East), max(c.Area.North, box.North)}
		}
	}
	return rows.Err()
}

// Cemeteries lists them all by district and name.
func (r Reader) Cemeteries(ctx context.Context) (cs []Cemetery, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT `+cemeteryColumns+` FROM cemetery ORDER BY division, class, name_zh, code`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanCemetery(rows.Scan)
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	if err := rows.Err(); err != nil || len(cs) == 0 {
		return nil, err
	}
	return cs, r.tally(ctx, cs)
}

// Cemetery is one of them.
func (r Reader) Cemetery(ctx context.Context, code domain.CreditCode) (Cemetery, error) {
	c, err := scanCemetery(r.DB.QueryRowContext(ctx, `SELECT `+cemeteryColumns+` FROM cemetery WHERE code = ?`, string(code)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrNotFound
	}
	if err != nil {
		return c, err
	}
	cs := []Cemetery{c}
	err = r.tally(ctx, cs)
	return cs[0], err
}

const placeQuery = `SELECT ` + placeColumns + ` FROM place WHERE cemetery = ? AND capacity > 0`

func scanPlace(scan func(...any) error) (Place, error) {
	var w placeRow
	if err := scan(w.fields()...); err != nil {
		return Place{}, err
	}
	p := Place{Cemetery: domain.CreditCode(w.cemetery), Plot: w.plot, Garden: w.garden, Section: w.section, Row: w.row, Seat: w.seat, Kind: cemetery.PlotKind(w.kind), EcoType: w.ecoType,
		Capacity: w.capacity, AreaCM2: w.area, StoneCM: w.stone, WidthCM: w.width, DepthCM: w.depth, Spot: cemetery.Spot{LonE7: w.lon, LatE7: w.lat},
		Right: w.right, Until: domain.Date(w.until), Given: w.given, Resting: w.resting, Emptied: w.emptied, Held: w.held, Lapsed: w.lapsed, Refused: w.refused}
	for x := range strings.FieldsSeq(w.exceeded) {
		rule, figures, _ := strings.Cut(x, "=")
		measured, limit, _ := strings.Cut(figures, "/")
		e := Exceeded{Rule: rule}
		var err1, err2 error
		e.Measured, err1 = strconv.Atoi(measured)
		e.Limit, err2 = strconv.Atoi(limit)
		if err := errors.Join(err1, err2); err != nil {
			return p, fmt.Errorf("places: %q is no exceeded limit: %w", x, err)
		}
		p.Exceeded = append(p.Exceeded, e)
	}
	return p, nil
}

// Places lists all places of a cemetery in the order in which people count them:
// garden, section, row, seat, number, figures by their value.
func (r Reader) Places(ctx context.Context, of domain.CreditCode) (ps []Place, err error) {
	rows, err := r.DB.QueryContext(ctx, placeQuery, string(of))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPlace(rows.Scan)
		if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b Place) int {
		return cmp.Or(Compare(a.Garden, b.Garden), Compare(a.Section, b.Section), Compare(a.Row, b.Row), Compare(a.Seat, b.Seat), Compare(a.Plot, b.Plot))
	})
	return ps, rows.Err()
}

// Place is one of them.
func (r Reader) Place(ctx context.Context, of domain.CreditCode, plot string) (Place, error) {
	p, err := scanPlace(r.DB.QueryRowContext(ctx, placeQuery+` AND plot = ?`, string(of), plot).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	}
	return p, err
}

// ordinals are the characters by which sections and rows are counted, in order.
var ordinals = []rune("甲乙丙丁戊己庚辛壬癸一二三四五六七八九十东南西北")

// Compare orders names as people count: row 2 before row 10, 甲 before 乙.
func Compare(a, b string) int {
	for a != "" && b != "" {
		m, n := digits(a), digits(b)
		if m > 0 && n > 0 {
			x, y := strings.TrimLeft(a[:m], "0"), strings.TrimLeft(b[:n], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[m:], b[n:]
			continue
		}
		x, k := utf8.DecodeRuneInString(a)
		y, l := utf8.DecodeRuneInString(b)
		if i, j := slices.Index(ordinals, x), slices.Index(ordinals, y); i != j && i >= 0 && j >= 0 {
			return cmp.Compare(i, j)
		}
		if x != y {
			return cmp.Compare(x, y)
		}
		a, b = a[k:], b[l:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

// A Due is something that the office of a cemetery has to see to.
type Due struct {
	Plot string
	What What
	// Right and Stage are of a notice; On is its day, or the last day of a period
	// that ran out, or of a permit.
	Right      string
	Stage      cemetery.Stage
	On         domain.Date
	Exceeded   []Exceeded
	Relocation string
}

// A What is why a place needs attention.
type What string

// The reasons, the most pressing first.
const (
	OnTheWay  What = "ON_THE_WAY" // somebody was lifted and has not arrived
	NoticeDue What = "NOTICE"     // the day of a notice has come, nobody can prove that it was served
	TermOver  What = "TERM_OVER"  // the period of use ran out, and no decision was made
	Permitted What = "PERMITTED"  // a relocation may begin
	Oversize  What = "EXCEEDED"
	Locked    What = "LOCKED"
)

// Attention lists what a cemetery's office has to see to on a day, at most n of
// each kind.
func (r Reader) Attention(ctx context.Context, of domain.CreditCode, today domain.Date, n int) (ds []Due, err error) {
	add := func(query string, scan func(*sql.Rows) (Due, error), args ...any) error {
		rows, err := r.DB.QueryContext(ctx, query, append([]any{string(of)}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			d, err := scan(rows)
			if err != nil {
				return err
			}
			ds = append(ds, d)
		}
		return rows.Err()
	}
	relocation := func(what What) func(*sql.Rows) (Due, error) {
		return func(rows *sql.Rows) (d Due, err error) {
			d.What = what
			return d, rows.Scan(&d.Plot, &d.Relocation, &d.On)
		}
	}
	if err := add(`SELECT plot, id, until FROM relocation WHERE cemetery = ? AND cancelled = 0 AND lifted > arrived ORDER BY until, id LIMIT ?`, relocation(OnTheWay), n); err != nil {
		return nil, err
	}
	if err := add(`SELECT g.plot, n."right", n.stage, n.due_on FROM notice n JOIN "right" g ON g.cemetery = n.cemetery AND g."right" = n."right"
		WHERE n.cemetery = ?1 AND n.served_on = '' AND n.due_on <= ?2 AND g.status = 'LIVE' ORDER BY n.due_on, g.plot LIMIT ?3`,
		func(rows *sql.Rows) (d Due, err error) {
			d.What = NoticeDue
			return d, rows.Scan(&d.Plot, &d.Right, &d.Stage, &d.On)
		}, string(today), n); err != nil {
		return nil, err
	}
	if err := add(`SELECT plot, "right", until FROM "right" WHERE cemetery = ? AND status = 'LIVE' AND until < ? ORDER BY until, plot LIMIT ?`,
		func(rows *sql.Rows) (d Due, err error) {
			d.What = TermOver
			return d, rows.Scan(&d.Plot, &d.Right, &d.On)
		}, string(today), n); err != nil {
		return nil, err
	}
	if err := add(`SELECT plot, id, until FROM relocation WHERE cemetery = ? AND cancelled = 0 AND permit <> '' AND lifted < persons AND until >= ? ORDER BY until, id LIMIT ?`, relocation(Permitted), string(today), n); err != nil {
		return nil, err
	}
	for _, x := range []struct {
		what  What
		which string
	}{{Oversize, `exceeded <> ''`}, {Locked, `"right" = '' AND emptied > 0`}} {
		if err := add(placeQuery+` AND `+x.which+` ORDER BY plot LIMIT ?`, func(rows *sql.Rows) (Due, error) {
			p, err := scanPlace(rows.Scan)
			return Due{Plot: p.Plot, What: x.what, Exceeded: p.Exceeded}, err
		}, n); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// A Right is a right of use as it stands, without its holder.
type Right struct {
	Right, Plot, Contract string
	GrantedOn, Until      domain.Date
	UpkeepUntil           domain.Date
	Renewals              int
	HolderDied            bool
	Status                string // LIVE, LAPSED, SURRENDERED, ENDED
	GraceMonths           int
	Transfers             int // that were refused
	Notices               []Notice
}

// A Notice is one of a right's timetable; an empty ServedOn: nobody can prove it.
type Notice struct {
	Stage           cemetery.Stage
	DueOn, ServedOn domain.Date
}

// Rights lists a cemetery's rights whose period ends on one of these days, both
// inclusive, the earliest first, at most n. An empty plot takes all places.
func (r Reader) Rights(ctx context.Context, of domain.CreditCode, plot string, from, until domain.Date, n int) (rs []Right, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT "right", plot, contract, granted_on, until, upkeep_until, renewals, holder_died, status, grace_months, transfers FROM "right"
		WHERE cemetery = ?1 AND (?2 = '' OR plot = ?2) AND until >= ?3 AND until <= ?4 ORDER BY until, "right" LIMIT ?5`, string(of), plot, string(from), string(until), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Right
		if err := rows.Scan(&x.Right, &x.Plot, &x.Contract, &x.GrantedOn, &x.Until, &x.UpkeepUntil, &x.Renewals, &x.HolderDied, &x.Status, &x.GraceMonths, &x.Transfers); err != nil {
			return nil, err
		}
		rs = append(rs, x)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range rs {
		if rs[i].Notices, err = r.notices(ctx, of, rs[i].Right); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

func (r Reader) notices(ctx context.Context, of domain.CreditCode, right string) (ns []Notice, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT stage, due_on, served_on FROM notice WHERE cemetery = ? AND "right" = ? ORDER BY stage`, string(of), right)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n Notice
		if err := rows.Scan(&n.Stage, &n.DueOn, &n.ServedOn); err != nil {
			return nil, err
		}
		ns = append(ns, n)
	}
	return ns, rows.Err()
}

// A Relocation is a process that takes people from a place, without who.
type Relocation struct {
	ID              string
	Plot            string
	Persons         int
	Cause           cemetery.Cause
	ToKind          cemetery.DestinationKind
	ToPlace         string
	Permit          string
	From, Until     domain.Date
	Lifted, Arrived int
	Cancelled       bool
}

// Open says that it has not come to its end.
func (r Relocation) Open() bool { return !r.Cancelled && r.Arrived < r.Persons }

// Relocations lists those from and to a place, or from a whole cemetery for "".
func (r Reader) Relocations(ctx context.Context, of domain.CreditCode, plot string) (xs []Relocation, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT id, plot, persons, cause, to_kind, to_place, permit, from_day, until, lifted, arrived, cancelled FROM relocation
		WHERE cemetery = ?1 AND (?2 = '' OR plot = ?2) OR to_kind = 'PLOT' AND to_place = ?1 || '.' || ?2 ORDER BY id`, string(of), plot)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Relocation
		if err := rows.Scan(&x.ID, &x.Plot, &x.Persons, &x.Cause, &x.ToKind, &x.ToPlace, &x.Permit, &x.From, &x.Until, &x.Lifted, &x.Arrived, &x.Cancelled); err != nil {
			return nil, err
		}
		xs = append(xs, x)
	}
	return xs, rows.Err()
}

// A Year is what a year of a cemetery came to. Year is empty for acts whose day
// nobody knows.
type Year struct {
	Year                                                      string
	Allocated, Interred, Reinterred, Left, GivenBack, Renewed int
	// Late are interments that were recorded on a later day than they happened.
	Late              int
	FeeFen, UpkeepFen domain.Money
}

// Years lists them, the newest first.
func (r Reader) Years(ctx context.Context, of domain.CreditCode) (ys []Year, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT year, allocated, interred, reinterred, left_place, given_back, renewed, late, fee_fen, upkeep_fen FROM year WHERE cemetery = ? ORDER BY year DESC`, string(of))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var y Year
		if err := rows.Scan(&y.Year, &y.Allocated, &y.Interred, &y.Reinterred, &y.Left, &y.GivenBack, &y.Renewed, &y.Late, &y.FeeFen, &y.UpkeepFen); err != nil {
			return nil, err
		}
		ys = append(ys, y)
	}
	return ys, rows.Err()
}

// Fees are a price list's rows about places.
type Fees struct {
	Version int // zero: there is no list in force
	From    domain.Date
	Basis   string
	Rows    []Fee
}

// A Fee is one of them.
type Fee struct {
	Code            string
	NameZh, NameEn  string
	Category        pricing.RowCategory
	Method          pricing.PricingType
	Unit            string
	Price, Min, Max domain.Money
}

// Fees are what an institution's list in force on a day asks for places.
func (r Reader) Fees(ctx context.Context, of domain.CreditCode, day domain.Date) (f Fees, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT version, from_day, basis FROM price_list WHERE institution = ? AND from_day <= ? ORDER BY from_day DESC, version DESC LIMIT 1`, string(of), string(day)).Scan(&f.Version, &f.From, &f.Basis)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	rows, err := r.DB.QueryContext(ctx, `SELECT code, name_zh, name_en, category, method, unit, price_fen, min_fen, max_fen FROM fee WHERE institution = ? AND version = ? ORDER BY n`, string(of), f.Version)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Fee
		if err := rows.Scan(&x.Code, &x.NameZh, &x.NameEn, &x.Category, &x.Method, &x.Unit, &x.Price, &x.Min, &x.Max); err != nil {
			return f, err
		}
		f.Rows = append(f.Rows, x)
	}
	return f, rows.Err()
}

// A Round is a public round for places of a cemetery; its record says the rest.
type Round struct {
	Round, Notice   string
	Mode            cemetery.Mode
	Closes          time.Time
	Places, Applied int
	Drawn           bool
	Cancelled       bool // before its draw
}

// Rounds lists the rounds of a cemetery, the latest first, at most n.
func (r Reader) Rounds(ctx context.Context, of domain.CreditCode, n int) (xs []Round, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT round, notice, mode, closes, places, applied, drawn, cancelled FROM round WHERE cemetery = ? ORDER BY closes DESC, round DESC LIMIT ?`, string(of), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Round
		var closes string
		if err := rows.Scan(&x.Round, &x.Notice, &x.Mode, &closes, &x.Places, &x.Applied, &x.Drawn, &x.Cancelled); err != nil {
			return nil, err
		}
		if x.Closes, err = time.Parse(time.RFC3339, closes); err != nil {
			return nil, fmt.Errorf("places: round %s: %w", x.Round, err)
		}
		xs = append(xs, x)
	}
	return xs, rows.Err()
}

// A Repair is a work order, without who reported it.
type Repair struct {
	ID            string
	Plot          string
	Damage        cemetery.Damage
	Reported, Due domain.Date
	Late          bool // its term passed before it was settled
	Done          domain.Date
	Refused       cemetery.NoRepair
}

// Open says that it waits for its repair.
func (x Repair) Open() bool { return x.Done == "" && x.Refused == "" }

// Repairs lists the work orders of a cemetery that are open, the most urgent
// first, and then those that were settled, the latest report first; at most n.
func (r Reader) Repairs(ctx context.Context, of domain.CreditCode, n int) (xs []Repair, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT id, plot, damage, reported, due, late, done, refused FROM repair WHERE cemetery = ?
		ORDER BY done <> '' OR refused <> '', CASE WHEN done = '' AND refused = '' THEN due END, reported DESC, id LIMIT ?`, string(of), n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Repair
		if err := rows.Scan(&x.ID, &x.Plot, &x.Damage, &x.Reported, &x.Due, &x.Late, &x.Done, &x.Refused); err != nil {
			return nil, err
		}
		xs = append(xs, x)
	}
	return xs, rows.Err()
}

// RepairCounts are the work orders of a cemetery: those that are open, how many
// of these are past their term, and those reported since a day that were repaired
// or refused, with how many of them were late.
type RepairCounts struct{ Open, Overdue, Done, Refused, Late int }

// RepairCounts counts them as of a day.
func (r Reader) RepairCounts(ctx context.Context, of domain.CreditCode, since, today domain.Date) (c RepairCounts, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT coalesce(sum(done = '' AND refused = ''), 0), coalesce(sum(done = '' AND refused = '' AND due < ?3), 0), coalesce(sum(done <> '' AND reported >= ?2), 0),
		coalesce(sum(refused <> '' AND reported >= ?2), 0), coalesce(sum((done <> '' OR refused <> '') AND late AND reported >= ?2), 0) FROM repair WHERE cemetery = ?1`,
		string(of), string(since), string(today)).Scan(&c.Open, &c.Overdue, &c.Done, &c.Refused, &c.Late)
	return c, err
}

// A Breach is a place that breaks a limit as it is, or what was asked for a place
// and refused. Asked and Limit are in cm² (area), cm (stone), a day (term) or fen,
// as the code has it; empty where nothing was named.
type Breach struct {
	Cemetery     domain.CreditCode
	Plot         string
	Code, Rule   string // of the rejection that it is, or would be, refused with
	Asked, Limit string
	Refused      bool
	On           domain.Date // of the refusal; empty for a place as it is, or where nobody knows it
	Given        bool        // somebody has a right to the place
}

// Breaches lists them, of one cemetery or for "" of all: places as they are
// first, then refusals, the latest first.
func (r Reader) Breaches(ctx context.Context, of domain.CreditCode) (bs []Breach, err error) {
	rows, err := r.DB.QueryContext(ctx, `SELECT `+placeColumns+` FROM place WHERE (?1 = '' OR cemetery = ?1) AND capacity > 0 AND exceeded <> '' ORDER BY cemetery, plot`, string(of))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPlace(rows.Scan)
		if err != nil {
			return nil, err
		}
		for _, x := range p.Exceeded {
			b := Breach{Cemetery: p.Cemetery, Plot: p.Plot, Code: cemetery.ErrArea.Code, Rule: x.Rule, Asked: strconv.Itoa(x.Measured), Limit: strconv.Itoa(x.Limit), Given: p.Given > 0}
			if x.Rule == cemetery.ErrStone.Rule {
				b.Code = cemetery.ErrStone.Code
			}
			bs = append(bs, b)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	refused, err := r.DB.QueryContext(ctx, `SELECT f.cemetery, f.plot, f.code, f.rule, f.asked, f."limit", f.on_day, coalesce(p.given, 0) > 0 FROM refusal f LEFT JOIN place p ON p.cemetery = f.cemetery AND p.plot = f.plot
		WHERE ?1 = '' OR f.cemetery = ?1 ORDER BY f.on_day DESC, f.cemetery, f.plot, f.refusal`, string(of))
	if err != nil {
		return nil, err
	}
	defer refused.Close()
	for refused.Next() {
		b := Breach{Refused: true}
		if err := refused.Scan(&b.Cemetery, &b.Plot, &b.Code, &b.Rule, &b.Asked, &b.Limit, &b.On, &b.Given); err != nil {
			return nil, err
		}
		bs = append(bs, b)
	}
	return bs, refused.Err()
}
