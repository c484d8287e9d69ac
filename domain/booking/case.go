// Package booking keeps the funeral case: who died, who arranges it, which
// slots it has, what was quoted and agreed, what was charged, waived and paid.
//
// Nothing is charged that is not on the price list in force on the day of the
// service, nor above its ceiling, nor above what the family agreed to (I16).
package booking

import (
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
)

// Category is the first part of a case's stream name; the id is a uuid.
const Category = "case"

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[Opened]("booking.opened.v2"),
	domain.Upcast("booking.opened.v1", openedV1.up),
	domain.Named[SlotAttached]("booking.slot_attached.v1"),
	domain.Named[SlotDetached]("booking.slot_detached.v1"),
	domain.Named[Quoted]("booking.quoted.v2"),
	domain.Upcast("booking.quoted.v1", quotedV1.up),
	domain.Named[QuoteDeclined]("booking.quote_declined.v1"),
	domain.Named[Consented]("booking.consented.v1"),
	domain.Named[Charged]("booking.charged.v2"),
	domain.Upcast("booking.charged.v1", chargedV1.up),
	domain.Named[ChargeRefused]("booking.charge_refused.v1"),
	domain.Named[ReliefClaimed]("booking.relief_claimed.v1"),
	domain.Named[ReliefGranted]("booking.relief_granted.v1"),
	domain.Named[ReliefDeclined]("booking.relief_declined.v1"),
	domain.Named[ReliefApplied]("booking.relief_applied.v1"),
	domain.Named[Paid]("booking.paid.v2"),
	domain.Upcast("booking.paid.v1", paidV1.up),
	domain.Named[Refunded]("booking.refunded.v1"),
	domain.Named[RefundPaid]("booking.refund_paid.v1"),
	domain.Named[ReceiptIssued]("booking.receipt_issued.v1"),
	domain.Named[ReceiptReprinted]("booking.receipt_reprinted.v1"),
	domain.Named[CircumstancesRecorded]("booking.circumstances_recorded.v1"),
	domain.Named[PaperReceived]("booking.paper_received.v1"),
	domain.Named[PaperPromised]("booking.paper_promised.v1"),
	domain.Named[PaperLapsed]("booking.paper_overdue.v1"),
	domain.Named[OfficeNotified]("booking.office_notified.v1"),
	domain.Named[Authorised]("booking.authorised.v1"),
	domain.Named[Challenged]("booking.authority_challenged.v1"),
	domain.Named[ChallengeResolved]("booking.challenge_resolved.v1"),
	domain.Named[HandlerReplaced]("booking.handler_replaced.v1"),
	domain.Named[Amended]("booking.amended.v1"),
	domain.Named[ParticularsFixed]("booking.particulars_fixed.v1"),
	domain.Named[Corrected]("booking.corrected.v1"),
	domain.Named[Clarified]("booking.clarified.v1"),
	domain.Named[ServicePlanned]("booking.service_planned.v1"),
	domain.Named[ServiceStarted]("booking.service_started.v1"),
	domain.Named[ServiceEnded]("booking.service_ended.v1"),
	domain.Named[ContactPreferred]("booking.contact_preferred.v1"),
	domain.Named[TrackingIssued]("booking.tracking_issued.v1"),
	domain.Named[Rated]("booking.rated.v1"),
	domain.Named[Cancelled]("booking.cancelled.v1"),
	domain.Named[Closed]("booking.closed.v1"),
	domain.Named[TillEntered]("till.entry.v1"),
	domain.Named[TillClosed]("till.closed.v1"),
	domain.Named[TillReopened]("till.reopened.v1"),
}

// A Source is where a case came in.
type Source string

// The sources.
const (
	Desk   Source = "desk"
	Online Source = "online"
	Import Source = "import"
)

// Sources lists every source.
var Sources = []Source{Desk, Online, Import}

// Sex is that of the deceased as the papers give it.
type Sex string

// The sexes that papers give.
const (
	Male       Sex = "male"
	Female     Sex = "female"
	UnknownSex Sex = "unknown"
)

// Unnamed is why a case has no name for the deceased.
type Unnamed string

// The reasons for having no name.
const (
	Unidentified Unnamed = "UNIDENTIFIED" // 无名（主）遗体
	Newborn      Unnamed = "NEWBORN"      // died before being named
)

// A Relation is what the handler is to the deceased.
type Relation string

// The relations. The last three hand over a body that nobody claims.
const (
	Spouse        Relation = "SPOUSE"
	Child         Relation = "CHILD"
	Parent        Relation = "PARENT"
	Sibling       Relation = "SIBLING"
	OtherRelative Relation = "OTHER_RELATIVE"
	Designated    Relation = "DESIGNATED" // named by the deceased
	Agent         Relation = "AGENT"      // sent by the family with a letter of authority
	Employer      Relation = "EMPLOYER"
	Committee     Relation = "COMMITTEE" // neighbourhood or village committee
	Police        Relation = "POLICE"
	Hospital      Relation = "HOSPITAL"
	CivilAffairs  Relation = "CIVIL_AFFAIRS"
)

// Relations lists every relation, in the order of menus.
var Relations = []Relation{Spouse, Child, Parent, Sibling, OtherRelative, Designated, Agent, Employer, Committee, Police, Hospital, CivilAffairs}

// authority says that the handler acts by office.
func (r Relation) authority() bool { return r == Police || r == Hospital || r == CivilAffairs }

// A Deceased is the person whom the case is about.
type Deceased struct {
	Person domain.Subject         `json:"person"`
	Name   domain.Private[string] `json:"name,omitzero"`
	// Unnamed is why there is no name.
	Unnamed   Unnamed                          `json:"unnamed,omitzero"`
	CitizenID domain.Private[domain.CitizenID] `json:"citizen_id,omitzero"`
	Sex       domain.Private[Sex]              `json:"sex,omitzero"`
	Birth     domain.Private[domain.Date]      `json:"birth,omitzero"`
	DeathDate domain.Date                      `json:"death_date,omitzero"` // empty where nobody knows
	Hukou     domain.Division                  `json:"hukou,omitzero"`
	// Kind is whose papers the deceased had; empty where it follows from the
	// rest (Deceased.Class).
	Kind Kind `json:"kind,omitzero"`
	// Document is the paper of a person who has no resident identity card.
	Document    IDDocument             `json:"document,omitzero"`
	Nationality domain.Private[string] `json:"nationality,omitzero"` // ISO 3166, "KOR"
}

