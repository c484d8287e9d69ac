package web

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/ecoratio"
)

// An EcoQuery says which figures are meant.
type EcoQuery struct {
	Period     string // the newest that has ended for ""
	Definition string // the one in force at the end of the period for ""
	All        bool   // nothing withheld: for the regulator
}

// An EcoListQuery says which figure the list behind it is wanted of.
type EcoListQuery struct {
	EcoQuery
	Division, Type string
	Share          ecoburial.Share // "": the denominator
	Late           bool            // only what was recorded in a later month
	After          uint64          // position of the last one seen
}

// EcoList is what one figure counts. Of a figure that is too small to publish
// nothing is told but that.
type EcoList struct {
	EcoListQuery
	Period      Period
	Place, Form Text
	Definition  string
	Count       int
	Hidden      bool
	Rows        []EcoRow
	Unnamed     int    // counted, and too few of their kind to be named
	Next        uint64 // where the list goes on, zero at its end
	AsOf        AsOf
}

// EcoRow is one burial. Only the regulator reads more than the event's number:
// day, district and form together could name a family.
type EcoRow struct {
	Event     string
	Kind      string // wire name of the event
	On        domain.Date
	Recorded  domain.Date
	Form      Text
	Place     Text
	LandCM2   int64
	Late      bool
	Corrected uint64
}

// city is the division whose figures the pages show.
const city domain.Division = "210200"

// Eco implements Source.
func (m *ReadModels) Eco(ctx context.Context, q EcoQuery) (Eco, error) {
	p := Eco{All: q.All}
	asOf, err := m.look(ctx, ecoratio.Name, func(tx *sql.Tx) error {
		r := ecoratio.Reader{DB: tx}
		first, last, err := r.Span(ctx)
		if err != nil {
			return err
		}
		p.Periods = m.periods(first, last)
		if q.Period == "" {
			q.Period = newest(p.Periods)
		}
		def, err := r.Definition(ctx, ecoratio.Filter{Definition: q.Definition})
		if err != nil {
			return noDefinition(err)
		}
		p.Definition = EcoDefinition{def.ID, int64(def.SmallSingleCM2), int64(def.SmallDoubleCM2)}
		all, err := r.Definitions(ctx)
		if err != nil {
			return err
		}
		for _, d := range all {
			p.Definitions = append(p.Definitions, d.Definition.ID)
		}
		if err := m.coverage(ctx, r, &p); err != nil {
			return err
		}
		if p.Undated, err = r.Undated(ctx, ecoratio.Filter{Division: city}); err != nil || q.Period == "" {
			return err
		}
		return m.ecoOf(ctx, r, q, first, &p)
	})
	p.AsOf = asOf
	return p, err
}

// noDefinition answers for a definition that there is not.
func noDefinition(err error) error {
	if errors.Is(err, ecoratio.ErrDefinition) {
		return handlers.ErrNotFound
	}
	return err
}

func (m *ReadModels) ecoOf(ctx context.Context, r ecoratio.Reader, q EcoQuery, first string, p *Eco) error {
	f, err := ecoratio.Filter{Division: city, Definition: q.Definition}.Period(q.Period)
	if err != nil {
		return err
	}
	p.Period = m.period(q.Period)
	total, err := r.Total(ctx, f)
	if err != nil {
		return err
	}
	p.Total, p.Late, p.SavedCM2 = countsOf(total), total.Late, total.LandSavedCm2
	def, err := r.Definition(ctx, f)
	if err != nil {
		return err
	}
	p.Definition = EcoDefinition{def.ID, int64(def.SmallSingleCM2), int64(def.SmallDoubleCM2)}
	targets, err := r.Targets(ctx, f.From.Year())
	if err != nil {
		return err
	}
	for _, t := range targets {
		p.Targets = append(p.Targets, EcoTarget{t.Share == ecoburial.StrictShare, t.Year, t.PerMille, t.Document})
	}
	if p.Frozen, err = frozen(ctx, r, q.Period, def.ID, total); err != nil {
		return err
	}
	if p.Trend, err = m.trend(ctx, r, p.Period, f, first); err != nil {
		return err
	}
	if err := published(ctx, r, def.ID, f, p); err != nil {
		return err
	}
	districts, err := r.Districts(ctx, f)
	if err != nil {
		return err
	}
	p.Districts = m.districts(districts)
	types, err := r.Types(ctx, f)
	if err != nil {
		return err
	}
	for _, t := range types {
		p.Types = append(p.Types, EcoType{Code: t.Code, Name: Text{t.NameZh, t.NameEn}, Count: t.Count, Out: !t.Counted,
			Strict: t.Counted && t.Strict, Broad: t.Counted && t.Broad, SavedCM2: t.LandSavedCm2})
	}
	if p.All {
		return nil
	}
	cells, err := r.Cells(ctx, f)
	if err == nil {
		withhold(p, def, cells)
	}
	return err
}

