package pricing

import (
	"slices"
	"strconv"

	"shenzhong/domain"
)

// A Precision is how exactly a list's effective date is known.
type Precision string

// The precisions. Some printed lists say only "2008".
const (
	ToDay  Precision = "day"
	ToYear Precision = "year"
)

// PriceListEvent is a fact about one institution's price list.
type PriceListEvent interface{ priceListEvent() }

// Published put a version of the price list in force from that day on.
type Published struct {
	Version         int             `json:"version"`
	EffectiveFrom   domain.Date     `json:"effective_from"`
	Precision       Precision       `json:"precision"`
	InstitutionName string          `json:"institution_name"`
	City            string          `json:"city,omitzero"`
	Division        domain.Division `json:"division"`
	FacilityKind    string          `json:"facility_kind,omitzero"`
	Basis           string          `json:"basis,omitzero"`
	Source          string          `json:"source,omitzero"`
	Confidence      string          `json:"confidence,omitzero"`
	Caveats         []string        `json:"caveats,omitzero"`
	// Attester is the account that stands for the list.
	Attester string `json:"attester,omitzero"`
	// AttesterName is office and name as the head of the institution signs the
	// list in public, "馆长 闻思远". It is no private person's.
	AttesterName string `json:"attester_name,omitzero"`
	// CatalogueVersion is the version that the rows were checked against; zero
	// where no catalogue was in force.
	CatalogueVersion int   `json:"catalogue_version,omitzero"`
	Rows             []Row `json:"rows"`
	// Totals are sums of rows, as families buy them.
	Totals []Total `json:"totals,omitzero"`
	// LateReason is why the list takes effect in the past although another was in
	// force; empty where it does not.
	LateReason string `json:"late_reason,omitzero"`
}

func (Published) priceListEvent() {}

// Row finds a row by its code.
func (p Published) Row(code string) (Row, bool) {
	i := slices.IndexFunc(p.Rows, func(r Row) bool { return r.Code == code })
	if i < 0 {
		return Row{}, false
	}
	return p.Rows[i], true
}

// PriceListCommand asks one institution's price list for something.
type PriceListCommand interface {
	domain.Command
	priceListCommand()
}

// Publish puts a new version of the list in force. Its number follows from the
// one before.
type Publish struct {
	domain.Act
	EffectiveFrom   domain.Date
	Precision       Precision // empty means ToDay
	InstitutionName string
	City            string
	Division        domain.Division
	FacilityKind    string
	Basis           string
	Source          string
	Confidence      string
	Caveats         []string
	Attester        string
	AttesterName    string
	Rows            []Row
	Totals          []Total
	// Catalogue is the catalogue in force in the division on EffectiveFrom, a
	// fact from its stream; nil where there is none.
	Catalogue *Adopted
}

func (Publish) priceListCommand() {}

// PriceListState is one institution's list with its history, oldest first.
type PriceListState struct{ Versions []Published }

// InForce is the list of that day, and false where none was in force yet.
func (s PriceListState) InForce(on domain.Date) (Published, bool) {
	for _, v := range slices.Backward(s.Versions) {
		if v.EffectiveFrom <= on {
			return v, true
		}
	}
	return Published{}, false
}

// PriceList decides for one institution's price list.
var PriceList = domain.Decider[PriceListState, PriceListCommand, PriceListEvent]{Decide: decidePriceList, Evolve: evolvePriceList}

func evolvePriceList(s PriceListState, e PriceListEvent) PriceListState {
	switch e := e.(type) {
	case Published:
		s.Versions = append(slices.Clip(s.Versions), e)
	}
	return s
}

func decidePriceList(s PriceListState, cmd PriceListCommand) ([]PriceListEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Publish:
		return s.publish(c)
	}
	panic("unreachable: sealed interface")
}

