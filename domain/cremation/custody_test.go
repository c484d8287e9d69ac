package cremation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func scan(by string, minutes int) Scan {
	return Scan{by, noon.Add(time.Duration(minutes) * time.Minute)}
}

var (
	custody   = domaintest.For(Custody)
	vehicle   = Place{InVehicle, "02"}
	reception = Place{InReception, ""}
	bay14     = Bay{"cold-1", 14}.Place()
	vigilRoom = Place{InVigilRoom, "vigil-1"}
	chamber   = Place{AtFurnace, furnace}

	well       = domain.Personal(deceased, Condition{})
	infectious = domain.Personal(deceased, Condition{Infectious: true})
	decomposed = domain.Personal(deceased, Condition{Decomposed: true})
	receipt    = domain.Personal(handler, "签收单 0412")

	collected = RemainsCollected{Case: caseA, Institution: home, Ground: OnDeathCertificate, Paper: domain.Personal(deceased, "210211193504120018"),
		Issuer: "大连市中心医院", Giver: FromHospital, GiverName: domain.Personal(neighbour, "护士长"), GiverSigned: true, From: domain.Personal(deceased, "住院楼"),
		Condition: well, Into: vehicle, Collector: "staff-031", At: noon.Add(-300 * time.Minute)}
	arrived    = RemainsArrived{vehicle, reception, scan("staff-031", -270), scan("staff-desk", -268)}
	tagged     = RemainsTagged{"T-0001", "staff-desk"}
	toBay      = RemainsMoved{Tag: "T-0001", From: reception, To: bay14, Out: scan("staff-desk", -245), In: scan("staff-cold", -240)}
	identified = Identified{Relative: handler, Name: domain.Personal(handler, "沈念"), Relation: "CHILD", Method: ByViewing, Witness: "staff-desk",
		At: noon.Add(-60 * time.Minute), Form: "DL-BR-2026.1"}
	denied = NotRecognised{neighbour, domain.Personal(neighbour, "沈远"), "SIBLING", ByViewing, "staff-desk", noon.Add(-50 * time.Minute)}
	asked  = WaiverAsked{domain.Personal(deceased, "无亲属，公安机关已比对指纹"), "staff-desk"}
	waived = IdentificationWaived{"staff-desk", "staff-director"}
	safe   = PrecautionsRecorded{true, "BAG-7", []string{"staff-031", "staff-cold"}}

	inHome = []CustodyEvent{collected, arrived, tagged}
	inBay  = append(slices.Clone(inHome), toBay)
	moveIn = MoveRemains{Act: at("staff-cold", -240), Tag: "T-0001", From: reception, To: bay14, Out: toBay.Out, In: toBay.In, BayTag: "T-0001"}
)

func plus[E any](es []E, more ...E) []E { return append(slices.Clone(es), more...) }

