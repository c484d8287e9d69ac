package ecoburial_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/ecoburial"
)

var (
	departs   = domaintest.Noon.Add(48 * time.Hour)
	open      = OpenVoyage{at(0), "20261125-1", operator, "演示船 1 号", "GK-1", 50, 6, "演示海域一", "演示码头", "210202", departs}
	openedV   = VoyageOpened{"20261125-1", operator, "演示船 1 号", "GK-1", 6, "演示海域一", "演示码头", "210202", departs}
	party     = domain.Personal(daughter, []Passenger{{Name: "沈静"}, {Name: "沈远"}})
	take      = TakeSeats{Act: at(1), Burial: caseA, Person: deceased, Applicant: daughter, Open: true, Relatives: 2, Party: party}
	taken     = SeatsTaken{Burial: caseA, Person: deceased, Applicant: daughter, Relatives: 2, Seats: 2, Party: party}
	offered   = with(taken, func(e *SeatsTaken) { e.From, e.Until = "20261118-1", domaintest.Noon.Add(30*time.Hour) })
	yes       = OfferAnswered{caseA, true, at(29).By, at(29).At}
	cancelled = VoyageCancelled{Weather, "海浪预报 12 号", []string{"20261128-1"}, []uuid.UUID{caseA}}
	departed  = VoyageDeparted{At: departs, Manifest: []ManifestRow{{1, caseA, deceased, 2}}}
	scattered = AshesScattered{caseA, deceased, "HZ-20261125-1-01", "演示海域一", true, departs.Add(time.Hour)}
)

