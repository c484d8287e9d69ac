package web

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/ecoburial"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/projections"
	"shenzhong/projections/oversight"
	"shenzhong/projections/pricepages"
)

// The example city: invented institutions, and one real old list.
const (
	exampleHome     = "12210200422000019F"
	exampleCemetery = "12210281422000027L"
	exampleReal     = "dalian-funeral-home"
)

var exampleAsOf = AsOf{Position: 412806, At: time.Date(2026, 11, 23, 2, 25, 0, 0, time.UTC)}

// full is a source with something in every part of every page.
type full struct {
	r       *Renderer
	trouble Trouble
}

func (f full) asOf() AsOf { a := exampleAsOf; a.Trouble = f.trouble; return a }

func (f full) PriceIndex(context.Context) (PriceIndex, error) {
	return PriceIndex{
		Current: []PriceIndexEntry{
			{Key: exampleHome, Kind: "FUNERAL_HOME", Name: Text{"海晏殡仪馆（演示）", "Haiyan Funeral Home (demo)"}, City: "大连市", Version: 12, Rows: 5, From: Day{Date: "2026-10-01"}, Fictitious: true},
			{Key: exampleCemetery, Kind: "CEMETERY_PUBLIC_URBAN", Name: Text{Zh: "云岫公益性公墓（演示）"}, City: "大连市瓦房店市", Version: 1, Rows: 4, From: Day{Date: "2026-04-01"}, Fictitious: true},
		},
		Reference: []PriceIndexEntry{
			{Key: exampleReal, Kind: "FUNERAL_HOME", Name: Text{Zh: "大连市殡仪馆"}, City: "大连市", Version: 1, Rows: 27, From: Day{"2008-01-01", true}},
		},
		AsOf: f.asOf(),
	}, nil
}

func yuan(y int64) *domain.Money { m := domain.Yuan(y); return &m }

