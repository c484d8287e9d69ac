package booking_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

var fixed = ParticularsFixed{"furnace-3"}

func of(s domain.Subject, v string) domain.Private[string] { return domain.Personal(s, v) }

func TestAmend(t *testing.T) {
	renamed := Amended{with(deceased, func(d *Deceased) { d.Name = of(dead, "林远洲") }), handler}
	amend := Amend{Act: by, Deceased: renamed.Deceased, Handler: handler}
	t.Run("before the cremation particulars are simply changed", func(t *testing.T) {
		spec.Given(t, opened).When(amend).Then(renamed)
		if s := spec.Given(t, opened, renamed).State(); s.Deceased.Name.Or("") != "林远洲" {
			t.Error(s.Deceased.Name.Or(""))
		}
	})
	t.Run("the same rules hold as when the case was opened", func(t *testing.T) {
		spec.Given(t, opened).When(with(amend, func(a *Amend) { a.Deceased.DeathDate = day.AddDays(1) })).Rejects(ErrDeathDate)
		spec.Given(t, opened).When(with(amend, func(a *Amend) { a.Handler.Phone = of(kin, "x") })).Rejects(ErrPhone)
		spec.Given(t, opened).When(with(amend, func(a *Amend) { a.Deceased = Deceased{Person: dead, Unnamed: Unidentified} })).Rejects(ErrUnclaimed)
	})
	t.Run("another handler is no amendment", func(t *testing.T) {
		spec.Given(t, opened).When(with(amend, func(a *Amend) { a.Handler = other })).Rejects(ErrReplacement)
	})
	t.Run("once the cremation has begun nothing is simply changed (I12)", func(t *testing.T) {
		spec.Given(t, opened, fixed).When(amend).Rejects(ErrAfterCremation)
		spec.Given(t, opened).When(with(amend, func(a *Amend) { a.Begun = true })).Rejects(ErrAfterCremation)
		spec.Given(t, opened).When(FixParticulars{by, fixed}).Then(fixed)
		spec.Given(t, opened, fixed).When(FixParticulars{by, ParticularsFixed{"furnace-4"}}).Then()
	})
	t.Run("a case that has ended is not amended", func(t *testing.T) {
		spec.Given(t, opened, Cancelled{Duplicate}).When(amend).Rejects(ErrEnded)
	})
}

func correct(f Field, from, to string) Correct {
	return Correct{Act: by, Correction: "k1", Field: f, From: from, To: to, Reason: "录入有误", Document: "身份证"}
}

