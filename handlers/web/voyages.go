package web

import (
	"cmp"
	"context"
	"database/sql"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/voyages"
)

// Voyages implements FamilySource and DeskSource.
func (m *ReadModels) Voyages(ctx context.Context, from, until time.Time, operator domain.CreditCode) (vs []voyages.Voyage, asOf AsOf, err error) {
	asOf, err = m.look(ctx, voyages.Name, func(tx *sql.Tx) (err error) {
		vs, err = voyages.Reader{DB: tx}.Between(ctx, from, until, operator)
		return err
	})
	return vs, asOf, err
}

// voyagesAhead is how far ahead the public page looks.
const voyagesAhead = 180 * 24 * time.Hour

// A voyagesPage lists the voyages that are to come.
type voyagesPage struct {
	Days      []voyageDay
	Incentive *ecoburial.IncentiveRule // nil: none pays for a sea burial today
	Most      int                      // relatives that come along
	Pause     int                      // hours before the second consent
	Now       time.Time
	AsOf      AsOf
}

type voyageDay struct {
	Day     domain.Date
	Voyages []voyages.Voyage
}

func (f *Families) voyages(v *asked) error {
	vs, asOf, err := f.data.Voyages(v.ctx(), v.now, v.now.Add(voyagesAhead), "")
	if err != nil {
		return err
	}
	p := voyagesPage{AsOf: asOf, Now: v.now}
	for _, x := range vs {
		if x.State != voyages.Open && x.State != voyages.Cancelled {
			continue
		}
		day := domain.DateOf(x.Departs)
		if n := len(p.Days); n == 0 || p.Days[n-1].Day != day {
			p.Days = append(p.Days, voyageDay{Day: day})
		}
		d := &p.Days[len(p.Days)-1]
		d.Voyages = append(d.Voyages, x)
	}
	rules, err := f.app.IncentiveRules(v.ctx())
	if err != nil {
		return err
	}
	if r, ok := ecoburial.RuleFor(rules, "SEA", domain.DateOf(v.now), handlers.City); ok {
		p.Incentive = &r
	}
	ps, _, err := f.app.ParametersAt(v.ctx(), string(handlers.City))
	if err != nil {
		return err
	}
	p.Most, p.Pause = cmp.Or(ps.Int(institution.VoyageRelatives), ecoburial.MostRelatives), cmp.Or(ps.Int(institution.EcoPauseHours), ecoburial.DefaultPauseHours)
	return f.show(v.w, v.r, "voyages", "/voyages", p, &asOf)
}

// The desk's pages of voyages. Every refusal comes from the deciders.

type voyageList struct {
	Coming, Past []voyages.Voyage
	May          bool // open another
	Vessels      []option
	Token, By    string
	Form         form
	Refused      *handlers.Problem
	AsOf         AsOf
}

// voyagesPast is how far back the desk's list goes.
const voyagesPast = 60 * 24 * time.Hour

func (d *Desk) voyages(v *visit) error {
	return d.showVoyages(v, http.StatusOK, form{}, uuid.Must(uuid.NewV7()).String(), nil)
}

func (d *Desk) showVoyages(v *visit, status int, f form, token string, refused *handlers.Problem) error {
	own := domain.CreditCode("")
	if v.actor.Has(handlers.Eco) {
		own = domain.CreditCode(v.institution())
	}
	now := d.app.Now()
	vs, asOf, err := d.data.Voyages(v.ctx(), now.Add(-voyagesPast), now.Add(2*voyagesAhead), own)
	if err != nil {
		return err
	}
	p := voyageList{Token: token, By: v.actor.ID, Form: f, Refused: refused, AsOf: asOf, May: handlers.Allow(v.actor, "open_voyage", v.institution()) == nil}
	for _, x := range vs {
		if x.Departs.Before(now) && x.State != voyages.Open && x.State != voyages.Departed || x.State == voyages.Ended {
			p.Past = append(p.Past, x)
		} else {
			p.Coming = append(p.Coming, x)
		}
	}
	slices.Reverse(p.Past)
	if p.May {
		in, _, err := d.app.Institutions.Load(v.ctx(), v.institution())
		if err != nil {
			return err
		}
		for _, r := range in.Resources {
			if r.Kind == institution.Vessel && r.RetiredFrom == "" {
				p.Vessels = append(p.Vessels, option{r.Resource, v.in(Text{r.NameZh, r.NameEn}) + " " + strconv.Itoa(r.Capacity)})
			}
		}
	}
	return d.sendAs(v, status, "desk-voyages", "/desk/voyages", p, &asOf)
}

