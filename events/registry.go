package events

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"shenzhong/domain"
)

// A Registry turns domain events into stored ones and back. What is
// domain.Private in them it seals under the person's key and opens again; a
// person whose key is gone reads as forgotten.
type Registry struct {
	byType map[reflect.Type]string
	byName map[string]domain.Wire
	keys   Keyring
}

// NewRegistry puts the contexts' wire names together. It panics when two
// events share a name or one event has two current names: such a program must
// not start.
func NewRegistry(keys Keyring, contexts ...[]domain.Wire) *Registry {
	r := &Registry{map[reflect.Type]string{}, map[string]domain.Wire{}, keys}
	for _, ws := range contexts {
		for _, w := range ws {
			if _, ok := r.byName[w.Name]; ok {
				panic("events: " + w.Name + " is defined twice")
			}
			r.byName[w.Name] = w
			if w.Current == nil {
				continue
			}
			t := reflect.TypeOf(w.Current)
			if r.byType[t] != "" {
				panic(fmt.Sprintf("events: %v has two names", t))
			}
			r.byType[t] = w.Name
		}
	}
	return r
}

// Names lists every wire name that can be read, current or old.
func (r *Registry) Names() []string {
	var ns []string
	for n := range r.byName {
		ns = append(ns, n)
	}
	return ns
}

// TypeName is the name under which e is written.
func (r *Registry) TypeName(e any) (string, error) {
	n := r.byType[reflect.TypeOf(e)]
	if n == "" {
		return "", fmt.Errorf("events: %T has no wire name", e)
	}
	return n, nil
}

// A sealed value on the log.
type sealed struct {
	Subject domain.Subject `json:"subject"`
	Sealed  string         `json:"sealed"`
}

// sealer and opener are what *domain.Private[T] offers the Registry.
type sealer interface {
	Plain() (domain.Subject, []byte, bool, error)
}
type opener interface {
	SetPlain(domain.Subject, []byte) error
	SetForgotten(domain.Subject)
}

// Encode answers with the wire name and the stored bytes of e. Keys that it
// needs and that do not exist yet are made, durably, before it returns.
func (r *Registry) Encode(ctx context.Context, e any) (string, []byte, error) {
	name, err := r.TypeName(e)
	if err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(e, json.Deterministic(true), json.WithMarshalers(json.MarshalToFunc(
		func(enc *jsontext.Encoder, p sealer) error {
			of, clear, known, err := p.Plain()
			switch {
			case err != nil:
				return err
			case of == "":
				return enc.WriteToken(jsontext.Null)
			case !known: // forgotten before it was written again: nothing to seal
				return json.MarshalEncode(enc, sealed{Subject: of})
			}
			key, err := r.keys.Key(ctx, of, true)
			if err != nil {
				return err
			}
			// Blanks up to a multiple of 32 bytes, so that the length of what is
			// sealed tells no cause of death from another. JSON ignores them.
			for len(clear)%32 != 0 {
				clear = append(clear, ' ')
			}
			box := key.Seal(nil, nil, clear, []byte(of))
			return json.MarshalEncode(enc, sealed{of, base64.StdEncoding.EncodeToString(box)})
		})))
	if err != nil {
		return "", nil, fmt.Errorf("events: encode %s: %w", name, err)
	}
	return name, b, nil
}

// Decode answers with today's event. An unknown name or unreadable bytes are
// an error; a forgotten person is not.
func (r *Registry) Decode(ctx context.Context, rec Recorded) (any, error) {
	w, ok := r.byName[rec.Type]
	if !ok {
		return nil, fmt.Errorf("events: unknown type %q", rec.Type)
	}
	p := w.New()
	var err error
	if bytes.Contains(rec.Data, sealedMark) {
		err = json.Unmarshal(rec.Data, p, json.WithUnmarshalers(r.open(ctx)))
	} else { // most events: a third faster
		err = json.Unmarshal(rec.Data, p)
	}
	if err != nil {
		return nil, fmt.Errorf("events: decode %s: %w", rec.Type, err)
	}
	return w.Event(p), nil
}

// sealedMark stands in every stored event with something personal in it.
var sealedMark = []byte(`"sealed":`)

func (r *Registry) open(ctx context.Context) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, p opener) error {
		if dec.PeekKind() == 'n' {
			_, err := dec.ReadToken()
			return err
		}
		var s sealed
		if err := json.UnmarshalDecode(dec, &s); err != nil {
			return err
		}
		key, err := r.keys.Key(ctx, s.Subject, false)
		if errors.Is(err, ErrForgotten) || err == nil && s.Sealed == "" {
			p.SetForgotten(s.Subject)
			return nil
		}
		if err != nil {
			return err
		}
		box, err := base64.StdEncoding.DecodeString(s.Sealed)
		if err != nil {
			return err
		}
		clear, err := key.Open(nil, nil, box, []byte(s.Subject))
		if err != nil {
			return fmt.Errorf("open sealed value of %s: %w", s.Subject, err)
		}
		return p.SetPlain(s.Subject, clear)
	})
}
