package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
	. "shenzhong/handlers"
	"shenzhong/projections"
)

const (
	home  = "12210200422000019F"
	yard  = "52210212MJ0YY00496"
	boats = "91210211MA0YY00382"
)

// A script is a day in the life of the city: the same commands with the same
// ids at the same times, whatever store it runs on.
type script struct {
	*App
	now   time.Time
	steps int
}

// act is the next command's; its id follows from its place in the script.
func (s *script) act(by string) domain.Act {
	s.steps++
	return domain.Act{ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, s.steps)), By: by, Now: s.now, At: s.now}
}

func newScript(store events.Store) *script {
	keys := events.NewMemoryKeys()
	return &script{App: NewApp(store, projections.Registry(keys), keys, []byte("key")), now: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)}
}

func opened(a *App, n int) booking.Opened {
	of := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "case", n))
	who, kin := a.Somebody(of, "deceased"), a.Somebody(of, "handler")
	return booking.Opened{Institution: home, Number: fmt.Sprintf("C-%d", n), Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, "沈明远"), Hukou: "210211"},
		Handler:  booking.Handler{Person: kin, Name: domain.Personal(kin, "沈静"), Phone: domain.Personal(kin, "13804110412"), Relation: booking.Child}}
}

// play runs the script. Each step that fails for another reason than a rule is
// asked for again, as a client would: the very same command.
func (s *script) play(ctx context.Context) error {
	again := func(name string, do func() (events.Receipt, error)) error {
		for range 3 {
			_, err := do()
			if err == nil {
				return nil
			}
			if !errors.Is(err, eventstest.ErrInjected) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return fmt.Errorf("%s: still failing", name)
	}
	var failed error
	step := func(name string, do func(act domain.Act) (events.Receipt, error)) {
		act := s.act("staff-1")
		if failed == nil {
			failed = again(name, func() (events.Receipt, error) { return do(act) })
		}
	}
	by := func(who string, act domain.Act) domain.Act { act.By = who; return act }

	step("register", func(a domain.Act) (events.Receipt, error) {
		return s.RegisterInstitution(ctx, institution.Register{Act: a, Registered: institution.Registered{CreditCode: home, NameZh: "松涛殡仪馆（演示）", Kind: institution.FuneralHome, Division: "210211", Operator: institution.Government}})
	})
	step("license", func(a domain.Act) (events.Receipt, error) {
		return s.Institutions.Handle(ctx, home, institution.License{Act: a, Licensed: institution.Licensed{Licence: "operating", Number: "1", ValidFrom: "2020-01-01"}})
	})
	for _, r := range []institution.ResourceAdded{
		{Resource: "hall-1", Kind: institution.Hall, NameZh: "厅", Opens: "08:00", Closes: "17:00", SlotMinutes: 60, Capacity: 50},
		{Resource: "furnace-1", Kind: institution.Furnace, NameZh: "炉", Opens: "08:00", Closes: "17:00", SlotMinutes: 60, Capacity: 1},
		{Resource: "cold-1", Kind: institution.ColdBay, NameZh: "柜", Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: 4},
	} {
		step("resource", func(a domain.Act) (events.Receipt, error) {
			return s.Institutions.Handle(ctx, home, institution.AddResource{Act: a, ResourceAdded: r})
		})
	}
	step("qualify", func(a domain.Act) (events.Receipt, error) {
		return s.Institutions.Handle(ctx, home, institution.QualifyStaff{Act: a, StaffQualified: institution.StaffQualified{Account: "staff-1", Skill: institution.Cremator, ValidFrom: "2026-01-01", Document: "SG-1"}})
	})
	step("prices", func(a domain.Act) (events.Receipt, error) {
		return s.PublishPriceList(ctx, PublishPriceList{Key: home, Publish: pricing.Publish{Act: a, EffectiveFrom: "2026-04-01", InstitutionName: "松涛", Division: "210211",
			Rows: []pricing.Row{{Code: "CRM-STD", NameZh: "火化", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "具", Price: 90000}}}})
	})
	step("cemetery", func(a domain.Act) (events.Receipt, error) {
		return s.Cemeteries.Handle(ctx, yard, cemetery.Establish{Act: a, Cemetery: yard, NameZh: "公墓", Class: cemetery.UrbanPublic, Division: "210211", Serves: []domain.Division{"210200"}})
	})
	step("survey", func(a domain.Act) (events.Receipt, error) {
		return s.Survey(ctx, Survey{Of: yard, Survey: cemetery.Survey{Act: a, Plot: "A-1", Kind: cemetery.Grave, EcoType: "SMALL_PLOT", Capacity: 1, AreaCM2: 5000}})
	})
	for n := range 2 {
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "id", n))
		tag, number := fmt.Sprintf("T-%d", n), fmt.Sprintf("N-%d", n)
		step("book", func(a domain.Act) (events.Receipt, error) {
			return s.Book(ctx, Book{Act: a, Case: id, Opened: opened(s.App, n), Want: Want{Resource: "hall-1", Start: domain.Clock("09:00").On(domain.Date("2026-11-25").AddDays(n))}})
		})
		step("quote", func(a domain.Act) (events.Receipt, error) {
			return s.Quote(ctx, Quote{Act: a, Case: id, Quote: "q", Items: []booking.Item{{ID: "l", Code: "CRM-STD", Quantity: 1}}})
		})
		step("consent", func(a domain.Act) (events.Receipt, error) {
			return s.Cases.Handle(ctx, id.String(), booking.Consent{Act: a, Quote: "q", Total: 90000})
		})
		step("charge", func(a domain.Act) (events.Receipt, error) {
			return s.Charge(ctx, Charge{Act: a, Case: id, Item: booking.Item{ID: "l", Code: "CRM-STD", Quantity: 1}})
		})
		who, kin := opened(s.App, n).Deceased.Person, opened(s.App, n).Handler
		here := cremation.Place{Kind: cremation.InVehicle, ID: "car-1"}
		step("collect", func(a domain.Act) (events.Receipt, error) {
			return s.Custodies.Handle(ctx, id.String(), cremation.CollectRemains{Act: a, Case: id, Institution: home, Ground: cremation.OnDeathCertificate, Paper: domain.Personal(who, "P1234567"), Issuer: "医院",
				Giver: cremation.FromHospital, GiverName: domain.Personal(kin.Person, "移交人"), GiverSigned: true, Into: here})
		})
		scan := func(a domain.Act) cremation.Scan { return cremation.Scan{By: a.By, At: a.At} }
		step("receive", func(a domain.Act) (events.Receipt, error) {
			return s.TakeIn(ctx, TakeIn{Act: a, Case: id, Tag: tag, To: cremation.Place{Kind: cremation.InReception}, Out: scan(a), In: scan(a)})
		})
		here = cremation.Place{Kind: cremation.InReception}
		move := func(to cremation.Place) {
			from := here
			step("move", func(a domain.Act) (events.Receipt, error) {
				return s.MoveRemains(ctx, MoveRemains{Act: a, Case: id, Tag: tag, From: from, To: to, Out: scan(a), In: scan(a)})
			})
			here = to
		}
		bay, next := cremation.Bay{Bank: "cold-1", No: 1}, cremation.Bay{Bank: "cold-1", No: 2}
		move(bay.Place())
		step("relocate", func(a domain.Act) (events.Receipt, error) {
			return s.RelocateRemains(ctx, RelocateRemains{Institution: home, Relocate: cremation.Relocate{Act: a, Relocation: a.ID, Moves: []cremation.Relocation{{Tag: tag, From: bay, To: next}}, Reason: "停电"}})
		})
		step("recount", func(a domain.Act) (events.Receipt, error) {
			return s.ColdStores.Handle(ctx, home, cremation.Recount{Act: a, Count: a.ID, Seen: []cremation.Sighting{{Bay: next, Tag: tag}}})
		})
		here = next.Place()
		move(bay.Place())
		step("belongings", func(a domain.Act) (events.Receipt, error) {
			return s.Custodies.Handle(ctx, id.String(), cremation.ListBelongings{Act: a, Witness: "staff-2"})
		})
		step("death", func(a domain.Act) (events.Receipt, error) {
			return s.Cremations.Handle(ctx, id.String(), cremation.RecordDeathCertificate{Act: a, Number: domain.Personal(who, "P1234567"), Issuer: "医院", IssuedOn: "2026-11-22",
				CauseClass: domain.Personal(who, cremation.Natural), Checked: true})
		})
		step("confirmation", func(a domain.Act) (events.Receipt, error) {
			return s.SignConfirmation(ctx, SignConfirmation{Act: a, Case: id, Form: "2026.1"})
		})
		if n == 1 { // somebody is not sure at first
			step("doubt", func(a domain.Act) (events.Receipt, error) {
				return s.Identify(ctx, Identify{Case: id, Identify: cremation.Identify{Act: a, Tag: tag, Relative: kin.Person, Name: kin.Name, Relation: "CHILD", Method: cremation.ByPhoto}})
			})
		}
		step("identify", func(a domain.Act) (events.Receipt, error) {
			return s.Identify(ctx, Identify{Case: id, Identify: cremation.Identify{Act: a, Tag: tag, Relative: kin.Person, Name: kin.Name, Relation: "CHILD", Method: cremation.ByViewing, Recognised: true, Form: "1", Paper: "公安鉴定"}})
		})
		move(cremation.Place{Kind: cremation.AtFurnace, ID: "furnace-1"})
		move(cremation.Place{Kind: cremation.InPreparation, ID: "1"}) // away from its door again, and back
		move(cremation.Place{Kind: cremation.AtFurnace, ID: "furnace-1"})
		for _, who := range []string{"staff-2", "staff-3"} {
			step("verify", func(a domain.Act) (events.Receipt, error) {
				return s.Cremations.Handle(ctx, id.String(), cremation.VerifyIdentity{Act: by(who, a), Tag: tag})
			})
		}
		step("start", func(a domain.Act) (events.Receipt, error) {
			return s.StartCremation(ctx, StartCremation{Act: a, Case: id, Furnace: "furnace-1"})
		})
		report := func(sequence int64, signal cremation.Signal) func(domain.Act) (events.Receipt, error) {
			return func(a domain.Act) (events.Receipt, error) {
				a.By, a.At = "plc-1", s.now.Add(-3*time.Minute)
				return s.ReportFurnace(ctx, ReportFurnace{Act: a, Institution: home, Furnace: "furnace-1", Key: "k1", Sequence: sequence, Signal: signal})
			}
		}
		step("lit", report(int64(2*n+1), cremation.SignalStart)) // three minutes before the operator says so
		s.now = s.now.Add(time.Hour)
		step("put out", report(int64(2*n+2), cremation.SignalStop))
		step("complete", func(a domain.Act) (events.Receipt, error) {
			return s.Cremations.Handle(ctx, id.String(), cremation.Complete{Act: a})
		})
		step("ashes", func(a domain.Act) (events.Receipt, error) {
			return s.CollectAshes(ctx, CollectAshes{Act: a, Case: id, WeightG: 2000, Containers: 1, Label: tag, SealedBy: [2]string{"staff-1", "staff-2"}, ChamberEmpty: n == 0})
		})
		if n == 1 { // something is left, and taken out
			step("left", func(a domain.Act) (events.Receipt, error) { return s.ChamberLeft(ctx, a, id, "金属件") })
			step("empty", func(a domain.Act) (events.Receipt, error) { return s.EmptyFurnace(ctx, a, id) })
		}
		step("certificate", func(a domain.Act) (events.Receipt, error) {
			return s.IssueCertificate(ctx, IssueCertificate{Act: a, Case: id, Number: number, Form: "1"})
		})
		if n == 0 {
			step("reissue", func(a domain.Act) (events.Receipt, error) {
				return s.IssueCertificate(ctx, IssueCertificate{Act: a, Case: id, Number: "N-9", Form: "1", Reissue: "遗失"})
			})
			kin, salt := opened(s.App, n).Handler.Person, strings.Repeat("5a", 8)
			step("release code", func(a domain.Act) (events.Receipt, error) {
				return s.Cremations.Handle(ctx, id.String(), cremation.IssueReleaseCode{Act: a, Code: uuid.NewSHA1(id, []byte("code")), To: kin, Salt: salt, Hash: domain.Personal(kin, cremation.HashCode(salt, "1234"))})
			})
			step("release", func(a domain.Act) (events.Receipt, error) {
				return s.Cremations.Handle(ctx, id.String(), cremation.ReleaseAshes{Act: a, To: kin, Name: domain.Personal(kin, "沈静"), Certificate: "N-9", IDChecked: true,
					Code: "1234", IDTail: "0018", IDTailOf: "0018", Receipt: domain.Personal(kin, "S-3"), Form: "2026.1"})
			})
			step("allocate", func(a domain.Act) (events.Receipt, error) {
				return s.AllocatePlot(ctx, AllocatePlot{Of: yard, Plot: "A-1", Allocate: cemetery.Allocate{Act: a, Right: "R-1", Applicant: "kin", Ground: cemetery.CremationCertificate,
					Certificate: "N-9", Contract: "C", TermUntil: "2046-01-01"}})
			})
			step("inter", func(a domain.Act) (events.Receipt, error) {
				return s.Inter(ctx, Inter{Of: yard, Plot: "A-1", Inter: cemetery.Inter{Act: a, Right: "R-1", Certificate: "N-9", Consent: cemetery.Consent{Paper: "AZ-1"}}})
			})
			continue
		}
		burial := uuid.NewSHA1(id, []byte("eco"))
		step("apply", func(a domain.Act) (events.Receipt, error) {
			return s.ApplyEcoBurial(ctx, ApplyEcoBurial{ID: burial, Apply: ecoburial.Apply{Act: a, Type: "TREE_KEEP", Institution: boats, Division: "210211", Certificate: number}})
		})
		step("bury", func(a domain.Act) (events.Receipt, error) {
			return s.CompleteEcoBurial(ctx, CompleteEcoBurial{ID: burial, Complete: ecoburial.Complete{Act: a, Facts: map[string]string{"garden_id": "G", "tree_no": "7"}, LandCM2: 2500}})
		})
	}
	step("cancel", func(a domain.Act) (events.Receipt, error) {
		id := uuid.NewSHA1(uuid.Nil, []byte("third"))
		if _, err := s.Book(ctx, Book{Act: a, Case: id, Opened: opened(s.App, 3), Want: Want{Resource: "hall-1", Start: domain.Clock("11:00").On("2026-11-25")}}); err != nil {
			return events.Receipt{}, err
		}
		a.ID = events.StepID(a.ID, "cancel")
		return s.CancelCase(ctx, CancelCase{Act: a, Case: id, Reason: booking.Duplicate})
	})
	first, second := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "id", 0)), uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "id", 1))
	step("pay", func(a domain.Act) (events.Receipt, error) {
		return s.TakePayment(ctx, TakePayment{Act: a, Case: first, Payment: "p", Amount: 90000, Method: booking.Cash})
	})
	step("refund", func(a domain.Act) (events.Receipt, error) {
		return s.GiveRefund(ctx, GiveRefund{Act: a, Case: first, Refund: "r", Line: "l", Amount: 10000, Reason: booking.Overcharge, Method: booking.Cash})
	})
	step("close the till", func(a domain.Act) (events.Receipt, error) {
		return s.CloseTill(ctx, CloseTill{Act: a, Institution: home, Counted: map[booking.Method]domain.Money{booking.Cash: 80000}})
	})
	for _, to := range []string{"2026-11-26 10:00", "2026-11-27 08:00"} {
		step("move", func(a domain.Act) (events.Receipt, error) {
			from := domain.Clock("09:00").On("2026-11-26")
			if to == "2026-11-27 08:00" {
				from = domain.Clock("10:00").On("2026-11-26")
			}
			return s.MoveSlot(ctx, MoveSlot{Act: a, Case: second, Resource: "hall-1", Start: from, Want: Want{Start: domain.Clock(to[11:]).On(domain.Date(to[:10]))}})
		})
	}
	window := institution.MaintenancePlanned{Window: "m-1", Resource: "furnace-1", From: domain.Clock("09:00").On("2026-11-28").UTC(), To: domain.Clock("12:00").On("2026-11-29").UTC(), Reason: "年检"}
	step("plan maintenance", func(a domain.Act) (events.Receipt, error) {
		return s.PlanMaintenance(ctx, PlanMaintenance{Institution: home, PlanMaintenance: institution.PlanMaintenance{Act: a, MaintenancePlanned: window}})
	})
	step("cancel maintenance", func(a domain.Act) (events.Receipt, error) {
		return s.CancelMaintenance(ctx, CancelMaintenance{Institution: home, CancelMaintenance: institution.CancelMaintenance{Act: a, MaintenanceCancelled: institution.MaintenanceCancelled{Window: "m-1", Reason: "改期"}}})
	})
	seed, salt := strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	peak := Peak{Institution: home, Kind: institution.Hall, Day: "2026-12-22"}
	closes := s.now.Add(time.Hour)
	step("announce", func(a domain.Act) (events.Receipt, error) {
		return s.AnnouncePeak(ctx, AnnouncePeak{Act: a, Peak: peak, Minutes: 180, Commitment: schedule.Commitment(seed, salt), Closes: closes})
	})
	for _, id := range []uuid.UUID{first, second} {
		step("apply", func(a domain.Act) (events.Receipt, error) {
			return s.ApplyPeak(ctx, ApplyPeak{Act: a, Case: id, Kind: peak.Kind, Day: peak.Day, Wishes: []string{"hall-1/0800", "hall-1/1100"}})
		})
	}
	s.now = s.now.Add(2 * time.Hour)
	step("draw", func(a domain.Act) (events.Receipt, error) {
		return s.DrawPeak(ctx, DrawPeak{Act: a, Peak: peak, Seed: seed, Salt: salt})
	})
	now := s.now
	s.now = time.Date(2045, 3, 1, 2, 0, 0, 0, time.UTC) // within the last year of the right
	who := opened(s.App, 0).Deceased.Person
	right := func(name string, cmd func(domain.Act) cemetery.RightCommand) {
		step(name, func(a domain.Act) (events.Receipt, error) { return s.ChangeRight(ctx, yard, "R-1", nil, cmd(a)) })
	}
	right("notice due", func(a domain.Act) cemetery.RightCommand { return cemetery.NoteDue{Act: a, Stage: -12} })
	right("serve notice", func(a domain.Act) cemetery.RightCommand {
		return cemetery.ServeNotice{Act: a, Stage: -12, Channel: cemetery.InPerson, To: "kin", ServedOn: "2045-03-01", Proof: "P-1"}
	})
	right("upkeep", func(a domain.Act) cemetery.RightCommand {
		return cemetery.PayUpkeep{Act: a, Until: "2050-01-01", AmountFen: 10000, Receipt: "S-1"}
	})
	step("renew", func(a domain.Act) (events.Receipt, error) {
		return s.RenewRight(ctx, RenewRight{Of: yard, Right: "R-1", Renew: cemetery.Renew{Act: a, Holder: "kin", Until: "2065-06-01", Contract: "C-2"}})
	})
	right("holder death", func(a domain.Act) cemetery.RightCommand {
		return cemetery.RecordHolderDeath{Act: a, Paper: domain.Personal("kin", "死亡证明")}
	})
	right("propose", func(a domain.Act) cemetery.RightCommand {
		return cemetery.ProposeInheritance{Act: a, To: "heir", Relation: "CHILD", Others: []domain.Subject{"other"}, Paper: domain.Personal("kin", "公证书")}
	})
	right("answer", func(a domain.Act) cemetery.RightCommand {
		return cemetery.AnswerHeir{Act: a, Heir: "other", Agrees: true, Paper: domain.Personal("other", "声明")}
	})
	right("inherit", func(a domain.Act) cemetery.RightCommand { return cemetery.Inherit{Act: a} })
	step("survey another", func(a domain.Act) (events.Receipt, error) {
		return s.Survey(ctx, Survey{Of: yard, Survey: cemetery.Survey{Act: a, Plot: "B-1", Kind: cemetery.Grave, EcoType: "SMALL_PLOT", Capacity: 1, AreaCM2: 5000}})
	})
	move := uuid.NewSHA1(uuid.Nil, []byte("relocation"))
	step("ask to relocate", func(a domain.Act) (events.Receipt, error) {
		return s.RequestRelocation(ctx, RequestRelocation{ID: move, RequestRelocation: cemetery.RequestRelocation{Act: a, Cemetery: yard, Plot: "A-1", Persons: []domain.Subject{who}, Cause: cemetery.FamilyWish,
			Holder: "heir", Paper: "Q-1", To: cemetery.Destination{Kind: cemetery.ToPlot, Place: PlotID(yard, "B-1"), Taker: cemetery.Custodian{Institution: yard}}}})
	})
	step("permit", func(a domain.Act) (events.Receipt, error) {
		return s.Relocations.Handle(ctx, move.String(), cemetery.PermitRelocation{Act: by("staff-2", a), Permit: "QZ-1", Authority: "民政局（演示）", From: "2045-03-01", Until: "2045-03-31"})
	})
	step("allocate the new place", func(a domain.Act) (events.Receipt, error) {
		return s.AllocatePlot(ctx, AllocatePlot{Of: yard, Plot: "B-1", Relocation: move, Allocate: cemetery.Allocate{Act: a, Right: "R-9", Applicant: "heir", Deceased: who, Ground: cemetery.RelocationPermit,
			Hukou: "210211", Contract: "C-9", TermUntil: "2065-01-01"}})
	})
	step("lift", func(a domain.Act) (events.Receipt, error) {
		return s.Lift(ctx, Lift{ID: move, Lift: cemetery.Lift{Act: a, Person: who, Label: "L-2", OldLabel: "L-1", SealedBy: [2]string{"staff-1", "staff-2"}, Carrier: cemetery.Custodian{Person: "heir"}, Receipt: "J-1"}})
	})
	step("arrive", func(a domain.Act) (events.Receipt, error) {
		return s.Arrive(ctx, Arrive{ID: move, Consent: cemetery.Consent{Paper: "AZ-2"}, Arrive: cemetery.Arrive{Act: a, Person: who, Label: "L-2", Receipt: "J-2"}})
	})
	s.now = now
	return failed
}

