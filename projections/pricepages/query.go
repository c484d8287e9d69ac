// Package pricepages is the read model of the public price lists: every version
// of every institution, rendered once per change and kept ready to serve.
package pricepages

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/projections"
)

// A Reader serves pages.
type Reader struct{ DB projections.Querier }

// ErrNotFound reports that there is no such list.
var ErrNotFound = errors.New("pricepages: no such price list")

// A Row is one line of a price list, as published. An amount that the list does
// not give is nil, never 0. What an item cost the institution is not public.
type Row struct {
	Code          string              `json:"code"`
	NameZh        string              `json:"name_zh"`
	NameEn        string              `json:"name_en,omitempty"`
	Block         pricing.Block       `json:"block"`
	Category      pricing.RowCategory `json:"category"`
	PricingType   pricing.PricingType `json:"pricing_type"`
	Unit          string              `json:"unit"`
	Price         *domain.Money       `json:"price_fen,omitempty"`
	PriceMin      *domain.Money       `json:"price_min_fen,omitempty"`
	PriceMax      *domain.Money       `json:"price_max_fen,omitempty"`
	MarkupPercent int64               `json:"markup_percent,omitempty"`
	Markup        *domain.Money       `json:"markup_fen,omitempty"`
	Note          string              `json:"note,omitempty"`
	Basis         string              `json:"basis,omitempty"`
	Content       string              `json:"content,omitempty"` // what the item includes, as the list or else the catalogue says
	Relief        string              `json:"relief,omitempty"`
	Reason        string              `json:"reason,omitempty"` // why it lies outside the reference range
	NotOffered    bool                `json:"not_offered,omitempty"`
	// Limit is what the catalogue allows, where it says so.
	Limit *Limit `json:"limit,omitempty"`
}

// A Version is one published price list without its rows.
type Version struct {
	Institution   string            `json:"institution"` // credit code, or the slug of a reference list
	Version       int               `json:"version"`
	EffectiveFrom domain.Date       `json:"effective_from"`
	Precision     pricing.Precision `json:"precision"`
	NameZh        string            `json:"name_zh"` // as the list names its institution
	City          string            `json:"city,omitempty"`
	Division      domain.Division   `json:"division"`
	FacilityKind  string            `json:"facility_kind,omitempty"`
	Basis         string            `json:"basis,omitempty"`
	Origin        string            `json:"origin,omitempty"` // where the list was found
	Confidence    string            `json:"confidence,omitempty"`
	Caveats       []string          `json:"caveats,omitempty"`
	Attester      string            `json:"attester,omitempty"` // account; empty where nobody stands for it
	AttesterName  string            `json:"attester_name,omitempty"`
	LateReason    string            `json:"late_reason,omitempty"` // why it took effect in the past although another was in force
	// CatalogueVersion is what the list was checked against; zero: nothing.
	CatalogueVersion int                `json:"catalogue_version,omitempty"`
	RowCount         int                `json:"row_count"`
	Source           projections.Source `json:"source"`
}

// Effective is the first day of the list, or its year where only that is known.
func (v Version) Effective() string {
	if v.Precision == pricing.ToYear {
		return v.EffectiveFrom.Year()
	}
	return string(v.EffectiveFrom)
}

// list is what is kept of an event.
type list struct {
	Version
	Rows    []Row           `json:"rows"`
	Totals  []pricing.Total `json:"totals,omitempty"`
	changes []Change        // from the version before
}

// A Page is what the public page of one version shows.
type Page struct {
	Version
	// Registered is what the register says about the institution; nil for a
	// reference list, or one published before registration.
	Registered *Registered `json:"registered,omitempty"`
	// Catalogue is the fee catalogue that the list was checked against, if any.
	Catalogue *Catalogue `json:"catalogue,omitempty"`
	Rows      []Row      `json:"rows"`
	// Totals are sums of rows, as families buy them.
	Totals []pricing.Total `json:"totals,omitempty"`
	// Charged is what the items actually cost in the last month that is over, if
	// the version was in force in it; ChargedMonth is that month, or empty.
	ChargedMonth string    `json:"charged_month,omitempty"`
	Charged      []Charged `json:"charged,omitempty"`
	// Previous and Next are the numbers of the neighbours, zero where there is
	// none. Changes is what differs from Previous.
	Previous int      `json:"previous,omitempty"`
	Changes  []Change `json:"changes,omitempty"`
	Next     int      `json:"next,omitempty"`
	// NextFrom is when the next version takes effect.
	NextFrom domain.Date `json:"next_from,omitempty"`
}