// examplePage is an institution's current list, with every pricing method.
func examplePage() pricepages.Page {
	v := pricepages.Version{
		Institution: exampleHome, Version: 12, EffectiveFrom: "2026-10-01", Precision: "day", NameZh: "海晏殡仪馆（演示）",
		City: "大连市", Division: "210211", FacilityKind: "FUNERAL_HOME", Basis: "发改价格〔2026〕108号", Attester: "staff-0102", RowCount: 6, CatalogueVersion: 1, AttesterName: "馆长 闻思远（化名）",
		Source: projections.Source{ID: uuid.MustParse("0199b1e2-6c40-7000-8000-000000000001"), Position: 400001, Recorded: time.Date(2026, 9, 28, 1, 0, 0, 0, time.UTC)},
	}
	p := pricepages.Page{
		Version: v, Previous: 11, Next: 13, NextFrom: "2027-01-01",
		Registered: &pricepages.Registered{NameZh: "海晏殡仪馆（演示）", NameEn: "Haiyan Funeral Home (demo)", Kind: "FUNERAL_HOME", Fictitious: true},
		Catalogue:  &pricepages.Catalogue{Division: "210200", Version: 1, Document: "大连市殡葬服务收费目录清单 2026 年第 1 版（演示）", EffectiveFrom: "2026-04-01"},
		Rows: []pricepages.Row{
			{Code: "TRN-STD", NameZh: "遗体接运（普通车）", NameEn: "Body transport, standard hearse", Category: "TRANSPORT", PricingType: "GOV_GUIDED_BASIC", Unit: "元/具", Price: yuan(200), PriceMax: yuan(200), Content: "含抬运、消毒", Relief: "惠民对象 0 元", Note: "市内 20 公里内", Basis: "大发改收费字〔2008〕564号"},
			{Code: "CRM-STD", NameZh: "遗体火化（平板炉）", NameEn: "Cremation, standard", Category: "CREMATION", PricingType: "GOV_GUIDED_BASIC", Unit: "元/具", Price: yuan(900), PriceMax: yuan(900)},
			{Code: "STO-COLD", NameZh: "遗体存放（冷藏）", NameEn: "Cold storage", Category: "STORAGE", PricingType: "GOV_GUIDED_BASIC", Unit: "元/日", Price: yuan(90)},
			{Code: "DOC-CERT", NameZh: "火化证明", NameEn: "Cremation certificate", Category: "DOCUMENT", PricingType: "FREE", Unit: "元/本", Price: yuan(0)},
			{Code: "HAL-L", NameZh: "遗体告别（大厅）", NameEn: "Farewell hall, large", Category: "FAREWELL", PricingType: "REFERENCE_RANGE", Unit: "元/场", Price: yuan(1000), PriceMin: yuan(600), PriceMax: yuan(1000), Basis: "发改价格〔2026〕108号"},
			{Code: "CRM-TRAY", NameZh: "遗体火化（拣灰炉）", NameEn: "Cremation, ash-tray furnace", Category: "CREMATION", PricingType: "GOV_GUIDED_BASIC", Unit: "元/具", NotOffered: true},
			{Code: "GRM-SPC", NameZh: "特殊整容", Category: "GROOMING", PricingType: "MARKET_FILED", Unit: "元/次", Price: yuan(2000), PriceMin: yuan(2000), PriceMax: yuan(5000)},
			{Code: "URN-BASIC", NameZh: "骨灰盒（基本款）", NameEn: "Urn, basic", Category: "GOODS", PricingType: "MARKUP_CAPPED", Unit: "元/只", Price: yuan(290), PriceMax: yuan(299), MarkupPercent: 30, Note: "进价 230 元"},
		},
		Totals:       []pricing.Total{{NameZh: "不办告别", NameEn: "Without a farewell", Items: []pricing.TotalItem{{Code: "TRN-STD", Quantity: 1}, {Code: "CRM-STD", Quantity: 1}}, Amount: *yuan(1100)}},
		ChargedMonth: "2026-10", Charged: []pricepages.Charged{
			{Code: "TRN-STD", Month: "2026-10", Count: 412, P10: *yuan(200), Median: *yuan(200), P90: *yuan(200)},
			{Code: "HAL-L", Month: "2026-10", Count: 19, P10: *yuan(900), Median: *yuan(1000), P90: *yuan(1000)}, {Code: "GRM-SPC", Month: "2026-10", Few: true}},
		Changes: []pricepages.Change{
			{Kind: pricepages.Lowered, Unit: "元/具", Code: "CRM-STD", NameZh: "遗体火化（平板炉）", NameEn: "Cremation, standard", Before: &pricepages.Row{Unit: "元/具", Price: yuan(950)}, After: &pricepages.Row{Unit: "元/具", Price: yuan(900)}, Fields: []string{"price_fen"}},
			{Kind: pricepages.Removed, Unit: "元/场", Code: "MUS-S", NameZh: "乐队奏乐（小厅）", Before: &pricepages.Row{Unit: "元/场", Price: yuan(100)}},
			{Kind: pricepages.Added, Unit: "元/本", Code: "DOC-CERT", NameZh: "火化证明", After: &pricepages.Row{Unit: "元/本", PricingType: "FREE", Price: yuan(0)}},
		},
	}
	for i, r := range p.Rows {
		p.Rows[i].Block = pricing.Row{Category: r.Category, PricingType: r.PricingType}.Block()
	}
	return p
}

// exampleHistory has a first version, one that changed nothing, and one that
// changed prices.
func exampleHistory(key string) pricepages.History {
	p := examplePage()
	first := p.Version
	first.Institution, first.Version, first.EffectiveFrom, first.Basis = key, 1, "2026-04-01", ""
	same := first
	same.Version = 2
	p.Version.Institution = key
	return pricepages.History{Institution: key, Registered: p.Registered, Versions: []pricepages.HistoricVersion{
		{Version: p.Version, Previous: 2, Changes: p.Changes}, {Version: same, Previous: 1}, {Version: first},
	}}
}

