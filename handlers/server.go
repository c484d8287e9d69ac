package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/projections"
)

// A Mount adds its routes to the server's router.
type Mount interface{ Routes(chi.Router) }

// A Pager is a Mount that shows problems as pages; the server asks it when the
// caller prefers HTML.
type Pager interface {
	Mount
	Problem(http.ResponseWriter, *http.Request, *Problem)
}

// Config is what a Server is made of. Zero values work, except Accounts.
type Config struct {
	// Accounts knows who may sign in.
	Accounts *Accounts
	// API and Web add their routes; either may be nil.
	API, Web Mount
	// Pages add further routes beside Web.
	Pages []Mount
	// Log gets one event a request. Default: slog.Default.
	Log *slog.Logger
	// Metrics is what /metrics shows. Default: a new set.
	Metrics *Metrics
	// MaxBody bounds every request body, in bytes. Default: 1 MiB.
	MaxBody int64
	// MaxFile bounds the body of a form with a file in it, in bytes, where there is
	// one (see uploads). Default: 12 MiB, which a file of 8 MiB fits in twice
	// encoded.
	MaxFile int64
	// Timeout bounds the work on one request. Default: 30 s.
	Timeout time.Duration
	// Store says whether the log can be reached, for /readyz.
	Store func(context.Context) error
	// ReadModels says how the read models stand, for /readyz and /metrics.
	ReadModels func() []projections.Status
	// MaxLag is how old what a read model shows may be, while there is something
	// newer, before /readyz says not ready. Default: 30 s.
	MaxLag time.Duration
}

// A Server is the whole HTTP side of the program.
type Server struct {
	http.Handler
	cfg Config
}

// New composes the middleware and the routes.
func New(cfg Config) *Server {
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.Metrics = cmp.Or(cfg.Metrics, NewMetrics())
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 1<<20)
	cfg.MaxFile = cmp.Or(cfg.MaxFile, 12<<20)
	cfg.Timeout = cmp.Or(cfg.Timeout, 30*time.Second)
	cfg.MaxLag = cmp.Or(cfg.MaxLag, 30*time.Second)
	if cfg.ReadModels != nil {
		cfg.Metrics.Register(readModels{cfg.ReadModels})
	}
	s := &Server{cfg: cfg}
	cop := http.NewCrossOriginProtection()
	cop.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Problem(w, r, ErrCrossOrigin) }))

	r := chi.NewRouter()
	r.Use(s.observe, secure, s.recover, s.bound, cop.Handler, Authenticate(cfg.Accounts, s.Problem))
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { s.Problem(w, r, ErrNotFound) })
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { s.Problem(w, r, ErrMethod) })
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.Method(http.MethodGet, "/metrics", cfg.Metrics.Handler())
	for _, m := range append([]Mount{cfg.API, cfg.Web}, cfg.Pages...) {
		if m != nil {
			m.Routes(r)
		}
	}
	s.Handler = r
	return s
}

// HTTP is a server for this address with limits that a slow or hostile caller
// cannot stretch.
func (s *Server) HTTP(addr string) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
}

// Problem answers with err: as a page where the caller reads HTML and there is
// somebody to draw one, as problem+json otherwise.
func (s *Server) Problem(w http.ResponseWriter, r *http.Request, err error) {
	if p, ok := s.cfg.Web.(Pager); ok && !strings.HasPrefix(r.URL.Path, "/api/") && prefersHTML(r) {
		problem := RequestProblem(r.Context(), err)
		for k, vs := range problem.GetHeaders() {
			w.Header()[k] = vs
		}
		p.Problem(w, r, problem)
		return
	}
	WriteProblem(w, r, err)
}

func prefersHTML(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		switch typ, _, _ := strings.Cut(strings.TrimSpace(part), ";"); typ {
		case "text/html", "application/xhtml+xml":
			return true
		case "application/json", "application/problem+json":
			return false
		}
	}
	return false
}

// A record gathers what the one log line of a request says. It holds no
// personal data: routes, not paths; no query; an account, not an address.
type record struct {
	id     uuid.UUID
	lang   string
	actor  string
	code   string
	err    error
	stack  []byte
	status int
	bytes  int64
}

type recordKey struct{}

// recordOf answers with a spare record outside a request, so that its callers
// need not ask.
func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return new(record)
}

// RequestID is the id of the request, which is the correlation id of every
// event it causes; the nil UUID outside a request.
func RequestID(ctx context.Context) uuid.UUID { return recordOf(ctx).id }

