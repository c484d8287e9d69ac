package esdbstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/esdbstore/internal/esdbtest"
	"shenzhong/events/eventstest"
)

// An authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate in PEM
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{file: filepath.Join(t.TempDir(), "ca.crt")}
	der, key := sign(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// sign makes a certificate of tmpl, by itself or by a.
func sign(t *testing.T, tmpl *x509.Certificate, a *authority) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := tmpl, key
	if a != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a authority) server(t *testing.T) *tls.Config {
	der, key := sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, &a)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestTLSAndCredentials(t *testing.T) {
	ca := newAuthority(t)
	c := esdbtest.Start(t, 3, esdbtest.Options{TLS: ca.server(t), Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:p@ss,word"))})
	trust := "&tlsCaFile=" + url.QueryEscape(ca.file)
	hosts := c.ConnString()
	with := func(credentials string) string { return strings.Replace(hosts, "esdb://", "esdb://"+credentials, 1) }

	for name, conn := range map[string]string{
		"authority":       with("admin:p%40ss%2Cword@") + trust,
		"no verification": with("admin:p%40ss%2Cword@") + "&tlsVerifyCert=false",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, conn, esdbstore.Options{Prefix: strings.ReplaceAll(name, " ", "") + "."})
			must(t, s, "plot-1", events.NoStream, eventstest.News(2)...)
			if n := len(eventstest.LoadAll(t, s, "plot-1")) + len(eventstest.FollowAll(t, s, 0)); n != 4 {
				t.Errorf("%d events, want 2 and 2", n)
			}
		})
	}
	one := c.Nodes[0].Addr() + "?defaultDeadline=1500"
	for name, conn := range map[string]string{
		"wrong password":            "esdb://admin:password@" + one + trust,
		"no user":                   "esdb://" + one + trust,
		"wrong password, by gossip": with("admin:password@") + "&defaultDeadline=1500" + trust,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := esdbstore.Open(t.Context(), conn, esdbstore.Options{}); status.Code(err) != codes.Unauthenticated {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, conn := range map[string]string{
		"unknown authority": "esdb://admin:p%40ss%2Cword@" + one,
		"another authority": "esdb://admin:p%40ss%2Cword@" + one + "&tlsCaFile=" + url.QueryEscape(newAuthority(t).file),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := esdbstore.Open(t.Context(), conn, esdbstore.Options{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "x509") {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, file := range map[string]string{"no such file": "/nonexistent/ca.crt", "not a certificate": os.Args[0]} {
		t.Run(name, func(t *testing.T) {
			if _, err := esdbstore.Open(t.Context(), "esdb://"+one+"&tlsCaFile="+url.QueryEscape(file), esdbstore.Options{}); err == nil || !strings.Contains(err.Error(), "tlsCaFile") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUserCertificate(t *testing.T) {
	ca := newAuthority(t)
	conf := ca.server(t)
	conf.ClientAuth, conf.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	conf.ClientCAs.AddCert(ca.cert)
	c := esdbtest.Start(t, 1, esdbtest.Options{TLS: conf})
	conn := c.ConnString() + "&defaultDeadline=2000&tlsCaFile=" + url.QueryEscape(ca.file)

	der, key := sign(t, &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "shenzhong"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, &ca)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(t.TempDir(), "user.crt"), filepath.Join(t.TempDir(), "user.key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", pkcs8)
	s := open(t, conn+"&userCertFile="+url.QueryEscape(certFile)+"&userKeyFile="+url.QueryEscape(keyFile), esdbstore.Options{})
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)

	if _, err := esdbstore.Open(t.Context(), strings.Replace(conn, "=2000", "=300", 1), esdbstore.Options{}); err == nil {
		t.Error("opened without a certificate")
	}
	if _, err := esdbstore.Open(t.Context(), conn+"&userCertFile="+url.QueryEscape(keyFile)+"&userKeyFile="+url.QueryEscape(keyFile), esdbstore.Options{}); err == nil || !strings.Contains(err.Error(), "userCertFile") {
		t.Errorf("a file that is no certificate: %v", err)
	}
}

func TestNoCredentialsOnAPlainConnection(t *testing.T) {
	c := esdbtest.Start(t, 1, esdbtest.Options{})
	s := open(t, strings.Replace(c.ConnString(), "esdb://", "esdb://admin:changeit@", 1), esdbstore.Options{})
	must(t, s, "plot-1", events.NoStream, eventstest.News(1)...)
	for _, call := range c.Calls() {
		if call.Authorization != "" {
			t.Errorf("%s carried %q", call.Method, call.Authorization)
		}
	}
}
