package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/handlers"
)

type registerBody struct {
	Happened
	CreditCode   string `json:"credit_code" maxLength:"18" doc:"Unified social credit code (GB 32100)." example:"12210200422000019F"`
	NameZh       string `json:"name_zh" maxLength:"100"`
	NameEn       string `json:"name_en,omitzero" maxLength:"200"`
	Kind         string `json:"kind" enum:"FUNERAL_HOME,FUNERAL_SERVICE_STATION,CEMETERY_PUBLIC_URBAN,CEMETERY_PUBLIC_RURAL,CEMETERY_COMMERCIAL,COLUMBARIUM,SEA_BURIAL_OPERATOR"`
	Division     string `json:"division" maxLength:"6" doc:"GB/T 2260." example:"210211"`
	Address      string `json:"address,omitzero" maxLength:"200"`
	Operator     string `json:"operator" enum:"GOVERNMENT,VILLAGE,NON_PROFIT,COMMERCIAL"`
	RegisteredOn string `json:"registered_on,omitzero" format:"date"`
	Fictitious   bool   `json:"fictitious,omitzero" doc:"Invented for a demo; every page says so."`
}

type licenceBody struct {
	Happened
	Licence    string `json:"licence" maxLength:"60" doc:"What it permits." example:"operating"`
	Number     string `json:"number" maxLength:"100"`
	ValidFrom  string `json:"valid_from" format:"date"`
	ValidUntil string `json:"valid_until,omitzero" format:"date" doc:"Last day; left out: without end."`
	Document   string `json:"document,omitzero" maxLength:"200"`
}

type resourceBody struct {
	Happened
	Resource      string `json:"resource" maxLength:"32" doc:"Its name, unique for ever within the institution." example:"hall-1"`
	Kind          string `json:"kind" enum:"hall,furnace,cold_bay,vehicle,vessel"`
	NameZh        string `json:"name_zh" maxLength:"100"`
	NameEn        string `json:"name_en,omitzero" maxLength:"200"`
	Opens         string `json:"opens" maxLength:"5" example:"08:00"`
	Closes        string `json:"closes" maxLength:"5" example:"17:00"`
	SlotMinutes   int    `json:"slot_minutes" minimum:"1" maximum:"1440"`
	BufferMinutes int    `json:"buffer_minutes,omitzero" minimum:"0" maximum:"1440"`
	Capacity      int    `json:"capacity" minimum:"1" maximum:"100000"`
}

type retireBody struct {
	Happened
	Resource string `json:"resource" maxLength:"32"`
	From     string `json:"from" format:"date"`
	Reason   string `json:"reason" maxLength:"200"`
}

type renameBody struct {
	Happened
	NameZh   string `json:"name_zh" maxLength:"100"`
	NameEn   string `json:"name_en,omitzero" maxLength:"200"`
	Document string `json:"document,omitzero" maxLength:"200"`
}

// A keyed write is one to an institution.
type keyed[B any] struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Write[B]
}

type byInstitution struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code, or the slug of a reference list."`
}

// InstitutionView is an institution as the register has it.
type InstitutionView struct {
	CreditCode string            `json:"credit_code"`
	NameZh     string            `json:"name_zh"`
	NameEn     string            `json:"name_en,omitzero"`
	Kind       string            `json:"kind"`
	Division   string            `json:"division"`
	Address    string            `json:"address,omitzero"`
	Operator   string            `json:"operator"`
	Fictitious bool              `json:"fictitious,omitzero"`
	Licensed   bool              `json:"licensed_today"`
	Resources  []InstitutionItem `json:"resources"`
}

// InstitutionItem is one of its resources.
type InstitutionItem struct {
	Resource      string `json:"resource"`
	Kind          string `json:"kind"`
	NameZh        string `json:"name_zh"`
	NameEn        string `json:"name_en,omitzero"`
	Opens         string `json:"opens"`
	Closes        string `json:"closes"`
	SlotMinutes   int    `json:"slot_minutes"`
	BufferMinutes int    `json:"buffer_minutes"`
	Capacity      int    `json:"capacity"`
	RetiredFrom   string `json:"retired_from,omitzero"`
}

