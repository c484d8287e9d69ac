package booking

import (
	"errors"
	"slices"

	"shenzhong/domain"
)

type (
	// ChargeRefused kept that somebody tried to charge, quote or collect what a
	// rule forbids. It scores nothing; it is what a supervisor may ask about.
	ChargeRefused struct {
		Refusal string       `json:"refusal"`
		Code    string       `json:"code"` // of the rejection, "charge_above_ceiling"
		Item    string       `json:"item,omitzero"`
		Amount  domain.Money `json:"amount_fen,omitzero"`
		Limit   domain.Money `json:"limit_fen,omitzero"` // the ceiling, or what was agreed to
		Rule    string       `json:"rule,omitzero"`      // "I16"
		Basis   string       `json:"basis,omitzero"`     // the document behind it
	}
	// QuoteDeclined is the handler's "no" to a quote.
	QuoteDeclined struct {
		Quote  string         `json:"quote"`
		Person domain.Subject `json:"person"`
	}
)

func (ChargeRefused) caseEvent() {}
func (QuoteDeclined) caseEvent() {}

type (
	// RecordRefusal keeps that a charge was refused.
	RecordRefusal struct {
		domain.Act
		ChargeRefused
	}
	// DeclineQuote is the handler's "no" to the latest quote.
	DeclineQuote struct {
		domain.Act
		Quote string
	}
)

func (RecordRefusal) caseCommand() {}
func (DeclineQuote) caseCommand()  {}

// Refusable are the refusals that are kept: what a supervisor asks about.
var Refusable = []string{ErrOffList.Code, ErrAboveCeiling.Code, ErrSplit.Code, ErrThirdQuote.Code, ErrAboveQuote.Code, ErrPayFirst.Code, ErrOutsideRange.Code, ErrBelowFloor.Code}

// The rejections about refusals and answers.
var (
	ErrRefusalCode   = domain.Reject("refusal_not_kept", "这一种拒绝不用记为线索。", "A refusal of this kind is not kept.")
	ErrRefusalExists = domain.Reject("refusal_exists", "线索 %s 已经记录，内容不同。", "Refusal %s is recorded already, with other contents.")
)

// Refusal makes the command that keeps why a charge was refused, and false when
// err is no refusal that is kept. The caller adds the Act and, where it knows
// them, item, amount and limit.
func Refusal(id string, err error) (RecordRefusal, bool) {
	r, ok := errors.AsType[*domain.Rejection](err)
	if !ok || !slices.Contains(Refusable, r.Code) {
		return RecordRefusal{}, false
	}
	return RecordRefusal{ChargeRefused: ChargeRefused{Refusal: id, Code: r.Code, Rule: r.Rule, Basis: r.Basis}}, true
}

func (s State) recordRefusal(c RecordRefusal) ([]Event, error) {
	e := c.ChargeRefused
	for _, have := range s.Refusals {
		if have == e {
			return nil, nil
		}
		if have.Refusal == e.Refusal {
			return nil, ErrRefusalExists.With(e.Refusal)
		}
	}
	switch {
	case blank(e.Refusal):
		return nil, ErrNoID
	case !slices.Contains(Refusable, e.Code):
		return nil, ErrRefusalCode
	}
	return []Event{e}, nil
}

func (s State) declineQuote(c DeclineQuote) ([]Event, error) {
	n := len(s.Quotes)
	switch {
	case s.ended():
		return nil, ErrEnded
	case n == 0 || !slices.ContainsFunc(s.Quotes, func(q Quoted) bool { return q.Quote == c.Quote }):
		return nil, ErrNoQuote.With(c.Quote)
	case s.Quotes[n-1].Quote != c.Quote:
		return nil, ErrQuoteSuperseded.With(c.Quote)
	case s.Unanswered == 0:
		return nil, nil
	}
	if err := s.May(Arrange, domain.DateOf(c.Now)); err != nil {
		return nil, err
	}
	return []Event{QuoteDeclined{c.Quote, s.Handler.Person}}, nil
}
