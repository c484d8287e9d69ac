package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/events"
)

// importCmd loads real files.
type importCmd struct {
	cityFlags
	Prices       importPricesCmd       `cmd:"" help:"Load price lists (JSON files or directories of them)."`
	Catalogue    importCatalogueCmd    `cmd:"" help:"Load the fee catalogue (收费目录清单)."`
	CreditPolicy importCreditPolicyCmd `cmd:"" name:"credit-policy" help:"Load the rules of service credit."`
	Plots        importPlotsCmd        `cmd:"" help:"Load a cemetery's plots and niches (CSV or GeoJSON)."`
}

// importer is the account in whose name files are imported.
const importer = "import"

// A planned import is one command for one stream, made from one file, with the
// means to find the place in the file for what the domain has against it.
type planned[C domain.Command] struct {
	key    string // the stream's id
	file   string
	cmd    C
	refuse func(error)
}

// decider is the part of an events.Handler that a dry run needs.
func check[S any, C domain.Command, E any](ctx context.Context, h *events.Handler[S, C, E], ps []planned[C]) error {
	states := map[string]S{}
	for _, p := range ps {
		s, ok := states[p.key]
		if !ok {
			var err error
			if s, _, err = h.Load(ctx, p.key); err != nil {
				return err
			}
		}
		es, err := h.Decider.Decide(s, p.cmd)
		if err != nil {
			p.refuse(err)
		}
		states[p.key] = h.Decider.Fold(s, es...)
	}
	return nil
}

// carryOut appends what check found in order. A crash in between leaves whole
// files imported; the same import again does the rest.
func carryOut[S any, C domain.Command, E any](ctx context.Context, con *console, h *events.Handler[S, C, E], ps []planned[C]) (done, same int, err error) {
	for _, p := range ps {
		rc, err := h.Handle(ctx, p.key, p.cmd)
		if err != nil {
			return done, same, fmt.Errorf("%s: %w", p.file, err)
		}
		if rc.Events > 0 {
			done++
			con.printf("已导入  %s  →  %s", "imported   %s  →  %s", p.file, p.key)
		} else {
			same++
			con.printf("已有，未变  %s  →  %s", "unchanged  %s  →  %s", p.file, p.key)
		}
	}
	return done, same, nil
}

// contentID names the command that imports exactly this content, so that the
// same file twice is the same command.
func contentID(key string, v any) (uuid.UUID, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	sum := sha256.Sum256(append([]byte(key+"\x00"), b...))
	return uuid.NewSHA1(uuid.NameSpaceOID, sum[:]), err
}

// importPricesCmd loads price lists.
type importPricesCmd struct {
	Late  string   `placeholder:"TEXT" help:"Why lists take effect in the past although others are in force."`
	Files []string `arg:"" name:"FILE" type:"path" help:"Files or directories; in a directory every *.json is read."`
}

