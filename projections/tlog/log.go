package tlog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"shenzhong/projections"
)

// ErrRewritten reports two histories under one name: what is there now does not
// extend what was signed before.
var ErrRewritten = errors.New("tlog: the history does not extend the checkpoint that was signed before")

// LogConfig is what a Log needs.
type LogConfig struct {
	// Dir keeps the signing key and the last checkpoint. It is made at the first
	// start. Files in it:
	//
	//	key          the private note key, mode 0600
	//	keys         every verifier key that this log ever had, newest last
	//	checkpoint   the last checkpoint that was signed: the pin
	//	witnesses    the witnesses' verifier keys, kept by the operator
	//	cosigned/    the last checkpoint that each witness signed
	//
	// To rotate the key: stop, move the file key away, start. The next checkpoint
	// bears the new key; the old one stays in keys, so that what it signed holds.
	Dir string
	// Origin names the log in its checkpoints, as an address without scheme:
	// "log.example.gov.cn/tlog". It counts when the key is made; empty means a
	// name that nobody else has and that is no address.
	Origin string
	// DB is the read model's file.
	DB projections.Querier
	// CaughtUp says that the read model is level with the log. Nil means always.
	CaughtUp func() bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// A Log signs the tree's checkpoints and keeps what witnesses say of them. It
// never signs a tree that does not extend the last one that it signed.
type Log struct {
	cfg       LogConfig
	reader    Reader
	signer    note.Signer
	keys      []Key // of the log, newest last
	witnesses []Key

	publishing sync.Mutex // held over Publish and AddCosignature

	mu       sync.Mutex
	last     Signed // without cosignatures
	lastAt   time.Time
	cosigned map[string]Signed // by a witness's name: the last it signed
	err      error
}

// OpenLog reads the directory, or makes it with a new key.
func OpenLog(cfg LogConfig) (*Log, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Log{cfg: cfg, reader: Reader{cfg.DB}, cosigned: map[string]Signed{}}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := l.openKey(); err != nil {
		return nil, err
	}
	if l.cfg.Origin != "" && l.cfg.Origin != l.signer.Name() {
		return nil, fmt.Errorf("tlog: the key in %s is that of %q, not of %q", cfg.Dir, l.signer.Name(), l.cfg.Origin)
	}
	p, err := readPin(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l.keys, l.witnesses, l.last, l.lastAt, l.cosigned = p.keys, p.witnesses, p.last, p.at, p.cosigned
	return l, nil
}

func (l *Log) openKey() error {
	path, list := filepath.Join(l.cfg.Dir, "key"), filepath.Join(l.cfg.Dir, "keys")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		origin := l.cfg.Origin
		if origin == "" {
			if ks, err := os.ReadFile(list); err == nil { // the key was taken away to rotate it
				if had, err := ParseKeys(ks); err == nil && len(had) > 0 {
					origin = had[len(had)-1].Name()
				}
			}
		}
		if origin == "" {
			var r [4]byte
			rand.Read(r[:])
			origin = "shenzhong.invalid/" + hex.EncodeToString(r[:])
		}
		skey, vkey, err := note.GenerateKey(rand.Reader, origin)
		if err != nil {
			return err
		}
		// The public half first: a key that signed something must be known.
		old, err := os.ReadFile(list)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := writeFile(list, append(old, vkey+"\n"...), 0o644); err != nil {
			return err
		}
		b = []byte(skey + "\n")
		if err := writeFile(path, b, 0o600); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	l.signer, err = note.NewSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return fmt.Errorf("tlog: %s: %w", path, err)
	}
	return nil
}

// writeFile replaces a file, durably: after a power cut it is the old or the
// new one.
func writeFile(path string, b []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil { // not every system can sync a directory
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

// A pin is what a directory says was signed.
type pin struct {
	keys, witnesses []Key
	last            Signed
	at              time.Time
	cosigned        map[string]Signed
}

func readPin(dir string) (pin, error) {
	p := pin{cosigned: map[string]Signed{}}
	var err error
	for name, into := range map[string]*[]Key{"keys": &p.keys, "witnesses": &p.witnesses} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
		if *into, err = ParseKeys(b); err != nil {
			return p, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	for i, k := range p.witnesses {
		if !isWitness(k.Verifier) {
			return p, fmt.Errorf("%s: the key of %s is not one for cosignatures", filepath.Join(dir, "witnesses"), k.Name())
		}
		if slices.ContainsFunc(p.witnesses[:i], func(o Key) bool { return o.Name() == k.Name() }) {
			return p, fmt.Errorf("%s: two keys of %s", filepath.Join(dir, "witnesses"), k.Name())
		}
	}
	path := filepath.Join(dir, "checkpoint")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if p.last, err = OpenCheckpoint(b, verifiers(p.keys), nil); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if st, err := os.Stat(path); err == nil {
		p.at = st.ModTime()
	}
	for _, k := range p.witnesses {
		b, err := os.ReadFile(filepath.Join(dir, "cosigned", fileOf(k)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, err
		}
		s, err := OpenCheckpoint(b, verifiers(p.keys), []note.Verifier{k})
		if err != nil {
			return p, fmt.Errorf("cosignature of %s: %w", k.Name(), err)
		}
		p.cosigned[k.Name()] = s
	}
	return p, nil
}

func fileOf(k Key) string { return fmt.Sprintf("%08x", k.KeyHash()) }

// CheckPin compares the tree with what the directory says was signed before, and
// answers with the checkpoint; false when nothing was signed yet. ErrRewritten
// and ErrNote say what is wrong.
func CheckPin(ctx context.Context, dir string, db projections.Querier) (Signed, bool, error) {
	p, err := readPin(dir)
	if err != nil || p.last.Note == nil {
		return Signed{}, false, err
	}
	return p.last, true, extends(ctx, Reader{db}, p.last.Checkpoint)
}

// extends says whether the tree begins with that of the checkpoint.
func extends(ctx context.Context, r Reader, was Checkpoint) error {
	size, err := r.Size(ctx)
	if err != nil {
		return err
	}
	if size < was.Size {
		return fmt.Errorf("%w: %d events were signed for, there are %d", ErrRewritten, was.Size, size)
	}
	root, err := r.Root(ctx, size)
	if err != nil {
		return err
	}
	if size == was.Size || was.Size == 0 {
		if size == was.Size && root != was.Root {
			return fmt.Errorf("%w: the root of %d events is another", ErrRewritten, size)
		}
		return nil
	}
	proof, err := r.Consistency(ctx, was.Size, size)
	if err != nil {
		return err
	}
	if err := merkle.CheckTree(proof, size, root, was.Size, was.Root); err != nil {
		return fmt.Errorf("%w: among the first %d of %d events", ErrRewritten, was.Size, size)
	}
	return nil
}

// Publish signs the tree as it is now, if it grew and extends what was signed
// before. The new checkpoint is on disk before anybody can see it. An error that
// is ErrRewritten also shows in Err, until the tree is right again.
func (l *Log) Publish(ctx context.Context) error {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	err := l.publish(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil {
		l.err = err
	}
	return err
}

func (l *Log) publish(ctx context.Context) error {
	// Asked first: what was level with the log before its size was read.
	caughtUp := l.cfg.CaughtUp == nil || l.cfg.CaughtUp()
	size, err := l.reader.Size(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	first := last.Note == nil
	if !first {
		if size < last.Size && !caughtUp {
			return nil // it is being built anew
		}
		if err := extends(ctx, l.reader, last.Checkpoint); err != nil {
			return err
		}
		if size == last.Size && bytes.Contains(last.Note, fmt.Appendf(nil, "\n— %s ", l.signer.Name())) {
			return nil
		}
	}
	root, err := l.reader.Root(ctx, size)
	if err != nil {
		return err
	}
	c := Checkpoint{l.signer.Name(), size, root}
	msg, err := note.Sign(&note.Note{Text: c.Text()}, l.signer)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(l.cfg.Dir, "checkpoint"), msg, 0o644); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.lastAt = Signed{Checkpoint: c, Note: msg}, l.cfg.Now()
	return nil
}

// Run publishes at once and then so often, until ctx ends.
func (l *Log) Run(ctx context.Context, every time.Duration, failed func(error)) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := l.Publish(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Err is why nothing is signed any more; nil when all is well.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Statuses are the read models' with what the Log has against the tree.
func (l *Log) Statuses(ss []projections.Status) []projections.Status {
	err := l.Err()
	for i := range ss {
		if err != nil && ss[i].Name == Name && ss[i].Err == nil {
			ss[i].Err, ss[i].Stopped = err, true
		}
	}
	return ss
}

// Origin is the log's name.
func (l *Log) Origin() string { return l.signer.Name() }

// Keys are the log's verifier keys, newest last.
func (l *Log) Keys() []Key { return l.keys }

// Witnesses are those from whom cosignatures are taken.
func (l *Log) Witnesses() []Key { return l.witnesses }

// Reader asks the tree.
func (l *Log) Reader() Reader { return l.reader }

// Latest is the newest checkpoint with the cosignatures that there are for it,
// and when it was signed; false before the first.
func (l *Log) Latest() (Signed, time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.joined(l.last), l.lastAt, l.last.Note != nil
}

// joined adds the cosignatures of all witnesses for the same checkpoint. l.mu is
// held.
func (l *Log) joined(s Signed) Signed {
	if s.Note == nil {
		return s
	}
	s.Note, s.Cosigned = bytes.Clone(s.Note), nil
	text, _ := split(s.Note)
	for _, k := range l.witnesses {
		c, ok := l.cosigned[k.Name()]
		if !ok {
			continue
		}
		theirs, sigs := split(c.Note)
		if !bytes.Equal(theirs, text) {
			continue
		}
		for line := range bytes.Lines(sigs) {
			if bytes.HasPrefix(line, fmt.Appendf(nil, "— %s ", k.Name())) {
				s.Note = append(s.Note, line...)
			}
		}
		s.Cosigned = append(s.Cosigned, c.Cosigned...)
	}
	return s
}

// Witnessed is the newest of the checkpoints that the most witnesses signed;
// false when none has signed any.
func (l *Log) Witnessed() (Signed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var best Signed
	for _, k := range l.witnesses {
		c, ok := l.cosigned[k.Name()]
		if !ok {
			continue
		}
		text, sigs := split(c.Note)
		for line := range bytes.Lines(sigs) { // the log's own signature
			if bytes.HasPrefix(line, fmt.Appendf(nil, "— %s ", c.Origin)) {
				text = append(bytes.Clone(text), line...)
				break
			}
		}
		s := l.joined(Signed{Checkpoint: c.Checkpoint, Note: text})
		if len(s.Cosigned) > len(best.Cosigned) || len(s.Cosigned) == len(best.Cosigned) && s.Size > best.Size {
			best = s
		}
	}
	return best, best.Note != nil
}

// CosignedBy is the last cosignature of each witness, in the order of Witnesses;
// zero for one who never signed.
func (l *Log) CosignedBy() []Cosignature {
	l.mu.Lock()
	defer l.mu.Unlock()
	cs := make([]Cosignature, len(l.witnesses))
	for i, k := range l.witnesses {
		if s, ok := l.cosigned[k.Name()]; ok {
			cs[i] = s.Cosigned[0]
		}
	}
	return cs
}

// Errors of AddCosignature.
var (
	ErrNoWitness = errors.New("tlog: no cosignature of a configured witness is on it")
	ErrStale     = errors.New("tlog: this witness has signed a later checkpoint")
)

// AddCosignature takes a checkpoint that this log signed back from a witness,
// with his cosignature. Anybody may bring it: the signatures are what counts.
func (l *Log) AddCosignature(ctx context.Context, msg []byte) ([]Cosignature, error) {
	l.publishing.Lock()
	defer l.publishing.Unlock()
	s, err := OpenCheckpoint(msg, verifiers(l.keys), verifiers(l.witnesses))
	if err != nil {
		return nil, err
	}
	if len(s.Cosigned) == 0 {
		return nil, ErrNoWitness
	}
	// Signed by us, so it should be ours; a stolen key shows here.
	if root, err := l.reader.Root(ctx, s.Size); err != nil {
		return nil, err
	} else if root != s.Root {
		return nil, ErrRewritten
	}
	for _, c := range s.Cosigned {
		l.mu.Lock()
		had, ok := l.cosigned[c.Witness]
		l.mu.Unlock()
		switch {
		case c.Time.After(l.cfg.Now().Add(5 * time.Minute)):
			return nil, fmt.Errorf("%w: the cosignature of %s is from the future", ErrNote, c.Witness)
		case ok && (had.Size > s.Size || had.Cosigned[0].Time.After(c.Time)):
			return nil, ErrStale
		}
	}
	for _, c := range s.Cosigned {
		k := l.witnesses[slices.IndexFunc(l.witnesses, func(k Key) bool { return k.Name() == c.Witness })]
		one, err := OpenCheckpoint(msg, verifiers(l.keys), []note.Verifier{k})
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(l.cfg.Dir, "cosigned")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := writeFile(filepath.Join(dir, fileOf(k)), msg, 0o644); err != nil {
			return nil, err
		}
		l.mu.Lock()
		l.cosigned[c.Witness] = one
		l.mu.Unlock()
	}
	return s.Cosigned, nil
}
