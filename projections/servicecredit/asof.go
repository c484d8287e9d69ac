package servicecredit

import (
	"cmp"
	"context"
	"slices"

	"shenzhong/domain"
	"shenzhong/domain/credit"
)

// Standings is every institution with its standing on a day, by division and
// name: by what was recorded until the end of the day known, or, where that is
// empty, by everything that is known now.
func (r Reader) Standings(ctx context.Context, on, known domain.Date) ([]Standing, error) {
	is, err := r.institutions(ctx, "")
	if err != nil {
		return nil, err
	}
	ps, err := r.policies(ctx)
	if err != nil {
		return nil, err
	}
	var vs []credit.PolicyVersion
	for _, p := range ps {
		if known == "" || domain.DateOf(p.Source.Recorded) <= known {
			vs = append(vs, p.PolicyVersion)
		}
	}
	es, err := r.entries(ctx, "")
	if err != nil {
		return nil, err
	}
	ledgers := map[domain.CreditCode][]row{}
	for _, e := range es {
		ledgers[e.institution] = append(ledgers[e.institution], e)
	}
	var ss []Standing
	for _, i := range is {
		ss = append(ss, standing(i, vs, ledgers[i.Code], on, known))
	}
	slices.SortStableFunc(ss, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Division, b.Division), cmp.Compare(a.NameZh, b.NameZh), cmp.Compare(a.Code, b.Code))
	})
	return ss, nil
}
