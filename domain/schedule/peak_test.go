package schedule_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/domain/domaintest"
	. "shenzhong/domain/schedule"
)

var (
	peak = domaintest.For(Peak)
	seed = strings.Repeat("0123456789abcdef", 4)
	salt = strings.Repeat("fedcba9876543210", 4)
	// The commitment as `printf '%s%s' "$SEED" "$SALT" | sha256sum` prints it.
	commitment = "6d4fff3af2a78b85c721c6b8ae395eb25026b56d13abebe2cdab1d56e84b2180"
	closes     = domaintest.Noon.Add(24 * time.Hour)
)

func peakSlot(resource string, start domain.Clock) PeakSlot {
	return PeakSlot{resource, clock(start), clock(start).Add(30 * time.Minute)}
}

var (
	peakSlots = []PeakSlot{peakSlot("hall-1", "08:00"), peakSlot("hall-1", "09:00"), peakSlot("hall-2", "08:00")}
	announced = Announced{peakSlots, Commitment(seed, salt), closes}
	closed    = domaintest.At("staff-0001", closes)
)

// independent is somebody else's recomputation, written from the description of
// Draw alone.
func independent(seed string, wishes map[string][]string, slots []string) (order []string, result map[string]string) {
	sha := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	var cases []string
	for c := range wishes {
		cases = append(cases, c)
	}
	sort.Strings(cases)
	list := sha(strings.Join(cases, "\n") + "\n")
	sort.Slice(cases, func(i, j int) bool { return sha(seed+list+cases[i]) < sha(seed+list+cases[j]) })
	result = map[string]string{}
	given := map[string]bool{}
	for _, c := range cases {
		for _, w := range wishes[c] {
			if slices.Contains(slots, w) && !given[w] {
				result[c], given[w] = w, true
				break
			}
		}
	}
	return cases, result
}

func TestAnnounce(t *testing.T) {
	announce := Announce{by, peakSlots, announced.Commitment, closes}
	t.Run("slots and commitment are published once, and never changed", func(t *testing.T) {
		peak.Given(t).When(announce).Then(announced)
		peak.Given(t, announced).When(with(announce, func(a *Announce) { a.Commitment = Commitment(salt, seed) })).Rejects(ErrAnnounced)
		peak.Given(t, announced).When(with(announce, func(a *Announce) { a.Slots = a.Slots[:2] })).Rejects(ErrAnnounced)
	})
	for name, edit := range map[string]func(*Announce){
		"a draw has slots":             func(a *Announce) { a.Slots = nil },
		"a commitment is a SHA-256":    func(a *Announce) { a.Commitment = "清明" },
		"applications close after now": func(a *Announce) { a.Closes = a.Now },
		"and before the first slot":    func(a *Announce) { a.Closes = clock("08:00") },
		"no slot is there twice":       func(a *Announce) { a.Slots = append(slices.Clone(a.Slots), peakSlot("hall-1", "08:00")) },
		"all slots are of one day": func(a *Announce) {
			a.Slots = append(slices.Clone(a.Slots), with(peakSlot("hall-1", "10:00"), func(p *PeakSlot) { p.Start, p.End = p.Start.AddDate(0, 0, 1), p.End.AddDate(0, 0, 1) }))
		},
		"a slot is of a resource and lasts some time": func(a *Announce) { a.Slots = []PeakSlot{{"hall-1", clock("08:00"), clock("08:00")}} },
	} {
		t.Run(name, func(t *testing.T) { peak.Given(t).When(with(announce, edit)).Rejects(ErrDrawInvalid) })
	}
}

