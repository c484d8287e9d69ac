// Package cemetery decides over cemeteries, the plots and niches in them, and
// who rests where.
//
// Seven aggregates: Cemetery (its class, whom it serves, its limits), RuleBook
// (the versions of E-1 to E-8), Plot (one right of use at a time, never beyond
// capacity), Round (who is given scarce places, by ranking or public draw),
// Right (a right of use from its grant to its end), Relocation (exhumation as
// one process) and Placement (one place per deceased person, and one custodian
// of the ashes at every moment).
package cemetery

import (
	"reflect"
	"slices"

	"shenzhong/domain"
)

// CemeteryCategory names the streams of cemeteries; a stream's id is the
// cemetery's credit code.
const CemeteryCategory = "cemetery"

// A Class says what a cemetery is for.
type Class string

// The classes.
const (
	UrbanPublic Class = "URBAN_PUBLIC" // 城市公益性公墓
	RuralPublic Class = "RURAL_PUBLIC" // 农村公益性公墓
	Commercial  Class = "COMMERCIAL"   // 经营性公墓, existing ones only
	Columbarium Class = "COLUMBARIUM"  // 骨灰堂
	Historic    Class = "HISTORIC"     // 历史埋葬点
)

// Classes lists every class.
var Classes = []Class{UrbanPublic, RuralPublic, Commercial, Columbarium, Historic}

// Public says that the class serves the residents of an area.
func (c Class) Public() bool { return c == UrbanPublic || c == RuralPublic }

// Powers are what a class may do.
type Powers struct {
	Gives    bool // new places
	Rounds   bool // may give them by a public round
	UseFee   bool // may ask for a use fee; upkeep is another matter
	Everyone bool // serves people from anywhere
	Kinds    []PlotKind
}

// Powers says what a cemetery of this class may do. A class that does not exist
// may do nothing.
func (c Class) Powers() Powers {
	switch c {
	case UrbanPublic:
		return Powers{Gives: true, Rounds: true, UseFee: true, Kinds: PlotKinds}
	case RuralPublic: // no use fee to villagers, and nobody else is served
		return Powers{Gives: true, Rounds: true, Kinds: PlotKinds}
	case Commercial:
		return Powers{Gives: true, UseFee: true, Everyone: true, Kinds: PlotKinds}
	case Columbarium:
		return Powers{Gives: true, Rounds: true, UseFee: true, Everyone: true, Kinds: []PlotKind{Niche, Wall}}
	case Historic: // who rests there rests there; nobody is added
		return Powers{Kinds: PlotKinds}
	}
	return Powers{}
}

// Limits are the parameters that a cemetery's plots keep to.
type Limits struct {
	// AshAreaCM2 bounds a plot for ashes (E-5), SingleBodyAreaCM2 and
	// DoubleBodyAreaCM2 a body grave, in square centimetres of ground.
	AshAreaCM2        int `json:"ash_area_cm2"`
	SingleBodyAreaCM2 int `json:"single_body_area_cm2"`
	DoubleBodyAreaCM2 int `json:"double_body_area_cm2"`
	// StoneHeightCM bounds the headstone (E-6).
	StoneHeightCM int `json:"stone_height_cm"`
	// TermYears bounds one period of use (E-7).
	TermYears int `json:"term_years"`
	// Spouse lets a living spouse be named for a place beside the deceased (E-3).
	Spouse bool `json:"spouse"`
}

// DefaultLimits are what holds where no authority has set other limits: 1 m²
// and 20 years as 民事发〔1998〕10号 had them, 100 cm of stone.
var DefaultLimits = Limits{
	AshAreaCM2: 10_000, SingleBodyAreaCM2: 40_000, DoubleBodyAreaCM2: 60_000,
	StoneHeightCM: 100, TermYears: 20, Spouse: true,
}

// A CemeteryEvent is what happens to one cemetery.
type CemeteryEvent interface{ cemeteryEvent() }

// CemeteryEstablished puts a cemetery, or new limits of it, on record.
type CemeteryEstablished struct {
	Cemetery  domain.CreditCode `json:"cemetery"`
	NameZh    string            `json:"name_zh"`
	NameEn    string            `json:"name_en,omitzero"`
	Class     Class             `json:"class"`
	Division  domain.Division   `json:"division"`
	Serves    []domain.Division `json:"serves,omitzero"`
	FoundedOn domain.Date       `json:"founded_on,omitzero"`
	Limits    Limits            `json:"limits"`
}

func (CemeteryEstablished) cemeteryEvent() {}

// A CemeteryCommand asks something of one cemetery.
type CemeteryCommand interface {
	domain.Command
	cemeteryCommand()
}

// Establish records a cemetery.
type Establish struct {
	domain.Act
	Cemetery       domain.CreditCode
	NameZh, NameEn string
	Class          Class
	Division       domain.Division
	// Serves are the divisions whose residents a public cemetery is for.
	Serves []domain.Division
	// FoundedOn is when it came into being; a commercial one must say so.
	FoundedOn domain.Date
	// Limits; zero means DefaultLimits.
	Limits Limits
}

func (Establish) cemeteryCommand() {}

