package web

import (
	"fmt"
	"strings"
	"time"

	"shenzhong/projections/frontdesk"
)

// calendar is the day board as an iCalendar file (RFC 5545): each slot and each
// closure of each resource, for who has signed in. It names no person, no case
// and no number: what a calendar program keeps, it keeps for good.
func (d *Desk) calendar(v *visit) error {
	day, err := d.day(v)
	if err != nil {
		return err
	}
	x, _, _, err := d.data.Board(v.ctx(), v.institution(), day, d.app.Now())
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "board-"+string(day)+".ics"))
	v.w.Write([]byte(iCal(x, d.app.Now(), func(c frontdesk.Cell, r frontdesk.Row) string { // the client may be gone
		name := v.in(Text{r.NameZh, r.NameEn})
		if c.Closure != "" {
			return name + " " + v.label("closure", c.Closure)
		}
		return name + " " + v.text("board.taken")
	})))
	return nil
}

// iCal writes a board. Lines end as the standard wants them and are folded at 75
// octets.
func iCal(x frontdesk.Board, now time.Time, title func(frontdesk.Cell, frontdesk.Row) string) string {
	var b strings.Builder
	line := func(name, value string) {
		s := name + ":" + strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value)
		width := 75
		for len(s) > width {
			at := width
			for at > 0 && s[at]&0xC0 == 0x80 { // never within a character
				at--
			}
			b.WriteString(s[:at] + "\r\n ")
			s, width = s[at:], 74
		}
		b.WriteString(s + "\r\n")
	}
	const stamp = "20060102T150405Z"
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Shenzhong//day board//ZH")
	for _, r := range x.Rows {
		for _, c := range r.Cells {
			line("BEGIN", "VEVENT")
			line("UID", fmt.Sprintf("%s-%s-%s@shenzhong", r.Resource, c.Start.UTC().Format(stamp), c.Closure))
			line("DTSTAMP", now.UTC().Format(stamp))
			line("DTSTART", c.Start.UTC().Format(stamp))
			line("DTEND", c.End.UTC().Format(stamp))
			line("SUMMARY", title(c, r))
			line("END", "VEVENT")
		}
	}
	line("END", "VCALENDAR")
	return b.String()
}