// I2: every move is scanned at origin and destination by a named person, and
// where somebody is follows from the moves.
func TestMoves(t *testing.T) {
	t.Run("a move takes two scans, by named people, at known times", func(t *testing.T) {
		custody.Given(t, inHome...).When(moveIn).Then(toBay)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Out.By = "" })).Rejects(ErrScan)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.In.By = "" })).Rejects(ErrScan)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Out.At = time.Time{} })).Rejects(ErrTimeNeeded)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.In.At = time.Time{} })).Rejects(ErrTimeNeeded)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Estimated = true })).Rejects(ErrTimeNeeded)
	})
	t.Run("a move whose origin is not where they are is refused", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.From = vigilRoom })).Rejects(ErrMoveOrigin)
		custody.Given(t, inBay...).When(with(moveIn, func(c *MoveRemains) { c.To = vigilRoom })).Rejects(ErrMoveOrigin)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.To = reception })).Rejects(ErrMoveNowhere)
		if got := custody.Given(t, inBay...).State(); got.Place != bay14 || !got.Since.Equal(toBay.In.At) {
			t.Error(got.Place, got.Since)
		}
	})
	t.Run("the scanned tag is theirs", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Tag = "T-0002" })).Rejects(ErrTagOther)
	})
	t.Run("scans come in order and after the move before", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Out, c.In = c.In, c.Out })).Rejects(ErrScanOrder)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Out.At = arrived.In.At.Add(-1) })).Rejects(ErrScanOrder)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Out.At, c.In.At = arrived.In.At, arrived.In.At })).
			Then(with(toBay, func(e *RemainsMoved) { e.Out.At, e.In.At = arrived.In.At, arrived.In.At }))
	})
	t.Run("a scan from the future is refused, a late one says why", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.In.At = c.Now.Add(1) })).Rejects(domain.ErrFuture)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Now = noon.Add(48 * time.Hour); c.At = c.Now })).Rejects(domain.ErrLate)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.Now = noon.Add(48 * time.Hour); c.At = c.Now; c.LateReason = "停电" })).Then(toBay)
	})
	t.Run("places are real, and remains do not go where ashes are kept", func(t *testing.T) {
		for _, p := range []Place{{InNiche, "A-1"}, {InAshesRoom, ""}, {"ROOF", "1"}, {InHall, ""}} {
			custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.To = p })).Rejects(ErrPlace)
		}
	})
	t.Run("a cold bay is theirs in the cold store first", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.BayTag = "" })).Rejects(ErrBay)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.BayTag = "T-0002" })).Rejects(ErrBay)
	})
	out := MoveRemains{Act: at("staff-cold", -100), Tag: "T-0001", From: bay14, To: vigilRoom, Out: scan("staff-cold", -102), In: scan("staff-1", -100)}
	t.Run("nothing leaves the cold store while its recount is due, but what records the relocation itself", func(t *testing.T) {
		custody.Given(t, inBay...).When(with(out, func(c *MoveRemains) { c.RecountDue = true })).Rejects(ErrRecountFirst)
		custody.Given(t, inBay...).When(with(out, func(c *MoveRemains) {
			c.RecountDue, c.Relocation, c.To, c.BayTag = true, holdA, Bay{"cold-2", 3}.Place(), "T-0001"
		})).Then(RemainsMoved{"T-0001", bay14, Bay{"cold-2", 3}.Place(), out.Out, out.In, holdA})
	})
	t.Run("nobody is moved before the arrival and the tag", func(t *testing.T) {
		custody.Given(t, collected).When(moveIn).Rejects(ErrNotArrived)
		custody.Given(t, collected, arrived).When(moveIn).Rejects(ErrUntagged)
		custody.Given(t).When(moveIn).Rejects(ErrNotCollected)
	})
	t.Run("nor out of a vigil", func(t *testing.T) {
		es := plus[CustodyEvent](inBay, RemainsMoved{"T-0001", bay14, vigilRoom, out.Out, out.In, uuid.Nil}, VigilBegan{vigilRoom})
		back := MoveRemains{Act: at("staff-1", 0), Tag: "T-0001", From: vigilRoom, To: Place{InHall, "hall-1"}, Out: scan("staff-1", -2), In: scan("staff-1", 0)}
		custody.Given(t, es...).When(back).Rejects(ErrVigil)
		custody.Given(t, es...).When(EndVigil{at("staff-1", -3)}).Then(VigilEnded{noon.Add(-3 * time.Minute)})
	})
}

func TestCollect(t *testing.T) {
	c := CollectRemains{Act: at("staff-031", -300), Case: caseA, Institution: home, Ground: OnDeathCertificate, Paper: collected.Paper, Issuer: collected.Issuer,
		Giver: FromHospital, GiverName: collected.GiverName, GiverSigned: true, From: collected.From, Condition: well, Into: vehicle}
	t.Run("remains are collected on a death certificate, against the giver's signature", func(t *testing.T) {
		custody.Given(t).When(c).Then(collected)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Paper = domain.Private[string]{} })).Rejects(ErrGround)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Issuer = "" })).Rejects(ErrGround)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Ground = "PHONE_CALL" })).Rejects(ErrGround)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.GiverSigned = false })).Rejects(ErrGiver)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Giver = "PASSER_BY" })).Rejects(ErrGiver)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.GiverName = domain.Private[string]{} })).Rejects(ErrGiver)
	})
	t.Run("or, in an emergency, on a notice of the police who hand over", func(t *testing.T) {
		emergency := with(c, func(c *CollectRemains) { c.Ground, c.Issuer = OnPoliceNotice, "甘井子分局" })
		custody.Given(t).When(emergency).Rejects(ErrGroundGiver)
		custody.Given(t).When(with(emergency, func(c *CollectRemains) { c.Giver = FromPolice })).
			Then(with(collected, func(e *RemainsCollected) { e.Ground, e.Issuer, e.Giver = OnPoliceNotice, "甘井子分局", FromPolice }))
		custody.Given(t).When(with(emergency, func(c *CollectRemains) { c.Giver, c.Paper = FromPolice, domain.Private[string]{} })).Rejects(ErrGround)
	})
	t.Run("a time that nobody knows stays empty", func(t *testing.T) {
		empty := with(collected, func(e *RemainsCollected) { e.At = time.Time{} })
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.At = time.Time{} })).Then(empty)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Estimated = true })).Then(empty)
	})
	t.Run("a case is collected once, into a place that is named", func(t *testing.T) {
		custody.Given(t, collected).When(c).Then()
		custody.Given(t, collected).When(with(c, func(c *CollectRemains) { c.Issuer = "x" })).Rejects(ErrCollected)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Into = Place{InVehicle, ""} })).Rejects(ErrPlace)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Into = bay14 })).Rejects(ErrPlace)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Case = uuid.Nil })).Rejects(ErrNoCase)
		custody.Given(t).When(with(c, func(c *CollectRemains) { c.Institution = "" })).Rejects(ErrInstitution)
	})
	arrive := Arrive{at("staff-desk", -268), reception, arrived.Out, arrived.In}
	t.Run("the arrival is scanned out of the vehicle and into the home", func(t *testing.T) {
		custody.Given(t, collected).When(arrive).Then(arrived)
		custody.Given(t, collected).When(with(arrive, func(c *Arrive) { c.In.By = "" })).Rejects(ErrScan)
		custody.Given(t, collected).When(with(arrive, func(c *Arrive) { c.To = bay14 })).Rejects(ErrPlace)
		custody.Given(t, collected, arrived).When(arrive).Then()
		custody.Given(t, inBay...).When(arrive).Rejects(ErrArrived)
		custody.Given(t, collected).When(with(arrive, func(c *Arrive) { c.Out.At = collected.At.Add(-1) })).Rejects(ErrScanOrder)
	})
	t.Run("the giver may bring them to the door", func(t *testing.T) {
		brought := with(collected, func(e *RemainsCollected) { e.Into = reception })
		if !custody.Given(t, brought).State().Arrived {
			t.Error("not arrived")
		}
	})
	tag := TagRemains{at("staff-desk", -260), "T-0001", caseA}
	t.Run("they carry the one tag that was issued to their case", func(t *testing.T) {
		custody.Given(t, collected, arrived).When(tag).Then(tagged)
		custody.Given(t, inHome...).When(tag).Then()
		custody.Given(t, inHome...).When(with(tag, func(c *TagRemains) { c.Tag = "T-0002" })).Rejects(ErrTagFixed)
		custody.Given(t, collected).When(with(tag, func(c *TagRemains) { c.TagCase = caseB })).Rejects(ErrTagNotIssued)
		custody.Given(t, collected).When(with(tag, func(c *TagRemains) { c.Tag = "" })).Rejects(ErrTagNeeded)
	})
}

