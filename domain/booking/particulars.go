package booking

import (
	"slices"
	"strings"

	"shenzhong/domain"
)

// A Field is one particular that may turn out wrong.
type Field string

// The particulars that a correction may change.
const (
	FieldName        Field = "deceased.name"
	FieldCitizenID   Field = "deceased.citizen_id"
	FieldDocument    Field = "deceased.document"
	FieldSex         Field = "deceased.sex"
	FieldBirth       Field = "deceased.birth"
	FieldDeathDate   Field = "deceased.death_date"
	FieldHukou       Field = "deceased.hukou"
	FieldNationality Field = "deceased.nationality"
	FieldHandlerName Field = "handler.name"
	FieldPhone       Field = "handler.phone"
	FieldRelation    Field = "handler.relation"
	FieldHandlerID   Field = "handler.citizen_id"
)

// Fields lists every particular, in the order of the form.
var Fields = []Field{FieldName, FieldCitizenID, FieldDocument, FieldSex, FieldBirth, FieldDeathDate, FieldHukou, FieldNationality,
	FieldHandlerName, FieldPhone, FieldRelation, FieldHandlerID}

type (
	// Amended replaced the particulars before the cremation began.
	Amended struct {
		Deceased Deceased `json:"deceased"`
		Handler  Handler  `json:"handler"`
	}
	// ParticularsFixed noted that the cremation has begun: from now on the
	// particulars change only by Corrected.
	ParticularsFixed struct {
		Furnace string `json:"furnace,omitzero"`
	}
	// Corrected put a particular right after the cremation began. What it was
	// before stays on the log.
	Corrected struct {
		Correction string                 `json:"correction"`
		Field      Field                  `json:"field"`
		From       domain.Private[string] `json:"from,omitzero"`
		To         domain.Private[string] `json:"to,omitzero"`
		Reason     string                 `json:"reason"` // why, never who
		Document   string                 `json:"document,omitzero"`
	}
	// Clarified added an explanation and changed nothing.
	Clarified struct {
		Clarification string                 `json:"clarification"`
		Field         Field                  `json:"field"`
		Text          domain.Private[string] `json:"text"`
	}
)

func (Amended) caseEvent()          {}
func (ParticularsFixed) caseEvent() {}
func (Corrected) caseEvent()        {}
func (Clarified) caseEvent()        {}

type (
	// Amend replaces the particulars before the cremation begins.
	Amend struct {
		domain.Act
		Deceased Deceased
		Handler  Handler
		// Begun is the fact that the cremation has begun.
		Begun bool
	}
	// FixParticulars notes that the remains were charged into a furnace.
	FixParticulars struct {
		domain.Act
		ParticularsFixed
	}
	// Correct puts a particular right after the cremation began.
	Correct struct {
		domain.Act
		Correction string // id
		Field      Field
		From, To   string // values as the form shows them
		Reason     string
		Document   string
		Begun      bool // fact
	}
	// Clarify explains a particular and changes nothing.
	Clarify struct {
		domain.Act
		Clarification string // id
		Field         Field
		Text          string
		Begun         bool // fact
	}
)

func (Amend) caseCommand()          {}
func (FixParticulars) caseCommand() {}
func (Correct) caseCommand()        {}
func (Clarify) caseCommand()        {}

// The rejections about particulars.
var (
	ErrField            = domain.Reject("field_unknown", "资料里没有“%s”这一项。", "There is no particular %q.")
	ErrCorrectionReason = domain.Reject("correction_without_reason", "更正要写明原因。", "A correction needs its reason.").Under("I12", "")
	ErrCorrectionFrom   = domain.Reject("correction_from_differs", "现在记录的不是您写的原值，请再看一遍。", "What is recorded now is not what you gave as the former value; please look again.").Under("I12", "")
	ErrCorrectionSame   = domain.Reject("correction_changes_nothing", "新值和原值一样。", "The new value is the former one.")
	ErrCorrectionExists = domain.Reject("correction_exists", "更正 %s 已经记录，内容不同。", "Correction %s is recorded already, with other contents.")
	ErrClarification    = domain.Reject("clarification_empty", "请写明要补充说明的内容。", "Please write what is to be clarified.")
)

