package pricing

import (
	"slices"

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
	// CatalogueVersion is the version that the rows were checked against; zero
	// where no catalogue was in force.
	CatalogueVersion int   `json:"catalogue_version,omitzero"`
	Rows             []Row `json:"rows"`
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
	Rows            []Row
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
	for _, t := range append([]string{c.City, c.FacilityKind, c.Basis, c.Source, c.Confidence}, c.Caveats...) {
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
		if cat != nil && !blank(r.Code) && !cat.has(r.Code) {
			invalid = ErrPriceList.Under("I16", "殡葬管理条例（2026）；发改价格〔2026〕108号")
			k.bad(i, r.Code, "code", "不在收费目录清单内（"+cat.Document+"）", "it is not in the fee catalogue ("+cat.Document+")")
		}
	}
	if err := k.err(invalid); err != nil {
		return nil, err
	}
	p := Published{
		Version: len(s.Versions) + 1, EffectiveFrom: c.EffectiveFrom, Precision: c.Precision,
		InstitutionName: c.InstitutionName, City: c.City, Division: c.Division, FacilityKind: c.FacilityKind,
		Basis: c.Basis, Source: c.Source, Confidence: c.Confidence, Caveats: slices.Clone(c.Caveats),
		Attester: c.Attester, Rows: slices.Clone(c.Rows),
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
	if _, replaces := s.InForce(today); replaces && p.EffectiveFrom < today && blank(c.LateReason) {
		return nil, ErrBackdated.With(p.EffectiveFrom)
	}
	return []PriceListEvent{p}, nil
}

// same says that both publish the same on the same day, whoever attests it and
// whatever catalogue was there to check it against.
func (p Published) same(o Published) bool {
	return p.EffectiveFrom == o.EffectiveFrom && p.Precision == o.Precision && p.InstitutionName == o.InstitutionName &&
		p.City == o.City && p.Division == o.Division && p.FacilityKind == o.FacilityKind && p.Basis == o.Basis &&
		p.Source == o.Source && p.Confidence == o.Confidence && slices.Equal(p.Caveats, o.Caveats) && slices.Equal(p.Rows, o.Rows)
}