// I5: identification by the family, or a reasoned waiver on a second account.
func TestIdentification(t *testing.T) {
	identify := Identify{Act: at("staff-desk", -60), Tag: "T-0001", Relative: handler, Name: identified.Name, Relation: "CHILD", Method: ByViewing, Recognised: true, Form: "DL-BR-2026.1"}
	toFurnace := MoveRemains{Act: at("staff-op", -20), Tag: "T-0001", From: bay14, To: chamber, Out: scan("staff-cold", -22), In: scan("staff-op", -20), Approached: FurnaceApproached{caseA, 1}}
	t.Run("a relative recognises the deceased, at a known time, on a form with its version", func(t *testing.T) {
		custody.Given(t, inBay...).When(identify).Then(identified)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Relative = "" })).Rejects(ErrRelative)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Name = domain.Private[string]{} })).Rejects(ErrRelative)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Relation = "" })).Rejects(ErrRelative)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Method = "HEARSAY" })).Rejects(ErrRelative)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Form = "" })).Rejects(ErrRelative)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.At = time.Time{} })).Rejects(ErrTimeNeeded)
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) { c.Tag = "T-0002" })).Rejects(ErrTagOther)
		custody.Given(t, collected).When(identify).Rejects(ErrNotArrived)
		custody.Given(t, collected, arrived).When(identify).Rejects(ErrUntagged)
	})
	t.Run("without it nobody goes to the furnace", func(t *testing.T) {
		custody.Given(t, inBay...).When(toFurnace).Rejects(ErrNotIdentified)
		custody.Given(t, plus[CustodyEvent](inBay, identified)...).When(toFurnace).Then(RemainsMoved{"T-0001", bay14, chamber, toFurnace.Out, toFurnace.In, uuid.Nil})
	})
	t.Run("nobody is brought to a furnace that has not given this very move its place (I7)", func(t *testing.T) {
		here := plus[CustodyEvent](inBay, identified)
		for _, other := range []FurnaceApproached{{}, {caseB, 1}, {caseA, 0}, {caseA, 2}} {
			custody.Given(t, here...).When(with(toFurnace, func(c *MoveRemains) { c.Approached = other })).Rejects(ErrNotApproached)
		}
	})
	t.Run("an approach is past once its move went elsewhere, or another followed, or somebody else has them", func(t *testing.T) {
		brought := RemainsMoved{Tag: "T-0001", From: bay14, To: chamber, Out: toFurnace.Out, In: toFurnace.In}
		here, there := plus[CustodyEvent](inBay, identified), plus[CustodyEvent](inBay, identified, brought)
		away := RemainsMoved{Tag: "T-0001", From: chamber, To: vigilRoom}
		for i, x := range []struct {
			given   []CustodyEvent
			move    int
			furnace string
			past    bool
		}{
			{here, 1, furnace, false}, // it is still to come
			{here, 0, furnace, true},  // that move was into the bay
			{there, 1, furnace, false},
			{there, 1, "other", true},
			{there, 2, furnace, false},
			{plus[CustodyEvent](there, away), 1, furnace, true},
			{plus[CustodyEvent](there, RemainsHandedOver{To: neighbour}), 1, furnace, true},
			{plus[CustodyEvent](there, CustodyEnded{chamber}), 1, furnace, false},
		} {
			s := custody.Given(t, x.given...).State()
			if got := s.Past(FurnaceApproached{caseA, x.move}, x.furnace); got != x.past {
				t.Errorf("%d: past %v", i, got)
			}
			if s.Past(FurnaceApproached{caseB, x.move}, x.furnace) {
				t.Errorf("%d: this custody says nothing of another case", i)
			}
		}
	})
	t.Run("a waiver gives its reason and is approved by somebody else", func(t *testing.T) {
		custody.Given(t, inBay...).When(AskWaiver{at("staff-desk", -60), asked.Reason}).Then(asked)
		custody.Given(t, inBay...).When(AskWaiver{at("staff-desk", -60), domain.Personal(deceased, "  ")}).Rejects(ErrWaiverReason)
		custody.Given(t, inBay...).When(ApproveWaiver{at("staff-director", -50)}).Rejects(ErrWaiverAsked)
		custody.Given(t, plus[CustodyEvent](inBay, asked)...).When(ApproveWaiver{at("staff-desk", -50)}).Rejects(ErrWaiverSelf)
		custody.Given(t, plus[CustodyEvent](inBay, asked)...).When(ApproveWaiver{at("staff-director", -50)}).Then(waived)
		custody.Given(t, plus[CustodyEvent](inBay, asked)...).When(toFurnace).Rejects(ErrNotIdentified)
		custody.Given(t, plus[CustodyEvent](inBay, asked, waived)...).When(toFurnace).Then(RemainsMoved{"T-0001", bay14, chamber, toFurnace.Out, toFurnace.In, uuid.Nil})
	})
	t.Run("a relative who says no is not passed over", func(t *testing.T) {
		custody.Given(t, inBay...).When(with(identify, func(c *Identify) {
			c.Act, c.Relative, c.Name, c.Relation, c.Recognised = at("staff-desk", -50), neighbour, denied.Name, "SIBLING", false
		})).Then(denied)
		custody.Given(t, plus[CustodyEvent](inBay, identified, denied)...).When(toFurnace).Rejects(ErrNotRecognised)
		custody.Given(t, plus[CustodyEvent](inBay, asked, waived, denied)...).When(toFurnace).Rejects(ErrNotRecognised)
		custody.Given(t, plus[CustodyEvent](inBay, denied)...).When(AskWaiver{at("staff-desk", -40), asked.Reason}).Rejects(ErrNotRecognised)
		custody.Given(t, plus[CustodyEvent](inBay, asked, denied)...).When(ApproveWaiver{at("staff-director", -40)}).Rejects(ErrNotRecognised)
		custody.Given(t, plus[CustodyEvent](inBay, denied)...).When(identify).Rejects(ErrNotRecognised)
		custody.Given(t, plus[CustodyEvent](inBay, denied)...).When(with(identify, func(c *Identify) { c.Paper = "DNA 鉴定 7 号" })).
			Then(with(identified, func(e *Identified) { e.Paper = "DNA 鉴定 7 号" }))
	})
}

