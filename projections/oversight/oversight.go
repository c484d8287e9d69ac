// Package oversight is the read model of what is watched over: complaints,
// follow-ups of bad reviews, rounds of inspections and penalties, with the terms
// that run and those that passed, and what of it everybody may see on which days.
//
// It holds no word of anybody. What was said is folded from the matter's own
// stream when somebody who may see it opens it.
package oversight

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/oversight"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "oversight"

//go:embed schema.sql
var schema string

// Projection folds the events of oversight into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() (names []string) {
	for _, w := range oversight.Wire {
		names = append(names, w.Name)
	}
	return append(names, "booking.opened.v1", "booking.opened.v2", "booking.rated.v1")
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	for _, e := range batch {
		if err := (folding{tx, e}).apply(); err != nil {
			return err
		}
	}
	return nil
}

type folding struct {
	tx *projections.Tx
	projections.Event
}

func (f folding) apply() error {
	switch b := f.Body.(type) {
	case booking.Opened:
		_, err := f.tx.Exec(`INSERT INTO rating VALUES (?,?,0,'',0)`, f.Stream.ID(), b.Institution)
		return err
	case booking.Rated:
		_, err := f.tx.Exec(`UPDATE rating SET level = ?, rated_on = ? WHERE case_id = ?`, b.Level, string(f.day()), f.Stream.ID())
		return err

	case oversight.ComplaintFiled:
		if err := f.open(b.Institution, b.Item, 0, b.FiledOn); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Acknowledge, By: b.AcknowledgeBy, Authority: true}, oversight.Duty{Step: oversight.Decide, By: b.DecideBy, Authority: true})
	case oversight.ComplaintAcknowledged:
		return f.step(false, oversight.Acknowledge)
	case oversight.ComplaintForwarded:
		if err := f.step(false); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Answer, By: b.AnswerBy})
	case oversight.ComplaintAnswered:
		return f.step(false, oversight.Answer)
	case oversight.ComplaintDecided:
		return f.step(false, oversight.Acknowledge, oversight.Answer, oversight.Decide)
	case oversight.ComplaintClosed:
		return f.step(true, oversight.Acknowledge, oversight.Answer, oversight.Decide)
	case oversight.ComplaintMissed:
		return f.miss(oversight.Duty(b))

	case oversight.ReviewOpened:
		if err := f.open(b.Institution, "", b.Level, b.RatedOn); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Call, By: b.CallBy}, oversight.Duty{Step: oversight.Resolve, By: b.ResolveBy})
	case oversight.ReviewContacted:
		return f.step(false, oversight.Call)
	case oversight.ReviewExtended:
		return f.owe(oversight.Duty{Step: oversight.Resolve, By: b.ResolveBy})
	case oversight.ReviewResolved:
		if err := f.step(false, oversight.Call, oversight.Resolve); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Check, By: b.CheckBy, Authority: true})
	case oversight.ReviewChecked:
		if err := f.step(b.Sound, oversight.Check); err != nil || b.Sound {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Resolve, By: b.ResolveBy})
	case oversight.ReviewExcluded:
		if _, err := f.tx.Exec(`UPDATE rating SET excluded = 1 WHERE case_id = ?`, f.Stream.ID()); err != nil {
			return err
		}
		return f.step(true, oversight.Call, oversight.Resolve, oversight.Check)
	case oversight.ReviewMissed:
		return f.miss(oversight.Duty(b))

	case oversight.InspectionCommitted:
		return f.open("", "", 0, f.day())
	case oversight.InspectionFrozen:
		return f.step(false)
	case oversight.InspectionDrawn:
		if err := f.step(false); err != nil {
			return err
		}
		for _, v := range b.Visits {
			if err := f.result(v.Institution, "", "", 0, "", ""); err != nil {
				return err
			}
		}
		return nil
	case oversight.InspectionRecorded:
		var found []string
		for _, x := range b.Findings {
			found = append(found, x.Line+" "+x.What)
		}
		if err := f.set(b.Institution, `what = ?, fact = ?, findings = ?, happened_on = ?`, b.Checklist, strings.Join(found, "\n"), len(found), string(b.VisitedOn)); err != nil {
			return err
		}
		if err := f.step(false); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Step(b.Institution), By: b.PublishBy, Authority: true})
	case oversight.InspectionPublished:
		if err := f.set(b.Institution, `document = ?, from_day = ?, until_day = ?`, b.Document, string(b.PublishedOn), string(b.PublishedUntil)); err != nil {
			return err
		}
		var left int
		if _, err := f.tx.Get(`SELECT count(*) FROM result WHERE stream = ? AND from_day = ''`, []any{string(f.Stream)}, &left); err != nil {
			return err
		}
		return f.step(left == 0, oversight.Step(b.Institution))
	case oversight.InspectionMissed:
		return f.miss(oversight.Duty{Step: oversight.Step(b.Institution), By: b.By, Authority: true})

	case oversight.PenaltyProposed:
		if err := f.open(b.Institution, b.Kind, 0, f.day()); err != nil {
			return err
		}
		return f.result(b.Institution, string(b.Severity), b.Kind, b.Amount, b.Fact, b.Basis)
	case oversight.PenaltyNotified, oversight.PenaltyHeard, oversight.PenaltyReviewed:
		return f.step(false)
	case oversight.PenaltyDecided:
		if err := f.setAll(`document = ?, happened_on = ?, until_day = ?`, b.Document, string(b.DecidedOn), string(b.PublishedUntil)); err != nil {
			return err
		}
		if err := f.step(false); err != nil {
			return err
		}
		return f.owe(oversight.Duty{Step: oversight.Publish, By: b.PublishBy, Authority: true})
	case oversight.PenaltyServed: // publication begins, where there is one
		if err := f.setAll(`from_day = CASE until_day WHEN '' THEN '' ELSE ? END`, string(b.ServedOn)); err != nil {
			return err
		}
		return f.step(true, oversight.Publish)
	case oversight.PenaltyRepaired:
		if err := f.setAll(`until_day = min(until_day, ?)`, string(b.RepairedOn.AddDays(-1))); err != nil {
			return err
		}
		return f.step(true)
	case oversight.PenaltyRevoked:
		if err := f.setAll(`revoked_on = ?, reason = ?`, string(b.RevokedOn), b.Reason); err != nil {
			return err
		}
		return f.step(true, oversight.Publish)
	case oversight.PenaltyMissed:
		return f.miss(oversight.Duty{Step: oversight.Publish, By: b.By, Authority: true})
	}
	return fmt.Errorf("oversight: %T is none of its events", f.Body)
}

