package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/handlers"
)

// vesselSeats is what the demo operators' vessels are licensed for.
const vesselSeats = 40

// sailLane begins the names of the lanes that are an operator's voyages. They
// come after the cases whose ashes they carry.
const sailLane = "voyage."

// A sailing is one planned voyage.
type sailing struct {
	n       int
	at      *site
	number  string
	departs time.Time
	booked  []*funeral // who books, in the order of application
	storm   bool       // cancelled on the morning
	instead []string
}

// sailings puts every set of ashes that goes to sea on a voyage of its operator:
// on Saturdays, as many voyages as it takes. In a few of them the weather does
// not allow it; their families are offered seats on the next two.
func (p *plan) sailings() []*sailing {
	var out []*sailing
	for i, at := range p.city.sea {
		var fs []*funeral
		for _, f := range p.funerals {
			if f.rest.at == at && f.rest.eco == "SEA" && f.cancels == "" && !f.rest.withdrawn {
				fs = append(fs, f)
			}
		}
		slices.SortFunc(fs, func(a, b *funeral) int { return cmp.Or(a.rest.end.Compare(b.rest.end), cmp.Compare(a.n, b.n)) })
		first, seats := len(out), 0
		for _, f := range fs {
			day := domain.DateOf(f.rest.end).AddDays(1)
			for day.Start().Weekday() != time.Saturday {
				day = day.AddDays(1)
			}
			departs := day.Start().Add(9 * time.Hour)
			var last *sailing
			if len(out) > first {
				last = out[len(out)-1]
			}
			// A quarter of the seats is kept for families of a cancelled voyage.
			if last == nil || !last.departs.Equal(departs) || seats+3 > vesselSeats*3/4 {
				k := 1
				if last != nil && last.departs.Equal(departs) {
					k = atoi(last.number[strings.LastIndexByte(last.number, '-')+1:]) + 1
				}
				last = &sailing{n: len(out), at: at, number: fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(string(day), "-", ""), i+1, k), departs: departs}
				out, seats = append(out, last), 0
			}
			last.booked = append(last.booked, f)
			seats += max(1, f.relatives())
		}
		for j := first; j < len(out); j++ {
			r := rand.New(rand.NewPCG(p.seed, 1<<41+uint64(out[j].n)))
			if out[j].storm = chance(r, 6) && j+1 < len(out); out[j].storm {
				for _, next := range out[j+1:] {
					if next.departs.After(out[j].departs) && len(out[j].instead) < 2 {
						out[j].instead = append(out[j].instead, next.number)
					}
				}
			}
		}
	}
	return out
}

func atoi(s string) (n int) { fmt.Sscanf(s, "%d", &n); return n }

// relatives is how many come along.
func (f *funeral) relatives() int { return f.n % (ecoburial.MostRelatives + 1) }

func (x *sailing) steps(yield func(time.Time, stepKind)) {
	yield(x.departs.AddDate(0, 0, -21), stepVoyage)
	yield(x.departs.Add(-20*time.Hour), stepSeats)
	if x.storm {
		yield(x.departs.Add(-3*time.Hour), stepStorm)
		yield(x.departs.Add(5*time.Hour), stepOffers)
		return
	}
	yield(x.departs, stepDepart)
	yield(x.departs.Add(70*time.Minute), stepScatter)
	yield(x.departs.Add(3*time.Hour), stepEnd)
	yield(workingHours(x.departs.AddDate(0, 0, 3)), stepIncentives)
	yield(workingHours(x.departs.AddDate(0, 0, 6)), stepPayments)
}

