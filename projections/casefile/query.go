// Package casefile is the read model of one case: everything that its page
// shows, from the intake to the last of the ashes, and everything that ever
// happened to it with the time it happened and the time it was recorded.
//
// It files the events of all streams about a case as the log keeps them, and
// folds them with the deciders' own Evolve when somebody asks. So it has no
// second copy of any rule, what may be done next is asked of the deciders on the
// very states it answers with, and its file holds no personal data in clear: a
// person whose key is erased reads as forgotten there at once.
package casefile

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/projections"
)

// A Reader answers questions about cases. Its Registry opens what is sealed.
type Reader struct {
	DB       projections.Querier
	Registry *events.Registry
}

// ErrNotFound reports that there is no such case.
var ErrNotFound = errors.New("casefile: no such case")

// A Case is everything that is known of one. It marshals with personal data
// masked; who shows a name takes it out of its domain.Private on purpose.
type Case struct {
	ID            uuid.UUID         `json:"case"`
	Institution   domain.CreditCode `json:"institution"`
	InstitutionZh string            `json:"institution_zh"`
	InstitutionEn string            `json:"institution_en"`
	Division      domain.Division   `json:"division"` // of the institution
	Number        string            `json:"number"`
	Tag           string            `json:"tag"` // empty before the remains have one
	Opened        Act               `json:"opened"`

	// Booking, Cremation and Custody are the folded states of the case's own
	// streams: what the deciders are asked on. Case of Cremation or of
	// Custody.Collected is uuid.Nil before there is anything.
	Booking   booking.State            `json:"-"`
	Cremation cremation.CremationState `json:"-"`
	Custody   cremation.CustodyState   `json:"-"`
	// Certificates are the numbers registered to the case, the latest last.
	Certificates []Certificate `json:"certificates"`
	// Waiting are the waiting lists that the case is on.
	Waiting []Wait `json:"waiting"`

	// Papers is the checklist of the case and how each paper stands.
	Papers []Paper `json:"papers"`
	// Slots are those that the case has, held or confirmed, by start.
	Slots []Slot      `json:"slots"`
	Where Whereabouts `json:"where"`
	Money Money       `json:"money"`
	// History is every event about the case, the newest first.
	History []Act `json:"history"`
	// Reads are the looks at the case, the newest first; they are in History too.
	Reads []Act `json:"reads"`
}

// An Act is one event about the case.
type Act struct {
	Source projections.Source `json:"source"` // its id, its position, and when it was recorded
	Type   string             `json:"type"`   // wire name
	Stream events.Stream      `json:"stream"`
	// Occurred is when it happened, zero where nobody knows. Estimated says that
	// somebody guessed it; LateReason why it was recorded long afterwards.
	Occurred   time.Time `json:"occurred_at,omitzero"`
	Estimated  bool      `json:"estimated,omitzero"`
	LateReason string    `json:"late_reason,omitzero"`
	Actor      string    `json:"actor"` // an account, never a name
	// Zh and En say in one line what happened, naming nobody.
	Zh string `json:"zh"`
	En string `json:"en"`
	// Body is the event itself.
	Body any `json:"-"`
}

// Delay is how long after it happened it was recorded; zero where nobody knows
// when it happened.
func (a Act) Delay() time.Duration {
	if a.Occurred.IsZero() {
		return 0
	}
	return max(0, a.Source.Recorded.Sub(a.Occurred))
}

// A Paper is one line of the checklist.
type Paper struct {
	booking.Standing
	// Unchecked says that it is recorded and nobody has compared it with the
	// original yet; then Have is false.
	Unchecked bool `json:"unchecked"`
	// Received is when it came; zero where it has not.
	Received time.Time `json:"received_at,omitzero"`
}

// Missing says that the paper is still to come, and not promised for later.
func (p Paper) Missing() bool { return !p.Have && (p.Due == "" || p.Overdue) }

// A Slot is a time that the schedule keeps for the case.
type Slot struct {
	booking.Slot
	NameZh string `json:"name_zh"` // of the resource
	NameEn string `json:"name_en"`
	// Confirmed says that it is the case's for good; otherwise it is held Until.
	Confirmed bool      `json:"confirmed"`
	Until     time.Time `json:"until,omitzero"`
}