func (c *importPricesCmd) Run(ctx context.Context, con *console, in *importCmd) error {
	lists, err := readPriceLists(c.Files, time.Now())
	for _, l := range lists {
		l.cmd.LateReason = c.Late
	}
	if err != nil {
		return err
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	return importPriceLists(ctx, con, city, lists)
}

// importPriceLists checks all of them against what is there, and then imports
// all of them or none.
func importPriceLists(ctx context.Context, con *console, city *city, lists []*priceFile) error {
	var ps []planned[pricing.PriceListCommand]
	for _, l := range lists {
		cmd := l.cmd
		if err := city.app.PriceListFacts(ctx, l.key, &cmd); err != nil {
			return err
		}
		ps = append(ps, planned[pricing.PriceListCommand]{l.key, l.src.name, cmd, l.refuse})
	}
	if err := check(ctx, city.app.PriceLists, ps); err != nil {
		return err
	}
	if bad := faultsOf(lists); len(bad) > 0 {
		return bad
	}
	done, same, err := carryOut(ctx, con, city.app.PriceLists, ps)
	if err != nil {
		return err
	}
	con.printf("价目表 %d 份：新导入 %d 份，未变 %d 份。", "%d price lists: %d imported, %d unchanged.", len(ps), done, same)
	return nil
}

func faultsOf(lists []*priceFile) (bad faults) {
	for _, l := range lists {
		bad = append(bad, l.src.bad...)
	}
	return bad
}

// A priceFile is one list as it stands in its file.
type priceFile struct {
	src  *source
	key  string
	cmd  pricing.Publish
	o    *object
	rows []*object
}

// readPriceLists reads and checks the files by themselves. Lists of one
// institution come in the order of their dates.
func readPriceLists(args []string, now time.Time) ([]*priceFile, error) {
	files, err := filesOf(args, ".json")
	if err != nil {
		return nil, err
	}
	var (
		lists []*priceFile
		bad   faults
		fs    faults
	)
	for _, f := range files {
		src, err := openSource(f)
		switch {
		case errors.As(err, &fs):
			bad = append(bad, fs...)
			continue
		case err != nil:
			return nil, err
		}
		l := src.priceList(now)
		bad = append(bad, src.bad...)
		lists = append(lists, l)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	slices.SortStableFunc(lists, func(a, b *priceFile) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.cmd.EffectiveFrom, b.cmd.EffectiveFrom))
	})
	return lists, nil
}

var (
	slug       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	yearAtEnd  = regexp.MustCompile(`[-_ ]*(19|20)\d\d[a-z]*$`)
	notSlug    = regexp.MustCompile(`[^a-z0-9]+`)
	yearAlone  = regexp.MustCompile(`^((19|20)\d\d)( [^0-9].*)?$`)
	pathOfDate = "date"
)

// keyOfFile is "dalian-funeral-home" for "lists/dalian_funeral_home_2008.json".
func keyOfFile(name string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	return strings.Trim(notSlug.ReplaceAllString(yearAtEnd.ReplaceAllString(base, ""), "-"), "-")
}

func (s *source) priceList(now time.Time) *priceFile {
	l := &priceFile{src: s}
	root, err := s.parseJSON()
	if err != nil {
		return l // the fault is in s
	}
	o := s.object(root)
	l.o = o
	l.key = l.keyOf(o)
	l.cmd = pricing.Publish{
		InstitutionName: o.stringOf("institution", true),
		City:            o.stringOf("city", false),
		FacilityKind:    o.stringOf("facility_kind", false),
		Basis:           o.stringOf("basis", false),
		Source:          o.stringOf("source", false),
		Confidence:      o.stringOf("confidence", false),
		Caveats:         o.stringsOf("caveats"),
		Attester:        importer,
		AttesterName:    o.stringOf("attester_name", false),
	}
	if v := o.stringOf("division", true); v != "" {
		if l.cmd.Division, err = domain.ParseDivision(v); err != nil {
			o.refuse("division", err)
		}
	}
	if v := o.stringOf(pathOfDate, true); v != "" {
		l.cmd.EffectiveFrom, l.cmd.Precision, err = effective(v)
		if err != nil {
			o.refuse(pathOfDate, err)
		}
	}
	for _, n := range o.list("items", true) {
		r := s.object(n)
		l.rows = append(l.rows, r)
		l.cmd.Rows = append(l.cmd.Rows, r.priceRow())
	}
	for _, n := range o.list("totals", false) {
		l.cmd.Totals = append(l.cmd.Totals, s.object(n).priceTotal(s))
	}
	o.close()
	id, err := contentID(l.key, l.cmd)
	if err != nil {
		o.refuse("", err)
	}
	l.cmd.Act = domain.Act{ID: id, By: importer, Now: now, At: now}
	return l
}

