// Package api is the JSON API under /api/v1: huma operations over the flows of
// handlers.App. It turns HTTP into commands and receipts, and decides nothing.
//
// Every write carries an Idempotency-Key. From the account and the key follow
// the id of what is created, from these and the body the id of the command, so
// that a request sent twice is answered twice and counted once.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/handlers"
)

// Version is the API's version. It is bumped with every change of openapi.json.
const Version = "0.37.0"

// An API serves the operations.
type API struct {
	app *handlers.App
	// writes is how many writes an account may make in a minute.
	writes int
}

// New makes the API of app. writesPerMinute bounds each account's writes; zero
// means 600.
func New(app *handlers.App, writesPerMinute int) *API {
	if writesPerMinute == 0 {
		writesPerMinute = 600
	}
	problems()
	return &API{app, writesPerMinute}
}

// Routes implements handlers.Mount.
func (a *API) Routes(r chi.Router) {
	var h huma.API
	r.Group(func(r chi.Router) {
		r.Use(a.limit())
		h = a.mount(r)
	})
	spec, err := specOf(h)
	if err != nil {
		panic(err) // a program fault: the description does not marshal
	}
	r.Get("/openapi.json", serveSpec(spec))
	docs(r, h.OpenAPI())
	a.draws(r)
	a.published(r)
}

func (a *API) mount(r chi.Router) huma.API {
	config := huma.DefaultConfig("Shenzhong 慎终", Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no $schema in bodies
	config.RejectUnknownQueryParameters = true
	config.Formats = map[string]huma.Format{"application/json": strict, "json": strict}
	config.Info.Description = description
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An account's token."},
	}
	h := humachi.New(r, config)
	a.institutions(h)
	a.pricing(h)
	a.cases(h)
	a.schedule(h)
	a.papers(h)
	a.tills(h)
	a.upkeep(h)
	a.custody(h)
	a.cremations(h)
	a.telemetry(h)
	a.cemeteries(h)
	a.burialRules(h)
	a.rounds(h)
	a.workOrders(h)
	a.rights(h)
	a.relocations(h)
	a.ecoBurials(h)
	a.voyages(h)
	a.incentives(h)
	a.ecoRules(h)
	a.credit(h)
	a.oversight(h)
	a.inspections(h)
	return h
}

const description = `Funeral and cemetery services of a city, recorded as events.

* JSON in snake_case; unknown fields are refused. Money is an integer number of fen and its name ends in _fen. Instants are RFC 3339; local dates are YYYY-MM-DD in Asia/Shanghai.
* Every POST needs an Idempotency-Key. The same key with the same body is answered again and counted once. Take a new key for another request: where the key names what is created (a case, a quote, a charge, a payment, a refund, a hold, an application), the same key with another body is refused with idempotency_key_reused.
* ETag and If-Match carry a record's revision; a stale If-Match is answered 412.
* occurred_at says when something happened, in the words of whoever reports it; left out where it may be, nobody knows. No time lies before 1900. A time far back needs late_reason; a guess is marked estimated and never counted.
* GET /api/v1/draws/{institution}/{kind}/{date} is public: everything from which the draw of a peak day is recomputed (shenzhong draw check FILE). GET /api/v1/rounds/{cemetery}/{round} is the same of a round for places in a cemetery, GET /api/v1/inspections/{inspection} of a round of inspections. GET /api/v1/published-penalties/{penalty} is a penalty for as long as it is public.
* Every event is a leaf of a Merkle tree (RFC 6962), and its proofs are public. GET /tlog/inclusion.json?event=ID (or position=N, or index=N; size=N for a tree other than that of the last checkpoint) answers with origin, index, event, position, leaf_hash, size, root and proof. GET /tlog/consistency.json?from=N&to=M answers with origin, from, from_root, to, to_root and proof. Hashes are standard Base64. GET /tlog/proof is the same as a file (C2SP tlog-proof), GET /tlog/checkpoint the signed checkpoint, GET /tlog/tile/… the tiles (C2SP tlog-tiles), GET /tlog/keys the public key.
* What is refused is answered as application/problem+json (RFC 9457) with a stable code; a rule is named with its legal basis. Nothing was recorded then, but that a rule on prices refused a charge, a quote or a payment is noted on the case.`

