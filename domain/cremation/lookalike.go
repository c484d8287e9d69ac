package cremation

import (
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// A Likeness is what of a deceased person can be mistaken for another's: facts
// from the case and the custody.
type Likeness struct {
	Case    uuid.UUID
	Surname string // as written; empty for somebody unnamed
	Pinyin  string // of the surname or the whole name, as the caller compares; empty when unknown
	Sex     string // empty or "unknown" when nobody knows
	Birth   domain.Date
	Bank    string      // the cold bank they lie in; empty: none
	Day     domain.Date // of the cremation; empty: not planned
}

// LookAlikeYears is how far apart in age two people may still be taken for each
// other (I6).
const LookAlikeYears = 5

// LookAlikes are the cases among others that can be mistaken for a (I6): same
// surname or same pinyin, same sex, age within five years, in the same cold bank
// or on the same day. What nobody knows is taken as alike: the alarm then rings
// once too often, never once too seldom.
func LookAlikes(a Likeness, others []Likeness) []uuid.UUID {
	var like []uuid.UUID
	for _, b := range others {
		if b.Case != a.Case && a.like(b) {
			like = append(like, b.Case)
		}
	}
	return like
}

func (a Likeness) like(b Likeness) bool {
	unknown := a.Surname == "" && a.Pinyin == "" || b.Surname == "" && b.Pinyin == ""
	name := unknown || a.Surname != "" && a.Surname == b.Surname ||
		plainPinyin(a.Pinyin) != "" && plainPinyin(a.Pinyin) == plainPinyin(b.Pinyin)
	sex := unknownSex(a.Sex) || unknownSex(b.Sex) || a.Sex == b.Sex
	near := a.Bank != "" && a.Bank == b.Bank || a.Day != "" && a.Day == b.Day
	return near && name && sex && agesWithin(a.Birth, b.Birth)
}

func unknownSex(s string) bool { return s == "" || s == "unknown" }

func agesWithin(a, b domain.Date) bool {
	if !a.Valid() || !b.Valid() {
		return true
	}
	older, younger := min(a, b), max(a, b)
	return younger <= older.AddMonths(12*LookAlikeYears)
}

// plainPinyin compares without case and blanks: "Lin Zhou" is "linzhou".
func plainPinyin(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), ""))
}
