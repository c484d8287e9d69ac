package cremation_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

var (
	cold    = domaintest.For(ColdStore)
	countA  = uuid.MustParse("0193b000-0000-7000-8000-0000000000c1")
	holdB   = uuid.MustParse("0193b000-0000-7000-8000-0000000000ab")
	countB  = uuid.MustParse("0193b000-0000-7000-8000-0000000000c2")
	storedA = Stored{Bay{"cold-1", 1}, "T-0001", caseA, "2026-11-22"}
	storedB = Stored{Bay{"cold-1", 2}, "T-0002", caseB, "2026-11-20"}
	fire    = Relocated{holdA, []Relocation{{"T-0001", Bay{"cold-1", 1}, Bay{"cold-2", 1}}, {"T-0002", Bay{"cold-1", 2}, Bay{"cold-2", 2}}}, "压缩机故障", "staff-night", noon}
)

func TestColdStore(t *testing.T) {
	store := Store{Act: at("staff-cold", 0), Bay: storedA.Bay, Tag: "T-0001", Case: caseA, TagCase: caseA, Capacity: 24, Since: "2026-11-22"}
	t.Run("one in a bay", func(t *testing.T) {
		cold.Given(t).When(store).Then(storedA)
		cold.Given(t, storedB).When(with(store, func(c *Store) { c.Bay = storedB.Bay })).Rejects(ErrBayTaken)
		cold.Given(t, storedA).When(with(store, func(c *Store) { c.Bay.No = 3 })).Rejects(ErrStored)
		cold.Given(t, storedA).When(store).Then()
	})
	t.Run("in a bay that there is, under the tag of the case", func(t *testing.T) {
		for _, no := range []int{0, -1, 25} {
			cold.Given(t).When(with(store, func(c *Store) { c.Bay.No = no })).Rejects(ErrBayUnknown)
		}
		cold.Given(t).When(with(store, func(c *Store) { c.Capacity = 0 })).Rejects(ErrBayUnknown)
		cold.Given(t).When(with(store, func(c *Store) { c.TagCase = caseB })).Rejects(ErrTagNotIssued)
		cold.Given(t).When(with(store, func(c *Store) { c.Tag = "" })).Rejects(ErrTagNeeded)
		cold.Given(t).When(with(store, func(c *Store) { c.Case = uuid.Nil })).Rejects(ErrNoCase)
	})
	t.Run("storage counts from the day they came in; unknown stays empty", func(t *testing.T) {
		cold.Given(t).When(with(store, func(c *Store) { c.Since = "" })).Then(with(storedA, func(e *Stored) { e.Since = "2026-11-23" }))
		cold.Given(t).When(with(store, func(c *Store) { c.Since, c.Estimated = "", true })).Then(with(storedA, func(e *Stored) { e.Since = "" }))
		cold.Given(t).When(with(store, func(c *Store) { c.Since = "2026-11-24" })).Rejects(ErrDay)
	})
	t.Run("who is taken out is scanned", func(t *testing.T) {
		cold.Given(t, storedA).When(Remove{at("staff-cold", 0), storedA.Bay, "T-0001"}).Then(Removed{storedA.Bay, "T-0001"})
		cold.Given(t, storedA).When(Remove{at("staff-cold", 0), storedA.Bay, "T-0002"}).Rejects(ErrNotStored)
		cold.Given(t, storedA).When(Remove{at("staff-cold", 0), Bay{"cold-1", 9}, "T-0001"}).Rejects(ErrNotStored)
		cold.Given(t, storedA).When(Remove{at("staff-cold", 0), Bay{"cold-1", 9}, ""}).Rejects(ErrTagNeeded)
	})
}

