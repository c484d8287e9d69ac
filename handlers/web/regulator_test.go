package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers/extract"
	"shenzhong/projections/tlog"
	"shenzhong/projections/watch"
)

// dated is a memory store in which the test says when something was recorded.
type dated struct {
	*memory.Store
	mu  sync.Mutex
	now time.Time // zero: before everything
	at  map[uuid.UUID]time.Time
}

func (d *dated) Append(ctx context.Context, s events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.now.IsZero() { // by id: a store may leave gaps between positions
		for _, e := range es {
			d.at[e.ID] = d.now
		}
	}
	return d.Store.Append(ctx, s, expected, es...)
}

func (d *dated) when(r events.Recorded) events.Recorded {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.At = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC) // what the home was founded with
	if at, ok := d.at[r.ID]; ok {
		r.At = at
	}
	return r
}

func (d *dated) Load(ctx context.Context, s events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for r, err := range d.Store.Load(ctx, s, after) {
			if !yield(d.when(r), err) {
				return
			}
		}
	}
}

func (d *dated) Follow(ctx context.Context, after events.Position, n int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range d.Store.Follow(ctx, after, n) {
			es := make([]events.Recorded, len(b.Events))
			for i, r := range b.Events {
				es[i] = d.when(r)
			}
			b.Events = es
			if !yield(b, err) {
				return
			}
		}
	}
}

// An inspectorate is a home with a regulator, and a ledger with a history.
type inspectorate struct {
	*home
	store *dated
	last  events.Position // of what on recorded last
	// What the home may answer and object to.
	notified, public uuid.UUID
	rev              map[events.Stream]events.Revision
}

func newInspectorate(t testing.TB) *inspectorate {
	t.Helper()
	store := &dated{Store: memory.New(), at: map[uuid.UUID]time.Time{}}
	return &inspectorate{home: newHomeOn(t, store), store: store, rev: map[events.Stream]events.Revision{}}
}

// on records events of a stream at a local time, "2026-09-15 10:05".
func (i *inspectorate) on(local string, s events.Stream, es ...any) (ids []uuid.UUID) {
	i.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", local, domain.Shanghai)
	if err != nil {
		i.Fatal(err)
	}
	i.store.now = at
	defer func() { i.store.now = time.Time{} }()
	for r := range i.app.Store.Load(i.Context(), s, i.rev[s]) {
		i.rev[s] = r.Revision
	}
	for _, e := range es {
		typ, data, err := i.app.Registry.Encode(i.Context(), e)
		if err != nil {
			i.Fatal(err)
		}
		id := uuid.New()
		rev, at, err := i.store.Append(i.Context(), s, i.rev[s], events.New{ID: id, Type: typ, Data: data, Occurred: at, Meta: events.Meta{Actor: "regulator-0501"}})
		if err != nil {
			i.Fatal(err)
		}
		i.rev[s], i.last = rev, at
		ids = append(ids, id)
	}
	return ids
}

const deskLedger = events.Stream(credit.LedgerCategory + "-" + deskHome)

// entry takes a suspicion to its confirmation, as officers do.
func (i *inspectorate) entry(noted, decided, rule, fact string, points int, severity credit.Severity) uuid.UUID {
	i.Helper()
	s, e := uuid.New(), uuid.New()
	day, _, _ := strings.Cut(noted, " ")
	on, _, _ := strings.Cut(decided, " ")
	i.on(noted, deskLedger, credit.Suspected{Suspicion: s, Rule: rule, Fact: fact, Basis: "例行核对"}, credit.Notified{Suspicion: s, Document: "大民监告字〔2026〕演示 1 号", AnswerBy: domain.Date(day).AddDays(7)},
		credit.Answered{Suspicion: s, Document: "说明书 1 号"})
	i.on(decided, deskLedger, credit.Confirmed{Entry: e, Suspicion: s, Rule: rule, Policy: credit.Default().Version, Points: points, Severity: severity, Fact: fact,
		Document: "大民监认字〔2026〕演示 11 号", DecidedOn: domain.Date(on), Officers: [2]string{"regulator-0501", "regulator-0502"}})
	return e
}

