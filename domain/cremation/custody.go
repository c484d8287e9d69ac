package cremation

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// CustodyCategory names the streams of remains in custody; a stream's id is the
// case's.
const CustodyCategory = "custody"

// A PlaceKind is what sort of place remains or ashes are in.
type PlaceKind string

// The kinds of place.
const (
	InVehicle     PlaceKind = "VEHICLE"
	InReception   PlaceKind = "RECEPTION"
	InColdBay     PlaceKind = "COLD_BAY"
	InIsolation   PlaceKind = "ISOLATION"
	InPreparation PlaceKind = "PREPARATION"
	InVigilRoom   PlaceKind = "VIGIL_ROOM"
	InHall        PlaceKind = "HALL"
	AtFurnace     PlaceKind = "FURNACE"
	InAshesRoom   PlaceKind = "ASHES_ROOM" // ashes not yet collected or deposited
	InNiche       PlaceKind = "NICHE"      // ashes deposited for a term
)

// remainsPlaces are where remains can be; the rest is for ashes.
var remainsPlaces = []PlaceKind{InVehicle, InReception, InColdBay, InIsolation, InPreparation, InVigilRoom, InHall, AtFurnace}

// viewing are the places in which a family sees the remains, or which make them
// ready to be seen.
var viewing = []PlaceKind{InPreparation, InVigilRoom, InHall}

// A Place is where remains or ashes are: a kind, and the number or resource
// within it ("VEHICLE 02", "COLD_BAY cold-1/14", "FURNACE furnace-3").
type Place struct {
	Kind PlaceKind `json:"kind"`
	ID   string    `json:"id,omitzero"`
}

// A Scan is one reading of a tag or label by one named person.
type Scan struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// stored is the scan as the log keeps it.
func (s Scan) stored() Scan { return Scan{s.By, s.At.UTC().Round(0)} }

// checkScans holds I2 and I8 for the two scans of one move: both by somebody,
// at a time that is known and has come, the second not before the first, the
// first not before what went before.
func checkScans(act domain.Act, out, in Scan, since time.Time) error {
	for _, s := range []Scan{out, in} {
		switch {
		case s.By == "":
			return ErrScan
		case s.At.IsZero() || act.Estimated:
			return ErrTimeNeeded
		}
		act.At = s.At
		if err := act.Check(); err != nil {
			return err
		}
	}
	if in.At.Before(out.At) || out.At.Before(since) {
		return ErrScanOrder
	}
	return nil
}

// A Ground is the paper on which remains are collected (C-1).
type Ground string

// The grounds.
const (
	OnDeathCertificate Ground = "DEATH_CERTIFICATE"
	// OnPoliceNotice is the emergency variant: a police station asks for the
	// collection, the death certificate follows.
	OnPoliceNotice Ground = "POLICE_NOTICE"
)

// A GiverKind is who hands remains over to the funeral home (移交方).
type GiverKind string

// The givers.
const (
	FromHospital  GiverKind = "HOSPITAL"
	FromPolice    GiverKind = "POLICE"
	FromFamily    GiverKind = "FAMILY"
	FromCareHome  GiverKind = "CARE_HOME"
	FromOtherHome GiverKind = "FUNERAL_HOME" // transferred from another funeral home
	FromUnit      GiverKind = "UNIT"         // employer, neighbourhood or village committee
	FromAuthority GiverKind = "AUTHORITY"    // a court, civil affairs

)

// maxBelongings bounds one list: it is one event.
const maxBelongings = 200

// GiverKinds lists every giver, in the order of menus.
var GiverKinds = []GiverKind{FromHospital, FromPolice, FromFamily, FromCareHome, FromOtherHome, FromUnit, FromAuthority}

// A Condition of remains decides how they may be handled. It tells of an
// illness and is sealed.
type Condition struct {
	Infectious bool `json:"infectious,omitzero"` // a notifiable disease that forbids viewing
	Decomposed bool `json:"decomposed,omitzero"`
}

// A Method is how a family recognised somebody.
type Method string

// The methods. Only Viewing shows the remains.
const (
	ByViewing Method = "VIEWING"
	ByPhoto   Method = "PHOTO"
	ByDNA     Method = "DNA"
	ByPolice  Method = "POLICE_IDENTIFICATION"
)

var methods = []Method{ByViewing, ByPhoto, ByDNA, ByPolice}

// An Item is one belonging of the deceased.
type Item struct {
	ID          string                 `json:"item"`
	Description domain.Private[string] `json:"description"`
	Count       int                    `json:"count"`
}

// A Fate is what became of a belonging.
type Fate string

// The fates.
const (
	HandedOver Fate = "HANDED_OVER"
	LeftWith   Fate = "LEFT_WITH_REMAINS" // the family wants it cremated with the remains
)

// A CustodyEvent is what happens to remains between the place of death and the
// furnace.
type CustodyEvent interface{ custodyEvent() }

