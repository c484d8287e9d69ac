package frontdesk

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "frontdesk"

//go:embed schema.sql
var schema string

// Projection folds what a front desk works with into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 2 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{
		"institution.registered.v1", "institution.renamed.v1", "institution.resource_added.v1", "institution.resource_retired.v1",
		"institution.resource_timed.v1", "institution.maintenance_planned.v1", "institution.maintenance_cancelled.v1", "parameters.set.v1",
		"schedule.held.v1", "schedule.confirmed.v1", "schedule.released.v1", "schedule.blocked.v1", "schedule.unblocked.v1",
		"wait.joined.v1", "wait.offered.v1", "wait.skipped.v1", "wait.accepted.v1", "wait.left.v1",
		"booking.opened.v1", "booking.opened.v2", "booking.amended.v1", "booking.corrected.v1", "booking.handler_replaced.v1",
		"booking.circumstances_recorded.v1", "booking.paper_received.v1", "booking.paper_promised.v1", "booking.paper_overdue.v1",
		"booking.authority_challenged.v1", "booking.challenge_resolved.v1", "booking.relief_claimed.v1", "booking.relief_granted.v1", "booking.relief_declined.v1",
		"booking.service_planned.v1", "booking.service_started.v1", "booking.service_ended.v1",
		"booking.paid.v1", "booking.paid.v2", "booking.refund_paid.v1", "booking.cancelled.v1", "booking.closed.v1",
		"till.entry.v1", "till.closed.v1", "till.reopened.v1",
		"tag.issued.v1", "custody.collected.v1", "custody.received.v1", "custody.moved.v1", "custody.identified.v1", "custody.not_recognised.v1",
		"custody.identification_waived.v1", "custody.belongings_listed.v1", "custody.belongings_settled.v1", "custody.storage_extended.v1",
		"custody.handed_over.v1",
		"coldstore.placed.v1", "coldstore.removed.v1", "coldstore.relocated.v1", "coldstore.recounted.v1", "coldstore.discrepancy_settled.v1",
		"cremation.received.v1", "cremation.received.v2", "cremation.death_certificate_recorded.v1", "cremation.confirmation_signed.v1",
		"cremation.police_paper_recorded.v1", "cremation.hold_placed.v1", "cremation.hold_lifted.v1",
		"cremation.started.v1", "cremation.started.v2", "cremation.completed.v1",
		"cremation.ashes_collected.v1", "cremation.ashes_split.v1", "cremation.ashes_moved.v1", "cremation.ashes_deposited.v1", "cremation.ashes_withdrawn.v1",
		"cremation.ashes_released.v1", "cremation.ashes_released.v2", "cremation.laid_to_rest.v1",
		"subject.forgotten.v1",
	}
}

// Apply implements projections.Projection.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{tx: tx, matters: map[string]*touched{}, forgotten: map[domain.Subject]bool{}, slots: map[slotKey]*slot{}}
	for _, e := range batch {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	return w.flush()
}

// A matter is the row of a case.
type matter struct {
	id, institution, number, openedAt, state string
	deceased, name, unnamed, tag             string
	kind, bareKind, diedAt, cause, class     string
	relation                                 string
	relief                                   bool
	papers, promised, disputes, holds, stops string
	full, identified                         bool
	stage, placeKind, place, since           string
	arrived, extended                        string
	furnace, startedAt, endedAt              string
	shares, belongings                       string
}

const columns = `"case", institution, number, opened_at, state, deceased, name, unnamed, tag, kind, bare_kind, died_at, cause, cause_class, relation, relief,
	papers, promised, disputes, holds, stops, full_rules, identified, stage, place_kind, place, since, arrived, extended, furnace, started_at, ended_at, shares, belongings`

func (m *matter) fields() []any {
	return []any{&m.id, &m.institution, &m.number, &m.openedAt, &m.state, &m.deceased, &m.name, &m.unnamed, &m.tag, &m.kind, &m.bareKind, &m.diedAt,
		&m.cause, &m.class, &m.relation, &m.relief, &m.papers, &m.promised, &m.disputes, &m.holds, &m.stops, &m.full, &m.identified, &m.stage, &m.placeKind,
		&m.place, &m.since, &m.arrived, &m.extended, &m.furnace, &m.startedAt, &m.endedAt, &m.shares, &m.belongings}
}

