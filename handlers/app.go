package handlers

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// An App is everything that can be asked of the program, without HTTP: one
// Handler for each aggregate, and the flows that touch several streams. The
// API, the pages, the reactions, simulate and import all go through it.
//
// # Flows
//
// No invariant needs two streams at once, so a flow is a row of commands, each
// safe by itself. The id of every step follows from the flow's own command id
// (events.StepID), so a flow that is asked for again goes on where it stopped
// and changes nothing twice. Facts that a step needs from another stream are
// looked up just before it and put on its command. Each flow's comment says
// what a crash in its middle leaves, and who mends it: the same request sent
// again, or a reaction in handlers/policies.
//
// # Commands of one stream
//
// What touches one stream only is asked of its Handler directly:
//
//	app.Cremations.Handle(ctx, caseID.String(), cremation.SignConfirmation{…})
type App struct {
	Store    events.Store
	Registry *events.Registry
	Keys     events.Keyring

	Institutions   *events.Handler[institution.State, institution.Command, institution.Event]
	Parameters     *events.Handler[institution.ParametersState, institution.ParametersCommand, institution.ParametersEvent]
	Catalogues     *events.Handler[pricing.CatalogueState, pricing.CatalogueCommand, pricing.CatalogueEvent]
	PriceLists     *events.Handler[pricing.PriceListState, pricing.PriceListCommand, pricing.PriceListEvent]
	Days           *events.Handler[schedule.State, schedule.Command, schedule.Event]
	Waits          *events.Handler[schedule.WaitState, schedule.WaitCommand, schedule.WaitEvent]
	Peaks          *events.Handler[schedule.PeakState, schedule.PeakCommand, schedule.PeakEvent]
	Cases          *events.Handler[booking.State, booking.Command, booking.Event]
	Tills          *events.Handler[booking.TillState, booking.TillCommand, booking.TillEvent]
	Looks          *events.Handler[access.State, access.Command, access.Event]
	Tags           *events.Handler[cremation.TagState, cremation.TagCommand, cremation.TagEvent]
	Custodies      *events.Handler[cremation.CustodyState, cremation.CustodyCommand, cremation.CustodyEvent]
	ColdStores     *events.Handler[cremation.ColdStoreState, cremation.ColdStoreCommand, cremation.ColdStoreEvent]
	Shifts         *events.Handler[cremation.ShiftState, cremation.ShiftCommand, cremation.ShiftEvent]
	Cremations     *events.Handler[cremation.CremationState, cremation.CremationCommand, cremation.CremationEvent]
	Furnaces       *events.Handler[cremation.FurnaceState, cremation.FurnaceCommand, cremation.FurnaceEvent]
	Telemetry      *events.Handler[cremation.TelemetryState, cremation.TelemetryCommand, cremation.TelemetryEvent]
	Certificates   *events.Handler[cremation.CertificateState, cremation.CertificateCommand, cremation.CertificateEvent]
	Cemeteries     *events.Handler[cemetery.CemeteryState, cemetery.CemeteryCommand, cemetery.CemeteryEvent]
	Plots          *events.Handler[cemetery.PlotState, cemetery.PlotCommand, cemetery.PlotEvent]
	Placements     *events.Handler[cemetery.PlacementState, cemetery.PlacementCommand, cemetery.PlacementEvent]
	BurialRules    *events.Handler[cemetery.RulesState, cemetery.RulesCommand, cemetery.RulesEvent]
	Rounds         *events.Handler[cemetery.RoundState, cemetery.RoundCommand, cemetery.RoundEvent]
	Rights         *events.Handler[cemetery.RightState, cemetery.RightCommand, cemetery.RightEvent]
	Relocations    *events.Handler[cemetery.RelocationState, cemetery.RelocationCommand, cemetery.RelocationEvent]
	Repairs        *events.Handler[cemetery.RepairState, cemetery.RepairCommand, cemetery.RepairEvent]
	EcoBurials     *events.Handler[ecoburial.BurialState, ecoburial.BurialCommand, ecoburial.BurialEvent]
	Incentives     *events.Handler[ecoburial.IncentiveState, ecoburial.IncentiveCommand, ecoburial.IncentiveEvent]
	Voyages        *events.Handler[ecoburial.VoyageState, ecoburial.VoyageCommand, ecoburial.VoyageEvent]
	Rulebooks      *events.Handler[ecoburial.RulebookState, ecoburial.RulebookCommand, ecoburial.RulebookEvent]
	Figures        *events.Handler[ecoburial.FiguresState, ecoburial.FiguresCommand, ecoburial.FiguresEvent]
	CreditPolicies *events.Handler[credit.PolicyState, credit.PolicyCommand, credit.PolicyEvent]
	Credit         *events.Handler[credit.LedgerState, credit.LedgerCommand, credit.LedgerEvent]
	Complaints     *events.Handler[oversight.ComplaintState, oversight.ComplaintCommand, oversight.ComplaintEvent]
	Reviews        *events.Handler[oversight.ReviewState, oversight.ReviewCommand, oversight.ReviewEvent]
	Inspections    *events.Handler[oversight.InspectionState, oversight.InspectionCommand, oversight.InspectionEvent]
	Penalties      *events.Handler[oversight.PenaltyState, oversight.PenaltyCommand, oversight.PenaltyEvent]
	Subjects       *events.Handler[domain.SubjectState, domain.SubjectCommand, domain.SubjectEvent]

	// Now is the clock of requests. Default: time.Now.
	Now func() time.Time
	// HoldFor is how long a slot is kept for a family that has not confirmed,
	// where no administrator set hold_minutes (HoldTime). Fifteen minutes unless
	// set; a proposal of ours ([P]).
	HoldFor time.Duration
	// PolicyID names the stream of the credit policy; "dl" unless set.
	PolicyID string
	// Pinyin writes a name in letters, for names that sound alike (I6). Nil:
	// only the same characters are alike.
	Pinyin func(name string) string
	// Rules are the relief and incentive rules in force and formerly in force.
	Rules Rules
	// Officer says that an account is the authority's. Nil: accounts are not known
	// here, as in a simulation, and every name is taken.
	Officer func(account string) bool
	// Wait blocks until a read model has folded the log up to a position. Nil:
	// there are no read models to wait for.
	Wait func(ctx context.Context, readModel string, at events.Position) error

	persons []byte // key of Person
	began   atomic.Pointer[time.Time]
}

