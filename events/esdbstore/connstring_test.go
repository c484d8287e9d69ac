package esdbstore

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	type change func(*settings)
	for s, f := range map[string]change{
		"esdb://127.0.0.1:2113?tls=false": func(s *settings) { s.seeds = []string{"127.0.0.1:2113"}; s.insecure = true },
		"esdb://localhost":                func(s *settings) { s.seeds = []string{"localhost:2113"} },
		"esdb://localhost:1234/":          func(s *settings) { s.seeds = []string{"localhost:1234"} },
		"esdb://localhost/?tls=FALSE":     func(s *settings) { s.seeds = []string{"localhost:2113"}; s.insecure = true },
		"ESDB://localhost?TLS=true":       func(s *settings) { s.seeds = []string{"localhost:2113"} },
		"kurrentdb://localhost":           func(s *settings) { s.seeds = []string{"localhost:2113"} },
		"esdb://[::1]:99":                 func(s *settings) { s.seeds = []string{"[::1]:99"} },
		"esdb://[::1]":                    func(s *settings) { s.seeds = []string{"[::1]:2113"} },
		"esdb+discover://cluster.example": func(s *settings) { s.seeds = []string{"cluster.example:2113"}; s.gossip = true },
		"esdb://n1:1,n2:2,n3?nodePreference=Leader": func(s *settings) {
			s.seeds = []string{"n1:1", "n2:2", "n3:2113"}
			s.gossip = true
		},
		"esdb://admin:changeit@n1:1,n2:2/?tlsCaFile=/etc/ca.crt&tlsVerifyCert=false": func(s *settings) {
			s.seeds, s.gossip, s.user, s.password = []string{"n1:1", "n2:2"}, true, "admin", "changeit"
			s.caFile, s.noVerify = "/etc/ca.crt", true
		},
		"esdb://a%40b:p%2C%3A%2F%3F%40%25%20+@n1": func(s *settings) { s.seeds, s.user, s.password = []string{"n1:2113"}, "a@b", "p,:/?@% +" },
		"esdb://user@n1": func(s *settings) { s.seeds, s.user = []string{"n1:2113"}, "user" },
		"esdb://n1?userCertFile=/c&userKeyFile=%2Fk": func(s *settings) { s.seeds, s.certFile, s.keyFile = []string{"n1:2113"}, "/c", "/k" },
		"esdb://n1?defaultDeadline=2500":             func(s *settings) { s.seeds, s.deadline = []string{"n1:2113"}, 2500*time.Millisecond },
		"esdb://n1?maxDiscoverAttempts=7":            func(s *settings) { s.seeds = []string{"n1:2113"} },
		"esdb://n1?discoveryInterval=5&gossipTimeout=3": func(s *settings) {
			s.seeds, s.discoveryInterval, s.gossipTimeout = []string{"n1:2113"}, 5*time.Millisecond, 3*time.Second
		},
		"esdb://n1?keepAliveInterval=-1&keepAliveTimeout=20000": func(s *settings) {
			s.seeds, s.keepAlive, s.keepAliveTimeout = []string{"n1:2113"}, -time.Millisecond, 20*time.Second
		},
	} {
		want := settings{discoveryInterval: 100 * time.Millisecond, gossipTimeout: 5 * time.Second, deadline: 10 * time.Second, keepAlive: 10 * time.Second, keepAliveTimeout: 10 * time.Second}
		f(&want)
		got, err := parse(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if d := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); d != "" {
			t.Errorf("%s: (-want +got)\n%s", s, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for s, why := range map[string]string{
		"":                                   "begins with",
		"localhost:2113":                     "begins with",
		"http://localhost":                   "begins with",
		"esdb://":                            "empty host",
		"esdb://?tls=false":                  "empty host",
		"esdb://n1,,n2":                      "empty host",
		"esdb://n1,":                         "empty host",
		"esdb://n1:port":                     "not a host and port",
		"esdb://n1:70000":                    "not a host and port",
		"esdb://n1:0":                        "not a host and port",
		"esdb://:2113":                       "not a host and port",
		"esdb://a:b:c":                       "not a host",
		"esdb://n1/database":                 "no path",
		"esdb://:s3cret@n1":                  "without a user",
		"esdb://u:s3cret%zz@n1":              "not URL-encoded",
		"esdb://n1?tls=maybe":                "true or false",
		"esdb://n1?tls=true&tls=false":       "given twice",
		"esdb://n1?gossipTimeout=0":          "positive",
		"esdb://n1?defaultDeadline=soon":     "positive",
		"esdb://n1?keepAliveInterval=-2":     "positive",
		"esdb://n1?nodePreference=follower":  "can only be leader",
		"esdb://n1?userCertFile=/c":          "go together",
		"esdb://n1?userKeyFile=/k":           "go together",
		"esdb://u:s3cret@n1?verifyCert=true": "not known",
		"esdb://u:s3cret@n1?a=%zz":           "not URL-encoded",
	} {
		_, err := parse(s)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want an error with %q", s, err, why)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells the password: %v", s, err)
		}
	}
}
