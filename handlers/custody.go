package handlers

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/mozillazg/go-pinyin"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// TakeIn brings collected remains into the home and ties their tag to them.
type TakeIn struct {
	domain.Act
	Case uuid.UUID
	Tag  string
	// To is the reception or the isolation room; Out and In the two scans. What
	// its giver brought to the home came without a vehicle and needs none.
	To      cremation.Place
	Out, In cremation.Scan
}

// TakeIn runs: would it be refused? → arrive, out of the vehicle → issue the tag
// → tie it to the remains → receive, under the rules of full custody. A crash
// after any step leaves remains that have arrived and are not yet received; the
// same request again completes it.
func (a *App) TakeIn(ctx context.Context, c TakeIn) (events.Receipt, error) {
	id := c.Case.String()
	if c.Tag == "" {
		return events.Receipt{}, cremation.ErrTagNeeded
	}
	if err := streamID(cremation.TagCategory, c.Tag); err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	creator, err := a.creator(ctx, c.Case)
	if err != nil {
		return events.Receipt{}, err
	}
	custody, rev, err := a.Custodies.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	carried := custody.Collected.Into.Kind == cremation.InVehicle || custody.Collected.Case == uuid.Nil
	arrive := cremation.Arrive{Act: step(c.Act, "arrive"), To: c.To, Out: c.Out, In: c.In}
	receive := cremation.Receive{Act: c.Act, Case: c.Case, Tag: c.Tag, TagCase: c.Case, Institution: domain.CreditCode(s.Institution), CaseCreator: creator, Rules: cremation.FullCustody}
	issue := cremation.IssueTag{Act: step(c.Act, "tag"), Tag: c.Tag, Case: c.Case}
	if carried {
		err = to(a.Custodies, id, nil).wouldRefuse(ctx, arrive)
	}
	if err := errors.Join(err, to(a.Tags, c.Tag, nil).wouldRefuse(ctx, issue), to(a.Cremations, id, nil).wouldRefuse(ctx, receive)); err != nil {
		return events.Receipt{}, err
	}
	arrived := events.Receipt{Revision: rev}
	if carried {
		if arrived, err = a.Custodies.Handle(ctx, id, arrive); err != nil {
			return arrived, err
		}
	}
	if _, err := a.Tags.Handle(ctx, c.Tag, issue); err != nil {
		return arrived, err
	}
	t, _, err := a.Tags.Load(ctx, c.Tag)
	if err != nil {
		return arrived, err
	}
	tagged, err := a.Custodies.Handle(ctx, id, cremation.TagRemains{Act: step(c.Act, "tie"), Tag: c.Tag, TagCase: t.Case})
	if err != nil {
		return later(arrived, tagged), err
	}
	receive.TagCase = t.Case
	rc, err := a.Cremations.Handle(ctx, id, receive)
	return later(later(arrived, tagged), rc), err
}

// MoveRemains moves remains by two scans, in and out of the cold store too.
type MoveRemains struct {
	domain.Act
	Case     uuid.UUID
	Tag      string // as scanned
	From, To cremation.Place
	Out, In  cremation.Scan
}

// BayOf is the bay that a place of the cold store names.
func BayOf(p cremation.Place) (cremation.Bay, bool) {
	bank, no, ok := strings.Cut(p.ID, "/")
	n, err := strconv.Atoi(no)
	if p.Kind != cremation.InColdBay || !ok || err != nil {
		return cremation.Bay{}, false
	}
	return cremation.Bay{Bank: bank, No: n}, true
}

