package domain

// SubjectCategory is the first part of the stream of one natural person; its id
// is the Subject. The stream holds nothing about the person but that their data
// was erased.
const SubjectCategory = "subject"

// SubjectWire lists the event under its name on the log.
var SubjectWire = []Wire{Named[Forgotten]("subject.forgotten.v1")}

// SubjectEvent is a fact about what is kept of one person.
type SubjectEvent interface{ subjectEvent() }

// Forgotten says that everything sealed under the person's key is to be read
// as forgotten from then on. Read models that keep personal data purge it when
// they fold the event, and never take in data of that person again, so that it
// makes no difference whether the key is erased just before or just after it.
// Whoever asks for it sees to both: the event makes the purge, erasing the key
// (Keyring.Forget) makes the log itself unreadable.
type Forgotten struct {
	Person Subject `json:"person"`
	// Ground is why, Document the paper that the decision rests on.
	Ground   ForgetGround `json:"ground"`
	Document string       `json:"document,omitzero"`
}

func (Forgotten) subjectEvent() {}

// A ForgetGround is why a person's data is erased.
type ForgetGround string

// The grounds.
const (
	RetentionEnded ForgetGround = "RETENTION_ENDED" // the time for which records are kept has passed
	Requested      ForgetGround = "REQUESTED"       // by the person, or by the relatives of the deceased
	NeverNeeded    ForgetGround = "NEVER_NEEDED"    // recorded by mistake
)

// ForgetGrounds lists every ground, in the order of menus.
var ForgetGrounds = []ForgetGround{RetentionEnded, Requested, NeverNeeded}

// SubjectCommand asks something about what is kept of one person.
type SubjectCommand interface {
	Command
	subjectCommand()
}

// Forget erases what is known of a person.
type Forget struct {
	Act
	Forgotten
}

func (Forget) subjectCommand() {}

// SubjectState says whether the person's data was erased.
type SubjectState struct{ Forgotten bool }

// Forgetting decides over what is kept of one person. Erasing cannot be undone.
var Forgetting = Decider[SubjectState, SubjectCommand, SubjectEvent]{Decide: decideSubject, Evolve: evolveSubject}

var (
	// ErrForgetWhom refuses to forget nobody.
	ErrForgetWhom = Reject("forget_nobody", "没有说明要删除谁的资料。", "Nobody is named whose data is to be erased.")
	// ErrForgetGround refuses to erase without a ground.
	ErrForgetGround = Reject("forget_ground_missing", "删除个人资料要选择理由；按申请删除的，写明申请文书。", "Erasing personal data needs its ground, and on request the paper of the request.")
)

func decideSubject(s SubjectState, cmd SubjectCommand) ([]SubjectEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Forget:
		known := false
		for _, g := range ForgetGrounds {
			known = known || g == c.Ground
		}
		switch {
		case c.Person == "":
			return nil, ErrForgetWhom
		case s.Forgotten:
			return nil, nil
		case !known, c.Ground == Requested && c.Document == "":
			return nil, ErrForgetGround
		}
		return []SubjectEvent{c.Forgotten}, nil
	}
	panic("unreachable: sealed interface")
}

func evolveSubject(s SubjectState, e SubjectEvent) SubjectState {
	if _, ok := e.(Forgotten); ok {
		s.Forgotten = true
	}
	return s
}
