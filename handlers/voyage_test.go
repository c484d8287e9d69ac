package handlers_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/events/memory"
	. "shenzhong/handlers"
	"shenzhong/projections"
)

// A harbour is a city with a sea-burial operator whose vessel has 40 seats.
type harbour struct {
	*App
	t   testing.TB
	now time.Time
	mu  sync.Mutex
	n   int
}

func newHarbour(t testing.TB) *harbour {
	t.Helper()
	keys := events.NewMemoryKeys()
	h := &harbour{App: NewApp(memory.New(), projections.Registry(keys), keys, []byte("key")), t: t, now: time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)}
	h.App.Now = func() time.Time { return h.now }
	_, err := h.RegisterInstitution(t.Context(), institution.Register{Act: h.act(), Registered: institution.Registered{CreditCode: boats, NameZh: "海风海葬服务（演示）",
		Kind: institution.SeaBurialOperator, Division: "210202", Operator: institution.Commercial}})
	h.ok(err)
	_, err = h.Institutions.Handle(t.Context(), boats, institution.License{Act: h.act(), Licensed: institution.Licensed{Licence: "operating", Number: "H-1", ValidFrom: "2020-01-01"}})
	h.ok(err)
	_, err = h.Institutions.Handle(t.Context(), boats, institution.AddResource{Act: h.act(), ResourceAdded: institution.ResourceAdded{Resource: "ship-1", Kind: institution.Vessel,
		NameZh: "演示一号", Opens: "06:00", Closes: "18:00", SlotMinutes: 60, Capacity: 40}})
	h.ok(err)
	return h
}

func (h *harbour) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harbour) act() domain.Act {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	return domain.Act{ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "harbour", h.n)), By: "eco-1", Now: h.now, At: h.now}
}

// voyage opens a voyage so many days from now.
func (h *harbour) voyage(number string, seats, days int) {
	h.t.Helper()
	_, err := h.OpenVoyage(h.t.Context(), OpenVoyage{ecoburial.OpenVoyage{Act: h.act(), Number: number, Operator: boats, Vessel: "ship-1", Seats: seats, SeaArea: "黄海一区", Pier: "演示码头",
		Division: "210202", Departs: h.now.AddDate(0, 0, days)}})
	h.ok(err)
}

// applied is the n-th family's application for a sea burial, with the second
// consent, the certificate and the ashes in the family's hands.
func (h *harbour) applied(n int) uuid.UUID {
	h.t.Helper()
	ctx := h.t.Context()
	of := opened(h.App, n)
	id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "sea case", n))
	number := fmt.Sprintf("N-%d", n)
	store := func(stream events.Stream, es ...any) {
		var news []events.New
		for i, e := range es {
			typ, data, err := h.Registry.Encode(ctx, e)
			h.ok(err)
			news = append(news, events.New{ID: uuid.NewSHA1(id, fmt.Append(nil, stream, i)), Type: typ, Data: data, Occurred: h.now, Meta: events.Meta{Actor: "desk-1"}})
		}
		_, _, err := h.Store.Append(ctx, stream, events.NoStream, news...)
		h.ok(err)
	}
	store(h.Cases.Stream(id.String()), of)
	store(h.Cremations.Stream(id.String()),
		cremation.Received{Tag: "T", Institution: home}, cremation.Completed{At: h.now}, cremation.AshesCollected{WeightG: 2000, Containers: 1, Label: "T"},
		cremation.CertificateIssued{Number: number}, cremation.AshesReleased{Share: 1, To: of.Handler.Person, Certificate: number})
	store(h.Certificates.Stream(number), cremation.CertificateRegistered{Case: id})
	burial := uuid.NewSHA1(id, []byte("burial"))
	_, err := h.ApplyEcoBurial(ctx, ApplyEcoBurial{ID: burial, Apply: ecoburial.Apply{Act: h.act(), Type: "SEA", Institution: boats, Division: "210202", Certificate: number}})
	h.ok(err)
	return burial
}

// later lets the clock go on; every burial gets its second consent.
func (h *harbour) later(d time.Duration, consents ...uuid.UUID) {
	h.t.Helper()
	h.now = h.now.Add(d)
	for _, id := range consents {
		b, _, err := h.EcoBurials.Load(h.t.Context(), id.String())
		h.ok(err)
		_, err = h.EcoBurials.Handle(h.t.Context(), id.String(), ecoburial.Consent{Act: h.act(), Applicant: b.Applied.Applicant})
		h.ok(err)
	}
}

