package natsstore_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

// raw is JetStream by itself, with the settings of the embedded server: what
// each figure stands beside.
func raw(b *testing.B, sync bool) (jetstream.JetStream, *nats.Conn) {
	b.Helper()
	srv, err := server.NewServer(&server.Options{ServerName: "raw", DontListen: true, JetStream: true, StoreDir: b.TempDir(), NoLog: true, NoSigs: true, SyncAlways: sync, MaxPayload: 4 << 20})
	if err != nil {
		b.Fatal(err)
	}
	go srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		b.Fatal("server not ready")
	}
	b.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "raw", Subjects: []string{"raw.>"}, Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true}); err != nil {
		b.Fatal(err)
	}
	return js, nc
}

// news makes n events of about 400 bytes.
func news(n int) []events.New {
	es := make([]events.New, n)
	for i := range es {
		es[i] = events.New{ID: uuid.New(), Type: "plot.allocated.v1", Data: fmt.Appendf(nil, `{"n":%d,"pad":"%0370d"}`, i, i),
			Occurred: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Meta: events.Meta{Actor: "staff-0102", Command: uuid.New()}}
	}
	return es
}

// hammer runs n calls from so many callers and answers with each call's time,
// sorted, and the whole.
func hammer(b *testing.B, n, callers int, call func(caller, i int) error) ([]time.Duration, time.Duration) {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	t0 := time.Now()
	for c := range callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				t := time.Now()
				if err := call(c, i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(t)
			}
		})
	}
	wg.Wait()
	whole := time.Since(t0)
	slices.Sort(took)
	return took, whole
}

func quantile(d []time.Duration, q float64) float64 {
	return float64(d[int(q*float64(len(d)-1))].Microseconds())
}

// BenchmarkAppend: durable appends of one event beside raw publishes, one
// fsync each, of the same bytes.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 128, 512} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) { benchAppend(b, callers, 1) })
	}
	b.Run("ThreeEvents", func(b *testing.B) { benchAppend(b, 1, 3) })
}

func benchAppend(b *testing.B, callers, n int) {
	js, nc := raw(b, true)
	s := open(b, config(b.TempDir()))
	es := news(n)
	one := news(1)[0]
	calls := max(b.N, 2*callers)
	took0, whole0 := hammer(b, calls, callers, func(c, i int) error {
		m := nats.NewMsg(fmt.Sprintf("raw.%d.%d", c, i))
		m.Header.Set("ce-id", one.ID.String())
		m.Header.Set("ce-type", one.Type)
		m.Data = one.Data
		_, err := js.PublishMsg(context.Background(), m)
		return err
	})
	nc.Flush()
	b.ResetTimer()
	took, whole := hammer(b, calls, callers, func(c, i int) error {
		_, _, err := s.Append(context.Background(), events.Stream(fmt.Sprintf("plot-%d.%d", c, i)), events.NoStream, es...)
		return err
	})
	b.StopTimer()
	b.ReportMetric(float64(calls)/whole.Seconds(), "appends/s")
	b.ReportMetric(quantile(took, .5), "p50-µs")
	b.ReportMetric(quantile(took, .99), "p99-µs")
	b.ReportMetric(float64(calls)/whole0.Seconds(), "raw/s")
	b.ReportMetric(quantile(took0, .99), "raw-p99-µs")
	b.ReportMetric(whole0.Seconds()/whole.Seconds(), "×raw")
}

// scale is how many events the big log has: SHENZHONG_BENCH_EVENTS, 1,000,000
// unless set.
func scale() int {
	if n, err := strconv.Atoi(os.Getenv("SHENZHONG_BENCH_EVENTS")); err == nil && n > 0 {
		return n
	}
	return 1_000_000
}

