package natsstore

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
)

// An index row is (position, streamHash, row). The row packs the event: how many
// bytes follow and its position (8 bytes each), a head with all that is not the
// event's data, and the data. One blob reads many times faster than ten columns,
// many of them read faster still as one piece, and comparing a row with the log
// is comparing bytes.

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

func appendRow(b []byte, r events.Recorded) []byte {
	from := len(b) + 8
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Position))
	b = append(appendHead(b, r), r.Data...)
	binary.LittleEndian.PutUint64(b[from-8:], uint64(len(b)-from))
	return b
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

var errRow = errors.New("natsstore: an index row is damaged")

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

// parseRow reads the first row of b and answers with what comes after it. The
// event's data stay in b.
func parseRow(b []byte, in interned) (r events.Recorded, rest []byte, err error) {
	if len(b) < 16 {
		return r, nil, errRow
	}
	n := binary.LittleEndian.Uint64(b)
	if n < 8 || n > uint64(len(b)-8) {
		return r, nil, errRow
	}
	b, rest = b[8:8+n:8+n], b[8+n:]
	r.Position = events.Position(binary.LittleEndian.Uint64(b))
	if b = b[8:]; len(b) < 25 {
		return r, nil, errRow
	}
	flags := b[0]
	copy(r.ID[:], b[1:17])
	r.At = time.Unix(0, int64(binary.LittleEndian.Uint64(b[17:]))).UTC()
	b = b[25:]
	var part [4][]byte
	for i := range part {
		n, w := binary.Uvarint(b)
		if w <= 0 || uint64(len(b)-w) < n {
			return r, nil, errRow
		}
		part[i], b = b[w:w+int(n)], b[w+int(n):]
	}
	r.Stream, r.Type, r.Meta.Actor, r.Meta.LateReason = events.Stream(part[0]), in.string(part[1]), in.string(part[2]), string(part[3])
	if flags&flagOccurred != 0 {
		if len(b) < 12 {
			return r, nil, errRow
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
			return r, nil, errRow
		}
		copy(f.id[:], b)
		b = b[16:]
	}
	r.Meta.Estimated = flags&flagEstimated != 0
	r.Revision = revision(r.Position, flags&flagLast != 0)
	r.Data = b
	return r, rest, nil
}
