package handlers

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// drawnFor is how long a drawn slot waits for the step that confirms it: longer
// than any crash.
const drawnFor = 24 * time.Hour

// A Peak names the draw of one kind of resource on one day.
type Peak struct {
	Institution string
	Kind        institution.ResourceKind
	Day         domain.Date
}

// Key is the id of the draw's stream, and of the waiting list's.
func (p Peak) Key() string { return schedule.ID(p.Institution, string(p.Kind), p.Day) }

// day is the id of a resource's day.
func (p Peak) day(resource string) string { return schedule.ID(p.Institution, resource, p.Day) }

// SplitPeak takes the id of a draw's or a waiting list's stream apart.
func SplitPeak(id string) Peak {
	in, kind, on := SplitDay(id)
	return Peak{in, institution.ResourceKind(kind), on}
}

func (p Peak) check() error {
	if _, err := domain.ParseDate(string(p.Day)); err != nil {
		return err
	}
	return errors.Join(streamID(institution.Category, p.Institution), streamID(schedule.ReleaseCategory, p.Key()))
}

// forDraw is the block that keeps a slot free until it is drawn.
func forDraw(slot string) string { return "draw-" + slot }

// AnnouncePeak publishes the slots of a peak day and the commitment to the seed.
type AnnouncePeak struct {
	domain.Act
	Peak
	// Item and Minutes say how long a slot is; the slots are all that are free,
	// one after the other.
	Item       string
	Minutes    int
	Commitment string
	Closes     time.Time
	IfMatch    *events.Revision
}

