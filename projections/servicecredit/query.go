// Package servicecredit is the read model of the service-credit ledger: every
// entry of every institution, with the score on any day.
package servicecredit

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/projections"
)

// A Reader answers questions about ledgers. Scores are computed when they are
// asked for, by credit.Score from the entries and the policy in force on the
// day, so that expiry needs no clock in the read model.
type Reader struct{ DB projections.Querier }

// ErrNotFound reports that there is no such institution.
var ErrNotFound = errors.New("servicecredit: no such institution")

// An Institution is one whose ledger there is.
type Institution struct {
	Code       domain.CreditCode `json:"credit_code"`
	NameZh     string            `json:"name_zh"`
	NameEn     string            `json:"name_en"`
	Kind       institution.Kind  `json:"kind"`
	Division   domain.Division   `json:"division"`
	Address    string            `json:"address"`
	Fictitious bool              `json:"fictitious"`
}

// A Standing is an institution's score on a day. The public sees the grade: the
// score would tell the minor entries that are not published.
type Standing struct {
	Institution
	On domain.Date `json:"on"`
	// Rated says that a policy was in force on the day; without it the rest is
	// empty.
	Rated   bool   `json:"rated"`
	Policy  string `json:"policy"` // the version that scored
	Grade   string `json:"grade"`
	GradeZh string `json:"grade_zh"`
	Score   int    `json:"score"`
	// Base + Bonus − Deducted is the score before it is held between the
	// policy's limits. Ceiling is the best grade that some entry allows.
	Base     int    `json:"base"`
	Bonus    int    `json:"bonus"`
	Deducted int    `json:"deducted"`
	Ceiling  string `json:"ceiling"`
	// Counted are the entries that made the score, in the order of decision.
	Counted []Counted `json:"counted"`
	// Published is how many entries the public may see on the day.
	Published int `json:"published"`
}

// Counted is an entry's part in a score.
type Counted struct {
	Entry uuid.UUID   `json:"entry"`
	Rule  string      `json:"rule"`
	Bonus bool        `json:"bonus"`
	By    int         `json:"by"`    // after caps: negative for a deduction
	Until domain.Date `json:"until"` // first day on which it no longer counts
}

// An Entry is one line of a ledger.
type Entry struct {
	ID          uuid.UUID         `json:"entry"`
	Institution domain.CreditCode `json:"credit_code"`
	// Bonus tells a bonus from a deduction. Points are signed: −6, +2.
	Bonus  bool   `json:"bonus"`
	Rule   string `json:"rule"`
	RuleZh string `json:"rule_zh"` // the rule's name in Policy
	RuleEn string `json:"rule_en"`
	// Basis is the document that the rule names; BasisFound that somebody saw
	// the words there.
	Basis      string          `json:"basis"`
	BasisFound bool            `json:"basis_found"`
	Points     int             `json:"points"`
	Severity   credit.Severity `json:"severity"` // empty for a bonus
	Escalated  bool            `json:"escalated"`
	Ceiling    string          `json:"grade_ceiling"`
	Fact       string          `json:"fact"`
	Document   string          `json:"document"`
	DecidedOn  domain.Date     `json:"decided_on"`
	// Policy is the version that it was confirmed under. It also says how long
	// the entry is published and when repair may be asked for.
	Policy string `json:"policy"`
	// Score and Grade are the institution's right after this entry was recorded,
	// as of DecidedOn; nil when no policy was in force then.
	Score *int   `json:"score"`
	Grade string `json:"grade"`
	// Until is the first day on which the entry no longer counts.
	Until domain.Date `json:"until"`
	// PublicFrom is the first day on which the public may see it, PublicUntil the
	// first on which no longer; both empty when it is never published. Public
	// says whether it is on the day that was asked about.
	PublicFrom  domain.Date `json:"public_from"`
	PublicUntil domain.Date `json:"public_until"`
	Public      bool        `json:"public"`
	// RepairableFrom is the first day on which repair is possible; empty for a
	// bonus.
	RepairableFrom domain.Date `json:"repairable_from"`
	// Disputed is the last day on which an open objection is to be decided; RepairBy
	// the same of an open request for repair. Both empty where none is open.
	Disputed   domain.Date `json:"disputed"`
	RepairBy   domain.Date `json:"repair_by"`
	RepairedOn domain.Date `json:"repaired_on"`
	RevokedOn  domain.Date `json:"revoked_on"`
	// Reason says why it was revoked.
	Reason string `json:"reason"`
	// Revocation is the document that revoked it.
	Revocation string             `json:"revocation"`
	Suspicion  string             `json:"suspicion"` // that it came from; empty for a bonus
	Source     projections.Source `json:"source"`
}

