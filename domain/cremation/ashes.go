package cremation

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// The ashes are part of the cremation's own stream: holds, certificate and the
// named collector decide over them, and no fact needs to be carried over (I10,
// I11). Nothing here ends by a clock: a term that has run out makes a list
// longer, and two people with a paper decide.

// wholeShare is the number of the ashes before they are split.
const wholeShare = 1

const (
	// CodeValid is how long a release code holds unless the command says
	// otherwise ([P]).
	CodeValid = 24 * time.Hour
	// CodeTries is how many wrong codes end a code ([P]).
	CodeTries = 5
)

// An AshesEvent is what happens to the ashes of one case.
type AshesEvent interface {
	CremationEvent
	ashesEvent()
}

type (
	// AshesCollected puts the ashes into the institution's custody.
	AshesCollected struct {
		WeightG    int       `json:"weight_g"`
		Containers int       `json:"containers"`
		Label      string    `json:"label"`
		SealedBy   [2]string `json:"sealed_by"`
	}
	// AshesSplit divides a share at the family's written wish.
	AshesSplit struct {
		Share   int                    `json:"share"`
		Into    []Part                 `json:"into"`
		Request domain.Private[string] `json:"request"` // the signed paper
		Form    string                 `json:"form"`    // its version (I20)
	}
	// AshesMoved moves a share by two scans of its label (I2).
	AshesMoved struct {
		Share int   `json:"share"`
		From  Place `json:"from"`
		To    Place `json:"to"`
		Out   Scan  `json:"scanned_out"`
		In    Scan  `json:"scanned_in"`
	}
	// AshesDeposited keeps a share in a niche for a term.
	AshesDeposited struct {
		Share     int         `json:"share"`
		From      Place       `json:"from"`
		To        Place       `json:"to"`
		Out       Scan        `json:"scanned_out"`
		In        Scan        `json:"scanned_in"`
		Until     domain.Date `json:"until"` // last day of the term
		Agreement string      `json:"agreement"`
		Form      string      `json:"form"` // version of the agreement's form (I20)
	}
	// DepositExtended lengthens the term.
	DepositExtended struct {
		Share     int         `json:"share"`
		Until     domain.Date `json:"until"`
		Agreement string      `json:"agreement"`
	}
	// AshesWithdrawn takes a share out of its niche.
	AshesWithdrawn struct {
		Share int   `json:"share"`
		From  Place `json:"from"`
		To    Place `json:"to"`
		Out   Scan  `json:"scanned_out"`
		In    Scan  `json:"scanned_in"`
	}
	// NoticePublished asks whoever is responsible for a share to come.
	NoticePublished struct {
		Share       int         `json:"share"`
		Document    string      `json:"document"`
		PublishedOn domain.Date `json:"published_on"` // its own date
		// RunsFrom is the day of the record, from which its days count; empty in the
		// first form, where its own date counts.
		RunsFrom domain.Date `json:"runs_from,omitzero"`
	}
	// ReleaseCodeIssued gives a share's collector a one-time code. The log knows
	// its salted hash, sealed; the code itself nobody keeps.
	ReleaseCodeIssued struct {
		Code    uuid.UUID              `json:"code"`
		Share   int                    `json:"share"`
		To      domain.Subject         `json:"to"`
		Salt    string                 `json:"salt"`
		Hash    domain.Private[string] `json:"hash"`
		Expires time.Time              `json:"expires"`
		Tries   int                    `json:"tries"` // wrong ones that end it
	}
	// ReleaseCodeWrong counts a wrong code.
	ReleaseCodeWrong struct {
		Code    uuid.UUID `json:"code"`
		Share   int       `json:"share"`
		Attempt uuid.UUID `json:"attempt"` // the command's
		Giver   string    `json:"giver"`
	}
	// AshesReleased hands a share to the person named for it.
	AshesReleased struct {
		Share       int                    `json:"share"`
		To          domain.Subject         `json:"to"`
		Name        domain.Private[string] `json:"name"`
		Certificate string                 `json:"certificate"`
		Giver       string                 `json:"giver"`
		Code        uuid.UUID              `json:"code,omitzero"`    // the one-time code that was used up
		Receipt     domain.Private[string] `json:"receipt,omitzero"` // signed by both
		Form        string                 `json:"form,omitzero"`    // its version (I20)
		Photo       domain.Private[string] `json:"photo,omitzero"`   // digest of the picture taken at the counter
	}
	// RestProposed proposes where a share that nobody takes is laid to rest.
	RestProposed struct {
		Share    int    `json:"share"`
		Way      string `json:"way"`
		Document string `json:"document"`
		By       string `json:"by"`
	}
	// LaidToRest is the last of a share.
	LaidToRest struct {
		Share      int    `json:"share"`
		Way        string `json:"way"`
		Document   string `json:"document"`
		ProposedBy string `json:"proposed_by"`
		ApprovedBy string `json:"approved_by"`
	}
)