func TestVoyage(t *testing.T) {
	spec := domaintest.For(Voyage)
	t.Run("a voyage is opened within its licence", func(t *testing.T) {
		spec.Given(t).When(open).Then(openedV)
		spec.Given(t).When(with(open, func(c *OpenVoyage) { c.Seats = 51 })).Rejects(ErrVoyageLicence)
		spec.Given(t).When(with(open, func(c *OpenVoyage) { c.Licence = "" })).Rejects(ErrVoyageLicence)
		spec.Given(t).When(with(open, func(c *OpenVoyage) { c.Seats = 0 })).Rejects(ErrVoyageIncomplete)
		spec.Given(t).When(with(open, func(c *OpenVoyage) { c.Division = "1" })).Rejects(domain.ErrDivision)
		spec.Given(t, openedV).When(with(open, func(c *OpenVoyage) { c.Vessel = "另一条" })).Rejects(ErrVoyageOpened)
	})
	t.Run("seats go to an open application, three relatives at most", func(t *testing.T) {
		spec.Given(t, openedV).When(take).Then(taken)
		spec.Given(t).When(take).Rejects(ErrVoyageUnknown)
		spec.Given(t, openedV).When(with(take, func(c *TakeSeats) { c.Open = false })).Rejects(ErrNotSea)
		spec.Given(t, openedV).When(with(take, func(c *TakeSeats) { c.Relatives = 4 })).Rejects(ErrRelatives)
		spec.Given(t, openedV).When(with(take, func(c *TakeSeats) { c.Most = 1 })).Rejects(ErrRelatives)
		spec.Given(t, openedV).When(with(take, func(c *TakeSeats) { c.Relatives = 1 })).Rejects(ErrRelatives) // two named
		spec.Given(t, openedV, taken).When(with(take, func(c *TakeSeats) { c.Burial = caseB })).Rejects(ErrVoyageBooked)
	})
	t.Run("ashes without relatives take one seat", func(t *testing.T) {
		alone := with(take, func(c *TakeSeats) { c.Relatives, c.Party = 0, domain.Private[[]Passenger]{} })
		spec.Given(t, openedV).When(alone).Then(with(taken, func(e *SeatsTaken) { e.Relatives, e.Seats, e.Party = 0, 1, domain.Private[[]Passenger]{} }))
	})
	t.Run("no seat beyond the licence", func(t *testing.T) {
		full := with(taken, func(e *SeatsTaken) { e.Burial, e.Person, e.Relatives, e.Seats = caseB, stranger, 3, 5 })
		spec.Given(t, openedV, full).When(take).Rejects(ErrVoyageFull)
		spec.Given(t, openedV, full, SeatsFreed{caseB, ByFamily}).When(take).Then(taken)
	})
	t.Run("seats are given back until the voyage sails", func(t *testing.T) {
		spec.Given(t, openedV, taken).When(FreeSeats{at(2), caseA}).Then(SeatsFreed{caseA, ByFamily})
		spec.Given(t, openedV, taken, departed).When(FreeSeats{at(49), caseA}).Rejects(ErrVoyageDeparted)
	})
	t.Run("an offer is taken in time, or lapses", func(t *testing.T) {
		spec.Given(t, openedV).When(with(take, func(c *TakeSeats) { c.From, c.Until = offered.From, offered.Until })).Then(offered)
		spec.Given(t, openedV, offered).When(TakeOffer{at(29), caseA}).Then(yes, OfferTaken{caseA})
		spec.Given(t, openedV, offered).When(TakeOffer{at(30), caseA}).Rejects(ErrOfferOver)
		spec.Given(t, openedV, offered).When(LapseSeats{at(29), caseA}).Rejects(ErrOfferNotOver)
		spec.Given(t, openedV, offered).When(LapseSeats{at(30), caseA}).Then(SeatsFreed{caseA, Lapsed})
		spec.Given(t, openedV, offered, OfferTaken{caseA}).When(LapseSeats{at(31), caseA}).Then()
		spec.Given(t, openedV).When(TakeOffer{at(29), caseA}).Rejects(ErrNotBooked)
	})
	t.Run("a family answers once, and who said it is kept", func(t *testing.T) {
		no := with(yes, func(e *OfferAnswered) { e.Taken = false })
		spec.Given(t, openedV, offered).When(DeclineOffer{at(29), caseA}).Then(no, SeatsFreed{caseA, ByFamily})
		spec.Given(t, openedV, offered).When(FreeSeats{at(29), caseA}).Then(no, SeatsFreed{caseA, ByFamily})
		spec.Given(t, openedV, offered).When(DeclineOffer{at(30), caseA}).Rejects(ErrOfferOver)
		spec.Given(t, openedV, offered).When(FreeSeats{at(30), caseA}).Then(SeatsFreed{caseA, ByFamily})
		spec.Given(t, openedV, offered, cancelled).When(DeclineOffer{at(29), caseA}).Rejects(ErrVoyageCancelled)
		spec.Given(t, openedV, taken).When(DeclineOffer{at(29), caseA}).Rejects(ErrNotBooked)
		spec.Given(t, openedV, offered, yes, OfferTaken{caseA}).When(TakeOffer{at(29), caseA}).Then()
		spec.Given(t, openedV, offered, yes, OfferTaken{caseA}).When(DeclineOffer{at(29), caseA}).Rejects(ErrOfferAnswered)
		spec.Given(t, openedV, offered, no, SeatsFreed{caseA, ByFamily}).When(DeclineOffer{at(29), caseA}).Then()
		spec.Given(t, openedV, offered, no, SeatsFreed{caseA, ByFamily}).When(TakeOffer{at(29), caseA}).Rejects(ErrOfferAnswered)
		spec.Given(t, openedV, offered, no, SeatsFreed{caseA, ByFamily}, offered).When(TakeOffer{at(29), caseA}).Then(yes, OfferTaken{caseA})
	})
	t.Run("cancelled for the weather, every family is told once", func(t *testing.T) {
		spec.Given(t, openedV, taken).When(CancelVoyage{at(40), Weather, "海浪预报 12 号", []string{"20261128-1"}}).Then(cancelled)
		spec.Given(t, openedV, taken).When(CancelVoyage{at(40), Weather, "", nil}).Rejects(ErrCancelReason)
		spec.Given(t, openedV, taken, departed).When(CancelVoyage{at(49), Weather, "x", nil}).Rejects(ErrVoyageDeparted)
		spec.Given(t, openedV, taken, cancelled).When(take).Then() // they had booked
		spec.Given(t, openedV, cancelled).When(take).Rejects(ErrVoyageCancelled)
		told := IssueNotice{at(41), caseA, "20261128-1", offered.Until}
		spec.Given(t, openedV, taken, cancelled).When(told).Then(NoticeIssued{caseA, "20261128-1", offered.Until})
		spec.Given(t, openedV, taken).When(told).Rejects(ErrNotCancelled)
		spec.Given(t, openedV, cancelled).When(told).Rejects(ErrNotBooked)
		if s := spec.Given(t, openedV, taken, cancelled).State(); len(s.Untold()) != 1 {
			t.Error("nobody waits to be told")
		}
		if s := spec.Given(t, openedV, taken, cancelled, NoticeIssued{Burial: caseA}).State(); len(s.Untold()) != 0 {
			t.Error("somebody still waits to be told")
		}
	})
	aboard := Depart{at(48), []Boarding{{caseA, 2, true}}}
	t.Run("the manifest is who came, with the second consent", func(t *testing.T) {
		spec.Given(t, openedV, taken).When(aboard).Then(departed)
		spec.Given(t, openedV, taken).When(Depart{at(48), nil}).Then(VoyageDeparted{At: departs, Left: []uuid.UUID{caseA}})
		for want, b := range map[error]Boarding{ErrConsentMissing: {caseA, 2, false}, ErrNotBooked: {caseB, 2, true}, ErrRelatives: {caseA, 3, true}} {
			spec.Given(t, openedV, taken).When(Depart{at(48), []Boarding{b}}).Rejects(want)
		}
		spec.Given(t, openedV, taken).When(Depart{at(48), []Boarding{aboard.Aboard[0], aboard.Aboard[0]}}).Rejects(ErrNotBooked)
		spec.Given(t, openedV, offered).When(aboard).Rejects(ErrOfferOnly)
		spec.Given(t, openedV, taken, cancelled).When(aboard).Rejects(ErrVoyageCancelled)
	})
	t.Run("each set of ashes of the manifest has one end", func(t *testing.T) {
		scatter := Scatter{at(49), caseA, true, true}
		spec.Given(t, openedV, taken, departed).When(scatter).Then(scattered)
		spec.Given(t, openedV, taken).When(scatter).Rejects(ErrNotDeparted)
		spec.Given(t, openedV, taken, departed).When(Scatter{at(49), caseB, true, true}).Rejects(ErrManifest)
		spec.Given(t, openedV, taken, departed).When(Scatter{at(49), caseA, true, false}).Rejects(ErrConsentMissing)
		spec.Given(t, openedV, taken, departed).When(Scatter{with(at(47), func(a *domain.Act) { a.LateReason = "x" }), caseA, true, true}).Rejects(ErrTimeNeeded)
		spec.Given(t, openedV, taken, departed).When(Scatter{at(49), caseA, false, true}).Rejects(ErrFactMissing)
		spec.Given(t, openedV, taken, departed, scattered).When(BringBack{at(50), caseA, "起浪"}).Rejects(ErrManifestSettled)
		spec.Given(t, openedV, taken, departed).When(BringBack{at(50), caseA, ""}).Rejects(ErrBackReason)
		spec.Given(t, openedV, taken, departed).When(BringBack{at(50), caseA, "起浪"}).Then(AshesBroughtBack{caseA, "起浪"})
		spec.Given(t, openedV, taken, departed, AshesBroughtBack{caseA, "起浪"}).When(scatter).Rejects(ErrManifestSettled)
	})
	t.Run("a voyage ends when all of them have", func(t *testing.T) {
		spec.Given(t, openedV, taken, departed).When(EndVoyage{at(51)}).Rejects(ErrManifestOpen)
		spec.Given(t, openedV, taken).When(EndVoyage{at(51)}).Rejects(ErrNotDeparted)
		spec.Given(t, openedV, taken, departed, scattered).When(EndVoyage{at(51)}).Then(VoyageEnded{1, 0, domaintest.Noon.Add(51 * time.Hour)})
	})
}