// A field in another case is another field: read loosely it would pass as a
// known one and then be dropped, because strict decodes by exact name.
func init() { huma.ValidateStrictCasing = true }

// strict refuses duplicate names, wrong case and invalid UTF-8, times that only
// stand in for "unknown", and texts that read otherwise than they are written.
var strict = huma.Format{
	Marshal: func(w io.Writer, v any) error { return jsonv2.MarshalWrite(w, v, jsonv2.Deterministic(true)) },
	Unmarshal: func(b []byte, v any) error {
		if _, ok := v.(*any); ok { // huma looks at the form alone first
			return jsonv2.Unmarshal(b, v)
		}
		err := jsonv2.Unmarshal(b, v, jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(jsonv2.UnmarshalFunc(instant), jsonv2.UnmarshalFunc(visible))))
		if s, ok := errors.AsType[*jsonv2.SemanticError](err); ok && s.JSONPointer != "" {
			return misfit(s)
		}
		return err
	},
}

// firstYear bounds every instant: what came before is nobody's funeral but a
// program's word for "unknown", which is said by leaving the field out.
const firstYear = 1900

const (
	msgTooEarly  = "instant before 1900"
	msgInvisible = "characters that cannot be seen"
)

// visible reads a text. Pages and files show it as it is, to other people than
// who wrote it: it must not turn around what stands beside it.
func visible(b []byte, s *string) error {
	if string(b) == "null" {
		*s = ""
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, b)
	if err != nil {
		return err
	}
	if *s = string(text); domain.CheckLines(*s) != nil {
		return errors.New(msgInvisible)
	}
	return nil
}

func instant(b []byte, t *time.Time) error {
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	if string(b) != "null" && t.Year() < firstYear {
		return errors.New(msgTooEarly)
	}
	return nil
}

// misfit is what the decoder found wrong beyond the schema, in a form that
// problem reads: huma keeps of it the text alone.
func misfit(s *jsonv2.SemanticError) error {
	msg := "not valid"
	switch {
	case s.Err != nil && s.Err.Error() == msgTooEarly:
		msg = msgTooEarly
	case s.Err != nil && s.Err.Error() == msgInvisible:
		msg = msgInvisible
	case s.GoType == reflect.TypeFor[time.Time]():
		msg = validation.MsgExpectedRFC3339DateTime
	case s.GoType != nil && s.GoType.Kind() >= reflect.Int && s.GoType.Kind() <= reflect.Uint64:
		msg = validation.MsgExpectedInteger
	}
	at := "body"
	for token := range s.JSONPointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			at += "[" + token + "]"
		} else {
			at += "." + token
		}
	}
	return errors.New(at + misfitSeparator + msg)
}

const misfitSeparator = ": misfit: "

// limit bounds the writes of each account.
func (a *API) limit() func(http.Handler) http.Handler {
	by := httprate.LimitBy(a.writes, time.Minute,
		func(r *http.Request) (string, error) { return handlers.Actor(r.Context()).ID, nil },
		httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) {
			handlers.WriteProblem(w, r, handlers.ErrTooMany)
		}))
	return func(next http.Handler) http.Handler {
		limited := by(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet || r.Method == http.MethodHead || handlers.Actor(r.Context()) == nil {
				next.ServeHTTP(w, r) // reads; and nobody's writes, which end at 401
				return
			}
			limited.ServeHTTP(w, r)
		})
	}
}

