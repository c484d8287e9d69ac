package institution

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
)

// ParametersCategory is the first part of a stream of parameters. Its id is a
// division ("210200") or an institution's credit code, whose values come before
// those of its division.
const ParametersCategory = "parameters"

// ParametersEvent is a fact about one body's parameters.
type ParametersEvent interface{ parametersEvent() }

// ParameterSet gave a parameter its value.
type ParameterSet struct {
	Name   Name   `json:"name"`
	Value  string `json:"value"`
	Unit   string `json:"unit,omitzero"`
	Reason string `json:"reason"`
	// Document is the paper that the value rests on, where there is one.
	Document string `json:"document,omitzero"`
}

func (ParameterSet) parametersEvent() {}

// ParametersCommand asks one body's parameters for something.
type ParametersCommand interface {
	domain.Command
	parametersCommand()
}

// SetParameter gives a parameter its value.
type SetParameter struct {
	domain.Act
	Name     Name
	Value    string
	Reason   string
	Document string
	// Administrator is the fact that Act.By administers this body.
	Administrator bool
}

func (SetParameter) parametersCommand() {}

// A Name is what a parameter is called: "storage_days".
type Name string

// The parameters.
const (
	StorageDays         Name = "storage_days"
	CollectionHours     Name = "collection_hours"
	NoticeDays          Name = "unclaimed_notice_days"
	AshesYears          Name = "unclaimed_ashes_years"
	AshesNotices        Name = "ashes_notice_days"
	DepositNotices      Name = "deposit_notice_days"
	CertificateHours    Name = "certificate_hours"
	HoldMinutes         Name = "hold_minutes"
	OfferMinutes        Name = "offer_minutes"
	FreeChangeUntil     Name = "free_change_until"
	LateHours           Name = "late_limit_hours"
	VerificationMinutes Name = "verification_minutes"
	CremationMinutes    Name = "cremation_minutes_min"
	TelemetryMinutes    Name = "telemetry_gap_minutes"
	CleanDownMinutes    Name = "clean_down_minutes"
	PaperDays           Name = "paper_days"
	RefundDays          Name = "refund_days"
	RefundFirst         Name = "sea_burial_refund"
	ReviewDays          Name = "review_days"
	OrderOfRight        Name = "order_of_right"
	TransportPhone      Name = "transport_phone"
	CodeHours           Name = "code_hours"
	QuietFrom           Name = "quiet_from"
	QuietUntil          Name = "quiet_until"
	BookingDays         Name = "booking_days"
	RetentionYears      Name = "retention_years"
	EcoPauseHours       Name = "eco_pause_hours"
	VoyageRelatives     Name = "voyage_relatives"
	VoyageOfferHours    Name = "voyage_offer_hours"
	FreezeDay           Name = "eco_freeze_day"
	ReviewResolveDays   Name = "review_resolve_days"
	ReviewExtensionDays Name = "review_extension_days"
	ReviewCheckDays     Name = "review_check_days"
	ReviewAttempts      Name = "review_attempts"
	ComplaintAckDays    Name = "complaint_acknowledge_days"
	ComplaintAnswerDays Name = "complaint_answer_days"
	ComplaintDecideDays Name = "complaint_decide_days"
	InspectionDays      Name = "inspection_publish_days"
	InspectionMonths    Name = "inspection_public_months"
	PenaltyHearingDays  Name = "penalty_statement_days"
	PenaltyPublishDays  Name = "penalty_publish_days"
	ReportDays          Name = "report_days"
	RepairDays          Name = "repair_days"
	PriceListMonths     Name = "price_list_months"

	CremationMinutesMost Name = "cremation_minutes_max"
	AlikeCremations      Name = "alike_cremations"
	PriceGapPercent      Name = "price_gap_percent"
	PriceJumpPercent     Name = "price_jump_percent"
	RatioJumpPoints      Name = "ratio_jump_points"
	RatioJumpLeast       Name = "ratio_jump_least"
	AnomalyDays          Name = "anomaly_days"
)

// A Definition says what a parameter means and what it may be.
type Definition struct {
	Name    Name
	Zh, En  string
	Unit    string // "day", "hour", "minute", "year", "clock", "phone", "list", "days", "switch"
	Default string // empty: unknown until somebody sets it
	// Min and Max bound a number.
	Min, Max int
	// Source is how well the default is founded: "F" found in a document, "M"
	// from memory, "P" our proposal.
	Source string
	// Document is where a default was found.
	Document string
}

