package cemetery

import (
	"slices"
	"strings"

	"shenzhong/domain"
)

// RelocationCategory names the streams of relocations; a stream's id is a
// random number.
const RelocationCategory = "relocation"

// A Cause is why somebody is moved.
type Cause string

// The causes.
const (
	FamilyWish Cause = "FAMILY"
	ForWorks   Cause = "WORKS"  // land that is needed; asks for a public notice
	AfterLapse Cause = "LAPSED" // a right that has lapsed
	BySafety   Cause = "SAFETY" // a place that slides or floods
)

// Causes lists every cause.
var Causes = []Cause{FamilyWish, ForWorks, AfterLapse, BySafety}

// A DestinationKind is where somebody is moved to.
type DestinationKind string

// The kinds of destination.
const (
	ToPlot    DestinationKind = "PLOT"    // another place on record
	ToDeposit DestinationKind = "DEPOSIT" // kept for a term
	ToEco     DestinationKind = "ECO"     // an eco-burial
	ToAway    DestinationKind = "AWAY"    // outside the city
)

// DestinationKinds lists every kind.
var DestinationKinds = []DestinationKind{ToPlot, ToDeposit, ToEco, ToAway}

// A Destination is where somebody is moved to, and who takes the ashes there.
type Destination struct {
	Kind DestinationKind `json:"kind"`
	// Place is "<cemetery>.<plot>", "eco.<application>", or the number of the
	// deposit or of the paper of the place outside.
	Place string    `json:"place"`
	Taker Custodian `json:"taker"`
}

// sound says that the destination is one, with one taker.
func (d Destination) sound() bool {
	return slices.Contains(DestinationKinds, d.Kind) && strings.TrimSpace(d.Place) != "" && d.Taker.One()
}

// A RelocationEvent is what happens to one relocation.
type RelocationEvent interface{ relocationEvent() }

type (
	// RelocationRequested asks for it.
	RelocationRequested struct {
		Cemetery domain.CreditCode `json:"cemetery"`
		Plot     string            `json:"plot"`
		Right    string            `json:"right"`
		Persons  []domain.Subject  `json:"persons"`
		Cause    Cause             `json:"cause"`
		// Holder asked, with a signed Paper; without one Paper is the decision.
		Holder domain.Subject `json:"holder,omitzero"`
		Paper  string         `json:"paper"`
		To     Destination    `json:"to"`
		By     string         `json:"by"` // the account that recorded the request
	}
	// RelocationNoticed is the public notice before graves are moved for works:
	// From when it is out, by its own date, and Until when it runs. The days count
	// from the day of the record.
	RelocationNoticed struct {
		Document string      `json:"document"`
		From     domain.Date `json:"from"`
		Until    domain.Date `json:"until"`
	}
	// RelocationPermitted opens the window in which it may be done.
	RelocationPermitted struct {
		Permit    string      `json:"permit"` // 迁葬证明
		Authority string      `json:"authority"`
		From      domain.Date `json:"from"`
		Until     domain.Date `json:"until"`
	}
	// RelocationLifted takes one person out, re-tagged and sealed by two, into the
	// hands of a carrier.
	RelocationLifted struct {
		Person   domain.Subject `json:"person"`
		Label    string         `json:"label"` // the new one
		OldLabel string         `json:"old_label,omitzero"`
		SealedBy [2]string      `json:"sealed_by"`
		Carrier  Custodian      `json:"carrier"`
		Receipt  string         `json:"receipt"` // what both signed
		LiftedOn domain.Date    `json:"lifted_on,omitzero"`
	}
	// RelocationRedirectAsked asks that those who have not arrived go somewhere
	// else. It changes nothing until another account asks for the same.
	RelocationRedirectAsked struct {
		To    Destination `json:"to"`
		Paper string      `json:"paper"`
		By    string      `json:"by"`
	}
	// RelocationRedirected changes where those go who have not arrived.
	RelocationRedirected struct {
		To    Destination `json:"to"`
		Paper string      `json:"paper"`
	}
	// RelocationArrived ends one person's way.
	RelocationArrived struct {
		Person  domain.Subject `json:"person"`
		Label   string         `json:"label"` // as scanned
		To      Destination    `json:"to"`
		Receipt string         `json:"receipt"` // what both signed
		Last    bool           `json:"last,omitzero"`
	}
	// RelocationCancelled ends it before anybody was lifted.
	RelocationCancelled struct {
		Reason string `json:"reason"` // never about a person
	}
)