// Infectious or decomposed remains are not viewed and go directly.
func TestDirect(t *testing.T) {
	ill := func(c domain.Private[Condition]) []CustodyEvent {
		return []CustodyEvent{with(collected, func(e *RemainsCollected) { e.Condition = c }), arrived, tagged}
	}
	identify := Identify{Act: at("staff-desk", -60), Tag: "T-0001", Relative: handler, Name: identified.Name, Relation: "CHILD", Method: ByViewing, Recognised: true, Form: "v1"}
	to := func(p Place) MoveRemains { return with(moveIn, func(c *MoveRemains) { c.To = p }) }
	for name, c := range map[string]domain.Private[Condition]{"infectious": infectious, "decomposed": decomposed} {
		t.Run(name, func(t *testing.T) {
			es := append(ill(c), safe)
			for _, p := range []Place{vigilRoom, {InHall, "hall-1"}, {InPreparation, "prep-1"}} {
				custody.Given(t, es...).When(to(p)).Rejects(ErrNoViewing)
			}
			custody.Given(t, es...).When(identify).Rejects(ErrNoViewing)
			custody.Given(t, es...).When(with(identify, func(c *Identify) { c.Method = ByPhoto })).
				Then(with(identified, func(e *Identified) { e.Method, e.Form = ByPhoto, "v1" }))
		})
	}
	t.Run("infectious remains are made safe before they are moved", func(t *testing.T) {
		custody.Given(t, ill(infectious)...).When(moveIn).Rejects(ErrPrecautions)
		custody.Given(t, append(ill(infectious), safe)...).When(moveIn).Then(toBay)
		custody.Given(t, ill(infectious)...).When(RecordPrecautions{at("staff-cold", -250), true, "BAG-7", []string{"staff-031", "staff-cold"}}).Then(safe)
		custody.Given(t, ill(infectious)...).When(RecordPrecautions{at("staff-cold", -250), false, "BAG-7", []string{"staff-031"}}).Rejects(ErrPrecautions)
		custody.Given(t, ill(infectious)...).When(RecordPrecautions{at("staff-cold", -250), true, "", []string{"staff-031"}}).Rejects(ErrPrecautions)
		custody.Given(t, ill(infectious)...).When(RecordPrecautions{at("staff-cold", -250), true, "BAG-7", nil}).Rejects(ErrPrecautions)
	})
	t.Run("a hold of infection control has the same effect", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(to(vigilRoom), func(c *MoveRemains) { c.InfectionHold = true })).Rejects(ErrNoViewing)
		custody.Given(t, inHome...).When(with(identify, func(c *Identify) { c.InfectionHold = true })).Rejects(ErrNoViewing)
		custody.Given(t, inHome...).When(with(moveIn, func(c *MoveRemains) { c.InfectionHold = true })).Rejects(ErrPrecautions)
	})
	t.Run("what is forgotten reads as infectious", func(t *testing.T) {
		forgotten := infectious
		forgotten.SetForgotten(deceased)
		custody.Given(t, ill(forgotten)...).When(to(vigilRoom)).Rejects(ErrNoViewing)
		custody.Given(t, ill(forgotten)...).When(moveIn).Rejects(ErrPrecautions)
	})
	t.Run("what is learned later counts, and takes a paper to take back", func(t *testing.T) {
		custody.Given(t, inHome...).When(RecordCondition{at("staff-desk", -200), infectious, ""}).Then(ConditionRecorded{infectious, ""})
		custody.Given(t, ill(infectious)...).When(RecordCondition{at("staff-desk", -200), well, ""}).Rejects(ErrCondition)
		custody.Given(t, ill(infectious)...).When(RecordCondition{at("staff-desk", -200), decomposed, ""}).Rejects(ErrCondition)
		custody.Given(t, ill(infectious)...).When(RecordCondition{at("staff-desk", -200), well, "疾控 3 号"}).Then(ConditionRecorded{well, "疾控 3 号"})
	})
}

