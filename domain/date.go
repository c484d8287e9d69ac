package domain

import (
	"fmt"
	"time"
)

// Shanghai is the zone of every local date and local time in the program. Its
// offset is fixed: the zone had no daylight saving after 1991.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// A Date is a calendar day in Asia/Shanghai, written "2026-11-23". It orders
// as text. The empty Date is one that nobody knows.
type Date string

// DateOf is the day of t in Asia/Shanghai; empty for the zero time.
func DateOf(t time.Time) Date {
	if t.IsZero() {
		return ""
	}
	return Date(t.In(Shanghai).Format(time.DateOnly))
}

var errDate = Reject("date_invalid", "日期“%s”不对，应写成 2026-11-23 这样。", "The date %q is not valid; write it like 2026-11-23.")

// ParseDate reads a day that exists.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", errDate.With(s)
	}
	return Date(s), nil
}

// Valid says that the day exists.
func (d Date) Valid() bool { _, err := ParseDate(string(d)); return err == nil }

// Start is midnight at the beginning of the day; the zero time for no date.
func (d Date) Start() time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Shanghai)
	if err != nil {
		return time.Time{}
	}
	return t
}

// AddDays moves the day.
func (d Date) AddDays(n int) Date { return DateOf(d.Start().AddDate(0, 0, n)) }

// AddMonths moves the day by calendar months; a day that does not exist there
// becomes the month's last (31 January + 1 month = 28 or 29 February).
func (d Date) AddMonths(n int) Date {
	t := d.Start()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, Shanghai)
	last := first.AddDate(0, 1, -1).Day()
	return DateOf(first.AddDate(0, 0, min(t.Day(), last)-1))
}

// AddWorkingDays moves the day by n days that are neither Saturday nor Sunday.
// Public holidays are not known: a term that counts them ends later, never
// earlier.
func (d Date) AddWorkingDays(n int) Date {
	for n > 0 {
		d = d.AddDays(1)
		if wd := d.Start().Weekday(); wd != time.Saturday && wd != time.Sunday {
			n--
		}
	}
	return d
}

// Month is "2026-11".
func (d Date) Month() string {
	if len(d) < 7 {
		return ""
	}
	return string(d[:7])
}

// Quarter is "2026-Q4".
func (d Date) Quarter() string {
	t := d.Start()
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d-Q%d", t.Year(), (int(t.Month())+2)/3)
}

// Year is "2026".
func (d Date) Year() string {
	if len(d) < 4 {
		return ""
	}
	return string(d[:4])
}

// FormatTime is an instant as a local person writes it: "2026-11-23 14:05".
func FormatTime(t time.Time) string { return t.In(Shanghai).Format("2006-01-02 15:04") }
