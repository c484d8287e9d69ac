package main

import (
	"context"
	"io"
	"os"
	"strconv"
	"testing"

	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/events/natsstore"
	"shenzhong/handlers"
	"shenzhong/handlers/web"
	"shenzhong/projections"
)

// benchLog is a log of simulated cases of about 100,000 events
// (SHENZHONG_BENCH_EVENTS sets another number), with everything that is needed
// to read it.
func benchLog(b *testing.B) *city {
	b.Helper()
	n := 100_000
	if s := os.Getenv("SHENZHONG_BENCH_EVENTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	keys := events.NewMemoryKeys()
	registry := projections.Registry(keys)
	store, err := natsstore.Open(b.Context(), natsstore.Config{Dir: b.TempDir(), Init: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	con := &console{lang: "en", out: io.Discard, err: io.Discard}
	bench := &bencher{benchCmd: &benchCmd{Events: n}, con: con}
	if _, _, err := bench.build(b.Context(), store, registry, keys); err != nil {
		b.Fatal(err)
	}
	c := &city{con: con, store: store, registry: registry, keys: keys, app: handlers.NewApp(store, registry, keys, nil)}
	if c.renderer, err = web.NewRenderer(web.Site{Demo: true}); err != nil {
		b.Fatal(err)
	}
	return c
}

// rebuild builds read models from nothing and answers with how many events were
// read for it.
func (c *city) rebuild(ctx context.Context, dir string, ps ...projections.Projection) (int64, error) {
	defer rush()()
	r, err := projections.Open(ctx, projections.Config{Dir: dir, Store: c.store, Registry: c.registry, Projections: ps})
	if err != nil {
		return 0, err
	}
	if err := r.WaitCaughtUp(ctx); err != nil {
		return 0, err
	}
	n := r.Status()[0].Events
	return n, r.Close()
}

// BenchmarkRebuild builds all read models from nothing, and each by itself.
func BenchmarkRebuild(b *testing.B) {
	c := benchLog(b)
	run := func(name string, ps ...projections.Projection) {
		b.Run(name, func(b *testing.B) {
			var n int64
			used := processorTime()
			for b.Loop() {
				m, err := c.rebuild(b.Context(), b.TempDir(), ps...)
				if err != nil {
					b.Fatal(err)
				}
				n += m
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((processorTime()-used).Nanoseconds())/1000/float64(n), "cpu-µs/event") // other programs' load changes this least
		})
	}
	run("all", c.projections()...)
	for _, p := range c.projections() {
		run(p.Name(), p)
	}
}

// BenchmarkFollow reads the log and does nothing with it.
func BenchmarkFollow(b *testing.B) {
	c := benchLog(b)
	var n int
	for b.Loop() {
		for batch, err := range c.store.Follow(b.Context(), 0, 5000) {
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch.Events)
			if batch.CaughtUp {
				break
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// TestBenchLog: what is measured is the log that the simulator makes, whole. The
// draft in which it is made stands in for a store, so it has to answer whatever
// the simulated city asks of one.
func TestBenchLog(t *testing.T) {
	keys, store := events.NewMemoryKeys(), memory.New()
	bench := &bencher{benchCmd: &benchCmd{Events: 400}, con: &console{lang: "en", out: io.Discard, err: io.Discard}}
	n, cases, err := bench.build(t.Context(), store, projections.Registry(keys), keys)
	if err != nil {
		t.Fatal(err)
	}
	got, rounds := 0, 0
	for b, err := range store.Follow(t.Context(), 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Events {
			got++
			if r.Type == "inspection.drawn.v1" {
				rounds++
			}
		}
		if b.CaughtUp {
			break
		}
	}
	if got != n || n < 400 || len(cases) == 0 || rounds == 0 {
		t.Errorf("%d events of %d, %d cases, %d rounds of inspections drawn", got, n, len(cases), rounds)
	}
}
