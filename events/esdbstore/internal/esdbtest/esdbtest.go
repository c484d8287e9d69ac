// Package esdbtest is an EventStoreDB for tests: nodes that speak the server's
// gRPC protocol over one log in memory. Its rules are those of the real server
// (23.10 to 25.0), as far as the store uses them.
//
// It has no ACLs, no replication lag, no scavenging and no disk: what depends
// on those must be seen on a real server.
package esdbtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Options shape a cluster. The zero value is a 23.10 without TLS.
type Options struct {
	Version       string // default "23.10.2"
	MaxAppendSize int    // default 1 MiB
	NoCaughtUp    bool   // as servers before 23.10
	TLS           *tls.Config
	Authorization string // what every call must carry, if set
}

// A Cluster is some nodes over one log.
type Cluster struct {
	Nodes []*Node

	opts Options
	log  *log

	mu     sync.Mutex
	leader int // -1 during an election
	before func(*Node, string) error
	after  func(*Node, string) error
	seen   []Call
	sizes  map[int]int
}

// A Call is a call as a node received it.
type Call struct {
	Node           int
	Method         string
	RequiresLeader bool
	Authorization  string
}

// A Node is one server of a cluster.
type Node struct {
	pb.UnimplementedStreamsServer
	c    *Cluster
	i    int
	addr string

	mu       sync.Mutex
	server   *grpc.Server // nil while killed
	served   chan struct{}
	deafened int
}

// Start starts n nodes on 127.0.0.1. The first one leads.
func Start(t testing.TB, n int, opts Options) *Cluster {
	t.Helper()
	if opts.Version == "" {
		opts.Version = "23.10.2"
	}
	if opts.MaxAppendSize == 0 {
		opts.MaxAppendSize = 1 << 20
	}
	c := &Cluster{opts: opts, log: newLog(), sizes: map[int]int{}}
	for i := range n {
		node := &Node{c: c, i: i, addr: "127.0.0.1:0"}
		c.Nodes = append(c.Nodes, node)
		if err := node.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(node.Kill)
	}
	return c
}

// ConnString is a connection string to all nodes.
func (c *Cluster) ConnString() string {
	var addrs []string
	for _, n := range c.Nodes {
		addrs = append(addrs, n.addr)
	}
	s := "esdb://" + strings.Join(addrs, ",") + "?discoveryInterval=20&gossipTimeout=2"
	if c.opts.TLS == nil {
		s += "&tls=false"
	}
	return s
}

// Elect makes node i the leader; -1: there is none for now.
func (c *Cluster) Elect(i int) {
	c.mu.Lock()
	c.leader = i
	c.mu.Unlock()
}

// Before has f called before a call is looked at; an error is the call's
// answer. nil takes it away.
func (c *Cluster) Before(f func(n *Node, method string) error) {
	c.mu.Lock()
	c.before = f
	c.mu.Unlock()
}

// After has f called when an append was committed; an error takes the place of
// its acknowledgement.
func (c *Cluster) After(f func(n *Node, method string) error) {
	c.mu.Lock()
	c.after = f
	c.mu.Unlock()
}

// Calls lists the calls received so far.
func (c *Cluster) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Sizes counts the appends that arrived whole, as the server sees it, by their
// number of events.
func (c *Cluster) Sizes() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.sizes)
}

// Put writes an event as another program would.
func (c *Cluster) Put(stream, typ string, custom, data []byte) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.log.append(stream, []*pb.AppendReq_ProposedMessage{{Metadata: map[string]string{"type": typ, "content-type": "application/json"}, CustomMetadata: custom, Data: data}}, []uuid.UUID{uuid.New()})
}

// Delete deletes a stream, softly or for ever.
func (c *Cluster) Delete(stream string, forever bool) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	h := c.log.stream(stream)
	h.deleted, h.tombstoned = !forever, forever
	c.log.system("$$" + stream)
}

// Count is how many events the stream holds.
func (c *Cluster) Count(stream string) int {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return len(c.log.stream(stream).records)
}

// Custom is the custom metadata of an event.
func (c *Cluster) Custom(stream string, revision int) []byte {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return c.log.stream(stream).records[revision].custom
}

// Split makes an event's prepare position differ from its commit position, as
// transactions of old did. It touches the last event of the log.
func (c *Cluster) Split() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.log.all[len(c.log.all)-1].meta["split"] = "yes"
}

// Addr is where the node listens.
func (n *Node) Addr() string { return n.addr }

// Index is the node's number.
func (n *Node) Index() int { return n.i }