// A Handler is who arranges the case (承办人).
type Handler struct {
	Person   domain.Subject         `json:"person"`
	Name     domain.Private[string] `json:"name"`
	Phone    domain.Private[string] `json:"phone"`
	Relation Relation               `json:"relation"`
	// CitizenID, or the other Document, is what a release of ashes compares.
	CitizenID domain.Private[domain.CitizenID] `json:"citizen_id,omitzero"`
	Document  IDDocument                       `json:"document,omitzero"`
}

// A Slot is one that the schedule gave to the case.
type Slot struct {
	Resource string      `json:"resource"`
	Kind     string      `json:"kind,omitzero"` // hall, furnace, cold_bay, vehicle
	Day      domain.Date `json:"day"`
	Slot     string      `json:"slot"` // "0930"
	Start    time.Time   `json:"start"`
	End      time.Time   `json:"end"`
}

// A Line is one priced item of a quote or a bill.
type Line struct {
	ID       string       `json:"line"` // within the case
	Code     string       `json:"code"`
	NameZh   string       `json:"name_zh"`
	NameEn   string       `json:"name_en,omitzero"`
	Unit     string       `json:"unit"`
	Quantity int64        `json:"quantity"`
	Price    domain.Money `json:"price_fen"` // per unit
	Amount   domain.Money `json:"amount_fen"`
	// What it was checked against.
	Ceiling          domain.Money `json:"ceiling_fen"`
	PriceListVersion int          `json:"price_list_version"`
	ServedOn         domain.Date  `json:"served_on,omitzero"` // bills only
	// Block is the printed list that the line stands on, "basic", "optional" or
	// "goods"; the rest of its row is kept so that a print needs no other source.
	Block       string `json:"block,omitzero"`
	PricingType string `json:"pricing_type,omitzero"`
	Content     string `json:"content,omitzero"` // what the item includes, in words
	Basis       string `json:"basis,omitzero"`   // the document behind the price
	// Reason is why the price lies outside the reference range (PR-2).
	Reason string `json:"reason,omitzero"`
	// Relief is what a relief rule takes off: known beforehand on a quote, on a
	// bill told by ReliefApplied.
	Relief domain.Money `json:"relief_fen,omitzero"`
}

// Grounds are why a line costs nothing: they tell that the family is poor, or
// donated, and are sealed.
type Grounds struct {
	Rule     string `json:"rule"` // "LN-BASIC-2025"
	Version  string `json:"version"`
	Document string `json:"document,omitzero"`
	Group    string `json:"group"` // the entitled group, as the rule calls it
}

// A Method is how money was paid.
type Method string

// The methods.
const (
	Cash     Method = "CASH"
	Card     Method = "CARD"
	WeChat   Method = "WECHAT"
	Alipay   Method = "ALIPAY"
	Transfer Method = "TRANSFER"
)

// Methods lists every method, in the order of menus.
var Methods = []Method{Cash, Card, WeChat, Alipay, Transfer}

// A Reason is why a case or slot was given up or money given back. The lists
// are closed, so that reasons can be counted and nobody writes a name into one.
type Reason string

// The reasons: the first five end a case, the next three detach a slot, the
// last four take money off a line.
const (
	FamilyWithdrew Reason = "FAMILY_WITHDREW"
	MovedElsewhere Reason = "MOVED_ELSEWHERE"
	Duplicate      Reason = "DUPLICATE"
	EntryError     Reason = "ENTRY_ERROR"
	OtherReason    Reason = "OTHER" // another one, or none was given

	Rescheduled  Reason = "RESCHEDULED"
	OutOfService Reason = "OUT_OF_SERVICE"
	NotNeeded    Reason = "NOT_NEEDED"

	Overcharge  Reason = "OVERCHARGE"
	NotRendered Reason = "NOT_RENDERED"
	WrongLine   Reason = "WRONG_LINE"
	ReliefFound Reason = "RELIEF_FOUND" // entitled to relief, which nobody knew when it was paid
)

// The reasons that each act takes.
var (
	CancelReasons = []Reason{FamilyWithdrew, MovedElsewhere, Duplicate, EntryError, OtherReason}
	DetachReasons = []Reason{Rescheduled, OutOfService, NotNeeded, FamilyWithdrew, EntryError}
	RefundReasons = []Reason{Overcharge, NotRendered, WrongLine, ReliefFound}
)

// Event is a fact about one case.
type Event interface{ caseEvent() }

type (
	// Opened began the case.
	Opened struct {
		Institution string   `json:"institution"` // credit code
		Number      string   `json:"number"`      // on paper: never a name, never an ID number
		Deceased    Deceased `json:"deceased"`
		Handler     Handler  `json:"handler"`
		Source      Source   `json:"source"`
	}
	// SlotAttached noted a slot that the schedule gave to the case.
	SlotAttached struct {
		Slot Slot `json:"slot"`
	}
	// SlotDetached noted that the case no longer has the slot.
	SlotDetached struct {
		Resource string      `json:"resource"`
		Day      domain.Date `json:"day"`
		Slot     string      `json:"slot"`
		Reason   Reason      `json:"reason"`
	}
	// Quoted offered the whole bill beforehand. It replaces the quote before it.
	Quoted struct {
		Quote            string       `json:"quote"`
		PriceListVersion int          `json:"price_list_version"`
		Lines            []Line       `json:"lines"`
		Total            domain.Money `json:"total_fen"` // before relief
		// Relief is what the relief that was granted takes off.
		Relief domain.Money `json:"relief_fen,omitzero"`
	}
	// Consented is the handler's agreement to a quote.
	Consented struct {
		Quote  string         `json:"quote"`
		Total  domain.Money   `json:"total_fen"`
		Person domain.Subject `json:"person"`
	}
	// Charged put a line on the bill.
	Charged struct {
		Line Line `json:"line"`
	}
	// ReliefApplied took a line's whole amount off the bill.
	ReliefApplied struct {
		Line    string                  `json:"line"`
		Amount  domain.Money            `json:"amount_fen"`
		Grounds domain.Private[Grounds] `json:"grounds"`
	}
	// Paid took money.
	Paid struct {
		Payment string       `json:"payment"`
		Amount  domain.Money `json:"amount_fen"`
		Method  Method       `json:"method"`
		// Fiscal is the number of the fiscal e-receipt that was drawn for it.
		Fiscal string `json:"fiscal,omitzero"`
	}
	// Refunded took an amount off a line, and gave back what was paid too much.
	Refunded struct {
		Refund   string       `json:"refund"`
		Line     string       `json:"line"`
		Amount   domain.Money `json:"amount_fen"`
		Returned domain.Money `json:"returned_fen"`
		Reason   Reason       `json:"reason"`
	}
	// Cancelled ended the case before its services were done.
	Cancelled struct {
		Reason Reason `json:"reason"`
	}
	// Closed ended the case with its bill settled.
	Closed struct {
		Charged domain.Money `json:"charged_fen"` // after refunds
		Relief  domain.Money `json:"relief_fen"`
		Paid    domain.Money `json:"paid_fen"` // after refunds
	}
)

