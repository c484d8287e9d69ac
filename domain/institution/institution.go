// Package institution keeps the register of funeral institutions: who they
// are, on which licence they work, and which halls, furnaces, cold bays and
// vehicles they have.
package institution

import (
	"slices"
	"strings"

	"shenzhong/domain"
)

// Category is the first part of an institution's stream name; the id is its
// credit code.
const Category = "institution"

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[Registered]("institution.registered.v1"),
	domain.Named[Licensed]("institution.licensed.v1"),
	domain.Named[ResourceAdded]("institution.resource_added.v1"),
	domain.Named[ResourceRetired]("institution.resource_retired.v1"),
	domain.Named[Renamed]("institution.renamed.v1"),
	domain.Named[MaintenancePlanned]("institution.maintenance_planned.v1"),
	domain.Named[MaintenanceCancelled]("institution.maintenance_cancelled.v1"),
	domain.Named[ResourceTimed]("institution.resource_timed.v1"),
	domain.Named[StaffQualified]("institution.staff_qualified.v1"),
	domain.Named[StaffDisqualified]("institution.staff_disqualified.v1"),
	domain.Named[ParameterSet]("parameters.set.v1"),
}

// A Kind is what an institution is. 殡葬管理条例 (2026) knows three kinds of
// facility, 殡仪馆, 骨灰堂 and 公墓; stations and sea-burial operators serve
// without one.
type Kind string

// The kinds of institution.
const (
	FuneralHome           Kind = "FUNERAL_HOME"
	FuneralServiceStation Kind = "FUNERAL_SERVICE_STATION"
	CemeteryPublicUrban   Kind = "CEMETERY_PUBLIC_URBAN"
	CemeteryPublicRural   Kind = "CEMETERY_PUBLIC_RURAL"
	CemeteryCommercial    Kind = "CEMETERY_COMMERCIAL"
	Columbarium           Kind = "COLUMBARIUM"
	SeaBurialOperator     Kind = "SEA_BURIAL_OPERATOR"
)

// Kinds lists every kind, in the order of menus.
var Kinds = []Kind{FuneralHome, FuneralServiceStation, CemeteryPublicUrban, CemeteryPublicRural, CemeteryCommercial, Columbarium, SeaBurialOperator}

// Facility says that k is one of the three facilities of 殡葬管理条例 (2026).
func (k Kind) Facility() bool { return k != FuneralServiceStation && k != SeaBurialOperator }

// An Operator is who runs an institution.
type Operator string

// The operators.
const (
	Government Operator = "GOVERNMENT"
	Village    Operator = "VILLAGE" // village committee or collective
	NonProfit  Operator = "NON_PROFIT"
	Commercial Operator = "COMMERCIAL"
)

// Operators lists every operator, in the order of menus.
var Operators = []Operator{Government, Village, NonProfit, Commercial}

// A ResourceKind is what can be booked at an institution.
type ResourceKind string

// The kinds of resource.
const (
	Hall    ResourceKind = "hall"
	Furnace ResourceKind = "furnace"
	ColdBay ResourceKind = "cold_bay"
	Vehicle ResourceKind = "vehicle"
	Vessel  ResourceKind = "vessel" // of a sea-burial operator
)

// ResourceKinds lists every kind of resource, in the order of menus.
var ResourceKinds = []ResourceKind{Hall, Furnace, ColdBay, Vehicle, Vessel}

// Event is a fact about one institution.
type Event interface{ institutionEvent() }