// MoveRemains runs: would it be refused, or the bay be taken? → to the furnace
// → out of the old bay → into the new one → the move → off the furnace that they
// stood at. A crash after the bay leaves remains whose bay is free on paper,
// which the next count of the cold store finds; one around the move leaves a
// furnace at which nobody is let until these remains are scanned somewhere else
// or, where they were, the next are brought. The same request again completes it.
func (a *App) MoveRemains(ctx context.Context, c MoveRemains) (events.Receipt, error) {
	id := c.Case.String()
	s, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	// Once the move is noted a bay may be somebody else's by now.
	if done, err := a.did(ctx, a.Custodies.Stream(id), c.ID); err != nil || done != nil {
		return pointed(done), errors.Join(err, a.leaveFurnace(ctx, c.Act, s.Institution, c.From, c.Case))
	}
	u, _, err := a.Custodies.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	home := string(s.Institution)
	in, _, err := a.Institutions.Load(ctx, home)
	if err != nil {
		return events.Receipt{}, err
	}
	cold, _, err := a.ColdStores.Load(ctx, home)
	if err != nil {
		return events.Receipt{}, err
	}
	move := cremation.MoveRemains{Act: c.Act, Tag: c.Tag, From: c.From, To: c.To, Out: c.Out, In: c.In, RecountDue: cold.RecountDue(), InfectionHold: s.HasOpen(cremation.HoldInfectionControl), Approached: u.Approach()}
	from, leaves := BayOf(c.From)
	bay, enters := BayOf(c.To)
	if enters {
		move.BayTag = c.Tag
	}
	if err := to(a.Custodies, id, nil).wouldRefuse(ctx, move); err != nil {
		return events.Receipt{}, err
	}
	if c.To.Kind == cremation.AtFurnace {
		if r, ok := in.Resource(c.To.ID); !ok || r.Kind != institution.Furnace {
			return events.Receipt{}, cremation.ErrPlace
		}
		if move.Approached, err = a.approach(ctx, c.Act, FurnaceID(s.Institution, c.To.ID), move.Approached); err != nil {
			return events.Receipt{}, err
		}
	}
	store := cremation.Store{Act: step(c.Act, "store"), Bay: bay, Tag: c.Tag, Case: c.Case, TagCase: s.Case, Capacity: capacity(in, bay.Bank, day(c.Act))}
	// Leaving one bay and entering another are two acts of the store; the second
	// is asked about before the first is done.
	if b, ok := cold.Where(c.Tag); ok && leaves && b == from {
		if enters {
			without := cremation.ColdStore.Fold(cold, cremation.Removed{Bay: from, Tag: c.Tag})
			if _, err := cremation.ColdStore.Decide(without, store); err != nil {
				return events.Receipt{}, err
			}
			store.Since = since(cold, c.Tag)
		}
		if _, err := a.ColdStores.Handle(ctx, home, cremation.Remove{Act: step(c.Act, "remove"), Bay: from, Tag: c.Tag}); err != nil {
			return events.Receipt{}, err
		}
	}
	if enters {
		if _, err := a.ColdStores.Handle(ctx, home, store); err != nil {
			return events.Receipt{}, err
		}
		if cold, _, err = a.ColdStores.Load(ctx, home); err != nil {
			return events.Receipt{}, err
		}
		move.BayTag = cold.TagIn(bay)
	}
	rc, err := a.Custodies.Handle(ctx, id, move)
	if err != nil {
		return rc, err
	}
	return rc, a.leaveFurnace(ctx, c.Act, s.Institution, c.From, c.Case)
}

// approach asks the furnace for its place at the door, and answers with who has
// it then.
func (a *App) approach(ctx context.Context, act domain.Act, furnace string, of cremation.FurnaceApproached) (cremation.FurnaceApproached, error) {
	over, err := a.pastApproach(ctx, furnace)
	if err != nil {
		return over, err
	}
	if _, err := a.Furnaces.Handle(ctx, furnace, cremation.Approach{Act: step(act, "approach"), Case: of.Case, Move: of.Move, Over: over}); err != nil {
		return over, a.whoStands(ctx, furnace, err)
	}
	f, _, err := a.Furnaces.Load(ctx, furnace)
	return f.Approach, err
}

// pastApproach is the approach on a furnace's stream, where the custody of that
// case says that it is over; otherwise zero.
func (a *App) pastApproach(ctx context.Context, furnace string) (over cremation.FurnaceApproached, err error) {
	f, _, err := a.Furnaces.Load(ctx, furnace)
	if err != nil || f.Approach.Case == uuid.Nil {
		return over, err
	}
	u, _, err := a.Custodies.Load(ctx, f.Approach.Case.String())
	if err != nil {
		return over, err
	}
	if _, resource, _ := strings.Cut(furnace, "."); u.Past(f.Approach, resource) {
		over = f.Approach
	}
	return over, nil
}

