package cemetery

import (
	"slices"
	"strings"
	"time"

	"shenzhong/domain"
)

// RoundCategory names the streams of application rounds; a stream's id is
// "<cemetery>.<round>".
const RoundCategory = "round"

// A Mode is how a round puts its applications in order.
type Mode string

// The modes. Both are recomputed from the same published record (domain.Draw).
const (
	// ByDraw is chance alone.
	ByDraw Mode = "DRAW"
	// ByWaiting lets those choose first who have waited longest, from the day of
	// their certificate on; among equal days chance decides.
	ByWaiting Mode = "WAITING"
)

// A RoundEvent is what happens to one round.
type RoundEvent interface{ roundEvent() }

type (
	// RoundAnnounced published places, rules and the commitment to the seed,
	// before anybody could apply.
	RoundAnnounced struct {
		Cemetery   domain.CreditCode `json:"cemetery"`
		Round      string            `json:"round"`
		Places     []string          `json:"places"` // plot numbers, in the order of the list
		Mode       Mode              `json:"mode"`
		Rules      Rules             `json:"rules"`
		Commitment string            `json:"commitment"`
		Closes     time.Time         `json:"closes"`
		// NoticeNo is the number of the public announcement.
		NoticeNo string `json:"notice"`
	}
	// RoundApplied took an application. Application is a number that tells nobody
	// who applies.
	RoundApplied struct {
		Application string         `json:"application"`
		Applicant   domain.Subject `json:"applicant"`
		Deceased    domain.Subject `json:"deceased"`
		Ground      Ground         `json:"ground"`
		Certificate string         `json:"certificate,omitzero"`
		// Since is the day from which the application counts where the round goes
		// by waiting.
		Since domain.Date `json:"since,omitzero"`
		// Wishes are places of the round, the dearest first; none: any of them, in
		// the order of the list.
		Wishes []string `json:"wishes,omitzero"`
	}
	// RoundWithdrawn took it back.
	RoundWithdrawn struct {
		Application string `json:"application"`
	}
	// RoundCarriedOver says that an application counts from the day from which one
	// of the same person counted in a round that was cancelled.
	RoundCarriedOver struct {
		Application string      `json:"application"`
		Round       string      `json:"round"` // the cancelled one, of the same cemetery
		From        string      `json:"from"`  // number of the application there
		Since       domain.Date `json:"since"`
	}
	// RoundCancelled ended a round that was not drawn; its places are open again.
	RoundCancelled struct {
		Reason   RoundReason `json:"reason"`
		Document string      `json:"document"` // the public announcement of it
		At       time.Time   `json:"at"`
		// Applications are those whose families are to be told.
		Applications []string `json:"applications,omitzero"`
	}
	// RoundTold says that the family of an application knows that the round was
	// cancelled.
	RoundTold struct {
		Application string    `json:"application"`
		Channel     Channel   `json:"channel"`
		Proof       string    `json:"proof"` // number of the letter, of the call in the log
		By          string    `json:"by"`
		At          time.Time `json:"at"`
	}
	// RoundDrawn opened the seed and gave the places away.
	RoundDrawn struct {
		Seed   string       `json:"seed"`
		Salt   string       `json:"salt"`
		Order  []string     `json:"order"`
		Result []RoundPlace `json:"result"`
		// AcceptBy is the last day to come for the place.
		AcceptBy domain.Date `json:"accept_by"`
	}
	// RoundTaken says that the family came and the place was allocated.
	RoundTaken struct {
		Application string `json:"application"`
		Place       string `json:"place"`
	}
	// RoundPassed gives a place that its family did not take to the next in the
	// order, or to nobody.
	RoundPassed struct {
		Place    string      `json:"place"`
		From     string      `json:"from"`
		To       string      `json:"to,omitzero"`
		Reason   PassReason  `json:"reason"`
		AcceptBy domain.Date `json:"accept_by,omitzero"`
	}
)

// A RoundPlace is a place and the application that it fell to.
type RoundPlace struct {
	Application string `json:"application"`
	Place       string `json:"place"`
}

// A PassReason is why a place went on.
type PassReason string

