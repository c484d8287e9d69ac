package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
)

type rulesBody struct {
	Happened
	Rules cemetery.Rules `json:"rules"`
}

type announceRoundBody struct {
	Happened
	Round      string    `json:"round" maxLength:"40" doc:"Number of the round within the cemetery."`
	Places     []string  `json:"places" minItems:"1" maxItems:"2000" nullable:"false" doc:"Numbers of free plots, in the order of the list."`
	Mode       string    `json:"mode" enum:"DRAW,WAITING" doc:"WAITING: who has waited longest chooses first; equal days are drawn."`
	Commitment string    `json:"commitment" minLength:"64" maxLength:"64" doc:"SHA-256 of seed and salt, as 64 hex digits: printf '%s%s' \"$SEED\" \"$SALT\" | sha256sum"`
	Closes     time.Time `json:"closes" doc:"When applications end."`
	Notice     string    `json:"notice" maxLength:"60" doc:"Number of the public announcement."`
}

type applyRoundBody struct {
	Happened
	ApplicantID string   `json:"applicant_citizen_id" maxLength:"18" doc:"Kept as a reference only."`
	Ground      string   `json:"ground,omitzero" enum:"CREMATION_CERTIFICATE,LIVING_ILL,LIVING_AGED,LIVING_CHILDLESS" default:"CREMATION_CERTIFICATE"`
	Certificate string   `json:"certificate,omitzero" maxLength:"40" doc:"Number of the cremation certificate."`
	PersonID    string   `json:"person_citizen_id,omitzero" maxLength:"18" doc:"The living person, for an exception; left out: the applicant."`
	Age         int      `json:"age,omitzero" minimum:"0" maximum:"150" doc:"For LIVING_AGED, in years."`
	Hukou       string   `json:"hukou,omitzero" maxLength:"6" doc:"Division where the living person is registered."`
	Paper       bool     `json:"exception_paper,omitzero" doc:"The paper of the exception was shown."`
	FamilyHukou string   `json:"family_hukou,omitzero" maxLength:"6"`
	Villager    bool     `json:"villager,omitzero"`
	Wishes      []string `json:"wishes,omitzero" maxItems:"2000" nullable:"false" doc:"Places, the dearest first; none: any, in the order of the list."`
	From        string   `json:"from_round,omitzero" maxLength:"40" doc:"A cancelled round of this cemetery in which somebody applied for the same person: the waiting goes on from there."`
}

type withdrawRoundBody struct {
	Happened
	Application string `json:"application" maxLength:"60"`
}

type cancelRoundBody struct {
	Happened
	Reason   string `json:"reason" enum:"PLACES_NOT_READY,NOTICE_WRONG,SEED_LOST,AUTHORITY"`
	Document string `json:"document" minLength:"1" maxLength:"100" doc:"Number of the public announcement of the cancellation."`
}

type tellApplicantBody struct {
	Happened
	Application string `json:"application" maxLength:"60"`
	Channel     string `json:"channel" enum:"IN_PERSON,REGISTERED_POST,MESSAGE,PHONE"`
	Proof       string `json:"proof" minLength:"1" maxLength:"100" doc:"Number of the letter, or of the call in the log. No names."`
}

type passBody struct {
	Happened
	Application string `json:"application" maxLength:"60"`
	Place       string `json:"place" maxLength:"60"`
	Reason      string `json:"reason" enum:"DID_NOT_COME,GAVE_UP"`
}

type measureBody struct {
	Happened
	AreaCM2       int `json:"area_cm2" minimum:"0" maximum:"10000000"`
	StoneHeightCM int `json:"stone_height_cm" minimum:"0" maximum:"10000"`
}

type stoneBody struct {
	Happened
	Right       string `json:"right" minLength:"1" maxLength:"60"`
	HeightCM    int    `json:"height_cm" minimum:"0" maximum:"10000" doc:"Above the ground; zero for a stone that lies flat."`
	Inscription string `json:"inscription" minLength:"1" maxLength:"200" doc:"The words on the stone. Kept sealed."`
}

type decisionBody struct {
	Happened
	Document string `json:"document" maxLength:"100" doc:"Number of the document. No names."`
}

