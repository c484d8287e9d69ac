package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/width"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

// A bookHome is a funeral home to choose.
type bookHome struct {
	Code     string
	Name     Text
	Division string
	// Cost is the listed price of farewell and cremation; Priced is false where
	// the list does not say. Diff is how much more that is than at the home that
	// is chosen.
	Cost, Diff domain.Money
	Priced     bool
	Compared   bool
	Earliest   time.Time // zero: nothing is free in the days that may be booked
}

// A bookSize is a hall to choose.
type bookSize struct {
	Code   string
	Cost   domain.Money // of farewell and cremation
	Priced bool
}

// A bookDay is one day's times.
type bookDay struct {
	Date       domain.Date
	Days       int // from today
	Times      []handlers.CeremonyTime
	Free, Full int
	Open       bool // shown at once, or folded
}

// bookTime is the first screen: which home, which day, what time.
type bookTime struct {
	Draft     string
	Home      bookHome
	Homes     []bookHome // the others
	Chosen    bool       // the home was chosen, not proposed
	Hall      string
	Sizes     []bookSize
	Days      []bookDay
	Now       time.Time
	Start     time.Time // chosen before
	Minutes   int       // that a time is kept
	Storage   int       // days
	Near      []handlers.Offer
	Lost      time.Time // the time that was wanted and is gone
	Nothing   bool      // no time was marked
	Returning bool      // what was typed is kept
	Full      bool      // some times are taken
	Draws     []peakDay // days whose times are drawn
}

// homes are the institutions that cremate and are licensed, in the order of
// their districts.
func (f *Families) homes(v *asked) ([]institution.State, error) {
	keys, err := f.data.Homes(v.ctx())
	if err != nil {
		return nil, err
	}
	var all []institution.State
	for _, k := range keys {
		in, _, err := f.app.Institutions.Load(v.ctx(), k)
		if err != nil {
			return nil, err
		}
		if in.Exists() && in.LicensedOn(domain.DateOf(v.now)) {
			all = append(all, in)
		}
	}
	slices.SortFunc(all, func(a, b institution.State) int {
		return cmp.Or(cmp.Compare(a.Division, b.Division), cmp.Compare(a.CreditCode, b.CreditCode))
	})
	return all, nil
}

// homeKeys are the keys of homes.
func homeKeys(homes []institution.State) (keys []string) {
	for _, h := range homes {
		keys = append(keys, string(h.CreditCode))
	}
	return keys
}

// timePage is GET /book.
func (f *Families) timePage(v *asked) error {
	f.load(v)
	return f.showTime(v, http.StatusOK, v.r.URL.Query(), bookTime{})
}

// noHall is what the address says of a cremation without a farewell.
const noHall = "none"

