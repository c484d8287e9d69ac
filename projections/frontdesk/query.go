// Package frontdesk is the read model that a funeral home's desk works with:
// the day board of all resources, what needs attention, who is in the house,
// and the day sheet.
//
// Names show masked (林*舟). Its file keeps no other personal data but how a
// death decides over papers, and purges both when a person is forgotten.
package frontdesk

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections"
)

// A Reader answers the questions of one institution's desk.
type Reader struct{ DB projections.Querier }

// ErrNotFound reports that there is no such institution.
var ErrNotFound = errors.New("frontdesk: no such institution")

// A Stage is how far remains have come.
type Stage string

// The stages, in their order. HandedOver is another end than Released: the
// remains left uncremated.
const (
	NotHere    Stage = "NOT_HERE"
	OnTheWay   Stage = "ON_THE_WAY" // collected and not arrived
	InHouse    Stage = "IN_HOUSE"
	Cremating  Stage = "CREMATING"
	Ashes      Stage = "ASHES" // in the institution's custody, all or some
	Released   Stage = "RELEASED"
	HandedOver Stage = "HANDED_OVER"
)

// Identification stands among the papers that stop a cremation: the family has
// not recognised the deceased, nor is that waived (I5).
const Identification = "IDENTIFICATION"

// A Mark is what the board shows in a slot.
type Mark string

// The marks: 毕, 行, 定, 留, 缺.
const (
	Done    Mark = "done"
	Running Mark = "run"
	Set     Mark = "set"
	Held    Mark = "held"
	Lacking Mark = "lack" // confirmed, and something forbids it to begin
)

// Zh is the one character that the board shows.
func (m Mark) Zh() string {
	return map[Mark]string{Done: "毕", Running: "行", Set: "定", Held: "留", Lacking: "缺"}[m]
}

// A Closure is time in which nothing can be booked.
type Closure string

// The closures. Buffer is the clean-up after a slot.
const (
	Buffer      Closure = "buffer"
	CleanDown   Closure = "clean_down"
	Maintenance Closure = "maintenance"
	Reserved    Closure = "reserved"
	Draw        Closure = "draw"
)

// A Cell is one stretch of a resource's day that is not free: a slot of a case,
// or a closure.
type Cell struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Closure is empty for a slot; then the rest is too.
	Closure Closure `json:"closure,omitzero"`
	Mark    Mark    `json:"mark,omitzero"`
	Slot    string  `json:"slot,omitzero"` // "0930"
	Case    string  `json:"case,omitzero"`
	Number  string  `json:"number,omitzero"` // of the case
	Name    string  `json:"name,omitzero"`   // masked
	Tag     string  `json:"tag,omitzero"`
	// Until is the end of a hold.
	Until time.Time `json:"until,omitzero"`
	// Lacks are the codes of what is missing (booking.Code, or Identification),
	// Holds the kinds of open holds: why the mark is Lacking.
	Lacks []string             `json:"lacks,omitzero"`
	Holds []cremation.HoldKind `json:"holds,omitzero"`
	// ByClock says that nobody recorded beginning or end, and the mark follows
	// from the plan and the clock alone. A cremation is never judged so.
	ByClock bool `json:"by_clock,omitzero"`
	// Overdue says that it should have begun and has not, as far as is recorded.
	Overdue bool `json:"overdue,omitzero"`
}

// A Row is one resource's day.
type Row struct {
	Resource string                   `json:"resource"`
	Kind     institution.ResourceKind `json:"kind"`
	NameZh   string                   `json:"name_zh"`
	NameEn   string                   `json:"name_en"`
	Opens    domain.Clock             `json:"opens"`
	Closes   domain.Clock             `json:"closes"`
	// Cells are what is not free, by start. What overlaps (a cell that was held
	// while another lapsed) is left to whoever draws it.
	Cells []Cell `json:"cells"`
}

// A Bay is one place of a cold bank.
type Bay struct {
	Bank   string `json:"bank"`
	BankZh string `json:"bank_zh,omitzero"`
	BankEn string `json:"bank_en,omitzero"`
	No     int    `json:"no"`
	// Who is in it; zero Case: nobody.
	Person
	Closed bool `json:"closed,omitzero"` // the bank is under maintenance
}

// A Person is somebody in the house, without a full name.
type Person struct {
	Case    string               `json:"case,omitzero"`
	Number  string               `json:"number,omitzero"`
	Name    string               `json:"name,omitzero"` // masked
	Tag     string               `json:"tag,omitzero"`
	Arrived domain.Date          `json:"arrived,omitzero"`
	Days    int                  `json:"days,omitzero"`  // of storage, the day itself counted
	Limit   domain.Date          `json:"limit,omitzero"` // last ordinary or extended day
	Overdue bool                 `json:"overdue,omitzero"`
	Holds   []cremation.HoldKind `json:"holds,omitzero"`
}

// Counts are the slots of a day by mark.
type Counts struct {
	Total   int `json:"total"`
	Done    int `json:"done"`
	Running int `json:"running"`
	Set     int `json:"set"`
	Held    int `json:"held"`
	Lacking int `json:"lacking"`
}

