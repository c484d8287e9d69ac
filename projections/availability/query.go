// Package availability is the read model of free time: which slots of which
// resource are free, and what is nearest to a wish. Whoever books asks the
// day's own stream in the end; what this says may be a moment old.
package availability

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections"
)

// A Reader answers questions about free time.
type Reader struct{ DB projections.Querier }

// ErrNotFound reports that there is no such resource.
var ErrNotFound = errors.New("availability: no such resource")

// A Resource is a hall, furnace, cold bay or vehicle of an institution.
type Resource struct {
	Institution domain.CreditCode `json:"institution"`
	// The institution's names and division.
	InstitutionZh string          `json:"institution_zh"`
	InstitutionEn string          `json:"institution_en"`
	Division      domain.Division `json:"division"`
	institution.Resource
	// AheadDays is how many days ahead may be booked there.
	AheadDays int `json:"ahead_days"`
	// Maintenance that is planned there, whatever the days know of it.
	Maintenance []schedule.Blocked `json:"maintenance,omitzero"`
}

// Hours are what the schedule wants to know of the resource.
func (r Resource) Hours() schedule.Hours {
	h := schedule.Hours{Opens: r.Opens, Closes: r.Closes, SlotMinutes: r.SlotMinutes, BufferMinutes: r.BufferMinutes, AheadDays: r.AheadDays, Blocked: r.Maintenance}
	for _, c := range r.CleanDown {
		h.CleanDown = append(h.CleanDown, schedule.Span(c))
	}
	return h
}

// A State is what a slot is at the moment of asking.
type State string

// The states of a slot. A hold whose deadline has passed is free again; Past is
// a free slot that has begun.
const (
	Free  State = "free"
	Held  State = "held"
	Taken State = "taken"
	Past  State = "past"
	// Closed is no slot but a time at which none can be had.
	Closed State = "closed"
)

// A Slot is a piece of a resource's day.
type Slot struct {
	Institution domain.CreditCode `json:"institution"`
	Resource    string            `json:"resource"`
	Slot        string            `json:"slot"` // "0930", as in schedule commands
	Start       time.Time         `json:"start"`
	End         time.Time         `json:"end"`
	State       State             `json:"state"`
	Until       time.Time         `json:"until,omitzero"` // of a hold
}

// Resources lists the resources of an institution, or of all with an empty
// code, of one kind, or of all with an empty kind.
func (r Reader) Resources(ctx context.Context, code domain.CreditCode, kind institution.ResourceKind) ([]Resource, error) {
	return r.resources(ctx, `(?1 = '' OR r.institution = ?1) AND (?2 = '' OR r.kind = ?2)`, string(code), string(kind))
}

// Resource is one of an institution's resources.
func (r Reader) Resource(ctx context.Context, code domain.CreditCode, resource string) (Resource, error) {
	rs, err := r.resources(ctx, `r.institution = ?1 AND r.resource = ?2`, string(code), resource)
	if err == nil && len(rs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Resource{}, err
	}
	return rs[0], nil
}

