package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// An asset is a static file under an address that holds its content's hash, so
// that browsers may keep it for ever.
type asset struct {
	path string // /static/shenzhong.0123456789ab.css
	kind string
	page
}

// assets are the static files by name ("shenzhong.css").
type assets map[string]asset

func loadAssets() (assets, error) {
	all := assets{}
	err := fs.WalkDir(staticFiles, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(file)
		if err != nil {
			return err
		}
		name := path.Base(file)
		ext := path.Ext(name)
		kind := mime.TypeByExtension(ext)
		if kind == "" {
			return fmt.Errorf("web: static file %s has no known type", name)
		}
		sum := sha256.Sum256(b)
		all[name] = asset{
			path: "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
			kind: kind,
			page: newPage(b, gzip.BestCompression),
		}
		return nil
	})
	return all, err
}

// path is a template function.
func (a assets) path(name string) (string, error) {
	f, ok := a[name]
	if !ok {
		return "", fmt.Errorf("web: no static file %q", name)
	}
	return f.path, nil
}

// serve answers for a static file. A page rendered by an earlier version of the
// program asks under an earlier hash: it gets today's content, not to be kept.
func (a assets) serve(w http.ResponseWriter, r *http.Request) bool {
	name := path.Base(r.URL.Path)
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if i := strings.LastIndexByte(stem, '.'); i >= 0 {
		stem = stem[:i]
	}
	f, ok := a[stem+ext]
	if !ok {
		return false
	}
	cache := "public, max-age=31536000, immutable"
	if f.path != r.URL.Path {
		cache = "no-cache"
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("Vary", "Accept-Encoding")
	f.page.serve(w, r)
	return true
}

// A page is bytes ready to be sent: as they are, compressed, and the tag of the
// former. Either form may be missing.
type page struct {
	body, gz []byte
	etag     string
}

func newPage(body []byte, level int) page {
	sum := sha256.Sum256(body)
	return page{body: body, gz: compress(body, level), etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

func compress(b []byte, level int) []byte {
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, level)
	if err != nil {
		panic(err) // the level is a constant of this package
	}
	w.Write(b) // a bytes.Buffer does not fail
	w.Close()
	return z.Bytes()
}

// serve sends the page, compressed to who takes it, or 304 to who has it.
func (p page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	etag := p.etag
	body := p.body
	zip := len(p.gz) > 0 && (body == nil || len(p.gz) < len(body)) && acceptsGzip(r.Header.Get("Accept-Encoding"))
	if zip {
		body = p.gz
		etag = strings.TrimSuffix(etag, `"`) + `-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	if noneMatch(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if body == nil { // kept compressed, for a client that cannot read that
		var err error
		if body, err = gunzip(p.gz); err != nil {
			panic(err) // compressed by ourselves
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	w.Write(body) // the client may be gone; there is nobody to tell
}

// noneMatch says that the client already holds etag (RFC 9110, 13.1.2).
func noneMatch(header, etag string) bool {
	if header == "*" {
		return true
	}
	for t := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(t), "W/") == etag {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, weighted := strings.Cut(part, ";")
		if n := strings.TrimSpace(name); n != "gzip" && n != "*" {
			continue
		}
		if !weighted {
			return true
		}
		q = strings.TrimPrefix(strings.TrimSpace(q), "q=")
		return strings.Trim(q, "0.") != ""
	}
	return false
}

// htmxSHA256 is the one file among them that is not ours: htmx 2.0.11, as npm
// has it (0BSD).
const htmxSHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
