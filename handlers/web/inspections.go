package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	domainoversight "shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/oversight"
)

// Inspections and penalties: the officers' forms, and what everybody may see of
// what they came to.

// publishing names the step of the terms of a round, which stand under the
// institution whose result is due.
func publishing(ds []domainoversight.Duty) (out []domainoversight.Duty) {
	for _, d := range ds {
		out = append(out, domainoversight.Duty{Step: domainoversight.Publish, By: d.By, Authority: d.Authority})
	}
	return out
}

// inspectionProgram draws a round again from its record, with nothing of ours.
// The page shows it as it stands here.
const inspectionProgram = `import hashlib, json, sys
r = json.load(open(sys.argv[1], encoding="utf-8"))
sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
def draw(entries):
    everybody = sha("".join(e + "\n" for e in sorted(entries)))
    return sorted(entries, key=lambda e: sha(r["seed"] + everybody + e))
kept = {(x.get("institution"), x.get("officer")) for x in r.get("excluded", [])}
visits = []
for of in draw(r["institutions"])[:r["count"]]:
    team = draw([of + " " + o for o in r["officers"] if (of, o) not in kept])
    visits.append({"institution": of, "officers": [t.split(" ")[1] for t in team[:2]]})
same = [sha(r["seed"] + r["salt"]) == r["commitment"], visits == r["visits"]]
print("commitment, institutions and officers:", same)
`

// An inspectionPage is a round: what was bound, what was closed, what was drawn
// and how anybody draws it again.
type inspectionPage struct {
	handlers.InspectionRecord
	Drawn   bool
	File    string // address of the record for programs
	Visits  []visitLine
	Program string
	AsOf    AsOf // of the results
}

// A visitLine is an institution that was drawn.
type visitLine struct {
	domainoversight.InspectionVisit
	Name   Text
	On     domain.Date // of the visit; empty where the page does not say
	Found  []domainoversight.InspectionFinding
	Result oversight.Result // that is public
}

// inspectionPageOf is what everybody may see of a round. Its results are those
// that are public on the day.
func inspectionPageOf(rec handlers.InspectionRecord, name func(domain.CreditCode) (Text, error), results []oversight.Result, on domain.Date) (*inspectionPage, error) {
	p := &inspectionPage{InspectionRecord: rec, Drawn: rec.Seed != "", File: "/api/v1/inspections/" + rec.Inspection, Program: inspectionProgram}
	for _, x := range rec.Visits {
		n, err := name(x.Institution)
		if err != nil {
			return nil, err
		}
		l := visitLine{InspectionVisit: x, Name: n}
		for _, r := range results {
			if r.ID == rec.Inspection && r.Institution == x.Institution && r.Public(on) {
				l.Result = r
			}
		}
		p.Visits = append(p.Visits, l)
	}
	return p, nil
}

// inspectionPage is a round in front of an officer, who sees what was recorded
// before it is public.
func (d *Desk) inspectionPage(m *matter) (*inspectionPage, error) {
	rec, err := d.app.Inspection(m.ctx(), m.key)
	if err != nil {
		return nil, err
	}
	results, _, err := d.data.Results(m.ctx(), domainoversight.InspectionCategory, "")
	if err != nil {
		return nil, err
	}
	p, err := inspectionPageOf(rec, naming(m.ctx(), d.app), results, domain.DateOf(d.app.Now()))
	if err != nil {
		return nil, err
	}
	for i, x := range p.Visits {
		if r, ok := m.inspection.Record(x.Institution); ok {
			p.Visits[i].On, p.Visits[i].Found = r.VisitedOn, r.Findings
		}
	}
	return p, nil
}

// naming finds the name of a body; its code where there is none.
func naming(ctx context.Context, app *handlers.App) func(domain.CreditCode) (Text, error) {
	return func(of domain.CreditCode) (Text, error) {
		x, err := app.Overseen(ctx, of)
		if err != nil && !errors.Is(err, handlers.ErrNotFound) {
			return Text{}, err
		}
		return Text{cmp.Or(x.NameZh, string(of)), x.NameEn}, nil
	}
}