// The reasons.
const (
	DidNotCome PassReason = "DID_NOT_COME"
	GaveUp     PassReason = "GAVE_UP"
)

// A RoundReason is why a round was cancelled before its draw.
type RoundReason string

// The reasons.
const (
	PlacesNotReady RoundReason = "PLACES_NOT_READY" // the places cannot be given
	NoticeWrong    RoundReason = "NOTICE_WRONG"     // the announcement said something wrong
	SeedLost       RoundReason = "SEED_LOST"        // or seen by somebody: no fair draw
	Stopped        RoundReason = "AUTHORITY"        // the authority stopped it
)

// RoundReasons lists every reason, in the order of menus.
var RoundReasons = []RoundReason{PlacesNotReady, NoticeWrong, SeedLost, Stopped}

func (RoundAnnounced) roundEvent()   {}
func (RoundApplied) roundEvent()     {}
func (RoundWithdrawn) roundEvent()   {}
func (RoundCarriedOver) roundEvent() {}
func (RoundCancelled) roundEvent()   {}
func (RoundTold) roundEvent()        {}
func (RoundDrawn) roundEvent()       {}
func (RoundTaken) roundEvent()       {}
func (RoundPassed) roundEvent()      {}

// A RoundCommand asks something of one round.
type RoundCommand interface {
	domain.Command
	roundCommand()
}

type (
	// AnnounceRound publishes places, rules and commitment.
	AnnounceRound struct {
		domain.Act
		Round      string
		Places     []string
		Mode       Mode
		Commitment string
		Closes     time.Time
		NoticeNo   string
		// Cemetery is the fact what its own stream says; Rules are the ones in
		// force.
		Cemetery CemeteryState
		Rules    Rules
	}
	// ApplyRound takes an application.
	ApplyRound struct {
		domain.Act
		Application string
		Applicant   domain.Subject
		Deceased    domain.Subject
		Since       domain.Date // fact: the day of the certificate
		Wishes      []string
		// Carried is an application of a round of this cemetery that was cancelled;
		// the waiting goes on from there. The zero value: none.
		Carried Carried
		// Need is judged by the rules of the round; its facts are looked up.
		Need Need
		// Cemetery is the fact what its own stream says.
		Cemetery CemeteryState
	}
	// WithdrawRound takes it back.
	WithdrawRound struct {
		domain.Act
		Application string
	}
	// CancelRound ends a round before its draw.
	CancelRound struct {
		domain.Act
		Reason   RoundReason
		Document string
	}
	// TellApplicant records that a family of a cancelled round was told.
	TellApplicant struct {
		domain.Act
		Application string
		Channel     Channel
		Proof       string
	}
	// DrawRound opens the seed and gives the places away.
	DrawRound struct {
		domain.Act
		Seed, Salt string
	}
	// TakePlace says that a place was allocated to whom it fell to.
	TakePlace struct {
		domain.Act
		Application string
		Place       string
		// Allocated is the fact that the plot's own stream has it so.
		Allocated bool
	}
	// PassPlace gives on the place of an application.
	PassPlace struct {
		domain.Act
		Application string
		Place       string
		Reason      PassReason
	}
)

// Carried are the facts about the round in which somebody applied before:
// whether it was cancelled, and the application of the same person in it.
type Carried struct {
	Round     string
	Cancelled bool
	RoundApplied
}

func (AnnounceRound) roundCommand() {}
func (CancelRound) roundCommand()   {}
func (TellApplicant) roundCommand() {}
func (ApplyRound) roundCommand()    {}
func (WithdrawRound) roundCommand() {}
func (DrawRound) roundCommand()     {}
func (TakePlace) roundCommand()     {}
func (PassPlace) roundCommand()     {}

// RoundState is a round as it stands.
type RoundState struct {
	Announced    *RoundAnnounced
	Applications []RoundApplied // in the order in which they came
	Drawn        *RoundDrawn
	Cancelled    *RoundCancelled
	Told         map[string]RoundTold // by application, of a cancelled round
	// Holds says to which application a place belongs now, Taken which of them
	// were allocated. A place that nobody wanted is in neither.
	Holds []RoundPlace
	Taken []RoundPlace
	// Had are the applications to which a place fell once: it does not fall to
	// them again.
	Had      []string
	AcceptBy map[string]domain.Date // by place
}

