package cremation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

var (
	burning  = plus[CremationEvent](ready, started)
	finished = plus[CremationEvent](burning, completed)
)

func about(s string) domain.Private[string] { return domain.Personal(deceased, s) }

// I9: an implausibly short cremation raises an anomaly; it stops nothing.
func TestAnomalies(t *testing.T) {
	short := Completed{home, furnace, noon.Add(29*time.Minute + 59*time.Second)}
	flag := AnomalyFlagged{TooShort, 29*60 + 59, 30 * 60}
	end := func(a domain.Act) Complete { return Complete{a, 30} }
	t.Run("shorter than the parameter", func(t *testing.T) {
		spec.Given(t, burning...).When(end(domaintest.At("staff-op", short.At))).Then(short, flag)
	})
	t.Run("exactly as long is not short", func(t *testing.T) {
		spec.Given(t, burning...).When(end(at("staff-op", 30))).Then(Completed{home, furnace, noon.Add(30 * time.Minute)})
	})
	t.Run("without the parameter nothing is judged", func(t *testing.T) {
		spec.Given(t, burning...).When(Complete{Act: domaintest.At("staff-op", short.At)}).Then(short)
	})
	t.Run("an end that nobody saw stays empty, and proves nothing", func(t *testing.T) {
		unseen := end(with(at("staff-op", 20), func(a *domain.Act) { a.At = time.Time{} }))
		guessed := end(with(at("staff-op", 20), func(a *domain.Act) { a.Estimated = true }))
		spec.Given(t, burning...).When(unseen).Then(Completed{Institution: home, Furnace: furnace})
		spec.Given(t, burning...).When(guessed).Then(Completed{Institution: home, Furnace: furnace})
		s := spec.Given(t, plus[CremationEvent](burning, Completed{Institution: home, Furnace: furnace})...).State()
		if !s.Done || !s.Completed.IsZero() || s.Custodian().Institution != home {
			t.Errorf("%v %v", s.Done, s.Completed)
		}
		spec.Given(t, plus[CremationEvent](burning, Completed{Institution: home, Furnace: furnace})...).When(end(at("staff-op", 70))).Rejects(ErrCompleted)
	})
	flagged := plus[CremationEvent](burning, short, flag)
	t.Run("somebody other than the operator explains it", func(t *testing.T) {
		spec.Given(t, flagged...).When(ExplainAnomaly{at("staff-3", 90), TooShort, "婴儿遗体"}).Then(AnomalyExplained{TooShort, "婴儿遗体", "staff-3"})
		spec.Given(t, flagged...).When(ExplainAnomaly{at("staff-op", 90), TooShort, "婴儿遗体"}).Rejects(ErrAnomalySelf)
		spec.Given(t, flagged...).When(ExplainAnomaly{at("staff-3", 90), TooShort, " "}).Rejects(ErrAnomalyReason)
		spec.Given(t, flagged...).When(ExplainAnomaly{at("staff-3", 90), TelemetryDiffers, "x"}).Rejects(ErrNoAnomaly)
	})
	t.Run("it stops nothing", func(t *testing.T) {
		spec.Given(t, flagged...).When(CollectAshes{at("staff-op", 100), 2350, 1, "T-0001", ashes.SealedBy}).Then(ashes)
	})
	report := RecordTelemetry{Act: at("plc-3", 80), Key: "k1", Signed: true, StartedAt: noon.Add(2 * time.Minute), EndedAt: completed.At}
	reported := TelemetryRecorded{"plc-3", "k1", report.StartedAt, report.EndedAt, 120}
	t.Run("the furnace's own times are kept beside the operator's, and flagged when they differ", func(t *testing.T) {
		spec.Given(t, finished...).When(report).Then(reported)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.StartedAt = c.StartedAt.Add(time.Second) })).
			Then(with(reported, func(e *TelemetryRecorded) { e.StartedAt = e.StartedAt.Add(time.Second) }), AnomalyFlagged{TelemetryDiffers, 121, 120})
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.Gap = time.Minute })).
			Then(with(reported, func(e *TelemetryRecorded) { e.GapS = 60 }), AnomalyFlagged{TelemetryDiffers, 120, 60})
		early := with(reported, func(e *TelemetryRecorded) { e.EndedAt = e.EndedAt.Add(-time.Hour) })
		spec.Given(t, plus[CremationEvent](burning, early)...).When(Complete{Act: at("staff-op", 70)}).Then(completed, AnomalyFlagged{TelemetryDiffers, 3600, 120})
	})
	t.Run("by the furnace, signed, and not from the future", func(t *testing.T) {
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.Signed = false })).Rejects(ErrTelemetry)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.By = "staff-op" })).Rejects(ErrTelemetrySource)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.By = "staff-2" })).Rejects(ErrTelemetrySource)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.EndedAt = c.Now.Add(1) })).Rejects(domain.ErrFuture)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.StartedAt, c.EndedAt = time.Time{}, time.Time{} })).Rejects(ErrTimeNeeded)
		spec.Given(t, finished...).When(with(report, func(c *RecordTelemetry) { c.EndedAt = c.StartedAt })).Rejects(ErrBeforeStart)
		spec.Given(t, ready...).When(report).Rejects(ErrNotStarted)
	})
}