// realPage is the list that Dalian's funeral home posted in 2008.
func realPage() (pricepages.Page, error) {
	b, err := os.ReadFile("../../cmd/shenzhong/demo/prices/dalian_funeral_home_2008.json")
	if err != nil {
		return pricepages.Page{}, err
	}
	var f struct {
		Institution, City, Source, Basis, Confidence string
		Division                                     domain.Division
		Caveats                                      []string
		Items                                        []pricepages.Row
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return pricepages.Page{}, err
	}
	for i, r := range f.Items {
		f.Items[i].Block = pricing.Row{Category: r.Category, PricingType: r.PricingType}.Block()
	}
	return pricepages.Page{
		Version: pricepages.Version{
			Institution: exampleReal, Version: 1, EffectiveFrom: "2008-01-01", Precision: "year", NameZh: f.Institution, City: f.City,
			Division: f.Division, FacilityKind: "FUNERAL_HOME", Basis: f.Basis, Origin: f.Source, Confidence: f.Confidence, Caveats: f.Caveats, RowCount: len(f.Items),
			Source: projections.Source{ID: uuid.MustParse("0199b1e2-6c40-7000-8000-000000000002"), Position: 12, Recorded: exampleAsOf.At},
		},
		Rows: f.Items,
	}, nil
}

func (f full) PriceFile(_ context.Context, q FileQuery) (pricepages.File, AsOf, error) {
	var page pricepages.Page
	var err error
	switch q.Institution {
	case exampleHome, exampleCemetery:
		page = examplePage()
		page.Institution = q.Institution
	case exampleReal:
		page, err = realPage()
	default:
		err = handlers.ErrNotFound
	}
	if err != nil {
		return pricepages.File{}, AsOf{}, err
	}
	var pages map[string][]byte
	var data any = page
	if q.History {
		h := exampleHistory(q.Institution)
		data = h
		pages, err = f.r.PricePages().History(h)
	} else {
		pages, err = drawn(f.r, q.Format, page)
	}
	if err != nil {
		return pricepages.File{}, AsOf{}, err
	}
	body := pages[q.Variant]
	switch q.Format {
	case pricepages.JSON:
		if body, err = json.Marshal(data); err != nil {
			return pricepages.File{}, AsOf{}, err
		}
	case pricepages.CSV:
		body = []byte("code,price_fen\n")
	case pricepages.JSONLD:
		if body, err = json.Marshal(page.Linked()); err != nil {
			return pricepages.File{}, AsOf{}, err
		}
	}
	return fileOf(body, max(q.Version, page.Version.Version)), f.asOf(), nil
}

// drawn is a page of one of the formats for people.
func drawn(r *Renderer, f pricepages.Format, p pricepages.Page) (map[string][]byte, error) {
	switch f {
	case pricepages.Wall:
		return r.PricePages().Wall(p)
	case pricepages.Counter:
		return r.PricePages().Counter(p)
	}
	return r.PricePages().List(p)
}

func (f full) PriceCompare(ctx context.Context, q CompareQuery) (PriceCompare, error) {
	credit, err := f.CreditIndex(ctx)
	if err != nil {
		return PriceCompare{}, err
	}
	whole, far := examplePage(), examplePage()
	far.Institution = exampleCemetery
	far.Registered = &pricepages.Registered{NameZh: "渔湾殡仪馆（演示）", NameEn: "Yuwan Funeral Home (demo)"}
	far.Rows = far.Rows[:2:2]
	p := compareOf(q, []pricepages.Page{far, whole}, map[string]domain.Division{exampleHome: "210211", exampleCemetery: "210224"}, credit)
	p.AsOf = f.asOf()
	return p, nil
}