func (RelocationRequested) relocationEvent()     {}
func (RelocationNoticed) relocationEvent()       {}
func (RelocationPermitted) relocationEvent()     {}
func (RelocationLifted) relocationEvent()        {}
func (RelocationRedirectAsked) relocationEvent() {}
func (RelocationRedirected) relocationEvent()    {}
func (RelocationArrived) relocationEvent()       {}
func (RelocationCancelled) relocationEvent()     {}

// A RelocationCommand asks something of one relocation.
type RelocationCommand interface {
	domain.Command
	relocationCommand()
}

type (
	// RequestRelocation asks for it.
	RequestRelocation struct {
		domain.Act
		Cemetery domain.CreditCode
		Plot     string
		Persons  []domain.Subject
		Cause    Cause
		Holder   domain.Subject // empty: by decision
		Paper    string
		To       Destination
		// Resting is the fact who rests in the plot, Standing what the right's own
		// stream says.
		Resting  []domain.Subject
		Standing Standing
	}
	// NoticeRelocation records the public notice.
	NoticeRelocation struct {
		domain.Act
		Document string
		From     domain.Date
		Rules    Rules
	}
	// PermitRelocation opens the window. It is another account's than the
	// request's.
	PermitRelocation struct {
		domain.Act
		Permit, Authority string
		From, Until       domain.Date
	}
	// Lift takes one person out.
	Lift struct {
		domain.Act
		Person   domain.Subject
		Label    string
		OldLabel string
		SealedBy [2]string
		Carrier  Custodian
		Receipt  string
		// Ready is the fact that the destination is: a place given to this person,
		// an application that was accepted. Always true of a place elsewhere.
		Ready bool
	}
	// Redirect changes where those go who have not arrived. Ashes that are on
	// their way go nowhere by one account's word: the first asks, and another that
	// names the same place and paper agrees.
	Redirect struct {
		domain.Act
		To    Destination
		Paper string
	}
	// Arrive ends one person's way.
	Arrive struct {
		domain.Act
		Person  domain.Subject
		Label   string // as scanned
		Receipt string
		// Ready is the fact that the destination still is, as in Lift: it may have
		// changed on the way.
		Ready bool
	}
	// CancelRelocation ends it before anybody was lifted.
	CancelRelocation struct {
		domain.Act
		Reason string
	}
)

func (RequestRelocation) relocationCommand() {}
func (NoticeRelocation) relocationCommand()  {}
func (PermitRelocation) relocationCommand()  {}
func (Lift) relocationCommand()              {}
func (Redirect) relocationCommand()          {}
func (Arrive) relocationCommand()            {}
func (CancelRelocation) relocationCommand()  {}

// RelocationState is a relocation as it stands.
type RelocationState struct {
	Requested *RelocationRequested
	Noticed   RelocationNoticed
	Permitted RelocationPermitted
	To        Destination
	Redirect  RelocationRedirectAsked // zero By: nobody asked
	Lifted    []RelocationLifted
	Arrived   []RelocationArrived
	Cancelled bool
}

// Lift finds what was recorded when a person was lifted.
func (s RelocationState) Lift(person domain.Subject) (RelocationLifted, bool) {
	i := slices.IndexFunc(s.Lifted, func(l RelocationLifted) bool { return l.Person == person })
	if i < 0 {
		return RelocationLifted{}, false
	}
	return s.Lifted[i], true
}

// OnTheWay says that the person was lifted and has not arrived.
func (s RelocationState) OnTheWay(person domain.Subject) bool {
	_, lifted := s.Lift(person)
	return lifted && !slices.ContainsFunc(s.Arrived, func(a RelocationArrived) bool { return a.Person == person })
}

// Moves says that the relocation is permitted and takes this person from a
// place: the ground for a place elsewhere (E-1).
func (s RelocationState) Moves(person domain.Subject) bool {
	return s.Requested != nil && !s.Cancelled && s.Permitted.Permit != "" && slices.Contains(s.Requested.Persons, person)
}

