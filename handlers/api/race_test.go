package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/schedule"
	"shenzhong/events/natsstore"
)

// onDisk is a city on the embedded log, as it is run; its whole log is checked
// when the test ends.
func onDisk(t *testing.T) *city {
	t.Helper()
	s, err := natsstore.Open(t.Context(), natsstore.Config{Dir: t.TempDir(), Init: true, MasterKey: []byte("0123456789abcdef0123456789abcdef"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Verify(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return settled(bareOn(t, s, s.Keys(), 1_000_000))
}

// A write is one request of a race.
type write struct{ account, path, body string }

// race sends all of them at the same moment and answers in their order.
func (c *city) race(ws ...write) []reply {
	c.t.Helper()
	replies := make([]reply, len(ws))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, w := range ws {
		key := c.newKey()
		wg.Go(func() {
			<-start
			replies[i] = c.send(w.account, "POST", "/api/v1"+w.path, w.body, "Idempotency-Key", key)
		})
	}
	close(start)
	wg.Wait()
	return replies
}

// one says which of a race's requests won, when exactly one did and all the
// others were refused as late, with this code.
func (c *city) one(code string, replies []reply) (winner int) {
	c.t.Helper()
	winner = -1
	for i, r := range replies {
		switch p := r.problem(); {
		case r.Code == http.StatusOK && winner < 0:
			winner = i
		case r.Code == http.StatusOK:
			c.t.Fatalf("requests %d and %d both won", winner, i)
		case r.Code != http.StatusConflict || p.Code != code || p.Detail == "":
			c.t.Fatalf("request %d: %d %s, want 409 %s", i, r.Code, r.Body, code)
		}
	}
	if winner < 0 {
		c.t.Fatal("nobody won")
	}
	return winner
}

// A thousand families ask for one slot at the same moment: one has it, the others
// are told at once what is nearest.
func TestRaceForOneSlot(t *testing.T) {
	c := onDisk(t)
	before := c.count()
	var ws []write
	for n := range 1000 {
		ws = append(ws, write{"desk-0101", "/cases", caseJSON(n, `,"slot":{"resource":"hall-1","start":"2026-11-24T09:00:00+08:00"}`)})
	}
	replies := c.race(ws...)
	won := c.one("slot_taken", replies)
	for i, r := range replies {
		if i == won {
			continue
		}
		// The same time in the other hall first, then the hours next to it.
		var near []string
		for _, a := range r.problem().Alternatives {
			near = append(near, a.Date+" "+a.Resource+" "+a.Slot)
		}
		if !slices.Equal(near, []string{"2026-11-24 hall-2 0900", "2026-11-24 hall-1 0800", "2026-11-24 hall-1 1000"}) {
			t.Fatalf("alternatives: %q", near)
		}
	}
	// Held, opened, confirmed, attached: one family's events and nobody else's.
	es := c.events(schedule.Category, schedule.ID(home, "hall-1", "2026-11-24"))
	id := replies[won].field("id")
	if held := of[schedule.Held](es); len(es) != 2 || len(held) != 1 || held[0].Case != id {
		t.Errorf("the day has %d events: %+v", len(es), es)
	}
	if stored := c.count() - before; stored != 4 {
		t.Errorf("%d events are stored", stored)
	}
}

// Two consents to a quote, and another quote at the same moment: either the
// family agreed before the change, or they read a quote that no longer counts
// and are told so. Nobody ever agreed to a quote that they had not seen.
func TestRaceOfTwoConsentsAndOneChange(t *testing.T) {
	c := onDisk(t)
	agreed, late := 0, 0
	for n := range 40 {
		id := c.send("desk-0101", "POST", "/api/v1/cases", caseJSON(n, ""), "Idempotency-Key", c.newKey()).field("id")
		on := "/cases/" + id
		if r := c.send("desk-0101", "POST", "/api/v1"+on+"/quotes", `{"items":[{"code":"CRM-STD","quantity":1}]}`, "Idempotency-Key", c.newKey()); r.Code != 200 {
			t.Fatal(r.Body)
		}
		quote := c.send("desk-0101", "GET", "/api/v1"+on, "").field("quote.quote")
		consent := fmt.Sprintf(`{"quote":%q,"total_fen":90000}`, quote)
		ws := []write{
			{"desk-0101", on + "/consents", consent},
			{"desk-0102", on + "/quotes", `{"items":[{"code":"CRM-STD","quantity":1},{"code":"HAL-S","quantity":1}]}`},
			{"desk-0102", on + "/consents", consent},
		}
		if n%2 == 1 { // who is woken last runs first
			ws[1], ws[2] = ws[2], ws[1]
		}
		rs := c.race(ws...)
		if n%2 == 1 {
			rs[1], rs[2] = rs[2], rs[1]
		}
		if rs[1].Code != 200 {
			t.Fatalf("the change: %d %s", rs[1].Code, rs[1].Body)
		}
		for _, r := range []reply{rs[0], rs[2]} {
			if r.Code != 200 && (r.Code != 409 || r.problem().Code != "quote_superseded") {
				t.Fatalf("a consent: %d %s", r.Code, r.Body)
			}
		}
		es := c.events(booking.Category, id)
		consents := of[booking.Consented](es)
		switch {
		case len(es) == 4 && len(consents) == 1 && (rs[0].Code == 200 || rs[2].Code == 200):
			if consents[0].Quote != quote || consents[0].Total != 90000 {
				t.Errorf("agreed to %+v", consents[0])
			}
			if i := slices.IndexFunc(es, func(e any) bool { _, ok := e.(booking.Consented); return ok }); i != 2 {
				t.Errorf("agreed to a quote after it was replaced: event %d of %T", i, es)
			}
			agreed++
		case len(es) == 3 && len(consents) == 0 && rs[0].Code == 409 && rs[2].Code == 409:
			late++
		default:
			t.Errorf("%d and %d, and the case has %d events with %d consents", rs[0].Code, rs[2].Code, len(es), len(consents))
		}
		// Whatever came first, the hall that nobody agreed to is not charged.
		if r := c.send("desk-0101", "POST", "/api/v1"+on+"/charges", `{"code":"HAL-S","quantity":1}`, "Idempotency-Key", c.newKey()); r.Code != 422 || r.problem().Code != "charge_above_quote" {
			t.Errorf("the hall: %d %s", r.Code, r.Body)
		}
	}
	t.Logf("agreed in time %d times, too late %d times", agreed, late)
}

// A hundred intakes scan the same tag: it is one case's, for life.
func TestRaceForOneTag(t *testing.T) {
	c := onDisk(t)
	var ids []string
	var ws []write
	for n := range 100 {
		id := c.put("desk-0101", "/cases", caseJSON(n, ""))
		c.put("desk-0102", "/cases/"+id+"/custody/collection", fmt.Sprintf(`{%s,"ground":"DEATH_CERTIFICATE","paper":%q,"issuer":"市中心医院（演示）","giver":"HOSPITAL","giver_name":"移交人","giver_signed":true,"into":{"kind":"VEHICLE","id":"car-1"}}`, c.at(), person(n)))
		ids = append(ids, id)
		ws = append(ws, write{"furnace-0201", "/cases/" + id + "/cremation/reception", fmt.Sprintf(`{%s,"tag":"T-7","scanned_out":%s}`, c.at(), c.scan("desk-0102"))})
	}
	won := ids[c.one("tag_used", c.race(ws...))]
	if es := of[cremation.TagIssued](c.events(cremation.TagCategory, "T-7")); len(es) != 1 || es[0].Case.String() != won {
		t.Errorf("the tag was issued %+v", es)
	}
	for _, id := range ids {
		received, tagged := len(of[cremation.Received](c.events(cremation.CremationCategory, id))), len(of[cremation.RemainsTagged](c.events(cremation.CustodyCategory, id)))
		if want := map[bool]int{true: 1}[id == won]; received != want || tagged != want {
			t.Errorf("%s was received %d times and tagged %d times, want %d", id, received, tagged, want)
		}
	}
	// Each of the others gets a tag of its own.
	for n, id := range ids[:3] {
		if id != won {
			c.put("furnace-0201", "/cases/"+id+"/cremation/reception", fmt.Sprintf(`{%s,"tag":"T-1%d","scanned_out":%s}`, c.at(), n, c.scan("desk-0102")))
		}
	}
}

// A hundred cases, each with everything it needs, are scanned to one furnace:
// one comes to it. And where, by a log from before that was asked, a hundred
// stand at one furnace, one goes in.
func TestRaceForOneFurnace(t *testing.T) {
	c := onDisk(t)
	var ids, tags []string
	var ws []write
	for n := range 100 {
		id, on, tag := c.atFurnace(n, gate{noIdentification: true})
		c.put("desk-0101", on+"/custody/identifications", fmt.Sprintf(`{%s,"tag":%q,"name":"沈静","relation":"CHILD","method":"VIEWING","recognised":true,"form":"2026.1"}`, c.at(), tag))
		ids, tags = append(ids, id), append(tags, tag)
		ws = append(ws, write{"furnace-0201", on + "/custody/moves", c.brought(tag)})
	}
	brought := c.one("furnace_approached", c.race(ws...))
	es := c.events(cremation.FurnaceCategory, home+".furnace-1")
	if came := of[cremation.FurnaceApproached](es); len(es) != 1 || len(came) != 1 || came[0].Case.String() != ids[brought] {
		t.Errorf("the furnace has %+v", es)
	}
	for i, id := range ids {
		if n := len(of[cremation.RemainsMoved](c.events(cremation.CustodyCategory, id))); n != map[bool]int{true: 1}[i == brought] {
			t.Errorf("%s was moved %d times", id, n)
		}
	}
	c.put("furnace-0201", "/cases/"+ids[brought]+"/custody/moves", c.away(tags[brought]))

	ws = nil
	for i, id := range ids {
		u, _, err := c.app.Custodies.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		now := c.clock()
		scan := cremation.Scan{By: "desk-0102", At: now}
		// As it was recorded then: the custody alone, and no word of it to the furnace.
		if _, err := c.app.Custodies.Handle(t.Context(), id, cremation.MoveRemains{Act: domain.Act{ID: uuid.New(), By: "furnace-0201", Now: now.UTC(), At: now},
			Tag: tags[i], From: u.Place, To: cremation.Place{Kind: cremation.AtFurnace, ID: "furnace-1"}, Out: scan, In: scan, Approached: u.Approach()}); err != nil {
			t.Fatal(err)
		}
		ws = append(ws, write{"furnace-0202", "/cases/" + id + "/cremation/start", fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at())})
	}
	won := ids[c.one("furnace_occupied", c.race(ws...))]
	es = c.events(cremation.FurnaceCategory, home+".furnace-1")
	if charged := of[cremation.FurnaceCharged](es); len(es) != 3 || len(charged) != 1 || charged[0].Case.String() != won {
		t.Errorf("the furnace has %+v", es)
	}
	for _, id := range ids {
		if n := len(of[cremation.Started](c.events(cremation.CremationCategory, id))); n != map[bool]int{true: 1}[id == won] {
			t.Errorf("%s began %d times", id, n)
		}
	}
}
