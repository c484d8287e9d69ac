package booking_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

func codes(list []Paper) (cs []Code) {
	for _, p := range list {
		cs = append(cs, p.Code)
	}
	return cs
}

func TestChecklist(t *testing.T) {
	base := Situation{Kind: Resident, Place: InHospital, Cause: NaturalDeath, Relation: Child, Hukou: "210211", City: "210200"}
	for name, c := range map[string]struct {
		edit func(*Situation)
		want []Code
	}{
		"a child arranges a death in hospital": {func(*Situation) {}, []Code{DeathPaper, ConfirmationPaper, DeceasedID, HandlerID, RelationProof, HouseholdBook}},
		"an accident needs the police":         {func(s *Situation) { s.Cause = UnnaturalDeath }, []Code{DeathPaper, ConfirmationPaper, PolicePaper, DeceasedID, HandlerID, RelationProof, HouseholdBook}},
		"so does an unknown cause":             {func(s *Situation) { s.Cause = UnknownDeath }, []Code{DeathPaper, ConfirmationPaper, PolicePaper, DeceasedID, HandlerID, RelationProof, HouseholdBook}},
		"a court stands for the doctor":        {func(s *Situation) { s.Cause = DeclaredDead }, []Code{CourtPaper, ConfirmationPaper, DeceasedID, HandlerID, RelationProof, HouseholdBook}},
		"an unnamed body is handed over": {func(s *Situation) { s.Kind, s.Relation, s.Cause, s.Hukou = UnnamedBody, Police, UnknownDeath, "" },
			[]Code{DeathPaper, ConfirmationPaper, PolicePaper, TransferForm, DisposalNotice, HandlerID}},
		"an infant is vouched for by a parent": {func(s *Situation) { s.Kind, s.Relation = Infant, Parent }, []Code{DeathPaper, ConfirmationPaper, DeceasedID, ParentID, HandlerID, RelationProof, HouseholdBook}},
		"a foreigner has no household book":    {func(s *Situation) { s.Kind, s.Hukou = Foreign, "" }, []Code{DeathPaper, ConfirmationPaper, DeceasedID, HandlerID, RelationProof}},
		"an agent brings a letter":             {func(s *Situation) { s.Relation = Agent }, []Code{DeathPaper, ConfirmationPaper, DeceasedID, HandlerID, AuthorityPaper, HouseholdBook}},
		"so does a village committee":          {func(s *Situation) { s.Relation = Committee }, []Code{DeathPaper, ConfirmationPaper, DeceasedID, HandlerID, AuthorityPaper, HouseholdBook}},
		"relief is proved":                     {func(s *Situation) { s.Relief = true }, []Code{DeathPaper, ConfirmationPaper, DeceasedID, HandlerID, RelationProof, HouseholdBook, ReliefProof}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := codes(Checklist(with(base, c.edit))); !slices.Equal(got, c.want) {
				t.Errorf("got %v\nwant %v", got, c.want)
			}
		})
	}
	t.Run("the sentences are about this family", func(t *testing.T) {
		say := func(s Situation, c Code) string {
			i := slices.Index(codes(Checklist(s)), c)
			return Checklist(s)[i].WhyZh
		}
		if a, b := say(base, HouseholdBook), say(with(base, func(s *Situation) { s.Hukou = "220100" }), HouseholdBook); a == b || !strings.Contains(b, "外地") {
			t.Error(a, b)
		}
		if a := say(with(base, func(s *Situation) { s.Place = AtHome }), DeathPaper); !strings.Contains(a, "社区") {
			t.Error(a)
		}
		if a := say(with(base, func(s *Situation) { s.Kind = Taiwan }), DeceasedID); !strings.Contains(a, "台湾") {
			t.Error(a)
		}
	})
	t.Run("a case tells its own situation", func(t *testing.T) {
		circumstances := CircumstancesRecorded{Place: AtHome, Cause: domain.Personal(dead, UnknownDeath)}
		s := spec.Given(t, opened, circumstances).State()
		if got := s.Situation("210200"); got != (Situation{Kind: Resident, Place: AtHome, Cause: UnknownDeath, Relation: Child, Hukou: "210211", City: "210200"}) {
			t.Errorf("%+v", got)
		}
	})
}

