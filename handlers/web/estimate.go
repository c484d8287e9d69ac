package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/handlers"
)

// estimatePage tells what a funeral will cost, after relief. Nobody is asked who
// they are and nothing is stored; the group, which tells of a family's means,
// travels in the body of the request and never in an address.
type estimatePage struct {
	Now      time.Time
	Homes    []bookHome
	Home     bookHome
	Sizes    []string
	Hall     string
	Days     int64
	Years    int64
	More     []handlers.Offered
	Ashes    []handlers.Offered
	Chosen   []string // codes of More
	Place    string   // "" later, "SEA", or the code of a place let by the year
	Hukou    string   // one of estimateHukou
	Groups   []string
	Group    string
	Estimate handlers.Estimate
	Refused  Text
}

// estimateHukou are the answers to where the deceased was registered, and a
// division that stands for each: relief asks for the province, incentives for
// the city.
var estimateHukou = []struct {
	Key      string
	Division domain.Division
}{{"city", "210200"}, {"province", "210000"}, {"other", ""}}

// The most that the page computes: longer storage and tenure are agreed at the
// desk.
const (
	maxEstimateDays  = 30
	maxEstimateYears = 20
)

// Has says that a further item was chosen.
func (p estimatePage) Has(code string) bool { return slices.Contains(p.Chosen, code) }

// HukouKeys lists the answers.
func (estimatePage) HukouKeys() (keys []string) {
	for _, h := range estimateHukou {
		keys = append(keys, h.Key)
	}
	return keys
}

// estimate is GET and POST /estimate.
func (f *Families) estimate(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	homes, err := f.homes(v)
	if err != nil {
		return err
	}
	today := domain.DateOf(v.now)
	p := estimatePage{Now: v.now, Days: 3, Years: 1, Groups: f.app.ReliefGroups(today), Hukou: "city"}
	if len(homes) == 0 {
		return f.answer(v, http.StatusOK, "estimate", "/estimate", p)
	}
	for _, in := range homes {
		h := bookHome{Code: string(in.CreditCode), Name: Text{in.NameZh, in.NameEn}, Division: string(in.Division)}
		p.Homes = append(p.Homes, h)
	}
	in := homes[0]
	for _, x := range homes {
		if string(x.CreditCode) == v.r.Form.Get("home") {
			in = x
		}
	}
	p.Home = bookHome{Code: string(in.CreditCode), Name: Text{in.NameZh, in.NameEn}, Division: string(in.Division)}
	p.Sizes = handlers.Sizes(in, today)
	switch hall := v.r.Form.Get("hall"); {
	case slices.Contains(p.Sizes, hall):
		p.Hall = hall
	case hall == "" && len(p.Sizes) > 0:
		p.Hall = p.Sizes[0]
	}
	p.Days = bounded(v.r.Form.Get("days"), p.Days, maxEstimateDays)
	p.Years = bounded(v.r.Form.Get("years"), p.Years, maxEstimateYears)
	if p.More, p.Ashes, err = f.app.Choices(v.ctx(), p.Home.Code, today); err != nil {
		return err
	}
	offers := func(all []handlers.Offered, code string) bool {
		return slices.ContainsFunc(all, func(o handlers.Offered) bool { return o.Code == code })
	}
	for _, code := range v.r.Form["more"] {
		if offers(p.More, code) && !p.Has(code) {
			p.Chosen = append(p.Chosen, code)
		}
	}
	if x := v.r.Form.Get("ashes"); x == "SEA" || offers(p.Ashes, x) {
		p.Place = x
	}
	if x := v.r.Form.Get("hukou"); slices.Contains(p.HukouKeys(), x) {
		p.Hukou = x
	}
	if g := v.r.PostForm.Get("relief"); slices.Contains(p.Groups, g) {
		p.Group = g
	}
	b := handlers.Basket{Institution: p.Home.Code, Hall: p.Hall, Days: p.Days, More: p.Chosen}
	if p.Place == "SEA" {
		b.Eco = p.Place
	} else {
		b.Ashes, b.Years = p.Place, p.Years
	}
	facts := booking.ReliefFacts{Category: p.Group, DeathDate: today}
	for _, h := range estimateHukou {
		if h.Key == p.Hukou {
			facts.Hukou = h.Division
		}
	}
	if p.Estimate, err = f.app.EstimateBasket(v.ctx(), b, facts, v.now); err != nil {
		return err
	}
	if r, ok := p.Estimate.Refused.(*domain.Rejection); ok {
		p.Refused = Text{r.Text("zh"), r.Text("en")}
	}
	return f.answer(v, http.StatusOK, "estimate", "/estimate", p, "home", "hall", "days", "years", "ashes", "hukou")
}

// bounded reads a number of days or years; what is none leaves it as it was.
func bounded(s string, otherwise, most int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}