func (Opened) caseEvent()        {}
func (SlotAttached) caseEvent()  {}
func (SlotDetached) caseEvent()  {}
func (Quoted) caseEvent()        {}
func (Consented) caseEvent()     {}
func (Charged) caseEvent()       {}
func (ReliefApplied) caseEvent() {}
func (Paid) caseEvent()          {}
func (Refunded) caseEvent()      {}
func (Cancelled) caseEvent()     {}
func (Closed) caseEvent()        {}

// Command asks one case for something.
type Command interface {
	domain.Command
	caseCommand()
}

// PriceRow is a row of the institution's price list, a fact from its stream.
type PriceRow struct {
	Code, NameZh, NameEn, Unit string
	Price                      domain.Money // per unit; zero where the list gives only a range
	Ceiling                    domain.Money // the most that a unit may cost
	// PricingType is how the price comes about ("REFERENCE_RANGE"), Min and Max
	// the range that goes with it; zero where there is none.
	PricingType string
	Min, Max    domain.Money
	// Includes are the codes of items that this one contains already (PR-3).
	Includes []string
	// For the printed lists.
	Block, Content, Basis string
}

// PriceList is the institution's list in force on one day, a fact from its
// stream. Rows that are neither asked for nor on the bill may be left out.
type PriceList struct {
	Institution   string
	Version       int // zero: there was no list in force
	EffectiveFrom domain.Date
	Rows          []PriceRow
}

// An Item is what a quote asks for.
type Item struct {
	ID       string // within the case
	Code     string
	Quantity int64
	Price    domain.Money // per unit; zero means the list's
	// Reason is why the price lies outside the reference range (PR-2).
	Reason string
}

// A ReliefRule is a version of a relief rule (惠民殡葬), a fact: who qualifies
// is data, not code.
type ReliefRule struct {
	ID, Version, Document string
	ValidFrom, ValidUntil domain.Date // days of death it covers; empty: open
	Groups                []string    // who is entitled
	Hukou                 domain.Division
	Waives                []Waiver
}

// A Waiver is one item that a relief rule makes free.
type Waiver struct {
	Code     string
	Quantity int64 // at most so many units a case; zero: without limit
}

type (
	// Open begins the case.
	Open struct {
		domain.Act
		Opened
	}
	// AttachSlot notes a slot that the schedule gave to the case.
	AttachSlot struct {
		domain.Act
		SlotAttached
	}
	// DetachSlot notes that the case gave the slot back.
	DetachSlot struct {
		domain.Act
		SlotDetached
	}
	// Quote offers the whole bill beforehand, with everything already charged.
	Quote struct {
		domain.Act
		Quote  string // id
		Items  []Item
		Prices PriceList // in force today
	}
	// Consent agrees to the latest quote and to the total that was read.
	Consent struct {
		domain.Act
		Quote string
		Total domain.Money
	}
	// Charge puts a line on the bill.
	Charge struct {
		domain.Act
		Item
		ServedOn domain.Date
		Prices   PriceList // in force on ServedOn
	}
	// ApplyRelief makes a charged line free before it is paid.
	ApplyRelief struct {
		domain.Act
		Line  string
		Group string
		Rule  ReliefRule
	}
	// Pay takes money, at most what is due.
	Pay struct {
		domain.Act
		Paid
	}
	// Refund takes an amount off a line and gives back what was paid too much.
	Refund struct {
		domain.Act
		Refund string // id
		Line   string
		Amount domain.Money
		Reason Reason
	}
	// Cancel ends the case before its services are done.
	Cancel struct {
		domain.Act
		Reason Reason
	}
	// Close ends the case with its bill settled.
	Close struct{ domain.Act }
)

func (Open) caseCommand()        {}
func (AttachSlot) caseCommand()  {}
func (DetachSlot) caseCommand()  {}
func (Quote) caseCommand()       {}
func (Consent) caseCommand()     {}
func (Charge) caseCommand()      {}
func (ApplyRelief) caseCommand() {}
func (Pay) caseCommand()         {}
func (Refund) caseCommand()      {}
func (Cancel) caseCommand()      {}
func (Close) caseCommand()       {}

// A BillLine is a charged line and what became of it.
type BillLine struct {
	Line
	Relief, Refunded domain.Money
}

// Due is what the line still costs, paid or not.
func (b BillLine) Due() domain.Money { return b.Amount - b.Relief - b.Refunded }

// State is one case as its events tell it.
type State struct {
	Institution, Number string
	Deceased            Deceased
	Handler             Handler
	Slots               []Slot
	Quotes              []Quoted // all of them; the last is the one that counts
	Accepted            *Quoted  // the last quote that was consented to
	Bill                []BillLine
	Payments            []Paid
	Refunds             []Refunded
	Cancelled           bool
	Closed              bool

	Source        Source
	Circumstances CircumstancesRecorded
	Papers        []PaperReceived // as they came; a later one of the same paper stands for it
	Promised      []Following
	Notified      []Notification

	Authority *Authorised // nil: nothing is recorded but the relation
	Disputes  []Dispute
	// Unseated says that a challenge was upheld and nobody has taken over yet.
	Unseated bool

	Claim    *ReliefClaimed // the open one
	Grant    *ReliefGranted
	Declined DeclineReason // why the last claim came to nothing

	// Unanswered counts the quotes since the family last said yes or no.
	Unanswered  int
	Refusals    []ChargeRefused
	RefundsPaid []RefundPaid
	Receipts    []Receipt

	// Fixed says that the cremation has begun (I12).
	Fixed          bool
	Corrections    []Corrected
	Clarifications []Clarified

	Services []Service
	Contact  ContactPreferred
	Tracking string // hash of the code that counts
	Rating   *Rated

	opened Opened
}