// A Part is one share that comes of a split.
type Part struct {
	Share      int            `json:"share"`
	WeightG    int            `json:"weight_g"`
	Containers int            `json:"containers"`
	Label      string         `json:"label"`
	Collector  domain.Subject `json:"collector"`
	SealedBy   [2]string      `json:"sealed_by"`
}

func (AshesCollected) cremationEvent()    {}
func (AshesSplit) cremationEvent()        {}
func (AshesMoved) cremationEvent()        {}
func (AshesDeposited) cremationEvent()    {}
func (DepositExtended) cremationEvent()   {}
func (AshesWithdrawn) cremationEvent()    {}
func (NoticePublished) cremationEvent()   {}
func (ReleaseCodeIssued) cremationEvent() {}
func (ReleaseCodeWrong) cremationEvent()  {}
func (AshesReleased) cremationEvent()     {}
func (RestProposed) cremationEvent()      {}
func (LaidToRest) cremationEvent()        {}
func (AshesCollected) ashesEvent()        {}
func (AshesSplit) ashesEvent()            {}
func (AshesMoved) ashesEvent()            {}
func (AshesDeposited) ashesEvent()        {}
func (DepositExtended) ashesEvent()       {}
func (AshesWithdrawn) ashesEvent()        {}
func (NoticePublished) ashesEvent()       {}
func (ReleaseCodeIssued) ashesEvent()     {}
func (ReleaseCodeWrong) ashesEvent()      {}
func (AshesReleased) ashesEvent()         {}
func (RestProposed) ashesEvent()          {}
func (LaidToRest) ashesEvent()            {}

// An AshesCommand asks something of the ashes of one case. Share zero stands
// for the only one in custody.
type AshesCommand interface {
	CremationCommand
	ashesCommand()
}

type (
	// CollectAshes records weight, containers, label and seal.
	CollectAshes struct {
		domain.Act
		WeightG    int
		Containers int
		Label      string // the tag number, read from the label on the container
		SealedBy   [2]string
	}
	// SplitAshes divides a share. The parts' numbers are given by the decision;
	// their labels are AshLabel of those numbers (CremationState.NextShare).
	SplitAshes struct {
		domain.Act
		Share   int
		Into    []Part // Share left zero; Collector empty: the share's
		Request domain.Private[string]
		Form    string
	}
	// MoveAshes moves a share inside the home.
	MoveAshes struct {
		domain.Act
		Share    int
		Label    string // as scanned
		From, To Place
		Out, In  Scan
	}
	// DepositAshes puts a share into a niche for a term.
	DepositAshes struct {
		domain.Act
		Share     int
		Label     string // as scanned
		From, To  Place
		Out, In   Scan
		Until     domain.Date
		Agreement string
		Form      string
	}
	// ExtendDeposit lengthens the term.
	ExtendDeposit struct {
		domain.Act
		Share     int
		Until     domain.Date
		Agreement string
	}
	// WithdrawAshes takes a share out of its niche.
	WithdrawAshes struct {
		domain.Act
		Share    int
		Label    string // as scanned
		From, To Place
		Out, In  Scan
	}
	// PublishNotice records a notice about a share that nobody takes.
	PublishNotice struct {
		domain.Act
		Share       int
		Document    string
		PublishedOn domain.Date
	}
	// IssueReleaseCode gives the collector a one-time code. The caller makes code
	// and salt at random, sends the code and forgets it.
	IssueReleaseCode struct {
		domain.Act
		Code  uuid.UUID
		Share int
		To    domain.Subject
		Salt  string
		Hash  domain.Private[string] // HashCode, sealed for To
		Valid time.Duration          // zero: CodeValid
		Tries int                    // zero: CodeTries
	}
	// ReleaseAshes hands a share over. A wrong code is no rejection but a fact
	// that counts: the caller asks CremationState.CodeWrong afterwards.
	ReleaseAshes struct {
		domain.Act
		Share       int
		To          domain.Subject
		Name        domain.Private[string]
		Certificate string // the certificate that the person shows
		IDChecked   bool   // the person's identity card was compared
		// What FullCustody asks besides, and every share for which a code was issued.
		Code     string // as the person says it
		IDTail   string // the last four as read from the card
		IDTailOf string // fact: what the case says
		Receipt  domain.Private[string]
		Form     string // version of the receipt's form
		Photo    domain.Private[string]
		// PhotoNeeded is the parameter whether a photo is taken.
		PhotoNeeded bool
	}
	// ProposeRest proposes to lay a share to rest that nobody takes.
	ProposeRest struct {
		domain.Act
		Share    int
		Way      string // an eco burial's kind, a common grave
		Document string // the decision it rests on
		// After is the parameter how many days after the last notice.
		After int
	}
	// ApproveRest carries out what another account proposed.
	ApproveRest struct {
		domain.Act
		Share int
	}
)