// Whatever the situation: the two papers of a cremation are on the list unless a
// court paper stands for the first, an unnatural or unknown death has a police
// paper, what gates a cremation may never follow, nothing is listed twice, and
// every paper has its words.
func TestChecklistNeverForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Situation{
			Kind:     rapid.SampledFrom(DeceasedKinds).Draw(t, "kind"),
			Place:    rapid.SampledFrom(append([]DeathPlace{""}, DeathPlaces...)).Draw(t, "place"),
			Cause:    rapid.SampledFrom(append([]Cause{""}, Causes...)).Draw(t, "cause"),
			Relation: rapid.SampledFrom(Relations).Draw(t, "relation"),
			Relief:   rapid.Bool().Draw(t, "relief"),
			Hukou:    rapid.SampledFrom([]domain.Division{"", "210211", "220100"}).Draw(t, "hukou"),
			City:     rapid.SampledFrom([]domain.Division{"", "210200"}).Draw(t, "city"),
		}
		list := Checklist(s)
		have := codes(list)
		court := s.Cause == DeclaredDead || s.Cause == Executed
		switch {
		case !slices.Contains(have, ConfirmationPaper), slices.Contains(have, DeathPaper) == court, slices.Contains(have, CourtPaper) != court,
			(s.Cause == UnnaturalDeath || s.Cause == UnknownDeath || s.Kind == UnnamedBody) != slices.Contains(have, PolicePaper),
			!slices.Contains(have, HandlerID):
			t.Fatalf("%+v: %v", s, have)
		}
		for i, p := range list {
			if slices.Contains(have[:i], p.Code) || !slices.Contains(Codes, p.Code) || p.Gate && p.MayFollow || p.NameZh == "" || p.NameEn == "" || p.WhyZh == "" || p.WhyEn == "" || strings.ContainsAny(p.WhyZh, "!！") {
				t.Fatalf("%+v", p)
			}
			if (p.Code == DeathPaper || p.Code == ConfirmationPaper) && !p.Gate {
				t.Fatalf("%s does not gate", p.Code)
			}
		}
	})
}

func promise(p Code, due domain.Date) PromisePaper {
	return PromisePaper{Act: by, Paper: p, Due: due, Pledge: "DL-RQ-2026.1", MaxDays: 7}
}

func promised(p Code, due domain.Date) PaperPromised {
	return PaperPromised{p, due, "DL-RQ-2026.1", kin}
}

// 容缺受理: minor papers may follow, the papers of a cremation never.
func TestPapersThatFollow(t *testing.T) {
	t.Run("a minor paper may follow until a day that both sides know", func(t *testing.T) {
		spec.Given(t, opened).When(promise(HouseholdBook, "2026-11-30")).Then(promised(HouseholdBook, "2026-11-30"))
	})
	t.Run("the two papers of a cremation never may, and the answer says why", func(t *testing.T) {
		for _, c := range []Code{DeathPaper, ConfirmationPaper, PolicePaper, CourtPaper} {
			spec.Given(t, opened).When(promise(c, "2026-11-30")).Rejects(ErrNeverFollows)
			_, err := Case.Decide(Case.Fold(Case.Initial, opened), promise(c, "2026-11-30"))
			r, _ := errors.AsType[*domain.Rejection](err)
			if zh, _ := c.Names(); !strings.Contains(r.Text("zh"), zh) || r.Rule != "I3" || !strings.Contains(r.Basis, "凭死亡证明和火化确认书火化遗体") {
				t.Error(r.Text("zh"), r.Rule, r.Basis)
			}
		}
	})
	t.Run("nor may the other main papers", func(t *testing.T) {
		for _, c := range []Code{DeceasedID, HandlerID, AuthorityPaper, TransferForm, DisposalNotice} {
			spec.Given(t, opened).When(promise(c, "2026-11-30")).Rejects(ErrNotMinor)
		}
		spec.Given(t, opened).When(promise("POEM", "2026-11-30")).Rejects(ErrPaper)
	})
	t.Run("the last day lies within the limit of the parameter", func(t *testing.T) {
		for _, d := range []domain.Date{"2026-12-01", "2026-11-22", "", "2026-11-31"} {
			spec.Given(t, opened).When(promise(HouseholdBook, d)).Rejects(ErrPromiseDue)
		}
		spec.Given(t, opened).When(promise(HouseholdBook, day)).Then(promised(HouseholdBook, day))
		spec.Given(t, opened).When(with(promise(HouseholdBook, "2026-11-24"), func(p *PromisePaper) { p.MaxDays = 0 })).Rejects(ErrPromiseDue)
	})
	t.Run("a promise is signed, and not prolonged by promising again", func(t *testing.T) {
		spec.Given(t, opened).When(with(promise(HouseholdBook, "2026-11-30"), func(p *PromisePaper) { p.Pledge = "" })).Rejects(ErrPledge)
		spec.Given(t, opened, promised(HouseholdBook, "2026-11-25")).When(promise(HouseholdBook, "2026-11-30")).Rejects(ErrPromiseDue)
		spec.Given(t, opened, promised(HouseholdBook, "2026-11-25")).When(promise(HouseholdBook, "2026-11-24")).Then(promised(HouseholdBook, "2026-11-24"))
	})
	t.Run("who broke a promise gets none", func(t *testing.T) {
		spec.Given(t, opened).When(with(promise(HouseholdBook, "2026-11-30"), func(p *PromisePaper) { p.Excluded = true })).Rejects(ErrPromiseBroken)
		spec.Given(t, opened, promised(HouseholdBook, "2026-11-20"), PaperLapsed{HouseholdBook, "2026-11-20"}).When(promise(HouseholdBook, "2026-11-20")).Rejects(ErrPromiseBroken)
	})
	book := PaperReceived{Paper: HouseholdBook, Form: Original}
	t.Run("a paper that came is not promised", func(t *testing.T) {
		spec.Given(t, opened, book).When(promise(HouseholdBook, "2026-11-30")).Rejects(ErrPaperHere)
	})
	t.Run("what did not come by the last day is overdue the day after, and only then", func(t *testing.T) {
		given := spec.Given(t, opened, promised(HouseholdBook, day))
		given.When(LapsePaper{by, HouseholdBook}).Rejects(ErrNotDue)
		given.When(LapsePaper{domaintest.At("policy:papers", domaintest.Noon.AddDate(0, 0, 1)), HouseholdBook}).Then(PaperLapsed{HouseholdBook, day})
		spec.Given(t, opened, promised(HouseholdBook, day), book).When(LapsePaper{domaintest.At("policy:papers", domaintest.Noon.AddDate(0, 0, 1)), HouseholdBook}).Then()
		spec.Given(t, opened).When(LapsePaper{by, HouseholdBook}).Rejects(ErrFollowingUnknown)
	})
	t.Run("how each paper stands is seen on one list", func(t *testing.T) {
		s := spec.Given(t, opened, promised(HouseholdBook, "2026-11-20"), PaperLapsed{HouseholdBook, "2026-11-20"}, PaperReceived{Paper: HandlerID, Form: Copy}).State()
		list := s.Standing(Checklist(s.Situation("210200")), DeathPaper)
		got := map[Code]Standing{}
		for _, x := range list {
			got[x.Code] = x
		}
		if !got[DeathPaper].Have || got[ConfirmationPaper].Have || !got[HouseholdBook].Overdue || got[HouseholdBook].Due != "2026-11-20" || got[HandlerID].Form != Copy {
			t.Errorf("%+v", got)
		}
		late := spec.Given(t, opened, promised(HouseholdBook, "2026-11-20"), PaperLapsed{HouseholdBook, "2026-11-20"}, book).State()
		if x := late.Standing(Checklist(late.Situation(""))); x[slices.IndexFunc(x, func(x Standing) bool { return x.Code == HouseholdBook })].Overdue {
			t.Error("overdue though it came")
		}
	})
}

