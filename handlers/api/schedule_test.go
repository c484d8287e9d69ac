package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"shenzhong/domain/schedule"
	"shenzhong/handlers"
)

// free are the names of the free slots of a hall on a day.
func (c *city) free(resource, date string) string {
	c.t.Helper()
	r := c.send("desk-0101", "GET", "/api/v1/availability?institution="+home+"&resource="+resource+"&date="+date, "")
	if r.Code != 200 {
		c.t.Fatal(r.Code, r.Body)
	}
	var names []string
	for i := 0; r.field(fmt.Sprintf("slots.%d.slot", i)) != ""; i++ {
		names = append(names, r.field(fmt.Sprintf("slots.%d.slot", i)))
	}
	return strings.Join(names, " ")
}

// slots are those that a case lists.
func (c *city) slots(id string) string {
	c.t.Helper()
	r := c.send("desk-0101", "GET", "/api/v1/cases/"+id, "")
	var names []string
	for i := 0; r.field(fmt.Sprintf("slots.%d.slot", i)) != ""; i++ {
		at := fmt.Sprintf("slots.%d.", i)
		names = append(names, r.field(at + "date")[5:]+" "+r.field(at+"resource")+" "+r.field(at+"slot"))
	}
	return strings.Join(names, ", ")
}

func slotJSON(resource, start string) string {
	return fmt.Sprintf(`"resource":%q,"start":"2026-%s:00+08:00"`, resource, start)
}

// A slot moves within its day, to another hall, to another day; where the new
// one is taken everything stays as it was and the nearest are named.
func TestMovesOfASlot(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, `,"slot":{`+slotJSON("hall-1", "11-25T09:00")+"}"))
	c.must("desk-0101", "/cases", caseJSON(2, `,"slot":{`+slotJSON("hall-1", "11-25T11:00")+"}"))
	moves := "/cases/" + id + "/slot-moves"
	move := func(resource, from, to string) string {
		return fmt.Sprintf(`{%s,"to":{%s}}`, slotJSON(resource, from), to)
	}
	terms := c.send("desk-0101", "GET", "/api/v1/cases/"+id+"/change-terms", "")
	if terms.field("slots.0.free") != "true" || terms.field("slots.0.free_until") != "2026-11-24T09:00:00Z" {
		t.Error(terms.Body)
	}
	for _, m := range []struct {
		body, slots, left, leftDay, freed string
	}{
		{move("hall-1", "11-25T09:00", `"start":"2026-11-25T10:00:00+08:00"`), "11-25 hall-1 1000", "hall-1", "2026-11-25", "0900"},
		{move("hall-1", "11-25T10:00", slotJSON("hall-2", "11-25T10:00")), "11-25 hall-2 1000", "hall-1", "2026-11-25", "1000"},
		{move("hall-2", "11-25T10:00", `"start":"2026-11-27T08:00:00+08:00"`), "11-27 hall-2 0800", "hall-2", "2026-11-25", "1000"},
	} {
		c.must("desk-0101", moves, m.body)
		if got := c.slots(id); got != m.slots {
			t.Errorf("the case lists %s, want %s", got, m.slots)
		}
		if got := c.free(m.left, m.leftDay); !strings.Contains(got, m.freed) {
			t.Errorf("%s is not free again: %s", m.freed, got)
		}
	}
	p := c.refuses(409, "slot_taken", "desk-0101", moves, move("hall-2", "11-27T08:00", slotJSON("hall-1", "11-25T11:00")))
	if len(p.Alternatives) != 3 || p.Alternatives[0].Resource != "hall-2" || p.Alternatives[0].Slot != "1100" {
		t.Errorf("%+v", p.Alternatives)
	}
	c.refuses(422, "slot_not_held", "desk-0101", moves, move("hall-1", "11-25T11:00", `"start":"2026-11-25T08:00:00+08:00"`)) // the other family's
	c.refuses(422, "slot_too_far_ahead", "desk-0101", moves, move("hall-2", "11-27T08:00", `"start":"2026-12-01T08:00:00+08:00"`))
	if got := c.slots(id); got != "11-27 hall-2 0800" {
		t.Errorf("a refused move changed it to %s", got)
	}
	c.sleep(80 * time.Hour) // the evening before
	if terms := c.send("desk-0101", "GET", "/api/v1/cases/"+id+"/change-terms", ""); terms.field("slots.0.free") != "false" {
		t.Error(terms.Body)
	}
}