// Entries are the applications as a draw takes them.
func (s RoundState) Entries() (es []domain.Entry) {
	for _, a := range s.Applications {
		e := domain.Entry{Who: a.Application, Wishes: a.Wishes}
		if len(e.Wishes) == 0 {
			e.Wishes = s.Announced.Places
		}
		if s.Announced.Mode == ByWaiting {
			e.First = string(a.Since)
		}
		es = append(es, e)
	}
	return es
}

// Recompute draws again from what the log says, and says whether it comes to
// what was published.
func (s RoundState) Recompute() bool {
	if s.Announced == nil || s.Drawn == nil || domain.Commitment(s.Drawn.Seed, s.Drawn.Salt) != s.Announced.Commitment {
		return false
	}
	order, lots := domain.Draw(s.Drawn.Seed, s.Entries(), s.Announced.Places)
	return slices.Equal(order, s.Drawn.Order) && slices.Equal(places(lots), s.Drawn.Result)
}

func places(lots []domain.Lot) (ps []RoundPlace) {
	for _, l := range lots {
		ps = append(ps, RoundPlace{l.Who, l.Got})
	}
	return ps
}

// Application finds an application by its number.
func (s RoundState) Application(id string) (RoundApplied, bool) {
	i := slices.IndexFunc(s.Applications, func(a RoundApplied) bool { return a.Application == id })
	if i < 0 {
		return RoundApplied{}, false
	}
	return s.Applications[i], true
}

// Won says that the place belongs to the application of this person, and is not
// given yet.
func (s RoundState) Won(place string, deceased domain.Subject) (RoundApplied, bool) {
	for _, h := range s.Holds {
		if a, ok := s.Application(h.Application); ok && h.Place == place && a.Deceased == deceased {
			return a, true
		}
	}
	return RoundApplied{}, false
}

// Untold are the applications of a cancelled round whose families were not told
// yet.
func (s RoundState) Untold() (as []string) {
	if s.Cancelled == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Cancelled.Applications), func(a string) bool { _, told := s.Told[a]; return told })
}

// Keeps says that the round was announced with this place and somebody may still
// be given it in the round.
func (s RoundState) Keeps(place string) bool {
	if s.Announced == nil || s.Drawn == nil {
		return s.Announced != nil && s.Cancelled == nil && slices.Contains(s.Announced.Places, place)
	}
	return slices.ContainsFunc(s.Holds, func(h RoundPlace) bool { return h.Place == place })
}

// next is the first in the order who never had a place and wishes for this one.
func (s RoundState) next(place string) string {
	for _, who := range s.Drawn.Order {
		if slices.Contains(s.Had, who) {
			continue
		}
		if a, _ := s.Application(who); len(a.Wishes) == 0 || slices.Contains(a.Wishes, place) {
			return who
		}
	}
	return ""
}

// Round decides over one round.
var Round = domain.Decider[RoundState, RoundCommand, RoundEvent]{Decide: decideRound, Evolve: evolveRound}