// story is the year of the home's ledger: an entry that was repaired, one that
// was revoked after the public had seen it, one that is published.
func (i *inspectorate) story() (revoked uuid.UUID) {
	i.Helper()
	i.on("2026-03-20 09:00", events.Stream(credit.PolicyCategory+"-"+i.app.PolicyID), credit.PolicyAdopted{PolicyVersion: credit.Default()})
	i.on("2026-05-12 09:00", deskLedger, credit.BonusGranted{Entry: uuid.New(), Rule: "G10", Policy: credit.Default().Version, Points: 1, Fact: "G10/2026", Document: "奖 1 号", DecidedOn: "2026-05-12"})
	posted := i.entry("2026-06-10 09:00", "2026-06-18 16:00", "P01", "pricelist:late", 3, credit.Minor)
	i.on("2026-07-02 10:00", deskLedger, credit.Repaired{Entry: posted, Document: "修 1 号", RepairedOn: "2026-07-02"})
	i.public = i.entry("2026-07-10 09:00", "2026-07-20 16:00", "P04", "till:2026-07-09", 6, credit.General)
	i.on("2026-08-31 09:00", deskLedger, credit.BonusGranted{Entry: uuid.New(), Rule: "G05", Policy: credit.Default().Version, Points: 2, Fact: "G05/2026", Document: "奖 2 号", DecidedOn: "2026-08-31"})
	revoked = i.entry("2026-09-10 14:22", "2026-09-15 10:05", "P02", "charge:2026-09-10", 10, credit.General)
	i.on("2026-09-24 16:10", deskLedger, credit.Revoked{Entry: revoked, Document: "撤 1 号", Reason: "该行在付款前已撤销", RevokedOn: "2026-09-24"})
	i.on("2026-11-20 16:10", deskLedger, credit.Suspected{Suspicion: uuid.New(), Rule: "P03", Fact: "charge:2026-11-20", Basis: "系统拒绝"})
	i.caughtUp()
	return revoked
}

// odd is what the regulator looks at: a cremation of nineteen minutes that
// nobody explained, and a charge that was refused.
func (i *inspectorate) odd() (refused uuid.UUID) {
	i.Helper()
	id := uuid.New()
	began := time.Date(2026, 11, 15, 1, 0, 0, 0, time.UTC)
	i.on("2026-11-15 09:00", events.Stream(booking.Category+"-"+id.String()), booking.Opened{Institution: deskHome, Number: "HY-0271", Deceased: booking.Deceased{Person: "p-1", Name: domain.Personal("p-1", "沈一舟")}})
	i.on("2026-11-15 09:30", events.Stream(cremation.CremationCategory+"-"+id.String()), cremation.Started{Institution: deskHome, Furnace: "furnace-1", Operator: "furnace-0201", Verifiers: [2]string{"a", "b"}, At: began},
		cremation.Completed{Institution: deskHome, Furnace: "furnace-1", At: began.Add(19 * time.Minute)}, cremation.AnomalyFlagged{Kind: cremation.TooShort, FoundS: 19 * 60, LimitS: 30 * 60})
	refused = i.on("2026-11-20 16:00", events.Stream(booking.Category+"-"+id.String()), booking.ChargeRefused{Refusal: "x1", Code: "charge_above_ceiling", Item: "=ASH-DEP", Amount: domain.Yuan(10600), Limit: domain.Yuan(150), Rule: "I16", Basis: "价格法"},
		booking.Charged{Line: booking.Line{ID: "1", Code: "CRM-FLAT", NameZh: "遗体火化", Unit: "元/具", Quantity: 1, Price: domain.Yuan(1732), Amount: domain.Yuan(1732), Ceiling: domain.Yuan(1732), PriceListVersion: 1}})[0]
	i.on("2026-11-21 09:00", deskLedger, credit.Suspected{Suspicion: uuid.New(), Rule: "P03", Fact: "refusal:x1", SourceEvent: refused, Basis: "系统拒绝"})
	i.caughtUp()
	return refused
}

// caughtUp waits until the read models have everything, and signs a checkpoint.
func (i *inspectorate) caughtUp() {
	i.Helper()
	for _, s := range i.runner.Status() {
		if err := i.runner.Wait(i.Context(), s.Name, i.last); err != nil {
			i.Fatal(err)
		}
	}
	if err := i.log.Publish(i.Context()); err != nil {
		i.Fatal(err)
	}
}