// A writer folds cases and slots of a batch in memory and writes each once, and
// what only ever is added in statements of many rows. The rest is written as it
// comes.
type writer struct {
	tx              *projections.Tx
	matters         map[string]*touched
	forgotten       map[domain.Subject]bool
	slots           map[slotKey]*slot // held within this batch
	happenings, sum []any             // rows of happened and of money
}

type slotKey struct{ day, slot string } // id of the day's stream

type slot struct {
	row       []any // without confirmed
	of        string
	confirmed bool
}

type touched struct {
	matter
	was    matter
	stored bool
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.tx.Exec(query, args...)
	return err
}

func (w *writer) matter(id string) (*touched, error) {
	if m := w.matters[id]; m != nil {
		return m, nil
	}
	m := &touched{}
	found, err := w.tx.Get(`SELECT `+columns+` FROM matter WHERE "case" = ?`, []any{id}, m.fields()...)
	if err != nil {
		return nil, err
	}
	m.stored, m.was = found, m.matter
	m.id = id
	if m.stage == "" {
		m.stage = string(NotHere)
	}
	w.matters[id] = m
	return m, nil
}

func (w *writer) apply(e projections.Event) error {
	id := e.Stream.ID()
	switch b := e.Body.(type) {
	case domain.Forgotten:
		return w.forget(b.Person)
	case institution.Event, institution.ParametersEvent:
		return w.institution(id, b)
	case schedule.Event:
		return w.day(e, b)
	case schedule.WaitEvent:
		return w.wait(e, b)
	case booking.TillEvent:
		return w.till(e, b)
	case cremation.ColdStoreEvent:
		return w.coldStore(id, b)
	case cremation.TagIssued:
		m, err := w.matter(b.Case.String())
		if err == nil {
			m.tag = b.Tag
		}
		return err
	}
	m, err := w.matter(id)
	if err != nil {
		return err
	}
	switch b := e.Body.(type) {
	case booking.Event:
		err = w.booking(m, e, b)
	case cremation.CustodyEvent:
		err = w.custody(m, e, b)
	case cremation.CremationEvent:
		err = w.cremation(m, e, b)
	default:
		err = fmt.Errorf("frontdesk: %T is none of its events", e.Body)
	}
	if err != nil || e.Meta.LateReason == "" {
		return err
	}
	return w.exec(`INSERT INTO late VALUES (?,?,?,?,?,?,?,?,?)`, int64(e.Position), m.institution, m.id, e.ID.String(), e.Type,
		stamp(e.Occurred), stamp(e.At), e.Meta.Actor, e.Meta.LateReason)
}

func (w *writer) institution(id string, body any) error {
	switch b := body.(type) {
	case institution.Registered:
		return w.exec(`INSERT OR REPLACE INTO institution VALUES (?,?,?,?)`, id, b.NameZh, b.NameEn, string(b.Division))
	case institution.Renamed:
		return w.exec(`UPDATE institution SET name_zh = ?, name_en = ? WHERE code = ?`, b.NameZh, b.NameEn, id)
	case institution.ResourceAdded:
		return w.exec(`INSERT OR REPLACE INTO resource VALUES (?,?,?,?,?,?,?,?,?,?,'','')`, id, b.Resource, string(b.Kind), b.NameZh, b.NameEn,
			string(b.Opens), string(b.Closes), b.SlotMinutes, b.BufferMinutes, b.Capacity)
	case institution.ResourceRetired:
		return w.exec(`UPDATE resource SET retired_from = ? WHERE institution = ? AND resource = ?`, string(b.From), id, b.Resource)
	case institution.ResourceTimed:
		var spans []string
		for _, s := range b.CleanDown {
			spans = append(spans, string(s.From)+"-"+string(s.To))
		}
		return w.exec(`UPDATE resource SET clean_down = ? WHERE institution = ? AND resource = ?`, strings.Join(spans, " "), id, b.Resource)
	case institution.MaintenancePlanned:
		return w.exec(`INSERT OR REPLACE INTO maintenance VALUES (?,?,?,?,?,?)`, id, b.Window, b.Resource, stamp(b.From), stamp(b.To), b.Reason)
	case institution.MaintenanceCancelled:
		return w.exec(`DELETE FROM maintenance WHERE institution = ? AND "window" = ?`, id, b.Window)
	case institution.ParameterSet:
		return w.exec(`INSERT OR REPLACE INTO parameter VALUES (?,?,?)`, id, string(b.Name), b.Value)
	}
	return nil
}

