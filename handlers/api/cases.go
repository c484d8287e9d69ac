package api

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

type caseBody struct {
	Happened
	Institution string       `json:"institution,omitzero" maxLength:"18" doc:"Left out: the account's own."`
	Number      string       `json:"number,omitzero" maxLength:"40" doc:"The number on paper; left out: made from the id. Never a name or an ID number."`
	Source      string       `json:"source,omitzero" enum:"desk,online,import" default:"desk"`
	Deceased    deceasedBody `json:"deceased"`
	Handler     handlerBody  `json:"handler"`
	Slot        *SlotWish    `json:"slot,omitzero" doc:"A slot to book in the same request: all of it or nothing."`
}

type deceasedBody struct {
	Name      string `json:"name,omitzero" maxLength:"60"`
	Unnamed   string `json:"unnamed,omitzero" enum:"UNIDENTIFIED,NEWBORN" doc:"Why there is no name."`
	CitizenID string `json:"citizen_id,omitzero" maxLength:"18" doc:"GB 11643."`
	Sex       string `json:"sex,omitzero" enum:"male,female,unknown"`
	Birth     string `json:"birth,omitzero" format:"date"`
	DeathDate string `json:"death_date,omitzero" format:"date" doc:"Left out when nobody knows."`
	Hukou     string `json:"hukou,omitzero" maxLength:"6" doc:"Division of the household registration (GB/T 2260)."`
	// The rest is for who has no resident identity card.
	Kind        string        `json:"kind,omitzero" enum:"RESIDENT,INFANT,FOREIGN,HONG_KONG,MACAO,TAIWAN,UNNAMED" doc:"Whose papers the deceased had; left out: as the rest says."`
	Document    *documentBody `json:"document,omitzero" doc:"What stands for the identity card."`
	Nationality string        `json:"nationality,omitzero" maxLength:"3" doc:"ISO 3166, three letters. Sealed."`
}

type documentBody struct {
	Kind   string `json:"kind" enum:"PASSPORT,PERMANENT_RESIDENCE,HM_PERMIT,TW_PERMIT,RESIDENCE_PERMIT,BIRTH_CERTIFICATE"`
	Number string `json:"number" maxLength:"40" doc:"Sealed."`
}

type handlerBody struct {
	Name      string        `json:"name" maxLength:"60"`
	CitizenID string        `json:"citizen_id,omitzero" maxLength:"18" doc:"GB 11643. Sealed; its end is compared when the ashes are handed over."`
	Document  *documentBody `json:"document,omitzero" doc:"What stands for the identity card."`
	Phone     string        `json:"phone" maxLength:"20"`
	Relation  string        `json:"relation" enum:"SPOUSE,CHILD,PARENT,SIBLING,OTHER_RELATIVE,DESIGNATED,AGENT,EMPLOYER,COMMITTEE,POLICE,HOSPITAL,CIVIL_AFFAIRS"`
}

// A SlotWish asks for a slot by its start.
type SlotWish struct {
	Resource string    `json:"resource" maxLength:"32"`
	Start    time.Time `json:"start"`
	Minutes  int       `json:"minutes,omitzero" minimum:"0" maximum:"1440" doc:"Left out: as long as the item takes there."`
	Item     string    `json:"item,omitzero" maxLength:"40" doc:"Code of the service that it is for; left out: one step of the resource's grid."`
	HoldOnly bool      `json:"hold_only,omitzero" doc:"Keep it for a while without taking it."`
}

type slotBody struct {
	Happened
	SlotWish
}

// A SlotRef names a slot that the case holds or has.
type SlotRef struct {
	Happened
	Resource string    `json:"resource" maxLength:"32"`
	Start    time.Time `json:"start"`
}

type slotRelease struct {
	SlotRef
	Reason string `json:"reason" enum:"WITHDRAWN,RESCHEDULED,OUT_OF_SERVICE,WEATHER"`
}

type quoteBody struct {
	Happened
	Items []Item `json:"items" minItems:"1" maxItems:"200"`
}

// An Item asks for so many of a row of the price list.
type Item struct {
	Code     string `json:"code" maxLength:"40" doc:"Row of the institution's price list."`
	Quantity int64  `json:"quantity" minimum:"1" maximum:"100000"`
	PriceFen int64  `json:"price_fen,omitzero" minimum:"0" maximum:"10000000000" doc:"Per unit; left out: the list's."`
	Reason   string `json:"reason,omitzero" maxLength:"200" doc:"Why the price lies outside the reference range. No names."`
}