// whoStands names the other case by its number on paper where a furnace refuses
// because of it.
func (a *App) whoStands(ctx context.Context, furnace string, refused error) error {
	if !errors.Is(refused, cremation.ErrFurnaceApproached) {
		return refused
	}
	f, _, err := a.Furnaces.Load(ctx, furnace)
	if err != nil || f.Approach.Case == uuid.Nil { // it left in the meantime
		return errors.Join(refused, err)
	}
	other, _, err := a.Cases.Load(ctx, f.Approach.Case.String())
	if err != nil || other.Number == "" {
		return errors.Join(refused, err)
	}
	return cremation.ErrFurnaceApproached.With(other.Number)
}

// leaveFurnace tells a furnace that the case's remains, which stood at it, are
// there no more. It changes nothing where they are, or never were.
func (a *App) leaveFurnace(ctx context.Context, act domain.Act, home domain.CreditCode, from cremation.Place, caseID uuid.UUID) error {
	if from.Kind != cremation.AtFurnace {
		return nil
	}
	furnace := FurnaceID(home, from.ID)
	over, err := a.pastApproach(ctx, furnace)
	if err != nil || over.Case != caseID {
		return err
	}
	_, err = a.Furnaces.Handle(ctx, furnace, cremation.Leave{Act: step(act, "leave"), Over: over})
	return err
}

// since is the day from which somebody's storage counts.
func since(s cremation.ColdStoreState, tag string) domain.Date {
	for _, x := range s.In {
		if x.Tag == tag {
			return x.Since
		}
	}
	return ""
}

// capacity is how many bays a cold bank has on a day; zero when it is not in
// service.
func capacity(in institution.State, bank string, on domain.Date) int {
	if r, ok := in.Resource(bank); ok && r.Kind == institution.ColdBay && r.ServesOn(on) {
		return r.Capacity
	}
	return 0
}

// idTail is the last four of the number by which somebody is told apart: the ID
// card's, another document's, or for the deceased the death certificate's.
func idTail(numbers ...string) string {
	n := cmp.Or(numbers...)
	return n[max(0, len(n)-4):]
}

// DeceasedTail is what the second check of identity compares (I6).
func DeceasedTail(c booking.State, s cremation.CremationState) string {
	return idTail(string(c.Deceased.CitizenID.Or("")), c.Deceased.Document.Number.Or(""), s.Death.Number.Or(""))
}

// CollectorTail is what the release of ashes compares (I11).
func CollectorTail(c booking.State) string {
	return idTail(string(c.Handler.CitizenID.Or("")), c.Handler.Document.Number.Or(""))
}

// Identify records what a relative said who looked at the remains.
type Identify struct {
	Case uuid.UUID
	cremation.Identify
	IfMatch *events.Revision
}

// Identify runs: ask the custody → hold the cremation, or lift the hold. A crash
// between leaves a doubt that nothing holds, which the start of the cremation
// refuses by itself; the reaction to a doubt places the hold.
func (a *App) Identify(ctx context.Context, c Identify) (events.Receipt, error) {
	s, _, err := a.Cremations.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	c.InfectionHold = s.HasOpen(cremation.HoldInfectionControl)
	rc, err := to(a.Custodies, c.Case.String(), c.IfMatch).run(ctx, c.Identify)
	if err != nil {
		return rc, err
	}
	return rc, a.HoldDoubts(ctx, step(c.Act, "hold"), c.Case)
}

