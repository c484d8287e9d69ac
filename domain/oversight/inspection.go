package oversight

import (
	"cmp"
	"slices"
	"strings"

	"shenzhong/domain"
)

// InspectionCategory is the first part of the stream name of a round of
// inspections (双随机); its id is the round's number, "2026-Q4".
const InspectionCategory = "inspection"

// InspectionEvent is a fact about one round.
type InspectionEvent interface{ inspectionEvent() }

type (
	// InspectionCommitted bound the seed of the draw before the lists were closed.
	InspectionCommitted struct {
		Commitment string `json:"commitment"`
		By         string `json:"by"`
		Count      int    `json:"count"` // institutions that will be drawn
	}
	// InspectionFrozen closed the lists of institutions and officers. It is done
	// by somebody else than who knows the seed.
	InspectionFrozen struct {
		Institutions []domain.CreditCode `json:"institutions"` // sorted
		Officers     []string            `json:"officers"`     // sorted accounts
		// Excluded says who is in neither list, or whom an officer does not inspect.
		Excluded []InspectionExclusion `json:"excluded,omitzero"`
	}
	// InspectionDrawn opened the seed and gave each institution its two officers.
	InspectionDrawn struct {
		Seed   string            `json:"seed"`
		Salt   string            `json:"salt"`
		Visits []InspectionVisit `json:"visits"`
	}
	// InspectionRecorded is the record of one visit (全过程记录).
	InspectionRecorded struct {
		Institution domain.CreditCode    `json:"institution"`
		VisitedOn   domain.Date          `json:"visited_on"`
		Officers    [2]string            `json:"officers"`
		Checklist   string               `json:"checklist"` // its version
		Findings    []InspectionFinding  `json:"findings,omitzero"`
		Evidence    []InspectionEvidence `json:"evidence"`
		PublishBy   domain.Date          `json:"publish_by"`
	}
	// InspectionPublished made the result of one visit public.
	InspectionPublished struct {
		Institution domain.CreditCode `json:"institution"`
		Document    string            `json:"document"`
		PublishedOn domain.Date       `json:"published_on"`
		// PublishedUntil is the last day on which everybody may see it; none in what
		// was published before there was such a day.
		PublishedUntil domain.Date `json:"published_until,omitzero"`
	}
	// InspectionMissed says that a result was not published in time.
	InspectionMissed struct {
		Institution domain.CreditCode `json:"institution"`
		By          domain.Date       `json:"by"`
	}
)

func (InspectionCommitted) inspectionEvent() {}
func (InspectionFrozen) inspectionEvent()    {}
func (InspectionDrawn) inspectionEvent()     {}
func (InspectionRecorded) inspectionEvent()  {}
func (InspectionPublished) inspectionEvent() {}
func (InspectionMissed) inspectionEvent()    {}

// inspectionPublishedV1 had no last day.
type inspectionPublishedV1 struct {
	Institution domain.CreditCode `json:"institution"`
	Document    string            `json:"document"`
	PublishedOn domain.Date       `json:"published_on"`
}

func (e inspectionPublishedV1) up() InspectionPublished {
	return InspectionPublished{Institution: e.Institution, Document: e.Document, PublishedOn: e.PublishedOn}
}

// An InspectionExclusion leaves an institution or an officer out of the draw, or,
// with both, keeps the officer from that institution. The reason names nobody.
type InspectionExclusion struct {
	Institution domain.CreditCode `json:"institution,omitzero"`
	Officer     string            `json:"officer,omitzero"`
	Reason      string            `json:"reason"`
}

// An InspectionVisit is an institution that was drawn, with its two officers.
type InspectionVisit struct {
	Institution domain.CreditCode `json:"institution"`
	Officers    [2]string         `json:"officers"`
}

// An InspectionFinding is one line of the checklist that was not in order.
type InspectionFinding struct {
	Line string `json:"line"`
	What string `json:"what"` // never about a person
}

