package credit_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/credit"
)

func id(n int) uuid.UUID { return uuid.UUID{0: 1, 14: byte(n >> 8), 15: byte(n)} }

func deduct(n int, rule string, on domain.Date) Entry {
	r, ok := Default().Rule(rule)
	if !ok {
		panic(rule)
	}
	return Entry{ID: id(n), Rule: rule, Policy: Default().Version, Points: r.Points, Severity: r.Severity, GradeCeiling: r.GradeCeiling, DecidedOn: on}
}

func bonus(n int, code string, on domain.Date) Entry {
	b, ok := Default().Bonus(code)
	if !ok {
		panic(code)
	}
	return Entry{ID: id(n), Bonus: true, Rule: code, Policy: Default().Version, Points: b.Points, DecidedOn: on}
}

func TestScore(t *testing.T) {
	repaired := func(e Entry, on domain.Date) Entry { e.RepairedOn = on; return e }
	revoked := func(e Entry, on domain.Date) Entry { e.RevokedOn = on; return e }
	of := func(fact string, e Entry) Entry { e.Fact = fact; return e }
	many := func(n int, rule string) (es []Entry) {
		for i := range n {
			es = append(es, deduct(i, rule, "2026-06-01"))
		}
		return es
	}
	bonuses := []Entry{bonus(1, "G01", "2026-06-01"), bonus(2, "G02", "2026-06-01"), bonus(3, "G03", "2026-06-01"), bonus(4, "G04", "2026-06-01"), bonus(5, "G05", "2026-06-01"),
		bonus(6, "G06", "2026-06-01"), bonus(7, "G07", "2026-06-01"), bonus(8, "G08", "2026-06-01"), bonus(9, "G09", "2026-06-01"), bonus(10, "G10", "2026-06-01")}
	for _, c := range []struct {
		name    string
		entries []Entry
		asOf    domain.Date
		score   int
		grade   string
	}{
		{"nobody has done anything yet", nil, "2026-06-01", 80, "B"},
		{"a deduction counts from the day of its decision", []Entry{deduct(1, "P02", "2026-06-02")}, "2026-06-02", 70, "C"},
		{"and not the day before", []Entry{deduct(1, "P02", "2026-06-02")}, "2026-06-01", 80, "B"},
		{"until its retention ends", []Entry{deduct(1, "P02", "2026-06-02")}, "2027-06-01", 70, "C"},
		{"and not on that day", []Entry{deduct(1, "P02", "2026-06-02")}, "2027-06-02", 80, "B"},
		{"a minor one ends after 3 months", []Entry{deduct(1, "P01", "2026-11-30")}, "2027-02-27", 77, "B"},
		{"at the month's end", []Entry{deduct(1, "P01", "2026-11-30")}, "2027-02-28", 80, "B"},
		{"a severe one after 36", []Entry{deduct(1, "S04", "2026-06-02")}, "2029-06-01", 60, "C"},
		{"repair ends it", []Entry{repaired(deduct(1, "P02", "2026-06-02"), "2026-09-10")}, "2026-09-10", 80, "B"},
		{"and not before", []Entry{repaired(deduct(1, "P02", "2026-06-02"), "2026-09-10")}, "2026-09-09", 70, "C"},
		{"a late repair does not prolong it", []Entry{repaired(deduct(1, "P02", "2026-06-02"), "2028-01-01")}, "2027-06-02", 80, "B"},
		{"what is revoked never counted", []Entry{revoked(deduct(1, "P02", "2026-06-02"), "2026-08-01")}, "2026-07-01", 80, "B"},
		{"a rule deducts no more than its cap", many(5, "P01"), "2026-06-01", 71, "C"},
		{"each rule has its own", append(many(5, "P01"), deduct(9, "P09", "2026-06-01")), "2026-06-01", 69, "C"},
		{"bonuses count up to the cap", bonuses, "2026-06-01", 100, "A"},
		{"for 12 months", bonuses, "2027-05-31", 100, "A"},
		{"and no longer", bonuses, "2027-06-01", 80, "B"},
		{"a bonus makes up for a deduction", append(bonuses[:1:1], deduct(20, "P01", "2026-06-01")), "2026-06-01", 79, "B"},
		{"the score ends at zero", append(many(2, "S01"), deduct(8, "S02", "2026-06-01"), deduct(9, "S03", "2026-06-01")), "2026-06-01", 0, "D"},
		{"one fact counts once, by its heaviest rule", []Entry{of("f", deduct(1, "P04", "2026-06-01")), of("f", deduct(2, "V04", "2026-06-01")), of("g", deduct(3, "P05", "2026-06-01"))}, "2026-06-01", 64, "C"},
		{"a ceiling holds whatever the score", append(bonuses[:3:3], deduct(20, "V06", "2026-06-01")), "2026-06-01", 75, "C"},
		{"90 points are an A", bonuses[:4], "2026-06-01", 89, "B"},
		{"from 90 on", append(bonuses[:4:4], bonus(10, "G10", "2026-06-01")), "2026-06-01", 90, "A"},
		{"a rule that the version does not have counts in full", []Entry{with(deduct(1, "P02", "2026-06-01"), func(e *Entry) { e.Rule = "X99" })}, "2026-06-01", 70, "C"},
	} {
		st := Score(Default(), c.entries, c.asOf)
		if st.Score != c.score || st.Grade != c.grade || st.Policy != "dl-funeral-credit-v1" || st.AsOf != c.asOf {
			t.Errorf("%s: %d %s, want %d %s", c.name, st.Score, st.Grade, c.score, c.grade)
		}
	}
	t.Run("what counts is shown line by line, in order of decision", func(t *testing.T) {
		st := Score(Default(), []Entry{deduct(4, "P01", "2026-06-03"), deduct(3, "P01", "2026-06-02"), bonus(2, "G02", "2026-06-02"), deduct(1, "P01", "2026-06-04"), deduct(5, "P01", "2026-06-05")}, "2026-06-05")
		var got []int
		for _, l := range st.Active {
			got = append(got, int(l.ID[15]), l.Counted)
		}
		if want := []int{2, 3, 3, -3, 4, -3, 1, -3, 5, 0}; !reflect.DeepEqual(got, want) || st.Bonus != 3 || st.Deducted != 9 || st.Active[0].Until != "2027-06-02" || st.Active[1].Until != "2026-09-02" {
			t.Errorf("%v, bonus %d, deducted %d", got, st.Bonus, st.Deducted)
		}
	})
	t.Run("a ceiling is named", func(t *testing.T) {
		if st := Score(Default(), []Entry{deduct(1, "V06", "2026-06-01"), deduct(2, "S02", "2026-06-01")}, "2026-06-01"); st.Ceiling != "D" || st.Grade != "D" {
			t.Error(st.Ceiling, st.Grade)
		}
	})
}

