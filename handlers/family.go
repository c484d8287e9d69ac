package handlers

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/width"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// Family is the account in whose name families act, who have none of their own.
const Family = "family"

// HallSizes are the price list's codes of a farewell, small to large.
var HallSizes = []string{"HAL-S", "HAL-M", "HAL-L"}

// cremations are the codes of an ordinary cremation, as lists call it.
var cremations = []string{"CRM-FLAT", "CRM-STD"}

// HallSize is which farewell a hall is for: the one that the institution timed
// it for, or else the one that goes by the people it takes (a proposal of ours,
// [P]: up to 50, up to 100, more).
func HallSize(r institution.Resource) string {
	for _, d := range r.Durations {
		if slices.Contains(HallSizes, d.Code) {
			return d.Code
		}
	}
	switch {
	case r.Capacity <= 50:
		return "HAL-S"
	case r.Capacity <= 100:
		return "HAL-M"
	}
	return "HAL-L"
}

// afterFarewell is how long after a farewell the cremation begins at the
// latest: a proposal of ours ([P]).
const afterFarewell = 3 * time.Hour

// A Ceremony is what a family chooses: a farewell in a hall of some size, or
// none, and the cremation after it.
type Ceremony struct {
	Institution string
	Hall        string    // one of HallSizes; empty: cremation only
	Start       time.Time // of the farewell, or of the cremation alone
}

// A CeremonyTime is a time at which a ceremony may begin, with the resources
// that would be free for it.
type CeremonyTime struct {
	Ceremony
	FarewellEnd time.Time // zero without a farewell
	Cremation   time.Time
	State       TimeState
	Until       time.Time // of a hold that is in the way

	halls, furnaces []Want // what would do, best first
}

// A TimeState is what a time of a ceremony is for a family that asks.
type TimeState string

// The states.
const (
	TimeFree TimeState = "free"
	TimeHeld TimeState = "held" // another family is choosing
	TimeFull TimeState = "full"
)

