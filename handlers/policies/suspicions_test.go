package policies

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/handlers"
)

// put records events as they are, however they came about.
func (s *scene) put(stream events.Stream, meta events.Meta, occurred time.Time, es ...any) {
	s.Helper()
	var rev events.Revision
	for r, err := range s.app.Store.Load(s.Context(), stream, events.NoStream) {
		if err != nil {
			s.Fatal(err)
		}
		rev = r.Revision
	}
	var out []events.New
	for _, e := range es {
		typ, data, err := s.app.Registry.Encode(s.Context(), e)
		if err != nil {
			s.Fatal(err)
		}
		meta.Command = uuid.New()
		out = append(out, events.New{ID: uuid.New(), Type: typ, Data: data, Occurred: occurred, Meta: meta})
	}
	if _, _, err := s.app.Store.Append(s.Context(), stream, rev, out...); err != nil {
		s.Fatal(err)
	}
}

// A cremation that cannot well be, a late record and a price list that nobody
// published anew are suspected once each; what is in order, and what nobody can
// time, is not.
func TestSuspicions(t *testing.T) {
	s := newScene(t)
	today := domain.DateOf(s.app.Now())
	policy := credit.Default()
	policy.EffectiveFrom = today.AddMonths(-24)
	s.ok(s.app.AdoptCreditPolicy(t.Context(), credit.Adopt{Act: s.act(), PolicyVersion: policy}))
	list := func(from domain.Date) {
		s.ok(s.app.PublishPriceList(t.Context(), handlers.PublishPriceList{Key: home, Publish: pricing.Publish{Act: s.act(), EffectiveFrom: from, InstitutionName: "松涛殡仪馆（演示）", Division: "210211",
			Rows: []pricing.Row{{Code: "X", NameZh: "告别厅", Category: pricing.Farewell, PricingType: pricing.GovGuidedBasic, Unit: "元/场", Price: 12000}}}}))
	}
	list(today.AddMonths(-13))
	by := events.Meta{Actor: "staff-1"}
	late := events.Meta{Actor: "staff-1", LateReason: "停电"}
	cremated := func(meta events.Meta, at time.Time, more ...any) uuid.UUID {
		id := uuid.New()
		s.put(events.Stream("cremation-"+id.String()), meta, at, append([]any{cremation.Received{Institution: home}, cremation.Completed{Institution: home, At: at}}, more...)...)
		return id
	}
	ago := func(days int) time.Time { return s.app.Now().UTC().AddDate(0, 0, -days) }
	short := cremated(by, ago(0), cremation.AnomalyFlagged{Kind: cremation.TooShort, FoundS: 12 * 60, LimitS: 30 * 60})
	differs := cremated(by, ago(0), cremation.AnomalyFlagged{Kind: cremation.TelemetryDiffers, FoundS: 9 * 60, LimitS: 2 * 60})
	cremated(late, ago(40))
	cremated(late, ago(40)) // of the same month: the same fact
	cremated(late, ago(3))  // within the time for it
	// Late before there was a policy; and its time ran out when there was one.
	before := policy.EffectiveFrom.Start().UTC().AddDate(0, 0, -1)
	cremated(late, before.AddDate(0, -2, 0))
	cremated(late, before)
	guessed := late
	guessed.Estimated = true
	cremated(guessed, ago(100))
	cremated(events.Meta{Actor: "policy:telemetry", LateReason: "x"}, ago(100))

	found := func() (facts []string) {
		l, _, err := s.app.Credit.Load(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range l.Suspicions {
			if x.Basis == "" || x.SourceEvent == uuid.Nil || !x.Open() {
				t.Errorf("%+v", x)
			}
			facts = append(facts, x.Rule+" "+x.Fact)
		}
		if st := credit.Score(policy, l.Entries, today); st.Score != policy.Base {
			t.Errorf("suspicions moved the score to %d", st.Score)
		}
		slices.Sort(facts)
		return facts
	}
	want := []string{"B05 case:" + short.String() + "/TOO_SHORT", "B05 case:" + differs.String() + "/TELEMETRY_DIFFERS", "P01 pricelist/v1/stale",
		"V07 reports:cremation/" + domain.DateOf(ago(40)).Month(), "V07 reports:cremation/" + domain.DateOf(before).Month()}
	slices.Sort(want)
	_, stop := s.start(nil)
	s.until("all are noted", func() bool { return len(found()) == len(want) })
	stop()
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Looked at from the beginning again, and with a fresh list: nothing more.
	list(today)
	s.file += ".anew"
	p, stop := s.start(nil)
	if err := p.Wait(t.Context(), s.end()); err != nil {
		t.Error(err)
	}
	stop()
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("the second time: %q", got)
	}
}
