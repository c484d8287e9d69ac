// Package tracking is what a family reads on its phone with nothing but the
// code that it was given: how far everything is, what comes next, what to bring
// and what it costs, in plain words.
//
// An answer names nobody. It has no name, no number of a person, no cause of
// death and no ground of relief in it: whoever comes by the code learns no more
// than where and when.
package tracking

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/projections"
	"shenzhong/projections/casefile"
)

// A Reader answers for codes.
type Reader struct {
	DB projections.Querier
	// Cases reads the files that the codes lead to.
	Cases casefile.Reader
}

// ErrNotFound reports that there is no such code, or that a newer one has
// voided it.
var ErrNotFound = errors.New("tracking: no such code")

// A Text is a sentence in both languages.
type Text struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

// A Tracking is what the family reads.
type Tracking struct {
	// Case is for the program, which may know more about it than the page shows.
	Case uuid.UUID `json:"-"`
	Home Text      `json:"home"`
	// Now says in one sentence how things stand, Next what comes next; empty
	// where nothing is fixed.
	Now  Text `json:"now"`
	Next Text `json:"next"`
	// At is when Next is, Place where; zero and empty where nothing is fixed.
	At    time.Time `json:"at,omitzero"`
	Place Text      `json:"place"`
	// Steps are the way from the first call to the ashes.
	Steps []Step `json:"steps"`
	// Bring is what is still needed, and what need not be brought any more.
	Bring []Item `json:"bring"`
	// Notices are what the family should know besides: a pause, a cancellation.
	Notices []Text `json:"notices"`
	Money   Money  `json:"money"`
	// Looks are who looked at the case, the newest first.
	Looks []Look `json:"looks"`
	// MayChange says that there is something to reschedule or cancel, MayRate
	// that the service can be rated now.
	MayChange bool `json:"may_change"`
	MayRate   bool `json:"may_rate"`
	Ended     bool `json:"ended"` // cancelled, or everything is done
}

// A StepState is whether a step is behind the family or before it.
type StepState string

// The states of a step. Exactly one is Now, unless all is done.
const (
	Done StepState = "done"
	Now  StepState = "now"
	Todo StepState = "todo"
)

// A Step is one of the way.
type Step struct {
	State StepState `json:"state"`
	Title Text      `json:"title"`
	Text  Text      `json:"text"`
	// At is when it was, or is planned to be; zero where nobody knows.
	At time.Time `json:"at,omitzero"`
}

// An Item is a paper, and whether the family still has to think of it.
type Item struct {
	Text
	Note Text `json:"note"`
	// Here says that it has come and need not be brought.
	Here bool `json:"here"`
	// Until is the last day of a paper that may follow; empty for the others.
	Until domain.Date `json:"until,omitzero"`
}

// Money is what it costs, in words that need no explanation.
type Money struct {
	Text Text `json:"text"`
	// Due is what it comes to after relief, Relief what was taken off, Paid what
	// was paid, Owed what is still open, Back what is to be given back.
	Due    domain.Money `json:"due_fen"`
	Relief domain.Money `json:"relief_fen"`
	Paid   domain.Money `json:"paid_fen"`
	Owed   domain.Money `json:"owed_fen"`
	Back   domain.Money `json:"back_fen"`
	// Agreed is the day on which the family agreed to it; empty: not yet.
	Agreed domain.Date `json:"agreed,omitzero"`
}

// A Look is that somebody looked at the case.
type Look struct {
	At   time.Time `json:"at"`
	Who  Text      `json:"who"` // the institution, never an account
	What Text      `json:"what"`
	// Why is the reason that was given; empty for the ordinary work on the case.
	Why string `json:"why,omitzero"`
}

// Case is the case that a code leads to, given by its hash.
func (r Reader) Case(ctx context.Context, hash string) (uuid.UUID, error) {
	var id string
	err := r.DB.QueryRowContext(ctx, `SELECT "case" FROM code WHERE hash = ?`, hash).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) || hash == "" {
		return uuid.Nil, ErrNotFound
	}
	if err != nil {
		return uuid.Nil, err
	}
	return uuid.Parse(id)
}

// Track is what stands under a code, given by its hash (booking.TrackingHash).
func (r Reader) Track(ctx context.Context, hash string, now time.Time) (Tracking, error) {
	u, err := r.Case(ctx, hash)
	if err != nil {
		return Tracking{}, err
	}
	c, err := r.Cases.Case(ctx, u)
	if errors.Is(err, casefile.ErrNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return Tracking{}, err
	}
	return Of(c, now), nil
}

