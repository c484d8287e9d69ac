package api

import (
	"cmp"
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/handlers"
)

// PlaceView is where remains or ashes are.
type PlaceView struct {
	Kind string `json:"kind" enum:"VEHICLE,RECEPTION,COLD_BAY,ISOLATION,PREPARATION,VIGIL_ROOM,HALL,FURNACE,ASHES_ROOM,NICHE"`
	ID   string `json:"id,omitzero" maxLength:"40" doc:"The vehicle, room, hall, furnace or niche; for a cold bay the bank and its number." example:"cold-1/14"`
}

func (p PlaceView) place() cremation.Place {
	return cremation.Place{Kind: cremation.PlaceKind(p.Kind), ID: p.ID}
}

func placeView(p cremation.Place) PlaceView { return PlaceView{string(p.Kind), p.ID} }

// ScanView is one reading of a tag or label.
type ScanView struct {
	By string    `json:"by" maxLength:"40" doc:"Account that scanned."`
	At time.Time `json:"at"`
}

// Scanned is Timed for a move: the scan at its origin; the one at its
// destination is the account's own, at occurred_at.
type Scanned struct {
	Timed
	Out ScanView `json:"scanned_out" doc:"The scan at the origin."`
}

// scans are the two of a move.
func (s Scanned) scans(q *request) (out, in cremation.Scan) {
	return cremation.Scan{By: s.Out.By, At: s.Out.At}, cremation.Scan{By: q.By, At: q.At}
}

type collectionBody struct {
	Happened
	Ground      string    `json:"ground" enum:"DEATH_CERTIFICATE,POLICE_NOTICE"`
	Paper       string    `json:"paper" maxLength:"60" doc:"Number of the certificate or the notice. Sealed."`
	Issuer      string    `json:"issuer" maxLength:"100"`
	Giver       string    `json:"giver" enum:"HOSPITAL,POLICE,FAMILY,CARE_HOME,FUNERAL_HOME,UNIT,AUTHORITY"`
	GiverName   string    `json:"giver_name" maxLength:"60" doc:"Sealed."`
	GiverSigned bool      `json:"giver_signed,omitzero" doc:"The giver signed the transfer form."`
	From        string    `json:"from_address,omitzero" maxLength:"120" doc:"Sealed."`
	Infectious  bool      `json:"infectious,omitzero" doc:"Sealed."`
	Decomposed  bool      `json:"decomposed,omitzero" doc:"Sealed."`
	Into        PlaceView `json:"into" doc:"The vehicle, or the reception or isolation room when the giver brings them."`
}

type receiveBody struct {
	Happened
	Tag string    `json:"tag" maxLength:"40" doc:"The tag's number, as scanned."`
	To  string    `json:"to,omitzero" enum:"RECEPTION,ISOLATION" default:"RECEPTION"`
	Out *ScanView `json:"scanned_out,omitzero" doc:"The scan out of the vehicle; left out when the giver brought the remains."`
}

type remainsMoveBody struct {
	Scanned
	Tag  string    `json:"tag" maxLength:"40" doc:"As scanned."`
	From PlaceView `json:"from"`
	To   PlaceView `json:"to"`
}

type conditionBody struct {
	Happened
	Infectious bool   `json:"infectious,omitzero" doc:"Sealed."`
	Decomposed bool   `json:"decomposed,omitzero" doc:"Sealed."`
	Paper      string `json:"paper,omitzero" maxLength:"100" doc:"What takes a condition back. No names."`
}

type precautionsBody struct {
	Happened
	Disinfected bool     `json:"disinfected"`
	Bag         string   `json:"bag" maxLength:"40" doc:"Number on the sealed bag."`
	Protected   []string `json:"protected" minItems:"1" maxItems:"20" nullable:"false" doc:"Accounts that wore protection."`
}

type belongingsBody struct {
	Happened
	Items   []belongingBody `json:"items" maxItems:"200" nullable:"false" doc:"None: two people looked and found nothing."`
	Witness string          `json:"witness" maxLength:"40" doc:"Account of the second person who looked."`
}

type belongingBody struct {
	Item        string `json:"item" maxLength:"40" doc:"Its number in the list."`
	Description string `json:"description" maxLength:"200" doc:"Sealed."`
	Count       int    `json:"count" minimum:"1" maximum:"1000"`
}

