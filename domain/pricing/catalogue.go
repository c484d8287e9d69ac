package pricing

import (
	"slices"

	"shenzhong/domain"
)

// CatalogueEvent is a fact about one division's catalogue.
type CatalogueEvent interface{ catalogueEvent() }

// Adopted put a version of the catalogue in force from that day on.
type Adopted struct {
	Version       int         `json:"version"`
	Document      string      `json:"document"`
	EffectiveFrom domain.Date `json:"effective_from"`
	Items         []Item      `json:"items"`
}

// An Item is what may be charged at all, and how its price comes about.
type Item struct {
	Code        string      `json:"code"`
	NameZh      string      `json:"name_zh"`
	NameEn      string      `json:"name_en,omitzero"`
	Category    RowCategory `json:"category"`
	PricingType PricingType `json:"pricing_type"`
	Unit        string      `json:"unit"`
	Note        string      `json:"note,omitzero"`
}

func (Adopted) catalogueEvent() {}

// CatalogueCommand asks one division's catalogue for something.
type CatalogueCommand interface {
	domain.Command
	catalogueCommand()
}

// Adopt puts a new version of the catalogue in force. Its number follows from
// the one before.
type Adopt struct {
	domain.Act
	Document      string
	EffectiveFrom domain.Date
	Items         []Item
}

func (Adopt) catalogueCommand() {}

// CatalogueState is one division's catalogue with its history, oldest first.
type CatalogueState struct {
	Versions []Adopted
	Contents []Contents
}

// InForce is the catalogue of that day, and false where none was in force yet.
func (s CatalogueState) InForce(on domain.Date) (Adopted, bool) {
	for _, v := range slices.Backward(s.Versions) {
		if v.EffectiveFrom <= on {
			return v, true
		}
	}
	return Adopted{}, false
}

// Catalogue decides for one division's catalogue.
var Catalogue = domain.Decider[CatalogueState, CatalogueCommand, CatalogueEvent]{Decide: decideCatalogue, Evolve: evolveCatalogue}

func evolveCatalogue(s CatalogueState, e CatalogueEvent) CatalogueState {
	switch e := e.(type) {
	case Adopted:
		s.Versions = append(slices.Clip(s.Versions), e)
	case Contents:
		s.Contents = append(slices.Clip(s.Contents), e)
	}
	return s
}

func decideCatalogue(s CatalogueState, cmd CatalogueCommand) ([]CatalogueEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Adopt:
		return s.adopt(c)
	case StateContents:
		return s.stateContents(c)
	}
	panic("unreachable: sealed interface")
}

func (s CatalogueState) adopt(c Adopt) ([]CatalogueEvent, error) {
	if _, err := domain.ParseDate(string(c.EffectiveFrom)); err != nil {
		return nil, err
	}
	switch {
	case blank(c.Document):
		return nil, ErrDocument
	case len(c.Items) == 0:
		return nil, ErrEmpty
	case len(c.Items) > maxRows:
		return nil, ErrTooLong.With(maxRows, len(c.Items))
	}
	var k checker
	for i, it := range c.Items {
		k.named(i, it.Code, it.NameZh, it.Category, it.PricingType, it.Unit)
		k.lines(i, it.Code, line{"name_en", it.NameEn}, line{"unit", it.Unit}, line{"note", it.Note})
	}
	if err := k.err(ErrCatalogue); err != nil {
		return nil, err
	}
	a := Adopted{len(s.Versions) + 1, c.Document, c.EffectiveFrom, slices.Clone(c.Items)}
	if n := len(s.Versions); n > 0 {
		last := s.Versions[n-1]
		for _, v := range s.Versions {
			if v.same(a) && (v.Version == last.Version || v.EffectiveFrom < last.EffectiveFrom) {
				return nil, nil
			}
		}
		if a.EffectiveFrom < last.EffectiveFrom {
			return nil, ErrPredates.With(a.EffectiveFrom, last.EffectiveFrom)
		}
	}
	if err := farAhead(a.EffectiveFrom, c.Act); err != nil {
		return nil, err
	}
	return []CatalogueEvent{a}, nil
}

// same says that both put the same in force on the same day.
func (a Adopted) same(b Adopted) bool {
	return a.Document == b.Document && a.EffectiveFrom == b.EffectiveFrom && slices.Equal(a.Items, b.Items)
}

// has says that the catalogue lets the code be charged.
func (a Adopted) has(code string) bool {
	return slices.ContainsFunc(a.Items, func(it Item) bool { return it.Code == code })
}
