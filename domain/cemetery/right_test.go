package cemetery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

const daughter = domain.Subject("2f0a7c2e-0000-4000-8000-000000000005")

var (
	rightSpec = domaintest.For(Right)
	grant     = Grant{Act: by, Allocated: allocated, Cemetery: code, Plot: "A-1-3"}
	granted   = RightGranted{Right: "R-1", Cemetery: code, Plot: "A-1-3", Holder: son, Contract: "HT-1", FeeFen: domain.Yuan(1800), Until: "2046-11-23",
		Rules: DefaultRules.ID, Notices: DefaultRules.Notices}
	// soon is a right that ends on 28 March 2027.
	soon  = with(granted, func(e *RightGranted) { e.Until = "2027-03-28" })
	paper = domain.Personal(son, "（演示）证明 7 号")
)

// on is an act of this account at noon of a day.
func on(account string, d domain.Date) domain.Act {
	return domaintest.At(account, domain.Clock("12:00").On(d).UTC())
}

func TestGrant(t *testing.T) {
	t.Run("an allocation grants its right, once", func(t *testing.T) {
		rightSpec.Given(t).When(grant).Then(granted)
		rightSpec.Given(t, granted).When(with(grant, func(c *Grant) { c.Allocated = reserved })).Then()
	})
	t.Run("not the same number for another place", func(t *testing.T) {
		rightSpec.Given(t, granted).When(with(grant, func(c *Grant) { c.Plot = "A-1-4" })).Rejects(ErrRightOther)
	})
	t.Run("not without its people, place and period", func(t *testing.T) {
		for _, change := range []func(*Grant){func(c *Grant) { c.Allocated.Applicant = "" }, func(c *Grant) { c.Allocated.Right = "" }, func(c *Grant) { c.Plot = "" }, func(c *Grant) { c.Allocated.TermUntil = "" }} {
			rightSpec.Given(t).When(with(grant, change)).Rejects(ErrRightNeeded)
		}
	})
	t.Run("nothing happens to a right that is not on record", func(t *testing.T) {
		rightSpec.Given(t).When(PayUpkeep{Act: by}).Rejects(ErrNoRight)
	})
}

func TestRenew(t *testing.T) {
	renew := Renew{Act: on("staff-1", "2026-11-23"), Holder: son, Until: "2047-03-28", Contract: "HT-2", FeeFen: 100, Cemetery: pine}
	renewed := RightRenewed{From: "2027-03-28", Until: "2047-03-28", Contract: "HT-2", FeeFen: 100, Rules: DefaultRules.ID, Notices: DefaultRules.Notices}
	change := func(f func(*Renew)) Renew { return with(renew, f) }
	t.Run("another period follows the former", func(t *testing.T) {
		rightSpec.Given(t, soon).When(renew).Then(renewed)
	})
	t.Run("from the first notice on, not before", func(t *testing.T) {
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Act = on("staff-1", "2026-03-28") })).Then(renewed)
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Act = on("staff-1", "2026-03-27") })).Rejects(ErrRenewEarly)
	})
	t.Run("at most twenty years, under a contract, for no more than the ceiling", func(t *testing.T) {
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Until = "2047-03-29" })).Rejects(ErrTerm)
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Contract = "" })).Rejects(ErrContract)
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.CeilingFen = 99 })).Rejects(ErrFeeCeiling)
	})
	t.Run("by the living holder alone", func(t *testing.T) {
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Holder = daughter })).Rejects(ErrHolderOnly)
		rightSpec.Given(t, soon, HolderDied{son, paper}).When(renew).Rejects(ErrHolderGone)
	})
	t.Run("it starts the notices anew, and brings a lapsed right back", func(t *testing.T) {
		s := rightSpec.Given(t, soon, NoticeServed{Stage: -12}, RightLapsed{Until: "2027-03-28"}, renewed).State()
		if s.Lapsed || len(s.Served) > 0 || s.Until != "2047-03-28" {
			t.Errorf("%+v", s)
		}
		rightSpec.Given(t, soon, RightLapsed{Until: "2027-03-28"}).When(change(func(c *Renew) { c.Act = on("staff-1", "2029-12-01") })).Then(renewed)
	})
	t.Run("not what is over before it begins", func(t *testing.T) {
		rightSpec.Given(t, soon).When(change(func(c *Renew) { c.Act, c.Until = on("staff-1", "2029-12-01"), "2029-11-30" })).Rejects(ErrTerm)
	})
}