func (s State) evolveParticulars(e Event) State {
	switch e := e.(type) {
	case Amended:
		s.Deceased, s.Handler = e.Deceased, e.Handler
	case ParticularsFixed:
		s.Fixed = true
	case Corrected:
		s.Fixed = true
		s.Corrections = append(slices.Clip(s.Corrections), e)
		s.Deceased, s.Handler = with(s.Deceased, s.Handler, e.Field, e.To)
	case Clarified:
		s.Clarifications = append(slices.Clip(s.Clarifications), e)
	}
	return s
}

// as gives a sealed text another type. What is forgotten stays forgotten.
func as[T ~string](p domain.Private[string]) domain.Private[T] {
	var t domain.Private[T]
	switch v, ok := p.Get(); {
	case ok:
		return domain.Personal(p.Subject(), T(v))
	case p.IsForgotten():
		t.SetForgotten(p.Subject())
	}
	return t
}

// with puts one particular in place of another. A value that is kept in clear
// stays what it was when the correction is forgotten.
func with(d Deceased, h Handler, f Field, v domain.Private[string]) (Deceased, Handler) {
	clear, known := v.Get()
	known = known || v.IsZero()
	switch f {
	case FieldName:
		d.Name = v
	case FieldCitizenID:
		d.CitizenID = as[domain.CitizenID](v)
	case FieldDocument:
		kind, number, _ := strings.Cut(clear, ":")
		switch {
		case v.IsForgotten():
			d.Document.Number = v
		case clear == "":
			d.Document = IDDocument{}
		default:
			d.Document = IDDocument{DocumentKind(kind), domain.Personal(v.Subject(), number)}
		}
	case FieldSex:
		d.Sex = as[Sex](v)
	case FieldBirth:
		d.Birth = as[domain.Date](v)
	case FieldNationality:
		d.Nationality = v
	case FieldHandlerName:
		h.Name = v
	case FieldPhone:
		h.Phone = v
	case FieldHandlerID:
		h.CitizenID = as[domain.CitizenID](v)
	}
	if known {
		switch f {
		case FieldDeathDate:
			d.DeathDate = domain.Date(clear)
		case FieldHukou:
			d.Hukou = domain.Division(clear)
		case FieldRelation:
			h.Relation = Relation(clear)
		}
	}
	return d, h
}

// Value is a particular as the correction form shows it; empty where there is
// none.
func (s State) Value(f Field) string { return value(s.Deceased, s.Handler, f) }

func value(d Deceased, h Handler, f Field) string {
	switch f {
	case FieldName:
		return d.Name.Or("")
	case FieldCitizenID:
		return string(d.CitizenID.Or(""))
	case FieldDocument:
		if d.Document.Kind == "" {
			return ""
		}
		return string(d.Document.Kind) + ":" + d.Document.Number.Or("")
	case FieldSex:
		return string(d.Sex.Or(""))
	case FieldBirth:
		return string(d.Birth.Or(""))
	case FieldDeathDate:
		return string(d.DeathDate)
	case FieldHukou:
		return string(d.Hukou)
	case FieldNationality:
		return d.Nationality.Or("")
	case FieldHandlerName:
		return h.Name.Or("")
	case FieldPhone:
		return h.Phone.Or("")
	case FieldRelation:
		return string(h.Relation)
	case FieldHandlerID:
		return string(h.CitizenID.Or(""))
	}
	return ""
}

// of is whom a field is about.
func (f Field) of(s State) domain.Subject {
	if strings.HasPrefix(string(f), "handler.") {
		return s.Handler.Person
	}
	return s.Deceased.Person
}

// canonical is how a value of that field is kept.
func (f Field) canonical(v string) string {
	switch f {
	case FieldCitizenID, FieldHandlerID:
		return strings.ToUpper(strings.TrimSpace(v))
	case FieldDocument:
		kind, number, _ := strings.Cut(v, ":")
		if kind == "" {
			return ""
		}
		return kind + ":" + strings.ToUpper(strings.TrimSpace(number))
	}
	return v
}