// TestRegulatorAlone: the console is for regulators, and for nobody else.
func TestRegulatorAlone(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	for _, p := range (&Desk{}).regulatorPages() {
		if p.method != http.MethodGet {
			continue
		}
		address := strings.NewReplacer("{code}", deskHome, "{position}", "1", ".{format:csv|xlsx}", ".csv").Replace(p.at)
		for _, who := range []string{"desk-0101", "furnace-0201", "eco-0401", "office-0301", "admin-0601", "importer-0701"} {
			if res := i.clerk(who).get(address); res.StatusCode != http.StatusForbidden || strings.Contains(string(res.body), "P02") {
				t.Errorf("%s at %s: status %d", who, p.at, res.StatusCode)
			}
		}
	}
}

// TestLedgerInTwoHistories: what showed on a day and what is true of it are
// told apart, and every line opens to what it rests on.
func TestLedgerInTwoHistories(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	r := i.clerk("regulator-0501")
	for _, x := range []struct{ query, want string }{
		{"on=2026-09-20&view=known", "C 信用一般 67 分"}, {"on=2026-09-20&view=true", "B 信用良好 77 分"}, {"on=2026-09-20", "C 信用一般 67 分"},
		{"on=2026-07-01&view=known", "78 分"}, {"", "77 分"}, {"on=2026-03-31", "没有生效的评分规则"},
	} {
		s := plainText(r.get("/regulator/ledger/" + deskHome + "?" + x.query).body)
		if !strings.Contains(s, x.want) {
			t.Errorf("%s: does not say %q: %s", x.query, x.want, s[:min(len(s), 600)])
		}
	}
	known, corrected := plainText(r.get("/regulator/ledger/"+deskHome+"?on=2026-09-20&view=known").body), plainText(r.get("/regulator/ledger/"+deskHome+"?on=2026-09-20&view=true").body)
	for page, words := range map[string][]string{known: {"公示中", "同一天，更正后 77", "regulator-0501、regulator-0502", "credit.confirmed"}, corrected: {"已撤销", "同一天，当时所知 67", "该行在付款前已撤销"}} {
		for _, w := range words {
			if !strings.Contains(page, w) {
				t.Errorf("%q is missing: %s", w, page)
			}
		}
	}
	for _, w := range []string{"该行在付款前已撤销", "P03"} { // nobody knew that yet
		if strings.Contains(known, w) {
			t.Errorf("%q was known before it was recorded", w)
		}
	}
	if res := r.get("/regulator/ledger/" + deskHome + "?on=2027-01-01"); res.StatusCode == http.StatusOK {
		t.Error("a day that has not come is shown")
	}
	if res := r.get("/regulator/ledger/54210283ME0YY0059K"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an institution that there is not: status %d", res.StatusCode)
	}
	// Every link that leads on stays in the history that the page shows.
	for _, at := range []string{"/regulator", "/regulator/ledger/" + deskHome, "/regulator/anomalies"} {
		for _, a := range r.page(at + "?on=2026-09-20&view=true").find(func(n *html.Node) bool {
			return strings.Contains(attr(n, "href"), "on") && strings.Contains(attr(n, "href"), "?")
		}) {
			if href := attr(a, "href"); strings.HasPrefix(href, "/regulator") && !strings.Contains(href, "month=") && !strings.Contains(href, "?on=2026-09-20&view=true") {
				t.Errorf("%s leads to %s", at, href)
			}
		}
	}
	// Before the log began nothing was known: that is no zero.
	empty := r.page("/regulator?on=2020-01-01&view=known")
	if s := text(empty.root); !strings.Contains(s, "没有数据，不是 0") {
		t.Errorf("before the log began: %s", s)
	}
	for _, n := range empty.find(class("big")) {
		if text(n) != "—" {
			t.Errorf("before the log began a figure is %q", text(n))
		}
	}
	if s := plainText(r.get("/regulator?on=2020-01-01&view=true").body); strings.Contains(s, "当时还没有记录") {
		t.Errorf("with corrections: %s", s)
	}
	city := plainText(r.get("/regulator?on=2026-09-20&view=known").body)
	if !strings.Contains(city, "C67") || !strings.Contains(plainText(r.get("/regulator?on=2026-09-20&view=true").body), "B77") {
		t.Errorf("the overview does not know the two histories: %s", city)
	}
}

