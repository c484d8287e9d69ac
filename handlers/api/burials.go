package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
	"shenzhong/events"
	"shenzhong/handlers"
)

type establishBody struct {
	Happened
	Cemetery  string           `json:"cemetery" maxLength:"18" doc:"Credit code (GB 32100)."`
	NameZh    string           `json:"name_zh" maxLength:"100"`
	NameEn    string           `json:"name_en,omitzero" maxLength:"200"`
	Class     string           `json:"class" enum:"URBAN_PUBLIC,RURAL_PUBLIC,COMMERCIAL,COLUMBARIUM,HISTORIC"`
	Division  string           `json:"division" maxLength:"6"`
	Serves    []string         `json:"serves,omitzero" maxItems:"200" nullable:"false" doc:"Divisions whose residents a public cemetery is for."`
	FoundedOn string           `json:"founded_on,omitzero" format:"date"`
	Limits    *cemetery.Limits `json:"limits,omitzero" doc:"Left out: the default ones."`
}

type surveyBody struct {
	Happened
	Plot          string `json:"plot" maxLength:"60" doc:"Number within the cemetery: letters, digits, dashes, dots."`
	Section       string `json:"section,omitzero" maxLength:"40"`
	Row           string `json:"row,omitzero" maxLength:"40"`
	Kind          string `json:"kind" enum:"GRAVE,BODY_GRAVE,NICHE,WALL,TREE,FLOWERS,LAWN,ECO"`
	EcoType       string `json:"eco_type" maxLength:"40" doc:"Code of the eco types in force."`
	Capacity      int    `json:"capacity" minimum:"1" maximum:"20"`
	AreaCM2       int    `json:"area_cm2,omitzero" minimum:"0" maximum:"10000000"`
	StoneHeightCM int    `json:"stone_height_cm,omitzero" minimum:"0" maximum:"10000"`
}

type allocateBody struct {
	Happened
	Right             string `json:"right,omitzero" maxLength:"60" doc:"An existing right of use to join; left out: a new one."`
	ApplicantID       string `json:"applicant_citizen_id" maxLength:"18" doc:"Kept as a reference only."`
	Ground            string `json:"ground,omitzero" enum:"CREMATION_CERTIFICATE,RELOCATION_PERMIT,LIVING_SPOUSE,LIVING_ILL,LIVING_AGED,LIVING_CHILDLESS" default:"CREMATION_CERTIFICATE"`
	Certificate       string `json:"certificate,omitzero" maxLength:"40" doc:"Number of the cremation certificate."`
	SpouseID          string `json:"spouse_citizen_id,omitzero" maxLength:"18" doc:"The living person, for an exception."`
	SpouseCertificate string `json:"spouse_of_certificate,omitzero" maxLength:"40" doc:"Certificate of the deceased beside whom the place is."`
	SpouseHukou       string `json:"spouse_hukou,omitzero" maxLength:"6"`
	ExceptionPaper    string `json:"exception_paper,omitzero" maxLength:"100" doc:"Sealed."`
	FamilyHukou       string `json:"family_hukou,omitzero" maxLength:"6" doc:"Division of the spouse of a non-local person or the parent of a minor."`
	Villager          bool   `json:"villager,omitzero" doc:"The village counts the person as its own."`
	Age               int    `json:"age,omitzero" minimum:"0" maximum:"150" doc:"For LIVING_AGED, in years."`
	Round             string `json:"round,omitzero" maxLength:"40" doc:"The round that the place fell to the person in."`
	Relocation        string `json:"relocation,omitzero" format:"uuid" doc:"The permitted one, for RELOCATION_PERMIT; certificate is then the cremation certificate of who is moved."`
	FeeCode           string `json:"fee_code,omitzero" maxLength:"40" doc:"Row of the price list that the fee is asked under."`
	Contract          string `json:"contract" maxLength:"60"`
	TermUntil         string `json:"term_until" format:"date"`
	FeeFen            int64  `json:"fee_fen" minimum:"0" maximum:"10000000000"`
}