// The rejections of a round.
var (
	ErrRoundClass   = domain.Reject("round_class", "这类公墓不办公开安排。", "A cemetery of this class holds no public rounds.").Under("E-2", "")
	ErrRoundInvalid = domain.Reject("round_invalid", "公开安排要有位置（每个一次）、方式、公告编号、64 位的种子承诺，截止时间要在现在之后、一年之内。",
		"A round needs places, each once, a mode, the notice's number, a commitment of 64 hex digits, and closes after now, within a year.")
	ErrRoundAnnounced = domain.Reject("round_announced", "这一轮已经公布，不能改。", "This round is announced and cannot be changed.")
	ErrNoRound        = domain.Reject("round_unknown", "没有公布过这一轮。", "This round is not announced.")
	ErrRoundClosed    = domain.Reject("round_closed", "申请已于 %s 截止。", "Applications closed at %s.")
	ErrRoundOpen      = domain.Reject("round_open", "申请 %s 才截止，现在不能摇号。", "Applications close at %s; there is no draw before.")
	ErrApplication    = domain.Reject("round_application", "请写明申请编号、申请人和逝者；按等候先后的，还要有证明日期。", "The application's number, the applicant and the deceased are needed; by waiting, the certificate's day too.")
	ErrApplied        = domain.Reject("round_applied", "这位逝者在本轮已经有一份申请。", "There is an application for this person in this round already.").Under("E-4", "")
	ErrRoundWishes    = domain.Reject("round_wishes", "请从公布的位置里选，每个只选一次。", "Please choose among the announced places, each of them once.")
	ErrRoundSeed      = domain.Reject("round_seed_differs", "种子和盐与公布的承诺对不上。", "Seed and salt do not fit the commitment that was published.")
	ErrRoundDrawn     = domain.Reject("round_drawn", "这一轮已经摇过号。", "The draw of this round has taken place.")
	ErrRoundCancelled = domain.Reject("round_cancelled", "这一轮已经取消，没有摇号。", "This round was cancelled; there is no draw.")
	ErrRoundReason    = domain.Reject("round_cancel_reason", "取消要写明原因和公告编号。", "A cancellation needs its reason and the number of its announcement.")
	ErrNotCancelled   = domain.Reject("round_not_cancelled", "这一轮没有取消。", "This round was not cancelled.")
	ErrTellHow        = domain.Reject("round_tell", "请选本轮的一份申请，写明怎样告知和凭据。", "An application of the round is needed, how its family was told, and the proof of it.")
	ErrNotCarried     = domain.Reject("round_not_carried", "那一轮没有取消，或者没有这位逝者的申请，不能接着算。", "That round was not cancelled, or has no application for this person: there is nothing to go on from.")
	ErrRoundNotDrawn  = domain.Reject("round_not_drawn", "这一轮还没有摇号。", "The draw of this round has not taken place.")
	ErrNotWon         = domain.Reject("round_not_won", "这个位置没有安排给这份申请。", "This place did not fall to this application.").Under("E-4", "")
	ErrPassEarly      = domain.Reject("round_pass_early", "中签人可以办理到 %s，现在不能递补。", "The family may come until %s; the place is not passed on before.")
	ErrPassReason     = domain.Reject("round_pass_reason", "没有“%s”这个原因。", "There is no reason %q.")
)