// showTime draws the first screen for what q asks: home and hall.
func (f *Families) showTime(v *asked, status int, q url.Values, p bookTime) error {
	homes, err := f.homes(v)
	if err != nil {
		return err
	}
	today := domain.DateOf(v.now)
	key := cmp.Or(q.Get("home"), v.draft.Chosen.Institution)
	i := slices.IndexFunc(homes, func(in institution.State) bool { return string(in.CreditCode) == key })
	p.Chosen = i >= 0
	p.Now, p.Returning = v.now, v.draft.About != nil
	if p.Draft, err = f.sealed(v); err != nil {
		return err
	}
	if len(homes) == 0 {
		return f.answer(v, status, "book-time", "/book", p)
	}
	in := homes[max(i, 0)]
	sizes := handlers.Sizes(in, today)
	hall := q.Get("hall")
	switch {
	case hall == noHall:
		hall = ""
	case hall == "" && v.draft.taken() && q.Get("home") == "":
		hall = v.draft.Chosen.Hall
	case !slices.Contains(sizes, hall):
		hall = ""
		if len(sizes) > 0 {
			hall = sizes[0]
		}
	}
	p.Hall = hall
	params, err := f.app.ParametersOf(v.ctx(), in)
	if err != nil {
		return err
	}
	p.Minutes, p.Storage = params.Int(institution.HoldMinutes), params.Int(institution.StorageDays)
	if p.Home, err = f.home(v, in, hall); err != nil {
		return err
	}
	for _, s := range append(slices.Clone(sizes), "") {
		x := bookSize{Code: s}
		if x.Cost, x.Priced, err = f.app.CeremonyCost(v.ctx(), string(in.CreditCode), s, today); err != nil {
			return err
		}
		p.Sizes = append(p.Sizes, x)
	}
	for _, other := range homes {
		if other.CreditCode == in.CreditCode {
			continue
		}
		h, err := f.home(v, other, fitting(other, hall, today))
		if err != nil {
			return err
		}
		h.Compared = h.Priced && p.Home.Priced
		h.Diff = h.Cost - p.Home.Cost
		p.Homes = append(p.Homes, h)
	}
	if v.draft.taken() && v.draft.Chosen.Institution == string(in.CreditCode) && v.draft.Chosen.Hall == hall {
		p.Start = v.draft.Chosen.Start
	}
	open := 0
	for d := range params.Int(institution.BookingDays) + 1 {
		day := bookDay{Date: today.AddDays(d), Days: d}
		ts, err := f.app.Times(v.ctx(), in, hall, day.Date, v.now, v.draft.Case)
		if err != nil {
			return err
		}
		for _, t := range ts {
			switch t.State {
			case handlers.TimeFull:
				day.Full++
				continue
			case handlers.TimeFree:
				day.Free++
				if t.Start.Equal(p.Start) {
					day.Open = true
				}
			}
			day.Times = append(day.Times, t)
		}
		if day.Free > 0 && open < 2 {
			day.Open = true
			open++
		}
		p.Full = p.Full || day.Full > 0
		if day.Free == 0 {
			for _, kind := range []institution.ResourceKind{institution.Hall, institution.Furnace} {
				at := handlers.Peak{Institution: string(in.CreditCode), Kind: kind, Day: day.Date}
				rec, err := f.app.Drawn(v.ctx(), at, v.now)
				if err == nil && rec.Seed == "" {
					p.Draws = append(p.Draws, peakDay{DrawRecord: rec, At: drawAddress(at)})
				} else if err != nil && !errors.Is(err, handlers.ErrNotFound) {
					return err
				}
			}
		}
		p.Days = append(p.Days, day)
	}
	return f.answer(v, status, "book-time", "/book", p, "home", "hall")
}

// fitting is the hall size as an institution has it; none where it has not.
func fitting(in institution.State, hall string, on domain.Date) string {
	if slices.Contains(handlers.Sizes(in, on), hall) {
		return hall
	}
	return ""
}

func (f *Families) home(v *asked, in institution.State, hall string) (bookHome, error) {
	h := bookHome{Code: string(in.CreditCode), Name: Text{in.NameZh, in.NameEn}, Division: string(in.Division)}
	s, err := f.summary(v.ctx(), in, hall, v.now)
	if err != nil {
		return h, err
	}
	h.Cost, h.Priced = s.cost, s.priced
	if s.has {
		h.Earliest = s.earliest.Start
	}
	return h, nil
}

// takeTime is POST /book: the time that was marked is held.
func (f *Families) takeTime(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	f.load(v)
	q := url.Values{"home": {v.r.PostFormValue("home")}, "hall": {cmp.Or(v.r.PostFormValue("hall"), noHall)}}
	start, err := time.ParseInLocation("2006-01-02T15:04", v.r.PostFormValue("slot"), domain.Shanghai)
	if err != nil {
		return f.showTime(v, http.StatusUnprocessableEntity, q, bookTime{Nothing: true})
	}
	wish := handlers.Ceremony{Institution: q.Get("home"), Start: start.UTC()}
	if h := q.Get("hall"); h != noHall {
		wish.Hall = h
	}
	if err := f.mayTake(v, wish); err != nil {
		return err
	}
	if done, err := f.already(v); done || err != nil {
		return err
	}
	held, err := f.app.HoldCeremony(v.ctx(), v.act(uuid.New()), v.draft.Case, wish, v.draft.Held)
	if errors.Is(err, schedule.ErrSlotTaken) {
		p := bookTime{Lost: wish.Start}
		if p.Near, err = f.near(v, wish); err != nil {
			return err
		}
		return f.showTime(v, http.StatusConflict, q, p)
	}
	if err != nil {
		return err
	}
	v.draft.Chosen, v.draft.Held = wish, held
	if err := f.keep(v); err != nil {
		return err
	}
	if v.draft.About != nil && len(f.wrong(v)) == 0 {
		return v.to("/book/check")
	}
	return v.to("/book/about")
}

