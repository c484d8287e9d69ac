package places

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/pricing"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "places"

//go:embed schema.sql
var schema string

// Projection folds cemeteries into the read model.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 4 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string {
	return []string{
		"cemetery.established.v1", "pricelist.published.v1", "pricelist.published.v2",
		"plot.surveyed.v1", "plot.surveyed.v2", "plot.exceeded.v1", "plot.remedied.v1", "plot.held.v1", "plot.hold_ended.v1",
		"plot.allocated.v1", "plot.allocated.v2", "plot.refused.v1", "plot.interred.v1", "plot.reinterred.v1", "plot.extended.v1",
		"plot.lapsed.v1", "plot.surrendered.v1", "plot.surrendered.v2", "plot.vacated.v1", "plot.reopened.v1",
		"right.granted.v1", "right.renewed.v1", "right.upkeep_paid.v1", "right.holder_died.v1", "right.inherited.v1", "right.notice_served.v1",
		"right.lapsed.v1", "right.surrendered.v1", "right.ended.v1", "right.transfer_refused.v1",
		"relocation.requested.v1", "relocation.permitted.v1", "relocation.lifted.v1", "relocation.redirected.v1", "relocation.arrived.v1", "relocation.cancelled.v1",
		"round.announced.v1", "round.applied.v1", "round.withdrawn.v1", "round.cancelled.v1", "round.drawn.v1",
		"repair.reported.v1", "repair.done.v1", "repair.refused.v1", "repair.late.v1",
	}
}

// Apply implements projections.Projection. Places and years of a batch are
// folded in memory and written once.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{tx: tx, places: map[string]*touched{}, years: map[yearKey]*yearRow{}}
	for _, e := range batch {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	return w.flush()
}

// A placeRow is the row of a place.
type placeRow struct {
	cemetery, plot, garden, section, row, seat, kind, ecoType string
	capacity, area, stone, width, depth, lon, lat             int
	right, until                                              string
	given, resting, emptied                                   int
	held                                                      string
	lapsed                                                    bool
	exceeded                                                  string
	refused                                                   int
}

const placeColumns = `cemetery, plot, garden, section, row, seat, kind, eco_type, capacity, area_cm2, stone_cm, width_cm, depth_cm, lon_e7, lat_e7,
	"right", until, given, resting, emptied, held, lapsed, exceeded, refused`

func (p *placeRow) fields() []any {
	return []any{&p.cemetery, &p.plot, &p.garden, &p.section, &p.row, &p.seat, &p.kind, &p.ecoType, &p.capacity, &p.area, &p.stone, &p.width, &p.depth, &p.lon, &p.lat,
		&p.right, &p.until, &p.given, &p.resting, &p.emptied, &p.held, &p.lapsed, &p.exceeded, &p.refused}
}

type touched struct {
	placeRow
	was    placeRow
	stored bool
}

type yearKey struct{ cemetery, year string }

type yearRow struct {
	allocated, interred, reinterred, left, back, renewed, late int
	fee, upkeep                                                domain.Money
}

type writer struct {
	tx     *projections.Tx
	places map[string]*touched
	years  map[yearKey]*yearRow
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.tx.Exec(query, args...)
	return err
}

func (w *writer) place(id string) (*touched, error) {
	if p := w.places[id]; p != nil {
		return p, nil
	}
	of, plot, _ := strings.Cut(id, ".")
	p := &touched{}
	found, err := w.tx.Get(`SELECT `+placeColumns+` FROM place WHERE cemetery = ? AND plot = ?`, []any{of, plot}, p.fields()...)
	if err != nil {
		return nil, err
	}
	p.stored, p.was = found, p.placeRow
	p.cemetery, p.plot = of, plot
	w.places[id] = p
	return p, nil
}

func (w *writer) year(of, year string) *yearRow {
	k := yearKey{of, year}
	if w.years[k] == nil {
		w.years[k] = &yearRow{}
	}
	return w.years[k]
}

// on is the local date of an act: when it happened, as far as that is known.
func on(e projections.Event) domain.Date {
	if !e.Occurred.IsZero() {
		return domain.DateOf(e.Occurred)
	}
	return domain.DateOf(e.At)
}