// Exists says that the case has been opened.
func (s State) Exists() bool { return s.Institution != "" }

// Charged is the bill after refunds, before relief.
func (s State) Charged() (m domain.Money) {
	for _, b := range s.Bill {
		m += b.Amount - b.Refunded
	}
	return m
}

// Relief is what relief rules took off the bill.
func (s State) Relief() (m domain.Money) {
	for _, b := range s.Bill {
		m += b.Relief
	}
	return m
}

// Paid is the money taken and not given back.
func (s State) Paid() (m domain.Money) {
	for _, p := range s.Payments {
		m += p.Amount
	}
	for _, r := range s.Refunds {
		m -= r.Returned
	}
	return m
}

// Balance is what is still to be paid.
func (s State) Balance() domain.Money { return s.Charged() - s.Relief() - s.Paid() }

// Case decides for one funeral case.
var Case = domain.Decider[State, Command, Event]{Decide: decide, Evolve: evolve}

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case Opened:
		s.opened, s.Institution, s.Number, s.Deceased, s.Handler, s.Source = e, e.Institution, e.Number, e.Deceased, e.Handler, e.Source
	case SlotAttached:
		s.Slots = append(slices.Clip(s.Slots), e.Slot)
	case SlotDetached:
		s.Slots = slices.DeleteFunc(slices.Clone(s.Slots), func(x Slot) bool {
			return x.Resource == e.Resource && x.Day == e.Day && x.Slot == e.Slot
		})
	case Quoted:
		s.Quotes = append(slices.Clip(s.Quotes), e)
		s.Unanswered++
	case QuoteDeclined:
		s.Unanswered = 0
	case ChargeRefused:
		s.Refusals = append(slices.Clip(s.Refusals), e)
	case Consented:
		s.Unanswered = 0
		if i := slices.IndexFunc(s.Quotes, func(q Quoted) bool { return q.Quote == e.Quote }); i >= 0 {
			s.Accepted = &s.Quotes[i]
		}
	case Charged:
		s.Bill = append(slices.Clip(s.Bill), BillLine{Line: e.Line})
	case ReliefApplied:
		s.Bill = slices.Clone(s.Bill)
		for i := range s.Bill {
			if s.Bill[i].ID == e.Line {
				s.Bill[i].Relief += e.Amount
			}
		}
	case Paid:
		s.Payments = append(slices.Clip(s.Payments), e)
	case Refunded:
		s.Refunds = append(slices.Clip(s.Refunds), e)
		s.Bill = slices.Clone(s.Bill)
		for i := range s.Bill {
			if s.Bill[i].ID == e.Line {
				s.Bill[i].Refunded += e.Amount
			}
		}
	case Cancelled:
		s.Cancelled = true
	case Closed:
		s.Closed = true
	case CircumstancesRecorded, PaperReceived, PaperPromised, PaperLapsed, OfficeNotified:
		return s.evolvePapers(e)
	case Authorised, Challenged, ChallengeResolved, HandlerReplaced:
		return s.evolveAuthority(e)
	case Amended, ParticularsFixed, Corrected, Clarified:
		return s.evolveParticulars(e)
	case ReliefClaimed, ReliefGranted, ReliefDeclined:
		return s.evolveRelief(e)
	case RefundPaid, ReceiptIssued, ReceiptReprinted:
		return s.evolveReceipts(e)
	case ServicePlanned, ServiceStarted, ServiceEnded:
		return s.evolveServices(e)
	case ContactPreferred, TrackingIssued, Rated:
		return s.evolveFamily(e)
	}
	return s
}

// lawPrice is what I16 rests on.
const lawPrice = "殡葬管理条例（2026）：不得在清单之外设立项目、收取费用；发改价格〔2026〕108号；价格法第十三条"

