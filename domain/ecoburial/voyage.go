package ecoburial

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// VoyageCategory names the streams of sea-burial voyages; a stream's id is the
// voyage's number, which is used once in the city.
const VoyageCategory = "voyage"

// MostRelatives is how many relatives come along where no authority has said
// otherwise: three at most (大连市2025年骨灰海葬通知).
const MostRelatives = 3

// A CancelReason is why a voyage does not sail.
type CancelReason string

// The reasons.
const (
	Weather   CancelReason = "WEATHER"
	VesselOut CancelReason = "VESSEL"
	Authority CancelReason = "AUTHORITY" // harbour or maritime office
)

// CancelReasons lists every reason, in the order of menus.
var CancelReasons = []CancelReason{Weather, VesselOut, Authority}

// A Passenger is one relative aboard: the insurance asks who.
type Passenger struct {
	Name      string           `json:"name"`
	CitizenID domain.CitizenID `json:"citizen_id,omitzero"`
}

// A VoyageEvent is what happens to one voyage.
type VoyageEvent interface{ voyageEvent() }

type (
	// VoyageOpened offers a voyage. Seats are those that the vessel is licensed
	// for and that are kept for relatives.
	VoyageOpened struct {
		Number   string            `json:"number"`
		Operator domain.CreditCode `json:"operator"`
		Vessel   string            `json:"vessel"`
		Licence  string            `json:"licence"`
		Seats    int               `json:"seats"`
		SeaArea  string            `json:"sea_area"`
		Pier     string            `json:"pier"`
		Division domain.Division   `json:"division"` // where the pier is: the burials count there
		Departs  time.Time         `json:"departs"`
	}
	// SeatsTaken is one set of ashes and its relatives aboard. With Until the
	// seats are an offer after a cancelled voyage, kept until then.
	SeatsTaken struct {
		Burial    uuid.UUID      `json:"burial"`
		Person    domain.Subject `json:"person"`
		Applicant domain.Subject `json:"applicant"`
		Relatives int            `json:"relatives"`
		Seats     int            `json:"seats"`
		// Party says who comes, sealed for the applicant; it may follow until
		// the voyage departs.
		Party domain.Private[[]Passenger] `json:"party,omitzero"`
		From  string                      `json:"from,omitzero"` // number of the cancelled voyage
		Until time.Time                   `json:"until,omitzero"`
	}
	// OfferAnswered is what a family said to seats that were offered to it. By is
	// who recorded it: the family itself, or an account of the desk. What follows
	// from it is the next event.
	OfferAnswered struct {
		Burial uuid.UUID `json:"burial"`
		Taken  bool      `json:"taken"`
		By     string    `json:"by"`
		At     time.Time `json:"at"`
	}
	// OfferTaken makes offered seats firm.
	OfferTaken struct {
		Burial uuid.UUID `json:"burial"`
	}
	// SeatsFreed gives seats back.
	SeatsFreed struct {
		Burial uuid.UUID   `json:"burial"`
		Why    FreedReason `json:"why"`
	}
	// VoyageCancelled ends a voyage that did not sail. Instead are the numbers of
	// voyages on which its bookings are to be offered seats, in this order.
	VoyageCancelled struct {
		Reason   CancelReason `json:"reason"`
		Document string       `json:"document"` // the forecast or order it rests on
		Instead  []string     `json:"instead,omitzero"`
		Bookings []uuid.UUID  `json:"bookings,omitzero"`
	}
	// NoticeIssued tells one family of a cancelled voyage: of the seats kept for
	// them on To until Until, or, without To, that there are none yet.
	NoticeIssued struct {
		Burial uuid.UUID `json:"burial"`
		To     string    `json:"to,omitzero"`
		Until  time.Time `json:"until,omitzero"`
	}
	// VoyageDeparted fixes who and whose ashes are aboard: the manifest. Left are
	// bookings that did not come.
	VoyageDeparted struct {
		At       time.Time     `json:"at"`
		Manifest []ManifestRow `json:"manifest"`
		Left     []uuid.UUID   `json:"left,omitzero"`
	}
	// AshesScattered is one burial of the manifest.
	AshesScattered struct {
		Burial      uuid.UUID      `json:"burial"`
		Person      domain.Subject `json:"person"`
		Certificate string         `json:"certificate"` // 《海葬证》
		SeaArea     string         `json:"sea_area"`
		// Degradable says that the container dissolves, or that there is none.
		Degradable bool      `json:"degradable"`
		At         time.Time `json:"at"`
	}
	// AshesBroughtBack is a set of ashes that comes ashore again.
	AshesBroughtBack struct {
		Burial uuid.UUID `json:"burial"`
		Reason string    `json:"reason"`
	}
	// VoyageEnded says that every set of ashes of the manifest is accounted for.
	VoyageEnded struct {
		Scattered   int       `json:"scattered"`
		BroughtBack int       `json:"brought_back"`
		At          time.Time `json:"at,omitzero"`
	}
)

