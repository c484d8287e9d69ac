package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/handlers"
)

type deathBody struct {
	Happened
	Form       string `json:"form,omitzero" enum:"DEATH_2013,DEATH_2026" doc:"Left out: the one that was issued on that day."`
	Number     string `json:"number" maxLength:"40" doc:"Sealed."`
	Issuer     string `json:"issuer" maxLength:"100"`
	IssuedOn   string `json:"issued_on" format:"date"`
	DeathDate  string `json:"death_date,omitzero" format:"date"`
	CauseClass string `json:"cause_class" enum:"NATURAL,UNNATURAL,UNKNOWN" doc:"Sealed."`
	Checked    bool   `json:"checked,omitzero" doc:"You compared it with the original or the e-licence."`
}

type confirmationBody struct {
	Happened
	ApplicantID string `json:"applicant_citizen_id,omitzero" maxLength:"18" doc:"Who signed; left out: the handler of the case."`
	CollectorID string `json:"collector_citizen_id,omitzero" maxLength:"18" doc:"Who will receive the ashes; left out: who signed."`
	Form        string `json:"form" maxLength:"40" doc:"Version of the form that was signed."`
}

type policeBody struct {
	Happened
	Number   string `json:"number" maxLength:"60" doc:"Sealed."`
	Issuer   string `json:"issuer" maxLength:"100"`
	IssuedOn string `json:"issued_on" format:"date"`
}

type holdBody struct {
	Happened
	Kind      string `json:"kind" enum:"POLICE,COURT,DISPUTE,INFECTION_CONTROL,IDENTITY"`
	Authority string `json:"authority,omitzero" maxLength:"100" doc:"Who orders it; left out: the account's own institution."`
	Paper     string `json:"paper,omitzero" maxLength:"100"`
}

type liftBody struct {
	Happened
	Hold    string `json:"hold" format:"uuid"`
	Paper   string `json:"paper,omitzero" maxLength:"100" doc:"Paper of the authority that placed it."`
	PaperOf string `json:"paper_of,omitzero" maxLength:"100"`
}

type verifyBody struct {
	Timed
	Tag     string `json:"tag" maxLength:"40" doc:"As scanned now."`
	Scanned bool   `json:"scanned,omitzero" doc:"A scanner read the tag."`
	IDTail  string `json:"id_tail,omitzero" maxLength:"4" doc:"The last four of the ID number as read at the remains, where two could be taken for one another."`
}

type startBody struct {
	Timed
	Furnace string `json:"furnace" maxLength:"32" doc:"Resource of the institution."`
}

type abortBody struct {
	Happened
	Furnace string `json:"furnace" maxLength:"32"`
	Reason  string `json:"reason" maxLength:"100" doc:"No names."`
}

type ashesBody struct {
	Happened
	WeightG      int    `json:"weight_g" minimum:"1" maximum:"20000"`
	Containers   int    `json:"containers" minimum:"1" maximum:"20"`
	Label        string `json:"label" maxLength:"40" doc:"The tag number, as read from the label."`
	SealedWith   string `json:"sealed_with" maxLength:"40" doc:"Account of the second person who sealed."`
	ChamberEmpty bool   `json:"chamber_empty,omitzero" doc:"You looked into the chamber and found it empty."`
}

type chamberBody struct {
	Happened
	Finding string `json:"finding,omitzero" maxLength:"200" doc:"What was left in the chamber; then it is not empty, and looked into again. Never about a person."`
}

type certificateBody struct {
	Happened
	Number  string `json:"number" maxLength:"40"`
	Form    string `json:"form,omitzero" maxLength:"40" doc:"Version of the certificate's form."`
	Reissue string `json:"reissue,omitzero" maxLength:"200" doc:"Why the former one is replaced. No names."`
}