func TestVigil(t *testing.T) {
	in := plus[CustodyEvent](inHome, RemainsMoved{"T-0001", reception, vigilRoom, scan("staff-1", -200), scan("staff-1", -198), uuid.Nil})
	t.Run("a vigil is kept where the remains are", func(t *testing.T) {
		custody.Given(t, in...).When(BeginVigil{Act: at("staff-1", -190)}).Then(VigilBegan{vigilRoom})
		custody.Given(t, inBay...).When(BeginVigil{Act: at("staff-1", -190)}).Rejects(ErrVigilPlace)
		custody.Given(t, in...).When(BeginVigil{at("staff-1", -190), true}).Rejects(ErrNoViewing)
		custody.Given(t, in...).When(EndVigil{at("staff-1", -100)}).Rejects(ErrNoVigil)
	})
	t.Run("an end that nobody saw stays empty", func(t *testing.T) {
		es := plus[CustodyEvent](in, VigilBegan{vigilRoom})
		custody.Given(t, es...).When(EndVigil{with(at("staff-1", -100), func(a *domain.Act) { a.At = time.Time{} })}).Then(VigilEnded{})
		custody.Given(t, es...).When(EndVigil{with(at("staff-1", -100), func(a *domain.Act) { a.Estimated = true })}).Then(VigilEnded{})
		custody.Given(t, es...).When(EndVigil{with(at("staff-1", -100), func(a *domain.Act) { a.At = a.Now.Add(1) })}).Rejects(domain.ErrFuture)
	})
}