type (
	// RemainsCollected takes remains over from whoever had them.
	RemainsCollected struct {
		Case        uuid.UUID              `json:"case"`
		Institution domain.CreditCode      `json:"institution"`
		Ground      Ground                 `json:"ground"`
		Paper       domain.Private[string] `json:"paper"` // number of the certificate or the notice
		Issuer      string                 `json:"issuer"`
		Giver       GiverKind              `json:"giver"`
		GiverName   domain.Private[string] `json:"giver_name"`
		// GiverSigned says that the giver signed the 接运单.
		GiverSigned bool                      `json:"giver_signed"`
		From        domain.Private[string]    `json:"from"` // the address
		Condition   domain.Private[Condition] `json:"condition"`
		Into        Place                     `json:"into"`
		Collector   string                    `json:"collector"`
		At          time.Time                 `json:"at,omitzero"` // empty where nobody knows
	}
	// RemainsArrived brings them to the funeral home.
	RemainsArrived struct {
		From Place `json:"from"`
		To   Place `json:"to"`
		Out  Scan  `json:"scanned_out"`
		In   Scan  `json:"scanned_in"`
	}
	// RemainsTagged ties the wrist tag to them, for ever (I1).
	RemainsTagged struct {
		Tag string `json:"tag"`
		By  string `json:"by"`
	}
	// RemainsMoved moves them by two scans (I2).
	RemainsMoved struct {
		Tag  string `json:"tag"`
		From Place  `json:"from"`
		To   Place  `json:"to"`
		Out  Scan   `json:"scanned_out"`
		In   Scan   `json:"scanned_in"`
		// Relocation is the emergency relocation of the cold store that the move
		// was part of.
		Relocation uuid.UUID `json:"relocation,omitzero"`
	}
	// ConditionRecorded says what was learned about the remains later.
	ConditionRecorded struct {
		Condition domain.Private[Condition] `json:"condition"`
		Paper     string                    `json:"paper,omitzero"` // the medical or police paper that eases it
	}
	// PrecautionsRecorded says how infectious remains were made safe.
	PrecautionsRecorded struct {
		Disinfected bool     `json:"disinfected"`
		Bag         string   `json:"bag"` // number on the sealed bag
		Protected   []string `json:"protected"`
	}
	// BelongingsListed takes belongings into custody; no item means that two
	// people looked and found none.
	BelongingsListed struct {
		Items   []Item `json:"items,omitzero"`
		By      string `json:"by"`
		Witness string `json:"witness"`
	}
	// BelongingsSettled hands belongings over against a signature, or leaves them
	// with the remains.
	BelongingsSettled struct {
		Items   []string               `json:"items"`
		Fate    Fate                   `json:"fate"`
		To      domain.Subject         `json:"to"`
		Name    domain.Private[string] `json:"name"`
		Receipt domain.Private[string] `json:"receipt"` // the signed paper
		Giver   string                 `json:"giver"`
	}
	// Identified says that a relative recognised the deceased (I5).
	Identified struct {
		Relative domain.Subject         `json:"relative"`
		Name     domain.Private[string] `json:"name"`
		Relation string                 `json:"relation"`
		Method   Method                 `json:"method"`
		Witness  string                 `json:"witness"` // of the funeral home
		At       time.Time              `json:"at"`
		Form     string                 `json:"form"` // version of the form that was signed (I20)
		// Paper settles an earlier NotRecognised.
		Paper string `json:"paper,omitzero"`
	}
	// NotRecognised says that a relative looked and said: this is somebody else.
	NotRecognised struct {
		Relative domain.Subject         `json:"relative"`
		Name     domain.Private[string] `json:"name"`
		Relation string                 `json:"relation"`
		Method   Method                 `json:"method"`
		Witness  string                 `json:"witness"`
		At       time.Time              `json:"at"`
	}
	// WaiverAsked asks to go without identification, for a reason.
	WaiverAsked struct {
		Reason domain.Private[string] `json:"reason"`
		By     string                 `json:"by"`
	}
	// IdentificationWaived grants it, on a second account.
	IdentificationWaived struct {
		AskedBy    string `json:"asked_by"`
		ApprovedBy string `json:"approved_by"`
	}
	// VigilBegan is the beginning of 守灵.
	VigilBegan struct {
		Place Place `json:"place"`
	}
	// VigilEnded is its end, at a time that may be unknown.
	VigilEnded struct {
		At time.Time `json:"at,omitzero"`
	}
	// StorageExtended lets the remains stay beyond the ordinary days.
	StorageExtended struct {
		Until    domain.Date            `json:"until"`
		Paper    domain.Private[string] `json:"paper"` // the family's or authority's request
		Approver string                 `json:"approver"`
	}
	// RemainsHandedOver gives the remains to somebody else uncremated: another
	// funeral home, the family where burial is the custom, an authority.
	RemainsHandedOver struct {
		To        domain.Subject         `json:"to"`
		Name      domain.Private[string] `json:"name"`
		Authority string                 `json:"authority"` // of the paper
		Paper     string                 `json:"paper"`
		Receipt   domain.Private[string] `json:"receipt"`
		Giver     string                 `json:"giver"`
	}
	// CustodyEnded says that the remains went into the furnace; what follows is
	// the cremation's.
	CustodyEnded struct {
		Place Place `json:"place"`
	}
)

func (RemainsCollected) custodyEvent()     {}
func (RemainsArrived) custodyEvent()       {}
func (RemainsTagged) custodyEvent()        {}
func (RemainsMoved) custodyEvent()         {}
func (ConditionRecorded) custodyEvent()    {}
func (PrecautionsRecorded) custodyEvent()  {}
func (BelongingsListed) custodyEvent()     {}
func (BelongingsSettled) custodyEvent()    {}
func (Identified) custodyEvent()           {}
func (NotRecognised) custodyEvent()        {}
func (WaiverAsked) custodyEvent()          {}
func (IdentificationWaived) custodyEvent() {}
func (VigilBegan) custodyEvent()           {}
func (VigilEnded) custodyEvent()           {}
func (StorageExtended) custodyEvent()      {}
func (RemainsHandedOver) custodyEvent()    {}
func (CustodyEnded) custodyEvent()         {}