// An InspectionEvidence is a photograph or a paper of the visit, by its SHA-256.
type InspectionEvidence struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// DrawInspection draws count of the institutions and two officers for each. Like
// every draw of the program it can be recomputed by anybody (domain.Draw):
//
//  1. The institutions are drawn without wishes; the first count of the order
//     are inspected.
//  2. For each of them a draw of its own is made among the officers who are not
//     kept from it, each entered as "<institution> <officer>"; the first two of
//     the order go.
//
// An institution for which two officers cannot be found is left without: then
// there is no draw at all, and ok is false.
func DrawInspection(seed string, f InspectionFrozen, count int) (visits []InspectionVisit, ok bool) {
	var entries []domain.Entry
	for _, x := range f.Institutions {
		entries = append(entries, domain.Entry{Who: string(x)})
	}
	order, _ := domain.Draw(seed, entries, nil)
	for _, of := range order[:min(count, len(order))] {
		var officers []domain.Entry
		for _, o := range f.Officers {
			if !slices.ContainsFunc(f.Excluded, func(e InspectionExclusion) bool { return e.Officer == o && string(e.Institution) == of }) {
				officers = append(officers, domain.Entry{Who: of + " " + o})
			}
		}
		team, _ := domain.Draw(seed, officers, nil)
		if len(team) < 2 {
			return nil, false
		}
		v := InspectionVisit{Institution: domain.CreditCode(of)}
		for i := range v.Officers {
			v.Officers[i] = strings.TrimPrefix(team[i], of+" ")
		}
		visits = append(visits, v)
	}
	return visits, true
}

// InspectionCommand asks one round for something.
type InspectionCommand interface {
	domain.Command
	inspectionCommand()
}

type (
	// CommitInspection binds the seed.
	CommitInspection struct {
		domain.Act
		Commitment string
		Count      int
	}
	// FreezeInspection closes the lists.
	FreezeInspection struct {
		domain.Act
		Institutions []domain.CreditCode
		Officers     []string
		Excluded     []InspectionExclusion
		// Register is the fact which institutions there are: each is in the list or
		// left out with a reason.
		Register []domain.CreditCode
	}
	// OpenInspection opens the seed.
	OpenInspection struct {
		domain.Act
		Seed, Salt string
	}
	// RecordInspection records one visit.
	RecordInspection struct {
		domain.Act
		Institution domain.CreditCode
		VisitedOn   domain.Date
		Officers    [2]string
		Checklist   string
		Findings    []InspectionFinding
		Evidence    []InspectionEvidence
		PublishDays int // parameter, working days
	}
	// PublishInspection makes a result public.
	PublishInspection struct {
		domain.Act
		Institution domain.CreditCode
		Document    string
		PublishedOn domain.Date
		Months      int // parameter: how long it stays public
	}
	// MissInspection notes that a term has passed.
	MissInspection struct {
		domain.Act
		Institution domain.CreditCode
	}
)

func (CommitInspection) inspectionCommand()  {}
func (FreezeInspection) inspectionCommand()  {}
func (OpenInspection) inspectionCommand()    {}
func (RecordInspection) inspectionCommand()  {}
func (PublishInspection) inspectionCommand() {}
func (MissInspection) inspectionCommand()    {}

// InspectionState is one round.
type InspectionState struct {
	Committed *InspectionCommitted
	Frozen    *InspectionFrozen
	Drawn     *InspectionDrawn
	Records   []InspectionRecorded
	Published []InspectionPublished
	Missed    []InspectionMissed
}

// Record finds the record of a visit.
func (s InspectionState) Record(of domain.CreditCode) (InspectionRecorded, bool) {
	for _, r := range s.Records {
		if r.Institution == of {
			return r, true
		}
	}
	return InspectionRecorded{}, false
}

// Duties are the results that are to be published, the step named by the
// institution that was visited.
func (s InspectionState) Duties() (ds []Duty) {
	for _, r := range s.Records {
		if !s.PublishedOf(r.Institution) {
			ds = append(ds, Duty{Step(r.Institution), r.PublishBy, true})
		}
	}
	return ds
}

// PublishedOf says that the result of a visit is public.
func (s InspectionState) PublishedOf(of domain.CreditCode) bool {
	return slices.ContainsFunc(s.Published, func(p InspectionPublished) bool { return p.Institution == of })
}

// Public says whether everybody may see a result on a day.
func (p InspectionPublished) Public(on domain.Date) bool {
	return p.PublishedOn <= on && (p.PublishedUntil == "" || on <= p.PublishedUntil)
}