// Began is when the log recorded its first event; zero while there is none.
func (a *App) Began(ctx context.Context) (time.Time, error) {
	if t := a.began.Load(); t != nil {
		return *t, nil
	}
	for b, err := range a.Store.Follow(ctx, 0, 1) {
		if err != nil {
			return time.Time{}, err
		}
		if len(b.Events) > 0 {
			a.began.Store(&b.Events[0].At)
			return b.Events[0].At, nil
		}
		if b.CaughtUp {
			break
		}
	}
	return time.Time{}, ctx.Err()
}

// NewApp makes the handlers over one store. personKey is the secret from which
// the references of persons follow; it must stay the same for the life of the
// log, and lie with the keys, not with the data. Nil makes a random one, for
// tests.
func NewApp(store events.Store, registry *events.Registry, keys events.Keyring, personKey []byte) *App {
	if personKey == nil {
		personKey = make([]byte, 32)
		rand.Read(personKey)
	}
	a := &App{
		Store: store, Registry: registry, Keys: keys, persons: personKey,
		Now: time.Now, HoldFor: 15 * time.Minute, PolicyID: "dl", Rules: DefaultRules(),

		Institutions:   handler(store, registry, institution.Category, institution.Institution),
		Parameters:     handler(store, registry, institution.ParametersCategory, institution.Parameters),
		Catalogues:     handler(store, registry, pricing.CatalogueCategory, pricing.Catalogue),
		PriceLists:     handler(store, registry, pricing.PriceListCategory, pricing.PriceList),
		Days:           handler(store, registry, schedule.Category, schedule.Day),
		Waits:          handler(store, registry, schedule.WaitCategory, schedule.Waiting),
		Peaks:          handler(store, registry, schedule.ReleaseCategory, schedule.Peak),
		Cases:          handler(store, registry, booking.Category, booking.Case),
		Tills:          handler(store, registry, booking.TillCategory, booking.Till),
		Looks:          handler(store, registry, access.Category, access.Case),
		Tags:           handler(store, registry, cremation.TagCategory, cremation.Tag),
		Custodies:      handler(store, registry, cremation.CustodyCategory, cremation.Custody),
		ColdStores:     handler(store, registry, cremation.ColdStoreCategory, cremation.ColdStore),
		Shifts:         handler(store, registry, cremation.ShiftCategory, cremation.Shift),
		Cremations:     handler(store, registry, cremation.CremationCategory, cremation.Cremation),
		Furnaces:       handler(store, registry, cremation.FurnaceCategory, cremation.Furnace),
		Telemetry:      handler(store, registry, cremation.TelemetryCategory, cremation.Telemetry),
		Certificates:   handler(store, registry, cremation.CertificateCategory, cremation.Certificate),
		Cemeteries:     handler(store, registry, cemetery.CemeteryCategory, cemetery.Cemetery),
		Plots:          handler(store, registry, cemetery.PlotCategory, cemetery.Plot),
		Placements:     handler(store, registry, cemetery.PlacementCategory, cemetery.Placement),
		BurialRules:    handler(store, registry, cemetery.RulesCategory, cemetery.RuleBook),
		Rounds:         handler(store, registry, cemetery.RoundCategory, cemetery.Round),
		Rights:         handler(store, registry, cemetery.RightCategory, cemetery.Right),
		Relocations:    handler(store, registry, cemetery.RelocationCategory, cemetery.Relocation),
		Repairs:        handler(store, registry, cemetery.RepairCategory, cemetery.Repair),
		EcoBurials:     handler(store, registry, ecoburial.BurialCategory, ecoburial.Burial),
		Incentives:     handler(store, registry, ecoburial.IncentiveCategory, ecoburial.Incentive),
		Voyages:        handler(store, registry, ecoburial.VoyageCategory, ecoburial.Voyage),
		Rulebooks:      handler(store, registry, ecoburial.RulebookCategory, ecoburial.Rulebook),
		Figures:        handler(store, registry, ecoburial.FiguresCategory, ecoburial.Figures),
		CreditPolicies: handler(store, registry, credit.PolicyCategory, credit.Policy),
		Credit:         handler(store, registry, credit.LedgerCategory, credit.Ledger),
		Complaints:     handler(store, registry, oversight.ComplaintCategory, oversight.Complaint),
		Reviews:        handler(store, registry, oversight.ReviewCategory, oversight.Review),
		Inspections:    handler(store, registry, oversight.InspectionCategory, oversight.Inspection),
		Penalties:      handler(store, registry, oversight.PenaltyCategory, oversight.Penalty),
		Subjects:       handler(store, registry, domain.SubjectCategory, domain.Forgetting),
	}
	// One stream of each of these goes on for the life of its institution.
	a.ColdStores.Keep, a.Furnaces.Keep, a.Institutions.Keep, a.Telemetry.Keep, a.Shifts.Keep = keptFolded, keptFolded, keptFolded, keptFolded, keptFolded
	return a
}