// The rejections of forms with one entry a line.
var (
	errExclusion = domain.Reject("exclusion_line", "每行写：机构代码 检查人员 理由；没有的一项写 -。", "Each line: credit code, officer, reason; - for what there is none of.")
	errFinding   = domain.Reject("finding_line", "每行写：检查项编号 发现的问题。", "Each line: number of the line of the checklist, what was found.")
	errEvidence  = domain.Reject("evidence_line", "每行写：名称 SHA-256。", "Each line: name, SHA-256.")
)

// lines are what was typed, one entry a line.
func lines(s string) (ls []string) {
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			ls = append(ls, l)
		}
	}
	return ls
}

// inspectionActs are what may be done with a round, in the order in which it goes.
func (d *Desk) inspectionActs(m *matter) []watchAct {
	s := m.inspection
	act := func(name string, op handlers.Operation, ask func(domain.Act) error, cmd func(domain.Act, *form) domainoversight.InspectionCommand, prepare func([]field) error, fields ...field) watchAct {
		return watchAct{name, op, fields, func(_ *matter, a domain.Act) error { return ask(a) }, func(m *matter, a domain.Act, f form) (events.Receipt, error) {
			c := cmd(a, &f)
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return d.app.Inspect(m.ctx(), m.key, nil, c)
		}, prepare}
	}
	if m.key == "new" {
		a := act("commit", "commit_inspection", func(domain.Act) error { return nil }, func(a domain.Act, f *form) domainoversight.InspectionCommand {
			m.key = f.value("round")
			return domainoversight.CommitInspection{Act: a, Commitment: f.value("commitment"), Count: f.number("count")}
		}, nil, field{Name: "round", Kind: "text", Max: 40, Hint: "round"}, field{Name: "commitment", Kind: "text", Max: 64, Hint: "commitment"}, field{Name: "count", Kind: "number"})
		return []watchAct{a}
	}
	today := string(domain.DateOf(d.app.Now()))
	// waiting are the institutions of the draw for which a step is open.
	waiting := func(open func(domainoversight.InspectionVisit) bool) (of []domain.CreditCode) {
		if s.Drawn != nil {
			for _, x := range s.Drawn.Visits {
				if open(x) {
					of = append(of, x.Institution)
				}
			}
		}
		return of
	}
	toRecord := waiting(func(x domainoversight.InspectionVisit) bool {
		_, done := s.Record(x.Institution)
		return !done && slices.Contains(x.Officers[:], m.actor.ID)
	})
	toPublish := waiting(func(x domainoversight.InspectionVisit) bool {
		_, done := s.Record(x.Institution)
		return done && !s.PublishedOf(x.Institution)
	})
	choose := func(of []domain.CreditCode) func([]field) error {
		return func(fields []field) error {
			for _, x := range of {
				n, err := naming(m.ctx(), d.app)(x)
				if err != nil {
					return err
				}
				fields[0].Options = append(fields[0].Options, option{string(x), m.in(n)})
			}
			if len(of) == 1 {
				fields[0].Value = string(of[0])
			}
			return nil
		}
	}
	when := func(b bool) func(domain.Act) error {
		return func(domain.Act) error { return only(b, func() error { return nil }) }
	}
	institution := field{Name: "institution", Kind: "select"}
	return []watchAct{
		act("freeze", "freeze_inspection", when(s.Committed != nil && s.Frozen == nil && s.Committed.By != m.actor.ID), func(a domain.Act, f *form) domainoversight.InspectionCommand {
			c := domainoversight.FreezeInspection{Act: a, Officers: lines(f.Get("officers"))}
			for _, x := range lines(f.Get("institutions")) {
				code, _, _ := strings.Cut(x, " ")
				c.Institutions = append(c.Institutions, domain.CreditCode(code))
			}
			for _, x := range lines(f.Get("excluded")) {
				parts := strings.SplitN(x, " ", 3)
				if len(parts) < 3 {
					f.fail("excluded", errExclusion)
					continue
				}
				for i, s := range parts[:2] {
					if s == "-" {
						parts[i] = ""
					}
				}
				c.Excluded = append(c.Excluded, domainoversight.InspectionExclusion{Institution: domain.CreditCode(parts[0]), Officer: parts[1], Reason: parts[2]})
			}
			return c
		}, func(fields []field) error {
			all, _, err := d.data.Standings(m.ctx(), domain.DateOf(d.app.Now()), "")
			var ls []string
			for _, x := range all {
				ls = append(ls, string(x.Code)+" "+m.in(Text{x.NameZh, x.NameEn}))
			}
			fields[0].Value = strings.Join(ls, "\n")
			return err
		}, field{Name: "institutions", Kind: "area", Hint: "register"}, field{Name: "officers", Kind: "area", Hint: "officers"}, field{Name: "excluded", Kind: "area", Optional: true, Hint: "excluded"}),
		act("draw", "open_inspection", when(s.Frozen != nil && s.Drawn == nil), func(a domain.Act, f *form) domainoversight.InspectionCommand {
			return domainoversight.OpenInspection{Act: a, Seed: f.value("seed"), Salt: f.value("salt")}
		}, nil, field{Name: "seed", Kind: "text", Max: 64}, field{Name: "salt", Kind: "text", Max: 64}),
		act("record", "record_inspection", when(len(toRecord) > 0), func(a domain.Act, f *form) domainoversight.InspectionCommand {
			c := domainoversight.RecordInspection{Act: a, Institution: domain.CreditCode(f.value("institution")), VisitedOn: f.date("visited_on"), Checklist: f.value("checklist")}
			if s.Drawn != nil {
				for _, x := range s.Drawn.Visits {
					if x.Institution == c.Institution {
						c.Officers = x.Officers
					}
				}
			}
			for _, x := range lines(f.Get("findings")) {
				line, what, ok := strings.Cut(x, " ")
				if !ok {
					f.fail("findings", errFinding)
				}
				c.Findings = append(c.Findings, domainoversight.InspectionFinding{Line: line, What: what})
			}
			for _, x := range lines(f.Get("evidence")) {
				i := strings.LastIndex(x, " ")
				if i < 0 || !domain.IsDigest(x[i+1:]) {
					f.fail("evidence", errEvidence)
					continue
				}
				c.Evidence = append(c.Evidence, domainoversight.InspectionEvidence{Name: strings.TrimSpace(x[:i]), SHA256: x[i+1:]})
			}
			return c
		}, choose(toRecord), institution, field{Name: "visited_on", Kind: "date", Value: today}, field{Name: "checklist", Kind: "text", Max: 40},
			field{Name: "findings", Kind: "area", Optional: true, Hint: "findings"}, field{Name: "evidence", Kind: "area", Hint: "evidence"}),
		act("publish", "publish_inspection", when(len(toPublish) > 0), func(a domain.Act, f *form) domainoversight.InspectionCommand {
			return domainoversight.PublishInspection{Act: a, Institution: domain.CreditCode(f.value("institution")), Document: f.value("document"), PublishedOn: f.date("published_on")}
		}, choose(toPublish), institution, field{Name: "document", Kind: "text"}, field{Name: "published_on", Kind: "date", Value: today}),
	}
}