// parseDay takes the id of a day's stream or of a waiting list apart. What is
// not named so is on nobody's board.
func parseDay(id string) (institution, resource string, day domain.Date, ok bool) {
	i, j := strings.IndexByte(id, '.'), strings.LastIndexByte(id, '.')
	if i < 0 || j <= i || len(id)-j != 9 {
		return "", "", "", false
	}
	d := id[j+1:]
	return id[:i], id[i+1 : j], domain.Date(d[:4] + "-" + d[4:6] + "-" + d[6:]), true
}

func (w *writer) day(e projections.Event, body schedule.Event) error {
	home, resource, day, ok := parseDay(e.Stream.ID())
	if !ok {
		return nil
	}
	const at = ` WHERE institution = ? AND day = ? AND resource = ? AND slot = ?`
	switch b := body.(type) {
	case schedule.Held:
		w.slots[slotKey{e.Stream.ID(), b.Slot}] = &slot{row: []any{home, string(day), resource, b.Slot, b.Case,
			stamp(b.Start), stamp(b.End), b.BufferMinutes, stamp(b.Until)}, of: b.Case}
		return nil
	case schedule.Confirmed:
		if s := w.slots[slotKey{e.Stream.ID(), b.Slot}]; s != nil {
			s.confirmed = s.confirmed || s.of == b.Case
			return nil
		}
		return w.exec(`UPDATE slot SET confirmed = 1`+at+` AND "case" = ?`, home, string(day), resource, b.Slot, b.Case)
	case schedule.Released:
		k := slotKey{e.Stream.ID(), b.Slot}
		if s := w.slots[k]; s != nil {
			if s.of != b.Case {
				return nil
			}
			delete(w.slots, k)
			return w.exec(`DELETE FROM slot`+at, home, string(day), resource, b.Slot) // what it would have replaced
		}
		return w.exec(`DELETE FROM slot`+at+` AND "case" = ?`, home, string(day), resource, b.Slot, b.Case)
	case schedule.Blocked:
		return w.exec(`INSERT OR REPLACE INTO block VALUES (?,?,?,?,?,?,?)`, home, string(day), resource, b.Block, string(b.Kind), stamp(b.Start), stamp(b.End))
	case schedule.Unblocked:
		return w.exec(`DELETE FROM block WHERE institution = ? AND day = ? AND resource = ? AND block = ?`, home, string(day), resource, b.Block)
	}
	return nil
}

func (w *writer) wait(e projections.Event, body schedule.WaitEvent) error {
	home, kind, day, ok := parseDay(e.Stream.ID())
	if !ok {
		return nil
	}
	const of = ` WHERE institution = ? AND day = ? AND kind = ? AND "case" = ?`
	switch b := body.(type) {
	case schedule.Joined:
		return w.exec(`INSERT OR REPLACE INTO waiting VALUES (?,?,?,?,?,'','','')`, home, string(day), kind, b.Case, stamp(e.At))
	case schedule.Offered:
		return w.exec(`UPDATE waiting SET offer = ?, starts = ?, until = ?`+of, b.Resource+"/"+b.Slot, stamp(b.Start), stamp(b.Until), home, string(day), kind, b.Case)
	case schedule.Skipped:
		return w.exec(`UPDATE waiting SET offer = '', starts = '', until = ''`+of+` AND offer = ?`, home, string(day), kind, b.Case, b.Resource+"/"+b.Slot)
	case schedule.Accepted:
		return w.exec(`DELETE FROM waiting`+of, home, string(day), kind, b.Case)
	case schedule.Left:
		return w.exec(`DELETE FROM waiting`+of, home, string(day), kind, b.Case)
	}
	return nil
}