// HoldDoubts places a hold for a relative's word that this is somebody else, and
// lifts it once the deceased is identified anew with the paper that settles it.
// It changes nothing where all is as it should be, nor before there is a
// cremation to hold.
func (a *App) HoldDoubts(ctx context.Context, act domain.Act, caseID uuid.UUID) error {
	u, _, err := a.Custodies.Load(ctx, caseID.String())
	if err != nil {
		return err
	}
	c, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil || c.Case == uuid.Nil {
		return err
	}
	// One hold for each doubt: who doubted again later is heard again.
	hold := func(e cremation.NotRecognised) uuid.UUID {
		return uuid.NewSHA1(caseID, []byte("not recognised "+string(e.Relative)+" "+e.At.UTC().Format(time.RFC3339Nano)))
	}
	if u.Refused.Relative != "" {
		if c.Started.At.IsZero() { // what is in the furnace is not held any more: the accident is looked into
			_, err = a.Cremations.Handle(ctx, caseID.String(), cremation.PlaceHold{Act: step(act, "place"), Hold: hold(u.Refused), Kind: cremation.HoldIdentity, Authority: string(c.Institution), Paper: DoubtPaper})
		}
		return err
	}
	if u.Identification.Paper == "" {
		return nil
	}
	for _, h := range c.OpenHolds() {
		if h.Kind != cremation.HoldIdentity || h.Paper != DoubtPaper {
			continue
		}
		if _, err := a.Cremations.Handle(ctx, caseID.String(), cremation.LiftHold{Act: step(act, "lift "+h.Hold.String()), Hold: h.Hold, Authority: h.Authority, Paper: u.Identification.Paper}); err != nil {
			return err
		}
	}
	return nil
}

// DoubtPaper is what a hold names as its paper that follows from a relative's
// word: the custody's own record.
const DoubtPaper = "custody.not_recognised"

// RelocateRemains moves many at once in the cold store, in an emergency.
type RelocateRemains struct {
	cremation.Relocate
	Institution domain.CreditCode
}

// RelocateRemains runs: would it be refused? → relocate → note it in the custody
// of each that was moved (Relocated). A crash between leaves custodies at the
// bays before, which the reaction to the relocation mends.
func (a *App) RelocateRemains(ctx context.Context, c RelocateRemains) (events.Receipt, error) {
	in, _, err := a.Institutions.Load(ctx, string(c.Institution))
	if err != nil {
		return events.Receipt{}, err
	}
	if c.At.IsZero() || c.Estimated { // the moves that it records need their time
		return events.Receipt{}, cremation.ErrTimeNeeded
	}
	c.Capacity = map[string]int{}
	for _, m := range c.Moves {
		c.Capacity[m.To.Bank] = capacity(in, m.To.Bank, day(c.Act))
	}
	rc, err := a.ColdStores.Handle(ctx, string(c.Institution), c.Relocate)
	if err != nil {
		return rc, err
	}
	return rc, a.Relocated(ctx, c.Act, c.Institution, cremation.Relocated{Relocation: c.Relocation, Moves: c.Moves, By: c.By, At: c.At})
}

// Relocated notes a relocation in the custody of each that was moved. What is
// noted, or has moved on since, stays as it is.
func (a *App) Relocated(ctx context.Context, act domain.Act, home domain.CreditCode, e cremation.Relocated) error {
	cold, _, err := a.ColdStores.Load(ctx, string(home))
	if err != nil {
		return err
	}
	for _, m := range e.Moves {
		t, _, err := a.Tags.Load(ctx, m.Tag)
		if err != nil {
			return err
		}
		u, _, err := a.Custodies.Load(ctx, t.Case.String())
		if err != nil {
			return err
		}
		if u.Place != m.From.Place() || u.Ended || e.At.IsZero() || cold.TagIn(m.To) != m.Tag {
			continue
		}
		scan := cremation.Scan{By: e.By, At: e.At}
		move := cremation.MoveRemains{Act: step(act, "relocate "+m.Tag), Tag: m.Tag, From: m.From.Place(), To: m.To.Place(), Out: scan, In: scan, Relocation: e.Relocation, BayTag: m.Tag, RecountDue: cold.RecountDue()}
		if _, err := a.Custodies.Handle(ctx, t.Case.String(), move); err != nil {
			return err
		}
	}
	return nil
}

// VerifyIdentity is one person's check of tag, papers and remains.
type VerifyIdentity struct {
	domain.Act
	Case    uuid.UUID
	Tag     string
	Scanned bool
	IDTail  string
}

// VerifyIdentity looks up who could be taken for this one and asks the
// cremation. One stream is written.
func (a *App) VerifyIdentity(ctx context.Context, c VerifyIdentity) (events.Receipt, error) {
	s, _, err := a.Cremations.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	of, _, err := a.Cases.Load(ctx, c.Case.String())
	if err != nil {
		return events.Receipt{}, err
	}
	like, err := a.LookAlikes(ctx, c.Case, of)
	if err != nil {
		return events.Receipt{}, err
	}
	return a.Cremations.Handle(ctx, c.Case.String(), cremation.VerifyIdentity{Act: c.Act, Tag: c.Tag, Scanned: c.Scanned, LookAlikes: like,
		IDTail: strings.TrimSpace(c.IDTail), IDTailOf: DeceasedTail(of, s)})
}

