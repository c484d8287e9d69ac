package web

import (
	"fmt"
	"html/template"
	"strconv"
	"time"

	"github.com/6tail/lunar-go/calendar"

	"shenzhong/domain"
)

// lunar is a day in the traditional calendar, as families count the days of a
// funeral: "十月十七", "闰六月初一". It is the only place that knows which
// library computes it; a test holds it to published calendars.
func lunar(d domain.Date) string {
	t := d.Start().In(domain.Shanghai)
	if t.IsZero() {
		return ""
	}
	l := calendar.NewSolarFromYmd(t.Year(), int(t.Month()), t.Day()).GetLunar()
	return l.GetMonthInChinese() + "月" + l.GetDayInChinese()
}

var weekdays = [7]string{"日", "一", "二", "三", "四", "五", "六"}

// longDay is a day as people say it: "11 月 25 日周三". The year stands where it
// is not that of now.
func longDay(lang Lang, d domain.Date, now time.Time) string {
	t := d.Start().In(domain.Shanghai)
	other := t.Year() != now.In(domain.Shanghai).Year()
	if lang == En {
		if other {
			return t.Format("Mon 2 Jan 2006")
		}
		return t.Format("Mon 2 Jan")
	}
	s := fmt.Sprintf("%d 月 %d 日周%s", t.Month(), t.Day(), weekdays[t.Weekday()])
	if other {
		s = strconv.Itoa(t.Year()) + " 年 " + s
	}
	return s
}

// clock is a time of day: "9:30".
func clock(t time.Time) string { return t.In(domain.Shanghai).Format("15:04") }

func element(machine, people string) template.HTML {
	return template.HTML(`<time datetime="` + template.HTMLEscapeString(machine) + `">` + template.HTMLEscapeString(people) + `</time>`)
}

// dayElement is a day in words, for a page.
func dayElement(lang Lang, d domain.Date, now time.Time) template.HTML {
	return element(string(d), longDay(lang, d, now))
}

// whenElement is an instant in words: "11 月 25 日周三 09:30".
func whenElement(lang Lang, t, now time.Time) template.HTML {
	return element(t.In(domain.Shanghai).Format(time.RFC3339), longDay(lang, domain.DateOf(t), now)+" "+clock(t))
}

// clockElement is a time of day.
func clockElement(t time.Time) template.HTML {
	return element(t.In(domain.Shanghai).Format(time.RFC3339), clock(t))
}

// lunarHTML is the day of the traditional calendar behind a date; on an English
// page it says that it is Chinese.
func lunarHTML(lang Lang, d domain.Date) template.HTML {
	s := template.HTMLEscapeString("农历" + lunar(d))
	if lang == En {
		return template.HTML(`<span lang="zh-CN">` + s + `</span>`)
	}
	return template.HTML(s)
}
