// Package oversight is the read model of what is watched over: complaints and
// follow-ups of bad reviews, with the terms that run and those that passed.
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
	"shenzhong/domain/oversight"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "oversight"

//go:embed schema.sql
var schema string

// Projection folds complaints and follow-ups into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() (names []string) {
	for _, w := range oversight.Wire {
		if strings.HasPrefix(w.Name, oversight.ComplaintCategory+".") || strings.HasPrefix(w.Name, oversight.ReviewCategory+".") {
			names = append(names, w.Name)
		}
	}
	return names
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
		return f.step(true, oversight.Call, oversight.Resolve, oversight.Check)
	case oversight.ReviewMissed:
		return f.miss(oversight.Duty(b))
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
		if _, err := f.tx.Exec(`DELETE FROM duty WHERE stream = ? AND step = ?`, string(f.Stream), string(s)); err != nil {
			return err
		}
	}
	return nil
}

func (f folding) owe(ds ...oversight.Duty) error {
	for _, d := range ds {
		if _, err := f.tx.Exec(`INSERT OR REPLACE INTO duty VALUES (?,?,?,?)`, string(f.Stream), string(d.Step), string(d.By), d.Authority); err != nil {
			return err
		}
	}
	return nil
}

func (f folding) miss(d oversight.Duty) error {
	_, err := f.tx.Exec(`INSERT INTO missed VALUES (?,?,?,?,?)`, int64(f.Position), string(f.Stream), string(d.Step), string(d.By), d.Authority)
	return err
}
