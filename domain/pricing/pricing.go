// Package pricing keeps what may be charged: the fee catalogue (收费目录清单)
// that a city adopts, and the price lists that institutions publish under it.
//
// 发改价格〔2026〕108号 lets nobody charge outside the local catalogue.
package pricing

import (
	"slices"
	"strconv"
	"strings"

	"shenzhong/domain"
)

// The first parts of stream names. A catalogue's id is its division ("210200"),
// a price list's the institution's credit code, or a lower-case slug for a list
// kept only for reference.
const (
	CatalogueCategory = "catalogue"
	PriceListCategory = "pricelist"
)

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[Adopted]("catalogue.adopted.v2"),
	domain.Upcast("catalogue.adopted.v1", adoptedV1.up),
	domain.Named[Contents]("catalogue.contents_stated.v1"),
	domain.Named[Published]("pricelist.published.v2"),
	domain.Upcast("pricelist.published.v1", publishedV1.up),
}

// A RowCategory is what kind of thing a row prices.
type RowCategory string

// The categories of the catalogue.
const (
	Transport     RowCategory = "TRANSPORT"
	Storage       RowCategory = "STORAGE"
	Farewell      RowCategory = "FAREWELL"
	FarewellExtra RowCategory = "FAREWELL_EXTRA"
	Cremation     RowCategory = "CREMATION"
	AshStorage    RowCategory = "ASH_STORAGE"
	Grooming      RowCategory = "GROOMING"
	Embalming     RowCategory = "EMBALMING"
	Venue         RowCategory = "VENUE"
	Goods         RowCategory = "GOODS"
	Headstone     RowCategory = "HEADSTONE"
	EcoBurial     RowCategory = "ECO_BURIAL"
	Niche         RowCategory = "NICHE"
	BurialPlot    RowCategory = "BURIAL_PLOT"
	Maintenance   RowCategory = "MAINTENANCE"
	Paper         RowCategory = "DOCUMENT"
)

// Categories lists every category, in the order of a price page.
var Categories = []RowCategory{Transport, Storage, Farewell, Cremation, AshStorage, EcoBurial, Niche, BurialPlot, Maintenance, Paper,
	Grooming, Embalming, FarewellExtra, Venue, Goods, Headstone}

// A PricingType is how a price comes about.
type PricingType string

// The pricing types. GovFixed, GovGuided and Market are those of
// 发改价格〔2012〕673号, kept for older lists; the rest follow 发改价格〔2026〕108号.
const (
	GovFixed       PricingType = "GOV_FIXED"        // 政府定价
	GovGuided      PricingType = "GOV_GUIDED"       // 政府指导价
	GovGuidedBasic PricingType = "GOV_GUIDED_BASIC" // 政府指导价, basic items
	ReferenceRange PricingType = "REFERENCE_RANGE"  // 参考区间, other items
	MarkupCapped   PricingType = "MARKUP_CAPPED"    // 差率或差额, goods
	MarketFiled    PricingType = "MARKET_FILED"     // 市场调节价 with written report
	VillageCost    PricingType = "VILLAGE_COST"     // a village's actual cost
	Market         PricingType = "MARKET"           // 市场调节价
	Free           PricingType = "FREE"
)

// PricingTypes lists every pricing type.
var PricingTypes = []PricingType{GovFixed, GovGuided, GovGuidedBasic, ReferenceRange, MarkupCapped, MarketFiled, VillageCost, Market, Free}