func (f full) Charged(_ context.Context, institution string) (PriceCharged, error) {
	if institution != exampleHome {
		return PriceCharged{}, handlers.ErrNotFound
	}
	p := examplePage()
	c := PriceCharged{Key: institution, Name: Text{"海晏殡仪馆（演示）", "Haiyan Funeral Home (demo)"}, Names: map[string]Text{"TRN-STD": {"遗体接运（普通车）", "Body transport, standard hearse"}}, AsOf: f.asOf()}
	for _, month := range []string{"2026-09", "2026-10"} {
		for _, x := range p.Charged {
			x.Month = month
			c.Figures = append(c.Figures, x)
		}
	}
	return c, nil
}

func (f full) Catalogues(context.Context) ([]pricepages.Catalogue, AsOf, error) {
	now := *examplePage().Catalogue
	now.Items = []pricing.Item{
		{Code: "CRM-FLAT", NameZh: "遗体火化（平板炉）", NameEn: "Cremation, flat-bed furnace", Category: pricing.Cremation, PricingType: pricing.GovGuidedBasic, Unit: "元/具", Content: "含骨灰装整", Basis: "大发改发〔2026〕演示 1 号", PriceMin: domain.Yuan(700), PriceMax: domain.Yuan(900), RequiredOf: "FUNERAL_HOME"},
		{Code: "HAL-L", NameZh: "告别厅（大）", NameEn: "Farewell hall, large", Category: pricing.Farewell, PricingType: pricing.ReferenceRange, Unit: "元/场", PriceMin: domain.Yuan(40), PriceMax: domain.Yuan(1000)},
		{Code: "URN-BASIC", NameZh: "骨灰盒（基本款）", NameEn: "Urn, basic", Category: pricing.Goods, PricingType: pricing.MarkupCapped, Unit: "元/只", MarkupPercent: 30}}
	before := now
	now.Version, before.Version, before.EffectiveFrom = 2, 1, now.EffectiveFrom.AddMonths(-12)
	return []pricepages.Catalogue{now, before}, f.asOf(), nil
}

func (bare) PriceCompare(_ context.Context, q CompareQuery) (PriceCompare, error) {
	return compareOf(q, nil, nil, CreditIndex{}), nil
}
func (bare) Charged(_ context.Context, institution string) (PriceCharged, error) {
	return PriceCharged{Key: institution}, nil
}
func (bare) Catalogues(context.Context) ([]pricepages.Catalogue, AsOf, error) {
	return nil, AsOf{}, nil
}

func fileOf(body []byte, version int) pricepages.File {
	sum := sha256.Sum256(body)
	return pricepages.File{Gzip: compress(body, gzip.BestSpeed), ETag: `"` + hex.EncodeToString(sum[:8]) + `"`, Version: version}
}

