package projections_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/projections/oversight"
)

// watch adds a complaint that is decided late, one that was just filed, a
// follow-up that was sent back and one that ended.
func (c *city) watch() (last events.Position) {
	c.t.Helper()
	on := c.today
	who := domain.Subject("5f0c7a52-3a0e-4d0b-9d5a-8f5d7c1e2b91")
	filed := domainoversight.ComplaintFiled{Institution: c.homes[0], Item: "HALL_S", Text: domain.Personal(who, "多收了钱"), FiledOn: on, AcknowledgeBy: on.AddDays(2), DecideBy: on.AddDays(20)}
	for _, x := range []struct {
		category, id string
		es           []any
	}{
		{domainoversight.ComplaintCategory, c.id().String(), []any{filed, domainoversight.ComplaintMissed{Step: domainoversight.Acknowledge, By: on.AddDays(2), Authority: true}, domainoversight.ComplaintAcknowledged{},
			domainoversight.ComplaintForwarded{AnswerBy: on.AddDays(9)}, domainoversight.ComplaintAnswered{Answer: domain.Personal(who, "已退还")},
			domainoversight.ComplaintDecided{Upheld: true, Document: "D-1", DecidedOn: on.AddDays(5)}, domainoversight.ComplaintClosed{How: domainoversight.AfterDecision}}},
		{domainoversight.ComplaintCategory, c.id().String(), []any{filed}},
		{domainoversight.ReviewCategory, c.id().String(), []any{domainoversight.ReviewOpened{Case: c.id(), Institution: c.homes[0], Level: 1, Rating: c.id(), RatedOn: on, CallBy: on.AddDays(1), ResolveBy: on.AddDays(7)},
			domainoversight.ReviewContacted{Reached: true, On: on}, domainoversight.ReviewExtended{ResolveBy: on.AddDays(21), Reason: "R"}, domainoversight.ReviewResolved{Note: "N", CheckBy: on.AddDays(7)},
			domainoversight.ReviewChecked{Reason: "R", ResolveBy: on.AddDays(8)}}},
		{domainoversight.ReviewCategory, c.id().String(), []any{domainoversight.ReviewOpened{Case: c.id(), Institution: c.homes[1], Level: 2, Rating: c.id(), RatedOn: on, CallBy: on.AddDays(1), ResolveBy: on.AddDays(7)},
			domainoversight.ReviewMissed{Step: domainoversight.Call, By: on.AddDays(1)}, domainoversight.ReviewExcluded{Ground: domainoversight.ByMistake, Document: "D"}}},
	} {
		for _, e := range x.es {
			last = c.add(x.category, x.id, e)
		}
	}
	return last
}

// TestOversightFromTheLog: lists say what is open with its terms, next first,
// and what ended, and whose terms passed.
func TestOversightFromTheLog(t *testing.T) {
	c := newCity(t, 9)
	r := c.open(c.config(t.TempDir()))
	wait(t, r, oversight.Name, c.watch())
	q := oversight.Reader{DB: r.Read(oversight.Name)}
	type seen struct {
		State  string
		Due    domain.Date
		Duties int
		Missed int
	}
	list := func(kind string, of domain.CreditCode) (open, ended []seen) {
		t.Helper()
		os, es, err := q.List(t.Context(), kind, of)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range os {
			open = append(open, seen{m.State, m.Due(), len(m.Duties), len(m.Missed)})
		}
		for _, m := range es {
			ended = append(ended, seen{m.State, m.Due(), len(m.Duties), len(m.Missed)})
		}
		return open, ended
	}
	on := c.today
	for _, x := range []struct {
		kind        string
		of          domain.CreditCode
		open, ended []seen
	}{
		{"complaint", "", []seen{{"filed", on.AddDays(2), 2, 0}}, []seen{{"closed", "", 0, 1}}},
		{"complaint", c.homes[1], nil, nil},
		{"review", "", []seen{{"checked", on.AddDays(8), 1, 0}}, []seen{{"excluded", "", 0, 1}}},
		{"review", c.homes[1], nil, []seen{{"excluded", "", 0, 1}}},
	} {
		open, ended := list(x.kind, x.of)
		if d := cmp.Diff([][]seen{x.open, x.ended}, [][]seen{open, ended}); d != "" {
			t.Errorf("%s of %q (-want +got):\n%s", x.kind, x.of, d)
		}
	}
}
