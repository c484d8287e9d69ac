package web

import (
	"cmp"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/handlers"
	"shenzhong/projections/frontdesk"
)

// noticeList is what families are to be told about ashes that the house keeps.
type noticeList struct {
	Today domain.Date
	Due   []noticeRow
	Next  []noticeRow
	AsOf  AsOf
}

type noticeRow struct {
	frontdesk.Custody
	Clock cremation.Clock
	Step  int
	On    domain.Date
	Late  int // days
}

// soon is how many days ahead the list looks.
const soon = 30

// notices lists the clocks of ashes: what is due, and what comes within a month.
// Who is in the house comes from the read model, how each clock stands from the
// cremation's own stream.
func (d *Desk) notices(v *visit) error {
	now := d.app.Now()
	all, asOf, err := d.data.Custody(v.ctx(), v.institution(), now)
	if err != nil {
		return err
	}
	in, _, err := d.app.Institutions.Load(v.ctx(), v.institution())
	if err != nil {
		return err
	}
	p, err := d.app.ParametersOf(v.ctx(), in)
	if err != nil {
		return err
	}
	l := noticeList{Today: domain.DateOf(now), AsOf: asOf}
	schedule := handlers.NoticeSchedule(p)
	for _, x := range all {
		if x.Stage != frontdesk.Ashes {
			continue
		}
		s, _, err := d.app.Cremations.Load(v.ctx(), x.Case)
		if err != nil {
			return err
		}
		for _, n := range s.DueNotices(schedule, l.Today.AddDays(soon)) {
			r := noticeRow{x, n.Clock, n.Step, n.Due, n.Overdue(l.Today)}
			if n.Due <= l.Today {
				l.Due = append(l.Due, r)
			} else {
				l.Next = append(l.Next, r)
			}
		}
	}
	for _, rows := range [][]noticeRow{l.Due, l.Next} {
		slices.SortStableFunc(rows, func(a, b noticeRow) int { return cmp.Compare(a.On, b.On) })
	}
	return d.send(v, "desk-notices", "/desk/notices", l, &l.AsOf)
}
