package projections_test

import (
	"context"
	"crypto/cipher"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// erasable are fixed keys of which some have been erased.
type erasable struct {
	fixedKeys
	mu   sync.Mutex
	gone map[domain.Subject]bool
}

func (k *erasable) Key(ctx context.Context, of domain.Subject, create bool) (cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone[of] {
		return nil, fmt.Errorf("%w: %s", events.ErrForgotten, of)
	}
	return k.fixedKeys.Key(ctx, of, create)
}

func (k *erasable) Forget(_ context.Context, of domain.Subject) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone == nil {
		k.gone = map[domain.Subject]bool{}
	}
	k.gone[of] = true
	return nil
}

// A funeral is one case with what happens to it, step by step.
type funeral struct {
	id                uuid.UUID
	home              domain.CreditCode
	number, tag       string
	deceased, handler domain.Subject
	name              string
	code              string // hash of its tracking code
	steps             []func()
}

// told adds an event that happened at some time, with who did it.
func (c *city) told(category, id string, e any, occurred time.Time, late string) {
	c.t.Helper()
	typ, data, err := c.reg.Encode(c.t.Context(), e)
	if err != nil {
		c.t.Fatal(err)
	}
	c.append(category, id, events.New{ID: c.id(), Type: typ, Data: data, Occurred: occurred, Meta: events.Meta{Actor: "staff-0102", LateReason: late}})
}

// equip gives the institutions what funerals need.
func (c *city) equip() {
	for _, home := range c.homes {
		h := string(home)
		c.add(institution.Category, h, institution.ResourceAdded{Resource: "cold-1", Kind: institution.ColdBay, NameZh: "一号冷藏柜", Opens: "00:00", Closes: "24:00", SlotMinutes: 720, Capacity: 48})
		c.add(institution.Category, h, institution.ResourceAdded{Resource: "car-1", Kind: institution.Vehicle, NameZh: "车 01", Opens: "06:00", Closes: "18:00", SlotMinutes: 30, Capacity: 1})
		c.add(institution.Category, h, institution.ResourceTimed{Resource: "furnace-1", CleanDown: []institution.Span{{From: "16:00", To: "18:00"}}})
		from := c.today.AddDays(2).Start().UTC()
		c.add(institution.Category, h, institution.MaintenancePlanned{Window: "W-1", Resource: "hall-1", From: from, To: from.Add(3 * time.Hour), Reason: "检修"})
		c.add(institution.Category, h, institution.MaintenancePlanned{Window: "W-2", Resource: "hall-1", From: from, To: from.Add(3 * time.Hour), Reason: "检修"})
		c.add(institution.Category, h, institution.MaintenanceCancelled{Window: "W-2", Reason: "不用"})
		day := schedule.ID(h, "furnace-1", c.today.AddDays(2))
		c.add(schedule.Category, day, schedule.Blocked{Block: "B-1", Kind: schedule.Maintenance, Start: from, End: from.Add(time.Hour)})
		c.add(schedule.Category, day, schedule.Blocked{Block: "B-2", Kind: schedule.Reserved, Start: from, End: from.Add(time.Hour)})
		c.add(schedule.Category, day, schedule.Unblocked{Block: "B-2"})
	}
	c.add(institution.ParametersCategory, "210200", institution.ParameterSet{Name: institution.StorageDays, Value: "5", Unit: "day", Reason: "示例"})
}

var (
	families = []string{"林", "单", "欧阳", "王", "曾", "吕"}
	givens   = []string{"归舟", "乐行", "青", "长安", "绿竹"}
)

// funerals lets n cases live, interleaved; those from whom somebody asked to be
// forgotten come last.
func (c *city) funerals(n int) []*funeral {
	c.t.Helper()
	if !c.equipped {
		c.equip()
		c.equipped = true
	}
	var all []*funeral
	for range n {
		all = append(all, c.funeral())
	}
	open := slices.Clone(all)
	for len(open) > 0 {
		i := c.rand.IntN(len(open))
		f := open[i]
		f.steps[0]()
		if f.steps = f.steps[1:]; len(f.steps) == 0 {
			open = slices.Delete(open, i, i+1)
		}
	}
	return all
}

