// Package servicecredit is the read model of the service-credit ledger: every
// entry of every institution, with the score on any day.
package servicecredit

import (
	"time"

	"shenzhong/domain"
	"shenzhong/projections"
)

// A Standing is an institution and its score on a day.
type Standing struct {
	Institution string          `json:"credit_code"`
	NameZh      string          `json:"name_zh"`
	NameEn      string          `json:"name_en"`
	Kind        string          `json:"kind"`
	Division    domain.Division `json:"division"`
	Address     string          `json:"address"`
	Fictitious  bool            `json:"fictitious"`
	// On is the local day that the score is of.
	On domain.Date `json:"on"`
	// Score and Grade are set when Rated: some policy was in force on the day.
	Rated  bool   `json:"rated"`
	Score  int    `json:"score"`
	Grade  string `json:"grade"`
	Policy string `json:"policy"` // version that scored it
	// Base, Bonuses and Deductions are what the score is made of: Base + capped
	// bonuses − deductions, then held between the policy's limits.
	Base       int `json:"base"`
	Bonuses    int `json:"bonuses"`
	Deductions int `json:"deductions"`
}

// An Entry is one confirmed line of an institution's ledger.
type Entry struct {
	ID          string `json:"entry"`
	Institution string `json:"credit_code"`
	// Bonus tells a bonus from a deduction. Points are signed: −6, +2.
	Bonus    bool   `json:"bonus"`
	Rule     string `json:"rule"`
	RuleZh   string `json:"rule_zh"`
	RuleEn   string `json:"rule_en"`
	Points   int    `json:"points"`
	Severity string `json:"severity"` // MINOR, GENERAL, SEVERE; empty for a bonus
	Basis    string `json:"basis"`
	Fact     string `json:"fact"`
	Document string `json:"document"`
	// DecidedOn is the date of the decision document; Until the first day on
	// which the entry no longer counts by itself, empty when it does not lapse.
	DecidedOn domain.Date `json:"decided_on"`
	Until     domain.Date `json:"until"`
	// Policy is the version that the entry was confirmed under.
	Policy string `json:"policy"`
	// Score and Grade are the institution's right after this entry was
	// recorded, as of DecidedOn.
	Score int    `json:"score"`
	Grade string `json:"grade"`
	// PublicFrom and PublicUntil are the days on which the public may see it;
	// both empty when it is not published (minor entries).
	PublicFrom  domain.Date `json:"public_from"`
	PublicUntil domain.Date `json:"public_until"`
	// RepairableFrom is the first day on which repair may be asked for.
	RepairableFrom domain.Date `json:"repairable_from"`
	// Repaired and Revoked end the entry; Reason says why it was revoked.
	Repaired domain.Date `json:"repaired_on"`
	Revoked  domain.Date `json:"revoked_on"`
	Reason   string      `json:"reason"`
	// Evidence is the event that the fact was seen in, as the officer named it.
	Evidence string             `json:"evidence"`
	Source   projections.Source `json:"source"`
}

// A Suspicion is a fact that somebody or some rule noticed. It never scores and
// is for the institution and the regulator only.
type Suspicion struct {
	ID          string      `json:"suspicion"`
	Institution string      `json:"credit_code"`
	Rule        string      `json:"rule"`
	Fact        string      `json:"fact"`
	Basis       string      `json:"basis"`
	Evidence    string      `json:"evidence"`
	Raised      time.Time   `json:"raised_at"`
	AnswerBy    domain.Date `json:"answer_by"` // empty when no period runs
	Answered    time.Time   `json:"answered_at"`
	Answer      string      `json:"answer"`
	// Outcome is "", "dismissed" or "confirmed"; Entry is the entry it led to.
	Outcome string             `json:"outcome"`
	Entry   string             `json:"entry"`
	Source  projections.Source `json:"source"`
}
