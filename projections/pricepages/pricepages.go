package pricepages

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "pricepages"

//go:embed schema.sql
var schema string

// A Renderer draws the HTML pages. It lives with the templates, which this room
// may not import. What it makes must follow from the page alone.
type Renderer struct {
	// List draws the page of one version, History the page of all of them, in as
	// many variants (language, type size) as there are, each under its name. A
	// nil function means that no HTML is kept.
	List    func(Page) (map[string][]byte, error)
	History func(History) (map[string][]byte, error)
	// Wall and Counter draw the notice on the wall and the sheet at the counter
	// from the very same page.
	Wall, Counter func(Page) (map[string][]byte, error)
	// Fingerprint changes whenever the same page would be drawn otherwise; then
	// all pages are built anew.
	Fingerprint string
}

// Projection renders price lists as they are published.
type Projection struct{ Renderer Renderer }

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Fingerprint implements projections.Fingerprinter.
func (p Projection) Fingerprint() string { return p.Renderer.Fingerprint }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{"pricelist.published.v1", "pricelist.published.v2", "catalogue.adopted.v1", "catalogue.adopted.v2", "institution.registered.v1", "institution.renamed.v1",
		"booking.opened.v1", "booking.opened.v2", "booking.charged.v1", "booking.charged.v2"}
}

