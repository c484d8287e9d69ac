package projections_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"shenzhong/events"
	"shenzhong/projections"
)

// The log of the benchmarks: a million events (SHENZHONG_BENCH_EVENTS sets
// another number), of which about one in five is for these read models, as in a
// real log: around every slot and every burial stand the case and its papers.
var benchLog = sync.OnceValue(func() *city {
	n := 1_000_000
	if s := os.Getenv("SHENZHONG_BENCH_EVENTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			panic(err)
		}
	}
	c := newCityOf(benching, 1, 40)
	c.calm = true
	for _, typ := range []string{"booking.opened.v1", "booking.quoted.v1", "booking.consented.v1", "booking.charged.v1", "cremation.received.v1",
		"cremation.death_certificate_recorded.v1", "cremation.identity_verified.v1", "cremation.started.v1"} {
		data, err := os.ReadFile(filepath.Join(testdata, typ+".json"))
		if err != nil {
			panic(err)
		}
		c.filler = append(c.filler, events.New{Type: typ, Data: data})
	}
	for len(c.rev) == 0 || int(c.live(1)) < 3*n { // the memory store's positions go in steps of three
	}
	return c
})

var benching testing.TB

// BenchmarkFollow reads the log and does nothing with it: what a rebuild is to
// be compared with.
func BenchmarkFollow(b *testing.B) {
	benching = b
	c := benchLog()
	var n, wanted int
	for b.Loop() {
		var types []string
		for _, p := range readModels() {
			types = append(types, p.Types()...)
		}
		for batch, err := range c.store.Store.Follow(b.Context(), 0, 5000) {
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch.Events)
			for _, e := range batch.Events {
				if slices.Contains(types, e.Type) {
					wanted++
				}
			}
			if batch.CaughtUp {
				break
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(wanted)*100/float64(n), "%wanted")
}

// BenchmarkRebuild builds all read models from nothing.
func BenchmarkRebuild(b *testing.B) {
	benching = b
	c := benchLog()
	var n int64
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		b.StartTimer()
		cfg := c.config(dir)
		cfg.Store = c.store.Store
		r, err := projections.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.WaitCaughtUp(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n += r.Status()[0].Events
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRebuildOne builds each read model alone.
func BenchmarkRebuildOne(b *testing.B) {
	benching = b
	c := benchLog()
	for _, p := range readModels() {
		b.Run(p.Name(), func(b *testing.B) {
			var n int64
			for b.Loop() {
				cfg := c.config(b.TempDir())
				cfg.Store, cfg.Projections = c.store.Store, []projections.Projection{p}
				r, err := projections.Open(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.WaitCaughtUp(b.Context()); err != nil {
					b.Fatal(err)
				}
				n += r.Status()[0].Events
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkWriteToRead appends one burial and waits until it is counted.
func BenchmarkWriteToRead(b *testing.B) {
	c := newCity(b, 5)
	r := c.open(c.config(b.TempDir()))
	if err := r.WaitCaughtUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		pos := c.bury(c.homes[0])
		began := time.Now()
		if err := r.Wait(b.Context(), "ecoratio", pos); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