// A CustodyCommand asks something of the custody of one case's remains.
type CustodyCommand interface {
	domain.Command
	custodyCommand()
}

type (
	// CollectRemains takes remains over. Act.By is the collector.
	CollectRemains struct {
		domain.Act
		Case        uuid.UUID
		Institution domain.CreditCode
		Ground      Ground
		Paper       domain.Private[string]
		Issuer      string
		Giver       GiverKind
		GiverName   domain.Private[string]
		GiverSigned bool
		From        domain.Private[string]
		Condition   domain.Private[Condition]
		// Into is the vehicle, or the reception when the giver brings them.
		Into Place
	}
	// Arrive brings remains from the vehicle into the funeral home.
	Arrive struct {
		domain.Act
		To      Place // RECEPTION or ISOLATION
		Out, In Scan
	}
	// TagRemains ties the tag to the remains. Act.By does it.
	TagRemains struct {
		domain.Act
		Tag     string
		TagCase uuid.UUID // fact: the case that the tag's own stream is issued to
	}
	// MoveRemains moves remains by two scans of their tag.
	MoveRemains struct {
		domain.Act
		Tag      string // as scanned
		From, To Place
		Out, In  Scan
		// Relocation names the emergency relocation that the move records; the
		// scan out is then whoever carried it out.
		Relocation uuid.UUID
		// BayTag is the fact which tag the cold store's own stream has in the bay
		// that the remains go to.
		BayTag string
		// RecountDue is the fact that the cold store waits for its recount.
		RecountDue bool
		// InfectionHold is the fact that the case is under a hold of infection
		// control.
		InfectionHold bool
		// Approached is the fact whom the own stream of the furnace that these go to
		// has at its door, and by which of their moves.
		Approached FurnaceApproached
	}
	// RecordCondition says what was learned about the remains.
	RecordCondition struct {
		domain.Act
		Condition domain.Private[Condition]
		Paper     string // needed to take a condition back
	}
	// RecordPrecautions says how infectious remains were made safe.
	RecordPrecautions struct {
		domain.Act
		Disinfected bool
		Bag         string
		Protected   []string // accounts that wore protection
	}
	// ListBelongings takes belongings into custody. Act.By and Witness looked.
	ListBelongings struct {
		domain.Act
		Items   []Item
		Witness string
	}
	// SettleBelongings hands belongings over or leaves them with the remains.
	SettleBelongings struct {
		domain.Act
		Items   []string
		Fate    Fate
		To      domain.Subject
		Name    domain.Private[string]
		Receipt domain.Private[string] // the signed paper
	}
	// Identify records what a relative said. Act.By was the witness.
	Identify struct {
		domain.Act
		Tag        string // as scanned
		Relative   domain.Subject
		Name       domain.Private[string]
		Relation   string
		Method     Method
		Recognised bool
		Form       string
		Paper      string // what settles an earlier "not recognised"
		// InfectionHold is the fact that the case is under a hold of infection
		// control.
		InfectionHold bool
	}
	// AskWaiver asks to go without identification.
	AskWaiver struct {
		domain.Act
		Reason domain.Private[string]
	}
	// ApproveWaiver grants what another account asked.
	ApproveWaiver struct{ domain.Act }
	// BeginVigil opens the vigil in the room where the remains are.
	BeginVigil struct {
		domain.Act
		InfectionHold bool // fact, as in MoveRemains
	}
	// EndVigil closes it; Act.At stays empty when nobody knows.
	EndVigil struct{ domain.Act }
	// ExtendStorage approves a longer stay. Act.By approves.
	ExtendStorage struct {
		domain.Act
		Until domain.Date
		Paper domain.Private[string]
	}
	// HandOverRemains gives the remains to somebody else, uncremated.
	HandOverRemains struct {
		domain.Act
		Tag       string // as scanned
		To        domain.Subject
		Name      domain.Private[string]
		Authority string
		Paper     string
		Receipt   domain.Private[string]
		// Holds is the fact which holds of the case are open: only who placed them
		// may take the remains. RecountDue is the fact that the cold store waits for
		// its recount, Started that the cremation began.
		Holds      []HoldPlaced
		RecountDue bool
		Started    bool
	}
	// EndCustody closes the custody of remains that are in the furnace.
	EndCustody struct {
		domain.Act
		Started bool // fact: the case's cremation has begun
	}
)

func (CollectRemains) custodyCommand()    {}
func (Arrive) custodyCommand()            {}
func (TagRemains) custodyCommand()        {}
func (MoveRemains) custodyCommand()       {}
func (RecordCondition) custodyCommand()   {}
func (RecordPrecautions) custodyCommand() {}
func (ListBelongings) custodyCommand()    {}
func (SettleBelongings) custodyCommand()  {}
func (Identify) custodyCommand()          {}
func (AskWaiver) custodyCommand()         {}
func (ApproveWaiver) custodyCommand()     {}
func (BeginVigil) custodyCommand()        {}
func (EndVigil) custodyCommand()          {}
func (ExtendStorage) custodyCommand()     {}
func (HandOverRemains) custodyCommand()   {}
func (EndCustody) custodyCommand()        {}

