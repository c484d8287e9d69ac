package pricepages

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/events"
)

// A Finding is one thing that is wrong with a price file. Code is the one under
// which publishing the same would have been refused.
type Finding struct {
	Code   string
	Line   int // of the list, from 1; 0: of the file as a whole
	Item   string
	Zh, En string
}

// A FileReport is what a check of a price file found, and what it could not see.
type FileReport struct {
	Institution, Name, Attester, Event, Effective string
	Version, Rows                                 int
	Findings                                      []Finding
	// Whole says that the catalogue was at hand, so that rows that are missing
	// were looked for.
	Whole bool
}

// ErrNoPriceFile reports a file that is no published price list.
var ErrNoPriceFile = errors.New("pricepages: not a published price file")

// ReadCatalogue finds one version of a catalogue in the file of all of them.
func ReadCatalogue(b []byte, document string) (*Catalogue, error) {
	var f struct{ Catalogues []Catalogue }
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	for _, c := range f.Catalogues {
		if c.Document == document {
			return &c, nil
		}
	}
	return nil, fmt.Errorf("pricepages: the file has no catalogue %q", document)
}

// Check checks a published price file by itself, with the very rules by which
// lists are published. A CSV file does not carry the catalogue: give the file of
// catalogues as well, or what is missing from the list is not looked for. The
// error is ErrNoPriceFile where the file is something else.
func Check(b, catalogues []byte) (FileReport, error) {
	b = bytes.TrimPrefix(b, []byte(bom))
	var p Page
	var rep FileReport
	bad := func(code string, line int, item, zh, en string) {
		rep.Findings = append(rep.Findings, Finding{code, line, item, zh, en})
	}
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '{' {
		if err := json.Unmarshal(b, &p); err != nil {
			return rep, fmt.Errorf("%w: %w", ErrNoPriceFile, err)
		}
	} else {
		var err error
		if p, err = readCSV(b, bad); err != nil {
			return rep, fmt.Errorf("%w: %w", ErrNoPriceFile, err)
		}
	}
	if p.Institution == "" || p.EffectiveFrom == "" || p.Version.Version == 0 {
		return rep, ErrNoPriceFile
	}
	if len(catalogues) > 0 && p.Catalogue != nil {
		c, err := ReadCatalogue(catalogues, p.Catalogue.Document)
		if err != nil {
			return rep, err
		}
		p.Catalogue = c
	}
	rep.Institution, rep.Name, rep.Attester, rep.Effective = p.Institution, p.NameZh, p.Signed(), p.Effective()
	rep.Version, rep.Rows, rep.Event = p.Version.Version, len(p.Rows), p.Version.Source.ID.String()
	rep.Whole = p.Catalogue != nil && len(p.Catalogue.Items) > 0
	if p.Version.Source.ID == uuid.Nil || p.Version.Source.Position == 0 || p.Version.Source.Recorded.IsZero() {
		bad("source_missing", 0, "", "没有写明来自哪个登记事件", "it does not say from which event it comes")
	}
	if p.Attester == "" {
		bad("attester_missing", 0, "", "没有写明签发人", "it does not say who attests it")
	}
	if p.RowCount != len(p.Rows) {
		bad("rows_differ", 0, "", fmt.Sprintf("写明 %d 行，实有 %d 行", p.RowCount, len(p.Rows)), fmt.Sprintf("it says %d rows and has %d", p.RowCount, len(p.Rows)))
	}
	c := p.publish()
	var s pricing.PriceListState
	if p.Version.Version > 1 { // versions follow in time, so another was in force before
		s.Versions = []pricing.Published{{Version: p.Version.Version - 1, EffectiveFrom: "0001-01-01"}}
	}
	_, err := pricing.PriceList.Decide(s, c)
	var rows *pricing.RowErrors
	var r *domain.Rejection
	switch {
	case errors.As(err, &rows):
		for _, x := range rows.Problems {
			code := x.Kind
			if code == "" {
				code = pricing.ErrPriceList.Code
			}
			bad(code, x.Row+1, x.Code, x.Field+"："+x.Zh, x.Field+": "+x.En)
		}
	case errors.As(err, &r):
		bad(r.Code, 0, "", r.Text("zh"), r.Text("en"))
	case err != nil:
		return rep, err
	}
	return rep, nil
}

// publish is the command that would have published the page when it was.
func (p Page) publish() pricing.Publish {
	v := p.Version
	c := pricing.Publish{Act: domain.Act{ID: uuid.NewSHA1(v.Source.ID, []byte("check")), By: "reader", Now: v.Source.Recorded, LateReason: v.LateReason},
		EffectiveFrom: v.EffectiveFrom, Precision: v.Precision, InstitutionName: v.NameZh, City: v.City, Division: v.Division, FacilityKind: v.FacilityKind,
		Basis: v.Basis, Source: v.Origin, Confidence: v.Confidence, Caveats: v.Caveats, Attester: v.Attester, AttesterName: v.AttesterName, Totals: p.Totals}
	if p.Catalogue != nil {
		c.Catalogue = &pricing.Adopted{Version: p.Catalogue.Version, Document: p.Catalogue.Document, EffectiveFrom: p.Catalogue.EffectiveFrom, Items: p.Catalogue.Items}
	}
	amount := func(m *domain.Money) domain.Money {
		if m == nil {
			return 0
		}
		return *m
	}
	for _, r := range p.Rows {
		c.Rows = append(c.Rows, pricing.Row{Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Category: r.Category, PricingType: r.PricingType, Unit: r.Unit,
			Price: amount(r.Price), PriceMin: amount(r.PriceMin), PriceMax: amount(r.PriceMax), MarkupPercent: r.MarkupPercent, Markup: amount(r.Markup),
			Note: r.Note, Basis: r.Basis, Content: r.Content, Relief: r.Relief, Reason: r.Reason, NotOffered: r.NotOffered})
	}
	if c.Catalogue != nil && len(c.Catalogue.Items) == 0 { // a CSV file tells the limits of its rows only
		for _, r := range p.Rows {
			it := pricing.Item{Code: r.Code, PricingType: r.PricingType}
			if l := r.Limit; l != nil {
				it.PriceMin, it.PriceMax, it.MarkupPercent, it.Markup = amount(l.Min), amount(l.Max), l.MarkupPercent, amount(l.Markup)
			}
			c.Catalogue.Items = append(c.Catalogue.Items, it)
		}
	}
	return c
}