type releaseBody struct {
	Happened
	CollectorID string `json:"collector_citizen_id,omitzero" maxLength:"18" doc:"Left out: who the confirmation names."`
	Name        string `json:"name" maxLength:"60" doc:"Sealed."`
	Certificate string `json:"certificate" maxLength:"40" doc:"The certificate that was shown."`
	IDChecked   bool   `json:"id_checked" doc:"The identity card was compared."`
	Share       int    `json:"share,omitzero" minimum:"0" maximum:"100" doc:"Left out: the only one in custody."`
	Code        string `json:"code,omitzero" maxLength:"20" doc:"The one-time code."`
	IDTail      string `json:"id_tail,omitzero" maxLength:"4" doc:"The last four as read from the card."`
	Receipt     string `json:"receipt,omitzero" maxLength:"40" doc:"Number of the receipt that both sides signed. Sealed."`
	Form        string `json:"form,omitzero" maxLength:"40" doc:"Version of the receipt's form."`
}

// CremationView is how far a cremation has come. It names accounts, no persons.
type CremationView struct {
	Case               string     `json:"case"`
	Rules              string     `json:"rules" doc:"Version of the rules that the case runs under; empty for cases of before custody was kept."`
	Tag                string     `json:"tag"`
	DeathCertificate   bool       `json:"death_certificate"`
	DeathVerified      bool       `json:"death_certificate_verified"`
	ConfirmationSigned bool       `json:"confirmation_signed"`
	PolicePaper        bool       `json:"police_paper"`
	OpenHolds          []HoldView `json:"open_holds"`
	Verified           []Check    `json:"verified"`
	Furnace            string     `json:"furnace,omitzero"`
	StartedAt          time.Time  `json:"started_at,omitzero"`
	CompletedAt        time.Time  `json:"completed_at,omitzero"`
	AshesWeightG       int        `json:"ashes_weight_g,omitzero"`
	Certificate        string     `json:"certificate,omitzero"`
	Ashes              []AshView  `json:"ashes" nullable:"false" doc:"Each share that there is, and where."`
	AshesReleased      bool       `json:"ashes_released"`

	FurnaceStartedAt time.Time     `json:"furnace_started_at,omitzero" doc:"By the furnace's own clock; left out where it reported nothing."`
	FurnaceEndedAt   time.Time     `json:"furnace_ended_at,omitzero"`
	Anomalies        []AnomalyView `json:"anomalies" nullable:"false"`
	Notices          []NoticeView  `json:"notices" nullable:"false" doc:"The clocks of ashes in custody: every notice of the published schedule, served or to come. Nothing else follows from one."`
}

// HoldView is an open hold.
type HoldView struct {
	Hold      string `json:"hold" format:"uuid"`
	Kind      string `json:"kind"`
	Authority string `json:"authority"`
}

// Check is one check of identity.
type Check struct {
	Verifier string    `json:"verifier"`
	At       time.Time `json:"at"`
}

// authority is whom an account acts for when it places or lifts a hold.
func authority(actor *handlers.Account) string {
	if actor.Institution == handlers.Everywhere {
		return "civil-affairs"
	}
	return actor.Institution
}

