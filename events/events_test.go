package events_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
)

// A till: one small aggregate to test handler and registry with.
type (
	tillEvent interface{ tillEvent() }
	paid      struct {
		Amount domain.Money            `json:"amount_fen"`
		Payer  domain.Private[string]  `json:"payer,omitzero"`
		Phones domain.Private[[]phone] `json:"phones,omitzero"`
	}
	phone struct {
		Number string `json:"number"`
	}
	closed struct{}
	paidV1 struct{ Yuan int64 }
	till   struct {
		Total  domain.Money
		Closed bool
	}
	tillCmd interface{ domain.Command }
	pay     struct {
		domain.Act
		Amount domain.Money
		Payer  domain.Private[string]
		Lines  int
	}
	shut struct{ domain.Act }
)

func (paid) tillEvent()   {}
func (closed) tillEvent() {}

var errClosed = domain.Reject("till_closed", "已结账。", "The till is closed.")

var tillDecider = domain.Decider[till, tillCmd, tillEvent]{
	Decide: func(s till, c tillCmd) ([]tillEvent, error) {
		if err := c.Acted().Check(); err != nil {
			return nil, err
		}
		switch c := c.(type) {
		case pay:
			if s.Closed {
				return nil, errClosed
			}
			es := []tillEvent{}
			for range max(c.Lines, 1) {
				es = append(es, paid{Amount: c.Amount, Payer: c.Payer})
			}
			return es, nil
		case shut:
			if s.Closed {
				return nil, nil
			}
			return []tillEvent{closed{}}, nil
		}
		panic("unreachable: sealed interface")
	},
	Evolve: func(s till, e tillEvent) till {
		switch e := e.(type) {
		case paid:
			s.Total += e.Amount
		case closed:
			s.Closed = true
		}
		return s
	},
}

var tillWire = []domain.Wire{
	domain.Named[paid]("till.paid.v2"),
	domain.Upcast("till.paid.v1", func(o paidV1) paid { return paid{Amount: domain.Yuan(o.Yuan)} }),
	domain.Named[closed]("till.closed.v1"),
}

func tillOn(s events.Store) (*events.Handler[till, tillCmd, tillEvent], *events.MemoryKeys) {
	keys := events.NewMemoryKeys()
	return &events.Handler[till, tillCmd, tillEvent]{Store: s, Registry: events.NewRegistry(keys, tillWire), Category: "till", Decider: tillDecider}, keys
}

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func act() domain.Act { return domain.Act{ID: uuid.New(), By: "staff-1", Now: noon, At: noon} }

func TestRegistrySealsUpcastsAndForgets(t *testing.T) {
	h, keys := tillOn(memory.New())
	ctx := t.Context()
	e := paid{350, domain.Personal("p1", "沈明远"), domain.Personal("p1", []phone{{"13800000412"}})}
	name, data, err := h.Registry.Encode(ctx, e)
	if err != nil || name != "till.paid.v2" {
		t.Fatal(name, err)
	}
	if s := string(data); strings.Contains(s, "沈") || strings.Contains(s, "138") || !strings.Contains(s, `"subject":"p1"`) {
		t.Errorf("stored as %s", s)
	}
	got, err := h.Registry.Decode(ctx, events.Recorded{New: events.New{Type: name, Data: data}})
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("%#v, %v", got, err)
	}
	if got, err := h.Registry.Decode(ctx, events.Recorded{New: events.New{Type: "till.paid.v1", Data: []byte(`{"Yuan":3}`)}}); err != nil || got.(paid).Amount != 300 {
		t.Errorf("old version: %#v, %v", got, err)
	}
	if err := keys.Forget(ctx, "p1"); err != nil {
		t.Fatal(err)
	}
	got, err = h.Registry.Decode(ctx, events.Recorded{New: events.New{Type: name, Data: data}})
	if v, known := got.(paid).Payer.Get(); err != nil || known || v != "" || !got.(paid).Payer.IsForgotten() || got.(paid).Amount != 350 {
		t.Errorf("forgotten: %#v, %v", got, err)
	}
	if _, _, err := h.Registry.Encode(ctx, e); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("sealed again for a forgotten person: %v", err)
	}
	for _, bad := range []events.New{{Type: "till.lost.v1", Data: []byte(`{}`)}, {Type: name, Data: []byte(`{"amount_fen":`)}, {Type: name, Data: []byte(`{"amount_fen":1,"amount_fen":2}`)},
		{Type: name, Data: []byte(`{"payer":{"subject":"p2","sealed":"AAAA"}}`)}} {
		if bad.Type == name {
			keys.Key(ctx, "p2", true)
		}
		if _, err := h.Registry.Decode(ctx, events.Recorded{New: bad}); err == nil {
			t.Errorf("decoded %s %s", bad.Type, bad.Data)
		}
	}
}

// What is sealed does not tell by its length which of a few values it is.
func TestSealedLengthTellsNothing(t *testing.T) {
	h, _ := tillOn(memory.New())
	var size int
	for i, cause := range []string{"NATURAL", "UNNATURAL", "UNKNOWN"} {
		_, data, err := h.Registry.Encode(t.Context(), paid{Payer: domain.Personal("p1", cause)})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && len(data) != size {
			t.Errorf("%s: %d bytes, the first had %d", cause, len(data), size)
		}
		size = len(data)
	}
}