func TestUpkeepIsNotTheTerm(t *testing.T) {
	pay := PayUpkeep{Act: by, Until: "2027-11-23", AmountFen: 2000, Receipt: "WH-1"}
	t.Run("it is paid by itself and changes nothing about the period", func(t *testing.T) {
		rightSpec.Given(t, granted).When(pay).Then(UpkeepPaid{Until: "2027-11-23", AmountFen: 2000, Receipt: "WH-1"})
		if s := rightSpec.Given(t, granted, UpkeepPaid{Until: "2027-11-23"}).State(); s.Until != "2046-11-23" || s.UpkeepUntil != "2027-11-23" {
			t.Error(s)
		}
	})
	t.Run("no more than 20 years at once, with a receipt of its own", func(t *testing.T) {
		rightSpec.Given(t, granted).When(with(pay, func(c *PayUpkeep) { c.Until = "2046-11-24" })).Rejects(ErrUpkeep)
		rightSpec.Given(t, granted).When(with(pay, func(c *PayUpkeep) { c.Receipt = "" })).Rejects(ErrUpkeep)
		rightSpec.Given(t, granted, UpkeepPaid{Until: "2027-11-23", AmountFen: 2000, Receipt: "WH-1"}).When(with(pay, func(c *PayUpkeep) { c.Until = "2028-11-23" })).Rejects(ErrUpkeep)
		rightSpec.Given(t, granted).When(with(pay, func(c *PayUpkeep) { c.Until = "2026-11-23" })).Rejects(ErrUpkeep)
	})
	t.Run("not above the rules' fee of a year", func(t *testing.T) {
		limited := with(DefaultRules, func(r *Rules) { r.UpkeepYearFen = 1000 })
		rightSpec.Given(t, granted).When(with(pay, func(c *PayUpkeep) { c.Rules = limited })).Rejects(ErrUpkeepFee)
		rightSpec.Given(t, granted).When(with(pay, func(c *PayUpkeep) { c.Rules, c.Until = limited, "2028-11-23" })).Then(UpkeepPaid{Until: "2028-11-23", AmountFen: 2000, Receipt: "WH-1"})
	})
}

func TestInheritance(t *testing.T) {
	died := HolderDied{son, paper}
	propose := ProposeInheritance{Act: by, To: daughter, Relation: "女儿", Others: []domain.Subject{wife, other}, Paper: paper}
	proposed := InheritanceProposed{To: daughter, Relation: "女儿", Others: []domain.Subject{wife, other}, Paper: paper}
	yes := func(who domain.Subject) HeirAnswered { return HeirAnswered{who, true, paper} }
	t.Run("a death has its paper", func(t *testing.T) {
		rightSpec.Given(t, granted).When(RecordHolderDeath{by, paper}).Then(died)
		rightSpec.Given(t, granted).When(RecordHolderDeath{by, domain.Private[string]{}}).Rejects(ErrDeathPaper)
	})
	t.Run("one heir is proposed, the others are named", func(t *testing.T) {
		rightSpec.Given(t, granted, died).When(propose).Then(proposed)
		rightSpec.Given(t, granted).When(propose).Rejects(ErrHolderLives)
		for _, change := range []func(*ProposeInheritance){
			func(c *ProposeInheritance) { c.To = "" }, func(c *ProposeInheritance) { c.To = wife }, func(c *ProposeInheritance) { c.To = son },
			func(c *ProposeInheritance) { c.Others = []domain.Subject{""} }, func(c *ProposeInheritance) { c.Paper = domain.Private[string]{} }, func(c *ProposeInheritance) { c.Relation = "" }} {
			rightSpec.Given(t, granted, died).When(with(propose, change)).Rejects(ErrHeirs)
		}
	})
	t.Run("every heir answers, a yes is signed", func(t *testing.T) {
		rightSpec.Given(t, granted, died, proposed).When(AnswerHeir{by, wife, true, paper}).Then(yes(wife))
		rightSpec.Given(t, granted, died, proposed).When(AnswerHeir{Act: by, Heir: wife}).Then(HeirAnswered{Heir: wife})
		rightSpec.Given(t, granted, died, proposed).When(AnswerHeir{Act: by, Heir: wife, Agrees: true}).Rejects(ErrHeirPaper)
		rightSpec.Given(t, granted, died, proposed).When(AnswerHeir{by, husband, true, paper}).Rejects(ErrNoProposal)
	})
	t.Run("only with all of them", func(t *testing.T) {
		rightSpec.Given(t, granted, died, proposed, yes(wife)).When(Inherit{by}).Rejects(ErrHeirsAnswer)
		rightSpec.Given(t, granted, died, proposed, yes(wife), yes(other), HeirAnswered{Heir: other}).When(Inherit{by}).Rejects(ErrHeirsAnswer)
		rightSpec.Given(t, granted, died, proposed, yes(wife), yes(other)).When(Inherit{by}).Then(RightInherited{son, daughter})
		rightSpec.Given(t, granted, died).When(Inherit{by}).Rejects(ErrNoProposal)
		rightSpec.Given(t, granted).When(Inherit{by}).Rejects(ErrHolderLives)
	})
	t.Run("a new proposal asks everybody anew", func(t *testing.T) {
		s := rightSpec.Given(t, granted, died, proposed, yes(wife), with(proposed, func(e *InheritanceProposed) { e.To, e.Others = wife, []domain.Subject{daughter, other} })).State()
		if len(s.Answers) > 0 {
			t.Error(s.Answers)
		}
	})
	t.Run("the heir holds it, living", func(t *testing.T) {
		if st := rightSpec.Given(t, granted, died, RightInherited{son, daughter}).State().Standing(); st.Holder != daughter || st.Died {
			t.Error(st)
		}
	})
}

