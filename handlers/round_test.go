package handlers_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
	. "shenzhong/handlers"
)

var seed, salt = strings.Repeat("1a", 32), strings.Repeat("2b", 32)

// yardOf establishes the cemetery and surveys places of two positions each.
func yardOf(t *testing.T, s *script, places ...string) {
	t.Helper()
	if _, err := s.Cemeteries.Handle(t.Context(), yard, cemetery.Establish{Act: s.act("staff-1"), Cemetery: yard, NameZh: "公墓", Class: cemetery.UrbanPublic, Division: "210211", Serves: []domain.Division{"210200"}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if _, err := s.Survey(t.Context(), Survey{Of: yard, Survey: cemetery.Survey{Act: s.act("staff-1"), Plot: p, Kind: cemetery.Grave, EcoType: "SMALL_PLOT", Capacity: 2, AreaCM2: 5000}}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *script) announceRound(places []string, mode cemetery.Mode) AnnounceRound {
	return AnnounceRound{Of: yard, AnnounceRound: cemetery.AnnounceRound{Act: s.act("staff-1"), Round: "2026-2", Places: places, Mode: mode,
		Commitment: domain.Commitment(seed, salt), Closes: s.now.Add(time.Hour), NoticeNo: "GG-2026-2"}}
}

// needy is somebody who may apply ahead of a death, so that no cremation is needed.
func (s *script) needy(n int, wishes ...string) ApplyRound {
	who := domain.Subject(uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "needy", n)).String())
	return ApplyRound{Of: yard, Round: "2026-2", ApplyRound: cemetery.ApplyRound{Act: s.act("staff-1"), Application: fmt.Sprintf("a-%03d", n), Applicant: who, Deceased: who,
		Since: domain.Date("2026-01-01").AddDays(n % 7), Wishes: wishes, Need: cemetery.Need{Ground: cemetery.LivingIll, ExceptionPaper: true, Hukou: "210211"}}}
}

func (s *script) plotOf(t *testing.T, place string) cemetery.PlotState {
	t.Helper()
	p, _, err := s.Plots.Load(t.Context(), PlotID(yard, place))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recount draws from a record by what the manual says alone, with nothing of
// this program.
func recount(t *testing.T, record []byte) (result []string) {
	var r struct {
		Seed         string
		Places       []string
		Applications []struct {
			Application, First string
			Wishes             []string
		}
	}
	if err := json.Unmarshal(record, &r); err != nil {
		t.Fatal(err)
	}
	sha := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	var ids []string
	for _, a := range r.Applications {
		ids = append(ids, a.Application+"\n")
	}
	slices.Sort(ids)
	list := sha(strings.Join(ids, ""))
	key := map[string]string{}
	for _, a := range r.Applications {
		key[a.Application] = a.First + " " + sha(r.Seed+list+a.Application)
	}
	for range r.Applications {
		first := slices.MinFunc(r.Applications, func(a, b struct {
			Application, First string
			Wishes             []string
		}) int {
			return strings.Compare(key[a.Application], key[b.Application])
		})
		key[first.Application] = "~" // has chosen
		wishes := first.Wishes
		if len(wishes) == 0 {
			wishes = r.Places
		}
		for _, w := range wishes {
			if !slices.ContainsFunc(result, func(x string) bool { return strings.HasSuffix(x, " "+w) }) {
				result = append(result, first.Application+" "+w)
				break
			}
		}
	}
	return result
}

// 500 applications for 40 places, by chance and by waiting: the record comes out
// by the program and by the manual's recipe alone, and what fell to nobody is
// open.
func TestRoundOfFiveHundred(t *testing.T) {
	for _, mode := range []cemetery.Mode{cemetery.ByDraw, cemetery.ByWaiting} {
		t.Run(string(mode), func(t *testing.T) {
			s := newScript(memory.New())
			var places []string
			for n := range 40 {
				places = append(places, fmt.Sprintf("B-%02d", n+1))
			}
			yardOf(t, s, places...)
			if _, err := s.AnnounceRound(t.Context(), s.announceRound(places, mode)); err != nil {
				t.Fatal(err)
			}
			for n := range 500 {
				c := s.needy(n)
				if n%3 > 0 { // most wish for the same few
					c.Wishes = []string{places[n%5], places[n%39]}
					c.Wishes = slices.Compact(c.Wishes)
				}
				if _, err := s.ApplyRound(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			before, err := s.Round(t.Context(), yard, "2026-2", s.now)
			if err != nil || before.Applied != 500 || before.Applications != nil || before.Seed != "" {
				t.Fatalf("%+v %v", before, err)
			}
			s.now = s.now.Add(time.Hour)
			if _, err := s.DrawRound(t.Context(), yard, "2026-2", nil, cemetery.DrawRound{Act: s.act("staff-1"), Seed: seed, Salt: salt}); err != nil {
				t.Fatal(err)
			}
			record, err := s.Round(t.Context(), yard, "2026-2", s.now)
			if err != nil {
				t.Fatal(err)
			}
			if ds := record.Differences(); len(ds) > 0 || len(record.Result) != 40 || len(record.Order) != 500 {
				t.Errorf("%d places of %d: %v", len(record.Result), len(record.Order), ds)
			}
			b, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			var published []string
			for _, x := range record.Result {
				published = append(published, x.Application+" "+x.Place)
			}
			if d := cmp.Diff(published, recount(t, b)); d != "" {
				t.Error(d)
			}
			record.Applications[7].Application = "a-999"
			if len(record.Differences()) == 0 {
				t.Error("another application comes out as well")
			}
		})
	}
}

// A round from its announcement to the last place: held while it runs, given to
// whom it fell to and nobody else, passed on, opened when nobody wants it. Every
// append fails once in every way; the log is the same.
func TestRoundSurvivesEveryFault(t *testing.T) {
	play := func(store events.Store) error {
		s := newScript(store)
		again := func(do func() (events.Receipt, error)) (err error) {
			for range 3 {
				if _, err = do(); !errors.Is(err, eventstest.ErrInjected) {
					return err
				}
			}
			return err
		}
		var failed error
		step := func(name string, do func() (events.Receipt, error)) {
			if failed == nil {
				if err := again(do); err != nil {
					failed = fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		establish := cemetery.Establish{Act: s.act("staff-1"), Cemetery: yard, NameZh: "公墓", Class: cemetery.UrbanPublic, Division: "210211", Serves: []domain.Division{"210200"}}
		step("establish", func() (events.Receipt, error) { return s.Cemeteries.Handle(t.Context(), yard, establish) })
		for _, p := range []string{"B-1", "B-2", "B-3"} {
			survey := Survey{Of: yard, Survey: cemetery.Survey{Act: s.act("staff-1"), Plot: p, Kind: cemetery.Grave, EcoType: "SMALL_PLOT", Capacity: 1, AreaCM2: 5000}}
			step("survey", func() (events.Receipt, error) { return s.Survey(t.Context(), survey) })
		}
		announce := s.announceRound([]string{"B-1", "B-2", "B-3"}, cemetery.ByDraw)
		step("announce", func() (events.Receipt, error) { return s.AnnounceRound(t.Context(), announce) })
		for n, wish := range []string{"B-1", "B-1", "B-2"} {
			apply := s.needy(n, wish)
			step("apply", func() (events.Receipt, error) { return s.ApplyRound(t.Context(), apply) })
		}
		s.now = s.now.Add(time.Hour)
		draw := cemetery.DrawRound{Act: s.act("staff-1"), Seed: seed, Salt: salt}
		step("draw", func() (events.Receipt, error) { return s.DrawRound(t.Context(), yard, "2026-2", nil, draw) })
		if failed != nil {
			return failed
		}
		r, _, err := s.Rounds.Load(t.Context(), RoundID(yard, "2026-2"))
		if err != nil {
			return err
		}
		for _, h := range r.Drawn.Result {
			won, _ := r.Application(h.Application)
			act := s.act("staff-1")
			if h.Place == "B-1" { // given up, and then by the next one too
				step("pass", func() (events.Receipt, error) {
					return s.PassPlace(t.Context(), yard, "2026-2", nil, cemetery.PassPlace{Act: act, Application: h.Application, Place: h.Place, Reason: cemetery.GaveUp})
				})
				continue
			}
			step("allocate", func() (events.Receipt, error) {
				return s.AllocatePlot(t.Context(), AllocatePlot{Of: yard, Plot: h.Place, Allocate: cemetery.Allocate{Act: act, Right: "R-" + h.Place, Applicant: won.Applicant, Deceased: won.Deceased,
					Ground: won.Ground, ExceptionPaper: domain.Personal(won.Deceased, "诊断书"), Hukou: "210211", Contract: "C", TermUntil: "2046-01-01", Round: "2026-2"}})
			})
		}
		if failed != nil {
			return failed
		}
		if r, _, err = s.Rounds.Load(t.Context(), RoundID(yard, "2026-2")); err != nil {
			return err
		}
		for _, h := range r.Holds {
			act := s.act("staff-1")
			step("pass again", func() (events.Receipt, error) {
				return s.PassPlace(t.Context(), yard, "2026-2", nil, cemetery.PassPlace{Act: act, Application: h.Application, Place: h.Place, Reason: cemetery.GaveUp})
			})
		}
		return failed
	}
	calm := &eventstest.Faulty{Store: memory.New()}
	if err := play(calm); err != nil {
		t.Fatal(err)
	}
	want := log(t, calm)
	for place, kept := range map[string]cemetery.Status{"B-1": cemetery.Vacant, "B-2": cemetery.Allocated, "B-3": cemetery.Vacant} {
		if got := newScript(calm).plotOf(t, place).Status(); got != kept {
			t.Errorf("%s is %s, want %s", place, got, kept)
		}
	}
	r, _, err := newScript(calm).Rounds.Load(t.Context(), RoundID(yard, "2026-2"))
	if err != nil || len(r.Holds) != 0 || len(r.Taken) != 1 || len(r.Had) != 3 {
		t.Errorf("%+v %v", r, err)
	}
	for _, fault := range []eventstest.Fault{eventstest.Lost, eventstest.Answer, eventstest.Conflict, eventstest.Refused} {
		for n := range calm.Appends() {
			store := &eventstest.Faulty{Store: memory.New(), Plan: func(i int) eventstest.Fault {
				if i == n {
					return fault
				}
				return eventstest.None
			}}
			if err := play(store); err != nil {
				t.Fatalf("append %d, fault %d: %v", n, fault, err)
			}
			if d := cmp.Diff(want, log(t, store)); d != "" {
				t.Fatalf("append %d, fault %d: %s", n, fault, d)
			}
		}
	}
}

// A round whose places are not all free is not announced, and leaves the others
// open; the same request is good once they are.
func TestRoundThatIsRefused(t *testing.T) {
	s := newScript(memory.New())
	yardOf(t, s, "B-1", "B-2")
	if _, err := s.Plots.Handle(t.Context(), PlotID(yard, "B-2"), cemetery.Hold{Act: s.act("staff-1"), Round: "other"}); err != nil {
		t.Fatal(err)
	}
	c := s.announceRound([]string{"B-1", "B-2"}, cemetery.ByDraw)
	if _, err := s.AnnounceRound(t.Context(), c); !errors.Is(err, cemetery.ErrNotFree) {
		t.Fatal(err)
	}
	if got := s.plotOf(t, "B-1").Status(); got != cemetery.Vacant {
		t.Errorf("B-1 is %s after a round that was not announced", got)
	}
	if _, err := s.Round(t.Context(), yard, "2026-2", s.now); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Plots.Handle(t.Context(), PlotID(yard, "B-2"), cemetery.EndHold{Act: s.act("staff-1"), Round: "other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AnnounceRound(t.Context(), c); err != nil { // the very same
		t.Fatal(err)
	}
	for _, p := range []string{"B-1", "B-2"} {
		if got := s.plotOf(t, p); got.Held != "2026-2" {
			t.Errorf("%s is held for %q", p, got.Held)
		}
	}
	apply := s.needy(1)
	apply.Need.Hukou = "110101"
	if _, err := s.ApplyRound(t.Context(), apply); !errors.Is(err, cemetery.ErrNotServed) {
		t.Error(err)
	}
	apply = s.needy(1)
	apply.Need.Ground, apply.Need.Certificate = cemetery.CremationCertificate, "N-404"
	if _, err := s.ApplyRound(t.Context(), apply); !errors.Is(err, ErrCertificate) {
		t.Error(err)
	}
	other := s.needy(1)
	if _, err := s.AllocatePlot(t.Context(), AllocatePlot{Of: yard, Plot: "B-1", Allocate: cemetery.Allocate{Act: s.act("staff-1"), Right: "R", Applicant: other.Applicant, Deceased: other.Deceased,
		Ground: cemetery.LivingIll, ExceptionPaper: domain.Personal(other.Deceased, "诊断书"), Hukou: "210211", Contract: "C", TermUntil: "2046-01-01"}}); !errors.Is(err, cemetery.ErrHeld) {
		t.Error(err)
	}
}
