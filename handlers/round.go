package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
)

// AnnounceRound publishes places, rules and the commitment to the seed.
type AnnounceRound struct {
	cemetery.AnnounceRound // without Cemetery and Rules, which are looked up
	Of                     domain.CreditCode
	IfMatch                *events.Revision
}

// AnnounceRound runs: would it be refused? → hold every place → announce. A
// place that is not free opens the others again. A crash before the announcement
// leaves places that are held for a round that nobody announced: the same
// request again completes it. A crash after it leaves nothing to do; a hold that
// another announcement took away is mended (policy: an announced round holds its
// places).
func (a *App) AnnounceRound(ctx context.Context, c AnnounceRound) (events.Receipt, error) {
	id := RoundID(c.Of, c.Round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	if done, err := a.did(ctx, a.Rounds.Stream(id), c.ID); err != nil || done != nil {
		return pointed(done), err
	}
	var err error
	if c.AnnounceRound.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Rules, err = a.RulesFor(ctx, c.AnnounceRound.Cemetery.Division, domain.DateOf(c.Now)); err != nil {
		return events.Receipt{}, err
	}
	if err := to(a.Rounds, id, c.IfMatch).wouldRefuse(ctx, c.AnnounceRound); err != nil {
		return events.Receipt{}, err
	}
	if err := a.holdPlaces(ctx, c.Act, c.Of, c.Round, c.Places); err != nil {
		if _, refused := errors.AsType[*domain.Rejection](err); refused {
			err = errors.Join(err, a.openPlaces(ctx, c.Act, c.Of, c.Round, c.Places))
		}
		return events.Receipt{}, err
	}
	rc, err := to(a.Rounds, id, c.IfMatch).run(ctx, c.AnnounceRound)
	if _, refused := errors.AsType[*domain.Rejection](err); refused {
		err = errors.Join(err, a.openPlaces(ctx, c.Act, c.Of, c.Round, c.Places))
	}
	return rc, err
}

// holdPlaces and openPlaces may be needed again after they were undone: their
// ids follow from how often the place was held, which is the same on every log.
func (a *App) holdPlaces(ctx context.Context, act domain.Act, of domain.CreditCode, round string, places []string) error {
	for _, place := range places {
		id := PlotID(of, place)
		if err := streamID(cemetery.PlotCategory, id); err != nil {
			return err
		}
		p, _, err := a.Plots.Load(ctx, id)
		if err != nil {
			return err
		}
		if _, err := a.Plots.Handle(ctx, id, cemetery.Hold{Act: step(act, fmt.Sprintf("hold %s %d", place, p.Holds)), Round: round}); err != nil {
			return err
		}
	}
	return nil
}

// openPlaces opens places that were held for a round that was not announced with
// them, or that nobody was given in it.
func (a *App) openPlaces(ctx context.Context, act domain.Act, of domain.CreditCode, round string, places []string) error {
	r, _, err := a.Rounds.Load(ctx, RoundID(of, round))
	if err != nil {
		return err
	}
	for _, place := range places {
		if r.Keeps(place) || streamID(cemetery.PlotCategory, PlotID(of, place)) != nil {
			continue
		}
		p, _, err := a.Plots.Load(ctx, PlotID(of, place))
		if err != nil {
			return err
		}
		if p.Held != round {
			continue
		}
		if _, err := a.Plots.Handle(ctx, PlotID(of, place), cemetery.EndHold{Act: step(act, fmt.Sprintf("open %s %d", place, p.Holds)), Round: round}); err != nil {
			return err
		}
	}
	return nil
}

// KeepRound brings the places of a round to what its own stream says: held while
// somebody may be given them in it, open when nobody will. Nothing when it is so.
func (a *App) KeepRound(ctx context.Context, act domain.Act, id string) error {
	r, _, err := a.Rounds.Load(ctx, id)
	if err != nil || r.Announced == nil {
		return err
	}
	of, round := r.Announced.Cemetery, r.Announced.Round
	if r.Drawn == nil && r.Cancelled == nil {
		for _, place := range r.Announced.Places {
			err := a.holdPlaces(ctx, act, of, round, []string{place})
			if _, refused := errors.AsType[*domain.Rejection](err); err != nil && !refused { // given meanwhile: whoever draws it is told
				return err
			}
		}
		return nil
	}
	return a.openPlaces(ctx, act, of, round, r.Announced.Places)
}

// ApplyRound takes an application.
type ApplyRound struct {
	// ApplyRound without Cemetery; of its Need without CertificateHolds, Placed
	// and Here, and, for a cremation certificate, without Deceased, Since and
	// Hukou too, which are those of the certificate.
	cemetery.ApplyRound
	Of    domain.CreditCode
	Round string
	// From is the number of a cancelled round of this cemetery from which the
	// waiting goes on; Carried is looked up. Empty: none.
	From    string
	IfMatch *events.Revision
}

// ApplyRound looks up the certificate, the person's one place, the cemetery and
// the round from which the waiting goes on, and asks the round. One stream is written.
func (a *App) ApplyRound(ctx context.Context, c ApplyRound) (events.Receipt, error) {
	id := RoundID(c.Of, c.Round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	var err error
	if c.Cemetery, _, err = a.Cemeteries.Load(ctx, string(c.Of)); err != nil {
		return events.Receipt{}, err
	}
	if c.Need.Ground == cemetery.CremationCertificate {
		of, _, holds, err := a.holder(ctx, c.Need.Certificate)
		if err != nil {
			return events.Receipt{}, err
		}
		if !holds || c.Deceased != "" && c.Deceased != of.Deceased.Person {
			return events.Receipt{}, ErrCertificate
		}
		c.Need.CertificateHolds, c.Deceased, c.Need.Hukou = true, of.Deceased.Person, of.Deceased.Hukou
		if c.Since, err = a.issuedOn(ctx, c.Need.Certificate); err != nil {
			return events.Receipt{}, err
		}
	}
	if c.Since == "" { // no paper says since when: from today on
		c.Since = domain.DateOf(c.Now)
	}
	if c.Deceased != "" {
		if err := streamID(cemetery.PlacementCategory, string(c.Deceased)); err != nil {
			return events.Receipt{}, err
		}
		p, _, err := a.Placements.Load(ctx, string(c.Deceased))
		if err != nil {
			return events.Receipt{}, err
		}
		c.Need.Placed = p.Plot
	}
	if c.From != "" {
		c.Carried = cemetery.Carried{Round: c.From}
		if streamID(cemetery.RoundCategory, RoundID(c.Of, c.From)) == nil {
			s, _, err := a.Rounds.Load(ctx, RoundID(c.Of, c.From))
			if err != nil {
				return events.Receipt{}, err
			}
			c.Carried.Cancelled = s.Cancelled != nil
			if i := slices.IndexFunc(s.Applications, func(x cemetery.RoundApplied) bool { return x.Deceased == c.Deceased }); i >= 0 {
				c.Carried.RoundApplied = s.Applications[i]
			}
		}
	}
	return to(a.Rounds, id, c.IfMatch).run(ctx, c.ApplyRound)
}

// issuedOn is the local day on which a certificate was registered.
func (a *App) issuedOn(ctx context.Context, number string) (domain.Date, error) {
	for r, err := range a.Store.Load(ctx, a.Certificates.Stream(number), events.NoStream) {
		if err != nil {
			return "", err
		}
		if !r.Occurred.IsZero() {
			return domain.DateOf(r.Occurred), nil
		}
		return domain.DateOf(r.At), nil
	}
	return "", nil
}

// WithdrawRound takes an application back before the round closes.
func (a *App) WithdrawRound(ctx context.Context, of domain.CreditCode, round string, at *events.Revision, c cemetery.WithdrawRound) (events.Receipt, error) {
	id := RoundID(of, round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Rounds, id, at).run(ctx, c)
}

// CancelRound runs: cancel → open its places. A crash between leaves places that
// are held for nobody (policy: a cancelled round keeps none).
func (a *App) CancelRound(ctx context.Context, of domain.CreditCode, round string, at *events.Revision, c cemetery.CancelRound) (events.Receipt, error) {
	id := RoundID(of, round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Rounds, id, at).run(ctx, c)
	if err != nil {
		return rc, err
	}
	return rc, a.KeepRound(ctx, c.Act, id)
}

// TellApplicant records that a family of a cancelled round was told. One stream
// is written.
func (a *App) TellApplicant(ctx context.Context, of domain.CreditCode, round string, at *events.Revision, c cemetery.TellApplicant) (events.Receipt, error) {
	id := RoundID(of, round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	return to(a.Rounds, id, at).run(ctx, c)
}

// DrawRound runs: draw → open the places that fell to nobody. A crash between
// leaves places that are held for nobody (policy: a drawn round keeps only what
// fell to somebody).
func (a *App) DrawRound(ctx context.Context, of domain.CreditCode, round string, at *events.Revision, c cemetery.DrawRound) (events.Receipt, error) {
	id := RoundID(of, round)
	if err := streamID(cemetery.RoundCategory, id); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Rounds, id, at).run(ctx, c)
	if err != nil {
		return rc, err
	}
	return rc, a.KeepRound(ctx, c.Act, id)
}

// PassPlace gives on the place of an application whose family did not come, or
// gave it up. It runs: was it given after all? → pass → open it where nobody
// wants it. A crash between leaves a place that is held for nobody (policy, as
// for DrawRound).
func (a *App) PassPlace(ctx context.Context, of domain.CreditCode, round string, at *events.Revision, c cemetery.PassPlace) (events.Receipt, error) {
	id, plot := RoundID(of, round), PlotID(of, c.Place)
	if err := errors.Join(streamID(cemetery.RoundCategory, id), streamID(cemetery.PlotCategory, plot)); err != nil {
		return events.Receipt{}, err
	}
	if err := a.Granted(ctx, step(c.Act, "granted"), plot); err != nil {
		return events.Receipt{}, err
	}
	rc, err := to(a.Rounds, id, at).run(ctx, c)
	if err != nil {
		return rc, err
	}
	return rc, a.KeepRound(ctx, c.Act, id)
}

// A RoundRecord is everything that recomputing a round takes, and what was
// published of it. It names nobody: an application is a number.
type RoundRecord struct {
	Cemetery string        `json:"cemetery"`
	Round    string        `json:"round"`
	NoticeNo string        `json:"notice"`
	Mode     cemetery.Mode `json:"mode"`
	Rules    string        `json:"rules"`
	Places   []string      `json:"places"`
	// Commitment is the SHA-256 of seed and salt, published before anybody could
	// apply.
	Commitment string    `json:"commitment"`
	Closes     time.Time `json:"closes"`
	Applied    int       `json:"applied"`
	// Cancelled says that the round was cancelled before its draw.
	Cancelled *RoundCancellation `json:"cancelled,omitzero"`
	// Applications are in it from the closing on.
	Applications []RoundApplication    `json:"applications,omitzero"`
	Seed         string                `json:"seed,omitzero"`
	Salt         string                `json:"salt,omitzero"`
	Order        []string              `json:"order,omitzero"`
	Result       []cemetery.RoundPlace `json:"result,omitzero"`
	// Taken are the places that were given since, Waiting those that wait for
	// their family, after every passing on.
	Taken   []cemetery.RoundPlace `json:"taken,omitzero"`
	Waiting []cemetery.RoundPlace `json:"waiting,omitzero"`
}

// A RoundCancellation is why a round was cancelled, under which announcement, and
// how many of its families were told.
type RoundCancellation struct {
	Reason   cemetery.RoundReason `json:"reason"`
	Document string               `json:"document"`
	At       time.Time            `json:"at"`
	// AfterClosing says that applications were closed already.
	AfterClosing bool `json:"after_closing"`
	Told         int  `json:"told"`
}

// A RoundApplication is what one application says for the draw.
type RoundApplication struct {
	Application string `json:"application"`
	// First puts it in order where the round goes by waiting: the day from which
	// it counts.
	First string `json:"first,omitzero"`
	// Wishes are places, the dearest first; none: all, in the order of the list.
	Wishes []string `json:"wishes,omitzero"`
}

// Round is the record of a round for the public; ErrNotFound where none was
// announced. Applications are in it once they are closed, so that whoever keeps
// a copy sees that none came later.
func (a *App) Round(ctx context.Context, of domain.CreditCode, round string, now time.Time) (RoundRecord, error) {
	id := RoundID(of, round)
	if streamID(cemetery.RoundCategory, id) != nil {
		return RoundRecord{}, ErrNotFound
	}
	s, _, err := a.Rounds.Load(ctx, id)
	if err != nil {
		return RoundRecord{}, err
	}
	x := s.Announced
	if x == nil {
		return RoundRecord{}, ErrNotFound
	}
	r := RoundRecord{Cemetery: string(x.Cemetery), Round: x.Round, NoticeNo: x.NoticeNo, Mode: x.Mode, Rules: x.Rules.ID, Places: x.Places, Commitment: x.Commitment,
		Closes: x.Closes, Applied: len(s.Applications)}
	if !now.Before(x.Closes) {
		for _, e := range s.Applications {
			p := RoundApplication{Application: e.Application, Wishes: e.Wishes}
			if x.Mode == cemetery.ByWaiting {
				p.First = string(e.Since)
			}
			r.Applications = append(r.Applications, p)
		}
	}
	if e := s.Cancelled; e != nil {
		r.Cancelled = &RoundCancellation{e.Reason, e.Document, e.At, !e.At.Before(x.Closes), len(s.Told)}
	}
	if d := s.Drawn; d != nil {
		r.Seed, r.Salt, r.Order, r.Result, r.Taken, r.Waiting = d.Seed, d.Salt, d.Order, d.Result, s.Taken, s.Holds
	}
	return r, nil
}

// Differences draws again from the record and names each line that does not
// come out as it was published; none when all of it does.
func (r RoundRecord) Differences() []DrawDifference {
	var es []domain.Entry
	for _, x := range r.Applications {
		e := domain.Entry{Who: x.Application, First: x.First, Wishes: x.Wishes}
		if len(e.Wishes) == 0 {
			e.Wishes = r.Places
		}
		es = append(es, e)
	}
	order, lots := domain.Draw(r.Seed, es, r.Places)
	var published, recomputed []string
	for _, x := range r.Result {
		published = append(published, x.Application+" "+x.Place)
	}
	for _, x := range lots {
		recomputed = append(recomputed, x.Who+" "+x.Got)
	}
	return slices.Concat(
		differing("commitment", []string{r.Commitment}, []string{domain.Commitment(r.Seed, r.Salt)}),
		differing("applied", []string{strconv.Itoa(r.Applied)}, []string{strconv.Itoa(len(r.Applications))}),
		differing("order", r.Order, order),
		differing("result", published, recomputed))
}