type interBody struct {
	Happened
	Right       string `json:"right" maxLength:"60"`
	Certificate string `json:"certificate" maxLength:"40"`
	Consent     string `json:"consent" maxLength:"60" doc:"Number of the holder's signed request, or of the paper of the exception."`
	Exception   string `json:"exception,omitzero" enum:"HOLDER_RESTS,HEIRS_AGREE,ORDER" doc:"Why it is not the holder who agrees; left out: it is."`
}

type surrenderBody struct {
	Happened
	Right  string `json:"right" maxLength:"60"`
	Reason string `json:"reason" maxLength:"200" doc:"No names."`
	Paper  string `json:"paper" maxLength:"60" doc:"Number of the holder's signed request."`
}

type onPlot[B any] struct {
	Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
	Plot     string `path:"plot" maxLength:"60" doc:"Number of the plot."`
	Write[B]
}

// PlotView is a plot. It names no persons.
type PlotView struct {
	Cemetery      string `json:"cemetery"`
	Plot          string `json:"plot"`
	Section       string `json:"section,omitzero"`
	Row           string `json:"row,omitzero"`
	Kind          string `json:"kind"`
	EcoType       string `json:"eco_type"`
	Capacity      int    `json:"capacity"`
	AreaCM2       int    `json:"area_cm2"`
	StoneHeightCM int    `json:"stone_height_cm"`
	Right         string `json:"right,omitzero"`
	TermUntil     string `json:"term_until,omitzero" format:"date"`
	Allocated     int    `json:"allocated"`
	Interred      int    `json:"interred"`
}

