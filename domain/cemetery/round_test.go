package cemetery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cemetery"
	"shenzhong/domain/domaintest"
)

var (
	roundSpec  = domaintest.For(Round)
	seed, salt = strings.Repeat("5a", 32), strings.Repeat("a5", 32)
	closes     = domaintest.Noon.Add(72 * time.Hour)
	announce   = AnnounceRound{Act: by, Round: "2026-2", Places: []string{"A-1", "A-2", "A-3"}, Mode: ByDraw, Commitment: domain.Commitment(seed, salt), Closes: closes,
		NoticeNo: "GG-2026-2", Cemetery: pine, Rules: DefaultRules}
	announced = RoundAnnounced{code, "2026-2", []string{"A-1", "A-2", "A-3"}, ByDraw, DefaultRules, domain.Commitment(seed, salt), closes, "GG-2026-2"}
	need      = Need{Ground: CremationCertificate, Certificate: "DL2026000001", CertificateHolds: true, Hukou: "210211"}
	apply     = ApplyRound{Act: by, Application: "a-1", Applicant: son, Deceased: husband, Since: "2026-11-01", Need: need, Cemetery: pine}
	applied   = RoundApplied{Application: "a-1", Applicant: son, Deceased: husband, Ground: CremationCertificate, Certificate: "DL2026000001", Since: "2026-11-01"}
	draw      = DrawRound{domaintest.At("staff-1", closes), seed, salt}
)

func nth(n int) RoundApplied {
	return RoundApplied{Application: fmt.Sprint("a-", n), Applicant: son, Deceased: domain.Subject(fmt.Sprint("person-", n)), Ground: CremationCertificate, Certificate: fmt.Sprint("C-", n), Since: domain.Date("2026-01-01").AddDays(n % 7)}
}

func TestAnnounceRound(t *testing.T) {
	t.Run("places, rules and commitment come first", func(t *testing.T) {
		roundSpec.Given(t).When(announce).Then(announced)
		roundSpec.Given(t, announced).When(with(announce, func(c *AnnounceRound) { c.Places = []string{"A-1"} })).Rejects(ErrRoundAnnounced)
	})
	for name, change := range map[string]func(*AnnounceRound){
		"no place":        func(c *AnnounceRound) { c.Places = nil },
		"a place twice":   func(c *AnnounceRound) { c.Places = []string{"A-1", "A-1"} },
		"no mode":         func(c *AnnounceRound) { c.Mode = "AUCTION" },
		"no commitment":   func(c *AnnounceRound) { c.Commitment = "5a" },
		"no announcement": func(c *AnnounceRound) { c.NoticeNo = "" },
		"closed already":  func(c *AnnounceRound) { c.Closes = c.Now },
		"never closed":    func(c *AnnounceRound) { c.Closes = c.Now.AddDate(1, 0, 1) },
	} {
		t.Run(name, func(t *testing.T) { roundSpec.Given(t).When(with(announce, change)).Rejects(ErrRoundInvalid) })
	}
	t.Run("a commercial cemetery holds no rounds, nobody holds one that is not on record", func(t *testing.T) {
		roundSpec.Given(t).When(with(announce, func(c *AnnounceRound) { c.Cemetery.Class = Commercial })).Rejects(ErrRoundClass)
		roundSpec.Given(t).When(with(announce, func(c *AnnounceRound) { c.Cemetery = CemeteryState{} })).Rejects(ErrCemeteryUnknown)
		roundSpec.Given(t).When(apply).Rejects(ErrNoRound)
	})
}

