package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
	"shenzhong/events"
)

// A Problem is what a caller is told when something was not done: RFC 9457 for
// the API, the same facts as a page for people. It never holds what the caller
// sent, nor anything internal.
type Problem struct {
	// Title names the kind of problem in the caller's language.
	Title string `json:"title" doc:"The kind of problem, in the caller's language."`
	// Status is the HTTP status.
	Status int `json:"status" doc:"HTTP status."`
	// Code is stable: programs branch on it, and people may quote it.
	Code string `json:"code" doc:"Stable name of the problem; branch on this." example:"slot_taken"`
	// Detail says what happened and what can be done.
	Detail string `json:"detail" doc:"What happened, in the caller's language."`
	// Rule and Basis name the rule that said no and the document behind it.
	Rule  string `json:"rule,omitempty" doc:"The rule that refused, where it was a rule." example:"I16"`
	Basis string `json:"basis,omitempty" doc:"The document the rule rests on, where there is one."`
	// Request is the request's id, by which the log is searched.
	Request string `json:"request,omitempty" doc:"Id of the request; quote it when asking for help." format:"uuid"`
	// Errors are the single fields or rows that are wrong.
	Errors []FieldError `json:"errors,omitempty" doc:"The single fields or rows that are wrong."`
	// Alternatives are the nearest free slots when one was taken.
	Alternatives []Alternative `json:"alternatives,omitempty" doc:"The nearest free slots, when the one asked for is taken."`

	// RetryAfter asks the caller to come back after this many seconds.
	RetryAfter int `json:"-"`
}

// A FieldError says what is wrong with one field of a body, or one row of a
// list. It names the place and never repeats the value: it may be personal.
type FieldError struct {
	Location string `json:"location" doc:"Where: body.deceased.citizen_id, header.Idempotency-Key." example:"body.deceased.citizen_id"`
	Code     string `json:"code,omitempty" doc:"Stable name of what is wrong."`
	Detail   string `json:"detail" doc:"What is wrong, in the caller's language."`
	// Label names the place for people, on a page whose fields have names of
	// their own; empty: the page knows the place by its Location.
	Label string `json:"-"`
}

// An Alternative is a free slot near the one that was asked for.
type Alternative struct {
	Institution string    `json:"institution" doc:"Key of the institution."`
	Resource    string    `json:"resource" doc:"The hall, furnace or room."`
	Slot        string    `json:"slot" doc:"The slot's name within its day, as a booking names it." example:"0930"`
	Date        string    `json:"date" format:"date" doc:"Local date (Asia/Shanghai)."`
	Start       time.Time `json:"start" doc:"When it begins."`
	End         time.Time `json:"end" doc:"When it ends."`
}

// Error makes a Problem an error, so that a handler may return one.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus and ContentType are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders carries Retry-After through huma.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="shenzhong"`)
	}
	return h
}

// A Refusal is a "no" of the edge rather than of a rule: not signed in, not
// yours, too much.
type Refusal struct {
	Status int
	*domain.Rejection
}

func refuse(status int, code, zh, en string) *Refusal {
	return &Refusal{status, domain.Reject(code, zh, en)}
}

// Unwrap lets errors.Is compare by code.
func (r *Refusal) Unwrap() error { return r.Rejection }

// Is matches on the code, whatever With said.
func (r *Refusal) Is(target error) bool {
	o, ok := target.(*Refusal)
	return ok && o.Code == r.Code
}

// With fills the verbs of the texts.
func (r *Refusal) With(args ...any) *Refusal { return &Refusal{r.Status, r.Rejection.With(args...)} }