// penaltyActs are what may be done with a penalty, in the order in which it goes.
func (d *Desk) penaltyActs(m *matter) []watchAct {
	act := func(name string, op handlers.Operation, cmd func(domain.Act, *form) domainoversight.PenaltyCommand, fields ...field) watchAct {
		return watchAct{name, op, fields, func(m *matter, a domain.Act) error {
			return would(domainoversight.Penalty, m.penalty, cmd(a, &form{Values: map[string][]string{}}))
		}, func(m *matter, a domain.Act, f form) (events.Receipt, error) {
			c := cmd(a, &f)
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return d.app.Penalise(m.ctx(), m.id, nil, c)
		}, nil}
	}
	today := domain.DateOf(d.app.Now())
	// day is the day of a form, today for a candidate.
	day := func(f *form, name string) domain.Date {
		if !f.Has("token") {
			return today
		}
		return f.date(name)
	}
	on := func(name string) field { return field{Name: name, Kind: "date", Value: string(today)} }
	document := field{Name: "document", Kind: "text", Max: 200}
	if m.key == "new" {
		propose := act("propose", "propose_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			m.id = uuid.NewSHA1(a.ID, []byte("penalty"))
			m.key = m.id.String()
			return domainoversight.ProposePenalty{Act: a, PenaltyProposed: domainoversight.PenaltyProposed{Institution: domain.CreditCode(f.value("institution")), Severity: domainoversight.PenaltySeverity(f.value("severity")),
				Kind: f.value("kind"), Amount: f.money("amount"), Fact: f.value("fact"), Basis: f.value("basis"), Officers: [2]string{a.By, f.value("second")}}}
		}, field{Name: "institution", Kind: "select"}, field{Name: "severity", Kind: "radio", Options: choices(m.visit, "severity", domainoversight.PenaltySeverities)}, field{Name: "kind", Kind: "text", Max: 60, Hint: "penalty_kind"},
			field{Name: "amount", Kind: "money", Optional: true}, field{Name: "fact", Kind: "text", Max: 300, Hint: "no_names"}, field{Name: "basis", Kind: "text", Max: 300, Hint: "basis"}, field{Name: "second", Kind: "text", Max: 40, Hint: "second"})
		propose.ask = func(*matter, domain.Act) error { return nil }
		propose.prepare = func(fields []field) error {
			all, _, err := d.data.Standings(m.ctx(), today, "")
			for _, x := range all {
				fields[0].Options = append(fields[0].Options, option{string(x.Code), m.in(Text{x.NameZh, x.NameEn})})
			}
			return err
		}
		return []watchAct{propose}
	}
	return []watchAct{
		act("notify", "notify_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.NotifyPenalty{Act: a, Document: thought(*f, "document"), HearDays: 1}
		}, document),
		act("hear", "hear_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.HearPenalty{Act: a, Document: thought(*f, "document"), Hearing: f.on("hearing")}
		}, document, field{Name: "hearing", Kind: "check"}),
		act("legal", "review_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.ReviewPenalty{Act: a, Approved: f.value("approved") == "yes", Opinion: thought(*f, "opinion")}
		}, field{Name: "approved", Kind: "radio", Options: choices(m.visit, "approved", []string{"yes", "no"})}, field{Name: "opinion", Kind: "text", Max: 300, Hint: "no_names"}),
		act("penalise", "decide_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.DecidePenalty{Act: a, Document: thought(*f, "document"), DecidedOn: day(f, "decided_on"), PublishDays: 1}
		}, document, on("decided_on")),
		act("serve", "serve_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.ServePenalty{Act: a, ServedOn: day(f, "served_on")}
		}, on("served_on")),
		act("repair", "repair_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.RepairPenalty{Act: a, Document: thought(*f, "document"), RepairedOn: day(f, "repaired_on")}
		}, document, on("repaired_on")),
		act("revoke", "revoke_penalty", func(a domain.Act, f *form) domainoversight.PenaltyCommand {
			return domainoversight.RevokePenalty{Act: a, Document: thought(*f, "document"), Reason: thought(*f, "reason"), RevokedOn: day(f, "revoked_on")}
		}, document, field{Name: "reason", Kind: "text", Max: 300}, on("revoked_on")),
	}
}

