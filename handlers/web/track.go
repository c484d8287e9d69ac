package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/handlers"
)

// trackRoutes are what a family does with its code. Everything under a code is
// as private as the code: not kept by browsers, not indexed, not found without
// it, and no other site learns the address.
func (f *Families) trackRoutes(r chi.Router) {
	private := func(referrer string, show func(*asked) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Cache-Control", "no-store")
			h.Set("X-Robots-Tag", "noindex, nofollow")
			h.Set("Referrer-Policy", referrer)
			v := &asked{w: w, r: r, now: f.app.Now().UTC(), view: viewOf(w, r)}
			if err := show(v); err != nil {
				f.fail(w, r, err)
			}
		}
	}
	// A page with a form lets the form say where it comes from: without that,
	// browsers that do not send Sec-Fetch-Site could not be told from another site.
	const view, form = "no-referrer", "same-origin"
	r.Get("/track", private(form, f.findPage))
	r.Head("/track", private(form, f.findPage))
	r.Post("/track", private(form, f.find))
	at := func(path string, show, do func(*asked, followed) error) {
		r.Get("/track/{code}"+path, private(form, f.of(show)))
		r.Post("/track/{code}"+path, private(form, f.of(do)))
	}
	r.Get("/track/{code}", private(view, f.of(f.trackPage)))
	r.Head("/track/{code}", private(view, f.of(f.trackPage)))
	at("/change", f.changePage, f.change)
	at("/cancel", f.cancelPage, f.cancel)
	at("/wait", f.waitPage, f.wait)
	at("/offer", f.offerPage, f.takeOffer)
	at("/object", f.objectPage, f.object)
	at("/rate", f.ratePage, f.rate)
}

// followed is a case that somebody has the code of.
type followed struct {
	code  string
	id    uuid.UUID
	story handlers.Story
	in    institution.State
}

// at is an address under the code.
func (c followed) at(path string) string { return "/track/" + c.code + path }

// trackFind asks for a code.
type trackFind struct {
	Typed bool // something was typed that is no code of ours
}

func (f *Families) findPage(v *asked) error {
	return f.answer(v, http.StatusOK, "track-find", "/track", trackFind{})
}

// find is POST /track: the code that was typed.
func (f *Families) find(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	code, ok := handlers.ParseTrackingCode(v.r.PostFormValue("code"))
	if !ok {
		return f.noCode(v)
	}
	if _, err := f.data.Case(v.ctx(), f.app.TrackingHash(code)); err != nil {
		if errors.Is(err, handlers.ErrNotFound) {
			return f.noCode(v)
		}
		return err
	}
	return v.to("/track/" + code)
}

func (f *Families) noCode(v *asked) error {
	handlers.RequestProblem(v.ctx(), handlers.ErrNotFound) // for the log
	return f.answer(v, http.StatusNotFound, "track-find", "/track", trackFind{Typed: true})
}

// of finds the case of the code in the address. What is no code, and a code
// that is not in force any more, are answered alike.
func (f *Families) of(show func(*asked, followed) error) func(*asked) error {
	return func(v *asked) error {
		code, ok := handlers.ParseTrackingCode(chi.URLParam(v.r, "code"))
		if !ok {
			return f.noCode(v)
		}
		c := followed{code: code}
		hash := f.app.TrackingHash(code)
		var err error
		if c.id, err = f.data.Case(v.ctx(), hash); errors.Is(err, handlers.ErrNotFound) {
			return f.noCode(v)
		}
		if err != nil {
			return err
		}
		if c.story, err = f.app.Story(v.ctx(), c.id); err != nil {
			return err
		}
		if c.story.Case.Tracking != hash {
			return f.noCode(v)
		}
		if c.in, _, err = f.app.Institutions.Load(v.ctx(), c.story.Case.Institution); err != nil {
			return err
		}
		if v.r.Method == http.MethodPost {
			if err := v.form(); err != nil {
				return err
			}
		}
		return show(v, c)
	}
}

