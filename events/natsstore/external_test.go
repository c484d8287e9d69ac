package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

// external starts a server as an operator would, from a configuration with a
// system account, listening on a free port of this machine.
func external(t *testing.T, syncInterval string) *server.Server {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "nats-server.conf")
	text := fmt.Sprintf(`
server_name: external
listen: "127.0.0.1:-1"
http: "127.0.0.1:-1"
max_payload: 4MB
jetstream { store_dir: %q, sync_interval: %s }
accounts {
  SYS  { users: [ { user: sys, password: sys } ] }
  CITY { jetstream: enabled, users: [ { user: city, password: city } ] }
}
system_account: SYS
`, t.TempDir(), syncInterval)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	opts.NoLog, opts.NoSigs = true, true
	srv, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("server not ready")
	}
	return srv
}

func as(user, url string) string {
	return strings.Replace(url, "nats://", "nats://"+user+":"+user+"@", 1)
}

func externalConfig(t *testing.T, srv *server.Server) natsstore.Config {
	cfg := config(t.TempDir())
	cfg.URL, cfg.CheckURL = as("city", srv.ClientURL()), as("sys", srv.ClientURL())
	return cfg
}

func TestExternal(t *testing.T) {
	eventstest.Run(t, func(t *testing.T) events.Store {
		return verified(t, open(t, externalConfig(t, external(t, "always"))))
	})
}

func TestAnUnsyncedServerIsRefused(t *testing.T) {
	srv := external(t, "2m")
	for name, check := range map[string]string{"system account": as("sys", srv.ClientURL()), "monitoring port": "http://" + srv.MonitorAddr().String()} {
		for _, trust := range []bool{false, true} { // what can be seen counts more than what is claimed
			cfg := externalConfig(t, srv)
			cfg.CheckURL, cfg.TrustSync = check, trust
			_, err := natsstore.Open(t.Context(), cfg)
			if !errors.Is(err, natsstore.ErrNotSynced) || !strings.Contains(err.Error(), "jetstream { sync_interval: always }") {
				t.Errorf("by %s, trust %v: %v", name, trust, err)
			}
		}
	}
}

func TestAServerThatCannotBeSeenNeedsTrust(t *testing.T) {
	srv := external(t, "always")
	cfg := externalConfig(t, srv)
	cfg.CheckURL = ""
	_, err := natsstore.Open(t.Context(), cfg)
	if !errors.Is(err, natsstore.ErrSyncUnseen) || !strings.Contains(err.Error(), "TrustSync") {
		t.Errorf("unseen: %v", err)
	}
	cfg.TrustSync = true
	open(t, cfg)
	cfg = externalConfig(t, srv)
	cfg.CheckURL = "http://" + srv.MonitorAddr().String()
	open(t, cfg)
}

// TestTwoNodes: each follows the log into an index of its own.
func TestTwoNodes(t *testing.T) {
	srv := external(t, "always")
	a := open(t, externalConfig(t, srv))
	cfg := externalConfig(t, srv)
	cfg.Init = false // the log is there: nothing to make
	b := open(t, cfg)
	rev, pos, err := a.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(2)...)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(1)...); !errors.Is(err, events.ErrConflict) {
		t.Fatalf("the other node: %v", err)
	}
	es := eventstest.LoadAll(t, b, "plot-1") // the conflict promised that it can be seen
	if len(es) != 2 || es[1].Revision != rev || es[1].Position != pos {
		t.Fatalf("the other node sees %d events", len(es))
	}
	if _, _, err := b.Append(t.Context(), "plot-1", rev, eventstest.News(1)...); err != nil {
		t.Fatal(err)
	}
	verify(t, a)
	verify(t, b)
}

// A lossy wire lies between client and server and can swallow the answers.
type wire struct {
	net.Listener
	to      string
	swallow atomic.Bool
	mu      sync.Mutex
	conns   []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			running.Go(func() { w.copy(out, in, false) })
			running.Go(func() { w.copy(in, out, true) })
		}
	})
	t.Cleanup(func() { l.Close(); w.cut(); running.Wait() })
	return w
}

func (w *wire) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if answers && w.swallow.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func TestALostAnswerIsUnknown(t *testing.T) {
	srv := external(t, "always")
	w := newWire(t, srv.Addr().String())
	cfg := externalConfig(t, srv)
	cfg.URL = as("city", "nats://"+w.Addr().String())
	cfg.Timeout = 500 * time.Millisecond
	s := open(t, cfg)
	rev, _, err := s.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(1)...)
	if err != nil {
		t.Fatal(err)
	}

	w.swallow.Store(true)
	lost := eventstest.News(1)
	if _, _, err := s.Append(t.Context(), "plot-1", rev, lost...); !errors.Is(err, events.ErrUnknown) {
		t.Fatalf("a swallowed answer: %v", err)
	}
	w.swallow.Store(false)
	w.cut()

	// The same append again can only lose: the first one was stored.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, _, err = s.Append(ctx, "plot-1", rev, lost...)
		if errors.Is(err, events.ErrConflict) {
			break
		}
		if err == nil || ctx.Err() != nil {
			t.Fatalf("the append again: %v", err)
		}
	}
	if es := eventstest.LoadAll(t, s, "plot-1"); len(es) != 2 || es[1].ID != lost[0].ID {
		t.Errorf("%d events", len(es))
	}
}

func TestNoConnectionStoresNothingAndSaysSo(t *testing.T) {
	srv := external(t, "always")
	w := newWire(t, srv.Addr().String())
	cfg := externalConfig(t, srv)
	cfg.URL = as("city", "nats://"+w.Addr().String())
	cfg.Timeout = 500 * time.Millisecond
	s := open(t, cfg)
	w.Close() // nobody gets through again
	w.cut()
	for end := time.Now().Add(10 * time.Second); s.Conn().Status() == nats.CONNECTED; {
		if time.Now().After(end) {
			t.Fatal("the client does not notice")
		}
	}
	if _, _, err := s.Append(t.Context(), "plot-1", events.NoStream, eventstest.News(1)...); err == nil || errors.Is(err, events.ErrUnknown) || errors.Is(err, events.ErrConflict) {
		t.Errorf("without a connection: %v", err)
	}
}
