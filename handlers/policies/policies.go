// Package policies reacts: whenever this event, then that command.
//
// Reactions follow the log from a checkpoint of their own and run at least
// once. The id of each command follows from the event and the step
// (events.StepID), so that every node may run them and each counts once.
// Nothing happens by a silent clock: a deadline that passes ends in an event
// that says so.
package policies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

// Config is what reactions need.
type Config struct {
	App *handlers.App
	// File keeps the checkpoint and the deadlines that are still to come. It is
	// made when it is missing; everything is then looked at again from the
	// beginning of the log, which changes nothing twice.
	File string
	// ClaimFor is how long a person's place may be claimed and not given before
	// the claim is freed. Default: ten minutes, a proposal of ours ([P]).
	ClaimFor time.Duration
	// Log gets what was refused and what is tried again. Default: slog.Default.
	Log *slog.Logger
}

// A deadline is a command that becomes due.
type deadline struct {
	Due    time.Time     `json:"due"`
	Event  uuid.UUID     `json:"event"` // it follows from
	Corr   uuid.UUID     `json:"correlation"`
	Kind   string        `json:"kind"` // "hold", "offer", "paper", "seats", "figures", "notice", "claim", "stale" or "duty"
	Stream events.Stream `json:"stream"`
	Slot   string        `json:"slot,omitempty"`
	Case   string        `json:"case,omitempty"`
	Place  string        `json:"place,omitempty"`
}

// state is what File holds.
type state struct {
	Position  events.Position `json:"position"`
	Deadlines []deadline      `json:"deadlines"`
}

// Policies are the reactions of one node.
type Policies struct {
	cfg Config

	mu       sync.Mutex
	st       state
	caughtUp bool
	lastErr  error
	changed  chan struct{} // closed and replaced when Position or caughtUp move
}

