// Package watch is the read model behind the regulator's anomalies, overdue
// duties and extracts: what was charged and refused, how long cremations took,
// what was flagged, what lists say. It holds nothing about a person, and keeps
// of everything when it was recorded, so that it answers for what was known on
// a day as well as for what is known now.
package watch

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/projections"
)

// Name of the read model.
const Name = "watch"

//go:embed schema.sql
var schema string

// Projection folds the log into the read model.
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
		"institution.registered.v1", "booking.opened.v1", "booking.opened.v2", "booking.charged.v1", "booking.charged.v2", "booking.charge_refused.v1",
		"cremation.started.v1", "cremation.started.v2", "cremation.completed.v1", "cremation.anomaly_flagged.v1", "cremation.anomaly_explained.v1",
		"pricelist.published.v1", "pricelist.published.v2", "plot.exceeded.v1", "plot.remedied.v1",
	}
}

// Apply implements projections.Projection.
func (Projection) Apply(ctx context.Context, tx *projections.Tx, batch []projections.Event) error {
	w := writer{tx: tx, at: map[string]string{}}
	for _, e := range batch {
		if err := w.apply(ctx, e); err != nil {
			return err
		}
	}
	if err := tx.Insert(`INSERT OR FAIL INTO matter`, 2, w.matters); err != nil {
		return err
	}
	return tx.Insert(`INSERT OR FAIL INTO charge`, 14, w.charges)
}

// A writer folds a batch. What most of it is, cases and their charges, it keeps
// for few statements at the end.
type writer struct {
	tx               *projections.Tx
	at               map[string]string // institutions by case
	matters, charges []any
}

func (w *writer) apply(ctx context.Context, e projections.Event) error {
	tx := w.tx
	at, event, stream, recorded := int64(e.Position), e.ID.String(), string(e.Stream), stamp(e.At)
	exec := func(query string, args ...any) error {
		_, err := tx.Exec(query, args...)
		return err
	}
	switch b := e.Body.(type) {
	case institution.Registered:
		return exec(`INSERT INTO institution VALUES (?,?,?)`, e.Stream.ID(), string(b.Kind), string(domain.DateOf(e.At)))
	case booking.Opened:
		w.at[e.Stream.ID()] = b.Institution
		w.matters = append(w.matters, e.Stream.ID(), b.Institution)
		return nil
	case booking.Charged:
		of, err := w.institution(e.Stream.ID())
		if err != nil {
			return err
		}
		l := b.Line
		w.charges = append(w.charges, at, event, recorded, string(domain.DateOf(e.At)), of, stream,
			l.Code, l.NameZh, l.Unit, l.Quantity, int64(l.Price), int64(l.Amount), int64(l.Ceiling), l.PriceListVersion)
		return nil
	case booking.ChargeRefused:
		of, err := w.institution(e.Stream.ID())
		if err != nil {
			return err
		}
		return exec(`INSERT INTO refusal VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`, at, event, recorded, string(domain.DateOf(e.At)), of, stream,
			e.Meta.Actor, b.Code, b.Item, int64(b.Amount), int64(b.Limit), b.Rule, b.Basis)
	case cremation.Started:
		if err := exec(`INSERT INTO run VALUES (?,?,?,?,?,'',0,?,?,0,'','') ON CONFLICT (stream) DO UPDATE SET institution = excluded.institution, furnace = excluded.furnace,
			day = excluded.day, began = excluded.began, start_position = excluded.start_position, start_recorded = excluded.start_recorded`,
			stream, string(b.Institution), b.Furnace, string(domain.DateOf(b.At)), stamp(b.At), at, recorded); err != nil {
			return err
		}
		return w.took(stream)
	case cremation.Completed:
		ended, on := "", domain.DateOf(e.At)
		if !b.At.IsZero() {
			ended, on = stamp(b.At), domain.DateOf(b.At)
		}
		// An end without a start is what a regulator looks at first: a row of its own.
		if err := exec(`INSERT INTO run VALUES (?,?,?,?,'',?,0,0,'',?,?,?) ON CONFLICT (stream) DO UPDATE SET ended = excluded.ended,
			end_position = excluded.end_position, end_event = excluded.end_event, end_recorded = excluded.end_recorded`,
			stream, string(b.Institution), b.Furnace, string(on), ended, at, event, recorded); err != nil {
			return err
		}
		return w.took(stream)
	case cremation.AnomalyFlagged:
		return exec(`INSERT INTO flag (position, event, recorded_at, stream, kind, found_s, limit_s) VALUES (?,?,?,?,?,?,?)`, at, event, recorded, stream, string(b.Kind), b.FoundS, b.LimitS)
	case cremation.AnomalyExplained:
		return exec(`UPDATE flag SET explained = ?, explanation = ? WHERE stream = ? AND kind = ? AND explained = ''`, recorded, at, stream, string(b.Kind))
	case pricing.Published:
		prices := map[string]int64{}
		for _, r := range b.Rows {
			if r.Price > 0 { // an item may have several rows; the dearest stands for it
				prices[r.Code] = max(prices[r.Code], int64(r.Price))
			}
		}
		j, err := json.Marshal(prices)
		if err != nil {
			return err
		}
		return exec(`INSERT INTO list VALUES (?,?,?,?,?,?,?)`, at, event, recorded, e.Stream.ID(), b.Version, string(b.EffectiveFrom), string(j))
	case cemetery.PlotExceeded:
		of, _, _ := strings.Cut(e.Stream.ID(), ".")
		return exec(`INSERT INTO exceeded (position, event, recorded_at, stream, institution, rule, measured, bound) VALUES (?,?,?,?,?,?,?,?)`, at, event, recorded, stream, of, b.Rule, b.Measured, b.Limit)
	case cemetery.PlotRemedied:
		return exec(`UPDATE exceeded SET remedied = ?, remedy = ? WHERE stream = ? AND rule = ? AND remedied = ''`, recorded, at, stream, b.Rule)
	}
	return fmt.Errorf("watch: %T is none of its events", e.Body)
}

// took keeps how long a cremation took, once both of its times are known.
func (w *writer) took(stream string) error {
	var began, ended string
	if _, err := w.tx.Get(`SELECT began, ended FROM run WHERE stream = ?`, []any{stream}, &began, &ended); err != nil || began == "" || ended == "" {
		return err
	}
	from, err := time.Parse(time.RFC3339Nano, began)
	if err != nil {
		return err
	}
	until, err := time.Parse(time.RFC3339Nano, ended)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`UPDATE run SET seconds = ? WHERE stream = ?`, int64(until.Sub(from)/time.Second), stream)
	return err
}

// institution is where a case belongs.
func (w *writer) institution(id string) (of string, err error) {
	if of, ok := w.at[id]; ok {
		return of, nil
	}
	switch known, err := w.tx.Get(`SELECT institution FROM matter WHERE "case" = ?`, []any{id}, &of); {
	case err != nil:
		return "", err
	case !known:
		return "", fmt.Errorf("watch: a charge of case %s, which was not opened", id)
	}
	w.at[id] = of
	return of, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