func (w *writer) till(e projections.Event, body booking.TillEvent) error {
	home, date, ok := strings.Cut(e.Stream.ID(), ".")
	if !ok || len(date) != 8 {
		return nil
	}
	day := date[:4] + "-" + date[4:6] + "-" + date[6:]
	switch b := body.(type) {
	case booking.TillEntered:
		w.sum = append(w.sum, int64(e.Position), home, day, "till", b.Case, b.Entry, string(b.Kind), string(b.Method), int64(b.Amount))
	case booking.TillClosed:
		var counts []string
		for _, c := range b.Counts {
			counts = append(counts, fmt.Sprintf("%s=%d/%d", c.Method, int64(c.Expected), int64(c.Counted)))
		}
		return w.exec(`INSERT OR REPLACE INTO till VALUES (?,?,?,?)`, home, day, strings.Join(counts, " "), b.Reason)
	case booking.TillReopened:
		return w.exec(`DELETE FROM till WHERE institution = ? AND day = ?`, home, day)
	}
	return nil
}

func (w *writer) coldStore(home string, body cremation.ColdStoreEvent) error {
	switch b := body.(type) {
	case cremation.Stored:
		if err := w.exec(`INSERT OR REPLACE INTO bay VALUES (?,?,?,?,?,?)`, home, b.Bay.Bank, b.Bay.No, b.Tag, b.Case.String(), string(b.Since)); err != nil || b.Since == "" {
			return err
		}
		m, err := w.matter(b.Case.String())
		if err == nil && m.arrived == "" {
			m.arrived = string(b.Since)
		}
		return err
	case cremation.Removed:
		return w.exec(`DELETE FROM bay WHERE institution = ? AND tag = ?`, home, b.Tag)
	case cremation.DiscrepancySettled:
		return w.exec(`DELETE FROM bay WHERE institution = ? AND tag = ?`, home, b.Tag)
	case cremation.Relocated:
		for _, m := range b.Moves {
			if err := w.exec(`UPDATE bay SET bank = ?, no = ? WHERE institution = ? AND tag = ?`, m.To.Bank, m.To.No, home, m.Tag); err != nil {
				return err
			}
		}
		return w.exec(`INSERT OR REPLACE INTO recount VALUES (?,?)`, home, b.Relocation.String())
	case cremation.Recounted:
		if b.Clean() {
			return w.exec(`DELETE FROM recount WHERE institution = ?`, home)
		}
	}
	return nil
}

func (w *writer) happened(e projections.Event, m *touched, what What, at time.Time) error {
	if at.IsZero() {
		at = e.Occurred
	}
	if at.IsZero() {
		at = e.At
	}
	w.happenings = append(w.happenings, int64(e.Position), m.institution, string(domain.DateOf(at)), string(what), m.id, stamp(at))
	return nil
}

func (w *writer) booking(m *touched, e projections.Event, body booking.Event) error {
	switch b := body.(type) {
	case booking.Opened:
		m.institution, m.number, m.openedAt, m.state = b.Institution, b.Number, stamp(e.At), "open"
		if err := w.person(m, b.Deceased); err != nil {
			return err
		}
		m.relation = string(b.Handler.Relation)
	case booking.Amended:
		if err := w.person(m, b.Deceased); err != nil {
			return err
		}
		m.relation = string(b.Handler.Relation)
	case booking.HandlerReplaced:
		m.relation = string(b.Handler.Relation)
	case booking.Corrected:
		// Only the name shows here. Papers are settled when corrections begin.
		if b.Field == booking.FieldName {
			return w.rename(m, b.To)
		}
	case booking.CircumstancesRecorded:
		m.diedAt = string(b.Place)
		gone, err := w.gone(domain.Subject(m.deceased))
		if m.cause = string(b.Cause.Or("")); gone {
			m.cause = ""
		}
		return err
	case booking.PaperReceived:
		m.papers = with(m.papers, string(b.Paper), "")
		m.promised = without(m.promised, string(b.Paper))
	case booking.PaperPromised:
		m.promised = with(m.promised, string(b.Paper), string(b.Due))
	case booking.PaperLapsed:
		if has(m.promised, string(b.Paper)) {
			m.promised = with(m.promised, string(b.Paper), string(b.Due)+"!")
		}
	case booking.Challenged:
		m.disputes = with(m.disputes, b.Challenge, "")
	case booking.ChallengeResolved:
		m.disputes = without(m.disputes, b.Challenge)
	case booking.ReliefClaimed, booking.ReliefGranted:
		m.relief = true
	case booking.ReliefDeclined:
		m.relief = false
	case booking.ServicePlanned:
		return w.exec(`INSERT INTO service VALUES (?,?,?,?,?,?,0,0) ON CONFLICT DO UPDATE SET ceremony = excluded.ceremony, resource = excluded.resource,
			starts = excluded.starts, ends = excluded.ends`, m.id, b.Service, string(b.Ceremony), b.Resource, stamp(b.From), stamp(b.To))
	case booking.ServiceStarted:
		return w.exec(`UPDATE service SET begun = 1 WHERE "case" = ? AND service = ?`, m.id, b.Service)
	case booking.ServiceEnded:
		return w.exec(`UPDATE service SET done = 1 WHERE "case" = ? AND service = ?`, m.id, b.Service)
	case booking.Paid:
		return w.paid(m, e, b.Payment, booking.MoneyIn, b.Method, b.Amount)
	case booking.RefundPaid:
		return w.paid(m, e, b.Refund, booking.MoneyOut, b.Method, b.Amount)
	case booking.Cancelled:
		m.state = "cancelled"
	case booking.Closed:
		m.state = "closed"
	}
	return nil
}