type (
	// Registered entered the institution in the register.
	Registered struct {
		CreditCode domain.CreditCode `json:"credit_code"`
		NameZh     string            `json:"name_zh"`
		NameEn     string            `json:"name_en,omitzero"`
		Kind       Kind              `json:"kind"`
		Division   domain.Division   `json:"division"`
		Address    string            `json:"address,omitzero"`
		Operator   Operator          `json:"operator"`
		// RegisteredOn is the day of its registration with the authority, empty
		// where nobody knows it any more.
		RegisteredOn domain.Date `json:"registered_on,omitzero"`
		// Fictitious marks an invented institution of a demo: no page may show
		// it without saying so.
		Fictitious bool `json:"fictitious,omitzero"`
	}
	// Licensed recorded one licence and the days on which it holds.
	Licensed struct {
		Licence    string      `json:"licence"` // what it permits, "operating"
		Number     string      `json:"number"`
		ValidFrom  domain.Date `json:"valid_from"`
		ValidUntil domain.Date `json:"valid_until,omitzero"` // last day; empty: without end
		Document   string      `json:"document,omitzero"`
	}
	// ResourceAdded put a hall, furnace, cold bay or vehicle into service.
	ResourceAdded struct {
		Resource string       `json:"resource"` // "hall-1", unique within the institution for ever
		Kind     ResourceKind `json:"kind"`
		NameZh   string       `json:"name_zh"`
		NameEn   string       `json:"name_en,omitzero"`
		Opens    domain.Clock `json:"opens"`
		Closes   domain.Clock `json:"closes"`
		// SlotMinutes is the grid on which bookings start, counted from Opens.
		SlotMinutes int `json:"slot_minutes"`
		// BufferMinutes is kept free after every booking, for cleaning.
		BufferMinutes int `json:"buffer_minutes,omitzero"`
		// Capacity is people for a hall and a vessel (the seats it is licensed for),
		// sets of remains for everything else.
		Capacity int `json:"capacity"`
	}
	// ResourceRetired took a resource out of service from that day on.
	ResourceRetired struct {
		Resource string      `json:"resource"`
		From     domain.Date `json:"from"`
		Reason   string      `json:"reason"`
	}
	// Renamed gave the institution another name.
	Renamed struct {
		NameZh   string `json:"name_zh"`
		NameEn   string `json:"name_en,omitzero"`
		Document string `json:"document,omitzero"`
	}
)

func (Registered) institutionEvent()      {}
func (Licensed) institutionEvent()        {}
func (ResourceAdded) institutionEvent()   {}
func (ResourceRetired) institutionEvent() {}
func (Renamed) institutionEvent()         {}

// Command asks one institution's register entry for something.
type Command interface {
	domain.Command
	institutionCommand()
}

type (
	// Register enters an institution in the register, once.
	Register struct {
		domain.Act
		Registered
	}
	// License records a licence.
	License struct {
		domain.Act
		Licensed
	}
	// AddResource puts a resource into service.
	AddResource struct {
		domain.Act
		ResourceAdded
	}
	// RetireResource takes a resource out of service.
	RetireResource struct {
		domain.Act
		ResourceRetired
	}
	// Rename gives the institution another name.
	Rename struct {
		domain.Act
		Renamed
	}
)

func (Register) institutionCommand()       {}
func (License) institutionCommand()        {}
func (AddResource) institutionCommand()    {}
func (RetireResource) institutionCommand() {}
func (Rename) institutionCommand()         {}

// A Resource is a ResourceAdded and whether it still serves.
type Resource struct {
	ResourceAdded
	RetiredFrom domain.Date // first day without it; empty while it serves
	Durations   []Duration  // as the institution timed them; see Minutes
	CleanDown   []Span      // every day
}

// ServesOn says that the resource had not been retired by that day.
func (r Resource) ServesOn(d domain.Date) bool { return r.RetiredFrom == "" || d < r.RetiredFrom }

// State is one institution as its events tell it. The embedded Registered
// carries the name it has now.
type State struct {
	Registered
	Licences  []Licensed
	Resources []Resource
	Windows   []Window // maintenance, as it was planned
	Staff     []Qualification
	first     Registered // as it was entered, whatever it is called today
}

// Exists says that the institution has been registered.
func (s State) Exists() bool { return s.CreditCode != "" }

// LicensedOn says that a licence covers the day (I19).
func (s State) LicensedOn(d domain.Date) bool {
	return slices.ContainsFunc(s.Licences, func(l Licensed) bool {
		return l.ValidFrom <= d && (l.ValidUntil == "" || d <= l.ValidUntil)
	})
}

// Resource finds a resource by its name, retired or not.
func (s State) Resource(name string) (Resource, bool) {
	i := slices.IndexFunc(s.Resources, func(r Resource) bool { return r.Resource == name })
	if i < 0 {
		return Resource{}, false
	}
	return s.Resources[i], true
}

// Institution decides for one institution.
var Institution = domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Registered:
		s.Registered, s.first = e, e
	case Licensed:
		s.Licences = append(slices.Clip(s.Licences), e)
	case ResourceAdded:
		s.Resources = append(slices.Clip(s.Resources), Resource{ResourceAdded: e})
	case ResourceRetired:
		s.Resources = slices.Clone(s.Resources)
		for i := range s.Resources {
			if s.Resources[i].Resource == e.Resource {
				s.Resources[i].RetiredFrom = e.From
			}
		}
	case Renamed:
		s.NameZh, s.NameEn = e.NameZh, e.NameEn
	case MaintenancePlanned, MaintenanceCancelled, ResourceTimed, StaffQualified, StaffDisqualified:
		return s.evolveUpkeep(e)
	}
	return s
}