// A Wait is a place on a waiting list.
type Wait struct {
	List   string    `json:"list"` // id of its stream: institution, kind and day
	Joined time.Time `json:"joined_at"`
	// Offer is what is offered and not answered; zero Slot: nothing.
	Offer schedule.Offered `json:"offer,omitzero"`
	Asked int              `json:"asked"` // slots that passed by
}

// A Certificate is one number and what became of it.
type Certificate struct {
	Number string                     `json:"number"`
	State  cremation.CertificateState `json:"-"`
	Valid  bool                       `json:"valid"`
}

// A Stage is how far the remains have come.
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

// Whereabouts is where the deceased is.
type Whereabouts struct {
	Stage Stage `json:"stage"`
	// Place is where the remains are, as the last scan says; zero where nobody
	// scanned them. Since is the time of that scan.
	Place  cremation.Place `json:"place,omitzero"`
	NameZh string          `json:"name_zh"` // of the place, as people say it
	NameEn string          `json:"name_en"`
	Since  time.Time       `json:"since,omitzero"`
	// Arrived is the day from which storage counts, Limit its last ordinary or
	// extended day. Both are empty where they do not apply or nobody knows.
	Arrived domain.Date `json:"arrived,omitzero"`
	Limit   domain.Date `json:"limit,omitzero"`
	// Ashes tells of every share who has it and where.
	Ashes []cremation.Holding `json:"ashes,omitzero"`
}

// Days is the how-manieth day of storage a day is, counted from 1; zero where
// nobody knows.
func (w Whereabouts) Days(today domain.Date) int {
	if w.Arrived == "" || w.Stage != InHouse || today < w.Arrived {
		return 0
	}
	return int(today.Start().Sub(w.Arrived.Start())/(24*time.Hour)) + 1
}

// Overlong says that the remains are stored beyond their days.
func (w Whereabouts) Overlong(today domain.Date) bool {
	return w.Stage == InHouse && w.Limit != "" && w.Limit < today
}

// Money is what the case costs, what was taken off and what was paid.
type Money struct {
	// Lines are those of the bill, and behind them what was quoted and is not
	// charged yet.
	Lines []Line `json:"lines"`
	// Total − Relief = Due is what the case comes to by these lines, Paid what
	// was taken and not given back, Owed what is still to be paid of it.
	Total  domain.Money `json:"total_fen"`
	Relief domain.Money `json:"relief_fen"`
	Due    domain.Money `json:"due_fen"`
	Paid   domain.Money `json:"paid_fen"`
	Owed   domain.Money `json:"owed_fen"`
	// Balance is what is still to be paid of the bill alone, Payable the most of
	// it that may be taken now, Unreturned what has to be given back.
	Balance    domain.Money `json:"balance_fen"`
	Payable    domain.Money `json:"payable_fen"`
	Unreturned domain.Money `json:"unreturned_fen"`
	// Quote is the latest one; Agreed is when the family agreed to the accepted
	// one, zero where there is none.
	Quote    string    `json:"quote"`
	Quoted   time.Time `json:"quoted_at,omitzero"`
	Answered bool      `json:"answered"` // the latest quote is the accepted one
	Agreed   Act       `json:"agreed,omitzero"`
	List     int       `json:"price_list_version"`
	Claimed  bool      `json:"relief_claimed"` // and not decided yet
	Granted  bool      `json:"relief_granted"`
	Rule     string    `json:"relief_rule,omitzero"`
	Document string    `json:"relief_document,omitzero"`
}

// A Line is one item of the bill or of the quote.
type Line struct {
	booking.Line
	Charged  bool         `json:"charged"` // on the bill, not only quoted
	Relief   domain.Money `json:"relieved_fen"`
	Refunded domain.Money `json:"refunded_fen"`
	Due      domain.Money `json:"due_fen"`
}

