package natsstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// The embedded server's block files are read here, never written. Two things
// the server does not do for us:
//
// It keeps blocks in memory, so a byte that changed on the disk since goes
// unnoticed until it is needed most. Verify therefore checks the files.
//
// It believes a record's sequence number before it has checked the record: one
// flipped bit there makes nats-server 2.15 fill the gap up to that number in
// memory until the machine has none left (filestore.go: indexCacheBuf). Open
// therefore looks through the newest blocks before it starts the server.
//
// A record is: length 4 (highest bit: has headers), sequence 8, time 8, length
// of subject 2, subject, with headers their length 4 and they, data, checksum 8
// (HighwayHash under a key made of the stream's name and the block's number).
const (
	recordHead    = 22
	recordSum     = 8
	recordHeaders = 1 << 31
	recordMarks   = 3 << 62 // erased, tombstone: a log has neither
	recordJump    = 1 << 20 // no such gap can be honest
)

// A block is one file of the log.
type block struct {
	path   string
	number int
}

// blockFiles lists a stream's block files in order.
func blockFiles(store, stream string) ([]block, error) {
	paths, err := filepath.Glob(filepath.Join(store, "*", "streams", stream, "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	var bs []block
	for _, p := range paths {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(p), ".blk"))
		if err != nil {
			return nil, fmt.Errorf("natsstore: %s is not a block file", p)
		}
		bs = append(bs, block{p, n})
	}
	slices.SortFunc(bs, func(a, b block) int { return cmp.Compare(a.number, b.number) })
	return bs, nil
}

// records yields each record's sequence and what is wrong with it. After a
// record whose end cannot be found it stops.
func (b block) records(stream string, yield func(seq uint64, wrong string) bool) error {
	buf, err := os.ReadFile(b.path)
	if err != nil {
		return err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, b.number))
	sum, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	for at := 0; at < len(buf); {
		rec := buf[at:]
		if len(rec) < recordHead {
			yield(0, fmt.Sprintf("%s ends inside a record at byte %d", b.path, at))
			return nil
		}
		n := int(le.Uint32(rec) &^ uint32(recordHeaders))
		headers := le.Uint32(rec)&recordHeaders != 0
		seq := le.Uint64(rec[4:])
		subject := int(le.Uint16(rec[20:]))
		body := recordHead + subject
		if headers {
			body += 4
		}
		if n < body+recordSum || n > len(rec) {
			yield(seq, fmt.Sprintf("%s has a record of an impossible length at byte %d", b.path, at))
			return nil
		}
		rec = rec[:n]
		wrong := ""
		sum.Reset()
		sum.Write(rec[4:20])
		sum.Write(rec[recordHead : recordHead+subject])
		sum.Write(rec[body : n-recordSum])
		if !bytes.Equal(sum.Sum(nil), rec[n-recordSum:]) {
			wrong = fmt.Sprintf("%s has a record with a wrong checksum at byte %d", b.path, at)
		} else if headers && int(le.Uint32(rec[body-4:])) > n-recordSum-body {
			wrong = fmt.Sprintf("%s has a record with headers beyond its end at byte %d", b.path, at)
		}
		if !yield(seq, wrong) {
			return nil
		}
		at += n
	}
	return nil
}

// checkFiles checks every record of the log's files up to the message last:
// checksums, and that none is missing.
func checkFiles(ctx context.Context, store, stream string, last uint64) (*Difference, error) {
	bs, err := blockFiles(store, stream)
	if err != nil {
		return nil, err
	}
	next := uint64(1)
	for _, b := range bs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var found *Difference
		err := b.records(stream, func(seq uint64, wrong string) bool {
			switch {
			case next > last: // appended since
				return false
			case wrong == "" && seq != next:
				wrong = fmt.Sprintf("%s has message %d in this place", b.path, seq)
			}
			if wrong != "" {
				found = &Difference{position(next, 0), wrong}
				return false
			}
			next++
			return true
		})
		if err != nil || found != nil {
			return found, err
		}
	}
	if next <= last {
		return &Difference{position(next, 0), fmt.Sprintf("the files of the log end before this message, the log says that it has %d", last)}, nil
	}
	return nil, nil
}

// checkBeforeStart refuses what the server would choke on. A torn end, as a
// power loss leaves it, is none of that: the server cuts it off.
func checkBeforeStart(store, stream string) error {
	bs, err := blockFiles(store, stream)
	if err != nil {
		return err
	}
	var before uint64
	for _, b := range bs[max(0, len(bs)-2):] {
		var found error
		err := b.records(stream, func(seq uint64, wrong string) bool {
			if seq&recordMarks != 0 || seq > before+recordJump && (before > 0 || b.number == 1) || seq+recordJump < before {
				if wrong == "" {
					wrong = "a record has an impossible number"
				}
				found = fmt.Errorf("%w: message %d is followed by a record numbered %d: %s. "+
					"The server would run out of memory over it: restore the log from a backup or another node", ErrDamaged, before, seq, wrong)
				return false
			}
			before = seq
			return true
		})
		if err != nil || found != nil {
			return cmp.Or(found, err)
		}
	}
	return nil
}