// newFacilities is the day on which 殡葬管理条例 (2026) came into force: new
// facilities are run by government and without profit from then on.
const newFacilities domain.Date = "2026-03-30"

// The rejections of this context.
var (
	ErrNotRegistered = domain.Reject("institution_not_registered", "这家机构还没有登记。", "This institution is not in the register.")
	ErrRegistered    = domain.Reject("institution_registered", "这家机构已经登记过，内容不同。", "This institution is in the register already, with other particulars.")
	ErrName          = domain.Reject("institution_name_missing", "请填写机构名称。", "The institution needs a name.")
	ErrKind          = domain.Reject("institution_kind_unknown", "没有“%s”这类机构。", "There is no kind of institution %q.")
	ErrOperator      = domain.Reject("institution_operator_unknown", "没有“%s”这类举办者。", "There is no kind of operator %q.")
	ErrNewFacility   = domain.Reject("institution_not_public",
		"2026年3月30日起新设的殡葬服务机构由政府举办、非营利，这家机构不能登记。已有机构请写明原来的登记日期。",
		"Since 30 March 2026 new funeral facilities are run by government and without profit; this one cannot be registered. For an existing institution state the day of its registration.").
		Under("", "殡葬管理条例（国务院令第824号）")
	ErrFutureDate  = domain.Reject("date_in_future", "日期 %s 还没有到。", "The date %s has not come yet.").Under("I8", "")
	ErrLicence     = domain.Reject("licence_incomplete", "证照要写明种类、编号和有效期，止期不早于起期。", "A licence needs its kind, its number and its dates, the last not before the first.").Under("I19", "")
	ErrLicenceUsed = domain.Reject("licence_number_used", "编号 %s 的证照已经登记，有效期重叠而内容不同。", "Licence number %s is recorded already for some of these days, with other particulars.").Under("I19", "")
	ErrResource    = domain.Reject("resource_invalid", "设施登记的内容不对。", "The resource is not described properly.")
	ErrResourceID  = domain.Reject("resource_exists", "设施编号“%s”已经用过。", "The resource name %q has been used already.")
	ErrNoResource  = domain.Reject("resource_unknown", "没有编号为“%s”的设施。", "There is no resource %q.")
	ErrReason      = domain.Reject("reason_missing", "请写明原因。", "Please state the reason.")
)

func decide(s State, cmd Command) ([]Event, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(Register); ok {
		return s.register(c)
	}
	if !s.Exists() {
		return nil, ErrNotRegistered
	}
	switch c := cmd.(type) {
	case License:
		return s.license(c)
	case AddResource:
		return s.addResource(c)
	case RetireResource:
		return s.retireResource(c)
	case Rename:
		return s.rename(c)
	case PlanMaintenance:
		return s.planMaintenance(c)
	case CancelMaintenance:
		return s.cancelMaintenance(c)
	case TimeResource:
		return s.timeResource(c)
	case QualifyStaff:
		return s.qualify(c)
	case DisqualifyStaff:
		return s.disqualify(c)
	}
	panic("unreachable: sealed interface")
}

func (s State) register(c Register) ([]Event, error) {
	if s.Exists() {
		same := c.Registered // blanks around its names are none of the facts
		same.NameZh, same.NameEn = strings.TrimSpace(c.NameZh), strings.TrimSpace(c.NameEn)
		if s.first == same || s.first == c.Registered {
			return nil, nil
		}
		return nil, ErrRegistered
	}
	if code, err := domain.ParseCreditCode(string(c.CreditCode)); err != nil {
		return nil, err
	} else if code != c.CreditCode {
		return nil, domain.ErrCreditCode // not in its canonical form, which the stream's name is
	}
	if _, err := domain.ParseDivision(string(c.Division)); err != nil {
		return nil, err
	}
	var err error
	if c.NameZh, c.NameEn, err = names(c.NameZh, c.NameEn); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(Kinds, c.Kind):
		return nil, ErrKind.With(c.Kind)
	case !slices.Contains(Operators, c.Operator):
		return nil, ErrOperator.With(c.Operator)
	}
	if c.RegisteredOn != "" {
		if _, err := domain.ParseDate(string(c.RegisteredOn)); err != nil {
			return nil, err
		}
		if c.RegisteredOn > domain.DateOf(c.Now) {
			return nil, ErrFutureDate.With(c.RegisteredOn)
		}
	}
	if !c.public() && (c.RegisteredOn == "" || c.RegisteredOn >= newFacilities) {
		return nil, ErrNewFacility
	}
	return []Event{c.Registered}, nil
}

