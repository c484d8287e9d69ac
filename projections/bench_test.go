package projections_test

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkWriteToRead appends one burial and waits until it is counted.
func BenchmarkWriteToRead(b *testing.B) {
	c := newCity(b, 5)
	r := c.open(c.config(b.TempDir()))
	if err := r.WaitCaughtUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		pos := c.bury(c.homes[0])
		began := time.Now()
		if err := r.Wait(b.Context(), "ecoratio", pos); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