// Definitions lists every parameter, in the order of the page. A default that
// was found elsewhere than in Dalian says where; none of them is Dalian's law.
var Definitions = []Definition{
	{StorageDays, "遗体存放期限，到期办延期", "Days of storage before an extension is due", "day", "7", 1, 90, "F", "郑州、广西；大连的规定没有找到"},
	{CollectionHours, "接到通知后接运的时限", "Hours in which remains are collected", "hour", "12", 1, 72, "F", "上海市殡葬管理条例（2024）；大连的规定没有找到"},
	{NoticeDays, "无人认领遗体的公告天数", "Days of public notice for an unclaimed body", "day", "30", 1, 180, "F", "吕梁；大连的规定没有找到"},
	{AshesYears, "无人认领骨灰的保管年限", "Years that unclaimed ashes are kept", "year", "2", 1, 20, "F", "上海；大连的规定没有找到"},
	{AshesNotices, "骨灰没有领取的，火化后第几天各通知一次", "Days after the cremation on which the family of uncollected ashes is told", "days", "30 90 180 365", 1, 3650, "P", ""},
	{DepositNotices, "骨灰寄存到期前几天各通知一次", "Days before the end of a deposit on which the family is told", "days", "60 30 7", 1, 365, "P", ""},
	{CertificateHours, "火化后出具火化证明的时限", "Hours in which the cremation certificate is issued", "hour", "4", 1, 72, "F", "湖南“身后一件事”；大连的规定没有找到"},
	{HoldMinutes, "网上选定时间的保留时长", "Minutes that a chosen slot is held", "minute", "15", 1, 240, "P", ""},
	{OfferMinutes, "候补通知的答复时限", "Minutes in which a waiting family answers an offer", "minute", "30", 5, 1440, "P", ""},
	{FreeChangeUntil, "免费改期、取消的最晚时间（前一日）", "Time of the day before until which a change is free", "clock", "17:00", 0, 0, "P", ""},
	{LateHours, "补记不需要说明原因的时限", "Hours in which a late record needs no reason", "hour", "24", 1, 168, "P", ""},
	{VerificationMinutes, "入炉前两人核验的间隔", "Minutes between the two checks before charging", "minute", "10", 1, 10, "F", "不变量 I4，只能改短"},
	{CremationMinutes, "火化时长低于此数的列为异常", "Minutes below which a cremation is an anomaly", "minute", "30", 5, 240, "P", ""},
	{TelemetryMinutes, "操作时间与设备时间相差超过此数的列为异常", "Minutes between the operator's and the furnace's own time beyond which an anomaly is flagged", "minute", "2", 1, 60, "P", ""},
	{CleanDownMinutes, "火化机每日清理时长", "Minutes of daily clean-down of a furnace", "minute", "120", 0, 480, "P", ""},
	{PaperDays, "容缺文书的补交期限", "Days in which a paper may follow", "day", "7", 1, 60, "P", ""},
	{RefundDays, "退费的办理期限", "Days in which a refund is paid", "day", "5", 1, 60, "P", ""},
	{RefundFirst, "海葬基本费用先缴后退（旧办法）", "Sea burial: basic fees paid first and refunded (former procedure)", "switch", "off", 0, 0, "P", ""},
	{ReviewDays, "差评首次回访的工作日", "Working days to the first call after a bad review", "day", "1", 1, 15, "P", ""},
	{OrderOfRight, "承办人的先后顺序", "Order of right of those who arrange a funeral", "list", "DESIGNATED SPOUSE CHILD PARENT SIBLING OTHER_RELATIVE EMPLOYER COMMITTEE CIVIL_AFFAIRS", 0, 0, "F", "上海市殡葬管理条例（2024）；大连的规定没有找到"},
	{TransportPhone, "接运电话", "Telephone of the transport desk", "phone", "", 0, 0, "P", ""},
	{CodeHours, "一次性号码的有效时长", "Hours that a one-time code is valid", "hour", "24", 1, 72, "P", ""},
	{QuietFrom, "夜间不发通知，从", "No notices at night, from", "clock", "22:00", 0, 0, "P", ""},
	{QuietUntil, "夜间不发通知，到", "No notices at night, until", "clock", "07:00", 0, 0, "P", ""},
	{BookingDays, "最多提前几天预约", "Days ahead that may be booked", "day", "7", 1, 60, "P", ""},
	{RetentionYears, "办结后个人资料的保存年限", "Years for which personal data is kept after the last act", "year", "10", 0, 100, "P", ""},
	{EcoPauseHours, "不保留骨灰的葬式，两次确认之间的间隔", "Hours between the two consents to a burial that keeps no ashes", "hour", "24", 1, 720, "P", ""},
	{VoyageRelatives, "海葬每具骨灰随行家属人数上限", "Most relatives aboard with each set of ashes", "person", "3", 1, 10, "F", "大连市2025年骨灰海葬通知"},
	{VoyageOfferHours, "航次取消后，为家属保留新座位的时长", "Hours that seats are kept for a family after a cancelled voyage", "hour", "72", 1, 720, "P", ""},
	{ReviewResolveDays, "实名差评办结的工作日", "Working days in which a bad review under a real name is resolved", "day", "5", 1, 30, "P", "德州、襄城为 5 个工作日；大连的规定没有找到"},
	{ReviewExtensionDays, "实名差评办结期限一次延长的工作日", "Working days by which that term is extended, once", "day", "10", 1, 30, "P", ""},
	{ReviewCheckDays, "监管部门核查回访结果的工作日", "Working days in which the authority checks a follow-up", "day", "5", 1, 30, "P", ""},
	{ReviewAttempts, "联系不上评价人时，须在几个不同的日子联系过", "Days on which a family is called before it counts as not reached", "number", "3", 1, 10, "P", ""},
	{ComplaintAckDays, "投诉受理的工作日", "Working days in which a complaint is taken up", "day", "2", 1, 15, "P", ""},
	{ComplaintAnswerDays, "机构答复投诉的工作日", "Working days in which an institution answers a complaint", "day", "5", 1, 30, "P", ""},
	{ComplaintDecideDays, "投诉作出处理决定的工作日", "Working days in which a complaint is decided", "day", "20", 1, 60, "P", ""},
	{InspectionDays, "检查结果公开的工作日", "Working days in which the result of an inspection is published", "day", "20", 1, 20, "F", "政府信息公开条例；只能改短"},
	{InspectionMonths, "检查结果公开的月数", "Months for which the result of an inspection stays public", "month", "12", 1, 36, "P", ""},
	{PenaltyHearingDays, "处罚前陈述申辩、要求听证的工作日", "Working days for a statement or a demand for a hearing before a penalty", "day", "5", 3, 30, "P", ""},
	{PenaltyPublishDays, "处罚决定公示的工作日（双公示）", "Working days in which a penalty is published", "day", "7", 1, 7, "F", "双公示；只能改短"},
	{FreezeDay, "每月生态安葬率在次月几日公布并冻结", "Day of the next month on which a month's eco-burial figures are published for good", "number", "10", 1, 28, "P", ""},
	{ReportDays, "火化、安葬超过此天数才补录的，列为报送逾期线索", "Days after which a cremation or burial recorded late is a suspicion of late reporting", "day", "10", 1, 365, "P", ""},
	{RepairDays, "公墓损坏报修后修好的工作日", "Working days in which reported damage in a cemetery is repaired", "day", "10", 1, 60, "P", ""},
	{PriceListMonths, "价目超过此月数没有重新公示的，列为过期线索", "Months after which a price list that was not published anew is a suspicion of being stale", "number", "12", 1, 60, "P", ""},
	{CremationMinutesMost, "火化时长高于此数的列为异常", "Minutes above which a cremation is an anomaly", "minute", "240", 60, 720, "P", ""},
	{AlikeCremations, "同一天时长完全相同的火化，几具以上列为异常", "Cremations of one day with the same duration to the second that are an anomaly", "number", "3", 2, 50, "P", ""},
	{PriceGapPercent, "同项标价高于全市中位数百分之几列为异常", "Per cent above the city's median from which a price is an anomaly", "number", "50", 5, 1000, "P", ""},
	{PriceJumpPercent, "同项标价比上一版高百分之几列为异常", "Per cent above the list before from which a price is an anomaly", "number", "30", 5, 1000, "P", ""},
	{RatioJumpPoints, "生态安葬率与上月相差几个百分点列为异常", "Percentage points from one month to the next from which an eco-burial share is an anomaly", "number", "20", 1, 100, "P", ""},
	{RatioJumpLeast, "两个月各有几例安葬以上才比较", "Burials in each of two months for their shares to be compared", "number", "10", 1, 1000, "P", ""},
	{AnomalyDays, "火化异常的说明期限", "Days in which an anomaly of a cremation is explained", "day", "3", 1, 60, "P", ""},
}