// Case is one case as it is now; ErrNotFound when it was never opened.
func (r Reader) Case(ctx context.Context, id uuid.UUID) (Case, error) {
	var file int64
	err := r.DB.QueryRowContext(ctx, `SELECT no FROM file WHERE "case" = ?`, id.String()).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Case{}, err
	}
	acts, err := r.acts(ctx, file)
	if err != nil {
		return Case{}, err
	}
	c := folding{Case: Case{ID: id}, taken: map[string]*Slot{}, waits: map[string]*Wait{}, papers: map[booking.Code]time.Time{}}
	for _, a := range acts {
		c.fold(a)
	}
	if !c.Booking.Exists() {
		return Case{}, ErrNotFound
	}
	if err := r.finish(ctx, &c); err != nil {
		return Case{}, err
	}
	return c.Case, nil
}

// ByTag is the case that a tag belongs to.
func (r Reader) ByTag(ctx context.Context, tag string) (uuid.UUID, error) {
	return r.led(ctx, `SELECT f."case" FROM tag AS x JOIN file AS f ON f.no = x.file WHERE x.tag = ?`, tag)
}

// ByCertificate is the case that a cremation certificate's number is of.
func (r Reader) ByCertificate(ctx context.Context, number string) (uuid.UUID, error) {
	return r.led(ctx, `SELECT f."case" FROM certificate AS x JOIN file AS f ON f.no = x.file WHERE x.number = ?`, number)
}

func (r Reader) led(ctx context.Context, query, key string) (uuid.UUID, error) {
	var id string
	err := r.DB.QueryRowContext(ctx, query, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.Nil, ErrNotFound
	}
	if err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(id)
}

