package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/tlog"
)

// A Transparency serves the log's tree: the page that says what it is, and the
// files by which anybody's program checks it (C2SP tlog-tiles). It shows hashes
// and signatures, never an event.
type Transparency struct {
	*Handler
	log *tlog.Log
}

// NewTransparency makes it beside the public pages of h.
func NewTransparency(h *Handler, log *tlog.Log) *Transparency { return &Transparency{h, log} }

// Routes implements handlers.Mount.
func (t *Transparency) Routes(r chi.Router) {
	page := func(serve func(http.ResponseWriter, *http.Request) error, fail func(http.ResponseWriter, *http.Request, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				fail(w, r, refused(err))
			}
		}
	}
	r.Get("/tlog", page(t.page, t.fail))
	r.Head("/tlog", page(t.page, t.fail))
	for at, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"/tlog/checkpoint":           t.checkpoint,
		"/tlog/checkpoint/witnessed": t.witnessed,
		"/tlog/keys":                 t.keys,
		"/tlog/witnesses":            t.witnessKeys,
		"/tlog/tile/*":               t.tile,
		"/tlog/inclusion.json":       t.inclusion,
		"/tlog/consistency.json":     t.consistency,
	} {
		r.Get(at, page(serve, handlers.WriteProblem))
		r.Head(at, page(serve, handlers.WriteProblem))
	}
	// The proof is asked for by hand, too.
	r.Get("/tlog/proof", page(t.proof, func(w http.ResponseWriter, r *http.Request, err error) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			t.fail(w, r, err)
			return
		}
		handlers.WriteProblem(w, r, err)
	}))
	r.Post("/tlog/cosignatures", page(t.cosign, handlers.WriteProblem))
}

// What may be wrong with a question to the tree.
var (
	ErrTreeSize    = domain.Reject("tree_size_unknown", "记录还没有这么长，或者两个长度的先后不对。", "The log is not that long yet, or the two sizes are in the wrong order.")
	ErrTreeRequest = domain.Reject("tree_request_incomplete", "请用 event、position 或 index 说明是哪一条。", "Say which one by event, position or index.")
	ErrTreeNote    = domain.Reject("checkpoint_not_ours", "这份检查点没有本记录的有效签名，没有收下。", "This checkpoint bears no valid signature of this log; it was not taken.")
	ErrTreeWitness = domain.Reject("witness_unknown", "上面没有已登记见证人的签名，没有收下。", "It bears no signature of a witness that is registered here; it was not taken.")
	ErrTreeStale   = domain.Reject("witness_signed_later", "这位见证人已经签过更新的一份。", "This witness has signed a later one.").Race()
	ErrTreeForked  = domain.Reject("history_differs", "这份检查点与本记录的历史不一致，没有收下。请留存它：这是证据。", "This checkpoint is of another history than this log's; it was not taken. Keep it: it is evidence.")
)

func refused(err error) error {
	switch {
	case errors.Is(err, tlog.ErrNoLeaf):
		return handlers.ErrNotFound
	case errors.Is(err, tlog.ErrSize):
		return ErrTreeSize
	case errors.Is(err, tlog.ErrNote):
		return ErrTreeNote
	case errors.Is(err, tlog.ErrNoWitness):
		return ErrTreeWitness
	case errors.Is(err, tlog.ErrStale):
		return ErrTreeStale
	case errors.Is(err, tlog.ErrRewritten):
		return ErrTreeForked
	}
	return err
}

// A tlogPage says how the tree stands.
type tlogPage struct {
	Signed     bool // there is a checkpoint
	Origin     string
	Size       int
	Root       string
	At         time.Time
	Stopped    bool // the history no longer extends what was signed
	Keys       []tlog.Key
	Witnesses  []tlogWitness
	Address    string
	Checkpoint []string // its lines
	Example    string   // a program that checks a proof
}

