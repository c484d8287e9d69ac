package tlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint is the tree's size and root under the name of its log. Signed as
// a note, it is a promise never to show another history up to that size.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// ErrNote reports a text that is not a checkpoint, or not one that is signed as
// it must be.
var ErrNote = errors.New("tlog: not a checkpoint that is signed by this log")

// Text is the checkpoint as it is signed.
func (c Checkpoint) Text() string { return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root) }

func parseCheckpoint(text string) (Checkpoint, error) {
	ls := strings.Split(text, "\n")
	if len(ls) < 4 || ls[0] == "" {
		return Checkpoint{}, fmt.Errorf("%w: it has %d lines", ErrNote, len(ls)-1)
	}
	c := Checkpoint{Origin: ls[0]}
	var err error
	if c.Size, err = strconv.ParseInt(ls[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != ls[1] {
		return Checkpoint{}, fmt.Errorf("%w: %q is not a size", ErrNote, ls[1])
	}
	if c.Root, err = merkle.ParseHash(ls[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %q is not a root", ErrNote, ls[2])
	}
	return c, nil
}

// A Cosignature is a witness's statement that a checkpoint extends every one
// that it saw of this log before.
type Cosignature struct {
	Witness string // the name in its key
	Size    int64  // of the checkpoint
	Time    time.Time
}

// A Signed is a checkpoint with the signatures that could be checked.
type Signed struct {
	Checkpoint
	// Note is the signed note, with every signature line that it came with.
	Note []byte
	// Cosigned are the witnesses' signatures that hold.
	Cosigned []Cosignature
}

// OpenCheckpoint reads a signed note. At least one of the log's keys must have
// signed it, under the origin that is the key's name; signatures of unknown keys
// are passed over, and one that is wrong under a known key refuses the note.
func OpenCheckpoint(msg []byte, log []note.Verifier, witnesses []note.Verifier) (Signed, error) {
	n, err := openNote(msg, append(append([]note.Verifier{}, log...), witnesses...))
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrNote, err)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Signed{}, err
	}
	s := Signed{Checkpoint: c, Note: msg}
	by := false
	for _, sig := range n.Sigs {
		for _, v := range log {
			by = by || v.Name() == sig.Name && v.KeyHash() == sig.Hash && v.Name() == c.Origin
		}
		for _, v := range witnesses {
			if v.Name() == sig.Name && v.KeyHash() == sig.Hash {
				at, err := cosignedAt(sig)
				if err != nil {
					return Signed{}, fmt.Errorf("%w: %w", ErrNote, err)
				}
				s.Cosigned = append(s.Cosigned, Cosignature{sig.Name, c.Size, at})
			}
		}
	}
	if !by {
		return Signed{}, fmt.Errorf("%w: no signature of the log %q", ErrNote, c.Origin)
	}
	return s, nil
}

// openNote opens a note whose signatures stand in the one form that Base64 has
// for them: of its last character some bits say nothing, and a change of those
// is a change, too.
func openNote(msg []byte, known []note.Verifier) (*note.Note, error) {
	n, err := note.Open(msg, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	for _, s := range n.Sigs {
		if b, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil || base64.StdEncoding.EncodeToString(b) != s.Base64 {
			return nil, fmt.Errorf("the signature of %s is not well formed", s.Name)
		}
	}
	return n, nil
}

// algCosignature is the algorithm byte of cosignature/v1 in keys.
const algCosignature = 4

// A cosigner verifies cosignature/v1: Ed25519 over the checkpoint and the time.
type cosigner struct {
	name string
	key  ed25519.PublicKey
}

func keyHash(name string, alg byte, key []byte) uint32 {
	h := sha256.Sum256(append(append([]byte(name+"\n"), alg), key...))
	return binary.BigEndian.Uint32(h[:])
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return keyHash(c.name, algCosignature, c.key) }

func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(c.key, cosigned(binary.BigEndian.Uint64(sig), msg), sig[8:])
}

// key is the verifier key as text.
func (c cosigner) text() string {
	return fmt.Sprintf("%s+%08x+%s", c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, c.key...)))
}

func cosigned(at uint64, msg []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), msg...)
}

// cosignedAt reads the time out of a signature line.
func cosignedAt(s note.Signature) (time.Time, error) {
	b, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(b) != 4+8+ed25519.SignatureSize {
		return time.Time{}, fmt.Errorf("the signature of %s is no cosignature/v1", s.Name)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b[4:])), 0).UTC(), nil
}

// A cosignerKey signs cosignature/v1.
type cosignerKey struct {
	cosigner
	private ed25519.PrivateKey
	now     func() time.Time
}

func (c cosignerKey) Sign(msg []byte) ([]byte, error) {
	at := uint64(c.now().Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(c.private, cosigned(at, msg))...), nil
}