// A Suspicion is a fact that somebody or some rule noticed. It never scores and
// is for the institution and the regulator only.
type Suspicion struct {
	ID          uuid.UUID         `json:"suspicion"`
	Institution domain.CreditCode `json:"credit_code"`
	Rule        string            `json:"rule"`
	Fact        string            `json:"fact"`
	Basis       string            `json:"basis"`
	Evidence    string            `json:"evidence"` // the event that an automatic rule saw
	Notice      string            `json:"notice"`   // document
	AnswerBy    domain.Date       `json:"answer_by"`
	Answer      string            `json:"answer"` // document
	AnsweredAt  time.Time         `json:"answered_at,omitzero"`
	// Proposed is what one officer decided and another has to confirm; its
	// Document is empty while nobody has.
	Proposed Proposal `json:"proposed"`
	// Outcome is "", "dismissed" (with Reason) or "confirmed" (with Entry).
	Outcome string             `json:"outcome"`
	Reason  string             `json:"reason"`
	Entry   string             `json:"entry"`
	Source  projections.Source `json:"source"`
}

// A Proposal is one officer's decision on a suspicion.
type Proposal struct {
	Entry     string      `json:"entry"`
	Document  string      `json:"document"`
	DecidedOn domain.Date `json:"decided_on"`
	By        string      `json:"by"`
}

// An Objection is one of an institution to one of its entries.
type Objection struct {
	ID        uuid.UUID   `json:"objection"`
	Entry     uuid.UUID   `json:"entry"`
	Document  string      `json:"document"`
	FiledOn   domain.Date `json:"filed_on"`
	Recorded  domain.Date `json:"recorded_on"` // from then on the entry is marked
	DecideBy  domain.Date `json:"decide_by"`
	Extended  string      `json:"extended"` // why it takes longer
	Outcome   string      `json:"outcome"`  // "", "accepted", "refused"
	Reply     string      `json:"reply"`    // document
	Reason    string      `json:"reason"`
	DecidedOn domain.Date `json:"decided_on"`
	Replied   domain.Date `json:"replied_on"` // when the decision was recorded
}

// A RepairRequest is one of an institution.
type RepairRequest struct {
	Entry     uuid.UUID   `json:"entry"`
	Document  string      `json:"document"`
	FiledOn   domain.Date `json:"filed_on"`
	Recorded  domain.Date `json:"recorded_on"`
	DecideBy  domain.Date `json:"decide_by"`
	Outcome   string      `json:"outcome"` // "", "repaired", "refused", "revoked"
	Reply     string      `json:"reply"`
	Reason    string      `json:"reason"`
	DecidedOn domain.Date `json:"decided_on"`
	Replied   domain.Date `json:"replied_on"`
}

// A Policy is one version and where it comes from.
type Policy struct {
	credit.PolicyVersion
	Source projections.Source `json:"source"`
}

// Policies lists the versions in the order of adoption.
func (r Reader) Policies(ctx context.Context) ([]credit.PolicyVersion, error) {
	ps, err := r.policies(ctx)
	vs := make([]credit.PolicyVersion, 0, len(ps))
	for _, p := range ps {
		vs = append(vs, p.PolicyVersion)
	}
	return vs, err
}

// PolicyOn is the version in force on a day; false where there was none.
func (r Reader) PolicyOn(ctx context.Context, on domain.Date) (Policy, bool, error) {
	ps, err := r.policies(ctx)
	for _, p := range slices.Backward(ps) {
		if p.EffectiveFrom <= on {
			return p, true, err
		}
	}
	return Policy{}, false, err
}