func TestApply(t *testing.T) {
	t.Run("a family applies with its wishes, and may change them until it closes", func(t *testing.T) {
		peak.Given(t, announced).When(Apply{by, "a", []string{"hall-2/0800", "hall-1/0900"}}).Then(Applied{"a", []string{"hall-2/0800", "hall-1/0900"}})
		s := peak.Given(t, announced, Applied{"a", []string{"hall-1/0800"}}, Applied{"a", []string{"hall-2/0800"}}).State()
		if len(s.Applications) != 1 || s.Applications[0].Wishes[0] != "hall-2/0800" {
			t.Error(s.Applications)
		}
		peak.Given(t, announced).When(Apply{closed, "a", []string{"hall-1/0800"}}).Rejects(ErrDrawClosed)
	})
	t.Run("wishes are announced slots, each once", func(t *testing.T) {
		for _, w := range [][]string{nil, {"hall-9/0800"}, {"hall-1/0800", "hall-1/0800"}} {
			peak.Given(t, announced).When(Apply{by, "a", w}).Rejects(ErrWishes)
		}
		peak.Given(t, announced).When(Apply{by, "", []string{"hall-1/0800"}}).Rejects(ErrNoCase)
		peak.Given(t).When(Apply{by, "a", []string{"hall-1/0800"}}).Rejects(ErrNotAnnounced)
	})
	t.Run("an application may be taken back until it closes", func(t *testing.T) {
		a := Applied{"a", []string{"hall-1/0800"}}
		peak.Given(t, announced, a).When(WithdrawApplication{by, "a"}).Then(ApplicationWithdrawn{"a"})
		peak.Given(t, announced, a).When(WithdrawApplication{closed, "a"}).Rejects(ErrDrawClosed)
		peak.Given(t, announced).When(WithdrawApplication{by, "a"}).Then()
		if s := peak.Given(t, announced, a, ApplicationWithdrawn{"a"}).State(); len(s.Applications) != 0 {
			t.Error(s.Applications)
		}
	})
}

func TestDraw(t *testing.T) {
	given := []PeakEvent{announced, Applied{"a", []string{"hall-1/0800"}}, Applied{"b", []string{"hall-1/0800", "hall-1/0900"}}, Applied{"c", []string{"hall-1/0800", "hall-1/0900"}}}
	t.Run("the commitment is what a shell makes of seed and salt", func(t *testing.T) {
		if got := Commitment(seed, salt); got != commitment {
			t.Error(got)
		}
	})
	t.Run("the result is what anybody recomputes", func(t *testing.T) {
		s := peak.Given(t, given...).State()
		es, err := Peak.Decide(s, DrawSlots{closed, seed, salt})
		if err != nil {
			t.Fatal(err)
		}
		s = Peak.Fold(s, es...)
		wishes := map[string][]string{}
		for _, a := range s.Applications {
			wishes[a.Case] = a.Wishes
		}
		order, result := independent(seed, wishes, s.Names())
		if !slices.Equal(order, s.Drawn.Order) || len(result) != len(s.Drawn.Result) || !s.Recompute() {
			t.Error(order, s.Drawn)
		}
		for _, x := range s.Drawn.Result {
			if result[x.Case] != x.Slot {
				t.Errorf("%s: %s, recomputed %s", x.Case, x.Slot, result[x.Case])
			}
		}
	})
	t.Run("a vector for other people's programs", func(t *testing.T) {
		order, result := Draw(seed, salt, []Application{{"a", []string{"hall-1/0800"}}, {"b", []string{"hall-1/0800", "hall-1/0900"}}, {"c", []string{"hall-1/0800", "hall-1/0900"}},
			{"d", []string{"hall-1/0900"}}, {"e", []string{"hall-1/0800", "hall-1/0900"}}},
			[]string{"hall-1/0800", "hall-1/0900"})
		if got := fmt.Sprint(order, result); got != drawVector {
			t.Error(got)
		}
	})
	t.Run("only the seed that was committed to is drawn with", func(t *testing.T) {
		peak.Given(t, given...).When(DrawSlots{closed, salt, seed}).Rejects(ErrSeed)
		peak.Given(t, given...).When(DrawSlots{closed, seed + salt[:2], salt[2:]}).Rejects(ErrSeed) // the same text, cut elsewhere
		peak.Given(t, given...).When(DrawSlots{closed, strings.ToUpper(seed), salt}).Rejects(ErrSeed)
	})
	t.Run("and not before applications have closed", func(t *testing.T) {
		peak.Given(t, given...).When(DrawSlots{domaintest.At("staff-0001", closes.Add(-1)), seed, salt}).Rejects(ErrDrawOpen)
		peak.Given(t).When(DrawSlots{closed, seed, salt}).Rejects(ErrNotAnnounced)
	})
	t.Run("there is one draw", func(t *testing.T) {
		s := peak.Given(t, given...).State()
		es, _ := Peak.Decide(s, DrawSlots{closed, seed, salt})
		drawn := append(slices.Clip(given), es...)
		peak.Given(t, drawn...).When(DrawSlots{closed, salt, seed}).Rejects(ErrDrawn)
		peak.Given(t, drawn...).When(Apply{by, "d", []string{"hall-2/0800"}}).Rejects(ErrDrawn)
	})
	t.Run("a published result that was tampered with does not recompute", func(t *testing.T) {
		s := peak.Given(t, given...).State()
		es, _ := Peak.Decide(s, DrawSlots{closed, seed, salt})
		d := es[0].(Drawn)
		d.Result = append([]DrawnSlot{{"c", "hall-2/0800"}}, d.Result...)
		if Peak.Fold(s, d).Recompute() {
			t.Error("it does")
		}
	})
}