// A Belonging is an item in custody and what became of it.
type Belonging struct {
	Item
	Fate Fate // empty: still in custody
	To   domain.Subject
}

// CustodyState is where the remains of a case are and what is known of them.
type CustodyState struct {
	Collected RemainsCollected // zero Case: not collected
	Arrived   bool
	Tag       string
	Place     Place     // as the last scan says
	Since     time.Time // of the last scan; zero where nobody knows
	Moves     []RemainsMoved

	Condition   domain.Private[Condition]
	Precautions PrecautionsRecorded // zero Bag: none

	Listed     bool // somebody looked for belongings
	Belongings []Belonging

	Identification Identified // zero Relative: nobody recognised the deceased
	Refused        NotRecognised
	WaiverAsked    WaiverAsked
	Waived         IdentificationWaived

	Vigil     bool // under way
	Extended  StorageExtended
	HandedOut RemainsHandedOver // zero To: not handed over
	Ended     bool              // in the furnace, or handed over
}

// Custody decides over the remains of one case, from the place of death to the
// furnace.
var Custody = domain.Decider[CustodyState, CustodyCommand, CustodyEvent]{Decide: decideCustody, Evolve: evolveCustody}

const (
	basisCollect   = "民办函〔2024〕27号：凭死亡证明接运遗体"
	basisInfection = "传染病防治法"
)