// proofExample checks a proof of inclusion with nothing but Python's own library,
// as RFC 9162, section 2.1.3.2, says. It stands on the page for whoever writes a
// program of their own.
const proofExample = `python3 - <<'END'
import base64, hashlib, json, urllib.request
p = json.load(urllib.request.urlopen("%s/inclusion.json?index=%d&size=%d"))
fn, sn = p["index"], p["size"] - 1
h = base64.b64decode(p["leaf_hash"])
for s in p["proof"]:
    s = base64.b64decode(s)
    if fn %% 2 or fn == sn:
        h = hashlib.sha256(b"\x01" + s + h).digest()
        while fn %% 2 == 0 and fn:
            fn, sn = fn // 2, sn // 2
    else:
        h = hashlib.sha256(b"\x01" + h + s).digest()
    fn, sn = fn // 2, sn // 2
print(sn == 0 and base64.b64encode(h).decode() == p["root"])
END`

type tlogWitness struct {
	Title, Key string
	Size       int // 0: it never signed
	At         time.Time
	Behind     int // events since then
}

func (t *Transparency) page(w http.ResponseWriter, r *http.Request) error {
	p := tlogPage{Origin: t.log.Origin(), Keys: t.log.Keys(), Stopped: t.log.Err() != nil, Address: siteAddress(r) + "/tlog"}
	s, at, ok := t.log.Latest()
	if ok {
		p.Signed, p.Size, p.Root, p.At, p.Checkpoint = true, int(s.Size), s.Root.String(), at, strings.Split(strings.TrimSpace(string(s.Note)), "\n")
		p.Example = fmt.Sprintf(proofExample, p.Address, max(0, p.Size-1), p.Size)
	}
	cs := t.log.CosignedBy()
	for i, k := range t.log.Witnesses() {
		x := tlogWitness{Title: k.Title(), Key: k.Text, Size: int(cs[i].Size), At: cs[i].Time}
		x.Behind = max(0, p.Size-x.Size)
		p.Witnesses = append(p.Witnesses, x)
	}
	return t.show(w, r, "tlog", "/tlog", p, nil)
}

// siteAddress is where this site is reached.
func siteAddress(r *http.Request) string {
	return strings.TrimSuffix(verifyAddress(r, ""), "/verify/")
}

func plain(w http.ResponseWriter, r *http.Request, kind, keep string, b []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", keep)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		w.Write(b) // the client may be gone
	}
	return nil
}

const (
	textKind = "text/plain; charset=utf-8"
	fleeting = "public, max-age=5"
	forEver  = "public, max-age=31536000, immutable"
)

func (t *Transparency) checkpoint(w http.ResponseWriter, r *http.Request) error {
	s, _, ok := t.log.Latest()
	if !ok {
		return handlers.ErrNotFound
	}
	return plain(w, r, textKind, fleeting, s.Note)
}

func (t *Transparency) witnessed(w http.ResponseWriter, r *http.Request) error {
	s, ok := t.log.Witnessed()
	if !ok {
		return handlers.ErrNotFound
	}
	return plain(w, r, textKind, fleeting, s.Note)
}

func (t *Transparency) keys(w http.ResponseWriter, r *http.Request) error {
	return plain(w, r, textKind, fleeting, keyLines(t.log.Keys()))
}

func (t *Transparency) witnessKeys(w http.ResponseWriter, r *http.Request) error {
	return plain(w, r, textKind, fleeting, keyLines(t.log.Witnesses()))
}

func keyLines(ks []tlog.Key) (b []byte) {
	for _, k := range ks {
		b = fmt.Appendln(b, strings.TrimSpace(k.Text+" "+k.Label))
	}
	return b
}

func (t *Transparency) tile(w http.ResponseWriter, r *http.Request) error {
	tile, ok := tlog.ParseTilePath("tile/" + chi.URLParam(r, "*"))
	if !ok {
		return handlers.ErrNotFound
	}
	b, err := t.log.Reader().Tile(r.Context(), tile.L, tile.N, tile.W)
	if err != nil {
		return err
	}
	return plain(w, r, "application/octet-stream", forEver, b)
}

