// Package oversight keeps what watches over institutions: complaints of anybody,
// the duty to follow up bad reviews (好差评), inspections whose institutions and
// officers are drawn (双随机), and penalties under the three systems of
// enforcement (公示, 全过程记录, 法制审核).
//
// Every term is fixed as a day in the event that begins it, from the parameters
// of that moment, so that a later change of a parameter moves no term that runs.
// A term that passes ends in an event that says so, the authority's own too.
package oversight

import (
	"strings"

	"shenzhong/domain"
)

// Wire lists the events under their names on the log.
var Wire = []domain.Wire{
	domain.Named[ComplaintFiled]("complaint.filed.v1"),
	domain.Named[ComplaintAcknowledged]("complaint.acknowledged.v1"),
	domain.Named[ComplaintForwarded]("complaint.forwarded.v1"),
	domain.Named[ComplaintAnswered]("complaint.answered.v1"),
	domain.Named[ComplaintDecided]("complaint.decided.v1"),
	domain.Named[ComplaintClosed]("complaint.closed.v1"),
	domain.Named[ComplaintMissed]("complaint.missed.v1"),

	domain.Named[ReviewOpened]("review.opened.v1"),
	domain.Named[ReviewContacted]("review.contacted.v1"),
	domain.Named[ReviewExtended]("review.extended.v1"),
	domain.Named[ReviewResolved]("review.resolved.v1"),
	domain.Named[ReviewChecked]("review.checked.v1"),
	domain.Named[ReviewExcluded]("review.excluded.v1"),
	domain.Named[ReviewMissed]("review.missed.v1"),

	domain.Named[InspectionCommitted]("inspection.committed.v1"),
	domain.Named[InspectionFrozen]("inspection.frozen.v1"),
	domain.Named[InspectionDrawn]("inspection.drawn.v1"),
	domain.Named[InspectionRecorded]("inspection.recorded.v1"),
	domain.Named[InspectionPublished]("inspection.published.v2"),
	domain.Upcast("inspection.published.v1", inspectionPublishedV1.up),
	domain.Named[InspectionMissed]("inspection.missed.v1"),

	domain.Named[PenaltyProposed]("penalty.proposed.v1"),
	domain.Named[PenaltyNotified]("penalty.notified.v1"),
	domain.Named[PenaltyHeard]("penalty.heard.v1"),
	domain.Named[PenaltyReviewed]("penalty.reviewed.v1"),
	domain.Named[PenaltyDecided]("penalty.decided.v1"),
	domain.Named[PenaltyServed]("penalty.served.v1"),
	domain.Named[PenaltyRepaired]("penalty.repaired.v1"),
	domain.Named[PenaltyRevoked]("penalty.revoked.v1"),
	domain.Named[PenaltyMissed]("penalty.missed.v1"),
}

// A Duty is something that is due by the end of a day.
type Duty struct {
	Step Step
	By   domain.Date
	// Authority says that the regulator owes it, else the institution does.
	Authority bool
}

// A Step is what a duty asks for.
type Step string

// The steps that have a term.
const (
	Acknowledge Step = "ACKNOWLEDGE"
	Answer      Step = "ANSWER"
	Decide      Step = "DECIDE"
	Call        Step = "CALL"
	Resolve     Step = "RESOLVE"
	Check       Step = "CHECK"
	Publish     Step = "PUBLISH"
	Mend        Step = "MEND" // of a cemetery's work order
)

// reviewRules is the document that the duty to follow up reviews rests on.
const reviewRules = "国办发〔2019〕51号"

// The rejections that the aggregates share.
var (
	ErrReason   = domain.Reject("oversight_reason_needed", "请写明理由，不写姓名。", "Please give the reason, without names.")
	ErrDocument = domain.Reject("oversight_document_needed", "请写明文书编号。", "Please give the document's number.")
	ErrNotDue   = domain.Reject("oversight_not_due", "这一步的期限还没有过，或者已经办了。", "The term of this step has not passed, or it has been done.")
	ErrTooLong  = domain.Reject("oversight_text_too_long", "最多写 %d 个字。", "At most %d characters.")
	ErrTerms    = domain.Reject("oversight_terms_unknown", "没有说明办理期限。", "The terms are not known.")
	ErrDay      = domain.Reject("oversight_day_invalid", "日期“%s”不对，或还没有到。", "The day %q does not exist or has not come yet.").Under("I8", "")
)

// maxLine and maxText bound a line in clear and a text under seal, in characters.
const (
	maxLine = 300
	maxText = 2000
)

// line checks a text that is kept in clear.
func line(s string, missing error) (string, error) {
	s, err := domain.CheckLine(s)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", missing
	case len([]rune(s)) > maxLine:
		return "", ErrTooLong.With(maxLine)
	}
	return s, nil
}

// sealed checks a text that is kept under seal; it may have lines.
func sealed(p domain.Private[string], missing error) error {
	s, ok := p.Get()
	switch {
	case !ok || strings.TrimSpace(s) == "" || p.Subject() == "":
		return missing
	case len([]rune(s)) > maxText:
		return ErrTooLong.With(maxText)
	}
	return nil
}

// missed says which duty of a step has passed; ErrNotDue where none has.
func missed(duties []Duty, step Step, today domain.Date) (Duty, error) {
	for _, d := range duties {
		if d.Step == step && d.By != "" && d.By < today {
			return d, nil
		}
	}
	return Duty{}, ErrNotDue
}
