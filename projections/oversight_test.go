package projections_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/projections/oversight"
)

// watch adds a complaint that is decided late, one that was just filed, a
// follow-up that was sent back and one that ended; a round of inspections of which
// one result is public and one is late, and penalties that are public, repaired,
// struck out, minor and undecided.
func (c *city) watch() (last events.Position) {
	c.t.Helper()
	on := c.today
	who := domain.Subject("5f0c7a52-3a0e-4d0b-9d5a-8f5d7c1e2b91")
	filed := domainoversight.ComplaintFiled{Institution: c.homes[0], Item: "HALL_S", Text: domain.Personal(who, "多收了钱"), FiledOn: on, AcknowledgeBy: on.AddDays(2), DecideBy: on.AddDays(20)}
	penalty := func(severity domainoversight.PenaltySeverity, until domain.Date, more ...any) []any {
		return append([]any{domainoversight.PenaltyProposed{Institution: c.homes[0], Severity: severity, Kind: "罚款", Amount: 2000000, Fact: "F", Basis: "B", Officers: [2]string{"o-1", "o-2"}},
			domainoversight.PenaltyNotified{Document: "N", HearBy: on.AddDays(7)}, domainoversight.PenaltyHeard{Document: "H"}, domainoversight.PenaltyReviewed{Reviewer: "o-3", Approved: true, Opinion: "O"},
			domainoversight.PenaltyDecided{Document: "D-" + string(severity), DecidedOn: on, PublishBy: on.AddDays(9), PublishedUntil: until}}, more...)
	}
	rated, mistaken := c.id().String(), c.id().String()
	served := domainoversight.PenaltyServed{ServedOn: on.AddDays(1)}
	for _, x := range []struct {
		category, id string
		es           []any
	}{
		{booking.Category, rated, []any{booking.Opened{Institution: string(c.homes[1]), Number: "R-1", Source: booking.Desk}, booking.Rated{Level: 2, Named: true}}},
		{booking.Category, mistaken, []any{booking.Opened{Institution: string(c.homes[1]), Number: "R-2", Source: booking.Desk}, booking.Rated{Level: 1, Named: true}}},
		{domainoversight.InspectionCategory, "2026-Q4", []any{domainoversight.InspectionCommitted{Commitment: "C", By: "o-1", Count: 2}, domainoversight.InspectionFrozen{Institutions: c.homes[:2], Officers: []string{"o-2", "o-3"}},
			domainoversight.InspectionDrawn{Seed: "S", Salt: "T", Visits: []domainoversight.InspectionVisit{{Institution: c.homes[0], Officers: [2]string{"o-2", "o-3"}}, {Institution: c.homes[1], Officers: [2]string{"o-3", "o-2"}}}},
			domainoversight.InspectionRecorded{Institution: c.homes[0], VisitedOn: on, Checklist: "2026.1", Findings: []domainoversight.InspectionFinding{{Line: "P01", What: "W"}}, PublishBy: on.AddDays(28)},
			domainoversight.InspectionRecorded{Institution: c.homes[1], VisitedOn: on, Checklist: "2026.1", PublishBy: on.AddDays(28)}, domainoversight.InspectionMissed{Institution: c.homes[1], By: on.AddDays(28)},
			domainoversight.InspectionPublished{Institution: c.homes[0], Document: "I-1", PublishedOn: on.AddDays(2), PublishedUntil: on.AddDays(400)}}},
		{domainoversight.PenaltyCategory, c.id().String(), penalty(domainoversight.GeneralPenalty, on.AddDays(365), served)},
		{domainoversight.PenaltyCategory, c.id().String(), penalty(domainoversight.SeverePenalty, on.AddDays(1000), served, domainoversight.PenaltyRepaired{Document: "R", RepairedOn: on.AddDays(370)})},
		{domainoversight.PenaltyCategory, c.id().String(), penalty(domainoversight.GeneralPenalty, on.AddDays(365), served, domainoversight.PenaltyRevoked{Document: "V", Reason: "W", RevokedOn: on.AddDays(3)})},
		{domainoversight.PenaltyCategory, c.id().String(), penalty(domainoversight.MinorPenalty, "", domainoversight.PenaltyMissed{By: on.AddDays(9)}, served)},
		{domainoversight.PenaltyCategory, c.id().String(), penalty(domainoversight.GeneralPenalty, on.AddDays(365))[:3]},
		{domainoversight.ComplaintCategory, c.id().String(), []any{filed, domainoversight.ComplaintMissed{Step: domainoversight.Acknowledge, By: on.AddDays(2), Authority: true}, domainoversight.ComplaintAcknowledged{},
			domainoversight.ComplaintForwarded{AnswerBy: on.AddDays(9)}, domainoversight.ComplaintAnswered{Answer: domain.Personal(who, "已退还")},
			domainoversight.ComplaintDecided{Upheld: true, Document: "D-1", DecidedOn: on.AddDays(5)}, domainoversight.ComplaintClosed{How: domainoversight.AfterDecision}}},
		{domainoversight.ComplaintCategory, c.id().String(), []any{filed}},
		{domainoversight.ReviewCategory, c.id().String(), []any{domainoversight.ReviewOpened{Case: c.id(), Institution: c.homes[0], Level: 1, Rating: c.id(), RatedOn: on, CallBy: on.AddDays(1), ResolveBy: on.AddDays(7)},
			domainoversight.ReviewContacted{Reached: true, On: on}, domainoversight.ReviewExtended{ResolveBy: on.AddDays(21), Reason: "R"}, domainoversight.ReviewResolved{Note: "N", CheckBy: on.AddDays(7)},
			domainoversight.ReviewChecked{Reason: "R", ResolveBy: on.AddDays(8)}}},
		{domainoversight.ReviewCategory, mistaken, []any{domainoversight.ReviewOpened{Case: c.id(), Institution: c.homes[1], Level: 2, Rating: c.id(), RatedOn: on, CallBy: on.AddDays(1), ResolveBy: on.AddDays(7)},
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
		{"inspection", "", []seen{{"published", on.AddDays(28), 1, 1}}, nil},
		{"penalty", "", []seen{{"heard", "", 0, 0}}, []seen{{"served", "", 0, 1}, {"revoked", "", 0, 0}, {"repaired", "", 0, 0}, {"served", "", 0, 0}}},
		{"penalty", c.homes[1], nil, nil},
	} {
		open, ended := list(x.kind, x.of)
		if d := cmp.Diff([][]seen{x.open, x.ended}, [][]seen{open, ended}); d != "" {
			t.Errorf("%s of %q (-want +got):\n%s", x.kind, x.of, d)
		}
	}
	public := func(of domain.CreditCode, d domain.Date) (documents []string) {
		t.Helper()
		xs, err := q.Results(t.Context(), "", of)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range xs {
			switch {
			case x.Public(d):
				documents = append(documents, x.Document)
			case x.Withdrawn(d):
				documents = append(documents, "withdrawn "+x.Document)
			}
		}
		slices.Sort(documents)
		return documents
	}
	for d, want := range map[domain.Date][]string{on: nil, on.AddDays(1): {"D-GENERAL", "D-SEVERE", "withdrawn D-GENERAL"}, on.AddDays(2): {"D-GENERAL", "D-SEVERE", "I-1", "withdrawn D-GENERAL"},
		on.AddDays(366): {"D-SEVERE", "I-1"}, on.AddDays(369): {"D-SEVERE", "I-1"}, on.AddDays(370): {"I-1"}, on.AddDays(401): nil} {
		if d1 := cmp.Diff(want, public(c.homes[0], d)); d1 != "" {
			t.Errorf("public on %s (-want +got):\n%s", d, d1)
		}
	}
	if xs := public(c.homes[1], on.AddDays(30)); xs != nil {
		t.Errorf("a result is shown that was not published: %q", xs)
	}
	if levels, err := q.Ratings(t.Context(), c.homes[1], "", "9999-12-31"); err != nil || levels != [5]int{0, 0, 0, 1, 0} {
		t.Errorf("ratings %v, %v: one bad one counts, the mistaken one does not", levels, err)
	}
	for known, want := range map[domain.Date]int{"": 4, on.AddDays(-1): 0} { // a filed complaint owes two, a follow-up one, a round one
		ds, err := q.DutiesOn(t.Context(), on.AddDays(1000), known)
		if err != nil {
			t.Fatal(err)
		}
		if len(ds) != want {
			t.Errorf("terms by what was known on %q: %+v", known, ds)
		}
	}
}
