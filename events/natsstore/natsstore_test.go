package natsstore_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/natsstore"
)

var master = []byte("0123456789abcdef0123456789abcdef")

func config(dir string) natsstore.Config {
	return natsstore.Config{Dir: dir, Init: true, MasterKey: master, Logger: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, cfg natsstore.Config) *natsstore.Store {
	t.Helper()
	s, err := natsstore.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func verify(t testing.TB, s *natsstore.Store) natsstore.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rep, err := s.Verify(ctx, nil)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return rep
}

// verified checks the whole log when the test ends.
func verified(t *testing.T, s *natsstore.Store) events.Store {
	t.Cleanup(func() { verify(t, s) })
	return s
}

func TestEmbedded(t *testing.T) {
	eventstest.Run(t, func(t *testing.T) events.Store { return verified(t, open(t, config(t.TempDir()))) })
}