// Likeness is what of a case can be mistaken for another's.
func Likeness(id uuid.UUID, c booking.State, bank string) cremation.Likeness {
	l := cremation.Likeness{Case: id, Sex: string(c.Deceased.Sex.Or("")), Birth: c.Deceased.Birth.Or(""), Bank: bank}
	if name := []rune(strings.TrimSpace(c.Deceased.Name.Or(""))); len(name) > 0 {
		l.Surname = string(name[0])
		l.Pinyin = strings.Join(pinyin.LazyConvert(string(name), nil), " ")
	}
	if l.Sex == string(booking.UnknownSex) {
		l.Sex = ""
	}
	for _, s := range c.Slots {
		if s.Kind == string(institution.Furnace) {
			l.Day = s.Day
		}
	}
	return l
}

// LookAlikes are the cases that could be taken for this one (I6): of those in
// the same cold bank, and of those that are cremated there on the same day. They
// are looked up in the streams themselves.
func (a *App) LookAlikes(ctx context.Context, id uuid.UUID, c booking.State) ([]uuid.UUID, error) {
	cold, _, err := a.ColdStores.Load(ctx, c.Institution)
	if err != nil {
		return nil, err
	}
	banks := map[uuid.UUID]string{}
	for _, x := range cold.In {
		banks[x.Case] = x.Bay.Bank
	}
	own := Likeness(id, c, banks[id])
	near := map[uuid.UUID]bool{}
	for of, bank := range banks {
		near[of] = own.Bank != "" && bank == own.Bank
	}
	if own.Day != "" {
		in, _, err := a.Institutions.Load(ctx, c.Institution)
		if err != nil {
			return nil, err
		}
		for _, r := range in.Resources {
			if r.Kind != institution.Furnace {
				continue
			}
			d, _, err := a.Days.Load(ctx, schedule.ID(c.Institution, r.Resource, own.Day))
			if err != nil {
				return nil, err
			}
			for _, s := range d.Slots {
				if of, err := uuid.Parse(s.Case); err == nil && s.Confirmed {
					near[of] = true
				}
			}
		}
	}
	delete(near, id)
	var others []cremation.Likeness
	for of, is := range near {
		if !is {
			continue
		}
		x, _, err := a.Cases.Load(ctx, of.String())
		if err != nil {
			return nil, err
		}
		if x.Exists() && !x.Cancelled {
			others = append(others, Likeness(of, x, banks[of]))
		}
	}
	slices.SortFunc(others, func(x, y cremation.Likeness) int { return cmp.Compare(x.Case.String(), y.Case.String()) })
	return cremation.LookAlikes(own, others), nil
}

// StartFacts fills in what a start must know from other streams, for a furnace
// that holds, or would hold, the case.
func (a *App) StartFacts(ctx context.Context, id uuid.UUID, start cremation.Start) (cremation.Start, error) {
	of, _, err := a.Cases.Load(ctx, id.String())
	if err != nil {
		return start, err
	}
	custody, _, err := a.Custodies.Load(ctx, id.String())
	if err != nil {
		return start, err
	}
	in, _, err := a.Institutions.Load(ctx, of.Institution)
	if err != nil {
		return start, err
	}
	p, err := a.ParametersOf(ctx, in)
	if err != nil {
		return start, err
	}
	on := day(start.Act)
	start.Licensed = in.LicensedOn(on)
	for _, l := range in.Licences {
		if l.ValidFrom <= on && (l.ValidUntil == "" || on <= l.ValidUntil) {
			start.Licence = l.Number
		}
	}
	if in.QualifiedOn(start.By, institution.Cremator, on) {
		for _, q := range in.Staff {
			if q.Account == start.By && q.Skill == institution.Cremator {
				start.Qualification = cmp.Or(q.Document, string(q.Skill))
			}
		}
	}
	start.Custody = custody.Standing()
	if of.May(booking.SignFor, on) == nil {
		start.Authorised = of.Handler.Person
	}
	start.VerifyWithin = p.Duration(institution.VerificationMinutes)
	start.LookAlikes, err = a.LookAlikes(ctx, id, of)
	return start, err
}