func (CollectAshes) cremationCommand()     {}
func (SplitAshes) cremationCommand()       {}
func (MoveAshes) cremationCommand()        {}
func (DepositAshes) cremationCommand()     {}
func (ExtendDeposit) cremationCommand()    {}
func (WithdrawAshes) cremationCommand()    {}
func (PublishNotice) cremationCommand()    {}
func (IssueReleaseCode) cremationCommand() {}
func (ReleaseAshes) cremationCommand()     {}
func (ProposeRest) cremationCommand()      {}
func (ApproveRest) cremationCommand()      {}
func (CollectAshes) ashesCommand()         {}
func (SplitAshes) ashesCommand()           {}
func (MoveAshes) ashesCommand()            {}
func (DepositAshes) ashesCommand()         {}
func (ExtendDeposit) ashesCommand()        {}
func (WithdrawAshes) ashesCommand()        {}
func (PublishNotice) ashesCommand()        {}
func (IssueReleaseCode) ashesCommand()     {}
func (ReleaseAshes) ashesCommand()         {}
func (ProposeRest) ashesCommand()          {}
func (ApproveRest) ashesCommand()          {}

// A Share is some or all of the ashes of a case.
type Share struct {
	Part
	Place     Place
	Since     time.Time       // of the last scan; zero: not moved yet
	Split     bool            // it became others
	Deposited AshesDeposited  // zero Agreement: not in a niche
	Notice    NoticePublished // the last one
	Notices   []NoticeServed  // of the published schedule
	Code      ReleaseCodeIssued
	Wrong     []uuid.UUID // wrong tries of Code
	Released  AshesReleased
	Proposed  RestProposed
	Rest      LaidToRest
}

// InCustody says that the institution has the share.
func (s Share) InCustody() bool { return !s.Split && s.Released.To == "" && s.Rest.ApprovedBy == "" }

// AshLabel is what the label of a share says: the tag's number, for a part with
// the share's.
func AshLabel(tag string, share int) string {
	if share == wholeShare {
		return tag
	}
	return fmt.Sprintf("%s-%d", tag, share)
}

// NextShare is the number of the first part of the next split.
func (s CremationState) NextShare() int { return len(s.Shares) + 1 }

// HashCode is what the log keeps of a one-time code. Blanks, dashes and case do
// not matter: the person reads the code out.
func HashCode(salt, code string) string {
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	h := sha256.Sum256([]byte(salt + "\x00" + code))
	return hex.EncodeToString(h[:])
}

// A Custodian has ashes: the institution or a person, never both; neither once
// they are laid to rest.
type Custodian struct {
	Institution domain.CreditCode
	Person      domain.Subject
}

// A Holding is one share with the one who has it and where it is.
type Holding struct {
	Share     int // zero before the ashes are collected
	WeightG   int
	Custodian Custodian
	Place     Place  // where the institution keeps it
	Rest      string // how it was laid to rest; empty: it was not
}

// Holdings tells of all the ashes who has them and where (I11); none before the
// cremation is completed.
func (s CremationState) Holdings() []Holding {
	home := Custodian{Institution: s.Institution}
	if s.Done && len(s.Shares) == 0 {
		return []Holding{{Custodian: home, Place: Place{AtFurnace, s.Started.Furnace}}}
	}
	var hs []Holding
	for _, x := range s.Shares {
		h := Holding{Share: x.Share, WeightG: x.WeightG, Rest: x.Rest.Way}
		switch {
		case x.Split:
			continue
		case x.Released.To != "":
			h.Custodian = Custodian{Person: x.Released.To}
		case h.Rest == "":
			h.Custodian, h.Place = home, x.Place
		}
		hs = append(hs, h)
	}
	return hs
}

// Custodian is who has all the ashes; zero before the cremation is completed and
// when they are not all with one.
func (s CremationState) Custodian() Custodian {
	var c Custodian
	for i, h := range s.Holdings() {
		if i > 0 && h.Custodian != c {
			return Custodian{}
		}
		c = h.Custodian
	}
	return c
}

// An ExpiredTerm is a share whose deposit has run out.
type ExpiredTerm struct {
	Share int
	Until domain.Date
}

// Expired lists the shares whose term ended before that day. Nothing follows
// from it by itself.
func (s CremationState) Expired(today domain.Date) []ExpiredTerm {
	var over []ExpiredTerm
	for _, x := range s.Shares {
		if x.InCustody() && x.Deposited.Agreement != "" && x.Deposited.Until < today {
			over = append(over, ExpiredTerm{x.Share, x.Deposited.Until})
		}
	}
	return over
}

