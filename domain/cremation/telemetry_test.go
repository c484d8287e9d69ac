package cremation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func TestFurnaceReports(t *testing.T) {
	spec := domaintest.For(Telemetry)
	report := ReportFurnace{at("plc-3", 0), "k1", 1, SignalStart, caseA}
	start := FurnaceReported{"plc-3", "k1", 1, SignalStart, report.At, caseA}
	stop := FurnaceReported{"plc-3", "k1", 2, SignalStop, at("plc-3", 60).At, caseA}
	t.Run("start and stop come apart, each under the device's own number", func(t *testing.T) {
		spec.Given(t).When(report).Then(start)
		spec.Given(t, start).When(ReportFurnace{at("plc-3", 60), "k1", 2, SignalStop, caseA}).Then(stop)
	})
	t.Run("a report sent again counts once, whatever the furnace holds by now", func(t *testing.T) {
		spec.Given(t, start, stop).When(with(report, func(c *ReportFurnace) { c.Held = caseB })).Then()
	})
	t.Run("a number is not used for something else", func(t *testing.T) {
		spec.Given(t, start).When(with(report, func(c *ReportFurnace) { c.Signal = SignalStop })).Rejects(ErrSequence)
		spec.Given(t, start).When(with(report, func(c *ReportFurnace) { c.At = c.At.Add(-time.Second) })).Rejects(ErrSequence)
	})
	t.Run("another device counts for itself", func(t *testing.T) {
		spec.Given(t, start).When(with(report, func(c *ReportFurnace) { c.By = "plc-4" })).Then(with(start, func(e *FurnaceReported) { e.Device = "plc-4" }))
	})
	t.Run("a report has its number, its signal, its exact time and a credential", func(t *testing.T) {
		spec.Given(t).When(with(report, func(c *ReportFurnace) { c.Sequence = 0 })).Rejects(ErrSignal)
		spec.Given(t).When(with(report, func(c *ReportFurnace) { c.Signal = "PAUSE" })).Rejects(ErrSignal)
		spec.Given(t).When(with(report, func(c *ReportFurnace) { c.At = time.Time{} })).Rejects(ErrSignal)
		spec.Given(t).When(with(report, func(c *ReportFurnace) { c.Estimated = true })).Rejects(ErrSignal)
		spec.Given(t).When(with(report, func(c *ReportFurnace) { c.Key = "" })).Rejects(ErrTelemetry)
	})
}

func TestRunOf(t *testing.T) {
	m := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	state := func(rs ...FurnaceReported) TelemetryState {
		es := make([]TelemetryEvent, len(rs))
		for i, r := range rs {
			es[i] = r
		}
		return Telemetry.Fold(Telemetry.Initial, es...)
	}
	r := func(n int64, s Signal, minute int) FurnaceReported {
		return FurnaceReported{Device: "plc-3", Key: "k1", Sequence: n, Signal: s, At: m(minute)}
	}
	two := []FurnaceReported{r(1, SignalStart, 0), r(2, SignalStop, 60), r(3, SignalStart, 90), r(4, SignalStop, 150)}
	for name, c := range map[string]struct {
		reports            []FurnaceReported
		started, completed time.Time
		want               Run
	}{
		"the run that shares most time with the cremation":          {two, m(5), m(65), Run{"plc-3", "k1", m(0), m(60)}},
		"an operator's end that nobody knows":                       {two, m(92), time.Time{}, Run{"plc-3", "k1", m(90), m(150)}},
		"a stop that was lost stays missing":                        {two[:1], m(1), m(60), Run{"plc-3", "k1", m(0), time.Time{}}},
		"a start that was lost stays missing":                       {two[1:2], m(1), m(60), Run{"plc-3", "k1", time.Time{}, m(60)}},
		"a stop whose start was lost does not end the one before":   {[]FurnaceReported{two[0], two[3]}, m(1), m(60), Run{"plc-3", "k1", m(0), time.Time{}}},
		"the order in which reports come does not matter":           {[]FurnaceReported{two[3], two[1], two[2], two[0]}, m(5), m(65), Run{"plc-3", "k1", m(0), m(60)}},
		"a run at another time is not this cremation's":             {two, m(200), m(260), Run{}},
		"a cremation that has not begun has none":                   {two, time.Time{}, time.Time{}, Run{}},
		"one device's stop does not end another's start":            {[]FurnaceReported{r(1, SignalStart, 0), with(r(2, SignalStop, 60), func(e *FurnaceReported) { e.Device = "plc-4" })}, m(0), m(20), Run{"plc-3", "k1", m(0), time.Time{}}},
		"a clock that runs backwards makes no run out of two times": {[]FurnaceReported{r(1, SignalStart, 60), r(2, SignalStop, 0)}, m(60), m(90), Run{"plc-3", "k1", m(60), time.Time{}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := state(c.reports...).RunOf(c.started, c.completed)
			if got != c.want || ok != (c.want != Run{}) {
				t.Errorf("%+v %v, want %+v", got, ok, c.want)
			}
		})
	}
}

// However often and in whatever order a device repeats itself, each of its
// numbers stands for one report.
func TestFurnaceReportsAtRandom(t *testing.T) {
	kept := 0
	domaintest.Check(t, func(t *rapid.T) {
		n := int64(0)
		domaintest.Random(t, Telemetry, func(TelemetryState) TelemetryCommand {
			if n++; rapid.IntRange(0, 3).Draw(t, "again") == 0 {
				n = rapid.Int64Range(max(1, n-80), n).Draw(t, "sequence")
			}
			return ReportFurnace{at(rapid.SampledFrom([]string{"plc-3", "plc-4"}).Draw(t, "device"), rapid.IntRange(0, 3).Draw(t, "minute")), "k1", n,
				rapid.SampledFrom([]Signal{SignalStart, SignalStop}).Draw(t, "signal"), uuid.Nil}
		}, func(s TelemetryState, history []TelemetryEvent) {
			seen := map[string]bool{}
			for _, e := range history {
				r := e.(FurnaceReported)
				id := fmt.Sprint(r.Device, " ", r.Sequence)
				if seen[id] {
					t.Fatalf("%s counts twice", id)
				}
				seen[id] = true
				kept++
			}
			for _, r := range s.Runs() {
				if r.Start.IsZero() && r.Stop.IsZero() || !r.Start.IsZero() && !r.Stop.IsZero() && !r.Stop.After(r.Start) {
					t.Fatalf("%+v is no run", r)
				}
			}
		})
	}, &kept)
}

// What is too old to be told apart is refused, not counted again.
func TestAFurnaceReportOfLongAgo(t *testing.T) {
	spec := domaintest.For(Telemetry)
	var es []TelemetryEvent
	for n := range int64(70) {
		es = append(es, FurnaceReported{Device: "plc-3", Key: "k1", Sequence: n + 1, Signal: SignalStart, At: noon})
	}
	spec.Given(t, es...).When(ReportFurnace{at("plc-3", 0), "k1", 3, SignalStart, caseA}).Rejects(ErrSequenceOld)
	spec.Given(t, es...).When(ReportFurnace{at("plc-3", 0), "k1", 71, SignalStart, uuid.Nil}).Then(FurnaceReported{Device: "plc-3", Key: "k1", Sequence: 71, Signal: SignalStart, At: noon})
}