func TestPapersThatCome(t *testing.T) {
	id := PaperReceived{Paper: HandlerID, Form: Original, Number: domain.Personal(kin, "210202194811300025")}
	t.Run("a paper is received in a form of the list", func(t *testing.T) {
		spec.Given(t, opened).When(ReceivePaper{by, id}).Then(id)
		spec.Given(t, opened).When(ReceivePaper{by, with(id, func(p *PaperReceived) { p.Form = "TOLD" })}).Rejects(ErrPaperForm)
		spec.Given(t, opened).When(ReceivePaper{by, with(id, func(p *PaperReceived) { p.Paper = "POEM" })}).Rejects(ErrPaper)
	})
	t.Run("a better sight of it may follow", func(t *testing.T) {
		spec.Given(t, opened, with(id, func(p *PaperReceived) { p.Form = Photo })).When(ReceivePaper{by, id}).Then(id)
	})
	t.Run("its number is kept under the deceased or the handler", func(t *testing.T) {
		spec.Given(t, opened).When(ReceivePaper{by, with(id, func(p *PaperReceived) { p.Number = domain.Personal("somebody", "1") })}).Rejects(ErrPerson)
	})
	t.Run("the papers of the cremation are kept with the cremation", func(t *testing.T) {
		for _, c := range []Code{DeathPaper, ConfirmationPaper, PolicePaper} {
			spec.Given(t, opened).When(ReceivePaper{by, PaperReceived{Paper: c, Form: Original}}).Rejects(ErrPaperElsewhere)
		}
	})
}

func TestCircumstances(t *testing.T) {
	c := CircumstancesRecorded{Place: AtHome, Cause: domain.Personal(dead, NaturalDeath), Infectious: domain.Personal(dead, true), Custom: domain.Personal(dead, "回族")}
	t.Run("what decides over the papers is recorded, sealed", func(t *testing.T) {
		spec.Given(t, opened).When(RecordCircumstances{by, c}).Then(c)
	})
	t.Run("and changed until the cremation begins", func(t *testing.T) {
		spec.Given(t, opened, c).When(RecordCircumstances{by, CircumstancesRecorded{Place: Elsewhere}}).Then(CircumstancesRecorded{Place: Elsewhere})
		spec.Given(t, opened, c, ParticularsFixed{}).When(RecordCircumstances{by, CircumstancesRecorded{Place: Elsewhere}}).Rejects(ErrAfterCremation)
	})
	t.Run("it is of the lists, and about the deceased", func(t *testing.T) {
		spec.Given(t, opened).When(RecordCircumstances{by, CircumstancesRecorded{Place: "SKY"}}).Rejects(ErrCircumstances)
		spec.Given(t, opened).When(RecordCircumstances{by, CircumstancesRecorded{Cause: domain.Personal(dead, Cause("OLD AGE"))}}).Rejects(ErrCircumstances)
		spec.Given(t, opened).When(RecordCircumstances{by, CircumstancesRecorded{Cause: domain.Personal(kin, NaturalDeath)}}).Rejects(ErrPerson)
		spec.Given(t, opened, Cancelled{FamilyWithdrew}).When(RecordCircumstances{by, c}).Rejects(ErrEnded)
	})
}