// CodeWrong says that the command was a try with a wrong code, and how many
// more the code bears.
func (s CremationState) CodeWrong(command uuid.UUID) (left int, wrong bool) {
	for _, x := range s.Shares {
		if slices.Contains(x.Wrong, command) {
			return max(0, x.Code.Tries-len(x.Wrong)), true
		}
	}
	return 0, false
}

// CollectorOf is who is named to receive a share; for zero the only one in
// custody, and before the ashes are collected whom the confirmation names.
func (s CremationState) CollectorOf(share int) domain.Subject {
	if x, _ := s.share(share); x.Collector != "" {
		return x.Collector
	}
	return s.Confirmation.Collector
}

// ashHolds are the holds that stop the ashes too. They carry no infection.
func (s CremationState) ashHolds() []HoldPlaced {
	return slices.DeleteFunc(s.OpenHolds(), func(h HoldPlaced) bool { return h.Kind == HoldInfectionControl })
}

// gone says that no ashes are left in the institution's custody.
func (s CremationState) gone() bool {
	return len(s.Shares) > 0 && !slices.ContainsFunc(s.Shares, Share.InCustody)
}

var (
	// ErrAshWeight refuses ashes that weigh nothing.
	ErrAshWeight = domain.Reject("ashes_weight", "请填写骨灰重量（克）。", "The weight of the ashes in grams is needed.").Under("I10", "")
	// ErrAshContainers refuses ashes in no container.
	ErrAshContainers = domain.Reject("ashes_containers", "请填写容器数量。", "The number of containers is needed.").Under("I10", "")
	// ErrAshLabel refuses a label that is not this case's.
	ErrAshLabel = domain.Reject("ashes_label", "容器标签与本业务的腕带编号不符，请停下核对。", "The label is not this case's tag number; please stop and check.").Under("I10", basisIdentity)
	// ErrAshSeal refuses a seal of one person alone.
	ErrAshSeal = domain.Reject("ashes_sealed_by_two", "骨灰容器须由两名工作人员共同封签。", "The container is sealed by two different people.").Under("I10", "")
	// ErrAshesCollected refuses to collect the same ashes anew.
	ErrAshesCollected = domain.Reject("ashes_collected", "骨灰已经收齐登记。", "The ashes are already recorded as collected.").Under("I10", "")
	// ErrNoAshes refuses to hand over what is not collected.
	ErrNoAshes = domain.Reject("ashes_not_collected", "骨灰还没有收齐登记。", "The ashes are not recorded as collected.").Under("I11", "")

	// ErrNoCertificate refuses to hand over without the certificate.
	ErrNoCertificate = domain.Reject("certificate_not_shown", "领取骨灰须出示本业务的有效火化证明。", "The valid cremation certificate of the case must be shown.").Under("I11", "")
	// ErrNotCollector refuses to hand the ashes to anybody else.
	ErrNotCollector = domain.Reject("ashes_not_collector", "骨灰只能交给火化确认书上指定的领取人。", "The ashes go only to the person named in the confirmation.").Under("I11", "")
	// ErrCollectorID refuses to hand over without looking at the identity card.
	ErrCollectorID = domain.Reject("ashes_collector_id", "请核对领取人的身份证件和姓名。", "The collector's identity card and name must be compared.").Under("I11", "")
	// ErrReleased refuses to hand over, or to hold, what has been handed over.
	ErrReleased = domain.Reject("ashes_released", "骨灰已经领取。", "The ashes have been handed over.").Under("I11", "")
	// ErrShare refuses an act about a share that is not named or not there.
	ErrShare = domain.Reject("ashes_share", "请写明是哪一份骨灰；没有第 %d 份，或它已经分装。", "Please name the share of the ashes; there is no share %d, or it was split.").Under("I11", "")
	// ErrAtRest refuses an act about ashes that are laid to rest.
	ErrAtRest = domain.Reject("ashes_at_rest", "这份骨灰已经安放安葬，不能再变动。", "These ashes are laid to rest.").Under("I11", "")
	// ErrShareLabel refuses a label that is not the share's.
	ErrShareLabel = domain.Reject("ashes_share_label", "标签应为 %s，请停下核对。", "The label should read %s; please stop and check.").Under("I10", basisIdentity)
	// ErrShareSum refuses parts that are not the whole.
	ErrShareSum = domain.Reject("ashes_shares_sum", "分装后各份合计 %d 克，与原重 %d 克不符。", "The parts weigh %d g together, the whole weighs %d g.").Under("I10", "")
	// ErrShareParts refuses a split into fewer than two.
	ErrShareParts = domain.Reject("ashes_shares_two", "分装须至少两份，每份都有重量和容器。", "A split makes at least two parts, each with a weight and a container.").Under("I10", "")
	// ErrSplitRequest refuses to split without the family's written wish.
	ErrSplitRequest = domain.Reject("ashes_split_request", "分装骨灰须有家属签字的申请，并注明表单版本。", "Ashes are split only on the family's signed request, with the form's version.").Under("I10", "")
	// ErrDeposited refuses what is not done with a share in its niche.
	ErrDeposited = domain.Reject("ashes_deposited", "这份骨灰正在寄存，请先办理取出。", "This share is deposited; withdraw it first.").Under("I11", "")
	// ErrNotDeposited refuses to withdraw or extend what is not deposited.
	ErrNotDeposited = domain.Reject("ashes_not_deposited", "这份骨灰没有寄存。", "This share is not deposited.").Under("I11", "")
	// ErrTerm refuses a deposit without agreement or term.
	ErrTerm = domain.Reject("ashes_term", "寄存须有协议编号、表单版本和到期日，到期日须晚于今天和原到期日。", "A deposit has an agreement, its form's version and a last day, after today and after the former one.").Under("I11", "")
	// ErrNotice refuses a notice without document or day.
	ErrNotice = domain.Reject("ashes_notice", "请写明公告编号和发布日期。", "The notice's number and its day are needed.").Under("I11", "")
	// ErrCodeNeeded refuses to hand over without a code that was issued.
	ErrCodeNeeded = domain.Reject("release_code_needed", "领取骨灰须核对一次性号码，请先发送。", "The ashes are handed over against a one-time code; please send one first.").Under("I11", "")
	// ErrCodeInvalid refuses a code that is not well made.
	ErrCodeInvalid = domain.Reject("release_code_invalid", "一次性号码没有正确生成，请重新发送。", "The one-time code was not made properly; please send another.").Under("I11", "")
	// ErrCodeExpired refuses a code whose time is over.
	ErrCodeExpired = domain.Reject("release_code_expired", "一次性号码已于 %s 失效，请重新发送。", "The one-time code expired at %s; please send another.").Under("I11", "")
	// ErrCodeBlocked refuses a code after too many wrong tries.
	ErrCodeBlocked = domain.Reject("release_code_blocked", "一次性号码输错次数过多，已停用，请核实来人后重新发送。", "Too many wrong tries; the code is closed. Please make sure who is there and send another.").Under("I11", "")
	// ErrCodeWrong is what a caller answers after CodeWrong.
	ErrCodeWrong = domain.Reject("release_code_wrong", "一次性号码不对，还可以试 %d 次。", "The one-time code is wrong; %d tries are left.").Under("I11", "")
	// ErrIDTail refuses a card that is not the collector's.
	ErrIDTail = domain.Reject("collector_id_tail", "证件号码后四位与指定领取人不符，请停下核对。", "The last four of the ID number are not the named collector's; please stop and check.").Under("I11", "")
	// ErrBothSign refuses to hand over with one signature, or none.
	ErrBothSign = domain.Reject("ashes_both_sign", "骨灰交接须双方当面确认并签字，注明表单版本。", "Both sides confirm the handing over and sign, on a form whose version is given.").Under("I11", "")
	// ErrPhoto refuses to hand over without the picture.
	ErrPhoto = domain.Reject("ashes_photo", "请拍照留存。", "Please take the picture.").Under("I11", "")
	// ErrByClock refuses to let a program end the custody of ashes.
	ErrByClock = domain.Reject("ashes_by_clock", "骨灰不会因到期自动处置，须由人决定并留下文书。", "Ashes are never disposed of by a clock; people decide, with a paper.").Under("I11", "")
	// ErrRest refuses to lay to rest without way, document and notice.
	ErrRest = domain.Reject("ashes_rest_incomplete", "须写明安放安葬方式和依据文书，并且已经公告、公告期已满。", "The way and the document are needed, and a notice whose time is over.").Under("I11", "")
	// ErrRestProposed refuses to carry out what nobody proposed.
	ErrRestProposed = domain.Reject("ashes_rest_not_proposed", "没有人提出安放安葬这份骨灰。", "Nobody proposed to lay this share to rest.").Under("I11", "")
	// ErrRestSelf refuses to carry out one's own proposal.
	ErrRestSelf = domain.Reject("ashes_rest_second_account", "须由提出人以外的另一帐号同意。", "It is approved on another account than the one that proposed.").Under("I11", "")
)