func (c *city) funeral() *funeral {
	c.cases++
	home, h := pick(c, c.homes), ""
	f := &funeral{id: c.id(), home: home, deceased: domain.Subject(c.id().String()), handler: domain.Subject(c.id().String())}
	h = string(home)
	id := f.id.String()
	f.number, f.tag = fmt.Sprintf("HY-%04d", c.cases), fmt.Sprintf("T-%05d", c.cases)
	f.name = pick(c, families) + pick(c, givens)
	f.code = strings.Repeat(id[:8], 8)
	day := c.today.AddDays(1 + c.rand.IntN(4))
	at := day.Start().UTC()
	chance := func(percent int) bool { return c.rand.IntN(100) < percent }
	then := func(steps ...func()) { f.steps = append(f.steps, steps...) }
	say := func(e booking.Event) { c.told(booking.Category, id, e, time.Time{}, "") }
	burn := func(e cremation.CremationEvent) { c.told(cremation.CremationCategory, id, e, at, "") }
	keep := func(e cremation.CustodyEvent) { c.told(cremation.CustodyCategory, id, e, at, "") }
	dead := booking.Deceased{Person: f.deceased, Name: domain.Personal(f.deceased, f.name), CitizenID: domain.Personal(f.deceased, domain.CitizenID("210211193504120018")),
		Sex: domain.Personal(f.deceased, booking.Male), DeathDate: day, Hukou: "210211"}
	by := booking.Handler{Person: f.handler, Name: domain.Personal(f.handler, "承办"+id[:4]), Phone: domain.Personal(f.handler, "138"+fmt.Sprintf("%08d", c.rand.IntN(1e8))), Relation: booking.Child}

	n := c.rand.IntN(8)
	slot := func(resource string, hour int, confirm bool) {
		start := at.Add(time.Duration(hour) * time.Hour)
		st, name := schedule.ID(h, resource, day), schedule.SlotName(start)+"-"+id[:6]
		then(func() {
			c.add(schedule.Category, st, schedule.Held{Slot: name, Start: start, End: start.Add(time.Hour), Case: id, Until: start.Add(-time.Hour), BufferMinutes: 15})
		}, func() {
			if !confirm {
				if chance(50) {
					c.add(schedule.Category, st, schedule.Released{Slot: name, Case: id, Reason: schedule.Expired})
				}
				return
			}
			c.add(schedule.Category, st, schedule.Confirmed{Slot: name, Case: id})
			say(booking.SlotAttached{Slot: booking.Slot{Resource: resource, Day: day, Slot: name, Start: start, End: start.Add(time.Hour)}})
		})
	}
	then(func() {
		say(booking.Opened{Institution: h, Number: f.number, Deceased: dead, Handler: by, Source: booking.Desk})
	},
		func() {
			say(booking.TrackingIssued{Hash: strings.Repeat("0", 56) + id[:8]})
			say(booking.TrackingIssued{Hash: f.code})
		})
	slot("hall-1", 8+n, chance(90))
	slot("furnace-1", 9+n, chance(90))
	if chance(30) {
		list := schedule.ID(h, "hall", day)
		then(func() { c.add(schedule.WaitCategory, list, schedule.Joined{Case: id}) },
			func() {
				c.add(schedule.WaitCategory, list, schedule.Offered{Case: id, Resource: "hall-1", Slot: "0800", Start: at, End: at.Add(time.Hour), Until: at})
			})
		if chance(60) {
			then(func() {
				c.add(schedule.WaitCategory, list, schedule.Skipped{Case: id, Resource: "hall-1", Slot: "0800", Reason: schedule.NoAnswer})
			})
		}
		if chance(30) {
			then(func() { c.add(schedule.WaitCategory, list, schedule.Left{Case: id, Reason: schedule.ByItself}) })
		}
	}
	cause := pick(c, []booking.Cause{booking.NaturalDeath, booking.NaturalDeath, booking.UnnaturalDeath})
	class := cremation.Natural
	if cause == booking.UnnaturalDeath {
		class = cremation.Unnatural
	}
	then(func() {
		say(booking.CircumstancesRecorded{Place: booking.InHospital, Cause: domain.Personal(f.deceased, cause), Infectious: domain.Personal(f.deceased, false)})
	}, func() {
		say(booking.PaperReceived{Paper: booking.HandlerID, Form: booking.Original})
	}, func() {
		say(booking.PaperPromised{Paper: booking.HouseholdBook, Due: day.AddDays(3), Pledge: "P-1", Person: f.handler})
	})
	if chance(30) {
		then(func() { say(booking.PaperLapsed{Paper: booking.HouseholdBook, Due: day.AddDays(3)}) })
	}
	if chance(30) {
		then(func() { say(booking.PaperReceived{Paper: booking.HouseholdBook, Form: booking.Copy}) })
	}
	then(func() { c.add(cremation.TagCategory, f.tag, cremation.TagIssued{Tag: f.tag, Case: f.id}) })
	full := chance(60)
	if full {
		bay := cremation.Bay{Bank: "cold-1", No: c.cases%48 + 1}
		then(func() {
			c.told(cremation.CustodyCategory, id, cremation.RemainsCollected{Case: f.id, Institution: home, Ground: cremation.OnDeathCertificate, Paper: domain.Personal(f.deceased, "P"), Giver: cremation.FromHospital,
				GiverName: domain.Personal(f.handler, "移交"), GiverSigned: true, Into: cremation.Place{Kind: cremation.InVehicle, ID: "car-1"}, Collector: "staff-7", At: at.Add(-time.Hour)}, at.Add(-time.Hour), "院内无信号")
		}, func() {
			keep(cremation.RemainsArrived{To: cremation.Place{Kind: cremation.InReception}, Out: cremation.Scan{By: "staff-7", At: at}, In: cremation.Scan{By: "staff-8", At: at}})
		}, func() { keep(cremation.RemainsTagged{Tag: f.tag, By: "staff-8"}) },
			func() {
				c.add(cremation.ColdStoreCategory, h, cremation.Stored{Bay: bay, Tag: f.tag, Case: f.id, Since: day})
				keep(cremation.RemainsMoved{Tag: f.tag, To: bay.Place(), In: cremation.Scan{By: "staff-8", At: at.Add(time.Hour)}})
			}, func() {
				keep(cremation.BelongingsListed{Items: []cremation.Item{{ID: "ring", Description: domain.Personal(f.deceased, "戒指"), Count: 1}}, By: "staff-8", Witness: "staff-9"})
			})
		if chance(20) {
			then(func() {
				keep(cremation.StorageExtended{Until: day.AddDays(20), Paper: domain.Personal(f.handler, "申请")})
			})
		}
		if chance(15) {
			then(func() {
				c.add(cremation.ColdStoreCategory, h, cremation.Relocated{Relocation: c.id(), Moves: []cremation.Relocation{{Tag: f.tag, From: bay, To: cremation.Bay{Bank: "cold-1", No: 49}}}, Reason: "停电"})
			})
			if chance(50) {
				then(func() { c.add(cremation.ColdStoreCategory, h, cremation.Recounted{Count: c.id(), Expected: 1}) })
			}
		}
	}
	rules := cremation.PapersOnly
	if full {
		rules = cremation.FullCustody
	}
	then(func() {
		burn(cremation.Received{Case: f.id, Tag: f.tag, Institution: home, CaseCreator: "staff-1", Rules: rules})
	},
		func() {
			burn(cremation.DeathCertificateRecorded{Form: cremation.Form2026, Number: domain.Personal(f.deceased, "210211193504120018"), Issuer: "医院", IssuedOn: day,
				CauseClass: domain.Personal(f.deceased, class), Verified: chance(80)})
		})
	if chance(15) { // the custom of the family, or a mistake found in time
		changed := dead
		changed.Name = domain.Personal(f.deceased, f.name+"字")
		f.name += "字"
		then(func() { say(booking.Amended{Deceased: changed, Handler: by}) })
	}
	if chance(10) {
		hold := c.id()
		then(func() { burn(cremation.HoldPlaced{Hold: hold, Kind: cremation.HoldPolice, Authority: "公安"}) })
		if chance(50) {
			then(func() { burn(cremation.HoldLifted{Hold: hold, Kind: cremation.HoldPolice, Authority: "公安"}) })
		}
	}
	if chance(10) {
		then(func() {
			say(booking.Challenged{Challenge: "D-1", Person: domain.Subject(c.id().String()), Relation: booking.Spouse, Order: booking.DefaultOrder})
		})
		if chance(50) {
			then(func() {
				say(booking.ChallengeResolved{Challenge: "D-1", Outcome: booking.Settled, Document: "调解书"})
			})
		}
	}
	lines := []booking.Line{{ID: "1", Code: "CRM-FLAT", NameZh: "火化", Unit: "具", Quantity: 1, Price: 90000, Amount: 90000}, {ID: "2", Code: "HAL-S", NameZh: "小厅", Unit: "场", Quantity: 1, Price: 12000, Amount: 12000}}
	then(func() { say(booking.Quoted{Quote: "Q-1", PriceListVersion: 1, Lines: lines, Total: 102000}) })
	relief := chance(40)
	if relief {
		waives := []booking.Waived{{Code: "CRM-FLAT", Quantity: 1}}
		then(func() {
			say(booking.ReliefClaimed{Category: domain.Personal(f.deceased, "低保"), Rule: "R", Version: "1", Waives: waives})
		})
		if relief = chance(70); relief {
			then(func() {
				say(booking.ReliefGranted{Category: domain.Personal(f.deceased, "低保"), Rule: "R", Version: "1", Proof: "civil-affairs-data", Waives: waives})
			})
		}
	}
	then(func() { say(booking.Consented{Quote: "Q-1", Total: 102000, Person: f.handler}) },
		func() { c.told(access.Category, id, access.Read{By: "staff-1", What: access.File, At: at}, at, "") })
	if chance(15) {
		then(func() { say(booking.Cancelled{Reason: booking.MovedElsewhere}) })
		if full {
			then(func() {
				keep(cremation.RemainsHandedOver{To: f.handler, Name: domain.Personal(f.handler, "承办"), Authority: "家属", Paper: "移交单", Receipt: domain.Personal(f.handler, "签")})
			})
		}
		return f
	}
	if chance(25) { // still waiting
		return f
	}
	if full {
		then(func() {
			keep(cremation.Identified{Relative: f.handler, Name: domain.Personal(f.handler, "承办"), Relation: "CHILD", Method: cremation.ByViewing, Witness: "staff-8", At: at, Form: "1"})
		})
	}
	then(func() {
		say(booking.ServicePlanned{Service: "S-1", Ceremony: booking.Farewell, Resource: "hall-1", From: at.Add(time.Duration(8+n) * time.Hour), To: at.Add(time.Duration(9+n) * time.Hour)})
	}, func() { say(booking.ServiceStarted{Service: "S-1", At: at}) }, func() { say(booking.ServiceEnded{Service: "S-1"}) },
		func() { burn(cremation.ConfirmationSigned{Applicant: f.handler, Collector: f.handler, Form: "1"}) })
	if cause == booking.UnnaturalDeath {
		then(func() {
			burn(cremation.PolicePaperRecorded{Number: domain.Personal(f.deceased, "G-1"), Issuer: "公安", IssuedOn: day})
		})
	}
	then(func() { burn(cremation.IdentityVerified{Verifier: "staff-2", At: at}) },
		func() { burn(cremation.IdentityVerified{Verifier: "staff-3", At: at}) },
		func() {
			c.add(cremation.FurnaceCategory, h+".furnace-1", cremation.FurnaceCharged{Case: f.id})
			if full {
				c.add(cremation.ColdStoreCategory, h, cremation.Removed{Tag: f.tag})
				keep(cremation.RemainsMoved{Tag: f.tag, To: cremation.Place{Kind: cremation.AtFurnace, ID: "furnace-1"}, In: cremation.Scan{By: "staff-2", At: at.Add(10 * time.Hour)}})
			}
			burn(cremation.Started{Institution: home, Furnace: "furnace-1", Operator: "staff-2", Verifiers: [2]string{"staff-2", "staff-3"}, At: at.Add(10 * time.Hour)})
			say(booking.ParticularsFixed{Furnace: "furnace-1"})
		})
	if chance(15) { // in the furnace now
		return f
	}
	then(func() { burn(cremation.Completed{Institution: home, Furnace: "furnace-1", At: at.Add(11 * time.Hour)}) },
		func() {
			burn(cremation.AshesCollected{WeightG: 2400, Containers: 1, Label: f.tag, SealedBy: [2]string{"staff-2", "staff-3"}})
			c.add(cremation.FurnaceCategory, h+".furnace-1", cremation.FurnaceEmptied{Case: f.id, InspectedBy: "staff-2"})
		})
	if chance(20) {
		corrected := f.name + "正"
		old := f.name
		f.name = corrected
		then(func() {
			say(booking.Corrected{Correction: "K-1", Field: booking.FieldName, From: domain.Personal(f.deceased, old), To: domain.Personal(f.deceased, corrected), Reason: "同音字"})
		})
	}
	number := fmt.Sprintf("C-%05d", c.cases)
	pay := domain.Money(102000)
	then(func() {
		c.add(cremation.CertificateCategory, number, cremation.CertificateRegistered{Number: number, Case: f.id, Institution: home})
		burn(cremation.CertificateIssued{Number: number, Form: "1"})
	}, func() {
		for _, l := range lines {
			l.ServedOn = day
			say(booking.Charged{Line: l})
		}
		if relief {
			say(booking.ReliefApplied{Line: "1", Amount: 90000, Grounds: domain.Personal(f.deceased, booking.Grounds{Rule: "R", Version: "1", Group: "低保"})})
			pay -= 90000
		}
	}, func() {
		say(booking.Paid{Payment: "P-1", Amount: pay, Method: booking.Cash})
		if chance(80) {
			c.add(booking.TillCategory, booking.TillID(h, day), booking.TillEntered{Entry: "P-1", Case: id, Kind: booking.MoneyIn, Method: booking.Cash, Amount: pay, Sequence: 1})
		}
	})
	if chance(40) {
		then(func() {
			c.add(booking.TillCategory, booking.TillID(h, day), booking.TillClosed{Counts: []booking.TillCount{{Method: booking.Cash, Expected: pay, Counted: pay}}})
		})
	}
	if chance(30) {
		then(func() {
			burn(cremation.AshesSplit{Share: 1, Into: []cremation.Part{{Share: 2, WeightG: 1200, Containers: 1}, {Share: 3, WeightG: 1200, Containers: 1}}})
		}, func() {
			burn(cremation.AshesDeposited{Share: 2, To: cremation.Place{Kind: cremation.InNiche, ID: "A-3"}, Until: day.AddDays(300), Agreement: "A"})
		}, func() {
			burn(cremation.AshesReleased{Share: 3, To: f.handler, Name: domain.Personal(f.handler, "承办")})
		})
		return f
	}
	if chance(60) {
		then(func() {
			burn(cremation.AshesReleased{Share: 1, To: f.handler, Name: domain.Personal(f.handler, "承办"), Certificate: number, Giver: "staff-4"})
		},
			func() {
				if full {
					keep(cremation.BelongingsSettled{Items: []string{"ring"}, Fate: cremation.HandedOver, To: f.handler})
				}
				say(booking.Rated{Level: 5})
				say(booking.Closed{Charged: 102000})
			})
	}
	return f
}

// forget erases a person: the key first or the event first, both are right.
func (c *city) forget(p domain.Subject, keyFirst bool) events.Position {
	c.t.Helper()
	if keyFirst {
		if err := c.keys.Forget(c.t.Context(), p); err != nil {
			c.t.Fatal(err)
		}
	}
	at := c.add(domain.SubjectCategory, string(p), domain.Forgotten{Person: p, Ground: domain.Requested, Document: "申请"})
	if !keyFirst {
		if err := c.keys.Forget(c.t.Context(), p); err != nil {
			c.t.Fatal(err)
		}
	}
	return at
}
