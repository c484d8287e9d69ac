package cremation

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// TelemetryGap is how far the operator's times may lie from the furnace's own
// before they are flagged, unless the command says otherwise ([P]).
const TelemetryGap = 2 * time.Minute

// An AnomalyKind is what about a cremation cannot well be.
type AnomalyKind string

// The anomalies.
const (
	TooShort         AnomalyKind = "TOO_SHORT"         // shorter than a cremation takes (I9)
	TelemetryDiffers AnomalyKind = "TELEMETRY_DIFFERS" // the furnace's clock says otherwise
)

// An Anomaly is one that was flagged, and its explanation when there is one.
type Anomaly struct {
	AnomalyFlagged
	Explained AnomalyExplained // zero By: not yet
}

// A Field is what of a cremation's record may be corrected. The list is closed:
// tag, case, institution, furnace, verifiers and holds are facts of the log
// itself and are clarified, never corrected.
type Field string

// The fields that may be corrected. Times are RFC 3339, days 2026-11-23, the
// weight is in grams, the collector a person's reference.
const (
	FieldDeathNumber  Field = "death_number"
	FieldDeathIssuer  Field = "death_issuer"
	FieldDeathIssued  Field = "death_issued_on"
	FieldDeathDate    Field = "death_date"
	FieldCause        Field = "cause_class"
	FieldPoliceNumber Field = "police_number"
	FieldCollector    Field = "collector"
	FieldStarted      Field = "started_at"
	FieldCompleted    Field = "completed_at"
	FieldWeight       Field = "ashes_weight_g"
)

// Fields lists every field, in the order of menus.
var Fields = []Field{FieldDeathNumber, FieldDeathIssuer, FieldDeathIssued, FieldDeathDate, FieldCause, FieldPoliceNumber, FieldCollector,
	FieldStarted, FieldCompleted, FieldWeight}

type (
	// TelemetryRecorded is what the furnace itself reports, under its own key.
	TelemetryRecorded struct {
		Device    string    `json:"device"`
		Key       string    `json:"key"` // the reference of the key that signed it
		StartedAt time.Time `json:"started_at,omitzero"`
		EndedAt   time.Time `json:"ended_at,omitzero"`
		GapS      int       `json:"gap_limit_s"`
	}
	// AnomalyFlagged marks what cannot well be. It stops nothing: somebody looks.
	AnomalyFlagged struct {
		Kind   AnomalyKind `json:"kind"`
		FoundS int         `json:"found_s"` // duration, or difference, in seconds
		LimitS int         `json:"limit_s"`
	}
	// AnomalyExplained says what was found out, by somebody other than the operator.
	AnomalyExplained struct {
		Kind   AnomalyKind `json:"kind"`
		Reason string      `json:"reason"` // why, never who
		By     string      `json:"by"`
	}
	// Corrected changes one field after the start. What was recorded before stays
	// on the log beside it (I12).
	Corrected struct {
		Correction uuid.UUID              `json:"correction"`
		Field      Field                  `json:"field"`
		From       domain.Private[string] `json:"from"`
		To         domain.Private[string] `json:"to"`
		Reason     string                 `json:"reason"` // why, never who
		Document   string                 `json:"document,omitzero"`
	}
	// Clarified adds an explanation and changes nothing.
	Clarified struct {
		Clarification uuid.UUID              `json:"clarification"`
		About         Field                  `json:"about,omitzero"`
		Text          domain.Private[string] `json:"text"`
	}
)

func (TelemetryRecorded) cremationEvent() {}
func (AnomalyFlagged) cremationEvent()    {}
func (AnomalyExplained) cremationEvent()  {}
func (Corrected) cremationEvent()         {}
func (Clarified) cremationEvent()         {}

