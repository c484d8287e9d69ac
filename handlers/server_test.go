package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/projections"
)

type routes func(chi.Router)

func (f routes) Routes(r chi.Router) { f(r) }

type pages struct{ routes }

func (pages) Problem(w http.ResponseWriter, _ *http.Request, p *Problem) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(p.Status)
	io.WriteString(w, "<h1>"+p.Title+"</h1>"+p.Code+" "+p.Request)
}

func serve(t *testing.T, edit func(*Config)) (*Server, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	as, err := NewAccounts()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Accounts: as, Log: slog.New(slog.NewJSONHandler(&log, nil)), API: routes(func(r chi.Router) {
		r.Post("/api/v1/echo", func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(w, r.Body); err != nil {
				WriteProblem(w, r, err)
			}
		})
		r.Get("/api/v1/panic/{id}", func(http.ResponseWriter, *http.Request) { panic("boom 沈明远") })
		r.Get("/api/v1/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		r.Get("/page", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, RequestID(r.Context()).String()) })
	})}
	if edit != nil {
		edit(&cfg)
	}
	return New(cfg), &log
}

func do(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPanicTellsNothing(t *testing.T) {
	s, log := serve(t, nil)
	w := do(s, "GET", "/api/v1/panic/210202194811300025?name=x", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "boom") || !strings.Contains(w.Body.String(), w.Header().Get("X-Request-Id")) {
		t.Error(w.Code, w.Body)
	}
	line := log.String()
	if !strings.Contains(line, "boom") || !strings.Contains(line, "server_test.go") || !strings.Contains(line, w.Header().Get("X-Request-Id")) || strings.Count(line, "\n") != 1 {
		t.Error("the log has not what it takes to mend it:", line)
	}
	if strings.Contains(line, "2102021948") || strings.Contains(line, "name=x") {
		t.Error("the log holds what the caller sent:", line)
	}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Error("an aborted answer was turned into one:", v)
		}
	}()
	do(s, "GET", "/api/v1/abort", "")
}

func TestBodyLimit(t *testing.T) {
	s, _ := serve(t, func(c *Config) { c.MaxBody = 1 << 10 })
	if w := do(s, "POST", "/api/v1/echo", strings.Repeat("x", 1<<10)); w.Code != 200 {
		t.Error(w.Code)
	}
	if w := do(s, "POST", "/api/v1/echo", strings.Repeat("x", 1<<10+1)); w.Code != 413 || !strings.Contains(w.Body.String(), "body_too_large") {
		t.Error(w.Code, w.Body)
	}
	// Fifty megabytes are refused by their length, unread.
	r := httptest.NewRequest("POST", "/api/v1/echo", unread{t})
	r.ContentLength = 50 << 20
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Error(w.Code)
	}
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestAnswersCarryTheirHeaders(t *testing.T) {
	s, _ := serve(t, nil)
	w := do(s, "GET", "/page", "")
	id, err := uuid.Parse(w.Header().Get("X-Request-Id"))
	if err != nil || w.Body.String() != id.String() {
		t.Error(err, w.Body)
	}
	for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if w.Header().Get(h) == "" {
			t.Error("no", h)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
		t.Error(csp)
	}
}

func TestCrossOriginWritesAreRefused(t *testing.T) {
	s, _ := serve(t, nil)
	if w := do(s, "POST", "/api/v1/echo", "x", "Sec-Fetch-Site", "cross-site"); w.Code != 403 || !strings.Contains(w.Body.String(), "cross_origin") {
		t.Error(w.Code, w.Body)
	}
	if w := do(s, "POST", "/api/v1/echo", "x"); w.Code != 200 {
		t.Error("a program that is no browser was refused:", w.Code)
	}
}

func TestProblemsAsPages(t *testing.T) {
	s, _ := serve(t, func(c *Config) { c.Web = pages{func(chi.Router) {}} })
	if w := do(s, "GET", "/nowhere", "", "Accept", "text/html,*/*;q=0.8"); w.Code != 404 || !strings.Contains(w.Body.String(), "<h1>没有找到</h1>not_found "+w.Header().Get("X-Request-Id")) {
		t.Error(w.Code, w.Body)
	}
	for _, c := range [][2]string{{"/nowhere", "application/json"}, {"/nowhere", ""}, {"/api/v1/nowhere", "text/html"}} {
		if w := do(s, "GET", c[0], "", "Accept", c[1]); w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Error(c, w.Code, w.Header())
		}
	}
	if w := do(s, "DELETE", "/page", ""); w.Code != 405 {
		t.Error(w.Code)
	}
}

func TestHealthReadyMetrics(t *testing.T) {
	models := []projections.Status{{Name: "ecoratio", Version: 1, CaughtUp: true}}
	var down error
	s, _ := serve(t, func(c *Config) {
		c.ReadModels = func() []projections.Status { return models }
		c.Store = func(context.Context) error { return down }
	})
	if w := do(s, "GET", "/healthz", ""); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Error(w.Code, w.Body)
	}
	if w := do(s, "GET", "/readyz", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"ready":true`) {
		t.Error(w.Code, w.Body)
	}
	models[0].Stopped, models[0].Err = true, &projections.PoisonError{Name: "ecoratio", Type: "plot.interred.v1", Stream: "plot-x", Position: 7, Err: errors.New("沈明远")}
	if w := do(s, "GET", "/readyz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"waiting":["ecoratio"]`) || !strings.Contains(w.Body.String(), "plot.interred.v1 in plot-x at 7") || strings.Contains(w.Body.String(), "沈明远") {
		t.Error(w.Code, w.Body)
	}
	if w := do(s, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), `shenzhong_read_model_stopped{name="ecoratio",version="1"} 1`) {
		t.Error(w.Body)
	}
	models[0].Stopped, models[0].CaughtUp, models[0].AsOf = false, false, time.Now().Add(-31*time.Second)
	if w := do(s, "GET", "/readyz", ""); w.Code != 503 {
		t.Error("a read model that lags is ready:", w.Body)
	}
	models[0].AsOf, down = time.Now(), errors.New("no route to nats")
	if w := do(s, "GET", "/readyz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), `"waiting":["store"]`) || strings.Contains(w.Body.String(), "nats") {
		t.Error(w.Code, w.Body)
	}
	w := do(s, "GET", "/metrics", "")
	for _, want := range []string{`shenzhong_http_requests_total{method="GET",route="/healthz",status="200"} 1`, "go_goroutines", "shenzhong_read_model_lag_events"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTimedStore(t *testing.T) {
	m := NewMetrics()
	s := m.Store(memory.New())
	e := events.New{ID: uuid.New(), Type: "x.y.v1", Data: []byte("{}")}
	if _, _, err := s.Append(t.Context(), "x-1", events.NoStream, e); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Append(t.Context(), "x-1", events.NoStream, e); !errors.Is(err, events.ErrConflict) {
		t.Fatal(err)
	}
	w := do(m.Handler(), "GET", "/metrics", "")
	for _, want := range []string{`shenzhong_append_seconds_count{outcome="stored"} 1`, `shenzhong_append_seconds_count{outcome="conflict"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}
