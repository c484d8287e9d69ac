package policies

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
)

// inCare is a case whose remains lie tagged in bay 1 of the cold store.
func (s *scene) inCare(tag string) uuid.UUID {
	s.Helper()
	id := uuid.New()
	s.ok(s.app.Institutions.Handle(s.Context(), home, institution.AddResource{Act: s.act(), ResourceAdded: institution.ResourceAdded{Resource: "cold-1", Kind: institution.ColdBay,
		NameZh: "柜", Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: 4}}))
	s.ok(s.app.Cases.Handle(s.Context(), id.String(), booking.Open{Act: s.act(), Opened: s.opened(id)}))
	who := s.opened(id).Deceased.Person
	s.ok(s.app.Custodies.Handle(s.Context(), id.String(), cremation.CollectRemains{Act: s.timed(), Case: id, Institution: home, Ground: cremation.OnPoliceNotice, Paper: domain.Personal(who, "GA-1"), Issuer: "派出所",
		Giver: cremation.FromPolice, GiverName: domain.Personal(who, "移交人"), GiverSigned: true, Into: cremation.Place{Kind: cremation.InReception}}))
	s.ok(s.app.TakeIn(s.Context(), handlers.TakeIn{Act: s.timed(), Case: id, Tag: tag}))
	a := s.timed()
	scan := cremation.Scan{By: a.By, At: a.At}
	s.ok(s.app.MoveRemains(s.Context(), handlers.MoveRemains{Act: a, Case: id, Tag: tag, From: cremation.Place{Kind: cremation.InReception}, To: cremation.Bay{Bank: "cold-1", No: 1}.Place(), Out: scan, In: scan}))
	return id
}

// timed is an act at a known time.
func (s *scene) timed() domain.Act {
	a := s.act()
	a.At = a.Now
	return a
}

// holds are the open holds of a case.
func (s *scene) holds(id uuid.UUID) (kinds []cremation.HoldKind) {
	s.Helper()
	c, _, err := s.app.Cremations.Load(s.Context(), id.String())
	if err != nil {
		s.Fatal(err)
	}
	for _, h := range c.OpenHolds() {
		kinds = append(kinds, h.Kind)
	}
	return kinds
}

// fromTheBeginning runs the reactions over the whole log anew, and says whether
// they stored anything that they had stored before.
func (s *scene) fromTheBeginning() {
	s.Helper()
	end := s.end()
	if err := os.Remove(s.file); err != nil {
		s.Fatal(err)
	}
	p, stop := s.start(nil)
	defer stop()
	if err := p.Wait(s.Context(), end); err != nil {
		s.Fatal(err)
	}
	if again := s.end(); again != end {
		s.Errorf("looking at the whole log again stored events, %d to %d", end, again)
	}
}

// end is the position of the last event.
func (s *scene) end() (at events.Position) {
	s.Helper()
	for b, err := range s.app.Store.Follow(s.Context(), 0, 1000) {
		if err != nil {
			s.Fatal(err)
		}
		for _, r := range b.Events {
			at = r.Position
		}
		if b.CaughtUp {
			break
		}
	}
	return at
}

// A relative's no holds the cremation, wherever it was recorded; the new
// identification, with its paper, lets it go on. Neither counts twice.
func TestADoubtHoldsTheCremation(t *testing.T) {
	s := newScene(t)
	_, stop := s.start(nil)
	id := s.inCare("T-1")
	kin := s.opened(id).Handler
	said := cremation.Identify{Act: s.timed(), Tag: "T-1", Relative: kin.Person, Name: kin.Name, Relation: "CHILD", Method: cremation.ByViewing}
	s.ok(s.app.Custodies.Handle(t.Context(), id.String(), said)) // the custody alone: the flow was cut short
	s.until("the doubt holds", func() bool { h := s.holds(id); return len(h) == 1 && h[0] == cremation.HoldIdentity })
	if r := s.last(events.Stream("cremation-" + id.String())); r.Meta.Actor != "policy:doubts" || r.Meta.Causation == uuid.Nil {
		t.Errorf("%+v", r)
	}
	again := cremation.Identify{Act: s.timed(), Tag: "T-1", Relative: kin.Person, Name: kin.Name, Relation: "CHILD", Method: cremation.ByDNA, Recognised: true, Form: "1", Paper: "鉴定"}
	s.ok(s.app.Custodies.Handle(t.Context(), id.String(), again))
	s.until("the hold is lifted", func() bool { return len(s.holds(id)) == 0 })
	// Whoever doubts anew is heard anew.
	said.Act = s.timed()
	s.ok(s.app.Custodies.Handle(t.Context(), id.String(), said))
	s.until("the second doubt holds", func() bool { return len(s.holds(id)) == 1 })
	stop()
	s.fromTheBeginning()
}