// A Row is one line of a price list. A zero amount means that the list gives
// none, except on a FREE row, which costs nothing.
type Row struct {
	Code        string       `json:"code"`
	NameZh      string       `json:"name_zh"`
	NameEn      string       `json:"name_en,omitzero"`
	Category    RowCategory  `json:"category"`
	PricingType PricingType  `json:"pricing_type"`
	Unit        string       `json:"unit"`
	Price       domain.Money `json:"price_fen"`
	PriceMin    domain.Money `json:"price_min_fen,omitzero"`
	PriceMax    domain.Money `json:"price_max_fen,omitzero"`
	// Cost and what may be put on it, for MARKUP_CAPPED rows that tell them.
	Cost          domain.Money `json:"cost_fen,omitzero"`
	MarkupPercent int64        `json:"markup_percent,omitzero"` // 差率
	Markup        domain.Money `json:"markup_fen,omitzero"`     // 差额
	Note          string       `json:"note,omitzero"`
	Basis         string       `json:"basis,omitzero"`
	Content       string       `json:"content,omitzero"` // what the item includes (服务内容)
	Relief        string       `json:"relief,omitzero"`  // who pays less for it (减免政策)
	// Reason is why the price lies outside the catalogue's reference range (PR-2).
	Reason string `json:"reason,omitzero"`
	// NotOffered says that the institution does not have the item: a fixed row is
	// shown all the same, and has no price.
	NotOffered bool `json:"not_offered,omitzero"`
}

// A Total is the sum of several rows, as families buy them. It stands on the
// list only if it sums.
type Total struct {
	NameZh string       `json:"name_zh"`
	NameEn string       `json:"name_en,omitzero"`
	Items  []TotalItem  `json:"items"`
	Amount domain.Money `json:"total_fen"` // before relief
}

// A TotalItem is so many units of one row.
type TotalItem struct {
	Code     string `json:"code"`
	Quantity int64  `json:"quantity"`
}

func (t Total) same(o Total) bool {
	return t.NameZh == o.NameZh && t.NameEn == o.NameEn && t.Amount == o.Amount && slices.Equal(t.Items, o.Items)
}

func cloneTotals(ts []Total) []Total {
	ts = slices.Clone(ts)
	for i := range ts {
		ts[i].Items = slices.Clone(ts[i].Items)
	}
	return ts
}

// Ceiling is the most that a unit may cost under this row (PR-2). A posted
// price binds whoever posted it, whatever the method (价格法 Art. 13), so every
// row has one.
func (r Row) Ceiling() domain.Money {
	switch {
	case r.PricingType == Free, r.NotOffered:
		return 0
	case r.PriceMax > 0:
		return r.PriceMax
	}
	return r.Price
}

// costCap is cost and permitted markup, and false where the row tells neither.
func (r Row) costCap() (domain.Money, bool) {
	switch {
	case r.PricingType != MarkupCapped || r.Cost == 0:
		return 0, false
	case r.Markup > 0:
		return r.Cost + r.Markup, true
	case r.MarkupPercent > 0:
		return r.Cost + r.Cost*domain.Money(r.MarkupPercent)/100, true
	}
	return 0, false
}

// A Block is the part of the price page on which a row stands. Basic and
// optional services stand visibly apart.
type Block string

// The three blocks of a price page.
const (
	Basic      Block = "basic"    // 基础项目
	Optional   Block = "optional" // 非基础项目
	GoodsBlock Block = "goods"    // 丧葬用品
)

// Blocks lists the blocks in the order of a price page.
var Blocks = []Block{Basic, Optional, GoodsBlock}

// basicCategories are those of the national basic list (2026) and the fees that
// government guides for graves, niches and papers.
var basicCategories = []RowCategory{Transport, Storage, Farewell, Cremation, AshStorage, EcoBurial, Niche, BurialPlot, Maintenance, Paper}

// Block places the row by category and pricing type. A merely guided row
// (2012's extended services) is optional, except for graves and niches.
func (r Row) Block() Block {
	basic := slices.Contains(basicCategories, r.Category)
	switch {
	case r.Category == Goods || r.Category == Headstone:
		return GoodsBlock
	case r.PricingType == GovFixed || r.PricingType == GovGuidedBasic,
		basic && (r.PricingType == Free || r.PricingType == VillageCost),
		r.PricingType == GovGuided && slices.Contains([]RowCategory{EcoBurial, Niche, BurialPlot, Maintenance}, r.Category):
		return Basic
	}
	return Optional
}