func (f full) Eco(_ context.Context, q EcoQuery) (Eco, error) {
	period := q.Period
	if period == "" {
		period = "2026-10"
	}
	p := Eco{
		Period: Period{Key: period, Kind: "month"},
		Periods: []Period{{Key: "2026-11", Kind: "month", Open: true}, {Key: "2026-10", Kind: "month"}, {Key: "2026-Q3", Kind: "quarter"},
			{Key: "2026", Kind: "year", Open: true}},
		Total: EcoCount{1872, 145, 879}, Late: 6, Undated: 2,
		Definition: EcoDefinition{ID: "dl-eco-2026.1", SmallSingleCM2: 5000, SmallDoubleCM2: 8000},
		SavedCM2:   8_076_000,
		Targets:    []EcoTarget{{Year: "2026", PerMille: 500, Document: "演示文件"}},
		Frozen: &EcoFrozen{On: "2026-11-10", Then: EcoCount{1867, 142, 875}, Now: EcoCount{1872, 145, 879}, Late: 5, Corrected: 1, Position: 77,
			Causes: []string{"0193a5b0-7c00-7000-8000-000000000001", "0193a5b0-7c00-7000-8000-000000000002"}},
		AsOf: f.asOf(),
	}
	p.Period.Open = period == "2026-11"
	months := []EcoCount{{1410, 82, 567}, {1218, 60, 482}, {1106, 45, 430}, {}, {2390, 170, 1044}, {4120, 342, 1862}, {1760, 139, 790}, {1502, 107, 671}, {1388, 92, 619}, {1446, 93, 652}, {1590, 114, 728}, {1872, 145, 879}}
	for i, c := range months {
		p.Trend = append(p.Trend, EcoPoint{Period: domain.Date("2025-11-01").AddMonths(i).Month(), EcoCount: c, Frozen: i > 6, Changed: i == 9})
	}
	p.Districts = []EcoDistrict{
		{Code: "210202", Name: Text{"中山区", "Zhongshan District"}, EcoCount: EcoCount{44, 44, 44}},
		{Code: "210203", Name: Text{"西岗区", "Xigang District"}},
		{Code: "210211", Name: Text{"甘井子区", "Ganjingzi District"}, EcoCount: EcoCount{1626, 93, 780}},
		{Code: "210213", Name: Text{"金州区", "Jinzhou District"}, EcoCount: EcoCount{173, 5, 44}},
		{Code: "210224", Name: Text{"长海县", "Changhai County"}, EcoCount: EcoCount{26, 3, 11}},
		{Code: "210281", Name: Text{"瓦房店市", "Wafangdian City"}, EcoCount: EcoCount{3, 0, 0}},
	}
	p.Types = []EcoType{
		{Code: "SEA", Name: Text{"骨灰海葬(撒海)", "Sea burial / scattering at sea"}, Count: 44, Strict: true, Broad: true, SavedCM2: 440000},
		{Code: "TREE_BIO", Name: Text{"树葬(可降解/直接藏纳土中)", "Tree burial, biodegradable"}, Count: 101, Strict: true, Broad: true, SavedCM2: 909000},
		{Code: "NICHE", Name: Text{"骨灰堂格位安放(楼/堂)", "Columbarium niche"}, Count: 734, Broad: true, SavedCM2: 7340000},
		{Code: "STD_PLOT", Name: Text{"传统墓位(≤1㎡)", "Standard plot"}, Count: 990},
		{Code: "TEMP_DEPOSIT", Name: Text{"临时寄存(<20年)", "Temporary deposit"}, Count: 12, Out: true},
		{Code: "BODY_PLOT", Name: Text{Zh: "遗体墓位(少数民族/土葬区)"}, Count: 3},
	}
	p.Published = []EcoPublished{{Month: "2026-10", On: "2026-11-10", EcoCount: p.Frozen.Then, Late: 1, SavedCM2: 8_020_000, Position: 77, Changed: true}}
	p.Definitions = []string{"dl-eco-2026.1", "dl-eco-2027.1"}
	p.Coverage = []EcoCoverage{{Code: "210203", Name: Text{"西岗区", "Xigang District"}}, {Code: "210211", Name: Text{"甘井子区", "Ganjingzi District"}, Cemeteries: 4, Public: 2, Places: 12000, Taken: 7350, LastYear: 930, YearsLeft: 5, Rate: true},
		{Code: "210213", Name: Text{"金州区", "Jinzhou District"}, Cemeteries: 1}, {Code: "210281", Name: Text{"瓦房店市", "Wafangdian City"}, Cemeteries: 2, Public: 2, Places: 800, Taken: 12}}
	if !q.All {
		withhold(&p, ecoburial.Definition{}, nil)
	}
	return p, nil
}

