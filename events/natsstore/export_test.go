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