// AnnouncePeak runs: would it be refused? → block every slot → announce. A crash
// before the announcement leaves slots that nobody can book; the same request
// again completes it, or the desk unblocks them.
func (a *App) AnnouncePeak(ctx context.Context, c AnnouncePeak) (events.Receipt, error) {
	if err := c.Peak.check(); err != nil {
		return events.Receipt{}, err
	}
	if done, err := a.did(ctx, a.Peaks.Stream(c.Key()), c.Act.ID); err != nil || done != nil {
		return pointed(done), err
	}
	in, _, err := a.Institutions.Load(ctx, c.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	slots, err := a.peakSlots(ctx, in, c)
	if err != nil {
		return events.Receipt{}, err
	}
	announce := schedule.Announce{Act: c.Act, Slots: slots, Commitment: c.Commitment, Closes: c.Closes}
	if err := to(a.Peaks, c.Key(), c.IfMatch).wouldRefuse(ctx, announce); err != nil {
		return events.Receipt{}, err
	}
	for _, x := range slots {
		_, rev, err := a.Days.Load(ctx, c.day(x.Resource))
		if err != nil {
			return events.Receipt{}, err
		}
		_, err = a.Days.Handle(ctx, c.day(x.Resource), schedule.Block{Act: stepAt(c.Act, "block "+x.Name(), rev), Block: forDraw(schedule.SlotName(x.Start)), Start: x.Start, End: x.End, Kind: schedule.ForDraw})
		if _, refused := errors.AsType[*domain.Rejection](err); refused {
			err = errors.Join(err, a.openPeak(ctx, c.Act, c.Peak, slots))
		}
		if err != nil {
			return events.Receipt{}, err
		}
	}
	return to(a.Peaks, c.Key(), c.IfMatch).run(ctx, announce)
}

// openPeak takes the blocks of a draw away that was not announced after all.
func (a *App) openPeak(ctx context.Context, act domain.Act, p Peak, slots []schedule.PeakSlot) (err error) {
	for _, x := range slots {
		_, rev, undo := a.Days.Load(ctx, p.day(x.Resource))
		if undo == nil {
			_, undo = a.Days.Handle(ctx, p.day(x.Resource), schedule.Unblock{Act: stepAt(act, "unblock "+x.Name(), rev), Block: forDraw(schedule.SlotName(x.Start))})
		}
		err = errors.Join(err, undo)
	}
	return err
}

// peakSlots are the slots of that length that are free, one after the other,
// as if no draw had been begun.
func (a *App) peakSlots(ctx context.Context, in institution.State, c AnnouncePeak) (slots []schedule.PeakSlot, err error) {
	for _, r := range in.Resources {
		if r.Kind != c.Kind {
			continue
		}
		d, _, err := a.Days.Load(ctx, c.day(r.Resource))
		if err != nil {
			return nil, err
		}
		d.Blocks = slices.DeleteFunc(slices.Clone(d.Blocks), func(b schedule.Blocked) bool {
			return b.Kind == schedule.ForDraw && strings.HasPrefix(b.Block, forDraw(""))
		})
		minutes := Want{Minutes: c.Minutes, Item: c.Item}.length(r)
		var next time.Time
		for _, start := range d.Free(c.Day, openHours(in, r.Resource, c.Day), minutes, c.Now) { // a draw is for days that cannot be booked yet
			if start.Before(next) {
				continue
			}
			end := start.Add(time.Duration(minutes) * time.Minute)
			next = end.Add(time.Duration(r.BufferMinutes) * time.Minute)
			slots = append(slots, schedule.PeakSlot{Resource: r.Resource, Start: start.UTC(), End: end.UTC()})
		}
	}
	return slots, nil
}

// ApplyPeak takes a case's application to a draw.
type ApplyPeak struct {
	domain.Act
	Case   uuid.UUID
	Kind   institution.ResourceKind
	Day    domain.Date
	Wishes []string // slots by name, the dearest first; empty: take the application back
}

// ApplyPeak looks up whether the family may arrange for the case and asks the
// draw. One stream is written.
func (a *App) ApplyPeak(ctx context.Context, c ApplyPeak) (events.Receipt, error) {
	s, err := a.arranged(ctx, c.Case, c.Now)
	if err != nil {
		return events.Receipt{}, err
	}
	p := Peak{s.Institution, c.Kind, c.Day}
	if err := p.check(); err != nil {
		return events.Receipt{}, err
	}
	if len(c.Wishes) == 0 {
		return a.Peaks.Handle(ctx, p.Key(), schedule.WithdrawApplication{Act: c.Act, Case: c.Case.String()})
	}
	return a.Peaks.Handle(ctx, p.Key(), schedule.Apply{Act: c.Act, Case: c.Case.String(), Wishes: c.Wishes})
}

// arranged is a case that goes on and whose handler may arrange it today.
func (a *App) arranged(ctx context.Context, caseID uuid.UUID, now time.Time) (booking.State, error) {
	s, _, err := a.Cases.Load(ctx, caseID.String())
	switch {
	case err != nil:
		return s, err
	case !s.Exists():
		return s, booking.ErrNotOpened
	case s.Cancelled || s.Closed:
		return s, booking.ErrEnded
	}
	return s, s.May(booking.Arrange, domain.DateOf(now))
}

// DrawPeak opens the seed and gives the slots away.
type DrawPeak struct {
	domain.Act
	Peak
	Seed, Salt string
}

// DrawPeak runs: draw → settle. A crash after the draw leaves slots that are
// given away and still blocked (policy: a draw is settled).
func (a *App) DrawPeak(ctx context.Context, c DrawPeak) (events.Receipt, error) {
	if err := c.Peak.check(); err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Peaks.Handle(ctx, c.Key(), schedule.DrawSlots{Act: c.Act, Seed: c.Seed, Salt: c.Salt})
	if err != nil {
		return rc, err
	}
	return rc, a.SettleDraw(ctx, c.Act, c.Key())
}

// SettleDraw gives each drawn slot to its case, for good, and opens the others
// to everybody. A winner that has ended, or has another slot there by now, goes
// without; its slot is opened. What was settled before is left alone, whatever
// became of it. id is that of the draw's stream.
func (a *App) SettleDraw(ctx context.Context, act domain.Act, id string) error {
	s, _, err := a.Peaks.Load(ctx, id)
	if err != nil || s.Drawn == nil {
		return err
	}
	p := SplitPeak(id)
	in, _, err := a.Institutions.Load(ctx, p.Institution)
	if err != nil {
		return err
	}
	winner := map[string]string{}
	for _, r := range s.Drawn.Result {
		winner[r.Slot] = r.Case
	}
	for _, x := range s.Announced.Slots {
		if err := a.settle(ctx, act, p, in, x, winner[x.Name()]); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) settle(ctx context.Context, act domain.Act, p Peak, in institution.State, x schedule.PeakSlot, winner string) error {
	day, name := p.day(x.Resource), schedule.SlotName(x.Start)
	d, _, err := a.Days.Load(ctx, day)
	if err != nil {
		return err
	}
	waits := slices.ContainsFunc(d.Blocks, func(b schedule.Blocked) bool { return b.Block == forDraw(name) })
	if waits && winner != "" {
		c, _, err := a.Cases.Load(ctx, winner)
		if err != nil {
			return err
		}
		if c.Cancelled || c.Closed {
			winner = ""
		}
	}
	if waits && winner != "" {
		_, err := a.Days.Handle(ctx, day, schedule.Hold{Act: step(act, "hold "+x.Name()), Start: x.Start, Minutes: int(x.End.Sub(x.Start) / time.Minute), Case: winner,
			Until: act.Now.Add(drawnFor), Hours: openHours(in, x.Resource, p.Day), Block: forDraw(name)})
		if _, refused := errors.AsType[*domain.Rejection](err); refused {
			winner = ""
		} else if err != nil {
			return err
		}
		if d, _, err = a.Days.Load(ctx, day); err != nil {
			return err
		}
	}
	if have, ok := d.Slot(name); ok && have.Case == winner && !have.Confirmed && !have.Lapsed(act.Now) {
		if _, err := a.Days.Handle(ctx, day, schedule.Confirm{Act: step(act, "confirm "+x.Name()), Slot: name, Case: winner}); err != nil {
			return err
		}
	}
	if caseID, err := uuid.Parse(winner); err == nil {
		return a.SyncSlots(ctx, step(act, "sync "+x.Name()), day, caseID)
	}
	_, err = a.Days.Handle(ctx, day, schedule.Unblock{Act: step(act, "open "+x.Name()), Block: forDraw(name)})
	return err
}

// A DrawRecord is everything that recomputing a draw takes, and what was
// published of it.
type DrawRecord struct {
	Institution  string               `json:"institution"`
	Kind         string               `json:"kind"`
	Day          domain.Date          `json:"day"`
	Slots        []string             `json:"slots" nullable:"false"`
	Commitment   string               `json:"commitment" doc:"SHA-256 of seed and salt, published before anybody could apply."`
	Closes       time.Time            `json:"closes"`
	Applied      int                  `json:"applied" doc:"How many cases applied."`
	Applications []DrawApplication    `json:"applications,omitzero" doc:"From the closing on." nullable:"false"`
	Seed         string               `json:"seed,omitzero"`
	Salt         string               `json:"salt,omitzero"`
	Order        []string             `json:"order,omitzero" doc:"Cases in the order in which they chose." nullable:"false"`
	Result       []schedule.DrawnSlot `json:"result,omitzero" nullable:"false"`
}

// A DrawApplication is what one case wished for. The case is named by its id
// alone, which tells nobody who it is.
type DrawApplication struct {
	Case   string   `json:"case"`
	Wishes []string `json:"wishes" nullable:"false"`
}

// Drawn is the record of a draw for the public; ErrNotFound where none was
// announced. Applications are in it once they are closed, so that whoever keeps
// a copy sees that none came later.
func (a *App) Drawn(ctx context.Context, p Peak, now time.Time) (DrawRecord, error) {
	if err := p.check(); err != nil {
		return DrawRecord{}, ErrNotFound
	}
	s, _, err := a.Peaks.Load(ctx, p.Key())
	if err != nil {
		return DrawRecord{}, err
	}
	if s.Announced == nil {
		return DrawRecord{}, ErrNotFound
	}
	r := DrawRecord{Institution: p.Institution, Kind: string(p.Kind), Day: p.Day, Slots: s.Names(), Commitment: s.Announced.Commitment, Closes: s.Announced.Closes, Applied: len(s.Applications)}
	if !now.Before(s.Announced.Closes) {
		for _, x := range s.Applications {
			r.Applications = append(r.Applications, DrawApplication(x))
		}
	}
	if d := s.Drawn; d != nil {
		r.Seed, r.Salt, r.Order, r.Result = d.Seed, d.Salt, d.Order, d.Result
	}
	return r, nil
}

// A DrawDifference is one line of a draw's record that does not come out.
type DrawDifference struct {
	Part                  string // commitment, applied, order or result
	Line                  int    // from 1
	Published, Recomputed string // "" where there is no such line
}

// Differences draws again from the record and names each line that does not
// come out as it was published; none when all of it does.
func (r DrawRecord) Differences() []DrawDifference {
	var as []schedule.Application
	for _, x := range r.Applications {
		as = append(as, schedule.Application(x))
	}
	lines := func(result []schedule.DrawnSlot) (ls []string) {
		for _, x := range result {
			ls = append(ls, x.Case+" "+x.Slot)
		}
		return ls
	}
	order, result := schedule.Draw(r.Seed, r.Salt, as, r.Slots)
	return slices.Concat(
		differing("commitment", []string{r.Commitment}, []string{schedule.Commitment(r.Seed, r.Salt)}),
		differing("applied", []string{strconv.Itoa(r.Applied)}, []string{strconv.Itoa(len(r.Applications))}),
		differing("order", r.Order, order),
		differing("result", lines(r.Result), lines(result)))
}

// differing names the lines of one part that are not what they were published as.
func differing(part string, published, recomputed []string) (ds []DrawDifference) {
	for i := range max(len(published), len(recomputed)) {
		d := DrawDifference{Part: part, Line: i + 1}
		if i < len(published) {
			d.Published = published[i]
		}
		if i < len(recomputed) {
			d.Recomputed = recomputed[i]
		}
		if d.Published != d.Recomputed {
			ds = append(ds, d)
		}
	}
	return ds
}
