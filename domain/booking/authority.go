package booking

import (
	"slices"

	"shenzhong/domain"
)

// A Scope is one thing that a handler may do.
type Scope string

// The scopes.
const (
	Arrange     Scope = "ARRANGE"           // book, agree to quotes, change, cancel
	SignFor     Scope = "CONFIRM_CREMATION" // sign the 火化确认书
	CollectAsh  Scope = "COLLECT_ASHES"
	ChooseRest  Scope = "CHOOSE_BURIAL" // an irreversible way of burial among them
	ReceiveBack Scope = "RECEIVE_MONEY" // refunds and incentives
)

// Scopes lists every scope, in the order of menus.
var Scopes = []Scope{Arrange, SignFor, CollectAsh, ChooseRest, ReceiveBack}

// An AuthorityKind is what an authority to act rests on.
type AuthorityKind string

// The grounds of authority.
const (
	ByKinship     AuthorityKind = "KINSHIP"       // a relation that a paper proves
	ByDesignation AuthorityKind = "DESIGNATION"   // the deceased's own will
	ByLetter      AuthorityKind = "LETTER"        // the entitled relatives' letter of authority
	ByOffice      AuthorityKind = "OFFICE"        // employer, committee, police, hospital, civil affairs
	ByDecision    AuthorityKind = "COURT_OR_DEED" // a judgment or a notarial deed
)

// AuthorityKinds lists every ground, in the order of menus.
var AuthorityKinds = []AuthorityKind{ByKinship, ByDesignation, ByLetter, ByOffice, ByDecision}

// A ChallengeOutcome is how a challenge of the handler's authority ended.
type ChallengeOutcome string

// The outcomes.
const (
	Upheld    ChallengeOutcome = "UPHELD" // another handler takes over
	Dismissed ChallengeOutcome = "DISMISSED"
	TakenBack ChallengeOutcome = "WITHDRAWN"
	Settled   ChallengeOutcome = "AGREED" // the relatives agreed in writing
)

// ChallengeOutcomes lists every outcome, in the order of menus.
var ChallengeOutcomes = []ChallengeOutcome{Settled, TakenBack, Dismissed, Upheld}

// A DefaultOrder is the order of right in which relatives arrange a funeral,
// the first before the rest, where no parameter says otherwise. The person's
// own designation wins (Shanghai 2024; Dalian's rule was not found, so it is a
// parameter).
var DefaultOrder = []Relation{Designated, Spouse, Child, Parent, Sibling, OtherRelative, Employer, Committee, CivilAffairs}

type (
	// Authorised recorded on what the handler's authority rests. A later one
	// stands in for the former.
	Authorised struct {
		Person   domain.Subject         `json:"person"`
		Relation Relation               `json:"relation"`
		Kind     AuthorityKind          `json:"kind"`
		Document domain.Private[string] `json:"document,omitzero"` // its number or date
		Scope    []Scope                `json:"scope"`
		// ValidUntil is the last day; empty: until the case ends.
		ValidUntil domain.Date `json:"valid_until,omitzero"`
	}
	// Challenged recorded that a relative disputes who acts. The cremation is
	// held until it is resolved.
	Challenged struct {
		Challenge string                 `json:"challenge"`
		Person    domain.Subject         `json:"person"` // who objects
		Name      domain.Private[string] `json:"name"`
		Phone     domain.Private[string] `json:"phone"`
		Relation  Relation               `json:"relation"`
		Ground    domain.Private[string] `json:"ground,omitzero"` // in their own words
		// Prior says that the order of right puts them before the handler, under
		// the order that was in force.
		Prior bool       `json:"prior,omitzero"`
		Order []Relation `json:"order"`
	}
	// ChallengeResolved ended a challenge.
	ChallengeResolved struct {
		Challenge string           `json:"challenge"`
		Outcome   ChallengeOutcome `json:"outcome"`
		Document  string           `json:"document"` // the paper it rests on
	}
	// HandlerReplaced put another handler in charge.
	HandlerReplaced struct {
		Handler  Handler `json:"handler"`
		Document string  `json:"document"`
		// Challenge is the upheld one that it follows from, where there is one.
		Challenge string `json:"challenge,omitzero"`
	}
)

func (Authorised) caseEvent()        {}
func (Challenged) caseEvent()        {}
func (ChallengeResolved) caseEvent() {}
func (HandlerReplaced) caseEvent()   {}

type (
	// Authorise records on what the handler's authority rests.
	Authorise struct {
		domain.Act
		Kind       AuthorityKind
		Document   domain.Private[string]
		Scope      []Scope
		ValidUntil domain.Date
	}
	// Challenge disputes who acts for the deceased.
	Challenge struct {
		domain.Act
		Challenge string // id
		Person    domain.Subject
		Name      domain.Private[string]
		Phone     domain.Private[string]
		Relation  Relation
		Ground    domain.Private[string]
		Order     []Relation // fact: the order of right in force; empty: DefaultOrder
	}
	// ResolveChallenge ends a challenge with the paper it rests on.
	ResolveChallenge struct {
		domain.Act
		ChallengeResolved
	}
	// ReplaceHandler puts another handler in charge.
	ReplaceHandler struct {
		domain.Act
		HandlerReplaced
		// Begun is the fact that the cremation has begun.
		Begun bool
	}
)