func (w *writer) apply(e projections.Event) error {
	id := e.Stream.ID()
	switch b := e.Body.(type) {
	case cemetery.CemeteryEstablished:
		limits, err := json.Marshal(b.Limits)
		if err != nil {
			return err
		}
		var serves []string
		for _, d := range b.Serves {
			serves = append(serves, string(d))
		}
		return w.exec(`INSERT OR REPLACE INTO cemetery VALUES (?,?,?,?,?,?,?,?)`, id, b.NameZh, b.NameEn, string(b.Class), string(b.Division),
			strings.Join(serves, " "), string(b.FoundedOn), string(limits))
	case pricing.Published:
		return w.prices(id, b)
	case cemetery.PlotEvent:
		return w.plot(e, id, b)
	case cemetery.RightEvent:
		return w.right(e, id, b)
	case cemetery.RelocationEvent:
		return w.relocation(id, b)
	case cemetery.RoundEvent:
		return w.round(id, b)
	case cemetery.RepairEvent:
		return w.repair(id, b)
	}
	return fmt.Errorf("places: %T is none of its events", e.Body)
}

func (w *writer) prices(id string, b pricing.Published) error {
	n := 0
	for _, r := range b.Rows {
		switch r.Category {
		case pricing.BurialPlot, pricing.Niche, pricing.Maintenance, pricing.EcoBurial:
		default:
			continue
		}
		n++
		if err := w.exec(`INSERT OR REPLACE INTO fee VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`, id, b.Version, n, string(b.EffectiveFrom), r.Code, r.NameZh, r.NameEn,
			string(r.Category), string(r.PricingType), r.Unit, int64(r.Price), int64(r.PriceMin), int64(r.PriceMax)); err != nil {
			return err
		}
	}
	return w.exec(`INSERT OR REPLACE INTO price_list VALUES (?,?,?,?)`, id, b.Version, string(b.EffectiveFrom), b.Basis)
}

func (w *writer) plot(e projections.Event, id string, b cemetery.PlotEvent) error {
	p, err := w.place(id)
	if err != nil {
		return err
	}
	year := func(day domain.Date) *yearRow { return w.year(p.cemetery, day.Year()) }
	switch b := b.(type) {
	case cemetery.PlotSurveyed:
		p.garden, p.section, p.row, p.seat, p.kind, p.ecoType = b.Garden, b.Section, b.Row, b.Seat, string(b.Kind), b.EcoType
		p.capacity, p.area, p.stone, p.width, p.depth, p.lon, p.lat = b.Capacity, b.AreaCM2, b.StoneHeightCM, b.WidthCM, b.DepthCM, b.Spot.LonE7, b.Spot.LatE7
	case cemetery.PlotExceeded:
		p.exceeded = strings.TrimSpace(without(p.exceeded, b.Rule) + fmt.Sprintf(" %s=%d/%d", b.Rule, b.Measured, b.Limit))
	case cemetery.PlotRemedied:
		p.exceeded = without(p.exceeded, b.Rule)
	case cemetery.PlotHeld:
		p.held = b.Round
	case cemetery.PlotHoldEnded:
		p.held = ""
	case cemetery.PlotAllocated:
		p.right, p.until, p.held = b.Right, string(b.TermUntil), ""
		p.given++
		y := year(on(e))
		y.allocated++
		y.fee += b.FeeFen
	case cemetery.PlotRefused:
		p.refused++
		return w.exec(`INSERT OR REPLACE INTO refusal VALUES (?,?,?,?,?,?,?,?)`, p.cemetery, p.plot, b.Refusal, string(on(e)), b.Code, b.Rule, b.Asked, b.Limit)
	case cemetery.PlotInterred:
		p.resting++
		y := year(b.InterredOn)
		y.interred++
		if b.InterredOn != "" && domain.DateOf(e.At) > b.InterredOn {
			y.late++
		}
	case cemetery.PlotReinterred:
		p.resting++
		year(b.InterredOn).reinterred++
	case cemetery.PlotExtended:
		p.until, p.lapsed = string(b.Until), false
	case cemetery.PlotLapsed:
		p.lapsed = true
	case cemetery.PlotSurrendered:
		p.right, p.until, p.given = "", "", 0
		year(on(e)).back++
	case cemetery.PlotVacated:
		p.resting, p.given, p.emptied = max(0, p.resting-1), max(0, p.given-1), p.emptied+1
		if b.Empty {
			p.right, p.until, p.given, p.lapsed = "", "", 0, false
		}
		year(on(e)).left++
	case cemetery.PlotReopened:
		p.emptied = 0
	}
	return nil
}

