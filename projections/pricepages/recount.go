package pricepages

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: it reads every file that is ready
// to be served and compares it, line by line, with the stored bytes of the
// event it comes from. It must not use Apply, the Registry or the events' Go
// types.
func (p Projection) Recount() projections.Recount {
	return &recount{html: p.Renderer.List != nil, lists: map[string][]rawList{}, cases: map[string]string{}, charged: map[rawCharge]int{}}
}

type recount struct {
	html  bool
	lists map[string][]rawList // by institution, as recorded
	cases map[string]string    // institution by case
	// charged counts lines of bills.
	charged map[rawCharge]int
}

type rawCharge struct {
	institution, month, code string
	price                    int64
}

type rawList struct {
	Version       int      `json:"version"`
	EffectiveFrom string   `json:"effective_from"`
	Precision     string   `json:"precision"`
	Name          string   `json:"institution_name"`
	Attester      string   `json:"attester"`
	Rows          []rawRow `json:"rows"`
	Totals        []struct {
		Amount int64 `json:"total_fen"`
	} `json:"totals"`
	event    string
	position uint64
}

type rawRow struct {
	Code        string `json:"code"`
	NameZh      string `json:"name_zh"`
	NameEn      string `json:"name_en"`
	PricingType string `json:"pricing_type"`
	Unit        string `json:"unit"`
	Price       int64  `json:"price_fen"`
	PriceMin    int64  `json:"price_min_fen"`
	PriceMax    int64  `json:"price_max_fen"`
	Note        string `json:"note"`
}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	switch e.Type {
	case "pricelist.published.v1", "pricelist.published.v2":
	case "booking.opened.v1", "booking.opened.v2":
		var b struct {
			Institution string `json:"institution"`
		}
		err := json.Unmarshal(e.Data, &b)
		r.cases[e.Stream.ID()] = b.Institution
		return err
	case "booking.charged.v1", "booking.charged.v2":
		var b struct {
			Line struct {
				Code  string `json:"code"`
				Price int64  `json:"price_fen"`
			} `json:"line"`
		}
		if err := json.Unmarshal(e.Data, &b); err != nil {
			return err
		}
		at := e.Occurred
		if at.IsZero() {
			at = e.At
		}
		r.charged[rawCharge{r.cases[e.Stream.ID()], at.In(domain.Shanghai).Format("2006-01"), b.Line.Code, b.Line.Price}]++
		return nil
	default:
		return nil
	}
	l := rawList{event: e.ID.String(), position: uint64(e.Position)}
	if err := json.Unmarshal(e.Data, &l); err != nil {
		return err
	}
	id := e.Stream.ID()
	r.lists[id] = append(r.lists[id], l)
	return nil
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	reader := Reader{live}
	c := comparison{}
	versions := 0
	for id, lists := range r.lists {
		for i, l := range lists {
			versions++
			key := fmt.Sprintf("%s v%d", id, l.Version)
			for _, f := range []Format{JSON, CSV} {
				b, err := reader.content(ctx, id, l.Version, f, "")
				if err != nil {
					c.differ(string(f), key, "file: "+err.Error())
					continue
				}
				if f == JSON {
					c.json(key, b, id, l)
				} else {
					c.csv(key, b, id, l)
				}
			}
			if r.html {
				c.html(ctx, reader, id, l)
			}
			// On the last day before the next list begins, this one is served; on
			// its first day too, unless another begins on the same.
			until := domain.Date("9999-12-31")
			if i+1 < len(lists) {
				until = domain.Date(lists[i+1].EffectiveFrom).AddDays(-1)
			}
			if string(until) >= l.EffectiveFrom {
				got, err := reader.InForce(ctx, id, until)
				if c.figures++; err != nil || got != l.Version {
					c.differ("in force", key, "version")
				}
			}
		}
	}
	if err := c.charges(ctx, live, r.charged); err != nil {
		return 0, nil, err
	}
	var stored int
	rs, err := live.QueryContext(ctx, `SELECT count(*) FROM version`)
	if err != nil {
		return 0, nil, err
	}
	defer rs.Close()
	if rs.Next() {
		err = rs.Scan(&stored)
	}
	if c.figures++; stored != versions {
		c.differ("versions", "all", "count")
	}
	return c.figures, c.differences, err
}

// charges compares what items actually cost with a count of the bills.
func (c *comparison) charges(ctx context.Context, live projections.Querier, want map[rawCharge]int) error {
	rs, err := live.QueryContext(ctx, `SELECT institution, month, code, price, n FROM charged`)
	if err != nil {
		return err
	}
	defer rs.Close()
	found := 0
	for rs.Next() {
		var k rawCharge
		var n int
		if err := rs.Scan(&k.institution, &k.month, &k.code, &k.price, &n); err != nil {
			return err
		}
		found++
		c.equal("charged", fmt.Sprintf("%s %s %s %d", k.institution, k.month, k.code, k.price), "n", want[k] == n)
	}
	c.equal("charged", "all", "prices", found == len(want))
	return rs.Err()
}

// content is a file as a reader gets it, its tag checked.
func (r Reader) content(ctx context.Context, institution string, version int, f Format, variant string) ([]byte, error) {
	file, err := r.VersionFile(ctx, institution, version, f, variant)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(file.Gzip))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	if tag := base64.RawURLEncoding.EncodeToString(sum[:12]); file.ETag != `"`+tag+`"` {
		return nil, fmt.Errorf("the tag is of other content")
	}
	return b, nil
}

type comparison struct {
	figures     int
	differences []projections.Difference
}

func (c *comparison) differ(question, key, column string) {
	c.differences = append(c.differences, projections.Difference{Table: question, Key: key, Column: column, What: projections.Differs})
}

