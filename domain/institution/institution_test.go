package institution_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/institution"
)

var (
	by   = domaintest.By("staff-0001")
	spec = domaintest.For(Institution)

	home = Registered{
		CreditCode: "12210200422000019F", NameZh: "海晏殡仪馆（演示）", NameEn: "Haiyan Funeral Home (demo)", Kind: FuneralHome,
		Division: "210211", Address: "演示路 1 号", Operator: Government, RegisteredOn: "2010-05-04", Fictitious: true,
	}
	licence = Licensed{Licence: "operating", Number: "演字第 1 号", ValidFrom: "2024-01-01", ValidUntil: "2026-12-31", Document: "演示批复"}
	hall    = ResourceAdded{Resource: "hall-1", Kind: Hall, NameZh: "一号厅", Opens: "08:00", Closes: "16:00", SlotMinutes: 30, BufferMinutes: 15, Capacity: 60}
)

// with edits a copy.
func with[T any](v T, edit func(*T)) T { edit(&v); return v }

func TestRegister(t *testing.T) {
	t.Run("an institution is registered once", func(t *testing.T) {
		spec.Given(t).When(Register{by, home}).Then(home)
		spec.Given(t, home).When(Register{by, home}).Then()
	})
	t.Run("the same registration again is no news even after a change of name", func(t *testing.T) {
		spec.Given(t, home, Renamed{NameZh: "海晏殡仪馆"}).When(Register{by, home}).Then()
	})
	t.Run("a second registration with other particulars is refused", func(t *testing.T) {
		spec.Given(t, home).When(Register{by, with(home, func(r *Registered) { r.Division = "210212" })}).Rejects(ErrRegistered)
	})
	for name, c := range map[string]struct {
		edit func(*Registered)
		want error
	}{
		"a wrong check character is refused":       {func(r *Registered) { r.CreditCode = "122102004220000190" }, domain.ErrCreditCode},
		"a code not in its canonical form too":     {func(r *Registered) { r.CreditCode = "12210200422000019f" }, domain.ErrCreditCode},
		"a division has six digits":                {func(r *Registered) { r.Division = "2102" }, domain.ErrDivision},
		"an institution has a name":                {func(r *Registered) { r.NameZh = " " }, ErrName},
		"the kind is one of the list":              {func(r *Registered) { r.Kind = "HOTEL" }, ErrKind},
		"the operator is one of the list":          {func(r *Registered) { r.Operator = "" }, ErrOperator},
		"a registration of tomorrow is refused":    {func(r *Registered) { r.RegisteredOn = "2026-11-24" }, ErrFutureDate},
		"a registration date is one that exists":   {func(r *Registered) { r.RegisteredOn = "2010-02-30" }, domain.Reject("date_invalid", "", "")},
		"a new for-profit home is refused":         {func(r *Registered) { r.Operator, r.RegisteredOn = Commercial, "2026-03-31" }, ErrNewFacility},
		"and on the very day the regulation began": {func(r *Registered) { r.Operator, r.RegisteredOn = Commercial, "2026-03-30" }, ErrNewFacility},
		"and when nobody says since when it is":    {func(r *Registered) { r.Operator, r.RegisteredOn = Commercial, "" }, ErrNewFacility},
		"a new private non-profit home is refused": {func(r *Registered) { r.Operator, r.RegisteredOn = NonProfit, "2026-06-01" }, ErrNewFacility},
		"a new commercial cemetery is refused":     {func(r *Registered) { r.Kind, r.RegisteredOn = CemeteryCommercial, "2026-06-01" }, ErrNewFacility},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t).When(Register{by, with(home, c.edit)}).Rejects(c.want) })
	}
	for name, edit := range map[string]func(*Registered){
		"a for-profit cemetery from before the regulation stays": func(r *Registered) {
			r.Kind, r.Operator, r.RegisteredOn = CemeteryCommercial, Commercial, "2026-03-29"
		},
		"a government home may be new": func(r *Registered) { r.RegisteredOn = "2026-06-01" },
		"a village may run its own new cemetery": func(r *Registered) {
			r.Kind, r.Operator, r.RegisteredOn = CemeteryPublicRural, Village, "2026-06-01"
		},
		"a sea-burial operator has no facility and may be a company": func(r *Registered) {
			r.Kind, r.Operator, r.RegisteredOn = SeaBurialOperator, Commercial, "2026-06-01"
		},
		"a government home may not know its date any more": func(r *Registered) { r.RegisteredOn = "" },
	} {
		t.Run(name, func(t *testing.T) {
			r := with(home, edit)
			spec.Given(t).When(Register{by, r}).Then(r)
		})
	}
	t.Run("the refusal of a new for-profit facility names the regulation", func(t *testing.T) {
		if ErrNewFacility.Basis == "" {
			t.Error("no document")
		}
	})
	t.Run("nothing happens to an institution that is not registered", func(t *testing.T) {
		for _, c := range []Command{License{by, licence}, AddResource{by, hall}, RetireResource{by, ResourceRetired{"hall-1", "2026-11-23", "拆除"}}, Rename{by, Renamed{NameZh: "新名"}}} {
			spec.Given(t).When(c).Rejects(ErrNotRegistered)
		}
	})
	t.Run("a time from the future is refused", func(t *testing.T) {
		spec.Given(t).When(Register{with(by, func(a *domain.Act) { a.At = a.Now.Add(1) }), home}).Rejects(domain.ErrFuture)
	})
}