func TestApplyRound(t *testing.T) {
	change := func(f func(*ApplyRound)) ApplyRound { return with(apply, f) }
	t.Run("who is eligible applies, once for each person", func(t *testing.T) {
		roundSpec.Given(t, announced).When(apply).Then(applied)
		roundSpec.Given(t, announced, applied).When(change(func(c *ApplyRound) { c.Application = "a-2" })).Rejects(ErrApplied)
		roundSpec.Given(t, announced, applied).When(change(func(c *ApplyRound) { c.Deceased = wife })).Rejects(ErrApplied)
	})
	t.Run("with wishes among the places", func(t *testing.T) {
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Wishes = []string{"A-3", "A-1"} })).Then(with(applied, func(e *RoundApplied) { e.Wishes = []string{"A-3", "A-1"} }))
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Wishes = []string{"A-3", "A-3"} })).Rejects(ErrRoundWishes)
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Wishes = []string{"B-1"} })).Rejects(ErrRoundWishes)
	})
	t.Run("under the rules that were announced", func(t *testing.T) {
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Need.Hukou = "370200" })).Rejects(ErrNotServed)
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Need.Placed = "elsewhere" })).Rejects(ErrPersonPlaced)
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Cemetery.Cemetery = "x" })).Rejects(ErrCemeteryUnknown)
	})
	t.Run("until it closes", func(t *testing.T) {
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Act = domaintest.At("staff-1", closes) })).Rejects(ErrRoundClosed)
		roundSpec.Given(t, announced, applied).When(WithdrawRound{domaintest.At("staff-1", closes), "a-1"}).Rejects(ErrRoundClosed)
		roundSpec.Given(t, announced, applied).When(WithdrawRound{by, "a-1"}).Then(RoundWithdrawn{"a-1"})
		roundSpec.Given(t, announced).When(WithdrawRound{by, "a-1"}).Then()
	})
	t.Run("with its people; by waiting with the day of the certificate", func(t *testing.T) {
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Deceased = "" })).Rejects(ErrApplication)
		roundSpec.Given(t, announced).When(change(func(c *ApplyRound) { c.Application = "a\nb" })).Rejects(ErrApplication)
		waiting := with(announced, func(e *RoundAnnounced) { e.Mode = ByWaiting })
		roundSpec.Given(t, waiting).When(change(func(c *ApplyRound) { c.Since = "" })).Rejects(ErrApplication)
		roundSpec.Given(t, waiting).When(change(func(c *ApplyRound) { c.Since = "2026-11-24" })).Rejects(ErrApplication)
	})
}