type consentBody struct {
	Happened
	Quote    string `json:"quote" maxLength:"60" doc:"Id of the quote, as the case shows it."`
	TotalFen int64  `json:"total_fen" minimum:"0" maximum:"10000000000" doc:"The total that was read."`
}

type chargeBody struct {
	Happened
	Item
	ServedOn string `json:"served_on,omitzero" format:"date" doc:"Day of the service; left out: the day it happened."`
}

type reliefBody struct {
	Happened
	Line  string `json:"line" maxLength:"60" doc:"Id of the charged line."`
	Group string `json:"group" maxLength:"60" doc:"The entitled group, as the rule calls it. Sealed."`
	Rule  string `json:"rule,omitzero" maxLength:"60" doc:"Left out: the rule in force that names the group."`
}

type paymentBody struct {
	Happened
	AmountFen int64  `json:"amount_fen" minimum:"1" maximum:"10000000000"`
	Method    string `json:"method" enum:"CASH,CARD,WECHAT,ALIPAY,TRANSFER"`
	Fiscal    string `json:"fiscal,omitzero" maxLength:"40" doc:"Number of the fiscal e-receipt, where one was drawn."`
}

type refundBody struct {
	Happened
	Line      string `json:"line" maxLength:"60"`
	AmountFen int64  `json:"amount_fen" minimum:"1" maximum:"10000000000"`
	Reason    string `json:"reason" enum:"OVERCHARGE,NOT_RENDERED,WRONG_LINE,RELIEF_FOUND"`
	Method    string `json:"method,omitzero" enum:"CASH,CARD,WECHAT,ALIPAY,TRANSFER" doc:"How the money goes back; left out: as the latest payment came."`
}

type quoteRefusalBody struct {
	Happened
	Quote string `json:"quote" maxLength:"60" doc:"Id of the latest quote."`
}

type reprintBody struct {
	Happened
	Number string `json:"number" maxLength:"40" doc:"Number of the receipt."`
}

type cancelBody struct {
	Happened
	Reason string `json:"reason" enum:"FAMILY_WITHDREW,MOVED_ELSEWHERE,DUPLICATE,ENTRY_ERROR,OTHER"`
}

type plainBody struct{ Happened }

// ofCase is a write to a case.
type ofCase[B any] struct {
	Case string `path:"case" format:"uuid" doc:"Id of the case."`
	Write[B]
}

type byCase struct {
	Case string `path:"case" format:"uuid" doc:"Id of the case."`
}

// CaseView is a case. What is personal is masked: the name is shown to the
// institution's own accounts alone, ID and phone numbers to nobody here.
type CaseView struct {
	ID          string        `json:"id"`
	Institution string        `json:"institution"`
	Number      string        `json:"number"`
	Status      string        `json:"status" enum:"open,cancelled,closed"`
	Deceased    PersonView    `json:"deceased"`
	Handler     PersonView    `json:"handler"`
	Slots       []SlotView    `json:"slots"`
	Quote       *QuoteView    `json:"quote,omitzero" doc:"The latest quote."`
	Bill        []LineView    `json:"bill"`
	Payments    []PaymentView `json:"payments"`
	ChargedFen  int64         `json:"charged_fen"`
	ReliefFen   int64         `json:"relief_fen"`
	PaidFen     int64         `json:"paid_fen"`
	BalanceFen  int64         `json:"balance_fen"`
	PayableFen  int64         `json:"payable_fen" doc:"The most that may be taken now: less than the balance while a claim to relief is not decided."`
	Relief      string        `json:"relief" enum:"none,claimed,granted,declined"`
	Receipts    []ReceiptView `json:"receipts"`
}

// ReceiptView is a receipt that was issued.
type ReceiptView struct {
	Number    string `json:"number"`
	Payment   string `json:"payment,omitzero"`
	Refund    string `json:"refund,omitzero"`
	AmountFen int64  `json:"amount_fen"`
	Capitals  string `json:"capitals" doc:"The amount in Chinese capitals."`
	Fiscal    string `json:"fiscal,omitzero"`
	Copies    int    `json:"copies" doc:"How often it was printed."`
}

