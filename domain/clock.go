package domain

import (
	"fmt"
	"time"
)

// A Clock is a time of day in Asia/Shanghai, written "08:30". It orders as
// text. "24:00" is the end of the day; the empty Clock is one that nobody set.
type Clock string

var errClock = Reject("clock_invalid", "时间“%s”不对，应写成 08:30 这样。", "The time of day %q is not valid; write it like 08:30.")

// ParseClock reads a time of day between 00:00 and 24:00.
func ParseClock(s string) (Clock, error) {
	if s == "24:00" {
		return Clock(s), nil
	}
	if len(s) != 5 {
		return "", errClock.With(s)
	}
	if _, err := time.Parse("15:04", s); err != nil {
		return "", errClock.With(s)
	}
	return Clock(s), nil
}

// Valid says that there is such a time of day.
func (c Clock) Valid() bool { _, err := ParseClock(string(c)); return err == nil }

// Minutes is the distance from midnight; zero for what is no time of day.
func (c Clock) Minutes() int {
	if !c.Valid() {
		return 0
	}
	n := func(i int) int { return int(c[i]-'0')*10 + int(c[i+1]-'0') }
	return n(0)*60 + n(3)
}

// On is the instant of this time of day on d.
func (c Clock) On(d Date) time.Time { return d.Start().Add(time.Duration(c.Minutes()) * time.Minute) }

// ClockOf is the time of day of t in Asia/Shanghai, seconds cut off.
func ClockOf(t time.Time) Clock {
	h, m, _ := t.In(Shanghai).Clock()
	return Clock(fmt.Sprintf("%02d:%02d", h, m))
}