func TestLicence(t *testing.T) {
	t.Run("a licence is recorded once", func(t *testing.T) {
		spec.Given(t, home).When(License{by, licence}).Then(licence)
	})
	t.Run("one number cannot mean two things on one day", func(t *testing.T) {
		spec.Given(t, home, licence).When(License{by, with(licence, func(l *Licensed) { l.ValidUntil = "2027-12-31" })}).Rejects(ErrLicenceUsed)
	})
	t.Run("a renewal may keep its number", func(t *testing.T) {
		next := with(licence, func(l *Licensed) { l.ValidFrom, l.ValidUntil = "2027-01-01", "" })
		spec.Given(t, home, licence).When(License{by, next}).Then(next)
	})
	for name, edit := range map[string]func(*Licensed){
		"a licence has a number":               func(l *Licensed) { l.Number = "" },
		"a licence says what it permits":       func(l *Licensed) { l.Licence = "" },
		"a licence begins on a day":            func(l *Licensed) { l.ValidFrom = "" },
		"a licence does not end before it has": func(l *Licensed) { l.ValidUntil = "2023-12-31" },
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, home).When(License{by, with(licence, edit)}).Rejects(ErrLicence) })
	}
	t.Run("a licence covers its first and its last day and no other", func(t *testing.T) {
		s := spec.Given(t, home, licence).State()
		for d, want := range map[domain.Date]bool{"2023-12-31": false, "2024-01-01": true, "2026-12-31": true, "2027-01-01": false} {
			if s.LicensedOn(d) != want {
				t.Errorf("%s: %v", d, !want)
			}
		}
		if !spec.Given(t, home, with(licence, func(l *Licensed) { l.ValidUntil = "" })).State().LicensedOn("2099-01-01") {
			t.Error("a licence without end ended")
		}
	})
}