// A trackStep is one step of the way, done or to come.
type trackStep struct {
	Key   string
	State string // "done", "now", "todo", "unrecorded"
	At    time.Time
	Noted time.Time // when it was written down, where that was much later
	Guess bool
	Plan  time.Time // when it is planned
}

// trackPage is what a family sees.
type trackPage struct {
	Code     string
	Now      time.Time
	Home     Text
	Address  string
	Name     string // of the deceased
	Kind     string
	State    string // what is so now: a key of the texts
	Steps    []trackStep
	Farewell booking.Slot // zero: none
	Hall     Text
	Cremate  booking.Slot
	Papers   []booking.Standing
	Missing  int
	Agreed   *booking.Quoted
	Waiting  *booking.Quoted // a quote without an answer
	Bill     domain.Money    // after relief and refunds
	Paid     domain.Money
	Claimed  bool
	Stopped  bool // by another hold than that of a dispute
	Disputed bool
	Order    []string // of right
	Source   string   // where that order was found
	May      Text     // why it cannot be changed; empty: it can
	Until    time.Time
	Looks    []handlers.Look
	Rate     bool
	Rated    int
	After    bool // the cremation is over
	// Certificate is the number of the valid one, Check the QR code that leads to
	// the public check of it.
	Certificate string
	Check       template.HTML
	Notices     []cremation.Notice // the clocks of ashes in custody
	Places      []place            // on waiting lists
	Phone       string
	Eco         []trackEco
}

// A trackEco is an eco-burial of the case.
type trackEco struct {
	handlers.EcoStory
	ID       uuid.UUID
	At       string // address of the page that answers an offer of seats
	Operator Text
	State    string // of a sea burial: where it stands with its voyage, a key of the texts
	Instead  string // number of the voyage that did not bring it to rest
}

// Name is what the way of burial is called.
func (e trackEco) Name() Text { return Text{e.Type.NameZh, e.Type.NameEn} }

// Ready says that the second consent is waited for and may be given.
func (e trackEco) Ready(now time.Time) bool { return !now.Before(e.ConsentFrom()) }

// ecoOf are the eco-burials of a case: of those that were withdrawn only the
// last, and only where no other followed.
func (f *Families) ecoOf(v *asked, c followed) (all []trackEco, err error) {
	ids, err := f.data.EcoBurials(v.ctx(), c.id)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		e := trackEco{ID: id, At: c.at("/offer")}
		if e.EcoStory, err = f.app.EcoStory(v.ctx(), id, c.story.Case.Deceased.Hukou, v.now); err != nil {
			return nil, err
		}
		if len(all) > 0 && all[len(all)-1].Burial.Withdrawn {
			all = all[:len(all)-1]
		}
		in, _, err := f.app.Institutions.Load(v.ctx(), string(e.Burial.Applied.Institution))
		if err != nil {
			return nil, err
		}
		e.Operator = Text{in.Registered.NameZh, in.Registered.NameEn}
		if e.Burial.Applied.AtSea() {
			e.State = e.atSea(v.now)
		}
		e.Instead = e.Missed.Opened.Number
		all = append(all, e)
	}
	return all, nil
}

// atSea is where a sea burial stands with its voyage.
func (e trackEco) atSea(now time.Time) string {
	_, told := e.Missed.Notices[e.ID]
	switch s := e.Voyage; {
	case e.Burial.Completed.Type != "":
		return "done"
	case s.Opened.Number == "" && e.Missed.Back[e.ID]:
		return "back"
	case s.Opened.Number == "" && told:
		return "nowhere"
	case s.Opened.Number == "":
		return "none"
	case s.Cancelled.Reason != "":
		return "off"
	case !s.Departed.At.IsZero():
		return "sailed"
	case e.Seats.Burial == uuid.Nil:
		return "none"
	case now.Before(e.Seats.Until):
		return "offer"
	case !e.Seats.Until.IsZero():
		return "over"
	}
	return "booked"
}

// trackOffer asks what the family says to the seats that are kept for it after
// its voyage was cancelled.
type trackOffer struct {
	At, Back string
	Now      time.Time
	Offers   []trackEco // that wait for an answer
	Said     []trackEco // that have one
	Nothing  bool       // what was sent is no answer
	Refused  Text
}