// From charging on, a case changes only by Correction or Clarification (I12).
func TestCorrect(t *testing.T) {
	begun := spec.Given(t, opened, fixed)
	t.Run("a correction says what it was, what it is, and why", func(t *testing.T) {
		begun.When(correct(FieldName, "林远舟", "林远洲")).Then(Corrected{"k1", FieldName, of(dead, "林远舟"), of(dead, "林远洲"), "录入有误", "身份证"})
	})
	t.Run("and the case shows the new value, the log both", func(t *testing.T) {
		s := spec.Given(t, opened, fixed, Corrected{"k1", FieldName, of(dead, "林远舟"), of(dead, "林远洲"), "录入有误", ""}).State()
		if s.Value(FieldName) != "林远洲" || s.Corrections[0].From.Or("") != "林远舟" {
			t.Error(s.Value(FieldName), s.Corrections)
		}
	})
	t.Run("every field of the list can be corrected", func(t *testing.T) {
		to := map[Field]string{FieldName: "林远洲", FieldCitizenID: "210202194811300025", FieldDocument: "", FieldSex: "", FieldBirth: "", FieldDeathDate: "2026-11-21",
			FieldHukou: "210202", FieldNationality: "CHN", FieldHandlerName: "林希", FieldPhone: "13800000413", FieldRelation: "SIBLING", FieldHandlerID: "11010519491231002X"}
		for _, f := range Fields {
			want, listed := to[f]
			switch {
			case !listed:
				t.Errorf("%s is not tried", f)
			case want == "": // these need another deceased, below
			default:
				s := begun.State()
				es, err := Case.Decide(s, correct(f, s.Value(f), want))
				if err != nil {
					t.Errorf("%s: %v", f, err)
					continue
				}
				if got := Case.Fold(s, es...).Value(f); got != want {
					t.Errorf("%s: %s, want %s", f, got, want)
				}
				if strings.Contains(fmt.Sprintf("%+v", es), want) {
					t.Errorf("%s shows what is sealed", f)
				}
			}
		}
		d := with(nobody(), func(d *Deceased) { d.Document, d.Kind = document(Passport, "M12345678"), Foreign })
		g := spec.Given(t, openedWith(d), fixed)
		g.When(correct(FieldDocument, "PASSPORT:M12345678", "PASSPORT: m99999999 ")).
			Then(Corrected{"k1", FieldDocument, of(dead, "PASSPORT:M12345678"), of(dead, "PASSPORT:M99999999"), "录入有误", "身份证"})
		g.When(correct(FieldSex, "", "female")).Then(Corrected{"k1", FieldSex, domain.Private[string]{}, of(dead, "female"), "录入有误", "身份证"})
		g.When(correct(FieldBirth, "", "1950-01-01")).Then(Corrected{"k1", FieldBirth, domain.Private[string]{}, of(dead, "1950-01-01"), "录入有误", "身份证"})
	})
	t.Run("a corrected ID number corrects birth and sex with it", func(t *testing.T) {
		begun.When(correct(FieldCitizenID, "210211193504120018", "210202194811300025")).Then(
			Corrected{"k1", FieldCitizenID, of(dead, "210211193504120018"), of(dead, "210202194811300025"), "录入有误", "身份证"},
			Corrected{"k1.deceased.birth", FieldBirth, of(dead, "1935-04-12"), of(dead, "1948-11-30"), "录入有误", "身份证"},
			Corrected{"k1.deceased.sex", FieldSex, of(dead, "male"), of(dead, "female"), "录入有误", "身份证"})
	})
	for name, c := range map[string]struct {
		cmd  Correct
		want error
	}{
		"a correction has a reason":                             {with(correct(FieldName, "林远舟", "林远洲"), func(c *Correct) { c.Reason = " " }), ErrCorrectionReason},
		"and an id":                                             {with(correct(FieldName, "林远舟", "林远洲"), func(c *Correct) { c.Correction = "" }), ErrNoID},
		"it is of a field of the list":                          {correct("deceased.soul", "", "x"), ErrField},
		"the former value is the one that stands":               {correct(FieldName, "林某", "林远洲"), ErrCorrectionFrom},
		"it changes something":                                  {correct(FieldName, "林远舟", "林远舟"), ErrCorrectionSame},
		"the new value is one that can be":                      {correct(FieldDeathDate, "2026-11-22", "2026-12-22"), ErrDeathDate},
		"an ID number has its check digit":                      {correct(FieldCitizenID, "210211193504120018", "210211193504120019"), domain.ErrCitizenID},
		"birth and sex follow the ID number, not the other way": {correct(FieldBirth, "1935-04-12", "1935-04-13"), ErrIDMismatch},
		"a name is not corrected away":                          {correct(FieldName, "林远舟", ""), ErrDeceased},
		"a relation is one of the list":                         {correct(FieldRelation, "CHILD", "FRIEND"), ErrHandler},
	} {
		t.Run(name, func(t *testing.T) { begun.When(c.cmd).Rejects(c.want) })
	}
	t.Run("one id is one correction", func(t *testing.T) {
		g := spec.Given(t, opened, fixed, Corrected{"k1", FieldName, of(dead, "林远舟"), of(dead, "林远洲"), "录入有误", "身份证"})
		g.When(correct(FieldName, "林远舟", "林远洲")).Then()
		g.When(correct(FieldName, "林远舟", "林远周")).Rejects(ErrCorrectionExists)
	})
	t.Run("before the cremation there is nothing to correct", func(t *testing.T) {
		spec.Given(t, opened).When(correct(FieldName, "林远舟", "林远洲")).Rejects(ErrBeforeCremation)
		spec.Given(t, opened).When(with(correct(FieldName, "林远舟", "林远洲"), func(c *Correct) { c.Begun = true })).
			Then(Corrected{"k1", FieldName, of(dead, "林远舟"), of(dead, "林远洲"), "录入有误", "身份证"})
	})
	t.Run("what is forgotten stays forgotten, and what was kept in clear stays what it was", func(t *testing.T) {
		var gone domain.Private[string]
		gone.SetForgotten(dead)
		s := spec.Given(t, opened, fixed, Corrected{"k1", FieldName, gone, gone, "录入有误", ""}, Corrected{"k2", FieldDeathDate, gone, gone, "录入有误", ""},
			Corrected{"k3", FieldCitizenID, gone, gone, "录入有误", ""}, Corrected{"k4", FieldDocument, gone, gone, "录入有误", ""}).State()
		if !s.Deceased.Name.IsForgotten() || !s.Deceased.CitizenID.IsForgotten() || s.Deceased.DeathDate != "2026-11-22" {
			t.Errorf("%#v", s.Deceased)
		}
	})
}