// Status is the one word for the relocation.
func (s RelocationState) Status() string {
	switch {
	case s.Requested == nil:
		return ""
	case s.Cancelled:
		return "cancelled"
	case len(s.Arrived) == len(s.Requested.Persons):
		return "arrived"
	case len(s.Lifted) > 0:
		return "lifted"
	case s.Permitted.Permit != "":
		return "permitted"
	}
	return "requested"
}

// Relocation decides over one relocation.
var Relocation = domain.Decider[RelocationState, RelocationCommand, RelocationEvent]{Decide: decideRelocation, Evolve: evolveRelocation}

var (
	// ErrNoRelocation refuses an act of a relocation that nobody asked for.
	ErrNoRelocation = domain.Reject("relocation_unknown", "没有登记过这件迁葬。", "This relocation is not on record.")
	// ErrRelocationOther refuses to ask for it a second time, otherwise.
	ErrRelocationOther = domain.Reject("relocation_exists", "这件迁葬已经登记，内容不同。", "This relocation is on record already, with other contents.")
	// ErrRelocationEnded refuses an act of a relocation that was cancelled.
	ErrRelocationEnded = domain.Reject("relocation_ended", "这件迁葬已经取消。", "This relocation was cancelled.")
	// ErrRelocationAsk refuses a request without people, cause, paper or
	// destination.
	ErrRelocationAsk = domain.Reject("relocation_incomplete", "请写明迁哪几位、原因、文书编号和去处，每位一次。", "Who is moved, each once, why, the paper's number and where to are needed.").Under("E-1", "")
	// ErrRelocationHolder refuses a family's request that is not the holder's.
	ErrRelocationHolder = domain.Reject("relocation_holder", "家属迁葬须由健在的使用权人申请。", "A family's relocation is asked for by the living holder of the right.").Under("E-4", "")
	// ErrRelocationLapsed refuses the cause of a lapse where there was none.
	ErrRelocationLapsed = domain.Reject("relocation_not_lapsed", "使用权没有收回，不能以此为由迁出。", "The right has not lapsed; that is no cause to move anybody.").Under("E-7", "")
	// ErrRelocationNotice refuses a notice without document, or graves moved for
	// works before the notice has run out.
	ErrRelocationNotice = domain.Reject("relocation_notice", "因建设迁葬须先公告，写明公告编号，期满后才能办理。", "For works there is a public notice first; the permit follows when it has run out.").Under("E-1", "")
	// ErrPermit refuses a permit without number, authority or window, or from who
	// asked for it.
	ErrPermit = domain.Reject("relocation_permit", "准迁须写明证明编号、机关和起止日期，并由申请登记人以外的帐号办理。", "A permit has a number, an authority and a window, and is recorded on another account than the request.").Under("E-1", "")
	// ErrNotPermitted refuses to lift anybody without a permit.
	ErrNotPermitted = domain.Reject("relocation_not_permitted", "还没有准迁证明。", "There is no permit yet.").Under("E-1", "")
	// ErrWindow refuses to lift anybody outside the window.
	ErrWindow = domain.Reject("relocation_window", "准迁的日期是 %s 到 %s。", "The permit is for %s to %s.").Under("E-1", "")
	// ErrNotMoved refuses to lift somebody whom the relocation is not about.
	ErrNotMoved = domain.Reject("relocation_person", "这件迁葬不涉及这位逝者，或已经起出。", "This relocation is not about this person, or they were lifted already.").Under("I11", "")
	// ErrRetag refuses to lift without a new label and two people's seal.
	ErrRetag = domain.Reject("relocation_retag", "起出须换新标签，由两人共同封签，并写明接手人和交接单。", "Who is lifted gets a new label, sealed by two, and goes to one carrier against a receipt.").Under("I10", "")
	// ErrNotReady refuses to lift before the destination is, or to arrive where the
	// person has no place.
	ErrNotReady = domain.Reject("relocation_destination", "去处还没有安排好，不能起出，也不能安放。", "The destination is not ready; nobody is lifted before, and nobody arrives there.").Under("I11", "")
	// ErrNotOnTheWay refuses an arrival of somebody who is not on the way.
	ErrNotOnTheWay = domain.Reject("relocation_not_on_the_way", "这位逝者不在迁移途中。", "This person is not on the way.").Under("I11", "")
	// ErrArrivalLabel refuses an arrival with another label, or without receipt.
	ErrArrivalLabel = domain.Reject("relocation_label", "标签与起出时的不符，或没有双方签字的交接单，请停下核对。", "The label is not the one given when lifted, or the signed receipt is missing; please stop and check.").Under("I10", "")
	// ErrRedirectSelf refuses to agree to one's own change of destination.
	ErrRedirectSelf = domain.Reject("relocation_redirect_second_account", "改变去处须由提出人以外的另一帐号，按同一去处和文书再登记一次。",
		"A change of destination takes effect when another account records the same place and paper.").Under("I11", "")
	// ErrCancelLifted refuses to cancel what has begun.
	ErrCancelLifted = domain.Reject("relocation_lifted", "已经起出，不能取消；可以改变去处。", "Somebody was lifted; it cannot be cancelled, but redirected.").Under("I11", "")
)