func (r Reader) resources(ctx context.Context, where string, args ...any) ([]Resource, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT r.institution, coalesce(i.name_zh, ''), coalesce(i.name_en, ''), coalesce(i.division, ''),
			r.resource, r.kind, r.name_zh, r.name_en, r.opens, r.closes, r.slot_minutes, r.buffer_minutes, r.capacity, r.retired_from,
			r.durations, r.clean_down,
			coalesce((SELECT days FROM ahead WHERE key = r.institution), (SELECT days FROM ahead WHERE key = substr(i.division, 1, 4) || '00'), ?3),
			(SELECT json_group_array(json_object('block', name, 'start', starts, 'end', ends, 'kind', 'MAINTENANCE') ORDER BY starts)
				FROM maintenance AS m WHERE m.institution = r.institution AND m.resource = r.resource)
		FROM resource AS r LEFT JOIN institution AS i ON i.code = r.institution WHERE `+where+` ORDER BY r.institution, r.resource`, append(args, institution.ParametersState{}.Int(institution.BookingDays))...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var all []Resource
	for rs.Next() {
		var x Resource
		a := &x.ResourceAdded
		var durations, cleanDown, maintenance string
		if err := rs.Scan(&x.Institution, &x.InstitutionZh, &x.InstitutionEn, &x.Division, &a.Resource, &a.Kind, &a.NameZh, &a.NameEn,
			&a.Opens, &a.Closes, &a.SlotMinutes, &a.BufferMinutes, &a.Capacity, &x.RetiredFrom, &durations, &cleanDown, &x.AheadDays, &maintenance); err != nil {
			return nil, err
		}
		for _, j := range []struct {
			text string
			into any
		}{{durations, &x.Durations}, {cleanDown, &x.CleanDown}, {maintenance, &x.Maintenance}} {
			if err := json.Unmarshal([]byte(j.text), j.into); err != nil {
				return nil, err
			}
		}
		all = append(all, x)
	}
	return all, rs.Err()
}

// Day is a resource's whole day as it is now: the grid's free starts, every slot
// that is held or taken, and what is closed of the opening hours, by start.
func (r Reader) Day(ctx context.Context, code domain.CreditCode, resource string, day domain.Date, now time.Time) ([]Slot, error) {
	x, err := r.Resource(ctx, code, resource)
	if err != nil {
		return nil, err
	}
	st, err := r.state(ctx, x, day)
	if err != nil {
		return nil, err
	}
	var slots []Slot
	for _, t := range st.Slots {
		if t.Lapsed(now) {
			continue
		}
		s := Slot{code, resource, t.Slot, t.Start, t.End, Taken, time.Time{}}
		if !t.Confirmed {
			s.State, s.Until = Held, t.Until
		}
		slots = append(slots, s)
	}
	for _, start := range x.free(st, day, 0, day.Start(), now) {
		s := x.slot(start, 0)
		if start.Before(now) {
			s.State = Past
		}
		slots = append(slots, s)
	}
	for _, b := range slices.Concat(st.Blocks, x.Maintenance) {
		from, to := x.Opens.On(day), x.Closes.On(day)
		if b.Start.After(from) {
			from = b.Start
		}
		if b.End.Before(to) {
			to = b.End
		}
		known := func(s Slot) bool { return s.State == Closed && s.Start.Equal(from) && s.End.Equal(to) }
		if from.Before(to) && !slices.ContainsFunc(slots, known) {
			slots = append(slots, Slot{Institution: code, Resource: resource, Slot: schedule.SlotName(from), Start: from.UTC(), End: to.UTC(), State: Closed})
		}
	}
	slices.SortFunc(slots, func(a, b Slot) int { return a.Start.Compare(b.Start) })
	return slots, nil
}

// Free lists the starts at which minutes (zero: one step of the grid) are free
// on a day, and not past.
func (r Reader) Free(ctx context.Context, code domain.CreditCode, resource string, day domain.Date, minutes int, now time.Time) ([]Slot, error) {
	x, err := r.Resource(ctx, code, resource)
	if err != nil {
		return nil, err
	}
	return r.freeOn(ctx, x, day, minutes, now)
}

func (r Reader) freeOn(ctx context.Context, x Resource, day domain.Date, minutes int, now time.Time) ([]Slot, error) {
	st, err := r.state(ctx, x, day)
	if err != nil {
		return nil, err
	}
	var slots []Slot
	for _, start := range x.free(st, day, minutes, now, now) {
		slots = append(slots, x.slot(start, minutes))
	}
	return slots, nil
}

// A Wish is what somebody would have liked.
type Wish struct {
	Institution domain.CreditCode
	Resource    string
	Start       time.Time
	Minutes     int // zero: one step of the grid
}

// Nearest lists at most n free slots of the same kind of resource that are as
// near as can be to a wish which cannot be had: first those of the same
// institution, then those of others, each by distance in time. It looks at the
// day itself and a week on either side.
func (r Reader) Nearest(ctx context.Context, w Wish, now time.Time, n int) ([]Slot, error) {
	wanted, err := r.Resource(ctx, w.Institution, w.Resource)
	if err != nil {
		return nil, err
	}
	all, err := r.Resources(ctx, "", wanted.Kind)
	if err != nil {
		return nil, err
	}
	byStart := func(a, b Slot) int {
		return cmp.Or(cmp.Compare(a.Start.Sub(w.Start).Abs(), b.Start.Sub(w.Start).Abs()), a.Start.Compare(b.Start),
			cmp.Compare(a.Institution, b.Institution), cmp.Compare(a.Resource, b.Resource))
	}
	day := domain.DateOf(w.Start)
	near := func(own bool, n int) ([]Slot, error) {
		var found []Slot
		// A slot k days away is at least (k−1) days from the wish, so once there
		// are enough, one day more on either side settles which are nearest.
		enough := false
		for k := 0; k <= 7 && !enough; k++ {
			enough = len(found) >= n
			for _, d := range []domain.Date{day.AddDays(k), day.AddDays(-k)}[:min(k+1, 2)] {
				if d < domain.DateOf(now) {
					continue
				}
				for _, x := range all {
					if (x.Institution == w.Institution) != own || !x.ServesOn(d) {
						continue
					}
					slots, err := r.freeOn(ctx, x, d, w.Minutes, now)
					if err != nil {
						return nil, err
					}
					found = append(found, slots...)
				}
			}
		}
		slices.SortFunc(found, byStart)
		return found[:min(n, len(found))], nil
	}
	own, err := near(true, n)
	if err != nil || len(own) == n {
		return own, err
	}
	others, err := near(false, n-len(own))
	return append(own, others...), err
}

// state is a resource's day as its own stream would tell it.
func (r Reader) state(ctx context.Context, x Resource, day domain.Date) (schedule.State, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT slot, starts, ends, buffer_minutes, until, confirmed FROM taken WHERE day = ? ORDER BY starts`,
		schedule.ID(string(x.Institution), x.Resource.Resource, day))
	if err != nil {
		return schedule.State{}, err
	}
	defer rs.Close()
	var st schedule.State
	parse := func(text string, into *time.Time) (err error) {
		*into, err = time.Parse(time.RFC3339Nano, text)
		return err
	}
	for rs.Next() {
		var s schedule.Slot
		var starts, ends, until string
		if err := rs.Scan(&s.Slot, &starts, &ends, &s.BufferMinutes, &until, &s.Confirmed); err != nil {
			return st, err
		}
		if err := errors.Join(parse(starts, &s.Start), parse(ends, &s.End), parse(until, &s.Until)); err != nil {
			return st, err
		}
		st.Slots = append(st.Slots, s)
	}
	if err := rs.Err(); err != nil {
		return st, err
	}
	bs, err := r.DB.QueryContext(ctx, `SELECT block, starts, ends, kind FROM blocked WHERE day = ? ORDER BY starts`,
		schedule.ID(string(x.Institution), x.Resource.Resource, day))
	if err != nil {
		return st, err
	}
	defer bs.Close()
	for bs.Next() {
		var b schedule.Blocked
		var starts, ends string
		if err := bs.Scan(&b.Block, &starts, &ends, &b.Kind); err != nil {
			return st, err
		}
		if err := errors.Join(parse(starts, &b.Start), parse(ends, &b.End)); err != nil {
			return st, err
		}
		st.Blocks = append(st.Blocks, b)
	}
	return st, bs.Err()
}

// free lists the free starts of a day from an instant on.
func (r Resource) free(st schedule.State, day domain.Date, minutes int, from, now time.Time) []time.Time {
	if !r.ServesOn(day) || day > r.Hours().Last(now) {
		return nil
	}
	// What is free is the domain's rule. It takes one instant both for what is
	// past and for which holds have lapsed; here those are two questions.
	st.Slots = slices.DeleteFunc(slices.Clone(st.Slots), func(s schedule.Slot) bool { return s.Lapsed(now) })
	for i := range st.Slots {
		st.Slots[i].Confirmed = true
	}
	return st.Free(day, r.Hours(), minutes, from)
}

func (r Resource) slot(start time.Time, minutes int) Slot {
	if minutes == 0 {
		minutes = r.SlotMinutes
	}
	return Slot{Institution: r.Institution, Resource: r.Resource.Resource, Slot: schedule.SlotName(start),
		Start: start, End: start.Add(time.Duration(minutes) * time.Minute), State: Free}
}
