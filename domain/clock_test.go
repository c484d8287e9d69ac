package domain_test

import (
	"testing"
	"time"

	. "shenzhong/domain"
)

func TestClock(t *testing.T) {
	for _, ok := range []string{"00:00", "08:30", "23:59", "24:00"} {
		if c, err := ParseClock(ok); err != nil || !c.Valid() {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "8:30", "08:60", "24:01", "25:00", "0830", "08:30:00", "-1:00"} {
		if _, err := ParseClock(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	if m := Clock("08:30").Minutes(); m != 510 {
		t.Error(m)
	}
	if m := Clock("24:00").Minutes(); m != 1440 {
		t.Error(m)
	}
	if at := Clock("08:30").On("2026-11-23"); !at.Equal(time.Date(2026, 11, 23, 0, 30, 0, 0, time.UTC)) || ClockOf(at) != "08:30" {
		t.Error(at, ClockOf(at))
	}
	if at := Clock("24:00").On("2026-11-23"); DateOf(at) != "2026-11-24" {
		t.Error(at)
	}
}