// tellPenalty says what is on record of a penalty.
func (m *matter) tellPenalty(tell func(key, value string), today domain.Date) {
	s := m.penalty
	p := s.Proposed
	tell("severity", m.label("severity", p.Severity))
	tell("kind", p.Kind)
	if p.Amount > 0 {
		tell("amount", p.Amount.String())
	}
	tell("fact", p.Fact)
	tell("basis", p.Basis)
	tell("officers", p.Officers[0]+"、"+p.Officers[1])
	if x := s.Notified; x != nil {
		tell("notified", x.Document)
		tell("hear_by", string(x.HearBy))
	}
	if x := s.Heard; x != nil {
		tell("heard", x.Document+" "+m.label("hearing", x.Hearing))
	}
	if x := s.Reviewed; x != nil {
		tell("legal", m.label("approved", map[bool]string{true: "yes", false: "no"}[x.Approved])+" "+x.Reviewer+" "+x.Opinion)
	}
	if x := s.Decided; x != nil {
		tell("decided", x.Document+" "+string(x.DecidedOn))
	}
	if x := s.Served; x != nil {
		tell("served", string(x.ServedOn))
	}
	if s.Decided != nil {
		until := s.Decided.PublishedUntil
		switch {
		case until == "":
			tell("publication", m.label("publication", "none"))
		case s.Served == nil:
			tell("publication", m.label("publication", "ahead"))
		case s.Public(today):
			tell("publication", m.label("publication", "now")+" "+string(until))
		default:
			tell("publication", m.label("publication", "over"))
		}
	}
	if x := s.Repaired; x != nil {
		tell("repaired", x.Document+" "+string(x.RepairedOn))
	}
	if x := s.Revoked; x != nil {
		tell("revoked", x.Document+" "+string(x.RevokedOn)+" "+x.Reason)
	}
}