// The refusals of the edge.
var (
	ErrUnauthenticated = refuse(http.StatusUnauthorized, "unauthenticated", "请先出示有效的访问令牌。", "Please present a valid access token.")
	ErrForbidden       = refuse(http.StatusForbidden, "forbidden", "您的岗位不能办理这件事。", "Your role does not include this.")
	ErrOtherScope      = refuse(http.StatusForbidden, "other_institution", "这份记录属于另一家机构，您不能办理。", "This record belongs to another institution.")
	ErrNotFound        = refuse(http.StatusNotFound, "not_found", "请核对网址或编号。", "Please check the address or the number.")
	ErrMethod          = refuse(http.StatusMethodNotAllowed, "method_not_allowed", "这个地址不接受这种请求。", "This address does not take this kind of request.")
	ErrBodyTooLarge    = refuse(http.StatusRequestEntityTooLarge, "body_too_large", "内容太大，一次最多 %d KiB。没有记录任何内容。", "The body is too large: at most %d KiB at once. Nothing was recorded.")
	ErrTooMany         = refuse(http.StatusTooManyRequests, "too_many_requests", "请求太密，请稍后再试。", "Too many requests; please try again a little later.")
	ErrCrossOrigin     = refuse(http.StatusForbidden, "cross_origin", "这个请求来自别的网站，没有受理。", "This request came from another site and was not accepted.")
	ErrInvalid         = refuse(http.StatusUnprocessableEntity, "invalid", "内容有误，没有记录。请按下面所列更正。", "The content is not valid; nothing was recorded. Please correct what is listed.")
	ErrKeyReused       = refuse(http.StatusUnprocessableEntity, "idempotency_key_reused", "这个 Idempotency-Key 已经用于另一个请求，没有记录。请换一个新的。", "This Idempotency-Key was used for another request; nothing was recorded. Please take a new one.")
	ErrMalformed       = refuse(http.StatusBadRequest, "malformed", "内容不是有效的 JSON，没有记录。", "The body is not valid JSON; nothing was recorded.")
	ErrMalformedForm   = refuse(http.StatusBadRequest, "form_malformed", "表单不完整，没有记录。请回到上一页再提交。", "The form came incomplete; nothing was recorded. Please go back and send it again.")
	ErrMediaType       = refuse(http.StatusUnsupportedMediaType, "media_type", "请用 application/json 提交。", "Please send application/json.")
	ErrTimeout         = refuse(http.StatusRequestTimeout, "body_timeout", "内容传得太慢，没有记录。请再试一次，不会重复。", "The body came too slowly; nothing was recorded. Please try again: it will not count twice.")
	ErrStaleMatch      = refuse(http.StatusPreconditionFailed, "stale", "这份记录在您查看之后又有变动，请看过最新内容再办。", "The record has changed since you looked; please look again first.")
	ErrBusy            = refuse(http.StatusConflict, "busy", "同一份记录正有很多人办理，请再试一次，不会重复。", "Many are working on this record at once; please try again: it will not count twice.")
	ErrUnreachable     = refuse(http.StatusServiceUnavailable, "log_unreachable", "系统暂时不能记录。请过几分钟用同一个编号再提交，不会重复。", "The log cannot be reached just now. Please submit again with the same key in a few minutes: it will not count twice.")
	ErrInternal        = refuse(http.StatusInternalServerError, "internal", "系统出了差错，没有办成。请记下编号 %s，打 12345 询问。", "Something went wrong on our side. Please quote %s when you ask for help.")
	ErrIfMatch         = refuse(http.StatusBadRequest, "if_match_invalid", "If-Match 应是上次得到的 ETag。", "If-Match must be an ETag given earlier.")
)

var titles = map[int][2]string{
	http.StatusBadRequest:            {"看不懂这个请求", "The request could not be understood"},
	http.StatusUnauthorized:          {"没有登录", "Not signed in"},
	http.StatusForbidden:             {"没有权限", "Not permitted"},
	http.StatusNotFound:              {"没有找到", "Not found"},
	http.StatusMethodNotAllowed:      {"这个地址不接受这种请求", "Method not allowed"},
	http.StatusRequestTimeout:        {"传送超时", "The request timed out"},
	http.StatusConflict:              {"被别人先办了", "Somebody else was faster"},
	http.StatusPreconditionFailed:    {"记录已有变动", "The record has changed"},
	http.StatusRequestEntityTooLarge: {"内容太大", "Too large"},
	http.StatusUnsupportedMediaType:  {"格式不对", "Unsupported media type"},
	http.StatusUnprocessableEntity:   {"按规则不能办", "Refused by a rule"},
	http.StatusTooManyRequests:       {"请求太密", "Too many requests"},
	http.StatusInternalServerError:   {"系统出了差错", "Something went wrong"},
	http.StatusServiceUnavailable:    {"系统暂时不能提交", "Temporarily unavailable"},
}

// contentTitle is for what is no rule's "no": the content was mistyped, and the
// same request in order may well be granted.
var contentTitle = [2]string{"内容不对，请更正", "The content is not valid"}

// mistyped are the rejections that only say how something is written.
var mistyped = []string{ErrInvalid.Code, ErrKeyReused.Code, domain.ErrText.Code, domain.ErrCitizenID.Code, domain.ErrCreditCode.Code, domain.ErrDivision.Code, "date_invalid", "clock_invalid"}

// plain says that the problem is with single fields or with how something is
// written, and not with a rule.
func (p *Problem) plain() bool {
	return p.Rule == "" && (len(p.Errors) > 0 || slices.Contains(mistyped, p.Code))
}

func title(status int, lang string) string {
	t, ok := titles[status]
	switch {
	case !ok:
		return http.StatusText(status)
	case lang == "en":
		return t[1]
	}
	return t[0]
}

// Fields is the error of a body that is wrong in one or several places.
type Fields []Field

// A Field is one place and what is wrong there. Err is a *domain.Rejection
// where there is a text for people.
type Field struct {
	Location string
	Err      error
}

func (f Fields) Error() string {
	s := ErrInvalid.Code
	for _, e := range f {
		s += " " + e.Location
	}
	return s
}