// Registered is an institution as the register names it today.
type Registered struct {
	NameZh     string           `json:"name_zh"`
	NameEn     string           `json:"name_en,omitempty"`
	Kind       institution.Kind `json:"kind"`
	Fictitious bool             `json:"fictitious"`
}

// A Catalogue is a version of a fee catalogue.
type Catalogue struct {
	Division      domain.Division `json:"division"`
	Version       int             `json:"version"`
	Document      string          `json:"document"`
	EffectiveFrom domain.Date     `json:"effective_from"`
	Items         []pricing.Item  `json:"items"`
}

// A ChangeKind is what became of a line between two versions.
type ChangeKind string

// The kinds of change. Raised and Lowered are told only when every amount that
// moved moved that way.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Raised  ChangeKind = "raised"
	Lowered ChangeKind = "lowered"
	Other   ChangeKind = "other"
)

// A Change is one line that differs between two versions. Before is nil for a
// new line, After for one that was dropped.
type Change struct {
	Kind   ChangeKind `json:"kind"`
	Code   string     `json:"code"`
	NameZh string     `json:"name_zh"`
	NameEn string     `json:"name_en,omitempty"`
	Unit   string     `json:"unit"`
	Before *Row       `json:"before,omitempty"`
	After  *Row       `json:"after,omitempty"`
	Fields []string   `json:"fields,omitempty"` // JSON names of what differs
}

// A History is every version of an institution's list, newest first.
type History struct {
	Institution string            `json:"institution"`
	Registered  *Registered       `json:"registered,omitempty"`
	Versions    []HistoricVersion `json:"versions"`
}

// A HistoricVersion is one version and what it changed.
type HistoricVersion struct {
	Version
	Previous int      `json:"previous,omitempty"`
	Changes  []Change `json:"changes,omitempty"`
}

func newHistory(ps []Page) History {
	last := ps[len(ps)-1]
	h := History{Institution: last.Institution, Registered: last.Registered}
	for _, p := range slices.Backward(ps) {
		h.Versions = append(h.Versions, HistoricVersion{p.Version, p.Previous, p.Changes})
	}
	return h
}

// A Format is one of the ways in which a page is kept.
type Format string

// The formats.
const (
	HTML    Format = "html"
	Wall    Format = "wall"    // HTML, the notice on the wall, to be printed
	Counter Format = "counter" // HTML, the sheet at the counter, to be printed
	JSON    Format = "json"
	CSV     Format = "csv" // with a byte order mark
	JSONLD  Format = "jsonld"
)

// Page says that the format is for people, in several variants.
func (f Format) Page() bool { return f == HTML || f == Wall || f == Counter }

// ContentType is what the format is served as.
func (f Format) ContentType() string {
	switch f {
	case JSON:
		return "application/json; charset=utf-8"
	case JSONLD:
		return "application/ld+json"
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	}
	return "text/html; charset=utf-8"
}

// A File is a page ready to be served.
type File struct {
	// Gzip are the bytes, compressed; ETag is a strong tag, quotes included, of
	// what they decompress to.
	Gzip []byte
	ETag string
	// Version is the version shown; zero for a history.
	Version int
}

// An Entry is one institution's line in the index.
type Entry struct {
	Version
	Registered *Registered `json:"registered,omitempty"`
	// InForce says that the list had begun on the day; otherwise it is the first
	// one of its institution, and still to come.
	InForce bool `json:"in_force"`
}