func (f *Families) offerPage(v *asked, c followed) error {
	return f.showOffer(v, c, http.StatusOK, trackOffer{})
}

func (f *Families) showOffer(v *asked, c followed, status int, p trackOffer) error {
	p.At, p.Back, p.Now = c.at("/offer"), c.at(""), v.now
	all, err := f.ecoOf(v, c)
	if err != nil {
		return err
	}
	for _, e := range all {
		switch {
		case e.State == "offer":
			p.Offers = append(p.Offers, e)
		case e.Answer.By != "":
			p.Said = append(p.Said, e)
		}
	}
	return f.answer(v, status, "track-offer", "/track", p)
}

// takeOffer is POST …/offer: yes or no to the seats that the page showed. The
// same answer again changes nothing; another one is refused.
func (f *Families) takeOffer(v *asked, c followed) error {
	say := v.r.PostFormValue("do")
	if say != "yes" && say != "no" {
		return f.showOffer(v, c, http.StatusUnprocessableEntity, trackOffer{Nothing: true})
	}
	all, err := f.ecoOf(v, c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(e trackEco) bool { return e.ID.String() == v.r.PostFormValue("burial") })
	if i < 0 {
		return handlers.ErrInvalid
	}
	voyage := v.r.PostFormValue("voyage")
	// The time until which seats were kept tells one offer from a later one.
	id := uuid.NewSHA1(all[i].ID, []byte("voyage "+voyage+" "+say+" "+all[i].Seats.Until.Format(time.RFC3339)))
	rc, err := f.app.AnswerVoyageOffer(v.ctx(), handlers.AnswerVoyageOffer{Act: v.act(id), Burial: all[i].ID, Voyage: voyage, Take: say == "yes"})
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		return f.showOffer(v, c, http.StatusUnprocessableEntity, trackOffer{Refused: Text{r.Text("zh"), r.Text("en")}})
	}
	if err != nil {
		return err
	}
	f.app.Follow(v.ctx(), rc)
	return v.to(c.at(""))
}

func (f *Families) trackPage(v *asked, c followed) error {
	s := c.story
	params, err := f.app.ParametersOf(v.ctx(), c.in)
	if err != nil {
		return err
	}
	p := trackPage{Code: c.code, Now: v.now, Home: Text{c.in.NameZh, c.in.NameEn}, Name: s.Case.Deceased.Name.Or(""), Kind: string(s.Case.Deceased.Class()),
		Agreed: s.Case.Accepted, Paid: s.Case.Paid(), Claimed: s.Case.Claim != nil, Disputed: s.Case.Disputed(), Looks: s.Looks,
		Until: handlers.ChangeUntil(s.Case, params), After: s.Cremation.Done, Phone: params.Value(institution.TransportPhone)}
	p.Bill = s.Case.Charged() - s.Case.Relief()
	if n := len(s.Case.Quotes); n > 0 && s.Case.Unanswered > 0 {
		p.Waiting = &s.Case.Quotes[n-1]
	}
	for _, x := range s.Case.Slots {
		switch x.Kind {
		case string(institution.Hall):
			p.Farewell = x
			if r, ok := c.in.Resource(x.Resource); ok {
				p.Hall = Text{r.NameZh, r.NameEn}
			}
		case string(institution.Furnace):
			p.Cremate = x
		}
	}
	for _, h := range s.Cremation.OpenHolds() {
		p.Stopped = p.Stopped || h.Kind != cremation.HoldDispute
	}
	if p.Disputed {
		p.Order = params.List(institution.OrderOfRight)
		d, _ := institution.Define(institution.OrderOfRight)
		p.Source = d.Document
	}
	if err := f.app.MayChange(v.ctx(), s.Case, s.Cremation, v.now); err != nil {
		r, ok := errors.AsType[*domain.Rejection](err)
		if !ok {
			return err
		}
		p.May = Text{r.Text("zh"), r.Text("en")}
	}
	p.Papers = s.Case.Standing(booking.Checklist(s.Case.Situation(c.in.Division.City())), with(s.Cremation)...)
	if s.Case.Cancelled || s.Cremation.Done {
		p.Papers = slices.DeleteFunc(p.Papers, func(x booking.Standing) bool { return x.Due == "" })
	}
	for _, x := range p.Papers {
		if !x.Have {
			p.Missing++
		}
	}
	if p.May.Zh == "" {
		if p.Places, err = f.places(v, c, params.Int(institution.BookingDays)); err != nil {
			return err
		}
	}
	p.Notices = s.Cremation.Notices(handlers.NoticeSchedule(params))
	p.Certificate = s.Cremation.Certificate
	if p.Check, err = f.verifyCode(v, p.Certificate); err != nil {
		return err
	}
	if p.Eco, err = f.ecoOf(v, c); err != nil {
		return err
	}
	p.Steps, p.State = steps(s, p)
	if p.State == "over" && slices.ContainsFunc(p.Eco, func(e trackEco) bool { return e.Burial.Open() }) {
		p.State = "eco"
	}
	_, given := s.Last(handlers.AshesGiven)
	p.Rate = given && s.Cremation.Released.To != "" && s.Case.Rating == nil
	if s.Case.Rating != nil {
		p.Rated = s.Case.Rating.Level
	}
	return f.answer(v, http.StatusOK, "track", "/track", p)
}