// Begun notes what follows from a cremation that has begun: the particulars
// change by correction only (I12), and the custody of the remains has ended. A
// cremation that has not begun, and what is noted already, change nothing.
func (a *App) Begun(ctx context.Context, act domain.Act, id uuid.UUID) error {
	s, _, err := a.Cremations.Load(ctx, id.String())
	if err != nil || s.Started.At.IsZero() {
		return err
	}
	if _, err := a.Cases.Handle(ctx, id.String(), booking.FixParticulars{Act: step(act, "fix"), ParticularsFixed: booking.ParticularsFixed{Furnace: s.Started.Furnace}}); err != nil {
		return err
	}
	if s.Rules == cremation.PapersOnly { // such a case has no custody to end
		return nil
	}
	_, err = a.Custodies.Handle(ctx, id.String(), cremation.EndCustody{Act: step(act, "custody"), Started: true})
	return err
}

// CompleteCremation ends a cremation.
type CompleteCremation struct {
	domain.Act
	Case    uuid.UUID
	IfMatch *events.Revision
}

// CompleteCremation looks up how short a cremation is implausible and asks the
// cremation. One stream is written.
func (a *App) CompleteCremation(ctx context.Context, c CompleteCremation) (events.Receipt, error) {
	p, err := a.parametersOfCremation(ctx, c.Case)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Cremations, c.Case.String(), c.IfMatch).run(ctx, cremation.Complete{Act: c.Act, MinMinutes: p.Int(institution.CremationMinutes)})
}

// IssueCode gives the collector of the ashes a one-time code.
type IssueCode struct {
	domain.Act
	Case  uuid.UUID
	Share int // zero: the only one in custody
}

// IssueCode makes a code, keeps its hash and answers with the code, which is
// told to the collector and kept nowhere. Asked again under the same id it
// answers with an empty code: it was told once. One stream is written.
func (a *App) IssueCode(ctx context.Context, c IssueCode) (code string, rc events.Receipt, err error) {
	s, _, err := a.Cremations.Load(ctx, c.Case.String())
	if err != nil {
		return "", rc, err
	}
	p, err := a.parametersOfCremation(ctx, c.Case)
	if err != nil {
		return "", rc, err
	}
	var b [8]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = codeAlphabet[b[i]&31]
	}
	var salt [16]byte
	rand.Read(salt[:])
	text := string(b[:4]) + "-" + string(b[4:])
	issue := cremation.IssueReleaseCode{Act: c.Act, Code: step(c.Act, "code").ID, Share: c.Share, To: s.CollectorOf(c.Share), Salt: hex.EncodeToString(salt[:]), Valid: p.Duration(institution.CodeHours)}
	issue.Hash = domain.Personal(issue.To, cremation.HashCode(issue.Salt, text))
	rc, err = a.Cremations.Handle(ctx, c.Case.String(), issue)
	if err != nil || rc.Repeated {
		return "", rc, err
	}
	return text, rc, nil
}

// ReleaseAshes hands the ashes over to the person named for it.
type ReleaseAshes struct {
	domain.Act
	Case        uuid.UUID
	Share       int            // zero: the only one in custody
	To          domain.Subject // empty: who is named for the share
	Name        string
	Certificate string
	IDChecked   bool
	Code        string
	IDTail      string
	// CitizenID is the whole number as read from the card. Who is named by it is
	// compared by it: the case itself knows the handler's number alone.
	CitizenID domain.CitizenID
	Receipt   string // number of the receipt that both signed
	Form      string // its version
	Photo     string // digest of the picture taken at the counter
}

