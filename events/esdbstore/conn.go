package esdbstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ErrClosed reports a call on a closed store.
var ErrClosed = errors.New("esdbstore: store is closed")

// A cluster finds the leader and keeps the connections to it. The generated
// client has a connection of its own, but that one strands its callers during
// an outage and is closed for good after a second of it.
type cluster struct {
	set  settings
	opts []grpc.DialOption
	ctx  context.Context // done when closed
	stop context.CancelFunc

	mu      sync.Mutex
	cur     *node          // nil while nobody knows who leads
	nodes   map[*node]bool // cur, and dropped ones that still have users
	finding chan struct{}  // closed when the discovery under way ends
	known   []string       // addresses that gossip has told of
	closed  bool
}

// A node is the leader as far as we know. Subscriptions have a connection of
// their own: a server allows about a hundred calls at a time on one, and
// subscriptions never end.
type node struct {
	addr        string
	calls, subs *grpc.ClientConn
	ctx         context.Context // done when the node is no longer taken for the leader
	leave       context.CancelFunc
	users       int // under cluster.mu; the last one to leave a dropped node closes it
}

type basicAuth string

func (a basicAuth) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(a)}, nil
}

// RequireTransportSecurity keeps the password off plain connections.
func (basicAuth) RequireTransportSecurity() bool { return true }

func newCluster(set settings) (*cluster, error) {
	conf, err := set.tls()
	if err != nil {
		return nil, err
	}
	c := &cluster{set: set, nodes: map[*node]bool{}}
	c.opts = []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(17 << 20)), // a server sends at most 16 MiB
		grpc.WithInitialWindowSize(1 << 20),
		grpc.WithInitialConnWindowSize(4 << 20),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: .2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
	}
	if set.keepAlive > 0 {
		p := keepalive.ClientParameters{Time: set.keepAlive, PermitWithoutStream: true}
		if set.keepAliveTimeout > 0 {
			p.Timeout = set.keepAliveTimeout
		}
		c.opts = append(c.opts, grpc.WithKeepaliveParams(p))
	}
	if conf != nil {
		c.opts = append(c.opts, grpc.WithTransportCredentials(credentials.NewTLS(conf)))
		if set.user != "" {
			c.opts = append(c.opts, grpc.WithPerRPCCredentials(basicAuth("Basic "+
				base64.StdEncoding.EncodeToString([]byte(set.user+":"+set.password)))))
		}
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

func (c *cluster) dial(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+addr, c.opts...)
}

// connect makes the connections to addr; nothing is sent yet. c.mu is held.
func (c *cluster) connect(addr string) (*node, error) {
	calls, err := c.dial(addr)
	if err != nil {
		return nil, err
	}
	subs, err := c.dial(addr)
	if err != nil {
		calls.Close()
		return nil, err
	}
	n := &node{addr: addr, calls: calls, subs: subs}
	n.ctx, n.leave = context.WithCancel(context.Background())
	c.nodes[n] = true
	return n, nil
}

// disconnect ends whatever is under way on n. c.mu is held.
func (c *cluster) disconnect(n *node) {
	delete(c.nodes, n)
	n.leave()
	n.calls.Close()
	n.subs.Close()
}

// acquire gives the present leader; waiting for discovery ends with ctx. The
// caller must release it.
func (c *cluster) acquire(ctx context.Context) (*node, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, ErrClosed
		}
		if n := c.cur; n != nil {
			n.users++
			c.mu.Unlock()
			return n, nil
		}
		if w := c.finding; w != nil {
			c.mu.Unlock()
			select {
			case <-w:
			case <-ctx.Done():
			}
			continue
		}
		w := make(chan struct{})
		c.finding = w
		c.mu.Unlock()

		addr, err := c.discover(ctx)

		c.mu.Lock()
		c.finding = nil
		close(w)
		if err == nil && !c.closed {
			c.cur, err = c.connect(addr)
		}
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// replace puts n, which may be nil, in the present node's place. c.mu is held.
func (c *cluster) replace(n *node) {
	if old := c.cur; old != nil {
		old.leave() // its subscriptions end and start again on the new leader
		if old.users == 0 {
			c.disconnect(old)
		}
	}
	c.cur = n
}

func (c *cluster) release(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.users--; n.users == 0 && c.cur != n && c.nodes[n] {
		c.disconnect(n)
	}
}

// drop forgets n, which cannot be the leader any more; addr, if any, is where
// the leader is now.
func (c *cluster) drop(n *node, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || c.cur != n:
		return // somebody else already did
	case addr == n.addr:
		return // it says that it is the leader after all
	case addr == "" && !c.set.gossip && n.addr == c.set.seeds[0]:
		return // the only server there is; grpc connects to it again by itself
	case addr == "":
		c.replace(nil)
		return
	}
	next, err := c.connect(addr)
	if err != nil {
		next = nil // discovery will tell
	}
	c.replace(next)
}

