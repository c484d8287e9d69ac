package api

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"

	"shenzhong/domain"
)

// texts are huma's findings in the program's two languages. The formats are
// huma's own, so a new version of it that rewords one falls back to "invalid"
// rather than to a wrong text.
var texts = func() []text {
	var ts []text
	for _, t := range [][4]string{
		{validation.MsgUnexpectedProperty, "unknown_field", "没有这一项。", "There is no such field."},
		{validation.MsgExpectedRequiredProperty, "missing_field", "缺少“%s”。", "%s is missing."},
		{validation.MsgExpectedDependentRequiredProperty, "missing_field", "填了“%[2]s”就要填“%[1]s”。", "%s is needed with %s."},
		{validation.MsgExpectedRFC3339DateTime, "not_a_time", "时间应写成 2026-11-23T09:30:00+08:00 这样。", "A time is written like 2026-11-23T09:30:00+08:00."},
		{msgInvisible, domain.ErrText.Code, domain.ErrText.Text("zh"), domain.ErrText.Text("en")},
		{msgTooEarly, "time_out_of_range", "时间早于 1900 年；不知道的，不填这一项。", "The time lies before 1900; leave it out when nobody knows."},
		{validation.MsgExpectedRFC3339Date, "not_a_date", "日期应写成 2026-11-23 这样。", "A date is written like 2026-11-23."},
		{validation.MsgExpectedRFC4122UUID, "not_an_id", "编号不是 UUID。", "The id is not a UUID."},
		{validation.MsgExpectedBoolean, "not_a_boolean", "只能是 true 或 false。", "Only true or false."},
		{validation.MsgExpectedNumber, "not_a_number", "应是数字。", "A number is expected."},
		{validation.MsgExpectedInteger, "not_an_integer", "应是整数；金额以分为单位。", "An integer is expected; money is in fen."},
		{validation.MsgExpectedString, "not_a_string", "应是文字。", "A string is expected."},
		{validation.MsgExpectedArray, "not_an_array", "应是数组。", "An array is expected."},
		{validation.MsgExpectedObject, "not_an_object", "应是对象。", "An object is expected."},
		{validation.MsgExpectedOneOf, "not_one_of", "只能是其中之一：%s。", "One of these is expected: %s."},
		{validation.MsgExpectedMinimumNumber, "too_small", "不能小于 %s。", "It cannot be less than %s."},
		{validation.MsgExpectedMaximumNumber, "too_large", "不能大于 %s。", "It cannot be more than %s."},
		{validation.MsgExpectedMinLength, "too_short", "至少 %s 个字符。", "At least %s characters."},
		{validation.MsgExpectedMaxLength, "too_long", "最多 %s 个字符。", "At most %s characters."},
		{validation.MsgExpectedMinItems, "too_few", "至少 %s 项。", "At least %s items."},
		{validation.MsgExpectedMaxItems, "too_many", "最多 %s 项。", "At most %s items."},
		{validation.MsgExpectedBePattern, "wrong_form", "格式不对。", "The form is not right."},
		{validation.MsgExpectedMatchPattern, "wrong_form", "格式不对。", "The form is not right."},
		{"required header parameter is missing", "missing_header", "缺少这个请求头。", "This header is missing."},
		{"required path parameter is missing", "missing_field", "缺少这一项。", "This is missing."},
		{"required query parameter is missing", "missing_field", "缺少这一项。", "This is missing."},
		{"unknown query parameter", "unknown_field", "没有这个参数。", "There is no such parameter."},
		{"request body is required", "missing_body", "缺少内容。", "The body is missing."},
		{"invalid date/time for format 2006-01-02T15:04:05.999999999Z07:00", "not_a_time", "时间应写成 2026-11-23T09:30:00+08:00 这样。", "A time is written like 2026-11-23T09:30:00+08:00."},
	} {
		form := regexp.QuoteMeta(t[0])
		for _, verb := range []string{"%s", "%v", "%d"} {
			form = strings.ReplaceAll(form, verb, "(.*)")
		}
		ts = append(ts, text{regexp.MustCompile("^" + form + "$"), t[1], t[2], t[3]})
	}
	return ts
}()

type text struct {
	form         *regexp.Regexp
	code, zh, en string
}

// said is huma's finding as a stable code and a sentence.
func said(msg, lang string) (code, sentence string) {
	for _, t := range texts {
		m := t.form.FindStringSubmatch(msg)
		if m == nil {
			continue
		}
		f := t.zh
		if lang == "en" {
			f = t.en
		}
		var args []any
		for _, a := range m[1:] {
			args = append(args, a)
		}
		if !strings.Contains(f, "%") {
			return t.code, f
		}
		return t.code, fmt.Sprintf(f, args...)
	}
	if lang == "en" {
		return "invalid", "The value is not valid."
	}
	return "invalid", "内容不对。"
}