type (
	// RecordTelemetry keeps the furnace's own times. Act.By is the device.
	RecordTelemetry struct {
		domain.Act
		Key                string
		Signed             bool // fact: the signature was verified with that key
		StartedAt, EndedAt time.Time
		Gap                time.Duration // zero: TelemetryGap
	}
	// ExplainAnomaly says what was found out about one.
	ExplainAnomaly struct {
		domain.Act
		Kind   AnomalyKind
		Reason string
	}
	// Correct changes one field after the start.
	Correct struct {
		domain.Act
		Correction uuid.UUID
		Field      Field
		From, To   domain.Private[string] // sealed for the person they are about
		Reason     string
		Document   string
		MinMinutes int // as for Complete
	}
	// Clarify adds an explanation after the start.
	Clarify struct {
		domain.Act
		Clarification uuid.UUID
		About         Field // empty: the case as a whole
		Text          domain.Private[string]
	}
)

func (RecordTelemetry) cremationCommand() {}
func (ExplainAnomaly) cremationCommand()  {}
func (Correct) cremationCommand()         {}
func (Clarify) cremationCommand()         {}

var (
	// ErrTelemetry refuses a report that its furnace did not sign.
	ErrTelemetry = domain.Reject("telemetry_unsigned", "设备数据的签名核验不通过。", "The signature of the furnace's report does not verify.").Under("I8", "")
	// ErrTelemetrySource refuses times that the operator reports as the furnace's.
	ErrTelemetrySource = domain.Reject("telemetry_by_operator", "设备数据须由设备帐号报送，不能由操作人或核验人代报。", "The furnace reports by its own account, not by the operator's or a verifier's.").Under("I8", "")
	// ErrNoAnomaly refuses to explain what was not flagged.
	ErrNoAnomaly = domain.Reject("no_anomaly", "没有这项异常。", "No such anomaly was flagged.").Under("I9", "")
	// ErrAnomalyReason refuses to explain without saying anything.
	ErrAnomalyReason = domain.Reject("anomaly_reason", "请写明查明的情况。", "Please say what was found out.").Under("I9", "")
	// ErrAnomalySelf refuses the operator's own explanation.
	ErrAnomalySelf = domain.Reject("anomaly_by_operator", "异常须由操作人以外的人说明。", "Somebody other than the operator explains the anomaly.").Under("I9", "")
	// ErrNotUnderway refuses a correction where the paper itself can still change.
	ErrNotUnderway = domain.Reject("correction_too_early", "火化还没有开始，请直接修改登记，不用更正。", "The cremation has not begun; change the record itself.").Under("I12", "")
	// ErrField refuses a field that is not on the list.
	ErrField = domain.Reject("correction_field", "这一项不能更正，可以补充说明：%s。", "This field cannot be corrected, only clarified: %s.").Under("I12", "")
	// ErrCorrection refuses a correction that is not whole.
	ErrCorrection = domain.Reject("correction_incomplete", "更正须写明编号、原值、新值和原因。", "A correction gives its reference, the old value, the new one and the reason.").Under("I12", "")
	// ErrCorrectionFrom refuses a correction of what is not recorded.
	ErrCorrectionFrom = domain.Reject("correction_from", "原值与现在的登记不符，请刷新后再更正。", "The old value is not what is recorded now; please look again.").Under("I12", "").Race()
	// ErrCorrectionTo refuses a new value that cannot be.
	ErrCorrectionTo = domain.Reject("correction_to", "新值不对：格式不符、还没有到，或先后颠倒。", "The new value is not valid: its form, a time that has not come, or one out of order.").Under("I12", "")
	// ErrCorrectionUsed refuses another correction under the same reference.
	ErrCorrectionUsed = domain.Reject("correction_used", "这个更正编号已经使用。", "This correction reference is used.").Under("I12", "")
	// ErrClarification refuses a clarification that says nothing.
	ErrClarification = domain.Reject("clarification_incomplete", "请写明编号和说明内容。", "A clarification gives its reference and its text.").Under("I12", "")
)

// Value is what the record says now of a field, as a correction words it.
func (s CremationState) Value(f Field) (string, bool) {
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	switch f {
	case FieldDeathNumber:
		return s.Death.Number.Or(""), true
	case FieldDeathIssuer:
		return s.Death.Issuer, true
	case FieldDeathIssued:
		return string(s.Death.IssuedOn), true
	case FieldDeathDate:
		return string(s.Death.DeathDate), true
	case FieldCause:
		return string(s.Death.CauseClass.Or("")), true
	case FieldPoliceNumber:
		return s.Police.Number.Or(""), s.Police.Issuer != ""
	case FieldCollector:
		return string(s.Confirmation.Collector), true
	case FieldStarted:
		return instant(s.Started.At), true
	case FieldCompleted:
		return instant(s.Completed), s.Done
	case FieldWeight:
		return strconv.Itoa(s.Ashes.WeightG), len(s.Shares) == 1 && s.Shares[0].InCustody()
	}
	return "", false
}