// Apply implements projections.Projection. The files are a function of the
// other three tables: whatever a batch touched is rendered once at its end.
func (p Projection) Apply(ctx context.Context, tx *projections.Tx, batch []projections.Event) error {
	r := Reader{tx}
	touched := map[string]map[int]bool{} // versions by institution; nil: all of them
	shown, err := r.clock(ctx)           // when the batch began
	if err != nil {
		return err
	}
	now := shown
	cases := newCases(tx)
	charges := charges{}
	for _, e := range batch {
		id := e.Stream.ID()
		now = max(now, monthOf(e.At))
		switch b := e.Body.(type) {
		case pricing.Published:
			v := newList(id, b)
			before, known, err := r.before(ctx, id, b.Version)
			if err != nil {
				return err
			}
			changes := []Change{}
			if known {
				changes = diff(before.Rows, v.Rows)
			}
			body, err := json.Marshal(v)
			if err != nil {
				return err
			}
			delta, err := json.Marshal(changes)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO version VALUES (?,?,?,?,?,?,?,?)`, id, b.Version, string(b.EffectiveFrom), string(body), string(delta),
				int64(e.Position), e.ID.String(), e.At.UTC().Format(time.RFC3339Nano)); err != nil {
				return err
			}
			if vs, ok := touched[id]; !ok {
				touched[id] = map[int]bool{b.Version: true, b.Version - 1: true}
			} else if vs != nil {
				vs[b.Version], vs[b.Version-1] = true, true
			}
		case pricing.Adopted:
			// A list names the catalogue that it was checked against, so one that
			// is adopted later changes no page.
			items, err := json.Marshal(b.Items)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO catalogue VALUES (?,?,?,?,?)`, id, b.Version, b.Document, string(b.EffectiveFrom), string(items)); err != nil {
				return err
			}
		case booking.Opened:
			cases.opened(id, b.Institution)
		case booking.Charged:
			of, err := cases.institution(id)
			if err != nil {
				return err
			}
			charges[bar{of, b.Line.Code, monthOf(cmp.Or(e.Occurred, e.At)), b.Line.Price}]++
		case institution.Registered:
			if _, err := tx.Exec(`INSERT INTO institution VALUES (?,?,?,?,?)`, id, b.NameZh, b.NameEn, string(b.Kind), b.Fictitious); err != nil {
				return err
			}
			touched[id] = nil
		case institution.Renamed:
			if _, err := tx.Exec(`UPDATE institution SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, id); err != nil {
				return err
			}
			touched[id] = nil
		default:
			return fmt.Errorf("pricepages: %T is none of its events", e.Body)
		}
	}
	if err := cases.write(); err != nil {
		return err
	}
	if err := charges.write(tx); err != nil {
		return err
	}
	// Of this month nothing is published before it is over. When it is, its
	// figures are published with every list that was in force in it, and those of
	// the month shown so far leave the lists. Of the month that they show, a charge
	// may also come in late.
	turned := map[string]bool{}
	if now > shown {
		if _, err := tx.Exec(`INSERT INTO clock VALUES (1, ?) ON CONFLICT DO UPDATE SET month = excluded.month`, now); err != nil {
			return err
		}
		turned[before(now)] = true
		if shown != "" {
			turned[before(shown)] = true
		}
	}
	recounted := map[string]map[string]bool{} // months by institution
	if len(turned) > 0 {
		ids, err := r.withCharges(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			recounted[id] = turned
		}
	}
	for c := range charges {
		if c.month == before(now) && recounted[c.institution] == nil {
			recounted[c.institution] = map[string]bool{c.month: true}
		}
	}
	for id := range recounted {
		if _, ok := touched[id]; !ok {
			touched[id] = map[int]bool{}
		}
	}
	var drawings []drawing
	for _, id := range slices.Sorted(maps.Keys(touched)) {
		ps, err := r.pages(ctx, id)
		if err != nil {
			return err
		}
		if len(ps) == 0 {
			continue // registered, and no list yet
		}
		for _, page := range ps {
			vs, months := touched[id], slices.Collect(maps.Keys(recounted[id]))
			if vs == nil || vs[page.Version.Version] || slices.ContainsFunc(months, page.overlaps) {
				drawings = append(drawings, drawing{id, page.Version.Version, func() ([]file, error) { return p.draw(page) }})
			}
		}
		if vs := touched[id]; vs != nil && len(vs) == 0 {
			continue // the history tells of no charges
		}
		drawings = append(drawings, drawing{id, 0, func() ([]file, error) { return p.drawHistory(newHistory(ps)) }})
	}
	return write(tx, drawings)
}

// A drawing is what makes the files of one version of a list; version 0 is the
// history. It reads nothing but what it was given.
type drawing struct {
	institution string
	version     int
	files       func() ([]file, error)
}

// write draws on all processors, a few at a time, because one read model that
// is slow holds up the others; rows are written in order, by one.
func write(tx *projections.Tx, all []drawing) error {
	for some := range slices.Chunk(all, 2*runtime.GOMAXPROCS(0)) {
		packed, errs := make([][]file, len(some)), make([]error, len(some))
		var wg sync.WaitGroup
		for i, d := range some {
			wg.Go(func() {
				defer func() { // here nobody else would catch it
					if p := recover(); p != nil {
						errs[i] = fmt.Errorf("pricepages: drawing panics: %v", p)
					}
				}()
				fs, err := d.files()
				if err == nil {
					err = pack(fs)
				}
				packed[i], errs[i] = fs, err
			})
		}
		wg.Wait()
		for i, d := range some {
			if errs[i] != nil {
				return errs[i]
			}
			if err := put(tx, d.institution, d.version, packed[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p Projection) draw(page Page) ([]file, error) {
	files := []file{}
	add := func(f Format, variant string, b []byte, err error) error {
		if err == nil {
			files = append(files, file{format: f, variant: variant, bytes: b})
		}
		return err
	}
	b, err := page.json()
	if err := add(JSON, "", b, err); err != nil {
		return nil, err
	}
	b, err = page.csv()
	if err := add(CSV, "", b, err); err != nil {
		return nil, err
	}
	b, err = encode(page.ld())
	if err := add(JSONLD, "", b, err); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		format Format
		draw   func(Page) (map[string][]byte, error)
	}{{HTML, p.Renderer.List}, {Wall, p.Renderer.Wall}, {Counter, p.Renderer.Counter}} {
		if d.draw == nil {
			continue
		}
		html, err := d.draw(page)
		if err != nil {
			return nil, err
		}
		for variant, b := range html {
			files = append(files, file{format: d.format, variant: variant, bytes: b})
		}
	}
	return files, nil
}

// withCharges are the institutions that charged something.
func (r Reader) withCharges(ctx context.Context) ([]string, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT DISTINCT institution FROM charged`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ids []string
	for rs.Next() {
		var id string
		if err := rs.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rs.Err()
}

func (p Projection) drawHistory(h History) ([]file, error) {
	j, err := h.json()
	if err != nil {
		return nil, err
	}
	c, err := h.csv()
	if err != nil {
		return nil, err
	}
	files := []file{{format: JSON, bytes: j}, {format: CSV, bytes: c}}
	if p.Renderer.History != nil {
		html, err := p.Renderer.History(h)
		if err != nil {
			return nil, err
		}
		for variant, b := range html {
			files = append(files, file{format: HTML, variant: variant, bytes: b})
		}
	}
	return files, nil
}

// newList takes from the event what the public may see.
func newList(id string, b pricing.Published) list {
	l := list{Version: Version{Institution: id, Version: b.Version, EffectiveFrom: b.EffectiveFrom, Precision: b.Precision, NameZh: b.InstitutionName,
		City: b.City, Division: b.Division, FacilityKind: b.FacilityKind, Basis: b.Basis, Origin: b.Source, Confidence: b.Confidence,
		Caveats: b.Caveats, Attester: b.Attester, AttesterName: b.AttesterName, LateReason: b.LateReason, CatalogueVersion: b.CatalogueVersion, RowCount: len(b.Rows)}, Totals: b.Totals}
	for _, r := range b.Rows {
		row := Row{Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Category: r.Category, Block: r.Block(), PricingType: r.PricingType, Unit: r.Unit,
			MarkupPercent: r.MarkupPercent, Note: r.Note, Basis: r.Basis, Content: r.Content, Relief: r.Relief, Reason: r.Reason, NotOffered: r.NotOffered}
		if r.NotOffered {
			l.Rows = append(l.Rows, row)
			continue
		}
		if r.Price > 0 || r.PricingType == pricing.Free {
			row.Price = &r.Price
		}
		for _, x := range []struct {
			from domain.Money
			to   **domain.Money
		}{{r.PriceMin, &row.PriceMin}, {r.PriceMax, &row.PriceMax}, {r.Markup, &row.Markup}} {
			if x.from > 0 {
				*x.to = &x.from
			}
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

// diff compares two versions line by line. Lines are the same when they have
// code, name and unit in common; a list may hold a code several times.
func diff(before, after []Row) []Change {
	type key struct {
		code, name, unit string
		nth              int
	}
	index := func(rows []Row) (map[key]Row, []key) {
		m, seen := map[key]Row{}, map[key]int{}
		var ks []key
		for _, r := range rows {
			k := key{code: r.Code, name: r.NameZh, unit: r.Unit}
			seen[k]++
			k.nth = seen[key{code: r.Code, name: r.NameZh, unit: r.Unit}]
			m[k] = r
			ks = append(ks, k)
		}
		return m, ks
	}
	was, wasKeys := index(before)
	is, isKeys := index(after)
	var cs []Change
	for _, k := range isKeys {
		a := is[k]
		b, ok := was[k]
		switch fields := differ(b, a); {
		case !ok:
			cs = append(cs, Change{Kind: Added, Code: a.Code, NameZh: a.NameZh, NameEn: a.NameEn, Unit: a.Unit, After: &a})
		case len(fields) > 0:
			cs = append(cs, Change{Kind: kind(b, a), Code: a.Code, NameZh: a.NameZh, NameEn: a.NameEn, Unit: a.Unit, Before: &b, After: &a, Fields: fields})
		}
	}
	for _, k := range wasKeys {
		if _, ok := is[k]; !ok {
			b := was[k]
			cs = append(cs, Change{Kind: Removed, Code: b.Code, NameZh: b.NameZh, NameEn: b.NameEn, Unit: b.Unit, Before: &b})
		}
	}
	return cs
}

// differ names what differs between two versions of a line.
func differ(a, b Row) []string {
	var fs []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name_en", a.NameEn == b.NameEn}, {"category", a.Category == b.Category}, {"pricing_type", a.PricingType == b.PricingType},
		{"price_fen", same(a.Price, b.Price)}, {"price_min_fen", same(a.PriceMin, b.PriceMin)}, {"price_max_fen", same(a.PriceMax, b.PriceMax)},
		{"markup_percent", a.MarkupPercent == b.MarkupPercent}, {"markup_fen", same(a.Markup, b.Markup)},
		{"note", a.Note == b.Note}, {"basis", a.Basis == b.Basis},
		{"content", a.Content == b.Content}, {"relief", a.Relief == b.Relief}, {"reason", a.Reason == b.Reason}, {"not_offered", a.NotOffered == b.NotOffered},
	} {
		if !f.same {
			fs = append(fs, f.name)
		}
	}
	return fs
}

func same(a, b *domain.Money) bool { return a == b || a != nil && b != nil && *a == *b }

// kind says which way the amounts went: up or down only when all that moved
// moved that way.
func kind(a, b Row) ChangeKind {
	up, down := false, false
	for _, p := range [][2]*domain.Money{{a.Price, b.Price}, {a.PriceMin, b.PriceMin}, {a.PriceMax, b.PriceMax}} {
		if p[0] == nil || p[1] == nil {
			continue
		}
		c := cmp.Compare(*p[1], *p[0])
		up, down = up || c > 0, down || c < 0
	}
	switch {
	case up && !down:
		return Raised
	case down && !up:
		return Lowered
	}
	return Other
}