// Open reads the checkpoint.
func Open(cfg Config) (*Policies, error) {
	if cfg.ClaimFor == 0 {
		cfg.ClaimFor = 10 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &Policies{cfg: cfg, changed: make(chan struct{})}
	b, err := os.ReadFile(cfg.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(b, &p.st); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to look at the whole log again", cfg.File, err)
	}
	return p, nil
}

// Status is how the reactions stand: how far they are, and what keeps them
// from going on for the moment.
func (p *Policies) Status() (at events.Position, caughtUp bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.st.Position, p.caughtUp, p.lastErr
}

// Wait blocks until everything up to the position has been reacted to.
func (p *Policies) Wait(ctx context.Context, at events.Position) error {
	for {
		p.mu.Lock()
		reached, changed := p.st.Position >= at, p.changed
		p.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// Run reacts until ctx is done. It answers with an error only when the
// checkpoint cannot be kept; what cannot be done at the moment is tried again.
func (p *Policies) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan events.Batch)
	p.mu.Lock()
	at := p.st.Position
	p.mu.Unlock()
	go func() {
		defer close(batches)
		for ctx.Err() == nil {
			for b, err := range p.cfg.App.Store.Follow(ctx, at, 500) {
				if err != nil {
					p.fails(ctx, "follow", err)
					break
				}
				select {
				case batches <- b:
				case <-ctx.Done():
					return
				}
				if n := len(b.Events); n > 0 {
					at = b.Events[n-1].Position
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	saved := time.Now()
	for {
		var due <-chan time.Time
		if wait, ok := p.next(); ok {
			due = time.After(wait)
		}
		select {
		case b, ok := <-batches:
			if !ok {
				return p.save()
			}
			if err := p.batch(ctx, b); err != nil {
				return p.save() // ctx is done
			}
			if len(b.Events) > 0 && (b.CaughtUp || time.Since(saved) > time.Second) {
				if err := p.save(); err != nil {
					return err
				}
				saved = time.Now()
			}
		case <-due:
			p.fire(ctx)
		}
	}
}

// batch reacts to the events of a batch, each until it is done.
func (p *Policies) batch(ctx context.Context, b events.Batch) error {
	for _, r := range b.Events {
		if err := p.insist(ctx, r.Type, func() error { return p.react(ctx, r) }); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(b.Events); n > 0 {
		p.st.Position = b.Events[n-1].Position
	}
	p.caughtUp = b.CaughtUp
	close(p.changed)
	p.changed = make(chan struct{})
	return nil
}

// insist repeats do until it succeeds, is refused by a rule, or ctx is done. A
// refusal is an answer: somebody was faster, or it is not needed any more.
func (p *Policies) insist(ctx context.Context, what string, do func() error) error {
	wait := 50 * time.Millisecond
	for {
		err := do()
		if r, ok := errors.AsType[*domain.Rejection](err); ok {
			p.cfg.Log.Info("a reaction was refused", "to", what, "code", r.Code)
			err = nil
		}
		if err == nil || ctx.Err() != nil {
			p.fails(ctx, what, nil)
			return ctx.Err()
		}
		p.fails(ctx, what, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = min(2*wait, 30*time.Second)
		}
	}
}

func (p *Policies) fails(ctx context.Context, what string, err error) {
	p.mu.Lock()
	p.lastErr = err
	p.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Error("a reaction failed and is tried again", "to", what, "error", err)
	}
}

// act is the act of one step of a reaction.
func (p *Policies) act(policy string, event, correlation uuid.UUID, step string) domain.Act {
	now := p.cfg.App.Now().UTC()
	return domain.Act{ID: events.StepID(event, step), By: "policy:" + policy, Now: now, At: now, Correlation: correlation, Causation: event}
}

// heard are the events that reactions decode, in whichever version: decoding
// all the others would cost time for nothing.
var heard = []string{"schedule.held", "schedule.confirmed", "schedule.released", "schedule.unblocked",
	"institution.maintenance_planned", "institution.maintenance_cancelled", "wait.offered", "wait.skipped", "wait.accepted", "wait.left", "release.drawn",
	"booking.paper_promised", "booking.paper_received", "booking.paid", "booking.refund_paid", "booking.cancelled", "cremation.started", "cremation.completed", "telemetry.reported", "cremation.certificate_issued",
	"booking.authority_challenged", "booking.challenge_resolved", "booking.handler_replaced", "cremation.received",
	"custody.not_recognised", "custody.identified", "coldstore.relocated", "subject.forgotten",
	"placement.claimed", "placement.freed", "plot.allocated", "plot.interred", "plot.reinterred", "plot.surrendered", "plot.vacated",
	"right.granted", "right.renewed", "right.notice_due", "right.inherited", "right.lapsed", "right.surrendered", "right.ended",
	"relocation.lifted", "relocation.arrived",
	"eco.completed", "eco.corrected", "eco.ashes_returned", "ecofigures.published",
	"booking.rated", "booking.charge_refused", "cremation.anomaly_flagged", "pricelist.published",
	"voyage.seats_taken", "voyage.offer_taken", "voyage.seats_freed", "voyage.cancelled", "voyage.departed", "voyage.scattered", "voyage.brought_back"}

// react is the whole list: whenever …, then ….
func (p *Policies) react(ctx context.Context, r events.Recorded) error {
	app := p.cfg.App
	if name := r.Type[:max(0, strings.LastIndex(r.Type, ".v"))]; !slices.Contains(heard, name) && !watched[name] {
		return nil
	}
	body, err := app.Registry.Decode(ctx, r)
	if err != nil {
		return err
	}
	act := func(policy, step string) domain.Act { return p.act(policy, r.ID, r.Meta.Correlation, step) }
	id := r.Stream.ID()
	if watched[r.Type[:strings.LastIndex(r.Type, ".v")]] {
		return p.oversee(ctx, r, body)
	}
	switch e := body.(type) {
	case booking.Rated:
		// A bad review under a real name is followed up.
		if caseID, err := uuid.Parse(id); err == nil {
			return app.OpenReview(ctx, act("reviews", "open"), caseID, e, r.ID, dayOf(r))
		}
	case schedule.Held:
		// A hold ends at its deadline (fire).
		p.set(deadline{Due: e.Until, Event: r.ID, Corr: r.Meta.Correlation, Kind: "hold", Stream: r.Stream, Slot: e.Slot, Case: e.Case})
	case schedule.Confirmed:
		p.drop(func(d deadline) bool {
			return d.Kind == "hold" && d.Stream == r.Stream && d.Slot == e.Slot && d.Case == e.Case
		})
		// A confirmed slot is attached to its case.
		if caseID, err := uuid.Parse(e.Case); err == nil {
			return app.AttachConfirmed(ctx, act("slots", "attach"), id, e.Slot, caseID)
		}
	case schedule.Released:
		p.drop(func(d deadline) bool {
			return d.Kind == "hold" && d.Stream == r.Stream && d.Slot == e.Slot && d.Case == e.Case
		})
		// A released slot is detached from its case.
		if caseID, err := uuid.Parse(e.Case); err == nil {
			_, resource, on := handlers.SplitDay(id)
			if _, err := app.Detach(ctx, act("slots", "detach"), caseID, resource, on, e.Slot, e.Reason); err != nil {
				return err
			}
		}
		// Maintenance that this slot was in the way of closes the day now; what is
		// still free is offered to whoever waits.
		if err := app.BlockDay(ctx, act("maintenance", "block"), id); err != nil {
			return err
		}
		return app.OfferSlot(ctx, act("waiting", "offer"), id, e.Slot)
	case schedule.Unblocked:
		return app.OfferBlock(ctx, act("waiting", "offer"), id, e.Block)
	case institution.MaintenancePlanned:
		return app.BlockMaintenance(ctx, act("maintenance", "block"), id, e.Window)
	case institution.MaintenanceCancelled:
		return app.BlockMaintenance(ctx, act("maintenance", "open"), id, e.Window)
	case schedule.Offered:
		// An offer ends at its deadline (fire).
		p.set(deadline{Due: e.Until, Event: r.ID, Corr: r.Meta.Correlation, Kind: "offer", Stream: r.Stream, Slot: e.Slot, Case: e.Case, Place: e.Resource})
	case schedule.Skipped:
		p.drop(func(d deadline) bool {
			return d.Kind == "offer" && d.Stream == r.Stream && d.Case == e.Case && d.Slot == e.Slot && d.Place == e.Resource
		})
	case schedule.Left:
		p.drop(func(d deadline) bool { return d.Kind == "offer" && d.Stream == r.Stream && d.Case == e.Case })
	case schedule.Accepted:
		p.drop(func(d deadline) bool { return d.Kind == "offer" && d.Stream == r.Stream && d.Case == e.Case })
		// An accepted slot is confirmed.
		if caseID, err := uuid.Parse(e.Case); err == nil {
			return app.ConfirmAccepted(ctx, act("waiting", "confirm"), handlers.SplitPeak(id), e.Resource, e.Slot, caseID)
		}
	case schedule.Drawn:
		// A draw is settled.
		return app.SettleDraw(ctx, act("draws", "settle"), id)
	case booking.PaperPromised:
		// A promised paper that did not come is overdue on the day after (fire).
		p.drop(func(d deadline) bool { return d.Kind == "paper" && d.Stream == r.Stream && d.Place == string(e.Paper) })
		p.set(deadline{Due: e.Due.AddDays(1).Start(), Event: r.ID, Corr: r.Meta.Correlation, Kind: "paper", Stream: r.Stream, Place: string(e.Paper)})
	case booking.PaperReceived:
		p.drop(func(d deadline) bool { return d.Kind == "paper" && d.Stream == r.Stream && d.Place == string(e.Paper) })
	case booking.Paid:
		// Money is in the till and has its receipt.
		return p.accounted(ctx, act("till", "account"), r, e.Payment, booking.MoneyIn)
	case booking.RefundPaid:
		return p.accounted(ctx, act("till", "account"), r, e.Refund, booking.MoneyOut)
	case booking.Cancelled:
		// A cancelled case's slots are released.
		if caseID, err := uuid.Parse(id); err == nil {
			return app.ReleaseAll(ctx, act("slots", "release"), caseID)
		}
	case cremation.Started:
		// A cremation that has begun fixes the particulars and ends the custody.
		if caseID, err := uuid.Parse(id); err == nil {
			if err := app.Begun(ctx, act("cremations", "begun"), caseID); err != nil {
				return err
			}
			return app.CompareCremation(ctx, act("telemetry", "compare"), caseID)
		}
	case cremation.Completed:
		// What a furnace reports is compared with what its operator records,
		// whichever comes first.
		if caseID, err := uuid.Parse(id); err == nil {
			if err := app.CompareCremation(ctx, act("telemetry", "compare"), caseID); err != nil {
				return err
			}
		}
		return p.suspectLate(ctx, r, e.Institution, "cremation", "火化")
	case cremation.AnomalyFlagged:
		// What cannot well be is looked at by an officer too.
		return p.suspectAnomaly(ctx, r, e)
	case booking.ChargeRefused:
		// What a rule refused was tried: an officer looks at it.
		return p.suspectRefusal(ctx, r, e)
	case pricing.Published:
		// A price list that nobody publishes anew becomes stale (fire).
		return p.listed(ctx, r, e.Version, e.EffectiveFrom)
	case cremation.FurnaceReported:
		return app.CompareFurnace(ctx, act("telemetry", "compare"), id)
	case booking.Challenged, booking.ChallengeResolved, booking.HandlerReplaced, cremation.Received:
		// A challenge holds the cremation until it is resolved, as soon as there are
		// remains to hold.
		if caseID, err := uuid.Parse(id); err == nil {
			if err := app.HoldDisputes(ctx, act("disputes", "hold"), caseID); err != nil {
				return err
			}
			return app.HoldDoubts(ctx, act("doubts", "hold"), caseID)
		}
	case cremation.NotRecognised, cremation.Identified:
		// A relative's word that this is somebody else holds the cremation until the
		// deceased is identified anew.
		if caseID, err := uuid.Parse(id); err == nil {
			return app.HoldDoubts(ctx, act("doubts", "hold"), caseID)
		}
	case cremation.Relocated:
		// A relocation is noted in the custody of everybody who was moved.
		return app.Relocated(ctx, act("relocations", "note"), domain.CreditCode(id), e)
	case domain.Forgotten:
		// The key of a forgotten person is erased. What is on disk says so first.
		return app.Keys.Forget(ctx, e.Person)
	case cremation.CertificateIssued:
		// A replaced certificate is voided.
		if e.Replaces != "" {
			return app.VoidReplaced(ctx, act("certificates", "void"), e.Replaces, e.Number, e.Reason)
		}
	case cemetery.PlacementClaimed:
		// A claim that came to nothing is freed (fire).
		p.set(deadline{Due: r.At.Add(p.cfg.ClaimFor), Event: r.ID, Corr: r.Meta.Correlation, Kind: "claim", Stream: r.Stream, Place: e.Plot})
	case cemetery.PlacementFreed:
		p.drop(func(d deadline) bool { return d.Kind == "claim" && d.Stream == r.Stream && d.Place == e.Plot })
	case cemetery.PlotAllocated:
		// An allocation grants its right. Whom a relocation brings keeps the former
		// place until the ashes move.
		if err := app.Granted(ctx, act("rights", "grant"), id); err != nil || e.Ground == cemetery.RelocationPermit {
			return err
		}
		return p.placed(ctx, act("placements", "claim"), e.Deceased, id)
	case cemetery.RoundAnnounced, cemetery.RoundCancelled, cemetery.RoundDrawn, cemetery.RoundPassed:
		// An announced round holds its places; a drawn one keeps only what fell to
		// somebody.
		return app.KeepRound(ctx, act("rounds", "keep"), id)
	case cemetery.PlotInterred:
		// An interment takes the ashes over.
		if err := app.TakeOver(ctx, act("ashes", "take over"), id, e.Person); err != nil {
			return err
		}
		if err := p.figures(ctx, e.InterredOn.Month(), r.Meta.Correlation); err != nil {
			return err
		}
		return p.suspectLate(ctx, r, e.Institution, "interment", "安葬")
	case cemetery.PlotReinterred:
		return app.TakeOver(ctx, act("ashes", "take over"), id, e.Person)
	case cemetery.RightGranted, cemetery.RightRenewed, cemetery.NoticeDue, cemetery.RightInherited, cemetery.RightLapsed, cemetery.RightSurrendered, cemetery.RightEnded:
		return p.right(ctx, act("rights", "follow"), r)
	case cemetery.RelocationLifted:
		// Who was lifted is with the carrier, and leaves the plot.
		return app.CarryOut(ctx, act("relocations", "carry out"), id, e.Person)
	case cemetery.RelocationArrived:
		// Who arrived is with the taker.
		return app.CarryIn(ctx, act("relocations", "carry in"), id, e.Person)
	case cemetery.PlotVacated:
		for _, who := range e.Freed {
			if err := app.FreeClaim(ctx, act("placements", "free "+string(who)), who, id); err != nil {
				return err
			}
		}
		return app.EndRight(ctx, act("rights", "end"), id, e.Right, e.Relocation)
	case ecoburial.Completed:
		if burial, err := uuid.Parse(id); err == nil {
			if err := p.placed(ctx, act("placements", "claim"), e.Person, handlers.EcoPlace(burial)); err != nil {
				return err
			}
			if err := p.figures(ctx, e.CompletedOn.Month(), r.Meta.Correlation); err != nil {
				return err
			}
			// A completed burial's incentive is computed, and the family can be told.
			_, err := app.ComputeIncentive(ctx, act("incentives", "compute"), burial)
			return err
		}
	case ecoburial.Corrected:
		if burial, err := uuid.Parse(id); err == nil {
			if err := p.figures(ctx, e.CompletedOn.Month(), r.Meta.Correlation); err != nil {
				return err
			}
			_, err := app.ComputeIncentive(ctx, act("incentives", "compute"), burial)
			return err
		}
	case ecoburial.AshesReturned:
		// The place of returned ashes is free for another.
		if burial, err := uuid.Parse(id); err == nil {
			s, _, err := app.EcoBurials.Load(ctx, id)
			if err != nil {
				return err
			}
			return app.FreeClaim(ctx, act("placements", "free"), s.Applied.Person, handlers.EcoPlace(burial))
		}
	case ecoburial.FiguresPublished:
		p.drop(func(d deadline) bool { return d.Kind == "figures" && d.Place == e.Month })
	case ecoburial.SeatsTaken:
		// Offered seats are given back when their time is over (fire).
		if !e.Until.IsZero() {
			p.set(deadline{Due: e.Until, Event: r.ID, Corr: r.Meta.Correlation, Kind: "seats", Stream: r.Stream, Case: e.Burial.String()})
		}
	case ecoburial.OfferTaken:
		p.seated(r.Stream, e.Burial)
	case ecoburial.SeatsFreed:
		p.seated(r.Stream, e.Burial)
		return app.Untie(ctx, act("voyages", "untie"), e.Burial, id)
	case ecoburial.VoyageCancelled:
		// Every family of a cancelled voyage is offered seats on another, or told
		// that there are none yet.
		return app.Rebook(ctx, act("voyages", "rebook"), id)
	case ecoburial.VoyageDeparted:
		return app.UntieLeft(ctx, act("voyages", "left"), id)
	case ecoburial.AshesScattered:
		// A scattering completes its burial.
		return app.CompleteScattered(ctx, act("voyages", "complete"), id, e.Burial)
	case ecoburial.AshesBroughtBack:
		return app.Untie(ctx, act("voyages", "untie"), e.Burial, id)
	case cemetery.PlotSurrendered:
		// A surrendered plot's claims are freed.
		for _, who := range e.Persons {
			if err := app.FreeClaim(ctx, act("placements", "free "+string(who)), who, id); err != nil {
				return err
			}
		}
		return app.EndRight(ctx, act("rights", "end"), id, e.Right, "")
	}
	return nil
}

// right lets the plot follow its right, and waits for the day of the right's
// next notice.
func (p *Policies) right(ctx context.Context, act domain.Act, r events.Recorded) error {
	p.drop(func(d deadline) bool { return d.Kind == "notice" && d.Stream == r.Stream })
	s, _, err := p.cfg.App.Rights.Load(ctx, r.Stream.ID())
	if err != nil {
		return err
	}
	if next, ok := s.Next(); ok {
		p.set(deadline{Due: next.On.Start(), Event: r.ID, Corr: r.Meta.Correlation, Kind: "notice", Stream: r.Stream, Place: strconv.Itoa(int(next.Stage))})
	}
	return p.cfg.App.FollowRight(ctx, act, r.Stream.ID())
}

// seated says that an offer of seats was answered.
func (p *Policies) seated(voyage events.Stream, burial uuid.UUID) {
	p.drop(func(d deadline) bool { return d.Kind == "seats" && d.Stream == voyage && d.Case == burial.String() })
}

// figures notes when the figures of a month with a burial in it are published;
// for a month that was published, nothing.
func (p *Policies) figures(ctx context.Context, month string, correlation uuid.UUID) error {
	if month == "" {
		return nil
	}
	id := ecoburial.FiguresID(handlers.City, month)
	s, _, err := p.cfg.App.Figures.Load(ctx, id)
	if err != nil || s.Published.Month != "" {
		return err
	}
	due, err := p.cfg.App.FiguresDue(ctx, month)
	p.set(deadline{Due: due, Event: uuid.NewSHA1(uuid.NameSpaceURL, []byte(id)), Corr: correlation, Kind: "figures", Place: month})
	return err
}

// accounted completes a payment or refund that a crash cut short. What is older
// than a day is left to the people who closed that till.
func (p *Policies) accounted(ctx context.Context, act domain.Act, r events.Recorded, entry string, kind booking.TillKind) error {
	caseID, err := uuid.Parse(r.Stream.ID())
	if err != nil || act.Now.Sub(r.At) > 24*time.Hour {
		return nil
	}
	return p.cfg.App.Account(ctx, act, caseID, entry, kind, r.ID)
}

// placed says that the person's claim came true: no deadline any more, and the
// claim is there for sure.
func (p *Policies) placed(ctx context.Context, act domain.Act, who domain.Subject, place string) error {
	p.drop(func(d deadline) bool { return d.Kind == "claim" && d.Stream.ID() == string(who) && d.Place == place })
	return p.cfg.App.EnsureClaim(ctx, act, who, place)
}

// set notes a deadline; an event that is seen again changes nothing.
func (p *Policies) set(d deadline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.st.Deadlines, func(x deadline) bool { return x.Event == d.Event }) {
		p.st.Deadlines = append(p.st.Deadlines, d)
	}
}

func (p *Policies) drop(such func(deadline) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.st.Deadlines = slices.DeleteFunc(p.st.Deadlines, such)
}

// next is how long until the earliest deadline. While the log is not read to
// its end nothing is due: what lies ahead may have settled it long ago.
func (p *Policies) next() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.caughtUp || len(p.st.Deadlines) == 0 {
		return 0, false
	}
	first := p.st.Deadlines[0].Due
	for _, d := range p.st.Deadlines {
		if d.Due.Before(first) {
			first = d.Due
		}
	}
	// The clock may be moved: look again at least every minute.
	return min(max(first.Sub(p.cfg.App.Now()), 0), time.Minute), true
}

// fire does what has become due. What cannot be done stays, and is tried again.
func (p *Policies) fire(ctx context.Context) {
	now := p.cfg.App.Now()
	p.mu.Lock()
	due := slices.DeleteFunc(slices.Clone(p.st.Deadlines), func(d deadline) bool { return now.Before(d.Due) })
	p.mu.Unlock()
	for _, d := range due {
		if err := p.insist(ctx, d.Kind, func() error { return p.end(ctx, d) }); err != nil {
			return
		}
		p.drop(func(x deadline) bool { return x.Event == d.Event })
	}
}

func (p *Policies) end(ctx context.Context, d deadline) error {
	switch d.Kind {
	case "hold":
		_, err := p.cfg.App.Days.Handle(ctx, d.Stream.ID(), schedule.Expire{Act: p.act("holds", d.Event, d.Corr, "expire"), Slot: d.Slot, Case: d.Case})
		return err
	case "offer":
		_, err := p.cfg.App.Waits.Handle(ctx, d.Stream.ID(), schedule.LapseOffer{Act: p.act("waiting", d.Event, d.Corr, "lapse"), Case: d.Case})
		return err
	case "paper":
		_, err := p.cfg.App.Cases.Handle(ctx, d.Stream.ID(), booking.LapsePaper{Act: p.act("papers", d.Event, d.Corr, "lapse"), Paper: booking.Code(d.Place)})
		return err
	case "notice":
		stage, err := strconv.Atoi(d.Place)
		if err != nil {
			return err
		}
		_, err = p.cfg.App.Rights.Handle(ctx, d.Stream.ID(), cemetery.NoteDue{Act: p.act("notices", d.Event, d.Corr, "due"), Stage: cemetery.Stage(stage)})
		return err
	case "seats":
		burial, err := uuid.Parse(d.Case)
		if err != nil {
			return nil
		}
		return p.cfg.App.LapseSeats(ctx, p.act("voyages", d.Event, d.Corr, "lapse"), d.Stream.ID(), burial)
	case "figures":
		// A day on which the parameter was put off again is no day to publish on.
		_, err := p.cfg.App.PublishFigures(ctx, p.act("figures", d.Event, d.Corr, "publish "+string(domain.DateOf(p.cfg.App.Now()))), d.Place)
		return err
	case "duty":
		// A duty that nobody did is on record as missed.
		return p.cfg.App.Miss(ctx, p.act("duties", d.Event, d.Corr, "miss"), d.Stream, oversight.Step(d.Place))
	case "stale":
		return p.stale(ctx, d)
	case "claim":
		return p.cfg.App.FreeClaim(ctx, p.act("placements", d.Event, d.Corr, "free"), domain.Subject(d.Stream.ID()), d.Place)
	}
	return nil
}

// save keeps the checkpoint and the deadlines, all or nothing.
func (p *Policies) save() error {
	p.mu.Lock()
	b, err := json.Marshal(p.st)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p.cfg.File), ".policies-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), p.cfg.File)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("policies: keep the checkpoint: %w", err)
	}
	return nil
}