// servedAll are all the notices of soon.
func servedAll() (es []RightEvent) {
	for _, d := range soon.Notices.Dues(soon.Until) {
		es = append(es, NoticeServed{d.Stage, ByPost, son, domain.Private[string]{}, d.On, fmt.Sprint("EMS-", d.Stage), "staff-1"})
	}
	return es
}

func TestNotices(t *testing.T) {
	t.Run("each is noted on its day, once", func(t *testing.T) {
		rightSpec.Given(t, soon).When(NoteDue{on("policy:notices", "2026-09-28"), -6}).Then(NoticeDue{-6, "2026-09-28"})
		rightSpec.Given(t, soon).When(NoteDue{on("policy:notices", "2026-09-27"), -6}).Rejects(ErrStage)
		rightSpec.Given(t, soon).When(NoteDue{on("policy:notices", "2026-09-28"), -7}).Rejects(ErrStage)
	})
	serve := ServeNotice{Act: on("staff-1", "2026-10-02"), Stage: -6, Channel: ByPost, To: son, ServedOn: "2026-10-01", Proof: "EMS-1"}
	t.Run("each is provable: how, when, to whom, by which paper", func(t *testing.T) {
		rightSpec.Given(t, soon).When(serve).Then(NoticeServed{-6, ByPost, son, domain.Private[string]{}, "2026-10-01", "EMS-1", "staff-1"})
		for _, change := range []func(*ServeNotice){func(c *ServeNotice) { c.Channel = "PIGEON" }, func(c *ServeNotice) { c.Proof = " " }, func(c *ServeNotice) { c.To = "" },
			func(c *ServeNotice) { c.ServedOn = "2026-10-03" }, func(c *ServeNotice) { c.ServedOn = "2026-09-27" }, func(c *ServeNotice) { c.ServedOn = "" }} {
			rightSpec.Given(t, soon).When(with(serve, change)).Rejects(ErrProof)
		}
		rightSpec.Given(t, soon).When(with(serve, func(c *ServeNotice) { c.Stage = -1 })).Rejects(ErrStage)
	})
	t.Run("what is outstanding shows until it is served", func(t *testing.T) {
		s := rightSpec.Given(t, soon, NoticeServed{Stage: -12}).State()
		if d := cmp.Diff([]Due{{-6, "2026-09-28"}}, s.Outstanding("2026-11-23")); d != "" {
			t.Error(d)
		}
		if next, ok := rightSpec.Given(t, soon, NoticeDue{-12, "2026-03-28"}).State().Next(); !ok || next.Stage != -6 {
			t.Error(next, ok)
		}
		if _, ok := rightSpec.Given(t, soon, RightSurrendered{}).State().Next(); ok {
			t.Error("a right that is over has a next notice")
		}
	})
}