// state is the last part of the event's name, "filed".
func (f folding) state() string {
	_, name, _ := strings.Cut(f.Type, ".")
	name, _, _ = strings.Cut(name, ".")
	return name
}

func (f folding) open(of domain.CreditCode, about string, level int, on domain.Date) error {
	_, err := f.tx.Exec(`INSERT INTO matter VALUES (?,?,?,?,?,?,?,?,0,?,?,?)`, string(f.Stream), f.Stream.Category(), f.Stream.ID(), string(of), about, level,
		f.state(), string(on), f.ID.String(), int64(f.Position), f.At.UTC().Format(time.RFC3339Nano))
	return err
}

// step moves the matter on; these duties are done.
func (f folding) step(ended bool, done ...oversight.Step) error {
	if _, err := f.tx.Exec(`UPDATE matter SET state = ?, ended = ? WHERE stream = ?`, f.state(), ended, string(f.Stream)); err != nil {
		return err
	}
	for _, s := range done {
		if err := f.done(s); err != nil {
			return err
		}
	}
	return nil
}

// done ends the terms of a step that run.
func (f folding) done(s oversight.Step) error {
	_, err := f.tx.Exec(`UPDATE duty SET done_known = ?, done = ? WHERE stream = ? AND step = ? AND done_known = ''`, string(domain.DateOf(f.At)), string(f.day()), string(f.Stream), string(s))
	return err
}

// owe begins terms; one of the same step that runs gives way to it.
func (f folding) owe(ds ...oversight.Duty) error {
	for _, d := range ds {
		if err := f.done(d.Step); err != nil {
			return err
		}
		if _, err := f.tx.Exec(`INSERT INTO duty VALUES (?,?,?,?,?,?,?,'','')`, int64(f.Position), string(f.Stream), string(d.Step), string(d.By), d.Authority, string(domain.DateOf(f.At)), string(f.day())); err != nil {
			return err
		}
	}
	return nil
}

// day is when the event happened, or else when it came in.
func (f folding) day() domain.Date {
	if f.Occurred.IsZero() {
		return domain.DateOf(f.At)
	}
	return domain.DateOf(f.Occurred)
}

// result begins what a visit or a penalty comes to.
func (f folding) result(of domain.CreditCode, severity, what string, amount domain.Money, fact, basis string) error {
	_, err := f.tx.Exec(`INSERT INTO result VALUES (?,?,?,?,?,?,?,?,?,0,'','','','','','')`, string(f.Stream), string(of), f.Stream.Category(), f.Stream.ID(), severity, what, int64(amount), fact, basis)
	return err
}

func (f folding) set(of domain.CreditCode, columns string, values ...any) error {
	_, err := f.tx.Exec(`UPDATE result SET `+columns+` WHERE stream = ? AND institution = ?`, append(values, string(f.Stream), string(of))...)
	return err
}

func (f folding) setAll(columns string, values ...any) error {
	_, err := f.tx.Exec(`UPDATE result SET `+columns+` WHERE stream = ?`, append(values, string(f.Stream))...)
	return err
}

func (f folding) miss(d oversight.Duty) error {
	_, err := f.tx.Exec(`INSERT INTO missed VALUES (?,?,?,?,?)`, int64(f.Position), string(f.Stream), string(d.Step), string(d.By), d.Authority)
	return err
}