// mayTake refuses what no button of ours asks for: another institution than a
// home, or a time beyond the days that may be booked.
func (f *Families) mayTake(v *asked, wish handlers.Ceremony) error {
	homes, err := f.homes(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(homes, func(in institution.State) bool { return string(in.CreditCode) == wish.Institution })
	if i < 0 || wish.Hall != "" && !slices.Contains(handlers.Sizes(homes[i], domain.DateOf(wish.Start)), wish.Hall) {
		return handlers.ErrNotFound
	}
	params, err := f.app.ParametersOf(v.ctx(), homes[i])
	if err != nil {
		return err
	}
	if domain.DateOf(wish.Start) > domain.DateOf(v.now).AddDays(params.Int(institution.BookingDays)) {
		return handlers.ErrNotFound
	}
	return nil
}

// near are the free times around a wish that cannot be had.
func (f *Families) near(v *asked, wish handlers.Ceremony) ([]handlers.Offer, error) {
	homes, err := f.homes(v)
	if err != nil {
		return nil, err
	}
	return f.app.NearestTimes(v.ctx(), wish, homeKeys(homes), v.now, v.draft.Case, 3)
}

// sent says that the draft was sent before, and under which code.
func (f *Families) sent(v *asked) (code string, sent bool, err error) {
	s, _, err := f.app.Cases.Load(v.ctx(), v.draft.Case.String())
	if err != nil || s.Tracking == "" {
		return "", false, err
	}
	return f.app.TrackingCode(v.draft.Case), true, nil
}

// already leads on to the case when the draft was sent before.
func (f *Families) already(v *asked) (done bool, err error) {
	code, sent, err := f.sent(v)
	if err != nil || !sent {
		return false, err
	}
	return true, v.follow(f, code)
}

// follow leads to the page of a case, and forgets the draft.
func (v *asked) follow(f *Families, code string) error {
	f.cookie(v, "", -1)
	return v.to("/track/" + code)
}

// drop is POST /book/drop: the family does not go on.
func (f *Families) drop(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	if f.load(v) {
		if _, sent, err := f.sent(v); err == nil && !sent {
			f.app.DropHolds(v.ctx(), v.act(uuid.New()), v.draft.Case, v.draft.Held) // what stays held ends by itself
		}
	}
	f.cookie(v, "", -1)
	return v.to("/")
}

// An aboutForm is the second screen as it was typed.
type aboutForm struct {
	Name        string `json:"n,omitzero"`
	ID          string `json:"i,omitzero"`
	Kind        string `json:"k,omitzero"`
	Document    string `json:"d,omitzero"`
	Number      string `json:"dn,omitzero"`
	Nationality string `json:"na,omitzero"`
	Death       string `json:"dd,omitzero"`
	Place       string `json:"p,omitzero"`
	Cause       string `json:"c,omitzero"`
	Hukou       string `json:"hk,omitzero"`
	Handler     string `json:"h,omitzero"`
	Relation    string `json:"r,omitzero"`
	Phone       string `json:"ph,omitzero"`
	Relief      string `json:"rf,omitzero"`
}

// bookAbout is the second screen: who died, and who handles it.
type bookAbout struct {
	Draft    string
	Home     Text
	Ceremony handlers.Ceremony
	Until    time.Time // zero: the time is not kept any more
	Now      time.Time
	Form     aboutForm
	Wrong    []wrongField
	Groups   []string
	Today    domain.Date
}

// A wrongField is a field to be looked at again.
type wrongField struct {
	Field string
	Why   Text
}

// Err is what is wrong with a field; empty when nothing is.
func (p bookAbout) Err(field string) Text {
	for _, w := range p.Wrong {
		if w.Field == field {
			return w.Why
		}
	}
	return Text{}
}

// Any says that one of these fields is wrong.
func (p bookAbout) Any(fields ...string) bool {
	return slices.ContainsFunc(p.Wrong, func(w wrongField) bool { return slices.Contains(fields, w.Field) })
}

// The choices of the second screen, in the order of its menus.
var (
	familyCauses = []booking.Cause{booking.NaturalDeath, booking.UnnaturalDeath, booking.UnknownDeath, booking.DeclaredDead}
	// nationalities are those of most foreigners in the city; any other is
	// written down at the desk.
	nationalities = []string{"KOR", "JPN", "RUS", "PRK", "USA", "CAN", "AUS", "GBR", "DEU", "FRA"}
	// unknownBody is a nameless body, which an authority hands over.
	unknownBody = string(booking.UnnamedBody)
	// unnamedInfant is an infant that died before it was named.
	unnamedInfant = "INFANT_UNNAMED"
)

// maxField bounds what may be typed into one field.
const maxField = 60

// readAbout takes the second screen from a request. Numbers come as people paste
// them: with spaces, in full-width digits, with a small x.
func readAbout(r *http.Request) *aboutForm {
	typed := func(name string) string {
		s := strings.TrimSpace(strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return -1
			}
			return c
		}, r.PostFormValue(name)))
		if rs := []rune(s); len(rs) > maxField {
			s = string(rs[:maxField])
		}
		return s
	}
	number := func(name string) string {
		return strings.Map(func(c rune) rune {
			if unicode.IsSpace(c) || c == '-' {
				return -1
			}
			return unicode.ToUpper(c)
		}, width.Narrow.String(typed(name)))
	}
	return &aboutForm{Name: typed("name"), ID: number("id"), Kind: typed("kind"), Document: typed("document"), Number: number("number"), Nationality: typed("nationality"),
		Death: typed("death"), Place: typed("place"), Cause: typed("cause"), Hukou: typed("hukou"), Handler: typed("handler"), Relation: typed("relation"),
		Phone: width.Narrow.String(typed("phone")), Relief: typed("relief")}
}