func TestBelongings(t *testing.T) {
	ring, watch := Item{"1", domain.Personal(deceased, "戒指一枚"), 1}, Item{"2", domain.Personal(deceased, "手表"), 1}
	list := ListBelongings{at("staff-desk", -200), []Item{ring, watch}, "staff-1"}
	listed := plus[CustodyEvent](inHome, BelongingsListed{[]Item{ring, watch}, "staff-desk", "staff-1"})
	t.Run("two people list them, each with number, description and count", func(t *testing.T) {
		custody.Given(t, inHome...).When(list).Then(BelongingsListed{[]Item{ring, watch}, "staff-desk", "staff-1"})
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Witness = "staff-desk" })).Rejects(ErrBelongingsWitness)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Witness = "" })).Rejects(ErrBelongingsWitness)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Items = []Item{ring, ring} })).Rejects(ErrBelongings)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Items = []Item{{"", ring.Description, 1}} })).Rejects(ErrBelongings)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Items = []Item{{"1", ring.Description, 0}} })).Rejects(ErrBelongings)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Items = []Item{{"1", domain.Private[string]{}, 1}} })).Rejects(ErrBelongings)
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) {
			c.Items = nil
			for i := range 201 {
				c.Items = append(c.Items, Item{fmt.Sprint(i), ring.Description, 1})
			}
		})).Rejects(ErrBelongings)
	})
	t.Run("that there were none is recorded too", func(t *testing.T) {
		custody.Given(t, inHome...).When(with(list, func(c *ListBelongings) { c.Items = nil })).Then(BelongingsListed{nil, "staff-desk", "staff-1"})
	})
	t.Run("the list grows and never changes", func(t *testing.T) {
		third := Item{"3", domain.Personal(deceased, "钱包"), 1}
		custody.Given(t, listed...).When(with(list, func(c *ListBelongings) { c.Items = []Item{ring, third} })).Then(BelongingsListed{[]Item{third}, "staff-desk", "staff-1"})
		custody.Given(t, listed...).When(with(list, func(c *ListBelongings) { c.Items = []Item{{"1", ring.Description, 2}} })).Rejects(ErrBelongings)
	})
	settle := SettleBelongings{at("staff-desk", -100), []string{"1"}, HandedOver, handler, domain.Personal(handler, "沈念"), receipt}
	settled := BelongingsSettled{[]string{"1"}, HandedOver, handler, domain.Personal(handler, "沈念"), receipt, "staff-desk"}
	t.Run("they are handed over against a signature, each once", func(t *testing.T) {
		custody.Given(t, listed...).When(settle).Then(settled)
		custody.Given(t, listed...).When(with(settle, func(c *SettleBelongings) { c.Receipt = domain.Private[string]{} })).Rejects(ErrReceipt)
		custody.Given(t, listed...).When(with(settle, func(c *SettleBelongings) { c.To = "" })).Rejects(ErrReceipt)
		custody.Given(t, listed...).When(with(settle, func(c *SettleBelongings) { c.Items = []string{"9"} })).Rejects(ErrBelongingUnknown)
		custody.Given(t, listed...).When(with(settle, func(c *SettleBelongings) { c.Fate = "SOLD" })).Rejects(ErrBelongings)
		custody.Given(t, plus[CustodyEvent](listed, settled)...).When(settle).Then()
		custody.Given(t, plus[CustodyEvent](listed, settled)...).When(with(settle, func(c *SettleBelongings) { c.To = neighbour })).Rejects(ErrBelongingSettled)
		if left := custody.Given(t, plus[CustodyEvent](listed, settled)...).State().Kept(); len(left) != 1 || left[0].ID != "2" {
			t.Error(left)
		}
	})
	t.Run("also after the remains have left, but then not with them", func(t *testing.T) {
		es := plus[CustodyEvent](listed, CustodyEnded{chamber})
		custody.Given(t, es...).When(settle).Then(settled)
		custody.Given(t, es...).When(with(settle, func(c *SettleBelongings) { c.Fate = LeftWith })).Rejects(ErrBelongings)
	})
}

