package api_test

import (
	"fmt"
	"testing"
	"time"
)

// received takes a case into care and puts it into bay n of the cold store.
func (c *city) received(n int) (id, on, tag string) {
	c.t.Helper()
	id, tag = c.must("desk-0101", "/cases", caseJSON(n, "")), fmt.Sprintf("T-%04d", n)
	on = "/cases/" + id
	c.must("desk-0102", on+"/custody/collection", fmt.Sprintf(`{%s,"ground":"POLICE_NOTICE","paper":"GA-1","issuer":"派出所（演示）","giver":"POLICE","giver_name":"移交人","giver_signed":true,"into":{"kind":"RECEPTION"}}`, c.at()))
	// Who was brought to the home needs no scan out of a vehicle.
	c.must("furnace-0201", on+"/cremation/reception", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
	c.move(on, tag, `{"kind":"RECEPTION"}`, fmt.Sprintf(`{"kind":"COLD_BAY","id":"cold-1/%d"}`, n))
	return id, on, tag
}

// I2: a move has two scans, starts where the remains are, and ends in a bay that
// is free; after an emergency nothing leaves before a full count.
func TestCustodyChain(t *testing.T) {
	c := newCity(t)
	_, on, tag := c.received(1)
	_, second, other := c.received(2)
	moves := on + "/custody/moves"
	body := func(tag, from, to, out string) string {
		return fmt.Sprintf(`{%s,"tag":%q,"from":%s,"to":%s,"scanned_out":%s}`, c.at(), tag, from, to, out)
	}
	bay := func(n int) string { return fmt.Sprintf(`{"kind":"COLD_BAY","id":"cold-1/%d"}`, n) }
	here, room := bay(1), `{"kind":"PREPARATION","id":"1"}`
	c.refuses(422, "tag_other", "furnace-0201", moves, body(other, here, room, c.scan("desk-0102")))
	c.refuses(422, "custody_origin", "furnace-0201", moves, body(tag, bay(3), room, c.scan("desk-0102")))
	c.refuses(409, "bay_taken", "furnace-0201", moves, body(tag, here, bay(2), c.scan("desk-0102")))
	c.refuses(422, "bay_unknown", "furnace-0201", moves, body(tag, here, bay(9), c.scan("desk-0102")))
	c.refuses(422, "custody_scan_needed", "furnace-0201", moves, body(tag, here, room, c.scan("")))
	c.refuses(422, "not_identified", "furnace-0201", moves, body(tag, here, `{"kind":"FURNACE","id":"furnace-1"}`, c.scan("desk-0102")))

	house := "/institutions/" + home + "/cold-store"
	c.must("furnace-0201", house+"/relocations", fmt.Sprintf(`{%s,"moves":[{"tag":%q,"from":{"bank":"cold-1","no":1},"to":{"bank":"cold-1","no":5}},{"tag":%q,"from":{"bank":"cold-1","no":2},"to":{"bank":"cold-1","no":1}}],"reason":"停电"}`, c.at(), tag, other))
	for path, want := range map[string]string{on: "cold-1/5", second: "cold-1/1"} {
		if cu := c.send("desk-0101", "GET", "/api/v1"+path+"/custody", ""); cu.field("place.id") != want {
			t.Error("after the relocation:", cu.Body)
		}
	}
	c.refuses(422, "recount_first", "furnace-0201", moves, body(tag, bay(5), room, c.scan("desk-0102")))
	c.must("furnace-0201", house+"/counts", fmt.Sprintf(`{%s,"seen":[{"bay":{"bank":"cold-1","no":5},"tag":%q}]}`, c.at(), tag))
	if got := c.send("desk-0101", "GET", "/api/v1"+house, ""); got.field("recount_due") != "true" || got.field("missing.0") != other {
		t.Error(got.Body)
	}
	c.must("furnace-0201", house+"/counts", fmt.Sprintf(`{%s,"seen":[{"bay":{"bank":"cold-1","no":5},"tag":%q},{"bay":{"bank":"cold-1","no":1},"tag":%q}]}`, c.at(), tag, other))
	c.move(on, tag, bay(5), room)
	// Another authority's paper takes the remains away, uncremated.
	c.must("desk-0101", second+"/custody/hand-over", fmt.Sprintf(`{%s,"tag":%q,"name":"接收人","authority":"民政局（演示）","paper":"M-1","receipt":"S-1"}`, c.at(), other))
	if got := c.send("desk-0101", "GET", "/api/v1"+house, ""); got.field("in.0.tag") != "" {
		t.Error("somebody is left in the cold store:", got.Body)
	}
}

// I5: who is not recognised is held; a waiver takes two accounts.
func TestDoubtAndWaiver(t *testing.T) {
	c := newCity(t)
	_, on, tag := c.received(1)
	said := func(yes bool, extra string) string {
		return fmt.Sprintf(`{%s,"tag":%q,"name":"沈静","relation":"CHILD","method":"VIEWING","recognised":%v,"form":"1"%s}`, c.at(), tag, yes, extra)
	}
	c.must("desk-0101", on+"/custody/identifications", said(false, ""))
	if got := c.send("desk-0101", "GET", "/api/v1"+on+"/cremation", ""); got.field("open_holds.0.kind") != "IDENTITY" {
		t.Error("a doubt is not held:", got.Body)
	}
	c.sleep(time.Minute)
	c.refuses(422, "not_recognised", "desk-0101", on+"/custody/identifications", said(true, ""))
	c.refuses(422, "not_recognised", "desk-0101", on+"/custody/waiver-requests", `{"reason":"没有亲属"}`)
	c.must("desk-0101", on+"/custody/identifications", said(true, `,"paper":"公安鉴定"`))
	if got := c.send("desk-0101", "GET", "/api/v1"+on+"/cremation", ""); got.field("open_holds.0.kind") != "" {
		t.Error("the hold stays:", got.Body)
	}
	_, second, _ := c.received(2)
	c.refuses(422, "waiver_not_asked", "desk-0102", second+"/custody/waivers", `{}`)
	c.must("desk-0101", second+"/custody/waiver-requests", `{"reason":"没有亲属"}`)
	c.refuses(422, "waiver_second_account", "desk-0101", second+"/custody/waivers", `{}`)
	c.must("desk-0102", second+"/custody/waivers", `{}`)
	if got := c.send("desk-0101", "GET", "/api/v1"+second+"/custody", ""); got.field("identified") != "true" || got.field("waiver") != "approved" {
		t.Error(got.Body)
	}
}

// I10, I11: shares sum to the whole; each goes to its own person against its own
// code, never out of a niche.
func TestSharesOfAshes(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	on := "/cases/" + id + "/cremation"
	part := func(n, g int, to string) string {
		return fmt.Sprintf(`{"weight_g":%d,"containers":1,"label":"T-0001-%d","sealed_with":"furnace-0201"%s}`, g, n, to)
	}
	split := func(a, b int) string {
		return fmt.Sprintf(`{%s,"into":[%s,%s],"request":"SQ-1","form":"1"}`, c.at(), part(2, a, ""), part(3, b, fmt.Sprintf(`,"collector_citizen_id":%q`, person(900))))
	}
	c.refuses(422, "ashes_shares_sum", "desk-0101", on+"/ashes-splits", split(1200, 1100))
	c.must("desk-0101", on+"/ashes-splits", split(1200, 1200))
	niche := func(extra string) string {
		return fmt.Sprintf(`{%s,"share":2,"label":"T-0001-2","from":{"kind":"ASHES_ROOM"},"to":{"kind":"NICHE","id":"A-3"},"scanned_out":%s,"until":"2027-11-23","agreement":"JC-1"%s}`, c.at(), c.scan("furnace-0201"), extra)
	}
	c.refuses(422, "ashes_term", "desk-0101", on+"/deposits", niche(`,"form":""`))
	c.must("desk-0101", on+"/deposits", niche(`,"form":"1"`))
	c.must("desk-0101", on+"/deposit-extensions", `{"share":2,"until":"2028-11-23","agreement":"JC-2"}`)
	code := func(share int) string {
		r := c.send("desk-0101", "POST", "/api/v1"+on+"/release-codes", fmt.Sprintf(`{"share":%d}`, share), "Idempotency-Key", c.newKey())
		if r.Code != 200 {
			t.Fatal(r.Body)
		}
		return r.field("code")
	}
	give := func(share int, who, code string) string {
		return fmt.Sprintf(`{%s,"share":%d,"name":"领取人","certificate":%q,"id_checked":true,"collector_citizen_id":%q,"receipt":"S-1","form":"1","code":%q}`, c.at(), share, certificate, who, code)
	}
	mine, hers := code(2), code(3)
	c.refuses(422, "ashes_deposited", "desk-0101", on+"/ashes-release", give(2, person(501), mine))
	c.refuses(422, "ashes_not_collector", "desk-0101", on+"/ashes-release", give(3, person(501), hers))
	if r := c.send("desk-0101", "POST", "/api/v1"+on+"/ashes-release", give(3, person(900), mine), "Idempotency-Key", c.newKey()); r.problem().Code != "release_code_wrong" {
		t.Error("another share's code:", r.Body)
	}
	c.must("desk-0101", on+"/ashes-release", give(3, person(900), hers))
	c.must("desk-0101", on+"/withdrawals", fmt.Sprintf(`{%s,"share":2,"label":"T-0001-2","from":{"kind":"NICHE","id":"A-3"},"to":{"kind":"ASHES_ROOM","id":"1"},"scanned_out":%s}`, c.at(), c.scan("furnace-0201")))
	c.must("desk-0101", on+"/ashes-release", give(2, person(501), mine))
	if got := c.send("desk-0101", "GET", "/api/v1"+on, ""); got.field("ashes_released") != "true" || got.field("ashes.0.status") != "split" {
		t.Error(got.Body)
	}
}