func TestResources(t *testing.T) {
	t.Run("a resource is added once", func(t *testing.T) {
		spec.Given(t, home).When(AddResource{by, hall}).Then(hall)
	})
	t.Run("a resource name is never used for another", func(t *testing.T) {
		spec.Given(t, home, hall).When(AddResource{by, with(hall, func(r *ResourceAdded) { r.NameZh = "二号厅" })}).Rejects(ErrResourceID)
		spec.Given(t, home, hall, ResourceRetired{"hall-1", "2026-12-01", "拆除"}).When(AddResource{by, hall}).Rejects(ErrResourceID)
	})
	for name, edit := range map[string]func(*ResourceAdded){
		"a resource name fits an address":        func(r *ResourceAdded) { r.Resource = "厅 1" },
		"a resource name has no dot":             func(r *ResourceAdded) { r.Resource = "hall.1" },
		"a resource is of a known kind":          func(r *ResourceAdded) { r.Kind = "bar" },
		"a resource has a name for people":       func(r *ResourceAdded) { r.NameZh = "" },
		"a resource opens before it closes":      func(r *ResourceAdded) { r.Opens, r.Closes = "16:00", "08:00" },
		"opening hours are times of day":         func(r *ResourceAdded) { r.Closes = "25:00" },
		"a slot has a length":                    func(r *ResourceAdded) { r.SlotMinutes = 0 },
		"a slot fits into the day":               func(r *ResourceAdded) { r.SlotMinutes = 481 },
		"a buffer is not negative":               func(r *ResourceAdded) { r.BufferMinutes = -1 },
		"a resource holds something":             func(r *ResourceAdded) { r.Capacity = 0 },
		"a furnace holds one set of remains, I7": func(r *ResourceAdded) { r.Kind, r.Capacity = Furnace, 2 },
	} {
		t.Run(name, func(t *testing.T) {
			spec.Given(t, home).When(AddResource{by, with(hall, edit)}).Rejects(domain.Reject("resource_invalid", "", ""))
		})
	}
	retired := ResourceRetired{"hall-1", "2026-12-01", "拆除"}
	t.Run("a retired resource serves until the day before", func(t *testing.T) {
		spec.Given(t, home, hall).When(RetireResource{by, retired}).Then(retired)
		r, ok := spec.Given(t, home, hall, retired).State().Resource("hall-1")
		if !ok || !r.ServesOn("2026-11-30") || r.ServesOn("2026-12-01") {
			t.Error(r, ok)
		}
	})
	t.Run("a resource is retired once, with a day and a reason", func(t *testing.T) {
		spec.Given(t, home, hall, retired).When(RetireResource{by, ResourceRetired{"hall-1", "2027-01-01", "又一次"}}).Then()
		spec.Given(t, home, hall).When(RetireResource{by, ResourceRetired{"hall-2", "2026-12-01", "拆除"}}).Rejects(ErrNoResource)
		spec.Given(t, home, hall).When(RetireResource{by, ResourceRetired{"hall-1", "2026-12-01", ""}}).Rejects(ErrReason)
		spec.Given(t, home, hall).When(RetireResource{by, ResourceRetired{"hall-1", "", "拆除"}}).Rejects(domain.Reject("date_invalid", "", ""))
	})
}

func TestRename(t *testing.T) {
	t.Run("the state has the name of today", func(t *testing.T) {
		now := Renamed{NameZh: "海晏殡仪馆", Document: "演示批复"}
		spec.Given(t, home).When(Rename{by, now}).Then(now)
		if s := spec.Given(t, home, now).State(); s.NameZh != "海晏殡仪馆" || s.NameEn != "" {
			t.Error(s.NameZh, s.NameEn)
		}
	})
	t.Run("a name is not empty", func(t *testing.T) { spec.Given(t, home).When(Rename{by, Renamed{}}).Rejects(ErrName) })
	t.Run("a name can be read as it stands", func(t *testing.T) {
		for _, bad := range []string{"\u200b", "a\u0000b", "\u202eabc", "a\nb"} {
			spec.Given(t, home).When(Rename{by, Renamed{NameZh: bad}}).Rejects(domain.ErrText)
			spec.Given(t, home).When(Rename{by, Renamed{NameZh: "海晏", NameEn: "x" + bad}}).Rejects(domain.ErrText)
		}
	})
	t.Run("the same name is no news", func(t *testing.T) {
		spec.Given(t, home).When(Rename{by, Renamed{NameZh: home.NameZh, NameEn: home.NameEn}}).Then()
	})
}