var (
	// ErrNotCollected refuses an act before the remains are taken over.
	ErrNotCollected = domain.Reject("custody_not_collected", "还没有办理遗体接运登记。", "The remains are not recorded as collected.").Under("I2", "")
	// ErrCollected refuses to collect one case twice with different words.
	ErrCollected = domain.Reject("custody_collected", "这件业务已经办理遗体接运登记。", "The remains of this case are already recorded as collected.").Under("I2", "")
	// ErrGround refuses to collect without a paper.
	ErrGround = domain.Reject("custody_ground_needed", "接运须凭死亡证明；由公安机关通知紧急接运的，须登记通知单位和编号。",
		"Remains are collected on a death certificate, or in an emergency on a police notice; its issuer and number are needed.").Under("C-1", basisCollect)
	// ErrGroundGiver refuses the emergency variant where no police handed over.
	ErrGroundGiver = domain.Reject("custody_notice_not_police", "紧急接运只适用于公安机关移交。", "The emergency variant is only for remains handed over by the police.").Under("C-1", "")
	// ErrGiver refuses to collect from nobody.
	ErrGiver = domain.Reject("custody_giver_needed", "请登记移交方，并由移交方在接运单上签字。", "The party handing over is named and signs the transport slip.").Under("I2", "")
	// ErrPlace refuses a place that is not one, or not for this.
	ErrPlace = domain.Reject("custody_place", "这个位置不对，请重新扫描。", "This place is not valid here; please scan again.").Under("I2", "")
	// ErrArrived refuses to arrive twice.
	ErrArrived = domain.Reject("custody_arrived", "遗体已经入馆。", "The remains have already arrived.").Under("I2", "")
	// ErrNotArrived refuses what happens in the home before the arrival.
	ErrNotArrived = domain.Reject("custody_not_arrived", "遗体还没有入馆。", "The remains have not arrived yet.").Under("I2", "")
	// ErrScan refuses a move without both scans.
	ErrScan = domain.Reject("custody_scan_needed", "移动须在起点和终点各扫一次，并写明是谁扫的。", "A move is scanned at its origin and at its destination, each by a named person.").Under("I2", "")
	// ErrScanOrder refuses scans that are out of order.
	ErrScanOrder = domain.Reject("custody_scan_order", "两次扫描的时间先后不对，或早于上一次移动。", "The two scans are out of order, or earlier than the move before.").Under("I2", "")
	// ErrMoveOrigin refuses a move from where they are not.
	ErrMoveOrigin = domain.Reject("custody_origin", "现在不在这个位置，不能从这里移出，请停下核对。", "That is not where they are; please stop and check.").Under("I2", "")
	// ErrMoveNowhere refuses a move to where they are.
	ErrMoveNowhere = domain.Reject("custody_same_place", "起点和终点是同一个位置。", "Origin and destination are the same place.").Under("I2", "")
	// ErrUntagged refuses to move remains that carry no tag.
	ErrUntagged = domain.Reject("custody_untagged", "还没有系腕带，不能移动，也不能辨认。", "The remains carry no tag yet.").Under("I1", "")
	// ErrBay refuses a bay that the cold store has for somebody else, or for nobody.
	ErrBay = domain.Reject("custody_bay", "冷藏柜位的登记与腕带不符，请先在冷藏登记中入位。", "The cold store does not have this tag in that bay; record it there first.").Under("I2", "")
	// ErrRecountFirst refuses to let anything out before the recount.
	ErrRecountFirst = domain.Reject("recount_first", "冷藏库紧急转移后还没有全面清点，清点完成前不能移出或交接。",
		"After the emergency relocation of the cold store, a full recount comes before any removal or release.").Under("I2", "")
	// ErrNoViewing refuses to show remains that must not be shown.
	ErrNoViewing = domain.Reject("custody_no_viewing", "因防疫或遗体状况，不能瞻仰、守灵或整容，直接火化。", "For reasons of health or condition, the remains are not viewed; they go directly to the furnace.").Under("C-4", basisInfection)
	// ErrPrecautions refuses to move infectious remains that are not made safe.
	ErrPrecautions = domain.Reject("custody_precautions", "须先登记消毒、密封袋编号和防护人员，才能移动。", "Disinfection, the sealed bag and who wore protection are recorded before any move.").Under("C-4", basisInfection)
	// ErrCondition refuses to take a condition back without a paper.
	ErrCondition = domain.Reject("custody_condition_paper", "解除防疫或状况标记，须有文书。", "Taking back an infection or condition needs a paper.").Under("C-4", "")
	// ErrBelongings refuses a list that is not one.
	ErrBelongings = domain.Reject("belongings_incomplete", "请逐件写明编号、说明和数量，编号不得重复。", "Each item needs its own number, a description and a count.")
	// ErrBelongingsWitness refuses to look through belongings alone.
	ErrBelongingsWitness = domain.Reject("belongings_two_people", "清点遗物须两人在场。", "Two people look through the belongings.")
	// ErrBelongingUnknown refuses an item that is not on the list.
	ErrBelongingUnknown = domain.Reject("belonging_unknown", "清单上没有第 %s 件。", "There is no item %s on the list.")
	// ErrBelongingSettled refuses to settle an item twice.
	ErrBelongingSettled = domain.Reject("belonging_settled", "第 %s 件已经交接。", "Item %s is already settled.")
	// ErrReceipt refuses to hand over without a signature.
	ErrReceipt = domain.Reject("receipt_needed", "请由接收人当面签收，并核对姓名。", "The receiver signs, and the name is compared.")
	// ErrRelative refuses an identification by nobody.
	ErrRelative = domain.Reject("identification_incomplete", "请登记由谁辨认、与逝者的关系、辨认方式和表单版本。", "Who recognised the deceased, the relation, the method and the form's version are needed.").Under("I5", "")
	// ErrNotRecognised refuses to pass over a relative who said no.
	ErrNotRecognised = domain.Reject("not_recognised", "有亲属表示不是本人，须先查清，并凭文书重新辨认。", "A relative said that this is somebody else; it is cleared up first, and identified anew with a paper.").Under("I5", "")
	// ErrWaiverReason refuses a waiver that gives no reason.
	ErrWaiverReason = domain.Reject("waiver_reason", "请写明免予辨认的理由。", "Please say why there is no identification.").Under("I5", "")
	// ErrWaiverAsked refuses to grant what nobody asked.
	ErrWaiverAsked = domain.Reject("waiver_not_asked", "没有人提出免予辨认。", "Nobody asked for a waiver.").Under("I5", "")
	// ErrWaiverSelf refuses to grant one's own request.
	ErrWaiverSelf = domain.Reject("waiver_second_account", "免予辨认须由提出人以外的另一帐号同意。", "A waiver is approved on another account than the one that asked.").Under("I5", "")
	// ErrNotIdentified refuses the furnace without identification.
	ErrNotIdentified = domain.Reject("not_identified", "还没有家属辨认，也没有经同意的免予辨认理由，不能火化。", "The deceased is not identified by the family, and no waiver is approved.").Under("I5", "")
	// ErrVigil refuses to move remains out of their vigil.
	ErrVigil = domain.Reject("vigil_under_way", "正在守灵，请先登记守灵结束。", "A vigil is under way; record its end first.")
	// ErrVigilPlace refuses a vigil elsewhere than in a vigil room.
	ErrVigilPlace = domain.Reject("vigil_place", "遗体不在守灵间。", "The remains are not in a vigil room.")
	// ErrNoVigil refuses to end what has not begun.
	ErrNoVigil = domain.Reject("vigil_not_begun", "没有正在进行的守灵。", "There is no vigil to end.")
	// ErrExtension refuses an extension without day or paper.
	ErrExtension = domain.Reject("storage_extension", "延期存放须写明到哪一天，并有申请文书。", "An extension names its last day and the request.")
	// ErrHandOver refuses to hand remains over without authority and signature.
	ErrHandOver = domain.Reject("hand_over_incomplete", "移交遗体须写明依据的文书、接收人，并由接收人签收。", "Handing remains over needs the paper it rests on, the receiver, and the receiver's signature.").Under("I2", "")
	// ErrCustodyEnded refuses an act after the remains have left custody.
	ErrCustodyEnded = domain.Reject("custody_ended", "遗体的保管已经结束。", "The custody of the remains has ended.").Under("I2", "")
)

// Identified says that I5 is met: a relative recognised the deceased, or a
// waiver was approved, and no relative who said no was passed over.
func (s CustodyState) Identified() bool {
	return s.Refused.Relative == "" && (s.Identification.Relative != "" || s.Waived.ApprovedBy != "")
}

// Direct says that the remains are not to be viewed. What was forgotten reads
// as the worse.
func (s CustodyState) Direct(infectionHold bool) bool {
	c := s.Condition.Or(Condition{})
	return infectionHold || s.Condition.IsForgotten() || c.Infectious || c.Decomposed
}

// A Standing is what the start of a cremation needs to know from the custody.
type Standing struct {
	Case       uuid.UUID
	Tag        string
	Identified bool
	Place      Place
	Since      time.Time // when they came to Place; zero where nobody knows
}

// Standing is the fact for Start.
func (s CustodyState) Standing() Standing {
	return Standing{s.Collected.Case, s.Tag, s.Identified(), s.Place, s.Since}
}

