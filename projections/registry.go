package projections

import (
	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
)

// Registry knows the events of every context. Each name and version that it
// reads has one stored example in events/testdata, which must decode for ever.
func Registry(keys events.Keyring) *events.Registry {
	return events.NewRegistry(keys,
		access.Wire,
		institution.Wire,
		pricing.Wire,
		schedule.Wire,
		booking.Wire,
		cremation.Wire,
		cemetery.Wire,
		ecoburial.Wire,
		credit.Wire,
		oversight.Wire,
		domain.SubjectWire,
	)
}