func (f full) EcoList(_ context.Context, q EcoListQuery) (EcoList, error) {
	l := EcoList{EcoListQuery: q, Period: Period{Key: q.EcoQuery.Period, Kind: "month"}, Definition: "dl-eco-2026.1", Count: 145, Unnamed: 12, AsOf: f.asOf()}
	switch {
	case q.Division != "":
		l.Place, l.Hidden = Text{"长海县", "Changhai County"}, q.Division == "210224"
	case q.Type != "":
		l.Form = Text{"骨灰海葬(撒海)", "Sea burial / scattering at sea"}
	case q.Late:
		l.Count, l.Unnamed = 6, 6
		return l, nil
	}
	for i := range 3 {
		l.Rows = append(l.Rows, EcoRow{Event: fmt.Sprintf("0193a5b0-7c00-7000-8000-00000000000%d", i), Kind: "eco.completed", On: "2026-10-03", Recorded: "2026-10-04", Form: Text{"骨灰海葬(撒海)", "Sea burial / scattering at sea"}, Place: Text{"中山区", "Zhongshan District"}, Late: i == 0, Corrected: uint64(i)})
	}
	if q.After == 0 {
		l.Next = 9
	}
	return l, nil
}

func examplePolicy() *CreditPolicy {
	return &CreditPolicy{Version: "dl-funeral-credit-v1", From: "2026-04-01", Base: 80, Grades: []CreditGrade{
		{"A", Text{Zh: "信用优秀"}, 90, 100}, {"B", Text{Zh: "信用良好"}, 75, 89}, {"C", Text{Zh: "信用一般"}, 60, 74}, {"D", Text{Zh: "信用较差"}, 0, 59}}}
}

func (f full) CreditIndex(context.Context) (CreditIndex, error) {
	return CreditIndex{Rows: []CreditIndexEntry{
		{Code: exampleHome, Kind: "FUNERAL_HOME", Grade: "B", Name: Text{"海晏殡仪馆（演示）", "Haiyan Funeral Home (demo)"}, GradeName: Text{"信用良好", "good"}, Fictitious: true, Published: 1},
		{Code: exampleCemetery, Kind: "CEMETERY_PUBLIC_URBAN", Name: Text{Zh: "云岫公益性公墓（演示）"}, Fictitious: true},
	}, Policy: examplePolicy(), AsOf: f.asOf()}, nil
}

func (f full) Credit(_ context.Context, code string, on domain.Date) (Credit, error) {
	if code != exampleHome && code != exampleCemetery {
		return Credit{}, handlers.ErrNotFound
	}
	c := Credit{
		Code: code, Kind: "FUNERAL_HOME", Name: Text{"海晏殡仪馆（演示）", "Haiyan Funeral Home (demo)"}, Fictitious: true,
		Grade: "B", GradeName: Text{"信用良好", "good"}, On: "2026-11-23", Policy: examplePolicy(), AsOf: f.asOf(),
		Entries: []CreditEntry{{Rule: "P04", Name: Text{"标价之外加价、收取未标明费用", "Surcharge or unposted fee"}, Severity: "GENERAL", Points: 6,
			Document: "大民监认字〔2026〕演示 7 号", Decided: "2026-07-20", Until: "2027-07-20", Policy: "dl-funeral-credit-v1",
			Basis: "价格法 13 条", Repairable: "2026-10-20", Disputed: "2026-11-24", RepairBy: "2026-11-30"}},
		Duties:  []CreditDuty{{credit.ToDecideRepair, "2026-11-16", "2026-11-30", "", 0}, {credit.ToTakeDown, "2026-09-24", "2026-09-27", "2026-09-24", 0}, {credit.ToPublish, "2026-07-20", "2026-07-29", "2026-08-03", 5}, {credit.ToDecide, "2026-11-02", "2026-11-09", "", 14}},
		Revoked: []CreditRevoked{{"大民监撤字〔2026〕演示 3 号", "2026-09-24", "复核后不构成加价"}},
		Bonuses: []CreditBonus{{Rule: "G05", Name: Text{"主动降价或减少收费项目并报备", "Voluntary price cut"}, Points: 2, From: "2026-08-31", Until: "2027-08-31"}},
	}
	c.Results = publicResults(exampleResults, c.On)
	said, err := ratingsOf(c.On, func(domain.Date, domain.Date) ([5]int, error) { return [5]int{31, 12, 6, 2, 3}, nil })
	if err != nil {
		return c, err
	}
	c.Ratings = &said
	if on != "" {
		c.On, c.Past = on, on != "2026-11-23"
		c.Then = &CreditThen{Grade: "A"}
	}
	return c, nil
}