// PersonView is a person, masked.
type PersonView struct {
	Name      string `json:"name,omitzero"`
	CitizenID string `json:"citizen_id,omitzero" doc:"Masked: 2102**********0018."`
	Phone     string `json:"phone,omitzero" doc:"Masked: 138****0412."`
	Birth     string `json:"birth,omitzero" format:"date"`
	Sex       string `json:"sex,omitzero"`
	DeathDate string `json:"death_date,omitzero" format:"date"`
	Hukou     string `json:"hukou,omitzero"`
	Relation  string `json:"relation,omitzero"`
	Forgotten bool   `json:"forgotten,omitzero" doc:"The person's data was erased."`
}

// SlotView is a slot of a case.
type SlotView struct {
	Resource string    `json:"resource"`
	Kind     string    `json:"kind,omitzero"`
	Date     string    `json:"date" format:"date"`
	Slot     string    `json:"slot"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// QuoteView is a quote.
type QuoteView struct {
	Quote    string     `json:"quote"`
	Version  int        `json:"price_list_version"`
	Lines    []LineView `json:"lines"`
	TotalFen int64      `json:"total_fen"`
	Accepted bool       `json:"accepted"`
}

// LineView is a line of a quote or a bill.
type LineView struct {
	Line       string `json:"line"`
	Code       string `json:"code"`
	NameZh     string `json:"name_zh"`
	NameEn     string `json:"name_en,omitzero"`
	Unit       string `json:"unit"`
	Quantity   int64  `json:"quantity"`
	PriceFen   int64  `json:"price_fen"`
	AmountFen  int64  `json:"amount_fen"`
	CeilingFen int64  `json:"ceiling_fen"`
	ReliefFen  int64  `json:"relief_fen,omitzero"`
	RefundFen  int64  `json:"refunded_fen,omitzero"`
	ServedOn   string `json:"served_on,omitzero" format:"date"`
}

// PaymentView is a payment.
type PaymentView struct {
	Payment   string `json:"payment"`
	AmountFen int64  `json:"amount_fen"`
	Method    string `json:"method"`
}

func lineView(l booking.Line) LineView {
	return LineView{Line: l.ID, Code: l.Code, NameZh: l.NameZh, NameEn: l.NameEn, Unit: l.Unit, Quantity: l.Quantity, PriceFen: int64(l.Price),
		AmountFen: int64(l.Amount), CeilingFen: int64(l.Ceiling), ServedOn: string(l.ServedOn)}
}

// caseOf loads a case that the account may work on.
func (a *API) caseOf(ctx context.Context, at func(string) error, id string) (uuid.UUID, booking.State, events.Revision, error) {
	u, err := record(id)
	if err != nil {
		return u, booking.State{}, 0, err
	}
	s, rev, err := a.app.Cases.Load(ctx, u.String())
	if err != nil || !s.Exists() {
		return u, s, 0, orNotFound(err)
	}
	return u, s, rev, at(s.Institution)
}

// onCase registers a write to a case.
func onCase[B any](a *API, h huma.API, op handlers.Operation, path, summary string, do func(context.Context, *request, uuid.UUID, B) (events.Receipt, error)) {
	post(a, h, op, "/cases/{case}"+path, summary, func(ctx context.Context, q *request, in *ofCase[B]) (done, error) {
		id, _, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		rc, err := do(ctx, q, id, in.Body)
		return done{id.String(), rc}, err
	})
}

func (a *API) cases(h huma.API) {
	post(a, h, "open_case", "/cases", "Open a case, and book its first slot", a.openCase)
	get(h, "get_case", "/cases/{case}", "A case", a.getCase)

	onCase(a, h, "book_slot", "/slots", "Book a slot, or hold it", func(ctx context.Context, q *request, id uuid.UUID, b slotBody) (events.Receipt, error) {
		return a.app.TakeSlot(ctx, handlers.TakeSlot{Act: q.Act, Case: id, Want: b.want(), HoldOnly: b.HoldOnly, IfMatch: q.IfMatch})
	})
	onCase(a, h, "confirm_slot", "/slot-confirmations", "Take a held slot for good", func(ctx context.Context, q *request, id uuid.UUID, b SlotRef) (events.Receipt, error) {
		return a.app.Confirm(ctx, q.Act, id, b.Resource, b.Start)
	})
	onCase(a, h, "release_slot", "/slot-releases", "Give a slot back", func(ctx context.Context, q *request, id uuid.UUID, b slotRelease) (events.Receipt, error) {
		return a.app.ReleaseSlot(ctx, handlers.ReleaseSlot{Act: q.Act, Case: id, Resource: b.Resource, Start: b.Start, Reason: schedule.Reason(b.Reason)})
	})
	// A quote's id, a line's and a payment's are the id of the request that
	// made them, and come back in the case.
	onCase(a, h, "quote_case", "/quotes", "Quote the whole bill beforehand", func(ctx context.Context, q *request, id uuid.UUID, b quoteBody) (events.Receipt, error) {
		c := handlers.Quote{Act: q.Act, Case: id, Quote: q.New.String(), IfMatch: q.IfMatch}
		for i, it := range b.Items {
			c.Items = append(c.Items, it.item(events.StepID(q.New, string(rune('a'+i))).String()))
		}
		return a.app.Quote(ctx, c)
	})
	onCase(a, h, "consent_case", "/consents", "Record the handler's agreement to a quote", func(ctx context.Context, q *request, id uuid.UUID, b consentBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.Consent{Act: q.Act, Quote: b.Quote, Total: domain.Money(b.TotalFen)}))
	})
	onCase(a, h, "charge_case", "/charges", "Charge a service", func(ctx context.Context, q *request, id uuid.UUID, b chargeBody) (events.Receipt, error) {
		return a.app.Charge(ctx, handlers.Charge{Act: q.Act, Case: id, Item: b.item(q.New.String()), ServedOn: domain.Date(b.ServedOn), IfMatch: q.IfMatch})
	})
	onCase(a, h, "relieve_case", "/reliefs", "Waive a charged line under a relief rule", func(ctx context.Context, q *request, id uuid.UUID, b reliefBody) (events.Receipt, error) {
		return a.app.ApplyRelief(ctx, handlers.ApplyRelief{Act: q.Act, Case: id, Line: b.Line, Group: b.Group, Rule: b.Rule, IfMatch: q.IfMatch})
	})
	onCase(a, h, "pay_case", "/payments", "Take a payment", func(ctx context.Context, q *request, id uuid.UUID, b paymentBody) (events.Receipt, error) {
		return a.app.TakePayment(ctx, handlers.TakePayment{Act: q.Act, Case: id, Payment: q.New.String(), Amount: domain.Money(b.AmountFen), Method: booking.Method(b.Method), Fiscal: b.Fiscal, IfMatch: q.IfMatch})
	})
	post(a, h, "refund_case", "/cases/{case}/refunds", "Take an amount off a line, and give back what was paid too much", func(ctx context.Context, q *request, in *ofCase[refundBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.GiveRefund(ctx, handlers.GiveRefund{Act: q.Act, Case: id, Refund: q.New.String(), Line: b.Line, Amount: domain.Money(b.AmountFen), Reason: booking.Reason(b.Reason),
			Method: cmp.Or(booking.Method(b.Method), handlers.Returns(s)), IfMatch: q.IfMatch})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "decline_quote", "/quote-refusals", "Record the handler's no to a quote", func(ctx context.Context, q *request, id uuid.UUID, b quoteRefusalBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.DeclineQuote{Act: q.Act, Quote: b.Quote}))
	})
	onCase(a, h, "reprint_receipt", "/receipt-copies", "Print a receipt once more", func(ctx context.Context, q *request, id uuid.UUID, b reprintBody) (events.Receipt, error) {
		_, rc, err := a.app.Reprint(ctx, handlers.Reprint{Act: q.Act, Case: id, Number: b.Number, IfMatch: q.IfMatch})
		return rc, err
	})
	onCase(a, h, "cancel_case", "/cancellation", "Cancel a case; its slots are given back", func(ctx context.Context, q *request, id uuid.UUID, b cancelBody) (events.Receipt, error) {
		return a.app.CancelCase(ctx, handlers.CancelCase{Act: q.Act, Case: id, Reason: booking.Reason(b.Reason), IfMatch: q.IfMatch})
	})
	onCase(a, h, "close_case", "/closing", "Close a case whose bill is settled", func(ctx context.Context, q *request, id uuid.UUID, _ plainBody) (events.Receipt, error) {
		return handle(ctx, a.app.Cases, id.String(), q, booking.Command(booking.Close{Act: q.Act}))
	})
}

func (w SlotWish) want() handlers.Want {
	return handlers.Want{Resource: w.Resource, Start: w.Start, Minutes: w.Minutes, Item: w.Item}
}

func (i Item) item(line string) booking.Item {
	return booking.Item{ID: line, Code: i.Code, Quantity: i.Quantity, Price: domain.Money(i.PriceFen), Reason: i.Reason}
}

func (a *API) openCase(ctx context.Context, q *request, in *Write[caseBody]) (done, error) {
	b := in.Body
	if b.Institution == "" {
		b.Institution = q.actor.Institution
	}
	code, err := domain.ParseCreditCode(b.Institution)
	if err != nil {
		return done{}, wrong("body.institution", err)
	}
	if err := q.at(string(code)); err != nil {
		return done{}, err
	}
	deceased, err := a.deceased(q, b.Deceased, "")
	if err != nil {
		return done{}, err
	}
	handler, err := a.handler(q, b.Handler, "")
	if err != nil {
		return done{}, err
	}
	if b.Number == "" {
		b.Number = strings.ToUpper(q.New.String()[:13])
	}
	opened := booking.Opened{Institution: string(code), Number: b.Number, Source: booking.Source(b.Source), Deceased: deceased, Handler: handler}
	if b.Slot == nil {
		rc, err := handle(ctx, a.app.Cases, q.New.String(), q, booking.Command(booking.Open{Act: q.Act, Opened: opened}))
		return done{q.New.String(), rc}, err
	}
	rc, err := a.app.Book(ctx, handlers.Book{Act: q.Act, Case: q.New, Opened: opened, Want: b.Slot.want(), HoldOnly: b.Slot.HoldOnly})
	return done{q.New.String(), rc}, err
}

func (a *API) getCase(ctx context.Context, at func(string) error, in *byCase) (CaseView, events.Revision, error) {
	id, s, rev, err := a.caseOf(ctx, at, in.Case)
	if err != nil {
		return CaseView{}, 0, err
	}
	own := handlers.Actor(ctx).Institution == s.Institution
	name := func(p domain.Private[string]) string {
		if own {
			return p.Or("")
		}
		return maskName(p.Or(""))
	}
	v := CaseView{ID: id.String(), Institution: s.Institution, Number: s.Number, Status: "open",
		Deceased: PersonView{Name: name(s.Deceased.Name), CitizenID: s.Deceased.CitizenID.Or("").Masked(), DeathDate: string(s.Deceased.DeathDate), Hukou: string(s.Deceased.Hukou),
			Forgotten: s.Deceased.Name.IsForgotten()},
		Handler:    PersonView{Name: name(s.Handler.Name), Phone: maskPhone(s.Handler.Phone.Or("")), Relation: string(s.Handler.Relation), Forgotten: s.Handler.Name.IsForgotten()},
		PayableFen: int64(s.Payable()), Relief: "none",
		ChargedFen: int64(s.Charged()), ReliefFen: int64(s.Relief()), PaidFen: int64(s.Paid()), BalanceFen: int64(s.Balance())}
	if own {
		v.Deceased.Birth, v.Deceased.Sex = string(s.Deceased.Birth.Or("")), string(s.Deceased.Sex.Or(""))
	}
	switch {
	case s.Cancelled:
		v.Status = "cancelled"
	case s.Closed:
		v.Status = "closed"
	}
	for _, x := range s.Slots {
		v.Slots = append(v.Slots, SlotView{x.Resource, x.Kind, string(x.Day), x.Slot, x.Start, x.End})
	}
	if n := len(s.Quotes); n > 0 {
		last := s.Quotes[n-1]
		v.Quote = &QuoteView{Quote: last.Quote, Version: last.PriceListVersion, TotalFen: int64(last.Total), Accepted: s.Accepted != nil && s.Accepted.Quote == last.Quote}
		for _, l := range last.Lines {
			v.Quote.Lines = append(v.Quote.Lines, lineView(l))
		}
	}
	for _, l := range s.Bill {
		x := lineView(l.Line)
		x.ReliefFen, x.RefundFen = int64(l.Relief), int64(l.Refunded)
		v.Bill = append(v.Bill, x)
	}
	switch {
	case s.Grant != nil:
		v.Relief = "granted"
	case s.Claim != nil:
		v.Relief = "claimed"
	case s.Declined != "":
		v.Relief = "declined"
	}
	for _, r := range s.Receipts {
		v.Receipts = append(v.Receipts, ReceiptView{r.Number, r.Payment, r.Refund, int64(r.Amount), r.Capitals, r.Fiscal, r.Copies})
	}
	for _, p := range s.Payments {
		v.Payments = append(v.Payments, PaymentView{p.Payment, int64(p.Amount), string(p.Method)})
	}
	return v, rev, nil
}