// keptFolded is how many cold stores, furnaces and institutions stay folded in
// memory: more than a city has.
const keptFolded = 1000

func handler[S any, C domain.Command, E any](store events.Store, registry *events.Registry, category string, d domain.Decider[S, C, E]) *events.Handler[S, C, E] {
	return &events.Handler[S, C, E]{Store: store, Registry: registry, Category: category, Decider: d}
}

// Person is the reference of the person with this ID number: the same wherever
// the person turns up, so that one person is placed once and paid once
// city-wide, and meaningless to whoever has not the key. (A plain hash would
// not do: there are few enough ID numbers to try them all.)
func (a *App) Person(id domain.CitizenID) domain.Subject {
	mac := hmac.New(sha256.New, a.persons)
	mac.Write([]byte("citizen " + id))
	return subject(mac.Sum(nil))
}

// Somebody is a reference for a person without an ID number, derived from what
// it first came in with.
func (a *App) Somebody(command uuid.UUID, part string) domain.Subject {
	mac := hmac.New(sha256.New, a.persons)
	mac.Write(command[:])
	mac.Write([]byte(part))
	return subject(mac.Sum(nil))
}

func subject(sum []byte) domain.Subject {
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: our own
	id[8] = id[8]&0x3f | 0x80
	return domain.Subject(id.String())
}

// step is the act of one step of a flow.
func step(act domain.Act, name string) domain.Act {
	act.ID = events.StepID(act.ID, name)
	return act
}

// stepAt is the act of a step that may be needed again after it was undone: its
// id follows from the revision it starts from too.
func stepAt(act domain.Act, name string, rev events.Revision) domain.Act {
	return step(act, fmt.Sprintf("%s@%d", name, rev))
}

// A target is one aggregate that is asked something, at the caller's revision
// where he named one.
type target[S any, C domain.Command, E any] struct {
	*events.Handler[S, C, E]
	id string
	at *events.Revision
}

func to[S any, C domain.Command, E any](h *events.Handler[S, C, E], id string, at *events.Revision) target[S, C, E] {
	return target[S, C, E]{h, id, at}
}

