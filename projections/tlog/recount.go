package tlog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/events"
	"shenzhong/projections"
)

// Recount implements projections.Recounter: the tree from the raw log once
// more, by the book and not by tiles.
func (Projection) Recount() projections.Recount { return &recount{} }

// A recount keeps the roots of the complete subtrees that the leaves so far are
// made of, the largest first.
type recount struct {
	size int64
	tops [][32]byte
}

// Add implements projections.Recount.
func (r *recount) Add(e *events.Recorded) error {
	var b strings.Builder
	text := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			if c < ' ' || c == 127 || c == '%' {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	fmt.Fprintf(&b, "\x00shenzhong event v1\nid %s\ntype %s\nstream %s\nrecorded %s\n", e.ID, text(e.Type), text(string(e.Stream)), e.At.UTC().Format(time.RFC3339Nano))
	if !e.Occurred.IsZero() {
		fmt.Fprintf(&b, "occurred %s\n", e.Occurred.UTC().Format(time.RFC3339Nano))
	}
	if e.Meta.Estimated {
		fmt.Fprintln(&b, "estimated")
	}
	if e.Meta.LateReason != "" {
		fmt.Fprintf(&b, "late %s\n", text(e.Meta.LateReason))
	}
	if e.Meta.Actor != "" {
		fmt.Fprintf(&b, "actor %s\n", text(e.Meta.Actor))
	}
	if e.Meta.Command != uuid.Nil {
		fmt.Fprintf(&b, "command %s\n", e.Meta.Command)
	}
	if e.Meta.Correlation != uuid.Nil {
		fmt.Fprintf(&b, "correlation %s\n", e.Meta.Correlation)
	}
	if e.Meta.Causation != uuid.Nil {
		fmt.Fprintf(&b, "causation %s\n", e.Meta.Causation)
	}
	fmt.Fprintf(&b, "\n%s", e.Data)
	r.tops = append(r.tops, sha256.Sum256([]byte(b.String())))
	r.size++
	for n := r.size; n%2 == 0; n /= 2 {
		r.join()
	}
	return nil
}

// join makes one subtree of the last two.
func (r *recount) join() {
	k := len(r.tops)
	both := append([]byte{1}, r.tops[k-2][:]...)
	r.tops = append(r.tops[:k-2], sha256.Sum256(append(both, r.tops[k-1][:]...)))
}

// Compare implements projections.Recount.
func (r *recount) Compare(ctx context.Context, live projections.Querier) (int, []projections.Difference, error) {
	for len(r.tops) > 1 {
		r.join()
	}
	root := sha256.Sum256(nil) // of the empty tree
	if len(r.tops) == 1 {
		root = r.tops[0]
	}
	in := Reader{live}
	size, err := in.Size(ctx)
	if err != nil {
		return 0, nil, err
	}
	if size != r.size {
		return 1, []projections.Difference{{Table: "tree", Key: "size", What: projections.Differs}}, nil
	}
	// A tree whose tiles do not hang together has no root.
	if got, err := in.Root(ctx, size); err != nil || got != root {
		return 2, []projections.Difference{{Table: "tree", Key: fmt.Sprintf("root of %d leaves, %s by the log", size, base64.StdEncoding.EncodeToString(root[:])), What: projections.Differs}}, nil
	}
	return 2, nil, nil
}
