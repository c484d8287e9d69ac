package natsstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

// deployed parses the configuration that operators get.
func deployed(t *testing.T, name, routes string) *server.Options {
	t.Helper()
	for k, v := range map[string]string{"NATS_NAME": name, "NATS_STORE": fmt.Sprintf("%q", t.TempDir()), "NATS_ROUTES": routes,
		"NATS_CITY_PASSWORD": "city", "NATS_SYSTEM_PASSWORD": "sys", "NATS_ROUTE_PASSWORD": "route"} {
		t.Setenv(k, v)
	}
	opts, err := server.ProcessConfigFile(filepath.Join("..", "..", "deploy", "nats-server.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func TestTheDeployedConfigurationKeepsItsPromises(t *testing.T) {
	opts := deployed(t, "nats-1", `["nats://nats-1:6222", "nats://nats-2:6222", "nats://nats-3:6222"]`)
	if !opts.JetStream || !opts.SyncAlways {
		t.Error("it does not sync before it acknowledges")
	}
	if opts.MaxPayload < events.MaxAppendBytes*4/3+200*1024 {
		t.Errorf("max_payload %d is too small for the largest append", opts.MaxPayload)
	}
	if len(opts.Routes) != 3 || opts.Cluster.Name == "" || opts.SystemAccount != "SYS" || opts.ServerName != "nats-1" {
		t.Errorf("cluster %q of %d routes, system account %q, name %q", opts.Cluster.Name, len(opts.Routes), opts.SystemAccount, opts.ServerName)
	}
}

// cluster starts three servers of the deployed configuration on free ports.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	ports := make([]int, 3)
	var routes []string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all three are different
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, fmt.Sprintf("%q", fmt.Sprintf("nats://route:route@127.0.0.1:%d", ports[i])))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var all []*server.Server
	for i, port := range ports {
		opts := deployed(t, fmt.Sprintf("nats-%d", i+1), "["+strings.Join(routes, ", ")+"]")
		opts.Host, opts.Port, opts.HTTPPort = "127.0.0.1", -1, 0
		opts.Cluster.Host, opts.Cluster.Port = "127.0.0.1", port
		opts.NoLog, opts.NoSigs = true, true
		srv, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		go srv.Start()
		t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
		all = append(all, srv)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ready := 0
		for _, srv := range all {
			if srv.ReadyForConnections(time.Second) && srv.JetStreamIsCurrent() && srv.NumRoutes() > 0 {
				ready++
			}
		}
		// A leader places no stream on a server whose state it has not been told yet.
		if ready == 3 && slices.ContainsFunc(all, func(srv *server.Server) bool { return len(srv.JetStreamClusterPeers()) == 3 }) {
			return all
		}
		if time.Now().After(end) {
			t.Fatal("no cluster")
		}
	}
}

func clusterConfig(t *testing.T, all []*server.Server, name string) natsstore.Config {
	cfg := config(t.TempDir())
	var urls []string
	for _, srv := range all {
		urls = append(urls, as("city", srv.ClientURL()))
	}
	cfg.URL = strings.Join(urls, ",")
	cfg.CheckURL = strings.NewReplacer("nats://", "nats://system:sys@").Replace(all[0].ClientURL())
	cfg.Name, cfg.Replicas = name, 3
	return cfg
}

// TestCluster: the contract on three servers, one of which goes away in the
// end.
func TestCluster(t *testing.T) {
	all := cluster(t)
	n := 0
	t.Run("Contract", func(t *testing.T) {
		eventstest.Run(t, func(t *testing.T) events.Store {
			n++
			return verified(t, open(t, clusterConfig(t, all, fmt.Sprintf("sz%d", n))))
		})
	})
	t.Run("TheLeaderGoes", func(t *testing.T) {
		cfg := clusterConfig(t, all, "gone")
		cfg.Timeout = 2 * time.Second
		s := open(t, cfg)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		stream, err := s.JetStream().Stream(ctx, "gone")
		if err != nil {
			t.Fatal(err)
		}
		leader := stream.CachedInfo().Cluster.Leader
		var mu sync.Mutex
		acknowledged := map[uuid.UUID]bool{}
		after := make(chan struct{})
		var once sync.Once
		down := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 40 {
			wg.Go(func() {
				for i := 0; ; i++ {
					st, es := events.Stream(fmt.Sprintf("plot-%d.%d", w, i)), eventstest.News(1)
					_, _, err := s.Append(ctx, st, events.NoStream, es...)
					switch {
					case err == nil:
						mu.Lock()
						acknowledged[es[0].ID] = true
						n := len(acknowledged)
						mu.Unlock()
						if n >= 200 {
							once.Do(func() { close(after) })
						}
					case errors.Is(err, events.ErrConflict):
						t.Errorf("%s: %v", st, err)
						return
					case ctx.Err() != nil:
						t.Error("the cluster did not come back")
						return
					}
					select {
					case <-down: // and once more with two servers
						if err == nil {
							return
						}
					default:
					}
				}
			})
		}
		<-after
		for _, srv := range all {
			if srv.Name() == leader {
				srv.Shutdown()
				srv.WaitForShutdown()
			}
		}
		close(down)
		wg.Wait()
		found := map[uuid.UUID]bool{}
		for _, r := range eventstest.FollowAll(t, s, 0) {
			found[r.ID] = true
		}
		for id := range acknowledged {
			if !found[id] {
				t.Errorf("event %s was acknowledged and is missing", id)
			}
		}
		verify(t, s)
	})
}