func (Authorise) caseCommand()        {}
func (Challenge) caseCommand()        {}
func (ResolveChallenge) caseCommand() {}
func (ReplaceHandler) caseCommand()   {}

// A Dispute is a challenge and how it ended.
type Dispute struct {
	Challenged
	Outcome ChallengeOutcome // empty while it is open
}

// The rejections about authority.
var (
	ErrDisputed          = domain.Reject("authority_disputed", "有亲属对承办人提出不同意见，解决之前不能办理这一步。", "A relative disputes who acts; this step waits until it is resolved.")
	ErrNoAuthority       = domain.Reject("authority_missing", "承办人还没有办理的依据，请先登记委托或其他文书。", "It is not recorded on what the handler's authority rests.")
	ErrAuthorityExpired  = domain.Reject("authority_expired", "承办人的授权到 %s 为止，已经过期。", "The handler's authority ended on %s.")
	ErrScope             = domain.Reject("authority_scope", "承办人的授权不包括这一步。", "The handler's authority does not cover this step.")
	ErrAuthority         = domain.Reject("authority_invalid", "授权要写明依据的文书、范围和截止日期。", "An authority needs its paper, its scope and a last day that has not passed.")
	ErrChallenge         = domain.Reject("challenge_incomplete", "请填写您的姓名、电话和与逝者的关系。", "Please give your name, phone and relation to the deceased.")
	ErrOwnAuthority      = domain.Reject("challenge_own_authority", "承办人不能对自己提出不同意见，要换人请办理更换。", "A handler does not dispute the own authority; another may take over instead.")
	ErrChallengeExists   = domain.Reject("challenge_exists", "不同意见 %s 已经记录，内容不同。", "Challenge %s is recorded already, with other contents.")
	ErrNoChallenge       = domain.Reject("challenge_unknown", "没有编号为 %s 的不同意见。", "There is no challenge %s.")
	ErrOutcome           = domain.Reject("challenge_outcome_invalid", "请选择处理结果，并写明依据的文书。", "Please choose the outcome and name the paper that it rests on.")
	ErrChallengeResolved = domain.Reject("challenge_resolved", "不同意见 %s 已经处理完。", "Challenge %s has been resolved.")
	ErrReplacement       = domain.Reject("handler_replacement_invalid", "更换承办人要写明依据的文书；因不同意见更换的，要是已经成立的意见。", "Replacing the handler needs its paper, and where it follows a challenge, one that was upheld.")
)

func (s State) evolveAuthority(e Event) State {
	switch e := e.(type) {
	case Authorised:
		s.Authority = &e
	case Challenged:
		s.Disputes = append(slices.Clip(s.Disputes), Dispute{Challenged: e})
	case ChallengeResolved:
		s.Disputes = slices.Clone(s.Disputes)
		for i := range s.Disputes {
			if s.Disputes[i].Challenge == e.Challenge {
				s.Disputes[i].Outcome = e.Outcome
			}
		}
		s.Unseated = s.Unseated || e.Outcome == Upheld
	case HandlerReplaced:
		s.Handler, s.Authority, s.Unseated = e.Handler, nil, false
	}
	return s
}

// Disputed says that a challenge of the handler's authority is open.
func (s State) Disputed() bool {
	return slices.ContainsFunc(s.Disputes, func(d Dispute) bool { return d.Outcome == "" })
}

// May says whether the handler may do this on that day, and if not, why. Who
// has only a relation recorded may do everything; an agent needs a paper first.
func (s State) May(do Scope, on domain.Date) error {
	switch {
	case s.Disputed():
		return ErrDisputed
	case s.Unseated, s.Authority == nil && s.Handler.Relation == Agent:
		return ErrNoAuthority
	case s.Authority == nil:
		return nil
	case s.Authority.ValidUntil != "" && on > s.Authority.ValidUntil:
		return ErrAuthorityExpired.With(s.Authority.ValidUntil)
	case !slices.Contains(s.Authority.Scope, do):
		return ErrScope
	}
	return nil
}

func (a Authorised) same(b Authorised) bool {
	return a.Person == b.Person && a.Relation == b.Relation && a.Kind == b.Kind && a.Document == b.Document &&
		slices.Equal(a.Scope, b.Scope) && a.ValidUntil == b.ValidUntil
}

