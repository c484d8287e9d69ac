package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
	"shenzhong/projections/search"
)

// A caseHead names a case on each of its pages.
type caseHead struct {
	ID                        uuid.UUID
	Number, Name, Numbers     string // Numbers: masked, or in full after a reason
	Sex, Age, Tag             string
	Unmasked                  bool
	Cancelled, Closed, Nobody bool
}

func (c *caseView) head() caseHead {
	d := c.Case.Deceased
	h := caseHead{ID: c.ID, Number: c.Case.Number, Name: d.Name.Or(""), Numbers: d.CitizenID.Or("").Masked(), Tag: cmp.Or(c.Custody.Tag, c.Cremation.Tag), Cancelled: c.Case.Cancelled, Closed: c.Case.Closed}
	if h.Name == "" {
		h.Nobody = true
		h.Name = c.label("unnamed", cmp.Or(d.Unnamed, booking.Unidentified))
		if d.Name.IsForgotten() {
			h.Name = c.text("case.forgotten")
		}
	}
	if h.Numbers == "" {
		if n, ok := d.Document.Number.Get(); ok {
			h.Numbers = strings.Repeat("*", max(0, len(n)-4)) + n[max(0, len(n)-4):]
		}
	}
	if s, ok := d.Sex.Get(); ok {
		h.Sex = c.label("sex", s)
	}
	if b, ok := d.Birth.Get(); ok && b.Valid() {
		until := cmp.Or(d.DeathDate, domain.DateOf(c.now))
		years := 0
		for b.AddMonths(12*(years+1)) <= until {
			years++
		}
		h.Age = c.text("case.age", years)
	}
	return h
}

// A casePage is the case on one page.
type casePage struct {
	Head    caseHead
	Handler struct{ Name, Relation, Phone string }
	States  []stateTag
	Papers  []paperLine
	Custody []custodyLine
	Alike   []alikeLine
	Can     []canLine
	More    []canLine // what may be done besides, without a number
	Cannot  []cannotLine
	Bill    billView
	Slots   []string
	History []historyLine
	Hidden  int // older events that are folded away
	Looks   []lookLine
	Prints  []printLine
	Receipt []receiptLine
	To      string // of the form that unmasks
	Token   string
	By      string
	Money   bool
	Events  int    // how many events it was made from
	New     int    // how many there are since
	At      string // its address
}

type (
	stateTag  struct{ Class, Text string }
	paperLine struct {
		Name, Class, State, Note string
	}
	custodyLine struct {
		Title, Text, Fine string
		Now               bool
	}
	alikeLine struct {
		Case      uuid.UUID
		Name, Tag string
	}
	canLine struct {
		Name, Href, Key string
	}
	cannotLine struct {
		Name, Why, Rule, Basis string
	}
	billView struct {
		Lines                                      []billLine
		Amount, Relief, Due, Paid, Balance, Return string
		Quote                                      string // how the last quote stands
		Version                                    int
	}
	billLine struct {
		Name                Text
		Code                string
		Amount, Relief, Due string
		Relieved            bool
		Quoted, Offered     bool // agreed and not on the bill yet; not agreed yet
		Quantity            int64
	}
	historyLine struct {
		Occurred, Recorded, What, By, Late string
		Estimated, Differs                 bool
		Type                               string
	}
	lookLine    struct{ At, By, What, Why string }
	printLine   struct{ Href, Name string }
	receiptLine struct{ Number, Amount, Href string }
)

// showCase shows the case on one page.
func (d *Desk) showCase(v *visit) error {
	c, err := d.caseOf(v, "view_case")
	if err != nil {
		return err
	}
	if err := c.look(access.File, ""); err != nil {
		return err
	}
	p, err := c.casePage()
	if err != nil {
		return err
	}
	return d.send(v, "desk-case", "/desk/cases", p, nil)
}