// LangOf is the language the request is answered in; Chinese outside one.
func LangOf(ctx context.Context) string { return cmp.Or(recordOf(ctx).lang, "zh") }

type observed struct {
	http.ResponseWriter
	rec *record
}

func (w *observed) WriteHeader(status int) {
	if w.rec.status == 0 || w.rec.status < 200 {
		w.rec.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *observed) Write(b []byte) (int, error) {
	if w.rec.status == 0 {
		w.rec.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.rec.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *observed) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe numbers the request, and logs and counts it when it is done.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &record{id: uuid.Must(uuid.NewV7()), lang: Lang(r)}
		w.Header().Set("X-Request-Id", rec.id.String())
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		defer func() {
			took, route := time.Since(start), "unknown"
			if c := chi.RouteContext(r.Context()); c != nil && c.RoutePattern() != "" {
				route = c.RoutePattern()
			}
			if rec.status == 0 {
				rec.status = http.StatusOK
			}
			method := knownMethod(r.Method)
			s.cfg.Metrics.request(route, method, rec.status, took)
			level := slog.LevelInfo
			attrs := []slog.Attr{
				slog.String("request", rec.id.String()), slog.String("method", method), slog.String("route", route),
				slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes),
				slog.Float64("ms", float64(took.Microseconds())/1000),
			}
			if rec.actor != "" {
				attrs = append(attrs, slog.String("account", rec.actor))
			}
			if rec.code != "" {
				attrs = append(attrs, slog.String("code", rec.code))
			}
			if rec.err != nil {
				level = slog.LevelError
				attrs = append(attrs, slog.String("error", rec.err.Error()))
			}
			if rec.stack != nil {
				attrs = append(attrs, slog.String("stack", string(rec.stack)))
			}
			s.cfg.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
		}()
		next.ServeHTTP(&observed{w, rec}, r)
	})
}

// knownMethod keeps a caller from inventing metric labels.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// ContentSecurityPolicy lets a page load from this server alone, and run
// nothing inline.
const ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"

// secure sets the headers that every answer carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into a 500 with its stack in the log alone.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			rec := recordOf(r.Context())
			rec.err, rec.stack = fmt.Errorf("panic: %v", v), debug.Stack()
			if rec.status == 0 {
				s.Problem(w, r, rec.err)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// bound limits a request's body and time. A body that says beforehand that it
// is too large is refused unread.
func (s *Server) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, timeout := s.cfg.MaxBody, s.cfg.Timeout
		if uploads(r) {
			limit, timeout = s.cfg.MaxFile, s.cfg.Timeout*11/6 // less than HTTP's WriteTimeout
		}
		if r.ContentLength > limit {
			w.Header().Set("Connection", "close")
			s.Problem(w, r, &http.MaxBytesError{Limit: limit})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// uploads says that a request may carry a file: the import of a cemetery's
// places. What reads the body is behind the sign-in.
func uploads(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") &&
		strings.HasPrefix(r.URL.Path, "/desk/cemeteries/") && strings.HasSuffix(r.URL.Path, "/import")
}

// healthz says that the process answers, nothing more.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, "ok")
}

// Readiness is the body of /readyz.
type Readiness struct {
	Ready      bool        `json:"ready"`
	Store      string      `json:"store"` // "ok" or what is wrong
	ReadModels []ReadModel `json:"read_models,omitempty"`
	// Waiting names what is not ready: "store", or a read model.
	Waiting []string `json:"waiting,omitempty"`
}

// Ready asks the store and the read models how they stand.
func (s *Server) Ready(ctx context.Context) Readiness {
	rd := Readiness{Store: "ok"}
	if s.cfg.Store != nil {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if err := s.cfg.Store(ctx); err != nil {
			recordOf(ctx).err = err
			rd.Store, rd.Waiting = "unreachable", append(rd.Waiting, "store")
		}
	}
	if s.cfg.ReadModels != nil {
		for _, st := range s.cfg.ReadModels() {
			rd.ReadModels = append(rd.ReadModels, readModel(st))
			if st.Stopped || !st.CaughtUp && time.Since(st.AsOf) > s.cfg.MaxLag {
				rd.Waiting = append(rd.Waiting, st.Name)
			}
		}
	}
	rd.Ready = len(rd.Waiting) == 0
	return rd
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	rd := s.Ready(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !rd.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(rd)
}

// Serve answers on ln until ctx is done, then lets what is running finish.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := s.HTTP(ln.Addr().String())
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(grace)
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
