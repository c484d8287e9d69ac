package credit_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"shenzhong/domain"
	. "shenzhong/domain/credit"
)

func TestWhatIf(t *testing.T) {
	policies := PolicyState{Versions: []PolicyVersion{policy}}
	entries := []Entry{deduct(1, "P02", "2026-06-15"), deduct(2, "P01", "2026-11-01"), deduct(3, "S04", "2026-05-01"), bonus(4, "G02", "2026-05-01"),
		with(deduct(5, "P04", "2026-06-01"), func(e *Entry) { e.RepairedOn = "2026-10-01" })}
	want := []struct {
		entry         uuid.UUID
		on            domain.Date
		before, after int
	}{
		{id(1), "2026-11-23", 50, 60},
		{id(2), "2026-11-23", 50, 53},
		{id(3), "2027-05-01", 50, 70}, // the minor entry and the bonus have ended by then
		{uuid.Nil, "2027-05-01", 50, 80},
	}
	got := WhatIf(policies, entries, "2026-11-23")
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		if g := got[i]; g.Entry != w.entry || g.On != w.on || g.Before.Score != w.before || g.After.Score != w.after || g.Gain() != w.after-w.before {
			t.Errorf("%d: %s on %s from %d to %d, want %+v", i, g.Entry, g.On, g.Before.Score, g.After.Score, w)
		}
	}
	if n := len(WhatIf(PolicyState{}, entries, "2026-11-23")); n != 0 {
		t.Error("without a policy there is no score to change")
	}
	// What was tried changed nothing.
	if st := Score(policy, entries, "2026-11-23"); st.Score != 50 {
		t.Error(st.Score)
	}
	t.Run("a minor entry that ends before it could be repaired is not offered", func(t *testing.T) {
		p := with(policy, func(p *PolicyVersion) {
			p.Severities = map[Severity]SeverityPeriod{Minor: {MinMonths: 4, MaxMonths: 4, RetentionMonths: 3}, General: policy.Severities[General], Severe: policy.Severities[Severe]}
		})
		if got := WhatIf(PolicyState{Versions: []PolicyVersion{p}}, entries[1:2], "2026-11-23"); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("what changes by itself", func(t *testing.T) {
		var days []domain.Date
		var scores []int
		for _, s := range Changes(policies, entries, "2026-11-23") {
			days, scores = append(days, s.AsOf), append(scores, s.Score)
		}
		if len(days) != 4 || days[0] != "2027-02-01" || scores[0] != 53 || days[1] != "2027-05-01" || scores[1] != 50 || days[2] != "2027-06-15" || scores[2] != 60 || days[3] != "2029-05-01" || scores[3] != 80 {
			t.Error(days, scores)
		}
	})
}

func TestTry(t *testing.T) {
	policies := PolicyState{Versions: []PolicyVersion{policy}}
	entries := []Entry{deduct(1, "P02", "2026-06-15"), bonus(4, "G02", "2026-05-01"), deduct(5, "P04", "2025-10-01")}
	next := with(policy, func(p *PolicyVersion) {
		p.Version, p.EffectiveFrom, p.Base = "dl-funeral-credit-v2", "2027-01-01", 82
		p.Rules = append([]Rule(nil), p.Rules...)
		for i := range p.Rules {
			if p.Rules[i].Code == "P02" {
				p.Rules[i].Points, p.Rules[i].Severity = 15, Severe
			}
		}
	})
	got, err := Try(policies, next, entries, "2026-11-23")
	if err != nil || got.Now.Score != 73 || got.Proposed.Score != 75 || got.Anew.Score != 70 || got.Proposed.Policy != next.Version || got.Now.Policy != policy.Version {
		t.Errorf("%v: now %d, proposed %d, anew %d", err, got.Now.Score, got.Proposed.Score, got.Anew.Score)
	}
	shifts := got.Shifts()
	if len(shifts) != 1 || shifts[0].ID != id(1) || shifts[0].Points != 10 || shifts[0].Now != -10 || shifts[0].Proposed != -10 || shifts[0].Anew != -15 {
		t.Errorf("%+v", shifts)
	}
	if entries[0].Points != 10 {
		t.Error("a trial changed an entry")
	}
	// What a trial says of the day of adoption is what is scored after it.
	adopted := PolicyState{Versions: []PolicyVersion{policy, next}}
	p, _ := adopted.InForce("2027-01-01")
	if tried, _ := Try(policies, next, entries, "2027-01-01"); tried.Proposed.Score != Score(p, entries, "2027-01-01").Score {
		t.Error(tried.Proposed.Score)
	}
	if _, err := Try(policies, with(next, func(p *PolicyVersion) { p.Base = 200 }), entries, "2026-11-23"); !errors.Is(err, ErrPolicyInvalid) {
		t.Error(err)
	}
}

// Confirmed anew, a repetition counts what the proposed version says of it, and
// an entry that counts longer under it is told.
func TestTryRepetition(t *testing.T) {
	policies := PolicyState{Versions: []PolicyVersion{policy}}
	entries := []Entry{deduct(1, "P01", "2026-08-01"), with(deduct(2, "P01", "2026-10-01"), func(e *Entry) { e.RevokedOn = "2026-10-09" }), deduct(3, "P01", "2026-11-01")}
	next := with(policy, func(p *PolicyVersion) {
		p.Version, p.EffectiveFrom = "dl-funeral-credit-v2", "2027-01-01"
		p.Severities = map[Severity]SeverityPeriod{Minor: {"轻微", 0, 3, 6, false}, General: p.Severities[General], Severe: p.Severities[Severe]}
		p.Rules = append([]Rule(nil), p.Rules...)
		for i := range p.Rules {
			if r := &p.Rules[i]; r.Code == "P01" {
				r.PeriodCap, r.Repeat = 20, Repeat{Nth: 2, Months: 12, Points: 8, Severity: General}
			}
		}
	})
	got, err := Try(policies, next, entries, "2026-11-23")
	if err != nil || got.Now.Score != 77 || got.Proposed.Score != 74 || got.Anew.Score != 69 {
		t.Errorf("%v: now %d, proposed %d, anew %d", err, got.Now.Score, got.Proposed.Score, got.Anew.Score)
	}
	// The first has ended now, and would not have under the longer period.
	if s := got.Shifts(); len(s) != 2 || s[0].ID != id(1) || s[0].Now != 0 || s[0].Proposed != -3 || s[1].ID != id(3) || s[1].Proposed != -3 || s[1].Anew != -8 {
		t.Errorf("%+v", s)
	}
}

// A version is read from a file and as the API has it; anything else is refused
// with what is wrong.
func TestReadPolicy(t *testing.T) {
	plain, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plain": plain, "with a byte order mark": append([]byte("\xef\xbb\xbf"), plain...)} {
		if p, err := ReadPolicy(text); err != nil || !reflect.DeepEqual(p, policy) {
			t.Error(name, err)
		}
	}
	file, err := os.ReadFile("credit_rules.json")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPolicy(file); err != nil || p.Version != policy.Version {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"no JSON":          {"价目表", ErrPolicyUnreadable},
		"a list":           {"[]", ErrPolicyUnreadable},
		"a misspelt name":  {strings.Replace(string(plain), `"base":`, `"bass":`, 1), ErrPolicyUnreadable},
		"another formula":  {strings.Replace(string(file), "clamp(0", "clamp(1", 1), ErrPolicyUnreadable},
		"a base above max": {strings.Replace(string(plain), `"base":80`, `"base":800`, 1), ErrPolicyInvalid},
	} {
		if _, err := ReadPolicy([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDuties(t *testing.T) {
	// 2026-09-17 is a Thursday.
	for name, c := range map[string]struct{ got, want domain.Date }{
		"published within seven working days": {PublishBy("2026-09-17"), "2026-09-28"},
		"taken down within three days":        {TakeDownBy("2026-09-24"), "2026-09-27"},
		"an objection marked the next day":    {MarkBy("2026-09-18"), "2026-09-21"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
	d := Duty{Kind: ToDecide, Since: "2026-09-17", Due: "2026-09-24"}
	for on, want := range map[domain.Date]int{"2026-09-24": 0, "2026-09-25": 1, "2026-10-04": 10} {
		if got := d.Late(on); got != want {
			t.Errorf("open on %s: %d days late, want %d", on, got, want)
		}
	}
	d.Done = "2026-09-26"
	if d.Late("2026-12-01") != 2 {
		t.Error(d.Late("2026-12-01"))
	}
}
