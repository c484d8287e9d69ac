package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/handlers"
)

// roundAddress is the public page of a round.
func roundAddress(of domain.CreditCode, round string) string {
	return "/cemeteries/" + string(of) + "/rounds/" + round
}

// roundProgram recomputes a round from its record, with nothing of ours. The
// page shows it as it stands here.
const roundProgram = `import hashlib, json, sys
r = json.load(open(sys.argv[1], encoding="utf-8"))
sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
wishes = {a["application"]: a.get("wishes") or r["places"] for a in r["applications"]}
first = {a["application"]: a.get("first", "") for a in r["applications"]}
everybody = sha("".join(a + "\n" for a in sorted(wishes)))
order = sorted(wishes, key=lambda a: (first[a], sha(r["seed"] + everybody + a)))
given = {}
for a in order:
    for place in wishes[a]:
        if place in r["places"] and place not in given:
            given[place] = a
            break
same = [sha(r["seed"] + r["salt"]) == r["commitment"], len(wishes) == r["applied"], order == r["order"],
        given == {x["place"]: x["application"] for x in r.get("result", [])}]
print("commitment, applications, order, result:", same)
`

// A roundPage is the public record of a round for places in a cemetery, with
// what it takes to draw again. It names nobody: an application is a number.
type roundPage struct {
	handlers.RoundRecord
	Now         time.Time
	Yard        Text
	File        string // address of the record for programs
	Open, Drawn bool
	Lines       []roundLine // what was published on the day, in the order of choosing
	PassedOn    []roundLine // places that went on to another application since
	Program     string
}

// A roundLine is a place and its application; Turn is which one chose, from 1;
// Now is the key of the text that says how it stands.
type roundLine struct {
	Turn               int
	Application, Place string
	Now                string
}

// round is GET /cemeteries/{cemetery}/rounds/{round}.
func (f *Families) round(v *asked) error {
	of := domain.CreditCode(chi.URLParam(v.r, "cemetery"))
	rec, err := f.app.Round(v.ctx(), of, chi.URLParam(v.r, "round"), v.now)
	if err != nil {
		return err
	}
	c, _, err := f.app.Cemeteries.Load(v.ctx(), string(of))
	if err != nil {
		return err
	}
	p := roundPage{RoundRecord: rec, Now: v.now, Yard: Text{c.NameZh, c.NameEn}, File: "/api/v1/rounds/" + rec.Cemetery + "/" + rec.Round, Program: roundProgram,
		Drawn: rec.Seed != "", Open: rec.Seed == "" && rec.Cancelled == nil && v.now.Before(rec.Closes)}
	line := func(x cemetery.RoundPlace) roundLine {
		l := roundLine{1 + slices.Index(rec.Order, x.Application), x.Application, x.Place, "round.gone_on"}
		switch {
		case slices.Contains(rec.Taken, x):
			l.Now = "round.taken"
		case slices.Contains(rec.Waiting, x):
			l.Now = "round.waiting"
		}
		return l
	}
	for _, x := range rec.Result {
		p.Lines = append(p.Lines, line(x))
	}
	for _, x := range slices.Concat(rec.Taken, rec.Waiting) {
		if !slices.Contains(rec.Result, x) {
			p.PassedOn = append(p.PassedOn, line(x))
		}
	}
	return f.answer(v, http.StatusOK, "round", "/cemeteries", p)
}
