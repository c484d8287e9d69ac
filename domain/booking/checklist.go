package booking

import (
	"slices"

	"shenzhong/domain"
)

// A Situation is everything on which the list of papers depends.
type Situation struct {
	Kind     Kind
	Place    DeathPlace // empty: not known yet
	Cause    Cause      // empty: not known before the death certificate is here
	Relation Relation
	Relief   bool // relief is claimed, or its proof has come
	Hukou    domain.Division
	City     domain.Division // of the institution
}

// A Paper is one line of the checklist.
type Paper struct {
	Code           Code
	NameZh, NameEn string
	// WhyZh and WhyEn say in one short sentence why this family needs it.
	WhyZh, WhyEn string
	// Gate says that there is no cremation without it.
	Gate bool
	// MayFollow says that it may come later, against a signed promise (容缺).
	MayFollow bool
}

// Names are the paper's names for people.
func (c Code) Names() (zh, en string) { n := paperNames[c]; return n[0], n[1] }

var paperNames = map[Code][2]string{
	DeathPaper:        {"死亡证明", "Death certificate"},
	ConfirmationPaper: {"火化确认书", "Cremation confirmation"},
	PolicePaper:       {"公安机关证明", "Police paper"},
	CourtPaper:        {"法院文书", "Court paper"},
	TransferForm:      {"遗体交接登记表", "Transfer form"},
	DisposalNotice:    {"遗体处置通知书", "Disposal notice"},
	DeceasedID:        {"逝者身份证件", "Identity document of the deceased"},
	HandlerID:         {"承办人身份证件", "Identity document of the handler"},
	ParentID:          {"父母身份证件", "Identity document of a parent"},
	AuthorityPaper:    {"委托书或介绍信", "Letter of authority"},
	RelationProof:     {"与逝者关系的证明", "Proof of relation"},
	HouseholdBook:     {"户口簿", "Household register"},
	ReliefProof:       {"减免对象的证明", "Proof of entitlement to relief"},
}

// gates says that the paper is one of those without which there is no
// cremation (I3). None of them may ever follow.
func (c Code) gates() bool {
	return slices.Contains([]Code{DeathPaper, ConfirmationPaper, PolicePaper, CourtPaper}, c)
}

// MayFollow says that the paper is a minor one. Which papers are minor is our
// proposal ([P]); that the two of a cremation never are is not.
func (c Code) MayFollow() bool {
	return slices.Contains([]Code{HouseholdBook, RelationProof, ReliefProof, ParentID}, c)
}