// news says how many events were written about a case since a page of it was
// drawn, and nothing else: the page asks this by itself, and whoever looks again
// is noted again.
func (d *Desk) news(v *visit) error {
	id, err := uuid.Parse(chi.URLParam(v.r, "case"))
	if err != nil || id == uuid.Nil {
		return handlers.ErrNotFound
	}
	x, err := d.app.Dossier(v.ctx(), id)
	if err != nil {
		return err
	}
	if err := handlers.Allow(v.actor, "view_case", x.Case.Institution); err != nil {
		return err
	}
	seen, err := strconv.Atoi(v.r.URL.Query().Get("seen"))
	if err != nil {
		return handlers.ErrMalformedForm
	}
	return d.send(v, "desk-news", "/desk/cases", casePage{Events: seen, New: max(0, len(x.History)-seen), At: "/desk/cases/" + id.String()}, nil)
}

// unmask shows the case with the numbers in full, for a reason that the family
// can read.
func (d *Desk) unmask(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	c, err := d.caseOf(v, "unmask_case")
	if err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	if f.check(field{Name: "reason"}); len(f.bad) > 0 {
		return f.bad
	}
	if err := c.look(access.Numbers, f.value("reason")); err != nil {
		return err
	}
	p, err := c.casePage()
	if err != nil {
		return err
	}
	x := c.Case
	p.Head.Unmasked = true
	p.Head.Numbers = cmp.Or(string(x.Deceased.CitizenID.Or("")), x.Deceased.Document.Number.Or(""), "—")
	p.Handler.Phone = strings.TrimSpace(x.Handler.Phone.Or("") + " " + string(x.Handler.CitizenID.Or("")))
	return d.send(v, "desk-case", "/desk/cases", p, nil)
}

func (c *caseView) casePage() (casePage, error) {
	p := casePage{Head: c.head(), To: "/desk/cases/" + c.ID.String() + "/numbers", Token: uuid.Must(uuid.NewV7()).String(), By: c.actor.ID, Events: len(c.History), At: "/desk/cases/" + c.ID.String()}
	p.Handler.Name, p.Handler.Relation, p.Handler.Phone = c.Case.Handler.Name.Or("—"), c.label("relation", c.Case.Handler.Relation), maskPhone(c.Case.Handler.Phone.Or(""))
	p.Money = handlers.Allow(c.actor, "get_case", c.Case.Institution) == nil
	missing := c.papers(&p)
	c.states(&p, missing)
	c.custody(&p)
	if err := c.alike(&p); err != nil {
		return p, err
	}
	if err := c.acts(&p); err != nil {
		return p, err
	}
	if p.Money {
		c.bill(&p)
	}
	for _, s := range c.Case.Slots {
		p.Slots = append(p.Slots, c.slotText(s))
	}
	c.history(&p)
	return p, nil
}

// papers lists what is missing, in the order in which a desk asks for it, and
// counts what hinders the cremation.
func (c *caseView) papers(p *casePage) (missing int) {
	for _, s := range c.checklist() {
		l := paperLine{Name: c.in(Text{s.NameZh, s.NameEn}), Class: "stop", State: c.text("paper.missing")}
		switch {
		case s.Have:
			l.Class, l.State = "ok", c.text("paper.have")
			if s.Form != "" {
				l.Note = c.label("paper_form", s.Form)
			}
		case s.Overdue:
			l.State, l.Note = c.text("paper.overdue"), c.text("paper.until", s.Due)
		case s.Due != "":
			l.Class, l.State, l.Note = "wait", c.text("paper.follows"), c.text("paper.until", s.Due)
		default:
			if l.Note = c.in(Text{s.WhyZh, s.WhyEn}); s.Gate {
				l.Note += c.text("paper.gate")
				missing++
			}
		}
		if s.Code == booking.DeathPaper && !s.Have && c.Cremation.Death.Form != "" {
			l.State, l.Note = c.text("paper.unchecked"), c.Cremation.Death.Issuer
		}
		p.Papers = append(p.Papers, l)
	}
	l := paperLine{Name: c.text("paper.identified"), Class: "stop", State: c.text("paper.missing"), Note: c.text("paper.identified_why")}
	switch {
	case c.Custody.Refused.Relative != "":
		l.State, l.Note = c.text("paper.not_recognised"), ""
		missing++
	case c.Custody.Identification.Relative != "":
		l.Class, l.State = "ok", c.text("paper.have")
		l.Note = c.label("identify_method", c.Custody.Identification.Method) + " " + domain.FormatTime(c.Custody.Identification.At)
	case c.Custody.Waived.ApprovedBy != "":
		l.Class, l.State, l.Note = "ok", c.text("paper.waived"), c.Custody.Waived.ApprovedBy
	case c.Custody.WaiverAsked.By != "":
		l.Class, l.State, l.Note = "wait", c.text("paper.waiver_asked"), c.Custody.WaiverAsked.By
		missing++
	default:
		missing++
	}
	p.Papers = append(p.Papers, l)
	return missing
}

