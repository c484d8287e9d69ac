package watch

import (
	"context"
	"encoding/json"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: it counts from the stored bytes what
// every institution charged and was refused on each day, its cremations with
// what they took, and what was flagged. It must not use Apply, the Registry or
// the events' Go types.
func (Projection) Recount() projections.Recount {
	return &recount{of: map[string]string{}, figures: map[figure]int64{}}
}

type recount struct {
	of      map[string]string // institution of a case
	figures map[figure]int64
}

type figure struct{ question, institution, day string }

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	day := string(domain.DateOf(e.At))
	switch e.Type {
	case "booking.opened.v1", "booking.opened.v2":
		var b struct {
			Institution string `json:"institution"`
		}
		if err := json.Unmarshal(e.Data, &b); err != nil {
			return err
		}
		r.of[e.Stream.ID()] = b.Institution
	case "booking.charged.v1", "booking.charged.v2":
		var b struct {
			Line struct {
				Amount int64 `json:"amount_fen"`
			} `json:"line"`
		}
		if err := json.Unmarshal(e.Data, &b); err != nil {
			return err
		}
		r.figures[figure{"charges", r.of[e.Stream.ID()], day}]++
		r.figures[figure{"charged, fen", r.of[e.Stream.ID()], day}] += b.Line.Amount
	case "booking.charge_refused.v1":
		r.figures[figure{"refused tries", r.of[e.Stream.ID()], day}]++
	case "cremation.completed.v1":
		r.figures[figure{"cremations", "", day}]++
	case "cremation.anomaly_flagged.v1":
		r.figures[figure{"flags", "", day}]++
	case "pricelist.published.v1", "pricelist.published.v2":
		r.figures[figure{"lists", e.Stream.ID(), day}]++
	}
	return nil
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	got := map[figure]int64{}
	count := func(question, query string) error {
		rs, err := live.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rs.Close()
		for rs.Next() {
			var institution, recorded string
			var n int64
			if err := rs.Scan(&institution, &recorded, &n); err != nil {
				return err
			}
			got[figure{question, institution, string(day(recorded))}] += n
		}
		return rs.Err()
	}
	for question, query := range map[string]string{
		"charges":       `SELECT institution, recorded_at, 1 FROM charge`,
		"charged, fen":  `SELECT institution, recorded_at, amount_fen FROM charge`,
		"refused tries": `SELECT institution, recorded_at, 1 FROM refusal`,
		"cremations":    `SELECT '', end_recorded, 1 FROM run WHERE end_position > 0`,
		"flags":         `SELECT '', recorded_at, 1 FROM flag`,
		"lists":         `SELECT institution, recorded_at, 1 FROM list`,
	} {
		if err := count(question, query); err != nil {
			return 0, nil, err
		}
	}
	var ds []projections.Difference
	for f, n := range r.figures {
		if got[f] != n {
			ds = append(ds, projections.Difference{Table: f.question, Key: f.institution + " " + f.day, Column: "count", What: projections.Differs})
		}
		delete(got, f)
	}
	for f, n := range got {
		if n != 0 {
			ds = append(ds, projections.Difference{Table: f.question, Key: f.institution + " " + f.day, Column: "count", What: projections.Differs})
		}
	}
	return len(r.figures), ds, nil
}