// A Board is the day of a whole institution.
type Board struct {
	Institution domain.CreditCode `json:"institution"`
	NameZh      string            `json:"name_zh"`
	NameEn      string            `json:"name_en"`
	Day         domain.Date       `json:"day"`
	// Rows are halls, furnaces and vehicles; Bays the cold store as it is now,
	// whatever day is asked for.
	Rows   []Row  `json:"rows"`
	Bays   []Bay  `json:"bays"`
	Counts Counts `json:"counts"`
}

// home is what is needed of the institution.
type home struct {
	code           domain.CreditCode
	nameZh, nameEn string
	division       domain.Division
	storageDays    int
}

func (r Reader) home(ctx context.Context, code domain.CreditCode) (home, error) {
	h := home{code: code}
	err := r.DB.QueryRowContext(ctx, `SELECT name_zh, name_en, division FROM institution WHERE code = ?`, string(code)).Scan(&h.nameZh, &h.nameEn, &h.division)
	if errors.Is(err, sql.ErrNoRows) {
		return h, ErrNotFound
	}
	if err != nil {
		return h, err
	}
	d, _ := institution.Define(institution.StorageDays)
	days := d.Default
	bodies := []string{string(code)}
	if len(h.division) == 6 {
		bodies = append(bodies, string(h.division), string(h.division.City()), string(h.division.Province()))
	}
	for _, body := range bodies {
		err := r.DB.QueryRowContext(ctx, `SELECT value FROM parameter WHERE body = ? AND name = ?`, body, string(institution.StorageDays)).Scan(&days)
		if err == nil {
			break
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return h, err
		}
	}
	h.storageDays, err = strconv.Atoi(days)
	return h, err
}

// Board is the day board of an institution, as it is at that instant.
func (r Reader) Board(ctx context.Context, code domain.CreditCode, day domain.Date, now time.Time) (Board, error) {
	h, err := r.home(ctx, code)
	if err != nil {
		return Board{}, err
	}
	b := Board{Institution: code, NameZh: h.nameZh, NameEn: h.nameEn, Day: day}
	rows, banks, err := r.rows(ctx, code, day)
	if err != nil {
		return b, err
	}
	if err := r.closures(ctx, code, day, rows); err != nil {
		return b, err
	}
	begun, err := r.ceremonies(ctx, code, day)
	if err != nil {
		return b, err
	}
	if err := r.slots(ctx, code, day, now, rows, begun, &b.Counts); err != nil {
		return b, err
	}
	for _, x := range rows {
		slices.SortStableFunc(x.Cells, func(a, b Cell) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
		b.Rows = append(b.Rows, *x)
	}
	order := map[institution.ResourceKind]int{institution.Hall: 1, institution.Furnace: 2, institution.Vehicle: 3}
	slices.SortFunc(b.Rows, func(a, b Row) int { return cmp.Or(order[a.Kind]-order[b.Kind], natural(a.Resource, b.Resource)) })
	b.Bays, err = r.bays(ctx, h, banks, domain.DateOf(now), now)
	return b, err
}

// natural orders names that end in a number as people do: hall-2 before hall-10.
func natural(a, b string) int {
	p, q := strings.TrimRightFunc(a, unicode.IsDigit), strings.TrimRightFunc(b, unicode.IsDigit)
	m, _ := strconv.Atoi(a[len(p):])
	n, _ := strconv.Atoi(b[len(q):])
	return cmp.Or(cmp.Compare(p, q), cmp.Compare(m, n), cmp.Compare(a, b))
}

// rows lists the resources of the day; cold banks apart, each as its last bay.
func (r Reader) rows(ctx context.Context, code domain.CreditCode, day domain.Date) (rows map[string]*Row, banks map[string]Bay, err error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT resource, kind, name_zh, name_en, opens, closes, capacity, clean_down FROM resource
		WHERE institution = ? AND (retired_from = '' OR retired_from > ?)`, string(code), string(day))
	if err != nil {
		return nil, nil, err
	}
	defer rs.Close()
	rows, banks = map[string]*Row{}, map[string]Bay{}
	for rs.Next() {
		var x Row
		var capacity int
		var cleanDown string
		if err := rs.Scan(&x.Resource, &x.Kind, &x.NameZh, &x.NameEn, &x.Opens, &x.Closes, &capacity, &cleanDown); err != nil {
			return nil, nil, err
		}
		if x.Kind == institution.ColdBay {
			banks[x.Resource] = Bay{Bank: x.Resource, BankZh: x.NameZh, BankEn: x.NameEn, No: capacity}
			continue
		}
		for span := range strings.FieldsSeq(cleanDown) {
			from, to, _ := strings.Cut(span, "-")
			x.Cells = append(x.Cells, Cell{Start: domain.Clock(from).On(day), End: domain.Clock(to).On(day), Closure: CleanDown})
		}
		rows[x.Resource] = &x
	}
	return rows, banks, rs.Err()
}

func (r Reader) closures(ctx context.Context, code domain.CreditCode, day domain.Date, rows map[string]*Row) error {
	from, to := day.Start(), day.AddDays(1).Start()
	rs, err := r.DB.QueryContext(ctx, `SELECT resource, kind, starts, ends FROM block WHERE institution = ?1 AND day = ?2
		UNION ALL SELECT resource, 'PLANNED', starts, ends FROM maintenance WHERE institution = ?1 AND starts < ?3 AND ends > ?4`,
		string(code), string(day), stamp(to), stamp(from))
	if err != nil {
		return err
	}
	defer rs.Close()
	planned := map[string][]Cell{}
	for rs.Next() {
		var resource, kind, starts, ends string
		if err := rs.Scan(&resource, &kind, &starts, &ends); err != nil {
			return err
		}
		c := Cell{Closure: Maintenance}
		if c.Start, c.End, err = parseSpan(starts, ends); err != nil {
			return err
		}
		if c.Start.Before(from) {
			c.Start = from
		}
		if c.End.After(to) {
			c.End = to
		}
		switch schedule.BlockKind(kind) {
		case schedule.CleanDown:
			c.Closure = CleanDown
		case schedule.Reserved:
			c.Closure = Reserved
		case schedule.ForDraw:
			c.Closure = Draw
		}
		x := rows[resource]
		switch {
		case x == nil:
		case kind == "PLANNED":
			planned[resource] = append(planned[resource], c)
		case !slices.ContainsFunc(x.Cells, func(o Cell) bool { return o.Closure == c.Closure && o.Start.Equal(c.Start) && o.End.Equal(c.End) }):
			x.Cells = append(x.Cells, c)
		}
	}
	// A window that is planned is blocked on its days; it shows once.
	for resource, cs := range planned {
		x := rows[resource]
		for _, c := range cs {
			if !slices.ContainsFunc(x.Cells, func(o Cell) bool {
				return o.Closure == Maintenance && o.Start.Before(c.End) && c.Start.Before(o.End)
			}) {
				x.Cells = append(x.Cells, c)
			}
		}
	}
	return rs.Err()
}

// ceremonies tells which ceremonies of the day's cases began and ended, by case
// and resource.
func (r Reader) ceremonies(ctx context.Context, code domain.CreditCode, day domain.Date) (map[[2]string][2]bool, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT s."case", s.resource, max(s.begun), min(s.done) FROM service AS s
		WHERE s.starts >= ?1 AND s.starts < ?2 AND s.resource <> '' AND s."case" IN (SELECT "case" FROM slot WHERE institution = ?3 AND day = ?4) GROUP BY 1, 2`,
		stamp(day.Start()), stamp(day.AddDays(1).Start()), string(code), string(day))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	begun := map[[2]string][2]bool{}
	for rs.Next() {
		var k [2]string
		var v [2]bool
		if err := rs.Scan(&k[0], &k[1], &v[0], &v[1]); err != nil {
			return nil, err
		}
		begun[k] = v
	}
	return begun, rs.Err()
}