// A ManifestRow is one set of ashes aboard. Row counts from 1.
type ManifestRow struct {
	Row       int            `json:"row"`
	Burial    uuid.UUID      `json:"burial"`
	Person    domain.Subject `json:"person"`
	Relatives int            `json:"relatives"`
}

// A FreedReason is why seats were given back.
type FreedReason string

// The reasons.
const (
	ByFamily FreedReason = "FAMILY"
	Lapsed   FreedReason = "LAPSED" // an offer that nobody answered
)

func (VoyageOpened) voyageEvent()     {}
func (SeatsTaken) voyageEvent()       {}
func (OfferAnswered) voyageEvent()    {}
func (OfferTaken) voyageEvent()       {}
func (SeatsFreed) voyageEvent()       {}
func (VoyageCancelled) voyageEvent()  {}
func (NoticeIssued) voyageEvent()     {}
func (VoyageDeparted) voyageEvent()   {}
func (AshesScattered) voyageEvent()   {}
func (AshesBroughtBack) voyageEvent() {}
func (VoyageEnded) voyageEvent()      {}

// A VoyageCommand asks something of one voyage.
type VoyageCommand interface {
	domain.Command
	voyageCommand()
}

type (
	// OpenVoyage offers a voyage. Licence and Licensed are facts: the number
	// under which the operator may run the vessel on that day, and its seats.
	OpenVoyage struct {
		domain.Act
		Number   string
		Operator domain.CreditCode
		Vessel   string
		Licence  string
		Licensed int
		Seats    int
		SeaArea  string
		Pier     string
		Division domain.Division
		Departs  time.Time
	}
	// TakeSeats books. Open is the fact that the burial's own stream is an open
	// application for a sea burial of this person with this operator. From and
	// Until make it an offer.
	TakeSeats struct {
		domain.Act
		Burial    uuid.UUID
		Person    domain.Subject
		Applicant domain.Subject
		Open      bool
		Relatives int
		Most      int // parameter: most relatives; zero means MostRelatives
		Party     domain.Private[[]Passenger]
		From      string
		Until     time.Time
	}
	// TakeOffer makes offered seats firm.
	TakeOffer struct {
		domain.Act
		Burial uuid.UUID
	}
	// DeclineOffer gives offered seats back. An answer is given once: seats that
	// were taken are given back by FreeSeats.
	DeclineOffer struct {
		domain.Act
		Burial uuid.UUID
	}
	// FreeSeats gives seats back.
	FreeSeats struct {
		domain.Act
		Burial uuid.UUID
	}
	// LapseSeats gives offered seats back whose time is over.
	LapseSeats struct {
		domain.Act
		Burial uuid.UUID
	}
	// CancelVoyage ends a voyage before it sails.
	CancelVoyage struct {
		domain.Act
		Reason   CancelReason
		Document string
		Instead  []string
	}
	// IssueNotice tells one family of a cancelled voyage what comes next.
	IssueNotice struct {
		domain.Act
		Burial uuid.UUID
		To     string
		Until  time.Time
	}
	// Depart fixes the manifest. A booking that is not aboard did not come.
	Depart struct {
		domain.Act
		Aboard []Boarding
	}
	// Scatter reports one burial. Consented is the fact that its own stream has
	// the second consent and is not withdrawn.
	Scatter struct {
		domain.Act
		Burial     uuid.UUID
		Degradable bool
		Consented  bool
	}
	// BringBack reports that ashes of the manifest come ashore again.
	BringBack struct {
		domain.Act
		Burial uuid.UUID
		Reason string
	}
	// EndVoyage closes the voyage.
	EndVoyage struct{ domain.Act }
)

