package cemetery

import "shenzhong/domain"

// Wire lists every event of this package by its name on the log.
var Wire = []domain.Wire{
	domain.Named[CemeteryEstablished]("cemetery.established.v1"),
	domain.Named[RulesAdopted]("cemetery.rules_adopted.v1"),

	domain.Upcast("plot.surveyed.v1", surveyedV1.up),
	domain.Named[PlotSurveyed]("plot.surveyed.v2"),
	domain.Named[PlotExceeded]("plot.exceeded.v1"),
	domain.Named[PlotRemedied]("plot.remedied.v1"),
	domain.Named[PlotHeld]("plot.held.v1"),
	domain.Named[PlotHoldEnded]("plot.hold_ended.v1"),
	domain.Upcast("plot.allocated.v1", allocatedV1.up),
	domain.Named[PlotAllocated]("plot.allocated.v2"),
	domain.Named[PlotRefused]("plot.refused.v1"),
	domain.Named[StoneAgreed]("plot.stone_agreed.v1"),
	domain.Named[PlotConsented]("plot.consented.v1"),
	domain.Named[PlotInterred]("plot.interred.v1"),
	domain.Named[PlotReinterred]("plot.reinterred.v1"),
	domain.Named[PlotExtended]("plot.extended.v1"),
	domain.Named[PlotPassedOn]("plot.passed_on.v1"),
	domain.Named[PlotLapsed]("plot.lapsed.v1"),
	domain.Upcast("plot.surrendered.v1", surrenderedV1.up),
	domain.Named[PlotSurrendered]("plot.surrendered.v2"),
	domain.Named[PlotVacated]("plot.vacated.v1"),
	domain.Named[PlotReopened]("plot.reopened.v1"),

	domain.Named[PlacementClaimed]("placement.claimed.v1"),
	domain.Named[PlacementFreed]("placement.freed.v1"),
	domain.Named[PlacementMoved]("placement.moved.v1"),
	domain.Named[LaidIn]("placement.laid_in.v1"),
	domain.Named[PassedTo]("placement.passed_to.v1"),

	domain.Named[RightGranted]("right.granted.v1"),
	domain.Named[RightRenewed]("right.renewed.v1"),
	domain.Named[UpkeepPaid]("right.upkeep_paid.v1"),
	domain.Named[HolderDied]("right.holder_died.v1"),
	domain.Named[InheritanceProposed]("right.inheritance_proposed.v1"),
	domain.Named[HeirAnswered]("right.heir_answered.v1"),
	domain.Named[RightInherited]("right.inherited.v1"),
	domain.Named[NoticeDue]("right.notice_due.v1"),
	domain.Named[NoticeServed]("right.notice_served.v1"),
	domain.Named[LapseAnnounced]("right.lapse_announced.v1"),
	domain.Named[LapseProposed]("right.lapse_proposed.v1"),
	domain.Named[RightLapsed]("right.lapsed.v1"),
	domain.Named[RightSurrendered]("right.surrendered.v1"),
	domain.Named[RightEnded]("right.ended.v1"),
	domain.Named[TransferRefused]("right.transfer_refused.v1"),

	domain.Named[RoundAnnounced]("round.announced.v1"),
	domain.Named[RoundApplied]("round.applied.v1"),
	domain.Named[RoundWithdrawn]("round.withdrawn.v1"),
	domain.Named[RoundCarriedOver]("round.carried_over.v1"),
	domain.Named[RoundCancelled]("round.cancelled.v1"),
	domain.Named[RoundTold]("round.told.v1"),
	domain.Named[RoundDrawn]("round.drawn.v1"),
	domain.Named[RoundTaken]("round.taken.v1"),
	domain.Named[RoundPassed]("round.passed.v1"),

	domain.Named[DamageReported]("repair.reported.v1"),
	domain.Named[RepairDone]("repair.done.v1"),
	domain.Named[RepairRefused]("repair.refused.v1"),
	domain.Named[RepairLate]("repair.late.v1"),

	domain.Named[RelocationRequested]("relocation.requested.v1"),
	domain.Named[RelocationNoticed]("relocation.noticed.v1"),
	domain.Named[RelocationPermitted]("relocation.permitted.v1"),
	domain.Named[RelocationLifted]("relocation.lifted.v1"),
	domain.Named[RelocationRedirectAsked]("relocation.redirect_asked.v1"),
	domain.Named[RelocationRedirected]("relocation.redirected.v1"),
	domain.Named[RelocationArrived]("relocation.arrived.v1"),
	domain.Named[RelocationCancelled]("relocation.cancelled.v1"),
}

// Earlier forms of events, as they lie on logs. They are read for ever and
// never written again.

type surveyedV1 struct {
	Cemetery      domain.CreditCode `json:"cemetery"`
	Division      domain.Division   `json:"division"`
	Plot          string            `json:"plot"`
	Section       string            `json:"section,omitzero"`
	Row           string            `json:"row,omitzero"`
	Kind          PlotKind          `json:"kind"`
	EcoType       string            `json:"eco_type"`
	Capacity      int               `json:"capacity"`
	AreaCM2       int               `json:"area_cm2"`
	StoneHeightCM int               `json:"stone_height_cm"`
}

func (x surveyedV1) up() PlotSurveyed {
	return PlotSurveyed{Cemetery: x.Cemetery, Division: x.Division, Plot: x.Plot, Section: x.Section, Row: x.Row, Kind: x.Kind, EcoType: x.EcoType,
		Capacity: x.Capacity, AreaCM2: x.AreaCM2, StoneHeightCM: x.StoneHeightCM}
}

type surrenderedV1 struct {
	Right   string           `json:"right"`
	Reason  string           `json:"reason"`
	Persons []domain.Subject `json:"persons"`
}

func (x surrenderedV1) up() PlotSurrendered {
	return PlotSurrendered{Right: x.Right, Reason: x.Reason, Persons: x.Persons}
}

type allocatedV1 struct {
	Right          string                 `json:"right"`
	Applicant      domain.Subject         `json:"applicant"`
	Deceased       domain.Subject         `json:"deceased"`
	Ground         Ground                 `json:"ground"`
	Certificate    string                 `json:"certificate,omitzero"`
	ExceptionPaper domain.Private[string] `json:"exception_paper,omitzero"`
	SpouseOf       domain.Subject         `json:"spouse_of,omitzero"`
	Contract       string                 `json:"contract"`
	TermUntil      domain.Date            `json:"term_until"`
	FeeFen         domain.Money           `json:"fee_fen"`
}

func (x allocatedV1) up() PlotAllocated {
	return PlotAllocated{Right: x.Right, Applicant: x.Applicant, Deceased: x.Deceased, Ground: x.Ground, Certificate: x.Certificate,
		ExceptionPaper: x.ExceptionPaper, SpouseOf: x.SpouseOf, Contract: x.Contract, TermUntil: x.TermUntil, FeeFen: x.FeeFen}
}