func (r Reader) slots(ctx context.Context, code domain.CreditCode, day domain.Date, now time.Time, rows map[string]*Row, begun map[[2]string][2]bool, n *Counts) error {
	rs, err := r.DB.QueryContext(ctx, `SELECT s.resource, s.slot, s."case", s.starts, s.ends, s.buffer_minutes, s.until, s.confirmed,
			coalesce(m.number, ''), coalesce(m.name, ''), coalesce(m.unnamed, ''), coalesce(m.tag, ''), coalesce(m.stops, ''), coalesce(m.holds, ''),
			coalesce(m.stage, ''), coalesce(m.furnace, ''), coalesce(m.started_at, ''), coalesce(m.ended_at, '')
		FROM slot AS s LEFT JOIN matter AS m ON m."case" = s."case" WHERE s.institution = ? AND s.day = ?`, string(code), string(day))
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var resource, starts, ends, until, unnamed, stops, holds, stage, furnace, startedAt, endedAt string
		var buffer int
		var confirmed bool
		var c Cell
		if err := rs.Scan(&resource, &c.Slot, &c.Case, &starts, &ends, &buffer, &until, &confirmed, &c.Number, &c.Name, &unnamed, &c.Tag, &stops, &holds,
			&stage, &furnace, &startedAt, &endedAt); err != nil {
			return err
		}
		if c.Start, c.End, err = parseSpan(starts, ends); err != nil {
			return err
		}
		x := rows[resource]
		if x == nil { // retired, or a cold bank
			continue
		}
		c.Name = shown(c.Name, unnamed)
		if !confirmed {
			if c.Until, err = time.Parse(time.RFC3339Nano, until); err != nil {
				return err
			}
			if !now.Before(c.Until) {
				continue // lapsed: free again
			}
			c.Mark = Held
		} else {
			c.mark(x.Kind, now, begun[[2]string{c.Case, resource}], Stage(stage), furnace == resource, strings.Fields(stops), kindsOf(holds))
		}
		x.Cells = append(x.Cells, c)
		if buffer > 0 {
			x.Cells = append(x.Cells, Cell{Start: c.End, End: c.End.Add(time.Duration(buffer) * time.Minute), Closure: Buffer})
		}
		n.Total++
		switch c.Mark {
		case Done:
			n.Done++
		case Running:
			n.Running++
		case Set:
			n.Set++
		case Held:
			n.Held++
		case Lacking:
			n.Lacking++
		}
	}
	return rs.Err()
}