// TestHistoriesAgainstTheRawLog: on random days both switches tell what an
// independent fold of the stored bytes tells: what was recorded until the end of
// the day, and everything that is recorded by now.
func TestHistoriesAgainstTheRawLog(t *testing.T) {
	i := newInspectorate(t)
	random := rand.New(rand.NewPCG(20261123, 5))
	start := domain.Date("2026-04-01")
	policy := credit.Default()
	i.on("2026-03-20 09:00", events.Stream(credit.PolicyCategory+"-"+i.app.PolicyID), credit.PolicyAdopted{PolicyVersion: policy})
	type late struct {
		on domain.Date
		e  any
	}
	var later []late // what follows from what was recorded before
	day := start
	for n := range 90 {
		day = day.AddDays(random.IntN(5))
		for j := 0; j < len(later); j++ {
			if later[j].on <= day {
				i.on(string(day)+" 08:00", deskLedger, later[j].e)
				later = slices.Delete(later, j, j+1)
				j--
			}
		}
		e, decided := uuid.New(), day.AddDays(-random.IntN(12))
		if n%4 == 0 {
			i.on(string(day)+" 09:00", deskLedger, credit.BonusGranted{Entry: e, Rule: policy.Bonuses[random.IntN(len(policy.Bonuses))].Code, Policy: policy.Version, Points: 1 + random.IntN(3), Fact: fmt.Sprint("b", n), Document: "d", DecidedOn: decided})
			continue
		}
		r, s := policy.Rules[random.IntN(len(policy.Rules))], uuid.New()
		i.on(string(day)+" 09:00", deskLedger, credit.Suspected{Suspicion: s, Rule: r.Code, Fact: fmt.Sprint("f", n)},
			credit.Confirmed{Entry: e, Suspicion: s, Rule: r.Code, Policy: policy.Version, Points: 1 + random.IntN(r.Points), Severity: r.Severity, GradeCeiling: r.GradeCeiling, Fact: fmt.Sprint("f", n), Document: "d", DecidedOn: decided, Officers: [2]string{"a", "b"}})
		switch then := day.AddDays(1 + random.IntN(60)); random.IntN(3) {
		case 0:
			later = append(later, late{then, credit.Revoked{Entry: e, Document: "r", Reason: "r", RevokedOn: then}})
		case 1:
			later = append(later, late{then, credit.Repaired{Entry: e, Document: "r", RepairedOn: then.AddDays(-random.IntN(10))}})
		}
	}
	i.caughtUp()
	l, err := i.app.Ledger(t.Context(), deskHome)
	if err != nil {
		t.Fatal(err)
	}
	models := NewReadModels(newRenderer(t, Site{}), i.runner, i.clock)
	moved := 0
	for range 60 {
		on := start.AddDays(random.IntN(240) - 5)
		var scores [2]rawScore
		for k, until := range []domain.Date{on, ""} {
			want := foldRaw(t, i.store, policy, on, until)
			scores[k] = want
			got, rated := l.Standing(on, until)
			if rated != want.rated || got.Score != want.score || got.Grade != want.grade {
				t.Errorf("%s by %q: the page tells %v %d %s, the bytes %+v", on, until, rated, got.Score, got.Grade, want)
			}
			ss, _, err := models.Standings(t.Context(), on, until)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range ss {
				if s.Code == deskHome && (s.Rated != want.rated || s.Score != want.score || s.Grade != want.grade) {
					t.Errorf("%s by %q: the overview tells %v %d %s, the bytes %+v", on, until, s.Rated, s.Score, s.Grade, want)
				}
			}
		}
		if scores[0] != scores[1] {
			moved++
		}
	}
	if moved < 8 {
		t.Errorf("only %d days of 60 differ between the two histories", moved)
	}
}

type rawScore struct {
	rated bool
	score int
	grade string
}

