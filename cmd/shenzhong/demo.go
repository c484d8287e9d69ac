package main

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/handlers"
)

// The demo city. Its divisions, catalogue and reference price lists are real
// (their sources stand in the files); every institution, person and plot is
// invented and says so. Credit policy, eco types and relief rules are those
// that the program brings along.
//
//go:embed demo
var demoFiles embed.FS

// demoLabel stands behind the name of everything invented.
const demoLabel = "(演示)"

// founder is the account in whose name a demo city is founded.
const founder = "demo"

// A site is one invented institution.
type site struct {
	nn       int // its number, from which its accounts follow
	reg      institution.Registered
	furnaces []string // of a funeral home; each with a hall of the same number
	class    cemetery.Class
	serves   []domain.Division
}

func (s *site) code() domain.CreditCode { return s.reg.CreditCode }

// staff is an account of the site: "desk-1201" is counter 1 of site 12. The
// first home's are those that a demo prints: desk-0101, furnace-0201.
func (s *site) staff(kind string, n int) string {
	nn := s.nn
	if nn == 1 && kind == "furnace" {
		nn = 2
	}
	return fmt.Sprintf("%s-%02d%02d", kind, nn, n)
}

// A demoCity is who is there.
type demoCity struct {
	homes, cemeteries, sea []*site
	districts              []district
}

// furnaces is how many there are.
func (d *demoCity) furnaces() (n int) {
	for _, h := range d.homes {
		n += len(h.furnaces)
	}
	return n
}

// village is the first cemetery that a village keeps.
func (d *demoCity) village() *site {
	return d.cemeteries[slices.IndexFunc(d.cemeteries, func(s *site) bool { return s.class == cemetery.RuralPublic })]
}

type district struct {
	Code   domain.Division `json:"code"`
	NameZh string          `json:"name_zh"`
	NameEn string          `json:"name_en"`
}

func (d *demoCity) all() []*site { return slices.Concat(d.homes, d.cemeteries, d.sea) }

// How many furnaces each district's home has, and how the deaths spread over
// the districts. Both are invented, larger where more people live.
var demoShare = map[domain.Division]struct{ furnaces, deaths int }{
	"210202": {3, 9}, "210203": {3, 7}, "210204": {4, 12}, "210211": {6, 20}, "210212": {3, 7},
	"210213": {5, 16}, "210214": {4, 10}, "210224": {2, 2}, "210281": {5, 10}, "210283": {4, 9},
}

