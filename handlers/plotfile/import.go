package plotfile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
)

// at once is how many places are read or written together: each is its own
// stream, and the log writes many waiting appends with one sync.
const atOnce = 256

// A Plan is what importing a file would do.
type Plan struct {
	New, Changed, Same int
}

// Check holds every row against the log as it is now, and answers with what an
// import would do. What the domain has against a row is added to the faults. by
// is the account in whose name the places are recorded.
func (f *File) Check(ctx context.Context, app *handlers.App, by string, now time.Time) (Plan, error) {
	var p Plan
	type yard struct {
		cemetery.CemeteryState
		rules cemetery.Rules
	}
	defer func() {
		slices.SortStableFunc(f.Faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	}()
	yards := map[domain.CreditCode]yard{}
	for _, r := range f.rows {
		y, ok := yards[r.of]
		if !ok && r.of != "" {
			var err error
			if y.CemeteryState, _, err = app.Cemeteries.Load(ctx, string(r.of)); err != nil {
				return p, err
			}
			if y.rules, err = app.RulesFor(ctx, y.Division, domain.DateOf(now)); err != nil {
				return p, err
			}
			yards[r.of] = y
		}
		r.cmd.Act = domain.Act{ID: uuid.Must(uuid.NewV7()), By: by, Now: now.UTC(), At: now.UTC()}
		r.cmd.Cemetery, r.cmd.Rules = y.CemeteryState, y.rules
		if y.Cemetery != "" && r.division != "" && y.Division != r.division {
			r.fault("division", fmt.Sprintf("公墓登记在 %s。", y.Division), fmt.Sprintf("the cemetery is on record in %s.", y.Division))
		}
	}
	if len(f.Faults) > 0 { // what a file says of itself is put right first
		return p, nil
	}
	type found struct {
		is  cemetery.PlotState
		err error
	}
	was := make([]found, len(f.rows))
	err := each(ctx, len(f.rows), func(ctx context.Context, i int) error {
		r := f.rows[i]
		if was[i].err = (events.Stream(cemetery.PlotCategory + "-" + r.id())).Check(); was[i].err != nil {
			return nil
		}
		var err error
		was[i].is, _, err = app.Plots.Load(ctx, r.id())
		return err
	})
	if err != nil {
		return p, err
	}
	for i, r := range f.rows {
		if was[i].err != nil {
			r.fault("plot", "这个编号里有不能用的字符。", "the number has characters that cannot be used.")
			continue
		}
		switch es, err := app.Plots.Decider.Decide(was[i].is, r.cmd); {
		case err != nil:
			r.refuse("", err)
		case len(es) == 0:
			p.Same++
		case was[i].is.Surveyed.Capacity > 0:
			p.Changed++
		default:
			p.New++
		}
	}
	return p, nil
}

func (r *row) id() string { return handlers.PlotID(r.of, r.cmd.Plot) }

// A Result is what an import did.
type Result struct {
	Written, Same int
	// Last is the position of the last event written.
	Last events.Position
}

// Import writes what Check found nothing wrong with. A row that is on record as
// it stands writes nothing, so the same file again writes only what is missing:
// that is also how an import is carried on that was cut off. step is called after
// each row, by several at a time; it may be nil.
func (f *File) Import(ctx context.Context, app *handlers.App, step func()) (Result, error) {
	if len(f.Faults) > 0 {
		return Result{}, fmt.Errorf("plotfile: import of a file with %d faults", len(f.Faults))
	}
	var written, same atomic.Int64
	var mu sync.Mutex
	var last events.Position
	err := each(ctx, len(f.rows), func(ctx context.Context, i int) error {
		r := f.rows[i]
		rc, err := app.Plots.Handle(ctx, r.id(), r.cmd)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", r.id(), err)
		case rc.Events > 0:
			written.Add(1)
		default:
			same.Add(1)
		}
		mu.Lock()
		last = max(last, rc.Position)
		mu.Unlock()
		if step != nil {
			step()
		}
		return nil
	})
	return Result{int(written.Load()), int(same.Load()), last}, err
}

// each calls do for 0 … n-1, many at a time, and answers with the first error;
// what has not begun then is left.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, atOnce) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