func (d *Desk) openVoyage(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	in, _, err := d.app.Institutions.Load(v.ctx(), v.institution())
	if err != nil {
		return err
	}
	f.check(field{Name: "number", Max: 40}, field{Name: "vessel", Max: 32}, field{Name: "sea_area", Max: 60}, field{Name: "pier", Max: 60})
	c := ecoburial.OpenVoyage{Act: act, Number: f.value("number"), Operator: domain.CreditCode(v.institution()), Vessel: f.value("vessel"), Seats: f.number("seats"),
		SeaArea: f.value("sea_area"), Pier: f.value("pier"), Division: in.Registered.Division, Departs: f.instant("departs")}
	rc, err := events.Receipt{}, f.bad.Or()
	if err == nil {
		rc, err = d.app.OpenVoyage(v.ctx(), handlers.OpenVoyage{OpenVoyage: c})
	}
	if err != nil {
		p := handlers.RequestProblem(v.ctx(), err)
		if p.Status >= 500 {
			return err
		}
		return d.showVoyages(v, p.Status, f, f.Get("token"), p)
	}
	d.settled(v.ctx(), rc)
	v.say(v.text("voyage.opened_said"))
	return see(v, "/desk/voyages/"+c.Number)
}

// A voyagePage is one voyage in front of its staff.
type voyagePage struct {
	Voyage               ecoburial.VoyageState
	Operator             Text
	State                voyages.State
	Rows                 []voyageRow
	Declined             []voyageRow // that said no to an offer, and have no seats
	Applied              []option    // burials that could be booked, by their numbers: none are listed
	Own                  bool        // of this account's own institution
	MaySail, MayEnd      bool
	MayBook              bool
	Full                 bool // names in full: on the manifest
	Others               []voyages.Voyage
	Token, By            string
	Refused              *handlers.Problem
	Now                  time.Time
	Scattered, Back, All int
}

// A voyageRow is one set of ashes on a voyage.
type voyageRow struct {
	ecoburial.SeatsTaken
	Name        string // masked but on the manifest
	Label       string // on the urn, empty where the operator does not have it
	Consented   bool
	Row         int
	Certificate string
	At          time.Time // of the scattering
	Back, Left  bool
	Notice      *ecoburial.NoticeIssued
	// Answer is what the family said to an offer of seats, here or on the voyage
	// that the notice offers; the zero value for nothing yet.
	Answer    ecoburial.OfferAnswered
	Incentive Text // the sentence for the family
	Party     []ecoburial.Passenger
}

// ByFamily says that the family answered on its own page.
func (r voyageRow) ByFamily() bool { return r.Answer.By == handlers.Family }

// Settled says that these ashes need nothing more on this voyage.
func (r voyageRow) Settled() bool { return r.Certificate != "" || r.Back }

func (d *Desk) voyage(v *visit) error {
	return d.showVoyage(v, http.StatusOK, "desk-voyage", uuid.Must(uuid.NewV7()).String(), nil)
}

func (d *Desk) manifest(v *visit) error {
	return d.showVoyage(v, http.StatusOK, "desk-manifest", uuid.Must(uuid.NewV7()).String(), nil)
}

func (d *Desk) loadVoyage(v *visit) (ecoburial.VoyageState, error) {
	s, _, err := d.app.Voyages.Load(v.ctx(), chi.URLParam(v.r, "voyage"))
	if err == nil && s.Opened.Number == "" {
		err = handlers.ErrNotFound
	}
	return s, err
}

func (d *Desk) showVoyage(v *visit, status int, name, token string, refused *handlers.Problem) error {
	s, err := d.loadVoyage(v)
	if err != nil {
		return err
	}
	own := string(s.Opened.Operator)
	full := name == "desk-manifest"
	if full {
		if err := handlers.Allow(v.actor, "depart_voyage", own); err != nil {
			return err
		}
	}
	now := d.app.Now()
	p := voyagePage{Voyage: s, Token: token, By: v.actor.ID, Refused: refused, Now: now, Full: full, State: stateOf(s),
		Own: handlers.Allow(v.actor, "depart_voyage", own) == nil, MayBook: handlers.Allow(v.actor, "book_voyage", v.institution()) == nil}
	in, _, err := d.app.Institutions.Load(v.ctx(), own)
	if err != nil {
		return err
	}
	p.Operator = Text{in.Registered.NameZh, in.Registered.NameEn}
	for _, b := range s.Bookings {
		r, err := d.voyageRow(v, s, b, full)
		if err != nil {
			return err
		}
		if p.Own || r.home(v) {
			p.Rows = append(p.Rows, r.voyageRow)
		}
	}
	for burial, x := range s.Answers {
		if _, booked := s.Booking(burial); booked || x.Taken {
			continue
		}
		r, err := d.voyageRow(v, s, ecoburial.SeatsTaken{Burial: burial}, false)
		if err != nil {
			return err
		}
		if p.Own || r.home(v) {
			p.Declined = append(p.Declined, r.voyageRow)
		}
	}
	slices.SortFunc(p.Declined, func(a, b voyageRow) int {
		return cmp.Or(a.Answer.At.Compare(b.Answer.At), cmp.Compare(a.Burial.String(), b.Burial.String()))
	})
	slices.SortStableFunc(p.Rows, func(a, b voyageRow) int { return cmp.Compare(a.Row, b.Row) })
	p.All, p.Scattered, p.Back = len(s.Departed.Manifest), len(s.Scattered), len(s.Back)
	p.MaySail = p.Own && s.Open()
	p.MayEnd = p.Own && !s.Departed.At.IsZero() && !s.Ended
	if p.MaySail {
		vs, _, err := d.data.Voyages(v.ctx(), s.Opened.Departs, s.Opened.Departs.Add(voyagesAhead), s.Opened.Operator)
		if err != nil {
			return err
		}
		for _, x := range vs {
			if x.State == voyages.Open && x.Number != s.Opened.Number {
				p.Others = append(p.Others, x)
			}
		}
	}
	return d.sendAs(v, status, name, "/desk/voyages", p, nil)
}