// ashes decides over the ashes' own commands.
func (s CremationState) ashes(cmd AshesCommand, at time.Time) ([]CremationEvent, error) {
	if c, ok := cmd.(CollectAshes); ok {
		return s.collectAshes(c)
	}
	if s.Ashes.WeightG == 0 {
		return nil, ErrNoAshes
	}
	switch c := cmd.(type) {
	case SplitAshes:
		return s.split(c)
	case MoveAshes:
		e := AshesMoved{c.Share, c.From, c.To, c.Out.stored(), c.In.stored()}
		x, err := s.moved(c.Act, &e.Share, c.Label, c.From, c.To, c.Out, c.In)
		switch {
		case err != nil || x.Share == 0:
			return nil, err
		case x.Deposited.Agreement != "":
			return nil, ErrDeposited
		case c.To.Kind != InAshesRoom:
			return nil, ErrPlace
		}
		return []CremationEvent{e}, nil
	case DepositAshes:
		e := AshesDeposited{c.Share, c.From, c.To, c.Out.stored(), c.In.stored(), c.Until, c.Agreement, c.Form}
		x, err := s.moved(c.Act, &e.Share, c.Label, c.From, c.To, c.Out, c.In)
		switch {
		case err != nil || x.Share == 0:
			return nil, err
		case x.Deposited.Agreement != "":
			return nil, ErrDeposited
		case c.To.Kind != InNiche || c.To.ID == "":
			return nil, ErrPlace
		case c.Agreement == "" || c.Form == "" || !c.Until.Valid() || c.Until <= domain.DateOf(c.Now):
			return nil, ErrTerm
		}
		return []CremationEvent{e}, nil
	case WithdrawAshes:
		e := AshesWithdrawn{c.Share, c.From, c.To, c.Out.stored(), c.In.stored()}
		x, err := s.moved(c.Act, &e.Share, c.Label, c.From, c.To, c.Out, c.In)
		switch {
		case err != nil || x.Share == 0:
			return nil, err
		case x.Deposited.Agreement == "":
			return nil, ErrNotDeposited
		case c.To.Kind != InAshesRoom:
			return nil, ErrPlace
		}
		return []CremationEvent{e}, nil
	case ExtendDeposit:
		x, err := s.share(c.Share)
		switch d := x.Deposited; {
		case err != nil:
			return nil, err
		case d.Agreement == "":
			return nil, ErrNotDeposited
		case d.Until == c.Until && d.Agreement == c.Agreement:
			return nil, nil
		case c.Agreement == "" || !c.Until.Valid() || c.Until <= d.Until || c.Until <= domain.DateOf(c.Now):
			return nil, ErrTerm
		}
		return []CremationEvent{DepositExtended{x.Share, c.Until, c.Agreement}}, nil
	case PublishNotice:
		x, err := s.share(c.Share)
		e := NoticePublished{x.Share, c.Document, c.PublishedOn, domain.DateOf(c.Now)}
		switch {
		case err != nil:
			return nil, err
		case c.Document != "" && x.Notice.Document == c.Document && x.Notice.PublishedOn == c.PublishedOn:
			return nil, nil
		case c.Document == "" || !c.PublishedOn.Valid() || c.PublishedOn < x.Notice.PublishedOn:
			return nil, ErrNotice
		case c.PublishedOn > domain.DateOf(c.Now):
			return nil, ErrDay.With(c.PublishedOn)
		}
		return []CremationEvent{e}, nil
	case ServeNotice:
		return s.serveNotice(c)
	case IssueReleaseCode:
		return s.issueCode(c)
	case ReleaseAshes:
		return s.release(c)
	case ProposeRest:
		x, err := s.share(c.Share)
		e := RestProposed{x.Share, c.Way, c.Document, c.By}
		switch {
		case err != nil:
			return nil, err
		case x.Proposed == e:
			return nil, nil
		case byClock(c.By):
			return nil, ErrByClock
		case c.Way == "" || c.Document == "" || x.Notice.Document == "" || cmp.Or(x.Notice.RunsFrom, x.Notice.PublishedOn).AddDays(c.After) > domain.DateOf(c.Now):
			return nil, ErrRest
		}
		return []CremationEvent{e}, nil
	case ApproveRest:
		x, err := s.share(c.Share)
		switch open := s.ashHolds(); {
		case err != nil:
			return nil, err
		case byClock(c.By):
			return nil, ErrByClock
		case x.Proposed.By == "":
			return nil, ErrRestProposed
		case x.Proposed.By == c.By:
			return nil, ErrRestSelf
		case len(open) > 0:
			return nil, held(open)
		}
		return []CremationEvent{LaidToRest{x.Share, x.Proposed.Way, x.Proposed.Document, x.Proposed.By, c.By}}, nil
	}
	panic("unreachable: AshesCommand is sealed")
}