// Define finds a parameter's definition.
func Define(n Name) (Definition, bool) {
	i := slices.IndexFunc(Definitions, func(d Definition) bool { return d.Name == n })
	if i < 0 {
		return Definition{}, false
	}
	return Definitions[i], true
}

var phone = regexp.MustCompile(`^[0-9+() -]{3,20}$`)

// check says whether v may be the value, and answers with its canonical form.
func (d Definition) check(v string) (string, bool) {
	v = strings.TrimSpace(v)
	switch d.Unit {
	case "clock":
		return v, domain.Clock(v).Valid()
	case "phone":
		return v, phone.MatchString(v)
	case "switch":
		return v, v == "on" || v == "off"
	case "list":
		words := strings.Fields(v)
		unique := slices.Clone(words)
		slices.Sort(unique)
		return strings.Join(words, " "), len(words) > 0 && len(slices.Compact(unique)) == len(words)
	}
	if d.Unit == "days" {
		days := []string{}
		for w := range strings.FieldsSeq(v) {
			n, err := strconv.Atoi(w)
			if err != nil || n < d.Min || n > d.Max || slices.Contains(days, strconv.Itoa(n)) {
				return v, false
			}
			days = append(days, strconv.Itoa(n))
		}
		return strings.Join(days, " "), len(days) > 0
	}
	n, err := strconv.Atoi(v)
	return strconv.Itoa(n), err == nil && n >= d.Min && n <= d.Max
}

