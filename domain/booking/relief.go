package booking

import (
	"slices"

	"shenzhong/domain"
)

// A DeclineReason is why a claim to relief came to nothing.
type DeclineReason string

// The reasons.
const (
	NotInRegister DeclineReason = "NOT_IN_REGISTER" // the office does not list the deceased
	OtherHukou    DeclineReason = "OTHER_HUKOU"
	NotInForce    DeclineReason = "RULE_NOT_IN_FORCE"
	ClaimDropped  DeclineReason = "DROPPED" // the family took it back
)

// DeclineReasons lists every reason, in the order of menus.
var DeclineReasons = []DeclineReason{NotInRegister, OtherHukou, NotInForce, ClaimDropped}

type (
	// ReliefClaimed noted that the family claims relief (惠民减免). Until it is
	// decided, nobody pays what the rule would waive.
	ReliefClaimed struct {
		Category domain.Private[string] `json:"category"` // the group, as the rule calls it
		Rule     string                 `json:"rule"`
		Version  string                 `json:"version"`
		Document string                 `json:"document,omitzero"`
		Waives   []Waived               `json:"waives"`
	}
	// ReliefGranted decided that the case is entitled. The rule's items cost
	// nothing from then on, on quotes and on the bill.
	ReliefGranted struct {
		Category domain.Private[string] `json:"category"`
		Rule     string                 `json:"rule"`
		Version  string                 `json:"version"`
		Document string                 `json:"document,omitzero"`
		// Proof is how it was checked: "civil-affairs-data", a paper's kind.
		Proof  string   `json:"proof"`
		Waives []Waived `json:"waives"`
	}
	// ReliefDeclined decided that the claim comes to nothing.
	ReliefDeclined struct {
		Reason DeclineReason `json:"reason"`
	}
)

func (ReliefClaimed) caseEvent()  {}
func (ReliefGranted) caseEvent()  {}
func (ReliefDeclined) caseEvent() {}

// Waived is one item that is free, and for how many units.
type Waived struct {
	Code     string `json:"code"`
	Quantity int64  `json:"quantity,omitzero"` // zero: without limit
}

type (
	// ClaimRelief notes that the family claims relief.
	ClaimRelief struct {
		domain.Act
		Category string
		Rules    []ReliefRule // fact: every version
	}
	// GrantRelief decides that the case is entitled, before anything of it is
	// paid.
	GrantRelief struct {
		domain.Act
		Category string
		Proof    string
		Rules    []ReliefRule // fact: every version
	}
	// DeclineRelief decides that the claim comes to nothing.
	DeclineRelief struct {
		domain.Act
		Reason DeclineReason
	}
)

func (ClaimRelief) caseCommand()   {}
func (GrantRelief) caseCommand()   {}
func (DeclineRelief) caseCommand() {}

// ReliefFacts are what a relief rule asks about the deceased.
type ReliefFacts struct {
	Category  string // the group, as the rule calls it
	Hukou     domain.Division
	DeathDate domain.Date // the day that decides which version applies
	// Nameless says that nobody knows who it was: such a body has no hukou and
	// needs none.
	Nameless bool
}

// A Reduction is what a relief rule takes off one line.
type Reduction struct {
	Line, Code string
	Quantity   int64 // units that it waives
	Amount     domain.Money
}

// Relief computes what the rules take off these lines for such a person: the
// newest rule that names the group, covers the day of death and the place of
// registration, and from it one reduction for each line that it touches, in the
// order of the lines. It is a pure function, so that the family's phone, the
// quote, the bill and an auditor come to the same fen.
//
// Where no rule applies, the rejection says which condition failed.
func Relief(rules []ReliefRule, f ReliefFacts, lines []Line) (ReliefRule, []Reduction, error) {
	var best *ReliefRule
	var refused error = ErrNotEntitled.With("不属于减免对象", "the group is not entitled")
	for i := range rules {
		r := &rules[i]
		switch {
		case !slices.Contains(r.Groups, f.Category):
			continue
		case f.DeathDate < r.ValidFrom || r.ValidUntil != "" && f.DeathDate > r.ValidUntil:
			refused = ErrNotEntitled.With("死亡日期不在规则有效期内", "the rule does not cover the date of death")
		case r.Hukou != "" && !f.Nameless && !f.Hukou.In(r.Hukou):
			refused = ErrNotEntitled.With("户籍不在适用范围内", "it does not cover this place of registration")
		case blank(r.ID) || blank(r.Version):
			refused = ErrRule
		case best == nil || r.ValidFrom >= best.ValidFrom:
			best = r
		}
	}
	if best == nil {
		return ReliefRule{}, nil, refused
	}
	return *best, reductions(waivedBy(*best), lines, nil), nil
}

func waivedBy(r ReliefRule) (ws []Waived) {
	for _, w := range r.Waives {
		ws = append(ws, Waived(w))
	}
	return ws
}

// reductions takes the waived units off the lines, first come first; used are
// the units of each code that were taken off before.
func reductions(ws []Waived, lines []Line, used map[string]int64) (rs []Reduction) {
	left := map[string]int64{}
	for _, w := range ws {
		left[w.Code] = 1 << 40 // without limit
		if w.Quantity > 0 {
			left[w.Code] = max(0, w.Quantity-used[w.Code])
		}
	}
	for _, l := range lines {
		n := min(left[l.Code], l.Quantity)
		if n <= 0 || l.Price == 0 {
			continue
		}
		left[l.Code] -= n
		rs = append(rs, Reduction{l.ID, l.Code, n, l.Price * domain.Money(n)})
	}
	return rs
}

