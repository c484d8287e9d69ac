package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/events"
)

func TestProblemOf(t *testing.T) {
	above := domain.Reject("price_above_ceiling", "高于最高价 %s 元。", "Above the ceiling of %s yuan.").Under("I16", "发改价格〔2026〕108号")
	taken := domain.Reject("slot_taken", "已约满。", "Taken.").Race()
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"a rule", above.With(domain.Yuan(150)), 422, "price_above_ceiling"},
		{"a rule, wrapped", fmt.Errorf("charge: %w", above.With(domain.Yuan(150))), 422, "price_above_ceiling"},
		{"a lost race", taken, 409, "slot_taken"},
		{"stale If-Match", fmt.Errorf("x: %w", events.ErrStale), 412, "stale"},
		{"conflict after retries", &events.ConflictError{Stream: "day-x"}, 409, "busy"},
		{"one wrong field", Fields{{"body.deceased.citizen_id", domain.ErrCitizenID}}, 422, "citizen_id_invalid"},
		{"two wrong fields", Fields{{"a", domain.ErrCitizenID}, {"b", domain.ErrCreditCode}}, 422, "invalid"},
		{"too much", &http.MaxBytesError{Limit: 1 << 20}, 413, "body_too_large"},
		{"too much for the log", fmt.Errorf("%w: 1000 events", events.ErrTooLarge), 413, "body_too_large"},
		{"not signed in", ErrUnauthenticated, 401, "unauthenticated"},
		{"not permitted", ErrForbidden, 403, "forbidden"},
		{"not there", ErrNotFound, 404, "not_found"},
		{"too often", ErrTooMany, 429, "too_many_requests"},
		{"the log is gone", events.ErrUnknown, 503, "log_unreachable"},
		{"the log is slow", context.DeadlineExceeded, 503, "log_unreachable"},
		{"anything else", errors.New("disk of 210202194811300025 is full"), 500, "internal"},
	} {
		p := ProblemOf(c.err, "zh")
		if p.Status != c.status || p.Code != c.code || p.Title == "" || p.Detail == "" {
			t.Errorf("%s: %+v", c.name, p)
		}
		if en := ProblemOf(c.err, "en"); en.Detail == p.Detail || en.Title == p.Title {
			t.Errorf("%s: the same in both languages: %q", c.name, p.Detail)
		}
		if strings.Contains(p.Detail+p.Title, "！") || strings.Contains(p.Detail, "disk") {
			t.Errorf("%s: %q", c.name, p.Detail)
		}
	}
	p := ProblemOf(above.With(domain.Yuan(150)), "zh")
	if p.Detail != "高于最高价 150 元。" || p.Rule != "I16" || p.Basis != "发改价格〔2026〕108号" {
		t.Errorf("%+v", p)
	}
}

func TestWriteProblem(t *testing.T) {
	s, _ := serve(t, func(c *Config) {
		c.API = routes(func(r chi.Router) {
			r.Get("/api/v1/x", func(w http.ResponseWriter, r *http.Request) { WriteProblem(w, r, ErrUnauthenticated) })
		})
	})
	w := do(s, "GET", "/api/v1/x", "", "Accept-Language", "en-GB,en;q=0.9")
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != "unauthenticated" || !strings.HasPrefix(p.Detail, "Please") {
		t.Error(err, w.Body)
	}
	if w.Code != 401 || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("WWW-Authenticate") == "" {
		t.Error(w.Code, w.Header())
	}
}

func TestLang(t *testing.T) {
	for _, c := range []struct{ cookie, accept, want string }{
		{"", "", "zh"}, {"", "zh-CN,zh;q=0.9,en;q=0.8", "zh"}, {"", "en-US,en;q=0.9,zh;q=0.5", "en"}, {"", "fr", "zh"}, {"", ";;;", "zh"},
		{"en", "zh-CN", "en"}, {"zh", "en", "zh"}, {"xx", "en", "en"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "lang", Value: c.cookie})
		}
		if got := Lang(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