// Approach is how the next move of the remains stands on a furnace's stream.
func (s CustodyState) Approach() FurnaceApproached {
	return FurnaceApproached{s.Collected.Case, len(s.Moves)}
}

// Past says that an approach of these remains to a furnace is over: its move
// went somewhere else, another came after it, or somebody else has them. What is
// past stays so, which makes it a fact that cannot be overtaken; an approach
// whose move is still to come is not past.
func (s CustodyState) Past(a FurnaceApproached, furnace string) bool {
	n := len(s.Moves)
	return a.Case == s.Collected.Case && (s.HandedOut.To != "" || n > a.Move+1 || n == a.Move+1 && s.Moves[a.Move].To != Place{AtFurnace, furnace})
}

// Kept are the belongings that nobody has received yet.
func (s CustodyState) Kept() []Belonging {
	return slices.DeleteFunc(slices.Clone(s.Belongings), func(b Belonging) bool { return b.Fate != "" })
}

func decideCustody(s CustodyState, cmd CustodyCommand) ([]CustodyEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(CollectRemains); ok {
		return s.collect(c)
	}
	if s.Collected.Case == uuid.Nil {
		return nil, ErrNotCollected
	}
	if e := s.already(cmd); e {
		return nil, nil
	}
	if s.Ended {
		if _, ok := cmd.(SettleBelongings); !ok { // belongings may well outstay the remains
			return nil, ErrCustodyEnded
		}
	}
	at, timed := act.At.UTC().Round(0), !act.At.IsZero() && !act.Estimated

	switch c := cmd.(type) {
	case Arrive:
		switch {
		case s.Arrived:
			return nil, ErrArrived
		case c.To.Kind != InReception && c.To.Kind != InIsolation:
			return nil, ErrPlace
		}
		if err := checkScans(act, c.Out, c.In, s.Since); err != nil {
			return nil, err
		}
		return []CustodyEvent{RemainsArrived{s.Place, c.To, c.Out.stored(), c.In.stored()}}, nil

	case TagRemains:
		switch {
		case c.Tag == "":
			return nil, ErrTagNeeded
		case s.Tag != "":
			return nil, ErrTagFixed
		case c.TagCase != s.Collected.Case:
			return nil, ErrTagNotIssued
		}
		return []CustodyEvent{RemainsTagged{c.Tag, c.By}}, nil

	case MoveRemains:
		return s.move(c)

	case RecordCondition:
		now, was := c.Condition.Or(Condition{}), s.Condition.Or(Condition{})
		eased := was.Infectious && !now.Infectious || was.Decomposed && !now.Decomposed || s.Condition.IsForgotten()
		if eased && c.Paper == "" {
			return nil, ErrCondition
		}
		return []CustodyEvent{ConditionRecorded{c.Condition, c.Paper}}, nil

	case RecordPrecautions:
		if !c.Disinfected || c.Bag == "" || len(c.Protected) == 0 || slices.Contains(c.Protected, "") {
			return nil, ErrPrecautions
		}
		return []CustodyEvent{PrecautionsRecorded{c.Disinfected, c.Bag, slices.Clone(c.Protected)}}, nil

	case ListBelongings:
		return s.list(c)

	case SettleBelongings:
		return s.settle(c)

	case Identify:
		switch {
		case !s.Arrived:
			return nil, ErrNotArrived
		case s.Tag == "":
			return nil, ErrUntagged
		case c.Tag != s.Tag:
			return nil, ErrTagOther
		case c.Relative == "" || !named(c.Name) || c.Relation == "" || !slices.Contains(methods, c.Method) || c.Recognised && c.Form == "":
			return nil, ErrRelative
		case c.Method == ByViewing && s.Direct(c.InfectionHold):
			return nil, ErrNoViewing
		case !timed:
			return nil, ErrTimeNeeded
		case !c.Recognised:
			return []CustodyEvent{NotRecognised{c.Relative, c.Name, c.Relation, c.Method, c.By, at}}, nil
		case s.Refused.Relative != "" && c.Paper == "":
			return nil, ErrNotRecognised
		}
		return []CustodyEvent{Identified{c.Relative, c.Name, c.Relation, c.Method, c.By, at, c.Form, c.Paper}}, nil

	case AskWaiver:
		switch {
		case strings.TrimSpace(c.Reason.Or("")) == "":
			return nil, ErrWaiverReason
		case s.Refused.Relative != "":
			return nil, ErrNotRecognised
		}
		return []CustodyEvent{WaiverAsked{c.Reason, c.By}}, nil

	case ApproveWaiver:
		switch {
		case s.WaiverAsked.By == "":
			return nil, ErrWaiverAsked
		case s.Refused.Relative != "":
			return nil, ErrNotRecognised
		case s.WaiverAsked.By == c.By:
			return nil, ErrWaiverSelf
		}
		return []CustodyEvent{IdentificationWaived{s.WaiverAsked.By, c.By}}, nil

	case BeginVigil:
		switch {
		case s.Direct(c.InfectionHold):
			return nil, ErrNoViewing
		case s.Place.Kind != InVigilRoom:
			return nil, ErrVigilPlace
		}
		return []CustodyEvent{VigilBegan{s.Place}}, nil

	case EndVigil:
		if !s.Vigil {
			return nil, ErrNoVigil
		}
		if !timed {
			at = time.Time{} // a guess stays with the event's own time, flagged
		}
		return []CustodyEvent{VigilEnded{at}}, nil

	case ExtendStorage:
		if !c.Until.Valid() || c.Until <= max(domain.DateOf(act.Now), s.Extended.Until) || c.Paper.Or("") == "" {
			return nil, ErrExtension
		}
		return []CustodyEvent{StorageExtended{c.Until, c.Paper, c.By}}, nil

	case HandOverRemains:
		others := slices.DeleteFunc(slices.Clone(c.Holds), func(h HoldPlaced) bool { return h.Authority == c.Authority })
		switch {
		case c.Started:
			return nil, ErrUnderway
		case s.Tag == "":
			return nil, ErrUntagged
		case c.Tag != s.Tag:
			return nil, ErrTagOther
		case len(others) > 0:
			return nil, held(others)
		case c.RecountDue:
			return nil, ErrRecountFirst
		case s.Vigil:
			return nil, ErrVigil
		case c.To == "" || !named(c.Name) || c.Authority == "" || c.Paper == "" || c.Receipt.Or("") == "":
			return nil, ErrHandOver
		}
		return []CustodyEvent{RemainsHandedOver{c.To, c.Name, c.Authority, c.Paper, c.Receipt, c.By}}, nil

	case EndCustody:
		switch {
		case !c.Started:
			return nil, ErrNotStarted
		case s.Place.Kind != AtFurnace:
			return nil, ErrNotAtFurnace
		}
		return []CustodyEvent{CustodyEnded{s.Place}}, nil
	}
	panic("unreachable: CustodyCommand is sealed")
}