func decideRound(s RoundState, cmd RoundCommand) ([]RoundEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(AnnounceRound); ok {
		return s.announce(c)
	}
	if s.Announced == nil {
		return nil, ErrNoRound
	}
	switch c := cmd.(type) {
	case ApplyRound:
		return s.apply(c)
	case WithdrawRound:
		if _, ok := s.Application(c.Application); !ok {
			return nil, nil
		}
		if err := s.open(c.Now); err != nil {
			return nil, err
		}
		return []RoundEvent{RoundWithdrawn{c.Application}}, nil
	case DrawRound:
		d := s.Drawn
		switch {
		case s.Cancelled != nil:
			return nil, ErrRoundCancelled
		case d != nil && d.Seed == c.Seed && d.Salt == c.Salt:
			return nil, nil
		case d != nil:
			return nil, ErrRoundDrawn
		case c.Now.Before(s.Announced.Closes):
			return nil, ErrRoundOpen.With(domain.FormatTime(s.Announced.Closes))
		case !domain.IsDigest(c.Seed) || !domain.IsDigest(c.Salt) || domain.Commitment(c.Seed, c.Salt) != s.Announced.Commitment:
			return nil, ErrRoundSeed
		}
		order, lots := domain.Draw(c.Seed, s.Entries(), s.Announced.Places)
		return []RoundEvent{RoundDrawn{c.Seed, c.Salt, order, places(lots), s.acceptBy(c.Now)}}, nil
	case CancelRound:
		e := RoundCancelled{Reason: c.Reason, Document: strings.TrimSpace(c.Document), At: c.Now.UTC().Round(0)}
		switch x := s.Cancelled; {
		case x != nil && x.Reason == e.Reason && x.Document == e.Document:
			return nil, nil
		case x != nil:
			return nil, ErrRoundCancelled
		case s.Drawn != nil:
			return nil, ErrRoundDrawn
		case !slices.Contains(RoundReasons, e.Reason) || e.Document == "":
			return nil, ErrRoundReason
		}
		for _, a := range s.Applications {
			e.Applications = append(e.Applications, a.Application)
		}
		return []RoundEvent{e}, nil
	case TellApplicant:
		_, ok := s.Application(c.Application)
		_, told := s.Told[c.Application]
		proof := strings.TrimSpace(c.Proof)
		switch {
		case s.Cancelled == nil:
			return nil, ErrNotCancelled
		case ok && told:
			return nil, nil
		case !ok || !slices.Contains(Channels, c.Channel) || c.Channel == AtThePlot || proof == "":
			return nil, ErrTellHow
		}
		return []RoundEvent{RoundTold{c.Application, c.Channel, proof, c.By, c.Now.UTC().Round(0)}}, nil
	case TakePlace:
		p := RoundPlace{c.Application, c.Place}
		switch {
		case s.Drawn == nil:
			return nil, ErrRoundNotDrawn
		case slices.Contains(s.Taken, p):
			return nil, nil
		case !slices.Contains(s.Holds, p) || !c.Allocated:
			return nil, ErrNotWon
		}
		return []RoundEvent{RoundTaken(p)}, nil
	case PassPlace:
		i := slices.Index(s.Holds, RoundPlace{c.Application, c.Place})
		switch {
		case s.Drawn == nil:
			return nil, ErrRoundNotDrawn
		case i < 0:
			return nil, ErrNotWon
		case c.Reason != DidNotCome && c.Reason != GaveUp:
			return nil, ErrPassReason.With(c.Reason)
		case c.Reason == DidNotCome && domain.DateOf(c.Now) <= s.AcceptBy[c.Place]:
			return nil, ErrPassEarly.With(s.AcceptBy[c.Place])
		}
		e := RoundPassed{Place: c.Place, From: s.Holds[i].Application, To: s.next(c.Place), Reason: c.Reason}
		if e.To != "" {
			e.AcceptBy = s.acceptBy(c.Now)
		}
		return []RoundEvent{e}, nil
	}
	panic("unreachable: RoundCommand is sealed")
}

func (s RoundState) acceptBy(now time.Time) domain.Date {
	return domain.DateOf(now).AddDays(s.Announced.Rules.Or().AcceptDays)
}

func (s RoundState) announce(c AnnounceRound) ([]RoundEvent, error) {
	e := RoundAnnounced{c.Cemetery.Cemetery, c.Round, slices.Clone(c.Places), c.Mode, c.Rules.Or(), c.Commitment, c.Closes.UTC().Round(0), c.NoticeNo}
	if have := s.Announced; have != nil {
		if s.Cancelled == nil && s.Drawn == nil && slices.Equal(have.Places, e.Places) && have.Round == e.Round && have.Mode == e.Mode && have.Commitment == e.Commitment && have.Closes.Equal(e.Closes) && have.NoticeNo == e.NoticeNo {
			return nil, nil
		}
		return nil, ErrRoundAnnounced
	}
	unique := slices.Clone(c.Places)
	slices.Sort(unique)
	switch {
	case c.Cemetery.Cemetery == "":
		return nil, ErrCemeteryUnknown
	case !c.Cemetery.Class.Powers().Rounds:
		return nil, ErrRoundClass
	case c.Round == "" || c.NoticeNo == "" || len(unique) == 0 || unique[0] == "" || len(slices.Compact(unique)) != len(c.Places) ||
		c.Mode != ByDraw && c.Mode != ByWaiting || !domain.IsDigest(c.Commitment) || !c.Closes.After(c.Now) ||
		c.Closes.After(c.Now.AddDate(1, 0, 0)): // its places are held until then
		return nil, ErrRoundInvalid
	}
	return []RoundEvent{e}, nil
}

