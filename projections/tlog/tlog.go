// Package tlog is the log's Merkle tree: a history that cannot be rewritten
// without somebody noticing.
//
// Every event is a leaf, in the order of the log, also of types that this
// program no longer knows and from before there was a tree. The tree is that of
// RFC 6962 with SHA-256; tiles, checkpoints, proofs and cosignatures are in the
// C2SP formats (tlog-tiles, tlog-checkpoint, tlog-proof, tlog-cosignature).
//
// # What a leaf is made of
//
// A leaf's hash is SHA-256(0x00 || entry). The entry is UTF-8 text: header
// lines, an empty line, and then the event's data, byte for byte as it is
// stored. What is personal in the data is hashed as it is sealed: whoever is
// forgotten cannot be read any more, and every proof still holds.
//
//	shenzhong event v1
//	id 01939f2e-5c1a-7d0e-8f00-4b1d2a3c4d5e
//	type case.opened.v1
//	stream case-01939f2e-5c1a-7d0e-8f00-4b1d2a3c4d5f
//	recorded 2026-11-23T02:04:05.123456789Z
//	occurred 2026-11-23T02:03:00Z
//	estimated
//	late 补录
//	actor desk-1
//	command 01939f2e-5c1a-7d0e-8f00-4b1d2a3c4d60
//	correlation …
//	causation …
//
//	{"number":"A-1", …}
//
// The lines stand in this order. From occurred on, a line is left out when the
// event says nothing about it. Instants are RFC 3339 in UTC with as many digits
// of a second as are needed, at most nine. In type, stream, late and actor, control
// characters and '%' are written %XX. Position and revision are not part of it:
// they are a store's own tokens; the order is in the leaf's index. So the same
// events give the same tree on any node, in any store that keeps them as they
// were recorded, and from the lines of "shenzhong export log".
//
// # Who may see what
//
// Leaf hashes, tiles, checkpoints and proofs are public: random nonces in what
// is sealed keep anybody from guessing contents by their hash. Entries are not
// published (/tlog/tile/entries/ does not exist): they hold the sealed data of
// families, which must not lie in strangers' hands for the day on which a
// cipher breaks or a key leaks. They are in the audit pack, which an operator
// makes for whoever is entitled to it.
package tlog

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/projections"
)

// Name is the read model's name.
const Name = "tlog"

//go:embed schema.sql
var schema string

// Projection keeps the tree. It needs neither keys nor the meaning of events.
type Projection struct{}

// Name implements projections.Projection.
func (Projection) Name() string { return Name }

// Version implements projections.Projection.
func (Projection) Version() int { return 1 }

// Schema implements projections.Projection.
func (Projection) Schema() string { return schema }

// Types implements projections.Projection.
func (Projection) Types() []string { return []string{projections.Raw} }

const (
	height   = 8             // of a tile
	width    = 1 << height   // of a full tile, in hashes
	segment  = width * width // leaves after which ids go into buckets
	hashSize = merkle.HashSize
)