// ReleaseAshes asks the cremation. A wrong code is counted, and the answer is
// cremation.ErrCodeWrong with how many tries are left. One stream is written.
func (a *App) ReleaseAshes(ctx context.Context, c ReleaseAshes) (events.Receipt, error) {
	id := c.Case.String()
	s, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	of, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	who := cmp.Or(c.To, s.CollectorOf(c.Share))
	sealed := func(v string) (p domain.Private[string]) {
		if v = strings.TrimSpace(v); v != "" {
			p = domain.Personal(who, v)
		}
		return p
	}
	release := cremation.ReleaseAshes{Act: c.Act, Share: c.Share, To: who, Name: sealed(c.Name), Certificate: strings.TrimSpace(c.Certificate), IDChecked: c.IDChecked,
		Code: c.Code, IDTail: strings.TrimSpace(c.IDTail), Receipt: sealed(c.Receipt), Form: c.Form, Photo: sealed(c.Photo)}
	switch {
	case c.CitizenID != "" && a.Person(c.CitizenID) == who:
		release.IDTailOf = idTail(string(c.CitizenID))
		release.IDTail = cmp.Or(release.IDTail, release.IDTailOf)
	case who == of.Handler.Person:
		release.IDTailOf = CollectorTail(of)
	}
	rc, err := a.Cremations.Handle(ctx, id, release)
	if err != nil {
		return rc, err
	}
	if s, _, err = a.Cremations.Load(ctx, id); err != nil {
		return rc, err
	}
	if left, wrong := s.CodeWrong(c.ID); wrong {
		return rc, cremation.ErrCodeWrong.With(left)
	}
	return rc, nil
}

// HandOverRemains gives the remains to somebody else, uncremated.
type HandOverRemains struct {
	Case uuid.UUID
	cremation.HandOverRemains
}

// HandOverRemains runs: would it be refused? → out of the bay → hand over → off
// the furnace that they stood at. A crash between leaves remains whose bay is free on paper, which the next count
// of the cold store finds; the same request again completes it.
func (a *App) HandOverRemains(ctx context.Context, c HandOverRemains) (events.Receipt, error) {
	id := c.Case.String()
	of, _, err := a.Cases.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Cremations.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	cold, _, err := a.ColdStores.Load(ctx, of.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Holds, c.RecountDue, c.Started = s.OpenHolds(), cold.RecountDue(), !s.Started.At.IsZero()
	if err := to(a.Custodies, id, nil).wouldRefuse(ctx, c.HandOverRemains); err != nil {
		return events.Receipt{}, err
	}
	if bay, ok := cold.Where(c.Tag); ok {
		if _, err := a.ColdStores.Handle(ctx, of.Institution, cremation.Remove{Act: step(c.Act, "remove"), Bay: bay, Tag: c.Tag}); err != nil {
			return events.Receipt{}, err
		}
	}
	rc, err := a.Custodies.Handle(ctx, id, c.HandOverRemains)
	if err != nil {
		return rc, err
	}
	u, _, err := a.Custodies.Load(ctx, id)
	if err != nil {
		return rc, err
	}
	return rc, a.leaveFurnace(ctx, c.Act, s.Institution, u.Place, c.Case)
}

// ProposeRest looks up how long a notice is out before ashes that nobody takes
// may be laid to rest, and asks the cremation. One stream is written.
func (a *App) ProposeRest(ctx context.Context, id uuid.UUID, c cremation.ProposeRest) (events.Receipt, error) {
	p, err := a.parametersOfCremation(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	c.After = p.Int(institution.NoticeDays)
	return a.Cremations.Handle(ctx, id.String(), c)
}

// CorrectCremation looks up how short a cremation is implausible and asks the
// cremation. One stream is written.
func (a *App) CorrectCremation(ctx context.Context, id uuid.UUID, c cremation.Correct) (events.Receipt, error) {
	p, err := a.parametersOfCremation(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	c.MinMinutes = p.Int(institution.CremationMinutes)
	return a.Cremations.Handle(ctx, id.String(), c)
}

// parametersOfCremation are the figures in force where the case is cremated.
func (a *App) parametersOfCremation(ctx context.Context, id uuid.UUID) (p institution.ParametersState, err error) {
	s, _, err := a.Cremations.Load(ctx, id.String())
	if err != nil {
		return p, err
	}
	in, _, err := a.Institutions.Load(ctx, string(s.Institution))
	if err != nil {
		return p, err
	}
	return a.ParametersOf(ctx, in)
}
