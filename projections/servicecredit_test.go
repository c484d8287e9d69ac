package projections_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/projections"
	"shenzhong/projections/servicecredit"
)

// confirm is a suspicion and its confirmation.
func (c *city) confirm(home domain.CreditCode, x credit.Confirmed) uuid.UUID {
	c.t.Helper()
	s := c.id()
	c.add(credit.LedgerCategory, string(home), credit.Suspected{Suspicion: s, Rule: x.Rule, Fact: "case:1", SourceEvent: c.id(), Basis: "价格法"})
	c.add(credit.LedgerCategory, string(home), credit.Notified{Suspicion: s, Document: "告 1 号", AnswerBy: x.DecidedOn})
	c.add(credit.LedgerCategory, string(home), credit.Answered{Suspicion: s, Document: "答 1 号"})
	x.Entry, x.Suspicion, x.Policy, x.Document, x.Officers = c.id(), s, "v1", "认 1 号", [2]string{"staff-1", "staff-2"}
	c.add(credit.LedgerCategory, string(home), x)
	return x.Entry
}

func TestServiceCredit(t *testing.T) {
	c := newCity(t, 1)
	home := c.homes[0]
	c.at("2026-07-20 10:00")
	surcharge := c.confirm(home, credit.Confirmed{Rule: "P04", Points: 6, Severity: credit.General, Fact: "停车费", DecidedOn: "2026-07-20"})
	minor := c.confirm(home, credit.Confirmed{Rule: "P01", Points: 3, Severity: credit.Minor, DecidedOn: "2026-07-21"})
	c.at("2026-09-01 10:00")
	forged := c.confirm(home, credit.Confirmed{Rule: "S02", Points: 40, Severity: credit.Severe, GradeCeiling: "D", DecidedOn: "2026-08-30"})
	bonus := c.id()
	c.add(credit.LedgerCategory, string(home), credit.BonusGranted{Entry: bonus, Rule: "G05", Policy: "v1", Points: 2, Document: "奖 1 号", DecidedOn: "2026-08-31"})
	c.at("2026-09-25 10:00")
	c.add(credit.LedgerCategory, string(home), credit.Revoked{Entry: forged, Document: "撤 1 号", Reason: "事实不清", RevokedOn: "2026-09-24"})
	c.at("2026-11-16 10:00")
	c.add(credit.LedgerCategory, string(home), credit.Repaired{Entry: surcharge, Document: "修 1 号", RepairedOn: "2026-11-15"})
	open := c.id()
	c.add(credit.LedgerCategory, string(home), credit.Suspected{Suspicion: open, Rule: "P04", Fact: "case:2", Basis: "价格法"})
	c.add(institution.Category, string(home), institution.Renamed{NameZh: "新海晏（演示）", NameEn: "New Haiyan"})

	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := servicecredit.Reader{DB: r.Read(servicecredit.Name)}

	// The score on any day, as it is known now.
	for _, x := range []struct {
		on    domain.Date
		rated bool
		score int
		grade string
	}{
		{"2025-12-31", false, 0, ""}, // no policy yet
		{"2026-07-19", true, 80, "B"},
		{"2026-07-20", true, 74, "C"},
		{"2026-07-21", true, 71, "C"},
		{"2026-08-31", true, 73, "C"}, // the forged certificate was revoked: it never counted
		{"2026-10-20", true, 73, "C"},
		{"2026-10-21", true, 76, "B"}, // the minor one lapsed after three months
		{"2026-11-15", true, 82, "B"}, // and the other was repaired
		{"2027-08-31", true, 80, "B"}, // a bonus counts for twelve months
	} {
		s, err := q.At(t.Context(), home, x.on)
		if err != nil || s.Rated != x.rated || s.Score != x.score || s.Grade != x.grade {
			t.Errorf("%s: %+v %v, want %v %d %s", x.on, s, err, x.rated, x.score, x.grade)
		}
	}
	// And as it was shown then.
	s, err := q.AsShown(t.Context(), home, "2026-09-10")
	if err != nil || s.Score != 33 || s.Grade != "D" || s.Ceiling != "D" || len(s.Counted) != 4 || s.GradeZh != "较差" || s.Base != 80 || s.Deducted != 49 || s.Bonus != 2 {
		t.Errorf("as shown: %+v %v", s, err)
	}
	if s, err := q.AsShown(t.Context(), home, "2026-08-31"); err != nil || s.Score != 71 {
		t.Errorf("decided on 30 August, recorded on 1 September: %+v %v", s, err)
	}

	// The ledger, each entry with the score right after it.
	es, err := q.Entries(t.Context(), home, "2026-09-10")
	if err != nil || len(es) != 4 {
		t.Fatal(es, err)
	}
	type line struct {
		id     uuid.UUID
		points int
		score  int
		public bool
		until  domain.Date
	}
	want := []line{{surcharge, -6, 74, true, "2026-11-15"}, {minor, -3, 71, false, "2026-10-21"}, {forged, -40, 31, true, "2026-08-30"}, {bonus, 2, 33, true, "2027-08-31"}}
	for i, e := range es {
		got := line{e.ID, e.Points, *e.Score, e.Public, e.Until}
		if got != want[i] {
			t.Errorf("%s: %+v, want %+v", e.Rule, got, want[i])
		}
		if e.Source.ID == uuid.Nil || e.Source.Position == 0 || e.RuleZh == "" || e.Policy != "v1" || e.Grade == "" {
			t.Errorf("%+v", e)
		}
	}
	if e := es[0]; e.PublicFrom != "2026-07-20" || e.PublicUntil != "2026-11-15" || e.RepairableFrom != "2026-10-20" || e.RepairedOn != "2026-11-15" || e.Document != "认 1 号" {
		t.Errorf("%+v", e)
	}
	if e := es[2]; e.RevokedOn != "2026-09-24" || e.Reason != "事实不清" || e.PublicUntil != "2026-09-24" {
		t.Errorf("%+v", e)
	}

	// The public never sees a suspicion, a minor entry or a running score.
	public, err := q.Public(t.Context(), home, "2026-09-10")
	if err != nil || len(public) != 3 {
		t.Fatal(public, err)
	}
	b, _ := json.Marshal(public)
	for _, hidden := range []string{minor.String(), open.String(), "case:2", `"score":7`, `"score":3`} {
		if strings.Contains(string(b), hidden) {
			t.Errorf("public shows %s", hidden)
		}
	}
	if public, err := q.Public(t.Context(), home, "2026-11-16"); err != nil || len(public) != 1 || public[0].ID != bonus {
		t.Errorf("after revocation and repair: %+v %v", public, err)
	}

	ss, err := q.Suspicions(t.Context(), home)
	if err != nil || len(ss) != 4 || ss[0].ID != open || ss[0].Outcome != "" || ss[3].Outcome != "confirmed" || ss[3].Entry != surcharge.String() ||
		ss[3].Answer != "答 1 号" || ss[3].AnsweredAt.IsZero() || ss[3].Notice == "" || ss[3].Evidence == "" {
		t.Errorf("%+v %v", ss, err)
	}
	list, err := q.List(t.Context(), "2026-11-23")
	if err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	for _, s := range list {
		one, err := q.At(t.Context(), s.Code, "2026-11-23")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, s); d != "" {
			t.Errorf("the list differs from the page: %s", d)
		}
		if s.Code == home && (s.NameZh != "新海晏（演示）" || s.Published != 1) {
			t.Errorf("%+v", s)
		}
	}
	if _, err := q.At(t.Context(), "54210283ME0YY0059K", "2026-11-23"); !errors.Is(err, servicecredit.ErrNotFound) {
		t.Error(err)
	}
	if p, ok, err := q.PolicyOn(t.Context(), "2026-11-23"); err != nil || !ok || p.Version != "v1" || p.Source.Position == 0 {
		t.Error(p, ok, err)
	}
	if _, ok, err := q.PolicyOn(t.Context(), "2025-01-01"); err != nil || ok {
		t.Error("a policy before the first")
	}
}

// An entry about nothing is a broken log and stops the read model, not the
// others.
func TestServiceCreditRefusesABrokenLog(t *testing.T) {
	c := newCity(t, 1)
	c.add(credit.LedgerCategory, string(c.homes[0]), credit.Repaired{Entry: c.id(), RepairedOn: "2026-07-01"})
	pos := c.publish(c.homes[0])
	r := c.open(c.config(t.TempDir()))
	wait(t, r, "pricepages", pos)
	err := r.Wait(t.Context(), servicecredit.Name, pos)
	if p, ok := errors.AsType[*projections.PoisonError](err); !ok || p.Type != "credit.repaired.v1" {
		t.Error(err)
	}
}