// A Boarding is one booking that came. Consented is the fact that the second
// consent is there.
type Boarding struct {
	Burial    uuid.UUID
	Relatives int
	Consented bool
}

func (OpenVoyage) voyageCommand()   {}
func (TakeSeats) voyageCommand()    {}
func (TakeOffer) voyageCommand()    {}
func (DeclineOffer) voyageCommand() {}
func (FreeSeats) voyageCommand()    {}
func (LapseSeats) voyageCommand()   {}
func (CancelVoyage) voyageCommand() {}
func (IssueNotice) voyageCommand()  {}
func (Depart) voyageCommand()       {}
func (Scatter) voyageCommand()      {}
func (BringBack) voyageCommand()    {}
func (EndVoyage) voyageCommand()    {}

// VoyageState is how a voyage stands.
type VoyageState struct {
	Opened   VoyageOpened // zero Number: there is none
	Bookings []SeatsTaken // that hold seats, in the order of booking
	// Answers are what families said to the seats offered to them here.
	Answers   map[uuid.UUID]OfferAnswered
	Cancelled VoyageCancelled
	Notices   map[uuid.UUID]NoticeIssued
	Departed  VoyageDeparted
	Scattered map[uuid.UUID]AshesScattered
	Back      map[uuid.UUID]bool
	Ended     bool
}

// Taken is how many seats are taken, offers among them.
func (s VoyageState) Taken() (n int) {
	for _, b := range s.Bookings {
		n += b.Seats
	}
	return n
}

// Booking finds what a burial has taken.
func (s VoyageState) Booking(burial uuid.UUID) (SeatsTaken, bool) {
	i := slices.IndexFunc(s.Bookings, func(b SeatsTaken) bool { return b.Burial == burial })
	if i < 0 {
		return SeatsTaken{}, false
	}
	return s.Bookings[i], true
}

// Untold lists the bookings of a cancelled voyage whose families were not told
// yet what comes next.
func (s VoyageState) Untold() []SeatsTaken {
	if s.Cancelled.Reason == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Bookings), func(b SeatsTaken) bool { _, told := s.Notices[b.Burial]; return told })
}

// Row finds the row of the manifest of a burial that neither was brought back
// nor left ashore.
func (s VoyageState) Row(burial uuid.UUID) (ManifestRow, bool) {
	i := slices.IndexFunc(s.Departed.Manifest, func(r ManifestRow) bool { return r.Burial == burial })
	if i < 0 || s.Back[burial] {
		return ManifestRow{}, false
	}
	return s.Departed.Manifest[i], true
}

// Holds says that a burial has seats or is aboard: it is tied to this voyage.
func (s VoyageState) Holds(burial uuid.UUID) bool {
	if !s.Departed.At.IsZero() {
		_, aboard := s.Row(burial)
		return aboard
	}
	_, booked := s.Booking(burial)
	return booked && s.Cancelled.Reason == ""
}

// Open says that seats can still be taken, as far as the state goes.
func (s VoyageState) Open() bool {
	return s.Opened.Number != "" && s.Cancelled.Reason == "" && s.Departed.At.IsZero()
}

// SeaCertificate is the number of the 《海葬证》 of a row of the manifest. A
// voyage's number is used once in the city, so the certificate's is too.
func SeaCertificate(voyage string, row int) string { return fmt.Sprintf("HZ-%s-%02d", voyage, row) }

// seats are what a party takes. Ashes without relatives take one: somebody
// carries them ([P]).
func seats(relatives int) int { return max(1, relatives) }

// Voyage decides over one voyage.
var Voyage = domain.Decider[VoyageState, VoyageCommand, VoyageEvent]{Decide: decideVoyage, Evolve: evolveVoyage}

