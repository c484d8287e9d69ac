package web

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/watch"
)

// A cityView is everything that the console knows of the city in one history:
// what its overview, its anomalies and its overdue duties are made of.
type cityView struct {
	History   history
	Standings []servicecredit.Standing
	Watched   watched
	Eco       []ecoMonth
	Limits    watch.Limits
	Params    institution.ParametersState
	Duties    []duty
	Names     map[domain.CreditCode]Text
	AsOf      AsOf
}

// watched is what the read model watch says.
type watched struct {
	Anomalies  []watch.Anomaly
	Lists      []watch.List
	Cremations []watch.Day
	Since      map[domain.CreditCode]watch.Institution
}

// An ecoMonth is one month of the city or of a district (empty: the city).
type ecoMonth struct {
	Month    string
	Division domain.Division
	ecoratio.Counts
	Published domain.Date // when the month was published for good, empty: not yet
}

// A duty is something that is owed and when.
type duty struct {
	Kind        string
	Authority   bool // the authority's own
	Institution domain.CreditCode
	About       string // a rule, a month, a version, a kind of matter
	At          string // page of the matter, where it has one
	Due         domain.Date
	Late        int // days on the day of the history; negative: days that are left
}

// Watched implements RegulatorSource.
func (m *ReadModels) Watched(ctx context.Context, l watch.Limits, on, known domain.Date) (w watched, asOf AsOf, err error) {
	asOf, err = m.look(ctx, watch.Name, func(tx *sql.Tx) (err error) {
		r := watch.Reader{DB: tx}
		if w.Anomalies, err = r.Anomalies(ctx, l, on, known); err != nil {
			return err
		}
		if w.Lists, err = r.Lists(ctx, cmp.Or(known, "9999-12-31")); err != nil {
			return err
		}
		if w.Cremations, err = r.Cremations(ctx, "", on.AddDays(-13), on, known); err != nil {
			return err
		}
		is, err := r.Institutions(ctx, cmp.Or(known, "9999-12-31"))
		w.Since = map[domain.CreditCode]watch.Institution{}
		for _, i := range is {
			w.Since[i.Code] = i
		}
		return err
	})
	return w, asOf, err
}

// Charges implements RegulatorSource.
func (m *ReadModels) Charges(ctx context.Context, from, until domain.Date) (cs []watch.Charge, ts []watch.Try, asOf AsOf, err error) {
	asOf, err = m.look(ctx, watch.Name, func(tx *sql.Tx) (err error) {
		r := watch.Reader{DB: tx}
		if cs, err = r.Charges(ctx, from, until); err != nil {
			return err
		}
		ts, err = r.Refusals(ctx, from, until)
		return err
	})
	return cs, ts, asOf, err
}

// EcoMonths implements RegulatorSource: the last months up to a day, of the city
// and of every district, the oldest first. By what was known then only months
// that had been published count.
func (m *ReadModels) EcoMonths(ctx context.Context, on, known domain.Date) (ms []ecoMonth, err error) {
	_, err = m.look(ctx, ecoratio.Name, func(tx *sql.Tx) error {
		r := ecoratio.Reader{DB: tx}
		first := string(on.AddMonths(-13))[:7]
		published, err := r.FrozenMonths(ctx)
		if err != nil {
			return err
		}
		def, err := r.Definition(ctx, ecoratio.Filter{Until: on})
		if err != nil {
			return err
		}
		day := map[string]domain.Date{}
		for _, month := range published {
			if month < first {
				continue
			}
			p, _, err := r.Frozen(ctx, month)
			if err != nil {
				return err
			}
			recorded := domain.DateOf(p.Source.Recorded)
			if known != "" && recorded > known {
				continue
			}
			day[month] = recorded
			if known != "" {
				ms = append(ms, monthsOf(month, recorded, def, p.Cells)...)
			}
		}
		if known != "" {
			return nil
		}
		cells, err := r.Cells(ctx, ecoratio.Filter{From: domain.Date(first + "-01"), Until: on})
		if err != nil {
			return err
		}
		for _, month := range byMonth(cells) {
			var cs []ecoburial.Cell
			for _, c := range month {
				cs = append(cs, c.Cell)
			}
			ms = append(ms, monthsOf(month[0].Month, day[month[0].Month], def, cs)...)
		}
		return nil
	})
	slices.SortStableFunc(ms, func(a, b ecoMonth) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Division, b.Division))
	})
	return ms, err
}