type settlementBody struct {
	Happened
	Items    []string `json:"items" minItems:"1" maxItems:"200" nullable:"false"`
	Fate     string   `json:"fate" enum:"HANDED_OVER,LEFT_WITH_REMAINS"`
	Receiver string   `json:"receiver" maxLength:"60" doc:"Name of who receives them, or wants them left. Sealed."`
	Receipt  string   `json:"receipt" maxLength:"60" doc:"The signed paper. Sealed."`
}

type identificationBody struct {
	Timed
	Tag        string `json:"tag" maxLength:"40" doc:"As scanned."`
	Name       string `json:"name" maxLength:"60" doc:"Of the relative. Sealed."`
	CitizenID  string `json:"citizen_id,omitzero" maxLength:"18" doc:"Of the relative."`
	Relation   string `json:"relation" enum:"SPOUSE,CHILD,PARENT,SIBLING,OTHER_RELATIVE,DESIGNATED,AGENT,EMPLOYER,COMMITTEE,POLICE,HOSPITAL,CIVIL_AFFAIRS"`
	Method     string `json:"method" enum:"VIEWING,PHOTO,DNA,POLICE_IDENTIFICATION"`
	Recognised bool   `json:"recognised" doc:"false: the relative says that this is somebody else; the cremation is held."`
	Form       string `json:"form,omitzero" maxLength:"40" doc:"Version of the form that the relative signed."`
	Paper      string `json:"paper,omitzero" maxLength:"100" doc:"What settles an earlier no. No names."`
}

type waiverBody struct {
	Happened
	Reason string `json:"reason" maxLength:"300" doc:"Sealed."`
}

type extensionBody struct {
	Happened
	Until string `json:"until" format:"date" doc:"The last day."`
	Paper string `json:"paper" maxLength:"100" doc:"The request. Sealed."`
}

type handOverBody struct {
	Happened
	Tag       string `json:"tag" maxLength:"40" doc:"As scanned."`
	Name      string `json:"name" maxLength:"60" doc:"Of who receives the remains. Sealed."`
	CitizenID string `json:"citizen_id,omitzero" maxLength:"18" doc:"Of who receives them."`
	Authority string `json:"authority" maxLength:"100" doc:"Who issued the paper that it rests on."`
	Paper     string `json:"paper" maxLength:"100" doc:"No names."`
	Receipt   string `json:"receipt" maxLength:"60" doc:"The signed receipt. Sealed."`
}

// BayView is a place in a cold bank.
type BayView struct {
	Bank string `json:"bank" maxLength:"32"`
	No   int    `json:"no" minimum:"1" maximum:"10000"`
}

func (b BayView) bay() cremation.Bay { return cremation.Bay{Bank: b.Bank, No: b.No} }

type relocationBody struct {
	Timed
	Moves  []relocatedBody `json:"moves" minItems:"1" maxItems:"1000" nullable:"false"`
	Reason string          `json:"reason" maxLength:"200" doc:"Why, never who."`
}

type relocatedBody struct {
	Tag  string  `json:"tag" maxLength:"40"`
	From BayView `json:"from"`
	To   BayView `json:"to"`
}

type countedBody struct {
	Happened
	Seen []sightingBody `json:"seen" maxItems:"5000" nullable:"false" doc:"Every tag that was scanned, and in which bay."`
}

type sightingBody struct {
	Bay BayView `json:"bay"`
	Tag string  `json:"tag" maxLength:"40"`
}

type discrepancyBody struct {
	Happened
	Tag    string `json:"tag" maxLength:"40"`
	Reason string `json:"reason" maxLength:"200" doc:"What was found out, never who."`
	Paper  string `json:"paper" maxLength:"100" doc:"The record of the inquiry."`
}

// CustodyView is where the remains of a case are, and what is known of them. It
// names accounts, no persons.
type CustodyView struct {
	Case       string          `json:"case"`
	Tag        string          `json:"tag,omitzero"`
	Place      PlaceView       `json:"place" doc:"As the last scan says."`
	Since      time.Time       `json:"since,omitzero"`
	Arrived    bool            `json:"arrived"`
	Identified bool            `json:"identified" doc:"A relative recognised the deceased, or a waiver was approved."`
	Doubted    bool            `json:"not_recognised" doc:"A relative said that this is somebody else."`
	Waiver     string          `json:"waiver" enum:"none,asked,approved"`
	Direct     bool            `json:"no_viewing" doc:"The remains are not to be viewed."`
	Vigil      bool            `json:"vigil"`
	Until      string          `json:"storage_until,omitzero" format:"date" doc:"To which day storage was extended."`
	Listed     bool            `json:"belongings_listed"`
	Belongings []BelongingView `json:"belongings" nullable:"false"`
	Moves      []MoveView      `json:"moves" nullable:"false"`
	Ended      bool            `json:"ended"`
}