// A hold that somebody else placed for identity is theirs to lift.
func TestADoubtLiftsItsOwnHoldOnly(t *testing.T) {
	s := newScene(t)
	id := s.inCare("T-1")
	kin := s.opened(id).Handler
	s.ok(s.app.Cremations.Handle(t.Context(), id.String(), cremation.PlaceHold{Act: s.act(), Hold: uuid.New(), Kind: cremation.HoldIdentity, Authority: "公安", Paper: "JC-1"}))
	for _, yes := range []bool{false, true} {
		s.ok(s.app.Identify(t.Context(), handlers.Identify{Case: id, Identify: cremation.Identify{Act: s.timed(), Tag: "T-1", Relative: kin.Person, Name: kin.Name, Relation: "CHILD",
			Method: cremation.ByViewing, Recognised: yes, Form: "1", Paper: "鉴定"}}))
	}
	if h := s.holds(id); len(h) != 1 {
		t.Error("open holds:", h)
	}
}

// A challenge of who acts holds the cremation, and its resolution lifts the
// hold; one that came before the remains did holds them when they come.
func TestAChallengeHoldsTheCremation(t *testing.T) {
	s := newScene(t)
	_, stop := s.start(nil)
	id := s.inCare("T-1")
	challenge := func(of uuid.UUID, name string) {
		t.Helper()
		who := s.app.Somebody(of, name)
		s.ok(s.app.Cases.Handle(t.Context(), of.String(), booking.Challenge{Act: s.timed(), Challenge: name, Person: who, Name: domain.Personal(who, "沈默"), Phone: domain.Personal(who, "13804110413"),
			Relation: booking.Spouse, Ground: domain.Personal(who, "没有商量"), Order: []booking.Relation{booking.Spouse, booking.Child}}))
	}
	challenge(id, "K-1")
	s.until("the challenge holds", func() bool { h := s.holds(id); return len(h) == 1 && h[0] == cremation.HoldDispute })
	s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.ResolveChallenge{Act: s.timed(), ChallengeResolved: booking.ChallengeResolved{Challenge: "K-1", Outcome: booking.TakenBack, Document: "和解书"}}))
	s.until("the hold is lifted", func() bool { return len(s.holds(id)) == 0 })
	stop()
	s.fromTheBeginning()
}

// A relocation that was cut short is noted in everybody's custody.
func TestARelocationIsNoted(t *testing.T) {
	s := newScene(t)
	id := s.inCare("T-1")
	a := s.timed()
	s.ok(s.app.ColdStores.Handle(t.Context(), home, cremation.Relocate{Act: a, Relocation: a.ID, Reason: "停电", Capacity: map[string]int{"cold-1": 4},
		Moves: []cremation.Relocation{{Tag: "T-1", From: cremation.Bay{Bank: "cold-1", No: 1}, To: cremation.Bay{Bank: "cold-1", No: 2}}}}))
	_, stop := s.start(nil)
	s.until("the custody knows the bay", func() bool {
		c, _, err := s.app.Custodies.Load(t.Context(), id.String())
		return err == nil && c.Place == cremation.Bay{Bank: "cold-1", No: 2}.Place()
	})
	stop()
	s.fromTheBeginning()
}

// The event comes first, the key goes after it; a crash between is mended by
// whoever looks at the log next.
func TestAForgottenPersonsKeyIsErased(t *testing.T) {
	s := newScene(t)
	id := uuid.New()
	s.ok(s.app.Cases.Handle(t.Context(), id.String(), booking.Open{Act: s.act(), Opened: s.opened(id)}))
	who := s.opened(id).Deceased.Person
	rc := s.ok(s.app.Subjects.Handle(t.Context(), string(who), domain.Forget{Act: s.act(), Forgotten: domain.Forgotten{Person: who, Ground: domain.NeverNeeded}}))
	name := func() domain.Private[string] {
		c, _, err := s.app.Cases.Load(t.Context(), id.String())
		if err != nil {
			t.Fatal(err)
		}
		return c.Deceased.Name
	}
	if name().Or("") != "沈明远" {
		t.Fatal("the key was gone before anything erased it")
	}
	p, stop := s.start(nil)
	if err := p.Wait(t.Context(), rc.Position); err != nil {
		t.Fatal(err)
	}
	stop()
	if !name().IsForgotten() {
		t.Error("the name can still be read")
	}
	s.fromTheBeginning()
}
