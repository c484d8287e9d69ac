package handlers

import (
	"context"
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/ecoburial"
)

// An EstimateLine is one line of what a funeral will cost.
type EstimateLine struct {
	booking.Line
	// Open says that the list gives a range only, From to To: the price is set
	// at the desk.
	Open     bool
	From, To domain.Money
}

// Due is what the line costs after relief.
func (l EstimateLine) Due() domain.Money { return l.Amount - l.Relief }

// An Estimate is what a funeral will cost by the list in force. It is no quote:
// that one is read and signed at the desk.
type Estimate struct {
	Lines              []EstimateLine
	Total, Relief, Due domain.Money
	Version            int // of the price list; zero: none is in force
	From               domain.Date
	StorageDays        int64
	// Missing are the codes of items that the list does not have.
	Missing []string
	// Rule is what the relief rests on; Refused why there is none although it
	// was asked for.
	Rule    booking.ReliefRule
	Refused error
	// Incentive is what is paid to the family for the burial that was chosen;
	// the zero rule where nothing is.
	Incentive ecoburial.IncentiveRule
}

// Of are the lines on one printed list, or on any of several: "basic",
// "optional", "goods".
func (e Estimate) Of(blocks ...string) (lines []EstimateLine) {
	for _, l := range e.Lines {
		if slices.Contains(blocks, l.Block) {
			lines = append(lines, l)
		}
	}
	return lines
}

// Open says that the price of some line is set at the desk, and is not in the
// sums.
func (e Estimate) Open() bool {
	return slices.ContainsFunc(e.Lines, func(l EstimateLine) bool { return l.Open })
}

// wanted is one item of an estimate: the first of the codes that the list has.
type wanted struct {
	id    string
	codes []string
	n     int64
}

// basicItems are transport, storage for some days, the farewell where there is
// one, and the cremation.
func basicItems(hall string, days int64) []wanted {
	items := []wanted{{"transport", []string{"TRN-STD"}, 1}, {"storage", []string{"STO-COLD"}, days}}
	if hall != "" {
		items = append(items, wanted{"farewell", []string{hall}, 1})
	}
	return append(items, wanted{"cremation", cremations, 1})
}

// Estimate computes what transport, storage until the cremation, the farewell
// and the cremation cost, under the relief that these facts give.
func (a *App) Estimate(ctx context.Context, c Ceremony, cremationAt time.Time, facts booking.ReliefFacts, now time.Time) (Estimate, error) {
	l, err := a.prices(ctx, c.Institution, domain.DateOf(now))
	if err != nil {
		return Estimate{}, err
	}
	days := max(1, int64(domain.DateOf(cremationAt).Start().Sub(domain.DateOf(now).Start())/(24*time.Hour)))
	return a.estimate(l, basicItems(c.Hall, days), days, facts), nil
}

// A Basket is what somebody would like to know the cost of.
type Basket struct {
	Institution string
	Hall        string // one of HallSizes; empty: no farewell
	Days        int64  // in cold storage
	// More are codes of further items, one of each.
	More []string
	// Ashes is the code of a place that is let by the year, for Years; empty:
	// none.
	Ashes string
	Years int64
	// Eco is the type of an eco-burial that an incentive may be paid for, "SEA";
	// empty: none.
	Eco string
}

// EstimateBasket computes what a basket costs by the list in force today, under
// the relief and the incentive that these facts give. Nothing is stored.
func (a *App) EstimateBasket(ctx context.Context, b Basket, facts booking.ReliefFacts, now time.Time) (Estimate, error) {
	l, err := a.prices(ctx, b.Institution, domain.DateOf(now))
	if err != nil {
		return Estimate{}, err
	}
	items := basicItems(b.Hall, max(1, b.Days))
	taken := func(code string) bool {
		return slices.ContainsFunc(items, func(w wanted) bool { return slices.Contains(w.codes, code) })
	}
	for _, code := range b.More {
		if !taken(code) {
			items = append(items, wanted{code, []string{code}, 1})
		}
	}
	if b.Ashes != "" && !taken(b.Ashes) {
		items = append(items, wanted{b.Ashes, []string{b.Ashes}, max(1, b.Years)})
	}
	e := a.estimate(l, items, max(1, b.Days), facts)
	if b.Eco != "" {
		rules, err := a.IncentiveRules(ctx)
		if err != nil {
			return Estimate{}, err
		}
		e.Incentive, _ = ecoburial.RuleFor(rules, b.Eco, domain.DateOf(now), facts.Hukou)
	}
	return e, nil
}

func (a *App) estimate(l booking.PriceList, items []wanted, days int64, facts booking.ReliefFacts) Estimate {
	e := Estimate{Version: l.Version, From: l.EffectiveFrom, StorageDays: days}
	if l.Version == 0 {
		return e
	}
	for _, it := range items {
		r, ok := rowOf(l.Rows, it.codes...)
		if !ok {
			e.Missing = append(e.Missing, it.codes[0])
			continue
		}
		e.Lines = append(e.Lines, EstimateLine{Open: r.Price == 0 && r.Ceiling > 0, From: r.Min, To: r.Ceiling,
			Line: booking.Line{ID: it.id, Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Unit: r.Unit, Quantity: it.n, Price: r.Price, Amount: r.Price * domain.Money(it.n), Ceiling: r.Ceiling,
				PriceListVersion: l.Version, Block: r.Block, PricingType: r.PricingType, Content: r.Content, Basis: r.Basis}})
	}
	if facts.Category != "" {
		var lines []booking.Line
		for _, x := range e.Lines {
			lines = append(lines, x.Line)
		}
		rule, reductions, err := booking.Relief(a.Rules.Relief, facts, lines)
		e.Rule, e.Refused = rule, err
		for _, r := range reductions {
			for i := range e.Lines {
				if e.Lines[i].ID == r.Line {
					e.Lines[i].Relief = r.Amount
				}
			}
		}
	}
	for _, x := range e.Lines {
		e.Total += x.Amount
		e.Relief += x.Relief
	}
	e.Due = e.Total - e.Relief
	return e
}

// An Offered is a row of the list that may be chosen for a basket.
type Offered struct {
	Code, NameZh, NameEn, Unit, Block string
	Price                             domain.Money
}

// Choices are what the list in force offers besides transport, storage,
// farewell and cremation, with a price: what may be added, in the order of the
// list, and the places for ashes that are let by the year. What would stand in
// for a basic item (another furnace, another vehicle) is settled at the desk.
func (a *App) Choices(ctx context.Context, institution string, on domain.Date) (more, ashes []Offered, err error) {
	l, err := a.prices(ctx, institution, on)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range l.Rows {
		o := Offered{r.Code, r.NameZh, r.NameEn, r.Unit, r.Block, r.Price}
		switch {
		case r.Code == "" || r.Price == 0 && r.Ceiling > 0: // a range: the desk sets the price
		case strings.HasPrefix(r.Code, "ASH-"):
			ashes = append(ashes, o)
		case slices.Contains(HallSizes, r.Code), strings.HasPrefix(r.Code, "CRM-"), r.Code == "TRN-STD", r.Code == "TRN-LUX", r.Code == "STO-COLD":
			// in the basket already, or instead of what is
		default:
			more = append(more, o)
		}
	}
	return more, ashes, nil
}