func (a *API) cemeteries(h huma.API) {
	post(a, h, "establish_cemetery", "/cemeteries", "Record a cemetery", func(ctx context.Context, q *request, in *Write[establishBody]) (done, error) {
		b := in.Body
		code, err := domain.ParseCreditCode(b.Cemetery)
		if err != nil {
			return done{}, wrong("body.cemetery", err)
		}
		c := cemetery.Establish{Act: q.Act, Cemetery: code, NameZh: b.NameZh, NameEn: b.NameEn, Class: cemetery.Class(b.Class), Division: domain.Division(b.Division), FoundedOn: domain.Date(b.FoundedOn)}
		for _, d := range b.Serves {
			c.Serves = append(c.Serves, domain.Division(d))
		}
		if b.Limits != nil {
			c.Limits = *b.Limits
		}
		rc, err := handle(ctx, a.app.Cemeteries, string(code), q, cemetery.CemeteryCommand(c))
		return done{string(code), rc}, err
	})
	type inCemetery struct {
		Cemetery string `path:"cemetery" maxLength:"18" doc:"Credit code of the cemetery."`
		Write[surveyBody]
	}
	post(a, h, "survey_plot", "/cemeteries/{cemetery}/plots", "Record what a plot is", func(ctx context.Context, q *request, in *inCemetery) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		rc, err := a.app.Survey(ctx, handlers.Survey{Of: domain.CreditCode(in.Cemetery), IfMatch: q.IfMatch, Survey: cemetery.Survey{Act: q.Act, Plot: b.Plot, Section: b.Section, Row: b.Row,
			Kind: cemetery.PlotKind(b.Kind), EcoType: b.EcoType, Capacity: b.Capacity, AreaCM2: b.AreaCM2, StoneHeightCM: b.StoneHeightCM}})
		return done{handlers.PlotID(domain.CreditCode(in.Cemetery), b.Plot), rc}, err
	})
	post(a, h, "allocate_plot", "/cemeteries/{cemetery}/plots/{plot}/allocations", "Give a place in a plot to one person", func(ctx context.Context, q *request, in *onPlot[allocateBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		b := in.Body
		applicant, err := a.citizen("body.applicant_citizen_id", b.ApplicantID)
		if err != nil {
			return done{}, err
		}
		person, err := a.citizen("body.spouse_citizen_id", b.SpouseID)
		if err != nil {
			return done{}, err
		}
		if b.Right == "" {
			b.Right = q.New.String()
		}
		of := domain.CreditCode(in.Cemetery)
		var relocation uuid.UUID
		if b.Relocation != "" {
			if relocation, err = record(b.Relocation); err != nil {
				return done{}, err
			}
			if person, err = a.app.CertifiedPerson(ctx, b.Certificate); err != nil {
				return done{}, err
			}
		}
		rc, err := a.app.AllocatePlot(ctx, handlers.AllocatePlot{Of: of, Plot: in.Plot, IfMatch: q.IfMatch, Relocation: relocation, FeeCode: b.FeeCode, SpouseCertificate: b.SpouseCertificate, Allocate: cemetery.Allocate{
			Act: q.Act, Right: b.Right, Applicant: applicant, Deceased: person, Ground: cemetery.Ground(b.Ground), Certificate: b.Certificate,
			ExceptionPaper: sealed(applicant, b.ExceptionPaper), Hukou: domain.Division(b.SpouseHukou), FamilyHukou: domain.Division(b.FamilyHukou), Villager: b.Villager, Age: b.Age, Round: b.Round,
			Contract: b.Contract, TermUntil: domain.Date(b.TermUntil), FeeFen: domain.Money(b.FeeFen)}})
		return done{handlers.PlotID(of, in.Plot), rc}, err
	})
	post(a, h, "inter", "/cemeteries/{cemetery}/plots/{plot}/interments", "Lay one person to rest", func(ctx context.Context, q *request, in *onPlot[interBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		rc, err := a.app.Inter(ctx, handlers.Inter{Of: of, Plot: in.Plot, IfMatch: q.IfMatch, Inter: cemetery.Inter{Act: q.Act, Right: in.Body.Right, Certificate: in.Body.Certificate,
			Consent: cemetery.Consent{Paper: in.Body.Consent, Exception: cemetery.Exception(in.Body.Exception)}}})
		return done{handlers.PlotID(of, in.Plot), rc}, err
	})
	post(a, h, "surrender_plot", "/cemeteries/{cemetery}/plots/{plot}/surrender", "Give an empty plot back", func(ctx context.Context, q *request, in *onPlot[surrenderBody]) (done, error) {
		if err := q.at(in.Cemetery); err != nil {
			return done{}, err
		}
		of := domain.CreditCode(in.Cemetery)
		rc, err := a.app.SurrenderPlot(ctx, handlers.SurrenderPlot{Of: of, Plot: in.Plot, IfMatch: q.IfMatch, Surrender: cemetery.Surrender{Act: q.Act, Right: in.Body.Right, Reason: in.Body.Reason, Paper: in.Body.Paper}})
		return done{handlers.PlotID(of, in.Plot), rc}, err
	})
	type byPlot struct {
		Cemetery string `path:"cemetery" maxLength:"18"`
		Plot     string `path:"plot" maxLength:"60"`
	}
	get(h, "get_plot", "/cemeteries/{cemetery}/plots/{plot}", "A plot", func(ctx context.Context, at func(string) error, in *byPlot) (PlotView, events.Revision, error) {
		if err := at(in.Cemetery); err != nil {
			return PlotView{}, 0, err
		}
		s, rev, err := load(ctx, a.app.Plots, handlers.PlotID(domain.CreditCode(in.Cemetery), in.Plot))
		if err != nil || s.Surveyed.Capacity == 0 {
			return PlotView{}, 0, orNotFound(err)
		}
		x := s.Surveyed
		return PlotView{Cemetery: string(x.Cemetery), Plot: x.Plot, Section: x.Section, Row: x.Row, Kind: string(x.Kind), EcoType: x.EcoType, Capacity: x.Capacity,
			AreaCM2: x.AreaCM2, StoneHeightCM: x.StoneHeightCM, Right: s.Right, TermUntil: string(s.TermUntil), Allocated: len(s.Places), Interred: len(s.Interred)}, rev, nil
	})
}

type ecoApplyBody struct {
	Timed
	Institution string `json:"institution,omitzero" maxLength:"18" doc:"Who will do it; left out: the account's own institution."`
	Type        string `json:"type" maxLength:"40" doc:"Code of the eco types in force." example:"SEA"`
	Division    string `json:"division" maxLength:"6" doc:"Where it will be."`
	Case        string `json:"case,omitzero" format:"uuid"`
	Certificate string `json:"certificate,omitzero" maxLength:"40" doc:"May follow until the burial when a case is named."`
	ApplicantID string `json:"applicant_citizen_id,omitzero" maxLength:"18" doc:"Left out: the handler of the case."`
}

type ecoApplicantBody struct {
	Happened
	ApplicantID string `json:"applicant_citizen_id,omitzero" maxLength:"18" doc:"Who stands at the counter; left out: who applied."`
}

func (b ecoApplicantBody) applicant() string { return b.ApplicantID }

// ecoConsentBody is ecoApplicantBody for the second consent, which the pause
// comes before.
type ecoConsentBody struct {
	Timed
	ApplicantID string `json:"applicant_citizen_id,omitzero" maxLength:"18" doc:"Who stands at the counter; left out: who applied."`
}

func (b ecoConsentBody) applicant() string { return b.ApplicantID }

// byApplicant registers what an applicant asks of an application.
func byApplicant[B interface{ applicant() string }](a *API, h huma.API, op handlers.Operation, path, summary string, burialOf burialOf, cmd func(*request, domain.Subject) ecoburial.BurialCommand) {
	post(a, h, op, "/eco-burials/{burial}"+path, summary, func(ctx context.Context, q *request, in *onBurial[B]) (done, error) {
		id, s, _, err := burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		who, err := a.citizen("body.applicant_citizen_id", in.Body.applicant())
		if err != nil {
			return done{}, err
		}
		if who == "" {
			who = s.Applied.Applicant
		}
		rc, err := handle(ctx, a.app.EcoBurials, id, q, cmd(q, who))
		return done{id, rc}, err
	})
}

// A burialOf loads an application that the account may work on.
type burialOf func(ctx context.Context, at func(string) error, id string) (string, ecoburial.BurialState, events.Revision, error)

type ecoCompleteBody struct {
	Happened
	Certificate    string            `json:"certificate,omitzero" maxLength:"40"`
	Facts          map[string]string `json:"facts,omitzero" maxProperties:"20" nullable:"false" doc:"Those that the type requires, and no others."`
	LandCM2        int               `json:"land_cm2,omitzero" minimum:"0" maximum:"10000000"`
	EcoCertificate string            `json:"eco_certificate,omitzero" maxLength:"60"`
}

type onBurial[B any] struct {
	Burial string `path:"burial" format:"uuid" doc:"Id of the application."`
	Write[B]
}

// BurialView is an eco-burial application. It names no persons.
type BurialView struct {
	ID           string            `json:"id" format:"uuid"`
	Type         string            `json:"type"`
	Definition   string            `json:"definition"`
	Institution  string            `json:"institution"`
	Division     string            `json:"division"`
	Status       string            `json:"status" enum:"applied,consented,withdrawn,completed"`
	AppliedAt    time.Time         `json:"applied_at"`
	Irreversible bool              `json:"irreversible"`
	ConsentFrom  time.Time         `json:"second_consent_from,omitzero" doc:"From when on the second consent can be given."`
	CompletedOn  string            `json:"completed_on,omitzero" format:"date"`
	Facts        map[string]string `json:"facts,omitzero"`
	LandCM2      int               `json:"land_cm2,omitzero"`
}

func (a *API) ecoBurials(h huma.API) {
	burialOf := a.burialOf
	post(a, h, "apply_eco_burial", "/eco-burials", "Apply for an eco-burial", func(ctx context.Context, q *request, in *Write[ecoApplyBody]) (done, error) {
		b := in.Body
		if b.Institution == "" {
			b.Institution = q.actor.Institution
		}
		code, err := domain.ParseCreditCode(b.Institution)
		if err != nil {
			return done{}, wrong("body.institution", err)
		}
		c := handlers.ApplyEcoBurial{ID: q.New, Apply: ecoburial.Apply{Act: q.Act, Type: b.Type, Institution: code, Division: domain.Division(b.Division), Certificate: b.Certificate}}
		own := string(code)
		if b.Case != "" {
			// A funeral home applies for its own cases, with whichever operator.
			id, s, _, err := a.caseOf(ctx, func(string) error { return nil }, b.Case)
			if err != nil {
				return done{}, err
			}
			if q.actor.In(s.Institution) {
				own = s.Institution
			}
			c.Case = id
		}
		if err := q.at(own); err != nil {
			return done{}, err
		}
		if c.Applicant, err = a.citizen("body.applicant_citizen_id", b.ApplicantID); err != nil {
			return done{}, err
		}
		rc, err := a.app.ApplyEcoBurial(ctx, c)
		return done{q.New.String(), rc}, err
	})
	byApplicant[ecoConsentBody](a, h, "consent_eco_burial", "/consents", "Record the second consent", burialOf, func(q *request, who domain.Subject) ecoburial.BurialCommand {
		return ecoburial.Consent{Act: q.Act, Applicant: who}
	})
	byApplicant[ecoApplicantBody](a, h, "withdraw_eco_burial", "/withdrawal", "Take an application back", burialOf, func(q *request, who domain.Subject) ecoburial.BurialCommand {
		return ecoburial.Withdraw{Act: q.Act, Applicant: who}
	})
	post(a, h, "complete_eco_burial", "/eco-burials/{burial}/completion", "Report the burial", func(ctx context.Context, q *request, in *onBurial[ecoCompleteBody]) (done, error) {
		id, _, _, err := burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		u, _ := record(id)
		rc, err := a.app.CompleteEcoBurial(ctx, handlers.CompleteEcoBurial{ID: u, IfMatch: q.IfMatch, Complete: ecoburial.Complete{Act: q.Act, Certificate: b.Certificate,
			Facts: b.Facts, LandCM2: b.LandCM2, EcoCertificate: b.EcoCertificate}})
		return done{id, rc}, err
	})
	post(a, h, "grant_incentive", "/eco-burials/{burial}/incentive", "Grant the incentive, once for a person", func(ctx context.Context, q *request, in *onBurial[plainBody]) (done, error) {
		id, _, _, err := burialOf(ctx, q.at, in.Burial)
		if err != nil {
			return done{}, err
		}
		u, _ := record(id)
		rc, err := a.app.GrantIncentive(ctx, handlers.GrantIncentive{Act: q.Act, Burial: u})
		return done{id, rc}, err
	})
	type byBurial struct {
		Burial string `path:"burial" format:"uuid"`
	}
	get(h, "get_eco_burial", "/eco-burials/{burial}", "An eco-burial application", func(ctx context.Context, at func(string) error, in *byBurial) (BurialView, events.Revision, error) {
		id, s, rev, err := burialOf(ctx, at, in.Burial)
		if err != nil {
			return BurialView{}, 0, err
		}
		x := s.Applied
		v := BurialView{ID: id, Type: x.Type, Definition: x.Definition, Institution: string(x.Institution), Division: string(x.Division), Status: "applied", AppliedAt: x.At,
			Irreversible: x.Irreversible, CompletedOn: string(s.Completed.CompletedOn), Facts: s.Completed.Facts, LandCM2: s.Completed.LandCM2}
		if x.Irreversible {
			v.ConsentFrom = x.At.Add(time.Duration(x.PauseHours) * time.Hour)
		}
		switch {
		case s.Completed.Type != "":
			v.Status = "completed"
		case s.Withdrawn:
			v.Status = "withdrawn"
		case !s.ConsentedAt.IsZero():
			v.Status = "consented"
		}
		return v, rev, nil
	})
}
