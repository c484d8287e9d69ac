package handlers

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
)

// RightID is the id of a right's stream, RoundID that of a round's.
func RightID(of domain.CreditCode, right string) string { return string(of) + "." + right }

// RoundID is the id of a round's stream.
func RoundID(of domain.CreditCode, round string) string { return string(of) + "." + round }

// RulesFor are the rules E-1 to E-8 in force in a division on a day: its own, or
// else its city's.
func (a *App) RulesFor(ctx context.Context, in domain.Division, on domain.Date) (cemetery.Rules, error) {
	if _, err := domain.ParseDivision(string(in)); err != nil {
		return cemetery.DefaultRules, nil
	}
	s, _, err := a.BurialRules.Load(ctx, string(in))
	if r := s.InForce(on); err != nil || r.ID != cemetery.DefaultRules.ID {
		return r, err
	}
	city, _, err := a.BurialRules.Load(ctx, string(in.City()))
	return city.InForce(on), err
}

// Granted puts the right of use of a plot on record that its allocation began,
// and tells the round that the place was taken. Nothing when that was done.
func (a *App) Granted(ctx context.Context, act domain.Act, place string) error {
	s, _, err := a.Plots.Load(ctx, place)
	if err != nil || s.Right == "" {
		return err
	}
	of := s.Surveyed.Cemetery
	id := RightID(of, s.Right)
	if err := streamID(cemetery.RightCategory, id); err != nil {
		return err
	}
	r, _, err := a.Rights.Load(ctx, id)
	if err != nil {
		return err
	}
	first := s.Places[0]
	if r.Granted.Right == "" {
		rules, err := a.rulesNamed(ctx, s.Surveyed.Division, first.Rules, day(act))
		if err != nil {
			return err
		}
		if _, err := a.Rights.Handle(ctx, id, cemetery.Grant{Act: step(act, "grant"), Allocated: first, Cemetery: of, Plot: s.Surveyed.Plot, Rules: rules}); err != nil {
			return err
		}
	}
	for _, x := range s.Places {
		if x.Round == "" {
			continue
		}
		round, _, err := a.Rounds.Load(ctx, RoundID(of, x.Round))
		if err != nil {
			return err
		}
		if won, ok := round.Won(s.Surveyed.Plot, x.Deceased); ok {
			if _, err := a.Rounds.Handle(ctx, RoundID(of, x.Round), cemetery.TakePlace{Act: step(act, "taken"), Application: won.Application, Place: s.Surveyed.Plot, Allocated: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rulesNamed is the version of this name that was in force in a division; the
// one of the day where there is none of the name.
func (a *App) rulesNamed(ctx context.Context, in domain.Division, name string, on domain.Date) (cemetery.Rules, error) {
	if name == cemetery.DefaultRules.ID {
		return cemetery.DefaultRules, nil
	}
	for _, d := range []domain.Division{in, in.City()} {
		s, _, err := a.BurialRules.Load(ctx, string(d))
		if err != nil {
			return cemetery.Rules{}, err
		}
		for _, r := range s.Versions {
			if r.ID == name {
				return r, nil
			}
		}
	}
	return a.RulesFor(ctx, in, on)
}

// RenewRight begins another period of use.
type RenewRight struct {
	cemetery.Renew // without Rules, Cemetery and CeilingFen, which are looked up
	Of             domain.CreditCode
	Right          string
	FeeCode        string // row of the price list; empty: no ceiling is known
	IfMatch        *events.Revision
}

// RenewRight runs: renew → the plot follows. A crash between leaves a plot that
// shows the former day (policy: a plot follows its right).
func (a *App) RenewRight(ctx context.Context, c RenewRight) (events.Receipt, error) {
	id := RightID(c.Of, c.Right)
	if err := streamID(cemetery.RightCategory, id); err != nil {
		return events.Receipt{}, err
	}
	var err error
	if c.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Rules, err = a.RulesFor(ctx, c.Cemetery.Division, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	if c.CeilingFen, err = a.ceiling(ctx, c.Of, c.FeeCode, day(c.Act)); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Rights, id, c.IfMatch).run(ctx, c.Renew)
	if err != nil {
		return rc, err
	}
	return rc, a.FollowRight(ctx, c.Act, id)
}

// ChangeRight asks one right of use for what its own stream decides alone, and
// lets the plot follow: an inheritance, a lapse, upkeep, a notice.
func (a *App) ChangeRight(ctx context.Context, of domain.CreditCode, right string, at *events.Revision, c cemetery.RightCommand) (events.Receipt, error) {
	id := RightID(of, right)
	if err := streamID(cemetery.RightCategory, id); err != nil {
		return events.Receipt{}, err
	}
	if u, ok := c.(cemetery.PayUpkeep); ok {
		s, _, err := a.Cemeteries.Load(ctx, string(of))
		if err != nil {
			return events.Receipt{}, err
		}
		if u.Rules, err = a.RulesFor(ctx, s.Division, day(u.Act)); err != nil {
			return events.Receipt{}, err
		}
		c = u
	}
	rc, err := to(a.Rights, id, at).run(ctx, c)
	if err != nil {
		return rc, err
	}
	return rc, a.FollowRight(ctx, c.Acted(), id)
}

// FollowRight brings a plot to what its right's own stream says: a longer
// period, another holder, a lapse. Nothing when it is so.
//
// Somebody slower may follow an older word of the right meanwhile. So both are
// read anew after every step, until they agree: whoever wrote last has seen the
// right as it is. A step's id follows from both revisions, so that the same step
// is made once and another one is never taken for it.
func (a *App) FollowRight(ctx context.Context, act domain.Act, id string) error {
	for {
		r, rev, err := a.Rights.Load(ctx, id)
		if err != nil || r.Granted.Right == "" || r.Over() {
			return err
		}
		place := PlotID(r.Granted.Cemetery, r.Granted.Plot)
		p, at, err := a.Plots.Load(ctx, place)
		if err != nil || p.Right != r.Granted.Right {
			return err
		}
		st := r.Standing()
		next := func(name string) domain.Act { return stepAt(stepAt(act, name, rev), "plot", at) }
		var cmd cemetery.PlotCommand
		switch {
		case st.Lapsed && !p.Lapsed:
			cmd = cemetery.Lapse{Act: next("plot lapses"), Standing: st}
		case st.Lapsed:
			return nil
		case p.Lapsed || p.TermUntil < st.Until:
			cmd = cemetery.Extend{Act: next("plot extends"), Standing: st}
		case p.Applicant != st.Holder:
			cmd = cemetery.PassOn{Act: next("plot passes on"), Standing: st}
		default:
			return nil
		}
		if _, err := a.Plots.Handle(ctx, place, cmd); err != nil {
			return err
		}
	}
}

// SurrenderRight gives a right back whose plot is empty.
type SurrenderRight struct {
	cemetery.SurrenderRight // without Resting, which is looked up
	Of                      domain.CreditCode
	Right                   string
	IfMatch                 *events.Revision
}

// SurrenderRight runs: would it be refused? → give the plot back → surrender the
// right → free each person's place. A crash after the plot leaves a right of a
// plot that is free (policy: a surrendered plot's right ends).
func (a *App) SurrenderRight(ctx context.Context, c SurrenderRight) (events.Receipt, error) {
	id := RightID(c.Of, c.Right)
	if err := streamID(cemetery.RightCategory, id); err != nil {
		return events.Receipt{}, err
	}
	r, _, err := a.Rights.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	place := PlotID(c.Of, r.Granted.Plot)
	p, _, err := a.Plots.Load(ctx, place)
	if err != nil {
		return events.Receipt{}, err
	}
	if p.Right == c.Right {
		c.Resting = len(p.Interred)
	}
	if err := to(a.Rights, id, c.IfMatch).wouldRefuse(ctx, c.SurrenderRight); err != nil {
		return events.Receipt{}, err
	}
	if p.Right == c.Right {
		if _, err := a.Plots.Handle(ctx, place, cemetery.Surrender{Act: step(c.Act, "plot"), Right: c.Right, Reason: c.Reason, Paper: c.Paper}); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := to(a.Rights, id, c.IfMatch).run(ctx, c.SurrenderRight)
	for _, x := range p.Places {
		if p.Right == c.Right {
			err = errors.Join(err, a.FreeClaim(ctx, step(c.Act, "free "+string(x.Deceased)), x.Deceased, place))
		}
	}
	return rc, err
}

// EndRight ends a right whose plot names it no more: it was given back, or, under
// a relocation, everybody was moved. Nothing when the right is over or was never
// on record.
func (a *App) EndRight(ctx context.Context, act domain.Act, place, right, relocation string) error {
	p, _, err := a.Plots.Load(ctx, place)
	if err != nil || right == "" || p.Right == right {
		return err
	}
	id := RightID(p.Surveyed.Cemetery, right)
	r, rev, err := a.Rights.Load(ctx, id)
	if err != nil || r.Granted.Right == "" || r.Over() || PlotID(r.Granted.Cemetery, r.Granted.Plot) != place {
		return err
	}
	_, err = a.Rights.Handle(ctx, id, cemetery.EndRight{Act: stepAt(act, "end right", rev), Relocation: relocation, Vacated: true})
	return err
}

// TransferRight asks to sell or lend a right. It is refused, and that somebody
// asked is kept.
func (a *App) TransferRight(ctx context.Context, of domain.CreditCode, right string, c cemetery.Transfer) (events.Receipt, error) {
	rc, err := a.ChangeRight(ctx, of, right, nil, c)
	if err != nil {
		return rc, err
	}
	r, _, err := a.Rights.Load(ctx, RightID(of, right))
	if err == nil && r.TransferRefused(c.ID) {
		err = cemetery.ErrTransfer
	}
	return rc, err
}

// moves looks up the relocation under which somebody is given another place.
func (a *App) moves(ctx context.Context, c *AllocatePlot, here string) error {
	s, _, err := a.Relocations.Load(ctx, c.Relocation.String())
	if err != nil {
		return err
	}
	if c.Relocation == uuid.Nil || !s.Moves(c.Deceased) || s.To.Kind != cemetery.ToPlot || s.To.Place != here {
		return ErrRelocation
	}
	p, _, err := a.Placements.Load(ctx, string(c.Deceased))
	if err != nil {
		return err
	}
	if c.Hukou == "" { // as the former place knows the person
		was, _, err := a.Plots.Load(ctx, p.Plot)
		if err != nil {
			return err
		}
		for _, x := range was.Places {
			if x.Deceased != c.Deceased {
				continue
			}
			of, _, holds, err := a.holder(ctx, x.Certificate)
			if err != nil {
				return err
			}
			if holds {
				c.Hukou = of.Deceased.Hukou
			}
		}
	}
	c.MovesFrom, c.Certificate, c.CertificateHolds = p.Plot, s.Permitted.Permit, true
	return nil
}

// ErrRelocation refuses a place under a relocation that does not take this
// person there.
var ErrRelocation = domain.Reject("relocation_not_valid", "这件迁葬没有获准，或不是把这位逝者迁到这里。", "This relocation is not permitted, or does not bring this person here.").Under("E-1", "")
