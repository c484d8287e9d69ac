package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/credit"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/handlers"
	"shenzhong/handlers/api"
	"shenzhong/projections"
)

// The institutions of the test city; the codes are the invented ones of the
// domain brief.
const (
	home     = "12210200422000019F"
	other    = "12210281422000027L"
	cemetery = "52210212MJ0YY00496"
	boats    = "91210211MA0YY00382"
)

// A city is a server whose clock the test moves.
type city struct {
	t     testing.TB
	app   *handlers.App
	store events.Store
	http.Handler
	tokens map[string]string // account → token
	log    *lockedBuffer

	mu  sync.Mutex
	now time.Time
	key int
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// bare is a city on the memory store in which nothing was recorded yet.
func bare(t testing.TB, writesPerMinute int) *city {
	t.Helper()
	return bareOn(t, memory.New(), events.NewMemoryKeys(), writesPerMinute)
}

func bareOn(t testing.TB, store events.Store, keys events.Keyring, writesPerMinute int) *city {
	t.Helper()
	c := &city{t: t, store: store, tokens: map[string]string{}, log: new(lockedBuffer), now: time.Date(2026, 11, 23, 10, 0, 0, 0, domain.Shanghai)}
	c.app = handlers.NewApp(c.store, projections.Registry(keys), keys, []byte("the key of a test"))
	c.app.Now = c.clock
	var accounts []handlers.Account
	for _, s := range handlers.DemoSeats(home, cemetery, cemetery, boats) {
		accounts, c.tokens[s.ID] = append(accounts, s.Account), s.Token
	}
	for _, role := range handlers.Roles { // one account of every role at another home
		a, token := handlers.Issue(handlers.Account{ID: "other-" + string(role), Roles: []handlers.Role{role}, Institution: other})
		accounts, c.tokens[a.ID] = append(accounts, a), token
	}
	as, err := handlers.NewAccounts(accounts...)
	if err != nil {
		t.Fatal(err)
	}
	c.app.Officer = as.Officer
	c.Handler = handlers.New(handlers.Config{Accounts: as, API: api.New(c.app, writesPerMinute), Log: slog.New(slog.NewJSONHandler(c.log, nil))})
	return c
}

func (c *city) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// sleep moves the clock.
func (c *city) sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// count is how many events were stored.
func (c *city) count() int {
	n := 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for b, err := range c.store.Follow(ctx, 0, 1000) {
		if err != nil {
			c.t.Fatal(err)
		}
		n += len(b.Events)
		if b.CaughtUp {
			break
		}
	}
	return n
}

// A reply is an answer of the server.
type reply struct {
	*httptest.ResponseRecorder
}

func (r reply) field(path string) string {
	var v any
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		return "not JSON: " + r.Body.String()
	}
	for p := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			var i int
			fmt.Sscan(p, &i)
			if i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprint(v)
}

func (r reply) problem() handlers.Problem {
	var p handlers.Problem
	if err := json.Unmarshal(r.Body.Bytes(), &p); err != nil {
		p.Detail = "not a problem: " + r.Body.String()
	}
	return p
}

// send makes one request. Headers come in pairs.
func (c *city) send(account, method, path, body string, headers ...string) reply {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, in)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token := c.tokens[account]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return reply{w}
}

// newKey is a fresh idempotency key.
func (c *city) newKey() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key++
	return fmt.Sprintf("test-key-%06d", c.key)
}

// post makes a write under a fresh key. Every one that is accepted is sent a
// second time: the answer must be the same and nothing may be stored.
func (c *city) post(account, path, body string, headers ...string) reply {
	c.t.Helper()
	headers = append(headers, "Idempotency-Key", c.newKey())
	r := c.send(account, "POST", "/api/v1"+path, body, headers...)
	if r.Code != http.StatusOK {
		return r
	}
	before := c.count()
	again := c.send(account, "POST", "/api/v1"+path, body, headers...)
	if again.Code != r.Code || again.Body.String() != r.Body.String() || again.Header().Get("ETag") != r.Header().Get("ETag") {
		c.t.Errorf("%s answered a second time: %d %s, first %d %s", path, again.Code, again.Body, r.Code, r.Body)
	}
	if after := c.count(); after != before {
		c.t.Errorf("%s sent twice stored %d more events", path, after-before)
	}
	return r
}

// must is post that has to succeed, and answers with the record's id.
func (c *city) must(account, path, body string, headers ...string) string {
	c.t.Helper()
	r := c.post(account, path, body, headers...)
	if r.Code != http.StatusOK {
		c.t.Fatalf("POST %s: %d %s", path, r.Code, r.Body)
	}
	return r.field("id")
}

// refuses is post that has to be refused with this code, and to store nothing
// but the note that a rule on prices refused.
func (c *city) refuses(status int, code, account, path, body string, headers ...string) handlers.Problem {
	c.t.Helper()
	before := c.count()
	r := c.post(account, path, body, headers...)
	p := r.problem()
	if r.Code != status || p.Code != code || r.Header().Get("Content-Type") != "application/problem+json" || p.Detail == "" || p.Request == "" {
		c.t.Errorf("POST %s: %d %s, want %d %s", path, r.Code, r.Body, status, code)
	}
	if slices.Contains(booking.Refusable, code) {
		before++
	}
	if after := c.count(); after != before {
		c.t.Errorf("POST %s was refused and stored %d events", path, after-before)
	}
	return p
}

// at is the time now as a body's occurred_at.
func (c *city) at() string { return fmt.Sprintf(`"occurred_at":%q`, c.clock().Format(time.RFC3339)) }

// newCity is a city with its institutions, price list and credit policy.
func newCity(t testing.TB) *city {
	t.Helper()
	return settled(bare(t, 1_000_000))
}