// Deafen keeps the subscriptions that the node has now from seeing anything
// new, without a word, as when it is cut off from its cluster.
func (n *Node) Deafen() {
	n.mu.Lock()
	n.deafened++
	n.mu.Unlock()
}

func (n *Node) start() error {
	ln, err := net.Listen("tcp", n.addr)
	if err != nil {
		return err
	}
	opts := []grpc.ServerOption{
		grpc.MaxConcurrentStreams(100), // Kestrel's default
		grpc.MaxRecvMsgSize(16 << 20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
			if err := n.enter(ctx, info.FullMethod); err != nil {
				return nil, err
			}
			return h(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) error {
			if err := n.enter(s.Context(), info.FullMethod); err != nil {
				return err
			}
			if err := n.leads(s); err != nil {
				return err
			}
			return h(srv, s)
		}),
	}
	if n.c.opts.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(n.c.opts.TLS)))
	}
	s := grpc.NewServer(opts...)
	pb.RegisterStreamsServer(s, n)
	gossip.RegisterGossipServer(s, gossiper{n: n})
	serverfeatures.RegisterServerFeaturesServer(s, features{n: n})
	served := make(chan struct{})
	n.mu.Lock()
	n.addr, n.server, n.served = ln.Addr().String(), s, served
	n.mu.Unlock()
	go func() {
		defer close(served)
		s.Serve(ln)
	}()
	return nil
}

// Kill ends the node at once, with all calls under way.
func (n *Node) Kill() {
	n.mu.Lock()
	s, served := n.server, n.served
	n.server = nil
	n.mu.Unlock()
	if s != nil {
		s.Stop()
		<-served
	}
}

// Drain tells the clients to go and ends the node when their calls are done.
func (n *Node) Drain() {
	n.mu.Lock()
	s, served := n.server, n.served
	n.server = nil
	n.mu.Unlock()
	if s != nil {
		s.GracefulStop()
		<-served
	}
}

// Restart starts a killed node again, on the same port.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	var err error
	for range 100 { // the port may still be on its way out
		if err = n.start(); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(err)
}

func (n *Node) alive() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.server != nil
}

// enter notes the call, checks its user and lets Before have its way.
func (n *Node) enter(ctx context.Context, full string) error {
	method := full[strings.LastIndexByte(full, '/')+1:]
	md, _ := metadata.FromIncomingContext(ctx)
	call := Call{Node: n.i, Method: method, RequiresLeader: slices.Contains(md.Get("requires-leader"), "true"), Authorization: strings.Join(md.Get("authorization"), ",")}
	n.c.mu.Lock()
	n.c.seen = append(n.c.seen, call)
	before := n.c.before
	n.c.mu.Unlock()
	if want := n.c.opts.Authorization; want != "" && call.Authorization != want {
		return status.Error(codes.Unauthenticated, "authentication failed")
	}
	if before != nil {
		return before(n, method)
	}
	return nil
}

// leads refuses what asks for the leader when the node is not it. Other calls
// are served: reads locally, writes as if forwarded.
func (n *Node) leads(s grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(s.Context())
	n.c.mu.Lock()
	leader := n.c.leader
	n.c.mu.Unlock()
	if leader == n.i || !slices.Contains(md.Get("requires-leader"), "true") {
		return nil
	}
	if leader < 0 {
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	}
	host, port, err := net.SplitHostPort(n.c.Nodes[leader].addr)
	if err != nil {
		return err
	}
	s.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
	return status.Errorf(codes.NotFound, "Leader info available")
}

type gossiper struct {
	gossip.UnimplementedGossipServer
	n *Node
}

func (g gossiper) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	c := g.n.c
	c.mu.Lock()
	leader := c.leader
	c.mu.Unlock()
	info := &gossip.ClusterInfo{}
	for i, n := range c.Nodes {
		host, port, err := net.SplitHostPort(n.addr)
		if err != nil {
			return nil, err
		}
		m := &gossip.MemberInfo{State: gossip.MemberInfo_Follower, IsAlive: n.alive(), HttpEndPoint: &gossip.EndPoint{Address: host}}
		fmt.Sscan(port, &m.HttpEndPoint.Port)
		switch leader {
		case i:
			m.State = gossip.MemberInfo_Leader
		case -1:
			m.State = gossip.MemberInfo_Unknown
		}
		info.Members = append(info.Members, m)
	}
	return info, nil
}

type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
	n *Node
}

func (f features) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: f.n.c.opts.Version, Methods: []*serverfeatures.SupportedMethod{
		{ServiceName: "event_store.client.streams.streams", MethodName: "append"},
		{ServiceName: "event_store.client.streams.streams", MethodName: "read"},
	}}, nil
}