// I12: from charging on, a case changes only by Correction (field, from, to,
// reason) or Clarification.
func TestCorrections(t *testing.T) {
	fix := func(f Field, from, to string) Correct {
		return Correct{Act: at("staff-desk", 130), Correction: holdA, Field: f, From: about(from), To: about(to), Reason: "录入有误"}
	}
	correct := fix(FieldDeathIssuer, "大连市中心医院", "大连市第二医院")
	corrected := Corrected{holdA, FieldDeathIssuer, about("大连市中心医院"), about("大连市第二医院"), "录入有误", ""}
	t.Run("a field is corrected with its old value, its new one and the reason", func(t *testing.T) {
		spec.Given(t, finished...).When(correct).Then(corrected)
		spec.Given(t, finished...).When(with(correct, func(c *Correct) { c.Reason = " " })).Rejects(ErrCorrection)
		spec.Given(t, finished...).When(with(correct, func(c *Correct) { c.Correction = uuid.Nil })).Rejects(ErrCorrection)
		spec.Given(t, finished...).When(with(correct, func(c *Correct) { c.To = c.From })).Rejects(ErrCorrection)
		spec.Given(t, finished...).When(with(correct, func(c *Correct) { c.To = domain.Private[string]{} })).Rejects(ErrCorrection)
		spec.Given(t, finished...).When(with(correct, func(c *Correct) { c.From = about("别的医院") })).Rejects(ErrCorrectionFrom)
	})
	t.Run("what is recorded changes, what was recorded stays on the log", func(t *testing.T) {
		s := spec.Given(t, plus[CremationEvent](finished, corrected)...).State()
		if s.Death.Issuer != "大连市第二医院" || len(s.Corrections) != 1 || s.Corrections[0] != corrected {
			t.Errorf("%v %v", s.Death.Issuer, s.Corrections)
		}
		spec.Given(t, plus[CremationEvent](finished, corrected)...).When(with(correct, func(c *Correct) { c.Reason = "x" })).Rejects(ErrCorrectionUsed)
	})
	t.Run("before the start the paper itself is changed", func(t *testing.T) {
		spec.Given(t, ready...).When(correct).Rejects(ErrNotUnderway)
		spec.Given(t, ready...).When(Clarify{at("staff-desk", 1), holdA, "", about("x")}).Rejects(ErrNotUnderway)
	})
	t.Run("the list of fields is closed", func(t *testing.T) {
		for _, f := range []Field{"tag", "case", "furnace", "verifiers", "operator", "institution", ""} {
			spec.Given(t, finished...).When(fix(f, "a", "b")).Rejects(ErrField)
		}
		spec.Given(t, burning...).When(fix(FieldCompleted, "", "2026-11-23T05:00:00Z")).Rejects(ErrField)
		spec.Given(t, finished...).When(fix(FieldWeight, "0", "2350")).Rejects(ErrField)
		spec.Given(t, finished...).When(fix(FieldPoliceNumber, "", "1 号")).Rejects(ErrField)
	})
	cold := plus[CremationEvent](finished, ashes)
	for _, c := range []struct {
		field    Field
		from, to string
		ok       bool
	}{
		{FieldDeathNumber, "210211193504120018", "210202194811300025", true},
		{FieldDeathNumber, "210211193504120018", "210211193504120019", false},
		{FieldDeathIssued, "2026-11-22", "2026-11-23", true},
		{FieldDeathIssued, "2026-11-22", "2026-11-24", false}, // has not come
		{FieldDeathIssued, "2026-11-22", "2026-11-20", false}, // before the death
		{FieldDeathIssued, "2026-11-22", "2026-11-31", false},
		{FieldDeathDate, "2026-11-21", "2026-11-22", true},
		{FieldDeathDate, "2026-11-21", "", true}, // nobody knows after all
		{FieldDeathDate, "2026-11-21", "2026-11-23", false},
		{FieldCause, "NATURAL", "UNKNOWN", true},
		{FieldCause, "NATURAL", "OLD_AGE", false},
		{FieldCollector, string(handler), string(neighbour), true},
		{FieldCollector, string(handler), " ", false},
		{FieldStarted, "2026-11-23T04:00:00Z", "2026-11-23T04:05:00Z", true},
		{FieldStarted, "2026-11-23T04:00:00Z", "2026-11-23T05:10:00Z", false}, // not before the end
		{FieldStarted, "2026-11-23T04:00:00Z", "", false},
		{FieldCompleted, "2026-11-23T05:10:00Z", "2026-11-23T05:20:00Z", true},
		{FieldCompleted, "2026-11-23T05:10:00Z", "", true},
		{FieldCompleted, "2026-11-23T05:10:00Z", "2026-11-23T04:00:00Z", false},
		{FieldCompleted, "2026-11-23T05:10:00Z", "2026-11-23T07:00:00Z", false}, // has not come
		{FieldWeight, "2350", "2530", true},
		{FieldWeight, "2350", "0", false},
		{FieldWeight, "2350", "+1", false},
	} {
		t.Run(fmt.Sprintf("%s from %q to %q", c.field, c.from, c.to), func(t *testing.T) {
			out := spec.Given(t, cold...).When(fix(c.field, c.from, c.to))
			if !c.ok {
				out.Rejects(ErrCorrectionTo)
				return
			}
			e := Corrected{holdA, c.field, about(c.from), about(c.to), "录入有误", ""}
			out.Then(e)
			if got, _ := spec.Given(t, plus[CremationEvent](cold, e)...).State().Value(c.field); got != c.to {
				t.Errorf("the record says %q", got)
			}
		})
	}
	t.Run("the police paper's number, where there is one", func(t *testing.T) {
		es := plus[CremationEvent]([]CremationEvent{received, death, signed, police, verified1, verified2}, started)
		e := Corrected{holdA, FieldPoliceNumber, about("甘公证字 1 号"), about("甘公证字 11 号"), "录入有误", ""}
		spec.Given(t, es...).When(fix(FieldPoliceNumber, "甘公证字 1 号", "甘公证字 11 号")).Then(e)
		if got := spec.Given(t, plus[CremationEvent](es, e)...).State().Police.Number.Or(""); got != "甘公证字 11 号" {
			t.Error(got)
		}
	})
	t.Run("of a person who is forgotten the former value stays", func(t *testing.T) {
		e := Corrected{holdA, FieldWeight, about("2350"), about("2530"), "录入有误", ""}
		e.To.SetForgotten(deceased)
		if got := spec.Given(t, plus[CremationEvent](cold, e)...).State(); got.Ashes.WeightG != 2350 || len(got.Corrections) != 1 {
			t.Error(got.Ashes)
		}
	})
	t.Run("a corrected time that makes the cremation too short is flagged", func(t *testing.T) {
		c := with(fix(FieldCompleted, "2026-11-23T05:10:00Z", "2026-11-23T04:20:00Z"), func(c *Correct) { c.MinMinutes = 30 })
		spec.Given(t, finished...).When(c).Then(Corrected{holdA, FieldCompleted, c.From, c.To, "录入有误", ""}, AnomalyFlagged{TooShort, 1200, 1800})
	})
	t.Run("the weight of ashes that were split or handed over stays", func(t *testing.T) {
		spec.Given(t, plus[CremationEvent](burnt, halved)...).When(fix(FieldWeight, "2350", "2351")).Rejects(ErrField)
		spec.Given(t, plus[CremationEvent](burnt, gone)...).When(fix(FieldWeight, "2350", "2351")).Rejects(ErrField)
	})
	t.Run("a clarification explains and changes nothing", func(t *testing.T) {
		clarify := Clarify{at("staff-desk", 130), holdA, FieldDeathDate, about("家属说凌晨去世")}
		spec.Given(t, finished...).When(clarify).Then(Clarified{holdA, FieldDeathDate, clarify.Text})
		spec.Given(t, finished...).When(with(clarify, func(c *Clarify) { c.About = "tag" })).Rejects(ErrField)
		spec.Given(t, finished...).When(with(clarify, func(c *Clarify) { c.Text = about(" ") })).Rejects(ErrClarification)
		spec.Given(t, plus[CremationEvent](finished, Clarified{holdA, FieldDeathDate, clarify.Text})...).When(clarify).Then()
		a, b := spec.Given(t, finished...).State(), spec.Given(t, plus[CremationEvent](finished, Clarified{holdA, "", clarify.Text})...).State()
		for _, f := range Fields {
			x, _ := a.Value(f)
			y, _ := b.Value(f)
			if x != y {
				t.Errorf("%s changed from %q to %q", f, x, y)
			}
		}
	})
}