// Recompute draws again from what the log says, and says whether it comes to
// what was published.
func (s InspectionState) Recompute() bool {
	if s.Drawn == nil || domain.Commitment(s.Drawn.Seed, s.Drawn.Salt) != s.Committed.Commitment {
		return false
	}
	visits, ok := DrawInspection(s.Drawn.Seed, *s.Frozen, s.Committed.Count)
	return ok && slices.Equal(visits, s.Drawn.Visits)
}

// Inspection decides over one round.
var Inspection = domain.Decider[InspectionState, InspectionCommand, InspectionEvent]{Decide: decideInspection, Evolve: evolveInspection}

const inspectionRules = "双随机、一公开"

// The rejections of inspections.
var (
	ErrInspectionCommitted   = domain.Reject("inspection_committed", "这一轮的种子承诺已经公布，不能改。", "The seed of this round is committed and cannot be changed.").Under("", inspectionRules)
	ErrInspectionCommitment  = domain.Reject("inspection_commitment_invalid", "请给出 64 位的种子承诺和抽取的机构数。", "Please give the commitment of 64 hex digits and how many institutions are drawn.")
	ErrInspectionUncommitted = domain.Reject("inspection_not_committed", "先公布种子承诺，再封存名单。", "The seed is committed before the lists are closed.").Under("", inspectionRules)
	ErrInspectionOnePerson   = domain.Reject("inspection_same_person", "知道种子的人不能封存名单，请另一名工作人员办理。", "Who knows the seed does not close the lists; another officer does.").Under("", inspectionRules)
	ErrInspectionFrozen      = domain.Reject("inspection_frozen", "名单已经封存，不能改。", "The lists are closed and cannot be changed.").Under("", inspectionRules)
	ErrInspectionRegister    = domain.Reject("inspection_register_differs", "登记的每家机构都要在名单里，或者写明不抽的理由：%s。", "Each registered institution is in the list or left out with a reason: %s.").Under("", inspectionRules)
	ErrInspectionLists       = domain.Reject("inspection_lists_invalid", "名单里每项只写一次，至少两名检查人员，并且不少于要抽的机构数。", "Each entry stands once, with at least two officers and as many institutions as are drawn.")
	ErrInspectionNotFrozen   = domain.Reject("inspection_not_frozen", "名单还没有封存。", "The lists are not closed.").Under("", inspectionRules)
	ErrInspectionSeed        = domain.Reject("inspection_seed_differs", "种子和盐与公布的承诺对不上。", "Seed and salt do not fit the commitment that was published.").Under("", inspectionRules)
	ErrInspectionDrawn       = domain.Reject("inspection_drawn", "已经抽过。", "The draw has taken place.")
	ErrInspectionNoTeam      = domain.Reject("inspection_no_team", "回避以后有机构凑不齐两名检查人员。", "With these exclusions some institution has no two officers.")
	ErrInspectionNotDrawn    = domain.Reject("inspection_not_drawn", "这家机构这一轮没有被抽中。", "This institution was not drawn in this round.").Under("", inspectionRules)
	ErrInspectionOfficers    = domain.Reject("inspection_officers_differ", "检查须由抽中的两名人员 %s、%s 进行。", "The visit is made by the two officers who were drawn, %s and %s.").Under("", inspectionRules)
	ErrInspectionRecorder    = domain.Reject("inspection_recorder", "检查记录由去检查的两人之一登记。", "The record is made by one of the two officers who went.").Under("", "执法全过程记录制度")
	ErrInspectionEvidence    = domain.Reject("inspection_record_incomplete", "检查记录要有检查表版本，至少一份影像或文书及其 SHA-256。", "The record of a visit has its checklist, and at least one photograph or paper with its SHA-256.").Under("", "执法全过程记录制度")
	ErrInspectionRecorded    = domain.Reject("inspection_recorded", "这次检查已经有记录。", "This visit has been recorded.")
	ErrInspectionUnrecorded  = domain.Reject("inspection_not_recorded", "还没有检查记录，不能公开结果。", "There is no record of the visit whose result could be published.")
	ErrInspectionPublished   = domain.Reject("inspection_published", "结果已经公开。", "The result is public.")
)