// Or answers with nil when nothing was wrong.
func (f Fields) Or() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// ProblemOf is the one place that turns an error into what a caller is told.
// lang is "zh" or "en". What it does not know becomes a bare 500.
func ProblemOf(err error, lang string) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	p := problemOf(err, lang)
	p.Title = title(p.Status, lang)
	if p.Status == http.StatusUnprocessableEntity && p.plain() {
		p.Title = contentTitle[0]
		if lang == "en" {
			p.Title = contentTitle[1]
		}
	}
	if a, ok := errors.AsType[interface {
		error
		Alternatives() []Alternative
	}](err); ok {
		p.Alternatives = a.Alternatives()
	}
	return p
}

func problemOf(err error, lang string) *Problem {
	from := func(status int, r *domain.Rejection) *Problem {
		return &Problem{Status: status, Code: r.Code, Detail: r.Text(lang), Rule: r.Rule, Basis: r.Basis}
	}
	if fs, ok := errors.AsType[Fields](err); ok {
		p := from(ErrInvalid.Status, ErrInvalid.Rejection)
		for _, f := range fs {
			e := FieldError{Location: f.Location, Detail: f.Err.Error()}
			if r, ok := errors.AsType[*domain.Rejection](f.Err); ok {
				e.Code, e.Detail = r.Code, r.Text(lang)
				p.Rule, p.Basis = cmp.Or(p.Rule, r.Rule), cmp.Or(p.Basis, r.Basis)
			}
			p.Errors = append(p.Errors, e)
		}
		if len(p.Errors) == 1 && p.Errors[0].Code != "" {
			p.Code, p.Detail = p.Errors[0].Code, p.Errors[0].Detail
		}
		return p
	}
	if rows, ok := errors.AsType[*pricing.RowErrors](err); ok {
		p := from(http.StatusUnprocessableEntity, rows.Rejection)
		for _, x := range rows.Problems {
			e := FieldError{Location: fmt.Sprintf("body.rows[%d]", x.Row), Code: x.Kind, Detail: x.Zh}
			if x.Row < 0 {
				e.Location = "body"
			}
			if x.Field != "" {
				e.Location += "." + x.Field
			}
			if lang == "en" {
				e.Detail = x.En
			}
			p.Errors = append(p.Errors, e)
		}
		return p
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		p := from(r.Status, r.Rejection)
		if p.Status == http.StatusServiceUnavailable {
			p.RetryAfter = 60
		}
		return p
	}
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		if r.Lost {
			return from(http.StatusConflict, r)
		}
		return from(http.StatusUnprocessableEntity, r)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return from(ErrBodyTooLarge.Status, ErrBodyTooLarge.With(e.Limit>>10).Rejection)
	}
	switch {
	case errors.Is(err, events.ErrStale):
		return from(ErrStaleMatch.Status, ErrStaleMatch.Rejection)
	case errors.Is(err, events.ErrConflict):
		p := from(ErrBusy.Status, ErrBusy.Rejection)
		p.RetryAfter = 1
		return p
	case errors.Is(err, events.ErrTooLarge):
		return from(ErrBodyTooLarge.Status, ErrBodyTooLarge.With(events.MaxAppendBytes>>10).Rejection)
	case errors.Is(err, events.ErrUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p := from(ErrUnreachable.Status, ErrUnreachable.Rejection)
		p.RetryAfter = 60
		return p
	}
	return from(ErrInternal.Status, ErrInternal.With("").Rejection)
}

// WriteProblem answers a request with err as problem+json.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := RequestProblem(r.Context(), err)
	for k, vs := range p.GetHeaders() {
		w.Header()[k] = vs
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

// RequestProblem is ProblemOf in the request's language and with its id. It leaves the error
// with the request's log line, whole when it is ours to mend, by its code when
// the caller can.
func RequestProblem(ctx context.Context, err error) *Problem {
	rec, lang := recordOf(ctx), LangOf(ctx)
	p := *ProblemOf(err, lang)
	rec.code = p.Code
	if rec.id != uuid.Nil {
		p.Request = rec.id.String()
	}
	if p.Status >= 500 && !errors.Is(err, context.Canceled) { // a caller who went away is no fault of ours
		rec.err = err
	}
	if p.Code == ErrInternal.Code {
		p.Detail = ErrInternal.With(cmp.Or(p.Request, "—")).Text(lang)
	}
	return &p
}

var langs = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English, language.TraditionalChinese})

// Lang is the language to answer in: the lang of the query, which a link to the
// other language carries, then the lang cookie, then Accept-Language, then
// Chinese.
func Lang(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); l == "zh" || l == "en" {
		return l
	}
	if c, err := r.Cookie("lang"); err == nil && (c.Value == "zh" || c.Value == "en") {
		return c.Value
	}
	if tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil && len(tags) > 0 {
		if _, i, c := langs.Match(tags...); c > language.No && i == 1 {
			return "en"
		}
	}
	return "zh"
}