// I12, I8: after the start no paper changes but by a correction whose old value
// was what the record said; no time on the record has not come.
func TestCorrectionHistories(t *testing.T) {
	corrections := 0
	domaintest.Check(t, func(t *rapid.T) {
		minute, n := 130, 0
		id := func() uuid.UUID { n++; return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)) }
		values := map[Field][]string{
			FieldDeathNumber: {"210202194811300025", "x"}, FieldDeathIssuer: {"甲", "乙", ""}, FieldDeathIssued: {"2026-11-22", "2026-11-23", "2030-01-01"},
			FieldDeathDate: {"", "2026-11-20", "2030-01-01"}, FieldCause: {"UNKNOWN", "NATURAL", "x"}, FieldCollector: {string(handler), string(neighbour), ""},
			FieldStarted: {"2026-11-23T04:00:00Z", "2026-11-23T04:10:00Z", "2036-11-23T04:10:00Z", ""}, FieldCompleted: {"", "2026-11-23T04:30:00Z", "2026-11-23T05:00:00Z", "2036-11-23T05:00:00Z"},
			FieldWeight: {"2000", "2100", "-1"}, FieldPoliceNumber: {"x"}, "tag": {"T-9"},
		}
		fields := slices.Concat(Fields, []Field{"tag"})
		draw := func(s CremationState) CremationCommand {
			minute += rapid.IntRange(0, 9).Draw(t, "minutes")
			act := at(rapid.SampledFrom([]string{"staff-1", "staff-2"}).Draw(t, "by"), minute)
			switch rapid.IntRange(0, 9).Draw(t, "command") {
			case 0:
				return RecordDeathCertificate{Act: act, Number: death.Number, Issuer: "另一医院", IssuedOn: "2026-11-22", CauseClass: death.CauseClass, Checked: true}
			case 1:
				return SignConfirmation{act, handler, handler, neighbour, "v2"}
			case 2:
				return RecordPolicePaper{act, police.Number, police.Issuer, police.IssuedOn}
			case 3:
				return VerifyIdentity{Act: act, Tag: "T-0001"}
			case 4:
				return Clarify{act, id(), "", about("x")}
			default:
				f := rapid.SampledFrom(fields).Draw(t, "field")
				from, _ := s.Value(f)
				if rapid.IntRange(0, 5).Draw(t, "from") == 0 {
					from = "?"
				}
				return Correct{Act: act, Correction: id(), Field: f, From: about(from), To: about(rapid.SampledFrom(values[f]).Draw(t, "to")), Reason: "x"}
			}
		}
		d := Cremation
		d.Initial = d.Fold(d.Initial, burnt...)
		domaintest.Random(t, d, draw, func(s CremationState, history []CremationEvent) {
			before := d.Initial
			for _, e := range history {
				switch e := e.(type) {
				case Clarified:
				case AnomalyFlagged:
				case Corrected:
					corrections++
					if was, _ := before.Value(e.Field); !slices.Contains(Fields, e.Field) || e.From.Or("?") != was || e.Reason == "" {
						t.Fatalf("%#v while the record said %q", e, was)
					}
				default:
					t.Fatalf("%#v after the start", e)
				}
				before = d.Evolve(before, e)
			}
			now := noon.Add(time.Duration(minute) * time.Minute)
			if s.Started.At.After(now) || s.Completed.After(now) || s.Death.IssuedOn > domain.DateOf(now) || s.Tag != "T-0001" ||
				!s.Completed.IsZero() && !s.Completed.After(s.Started.At) || s.Ashes.WeightG < 1 || s.Shares[0].WeightG != s.Ashes.WeightG {
				t.Fatalf("%#v", s)
			}
		})
	}, &corrections)
}
