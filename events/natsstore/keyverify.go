package natsstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"shenzhong/domain"
)

// A KeysError reports keys that are not what was stored: whom they belong to
// can no longer be read. Restore the bucket from the key archive.
type KeysError struct {
	Faults int
	First  string // names a file or a person's reference, never a key
}

func (e *KeysError) Error() string {
	return fmt.Sprintf("natsstore: the key bucket has %d faults, first: %s", e.Faults, e.First)
}

func (e *KeysError) add(format string, args ...any) {
	if e.Faults++; e.First == "" {
		e.First = fmt.Sprintf(format, args...)
	}
}

// checkKeyFiles checks every record of the key bucket's files and answers with
// the first that is wrong. Unlike a log a bucket has gaps and erased records,
// whose checksums hold too.
func checkKeyFiles(store, stream string) (wrong string, err error) {
	bs, err := blockFiles(store, stream)
	if err != nil {
		return "", err
	}
	for _, b := range bs {
		if err := b.records(stream, func(_ uint64, what string) bool {
			wrong = what
			return what == ""
		}); err != nil || wrong != "" {
			return wrong, err
		}
	}
	return "", nil
}

// verify reads every key of the bucket: with the embedded server the checksums
// in its files, from any server every value, which must open under the master
// key. A sequence that is missing although nobody was forgotten is a lost key.
func (k *Keys) verify(ctx context.Context) (keys uint64, err error) {
	stream, err := k.s.js.Stream(ctx, k.name)
	if err != nil {
		if k.master == nil {
			return 0, nil // a log without keys
		}
		return 0, fmt.Errorf("natsstore: verify the keys: %w", err)
	}
	var bad KeysError
	if k.s.keyFault != "" {
		bad.add("%s (when it was opened)", k.s.keyFault)
	}
	if k.s.srv != nil {
		store := k.s.srv.JetStreamConfig().StoreDir
		wrong, err := checkKeyFiles(store, k.name)
		if err == nil && wrong != "" { // perhaps read while it was written: then it is right now
			wrong, err = checkKeyFiles(store, k.name)
		}
		if err != nil {
			return 0, fmt.Errorf("natsstore: verify the keys: %w", err)
		}
		if wrong != "" {
			bad.add("%s", wrong)
		}
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("natsstore: verify the keys: %w", err)
	}
	st := info.State
	var read, forgotten uint64
	for next := st.FirstSeq; st.Msgs > 0 && next <= st.LastSeq; {
		before := next
		ms, err := jetstreamext.GetBatch(ctx, k.s.js, k.name, keysAhead, jetstreamext.GetBatchSeq(next))
		if err != nil {
			return keys, fmt.Errorf("natsstore: verify the keys: %w", err)
		}
		for m, err := range ms {
			if ctx.Err() != nil {
				return keys, ctx.Err()
			}
			if err != nil {
				break // what is not given is counted below
			}
			next = m.Sequence + 1
			if m.Sequence > st.LastSeq {
				break
			}
			read++
			k.check(m, &bad)
			if len(m.Data) == 0 {
				forgotten++
			} else {
				keys++
			}
		}
		if next == before {
			break
		}
	}
	if read < st.Msgs {
		bad.add("the bucket counts %d records and gives %d", st.Msgs, read)
	}
	if gone := st.LastSeq - min(st.LastSeq, st.Msgs); gone > forgotten {
		bad.add("%d keys are missing that nobody asked to forget", gone-forgotten)
	}
	if bad.Faults > 0 {
		return keys, &bad
	}
	return keys, nil
}

// check opens one key.
func (k *Keys) check(m *jetstream.RawStreamMsg, bad *KeysError) {
	of := domain.Subject(strings.TrimPrefix(m.Subject, k.prefix))
	if k.master == nil {
		return
	}
	if _, err := k.open(of, m.Data); err != nil {
		bad.add("the key of %s does not open under the master key", of)
	}
}