func decideRelocation(s RelocationState, cmd RelocationCommand) ([]RelocationEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(RequestRelocation); ok {
		return s.request(c)
	}
	switch {
	case s.Requested == nil:
		return nil, ErrNoRelocation
	case byClock(act.By):
		return nil, ErrByClock
	}
	if _, again := cmd.(CancelRelocation); s.Cancelled && again {
		return nil, nil
	}
	if s.Cancelled {
		return nil, ErrRelocationEnded
	}
	today := domain.DateOf(act.Now)
	on := today
	if !act.At.IsZero() {
		on = domain.DateOf(act.At)
	}
	switch c := cmd.(type) {
	case NoticeRelocation:
		// A notice runs from the day on which it is known here: no earlier date makes
		// the days in which families may come forward already over.
		e := RelocationNoticed{c.Document, c.From, today.AddDays(c.Rules.Or().WorksDays)}
		switch {
		case c.Document != "" && s.Noticed.Document == c.Document && s.Noticed.From == c.From:
			return nil, nil
		case c.Document == "" || !c.From.Valid() || c.From > today || s.Noticed.Document != "":
			return nil, ErrRelocationNotice
		}
		return []RelocationEvent{e}, nil
	case PermitRelocation:
		e := RelocationPermitted{c.Permit, c.Authority, c.From, c.Until}
		switch {
		case s.Permitted == e:
			return nil, nil
		case c.Permit == "" || c.Authority == "" || !c.From.Valid() || !c.Until.Valid() || c.Until < c.From || c.Until < today || c.By == s.Requested.By:
			return nil, ErrPermit
		case s.Requested.Cause == ForWorks && (s.Noticed.Document == "" || s.Noticed.Until >= today):
			return nil, ErrRelocationNotice
		}
		return []RelocationEvent{e}, nil
	case Lift:
		e := RelocationLifted{c.Person, c.Label, c.OldLabel, c.SealedBy, c.Carrier, c.Receipt, domain.DateOf(act.At)}
		have, lifted := s.Lift(c.Person)
		taken := slices.ContainsFunc(s.Lifted, func(l RelocationLifted) bool { return l.Label == c.Label })
		switch {
		case lifted && have == e:
			return nil, nil
		case lifted || !slices.Contains(s.Requested.Persons, c.Person):
			return nil, ErrNotMoved
		case s.Permitted.Permit == "":
			return nil, ErrNotPermitted
		case on < s.Permitted.From || on > s.Permitted.Until:
			return nil, ErrWindow.With(s.Permitted.From, s.Permitted.Until)
		case strings.TrimSpace(c.Label) == "" || c.Label == c.OldLabel || taken || c.SealedBy[0] == "" || c.SealedBy[1] == "" || c.SealedBy[0] == c.SealedBy[1] ||
			!c.Carrier.One() || c.Receipt == "":
			return nil, ErrRetag
		case !c.Ready:
			return nil, ErrNotReady
		}
		return []RelocationEvent{e}, nil
	case Redirect:
		switch {
		case s.To == c.To:
			return nil, nil
		case !c.To.sound() || c.Paper == "":
			return nil, ErrRelocationAsk
		case s.Redirect.To != c.To || s.Redirect.Paper != c.Paper:
			return []RelocationEvent{RelocationRedirectAsked{c.To, c.Paper, c.By}}, nil
		case s.Redirect.By == c.By:
			return nil, ErrRedirectSelf
		}
		return []RelocationEvent{RelocationRedirected{c.To, c.Paper}}, nil
	case Arrive:
		if i := slices.IndexFunc(s.Arrived, func(a RelocationArrived) bool { return a.Person == c.Person }); i >= 0 {
			if s.Arrived[i].Label == c.Label && s.Arrived[i].Receipt == c.Receipt {
				return nil, nil
			}
			return nil, ErrNotOnTheWay
		}
		l, ok := s.Lift(c.Person)
		switch {
		case !ok:
			return nil, ErrNotOnTheWay
		case l.Label != c.Label || c.Receipt == "":
			return nil, ErrArrivalLabel
		case !c.Ready:
			return nil, ErrNotReady
		}
		return []RelocationEvent{RelocationArrived{c.Person, c.Label, s.To, c.Receipt, len(s.Arrived)+1 == len(s.Requested.Persons)}}, nil
	case CancelRelocation:
		switch {
		case len(s.Lifted) > 0:
			return nil, ErrCancelLifted
		case strings.TrimSpace(c.Reason) == "":
			return nil, ErrReason
		}
		return []RelocationEvent{RelocationCancelled{c.Reason}}, nil
	}
	panic("unreachable: RelocationCommand is sealed")
}

