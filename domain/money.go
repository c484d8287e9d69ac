package domain

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount of renminbi in fen (1/100 yuan).
type Money int64

// Yuan makes money from whole yuan.
func Yuan(y int64) Money { return Money(y * 100) }

// String is the amount in yuan, with fen only where there are any: "1,732" or
// "3.50".
func (m Money) String() string {
	sign, v := "", int64(m)
	if v < 0 {
		sign, v = "-", -v
	}
	s := strconv.FormatInt(v/100, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if v%100 != 0 {
		fmt.Fprintf(&b, ".%02d", v%100)
	}
	return sign + b.String()
}

// Capitals is the amount as Chinese receipts write it in words that cannot be
// altered: "壹仟柒佰叁拾贰元整". Where the banking rules leave a 零 to the
// writer's choice it is left out; one 零 stands for any run of zeros within.
func (m Money) Capitals() string {
	if m == 0 {
		return "零元整"
	}
	var b strings.Builder
	v := uint64(m)
	if m < 0 {
		b.WriteString("负")
		v = -v
	}
	yuan, jiao, fen := v/100, v%100/10, v%10
	if yuan > 0 {
		b.WriteString(capitals(yuan) + "元")
	}
	if jiao > 0 {
		b.WriteString(capitalDigits[jiao] + "角")
	}
	switch {
	case fen > 0:
		if jiao == 0 && yuan > 0 {
			b.WriteString("零")
		}
		b.WriteString(capitalDigits[fen] + "分")
	default:
		b.WriteString("整")
	}
	return b.String()
}

var capitalDigits = [10]string{"零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"}

// capitals writes a whole number above zero. A 零 stands wherever the part that
// follows does not begin at the next lower place: 壹仟零叁, but 壹拾万柒仟.
func capitals(n uint64) string {
	for _, p := range []struct {
		unit uint64
		name string
	}{{100_000_000, "亿"}, {10_000, "万"}, {1000, "仟"}, {100, "佰"}, {10, "拾"}} {
		if n < p.unit {
			continue
		}
		head, rest := capitals(n/p.unit)+p.name, n%p.unit
		switch {
		case rest == 0:
			return head
		case rest < p.unit/10:
			return head + "零" + capitals(rest)
		}
		return head + capitals(rest)
	}
	return capitalDigits[n]
}
