package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain/cremation"
)

// A shift is handed over by one account and taken over by another, by the list
// that both had before them.
func TestShiftHandover(t *testing.T) {
	b := newBusyHome(t)
	second := b.clerk("desk-0102")
	sign := func(c *clerk, set ...string) answer {
		t.Helper()
		f := url.Values{}
		p := c.page("/desk/house")
		for _, n := range p.find(func(n *html.Node) bool { return n.DataAtom == atom.Input }) {
			if name := attr(n, "name"); name == "list" || name == "handover" {
				f.Set(name, attr(n, "value"))
			}
		}
		if f.Get("list") == "" {
			t.Fatal("there is nothing to sign")
		}
		f.Set("token", uuid.Must(uuid.NewV7()).String())
		for i := 0; i < len(set); i += 2 {
			f.Set(set[i], set[i+1])
		}
		return c.post("/desk/house/shift", f)
	}
	state := func() cremation.ShiftState {
		s, _, err := b.app.Shifts.Load(t.Context(), deskHome)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if res := sign(b.desk, "to", "desk-0101"); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(res.body), "两个人") {
		t.Errorf("to oneself: %d", res.StatusCode)
	}
	if res := sign(b.desk, "to", "desk-0102"); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("handed over: %d %s", res.StatusCode, plainText(res.body))
	}
	s := state()
	if !s.Open() || s.Last.From != "desk-0101" || s.Last.Counts.Ashes != 1 || s.Last.Counts.Remains != 2 || s.Last.Counts.Belongings != 1 || s.Last.Position == 0 {
		t.Errorf("%+v", s.Last)
	}
	if res := sign(second, "list", strings.Repeat("ab", 32)); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another list than the one there is: %d", res.StatusCode)
	}
	if res := sign(second, "differs", ""); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("taken over: %d %s", res.StatusCode, plainText(res.body))
	}
	if s := state(); s.Open() || s.Taken.By != "desk-0102" || s.Taken.List != s.Last.List {
		t.Errorf("%+v", s)
	}
	if p := b.desk.page("/desk/house"); !strings.Contains(text(p.root), "双方已签字") {
		t.Error("the page does not say that both have signed")
	}
}

// The clock of ashes is seen by the desk and by the family before it strikes,
// and a notice is recorded with how it was served.
func TestClocksOfAshes(t *testing.T) {
	b := newBusyHome(t)
	if p := b.desk.page("/desk/notices"); !strings.Contains(text(p.root), "没有应通知的") || !strings.Contains(text(p.root), "2026-12-23") {
		t.Errorf("thirty days ahead the list shows what comes: %s", text(p.root))
	}
	b.desk.refused("", b.whole, "notice")
	b.later(32 * 24 * time.Hour)
	desk := b.clerk("desk-0101") // the session has ended
	if p := desk.page("/desk/notices"); !strings.Contains(text(p.root), "已过") {
		t.Errorf("a notice that is late is not marked: %s", text(p.root))
	}
	desk.must(b.whole, "notice", "notice_way", "LETTER", "reference", "挂号 1")
	if p := desk.page("/desk/notices"); !strings.Contains(text(p.root), "没有应通知的") {
		t.Errorf("it is still due: %s", text(p.root))
	}
	if p := desk.page("/desk/cases/" + b.whole); !strings.Contains(text(p.root), "骨灰未领取，第 1 次，2026-12-23") {
		t.Error("the case does not tell of the notice")
	}
}