var (
	// ErrVoyageUnknown refuses what is asked of a voyage that there is not.
	ErrVoyageUnknown = domain.Reject("voyage_unknown", "没有这个航次。", "There is no such voyage.")
	// ErrVoyageOpened refuses another voyage under a used number.
	ErrVoyageOpened = domain.Reject("voyage_opened", "航次号已经使用。", "This voyage number is used.").Race()
	// ErrVoyageIncomplete refuses a voyage that lacks a part.
	ErrVoyageIncomplete = domain.Reject("voyage_incomplete", "请写明航次号、船名、海域、码头、开航时间和座位数。",
		"A voyage needs its number, vessel, sea area, pier, time of departure and seats.")
	// ErrVoyageLicence refuses a voyage beyond what the vessel is licensed for.
	ErrVoyageLicence = domain.Reject("voyage_licence", "这条船核定 %d 座，或没有有效许可，不能开 %d 座的航次。",
		"The vessel is licensed for %d seats, or not at all; a voyage of %d cannot be opened.").Under("I15", "")
	// ErrVoyageFull refuses a booking beyond the licence.
	ErrVoyageFull = domain.Reject("voyage_full", "这个航次还剩 %d 座，不够。", "This voyage has %d seats left, which is not enough.").Under("I15", "").Race()
	// ErrVoyageBooked refuses a second booking for the same ashes.
	ErrVoyageBooked = domain.Reject("voyage_booked", "这具骨灰在这个航次上已有预订。", "These ashes have a booking on this voyage.").Under("I15", "").Race()
	// ErrRelatives refuses more relatives than may come along.
	ErrRelatives = domain.Reject("voyage_relatives", "每具骨灰随行家属最多 %d 人。", "At most %d relatives come along with each set of ashes.").Under("", "大连市2025年骨灰海葬通知")
	// ErrNotSea refuses a booking without an open application for a sea burial.
	ErrNotSea = domain.Reject("voyage_no_application", "须先有这位逝者在本单位的海葬申请。", "An open application for a sea burial with this operator comes first.").Under("I15", "")
	// ErrVoyageCancelled refuses to go on with a voyage that does not sail.
	ErrVoyageCancelled = domain.Reject("voyage_cancelled", "这个航次已经取消。", "This voyage was cancelled.").Race()
	// ErrVoyageDeparted refuses to change a manifest.
	ErrVoyageDeparted = domain.Reject("voyage_departed", "这个航次已经开航，名单不能再改。", "This voyage has departed; its manifest cannot be changed.")
	// ErrNotDeparted refuses an act at sea before the voyage sailed.
	ErrNotDeparted = domain.Reject("voyage_not_departed", "这个航次还没有开航。", "This voyage has not departed.")
	// ErrNotBooked refuses what is asked for a burial without seats.
	ErrNotBooked = domain.Reject("voyage_not_booked", "这个航次里没有这份预订。", "There is no such booking on this voyage.")
	// ErrOfferOnly refuses to carry seats that are offered and not taken.
	ErrOfferOnly = domain.Reject("voyage_offer_open", "这是为家属保留的座位，家属还没有答复。", "These seats are an offer that the family has not taken.")
	// ErrOfferOver refuses to take an offer whose time is over.
	ErrOfferOver = domain.Reject("voyage_offer_over", "为您保留的座位已经到时，可以重新选航次。", "The time of this offer is over; another voyage can be chosen.")
	// ErrOfferAnswered refuses a second, other answer to one offer.
	ErrOfferAnswered = domain.Reject("voyage_offer_answered", "这次的座位已经答复过，答复只记一次；要改请联系承办单位。",
		"This offer was answered, and an answer is recorded once; please ask the operator to change it.")
	// ErrOfferNotOver refuses to end an offer before its time.
	ErrOfferNotOver = domain.Reject("voyage_offer_not_over", "保留的时间还没有到。", "The time of this offer is not over.")
	// ErrCancelReason refuses a cancellation without its reason and paper.
	ErrCancelReason = domain.Reject("voyage_cancel_reason", "请写明取消的原因和依据（预报或通知的文号）。", "A cancellation needs its reason and the forecast or order it rests on.")
	// ErrNotCancelled refuses a notice of a cancellation that there is not.
	ErrNotCancelled = domain.Reject("voyage_not_cancelled", "这个航次没有取消。", "This voyage was not cancelled.")
	// ErrManifest refuses ashes that are not on the manifest.
	ErrManifest = domain.Reject("voyage_not_on_manifest", "名单里没有这具骨灰。", "These ashes are not on the manifest.").Under("I15", "")
	// ErrManifestSettled refuses a second end for one set of ashes.
	ErrManifestSettled = domain.Reject("voyage_settled", "这具骨灰已经撒放或带回。", "These ashes were scattered or brought back.").Under("I11", "")
	// ErrManifestOpen refuses to end a voyage with ashes unaccounted for.
	ErrManifestOpen = domain.Reject("voyage_manifest_open", "名单上还有 %d 具没有登记撒放或带回。", "%d sets of ashes on the manifest are neither scattered nor brought back.").Under("I11", "")
	// ErrBackReason refuses ashes brought back without a reason.
	ErrBackReason = domain.Reject("voyage_back_reason", "请写明带回的原因。", "Please say why the ashes are brought back.")
)

