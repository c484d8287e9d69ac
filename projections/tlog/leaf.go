package tlog

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
)

// A Hash is a SHA-256 hash of the tree. As text it is standard Base64.
type Hash = merkle.Hash

// entryFirstLine begins every entry. A changed form of entries would have
// another.
const entryFirstLine = "shenzhong event v1\n"

// Entry is the event as the tree hashes it; see the package comment.
func Entry(r *events.Recorded) []byte { return appendEntry(nil, r) }

// LeafHash is the hash of the event's leaf: SHA-256 of a zero byte and Entry,
// as RFC 6962 has it.
func LeafHash(r *events.Recorded) Hash {
	h, _ := leafHash(nil, r)
	return h
}

// leafHash uses buf and hands it back, grown.
func leafHash(buf []byte, r *events.Recorded) (Hash, []byte) {
	buf = appendEntry(append(buf[:0], 0), r)
	return sha256.Sum256(buf), buf
}

func appendEntry(b []byte, r *events.Recorded) []byte {
	b = append(b, entryFirstLine...)
	b = appendID(append(b, "id "...), r.ID)
	b = appendText(b, "\ntype ", r.Type)
	b = appendText(b, "\nstream ", string(r.Stream))
	b = r.At.UTC().AppendFormat(append(b, "\nrecorded "...), time.RFC3339Nano)
	if !r.Occurred.IsZero() {
		b = r.Occurred.UTC().AppendFormat(append(b, "\noccurred "...), time.RFC3339Nano)
	}
	if r.Meta.Estimated {
		b = append(b, "\nestimated"...)
	}
	if r.Meta.LateReason != "" {
		b = appendText(b, "\nlate ", r.Meta.LateReason)
	}
	if r.Meta.Actor != "" {
		b = appendText(b, "\nactor ", r.Meta.Actor)
	}
	for _, m := range [...]struct {
		name string
		id   uuid.UUID
	}{{"\ncommand ", r.Meta.Command}, {"\ncorrelation ", r.Meta.Correlation}, {"\ncausation ", r.Meta.Causation}} {
		if m.id != uuid.Nil {
			b = appendID(append(b, m.name...), m.id)
		}
	}
	return append(append(b, "\n\n"...), r.Data...)
}

// appendText writes control characters and '%' as %XX, so that a value cannot
// end its line.
func appendText(b []byte, name, s string) []byte {
	const digits = "0123456789ABCDEF"
	b = append(b, name...)
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f || c == '%' {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

func appendID(b []byte, id uuid.UUID) []byte {
	b = hex.AppendEncode(b, id[:4])
	for _, part := range [...][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return b
}

// ParseHash reads what Hash.String writes.
func ParseHash(text string) (Hash, error) { return merkle.ParseHash(text) }
