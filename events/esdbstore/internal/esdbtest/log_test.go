package esdbtest

import (
	"testing"

	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// TestRevisionRules goes through the server's revision and idempotency rules.
func TestRevisionRules(t *testing.T) {
	a, b, c, d := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	for _, test := range []struct {
		name     string
		state    func(*log) // after a, b, c were written
		expected int64
		ids      []uuid.UUID
		want     outcome
		first    int64
	}{
		{name: "at the end", expected: 2, ids: []uuid.UUID{d}, want: written},
		{name: "beyond the end", expected: 3, ids: []uuid.UUID{d}, want: wrongVersion},
		{name: "before the end", expected: 1, ids: []uuid.UUID{d}, want: wrongVersion},
		{name: "no stream", expected: noStream, ids: []uuid.UUID{d}, want: wrongVersion},
		{name: "repeated", expected: 0, ids: []uuid.UUID{b, c}, want: idempotent, first: 1},
		{name: "repeated from the start", expected: noStream, ids: []uuid.UUID{a}, want: idempotent},
		{name: "repeated and more", expected: 0, ids: []uuid.UUID{b, c, d}, want: wrongVersion},
		{name: "repeated at another place", expected: 0, ids: []uuid.UUID{c}, want: wrongVersion},
		{name: "any, new", expected: anyRevision, ids: []uuid.UUID{d}, want: written},
		{name: "any, repeated", expected: anyRevision, ids: []uuid.UUID{b, c}, want: idempotent, first: 1},
		{name: "any, partly repeated", expected: anyRevision, ids: []uuid.UUID{c, d}, want: wrongVersion},
		{name: "exists", expected: streamExists, ids: []uuid.UUID{d}, want: written},
		{name: "exists, deleted", state: func(l *log) { l.streams["s"].deleted = true }, expected: streamExists, ids: []uuid.UUID{d}, want: streamDeleted},
		{name: "no stream, deleted", state: func(l *log) { l.streams["s"].deleted = true }, expected: noStream, ids: []uuid.UUID{d}, want: written},
		{name: "tombstoned", state: func(l *log) { l.streams["s"].tombstoned = true }, expected: 2, ids: []uuid.UUID{d}, want: streamDeleted},
	} {
		l := newLog()
		l.append("s", make([]*pb.AppendReq_ProposedMessage, 3), []uuid.UUID{a, b, c})
		if test.state != nil {
			test.state(l)
		}
		if got, first := l.decide("s", test.expected, test.ids); got != test.want || got == idempotent && first != test.first {
			t.Errorf("%s: %v from %d, want %v from %d", test.name, got, first, test.want, test.first)
		}
		if got, _ := l.decide("none", test.expected, test.ids); (got == written) != (test.expected < 0 && test.expected != streamExists) {
			t.Errorf("%s, to a stream that is not there: %v", test.name, got)
		}
	}
}