// acts reads a file's events in the order of the log.
func (r Reader) acts(ctx context.Context, file int64) ([]Act, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, stream, type, occurred_at, recorded_at, actor, late_reason, estimated, data
		FROM event WHERE file = ? ORDER BY position`, file)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var acts []Act
	for rs.Next() {
		var a Act
		var position int64
		var id, occurred, recorded, data string
		if err := rs.Scan(&position, &id, &a.Stream, &a.Type, &occurred, &recorded, &a.Actor, &a.LateReason, &a.Estimated, &data); err != nil {
			return nil, err
		}
		if a.Source, err = projections.ParseSource(id, position, recorded); err != nil {
			return nil, err
		}
		if occurred != "" {
			if a.Occurred, err = time.Parse(time.RFC3339Nano, occurred); err != nil {
				return nil, err
			}
		}
		if a.Body, err = r.Registry.Decode(ctx, events.Recorded{New: events.New{Type: a.Type, Data: []byte(data)}}); err != nil {
			return nil, err
		}
		a.Zh, a.En = say(a.Body)
		acts = append(acts, a)
	}
	return acts, rs.Err()
}

// folding is a case while its events are folded.
type folding struct {
	Case
	taken  map[string]*Slot // by day's stream and slot
	waits  map[string]*Wait // by list
	papers map[booking.Code]time.Time
	since  domain.Date // from which storage counts
}

func (c *folding) fold(a Act) {
	c.History = append(c.History, a)
	id := a.Stream.ID()
	switch b := a.Body.(type) {
	case booking.Event:
		c.Booking = booking.Case.Evolve(c.Booking, b)
		switch b := b.(type) {
		case booking.Opened:
			c.Opened = a
		case booking.PaperReceived:
			c.papers[b.Paper] = cmpTime(a.Occurred, a.Source.Recorded)
		case booking.Quoted:
			c.Money.Quoted = a.Source.Recorded
		case booking.Consented:
			c.Money.Agreed = a
		}
	case cremation.CremationEvent:
		c.Cremation = cremation.Cremation.Evolve(c.Cremation, b)
		at := cmpTime(a.Occurred, a.Source.Recorded)
		switch b.(type) {
		case cremation.Received:
			if c.since == "" {
				c.since = domain.DateOf(at)
			}
		case cremation.DeathCertificateRecorded:
			c.papers[booking.DeathPaper] = at
		case cremation.ConfirmationSigned:
			c.papers[booking.ConfirmationPaper] = at
		case cremation.PolicePaperRecorded:
			c.papers[booking.PolicePaper] = at
		}
	case cremation.CustodyEvent:
		c.Custody = cremation.Custody.Evolve(c.Custody, b)
		switch b := b.(type) {
		case cremation.RemainsArrived:
			c.since = domain.DateOf(b.In.At)
		case cremation.RemainsCollected:
			if c.Custody.Arrived && !b.At.IsZero() {
				c.since = domain.DateOf(b.At)
			}
		}
	case cremation.Stored:
		if b.Since != "" && c.since == "" {
			c.since = b.Since
		}
	case cremation.TagIssued:
		c.Tag = b.Tag
	case cremation.CertificateEvent:
		i := slices.IndexFunc(c.Certificates, func(x Certificate) bool { return x.Number == id })
		if i < 0 {
			i = len(c.Certificates)
			c.Certificates = append(c.Certificates, Certificate{Number: id})
		}
		x := &c.Certificates[i]
		x.State = cremation.Certificate.Evolve(x.State, b)
		x.Valid = x.State.Check().Validity == cremation.CertificateValid
	case schedule.Held:
		if _, resource, day := parseDay(id); day != "" {
			c.taken[id+"/"+b.Slot] = &Slot{Until: b.Until, Slot: booking.Slot{Resource: resource, Day: day, Slot: b.Slot, Start: b.Start, End: b.End}}
		}
	case schedule.Confirmed:
		if s := c.taken[id+"/"+b.Slot]; s != nil {
			s.Confirmed, s.Until = true, time.Time{}
		}
	case schedule.Released:
		delete(c.taken, id+"/"+b.Slot)
	case schedule.Joined:
		c.waits[id] = &Wait{List: id, Joined: cmpTime(a.Occurred, a.Source.Recorded)}
	case schedule.Offered:
		if w := c.waits[id]; w != nil {
			w.Offer = b
		}
	case schedule.Skipped:
		if w := c.waits[id]; w != nil {
			w.Asked++
			if w.Offer.Resource == b.Resource && w.Offer.Slot == b.Slot {
				w.Offer = schedule.Offered{}
			}
		}
	case schedule.Accepted, schedule.Left:
		delete(c.waits, id)
	case access.Event:
		c.Reads = append(c.Reads, a)
	}
}

// cmpTime is the time at which something happened, or else was recorded.
func cmpTime(occurred, recorded time.Time) time.Time {
	if occurred.IsZero() {
		return recorded
	}
	return occurred
}

// parseDay takes the id of a day's stream apart: institution, resource, day.
func parseDay(id string) (institution, resource string, day domain.Date) {
	i, j := strings.IndexByte(id, '.'), strings.LastIndexByte(id, '.')
	if i < 0 || j <= i || len(id)-j != 9 {
		return "", "", ""
	}
	d := id[j+1:]
	return id[:i], id[i+1 : j], domain.Date(d[:4] + "-" + d[4:6] + "-" + d[6:])
}

// finish adds what follows from the folded states and from the institution.
func (r Reader) finish(ctx context.Context, c *folding) error {
	b := c.Booking
	c.Institution, c.Number = domain.CreditCode(b.Institution), b.Number
	if c.Tag == "" {
		c.Tag = cmp.Or(c.Custody.Tag, c.Cremation.Tag)
	}
	err := r.DB.QueryRowContext(ctx, `SELECT name_zh, name_en, division FROM institution WHERE code = ?`, b.Institution).Scan(&c.InstitutionZh, &c.InstitutionEn, &c.Division)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	names, err := r.resources(ctx, b.Institution)
	if err != nil {
		return err
	}
	for _, s := range c.taken {
		c.Slots = append(c.Slots, *s)
	}
	for _, s := range b.Slots { // what was attached and has no schedule behind it
		if !slices.ContainsFunc(c.Slots, func(x Slot) bool { return x.Resource == s.Resource && x.Day == s.Day && x.Slot.Slot == s.Slot }) {
			c.Slots = append(c.Slots, Slot{Slot: s, Confirmed: true})
		}
	}
	for i := range c.Slots {
		n := names[c.Slots[i].Resource]
		c.Slots[i].NameZh, c.Slots[i].NameEn, c.Slots[i].Kind = n[0], n[1], cmp.Or(c.Slots[i].Kind, n[2])
	}
	slices.SortFunc(c.Slots, func(a, b Slot) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Resource, b.Resource)) })
	for _, w := range c.waits {
		c.Waiting = append(c.Waiting, *w)
	}
	slices.SortFunc(c.Waiting, func(a, b Wait) int { return cmp.Compare(a.List, b.List) })
	c.Papers = c.standing()
	days, err := r.storageDays(ctx, c.Institution, c.Division)
	if err != nil {
		return err
	}
	c.Where = c.whereabouts(days, names)
	agreed, quoted := c.Money.Agreed, c.Money.Quoted
	c.Money = money(b)
	c.Money.Agreed, c.Money.Quoted = agreed, quoted
	slices.Reverse(c.History)
	slices.Reverse(c.Reads)
	return nil
}

func (r Reader) resources(ctx context.Context, institution string) (map[string][3]string, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT resource, name_zh, name_en, kind FROM resource WHERE institution = ?`, institution)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	m := map[string][3]string{}
	for rs.Next() {
		var resource string
		var n [3]string
		if err := rs.Scan(&resource, &n[0], &n[1], &n[2]); err != nil {
			return nil, err
		}
		m[resource] = n
	}
	return m, rs.Err()
}