func (a *API) institutions(h huma.API) {
	post(a, h, "register_institution", "/institutions", "Enter an institution in the register", func(ctx context.Context, q *request, in *Write[registerBody]) (done, error) {
		b := in.Body
		code, err := domain.ParseCreditCode(b.CreditCode)
		if err != nil {
			return done{}, wrong("body.credit_code", err)
		}
		rc, err := a.app.RegisterInstitution(ctx, institution.Register{Act: q.Act, Registered: institution.Registered{
			CreditCode: code, NameZh: b.NameZh, NameEn: b.NameEn, Kind: institution.Kind(b.Kind), Division: domain.Division(b.Division),
			Address: b.Address, Operator: institution.Operator(b.Operator), RegisteredOn: domain.Date(b.RegisteredOn), Fictitious: b.Fictitious}})
		return done{string(code), rc}, err
	})
	one := func(ctx context.Context, q *request, key string, c institution.Command) (done, error) {
		if err := q.at(key); err != nil {
			return done{}, err
		}
		rc, err := handle(ctx, a.app.Institutions, key, q, c)
		return done{key, rc}, err
	}
	post(a, h, "rename_institution", "/institutions/{institution}/names", "Give an institution another name", func(ctx context.Context, q *request, in *keyed[renameBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.Rename{Act: q.Act, Renamed: institution.Renamed{NameZh: b.NameZh, NameEn: b.NameEn, Document: b.Document}})
	})
	post(a, h, "license_institution", "/institutions/{institution}/licences", "Record a licence", func(ctx context.Context, q *request, in *keyed[licenceBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.License{Act: q.Act, Licensed: institution.Licensed{Licence: b.Licence, Number: b.Number,
			ValidFrom: domain.Date(b.ValidFrom), ValidUntil: domain.Date(b.ValidUntil), Document: b.Document}})
	})
	post(a, h, "add_resource", "/institutions/{institution}/resources", "Put a hall, furnace, cold bay or vehicle into service", func(ctx context.Context, q *request, in *keyed[resourceBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.AddResource{Act: q.Act, ResourceAdded: institution.ResourceAdded{Resource: b.Resource,
			Kind: institution.ResourceKind(b.Kind), NameZh: b.NameZh, NameEn: b.NameEn, Opens: domain.Clock(b.Opens), Closes: domain.Clock(b.Closes),
			SlotMinutes: b.SlotMinutes, BufferMinutes: b.BufferMinutes, Capacity: b.Capacity}})
	})
	post(a, h, "retire_resource", "/institutions/{institution}/resource-retirements", "Take a resource out of service", func(ctx context.Context, q *request, in *keyed[retireBody]) (done, error) {
		b := in.Body
		return one(ctx, q, in.Institution, institution.RetireResource{Act: q.Act, ResourceRetired: institution.ResourceRetired{Resource: b.Resource, From: domain.Date(b.From), Reason: b.Reason}})
	})
	get(h, "get_institution", "/institutions/{institution}", "An institution", func(ctx context.Context, _ func(string) error, in *byInstitution) (InstitutionView, events.Revision, error) {
		s, rev, err := load(ctx, a.app.Institutions, in.Institution)
		if err != nil || !s.Exists() {
			return InstitutionView{}, 0, orNotFound(err)
		}
		v := InstitutionView{CreditCode: string(s.CreditCode), NameZh: s.NameZh, NameEn: s.NameEn, Kind: string(s.Kind), Division: string(s.Division),
			Address: s.Address, Operator: string(s.Operator), Fictitious: s.Fictitious, Licensed: s.LicensedOn(domain.DateOf(a.app.Now()))}
		for _, r := range s.Resources {
			v.Resources = append(v.Resources, InstitutionItem{r.Resource, string(r.Kind), r.NameZh, r.NameEn, string(r.Opens), string(r.Closes),
				r.SlotMinutes, r.BufferMinutes, r.Capacity, string(r.RetiredFrom)})
		}
		return v, rev, nil
	})
	get(h, "get_availability", "/availability", "Free slots of a resource on a day", a.availability)
}

type availabilityQuery struct {
	Institution string `query:"institution" required:"true" maxLength:"60"`
	Resource    string `query:"resource" required:"true" maxLength:"32"`
	Date        string `query:"date" required:"true" format:"date"`
	Minutes     int    `query:"minutes" minimum:"0" maximum:"1440" doc:"Length; left out: as long as the item takes there."`
	Item        string `query:"item" maxLength:"40" doc:"Code of the service; left out: one step of the resource's grid."`
}