func (w *writer) paid(m *touched, e projections.Event, entry string, kind booking.TillKind, method booking.Method, amount domain.Money) error {
	at := e.Occurred
	if at.IsZero() {
		at = e.At
	}
	w.sum = append(w.sum, int64(e.Position), m.institution, string(domain.DateOf(at)), "case", m.id, entry, string(kind), string(method), int64(amount))
	return nil
}

// gone says that the person was forgotten.
func (w *writer) gone(of domain.Subject) (bool, error) {
	if is, ok := w.forgotten[of]; ok || of == "" {
		return is, nil
	}
	var one int
	is, err := w.tx.Get(`SELECT 1 FROM forgotten WHERE person = ?`, []any{string(of)}, &one)
	w.forgotten[of] = is
	return is, err
}

func (w *writer) person(m *touched, d booking.Deceased) error {
	m.deceased, m.unnamed = string(d.Person), string(d.Unnamed)
	m.kind = string(d.Class())
	m.bareKind = string(booking.Deceased{Unnamed: d.Unnamed, Kind: d.Kind, Document: booking.IDDocument{Kind: d.Document.Kind}}.Class())
	if err := w.rename(m, d.Name); err != nil {
		return err
	}
	gone, err := w.gone(d.Person)
	if gone {
		m.forget()
	}
	return err
}

func (w *writer) rename(m *touched, name domain.Private[string]) error {
	gone, err := w.gone(domain.Subject(m.deceased))
	if m.name = MaskName(name.Or("")); gone {
		m.name = ""
	}
	return err
}

// forget takes out of the row what is known of the deceased.
func (m *matter) forget() { m.name, m.kind, m.cause, m.class = "", m.bareKind, "", "" }

func (w *writer) forget(person domain.Subject) error {
	w.forgotten[person] = true
	if err := w.exec(`INSERT OR IGNORE INTO forgotten VALUES (?)`, string(person)); err != nil {
		return err
	}
	rs, err := w.tx.Query(`SELECT "case" FROM matter WHERE deceased = ?`, string(person))
	if err != nil {
		return err
	}
	ids := slices.Collect(maps.Keys(w.matters)) // the file does not know what this batch changed
	for rs.Next() {
		var id string
		if err := rs.Scan(&id); err != nil {
			rs.Close()
			return err
		}
		ids = append(ids, id)
	}
	if err := rs.Err(); err != nil {
		return err
	}
	for _, id := range ids {
		m, err := w.matter(id)
		if err != nil {
			return err
		}
		if m.deceased == string(person) {
			m.forget()
		}
	}
	return nil
}

func (m *matter) at(p cremation.Place, since time.Time) {
	m.placeKind, m.place, m.since = string(p.Kind), p.ID, stamp(since)
}