// Index lists every institution that has published, with its version of the
// day, registered institutions first, by division and name.
func (r Reader) Index(ctx context.Context, on domain.Date) ([]Entry, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT body, changes, position, event, recorded_at FROM version AS v WHERE version = coalesce(
		(SELECT max(version) FROM version WHERE institution = v.institution AND effective_from <= ?1),
		(SELECT min(version) FROM version WHERE institution = v.institution))`, string(on))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var es []Entry
	for rs.Next() {
		l, err := scanList(rs)
		if err != nil {
			return nil, err
		}
		es = append(es, Entry{Version: l.Version, InForce: l.EffectiveFrom <= on})
	}
	if err := rs.Err(); err != nil {
		return nil, err
	}
	for i := range es {
		if es[i].Registered, err = r.registered(ctx, es[i].Institution); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(es, func(a, b Entry) int {
		if (a.Registered == nil) != (b.Registered == nil) {
			if a.Registered != nil {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Division, b.Division), cmp.Compare(a.NameZh, b.NameZh), cmp.Compare(a.Institution, b.Institution))
	})
	return es, nil
}

// InForce is the number of the version of a day: the last one that had begun.
// Before the first has begun it is that one.
func (r Reader) InForce(ctx context.Context, institution string, on domain.Date) (int, error) {
	var v int
	err := r.DB.QueryRowContext(ctx, `SELECT coalesce(
		(SELECT max(version) FROM version WHERE institution = ?1 AND effective_from <= ?2),
		(SELECT min(version) FROM version WHERE institution = ?1), 0)`, institution, string(on)).Scan(&v)
	if err == nil && v == 0 {
		err = ErrNotFound
	}
	return v, err
}

// File is the list of a day, ready to be served. The variant is one of the
// renderer's for HTML and empty for the other formats.
func (r Reader) File(ctx context.Context, institution string, on domain.Date, format Format, variant string) (File, error) {
	v, err := r.InForce(ctx, institution, on)
	if err != nil {
		return File{}, err
	}
	return r.VersionFile(ctx, institution, v, format, variant)
}

// HistoryFile is the page of all versions.
func (r Reader) HistoryFile(ctx context.Context, institution string, format Format, variant string) (File, error) {
	return r.VersionFile(ctx, institution, 0, format, variant)
}

// VersionFile is one version's page, whether or not it is in force.
func (r Reader) VersionFile(ctx context.Context, institution string, version int, format Format, variant string) (File, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT gzip, etag FROM file WHERE institution = ? AND version = ? AND format = ? AND variant = ?`,
		institution, version, string(format), variant)
	if err != nil {
		return File{}, err
	}
	defer rs.Close()
	if !rs.Next() {
		return File{}, cmp.Or(rs.Err(), ErrNotFound)
	}
	f := File{Version: version}
	err = rs.Scan(&f.Gzip, &f.ETag)
	return f, err
}

// Page is one version with its rows and what it changed.
func (r Reader) Page(ctx context.Context, institution string, version int) (Page, error) {
	ps, err := r.pages(ctx, institution)
	if err != nil {
		return Page{}, err
	}
	for _, p := range ps {
		if p.Version.Version == version {
			return p, nil
		}
	}
	return Page{}, ErrNotFound
}

// Pages are all versions of an institution's list, oldest first.
func (r Reader) Pages(ctx context.Context, institution string) ([]Page, error) {
	ps, err := r.pages(ctx, institution)
	if err == nil && len(ps) == 0 {
		err = ErrNotFound
	}
	return ps, err
}

// History is every version with what it changed, newest first.
func (r Reader) History(ctx context.Context, institution string) (History, error) {
	ps, err := r.Pages(ctx, institution)
	if err != nil {
		return History{}, err
	}
	return newHistory(ps), nil
}

// Diff compares any two versions of an institution's list.
func (r Reader) Diff(ctx context.Context, institution string, before, after int) ([]Change, error) {
	b, err := r.Page(ctx, institution, before)
	if err != nil {
		return nil, err
	}
	a, err := r.Page(ctx, institution, after)
	if err != nil {
		return nil, err
	}
	return diff(b.Rows, a.Rows), nil
}