// newDemoCity makes the same city every time.
func newDemoCity() (*demoCity, error) {
	var file struct {
		Districts []district `json:"districts"`
	}
	b, err := demoFiles.ReadFile("demo/divisions.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("demo/divisions.json: %w", err)
	}
	d := &demoCity{districts: file.Districts}
	add := func(to *[]*site, prefix string, division domain.Division, zh, en string, kind institution.Kind, op institution.Operator, registered domain.Date) *site {
		n := len(d.all()) + 1
		s := &site{nn: 10 + n, reg: institution.Registered{
			CreditCode: inventedCode(prefix, division, n), NameZh: zh + demoLabel, NameEn: en + " (demo)", Kind: kind,
			Division: division, Address: "虚构地址", Operator: op, RegisteredOn: registered, Fictitious: true}}
		*to = append(*to, s)
		return s
	}
	words := []struct{ zh, en string }{{"安宁", "Anning"}, {"归德", "Guide"}, {"长思", "Changsi"}, {"静远", "Jingyuan"}, {"怀清", "Huaiqing"},
		{"松涛", "Songtao"}, {"仁和", "Renhe"}, {"海屿", "Haiyu"}, {"敬永", "Jingyong"}, {"慈云", "Ciyun"}}
	for i, x := range d.districts {
		w := words[i%len(words)]
		h := add(&d.homes, "12", x.Code, x.NameZh+w.zh+"殡仪馆", w.en+" Funeral Home", institution.FuneralHome, institution.Government, domain.Date(fmt.Sprintf("%d-05-08", 1996+i)))
		for k := range demoShare[x.Code].furnaces {
			h.furnaces = append(h.furnaces, fmt.Sprintf("furnace-%d", k+1))
		}
	}
	city := domain.Division("210200")
	for _, c := range []struct {
		division domain.Division
		zh, en   string
		kind     institution.Kind
		op       institution.Operator
		class    cemetery.Class
		serves   []domain.Division
	}{
		{"210211", "青山城市公益性公墓", "Qingshan Public Cemetery", institution.CemeteryPublicUrban, institution.Government, cemetery.UrbanPublic, []domain.Division{city}},
		{"210213", "望海城市公益性公墓", "Wanghai Public Cemetery", institution.CemeteryPublicUrban, institution.Government, cemetery.UrbanPublic, []domain.Division{city}},
		{"210281", "槐安城市公益性公墓", "Huai'an Public Cemetery", institution.CemeteryPublicUrban, institution.Government, cemetery.UrbanPublic, []domain.Division{city}},
		{"210214", "清水村公益性墓地", "Qingshui Village Cemetery", institution.CemeteryPublicRural, institution.Village, cemetery.RuralPublic, []domain.Division{"210214"}},
		{"210281", "石桥村公益性墓地", "Shiqiao Village Cemetery", institution.CemeteryPublicRural, institution.Village, cemetery.RuralPublic, []domain.Division{"210281"}},
		{"210283", "杏林村公益性墓地", "Xinglin Village Cemetery", institution.CemeteryPublicRural, institution.Village, cemetery.RuralPublic, []domain.Division{"210283"}},
		{"210212", "云台陵园", "Yuntai Memorial Park", institution.CemeteryCommercial, institution.Commercial, cemetery.Commercial, nil},
		{"210211", "鹤鸣陵园", "Heming Memorial Park", institution.CemeteryCommercial, institution.Commercial, cemetery.Commercial, nil},
		{"210204", "星海骨灰堂", "Xinghai Columbarium", institution.Columbarium, institution.Government, cemetery.Columbarium, nil},
		{"210211", "怀远骨灰堂", "Huaiyuan Columbarium", institution.Columbarium, institution.Government, cemetery.Columbarium, nil},
		{"210213", "金石骨灰堂", "Jinshi Columbarium", institution.Columbarium, institution.Government, cemetery.Columbarium, nil},
	} {
		prefix := map[institution.Operator]string{institution.Government: "12", institution.Village: "54", institution.Commercial: "91"}[c.op]
		s := add(&d.cemeteries, prefix, c.division, c.zh, c.en, c.kind, c.op, "2003-04-05")
		s.class, s.serves = c.class, c.serves
	}
	add(&d.sea, "91", "210202", "归帆海葬服务站", "Guifan Sea Burial", institution.SeaBurialOperator, institution.NonProfit, "2012-03-01")
	add(&d.sea, "91", "210212", "碧浪海葬服务站", "Bilang Sea Burial", institution.SeaBurialOperator, institution.NonProfit, "2015-03-01")
	// The accounts that a demo prints: desk-0101, furnace-0201, cemetery-0301, eco-0401.
	d.homes[0].nn, d.cemeteries[0].nn, d.sea[0].nn = 1, 3, 4
	return d, nil
}

// inventedCode is a credit code with valid check digits (GB 32100, and GB 11714
// inside it) whose organisation number begins with "DEM": no register gives it.
func inventedCode(prefix string, division domain.Division, n int) domain.CreditCode {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	org := fmt.Sprintf("DEM%05d", n)
	sum := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		v := 0
		for j := range alphabet {
			if alphabet[j] == org[i] {
				v = j
			}
		}
		sum += v * w
	}
	check := "0123456789X"[(11-sum%11)%11]
	code, err := domain.NewCreditCode(prefix + string(division) + org + string(check))
	if err != nil {
		panic(err) // constants: a test makes them all
	}
	return code
}

var demoSpace = uuid.MustParse("5c4d8a55-1b1f-5e0c-9f0a-2c1d7c6f0001")

// founding is an act of founding the city: the same name, the same command.
func founding(name string, at time.Time) domain.Act {
	return domain.Act{ID: uuid.NewSHA1(demoSpace, []byte(name)), By: founder, Now: at, At: at}
}

// priceChange is the day on which the demo city's second price lists, its
// catalogue and its credit policy take effect.
const priceChange domain.Date = "2026-04-01"

// A demoRow is one row of the demo homes' two lists.
type demoRow struct {
	code, zh, en     string
	cat              pricing.RowCategory
	unit             string
	old              pricing.PricingType
	oldPrice         domain.Money
	now              pricing.PricingType
	nowPrice, nowMax domain.Money
}