// mark says what a confirmed slot shows. What was recorded counts; only where
// nothing was, halls and vehicles go by the clock.
func (c *Cell) mark(kind institution.ResourceKind, now time.Time, ceremony [2]bool, stage Stage, here bool, stops []string, holds []cremation.HoldKind) {
	c.Mark = Set
	begun, done, recorded := ceremony[0], ceremony[0] && ceremony[1], ceremony[0]
	if kind == institution.Furnace {
		recorded = true
		begun = stage == Cremating && here
		done = stage == Ashes || stage == Released
	}
	switch {
	case done:
		c.Mark = Done
		return
	case begun:
		c.Mark = Running
		return
	case !recorded && !now.Before(c.End):
		c.Mark, c.ByClock = Done, true
		return
	case !recorded && !now.Before(c.Start):
		c.Mark, c.ByClock = Running, true
		return
	}
	c.Overdue = !now.Before(c.Start)
	for _, s := range stops {
		// The confirmation is signed and the deceased identified before the
		// cremation; a farewell or a drive needs neither.
		if kind == institution.Furnace || s != string(booking.ConfirmationPaper) && s != Identification {
			c.Lacks = append(c.Lacks, s)
		}
	}
	if kind == institution.Furnace {
		c.Holds = holds
	}
	if len(c.Lacks)+len(c.Holds) > 0 {
		c.Mark = Lacking
	}
}

// kindsOf reads the kinds of open holds, each once.
func kindsOf(holds string) (ks []cremation.HoldKind) {
	for x := range strings.FieldsSeq(holds) {
		_, k, _ := strings.Cut(x, "=")
		if !slices.Contains(ks, cremation.HoldKind(k)) {
			ks = append(ks, cremation.HoldKind(k))
		}
	}
	return ks
}

func parseSpan(starts, ends string) (from, to time.Time, err error) {
	if from, err = time.Parse(time.RFC3339Nano, starts); err == nil {
		to, err = time.Parse(time.RFC3339Nano, ends)
	}
	return from, to, err
}