func (r Reader) policies(ctx context.Context) ([]Policy, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, event, recorded_at, body FROM policy ORDER BY position`)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ps []Policy
	for rs.Next() {
		var at int64
		var event, recorded, body string
		if err := rs.Scan(&at, &event, &recorded, &body); err != nil {
			return nil, err
		}
		var p Policy
		if p.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		if known, ok := parsed.Load(body); ok {
			p.PolicyVersion = known.(credit.PolicyVersion)
		} else {
			if err := json.Unmarshal([]byte(body), &p.PolicyVersion); err != nil {
				return nil, err
			}
			parsed.Store(body, p.PolicyVersion)
		}
		ps = append(ps, p)
	}
	return ps, rs.Err()
}

// parsed holds policy versions by their text, since every question needs them
// and there are few. Nobody changes one.
var parsed sync.Map

// List is every institution with its standing on a day, by division and name.
func (r Reader) List(ctx context.Context, on domain.Date) ([]Standing, error) {
	is, err := r.institutions(ctx, "")
	if err != nil {
		return nil, err
	}
	ps, err := r.Policies(ctx)
	if err != nil {
		return nil, err
	}
	es, err := r.entries(ctx, "")
	if err != nil {
		return nil, err
	}
	ledgers := map[domain.CreditCode][]row{}
	for _, e := range es {
		ledgers[e.institution] = append(ledgers[e.institution], e)
	}
	var ss []Standing
	for _, i := range is {
		ss = append(ss, standing(i, ps, ledgers[i.Code], on, ""))
	}
	slices.SortStableFunc(ss, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Division, b.Division), cmp.Compare(a.NameZh, b.NameZh), cmp.Compare(a.Code, b.Code))
	})
	return ss, nil
}

// At is an institution's standing on a day, by everything that is known now: an
// entry revoked since never counted, one recorded late counts from its day.
func (r Reader) At(ctx context.Context, code domain.CreditCode, on domain.Date) (Standing, error) {
	return r.at(ctx, code, on, "")
}

// AsShown is the standing that was shown at the end of a day, by what was
// recorded until then.
func (r Reader) AsShown(ctx context.Context, code domain.CreditCode, on domain.Date) (Standing, error) {
	return r.at(ctx, code, on, on)
}

func (r Reader) at(ctx context.Context, code domain.CreditCode, on, known domain.Date) (Standing, error) {
	is, err := r.institutions(ctx, code)
	switch {
	case err != nil:
		return Standing{}, err
	case len(is) == 0:
		return Standing{}, ErrNotFound
	}
	ps, err := r.policies(ctx)
	if err != nil {
		return Standing{}, err
	}
	var vs []credit.PolicyVersion
	for _, p := range ps {
		if known == "" || domain.DateOf(p.Source.Recorded) <= known {
			vs = append(vs, p.PolicyVersion)
		}
	}
	es, err := r.entries(ctx, string(code))
	if err != nil {
		return Standing{}, err
	}
	return standing(is[0], vs, es, on, known), nil
}

// standing scores a ledger on a day, by what was recorded until the end of the
// day known; empty means everything.
func standing(i Institution, ps []credit.PolicyVersion, es []row, on, known domain.Date) Standing {
	s := Standing{Institution: i, On: on}
	p, ok := inForce(ps, on)
	if !ok {
		return s
	}
	var ledger []credit.Entry
	for _, e := range es {
		x := e.Entry
		if known != "" {
			if e.recorded > known {
				continue
			}
			if e.repairRecorded > known {
				x.RepairedOn = ""
			}
			if e.revocationRecorded > known {
				x.RevokedOn = ""
			}
		}
		ledger = append(ledger, x)
		if pub := credit.Publication(x, versionOf(ps, x.Policy, p), on); pub.Now {
			s.Published++
		}
	}
	st := credit.Score(p, ledger, on)
	s.Rated, s.Policy, s.Grade, s.Score, s.Base, s.Bonus, s.Deducted, s.Ceiling = true, st.Policy, st.Grade, st.Score, p.Base, st.Bonus, st.Deducted, st.Ceiling
	for _, g := range p.Grades {
		if g.Grade == st.Grade {
			s.GradeZh = g.NameZh
		}
	}
	for _, l := range st.Active {
		s.Counted = append(s.Counted, Counted{l.ID, l.Rule, l.Bonus, l.Counted, l.Until})
	}
	return s
}

// ledger reads all that an institution's entries, and the duties about them,
// follow from; of every institution with an empty code.
func (r Reader) ledger(ctx context.Context, code domain.CreditCode) (ps []credit.PolicyVersion, rows []row, objections []Objection, requests []RepairRequest, err error) {
	if ps, err = r.Policies(ctx); err != nil {
		return
	}
	if rows, err = r.entries(ctx, string(code)); err != nil {
		return
	}
	if objections, err = r.Objections(ctx, code); err != nil {
		return
	}
	requests, err = r.RepairRequests(ctx, code)
	return
}

// Entries is an institution's whole ledger, by day of decision: for the
// institution itself and the regulator. Public is told for the day on.
func (r Reader) Entries(ctx context.Context, code domain.CreditCode, on domain.Date) ([]Entry, error) {
	ps, rows, objections, requests, err := r.ledger(ctx, code)
	if err != nil {
		return nil, err
	}
	var es []Entry
	for _, x := range rows {
		own := versionOf(ps, x.Policy, credit.PolicyVersion{})
		counting, ok := inForce(ps, on)
		if !ok {
			counting = own
		}
		pub := credit.Publication(x.Entry, own, on)
		e := Entry{ID: x.ID, Institution: x.institution, Bonus: x.Bonus, Rule: x.Rule, Points: x.Points, Severity: x.Severity, Escalated: x.Escalated,
			Ceiling: x.GradeCeiling, Fact: x.Fact, Document: x.Document, DecidedOn: x.DecidedOn, Policy: x.Policy, Score: x.score, Grade: x.grade,
			Until: x.Until(counting), PublicFrom: pub.From, PublicUntil: pub.Until, Public: pub.Now, RepairedOn: x.RepairedOn, RevokedOn: x.RevokedOn,
			Reason: x.reason, Revocation: x.revocation, Suspicion: x.suspicion, Source: x.source}
		if x.Bonus {
			b, _ := own.Bonus(x.Rule)
			e.RuleZh, e.RuleEn = b.NameZh, b.NameEn
		} else {
			rule, _ := own.Rule(x.Rule)
			e.RuleZh, e.RuleEn, e.Basis, e.BasisFound = rule.NameZh, rule.NameEn, rule.Basis, rule.BasisFound
			e.Points = -x.Points
			e.RepairableFrom = x.RepairableFrom(own)
			for _, o := range objections {
				if o.Entry == x.ID && o.Outcome == "" {
					e.Disputed = o.DecideBy
				}
			}
			for _, q := range requests {
				if q.Entry == x.ID && q.Outcome == "" {
					e.RepairBy = q.DecideBy
				}
			}
		}
		es = append(es, e)
	}
	return es, nil
}

// Public is what everybody may see of an institution on a day: the entries
// within their time of publication, without running scores, which would tell
// what is not published.
func (r Reader) Public(ctx context.Context, code domain.CreditCode, on domain.Date) ([]Entry, error) {
	es, err := r.Entries(ctx, code, on)
	es = slices.DeleteFunc(es, func(e Entry) bool { return !e.Public })
	for i := range es {
		es[i].Score, es[i].Grade, es[i].Suspicion = nil, "", ""
	}
	return es, err
}

// Objections lists an institution's objections, or everybody's with an empty
// code, in the order in which they were recorded.
func (r Reader) Objections(ctx context.Context, code domain.CreditCode) ([]Objection, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT objection, entry, document, filed_on, recorded_at, decide_by, extended, outcome, reply, reason, decided_on, decision_recorded
		FROM objection WHERE ?1 = '' OR institution = ?1 ORDER BY position`, string(code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []Objection
	for rs.Next() {
		var o Objection
		var id, entry, recorded, replied string
		if err := rs.Scan(&id, &entry, &o.Document, &o.FiledOn, &recorded, &o.DecideBy, &o.Extended, &o.Outcome, &o.Reply, &o.Reason, &o.DecidedOn, &replied); err != nil {
			return nil, err
		}
		if err := errors.Join(parse(id, &o.ID), parse(entry, &o.Entry), day(recorded, &o.Recorded), day(replied, &o.Replied)); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rs.Err()
}

// RepairRequests lists an institution's requests for repair, or everybody's with
// an empty code, in the order in which they were recorded.
func (r Reader) RepairRequests(ctx context.Context, code domain.CreditCode) ([]RepairRequest, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT entry, document, filed_on, recorded_at, decide_by, outcome, reply, reason, decided_on, decision_recorded
		FROM repair_request WHERE ?1 = '' OR institution = ?1 ORDER BY position`, string(code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []RepairRequest
	for rs.Next() {
		var q RepairRequest
		var entry, recorded, replied string
		if err := rs.Scan(&entry, &q.Document, &q.FiledOn, &recorded, &q.DecideBy, &q.Outcome, &q.Reply, &q.Reason, &q.DecidedOn, &replied); err != nil {
			return nil, err
		}
		if err := errors.Join(parse(entry, &q.Entry), day(recorded, &q.Recorded), day(replied, &q.Replied)); err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, rs.Err()
}

// Duties are the authority's deadlines in an institution's ledger, or in all
// with an empty code, in order of the day from which they run. They follow from
// the recorded days alone, and are for the regulator: PublicDuties are those
// that everybody may see.
func (r Reader) Duties(ctx context.Context, code domain.CreditCode) ([]credit.Duty, error) {
	ps, rows, objections, requests, err := r.ledger(ctx, code)
	if err != nil {
		return nil, err
	}
	var ds []credit.Duty
	for _, x := range rows {
		if pub := credit.Publication(x.Entry, versionOf(ps, x.Policy, credit.PolicyVersion{}), x.DecidedOn); pub.From == "" || x.Bonus {
			continue
		}
		ds = append(ds, credit.Duty{Kind: credit.ToPublish, Entry: x.ID, Since: x.DecidedOn, Due: credit.PublishBy(x.DecidedOn), Done: x.recorded})
		if x.RevokedOn != "" {
			ds = append(ds, credit.Duty{Kind: credit.ToTakeDown, Entry: x.ID, Since: x.RevokedOn, Due: credit.TakeDownBy(x.RevokedOn), Done: x.revocationRecorded})
		}
	}
	for _, o := range objections {
		ds = append(ds, credit.Duty{Kind: credit.ToMark, Entry: o.Entry, Since: o.FiledOn, Due: credit.MarkBy(o.FiledOn), Done: o.Recorded},
			credit.Duty{Kind: credit.ToDecide, Entry: o.Entry, Since: o.FiledOn, Due: o.DecideBy, Done: o.Replied})
	}
	for _, q := range requests {
		ds = append(ds, credit.Duty{Kind: credit.ToDecideRepair, Entry: q.Entry, Since: q.FiledOn, Due: q.DecideBy, Done: q.Replied})
	}
	slices.SortStableFunc(ds, func(a, b credit.Duty) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Due, b.Due), slices.Compare(a.Entry[:], b.Entry[:]), cmp.Compare(a.Kind, b.Kind))
	})
	return ds, nil
}

// PublicDuties are the duties that tell nothing of an entry that is not public
// on the day: those of entries on display, and those of entries that were on
// display and revoked, until the day on which their publication would have ended.
// What became of them is told as of the day.
func (r Reader) PublicDuties(ctx context.Context, code domain.CreditCode, on domain.Date) ([]credit.Duty, error) {
	ds, err := r.Duties(ctx, code)
	if err != nil {
		return nil, err
	}
	ps, err := r.Policies(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.entries(ctx, string(code))
	if err != nil {
		return nil, err
	}
	open := map[uuid.UUID]bool{}
	for _, x := range rows {
		e := x.Entry
		e.RevokedOn = ""
		open[x.ID] = credit.Publication(e, versionOf(ps, x.Policy, credit.PolicyVersion{}), on).Now
	}
	ds = slices.DeleteFunc(ds, func(d credit.Duty) bool { return !open[d.Entry] || on < d.Since })
	for i := range ds {
		if ds[i].Done > on {
			ds[i].Done = ""
		}
	}
	return ds, nil
}

// Revoked are the entries that were on display and revoked, with their reason:
// a penalty that is taken down is taken down with a public explanation
// (行政处罚法). They are told until the day on which their publication would have
// ended: the document that revoked it and why, not what was taken down.
func (r Reader) Revoked(ctx context.Context, code domain.CreditCode, on domain.Date) ([]Entry, error) {
	es, err := r.Entries(ctx, code, on)
	if err != nil {
		return nil, err
	}
	ps, err := r.Policies(ctx)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, e := range es {
		if e.RevokedOn == "" || e.RevokedOn > on || e.Bonus {
			continue
		}
		if until := e.DecidedOn.AddMonths(versionOf(ps, e.Policy, credit.PolicyVersion{}).Severities[e.Severity].MaxMonths); e.PublicFrom != "" && on < until {
			out = append(out, Entry{ID: e.ID, Institution: e.Institution, Revocation: e.Revocation, RevokedOn: e.RevokedOn, Reason: e.Reason})
		}
	}
	return out, nil
}

// Suspicions lists an institution's suspicions, or everybody's with an empty
// code, newest first. It is not for the public.
func (r Reader) Suspicions(ctx context.Context, code domain.CreditCode) ([]Suspicion, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, suspicion, institution, rule, fact, basis, evidence, event, recorded_at,
		notice, answer_by, answer, answered_at, outcome, reason, entry, proposed_entry, proposed_document, proposed_on, proposed_by FROM suspicion WHERE ?1 = '' OR institution = ?1 ORDER BY position DESC`, string(code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var ss []Suspicion
	for rs.Next() {
		var s Suspicion
		var at int64
		var id, event, recorded, answered string
		if err := rs.Scan(&at, &id, &s.Institution, &s.Rule, &s.Fact, &s.Basis, &s.Evidence, &event, &recorded,
			&s.Notice, &s.AnswerBy, &s.Answer, &answered, &s.Outcome, &s.Reason, &s.Entry,
			&s.Proposed.Entry, &s.Proposed.Document, &s.Proposed.DecidedOn, &s.Proposed.By); err != nil {
			return nil, err
		}
		if s.ID, err = uuid.Parse(id); err != nil {
			return nil, err
		}
		if answered != "" {
			if s.AnsweredAt, err = time.Parse(time.RFC3339Nano, answered); err != nil {
				return nil, err
			}
		}
		if s.Source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		ss = append(ss, s)
	}
	return ss, rs.Err()
}

// Institution is one institution as the register names it today.
func (r Reader) Institution(ctx context.Context, code domain.CreditCode) (Institution, error) {
	is, err := r.institutions(ctx, code)
	if err == nil && len(is) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Institution{}, err
	}
	return is[0], nil
}

func (r Reader) institutions(ctx context.Context, code domain.CreditCode) ([]Institution, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT code, name_zh, name_en, kind, division, address, fictitious FROM institution WHERE ?1 = '' OR code = ?1`, string(code))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var is []Institution
	for rs.Next() {
		var i Institution
		if err := rs.Scan(&i.Code, &i.NameZh, &i.NameEn, &i.Kind, &i.Division, &i.Address, &i.Fictitious); err != nil {
			return nil, err
		}
		is = append(is, i)
	}
	return is, rs.Err()
}

// A row is an entry as it is kept, with what only this read model needs.
type row struct {
	credit.Entry
	institution                                  domain.CreditCode
	suspicion, grade, reason, revocation         string
	score                                        *int
	source                                       projections.Source
	recorded, repairRecorded, revocationRecorded domain.Date // local days
}

// entries reads an institution's ledger, or all with an empty code.
func (r Reader) entries(ctx context.Context, code string) ([]row, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT position, entry, institution, bonus, rule, policy, points, severity, escalated, grade_ceiling, fact,
			document, decided_on, suspicion, event, recorded_at, score, grade, repaired_on, repair_recorded, revoked_on, revocation_recorded, revocation_reason, revocation_document
		FROM entry WHERE ?1 = '' OR institution = ?1 ORDER BY institution, decided_on, entry`, code)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var es []row
	for rs.Next() {
		var e row
		var at int64
		var id, event, recorded, repaired, revoked string
		var score sql.NullInt64
		if err := rs.Scan(&at, &id, &e.institution, &e.Bonus, &e.Rule, &e.Policy, &e.Points, &e.Severity, &e.Escalated, &e.GradeCeiling, &e.Fact,
			&e.Document, &e.DecidedOn, &e.suspicion, &event, &recorded, &score, &e.grade, &e.RepairedOn, &repaired, &e.RevokedOn, &revoked, &e.reason, &e.revocation); err != nil {
			return nil, err
		}
		if score.Valid {
			n := int(score.Int64)
			e.score = &n
		}
		if e.ID, err = uuid.Parse(id); err != nil {
			return nil, err
		}
		if e.source, err = projections.ParseSource(event, at, recorded); err != nil {
			return nil, err
		}
		e.recorded = domain.DateOf(e.source.Recorded)
		if err := errors.Join(day(repaired, &e.repairRecorded), day(revoked, &e.revocationRecorded)); err != nil {
			return nil, err
		}
		es = append(es, e)
	}
	return es, rs.Err()
}

func parse(text string, into *uuid.UUID) (err error) {
	*into, err = uuid.Parse(text)
	return err
}

// day is the local day of a stamp; none stays empty.
func day(text string, into *domain.Date) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	*into = domain.DateOf(t)
	return err
}

// versionOf is the policy version of that name, or what stands in for it.
func versionOf(ps []credit.PolicyVersion, name string, missing credit.PolicyVersion) credit.PolicyVersion {
	if p, ok := (credit.PolicyState{Versions: ps}).Version(name); ok {
		return p
	}
	return missing
}
