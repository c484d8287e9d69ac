package institution_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain/domaintest"
	. "shenzhong/domain/institution"
)

var parameters = domaintest.For(Parameters)

func TestParameters(t *testing.T) {
	set := SetParameter{by, StorageDays, "10", "局长办公会", "内部文件（演示）", true}
	done := ParameterSet{StorageDays, "10", "day", "局长办公会", "内部文件（演示）"}
	t.Run("an administrator sets a parameter and says why", func(t *testing.T) {
		parameters.Given(t).When(set).Then(done)
		parameters.Given(t, done).When(set).Then()
		parameters.Given(t).When(with(set, func(c *SetParameter) { c.Reason = " " })).Rejects(ErrReason)
	})
	t.Run("nobody else does", func(t *testing.T) {
		parameters.Given(t).When(with(set, func(c *SetParameter) { c.Administrator = false })).Rejects(ErrNotAdministrator)
	})
	t.Run("there are no parameters but those of the list", func(t *testing.T) {
		parameters.Given(t).When(with(set, func(c *SetParameter) { c.Name = "vat" })).Rejects(ErrParameter)
	})
	for name, bad := range map[Name][]string{
		StorageDays:         {"", "0", "91", "seven", "7.5"},
		VerificationMinutes: {"11", "0"}, // I4: it may only be shortened
		FreeChangeUntil:     {"25:00", "17", ""},
		TransportPhone:      {"call us", ""},
		RefundFirst:         {"yes"},
		OrderOfRight:        {"", "SPOUSE SPOUSE"},
	} {
		t.Run(string(name)+" has a value that can be", func(t *testing.T) {
			for _, v := range bad {
				parameters.Given(t).When(with(set, func(c *SetParameter) { c.Name, c.Value = name, v })).Rejects(ErrParameterValue)
			}
		})
	}
	t.Run("numbers and lists are kept in one form", func(t *testing.T) {
		parameters.Given(t).When(with(set, func(c *SetParameter) { c.Value = " 010 " })).Then(done)
		parameters.Given(t).When(with(set, func(c *SetParameter) { c.Name, c.Value = OrderOfRight, " CHILD  SPOUSE " })).
			Then(ParameterSet{OrderOfRight, "CHILD SPOUSE", "list", set.Reason, set.Document})
	})
	t.Run("every default is a value that could be set, or unknown", func(t *testing.T) {
		for _, d := range Definitions {
			if d.Source != "F" && d.Source != "M" && d.Source != "P" || d.Source == "F" && d.Document == "" || d.Zh == "" || d.En == "" {
				t.Errorf("%s does not say where its default comes from", d.Name)
			}
			if d.Default == "" {
				continue
			}
			parameters.Given(t).When(with(set, func(c *SetParameter) { c.Name, c.Value = d.Name, d.Default })).
				Then(ParameterSet{d.Name, d.Default, d.Unit, set.Reason, set.Document})
		}
	})
	t.Run("the institution's own value comes before its division's, that before the default", func(t *testing.T) {
		none := parameters.Given(t).State()
		division := parameters.Given(t, ParameterSet{Name: HoldMinutes, Value: "20"}, ParameterSet{Name: PaperDays, Value: "3"}).State()
		home := parameters.Given(t, ParameterSet{Name: HoldMinutes, Value: "30"}).State()
		s := home.Under(division)
		if s.Duration(HoldMinutes) != 30*time.Minute || s.Int(PaperDays) != 3 || s.Duration(LateHours) != 24*time.Hour || none.Int(StorageDays) != 7 {
			t.Error(s.Duration(HoldMinutes), s.Int(PaperDays), s.Duration(LateHours))
		}
		if s.On(RefundFirst) || s.Clock(FreeChangeUntil) != "17:00" || s.Value(TransportPhone) != "" || s.List(OrderOfRight)[1] != "SPOUSE" || s.Duration(StorageDays) != 7*24*time.Hour {
			t.Error("defaults")
		}
	})
	t.Run("what was in force before stays on the list", func(t *testing.T) {
		s := parameters.Given(t, done, with(done, func(p *ParameterSet) { p.Value = "12" })).State()
		if len(s.Sets) != 2 || s.Int(StorageDays) != 12 || s.Sets[0].Value != "10" {
			t.Error(s.Sets)
		}
	})
}

// Whatever is set by whomever, every value in force lies within its bounds and
// has an administrator's reason.
func TestRandomParameters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Parameters, func(ParametersState) ParametersCommand {
			d := rapid.SampledFrom(Definitions).Draw(t, "definition")
			v := rapid.SampledFrom([]string{"-1", "0", "1", "5", "30", "10000", "on", "off", "08:00", "99:00", "0411-83600000", "SPOUSE CHILD", "", "x"}).Draw(t, "value")
			return SetParameter{by, d.Name, v, rapid.SampledFrom([]string{"", "会议决定"}).Draw(t, "reason"), "", rapid.Bool().Draw(t, "administrator")}
		}, func(s ParametersState, _ []ParametersEvent) {
			for _, p := range s.Sets {
				d, ok := Define(p.Name)
				n := s.Int(p.Name)
				if !ok || p.Reason == "" || d.Max > 0 && (n < d.Min || n > d.Max) || d.Unit == "clock" && !s.Clock(p.Name).Valid() || d.Unit == "switch" && !slices.Contains([]string{"on", "off"}, p.Value) {
					t.Fatalf("%+v", p)
				}
			}
		})
	})
}