// states are the few words under the name.
func (c *caseView) states(p *casePage, missing int) {
	add := func(class, s string) { p.States = append(p.States, stateTag{class, s}) }
	switch {
	case c.Case.Cancelled:
		add("past", c.text("state.cancelled"))
		return
	case c.Cremation.Released.To != "":
		add("past", c.text("state.released"))
	case c.Cremation.Ashes.WeightG > 0:
		where := ""
		if x, ok := c.share(); ok && x.Place.Kind != "" {
			where = c.placeText(x.Place)
		}
		add("ok", c.text("state.ashes", where))
	case c.Cremation.Done:
		add("ok", c.text("state.done"))
	case c.begun():
		add("ok", c.text("state.begun", c.resource(c.Cremation.Started.Furnace)))
	case c.Custody.Place.Kind == cremation.InVehicle:
		add("wait", c.text("state.on_the_way", c.placeText(c.Custody.Place)))
	case c.Custody.Collected.Case != uuid.Nil:
		add("ok", c.text("state.at", c.placeText(c.Custody.Place)))
	default:
		add("wait", c.text("state.not_here"))
	}
	for _, h := range c.Cremation.OpenHolds() {
		add("stop", c.text("state.held", c.label("hold", h.Kind)))
	}
	for _, a := range c.Cremation.Anomalies {
		if a.Explained.By == "" {
			add("stop", c.text("state.anomaly", c.label("anomaly", a.Kind)))
		}
	}
	if c.Case.Disputed() {
		add("stop", c.text("state.disputed"))
	}
	if missing > 0 && !c.begun() {
		add("stop", c.text("state.missing", missing))
	}
	if q, ok := c.lastQuote(); ok && !c.answered() {
		add("wait", c.text("state.unanswered", exact(q.Total-q.Relief)))
	}
	if c.Case.Closed {
		add("past", c.text("state.closed"))
	}
}