// aboutPage is GET /book/about.
func (f *Families) aboutPage(v *asked) error {
	if f.load(v); !v.draft.taken() {
		return v.to("/book")
	}
	if done, err := f.already(v); done || err != nil {
		return err
	}
	if v.draft.About != nil && v.r.URL.Query().Has("check") {
		if wrong := f.wrong(v); len(wrong) > 0 {
			return f.showAbout(v, http.StatusUnprocessableEntity, wrong)
		}
	}
	return f.showAbout(v, http.StatusOK, nil)
}

func (f *Families) showAbout(v *asked, status int, wrong []wrongField) error {
	in, _, err := f.app.Institutions.Load(v.ctx(), v.draft.Chosen.Institution)
	if err != nil {
		return err
	}
	p := bookAbout{Home: Text{in.NameZh, in.NameEn}, Ceremony: v.draft.Chosen, Now: v.now, Wrong: wrong,
		Groups: f.app.ReliefGroups(domain.DateOf(v.now)), Today: domain.DateOf(v.now), Form: aboutForm{Kind: string(booking.Resident), Cause: string(booking.NaturalDeath)}}
	if v.draft.About != nil {
		p.Form = *v.draft.About
	}
	until, ok, err := f.app.Holds(v.ctx(), v.draft.Case, v.draft.Held, v.now)
	if err != nil {
		return err
	}
	if ok {
		p.Until = until
	}
	if p.Draft, err = f.sealed(v); err != nil {
		return err
	}
	return f.answer(v, status, "book-about", "/book", p, "check")
}

