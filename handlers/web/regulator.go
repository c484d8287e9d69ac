package web

import (
	"cmp"
	"context"
	"database/sql"
	"html/template"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/watch"
)

// The regulator's console. Its pages are pages of the desk (one sign-in, one
// frame, the same guard) under /regulator, with a menu of their own. Whoever
// adds pages adds them to regulatorPages, their templates to regulatorPageNames
// and their address to regulatorSections.

// regulatorPages are the pages of the console.
func (d *Desk) regulatorPages() []deskPage {
	return []deskPage{
		{http.MethodGet, "/regulator", "view_regulator", d.city},
		{http.MethodGet, "/regulator/ledger/{code}", "view_regulator", d.ledger},
		{http.MethodGet, "/regulator/anomalies", "view_regulator", d.anomalies},
		{http.MethodGet, "/regulator/duties", "view_regulator", d.dutyList},
		{http.MethodGet, "/regulator/events/{position}", "view_regulator", d.evidence},
		{http.MethodGet, "/regulator/export.{format:csv|xlsx}", "view_regulator", d.cityExtract},
		{http.MethodGet, "/regulator/ledger/{code}/export.{format:csv|xlsx}", "view_regulator", d.ledgerExtract},
		{http.MethodGet, "/regulator/ledger/{code}/audit.zip", "view_regulator", d.auditPack},
		{http.MethodGet, "/regulator/anomalies/export.{format:csv|xlsx}", "view_regulator", d.anomalyExtract},
		{http.MethodGet, "/regulator/charges/export.{format:csv|xlsx}", "view_regulator", d.chargeExtract},
	}
}

// regulatorPageNames are their templates, drawn in the frame of the desk.
var regulatorPageNames = []string{"regulator-city", "regulator-ledger", "regulator-anomalies", "regulator-duties", "regulator-evidence"}

// regulatorSections is the menu of the console. A regulator has it on the desk's
// pages too, so that there is one menu for one role.
var regulatorSections = []menuEntry{
	{section{"/regulator", ""}, "view_regulator"},
	{section{"/regulator/complaints", ""}, "view_regulator"},
	{section{"/regulator/reviews", ""}, "view_regulator"},
	{section{"/regulator/inspections", ""}, "view_regulator"},
	{section{"/regulator/penalties", ""}, "view_regulator"},
	{section{"/regulator/credit", ""}, "view_regulator"},
	{section{"/regulator/anomalies", ""}, "view_regulator"},
	{section{"/regulator/duties", ""}, "view_regulator"},
	{section{"/desk/eco-burial", ""}, "view_eco"},
	{section{"/desk/voyages", ""}, "view_voyages"},
	{section{"/desk/cemeteries", ""}, "view_places"},
}

// A menuEntry is a section and who may open it.
type menuEntry struct {
	section
	op handlers.Operation
}

// menu is what somebody may open, in the order of the role.
func menu(a *handlers.Account) []section {
	entries := deskSections
	if regulates(a) {
		entries = append(slices.Clone(regulatorSections), slices.DeleteFunc(slices.Clone(deskSections), func(e menuEntry) bool {
			return slices.ContainsFunc(regulatorSections, func(r menuEntry) bool { return r.At == e.At })
		})...)
	}
	var open []section
	for _, e := range entries {
		if handlers.Allow(a, e.op, cmp.Or(a.Institution, "-")) == nil {
			open = append(open, e.section)
		}
	}
	return open
}

func regulates(a *handlers.Account) bool { return handlers.Allow(a, "view_regulator", "") == nil }

// A history says which of two histories a page of the console shows: what was
// known on a day, or what was true on it with everything that was corrected
// since. Without a day both are the same: now.
type history struct {
	On    domain.Date
	Today domain.Date
	// Known asks for what the log held at the end of On; otherwise everything
	// that it holds now counts, for the facts of On.
	Known bool
	// Began is the day on which the log recorded its first event; empty while
	// there is none.
	Began domain.Date
}

// Nothing says that nothing at all was on record yet: a figure would be neither
// right nor wrong, and zero would be both.
func (h history) Nothing() bool { return h.Known && (h.Began == "" || h.On < h.Began) }

// Until is the last day whose records count; empty means all of them.
func (h history) Until() domain.Date {
	if h.Known {
		return h.On
	}
	return ""
}

// View is the switch as the address writes it.
func (h history) View() string {
	if h.Known {
		return "known"
	}
	return "true"
}