func (c *comparison) equal(question, key, column string, same bool) {
	if c.figures++; !same {
		c.differ(question, key, column)
	}
}

func (c *comparison) json(key string, b []byte, id string, l rawList) {
	var got struct {
		Institution   string           `json:"institution"`
		Version       int              `json:"version"`
		EffectiveFrom string           `json:"effective_from"`
		Attester      string           `json:"attester"`
		Rows          []map[string]any `json:"rows"`
		Source        struct {
			Event    string `json:"event"`
			Position uint64 `json:"position"`
		} `json:"source"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		c.differ("json", key, "not JSON")
		return
	}
	c.equal("json", key, "heading", got.Institution == id && got.Version == l.Version && got.EffectiveFrom == l.EffectiveFrom && got.Attester == l.Attester)
	c.equal("json", key, "source", got.Source.Event == l.event && got.Source.Position == l.position)
	c.equal("json", key, "number of rows", len(got.Rows) == len(l.Rows))
	for i := range min(len(got.Rows), len(l.Rows)) {
		g, w := got.Rows[i], l.Rows[i]
		at := fmt.Sprintf("%s row %d", key, i+1)
		text := func(k string) string { s, _ := g[k].(string); return s }
		c.equal("json", at, "code, name_zh, pricing_type, unit, note", text("code") == w.Code && text("name_zh") == w.NameZh &&
			text("pricing_type") == w.PricingType && text("unit") == w.Unit && text("note") == w.Note)
		for k, fen := range map[string]int64{"price_fen": w.Price, "price_min_fen": w.PriceMin, "price_max_fen": w.PriceMax} {
			n, there := g[k].(json.Number)
			want := strconv.FormatInt(fen, 10)
			if fen == 0 { // not given, except the price of what is free
				c.equal("json", at, k, there == (k == "price_fen" && w.PricingType == "FREE"))
				continue
			}
			c.equal("json", at, k, there && n.String() == want)
		}
	}
}

func (c *comparison) csv(key string, b []byte, id string, l rawList) {
	b, marked := bytes.CutPrefix(b, []byte("\xef\xbb\xbf"))
	c.equal("csv", key, "byte order mark", marked)
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(rows) == 0 {
		c.differ("csv", key, "not CSV")
		return
	}
	column := map[string]int{}
	for i, h := range rows[0] {
		column[h] = i
	}
	rows = rows[1:]
	c.equal("csv", key, "number of rows", len(rows) == len(l.Rows)+len(l.Totals))
	for i, t := range l.Totals[:min(len(l.Totals), max(0, len(rows)-len(l.Rows)))] {
		c.equal("csv", key, "total", rows[len(l.Rows)+i][column["price_fen"]] == strconv.FormatInt(t.Amount, 10))
	}
	effective := l.EffectiveFrom
	if l.Precision == "year" {
		effective = effective[:4]
	}
	for i := range min(len(rows), len(l.Rows)) {
		w, at := l.Rows[i], fmt.Sprintf("%s row %d", key, i+1)
		cell := func(name string) string {
			return strings.TrimPrefix(rows[i][column[name]], "'") // put in front of what looks like a formula
		}
		c.equal("csv", at, "heading", cell("institution") == id && cell("version") == strconv.Itoa(l.Version) && cell("effective_from") == effective &&
			cell("attester") == l.Attester && cell("event") == l.event && cell("position") == strconv.FormatUint(l.position, 10))
		c.equal("csv", at, "code, name_zh", cell("code") == w.Code && cell("name_zh") == w.NameZh)
		for _, p := range []struct {
			name string
			fen  int64
			zero bool
		}{{"price", w.Price, w.PricingType == "FREE"}, {"price_min", w.PriceMin, false}, {"price_max", w.PriceMax, false}} {
			fen, yuan := "", ""
			if p.fen != 0 || p.zero {
				fen, yuan = strconv.FormatInt(p.fen, 10), fmt.Sprintf("%d.%02d", p.fen/100, p.fen%100)
			}
			c.equal("csv", at, p.name, cell(p.name+"_fen") == fen && cell(p.name+"_yuan") == yuan)
		}
	}
}

// html looks for every name and every amount in every variant of the page. How
// they stand there is the renderer's tests' matter.
func (c *comparison) html(ctx context.Context, r Reader, id string, l rawList) {
	key := fmt.Sprintf("%s v%d", id, l.Version)
	variants, err := r.variants(ctx, id, l.Version)
	if err != nil || len(variants) == 0 {
		c.differ("html", key, "file")
		return
	}
	for _, v := range variants {
		b, err := r.content(ctx, id, l.Version, HTML, v)
		if err != nil {
			c.differ("html", key+" "+v, "file: "+err.Error())
			continue
		}
		page := html.UnescapeString(string(b))
		for i, w := range l.Rows {
			at := fmt.Sprintf("%s %s row %d", key, v, i+1)
			c.equal("html", at, "name", strings.Contains(page, w.NameZh) || w.NameEn != "" && strings.Contains(page, w.NameEn))
			for _, fen := range []int64{w.Price, w.PriceMin, w.PriceMax} {
				if fen != 0 {
					c.equal("html", at, "amount", strings.Contains(page, thousands(fen/100)))
				}
			}
		}
	}
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// variants lists the renderings that there are of a version's page.
func (r Reader) variants(ctx context.Context, institution string, version int) ([]string, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT variant FROM file WHERE institution = ? AND version = ? AND format = 'html' ORDER BY variant`, institution, version)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var vs []string
	for rs.Next() {
		var v string
		if err := rs.Scan(&v); err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, rs.Err()
}
