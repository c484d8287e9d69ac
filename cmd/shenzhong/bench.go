package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"shenzhong/events"
	"shenzhong/events/natsstore"
	"shenzhong/handlers"
	"shenzhong/projections"
)

// benchCmd measures this machine. Each figure stands beside raw JetStream,
// measured in the same run on the same disk: ratios hold where a shared
// machine's absolute figures do not.
type benchCmd struct {
	// Events is the size of the log for cold loads and rebuilds.
	Events int `default:"1000000" placeholder:"N" help:"Events in the log for cold loads and rebuilds."`
	// Seconds is how long each rate of appends is measured.
	Seconds float64 `default:"3" placeholder:"S" help:"How long each rate of appends is measured."`
	// Dir is where temporary files go: fsync is what is measured, so it matters
	// which disk.
	Dir string `type:"path" placeholder:"DIR" help:"Where temporary files go; the disk matters. Default: the system's temporary directory."`
}

// A figure is one line of the table.
type figure struct {
	what, ours, peer, ratio, note string
}

type bencher struct {
	*benchCmd
	con     *console
	dir     string
	figures []figure
}

func (c *benchCmd) Run(ctx context.Context, con *console) error {
	dir, err := os.MkdirTemp(c.Dir, "shenzhong-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bencher{c, con, dir, nil}
	con.note("%d 个处理器，%s，临时文件在 %s。", "%d processors, %s, temporary files in %s.", runtime.NumCPU(), runtime.Version(), dir)
	err = b.appends(ctx)
	if err == nil && c.Events > 0 {
		err = b.bigLog(ctx)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, con.say("测量\t本程序\t原生 JetStream\t比值\t说明", "measured\tthis program\traw JetStream\tratio\tnote"))
	for _, f := range b.figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.what, f.ours, f.peer, f.ratio, f.note)
	}
	return errors.Join(err, w.Flush())
}

func (b *bencher) figure(what, ours, peer, ratio, note string) {
	b.figures = append(b.figures, figure{what, ours, peer, ratio, note})
	b.con.note("%s：%s（原生 %s，%s）", "%s: %s (raw %s, %s)", what, ours, peer, ratio)
}

// A rawStream is JetStream by itself with the settings of the embedded server.
type rawStream struct {
	srv *server.Server
	nc  *nats.Conn
	js  jetstream.JetStream
}

func openRaw(ctx context.Context, dir string, sync bool) (*rawStream, error) {
	srv, err := server.NewServer(&server.Options{ServerName: "raw", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, SyncAlways: sync, MaxPayload: 4 << 20})
	if err != nil {
		return nil, err
	}
	go srv.Start()
	r := &rawStream{srv: srv}
	if !srv.ReadyForConnections(20 * time.Second) {
		return nil, errors.Join(errors.New("bench: the raw server does not start"), r.close())
	}
	if r.nc, err = nats.Connect("", nats.InProcessServer(srv)); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.js, err = jetstream.New(r.nc, jetstream.WithPublishAsyncMaxPending(10000)); err != nil {
		return nil, errors.Join(err, r.close())
	}
	_, err = r.js.CreateStream(ctx, jetstream.StreamConfig{Name: "raw", Subjects: []string{"raw.>"}, Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true})
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rawStream) close() error {
	if r.nc != nil {
		r.nc.Close()
	}
	r.srv.Shutdown()
	r.srv.WaitForShutdown()
	return nil
}

// benchEvent is an event of some 400 bytes.
func benchEvent() events.New {
	return events.New{ID: uuid.New(), Type: "plot.allocated.v1", Data: fmt.Appendf(nil, `{"pad":"%0380d"}`, 1),
		Occurred: time.Now(), Meta: events.Meta{Actor: "staff-0102", Command: uuid.New()}}
}