// bays lists every bay of every bank, empty ones too.
func (r Reader) bays(ctx context.Context, h home, banks map[string]Bay, today domain.Date, now time.Time) ([]Bay, error) {
	closed := map[string]bool{}
	ms, err := r.DB.QueryContext(ctx, `SELECT resource FROM maintenance WHERE institution = ? AND starts <= ?2 AND ends > ?2`, string(h.code), stamp(now))
	if err != nil {
		return nil, err
	}
	defer ms.Close()
	for ms.Next() {
		var resource string
		if err := ms.Scan(&resource); err != nil {
			return nil, err
		}
		closed[resource] = true
	}
	if err := ms.Err(); err != nil {
		return nil, err
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT b.bank, b.no, b.tag, b."case", b.since, coalesce(m.number, ''), coalesce(m.name, ''), coalesce(m.unnamed, ''),
			coalesce(m.arrived, ''), coalesce(m.extended, ''), coalesce(m.holds, '')
		FROM bay AS b LEFT JOIN matter AS m ON m."case" = b."case" WHERE b.institution = ?`, string(h.code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	all := map[[2]string]Bay{}
	for rs.Next() {
		var b Bay
		var since, unnamed, arrived, extended, holds string
		if err := rs.Scan(&b.Bank, &b.No, &b.Tag, &b.Case, &since, &b.Number, &b.Name, &unnamed, &arrived, &extended, &holds); err != nil {
			return nil, err
		}
		b.Name = shown(b.Name, unnamed)
		b.Holds = kindsOf(holds)
		b.stay(domain.Date(cmp.Or(arrived, since)), domain.Date(extended), h.storageDays, today)
		b.Closed, b.BankZh, b.BankEn = closed[b.Bank], banks[b.Bank].BankZh, banks[b.Bank].BankEn
		all[[2]string{b.Bank, strconv.Itoa(b.No)}] = b
	}
	if err := rs.Err(); err != nil {
		return nil, err
	}
	for bank, b := range banks {
		for ; b.No > 0; b.No-- {
			k := [2]string{bank, strconv.Itoa(b.No)}
			if _, taken := all[k]; !taken {
				all[k] = Bay{Bank: bank, BankZh: b.BankZh, BankEn: b.BankEn, No: b.No, Closed: closed[bank]}
			}
		}
	}
	bays := make([]Bay, 0, len(all))
	for _, b := range all {
		bays = append(bays, b)
	}
	slices.SortFunc(bays, func(a, b Bay) int { return cmp.Or(natural(a.Bank, b.Bank), a.No-b.No) })
	return bays, nil
}

// stay says how long somebody has been here, and how long they may.
func (p *Person) stay(arrived, extended domain.Date, days int, today domain.Date) {
	if p.Arrived = arrived; arrived == "" {
		return
	}
	p.Limit = max(arrived.AddDays(days), extended)
	p.Overdue = p.Limit < today
	if today >= arrived {
		p.Days = int(today.Start().Sub(arrived.Start())/(24*time.Hour)) + 1
	}
}

// MaskName is how a name shows where others can see it: 林*舟, 林*, 欧**空; of a
// name in Latin letters the first one.
func MaskName(name string) string {
	rs := []rune(strings.TrimSpace(name))
	switch n := len(rs); {
	case n == 0:
		return ""
	case !unicode.Is(unicode.Han, rs[0]):
		return string(rs[0]) + "***"
	case n == 1:
		return "*"
	case n == 2:
		return string(rs[0]) + "*"
	case slices.Contains(rs, '·'): // 阿依古丽·买买提
		return string(rs[0]) + "***"
	default:
		return string(rs[0]) + strings.Repeat("*", n-2) + string(rs[n-1])
	}
}

// shown is what stands for a name where there is none.
func shown(name, unnamed string) string {
	switch {
	case name != "":
		return name
	case unnamed == string(booking.Unidentified):
		return "无名"
	case unnamed == string(booking.Newborn):
		return "婴儿"
	}
	return ""
}

// A Lack is a case whose next slot cannot begin as things stand.
type Lack struct {
	Person
	Resource string    `json:"resource"`
	NameZh   string    `json:"name_zh"` // of the resource
	NameEn   string    `json:"name_en"`
	Start    time.Time `json:"start"`
	Lacks    []string  `json:"lacks"` // as in Cell
}

// A Waiter is a family on a waiting list.
type Waiter struct {
	Person
	Kind   institution.ResourceKind `json:"kind"`
	Day    domain.Date              `json:"day"`
	Joined time.Time                `json:"joined_at"`
	// Offer is the slot that they are asked about, to be answered by Until.
	Offer string    `json:"offer,omitzero"` // "hall-1/0930"
	Start time.Time `json:"start,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// A Late is an act that was recorded late, with the reason for it.
type Late struct {
	Case     string             `json:"case"`
	Number   string             `json:"number"`
	Type     string             `json:"type"` // wire name
	Occurred time.Time          `json:"occurred_at"`
	Actor    string             `json:"actor"`
	Reason   string             `json:"reason"`
	Source   projections.Source `json:"source"`
}

// A Promise is a paper that may follow.
type Promise struct {
	Person
	Paper   booking.Code `json:"paper"`
	Due     domain.Date  `json:"due"`
	Overdue bool         `json:"overdue"`
}

// An Attention list is what somebody has to do something about.
type Attention struct {
	// Lacking are cases that lack something before a slot from now on, the
	// earliest first.
	Lacking []Lack `json:"lacking"`
	// Overlong are those stored beyond their days, the longest first; somebody of
	// whom nobody knows when they came is among them.
	Overlong []Custody `json:"overlong"`
	// Held are those in the house under a hold.
	Held    []Custody `json:"held"`
	Waiting []Waiter  `json:"waiting"`
	// Late are the acts recorded late since the beginning of the day before.
	Late []Late `json:"late"`
	// Promises are the papers that are due within three days, or overdue.
	Promises []Promise `json:"promises"`
	// Disputed are cases in which a relative disputes who acts.
	Disputed []Person `json:"disputed"`
	// RecountDue says that nothing may leave the cold store before a full count.
	RecountDue bool `json:"recount_due"`
}

// Attention lists what needs attention at an institution at that instant.
func (r Reader) Attention(ctx context.Context, code domain.CreditCode, now time.Time) (Attention, error) {
	var a Attention
	h, err := r.home(ctx, code)
	if err != nil {
		return a, err
	}
	today := domain.DateOf(now)
	if a.Lacking, err = r.lacking(ctx, code, now); err != nil {
		return a, err
	}
	custody, err := r.custody(ctx, h, now)
	if err != nil {
		return a, err
	}
	for _, c := range custody {
		if len(c.Holds) > 0 {
			a.Held = append(a.Held, c)
		}
		if c.Stage == InHouse && (c.Overdue || c.Arrived == "") {
			a.Overlong = append(a.Overlong, c)
		}
	}
	slices.SortStableFunc(a.Overlong, func(a, b Custody) int { return cmp.Compare(a.Arrived, b.Arrived) })
	if a.Waiting, err = r.waiting(ctx, code, today); err != nil {
		return a, err
	}
	if a.Late, err = r.late(ctx, code, today.AddDays(-1).Start()); err != nil {
		return a, err
	}
	if err := r.promises(ctx, h, today, &a); err != nil {
		return a, err
	}
	err = r.DB.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM recount WHERE institution = ?)`, string(code)).Scan(&a.RecountDue)
	return a, err
}

func (r Reader) lacking(ctx context.Context, code domain.CreditCode, now time.Time) ([]Lack, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT s.resource, coalesce(x.kind, ''), coalesce(x.name_zh, ''), coalesce(x.name_en, ''), s.starts,
			m."case", m.number, m.name, m.unnamed, m.tag, m.stops, m.holds, m.stage
		FROM slot AS s JOIN matter AS m ON m."case" = s."case" LEFT JOIN resource AS x ON x.institution = s.institution AND x.resource = s.resource
		WHERE s.institution = ? AND s.day >= ? AND s.starts >= ? AND s.confirmed = 1 AND m.stops <> '' ORDER BY s.starts, s.resource`,
		string(code), string(domain.DateOf(now)), stamp(now))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ls []Lack
	for rs.Next() {
		var l Lack
		var kind, starts, unnamed, stops, holds, stage string
		if err := rs.Scan(&l.Resource, &kind, &l.NameZh, &l.NameEn, &starts, &l.Case, &l.Number, &l.Name, &unnamed, &l.Tag, &stops, &holds, &stage); err != nil {
			return nil, err
		}
		if l.Start, err = time.Parse(time.RFC3339Nano, starts); err != nil {
			return nil, err
		}
		c := Cell{Start: l.Start, End: l.Start}
		c.mark(institution.ResourceKind(kind), l.Start.Add(-1), [2]bool{}, Stage(stage), false, strings.Fields(stops), nil)
		if l.Lacks = c.Lacks; len(l.Lacks) == 0 || slices.ContainsFunc(ls, func(o Lack) bool { return o.Case == l.Case }) {
			continue
		}
		l.Name, l.Holds = shown(l.Name, unnamed), kindsOf(holds)
		ls = append(ls, l)
	}
	return ls, rs.Err()
}