func (c *cluster) close() {
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.cur = true, nil
	for n := range c.nodes {
		c.disconnect(n)
	}
}

// discover finds the leader's address. It tries until ctx is done.
func (c *cluster) discover(ctx context.Context) (string, error) {
	if !c.set.gossip {
		return c.set.seeds[0], nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	pause := c.set.discoveryInterval
	last := errors.New("no node answers")
	for {
		addr, err := c.ask(ctx)
		if addr != "" {
			return addr, nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, max(time.Second, c.set.discoveryInterval))
		case <-ctx.Done():
			if c.ctx.Err() != nil {
				return "", ErrClosed
			}
			return "", fmt.Errorf("no leader found: %w (%w)", ctx.Err(), last)
		}
	}
}

// ask asks every node we have heard of who leads, all at once, and believes
// the first that knows. A node that is wrong costs one refused call. No address
// and no error: nobody answered in time.
func (c *cluster) ask(ctx context.Context) (string, error) {
	c.mu.Lock()
	addrs := slices.Clone(c.set.seeds)
	for _, a := range c.known {
		if !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.set.gossipTimeout)
	type answer struct {
		info *gossip.ClusterInfo
		err  error
	}
	answers := make(chan answer)
	var wg sync.WaitGroup
	for _, a := range addrs {
		wg.Go(func() {
			info, err := c.gossip(ctx, a)
			select {
			case answers <- answer{info, err}:
			case <-ctx.Done():
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	var failure error
	for range addrs {
		select {
		case a := <-answers:
			if a.err != nil {
				failure = a.err
			} else if leader := c.learn(a.info); leader != "" {
				return leader, nil
			} else {
				failure = errors.New("no node calls itself the leader")
			}
		case <-ctx.Done():
			return "", failure
		}
	}
	return "", failure
}

func (c *cluster) gossip(ctx context.Context, addr string) (*gossip.ClusterInfo, error) {
	cc, err := c.dial(addr)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	return gossip.NewGossipClient(cc).Read(ctx, &shared.Empty{})
}

// learn remembers the members of a cluster and gives its leader's address.
func (c *cluster) learn(info *gossip.ClusterInfo) (leader string) {
	var known []string
	for _, m := range info.GetMembers() {
		e := m.GetHttpEndPoint()
		if e.GetAddress() == "" || !m.GetIsAlive() {
			continue
		}
		addr := net.JoinHostPort(e.GetAddress(), strconv.FormatUint(uint64(e.GetPort()), 10))
		known = append(known, addr)
		if m.GetState() == gossip.MemberInfo_Leader {
			leader = addr
		}
	}
	c.mu.Lock()
	c.known = known
	c.mu.Unlock()
	return leader
}

// again is a failure after which the same call may be made once more: it was
// not done, or doing it twice is the same.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// do calls f with the leader until f says anything but again, or ctx is done.
// Elections and restarts so cost a caller time and no error, within his context
// and the default deadline.
func (c *cluster) do(ctx context.Context, f func(context.Context, *node) error) error {
	pause := 10 * time.Millisecond
	var last error
	for {
		n, err := c.acquire(ctx)
		if err == nil {
			err = f(ctx, n)
			c.release(n)
		}
		if err == nil {
			return nil
		}
		a, ok := errors.AsType[again](err)
		if !ok {
			if last != nil && ctx.Err() != nil {
				return fmt.Errorf("%w (%w)", err, last)
			}
			return err
		}
		last = a.error
		select {
		case <-time.After(pause):
			pause = min(2*pause, 250*time.Millisecond)
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", ctx.Err(), last)
		case <-c.ctx.Done():
			return ErrClosed
		}
	}
}

// moved acts on what an error tells about the leader. It reports whether the
// node refused to do the call, because it does not lead or cannot yet.
func (c *cluster) moved(n *node, trailer metadata.MD, err error) bool {
	if exception(trailer) == "not-leader" {
		addr := ""
		if host, port := first(trailer, "leader-endpoint-host"), first(trailer, "leader-endpoint-port"); host != "" && port != "" {
			addr = net.JoinHostPort(host, port)
		}
		c.drop(n, addr)
		return true
	}
	// The server's words for a request that it has not begun to handle: the
	// node is starting or between leaders, or has too much to do.
	switch status.Convert(err).Message() {
	case "Server Is Not Ready", "Server Is Too Busy", "No leader info available in response":
		c.drop(n, "")
		return true
	}
	if status.Code(err) == codes.Unavailable {
		c.drop(n, "")
	}
	return false
}

// ended is err, which a call failed with, as a context error if that is what it
// is: a call may notice its deadline before its context does.
func ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case status.Code(err) == codes.DeadlineExceeded:
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}

// exception is the server's own name for an error.
func exception(trailer metadata.MD) string { return first(trailer, "exception") }

func first(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// leader asks the server to refuse the call if it is not the leader: a
// follower would serve reads that lag behind.
func leader(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
}