// Availability is what is free.
type Availability struct {
	AsOf  time.Time              `json:"as_of" doc:"The moment of asking; a slot may be taken a moment later."`
	Slots []handlers.Alternative `json:"slots"`
}

// availability reads the day's own stream: it is a single short one, and what
// it says cannot lag.
func (a *API) availability(ctx context.Context, _ func(string) error, in *availabilityQuery) (Availability, events.Revision, error) {
	on, err := domain.ParseDate(in.Date)
	if err != nil {
		return Availability{}, 0, wrong("query.date", err)
	}
	now := a.app.Now().UTC()
	s, _, err := load(ctx, a.app.Institutions, in.Institution)
	if err != nil {
		return Availability{}, 0, err
	}
	free, err := a.app.Free(ctx, s, in.Resource, in.Item, in.Minutes, on, now)
	return Availability{AsOf: now, Slots: free}, 0, err
}

type catalogueBody struct {
	Happened
	Document      string          `json:"document" maxLength:"200"`
	EffectiveFrom string          `json:"effective_from" format:"date"`
	Items         []catalogueItem `json:"items" minItems:"1" maxItems:"1000"`
}

type catalogueItem struct {
	Code        string `json:"code" maxLength:"40"`
	NameZh      string `json:"name_zh" maxLength:"100"`
	NameEn      string `json:"name_en,omitzero" maxLength:"200"`
	Category    string `json:"category" maxLength:"40"`
	PricingType string `json:"pricing_type" maxLength:"40"`
	Unit        string `json:"unit" maxLength:"40"`
	Note        string `json:"note,omitzero" maxLength:"500"`
	Content     string `json:"content,omitzero" maxLength:"500" doc:"What the item includes (服务内容)."`
	Basis       string `json:"basis,omitzero" maxLength:"500" doc:"The document that sets its price."`
	PriceMinFen int64  `json:"price_min_fen,omitzero" minimum:"0" maximum:"10000000000" doc:"Floor of a band, or beginning of a reference range."`
	PriceMaxFen int64  `json:"price_max_fen,omitzero" minimum:"0" maximum:"10000000000" doc:"Ceiling, or end of a reference range."`
	MarkupPct   int64  `json:"markup_percent,omitzero" minimum:"0" maximum:"1000" doc:"The most that may be put on the cost of goods, as a rate."`
	MarkupFen   int64  `json:"markup_fen,omitzero" minimum:"0" maximum:"10000000000" doc:"The same as an amount."`
	RequiredOf  string `json:"required_of,omitzero" maxLength:"40" doc:"Kind of institution whose lists have to show the item, offered or not."`
}

type priceListBody struct {
	Happened
	EffectiveFrom   string       `json:"effective_from" format:"date"`
	Precision       string       `json:"precision,omitzero" enum:"day,year" doc:"year: the list gives only a year, written as 1 January."`
	InstitutionName string       `json:"institution_name" maxLength:"100"`
	City            string       `json:"city,omitzero" maxLength:"60"`
	Division        string       `json:"division" maxLength:"6"`
	FacilityKind    string       `json:"facility_kind,omitzero" maxLength:"40"`
	Basis           string       `json:"basis,omitzero" maxLength:"500"`
	Source          string       `json:"source,omitzero" maxLength:"500"`
	Confidence      string       `json:"confidence,omitzero" maxLength:"200"`
	Caveats         []string     `json:"caveats,omitzero" maxItems:"50" nullable:"false"`
	AttesterName    string       `json:"attester_name,omitzero" maxLength:"60" doc:"Office and name as the head of the institution signs the list in public."`
	Rows            []priceRow   `json:"rows" minItems:"1" maxItems:"1000"`
	Totals          []priceTotal `json:"totals,omitzero" maxItems:"20" nullable:"false" doc:"Sums of rows, as families buy them; refused where they do not sum."`
}

type priceTotal struct {
	NameZh   string           `json:"name_zh" maxLength:"100"`
	NameEn   string           `json:"name_en,omitzero" maxLength:"200"`
	Items    []priceTotalItem `json:"items" minItems:"1" maxItems:"100"`
	TotalFen int64            `json:"total_fen" maximum:"100000000000"`
}