// custody tells where the remains, and then the ashes, have been.
func (c *caseView) custody(p *casePage) {
	s := c.Custody
	add := func(title, text, fine string) {
		p.Custody = append(p.Custody, custodyLine{Title: title, Text: text, Fine: fine})
	}
	scans := func(out, in cremation.Scan) string {
		return c.text("custody.scans", out.By, in.By)
	}
	if s.Collected.Case != uuid.Nil {
		at := c.text("unknown")
		if !s.Collected.At.IsZero() {
			at = domain.FormatTime(s.Collected.At)
		}
		add(c.text("custody.collected"), at+" "+c.label("giver", s.Collected.Giver)+" → "+c.placeText(s.Collected.Into), c.text("custody.by", s.Collected.Collector))
	}
	moved := false
	for _, h := range slices.Backward(c.History) {
		switch e := h.Event.(type) {
		case cremation.RemainsArrived:
			add(c.text("custody.arrived"), domain.FormatTime(e.In.At)+" "+c.placeText(e.From)+" → "+c.placeText(e.To), scans(e.Out, e.In))
		case cremation.RemainsMoved:
			moved = true
			add(c.text("custody.moved"), domain.FormatTime(e.In.At)+" "+c.placeText(e.From)+" → "+c.placeText(e.To), scans(e.Out, e.In))
		case cremation.AshesDeposited:
			add(c.text("custody.deposited"), domain.FormatTime(e.In.At)+" → "+c.placeText(e.To), scans(e.Out, e.In))
		case cremation.AshesWithdrawn:
			add(c.text("custody.withdrawn"), domain.FormatTime(e.In.At)+" → "+c.placeText(e.To), scans(e.Out, e.In))
		case cremation.TelemetryRecorded:
			s := c.Cremation.Started.At
			add(c.text("custody.furnace"), c.text("custody.furnace_times", c.when(s), c.when(c.Cremation.Completed), c.when(e.StartedAt), c.when(e.EndedAt)), c.text("custody.furnace_by", e.Device))
		case cremation.AnomalyFlagged:
			add(c.text("custody.anomaly"), c.anomalyText(e), "")
		case cremation.AnomalyExplained:
			add(c.text("custody.explained"), c.label("anomaly", e.Kind)+" "+e.Reason, c.text("custody.by", e.By))
		case cremation.NoticeServed:
			add(c.text("custody.notice"), c.noticeText(cremation.Notice{Share: e.Share, Clock: e.Clock, Step: e.Step, Due: e.Due}), c.text("notice.served", e.ServedOn, c.label("notice_way", e.Way)))
		case cremation.AshesReleased:
			add(c.text("custody.released"), domain.FormatTime(h.Recorded)+" "+e.Name.Or(""), c.text("custody.by", e.Giver))
		}
	}
	if n := len(p.Custody); n > 0 && !s.Ended && moved {
		p.Custody[n-1].Now = true
		if s.Place.Kind == cremation.InColdBay {
			for _, x := range c.Cold.In {
				if x.Case == c.ID && x.Since != "" {
					days := int(domain.DateOf(c.now).Start().Sub(x.Since.Start())/(24*time.Hour)) + 1
					limit := max(x.Since.AddDays(c.Parameters.Int(institution.StorageDays)), s.Extended.Until)
					p.Custody[n-1].Fine += " " + c.text("custody.stored", days, limit)
				}
			}
		}
	}
	if s.Listed {
		kept := len(s.Kept())
		add(c.text("custody.belongings"), c.text("custody.belongings_n", len(s.Belongings), kept), "")
	}
}

// when is a local time; words for one that nobody knows.
func (c *caseView) when(t time.Time) string {
	if t.IsZero() {
		return c.text("unknown")
	}
	return domain.FormatTime(t)
}

// anomalyText says by how much something cannot well be.
func (c *caseView) anomalyText(e cremation.AnomalyFlagged) string {
	if e.Kind == cremation.TelemetryDiffers {
		return c.text("anomaly.differs", minutesOf(e.FoundS), minutesOf(e.LimitS))
	}
	return c.text("anomaly.short", minutesOf(e.FoundS), minutesOf(e.LimitS))
}

// minutesOf writes seconds as minutes, to a tenth where they are not whole.
func minutesOf(s int) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(s)/60, 'f', 1, 64), ".0")
}

// alike warns of those who can be taken for this one (I6).
func (c *caseView) alike(p *casePage) error {
	if c.begun() || c.Case.Cancelled {
		return nil
	}
	like, err := c.desk.app.LookAlikes(c.ctx(), c.ID, c.Case)
	if err != nil {
		return err
	}
	for _, id := range like {
		x, _, err := c.desk.app.Cases.Load(c.ctx(), id.String())
		if err != nil {
			return err
		}
		l := alikeLine{Case: id, Name: maskName(x.Deceased.Name.Or(""))}
		for _, s := range c.Cold.In {
			if s.Case == id {
				l.Tag = s.Tag + " " + c.placeText(s.Bay.Place())
			}
		}
		p.Alike = append(p.Alike, l)
	}
	return nil
}

// keys are the number keys of what may be done next.
const keys = "1234567890"

