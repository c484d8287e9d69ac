package projections

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"shenzhong/events"
)

// countAll counts events by position.
type countAll struct{}

func (countAll) Name() string    { return "countall" }
func (countAll) Version() int    { return 1 }
func (countAll) Types() []string { return nil }
func (countAll) Schema() string {
	return `CREATE TABLE seen (position INTEGER PRIMARY KEY, times INTEGER NOT NULL) STRICT;`
}
func (countAll) Apply(_ context.Context, tx *Tx, batch []Event) error {
	for _, e := range batch {
		if _, err := tx.Exec(`INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1`, int64(e.Position)); err != nil {
			return err
		}
	}
	return nil
}

// A lane that comes from one feed to another may have batches of both in its
// queue that overlap. They are folded in one transaction, each event once.
func TestOverlappingBatchesCountOnce(t *testing.T) {
	p := countAll{}
	f, err := openFile(t.Context(), filepath.Join(t.TempDir(), "countall.v1.db"), 1, 1, p.Schema(), fingerprint(p))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	r := &Runner{cfg: Config{Batch: 100}, log: slog.New(slog.DiscardHandler), ctx: t.Context()}
	m := &model{p: p, bit: 1, changed: make(chan struct{})}
	l := r.newLane(m, f)
	m.live = l
	of := func(from, to events.Position) *batch {
		b := &batch{to: to, read: int64(to - from + 1)}
		for at := from; at <= to; at++ {
			b.events, b.masks = append(b.events, Event{Recorded: &events.Recorded{Position: at}}), append(b.masks, 1)
		}
		return b
	}
	for _, bs := range [][]*batch{{of(1, 4), of(3, 7), of(5, 6)}, {of(6, 9), of(9, 9)}, {of(2, 5)}} {
		if !l.fold(bs) {
			t.Fatal(l.err)
		}
	}
	var n, most int
	if err := f.tx.conn.QueryRowContext(t.Context(), `SELECT count(*), max(times) FROM seen`).Scan(&n, &most); err != nil || n != 9 || most != 1 {
		t.Errorf("%d events, one of them %d times (%v)", n, most, err)
	}
	if l.at != 9 || f.at != 9 {
		t.Errorf("stands at %d, file at %d", l.at, f.at)
	}
}
