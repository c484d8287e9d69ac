package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/handlers"
)

// A place is where a case stands on one day's waiting list.
type place struct {
	Day    domain.Date
	Kind   institution.ResourceKind
	Before int // families before it
	Offer  *schedule.Offered
	Hall   Text // that is offered; empty: the cremation alone
	Passed int  // times that passed by the family
}

// A peakDay is a day whose times are drawn.
type peakDay struct {
	handlers.DrawRecord
	At     string // address of the public record
	Open   bool   // applications are taken
	Slots  []schedule.PeakSlot
	Wishes []string // of this case
	Won    string   // the slot that it drew
	Drawn  bool
}

// Wish is the n-th wish of the case, from 0; empty where there is none.
func (p peakDay) Wish(n int) string {
	if n < len(p.Wishes) {
		return p.Wishes[n]
	}
	return ""
}

// maxWishes is how many times a family may name for a draw on the page.
const maxWishes = 3

// drawnAhead is how many days ahead the page looks for draws: announcements of
// 清明 and 冬至 come weeks before.
const drawnAhead = 45

// trackWait is the page of waiting lists and draws.
type trackWait struct {
	At, Back string
	Now      time.Time
	Hall     string
	Places   []place
	Days     []bookDay // that may be waited for
	Peaks    []peakDay
	Minutes  int // in which an offer is answered
	Why      Text
	Nothing  bool // no day was chosen
	Refused  Text
}

// Parts are the parts of a day that may be wished for.
func (trackWait) Parts() []string { return []string{"any", "morning", "afternoon"} }

// Wishes counts the wishes that may be named.
func (trackWait) Wishes() []int { return []int{0, 1, 2} }

// waitsFor is the kind of resource whose list a case waits on: the hall decides,
// where there is a farewell.
func waitsFor(w handlers.Ceremony) institution.ResourceKind {
	if w.Hall != "" {
		return institution.Hall
	}
	return institution.Furnace
}

// places are the lists that the case stands on.
func (f *Families) places(v *asked, c followed, days int) (ps []place, err error) {
	for n := range days + 1 {
		for _, kind := range []institution.ResourceKind{institution.Hall, institution.Furnace} {
			p := place{Day: domain.DateOf(v.now).AddDays(n), Kind: kind}
			s, _, err := f.app.Waits.Load(v.ctx(), handlers.Peak{Institution: string(c.in.CreditCode), Kind: kind, Day: p.Day}.Key())
			if err != nil {
				return nil, err
			}
			if p.Before = s.Place(c.id.String()); p.Before < 0 {
				continue
			}
			p.Passed = len(s.List[p.Before].Passed)
			if o, ok := s.OpenOffer(c.id.String()); ok && v.now.Before(o.Until) {
				p.Offer = &o
				if r, ok := c.in.Resource(o.Resource); ok && r.Kind == institution.Hall {
					p.Hall = Text{r.NameZh, r.NameEn}
				}
			}
			ps = append(ps, p)
		}
	}
	return ps, nil
}

// peaks are the draws that were announced for the days ahead.
func (f *Families) peaks(v *asked, c followed) (ps []peakDay, err error) {
	for n := range drawnAhead + 1 {
		for _, kind := range []institution.ResourceKind{institution.Hall, institution.Furnace} {
			at := handlers.Peak{Institution: string(c.in.CreditCode), Kind: kind, Day: domain.DateOf(v.now).AddDays(n)}
			s, _, err := f.app.Peaks.Load(v.ctx(), at.Key())
			if err != nil {
				return nil, err
			}
			if s.Announced == nil {
				continue
			}
			p := peakDay{At: drawAddress(at), Slots: s.Announced.Slots, Drawn: s.Drawn != nil, Open: s.Drawn == nil && v.now.Before(s.Announced.Closes)}
			if p.DrawRecord, err = f.app.Drawn(v.ctx(), at, v.now); err != nil {
				return nil, err
			}
			for _, a := range s.Applications {
				if a.Case == c.id.String() {
					p.Wishes = a.Wishes
				}
			}
			for _, r := range p.Result {
				if r.Case == c.id.String() {
					p.Won = r.Slot
				}
			}
			ps = append(ps, p)
		}
	}
	return ps, nil
}

func drawAddress(p handlers.Peak) string {
	return "/draw/" + p.Institution + "/" + string(p.Kind) + "/" + string(p.Day)
}

func (f *Families) waitPage(v *asked, c followed) error {
	return f.showWait(v, c, http.StatusOK, trackWait{})
}

