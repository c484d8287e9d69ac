// Package domaintest checks deciders with given-when-then, and makes the
// values that their tests need.
package domaintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

// A Spec checks one decider:
//
//	domaintest.For(cemetery.Plot).Given(t, …).When(…).Then(…)
type Spec[S any, C domain.Command, E any] struct{ d domain.Decider[S, C, E] }

// For makes the spec of one decider.
func For[S any, C domain.Command, E any](d domain.Decider[S, C, E]) Spec[S, C, E] {
	return Spec[S, C, E]{d}
}

// Given is what has already happened.
func (sp Spec[S, C, E]) Given(t testing.TB, es ...E) Given[S, C, E] {
	return Given[S, C, E]{t, sp.d, sp.d.Fold(sp.d.Initial, es...)}
}

// Given is a decider in the middle of its history.
type Given[S any, C domain.Command, E any] struct {
	t testing.TB
	d domain.Decider[S, C, E]
	s S
}

// When decides c, and checks on the way that asking for the same again, as a
// new command, yields nothing more or a rejection: never the fact twice.
func (g Given[S, C, E]) When(c C) Outcome[E] {
	g.t.Helper()
	es, err := g.d.Decide(g.s, c)
	if err == nil && len(es) > 0 {
		if again, err := g.d.Decide(g.d.Fold(g.s, es...), c); err == nil && len(again) != 0 {
			g.t.Errorf("%T happens twice: the second run gave %#v", c, again)
		}
	}
	return Outcome[E]{g.t, es, err}
}

// State is the folded state, for rules that no event shows.
func (g Given[S, C, E]) State() S { return g.s }

// Outcome is what a decision came to.
type Outcome[E any] struct {
	t   testing.TB
	es  []E
	err error
}

// Then expects exactly these events; none means that nothing happened.
func (o Outcome[E]) Then(want ...E) {
	o.t.Helper()
	if o.err != nil {
		o.t.Fatalf("rejected: %v", o.err)
	}
	if len(want)+len(o.es) > 0 && !reflect.DeepEqual(o.es, want) {
		o.t.Errorf("got  %#v\nwant %#v", o.es, want)
	}
}

// Rejects expects this rejection and no events.
func (o Outcome[E]) Rejects(want error) {
	o.t.Helper()
	if !errors.Is(o.err, want) || len(o.es) > 0 {
		o.t.Errorf("got %v, %v; want %v", o.es, o.err, want)
	}
}

// Noon is a fixed instant for specs: 2026-11-23 12:00 in Asia/Shanghai.
var Noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// By is an act of this account at Noon.
func By(account string) domain.Act { return At(account, Noon) }

// At is an act of this account at this instant, reported at once.
func At(account string, t time.Time) domain.Act {
	return domain.Act{ID: uuid.NewSHA1(uuid.Nil, []byte(account+t.String())), By: account, Now: t, At: t}
}

// Pure checks that Evolve never changes what an earlier state points at: it
// folds es, then folds every one of them onto every state on the way, as
// competing decisions would, and expects every state as it was.
func Pure[S, C, E any](t interface {
	Helper()
	Fatalf(string, ...any)
}, d domain.Decider[S, C, E], es ...E) {
	t.Helper()
	show := func(s S) string {
		b, err := json.Marshal(s) // follows pointers, as %#v does not
		if err != nil {
			t.Fatalf("%v", err)
		}
		return fmt.Sprintf("%#v\n%s", s, b)
	}
	states, seen := []S{d.Initial}, []string{show(d.Initial)}
	for _, e := range es {
		s := d.Evolve(states[len(states)-1], e)
		states, seen = append(states, s), append(seen, show(s))
	}
	for _, s := range states {
		for _, e := range es {
			d.Evolve(s, e)
		}
	}
	for i, s := range states {
		if got := show(s); got != seen[i] {
			t.Fatalf("the state after %d events changed\nfrom %s\nto   %s", i, seen[i], got)
		}
	}
}

// Times checks invariant I8 for each of these commands in a state: none is taken
// at a time that has not come, none late without its reason, none from nobody.
func Times[S any, C domain.Command, E any](t *testing.T, d domain.Decider[S, C, E], s S, commands ...C) {
	t.Helper()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		act  domain.Act
		want error
	}{
		{domain.Act{By: "staff-1", Now: now, At: now.Add(1)}, domain.ErrFuture},
		{domain.Act{By: "staff-1", Now: now, At: now.Add(-domain.DefaultLateLimit - 1)}, domain.ErrLate},
		{domain.Act{Now: now, At: now}, domain.ErrNoActor},
	} {
		for _, c := range commands {
			v := reflect.New(reflect.TypeOf(c)).Elem()
			v.Set(reflect.ValueOf(c))
			v.FieldByName("Act").Set(reflect.ValueOf(x.act))
			if es, err := d.Decide(s, v.Interface().(C)); !errors.Is(err, x.want) || len(es) > 0 {
				t.Errorf("%T: %v with %d events, want %v", c, err, len(es), x.want)
			}
		}
	}
}