type priceTotalItem struct {
	Code     string `json:"code" maxLength:"40"`
	Quantity int64  `json:"quantity" minimum:"1" maximum:"1000"`
}

type priceRow struct {
	Code          string `json:"code" maxLength:"40"`
	NameZh        string `json:"name_zh" maxLength:"100"`
	NameEn        string `json:"name_en,omitzero" maxLength:"200"`
	Category      string `json:"category" maxLength:"40"`
	PricingType   string `json:"pricing_type" maxLength:"40"`
	Unit          string `json:"unit" maxLength:"40"`
	PriceFen      int64  `json:"price_fen" maximum:"10000000000" doc:"Zero where the list gives only a range."`
	PriceMinFen   int64  `json:"price_min_fen,omitzero" maximum:"10000000000"`
	PriceMaxFen   int64  `json:"price_max_fen,omitzero" maximum:"10000000000"`
	CostFen       int64  `json:"cost_fen,omitzero" maximum:"10000000000"`
	MarkupPercent int64  `json:"markup_percent,omitzero" maximum:"1000"`
	MarkupFen     int64  `json:"markup_fen,omitzero" maximum:"10000000000"`
	Note          string `json:"note,omitzero" maxLength:"500"`
	Basis         string `json:"basis,omitzero" maxLength:"500"`
	Content       string `json:"content,omitzero" maxLength:"500" doc:"What the item includes (服务内容)."`
	Relief        string `json:"relief,omitzero" maxLength:"500" doc:"Who pays less for it (减免政策)."`
	Reason        string `json:"reason,omitzero" maxLength:"500" doc:"Why the price lies outside the reference range."`
	NotOffered    bool   `json:"not_offered,omitzero" doc:"The institution does not have the item; the row is shown all the same."`
}

// PriceListView is the list in force on a day.
type PriceListView struct {
	Institution   string     `json:"institution"`
	Version       int        `json:"version"`
	EffectiveFrom string     `json:"effective_from"`
	Precision     string     `json:"precision"`
	Name          string     `json:"institution_name"`
	Basis         string     `json:"basis,omitzero"`
	Rows          []priceRow `json:"rows"`
}

