package cremation

import (
	"github.com/google/uuid"

	"shenzhong/domain"
)

// TagCategory names the streams of remains tags; a stream's id is the number
// printed on the tag.
const TagCategory = "tag"

// A TagEvent is what happens to one remains tag.
type TagEvent interface{ tagEvent() }

// TagIssued ties a tag to a case, for ever (I1).
type TagIssued struct {
	Tag  string    `json:"tag"`
	Case uuid.UUID `json:"case"`
}

func (TagIssued) tagEvent() {}

// A TagCommand asks something of one remains tag.
type TagCommand interface {
	domain.Command
	tagCommand()
}

// IssueTag puts a tag on the remains of a case.
type IssueTag struct {
	domain.Act
	Tag  string
	Case uuid.UUID
}

func (IssueTag) tagCommand() {}

// TagState is the case that a tag belongs to; uuid.Nil for an unused tag.
type TagState struct{ Case uuid.UUID }

// Tag decides over one remains tag.
var Tag = domain.Decider[TagState, TagCommand, TagEvent]{Decide: decideTag, Evolve: evolveTag}

var (
	// ErrNoCase refuses an act that names no case.
	ErrNoCase = domain.Reject("cremation_no_case", "没有说明是哪一件业务。", "No case is named.")
	// ErrTagNeeded refuses an act without a tag number.
	ErrTagNeeded = domain.Reject("tag_needed", "请扫描腕带编号。", "Please scan the tag.").Under("I1", "")
	// ErrTagUsed refuses a tag that belongs to another case, now or long ago.
	ErrTagUsed = domain.Reject("tag_used", "这个腕带编号已经用于另一位逝者，编号终身只用一次，请换一个新的。",
		"This tag already belongs to another case; a tag is used once and never again.").Under("I1", "").Race()
)

func decideTag(s TagState, cmd TagCommand) ([]TagEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case IssueTag:
		switch {
		case c.Case == uuid.Nil:
			return nil, ErrNoCase
		case c.Tag == "":
			return nil, ErrTagNeeded
		case s.Case == c.Case:
			return nil, nil
		case s.Case != uuid.Nil:
			return nil, ErrTagUsed
		}
		return []TagEvent{TagIssued{c.Tag, c.Case}}, nil
	}
	panic("unreachable: TagCommand is sealed")
}

func evolveTag(s TagState, e TagEvent) TagState {
	if e, ok := e.(TagIssued); ok {
		s.Case = e.Case
	}
	return s
}