// takeAbout is POST /book/about.
func (f *Families) takeAbout(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	if f.load(v); !v.draft.taken() {
		return v.to("/book")
	}
	v.draft.About = readAbout(v.r)
	if err := f.keep(v); err != nil {
		return err
	}
	if v.r.PostFormValue("do") == "time" {
		return v.to("/book")
	}
	if done, err := f.already(v); done || err != nil {
		return err
	}
	if len(f.wrong(v)) > 0 {
		// To a page of its own: "back" and "reload" then keep what is typed into it.
		return v.to("/book/about?check=1")
	}
	return v.to("/book/check")
}

// opened is the case that the second screen describes.
func (f *Families) opened(v *asked) booking.Opened {
	a, app := *v.draft.About, f.app
	who := app.Somebody(v.draft.Case, "deceased")
	if id, err := domain.ParseCitizenID(a.ID); err == nil {
		who = app.Person(id)
	}
	d := booking.Deceased{Person: who, DeathDate: domain.Date(a.Death), Hukou: domain.Division(a.Hukou), Kind: booking.Kind(a.Kind)}
	switch a.Kind {
	case unknownBody:
		d.Unnamed = booking.Unidentified
	case unnamedInfant:
		d.Kind, d.Unnamed = booking.Infant, booking.Newborn
	default:
		d.Name = domain.Personal(who, a.Name)
	}
	if a.Kind == string(booking.Resident) {
		d.Kind = "" // it follows from the number
	}
	if a.ID != "" {
		d.CitizenID = domain.Personal(who, domain.CitizenID(a.ID))
	}
	if a.Number != "" {
		kind := booking.DocumentKind(a.Document)
		if kind == "" && len(d.Kind.Documents()) > 0 {
			kind = d.Kind.Documents()[0]
		}
		d.Document = booking.IDDocument{Kind: kind, Number: domain.Personal(who, a.Number)}
	}
	if a.Nationality != "" {
		d.Nationality = domain.Personal(who, a.Nationality)
	}
	kin := app.Somebody(v.draft.Case, "handler")
	h := booking.Handler{Person: kin, Relation: booking.Relation(a.Relation), Name: domain.Personal(kin, a.Handler), Phone: domain.Personal(kin, digits(a.Phone))}
	return booking.Opened{Institution: v.draft.Chosen.Institution, Number: handlers.FamilyNumber(v.draft.Case), Source: booking.Online, Deceased: d, Handler: h}
}

// circumstances are what decides which papers are needed.
func (f *Families) circumstances(v *asked) booking.CircumstancesRecorded {
	who := f.opened(v).Deceased.Person
	c := booking.CircumstancesRecorded{Place: booking.DeathPlace(v.draft.About.Place)}
	if v.draft.About.Cause != "" {
		c.Cause = domain.Personal(who, booking.Cause(v.draft.About.Cause))
	}
	return c
}

// atField is the field of the second screen that a rule's "no" is about.
var atField = map[string]string{
	"citizen_id_invalid": "id", "citizen_id_mismatch": "id", "person_mismatch": "id", "deceased_incomplete": "name", "death_date_invalid": "death",
	"document_invalid": "number", "deceased_kind_mismatch": "kind", "nationality_invalid": "nationality", "unidentified_needs_authority": "relation",
	"handler_incomplete": "handler", "phone_invalid": "phone", "division_invalid": "hukou", "date_invalid": "death", "circumstances_invalid": "place",
}

