package handlers

import (
	"cmp"
	"context"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
)

// RegisterInstitution enters an institution in the register. One stream is
// written.
func (a *App) RegisterInstitution(ctx context.Context, c institution.Register) (events.Receipt, error) {
	code, err := domain.ParseCreditCode(string(c.CreditCode))
	if err != nil {
		return events.Receipt{}, err
	}
	c.CreditCode = code
	return a.Institutions.Handle(ctx, string(code), c)
}

// PublishPriceList puts a price list in force. Key is the institution's credit
// code, or a lower-case slug for a list kept for reference.
type PublishPriceList struct {
	Key string
	pricing.Publish
	IfMatch *events.Revision
}

// PublishPriceList looks up the city's catalogue of that day and asks the
// institution's price list. One stream is written.
func (a *App) PublishPriceList(ctx context.Context, c PublishPriceList) (events.Receipt, error) {
	if err := streamID(pricing.PriceListCategory, c.Key); err != nil {
		return events.Receipt{}, err
	}
	if err := a.PriceListFacts(ctx, c.Key, &c.Publish); err != nil {
		return events.Receipt{}, err
	}
	c.Attester = cmp.Or(c.Attester, c.By)
	return to(a.PriceLists, c.Key, c.IfMatch).run(ctx, c.Publish)
}

// PriceListFacts puts on the command what other streams say: the city's
// catalogue of that day, and what kind of institution the register knows it to
// be, which decides about its fixed rows.
func (a *App) PriceListFacts(ctx context.Context, key string, c *pricing.Publish) error {
	if _, err := domain.ParseDivision(string(c.Division)); err == nil {
		s, _, err := a.Catalogues.Load(ctx, string(c.Division.City()))
		if err != nil {
			return err
		}
		c.Catalogue = nil
		if v, ok := s.InForce(c.EffectiveFrom); ok {
			c.Catalogue = &v
		}
	}
	if _, err := domain.ParseCreditCode(key); err != nil {
		return nil // a reference list
	}
	in, _, err := a.Institutions.Load(ctx, key)
	if err == nil && in.Kind != "" {
		c.FacilityKind = string(in.Kind)
	}
	return err
}

// AdoptCatalogue puts a city's fee catalogue in force. One stream is written.
func (a *App) AdoptCatalogue(ctx context.Context, division domain.Division, c pricing.Adopt) (events.Receipt, error) {
	if _, err := domain.ParseDivision(string(division)); err != nil {
		return events.Receipt{}, err
	}
	return a.Catalogues.Handle(ctx, string(division), c)
}

// AdoptCreditPolicy puts a version of the credit policy in force. One stream is
// written.
func (a *App) AdoptCreditPolicy(ctx context.Context, c credit.Adopt) (events.Receipt, error) {
	return a.CreditPolicies.Handle(ctx, a.PolicyID, c)
}