// byClock says that no person acts.
func byClock(account string) bool { return strings.HasPrefix(account, "policy:") }

// share is the share in custody with this number; zero: the only one.
func (s CremationState) share(n int) (Share, error) {
	if n == 0 {
		for _, x := range s.Shares {
			switch {
			case !x.InCustody():
			case n != 0:
				return Share{}, ErrShare.With(0)
			default:
				n = x.Share
			}
		}
		if n == 0 { // all gone: how the last went
			if s.Released.To != "" {
				return Share{}, ErrReleased
			}
			return Share{}, ErrAtRest
		}
	}
	if n < 1 || n > len(s.Shares) || s.Shares[n-1].Split {
		return Share{}, ErrShare.With(n)
	}
	switch x := s.Shares[n-1]; {
	case x.Released.To != "":
		return x, ErrReleased
	case x.Rest.ApprovedBy != "":
		return x, ErrAtRest
	default:
		return x, nil
	}
}

// moved checks one move of a share. A zero share without error: it was done
// before.
func (s CremationState) moved(act domain.Act, n *int, label string, from, to Place, out, in Scan) (Share, error) {
	x, err := s.share(*n)
	*n = x.Share
	switch {
	case err != nil:
		return x, err
	case label != AshLabel(s.Tag, x.Share):
		return x, ErrShareLabel.With(AshLabel(s.Tag, x.Share))
	case x.Place == to && !x.Since.IsZero() && x.Since.Equal(in.At):
		return Share{}, nil
	case x.Place != from:
		return x, ErrMoveOrigin
	case from == to:
		return x, ErrMoveNowhere
	}
	return x, checkScans(act, out, in, x.Since)
}

