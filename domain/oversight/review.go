package oversight

import (
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// ReviewCategory is the first part of the stream name of a follow-up; its id is
// that of the case whose family gave the review.
const ReviewCategory = "review"

// BadLevel is the best of the two levels that count as bad: 不满意 and 非常不满意
// of five (国办发〔2019〕51号).
const BadLevel = 2

// ReviewEvent is a fact about the follow-up of one review.
type ReviewEvent interface{ reviewEvent() }

type (
	// ReviewOpened began the follow-up of a bad review under a real name.
	ReviewOpened struct {
		Case        uuid.UUID         `json:"case"`
		Institution domain.CreditCode `json:"institution"`
		Level       int               `json:"level"` // 2 dissatisfied, 1 very dissatisfied
		Rating      uuid.UUID         `json:"rating"`
		RatedOn     domain.Date       `json:"rated_on"`
		CallBy      domain.Date       `json:"call_by"`
		ResolveBy   domain.Date       `json:"resolve_by"`
	}
	// ReviewContacted is one try to speak with the family.
	ReviewContacted struct {
		Reached bool `json:"reached,omitzero"`
		// On is the day of the call.
		On domain.Date `json:"on"`
	}
	// ReviewExtended put the end off, once.
	ReviewExtended struct {
		ResolveBy domain.Date `json:"resolve_by"`
		Reason    string      `json:"reason"`
	}
	// ReviewResolved is what the institution says came of it.
	ReviewResolved struct {
		// Unable says that it could not be resolved; Note then is the reason, else
		// what was done. It names nobody.
		Unable  bool        `json:"unable,omitzero"`
		Note    string      `json:"note"`
		CheckBy domain.Date `json:"check_by"`
	}
	// ReviewChecked is the authority's own call after it (回访).
	ReviewChecked struct {
		// Sound says that the follow-up was what the institution said; else it goes
		// on until ResolveBy, and Reason says why.
		Sound     bool        `json:"sound,omitzero"`
		Reason    string      `json:"reason,omitzero"`
		ResolveBy domain.Date `json:"resolve_by,omitzero"`
		// Justified says that the review was found to be right in its matter.
		Justified bool `json:"justified,omitzero"`
	}
	// ReviewExcluded took a review that was given by mistake or in bad faith out
	// of every count.
	ReviewExcluded struct {
		Ground   ExclusionGround `json:"ground"`
		Document string          `json:"document"`
	}
	// ReviewMissed says that a term has passed.
	ReviewMissed struct {
		Step      Step        `json:"step"`
		By        domain.Date `json:"by"`
		Authority bool        `json:"authority,omitzero"`
	}
)

func (ReviewOpened) reviewEvent()    {}
func (ReviewContacted) reviewEvent() {}
func (ReviewExtended) reviewEvent()  {}
func (ReviewResolved) reviewEvent()  {}
func (ReviewChecked) reviewEvent()   {}
func (ReviewExcluded) reviewEvent()  {}
func (ReviewMissed) reviewEvent()    {}

// An ExclusionGround is why a review does not count.
type ExclusionGround string

// The grounds.
const (
	ByMistake  ExclusionGround = "MISTAKEN"  // 误评
	InBadFaith ExclusionGround = "MALICIOUS" // 恶意差评
)

// ExclusionGrounds lists them all.
var ExclusionGrounds = []ExclusionGround{ByMistake, InBadFaith}

// ReviewCommand asks the follow-up of one review for something.
type ReviewCommand interface {
	domain.Command
	reviewCommand()
}

type (
	// OpenReview begins the follow-up.
	OpenReview struct {
		domain.Act
		Case        uuid.UUID
		Institution domain.CreditCode
		Level       int
		Named       bool
		Rating      uuid.UUID // the event
		RatedOn     domain.Date
		// CallDays and ResolveDays are the parameters in force, working days.
		CallDays, ResolveDays int
	}
	// ContactReviewer notes a try to speak with the family.
	ContactReviewer struct {
		domain.Act
		Reached bool
	}
	// ExtendReview puts the end off, once.
	ExtendReview struct {
		domain.Act
		Reason string
		Days   int // parameter, working days
	}
	// ResolveReview says what came of it.
	ResolveReview struct {
		domain.Act
		Unable bool
		Note   string
		// Attempts is the parameter how many calls on different days come before
		// "unable" where nobody was reached, CheckDays that of the authority's check.
		Attempts, CheckDays int
	}
	// CheckReview is the authority's own call.
	CheckReview struct {
		domain.Act
		Sound, Justified bool
		Reason           string
		ResolveDays      int // parameter, working days
	}
	// ExcludeReview takes it out of every count.
	ExcludeReview struct {
		domain.Act
		Ground   ExclusionGround
		Document string
	}
	// MissReview notes that a term has passed.
	MissReview struct {
		domain.Act
		Step Step
	}
)

func (OpenReview) reviewCommand()      {}
func (ContactReviewer) reviewCommand() {}
func (ExtendReview) reviewCommand()    {}
func (ResolveReview) reviewCommand()   {}
func (CheckReview) reviewCommand()     {}
func (ExcludeReview) reviewCommand()   {}
func (MissReview) reviewCommand()      {}

// ReviewState is the follow-up of one review.
type ReviewState struct {
	Opened    ReviewOpened
	Contacts  []ReviewContacted
	ResolveBy domain.Date
	Extended  bool
	Resolved  *ReviewResolved // nil: not, or sent back
	Checked   *ReviewChecked  // the last
	Excluded  *ReviewExcluded
	Missed    []ReviewMissed
}

// Exists says that it was opened.
func (s ReviewState) Exists() bool { return s.Opened.Institution != "" }

// Ended says that nothing is to be done any more.
func (s ReviewState) Ended() bool {
	return s.Excluded != nil || s.Checked != nil && s.Checked.Sound
}

// Duties are the terms that run.
func (s ReviewState) Duties() (ds []Duty) {
	if !s.Exists() || s.Ended() {
		return nil
	}
	if s.Resolved != nil {
		return []Duty{{Check, s.Resolved.CheckBy, true}}
	}
	if len(s.Contacts) == 0 {
		ds = append(ds, Duty{Call, s.Opened.CallBy, false})
	}
	return append(ds, Duty{Resolve, s.ResolveBy, false})
}

// Review decides over the follow-up of one review.
var Review = domain.Decider[ReviewState, ReviewCommand, ReviewEvent]{Decide: decideReview, Evolve: evolveReview}

// The rejections of follow-ups.
var (
	ErrReviewUnknown   = domain.Reject("review_unknown", "这件业务没有需要回访的评价。", "There is no review of this case to follow up.")
	ErrReviewExists    = domain.Reject("review_open", "这件评价已经在回访。", "This review is being followed up already.")
	ErrReviewNotBad    = domain.Reject("review_not_bad", "实名的不满意、非常不满意才须回访。", "Only a review of dissatisfaction under a real name has to be followed up.").Under("", reviewRules)
	ErrReviewEnded     = domain.Reject("review_ended", "这件评价的回访已经办结。", "The follow-up of this review has ended.")
	ErrReviewResolved  = domain.Reject("review_resolved", "处理结果已经上报，等待核查。", "The result has been reported and waits for its check.")
	ErrReviewUnsolved  = domain.Reject("review_not_resolved", "机构还没有上报处理结果。", "The institution has not reported a result.")
	ErrReviewNoCall    = domain.Reject("review_not_contacted", "请先联系评价人并记录。", "Please call the family first, and record it.").Under("", reviewRules)
	ErrReviewAttempts  = domain.Reject("review_attempts_few", "没有联系上的，须在 %d 个不同的日子联系过，才能报“无法处理”。", "Where nobody was reached, calls on %d different days come before “unable”.")
	ErrReviewExtended  = domain.Reject("review_extended", "期限只能延长一次。", "The term is extended once only.")
	ErrExclusionGround = domain.Reject("review_exclusion_invalid", "请选择误评或恶意差评。", "Please choose whether it was a mistake or in bad faith.").Under("", reviewRules)
)

func decideReview(s ReviewState, cmd ReviewCommand) ([]ReviewEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	today := domain.DateOf(act.Now)
	if c, ok := cmd.(OpenReview); ok {
		return s.open(c)
	}
	if !s.Exists() {
		return nil, ErrReviewUnknown
	}
	switch c := cmd.(type) {
	case MissReview:
		d, err := missed(s.Duties(), c.Step, today)
		if err != nil {
			if slices.ContainsFunc(s.Missed, func(m ReviewMissed) bool { return m.Step == c.Step }) {
				return nil, nil
			}
			return nil, err
		}
		if slices.Contains(s.Missed, ReviewMissed(d)) {
			return nil, nil
		}
		return []ReviewEvent{ReviewMissed(d)}, nil
	case ExcludeReview:
		if s.Excluded != nil && s.Excluded.Ground == c.Ground && s.Excluded.Document == c.Document {
			return nil, nil
		}
		doc, err := line(c.Document, ErrDocument)
		switch {
		case s.Excluded != nil:
			return nil, ErrReviewEnded
		case !slices.Contains(ExclusionGrounds, c.Ground):
			return nil, ErrExclusionGround
		case err != nil:
			return nil, err
		}
		return []ReviewEvent{ReviewExcluded{c.Ground, doc}}, nil
	case ContactReviewer:
		return s.contact(c, today)
	case ExtendReview:
		reason, err := line(c.Reason, ErrReason)
		switch {
		case s.Ended():
			return nil, ErrReviewEnded
		case s.Resolved != nil:
			return nil, ErrReviewResolved
		case s.Extended:
			return nil, ErrReviewExtended
		case err != nil:
			return nil, err
		case c.Days < 1:
			return nil, ErrTerms
		}
		return []ReviewEvent{ReviewExtended{s.ResolveBy.AddWorkingDays(c.Days), reason}}, nil
	case ResolveReview:
		return s.resolve(c, today)
	case CheckReview:
		return s.check(c, today)
	}
	panic("unreachable: sealed interface")
}

func (s ReviewState) open(c OpenReview) ([]ReviewEvent, error) {
	switch {
	case s.Exists() && s.Opened.Rating == c.Rating:
		return nil, nil
	case s.Exists():
		return nil, ErrReviewExists
	case c.Level < 1 || c.Level > BadLevel || !c.Named:
		return nil, ErrReviewNotBad
	case c.Institution == "" || c.Case == uuid.Nil:
		return nil, ErrReviewUnknown
	case c.CallDays < 1 || c.ResolveDays < c.CallDays || !c.RatedOn.Valid():
		return nil, ErrTerms
	}
	return []ReviewEvent{ReviewOpened{c.Case, c.Institution, c.Level, c.Rating, c.RatedOn, c.RatedOn.AddWorkingDays(c.CallDays), c.RatedOn.AddWorkingDays(c.ResolveDays)}}, nil
}

func (s ReviewState) contact(c ContactReviewer, today domain.Date) ([]ReviewEvent, error) {
	on := today
	if !c.At.IsZero() {
		on = domain.DateOf(c.At)
	}
	e := ReviewContacted{c.Reached, on}
	switch {
	case slices.Contains(s.Contacts, e): // one call of a day counts once
		return nil, nil
	case s.Ended():
		return nil, ErrReviewEnded
	case s.Resolved != nil:
		return nil, ErrReviewResolved
	case on < s.Opened.RatedOn:
		return nil, ErrDay.With(on)
	}
	return []ReviewEvent{e}, nil
}

func (s ReviewState) resolve(c ResolveReview, today domain.Date) ([]ReviewEvent, error) {
	note, err := line(c.Note, ErrReason)
	reached, days := false, map[domain.Date]bool{}
	for _, x := range s.Contacts {
		reached, days[x.On] = reached || x.Reached, true
	}
	switch {
	case s.Resolved != nil && s.Resolved.Unable == c.Unable && s.Resolved.Note == note:
		return nil, nil
	case s.Ended():
		return nil, ErrReviewEnded
	case s.Resolved != nil:
		return nil, ErrReviewResolved
	case err != nil:
		return nil, err
	case len(s.Contacts) == 0 || !reached && !c.Unable:
		return nil, ErrReviewNoCall
	case !reached && len(days) < c.Attempts:
		return nil, ErrReviewAttempts.With(c.Attempts)
	case c.CheckDays < 1:
		return nil, ErrTerms
	}
	return []ReviewEvent{ReviewResolved{c.Unable, note, today.AddWorkingDays(c.CheckDays)}}, nil
}

func (s ReviewState) check(c CheckReview, today domain.Date) ([]ReviewEvent, error) {
	if x := s.Checked; x != nil && s.Resolved == nil && !x.Sound && !c.Sound && x.Reason == c.Reason ||
		x != nil && x.Sound && c.Sound && x.Justified == c.Justified {
		return nil, nil
	}
	switch {
	case s.Ended():
		return nil, ErrReviewEnded
	case s.Resolved == nil:
		return nil, ErrReviewUnsolved
	}
	e := ReviewChecked{Sound: c.Sound, Justified: c.Justified}
	if !c.Sound {
		var err error
		if e.Reason, err = line(c.Reason, ErrReason); err != nil {
			return nil, err
		}
		if c.ResolveDays < 1 {
			return nil, ErrTerms
		}
		e.ResolveBy, e.Justified = today.AddWorkingDays(c.ResolveDays), false
	}
	return []ReviewEvent{e}, nil
}

func evolveReview(s ReviewState, e ReviewEvent) ReviewState {
	switch e := e.(type) {
	case ReviewOpened:
		s.Opened, s.ResolveBy = e, e.ResolveBy
	case ReviewContacted:
		s.Contacts = append(slices.Clip(s.Contacts), e)
	case ReviewExtended:
		s.ResolveBy, s.Extended = e.ResolveBy, true
	case ReviewResolved:
		s.Resolved = &e
	case ReviewChecked:
		s.Checked = &e
		if !e.Sound {
			s.Resolved, s.ResolveBy = nil, e.ResolveBy
		}
	case ReviewExcluded:
		s.Excluded = &e
	case ReviewMissed:
		s.Missed = append(slices.Clip(s.Missed), e)
	}
	return s
}