// Checklist is the list of papers that this situation needs, and no more, in
// the order in which a desk asks for them. It is a pure function: the same
// situation gives the same list on the family's phone, at the desk and in the
// decider.
func Checklist(s Situation) []Paper {
	var list []Paper
	need := func(c Code, zh, en string) {
		names := paperNames[c]
		list = append(list, Paper{c, names[0], names[1], zh, en, c.gates(), c.MayFollow()})
	}
	switch s.Cause {
	case DeclaredDead, Executed:
		need(CourtPaper, "以法院文书代替死亡证明。", "A court paper stands for the death certificate.")
	default:
		switch s.Place {
		case InHospital:
			need(DeathPaper, "由医院开具，有电子证照的不用带纸。", "The hospital issues it; the e-licence will do.")
		case AtHome, InCareHome:
			need(DeathPaper, "由社区卫生服务中心或乡镇卫生院开具。", "The community health centre issues it.")
		case Abroad:
			need(DeathPaper, "由当地出具，经认证并附译文。", "Issued where the person died, legalised and translated.")
		default:
			need(DeathPaper, "由医院、社区卫生服务中心或公安机关开具。", "Hospital, health centre or police issue it.")
		}
	}
	need(ConfirmationPaper, "火化前由承办人当面签。", "The handler signs it before the cremation.")
	switch {
	case s.Kind == UnnamedBody:
		need(PolicePaper, "无名遗体由公安机关出具处理意见。", "The police decide what happens to an unidentified body.")
		need(TransferForm, "移交方与殡仪馆当面填写。", "Filled in when the body is handed over.")
		need(DisposalNotice, "由移交的机关出具。", "The authority that hands it over issues it.")
	case s.Cause == UnnaturalDeath:
		need(PolicePaper, "意外或其他非正常死亡，要有公安机关的证明。", "An unnatural death needs a paper of the police.")
	case s.Cause == UnknownDeath:
		need(PolicePaper, "死亡原因不明的，不按正常死亡办，要有公安机关的证明。", "An unknown cause is never treated as natural.")
	}
	switch s.Kind {
	case UnnamedBody:
	case Infant:
		need(DeceasedID, "出生医学证明；还没有的，由父母证件代替。", "The birth certificate; a parent's document where there is none.")
		need(ParentID, "未取名或没有身份证的婴儿，看父母一方的证件。", "For an infant without a card, a parent's.")
	case Foreign:
		need(DeceasedID, "护照或外国人永久居留身份证。", "Passport or permanent residence card.")
	case HongKong, Macao:
		need(DeceasedID, "港澳居民来往内地通行证或居住证。", "Mainland travel permit or residence permit.")
	case Taiwan:
		need(DeceasedID, "台湾居民来往大陆通行证或居住证。", "Mainland travel permit or residence permit.")
	default:
		need(DeceasedID, "居民身份证。", "Resident identity card.")
	}
	need(HandlerID, "核对承办人本人，领取骨灰时也要看。", "It is read again when the ashes are collected.")
	switch s.Relation {
	case Spouse, Child, Parent, Sibling, OtherRelative:
		need(RelationProof, "户口簿、结婚证或其他能看出关系的证件。", "Household register, marriage certificate or the like.")
	case Agent:
		need(AuthorityPaper, "有权办理的亲属签字的委托书。", "Signed by the relatives who may arrange it.")
	case Designated:
		need(AuthorityPaper, "逝者生前指定您办理的文书。", "The paper in which the deceased named you.")
	case Employer, Committee:
		need(AuthorityPaper, "单位或居（村）委会的介绍信，写明没有近亲属或近亲属不能办理。", "A letter saying that there is no near relative, or none who can.")
	}
	if s.Kind == Resident || s.Kind == Infant || s.Kind == "" {
		why, en := "用于核对户籍，之后注销户口也要用。", "For the place of registration; the police need it afterwards too."
		if s.City != "" && s.Hukou != "" && !s.Hukou.In(s.City.City()) {
			why, en = "户籍在外地的，按这里的规定办理，户口簿用于核对。", "Registered elsewhere: what holds here applies."
		}
		need(HouseholdBook, why, en)
	}
	if s.Relief && s.Kind != UnnamedBody {
		need(ReliefProof, "系统会先向民政核对；核对不到的，看低保证等证明。", "We ask civil affairs first; the paper is needed only where they do not know.")
	}
	return list
}

// Situation is what the case knows so far, for an institution in that city.
// Granted relief was proved when it was granted, and asks for no paper more.
func (s State) Situation(city domain.Division) Situation {
	_, proven := s.Received(ReliefProof)
	return Situation{Kind: s.Deceased.Class(), Place: s.Circumstances.Place, Cause: s.Circumstances.Cause.Or(""),
		Relation: s.Handler.Relation, Relief: proven || s.Claim != nil && s.Grant == nil, Hukou: s.Deceased.Hukou, City: city}
}

// Standing is how one paper of a case stands.
type Standing struct {
	Paper
	Have    bool
	Form    Form
	Due     domain.Date // of a paper that may follow until then
	Overdue bool
}

// Standing compares the checklist with what has come. With are the papers that
// the cremation's own stream holds.
func (s State) Standing(list []Paper, with ...Code) []Standing {
	var all []Standing
	for _, p := range list {
		x := Standing{Paper: p, Have: slices.Contains(with, p.Code)}
		if got, ok := s.Received(p.Code); ok {
			x.Have, x.Form = true, got.Form
		}
		if f, ok := s.Following(p.Code); ok && !x.Have {
			x.Due, x.Overdue = f.Due, f.Overdue
		}
		all = append(all, x)
	}
	return all
}
