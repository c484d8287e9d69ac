package booking

import (
	"slices"
	"time"

	"shenzhong/domain"
)

// A Ceremony is a service to the deceased that takes its time.
type Ceremony string

// The ceremonies.
const (
	Vigil    Ceremony = "VIGIL"    // 守灵
	Farewell Ceremony = "FAREWELL" // 告别
	Grooming Ceremony = "GROOMING" // 整容、更衣
)

// Ceremonies lists every ceremony, in the order of menus.
var Ceremonies = []Ceremony{Vigil, Grooming, Farewell}

type (
	// ServicePlanned fixed when and where a ceremony takes place. A later one
	// of the same id moves it.
	ServicePlanned struct {
		Service  string    `json:"service"`
		Ceremony Ceremony  `json:"ceremony"`
		Resource string    `json:"resource,omitzero"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
	}
	// ServiceStarted noted when it began; At is empty where nobody knows.
	ServiceStarted struct {
		Service string    `json:"service"`
		At      time.Time `json:"at,omitzero"`
	}
	// ServiceEnded noted when it ended; At is empty where nobody knows.
	ServiceEnded struct {
		Service string    `json:"service"`
		At      time.Time `json:"at,omitzero"`
	}
)

func (ServicePlanned) caseEvent() {}
func (ServiceStarted) caseEvent() {}
func (ServiceEnded) caseEvent()   {}

type (
	// PlanService fixes when and where a ceremony takes place.
	PlanService struct {
		domain.Act
		ServicePlanned
	}
	// StartService notes that a ceremony began, at Act.At.
	StartService struct {
		domain.Act
		Service string
	}
	// EndService notes that a ceremony ended, at Act.At.
	EndService struct {
		domain.Act
		Service string
	}
)

func (PlanService) caseCommand()  {}
func (StartService) caseCommand() {}
func (EndService) caseCommand()   {}

// A Service is a ceremony and how far it has come.
type Service struct {
	ServicePlanned
	Begun, Done        bool
	StartedAt, EndedAt time.Time // zero where nobody knows
}

// The rejections about ceremonies.
var (
	ErrService         = domain.Reject("service_invalid", "请写明仪式种类和起止时间，止在起之后。", "A ceremony needs its kind and its times, the end after the beginning.")
	ErrNoService       = domain.Reject("service_unknown", "没有安排 %s 这项仪式。", "There is no ceremony %s.")
	ErrServiceBegun    = domain.Reject("service_begun", "仪式已经开始，不能改安排。", "The ceremony has begun and cannot be moved.")
	ErrServiceNotBegun = domain.Reject("service_not_begun", "仪式还没有登记开始。", "The beginning of the ceremony is not recorded.")
	ErrServiceTimes    = domain.Reject("service_ends_before_start", "结束时间早于开始时间。", "The ceremony would end before it began.").Under("I8", "")
	ErrNoViewing       = domain.Reject("no_farewell_when_infectious", "按传染病处理的遗体不能守灵、告别，直接火化。", "There is no vigil or farewell with remains under infection control; they are cremated directly.").Under("", "传染病防治法")
)

func (s State) evolveServices(e Event) State {
	at := func(id string, edit func(*Service)) {
		s.Services = slices.Clone(s.Services)
		for i := range s.Services {
			if s.Services[i].Service == id {
				edit(&s.Services[i])
			}
		}
	}
	switch e := e.(type) {
	case ServicePlanned:
		if _, ok := s.Service(e.Service); !ok {
			s.Services = append(slices.Clip(s.Services), Service{ServicePlanned: e})
			break
		}
		at(e.Service, func(x *Service) { x.ServicePlanned = e })
	case ServiceStarted:
		at(e.Service, func(x *Service) { x.Begun, x.StartedAt = true, e.At })
	case ServiceEnded:
		at(e.Service, func(x *Service) { x.Done, x.EndedAt = true, e.At })
	}
	return s
}

// Service finds a ceremony by its id.
func (s State) Service(id string) (Service, bool) {
	i := slices.IndexFunc(s.Services, func(x Service) bool { return x.Service == id })
	if i < 0 {
		return Service{}, false
	}
	return s.Services[i], true
}

func (s State) planService(c PlanService) ([]Event, error) {
	e := c.ServicePlanned
	e.From, e.To = e.From.UTC(), e.To.UTC()
	have, ok := s.Service(e.Service)
	switch {
	case ok && have.ServicePlanned == e:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case blank(e.Service):
		return nil, ErrNoID
	case !slices.Contains(Ceremonies, e.Ceremony) || e.From.IsZero() || !e.To.After(e.From) || ok && have.Ceremony != e.Ceremony:
		return nil, ErrService
	case ok && have.Begun:
		return nil, ErrServiceBegun
	case s.Circumstances.Infectious.Or(false) && e.Ceremony != Grooming:
		return nil, ErrNoViewing
	}
	return []Event{e}, nil
}

func (s State) startService(c StartService) ([]Event, error) {
	have, ok := s.Service(c.Service)
	switch {
	case !ok:
		return nil, ErrNoService.With(c.Service)
	case have.Begun:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case s.Circumstances.Infectious.Or(false) && have.Ceremony != Grooming:
		return nil, ErrNoViewing
	}
	return []Event{ServiceStarted{c.Service, known(c.At)}}, nil
}

func (s State) endService(c EndService) ([]Event, error) {
	have, ok := s.Service(c.Service)
	switch {
	case !ok:
		return nil, ErrNoService.With(c.Service)
	case !have.Begun:
		return nil, ErrServiceNotBegun
	case have.Done:
		return nil, nil
	case !c.At.IsZero() && !have.StartedAt.IsZero() && c.At.Before(have.StartedAt):
		return nil, ErrServiceTimes
	}
	return []Event{ServiceEnded{c.Service, known(c.At)}}, nil
}

// known is a time in UTC, or none where nobody knows it.
func known(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