// Happened is what every write says about its time.
type Happened struct {
	OccurredAt time.Time `json:"occurred_at,omitzero" doc:"When it happened; leave it out when nobody knows." example:"2026-11-23T09:30:00+08:00"`
	LateReason string    `json:"late_reason,omitzero" maxLength:"200" doc:"Why it is recorded late. No names: it is kept in clear."`
	Estimated  bool      `json:"estimated,omitzero" doc:"occurred_at is a guess: kept, never counted."`
}

func (h Happened) happened() Happened { return h }

// Timed is Happened for what a rule needs the exact time of.
type Timed struct {
	OccurredAt time.Time `json:"occurred_at" doc:"When it happened, exactly." example:"2026-11-23T09:30:00+08:00"`
	LateReason string    `json:"late_reason,omitzero" maxLength:"200" doc:"Why it is recorded late. No names: it is kept in clear."`
	Estimated  bool      `json:"estimated,omitzero" doc:"occurred_at is a guess: refused here."`
}

func (h Timed) happened() Happened { return Happened(h) }

// Write is what every write request carries.
type Write[B any] struct {
	Key     string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"128" doc:"Names this request; the same key and body count once."`
	IfMatch string `header:"If-Match" doc:"The ETag of the record as you saw it."`
	Body    B
}

func (w *Write[B]) parts() (key, ifMatch string, body any) { return w.Key, w.IfMatch, w.Body }

type writer interface {
	parts() (key, ifMatch string, body any)
}

// A request is one write on its way to a command.
type request struct {
	domain.Act
	// New is the id of what the request creates: it follows from account and
	// key alone.
	New uuid.UUID
	// IfMatch is the revision the caller has seen; nil for none.
	IfMatch *events.Revision
	actor   *handlers.Account
	op      handlers.Operation
	code    string // a one-time code that the request made: to be told once
}

// at refuses the account when the record is not its institution's.
func (q *request) at(institution string) error { return handlers.Allow(q.actor, q.op, institution) }

// keyReused are the rejections of a second thing under one id, where the API makes
// that id from account and key: only a key that is used again comes to them.
var keyReused = []*domain.Rejection{booking.ErrOpened, booking.ErrQuoteExists, booking.ErrLineExists, booking.ErrPaymentExists, booking.ErrRefundExists,
	cremation.ErrHoldExists, cremation.ErrRelocationUsed, cremation.ErrCorrectionUsed, ecoburial.ErrApplied}

// ids is the namespace of ids that follow from idempotency keys.
var ids = uuid.MustParse("6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11")

// A Receipt answers a write.
type Receipt struct {
	ID       string `json:"id" doc:"Id of the record."`
	Revision string `json:"revision" doc:"Revision of the record after the write; the ETag."`
	Code     string `json:"code,omitzero" doc:"The one-time code, where one was made: told once, and kept nowhere."`
	Position string `json:"position,omitzero" doc:"Place in the log, opaque. Reads of this API see the write at once; a page whose read model is at this place or later shows it."`
}

// Receipted is the answer to a write.
type Receipted struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when the request had been done before."`
	Body     Receipt
}

// done makes the answer from what the command came to.
type done struct {
	id string
	events.Receipt
}

func etag(r events.Revision) string { return `"` + strconv.FormatUint(uint64(r), 10) + `"` }

func revision(etag string) (*events.Revision, error) {
	if etag == "" {
		return nil, nil
	}
	if s, err := strconv.Unquote(etag); err == nil {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			r := events.Revision(n)
			return &r, nil
		}
	}
	return nil, handlers.ErrIfMatch
}

