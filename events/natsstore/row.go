package natsstore

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
)

// An index row is (position, streamHash, head, data). The head packs all that
// is not the event's data: one short blob reads twice as fast as nine columns,
// and comparing a row with the log is comparing bytes.

const (
	flagLast = 1 << iota
	flagEstimated
	flagOccurred
	flagCommand
	flagCorrelation
	flagCausation
)

// streamHash is what the index finds a stream by. Two streams may share it:
// readers compare the name.
func streamHash(st events.Stream) int64 {
	h := sha256.Sum256([]byte(st))
	return int64(binary.BigEndian.Uint64(h[:]))
}

func appendHead(b []byte, r events.Recorded) []byte {
	var flags byte
	set := func(on bool, f byte) {
		if on {
			flags |= f
		}
	}
	set(r.Revision&1 == 1, flagLast)
	set(r.Meta.Estimated, flagEstimated)
	set(!r.Occurred.IsZero(), flagOccurred)
	set(r.Meta.Command != uuid.Nil, flagCommand)
	set(r.Meta.Correlation != uuid.Nil, flagCorrelation)
	set(r.Meta.Causation != uuid.Nil, flagCausation)
	b = append(b, flags)
	b = append(b, r.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixNano()))
	for _, s := range [...]string{string(r.Stream), r.Type, r.Meta.Actor, r.Meta.LateReason} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if flags&flagOccurred != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.Occurred.Unix()))
		b = binary.LittleEndian.AppendUint32(b, uint32(r.Occurred.Nanosecond()))
	}
	for _, id := range [...]uuid.UUID{r.Meta.Command, r.Meta.Correlation, r.Meta.Causation} {
		if id != uuid.Nil {
			b = append(b, id[:]...)
		}
	}
	return b
}

var errHead = errors.New("natsstore: an index row is damaged")

// interned keeps one copy of what many events share.
type interned map[string]string

func (in interned) string(b []byte) string {
	if s, ok := in[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(in) < 4096 {
		in[s] = s
	}
	return s
}

func parseHead(p events.Position, b []byte, in interned) (r events.Recorded, err error) {
	r.Position = p
	if len(b) < 25 {
		return r, errHead
	}
	flags := b[0]
	copy(r.ID[:], b[1:17])
	r.At = time.Unix(0, int64(binary.LittleEndian.Uint64(b[17:]))).UTC()
	b = b[25:]
	var part [4][]byte
	for i := range part {
		n, w := binary.Uvarint(b)
		if w <= 0 || uint64(len(b)-w) < n {
			return r, errHead
		}
		part[i], b = b[w:w+int(n)], b[w+int(n):]
	}
	r.Stream, r.Type, r.Meta.Actor, r.Meta.LateReason = events.Stream(part[0]), in.string(part[1]), in.string(part[2]), string(part[3])
	if flags&flagOccurred != 0 {
		if len(b) < 12 {
			return r, errHead
		}
		r.Occurred = time.Unix(int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint32(b[8:]))).UTC()
		b = b[12:]
	}
	for _, f := range [...]struct {
		flag byte
		id   *uuid.UUID
	}{{flagCommand, &r.Meta.Command}, {flagCorrelation, &r.Meta.Correlation}, {flagCausation, &r.Meta.Causation}} {
		if flags&f.flag == 0 {
			continue
		}
		if len(b) < 16 {
			return r, errHead
		}
		copy(f.id[:], b)
		b = b[16:]
	}
	if len(b) != 0 {
		return r, errHead
	}
	r.Meta.Estimated = flags&flagEstimated != 0
	r.Revision = revision(p, flags&flagLast != 0)
	return r, nil
}