func decideVoyage(s VoyageState, cmd VoyageCommand) ([]VoyageEvent, error) {
	act := cmd.Acted()
	if err := act.Check(); err != nil {
		return nil, err
	}
	if c, ok := cmd.(OpenVoyage); ok {
		return decideOpen(s, c)
	}
	if s.Opened.Number == "" {
		return nil, ErrVoyageUnknown
	}
	at := act.At.UTC().Round(0)
	switch c := cmd.(type) {
	case TakeSeats:
		return decideSeats(s, c)

	case TakeOffer:
		b, ok := s.Booking(c.Burial)
		if ok && b.Until.IsZero() {
			return nil, nil
		}
		if err := s.answerable(c.Burial, act.Now); err != nil {
			return nil, err
		}
		return []VoyageEvent{answered(act, c.Burial, true), OfferTaken{c.Burial}}, nil

	case DeclineOffer:
		_, ok := s.Booking(c.Burial)
		if x, said := s.Answers[c.Burial]; !ok && said && !x.Taken {
			return nil, nil
		}
		if err := s.answerable(c.Burial, act.Now); err != nil {
			return nil, err
		}
		return []VoyageEvent{answered(act, c.Burial, false), SeatsFreed{c.Burial, ByFamily}}, nil

	case FreeSeats:
		b, ok := s.Booking(c.Burial)
		switch {
		case !ok:
			return nil, nil
		case !s.Departed.At.IsZero():
			return nil, ErrVoyageDeparted
		case s.Cancelled.Reason != "":
			return nil, ErrVoyageCancelled
		case act.Now.Before(b.Until):
			return []VoyageEvent{answered(act, c.Burial, false), SeatsFreed{c.Burial, ByFamily}}, nil
		}
		return []VoyageEvent{SeatsFreed{c.Burial, ByFamily}}, nil

	case LapseSeats:
		b, ok := s.Booking(c.Burial)
		switch {
		case !ok || b.Until.IsZero() || !s.Open():
			return nil, nil
		case act.Now.Before(b.Until):
			return nil, ErrOfferNotOver
		}
		return []VoyageEvent{SeatsFreed{c.Burial, Lapsed}}, nil

	case CancelVoyage:
		switch {
		case !s.Departed.At.IsZero():
			return nil, ErrVoyageDeparted
		case s.Cancelled.Reason == c.Reason && s.Cancelled.Document == c.Document && c.Reason != "":
			return nil, nil
		case s.Cancelled.Reason != "":
			return nil, ErrVoyageCancelled
		case !slices.Contains(CancelReasons, c.Reason) || c.Document == "":
			return nil, ErrCancelReason
		}
		e := VoyageCancelled{Reason: c.Reason, Document: c.Document, Instead: slices.Clone(c.Instead)}
		for _, b := range s.Bookings {
			e.Bookings = append(e.Bookings, b.Burial)
		}
		return []VoyageEvent{e}, nil

	case IssueNotice:
		_, booked := s.Booking(c.Burial)
		_, told := s.Notices[c.Burial]
		switch {
		case s.Cancelled.Reason == "":
			return nil, ErrNotCancelled
		case !booked:
			return nil, ErrNotBooked
		case told:
			return nil, nil
		}
		return []VoyageEvent{NoticeIssued{c.Burial, c.To, c.Until.UTC().Round(0)}}, nil

	case Depart:
		return decideDepart(s, c)

	case Scatter:
		row, err := s.aboard(c.Burial)
		done, already := s.Scattered[c.Burial]
		switch {
		case already && done.At.Equal(at):
			return nil, nil
		case err != nil:
			return nil, err
		case !c.Consented:
			return nil, ErrConsentMissing
		case !c.Degradable:
			return nil, ErrFactMissing.With("container_degradable")
		case act.At.IsZero() || act.Estimated || act.At.Before(s.Departed.At):
			return nil, ErrTimeNeeded
		}
		return []VoyageEvent{AshesScattered{c.Burial, row.Person, SeaCertificate(s.Opened.Number, row.Row), s.Opened.SeaArea, c.Degradable, at}}, nil

	case BringBack:
		if s.Back[c.Burial] {
			return nil, nil
		}
		if _, err := s.aboard(c.Burial); err != nil {
			return nil, err
		}
		if c.Reason == "" {
			return nil, ErrBackReason
		}
		return []VoyageEvent{AshesBroughtBack{c.Burial, c.Reason}}, nil

	case EndVoyage:
		open := len(s.Departed.Manifest) - len(s.Scattered) - len(s.Back)
		switch {
		case s.Departed.At.IsZero():
			return nil, ErrNotDeparted
		case s.Ended:
			return nil, nil
		case open > 0:
			return nil, ErrManifestOpen.With(open)
		}
		return []VoyageEvent{VoyageEnded{len(s.Scattered), len(s.Back), at}}, nil
	}
	panic("unreachable: VoyageCommand is sealed")
}