// The formula written once more, as simply as can be, and compared on random
// ledgers; and the order in which entries were appended changes nothing (I17).
func TestScoreAgreesWithARecount(t *testing.T) {
	p := Default()
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Custom(func(t *rapid.T) domain.Date {
			return domain.Date("2026-04-01").AddDays(rapid.IntRange(0, 1500).Draw(t, "day"))
		})
		var entries []Entry
		for i := range rapid.IntRange(0, 30).Draw(t, "entries") {
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				entries = append(entries, bonus(i, rapid.SampledFrom(p.Bonuses).Draw(t, "bonus").Code, day.Draw(t, "on")))
				continue
			}
			e := deduct(i, rapid.SampledFrom(p.Rules[:12]).Draw(t, "rule").Code, day.Draw(t, "on"))
			switch rapid.IntRange(0, 5).Draw(t, "end") {
			case 0:
				e.RepairedOn = e.DecidedOn.AddMonths(rapid.IntRange(0, 40).Draw(t, "repair"))
			case 1:
				e.RevokedOn = e.DecidedOn
			case 2:
				e.Severity = e.Severity.Next()
			}
			e.Fact = rapid.SampledFrom([]string{"", "f1", "f2", "f3"}).Draw(t, "fact")
			entries = append(entries, e)
		}
		asOf := day.Draw(t, "as of")

		plus, perRule, counted := 0, map[string]int{}, map[string]Entry{}
		for _, e := range entries {
			months := map[Severity]int{Minor: 3, General: 12, Severe: 36, "": 12}[e.Severity]
			if e.RevokedOn != "" || asOf < e.DecidedOn || asOf >= e.DecidedOn.AddMonths(months) || e.RepairedOn != "" && asOf >= e.RepairedOn {
				continue
			}
			if e.Bonus {
				plus += e.Points
				continue
			}
			fact := e.Fact // one without a fact is alone with it
			if fact == "" {
				fact = e.ID.String()
			}
			if o, ok := counted[fact]; !ok || e.Points > o.Points || e.Points == o.Points && e.Compare(o) < 0 {
				counted[fact] = e
			}
		}
		for _, e := range counted {
			perRule[e.Rule] += e.Points
		}
		want := 80 + min(plus, 20)
		for rule, n := range perRule {
			r, _ := p.Rule(rule)
			want -= min(n, r.PeriodCap)
		}
		want = min(max(want, 0), 100)

		st := Score(p, entries, asOf)
		if st.Score != want {
			t.Fatalf("%d, recounted %d", st.Score, want)
		}
		sum := 0
		for _, l := range st.Active {
			sum += l.Counted
		}
		if got := min(max(p.Base+sum, 0), 100); got != st.Score || sum != st.Bonus-st.Deducted {
			t.Fatalf("the lines add up to %d, the score is %d", got, st.Score)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range 5 {
			r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
			if again := Score(p, entries, asOf); !reflect.DeepEqual(again, st) {
				t.Fatalf("in another order: %+v, was %+v", again, st)
			}
		}
	})
}

