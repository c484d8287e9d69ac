package handlers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// ReportFurnace keeps what a furnace's controller saw.
type ReportFurnace struct {
	domain.Act
	Institution domain.CreditCode
	Furnace     string // resource of the institution
	Key         string // reference of the credential that was verified
	Sequence    int64
	Signal      cremation.Signal
}

// ErrNoFurnace refuses a report of a furnace that there is not.
var ErrNoFurnace = domain.Reject("furnace_unknown", "本机构没有这台火化机。", "The institution has no such furnace.").Under("I8", "")

// ReportFurnace runs: keep the report → compare it with what the operator
// recorded. A crash between leaves times that are not compared yet (policy: what
// a furnace reports is compared). The operator's times stay as they are.
func (a *App) ReportFurnace(ctx context.Context, c ReportFurnace) (events.Receipt, error) {
	in, _, err := a.Institutions.Load(ctx, string(c.Institution))
	if err != nil {
		return events.Receipt{}, err
	}
	if r, ok := in.Resource(c.Furnace); !ok || r.Kind != institution.Furnace {
		return events.Receipt{}, ErrNoFurnace
	}
	id := FurnaceID(c.Institution, c.Furnace)
	f, _, err := a.Furnaces.Load(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	rc, err := a.Telemetry.Handle(ctx, id, cremation.ReportFurnace{Act: c.Act, Key: c.Key, Sequence: c.Sequence, Signal: c.Signal, Held: f.Case})
	if err != nil {
		return rc, err
	}
	return rc, a.CompareFurnace(ctx, step(c.Act, "compare"), id)
}

// CompareFurnace compares what a furnace reported with the cremations that it
// held lately.
func (a *App) CompareFurnace(ctx context.Context, act domain.Act, furnace string) error {
	t, _, err := a.Telemetry.Load(ctx, furnace)
	if err != nil {
		return err
	}
	f, _, err := a.Furnaces.Load(ctx, furnace)
	if err != nil {
		return err
	}
	cases := t.Held()
	cases = append(cases[:min(len(cases), recentHeld)], f.Case)
	for _, id := range cases {
		if id == uuid.Nil {
			continue
		}
		if err := a.CompareCremation(ctx, step(act, id.String()), id); err != nil {
			return err
		}
	}
	return nil
}

// recentHeld is how many of the cases that a furnace held are compared anew with
// each report: a report comes with the case itself, or soon after.
const recentHeld = 3

// CompareCremation puts the furnace's own times beside those of the operator. A
// difference beyond the parameter is flagged; nothing else follows from it. A
// cremation that has not begun, and one of which the furnace reported nothing,
// change nothing.
func (a *App) CompareCremation(ctx context.Context, act domain.Act, caseID uuid.UUID) error {
	s, _, err := a.Cremations.Load(ctx, caseID.String())
	if err != nil || s.Started.At.IsZero() {
		return err
	}
	t, rev, err := a.Telemetry.Load(ctx, FurnaceID(s.Institution, s.Started.Furnace))
	if err != nil {
		return err
	}
	run, ok := t.RunOf(s.Started.At, s.Completed)
	if !ok {
		return nil
	}
	p, err := a.parametersOfCremation(ctx, caseID)
	if err != nil {
		return err
	}
	act = stepAt(act, "telemetry", rev)
	act.By, act.At, act.LateReason, act.Estimated = run.Device, act.Now, "", false
	_, err = a.Cremations.Handle(ctx, caseID.String(), cremation.RecordTelemetry{Act: act, Key: run.Key, Signed: true,
		StartedAt: run.Start, EndedAt: run.Stop, Gap: p.Duration(institution.TelemetryMinutes)})
	return err
}

// A FurnaceRun is one run that a furnace reported, with the cremation that it
// belongs to; none: nobody recorded one at that time.
type FurnaceRun struct {
	cremation.Run
	Case               uuid.UUID
	Started, Completed time.Time // as the operator recorded them
}

// FurnaceRuns lists what a furnace reported lately, the last first.
func (a *App) FurnaceRuns(ctx context.Context, furnace string) ([]FurnaceRun, events.Revision, error) {
	t, rev, err := a.Telemetry.Load(ctx, furnace)
	if err != nil {
		return nil, 0, err
	}
	f, _, err := a.Furnaces.Load(ctx, furnace)
	if err != nil {
		return nil, 0, err
	}
	of := map[cremation.Run]FurnaceRun{}
	for _, id := range append(t.Held(), f.Case) {
		if id == uuid.Nil {
			continue
		}
		s, _, err := a.Cremations.Load(ctx, id.String())
		if err != nil {
			return nil, 0, err
		}
		if FurnaceID(s.Institution, s.Started.Furnace) != furnace {
			continue
		}
		if r, ok := t.RunOf(s.Started.At, s.Completed); ok {
			of[r] = FurnaceRun{r, id, s.Started.At, s.Completed}
		}
	}
	var runs []FurnaceRun
	all := t.Runs()
	for i := range all {
		r := all[len(all)-1-i]
		x, ok := of[r]
		if !ok {
			x = FurnaceRun{Run: r}
		}
		runs = append(runs, x)
	}
	return runs, rev, nil
}