// discreet are the papers whose reason tells of the death or of the family's
// means: under a code, which may be passed on, the page names them and says no
// more.
var discreet = []booking.Code{booking.PolicePaper, booking.CourtPaper, booking.ReliefProof, booking.TransferForm, booking.DisposalNotice}

// with are the papers that the cremation's own stream holds.
func with(c cremation.CremationState) (codes []booking.Code) {
	if c.Death.Form != "" {
		codes = append(codes, booking.DeathPaper, booking.CourtPaper)
	}
	if c.Confirmation.Applicant != "" {
		codes = append(codes, booking.ConfirmationPaper)
	}
	if c.Police.Issuer != "" {
		codes = append(codes, booking.PolicePaper)
	}
	return codes
}

// lateAfter is how much later than it happened something must have been written
// down for the page to say so.
const lateAfter = time.Hour

// steps are the way of this case, and the word for where it is.
func steps(s handlers.Story, p trackPage) (all []trackStep, state string) {
	if s.Case.Cancelled {
		h, _ := s.Last(handlers.WasCancelled)
		b, _ := s.Last(handlers.WasBooked)
		return []trackStep{stepOf("booked", b, "done"), stepOf("cancelled", h, "now")}, "cancelled"
	}
	_, began := s.Last(handlers.FarewellBegan)
	way := []struct {
		key  string
		what handlers.Happened
		is   bool // part of this case's way
		plan time.Time
	}{
		{"booked", handlers.WasBooked, true, time.Time{}},
		{"collected", handlers.WasCollected, s.Cremation.Case == uuid.Nil || s.Custody.Collected.Case != uuid.Nil, time.Time{}},
		{"arrived", handlers.HasArrived, true, time.Time{}},
		{"farewell", handlers.FarewellEnded, p.Farewell.Resource != "" || began, p.Farewell.Start},
		{"confirmed", handlers.WasConfirmed, true, time.Time{}},
		{"cremation", handlers.CremationEnded, true, p.Cremate.Start},
		{"certificate", handlers.HasCertificate, true, time.Time{}},
		{"ashes", handlers.AshesGiven, true, time.Time{}},
	}
	// A step that nobody wrote down is not waited for any more once the cremation
	// is over. Before that it may still come: papers are signed early.
	last := -1
	for i, w := range way {
		if _, done := s.Last(w.what); done && w.is && s.Cremation.Done {
			last = i
		}
	}
	now := false
	for i, w := range way {
		if !w.is {
			continue
		}
		h, done := s.Last(w.what)
		switch {
		case done:
			all = append(all, stepOf(w.key, h, "done"))
			continue
		case w.key == "ashes" && s.Cremation.Done && len(s.Cremation.Shares) > 0 && !kept(s.Cremation):
			h, _ := s.Last(handlers.LaidToRest)
			all = append(all, stepOf("laid", h, "done"))
			continue
		}
		if i < last {
			all = append(all, trackStep{Key: w.key, State: "unrecorded"})
			continue
		}
		x := trackStep{Key: w.key, State: "todo", Plan: w.plan}
		if !now {
			now, x.State, state = true, "now", w.key
		}
		all = append(all, x)
	}
	switch _, out := s.Last(handlers.HandedOut); {
	case out:
		state = "handed_over"
	case !now:
		state = "over"
	case state == "cremation" && !s.Cremation.Started.At.IsZero():
		state = "burning"
	}
	return all, state
}