// already says that cmd asks for what is so.
func (s CustodyState) already(cmd CustodyCommand) bool {
	switch c := cmd.(type) {
	case Arrive:
		return s.Arrived && s.Place == c.To && s.Since.Equal(c.In.At) && len(s.Moves) == 0
	case TagRemains:
		return s.Tag != "" && s.Tag == c.Tag
	case MoveRemains:
		return len(s.Moves) > 0 && s.Moves[len(s.Moves)-1] == c.moved()
	case RecordCondition:
		return s.Condition == c.Condition
	case RecordPrecautions:
		p := s.Precautions
		return p.Bag != "" && p.Bag == c.Bag && p.Disinfected == c.Disinfected && slices.Equal(p.Protected, c.Protected)
	case Identify:
		at := c.At.UTC().Round(0)
		if !c.Recognised {
			return s.Refused == NotRecognised{c.Relative, c.Name, c.Relation, c.Method, c.By, at}
		}
		return s.Identification == Identified{c.Relative, c.Name, c.Relation, c.Method, c.By, at, c.Form, c.Paper}
	case AskWaiver:
		return s.WaiverAsked == WaiverAsked{c.Reason, c.By} || s.Waived.ApprovedBy != "" && s.Refused.Relative == ""
	case ApproveWaiver:
		return s.Waived.ApprovedBy != "" && s.Refused.Relative == ""
	case BeginVigil:
		return s.Vigil
	case ExtendStorage:
		return s.Extended == StorageExtended{c.Until, c.Paper, c.By}
	case HandOverRemains:
		return s.HandedOut.To != "" && s.HandedOut.To == c.To
	case EndCustody:
		return s.Ended && s.HandedOut.To == ""
	}
	return false
}

func (s CustodyState) collect(c CollectRemains) ([]CustodyEvent, error) {
	e := RemainsCollected{c.Case, c.Institution, c.Ground, c.Paper, c.Issuer, c.Giver, c.GiverName, c.GiverSigned, c.From, c.Condition, c.Into, c.By, time.Time{}}
	if !c.Estimated {
		e.At = c.At.UTC().Round(0)
	}
	switch {
	case s.Collected.Case != uuid.Nil && s.Collected == e:
		return nil, nil
	case s.Collected.Case != uuid.Nil:
		return nil, ErrCollected
	case c.Case == uuid.Nil:
		return nil, ErrNoCase
	case c.Institution == "":
		return nil, ErrInstitution
	case c.Ground != OnDeathCertificate && c.Ground != OnPoliceNotice || c.Paper.Or("") == "" || c.Issuer == "":
		return nil, ErrGround
	case c.Ground == OnPoliceNotice && c.Giver != FromPolice:
		return nil, ErrGroundGiver
	case !slices.Contains(GiverKinds, c.Giver) || c.GiverName.Or("") == "" || !c.GiverSigned:
		return nil, ErrGiver
	case c.Into.Kind != InVehicle && c.Into.Kind != InReception && c.Into.Kind != InIsolation || c.Into.Kind == InVehicle && c.Into.ID == "":
		return nil, ErrPlace
	}
	return []CustodyEvent{e}, nil
}

func (c MoveRemains) moved() RemainsMoved {
	return RemainsMoved{c.Tag, c.From, c.To, c.Out.stored(), c.In.stored(), c.Relocation}
}