// I2: after an emergency relocation a full recount precedes any release.
func TestRelocationAndRecount(t *testing.T) {
	relocate := Relocate{at("staff-night", 0), holdA, fire.Moves, "压缩机故障", map[string]int{"cold-2": 24}}
	t.Run("many are moved at once, with a reason", func(t *testing.T) {
		cold.Given(t, storedA, storedB).When(relocate).Then(fire)
		cold.Given(t, storedA, storedB).When(with(relocate, func(c *Relocate) { c.Reason = "" })).Rejects(ErrRelocation)
		cold.Given(t, storedA, storedB).When(with(relocate, func(c *Relocate) { c.Moves = nil })).Rejects(ErrRelocation)
		cold.Given(t, storedA, storedB).When(with(relocate, func(c *Relocate) { c.Relocation = uuid.Nil })).Rejects(ErrRelocation)
	})
	t.Run("still one in a bay, and from where they are", func(t *testing.T) {
		one := func(m Relocation) Relocate { return with(relocate, func(c *Relocate) { c.Moves = []Relocation{m} }) }
		cold.Given(t, storedA, with(storedB, func(e *Stored) { e.Bay = Bay{"cold-2", 1} })).When(one(fire.Moves[0])).Rejects(ErrBayTaken)
		cold.Given(t, storedA).When(one(Relocation{"T-0001", Bay{"cold-1", 5}, Bay{"cold-2", 1}})).Rejects(ErrNotStored)
		cold.Given(t, storedB).When(one(fire.Moves[0])).Rejects(ErrNotStored)
		cold.Given(t, storedA).When(one(Relocation{"T-0001", Bay{"cold-1", 1}, Bay{"cold-2", 25}})).Rejects(ErrBayUnknown)
		cold.Given(t, storedA).When(one(Relocation{"T-0001", Bay{"cold-1", 1}, Bay{"cold-3", 1}})).Rejects(ErrBayUnknown)
		cold.Given(t, storedA).When(with(relocate, func(c *Relocate) { c.Moves = []Relocation{fire.Moves[0], fire.Moves[0]} })).Rejects(ErrRelocation)
	})
	t.Run("two may change places", func(t *testing.T) {
		swap := with(relocate, func(c *Relocate) {
			c.Moves = []Relocation{{"T-0001", storedA.Bay, storedB.Bay}, {"T-0002", storedB.Bay, storedA.Bay}}
			c.Capacity = map[string]int{"cold-1": 24}
		})
		cold.Given(t, storedA, storedB).When(swap).Then(with(fire, func(e *Relocated) { e.Moves = swap.Moves }))
	})
	t.Run("a reference stands for one relocation, and one done before is done", func(t *testing.T) {
		cold.Given(t, storedA, storedB, fire).When(relocate).Then()
		cold.Given(t, storedA, storedB, fire).When(with(relocate, func(c *Relocate) { c.Moves = []Relocation{{"T-0001", Bay{"cold-2", 1}, Bay{"cold-2", 7}}} })).Rejects(ErrRelocationUsed)
		half := with(fire, func(e *Relocated) { e.Moves = e.Moves[:1] })
		cold.Given(t, storedA, storedB, half).When(with(relocate, func(c *Relocate) { c.Relocation = holdB })).Rejects(ErrNotStored)
	})
	out := Remove{at("staff-cold", 5), Bay{"cold-2", 1}, "T-0001"}
	recount := Recount{at("staff-cold", 10), countA, []Sighting{{Bay{"cold-2", 1}, "T-0001"}, {Bay{"cold-2", 2}, "T-0002"}}}
	clean := Recounted{Count: countA, Expected: 2, By: "staff-cold"}
	t.Run("nothing leaves until every expected tag was scanned in its place", func(t *testing.T) {
		cold.Given(t, storedA, storedB, fire).When(out).Rejects(ErrRecountFirst)
		cold.Given(t, storedA, storedB, fire).When(recount).Then(clean)
		cold.Given(t, storedA, storedB, fire, clean).When(out).Then(Removed{Bay{"cold-2", 1}, "T-0001"})
	})
	t.Run("a count lists who is missing, unexpected or misplaced, and the store stays shut", func(t *testing.T) {
		off := Recounted{countA, 2, []string{"T-0002"}, []string{"T-0009"}, []string{"T-0001"}, "staff-cold"}
		cold.Given(t, storedA, storedB, fire).When(with(recount, func(c *Recount) {
			c.Seen = []Sighting{{Bay{"cold-2", 2}, "T-0001"}, {Bay{"cold-2", 9}, "T-0009"}}
		})).Then(off)
		cold.Given(t, storedA, storedB, fire, off).When(out).Rejects(ErrRecountFirst)
	})
	t.Run("a count reads no tag twice", func(t *testing.T) {
		cold.Given(t, storedA, storedB, fire).When(with(recount, func(c *Recount) { c.Seen = append(slices.Clone(c.Seen), c.Seen[0]) })).Rejects(ErrRecount)
		cold.Given(t, storedA, storedB, fire).When(with(recount, func(c *Recount) { c.Count = uuid.Nil })).Rejects(ErrRecount)
	})
	t.Run("a missing tag is struck off by somebody else than the counter, with what was found out", func(t *testing.T) {
		off := Recounted{Count: countA, Expected: 2, Missing: []string{"T-0002"}, By: "staff-cold"}
		settle := SettleDiscrepancy{at("staff-director", 20), "T-0002", "转移前已交接，漏登记", "查字 1 号"}
		es := []ColdStoreEvent{storedA, storedB, fire, off}
		settled := DiscrepancySettled{"T-0002", Bay{"cold-2", 2}, "转移前已交接，漏登记", "查字 1 号", "staff-director", "staff-cold"}
		cold.Given(t, es...).When(settle).Then(settled)
		cold.Given(t, es...).When(with(settle, func(c *SettleDiscrepancy) { c.By = "staff-cold" })).Rejects(ErrSettleSelf)
		cold.Given(t, es...).When(with(settle, func(c *SettleDiscrepancy) { c.Paper = "" })).Rejects(ErrSettle)
		cold.Given(t, es...).When(with(settle, func(c *SettleDiscrepancy) { c.Tag = "T-0001" })).Rejects(ErrNotMissing)
		cold.Given(t, plus[ColdStoreEvent](es, settled)...).When(out).Rejects(ErrRecountFirst)
		again := with(recount, func(c *Recount) { c.Count, c.Seen = countB, c.Seen[:1] })
		cold.Given(t, plus[ColdStoreEvent](es, settled)...).When(again).Then(Recounted{Count: countB, Expected: 1, By: "staff-cold"})
	})
	t.Run("who comes in meanwhile is stored", func(t *testing.T) {
		cold.Given(t, storedA, fire).When(Store{Act: at("staff-cold", 0), Bay: Bay{"cold-2", 9}, Tag: "T-0003", Case: caseB, TagCase: caseB, Capacity: 24}).
			Then(Stored{Bay{"cold-2", 9}, "T-0003", caseB, "2026-11-23"})
	})
}