// readCSV reads what csv wrote. What its two columns of an amount say
// differently is a finding.
func readCSV(b []byte, bad func(code string, line int, item, zh, en string)) (Page, error) {
	var p Page
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return p, err
	}
	if len(rows) < 2 {
		return p, errors.New("it has no rows")
	}
	column := map[string]int{}
	for i, h := range rows[0] {
		column[h] = i
	}
	for _, need := range []string{"code", "name_zh", "category", "pricing_type", "unit", "price_fen", "institution", "version", "effective_from", "event", "recorded_at", "total_of"} {
		if _, ok := column[need]; !ok {
			return p, fmt.Errorf("it has no column %q", need)
		}
	}
	for n, row := range rows[1:] {
		cell := func(name string) string {
			i, ok := column[name]
			if !ok {
				return ""
			}
			if s, ok := strings.CutPrefix(row[i], "'"); ok && s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
				return s // put in front of what looks like a formula
			}
			return row[i]
		}
		number := func(name string) int64 {
			s := cell(name)
			if s == "" {
				return 0
			}
			v, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				bad("number_invalid", n+1, cell("code"), name+" 不是整数："+s, name+" is no whole number: "+s)
			}
			return v
		}
		money := func(name string) *domain.Money {
			if cell(name) == "" {
				return nil
			}
			m := domain.Money(number(name))
			return &m
		}
		for _, name := range []string{"price", "price_min", "price_max"} {
			if got, want := cell(name+"_yuan"), yuan(money(name+"_fen")); got != want {
				bad("amounts_differ", n+1, cell("code"), name+" 按元和按分写的不一致："+got+"，"+want, name+" differs between yuan and fen: "+got+", "+want)
			}
		}
		if n == 0 {
			recorded, _ := time.Parse(time.RFC3339, cell("recorded_at"))
			id, _ := uuid.Parse(cell("event")) // what cannot be read is missing
			p.Version = Version{Institution: cell("institution"), Version: int(number("version")), EffectiveFrom: domain.Date(cell("effective_from")), Precision: pricing.ToDay,
				NameZh: cell("institution_name"), Division: domain.Division(cell("division")), FacilityKind: cell("facility_kind"), Attester: cell("attester"),
				AttesterName: cell("attester_name"), LateReason: cell("late_reason")}
			p.Version.Source.ID, p.Version.Source.Recorded = id, recorded
			p.Version.Source.Position = events.Position(number("position"))
			if len(p.EffectiveFrom) == 4 {
				p.EffectiveFrom, p.Precision = p.EffectiveFrom+"-01-01", pricing.ToYear
			}
			if d := cell("catalogue_document"); d != "" {
				p.Catalogue = &Catalogue{Document: d, Version: int(number("catalogue_version"))}
			}
		}
		for _, name := range []string{"institution", "version", "effective_from", "attester", "event", "position"} {
			if row[column[name]] != rows[1][column[name]] {
				bad("heading_differs", n+1, cell("code"), name+" 与第一行不同", name+" differs from the first row")
			}
		}
		if of := cell("total_of"); of != "" {
			t := pricing.Total{NameZh: cell("name_zh"), NameEn: cell("name_en"), Amount: domain.Money(number("price_fen"))}
			for x := range strings.FieldsSeq(of) {
				code, times, _ := strings.Cut(x, "*")
				q, _ := strconv.ParseInt(times, 10, 64) // zero is refused
				t.Items = append(t.Items, pricing.TotalItem{Code: code, Quantity: q})
			}
			p.Totals = append(p.Totals, t)
			continue
		}
		r := Row{Code: cell("code"), NameZh: cell("name_zh"), NameEn: cell("name_en"), Block: pricing.Block(cell("block")), Category: pricing.RowCategory(cell("category")),
			PricingType: pricing.PricingType(cell("pricing_type")), Unit: cell("unit"), Price: money("price_fen"), PriceMin: money("price_min_fen"), PriceMax: money("price_max_fen"),
			MarkupPercent: number("markup_percent"), Markup: money("markup_fen"), Note: cell("note"), Basis: cell("basis"), Content: cell("content"), Relief: cell("relief"),
			Reason: cell("reason"), NotOffered: cell("not_offered") == "yes"}
		r.Limit = &Limit{Min: money("limit_min_fen"), Max: money("limit_max_fen"), MarkupPercent: number("limit_markup_percent"), Markup: money("limit_markup_fen")}
		p.Rows = append(p.Rows, r)
	}
	p.RowCount = len(p.Rows)
	return p, nil
}