// A resultsPage is what everybody may see today of inspections and penalties.
type resultsPage struct {
	Inspections, Penalties, Withdrawn []resultLine
	AsOf                              AsOf
}

// A resultLine is one result with its institution.
type resultLine struct {
	oversight.Result
	Name Text
	// Found are the findings of a visit, one a line.
	Found []string
	// City says that the line stands in the list of all institutions.
	City bool
}

// publicResults sorts what may be seen on a day.
func publicResults(xs []oversight.Result, on domain.Date) (p resultsPage) {
	for _, x := range xs {
		l := resultLine{Result: x}
		switch {
		case x.Public(on) && x.Kind == domainoversight.InspectionCategory:
			l.Found = lines(x.Fact)
			p.Inspections = append(p.Inspections, l)
		case x.Public(on):
			p.Penalties = append(p.Penalties, l)
		case x.Withdrawn(on):
			p.Withdrawn = append(p.Withdrawn, l)
		}
	}
	return p
}

// A ratings is what families said of an institution in the twelve months that
// ended last, by level; what is too small to publish is left out.
type ratings struct {
	From, Until domain.Date
	Whole       int
	Few         bool // so few that no level is told
	Levels      []ratingLevel
}

type ratingLevel struct {
	Level, Count int
	Few          bool
}

// ratingsOf counts whole months, so that one rating more is not seen to come in.
func ratingsOf(today domain.Date, count func(from, until domain.Date) ([5]int, error)) (r ratings, err error) {
	month := domain.Date(string(today)[:7] + "-01")
	r.From, r.Until = month.AddMonths(-12), month.AddDays(-1)
	levels, err := count(r.From, r.Until)
	if err != nil {
		return r, err
	}
	hide := tooFew(levels[:])
	for i, n := range levels {
		r.Whole += n
		r.Levels = append(r.Levels, ratingLevel{5 - i, n, hide[i]})
	}
	r.Few = few(r.Whole)
	return r, nil
}

// results is GET /oversight.
func (f *Families) results(v *asked) error {
	xs, asOf, err := f.data.Results(v.ctx(), "", "")
	if err != nil {
		return err
	}
	p := publicResults(xs, domain.DateOf(v.now))
	p.AsOf, v.asOf = asOf, &asOf
	name := naming(v.ctx(), f.app)
	for _, ls := range [][]resultLine{p.Inspections, p.Penalties, p.Withdrawn} {
		for i := range ls {
			ls[i].City = true
			if ls[i].Name, err = name(ls[i].Institution); err != nil {
				return err
			}
		}
	}
	return f.answer(v, http.StatusOK, "results", "/credit", p)
}

// inspectionRound is GET /oversight/{round}: a draw as everybody may see it.
func (f *Families) inspectionRound(v *asked) error {
	rec, err := f.app.Inspection(v.ctx(), chi.URLParam(v.r, "round"))
	if err != nil {
		return err
	}
	results, asOf, err := f.data.Results(v.ctx(), domainoversight.InspectionCategory, "")
	if err != nil {
		return err
	}
	v.asOf = &asOf
	p, err := inspectionPageOf(rec, naming(v.ctx(), f.app), results, domain.DateOf(v.now))
	if err != nil {
		return err
	}
	p.AsOf = asOf
	return f.answer(v, http.StatusOK, "inspection", "/credit", p)
}