// demoRows start from Dalian's public list of 2008, under the codes of the
// catalogue; the second list is never dearer than the first.
var demoRows = []demoRow{
	{"TRN-STD", "遗体接运(普通车)", "Body transport, standard hearse", pricing.Transport, "元/台次", pricing.GovFixed, 20000, pricing.GovGuidedBasic, 18000, 0},
	{"STO-COLD", "遗体存放(冷藏)", "Refrigerated storage", pricing.Storage, "元/具·日", pricing.GovFixed, 9000, pricing.GovGuidedBasic, 8000, 0},
	{"HAL-S", "遗体告别(小厅)", "Farewell hall, small", pricing.Farewell, "元/场", pricing.GovGuided, 12000, pricing.GovGuidedBasic, 10000, 0},
	{"HAL-M", "遗体告别(中厅)", "Farewell hall, medium", pricing.Farewell, "元/场", pricing.GovGuided, 50000, pricing.GovGuidedBasic, 42000, 0},
	{"HAL-L", "遗体告别(大厅)", "Farewell hall, large", pricing.Farewell, "元/场", pricing.GovGuided, 100000, pricing.ReferenceRange, 90000, 96000},
	{"CRM-FLAT", "遗体火化(平板炉)", "Cremation, flat-bed furnace", pricing.Cremation, "元/具", pricing.GovFixed, 90000, pricing.GovGuidedBasic, 80000, 0},
	{"CRM-SOLO", "专炉火化", "Cremation, dedicated furnace", pricing.Cremation, "元/具", pricing.Market, 180000, pricing.ReferenceRange, 170000, 180000},
	{"ASH-STD", "骨灰寄存", "Ash storage", pricing.AshStorage, "元/格·年", pricing.GovFixed, 15000, pricing.GovGuidedBasic, 12000, 0},
	{"GRM-STD", "一般整容化妆", "Basic grooming", pricing.Grooming, "元/次", pricing.GovGuided, 4000, pricing.ReferenceRange, 4000, 6000},
	{"GRM-DRESS", "穿衣/更衣", "Dressing", pricing.Grooming, "元/次", pricing.GovGuided, 20000, pricing.ReferenceRange, 15000, 20000},
	{"RST-STD", "休息室", "Family lounge", pricing.Venue, "元/场", pricing.Market, 12000, pricing.ReferenceRange, 10000, 12000},
	{"URN-BASIC", "骨灰盒(基本款)", "Urn, basic", pricing.Goods, "元/只", pricing.Market, 30000, pricing.MarkupCapped, 26000, 0},
	{"WRE-RENT", "绢花花圈(循环使用)", "Reusable silk wreath", pricing.Goods, "元/只", pricing.Free, 0, pricing.Free, 0, 0},
	{"DOC", "火化证等工本费", "Certificates", pricing.Paper, "元/本", pricing.Market, 1000, pricing.Free, 0, 0},
}

// demoRelief is what the demo homes' list says of relief; who is entitled to it is decided
// by the rules on the log.
var demoRelief = map[string]string{"TRN-STD": "惠民对象 0 元", "STO-COLD": "惠民对象 3 日内 0 元", "CRM-FLAT": "惠民对象 0 元", "ASH-STD": "惠民对象免 5 年", "DOC": "全部免费"}

// total is a total that sums.
func total(zh, en string, rows []pricing.Row, items []pricing.TotalItem) pricing.Total {
	t := pricing.Total{NameZh: zh, NameEn: en, Items: items}
	for _, it := range items {
		for _, r := range rows {
			if r.Code == it.Code {
				t.Amount += r.Price * domain.Money(it.Quantity)
			}
		}
	}
	return t
}

const demoCaveat = "演示价目：以大连市2008年公布的价目为底并经改动，机构为虚构，不是任何机构的真实价格。Demo prices of an invented institution."