func (s PriceListState) publish(c Publish) ([]PriceListEvent, error) {
	if c.Precision == "" {
		c.Precision = ToDay
	}
	if _, err := domain.ParseDate(string(c.EffectiveFrom)); err != nil {
		return nil, err
	}
	if _, err := domain.ParseDivision(string(c.Division)); err != nil {
		return nil, err
	}
	switch {
	case c.Precision != ToDay && c.Precision != ToYear,
		c.Precision == ToYear && c.EffectiveFrom != domain.Date(c.EffectiveFrom.Year()+"-01-01"):
		return nil, ErrPrecision
	case blank(c.InstitutionName):
		return nil, ErrHeading
	case len(c.Rows) == 0:
		return nil, ErrEmpty
	case len(c.Rows) > maxRows:
		return nil, ErrTooLong.With(maxRows, len(c.Rows))
	}
	var err error
	if c.InstitutionName, err = domain.CheckText(c.InstitutionName); err != nil {
		return nil, err
	}
	for _, t := range append([]string{c.City, c.FacilityKind, c.Basis, c.Source, c.Confidence, c.AttesterName}, c.Caveats...) {
		if _, err := domain.CheckLine(t); err != nil {
			return nil, err
		}
	}
	// A list is bound by the catalogue of its own day, not by a later one.
	cat := c.Catalogue
	if cat != nil && c.EffectiveFrom < cat.EffectiveFrom {
		cat = nil
	}
	var k checker
	invalid := ErrPriceList
	for i, r := range c.Rows {
		k.row(i, r)
		if cat == nil || blank(r.Code) {
			continue
		}
		invalid = ErrPriceList.Under("I16", lawOfCatalogue)
		if it, ok := cat.Item(r.Code); ok {
			it.check(&k, i, r)
		} else {
			k.against(ErrUnlisted, i, r.Code, "code", "不在收费目录清单内（"+cat.Document+"）", "it is not in the fee catalogue ("+cat.Document+")")
		}
	}
	if cat != nil {
		for _, code := range cat.Required(c.FacilityKind) {
			if !slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Code == code }) {
				it, _ := cat.Item(code)
				k.against(ErrMissing, -1, code, "rows", "缺必列项目“"+it.NameZh+"”；不提供的也要列出并注明", "the fixed row "+strconv.Quote(code)+" is missing; what is not offered is listed and says so")
			}
		}
	}
	k.totals(c.Totals, c.Rows)
	if err := k.err(invalid); err != nil {
		return nil, err
	}
	p := Published{
		Version: len(s.Versions) + 1, EffectiveFrom: c.EffectiveFrom, Precision: c.Precision,
		InstitutionName: c.InstitutionName, City: c.City, Division: c.Division, FacilityKind: c.FacilityKind,
		Basis: c.Basis, Source: c.Source, Confidence: c.Confidence, Caveats: slices.Clone(c.Caveats),
		Attester: c.Attester, AttesterName: c.AttesterName, Rows: slices.Clone(c.Rows), Totals: cloneTotals(c.Totals),
	}
	if cat != nil {
		p.CatalogueVersion = cat.Version
	}
	if n := len(s.Versions); n > 0 {
		last := s.Versions[n-1]
		// A file imported again is no news, even after its successor was.
		for _, v := range s.Versions {
			if v.same(p) && (v.Version == last.Version || v.EffectiveFrom < last.EffectiveFrom) {
				return nil, nil
			}
		}
		if p.EffectiveFrom < last.EffectiveFrom {
			return nil, ErrPredates.With(p.EffectiveFrom, last.EffectiveFrom)
		}
	}
	if err := farAhead(p.EffectiveFrom, c.Act); err != nil {
		return nil, err
	}
	// Prices that have been charged are not replaced in silence. The first list
	// of an institution may be as old as it is.
	today := domain.DateOf(c.Now)
	if _, replaces := s.InForce(today); replaces && p.EffectiveFrom < today {
		if blank(c.LateReason) {
			return nil, ErrBackdated.With(p.EffectiveFrom)
		}
	}
	if p.LateReason, err = domain.CheckLine(c.LateReason); err != nil {
		return nil, err
	}
	return []PriceListEvent{p}, nil
}

// same says that both publish the same on the same day, whoever attests it and
// whatever catalogue was there to check it against.
func (p Published) same(o Published) bool {
	return p.EffectiveFrom == o.EffectiveFrom && p.Precision == o.Precision && p.InstitutionName == o.InstitutionName &&
		p.City == o.City && p.Division == o.Division && p.FacilityKind == o.FacilityKind && p.Basis == o.Basis &&
		p.Source == o.Source && p.Confidence == o.Confidence && slices.Equal(p.Caveats, o.Caveats) && slices.Equal(p.Rows, o.Rows) &&
		slices.EqualFunc(p.Totals, o.Totals, Total.same)
}

// totals checks that every total is the sum of its rows.
func (k *checker) totals(ts []Total, rows []Row) {
	if len(ts) > maxTotals {
		k.bad(-1, "", "totals", "合计最多 20 个", "there are at most 20 totals")
		return
	}
	for i, t := range ts {
		field := "totals[" + strconv.Itoa(i) + "]"
		if blank(t.NameZh) || len(t.Items) == 0 || len(t.Items) > maxRows {
			k.bad(-1, "", field, "合计要有名称和项目", "a total has a name and items")
			continue
		}
		k.lines(-1, "", line{field + ".name_zh", t.NameZh}, line{field + ".name_en", t.NameEn})
		sum, fine := domain.Money(0), true
		for _, it := range t.Items {
			n := slices.IndexFunc(rows, func(r Row) bool { return r.Code == it.Code })
			switch {
			case n < 0 || rows[n].NotOffered || rows[n].Price == 0 && rows[n].PricingType != Free:
				fine = false
				k.bad(-1, it.Code, field, "合计里的项目要在表上，并有一个价格", "an item of a total is on the list and has one price")
			case it.Quantity < 1 || it.Quantity > 1000:
				fine = false
				k.bad(-1, it.Code, field, "数量从 1 到 1000", "a quantity is from 1 to 1000")
			case rows[n].Price <= maxPrice:
				sum += rows[n].Price * domain.Money(it.Quantity)
			}
		}
		if fine && sum != t.Amount {
			k.against(ErrTotal, -1, "", field+".total_fen", "“"+t.NameZh+"”写的是 "+t.Amount.String()+" 元，逐项相加是 "+sum.String()+" 元", strconv.Quote(t.NameZh)+" says "+t.Amount.String()+" yuan; its rows sum to "+sum.String())
		}
	}
}

// maxTotals bounds how many totals a list has.
const maxTotals = 20