func (w *writer) custody(m *touched, e projections.Event, body cremation.CustodyEvent) error {
	switch b := body.(type) {
	case cremation.RemainsCollected:
		if m.institution == "" {
			m.institution = string(b.Institution)
		}
		m.at(b.Into, b.At)
		m.stage = string(OnTheWay)
		if b.Into.Kind != cremation.InVehicle {
			m.stage = string(InHouse)
			if !b.At.IsZero() {
				m.arrived = string(domain.DateOf(b.At))
			}
			return w.happened(e, m, Admission, b.At)
		}
	case cremation.RemainsArrived:
		m.at(b.To, b.In.At)
		m.arrived = string(domain.DateOf(b.In.At))
		if m.stage != string(InHouse) {
			m.stage = string(InHouse)
			return w.happened(e, m, Admission, b.In.At)
		}
	case cremation.RemainsMoved:
		m.at(b.To, b.In.At)
	case cremation.Identified, cremation.IdentificationWaived:
		m.identified = true
	case cremation.NotRecognised:
		m.identified = false
	case cremation.BelongingsListed:
		for _, it := range b.Items {
			m.belongings = with(m.belongings, it.ID, "")
		}
	case cremation.BelongingsSettled:
		for _, id := range b.Items {
			m.belongings = without(m.belongings, id)
		}
	case cremation.StorageExtended:
		m.extended = string(b.Until)
	case cremation.RemainsHandedOver:
		m.stage = string(HandedOver)
		return w.happened(e, m, HandOver, time.Time{})
	}
	return nil
}

func (w *writer) cremation(m *touched, e projections.Event, body cremation.CremationEvent) error {
	switch b := body.(type) {
	case cremation.Received:
		if m.institution == "" {
			m.institution = string(b.Institution)
		}
		m.tag, m.full = b.Tag, b.Rules == cremation.FullCustody
		if m.stage == string(NotHere) || m.stage == string(OnTheWay) {
			m.stage = string(InHouse)
			at := e.Occurred
			if at.IsZero() {
				at = e.At
			}
			if m.arrived == "" {
				m.arrived = string(domain.DateOf(at))
			}
			return w.happened(e, m, Admission, at)
		}
	case cremation.DeathCertificateRecorded:
		gone, err := w.gone(domain.Subject(m.deceased))
		if m.class = string(b.CauseClass.Or("")); gone {
			m.class = ""
		}
		m.papers = without(m.papers, string(booking.DeathPaper))
		m.papers = without(m.papers, unchecked)
		if b.Verified {
			m.papers = with(m.papers, string(booking.DeathPaper), "")
		} else {
			m.papers = with(m.papers, unchecked, "")
		}
		return err
	case cremation.ConfirmationSigned:
		m.papers = with(m.papers, string(booking.ConfirmationPaper), "")
	case cremation.PolicePaperRecorded:
		m.papers = with(m.papers, string(booking.PolicePaper), "")
	case cremation.HoldPlaced:
		m.holds = with(m.holds, b.Hold.String(), string(b.Kind))
	case cremation.HoldLifted:
		m.holds = without(m.holds, b.Hold.String())
	case cremation.Started:
		m.stage, m.furnace, m.startedAt = string(Cremating), b.Furnace, stamp(b.At)
		m.at(cremation.Place{Kind: cremation.AtFurnace, ID: b.Furnace}, b.At)
	case cremation.Completed:
		m.stage, m.endedAt = string(Ashes), stamp(b.At)
		return w.happened(e, m, Cremation, b.At)
	case cremation.AshesCollected:
		m.shares = with(m.shares, "1", "")
	case cremation.AshesSplit:
		m.shares = without(m.shares, strconv.Itoa(b.Share))
		for _, p := range b.Into {
			m.shares = with(m.shares, strconv.Itoa(p.Share), "")
		}
	case cremation.AshesMoved:
		m.keep(b.Share, b.To)
	case cremation.AshesDeposited:
		m.keep(b.Share, b.To)
	case cremation.AshesWithdrawn:
		m.keep(b.Share, b.To)
	case cremation.AshesReleased:
		m.leave(b.Share)
		return w.happened(e, m, Release, time.Time{})
	case cremation.LaidToRest:
		m.leave(b.Share)
	}
	return nil
}

// unchecked stands among the papers for a death certificate that nobody has
// compared with the original.
const unchecked = "DEATH_CERTIFICATE_UNCHECKED"

func (m *matter) keep(share int, at cremation.Place) {
	m.shares = with(m.shares, strconv.Itoa(share), string(at.Kind)+":"+at.ID)
}

func (m *matter) leave(share int) {
	if m.shares = without(m.shares, strconv.Itoa(share)); m.shares == "" {
		m.stage = string(Released)
	}
}