func TestCancelRound(t *testing.T) {
	cancel := CancelRound{by, SeedLost, "GG-2026-9"}
	cancelled := RoundCancelled{SeedLost, "GG-2026-9", by.Now, []string{"a-1"}}
	over := []RoundEvent{announced, applied, cancelled}
	t.Run("with a reason and its announcement, before the draw", func(t *testing.T) {
		roundSpec.Given(t, announced, applied).When(cancel).Then(cancelled)
		roundSpec.Given(t, announced, applied).When(with(cancel, func(c *CancelRound) { c.Act = domaintest.At("staff-1", closes) })).Then(with(cancelled, func(e *RoundCancelled) { e.At = closes }))
		roundSpec.Given(t, over...).When(cancel).Then()
		roundSpec.Given(t, over...).When(with(cancel, func(c *CancelRound) { c.Document = "x" })).Rejects(ErrRoundCancelled)
		roundSpec.Given(t, announced).When(with(cancel, func(c *CancelRound) { c.Document = " " })).Rejects(ErrRoundReason)
		roundSpec.Given(t, announced).When(with(cancel, func(c *CancelRound) { c.Reason = "MOOD" })).Rejects(ErrRoundReason)
		roundSpec.Given(t).When(cancel).Rejects(ErrNoRound)
		roundSpec.Given(t, announced, applied, RoundDrawn{Seed: seed, Salt: salt}).When(cancel).Rejects(ErrRoundDrawn)
	})
	t.Run("nothing goes on in it, and it keeps no place", func(t *testing.T) {
		roundSpec.Given(t, over...).When(draw).Rejects(ErrRoundCancelled)
		roundSpec.Given(t, over...).When(announce).Rejects(ErrRoundAnnounced)
		roundSpec.Given(t, over...).When(with(apply, func(c *ApplyRound) { c.Application = "a-2" })).Rejects(ErrRoundCancelled)
		roundSpec.Given(t, over...).When(WithdrawRound{by, "a-1"}).Rejects(ErrRoundCancelled)
		if s := roundSpec.Given(t, over...).State(); s.Keeps("A-1") || !roundSpec.Given(t, announced).State().Keeps("A-1") {
			t.Error("a cancelled round keeps its places, or an announced one does not")
		}
	})
	tell := TellApplicant{by, "a-1", ByPhone, "D-7"}
	t.Run("each family is told once, with a proof", func(t *testing.T) {
		told := RoundTold{"a-1", ByPhone, "D-7", by.By, by.Now}
		roundSpec.Given(t, over...).When(tell).Then(told)
		roundSpec.Given(t, append(over, told)...).When(tell).Then()
		roundSpec.Given(t, announced, applied).When(tell).Rejects(ErrNotCancelled)
		for _, change := range []func(*TellApplicant){func(c *TellApplicant) { c.Application = "a-9" }, func(c *TellApplicant) { c.Proof = " " }, func(c *TellApplicant) { c.Channel = AtThePlot }} {
			roundSpec.Given(t, over...).When(with(tell, change)).Rejects(ErrTellHow)
		}
		if a, b := roundSpec.Given(t, over...).State().Untold(), roundSpec.Given(t, append(over, told)...).State().Untold(); len(a) != 1 || len(b) != 0 {
			t.Error(a, b)
		}
	})
	t.Run("the waiting goes on in another round", func(t *testing.T) {
		carry := with(apply, func(c *ApplyRound) {
			c.Since, c.Carried = "2026-11-20", Carried{"2026-1", true, with(applied, func(e *RoundApplied) { e.Application, e.Since = "z-1", "2026-10-01" })}
		})
		since := with(applied, func(e *RoundApplied) { e.Since = "2026-10-01" })
		over := RoundCarriedOver{"a-1", "2026-1", "z-1", "2026-10-01"}
		roundSpec.Given(t, announced).When(carry).Then(since, over)
		roundSpec.Given(t, announced, since, over).When(carry).Then()
		roundSpec.Given(t, announced).When(with(carry, func(c *ApplyRound) { c.Carried.Since = "2026-11-21" })).Then(with(applied, func(e *RoundApplied) { e.Since = "2026-11-20" }), with(over, func(e *RoundCarriedOver) { e.Since = "2026-11-20" }))
		roundSpec.Given(t, announced).When(with(carry, func(c *ApplyRound) { c.Carried.Cancelled = false })).Rejects(ErrNotCarried)
		roundSpec.Given(t, announced).When(with(carry, func(c *ApplyRound) { c.Carried.Deceased = wife })).Rejects(ErrNotCarried)
	})
}