// answerable says that the seats of a burial are an offer that waits for its
// answer.
func (s VoyageState) answerable(burial uuid.UUID, now time.Time) error {
	b, ok := s.Booking(burial)
	_, said := s.Answers[burial]
	switch {
	case said && !ok, ok && b.Until.IsZero() && b.From != "":
		return ErrOfferAnswered
	case !ok || b.Until.IsZero():
		return ErrNotBooked
	case s.Cancelled.Reason != "":
		return ErrVoyageCancelled
	case !s.Departed.At.IsZero():
		return ErrVoyageDeparted
	case !now.Before(b.Until):
		return ErrOfferOver
	}
	return nil
}

func answered(act domain.Act, burial uuid.UUID, taken bool) OfferAnswered {
	at := act.At
	if at.IsZero() {
		at = act.Now
	}
	return OfferAnswered{burial, taken, act.By, at.UTC().Round(0)}
}

func decideOpen(s VoyageState, c OpenVoyage) ([]VoyageEvent, error) {
	e := VoyageOpened{c.Number, c.Operator, c.Vessel, c.Licence, c.Seats, c.SeaArea, c.Pier, c.Division, c.Departs.UTC().Round(0)}
	switch {
	case s.Opened == e:
		return nil, nil
	case s.Opened.Number != "":
		return nil, ErrVoyageOpened
	case c.Number == "" || c.Operator == "" || c.Vessel == "" || c.SeaArea == "" || c.Pier == "" || c.Departs.IsZero() || c.Seats < 1:
		return nil, ErrVoyageIncomplete
	case c.Licence == "" || c.Seats > c.Licensed:
		return nil, ErrVoyageLicence.With(c.Licensed, c.Seats)
	}
	if _, err := domain.ParseDivision(string(c.Division)); err != nil {
		return nil, err
	}
	return []VoyageEvent{e}, nil
}

func decideSeats(s VoyageState, c TakeSeats) ([]VoyageEvent, error) {
	most := cmp.Or(c.Most, MostRelatives)
	left := s.Opened.Seats - s.Taken()
	b, booked := s.Booking(c.Burial)
	switch {
	case booked && b.Relatives == c.Relatives && (b.Until.IsZero() || !c.Until.IsZero()):
		return nil, nil
	case booked:
		return nil, ErrVoyageBooked
	case s.Cancelled.Reason != "":
		return nil, ErrVoyageCancelled
	case !s.Departed.At.IsZero():
		return nil, ErrVoyageDeparted
	case c.Burial == uuid.Nil || c.Person == "" || c.Applicant == "" || !c.Open:
		return nil, ErrNotSea
	case slices.ContainsFunc(s.Bookings, func(b SeatsTaken) bool { return b.Person == c.Person }):
		return nil, ErrVoyageBooked
	case c.Relatives < 0 || c.Relatives > most || len(c.Party.Or(nil)) > c.Relatives:
		return nil, ErrRelatives.With(most)
	case seats(c.Relatives) > left:
		return nil, ErrVoyageFull.With(left)
	}
	return []VoyageEvent{SeatsTaken{c.Burial, c.Person, c.Applicant, c.Relatives, seats(c.Relatives), c.Party, c.From, c.Until.UTC().Round(0)}}, nil
}