func (f *Families) showWait(v *asked, c followed, status int, p trackWait) error {
	w, _ := ceremony(c)
	p.At, p.Back, p.Now, p.Hall = c.at("/wait"), c.at(""), v.now, w.Hall
	params, err := f.app.ParametersOf(v.ctx(), c.in)
	if err != nil {
		return err
	}
	p.Minutes = params.Int(institution.OfferMinutes)
	if err := f.app.MayChange(v.ctx(), c.story.Case, c.story.Cremation, v.now); err != nil {
		r, ok := errors.AsType[*domain.Rejection](err)
		if !ok {
			return err
		}
		p.Why = Text{r.Text("zh"), r.Text("en")}
		return f.answer(v, http.StatusUnprocessableEntity, "track-wait", "/track", p)
	}
	days := params.Int(institution.BookingDays)
	if p.Places, err = f.places(v, c, days); err != nil {
		return err
	}
	if p.Peaks, err = f.peaks(v, c); err != nil {
		return err
	}
	for n := range days + 1 {
		day := bookDay{Date: domain.DateOf(v.now).AddDays(n), Days: n}
		if slices.ContainsFunc(p.Places, func(x place) bool { return x.Day == day.Date && x.Kind == waitsFor(w) }) {
			continue
		}
		ts, err := f.app.Times(v.ctx(), c.in, w.Hall, day.Date, v.now, c.id)
		if err != nil {
			return err
		}
		for _, t := range ts {
			if t.State == handlers.TimeFree {
				day.Free++
			} else {
				day.Full++
			}
		}
		if day.Full > 0 {
			p.Days = append(p.Days, day)
		}
	}
	return f.answer(v, status, "track-wait", "/track", p)
}

// wait is POST …/wait: join, leave, take or decline; apply to a draw, or take
// the application back.
func (f *Families) wait(v *asked, c followed) error {
	w, _ := ceremony(c)
	day := domain.Date(v.r.PostForm.Get("day"))
	if !day.Valid() {
		return f.showWait(v, c, http.StatusUnprocessableEntity, trackWait{Nothing: true})
	}
	kind := institution.ResourceKind(v.r.PostForm.Get("kind"))
	if kind != institution.Hall && kind != institution.Furnace {
		kind = waitsFor(w)
	}
	on := handlers.OnList{Act: v.act(uuid.New()), Case: c.id, Kind: kind, Day: day}
	var err error
	if err = f.app.MayChange(v.ctx(), c.story.Case, c.story.Cremation, v.now); err == nil {
		switch v.r.PostForm.Get("do") {
		case "join":
			wish := schedule.Wish{}
			switch v.r.PostForm.Get("part") {
			case "morning":
				wish.Until = "11:59"
			case "afternoon":
				wish.From = "12:00"
			}
			_, err = f.app.JoinWait(v.ctx(), handlers.JoinWait{Act: on.Act, Case: c.id, Kind: kind, Day: day, Wish: wish, Item: w.Hall})
		case "leave":
			_, err = f.app.LeaveWait(v.ctx(), on, schedule.ByItself)
		case "no":
			_, err = f.app.DeclineOffer(v.ctx(), on)
		case "yes":
			rc, took := f.app.TakeOffer(v.ctx(), on)
			if err = took; err == nil {
				f.app.Follow(v.ctx(), rc)
				return v.to(c.at(""))
			}
		case "apply", "withdraw":
			var wishes []string
			for _, x := range v.r.PostForm["wish"] {
				if x != "" && !slices.Contains(wishes, x) && len(wishes) < maxWishes {
					wishes = append(wishes, x)
				}
			}
			if v.r.PostForm.Get("do") == "withdraw" {
				wishes = nil
			} else if len(wishes) == 0 {
				return f.showWait(v, c, http.StatusUnprocessableEntity, trackWait{Nothing: true})
			}
			_, err = f.app.ApplyPeak(v.ctx(), handlers.ApplyPeak{Act: on.Act, Case: c.id, Kind: kind, Day: day, Wishes: wishes})
		default:
			return handlers.ErrInvalid
		}
	}
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		return f.showWait(v, c, http.StatusUnprocessableEntity, trackWait{Refused: Text{r.Text("zh"), r.Text("en")}})
	}
	if err != nil {
		return err
	}
	return v.to(c.at("/wait"))
}

// drawPage is the public record of a draw, with what it takes to draw again.
type drawPage struct {
	handlers.DrawRecord
	Now   time.Time
	Home  Text
	File  string // address of the record for programs
	Open  bool
	Drawn bool
}

// draw is GET /draw/{institution}/{kind}/{day}. Cases are named by their ids,
// which tell nobody who they are.
func (f *Families) draw(v *asked) error {
	at := handlers.Peak{Institution: chi.URLParam(v.r, "institution"), Kind: institution.ResourceKind(chi.URLParam(v.r, "kind")), Day: domain.Date(chi.URLParam(v.r, "day"))}
	rec, err := f.app.Drawn(v.ctx(), at, v.now)
	if err != nil {
		return err
	}
	in, _, err := f.app.Institutions.Load(v.ctx(), at.Institution)
	if err != nil {
		return err
	}
	p := drawPage{DrawRecord: rec, Now: v.now, Home: Text{in.NameZh, in.NameEn}, File: "/api/v1/draws/" + at.Institution + "/" + string(at.Kind) + "/" + string(at.Day),
		Drawn: rec.Seed != "", Open: rec.Seed == "" && v.now.Before(rec.Closes)}
	return f.answer(v, http.StatusOK, "draw", "/book", p)
}