// I15 and I11 of the sea: never beyond the licence, and what sailed was scattered
// or came back, each once and with a certificate of its own.
func TestVoyageHistories(t *testing.T) {
	ended, told, answers := 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		hours := 0.0
		burials := make([]uuid.UUID, 6)
		for i := range burials {
			burials[i] = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i))
		}
		draw := func(s VoyageState) VoyageCommand {
			hours += rapid.Float64Range(0, 3).Draw(t, "hours")
			act := at(hours)
			burial := rapid.SampledFrom(burials).Draw(t, "burial")
			if s.Cancelled.Reason != "" && len(s.Bookings) > 0 && rapid.Bool().Draw(t, "tell") {
				return IssueNotice{Act: act, Burial: rapid.SampledFrom(s.Bookings).Draw(t, "told").Burial}
			}
			switch rapid.IntRange(0, 15).Draw(t, "command") {
			case 0, 1:
				return with(open, func(c *OpenVoyage) { c.Act = act })
			case 2, 3, 4, 5:
				c := TakeSeats{Act: act, Burial: burial, Person: domain.Subject(burial.String()), Applicant: daughter, Open: rapid.IntRange(0, 9).Draw(t, "open") > 0,
					Relatives: rapid.IntRange(0, 4).Draw(t, "relatives")}
				if rapid.IntRange(0, 3).Draw(t, "offer") == 0 {
					c.From, c.Until = "20261118-1", act.Now.Add(5*time.Hour)
				}
				return c
			case 6:
				return TakeOffer{act, burial}
			case 7:
				return FreeSeats{act, burial}
			case 8:
				return LapseSeats{act, burial}
			case 9:
				if rapid.IntRange(0, 2).Draw(t, "storm") > 0 {
					return IssueNotice{Act: act, Burial: burial}
				}
				return CancelVoyage{Act: act, Reason: Weather, Document: "预报"}
			case 10:
				if s.Cancelled.Reason != "" {
					return IssueNotice{Act: act, Burial: burial}
				}
				var who []Boarding
				for _, b := range s.Bookings {
					if rapid.IntRange(0, 4).Draw(t, "comes") > 0 {
						who = append(who, Boarding{b.Burial, rapid.IntRange(0, b.Relatives).Draw(t, "aboard"), rapid.IntRange(0, 9).Draw(t, "consent") > 0})
					}
				}
				return Depart{act, who}
			case 11, 12:
				return Scatter{act, burial, rapid.Bool().Draw(t, "degradable"), rapid.IntRange(0, 3).Draw(t, "consented") > 0}
			case 13:
				return BringBack{act, burial, "起浪"}
			case 14:
				return DeclineOffer{act, burial}
			}
			return EndVoyage{act}
		}
		domaintest.Random(t, Voyage, draw, func(s VoyageState, history []VoyageEvent) {
			if s.Taken() > s.Opened.Seats {
				t.Fatalf("%d seats taken of %d", s.Taken(), s.Opened.Seats)
			}
			aboard, ends, numbers := 0, map[uuid.UUID]int{}, map[string]bool{}
			manifest := map[uuid.UUID]bool{}
			waits := map[uuid.UUID]bool{} // for an answer
			for _, e := range history {
				switch e := e.(type) {
				case SeatsTaken:
					waits[e.Burial] = !e.Until.IsZero()
				case OfferAnswered:
					if answers++; !waits[e.Burial] {
						t.Fatalf("%+v: nothing was offered, or it was answered", e)
					}
					waits[e.Burial] = false
				case VoyageDeparted:
					for _, r := range e.Manifest {
						aboard += max(1, r.Relatives)
						manifest[r.Burial] = true
					}
				case AshesScattered:
					if ends[e.Burial]++; numbers[e.Certificate] || !manifest[e.Burial] {
						t.Fatalf("%+v: its certificate was given before, or it is not on the manifest", e)
					}
					numbers[e.Certificate] = true
				case AshesBroughtBack:
					ends[e.Burial]++
				case NoticeIssued:
					told++
				case VoyageEnded:
					if ended++; len(ends) != len(manifest) || e.Scattered+e.BroughtBack != len(manifest) {
						t.Fatalf("ended with %d of %d accounted for", len(ends), len(manifest))
					}
				}
			}
			if aboard > s.Opened.Seats {
				t.Fatalf("%d sailed on %d seats", aboard, s.Opened.Seats)
			}
			for b, n := range ends {
				if n > 1 {
					t.Fatalf("%s ended %d times", b, n)
				}
			}
		})
	}, &ended, &told, &answers)
}