// acts sorts what may be done from what may not, by asking.
func (c *caseView) acts(p *casePage) error {
	for _, a := range deskActs {
		err := c.may(a)
		if err == errHide {
			continue
		}
		if err == nil {
			l := canLine{Name: c.label("act", a.name), Href: "/desk/cases/" + c.ID.String() + "/" + a.name}
			if n := len(p.Can); n < len(keys) && !a.minor {
				l.Key = keys[n : n+1]
				p.Can = append(p.Can, l)
			} else {
				p.More = append(p.More, l)
			}
			continue
		}
		why := handlers.ProblemOf(err, string(c.view.Lang))
		if why.Status == http.StatusInternalServerError {
			return err
		}
		if a.tell {
			p.Cannot = append(p.Cannot, cannotLine{c.label("act", a.name), why.Detail, why.Rule, why.Basis})
		}
	}
	// What a rule refused is told where it is of use: on the page of the case.
	for _, r := range slices.Backward(c.Case.Refusals) {
		if len(p.Cannot) > 8 {
			break
		}
		what := c.text("case.refused")
		if r.Item != "" || r.Amount > 0 {
			what = c.text("case.refused_charge", cmp.Or(r.Item, "—"), exact(r.Amount))
		}
		p.Cannot = append(p.Cannot, cannotLine{what, c.label("refusal", r.Code), r.Rule, r.Basis})
	}
	return nil
}

// bill is the money of the case.
func (c *caseView) bill(p *casePage) {
	s := c.Case
	less := func(m domain.Money) string {
		if m == 0 {
			return "—"
		}
		return "−" + exact(m)
	}
	b := billView{Amount: exact(s.Charged()), Relief: less(s.Relief()), Due: exact(s.Charged() - s.Relief()), Paid: exact(s.Paid()), Balance: exact(s.Balance())}
	if m := s.Unreturned(); m > 0 {
		b.Return = exact(m)
	}
	for _, l := range s.Bill {
		b.Lines = append(b.Lines, billLine{Name: Text{l.NameZh, l.NameEn}, Code: l.Code, Amount: exact(l.Amount - l.Refunded), Relief: less(l.Relief), Due: exact(l.Due()), Relieved: l.Relief > 0, Quantity: l.Quantity})
	}
	q, quoted := c.lastQuote()
	if s.Accepted != nil {
		q = *s.Accepted
	}
	if quoted && len(s.Bill) == 0 { // nothing is charged yet: the quote as it was shown to the family
		b.Amount, b.Relief, b.Due = exact(q.Total), less(q.Relief), exact(q.Total-q.Relief)
		for _, l := range q.Lines {
			b.Lines = append(b.Lines, billLine{Name: Text{l.NameZh, l.NameEn}, Code: l.Code, Amount: exact(l.Amount), Relief: less(l.Relief), Due: exact(l.Amount - l.Relief), Relieved: l.Relief > 0,
				Quoted: s.Accepted != nil, Offered: s.Accepted == nil, Quantity: l.Quantity})
		}
	}
	for _, l := range handlers.Uncharged(s) {
		if len(s.Bill) == 0 {
			break
		}
		b.Lines = append(b.Lines, billLine{Name: Text{l.NameZh, l.NameEn}, Code: l.Code, Amount: exact(l.Amount), Relief: "—", Due: "—", Quoted: true, Quantity: l.Quantity})
	}
	if q, ok := c.lastQuote(); ok {
		b.Version = q.PriceListVersion
		switch {
		case s.Accepted != nil && s.Accepted.Quote == q.Quote:
			b.Quote = c.text("quote.accepted", exact(q.Total-q.Relief))
		case c.answered():
			b.Quote = c.text("quote.declined", exact(q.Total-q.Relief))
		default:
			b.Quote = c.text("quote.open", exact(q.Total-q.Relief))
		}
		p.Prints = append(p.Prints, printLine{"/desk/cases/" + c.ID.String() + "/print/quote", c.text("print.quote")})
	}
	if cmp.Or(c.Custody.Tag, c.Cremation.Tag) != "" {
		p.Prints = append(p.Prints, printLine{"/desk/cases/" + c.ID.String() + "/print/label", c.text("print.label")})
	}
	if !s.Cancelled {
		p.Prints = append(p.Prints, printLine{"/desk/cases/" + c.ID.String() + "/print/confirmation", c.text("print.confirmation")})
	}
	p.Bill = b
	for _, r := range slices.Backward(s.Receipts) {
		p.Receipt = append(p.Receipt, receiptLine{r.Number, exact(r.Amount), "/desk/cases/" + c.ID.String() + "/print/receipt/" + r.Number})
	}
}