// The rejections of this context.
var (
	ErrNotOpened    = domain.Reject("case_not_opened", "没有这件业务。", "There is no such case.")
	ErrOpened       = domain.Reject("case_opened", "这件业务已经开立，内容不同。", "This case is open already, with other particulars.")
	ErrEnded        = domain.Reject("case_ended", "这件业务已经办结或取消。", "This case is closed or cancelled.")
	ErrBegun        = domain.Reject("cremation_begun", "火化已经开始，不能再改期或取消。", "The cremation has begun; nothing can be changed or cancelled.").Under("I12", "")
	ErrNumber       = domain.Reject("case_number_invalid", "业务编号只用字母、数字和连字符，最多 40 个，不能是身份证号。", "A case number has letters, digits and dashes, at most 40, and is no ID number.")
	ErrSource       = domain.Reject("case_source_unknown", "没有“%s”这种来源。", "There is no source %q.")
	ErrDeceased     = domain.Reject("deceased_incomplete", "请填写逝者姓名；没有姓名的写明原因。", "Please give the name of the deceased, or the reason why there is none.")
	ErrPerson       = domain.Reject("person_mismatch", "个人信息没有归到本人名下。", "Personal data is not kept under the person it is about.")
	ErrIDMismatch   = domain.Reject("citizen_id_mismatch", "出生日期或性别与身份证号码不一致，请照证件再看一遍。", "Birth date or sex differs from the ID number; please compare it with the card.").Under("", "GB 11643")
	ErrBirth        = domain.Reject("birth_date_invalid", "出生日期 %s 还没有到，请照证件再看一遍。", "The birth date %s has not come yet; please compare it with the card.").Under("I8", "")
	ErrSex          = domain.Reject("sex_unknown", "性别只能是 male、female 或 unknown。", "The sex is male, female or unknown.")
	ErrDeathDate    = domain.Reject("death_date_invalid", "死亡日期 %s 不对：不能晚于今天，也不能早于出生日期。", "The date of death %s is not valid: it is neither after today nor before birth.").Under("I8", "")
	ErrHandler      = domain.Reject("handler_incomplete", "请填写承办人的姓名、电话和与逝者的关系。", "Please give the handler's name, phone and relation to the deceased.")
	ErrPhone        = domain.Reject("phone_invalid", "电话号码不对，请再看一遍。", "The phone number is not valid; please look again.")
	ErrUnclaimed    = domain.Reject("unidentified_needs_authority", "无名（主）遗体由公安、医院或民政移交办理。", "An unidentified body is handed over by police, hospital or civil affairs.")
	ErrSlot         = domain.Reject("slot_invalid", "时段的设施、日期或起止时间不对。", "The slot's resource, day or times are not valid.")
	ErrSlotAttached = domain.Reject("slot_attached", "这一天已经有 %s 的时段，请先退掉。", "The case has a slot of %s on that day already; give that one up first.")
	ErrReason       = domain.Reject("reason_unknown", "这里没有“%s”这个原因。", "There is no reason %q here.")
	ErrNoID         = domain.Reject("id_missing", "没有编号。", "An id is missing.")
	ErrNoItems      = domain.Reject("quote_empty", "报价里至少要有一项，最多 %d 项。", "A quote has at least one item and at most %d.")
	ErrQuantity     = domain.Reject("quantity_invalid", "数量要大于零，不超过 %d。", "The quantity is above zero and at most %d.")
	ErrPrice        = domain.Reject("price_negative", "价格不能是负数。", "The price cannot be negative.")
	ErrNoPrice      = domain.Reject("price_missing", "“%[1]s”在价目表上只有区间，请写明价格。", "The list gives only a range for %[2]q; please state the price.")
	ErrNoList       = domain.Reject("no_price_list", "这家机构在 %s 没有生效的价目表，不能报价和收费。", "This institution had no price list in force on %s; nothing can be quoted or charged.").Under("I16", lawPrice)
	ErrOffList      = domain.Reject("charge_off_list", "“%s”不在价目表上，不能收费。", "%q is not on the price list and cannot be charged.").Under("I16", lawPrice)
	ErrAboveCeiling = domain.Reject("charge_above_ceiling", "%[1]s录入 %[3]s 元，最高价是 %[4]s %[5]s。", "%[2]s is entered at %[3]s yuan; the most it may cost is %[4]s %[5]s.").Under("I16", lawPrice)
	ErrAboveQuote   = domain.Reject("charge_above_quote", "%[1]s：家属同意的报价是 %[3]s 元，已收录 %[4]s 元，再加 %[5]s 元就超过了。请重新报价并由家属同意。",
		"%[2]s: the family agreed to %[3]s yuan, %[4]s are on the bill, and %[5]s more would exceed it. A new quote and consent are needed.").Under("I16", "")
	ErrOutsideRange = domain.Reject("price_outside_range", "%[1]s录入 %[3]s 元，参考区间是 %[4]s 至 %[5]s 元。区间以外的价格要写明原因。",
		"%[2]s is entered at %[3]s yuan; the reference range is %[4]s to %[5]s. A price outside it needs its reason.").Under("PR-2", "发改价格〔2026〕108号：非基础项目实行收费标准参考区间")
	ErrBelowFloor = domain.Reject("price_below_floor", "%[1]s录入 %[3]s 元，低于规定的下限 %[4]s 元。", "%[2]s is entered at %[3]s yuan, below the floor of %[4]s.").Under("PR-2", "发改价格〔2026〕108号：基础项目实行政府指导价")
	ErrSplit      = domain.Reject("charge_split", "“%[1]s”已经包含在“%[3]s”里，不得分解收费。", "%[2]q is part of %[4]q and is not charged separately.").Under("PR-3", "殡葬管理条例（2026）：不得分解项目收费")
	ErrThirdQuote = domain.Reject("third_quote", "已经有两次报价家属没有答复。请先由家属同意或不同意最近一次报价，再出新的报价。",
		"The family has not answered the last two quotes. They say yes or no to the latest one before there is another.").Under("I16", "殡葬管理条例（2026）：不得强制或者变相强制服务，不得诱导铺张消费")
	ErrQuoteExists     = domain.Reject("quote_exists", "报价 %s 已经有了，内容不同。", "There is a quote %s already, with other contents.")
	ErrNoQuote         = domain.Reject("quote_unknown", "没有报价 %s。", "There is no quote %s.")
	ErrQuoteSuperseded = domain.Reject("quote_superseded", "报价 %s 已经被新的代替，请看最新的报价。", "Quote %s has been replaced; please read the latest one.").Race()
	ErrQuoteTotal      = domain.Reject("quote_total_differs", "您看到的总额是 %s 元，报价是 %s 元，请再看一遍。", "You read a total of %s yuan, the quote says %s; please look again.")
	ErrQuoteBelowBill  = domain.Reject("quote_below_bill", "%[1]s 已经收录 %[3]s 元，报价里只有 %[4]s 元。", "%[2]s: %[3]s yuan are on the bill, the quote has only %[4]s.").Under("I16", "")
	ErrServed          = domain.Reject("service_date_invalid", "服务日期 %s 不对，或者还没有到。", "The day of service %s is not valid or has not come yet.").Under("I8", "")
	ErrLineExists      = domain.Reject("line_exists", "账单里已经有 %s 这一行，内容不同。", "The bill has a line %s already, with other contents.")
	ErrNoLine          = domain.Reject("line_unknown", "账单里没有 %s 这一行。", "The bill has no line %s.")
	ErrRule            = domain.Reject("relief_rule_incomplete", "减免要写明规则和版本。", "Relief names its rule and version.").Under("I20", "")
	ErrNotEntitled     = domain.Reject("relief_not_entitled", "按这一版规则不能减免：%[1]s。", "Under this version of the rule it is not waived: %[2]s.")
	ErrReliefLate      = domain.Reject("relief_after_payment", "减免在缴费之前办理；这一行已经缴费。", "Relief comes before payment; this line has been paid.").Under("PR-4", "")
	ErrMethod          = domain.Reject("payment_method_unknown", "没有“%s”这种付款方式。", "There is no payment method %q.")
	ErrPaymentExists   = domain.Reject("payment_exists", "付款 %s 已经记录，内容不同。", "Payment %s is recorded already, with other contents.")
	ErrAmount          = domain.Reject("amount_invalid", "金额要大于零，不超过 %s 元。", "The amount is above zero and at most %s yuan.")
	ErrRefundExists    = domain.Reject("refund_exists", "退费 %s 已经记录，内容不同。", "Refund %s is recorded already, with other contents.")
	ErrBalance         = domain.Reject("bill_not_settled", "还有 %s 元没有结清。", "%s yuan are still open.")
)