// log is what a store holds, one line an event.
func log(t *testing.T, s events.Store) []string {
	t.Helper()
	var lines []string
	for b, err := range s.Follow(t.Context(), 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Events {
			lines = append(lines, fmt.Sprint(r.Stream, " ", r.Type, " ", r.ID))
		}
		if b.CaughtUp {
			break
		}
	}
	return lines
}

// Every append of every flow fails once, in every way; the request is sent
// again. The log is the very same as if nothing had happened: no step is
// missing, none is doubled.
func TestFlowsSurviveEveryFault(t *testing.T) {
	calm := &eventstest.Faulty{Store: memory.New()}
	if err := newScript(calm).play(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := log(t, calm)
	t.Log(len(want), "events,", calm.Appends(), "appends")
	for _, fault := range []eventstest.Fault{eventstest.Lost, eventstest.Answer, eventstest.Conflict, eventstest.Refused} {
		for n := range calm.Appends() {
			store := &eventstest.Faulty{Store: memory.New(), Plan: func(i int) eventstest.Fault {
				if i == n {
					return fault
				}
				return eventstest.None
			}}
			if err := newScript(store).play(t.Context()); err != nil {
				t.Fatalf("append %d, fault %d: %v", n, fault, err)
			}
			if got := log(t, store); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("append %d, fault %d: the log differs:\n%s\n\nwant\n%s", n, fault, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// What the script leaves of a right that was renewed and inherited, and of
// somebody who was moved: one place, one custodian, the former place locked.
func TestRightsAndRelocation(t *testing.T) {
	s := newScript(memory.New())
	if err := s.play(t.Context()); err != nil {
		t.Fatal(err)
	}
	who := opened(s.App, 0).Deceased.Person
	r, _, err := s.Rights.Load(t.Context(), RightID(yard, "R-1"))
	if err != nil || r.Holder != "heir" || r.Until != "2065-06-01" || r.UpkeepUntil != "2050-01-01" || len(r.Renewals) != 1 || !r.Ended {
		t.Errorf("%+v %v", r, err)
	}
	if n, _, err := s.Rights.Load(t.Context(), RightID(yard, "R-9")); err != nil || n.Holder != "heir" || n.Over() {
		t.Errorf("%+v %v", n, err)
	}
	if got := s.plotOf(t, "A-1").Status(); got != cemetery.LockedUp {
		t.Errorf("the former place is %s", got)
	}
	if got := s.plotOf(t, "B-1"); got.Status() != cemetery.Full || got.Interred[0] != who {
		t.Errorf("the new place: %+v", got)
	}
	p, _, err := s.Placements.Load(t.Context(), string(who))
	if err != nil || p.Plot != PlotID(yard, "B-1") || !p.Rests || p.Custodian != (cemetery.Custodian{Institution: yard}) {
		t.Errorf("%+v %v", p, err)
	}
	if x, _, err := s.Relocations.Load(t.Context(), uuid.NewSHA1(uuid.Nil, []byte("relocation")).String()); err != nil || x.Status() != "arrived" {
		t.Errorf("%+v %v", x, err)
	}
}

// Played a second time with the same ids, nothing is stored.
func TestFlowsPlayedTwice(t *testing.T) {
	store := memory.New()
	if err := newScript(store).play(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := log(t, store)
	if err := newScript(store).play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log(t, store); len(got) != len(want) {
		t.Errorf("%d events more:\n%s", len(got)-len(want), strings.Join(got[len(want):], "\n"))
	}
}

// A meddler does something once, just before a stream is read.
type meddler struct {
	events.Store
	at   events.Stream
	then func()
}

func (m *meddler) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	if then := m.then; st == m.at && then != nil {
		m.then = nil
		then()
	}
	return m.Store.Load(ctx, st, after)
}

// Somebody who follows a right slowly overtakes nobody: the plot ends with the
// holder that the right has now, also where both follow for the same event.
func TestASlowFollowerOfARight(t *testing.T) {
	s := newScript(memory.New())
	ctx := t.Context()
	if err := s.play(ctx); err != nil {
		t.Fatal(err)
	}
	s.now = time.Date(2045, 4, 1, 2, 0, 0, 0, time.UTC)
	id, act := RightID(yard, "R-9"), s.act("policy:rights")
	ok := func(_ events.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Plots.Store = &meddler{Store: s.Store, at: s.Plots.Stream(PlotID(yard, "B-1")), then: func() {
		for _, c := range []cemetery.RightCommand{cemetery.RecordHolderDeath{Act: s.act("staff-1"), Paper: domain.Personal("heir", "死亡证明")},
			cemetery.ProposeInheritance{Act: s.act("staff-1"), To: "grandchild", Relation: "CHILD", Paper: domain.Personal("heir", "公证书")}, cemetery.Inherit{Act: s.act("staff-1")}} {
			ok(s.Rights.Handle(ctx, id, c))
		}
		if err := s.FollowRight(ctx, act, id); err != nil {
			t.Fatal(err)
		}
	}}
	if err := s.FollowRight(ctx, act, id); err != nil {
		t.Fatal(err)
	}
	if p := s.plotOf(t, "B-1"); p.Applicant != "grandchild" {
		t.Errorf("the plot is %s's, the right the grandchild's", p.Applicant)
	}
	n := len(log(t, s.Store))
	if err := s.FollowRight(ctx, act, id); err != nil || len(log(t, s.Store)) != n {
		t.Errorf("followed again: %d events more, %v", len(log(t, s.Store))-n, err)
	}
}

// The steps of a relocation that are played again after the next one took the
// same person further change nothing and fail nowhere.
func TestAnEarlierRelocationPlayedAgain(t *testing.T) {
	s := newScript(memory.New())
	ctx := t.Context()
	if err := s.play(ctx); err != nil {
		t.Fatal(err)
	}
	s.now = time.Date(2045, 3, 10, 2, 0, 0, 0, time.UTC)
	who := opened(s.App, 0).Deceased.Person
	first, second := uuid.NewSHA1(uuid.Nil, []byte("relocation")), uuid.NewSHA1(uuid.Nil, []byte("second relocation"))
	ok := func(_ events.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(s.RequestRelocation(ctx, RequestRelocation{ID: second, RequestRelocation: cemetery.RequestRelocation{Act: s.act("staff-1"), Cemetery: yard, Plot: "B-1", Persons: []domain.Subject{who}, Cause: cemetery.FamilyWish,
		Holder: "heir", Paper: "Q-2", To: cemetery.Destination{Kind: cemetery.ToAway, Place: "外地公墓", Taker: cemetery.Custodian{Person: "heir"}}}}))
	ok(s.Relocations.Handle(ctx, second.String(), cemetery.PermitRelocation{Act: s.act("staff-2"), Permit: "QZ-2", Authority: "民政局（演示）", From: "2045-03-01", Until: "2045-03-31"}))
	ok(s.Lift(ctx, Lift{ID: second, Lift: cemetery.Lift{Act: s.act("staff-1"), Person: who, Label: "L-3", OldLabel: "L-2", SealedBy: [2]string{"staff-1", "staff-2"}, Carrier: cemetery.Custodian{Person: "carrier"}, Receipt: "J-3"}}))
	ok(s.Arrive(ctx, Arrive{ID: second, Arrive: cemetery.Arrive{Act: s.act("staff-1"), Person: who, Label: "L-3", Receipt: "J-4"}}))
	n := len(log(t, s.Store))
	again := s.act("policy:relocations")
	for range 2 {
		if err := errors.Join(s.CarryOut(ctx, again, first.String(), who), s.CarryIn(ctx, again, first.String(), who)); err != nil {
			t.Error(err)
		}
	}
	if got := log(t, s.Store); len(got) != n {
		t.Errorf("%d events more: %s", len(got)-n, got[n:])
	}
}

// A payment or a refund whose answer was lost is sent once more after midnight:
// it is in the till of the day on which it was given, and in no other.
func TestMoneySentAgainAfterMidnight(t *testing.T) {
	for n := range 6 {
		appends, fault := 0, -1
		store := &eventstest.Faulty{Store: memory.New(), Plan: func(int) eventstest.Fault {
			if appends++; fault >= 0 && appends == fault {
				return eventstest.Lost
			}
			return eventstest.None
		}}
		s := newScript(store)
		if err := s.play(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.now = time.Date(2026, 11, 26, 15, 59, 59, 0, time.UTC) // a second before midnight
		id, refund := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "id", 0)), s.act("staff-1")
		pay := func(a domain.Act) error {
			_, err := s.GiveRefund(t.Context(), GiveRefund{Act: a, Case: id, Refund: "night", Line: "l", Amount: 10000, Reason: booking.Overcharge, Method: booking.Cash})
			return err
		}
		appends, fault = 0, n
		err := pay(refund)
		fault = -1
		if err != nil {
			refund.Now = refund.Now.Add(2 * time.Second)
		}
		if err := pay(refund); err != nil {
			t.Fatalf("append %d: %v", n, err)
		}
		refund.Now = refund.Now.Add(2 * time.Second) // and once more, as everybody does who saw no answer
		if err := pay(refund); err != nil {
			t.Fatalf("append %d: %v", n, err)
		}
		entries, receipts := 0, 0
		for _, on := range []domain.Date{"2026-11-26", "2026-11-27"} {
			till, _, err := s.Tills.Load(t.Context(), booking.TillID(home, on))
			if err != nil {
				t.Fatal(err)
			}
			entries += len(till.Entries)
		}
		c, _, err := s.Cases.Load(t.Context(), id.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Receipts {
			if r.Refund == "night" {
				receipts++
			}
		}
		if entries != 1 || receipts != 1 {
			t.Errorf("append %d was lost: %d entries in the tills and %d receipts, want one of each", n, entries, receipts)
		}
	}
}

// A flow whose last step is refused leaves nothing behind of its first ones.
func TestRefusedFlowsLeaveNothing(t *testing.T) {
	store := memory.New()
	s := newScript(store)
	if err := s.play(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := log(t, store)
	ctx, id := t.Context(), uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "id", 0))
	bad := opened(s.App, 9)
	bad.Number = "沈明远"
	for name, do := range map[string]func(domain.Act) error{
		"book with a bad case": func(a domain.Act) error {
			_, err := s.Book(ctx, Book{Act: a, Case: uuid.New(), Opened: bad, Want: Want{Resource: "hall-1", Start: domain.Clock("15:00").On("2026-11-25")}})
			return err
		},
		"start again": func(a domain.Act) error {
			_, err := s.StartCremation(ctx, StartCremation{Act: a, Case: id, Furnace: "hall-1"})
			return err
		},
		"a certificate for nobody": func(a domain.Act) error {
			_, err := s.IssueCertificate(ctx, IssueCertificate{Act: a, Case: uuid.New(), Number: "N-77"})
			return err
		},
		"a plot that is given": func(a domain.Act) error {
			_, err := s.AllocatePlot(ctx, AllocatePlot{Of: yard, Plot: "A-1", Allocate: cemetery.Allocate{Act: a, Right: "R-2", Applicant: "kin", Ground: cemetery.CremationCertificate,
				Certificate: "N-1", Contract: "C", TermUntil: "2046-01-01"}})
			return err
		},
		"reception of no case": func(a domain.Act) error {
			_, err := s.TakeIn(ctx, TakeIn{Act: a, Case: uuid.New(), Tag: "T-77"})
			return err
		},
	} {
		if err := do(s.act("staff-1")); err == nil {
			t.Errorf("%s was accepted", name)
		} else if _, ok := errors.AsType[*domain.Rejection](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if after := log(t, store); len(after) != len(before) {
			t.Errorf("%s stored %v", name, after[len(before):])
			before = after
		}
	}
}

// One person has one reference wherever the ID number turns up, and it tells
// nothing to whoever has not the key.
func TestPersonsAreReferences(t *testing.T) {
	a, b := newScript(memory.New()).App, newScript(memory.New()).App
	other := NewApp(memory.New(), a.Registry, a.Keys, []byte("another key"))
	id := domain.CitizenID("210211193504120018")
	if a.Person(id) != b.Person(id) || a.Person(id) == other.Person(id) || a.Person(id) == a.Person("210202194811300025") {
		t.Error("references do not follow from key and number")
	}
	if _, err := uuid.Parse(string(a.Person(id))); err != nil || strings.Contains(string(a.Person(id)), "1935") {
		t.Error(a.Person(id))
	}
}

func TestDefaultRules(t *testing.T) {
	r := DefaultRules()
	if len(r.Relief) == 0 || len(r.Incentives) == 0 {
		t.Error("no rules")
	}
	if _, err := ParseRules([]byte(`{"relief":[{"who":"x"}]}`)); err == nil {
		t.Error("an unknown field was taken")
	}
}