// historyKind is an event's wire name as the texts know it, whatever its version.
func historyKind(wire string) string {
	return strings.ReplaceAll(wire[:strings.LastIndex(wire, ".v")], ".", "_") // there are vigils too
}

// shownHistory is how many events the page shows before it folds the rest away.
const shownHistory = 400

// history tells the events with both times, and who looked.
func (c *caseView) history(p *casePage) {
	for i, h := range c.History {
		if i >= shownHistory {
			p.Hidden = len(c.History) - i
			break
		}
		l := historyLine{Recorded: domain.FormatTime(h.Recorded)[5:], What: c.label("did", historyKind(h.Type)), By: h.By, Late: h.Late, Estimated: h.Estimated, Type: h.Type}
		l.Occurred = c.text("unknown")
		if !h.Occurred.IsZero() {
			l.Occurred = domain.FormatTime(h.Occurred)[5:]
			l.Differs = l.Occurred != l.Recorded
		}
		if d := c.detail(h.Event); d != "" {
			l.What += " " + d
		}
		p.History = append(p.History, l)
	}
	for _, e := range c.Looks {
		switch e := e.(type) {
		case access.Read:
			p.Looks = append(p.Looks, lookLine{domain.FormatTime(e.At), e.By, c.label("look", e.What), e.Reason})
		case access.Refused:
			p.Looks = append(p.Looks, lookLine{domain.FormatTime(e.At), e.By, c.text("look.refused"), ""})
		}
	}
}

// detail is what an event says besides its kind: an amount, a place, a name of a
// resource. Nothing personal.
func (c *caseView) detail(e any) string {
	switch e := e.(type) {
	case booking.Quoted:
		return exact(e.Total)
	case booking.Consented:
		return exact(e.Total)
	case booking.Charged:
		return c.in(Text{e.Line.NameZh, e.Line.NameEn}) + " " + exact(e.Line.Amount)
	case booking.ChargeRefused:
		if e.Amount == 0 {
			return strings.TrimSpace(e.Item + " " + e.Rule)
		}
		return strings.TrimSpace(e.Item + " " + exact(e.Amount) + " " + e.Rule)
	case booking.ReliefApplied:
		return exact(e.Amount)
	case booking.Paid:
		return exact(e.Amount)
	case booking.Refunded:
		return exact(e.Amount)
	case booking.ReceiptIssued:
		return e.Number
	case booking.PaperReceived:
		zh, en := e.Paper.Names()
		return c.in(Text{zh, en})
	case booking.PaperPromised:
		zh, en := e.Paper.Names()
		return c.in(Text{zh, en}) + " " + string(e.Due)
	case booking.SlotAttached:
		return c.slotText(e.Slot)
	case booking.Corrected:
		return c.label("particular", e.Field) + " " + e.Reason
	case cremation.RemainsTagged:
		return e.Tag
	case cremation.RemainsMoved:
		return c.placeText(e.From) + " → " + c.placeText(e.To)
	case cremation.RemainsArrived:
		return c.placeText(e.To)
	case cremation.HoldPlaced:
		return c.label("hold", e.Kind)
	case cremation.HoldLifted:
		return c.label("hold", e.Kind)
	case cremation.IdentityVerified:
		return e.Verifier
	case cremation.Started:
		return c.resource(e.Furnace)
	case cremation.AshesCollected:
		return fmt.Sprintf("%d g", e.WeightG)
	case cremation.CertificateIssued:
		return e.Number
	case cremation.AnomalyFlagged:
		return c.anomalyText(e)
	case cremation.AnomalyExplained:
		return e.Reason
	}
	return ""
}

// Intake.

// An intakePage is the one form that opens a case.
type intakePage struct {
	Token, By         string
	Deceased, Handler []field
	Circumstances     []field
	Refused           *handlers.Problem
	Alike             []search.Hit // who could be the same, or be taken for this one
	Sure              bool         // somebody looked at them
	AsOf              *AsOf
}

