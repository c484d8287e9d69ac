package natsstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ErrNotSynced reports a server that acknowledges before it writes to disk.
var ErrNotSynced = errors.New("natsstore: the NATS server acknowledges messages before they are on disk")

// ErrSyncUnseen reports a server whose settings this account may not see.
var ErrSyncUnseen = errors.New("natsstore: it cannot be seen whether the NATS server syncs before it acknowledges")

const howToSync = "put the line `jetstream { sync_interval: always }` into the configuration of every server (see deploy/nats-server.conf)"

// embed starts a server inside this process that listens on no port.
func embed(dir string, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "shenzhong", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(dir, "nats"), SyncAlways: true,
		JetStreamMaxMemory: 64 << 20, // nothing of ours is kept in memory
		MaxPayload:         maxPayload, MaxPending: 256 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("natsstore: embedded server: %w", err)
	}
	fatal := make(chan string, 1)
	srv.SetLoggerV2(serverLog{log.With("component", "nats-server"), fatal}, false, false, false)
	go srv.Start()
	for t0 := time.Now(); !srv.ReadyForConnections(100 * time.Millisecond); {
		why := ""
		select {
		case why = <-fatal:
		default:
			if time.Since(t0) > 5*time.Minute {
				why = "it is not ready after five minutes"
			}
		}
		if why != "" {
			srv.Shutdown()
			return nil, fmt.Errorf("natsstore: the embedded server does not start on %s: %s", filepath.Join(dir, "nats"), why)
		}
	}
	if !srv.JetStreamEnabled() {
		srv.Shutdown()
		return nil, fmt.Errorf("natsstore: the embedded server cannot use %s", filepath.Join(dir, "nats"))
	}
	return srv, nil
}

// maxPayload leaves room round events.MaxAppendBytes for envelopes and base64.
const maxPayload = 4 << 20

// serverLog passes the server's log on. Its notices are details to us.
type serverLog struct {
	*slog.Logger
	fatal chan<- string
}

func (l serverLog) Noticef(f string, v ...any) { l.Debug(fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.Warn(fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.Error(fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(f string, v ...any)  { l.Debug(fmt.Sprintf(f, v...)) }
func (l serverLog) Tracef(f string, v ...any)  { l.Debug(fmt.Sprintf(f, v...)) }

// Fatalf is the server giving up. It would end the process if we let it.
func (l serverLog) Fatalf(f string, v ...any) {
	l.Error(fmt.Sprintf(f, v...))
	select {
	case l.fatal <- fmt.Sprintf(f, v...):
	default:
	}
}

// varz is the part of a server's settings that matters here.
type varz struct {
	Name      string `json:"server_name"`
	JetStream struct {
		Config *struct {
			SyncAlways   bool          `json:"sync_always"`
			SyncInterval time.Duration `json:"sync_interval"`
		} `json:"config"`
	} `json:"jetstream"`
}

// checkSync refuses an external server that can be seen not to sync before it
// acknowledges, and, unless trusted, one that cannot be seen into. An ordinary
// account may not ask for settings; what may is the system account
// ($SYS.REQ.SERVER.PING.VARZ) and the monitoring port (/varz).
func checkSync(ctx context.Context, nc *nats.Conn, cfg Config) error {
	seen, err := settings(ctx, nc, cfg)
	if err != nil && !cfg.TrustSync {
		return err
	}
	known := 0
	for _, v := range seen {
		if v.JetStream.Config == nil {
			continue // a server of the cluster that stores nothing
		}
		known++
		if !v.JetStream.Config.SyncAlways {
			return fmt.Errorf("%w: server %s syncs every %s; a power loss takes what it promised: %s", ErrNotSynced, v.Name, v.JetStream.Config.SyncInterval, howToSync)
		}
	}
	if known == 0 && !cfg.TrustSync {
		return fmt.Errorf("%w: %s; then either name a place where the settings can be read (Config.CheckURL: a nats:// URL of the system account, or the http:// monitoring address), or say that you know better (Config.TrustSync)", ErrSyncUnseen, howToSync)
	}
	return nil
}

func settings(ctx context.Context, nc *nats.Conn, cfg Config) ([]varz, error) {
	switch {
	case strings.HasPrefix(cfg.CheckURL, "http://"), strings.HasPrefix(cfg.CheckURL, "https://"):
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(strings.TrimRight(cfg.CheckURL, "/"), "/varz")+"/varz", nil)
		if err != nil {
			return nil, fmt.Errorf("natsstore: read the server's settings: %w", err)
		}
		resp, err := (&http.Client{Timeout: cfg.Timeout}).Do(req)
		if err != nil {
			return nil, fmt.Errorf("natsstore: read the server's settings: %w", err)
		}
		defer resp.Body.Close()
		var v varz
		if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&v); err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("natsstore: read the server's settings at %s: %s %v", req.URL, resp.Status, err)
		}
		return []varz{v}, nil
	case cfg.CheckURL != "":
		sys, err := nats.Connect(cfg.CheckURL, append(options(cfg), nats.MaxReconnects(0))...)
		if err != nil {
			return nil, fmt.Errorf("natsstore: connect to the system account: %w", err)
		}
		defer sys.Close()
		nc = sys
	}
	return ping(ctx, nc)
}

// ping asks every server of the cluster. No answer is no error: an ordinary
// account gets none.
func ping(ctx context.Context, nc *nats.Conn) ([]varz, error) {
	in := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(in)
	if err != nil {
		return nil, fmt.Errorf("natsstore: read the server's settings: %w", err)
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest("$SYS.REQ.SERVER.PING.VARZ", in, nil); err != nil {
		return nil, fmt.Errorf("natsstore: read the server's settings: %w", err)
	}
	var out []varz
	for wait := time.Second; ; wait = 300 * time.Millisecond {
		ctx, cancel := context.WithTimeout(ctx, wait)
		m, err := sub.NextMsgWithContext(ctx)
		cancel()
		if err != nil {
			return out, nil
		}
		var a struct {
			Data varz `json:"data"`
		}
		if json.Unmarshal(m.Data, &a) == nil && a.Data.Name != "" {
			out = append(out, a.Data)
		}
	}
}

func options(cfg Config) []nats.Option {
	return append([]nats.Option{nats.Name("shenzhong"), nats.Timeout(cfg.Timeout)}, cfg.Options...)
}

// connect opens the connection of an external server. While it is broken
// publishes fail at once: nothing is kept back and sent later.
func connect(cfg Config) (*nats.Conn, error) {
	nc, err := nats.Connect(cfg.URL, append(options(cfg), nats.MaxReconnects(-1), nats.ReconnectWait(250*time.Millisecond), nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				cfg.Logger.Warn("connection to NATS lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { cfg.Logger.Info("connection to NATS is back") }))...)
	if err != nil {
		return nil, fmt.Errorf("natsstore: connect: %w", err)
	}
	return nc, nil
}
