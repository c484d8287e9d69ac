package web

import (
	"testing"

	"shenzhong/domain"
)

// TestLunar: new years, leap months, feasts and 清明-time days as the printed
// calendars have them.
func TestLunar(t *testing.T) {
	for day, want := range map[domain.Date]string{
		"2020-05-23": "闰四月初一", "2022-02-01": "正月初一", "2023-01-22": "正月初一", "2023-03-22": "闰二月初一", "2023-04-19": "闰二月廿九",
		"2024-02-09": "腊月三十", "2024-02-10": "正月初一", "2025-01-28": "腊月廿九", "2025-01-29": "正月初一", "2025-07-25": "闰六月初一",
		"2025-10-06": "八月十五", "2026-02-16": "腊月廿九", "2026-02-17": "正月初一", "2026-06-19": "五月初五", "2026-08-27": "七月十五",
		"2026-09-25": "八月十五", "2027-02-06": "正月初一", "2028-06-23": "闰五月初一",
	} {
		if got := lunar(day); got != want {
			t.Errorf("%s is %s, want %s", day, got, want)
		}
	}
}