func (x *sailing) step(ctx context.Context, s *simulation, kind stepKind, at time.Time) (err error) {
	app := s.app
	act := func(part, by string) domain.Act {
		return domain.Act{ID: uuid.NewSHA1(simSpace, fmt.Appendf(nil, "%s %d %s", x.number, kind, part)), By: by, Now: at, At: at}
	}
	eco := x.at.staff("eco", 1)
	// aboard lists the burials of the manifest with their funerals.
	each := func(do func(f *funeral, burial uuid.UUID) error) error {
		v, _, err := app.Voyages.Load(ctx, x.number)
		if err != nil {
			return err
		}
		for _, r := range v.Departed.Manifest {
			if err := do(s.byBurial[r.Burial], r.Burial); err != nil {
				return err
			}
		}
		return nil
	}
	switch kind {
	case stepVoyage:
		_, err = app.OpenVoyage(ctx, handlers.OpenVoyage{OpenVoyage: ecoburial.OpenVoyage{Act: act("", eco), Number: x.number, Operator: x.at.code(), Vessel: "ship-1", Seats: vesselSeats,
			SeaArea: "演示海域一", Pier: "演示码头", Division: x.at.reg.Division, Departs: x.departs}})
	case stepSeats:
		for _, f := range x.booked {
			if _, err := app.BookVoyage(ctx, handlers.BookVoyage{Act: act(f.rest.burial.String(), eco), Burial: f.rest.burial, Voyage: x.number, Relatives: f.relatives()}); err != nil && !errors.Is(err, ecoburial.ErrVoyageFull) {
				return err // where families of a cancelled voyage took the seats, these wait
			}
		}
	case stepStorm:
		_, err = app.CancelVoyage(ctx, handlers.CancelVoyage{Voyage: x.number, CancelVoyage: ecoburial.CancelVoyage{Act: act("", eco), Reason: ecoburial.Weather,
			Document: "演示：海浪预报 " + string(domain.DateOf(at)), Instead: x.instead}})
	case stepOffers:
		v, _, err := app.Voyages.Load(ctx, x.number)
		if err != nil {
			return err
		}
		for _, b := range v.Bookings {
			if n := v.Notices[b.Burial]; n.To != "" {
				if _, err := app.Voyages.Handle(ctx, n.To, ecoburial.TakeOffer{Act: act(b.Burial.String(), eco), Burial: b.Burial}); err != nil {
					return err
				}
			}
		}
	case stepDepart:
		v, _, err := app.Voyages.Load(ctx, x.number)
		if err != nil {
			return err
		}
		c := handlers.DepartVoyage{Act: act("", eco), Voyage: x.number}
		for _, b := range v.Bookings {
			c.Aboard = append(c.Aboard, ecoburial.Boarding{Burial: b.Burial, Relatives: b.Relatives})
		}
		_, err = app.DepartVoyage(ctx, c)
		return err
	case stepScatter:
		return each(func(_ *funeral, burial uuid.UUID) error {
			_, err := app.ScatterAshes(ctx, handlers.ScatterAshes{Act: act(burial.String(), eco), Voyage: x.number, Burial: burial, Degradable: true})
			return err
		})
	case stepEnd:
		_, err = app.Voyages.Handle(ctx, x.number, ecoburial.EndVoyage{Act: act("", eco)})
	case stepIncentives:
		return each(func(f *funeral, burial uuid.UUID) error {
			if !f.incentive(x.departs) {
				_, err := app.ComputeIncentive(ctx, act(burial.String(), "regulator-0501"), burial)
				return err
			}
			_, err := app.GrantIncentive(ctx, handlers.GrantIncentive{Act: act(burial.String(), "regulator-0501"), Burial: burial})
			return err
		})
	case stepPayments:
		return each(func(f *funeral, burial uuid.UUID) error {
			if !f.incentive(x.departs) {
				return nil
			}
			_, err := app.PayIncentive(ctx, handlers.PayIncentive{Act: act(burial.String(), "regulator-0502"), Burial: burial,
				Payment: fmt.Sprintf("演示拨付〔%s〕%d号", domain.DateOf(at).Year(), f.n+1), Amount: domain.Yuan(400)})
			return err
		})
	default:
		return fmt.Errorf("step %d is not one of a voyage", kind)
	}
	return err
}

// incentive says that the sea-burial incentive pays for a burial at that time.
func (f *funeral) incentive(at time.Time) bool {
	return f.dead.hukou.In("210200") && domain.DateOf(at) >= seaIncentive
}
