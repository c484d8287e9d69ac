package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "shenzhong/domain"
)

func TestCitizenID(t *testing.T) {
	for _, ok := range []string{"11010519491231002X", "440524188001010014", "11010519491231002x",
		"210211193504120018", "210202194811300025", "210281196002290132", "210224192708080043"} {
		if _, err := ParseCitizenID(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "110105194912310021", "11010519490231002X", "21020219481130002", "2102021948113000250", "21020219481130002Y", "２10202194811300025"} {
		if _, err := ParseCitizenID(bad); !errors.Is(err, ErrCitizenID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	id, _ := ParseCitizenID("210211193504120018")
	if id.Masked() != "2102**********0018" || id.Birth() != "1935-04-12" || id.Female() {
		t.Error(id.Masked(), id.Birth(), id.Female())
	}
}

func TestCitizenIDCatchesOneWrongDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := []byte("210211193504120018")
		i := rapid.IntRange(0, 17).Draw(t, "at")
		d := byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		if id[i] == d {
			return
		}
		id[i] = d
		if _, err := ParseCitizenID(string(id)); err == nil {
			t.Fatalf("%s accepted", id)
		}
	})
}

func TestCreditCode(t *testing.T) {
	for _, ok := range []string{"91350100M000100Y43", "12210200422000019F", "12210281422000027L", "91210211MA0YY00382", "52210212MJ0YY00496", "54210283ME0YY0059K"} {
		if _, err := ParseCreditCode(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
		if c, _ := NewCreditCode(ok[:17]); string(c) != ok {
			t.Errorf("%s: completed to %s", ok, c)
		}
	}
	for _, bad := range []string{"", "91350100M000100Y44", "91350100M000100Y4I", "91350100M000100Y4"} {
		if _, err := ParseCreditCode(bad); !errors.Is(err, ErrCreditCode) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDivision(t *testing.T) {
	d, err := ParseDivision("210211")
	if err != nil || d.City() != "210200" || d.Province() != "210000" || !d.In("210200") || !d.In("210000") || d.In("210202") || d.In("220000") {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "21021", "2102111", "21021a", "910000"} {
		if _, err := ParseDivision(bad); !errors.Is(err, ErrDivision) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDates(t *testing.T) {
	// 16:30 UTC is already the next day in Dalian.
	if d := DateOf(time.Date(2026, 11, 23, 16, 30, 0, 0, time.UTC)); d != "2026-11-24" || d.Quarter() != "2026-Q4" || d.Month() != "2026-11" || d.Year() != "2026" {
		t.Error(d, d.Quarter())
	}
	if DateOf(time.Time{}) != "" || Date("2026-02-30").Valid() {
		t.Error("an unknown day became a day")
	}
	for _, c := range []struct {
		d    Date
		n    int
		want Date
	}{{"2026-01-31", 1, "2026-02-28"}, {"2028-01-31", 1, "2028-02-29"}, {"2026-11-30", 3, "2027-02-28"}, {"2026-03-15", -3, "2025-12-15"}} {
		if got := c.d.AddMonths(c.n); got != c.want {
			t.Errorf("%s + %d months = %s, want %s", c.d, c.n, got, c.want)
		}
	}
}

func TestMoney(t *testing.T) {
	for m, want := range map[Money]string{Yuan(1732): "1,732", 350: "3.50", -120000: "-1,200", 0: "0", 5: "0.05", Yuan(1234567): "1,234,567"} {
		if m.String() != want {
			t.Errorf("%d: %s, want %s", int64(m), m, want)
		}
	}
}

// Receipts write the amount in words that cannot be altered. The vectors with
// 1,409.50 and 325.04 are the examples of 正确填写票据和结算凭证的基本规定.
func TestCapitals(t *testing.T) {
	for m, want := range map[Money]string{
		0: "零元整", 1: "壹分", 10: "壹角整", 5: "伍分", 105: "壹元零伍分", 110: "壹元壹角整", 111: "壹元壹角壹分",
		Yuan(1732): "壹仟柒佰叁拾贰元整", Yuan(560): "伍佰陆拾元整", Yuan(120): "壹佰贰拾元整", Yuan(440): "肆佰肆拾元整",
		Yuan(10): "壹拾元整", Yuan(10600): "壹万零陆佰元整", 140950: "壹仟肆佰零玖元伍角整", 600714: "陆仟零柒元壹角肆分",
		32504: "叁佰贰拾伍元零肆分", 1640902: "壹万陆仟肆佰零玖元零贰分", 10700053: "壹拾万柒仟元伍角叁分",
		Yuan(1000): "壹仟元整", Yuan(1003): "壹仟零叁元整", Yuan(1030): "壹仟零叁拾元整", Yuan(100007): "壹拾万零柒元整",
		Yuan(100000): "壹拾万元整", Yuan(10000000): "壹仟万元整", Yuan(100000001): "壹亿零壹元整", Yuan(100010000): "壹亿零壹万元整",
		Yuan(1234567890): "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元整", Yuan(1_0000_0000_0000): "壹万亿元整",
		-Yuan(30): "负叁拾元整",
	} {
		if got := m.Capitals(); got != want {
			t.Errorf("%s: %s, want %s", m, got, want)
		}
	}
}

// Whatever the amount, its capitals read back as the amount.
func TestCapitalsReadBack(t *testing.T) {
	digits := map[rune]int64{'零': 0, '壹': 1, '贰': 2, '叁': 3, '肆': 4, '伍': 5, '陆': 6, '柒': 7, '捌': 8, '玖': 9}
	places := map[rune]int64{'拾': 10, '佰': 100, '仟': 1000}
	read := func(s string) Money {
		var fen, whole, group, digit int64
		for _, c := range s {
			switch {
			case c == '万':
				whole, group, digit = (whole+group+digit)*10_000, 0, 0
			case places[c] > 0:
				group, digit = group+digit*places[c], 0
			case c == '元':
				fen, whole, group, digit = (whole+group+digit)*100, 0, 0, 0
			case c == '角':
				fen, digit = fen+digit*10, 0
			case c == '分':
				fen, digit = fen+digit, 0
			case c == '整' || c == '零':
			default:
				digit = digits[c]
			}
		}
		return Money(fen)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64Range(1, 99_999_999_99).Draw(t, "fen")) // below 亿, which the reader above does not know
		if rapid.Bool().Draw(t, "round") {
			m = m / 1000 * 1000
		}
		if m == 0 {
			return
		}
		if s := m.Capitals(); read(s) != m || strings.Contains(s, "零零") || strings.Contains(s, "零元") && m >= 100 || strings.HasPrefix(s, "零") {
			t.Fatalf("%d: %s reads as %d", int64(m), s, int64(read(s)))
		}
	})
}

// I8: what happened is not later than now; what happened long ago says why it
// comes late; what nobody knows stays empty.
func TestActCheck(t *testing.T) {
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	act := Act{By: "staff-1", Now: now, At: now}
	for _, c := range []struct {
		name string
		edit func(*Act)
		want error
	}{
		{"now", func(*Act) {}, nil},
		{"unknown", func(a *Act) { a.At = time.Time{} }, nil},
		{"future", func(a *Act) { a.At = now.Add(time.Nanosecond) }, ErrFuture},
		{"at the limit", func(a *Act) { a.At = now.Add(-DefaultLateLimit) }, nil},
		{"beyond it", func(a *Act) { a.At = now.Add(-DefaultLateLimit - 1) }, ErrLate},
		{"beyond it, explained", func(a *Act) { a.At, a.LateReason = now.AddDate(0, 0, -9), "停电" }, nil},
		{"nobody", func(a *Act) { a.By = "" }, ErrNoActor},
	} {
		a := act
		c.edit(&a)
		if err := a.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestPrivateShowsNothing(t *testing.T) {
	p := Personal("s1", "沈明远")
	b, _ := json.Marshal(struct{ Name Private[string] }{p})
	for _, s := range []string{fmt.Sprint(p), fmt.Sprintf("%+v %#v %s", p, p, p), string(b)} {
		if strings.Contains(s, "沈明远") {
			t.Errorf("shown: %s", s)
		}
	}
	if v, ok := p.Get(); v != "沈明远" || !ok {
		t.Error(v, ok)
	}
}