func stateOf(s ecoburial.VoyageState) voyages.State {
	switch {
	case s.Ended:
		return voyages.Ended
	case !s.Departed.At.IsZero():
		return voyages.Departed
	case s.Cancelled.Reason != "":
		return voyages.Cancelled
	}
	return voyages.Open
}

// An ownedRow knows whose case it is of.
type ownedRow struct {
	voyageRow
	institution string
}

func (r ownedRow) home(v *visit) bool { return r.institution != "" && v.actor.In(r.institution) }

// voyageRow folds what the page says of one set of ashes. That names are shown
// in full is noted with the case.
func (d *Desk) voyageRow(v *visit, s ecoburial.VoyageState, b ecoburial.SeatsTaken, full bool) (ownedRow, error) {
	r := ownedRow{voyageRow: voyageRow{SeatsTaken: b, Back: s.Back[b.Burial], Left: slices.Contains(s.Departed.Left, b.Burial)}}
	of, _, err := d.app.EcoBurials.Load(v.ctx(), b.Burial.String())
	if err != nil {
		return r, err
	}
	r.Label, r.Consented = of.Received.Label, !of.ConsentedAt.IsZero()
	if n, told := s.Notices[b.Burial]; told {
		r.Notice = &n
	}
	r.Answer = s.Answers[b.Burial]
	if r.Notice != nil && r.Notice.To != "" {
		w, _, err := d.app.Voyages.Load(v.ctx(), r.Notice.To)
		if err != nil {
			return r, err
		}
		r.Answer = w.Answers[b.Burial]
	}
	if i := slices.IndexFunc(s.Departed.Manifest, func(m ecoburial.ManifestRow) bool { return m.Burial == b.Burial }); i >= 0 {
		r.Row = s.Departed.Manifest[i].Row
	}
	if x, done := s.Scattered[b.Burial]; done {
		r.Certificate, r.At = x.Certificate, x.At
		inc, _, err := d.app.Incentives.Load(v.ctx(), string(b.Person))
		if err != nil {
			return r, err
		}
		if inc.Computed.Burial == b.Burial {
			r.Incentive = Text{inc.Computed.Zh, inc.Computed.En}
		}
	}
	if full {
		r.Party = b.Party.Or(nil)
	}
	if of.Applied.Case == uuid.Nil {
		return r, nil
	}
	c, _, err := d.app.Cases.Load(v.ctx(), of.Applied.Case.String())
	if err != nil {
		return r, err
	}
	r.institution = c.Institution
	name := c.Deceased.Name.Or("")
	if !full {
		r.Name = maskName(name)
		return r, nil
	}
	r.Name = name
	look := domain.Act{ID: events.StepID(handlers.RequestID(v.ctx()), "manifest "+b.Burial.String()), By: v.actor.ID, Now: d.app.Now().UTC(), At: d.app.Now().UTC()}
	_, err = d.app.Look(v.ctx(), look, of.Applied.Case, access.Paper, "")
	return r, err
}