func (l *priceFile) keyOf(o *object) string {
	code, key := o.stringOf("credit_code", false), o.stringOf("key", false)
	switch {
	case code != "" && key != "":
		o.fault("key", "credit_code 和 key 只写一个。", "give credit_code or key, not both.")
	case code != "":
		c, err := domain.ParseCreditCode(code)
		if err != nil {
			o.refuse("credit_code", err)
		}
		return string(c)
	case key != "" && !slug.MatchString(key):
		o.fault("key", "只用小写字母、数字和短横线。", "use lower-case letters, digits and dashes only.")
	case key != "":
		return key
	}
	k := keyOfFile(l.src.name)
	if k == "" {
		o.fault("key", "文件名里看不出机构，请写 key 或 credit_code。", "the file's name does not tell the institution; give key or credit_code.")
	}
	return k
}

// effective reads the date of a list: a day, or only a year where nobody knows
// more ("2008", "2013 standard, page date not shown").
func effective(s string) (domain.Date, pricing.Precision, error) {
	if m := yearAlone.FindStringSubmatch(s); m != nil {
		return domain.Date(m[1] + "-01-01"), pricing.ToYear, nil
	}
	d, err := domain.ParseDate(s)
	return d, pricing.ToDay, err
}

func (o *object) priceRow() pricing.Row {
	r := pricing.Row{Code: o.stringOf("code", true)}
	o.row = r.Code
	r.NameZh = o.stringOf("name_zh", true)
	r.NameEn = o.stringOf("name_en", false)
	r.Category = pricing.RowCategory(o.stringOf("category", true))
	r.PricingType = pricing.PricingType(o.stringOf("pricing_type", true))
	r.Unit = o.stringOf("unit", true)
	r.Price, _ = o.fen("price_fen", true)
	r.PriceMin, _ = o.fen("price_min_fen", false)
	r.PriceMax, _ = o.fen("price_max_fen", false)
	r.Cost, _ = o.fen("cost_fen", false)
	r.MarkupPercent, _ = o.integer("markup_percent", false)
	r.Markup, _ = o.fen("markup_fen", false)
	r.Note = o.stringOf("note", false)
	r.Basis = o.stringOf("basis", false)
	r.Content = o.stringOf("content", false)
	r.Relief = o.stringOf("relief", false)
	r.Reason = o.stringOf("reason", false)
	r.NotOffered = o.boolean("not_offered")
	o.close()
	return r
}

func (o *object) priceTotal(s *source) pricing.Total {
	t := pricing.Total{NameZh: o.stringOf("name_zh", true), NameEn: o.stringOf("name_en", false)}
	for _, n := range o.list("items", true) {
		x := s.object(n)
		it := pricing.TotalItem{Code: x.stringOf("code", true)}
		it.Quantity, _ = x.integer("quantity", true)
		x.close()
		t.Items = append(t.Items, it)
	}
	t.Amount, _ = o.fen("total_fen", true)
	o.close()
	return t
}

// refuse puts what the domain said where it belongs in the file.
func (l *priceFile) refuse(err error) {
	var re *pricing.RowErrors
	switch {
	case errors.As(err, &re):
		placeRows(re, l.o, l.rows)
	case errors.Is(err, pricing.ErrPredates), errors.Is(err, pricing.ErrBackdated), errors.Is(err, pricing.ErrPrecision):
		l.o.refuse(pathOfDate, err)
	case errors.Is(err, domain.ErrDivision):
		l.o.refuse("division", err)
	case errors.Is(err, pricing.ErrHeading):
		l.o.refuse("institution", err)
	default:
		l.o.refuse("items", err)
	}
}

func placeRows(re *pricing.RowErrors, list *object, rows []*object) {
	for _, p := range re.Problems {
		switch {
		case p.Row < 0:
			list.fault(p.Field, p.Zh+"。"+marked(p.Kind), p.En+"."+marked(p.Kind))
		case p.Row < len(rows):
			rows[p.Row].fault(p.Field, p.Zh+"。"+marked(p.Kind), p.En+"."+marked(p.Kind))
		}
	}
}

// marked is a stable code after a text: the one that the API answers with.
func marked(code string) string {
	if code == "" {
		return ""
	}
	return " [" + code + "]"
}