// exampleResults are one of each that is on public display, one that was struck
// out, and one whose time is over.
var exampleResults = []oversight.Result{
	{Kind: "penalty", ID: "019aa000-0000-7000-8000-000000000001", Institution: exampleHome, Severity: "GENERAL", What: "罚款", Amount: domain.Yuan(20000), Fact: "价目牌以外收取费用", Basis: "演示依据", Document: "大民罚决〔2026〕演示 1 号", On: "2026-09-01", From: "2026-09-07", Until: "2027-09-01"},
	{Kind: "penalty", ID: "019aa000-0000-7000-8000-000000000002", Institution: exampleHome, Severity: "GENERAL", What: "警告", Fact: "没有公示减免政策", Basis: "演示依据", Document: "大民罚决〔2026〕演示 2 号", On: "2026-08-01", From: "2026-08-07", Until: "2027-08-01", Revoked: "2026-10-01", Reason: "适用依据错误"},
	{Kind: "penalty", ID: "019aa000-0000-7000-8000-000000000003", Institution: exampleHome, Severity: "GENERAL", What: "罚款", Amount: domain.Yuan(300), Fact: "已经期满的处罚", Basis: "演示依据", Document: "大民罚决〔2025〕演示 9 号", On: "2025-08-01", From: "2025-08-07", Until: "2026-08-01"},
	{Kind: "inspection", ID: "2026-Q4", Institution: exampleHome, What: "2026.1", Fact: "P01 价目牌缺两项\nH03 冷藏柜没有当日温度记录", Findings: 2, Document: "大民检〔2026〕演示 4 号", On: "2026-10-20", From: "2026-11-02", Until: "2027-11-02"},
	{Kind: "inspection", ID: "2026-Q3", Institution: exampleHome, What: "2026.1", Document: "大民检〔2026〕演示 3 号", On: "2026-07-20", From: "2026-08-02", Until: "2027-08-02"},
}

// exampleRound is a round of inspections that was drawn: one visit's result is
// public, another visit is still to come.
func exampleRound(t testing.TB) []any {
	t.Helper()
	seed, salt := strings.Repeat("5e", 32), strings.Repeat("0a", 32)
	f := domainoversight.InspectionFrozen{Institutions: []domain.CreditCode{haiyan, songtao, yunxiu}, Officers: []string{"regulator-0501", "regulator-0502", "regulator-0504"},
		Excluded: []domainoversight.InspectionExclusion{{Institution: exampleReal, Reason: "当季已作专项检查"}, {Institution: songtao, Officer: "regulator-0504", Reason: "回避"}}}
	visits, ok := domainoversight.DrawInspection(seed, f, 2)
	if !ok {
		t.Fatal("the example cannot be drawn")
	}
	return []any{domainoversight.InspectionCommitted{Commitment: domain.Commitment(seed, salt), By: "regulator-0501", Count: len(visits)}, f,
		domainoversight.InspectionDrawn{Seed: seed, Salt: salt, Visits: visits},
		domainoversight.InspectionRecorded{Institution: visits[0].Institution, VisitedOn: "2026-07-20", Officers: visits[0].Officers, Checklist: "2026.1",
			Findings: []domainoversight.InspectionFinding{{Line: "H03", What: "冷藏柜没有当日温度记录"}}, PublishBy: "2026-08-17"},
		domainoversight.InspectionPublished{Institution: visits[0].Institution, Document: "大民检〔2026〕演示 3 号", PublishedOn: "2026-08-02", PublishedUntil: "2027-08-02"}}
}

// bare is a source on the first day: nothing was recorded yet.
type bare struct{ r *Renderer }