// Whatever is tried, a round is drawn or cancelled and not both, gives nothing
// away once cancelled, and tells each family once.
func TestRoundHistories(t *testing.T) {
	cancelled, drawn, told := 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		hours, cancels := 0.0, rapid.Bool().Draw(t, "cancels") // where one may cancel at any time, few rounds come to their draw
		command := func(s RoundState) RoundCommand {
			hours += rapid.Float64Range(0, 24).Draw(t, "hours")
			act := domaintest.At("staff-1", domaintest.Noon.Add(time.Duration(hours*float64(time.Hour))))
			who := fmt.Sprint("a-", rapid.IntRange(1, 4).Draw(t, "who"))
			place := rapid.SampledFrom(announce.Places).Draw(t, "place")
			if s.Announced == nil {
				return with(announce, func(c *AnnounceRound) { c.Act = act })
			}
			switch rapid.IntRange(0, 11).Draw(t, "command") {
			case 0, 1, 2, 3:
				return with(apply, func(c *ApplyRound) { c.Act, c.Application, c.Deceased = act, who, domain.Subject(who) })
			case 4:
				return WithdrawRound{act, who}
			case 5:
				if cancels {
					return CancelRound{act, PlacesNotReady, "GG"}
				}
				return DrawRound{act, seed, salt}
			case 6, 7:
				return TellApplicant{act, who, ByPhone, "D"}
			case 8, 9:
				return DrawRound{act, seed, salt}
			case 10:
				return PassPlace{act, who, place, GaveUp}
			}
			return TakePlace{act, who, place, true}
		}
		domaintest.Random(t, Round, command, func(s RoundState, history []RoundEvent) {
			ended, knows := "", map[string]bool{}
			for _, e := range history {
				switch e := e.(type) {
				case RoundCancelled, RoundDrawn:
					if ended != "" {
						t.Fatalf("ended twice, by %s and %T", ended, e)
					}
					if ended = fmt.Sprintf("%T", e); ended == "cemetery.RoundDrawn" {
						drawn++
					} else {
						cancelled++
					}
				case RoundTold:
					if told++; knows[e.Application] || s.Cancelled == nil {
						t.Fatalf("%+v: told before, or of nothing", e)
					}
					knows[e.Application] = true
				case RoundApplied, RoundWithdrawn:
					if ended != "" {
						t.Fatalf("%T after %s", e, ended)
					}
				case RoundTaken, RoundPassed:
					if s.Cancelled != nil {
						t.Fatalf("%T in a cancelled round", e)
					}
				}
			}
			if s.Cancelled != nil && (s.Keeps("A-1") || len(s.Cancelled.Applications) != len(s.Applications) || len(s.Untold())+len(knows) != len(s.Applications)) {
				t.Fatalf("places are kept or applications lost: %+v", s)
			}
		})
	}, &cancelled, &drawn, &told)
}

// 500 applications for 40 places come out as somebody else's twenty lines say.
func TestRoundOf500For40(t *testing.T) {
	for _, mode := range []Mode{ByDraw, ByWaiting} {
		t.Run(string(mode), func(t *testing.T) {
			open := with(announced, func(e *RoundAnnounced) {
				e.Mode, e.Places = mode, nil
				for i := range 40 {
					e.Places = append(e.Places, fmt.Sprint("A-", i))
				}
			})
			history := []RoundEvent{open}
			for i := range 500 {
				a := nth(i)
				for j := range i % 4 {
					a.Wishes = append(a.Wishes, fmt.Sprint("A-", (i*7+j*11)%40))
				}
				history = append(history, a)
			}
			es, err := Round.Decide(Round.Fold(RoundState{}, history...), draw)
			if err != nil {
				t.Fatal(err)
			}
			d := es[0].(RoundDrawn)
			s := Round.Fold(RoundState{}, append(history, d)...)
			if len(d.Result) != 40 || len(d.Order) != 500 || !s.Recompute() {
				t.Fatal(len(d.Result), len(d.Order))
			}
			if d.AcceptBy != "2026-12-26" {
				t.Error(d.AcceptBy)
			}
			if mode == ByWaiting && !slices.IsSortedFunc(d.Order, func(a, b string) int {
				x, _ := s.Application(a)
				y, _ := s.Application(b)
				return strings.Compare(string(x.Since), string(y.Since))
			}) {
				t.Error("who waited longest does not choose first")
			}
			tampered := s
			tampered.Applications = s.Applications[1:]
			if tampered.Recompute() {
				t.Error("a draw without one of its applications comes out all the same")
			}
		})
	}
}