// The bounds of one quote and one line, far above what any funeral needs; they
// keep a quote one event and its sum in range.
const (
	maxItems    = 200
	maxQuantity = 100_000
	// maxUnanswered is how many quotes may wait for the family's yes or no.
	maxUnanswered = 2
)

func decide(s State, cmd Command) ([]Event, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(Open); ok {
		return s.open(c)
	}
	if !s.Exists() {
		return nil, ErrNotOpened
	}
	switch c := cmd.(type) {
	case AttachSlot:
		return s.attach(c)
	case DetachSlot:
		return s.detach(c)
	case Quote:
		return s.quote(c)
	case Consent:
		return s.consent(c)
	case Charge:
		return s.charge(c)
	case ApplyRelief:
		return s.relieve(c)
	case Pay:
		return s.pay(c)
	case Refund:
		return s.refund(c)
	case Cancel:
		return s.cancel(c)
	case Close:
		return s.close()
	case DeclineQuote:
		return s.declineQuote(c)
	case RecordRefusal:
		return s.recordRefusal(c)
	case ClaimRelief:
		return s.claimRelief(c)
	case GrantRelief:
		return s.grantRelief(c)
	case DeclineRelief:
		return s.declineRelief(c)
	case PayRefund:
		return s.payRefund(c)
	case IssueReceipt:
		return s.issueReceipt(c)
	case ReprintReceipt:
		return s.reprintReceipt(c)
	case RecordCircumstances:
		return s.recordCircumstances(c)
	case ReceivePaper:
		return s.receivePaper(c)
	case PromisePaper:
		return s.promisePaper(c)
	case LapsePaper:
		return s.lapsePaper(c)
	case NotifyOffice:
		return s.notifyOffice(c)
	case Authorise:
		return s.authorise(c)
	case Challenge:
		return s.challenge(c)
	case ResolveChallenge:
		return s.resolveChallenge(c)
	case ReplaceHandler:
		return s.replaceHandler(c)
	case Amend:
		return s.amend(c)
	case FixParticulars:
		return s.fixParticulars(c)
	case Correct:
		return s.correct(c)
	case Clarify:
		return s.clarify(c)
	case PlanService:
		return s.planService(c)
	case StartService:
		return s.startService(c)
	case EndService:
		return s.endService(c)
	case PreferContact:
		return s.preferContact(c)
	case IssueTracking:
		return s.issueTracking(c)
	case Rate:
		return s.rate(c)
	}
	panic("unreachable: sealed interface")
}

func (s State) ended() bool { return s.Cancelled || s.Closed }

func (s State) open(c Open) ([]Event, error) {
	o := c.Opened
	code, err := domain.ParseCreditCode(o.Institution)
	if err == nil && string(code) != o.Institution { // the canonical form names streams
		err = domain.ErrCreditCode
	}
	if err != nil {
		return nil, err
	}
	if o.Deceased, err = o.Deceased.checked(domain.DateOf(c.Now)); err != nil {
		return nil, err
	}
	if o.Handler, err = o.Handler.checked(); err != nil {
		return nil, err
	}
	switch {
	case s.Exists() && s.opened == o:
		return nil, nil
	case s.Exists():
		return nil, ErrOpened
	case o.Handler.Person == o.Deceased.Person:
		return nil, ErrPerson
	case !validNumber(o.Number):
		return nil, ErrNumber
	case !slices.Contains(Sources, o.Source):
		return nil, ErrSource.With(o.Source)
	case o.Deceased.Unnamed == Unidentified && !o.Handler.Relation.authority():
		return nil, ErrUnclaimed
	}
	return []Event{o}, nil
}

// subject is whom a sealed fact is about; empty when it was never given.
func subject[T any](p domain.Private[T]) domain.Subject { return p.Subject() }

// validPhone takes mobile and fixed numbers as people write them:
// "13804110412", "0411-83600000", "+86 138 0411 0412".
func validPhone(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0, c == '-', c == ' ', c == '(', c == ')':
		default:
			return false
		}
	}
	return digits >= 7 && digits <= 15
}

func validNumber(s string) bool {
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	_, notID := domain.ParseCitizenID(s)
	return s != "" && len(s) <= 40 && notID != nil
}

func (s State) attach(c AttachSlot) ([]Event, error) {
	x := c.Slot
	x.Start, x.End = x.Start.UTC(), x.End.UTC()
	switch {
	case s.ended():
		return nil, ErrEnded
	case blank(x.Resource) || blank(x.Slot) || !x.End.After(x.Start) || domain.DateOf(x.Start) != x.Day:
		return nil, ErrSlot
	}
	for _, have := range s.Slots {
		if have == x {
			return nil, nil
		}
		if have.Resource == x.Resource && have.Day == x.Day {
			return nil, ErrSlotAttached.With(have.Resource)
		}
	}
	return []Event{SlotAttached{x}}, nil
}

func (s State) detach(c DetachSlot) ([]Event, error) {
	if !slices.Contains(DetachReasons, c.Reason) {
		return nil, ErrReason.With(c.Reason)
	}
	for _, have := range s.Slots {
		if have.Resource == c.Resource && have.Day == c.Day && have.Slot == c.SlotDetached.Slot {
			return []Event{c.SlotDetached}, nil
		}
	}
	return nil, nil
}