func TestLapse(t *testing.T) {
	all := append([]RightEvent{soon}, servedAll()...)
	announced := LapseAnnounced{"GG-1", "2029-03-29", "2029-05-28"}
	t.Run("grace, then public notice, then two people", func(t *testing.T) {
		rightSpec.Given(t, all...).When(AnnounceLapse{on("staff-1", "2029-03-29"), "GG-1", "2029-03-29"}).Then(announced)
		ready := append(all, announced)
		rightSpec.Given(t, ready...).When(ProposeLapse{on("staff-1", "2029-05-29"), "J-1"}).Then(LapseProposed{"J-1", "staff-1"})
		proposed := append(ready, LapseProposed{"J-1", "staff-1"})
		rightSpec.Given(t, proposed...).When(ApproveLapse{on("staff-2", "2029-05-29")}).Then(RightLapsed{"2027-03-28", "J-1", "staff-1", "staff-2"})
		rightSpec.Given(t, proposed...).When(ApproveLapse{on("staff-1", "2029-05-29")}).Rejects(ErrLapseSelf)
		rightSpec.Given(t, proposed...).When(ApproveLapse{on("policy:lapse", "2029-05-29")}).Rejects(ErrRightByClock)
		rightSpec.Given(t, ready...).When(ApproveLapse{on("staff-2", "2029-05-29")}).Rejects(ErrLapseProposed)
		rightSpec.Given(t, ready...).When(ProposeLapse{on("staff-1", "2029-05-28"), "J-1"}).Rejects(ErrAnnounce)
		rightSpec.Given(t, ready...).When(ProposeLapse{on("staff-1", "2029-05-29"), ""}).Rejects(ErrLapseDocument)
		rightSpec.Given(t, ready...).When(ProposeLapse{on("policy:lapse", "2029-05-29"), "J-1"}).Rejects(ErrRightByClock)
	})
	t.Run("a notice that is recorded late runs from then", func(t *testing.T) {
		late := LapseAnnounced{"GG-1", "2029-03-29", "2029-11-28"}
		rightSpec.Given(t, all...).When(AnnounceLapse{on("staff-1", "2029-09-29"), "GG-1", "2029-03-29"}).Then(late)
		rightSpec.Given(t, append(all, late)...).When(AnnounceLapse{on("staff-1", "2029-09-30"), "GG-1", "2029-03-29"}).Then()
		rightSpec.Given(t, append(all, late)...).When(ProposeLapse{on("staff-1", "2029-09-29"), "J-1"}).Rejects(ErrAnnounce)
	})
	t.Run("never within the grace", func(t *testing.T) {
		rightSpec.Given(t, all...).When(AnnounceLapse{on("staff-1", "2029-03-28"), "GG-1", "2029-03-28"}).Rejects(ErrAnnounce)
		rightSpec.Given(t, all...).When(ProposeLapse{on("staff-1", "2029-03-28"), "J-1"}).Rejects(ErrNotOver)
	})
	t.Run("never with a notice that nobody can prove", func(t *testing.T) {
		for i := 1; i < len(all); i++ {
			missing := append(append([]RightEvent{}, all[:i]...), all[i+1:]...)
			rightSpec.Given(t, append(missing, announced)...).When(ProposeLapse{on("staff-1", "2029-06-01"), "J-1"}).Rejects(ErrNoticesMissing)
		}
	})
}

func TestEndOfARight(t *testing.T) {
	give := SurrenderRight{Act: by, Holder: son, Reason: "改选海葬", Paper: "TH-1", RefundFen: 100}
	t.Run("the holder gives an empty place back", func(t *testing.T) {
		rightSpec.Given(t, granted).When(give).Then(RightSurrendered{"改选海葬", "TH-1", 100})
		rightSpec.Given(t, granted).When(with(give, func(c *SurrenderRight) { c.Resting = 1 })).Rejects(ErrResting)
		rightSpec.Given(t, granted).When(with(give, func(c *SurrenderRight) { c.Holder = wife })).Rejects(ErrHolderOnly)
		rightSpec.Given(t, granted, HolderDied{son, paper}).When(give).Rejects(ErrHolderGone)
		rightSpec.Given(t, granted).When(with(give, func(c *SurrenderRight) { c.Paper = "" })).Rejects(ErrSurrender)
	})
	t.Run("everybody was moved", func(t *testing.T) {
		rightSpec.Given(t, granted).When(EndRight{by, "Q-1", true}).Then(RightEnded{"Q-1"})
		rightSpec.Given(t, granted).When(EndRight{by, "Q-1", false}).Rejects(ErrNotLifted)
	})
	t.Run("what is over is over", func(t *testing.T) {
		rightSpec.Given(t, granted, RightSurrendered{}).When(PayUpkeep{Act: by, Until: "2030-01-01", Receipt: "x"}).Rejects(ErrRightOver)
		rightSpec.Given(t, granted, RightEnded{"Q-1"}).When(give).Rejects(ErrRightOver)
	})
	t.Run("it is never sold, and that somebody asked stays on record", func(t *testing.T) {
		act := by
		act.ID = uuid.New()
		sell := Transfer{act, other, domain.Yuan(30_000)}
		rightSpec.Given(t, granted).When(sell).Then(TransferRefused{act.ID, other, domain.Yuan(30_000), "E-4"})
		s := rightSpec.Given(t, granted, TransferRefused{Attempt: act.ID}).State()
		if !s.TransferRefused(act.ID) || s.Holder != son {
			t.Error(s)
		}
		rightSpec.Given(t, granted, RightSurrendered{}).When(sell).Then(TransferRefused{act.ID, other, domain.Yuan(30_000), "E-4"})
	})
}