// settle computes what follows from the rest of the row: the papers without
// which the cremation cannot begin.
func (m *matter) settle() {
	var stops []string
	for _, p := range booking.Checklist(booking.Situation{Kind: booking.Kind(m.kind), Place: booking.DeathPlace(m.diedAt), Cause: booking.Cause(m.cause),
		Relation: booking.Relation(m.relation), Relief: m.relief}) {
		if p.Gate && !has(m.papers, string(p.Code)) {
			stops = append(stops, string(p.Code))
		}
	}
	recorded := has(m.papers, string(booking.DeathPaper)) || has(m.papers, unchecked)
	if recorded && m.class != string(cremation.Natural) && !has(m.papers, string(booking.PolicePaper)) && !slices.Contains(stops, string(booking.PolicePaper)) {
		stops = append(stops, string(booking.PolicePaper))
	}
	if m.full && !m.identified {
		stops = append(stops, Identification)
	}
	m.stops = strings.Join(stops, " ")
}

func (w *writer) flush() error {
	var fresh []any
	for _, id := range slices.Sorted(maps.Keys(w.matters)) {
		m := w.matters[id]
		m.settle()
		switch {
		case !m.stored:
			fresh = append(fresh, m.values()...)
		case m.matter == m.was:
		default:
			// The indexes are touched only where something in them changes.
			query := updateMatter
			if m.institution != m.was.institution || m.deceased != m.was.deceased || m.stage != m.was.stage {
				query = updateIndexed
			}
			if err := w.exec(query, m.values()...); err != nil {
				return err
			}
		}
	}
	var slots []any
	for _, k := range slices.SortedFunc(maps.Keys(w.slots), func(a, b slotKey) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.slot, b.slot)) }) {
		slots = append(append(slots, w.slots[k].row...), w.slots[k].confirmed)
	}
	for _, t := range []struct {
		into   string
		width  int
		values []any
	}{
		{`INSERT OR FAIL INTO matter (` + columns + `)`, 34, fresh}, {`INSERT OR REPLACE INTO slot`, 10, slots},
		{`INSERT INTO happened`, 6, w.happenings}, {`INSERT INTO money`, 9, w.sum},
	} {
		if err := w.tx.Insert(t.into, t.width, t.values); err != nil {
			return err
		}
	}
	return nil
}

func (m *matter) values() []any {
	return []any{m.id, m.institution, m.number, m.openedAt, m.state, m.deceased, m.name, m.unnamed, m.tag, m.kind, m.bareKind, m.diedAt,
		m.cause, m.class, m.relation, m.relief, m.papers, m.promised, m.disputes, m.holds, m.stops, m.full, m.identified, m.stage, m.placeKind,
		m.place, m.since, m.arrived, m.extended, m.furnace, m.startedAt, m.endedAt, m.shares, m.belongings}
}

// Both take all values of a row, in the order of columns.
var updateIndexed, updateMatter = func() (all, rest string) {
	for i, c := range strings.Split(columns, ",") {
		set := fmt.Sprintf(", %s = ?%d", strings.TrimSpace(c), i+1)
		switch strings.TrimSpace(c) {
		case `"case"`:
		case "institution", "deceased", "stage":
			all += set
		default:
			all += set
			rest += set
		}
	}
	const of = ` WHERE "case" = ?1`
	return `UPDATE matter SET ` + all[2:] + of, `UPDATE matter SET ` + rest[2:] + of
}()

// Lists in one column: words with a value each, "a=1 b c=2", in the order in
// which they came. Words and values hold no blanks: ids, codes, dates.

func has(list, word string) bool { _, ok := value(list, word); return ok }

func value(list, word string) (string, bool) {
	for x := range strings.FieldsSeq(list) {
		if w, v, _ := strings.Cut(x, "="); w == word {
			return v, true
		}
	}
	return "", false
}

func with(list, word, value string) string {
	x := strings.ReplaceAll(word, " ", "_")
	if value != "" {
		x += "=" + strings.ReplaceAll(value, " ", "_")
	}
	all := strings.Fields(list)
	i := slices.IndexFunc(all, func(have string) bool {
		w, _, _ := strings.Cut(have, "=")
		return w == strings.ReplaceAll(word, " ", "_")
	})
	if i >= 0 {
		all[i] = x
	} else {
		all = append(all, x)
	}
	return strings.Join(all, " ")
}

func without(list, word string) string {
	word = strings.ReplaceAll(word, " ", "_")
	return strings.Join(slices.DeleteFunc(strings.Fields(list), func(have string) bool { w, _, _ := strings.Cut(have, "="); return w == word }), " ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