// public says that the institution is one that may still be founded. A village
// cemetery may be the village's own; those who serve without a facility are
// outside the rule.
func (r Registered) public() bool {
	switch {
	case !r.Kind.Facility():
		return true
	case r.Kind == CemeteryCommercial:
		return false
	case r.Kind == CemeteryPublicRural:
		return r.Operator == Government || r.Operator == Village
	}
	return r.Operator == Government
}

func (s State) license(c License) ([]Event, error) {
	l := c.Licensed
	if blank(l.Licence) || blank(l.Number) || !l.ValidFrom.Valid() || l.ValidUntil != "" && (!l.ValidUntil.Valid() || l.ValidUntil < l.ValidFrom) {
		return nil, ErrLicence
	}
	for _, have := range s.Licences {
		if have == l {
			return nil, nil
		}
		if have.Number == l.Number && have.Licence == l.Licence && have.overlaps(l) {
			return nil, ErrLicenceUsed.With(l.Number)
		}
	}
	return []Event{l}, nil
}

// overlaps says that both licences cover some day. A renewal may keep its
// number: it begins after the end of what it renews.
func (l Licensed) overlaps(o Licensed) bool {
	return (l.ValidUntil == "" || o.ValidFrom <= l.ValidUntil) && (o.ValidUntil == "" || l.ValidFrom <= o.ValidUntil)
}

func (s State) addResource(c AddResource) ([]Event, error) {
	r := c.ResourceAdded
	if have, ok := s.Resource(r.Resource); ok {
		if have.ResourceAdded == r && have.RetiredFrom == "" {
			return nil, nil
		}
		return nil, ErrResourceID.With(r.Resource)
	}
	wrong := func(zh, en string) error {
		return domain.Reject(ErrResource.Code, "设施“%s”的"+zh+"不对。", "Resource %q: its "+en+" is not valid.").With(r.Resource)
	}
	if _, err := domain.CheckText(r.NameZh); err != nil && !blank(r.NameZh) {
		return nil, err
	}
	if _, err := domain.CheckLine(r.NameEn); err != nil {
		return nil, err
	}
	open := r.Closes.Minutes() - r.Opens.Minutes()
	switch {
	case !validName(r.Resource, 32):
		return nil, wrong("编号（小写字母、数字和连字符，最多 32 个）", "name (lower-case letters, digits and dashes, at most 32)")
	case !slices.Contains(ResourceKinds, r.Kind):
		return nil, wrong("种类", "kind")
	case blank(r.NameZh):
		return nil, wrong("名称", "Chinese name")
	case !r.Opens.Valid() || !r.Closes.Valid() || open <= 0:
		return nil, wrong("开放时间", "opening hours")
	case r.SlotMinutes <= 0 || r.SlotMinutes > open:
		return nil, wrong("时段长度", "slot length")
	case r.BufferMinutes < 0 || r.BufferMinutes > open:
		return nil, wrong("间隔时间", "buffer")
	case r.Capacity < 1 || r.Kind == Furnace && r.Capacity != 1: // I7: one set of remains
		return nil, wrong("容量", "capacity")
	}
	return []Event{r}, nil
}

func (s State) retireResource(c RetireResource) ([]Event, error) {
	r, ok := s.Resource(c.Resource)
	switch {
	case !ok:
		return nil, ErrNoResource.With(c.Resource)
	case r.RetiredFrom != "":
		return nil, nil
	case blank(c.Reason):
		return nil, ErrReason
	}
	if _, err := domain.ParseDate(string(c.From)); err != nil {
		return nil, err
	}
	return []Event{c.ResourceRetired}, nil
}

func (s State) rename(c Rename) ([]Event, error) {
	var err error
	if c.NameZh, c.NameEn, err = names(c.NameZh, c.NameEn); err != nil {
		return nil, err
	}
	switch {
	case c.NameZh == s.NameZh && c.NameEn == s.NameEn:
		return nil, nil
	}
	return []Event{c.Renamed}, nil
}

// names checks the names of an institution, the English one of which may be
// left out, and answers with them without the blanks around them.
func names(zh, en string) (string, string, error) {
	if blank(zh) {
		return zh, en, ErrName
	}
	zh, err := domain.CheckText(zh)
	if err != nil {
		return zh, en, err
	}
	en, err = domain.CheckLine(en)
	return zh, en, err
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// validName keeps names fit for stream names and addresses.
func validName(s string, most int) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= most
}