func (s CremationState) correct(c Correct) ([]CremationEvent, error) {
	e := Corrected{c.Correction, c.Field, c.From, c.To, c.Reason, c.Document}
	if i := slices.IndexFunc(s.Corrections, func(x Corrected) bool { return x.Correction == c.Correction }); i >= 0 {
		if s.Corrections[i] == e {
			return nil, nil
		}
		return nil, ErrCorrectionUsed
	}
	from, known := c.From.Get()
	to, given := c.To.Get()
	now, open := s.Value(c.Field)
	switch {
	case s.Started.At.IsZero():
		return nil, ErrNotUnderway
	case !open:
		return nil, ErrField.With(c.Field)
	case c.Correction == uuid.Nil || !known || !given || from == to || strings.TrimSpace(c.Reason) == "":
		return nil, ErrCorrection
	case from != now:
		return nil, ErrCorrectionFrom
	case !s.correctable(c.Field, to, c.Now):
		return nil, ErrCorrectionTo
	}
	return s.andAnomalies(c.MinMinutes, e), nil
}

// correctable says that the field may hold this value, by the same rules as when
// it was first recorded.
func (s CremationState) correctable(f Field, to string, now time.Time) bool {
	today, day := domain.DateOf(now), domain.Date(to)
	switch f {
	case FieldDeathNumber:
		return to != "" && (s.Death.Form != Form2026 || checkNumber2026(to) == nil)
	case FieldDeathIssuer, FieldPoliceNumber, FieldCollector:
		return strings.TrimSpace(to) != ""
	case FieldDeathIssued:
		return day.Valid() && day <= today && FormOn(day) == s.Death.Form && s.Death.DeathDate <= day
	case FieldDeathDate:
		return to == "" || day.Valid() && day <= s.Death.IssuedOn
	case FieldCause:
		return slices.Contains([]CauseClass{Natural, Unnatural, Unknown}, CauseClass(to))
	case FieldStarted:
		t, ok := instant(to)
		return ok && !t.After(now) && (s.Completed.IsZero() || t.Before(s.Completed))
	case FieldCompleted:
		t, ok := instant(to)
		return to == "" || ok && !t.After(now) && t.After(s.Started.At)
	case FieldWeight:
		g, err := strconv.Atoi(to)
		return err == nil && g > 0 && strconv.Itoa(g) == to
	}
	return false
}

// instant reads a time as Value words it.
func instant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil && t.Year() > 1
}

// corrected applies a correction. Of a person who is forgotten the former value
// stays.
func (s CremationState) corrected(e Corrected) CremationState {
	to, ok := e.To.Get()
	if !ok {
		return s
	}
	of := e.To.Subject()
	switch e.Field {
	case FieldDeathNumber:
		s.Death.Number = e.To
	case FieldDeathIssuer:
		s.Death.Issuer = to
	case FieldDeathIssued:
		s.Death.IssuedOn = domain.Date(to)
	case FieldDeathDate:
		s.Death.DeathDate = domain.Date(to)
	case FieldCause:
		s.Death.CauseClass = domain.Personal(of, CauseClass(to))
	case FieldPoliceNumber:
		s.Police.Number = e.To
	case FieldCollector:
		former := s.Confirmation.Collector
		s.Confirmation.Collector = domain.Subject(to)
		s.Shares = slices.Clone(s.Shares)
		for i, x := range s.Shares {
			if x.InCustody() && x.Collector == former {
				s.Shares[i].Collector = s.Confirmation.Collector
			}
		}
	case FieldStarted:
		if t, ok := instant(to); ok {
			s.Started.At = t
		}
	case FieldCompleted:
		s.Completed, _ = instant(to)
	case FieldWeight:
		if g, err := strconv.Atoi(to); err == nil && len(s.Shares) == 1 {
			s.Ashes.WeightG = g
			s.Shares = slices.Clone(s.Shares)
			s.Shares[0].WeightG = g
		}
	}
	return s
}

