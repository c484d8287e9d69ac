package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/events"
	"shenzhong/projections/servicecredit"
)

// A rawFact is a stored event of a ledger as anybody can read it: its bytes, and
// the day on which it was recorded.
type rawFact struct {
	kind string
	day  string
	said struct {
		Entry     string `json:"entry"`
		Rule      string `json:"rule"`
		Fact      string `json:"fact"`
		Severity  string `json:"severity"`
		Ceiling   string `json:"grade_ceiling"`
		Points    int    `json:"points"`
		Document  string `json:"document"`
		DecidedOn string `json:"decided_on"`
		Policy    string `json:"policy"`
		Repaired  string `json:"repaired_on"`
		Revoked   string `json:"revoked_on"`
	}
}

type rawPolicy struct {
	Version string `json:"version"`
	From    string `json:"effective_from"`
	Base    int    `json:"base"`
	Cap     int    `json:"bonus_cap"`
	Months  int    `json:"bonus_months"`
	Grades  []struct {
		Grade    string `json:"grade"`
		Min, Max int
	} `json:"grades"`
	Severities map[string]struct {
		Max       int  `json:"max_months"`
		Retention int  `json:"retention_months"`
		Published bool `json:"published"`
	} `json:"severities"`
	Rules []struct {
		Code string `json:"code"`
		Cap  int    `json:"period_cap"`
	} `json:"rules"`
}

// later is a day so many months on; a day that a month lacks is its last.
func later(day string, months int) string {
	t, _ := time.Parse(time.DateOnly, day)
	for first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC); ; {
		if u := time.Date(first.Year(), first.Month(), t.Day(), 0, 0, 0, 0, time.UTC); u.Month() == first.Month() {
			return u.Format(time.DateOnly)
		}
		t = t.AddDate(0, 0, -1)
	}
}

// fold works a score, a grade and what is on display out of raw events, with
// nothing of the program: by what was recorded until the day known.
func fold(facts []rawFact, policies []rawPolicy, day, known string) (score int, grade string, shown []string) {
	var p rawPolicy
	byName := map[string]rawPolicy{}
	for _, x := range policies {
		byName[x.Version] = x
		if x.From <= day {
			p = x
		}
	}
	ended, struck := map[string]string{}, map[string]string{}
	for _, f := range facts {
		if f.day > known {
			continue
		}
		if f.kind == "repaired" {
			ended[f.said.Entry] = f.said.Repaired
		}
		if f.kind == "revoked" {
			struck[f.said.Entry] = f.said.Revoked
		}
	}
	plus, ceiling := 0, "A"
	heaviest := map[string]rawFact{}
	for _, f := range facts {
		e := f.said
		if f.day > known || f.kind != "confirmed" && f.kind != "bonus_granted" {
			continue
		}
		own := byName[e.Policy]
		until, public := later(e.DecidedOn, own.Months), true
		if f.kind == "confirmed" {
			until, public = later(e.DecidedOn, own.Severities[e.Severity].Max), own.Severities[e.Severity].Published
		}
		if public && e.DecidedOn <= day && day < until && (ended[e.Entry] == "" || day < ended[e.Entry]) && (struck[e.Entry] == "" || day < struck[e.Entry]) {
			shown = append(shown, e.Document)
		}
		if struck[e.Entry] != "" || day < e.DecidedOn {
			continue
		}
		if f.kind == "bonus_granted" {
			if day < later(e.DecidedOn, p.Months) {
				plus += e.Points
			}
			continue
		}
		if day >= later(e.DecidedOn, p.Severities[e.Severity].Retention) || ended[e.Entry] != "" && day >= ended[e.Entry] {
			continue
		}
		ceiling = max(ceiling, e.Ceiling)
		if o, ok := heaviest[e.Fact]; !ok || e.Points > o.said.Points {
			heaviest[e.Fact] = f
		}
	}
	sums := map[string]int{}
	for _, f := range heaviest {
		sums[f.said.Rule] += f.said.Points
	}
	score = p.Base + min(plus, p.Cap)
	for _, r := range p.Rules {
		score -= min(sums[r.Code], r.Cap)
	}
	score = min(max(score, 0), 100)
	for _, g := range p.Grades {
		if g.Min <= score && score <= g.Max {
			grade = max(g.Grade, ceiling)
		}
	}
	slices.Sort(shown)
	return score, grade, shown
}

// raw reads a stream's bytes from the store.
func raw[T any](w *watched, stream events.Stream, into func(events.Recorded, []byte) T) (all []T) {
	w.t.Helper()
	for r, err := range w.store.Load(w.t.Context(), stream, events.NoStream) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, into(r, r.Data))
	}
	return all
}

