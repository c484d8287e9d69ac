package booking

import (
	"regexp"
	"slices"
	"strings"

	"shenzhong/domain"
)

// A Kind is whose papers the deceased had. It decides which document stands
// for the identity card, which papers are needed and which office is told.
type Kind string

// The kinds of deceased.
const (
	Resident    Kind = "RESIDENT"
	UnnamedBody Kind = "UNNAMED" // 查实不了身源的无名（主）遗体
	Infant      Kind = "INFANT"  // no identity card of its own yet
	Foreign     Kind = "FOREIGN"
	HongKong    Kind = "HONG_KONG"
	Macao       Kind = "MACAO"
	Taiwan      Kind = "TAIWAN"
)

// DeceasedKinds lists every kind, in the order of menus.
var DeceasedKinds = []Kind{Resident, Infant, Foreign, HongKong, Macao, Taiwan, UnnamedBody}

// A DocumentKind is what kind of paper proves who somebody is.
type DocumentKind string

// The kinds of identity document besides the resident identity card.
const (
	Passport          DocumentKind = "PASSPORT"
	PermanentResident DocumentKind = "PERMANENT_RESIDENCE" // 外国人永久居留身份证
	HomeReturnPermit  DocumentKind = "HM_PERMIT"           // 港澳居民来往内地通行证
	TaiwanPermit      DocumentKind = "TW_PERMIT"           // 台湾居民来往大陆通行证
	ResidencePermit   DocumentKind = "RESIDENCE_PERMIT"    // 港澳台居民居住证, 81/82/83
	BirthCertificate  DocumentKind = "BIRTH_CERTIFICATE"   // 出生医学证明
)

// DocumentKinds lists every kind of document, in the order of menus.
var DocumentKinds = []DocumentKind{Passport, PermanentResident, HomeReturnPermit, TaiwanPermit, ResidencePermit, BirthCertificate}

// Documents lists what may stand for the identity card of that kind of
// deceased, the usual one first.
func (k Kind) Documents() []DocumentKind {
	switch k {
	case Infant:
		return []DocumentKind{BirthCertificate}
	case Foreign:
		return []DocumentKind{Passport, PermanentResident}
	case HongKong, Macao:
		return []DocumentKind{HomeReturnPermit, ResidencePermit}
	case Taiwan:
		return []DocumentKind{TaiwanPermit, ResidencePermit}
	}
	return nil
}

// An IDDocument is one paper that proves who somebody is.
type IDDocument struct {
	Kind   DocumentKind           `json:"kind,omitzero"`
	Number domain.Private[string] `json:"number,omitzero"`
}

// numbers are the forms that document numbers have. They are wide where we
// could not read the issuer's rule: a number that does not fit is surely a slip
// of the pen, one that fits still has to be compared with the paper.
var numbers = map[DocumentKind]*regexp.Regexp{
	Passport:          regexp.MustCompile(`^[A-Z0-9]{5,20}$`),
	PermanentResident: regexp.MustCompile(`^([A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X])$`),
	HomeReturnPermit:  regexp.MustCompile(`^[HM][0-9]{8}([0-9]{2})?$`),
	TaiwanPermit:      regexp.MustCompile(`^[0-9]{8}([0-9]{2}[A-Z])?$`),
	ResidencePermit:   regexp.MustCompile(`^8[123]0000[0-9]{11}[0-9X]$`),
	BirthCertificate:  regexp.MustCompile(`^[A-Z][0-9]{9}$`),
}

// territories are the divisions of residence permits.
var territories = map[Kind]string{HongKong: "810000", Macao: "820000", Taiwan: "830000"}

// checked answers with the document in canonical form.
func (d IDDocument) checked(of domain.Subject) (IDDocument, error) {
	n, has := d.Number.Get()
	form := numbers[d.Kind]
	if d == (IDDocument{}) {
		return d, nil
	}
	if form == nil || !has {
		return d, ErrDocument
	}
	if d.Number.Subject() != of {
		return d, ErrPerson
	}
	n = strings.ToUpper(strings.TrimSpace(n))
	if !form.MatchString(n) {
		return d, ErrDocument
	}
	if d.Kind == ResidencePermit {
		if _, err := domain.ParseCitizenID(n); err != nil {
			return d, err
		}
	}
	d.Number = domain.Personal(of, n)
	return d, nil
}

// Class is the kind of the deceased: the one that was stated, or the one that
// follows from the papers.
func (d Deceased) Class() Kind {
	switch {
	case d.Kind != "":
		return d.Kind
	case d.Unnamed == Unidentified:
		return UnnamedBody
	case d.Unnamed == Newborn, d.Document.Kind == BirthCertificate:
		return Infant
	case d.Document.Kind == Passport, d.Document.Kind == PermanentResident:
		return Foreign
	case d.Document.Kind == TaiwanPermit:
		return Taiwan
	}
	id, _ := d.CitizenID.Get()
	number := string(id)
	if number == "" {
		number = strings.ToUpper(strings.TrimSpace(d.Document.Number.Or("")))
	}
	for k, division := range territories {
		if strings.HasPrefix(number, division) {
			return k
		}
	}
	switch {
	case d.Document.Kind != HomeReturnPermit:
		return Resident
	case strings.HasPrefix(number, "M"):
		return Macao
	}
	return HongKong
}

// Person's own fields, in the order in which checked looks at them.
func (d Deceased) subjects() []domain.Subject {
	return []domain.Subject{subject(d.Name), subject(d.CitizenID), subject(d.Sex), subject(d.Birth), subject(d.Nationality), subject(d.Document.Number)}
}

