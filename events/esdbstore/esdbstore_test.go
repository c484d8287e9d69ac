package esdbstore_test

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/esdbstore/internal/esdbtest"
	"shenzhong/events/eventstest"
)

// open opens a store for the time of a test.
func open(t testing.TB, connString string, opts esdbstore.Options) *esdbstore.Store {
	t.Helper()
	s, err := esdbstore.Open(t.Context(), connString, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestContract runs the store contract on the double, on a double of an older
// server, on a cluster of three, and on the real server whose connection string
// is in SHENZHONG_ESDB, if there is one. There, every test has a stream prefix
// of its own, so the database need not be empty.
func TestContract(t *testing.T) {
	servers := map[string]func(t *testing.T) string{
		"double": func(t *testing.T) string { return esdbtest.Start(t, 1, esdbtest.Options{}).ConnString() },
		"double 22.10": func(t *testing.T) string {
			return esdbtest.Start(t, 1, esdbtest.Options{Version: "22.10.5", NoCaughtUp: true}).ConnString()
		},
		"double of three nodes": func(t *testing.T) string { return esdbtest.Start(t, 3, esdbtest.Options{}).ConnString() },
	}
	if real := os.Getenv("SHENZHONG_ESDB"); real != "" {
		servers["real server"] = func(*testing.T) string { return real }
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			eventstest.Run(t, func(t *testing.T) events.Store {
				s := open(t, start(t), esdbstore.Options{Prefix: "test" + uuid.NewString()[:8] + "."})
				esdbstore.Hurry(s)
				return s
			})
		})
	}
}