func (s CremationState) collectAshes(c CollectAshes) ([]CremationEvent, error) {
	e := AshesCollected{c.WeightG, c.Containers, c.Label, c.SealedBy}
	switch {
	case !s.Done:
		return nil, ErrNotCompleted
	case s.Ashes == e && e.WeightG > 0:
		return nil, nil
	case s.Ashes.WeightG > 0:
		return nil, ErrAshesCollected
	case c.WeightG <= 0:
		return nil, ErrAshWeight
	case c.Containers < 1:
		return nil, ErrAshContainers
	case c.Label != s.Tag:
		return nil, ErrAshLabel
	case !two(c.SealedBy):
		return nil, ErrAshSeal
	}
	return []CremationEvent{e}, nil
}

// two says that these are two different people.
func two(who [2]string) bool { return who[0] != "" && who[1] != "" && who[0] != who[1] }

func (s CremationState) split(c SplitAshes) ([]CremationEvent, error) {
	x, err := s.share(c.Share)
	switch {
	case err != nil:
		return nil, err
	case x.Deposited.Agreement != "":
		return nil, ErrDeposited
	case c.Request.Or("") == "" || c.Form == "":
		return nil, ErrSplitRequest
	case len(c.Into) < 2:
		return nil, ErrShareParts
	}
	sum, parts := 0, slices.Clone(c.Into)
	for i := range parts {
		p := &parts[i]
		if p.Share = s.NextShare() + i; p.Collector == "" {
			p.Collector = x.Collector
		}
		switch label := AshLabel(s.Tag, p.Share); {
		case p.WeightG < 1 || p.Containers < 1 || p.WeightG > x.WeightG:
			return nil, ErrShareParts
		case p.Label != label:
			return nil, ErrShareLabel.With(label)
		case !two(p.SealedBy):
			return nil, ErrAshSeal
		}
		sum += p.WeightG
	}
	if sum != x.WeightG {
		return nil, ErrShareSum.With(sum, x.WeightG)
	}
	return []CremationEvent{AshesSplit{x.Share, parts, c.Request, c.Form}}, nil
}

func (s CremationState) issueCode(c IssueReleaseCode) ([]CremationEvent, error) {
	x, err := s.share(c.Share)
	if c.Valid <= 0 {
		c.Valid = CodeValid
	}
	if c.Tries <= 0 {
		c.Tries = CodeTries
	}
	e := ReleaseCodeIssued{c.Code, x.Share, c.To, c.Salt, c.Hash, c.Now.Add(c.Valid).UTC().Round(0), c.Tries}
	switch open := s.ashHolds(); {
	case err != nil:
		return nil, err
	case x.Code.Code != uuid.Nil && x.Code == e:
		return nil, nil
	case c.To == "" || c.To != x.Collector:
		return nil, ErrNotCollector
	case c.Code == uuid.Nil || s.codeUsed(c.Code) || len(c.Salt) < 16 || len(c.Hash.Or("")) != 2*sha256.Size || c.Hash.Subject() != c.To:
		return nil, ErrCodeInvalid
	case len(open) > 0:
		return nil, held(open)
	}
	return []CremationEvent{e}, nil
}

