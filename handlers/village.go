package handlers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
)

// A VillageInterment is what a village's clerk records, often days later: that
// somebody of the village was laid to rest in a place of its cemetery.
type VillageInterment struct {
	domain.Act
	Of          domain.CreditCode
	Plot        string
	Certificate string // of the cremation
	// Surname is how the name of the person begins: a slip in the certificate's
	// number shows.
	Surname string
	// Paper is the number of the family's signed request; it is the number of the
	// agreement too where the place is not given yet.
	Paper string
	// Beside says that the place is another member of the family's.
	Beside bool
}

var (
	// ErrVillageOnly refuses to let another cemetery record as a village does,
	// which vouches for its own people.
	ErrVillageOnly = domain.Reject("village_only", "只有农村公益性公墓由村里这样登记。", "Only a village cemetery is recorded like this.").Under("E-2", "")
	// ErrVillageName refuses a certificate of somebody with another name.
	ErrVillageName = domain.Reject("village_name_differs", "姓氏与火化证明上的不一样，请核对证明编号。", "The surname is not that of the certificate; please compare its number.").Under("E-1", "")
	// ErrVillageTaken refuses a place that is given already, where nobody said
	// that it is the family's.
	ErrVillageTaken = domain.Reject("village_place_taken", "这个墓位已经登记给别的家庭，请核对排号和座号；确是合葬的，请选“合葬”。",
		"This place is given already. Please compare row and seat; for a family's shared place, please say so.").Under("I15", "")
)

// RecordVillageInterment runs: whose certificate is it? → allocate, unless the
// person has this place → inter. A crash between leaves a place that is given
// and nobody in it; the same record sent again goes on from there, and one that
// was recorded changes nothing.
func (a *App) RecordVillageInterment(ctx context.Context, c VillageInterment) (events.Receipt, error) {
	place := PlotID(c.Of, c.Plot)
	if err := streamID(cemetery.PlotCategory, place); err != nil {
		return events.Receipt{}, err
	}
	if done, err := a.did(ctx, a.Plots.Stream(place), c.ID); err != nil || done != nil {
		return pointed(done), err
	}
	of, _, holds, err := a.holder(ctx, c.Certificate)
	if err != nil {
		return events.Receipt{}, err
	}
	cem, _, err := a.Cemeteries.Load(ctx, string(c.Of))
	if err != nil {
		return events.Receipt{}, err
	}
	s, _, err := a.Plots.Load(ctx, place)
	if err != nil {
		return events.Receipt{}, err
	}
	named := slices.ContainsFunc(s.Places, func(x cemetery.PlotAllocated) bool { return x.Deceased == of.Deceased.Person })
	switch {
	case cem.Class != cemetery.RuralPublic:
		return events.Receipt{}, ErrVillageOnly
	case !holds:
		return events.Receipt{}, ErrCertificate
	case c.Surname == "" || !strings.HasPrefix(of.Deceased.Name.Or(c.Surname), c.Surname):
		return events.Receipt{}, ErrVillageName
	case s.Right != "" && !named && !c.Beside:
		return events.Receipt{}, ErrVillageTaken
	}
	right := cmp.Or(s.Right, "C-"+c.ID.String())
	if !named {
		rules, err := a.RulesFor(ctx, cem.Division, day(c.Act))
		if err != nil {
			return events.Receipt{}, err
		}
		years := rules.TermYears
		if n := cem.Limits.TermYears; n > 0 {
			years = min(years, n)
		}
		give := AllocatePlot{Of: c.Of, Plot: c.Plot, Allocate: cemetery.Allocate{Act: step(c.Act, "allocate"), Right: right, Applicant: cmp.Or(s.Applicant, of.Handler.Person),
			Ground: cemetery.CremationCertificate, Certificate: c.Certificate, Villager: true, Contract: c.Paper, TermUntil: cmp.Or(s.TermUntil, day(c.Act).AddMonths(12*years))}}
		if _, err := a.AllocatePlot(ctx, give); err != nil {
			return events.Receipt{}, err
		}
	}
	return a.Inter(ctx, Inter{Of: c.Of, Plot: c.Plot, Inter: cemetery.Inter{Act: c.Act, Right: right, Certificate: c.Certificate, Consent: cemetery.Consent{Paper: c.Paper}}})
}