// Past says that it is not about today.
func (h history) Past() bool { return h.On < h.Today }

// Query is what an address needs to stay in this history: a day and a word, safe
// in any address as they are.
func (h history) Query() template.URL {
	return template.URL("on=" + string(h.On) + "&view=" + h.View())
}

// historyOf reads the two switches of a page.
func (d *Desk) historyOf(v *visit) (history, error) {
	h := history{Today: domain.DateOf(d.app.Now())}
	h.On = domain.Date(cmp.Or(v.r.URL.Query().Get("on"), string(h.Today)))
	if _, err := domain.ParseDate(string(h.On)); err != nil {
		return h, err
	}
	if h.On > h.Today {
		return h, errDayAhead.With(h.On)
	}
	h.Known = v.r.URL.Query().Get("view") != "true"
	v.keep = []string{"on", "view"}
	began, err := d.app.Began(v.ctx())
	if err == nil && !began.IsZero() {
		h.Began = domain.DateOf(began)
	}
	return h, err
}

// A RegulatorSource answers what the console shows of the whole city.
type RegulatorSource interface {
	// Standings is every institution's standing on a day, by what was recorded
	// until the end of known, or by everything for "".
	Standings(ctx context.Context, on, known domain.Date) ([]servicecredit.Standing, AsOf, error)
	// CreditInstitution is one institution that has a ledger.
	CreditInstitution(ctx context.Context, code domain.CreditCode) (servicecredit.Institution, AsOf, error)
	// Watched is what is out of line, the price lists and the cremations of
	// fourteen days, in the same two histories.
	Watched(ctx context.Context, l watch.Limits, on, known domain.Date) (watched, AsOf, error)
	// EcoMonths are the months of the eco-burial ratio up to a day.
	EcoMonths(ctx context.Context, on, known domain.Date) ([]ecoMonth, error)
	// EcoOf is what every institution buried in the twelve months up to a day.
	EcoOf(ctx context.Context, on domain.Date) (map[domain.CreditCode]ecoratio.Counts, error)
	// Charges are what was charged and refused from one day to another.
	Charges(ctx context.Context, from, until domain.Date) ([]watch.Charge, []watch.Try, AsOf, error)
	// Positions are where events are on the log, as far as the tree has them.
	Positions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]events.Position, error)
	// Leaves are the leaves of events, by position.
	Leaves(ctx context.Context, at []events.Position) (map[events.Position]tlog.Hash, error)
}

// Standings implements RegulatorSource.
func (m *ReadModels) Standings(ctx context.Context, on, known domain.Date) (ss []servicecredit.Standing, asOf AsOf, err error) {
	asOf, err = m.look(ctx, servicecredit.Name, func(tx *sql.Tx) (err error) {
		ss, err = servicecredit.Reader{DB: tx}.Standings(ctx, on, known)
		return err
	})
	return ss, asOf, err
}

// A cityPage is the overview.
type cityPage struct {
	History history
	Rows    []cityRow
	// Month is the last month of the eco-burial ratio that this history knows.
	Month     *ecoMonth
	Burned    int // cremations of the last fourteen days
	Refused   int // tries of the last thirty days
	Open      int // anomalies that nobody explained
	Overdue   int
	Authority int // overdue of the authority itself
	Anomalies []anomalyRow
	Duties    []dutyRow
	Days      *dayChart
	Months    []monthBar
	AsOf      AsOf
	ThisMonth string
}

// A cityRow is one institution.
type cityRow struct {
	servicecredit.Standing
	Name      Text
	List      any    // int: version of the list in force; nil: none
	ListState string // none, stale, current
	ListLate  int    // days beyond the time
	Furnaces  int
	Halls     int
	Eco       ecoratio.Counts // of twelve months, by what is known today
	Anomalies int             // open
	Overdue   int
}

// A dayChart is the cremations of some days as bars.
type dayChart struct {
	Bars []dayBar
	Most int
}

type dayBar struct {
	X, Y, H, Middle, Above string
	On                     domain.Date
	Count                  int
}

func drawDays(days []watch.Day) *dayChart {
	c := &dayChart{}
	for _, d := range days {
		c.Most = max(c.Most, d.Count)
	}
	if c.Most == 0 {
		return nil
	}
	for i, d := range days {
		x, h := 36+44.3*float64(i), 110*float64(d.Count)/float64(c.Most)
		c.Bars = append(c.Bars, dayBar{num(x), num(150 - h), num(h), num(x + 15), num(144 - h), d.On, d.Count})
	}
	return c
}