// published adds the published months that the trend spans, and marks its
// points.
func published(ctx context.Context, r ecoratio.Reader, definition string, f ecoratio.Filter, p *Eco) error {
	months, err := r.FrozenMonths(ctx)
	if err != nil || len(p.Trend) == 0 {
		return err
	}
	from, err := ecoratio.Filter{}.Period(p.Trend[0].Period)
	if err != nil {
		return err
	}
	for _, month := range months {
		if month < from.From.Month() || month > f.Until.Month() {
			continue
		}
		x, ok, err := r.Frozen(ctx, month)
		if err != nil {
			return err
		}
		then, told := x.Total(definition)
		if !ok || !told {
			continue
		}
		of, err := ecoratio.Filter{Division: city, Definition: definition}.Period(month)
		if err != nil {
			return err
		}
		now, err := r.Total(ctx, of)
		if err != nil {
			return err
		}
		x1 := EcoPublished{Month: month, On: domain.DateOf(x.Source.Recorded), EcoCount: countsOf(then), Late: then.Late, SavedCM2: then.LandSavedCm2, Position: uint64(x.RestsOn), Changed: now != then}
		p.Published = append(p.Published, x1)
		for i := range p.Trend {
			if p.Trend[i].Period == month {
				p.Trend[i].Frozen, p.Trend[i].Changed = true, x1.Changed
			}
		}
	}
	return nil
}

// coverage is what each district of the city has, those without anything too.
func (m *ReadModels) coverage(ctx context.Context, r ecoratio.Reader, p *Eco) error {
	cs, err := r.Coverage(ctx, m.today())
	if err != nil || len(cs) == 0 {
		return err
	}
	for _, d := range m.districts(nil) {
		p.Coverage = append(p.Coverage, EcoCoverage{Code: d.Code, Name: d.Name})
	}
	for _, c := range cs {
		if !c.Division.In(city) {
			continue
		}
		i := slices.IndexFunc(p.Coverage, func(x EcoCoverage) bool { return x.Code == string(c.Division) })
		if i < 0 {
			i, p.Coverage = len(p.Coverage), append(p.Coverage, EcoCoverage{Code: string(c.Division), Name: m.division(string(c.Division))})
		}
		x := &p.Coverage[i]
		x.Cemeteries, x.Public, x.Places, x.Taken, x.LastYear = c.Cemeteries, c.Public, c.Places, c.Taken, c.LastYear
		x.YearsLeft, x.Rate = c.YearsLeft()
	}
	return nil
}

func (m *ReadModels) division(code string) Text {
	return Text{m.texts[Zh].label("division", code), m.texts[En].label("division", code)}
}

// ecoRows is how many burials one page of a list names.
const ecoRows = 500

