package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/handlers"
)

// complainRoutes are the pages on which anybody complains without an account,
// and follows it by the code that is told once. The complaint's own page is as
// private as its code.
func (f *Families) complainRoutes(r chi.Router) {
	r.Get("/complain", f.private(f.complainPage))
	r.Head("/complain", f.private(f.complainPage))
	r.With(f.writes()).Post("/complain", f.private(f.complain))
	r.Get("/complain/find", f.private(f.complainPage))
	r.Post("/complain/find", f.private(f.findComplaint))
	r.Get("/complain/{code}", f.private(f.complaintPage))
	r.Head("/complain/{code}", f.private(f.complaintPage))
}

// private serves a page that is nobody's but who has its code.
func (f *Families) private(show func(*asked) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Referrer-Policy", "same-origin")
		v := &asked{w: w, r: r, now: f.app.Now().UTC(), view: viewOf(w, r)}
		if err := show(v); err != nil {
			f.fail(w, r, err)
		}
	}
}

// writes bounds how often one address writes without an account.
func (f *Families) writes() func(http.Handler) http.Handler {
	return httprate.LimitBy(f.Holds, 15*time.Minute, func(r *http.Request) (string, error) { return handlers.Client(r), nil },
		httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) { f.fail(w, r, handlers.ErrTooMany) }))
}

// complainForm is what anybody fills in to complain.
type complainForm struct {
	Token       string
	Institution string
	Name        Text // of the institution, where the address names it
	Choices     []CreditIndexEntry
	Item        string
	ItemName    Text
	Case        string // the code of a family's business
	Text        string
	Contact     string
	Wrong       []wrongField
	NoCode      bool // a code was typed that leads nowhere
}

// Err is what is wrong with a field.
func (p complainForm) Err(field string) Text { return bookAbout{Wrong: p.Wrong}.Err(field) }

// Any says that one of these fields is wrong.
func (p complainForm) Any(fields ...string) bool { return bookAbout{Wrong: p.Wrong}.Any(fields...) }

// maxComplaint and maxReach bound what is said and how to reach who said it, in
// characters.
const maxComplaint, maxReach = 1500, 100

func (f *Families) complainPage(v *asked) error {
	q := v.r.URL.Query()
	return f.showComplain(v, http.StatusOK, complainForm{Token: uuid.NewString(), Institution: q.Get("institution"), Item: q.Get("item")})
}

func (f *Families) showComplain(v *asked, status int, p complainForm) error {
	x, err := f.app.Overseen(v.ctx(), domain.CreditCode(p.Institution))
	switch {
	case errors.Is(err, handlers.ErrNotFound):
		p.Institution, p.Item = "", ""
		index, err := f.Handler.data.CreditIndex(v.ctx())
		if err != nil {
			return err
		}
		p.Choices = index.Rows
	case err != nil:
		return err
	default:
		p.Name = Text{x.NameZh, x.NameEn}
	}
	if p.Item != "" {
		l, _, err := f.app.PriceLists.Load(v.ctx(), p.Institution)
		if err != nil {
			return err
		}
		code := p.Item
		p.Item = ""
		for _, list := range slices.Backward(l.Versions) {
			if i := slices.IndexFunc(list.Rows, func(r pricing.Row) bool { return r.Code == code }); i >= 0 {
				p.Item, p.ItemName = code, Text{list.Rows[i].NameZh, list.Rows[i].NameEn}
				break
			}
		}
	}
	return f.answer(v, status, "complain", "/complain", p, "institution", "item")
}

// atComplaint is the field that a rule's "no" to a complaint is about.
var atComplaint = map[string]string{oversight.ErrComplaintAbout.Code: "institution", oversight.ErrComplaintItem.Code: "institution", oversight.ErrComplaintText.Code: "text", oversight.ErrTooLong.Code: "text"}

