package esdbstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/esdbstore/internal/esdbtest"
	"shenzhong/events/eventstest"
)

// The benchmarks run against the double, in the same process: they measure the
// store's own cost, not a server's.

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprintf("events=%d/callers=1", n), func(b *testing.B) {
			s := open(b, esdbtest.Start(b, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				must(b, s, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(n)...)
				i++
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
		})
		b.Run(fmt.Sprintf("events=%d/callers=64", n), func(b *testing.B) {
			s := open(b, esdbtest.Start(b, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
			b.ReportAllocs()
			b.SetParallelism(32)
			var i atomic.Int64
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					must(b, s, events.Stream(fmt.Sprintf("plot-%d", i.Add(1))), events.NoStream, eventstest.News(n)...)
				}
			})
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	s := open(b, esdbtest.Start(b, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
	must(b, s, "plot-1", events.NoStream, eventstest.News(10)...)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(eventstest.LoadAll(b, s, "plot-1")); n != 10 {
			b.Fatal(n)
		}
	}
}

// BenchmarkFollow catches up with a log of 20,000 events.
func BenchmarkFollow(b *testing.B) {
	s := open(b, esdbtest.Start(b, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
	const total = 20_000
	for i := range total / 100 {
		must(b, s, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(100)...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(eventstest.FollowAll(b, s, 0)); n != total {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.N*total)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLive is the way of one event from Append to a follower.
func BenchmarkLive(b *testing.B) {
	s := open(b, esdbtest.Start(b, 1, esdbtest.Options{}).ConnString(), esdbstore.Options{})
	ctx, cancel := context.WithCancel(b.Context())
	seen := make(chan int, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for batch, err := range s.Follow(ctx, 0, 100) {
			if err != nil {
				b.Error(err)
				return
			}
			seen <- len(batch.Events)
		}
	}()
	<-seen
	i := 0
	for b.Loop() {
		must(b, s, events.Stream(fmt.Sprintf("plot-%d", i)), events.NoStream, eventstest.News(1)...)
		i++
		for got := 0; got == 0; {
			got = <-seen
		}
	}
	cancel()
	select {
	case <-seen:
	case <-done:
	}
	<-done
}