// CemeteryState is a cemetery as its own stream has it; zero when there is none.
type CemeteryState struct {
	Cemetery       domain.CreditCode
	NameZh, NameEn string
	Class          Class
	Division       domain.Division
	Serves         []domain.Division
	FoundedOn      domain.Date
	Limits         Limits
}

// Cemetery decides over one cemetery.
var Cemetery = domain.Decider[CemeteryState, CemeteryCommand, CemeteryEvent]{Decide: decideCemetery, Evolve: evolveCemetery}

// NonProfitFrom is the day from which new cemeteries are government-run
// and non-profit only: the day on which 殡葬管理条例 (2026) came into force.
const NonProfitFrom domain.Date = "2026-03-30"

const basisRegulation = "殡葬管理条例（2026）"

var (
	// ErrName refuses a cemetery without its name or code.
	ErrName = domain.Reject("cemetery_name_needed", "请写明公墓的名称和统一社会信用代码。", "The cemetery's name and credit code are needed.")
	// ErrClass refuses a class that does not exist.
	ErrClass = domain.Reject("cemetery_class_invalid", "公墓类别不对：%s。", "There is no cemetery class %s.")
	// ErrServes refuses a public cemetery that serves nobody.
	ErrServes = domain.Reject("cemetery_serves_needed", "公益性公墓须写明服务区域。", "A public cemetery must name the area it serves.").Under("E-2", "")
	// ErrNewCommercial refuses a commercial cemetery that is new, or does not say
	// since when it exists.
	ErrNewCommercial = domain.Reject("cemetery_new_commercial", "2026 年 3 月 30 日起新设的殡葬服务机构由政府举办、非营利；登记原有经营性公墓请写明设立日期。",
		"Since 30 March 2026 new institutions are government-run and non-profit; an existing commercial cemetery must give the day it was founded.").Under("", basisRegulation)
	// ErrFounded refuses a day of founding that does not exist or has not come.
	ErrFounded = domain.Reject("cemetery_founded_invalid", "设立日期“%s”不对，或还没有到。", "The day of founding %q does not exist or has not come yet.").Under("I8", "")
	// ErrLimits refuses limits that bound nothing, or a term beyond 20 years.
	ErrLimits = domain.Reject("cemetery_limits_invalid", "限值须大于零，使用期限最长 20 年。", "Limits must be above zero, and the term at most 20 years.").Under("E-7", "民事发〔1998〕10号")
	// ErrOther refuses to turn a cemetery into another one.
	ErrOther = domain.Reject("cemetery_other", "这是另一家公墓的记录。", "This is the record of another cemetery.")
)

func decideCemetery(s CemeteryState, cmd CemeteryCommand) ([]CemeteryEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case Establish:
		if c.Limits == (Limits{}) {
			c.Limits = DefaultLimits
		}
		l := c.Limits
		switch {
		case c.Cemetery == "" || c.NameZh == "":
			return nil, ErrName
		case s.Cemetery != "" && s.Cemetery != c.Cemetery:
			return nil, ErrOther
		case !slices.Contains(Classes, c.Class):
			return nil, ErrClass.With(c.Class)
		case c.Class.Public() && len(c.Serves) == 0:
			return nil, ErrServes
		case c.FoundedOn != "" && (!c.FoundedOn.Valid() || c.FoundedOn > domain.DateOf(act.Now)):
			return nil, ErrFounded.With(c.FoundedOn)
		case c.Class == Commercial && (c.FoundedOn == "" || c.FoundedOn >= NonProfitFrom):
			return nil, ErrNewCommercial
		case l.AshAreaCM2 <= 0 || l.SingleBodyAreaCM2 <= 0 || l.DoubleBodyAreaCM2 < l.SingleBodyAreaCM2 || l.StoneHeightCM <= 0 ||
			l.TermYears <= 0 || l.TermYears > DefaultLimits.TermYears:
			return nil, ErrLimits
		}
		var err error
		if c.NameZh, err = domain.CheckText(c.NameZh); err != nil {
			return nil, err
		}
		if c.NameEn, err = domain.CheckLine(c.NameEn); err != nil {
			return nil, err
		}
		for _, d := range append([]domain.Division{c.Division}, c.Serves...) {
			if _, err := domain.ParseDivision(string(d)); err != nil {
				return nil, err
			}
		}
		e := CemeteryEstablished{c.Cemetery, c.NameZh, c.NameEn, c.Class, c.Division, slices.Clone(c.Serves), c.FoundedOn, l}
		if s.equal(CemeteryState(e)) {
			return nil, nil
		}
		return []CemeteryEvent{e}, nil
	}
	panic("unreachable: CemeteryCommand is sealed")
}

func (s CemeteryState) equal(o CemeteryState) bool {
	serves := slices.Equal(s.Serves, o.Serves)
	s.Serves, o.Serves = nil, nil
	return serves && reflect.DeepEqual(s, o)
}

func evolveCemetery(s CemeteryState, e CemeteryEvent) CemeteryState {
	if e, ok := e.(CemeteryEstablished); ok {
		s = CemeteryState(e)
	}
	return s
}