// Of is what the family of a case reads at that instant.
func Of(c casefile.Case, now time.Time) Tracking {
	t := Tracking{Case: c.ID, Home: Text{c.InstitutionZh, c.InstitutionEn}}
	if t.Home.En == "" {
		t.Home.En = t.Home.Zh
	}
	t.Ended = c.Booking.Cancelled || c.Where.Stage == casefile.Released || c.Where.Stage == casefile.HandedOver
	t.steps(c, now)
	t.stands(c, now)
	t.bring(c)
	t.notices(c)
	t.money(c)
	t.looks(c)
	t.MayChange = !t.Ended && !c.Booking.Closed && slices.ContainsFunc(c.Slots, func(s casefile.Slot) bool { return s.Start.After(now) })
	t.MayRate = c.Where.Stage == casefile.Released && c.Booking.Rating == nil
	return t
}

// An appointment is something that has its time: a farewell, the cremation.
type appointment struct {
	title      Text
	start, end time.Time
	place      Text
	begun      bool
	done       bool
	doneAt     time.Time
}

func (t *Tracking) steps(c casefile.Case, now time.Time) {
	arrived, settled, where := arrival(c)
	farewell := farewellOf(c, now)
	fire := cremationOf(c)

	var steps []Step
	add := func(done bool, s Step) {
		s.State = Todo
		if done {
			s.State = Done
		}
		steps = append(steps, s)
	}
	stage := c.Where.Stage
	here := stage != casefile.NotHere && stage != casefile.OnTheWay
	s := Step{Title: Text{"接到殡仪馆", "Brought to the funeral home"}, At: arrived}
	switch {
	case here && !arrived.IsZero():
		s.Text = Text{sayTime(arrived), enTime(arrived)}
	case stage == casefile.OnTheWay:
		s.Text = Text{"正在接运的路上", "On the way"}
	case !here:
		if v := slot(c, institution.Vehicle); v != nil && v.Start.After(now) {
			s.At, s.Text = v.Start, Text{"预定 " + sayTime(v.Start), "Planned for " + enTime(v.Start)}
		} else {
			s.Text = Text{"殡仪馆会与您约定时间", "The funeral home will arrange the time with you"}
		}
	}
	add(here, s)
	if stage != casefile.HandedOver {
		s = Step{Title: Text{"安放", "At rest"}, At: settled}
		if here {
			s.Text = where
			if !settled.IsZero() {
				s.Text = Text{sayTime(settled) + "，" + where.Zh, enTime(settled) + ", " + where.En}
			}
		}
		add(here && (where.Zh != "" || stage != casefile.InHouse), s)
	}
	if farewell != nil {
		s = Step{Title: farewell.title, At: farewell.start, Text: Text{sayTime(farewell.start), enTime(farewell.start)}}
		if farewell.place.Zh != "" {
			s.Text = Text{s.Text.Zh + "，" + farewell.place.Zh, s.Text.En + ", " + farewell.place.En}
		}
		if farewell.begun && !farewell.done {
			s.Text = Text{"正在进行", "Under way"}
		}
		add(farewell.done, s)
	}
	if stage == casefile.HandedOver {
		s = Step{Title: Text{"移交", "Handed over"}, Text: Text{"已经按文书移交", "Handed over as the papers say"}}
		add(true, s)
		t.Steps = steps
		return
	}
	s = Step{Title: Text{"火化", "Cremation"}}
	switch {
	case fire.done && !fire.doneAt.IsZero():
		s.At, s.Text = fire.doneAt, Text{sayDay(fire.doneAt) + "已完成", "Done on " + enDay(fire.doneAt)}
	case fire.done:
		s.Text = Text{"已完成", "Done"}
	case fire.begun:
		s.Text = Text{"正在进行", "Under way"}
	case !fire.start.IsZero():
		s.At, s.Text = fire.start, Text{sayTime(fire.start) + "。开始之前，两名工作人员再次核对", enTime(fire.start) + ". Two members of staff check once more before it begins"}
	default:
		s.Text = Text{"时间还没有定", "The time is not fixed yet"}
	}
	add(fire.done, s)
	s = Step{Title: Text{"领取骨灰和火化证明", "Ashes and the cremation certificate"}}
	switch stage {
	case casefile.Released:
		s.Text = Text{"已经领取", "Collected"}
		for _, a := range c.History { // newest first
			if _, ok := a.Body.(cremation.AshesReleased); ok {
				s.At = when(a)
				s.Text = Text{sayDay(s.At) + "已经领取", "Collected on " + enDay(s.At)}
				break
			}
		}
	case casefile.Ashes:
		s.Text = Text{"可以来领取。带您的身份证；领取前会把一次性号码发到您的手机", "Ready to be collected. Please bring your identity card; a one-time code comes to your phone beforehand"}
		if c.Cremation.Certificate == "" {
			s.Text = Text{"火化证明正在开具，开好后通知您", "The certificate is being issued; we will tell you"}
		}
	default:
		s.Text = Text{"火化以后，凭您的身份证和一次性号码", "After the cremation, with your identity card and a one-time code"}
	}
	add(stage == casefile.Released, s)
	if !c.Booking.Cancelled {
		for i := range steps {
			// What was left out is behind once a later step is done.
			later := slices.ContainsFunc(steps[i+1:], func(s Step) bool { return s.State == Done })
			if steps[i].State == Todo && later {
				steps[i].State = Done
			}
			if steps[i].State == Todo {
				steps[i].State = Now
				break
			}
		}
	}
	t.Steps = steps
}

