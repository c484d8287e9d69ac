package cremation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

// I6: same surname or same pinyin, same sex, age within five years, same cold
// bank or same day.
func TestLookAlikes(t *testing.T) {
	lin := Likeness{Case: caseA, Surname: "林", Pinyin: "lin guizhou", Sex: "male", Birth: "1935-04-12", Bank: "cold-1", Day: "2026-11-25"}
	other := func(change func(*Likeness)) Likeness {
		return with(with(lin, func(l *Likeness) { l.Case = caseB }), change)
	}
	for name, c := range map[string]struct {
		b    Likeness
		want bool
	}{
		"all the same":                       {other(func(*Likeness) {}), true},
		"same surname, another name":         {other(func(l *Likeness) { l.Pinyin = "lin yuanzhou" }), true},
		"another surname with same pinyin":   {other(func(l *Likeness) { l.Surname, l.Pinyin = "蔺", "Lin Guizhou" }), true},
		"another surname and pinyin":         {other(func(l *Likeness) { l.Surname, l.Pinyin = "王", "wang guizhou" }), false},
		"another sex":                        {other(func(l *Likeness) { l.Sex = "female" }), false},
		"sex unknown":                        {other(func(l *Likeness) { l.Sex = "unknown" }), true},
		"five years older to the day":        {other(func(l *Likeness) { l.Birth = "1930-04-12" }), true},
		"five years and a day older":         {other(func(l *Likeness) { l.Birth = "1930-04-11" }), false},
		"five years and a day younger":       {other(func(l *Likeness) { l.Birth = "1940-04-13" }), false},
		"birth unknown":                      {other(func(l *Likeness) { l.Birth = "" }), true},
		"unnamed":                            {other(func(l *Likeness) { l.Surname, l.Pinyin = "", "" }), true},
		"another bank on the same day":       {other(func(l *Likeness) { l.Bank = "cold-2" }), true},
		"same bank on another day":           {other(func(l *Likeness) { l.Day = "2026-11-26" }), true},
		"another bank and another day":       {other(func(l *Likeness) { l.Bank, l.Day = "cold-2", "2026-11-26" }), false},
		"neither stored nor planned":         {other(func(l *Likeness) { l.Bank, l.Day = "", "" }), false},
		"the case itself is not like itself": {lin, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := LookAlikes(lin, []Likeness{c.b}); (len(got) == 1) != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestLookAlikesBothWays(t *testing.T) {
	alike := 0
	one := rapid.Custom(func(t *rapid.T) Likeness {
		return Likeness{Surname: rapid.SampledFrom([]string{"", "林", "蔺", "王"}).Draw(t, "surname"), Pinyin: rapid.SampledFrom([]string{"", "lin", "wang"}).Draw(t, "pinyin"),
			Sex: rapid.SampledFrom([]string{"", "male", "female"}).Draw(t, "sex"), Birth: rapid.SampledFrom([]domain.Date{"", "1930-02-28", "1935-02-28", "1936-02-29", "1941-02-28"}).Draw(t, "birth"),
			Bank: rapid.SampledFrom([]string{"", "cold-1", "cold-2"}).Draw(t, "bank"), Day: rapid.SampledFrom([]domain.Date{"", "2026-11-25", "2026-11-26"}).Draw(t, "day")}
	})
	domaintest.Check(t, func(t *rapid.T) {
		a, b := one.Draw(t, "a"), one.Draw(t, "b")
		a.Case, b.Case = caseA, caseB
		ab, ba := LookAlikes(a, []Likeness{a, b}), LookAlikes(b, []Likeness{a, b})
		if len(ab) != len(ba) || slices.Contains(ab, caseA) || slices.Contains(ba, caseB) {
			t.Fatalf("%v is like %v %v, the other way %v", a, b, ab, ba)
		}
		if len(ab) > 0 {
			alike++
			// Who learns less never grows less alike.
			b.Birth, b.Sex = "", ""
			if got := LookAlikes(a, []Likeness{b}); !slices.Equal(got, []uuid.UUID{caseB}) {
				t.Fatal("the less is known, the less alike")
			}
		}
	}, &alike)
}

// I6 at the furnace: the second check scans the tag and compares the ID's tail.
func TestSecondCheckOfLookAlikes(t *testing.T) {
	like := []uuid.UUID{caseB}
	first := VerifyIdentity{Act: at("staff-1", -9), Tag: "T-0001", LookAlikes: like}
	second := VerifyIdentity{Act: at("staff-2", -4), Tag: "T-0001", LookAlikes: like, Scanned: true, IDTail: "001x", IDTailOf: "001X"}
	closely := IdentityVerified{"staff-2", verified2.At, true, 1, true}
	given := []CremationEvent{received, death, signed, verified1}
	t.Run("the first check is as always", func(t *testing.T) {
		spec.Given(t, received, death).When(first).Then(IdentityVerified{Verifier: "staff-1", At: verified1.At, LookAlikes: 1})
		spec.Given(t, given...).When(with(first, func(c *VerifyIdentity) { c.Act = at("staff-1", -8) })).
			Then(IdentityVerified{Verifier: "staff-1", At: noon.Add(-8 * time.Minute), LookAlikes: 1})
	})
	t.Run("the second asks for the scanned tag and the tail of the ID number", func(t *testing.T) {
		spec.Given(t, given...).When(second).Then(closely)
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.Scanned = false })).Rejects(ErrLookAlike)
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.IDTail = "" })).Rejects(ErrLookAlike)
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.IDTail = "0019" })).Rejects(ErrLookAlike)
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.IDTail, c.IDTailOf = "", "" })).Rejects(ErrLookAlike)
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.IDTail, c.IDTailOf = "18", "18" })).Rejects(ErrLookAlike)
	})
	t.Run("without look-alikes it is as always", func(t *testing.T) {
		spec.Given(t, given...).When(with(second, func(c *VerifyIdentity) { c.LookAlikes, c.Scanned, c.IDTail = nil, false, "" })).Then(verified2)
	})
	t.Run("a look-alike that came in between the checks and the start counts", func(t *testing.T) {
		spec.Given(t, ready...).When(with(start, func(c *Start) { c.LookAlikes = like })).Rejects(ErrLookAlike)
		spec.Given(t, plus[CremationEvent](given, closely)...).When(with(start, func(c *Start) { c.LookAlikes = like })).Then(started)
	})
}