func TestOverlong(t *testing.T) {
	unknown := Stored{Bay{"cold-1", 3}, "T-0003", holdA, ""}
	s := cold.Given(t, storedA, storedB, unknown).State()
	// 20 November and 7 days: the 27th is the last.
	if got := s.Overlong("2026-11-27", 7, nil); len(got) != 1 || got[0].Tag != "T-0003" || got[0].Limit != "" {
		t.Error(got)
	}
	got := s.Overlong("2026-11-30", 7, nil)
	if len(got) != 3 || got[0].Tag != "T-0003" || got[1].Tag != "T-0002" || got[1].Limit != "2026-11-27" || got[2].Tag != "T-0001" {
		t.Error(got)
	}
	if got := s.Overlong("2026-11-30", 7, map[uuid.UUID]domain.Date{caseB: "2026-12-20"}); len(got) != 2 || got[1].Tag != "T-0001" {
		t.Error(got)
	}
	if got := s.Overlong("2026-11-30", 15, nil); len(got) != 1 {
		t.Error("the limit is the caller's", got)
	}
}

// I2: one in a bay, nobody lost in a relocation, nothing out before the recount.
func TestColdStoreHistories(t *testing.T) {
	removed, relocated, cleaned := 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		tags := rapid.SampledFrom([]string{"T-1", "T-2", "T-3"})
		bay := rapid.Custom(func(t *rapid.T) Bay {
			return Bay{rapid.SampledFrom([]string{"cold-1", "cold-2"}).Draw(t, "bank"), rapid.IntRange(0, 3).Draw(t, "no")}
		})
		n := 0
		id := func() uuid.UUID { n++; return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)) }
		where := func(s ColdStoreState, tag string) Bay {
			if b, ok := s.Where(tag); ok && rapid.IntRange(0, 5).Draw(t, "right") > 0 {
				return b
			}
			return bay.Draw(t, "bay")
		}
		domaintest.Random(t, ColdStore, func(s ColdStoreState) ColdStoreCommand {
			act := at(rapid.SampledFrom([]string{"staff-1", "staff-2"}).Draw(t, "by"), n)
			tag := tags.Draw(t, "tag")
			switch rapid.IntRange(0, 7).Draw(t, "command") {
			case 0, 1:
				return Store{Act: act, Bay: bay.Draw(t, "bay"), Tag: tag, Case: caseA, TagCase: caseA, Capacity: 2}
			case 2, 3:
				return Remove{act, where(s, tag), tag}
			case 4:
				c := Relocate{act, id(), nil, "x", map[string]int{"cold-1": 3, "cold-2": 2}}
				for _, tag := range rapid.SliceOfN(tags, 1, 3).Draw(t, "tags") {
					c.Moves = append(c.Moves, Relocation{tag, where(s, tag), bay.Draw(t, "to")})
				}
				return c
			case 5, 6:
				c := Recount{act, id(), nil}
				for _, x := range s.In {
					if rapid.IntRange(0, 9).Draw(t, "seen") > 0 {
						c.Seen = append(c.Seen, Sighting{where(s, x.Tag), x.Tag})
					}
				}
				return c
			default:
				return SettleDiscrepancy{act, tag, "x", "x"}
			}
		}, func(s ColdStoreState, history []ColdStoreEvent) {
			in, due := map[string]Bay{}, false
			for _, e := range history {
				switch e := e.(type) {
				case Stored:
					if _, ok := in[e.Tag]; ok {
						t.Fatalf("%s stored twice", e.Tag)
					}
					in[e.Tag] = e.Bay
				case Removed:
					removed++
					if due || in[e.Tag] != e.Bay {
						t.Fatalf("%#v while due %v and in %v", e, due, in[e.Tag])
					}
					delete(in, e.Tag)
				case Relocated:
					relocated++
					due = true
					for _, m := range e.Moves {
						if in[m.Tag] != m.From {
							t.Fatalf("%#v from %v", m, in[m.Tag])
						}
						in[m.Tag] = m.To
					}
				case Recounted:
					if e.Expected != len(in) {
						t.Fatalf("%#v of %d", e, len(in))
					}
					if e.Clean() {
						cleaned++
						due = false
					}
				case DiscrepancySettled:
					if e.By == e.Counter {
						t.Fatalf("%#v", e)
					}
					delete(in, e.Tag)
				}
			}
			bays := map[Bay]bool{}
			for _, b := range in {
				if bays[b] || b.No < 1 {
					t.Fatalf("two in %v", b)
				}
				bays[b] = true
			}
			if s.RecountDue() != due || len(s.In) != len(in) {
				t.Fatalf("state %#v, history %v due %v", s, in, due)
			}
			for tag, b := range in {
				if got, ok := s.Where(tag); !ok || got != b || s.TagIn(b) != tag {
					t.Fatalf("%s in %v, state says %v", tag, b, got)
				}
			}
		})
	}, &removed, &relocated, &cleaned)
}