// lists are the site's two price lists.
func (s *site) lists() (before, after pricing.Publish) {
	base := pricing.Publish{InstitutionName: s.reg.NameZh, City: "大连市", Division: s.reg.Division, FacilityKind: string(s.reg.Kind),
		Source: "演示数据 demo data", Confidence: "演示 demo", Caveats: []string{demoCaveat}, Attester: founder}
	before, after = base, base
	before.EffectiveFrom, before.Basis = "2024-01-01", "虚构文件：演示收费标准(2024)"
	after.EffectiveFrom, after.Basis = priceChange, "虚构文件：演示收费标准(2026)"
	row := func(code, zh, en string, cat pricing.RowCategory, unit string, t pricing.PricingType, price, most domain.Money) pricing.Row {
		return pricing.Row{Code: code, NameZh: zh, NameEn: en, Category: cat, PricingType: t, Unit: unit, Price: price, PriceMax: most}
	}
	both := func(code, zh, en string, cat pricing.RowCategory, unit string, old, now pricing.PricingType, oldPrice, nowPrice domain.Money) {
		before.Rows = append(before.Rows, row(code, zh, en, cat, unit, old, oldPrice, 0))
		after.Rows = append(after.Rows, row(code, zh, en, cat, unit, now, nowPrice, 0))
	}
	cut := domain.Money(100 - 2*(s.nn%5)) // homes differ a little
	at := func(m domain.Money) domain.Money { return m * cut / 100 / 100 * 100 }
	switch s.reg.Kind {
	case institution.FuneralHome:
		for _, r := range demoRows {
			before.Rows = append(before.Rows, row(r.code, r.zh, r.en, r.cat, r.unit, r.old, at(r.oldPrice), 0))
			now := row(r.code, r.zh, r.en, r.cat, r.unit, r.now, at(r.nowPrice), at(r.nowMax))
			now.Relief = demoRelief[r.code]
			after.Rows = append(after.Rows, now)
		}
		after.Rows = append(after.Rows, pricing.Row{Code: "CRM-TRAY", NameZh: "遗体火化(拣灰炉)", NameEn: "Cremation, ash-tray furnace", Category: pricing.Cremation,
			PricingType: pricing.GovGuidedBasic, Unit: "元/具", NotOffered: true})
		after.AttesterName = "馆长 闻思远（化名）"
		basic := []pricing.TotalItem{{Code: "TRN-STD", Quantity: 1}, {Code: "STO-COLD", Quantity: 3}, {Code: "CRM-FLAT", Quantity: 1}}
		farewell := slices.Insert(slices.Clone(basic), 2, pricing.TotalItem{Code: "HAL-S", Quantity: 1})
		after.Totals = []pricing.Total{total("基本一套（接运、存放 3 日、小厅、平板炉火化）", "Basic set: transport, three days of storage, small hall, cremation", after.Rows, farewell),
			total("不办告别（接运、存放 3 日、平板炉火化）", "Without a farewell: transport, three days of storage, cremation", after.Rows, basic)}
	case institution.SeaBurialOperator:
		both("ECO-SEA", "骨灰海葬", "Sea burial", pricing.EcoBurial, "元/具", pricing.Free, pricing.Free, 0, 0)
	case institution.Columbarium:
		both("NIC-USE", "骨灰格位使用费", "Niche use", pricing.Niche, "元/格·周期", pricing.GovGuided, pricing.GovGuidedBasic, at(260000), at(220000))
		both("WAL-USE", "壁葬格位使用费", "Wall niche use", pricing.Niche, "元/格·周期", pricing.GovGuided, pricing.GovGuidedBasic, at(200000), at(180000))
	case institution.CemeteryPublicRural:
		both("PLT-VIL", "墓位使用费(农村公益性)", "Village plot use", pricing.BurialPlot, "元/穴", pricing.Free, pricing.Free, 0, 0)
		both("MNT-VIL", "维护管理费(农村公益性)", "Village upkeep", pricing.Maintenance, "元/穴·年", pricing.VillageCost, pricing.VillageCost, at(3000), at(2000))
	case institution.CemeteryPublicUrban:
		both("PLT-PUB-S", "墓位使用费(城市公益性，单)", "Public plot use, single", pricing.BurialPlot, "元/穴·周期", pricing.GovGuided, pricing.GovGuidedBasic, at(160000), at(135000))
		both("MNT-PUB", "维护管理费(城市公益性)", "Public upkeep", pricing.Maintenance, "元/穴·年", pricing.GovGuided, pricing.GovGuidedBasic, at(3000), at(2000))
		both("ECO-TREE", "树葬", "Tree burial", pricing.EcoBurial, "元/具", pricing.GovGuided, pricing.GovGuidedBasic, at(90000), at(60000))
		both("ECO-FLOWER", "花坛葬/花葬", "Flower-bed burial", pricing.EcoBurial, "元/具", pricing.GovGuided, pricing.GovGuidedBasic, at(90000), at(60000))
		both("ECO-LAWN", "草坪葬", "Lawn burial", pricing.EcoBurial, "元/具", pricing.GovGuided, pricing.GovGuidedBasic, at(90000), at(60000))
	case institution.CemeteryCommercial:
		both("PLT-COM", "墓位使用费(经营性)", "Commercial plot use", pricing.BurialPlot, "元/穴·周期", pricing.Market, pricing.MarketFiled, at(3980000), at(3680000))
		both("MNT-COM", "维护管理费(经营性)", "Commercial upkeep", pricing.Maintenance, "元/穴·年", pricing.Market, pricing.MarketFiled, at(30000), at(28000))
	}
	return before, after
}

