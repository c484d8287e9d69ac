package web

import (
	"net/http"
	"strings"
	"testing"
)

// The board as a calendar file says when each resource is taken or closed, and
// about nobody.
func TestCalendarFile(t *testing.T) {
	b := newBusyHome(t)
	res := b.desk.get("/desk/calendar?d=2026-11-24")
	s := string(res.body)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/calendar") || !strings.HasPrefix(s, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") || !strings.HasSuffix(s, "END:VCALENDAR\r\n") {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Content-Type"), s)
	}
	if !strings.Contains(s, "DTSTART:20261124T013000Z\r\n") || !strings.Contains(s, "UID:hall-1-20261124T013000Z-@shenzhong\r\n") {
		t.Errorf("the farewell at half past nine is not there:\n%s", s)
	}
	for _, line := range strings.Split(s, "\r\n") {
		if len(line) > 75 || strings.Contains(line, "\n") {
			t.Errorf("a line is not folded: %q", line)
		}
	}
	for _, secret := range []string{"沈", "DL-04", b.stored} {
		if strings.Contains(s, secret) {
			t.Errorf("the file says %q", secret)
		}
	}
	if n, m := strings.Count(s, "BEGIN:VEVENT"), strings.Count(s, "END:VEVENT"); n == 0 || n != m {
		t.Errorf("%d begin, %d end", n, m)
	}
}
