package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shenzhong/events"
	"shenzhong/events/natsstore"
	"shenzhong/projections"
)

// verifyCmd checks the whole log and every read model, or one file that somebody
// was handed.
type verifyCmd struct {
	cityFlags
	File      string `arg:"" optional:"" name:"FILE" type:"existingfile" help:"An audit pack, a published price file (.json, .csv) or a table of the regulator's console (.xlsx, .csv); it is checked offline, no log is needed."`
	LogKey    string `placeholder:"KEY" help:"With FILE: the log's public key that you have from elsewhere."`
	Pinned    string `type:"existingfile" placeholder:"CHECKPOINT" help:"With FILE: a checkpoint that you kept, which the file must extend."`
	Catalogue string `type:"existingfile" placeholder:"FILE" help:"With a CSV price file: the file of fee catalogues, to look for rows that are missing."`
}

func (c *verifyCmd) Run(ctx context.Context, con *console) error {
	if c.File != "" {
		trust, err := c.trust()
		if err != nil {
			return err
		}
		if mine, err := verifyExtract(con, c.File, trust); mine || err != nil {
			return err
		}
		switch strings.ToLower(filepath.Ext(c.File)) {
		case ".json", ".csv":
			return c.verifyPrices(con)
		}
		return c.verifyFile(con, trust)
	}
	began := time.Now()
	differs := false
	city, err := c.open(ctx, con)
	if loss, ok := errors.AsType[*natsstore.LossError](err); ok {
		con.printf("日志：不完整。%v", "Log: incomplete. %v", loss)
		return errDiffers
	}
	if errors.Is(err, natsstore.ErrDamaged) {
		con.printf("日志：损坏。%v", "Log: damaged. %v", err)
		return errDiffers
	}
	if err != nil {
		return err
	}
	defer city.close()

	// The log against its index, message by message.
	if city.nats != nil && !c.esdb() {
		bar := con.progress("核对日志", "checking the log", 0)
		rep, err := city.nats.Verify(ctx, func(done, total uint64) { bar.set(int64(done), int64(total)) })
		bar.end()
		diff, isDiff := errors.AsType[*natsstore.Difference](err)
		loss, isLoss := errors.AsType[*natsstore.LossError](err)
		lost, isKeys := errors.AsType[*natsstore.KeysError](err)
		switch {
		case isDiff:
			differs = true
			con.printf("日志：有 %d 处不对，第一处在第 %d 位：%s", "Log: %d differences, the first at position %d: %s", rep.Differences, uint64(diff.Position), diff.What)
		case isLoss:
			con.printf("日志：不完整。%v", "Log: incomplete. %v", loss)
			return errDiffers
		case err != nil && !isKeys:
			return err
		default:
			con.printf("日志：%d 条消息、%d 个事件，与索引逐条一致。", "Log: %d messages, %d events; each agrees with the index.", rep.Messages, rep.Events)
		}
		if isKeys {
			differs = true
			con.printf("钥匙库：有 %d 处不对，第一处：%s。不要用 --init，从钥匙备份恢复。", "Keys: %d faults, the first: %s. Do not use --init, restore them from the backup of the keys.", lost.Faults, lost.First)
		} else {
			con.printf("钥匙库：%d 把，都打得开。", "Keys: %d, each opens.", rep.Keys)
		}
	} else {
		con.printf("日志：在 %s，由它自己核对。", "Log: in %s, which checks itself.", city.where())
	}

	// The read models, brought level with the log first, then rebuilt beside it.
	marked, err := readSimulated(c.Data)
	if err != nil {
		return err
	}
	if err := city.openModels(ctx, marked != nil); err != nil {
		return err
	}
	if err := city.catchUp(ctx, con); err != nil {
		return err
	}
	bar := con.progress("核对读模型", "checking read models", 0)
	rep, err := projections.Verify(ctx, projections.VerifyConfig{Dir: city.models, Store: city.store, Registry: city.registry, Projections: city.projections(),
		Progress: func(read, of events.Position) { bar.part(uint64(read), uint64(of)) }})
	bar.end()
	if err != nil {
		// A log that cannot be read through is not what it should be.
		if differs {
			con.printf("读模型没有核对：%v", "The read models were not checked: %v", err)
			return errDiffers
		}
		return err
	}
	for _, l := range rep.Lines(con.lang) {
		fmt.Fprintln(con.out, l)
	}
	forked, err := city.verifyTree(ctx, con)
	if err != nil {
		return err
	}
	differs = differs || forked
	switch {
	case differs && rep.Err() == nil:
		return fail(exitDiffers, nil, "核对发现出入：不对的是上面所说的日志、钥匙库或检查点，读模型没有出入。", "Differences were found: in the log, the keys or the checkpoint, as said above, not in the read models.")
	case rep.Err() != nil:
		return errDiffers
	}
	con.printf("核对完毕，用时 %s。", "Checked in %s.", time.Since(began).Round(time.Millisecond))
	return nil
}