func (r Reader) waiting(ctx context.Context, code domain.CreditCode, today domain.Date) ([]Waiter, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT w.day, w.kind, w."case", w.joined_at, w.offer, w.starts, w.until, coalesce(m.number, ''), coalesce(m.name, ''), coalesce(m.unnamed, ''), coalesce(m.tag, '')
		FROM waiting AS w LEFT JOIN matter AS m ON m."case" = w."case" WHERE w.institution = ? AND w.day >= ? ORDER BY w.until = '', w.until, w.day, w.joined_at`, string(code), string(today))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ws []Waiter
	for rs.Next() {
		var w Waiter
		var joined, starts, until, unnamed string
		if err := rs.Scan(&w.Day, &w.Kind, &w.Case, &joined, &w.Offer, &starts, &until, &w.Number, &w.Name, &unnamed, &w.Tag); err != nil {
			return nil, err
		}
		for _, t := range []struct {
			text string
			into *time.Time
		}{{joined, &w.Joined}, {starts, &w.Start}, {until, &w.Until}} {
			if t.text == "" {
				continue
			}
			if *t.into, err = time.Parse(time.RFC3339Nano, t.text); err != nil {
				return nil, err
			}
		}
		w.Name = shown(w.Name, unnamed)
		ws = append(ws, w)
	}
	return ws, rs.Err()
}

func (r Reader) late(ctx context.Context, code domain.CreditCode, since time.Time) ([]Late, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT l.position, l."case", l.event, l.type, l.occurred_at, l.recorded_at, l.actor, l.reason, coalesce(m.number, '')
		FROM late AS l LEFT JOIN matter AS m ON m."case" = l."case" WHERE l.institution = ? AND l.recorded_at >= ? ORDER BY l.position DESC`, string(code), stamp(since))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ls []Late
	for rs.Next() {
		var l Late
		var position int64
		var event, occurred, recorded string
		if err := rs.Scan(&position, &l.Case, &event, &l.Type, &occurred, &recorded, &l.Actor, &l.Reason, &l.Number); err != nil {
			return nil, err
		}
		if l.Source, err = projections.ParseSource(event, position, recorded); err != nil {
			return nil, err
		}
		if occurred != "" {
			if l.Occurred, err = time.Parse(time.RFC3339Nano, occurred); err != nil {
				return nil, err
			}
		}
		ls = append(ls, l)
	}
	return ls, rs.Err()
}

func (r Reader) promises(ctx context.Context, h home, today domain.Date, a *Attention) error {
	rs, err := r.DB.QueryContext(ctx, `SELECT "case", number, name, unnamed, tag, promised, disputes FROM matter
		WHERE institution = ? AND state = 'open' AND (promised <> '' OR disputes <> '') ORDER BY "case"`, string(h.code))
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var p Person
		var unnamed, promised, disputes string
		if err := rs.Scan(&p.Case, &p.Number, &p.Name, &unnamed, &p.Tag, &promised, &disputes); err != nil {
			return err
		}
		p.Name = shown(p.Name, unnamed)
		if disputes != "" {
			a.Disputed = append(a.Disputed, p)
		}
		for x := range strings.FieldsSeq(promised) {
			paper, due, _ := strings.Cut(x, "=")
			day, overdue := strings.CutSuffix(due, "!")
			if overdue = overdue || domain.Date(day) < today; overdue || domain.Date(day) <= today.AddDays(3) {
				a.Promises = append(a.Promises, Promise{p, booking.Code(paper), domain.Date(day), overdue})
			}
		}
	}
	slices.SortStableFunc(a.Promises, func(a, b Promise) int { return cmp.Compare(a.Due, b.Due) })
	return rs.Err()
}

// A Custody is somebody whom the house has, in whatever form: one line of the
// list that one shift hands to the next.
type Custody struct {
	Person
	Stage  Stage           `json:"stage"` // OnTheWay, InHouse, Cremating or Ashes
	Place  cremation.Place `json:"place,omitzero"`
	NameZh string          `json:"name_zh"` // of the resource in Place, where there is one
	NameEn string          `json:"name_en"`
	Since  time.Time       `json:"since,omitzero"` // of the last scan
	// Shares are the shares of the ashes that are still here.
	Shares []Share `json:"shares,omitzero"`
	// Belongings counts those that nobody has received yet.
	Belongings int `json:"belongings,omitzero"`
	// Next is the next confirmed slot, zero Start: none.
	Next Next     `json:"next,omitzero"`
	Lack []string `json:"lacks,omitzero"` // what a cremation would lack now
}