func (s State) authorise(c Authorise) ([]Event, error) {
	a := Authorised{Person: s.Handler.Person, Relation: s.Handler.Relation, Kind: c.Kind, Document: c.Document, ValidUntil: c.ValidUntil}
	for _, x := range Scopes {
		if slices.Contains(c.Scope, x) {
			a.Scope = append(a.Scope, x)
		}
	}
	document, has := c.Document.Get()
	office := slices.Contains([]Relation{Employer, Committee, Police, Hospital, CivilAffairs}, a.Relation)
	switch {
	case s.Authority != nil && s.Authority.same(a):
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case s.Disputed():
		return nil, ErrDisputed
	case s.Unseated:
		return nil, ErrNoAuthority
	case has && c.Document.Subject() != s.Handler.Person:
		return nil, ErrPerson
	case !slices.Contains(AuthorityKinds, c.Kind),
		c.Kind != ByKinship && blank(document),
		c.Kind == ByOffice && !office, c.Kind == ByKinship && (office || a.Relation == Agent || a.Relation == Designated),
		len(a.Scope) == 0 || slices.ContainsFunc(c.Scope, func(x Scope) bool { return !slices.Contains(Scopes, x) }),
		c.ValidUntil != "" && (!c.ValidUntil.Valid() || c.ValidUntil < domain.DateOf(c.Now)):
		return nil, ErrAuthority
	}
	return []Event{a}, nil
}

// Prior says that order puts a before b.
func Prior(order []Relation, a, b Relation) bool {
	rank := func(r Relation) int {
		if i := slices.Index(order, r); i >= 0 {
			return i
		}
		return len(order)
	}
	return rank(a) < rank(b)
}

func (s State) challenge(c Challenge) ([]Event, error) {
	e := Challenged{Challenge: c.Challenge, Person: c.Person, Name: c.Name, Phone: c.Phone, Relation: c.Relation, Ground: c.Ground, Order: slices.Clone(c.Order)}
	if len(e.Order) == 0 {
		e.Order = slices.Clone(DefaultOrder)
	}
	byDeed := s.Authority != nil && (s.Authority.Kind == ByDesignation || s.Authority.Kind == ByDecision)
	e.Prior = Prior(e.Order, c.Relation, s.Handler.Relation) && !byDeed
	for _, have := range s.Disputes {
		if have.Challenge != c.Challenge {
			continue
		}
		if have.Person == e.Person && have.Name == e.Name && have.Phone == e.Phone && have.Relation == e.Relation && have.Ground == e.Ground {
			return nil, nil
		}
		return nil, ErrChallengeExists.With(c.Challenge)
	}
	name, phone := c.Name.Or(""), c.Phone.Or("")
	switch {
	case blank(c.Challenge):
		return nil, ErrNoID
	case s.ended():
		return nil, ErrEnded
	case c.Person == s.Handler.Person:
		return nil, ErrOwnAuthority
	case c.Person == "" || c.Person == s.Deceased.Person || subject(c.Name) != c.Person || subject(c.Phone) != c.Person || subject(c.Ground) != "" && subject(c.Ground) != c.Person:
		return nil, ErrPerson
	case blank(name) || blank(phone) || !slices.Contains(Relations, c.Relation),
		slices.ContainsFunc(e.Order, func(r Relation) bool { return !slices.Contains(Relations, r) }):
		return nil, ErrChallenge
	case !validPhone(phone):
		return nil, ErrPhone
	}
	if _, err := domain.CheckText(name); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

func (s State) resolveChallenge(c ResolveChallenge) ([]Event, error) {
	i := slices.IndexFunc(s.Disputes, func(d Dispute) bool { return d.Challenge == c.Challenge })
	switch {
	case i < 0:
		return nil, ErrNoChallenge.With(c.Challenge)
	case s.Disputes[i].Outcome == c.Outcome:
		return nil, nil
	case s.Disputes[i].Outcome != "":
		return nil, ErrChallengeResolved.With(c.Challenge)
	case !slices.Contains(ChallengeOutcomes, c.Outcome) || blank(c.Document):
		return nil, ErrOutcome
	}
	return []Event{c.ChallengeResolved}, nil
}

func (s State) replaceHandler(c ReplaceHandler) ([]Event, error) {
	e := c.HandlerReplaced
	var err error
	if e.Handler, err = e.Handler.checked(); err != nil {
		return nil, err
	}
	upheld := slices.ContainsFunc(s.Disputes, func(d Dispute) bool { return d.Challenge == e.Challenge && d.Outcome == Upheld })
	switch {
	case e.Handler == s.Handler && !s.Unseated:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case s.Fixed || c.Begun:
		return nil, ErrAfterCremation
	case s.Disputed():
		return nil, ErrDisputed
	case e.Handler.Person == s.Deceased.Person:
		return nil, ErrPerson
	case s.Deceased.Unnamed == Unidentified && !e.Handler.Relation.authority():
		return nil, ErrUnclaimed
	case blank(e.Document), e.Challenge != "" && !upheld, s.Unseated && e.Handler.Person == s.Handler.Person:
		return nil, ErrReplacement
	}
	return []Event{e}, nil
}