// kept says that some ashes are still in custody.
func kept(c cremation.CremationState) bool { return len(c.Holdings()) > 0 }

func stepOf(key string, h handlers.Happening, state string) trackStep {
	x := trackStep{Key: key, State: state, At: h.At, Guess: h.Guess}
	if h.At.IsZero() || h.Recorded.Sub(h.At) > lateAfter {
		x.Noted = h.Recorded
	}
	return x
}

// ceremony is what the case has booked, as a wish to be changed.
func ceremony(c followed) (w handlers.Ceremony, cremate time.Time) {
	w.Institution = string(c.in.CreditCode)
	for _, x := range c.story.Case.Slots {
		switch x.Kind {
		case string(institution.Hall):
			w.Start = x.Start
			if r, ok := c.in.Resource(x.Resource); ok {
				w.Hall = handlers.HallSize(r)
			}
		case string(institution.Furnace):
			cremate = x.Start
		}
	}
	if w.Start.IsZero() {
		w.Start = cremate
	}
	return w, cremate
}

// trackChange are the pages of a change: choose, then confirm.
type trackChange struct {
	At      string // address of the page
	Back    string
	Draft   string
	Now     time.Time
	Home    bookHome
	Hall    string
	Days    []bookDay
	Start   time.Time // as it is
	Cremate time.Time
	To      handlers.Ceremony // as it will be; zero while choosing
	ToAt    time.Time         // of the cremation
	Held    handlers.Held
	Until   time.Time
	More    domain.Money // what it costs more, or less
	Known   bool
	Lost    time.Time
	Near    []handlers.Offer
	Nothing bool
	Minutes int
	Why     Text // it cannot be changed
	Late    bool // after this change there is no other online
}

// changeDraft is the change that is being made, sealed in the form.
type changeDraft struct {
	Case    uuid.UUID         `json:"c"`
	Touched time.Time         `json:"t"`
	Command uuid.UUID         `json:"i"`
	To      handlers.Ceremony `json:"w,omitzero"`
	Held    handlers.Held     `json:"h,omitzero"`
}

func (f *Families) changePage(v *asked, c followed) error {
	return f.showChange(v, c, http.StatusOK, changeDraft{Case: c.id, Touched: v.now, Command: uuid.New()}, trackChange{})
}

func (f *Families) showChange(v *asked, c followed, status int, d changeDraft, p trackChange) error {
	w, cremate := ceremony(c)
	p.At, p.Back, p.Now, p.Hall, p.Start, p.Cremate = c.at("/change"), c.at(""), v.now, w.Hall, w.Start, cremate
	p.Home = bookHome{Code: string(c.in.CreditCode), Name: Text{c.in.NameZh, c.in.NameEn}, Division: string(c.in.Division)}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if p.Draft, err = f.app.SealDraft(b); err != nil {
		return err
	}
	if err := f.app.MayChange(v.ctx(), c.story.Case, c.story.Cremation, v.now); err != nil {
		r, ok := errors.AsType[*domain.Rejection](err)
		if !ok {
			return err
		}
		p.Why = Text{r.Text("zh"), r.Text("en")}
		return f.answer(v, http.StatusUnprocessableEntity, "track-change", "/track", p)
	}
	params, err := f.app.ParametersOf(v.ctx(), c.in)
	if err != nil {
		return err
	}
	if d.To.Institution != "" && p.Lost.IsZero() {
		p.Late = v.now.After(handlers.ChangeableUntil(d.To.Start, params))
		return f.answer(v, status, "track-change", "/track", p)
	}
	p.Minutes = params.Int(institution.HoldMinutes)
	open := 0
	for n := range params.Int(institution.BookingDays) + 1 {
		day := bookDay{Date: domain.DateOf(v.now).AddDays(n), Days: n}
		ts, err := f.app.Times(v.ctx(), c.in, w.Hall, day.Date, v.now, c.id)
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
			}
			day.Times = append(day.Times, t)
		}
		if day.Free > 0 && open < 2 {
			day.Open = true
			open++
		}
		p.Days = append(p.Days, day)
	}
	return f.answer(v, status, "track-change", "/track", p)
}