// rate calls from so many callers for so long, and answers with calls a second
// and the quantiles of their times.
func rate(ctx context.Context, callers int, seconds float64, call func(ctx context.Context, caller, i int) error) (perSecond float64, p50, p99 time.Duration, err error) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		times []time.Duration
		errs  []error
	)
	began := time.Now()
	until := began.Add(time.Duration(seconds * float64(time.Second)))
	for c := range callers {
		wg.Go(func() {
			var own []time.Duration
			for i := 0; time.Now().Before(until); i++ {
				t := time.Now()
				if err := call(ctx, c, i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
				own = append(own, time.Since(t))
			}
			mu.Lock()
			times = append(times, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(began)
	if len(errs) > 0 {
		return 0, 0, 0, errs[0]
	}
	p50, p99 = quantiles(times)
	return float64(len(times)) / took.Seconds(), p50, p99, nil
}

func quantiles(times []time.Duration) (p50, p99 time.Duration) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

// appends measures durable appends, one event and three, beside publishes that
// are acknowledged one by one, each after its own fsync.
func (b *bencher) appends(ctx context.Context) error {
	raw, err := openRaw(ctx, filepath.Join(b.dir, "raw-sync"), true)
	if err != nil {
		return err
	}
	defer raw.close()
	store, err := natsstore.Open(ctx, natsstore.Config{Dir: filepath.Join(b.dir, "appends"), Init: true})
	if err != nil {
		return err
	}
	defer store.Close()
	one := benchEvent()
	for run, x := range []struct{ callers, events int }{{1, 1}, {16, 1}, {128, 1}, {512, 1}, {1, 3}} {
		peer, peer50, peer99, err := rate(ctx, x.callers, b.Seconds, func(ctx context.Context, c, i int) error {
			m := nats.NewMsg(fmt.Sprintf("raw.%d.%d.%d", run, c, i))
			m.Header.Set("ce-id", one.ID.String())
			m.Header.Set("ce-type", one.Type)
			m.Data = one.Data
			_, err := raw.js.PublishMsg(ctx, m)
			return err
		})
		if err != nil {
			return err
		}
		es := make([]events.New, x.events)
		for i := range es {
			es[i] = benchEvent()
		}
		ours, p50, p99, err := rate(ctx, x.callers, b.Seconds, func(ctx context.Context, c, i int) error {
			_, _, err := store.Append(ctx, events.Stream(fmt.Sprintf("plot-%d.%d.%d", run, c, i)), events.NoStream, es...)
			return err
		})
		if err != nil {
			return err
		}
		what := b.con.say(fmt.Sprintf("落盘追加，%d 个并发，每次 %d 个事件", x.callers, x.events), fmt.Sprintf("durable append, %d callers, %d events each", x.callers, x.events))
		b.figure(what, fmt.Sprintf("%.0f/s p50 %v p99 %v", ours, round(p50), round(p99)), fmt.Sprintf("%.0f/s p50 %v p99 %v", peer, round(peer50), round(peer99)),
			fmt.Sprintf("%.2f×", ours/peer), b.con.say("对照：单条发布，各自落盘", "peer: single publishes, one fsync each"))
	}
	return nil
}

// bigLog measures cold loads and the rebuild of all read models in a log of
// simulated cases.
func (b *bencher) bigLog(ctx context.Context) error {
	began := time.Now()
	keys := events.NewMemoryKeys()
	registry := projections.Registry(keys)
	cfg := natsstore.Config{Dir: filepath.Join(b.dir, "log"), Init: true}
	store, err := natsstore.Open(ctx, cfg)
	if err != nil {
		return err
	}
	n, streams, err := b.build(ctx, store, registry, keys)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	b.con.note("日志建好：%d 个事件，用时 %v。", "The log is built: %d events in %v.", n, time.Since(began).Round(time.Second))

	resetPeak()
	opened := time.Now()
	if store, err = natsstore.Open(ctx, cfg); err != nil {
		return err
	}
	defer store.Close()
	for r, err := range store.Load(ctx, streams[0], events.NoStream) { // waits for the index
		if err != nil {
			return err
		}
		_ = r
	}
	warm := time.Since(opened)

	// Cold: no stream is met twice.
	const loads = 2000
	r := rand.New(rand.NewPCG(3, 4))
	r.Shuffle(len(streams), func(i, j int) { streams[i], streams[j] = streams[j], streams[i] })
	var ours []time.Duration
	read := 0
	for _, st := range streams[:min(loads, len(streams))] {
		t := time.Now()
		for _, err := range store.Load(ctx, st, events.NoStream) {
			if err != nil {
				return err
			}
			read++
		}
		ours = append(ours, time.Since(t))
	}

	// All read models at once, from nothing.
	city := &city{con: b.con, store: store, registry: registry, keys: keys, flags: cityFlags{Data: b.dir, Store: "nats"}, app: handlers.NewApp(store, registry, keys, nil)}
	serving := peakMemory()
	resetPeak()
	used := processorTime()
	t := time.Now()
	if err := city.openModels(ctx, true); err != nil {
		return err
	}
	err = city.runner.WaitCaughtUp(ctx)
	rebuilt := time.Since(t)
	if err := errors.Join(err, city.close()); err != nil {
		return err
	}
	rebuilding, busy := peakMemory(), processorTime()-used

	// The peer comes after, so that its memory is not taken for ours.
	raw, err := openRaw(ctx, filepath.Join(b.dir, "raw-log"), false)
	if err != nil {
		return err
	}
	defer raw.close()
	subjects := max(1, n/10)
	bar := b.con.progress("对照日志", "peer's log", int64(n))
	pad := benchEvent().Data
	for i := range n { // round robin: a stream's messages lie far apart, as cases' events do
		if _, err := raw.js.PublishAsync(fmt.Sprintf("raw.%d", i%subjects), pad); err != nil {
			return err
		}
		bar.add(1)
	}
	select {
	case <-raw.js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	bar.end()

	var peer []time.Duration
	for _, i := range r.Perm(subjects)[:min(loads, subjects)] {
		t := time.Now()
		ms, err := jetstreamext.GetBatch(ctx, raw.js, "raw", 20, jetstreamext.GetBatchSubject(fmt.Sprintf("raw.%d", i)))
		if err != nil {
			return err
		}
		for _, err := range ms {
			if err != nil {
				return err
			}
		}
		peer = append(peer, time.Since(t))
	}
	p50, p99 := quantiles(ours)
	peer50, peer99 := quantiles(peer)
	b.figure(b.con.say(fmt.Sprintf("冷加载一个流，日志 %d 个事件", n), fmt.Sprintf("cold load of one stream among %d events", n)),
		fmt.Sprintf("p50 %v p99 %v", round(p50), round(p99)), fmt.Sprintf("p50 %v p99 %v", round(peer50), round(peer99)), fmt.Sprintf("p99 %.3f×", float64(p99)/float64(peer99)),
		b.con.say(fmt.Sprintf("平均 %.1f 个事件；对照：直接批量读取 10 条", float64(read)/float64(len(ours))), fmt.Sprintf("%.1f events on average; peer: direct batch get of 10", float64(read)/float64(len(ours)))))
	b.figure(b.con.say("启动到可以加载", "start until loads are served"), warm.Round(time.Millisecond).String(), "–", "–", b.con.say("正常停止之后", "after an orderly stop"))

	t = time.Now()
	if err := raw.replay(ctx, n); err != nil {
		return err
	}
	replayed := time.Since(t)
	models := len(city.projections())
	b.figure(b.con.say(fmt.Sprintf("重建全部 %d 个读模型", models), fmt.Sprintf("rebuild of all %d read models", models)),
		fmt.Sprintf("%.0f events/s (%.1f s/M)", float64(n)/rebuilt.Seconds(), rebuilt.Seconds()*1e6/float64(n)),
		fmt.Sprintf("%.0f msgs/s", float64(n)/replayed.Seconds()), fmt.Sprintf("%.2f×", replayed.Seconds()/rebuilt.Seconds()),
		b.con.say(fmt.Sprintf("每个事件占处理器 %.1f µs；对照：有序消费者只读不处理", float64(busy.Microseconds())/float64(n)),
			fmt.Sprintf("%.1f µs of processor time an event; peer: an ordered consumer that only reads", float64(busy.Microseconds())/float64(n))))
	if rebuilding > 0 {
		b.figure(b.con.say("常驻内存峰值", "peak resident memory"), fmt.Sprintf("%d MB, %d MB", serving>>20, rebuilding>>20), "–", "–",
			b.con.say("启动和加载时；重建时，密钥在内存中", "starting and loading; rebuilding, with the keys in memory"))
	}
	return nil
}

// peakMemory is the most bytes that the process had resident since resetPeak, as
// Linux tells it (VmHWM); zero elsewhere.
func peakMemory() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// resetPeak gives back what is free and begins the peak anew, so that what was
// needed to make the log is not counted.
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // elsewhere there is no peak to begin anew
}

// replay reads every message with an ordered consumer.
func (r *rawStream) replay(ctx context.Context, n int) error {
	c, err := r.js.OrderedConsumer(ctx, "raw", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	var seen atomic.Int64
	done := make(chan struct{})
	cc, err := c.Consume(func(jetstream.Msg) {
		if seen.Add(1) == int64(n) {
			close(done)
		}
	}, jetstream.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	defer cc.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eventsPerCase is about what a simulated case comes to.
const eventsPerCase = 44

// build simulates cases until the log has about the wanted number of events.
// What is measured later is reading, so the events are first made in memory and
// then appended stream by stream, not one fsync each. It answers with how many
// there are and with the streams of the cases.
func (b *bencher) build(ctx context.Context, store events.Store, registry *events.Registry, keys events.Keyring) (int, []events.Stream, error) {
	sim, err := newSimulation(simulated{Cases: max(1, b.Events/eventsPerCase), Seed: 1}, time.Now())
	if err != nil {
		return 0, nil, err
	}
	d := &draft{streams: map[events.Stream][]events.Recorded{}}
	if err := sim.begin(ctx, handlers.NewApp(d, registry, keys, nil)); err != nil {
		return 0, nil, err
	}
	bar := b.con.progress("建日志", "building the log", sim.plan.size())
	defer bar.end()
	for _, lanes := range sim.inOrder() {
		if err := sim.runLanes(ctx, bar, lanes, runtime.NumCPU()); err != nil {
			return 0, nil, err
		}
	}
	written, err := d.flush(ctx, store)
	return d.n, slices.DeleteFunc(written, func(st events.Stream) bool { return st.Category() != "case" }), err
}

// A draft is a store in memory whose streams are written out when it is complete.
type draft struct {
	mu      sync.Mutex
	n       int
	streams map[events.Stream][]events.Recorded
}

// Append implements events.Store.
func (d *draft) Append(_ context.Context, st events.Stream, expected events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	have := d.streams[st]
	if at := events.Revision(len(have)); at != expected {
		return 0, 0, &events.ConflictError{Stream: st, Expected: expected, Actual: at}
	}
	for _, e := range es {
		d.n++
		have = append(have, events.Recorded{New: e, Stream: st, Revision: events.Revision(len(have) + 1), Position: events.Position(d.n)})
	}
	d.streams[st] = have
	return events.Revision(len(have)), events.Position(d.n), nil
}

// Load implements events.Store.
func (d *draft) Load(_ context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		d.mu.Lock()
		es := d.streams[st]
		d.mu.Unlock()
		for _, r := range es[min(len(es), int(after)):] {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Follow implements events.Store: everything so far, in one batch. A draw of
// inspections is all that follows a draft, to know the register, so its order is
// made when it is asked for.
func (d *draft) Follow(_ context.Context, after events.Position, _ int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		d.mu.Lock()
		all := make([]events.Recorded, 0, d.n)
		for _, es := range d.streams {
			for _, r := range es {
				if r.Position > after {
					all = append(all, r)
				}
			}
		}
		d.mu.Unlock()
		slices.SortFunc(all, func(a, b events.Recorded) int { return cmp.Compare(a.Position, b.Position) })
		yield(events.Batch{Events: all, CaughtUp: true}, nil)
	}
}

// flush writes everything into the real store, each stream's events together,
// in the order in which the streams began.
func (d *draft) flush(ctx context.Context, to events.Store) ([]events.Stream, error) {
	type piece struct {
		st    events.Stream
		es    []events.New
		first events.Position
	}
	var ps []piece
	for st, all := range d.streams {
		p := piece{st: st, first: all[0].Position}
		for _, r := range all {
			p.es = append(p.es, r.New)
		}
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b piece) int { return int(a.first) - int(b.first) })
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		mu   sync.Mutex
		errs []error
	)
	for range 512 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(ps) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				at := events.NoStream
				for es := range slices.Chunk(ps[i].es, events.MaxAppend) {
					var err error
					if at, _, err = to.Append(ctx, ps[i].st, at, es...); err != nil {
						mu.Lock()
						errs = append(errs, err)
						mu.Unlock()
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var written []events.Stream
	for _, p := range ps {
		written = append(written, p.st)
	}
	return written, ctx.Err()
}
