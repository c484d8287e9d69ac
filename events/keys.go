package events

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"shenzhong/domain"
)

// ErrForgotten reports that a person's key was erased, or never was.
var ErrForgotten = errors.New("events: the person is forgotten")

// A Keyring holds one data key per person.
type Keyring interface {
	// Key answers with the person's sealing key (AES-256-GCM with a random
	// nonce in front of what it seals). With create it makes a missing one and
	// has it on disk before it returns; a person who was forgotten stays so:
	// ErrForgotten. Without create a missing key is ErrForgotten.
	Key(ctx context.Context, of domain.Subject, create bool) (cipher.AEAD, error)
	// Forget erases the person's key for ever. Its old bytes are overwritten.
	Forget(ctx context.Context, of domain.Subject) error
}

// NewAEAD makes the sealing of one 32-byte key.
func NewAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// Wrap seals a data key under the master key, Unwrap opens it. The person's
// reference is bound in, so that a key cannot be put under another name.
func Wrap(master cipher.AEAD, of domain.Subject, key []byte) []byte {
	return master.Seal(nil, nil, key, []byte("key of "+of))
}

// Unwrap opens what Wrap made.
func Unwrap(master cipher.AEAD, of domain.Subject, box []byte) ([]byte, error) {
	key, err := master.Open(nil, nil, box, []byte("key of "+of))
	if err != nil {
		return nil, fmt.Errorf("events: key of %s does not open: wrong master key, or damaged: %w", of, err)
	}
	return key, nil
}

// MemoryKeys is a Keyring that ends with the program, for tests and the memory
// store.
type MemoryKeys struct {
	mu   sync.Mutex
	keys map[domain.Subject]cipher.AEAD // nil once forgotten
}

// NewMemoryKeys makes an empty keyring.
func NewMemoryKeys() *MemoryKeys { return &MemoryKeys{keys: map[domain.Subject]cipher.AEAD{}} }

// Key implements Keyring.
func (k *MemoryKeys) Key(_ context.Context, of domain.Subject, create bool) (cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.keys[of]
	switch {
	case ok && a == nil, !ok && !create:
		return nil, fmt.Errorf("%w: %s", ErrForgotten, of)
	case ok:
		return a, nil
	}
	key := make([]byte, 32)
	rand.Read(key)
	a, err := NewAEAD(key)
	if err != nil {
		return nil, err
	}
	k.keys[of] = a
	return a, nil
}

// Forget implements Keyring.
func (k *MemoryKeys) Forget(_ context.Context, of domain.Subject) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[of] = nil
	return nil
}