// change is POST …/change: a time was chosen, or the choice confirmed.
func (f *Families) change(v *asked, c followed) error {
	var d changeDraft
	b, ok := f.app.OpenDraft(v.r.PostFormValue("draft"))
	if !ok || json.Unmarshal(b, &d) != nil || d.Case != c.id || v.now.Sub(d.Touched) > draftFor {
		return v.to(c.at("/change"))
	}
	if v.r.PostFormValue("ok") != "" && d.To.Institution != "" {
		rc, err := f.app.ChangeCeremony(v.ctx(), handlers.ChangeCeremony{Act: v.act(d.Command), Case: c.id, Held: d.Held})
		if errors.Is(err, handlers.ErrNoChange) {
			return f.lostChange(v, c, d, d.To)
		}
		if err != nil {
			return err
		}
		f.app.Follow(v.ctx(), rc)
		return v.to(c.at(""))
	}
	start, err := time.ParseInLocation("2006-01-02T15:04", v.r.PostFormValue("slot"), domain.Shanghai)
	if err != nil {
		d.To = handlers.Ceremony{}
		return f.showChange(v, c, http.StatusUnprocessableEntity, d, trackChange{Nothing: true})
	}
	now, cremate := ceremony(c)
	to := handlers.Ceremony{Institution: string(c.in.CreditCode), Hall: now.Hall, Start: start.UTC()}
	if err := f.mayTake(v, to); err != nil {
		return err
	}
	if err := f.app.MayChange(v.ctx(), c.story.Case, c.story.Cremation, v.now); err != nil {
		return f.showChange(v, c, http.StatusUnprocessableEntity, d, trackChange{})
	}
	held, err := f.app.HoldCeremony(v.ctx(), v.act(uuid.New()), c.id, to, d.Held)
	if errors.Is(err, schedule.ErrSlotTaken) {
		return f.lostChange(v, c, d, to)
	}
	if err != nil {
		return err
	}
	d.To, d.Held, d.Command = to, held, uuid.New()
	p := trackChange{To: to, ToAt: held.Furnace.Start, Held: held, Until: held.Until}
	if p.More, p.Known, err = f.more(v, c, now, cremate, to, held.Furnace.Start); err != nil {
		return err
	}
	return f.showChange(v, c, http.StatusOK, d, p)
}

func (f *Families) lostChange(v *asked, c followed, d changeDraft, to handlers.Ceremony) error {
	near, err := f.app.NearestTimes(v.ctx(), to, nil, v.now, c.id, 3)
	if err != nil {
		return err
	}
	d.To = handlers.Ceremony{}
	return f.showChange(v, c, http.StatusConflict, d, trackChange{Lost: to.Start, Near: near})
}

// more is what another time costs more than the one that is booked: the days of
// storage, after relief. There is no fee for the change itself.
func (f *Families) more(v *asked, c followed, now handlers.Ceremony, cremate time.Time, to handlers.Ceremony, at time.Time) (domain.Money, bool, error) {
	if cremate.IsZero() {
		return 0, false, nil
	}
	s := c.story.Case
	category := ""
	switch {
	case s.Grant != nil:
		category = s.Grant.Category.Or("")
	case s.Claim != nil:
		category = s.Claim.Category.Or("")
	}
	facts := s.ReliefFacts(category, domain.DateOf(v.now))
	before, err := f.app.Estimate(v.ctx(), now, cremate, facts, v.now)
	if err != nil {
		return 0, false, err
	}
	after, err := f.app.Estimate(v.ctx(), to, at, facts, v.now)
	return after.Due - before.Due, before.Version > 0 && len(before.Missing) == 0, err
}

