package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
)

// damageRoutes are the pages on which anybody reports damage in a cemetery
// without an account, and follows what became of it by the code that is told
// once.
func (f *Families) damageRoutes(r chi.Router) {
	r.Get("/damage", f.private(f.damagePage))
	r.Head("/damage", f.private(f.damagePage))
	r.With(f.writes()).Post("/damage", f.private(f.reportDamage))
	r.Get("/damage/{code}", f.private(f.orderPage))
	r.Head("/damage/{code}", f.private(f.orderPage))
}

// damageForm is what anybody fills in to report damage at a place.
type damageForm struct {
	Token, Cemetery, Plot string
	Yard                  Text
	Damage, Text, Contact string
	Kinds                 []cemetery.Damage
	Wrong                 []wrongField
}

// Err is what is wrong with a field.
func (p damageForm) Err(field string) Text { return bookAbout{Wrong: p.Wrong}.Err(field) }

// Any says that one of these fields is wrong.
func (p damageForm) Any(fields ...string) bool { return bookAbout{Wrong: p.Wrong}.Any(fields...) }

func (f *Families) damagePage(v *asked) error {
	q := v.r.URL.Query()
	return f.showDamage(v, http.StatusOK, damageForm{Token: uuid.NewString(), Cemetery: q.Get("cemetery"), Plot: q.Get("plot")})
}

// showDamage shows the form of a place that there is.
func (f *Families) showDamage(v *asked, status int, p damageForm) error {
	id := handlers.PlotID(domain.CreditCode(p.Cemetery), p.Plot)
	if (events.Stream(cemetery.PlotCategory + "-" + id)).Check() != nil {
		return handlers.ErrNotFound
	}
	s, _, err := f.app.Plots.Load(v.ctx(), id)
	if err == nil && s.Surveyed.Capacity == 0 {
		err = handlers.ErrNotFound
	}
	if err != nil {
		return err
	}
	c, _, err := f.app.Cemeteries.Load(v.ctx(), p.Cemetery)
	if err != nil {
		return err
	}
	p.Yard, p.Kinds = Text{c.NameZh, c.NameEn}, cemetery.Damages
	return f.answer(v, status, "damage", "/cemeteries", p, "cemetery", "plot")
}

// reportDamage is POST /damage.
func (f *Families) reportDamage(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	p := damageForm{Token: get("token"), Cemetery: get("cemetery"), Plot: get("plot"), Damage: get("damage"), Text: get("text"), Contact: get("contact")}
	token, err := uuid.Parse(p.Token)
	if err != nil || token == uuid.Nil {
		return handlers.ErrMalformedForm
	}
	code, _, _, err := f.app.ReportDamage(v.ctx(), handlers.ReportDamage{Token: token, Of: domain.CreditCode(p.Cemetery), Plot: p.Plot, Damage: cemetery.Damage(p.Damage), Text: p.Text, Contact: p.Contact,
		Act: domain.Act{ID: uuid.NewSHA1(token, []byte("damage")), By: handlers.Public, Now: v.now, At: v.now, Correlation: handlers.RequestID(v.ctx())}})
	if r, ok := errors.AsType[*domain.Rejection](err); ok {
		field := "damage"
		if r.Code == cemetery.ErrRepairLong.Code {
			field = "text"
		}
		p.Wrong = []wrongField{{field, Text{r.Text("zh"), r.Text("en")}}}
		return f.showDamage(v, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return v.to("/damage/" + code)
}

// orderPage is a work order as whoever reported the damage may know it.
type orderPage struct {
	Code string
	Yard Text
	S    cemetery.RepairState
	Over bool // the term has passed and it is not settled
}

func (f *Families) orderPage(v *asked) error {
	code, ok := handlers.ParseTrackingCode(chi.URLParam(v.r, "code"))
	if !ok {
		return handlers.ErrNotFound
	}
	s, _, err := f.app.Repair(v.ctx(), f.app.RepairID(code))
	if err != nil {
		return err
	}
	c, _, err := f.app.Cemeteries.Load(v.ctx(), string(s.Reported.Cemetery))
	if err != nil {
		return err
	}
	return f.answer(v, http.StatusOK, "damage-order", "/cemeteries", orderPage{code, Text{c.NameZh, c.NameEn}, s, s.Open() && s.Reported.DueBy < domain.DateOf(v.now)})
}
