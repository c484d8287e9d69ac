package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/handlers"
)

type byFurnace struct {
	Institution string `path:"institution" maxLength:"60"`
	Furnace     string `path:"furnace" maxLength:"32" doc:"Resource of the institution."`
}

type ofFurnace[B any] struct {
	Institution string `path:"institution" maxLength:"60"`
	Furnace     string `path:"furnace" maxLength:"32" doc:"Resource of the institution."`
	Write[B]
}

type reportBody struct {
	Timed
	Sequence int64  `json:"sequence" minimum:"1" doc:"The device's own count, from 1. The same number with the same report counts once; with another it is refused."`
	Signal   string `json:"signal" enum:"START,STOP"`
}

// RunsView is what a furnace reported lately.
type RunsView struct {
	Runs []RunView `json:"runs" nullable:"false" doc:"The last first."`
}

// RunView is one run of a furnace beside what its operator recorded. A time left
// out is not known.
type RunView struct {
	Device      string    `json:"device"`
	Key         string    `json:"key" doc:"Reference of the credential that it reported under."`
	StartedAt   time.Time `json:"started_at,omitzero"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Case        string    `json:"case,omitzero" doc:"Left out: nobody recorded a cremation at that time."`
	OperatorAt  time.Time `json:"operator_started_at,omitzero"`
	OperatorEnd time.Time `json:"operator_ended_at,omitzero"`
}

// AnomalyView is what cannot well be, and what was found out about it.
type AnomalyView struct {
	Kind        string `json:"kind" enum:"TOO_SHORT,TELEMETRY_DIFFERS"`
	FoundS      int    `json:"found_s" doc:"The duration, or the difference, in seconds."`
	LimitS      int    `json:"limit_s"`
	Explanation string `json:"explanation,omitzero"`
	ExplainedBy string `json:"explained_by,omitzero"`
}

func anomalyViews(s cremation.CremationState) []AnomalyView {
	vs := []AnomalyView{}
	for _, x := range s.Anomalies {
		vs = append(vs, AnomalyView{string(x.Kind), x.FoundS, x.LimitS, x.Explained.Reason, x.Explained.By})
	}
	return vs
}

func (a *API) telemetry(h huma.API) {
	post(a, h, "report_furnace", "/institutions/{institution}/furnaces/{furnace}/reports", "A furnace's controller reports that it started or stopped", func(ctx context.Context, q *request, in *ofFurnace[reportBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		rc, err := a.app.ReportFurnace(ctx, handlers.ReportFurnace{Act: q.Act, Institution: domain.CreditCode(in.Institution), Furnace: in.Furnace, Key: q.actor.Key(), Sequence: in.Body.Sequence, Signal: cremation.Signal(in.Body.Signal)})
		return done{in.Furnace, rc}, err
	})
	get(h, "get_furnace_runs", "/institutions/{institution}/furnaces/{furnace}/runs", "What a furnace reported, beside what its operators recorded", func(ctx context.Context, at func(string) error, in *byFurnace) (RunsView, events.Revision, error) {
		if err := at(in.Institution); err != nil {
			return RunsView{}, 0, err
		}
		s, _, err := load(ctx, a.app.Institutions, in.Institution)
		if err != nil {
			return RunsView{}, 0, err
		}
		if _, ok := s.Resource(in.Furnace); !ok {
			return RunsView{}, 0, handlers.ErrNotFound
		}
		runs, rev, err := a.app.FurnaceRuns(ctx, handlers.FurnaceID(s.CreditCode, in.Furnace))
		v := RunsView{Runs: []RunView{}}
		for _, r := range runs {
			x := RunView{Device: r.Device, Key: r.Key, StartedAt: r.Start, EndedAt: r.Stop, OperatorAt: r.Started, OperatorEnd: r.Completed}
			if r.Case != uuid.Nil {
				x.Case = r.Case.String()
			}
			v.Runs = append(v.Runs, x)
		}
		return v, rev, err
	})
}