// wrong asks the case itself whether it would take what was typed, after what
// is plainly missing.
func (f *Families) wrong(v *asked) (ws []wrongField) {
	a := v.draft.About
	if a == nil {
		return []wrongField{{"name", f.both("book.err.name")}}
	}
	add := func(field string, why Text) {
		if !slices.ContainsFunc(ws, func(w wrongField) bool { return w.Field == field }) {
			ws = append(ws, wrongField{field, why})
		}
	}
	if a.Name == "" && a.Kind != unknownBody && a.Kind != unnamedInfant {
		add("name", f.both("book.err.name"))
	}
	if n := len([]rune(a.ID)); n > 0 && n != 18 {
		add("id", f.both("book.err.id_length", n))
	} else if _, err := domain.ParseCitizenID(a.ID); n > 0 && err != nil {
		add("id", f.both("book.err.id_check"))
	}
	if a.Place == "" {
		add("place", f.both("book.err.place"))
	}
	if a.Handler == "" {
		add("handler", f.both("book.err.handler"))
	}
	if a.Relation == "" {
		add("relation", f.both("book.err.relation"))
	}
	if a.Phone == "" {
		add("phone", f.both("book.err.phone"))
	}
	if len(ws) > 0 {
		return ws
	}
	act := v.act(v.draft.Case)
	open := booking.Open{Act: act, Opened: f.opened(v)}
	es, err := booking.Case.Decide(booking.State{}, open)
	if err == nil {
		_, err = booking.Case.Decide(booking.Case.Fold(booking.State{}, es...), booking.RecordCircumstances{Act: act, CircumstancesRecorded: f.circumstances(v)})
	}
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		add(cmp.Or(atField[r.Code], "name"), Text{r.Text("zh"), r.Text("en")})
	} else if err != nil {
		add("name", f.both("book.err.name"))
	}
	return ws
}

// both is a text of ours in both languages.
func (f *Families) both(key string, args ...any) Text {
	zh, _ := f.texts[Zh].text(key, args...) // a test reads every key
	en, _ := f.texts[En].text(key, args...)
	return Text{zh, en}
}

// bookCheck is the third screen: what it will cost, what to bring, and send.
type bookCheck struct {
	Draft    string
	Home     bookHome
	Ceremony handlers.Ceremony
	Size     string
	Minutes  int       // of the farewell
	At       time.Time // of the cremation
	Until    time.Time
	Now      time.Time
	Free     domain.Clock // until when, the day before, changes cost nothing
	Late     bool         // that time has passed already
	Name     string       // of the deceased; empty: unnamed
	Kind     string
	ID       string // masked
	Handler  string
	Relation string
	Phone    string // masked
	Relief   string
	Papers   []booking.Paper
	Estimate handlers.Estimate
	Refused  Text // why there is no relief
	// What keeps it from being sent.
	Lost      bool
	Near      []handlers.Offer
	Unsure    bool // the confirmation was not ticked
	Down      bool // the log cannot be reached
	Different bool // it was sent before with other contents
	Code      string
}

// checkPage is GET /book/check.
func (f *Families) checkPage(v *asked) error {
	f.load(v)
	switch {
	case !v.draft.taken():
		return v.to("/book")
	case v.draft.About == nil:
		return v.to("/book/about")
	}
	if done, err := f.already(v); done || err != nil {
		return err
	}
	if wrong := f.wrong(v); len(wrong) > 0 {
		return f.showAbout(v, http.StatusUnprocessableEntity, wrong)
	}
	return f.showCheck(v, http.StatusOK, bookCheck{})
}