func decideInspection(s InspectionState, cmd InspectionCommand) ([]InspectionEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	switch c := cmd.(type) {
	case CommitInspection:
		e := InspectionCommitted{c.Commitment, c.By, c.Count}
		switch {
		case s.Committed != nil && *s.Committed == e:
			return nil, nil
		case s.Committed != nil:
			return nil, ErrInspectionCommitted
		case !domain.IsDigest(c.Commitment) || c.Count < 1:
			return nil, ErrInspectionCommitment
		}
		return []InspectionEvent{e}, nil
	case FreezeInspection:
		return s.freeze(c)
	case OpenInspection:
		switch {
		case s.Drawn != nil && s.Drawn.Seed == c.Seed && s.Drawn.Salt == c.Salt:
			return nil, nil
		case s.Drawn != nil:
			return nil, ErrInspectionDrawn
		case s.Frozen == nil:
			return nil, ErrInspectionNotFrozen
		case !domain.IsDigest(c.Seed) || !domain.IsDigest(c.Salt) || domain.Commitment(c.Seed, c.Salt) != s.Committed.Commitment:
			return nil, ErrInspectionSeed
		}
		visits, ok := DrawInspection(c.Seed, *s.Frozen, s.Committed.Count)
		if !ok {
			return nil, ErrInspectionNoTeam // freeze has made sure that this cannot be
		}
		return []InspectionEvent{InspectionDrawn{c.Seed, c.Salt, visits}}, nil
	case RecordInspection:
		return s.record(c, today)
	case PublishInspection:
		doc, err := line(c.Document, ErrDocument)
		r, recorded := s.Record(c.Institution)
		switch {
		case slices.ContainsFunc(s.Published, func(p InspectionPublished) bool {
			return p.Institution == c.Institution && p.Document == doc && p.PublishedOn == c.PublishedOn
		}):
			return nil, nil
		case !recorded:
			return nil, ErrInspectionUnrecorded
		case s.PublishedOf(c.Institution):
			return nil, ErrInspectionPublished
		case err != nil:
			return nil, err
		case !c.PublishedOn.Valid() || c.PublishedOn > today || c.PublishedOn < r.VisitedOn:
			return nil, ErrDay.With(c.PublishedOn)
		case c.Months < 1:
			return nil, ErrTerms
		}
		return []InspectionEvent{InspectionPublished{c.Institution, doc, c.PublishedOn, c.PublishedOn.AddMonths(c.Months)}}, nil
	case MissInspection:
		r, recorded := s.Record(c.Institution)
		switch {
		case slices.ContainsFunc(s.Missed, func(m InspectionMissed) bool { return m.Institution == c.Institution }):
			return nil, nil
		case !recorded || s.PublishedOf(c.Institution) || today <= r.PublishBy:
			return nil, ErrNotDue
		}
		return []InspectionEvent{InspectionMissed{c.Institution, r.PublishBy}}, nil
	}
	panic("unreachable: sealed interface")
}