func TestEndOfCustody(t *testing.T) {
	atFurnace := plus[CustodyEvent](inBay, identified, RemainsMoved{"T-0001", bay14, chamber, scan("staff-cold", -22), scan("staff-op", -20), uuid.Nil})
	t.Run("it ends in the furnace, once the cremation has begun", func(t *testing.T) {
		custody.Given(t, atFurnace...).When(EndCustody{at("staff-op", 1), true}).Then(CustodyEnded{chamber})
		custody.Given(t, atFurnace...).When(EndCustody{at("staff-op", 1), false}).Rejects(ErrNotStarted)
		custody.Given(t, inBay...).When(EndCustody{at("staff-op", 1), true}).Rejects(ErrNotAtFurnace)
	})
	name := domain.Personal(neighbour, "某馆")
	give := HandOverRemains{Act: at("staff-desk", -10), Tag: "T-0001", To: neighbour, Name: name, Authority: "庄河殡仪馆", Paper: "转运 3 号", Receipt: receipt}
	t.Run("or when they are handed over on a paper, against a signature", func(t *testing.T) {
		custody.Given(t, inBay...).When(give).Then(RemainsHandedOver{neighbour, name, "庄河殡仪馆", "转运 3 号", receipt, "staff-desk"})
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Paper = "" })).Rejects(ErrHandOver)
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Receipt = domain.Private[string]{} })).Rejects(ErrHandOver)
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Tag = "T-0002" })).Rejects(ErrTagOther)
		custody.Given(t, collected).When(give).Rejects(ErrUntagged)
	})
	t.Run("not under a hold, not before the recount, not after the start", func(t *testing.T) {
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Holds = []HoldPlaced{held} })).Rejects(ErrHeld)
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Holds, c.Authority = []HoldPlaced{held}, held.Authority })).
			Then(RemainsHandedOver{neighbour, name, held.Authority, "转运 3 号", receipt, "staff-desk"})
		custody.Given(t, plus[CustodyEvent](inHome, VigilBegan{vigilRoom})...).When(give).Rejects(ErrVigil)
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.RecountDue = true })).Rejects(ErrRecountFirst)
		custody.Given(t, inBay...).When(with(give, func(c *HandOverRemains) { c.Started = true })).Rejects(ErrUnderway)
	})
	t.Run("afterwards nothing moves any more", func(t *testing.T) {
		gone := plus[CustodyEvent](inBay, RemainsHandedOver{neighbour, name, "庄河殡仪馆", "转运 3 号", receipt, "staff-desk"})
		custody.Given(t, gone...).When(give).Then()
		custody.Given(t, gone...).When(MoveRemains{Act: at("staff-1", 0), Tag: "T-0001", From: bay14, To: vigilRoom, Out: scan("a", -1), In: scan("a", 0)}).Rejects(ErrCustodyEnded)
	})
	t.Run("the start of the cremation learns how the custody stands", func(t *testing.T) {
		if got := custody.Given(t, atFurnace...).State().Standing(); got != (Standing{caseA, "T-0001", true, chamber, custody.Given(t, atFurnace...).State().Since}) {
			t.Errorf("%#v", got)
		}
		if got := custody.Given(t, inBay...).State().Standing(); got != (Standing{caseA, "T-0001", false, bay14, toBay.In.At}) {
			t.Errorf("%#v", got)
		}
	})
	t.Run("storage is extended on a request, to a later day", func(t *testing.T) {
		extend := ExtendStorage{at("staff-director", 0), "2026-12-20", domain.Personal(handler, "延期申请")}
		custody.Given(t, inBay...).When(extend).Then(StorageExtended{"2026-12-20", extend.Paper, "staff-director"})
		custody.Given(t, inBay...).When(with(extend, func(c *ExtendStorage) { c.Until = "2026-11-23" })).Rejects(ErrExtension)
		custody.Given(t, inBay...).When(with(extend, func(c *ExtendStorage) { c.Paper = domain.Private[string]{} })).Rejects(ErrExtension)
		custody.Given(t, plus[CustodyEvent](inBay, StorageExtended{"2026-12-20", extend.Paper, "x"})...).When(with(extend, func(c *ExtendStorage) { c.Until = "2026-12-19" })).Rejects(ErrExtension)
	})
}