// Apply implements projections.Projection. Rows hold 256 leaves, because a row
// costs more than a hash does.
func (Projection) Apply(_ context.Context, tx *projections.Tx, batch []projections.Event) error {
	var size int64
	if _, err := tx.Get(`SELECT size FROM head`, nil, &size); err != nil {
		return err
	}
	a := &appender{tx: tx, size: size}
	if err := a.load(); err != nil {
		return err
	}
	var buf []byte
	for i := range batch {
		var h Hash
		h, buf = leafHash(buf, batch[i].Recorded)
		if err := a.add(h, batch[i]); err != nil {
			return err
		}
	}
	if err := a.flush(true); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE head SET size = ?`, a.size)
	return err
}

// An appender holds the right edge of the tree.
type appender struct {
	tx     *projections.Tx
	size   int64
	levels []edge
	// Beside the edge of level 0.
	positions, ids []byte
	// Full rows that are not written yet.
	tiles, leaves []any
}

// An edge is the last, partial tile of a level: n is its number.
type edge struct {
	n      int64
	hashes []byte
	dirty  bool
}

func (a *appender) load() error {
	for level, count := 0, a.size; count > 0; level, count = level+1, count/width {
		e := edge{n: count / width}
		if w := count % width; w > 0 {
			ok, err := a.tx.Get(`SELECT hashes FROM tile WHERE level = ? AND n = ?`, []any{level, e.n}, &e.hashes)
			if err != nil {
				return err
			}
			if !ok || len(e.hashes) != int(w)*hashSize {
				return fmt.Errorf("tlog: tile %d/%d does not fit the size of %d leaves", level, e.n, a.size)
			}
		}
		a.levels = append(a.levels, e)
	}
	if a.size%width == 0 {
		return nil
	}
	ok, err := a.tx.Get(`SELECT positions, ids FROM leaves WHERE n = ?`, []any{a.size / width}, &a.positions, &a.ids)
	if err == nil && (!ok || len(a.positions) != int(a.size%width)*8 || len(a.ids) != int(a.size%width)*16) {
		err = fmt.Errorf("tlog: the leaves of tile %d do not fit the size of %d leaves", a.size/width, a.size)
	}
	return err
}

func (a *appender) add(h Hash, e projections.Event) error {
	a.positions = binary.BigEndian.AppendUint64(a.positions, uint64(e.Position))
	a.ids = append(a.ids, e.ID[:]...)
	a.push(0, h)
	a.size++
	if a.size%width == 0 {
		a.keepLeaves(a.size/width - 1)
		a.positions, a.ids = nil, nil
	}
	if a.size%segment != 0 {
		return nil
	}
	if err := a.flush(false); err != nil {
		return err
	}
	return a.fillBuckets(a.size/segment - 1)
}

func (a *appender) keepLeaves(n int64) {
	a.leaves = append(a.leaves, n, int64(binary.BigEndian.Uint64(a.positions)), a.positions, a.ids)
}

func (a *appender) push(level int, h Hash) {
	if level == len(a.levels) {
		a.levels = append(a.levels, edge{})
	}
	e := &a.levels[level]
	e.hashes, e.dirty = append(e.hashes, h[:]...), true
	if len(e.hashes) < width*hashSize {
		return
	}
	a.tiles = append(a.tiles, level, e.n, e.hashes)
	top := subtree(e.hashes)
	*e = edge{n: e.n + 1}
	a.push(level+1, top)
}

// subtree is the root over a full tile.
func subtree(hashes []byte) Hash {
	var h [width]Hash
	for i := range h {
		copy(h[i][:], hashes[i*hashSize:])
	}
	for n := width / 2; n > 0; n /= 2 {
		for i := range n {
			h[i] = merkle.NodeHash(h[2*i], h[2*i+1])
		}
	}
	return h[0]
}

// flush writes full rows, and with edges also those that will grow.
func (a *appender) flush(edges bool) error {
	if edges {
		for level := range a.levels {
			if e := &a.levels[level]; e.dirty && len(e.hashes) > 0 {
				a.tiles = append(a.tiles, level, e.n, e.hashes)
			}
		}
		if len(a.ids) > 0 {
			a.keepLeaves(a.size / width)
		}
	}
	if err := a.tx.Insert(`INSERT OR REPLACE INTO tile`, 3, a.tiles); err != nil {
		return err
	}
	err := a.tx.Insert(`INSERT OR REPLACE INTO leaves`, 4, a.leaves)
	a.tiles, a.leaves = nil, nil
	return err
}

// fillBuckets files the ids of a full segment.
func (a *appender) fillBuckets(n int64) error {
	rows, err := a.tx.Query(`SELECT ids FROM leaves WHERE n >= ? AND n < ? ORDER BY n`, n*width, (n+1)*width)
	if err != nil {
		return err
	}
	defer rows.Close()
	var buckets [256][]byte
	place := 0
	for rows.Next() {
		var ids []byte
		if err := rows.Scan(&ids); err != nil {
			return err
		}
		for ; len(ids) > 0; ids = ids[16:] {
			b := &buckets[ids[15]]
			*b = binary.BigEndian.AppendUint16(append(*b, ids[8:16]...), uint16(place))
			place++
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var values []any
	for i, b := range buckets {
		if len(b) > 0 {
			values = append(values, n, i, b)
		}
	}
	return a.tx.Insert(`INSERT OR REPLACE INTO bucket`, 3, values)
}

// inBucket lists the places within a segment that may be the id's.
func inBucket(entries []byte, id uuid.UUID) []int {
	var places []int
	for ; len(entries) >= 10; entries = entries[10:] {
		if bytes.Equal(entries[:8], id[8:]) {
			places = append(places, int(binary.BigEndian.Uint16(entries[8:])))
		}
	}
	return places
}
