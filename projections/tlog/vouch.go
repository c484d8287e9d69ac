package tlog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
)

// A LeafProof shows that a leaf is in the tree of a checkpoint.
type LeafProof struct {
	Leaf   Hash
	Index  int64
	Hashes merkle.RecordProof
}

// In says whether it does.
func (p LeafProof) In(c Checkpoint) bool {
	return merkle.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, p.Leaf) == nil
}

// SignText signs a text that is no checkpoint with the log's key, and answers
// with the signature lines. A text that could be read as a checkpoint is refused:
// whoever holds one signed holds a promise about the history.
func (l *Log) SignText(text string) (string, error) {
	if _, err := parseCheckpoint(text); err == nil || !strings.HasSuffix(text, "\n") {
		return "", errors.New("tlog: this text is not one to sign")
	}
	msg, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return "", err
	}
	_, sigs := split(msg)
	return string(sigs), nil
}

// CheckText says whether one of the keys signed a text, by signature lines of
// SignText.
func CheckText(text, signatures string, keys []Key) error {
	if _, err := openNote([]byte(text+"\n"+signatures), verifiers(keys)); err != nil {
		return fmt.Errorf("tlog: the text is not signed by this log: %w", err)
	}
	return nil
}

// CheckpointOf opens a checkpoint that one of these keys of the log signed.
func CheckpointOf(msg []byte, keys []Key) (Signed, error) {
	return OpenCheckpoint(msg, verifiers(keys), nil)
}

// Prove finds the proofs of the leaves at these positions in the tree of a
// checkpoint. What is newer than it has none yet.
func (l *Log) Prove(ctx context.Context, c Checkpoint, at []events.Position) ([]LeafProof, error) {
	var ps []LeafProof
	hashes := l.reader.hashes(ctx)
	had := map[events.Position]bool{}
	for _, p := range at {
		if had[p] {
			continue
		}
		had[p] = true
		leaf, err := l.reader.LeafOf(ctx, p)
		if errors.Is(err, ErrNoLeaf) || err == nil && leaf.Index >= c.Size {
			continue
		}
		if err != nil {
			return nil, err
		}
		proof, err := merkle.ProveRecord(c.Size, leaf.Index, hashes)
		if err != nil {
			return nil, err
		}
		ps = append(ps, LeafProof{leaf.Hash, leaf.Index, proof})
	}
	return ps, nil
}
