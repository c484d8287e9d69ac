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