// trackCancel asks before it cancels.
type trackCancel struct {
	At, Back string
	Now      time.Time
	Reasons  []booking.Reason
	Nothing  bool // what was sent is no reason of the list
	Why      Text
	InCare   bool
	Until    time.Time
	Bill     domain.Money // for what was done already, after relief
	Paid     domain.Money
	Balance  domain.Money
	Return   domain.Money // to be given back
}

func (f *Families) cancelPage(v *asked, c followed) error {
	return f.showCancel(v, c, http.StatusOK, trackCancel{})
}

func (f *Families) showCancel(v *asked, c followed, status int, p trackCancel) error {
	s := c.story
	params, err := f.app.ParametersOf(v.ctx(), c.in)
	if err != nil {
		return err
	}
	p.At, p.Back, p.Now, p.Reasons = c.at("/cancel"), c.at(""), v.now, booking.CancelReasons
	p.InCare, p.Until = handlers.InCare(s.Cremation, s.Custody), handlers.ChangeUntil(s.Case, params)
	p.Bill, p.Paid, p.Balance = s.Case.Charged()-s.Case.Relief(), s.Case.Paid(), s.Case.Balance()
	p.Return = max(0, -p.Balance)
	if err := f.app.MayChange(v.ctx(), s.Case, s.Cremation, v.now); err != nil {
		r, ok := errors.AsType[*domain.Rejection](err)
		if !ok {
			return err
		}
		p.Why, status = Text{r.Text("zh"), r.Text("en")}, http.StatusUnprocessableEntity
	}
	return f.answer(v, status, "track-cancel", "/track", p)
}

func (f *Families) cancel(v *asked, c followed) error {
	why := cmp.Or(booking.Reason(v.r.PostFormValue("reason")), booking.OtherReason)
	if !slices.Contains(booking.CancelReasons, why) {
		return f.showCancel(v, c, http.StatusUnprocessableEntity, trackCancel{Nothing: true})
	}
	rc, err := f.app.GiveUp(v.ctx(), handlers.GiveUp{Act: v.act(uuid.NewSHA1(c.id, []byte("give up "+slotsOf(c)))), Case: c.id, Reason: why})
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		return f.showCancel(v, c, http.StatusUnprocessableEntity, trackCancel{})
	}
	if err != nil {
		return err
	}
	f.app.Follow(v.ctx(), rc)
	return v.to(c.at(""))
}

// slotsOf names what is given up, so that giving up another time later is
// another command.
func slotsOf(c followed) (s string) {
	for _, x := range c.story.Case.Slots {
		s += x.Resource + string(x.Day) + x.Slot + " "
	}
	return s
}

// trackObject is a relative's objection.
type trackObject struct {
	At, Back              string
	Token                 string
	Name, Phone, Relation string
	Ground                string
	Wrong                 []wrongField
	Order                 []string
	Source                string
	Ended                 bool
}

// Err is what is wrong with a field.
func (p trackObject) Err(field string) Text { return bookAbout{Wrong: p.Wrong}.Err(field) }

// Any says that one of these fields is wrong.
func (p trackObject) Any(fields ...string) bool { return bookAbout{Wrong: p.Wrong}.Any(fields...) }

func (f *Families) objectPage(v *asked, c followed) error {
	return f.showObject(v, c, http.StatusOK, trackObject{Token: uuid.NewString()})
}

func (f *Families) showObject(v *asked, c followed, status int, p trackObject) error {
	params, err := f.app.ParametersOf(v.ctx(), c.in)
	if err != nil {
		return err
	}
	d, _ := institution.Define(institution.OrderOfRight)
	p.At, p.Back, p.Order, p.Source = c.at("/object"), c.at(""), params.List(institution.OrderOfRight), d.Document
	p.Ended = c.story.Case.Cancelled || c.story.Case.Closed
	return f.answer(v, status, "track-object", "/track", p)
}