// A monthBar is a month of the city's eco-burial ratio beside its numbers.
type monthBar struct {
	ecoMonth
	Bar bar
}

func (d *Desk) city(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	p, err := d.cityPageOf(v.ctx(), h)
	if err != nil {
		return err
	}
	c := p.view
	for _, a := range c.Watched.Anomalies {
		if a.Closed == "" && len(p.Anomalies) < cityRows {
			p.Anomalies = append(p.Anomalies, c.rowOf(v, a))
		}
	}
	return d.send(v, "regulator-city", "/regulator", p.cityPage, &p.AsOf)
}

// cityRows is how many duties and anomalies the overview names; the rest stands
// on pages of their own.
const cityRows = 8

type cityPageView struct {
	cityPage
	view cityView
}

func (d *Desk) cityPageOf(ctx context.Context, h history) (p cityPageView, err error) {
	c, err := d.cityOf(ctx, h)
	if err != nil {
		return p, err
	}
	p.view = c
	p.History, p.AsOf, p.ThisMonth = h, c.AsOf, string(h.On)[:7]
	for _, x := range c.Watched.Cremations {
		p.Burned += x.Count
	}
	p.Days = drawDays(c.Watched.Cremations)
	for _, a := range c.Watched.Anomalies {
		if a.Closed == "" {
			p.Open++
		}
		if a.Kind == watch.Refused && a.On > h.On.AddDays(-30) {
			p.Refused++
		}
	}
	rows, _ := c.dutyRows()
	for _, x := range rows {
		if x.Late > 0 {
			p.Overdue++
			if x.Authority {
				p.Authority++
			}
		}
	}
	p.Duties = rows[:min(len(rows), cityRows)]
	for _, m := range c.Eco {
		if m.Division == "" {
			p.Months = append(p.Months, monthBar{m, drawBar(EcoCount{Whole: m.Interments, Strict: m.Strict, Broad: m.Broad})})
			p.Month = &m
		}
	}
	eco, err := d.data.EcoOf(ctx, h.On)
	if err != nil {
		return p, err
	}
	inForce, newest := c.lists()
	for _, s := range c.Standings {
		r := cityRow{Standing: s, Name: c.Names[s.Code], Eco: eco[s.Code], ListState: "none"}
		if l, ok := inForce[s.Code]; ok {
			r.List, r.ListState = l.Version, "current"
		} else if _, ok := newest[s.Code]; ok {
			r.ListState = "ahead"
		}
		in, _, err := d.app.Institutions.Load(ctx, string(s.Code))
		if err != nil {
			return p, err
		}
		for _, x := range in.Resources {
			if x.ServesOn(h.On) {
				switch x.Kind {
				case institution.Furnace:
					r.Furnaces++
				case institution.Hall:
					r.Halls++
				}
			}
		}
		for _, a := range c.Watched.Anomalies {
			if a.Institution == s.Code && a.Closed == "" {
				r.Anomalies++
			}
		}
		for _, x := range c.Duties {
			if x.Institution == s.Code && x.Late > 0 && !x.Authority {
				r.Overdue++
				if x.Kind == "PRICE_LIST" {
					r.ListState, r.ListLate = "stale", x.Late
				}
			}
		}
		p.Rows = append(p.Rows, r)
	}
	return p, nil
}

// EcoOf implements RegulatorSource: what every institution buried in the twelve
// months up to a day, by what is known today.
func (m *ReadModels) EcoOf(ctx context.Context, on domain.Date) (of map[domain.CreditCode]ecoratio.Counts, err error) {
	of = map[domain.CreditCode]ecoratio.Counts{}
	_, err = m.look(ctx, ecoratio.Name, func(tx *sql.Tx) error {
		r := ecoratio.Reader{DB: tx}
		rs, err := tx.QueryContext(ctx, `SELECT DISTINCT institution FROM tally`)
		if err != nil {
			return err
		}
		defer rs.Close()
		var codes []string
		for rs.Next() {
			var s string
			if err := rs.Scan(&s); err != nil {
				return err
			}
			codes = append(codes, s)
		}
		if err := rs.Err(); err != nil {
			return err
		}
		for _, s := range codes {
			if of[domain.CreditCode(s)], err = r.Total(ctx, ecoratio.Filter{From: on.AddMonths(-11), Until: on, Institution: s}); err != nil {
				return err
			}
		}
		return nil
	})
	return of, err
}