// BelongingView is an item in custody. Its description is shown to the
// institution's own accounts alone.
type BelongingView struct {
	Item        string `json:"item"`
	Description string `json:"description,omitzero"`
	Count       int    `json:"count"`
	Fate        string `json:"fate,omitzero"`
}

// MoveView is a move with its two scans.
type MoveView struct {
	From PlaceView `json:"from"`
	To   PlaceView `json:"to"`
	Out  ScanView  `json:"scanned_out"`
	In   ScanView  `json:"scanned_in"`
}

// ColdStoreView is who lies where, by tag.
type ColdStoreView struct {
	In         []StoredView `json:"in" nullable:"false"`
	RecountDue bool         `json:"recount_due" doc:"Nothing leaves before a full count found everybody in place."`
	Missing    []string     `json:"missing,omitzero" doc:"Of the last count: expected and not seen."`
	Unexpected []string     `json:"unexpected,omitzero"`
	Misplaced  []string     `json:"misplaced,omitzero"`
}

// StoredView is one occupied bay.
type StoredView struct {
	Bay   BayView `json:"bay"`
	Tag   string  `json:"tag"`
	Case  string  `json:"case"`
	Since string  `json:"since,omitzero" format:"date"`
}

type ofHouse[B any] struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Write[B]
}

type byHouse struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
}

type forgetBody struct {
	Happened
	Who      string `json:"who" enum:"DECEASED,HANDLER" doc:"Which person of the case."`
	Ground   string `json:"ground" enum:"RETENTION_ENDED,REQUESTED,NEVER_NEEDED"`
	Document string `json:"document,omitzero" maxLength:"100" doc:"The paper that it rests on; needed for a request. No names."`
}