// open says that applications are taken now.
func (s RoundState) open(now time.Time) error {
	switch {
	case s.Cancelled != nil:
		return ErrRoundCancelled
	case s.Drawn != nil:
		return ErrRoundDrawn
	case !now.Before(s.Announced.Closes):
		return ErrRoundClosed.With(domain.FormatTime(s.Announced.Closes))
	}
	return nil
}

func (s RoundState) apply(c ApplyRound) ([]RoundEvent, error) {
	from := c.Carried
	if from.Since != "" && (c.Since == "" || from.Since < c.Since) {
		c.Since = from.Since
	}
	e := RoundApplied{c.Application, c.Applicant, c.Deceased, c.Need.Ground, c.Need.Certificate, c.Since, slices.Clone(c.Wishes)}
	if a, ok := s.Application(c.Application); ok && a.Applicant == e.Applicant && a.Deceased == e.Deceased && a.Ground == e.Ground && a.Certificate == e.Certificate && a.Since == e.Since && slices.Equal(a.Wishes, e.Wishes) {
		return nil, nil
	}
	if err := s.open(c.Now); err != nil {
		return nil, err
	}
	same := func(a RoundApplied) bool { return a.Application == c.Application || a.Deceased == c.Deceased }
	seen := map[string]bool{}
	for _, w := range c.Wishes {
		if seen[w] || !slices.Contains(s.Announced.Places, w) {
			return nil, ErrRoundWishes
		}
		seen[w] = true
	}
	switch {
	case c.Application == "" || strings.ContainsAny(c.Application, "\n\r") || c.Applicant == "" || c.Deceased == "",
		s.Announced.Mode == ByWaiting && (!c.Since.Valid() || c.Since > domain.DateOf(c.Now)):
		return nil, ErrApplication
	case slices.ContainsFunc(s.Applications, same):
		return nil, ErrApplied
	case c.Cemetery.Cemetery != s.Announced.Cemetery:
		return nil, ErrCemeteryUnknown
	case from.Round != "" && (!from.Cancelled || from.Deceased != c.Deceased):
		return nil, ErrNotCarried
	}
	if err := s.Announced.Rules.Eligible(c.Cemetery, c.Need); err != nil {
		return nil, err
	}
	if from.Round != "" {
		return []RoundEvent{e, RoundCarriedOver{e.Application, from.Round, from.Application, e.Since}}, nil
	}
	return []RoundEvent{e}, nil
}

func evolveRound(s RoundState, e RoundEvent) RoundState {
	drop := func(place string) {
		s.Holds = slices.DeleteFunc(slices.Clone(s.Holds), func(h RoundPlace) bool { return h.Place == place })
	}
	until := func(place string, day domain.Date) {
		next := map[string]domain.Date{place: day}
		for k, v := range s.AcceptBy {
			if k != place {
				next[k] = v
			}
		}
		s.AcceptBy = next
	}
	switch e := e.(type) {
	case RoundAnnounced:
		s.Announced = &e
	case RoundApplied:
		s.Applications = append(slices.Clip(s.Applications), e)
	case RoundWithdrawn:
		s.Applications = slices.DeleteFunc(slices.Clone(s.Applications), func(a RoundApplied) bool { return a.Application == e.Application })
	case RoundCancelled:
		s.Cancelled = &e
	case RoundTold:
		told := map[string]RoundTold{e.Application: e}
		for k, v := range s.Told {
			told[k] = v
		}
		s.Told = told
	case RoundDrawn:
		s.Drawn, s.Holds, s.AcceptBy = &e, slices.Clone(e.Result), map[string]domain.Date{}
		for _, r := range e.Result {
			s.Had = append(slices.Clip(s.Had), r.Application)
			s.AcceptBy[r.Place] = e.AcceptBy
		}
	case RoundTaken:
		drop(e.Place)
		s.Taken = append(slices.Clip(s.Taken), RoundPlace(e))
	case RoundPassed:
		drop(e.Place)
		if e.To != "" {
			s.Holds = append(s.Holds, RoundPlace{e.To, e.Place})
			s.Had = append(slices.Clip(s.Had), e.To)
			until(e.Place, e.AcceptBy)
		}
	}
	return s
}