// EcoList implements Source.
func (m *ReadModels) EcoList(ctx context.Context, q EcoListQuery) (EcoList, error) {
	l := EcoList{EcoListQuery: q}
	asOf, err := m.look(ctx, ecoratio.Name, func(tx *sql.Tx) error {
		r := ecoratio.Reader{DB: tx}
		f, err := ecoratio.Filter{Division: city, Definition: q.EcoQuery.Definition}.Period(q.EcoQuery.Period)
		if err != nil {
			return err
		}
		l.Period = m.period(q.EcoQuery.Period)
		def, err := r.Definition(ctx, f)
		if err != nil {
			return noDefinition(err)
		}
		l.Definition = def.ID
		cells, err := r.Cells(ctx, f)
		if err != nil {
			return err
		}
		if err := m.listOf(def, cells, &l); err != nil || l.Hidden {
			return err
		}
		f.Counted, f.Share, f.Late, f.Type = q.Type == "" || q.Share != "", q.Share, q.Late, q.Type
		if q.Division != "" {
			f.Division = domain.Division(q.Division)
		}
		if q.Late && !q.All {
			l.Unnamed = l.Count
			return nil
		}
		return m.name(ctx, r, f, def, hideCrosses(def, cells), &l)
	})
	l.AsOf = asOf
	return l, err
}

// listOf counts a list from the cells of its period, and says whether the
// figure is published.
func (m *ReadModels) listOf(def ecoburial.Definition, cells []ecoratio.Cell, l *EcoList) error {
	q := l.EcoListQuery
	if q.Division != "" {
		if l.Place = m.division(q.Division); l.Place.Zh == q.Division {
			return handlers.ErrNotFound
		}
	}
	if q.Type != "" {
		t, ok := def.Type(q.Type)
		if !ok && !slices.ContainsFunc(cells, func(c ecoratio.Cell) bool { return c.Type == q.Type }) {
			return handlers.ErrNotFound
		}
		l.Form = Text{cmp.Or(t.NameZh, q.Type), t.NameEn}
	}
	crosses := hideCrosses(def, cells)
	p := Eco{}
	p.Districts, p.Types = tables(def, cells)
	withhold(&p, def, cells)
	for _, d := range p.Districts {
		if d.Code == q.Division && !q.All {
			l.Hidden = l.Hidden || d.HideWhole || q.Share == ecoburial.StrictShare && d.HideStrict || q.Share == ecoburial.BroadShare && d.HideBroad
		}
	}
	for _, t := range p.Types {
		l.Hidden = l.Hidden || t.Code == q.Type && t.Hidden && !q.All
	}
	for _, c := range cells {
		if q.Division != "" && string(c.Division) != q.Division || q.Type != "" && c.Type != q.Type {
			continue
		}
		n, hidden := def.Count(c.Cell), crosses[crossOf(c)]
		count := n.Interments
		switch {
		case q.Share == ecoburial.StrictShare:
			count = n.Strict
		case q.Share == ecoburial.BroadShare:
			count = n.Broad
		case q.Late:
			count = n.Late
		case q.Type != "": // what is no interment is listed under its form
			count = c.Interments
		}
		l.Count += count
		if hidden && !q.All {
			l.Unnamed += count
			l.Hidden = l.Hidden || q.Division != "" && q.Type != "" && count > 0
		}
	}
	if l.Hidden {
		l.Count, l.Unnamed = 0, 0
	}
	return nil
}

// name lists the burials of one page.
func (m *ReadModels) name(ctx context.Context, r ecoratio.Reader, f ecoratio.Filter, def ecoburial.Definition, hidden map[cross]bool, l *EcoList) error {
	rows, err := r.Interments(ctx, f, events.Position(l.After), ecoRows)
	if err != nil {
		return err
	}
	for _, x := range rows {
		row := EcoRow{Event: x.Source.ID.String(), Kind: "plot.interred"}
		if strings.HasPrefix(x.Stream, ecoburial.BurialCategory+"-") {
			row.Kind = "eco.completed"
		}
		switch {
		case l.All:
			t, _ := def.Type(x.Type)
			row.On, row.Recorded, row.Form, row.Place = x.On, domain.DateOf(x.Source.Recorded), Text{cmp.Or(t.NameZh, x.Type), t.NameEn}, m.division(string(x.Division))
			row.LandCM2, row.Late, row.Corrected = x.LandCm2, x.Late, uint64(x.Corrected)
		case hidden[cross{x.On.Month(), string(x.Division), x.Type}]:
			continue
		}
		l.Rows = append(l.Rows, row)
	}
	if len(rows) == ecoRows {
		l.Next = uint64(rows[len(rows)-1].Source.Position)
	}
	return nil
}