func decideDepart(s VoyageState, c Depart) ([]VoyageEvent, error) {
	e := VoyageDeparted{At: c.At.UTC().Round(0)}
	switch {
	case !s.Departed.At.IsZero():
		if len(c.Aboard) == len(s.Departed.Manifest) && s.Departed.At.Equal(c.At) {
			return nil, nil
		}
		return nil, ErrVoyageDeparted
	case s.Cancelled.Reason != "":
		return nil, ErrVoyageCancelled
	case c.At.IsZero() || c.Estimated:
		return nil, ErrTimeNeeded
	}
	aboard := map[uuid.UUID]bool{}
	for i, x := range c.Aboard {
		b, ok := s.Booking(x.Burial)
		switch {
		case !ok || aboard[x.Burial]:
			return nil, ErrNotBooked
		case !b.Until.IsZero():
			return nil, ErrOfferOnly
		case !x.Consented:
			return nil, ErrConsentMissing
		case x.Relatives < 0 || x.Relatives > b.Relatives:
			return nil, ErrRelatives.With(b.Relatives)
		}
		aboard[x.Burial] = true
		e.Manifest = append(e.Manifest, ManifestRow{i + 1, x.Burial, b.Person, x.Relatives})
	}
	for _, b := range s.Bookings {
		if !aboard[b.Burial] {
			e.Left = append(e.Left, b.Burial)
		}
	}
	return []VoyageEvent{e}, nil
}

// aboard finds the row of ashes that are at sea and nowhere else yet.
func (s VoyageState) aboard(burial uuid.UUID) (ManifestRow, error) {
	if s.Departed.At.IsZero() {
		return ManifestRow{}, ErrNotDeparted
	}
	i := slices.IndexFunc(s.Departed.Manifest, func(r ManifestRow) bool { return r.Burial == burial })
	if i < 0 {
		return ManifestRow{}, ErrManifest
	}
	if _, done := s.Scattered[burial]; done || s.Back[burial] {
		return ManifestRow{}, ErrManifestSettled
	}
	return s.Departed.Manifest[i], nil
}

func evolveVoyage(s VoyageState, e VoyageEvent) VoyageState {
	at := func(burial uuid.UUID) int {
		return slices.IndexFunc(s.Bookings, func(b SeatsTaken) bool { return b.Burial == burial })
	}
	switch e := e.(type) {
	case VoyageOpened:
		s.Opened = e
	case SeatsTaken:
		s.Bookings = append(slices.Clip(s.Bookings), e)
		if _, said := s.Answers[e.Burial]; said && !e.Until.IsZero() { // offered anew
			s.Answers = maps.Clone(s.Answers)
			delete(s.Answers, e.Burial)
		}
	case OfferAnswered:
		s.Answers = with(s.Answers, e.Burial, e)
	case OfferTaken:
		if i := at(e.Burial); i >= 0 {
			s.Bookings = slices.Clone(s.Bookings)
			s.Bookings[i].Until = time.Time{}
		}
	case SeatsFreed:
		if i := at(e.Burial); i >= 0 {
			s.Bookings = slices.Concat(s.Bookings[:i], s.Bookings[i+1:])
		}
	case VoyageCancelled:
		s.Cancelled = e
	case NoticeIssued:
		s.Notices = with(s.Notices, e.Burial, e)
	case VoyageDeparted:
		s.Departed = e
	case AshesScattered:
		s.Scattered = with(s.Scattered, e.Burial, e)
	case AshesBroughtBack:
		s.Back = with(s.Back, e.Burial, true)
	case VoyageEnded:
		s.Ended = true
	}
	return s
}

// with is a copy of a map with one more entry.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}