// post registers a write. do is called with the request of an account whose
// role includes the operation; where the operation is bound to an institution,
// do calls request.at as soon as it knows which.
func post[I any](a *API, h huma.API, id handlers.Operation, path, summary string, do func(context.Context, *request, *I) (done, error)) {
	rule, ok := handlers.Access[id]
	if !ok {
		panic("api: no rule says who may " + string(id))
	}
	huma.Register(h, operation(id, http.MethodPost, path, summary, rule), func(ctx context.Context, in *I) (*Receipted, error) {
		q, err := a.request(ctx, id, path, any(in).(writer), in)
		if err != nil {
			return nil, handlers.RequestProblem(ctx, err)
		}
		d, err := do(ctx, q, in)
		if slices.ContainsFunc(keyReused, func(r *domain.Rejection) bool { return errors.Is(err, r) }) {
			err = handlers.ErrKeyReused
		}
		if err != nil {
			return nil, handlers.RequestProblem(ctx, err)
		}
		out := &Receipted{ETag: etag(d.Revision), Body: Receipt{ID: d.id, Code: q.code, Revision: strconv.FormatUint(uint64(d.Revision), 10)}}
		if d.Position != 0 {
			out.Body.Position = strconv.FormatUint(uint64(d.Position), 10)
		}
		if d.Repeated {
			out.Replayed = "true"
		}
		return out, nil
	})
}

// Found is the answer to a read.
type Found[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// get registers a read of one record. do calls at as soon as it knows whose it is.
func get[I, T any](h huma.API, id handlers.Operation, path, summary string, do func(ctx context.Context, at func(institution string) error, in *I) (T, events.Revision, error)) {
	rule, ok := handlers.Access[id]
	if !ok {
		panic("api: no rule says who may " + string(id))
	}
	huma.Register(h, operation(id, http.MethodGet, path, summary, rule), func(ctx context.Context, in *I) (*Found[T], error) {
		actor := handlers.Actor(ctx)
		v, rev, err := do(ctx, func(institution string) error { return handlers.Allow(actor, id, institution) }, in)
		if err != nil {
			return nil, handlers.RequestProblem(ctx, err)
		}
		out := &Found[T]{CacheControl: "no-store", Body: v}
		if rev != events.NoStream {
			out.ETag = etag(rev)
		}
		return out, nil
	})
}

// ask registers a question whose terms are a body. It records nothing, so it
// needs no key.
func ask[I, T any](h huma.API, id handlers.Operation, path, summary string, do func(context.Context, *I) (T, error)) {
	rule, ok := handlers.Access[id]
	if !ok {
		panic("api: no rule says who may " + string(id))
	}
	huma.Register(h, operation(id, http.MethodPost, path, summary, rule), func(ctx context.Context, in *I) (*Found[T], error) {
		v, err := do(ctx, in)
		if err != nil {
			return nil, handlers.RequestProblem(ctx, err)
		}
		return &Found[T]{CacheControl: "no-store", Body: v}, nil
	})
}

func operation(id handlers.Operation, method, path, summary string, rule handlers.Rule) huma.Operation {
	roles := ""
	for i, r := range rule.Roles {
		if i > 0 {
			roles += ", "
		}
		roles += string(r)
	}
	who := "For the roles " + roles + "."
	if rule.Own {
		who += " Bound to the account's own institution."
	}
	return huma.Operation{
		OperationID: string(id), Method: method, Path: "/api/v1" + path, Summary: summary, Description: who,
		Tags:            []string{strings.Split(path, "/")[1]},
		MaxBodyBytes:    1<<20 + 1, // the server's own limit comes first
		BodyReadTimeout: -1,        // the server's own
		DefaultStatus:   http.StatusOK,
		Security:        []map[string][]string{{"token": {}}},
		Middlewares: huma.Middlewares{func(hc huma.Context, next func(huma.Context)) {
			// Before anything is read: who may not ask learns nothing else.
			r, w := humachi.Unwrap(hc)
			if err := mayAtAll(handlers.Actor(r.Context()), id); err != nil {
				handlers.WriteProblem(w, r, err)
				return
			}
			next(hc)
		}},
	}
}

// mayAtAll says that the account's role includes the operation, wherever.
func mayAtAll(actor *handlers.Account, id handlers.Operation) error {
	if err := handlers.Allow(actor, id, ""); err != nil && !errors.Is(err, handlers.ErrOtherScope) {
		return err
	}
	return nil
}

func (a *API) request(ctx context.Context, id handlers.Operation, path string, w writer, in any) (*request, error) {
	actor := handlers.Actor(ctx)
	key, ifMatch, body := w.parts()
	rev, err := revision(ifMatch)
	if err != nil {
		return nil, err
	}
	// The whole input, addresses included, in one canonical form.
	canonical, err := jsonv2.Marshal(in, jsonv2.Deterministic(true))
	if err != nil {
		return nil, err
	}
	fresh := uuid.NewSHA1(uuid.NewSHA1(ids, []byte(actor.ID)), []byte(key))
	q := &request{New: fresh, IfMatch: rev, actor: actor, op: id, Act: domain.Act{
		ID: uuid.NewSHA1(fresh, append([]byte(string(id)+" "+path+" "), canonical...)),
		By: actor.ID, Now: a.app.Now().UTC(), Correlation: handlers.RequestID(ctx),
	}}
	if h, ok := body.(interface{ happened() Happened }); ok {
		h := h.happened()
		q.At, q.LateReason, q.Estimated = h.OccurredAt, h.LateReason, h.Estimated
		if !q.At.IsZero() && q.Now.Sub(q.At) > time.Hour { // the shortest limit there is
			if q.LateLimit, err = a.app.LateLimit(ctx, actor.Institution); err != nil {
				return nil, err
			}
		}
	}
	return q, nil
}

// problems makes huma answer with handlers.Problem. huma keeps this choice in
// package variables.
var problems = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return problem("zh", status, errs)
	}
	huma.NewErrorWithContext = func(hc huma.Context, status int, msg string, errs ...error) huma.StatusError {
		ctx := hc.Context()
		return handlers.RequestProblem(ctx, problem(handlers.LangOf(ctx), status, errs))
	}
})