func (a *API) cremations(h huma.API) {
	// plain registers a write that one cremation decides alone.
	plain := func(q *request, ctx context.Context, id uuid.UUID, c cremation.CremationCommand) (events.Receipt, error) {
		return handle(ctx, a.app.Cremations, id.String(), q, c)
	}
	post(a, h, "record_death_certificate", "/cases/{case}/cremation/death-certificate", "Record the death certificate", func(ctx context.Context, q *request, in *ofCase[deathBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b, of := in.Body, s.Deceased.Person
		rc, err := plain(q, ctx, id, cremation.RecordDeathCertificate{Act: q.Act, Form: cremation.Form(b.Form), Number: sealed(of, b.Number), Issuer: b.Issuer,
			IssuedOn: domain.Date(b.IssuedOn), DeathDate: domain.Date(b.DeathDate), CauseClass: sealed(of, cremation.CauseClass(b.CauseClass)), Checked: b.Checked})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "sign_confirmation", "/cremation/confirmation", "Record the signed cremation confirmation", func(ctx context.Context, q *request, id uuid.UUID, b confirmationBody) (events.Receipt, error) {
		c := handlers.SignConfirmation{Act: q.Act, Case: id, Form: b.Form, IfMatch: q.IfMatch}
		var err error
		if c.Applicant, err = a.citizen("body.applicant_citizen_id", b.ApplicantID); err != nil {
			return events.Receipt{}, err
		}
		if c.Collector, err = a.citizen("body.collector_citizen_id", b.CollectorID); err != nil {
			return events.Receipt{}, err
		}
		return a.app.SignConfirmation(ctx, c)
	})
	post(a, h, "record_police_paper", "/cases/{case}/cremation/police-paper", "Record the police paper", func(ctx context.Context, q *request, in *ofCase[policeBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		rc, err := plain(q, ctx, id, cremation.RecordPolicePaper{Act: q.Act, Number: sealed(s.Deceased.Person, in.Body.Number), Issuer: in.Body.Issuer, IssuedOn: domain.Date(in.Body.IssuedOn)})
		return done{id.String(), rc}, err
	})
	onCase(a, h, "place_hold", "/cremation/holds", "Place a hold", func(ctx context.Context, q *request, id uuid.UUID, b holdBody) (events.Receipt, error) {
		by := b.Authority
		if by == "" {
			by = authority(q.actor)
		}
		return plain(q, ctx, id, cremation.PlaceHold{Act: q.Act, Hold: q.New, Kind: cremation.HoldKind(b.Kind), Authority: by, Paper: b.Paper})
	})
	onCase(a, h, "lift_hold", "/cremation/hold-lifts", "Lift a hold", func(ctx context.Context, q *request, id uuid.UUID, b liftBody) (events.Receipt, error) {
		hold, err := record(b.Hold)
		if err != nil {
			return events.Receipt{}, err
		}
		return plain(q, ctx, id, cremation.LiftHold{Act: q.Act, Hold: hold, Authority: authority(q.actor), Paper: b.Paper, PaperOf: b.PaperOf})
	})
	onCase(a, h, "verify_identity", "/cremation/verifications", "Verify the identity; two different people do", func(ctx context.Context, q *request, id uuid.UUID, b verifyBody) (events.Receipt, error) {
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return events.Receipt{}, err
		}
		return a.app.VerifyIdentity(ctx, handlers.VerifyIdentity{Act: q.Act, Case: id, Tag: b.Tag, Scanned: b.Scanned, IDTail: b.IDTail})
	})
	onCase(a, h, "start_cremation", "/cremation/start", "Charge the furnace and begin", func(ctx context.Context, q *request, id uuid.UUID, b startBody) (events.Receipt, error) {
		return a.app.StartCremation(ctx, handlers.StartCremation{Act: q.Act, Case: id, Furnace: b.Furnace, IfMatch: q.IfMatch})
	})
	onCase(a, h, "abort_charge", "/cremation/charge-abortion", "Take back a charge whose cremation never began", func(ctx context.Context, q *request, id uuid.UUID, b abortBody) (events.Receipt, error) {
		return a.app.TakeBackCharge(ctx, q.Act, id, b.Furnace, b.Reason)
	})
	onCase(a, h, "complete_cremation", "/cremation/completion", "Record the end", func(ctx context.Context, q *request, id uuid.UUID, _ plainBody) (events.Receipt, error) {
		return a.app.CompleteCremation(ctx, handlers.CompleteCremation{Act: q.Act, Case: id, IfMatch: q.IfMatch})
	})
	onCase(a, h, "collect_ashes", "/cremation/ashes", "Record the ashes", func(ctx context.Context, q *request, id uuid.UUID, b ashesBody) (events.Receipt, error) {
		return a.app.CollectAshes(ctx, handlers.CollectAshes{Act: q.Act, Case: id, WeightG: b.WeightG, Containers: b.Containers, Label: b.Label,
			SealedBy: [2]string{q.actor.ID, b.SealedWith}, ChamberEmpty: b.ChamberEmpty, IfMatch: q.IfMatch})
	})
	onCase(a, h, "empty_furnace", "/cremation/chamber-inspection", "Report what was found in the chamber; the furnace is free again when it is empty", func(ctx context.Context, q *request, id uuid.UUID, b chamberBody) (events.Receipt, error) {
		if b.Finding != "" {
			return a.app.ChamberLeft(ctx, q.Act, id, b.Finding)
		}
		return a.app.EmptyFurnace(ctx, q.Act, id)
	})
	onCase(a, h, "issue_certificate", "/cremation/certificate", "Issue the cremation certificate", func(ctx context.Context, q *request, id uuid.UUID, b certificateBody) (events.Receipt, error) {
		return a.app.IssueCertificate(ctx, handlers.IssueCertificate{Act: q.Act, Case: id, Number: b.Number, Form: b.Form, Reissue: b.Reissue, IfMatch: q.IfMatch})
	})
	post(a, h, "release_ashes", "/cases/{case}/cremation/ashes-release", "Hand the ashes over", func(ctx context.Context, q *request, in *ofCase[releaseBody]) (done, error) {
		id, _, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		to, err := a.citizen("body.collector_citizen_id", in.Body.CollectorID)
		if err != nil {
			return done{}, err
		}
		if err := unchanged(ctx, a.app.Cremations, id.String(), q); err != nil {
			return done{}, err
		}
		rc, err := a.app.ReleaseAshes(ctx, handlers.ReleaseAshes{Act: q.Act, Case: id, Share: in.Body.Share, To: to, CitizenID: domain.CitizenID(strings.ToUpper(strings.TrimSpace(in.Body.CollectorID))), Name: in.Body.Name, Certificate: in.Body.Certificate, IDChecked: in.Body.IDChecked,
			Code: in.Body.Code, IDTail: in.Body.IDTail, Receipt: in.Body.Receipt, Form: in.Body.Form})
		return done{id.String(), rc}, err
	})
	a.ashes(h, plain)
	get(h, "get_cremation", "/cases/{case}/cremation", "How far a cremation has come", a.getCremation)
}

// citizen is the reference of the person with this ID number; empty for none.
func (a *API) citizen(location, number string) (domain.Subject, error) {
	if number == "" {
		return "", nil
	}
	id, err := domain.ParseCitizenID(number)
	if err != nil {
		return "", wrong(location, err)
	}
	return a.app.Person(id), nil
}

func (a *API) getCremation(ctx context.Context, at func(string) error, in *byCase) (CremationView, events.Revision, error) {
	id, of, _, err := a.caseOf(ctx, at, in.Case)
	if err != nil {
		return CremationView{}, 0, err
	}
	s, rev, err := a.app.Cremations.Load(ctx, id.String())
	if err != nil || s.Case == uuid.Nil {
		return CremationView{}, 0, orNotFound(err)
	}
	v := CremationView{Case: id.String(), Rules: string(s.Rules), Ashes: ashViews(s), Tag: s.Tag, DeathCertificate: s.Death.Form != "", DeathVerified: s.Death.Verified, ConfirmationSigned: s.Confirmation.Applicant != "",
		PolicePaper: s.Police.Issuer != "", Furnace: s.Started.Furnace, StartedAt: s.Started.At, CompletedAt: s.Completed, AshesWeightG: s.Ashes.WeightG,
		Certificate: s.Certificate, AshesReleased: s.Released.To != "", FurnaceStartedAt: s.Telemetry.StartedAt, FurnaceEndedAt: s.Telemetry.EndedAt, Anomalies: anomalyViews(s)}
	home, _, err := a.app.Institutions.Load(ctx, of.Institution)
	if err != nil {
		return CremationView{}, 0, err
	}
	p, err := a.app.ParametersOf(ctx, home)
	if err != nil {
		return CremationView{}, 0, err
	}
	v.Notices = noticeViews(s.Notices(handlers.NoticeSchedule(p)))
	for _, x := range s.OpenHolds() {
		v.OpenHolds = append(v.OpenHolds, HoldView{x.Hold.String(), string(x.Kind), x.Authority})
	}
	for _, x := range s.Verified {
		v.Verified = append(v.Verified, Check{x.Verifier, x.At})
	}
	return v, rev, nil
}
