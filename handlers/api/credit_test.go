package api_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/handlers/policies"
	"shenzhong/handlers/web"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/oversight"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
)

// clocked is a store that records at the time of a test's clock.
type clocked struct {
	events.Store
	now func() time.Time

	mu sync.Mutex
	at map[uuid.UUID]time.Time // by event
}

func (s *clocked) Append(ctx context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rev, pos, err := s.Store.Append(ctx, st, expected, es...)
	if err == nil {
		for _, e := range es {
			s.at[e.ID] = s.now().UTC()
		}
	}
	return rev, pos, err
}

func (s *clocked) stamp(r events.Recorded) events.Recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.At = s.at[r.ID]
	return r
}

func (s *clocked) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for r, err := range s.Store.Load(ctx, st, after) {
			if !yield(s.stamp(r), err) {
				return
			}
		}
	}
}

func (s *clocked) Follow(ctx context.Context, after events.Position, limit int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range s.Store.Follow(ctx, after, limit) {
			b.Events = slices.Clone(b.Events)
			for i, r := range b.Events {
				b.Events[i] = s.stamp(r)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// A watched city has its public pages, and reactions that run when the test
// says so.
type watched struct {
	*city
	runner *projections.Runner
	pages  http.Handler
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	store := &clocked{Store: memory.New(), at: map[uuid.UUID]time.Time{}}
	w := &watched{}
	store.now = func() time.Time { return w.clock() }
	// The first clock of a city is that of bareOn; nothing is recorded before.
	keys := events.NewMemoryKeys()
	w.city = bareOn(t, store, keys, 1_000_000)
	settled(w.city)
	r, err := web.NewRenderer(web.Site{Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	w.runner, err = projections.Open(t.Context(), projections.Config{Dir: t.TempDir(), Store: store, Registry: projections.Registry(keys), Logger: slog.New(slog.DiscardHandler),
		Projections: []projections.Projection{servicecredit.Projection{}, ecoratio.Projection{}, pricepages.Projection{Renderer: r.PricePages()}, availability.Projection{}, tracking.Projection{}, voyages.Projection{}, oversight.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.runner.Close() })
	accounts, err := handlers.NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	w.pages = handlers.New(handlers.Config{Accounts: accounts, Web: web.New(r, web.NewReadModels(r, w.runner, w.clock)), Log: slog.New(slog.DiscardHandler)})
	return w
}

// react lets the reactions see the whole log, and ends them.
func (w *watched) react() {
	w.t.Helper()
	p, err := policies.Open(policies.Config{App: w.app, File: filepath.Join(w.t.TempDir(), "reactions.json"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	if err := p.Wait(ctx, w.last()); err != nil {
		w.t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		w.t.Error(err)
	}
}

// last is the position of the log's end.
func (w *watched) last() (at events.Position) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	for b, err := range w.store.Follow(ctx, 0, 1000) {
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range b.Events {
			at = r.Position
		}
		if b.CaughtUp {
			break
		}
	}
	return at
}

// public is everything that anybody may read about service credit, together,
// once the read model has caught up.
func (w *watched) public() string {
	w.t.Helper()
	for _, name := range []string{servicecredit.Name, pricepages.Name} {
		if err := w.runner.Wait(w.t.Context(), name, w.last()); err != nil {
			w.t.Fatal(err)
		}
	}
	var b strings.Builder
	for _, address := range []string{"/", "/credit", "/credit?lang=en", "/credit/" + home, "/credit/" + home + "?lang=en", "/credit/" + home + ".json", "/credit/" + other + ".json", "/prices", "/prices/" + home, "/prices/" + home + ".json"} {
		r := reply{get(w.pages, address)}
		if r.Code != http.StatusOK {
			w.t.Fatalf("%s: %d", address, r.Code)
		}
		b.WriteString(r.Body.String())
	}
	return b.String()
}

// Must show, line 3: the four price cases raise one suspicion each, which an
// officer takes through notice, answer, confirmation by two, publication within
// its deadline, and repair; the public never sees a suspicion.
func TestFourPriceCases(t *testing.T) {
	w := newWatched(t)
	w.must("importer-0701", "/price-lists/"+home, taggedList)
	id := w.must("desk-0101", "/cases", caseJSON(1, ""))
	quotes := "/cases/" + id + "/quotes"
	above := `{"items":[{"code":"CRM-STD","quantity":1},{"code":"URN-STD","quantity":1,"price_fen":1060000}]}`
	w.refuses(422, "charge_above_ceiling", "desk-0101", quotes, above)
	w.refuses(422, "charge_off_list", "desk-0101", quotes, `{"items":[{"code":"GOLD","quantity":1}]}`)
	w.refuses(422, "charge_split", "desk-0101", quotes, `{"items":[{"code":"TRN-STD","quantity":1},{"code":"TRN-CARRY","quantity":1}]}`)
	for range 2 {
		w.must("desk-0101", quotes, `{"items":[{"code":"CRM-STD","quantity":1}]}`)
	}
	w.refuses(422, "third_quote", "desk-0101", quotes, `{"items":[{"code":"CRM-STD","quantity":1}]}`)
	before := w.public()
	w.react()
	w.refuses(422, "charge_above_ceiling", "desk-0101", quotes, above) // tried again: the same fact
	w.react()
	w.react() // and the whole log looked at anew

	ledger, _, err := w.app.Credit.Load(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	suspicions := map[string]credit.Suspicion{}
	for _, x := range ledger.Suspicions {
		suspicions[x.Rule] = x
	}
	if rules := slices.Sorted(maps.Keys(suspicions)); len(ledger.Suspicions) != 4 || !slices.Equal(rules, []string{"P02", "P03", "P05", "P06"}) {
		t.Fatalf("%d suspicions: %v", len(ledger.Suspicions), rules)
	}
	if x := suspicions["P03"]; !strings.Contains(x.Basis, "10,600 元") || !strings.Contains(x.Basis, "1,732 元") || !strings.Contains(x.Basis, "108号") {
		t.Error(x.Basis)
	}
	// never says that nothing public tells of a suspicion, whatever its state.
	never := func(when string) string {
		t.Helper()
		now := w.public()
		for _, x := range ledger.Suspicions {
			for _, word := range []string{x.Suspicion.String(), x.SourceEvent.String(), x.Fact, x.Basis} {
				if strings.Contains(now, word) {
					t.Errorf("%s: the public reads %q", when, word)
				}
			}
		}
		return now
	}
	score := func(want string) {
		t.Helper()
		if got := w.send("regulator-0501", "GET", "/api/v1/credit/"+home, ""); got.field("score.score") != want {
			t.Errorf("score %s, want %s", got.field("score.score"), want)
		}
	}
	if now := never("suspected"); facts(now) != facts(before) {
		t.Error("suspicions changed what the public reads")
	}
	score("80")
	for _, who := range []string{"", "furnace-0201", "other-desk"} {
		if r := w.send(who, "GET", "/api/v1/credit/"+home, ""); r.Code != 401 && r.Code != 403 {
			t.Errorf("%q reads the suspicions: %d", who, r.Code)
		}
	}

	on := "/credit/" + home
	entries, days := map[string]string{}, map[string]domain.Date{}
	for n, rule := range []string{"P02", "P03", "P05", "P06"} {
		x := suspicions[rule]
		at := on + "/suspicions/" + x.Suspicion.String()
		paper := fmt.Sprintf("大民信认〔2026〕%d号", n+1)
		w.must("regulator-0501", at+"/notice", fmt.Sprintf(`{"document":"告知%d号"}`, n+1))
		never("told")
		propose := fmt.Sprintf(`{"document":%q,"decided_on":%q}`, paper, domain.DateOf(w.clock()))
		w.refuses(422, "credit_answer_open", "regulator-0501", at+"/proposal", propose)
		w.must("desk-0101", at+"/answer", `{"document":"申辩书"}`)
		w.refuses(422, "credit_document_needed", "regulator-0501", at+"/proposal", strings.Replace(propose, paper, "", 1))
		entries[rule], days[rule] = w.must("regulator-0501", at+"/proposal", propose), domain.DateOf(w.clock())
		if now := never("decided by one"); facts(now) != facts(before) || strings.Contains(now, paper) {
			t.Error("what one officer decided is public")
		}
		w.refuses(422, "credit_two_officers", "regulator-0501", at+"/confirmation", `{}`)
		if n == 3 {
			// The last one is confirmed late: the authority has seven working days, and
			// everybody can see that it did not keep them.
			w.sleep(10 * 24 * time.Hour)
		}
		w.must("regulator-0502", at+"/confirmation", `{}`)
		now := never("confirmed")
		if !strings.Contains(now, paper) || !strings.Contains(now, `"rule": "`+rule) && !strings.Contains(now, `"rule":"`+rule) {
			t.Errorf("%s is not published", rule)
		}
		told := of[credit.RepairTold](w.events(credit.LedgerCategory, home))
		if len(told) != n+1 || told[n].RepairableFrom != days[rule].AddMonths(3) || told[n].Entry.String() != entries[rule] {
			t.Errorf("told with the decision: %+v", told)
		}
		if n < 3 {
			before = now
		}
	}
	score("44") // 80 − 10 − 10 − 6 − 10

	q := servicecredit.Reader{DB: w.runner.Read(servicecredit.Name)}
	duties, err := q.PublicDuties(t.Context(), home, domain.DateOf(w.clock()))
	if err != nil || len(duties) != 4 {
		t.Fatal(duties, err)
	}
	for _, d := range duties {
		late := d.Late(domain.DateOf(w.clock()))
		if d.Kind != credit.ToPublish || (late > 0) != (d.Entry.String() == entries["P06"]) {
			t.Errorf("%+v is %d days late", d, late)
		}
	}

	repair := func(rule string) string {
		return fmt.Sprintf(`{"entry":%q,"document":"修复%s","filed_on":%q}`, entries[rule], rule, domain.DateOf(w.clock()))
	}
	w.refuses(422, "credit_repair_early", "desk-0101", on+"/repair-requests", repair("P03"))
	w.sleep(93 * 24 * time.Hour)
	for rule, entry := range entries {
		w.must("desk-0101", on+"/repair-requests", repair(rule))
		w.must("regulator-0501", on+"/repairs", fmt.Sprintf(`{"entry":%q,"document":"准予修复%s","repaired_on":%q}`, entry, rule, domain.DateOf(w.clock())))
	}
	if now := never("repaired"); strings.Contains(now, "大民信认〔2026〕") {
		t.Error("repaired entries are still published")
	}
	score("80")
}

func get(h http.Handler, address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", address, nil))
	return w
}

// facts are the parts of public pages that do not change with the log's
// position and the clock.
func facts(pages string) string {
	var b strings.Builder
	for l := range strings.Lines(pages) {
		if !strings.Contains(l, "as_of") && !strings.Contains(l, "position") && !strings.Contains(l, "<time") && !strings.Contains(l, "日志第") && !strings.Contains(l, "updated") {
			b.WriteString(l)
		}
	}
	return b.String()
}