// rush books for all burials at once and tells which were refused.
func (h *harbour) rush(voyage string, burials []uuid.UUID, relatives func(i int) int) (refused int) {
	h.t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	start := make(chan struct{})
	for i, id := range burials {
		c := BookVoyage{Act: h.act(), Burial: id, Voyage: voyage, Relatives: relatives(i)}
		wg.Go(func() {
			<-start
			for {
				_, err := h.BookVoyage(h.t.Context(), c)
				if errors.Is(err, events.ErrConflict) { // lost too often in a row: the client sends it again
					continue
				}
				if err != nil && !errors.Is(err, ecoburial.ErrVoyageFull) {
					h.t.Error(err)
				}
				mu.Lock()
				if err != nil {
					refused++
				}
				mu.Unlock()
				return
			}
		})
	}
	close(start)
	wg.Wait()
	return refused
}

func (h *harbour) load(voyage string) ecoburial.VoyageState {
	h.t.Helper()
	v, _, err := h.Voyages.Load(h.t.Context(), voyage)
	h.ok(err)
	return v
}

// tied says on which voyage a burial is.
func (h *harbour) tied(id uuid.UUID) string {
	h.t.Helper()
	b, _, err := h.EcoBurials.Load(h.t.Context(), id.String())
	h.ok(err)
	return b.Voyage
}

// A voyage of 40 seats under 200 concurrent bookings carries exactly its licence;
// who was refused is tied to no voyage; the manifest equals its scatter events,
// and these the completed burials.
func TestVoyageCarriesItsLicence(t *testing.T) {
	h := newHarbour(t)
	h.voyage("V-1", 40, 7)
	if _, err := h.OpenVoyage(t.Context(), OpenVoyage{ecoburial.OpenVoyage{Act: h.act(), Number: "V-9", Operator: boats, Vessel: "ship-1", Seats: 41, SeaArea: "x", Pier: "y", Division: "210202", Departs: h.now.AddDate(0, 0, 7)}}); !errors.Is(err, ecoburial.ErrVoyageLicence) {
		t.Error(err)
	}
	var burials []uuid.UUID
	for n := range 200 {
		burials = append(burials, h.applied(n))
	}
	// Parties of three, two, one and none: the small ones fill what is left.
	refused := h.rush("V-1", burials, func(i int) int { return i % 4 })
	v := h.load("V-1")
	if v.Taken() != 40 || refused+len(v.Bookings) != 200 {
		t.Fatalf("%d seats taken by %d bookings, %d refused", v.Taken(), len(v.Bookings), refused)
	}
	var booked []uuid.UUID
	var aboard []ecoburial.Boarding
	for _, id := range burials {
		b, ok := v.Booking(id)
		if want := map[bool]string{true: "V-1"}[ok]; h.tied(id) != want {
			t.Errorf("%s: booked %v, tied to %q", id, ok, h.tied(id))
		}
		if ok {
			booked = append(booked, id)
			aboard = append(aboard, ecoburial.Boarding{Burial: id, Relatives: b.Relatives})
		}
	}
	h.later(26*time.Hour, booked...)
	left := booked[0]
	h.later(6 * 24 * time.Hour)
	_, err := h.DepartVoyage(t.Context(), DepartVoyage{Act: h.act(), Voyage: "V-1", Aboard: aboard[1:]})
	h.ok(err)
	if h.tied(left) != "" {
		t.Error("who did not come is still tied to the voyage")
	}
	h.later(time.Hour)
	back := booked[1]
	_, err = h.BringBack(t.Context(), BringBack{Act: h.act(), Voyage: "V-1", Burial: back, Reason: "起浪"})
	h.ok(err)
	for _, x := range aboard[2:] {
		_, err := h.ScatterAshes(t.Context(), ScatterAshes{Act: h.act(), Voyage: "V-1", Burial: x.Burial, Degradable: true})
		h.ok(err)
	}
	_, err = h.Voyages.Handle(t.Context(), "V-1", ecoburial.EndVoyage{Act: h.act()})
	h.ok(err)
	v = h.load("V-1")
	certificates := map[string]bool{}
	for _, r := range v.Departed.Manifest {
		b, _, err := h.EcoBurials.Load(t.Context(), r.Burial.String())
		h.ok(err)
		e, scattered := v.Scattered[r.Burial]
		if r.Burial == back {
			if scattered || b.Completed.Type != "" || b.Voyage != "" {
				t.Errorf("ashes that came back: scattered %v, %+v", scattered, b.Completed)
			}
			continue
		}
		if !scattered || b.Completed.EcoCertificate != e.Certificate || b.Completed.Facts["voyage_id"] != "V-1" || certificates[e.Certificate] {
			t.Errorf("row %d: %+v, completed %+v", r.Row, e, b.Completed)
		}
		certificates[e.Certificate] = true
	}
	if len(certificates) != len(booked)-2 || len(v.Scattered) != len(certificates) {
		t.Errorf("%d scattered, %d certificates of %d booked", len(v.Scattered), len(certificates), len(booked))
	}
}