func (s RelocationState) request(c RequestRelocation) ([]RelocationEvent, error) {
	e := RelocationRequested{c.Cemetery, c.Plot, c.Standing.Right, slices.Clone(c.Persons), c.Cause, c.Holder, c.Paper, c.To, c.By}
	if r := s.Requested; r != nil {
		if r.Cemetery == e.Cemetery && r.Plot == e.Plot && slices.Equal(r.Persons, e.Persons) && r.Cause == e.Cause && r.Holder == e.Holder && r.Paper == e.Paper && r.To == e.To {
			return nil, nil
		}
		return nil, ErrRelocationOther
	}
	who := slices.Clone(c.Persons)
	slices.Sort(who)
	switch {
	case byClock(c.By):
		return nil, ErrByClock
	case c.Cemetery == "" || c.Plot == "" || len(who) == 0 || len(slices.Compact(who)) != len(c.Persons) || !slices.Contains(Causes, c.Cause) || c.Paper == "" || !c.To.sound():
		return nil, ErrRelocationAsk
	case c.To.Place == string(c.Cemetery)+"."+c.Plot:
		return nil, ErrRelocationAsk
	case slices.ContainsFunc(c.Persons, func(p domain.Subject) bool { return !slices.Contains(c.Resting, p) }):
		return nil, ErrNotResting
	case c.Cause == FamilyWish && (c.Holder == "" || c.Holder != c.Standing.Holder || c.Standing.Died || slices.Contains(c.Resting, c.Holder)):
		return nil, ErrRelocationHolder
	case c.Cause == AfterLapse && !c.Standing.Lapsed:
		return nil, ErrRelocationLapsed
	}
	return []RelocationEvent{e}, nil
}

func evolveRelocation(s RelocationState, e RelocationEvent) RelocationState {
	switch e := e.(type) {
	case RelocationRequested:
		s.Requested, s.To = &e, e.To
	case RelocationNoticed:
		s.Noticed = e
	case RelocationPermitted:
		s.Permitted = e
	case RelocationLifted:
		s.Lifted = append(slices.Clip(s.Lifted), e)
	case RelocationRedirectAsked:
		s.Redirect = e
	case RelocationRedirected:
		s.To, s.Redirect = e.To, RelocationRedirectAsked{}
	case RelocationArrived:
		s.Arrived = append(slices.Clip(s.Arrived), e)
	case RelocationCancelled:
		s.Cancelled = true
	}
	return s
}
