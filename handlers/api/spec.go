package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// serveSpec answers with the API's description, compressed to who takes it, and
// with 304 to who has it.
func serveSpec(spec []byte) http.HandlerFunc {
	var z bytes.Buffer
	zw, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	zw.Write(spec) // a bytes.Buffer does not fail
	zw.Close()
	sum := sha256.Sum256(spec)
	tag := hex.EncodeToString(sum[:12])
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/openapi+json")
		h.Set("Access-Control-Allow-Origin", "*") // public, and read by tools in browsers
		h.Set("Cache-Control", "no-cache")
		h.Set("Vary", "Accept-Encoding")
		body, etag := spec, `"`+tag+`"`
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			body, etag = z.Bytes(), `"`+tag+`-gz"`
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, weighted := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			return !weighted || strings.Trim(strings.TrimPrefix(strings.TrimSpace(q), "q="), "0.") != ""
		}
	}
	return false
}