// Nobody books in maintenance, maintenance does not come over anybody's slot,
// and what is cancelled is free again.
func TestMaintenance(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, `,"slot":{`+slotJSON("hall-1", "11-25T09:00")+"}"))
	plan := func(from, to string) string {
		return fmt.Sprintf(`{"resource":"hall-1","from":"2026-%s:00+08:00","to":"2026-%s:00+08:00","reason":"年检"}`, from, to)
	}
	at := "/institutions/" + home
	if p := c.refuses(422, "block_occupied", "admin-0601", at+"/maintenance", plan("11-24T10:00", "11-25T10:00")); !strings.Contains(p.Detail, "09:00") {
		t.Error(p.Detail)
	}
	if got := c.free("hall-1", "2026-11-24"); got != "0800 0900 1000 1100" {
		t.Errorf("refused, and free are %s", got)
	}
	window := c.must("admin-0601", at+"/maintenance", plan("11-24T10:00", "11-25T09:00"))
	if a, b := c.free("hall-1", "2026-11-24"), c.free("hall-1", "2026-11-25"); a != "0800 0900" || b != "1000 1100" {
		t.Errorf("free are %s and %s", a, b)
	}
	p := c.refuses(422, "slot_blocked", "desk-0101", "/cases", caseJSON(2, `,"slot":{`+slotJSON("hall-1", "11-24T11:00")+"}"))
	if !chinese(p.Detail) || !strings.Contains(p.Detail, "10:00") {
		t.Error(p.Detail)
	}
	c.refuses(422, "slot_blocked", "desk-0101", "/cases/"+id+"/slot-moves", fmt.Sprintf(`{%s,"to":{"start":"2026-11-25T08:00:00+08:00"}}`, slotJSON("hall-1", "11-25T09:00")))
	c.must("admin-0601", at+"/maintenance-cancellations", fmt.Sprintf(`{"window":%q,"reason":"改期"}`, window))
	if a, b := c.free("hall-1", "2026-11-24"), c.free("hall-1", "2026-11-25"); a != "0800 0900 1000 1100" || b != "0800 1000 1100" {
		t.Errorf("cancelled, and free are %s and %s", a, b)
	}
	c.must("desk-0101", "/cases", caseJSON(2, `,"slot":{`+slotJSON("hall-1", "11-24T11:00")+"}"))
}

// A draw from its commitment to the slots of those who won, with what everybody
// may recompute.
func TestPeakDraw(t *testing.T) {
	c := newCity(t)
	seed, salt := strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	var cases []string
	for n := range 6 {
		cases = append(cases, c.must("desk-0101", "/cases", caseJSON(n, "")))
	}
	draws := "/institutions/" + home + "/draws"
	announce := fmt.Sprintf(`{"kind":"hall","date":"2026-12-22","commitment":%q,"closes":"2026-11-25T12:00:00+08:00"}`, schedule.Commitment(seed, salt))
	apply := func(i int, wishes ...string) (path, body string) {
		b, err := json.Marshal(append([]string{}, wishes...))
		if err != nil {
			t.Fatal(err)
		}
		return "/cases/" + cases[i] + "/draw-applications", `{"kind":"hall","date":"2026-12-22","wishes":` + string(b) + `}`
	}
	record := func() (d handlers.DrawRecord) {
		r := c.send("", "GET", "/api/v1/draws/"+home+"/hall/2026-12-22", "")
		if err := json.Unmarshal(r.Body.Bytes(), &d); r.Code != 200 || err != nil {
			t.Fatal(r.Code, r.Body, err)
		}
		return d
	}
	opened := fmt.Sprintf(`{"seed":%q,"salt":%q}`, seed, salt)
	result := draws + "/hall/2026-12-22"

	path, body := apply(0, "hall-1/0900")
	c.refuses(422, "draw_not_announced", "desk-0101", path, body)
	if r := c.send("", "GET", "/api/v1/draws/"+home+"/hall/2026-12-22", ""); r.Code != 404 {
		t.Error(r.Code, r.Body)
	}
	c.must("admin-0601", draws, announce)
	c.refuses(422, "draw_announced", "admin-0601", draws, strings.Replace(announce, "11-25T12", "11-25T13", 1))
	if d := record(); len(d.Slots) != 8 || d.Applied != 0 || d.Commitment != schedule.Commitment(seed, salt) || d.Seed != "" {
		t.Errorf("%+v", d)
	}
	for i := range cases {
		path, body := apply(i, "hall-1/0900", "hall-2/0900", "hall-1/1000")
		c.must("desk-0101", path, body)
	}
	path, body = apply(5, "hall-2/1100")
	c.must("desk-0101", path, body) // thought better of it
	path, body = apply(4)
	c.must("desk-0101", path, body) // and this one took it back
	path, body = apply(0, "hall-1/0900", "hall-1/0900")
	c.refuses(422, "draw_wishes_invalid", "desk-0101", path, body)
	if d := record(); d.Applied != 5 || d.Applications != nil {
		t.Errorf("who applied is told before it closes: %+v", d)
	}
	c.refuses(422, "draw_open", "admin-0601", result, opened)
	c.sleep(50 * time.Hour)
	path, body = apply(4, "hall-1/0800")
	if p := c.refuses(422, "draw_closed", "desk-0101", path, body); !strings.Contains(p.Detail, "2026-11-25 12:00") {
		t.Error(p.Detail)
	}
	if d := record(); len(d.Applications) != 5 || d.Seed != "" {
		t.Errorf("%+v", d)
	}
	c.refuses(422, "draw_seed_differs", "admin-0601", result, strings.Replace(opened, "1a", "1b", 1))
	// Who would win and has given up by then goes without.
	order, drawn := schedule.Draw(seed, salt, []schedule.Application{{Case: cases[0]}, {Case: cases[1]}, {Case: cases[2]}, {Case: cases[3]}, {Case: cases[5]}}, nil)
	if len(drawn) != 0 {
		t.Fatal(drawn)
	}
	order = slices.DeleteFunc(order, func(id string) bool { return id == cases[5] })
	c.must("desk-0101", "/cases/"+order[0]+"/cancellation", `{"reason":"FAMILY_WITHDREW"}`)
	c.must("admin-0601", result, opened)
	c.refuses(422, "drawn", "admin-0601", result, strings.Replace(opened, "1a", "1b", 1))

	d := record()
	if ds := d.Differences(); ds != nil || len(d.Result) != 4 || d.Seed != seed {
		t.Errorf("%+v: %+v", ds, d)
	}
	d.Applications[0].Wishes[0], d.Applications[0].Wishes[1] = d.Applications[0].Wishes[1], d.Applications[0].Wishes[0]
	d.Applied++
	if ds := d.Differences(); len(ds) < 1 || ds[0].Part != "applied" {
		t.Errorf("a changed record comes out: %+v", ds)
	}
	want := map[string]string{order[0]: "", order[1]: "12-22 hall-2 0900", order[2]: "12-22 hall-1 1000", order[3]: "", cases[5]: "12-22 hall-2 1100", cases[4]: ""}
	for id, slot := range want {
		if got := c.slots(id); got != slot {
			t.Errorf("%s has %q, want %q", id, got, slot)
		}
	}
	// The day is as far off as it was: nobody else books it yet. When it comes,
	// what nobody drew, and what its winner gave up, is there for all.
	c.refuses(422, "slot_too_far_ahead", "desk-0101", "/cases/"+cases[4]+"/slots", "{"+slotJSON("hall-1", "12-22T09:00")+"}")
	c.sleep(22 * 24 * time.Hour)
	if one, two := c.free("hall-1", "2026-12-22"), c.free("hall-2", "2026-12-22"); one != "0800 0900 1100" || two != "0800 1000" {
		t.Errorf("free are %s and %s", one, two)
	}
	c.must("desk-0101", "/cases/"+cases[4]+"/slots", "{"+slotJSON("hall-1", "12-22T09:00")+"}")
}