// importCatalogueCmd loads the fee catalogue.
type importCatalogueCmd struct {
	Effective string `placeholder:"DATE" help:"First day in force; needed unless the file has effective_from."`
	Division  string `default:"210200" placeholder:"CODE" help:"Division for which it is adopted."`
	Document  string `placeholder:"TEXT" help:"Document that adopts it; needed unless the file has document."`
	File      string `arg:"" name:"FILE" type:"existingfile" help:"Catalogue file (JSON)."`
}

func (c *importCatalogueCmd) Run(ctx context.Context, con *console, in *importCmd) error {
	src, err := openSource(c.File)
	if err != nil {
		return err
	}
	f := src.catalogue(c, time.Now())
	if len(src.bad) > 0 {
		return src.bad
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	ps := []planned[pricing.CatalogueCommand]{{c.Division, c.File, f.cmd, f.refuse}}
	if err := check(ctx, city.app.Catalogues, ps); err != nil {
		return err
	}
	if len(src.bad) > 0 {
		return src.bad
	}
	_, _, err = carryOut(ctx, con, city.app.Catalogues, ps)
	return err
}

type catalogueFile struct {
	cmd   pricing.Adopt
	o     *object
	items []*object
}

func (s *source) catalogue(c *importCatalogueCmd, now time.Time) *catalogueFile {
	f := &catalogueFile{}
	root, err := s.parseJSON()
	if err != nil {
		return f
	}
	o := s.object(root)
	f.o = o
	o.known("_meta")
	f.cmd.Document = cmp.Or(o.stringOf("document", false), c.Document)
	if f.cmd.Document == "" {
		o.fault("document", "文件里没有，请用 --document 写明依据的文件。", "it is not in the file: name the document with --document.")
	}
	day := cmp.Or(o.stringOf("effective_from", false), c.Effective)
	if f.cmd.EffectiveFrom, err = domain.ParseDate(day); err != nil {
		o.refuse("effective_from", err)
	}
	if _, err := domain.ParseDivision(c.Division); err != nil {
		o.refuse("division", err)
	}
	for _, n := range o.list("items", true) {
		r := s.object(n)
		f.items = append(f.items, r)
		it := pricing.Item{Code: r.stringOf("code", true)}
		r.row = it.Code
		it.NameZh = r.stringOf("name_zh", true)
		it.NameEn = r.stringOf("name_en", false)
		it.Category = pricing.RowCategory(r.stringOf("category", true))
		it.Unit = r.stringOf("unit", true)
		it.Note = r.stringOf("note", false)
		it.Content = r.stringOf("content", false)
		it.Basis = r.stringOf("basis", false)
		it.PriceMin, _ = r.fen("price_min_fen", false)
		it.PriceMax, _ = r.fen("price_max_fen", false)
		it.MarkupPercent, _ = r.integer("markup_percent", false)
		it.Markup, _ = r.fen("markup_fen", false)
		it.RequiredOf = r.stringOf("required_of", false)
		if t := "pricing_type"; r.has(t) {
			it.PricingType = pricing.PricingType(r.stringOf(t, true))
		} else {
			it.PricingType = pricing.PricingType(r.stringOf("regime_2026", true))
		}
		r.known("regime_2026", "regime_2012", "observed") // research beside the catalogue, not part of it
		r.close()
		f.cmd.Items = append(f.cmd.Items, it)
	}
	o.close()
	id, err := contentID(c.Division, f.cmd)
	if err != nil {
		o.refuse("", err)
	}
	f.cmd.Act = domain.Act{ID: id, By: importer, Now: now, At: now}
	return f
}

func (f *catalogueFile) refuse(err error) {
	var re *pricing.RowErrors
	switch {
	case errors.As(err, &re):
		placeRows(re, f.o, f.items)
	case errors.Is(err, pricing.ErrPredates):
		f.o.refuse("effective_from", err)
	case errors.Is(err, pricing.ErrDocument):
		f.o.refuse("document", err)
	default:
		f.o.refuse("items", err)
	}
}