// Sizes are the halls that an institution has on a day, small to large.
func Sizes(in institution.State, on domain.Date) (sizes []string) {
	for _, size := range HallSizes {
		if slices.ContainsFunc(in.Resources, func(r institution.Resource) bool {
			return r.Kind == institution.Hall && r.ServesOn(on) && HallSize(r) == size
		}) {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// Times are the times of one day at which such a ceremony may begin, earliest
// first, from the days' own streams: what it calls free was free a moment ago.
// Own is the case that asks, whose own holds are in nobody's way.
func (a *App) Times(ctx context.Context, in institution.State, hall string, on domain.Date, now time.Time, own uuid.UUID) ([]CeremonyTime, error) {
	code := string(in.CreditCode)
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return nil, err
	}
	free := func(r institution.Resource, item string) (now_, later []time.Time, until time.Time, minutes int, err error) {
		minutes = r.Minutes(item)
		day, _, err := a.Days.Load(ctx, schedule.ID(code, r.Resource, on))
		if err != nil {
			return nil, nil, until, 0, err
		}
		day.Slots = slices.DeleteFunc(slices.Clone(day.Slots), func(s schedule.Slot) bool { return s.Case == own.String() && !s.Confirmed })
		open := func(start time.Time) bool {
			end := start.Add(time.Duration(minutes) * time.Minute)
			return !slices.ContainsFunc(in.MaintenanceOn(r.Resource, on), func(w institution.Window) bool { return start.Before(w.To) && w.From.Before(end) })
		}
		h := hours(in, p, r.Resource, on)
		now_ = slices.DeleteFunc(day.Free(on, h, minutes, now), func(t time.Time) bool { return !open(t) })
		for _, s := range day.Slots {
			if !s.Confirmed && !s.Lapsed(now) && (until.IsZero() || s.Until.Before(until)) {
				until = s.Until
			}
		}
		day.Slots = slices.DeleteFunc(day.Slots, func(s schedule.Slot) bool { return !s.Confirmed })
		later = slices.DeleteFunc(day.Free(on, h, minutes, now), func(t time.Time) bool { return !open(t) })
		return now_, later, until, minutes, nil
	}
	type start struct {
		at     time.Time
		fits   []Want
		soon   bool // free once a hold ends
		until  time.Time
		length time.Duration
	}
	of := func(kind institution.ResourceKind, is func(institution.Resource) bool, item func(institution.Resource) string) ([]start, error) {
		byTime := map[int64]*start{}
		var all []*start
		see := func(t time.Time, minutes int) *start {
			s := byTime[t.Unix()]
			if s == nil {
				s = &start{at: t, length: time.Duration(minutes) * time.Minute}
				byTime[t.Unix()] = s
				all = append(all, s)
			}
			return s
		}
		for _, r := range in.Resources {
			if r.Kind != kind || !r.ServesOn(on) || !is(r) {
				continue
			}
			h := hours(in, p, r.Resource, on)
			now_, later, until, minutes, err := free(r, item(r))
			if err != nil {
				return nil, err
			}
			for m := h.Opens.Minutes(); h.SlotMinutes > 0 && m+minutes <= h.Closes.Minutes(); m += h.SlotMinutes {
				if at := on.Start().Add(time.Duration(m) * time.Minute); !at.Before(now) {
					see(at, minutes)
				}
			}
			for _, t := range now_ {
				s := see(t, minutes)
				s.fits = append(s.fits, Want{Institution: code, Resource: r.Resource, Start: t.UTC(), Minutes: minutes})
			}
			for _, t := range later {
				s := see(t, minutes)
				if s.soon = true; s.until.IsZero() || until.Before(s.until) {
					s.until = until
				}
			}
		}
		slices.SortFunc(all, func(x, y *start) int { return x.at.Compare(y.at) })
		var out []start
		for _, s := range all {
			out = append(out, *s)
		}
		return out, nil
	}
	furnaces, err := of(institution.Furnace, func(institution.Resource) bool { return true }, cremationItem)
	if err != nil {
		return nil, err
	}
	state := func(s start) TimeState {
		switch {
		case len(s.fits) > 0:
			return TimeFree
		case s.soon:
			return TimeHeld
		}
		return TimeFull
	}
	var times []CeremonyTime
	if hall == "" {
		for _, f := range furnaces {
			times = append(times, CeremonyTime{Ceremony: Ceremony{code, "", f.at}, Cremation: f.at, State: state(f), Until: f.until, furnaces: f.fits})
		}
		return times, nil
	}
	halls, err := of(institution.Hall, func(r institution.Resource) bool { return HallSize(r) == hall }, func(institution.Resource) string { return hall })
	if err != nil {
		return nil, err
	}
	for _, h := range halls {
		t := CeremonyTime{Ceremony: Ceremony{code, hall, h.at}, FarewellEnd: h.at.Add(h.length), State: state(h), Until: h.until, halls: h.fits}
		for _, f := range furnaces {
			if f.at.Before(t.FarewellEnd) || f.at.Sub(t.FarewellEnd) > afterFarewell || len(f.fits) == 0 {
				continue
			}
			if t.Cremation.IsZero() {
				t.Cremation = f.at
			}
			t.furnaces = append(t.furnaces, f.fits...)
		}
		if t.State == TimeFree && len(t.furnaces) == 0 {
			t.State = TimeFull
			for _, f := range furnaces {
				if d := f.at.Sub(t.FarewellEnd); d >= 0 && d <= afterFarewell && f.soon && (t.Until.IsZero() || f.until.Before(t.Until)) {
					t.State, t.Until = TimeHeld, f.until
				}
			}
		}
		if t.State != TimeHeld {
			t.Until = time.Time{}
		}
		times = append(times, t)
	}
	return times, nil
}

// cremationItem is the item of the price list that a furnace is for.
func cremationItem(r institution.Resource) string {
	for _, d := range r.Durations {
		if strings.HasPrefix(d.Code, "CRM-") {
			return d.Code
		}
	}
	return cremations[0]
}

// ItemAt is the code of the service that a slot of a resource is for, which says
// how long it takes: of those quoted the last that belongs there, otherwise the
// usual one there; empty where services have no length, as at a vehicle.
func ItemAt(r institution.Resource, quoted []string) string {
	is, usual := func(string) bool { return false }, ""
	switch r.Kind {
	case institution.Hall:
		is, usual = func(code string) bool { return slices.Contains(HallSizes, code) }, HallSize(r)
	case institution.Furnace:
		is, usual = func(code string) bool { return strings.HasPrefix(code, "CRM-") }, cremationItem(r)
	}
	for _, code := range slices.Backward(quoted) {
		if is(code) {
			return code
		}
	}
	return usual
}

// ParametersOf are the figures in force at an institution: its own before those
// of its city.
func (a *App) ParametersOf(ctx context.Context, in institution.State) (institution.ParametersState, error) {
	city, _, err := a.Parameters.Load(ctx, string(in.Division.City()))
	if err != nil {
		return city, err
	}
	own, _, err := a.Parameters.Load(ctx, string(in.CreditCode))
	return own.Under(city), err
}

// An Offer is a free time near a wish, and what the ceremony costs there.
type Offer struct {
	CeremonyTime
	NameZh, NameEn string
	Division       domain.Division
	// Cost is what the farewell and the cremation cost by the list in force;
	// Known is false where the list does not say.
	Cost  domain.Money
	Known bool
}

// cost is what farewell and cremation of such a ceremony cost.
func cost(rows []booking.PriceRow, hall string) (m domain.Money, known bool) {
	codes := [][]string{cremations}
	if hall != "" {
		codes = append(codes, []string{hall})
	}
	for _, any := range codes {
		r, ok := rowOf(rows, any...)
		if !ok || r.Price == 0 && r.Ceiling > 0 {
			return 0, false
		}
		m += r.Price
	}
	return m, true
}

// rowOf is the row of the first of these codes that the list has.
func rowOf(rows []booking.PriceRow, codes ...string) (booking.PriceRow, bool) {
	for _, c := range codes {
		if i := slices.IndexFunc(rows, func(r booking.PriceRow) bool { return r.Code == c }); i >= 0 {
			return rows[i], true
		}
	}
	return booking.PriceRow{}, false
}

// CeremonyCost is what farewell and cremation cost at an institution by the
// list in force that day.
func (a *App) CeremonyCost(ctx context.Context, institution, hall string, on domain.Date) (domain.Money, bool, error) {
	l, err := a.prices(ctx, institution, on)
	if err != nil {
		return 0, false, err
	}
	m, known := cost(l.Rows, hall)
	return m, known, nil
}

// Earliest is the first free time of such a ceremony at an institution, within
// the days that may be booked from now; false where there is none.
func (a *App) Earliest(ctx context.Context, in institution.State, hall string, now time.Time) (CeremonyTime, bool, error) {
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return CeremonyTime{}, false, err
	}
	for d := range p.Int(institution.BookingDays) + 1 {
		ts, err := a.Times(ctx, in, hall, domain.DateOf(now).AddDays(d), now, uuid.Nil)
		if err != nil {
			return CeremonyTime{}, false, err
		}
		for _, t := range ts {
			if t.State == TimeFree {
				return t, true, nil
			}
		}
	}
	return CeremonyTime{}, false, nil
}

// NearestTimes are at most n free times near a wish that cannot be had: the
// nearest of the same home, and the nearest of each of the others.
func (a *App) NearestTimes(ctx context.Context, wish Ceremony, others []string, now time.Time, own uuid.UUID, n int) ([]Offer, error) {
	var offers []Offer
	near := func(home string, n int) error {
		in, _, err := a.Institutions.Load(ctx, home)
		if err != nil || !in.Exists() {
			return err
		}
		l, err := a.prices(ctx, home, domain.DateOf(now))
		if err != nil {
			return err
		}
		p, err := a.ParametersOf(ctx, in)
		if err != nil {
			return err
		}
		last := domain.DateOf(now).AddDays(p.Int(institution.BookingDays))
		hall := wish.Hall
		if hall != "" && !slices.Contains(Sizes(in, domain.DateOf(wish.Start)), hall) {
			return nil
		}
		var found []CeremonyTime
		for _, off := range []int{0, 1, -1, 2, -2, 3, -3} {
			on := domain.DateOf(wish.Start).AddDays(off)
			if on < domain.DateOf(now) || on > last {
				continue
			}
			ts, err := a.Times(ctx, in, hall, on, now, own)
			if err != nil {
				return err
			}
			found = append(found, slices.DeleteFunc(ts, func(t CeremonyTime) bool { return t.State != TimeFree })...)
			if off >= 0 && len(found) >= n {
				break
			}
		}
		slices.SortStableFunc(found, func(x, y CeremonyTime) int {
			return cmp.Or(cmp.Compare(x.Start.Sub(wish.Start).Abs(), y.Start.Sub(wish.Start).Abs()), x.Start.Compare(y.Start))
		})
		for _, t := range found[:min(n, len(found))] {
			o := Offer{CeremonyTime: t, NameZh: in.NameZh, NameEn: in.NameEn, Division: in.Division}
			o.Cost, o.Known = cost(l.Rows, hall)
			offers = append(offers, o)
		}
		return nil
	}
	if err := near(wish.Institution, n); err != nil {
		return nil, err
	}
	own_ := len(offers)
	for _, home := range others {
		if home == wish.Institution {
			continue
		}
		if err := near(home, 1); err != nil {
			return nil, err
		}
	}
	elsewhere := offers[own_:]
	slices.SortStableFunc(elsewhere, func(x, y Offer) int {
		return cmp.Compare(x.Start.Sub(wish.Start).Abs(), y.Start.Sub(wish.Start).Abs())
	})
	return offers[:min(len(offers), own_+n)], nil
}

// CeremonyTaken says that a ceremony cannot be had at that time any more. It is
// schedule.ErrSlotTaken.
type CeremonyTaken struct{ *domain.Rejection }

// Unwrap lets errors.Is find schedule.ErrSlotTaken.
func (e *CeremonyTaken) Unwrap() error { return e.Rejection }

// Held are the slots that are kept for a case, and until when.
type Held struct {
	Hall    Want // zero without a farewell
	Furnace Want
	Until   time.Time
}

func (h Held) wants() (ws []Want) {
	for _, w := range []Want{h.Hall, h.Furnace} {
		if w.Resource != "" {
			ws = append(ws, w)
		}
	}
	return ws
}

// Holds says whether all of it is kept for the case at this moment, and until
// when the first of it is.
func (a *App) Holds(ctx context.Context, caseID uuid.UUID, h Held, now time.Time) (until time.Time, ok bool, err error) {
	for _, w := range h.wants() {
		d, _, err := a.Days.Load(ctx, w.day())
		if err != nil {
			return until, false, err
		}
		s, taken := d.Slot(schedule.SlotName(w.Start))
		if !taken || s.Case != caseID.String() || s.Lapsed(now) {
			return until, false, nil
		}
		if until.IsZero() || s.Until.Before(until) {
			until = s.Until
		}
	}
	return until, h.Furnace.Resource != "", nil
}

// HoldCeremony keeps the slots of a ceremony for a case that need not exist
// yet, and gives back those that were kept for it before.
//
// It runs: hold a hall → hold a furnace → release what was held before. When a
// slot is lost to somebody faster the next resource of the kind is tried; when
// there is none, what was held for this attempt is released and the answer is
// *CeremonyTaken. A crash leaves holds that end by themselves.
func (a *App) HoldCeremony(ctx context.Context, act domain.Act, caseID uuid.UUID, c Ceremony, before Held) (Held, error) {
	in, _, err := a.Institutions.Load(ctx, c.Institution)
	if err != nil {
		return Held{}, err
	}
	same := before.Furnace.Institution == c.Institution && (c.Hall == "" && before.Hall.Resource == "" && before.Furnace.Start.Equal(c.Start) ||
		c.Hall != "" && before.Hall.Start.Equal(c.Start) && a.sized(in, before.Hall.Resource, c.Hall))
	if same {
		if until, ok, err := a.Holds(ctx, caseID, before, act.Now); err != nil || ok {
			before.Until = until
			return before, err
		}
	}
	ts, err := a.Times(ctx, in, c.Hall, domain.DateOf(c.Start), act.Now, caseID)
	if err != nil {
		return Held{}, err
	}
	i := slices.IndexFunc(ts, func(t CeremonyTime) bool { return t.Start.Equal(c.Start) && t.State == TimeFree })
	if i < 0 {
		return Held{}, &CeremonyTaken{schedule.ErrSlotTaken}
	}
	t := ts[i]
	var now Held
	if c.Hall != "" {
		if now.Hall, err = a.holdOne(ctx, act, caseID, t.halls, before); err != nil {
			return Held{}, err
		}
	}
	if now.Furnace, err = a.holdOne(ctx, act, caseID, t.furnaces, before); err != nil {
		if now.Hall.Resource != "" {
			err = errors.Join(err, a.letGo(ctx, act, caseID, now.Hall, schedule.Withdrawn))
		}
		return Held{}, err
	}
	for _, w := range before.wants() {
		if !slices.ContainsFunc(now.wants(), func(n Want) bool { return n.day() == w.day() }) {
			if err := a.letGo(ctx, act, caseID, w, schedule.Rescheduled); err != nil {
				return Held{}, err
			}
		}
	}
	until, ok, err := a.Holds(ctx, caseID, now, act.Now)
	if err == nil && !ok {
		err = &CeremonyTaken{schedule.ErrSlotTaken}
	}
	now.Until = until
	return now, err
}

func (a *App) sized(in institution.State, hall, size string) bool {
	r, ok := in.Resource(hall)
	return ok && HallSize(r) == size
}

// holdOne holds the first of these slots that nobody is faster for. A slot of
// the same resource and day that the case holds moves.
func (a *App) holdOne(ctx context.Context, act domain.Act, caseID uuid.UUID, wants []Want, before Held) (Want, error) {
	var lost error = &CeremonyTaken{schedule.ErrSlotTaken}
	for _, w := range wants {
		i := slices.IndexFunc(before.wants(), func(b Want) bool { return b.day() == w.day() })
		if i >= 0 {
			b := before.wants()[i]
			in, _, err := a.Institutions.Load(ctx, w.Institution)
			if err != nil {
				return Want{}, err
			}
			h, err := a.hours(ctx, in, w.Resource, domain.DateOf(w.Start))
			if err != nil {
				return Want{}, err
			}
			_, err = a.Days.Handle(ctx, w.day(), schedule.Move{Act: step(act, "move "+w.day()), Slot: schedule.SlotName(b.Start), Case: caseID.String(), Start: w.Start,
				Minutes: w.Minutes, Until: act.Now.Add(a.HoldFor), Hours: h})
			switch {
			case err == nil:
				return w, nil
			case errors.Is(err, schedule.ErrSlotTaken), errors.Is(err, schedule.ErrBlocked):
				continue
			case !errors.Is(err, schedule.ErrNotHeld) && !errors.Is(err, schedule.ErrLapsed):
				return Want{}, err
			}
		}
		_, err := a.holdSlot(ctx, step(act, w.day()), caseID, w)
		switch {
		case err == nil:
			return w, nil
		case errors.Is(err, schedule.ErrSlotTaken), errors.Is(err, schedule.ErrBlocked):
			continue
		}
		return Want{}, err
	}
	return Want{}, lost
}

// holdSlot keeps one slot for as long as the institution's parameters say.
func (a *App) holdSlot(ctx context.Context, act domain.Act, caseID uuid.UUID, w Want) (events.Receipt, error) {
	in, _, err := a.Institutions.Load(ctx, w.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return events.Receipt{}, err
	}
	return a.Days.Handle(ctx, w.day(), schedule.Hold{Act: step(act, "hold"), Start: w.Start, Minutes: w.Minutes, Case: caseID.String(),
		Until: act.Now.Add(p.Duration(institution.HoldMinutes)), Hours: hours(in, p, w.Resource, domain.DateOf(w.Start)), Beside: true})
}

func (a *App) letGo(ctx context.Context, act domain.Act, caseID uuid.UUID, w Want, why schedule.Reason) error {
	_, err := a.Days.Handle(ctx, w.day(), schedule.Release{Act: step(act, "let go "+w.day()), Slot: schedule.SlotName(w.Start), Case: caseID.String(), Reason: why})
	if errors.Is(err, schedule.ErrNotHeld) { // it had lapsed, and somebody else has it
		return nil
	}
	return err
}

// ReliefGroups are the groups that relief rules of the day name, in their order.
func (a *App) ReliefGroups(on domain.Date) (groups []string) {
	for _, r := range a.Rules.Relief {
		if !covers(r.ValidFrom, r.ValidUntil, on) {
			continue
		}
		for _, g := range r.Groups {
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// A FamilyBooking is what a family sends.
type FamilyBooking struct {
	domain.Act
	Case          uuid.UUID
	Opened        booking.Opened // Institution and Number follow from the rest
	Ceremony      Ceremony
	Held          Held
	Circumstances booking.CircumstancesRecorded
	Relief        string // the group; empty: none is claimed
	Contact       booking.ContactPreferred
}

// FamilyNumber is the number on paper of a case that a family opened itself.
func FamilyNumber(caseID uuid.UUID) string {
	return "W-" + strings.ToUpper(strings.ReplaceAll(caseID.String(), "-", "")[:12])
}

// BookForFamily runs: keep the slots, if their time has run out and they are
// still free → open the case → for each slot, confirm and attach → plan the
// farewell → note circumstances, claim, contact → give out the tracking code.
// It answers with the code, which is the same however often it is asked.
//
// A slot that somebody else has by now is *CeremonyTaken, and nothing is
// recorded; the same request with another ceremony completes it. A crash leaves
// what Book leaves, and the same request again completes it.
func (a *App) BookForFamily(ctx context.Context, c FamilyBooking) (string, events.Receipt, error) {
	id := c.Case.String()
	c.Opened.Institution, c.Opened.Number, c.Opened.Source = c.Ceremony.Institution, FamilyNumber(c.Case), booking.Online
	open := booking.Open{Act: c.Act, Opened: c.Opened}
	if err := to(a.Cases, id, nil).wouldRefuse(ctx, open); err != nil {
		return "", events.Receipt{}, err
	}
	// A case that was sent before has its slots: the same request changes nothing.
	s, rev, err := a.Cases.Load(ctx, id)
	if err != nil {
		return "", events.Receipt{}, err
	}
	if s.Tracking != "" {
		return a.TrackingCode(c.Case), events.Receipt{Revision: rev, Repeated: true}, nil
	}
	held, err := a.HoldCeremony(ctx, step(c.Act, "hold "+c.Act.Now.Format(time.RFC3339Nano)), c.Case, c.Ceremony, c.Held)
	if err != nil {
		return "", events.Receipt{}, err
	}
	if _, err := a.Cases.Handle(ctx, id, open); err != nil {
		return "", events.Receipt{}, err
	}
	for _, w := range held.wants() {
		slot, err := a.describe(ctx, w)
		if err != nil {
			return "", events.Receipt{}, err
		}
		if _, err := a.confirm(ctx, step(c.Act, w.day()+" "+slot.Slot), c.Case, w, slot); err != nil {
			return "", events.Receipt{}, err
		}
	}
	if h := held.Hall; h.Resource != "" {
		if _, err := a.Cases.Handle(ctx, id, booking.PlanService{Act: step(c.Act, "farewell"), ServicePlanned: booking.ServicePlanned{
			Service: "farewell", Ceremony: booking.Farewell, Resource: h.Resource, From: h.Start, To: h.Start.Add(time.Duration(h.Minutes) * time.Minute)}}); err != nil {
			return "", events.Receipt{}, err
		}
	}
	cmds := []booking.Command{booking.RecordCircumstances{Act: step(c.Act, "circumstances"), CircumstancesRecorded: c.Circumstances}}
	if c.Contact.Channel != "" {
		cmds = append(cmds, booking.PreferContact{Act: step(c.Act, "contact"), ContactPreferred: c.Contact})
	}
	if c.Relief != "" {
		cmds = append(cmds, booking.ClaimRelief{Act: step(c.Act, "relief"), Category: c.Relief, Rules: a.Rules.Relief})
	}
	code := a.TrackingCode(c.Case)
	cmds = append(cmds, booking.IssueTracking{Act: step(c.Act, "tracking"), Hash: a.TrackingHash(code)})
	var rc events.Receipt
	for _, cmd := range cmds {
		r, err := a.Cases.Handle(ctx, id, cmd)
		if _, claim := cmd.(booking.ClaimRelief); claim && errors.Is(err, booking.ErrNotEntitled) {
			continue // the family saw why; the desk may find another ground
		}
		if err != nil {
			return "", events.Receipt{}, err
		}
		rc = r
	}
	return code, rc, nil
}

// codeAlphabet is Crockford's base 32: no letter that reads like a digit.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// TrackingCode is the code by which a family follows its case: eleven
// characters that nobody guesses (55 bits) and one that shows a slip of the
// pen. It follows from the case and a secret, so that it need not be stored,
// and the same request gives the same code.
func (a *App) TrackingCode(caseID uuid.UUID) string { return a.code("tracking code of ", caseID) }

func (a *App) code(what string, id uuid.UUID) string {
	mac := hmac.New(sha256.New, a.persons)
	mac.Write([]byte(what))
	mac.Write(id[:])
	var code [12]byte
	for i, b := range mac.Sum(nil)[:11] {
		code[i] = codeAlphabet[b&31]
	}
	code[11] = codeAlphabet[codeCheck(code[:11])]
	return fmt.Sprintf("%s-%s-%s", code[:4], code[4:8], code[8:])
}

// codeCheck is the check symbol of a code: the sum of its symbols in GF(32),
// each times its own power of the field's generator. One wrong symbol, or two
// that changed places, always give another.
func codeCheck(symbols []byte) (sum int) {
	power := 1
	for _, c := range symbols {
		power = double32(power)
		for x, y := strings.IndexByte(codeAlphabet, c), power; x > 0; x, y = x>>1, double32(y) {
			if x&1 == 1 {
				sum ^= y
			}
		}
	}
	return sum
}

// double32 multiplies by the generator of GF(32) with x⁵+x²+1.
func double32(x int) int {
	if x <<= 1; x > 31 {
		x ^= 0b100101
	}
	return x
}

// ParseTrackingCode is a code as it was issued, from how somebody typed it:
// without dashes, in small letters, with O for 0 and I or L for 1. False: it
// cannot be one.
func ParseTrackingCode(s string) (string, bool) {
	var code []byte
	for _, c := range strings.ToUpper(width.Narrow.String(s)) {
		switch {
		case c == 'O':
			c = '0'
		case c == 'I' || c == 'L':
			c = '1'
		}
		switch {
		case c == ' ' || c == '-' || c == '—' || c == '·' || c == '\u3000':
		case c < 128 && strings.IndexByte(codeAlphabet, byte(c)) >= 0:
			code = append(code, byte(c))
		default:
			return "", false
		}
	}
	if len(code) != 12 || codeAlphabet[codeCheck(code[:11])] != code[11] {
		return "", false
	}
	return fmt.Sprintf("%s-%s-%s", code[:4], code[4:8], code[8:]), true
}

// TrackingHash is what the log knows of a code.
func (a *App) TrackingHash(code string) string { return booking.TrackingHash(a.persons, code) }

// drafts seals what a family has typed and not sent yet: it goes through the
// family's own browser, which can neither read nor change it.
func (a *App) drafts() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, a.persons, nil, "drafts of families", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// SealDraft seals a draft for the way through a browser.
func (a *App) SealDraft(draft []byte) (string, error) {
	aead, err := a.drafts()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, draft, nil)), nil
}

// OpenDraft opens a sealed draft; false when it is none of ours.
func (a *App) OpenDraft(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, false
	}
	aead, err := a.drafts()
	if err != nil || len(b) < aead.NonceSize() {
		return nil, false
	}
	draft, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], nil)
	return draft, err == nil
}

// DropHolds gives back what is kept for a family that does not go on.
func (a *App) DropHolds(ctx context.Context, act domain.Act, caseID uuid.UUID, h Held) error {
	var errs []error
	for _, w := range h.wants() {
		errs = append(errs, a.letGo(ctx, act, caseID, w, schedule.Withdrawn))
	}
	return errors.Join(errs...)
}

// followFor is how long a page waits for its own write to show.
const followFor = 2 * time.Second

// Follow waits until what a receipt tells of is on the tracking page, for a
// moment only: a page that is slow shows what there was before.
func (a *App) Follow(ctx context.Context, rc events.Receipt) {
	if a.Wait == nil || rc.Position == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	_ = a.Wait(ctx, "tracking", rc.Position)
}