func (w *writer) right(e projections.Event, id string, b cemetery.RightEvent) error {
	of, right, _ := strings.Cut(id, ".")
	set := func(what string, args ...any) error {
		return w.exec(`UPDATE "right" SET `+what+` WHERE cemetery = ? AND "right" = ?`, append(args, of, right)...)
	}
	switch b := b.(type) {
	case cemetery.RightGranted:
		if err := w.exec(`INSERT OR REPLACE INTO "right" VALUES (?,?,?,?,?,?,?,0,0,'LIVE',?,0)`, of, right, b.Plot, b.Contract, string(on(e)), string(b.Until), string(b.UpkeepUntil), b.Notices.GraceMonths); err != nil {
			return err
		}
		return w.notices(of, right, b.Notices, b.Until)
	case cemetery.RightRenewed:
		y := w.year(of, on(e).Year())
		y.renewed++
		y.fee += b.FeeFen
		if err := set(`until = ?, renewals = renewals + 1, status = 'LIVE', grace_months = ?`, string(b.Until), b.Notices.GraceMonths); err != nil {
			return err
		}
		return w.notices(of, right, b.Notices, b.Until)
	case cemetery.UpkeepPaid:
		w.year(of, on(e).Year()).upkeep += b.AmountFen
		return set(`upkeep_until = ?`, string(b.Until))
	case cemetery.HolderDied:
		return set(`holder_died = 1`)
	case cemetery.RightInherited:
		return set(`holder_died = 0`)
	case cemetery.NoticeServed:
		return w.exec(`UPDATE notice SET served_on = ? WHERE cemetery = ? AND "right" = ? AND stage = ?`, string(b.ServedOn), of, right, int(b.Stage))
	case cemetery.RightLapsed:
		return set(`status = 'LAPSED'`)
	case cemetery.RightSurrendered:
		return set(`status = 'SURRENDERED'`)
	case cemetery.RightEnded:
		return set(`status = 'ENDED'`)
	case cemetery.TransferRefused:
		paid := ""
		if b.PaidFen > 0 {
			paid = strconv.FormatInt(int64(b.PaidFen), 10)
		}
		if err := w.exec(`INSERT OR REPLACE INTO refusal SELECT cemetery, plot, ?, ?, ?, ?, ?, '' FROM "right" WHERE cemetery = ? AND "right" = ?`,
			b.Attempt.String(), string(on(e)), cemetery.ErrTransfer.Code, b.Rule, paid, of, right); err != nil {
			return err
		}
		return set(`transfers = transfers + 1`)
	}
	return nil
}

