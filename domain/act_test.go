package domain_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "shenzhong/domain"
	"shenzhong/domain/domaintest"
)

// I8, whatever is sent: an act that passes happened at a time nobody knows, or
// neither later than now nor, without a reason, longer ago than the limit.
func TestActCheckAtRandom(t *testing.T) {
	taken := 0
	domaintest.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
		a := Act{By: rapid.SampledFrom([]string{"staff-1", "staff-1", ""}).Draw(t, "by"), Now: now, Estimated: rapid.Bool().Draw(t, "estimated"),
			LateReason: rapid.SampledFrom([]string{"", "停电"}).Draw(t, "reason"), LateLimit: time.Duration(rapid.IntRange(-1, 72).Draw(t, "limit")) * time.Hour}
		ago := time.Duration(rapid.Int64Range(int64(-time.Hour), int64(100*time.Hour)).Draw(t, "ago"))
		if known := rapid.IntRange(0, 4).Draw(t, "known"); known > 0 {
			a.At = now.Add(-ago)
		}
		limit := a.LateLimit
		if limit <= 0 {
			limit = DefaultLateLimit
		}
		var want error
		switch {
		case a.By == "":
			want = ErrNoActor
		case a.At.IsZero():
		case ago < 0:
			want = ErrFuture
		case ago > limit && a.LateReason == "":
			want = ErrLate
		}
		if err := a.Check(); !errors.Is(err, want) || want == nil && err != nil {
			t.Fatalf("%v ago, limit %v, reason %q: %v, want %v", ago, limit, a.LateReason, err, want)
		}
		if want == nil {
			taken++
		}
	}, &taken)
}
