package handlers

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// A CasePerson names somebody by their part in a case.
type CasePerson string

// The persons of a case.
const (
	TheDeceased CasePerson = "DECEASED"
	TheHandler  CasePerson = "HANDLER"
)

// Forget erases what is known of a person of a case, for ever.
type Forget struct {
	domain.Act
	Case     uuid.UUID
	Who      CasePerson
	Ground   domain.ForgetGround
	Document string
}

// Forget runs: may it be erased? → say so on the log → erase the key. What is no
// fact about the person stays: numbers of certificates, amounts, times, places.
// A crash after the event leaves a key that the reaction to it erases. It reads
// the whole log once, for everything that is still kept for the person, wherever
// they turn up; it is rare enough.
func (a *App) Forget(ctx context.Context, c Forget) (events.Receipt, error) {
	s, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	if !s.Exists() {
		return events.Receipt{}, ErrNotFound
	}
	who := s.Deceased.Person
	if c.Who == TheHandler {
		who = s.Handler.Person
	}
	forget := domain.Forget{Act: c.Act, Forgotten: domain.Forgotten{Person: who, Ground: c.Ground, Document: c.Document}}
	if err := to(a.Subjects, string(who), nil).wouldRefuse(ctx, forget); err != nil {
		return events.Receipt{}, err
	}
	gone, _, err := a.Subjects.Load(ctx, string(who))
	if err != nil {
		return events.Receipt{}, err
	}
	if !gone.Forgotten {
		if err := a.stillKept(ctx, who, c.Ground, c.Now); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := a.Subjects.Handle(ctx, string(who), forget)
	if err != nil {
		return rc, err
	}
	return rc, a.Keys.Forget(ctx, who)
}

// stillKept says why the person's data may not be erased yet; nil when nothing
// is left for which it is kept.
func (a *App) stillKept(ctx context.Context, who domain.Subject, ground domain.ForgetGround, now time.Time) error {
	cases, plots, eco := map[string]time.Time{}, map[string]bool{}, map[string]bool{}
	for b, err := range a.Store.Follow(ctx, 0, 1000) {
		if err != nil {
			return err
		}
		for _, r := range b.Events {
			category, id := r.Stream.Category(), r.Stream.ID()
			if last, known := cases[id]; known && r.At.After(last) {
				cases[id] = r.At
			}
			if !bytes.Contains(r.Data, []byte(who)) {
				continue
			}
			switch category {
			case booking.Category, cremation.CustodyCategory, cremation.CremationCategory:
				cases[id] = r.At
			case cemetery.PlotCategory:
				plots[id] = true
			case ecoburial.BurialCategory:
				eco[id] = true
			}
		}
		if b.CaughtUp {
			break
		}
	}
	for id, last := range cases {
		if err := a.caseKept(ctx, id, last, ground, now); err != nil {
			return err
		}
	}
	for id := range plots {
		p, _, err := a.Plots.Load(ctx, id)
		if err != nil {
			return err
		}
		if p.Right == "" {
			continue
		}
		if p.Applicant == who {
			return ErrForgetPlace
		}
		for _, x := range p.Places {
			if x.Deceased == who {
				return ErrForgetPlace
			}
		}
	}
	for id := range eco {
		b, _, err := a.EcoBurials.Load(ctx, id)
		if err != nil {
			return err
		}
		if !b.Withdrawn && b.Completed.Type == "" {
			return ErrForgetOpen
		}
	}
	return nil
}

// caseKept says why one case, on which the last act was then, still needs its
// persons.
func (a *App) caseKept(ctx context.Context, id string, last time.Time, ground domain.ForgetGround, now time.Time) error {
	s, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return err
	}
	c, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return err
	}
	u, _, err := a.Custodies.Load(ctx, id)
	if err != nil {
		return err
	}
	in, _, err := a.Institutions.Load(ctx, s.Institution)
	if err != nil {
		return err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return err
	}
	switch until := last.AddDate(p.Int(institution.RetentionYears), 0, 0); {
	case !s.Cancelled && !s.Closed:
		return ErrForgetOpen
	case u.Collected.Case != uuid.Nil && !u.Ended, len(u.Kept()) > 0, c.Done && c.Released.To == "" && !atRest(c), len(c.OpenHolds()) > 0:
		return ErrForgetInCare
	case ground == domain.NeverNeeded && s.Cancelled && c.Case == uuid.Nil && len(s.Payments) == 0:
		return nil
	case ground == domain.NeverNeeded:
		return ErrForgetServed
	case now.Before(until):
		return ErrForgetRetained.With(domain.DateOf(until))
	}
	return nil
}

// atRest says that all the ashes left the institution's custody in some way.
func atRest(c cremation.CremationState) bool {
	for _, x := range c.Shares {
		if x.InCustody() {
			return false
		}
	}
	return len(c.Shares) > 0
}

const basisForget = "个人信息保护法第四十七条"

// The refusals of erasing.
var (
	ErrForgetOpen     = domain.Reject("forget_case_open", "这个人还有业务没有办结，资料不能删除。", "This person has a case that is not closed; the data cannot be erased.").Under("", basisForget)
	ErrForgetInCare   = domain.Reject("forget_in_care", "遗体、骨灰或遗物还在馆内，或业务处于暂停中，资料不能删除。", "Remains, ashes or belongings are still in care, or the case is on hold; the data cannot be erased.").Under("", basisForget)
	ErrForgetPlace    = domain.Reject("forget_place_held", "墓位或格位仍在使用，登记须保留，资料不能删除。", "A plot or niche is in use and its register is kept; the data cannot be erased.").Under("", basisForget)
	ErrForgetServed   = domain.Reject("forget_was_needed", "只有误录并已取消、没有办理过服务的业务，才能按误录删除。", "Only a case that was opened by mistake, cancelled and never served is erased as never needed.").Under("", basisForget)
	ErrForgetRetained = domain.Reject("forget_retained", "资料须保存到 %s，在此之前只作保存，不作他用。", "The data is kept until %s; until then it is stored and used for nothing else.").Under("", basisForget)
)