// arrival is when the remains came into the house, when they were laid where
// they are, and what sort of place that is.
func arrival(c casefile.Case) (arrived, settled time.Time, where Text) {
	for _, a := range slices.Backward(c.History) {
		switch b := a.Body.(type) {
		case cremation.RemainsArrived:
			arrived = b.In.At
		case cremation.RemainsCollected:
			if b.Into.Kind != cremation.InVehicle {
				arrived = b.At
			}
		case cremation.Received:
			if arrived.IsZero() {
				arrived = when(a)
			}
		case cremation.RemainsMoved:
			if b.To.Kind == cremation.InColdBay && settled.IsZero() {
				settled, where = b.In.At, Text{"冷藏室", "cold store"}
			}
		case cremation.Stored:
			if settled.IsZero() {
				settled, where = when(a), Text{"冷藏室", "cold store"}
			}
		}
	}
	return arrived, settled, where
}

// when is the time of an act, or else of its record.
func when(a casefile.Act) time.Time {
	if a.Occurred.IsZero() {
		return a.Source.Recorded
	}
	return a.Occurred
}

// slot is the case's confirmed slot of that kind; the first where it has more.
func slot(c casefile.Case, kind institution.ResourceKind) *casefile.Slot {
	for i, s := range c.Slots {
		if s.Kind == string(kind) && s.Confirmed {
			return &c.Slots[i]
		}
	}
	return nil
}

// farewellOf is the farewell: the ceremony that was planned, else the hall that
// was booked; nil where there is none. A hall whose time is over is taken as
// done, since nobody has to record the end of it.
func farewellOf(c casefile.Case, now time.Time) *appointment {
	a := appointment{title: Text{"告别", "Farewell"}}
	hall := slot(c, institution.Hall)
	for _, s := range c.Booking.Services {
		if s.Ceremony != booking.Farewell {
			continue
		}
		a.start, a.end, a.begun, a.done, a.doneAt = s.From, s.To, s.Begun, s.Done, s.EndedAt
		for _, x := range c.Slots {
			if x.Resource == s.Resource {
				a.place = Text{x.NameZh, x.NameEn}
			}
		}
		if !a.done && !now.Before(a.end) {
			a.done = true
		}
		return &a
	}
	if hall == nil {
		return nil
	}
	a.start, a.end, a.place = hall.Start, hall.End, Text{hall.NameZh, hall.NameEn}
	a.begun, a.done = !now.Before(hall.Start), !now.Before(hall.End)
	return &a
}

// cremationOf is the cremation. It is never taken as begun by the clock.
func cremationOf(c casefile.Case) appointment {
	a := appointment{title: Text{"火化", "Cremation"}, begun: !c.Cremation.Started.At.IsZero(), done: c.Cremation.Done, doneAt: c.Cremation.Completed}
	if f := slot(c, institution.Furnace); f != nil {
		a.start, a.end = f.Start, f.End
	}
	return a
}