// checked answers with d in canonical form: numbers in upper case, sex and
// birth date from the ID number where they were not given, and the kind where
// it follows from a number that may be forgotten one day.
func (d Deceased) checked(today domain.Date) (Deceased, error) {
	name, named := d.Name.Get()
	for _, of := range d.subjects() {
		if d.Person == "" || of != "" && of != d.Person {
			return d, ErrPerson
		}
	}
	switch {
	case named == (d.Unnamed != ""), named && blank(name),
		!named && d.Unnamed != Unidentified && d.Unnamed != Newborn:
		return d, ErrDeceased
	}
	var err error
	if named {
		if name, err = domain.CheckText(name); err != nil {
			return d, err
		}
		d.Name = domain.Personal(d.Person, name)
	}
	if d, err = d.identified(); err != nil {
		return d, err
	}
	birth, hasBirth := d.Birth.Get()
	sex, hasSex := d.Sex.Get()
	if hasBirth && !birth.Valid() {
		_, err := domain.ParseDate(string(birth))
		return d, err
	}
	if hasSex && sex != Male && sex != Female && sex != UnknownSex {
		return d, ErrSex
	}
	if id, ok := d.CitizenID.Get(); ok {
		of := Male
		if id.Female() {
			of = Female
		}
		if hasBirth && birth != id.Birth() || hasSex && sex != of {
			return d, ErrIDMismatch
		}
		birth, hasBirth = id.Birth(), true
		d.Birth, d.Sex = domain.Personal(d.Person, birth), domain.Personal(d.Person, of)
	}
	if hasBirth && birth > today {
		return d, ErrBirth.With(birth)
	}
	if d.DeathDate != "" && (!d.DeathDate.Valid() || d.DeathDate > today || hasBirth && d.DeathDate < birth) {
		return d, ErrDeathDate.With(d.DeathDate)
	}
	if d.Hukou != "" {
		if _, err := domain.ParseDivision(string(d.Hukou)); err != nil {
			return d, err
		}
	}
	return d, nil
}

// identified checks the documents against the kind of deceased.
func (d Deceased) identified() (Deceased, error) {
	var err error
	if d.CitizenID, d.Document, err = numbered(d.Person, d.CitizenID, d.Document); err != nil {
		return d, err
	}
	given, hasID := d.CitizenID.Get()
	if n, ok := d.Nationality.Get(); ok && !countryCode.MatchString(n) {
		return d, ErrNationality
	}
	class := d.Class()
	if class != Resident && class != UnnamedBody && class != Infant {
		d.Kind = class
	}
	switch {
	case !slices.Contains(DeceasedKinds, class),
		(class == UnnamedBody) != (d.Unnamed == Unidentified),
		d.Unnamed == Newborn && class != Infant:
		return d, ErrKind
	case d.Document.Kind != "" && !slices.Contains(class.Documents(), d.Document.Kind):
		return d, ErrDocument
	}
	if hasID {
		home := territories[class]
		foreign := slices.ContainsFunc([]Kind{HongKong, Macao, Taiwan}, func(k Kind) bool { return strings.HasPrefix(string(given), territories[k]) })
		if class == Foreign || class == UnnamedBody || home != "" && !strings.HasPrefix(string(given), home) || home == "" && foreign {
			return d, ErrKind
		}
	}
	if n, ok := d.Document.Number.Get(); ok && d.Document.Kind == HomeReturnPermit && (n[0] == 'H') != (class == HongKong) {
		return d, ErrKind
	}
	return d, nil
}

var countryCode = regexp.MustCompile(`^[A-Z]{3}$`)

// checked answers with the handler in canonical form.
func (h Handler) checked() (Handler, error) {
	name, hasName := h.Name.Get()
	phone, hasPhone := h.Phone.Get()
	_, hasID := h.CitizenID.Get()
	switch {
	case h.Person == "" || subject(h.Name) != h.Person && hasName || subject(h.Phone) != h.Person && hasPhone || subject(h.CitizenID) != h.Person && hasID:
		return h, ErrPerson
	case blank(name) || blank(phone) || !slices.Contains(Relations, h.Relation):
		return h, ErrHandler
	case !validPhone(phone):
		return h, ErrPhone
	}
	name, err := domain.CheckText(name)
	if err != nil {
		return h, err
	}
	h.Name = domain.Personal(h.Person, name)
	h.CitizenID, h.Document, err = numbered(h.Person, h.CitizenID, h.Document)
	return h, err
}

// numbered puts ID number and document in canonical form. A residence permit of
// Hong Kong, Macao or Taiwan has a number of the same make as an identity card:
// it is kept where that one is, and nowhere twice.
func numbered(of domain.Subject, id domain.Private[domain.CitizenID], doc IDDocument) (domain.Private[domain.CitizenID], IDDocument, error) {
	doc, err := doc.checked(of)
	if err != nil {
		return id, doc, err
	}
	given, has := id.Get()
	if has {
		if given, err = domain.ParseCitizenID(string(given)); err != nil {
			return id, doc, err
		}
		id = domain.Personal(of, given)
	}
	if n, ok := doc.Number.Get(); ok && doc.Kind == ResidencePermit {
		if has && string(given) != n {
			return id, doc, ErrIDMismatch
		}
		id, doc = domain.Personal(of, domain.CitizenID(n)), IDDocument{}
	}
	return id, doc, nil
}

// The rejections about who somebody is.
var (
	ErrKind        = domain.Reject("deceased_kind_mismatch", "逝者的身份类别与姓名、证件对不上，请照证件再看一遍。", "The kind of person does not fit the name or the papers; please compare them.")
	ErrDocument    = domain.Reject("document_invalid", "证件种类或号码不对，请照证件再看一遍。", "The kind or the number of the document is not valid; please compare it with the paper.")
	ErrNationality = domain.Reject("nationality_invalid", "国籍用三个大写字母的代码，例如 KOR。", "The nationality is a code of three capital letters, KOR for example.")
)
