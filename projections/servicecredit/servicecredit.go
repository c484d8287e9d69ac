package servicecredit

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "servicecredit"

//go:embed schema.sql
var schema string

// Projection folds ledgers into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{
		"institution.registered.v1", "institution.renamed.v1", "creditpolicy.adopted.v1", "creditpolicy.adopted.v2",
		"credit.suspected.v1", "credit.notified.v1", "credit.answered.v1", "credit.dismissed.v1",
		"credit.confirmation_proposed.v1", "credit.confirmed.v1", "credit.repair_told.v1", "credit.bonus_granted.v1",
		"credit.objected.v1", "credit.objection_extended.v1", "credit.objection_decided.v1",
		"credit.repair_requested.v1", "credit.repair_refused.v1", "credit.repaired.v1", "credit.revoked.v1",
	}
}

// Apply implements projections.Projection. Entries are few (thousands a year in
// a city), so each is written as it comes; what is worth keeping during a batch
// is the policy and the ledgers that a running score needs.
func (Projection) Apply(ctx context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{Reader: Reader{tx}, ctx: ctx, tx: tx, ledgers: map[string][]credit.Entry{}}
	for _, e := range batch {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	return nil
}

type writer struct {
	Reader
	ctx      context.Context
	tx       *projections.Tx
	policies []credit.PolicyVersion // nil: not read yet in this batch
	ledgers  map[string][]credit.Entry
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.tx.Exec(query, args...)
	return err
}

// change runs an update that must hit one row: an event about something that
// its stream never began is a broken log.
func (w *writer) change(what string, query string, args ...any) error {
	res, err := w.tx.Exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("servicecredit: no %s that this event is about (%d rows): %w", what, n, err)
	}
	return nil
}