// Whatever is asked in whatever order: the holder changes only by inheritance
// that all heirs signed, a right lapses only after every notice was served, the
// grace and the public notice, and never by a clock; upkeep never moves the
// term.
func TestRightHistories(t *testing.T) {
	lapsed, inherited := 0, 0
	histories := func(t *rapid.T) {
		people := rapid.SampledFrom([]domain.Subject{son, wife, daughter})
		now := domain.Clock("12:00").On("2026-01-01")
		n := 0
		// Some histories are left alone until they lapse, some inherit, some do all.
		commands := rapid.SampledFrom([][]int{{6, 7, 8, 9, 10, 10, 10, 10}, {2, 3, 4, 4, 5, 1}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}).Draw(t, "lean")
		draw := func(s RightState) RightCommand {
			n++
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 3, 40, 90, 200}).Draw(t, "days")) * 24 * time.Hour)
			act := domaintest.At(rapid.SampledFrom([]string{"staff-1", "staff-2", "policy:x"}).Draw(t, "by"), now.UTC())
			act.ID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n))
			today := domain.DateOf(now)
			if s.Granted.Right == "" {
				return with(grant, func(c *Grant) { c.Act, c.Allocated.TermUntil = act, "2027-03-28" })
			}
			switch rapid.SampledFrom(commands).Draw(t, "command") {
			case 0:
				return Renew{Act: act, Holder: s.Holder, Until: s.Until.AddMonths(12), Contract: fmt.Sprint("HT-", n), Cemetery: pine}
			case 1:
				return PayUpkeep{Act: act, Until: today.AddMonths(12), AmountFen: 2000, Receipt: fmt.Sprint("WH-", n)}
			case 2:
				return RecordHolderDeath{act, paper}
			case 3:
				return ProposeInheritance{Act: act, To: people.Draw(t, "to"), Relation: "r", Others: []domain.Subject{people.Draw(t, "other")}, Paper: paper}
			case 4:
				return AnswerHeir{act, people.Draw(t, "heir"), rapid.Bool().Draw(t, "agrees"), paper}
			case 5:
				return Inherit{act}
			case 6:
				return AnnounceLapse{act, fmt.Sprint("GG-", n), today}
			case 7:
				return ProposeLapse{act, "J"}
			case 8:
				return ApproveLapse{act}
			case 9:
				return Transfer{Act: act, To: people.Draw(t, "buyer")}
			}
			for _, d := range s.Outstanding(today) {
				return ServeNotice{Act: act, Stage: d.Stage, Channel: InPerson, To: s.Holder, ServedOn: today, Proof: fmt.Sprint("P-", n)}
			}
			return NoteDue{act, -12}
		}
		domaintest.Random(t, Right, draw, func(s RightState, history []RightEvent) {
			var holder domain.Subject
			var until domain.Date
			served, public := map[Stage]bool{}, domain.Date("")
			agreed := map[domain.Subject]bool{}
			var proposed InheritanceProposed
			died := false
			for _, e := range history {
				switch e := e.(type) {
				case RightGranted:
					holder, until = e.Holder, e.Until
				case RightRenewed:
					if e.From != until || died {
						t.Fatalf("%#v after %s, died %v", e, until, died)
					}
					until, served, public = e.Until, map[Stage]bool{}, ""
				case HolderDied:
					died = true
				case InheritanceProposed:
					proposed, agreed = e, map[domain.Subject]bool{}
				case HeirAnswered:
					agreed[e.Heir] = e.Agrees
				case RightInherited:
					for _, h := range proposed.Others {
						if !agreed[h] {
							t.Fatalf("%s did not agree to %#v", h, e)
						}
					}
					if !died || e.From != holder || e.To != proposed.To {
						t.Fatalf("%#v from %s to %s", e, holder, proposed.To)
					}
					holder, died = e.To, false
					inherited++
				case NoticeServed:
					served[e.Stage] = true
				case LapseAnnounced:
					public = e.From
				case RightLapsed:
					if len(served) != 4 || public <= until.AddMonths(24) || e.ProposedBy == e.ApprovedBy || e.ApprovedBy == "policy:x" || e.ProposedBy == "policy:x" {
						t.Fatalf("%#v with %v served, public %s, until %s", e, served, public, until)
					}
					lapsed++
				}
			}
			if s.Holder != holder || s.Until != until || s.Died != died {
				t.Fatalf("%+v, want %s until %s", s, holder, until)
			}
		})
	}
	domaintest.Check(t, histories, &lapsed, &inherited)
}