func (s CremationState) codeUsed(code uuid.UUID) bool {
	return slices.ContainsFunc(s.Shares, func(x Share) bool { return x.Code.Code == code })
}

func (s CremationState) release(c ReleaseAshes) ([]CremationEvent, error) {
	x, err := s.share(c.Share)
	if err == ErrReleased && c.To != "" && (c.Share == 0 && s.Released.To == c.To || x.Released.To == c.To) {
		return nil, nil // asked again
	}
	full := s.Rules == FullCustody
	coded := full || x.Code.Code != uuid.Nil
	switch open := s.ashHolds(); {
	case err != nil:
		return nil, err
	case byClock(c.By):
		return nil, ErrByClock
	case slices.Contains(x.Wrong, c.ID) && c.ID != uuid.Nil:
		return nil, nil // counted before
	case len(open) > 0:
		return nil, held(open)
	case s.Certificate == "" || c.Certificate != s.Certificate:
		return nil, ErrNoCertificate
	case c.To == "" || c.To != x.Collector:
		return nil, ErrNotCollector
	case !c.IDChecked || !named(c.Name):
		return nil, ErrCollectorID
	case x.Deposited.Agreement != "":
		return nil, ErrDeposited
	case coded && !sameTail(c.IDTail, c.IDTailOf):
		return nil, ErrIDTail
	case coded && (c.Receipt.Or("") == "" || c.Form == ""):
		return nil, ErrBothSign
	case c.PhotoNeeded && c.Photo.Or("") == "":
		return nil, ErrPhoto
	case coded && (x.Code.Code == uuid.Nil || x.Code.To != c.To):
		return nil, ErrCodeNeeded
	case coded && len(x.Wrong) >= x.Code.Tries:
		return nil, ErrCodeBlocked
	case coded && !c.Now.Before(x.Code.Expires):
		return nil, ErrCodeExpired.With(domain.FormatTime(x.Code.Expires))
	case coded && subtle.ConstantTimeCompare([]byte(x.Code.Hash.Or("")), []byte(HashCode(x.Code.Salt, c.Code))) == 0:
		return []CremationEvent{ReleaseCodeWrong{x.Code.Code, x.Share, c.ID, c.By}}, nil
	}
	return []CremationEvent{AshesReleased{x.Share, c.To, c.Name, c.Certificate, c.By, x.Code.Code, c.Receipt, c.Form, c.Photo}}, nil
}

func (s CremationState) evolveAshes(e AshesEvent) CremationState {
	with := func(share int, change func(*Share)) {
		s.Shares = slices.Clone(s.Shares)
		if share >= 1 && share <= len(s.Shares) {
			change(&s.Shares[share-1])
		}
	}
	switch e := e.(type) {
	case AshesCollected:
		s.Ashes = e
		s.Shares = []Share{{Part: Part{wholeShare, e.WeightG, e.Containers, e.Label, s.Confirmation.Collector, e.SealedBy}, Place: Place{InAshesRoom, ""}}}
	case AshesSplit:
		var from Share
		with(e.Share, func(x *Share) { x.Split, from = true, *x })
		for _, p := range e.Into {
			s.Shares = append(slices.Clip(s.Shares), Share{Part: p, Place: from.Place, Since: from.Since, Notice: from.Notice, Notices: renumbered(from.Notices, p.Share)})
		}
	case AshesMoved:
		with(e.Share, func(x *Share) { x.Place, x.Since = e.To, e.In.At })
	case AshesDeposited:
		with(e.Share, func(x *Share) { x.Place, x.Since, x.Deposited = e.To, e.In.At, e })
	case DepositExtended:
		with(e.Share, func(x *Share) { x.Deposited.Until, x.Deposited.Agreement = e.Until, e.Agreement })
	case AshesWithdrawn:
		with(e.Share, func(x *Share) { x.Place, x.Since, x.Deposited = e.To, e.In.At, AshesDeposited{} })
	case NoticePublished:
		with(e.Share, func(x *Share) { x.Notice = e })
	case NoticeServed:
		with(e.Share, func(x *Share) { x.Notices = append(slices.Clip(x.Notices), e) })
	case ReleaseCodeIssued:
		with(e.Share, func(x *Share) { x.Code, x.Wrong = e, nil })
	case ReleaseCodeWrong:
		with(e.Share, func(x *Share) { x.Wrong = append(slices.Clip(x.Wrong), e.Attempt) })
	case AshesReleased:
		with(e.Share, func(x *Share) { x.Released = e })
		if s.gone() {
			s.Released = e
		}
	case RestProposed:
		with(e.Share, func(x *Share) { x.Proposed = e })
	case LaidToRest:
		with(e.Share, func(x *Share) { x.Rest = e })
	}
	return s
}