// voyageActs are what can be done with a voyage, and who may: at the operator's,
// or where true at the home of the case too.
var voyageActs = map[string]struct {
	op   handlers.Operation
	home bool
	do   func(*Desk, *visit, ecoburial.VoyageState, domain.Act, *form) (events.Receipt, error)
}{
	"book": {"book_voyage", true, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		c := handlers.BookVoyage{Act: act, Burial: f.burial(), Voyage: s.Opened.Number, Relatives: f.number("relatives")}
		for _, name := range strings.FieldsFunc(f.Get("party"), func(r rune) bool { return r == '\n' || r == '、' || r == '，' || r == ',' }) {
			if name = strings.TrimSpace(name); name != "" {
				c.Party = append(c.Party, ecoburial.Passenger{Name: name})
			}
		}
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return d.app.BookVoyage(v.ctx(), c)
	}},
	"accept": {"answer_voyage_offer", true, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.AnswerVoyageOffer(v.ctx(), handlers.AnswerVoyageOffer{Act: act, Burial: f.burial(), Voyage: s.Opened.Number, Take: true})
	}},
	"decline": {"answer_voyage_offer", true, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.AnswerVoyageOffer(v.ctx(), handlers.AnswerVoyageOffer{Act: act, Burial: f.burial(), Voyage: s.Opened.Number})
	}},
	"leave": {"leave_voyage", true, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.LeaveVoyage(v.ctx(), handlers.LeaveVoyage{Act: act, Burial: f.burial(), Voyage: s.Opened.Number})
	}},
	"depart": {"depart_voyage", false, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		c := handlers.DepartVoyage{Act: act, Voyage: s.Opened.Number}
		for _, b := range s.Bookings {
			if f.on("aboard." + b.Burial.String()) {
				c.Aboard = append(c.Aboard, ecoburial.Boarding{Burial: b.Burial, Relatives: f.number("relatives." + b.Burial.String())})
			}
		}
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return d.app.DepartVoyage(v.ctx(), c)
	}},
	"scatter": {"scatter_ashes", false, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.ScatterAshes(v.ctx(), handlers.ScatterAshes{Act: act, Voyage: s.Opened.Number, Burial: f.burial(), Degradable: f.on("degradable")})
	}},
	"back": {"bring_ashes_back", false, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.BringBack(v.ctx(), handlers.BringBack{Act: act, Voyage: s.Opened.Number, Burial: f.burial(), Reason: f.value("reason")})
	}},
	"end": {"end_voyage", false, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, _ *form) (events.Receipt, error) {
		return d.app.Voyages.Handle(v.ctx(), s.Opened.Number, ecoburial.EndVoyage{Act: act})
	}},
	"cancel": {"cancel_voyage", false, func(d *Desk, v *visit, s ecoburial.VoyageState, act domain.Act, f *form) (events.Receipt, error) {
		return d.app.CancelVoyage(v.ctx(), handlers.CancelVoyage{Voyage: s.Opened.Number, CancelVoyage: ecoburial.CancelVoyage{Act: act,
			Reason: ecoburial.CancelReason(f.Get("why")), Document: f.value("document"), Instead: f.Values["instead"]}})
	}},
}

// burial reads which burial is meant; uuid.Nil for none.
func (f *form) burial() uuid.UUID { id, _ := uuid.Parse(f.value("burial")); return id }

func (d *Desk) doVoyage(v *visit) error {
	a, ok := voyageActs[chi.URLParam(v.r, "act")]
	if !ok {
		return handlers.ErrNotFound
	}
	if err := v.form(); err != nil {
		return err
	}
	s, err := d.loadVoyage(v)
	if err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	at := string(s.Opened.Operator)
	if a.home {
		b, _, err := d.app.EcoBurials.Load(v.ctx(), f.burial().String())
		if err != nil {
			return err
		}
		if b.Applied.Case != uuid.Nil {
			c, _, err := d.app.Cases.Load(v.ctx(), b.Applied.Case.String())
			if err != nil {
				return err
			}
			if v.actor.In(c.Institution) {
				at = c.Institution
			}
		}
	}
	if err := handlers.Allow(v.actor, a.op, at); err != nil {
		return err
	}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	if id := f.burial(); id != uuid.Nil { // the page has a form for each
		act.ID = events.StepID(act.ID, id.String())
	}
	if when := f.instant("at"); !when.IsZero() {
		act.At, act.LateReason = when.UTC(), f.value("late")
	}
	f.check(field{Name: "party", Kind: "area"}, field{Name: "reason"}, field{Name: "document", Max: 100}, field{Name: "late", Max: maxLate})
	rc, err := events.Receipt{}, f.bad.Or()
	if err == nil {
		rc, err = a.do(d, v, s, act, &f)
	}
	if err != nil {
		p := handlers.RequestProblem(v.ctx(), err)
		if p.Status >= 500 {
			return err
		}
		return d.showVoyage(v, p.Status, "desk-voyage", f.Get("token"), p)
	}
	d.settled(v.ctx(), rc)
	v.say(v.text("voyage.done"))
	return see(v, "/desk/voyages/"+s.Opened.Number)
}