// fee is the site's price for a place of this code on a day, as its lists have it.
func (s *site) fee(code string, on domain.Date) domain.Money {
	l, after := s.lists()
	if on >= priceChange {
		l = after
	}
	for _, r := range l.Rows {
		if r.Code == code {
			return r.Price
		}
	}
	return 0
}

// found registers the city's institutions and puts its lists, catalogue and
// policy in force. The same call again changes nothing.
func (d *demoCity) found(ctx context.Context, app *handlers.App, on domain.Date) error {
	at := on.Start().Add(9 * time.Hour)
	change := max(priceChange.AddDays(-10), on).Start().Add(10 * time.Hour)

	// The catalogue is there before the lists that it binds, and binds none that
	// are older.
	src := &source{name: "demo/catalog.json"}
	var err error
	if src.data, err = demoFiles.ReadFile(src.name); err != nil {
		return err
	}
	cat := src.catalogue(&importCatalogueCmd{Effective: string(priceChange), Division: "210200",
		Document: "演示：收费目录清单（按发改价格〔2026〕108号的分类整理）"}, change)
	if len(src.bad) > 0 {
		return src.bad
	}
	cat.cmd.Act = founding("catalogue", change)
	if _, err := app.AdoptCatalogue(ctx, "210200", cat.cmd); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if _, err := app.AdoptCreditPolicy(ctx, credit.Adopt{Act: founding("credit policy", change), PolicyVersion: credit.Default()}); err != nil {
		return fmt.Errorf("credit policy: %w", err)
	}
	lists, err := referenceLists(at)
	if err != nil {
		return err
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	report := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	for _, l := range lists {
		wg.Go(func() {
			l.cmd.Act = founding("reference "+l.key, at)
			_, err := app.PublishPriceList(ctx, handlers.PublishPriceList{Key: l.key, Publish: l.cmd})
			report(err)
		})
	}
	for _, s := range d.all() {
		wg.Go(func() { report(s.found(ctx, app, at, change)) })
	}
	wg.Wait()
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// referenceLists are the real price lists, as their files have them.
func referenceLists(at time.Time) ([]*priceFile, error) {
	names, err := fs.Glob(demoFiles, "demo/prices/*.json")
	if err != nil {
		return nil, err
	}
	var out []*priceFile
	for _, n := range names {
		b, err := demoFiles.ReadFile(n)
		if err != nil {
			return nil, err
		}
		src := &source{name: path.Base(n), data: b}
		l := src.priceList(at)
		if len(src.bad) > 0 {
			return nil, src.bad
		}
		out = append(out, l)
	}
	return out, nil
}

func (s *site) found(ctx context.Context, app *handlers.App, at, change time.Time) error {
	key := string(s.code())
	act := func(what string, at time.Time) domain.Act { return founding(key+" "+what, at) }
	if _, err := app.RegisterInstitution(ctx, institution.Register{Act: act("register", at), Registered: s.reg}); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	cmds := []institution.Command{institution.License{Act: act("license", at), Licensed: institution.Licensed{
		Licence: "operating", Number: fmt.Sprintf("YS-%04d", s.nn), ValidFrom: "2020-01-01", Document: "虚构证照"}}}
	for i, f := range s.furnaces {
		cmds = append(cmds,
			institution.AddResource{Act: act(f, at), ResourceAdded: institution.ResourceAdded{Resource: f, Kind: institution.Furnace,
				NameZh: fmt.Sprintf("%d号火化炉", i+1), NameEn: fmt.Sprintf("Furnace %d", i+1), Opens: "08:00", Closes: "16:30", SlotMinutes: 30, Capacity: 1}},
			institution.AddResource{Act: act(hallOf(f), at), ResourceAdded: institution.ResourceAdded{Resource: hallOf(f), Kind: institution.Hall,
				NameZh: fmt.Sprintf("%d号告别厅", i+1), NameEn: fmt.Sprintf("Hall %d", i+1), Opens: "07:00", Closes: "15:00", SlotMinutes: 30, BufferMinutes: 30,
				Capacity: []int{40, 80, 150}[i%3]}},
			institution.AddResource{Act: act(coldOf(f), at), ResourceAdded: institution.ResourceAdded{Resource: coldOf(f), Kind: institution.ColdBay,
				NameZh: fmt.Sprintf("%d号冷藏柜", i+1), NameEn: fmt.Sprintf("Cold bank %d", i+1), Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: coldBays}})
	}
	if len(s.furnaces) > 0 {
		cmds = append(cmds, institution.AddResource{Act: act("car-1", at), ResourceAdded: institution.ResourceAdded{Resource: "car-1", Kind: institution.Vehicle,
			NameZh: "1号接运车", NameEn: "Vehicle 1", Opens: "00:00", Closes: "24:00", SlotMinutes: 30, Capacity: 1}})
		for n := 1; n <= 2; n++ {
			who := s.staff("furnace", n)
			cmds = append(cmds, institution.QualifyStaff{Act: act("qualify "+who, at), StaffQualified: institution.StaffQualified{Account: who, Skill: institution.Cremator,
				ValidFrom: "2020-01-01", Document: fmt.Sprintf("虚构上岗证-%s", who)}})
		}
	}
	if s.reg.Kind == institution.SeaBurialOperator {
		cmds = append(cmds, institution.AddResource{Act: act("ship-1", at), ResourceAdded: institution.ResourceAdded{Resource: "ship-1", Kind: institution.Vessel,
			NameZh: "演示船一号", NameEn: "Demo Ship 1", Opens: "06:00", Closes: "18:00", SlotMinutes: 60, Capacity: vesselSeats}})
	}
	for _, c := range cmds {
		if _, err := app.Institutions.Handle(ctx, key, c); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	before, after := s.lists()
	before.Act, after.Act = act("prices 1", at), act("prices 2", change)
	after.LateReason = "演示数据，装入时补记" // the log has it from today, and whoever checks the file sees that
	for _, p := range []pricing.Publish{before, after} {
		if _, err := app.PublishPriceList(ctx, handlers.PublishPriceList{Key: key, Publish: p}); err != nil {
			return fmt.Errorf("%s prices: %w", key, err)
		}
	}
	if s.class == "" {
		return nil
	}
	if _, err := app.Cemeteries.Handle(ctx, key, cemetery.Establish{Act: act("establish", at), Cemetery: s.code(), NameZh: s.reg.NameZh, NameEn: s.reg.NameEn,
		Class: s.class, Division: s.reg.Division, Serves: s.serves, FoundedOn: s.reg.RegisteredOn}); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	// A few places that nobody has yet, so that there is something to give.
	for n := range 12 {
		p := s.place("F", n+1)
		p.Survey.Act = act("plot "+p.Plot, at)
		if _, err := app.Survey(ctx, p); err != nil {
			return fmt.Errorf("%s plot: %w", key, err)
		}
	}
	return nil
}

// hallOf is the hall that goes with a furnace: hall-2 with furnace-2.
func hallOf(furnace string) string { return "hall-" + furnace[len("furnace-"):] }

// coldOf is the cold bank that goes with a furnace: cold-2 with furnace-2.
func coldOf(furnace string) string { return "cold-" + furnace[len("furnace-"):] }

// coldBays is how many bays a demo home's cold bank has: those who wait for one
// furnace's today, tomorrow and the day after.
const coldBays = 16

// place is the n-th place of a section of the site: section A has niches or
// graves of the usual kind, B small ones or wall niches, C eco places.
func (s *site) place(section string, n int) handlers.Survey {
	p := handlers.Survey{Of: s.code()}
	p.Plot = fmt.Sprintf("%s-%05d", section, n)
	p.Section, p.Row, p.Capacity = section, fmt.Sprint(1+n/20), 1
	switch {
	case s.class == cemetery.Columbarium && section == "B":
		p.Kind, p.EcoType, p.AreaCM2 = cemetery.Niche, "WALL", 0
	case s.class == cemetery.Columbarium:
		p.Kind, p.EcoType, p.AreaCM2 = cemetery.Niche, "NICHE", 0
	case section == "C":
		p.Kind, p.EcoType, p.AreaCM2 = cemetery.Eco, "TREE_KEEP", 2500
	case section == "B" || s.class == cemetery.RuralPublic && section == "F":
		p.Kind, p.EcoType, p.AreaCM2, p.StoneHeightCM = cemetery.Grave, "SMALL_PLOT", 5000, 30
	default:
		p.Kind, p.EcoType, p.AreaCM2, p.Capacity = cemetery.Grave, "STD_PLOT", 10000, 2
		p.StoneHeightCM = cmp.Or(map[cemetery.Class]int{cemetery.Commercial: 80}[s.class], 40)
	}
	return p
}