type renewBody struct {
	Happened
	HolderID string `json:"holder_citizen_id" maxLength:"18" doc:"Who asks."`
	Until    string `json:"until" format:"date"`
	Contract string `json:"contract" maxLength:"60"`
	FeeFen   int64  `json:"fee_fen" minimum:"0" maximum:"10000000000"`
	FeeCode  string `json:"fee_code,omitzero" maxLength:"40" doc:"Row of the price list that the fee is asked under."`
}

type upkeepBody struct {
	Happened
	Until     string `json:"until" format:"date"`
	AmountFen int64  `json:"amount_fen" minimum:"0" maximum:"10000000000"`
	Receipt   string `json:"receipt" maxLength:"60"`
}

type holderDeathBody struct {
	Happened
	Paper string `json:"paper" maxLength:"100" doc:"Proof of the death. Sealed."`
}

type inheritanceBody struct {
	Happened
	ToID     string   `json:"to_citizen_id" maxLength:"18"`
	Relation string   `json:"relation" maxLength:"40"`
	OtherIDs []string `json:"other_citizen_ids,omitzero" maxItems:"50" nullable:"false" doc:"All other heirs."`
	Paper    string   `json:"paper" maxLength:"100" doc:"Proof of who the heirs are. Sealed."`
}

type heirBody struct {
	Happened
	HeirID string `json:"heir_citizen_id" maxLength:"18"`
	Agrees bool   `json:"agrees"`
	Paper  string `json:"paper,omitzero" maxLength:"100" doc:"The signed answer. Sealed."`
}

type rightNoticeBody struct {
	Happened
	Stage    int    `json:"stage" minimum:"-60" maximum:"60" doc:"Months before (negative) or after the last day of the period."`
	Channel  string `json:"channel" enum:"IN_PERSON,REGISTERED_POST,MESSAGE,PHONE,AT_THE_PLOT"`
	ToID     string `json:"to_citizen_id,omitzero" maxLength:"18" doc:"Left out: the holder."`
	Address  string `json:"address,omitzero" maxLength:"200" doc:"Sealed."`
	ServedOn string `json:"served_on" format:"date"`
	Proof    string `json:"proof" maxLength:"100" doc:"Number of the receipt, the picture, the call. No names."`
}

type publicNoticeBody struct {
	Happened
	Document string `json:"document" maxLength:"100" doc:"Number of the public notice."`
	From     string `json:"from" format:"date" doc:"The notice's own date; its days count from the day of the record."`
}

type surrenderRightBody struct {
	Happened
	HolderID  string `json:"holder_citizen_id" maxLength:"18"`
	Reason    string `json:"reason" maxLength:"200" doc:"No names."`
	Paper     string `json:"paper" maxLength:"60" doc:"Number of the signed request."`
	RefundFen int64  `json:"refund_fen,omitzero" minimum:"0" maximum:"10000000000"`
}

type takerBody struct {
	Institution string `json:"institution,omitzero" maxLength:"18"`
	CitizenID   string `json:"citizen_id,omitzero" maxLength:"18"`
}

type destinationBody struct {
	Kind  string    `json:"kind" enum:"PLOT,DEPOSIT,ECO,AWAY"`
	Place string    `json:"place" maxLength:"100" doc:"cemetery.plot, eco.application, or the number of the deposit or of the paper of the place outside."`
	Taker takerBody `json:"taker" doc:"Who takes the ashes there: an institution or a person."`
}

type requestRelocationBody struct {
	Happened
	Plot         string          `json:"plot" maxLength:"60"`
	Certificates []string        `json:"certificates" minItems:"1" maxItems:"20" nullable:"false" doc:"Cremation certificates of those who are moved."`
	Cause        string          `json:"cause" enum:"FAMILY,WORKS,LAPSED,SAFETY"`
	HolderID     string          `json:"holder_citizen_id,omitzero" maxLength:"18" doc:"Who asks; left out: by decision."`
	Paper        string          `json:"paper" maxLength:"60" doc:"The signed request, or the decision."`
	To           destinationBody `json:"to"`
}

type permitBody struct {
	Happened
	Permit    string `json:"permit" maxLength:"60"`
	Authority string `json:"authority" maxLength:"100"`
	From      string `json:"from" format:"date"`
	Until     string `json:"until" format:"date"`
}