// ParametersState is one body's parameters with their history, oldest first.
type ParametersState struct {
	Sets []ParameterSet
	base *ParametersState
}

// Under takes the values of base where s has none: an institution's parameters
// under those of its division.
func (s ParametersState) Under(base ParametersState) ParametersState {
	s.base = &base
	return s
}

// Value is the value in force, the default where nobody set one.
func (s ParametersState) Value(n Name) string {
	if v, ok := s.set(n); ok {
		return v.Value
	}
	d, _ := Define(n)
	return d.Default
}

func (s ParametersState) set(n Name) (ParameterSet, bool) {
	for _, v := range slices.Backward(s.Sets) {
		if v.Name == n {
			return v, true
		}
	}
	if s.base != nil {
		return s.base.set(n)
	}
	return ParameterSet{}, false
}

// Int is a parameter that is a number.
func (s ParametersState) Int(n Name) int {
	v, _ := strconv.Atoi(s.Value(n))
	return v
}

// Duration is a parameter that is a time span, in its own unit.
func (s ParametersState) Duration(n Name) time.Duration {
	d, _ := Define(n)
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[d.Unit]
	return time.Duration(s.Int(n)) * unit
}

// Clock is a parameter that is a time of day.
func (s ParametersState) Clock(n Name) domain.Clock { return domain.Clock(s.Value(n)) }

// On says that a switch is on.
func (s ParametersState) On(n Name) bool { return s.Value(n) == "on" }

// Days is a parameter that is a list of days.
func (s ParametersState) Days(n Name) (days []int) {
	for _, w := range s.List(n) {
		if d, err := strconv.Atoi(w); err == nil {
			days = append(days, d)
		}
	}
	return days
}

// List is a parameter that is an ordered list of words.
func (s ParametersState) List(n Name) []string { return strings.Fields(s.Value(n)) }

// Parameters decides for one body's parameters.
var Parameters = domain.Decider[ParametersState, ParametersCommand, ParametersEvent]{Decide: decideParameters, Evolve: evolveParameters}

func evolveParameters(s ParametersState, e ParametersEvent) ParametersState {
	switch e := e.(type) {
	case ParameterSet:
		s.Sets = append(slices.Clip(s.Sets), e)
	}
	return s
}

// The rejections about parameters.
var (
	ErrNotAdministrator = domain.Reject("parameter_needs_administrator", "参数由管理员修改。", "Parameters are changed by an administrator.")
	ErrParameter        = domain.Reject("parameter_unknown", "没有“%s”这个参数。", "There is no parameter %q.")
	ErrParameterValue   = domain.Reject("parameter_invalid", "“%[1]s”不能是 %[3]s。", "%[2]q cannot be %[3]s.")
)

func decideParameters(s ParametersState, cmd ParametersCommand) ([]ParametersEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case SetParameter:
		return s.change(c)
	}
	panic("unreachable: sealed interface")
}

func (s ParametersState) change(c SetParameter) ([]ParametersEvent, error) {
	d, ok := Define(c.Name)
	value, fits := d.check(c.Value)
	have, set := s.set(c.Name)
	switch {
	case !c.Administrator:
		return nil, ErrNotAdministrator
	case !ok:
		return nil, ErrParameter.With(c.Name)
	case !fits:
		return nil, ErrParameterValue.With(d.Zh, d.En, c.Value)
	case set && have.Value == value:
		return nil, nil
	case blank(c.Reason):
		return nil, ErrReason
	}
	return []ParametersEvent{ParameterSet{c.Name, value, d.Unit, c.Reason, c.Document}}, nil
}