func (s CustodyState) move(c MoveRemains) ([]CustodyEvent, error) {
	infectious := c.InfectionHold || s.Condition.IsForgotten() || s.Condition.Or(Condition{}).Infectious
	switch {
	case !s.Arrived:
		return nil, ErrNotArrived
	case s.Tag == "":
		return nil, ErrUntagged
	case c.Tag != s.Tag:
		return nil, ErrTagOther
	case c.From != s.Place:
		return nil, ErrMoveOrigin
	case c.To == c.From:
		return nil, ErrMoveNowhere
	case !slices.Contains(remainsPlaces, c.To.Kind) || c.To.Kind != InReception && c.To.ID == "":
		return nil, ErrPlace
	case s.Vigil:
		return nil, ErrVigil
	case c.From.Kind == InColdBay && c.RecountDue && c.Relocation == uuid.Nil:
		return nil, ErrRecountFirst
	case c.To.Kind == InColdBay && c.BayTag != s.Tag:
		return nil, ErrBay
	case slices.Contains(viewing, c.To.Kind) && s.Direct(c.InfectionHold):
		return nil, ErrNoViewing
	case infectious && s.Precautions.Bag == "":
		return nil, ErrPrecautions
	case c.To.Kind == AtFurnace && s.Refused.Relative != "":
		return nil, ErrNotRecognised
	case c.To.Kind == AtFurnace && !s.Identified():
		return nil, ErrNotIdentified
	case c.To.Kind == AtFurnace && c.Approached != s.Approach():
		return nil, ErrNotApproached
	}
	if err := checkScans(c.Act, c.Out, c.In, s.Since); err != nil {
		return nil, err
	}
	return []CustodyEvent{c.moved()}, nil
}

func (s CustodyState) list(c ListBelongings) ([]CustodyEvent, error) {
	known := func(id string) int {
		return slices.IndexFunc(s.Belongings, func(b Belonging) bool { return b.ID == id })
	}
	var fresh []Item
	for _, it := range c.Items {
		i := known(it.ID)
		switch {
		case it.ID == "" || it.Count < 1 || it.Description.Or("") == "",
			i >= 0 && s.Belongings[i].Item != it,
			slices.ContainsFunc(fresh, func(f Item) bool { return f.ID == it.ID }):
			return nil, ErrBelongings
		case i < 0:
			fresh = append(fresh, it)
		}
	}
	switch {
	case len(fresh) == 0 && s.Listed:
		return nil, nil
	case len(s.Belongings)+len(fresh) > maxBelongings:
		return nil, ErrBelongings
	case c.Witness == "" || c.Witness == c.By:
		return nil, ErrBelongingsWitness
	}
	return []CustodyEvent{BelongingsListed{fresh, c.By, c.Witness}}, nil
}

func (s CustodyState) settle(c SettleBelongings) ([]CustodyEvent, error) {
	if len(c.Items) == 0 || c.Fate != HandedOver && c.Fate != LeftWith || c.Fate == LeftWith && s.Ended {
		return nil, ErrBelongings
	}
	var open []string
	for _, id := range c.Items {
		i := slices.IndexFunc(s.Belongings, func(b Belonging) bool { return b.ID == id })
		if i < 0 {
			return nil, ErrBelongingUnknown.With(id)
		}
		switch b := s.Belongings[i]; {
		case b.Fate == "" && !slices.Contains(open, id):
			open = append(open, id)
		case b.Fate != "" && (b.Fate != c.Fate || b.To != c.To):
			return nil, ErrBelongingSettled.With(id)
		}
	}
	switch {
	case len(open) == 0:
		return nil, nil
	case c.To == "" || !named(c.Name) || c.Receipt.Or("") == "":
		return nil, ErrReceipt
	}
	return []CustodyEvent{BelongingsSettled{open, c.Fate, c.To, c.Name, c.Receipt, c.By}}, nil
}

func evolveCustody(s CustodyState, e CustodyEvent) CustodyState {
	switch e := e.(type) {
	case RemainsCollected:
		s.Collected, s.Place, s.Since, s.Condition = e, e.Into, e.At, e.Condition
		s.Arrived = e.Into.Kind != InVehicle
	case RemainsArrived:
		s.Arrived, s.Place, s.Since = true, e.To, e.In.At
	case RemainsTagged:
		s.Tag = e.Tag
	case RemainsMoved:
		s.Place, s.Since = e.To, e.In.At
		s.Moves = append(slices.Clip(s.Moves), e)
	case ConditionRecorded:
		s.Condition = e.Condition
	case PrecautionsRecorded:
		s.Precautions = e
	case BelongingsListed:
		s.Listed = true
		s.Belongings = slices.Clone(s.Belongings)
		for _, it := range e.Items {
			s.Belongings = append(s.Belongings, Belonging{Item: it})
		}
	case BelongingsSettled:
		s.Belongings = slices.Clone(s.Belongings)
		for i, b := range s.Belongings {
			if slices.Contains(e.Items, b.ID) {
				s.Belongings[i].Fate, s.Belongings[i].To = e.Fate, e.To
			}
		}
	case Identified:
		s.Identification, s.Refused = e, NotRecognised{}
	case NotRecognised:
		s.Refused, s.Identification = e, Identified{}
	case WaiverAsked:
		s.WaiverAsked = e
	case IdentificationWaived:
		s.Waived = e
	case VigilBegan:
		s.Vigil = true
	case VigilEnded:
		s.Vigil = false
	case StorageExtended:
		s.Extended = e
	case RemainsHandedOver:
		s.HandedOut, s.Ended = e, true
	case CustodyEnded:
		s.Ended = true
	}
	return s
}

// named says that a person's name is given and can be read as it stands.
func named(name domain.Private[string]) bool {
	_, err := domain.CheckText(name.Or(""))
	return err == nil
}