func TestClarify(t *testing.T) {
	c := Clarify{Act: by, Clarification: "e1", Field: FieldDeathDate, Text: "以医院更正后的证明为准"}
	e := Clarified{"e1", FieldDeathDate, of(dead, "以医院更正后的证明为准")}
	t.Run("a clarification explains and changes nothing", func(t *testing.T) {
		spec.Given(t, opened, fixed).When(c).Then(e)
		before, after := spec.Given(t, opened, fixed).State(), spec.Given(t, opened, fixed, e).State()
		if before.Deceased != after.Deceased || before.Handler != after.Handler || len(after.Clarifications) != 1 {
			t.Error("something changed")
		}
	})
	t.Run("it is about a field, with words, after the cremation began", func(t *testing.T) {
		spec.Given(t, opened, fixed).When(with(c, func(c *Clarify) { c.Text = " " })).Rejects(ErrClarification)
		spec.Given(t, opened, fixed).When(with(c, func(c *Clarify) { c.Field = "x" })).Rejects(ErrField)
		spec.Given(t, opened, fixed).When(with(c, func(c *Clarify) { c.Clarification = "" })).Rejects(ErrNoID)
		spec.Given(t, opened).When(c).Rejects(ErrBeforeCremation)
		spec.Given(t, opened, fixed, e).When(with(c, func(c *Clarify) { c.Text = "另一句" })).Rejects(ErrCorrectionExists)
	})
}

// I12, through random commands: from the moment the cremation has begun, the
// particulars of a case differ from what they were only by Corrected events,
// each of which tells the value that stood before it, and a reason.
func TestNothingChangesAfterTheCremationButByCorrection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		names := rapid.SampledFrom([]string{"林远舟", "林远洲", "林远周", ""})
		dates := rapid.SampledFrom([]string{"2026-11-20", "2026-11-21", "2026-11-22", ""})
		domaintest.Random(t, Case, func(s State) Command {
			n++
			if !s.Exists() {
				return Open{by, opened}
			}
			f := rapid.SampledFrom(Fields)
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				if rapid.IntRange(0, 2).Draw(t, "begin") == 0 {
					return FixParticulars{by, fixed}
				}
				fallthrough
			case 1, 2:
				return Amend{Act: by, Deceased: with(deceased, func(d *Deceased) {
					d.Name, d.DeathDate = of(dead, names.Draw(t, "name")), domain.Date(dates.Draw(t, "date"))
				}), Handler: handler}
			case 3:
				return ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: rapid.SampledFrom([]Handler{handler, other}).Draw(t, "handler"), Document: "文书"}}
			case 4:
				return RecordCircumstances{by, CircumstancesRecorded{Place: rapid.SampledFrom(DeathPlaces).Draw(t, "place")}}
			case 5:
				return Clarify{Act: by, Clarification: fmt.Sprint(n), Field: f.Draw(t, "field"), Text: "说明"}
			case 6:
				return Open{by, opened}
			}
			field := rapid.SampledFrom([]Field{FieldName, FieldDeathDate, FieldHukou, FieldCitizenID}).Draw(t, "field")
			from, to := s.Value(field), ""
			switch field {
			case FieldName:
				to = names.Draw(t, "name")
			case FieldDeathDate:
				to = dates.Draw(t, "date")
			case FieldHukou:
				to = rapid.SampledFrom([]string{"210202", "220100", "?"}).Draw(t, "hukou")
			case FieldCitizenID:
				to = rapid.SampledFrom([]string{"210202194811300025", "210281196002290132", "1"}).Draw(t, "id")
			}
			if rapid.IntRange(0, 4).Draw(t, "stale") == 0 {
				from = names.Draw(t, "from")
			}
			return Correct{Act: by, Correction: fmt.Sprint(n), Field: field, From: from, To: to, Reason: rapid.SampledFrom([]string{"录入有误", ""}).Draw(t, "reason")}
		}, func(s State, history []Event) {
			i := slices.IndexFunc(history, func(e Event) bool { _, ok := e.(ParticularsFixed); return ok })
			if i < 0 {
				return
			}
			then := Case.Fold(Case.Initial, history[:i+1]...)
			values := map[Field]string{}
			for _, f := range Fields {
				values[f] = then.Value(f)
			}
			for _, e := range history[i+1:] {
				switch e := e.(type) {
				case Corrected:
					if e.From.Or("") != values[e.Field] || e.To.Or("") == e.From.Or("") || e.Reason == "" {
						t.Fatalf("%s was %q, the correction says %q to %q because %q", e.Field, values[e.Field], e.From.Or(""), e.To.Or(""), e.Reason)
					}
					values[e.Field] = e.To.Or("")
				case Clarified:
				default:
					t.Fatalf("%T after the cremation began", e)
				}
			}
			for _, f := range Fields {
				if s.Value(f) != values[f] {
					t.Fatalf("%s is %q, the corrections lead to %q", f, s.Value(f), values[f])
				}
			}
			if s.Circumstances != then.Circumstances || s.Deceased.Person != then.Deceased.Person || s.Handler.Person != then.Handler.Person {
				t.Fatal("changed without a correction")
			}
		})
	})
}
