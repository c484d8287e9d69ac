package web

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shenzhong/projections/pricepages"
)

// load asks one address over real connections until it has n answers, and says
// how many a second there were.
func load(b *testing.B, address string, want []byte, n int64) float64 {
	b.Helper()
	const clients = 8
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var asked atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			var got bytes.Buffer
			for asked.Add(1) <= n {
				r, err := http.NewRequest("GET", address, nil)
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set("Accept-Encoding", "gzip")
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				got.Reset()
				_, err = io.Copy(&got, res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got.Bytes(), want) {
					b.Errorf("%s: %d bytes, want %d (%v)", address, got.Len(), len(want), err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkPricePageBesideAFile asks for a price page of the whole server, with
// everything that stands before a page, and for the same bytes from a static file
// server that answers with the same head, in turns and in one run. It reports both rates, their ratio, and what
// the memory in use grew by over all requests.
func BenchmarkPricePageBesideAFile(b *testing.B) {
	c := newTown(b, registered, priced)
	c.settle(pricepages.Name)
	pages := httptest.NewServer(c)
	defer pages.Close()
	const address = "/prices/" + townHome
	r := httptest.NewRequest("GET", address, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	want := bytes.Clone(rec.Body.Bytes())
	if rec.Header().Get("Content-Encoding") != "gzip" || rec.Code != http.StatusOK {
		b.Fatal(rec.Code, rec.Header())
	}
	file := bytes.NewReader(want)
	changed := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range rec.Header() { // the same bytes on the wire, head and body
			w.Header()[k] = v
		}
		http.ServeContent(w, r, "page.html", changed, io.NewSectionReader(file, 0, int64(len(want))))
	}))
	defer files.Close()

	inUse := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapInuse)
	}
	load(b, pages.URL+address, want, 2000)
	load(b, files.URL+"/page.html", want, 2000)
	before := inUse()
	var page, static float64
	rounds := 0
	for b.Loop() {
		static += load(b, files.URL+"/page.html", want, 2000)
		page += load(b, pages.URL+address, want, 2000)
		rounds++
	}
	b.ReportMetric(page/float64(rounds), "pages/s")
	b.ReportMetric(static/float64(rounds), "files/s")
	b.ReportMetric(page/static, "ratio")
	b.ReportMetric((inUse()-before)/1024, "grownKiB")
	b.ReportMetric(0, "ns/op")
}
