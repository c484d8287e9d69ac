package esdbstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings is a connection string, read.
type settings struct {
	seeds  []string // host:port
	gossip bool     // ask the seeds who leads; otherwise the one seed is the server

	user, password string // sent with every call, over TLS only

	insecure          bool
	noVerify          bool // tlsVerifyCert=false
	caFile            string
	certFile, keyFile string

	discoveryInterval time.Duration
	gossipTimeout     time.Duration
	deadline          time.Duration
	keepAlive         time.Duration // negative: off
	keepAliveTimeout  time.Duration
}

// parse reads a connection string:
//
//	esdb://[user:password@]host[:port][,host[:port]...][/][?option=value&...]
//	esdb+discover://[user:password@]name[:port][?...]
//
// One host is that very server; several hosts, or +discover, are asked who
// leads the cluster. kurrentdb:// is the same as esdb://. Options, in any case:
// tls, tlsVerifyCert, tlsCaFile, userCertFile, userKeyFile, discoveryInterval
// (ms), gossipTimeout (s), keepAliveInterval and keepAliveTimeout (ms, -1 is
// off), defaultDeadline (ms), nodePreference (leader only: Load must see what
// Append acknowledged) and maxDiscoverAttempts, which is read but has no
// effect, because discovery goes on until the caller's context ends.
//
// An option that is not known is refused rather than passed over. No error
// repeats the string: it may hold a password.
func parse(s string) (settings, error) {
	set := settings{
		discoveryInterval: 100 * time.Millisecond,
		gossipTimeout:     5 * time.Second,
		deadline:          10 * time.Second,
		keepAlive:         10 * time.Second,
		keepAliveTimeout:  10 * time.Second,
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return set, errors.New("esdbstore: a connection string begins with esdb:// or esdb+discover://")
	}
	switch strings.ToLower(scheme) {
	case "esdb", "kurrentdb":
	case "esdb+discover", "kurrentdb+discover":
		set.gossip = true
	default:
		return set, errors.New("esdbstore: a connection string begins with esdb:// or esdb+discover://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts := rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		hosts = rest[i+1:]
		user, password, _ := strings.Cut(rest[:i], ":")
		var err1, err2 error
		set.user, err1 = url.PathUnescape(user)
		set.password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return set, errors.New("esdbstore: the user or password in the connection string is not URL-encoded")
		}
		if set.user == "" {
			return set, errors.New("esdbstore: the connection string has credentials without a user")
		}
	}
	hosts = strings.TrimSuffix(hosts, "/")
	if strings.Contains(hosts, "/") {
		return set, errors.New("esdbstore: a connection string has no path")
	}
	for h := range strings.SplitSeq(hosts, ",") {
		addr, err := hostPort(h)
		if err != nil {
			return set, err
		}
		set.seeds = append(set.seeds, addr)
	}
	set.gossip = set.gossip || len(set.seeds) > 1
	if err := set.options(query); err != nil {
		return set, err
	}
	if (set.certFile == "") != (set.keyFile == "") {
		return set, errors.New("esdbstore: userCertFile and userKeyFile go together")
	}
	return set, nil
}

func hostPort(h string) (string, error) {
	if h == "" {
		return "", errors.New("esdbstore: the connection string has an empty host")
	}
	host, port, err := net.SplitHostPort(h)
	if err != nil { // no port
		host, port = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]"), "2113"
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("esdbstore: %q is not a host", h)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return "", fmt.Errorf("esdbstore: %q is not a host and port", h)
	}
	return net.JoinHostPort(host, port), nil
}

func (set *settings) options(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("esdbstore: the options of the connection string are not URL-encoded")
	}
	for name, vs := range values {
		if len(vs) > 1 {
			return fmt.Errorf("esdbstore: option %s is given twice", name)
		}
		if err := set.option(name, vs[0]); err != nil {
			return err
		}
	}
	return nil
}

func (set *settings) option(name, v string) error {
	yes := func(to *bool, when bool) error {
		b, err := strconv.ParseBool(strings.ToLower(v))
		if err != nil {
			return fmt.Errorf("esdbstore: option %s is true or false", name)
		}
		*to = b == when
		return nil
	}
	span := func(to *time.Duration, unit time.Duration, off bool) error {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 1 && (!off || n != -1) {
			return fmt.Errorf("esdbstore: option %s is a positive whole number", name)
		}
		*to = time.Duration(n) * unit
		return nil
	}
	switch strings.ToLower(name) {
	case "tls":
		return yes(&set.insecure, false)
	case "tlsverifycert":
		return yes(&set.noVerify, false)
	case "tlscafile":
		set.caFile = v
	case "usercertfile":
		set.certFile = v
	case "userkeyfile":
		set.keyFile = v
	case "discoveryinterval":
		return span(&set.discoveryInterval, time.Millisecond, false)
	case "gossiptimeout":
		return span(&set.gossipTimeout, time.Second, false)
	case "defaultdeadline":
		return span(&set.deadline, time.Millisecond, false)
	case "keepaliveinterval":
		return span(&set.keepAlive, time.Millisecond, true)
	case "keepalivetimeout":
		return span(&set.keepAliveTimeout, time.Millisecond, true)
	case "maxdiscoverattempts":
		var unused time.Duration
		return span(&unused, 1, false)
	case "nodepreference":
		if !strings.EqualFold(v, "leader") {
			return errors.New("esdbstore: nodePreference can only be leader: a load sees what an append has acknowledged")
		}
	default:
		return fmt.Errorf("esdbstore: option %s is not known", name)
	}
	return nil
}

// tls makes the TLS configuration, nil for tls=false.
func (set *settings) tls() (*tls.Config, error) {
	if set.insecure {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: set.noVerify}
	if set.caFile != "" {
		pem, err := os.ReadFile(set.caFile)
		if err != nil {
			return nil, fmt.Errorf("esdbstore: tlsCaFile: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("esdbstore: tlsCaFile %s holds no certificate", set.caFile)
		}
	}
	if set.certFile != "" {
		cert, err := tls.LoadX509KeyPair(set.certFile, set.keyFile)
		if err != nil {
			return nil, fmt.Errorf("esdbstore: userCertFile: %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}