// storageDays is the parameter of the institution, else of its district, its
// city or its province, else the default.
func (r Reader) storageDays(ctx context.Context, code domain.CreditCode, in domain.Division) (int, error) {
	bodies := []string{string(code)}
	if len(in) == 6 {
		bodies = append(bodies, string(in), string(in.City()), string(in.Province()))
	}
	d, _ := institution.Define(institution.StorageDays)
	for _, body := range bodies {
		var value string
		err := r.DB.QueryRowContext(ctx, `SELECT value FROM parameter WHERE body = ? AND name = ?`, body, string(institution.StorageDays)).Scan(&value)
		switch {
		case err == nil:
			return strconv.Atoi(value)
		case !errors.Is(err, sql.ErrNoRows):
			return 0, err
		}
	}
	return strconv.Atoi(d.Default)
}

// standing compares the checklist with what has come, here and in the
// cremation's own stream.
func (c *folding) standing() []Paper {
	var have []booking.Code
	x := c.Cremation
	if x.Death.Verified {
		have = append(have, booking.DeathPaper)
	}
	if x.Confirmation.Applicant != "" {
		have = append(have, booking.ConfirmationPaper)
	}
	if x.Police.Issuer != "" {
		have = append(have, booking.PolicePaper)
	}
	var ps []Paper
	for _, s := range c.Booking.Standing(booking.Checklist(c.Booking.Situation(c.Division)), have...) {
		ps = append(ps, Paper{Standing: s, Unchecked: s.Code == booking.DeathPaper && x.Death.Form != "" && !x.Death.Verified, Received: c.papers[s.Code]})
	}
	return ps
}

func (c *folding) whereabouts(days int, names map[string][3]string) Whereabouts {
	x, k := c.Cremation, c.Custody
	w := Whereabouts{Stage: NotHere, Ashes: x.Holdings()}
	home := slices.ContainsFunc(w.Ashes, func(h cremation.Holding) bool { return h.Custodian.Institution != "" })
	switch {
	case k.HandedOut.To != "":
		w.Stage = HandedOver
	case x.Done && home:
		w.Stage = Ashes
	case x.Done:
		w.Stage = Released
	case !x.Started.At.IsZero():
		w.Stage, w.Place, w.Since = Cremating, cremation.Place{Kind: cremation.AtFurnace, ID: x.Started.Furnace}, x.Started.At
	case k.Arrived || x.Case != uuid.Nil:
		w.Stage = InHouse
	case k.Collected.Case != uuid.Nil:
		w.Stage = OnTheWay
	}
	if w.Stage == InHouse || w.Stage == OnTheWay {
		w.Place, w.Since = k.Place, k.Since
	}
	if w.Stage == InHouse && c.since != "" {
		w.Arrived = c.since
		w.Limit = max(c.since.AddDays(days), k.Extended.Until)
	}
	if w.Place.Kind != "" {
		w.NameZh, w.NameEn = PlaceNames(w.Place, func(resource string) (string, string) { n := names[resource]; return n[0], n[1] })
	}
	return w
}

