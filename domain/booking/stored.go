package booking

import "shenzhong/domain"

// Earlier forms of events, as they lie on logs. They are read for ever and
// never written again.

type openedV1 struct {
	Institution string     `json:"institution"`
	Number      string     `json:"number"`
	Deceased    deceasedV1 `json:"deceased"`
	Handler     handlerV1  `json:"handler"`
	Source      Source     `json:"source"`
}

type deceasedV1 struct {
	Person    domain.Subject                   `json:"person"`
	Name      domain.Private[string]           `json:"name,omitzero"`
	Unnamed   Unnamed                          `json:"unnamed,omitzero"`
	CitizenID domain.Private[domain.CitizenID] `json:"citizen_id,omitzero"`
	Sex       domain.Private[Sex]              `json:"sex,omitzero"`
	Birth     domain.Private[domain.Date]      `json:"birth,omitzero"`
	DeathDate domain.Date                      `json:"death_date,omitzero"`
	Hukou     domain.Division                  `json:"hukou,omitzero"`
}

type handlerV1 struct {
	Person   domain.Subject         `json:"person"`
	Name     domain.Private[string] `json:"name"`
	Phone    domain.Private[string] `json:"phone"`
	Relation Relation               `json:"relation"`
}

func (o openedV1) up() Opened {
	d, h := o.Deceased, o.Handler
	return Opened{
		Institution: o.Institution, Number: o.Number, Source: o.Source,
		Deceased: Deceased{Person: d.Person, Name: d.Name, Unnamed: d.Unnamed, CitizenID: d.CitizenID, Sex: d.Sex, Birth: d.Birth, DeathDate: d.DeathDate, Hukou: d.Hukou},
		Handler:  Handler{Person: h.Person, Name: h.Name, Phone: h.Phone, Relation: h.Relation},
	}
}

type lineV1 struct {
	ID               string       `json:"line"`
	Code             string       `json:"code"`
	NameZh           string       `json:"name_zh"`
	NameEn           string       `json:"name_en,omitzero"`
	Unit             string       `json:"unit"`
	Quantity         int64        `json:"quantity"`
	Price            domain.Money `json:"price_fen"`
	Amount           domain.Money `json:"amount_fen"`
	Ceiling          domain.Money `json:"ceiling_fen"`
	PriceListVersion int          `json:"price_list_version"`
	ServedOn         domain.Date  `json:"served_on,omitzero"`
}

func (l lineV1) up() Line {
	return Line{ID: l.ID, Code: l.Code, NameZh: l.NameZh, NameEn: l.NameEn, Unit: l.Unit, Quantity: l.Quantity, Price: l.Price,
		Amount: l.Amount, Ceiling: l.Ceiling, PriceListVersion: l.PriceListVersion, ServedOn: l.ServedOn}
}

type quotedV1 struct {
	Quote            string       `json:"quote"`
	PriceListVersion int          `json:"price_list_version"`
	Lines            []lineV1     `json:"lines"`
	Total            domain.Money `json:"total_fen"`
}

func (q quotedV1) up() Quoted {
	now := Quoted{Quote: q.Quote, PriceListVersion: q.PriceListVersion, Total: q.Total}
	for _, l := range q.Lines {
		now.Lines = append(now.Lines, l.up())
	}
	return now
}

type chargedV1 struct {
	Line lineV1 `json:"line"`
}

func (c chargedV1) up() Charged { return Charged{c.Line.up()} }

type paidV1 struct {
	Payment string       `json:"payment"`
	Amount  domain.Money `json:"amount_fen"`
	Method  Method       `json:"method"`
}

func (p paidV1) up() Paid { return Paid{Payment: p.Payment, Amount: p.Amount, Method: p.Method} }