// drawVector is what the Python in the comment of Draw makes of it.
const drawVector = "[c d a b e] [{c hall-1/0800} {d hall-1/0900}]"

// Whatever is wished by whomever: no slot goes to two cases, no case gets two,
// nobody gets what was not wished, nobody goes without while a wish is free, the
// order in which applications came makes no difference, and independent code
// comes to the same.
func TestDrawIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := []string{"h/0800", "h/0900", "h/1000", "h/1100"}
		n := rapid.IntRange(0, 12).Draw(t, "applications")
		var as []Application
		wishes := map[string][]string{}
		for i := range n {
			w := rapid.Permutation(append(slices.Clone(slots), "x/0800")).Draw(t, "wishes")[:rapid.IntRange(0, 5).Draw(t, "how many")]
			c := fmt.Sprintf("case-%d", i)
			as, wishes[c] = append(as, Application{c, w}), w
		}
		s := fmt.Sprintf("%x", sha256.Sum256([]byte(rapid.String().Draw(t, "seed"))))
		order, result := Draw(s, salt, as, slots)
		shuffled, other := Draw(s, salt, rapid.Permutation(as).Draw(t, "order"), slots)
		if !slices.Equal(order, shuffled) || !slices.Equal(result, other) {
			t.Fatal("the order of applications matters")
		}
		theirs, given := independent(s, wishes, slots)
		if !slices.Equal(order, theirs) || len(given) != len(result) {
			t.Fatalf("%v, recomputed %v", order, theirs)
		}
		slot, who := map[string]bool{}, map[string]bool{}
		for _, r := range result {
			if slot[r.Slot] || who[r.Case] || !slices.Contains(wishes[r.Case], r.Slot) || !slices.Contains(slots, r.Slot) || given[r.Case] != r.Slot {
				t.Fatalf("%v", result)
			}
			slot[r.Slot], who[r.Case] = true, true
		}
		for c, w := range wishes {
			if !who[c] && slices.ContainsFunc(w, func(x string) bool { return slices.Contains(slots, x) && !slot[x] }) {
				t.Fatalf("%s went without", c)
			}
		}
	})
}

// Whatever is asked of a draw in whatever order: what was announced stays, the
// draw is with the committed seed, after the close, and recomputes.
func TestRandomDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := domaintest.Noon
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		var first *Announced
		domaintest.Random(t, Peak, func(s PeakState) PeakCommand {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			act := domaintest.At("staff-0001", now)
			switch rapid.IntRange(0, 6).Draw(t, "kind") {
			case 0:
				return Announce{act, peakSlots[:rapid.IntRange(0, 3).Draw(t, "slots")], announced.Commitment, domaintest.Noon.Add(8 * time.Hour)}
			case 1:
				return WithdrawApplication{act, name.Draw(t, "case")}
			case 2:
				return DrawSlots{act, rapid.SampledFrom([]string{seed, seed, salt}).Draw(t, "seed"), salt}
			}
			return Apply{act, name.Draw(t, "case"), rapid.Permutation([]string{"hall-1/0800", "hall-1/0900", "hall-2/0800"}).Draw(t, "wishes")[:rapid.IntRange(0, 3).Draw(t, "n")]}
		}, func(s PeakState, history []PeakEvent) {
			if first == nil {
				first = s.Announced
			}
			if s.Announced != first && fmt.Sprint(*s.Announced) != fmt.Sprint(*first) {
				t.Fatal("the announcement changed")
			}
			if s.Drawn != nil && (!s.Recompute() || now.Before(s.Announced.Closes)) {
				t.Fatalf("drawn at %v: %+v", now, s.Drawn)
			}
			if i := slices.IndexFunc(history, func(e PeakEvent) bool { _, drawn := e.(Drawn); return drawn }); i >= 0 && i != len(history)-1 {
				t.Fatalf("%T after the draw", history[i+1])
			}
		})
	})
}