// PlaceNames is a place as people say it. named tells what a resource is
// called; it may answer with nothing.
func PlaceNames(p cremation.Place, named func(resource string) (zh, en string)) (zh, en string) {
	resource, bay, _ := strings.Cut(p.ID, "/")
	rz, re := named(resource)
	rz, re = cmp.Or(rz, resource), cmp.Or(re, rz, resource)
	switch p.Kind {
	case cremation.InVehicle:
		return "接运车 " + rz, "vehicle " + re
	case cremation.InReception:
		return "接待处", "reception"
	case cremation.InColdBay:
		if bay == "" {
			return "冷藏 " + rz, "cold store " + re
		}
		return "冷藏 " + bay + " 位", "cold bay " + bay
	case cremation.InIsolation:
		return "隔离间", "isolation room"
	case cremation.InPreparation:
		return "整容间", "preparation room"
	case cremation.InVigilRoom:
		return strings.TrimSpace("守灵间 " + rz), strings.TrimSpace("vigil room " + re)
	case cremation.InHall, cremation.AtFurnace:
		return rz, re
	case cremation.InAshesRoom:
		return "骨灰暂存处", "ashes room"
	case cremation.InNiche:
		return strings.TrimSpace("骨灰寄存 " + p.ID), strings.TrimSpace("niche " + p.ID)
	}
	return fmt.Sprint(p.Kind, " ", p.ID), fmt.Sprint(p.Kind, " ", p.ID)
}

func money(s booking.State) Money {
	m := Money{Balance: s.Balance(), Payable: s.Payable(), Unreturned: s.Unreturned(), Paid: s.Paid(), Claimed: s.Claim != nil, Granted: s.Grant != nil}
	if s.Grant != nil {
		m.Rule, m.Document = s.Grant.Rule, s.Grant.Document
	}
	billed := map[string]domain.Money{}
	for _, b := range s.Bill {
		m.Lines = append(m.Lines, Line{Line: b.Line, Charged: true, Relief: b.Relief, Refunded: b.Refunded, Due: b.Due()})
		billed[b.Code] += b.Amount - b.Refunded
	}
	if n := len(s.Quotes); n > 0 {
		q := s.Quotes[n-1]
		m.Quote, m.List, m.Answered = q.Quote, q.PriceListVersion, s.Accepted != nil && s.Accepted.Quote == q.Quote
		if s.Accepted != nil { // what the family said yes to is what it will come to
			q = *s.Accepted
		}
		onBill := len(m.Lines)
		for _, l := range q.Lines {
			if used := min(billed[l.Code], l.Amount); used > 0 {
				billed[l.Code] -= used
				if l.Amount -= used; l.Amount == 0 {
					continue
				}
				if l.Price > 0 {
					l.Quantity = int64((l.Amount + l.Price - 1) / l.Price)
				}
			} else if slices.ContainsFunc(s.Bill, func(b booking.BillLine) bool { return b.ID == l.ID && l.Amount == 0 }) {
				continue
			}
			m.Lines = append(m.Lines, Line{Line: l, Due: l.Amount})
		}
		m.relieve(s, onBill)
	}
	for _, l := range m.Lines {
		m.Total += l.Amount - l.Refunded
		m.Relief += l.Relief
		m.Due += l.Due
	}
	m.Owed = max(0, m.Due-m.Paid)
	return m
}

// relieve takes off the quoted lines what the relief that was granted will take
// off them, by the domain's own computation over the bill and the quote.
func (m *Money) relieve(s booking.State, from int) {
	if s.Grant == nil || from == len(m.Lines) {
		return
	}
	const group = "granted" // who is entitled was decided; it does not matter here as whom
	rule := booking.ReliefRule{ID: s.Grant.Rule, Version: s.Grant.Version, Groups: []string{group}}
	for _, w := range s.Grant.Waives {
		rule.Waives = append(rule.Waives, booking.Waiver(w))
	}
	lines := make([]booking.Line, len(m.Lines))
	for i, l := range m.Lines {
		lines[i] = l.Line
		lines[i].ID = strconv.Itoa(i) // a quote and a bill may number alike
	}
	_, reductions, err := booking.Relief([]booking.ReliefRule{rule}, booking.ReliefFacts{Category: group}, lines)
	if err != nil {
		return // a grant without rule or version takes nothing off by itself
	}
	for _, x := range reductions {
		if i, _ := strconv.Atoi(x.Line); i >= from {
			m.Lines[i].Relief = min(x.Amount, m.Lines[i].Amount)
			m.Lines[i].Due = m.Lines[i].Amount - m.Lines[i].Relief
		}
	}
}