// priced holds I16 for one item: on the list, under its ceiling.
func (s State) priced(it Item, l PriceList, on domain.Date) (Line, error) {
	switch {
	case l.Version == 0 || l.Institution != s.Institution || l.EffectiveFrom > on:
		return Line{}, ErrNoList.With(on)
	case blank(it.ID):
		return Line{}, ErrNoID
	case it.Quantity <= 0 || it.Quantity > maxQuantity:
		return Line{}, ErrQuantity.With(maxQuantity)
	case it.Price < 0:
		return Line{}, ErrPrice
	}
	i := slices.IndexFunc(l.Rows, func(r PriceRow) bool { return r.Code == it.Code })
	if i < 0 {
		return Line{}, ErrOffList.With(it.Code)
	}
	r := l.Rows[i]
	price := it.Price
	if price == 0 {
		price = r.Price
	}
	en := english(r.NameZh, r.NameEn)
	outside := price < r.Min || r.Max > 0 && price > r.Max
	reason := strings.TrimSpace(it.Reason)
	switch {
	case price == 0 && r.Ceiling > 0:
		return Line{}, ErrNoPrice.With(r.NameZh, en)
	case price > r.Ceiling:
		return Line{}, ErrAboveCeiling.With(r.NameZh, en, price, r.Ceiling, r.Unit)
	case outside && r.PricingType == referenceRange && reason == "":
		return Line{}, ErrOutsideRange.With(r.NameZh, en, price, r.Min, max(r.Max, r.Ceiling))
	case strings.HasPrefix(r.PricingType, guided) && price < r.Min:
		return Line{}, ErrBelowFloor.With(r.NameZh, en, price, r.Min)
	}
	if !outside {
		reason = ""
	}
	return Line{ID: it.ID, Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Unit: r.Unit, Quantity: it.Quantity, Price: price,
		Amount: price * domain.Money(it.Quantity), Ceiling: r.Ceiling, PriceListVersion: l.Version,
		Block: r.Block, PricingType: r.PricingType, Content: r.Content, Basis: r.Basis, Reason: reason}, nil
}

// The pricing types that have a band (PR-2), as pricing writes them: 参考区间,
// and the two 政府指导价.
const (
	referenceRange = "REFERENCE_RANGE"
	guided         = "GOV_GUIDED"
)

// split holds PR-3: of two lines that cost something, neither contains the
// other. l is the new one, beside the ones that are there.
func (l PriceList) split(n Line, beside []Line) error {
	within := func(whole, part Line) bool {
		i := slices.IndexFunc(l.Rows, func(r PriceRow) bool { return r.Code == whole.Code })
		return i >= 0 && slices.Contains(l.Rows[i].Includes, part.Code)
	}
	for _, have := range beside {
		whole, part := have, n
		if within(n, have) {
			whole, part = n, have
		}
		if n.Amount > 0 && have.Amount > 0 && within(whole, part) {
			return ErrSplit.With(part.NameZh, english(part.NameZh, part.NameEn), whole.NameZh, english(whole.NameZh, whole.NameEn))
		}
	}
	return nil
}

// billed is what the bill has under a code, after refunds.
func (s State) billed(code string) (m domain.Money) {
	for _, b := range s.Bill {
		if b.Code == code {
			m += b.Amount - b.Refunded
		}
	}
	return m
}

// Agreed is what the family agreed to under a code.
func (s State) Agreed(code string) domain.Money {
	if s.Accepted == nil {
		return 0
	}
	return s.Accepted.of(code)
}

// of is what the quote has under a code.
func (q Quoted) of(code string) (m domain.Money) {
	for _, l := range q.Lines {
		if l.Code == code {
			m += l.Amount
		}
	}
	return m
}

// covers says that the quote has everything that is on the bill.
func (q Quoted) covers(s State) error {
	for _, b := range s.Bill {
		if have, want := q.of(b.Code), s.billed(b.Code); have < want {
			return ErrQuoteBelowBill.With(b.NameZh, english(b.NameZh, b.NameEn), want, have)
		}
	}
	return nil
}

func (s State) quote(c Quote) ([]Event, error) {
	switch {
	case s.ended():
		return nil, ErrEnded
	case blank(c.Quote):
		return nil, ErrNoID
	case len(c.Items) == 0 || len(c.Items) > maxItems:
		return nil, ErrNoItems.With(maxItems)
	}
	q := Quoted{Quote: c.Quote, PriceListVersion: c.Prices.Version}
	for _, it := range c.Items {
		l, err := s.priced(it, c.Prices, domain.DateOf(c.Now))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(q.Lines, func(x Line) bool { return x.ID == l.ID }) {
			return nil, ErrLineExists.With(l.ID)
		}
		if err := c.Prices.split(l, q.Lines); err != nil {
			return nil, err
		}
		q.Lines = append(q.Lines, l)
		q.Total += l.Amount
	}
	if s.Grant != nil {
		for _, x := range reductions(s.Grant.Waives, q.Lines, nil) {
			i := slices.IndexFunc(q.Lines, func(l Line) bool { return l.ID == x.Line })
			q.Lines[i].Relief = x.Amount
			q.Relief += x.Amount
		}
	}
	for _, have := range s.Quotes {
		if have.Quote != q.Quote {
			continue
		}
		if have.PriceListVersion == q.PriceListVersion && slices.Equal(have.Lines, q.Lines) {
			return nil, nil
		}
		return nil, ErrQuoteExists.With(q.Quote)
	}
	if err := q.covers(s); err != nil {
		return nil, err
	}
	if s.Unanswered >= maxUnanswered {
		return nil, ErrThirdQuote
	}
	return []Event{q}, nil
}

func (s State) consent(c Consent) ([]Event, error) {
	if s.ended() {
		return nil, ErrEnded
	}
	i := slices.IndexFunc(s.Quotes, func(q Quoted) bool { return q.Quote == c.Quote })
	switch {
	case i < 0:
		return nil, ErrNoQuote.With(c.Quote)
	case i != len(s.Quotes)-1:
		return nil, ErrQuoteSuperseded.With(c.Quote)
	}
	q := s.Quotes[i]
	switch {
	case q.Total != c.Total:
		return nil, ErrQuoteTotal.With(c.Total, q.Total)
	case s.Accepted != nil && s.Accepted.Quote == q.Quote:
		return nil, nil
	}
	if err := s.May(Arrange, domain.DateOf(c.Now)); err != nil {
		return nil, err
	}
	// Something may have been charged under the quote before it.
	if err := q.covers(s); err != nil {
		return nil, err
	}
	return []Event{Consented{q.Quote, q.Total, s.Handler.Person}}, nil
}