type liftAshesBody struct {
	Happened
	Certificate string    `json:"certificate" maxLength:"40"`
	Label       string    `json:"label" maxLength:"60" doc:"The new one."`
	OldLabel    string    `json:"old_label,omitzero" maxLength:"60"`
	SealedBy    [2]string `json:"sealed_by" doc:"Two accounts."`
	Carrier     takerBody `json:"carrier"`
	Receipt     string    `json:"receipt" maxLength:"60" doc:"What both signed."`
}

type redirectBody struct {
	Happened
	To    destinationBody `json:"to"`
	Paper string          `json:"paper" maxLength:"60"`
}

type arriveBody struct {
	Happened
	Certificate string `json:"certificate" maxLength:"40"`
	Label       string `json:"label" maxLength:"60" doc:"As scanned."`
	Receipt     string `json:"receipt" maxLength:"60"`
	Consent     string `json:"consent,omitzero" maxLength:"60" doc:"Number of the request that the holder of the new plot signed, or of the exception's paper."`
	Exception   string `json:"exception,omitzero" enum:"HOLDER_RESTS,HEIRS_AGREE,ORDER"`
}

type reasonBody struct {
	Happened
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
}

type bareBody struct{ Happened }

type inYard[B any] struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Write[B]
}

type onRound[B any] struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Round    string `path:"round" maxLength:"40"`
	Write[B]
}

type onRight[B any] struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Right    string `path:"right" maxLength:"60"`
	Write[B]
}

type onRelocation[B any] struct {
	Cemetery   string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery that is left."`
	Relocation string `path:"relocation" format:"uuid"`
	Write[B]
}

// RightView is a right of use. It names no persons.
type RightView struct {
	Right       string            `json:"right"`
	Plot        string            `json:"plot"`
	Status      string            `json:"status" enum:"current,lapsed,surrendered,ended"`
	HolderDied  bool              `json:"holder_died"`
	Until       string            `json:"until" format:"date"`
	UpkeepUntil string            `json:"upkeep_until,omitzero" format:"date"`
	Rules       string            `json:"rules"`
	Renewals    int               `json:"renewals"`
	Notices     []RightNoticeView `json:"notices" nullable:"false" doc:"The timetable of this period."`
	Proposed    bool              `json:"inheritance_proposed"`
}

// RightNoticeView is one notice of a right's timetable.
type RightNoticeView struct {
	Stage    int    `json:"stage"`
	On       string `json:"on" format:"date"`
	ServedOn string `json:"served_on,omitzero" format:"date"`
	Channel  string `json:"channel,omitzero"`
	Proof    string `json:"proof,omitzero"`
}

// RelocationView is a relocation. It names no persons.
type RelocationView struct {
	ID      string `json:"id" format:"uuid"`
	Plot    string `json:"plot"`
	Cause   string `json:"cause"`
	Status  string `json:"status" enum:"requested,permitted,lifted,arrived,cancelled"`
	Persons int    `json:"persons"`
	Lifted  int    `json:"lifted"`
	Arrived int    `json:"arrived"`
	To      string `json:"to"`
	Asked   string `json:"redirect_asked,omitzero" doc:"The destination that one account asked for and another has not yet agreed to."`
	Permit  string `json:"permit,omitzero"`
	From    string `json:"from,omitzero" format:"date"`
	Until   string `json:"until,omitzero" format:"date"`
}

func (a *API) custodian(location string, b takerBody) (c cemetery.Custodian, err error) {
	if b.Institution != "" {
		if c.Institution, err = domain.ParseCreditCode(b.Institution); err != nil {
			return c, wrong(location+".institution", err)
		}
	}
	c.Person, err = a.citizen(location+".citizen_id", b.CitizenID)
	return c, err
}

func (a *API) destination(b destinationBody) (cemetery.Destination, error) {
	taker, err := a.custodian("body.to.taker", b.Taker)
	return cemetery.Destination{Kind: cemetery.DestinationKind(b.Kind), Place: b.Place, Taker: taker}, err
}