// leaf is the one that a question is about.
func (t *Transparency) leaf(r *http.Request) (tlog.Leaf, error) {
	q, in := r.URL.Query(), t.log.Reader()
	if s := strings.TrimSpace(q.Get("event")); s != "" {
		id, err := uuid.Parse(s)
		if err != nil {
			return tlog.Leaf{}, handlers.ErrNotFound
		}
		return in.Leaf(r.Context(), id)
	}
	if s := q.Get("position"); s != "" {
		at, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			return tlog.Leaf{}, handlers.ErrNotFound
		}
		return in.LeafOf(r.Context(), events.Position(at))
	}
	if s := q.Get("index"); s != "" {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return tlog.Leaf{}, handlers.ErrNotFound
		}
		return in.LeafAt(r.Context(), i)
	}
	return tlog.Leaf{}, ErrTreeRequest
}

// proof is a proof that stands by itself. An event newer than the last
// checkpoint has none yet.
func (t *Transparency) proof(w http.ResponseWriter, r *http.Request) error {
	l, err := t.leaf(r)
	if err != nil {
		return err
	}
	s, _, ok := t.log.Latest()
	if !ok {
		return handlers.ErrNotFound
	}
	proof, err := t.log.Reader().Inclusion(r.Context(), l.Index, s.Size)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%d.tlog-proof"`, l.Index))
	return plain(w, r, textKind, fleeting, tlog.FormatProof(l.Index, proof, s.Note))
}

// size reads a tree size; without one it is that of the last checkpoint.
func (t *Transparency) size(r *http.Request, name string) (int64, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		s, _, ok := t.log.Latest()
		if !ok {
			return 0, handlers.ErrNotFound
		}
		return s.Size, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, ErrTreeSize
	}
	return n, nil
}

type inclusionBody struct {
	Origin   string    `json:"origin"`
	Index    int64     `json:"index"`
	Event    uuid.UUID `json:"event"`
	Position string    `json:"position"`
	Leaf     string    `json:"leaf_hash"`
	Size     int64     `json:"size"`
	Root     string    `json:"root"`
	Proof    []string  `json:"proof"`
}

func (t *Transparency) inclusion(w http.ResponseWriter, r *http.Request) error {
	l, err := t.leaf(r)
	if err != nil {
		return err
	}
	size, err := t.size(r, "size")
	if err != nil {
		return err
	}
	in := t.log.Reader()
	root, err := in.Root(r.Context(), size)
	if err != nil {
		return err
	}
	proof, err := in.Inclusion(r.Context(), l.Index, size)
	if err != nil {
		return err
	}
	return sendTree(w, r, inclusionBody{t.log.Origin(), l.Index, l.Event, strconv.FormatUint(uint64(l.Position), 10), l.Hash.String(), size, root.String(), hashTexts(proof)})
}

type consistencyBody struct {
	Origin   string   `json:"origin"`
	From     int64    `json:"from"`
	FromRoot string   `json:"from_root"`
	To       int64    `json:"to"`
	ToRoot   string   `json:"to_root"`
	Proof    []string `json:"proof"`
}

func (t *Transparency) consistency(w http.ResponseWriter, r *http.Request) error {
	from, err1 := t.size(r, "from")
	to, err2 := t.size(r, "to")
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	in := t.log.Reader()
	proof, err := in.Consistency(r.Context(), from, to)
	if err != nil {
		return err
	}
	a, err := in.Root(r.Context(), from)
	if err != nil {
		return err
	}
	b, err := in.Root(r.Context(), to)
	if err != nil {
		return err
	}
	return sendTree(w, r, consistencyBody{t.log.Origin(), from, a.String(), to, b.String(), hashTexts(proof)})
}

// hashTexts are hashes in standard Base64, as in the C2SP formats.
func hashTexts(hs []tlog.Hash) []string {
	texts := make([]string, len(hs))
	for i, h := range hs {
		texts[i] = h.String()
	}
	return texts
}

func sendTree(w http.ResponseWriter, r *http.Request, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return plain(w, r, "application/json", fleeting, append(b, '\n'))
}

// cosign takes a checkpoint that a witness signed.
func (t *Transparency) cosign(w http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		return err
	}
	cs, err := t.log.AddCosignature(r.Context(), b)
	if err != nil {
		return err
	}
	var names []byte
	for _, c := range cs {
		names = fmt.Appendf(names, "%s %d\n", c.Witness, c.Size)
	}
	return plain(w, r, textKind, "no-store", names)
}