func (s CremationState) clarify(c Clarify) ([]CremationEvent, error) {
	switch {
	case c.Clarification != uuid.Nil && slices.Contains(s.Clarifications, c.Clarification):
		return nil, nil
	case s.Started.At.IsZero():
		return nil, ErrNotUnderway
	case c.Clarification == uuid.Nil || strings.TrimSpace(c.Text.Or("")) == "":
		return nil, ErrClarification
	case c.About != "" && !slices.Contains(Fields, c.About):
		return nil, ErrField.With(c.About)
	}
	return []CremationEvent{Clarified{c.Clarification, c.About, c.Text}}, nil
}

func (s CremationState) recordTelemetry(c RecordTelemetry) ([]CremationEvent, error) {
	if c.Gap <= 0 {
		c.Gap = TelemetryGap
	}
	e := TelemetryRecorded{c.By, c.Key, c.StartedAt.UTC().Round(0), c.EndedAt.UTC().Round(0), int(c.Gap / time.Second)}
	switch {
	case s.Telemetry == e:
		return nil, nil
	case s.Started.At.IsZero():
		return nil, ErrNotStarted
	case c.By == s.Started.Operator || slices.Contains(s.Started.Verifiers[:], c.By):
		return nil, ErrTelemetrySource
	case !c.Signed || c.Key == "":
		return nil, ErrTelemetry
	case e.StartedAt.IsZero() && e.EndedAt.IsZero() || c.Estimated:
		return nil, ErrTimeNeeded
	case !e.EndedAt.IsZero() && !e.StartedAt.IsZero() && !e.EndedAt.After(e.StartedAt):
		return nil, ErrBeforeStart.With(domain.FormatTime(e.StartedAt))
	}
	for _, t := range []time.Time{e.StartedAt, e.EndedAt} {
		if t.After(c.Now) {
			return nil, domain.ErrFuture.With(domain.FormatTime(t))
		}
	}
	return s.andAnomalies(0, e), nil
}

func (s CremationState) explainAnomaly(c ExplainAnomaly) ([]CremationEvent, error) {
	i := slices.IndexFunc(s.Anomalies, func(a Anomaly) bool { return a.Kind == c.Kind })
	e := AnomalyExplained{c.Kind, c.Reason, c.By}
	switch {
	case i < 0:
		return nil, ErrNoAnomaly
	case s.Anomalies[i].Explained == e:
		return nil, nil
	case strings.TrimSpace(c.Reason) == "":
		return nil, ErrAnomalyReason
	case c.By == s.Started.Operator:
		return nil, ErrAnomalySelf
	}
	return []CremationEvent{e}, nil
}

// andAnomalies is the event with the anomalies that come to light by it. Each
// kind is flagged once. A time that nobody knows proves nothing.
func (s CremationState) andAnomalies(minMinutes int, e CremationEvent) []CremationEvent {
	es := []CremationEvent{e}
	flag := func(k AnomalyKind, found, limit time.Duration) {
		if !slices.ContainsFunc(s.Anomalies, func(a Anomaly) bool { return a.Kind == k }) {
			es = append(es, AnomalyFlagged{k, int(found / time.Second), int(limit / time.Second)})
		}
	}
	after := evolveCremation(s, e)
	if least := time.Duration(minMinutes) * time.Minute; !after.Completed.IsZero() {
		if took := after.Completed.Sub(after.Started.At); took < least {
			flag(TooShort, took, least)
		}
	}
	limit, worst := time.Duration(after.Telemetry.GapS)*time.Second, time.Duration(0)
	for _, pair := range [][2]time.Time{{after.Started.At, after.Telemetry.StartedAt}, {after.Completed, after.Telemetry.EndedAt}} {
		if !pair[0].IsZero() && !pair[1].IsZero() {
			worst = max(worst, pair[0].Sub(pair[1]).Abs())
		}
	}
	if after.Telemetry.Device != "" && worst > limit {
		flag(TelemetryDiffers, worst, limit)
	}
	return es
}