func (a *API) custody(h huma.API) {
	onCase(a, h, "forget_person", "/erasures", "Erase what is known of a person, for ever; the record of the service stays", func(ctx context.Context, q *request, id uuid.UUID, b forgetBody) (events.Receipt, error) {
		return a.app.Forget(ctx, handlers.Forget{Act: q.Act, Case: id, Who: handlers.CasePerson(b.Who), Ground: domain.ForgetGround(b.Ground), Document: b.Document})
	})
	post(a, h, "collect_remains", "/cases/{case}/custody/collection", "Take the remains over from whoever had them", func(ctx context.Context, q *request, in *ofCase[collectionBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b, of := in.Body, s.Deceased.Person
		giver := a.app.Somebody(q.New, "giver")
		if b.Giver == string(cremation.FromFamily) && b.GiverName == s.Handler.Name.Or("") {
			giver = s.Handler.Person
		}
		c := cremation.CollectRemains{Act: q.Act, Case: id, Institution: domain.CreditCode(s.Institution), Ground: cremation.Ground(b.Ground), Paper: sealed(of, b.Paper), Issuer: b.Issuer,
			Giver: cremation.GiverKind(b.Giver), GiverName: sealed(giver, b.GiverName), GiverSigned: b.GiverSigned, From: sealed(of, b.From), Into: b.Into.place()}
		if b.Infectious || b.Decomposed {
			c.Condition = domain.Personal(of, cremation.Condition{Infectious: b.Infectious, Decomposed: b.Decomposed})
		}
		rc, err := handle(ctx, a.app.Custodies, id.String(), q, cremation.CustodyCommand(c))
		return done{id.String(), rc}, err
	})
	onCase(a, h, "receive_remains", "/cremation/reception", "Bring the remains into the home and take them into care under a tag", func(ctx context.Context, q *request, id uuid.UUID, b receiveBody) (events.Receipt, error) {
		c := handlers.TakeIn{Act: q.Act, Case: id, Tag: b.Tag, To: cremation.Place{Kind: cremation.PlaceKind(cmp.Or(b.To, string(cremation.InReception)))}, In: cremation.Scan{By: q.By, At: q.At}}
		if b.Out != nil {
			c.Out = cremation.Scan{By: b.Out.By, At: b.Out.At}
		}
		return a.app.TakeIn(ctx, c)
	})
	onCase(a, h, "move_remains", "/custody/moves", "Move the remains by two scans, into and out of the cold store too", func(ctx context.Context, q *request, id uuid.UUID, b remainsMoveBody) (events.Receipt, error) {
		if err := unchanged(ctx, a.app.Custodies, id.String(), q); err != nil {
			return events.Receipt{}, err
		}
		out, in := b.scans(q)
		return a.app.MoveRemains(ctx, handlers.MoveRemains{Act: q.Act, Case: id, Tag: b.Tag, From: b.From.place(), To: b.To.place(), Out: out, In: in})
	})
	post(a, h, "record_condition", "/cases/{case}/custody/condition", "Note what was learned about the remains", func(ctx context.Context, q *request, in *ofCase[conditionBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(_ uuid.UUID, s booking.State) (cremation.CustodyCommand, error) {
			return cremation.RecordCondition{Act: q.Act, Condition: domain.Personal(s.Deceased.Person, cremation.Condition{Infectious: in.Body.Infectious, Decomposed: in.Body.Decomposed}), Paper: in.Body.Paper}, nil
		})
	})
	post(a, h, "record_precautions", "/cases/{case}/custody/precautions", "Note how infectious remains were made safe", func(ctx context.Context, q *request, in *ofCase[precautionsBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(uuid.UUID, booking.State) (cremation.CustodyCommand, error) {
			return cremation.RecordPrecautions{Act: q.Act, Disinfected: in.Body.Disinfected, Bag: in.Body.Bag, Protected: in.Body.Protected}, nil
		})
	})
	post(a, h, "list_belongings", "/cases/{case}/custody/belongings", "Take belongings into custody; two people look", func(ctx context.Context, q *request, in *ofCase[belongingsBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(_ uuid.UUID, s booking.State) (cremation.CustodyCommand, error) {
			c := cremation.ListBelongings{Act: q.Act, Witness: in.Body.Witness}
			for _, x := range in.Body.Items {
				c.Items = append(c.Items, cremation.Item{ID: x.Item, Description: sealed(s.Deceased.Person, x.Description), Count: x.Count})
			}
			return c, nil
		})
	})
	post(a, h, "settle_belongings", "/cases/{case}/custody/belongings-settlements", "Hand belongings over, or leave them with the remains", func(ctx context.Context, q *request, in *ofCase[settlementBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(_ uuid.UUID, s booking.State) (cremation.CustodyCommand, error) {
			b := in.Body
			to, err := a.relative(q, s, b.Receiver, "", "receiver")
			return cremation.SettleBelongings{Act: q.Act, Items: b.Items, Fate: cremation.Fate(b.Fate), To: to, Name: sealed(to, b.Receiver), Receipt: sealed(to, b.Receipt)}, err
		})
	})
	post(a, h, "identify_remains", "/cases/{case}/custody/identifications", "Record whether a relative recognised the deceased", func(ctx context.Context, q *request, in *ofCase[identificationBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		who, err := a.relative(q, s, b.Name, b.CitizenID, "relative")
		if err != nil {
			return done{}, err
		}
		rc, err := a.app.Identify(ctx, handlers.Identify{Case: id, IfMatch: q.IfMatch, Identify: cremation.Identify{Act: q.Act, Tag: b.Tag, Relative: who, Name: sealed(who, b.Name), Relation: b.Relation,
			Method: cremation.Method(b.Method), Recognised: b.Recognised, Form: b.Form, Paper: b.Paper}})
		return done{id.String(), rc}, err
	})
	post(a, h, "ask_waiver", "/cases/{case}/custody/waiver-requests", "Ask to go without identification", func(ctx context.Context, q *request, in *ofCase[waiverBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(_ uuid.UUID, s booking.State) (cremation.CustodyCommand, error) {
			return cremation.AskWaiver{Act: q.Act, Reason: sealed(s.Deceased.Person, in.Body.Reason)}, nil
		})
	})
	post(a, h, "approve_waiver", "/cases/{case}/custody/waivers", "Approve it, on a second account", func(ctx context.Context, q *request, in *ofCase[plainBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(uuid.UUID, booking.State) (cremation.CustodyCommand, error) {
			return cremation.ApproveWaiver{Act: q.Act}, nil
		})
	})
	post(a, h, "begin_vigil", "/cases/{case}/custody/vigil", "Open the vigil in the room where the remains are", func(ctx context.Context, q *request, in *ofCase[plainBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(id uuid.UUID, _ booking.State) (cremation.CustodyCommand, error) {
			x, _, err := a.app.Cremations.Load(ctx, id.String())
			return cremation.BeginVigil{Act: q.Act, InfectionHold: x.HasOpen(cremation.HoldInfectionControl)}, err
		})
	})
	post(a, h, "end_vigil", "/cases/{case}/custody/vigil-end", "End the vigil", func(ctx context.Context, q *request, in *ofCase[plainBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(uuid.UUID, booking.State) (cremation.CustodyCommand, error) {
			return cremation.EndVigil{Act: q.Act}, nil
		})
	})
	post(a, h, "extend_storage", "/cases/{case}/custody/storage-extensions", "Let the remains stay longer", func(ctx context.Context, q *request, in *ofCase[extensionBody]) (done, error) {
		return a.ofCustody(ctx, q, in.Case, func(_ uuid.UUID, s booking.State) (cremation.CustodyCommand, error) {
			return cremation.ExtendStorage{Act: q.Act, Until: domain.Date(in.Body.Until), Paper: sealed(s.Handler.Person, in.Body.Paper)}, nil
		})
	})
	post(a, h, "hand_over_remains", "/cases/{case}/custody/hand-over", "Give the remains to somebody else, uncremated", func(ctx context.Context, q *request, in *ofCase[handOverBody]) (done, error) {
		id, s, _, err := a.caseOf(ctx, q.at, in.Case)
		if err != nil {
			return done{}, err
		}
		b := in.Body
		to, err := a.relative(q, s, b.Name, b.CitizenID, "receiver")
		if err != nil {
			return done{}, err
		}
		if err := unchanged(ctx, a.app.Custodies, id.String(), q); err != nil {
			return done{}, err
		}
		rc, err := a.app.HandOverRemains(ctx, handlers.HandOverRemains{Case: id, HandOverRemains: cremation.HandOverRemains{Act: q.Act, Tag: b.Tag, To: to, Name: sealed(to, b.Name),
			Authority: b.Authority, Paper: b.Paper, Receipt: sealed(to, b.Receipt)}})
		return done{id.String(), rc}, err
	})
	get(h, "get_custody", "/cases/{case}/custody", "Where the remains are", a.getCustody)

	post(a, h, "relocate_remains", "/institutions/{institution}/cold-store/relocations", "Move many at once in the cold store, in an emergency; nothing leaves before a full count", func(ctx context.Context, q *request, in *ofHouse[relocationBody]) (done, error) {
		if err := a.coldStore(ctx, q.at, in.Institution); err != nil {
			return done{}, err
		}
		c := handlers.RelocateRemains{Institution: domain.CreditCode(in.Institution), Relocate: cremation.Relocate{Act: q.Act, Relocation: q.New, Reason: in.Body.Reason}}
		for _, m := range in.Body.Moves {
			c.Moves = append(c.Moves, cremation.Relocation{Tag: m.Tag, From: m.From.bay(), To: m.To.bay()})
		}
		rc, err := a.app.RelocateRemains(ctx, c)
		return done{in.Institution, rc}, err
	})
	post(a, h, "recount_cold_store", "/institutions/{institution}/cold-store/counts", "Report a full count of the cold store", func(ctx context.Context, q *request, in *ofHouse[countedBody]) (done, error) {
		if err := a.coldStore(ctx, q.at, in.Institution); err != nil {
			return done{}, err
		}
		c := cremation.Recount{Act: q.Act, Count: q.New}
		for _, x := range in.Body.Seen {
			c.Seen = append(c.Seen, cremation.Sighting{Bay: x.Bay.bay(), Tag: x.Tag})
		}
		rc, err := handle(ctx, a.app.ColdStores, in.Institution, q, cremation.ColdStoreCommand(c))
		return done{in.Institution, rc}, err
	})
	post(a, h, "settle_discrepancy", "/institutions/{institution}/cold-store/discrepancies", "Strike off a tag that the last count missed, on a second account", func(ctx context.Context, q *request, in *ofHouse[discrepancyBody]) (done, error) {
		if err := a.coldStore(ctx, q.at, in.Institution); err != nil {
			return done{}, err
		}
		rc, err := handle(ctx, a.app.ColdStores, in.Institution, q, cremation.ColdStoreCommand(cremation.SettleDiscrepancy{Act: q.Act, Tag: in.Body.Tag, Reason: in.Body.Reason, Paper: in.Body.Paper}))
		return done{in.Institution, rc}, err
	})
	get(h, "get_cold_store", "/institutions/{institution}/cold-store", "Who lies where in the cold store", func(ctx context.Context, at func(string) error, in *byHouse) (ColdStoreView, events.Revision, error) {
		v := ColdStoreView{In: []StoredView{}}
		if err := a.coldStore(ctx, at, in.Institution); err != nil {
			return v, 0, err
		}
		s, rev, err := a.app.ColdStores.Load(ctx, in.Institution)
		v.RecountDue, v.Missing, v.Unexpected, v.Misplaced = s.RecountDue(), s.Last.Missing, s.Last.Unexpected, s.Last.Misplaced
		for _, x := range s.In {
			v.In = append(v.In, StoredView{BayView{x.Bay.Bank, x.Bay.No}, x.Tag, x.Case.String(), string(x.Since)})
		}
		return v, rev, err
	})
}

// ofCustody asks the custody of a case what the facts of the case make of a body.
func (a *API) ofCustody(ctx context.Context, q *request, id string, command func(uuid.UUID, booking.State) (cremation.CustodyCommand, error)) (done, error) {
	of, s, _, err := a.caseOf(ctx, q.at, id)
	if err != nil {
		return done{}, err
	}
	c, err := command(of, s)
	if err != nil {
		return done{}, err
	}
	rc, err := handle(ctx, a.app.Custodies, of.String(), q, c)
	return done{of.String(), rc}, err
}

// relative is the reference of somebody who comes for the deceased: the handler
// where it is the handler's name and no other number, else from the ID number,
// else from the request itself.
func (a *API) relative(q *request, s booking.State, name, citizenID, part string) (domain.Subject, error) {
	of, err := a.citizen("body.citizen_id", citizenID)
	switch {
	case err != nil || of != "":
		return of, err
	case name != "" && name == s.Handler.Name.Or(""):
		return s.Handler.Person, nil
	}
	return a.app.Somebody(q.New, part), nil
}

// coldStore holds that there is such an institution, and that the account works
// there.
func (a *API) coldStore(ctx context.Context, at func(string) error, key string) error {
	if err := at(key); err != nil {
		return err
	}
	in, _, err := load(ctx, a.app.Institutions, key)
	if err == nil && !in.Exists() {
		err = handlers.ErrNotFound
	}
	return err
}

func (a *API) getCustody(ctx context.Context, at func(string) error, in *byCase) (CustodyView, events.Revision, error) {
	id, of, _, err := a.caseOf(ctx, at, in.Case)
	if err != nil {
		return CustodyView{}, 0, err
	}
	s, rev, err := a.app.Custodies.Load(ctx, id.String())
	if err != nil || s.Collected.Case == uuid.Nil {
		return CustodyView{}, 0, orNotFound(err)
	}
	x, _, err := a.app.Cremations.Load(ctx, id.String())
	if err != nil {
		return CustodyView{}, 0, err
	}
	v := CustodyView{Case: id.String(), Tag: s.Tag, Place: placeView(s.Place), Since: s.Since, Arrived: s.Arrived, Identified: s.Identified(), Doubted: s.Refused.Relative != "", Waiver: "none",
		Direct: s.Direct(x.HasOpen(cremation.HoldInfectionControl)), Vigil: s.Vigil, Until: string(s.Extended.Until), Listed: s.Listed, Belongings: []BelongingView{}, Moves: []MoveView{}, Ended: s.Ended}
	switch {
	case s.Waived.ApprovedBy != "":
		v.Waiver = "approved"
	case s.WaiverAsked.By != "":
		v.Waiver = "asked"
	}
	own := handlers.Actor(ctx).Institution == of.Institution
	for _, b := range s.Belongings {
		item := BelongingView{Item: b.ID, Count: b.Count, Fate: string(b.Fate)}
		if own {
			item.Description = b.Description.Or("")
		}
		v.Belongings = append(v.Belongings, item)
	}
	for _, m := range s.Moves {
		v.Moves = append(v.Moves, MoveView{placeView(m.From), placeView(m.To), ScanView(m.Out), ScanView(m.In)})
	}
	return v, rev, nil
}