// pages reads all versions of an institution, oldest first.
func (r Reader) pages(ctx context.Context, id string) ([]Page, error) {
	registered, err := r.registered(ctx, id)
	if err != nil {
		return nil, err
	}
	lists, err := r.lists(ctx, id)
	if err != nil {
		return nil, err
	}
	ps := make([]Page, len(lists))
	for i, l := range lists {
		ps[i] = Page{Version: l.Version, Registered: registered, Rows: l.Rows, Totals: l.Totals}
		if l.CatalogueVersion > 0 {
			if ps[i].Catalogue, err = r.catalogue(ctx, l.Division, l.CatalogueVersion); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			ps[i].Previous, ps[i].Changes = lists[i-1].Version.Version, l.changes
			ps[i-1].Next, ps[i-1].NextFrom = l.Version.Version, l.EffectiveFrom
		}
	}
	for i := range ps {
		ps[i].limits()
	}
	now, err := r.clock(ctx)
	if err != nil || now == "" {
		return ps, err
	}
	month := before(now)
	cs, err := r.charged(ctx, id, month, now)
	if err != nil {
		return nil, err
	}
	for i := range ps {
		if len(cs) > 0 && ps[i].overlaps(month) {
			ps[i].ChargedMonth, ps[i].Charged = month, cs
		}
	}
	return ps, nil
}

func (r Reader) lists(ctx context.Context, id string) ([]list, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT body, changes, position, event, recorded_at FROM version WHERE institution = ? ORDER BY version`, id)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ls []list
	for rs.Next() {
		l, err := scanList(rs)
		if err != nil {
			return nil, err
		}
		ls = append(ls, l)
	}
	return ls, rs.Err()
}

// before is the version before another.
func (r Reader) before(ctx context.Context, id string, version int) (list, bool, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT body, changes, position, event, recorded_at FROM version WHERE institution = ? AND version < ? ORDER BY version DESC LIMIT 1`, id, version)
	if err != nil {
		return list{}, false, err
	}
	defer rs.Close()
	if !rs.Next() {
		return list{}, false, rs.Err()
	}
	l, err := scanList(rs)
	return l, err == nil, err
}

func scanList(rs interface{ Scan(...any) error }) (l list, err error) {
	var body, changes, event, recorded string
	var at int64
	if err := rs.Scan(&body, &changes, &at, &event, &recorded); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(changes), &l.changes); err != nil {
		return l, err
	}
	l.Source, err = projections.ParseSource(event, at, recorded)
	return l, err
}

func (r Reader) registered(ctx context.Context, id string) (*Registered, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT name_zh, name_en, kind, fictitious FROM institution WHERE code = ?`, id)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	if !rs.Next() {
		return nil, rs.Err()
	}
	var g Registered
	err = rs.Scan(&g.NameZh, &g.NameEn, &g.Kind, &g.Fictitious)
	return &g, err
}

// catalogue finds a version in the division's own catalogue or that of the city
// or province around it.
func (r Reader) catalogue(ctx context.Context, d domain.Division, version int) (*Catalogue, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT division, version, document, effective_from, items FROM catalogue
		WHERE version = ? AND division IN (?, ?, ?) ORDER BY division DESC LIMIT 1`, version, string(d), string(d.City()), string(d.Province()))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	if !rs.Next() {
		return nil, rs.Err()
	}
	c, err := scanCatalogue(rs)
	return &c, err
}

func scanCatalogue(rs interface{ Scan(...any) error }) (c Catalogue, err error) {
	var items string
	if err = rs.Scan(&c.Division, &c.Version, &c.Document, &c.EffectiveFrom, &items); err == nil {
		err = json.Unmarshal([]byte(items), &c.Items)
	}
	return c, err
}

// Catalogues are all versions of all fee catalogues, the newest first.
func (r Reader) Catalogues(ctx context.Context) ([]Catalogue, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT division, version, document, effective_from, items FROM catalogue ORDER BY division, version DESC`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var cs []Catalogue
	for rs.Next() {
		c, err := scanCatalogue(rs)
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return cs, rs.Err()
}