func (d *Desk) intakeForm(v *visit) error {
	return d.send(v, "desk-intake", "/desk/intake", d.intakePage(v, uuid.Must(uuid.NewV7()).String(), form{}), nil)
}

func (d *Desk) intakePage(v *visit, token string, f form) intakePage {
	m := d.staff[v.view.Lang]
	p := intakePage{Token: token, By: v.actor.ID, Deceased: deceasedForm(m, booking.Deceased{}), Handler: handlerForm(m, booking.Handler{}), Circumstances: circumstancesForm(m, "", "", "", "")}
	if f.Values != nil {
		for _, fs := range [][]field{p.Deceased, p.Handler, p.Circumstances} {
			for i := range fs {
				fs[i].Value = f.Get(fs[i].Name)
			}
		}
	}
	return p
}

// intake opens a case. Bad input keeps what was typed; somebody who is in the
// house already under that name or number is shown first.
func (d *Desk) intake(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	token := f.Get("token")
	act, err := d.act(v, token)
	if err != nil {
		return err
	}
	for _, fs := range [][]field{deceasedForm(nil, booking.Deceased{}), handlerForm(nil, booking.Handler{}), circumstancesForm(nil, "", "", "", "")} {
		f.check(fs...)
	}
	dead, handler := persons(d.app, act.ID, &f)
	for _, need := range []string{"handler_name", "handler_phone", "relation"} {
		if f.value(need) == "" {
			f.fail(need, errField)
		}
	}
	if f.value("name") == "" && dead.Unnamed == "" {
		f.fail("name", errField)
	}
	again := func(err error) error {
		p := d.intakePage(v, token, f)
		p.Refused = handlers.RequestProblem(v.ctx(), err)
		mark(p.Refused, p.Deceased, p.Handler, p.Circumstances)
		return d.sendAs(v, p.Refused.Status, "desk-intake", "/desk/intake", p, nil)
	}
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	caseID := act.ID
	if !f.on("sure") {
		var alike []search.Hit
		for _, by := range []string{dead.Name.Or(""), string(dead.CitizenID.Or("")), dead.Document.Number.Or("")} {
			found, err := d.alikeBy(v, by, caseID)
			if err != nil {
				return err
			}
			for _, x := range found {
				if !slices.ContainsFunc(alike, func(y search.Hit) bool { return y.Case == x.Case }) {
					alike = append(alike, x)
				}
			}
		}
		if len(alike) > 0 {
			p := d.intakePage(v, token, f)
			p.Alike = alike
			return d.sendAs(v, http.StatusConflict, "desk-intake", "/desk/intake", p, nil)
		}
	}
	opened := booking.Opened{Institution: v.institution(), Number: caseNumber(act), Deceased: dead, Handler: handler, Source: booking.Desk}
	rc, err := d.app.Intake(v.ctx(), handlers.Intake{Act: act, Case: caseID, Opened: opened, CircumstancesRecorded: circumstances(dead.Person, &f)})
	if err != nil {
		if p := handlers.ProblemOf(err, string(v.view.Lang)); p.Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	d.settled(v.ctx(), rc)
	v.say(v.text("intake.done"))
	return see(v, "/desk/cases/"+caseID.String())
}

// alikeBy are the open cases, besides one, that a name or a number finds.
func (d *Desk) alikeBy(v *visit, by string, except uuid.UUID) ([]search.Hit, error) {
	if by == "" {
		return nil, nil
	}
	found, _, err := d.data.Find(v.ctx(), v.institution(), by, 10)
	return slices.DeleteFunc(found, func(x search.Hit) bool { return x.Case == except || x.State != search.Open }), err
}

// caseNumber is the number on paper: the day and six signs of the case's id,
// none of which looks like another.
func caseNumber(act domain.Act) string {
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	var b strings.Builder
	for _, x := range act.ID[8:14] {
		b.WriteByte(alphabet[int(x)%len(alphabet)])
	}
	return strings.ReplaceAll(string(domain.DateOf(act.Now)), "-", "") + "-" + b.String()
}