// complain is POST /complain.
func (f *Families) complain(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	p := complainForm{Token: get("token"), Institution: get("institution"), Item: get("item"), Case: get("case"), Text: get("text"), Contact: get("contact")}
	token, err := uuid.Parse(p.Token)
	if err != nil || token == uuid.Nil {
		return v.to("/complain")
	}
	c := handlers.FileComplaint{Token: token, Institution: domain.CreditCode(p.Institution), Item: p.Item, Text: p.Text, Contact: p.Contact,
		Act: domain.Act{ID: uuid.NewSHA1(token, []byte("complain")), By: handlers.Public, Now: v.now, At: v.now, Correlation: handlers.RequestID(v.ctx())}}
	wrong := func(field string, why *domain.Rejection) {
		p.Wrong = append(p.Wrong, wrongField{field, Text{why.Text("zh"), why.Text("en")}})
	}
	if p.Institution == "" {
		wrong("institution", oversight.ErrComplaintAbout)
	}
	switch {
	case p.Text == "":
		wrong("text", oversight.ErrComplaintText)
	case utf8.RuneCountInString(p.Text) > maxComplaint:
		wrong("text", oversight.ErrTooLong.With(maxComplaint))
	}
	if utf8.RuneCountInString(p.Contact) > maxReach {
		wrong("contact", oversight.ErrTooLong.With(maxReach))
	}
	if p.Case != "" {
		code, ok := handlers.ParseTrackingCode(p.Case)
		if ok {
			c.Case, err = f.data.Case(v.ctx(), f.app.TrackingHash(code))
		}
		switch {
		case !ok || errors.Is(err, handlers.ErrNotFound):
			wrong("case", errCaseCode)
		case err != nil:
			return err
		}
	}
	if len(p.Wrong) > 0 {
		return f.showComplain(v, http.StatusUnprocessableEntity, p)
	}
	code, _, _, err := f.app.FileComplaint(v.ctx(), c)
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		field := atComplaint[r.Code]
		if field == "" {
			field = "text"
		}
		wrong(field, r)
		return f.showComplain(v, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return v.to("/complain/" + code)
}

var errCaseCode = domain.Reject("code_unknown", "没有这个查询码，可以不填。", "There is no such code; it may be left out.")

// findComplaint is POST /complain/find: the code that was typed.
func (f *Families) findComplaint(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	if code, ok := handlers.ParseTrackingCode(v.r.PostFormValue("code")); ok {
		return v.to("/complain/" + code)
	}
	return f.noComplaint(v)
}

func (f *Families) noComplaint(v *asked) error {
	handlers.RequestProblem(v.ctx(), handlers.ErrNotFound) // for the log
	return f.showComplain(v, http.StatusNotFound, complainForm{Token: uuid.NewString(), NoCode: true})
}

// complaintPage is a complaint as whoever made it may know it.
type complaintPage struct {
	Code    string
	Name    Text // of the institution
	Item    string
	S       oversight.ComplaintState
	Duties  []dutyLine
	Today   domain.Date
	Text    string
	Answer  string
	Finding string
	Contact bool
	Gone    bool // what was said is erased
}

// A dutyLine is a term that runs, as a page shows it.
type dutyLine struct {
	oversight.Duty
	Late int // days; zero: it has not passed
}

// dutyLines are terms as a page of this day shows them.
func dutyLines(ds []oversight.Duty, today domain.Date) (ls []dutyLine) {
	for _, d := range ds {
		l := dutyLine{Duty: d}
		if d.By < today {
			l.Late = int(today.Start().Sub(d.By.Start()) / (24 * time.Hour))
		}
		ls = append(ls, l)
	}
	return ls
}

func (f *Families) complaintPage(v *asked) error {
	code, ok := handlers.ParseTrackingCode(chi.URLParam(v.r, "code"))
	if !ok {
		return f.noComplaint(v)
	}
	s, _, err := f.app.Complaint(v.ctx(), f.app.ComplaintID(code))
	if errors.Is(err, handlers.ErrNotFound) {
		return f.noComplaint(v)
	}
	if err != nil {
		return err
	}
	p := complaintPage{Code: code, S: s, Today: domain.DateOf(v.now), Item: s.Filed.Item, Contact: !s.Filed.Contact.IsZero(), Gone: s.Filed.Text.IsForgotten()}
	if x, err := f.app.Overseen(v.ctx(), s.Filed.Institution); err == nil {
		p.Name = Text{x.NameZh, x.NameEn}
	} else if !errors.Is(err, handlers.ErrNotFound) {
		return err
	}
	p.Duties = dutyLines(s.Duties(), p.Today)
	p.Text = s.Filed.Text.Or("")
	if s.Answer != nil {
		p.Answer = s.Answer.Answer.Or("")
	}
	if s.Decided != nil {
		p.Finding = s.Decided.Finding.Or("")
	}
	return f.answer(v, http.StatusOK, "complaint", "/complain", p)
}