// monthsOf are a month's counts, of the city first.
func monthsOf(month string, published domain.Date, def ecoburial.Definition, cells []ecoburial.Cell) []ecoMonth {
	ms := []ecoMonth{{Month: month, Published: published}}
	for _, c := range cells {
		n := def.Count(c)
		i := slices.IndexFunc(ms, func(m ecoMonth) bool { return m.Division == c.Division })
		if i < 0 {
			i, ms = len(ms), append(ms, ecoMonth{Month: month, Division: c.Division, Published: published})
		}
		for _, j := range []int{0, i} {
			ms[j].Interments, ms[j].Strict, ms[j].Broad = ms[j].Interments+n.Interments, ms[j].Strict+n.Strict, ms[j].Broad+n.Broad
		}
	}
	return ms
}

// ratioJumps are the districts whose narrow share moved suddenly from one month
// to the next. They are made of the burials of two months, which a list of the
// eco-burial pages names.
func ratioJumps(ms []ecoMonth, l watch.Limits) []watch.Anomaly {
	var as []watch.Anomaly
	for _, now := range ms {
		if now.Division == "" || now.Interments < l.RatioLeast {
			continue
		}
		before := string(domain.Date(now.Month + "-01").AddMonths(-1))[:7]
		i := slices.IndexFunc(ms, func(m ecoMonth) bool { return m.Month == before && m.Division == now.Division })
		if i < 0 || ms[i].Interments < l.RatioLeast {
			continue
		}
		moved := int64(1000*now.Strict/now.Interments - 1000*ms[i].Strict/ms[i].Interments)
		if moved < 0 {
			moved = -moved
		}
		if limit := int64(l.RatioPoints) * 10; moved > limit {
			as = append(as, watch.Anomaly{Kind: watch.RatioJump, Division: now.Division, Item: now.Month, Found: moved, Limit: limit, On: domain.Date(now.Month + "-01").AddMonths(1).AddDays(-1)})
		}
	}
	return as
}

// cityOf asks for everything of the city in a history.
func (d *Desk) cityOf(ctx context.Context, h history) (c cityView, err error) {
	c.History, c.Names = h, map[domain.CreditCode]Text{}
	if c.Params, _, err = d.app.Parameters.Load(ctx, cityDivision); err != nil {
		return c, err
	}
	c.Limits = watch.LimitsOf(c.Params)
	if c.Standings, c.AsOf, err = d.data.Standings(ctx, h.On, h.Until()); err != nil {
		return c, err
	}
	for _, s := range c.Standings {
		c.Names[s.Code] = Text{s.NameZh, s.NameEn}
	}
	if c.Watched, _, err = d.data.Watched(ctx, c.Limits, h.On, h.Until()); err != nil {
		return c, err
	}
	if c.Eco, err = d.data.EcoMonths(ctx, h.On, h.Until()); err != nil {
		return c, err
	}
	c.Watched.Anomalies = append(c.Watched.Anomalies, slices.DeleteFunc(ratioJumps(c.Eco, c.Limits), func(a watch.Anomaly) bool { return a.On > h.On })...)
	slices.SortStableFunc(c.Watched.Anomalies, func(a, b watch.Anomaly) int { return cmp.Compare(b.On, a.On) })
	c.Duties, err = d.duties(ctx, c)
	return c, err
}

// cityDivision is the city whose parameters the console goes by.
const cityDivision = "210200"

// lists are the list in force of each institution on the day, and the newest.
func (c cityView) lists() (inForce, newest map[domain.CreditCode]watch.List) {
	inForce, newest = map[domain.CreditCode]watch.List{}, map[domain.CreditCode]watch.List{}
	for _, l := range c.Watched.Lists {
		newest[l.Institution] = l
		if l.EffectiveFrom <= c.History.On {
			inForce[l.Institution] = l
		}
	}
	return inForce, newest
}

