package web

import (
	"cmp"
	"context"
	"database/sql"
	"net/http"
	"slices"

	"shenzhong/domain"
	"shenzhong/handlers"
	"shenzhong/projections/servicecredit"
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
	}
}

// regulatorPageNames are their templates, drawn in the frame of the desk.
var regulatorPageNames = []string{"regulator-city", "regulator-ledger"}

// regulatorSections is the menu of the console. A regulator has it on the desk's
// pages too, so that there is one menu for one role.
var regulatorSections = []menuEntry{
	{section{"/regulator", ""}, "view_regulator"},
	{section{"/regulator/credit", ""}, "view_regulator"},
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
}

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

// Query is what an address needs to stay in this history.
func (h history) Query() string {
	return "on=" + string(h.On) + "&view=" + h.View()
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
	return h, nil
}

// A RegulatorSource answers what the console shows of the whole city.
type RegulatorSource interface {
	// Standings is every institution's standing on a day, by what was recorded
	// until the end of known, or by everything for "".
	Standings(ctx context.Context, on, known domain.Date) ([]servicecredit.Standing, AsOf, error)
	// CreditInstitution is one institution that has a ledger.
	CreditInstitution(ctx context.Context, code domain.CreditCode) (servicecredit.Institution, AsOf, error)
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
	AsOf    AsOf
}

// A cityRow is one institution.
type cityRow struct {
	servicecredit.Standing
	Name Text
}

func (d *Desk) city(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	p := cityPage{History: h}
	ss, asOf, err := d.data.Standings(v.ctx(), h.On, h.Until())
	if err != nil {
		return err
	}
	p.AsOf = asOf
	for _, s := range ss {
		p.Rows = append(p.Rows, cityRow{s, Text{s.NameZh, s.NameEn}})
	}
	return d.send(v, "regulator-city", "/regulator", p, &p.AsOf)
}