// bigLog makes a log of n events in streams of ten, quickly: without a sync
// per message, which is not what is measured here.
func bigLog(b *testing.B, dir string, n int) {
	b.Helper()
	s := open(b, config(dir)) // so that the store makes its own stream
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	srv, err := server.NewServer(&server.Options{ServerName: "shenzhong", DontListen: true, JetStream: true, StoreDir: dir + "/nats", NoLog: true, NoSigs: true, MaxPayload: 4 << 20})
	if err != nil {
		b.Fatal(err)
	}
	go srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		b.Fatal("server not ready")
	}
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(20000))
	if err != nil {
		b.Fatal(err)
	}
	streams := max(n/10, 1)
	for i := range n { // round robin: a stream's events lie far apart
		st := events.Stream(fmt.Sprintf("plot-%d", i%streams))
		m, err := natsstore.Message("sz.", st, 0, news(1))
		if err != nil {
			b.Fatal(err)
		}
		m.Header.Del("Nats-Expected-Last-Subject-Sequence")
		if _, err := js.PublishMsgAsync(m); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		b.Fatal("the log is not built")
	}
}

// BenchmarkLoad: cold loads of 10-event streams, each stream met for the first
// time since the start, beside a direct batch get of another such stream. The
// metrics of building, following and verifying the log come with it.
func BenchmarkLoad(b *testing.B) {
	n := scale()
	dir := b.TempDir()
	bigLog(b, dir, n)
	t0 := time.Now()
	s := open(b, config(dir))
	start := time.Since(t0)
	eventstest.LoadAll(b, s, "plot-0") // waits for the index
	index := time.Since(t0) - start
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	t0 = time.Now()
	s = open(b, config(dir))
	eventstest.LoadAll(b, s, "plot-0")
	start = time.Since(t0)
	js := s.JetStream()
	streams := n / 10

	b.Run("Cold", func(b *testing.B) {
		calls := min(max(b.N, 1000), streams/2-1)
		took0, _ := hammer(b, calls, 1, func(_, i int) error {
			ms, err := jetstreamext.GetBatch(context.Background(), js, "sz", 20, jetstreamext.GetBatchSubject(fmt.Sprintf("sz.plot.%d", 1+(i*7919)%(streams/2))))
			if err != nil {
				return err
			}
			got := 0
			for _, err := range ms {
				if err != nil {
					return err
				}
				got++
			}
			if got != 10 {
				return fmt.Errorf("%d messages", got)
			}
			return nil
		})
		b.ResetTimer()
		took, whole := hammer(b, calls, 1, func(_, i int) error {
			got := 0
			for _, err := range s.Load(context.Background(), events.Stream(fmt.Sprintf("plot-%d", streams/2+(i*7919)%(streams/2))), events.NoStream) {
				if err != nil {
					return err
				}
				got++
			}
			if got != 10 {
				return fmt.Errorf("%d events", got)
			}
			return nil
		})
		b.StopTimer()
		b.ReportMetric(float64(whole.Nanoseconds())/float64(calls), "ns/op")
		b.ReportMetric(quantile(took, .5), "p50-µs")
		b.ReportMetric(quantile(took, .99), "p99-µs")
		b.ReportMetric(quantile(took0, .5), "raw-p50-µs")
		b.ReportMetric(quantile(took0, .9), "raw-p90-µs")
		b.ReportMetric(quantile(took0, .99), "raw-p99-µs")
		b.ReportMetric(start.Seconds()*1000, "warm-start-ms")
		b.ReportMetric(float64(n)/index.Seconds(), "indexed/s")
	})
	b.Run("Follow", func(b *testing.B) {
		for range b.N {
			t0 := time.Now()
			got := 0
			for batch, err := range s.Follow(context.Background(), 0, 5000) {
				if err != nil {
					b.Fatal(err)
				}
				if got += len(batch.Events); batch.CaughtUp {
					break
				}
			}
			if got != n {
				b.Fatalf("%d events", got)
			}
			b.ReportMetric(float64(n)/time.Since(t0).Seconds(), "events/s")
			t0 = time.Now()
			c, err := js.OrderedConsumer(context.Background(), "sz", jetstream.OrderedConsumerConfig{})
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{})
			seen := 0
			cc, err := c.Consume(func(jetstream.Msg) {
				if seen++; seen == n {
					close(done)
				}
			}, jetstream.PullMaxMessages(4096))
			if err != nil {
				b.Fatal(err)
			}
			<-done
			cc.Stop()
			b.ReportMetric(float64(n)/time.Since(t0).Seconds(), "raw-events/s")
		}
	})
	b.Run("Verify", func(b *testing.B) {
		for range b.N {
			t0 := time.Now()
			verify(b, s)
			b.ReportMetric(float64(n)/time.Since(t0).Seconds(), "events/s")
		}
	})
}
