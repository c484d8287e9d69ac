package esdbtest

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// A record is one event in the log.
type record struct {
	stream   string
	revision int64
	position uint64 // its byte offset in the log: rising, with gaps
	id       uuid.UUID
	created  time.Time
	meta     map[string]string
	custom   []byte
	data     []byte
}

type history struct {
	records    []*record
	last       int64 // revision of the last event ever written, -1 before it
	truncated  int64 // events below it are gone ($tb)
	deleted    bool  // softly: it reads as missing, and appending opens it again
	tombstoned bool
}

// A log is what all nodes share.
type log struct {
	mu      sync.Mutex
	all     []*record
	streams map[string]*history
	end     uint64
	more    chan struct{} // closed and replaced when the log grows
}

func newLog() *log {
	l := &log{streams: map[string]*history{}, more: make(chan struct{})}
	// A new database holds some events of the server's own.
	l.system("$settings")
	l.system("$users")
	l.system("$user-admin")
	return l
}

func (l *log) stream(name string) *history {
	h := l.streams[name]
	if h == nil {
		h = &history{last: -1}
		l.streams[name] = h
	}
	return h
}

// An outcome is what the server decides about an append.
type outcome int

const (
	written outcome = iota
	idempotent
	wrongVersion
	streamDeleted
)

// Expected revisions that are not numbers.
const (
	anyRevision  = -2
	noStream     = -1
	streamExists = -4
)

// decide holds the server's revision and idempotency rules, in its own order
// (IndexWriter.CheckCommit). first is the revision of an idempotent append's
// first event. l.mu is held.
func (l *log) decide(name string, expected int64, ids []uuid.UUID) (o outcome, first int64) {
	h := l.streams[name]
	if h == nil {
		h = &history{last: -1}
	}
	if h.tombstoned {
		return streamDeleted, 0
	}
	if expected == streamExists {
		if h.deleted {
			return streamDeleted, 0
		}
		if h.last < 0 {
			return wrongVersion, 0
		}
	}
	if expected == anyRevision || expected == streamExists {
		found := 0
		for i, id := range ids {
			k := slices.IndexFunc(h.records, func(r *record) bool { return r.id == id })
			if k >= 0 && found == 0 && i == 0 {
				first = h.records[k].revision
			}
			switch {
			case k >= 0:
				found++
			case i == 0:
				return written, 0
			default:
				return wrongVersion, 0
			}
		}
		if found > 0 {
			return idempotent, first
		}
		return written, 0
	}
	switch {
	case expected > h.last:
		return wrongVersion, 0
	case expected == h.last:
		return written, 0
	}
	for i, id := range ids {
		at := expected + 1 + int64(i)
		k := slices.IndexFunc(h.records, func(r *record) bool { return r.revision == at })
		if k >= 0 && h.records[k].id == id {
			continue
		}
		if i == 0 && expected == noStream && h.deleted {
			return written, 0
		}
		return wrongVersion, 0
	}
	return idempotent, expected + 1
}

// append writes and answers with the stream's last revision and the position
// of the last event. An append of nothing is allowed. l.mu is held.
func (l *log) append(name string, msgs []*pb.AppendReq_ProposedMessage, ids []uuid.UUID) (int64, uint64) {
	h := l.stream(name)
	if h.deleted {
		h.deleted, h.truncated = false, h.last+1
	}
	for i, m := range msgs {
		meta := maps.Clone(m.GetMetadata())
		l.put(&record{stream: name, id: ids[i], meta: meta, custom: slices.Clone(m.GetCustomMetadata()), data: slices.Clone(m.GetData())})
	}
	if len(l.all)%7 == 0 { // the server writes its own events in between
		l.system("$stats-0.0.0.0:2113")
	}
	close(l.more)
	l.more = make(chan struct{})
	if len(h.records) == 0 {
		return h.last, l.end
	}
	return h.last, h.records[len(h.records)-1].position
}

func (l *log) system(name string) {
	l.put(&record{stream: name, id: uuid.New(), meta: map[string]string{"type": "$event", "content-type": "application/json"}, data: []byte(`{}`)})
}

func (l *log) put(r *record) {
	h := l.stream(r.stream)
	h.last++
	r.revision, r.position, r.created = h.last, l.end, time.Now()
	l.end += uint64(len(r.stream) + len(r.custom) + len(r.data) + 97)
	h.records = append(h.records, r)
	l.all = append(l.all, r)
}

// at is the index of the first record at or after the position; exact reports
// whether one begins there.
func (l *log) at(position uint64) (i int, exact bool) {
	return slices.BinarySearchFunc(l.all, position, func(r *record, p uint64) int {
		switch {
		case r.position < p:
			return -1
		case r.position > p:
			return 1
		}
		return 0
	})
}

// matches applies a read's filter; nil lets everything through.
func matches(f *pb.ReadReq_Options_FilterOptions, r *record) bool {
	if f == nil {
		return true
	}
	name, e := r.stream, f.GetStreamIdentifier()
	if e == nil {
		name, e = r.meta["type"], f.GetEventType()
	}
	for _, p := range e.GetPrefix() {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