// Cancelled by weather, everyone is rebooked or told, and nobody twice, whoever
// runs the reaction how often.
func TestCancelledVoyageTellsEverybody(t *testing.T) {
	h := newHarbour(t)
	h.voyage("V-1", 40, 7)
	h.voyage("V-2", 12, 9)
	h.voyage("V-3", 10, 10)
	var burials []uuid.UUID
	for n := range 30 {
		burials = append(burials, h.applied(n))
	}
	if h.rush("V-1", burials, func(i int) int { return i % 3 }) != 0 {
		t.Fatal("30 families of one or two did not fit")
	}
	cancel := CancelVoyage{"V-1", ecoburial.CancelVoyage{Act: h.act(), Reason: ecoburial.Weather, Document: "海浪预报 12 号", Instead: []string{"V-2", "V-none", "V-3"}}}
	_, err := h.CancelVoyage(t.Context(), cancel)
	h.ok(err)
	_, err = h.CancelVoyage(t.Context(), cancel)
	h.ok(err)
	var wg sync.WaitGroup
	for range 3 {
		act := h.act()
		wg.Go(func() {
			if err := h.Rebook(t.Context(), act, "V-1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, v2, v3 := h.load("V-1"), h.load("V-2"), h.load("V-3")
	if len(v.Untold()) != 0 || len(v.Notices) != 30 || v2.Taken() != 12 || v3.Taken() != 10 {
		t.Fatalf("%d untold, %d told, %d and %d seats offered", len(v.Untold()), len(v.Notices), v2.Taken(), v3.Taken())
	}
	offered := 0
	for _, id := range burials {
		n := v.Notices[id]
		b2, in2 := v2.Booking(id)
		b3, in3 := v3.Booking(id)
		switch {
		case in2 && in3, n.To == "V-2" != in2, n.To == "V-3" != in3, h.tied(id) != n.To:
			t.Errorf("%s was told of %q, is offered on V-2 %v and V-3 %v, tied to %q", id, n.To, in2, in3, h.tied(id))
		case in2 && (b2.From != "V-1" || !b2.Until.Equal(n.Until)), in3 && (b3.From != "V-1" || !b3.Until.Equal(n.Until)):
			t.Errorf("%+v %+v %+v", n, b2, b3)
		case n.To != "":
			offered++
		}
	}
	if offered == 0 || offered == 30 {
		t.Errorf("%d families were offered seats: the test shows one side only", offered)
	}
	// One takes the offer, the others let it lapse; all are free to book again.
	first := v2.Bookings[0].Burial
	_, err = h.Voyages.Handle(t.Context(), "V-2", ecoburial.TakeOffer{Act: h.act(), Burial: first})
	h.ok(err)
	h.later(73 * time.Hour)
	for _, b := range v2.Bookings {
		h.ok(h.LapseSeats(t.Context(), h.act(), "V-2", b.Burial))
	}
	if v2 = h.load("V-2"); len(v2.Bookings) != 1 || v2.Bookings[0].Burial != first || h.tied(first) != "V-2" {
		t.Errorf("%+v", v2.Bookings)
	}
	for _, id := range burials {
		if v.Notices[id].To == "" && h.tied(id) != "" {
			t.Errorf("%s has no offer and is tied to %s", id, h.tied(id))
		}
	}
}

// 10,000 commands at random, on the flows of eco-burial and its ashes: a person's
// ashes have exactly one custodian from the cremation on, one place at most, and
// no incentive is granted or paid twice.
func TestEcoHistories(t *testing.T) {
	h := newHarbour(t)
	ctx := t.Context()
	r := rand.New(rand.NewPCG(4, 4))
	type one struct {
		person, kin domain.Subject
		caseID      uuid.UUID
		number      string
		burials     []uuid.UUID
	}
	var all []*one
	for n := range 12 {
		of := opened(h.App, n)
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "sea case", n))
		all = append(all, &one{of.Deceased.Person, of.Handler.Person, id, fmt.Sprintf("N-%d", n), []uuid.UUID{h.applied(n)}})
	}
	voyages := []string{}
	commands, done := 0, 0
	for commands < 10_000 {
		commands++
		if r.IntN(3) == 0 {
			h.now = h.now.Add(time.Duration(r.IntN(240)) * time.Minute)
		}
		x := all[r.IntN(len(all))]
		burial := x.burials[r.IntN(len(x.burials))]
		voyage := "V-none"
		if len(voyages) > 0 {
			voyage = voyages[max(0, len(voyages)-1-r.IntN(3))]
		}
		var err error
		switch r.IntN(16) {
		case 0:
			if len(x.burials) < 4 {
				id := uuid.NewSHA1(x.caseID, fmt.Append(nil, len(x.burials)))
				c := ApplyEcoBurial{ID: id, Apply: ecoburial.Apply{Act: h.act(), Type: []string{"SEA", "TREE_KEEP", "LAWN_BIO"}[r.IntN(3)], Institution: boats, Division: "210202", Certificate: x.number}}
				if _, err = h.ApplyEcoBurial(ctx, c); err == nil {
					x.burials = append(x.burials, id)
				}
			}
		case 1:
			number := fmt.Sprintf("V-%d", len(voyages)+1)
			c := OpenVoyage{ecoburial.OpenVoyage{Act: h.act(), Number: number, Operator: boats, Vessel: "ship-1", Seats: 1 + r.IntN(8), SeaArea: "x", Pier: "y", Division: "210202", Departs: h.now.Add(72 * time.Hour)}}
			if r.IntN(4) == 0 {
				if _, err = h.OpenVoyage(ctx, c); err == nil {
					voyages = append(voyages, number)
				}
			}
		case 2:
			_, err = h.EcoBurials.Handle(ctx, burial.String(), ecoburial.Consent{Act: h.act(), Applicant: x.kin})
		case 3:
			if r.IntN(8) == 0 {
				_, err = h.EcoBurials.Handle(ctx, burial.String(), ecoburial.Withdraw{Act: h.act(), Applicant: x.kin})
			}
		case 4, 5:
			_, err = h.ReceiveAshes(ctx, ReceiveAshes{Act: h.act(), Burial: burial, Label: "GH-" + x.number, Signed: true})
		case 6:
			if r.IntN(4) == 0 {
				_, err = h.ReturnAshes(ctx, ReturnAshes{Act: h.act(), Burial: burial, Reason: "家属改变主意", Signed: true})
			}
		case 7, 8:
			_, err = h.BookVoyage(ctx, BookVoyage{Act: h.act(), Burial: burial, Voyage: voyage, Relatives: r.IntN(5)})
		case 9:
			_, err = h.LeaveVoyage(ctx, LeaveVoyage{Act: h.act(), Burial: burial, Voyage: voyage})
		case 10:
			if r.IntN(6) == 0 {
				_, err = h.CancelVoyage(ctx, CancelVoyage{voyage, ecoburial.CancelVoyage{Act: h.act(), Reason: ecoburial.Weather, Document: "预报", Instead: voyages}})
			}
		case 11:
			if v := h.load(voyage); v.Open() && len(v.Bookings) > 0 {
				c := DepartVoyage{Act: h.act(), Voyage: voyage}
				for _, b := range v.Bookings {
					if s, _, err := h.EcoBurials.Load(ctx, b.Burial.String()); err == nil && !s.ConsentedAt.IsZero() && b.Until.IsZero() {
						c.Aboard = append(c.Aboard, ecoburial.Boarding{Burial: b.Burial, Relatives: b.Relatives})
					}
				}
				_, err = h.DepartVoyage(ctx, c)
			}
		case 12, 13:
			if r.IntN(12) == 0 {
				_, err = h.BringBack(ctx, BringBack{Act: h.act(), Voyage: voyage, Burial: burial, Reason: "起浪"})
			} else if _, err = h.ScatterAshes(ctx, ScatterAshes{Act: h.act(), Voyage: voyage, Burial: burial, Degradable: true}); err == nil {
				done++
			}
		case 14:
			facts := map[string]string{"garden_id": "G", "tree_no": "7"}
			land := 2500
			if r.IntN(2) == 0 {
				facts, land = map[string]string{"garden_id": "G", "grid_no": "7", "container_degradable": "true"}, 1000
			}
			if r.IntN(12) == 0 {
				_, err = h.CompleteEcoBurial(ctx, CompleteEcoBurial{ID: burial, Complete: ecoburial.Complete{Act: h.act(), Facts: facts, LandCM2: land}})
			}
		case 15:
			act := h.act()
			act.By = []string{"regulator-1", "regulator-2"}[r.IntN(2)]
			switch r.IntN(3) {
			case 0:
				_, err = h.ApplyIncentive(ctx, ApplyIncentive{Act: act, Burial: burial, Account: "6222"})
			case 1:
				_, err = h.GrantIncentive(ctx, GrantIncentive{Act: act, Burial: burial})
			default:
				_, err = h.PayIncentive(ctx, PayIncentive{Act: act, Burial: burial, Payment: fmt.Sprint("PZ-", r.IntN(3)), Amount: domain.Yuan(400)})
			}
		}
		if _, refused := errors.AsType[*domain.Rejection](err); err != nil && !refused && !errors.Is(err, ErrNotFound) {
			t.Fatal(commands, err)
		}
		if commands%50 == 0 {
			for _, x := range all {
				held, err := h.WhoHasAshes(ctx, x.caseID)
				if err != nil || len(held) != 1 {
					t.Fatalf("after %d commands the ashes of %s are with %+v, %v", commands, x.number, held, err)
				}
				ended := 0
				for _, id := range x.burials {
					s, _, err := h.EcoBurials.Load(ctx, id.String())
					h.ok(err)
					if s.Completed.Type != "" {
						ended++
					}
					if s.Completed.Type != "" && s.Applied.Irreversible && s.ConsentedAt.IsZero() {
						t.Fatalf("%s: no second consent", id)
					}
				}
				if ended > 1 {
					t.Fatalf("%s was buried %d times", x.number, ended)
				}
			}
		}
	}
	paid := 0
	for _, x := range all {
		grants, payments := 0, 0
		for e, err := range h.Store.Load(ctx, h.Incentives.Stream(string(x.person)), events.NoStream) {
			h.ok(err)
			body, err := h.Registry.Decode(ctx, e)
			h.ok(err)
			switch body.(type) {
			case ecoburial.IncentiveGranted:
				grants++
			case ecoburial.IncentivePaid:
				payments++
			}
		}
		if grants > 1 || payments > grants {
			t.Errorf("%s: %d grants, %d payments", x.number, grants, payments)
		}
		paid += payments
	}
	for _, number := range voyages {
		v := h.load(number)
		if v.Taken() > v.Opened.Seats {
			t.Errorf("%s: %d of %d seats", number, v.Taken(), v.Opened.Seats)
		}
	}
	if done < 3 || paid == 0 {
		t.Errorf("%d scattered, %d paid: the test shows too little", done, paid)
	}
}

// Ashes that went back to the family leave its place free, also when the request
// that had received them is sent once more.
func TestReceivedAshesSentAgainAfterTheirReturn(t *testing.T) {
	h := newHarbour(t)
	ctx := t.Context()
	burial := h.applied(1)
	b, _, err := h.EcoBurials.Load(ctx, burial.String())
	h.ok(err)
	receive := ReceiveAshes{Act: h.act(), Burial: burial, Label: "GH-1", Signed: true}
	_, err = h.ReceiveAshes(ctx, receive)
	h.ok(err)
	if p, _, err := h.Placements.Load(ctx, string(b.Applied.Person)); err != nil || p.Plot != EcoPlace(burial) {
		t.Fatalf("received ashes claim no place: %+v, %v", p, err)
	}
	_, err = h.ReturnAshes(ctx, ReturnAshes{Act: h.act(), Burial: burial, Reason: "家属改变主意", Signed: true})
	h.ok(err)
	rc, err := h.ReceiveAshes(ctx, receive)
	h.ok(err)
	if p, _, err := h.Placements.Load(ctx, string(b.Applied.Person)); err != nil || p.Plot != "" || !rc.Repeated {
		t.Errorf("the place of returned ashes: %q, %+v, %v", p.Plot, rc, err)
	}
}