// duties are what the authority and the institutions owe in a history and have
// not done by its day, the authority's first.
func (d *Desk) duties(ctx context.Context, c cityView) ([]duty, error) {
	h := c.History
	var ds []duty
	add := func(x duty) {
		x.Late = daysBetween(x.Due, h.On)
		ds = append(ds, x)
	}
	// The credit ledgers: what the authority has to decide, and answers.
	for _, s := range c.Standings {
		l, err := d.app.Ledger(ctx, s.Code)
		if err != nil {
			return nil, err
		}
		state := l.State(h.Until())
		rule := func(entry uuid.UUID) string { e, _ := state.Entry(entry); return e.Rule }
		for _, o := range state.Objections {
			if !o.Decided && o.FiledOn <= h.On {
				add(duty{Kind: string(credit.ToDecide), Authority: true, Institution: s.Code, About: rule(o.Entry), Due: o.DecideBy})
			}
		}
		for _, e := range state.Entries {
			if e.RepairBy != "" && e.RepairedOn == "" && e.RevokedOn == "" {
				add(duty{Kind: string(credit.ToDecideRepair), Authority: true, Institution: s.Code, About: e.Rule, Due: e.RepairBy})
			}
		}
		for _, x := range state.Suspicions {
			if x.Open() && x.AnswerBy != "" && !x.Answered {
				add(duty{Kind: "ANSWER", Institution: s.Code, About: x.Rule, Due: x.AnswerBy})
			}
		}
	}
	// Months of the eco-burial ratio that are to be published.
	freeze := c.Params.Int(institution.FreezeDay)
	for _, m := range c.Eco {
		if m.Division != "" || m.Published != "" && m.Published <= h.On {
			continue
		}
		due := domain.Date(m.Month + "-01").AddMonths(1).AddDays(freeze - 1)
		if domain.Date(m.Month+"-01").AddMonths(1) <= h.On {
			add(duty{Kind: "PUBLISH_ECO", Authority: true, About: m.Month, Due: due})
		}
	}
	// Price lists that are too old, or that there are not.
	inForce, newest := c.lists()
	for _, s := range c.Standings {
		w, ok := c.Watched.Since[s.Code]
		switch l, listed := newest[s.Code]; {
		case !ok || w.Since > h.On || w.Kind != institution.FuneralHome && !listed:
		case !listed:
			add(duty{Kind: "PRICE_LIST_MISSING", Institution: s.Code, Due: w.Since})
		default:
			if f, ok := inForce[s.Code]; ok {
				l = f
			}
			if due := l.Known().AddMonths(max(1, c.Params.Int(institution.PriceListMonths))); due <= h.On.AddDays(30) {
				add(duty{Kind: "PRICE_LIST", Institution: s.Code, About: strconv.Itoa(l.Version), Due: due})
			}
		}
	}
	// Anomalies of cremations that nobody has explained.
	for _, a := range c.Watched.Anomalies {
		if a.Closed == "" && (a.Kind == watch.TooShort || a.Kind == watch.Telemetry) {
			add(duty{Kind: "EXPLAIN", Institution: a.Institution, About: string(a.Kind), Due: a.On.AddDays(c.Params.Int(institution.AnomalyDays))})
		}
	}
	// Complaints, follow-ups, inspections and penalties.
	terms, err := d.data.OversightDuties(ctx, h.On, h.Until())
	if err != nil {
		return nil, err
	}
	for _, x := range terms {
		kind := string(x.Step)
		if x.Kind == domainoversight.ComplaintCategory && x.Step == domainoversight.Answer {
			kind = "ANSWER_COMPLAINT" // an answer about service credit has that name
		}
		add(duty{Kind: kind, Authority: x.Authority, Institution: x.Institution, About: x.Kind, At: "/regulator/" + watchPath(x.Kind) + "/" + x.ID, Due: x.By})
	}
	slices.SortStableFunc(ds, func(a, b duty) int {
		if a.Authority != b.Authority {
			if a.Authority {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Due, b.Due)
	})
	return ds, nil
}

// An anomaliesPage lists what is out of line, and the rules.
type anomaliesPage struct {
	History history
	Limits  watch.Limits
	Kinds   []watch.Kind
	Kind    watch.Kind // that the list is narrowed to
	Only    string     // what it is narrowed to, in words
	Open    int
	// Groups count the anomalies of a rule and an institution, the rule with most
	// that are open first; none where the list is narrowed or has one of each.
	Groups []anomalyGroup
	Rows   []anomalyRow
	AsOf   AsOf
}

// An anomalyGroup is what one rule found at one institution, or in one district.
type anomalyGroup struct {
	Kind        watch.Kind
	Of          string // credit code, or division
	Name        Text
	Count, Open int
	Latest      domain.Date
}

// groupsOf counts anomalies, the latest first, by rule and institution.
func groupsOf(rows []anomalyRow) (gs []anomalyGroup) {
	for _, a := range rows {
		i := slices.IndexFunc(gs, func(g anomalyGroup) bool { return g.Kind == a.Kind && g.Of == a.of() })
		if i < 0 {
			i, gs = len(gs), append(gs, anomalyGroup{Kind: a.Kind, Of: a.of(), Name: a.Name, Latest: a.On})
		}
		gs[i].Count++
		if a.Closed == "" {
			gs[i].Open++
		}
	}
	slices.SortStableFunc(gs, func(a, b anomalyGroup) int { return cmp.Or(cmp.Compare(b.Open, a.Open), cmp.Compare(b.Count, a.Count)) })
	if len(gs) == len(rows) {
		return nil
	}
	return gs
}

type anomalyRow struct {
	watch.Anomaly
	Name  Text
	Found string
	Limit string
}

// of is whom it is about: an institution, or the district of a share.
func (r anomalyRow) of() string { return cmp.Or(string(r.Institution), string(r.Division)) }

// rowOf tells an anomaly's numbers in the units of its rule.
func (c cityView) rowOf(v *visit, a watch.Anomaly) anomalyRow {
	r := anomalyRow{Anomaly: a, Name: c.Names[a.Institution]}
	if a.Institution == "" {
		r.Name = v.desk.division(a.Division)
	} else if r.Name.Zh == "" {
		r.Name = Text{Zh: string(a.Institution)}
	}
	r.Found, r.Limit = amounts(v.desk.staff[v.view.Lang], a)
	return r
}

// amounts are what a rule found and its limit, in words.
func amounts(m messages, a watch.Anomaly) (found, limit string) {
	show := func(n int64) string {
		switch a.Kind {
		case watch.TooShort, watch.TooLong, watch.Telemetry:
			return minutes(n)
		case watch.Refused, watch.PriceGap, watch.PriceJump:
			return domain.Money(n).String()
		case watch.RatioJump:
			return watch.Tenths(n)
		case watch.Oversize:
			if a.Code == "E-5" {
				return squareMetresExact(n)
			}
		}
		return count(n)
	}
	if a.Kind == watch.NoStart || a.Kind == watch.Refused && a.Found == 0 {
		return "—", "—"
	}
	return show(a.Found), show(a.Limit)
}

// minutes writes seconds as 19:05.
func minutes(s int64) string {
	d := time.Duration(s) * time.Second
	sec := strconv.Itoa(int(d/time.Second) % 60)
	return strconv.Itoa(int(d/time.Minute)) + ":" + strings.Repeat("0", 2-len(sec)) + sec
}

// squareMetresExact writes cm² as m² to two decimals.
func squareMetresExact(cm2 int64) string {
	return strconv.FormatFloat(float64(cm2)/10_000, 'f', 2, 64)
}

func (d *Desk) anomalies(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	c, err := d.cityOf(v.ctx(), h)
	if err != nil {
		return err
	}
	p := anomaliesPage{History: h, Limits: c.Limits, Kinds: watch.Kinds, Kind: watch.Kind(v.r.URL.Query().Get("kind")), AsOf: c.AsOf}
	of := v.r.URL.Query().Get("of")
	v.keep = append(v.keep, "kind", "of")
	for _, a := range c.Watched.Anomalies {
		row := c.rowOf(v, a)
		if p.Kind != "" && a.Kind != p.Kind || of != "" && row.of() != of {
			continue
		}
		if a.Closed == "" {
			p.Open++
		}
		p.Rows = append(p.Rows, row)
	}
	switch {
	case p.Kind == "" && of == "":
		p.Groups = groupsOf(p.Rows)
	case len(p.Rows) > 0:
		var only []string
		if p.Kind != "" {
			only = append(only, v.label("anomaly", p.Kind))
		}
		if of != "" {
			only = append(only, v.in(p.Rows[0].Name))
		}
		p.Only = strings.Join(only, v.text("prov.comma"))
	}
	return d.send(v, "regulator-anomalies", "/regulator/anomalies", p, &p.AsOf)
}

// A dutiesPage lists what is owed.
type dutiesPage struct {
	History history
	Rows    []dutyRow
	Late    int
	AsOf    AsOf
}

type dutyRow struct {
	duty
	Name Text
}

func (c cityView) dutyRows() (rows []dutyRow, late int) {
	for _, x := range c.Duties {
		if x.Late > 0 {
			late++
		}
		rows = append(rows, dutyRow{x, c.Names[x.Institution]})
	}
	return rows, late
}

func (d *Desk) dutyList(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	c, err := d.cityOf(v.ctx(), h)
	if err != nil {
		return err
	}
	p := dutiesPage{History: h, AsOf: c.AsOf}
	p.Rows, p.Late = c.dutyRows()
	return d.send(v, "regulator-duties", "/regulator/duties", p, &p.AsOf)
}

// An evidencePage is one event as it was stored, without what is personal.
type evidencePage struct {
	link
	Estimated bool
	LateWhy   string
	Fields    []said
	Sealed    int  // values about a person, which are not shown
	Family    bool // it is about a family, who can see that somebody looked
}

// evidence shows an event of the log. One of a family's case is a look at it,
// which is recorded before anything is shown.
func (d *Desk) evidence(v *visit) error {
	at, err := strconv.ParseUint(chi.URLParam(v.r, "position"), 10, 63)
	if err != nil || at == 0 {
		return handlers.ErrNotFound
	}
	r, err := d.app.EventAt(v.ctx(), events.Position(at))
	if err != nil {
		return err
	}
	p := evidencePage{link: link{Type: r.Type, Occurred: r.Occurred, Recorded: r.At, Stream: r.Stream, Position: r.Position, Event: r.ID, Actor: r.Meta.Actor, Leaf: tlog.LeafHash(&r)},
		Estimated: r.Meta.Estimated, LateWhy: r.Meta.LateReason}
	switch r.Stream.Category() {
	case booking.Category, cremation.CremationCategory, cremation.CustodyCategory, access.Category:
		id, err := uuid.Parse(r.Stream.ID())
		if err != nil {
			return err
		}
		now := d.app.Now().UTC()
		act := domain.Act{ID: events.StepID(handlers.RequestID(v.ctx()), "look at evidence"), By: v.actor.ID, Now: now, At: now}
		if _, err := d.app.Look(v.ctx(), act, id, access.File, ""); err != nil {
			return err
		}
		p.Family = true
	}
	var data any
	if err := json.Unmarshal(r.Data, &data); err != nil {
		return err
	}
	p.tell("", data)
	return d.send(v, "regulator-evidence", "/regulator", p, nil)
}

// tell writes what was stored, field by field; sealed values are only counted.
func (p *evidencePage) tell(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, sealed := v["sealed"]; sealed {
			p.Sealed++
			return
		}
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			p.tell(strings.TrimPrefix(path+"."+k, "."), v[k])
		}
	case []any:
		for i, x := range v {
			p.tell(path+"["+strconv.Itoa(i+1)+"]", x)
		}
	case nil:
	case float64:
		p.Fields = append(p.Fields, said{path, strconv.FormatFloat(v, 'f', -1, 64)})
	case string:
		if k := path[strings.LastIndex(path, ".")+1:]; personalFields[k] {
			p.Sealed++
			return
		}
		p.Fields = append(p.Fields, said{path, v})
	case bool:
		p.Fields = append(p.Fields, said{path, strconv.FormatBool(v)})
	}
}

// personalFields are references to people, which the console has no use for.
var personalFields = map[string]bool{"person": true, "subject": true, "deceased": true}

// division names a district.
func (d *Desk) division(code domain.Division) Text {
	return Text{d.texts[Zh].label("division", string(code)), d.texts[En].label("division", string(code))}
}
