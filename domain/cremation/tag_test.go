package cremation_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func TestTag(t *testing.T) {
	tag := domaintest.For(Tag)
	t.Run("a new tag goes to a case", func(t *testing.T) {
		tag.Given(t).When(IssueTag{at("staff-1", 0), "T-0001", caseA}).Then(TagIssued{"T-0001", caseA})
	})
	t.Run("a tag is never used for another case", func(t *testing.T) {
		tag.Given(t, TagIssued{"T-0001", caseA}).When(IssueTag{at("staff-1", 0), "T-0001", caseB}).Rejects(ErrTagUsed)
	})
	t.Run("tag and case are named", func(t *testing.T) {
		tag.Given(t).When(IssueTag{at("staff-1", 0), "", caseA}).Rejects(ErrTagNeeded)
		tag.Given(t).When(IssueTag{at("staff-1", 0), "T-0001", uuid.Nil}).Rejects(ErrNoCase)
	})
}

func TestTagHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Tag, func(TagState) TagCommand {
			return IssueTag{at("staff-1", 0), "T-0001", rapid.SampledFrom([]uuid.UUID{caseA, caseB, uuid.Nil}).Draw(t, "case")}
		}, func(s TagState, history []TagEvent) {
			if len(history) > 1 {
				t.Fatalf("issued %d times", len(history))
			}
		})
	})
}
