package domain

import "encoding/json"

// A Subject is the random reference of one natural person in events: a uuid
// that means nothing outside the key store.
type Subject string

// Private is a fact about a person: name, ID number, phone, address, cause of
// death, religion, relief status. On the log it is sealed under the person's
// own key (events.Registry); without that key it reads as forgotten. It prints
// and marshals masked, so that a careless log line or response tells nothing.
//
// 个人信息保护法 Arts 28–30, 47; 殡葬管理条例 (2026) on the data of the dead.
type Private[T any] struct {
	subject Subject
	value   T
	state   privateState
}

type privateState uint8

const (
	privateEmpty privateState = iota
	privateKnown
	privateForgotten
)

// Mask is what a Private value shows when nobody asked for its content.
const Mask = "●●●"

// Personal makes a fact about a person.
func Personal[T any](of Subject, v T) Private[T] { return Private[T]{of, v, privateKnown} }

// Get answers with the value, and false when it was never given or is forgotten.
func (p Private[T]) Get() (T, bool) { return p.value, p.state == privateKnown }

// Or is the value, or what stands in for it.
func (p Private[T]) Or(missing T) T {
	if p.state == privateKnown {
		return p.value
	}
	return missing
}

// Subject is the person the fact is about; empty when it was never given.
func (p Private[T]) Subject() Subject { return p.subject }

// IsForgotten says that the person's key was erased.
func (p Private[T]) IsForgotten() bool { return p.state == privateForgotten }

// IsZero says that the fact was never given.
func (p Private[T]) IsZero() bool { return p.state == privateEmpty }

func (p Private[T]) String() string   { return Mask }
func (p Private[T]) GoString() string { return Mask }

// MarshalJSON masks: only the Registry, which seals, sees further.
func (p Private[T]) MarshalJSON() ([]byte, error) {
	if p.state == privateEmpty {
		return []byte("null"), nil
	}
	return []byte(`"` + Mask + `"`), nil
}

// Plain is for the Registry alone: the value in clear, to be sealed.
func (p Private[T]) Plain() (of Subject, clear []byte, known bool, err error) {
	if p.state != privateKnown {
		return p.subject, nil, false, nil
	}
	clear, err = json.Marshal(p.value)
	return p.subject, clear, true, err
}

// SetPlain is for the Registry alone: what it opened.
func (p *Private[T]) SetPlain(of Subject, clear []byte) error {
	p.subject, p.state = of, privateKnown
	return json.Unmarshal(clear, &p.value)
}

// SetForgotten is for the Registry alone: the key is gone.
func (p *Private[T]) SetForgotten(of Subject) { *p = Private[T]{subject: of, state: privateForgotten} }
