package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"shenzhong/handlers"
)

// Whatever comes in as a body: the answer is a receipt or a problem, never a
// fault of ours; a problem stores nothing and repeats nothing of the body.
func FuzzBody(f *testing.F) {
	ops := []handlers.Operation{"open_case", "register_institution", "publish_price_list", "add_resource"}
	for i, op := range ops {
		f.Add(byte(i), valid(op))
	}
	for _, s := range []string{"", "null", "{}", "[]", "0", `"`, `{"a":`, `{"deceased":null}`, `{"deceased":{"name":"\u0000"}}`, "\xff\xfe", `{"number":1e999}`,
		strings.Repeat("[", 10000), caseJSON(1, `,"occurred_at":"9999-12-31T23:59:59Z"`), caseJSON(1, `,"occurred_at":"0001-01-01T00:00:00Z"`),
		caseJSON(1, `,"slot":{"resource":"hall-1","start":"0001-01-01T00:00:00Z"}`), caseJSON(1, `,"slot":{"resource":"hall-1","start":"2026-11-24T09:00:00+08:00","minutes":1440}`),
		caseJSON(1, `,"slot":null`), strings.Replace(caseJSON(1, ""), "沈明远", strings.Repeat("沈", 61), 1), strings.Replace(priceList, "90000", "99999999999999999999", 1)} {
		for i := range ops {
			f.Add(byte(i), s)
		}
	}
	c := newCity(f)
	paths := map[handlers.Operation][2]string{"open_case": {"desk-0101", "/cases"}, "register_institution": {"admin-0601", "/institutions"},
		"publish_price_list": {"importer-0701", "/price-lists/" + home}, "add_resource": {"admin-0601", "/institutions/" + home + "/resources"}}
	f.Fuzz(func(t *testing.T, which byte, body string) {
		to := paths[ops[int(which)%len(ops)]]
		before := c.count()
		r := c.send(to[0], "POST", "/api/v1"+to[1], body, "Idempotency-Key", c.newKey())
		switch {
		case r.Code == 200:
			if !json.Valid(r.Body.Bytes()) {
				t.Errorf("%q: %s", body, r.Body)
			}
		case r.Code < 400 || r.Code >= 500:
			t.Errorf("%q: %d %s", body, r.Code, r.Body)
		default:
			p := r.problem()
			if p.Code == "" || p.Detail == "" || strings.Contains(p.Detail, "%!") {
				t.Errorf("%q: %s", body, r.Body)
			}
			if c.count() != before {
				t.Errorf("%q was refused and stored something", body)
			}
		}
	})
}