// I2, I5: whatever is sent in whatever order, where somebody is follows from an
// unbroken chain of scans, and nobody reaches the furnace unidentified.
func TestCustodyHistories(t *testing.T) {
	moves, furnaces, ends := 0, 0, 0
	history := func(t *rapid.T) {
		minute := 0
		places := []Place{vehicle, reception, bay14, {InIsolation, "iso-1"}, vigilRoom, {InHall, "hall-1"}, chamber, {InNiche, "A-1"}}
		yes := func(label string) bool { return rapid.IntRange(0, 7).Draw(t, label) > 0 }
		account := rapid.SampledFrom([]string{"staff-1", "staff-2", "staff-director"})
		conditions := rapid.SampledFrom([]domain.Private[Condition]{well, well, well, infectious, decomposed})
		draw := func(s CustodyState) CustodyCommand {
			minute += rapid.IntRange(0, 5).Draw(t, "minutes")
			act := at(account.Draw(t, "by"), minute)
			from := s.Place
			if !yes("origin") {
				from = rapid.SampledFrom(places).Draw(t, "from")
			}
			tag := "T-0001"
			if !yes("tag") {
				tag = "T-0002"
			}
			out, in := scan(account.Draw(t, "out"), minute-rapid.IntRange(0, 3).Draw(t, "ago")), scan(account.Draw(t, "in"), minute+rapid.IntRange(-1, 1).Draw(t, "off"))
			switch rapid.IntRange(0, 19).Draw(t, "command") {
			case 0:
				return CollectRemains{Act: act, Case: caseA, Institution: home, Ground: OnDeathCertificate, Paper: collected.Paper, Issuer: "x", Giver: FromHospital,
					GiverName: collected.GiverName, GiverSigned: yes("signed"), Condition: conditions.Draw(t, "condition"), Into: vehicle}
			case 1:
				return Arrive{act, rapid.SampledFrom(places[:4]).Draw(t, "to"), out, in}
			case 2:
				return TagRemains{act, tag, caseA}
			case 3:
				return RecordCondition{act, conditions.Draw(t, "condition"), rapid.SampledFrom([]string{"", "p"}).Draw(t, "paper")}
			case 4:
				return RecordPrecautions{act, true, "BAG", []string{"staff-1"}}
			case 5:
				return ListBelongings{act, []Item{{rapid.SampledFrom([]string{"1", "2"}).Draw(t, "item"), domain.Personal(deceased, "x"), 1}}, account.Draw(t, "witness")}
			case 6:
				return SettleBelongings{act, []string{rapid.SampledFrom([]string{"1", "2"}).Draw(t, "item")}, HandedOver,
					rapid.SampledFrom([]domain.Subject{handler, neighbour}).Draw(t, "to"), domain.Personal(handler, "x"), receipt}
			case 7, 8:
				return Identify{Act: act, Tag: tag, Relative: handler, Name: identified.Name, Relation: "CHILD", Method: rapid.SampledFrom(([]Method{ByViewing, ByPhoto})).Draw(t, "method"),
					Recognised: yes("recognised"), Form: "v1", Paper: rapid.SampledFrom([]string{"", "p"}).Draw(t, "paper")}
			case 9:
				return AskWaiver{act, asked.Reason}
			case 10:
				return ApproveWaiver{act}
			case 11:
				return BeginVigil{act, !yes("free")}
			case 12:
				return EndVigil{act}
			case 13:
				return HandOverRemains{Act: act, Tag: tag, To: neighbour, Name: denied.Name, Authority: "x", Paper: "x", Receipt: receipt, Started: yes("started")}
			case 14:
				return EndCustody{act, yes("started")}
			default:
				return MoveRemains{Act: act, Tag: tag, From: from, To: rapid.SampledFrom(places).Draw(t, "to"), Out: out, In: in, BayTag: tag, Approached: s.Approach(),
					RecountDue: !yes("counted"), InfectionHold: !yes("no hold")}
			}
		}
		d, before := Custody, []CustodyEvent(nil)
		if rapid.IntRange(0, 3).Draw(t, "ready") > 0 {
			before = inBay
			d.Initial = d.Fold(d.Initial, before...)
		}
		domaintest.Random(t, d, draw, func(s CustodyState, history []CustodyEvent) {
			var (
				place                     Place
				last                      time.Time
				tag                       string
				recognised, refused, vigi bool
				waiver                    [2]string
				condition                 Condition
				ended                     bool
				given                     = map[string]bool{}
			)
			step := func(from, to Place, out, in Scan) {
				if from != place || out.By == "" || in.By == "" || out.At.Before(last) || in.At.Before(out.At) || in.At.After(noon.Add(time.Duration(minute)*time.Minute)) || vigi {
					t.Fatalf("from %v to %v by %v and %v, while they were in %v since %v", from, to, out, in, place, last)
				}
				place, last = to, in.At
			}
			for _, e := range append(slices.Clone(before), history...) {
				if _, belongings := e.(BelongingsSettled); ended && !belongings {
					t.Fatalf("%#v after the end", e)
				}
				switch e := e.(type) {
				case RemainsCollected:
					if place.Kind != "" || !e.GiverSigned {
						t.Fatalf("%#v", e)
					}
					place, last, condition = e.Into, e.At, e.Condition.Or(Condition{})
				case RemainsArrived:
					step(e.From, e.To, e.Out, e.In)
				case RemainsTagged:
					if tag != "" {
						t.Fatal("tagged twice")
					}
					tag = e.Tag
				case RemainsMoved:
					moves++
					step(e.From, e.To, e.Out, e.In)
					if e.Tag != tag || tag == "" {
						t.Fatalf("moved %q, tagged %q", e.Tag, tag)
					}
					switch e.To.Kind {
					case AtFurnace:
						furnaces++
						if refused || !recognised && (waiver[1] == "" || waiver[0] == waiver[1]) {
							t.Fatalf("to the furnace, recognised %v, refused %v, waiver %v", recognised, refused, waiver)
						}
					case InVigilRoom, InHall:
						if condition.Infectious || condition.Decomposed {
							t.Fatalf("shown: %v", condition)
						}
					case InNiche:
						t.Fatal("remains in a niche")
					}
				case ConditionRecorded:
					condition = e.Condition.Or(Condition{})
				case Identified:
					recognised, refused = true, false
				case NotRecognised:
					recognised, refused = false, true
				case IdentificationWaived:
					waiver = [2]string{e.AskedBy, e.ApprovedBy}
				case VigilBegan:
					if place.Kind != InVigilRoom || condition != (Condition{}) {
						t.Fatalf("vigil in %v over %v", place, condition)
					}
					vigi = true
				case VigilEnded:
					vigi = false
				case BelongingsSettled:
					for _, id := range e.Items {
						if given[id] {
							t.Fatalf("item %s given twice", id)
						}
						given[id] = true
					}
				case RemainsHandedOver, CustodyEnded:
					ended = true
					ends++
				}
			}
			if s.Place != place || s.Tag != tag || s.Ended != ended {
				t.Fatalf("state says %v, scans say %v", s.Place, place)
			}
		})
	}
	domaintest.Check(t, history, &moves, &furnaces, &ends)
}
