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

// An Item is what may be charged at all, how its price comes about, and how high
// it may be. A zero amount means that the catalogue sets none.
type Item struct {
	Code        string      `json:"code"`
	NameZh      string      `json:"name_zh"`
	NameEn      string      `json:"name_en,omitzero"`
	Category    RowCategory `json:"category"`
	PricingType PricingType `json:"pricing_type"`
	Unit        string      `json:"unit"`
	Note        string      `json:"note,omitzero"`
	Content     string      `json:"content,omitzero"` // what the item includes (服务内容)
	Basis       string      `json:"basis,omitzero"`   // the document that sets its price
	// PriceMin and PriceMax are the band of a guided price (its ceiling alone
	// where there is no floor) or the reference range.
	PriceMin domain.Money `json:"price_min_fen,omitzero"`
	PriceMax domain.Money `json:"price_max_fen,omitzero"`
	// What may at most be put on the cost of goods (差率, 差额).
	MarkupPercent int64        `json:"markup_percent,omitzero"`
	Markup        domain.Money `json:"markup_fen,omitzero"`
	// RequiredOf is the kind of institution whose list has to have the row, offered
	// or not; empty: it is nobody's fixed row.
	RequiredOf string `json:"required_of,omitzero"`
}

// check says what of a row the item forbids.
func (it Item) check(k *checker, i int, r Row) {
	if r.NotOffered {
		return
	}
	if r.PricingType != it.PricingType && r.PricingType != Free { // what costs nothing is below every limit
		k.against(ErrMethod, i, r.Code, "pricing_type", "目录的定价形式是 "+string(it.PricingType), "the catalogue's method is "+string(it.PricingType))
		return
	}
	most := r.Ceiling()
	least := most
	if r.PriceMin > 0 {
		least = r.PriceMin
	}
	if r.Price > 0 {
		least = min(least, r.Price)
	}
	switch {
	case it.PricingType == ReferenceRange && r.PricingType != Free && blank(r.Reason) && (it.PriceMax > 0 && most > it.PriceMax || least < it.PriceMin):
		span := it.PriceMin.String() + "–" + it.PriceMax.String()
		k.against(ErrOutside, i, r.Code, "price_fen", "不在参考区间 "+span+" 元之内，也没有写明理由", "it is outside the reference range of "+span+" yuan and gives no reason")
	case it.PricingType == ReferenceRange:
	case it.PriceMax > 0 && most > it.PriceMax:
		k.against(ErrAbove, i, r.Code, "price_fen", "高于目录的最高价 "+it.PriceMax.String()+" 元", "it is above the catalogue's ceiling of "+it.PriceMax.String()+" yuan")
	case it.PricingType == Free && most > 0:
		k.against(ErrAbove, i, r.Code, "price_fen", "目录规定免费", "the catalogue makes it free")
	case it.PriceMin > 0 && least < it.PriceMin && r.PricingType != Free:
		k.bad(i, r.Code, "price_fen", "低于目录的最低价 "+it.PriceMin.String()+" 元", "it is below the catalogue's floor of "+it.PriceMin.String()+" yuan")
	}
	if it.PricingType == MarkupCapped && r.PricingType != Free {
		rate := it.MarkupPercent > 0 && r.MarkupPercent > it.MarkupPercent
		amount := it.Markup > 0 && r.Markup > it.Markup
		if rate || amount {
			k.against(ErrAbove, i, r.Code, "markup_percent", "差率或差额高于目录的上限", "the markup is above the catalogue's limit")
		}
		capped := r
		capped.MarkupPercent, capped.Markup = it.MarkupPercent, it.Markup
		if limit, ok := capped.costCap(); ok && most > limit {
			k.against(ErrAbove, i, r.Code, "price_fen", "高于进价加目录允许的差率或差额（"+limit.String()+" 元）", "it is above cost and the catalogue's markup ("+limit.String()+" yuan)")
		}
	}
}

// limits checks the amounts of an item.
func (k *checker) limits(i int, it Item) {
	for _, m := range []struct {
		field string
		v     int64
	}{{"price_min_fen", int64(it.PriceMin)}, {"price_max_fen", int64(it.PriceMax)}, {"markup_percent", it.MarkupPercent}, {"markup_fen", int64(it.Markup)}} {
		switch {
		case m.v < 0:
			k.bad(i, it.Code, m.field, "不能是负数", "it is negative")
		case m.v > int64(maxPrice):
			k.bad(i, it.Code, m.field, "数额过大", "it is too large")
		}
	}
	if it.PriceMax > 0 && it.PriceMin > it.PriceMax {
		k.bad(i, it.Code, "price_min_fen", "下限高于上限", "the minimum is above the maximum")
	}
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
		k.lines(i, it.Code, line{"name_en", it.NameEn}, line{"unit", it.Unit}, line{"note", it.Note}, line{"content", it.Content}, line{"basis", it.Basis}, line{"required_of", it.RequiredOf})
		k.limits(i, it)
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

// Item finds what the catalogue says of a code; it lets nothing else be charged.
func (a Adopted) Item(code string) (Item, bool) {
	i := slices.IndexFunc(a.Items, func(it Item) bool { return it.Code == code })
	if i < 0 {
		return Item{}, false
	}
	return a.Items[i], true
}

// Required are the items that a list of that kind of institution has to have.
func (a Adopted) Required(kind string) (codes []string) {
	for _, it := range a.Items {
		if it.RequiredOf != "" && it.RequiredOf == kind {
			codes = append(codes, it.Code)
		}
	}
	return codes
}