// frozen is what was published of a month and what changed since; nil where
// nothing was published under the definition.
func frozen(ctx context.Context, r ecoratio.Reader, month, definition string, now ecoratio.Counts) (*EcoFrozen, error) {
	f, ok, err := r.Frozen(ctx, month)
	if err != nil || !ok {
		return nil, err
	}
	then, ok := f.Total(definition)
	if !ok {
		return nil, nil
	}
	causes, err := r.Causes(ctx, f, city)
	x := &EcoFrozen{On: domain.DateOf(f.Source.Recorded), Then: countsOf(then), Now: countsOf(now), Position: uint64(f.RestsOn)}
	for _, c := range causes {
		if c.LateReport() {
			x.Late++
		} else {
			x.Corrected++
		}
		x.Causes = append(x.Causes, c.Source.ID.String())
	}
	return x, err
}

func countsOf(c ecoratio.Counts) EcoCount { return EcoCount{c.Interments, c.Strict, c.Broad} }

// period names a period and says whether it is still running.
func (m *ReadModels) period(key string) Period {
	p := Period{Key: key, Kind: string(ecoratio.Month)}
	switch {
	case len(key) == 4:
		p.Kind = string(ecoratio.Year)
	case key[5] == 'Q':
		p.Kind = string(ecoratio.Quarter)
	}
	if f, err := (ecoratio.Filter{}).Period(key); err == nil {
		p.Open = f.Until >= m.today()
	}
	return p
}

// periods are what can be asked for: years, quarters and months from the first
// record to the last, newest first.
func (m *ReadModels) periods(first, last string) []Period {
	if first == "" {
		return nil
	}
	var months, quarters, years []Period
	add := func(ps *[]Period, key string) {
		if !slices.ContainsFunc(*ps, func(p Period) bool { return p.Key == key }) {
			*ps = append(*ps, m.period(key))
		}
	}
	for d := domain.Date(last + "-01"); d.Month() >= first && len(months) < 120; d = d.AddMonths(-1) {
		add(&months, d.Month())
		add(&quarters, d.Quarter())
		add(&years, d.Year())
	}
	return slices.Concat(months, quarters, years)
}

// newest is the last month that has ended; where there is none, the running one.
func newest(ps []Period) string {
	for _, p := range ps {
		if p.Kind == string(ecoratio.Month) && !p.Open {
			return p.Key
		}
	}
	if len(ps) > 0 {
		return ps[0].Key
	}
	return ""
}

// trend is the period and those before it, at most twelve, none earlier than
// the first record. A period without data is in it, with nothing.
func (m *ReadModels) trend(ctx context.Context, r ecoratio.Reader, p Period, f ecoratio.Filter, first string) ([]EcoPoint, error) {
	unit, step, name := ecoratio.Unit(p.Kind), 1, domain.Date.Month
	switch unit {
	case ecoratio.Quarter:
		step, name = 3, domain.Date.Quarter
	case ecoratio.Year:
		step, name = 12, domain.Date.Year
	}
	start := f.From.AddMonths(-11 * step)
	for start.Month() < first && start.AddMonths(step) <= f.From {
		if start.AddMonths(step).Month() > first {
			break // the first record lies within this period
		}
		start = start.AddMonths(step)
	}
	series, err := r.Series(ctx, unit, ecoratio.Filter{From: start, Until: f.Until, Division: f.Division, Definition: f.Definition})
	if err != nil {
		return nil, err
	}
	counts := map[string]EcoCount{}
	for _, s := range series {
		counts[s.Period] = countsOf(s.Counts)
	}
	var ps []EcoPoint
	for d := start; d <= f.From && len(ps) < 12; d = d.AddMonths(step) {
		ps = append(ps, EcoPoint{Period: name(d), EcoCount: counts[name(d)]})
	}
	return ps, nil
}