func (s State) charge(c Charge) ([]Event, error) {
	switch {
	case s.ended():
		return nil, ErrEnded
	case !c.ServedOn.Valid() || c.ServedOn > domain.DateOf(c.Now):
		return nil, ErrServed.With(c.ServedOn)
	}
	l, err := s.priced(c.Item, c.Prices, c.ServedOn)
	if err != nil {
		return nil, err
	}
	l.ServedOn = c.ServedOn
	if have, ok := s.line(l.ID); ok {
		if have.Line == l {
			return nil, nil
		}
		return nil, ErrLineExists.With(l.ID)
	}
	if err := c.Prices.split(l, s.lines()); err != nil {
		return nil, err
	}
	agreed := s.Agreed(l.Code)
	if billed := s.billed(l.Code); billed+l.Amount > agreed {
		return nil, ErrAboveQuote.With(l.NameZh, english(l.NameZh, l.NameEn), agreed, billed, l.Amount)
	}
	es := []Event{Charged{l}}
	if s.Grant != nil { // what is waived is never due, not even for a moment
		for _, x := range reductions(s.Grant.Waives, []Line{l}, s.relieved()) {
			es = append(es, s.reliefOf(l.ID, x.Amount, *s.Grant))
		}
	}
	return es, nil
}

// lines are those of the bill that still count.
func (s State) lines() (ls []Line) {
	for _, b := range s.Bill {
		if b.Amount > b.Refunded {
			ls = append(ls, b.Line)
		}
	}
	return ls
}

func (s State) line(id string) (BillLine, bool) {
	i := slices.IndexFunc(s.Bill, func(b BillLine) bool { return b.ID == id })
	if i < 0 {
		return BillLine{}, false
	}
	return s.Bill[i], true
}

func (s State) relieve(c ApplyRelief) ([]Event, error) {
	b, ok := s.line(c.Line)
	on := s.Deceased.DeathDate
	if on == "" {
		on = domain.DateOf(c.Now)
	}
	r := c.Rule
	w := slices.IndexFunc(r.Waives, func(w Waiver) bool { return w.Code == b.Code })
	switch {
	case s.Closed:
		return nil, ErrEnded
	case !ok:
		return nil, ErrNoLine.With(c.Line)
	case b.Due() == 0: // free already
		return nil, nil
	case blank(r.ID) || blank(r.Version):
		return nil, ErrRule
	case !slices.Contains(r.Groups, c.Group):
		return nil, ErrNotEntitled.With("不属于减免对象", "the group is not entitled")
	case on < r.ValidFrom || r.ValidUntil != "" && on > r.ValidUntil:
		return nil, ErrNotEntitled.With("死亡日期不在规则有效期内", "the rule does not cover the date of death")
	case r.Hukou != "" && s.Deceased.Unnamed != Unidentified && !s.Deceased.Hukou.In(r.Hukou):
		return nil, ErrNotEntitled.With("户籍不在适用范围内", "it does not cover this place of registration")
	case w < 0:
		return nil, ErrNotEntitled.With("没有免除“"+b.NameZh+"”", "it does not waive "+english(b.NameZh, b.NameEn))
	}
	if limit := r.Waives[w].Quantity; limit > 0 {
		n := b.Quantity
		for _, have := range s.Bill {
			if have.Code == b.Code && have.Relief > 0 {
				n += have.Quantity
			}
		}
		if n > limit {
			return nil, ErrNotEntitled.With("超过免除的数量", "it waives a smaller quantity")
		}
	}
	if s.Balance() < b.Due() {
		return nil, ErrReliefLate
	}
	return []Event{ReliefApplied{b.ID, b.Due(), domain.Personal(s.Deceased.Person, Grounds{r.ID, r.Version, r.Document, c.Group})}}, nil
}

func (s State) pay(c Pay) ([]Event, error) {
	for _, have := range s.Payments {
		if have == c.Paid {
			return nil, nil
		}
		if have.Payment == c.Payment {
			return nil, ErrPaymentExists.With(c.Payment)
		}
	}
	switch {
	case blank(c.Payment):
		return nil, ErrNoID
	case !slices.Contains(Methods, c.Method):
		return nil, ErrMethod.With(c.Method)
	case c.Fiscal != "" && !validNumber(c.Fiscal):
		return nil, ErrFiscal
	case c.Amount <= 0 || c.Amount > s.Balance():
		return nil, ErrAmount.With(s.Balance())
	case c.Amount > s.Payable():
		return nil, ErrPayFirst.With(s.Payable())
	}
	return []Event{c.Paid}, nil
}

// refund is open to a closed case too: an overcharge found later is returned.
func (s State) refund(c Refund) ([]Event, error) {
	for _, have := range s.Refunds {
		if have.Refund != c.Refund {
			continue
		}
		if have.Line == c.Line && have.Amount == c.Amount && have.Reason == c.Reason {
			return nil, nil
		}
		return nil, ErrRefundExists.With(c.Refund)
	}
	b, ok := s.line(c.Line)
	switch {
	case blank(c.Refund):
		return nil, ErrNoID
	case !slices.Contains(RefundReasons, c.Reason):
		return nil, ErrReason.With(c.Reason)
	case !ok:
		return nil, ErrNoLine.With(c.Line)
	case c.Amount <= 0 || c.Amount > b.Due():
		return nil, ErrAmount.With(b.Due())
	}
	return []Event{Refunded{c.Refund, c.Line, c.Amount, max(0, c.Amount-s.Balance()), c.Reason}}, nil
}

func (s State) cancel(c Cancel) ([]Event, error) {
	switch {
	case s.Cancelled:
		return nil, nil
	case s.Closed:
		return nil, ErrEnded
	case !slices.Contains(CancelReasons, c.Reason):
		return nil, ErrReason.With(c.Reason)
	case s.Fixed:
		return nil, ErrBegun
	case s.Disputed() && (c.Reason == FamilyWithdrew || c.Reason == MovedElsewhere || c.Reason == OtherReason):
		return nil, ErrDisputed
	}
	return []Event{Cancelled{c.Reason}}, nil
}

func (s State) close() ([]Event, error) {
	switch {
	case s.Closed:
		return nil, nil
	case s.Balance() != 0:
		return nil, ErrBalance.With(s.Balance())
	}
	return []Event{Closed{s.Charged(), s.Relief(), s.Paid()}}, nil
}

// english is the English name of a row, or the only one it has.
func english(zh, en string) string {
	if blank(en) {
		return zh
	}
	return en
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