func (a *API) burialRules(h huma.API) {
	type inDivision struct {
		Division string `path:"division" maxLength:"6"`
		Write[rulesBody]
	}
	post(a, h, "adopt_burial_rules", "/burial-rules/{division}", "Put a version of the rules E-1 to E-8 in force", func(ctx context.Context, q *request, in *inDivision) (done, error) {
		d, err := domain.ParseDivision(in.Division)
		if err != nil {
			return done{}, wrong("path.division", err)
		}
		rc, err := handle(ctx, a.app.BurialRules, string(d), q, cemetery.RulesCommand(cemetery.AdoptRules{Act: q.Act, Rules: in.Body.Rules}))
		return done{string(d), rc}, err
	})
	type byDivision struct {
		Division string `path:"division" maxLength:"6"`
	}
	get(h, "get_burial_rules", "/burial-rules/{division}", "The rules E-1 to E-8 in force", func(ctx context.Context, _ func(string) error, in *byDivision) (cemetery.Rules, events.Revision, error) {
		d, err := domain.ParseDivision(in.Division)
		if err != nil {
			return cemetery.Rules{}, 0, handlers.ErrNotFound
		}
		r, err := a.app.RulesFor(ctx, d, domain.DateOf(a.app.Now()))
		return r, events.NoStream, err
	})
}