func TestDrawRound(t *testing.T) {
	three := []RoundEvent{announced, nth(1), nth(2), nth(3), nth(4), nth(5)}
	t.Run("not before it closes, with the seed that was committed to", func(t *testing.T) {
		roundSpec.Given(t, three...).When(with(draw, func(c *DrawRound) { c.Act = by })).Rejects(ErrRoundOpen)
		roundSpec.Given(t, three...).When(with(draw, func(c *DrawRound) { c.Seed = strings.Repeat("5b", 32) })).Rejects(ErrRoundSeed)
	})
	s := roundSpec.Given(t, three...).State()
	es, err := Round.Decide(s, draw)
	if err != nil {
		t.Fatal(err)
	}
	drawn := es[0].(RoundDrawn)
	done := append(three, drawn)
	first := drawn.Result[0]
	t.Run("it happens once", func(t *testing.T) {
		roundSpec.Given(t, done...).When(draw).Then()
		roundSpec.Given(t, done...).When(with(draw, func(c *DrawRound) { c.Seed = salt })).Rejects(ErrRoundDrawn)
		roundSpec.Given(t, done...).When(with(apply, func(c *ApplyRound) { c.Application = "late" })).Rejects(ErrRoundDrawn)
	})
	take := TakePlace{by, first.Application, first.Place, true}
	t.Run("who won takes the place, when the plot has it so", func(t *testing.T) {
		roundSpec.Given(t, done...).When(take).Then(RoundTaken(first))
		roundSpec.Given(t, done...).When(with(take, func(c *TakePlace) { c.Allocated = false })).Rejects(ErrNotWon)
		roundSpec.Given(t, done...).When(with(take, func(c *TakePlace) { c.Application = drawn.Order[4] })).Rejects(ErrNotWon)
		roundSpec.Given(t, three...).When(take).Rejects(ErrRoundNotDrawn)
		a, _ := s.Application(first.Application)
		if got, ok := roundSpec.Given(t, done...).State().Won(first.Place, a.Deceased); !ok || got.Application != first.Application {
			t.Error(got, ok)
		}
		if _, ok := roundSpec.Given(t, append(done, RoundTaken(first))...).State().Won(first.Place, a.Deceased); ok {
			t.Error("a place that was taken can be won again")
		}
	})
	t.Run("a place that is not taken goes to the next, who never had one", func(t *testing.T) {
		up := PassPlace{domaintest.At("staff-1", closes), first.Application, first.Place, GaveUp}
		of := func(n int) PassPlace { return with(up, func(c *PassPlace) { c.Application = drawn.Order[n] }) }
		passed := RoundPassed{first.Place, first.Application, drawn.Order[3], GaveUp, drawn.AcceptBy}
		roundSpec.Given(t, done...).When(up).Then(passed)
		again := append(done, passed)
		roundSpec.Given(t, again...).When(of(3)).Then(with(passed, func(e *RoundPassed) { e.From, e.To = drawn.Order[3], drawn.Order[4] }))
		last := append(again, with(passed, func(e *RoundPassed) { e.From, e.To = drawn.Order[3], drawn.Order[4] }))
		roundSpec.Given(t, last...).When(of(4)).Then(RoundPassed{Place: first.Place, From: drawn.Order[4], Reason: GaveUp})
	})
	t.Run("a family has its days to come", func(t *testing.T) {
		late := PassPlace{on("staff-1", drawn.AcceptBy), first.Application, first.Place, DidNotCome}
		roundSpec.Given(t, done...).When(late).Rejects(ErrPassEarly)
		late.Act = on("staff-1", drawn.AcceptBy.AddDays(1))
		es, err := Round.Decide(roundSpec.Given(t, done...).State(), late)
		if err != nil || es[0].(RoundPassed).To != drawn.Order[3] {
			t.Error(es, err)
		}
		roundSpec.Given(t, done...).When(with(late, func(c *PassPlace) { c.Reason = "LAZY" })).Rejects(ErrPassReason)
		roundSpec.Given(t, done...).When(with(late, func(c *PassPlace) { c.Place = "Z" })).Rejects(ErrNotWon)
	})
	t.Run("older states stay what they were", func(t *testing.T) {
		domaintest.Pure(t, Round, append(done, RoundPassed{first.Place, first.Application, drawn.Order[3], GaveUp, drawn.AcceptBy}, RoundTaken{drawn.Order[3], first.Place})...)
	})
	if d := cmp.Diff(3, len(drawn.Result)); d != "" {
		t.Error(d)
	}
}