// stands says how things stand and what comes next.
func (t *Tracking) stands(c casefile.Case, now time.Time) {
	home := t.Home
	switch c.Where.Stage {
	case casefile.NotHere:
		t.Now = Text{home.Zh + "已收到您的登记。", home.En + " has your registration."}
	case casefile.OnTheWay:
		t.Now = Text{"正在接往" + home.Zh + "。", "On the way to " + home.En + "."}
	case casefile.InHouse:
		t.Now = Text{"已在" + home.Zh + "安放。", "At rest at " + home.En + "."}
	case casefile.Cremating:
		t.Now = Text{"火化正在进行。", "The cremation is under way."}
	case casefile.Ashes:
		t.Now = Text{"火化已完成，骨灰由" + home.Zh + "保管。", "The cremation is done; the ashes are kept at " + home.En + "."}
	case casefile.Released:
		t.Now = Text{"骨灰已经领取。", "The ashes have been collected."}
	case casefile.HandedOver:
		t.Now = Text{"已经移交。", "Handed over."}
	}
	if c.Booking.Cancelled {
		t.Now = Text{"这次预约已经取消。", "This booking was cancelled."}
		return
	}
	next := []appointment{}
	if f := farewellOf(c, now); f != nil && !f.done && !f.begun && f.start.After(now) {
		next = append(next, *f)
	}
	if f := cremationOf(c); !f.begun && !f.done && f.start.After(now) {
		next = append(next, f)
	}
	slices.SortStableFunc(next, func(a, b appointment) int { return a.start.Compare(b.start) })
	if len(next) == 0 {
		return
	}
	a := next[0]
	t.At, t.Place = a.start, a.place
	t.Next = Text{relative(a.start, now) + sayTime(a.start), enTime(a.start)}
	if a.place.Zh != "" {
		t.Next = Text{t.Next.Zh + "在" + a.place.Zh + a.title.Zh + "。", a.title.En + " on " + t.Next.En + ", " + a.place.En + "."}
	} else {
		t.Next = Text{t.Next.Zh + a.title.Zh + "。", a.title.En + " on " + t.Next.En + "."}
	}
}

// discreet are the papers whose reason tells of the death or of the family's
// means. The page names them and says no more.
var discreet = []booking.Code{booking.PolicePaper, booking.CourtPaper, booking.ReliefProof, booking.TransferForm, booking.DisposalNotice}

func (t *Tracking) bring(c casefile.Case) {
	if t.Ended || c.Cremation.Done {
		return
	}
	for _, p := range c.Papers {
		it := Item{Text: Text{p.NameZh, p.NameEn}, Here: p.Have}
		switch {
		case p.Have && p.Code == booking.ConfirmationPaper:
			it.Note = Text{"已经签好", "Signed"}
		case p.Have:
			it.Note = Text{"已收到，不用带", "We have it; no need to bring it"}
		case p.Code == booking.ConfirmationPaper:
			it.Note = Text{"火化前请您当面签字，约十分钟", "You sign it at the home before the cremation; about ten minutes"}
		case p.Due != "" && !p.Overdue:
			it.Until = p.Due
			it.Note = Text{"可以晚些交，" + sayDate(p.Due) + "前补来即可", "It may follow, until " + string(p.Due)}
		case p.Due != "":
			it.Note = Text{"请尽快补来", "Please bring it soon"}
		case slices.Contains(discreet, p.Code):
			it.Note = Text{"怎样办，请问殡仪馆", "The funeral home will tell you how"}
		default:
			it.Note = Text{p.WhyZh, p.WhyEn}
		}
		t.Bring = append(t.Bring, it)
	}
	// What is still needed comes first.
	slices.SortStableFunc(t.Bring, func(a, b Item) int {
		switch {
		case a.Here == b.Here:
			return 0
		case b.Here:
			return -1
		}
		return 1
	})
}

func (t *Tracking) notices(c casefile.Case) {
	if c.Booking.Disputed() {
		t.Notices = append(t.Notices, Text{"有亲属提出了不同意见，办理暂停。殡仪馆会与各位亲属联系。", "A relative has another view; everything waits. The funeral home will call the relatives."})
	}
	if holds := c.Cremation.OpenHolds(); len(holds) > 0 && !(len(holds) == 1 && holds[0].Kind == cremation.HoldDispute && c.Booking.Disputed()) {
		t.Notices = append(t.Notices, Text{"办理暂停，殡仪馆会与您联系，说明原因和下一步。", "Everything waits for now. The funeral home will call you and explain why and what comes next."})
	}
	for _, w := range c.Waiting {
		if w.Offer.Slot != "" {
			t.Notices = append(t.Notices, Text{"候补有了时间：" + sayTime(w.Offer.Start) + "。请在 " + sayTime(w.Offer.Until) + " 前答复。",
				"A time has come free: " + enTime(w.Offer.Start) + ". Please answer by " + enTime(w.Offer.Until) + "."})
		} else {
			t.Notices = append(t.Notices, Text{"您在候补中，有时间就通知您。", "You are on the waiting list; we will tell you when a time comes free."})
		}
	}
	for _, s := range c.Slots {
		if !s.Confirmed && !s.Until.IsZero() {
			t.Notices = append(t.Notices, Text{sayTime(s.Start) + "为您留到 " + sayTime(s.Until) + "，请确认。", enTime(s.Start) + " is kept for you until " + enTime(s.Until) + "; please confirm it."})
		}
	}
}

