package tlog

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"github.com/google/uuid"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/events"
	"shenzhong/projections"
)

// A Reader answers questions about the tree.
type Reader struct{ DB projections.Querier }

// A Leaf is one event in the tree.
type Leaf struct {
	Index    int64 // from 0, in the order of the log
	Hash     Hash
	Event    uuid.UUID
	Position events.Position
}

// Errors of a Reader.
var (
	// ErrNoLeaf reports that the event is not in the tree, or not yet.
	ErrNoLeaf = errors.New("tlog: there is no such leaf in the tree")
	// ErrSize reports a tree size that there is not, or two in the wrong order.
	ErrSize = errors.New("tlog: the tree never had that size, or not yet")
)

// Size is how many leaves there are.
func (r Reader) Size(ctx context.Context) (size int64, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT size FROM head`).Scan(&size)
	return size, err
}

// Root is the root of the tree of the first size leaves.
func (r Reader) Root(ctx context.Context, size int64) (Hash, error) {
	if err := r.reaches(ctx, size); err != nil {
		return Hash{}, err
	}
	return merkle.TreeHash(size, r.hashes(ctx))
}

func (r Reader) reaches(ctx context.Context, size int64) error {
	have, err := r.Size(ctx)
	if err == nil && (size < 0 || size > have) {
		err = fmt.Errorf("%w: %d of %d", ErrSize, size, have)
	}
	return err
}

// Leaf finds the leaf of an event by its id.
func (r Reader) Leaf(ctx context.Context, id uuid.UUID) (Leaf, error) {
	size, err := r.Size(ctx)
	if err != nil {
		return Leaf{}, err
	}
	rows, err := r.DB.QueryContext(ctx, `SELECT segment, entries FROM bucket WHERE bucket = ?2 AND segment < ?1 ORDER BY segment`, size/segment, int(id[15]))
	if err != nil {
		return Leaf{}, err
	}
	defer rows.Close()
	var maybe []int64
	for rows.Next() {
		var s int64
		var entries []byte
		if err := rows.Scan(&s, &entries); err != nil {
			return Leaf{}, err
		}
		for _, place := range inBucket(entries, id) {
			maybe = append(maybe, s*segment+int64(place))
		}
	}
	if err := rows.Err(); err != nil {
		return Leaf{}, err
	}
	for _, i := range maybe {
		if l, err := r.LeafAt(ctx, i); err != nil || l.Event == id {
			return l, err
		}
	}
	// The segment that is not full yet.
	recent, err := r.DB.QueryContext(ctx, `SELECT n, ids FROM leaves WHERE n >= ? ORDER BY n`, size/segment*width)
	if err != nil {
		return Leaf{}, err
	}
	defer recent.Close()
	for recent.Next() {
		var n int64
		var ids sql.RawBytes
		if err := recent.Scan(&n, &ids); err != nil {
			return Leaf{}, err
		}
		for i := 0; i+16 <= len(ids); i += 16 {
			if bytes.Equal(ids[i:i+16], id[:]) {
				recent.Close()
				return r.LeafAt(ctx, n*width+int64(i/16))
			}
		}
	}
	if err := recent.Err(); err != nil {
		return Leaf{}, err
	}
	return Leaf{}, fmt.Errorf("%w: event %s", ErrNoLeaf, id)
}

// LeafOf finds the leaf of the event at a position. It is the quickest way for
// who has a projections.Source at hand.
func (r Reader) LeafOf(ctx context.Context, at events.Position) (Leaf, error) {
	var n int64
	var positions []byte
	err := r.DB.QueryRowContext(ctx, `SELECT n, positions FROM leaves WHERE first <= ? ORDER BY first DESC LIMIT 1`, int64(at)).Scan(&n, &positions)
	if errors.Is(err, sql.ErrNoRows) {
		return Leaf{}, fmt.Errorf("%w: position %d", ErrNoLeaf, at)
	}
	if err != nil {
		return Leaf{}, err
	}
	i := sort.Search(len(positions)/8, func(i int) bool { return binary.BigEndian.Uint64(positions[i*8:]) >= uint64(at) })
	if i == len(positions)/8 || binary.BigEndian.Uint64(positions[i*8:]) != uint64(at) {
		return Leaf{}, fmt.Errorf("%w: position %d", ErrNoLeaf, at)
	}
	return r.LeafAt(ctx, n*width+int64(i))
}

// LeafAt is the leaf with an index.
func (r Reader) LeafAt(ctx context.Context, index int64) (Leaf, error) {
	none := fmt.Errorf("%w: index %d", ErrNoLeaf, index)
	if index < 0 {
		return Leaf{}, none
	}
	l := Leaf{Index: index}
	var hashes, positions, ids []byte
	err := r.DB.QueryRowContext(ctx, `SELECT hashes, positions, ids FROM tile JOIN leaves USING (n) WHERE level = 0 AND n = ?`, index/width).Scan(&hashes, &positions, &ids)
	if errors.Is(err, sql.ErrNoRows) {
		return Leaf{}, none
	}
	if err != nil {
		return Leaf{}, err
	}
	i := int(index % width)
	if len(hashes) < (i+1)*hashSize || len(positions) < (i+1)*8 || len(ids) < (i+1)*16 {
		return Leaf{}, none
	}
	l.Position = events.Position(binary.BigEndian.Uint64(positions[i*8:]))
	copy(l.Hash[:], hashes[i*hashSize:])
	copy(l.Event[:], ids[i*16:])
	return l, nil
}

// Tile is a hash tile of so many hashes, as it was when the tree had them.
func (r Reader) Tile(ctx context.Context, level int, n int64, hashes int) ([]byte, error) {
	b, err := r.tile(ctx, level, n)
	if err == nil && (hashes < 1 || len(b) < hashes*hashSize) {
		err = fmt.Errorf("%w: tile %d/%d of %d hashes", ErrNoLeaf, level, n, hashes)
	}
	if err != nil {
		return nil, err
	}
	return b[:hashes*hashSize], nil
}

func (r Reader) tile(ctx context.Context, level int, n int64) (b []byte, err error) {
	err = r.DB.QueryRowContext(ctx, `SELECT hashes FROM tile WHERE level = ? AND n = ?`, level, n).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: tile %d/%d", ErrNoLeaf, level, n)
	}
	return b, err
}

// hashes reads single hashes out of tiles, each tile once.
func (r Reader) hashes(ctx context.Context) merkle.HashReader {
	type key struct {
		level int
		n     int64
	}
	seen := map[key][]byte{}
	return merkle.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		hs := make([]Hash, len(indexes))
		for i, index := range indexes {
			t := merkle.TileForIndex(height, index)
			k := key{t.L, t.N}
			if seen[k] == nil {
				b, err := r.tile(ctx, t.L, t.N)
				if err != nil {
					return nil, err
				}
				seen[k] = b
			}
			var err error
			if hs[i], err = merkle.HashFromTile(t, seen[k], index); err != nil {
				return nil, err
			}
		}
		return hs, nil
	})
}

// Inclusion proves that the leaf with an index is in the tree of that size.
func (r Reader) Inclusion(ctx context.Context, index, size int64) (merkle.RecordProof, error) {
	if err := r.reaches(ctx, size); err != nil {
		return nil, err
	}
	if index < 0 || index >= size {
		return nil, fmt.Errorf("%w: index %d in a tree of %d", ErrNoLeaf, index, size)
	}
	return merkle.ProveRecord(size, index, r.hashes(ctx))
}

// Consistency proves that the tree of the size to begins with that of the size
// from. The empty tree is the beginning of any: that needs no hash.
func (r Reader) Consistency(ctx context.Context, from, to int64) (merkle.TreeProof, error) {
	if err := r.reaches(ctx, to); err != nil {
		return nil, err
	}
	if from < 0 || from > to {
		return nil, fmt.Errorf("%w: from %d to %d", ErrSize, from, to)
	}
	if from == 0 || from == to {
		return nil, nil
	}
	return merkle.ProveTree(to, from, r.hashes(ctx))
}