// problem is what huma found wrong with a request, without a trace of what was
// sent.
func problem(lang string, status int, errs []error) *handlers.Problem {
	var err error = handlers.ErrInternal
	for _, e := range errs {
		if m, ok := errors.AsType[*http.MaxBytesError](e); ok {
			return handlers.ProblemOf(m, lang)
		}
	}
	switch status {
	case http.StatusBadRequest:
		err = handlers.ErrMalformed
	case http.StatusRequestEntityTooLarge:
		err = handlers.ErrBodyTooLarge.With(1 << 10)
	case http.StatusRequestTimeout:
		err = handlers.ErrTimeout
	case http.StatusUnsupportedMediaType:
		err = handlers.ErrMediaType
	case http.StatusUnprocessableEntity:
		err = handlers.ErrInvalid
		if slices.ContainsFunc(errs, func(e error) bool {
			d, ok := errors.AsType[*huma.ErrorDetail](e)
			return ok && strings.HasSuffix(d.Message, misfitSeparator+msgInvisible)
		}) {
			err = domain.ErrText
		}
	default:
		if len(errs) > 0 {
			return handlers.ProblemOf(errors.Join(errs...), lang)
		}
	}
	p := *handlers.ProblemOf(err, lang)
	if status == http.StatusUnprocessableEntity {
		for _, e := range errs {
			if d, ok := errors.AsType[*huma.ErrorDetail](e); ok {
				at, msg, found := strings.Cut(d.Message, misfitSeparator)
				if !found {
					at, msg = d.Location, d.Message
				}
				code, text := said(msg, lang)
				p.Errors = append(p.Errors, handlers.FieldError{Location: at, Code: code, Detail: text})
			}
		}
	}
	return &p
}

// specOf is the API's description as it is served and as openapi.json holds it.
func specOf(h huma.API) ([]byte, error) {
	b, err := json.MarshalIndent(h.OpenAPI(), "", "  ")
	return append(b, '\n'), err
}