func (f *Families) showCheck(v *asked, status int, p bookCheck) error {
	d, a := v.draft, *v.draft.About
	in, _, err := f.app.Institutions.Load(v.ctx(), d.Chosen.Institution)
	if err != nil {
		return err
	}
	params, err := f.app.ParametersOf(v.ctx(), in)
	if err != nil {
		return err
	}
	o := f.opened(v)
	if p.Home, err = f.home(v, in, d.Chosen.Hall); err != nil {
		return err
	}
	p.Ceremony, p.Size, p.At, p.Now = d.Chosen, d.Chosen.Hall, d.Held.Furnace.Start, v.now
	p.Minutes, p.Free = d.Held.Hall.Minutes, params.Clock(institution.FreeChangeUntil)
	p.Late = v.now.After(handlers.ChangeableUntil(d.Chosen.Start, params))
	p.Name, p.Kind = o.Deceased.Name.Or(""), string(o.Deceased.Class())
	p.ID = mask(cmp.Or(a.ID, a.Number), 4, 4)
	p.Handler, p.Relation, p.Phone, p.Relief = a.Handler, a.Relation, mask(digits(a.Phone), 3, 4), a.Relief
	// The same fold that the case itself will have.
	s := booking.State{Deceased: o.Deceased, Handler: o.Handler, Circumstances: f.circumstances(v)}
	situation := s.Situation(in.Division.City())
	situation.Relief = a.Relief != ""
	p.Papers = booking.Checklist(situation)
	facts := s.ReliefFacts(a.Relief, domain.DateOf(v.now))
	if p.Estimate, err = f.app.Estimate(v.ctx(), d.Chosen, p.At, facts, v.now); err != nil {
		return err
	}
	if r, ok := errors.AsType[*domain.Rejection](p.Estimate.Refused); ok {
		p.Refused = Text{r.Text("zh"), r.Text("en")}
	}
	until, ok, err := f.app.Holds(v.ctx(), d.Case, d.Held, v.now)
	if err != nil {
		return err
	}
	if ok {
		p.Until = until
	}
	if p.Draft, err = f.sealed(v); err != nil {
		return err
	}
	return f.answer(v, status, "book-check", "/book", p)
}

// digits is a telephone number without the gaps that people leave in it.
func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '-' {
			return -1
		}
		return c
	}, s)
}

// mask hides the middle of a number.
func mask(s string, head, tail int) string {
	rs := []rune(s)
	if len(rs) <= head+tail {
		return strings.Repeat("*", len(rs))
	}
	return string(rs[:head]) + strings.Repeat("*", len(rs)-head-tail) + string(rs[len(rs)-tail:])
}

// content is what the sent command is about: a draft that is changed and sent
// again is another command.
func (f *Families) content(v *asked) uuid.UUID {
	b, err := json.Marshal(v.draft.About)
	if err != nil {
		panic(err) // strings
	}
	return uuid.NewSHA1(v.draft.Case, append(b, v.draft.Chosen.Institution...))
}

// send is POST /book/check: the booking is sent.
func (f *Families) send(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	f.load(v)
	switch {
	case !v.draft.taken():
		return v.to("/book")
	case v.draft.About == nil:
		return v.to("/book/about")
	case v.r.PostFormValue("do") == "about":
		if err := f.keep(v); err != nil {
			return err
		}
		return v.to("/book/about")
	}
	if wrong := f.wrong(v); len(wrong) > 0 {
		return f.showAbout(v, http.StatusUnprocessableEntity, wrong)
	}
	if v.r.PostFormValue("ok") == "" {
		return f.showCheck(v, http.StatusUnprocessableEntity, bookCheck{Unsure: true})
	}
	a := v.draft.About
	relief := ""
	if slices.Contains(f.app.ReliefGroups(domain.DateOf(v.now)), a.Relief) {
		relief = a.Relief
	}
	code, rc, err := f.app.BookForFamily(v.ctx(), handlers.FamilyBooking{Act: v.act(f.content(v)), Case: v.draft.Case, Opened: f.opened(v), Ceremony: v.draft.Chosen,
		Held: v.draft.Held, Circumstances: f.circumstances(v), Relief: relief})
	switch {
	case errors.Is(err, schedule.ErrSlotTaken):
		p := bookCheck{Lost: true}
		if p.Near, err = f.near(v, v.draft.Chosen); err != nil {
			return err
		}
		return f.showCheck(v, http.StatusConflict, p)
	case errors.Is(err, booking.ErrOpened):
		code, sent, err := f.sent(v)
		if err != nil {
			return err
		}
		if !sent { // it was sent in part: the desk completes it
			code = ""
		}
		return f.showCheck(v, http.StatusConflict, bookCheck{Different: true, Code: code})
	case errors.Is(err, events.ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		handlers.RequestProblem(v.ctx(), err) // for the log
		return f.showCheck(v, http.StatusServiceUnavailable, bookCheck{Down: true})
	case err != nil:
		return err
	}
	f.app.Follow(v.ctx(), rc)
	return v.follow(f, code)
}