// relieved counts the units that are free on the bill already. A part of a unit
// counts as a whole one.
func (s State) relieved() map[string]int64 {
	used := map[string]int64{}
	for _, b := range s.Bill {
		if b.Relief > 0 && b.Price > 0 {
			used[b.Code] += int64((b.Relief + b.Price - 1) / b.Price)
		}
	}
	return used
}

// The rejections about relief.
var (
	ErrPayFirst = domain.Reject("pay_first", "这件业务可能享受惠民减免，还没有核定。减免的部分不能先收，现在最多收 %s 元。",
		"This case may be entitled to relief that is not decided yet. What would be waived is not collected first; at most %s yuan may be taken now.").Under("PR-4", lawPayFirst)
	ErrProof         = domain.Reject("relief_proof_missing", "请写明减免资格是怎样核对的。", "Please say how the entitlement was checked.")
	ErrReliefGranted = domain.Reject("relief_granted", "这件业务已经按另一类对象核定减免。", "Relief has been granted to this case already, for another group.")
	ErrDeclineReason = domain.Reject("relief_decline_reason_unknown", "请选择不予减免的原因。", "Please choose why relief is not granted.")
)

// lawPayFirst is what PR-4 rests on.
const lawPayFirst = "辽宁省惠民殡葬政策（2025，辽宁日报 2025-04-04）：严禁要求减免对象家属先付费后报销"

func (s State) evolveRelief(e Event) State {
	switch e := e.(type) {
	case ReliefClaimed:
		s.Claim, s.Declined = &e, ""
	case ReliefGranted:
		s.Grant, s.Claim, s.Declined = &e, nil, ""
	case ReliefDeclined:
		s.Claim, s.Declined = nil, e.Reason
	}
	return s
}

// ReliefFacts are what the case knows of what relief rules ask.
func (s State) ReliefFacts(category string, today domain.Date) ReliefFacts {
	f := ReliefFacts{Category: category, Hukou: s.Deceased.Hukou, DeathDate: s.Deceased.DeathDate, Nameless: s.Deceased.Unnamed == Unidentified}
	if f.DeathDate == "" {
		f.DeathDate = today
	}
	return f
}

func (s State) claimRelief(c ClaimRelief) ([]Event, error) {
	r, _, err := Relief(c.Rules, s.ReliefFacts(c.Category, domain.DateOf(c.Now)), nil)
	switch {
	case s.ended():
		return nil, ErrEnded
	case s.Grant != nil:
		return nil, nil
	case s.Claim != nil && s.Claim.Category.Or("") == c.Category:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []Event{ReliefClaimed{domain.Personal(s.Deceased.Person, c.Category), r.ID, r.Version, r.Document, waivedBy(r)}}, nil
}

func (s State) grantRelief(c GrantRelief) ([]Event, error) {
	r, _, err := Relief(c.Rules, s.ReliefFacts(c.Category, domain.DateOf(c.Now)), nil)
	switch {
	case s.Grant != nil && s.Grant.Category.Or("") == c.Category:
		return nil, nil
	case s.Grant != nil:
		return nil, ErrReliefGranted
	case s.ended():
		return nil, ErrEnded
	case err != nil:
		return nil, err
	case blank(c.Proof):
		return nil, ErrProof
	}
	g := ReliefGranted{domain.Personal(s.Deceased.Person, c.Category), r.ID, r.Version, r.Document, c.Proof, waivedBy(r)}
	es := []Event{g}
	var sum domain.Money
	var lines []Line
	for _, b := range s.Bill {
		if b.Relief == 0 {
			lines = append(lines, b.Line)
		}
	}
	for _, x := range reductions(g.Waives, lines, s.relieved()) {
		b, _ := s.line(x.Line)
		if m := min(x.Amount, b.Due()); m > 0 {
			es = append(es, s.reliefOf(x.Line, m, g))
			sum += m
		}
	}
	if s.Balance() < sum {
		return nil, ErrReliefLate
	}
	return es, nil
}

// reliefOf takes an amount off a line under what was granted.
func (s State) reliefOf(line string, m domain.Money, g ReliefGranted) ReliefApplied {
	return ReliefApplied{line, m, domain.Personal(s.Deceased.Person, Grounds{g.Rule, g.Version, g.Document, g.Category.Or("")})}
}

func (s State) declineRelief(c DeclineRelief) ([]Event, error) {
	switch {
	case !slices.Contains(DeclineReasons, c.Reason):
		return nil, ErrDeclineReason
	case s.Grant != nil:
		return nil, ErrReliefGranted
	case s.Claim == nil && (s.Declined != "" || s.Deceased.Unnamed != Unidentified):
		return nil, nil
	}
	return []Event{ReliefDeclined{c.Reason}}, nil
}

// Payable is the most that may be taken now: what is due, less what relief
// would waive that is claimed and not decided. For an unidentified body, which
// the rules name, nothing is taken before that is decided.
func (s State) Payable() domain.Money {
	due := s.Balance()
	switch {
	case s.Grant != nil:
	case s.Claim != nil:
		var lines []Line
		for _, b := range s.Bill {
			if b.Relief == 0 {
				lines = append(lines, b.Line)
			}
		}
		for _, x := range reductions(s.Claim.Waives, lines, s.relieved()) {
			b, _ := s.line(x.Line)
			due -= min(x.Amount, b.Due())
		}
	case s.Deceased.Unnamed == Unidentified && s.Declined == "":
		return 0
	}
	return max(0, due)
}