func (s InspectionState) freeze(c FreezeInspection) ([]InspectionEvent, error) {
	e := InspectionFrozen{slices.Sorted(slices.Values(c.Institutions)), slices.Sorted(slices.Values(c.Officers)), slices.Clone(c.Excluded)}
	if have := s.Frozen; have != nil {
		if slices.Equal(have.Institutions, e.Institutions) && slices.Equal(have.Officers, e.Officers) && slices.Equal(have.Excluded, e.Excluded) {
			return nil, nil
		}
		return nil, ErrInspectionFrozen
	}
	switch {
	case s.Committed == nil:
		return nil, ErrInspectionUncommitted
	case c.By == s.Committed.By:
		return nil, ErrInspectionOnePerson
	}
	unique := func(n, all int) bool { return n == all }
	if !unique(len(slices.Compact(slices.Clone(e.Institutions))), len(e.Institutions)) || !unique(len(slices.Compact(slices.Clone(e.Officers))), len(e.Officers)) ||
		len(e.Officers) < 2 || len(e.Institutions) < s.Committed.Count || slices.ContainsFunc(e.Officers, func(o string) bool { return o == "" || strings.ContainsAny(o, " \n") }) {
		return nil, ErrInspectionLists
	}
	for i, x := range e.Excluded {
		var err error
		if e.Excluded[i].Reason, err = line(x.Reason, ErrReason); err != nil {
			return nil, err
		}
		if x.Institution == "" && x.Officer == "" ||
			x.Officer == "" && slices.Contains(e.Institutions, x.Institution) || x.Institution == "" && slices.Contains(e.Officers, x.Officer) {
			return nil, ErrInspectionLists // left out, and in the list
		}
	}
	left := func(of domain.CreditCode) bool {
		return slices.ContainsFunc(e.Excluded, func(x InspectionExclusion) bool { return x.Institution == of && x.Officer == "" })
	}
	for _, of := range c.Register {
		if !slices.Contains(e.Institutions, of) && !left(of) {
			return nil, ErrInspectionRegister.With(of)
		}
	}
	for _, of := range e.Institutions {
		if !slices.Contains(c.Register, of) {
			return nil, ErrInspectionRegister.With(of)
		}
		n := 0
		for _, o := range e.Officers {
			if !slices.ContainsFunc(e.Excluded, func(x InspectionExclusion) bool { return x.Institution == of && x.Officer == o }) {
				n++
			}
		}
		if n < 2 {
			return nil, ErrInspectionNoTeam
		}
	}
	return []InspectionEvent{e}, nil
}

func (s InspectionState) record(c RecordInspection, today domain.Date) ([]InspectionEvent, error) {
	if s.Drawn == nil {
		return nil, ErrInspectionNotDrawn
	}
	i := slices.IndexFunc(s.Drawn.Visits, func(v InspectionVisit) bool { return v.Institution == c.Institution })
	if i < 0 {
		return nil, ErrInspectionNotDrawn
	}
	team, came := s.Drawn.Visits[i].Officers, c.Officers
	slices.SortFunc(team[:], cmp.Compare)
	slices.SortFunc(came[:], cmp.Compare)
	e := InspectionRecorded{c.Institution, c.VisitedOn, c.Officers, c.Checklist, slices.Clone(c.Findings), slices.Clone(c.Evidence), c.VisitedOn.AddWorkingDays(c.PublishDays)}
	if have, ok := s.Record(c.Institution); ok {
		if have.VisitedOn == e.VisitedOn && have.Officers == e.Officers && have.Checklist == e.Checklist && slices.Equal(have.Findings, e.Findings) && slices.Equal(have.Evidence, e.Evidence) {
			return nil, nil
		}
		return nil, ErrInspectionRecorded
	}
	switch {
	case team != came:
		return nil, ErrInspectionOfficers.With(s.Drawn.Visits[i].Officers[0], s.Drawn.Visits[i].Officers[1])
	case !slices.Contains(team[:], c.By):
		return nil, ErrInspectionRecorder
	case !c.VisitedOn.Valid() || c.VisitedOn > today:
		return nil, ErrDay.With(c.VisitedOn)
	case c.PublishDays < 1:
		return nil, ErrTerms
	case c.Checklist == "" || len(c.Evidence) == 0:
		return nil, ErrInspectionEvidence
	}
	for i, x := range e.Findings {
		var err error
		if e.Findings[i].What, err = line(x.What, ErrReason); err != nil {
			return nil, err
		}
		if x.Line == "" {
			return nil, ErrInspectionEvidence
		}
	}
	for _, x := range e.Evidence {
		if x.Name == "" || !domain.IsDigest(x.SHA256) {
			return nil, ErrInspectionEvidence
		}
	}
	return []InspectionEvent{e}, nil
}

func evolveInspection(s InspectionState, e InspectionEvent) InspectionState {
	switch e := e.(type) {
	case InspectionCommitted:
		s.Committed = &e
	case InspectionFrozen:
		s.Frozen = &e
	case InspectionDrawn:
		s.Drawn = &e
	case InspectionRecorded:
		s.Records = append(slices.Clip(s.Records), e)
	case InspectionPublished:
		s.Published = append(slices.Clip(s.Published), e)
	case InspectionMissed:
		s.Missed = append(slices.Clip(s.Missed), e)
	}
	return s
}