// sealed keeps a value under that person; nothing for no value.
func sealed(of domain.Subject, v string) domain.Private[string] {
	if v == "" {
		return domain.Private[string]{}
	}
	return domain.Personal(of, v)
}

func (s State) amend(c Amend) ([]Event, error) {
	e := Amended{c.Deceased, c.Handler}
	var err error
	if e.Deceased, err = e.Deceased.checked(domain.DateOf(c.Now)); err != nil {
		return nil, err
	}
	if e.Handler, err = e.Handler.checked(); err != nil {
		return nil, err
	}
	switch {
	case e.Deceased == s.Deceased && e.Handler == s.Handler:
		return nil, nil
	case s.ended():
		return nil, ErrEnded
	case s.Fixed || c.Begun:
		return nil, ErrAfterCremation
	case e.Handler.Person == e.Deceased.Person:
		return nil, ErrPerson
	case e.Handler.Person != s.Handler.Person: // that is ReplaceHandler
		return nil, ErrReplacement
	case e.Deceased.Unnamed == Unidentified && !e.Handler.Relation.authority():
		return nil, ErrUnclaimed
	}
	return []Event{e}, nil
}

func (s State) fixParticulars(c FixParticulars) ([]Event, error) {
	if s.Fixed {
		return nil, nil
	}
	return []Event{c.ParticularsFixed}, nil
}

func (s State) correct(c Correct) ([]Event, error) {
	var same *Corrected
	for i, have := range s.Corrections {
		if have.Correction == c.Correction {
			same = &s.Corrections[i]
		}
	}
	switch {
	case blank(c.Correction):
		return nil, ErrNoID
	case !slices.Contains(Fields, c.Field):
		return nil, ErrField.With(c.Field)
	case same != nil:
		if same.Field == c.Field && same.Reason == c.Reason && same.Document == c.Document && same.From.Or("") == c.From && same.To.Or("") == c.Field.canonical(c.To) {
			return nil, nil
		}
		return nil, ErrCorrectionExists.With(c.Correction)
	case !s.Fixed && !c.Begun:
		return nil, ErrBeforeCremation
	case blank(c.Reason):
		return nil, ErrCorrectionReason
	case s.Value(c.Field) != c.From:
		return nil, ErrCorrectionFrom
	}
	of := c.Field.of(s)
	d, h := with(s.Deceased, s.Handler, c.Field, sealed(of, c.To))
	if c.Field == FieldCitizenID { // the number tells both
		d.Birth, d.Sex = domain.Private[domain.Date]{}, domain.Private[Sex]{}
	}
	var err error
	if d, err = d.checked(domain.DateOf(c.Now)); err != nil {
		return nil, err
	}
	if h, err = h.checked(); err != nil {
		return nil, err
	}
	to := value(d, h, c.Field) // in canonical form
	if to == c.From {
		return nil, ErrCorrectionSame
	}
	es := []Event{Corrected{c.Correction, c.Field, sealed(of, c.From), sealed(of, to), c.Reason, c.Document}}
	if c.Field == FieldCitizenID {
		for _, f := range []Field{FieldBirth, FieldSex} {
			if was, is := s.Value(f), value(d, h, f); was != is {
				es = append(es, Corrected{c.Correction + "." + string(f), f, sealed(of, was), sealed(of, is), c.Reason, c.Document})
			}
		}
	}
	return es, nil
}

func (s State) clarify(c Clarify) ([]Event, error) {
	e := Clarified{c.Clarification, c.Field, sealed(c.Field.of(s), c.Text)}
	for _, have := range s.Clarifications {
		if have == e {
			return nil, nil
		}
		if have.Clarification == e.Clarification {
			return nil, ErrCorrectionExists.With(c.Clarification)
		}
	}
	switch {
	case blank(c.Clarification):
		return nil, ErrNoID
	case !slices.Contains(Fields, c.Field):
		return nil, ErrField.With(c.Field)
	case blank(c.Text):
		return nil, ErrClarification
	case !s.Fixed && !c.Begun:
		return nil, ErrBeforeCremation
	}
	return []Event{e}, nil
}
