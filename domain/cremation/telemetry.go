package cremation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// TelemetryCategory names the streams of what furnaces report by themselves; a
// stream's id is that of the furnace, "<institution>.<resource>". It is not the
// furnace's own stream: what a machine says and what people record never wait
// for one another, and neither is written over the other.
const TelemetryCategory = "telemetry"

// A Signal is what a furnace's controller saw.
type Signal string

// The signals.
const (
	SignalStart Signal = "START" // the burner was lit
	SignalStop  Signal = "STOP"  // and put out
)

// A TelemetryEvent is what one furnace reported.
type TelemetryEvent interface{ telemetryEvent() }

// FurnaceReported is one report of a controller: start and stop come apart. A
// time that no report came for stays unknown.
type FurnaceReported struct {
	Device   string    `json:"device"` // its account
	Key      string    `json:"key"`    // reference of the credential it reported under
	Sequence int64     `json:"sequence"`
	Signal   Signal    `json:"signal"`
	At       time.Time `json:"at"` // by the device's clock
	// Held is the case that the furnace was charged with when the report came;
	// zero: none, as far as people had recorded.
	Held uuid.UUID `json:"held,omitzero"`
}

func (FurnaceReported) telemetryEvent() {}

// A TelemetryCommand brings a furnace's report.
type TelemetryCommand interface {
	domain.Command
	telemetryCommand()
}

// ReportFurnace keeps one report. Act.By is the device, Act.At its time.
type ReportFurnace struct {
	domain.Act
	Key      string // fact: the credential that was verified
	Sequence int64  // the device's own, from 1, one more for each report
	Signal   Signal
	Held     uuid.UUID // fact: the case in the furnace
}

func (ReportFurnace) telemetryCommand() {}

// keptReports is how many reports of a furnace are told apart by their numbers:
// several days of a busy one. What is older is refused, never counted twice.
const keptReports = 64

// TelemetryState is what a furnace reported last.
type TelemetryState struct {
	Reports []FurnaceReported // at most keptReports, in the order in which they came
	Passed  map[string]int64  // by device: the highest number that is no longer in Reports
}

// Telemetry decides over the reports of one furnace.
var Telemetry = domain.Decider[TelemetryState, TelemetryCommand, TelemetryEvent]{Decide: decideTelemetry, Evolve: evolveTelemetry}

var (
	// ErrSequence refuses another report under a number that is used.
	ErrSequence = domain.Reject("telemetry_sequence_used", "这个序号的设备数据已经收到，内容不同，没有再记。", "A report with this number came before and says something else.").Under("I8", "")
	// ErrSequenceOld refuses a report too old to be told from those before it.
	ErrSequenceOld = domain.Reject("telemetry_sequence_passed", "这个序号早已过去，没有再记。", "This number has long passed; nothing was recorded.").Under("I8", "")
	// ErrSignal refuses a report that does not say what happened, or under which number.
	ErrSignal = domain.Reject("telemetry_incomplete", "设备数据要有序号（从 1 起）、信号（START 或 STOP）和时间。", "A report has its number from 1, START or STOP, and its time.").Under("I8", "")
)

func decideTelemetry(s TelemetryState, cmd TelemetryCommand) ([]TelemetryEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case ReportFurnace:
		e := FurnaceReported{c.By, c.Key, c.Sequence, c.Signal, c.At.UTC().Round(0), c.Held}
		switch {
		case c.Key == "":
			return nil, ErrTelemetry
		case c.Sequence < 1 || c.Signal != SignalStart && c.Signal != SignalStop || c.At.IsZero() || c.Estimated:
			return nil, ErrSignal
		}
		for _, r := range s.Reports {
			if r.Device != c.By || r.Sequence != c.Sequence {
				continue
			}
			if r.Signal == e.Signal && r.At.Equal(e.At) {
				return nil, nil // sent twice
			}
			return nil, ErrSequence
		}
		if c.Sequence <= s.Passed[c.By] {
			return nil, ErrSequenceOld
		}
		return []TelemetryEvent{e}, nil
	}
	panic("unreachable: TelemetryCommand is sealed")
}

func evolveTelemetry(s TelemetryState, e TelemetryEvent) TelemetryState {
	switch e := e.(type) {
	case FurnaceReported:
		s.Reports = append(slices.Clip(s.Reports), e)
		if len(s.Reports) > keptReports {
			gone := s.Reports[0]
			s.Reports = slices.Clone(s.Reports[1:])
			passed := maps.Clone(s.Passed)
			if passed == nil {
				passed = map[string]int64{}
			}
			passed[gone.Device] = max(passed[gone.Device], gone.Sequence)
			s.Passed = passed
		}
	}
	return s
}

// A Run is one run of a furnace as it reported it. A zero time was not reported.
type Run struct {
	Device, Key string
	Start, Stop time.Time
}

// Runs pairs the reports by each device's own count: a stop ends the start right
// before it. What has no counterpart stays alone.
func (s TelemetryState) Runs() []Run {
	reports := slices.SortedStableFunc(slices.Values(s.Reports), func(a, b FurnaceReported) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Sequence, b.Sequence))
	})
	var runs []Run
	for i, r := range reports {
		if r.Signal == SignalStart {
			runs = append(runs, Run{Device: r.Device, Key: r.Key, Start: r.At})
			continue
		}
		if i > 0 && reports[i-1].Signal == SignalStart && reports[i-1].Device == r.Device && reports[i-1].Sequence == r.Sequence-1 && r.At.After(reports[i-1].At) {
			runs[len(runs)-1].Stop = r.At
			continue
		}
		runs = append(runs, Run{Device: r.Device, Key: r.Key, Stop: r.At})
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.from().Compare(b.from()) })
	return runs
}

// shortest stands in for an end, or a beginning, that nobody reported, where it
// is asked which run and which cremation belong together. It is never recorded.
const shortest = 30 * time.Minute

func (r Run) from() time.Time { return known(r.Start, r.Stop, -shortest) }
func (r Run) to() time.Time   { return known(r.Stop, r.Start, shortest) }

func known(t, other time.Time, away time.Duration) time.Time {
	if t.IsZero() {
		return other.Add(away)
	}
	return t
}

// RunOf finds the run that is a cremation's: the one that shares most time with
// it. None that shares any: the furnace reported nothing about it.
func (s TelemetryState) RunOf(started, completed time.Time) (best Run, ok bool) {
	if started.IsZero() {
		return best, false
	}
	until, most := known(completed, started, shortest), time.Duration(0)
	for _, r := range s.Runs() {
		from, to := r.from(), r.to()
		if from.Before(started) {
			from = started
		}
		if to.After(until) {
			to = until
		}
		if shared := to.Sub(from); shared > most {
			best, most, ok = r, shared, true
		}
	}
	return best, ok
}

// Held lists the cases that the furnace held when it reported, the last first.
func (s TelemetryState) Held() []uuid.UUID {
	var cases []uuid.UUID
	for _, r := range slices.Backward(s.Reports) {
		if r.Held != uuid.Nil && !slices.Contains(cases, r.Held) {
			cases = append(cases, r.Held)
		}
	}
	return cases
}