// districts are all districts of the city, those without data too, and the city
// itself where burials are recorded under it.
func (m *ReadModels) districts(ds []ecoratio.District) []EcoDistrict {
	counts := map[string]EcoCount{}
	for _, d := range ds {
		counts[string(d.Division)] = countsOf(d.Counts)
	}
	for key := range m.texts[Zh] {
		if code, ok := strings.CutPrefix(key, "division."); ok && code != string(city) {
			if _, told := counts[code]; !told {
				counts[code] = EcoCount{}
			}
		}
	}
	var all []EcoDistrict
	for code, c := range counts {
		all = append(all, EcoDistrict{Code: code, Name: m.division(code), EcoCount: c})
	}
	slices.SortFunc(all, func(a, b EcoDistrict) int { return cmp.Compare(a.Code, b.Code) })
	return all
}

// ecoQuery reads which figures an address asks for.
func ecoQuery(r *http.Request) (EcoQuery, error) {
	q := EcoQuery{Period: r.URL.Query().Get("period"), Definition: r.URL.Query().Get("definition")}
	if q.Period != "" && !periodForm.MatchString(q.Period) {
		return q, errPeriod
	}
	return q, nil
}

func ecoListQuery(r *http.Request) (EcoListQuery, error) {
	v := r.URL.Query()
	q := EcoListQuery{Division: v.Get("division"), Type: v.Get("type"), Share: ecoburial.Share(v.Get("share")), Late: v.Get("late") != ""}
	var err error
	if q.EcoQuery, err = ecoQuery(r); err != nil {
		return q, err
	}
	if s := v.Get("after"); s != "" {
		if q.After, err = strconv.ParseUint(s, 10, 62); err != nil {
			return q, handlers.ErrNotFound
		}
	}
	switch {
	case q.EcoQuery.Period == "":
		return q, errPeriod
	case q.Share != "" && q.Share != ecoburial.StrictShare && q.Share != ecoburial.BroadShare, q.Late && (q.Division != "" || q.Type != "" || q.Share != ""):
		return q, handlers.ErrNotFound
	}
	return q, nil
}

// listAddress is the address of the list behind a figure of a page: pairs of
// names and values, where empty values are left out.
func listAddress(home, period, definition string, pairs ...string) string {
	q := url.Values{"period": {period}, "definition": {definition}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return home + "/list?" + q.Encode()
}

// ecoAddress is listAddress for the templates, in which a value may be absent.
func ecoAddress(home, period, definition string, pairs ...any) string {
	var ss []string
	for _, p := range pairs {
		s, _ := p.(string)
		ss = append(ss, s)
	}
	return listAddress(home, period, definition, ss...)
}

// Back is the page that the figure is on.
func (l EcoList) Back() string {
	return Eco{All: l.All}.Home() + "?" + url.Values{"period": {l.Period.Key}, "definition": {l.Definition}}.Encode()
}

// On is the address of the list where it goes on.
func (l EcoList) On() string {
	late := ""
	if l.Late {
		late = "1"
	}
	return listAddress(Eco{All: l.All}.Home(), l.Period.Key, l.Definition, "division", l.Division, "type", l.Type, "share", string(l.Share), "late", late, "after", strconv.FormatUint(l.Next, 10))
}

func (h *Handler) eco(w http.ResponseWriter, r *http.Request) error {
	p, err := h.ecoOf(r)
	if err != nil {
		return err
	}
	return h.show(w, r, "eco", "/stats/eco-burial", p, &p.AsOf, "period", "definition")
}

func (h *Handler) ecoList(w http.ResponseWriter, r *http.Request) error {
	q, err := ecoListQuery(r)
	if err != nil {
		return err
	}
	p, err := h.data.EcoList(r.Context(), q)
	if err != nil {
		return err
	}
	return h.show(w, r, "eco-list", "/stats/eco-burial", p, &p.AsOf, "period", "definition", "division", "type", "share", "late", "after")
}