func (a *API) pricing(h huma.API) {
	type inDivision struct {
		Division string `path:"division" maxLength:"6" doc:"GB/T 2260."`
		Write[catalogueBody]
	}
	post(a, h, "adopt_catalogue", "/catalogues/{division}", "Put a fee catalogue in force", func(ctx context.Context, q *request, in *inDivision) (done, error) {
		b := in.Body
		c := pricing.Adopt{Act: q.Act, Document: b.Document, EffectiveFrom: domain.Date(b.EffectiveFrom)}
		for _, i := range b.Items {
			c.Items = append(c.Items, pricing.Item{Code: i.Code, NameZh: i.NameZh, NameEn: i.NameEn, Category: pricing.RowCategory(i.Category),
				PricingType: pricing.PricingType(i.PricingType), Unit: i.Unit, Note: i.Note, Content: i.Content, Basis: i.Basis, PriceMin: domain.Money(i.PriceMinFen), PriceMax: domain.Money(i.PriceMaxFen),
				MarkupPercent: i.MarkupPct, Markup: domain.Money(i.MarkupFen), RequiredOf: i.RequiredOf})
		}
		rc, err := a.app.AdoptCatalogue(ctx, domain.Division(in.Division), c)
		return done{in.Division, rc}, err
	})
	post(a, h, "publish_price_list", "/price-lists/{institution}", "Publish a price list", func(ctx context.Context, q *request, in *keyed[priceListBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		b := in.Body
		c := handlers.PublishPriceList{Key: in.Institution, IfMatch: q.IfMatch, Publish: pricing.Publish{Act: q.Act, EffectiveFrom: domain.Date(b.EffectiveFrom),
			Precision: pricing.Precision(b.Precision), InstitutionName: b.InstitutionName, City: b.City, Division: domain.Division(b.Division),
			FacilityKind: b.FacilityKind, Basis: b.Basis, Source: b.Source, Confidence: b.Confidence, Caveats: b.Caveats, AttesterName: b.AttesterName}}
		for _, r := range b.Rows {
			c.Rows = append(c.Rows, pricing.Row{Code: r.Code, NameZh: r.NameZh, NameEn: r.NameEn, Category: pricing.RowCategory(r.Category), PricingType: pricing.PricingType(r.PricingType),
				Unit: r.Unit, Price: domain.Money(r.PriceFen), PriceMin: domain.Money(r.PriceMinFen), PriceMax: domain.Money(r.PriceMaxFen), Cost: domain.Money(r.CostFen),
				MarkupPercent: r.MarkupPercent, Markup: domain.Money(r.MarkupFen), Note: r.Note, Basis: r.Basis, Content: r.Content, Relief: r.Relief, Reason: r.Reason, NotOffered: r.NotOffered})
		}
		for _, t := range b.Totals {
			total := pricing.Total{NameZh: t.NameZh, NameEn: t.NameEn, Amount: domain.Money(t.TotalFen)}
			for _, it := range t.Items {
				total.Items = append(total.Items, pricing.TotalItem(it))
			}
			c.Totals = append(c.Totals, total)
		}
		rc, err := a.app.PublishPriceList(ctx, c)
		return done{in.Institution, rc}, err
	})
	type listQuery struct {
		Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code, or the slug of a reference list."`
		On          string `query:"on" format:"date" doc:"Local date; left out: today."`
	}
	get(h, "get_price_list", "/price-lists/{institution}", "The price list in force on a day", func(ctx context.Context, _ func(string) error, in *listQuery) (PriceListView, events.Revision, error) {
		on := domain.Date(in.On)
		if on == "" {
			on = domain.DateOf(a.app.Now())
		}
		s, rev, err := load(ctx, a.app.PriceLists, in.Institution)
		if err != nil {
			return PriceListView{}, 0, err
		}
		p, ok := s.InForce(on)
		if !ok {
			return PriceListView{}, 0, handlers.ErrNotFound
		}
		v := PriceListView{Institution: in.Institution, Version: p.Version, EffectiveFrom: string(p.EffectiveFrom), Precision: string(p.Precision), Name: p.InstitutionName, Basis: p.Basis}
		for _, r := range p.Rows {
			v.Rows = append(v.Rows, priceRow{r.Code, r.NameZh, r.NameEn, string(r.Category), string(r.PricingType), r.Unit, int64(r.Price), int64(r.PriceMin), int64(r.PriceMax),
				int64(r.Cost), r.MarkupPercent, int64(r.Markup), r.Note, r.Basis, r.Content, r.Relief, r.Reason, r.NotOffered})
		}
		return v, rev, nil
	})
}

// handle asks one stream at the caller's revision, if he named one. An id that
// no stream can have is not found.
func handle[S any, C domain.Command, E any](ctx context.Context, h *events.Handler[S, C, E], id string, q *request, c C) (events.Receipt, error) {
	if h.Stream(id).Check() != nil {
		return events.Receipt{}, handlers.ErrNotFound
	}
	if q.IfMatch != nil {
		return h.HandleAt(ctx, id, *q.IfMatch, c)
	}
	return h.Handle(ctx, id, c)
}

// unchanged holds If-Match for flows that take none: the stream is at the
// caller's revision, or has the command already.
func unchanged[S any, C domain.Command, E any](ctx context.Context, h *events.Handler[S, C, E], id string, q *request) error {
	if q.IfMatch == nil {
		return nil
	}
	at := events.NoStream
	for r, err := range h.Store.Load(ctx, h.Stream(id), events.NoStream) {
		if err != nil {
			return err
		}
		if r.Meta.Command == q.ID {
			return nil
		}
		at = r.Revision
	}
	if at != *q.IfMatch {
		return events.ErrStale
	}
	return nil
}

// load folds one stream; an id that no stream can have is not found.
func load[S any, C domain.Command, E any](ctx context.Context, h *events.Handler[S, C, E], id string) (S, events.Revision, error) {
	if h.Stream(id).Check() != nil {
		var none S
		return none, 0, handlers.ErrNotFound
	}
	return h.Load(ctx, id)
}

func orNotFound(err error) error {
	if err != nil {
		return err
	}
	return handlers.ErrNotFound
}
