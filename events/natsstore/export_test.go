package natsstore

import (
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is how an append goes on the wire.
var Message = message

// JetStream is the store's own connection, for raw figures beside its own.
func (s *Store) JetStream() jetstream.JetStream { return s.js }

// Conn is the store's connection, for tests that break it.
func (s *Store) Conn() *nats.Conn { return s.nc }

// Groups says how many batches were committed, of how many appends.
func (s *Store) Groups() (batches, appends uint64) {
	s.commit.mu.Lock()
	defer s.commit.mu.Unlock()
	return s.commit.batches, s.commit.batched
}

// Full is how a store of cfg names a failure.
func Full(cfg Config, err error) error { return (&Store{cfg: cfg}).full(err) }