func (w *writer) apply(e projections.Event) error {
	at, code, recorded := int64(e.Position), e.Stream.ID(), stamp(e.At)
	switch b := e.Body.(type) {
	case institution.Registered:
		return w.exec(`INSERT INTO institution VALUES (?,?,?,?,?,?,?)`, code, b.NameZh, b.NameEn, string(b.Kind), string(b.Division), b.Address, b.Fictitious)
	case institution.Renamed:
		return w.change("institution", `UPDATE institution SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, code)

	case credit.PolicyAdopted:
		body, err := json.Marshal(b.PolicyVersion)
		if err != nil {
			return err
		}
		w.policies = nil
		return w.exec(`INSERT INTO policy VALUES (?,?,?,?,?,?)`, at, b.Version, string(b.EffectiveFrom), string(body), e.ID.String(), recorded)

	case credit.Suspected:
		return w.exec(`INSERT INTO suspicion (position, suspicion, institution, rule, fact, basis, evidence, event, recorded_at) VALUES (?,?,?,?,?,?,?,?,?)`,
			at, b.Suspicion.String(), code, b.Rule, b.Fact, b.Basis, id(b.SourceEvent), e.ID.String(), recorded)
	case credit.Notified:
		return w.change("suspicion", `UPDATE suspicion SET notice = ?, answer_by = ? WHERE suspicion = ?`, b.Document, string(b.AnswerBy), b.Suspicion.String())
	case credit.Answered:
		return w.change("suspicion", `UPDATE suspicion SET answer = ?, answered_at = ? WHERE suspicion = ?`, b.Document, recorded, b.Suspicion.String())
	case credit.Dismissed:
		return w.change("suspicion", `UPDATE suspicion SET outcome = 'dismissed', reason = ? WHERE suspicion = ?`, b.Reason, b.Suspicion.String())

	case credit.Confirmed:
		if err := w.change("suspicion", `UPDATE suspicion SET outcome = 'confirmed', entry = ? WHERE suspicion = ?`, b.Entry.String(), b.Suspicion.String()); err != nil {
			return err
		}
		return w.insert(e, code, b.Suspicion, credit.Entry{ID: b.Entry, Rule: b.Rule, Policy: b.Policy, Points: b.Points, Severity: b.Severity,
			Escalated: b.Escalated, GradeCeiling: b.GradeCeiling, Fact: b.Fact, Document: b.Document, DecidedOn: b.DecidedOn})
	case credit.BonusGranted:
		return w.insert(e, code, uuid.Nil, credit.Entry{ID: b.Entry, Bonus: true, Rule: b.Rule, Policy: b.Policy, Points: b.Points,
			Fact: b.Fact, Document: b.Document, DecidedOn: b.DecidedOn})
	case credit.ConfirmationProposed:
		return w.change("suspicion", `UPDATE suspicion SET proposed_entry = ?, proposed_document = ?, proposed_on = ?, proposed_by = ? WHERE suspicion = ?`,
			b.Entry.String(), b.Document, string(b.DecidedOn), b.By, b.Suspicion.String())
	case credit.RepairTold:
		return w.change("entry", `UPDATE entry SET told = ? WHERE entry = ?`, recorded, b.Entry.String())
	case credit.Objected:
		return w.exec(`INSERT INTO objection (position, objection, institution, entry, document, filed_on, recorded_at, decide_by) VALUES (?,?,?,?,?,?,?,?)`,
			at, b.Objection.String(), code, b.Entry.String(), b.Document, string(b.FiledOn), recorded, string(b.DecideBy))
	case credit.ObjectionExtended:
		return w.change("objection", `UPDATE objection SET extended = ?, decide_by = ? WHERE objection = ?`, b.Reason, string(b.DecideBy), b.Objection.String())
	case credit.ObjectionDecided:
		outcome := "refused"
		if b.Accepted {
			outcome = "accepted"
		}
		return w.change("objection", `UPDATE objection SET outcome = ?, reply = ?, reason = ?, decided_on = ?, decision_recorded = ? WHERE objection = ?`,
			outcome, b.Document, b.Reason, string(b.DecidedOn), recorded, b.Objection.String())
	case credit.RepairRequested:
		return w.exec(`INSERT INTO repair_request (position, institution, entry, document, filed_on, recorded_at, decide_by) VALUES (?,?,?,?,?,?,?)`,
			at, code, b.Entry.String(), b.Document, string(b.FiledOn), recorded, string(b.DecideBy))
	case credit.RepairRefused:
		return w.answered("refused", b.Entry, b.Document, b.Reason, b.DecidedOn, recorded)
	case credit.Repaired:
		delete(w.ledgers, code)
		if err := w.answered("repaired", b.Entry, b.Document, "", b.RepairedOn, recorded); err != nil {
			return err
		}
		return w.change("entry", `UPDATE entry SET repaired_on = ?, repair_document = ?, repair_recorded = ? WHERE entry = ?`,
			string(b.RepairedOn), b.Document, recorded, b.Entry.String())
	case credit.Revoked:
		delete(w.ledgers, code)
		if err := w.answered("revoked", b.Entry, b.Document, b.Reason, b.RevokedOn, recorded); err != nil {
			return err
		}
		return w.change("entry", `UPDATE entry SET revoked_on = ?, revocation_document = ?, revocation_reason = ?, revocation_recorded = ? WHERE entry = ?`,
			string(b.RevokedOn), b.Document, b.Reason, recorded, b.Entry.String())
	}
	return fmt.Errorf("servicecredit: %T is none of its events", e.Body)
}

// answered closes an entry's open request for repair, where there is one.
func (w *writer) answered(outcome string, entry uuid.UUID, document, reason string, on domain.Date, recorded string) error {
	return w.exec(`UPDATE repair_request SET outcome = ?, reply = ?, reason = ?, decided_on = ?, decision_recorded = ? WHERE entry = ? AND outcome = ''`,
		outcome, document, reason, string(on), recorded, entry.String())
}

// insert adds an entry with the score right after it.
func (w *writer) insert(e projections.Event, code string, suspicion uuid.UUID, entry credit.Entry) error {
	ledger, ok := w.ledgers[code]
	if !ok {
		es, err := w.entries(w.ctx, code)
		if err != nil {
			return err
		}
		for _, x := range es {
			ledger = append(ledger, x.Entry)
		}
	}
	ledger = append(ledger, entry)
	w.ledgers[code] = ledger
	if w.policies == nil {
		var err error
		if w.policies, err = w.Policies(w.ctx); err != nil {
			return err
		}
	}
	var score any
	var grade, under string
	if p, ok := inForce(w.policies, entry.DecidedOn); ok {
		st := credit.Score(p, ledger, entry.DecidedOn)
		score, grade, under = st.Score, st.Grade, p.Version
	}
	return w.exec(`INSERT INTO entry (position, entry, institution, bonus, rule, policy, points, severity, escalated, grade_ceiling, fact, document,
			decided_on, suspicion, event, recorded_at, score, grade, scored_under) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		int64(e.Position), entry.ID.String(), code, entry.Bonus, entry.Rule, entry.Policy, entry.Points, string(entry.Severity), entry.Escalated,
		entry.GradeCeiling, entry.Fact, entry.Document, string(entry.DecidedOn), id(suspicion), e.ID.String(), stamp(e.At), score, grade, under)
}

// inForce is the version in force on a day: of those that had begun, the one
// adopted last.
func inForce(policies []credit.PolicyVersion, on domain.Date) (credit.PolicyVersion, bool) {
	return credit.PolicyState{Versions: policies}.InForce(on)
}

func id(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