func (a *API) rounds(h huma.API) {
	post(a, h, "announce_round", "/cemeteries/{cemetery}/rounds", "Announce places, rules and commitment of a round", func(ctx context.Context, q *request, in *inYard[announceRoundBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b, of := in.Body, domain.CreditCode(in.Cemetery)
		rc, err := a.app.AnnounceRound(ctx, handlers.AnnounceRound{Of: of, IfMatch: q.IfMatch, AnnounceRound: cemetery.AnnounceRound{Act: q.Act, Round: b.Round, Places: b.Places,
			Mode: cemetery.Mode(b.Mode), Commitment: b.Commitment, Closes: b.Closes, NoticeNo: b.Notice}})
		return done{handlers.RoundID(of, b.Round), rc}, err
	})
	post(a, h, "apply_round", "/cemeteries/{cemetery}/rounds/{round}/applications", "Apply in a round", func(ctx context.Context, q *request, in *onRound[applyRoundBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		applicant, err := a.citizen("body.applicant_citizen_id", b.ApplicantID)
		if err != nil {
			return done{}, err
		}
		c := handlers.ApplyRound{Of: domain.CreditCode(in.Cemetery), Round: in.Round, From: b.From, IfMatch: q.IfMatch, ApplyRound: cemetery.ApplyRound{Act: q.Act, Application: q.New.String(), Applicant: applicant,
			Wishes: b.Wishes, Need: cemetery.Need{Ground: cemetery.Ground(b.Ground), Certificate: b.Certificate, ExceptionPaper: b.Paper, Age: b.Age, Hukou: domain.Division(b.Hukou),
				FamilyHukou: domain.Division(b.FamilyHukou), Villager: b.Villager}}}
		if c.Need.Ground != cemetery.CremationCertificate {
			if c.Deceased, err = a.citizen("body.person_citizen_id", b.PersonID); err != nil {
				return done{}, err
			}
			if c.Deceased == "" {
				c.Deceased = applicant
			}
		}
		rc, err := a.app.ApplyRound(ctx, c)
		return done{q.New.String(), rc}, err
	})
	post(a, h, "withdraw_round", "/cemeteries/{cemetery}/rounds/{round}/withdrawals", "Take an application back", func(ctx context.Context, q *request, in *onRound[withdrawRoundBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		rc, err := a.app.WithdrawRound(ctx, domain.CreditCode(in.Cemetery), in.Round, q.IfMatch, cemetery.WithdrawRound{Act: q.Act, Application: in.Body.Application})
		return done{in.Body.Application, rc}, err
	})
	post(a, h, "cancel_round", "/cemeteries/{cemetery}/rounds/{round}/cancellation", "Cancel a round before its draw, and open its places", func(ctx context.Context, q *request, in *onRound[cancelRoundBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		rc, err := a.app.CancelRound(ctx, of, in.Round, q.IfMatch, cemetery.CancelRound{Act: q.Act, Reason: cemetery.RoundReason(in.Body.Reason), Document: in.Body.Document})
		return done{handlers.RoundID(of, in.Round), rc}, err
	})
	post(a, h, "tell_applicant", "/cemeteries/{cemetery}/rounds/{round}/notices", "Record that a family of a cancelled round was told", func(ctx context.Context, q *request, in *onRound[tellApplicantBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.TellApplicant(ctx, domain.CreditCode(in.Cemetery), in.Round, q.IfMatch, cemetery.TellApplicant{Act: q.Act, Application: b.Application, Channel: cemetery.Channel(b.Channel), Proof: b.Proof})
		return done{b.Application, rc}, err
	})
	post(a, h, "draw_round", "/cemeteries/{cemetery}/rounds/{round}/draw", "Open the seed and draw", func(ctx context.Context, q *request, in *onRound[drawBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		rc, err := a.app.DrawRound(ctx, of, in.Round, q.IfMatch, cemetery.DrawRound{Act: q.Act, Seed: in.Body.Seed, Salt: in.Body.Salt})
		return done{handlers.RoundID(of, in.Round), rc}, err
	})
	post(a, h, "pass_place", "/cemeteries/{cemetery}/rounds/{round}/passes", "Give a place that was not taken to the next", func(ctx context.Context, q *request, in *onRound[passBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of, b := domain.CreditCode(in.Cemetery), in.Body
		rc, err := a.app.PassPlace(ctx, of, in.Round, q.IfMatch, cemetery.PassPlace{Act: q.Act, Application: b.Application, Place: b.Place, Reason: cemetery.PassReason(b.Reason)})
		return done{handlers.RoundID(of, in.Round), rc}, err
	})
	post(a, h, "measure_plot", "/cemeteries/{cemetery}/plots/{plot}/measurements", "Hold a plot as it was found against the limits", func(ctx context.Context, q *request, in *onPlot[measureBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		rc, err := a.app.MeasurePlot(ctx, handlers.MeasurePlot{Of: of, Plot: in.Plot, IfMatch: q.IfMatch, Measure: cemetery.Measure{Act: q.Act, AreaCM2: in.Body.AreaCM2, StoneHeightCM: in.Body.StoneHeightCM}})
		return done{handlers.PlotID(of, in.Plot), rc}, err
	})
	post(a, h, "agree_headstone", "/cemeteries/{cemetery}/plots/{plot}/headstone", "Agree on a headstone within the limits", func(ctx context.Context, q *request, in *onPlot[stoneBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of, b := domain.CreditCode(in.Cemetery), in.Body
		rc, err := a.app.AgreeHeadstone(ctx, handlers.AgreeHeadstone{Of: of, Plot: in.Plot, IfMatch: q.IfMatch, Words: b.Inscription, AgreeStone: cemetery.AgreeStone{Act: q.Act, Right: b.Right, HeightCM: b.HeightCM}})
		return done{handlers.PlotID(of, in.Plot), rc}, err
	})
	post(a, h, "reopen_plot", "/cemeteries/{cemetery}/plots/{plot}/reopening", "Let a vacated plot be given again, publicly", func(ctx context.Context, q *request, in *onPlot[decisionBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		id := handlers.PlotID(domain.CreditCode(in.Cemetery), in.Plot)
		rc, err := handle(ctx, a.app.Plots, id, q, cemetery.PlotCommand(cemetery.Reopen{Act: q.Act, Document: in.Body.Document}))
		return done{id, rc}, err
	})
}

// changeRight registers what a right's own stream decides alone. cmd is told the
// holder, of whom papers are sealed.
func changeRight[B any](a *API, h huma.API, op handlers.Operation, path, summary string, cmd func(q *request, b B, holder domain.Subject) (cemetery.RightCommand, error)) {
	post(a, h, op, "/cemeteries/{cemetery}/rights/{right}"+path, summary, func(ctx context.Context, q *request, in *onRight[B]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		s, _, err := load(ctx, a.app.Rights, handlers.RightID(of, in.Right))
		if err != nil {
			return done{}, err
		}
		c, err := cmd(q, in.Body, s.Holder)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.ChangeRight(ctx, of, in.Right, q.IfMatch, c)
		return done{handlers.RightID(of, in.Right), rc}, err
	})
}

func (a *API) rights(h huma.API) {
	post(a, h, "renew_right", "/cemeteries/{cemetery}/rights/{right}/renewals", "Begin another period of use", func(ctx context.Context, q *request, in *onRight[renewBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b, of := in.Body, domain.CreditCode(in.Cemetery)
		holder, err := a.citizen("body.holder_citizen_id", b.HolderID)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.RenewRight(ctx, handlers.RenewRight{Of: of, Right: in.Right, FeeCode: b.FeeCode, IfMatch: q.IfMatch,
			Renew: cemetery.Renew{Act: q.Act, Holder: holder, Until: domain.Date(b.Until), Contract: b.Contract, FeeFen: domain.Money(b.FeeFen)}})
		return done{handlers.RightID(of, in.Right), rc}, err
	})
	changeRight(a, h, "pay_upkeep", "/upkeep", "Record money for upkeep", func(q *request, b upkeepBody, _ domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.PayUpkeep{Act: q.Act, Until: domain.Date(b.Until), AmountFen: domain.Money(b.AmountFen), Receipt: b.Receipt}, nil
	})
	changeRight(a, h, "record_holder_death", "/holder-death", "Record that the holder has died", func(q *request, b holderDeathBody, holder domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.RecordHolderDeath{Act: q.Act, Paper: sealed(holder, b.Paper)}, nil
	})
	changeRight(a, h, "propose_inheritance", "/inheritance", "Name the heir who takes the right over, and all others", func(q *request, b inheritanceBody, holder domain.Subject) (cemetery.RightCommand, error) {
		heir, err := a.citizen("body.to_citizen_id", b.ToID)
		if err != nil {
			return nil, err
		}
		c := cemetery.ProposeInheritance{Act: q.Act, To: heir, Relation: b.Relation, Paper: sealed(holder, b.Paper)}
		for i, id := range b.OtherIDs {
			other, err := a.citizen(fmt.Sprintf("body.other_citizen_ids[%d]", i), id)
			if err != nil {
				return nil, err
			}
			c.Others = append(c.Others, other)
		}
		return c, nil
	})
	changeRight(a, h, "answer_inheritance", "/inheritance-answers", "Record an heir's answer", func(q *request, b heirBody, _ domain.Subject) (cemetery.RightCommand, error) {
		heir, err := a.citizen("body.heir_citizen_id", b.HeirID)
		return cemetery.AnswerHeir{Act: q.Act, Heir: heir, Agrees: b.Agrees, Paper: sealed(heir, b.Paper)}, err
	})
	changeRight(a, h, "inherit_right", "/inheritance-completion", "Make the proposed heir the holder", func(q *request, _ bareBody, _ domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.Inherit{Act: q.Act}, nil
	})
	changeRight(a, h, "serve_notice", "/notices", "Record that a notice was served", func(q *request, b rightNoticeBody, holder domain.Subject) (cemetery.RightCommand, error) {
		who, err := a.citizen("body.to_citizen_id", b.ToID)
		if who == "" {
			who = holder
		}
		return cemetery.ServeNotice{Act: q.Act, Stage: cemetery.Stage(b.Stage), Channel: cemetery.Channel(b.Channel), To: who, Address: sealed(who, b.Address), ServedOn: domain.Date(b.ServedOn), Proof: b.Proof}, err
	})
	changeRight(a, h, "announce_lapse", "/lapse-notice", "Record the public notice before a lapse", func(q *request, b publicNoticeBody, _ domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.AnnounceLapse{Act: q.Act, Document: b.Document, From: domain.Date(b.From)}, nil
	})
	changeRight(a, h, "propose_lapse", "/lapse-proposal", "Propose that a right lapses", func(q *request, b decisionBody, _ domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.ProposeLapse{Act: q.Act, Document: b.Document}, nil
	})
	changeRight(a, h, "approve_lapse", "/lapse", "Approve a lapse, on another account", func(q *request, _ bareBody, _ domain.Subject) (cemetery.RightCommand, error) {
		return cemetery.ApproveLapse{Act: q.Act}, nil
	})
	post(a, h, "surrender_right", "/cemeteries/{cemetery}/rights/{right}/surrender", "Give a right back whose plot is empty", func(ctx context.Context, q *request, in *onRight[surrenderRightBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b, of := in.Body, domain.CreditCode(in.Cemetery)
		holder, err := a.citizen("body.holder_citizen_id", b.HolderID)
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.SurrenderRight(ctx, handlers.SurrenderRight{Of: of, Right: in.Right, IfMatch: q.IfMatch,
			SurrenderRight: cemetery.SurrenderRight{Act: q.Act, Holder: holder, Reason: b.Reason, Paper: b.Paper, RefundFen: domain.Money(b.RefundFen)}})
		return done{handlers.RightID(of, in.Right), rc}, err
	})
	type byRight struct {
		Cemetery string `path:"cemetery" maxLength:"18"`
		Right    string `path:"right" maxLength:"60"`
	}
	get(h, "get_right", "/cemeteries/{cemetery}/rights/{right}", "A right of use", func(ctx context.Context, at func(string) error, in *byRight) (RightView, events.Revision, error) {
		if err := at(in.Cemetery); err != nil {
			return RightView{}, 0, err
		}
		s, rev, err := load(ctx, a.app.Rights, handlers.RightID(domain.CreditCode(in.Cemetery), in.Right))
		if err != nil || s.Granted.Right == "" {
			return RightView{}, 0, orNotFound(err)
		}
		v := RightView{Right: s.Granted.Right, Plot: s.Granted.Plot, Status: "current", HolderDied: s.Died, Until: string(s.Until), UpkeepUntil: string(s.UpkeepUntil), Rules: s.Rules,
			Renewals: len(s.Renewals), Notices: []RightNoticeView{}, Proposed: s.Proposed != nil}
		switch {
		case s.Surrendered:
			v.Status = "surrendered"
		case s.Ended:
			v.Status = "ended"
		case s.Lapsed:
			v.Status = "lapsed"
		}
		for _, d := range s.Notices.Dues(s.Until) {
			n := RightNoticeView{Stage: int(d.Stage), On: string(d.On)}
			for _, x := range s.Served {
				if x.Stage == d.Stage {
					n.ServedOn, n.Channel, n.Proof = string(x.ServedOn), string(x.Channel), x.Proof
				}
			}
			v.Notices = append(v.Notices, n)
		}
		return v, rev, nil
	})
}

// relocationOf loads a relocation from a cemetery that the account may work on.
func (a *API) relocationOf(ctx context.Context, at func(string) error, of, id string) (uuid.UUID, cemetery.RelocationState, events.Revision, error) {
	if err := at(of); err != nil {
		return uuid.Nil, cemetery.RelocationState{}, 0, err
	}
	u, err := record(id)
	if err != nil {
		return u, cemetery.RelocationState{}, 0, err
	}
	s, rev, err := a.app.Relocations.Load(ctx, u.String())
	if err == nil && (s.Requested == nil || string(s.Requested.Cemetery) != of) {
		err = handlers.ErrNotFound
	}
	return u, s, rev, err
}

func changeRelocation[B any](a *API, h huma.API, op handlers.Operation, path, summary string, do func(ctx context.Context, q *request, id uuid.UUID, b B) (events.Receipt, error)) {
	post(a, h, op, "/cemeteries/{cemetery}/relocations/{relocation}"+path, summary, func(ctx context.Context, q *request, in *onRelocation[B]) (done, error) {
		id, _, _, err := a.relocationOf(ctx, q.at, in.Cemetery, in.Relocation)
		if err != nil {
			return done{}, err
		}
		rc, err := do(ctx, q, id, in.Body)
		return done{id.String(), rc}, err
	})
}

func (a *API) relocations(h huma.API) {
	ask := func(ctx context.Context, q *request, id uuid.UUID, c cemetery.RelocationCommand) (events.Receipt, error) {
		return handle(ctx, a.app.Relocations, id.String(), q, c)
	}
	post(a, h, "request_relocation", "/cemeteries/{cemetery}/relocations", "Ask to move people who rest in a plot", func(ctx context.Context, q *request, in *inYard[requestRelocationBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		c := handlers.RequestRelocation{ID: q.New, RequestRelocation: cemetery.RequestRelocation{Act: q.Act, Cemetery: domain.CreditCode(in.Cemetery), Plot: b.Plot, Cause: cemetery.Cause(b.Cause), Paper: b.Paper}}
		var err error
		for _, n := range b.Certificates {
			who, err := a.app.CertifiedPerson(ctx, n)
			if err != nil {
				return done{}, err
			}
			c.Persons = append(c.Persons, who)
		}
		if c.Holder, err = a.citizen("body.holder_citizen_id", b.HolderID); err != nil {
			return done{}, err
		}
		if c.To, err = a.destination(b.To); err != nil {
			return done{}, err
		}
		rc, err := a.app.RequestRelocation(ctx, c)
		return done{q.New.String(), rc}, err
	})
	changeRelocation(a, h, "notice_relocation", "/notice", "Record the public notice before graves are moved for works", func(ctx context.Context, q *request, id uuid.UUID, b publicNoticeBody) (events.Receipt, error) {
		s, _, err := a.app.Relocations.Load(ctx, id.String())
		if err != nil {
			return events.Receipt{}, err
		}
		of, _, err := a.app.Cemeteries.Load(ctx, string(s.Requested.Cemetery))
		if err != nil {
			return events.Receipt{}, err
		}
		rules, err := a.app.RulesFor(ctx, of.Division, domain.DateOf(q.Now))
		if err != nil {
			return events.Receipt{}, err
		}
		return ask(ctx, q, id, cemetery.NoticeRelocation{Act: q.Act, Document: b.Document, From: domain.Date(b.From), Rules: rules})
	})
	changeRelocation(a, h, "permit_relocation", "/permit", "Open the window in which it may be done, on another account", func(ctx context.Context, q *request, id uuid.UUID, b permitBody) (events.Receipt, error) {
		return ask(ctx, q, id, cemetery.PermitRelocation{Act: q.Act, Permit: b.Permit, Authority: b.Authority, From: domain.Date(b.From), Until: domain.Date(b.Until)})
	})
	changeRelocation(a, h, "lift_ashes", "/lifts", "Take one person out, re-tagged, into the hands of a carrier", func(ctx context.Context, q *request, id uuid.UUID, b liftAshesBody) (events.Receipt, error) {
		who, err := a.app.CertifiedPerson(ctx, b.Certificate)
		if err != nil {
			return events.Receipt{}, err
		}
		carrier, err := a.custodian("body.carrier", b.Carrier)
		if err != nil {
			return events.Receipt{}, err
		}
		return a.app.Lift(ctx, handlers.Lift{ID: id, IfMatch: q.IfMatch, Lift: cemetery.Lift{Act: q.Act, Person: who, Label: b.Label, OldLabel: b.OldLabel, SealedBy: b.SealedBy, Carrier: carrier, Receipt: b.Receipt}})
	})
	changeRelocation(a, h, "redirect_relocation", "/redirection", "Change where those go who have not arrived; it takes effect when another account records the same", func(ctx context.Context, q *request, id uuid.UUID, b redirectBody) (events.Receipt, error) {
		where, err := a.destination(b.To)
		if err != nil {
			return events.Receipt{}, err
		}
		return ask(ctx, q, id, cemetery.Redirect{Act: q.Act, To: where, Paper: b.Paper})
	})
	changeRelocation(a, h, "arrive_ashes", "/arrivals", "End one person's way; in a plot the person is laid to rest again", func(ctx context.Context, q *request, id uuid.UUID, b arriveBody) (events.Receipt, error) {
		who, err := a.app.CertifiedPerson(ctx, b.Certificate)
		if err != nil {
			return events.Receipt{}, err
		}
		return a.app.Arrive(ctx, handlers.Arrive{ID: id, IfMatch: q.IfMatch, Consent: cemetery.Consent{Paper: b.Consent, Exception: cemetery.Exception(b.Exception)},
			Arrive: cemetery.Arrive{Act: q.Act, Person: who, Label: b.Label, Receipt: b.Receipt}})
	})
	changeRelocation(a, h, "cancel_relocation", "/cancellation", "End it before anybody was lifted", func(ctx context.Context, q *request, id uuid.UUID, b reasonBody) (events.Receipt, error) {
		return ask(ctx, q, id, cemetery.CancelRelocation{Act: q.Act, Reason: b.Reason})
	})
	type byRelocation struct {
		Cemetery   string `path:"cemetery" maxLength:"18"`
		Relocation string `path:"relocation" format:"uuid"`
	}
	get(h, "get_relocation", "/cemeteries/{cemetery}/relocations/{relocation}", "A relocation", func(ctx context.Context, at func(string) error, in *byRelocation) (RelocationView, events.Revision, error) {
		id, s, rev, err := a.relocationOf(ctx, at, in.Cemetery, in.Relocation)
		if err != nil {
			return RelocationView{}, 0, err
		}
		return RelocationView{ID: id.String(), Plot: s.Requested.Plot, Cause: string(s.Requested.Cause), Status: s.Status(), Persons: len(s.Requested.Persons), Lifted: len(s.Lifted), Arrived: len(s.Arrived),
			To: string(s.To.Kind) + " " + s.To.Place, Asked: strings.TrimSpace(string(s.Redirect.To.Kind) + " " + s.Redirect.To.Place), Permit: s.Permitted.Permit, From: string(s.Permitted.From), Until: string(s.Permitted.Until)}, rev, nil
	})
}
