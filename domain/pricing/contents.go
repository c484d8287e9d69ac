package pricing

import (
	"slices"

	"shenzhong/domain"
)

// Contents says what items of the catalogue include already, from that day on.
// An item that another one includes is not charged beside it (PR-3).
type Contents struct {
	Version       int         `json:"version"`
	Document      string      `json:"document"`
	EffectiveFrom domain.Date `json:"effective_from"`
	Items         []Content   `json:"items"`
}

// A Content is one item and the codes of what it includes.
type Content struct {
	Code     string   `json:"code"`
	Includes []string `json:"includes"`
	Note     string   `json:"note,omitzero"` // in words, for the price page
}

func (Contents) catalogueEvent() {}

// StateContents says what items include. A later statement stands in for the
// former as a whole.
type StateContents struct {
	domain.Act
	Document      string
	EffectiveFrom domain.Date
	Items         []Content
}

func (StateContents) catalogueCommand() {}

// DefaultContents are what the documents that were found say: 接运 contains 抬尸
// and 消毒 (发改价格〔2012〕673号, 遗体接运(含抬尸、消毒)), and nobody splits
// items any more (殡葬管理条例, 2026). They hold where no authority stated its own.
var DefaultContents = []Content{
	{"TRN-STD", []string{"TRN-CARRY", "DIS-STD"}, "含抬运、消毒"},
	{"TRN-LUX", []string{"TRN-CARRY", "DIS-STD"}, "含抬运、消毒"},
}

// ContentsOn are what items include on that day.
func (s CatalogueState) ContentsOn(d domain.Date) []Content {
	for _, v := range slices.Backward(s.Contents) {
		if v.EffectiveFrom <= d {
			return v.Items
		}
	}
	return DefaultContents
}

// Includes are the codes that an item includes on that day.
func (s CatalogueState) Includes(code string, d domain.Date) []string {
	for _, c := range s.ContentsOn(d) {
		if c.Code == code {
			return c.Includes
		}
	}
	return nil
}

func (c Content) same(o Content) bool {
	return c.Code == o.Code && c.Note == o.Note && slices.Equal(c.Includes, o.Includes)
}

// ErrContents refuses contents that cannot be.
var ErrContents = domain.Reject("contents_invalid", "“%s”包含的内容不对：要有编码，不能包含自己，不能互相包含。", "The contents of %q are not valid: codes are given, none includes itself, no two include another.")

func (s CatalogueState) stateContents(c StateContents) ([]CatalogueEvent, error) {
	if _, err := domain.ParseDate(string(c.EffectiveFrom)); err != nil {
		return nil, err
	}
	switch {
	case blank(c.Document):
		return nil, ErrDocument
	case len(c.Items) > maxRows:
		return nil, ErrTooLong.With(maxRows, len(c.Items))
	}
	within := map[string][]string{}
	for _, it := range c.Items {
		if _, twice := within[it.Code]; twice || blank(it.Code) || len(it.Includes) == 0 {
			return nil, ErrContents.With(it.Code)
		}
		within[it.Code] = it.Includes
	}
	for _, it := range c.Items {
		for i, part := range it.Includes {
			if blank(part) || part == it.Code || slices.Contains(it.Includes[:i], part) || slices.Contains(within[part], it.Code) {
				return nil, ErrContents.With(it.Code)
			}
		}
	}
	e := Contents{len(s.Contents) + 1, c.Document, c.EffectiveFrom, nil}
	for _, it := range c.Items {
		e.Items = append(e.Items, Content{it.Code, slices.Clone(it.Includes), it.Note})
	}
	if n := len(s.Contents); n > 0 {
		last := s.Contents[n-1]
		if last.Document == e.Document && last.EffectiveFrom == e.EffectiveFrom && slices.EqualFunc(last.Items, e.Items, Content.same) {
			return nil, nil
		}
		if e.EffectiveFrom < last.EffectiveFrom {
			return nil, ErrPredates.With(e.EffectiveFrom, last.EffectiveFrom)
		}
	}
	return []CatalogueEvent{e}, nil
}
