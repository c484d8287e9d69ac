package tlog

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// A Witness watches somebody else's log: it signs a checkpoint only when it
// extends the last one that it signed, and remembers that one for ever. It needs
// nothing of the log but its public addresses.
type Witness struct {
	cfg    WitnessConfig
	base   string
	log    note.Verifier
	signer cosignerKey
}

// WitnessConfig is what a Witness needs.
type WitnessConfig struct {
	// Log is the log's address: "https://…/tlog".
	Log string
	// LogKey is the log's verifier key, obtained by another way than from Log.
	LogKey string
	// Key is the file of the witness's private note key; it is made, with the
	// name Name, when it is missing.
	Key, Name string
	// State is the file that holds the last checkpoint that was signed. It must
	// not be lost: a witness that forgets can be lied to.
	State string
	// Client fetches. Nil means one that waits 30 seconds.
	Client *http.Client
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// OpenWitness reads or makes the key.
func OpenWitness(cfg WitnessConfig) (*Witness, error) {
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	w := &Witness{cfg: cfg, base: strings.TrimSuffix(cfg.Log, "/")}
	var err error
	if w.log, err = ParseVerifier(cfg.LogKey); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(cfg.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if cfg.Name == "" {
			return nil, fmt.Errorf("tlog: there is no key in %s, and no name to make one for", cfg.Key)
		}
		skey, _, err := note.GenerateKey(rand.Reader, cfg.Name)
		if err != nil {
			return nil, err
		}
		b = []byte(skey + "\n")
		if err := writeFile(cfg.Key, b, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	w.signer, err = parseCosigner(strings.TrimSpace(string(b)), cfg.Now)
	return w, err
}

// Key is the verifier key that the log's operator enters among the witnesses.
func (w *Witness) Key() string { return w.signer.text() }

// Round looks at the log once. When its checkpoint extends what was signed
// before, it is kept, cosigned and given back to the log. ErrRewritten: the log
// shows another history; both notes then lie beside State, signed by the log,
// as evidence.
func (w *Witness) Round(ctx context.Context) (Signed, error) {
	msg, err := w.get(ctx, "checkpoint", 64<<10)
	if err != nil {
		return Signed{}, err
	}
	now, err := OpenCheckpoint(msg, []note.Verifier{w.log}, nil)
	if err != nil {
		return Signed{}, err
	}
	was, err := w.last()
	if err != nil {
		return Signed{}, err
	}
	if was.Note != nil {
		if err := w.consistent(ctx, was.Checkpoint, now.Checkpoint); err != nil {
			if errors.Is(err, ErrRewritten) {
				err = errors.Join(err, writeFile(w.cfg.State+".conflict", msg, 0o644))
			}
			return now, err
		}
	}
	// Its own and the log's signature, no others'.
	text, sigs := split(msg)
	clean := bytes.Clone(text)
	for line := range bytes.Lines(sigs) {
		if bytes.HasPrefix(line, fmt.Appendf(nil, "— %s ", now.Origin)) {
			clean = append(clean, line...)
		}
	}
	// Remembered before it is signed: a crash in between must not let a
	// signature out that is forgotten.
	if err := writeFile(w.cfg.State, clean, 0o644); err != nil {
		return now, err
	}
	n, err := note.Open(clean, note.VerifierList(w.log))
	if err != nil {
		return now, err
	}
	cosigned, err := note.Sign(n, w.signer)
	if err != nil {
		return now, err
	}
	if now, err = OpenCheckpoint(cosigned, []note.Verifier{w.log}, []note.Verifier{w.signer.cosigner}); err != nil {
		return now, err
	}
	return now, w.post(ctx, cosigned)
}

func (w *Witness) last() (Signed, error) {
	b, err := os.ReadFile(w.cfg.State)
	if errors.Is(err, fs.ErrNotExist) {
		return Signed{}, nil
	}
	if err != nil {
		return Signed{}, err
	}
	s, err := OpenCheckpoint(b, []note.Verifier{w.log}, nil)
	if err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Base(w.cfg.State), err)
	}
	return s, nil
}

func (w *Witness) consistent(ctx context.Context, was, now Checkpoint) error {
	switch {
	case now.Origin != was.Origin:
		return fmt.Errorf("%w: it is %q now and was %q", ErrRewritten, now.Origin, was.Origin)
	case now.Size < was.Size:
		return fmt.Errorf("%w: it had %d events and has %d", ErrRewritten, was.Size, now.Size)
	case now.Size == was.Size && now.Root != was.Root:
		return fmt.Errorf("%w: two roots for %d events", ErrRewritten, now.Size)
	case now.Size == was.Size || was.Size == 0:
		return nil
	}
	// The tiles are checked against the new root, so a proof that is made of
	// them and does not hold for the old root is the log's doing.
	tree := merkle.Tree{N: now.Size, Hash: now.Root}
	proof, err := merkle.ProveTree(now.Size, was.Size, merkle.TileHashReader(tree, tileFetcher{ctx, w}))
	if err != nil {
		return fmt.Errorf("tlog: the log's tiles do not fit its checkpoint: %w", err)
	}
	if err := merkle.CheckTree(proof, now.Size, now.Root, was.Size, was.Root); err != nil {
		return fmt.Errorf("%w: among the first %d of %d events", ErrRewritten, was.Size, now.Size)
	}
	return nil
}

func (w *Witness) get(ctx context.Context, path string, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := w.cfg.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("tlog: %s/%s answers %s", w.base, path, res.Status)
	}
	return io.ReadAll(io.LimitReader(res.Body, most))
}

func (w *Witness) post(ctx context.Context, msg []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+"/cosignatures", bytes.NewReader(msg))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := w.cfg.Client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("tlog: the log does not take the cosignature: %s %s", res.Status, bytes.TrimSpace(b))
	}
	return nil
}

// A tileFetcher reads tiles over the net.
type tileFetcher struct {
	ctx context.Context
	w   *Witness
}

func (tileFetcher) Height() int { return height }

func (f tileFetcher) ReadTiles(tiles []merkle.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		b, err := f.w.get(f.ctx, TilePath(t), width*hashSize)
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (tileFetcher) SaveTiles([]merkle.Tile, [][]byte) {}