// A Share is a part of the ashes, with its place where somebody scanned it.
type Share struct {
	No    int             `json:"no"`
	Place cremation.Place `json:"place,omitzero"`
}

// Next is a slot to come.
type Next struct {
	Resource string                   `json:"resource"`
	Kind     institution.ResourceKind `json:"kind"`
	NameZh   string                   `json:"name_zh"`
	NameEn   string                   `json:"name_en"`
	Start    time.Time                `json:"start"`
}

// Custody lists everybody whom the institution has at that instant, remains
// first, by place and tag; and those who left something behind.
func (r Reader) Custody(ctx context.Context, code domain.CreditCode, now time.Time) ([]Custody, error) {
	h, err := r.home(ctx, code)
	if err != nil {
		return nil, err
	}
	return r.custody(ctx, h, now)
}

func (r Reader) custody(ctx context.Context, h home, now time.Time) ([]Custody, error) {
	next, err := r.next(ctx, h.code, now)
	if err != nil {
		return nil, err
	}
	bays, err := r.baysOf(ctx, h.code)
	if err != nil {
		return nil, err
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT m."case", m.number, m.name, m.unnamed, m.tag, m.stage, m.place_kind, m.place, m.since, m.arrived, m.extended, m.holds, m.shares, m.belongings, m.stops,
			coalesce(x.name_zh, ''), coalesce(x.name_en, '')
		FROM matter AS m LEFT JOIN resource AS x ON x.institution = m.institution AND x.resource = CASE instr(m.place, '/') WHEN 0 THEN m.place ELSE substr(m.place, 1, instr(m.place, '/') - 1) END
		WHERE m.institution = ? AND m.stage IN ('ON_THE_WAY', 'IN_HOUSE', 'CREMATING', 'ASHES')`, string(h.code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var cs []Custody
	for rs.Next() {
		var c Custody
		var unnamed, since, arrived, extended, holds, shares, belongings, stops string
		if err := rs.Scan(&c.Case, &c.Number, &c.Name, &unnamed, &c.Tag, &c.Stage, &c.Place.Kind, &c.Place.ID, &since, &arrived, &extended, &holds, &shares, &belongings, &stops,
			&c.NameZh, &c.NameEn); err != nil {
			return nil, err
		}
		c.Name, c.Holds, c.Belongings = shown(c.Name, unnamed), kindsOf(holds), len(strings.Fields(belongings))
		if since != "" {
			if c.Since, err = time.Parse(time.RFC3339Nano, since); err != nil {
				return nil, err
			}
		}
		if c.Stage == InHouse {
			c.stay(domain.Date(arrived), domain.Date(extended), h.storageDays, domain.DateOf(now))
			if b, ok := bays[c.Case]; ok && c.Place.Kind == "" { // stored, though nobody scanned a move
				c.Place = b
			}
		}
		if c.Stage == InHouse || c.Stage == OnTheWay {
			c.Lack = strings.Fields(stops)
		}
		for x := range strings.FieldsSeq(shares) {
			no, place, _ := strings.Cut(x, "=")
			kind, id, _ := strings.Cut(place, ":")
			n, err := strconv.Atoi(no)
			if err != nil {
				return nil, err
			}
			c.Shares = append(c.Shares, Share{n, cremation.Place{Kind: cremation.PlaceKind(kind), ID: id}})
		}
		c.Next = next[c.Case]
		cs = append(cs, c)
	}
	order := map[Stage]int{OnTheWay: 1, InHouse: 2, Cremating: 3, Ashes: 4}
	slices.SortFunc(cs, func(a, b Custody) int {
		return cmp.Or(order[a.Stage]-order[b.Stage], cmp.Compare(a.Place.Kind, b.Place.Kind), natural(a.Place.ID, b.Place.ID), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Case, b.Case))
	})
	return cs, rs.Err()
}

func (r Reader) baysOf(ctx context.Context, code domain.CreditCode) (map[string]cremation.Place, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT "case", bank, no FROM bay WHERE institution = ?`, string(code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	m := map[string]cremation.Place{}
	for rs.Next() {
		var id string
		var b cremation.Bay
		if err := rs.Scan(&id, &b.Bank, &b.No); err != nil {
			return nil, err
		}
		m[id] = b.Place()
	}
	return m, rs.Err()
}

// next is the next confirmed slot of every case that has one.
func (r Reader) next(ctx context.Context, code domain.CreditCode, now time.Time) (map[string]Next, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT s."case", s.resource, coalesce(x.kind, ''), coalesce(x.name_zh, ''), coalesce(x.name_en, ''), min(s.starts)
		FROM slot AS s LEFT JOIN resource AS x ON x.institution = s.institution AND x.resource = s.resource
		WHERE s.institution = ? AND s.day >= ? AND s.starts >= ? AND s.confirmed = 1 GROUP BY s."case"`, string(code), string(domain.DateOf(now)), stamp(now))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	m := map[string]Next{}
	for rs.Next() {
		var id, starts string
		var n Next
		if err := rs.Scan(&id, &n.Resource, &n.Kind, &n.NameZh, &n.NameEn, &starts); err != nil {
			return nil, err
		}
		if n.Start, err = time.Parse(time.RFC3339Nano, starts); err != nil {
			return nil, err
		}
		m[id] = n
	}
	return m, rs.Err()
}

// What a day sheet counts.
type What string

// The kinds of happening.
const (
	Admission What = "admission"
	Cremation What = "cremation"
	Release   What = "release"   // of ashes, or of a share of them
	HandOver  What = "hand_over" // of remains, uncremated
)

// A Happening is one line of a day sheet.
type Happening struct {
	What What `json:"what"`
	Person
	At time.Time `json:"at"`
}

// A Sum is what came in and went out by one method of payment.
type Sum struct {
	Method booking.Method `json:"method"`
	In     domain.Money   `json:"in_fen"`
	Out    domain.Money   `json:"out_fen"`
	// Counted is what was there when the till was closed, nil while it is open.
	Counted *domain.Money `json:"counted_fen"`
}

// A Sheet is what happened on a day, and the money of the day.
type Sheet struct {
	Institution domain.CreditCode `json:"institution"`
	Day         domain.Date       `json:"day"`
	// Happenings are in the order of their times.
	Happenings []Happening  `json:"happenings"`
	Counts     map[What]int `json:"counts"`
	// Sums are of the day's till. Till says whether it is closed, Reason why it
	// did not close to zero.
	Sums   []Sum  `json:"sums"`
	Closed bool   `json:"closed"`
	Reason string `json:"reason,omitzero"`
	// Beside are payments and refunds of the day that no till has: they have to
	// be entered, or the till was closed too early.
	Beside []Sum `json:"beside,omitzero"`
}

// Sheet is the day sheet of an institution.
func (r Reader) Sheet(ctx context.Context, code domain.CreditCode, day domain.Date) (Sheet, error) {
	s := Sheet{Institution: code, Day: day, Counts: map[What]int{}}
	if _, err := r.home(ctx, code); err != nil {
		return s, err
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT h.what, h."case", h.at, coalesce(m.number, ''), coalesce(m.name, ''), coalesce(m.unnamed, ''), coalesce(m.tag, '')
		FROM happened AS h LEFT JOIN matter AS m ON m."case" = h."case" WHERE h.institution = ? AND h.day = ? ORDER BY h.at, h.position`, string(code), string(day))
	if err != nil {
		return s, err
	}
	defer rs.Close()
	for rs.Next() {
		var h Happening
		var at, unnamed string
		if err := rs.Scan(&h.What, &h.Case, &at, &h.Number, &h.Name, &unnamed, &h.Tag); err != nil {
			return s, err
		}
		if h.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return s, err
		}
		h.Name = shown(h.Name, unnamed)
		s.Happenings = append(s.Happenings, h)
		s.Counts[h.What]++
	}
	if err := rs.Err(); err != nil {
		return s, err
	}
	if s.Sums, err = r.sums(ctx, `SELECT method, kind, sum(amount_fen) FROM money WHERE institution = ? AND day = ? AND source = 'till' GROUP BY 1, 2`, code, day); err != nil {
		return s, err
	}
	// A payment of late in the evening may stand in the till of the next day.
	if s.Beside, err = r.sums(ctx, `SELECT c.method, c.kind, sum(c.amount_fen) FROM money AS c WHERE c.institution = ?1 AND c.day = ?2 AND c.source = 'case'
		AND NOT EXISTS (SELECT 1 FROM money AS t WHERE t.institution = ?1 AND t.source = 'till' AND t."case" = c."case" AND t.entry = c.entry AND t.kind = c.kind) GROUP BY 1, 2`, code, day); err != nil {
		return s, err
	}
	var counts string
	err = r.DB.QueryRowContext(ctx, `SELECT counts, reason FROM till WHERE institution = ? AND day = ?`, string(code), string(day)).Scan(&counts, &s.Reason)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s, nil
	case err != nil:
		return s, err
	}
	s.Closed = true
	for x := range strings.FieldsSeq(counts) {
		method, figures, _ := strings.Cut(x, "=")
		_, counted, _ := strings.Cut(figures, "/")
		fen, err := strconv.ParseInt(counted, 10, 64)
		if err != nil {
			return s, err
		}
		i := slices.IndexFunc(s.Sums, func(x Sum) bool { return string(x.Method) == method })
		if i < 0 {
			i = len(s.Sums)
			s.Sums = append(s.Sums, Sum{Method: booking.Method(method)})
		}
		m := domain.Money(fen)
		s.Sums[i].Counted = &m
	}
	return s, nil
}

func (r Reader) sums(ctx context.Context, query string, code domain.CreditCode, day domain.Date) ([]Sum, error) {
	rs, err := r.DB.QueryContext(ctx, query, string(code), string(day))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	by := map[booking.Method]*Sum{}
	for rs.Next() {
		var method booking.Method
		var kind booking.TillKind
		var fen int64
		if err := rs.Scan(&method, &kind, &fen); err != nil {
			return nil, err
		}
		x := by[method]
		if x == nil {
			x = &Sum{Method: method}
			by[method] = x
		}
		if kind == booking.MoneyIn {
			x.In += domain.Money(fen)
		} else {
			x.Out += domain.Money(fen)
		}
	}
	var all []Sum
	for _, m := range booking.Methods {
		if x := by[m]; x != nil {
			all = append(all, *x)
		}
	}
	return all, rs.Err()
}