func (bare) PriceIndex(context.Context) (PriceIndex, error) { return PriceIndex{}, nil }
func (b bare) PriceFile(_ context.Context, q FileQuery) (pricepages.File, AsOf, error) {
	if q.Institution != exampleHome {
		return pricepages.File{}, AsOf{}, handlers.ErrNotFound
	}
	pages, err := drawn(b.r, q.Format, pricepages.Page{Version: pricepages.Version{Institution: q.Institution}})
	if q.History {
		pages, err = b.r.PricePages().History(pricepages.History{Institution: q.Institution})
	}
	return fileOf(pages[q.Variant], 0), AsOf{}, err
}
func (bare) Eco(_ context.Context, q EcoQuery) (Eco, error) {
	return Eco{Period: Period{Key: q.Period}}, nil
}
func (bare) EcoList(_ context.Context, q EcoListQuery) (EcoList, error) {
	return EcoList{EcoListQuery: q, Period: Period{Key: q.EcoQuery.Period}}, nil
}
func (bare) CreditIndex(context.Context) (CreditIndex, error) { return CreditIndex{}, nil }
func (bare) Credit(_ context.Context, code string, on domain.Date) (Credit, error) {
	return Credit{Code: code, On: "2026-11-23"}, nil
}

// newRenderer is the renderer of a site, which nothing changes once it is made:
// one is enough for all tests.
func newRenderer(t testing.TB, site Site) *Renderer {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if r, ok := made.renderers[site]; ok {
		return r
	}
	r, err := NewRenderer(site)
	if err != nil {
		t.Fatal(err)
	}
	if made.renderers == nil {
		made.renderers = map[Site]*Renderer{}
	}
	made.renderers[site] = r
	return r
}

var made struct {
	sync.Mutex
	renderers map[Site]*Renderer
}

// exampleServer is the whole server with pages over a source.
func exampleServer(t testing.TB, source func(*Renderer) Source) *handlers.Server {
	t.Helper()
	r := newRenderer(t, Site{Demo: true, Tree: true})
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	src, v := source(r), newVillage(t, memory.New())
	h, results := New(r, src), bareSource{app: v.app}
	if f, ok := src.(full); ok {
		results.trouble = f.trouble
	}
	for round, story := range map[string][]any{"2026-Q3": exampleRound(t), "2026-Q4": exampleRound(t)[:1]} { // the draws that the example's results come from
		at := events.NoStream
		for _, e := range story {
			typ, data, err := v.app.Registry.Encode(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if at, _, err = v.app.Store.Append(t.Context(), events.Stream(domainoversight.InspectionCategory+"-"+round), at, events.New{ID: uuid.New(), Type: typ, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return handlers.New(handlers.Config{Accounts: accounts, Web: h, Pages: []handlers.Mount{NewFamilies(h, v.app, results), NewCemeteries(h, noPlaces{}), NewTransparency(h, exampleTree(t).log)}, Log: slog.New(slog.DiscardHandler)})
}

// addresses are every page, with data in it where the source has some.
func addresses() []string {
	return []string{"/", "/prices", "/prices/" + exampleHome, "/prices/" + exampleReal, "/prices/" + exampleHome + "/history", "/prices/" + exampleHome + "?version=11", "/prices/" + exampleHome + "?on=2026-10-05", "/prices/" + exampleHome + "/wall", "/prices/" + exampleHome + "/counter", "/prices/" + exampleHome + "/charged",
		"/prices/catalogue", "/prices/compare", "/prices/compare?basket=plain&from=210213&sort=near", "/stats/eco-burial",
		"/stats/eco-burial?period=2026-11", "/stats/eco-burial/list?period=2026-10&share=strict", "/stats/eco-burial/list?period=2026-10&division=210224", "/stats/eco-burial/list?period=2026-10&late=1", "/credit", "/credit/" + exampleHome, fmt.Sprintf("/credit/%s?on=2026-09-20", exampleHome), "/oversight", "/oversight/2026-Q3", "/nowhere", "/prices/nobody"}
}
