package policies

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/oversight"
	"shenzhong/events"
)

// watched are the events of oversight and of work orders: each may begin or end
// a term.
var watched = func() map[string]bool {
	m := map[string]bool{"repair.reported": true, "repair.done": true, "repair.refused": true, "repair.late": true}
	for _, w := range oversight.Wire {
		m[w.Name[:strings.LastIndex(w.Name, ".v")]] = true
	}
	return m
}()

// The rules of the credit policy under which oversight raises a suspicion. They
// are names of the policy's own rows: a version that has none of that name raises
// nothing.
const (
	ruleBadReview    = "R01" // a bad review that was found to be right
	ruleReviewMissed = "R02" // one that was not followed up in time
	ruleComplaint    = "R03" // a complaint that was upheld
	ruleInspection   = "V01" // a published inspection with findings
	// ruleRepair is what damage that a family reported and nobody repaired in its
	// term may come to; the policy has no rule for that alone.
	ruleRepair = "V02"
)

// rulePenalty are the rules for a penalty, by its severity.
var rulePenalty = map[oversight.PenaltySeverity]string{oversight.MinorPenalty: "V03", oversight.GeneralPenalty: "V04", oversight.SeverePenalty: "V05"}

// dayOf is the local day of an event: when it happened, or else when it came in.
func dayOf(r events.Recorded) domain.Date {
	if r.Occurred.IsZero() {
		return domain.DateOf(r.At)
	}
	return domain.DateOf(r.Occurred)
}

// oversee keeps the terms of the stream as its own state says, and raises what
// the event gives reason to suspect.
func (p *Policies) oversee(ctx context.Context, r events.Recorded, body any) error {
	duties, err := p.cfg.App.Duties(ctx, r.Stream)
	if err != nil {
		return err
	}
	p.drop(func(d deadline) bool { return d.Kind == "duty" && d.Stream == r.Stream })
	for _, d := range duties {
		if d.By == "" {
			continue
		}
		// One id for each term: a term that begins anew on another day is another.
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(fmt.Sprint(r.Stream, " ", d.Step, " ", d.By)))
		p.set(deadline{Due: d.By.AddDays(1).Start(), Event: id, Corr: r.Meta.Correlation, Kind: "duty", Stream: r.Stream, Place: string(d.Step)})
	}
	return p.accuse(ctx, r, body)
}

// accuse notes what the event gives reason to suspect, and nothing more: what comes of it is for people.
func (p *Policies) accuse(ctx context.Context, r events.Recorded, body any) error {
	app := p.cfg.App
	var of domain.CreditCode
	var rule, basis string
	fact := string(r.Stream)
	switch e := body.(type) {
	case oversight.ComplaintDecided:
		s, _, err := app.Complaints.Load(ctx, r.Stream.ID())
		if err != nil || !e.Upheld {
			return err
		}
		of, rule, basis = s.Filed.Institution, ruleComplaint, "投诉处理决定 "+e.Document
	case oversight.ReviewMissed:
		s, _, err := app.Reviews.Load(ctx, r.Stream.ID())
		if err != nil || e.Authority {
			return err // what the authority missed is its own
		}
		of, rule, basis = s.Opened.Institution, ruleReviewMissed, "实名差评回访期限 "+string(e.By)
	case oversight.ReviewChecked:
		s, _, err := app.Reviews.Load(ctx, r.Stream.ID())
		if err != nil || !e.Sound || !e.Justified {
			return err
		}
		of, rule, basis = s.Opened.Institution, ruleBadReview, "实名差评经核查属实"
	case oversight.InspectionPublished:
		s, _, err := app.Inspections.Load(ctx, r.Stream.ID())
		if err != nil {
			return err
		}
		if x, ok := s.Record(e.Institution); !ok || len(x.Findings) == 0 {
			return nil
		}
		of, rule, fact, basis = e.Institution, ruleInspection, fact+"/"+string(e.Institution), "抽查检查结果 "+e.Document
	case oversight.PenaltyServed:
		s, _, err := app.Penalties.Load(ctx, r.Stream.ID())
		if err != nil || s.Decided == nil {
			return err
		}
		of, rule, basis = s.Proposed.Institution, rulePenalty[s.Proposed.Severity], "行政处罚决定 "+s.Decided.Document
	case cemetery.RepairLate:
		s, _, err := app.Repairs.Load(ctx, r.Stream.ID())
		if err != nil {
			return err
		}
		of, rule, basis = s.Reported.Cemetery, ruleRepair, fmt.Sprintf("墓位 %s 的损坏 %s 报修，到期限 %s 没有修好", s.Reported.Plot, s.Reported.ReportedOn, e.DueBy)
	default:
		return nil
	}
	return p.suspect(ctx, r, string(of), rule, fact, basis)
}