// foldRaw scores the home from the stored bytes: the published formula once
// more, without any code of the program's.
func foldRaw(t *testing.T, store events.Store, p credit.PolicyVersion, on, until domain.Date) rawScore {
	t.Helper()
	if on < p.EffectiveFrom {
		return rawScore{}
	}
	type entry struct {
		Entry        string
		Rule         string
		Points       int
		Severity     credit.Severity
		GradeCeiling string `json:"grade_ceiling"`
		DecidedOn    string `json:"decided_on"`
		RepairedOn   string `json:"repaired_on"`
		bonus, gone  bool
	}
	all := map[string]*entry{}
	for r, err := range store.Load(t.Context(), deskLedger, events.NoStream) {
		if err != nil {
			t.Fatal(err)
		}
		if until != "" && r.At.In(domain.Shanghai).Format(time.DateOnly) > string(until) {
			continue
		}
		var x entry
		if err := json.Unmarshal(r.Data, &x); err != nil {
			t.Fatal(err)
		}
		switch r.Type {
		case "credit.confirmed.v1", "credit.bonus_granted.v1":
			x.bonus = r.Type == "credit.bonus_granted.v1"
			all[x.Entry] = &x
		case "credit.repaired.v1":
			all[x.Entry].RepairedOn = x.RepairedOn
		case "credit.revoked.v1":
			all[x.Entry].gone = true
		}
	}
	// The last day of a month has no same day in a shorter one.
	after := func(day string, months int) string {
		d, _ := time.Parse(time.DateOnly, day)
		first := time.Date(d.Year(), d.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, months, 0)
		last := first.AddDate(0, 1, -1).Day()
		return first.AddDate(0, 0, min(d.Day(), last)-1).Format(time.DateOnly)
	}
	bonus, rules, worst := 0, map[string]int{}, ""
	for _, x := range all {
		end := after(x.DecidedOn, p.BonusMonths)
		if !x.bonus {
			end = after(x.DecidedOn, p.Severities[x.Severity].RetentionMonths)
			if x.RepairedOn != "" {
				end = min(end, x.RepairedOn)
			}
		}
		if x.gone || string(on) < x.DecidedOn || string(on) >= end {
			continue
		}
		if x.bonus {
			bonus += x.Points
			continue
		}
		rules[x.Rule] += x.Points
		worst = max(worst, x.GradeCeiling)
	}
	score := p.Base + min(bonus, p.BonusCap)
	for code, n := range rules {
		for _, r := range p.Rules {
			if r.Code == code {
				n = min(n, r.PeriodCap)
			}
		}
		score -= n
	}
	score = max(p.Min, min(score, p.Max))
	s := rawScore{rated: true, score: score}
	for _, g := range p.Grades {
		if g.Min <= score && score <= g.Max {
			s.grade = max(g.Grade, worst) // A comes before D
		}
	}
	return s
}

// TestAnomaliesAndDuties: what is out of line shows with its rule, and opens to
// its events; looking at one of a family's case is recorded for the family.
func TestAnomaliesAndDuties(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	i.odd()
	r := i.clerk("regulator-0501")
	p := r.page("/regulator/anomalies")
	for _, want := range []string{"火化过短", "19:00", "30:00", "收费被拒", "10,600", "150", "charge_above_ceiling"} {
		if !strings.Contains(text(p.root), want) {
			t.Errorf("the anomalies do not say %q: %s", want, plainText([]byte(text(p.root))))
		}
	}
	if s := text(r.page("/regulator/anomalies?on=2026-11-16&view=known").root); strings.Contains(s, "10,600") || !strings.Contains(s, "19:00") {
		t.Error("a refusal was known before it was recorded")
	}
	if s := text(r.page("/regulator/anomalies?kind=REFUSED").root); strings.Contains(s, "19:00") || !strings.Contains(s, "10,600") {
		t.Error("the list is not narrowed")
	}
	links := p.find(func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), "/regulator/events/") })
	if len(links) != 4 {
		t.Fatalf("%d events, want three of the cremation and one of the refusal", len(links))
	}
	before := i.looks()
	for _, l := range links {
		s := text(r.page(attr(l, "href")).root)
		if !strings.Contains(s, "家属可以查到") || strings.Contains(s, "沈一舟") {
			t.Errorf("%s: %s", attr(l, "href"), s)
		}
	}
	if n := i.looks() - before; n != 1 { // one sitting is one look
		t.Errorf("%d looks were recorded, want 1", n)
	}
	if res := r.get("/regulator/events/999999"); res.StatusCode != http.StatusNotFound {
		t.Errorf("an event that there is not: status %d", res.StatusCode)
	}
	s := text(r.page("/regulator/duties").root)
	for _, want := range []string{"说明火化异常", "逾期 5 天"} {
		if !strings.Contains(s, want) {
			t.Errorf("the duties do not say %q: %s", want, s)
		}
	}
	if s := text(r.page("/regulator/ledger/" + deskHome).root); !strings.Contains(s, "来源事件 @") {
		t.Error("a suspicion does not lead to the event that it comes from")
	}
}