func (t target[S, C, E]) run(ctx context.Context, cmd C) (events.Receipt, error) {
	if t.at != nil {
		return t.HandleAt(ctx, t.id, *t.at, cmd)
	}
	return t.Handle(ctx, t.id, cmd)
}

// wouldRefuse asks, without recording anything, whether the aggregate would
// refuse cmd as it stands. A command that was done before is not asked again.
// It spares a flow from undoing its first steps; it decides nothing.
func (t target[S, C, E]) wouldRefuse(ctx context.Context, cmd C) error {
	for r, err := range t.Store.Load(ctx, t.Stream(t.id), events.NoStream) {
		if err != nil {
			return err
		}
		if r.Meta.Command == cmd.Acted().ID {
			return nil
		}
	}
	s, rev, err := t.Load(ctx, t.id)
	if err != nil {
		return err
	}
	if t.at != nil && *t.at != rev {
		return events.ErrStale
	}
	_, err = t.Decider.Decide(s, cmd)
	return err
}

// The lookups of facts.

// creator is the account that opened a case.
func (a *App) creator(ctx context.Context, caseID uuid.UUID) (string, error) {
	for r, err := range a.Store.Load(ctx, a.Cases.Stream(caseID.String()), events.NoStream) {
		return r.Meta.Actor, err
	}
	return "", nil
}

// day is the local day of an act: when it happened, or else when it came in.
func day(act domain.Act) domain.Date {
	if act.At.IsZero() {
		return domain.DateOf(act.Now)
	}
	return domain.DateOf(act.At)
}

// prices is the price list of an institution in force on a day.
func (a *App) prices(ctx context.Context, institution string, on domain.Date) (booking.PriceList, error) {
	s, _, err := a.PriceLists.Load(ctx, institution)
	if err != nil {
		return booking.PriceList{}, err
	}
	l := booking.PriceList{Institution: institution}
	if p, ok := s.InForce(on); ok {
		var city pricing.CatalogueState
		if _, err := domain.ParseDivision(string(p.Division)); err == nil { // a reference list may name none
			if city, _, err = a.Catalogues.Load(ctx, string(p.Division.City())); err != nil {
				return l, err
			}
		}
		contents := city.ContentsOn(on)
		l.Version, l.EffectiveFrom = p.Version, p.EffectiveFrom
		for _, r := range p.Rows {
			if r.NotOffered { // as if it were on no list
				continue
			}
			x := booking.PriceRow{Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Unit: r.Unit, Price: r.Price, Ceiling: r.Ceiling(),
				PricingType: string(r.PricingType), Min: r.PriceMin, Max: r.PriceMax, Block: string(r.Block()), Content: cmp.Or(r.Content, r.Note), Basis: cmp.Or(r.Basis, p.Basis)}
			for _, c := range contents {
				if c.Code == r.Code {
					x.Includes, x.Content = c.Includes, cmp.Or(c.Note, x.Content)
				}
			}
			l.Rows = append(l.Rows, x)
		}
	}
	return l, nil
}

// policyOn is the version of the credit policy in force on a day; zero where
// there is none.
func (a *App) policyOn(ctx context.Context, on domain.Date) (credit.PolicyVersion, error) {
	s, _, err := a.CreditPolicies.Load(ctx, a.PolicyID)
	if err != nil {
		return credit.PolicyVersion{}, err
	}
	v, _ := s.InForce(on)
	return v, nil
}

// holder is what the cremation certificate of this number says: the case it
// belongs to, and whether it is registered and not void.
func (a *App) holder(ctx context.Context, number string) (of booking.State, caseID uuid.UUID, holds bool, err error) {
	if (events.Stream(cremation.CertificateCategory + "-" + number)).Check() != nil {
		return of, caseID, false, nil // no such number can have been registered
	}
	c, _, err := a.Certificates.Load(ctx, number)
	if err != nil || c.Case == uuid.Nil {
		return of, uuid.Nil, false, err
	}
	of, _, err = a.Cases.Load(ctx, c.Case.String())
	return of, c.Case, c.Holds(c.Case) && of.Exists(), err
}

// streamID refuses what cannot be the id of a stream: numbers and names that
// callers choose. Nothing of them is repeated.
func streamID(category, id string) error {
	if (events.Stream(category + "-" + id)).Check() != nil {
		return ErrNumber
	}
	return nil
}

// ErrNumber refuses a number that no label, certificate or plot may have.
var ErrNumber = domain.Reject("number_invalid", "编号只能用字母、数字、点、连字符和下划线。", "A number is made of letters, digits, dots, dashes and underscores.")
