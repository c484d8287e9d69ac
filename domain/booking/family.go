package booking

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"shenzhong/domain"
)

// A Channel is how a family wants to hear from us.
type Channel string

// The channels.
const (
	BySMS    Channel = "SMS"
	ByPhone  Channel = "PHONE"
	ByWeChat Channel = "WECHAT"
	ByNobody Channel = "NONE" // they look for themselves
)

// Channels lists every channel, in the order of menus.
var Channels = []Channel{BySMS, ByPhone, ByWeChat, ByNobody}

type (
	// ContactPreferred noted how and when the family wants to hear from us.
	ContactPreferred struct {
		Channel Channel `json:"channel"`
		// Nothing is sent between QuietFrom and QuietUntil, over midnight.
		QuietFrom  domain.Clock `json:"quiet_from,omitzero"`
		QuietUntil domain.Clock `json:"quiet_until,omitzero"`
		Language   string       `json:"language,omitzero"` // "zh", "en"
	}
	// TrackingIssued gave the family a code to follow the case. The log knows
	// only its hash; a new one voids the former.
	TrackingIssued struct {
		Hash string `json:"hash"` // 64 hex digits
	}
	// Rated is what the family thinks of the service (好差评).
	Rated struct {
		Level int `json:"level"` // 5 very satisfied to 1 very dissatisfied
		// Parts are the sub-scores that were given, "manner": 4.
		Parts   []PartScore            `json:"parts,omitzero"`
		Comment domain.Private[string] `json:"comment,omitzero"`
		// Named says that the family signs it and wants to be called.
		Named bool `json:"named,omitzero"`
	}
)

func (ContactPreferred) caseEvent() {}
func (TrackingIssued) caseEvent()   {}
func (Rated) caseEvent()            {}

// A PartScore rates one side of a service.
type PartScore struct {
	Part  string `json:"part"`
	Level int    `json:"level"`
}

// RatedParts lists the sides that may be rated: 整体, 效率, 水平, 态度.
var RatedParts = []string{"overall", "efficiency", "skill", "manner"}

type (
	// PreferContact notes how and when the family wants to hear from us.
	PreferContact struct {
		domain.Act
		ContactPreferred
	}
	// IssueTracking gives the family a new code, of which this is the hash.
	IssueTracking struct {
		domain.Act
		Hash string
	}
	// Rate says what the family thinks of the service.
	Rate struct {
		domain.Act
		Level   int
		Parts   []PartScore
		Comment domain.Private[string]
		Named   bool
		// AshesReleasedOn is a fact: the day on which the ashes were handed
		// over; empty while they are not.
		AshesReleasedOn domain.Date
	}
)

func (PreferContact) caseCommand() {}
func (IssueTracking) caseCommand() {}
func (Rate) caseCommand()          {}

// The rejections about what families do.
var (
	ErrContact      = domain.Reject("contact_invalid", "请选择联系方式；不打扰的时间要写起止两个钟点。", "Please choose a channel; a quiet time has a beginning and an end.")
	ErrTracking     = domain.Reject("tracking_invalid", "查询码的摘要不对。", "The hash of the tracking code is not valid.")
	ErrRateEarly    = domain.Reject("rating_before_ashes", "骨灰交给家属以后才能评价。", "The service is rated after the ashes have been handed over.")
	ErrRating       = domain.Reject("rating_invalid", "评价分五级，从 5（非常满意）到 1（非常不满意）。", "A rating has five levels, from 5 (very satisfied) to 1 (very dissatisfied).")
	ErrRated        = domain.Reject("rated", "这件业务已经评价过。", "This case has been rated already.")
	ErrTooMuchToSay = domain.Reject("comment_too_long", "最多写 %d 个字。", "At most %d characters.")
)

const maxComment = 2000

func (s State) evolveFamily(e Event) State {
	switch e := e.(type) {
	case ContactPreferred:
		s.Contact = e
	case TrackingIssued:
		s.Tracking = e.Hash
	case Rated:
		s.Rating = &e
	}
	return s
}

func (s State) preferContact(c PreferContact) ([]Event, error) {
	e := c.ContactPreferred
	quiet := e.QuietFrom != "" || e.QuietUntil != ""
	switch {
	case e == s.Contact:
		return nil, nil
	case !slices.Contains(Channels, e.Channel), quiet && (!e.QuietFrom.Valid() || !e.QuietUntil.Valid() || e.QuietFrom == e.QuietUntil),
		e.Language != "" && e.Language != "zh" && e.Language != "en":
		return nil, ErrContact
	}
	return []Event{e}, nil
}

// TrackingHash is the hash under which a tracking code is stored, however it is
// typed: "7k2m 94xp" and "7K2M-94XP" are one. Codes are short enough to be tried
// out, so the hash is keyed: whoever has only the log learns no code.
func TrackingHash(key []byte, code string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("tracking " + strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return unicode.ToUpper(r)
	}, code)))
	return hex.EncodeToString(mac.Sum(nil))
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (s State) issueTracking(c IssueTracking) ([]Event, error) {
	switch {
	case !hashForm.MatchString(c.Hash):
		return nil, ErrTracking
	case c.Hash == s.Tracking:
		return nil, nil
	}
	return []Event{TrackingIssued{c.Hash}}, nil
}

func (s State) rate(c Rate) ([]Event, error) {
	e := Rated{c.Level, slices.Clone(c.Parts), c.Comment, c.Named}
	text, has := c.Comment.Get()
	var seen []string
	for _, p := range c.Parts {
		if p.Level < 1 || p.Level > 5 || !slices.Contains(RatedParts, p.Part) || slices.Contains(seen, p.Part) {
			return nil, ErrRating
		}
		seen = append(seen, p.Part)
	}
	switch {
	case s.Rating != nil && s.Rating.Level == e.Level && slices.Equal(s.Rating.Parts, e.Parts) && s.Rating.Comment == e.Comment && s.Rating.Named == e.Named:
		return nil, nil
	case s.Rating != nil:
		return nil, ErrRated
	case !c.AshesReleasedOn.Valid() || c.AshesReleasedOn > domain.DateOf(c.Now):
		return nil, ErrRateEarly
	case c.Level < 1 || c.Level > 5:
		return nil, ErrRating
	case has && c.Comment.Subject() != s.Handler.Person:
		return nil, ErrPerson
	case len([]rune(text)) > maxComment:
		return nil, ErrTooMuchToSay.With(maxComment)
	}
	return []Event{e}, nil
}