func TestPublication(t *testing.T) {
	p := Default()
	for _, c := range []struct {
		name  string
		entry Entry
		asOf  domain.Date
		want  Published
	}{
		{"minor faults are not published", deduct(1, "P01", "2026-06-01"), "2026-06-01", Published{}},
		{"general ones for 12 months", deduct(1, "P02", "2026-06-01"), "2027-05-31", Published{"2026-06-01", "2027-06-01", true}},
		{"and then no longer", deduct(1, "P02", "2026-06-01"), "2027-06-01", Published{"2026-06-01", "2027-06-01", false}},
		{"not before the decision", deduct(1, "P02", "2026-06-01"), "2026-05-31", Published{"2026-06-01", "2027-06-01", false}},
		{"severe ones for 36", deduct(1, "S04", "2026-06-01"), "2026-06-01", Published{"2026-06-01", "2029-06-01", true}},
		{"repair ends it", with(deduct(1, "P02", "2026-06-01"), func(e *Entry) { e.RepairedOn = "2026-09-01" }), "2026-09-01", Published{"2026-06-01", "2026-09-01", false}},
		{"revocation takes it down", with(deduct(1, "P02", "2026-06-01"), func(e *Entry) { e.RevokedOn = "2026-06-20" }), "2026-06-20", Published{"2026-06-01", "2026-06-20", false}},
		{"an escalated minor fault is published", with(deduct(1, "P01", "2026-06-01"), func(e *Entry) { e.Severity = General }), "2026-06-01", Published{"2026-06-01", "2027-06-01", true}},
		{"a bonus for as long as it counts", bonus(1, "G01", "2026-06-01"), "2026-06-01", Published{"2026-06-01", "2027-06-01", true}},
	} {
		if got := Publication(c.entry, p, c.asOf); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