// TestAnomaliesInGroups: anomalies are counted by rule and institution, the group
// with most that are open first; where each stands alone there is nothing to group.
func TestAnomaliesInGroups(t *testing.T) {
	row := func(k watch.Kind, of domain.CreditCode, on, closed domain.Date) anomalyRow {
		return anomalyRow{Anomaly: watch.Anomaly{Kind: k, Institution: of, On: on, Closed: closed}, Name: Text{Zh: string(of)}}
	}
	share := anomalyRow{Anomaly: watch.Anomaly{Kind: watch.RatioJump, Division: "210211", On: "2026-11-01"}, Name: Text{Zh: "甘井子区"}}
	got := groupsOf([]anomalyRow{row(watch.TooShort, "A", "2026-11-09", "2026-11-12"), row(watch.Refused, "B", "2026-11-08", ""), row(watch.TooShort, "A", "2026-11-07", ""), row(watch.Refused, "B", "2026-11-06", ""), share})
	want := []anomalyGroup{{Kind: watch.Refused, Of: "B", Name: Text{Zh: "B"}, Count: 2, Open: 2, Latest: "2026-11-08"}, {Kind: watch.TooShort, Of: "A", Name: Text{Zh: "A"}, Count: 2, Open: 1, Latest: "2026-11-09"},
		{Kind: watch.RatioJump, Of: "210211", Name: Text{Zh: "甘井子区"}, Count: 1, Open: 1, Latest: "2026-11-01"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := groupsOf([]anomalyRow{share, row(watch.Refused, "B", "2026-11-08", "")}); got != nil {
		t.Errorf("grouped: %v", got)
	}
}

// looks counts what is recorded about who looked at cases.
func (i *inspectorate) looks() (n int) {
	for b, err := range i.app.Store.Follow(i.Context(), 0, 1000) {
		if err != nil {
			i.Fatal(err)
		}
		for _, r := range b.Events {
			if r.Type == "access.read.v1" {
				n++
			}
		}
		if b.CaughtUp {
			break
		}
	}
	return n
}

// TestExtracts: every table leaves as CSV and as a workbook that a spreadsheet
// library reads back, each row with its event and leaf, and checks as written.
func TestExtracts(t *testing.T) {
	i := newInspectorate(t)
	i.story()
	refused := i.odd()
	r := i.clerk("regulator-0501")
	for address, want := range map[string]struct {
		rows int
		word string
	}{
		"/regulator/export": {2, deskHome}, "/regulator/ledger/" + deskHome + "/export": {8, "P02"},
		"/regulator/anomalies/export": {2, "收费被拒"}, "/regulator/charges/export": {2, "=ASH-DEP"},
	} {
		for _, format := range []string{"csv", "xlsx"} {
			res := r.get(address + "." + format + "?month=2026-11")
			if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Disposition"), "."+format) {
				t.Fatalf("%s.%s: status %d: %s", address, format, res.StatusCode, plainText(res.body))
			}
			i.readBack(t, address+"."+format, res.body, want.rows, want.word)
		}
	}
	// Everything recorded of the home, with its proofs.
	pack := r.get("/regulator/ledger/" + deskHome + "/audit.zip")
	if pack.StatusCode != http.StatusOK {
		t.Fatalf("the pack: status %d: %s", pack.StatusCode, plainText(pack.body))
	}
	rep, err := tlog.VerifyPack(bytes.NewReader(pack.body), int64(len(pack.body)), tlog.Trust{LogKey: i.log.Keys()[0].Text})
	if err != nil || !rep.OK() || !strings.Contains(rep.Scope, string(deskLedger)) || rep.Entries < 20 {
		t.Errorf("the pack: %s %v", strings.Join(rep.Lines("zh"), "\n"), err)
	}
	if res := r.get("/regulator/ledger/54210283ME0YY0059K/audit.zip"); res.StatusCode != http.StatusNotFound {
		t.Errorf("the pack of an institution that there is not: status %d", res.StatusCode)
	}
	if b := r.get("/regulator/charges/export.csv?month=2026-11").body; !bytes.Contains(b, []byte(",'=ASH-DEP,")) || !bytes.Contains(b, []byte(refused.String())) || bytes.Contains(b, []byte("沈一舟")) {
		t.Errorf("%s", b)
	}
}

// readBack reads an extract as other programs do, a workbook with a library for
// spreadsheets and a CSV file with one for CSV, and holds against it the log and
// its own manifest.
func (i *inspectorate) readBack(t *testing.T, name string, file []byte, rows int, word string) {
	t.Helper()
	rep, err := extract.Check(file, tlog.Trust{LogKey: i.log.Keys()[0].Text})
	if err != nil || len(rep.Faults) > 0 || rep.Manifest.Rows != rows || rep.Proved == 0 || rep.Unproved > 0 {
		t.Errorf("%s: %s %v", name, strings.Join(rep.Lines(true), "\n"), err)
	}
	var records [][]string
	var manifest string
	if strings.HasSuffix(name, ".csv") {
		if !bytes.HasPrefix(file, []byte("\xef\xbb\xbf")) {
			t.Errorf("%s: no byte order mark: %.20q", name, file)
		}
		if records, err = csv.NewReader(bytes.NewReader(file[3:])).ReadAll(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		end := slices.IndexFunc(records, func(r []string) bool { return r[0] == "清单 manifest" })
		for n, r := range records {
			for c, s := range r {
				if _, number := strconv.ParseFloat(s, 64); s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n") && number != nil {
					t.Errorf("%s: a spreadsheet takes field %d of record %d for a formula: %q", name, c+1, n+1, s)
				}
			}
		}
		records, manifest = records[:end], records[end][1]
	} else {
		book, err := excelize.OpenReader(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer book.Close()
		sheet := book.GetSheetName(0)
		if records, err = book.GetRows(sheet, excelize.Options{RawCellValue: true}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if manifest, err = book.GetCellValue(book.GetSheetName(1), "B1"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n, r := range records {
			for c, s := range r {
				cell, err := excelize.CoordinatesToCellName(c+1, n+1)
				if err != nil {
					t.Fatal(err)
				}
				f, err1 := book.GetCellFormula(sheet, cell)
				kind, err2 := book.GetCellType(sheet, cell)
				if err1 != nil || err2 != nil || f != "" || strings.HasPrefix(s, "=") && kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
					t.Errorf("%s: %s is a formula or may become one: %q %q %v", name, cell, f, s, kind)
				}
			}
		}
	}
	var m struct {
		Rows    int
		Columns []struct {
			Kind  string
			Total *float64
		}
	}
	if err := json.Unmarshal([]byte(manifest), &m); err != nil {
		t.Fatalf("%s: the manifest: %v", name, err)
	}
	if len(records) != rows+1 || m.Rows != rows {
		t.Fatalf("%s: %d rows, the manifest says %d, want %d", name, len(records)-1, m.Rows, rows)
	}
	head := records[0]
	sums := make([]float64, len(head))
	found := false
	for n, row := range records[1:] {
		for len(row) < len(head) {
			row = append(row, "")
		}
		found = found || strings.Contains(strings.Join(row, " "), word)
		for c, k := range m.Columns {
			if v, err := strconv.ParseFloat(row[c], 64); err == nil {
				sums[c] += v
			} else if k.Kind != "text" && row[c] != "" {
				t.Errorf("%s: row %d: %q in a column of numbers", name, n+2, row[c])
			}
		}
		event, position, leaf := row[len(head)-4], row[len(head)-3], strings.TrimPrefix(row[len(head)-2], "'")
		if event == "" {
			if !strings.Contains(name, "/regulator/export") { // an institution without a ledger entry
				t.Errorf("%s: row %d names no event: %q", name, n+2, row)
			}
			continue
		}
		at, err := strconv.ParseUint(position, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		e, err := i.app.EventAt(t.Context(), events.Position(at))
		if err != nil || e.ID.String() != event || tlog.LeafHash(&e).String() != leaf {
			t.Errorf("%s: row %d: %q is not the leaf of the event at %d (%v)", name, n+2, leaf, at, err)
		}
	}
	if !found {
		t.Errorf("%s does not say %q", name, word)
	}
	for c, k := range m.Columns {
		scale := map[string]float64{"yuan": 100, "count": 1}[k.Kind] // the manifest adds up fen
		if scale > 0 && (k.Total == nil || math.Round(sums[c]*scale) != *k.Total) {
			t.Errorf("%s: %s adds up to %v, the manifest says %v", name, head[c], sums[c], k.Total)
		}
	}
}
