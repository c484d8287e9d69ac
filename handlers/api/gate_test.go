package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/handlers"
)

// put is must without sending it twice, for what a test only needs to be there.
func (c *city) put(account, path, body string) string {
	c.t.Helper()
	r := c.send(account, "POST", "/api/v1"+path, body, "Idempotency-Key", c.newKey())
	if r.Code != 200 {
		c.t.Fatalf("POST %s: %d %s", path, r.Code, r.Body)
	}
	return r.field("id")
}

// A gate is what a case has on the way to the furnace; each field that is set
// leaves something out, or makes it otherwise.
type gate struct {
	noDeath, unchecked, unnatural, noConfirmation, noIdentification, noChecks bool
}

// atFurnace takes a case from the counter to the furnace's door.
func (c *city) atFurnace(n int, g gate) (id, on, tag string) {
	c.t.Helper()
	id, tag = c.put("desk-0101", "/cases", caseJSON(n, "")), fmt.Sprintf("T-%04d", n)
	on = "/cases/" + id
	c.put("desk-0102", on+"/custody/collection", fmt.Sprintf(`{%s,"ground":"DEATH_CERTIFICATE","paper":%q,"issuer":"市中心医院（演示）","giver":"HOSPITAL","giver_name":"移交人","giver_signed":true,"into":{"kind":"VEHICLE","id":"car-1"}}`, c.at(), person(n)))
	c.put("furnace-0201", on+"/cremation/reception", fmt.Sprintf(`{%s,"tag":%q,"scanned_out":%s}`, c.at(), tag, c.scan("desk-0102")))
	if !g.noDeath {
		cause := "NATURAL"
		if g.unnatural {
			cause = "UNNATURAL"
		}
		c.put("desk-0101", on+"/cremation/death-certificate", fmt.Sprintf(`{"number":%q,"issuer":"市中心医院（演示）","issued_on":"2026-11-22","death_date":"2026-11-22","cause_class":%q,"checked":%v}`, person(n), cause, !g.unchecked))
	}
	if !g.noConfirmation {
		c.put("desk-0101", on+"/cremation/confirmation", fmt.Sprintf(`{%s,"form":"2026.1"}`, c.at()))
	}
	if !g.noIdentification {
		c.put("desk-0101", on+"/custody/identifications", fmt.Sprintf(`{%s,"tag":%q,"name":"沈静","relation":"CHILD","method":"VIEWING","recognised":true,"form":"2026.1"}`, c.at(), tag))
		c.put("furnace-0201", on+"/custody/moves", c.brought(tag))
	}
	if !g.noChecks && !g.noDeath {
		c.put("desk-0102", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
		c.put("furnace-0201", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
	}
	return id, on, tag
}

// brought scans remains from the reception to furnace-1, away back again.
func (c *city) brought(tag string) string {
	return c.scanned(tag, "RECEPTION", "", "FURNACE", "furnace-1")
}
func (c *city) away(tag string) string {
	return c.scanned(tag, "FURNACE", "furnace-1", "RECEPTION", "")
}

func (c *city) scanned(tag, from, fromID, to, toID string) string {
	return fmt.Sprintf(`{%s,"tag":%q,"from":{"kind":%q,"id":%q},"to":{"kind":%q,"id":%q},"scanned_out":%s}`, c.at(), tag, from, fromID, to, toID, c.scan("desk-0102"))
}

// decider asks the cremation itself, with the facts as they are, whether it
// would begin.
func (c *city) decider(id string, at time.Time) error {
	c.t.Helper()
	u := uuid.MustParse(id)
	act := domain.Act{ID: uuid.New(), By: "furnace-0202", Now: c.clock().UTC(), At: at}
	facts, err := c.app.StartFacts(c.t.Context(), u, cremation.Start{Act: act, Furnace: "furnace-1", FurnaceCase: u})
	if err != nil {
		c.t.Fatal(err)
	}
	s, _, err := c.app.Cremations.Load(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = cremation.Cremation.Decide(s, facts)
	return err
}

// Must show, line 5: without one of its papers, with one verifier twice, under a
// hold, or at a time from the future no cremation begins: the API and the
// decider refuse it with the same reason, in Chinese.
func TestNoCremationWithout(t *testing.T) {
	c := newCity(t)
	for n, r := range []struct {
		name       string
		gate       gate
		more       func(on, tag string)
		ahead      time.Duration
		code, rule string
		says       string
	}{
		{name: "the death certificate", gate: gate{noDeath: true}, code: "no_death_certificate", rule: "I3", says: "死亡证明"},
		{name: "its comparison with the original", gate: gate{unchecked: true}, code: "death_certificate_unverified", rule: "I3", says: "核验原件"},
		{name: "the signed confirmation", gate: gate{noConfirmation: true}, code: "no_confirmation", rule: "I3", says: "火化确认书"},
		{name: "the police paper after an unnatural death", gate: gate{unnatural: true}, code: "no_police_paper", rule: "I3", says: "公安机关"},
		{name: "identification by the family", gate: gate{noIdentification: true}, code: "not_identified", rule: "I5", says: "辨认"},
		{name: "any check of identity", gate: gate{noChecks: true}, code: "identity_not_verified", rule: "I4", says: "两名工作人员"},
		{name: "a second verifier", gate: gate{noChecks: true}, code: "identity_not_verified", rule: "I4", says: "分别核对", more: func(on, tag string) {
			c.must("furnace-0201", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
			c.sleep(3 * time.Minute)
			c.must("furnace-0201", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
			if p := c.refuses(422, "verifier_is_creator", "desk-0101", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag)); !chinese(p.Detail) {
				t.Error(p.Detail)
			}
		}},
		{name: "fresh checks", code: "identity_not_verified", rule: "I4", says: "10 分钟", more: func(string, string) { c.sleep(11 * time.Minute) }},
		{name: "a lifted police hold", code: "cremation_on_hold", rule: "I3", says: "公安机关", more: func(on, _ string) {
			c.must("desk-0101", on+"/cremation/holds", `{"kind":"POLICE","authority":"甘井子分局（演示）","paper":"甘公（2026）1号"}`)
		}},
		{name: "a time that has come", ahead: time.Minute, code: "time_in_future", rule: "I8"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c.t = t
			id, on, tag := c.atFurnace(n, r.gate)
			if r.more != nil {
				r.more(on, tag)
			}
			at := c.clock().Add(r.ahead)
			p := c.refuses(422, r.code, "furnace-0202", on+"/cremation/start", fmt.Sprintf(`{"occurred_at":%q,"furnace":"furnace-1"}`, at.Format(time.RFC3339)))
			if p.Rule != r.rule || !chinese(p.Detail) || !strings.Contains(p.Detail, r.says) {
				t.Errorf("%+v", p)
			}
			no, ok := errors.AsType[*domain.Rejection](c.decider(id, at))
			if !ok || no.Code != r.code || no.Text("zh") != p.Detail {
				t.Errorf("the decider says %v, the API %s", no, p.Detail)
			}
			if f, _, err := c.app.Furnaces.Load(t.Context(), handlers.FurnaceID(home, "furnace-1")); err != nil || f.Case != uuid.Nil {
				t.Errorf("the furnace is charged with %s: %v", f.Case, err)
			}
			if !r.gate.noIdentification { // who does not go in is taken away again
				c.must("furnace-0201", on+"/custody/moves", c.away(tag))
			}
		})
	}
	c.t = t
	// With everything it begins. While somebody stands there, and then is in there,
	// nobody else is brought to it or goes in.
	_, on, tag := c.atFurnace(20, gate{})
	next, second, other := c.atFurnace(21, gate{noIdentification: true})
	c.put("desk-0101", second+"/custody/identifications", fmt.Sprintf(`{%s,"tag":%q,"name":"沈静","relation":"CHILD","method":"VIEWING","recognised":true,"form":"2026.1"}`, c.at(), other))
	start := func() string { return fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at()) }
	refused := func(code string) {
		t.Helper()
		p := c.refuses(409, code, "furnace-0201", second+"/custody/moves", c.brought(other))
		if p.Rule != "I7" || !chinese(p.Detail) {
			t.Errorf("%+v", p)
		}
		if number := c.send("desk-0101", "GET", "/api/v1"+on, "").field("number"); code == "furnace_approached" && (number == "" || !strings.Contains(p.Detail, number)) {
			t.Errorf("%q does not name case %q", p.Detail, number)
		}
		if s, _, err := c.app.Custodies.Load(t.Context(), next); err != nil || s.Place.Kind != cremation.InReception {
			t.Errorf("they are at %+v: %v", s.Place, err)
		}
	}
	refused("furnace_approached")
	c.must("furnace-0201", on+"/custody/moves", c.away(tag)) // the place is free as soon as they are gone
	c.must("furnace-0201", second+"/custody/moves", c.brought(other))
	c.refuses(409, "furnace_approached", "furnace-0201", on+"/custody/moves", c.brought(tag))
	c.must("furnace-0201", second+"/custody/moves", c.away(other))
	c.must("furnace-0201", on+"/custody/moves", c.brought(tag))
	c.must("furnace-0202", on+"/cremation/start", start())
	refused("furnace_occupied")
	c.refuses(422, "remains_not_at_furnace", "furnace-0202", second+"/cremation/start", start())
	c.refuses(422, "custody_place", "furnace-0201", second+"/custody/moves", c.scanned(other, "RECEPTION", "", "FURNACE", "hall-1"))
	f, _, err := c.app.Furnaces.Load(t.Context(), handlers.FurnaceID(home, "furnace-1"))
	if err != nil {
		t.Fatal(err)
	}
	act := domain.Act{ID: uuid.New(), By: "furnace-0202", Now: c.clock().UTC()}
	if _, err := cremation.Furnace.Decide(f, cremation.Charge{Act: act, Case: uuid.MustParse(next), Stands: true}); !errors.Is(err, cremation.ErrFurnaceOccupied) {
		t.Errorf("the decider of the furnace says %v", err)
	}
	s, _, err := c.app.Cremations.Load(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cremation.Cremation.Decide(s, cremation.Start{Act: domain.Act{ID: uuid.New(), By: "furnace-0202", Now: c.clock().UTC(), At: c.clock()}, Furnace: "furnace-1", FurnaceCase: f.Case, Licensed: true}); !errors.Is(err, cremation.ErrFurnaceNotCharged) {
		t.Errorf("the decider of the cremation says %v", err)
	}
}

// An institution may ask for the two checks to be closer together.
func TestVerificationMinutes(t *testing.T) {
	c := newCity(t)
	c.must("admin-0601", "/parameters/"+home, `{"name":"verification_minutes","value":"5","reason":"试行"}`)
	c.refuses(422, "parameter_invalid", "admin-0601", "/parameters/"+home, `{"name":"verification_minutes","value":"11","reason":"试行"}`)
	_, on, tag := c.atFurnace(1, gate{noChecks: true})
	check := func(who string) {
		c.must(who, on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
	}
	check("desk-0102")
	c.sleep(6 * time.Minute)
	check("furnace-0201")
	c.refuses(422, "identity_not_verified", "furnace-0202", on+"/cremation/start", fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at()))
	c.sleep(4 * time.Minute)
	check("desk-0102")
	c.must("furnace-0202", on+"/cremation/start", fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at()))
}