// A sealed value moved to another person's name does not open.
func TestSealedValueIsBoundToItsPerson(t *testing.T) {
	h, keys := tillOn(memory.New())
	_, data, _ := h.Registry.Encode(t.Context(), paid{1, domain.Personal("p1", "甲"), domain.Private[[]phone]{}})
	keys.Key(t.Context(), "p2", true)
	moved := strings.Replace(string(data), `"subject":"p1"`, `"subject":"p2"`, 1)
	if _, err := h.Registry.Decode(t.Context(), events.Recorded{New: events.New{Type: "till.paid.v2", Data: []byte(moved)}}); err == nil {
		t.Error("opened under another name")
	}
}

func TestRegistryRefusesClashes(t *testing.T) {
	for _, ws := range [][]domain.Wire{{domain.Named[paid]("a.b.v1"), domain.Named[closed]("a.b.v1")}, {domain.Named[paid]("a.b.v1"), domain.Named[paid]("a.b.v2")}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a clash was accepted")
				}
			}()
			events.NewRegistry(events.NewMemoryKeys(), ws)
		}()
	}
}

func TestHandlerRefusesAndRepeats(t *testing.T) {
	h, _ := tillOn(memory.New())
	ctx := t.Context()
	c := pay{Act: act(), Amount: 500, Lines: 3}
	first, err := h.Handle(ctx, "1", c)
	if err != nil || first.Events != 3 || first.Repeated {
		t.Fatal(first, err)
	}
	again, err := h.Handle(ctx, "1", c)
	if err != nil || !again.Repeated || again.Events != 0 || again.Position != first.Position || again.Revision != first.Revision {
		t.Errorf("sent twice: %+v, %v; first %+v", again, err, first)
	}
	if _, err := h.HandleAt(ctx, "1", first.Revision+1, pay{Act: act()}); !errors.Is(err, events.ErrStale) {
		t.Errorf("stale: %v", err)
	}
	if rc, err := h.HandleAt(ctx, "1", first.Revision, shut{act()}); err != nil || rc.Events != 1 {
		t.Errorf("%+v, %v", rc, err)
	}
	if _, err := h.Handle(ctx, "1", pay{Act: act()}); !errors.Is(err, errClosed) {
		t.Errorf("closed: %v", err)
	}
	future := act()
	future.At = noon.Add(time.Second)
	if _, err := h.Handle(ctx, "1", shut{future}); !errors.Is(err, domain.ErrFuture) {
		t.Errorf("future: %v", err)
	}
	if _, err := h.Handle(ctx, "1", shut{domain.Act{By: "x", Now: noon}}); err == nil {
		t.Error("a command without an ID was taken")
	}
}

// Each append fails in each way; whatever the answers, every command counts
// exactly once or is reported as not done.
func TestHandlerUnderFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(rapid.SampledFrom([]eventstest.Fault{eventstest.None, eventstest.Lost, eventstest.Answer, eventstest.Conflict, eventstest.Refused}), 1, 12).Draw(rt, "plan")
		mem := memory.New()
		h, _ := tillOn(&eventstest.Faulty{Store: mem, Plan: func(n int) eventstest.Fault {
			if n < len(plan) {
				return plan[n]
			}
			return eventstest.None
		}})
		want := domain.Money(0)
		for i := range rapid.IntRange(1, 6).Draw(rt, "commands") {
			c := pay{Act: act(), Amount: domain.Money(1 + i), Lines: 1 + i%2}
			_, err := h.Handle(context.Background(), "1", c)
			switch {
			case err == nil:
				want += c.Amount * domain.Money(c.Lines)
			case !errors.Is(err, eventstest.ErrInjected):
				rt.Fatal(err)
			default: // refused for certain: sending it again is right
				if _, err := h.Handle(context.Background(), "1", c); err == nil {
					want += c.Amount * domain.Money(c.Lines)
				}
			}
		}
		s, _, err := h.Load(context.Background(), "1")
		if err != nil || s.Total != want {
			rt.Fatalf("total %d, want %d (%v)", s.Total, want, err)
		}
	})
}

func TestHandlersRaceOnOneStream(t *testing.T) {
	h, _ := tillOn(memory.New())
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for {
				_, err := h.Handle(t.Context(), "1", pay{Act: act(), Amount: 1})
				if err == nil {
					return
				}
				if !errors.Is(err, events.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if s, _, _ := h.Load(t.Context(), "1"); s.Total != 40 {
		t.Errorf("total %d, want 40", s.Total)
	}
}

func TestEventIDsFollowFromTheCommand(t *testing.T) {
	a := act()
	id := events.EventID(a, "till-1", 0)
	if id != events.EventID(a, "till-1", 0) || id == events.EventID(a, "till-1", 1) || id == events.EventID(a, "till-2", 0) || id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		t.Error(id, id.Version(), id.Variant())
	}
	if s, _ := id.Time().UnixTime(); s != noon.Unix() {
		t.Error(s, noon.Unix())
	}
}

func ExampleStream() {
	s := events.Stream("case-0199f0a2-7e1c-7b7e-8a55-1f2e3d4c5b6a")
	fmt.Println(s.Category(), s.ID(), s.Check())
	// Output: case 0199f0a2-7e1c-7b7e-8a55-1f2e3d4c5b6a <nil>
}
