package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"rsc.io/qr"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/handlers"
	"shenzhong/projections/frontdesk"
)

// A label's code is "SZ1/T/<tag>/<event>/<check>": what it labels, under which
// number, by which event, and a check over the three, so that a code that was
// damaged or made up is refused before anybody is taken for somebody else.

// The kinds of label.
const (
	tagLabel   = "T"
	ashesLabel = "A"
	quoteLabel = "Q"
)

func labelCheck(kind, number, event string) string {
	sum := sha256.Sum256([]byte("shenzhong label 1 " + kind + " " + number + " " + event))
	return base32.StdEncoding.EncodeToString(sum[:5])[:6]
}

// labelCode is the text of a label's QR code.
func labelCode(kind, number string, event uuid.UUID) string {
	ev := strings.ToUpper(event.String()[24:])
	return strings.Join([]string{"SZ1", kind, number, ev, labelCheck(kind, number, ev)}, "/")
}

// errLabel refuses a code that was not read whole.
var errLabel = domain.Reject("label_check_failed", "标签校验不符，请擦净再扫一次，或照标签上的字输入。", "The label's check does not fit; please scan again, or type what the label says.").Under("I1", "")

// readLabel is the number that somebody scanned or typed: of a label's code, the
// number in it, where its check holds.
func readLabel(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if !strings.HasPrefix(s, "SZ1/") {
		return s, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 5 {
		return "", errLabel
	}
	n := len(parts)
	number := strings.Join(parts[2:n-2], "/")
	if parts[n-1] != labelCheck(parts[1], number, parts[n-2]) {
		return "", errLabel
	}
	return number, nil
}

// scan reads a scanned number.
func (f *form) scan(name string) string {
	s, err := readLabel(f.Get(name))
	if err != nil {
		f.fail(name, err)
	}
	return s
}

// qrSVG draws a code as SVG: one path, a module a unit, four units of quiet
// around it.
func qrSVG(code, name string) (template.HTML, error) {
	c, err := qr.Encode(code, qr.M)
	if err != nil {
		return "", fmt.Errorf("web: qr: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="qr" viewBox="-4 -4 %d %d" role="img" aria-label="%s"><path d="`, c.Size+8, c.Size+8, template.HTMLEscapeString(name))
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil
}

// A PrintHead is what every print of a case says.
type PrintHead struct {
	Case        caseHead
	Institution Text
	Handler     string
	Phone       string
	Printed     string
	By          string
	Copy        int // how often it has been printed with this time
	To          string
	Token       string
}

// printOf looks up the case for a print, which is a look too. The paper's number
// goes up when somebody asks for it with the button, not when the page is seen.
func (d *Desk) printOf(v *visit, what string) (*caseView, PrintHead, error) {
	c, err := d.caseOf(v, "print_case")
	if err != nil {
		return nil, PrintHead{}, err
	}
	if err := c.look(access.File, ""); err != nil {
		return nil, PrintHead{}, err
	}
	return c, PrintHead{Case: c.head(), Institution: Text{c.Institution.NameZh, c.Institution.NameEn}, By: c.actor.ID, Printed: domain.FormatTime(c.now), Copy: max(1, c.Access.Prints[what]),
		Handler: c.Case.Handler.Name.Or("—") + " " + c.label("relation", c.Case.Handler.Relation), Phone: maskPhone(c.Case.Handler.Phone.Or("")), To: v.r.URL.Path, Token: uuid.Must(uuid.NewV7()).String()}, nil
}

// printed counts a print of a paper and shows it again, to be printed.
func (d *Desk) printed(v *visit) error {
	what := chi.URLParam(v.r, "paper")
	if what != "quote" && what != "label" && what != "confirmation" {
		return handlers.ErrNotFound
	}
	if err := v.form(); err != nil {
		return err
	}
	c, err := d.caseOf(v, "print_case")
	if err != nil {
		return err
	}
	act, err := d.act(v, v.r.PostForm.Get("token"))
	if err != nil {
		return err
	}
	if _, err := d.app.Look(v.ctx(), act, c.ID, access.Paper, what); err != nil {
		return err
	}
	return see(v, v.r.URL.Path+"?print=1")
}

type quoteSheet struct {
	PrintHead
	Print  bool
	Number string
	At     string
	Event  string
	Lists  []quoteList
	Terms  string
	Relief string
	Accept bool
	Code   template.HTML
}

type quoteList struct {
	Kind                 string
	Page, Pages          int
	Lines                []quoteLine
	Amount, Relief, Due  string
	Capitals, DueOfWhole string
}

type quoteLine struct {
	booking.Line
	Price, Most, Listed, Less, Due string
}

// printQuote prints the last quote as the two lists that both sides sign: basic
// items, and those that a family may decline.
func (d *Desk) printQuote(v *visit) error {
	c, s, err := d.printOf(v, "quote")
	if err != nil {
		return err
	}
	q, ok := c.lastQuote()
	if !ok {
		return handlers.ErrNotFound
	}
	p := quoteSheet{PrintHead: s, Number: q.Quote, Print: v.r.URL.Query().Get("print") == "1", Accept: c.Case.Accepted != nil && c.Case.Accepted.Quote == q.Quote}
	var event uuid.UUID
	for _, h := range c.History {
		if e, ok := h.Event.(booking.Quoted); ok && e.Quote == q.Quote {
			p.At, p.Event, event = domain.FormatTime(h.Recorded), h.Type+" / "+h.ID.String(), h.ID
			break
		}
	}
	l, err := d.app.PricesOf(v.ctx(), c.Case.Institution, domain.DateOf(c.now))
	if err != nil {
		return err
	}
	p.Terms = c.text("print.list_version", q.PriceListVersion)
	if l.Version == q.PriceListVersion {
		p.Terms = c.text("print.list_version_from", q.PriceListVersion, l.EffectiveFrom)
	}
	if g := c.Case.Grant; g != nil {
		p.Relief = g.Rule + " " + g.Version
	}
	for i, kind := range []string{"basic", "optional"} {
		list := quoteList{Kind: kind, Page: i + 1, Pages: 2}
		var amount, relief domain.Money
		for _, l := range q.Lines {
			if (l.Block == "basic") != (kind == "basic") {
				continue
			}
			less := "—"
			if l.Relief > 0 {
				less = "−" + exact(l.Relief)
			}
			list.Lines = append(list.Lines, quoteLine{l, exact(l.Price), exact(l.Ceiling), exact(l.Amount), less, exact(l.Amount - l.Relief)})
			amount += l.Amount
			relief += l.Relief
		}
		list.Amount, list.Relief, list.Due, list.Capitals = exact(amount), exact(relief), exact(amount-relief), (amount - relief).Capitals()
		p.Lists = append(p.Lists, list)
	}
	if p.Code, err = qrSVG(labelCode(quoteLabel, c.Case.Number, event), c.text("print.qr")); err != nil {
		return err
	}
	return d.send(v, "desk-quote", "/desk/cases", p, nil)
}

type confirmationSheet struct {
	PrintHead
	Print       bool
	Form        string // version of the form
	Death       string // the day, or that it is not known
	Certificate bool   // the death certificate is on the case, and verified
	Slots       []string
}

// printConfirmation prints the confirmation that the handler signs before the
// cremation. What it states is filled in from the case; nothing on it says that
// it was signed: that the desk records when it was.
func (d *Desk) printConfirmation(v *visit) error {
	c, s, err := d.printOf(v, "confirmation")
	if err != nil {
		return err
	}
	if c.Case.Cancelled {
		return handlers.ErrNotFound
	}
	p := confirmationSheet{PrintHead: s, Print: v.r.URL.Query().Get("print") == "1", Form: cmp.Or(c.Cremation.Confirmation.Form, confirmationForm),
		Death: cmp.Or(string(c.Case.Deceased.DeathDate), "—"), Certificate: c.Cremation.Death.Verified}
	for _, x := range c.Case.Slots {
		if x.Kind == string(institution.Furnace) {
			p.Slots = append(p.Slots, c.slotText(x))
		}
	}
	return d.send(v, "desk-confirmation", "/desk/cases", p, nil)
}

type labelSheet struct {
	PrintHead
	Print  bool
	Labels []labelOf
}

type labelOf struct {
	Kind, Tag, Code string
	Text            string
	QR              template.HTML
}

// printLabel prints the tag's label, and the container's once there are ashes.
func (d *Desk) printLabel(v *visit) error {
	c, s, err := d.printOf(v, "label")
	if err != nil {
		return err
	}
	p := labelSheet{PrintHead: s, Print: v.r.URL.Query().Get("print") == "1"}
	for _, h := range slices.Backward(c.History) {
		l := labelOf{}
		switch e := h.Event.(type) {
		case cremation.Received:
			l.Kind, l.Tag = tagLabel, e.Tag
		case cremation.AshesCollected:
			l.Kind, l.Tag, l.Text = ashesLabel, e.Label, fmt.Sprintf("%d g", e.WeightG)
		default:
			continue
		}
		l.Code = labelCode(l.Kind, l.Tag, h.ID)
		if l.QR, err = qrSVG(l.Code, c.text("print.label_qr", l.Tag)); err != nil {
			return err
		}
		p.Labels = append(p.Labels, l)
	}
	if len(p.Labels) == 0 {
		return handlers.ErrNotFound
	}
	return d.send(v, "desk-label", "/desk/cases", p, nil)
}

type receiptSheet struct {
	PrintHead
	Print    bool
	Receipt  booking.Receipt
	Amount   string
	Method   string
	At       string
	Refund   bool
	Event    string
	Lines    []billLine
	Next     int
	Reliefed string
}

// printReceipt prints a receipt. Whether it is the first time or not stands on
// it.
func (d *Desk) printReceipt(v *visit) error {
	c, s, err := d.printOf(v, "receipt")
	if err != nil {
		return err
	}
	r, ok := receiptOf(c.Case, chi.URLParam(v.r, "number"))
	if !ok {
		return handlers.ErrNotFound
	}
	p := receiptSheet{PrintHead: s, Receipt: r, Amount: exact(r.Amount), Refund: r.Refund != "", Next: r.Copies + 1, Print: v.r.URL.Query().Get("print") == "1"}
	p.Copy = r.Copies
	for _, h := range c.History {
		if e, ok := h.Event.(booking.ReceiptIssued); ok && e.Number == r.Number {
			p.At, p.Event = domain.FormatTime(h.Recorded), h.Type+" / "+h.ID.String()
		}
	}
	for _, x := range c.Case.Payments {
		if x.Payment == r.Payment {
			zh, en := x.Method.Names()
			p.Method = c.in(Text{zh, en})
		}
	}
	for _, x := range c.Case.RefundsPaid {
		if x.Refund == r.Refund {
			zh, en := x.Method.Names()
			p.Method = c.in(Text{zh, en})
		}
	}
	page := casePage{}
	c.bill(&page)
	p.Lines = page.Bill.Lines
	return d.send(v, "desk-receipt", "/desk/cases", p, nil)
}

// reprintReceipt counts another print.
func (d *Desk) reprintReceipt(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	c, err := d.caseOf(v, "print_case")
	if err != nil {
		return err
	}
	act, err := d.act(v, v.r.PostForm.Get("token"))
	if err != nil {
		return err
	}
	r, ok := receiptOf(c.Case, chi.URLParam(v.r, "number"))
	if !ok {
		return handlers.ErrNotFound
	}
	rc, err := d.app.Cases.Handle(v.ctx(), c.ID.String(), booking.ReprintReceipt{Act: act, Number: r.Number, Copy: r.Copies + 1})
	if err != nil {
		return err
	}
	d.settled(v.ctx(), rc)
	return see(v, v.r.URL.Path+"?print=1")
}

// The day sheet, and the day's till.

type daySheet struct {
	Sheet    frontdesk.Sheet
	Before   domain.Date
	After    domain.Date
	Lines    []sheetLine
	Sums     []sumLine
	In, Out  string
	Beside   []sumLine
	Actor    string
	Token    string
	Refused  *handlers.Problem
	Counted  map[string]string
	Reason   string
	MayCount bool
	Closed   *booking.TillClosed
	Differs  string
	AsOf     AsOf
}

type sheetLine struct {
	frontdesk.Happening
	At, What string
}

type sumLine struct{ Method, Code, In, Out, Expected, Counted string }

func (d *Desk) daySheet(v *visit) error {
	v.keep = []string{"d"}
	day, err := d.day(v)
	if err != nil {
		return err
	}
	p, err := d.sheet(v, day)
	if err != nil {
		return err
	}
	return d.send(v, "desk-day", "/desk/day", p, &p.AsOf)
}

func (d *Desk) sheet(v *visit, day domain.Date) (p daySheet, err error) {
	p = daySheet{Before: day.AddDays(-1), After: day.AddDays(1), Actor: v.actor.ID, Token: uuid.Must(uuid.NewV7()).String(), Counted: map[string]string{}}
	if p.Sheet, p.AsOf, err = d.data.Sheet(v.ctx(), v.institution(), day); err != nil {
		return p, err
	}
	p.Sheet.Day = day
	for _, h := range p.Sheet.Happenings {
		at := v.text("unknown")
		if !h.At.IsZero() {
			at = string(domain.ClockOf(h.At))
		}
		p.Lines = append(p.Lines, sheetLine{h, at, v.label("happening", h.What)})
	}
	// The money comes from the till's own stream: what is counted against it must
	// not be behind it.
	till, _, err := d.app.Tills.Load(v.ctx(), booking.TillID(v.institution(), day))
	if err != nil {
		return p, err
	}
	var in, out domain.Money
	for _, m := range booking.Methods {
		zh, en := m.Names()
		l := sumLine{Method: v.in(Text{zh, en}), Code: string(m), Expected: exact(till.Expected(m))}
		var i, o domain.Money
		for _, e := range till.Entries {
			switch {
			case e.Method != m:
			case e.Kind == booking.MoneyIn:
				i += e.Amount
			default:
				o += e.Amount
			}
		}
		in, out = in+i, out+o
		l.In, l.Out = exact(i), exact(o)
		if till.Closed != nil {
			for _, x := range till.Closed.Counts {
				if x.Method == m {
					l.Counted = exact(x.Counted)
				}
			}
		}
		p.Sums = append(p.Sums, l)
	}
	p.In, p.Out = exact(in), exact(out)
	for _, s := range p.Sheet.Beside {
		zh, en := s.Method.Names()
		p.Beside = append(p.Beside, sumLine{Method: v.in(Text{zh, en}), In: exact(s.In), Out: exact(s.Out)})
	}
	if p.Closed = till.Closed; p.Closed != nil {
		p.Differs = exact(p.Closed.Difference)
	}
	p.MayCount = p.Closed == nil && day <= domain.DateOf(d.app.Now()) && handlers.Allow(v.actor, "close_till", v.institution()) == nil
	return p, nil
}

// closeTill compares the day's account with what was counted.
func (d *Desk) closeTill(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	day := f.date("day")
	counted := map[booking.Method]domain.Money{}
	for _, m := range booking.Methods {
		counted[m] = f.money("counted." + string(m))
	}
	again := func(err error) error {
		p, failed := d.sheet(v, cmp.Or(day, domain.DateOf(d.app.Now())))
		if failed != nil {
			return failed
		}
		p.Refused, p.Token, p.Reason = handlers.RequestProblem(v.ctx(), err), f.Get("token"), f.value("reason")
		for _, m := range booking.Methods {
			p.Counted[string(m)] = f.Get("counted." + string(m))
		}
		return d.sendAs(v, p.Refused.Status, "desk-day", "/desk/day", p, &p.AsOf)
	}
	f.check(field{Name: "reason"})
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	rc, err := d.app.CloseTill(v.ctx(), handlers.CloseTill{Act: act, Institution: v.institution(), Day: day, Counted: counted, Reason: f.value("reason")})
	if err != nil {
		if handlers.ProblemOf(err, string(v.view.Lang)).Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	d.settled(v.ctx(), rc)
	v.say(v.text("day.closed"))
	return see(v, "/desk/day?d="+string(cmp.Or(day, domain.DateOf(act.Now))))
}

// recount takes a full count of the cold store: in every bay the tag that was
// scanned there.
func (d *Desk) recount(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	again := func(err error) error {
		h, failed := d.house(v)
		if failed != nil {
			return failed
		}
		h.Recount, h.Token, h.Refused, h.Typed, h.Wrong = true, f.Get("token"), handlers.RequestProblem(v.ctx(), err), map[string]string{}, map[string]string{}
		for name := range f.Values {
			h.Typed[name] = f.Get(name)
		}
		for _, e := range h.Refused.Errors {
			h.Wrong[e.Location] = e.Detail
		}
		return d.sendAs(v, h.Refused.Status, "desk-house", "/desk/house", h, &h.AsOf)
	}
	c := cremation.Recount{Act: act, Count: act.ID}
	for name := range f.Values {
		place, ok := strings.CutPrefix(name, "bay.")
		if !ok || f.value(name) == "" {
			continue
		}
		bay, ok := handlers.BayOf(cremation.Place{Kind: cremation.InColdBay, ID: place})
		if !ok {
			return handlers.ErrMalformedForm
		}
		f.check(field{Name: name})
		c.Seen = append(c.Seen, cremation.Sighting{Bay: bay, Tag: f.scan(name)})
	}
	if err := f.bad.Or(); err != nil {
		return again(err)
	}
	slices.SortFunc(c.Seen, func(x, y cremation.Sighting) int {
		return cmp.Or(cmp.Compare(x.Bay.Bank, y.Bay.Bank), cmp.Compare(x.Bay.No, y.Bay.No))
	})
	rc, err := d.app.ColdStores.Handle(v.ctx(), v.institution(), c)
	if err != nil {
		if handlers.ProblemOf(err, string(v.view.Lang)).Status == http.StatusInternalServerError {
			return err
		}
		return again(err)
	}
	d.settled(v.ctx(), rc)
	cold, _, err := d.app.ColdStores.Load(v.ctx(), v.institution())
	if err != nil {
		return err
	}
	if cold.Last.Clean() {
		v.say(v.text("house.clean", cold.Last.Expected))
	} else {
		v.say(v.text("house.not_clean", len(cold.Last.Missing), len(cold.Last.Unexpected), len(cold.Last.Misplaced)))
	}
	return see(v, "/desk/house")
}
