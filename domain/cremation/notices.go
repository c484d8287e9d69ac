package cremation

import (
	"cmp"
	"slices"
	"time"

	"shenzhong/domain"
)

// A Clock is what the notices about a share count from. A clock makes a list
// longer and nothing else: no ashes go anywhere because of one.
type Clock string

// The clocks.
const (
	ClockUnclaimed Clock = "UNCLAIMED" // days after the cremation in which nobody came
	ClockTerm      Clock = "TERM"      // days before the last day of a deposit
)

// A NoticeWay is how a notice reached the family, or tried to.
type NoticeWay string

// The ways.
const (
	ByMessage     NoticeWay = "MESSAGE"
	ByCall        NoticeWay = "CALL"
	ByLetter      NoticeWay = "LETTER"
	ByVisit       NoticeWay = "VISIT"
	ByPublication NoticeWay = "PUBLICATION"
)

// NoticeWays lists every way, in the order of menus.
var NoticeWays = []NoticeWay{ByMessage, ByCall, ByLetter, ByVisit, ByPublication}

// NoticeServed says that one notice of the published schedule was served, and
// how.
type NoticeServed struct {
	Share     int                    `json:"share"`
	Clock     Clock                  `json:"clock"`
	From      domain.Date            `json:"from"` // what the clock counts from
	Step      int                    `json:"step"` // 1 is the first
	Due       domain.Date            `json:"due"`
	Way       NoticeWay              `json:"way"`
	ServedOn  domain.Date            `json:"served_on"`
	Reference domain.Private[string] `json:"reference,omitzero"` // who was reached, the letter's number
	By        string                 `json:"by"`
}

func (NoticeServed) cremationEvent() {}
func (NoticeServed) ashesEvent()     {}

// ServeNotice records that a notice was served.
type ServeNotice struct {
	domain.Act
	Share     int // zero: the only one in custody
	Clock     Clock
	Step      int
	Way       NoticeWay
	ServedOn  domain.Date
	Reference domain.Private[string]
	Schedule  NoticeSchedule // fact: the published one
}

func (ServeNotice) cremationCommand() {}
func (ServeNotice) ashesCommand()     {}

// A NoticeSchedule is when families are told: an administrator's parameters, and
// published.
type NoticeSchedule struct {
	Unclaimed []int // days after the day of the cremation
	Term      []int // days before the last day of the deposit
}

// A Notice is one of the schedule, for one share.
type Notice struct {
	Share  int
	Clock  Clock
	From   domain.Date
	Step   int
	Due    domain.Date
	Served NoticeServed // zero By: not yet
}

// Notices are those of every share in custody, as the schedule has them, the
// earliest first. A deposit that was extended counts anew. The clock of ashes
// that nobody took runs from the day on which the cremation began, which is
// always known; its end may not be.
func (s CremationState) Notices(by NoticeSchedule) []Notice {
	var ns []Notice
	for _, x := range s.Shares {
		if !x.InCustody() {
			continue
		}
		clock, from, days, sign := ClockUnclaimed, domain.DateOf(s.Started.At), slices.Sorted(slices.Values(by.Unclaimed)), 1
		if x.Deposited.Agreement != "" {
			clock, from, days, sign = ClockTerm, x.Deposited.Until, slices.Sorted(slices.Values(by.Term)), -1
			slices.Reverse(days)
		}
		for i, d := range days {
			n := Notice{Share: x.Share, Clock: clock, From: from, Step: i + 1, Due: from.AddDays(sign * d)}
			for _, e := range x.Notices {
				if e.Clock == n.Clock && e.From == n.From && e.Step == n.Step {
					n.Due, n.Served = e.Due, e
				}
			}
			ns = append(ns, n)
		}
	}
	slices.SortStableFunc(ns, func(a, b Notice) int { return cmp.Compare(a.Due, b.Due) })
	return ns
}

// DueNotices are those that should have been served by that day and were not.
func (s CremationState) DueNotices(by NoticeSchedule, today domain.Date) []Notice {
	return slices.DeleteFunc(s.Notices(by), func(n Notice) bool { return n.Served.By != "" || n.Due > today })
}

var (
	// ErrNoticeUnknown refuses a notice that the schedule does not have.
	ErrNoticeUnknown = domain.Reject("ashes_notice_unknown", "公布的通知安排里没有这一次。", "The published schedule has no such notice.").Under("I11", "")
	// ErrNoticeEarly refuses a notice before its day: what was published holds for both sides.
	ErrNoticeEarly = domain.Reject("ashes_notice_early", "这一次通知要到 %s 才发。", "This notice is not due before %s.").Under("I11", "")
	// ErrNoticeServed refuses to serve the same notice with other words.
	ErrNoticeServed = domain.Reject("ashes_notice_served", "这一次通知已经登记。", "This notice is recorded as served.").Under("I11", "")
	// ErrNoticeWay refuses a notice that does not say how it was served.
	ErrNoticeWay = domain.Reject("ashes_notice_way", "请写明通知的方式和日期。", "How and on which day the notice was served is needed.").Under("I11", "")
)

func (s CremationState) serveNotice(c ServeNotice) ([]CremationEvent, error) {
	x, err := s.share(c.Share)
	if err != nil {
		return nil, err
	}
	ns := s.Notices(c.Schedule)
	i := slices.IndexFunc(ns, func(n Notice) bool { return n.Share == x.Share && n.Clock == c.Clock && n.Step == c.Step })
	if i < 0 {
		return nil, ErrNoticeUnknown
	}
	n := ns[i]
	switch {
	case n.Served.By == c.By && n.Served.Way == c.Way && n.Served.ServedOn == c.ServedOn:
		return nil, nil
	case n.Served.By != "":
		return nil, ErrNoticeServed
	case !slices.Contains(NoticeWays, c.Way) || !c.ServedOn.Valid():
		return nil, ErrNoticeWay
	case c.ServedOn > domain.DateOf(c.Now):
		return nil, ErrDay.With(c.ServedOn)
	case c.ServedOn < n.Due:
		return nil, ErrNoticeEarly.With(n.Due)
	}
	return []CremationEvent{NoticeServed{n.Share, n.Clock, n.From, n.Step, n.Due, c.Way, c.ServedOn, c.Reference, c.By}}, nil
}

// Overdue is how many days a notice is late on that day; zero before its day.
func (n Notice) Overdue(today domain.Date) int {
	if n.Served.By != "" || n.Due >= today {
		return 0
	}
	return int(today.Start().Sub(n.Due.Start()) / (24 * time.Hour))
}

// renumbered are the notices of a share as its parts have them.
func renumbered(ns []NoticeServed, share int) []NoticeServed {
	ns = slices.Clone(ns)
	for i := range ns {
		ns[i].Share = share
	}
	return ns
}
