package institution

import (
	"slices"
	"time"

	"shenzhong/domain"
)

// A Skill is what a member of staff is qualified for (I19).
type Skill string

// The skills.
const (
	Cremator  Skill = "CREMATOR"  // runs a furnace
	Embalmer  Skill = "EMBALMER"  // dresses and restores remains
	Driver    Skill = "DRIVER"    // collects remains
	Inspector Skill = "INSPECTOR" // inspects furnaces and pressure vessels
)

// Skills lists every skill, in the order of menus.
var Skills = []Skill{Cremator, Embalmer, Driver, Inspector}

type (
	// MaintenancePlanned takes a resource out of use for a while.
	MaintenancePlanned struct {
		Window   string    `json:"window"` // unique within the institution
		Resource string    `json:"resource"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
		Reason   string    `json:"reason"`
	}
	// MaintenanceCancelled gave the time back.
	MaintenanceCancelled struct {
		Window string `json:"window"`
		Reason string `json:"reason"`
	}
	// ResourceTimed fixed how long each service takes there, and when it is
	// cleaned down every day.
	ResourceTimed struct {
		Resource  string     `json:"resource"`
		Durations []Duration `json:"durations,omitzero"`
		CleanDown []Span     `json:"clean_down,omitzero"`
	}
	// StaffQualified recorded a licence or training of a member of staff.
	StaffQualified struct {
		Account    string      `json:"account"`
		Skill      Skill       `json:"kind"`
		ValidFrom  domain.Date `json:"valid_from"`
		ValidUntil domain.Date `json:"valid_until,omitzero"` // last day; empty: without end
		Document   string      `json:"document,omitzero"`
	}
	// StaffDisqualified ended it from that day on.
	StaffDisqualified struct {
		Account string      `json:"account"`
		Skill   Skill       `json:"kind"`
		From    domain.Date `json:"from"`
		Reason  string      `json:"reason"`
	}
)

func (MaintenancePlanned) institutionEvent()   {}
func (MaintenanceCancelled) institutionEvent() {}
func (ResourceTimed) institutionEvent()        {}
func (StaffQualified) institutionEvent()       {}
func (StaffDisqualified) institutionEvent()    {}

// A Duration is how long one service takes, by its catalogue code.
type Duration struct {
	Code    string `json:"code"` // "HAL-S", "CRM-TRAY"
	Minutes int    `json:"minutes"`
}

// A Span is a part of every day.
type Span struct {
	From domain.Clock `json:"from"`
	To   domain.Clock `json:"to"`
}

// DefaultMinutes are proposals of ours ([P]) for services that no institution
// has timed: set-up included, from what other cities' halls and furnaces take.
var DefaultMinutes = map[string]int{"HAL-S": 60, "HAL-M": 90, "HAL-L": 120, "CRM-FLAT": 75, "CRM-STD": 75, "CRM-TRAY": 120, "CRM-SOLO": 120}

type (
	// PlanMaintenance takes a resource out of use for a while. The days that it
	// touches are blocked in the schedule.
	PlanMaintenance struct {
		domain.Act
		MaintenancePlanned
	}
	// CancelMaintenance gives the time back.
	CancelMaintenance struct {
		domain.Act
		MaintenanceCancelled
	}
	// TimeResource fixes how long services take and when it is cleaned down.
	TimeResource struct {
		domain.Act
		ResourceTimed
	}
	// QualifyStaff records a licence or training.
	QualifyStaff struct {
		domain.Act
		StaffQualified
	}
	// DisqualifyStaff ends it.
	DisqualifyStaff struct {
		domain.Act
		StaffDisqualified
	}
)

func (PlanMaintenance) institutionCommand()   {}
func (CancelMaintenance) institutionCommand() {}
func (TimeResource) institutionCommand()      {}
func (QualifyStaff) institutionCommand()      {}
func (DisqualifyStaff) institutionCommand()   {}

// A Window is a maintenance window, planned or cancelled.
type Window struct {
	MaintenancePlanned
	Cancelled bool
}

// A Qualification is one of a member of staff.
type Qualification struct {
	StaffQualified
	EndedFrom domain.Date // first day without it; empty while it holds
}

// Minutes is how long a service takes at the resource, by its catalogue code.
func (r Resource) Minutes(code string) int {
	if i := slices.IndexFunc(r.Durations, func(d Duration) bool { return d.Code == code }); i >= 0 {
		return r.Durations[i].Minutes
	}
	if n := DefaultMinutes[code]; n > 0 {
		return n
	}
	return r.SlotMinutes
}

// MaintenanceOn lists the windows of a resource that touch the day and were not
// cancelled.
func (s State) MaintenanceOn(resource string, d domain.Date) (ws []Window) {
	from, to := d.Start(), d.AddDays(1).Start()
	for _, w := range s.Windows {
		if w.Resource == resource && !w.Cancelled && w.From.Before(to) && w.To.After(from) {
			ws = append(ws, w)
		}
	}
	return ws
}

// QualifiedOn says that the account may do what needs that skill on the day
// (I19).
func (s State) QualifiedOn(account string, k Skill, d domain.Date) bool {
	return slices.ContainsFunc(s.Staff, func(q Qualification) bool {
		return q.Account == account && q.Skill == k && q.ValidFrom <= d && (q.ValidUntil == "" || d <= q.ValidUntil) && (q.EndedFrom == "" || d < q.EndedFrom)
	})
}

func (s State) evolveUpkeep(e Event) State {
	switch e := e.(type) {
	case MaintenancePlanned:
		s.Windows = append(slices.Clip(s.Windows), Window{MaintenancePlanned: e})
	case MaintenanceCancelled:
		s.Windows = slices.Clone(s.Windows)
		for i := range s.Windows {
			if s.Windows[i].Window == e.Window {
				s.Windows[i].Cancelled = true
			}
		}
	case ResourceTimed:
		s.Resources = slices.Clone(s.Resources)
		for i := range s.Resources {
			if s.Resources[i].Resource == e.Resource {
				s.Resources[i].Durations, s.Resources[i].CleanDown = e.Durations, e.CleanDown
			}
		}
	case StaffQualified:
		s.Staff = append(slices.Clip(s.Staff), Qualification{StaffQualified: e})
	case StaffDisqualified:
		s.Staff = slices.Clone(s.Staff)
		for i := range s.Staff {
			if q := &s.Staff[i]; q.Account == e.Account && q.Skill == e.Skill && (q.EndedFrom == "" || e.From < q.EndedFrom) {
				q.EndedFrom = e.From
			}
		}
	}
	return s
}

// The rejections about upkeep and staff.
var (
	ErrWindow        = domain.Reject("maintenance_invalid", "检修要写明编号和起止时间，止在起之后，最长 90 天。", "Maintenance needs its id and its times, the end after the beginning, at most 90 days.")
	ErrWindowPast    = domain.Reject("maintenance_in_past", "检修的结束时间已经过去。", "The maintenance would end in the past.")
	ErrWindowExists  = domain.Reject("maintenance_exists", "检修 %s 已经安排，内容不同。", "Maintenance %s is planned already, with other times.")
	ErrWindowOverlap = domain.Reject("maintenance_overlaps", "这个设施在这段时间已经安排检修 %s。", "Maintenance %s is planned for this resource at that time already.")
	ErrNoWindow      = domain.Reject("maintenance_unknown", "没有安排检修 %s。", "There is no maintenance %s.")
	ErrTiming        = domain.Reject("resource_timing_invalid", "服务时长要大于零、不超过开放时间；清理时间要在开放时间之内。", "A service takes more than nothing and no longer than the opening hours; cleaning lies within them.")
	ErrStaff         = domain.Reject("qualification_incomplete", "资格要写明帐号、种类和有效期，止期不早于起期。", "A qualification needs its account, its kind and its dates, the last not before the first.").Under("I19", "")
	ErrNoStaff       = domain.Reject("qualification_unknown", "没有登记这项资格。", "No such qualification is recorded.").Under("I19", "")
)

const maxWindow = 90 * 24 * time.Hour

func (s State) planMaintenance(c PlanMaintenance) ([]Event, error) {
	w := c.MaintenancePlanned
	w.From, w.To = w.From.UTC(), w.To.UTC()
	for _, have := range s.Windows {
		if have.Window != w.Window {
			continue
		}
		if have.MaintenancePlanned == w {
			return nil, nil
		}
		return nil, ErrWindowExists.With(w.Window)
	}
	r, ok := s.Resource(w.Resource)
	switch {
	case !ok:
		return nil, ErrNoResource.With(w.Resource)
	case !validName(w.Window, 40) || w.From.IsZero() || !w.To.After(w.From) || w.To.Sub(w.From) > maxWindow:
		return nil, ErrWindow
	case !w.To.After(c.Now):
		return nil, ErrWindowPast
	case !r.ServesOn(domain.DateOf(w.From)):
		return nil, ErrNoResource.With(w.Resource)
	case blank(w.Reason):
		return nil, ErrReason
	}
	for _, have := range s.Windows {
		if have.Resource == w.Resource && !have.Cancelled && have.From.Before(w.To) && w.From.Before(have.To) {
			return nil, ErrWindowOverlap.With(have.Window)
		}
	}
	return []Event{w}, nil
}

func (s State) cancelMaintenance(c CancelMaintenance) ([]Event, error) {
	i := slices.IndexFunc(s.Windows, func(w Window) bool { return w.Window == c.Window })
	switch {
	case i < 0:
		return nil, ErrNoWindow.With(c.Window)
	case s.Windows[i].Cancelled:
		return nil, nil
	case blank(c.MaintenanceCancelled.Reason):
		return nil, ErrReason
	}
	return []Event{c.MaintenanceCancelled}, nil
}

func (s State) timeResource(c TimeResource) ([]Event, error) {
	e := c.ResourceTimed
	e.Durations, e.CleanDown = slices.Clone(e.Durations), slices.Clone(e.CleanDown)
	r, ok := s.Resource(e.Resource)
	if !ok {
		return nil, ErrNoResource.With(e.Resource)
	}
	if slices.Equal(r.Durations, e.Durations) && slices.Equal(r.CleanDown, e.CleanDown) {
		return nil, nil
	}
	codes := map[string]bool{}
	for _, d := range e.Durations {
		if blank(d.Code) || codes[d.Code] || d.Minutes <= 0 || d.Minutes > r.Closes.Minutes()-r.Opens.Minutes() {
			return nil, ErrTiming
		}
		codes[d.Code] = true
	}
	for _, x := range e.CleanDown {
		if !x.From.Valid() || !x.To.Valid() || x.To <= x.From || x.From < r.Opens || x.To > r.Closes {
			return nil, ErrTiming
		}
	}
	return []Event{e}, nil
}

func (s State) qualify(c QualifyStaff) ([]Event, error) {
	q := c.StaffQualified
	switch {
	case blank(q.Account) || !slices.Contains(Skills, q.Skill) || !q.ValidFrom.Valid() || q.ValidUntil != "" && (!q.ValidUntil.Valid() || q.ValidUntil < q.ValidFrom):
		return nil, ErrStaff
	case slices.ContainsFunc(s.Staff, func(have Qualification) bool { return have.StaffQualified == q && have.EndedFrom == "" }):
		return nil, nil
	}
	return []Event{q}, nil
}

func (s State) disqualify(c DisqualifyStaff) ([]Event, error) {
	mine := func(q Qualification) bool { return q.Account == c.Account && q.Skill == c.Skill }
	switch {
	case !slices.ContainsFunc(s.Staff, mine):
		return nil, ErrNoStaff
	case !slices.ContainsFunc(s.Staff, func(q Qualification) bool { return mine(q) && (q.EndedFrom == "" || c.From < q.EndedFrom) }):
		return nil, nil
	case !c.From.Valid():
		return nil, ErrStaff
	case blank(c.StaffDisqualified.Reason):
		return nil, ErrReason
	}
	return []Event{c.StaffDisqualified}, nil
}