// Whatever is asked in whatever order: nothing precedes the registration, a
// for-profit facility is older than the regulation, resource names are unique
// and one licence number means one thing a day; states already seen never change.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var history []Event
		s := Institution.Initial
		dates := rapid.SampledFrom([]domain.Date{"", "2010-05-04", "2026-03-29", "2026-03-30", "2026-11-23", "2027-01-01"})
		names := rapid.SampledFrom([]string{"hall-1", "hall-2", "furnace-1", "Bad Name"})
		for range rapid.IntRange(5, 25).Draw(t, "commands") {
			var c Command
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				r := home
				r.Kind, r.Operator, r.RegisteredOn = rapid.SampledFrom(Kinds).Draw(t, "kind"), rapid.SampledFrom(Operators).Draw(t, "operator"), dates.Draw(t, "since")
				c = Register{by, r}
			case 1:
				c = License{by, Licensed{Licence: "operating", Number: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "number"), ValidFrom: dates.Draw(t, "from"), ValidUntil: dates.Draw(t, "until")}}
			case 2:
				r := hall
				r.Resource, r.Kind, r.Capacity = names.Draw(t, "resource"), rapid.SampledFrom(ResourceKinds).Draw(t, "kind"), rapid.IntRange(0, 2).Draw(t, "capacity")
				c = AddResource{by, r}
			case 3:
				c = RetireResource{by, ResourceRetired{names.Draw(t, "resource"), dates.Draw(t, "from"), "演示"}}
			case 4:
				c = Rename{by, Renamed{NameZh: rapid.SampledFrom([]string{"", "甲", "乙"}).Draw(t, "name")}}
			}
			es, err := Institution.Decide(s, c)
			if err != nil {
				var rj *domain.Rejection
				if !errors.As(err, &rj) || len(es) > 0 {
					t.Fatalf("%T: %v with %v", c, err, es)
				}
				continue
			}
			s = Institution.Fold(s, es...)
			history = append(history, es...)
			if again, err := Institution.Decide(s, c); err == nil && len(again) > 0 {
				t.Fatalf("%T happens twice: %v", c, again)
			}
		}
		if len(history) > 0 {
			r, ok := history[0].(Registered)
			if !ok {
				t.Fatalf("%T before the registration", history[0])
			}
			if r.Kind.Facility() && (r.Operator == Commercial || r.Kind == CemeteryCommercial) && (r.RegisteredOn == "" || r.RegisteredOn >= "2026-03-30") {
				t.Fatalf("a new for-profit facility: %+v", r)
			}
		}
		var used []string
		for _, r := range s.Resources {
			if slices.Contains(used, r.Resource) || r.Kind == Furnace && r.Capacity != 1 {
				t.Fatalf("resources: %+v", s.Resources)
			}
			used = append(used, r.Resource)
		}
		for d := domain.Date("2026-03-01"); d < "2026-04-05"; d = d.AddDays(1) {
			for _, number := range []string{"1", "2"} {
				n := 0
				for _, l := range s.Licences {
					if l.Number == number && l.ValidFrom <= d && (l.ValidUntil == "" || d <= l.ValidUntil) {
						n++
					}
				}
				if n > 1 {
					t.Fatalf("number %s means %d things on %s: %+v", number, n, d, s.Licences)
				}
			}
		}
		domaintest.Pure(t, Institution, history...)
	})
}

// I19: a licence counts on exactly the days that some record of it covers,
// whatever was recorded before and after.
func TestLicencesAtRandom(t *testing.T) {
	covered := 0
	domaintest.Check(t, func(t *rapid.T) {
		days := []domain.Date{"2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"}
		d := rapid.SampledFrom(days)
		n := 0
		domaintest.Random(t, Institution, func(s State) Command {
			n++
			if !s.Exists() {
				return Register{by, home}
			}
			until := d.Draw(t, "until")
			if rapid.IntRange(0, 4).Draw(t, "without end") == 0 {
				until = ""
			}
			return License{by, Licensed{Licence: "operating", Number: fmt.Sprint(n), ValidFrom: d.Draw(t, "from"), ValidUntil: until}}
		}, func(s State, history []Event) {
			for _, on := range days {
				want := false
				for _, e := range history {
					l, ok := e.(Licensed)
					want = want || ok && l.ValidFrom <= on && (l.ValidUntil == "" || on <= l.ValidUntil)
				}
				if s.LicensedOn(on) != want {
					t.Fatalf("on %s licensed %v, want %v: %+v", on, !want, want, s.Licences)
				}
				if want {
					covered++
				}
			}
		})
	}, &covered)
}

// I8 holds for every command of an institution and of its parameters.
func TestTimesOfEveryCommand(t *testing.T) {
	domaintest.Times[State, Command](t, Institution, Institution.Initial, Register{}, License{}, AddResource{}, RetireResource{}, Rename{}, TimeResource{}, PlanMaintenance{}, CancelMaintenance{}, QualifyStaff{}, DisqualifyStaff{})
	domaintest.Times[ParametersState, ParametersCommand](t, Parameters, Parameters.Initial, SetParameter{})
}