// Waiting over HTTP: a place on the list, an offer, an answer.
func TestWaiting(t *testing.T) {
	c := newCity(t)
	had := c.must("desk-0101", "/cases", caseJSON(1, `,"slot":{`+slotJSON("hall-1", "11-25T09:00")+"}"))
	waiting := c.must("desk-0101", "/cases", caseJSON(2, ""))
	wish := `{"kind":"hall","date":"2026-11-25","resource":"hall-1","from":"08:30","until":"09:30"}`
	c.must("desk-0101", "/cases/"+waiting+"/waiting", wish)
	c.refuses(422, "waiting_already", "desk-0101", "/cases/"+waiting+"/waiting", strings.Replace(wish, "09:30", "10:30", 1))
	c.refuses(422, "hours_invalid", "desk-0101", "/cases/"+waiting+"/waiting", strings.Replace(wish, "hall-1", "hall-9", 1))
	c.refuses(422, "slot_in_past", "desk-0101", "/cases/"+waiting+"/waiting", strings.Replace(wish, "11-25", "11-22", 1))
	answer := `{"kind":"hall","date":"2026-11-25","accept":true}`
	c.refuses(422, "no_offer", "desk-0101", "/cases/"+waiting+"/waiting-answers", answer)
	c.refuses(422, "not_waiting", "desk-0101", "/cases/"+had+"/waiting-answers", answer)
	c.must("desk-0101", "/cases/"+had+"/slot-releases", "{"+slotJSON("hall-1", "11-25T09:00")+`,"reason":"WITHDRAWN"}`)
	// What the reaction to it does (handlers/policies).
	act := domainAct(c)
	if err := c.app.OfferSlot(t.Context(), act, schedule.ID(home, "hall-1", "2026-11-25"), "0900"); err != nil {
		t.Fatal(err)
	}
	list := c.send("desk-0101", "GET", "/api/v1/institutions/"+home+"/waiting/hall/2026-11-25", "")
	if list.field("waiting.0.case") != waiting || list.field("waiting.0.offer.slot") != "0900" {
		t.Fatal(list.Body)
	}
	c.must("desk-0101", "/cases/"+waiting+"/waiting-answers", answer)
	if got := c.slots(waiting); got != "11-25 hall-1 0900" {
		t.Errorf("the case lists %q", got)
	}
	c.must("desk-0101", "/cases/"+had+"/waiting", wish)
	c.must("desk-0101", "/cases/"+had+"/waiting-ends", `{"kind":"hall","date":"2026-11-25","reason":"WITHDRAWN"}`)
	if list := c.send("desk-0101", "GET", "/api/v1/institutions/"+home+"/waiting/hall/2026-11-25", ""); list.field("waiting.0.case") != "" || list.field("gone.1.reason") != "WITHDRAWN" {
		t.Error(list.Body)
	}
}