// Must show, line 2: on every day of two simulated years the score equals an
// independent fold of the raw events under the policy of that day, and the
// public page shows what it has to on that day, no more and no longer.
func TestTwoYearsOfScores(t *testing.T) {
	w := newWatched(t)
	ctx, r := t.Context(), rand.New(rand.NewPCG(5, 2))
	q := servicecredit.Reader{DB: w.runner.Read(servicecredit.Name)}
	n := 0
	act := func(by string) domain.Act {
		n++
		return domain.Act{ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)), By: by, Now: w.clock().UTC()}
	}
	ref := func() uuid.UUID { n++; return uuid.NewSHA1(uuid.Max, fmt.Append(nil, n)) }
	paper := func() string { n++; return fmt.Sprintf("文书%d号", n) }
	tried := func(_ events.Receipt, err error) { // a refusal is an answer too
		if _, ok := err.(*domain.Rejection); err != nil && !ok {
			t.Fatal(err)
		}
	}
	// oneDay is what happens in the ledger on one day.
	rules := []string{"P01", "P01", "P02", "P03", "P04", "S01", "S04", "S08", "V03", "V04", "V05"}
	var l credit.LedgerState
	var versions credit.PolicyState
	oneDay := func(today domain.Date) {
		if r.IntN(25) == 0 {
			tried(w.app.Suspect(ctx, home, credit.Suspect{Act: act("system"), Suspicion: ref(), Rule: rules[r.IntN(len(rules))], Fact: fmt.Sprint("fact:", n/40), Basis: "x"}))
		}
		for _, x := range l.Suspicions {
			switch {
			case !x.Open() || r.IntN(4) != 0:
			case x.AnswerBy == "":
				tried(w.app.Credit.Handle(ctx, home, credit.Notify{Act: act("officer-1"), Suspicion: x.Suspicion, Document: paper()}))
			case x.Proposed.Entry == uuid.Nil:
				tried(w.app.ProposeConfirmation(ctx, home, credit.ProposeConfirmation{Act: act("officer-1"), Entry: ref(), Suspicion: x.Suspicion, Document: paper(), DecidedOn: today}))
			default:
				tried(w.app.ConfirmSuspicion(ctx, home, credit.Confirm{Act: act("officer-2"), Suspicion: x.Suspicion}))
			}
		}
		for _, e := range l.Entries {
			if e.RevokedOn != "" || e.RepairedOn != "" {
				continue
			}
			switch r.IntN(400) {
			case 0:
				tried(w.app.Credit.Handle(ctx, home, credit.Revoke{Act: act("officer-1"), Entry: e.ID, Document: paper(), Reason: "x", RevokedOn: today.AddDays(-r.IntN(3))}))
			case 1, 2:
				tried(w.app.RepairEntry(ctx, home, credit.Repair{Act: act("officer-1"), Entry: e.ID, Document: paper(), RepairedOn: today}))
			case 3:
				tried(w.app.Credit.Handle(ctx, home, credit.Object{Act: act("desk-1"), Objection: ref(), Entry: e.ID, Document: paper(), FiledOn: today}))
			}
		}
		for _, o := range l.Objections {
			if !o.Decided && r.IntN(4) == 0 {
				tried(w.app.Credit.Handle(ctx, home, credit.DecideObjection{Act: act("officer-1"), Objection: o.Objected.Objection, Accepted: r.IntN(3) == 0, Document: paper(), Reason: "x", DecidedOn: today}))
			}
		}
		if r.IntN(60) == 0 {
			b := []string{"G02", "G05", "G07"}[r.IntN(3)]
			tried(w.app.GrantBonus(ctx, home, credit.GrantBonus{Act: act("officer-1"), Entry: ref(), Bonus: b, Fact: fmt.Sprint(b, today), Document: paper(), DecidedOn: today}))
		}
	}
	ledger, policy := events.Stream("credit-"+home), events.Stream("creditpolicy-"+w.app.PolicyID)
	read := func() ([]rawFact, []rawPolicy) {
		return raw(w, ledger, func(r events.Recorded, b []byte) (f rawFact) {
				f.kind, f.day = r.Type[len("credit."):len(r.Type)-len(".v1")], r.At.Add(8*time.Hour).Format(time.DateOnly)
				if err := json.Unmarshal(b, &f.said); err != nil {
					t.Fatal(err)
				}
				return f
			}), raw(w, policy, func(_ events.Recorded, b []byte) (p rawPolicy) {
				if err := json.Unmarshal(b, &p); err != nil {
					t.Fatal(err)
				}
				return p
			})
	}
	// look compares the score of a day with the fold, and the page: on every day on
	// which it has to change, and on each tenth of those on which it must not.
	var facts []rawFact
	var policies []rawPolicy
	var appeared, vanished, pages, looked int
	var before []string
	var wasGrade string
	look := func(day domain.Date) {
		t.Helper()
		score, grade, want := fold(facts, policies, string(day), string(day))
		p, _ := versions.InForce(day)
		if st := credit.Score(p, l.Entries, day); st.Score != score || st.Grade != grade {
			t.Fatalf("%s: the program says %d %s, the events %d %s", day, st.Score, st.Grade, score, grade)
		}
		if looked++; looked%10 != 0 && grade == wasGrade && slices.Equal(want, before) {
			return
		}
		pages++
		at, err := q.At(ctx, home, day)
		if err != nil || at.Score != score || at.Grade != grade {
			t.Fatalf("%s: the read model says %d %s, the events %d %s (%v)", day, at.Score, at.Grade, score, grade, err)
		}
		var page struct {
			Grade            string `json:"grade"`
			Policy           string `json:"policy"`
			Entries, Bonuses []struct {
				Document string `json:"document"`
			}
		}
		a := get(w.pages, "/credit/"+home+".json")
		if a.Code != http.StatusOK || json.Unmarshal(a.Body.Bytes(), &page) != nil {
			t.Fatal(a.Code, a.Body)
		}
		var shown []string
		for _, e := range append(page.Entries, page.Bonuses...) {
			shown = append(shown, e.Document)
		}
		slices.Sort(shown)
		if page.Grade != grade || !slices.Equal(shown, want) {
			t.Fatalf("%s: the page shows %s %v, the events say %s %v", day, page.Grade, shown, grade, want)
		}
		for _, d := range want {
			if !slices.Contains(before, d) {
				appeared++
			}
		}
		for _, d := range before {
			if !slices.Contains(want, d) {
				vanished++
			}
		}
		before, wasGrade = want, grade
	}
	first := domain.DateOf(w.clock())
	end := first
	for d := range 730 {
		w.sleep(24 * time.Hour)
		end = domain.DateOf(w.clock())
		if d == 300 {
			next := credit.Default()
			next.Version, next.EffectiveFrom, next.Base, next.BonusCap, next.BonusMonths = "second", end.AddDays(10), 84, 4, 6
			next.Severities[credit.Minor] = credit.SeverityPeriod{NameZh: "轻微", MaxMonths: 3, RetentionMonths: 2}
			if _, err := w.app.AdoptCreditPolicy(ctx, credit.Adopt{Act: act("officer-1"), PolicyVersion: next}); err != nil {
				t.Fatal(err)
			}
		}
		had := n
		oneDay(end)
		if n != had || d == 300 || d == 0 {
			w.settled()
			facts, policies = read()
			var err error
			if l, _, err = w.app.Credit.Load(ctx, home); err != nil {
				t.Fatal(err)
			}
			if versions, _, err = w.app.CreditPolicies.Load(ctx, w.app.PolicyID); err != nil {
				t.Fatal(err)
			}
		}
		look(end)
	}
	// What is known now of each of those days, with everything that was revoked
	// and repaired since.
	scores := map[int]bool{}
	for d, day := 0, first; day <= end; d, day = d+1, day.AddDays(1) {
		score, grade, _ := fold(facts, policies, string(day), "9")
		p, _ := versions.InForce(day)
		if at := credit.Score(p, l.Entries, day); at.Score != score || at.Grade != grade {
			t.Fatalf("%s, as known now: %d %s, the events say %d %s", day, at.Score, at.Grade, score, grade)
		}
		scores[score] = true
		if d%40 != 0 {
			continue // the read model's own queries, on some of them
		}
		if at, err := q.At(ctx, home, day); err != nil || at.Score != score || at.Grade != grade {
			t.Fatalf("%s, as known now: %d %s, the events say %d %s (%v)", day, at.Score, at.Grade, score, grade, err)
		}
		then, thenGrade, _ := fold(facts, policies, string(day), string(day))
		if at, err := q.AsShown(ctx, home, day); err != nil || at.Score != then || at.Grade != thenGrade {
			t.Fatalf("%s, as shown then: %d %s, the events say %d %s (%v)", day, at.Score, at.Grade, then, thenGrade, err)
		}
	}
	// What is severe goes by itself after its three years, on the day.
	kinds := map[string]int{}
	for _, f := range facts {
		kinds[f.kind]++
		if f.kind == "confirmed" {
			kinds[f.said.Severity]++
			w.setClock(domain.Date(later(f.said.DecidedOn, 36)).AddDays(-1).Start().Add(time.Hour))
			look(domain.DateOf(w.clock()))
			w.sleep(24 * time.Hour)
			look(domain.DateOf(w.clock()))
		}
	}
	t.Log(len(facts), "events,", pages, "pages,", kinds, appeared, "appeared,", vanished, "vanished,", len(scores), "scores")
	for _, k := range []string{"MINOR", "GENERAL", "SEVERE", "repaired", "revoked", "bonus_granted", "objection_decided", "repair_told"} {
		if kinds[k] < 2 {
			t.Errorf("only %d of %s: the test shows little", kinds[k], k)
		}
	}
	if appeared < 10 || vanished < 10 || len(scores) < 10 || len(policies) != 2 {
		t.Error("little changed: the test shows little")
	}
}

// settled waits until the read model has everything.
func (w *watched) settled() {
	w.t.Helper()
	if err := w.runner.Wait(w.t.Context(), servicecredit.Name, w.last()); err != nil {
		w.t.Fatal(err)
	}
}

func (c *city) setClock(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}