// settled gives a city its institutions, price list and credit policy.
func settled(c *city) *city {
	c.t.Helper()
	t := c.t
	for _, in := range []struct{ code, name, kind, operator string }{
		{home, "松涛殡仪馆（演示）", "FUNERAL_HOME", "GOVERNMENT"}, {other, "云岫殡仪馆（演示）", "FUNERAL_HOME", "GOVERNMENT"},
		{cemetery, "松涛公益性公墓（演示）", "CEMETERY_PUBLIC_URBAN", "GOVERNMENT"}, {boats, "海风海葬服务（演示）", "SEA_BURIAL_OPERATOR", "COMMERCIAL"},
	} {
		c.must("admin-0601", "/institutions", fmt.Sprintf(`{"credit_code":%q,"name_zh":%q,"kind":%q,"division":"210211","operator":%q,"registered_on":"2010-05-01","fictitious":true}`, in.code, in.name, in.kind, in.operator))
	}
	c.must("admin-0601", "/institutions/"+home+"/licences", `{"licence":"operating","number":"D-1","valid_from":"2020-01-01","valid_until":"2030-12-31"}`)
	for _, r := range []string{"hall-1", "hall-2"} {
		c.must("admin-0601", "/institutions/"+home+"/resources", fmt.Sprintf(`{"resource":%q,"kind":"hall","name_zh":"告别厅","opens":"08:00","closes":"12:00","slot_minutes":60,"capacity":50}`, r))
	}
	c.must("admin-0601", "/institutions/"+home+"/resources", `{"resource":"furnace-1","kind":"furnace","name_zh":"一号炉","opens":"08:00","closes":"17:00","slot_minutes":60,"capacity":1}`)
	c.must("admin-0601", "/institutions/"+boats+"/licences", `{"licence":"operating","number":"H-1","valid_from":"2020-01-01","valid_until":"2030-12-31"}`)
	c.must("admin-0601", "/institutions/"+boats+"/resources", `{"resource":"ship-1","kind":"vessel","name_zh":"演示一号","opens":"06:00","closes":"18:00","slot_minutes":60,"capacity":40}`)
	c.must("admin-0601", "/institutions/"+home+"/resources", `{"resource":"cold-1","kind":"cold_bay","name_zh":"冷藏柜","opens":"00:00","closes":"24:00","slot_minutes":60,"capacity":8}`)
	c.must("admin-0601", "/institutions/"+home+"/qualifications", `{"account":"furnace-0202","skill":"CREMATOR","valid_from":"2026-01-01","document":"SG-1"}`)
	c.must("importer-0701", "/price-lists/"+home, priceList)
	policy, err := json.Marshal(credit.Default())
	if err != nil {
		t.Fatal(err)
	}
	c.must("regulator-0501", "/credit-policies", `{"policy":`+string(policy)+`}`)
	return c
}

// events are those of one stream, in their order.
func (c *city) events(category, id string) (es []any) {
	c.t.Helper()
	for r, err := range c.store.Load(context.Background(), events.Stream(category+"-"+id), events.NoStream) {
		if err != nil {
			c.t.Fatal(err)
		}
		e, err := c.app.Registry.Decode(context.Background(), r)
		if err != nil {
			c.t.Fatal(err)
		}
		es = append(es, e)
	}
	return es
}

// of are those of the events that are of one type.
func of[E any](all []any) (es []E) {
	for _, x := range all {
		if e, ok := x.(E); ok {
			es = append(es, e)
		}
	}
	return es
}

const priceList = `{"effective_from":"2026-04-01","institution_name":"松涛殡仪馆（演示）","division":"210211","basis":"演示",
 "rows":[{"code":"CRM-STD","name_zh":"遗体火化","category":"CREMATION","pricing_type":"GOV_GUIDED_BASIC","unit":"元/具","price_fen":90000},
  {"code":"HAL-S","name_zh":"告别厅","category":"FAREWELL","pricing_type":"GOV_GUIDED_BASIC","unit":"元/场","price_fen":12000}]}`

// person is an ID number with its check digit; n makes them differ.
func person(n int) string {
	first := fmt.Sprintf("2102111950010%d%03d", 1+n/1000%9, n%1000)
	for _, last := range "0123456789X" {
		if _, err := domain.ParseCitizenID(first + string(last)); err == nil {
			return first + string(last)
		}
	}
	panic("no check digit fits " + first)
}

func caseJSON(n int, extra string) string {
	return fmt.Sprintf(`{"deceased":{"name":"沈明远","citizen_id":%q,"death_date":"2026-11-22","hukou":"210211"},
 "handler":{"name":"沈静","citizen_id":%q,"phone":"13804110412","relation":"CHILD"}%s}`, person(n), person(n+500), extra)
}

// chunked sends a body whose length nobody says beforehand.
func (c *city) chunked(account, path, body string) reply {
	r := httptest.NewRequest("POST", path, io.NopCloser(strings.NewReader(body)))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+c.tokens[account])
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "chunked-body")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return reply{w}
}

// voyage is the body of a voyage of the city's sea-burial operator, a week from
// now.
func (c *city) voyage(number string, seats int) string {
	return fmt.Sprintf(`{%s,"number":%q,"vessel":"ship-1","seats":%d,"sea_area":"黄海一区","pier":"演示码头","division":"210202","departs":%q}`,
		c.at(), number, seats, c.clock().Add(7*24*time.Hour).Format(time.RFC3339))
}

// domainAct is the act of something that no request asked for.
func domainAct(c *city) domain.Act {
	return domain.Act{ID: uuid.New(), By: "policy:test", Now: c.clock().UTC()}
}
