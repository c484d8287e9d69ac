package domaintest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
)

// Check is rapid.Check, begun again until every one of reached has been counted:
// chance does not always lead a hundred histories to the act that a property is
// about, and a property that never met it shows nothing. One that still did not
// after fifty times a hundred fails.
func Check(t *testing.T, prop func(*rapid.T), reached ...*int) {
	t.Helper()
	for range 50 {
		rapid.Check(t, prop)
		if t.Failed() || !slices.ContainsFunc(reached, func(n *int) bool { return *n == 0 }) {
			return
		}
	}
	for i, n := range reached {
		if *n == 0 {
			t.Errorf("what is counted as number %d never happened: the test shows nothing", i+1)
		}
	}
}

// Random drives d through a random history and checks what holds for every
// decider: a refusal is a *domain.Rejection and comes without events, a command
// sent again does nothing more, and evolve never changes an older state, not
// even when the old state is evolved along another branch.
//
// draw makes the next command, check sees the state after each accepted one
// together with all that has happened.
func Random[S any, C domain.Command, E any](t *rapid.T, d domain.Decider[S, C, E], draw func(S) C, check func(S, []E)) {
	states, history := []S{d.Initial}, []E(nil)
	for range rapid.IntRange(1, 60).Draw(t, "commands") {
		s := states[len(states)-1]
		c := draw(s)
		es, err := d.Decide(s, c)
		if err != nil {
			if _, ok := errors.AsType[*domain.Rejection](err); !ok || len(es) > 0 {
				t.Fatalf("%#v: %v with %d events", c, err, len(es))
			}
			continue
		}
		for _, e := range es {
			history = append(history, e)
			states = append(states, d.Evolve(states[len(states)-1], e))
		}
		s = states[len(states)-1]
		if again, err := d.Decide(s, c); err == nil && len(again) > 0 {
			t.Fatalf("%#v happens twice: %#v", c, again)
		}
		check(s, history)
	}
	for _, s := range states {
		for _, e := range history {
			d.Evolve(s, e)
		}
	}
	for i, s := range states {
		if fresh := d.Fold(d.Initial, history[:i]...); !reflect.DeepEqual(s, fresh) {
			t.Fatalf("the state after %d events was changed later: %#v, want %#v", i, s, fresh)
		}
	}
}