// RowErrors refuses a list and names every bad row. errors.Is finds the
// rejection it stands for, errors.As the rejection itself.
type RowErrors struct {
	*domain.Rejection
	Problems []RowProblem
}

// A RowProblem is what is wrong with one field of one row.
type RowProblem struct {
	Row   int    `json:"row"`            // index from 0; -1: of the list as a whole
	Code  string `json:"code,omitzero"`  // the row's code, where it has one
	Field string `json:"field,omitzero"` // wire name of the field
	Zh    string `json:"zh"`
	En    string `json:"en"`
	// Kind is the code of the rejection that the problem would be by itself, "" for
	// what has none of its own.
	Kind string `json:"kind,omitzero"`
}

func (e *RowErrors) Error() string {
	var b strings.Builder
	b.WriteString(e.Rejection.Error())
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Unwrap lets errors.As find the rejection.
func (e *RowErrors) Unwrap() error { return e.Rejection }

// The rejections of this context.
var (
	ErrPriceList = domain.Reject("price_list_invalid", "价目表有 %d 处不对，整张没有收录。", "The price list has %d problems; none of it was recorded.")
	ErrCatalogue = domain.Reject("catalogue_invalid", "目录有 %d 处不对，整份没有收录。", "The catalogue has %d problems; none of it was recorded.")
	ErrPredates  = domain.Reject("list_predates_predecessor", "生效日期 %s 早于上一版的 %s，不能收录。", "It takes effect on %s, before its predecessor's %s, and cannot be recorded.").Under("I20", "")
	ErrFarAhead  = domain.Reject("effective_date_too_far", "生效日期 %s 太远，最多提前 %d 天公布。", "It would take effect on %s; lists are published at most %d days ahead.").Under("I20", "")
	ErrBackdated = domain.Reject("price_list_backdated", "生效日期 %s 已经过去，而已有在用的价目；补录请写明原因。", "It takes effect on %s, which has passed, and another list is in force; a late list needs a reason.").Under("I20", "")
	ErrEmpty     = domain.Reject("list_empty", "一行也没有。", "There are no rows.")
	ErrTooLong   = domain.Reject("list_too_long", "最多 %d 行，这里有 %d 行。", "At most %d rows; there are %d.")
	ErrPrecision = domain.Reject("precision_unknown", "日期精度只能是 day 或 year；精确到年的写 1 月 1 日。", "The precision is day or year; a date known to the year is written as 1 January.")
	ErrHeading   = domain.Reject("list_heading_incomplete", "请写明机构名称。", "Please state the name of the institution.")
	ErrAbove     = domain.Reject("price_above_catalogue", "价目表有 %d 处高于收费目录清单允许的价格，整张没有收录。", "%d prices are above what the fee catalogue allows; none of the list was recorded.").Under("I16", lawOfCatalogue)
	ErrOutside   = domain.Reject("price_outside_range", "价目表有 %d 处在参考区间之外而没有写明理由，整张没有收录。", "%d prices lie outside the reference range and give no reason; none of the list was recorded.").Under("PR-2", "发改价格〔2026〕108号")
	ErrMethod    = domain.Reject("pricing_method_differs", "价目表有 %d 处的定价形式与收费目录清单不同，整张没有收录。", "%d rows have another pricing method than the fee catalogue; none of the list was recorded.").Under("I16", lawOfCatalogue)
	ErrUnlisted  = domain.Reject("item_off_catalogue", "价目表有 %d 处不在收费目录清单内，整张没有收录。", "%d rows are not in the fee catalogue; none of the list was recorded.").Under("I16", lawOfCatalogue)
	ErrMissing   = domain.Reject("required_row_missing", "价目表缺 %d 个必列项目，没有收录；不提供的也要列出并注明。", "%d fixed rows are missing and the list was not recorded; what is not offered is listed and says so.").Under("I16", lawOfCatalogue)
	ErrTotal     = domain.Reject("total_wrong", "价目表有 %d 处合计不对，整张没有收录。", "%d totals are not the sum of their rows; none of the list was recorded.")
	ErrDocument  = domain.Reject("document_missing", "请写明目录的文件名称和文号。", "Please name the document that adopts the catalogue.")
)

// lawOfCatalogue is why nothing is charged outside the catalogue.
const lawOfCatalogue = "殡葬管理条例（2026）；发改价格〔2026〕108号"

// maxRows bounds a list so that it is always one event, within the store's limit.
const maxRows = 1000

// maxAhead bounds how many days ahead a list is published: one for an absurd day
// would keep out every later one. A proposal of ours ([P]).
const maxAhead = 366

// farAhead refuses a day of effect that is too far from now.
func farAhead(from domain.Date, act domain.Act) error {
	if from > domain.DateOf(act.Now).AddDays(maxAhead) {
		return ErrFarAhead.With(from, maxAhead)
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// String is the problem on one line: "row 3 (CRM-FLAT) price_fen: …", rows
// counted from 1 as people do.
func (p RowProblem) String() string {
	s := "row " + strconv.Itoa(p.Row+1)
	if p.Row < 0 {
		s = "list"
	}
	if p.Code != "" {
		s += " (" + p.Code + ")"
	}
	return s + " " + p.Field + ": " + p.En
}

// A checker gathers what is wrong with the rows of one list.
type checker struct {
	problems []RowProblem
	codes    map[string]int // code to the first row that has it
}

func (k *checker) bad(row int, code, field, zh, en string) {
	k.problems = append(k.problems, RowProblem{Row: row, Code: code, Field: field, Zh: zh, En: en})
}

// against is a problem that a rejection of its own stands for.
func (k *checker) against(r *domain.Rejection, row int, code, field, zh, en string) {
	k.problems = append(k.problems, RowProblem{row, code, field, zh, en, r.Code})
}

// err is nil when nothing was wrong. Problems that are all of one kind are
// refused as that kind, a mixture as the general rejection.
func (k *checker) err(general *domain.Rejection) error {
	if len(k.problems) == 0 {
		return nil
	}
	as := general
	for _, r := range []*domain.Rejection{ErrAbove, ErrOutside, ErrMethod, ErrUnlisted, ErrMissing, ErrTotal} {
		if !slices.ContainsFunc(k.problems, func(p RowProblem) bool { return p.Kind != r.Code }) {
			as = r
		}
	}
	return &RowErrors{as.With(len(k.problems)), k.problems}
}

// named checks what items and rows have in common.
func (k *checker) named(i int, code, name string, cat RowCategory, typ PricingType, unit string) {
	if k.codes == nil {
		k.codes = map[string]int{}
	}
	if blank(code) {
		k.bad(i, "", "code", "没有编码", "there is no code")
	} else if first, ok := k.codes[code]; ok {
		n := strconv.Itoa(first + 1)
		k.bad(i, code, "code", "与第 "+n+" 行的编码相同", "row "+n+" has the same code")
	} else {
		k.codes[code] = i
	}
	if blank(name) {
		k.bad(i, code, "name_zh", "没有名称", "there is no name")
	} else if _, err := domain.CheckText(name); err != nil {
		k.bad(i, code, "name_zh", domain.ErrText.Zh, domain.ErrText.En)
	}
	if !slices.Contains(Categories, cat) {
		k.bad(i, code, "category", "没有“"+string(cat)+"”这个类别", "there is no category "+strconv.Quote(string(cat)))
	}
	if !slices.Contains(PricingTypes, typ) {
		k.bad(i, code, "pricing_type", "没有“"+string(typ)+"”这种定价形式", "there is no pricing type "+strconv.Quote(string(typ)))
	}
	if blank(unit) {
		k.bad(i, code, "unit", "没有计价单位", "there is no unit")
	}
}

// A line is a text of one line, under the name of its field.
type line struct{ field, text string }

// lines checks texts that fill at most one line each.
func (k *checker) lines(i int, code string, ls ...line) {
	for _, l := range append(ls, line{"code", code}) {
		if _, err := domain.CheckLine(l.text); err != nil {
			k.bad(i, code, l.field, domain.ErrText.Zh, domain.ErrText.En)
		}
	}
}

// row checks one row of a price list.
func (k *checker) row(i int, r Row) {
	k.named(i, r.Code, r.NameZh, r.Category, r.PricingType, r.Unit)
	k.lines(i, r.Code, line{"name_en", r.NameEn}, line{"unit", r.Unit}, line{"note", r.Note}, line{"basis", r.Basis},
		line{"content", r.Content}, line{"relief", r.Relief}, line{"reason", r.Reason})
	unusable := false
	for _, m := range []struct {
		field string
		v     int64
	}{{"price_fen", int64(r.Price)}, {"price_min_fen", int64(r.PriceMin)}, {"price_max_fen", int64(r.PriceMax)},
		{"cost_fen", int64(r.Cost)}, {"markup_percent", r.MarkupPercent}, {"markup_fen", int64(r.Markup)}} {
		switch {
		case m.v < 0:
			unusable = true
			k.bad(i, r.Code, m.field, "不能是负数", "it is negative")
		case m.v > int64(maxPrice):
			unusable = true
			k.bad(i, r.Code, m.field, "数额过大", "it is too large")
		}
	}
	if unusable {
		return
	}
	if r.NotOffered {
		for _, m := range []struct {
			field string
			v     domain.Money
		}{{"price_fen", r.Price}, {"price_min_fen", r.PriceMin}, {"price_max_fen", r.PriceMax}} {
			if m.v != 0 {
				k.bad(i, r.Code, m.field, "不提供的项目没有价格", "what is not offered has no price")
			}
		}
		return
	}
	if r.PricingType == Free {
		for _, m := range []struct {
			field string
			v     domain.Money
		}{{"price_fen", r.Price}, {"price_min_fen", r.PriceMin}, {"price_max_fen", r.PriceMax}} {
			if m.v != 0 {
				k.bad(i, r.Code, m.field, "免费项目的价格是 0", "a free row costs 0")
			}
		}
		return
	}
	switch {
	case r.Price == 0 && slices.Contains([]PricingType{GovFixed, GovGuided, GovGuidedBasic}, r.PricingType):
		k.bad(i, r.Code, "price_fen", "政府定价和政府指导价要写明价格；不收费的写 FREE", "a government price must be stated; what costs nothing is FREE")
	case r.Price == 0 && r.PriceMax == 0:
		k.bad(i, r.Code, "price_fen", "没有价格，也没有上限；不收费的写 FREE", "there is neither a price nor a maximum; what costs nothing is FREE")
	}
	switch {
	case r.PriceMax == 0: // no band; a minimum alone bounds nothing
		if r.PriceMin > 0 && r.Price > 0 && r.Price < r.PriceMin {
			k.bad(i, r.Code, "price_fen", "低于下限", "it is below the minimum")
		}
	case r.PriceMin > r.PriceMax:
		k.bad(i, r.Code, "price_min_fen", "下限高于上限", "the minimum is above the maximum")
	case r.Price > 0 && (r.Price < r.PriceMin || r.Price > r.PriceMax):
		k.bad(i, r.Code, "price_fen", "不在上下限之间", "it is not between minimum and maximum")
	}
	if limit, ok := r.costCap(); ok && r.Ceiling() > limit {
		k.bad(i, r.Code, "price_fen", "高于进价加允许的差率或差额（"+limit.String()+" 元）", "it is above cost and permitted markup ("+limit.String()+" yuan)")
	}
}

// maxPrice is a bound on what anybody may mean: 100 million yuan. It keeps
// sums of a bill far from overflow.
const maxPrice = domain.Money(100_000_000_00)