// parseCosigner makes a cosigner of a private note key ("PRIVATE+KEY+…").
func parseCosigner(skey string, now func() time.Time) (cosignerKey, error) {
	bad := errors.New("tlog: not a private Ed25519 note key")
	ps := strings.SplitN(skey, "+", 5)
	if len(ps) != 5 || ps[0] != "PRIVATE" || ps[1] != "KEY" {
		return cosignerKey{}, bad
	}
	b, err := base64.StdEncoding.DecodeString(ps[4])
	if err != nil || len(b) != 1+ed25519.SeedSize || b[0] != 1 {
		return cosignerKey{}, bad
	}
	private := ed25519.NewKeyFromSeed(b[1:])
	return cosignerKey{cosigner{ps[2], private.Public().(ed25519.PublicKey)}, private, now}, nil
}

// ParseVerifier reads a verifier key: "name+hash+Base64", of a log or, with the
// algorithm byte 4, of a witness.
func ParseVerifier(text string) (note.Verifier, error) {
	ps := strings.SplitN(text, "+", 3)
	if len(ps) == 3 {
		if b, err := base64.StdEncoding.DecodeString(ps[2]); err == nil && len(b) == 1+ed25519.PublicKeySize && b[0] == algCosignature {
			c := cosigner{ps[0], b[1:]}
			if c.text() != text || ps[0] == "" || strings.ContainsAny(ps[0], " \t\n") {
				return nil, fmt.Errorf("tlog: the key of %q has another hash than it says", ps[0])
			}
			return c, nil
		}
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("tlog: not a verifier key: %w", err)
	}
	return v, nil
}

func isWitness(v note.Verifier) bool { _, ok := v.(cosigner); return ok }

// A Key is a verifier key and what people call its holder.
type Key struct {
	note.Verifier
	Text  string // as it is configured and published
	Label string // "大连市公证处"; empty when nobody gave one
}

// Title is the label, or else the name in the key.
func (k Key) Title() string {
	if k.Label != "" {
		return k.Label
	}
	return k.Name()
}

// ParseKeys reads a file of keys: one a line, then a space and what the holder
// is called. Empty lines and those that begin with # are passed over.
func ParseKeys(b []byte) ([]Key, error) {
	var ks []Key
	for i, l := range strings.Split(string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		text, label, _ := strings.Cut(l, " ")
		v, err := ParseVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		ks = append(ks, Key{v, text, strings.TrimSpace(label)})
	}
	return ks, nil
}

func verifiers(ks []Key) []note.Verifier {
	var vs []note.Verifier
	for _, k := range ks {
		vs = append(vs, k)
	}
	return vs
}

// split divides a note into its text with the empty line, and its signature
// lines.
func split(msg []byte) (text, sigs []byte) {
	i := bytes.LastIndex(msg, []byte("\n\n")) + 2
	return msg[:i], msg[i:]
}

// FormatProof is a proof of inclusion as a text that stands by itself
// (c2sp.org/tlog-proof@v1).
func FormatProof(index int64, proof merkle.RecordProof, checkpoint []byte) []byte {
	b := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range proof {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), checkpoint...)
}

// TilePath is where C2SP tlog-tiles has a tile, below the log's address.
func TilePath(t merkle.Tile) string {
	n := fmt.Sprintf("%03d", t.N%1000)
	for m := t.N / 1000; m > 0; m /= 1000 {
		n = fmt.Sprintf("x%03d/%s", m%1000, n)
	}
	p := fmt.Sprintf("tile/%d/%s", t.L, n)
	if t.W < width {
		p += fmt.Sprintf(".p/%d", t.W)
	}
	return p
}

// ParseTilePath reads what TilePath writes; false for anything else.
func ParseTilePath(path string) (merkle.Tile, bool) {
	ps := strings.Split(path, "/")
	if len(ps) < 3 || len(ps) > 10 || ps[0] != "tile" {
		return merkle.Tile{}, false
	}
	t := merkle.Tile{H: height, W: width}
	var err error
	if t.L, err = strconv.Atoi(ps[1]); err != nil || t.L < 0 || t.L > 63 {
		return t, false
	}
	ps = ps[2:]
	if k := len(ps); k > 1 && strings.HasSuffix(ps[k-2], ".p") {
		if t.W, err = strconv.Atoi(ps[k-1]); err != nil || t.W < 1 || t.W >= width {
			return t, false
		}
		ps = append(ps[:k-2:k-2], strings.TrimSuffix(ps[k-2], ".p"))
	}
	for _, p := range ps {
		d, err := strconv.Atoi(strings.TrimPrefix(p, "x"))
		if err != nil || t.N > 1<<40 {
			return t, false
		}
		t.N = t.N*1000 + int64(d)
	}
	return t, TilePath(t) == path
}