func (t *Tracking) money(c casefile.Case) {
	m := c.Money
	t.Money = Money{Due: m.Due, Relief: m.Relief, Paid: m.Paid, Owed: m.Owed, Back: m.Unreturned}
	if m.Agreed.Type != "" {
		t.Money.Agreed = domain.DateOf(when(m.Agreed))
	}
	var zh, en []string
	switch {
	case len(m.Lines) == 0:
		zh, en = append(zh, "还没有报价。"), append(en, "There is no quote yet.")
	case t.Money.Agreed == "":
		zh = append(zh, fmt.Sprintf("报价 %s 元，要您同意以后才算数。", m.Due))
		en = append(en, fmt.Sprintf("The quote is %s yuan; it counts once you have agreed.", m.Due))
	default:
		zh = append(zh, fmt.Sprintf("一共 %s 元，是您 %s签字的报价。", m.Due, sayDate(t.Money.Agreed)))
		en = append(en, fmt.Sprintf("%s yuan in all, as you agreed on %s.", m.Due, t.Money.Agreed))
	}
	if m.Relief > 0 {
		zh, en = append(zh, fmt.Sprintf("已减去 %s 元。", m.Relief)), append(en, fmt.Sprintf("%s yuan have been taken off already.", m.Relief))
	}
	if m.Claimed {
		zh, en = append(zh, "减免正在核定，核定前不用先交这一部分。"), append(en, "Relief is being decided; that part is not to be paid before.")
	}
	switch {
	case m.Unreturned > 0:
		zh, en = append(zh, fmt.Sprintf("要退给您 %s 元。", m.Unreturned)), append(en, fmt.Sprintf("%s yuan are to be given back to you.", m.Unreturned))
	case m.Paid > 0 && m.Owed > 0:
		zh, en = append(zh, fmt.Sprintf("已付 %s 元，还要付 %s 元。", m.Paid, m.Owed)), append(en, fmt.Sprintf("%s yuan are paid, %s yuan are still to be paid.", m.Paid, m.Owed))
	case m.Paid > 0:
		zh, en = append(zh, "已经付清。"), append(en, "Everything is paid.")
	case len(m.Lines) > 0 && m.Due == 0:
		zh, en = append(zh, "不用付钱。"), append(en, "There is nothing to pay.")
	}
	t.Money.Text = Text{strings.Join(zh, ""), strings.Join(en, " ")}
}

// looked are the parts of a case in words.
var looked = map[access.What]Text{
	access.File: {"办理业务", "work on the case"}, access.Numbers: {"查看完整号码", "looked at full numbers"},
	access.Paper: {"打印文书", "printed a paper"}, access.Handover: {"交接班核对", "handover between shifts"},
}

func (t *Tracking) looks(c casefile.Case) {
	for _, a := range c.Reads {
		if b, ok := a.Body.(access.Read); ok {
			t.Looks = append(t.Looks, Look{At: b.At, Who: t.Home, What: looked[b.What], Why: b.Reason})
		}
	}
}

var weekdays = [...]string{"周日", "周一", "周二", "周三", "周四", "周五", "周六"}

func sayTime(t time.Time) string {
	l := t.In(domain.Shanghai)
	return fmt.Sprintf("%s%d:%02d", sayDay(t), l.Hour(), l.Minute())
}

func sayDay(t time.Time) string {
	l := t.In(domain.Shanghai)
	return fmt.Sprintf("%d 月 %d 日%s ", int(l.Month()), l.Day(), weekdays[l.Weekday()])
}

func sayDate(d domain.Date) string {
	l := d.Start()
	return fmt.Sprintf("%d 月 %d 日", int(l.Month()), l.Day())
}

func enTime(t time.Time) string { return t.In(domain.Shanghai).Format("Monday 2 January, 15:04") }
func enDay(t time.Time) string  { return t.In(domain.Shanghai).Format("Monday 2 January") }

// relative is how people call a day that is near: "后天，".
func relative(t, now time.Time) string {
	today := domain.DateOf(now)
	switch domain.DateOf(t) {
	case today:
		return "今天，"
	case today.AddDays(1):
		return "明天，"
	case today.AddDays(2):
		return "后天，"
	}
	return ""
}