var errDiffers = fail(exitDiffers, nil, "核对发现出入，见上。", "Differences were found, see above.")

// catchUp waits until the read models are level with the log. One that was
// stopped by an event it cannot read is not waited for: the report names it.
func (c *city) catchUp(ctx context.Context, con *console) error {
	done := make(chan error, 1)
	go func() { done <- c.runner.WaitCaughtUp(ctx) }()
	bar := con.progress("读模型跟上日志", "read models catching up", 0)
	defer bar.end()
	for {
		select {
		case err := <-done:
			if poison, ok := errors.AsType[*projections.PoisonError](err); ok {
				con.note("%v", "%v", poison)
				return nil
			}
			return err
		case <-time.After(200 * time.Millisecond):
			var passed int64
			for _, s := range c.runner.Status() {
				passed = max(passed, s.Events)
			}
			bar.set(passed, 0)
		}
	}
}

// rebuildCmd builds read models anew beside the old ones.
type rebuildCmd struct {
	cityFlags
	Names []string `arg:"" optional:"" name:"NAME" help:"Read models; none means all."`
}

func (c *rebuildCmd) Run(ctx context.Context, con *console) error {
	began := time.Now()
	city, err := c.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	marked, err := readSimulated(c.Data)
	if err != nil {
		return err
	}
	if err := city.openModels(ctx, marked != nil); err != nil {
		return err
	}
	var known []string
	for _, p := range city.projections() {
		known = append(known, p.Name())
	}
	for _, n := range c.Names {
		if !slices.Contains(known, n) {
			return fail(exitUsage, nil, "没有读模型 %q；有：%v", "There is no read model %q; there are %v", n, known)
		}
	}
	if err := city.catchUp(ctx, con); err != nil {
		return err
	}
	var head events.Position
	for _, s := range city.runner.Status() {
		head = max(head, s.Position)
	}
	defer rush()()
	done := make(chan error, 1)
	go func() { done <- city.runner.Rebuild(ctx, c.Names...) }()
	bar := con.progress("重建", "rebuilding", 0)
	for {
		select {
		case err := <-done:
			bar.end()
			if err != nil {
				return err
			}
			for _, s := range city.runner.Status() {
				if len(c.Names) == 0 || slices.Contains(c.Names, s.Name) {
					con.printf("%s v%d：已重建并切换，到第 %d 位。", "%s v%d: rebuilt and switched to, up to position %d.", s.Name, s.Version, uint64(s.Position))
				}
			}
			con.printf("用时 %s。", "Took %s.", time.Since(began).Round(time.Millisecond))
			return nil
		case <-time.After(200 * time.Millisecond):
			slowest := head
			for _, s := range city.runner.Status() {
				if s.Building != nil {
					slowest = min(slowest, s.Building.Position)
				}
			}
			bar.part(uint64(slowest), uint64(head))
		}
	}
}