// atObjector is the field that a rule's "no" to an objection is about.
var atObjector = map[string]string{"phone_invalid": "phone", "challenge_incomplete": "name"}

func (f *Families) object(v *asked, c followed) error {
	form := readAbout(v.r)
	p := trackObject{Token: v.r.PostFormValue("token"), Name: form.Name, Phone: form.Phone, Relation: form.Relation, Ground: clip(v.r.PostFormValue("ground"), maxGround)}
	token, err := uuid.Parse(p.Token)
	if err != nil {
		return v.to(c.at("/object"))
	}
	for _, x := range []struct{ field, value string }{{"name", p.Name}, {"relation", p.Relation}, {"phone", p.Phone}} {
		if x.value == "" || x.field == "relation" && !slices.Contains(relatives, booking.Relation(x.value)) {
			p.Wrong = append(p.Wrong, wrongField{x.field, f.empty(x.field)})
		}
	}
	if len(p.Wrong) > 0 {
		return f.showObject(v, c, http.StatusUnprocessableEntity, p)
	}
	rc, err := f.app.Object(v.ctx(), handlers.Object{Act: v.act(uuid.NewSHA1(c.id, token[:])), Case: c.id, Challenge: "family-" + token.String()[:8], Name: p.Name, Phone: p.Phone,
		Relation: booking.Relation(p.Relation), Ground: p.Ground})
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		p.Wrong = []wrongField{{cmp.Or(atObjector[r.Code], "name"), Text{r.Text("zh"), r.Text("en")}}}
		return f.showObject(v, c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	f.app.Follow(v.ctx(), rc)
	return v.to(c.at(""))
}

// empty is what is said of a field of an objection that was left open.
func (f *Families) empty(field string) Text {
	switch field {
	case "relation":
		return f.both("book.err.relation")
	case "phone":
		return f.both("track.err.phone")
	}
	return f.both("book.err.handler")
}

const maxGround, maxComment = 500, 1000

// clip cuts what somebody wrote to a length.
func clip(s string, n int) string {
	if rs := []rune(s); len(rs) > n {
		return string(rs[:n])
	}
	return s
}

// trackRate asks what the family thinks of the service.
type trackRate struct {
	At, Back string
	Levels   []int
	Comment  string
	Nothing  bool
	Early    bool
	Rated    bool
}

func (f *Families) ratePage(v *asked, c followed) error {
	return f.showRate(v, c, http.StatusOK, trackRate{})
}

func (f *Families) showRate(v *asked, c followed, status int, p trackRate) error {
	p.At, p.Back, p.Levels = c.at("/rate"), c.at(""), []int{5, 4, 3, 2, 1}
	_, given := c.story.Last(handlers.AshesGiven)
	p.Rated, p.Early = c.story.Case.Rating != nil, !given || c.story.Cremation.Released.To == ""
	if p.Early || p.Rated {
		status = http.StatusUnprocessableEntity
	}
	return f.answer(v, status, "track-rate", "/track", p)
}

func (f *Families) rate(v *asked, c followed) error {
	p := trackRate{Comment: clip(v.r.PostFormValue("comment"), maxComment)}
	level, err := strconv.Atoi(v.r.PostFormValue("level"))
	if err != nil {
		p.Nothing = true
		return f.showRate(v, c, http.StatusUnprocessableEntity, p)
	}
	cmd := booking.Rate{Act: v.act(uuid.NewSHA1(c.id, []byte("rating"))), Level: level, Named: v.r.PostFormValue("named") != ""}
	if p.Comment != "" {
		cmd.Comment = domain.Personal(c.story.Case.Handler.Person, p.Comment)
	}
	rc, err := f.app.RateService(v.ctx(), c.id, cmd)
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		p.Nothing = true
		return f.showRate(v, c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	f.app.Follow(v.ctx(), rc)
	return v.to(c.at(""))
}
