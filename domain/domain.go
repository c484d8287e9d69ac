// Package domain holds what every bounded context shares: the Decider, the
// Act behind every command, Rejection, and the value types of the field (fen,
// local dates, identifiers, sealed personal data).
//
// Everything here is pure: no clock, no I/O, no randomness.
package domain

// A Decider is one aggregate's whole behaviour as three pure values (Jérémie
// Chassaing's Decider). Everything a decision depends on is in the command or
// in the state.
type Decider[S, C, E any] struct {
	Initial S
	// Decide answers with the facts that follow from cmd in state s, with none
	// when cmd asks for what is already so, or with a *Rejection.
	Decide func(s S, cmd C) ([]E, error)
	// Evolve folds one fact. It never fails: facts have already happened. It
	// never changes what s points at: an earlier state stays what it was.
	Evolve func(s S, e E) S
}

// Fold evolves s over es.
func (d Decider[S, C, E]) Fold(s S, es ...E) S {
	for _, e := range es {
		s = d.Evolve(s, e)
	}
	return s
}