// notices puts the timetable of a new period in the place of the former.
func (w *writer) notices(of, right string, t cemetery.Timetable, until domain.Date) error {
	if err := w.exec(`DELETE FROM notice WHERE cemetery = ? AND "right" = ?`, of, right); err != nil {
		return err
	}
	for _, d := range t.Dues(until) {
		if err := w.exec(`INSERT OR REPLACE INTO notice VALUES (?,?,?,?,'')`, of, right, int(d.Stage), string(d.On)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) round(id string, b cemetery.RoundEvent) error {
	of, round, _ := strings.Cut(id, ".")
	set := func(what string) error {
		return w.exec(`UPDATE round SET `+what+` WHERE cemetery = ? AND round = ?`, of, round)
	}
	switch b := b.(type) {
	case cemetery.RoundAnnounced:
		return w.exec(`INSERT OR REPLACE INTO round VALUES (?,?,?,?,?,?,0,0,0)`, of, round, b.NoticeNo, string(b.Mode), b.Closes.UTC().Format(time.RFC3339), len(b.Places))
	case cemetery.RoundApplied:
		return set(`applied = applied + 1`)
	case cemetery.RoundWithdrawn:
		return set(`applied = applied - 1`)
	case cemetery.RoundCancelled:
		return set(`cancelled = 1`)
	case cemetery.RoundDrawn:
		return set(`drawn = 1`)
	}
	return nil
}

func (w *writer) repair(id string, b cemetery.RepairEvent) error {
	switch b := b.(type) {
	case cemetery.DamageReported:
		return w.exec(`INSERT OR REPLACE INTO repair VALUES (?,?,?,?,?,?,0,'','')`, id, string(b.Cemetery), b.Plot, string(b.Damage), string(b.ReportedOn), string(b.DueBy))
	case cemetery.RepairDone:
		return w.exec(`UPDATE repair SET done = ? WHERE id = ?`, string(b.On), id)
	case cemetery.RepairRefused:
		return w.exec(`UPDATE repair SET refused = ? WHERE id = ?`, string(b.Reason), id)
	case cemetery.RepairLate:
		return w.exec(`UPDATE repair SET late = 1 WHERE id = ?`, id)
	}
	return nil
}

func (w *writer) relocation(id string, b cemetery.RelocationEvent) error {
	switch b := b.(type) {
	case cemetery.RelocationRequested:
		return w.exec(`INSERT OR REPLACE INTO relocation VALUES (?,?,?,?,?,?,?,'','','',0,0,0)`, id, string(b.Cemetery), b.Plot, len(b.Persons), string(b.Cause), string(b.To.Kind), b.To.Place)
	case cemetery.RelocationPermitted:
		return w.exec(`UPDATE relocation SET permit = ?, from_day = ?, until = ? WHERE id = ?`, b.Permit, string(b.From), string(b.Until), id)
	case cemetery.RelocationLifted:
		return w.exec(`UPDATE relocation SET lifted = lifted + 1 WHERE id = ?`, id)
	case cemetery.RelocationRedirected:
		return w.exec(`UPDATE relocation SET to_kind = ?, to_place = ? WHERE id = ?`, string(b.To.Kind), b.To.Place, id)
	case cemetery.RelocationArrived:
		return w.exec(`UPDATE relocation SET arrived = arrived + 1 WHERE id = ?`, id)
	case cemetery.RelocationCancelled:
		return w.exec(`UPDATE relocation SET cancelled = 1 WHERE id = ?`, id)
	}
	return nil
}

var insertPlace = `INSERT OR REPLACE INTO place (` + placeColumns + `) VALUES (?` + strings.Repeat(`,?`, 23) + `)`

func (w *writer) flush() error {
	for _, id := range slices.Sorted(maps.Keys(w.places)) {
		p := w.places[id]
		if p.stored && p.placeRow == p.was {
			continue
		}
		var vs []any
		for _, f := range p.fields() {
			switch f := f.(type) {
			case *string:
				vs = append(vs, *f)
			case *int:
				vs = append(vs, *f)
			case *bool:
				vs = append(vs, *f)
			}
		}
		if err := w.exec(insertPlace, vs...); err != nil {
			return err
		}
	}
	for k, y := range w.years { // sums: their order is no matter
		if err := w.exec(`INSERT INTO year VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT DO UPDATE SET allocated = allocated + ?3, interred = interred + ?4,
			reinterred = reinterred + ?5, left_place = left_place + ?6, given_back = given_back + ?7, renewed = renewed + ?8, late = late + ?9, fee_fen = fee_fen + ?10, upkeep_fen = upkeep_fen + ?11`,
			k.cemetery, k.year, y.allocated, y.interred, y.reinterred, y.left, y.back, y.renewed, y.late, int64(y.fee), int64(y.upkeep)); err != nil {
			return err
		}
	}
	return nil
}

// without takes the entry of a rule out of a list of exceeded limits.
func without(list, rule string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(list), func(x string) bool { return strings.HasPrefix(x, rule+"=") }), " ")
}
