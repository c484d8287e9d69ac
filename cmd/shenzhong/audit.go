package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/projections/tlog"
)

// exportAuditCmd writes an audit pack: what anybody needs to check events
// without a network.
type exportAuditCmd struct {
	From   string   `placeholder:"DATE" help:"Events recorded from this day on (Asia/Shanghai)."`
	To     string   `placeholder:"DATE" help:"Events recorded up to this day."`
	Stream []string `placeholder:"STREAM" sep:"," help:"Events of these streams only, instead of days."`
	File   string   `arg:"" name:"FILE" type:"path" help:"The pack to write: a ZIP file."`
}

func (c *exportAuditCmd) Run(ctx context.Context, con *console, in *exportCmd) (err error) {
	scope := tlog.Scope{From: domain.Date(c.From), To: domain.Date(c.To)}
	for _, s := range c.Stream {
		if err := events.Stream(s).Check(); err != nil {
			return fail(exitUsage, err, "流的名称不对", "This is no stream")
		}
		scope.Streams = append(scope.Streams, events.Stream(s))
	}
	for _, d := range []domain.Date{scope.From, scope.To} {
		if d != "" && !d.Valid() {
			return fail(exitUsage, nil, "日期 %s 不对，应如 2026-10-31。", "%s is not a day like 2026-10-31.", d)
		}
	}
	if len(scope.Streams) > 0 && c.From+c.To != "" {
		return fail(exitUsage, nil, "--stream 和日期只能用一种。", "Use either --stream or days.")
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	marked, err := readSimulated(in.Data)
	if err != nil {
		return err
	}
	if err := city.openModels(ctx, marked != nil); err != nil {
		return err
	}
	if err := city.catchUp(ctx, con); err != nil {
		return err
	}
	tree, err := tlog.OpenLog(tlog.LogConfig{Dir: city.treeDir(), DB: city.runner.Read(tlog.Name)})
	if err != nil {
		return err
	}
	if err := tree.Publish(ctx); errors.Is(err, tlog.ErrRewritten) {
		return fail(exitDiffers, err, "现在的日志延续不了以前签过的检查点，没有导出", "The log does not extend the checkpoint that was signed before; nothing was written")
	} else if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".audit-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	n, err := tree.WritePack(ctx, f, city.raw(ctx, 0), scope)
	if errors.Is(err, tlog.ErrNothing) {
		return fail(exitFailed, nil, "这个范围里没有记录，没有导出。", "There is no event in this scope; nothing was written.")
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	// What is handed out was checked here first: a raw log that is not what the
	// tree holds shows now.
	rep, err := tlog.VerifyPack(f, st.Size(), tlog.Trust{})
	if err != nil {
		return err
	}
	if !rep.OK() {
		for _, l := range rep.Lines(con.lang) {
			fmt.Fprintln(con.out, l)
		}
		return fail(exitDiffers, nil, "日志与它的树不一致，没有导出。", "The log is not what its tree holds; nothing was written.")
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), c.File); err != nil {
		return err
	}
	con.printf("已写入 %s：%d 条记录，%d 字节，检查点到第 %d 条。", "Written to %s: %d events, %d bytes, checkpoint of %d events.", c.File, n, st.Size(), rep.Checkpoint.Size)
	con.printf("核对：shenzhong verify %s", "To check it: shenzhong verify %s", filepath.Base(c.File))
	return nil
}

// trust is what the person who checks a file has from elsewhere.
func (c *verifyCmd) trust() (t tlog.Trust, err error) {
	t.LogKey = c.LogKey
	if c.Pinned != "" {
		t.Pinned, err = os.ReadFile(c.Pinned)
	}
	return t, err
}

// verifyFile checks one file that somebody was handed, without a log.
func (c *verifyCmd) verifyFile(con *console, trust tlog.Trust) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	rep, err := tlog.VerifyPack(f, st.Size(), trust)
	if errors.Is(err, tlog.ErrNoPack) {
		return fail(exitDiffers, nil, "%s 不是审计包，或者损坏得打不开。", "%s is no audit pack, or too damaged to be opened.", filepath.Base(c.File))
	}
	if err != nil {
		return err
	}
	for _, l := range rep.Lines(con.lang) {
		fmt.Fprintln(con.out, l)
	}
	if !rep.OK() {
		return errDiffers
	}
	return nil
}

// verifyTree compares the last signed checkpoint with the tree. The tree's tiles
// were compared with the log before.
func (c *city) verifyTree(ctx context.Context, con *console) (differs bool, err error) {
	s, ok, err := tlog.CheckPin(ctx, c.treeDir(), c.runner.Read(tlog.Name))
	switch {
	case errors.Is(err, tlog.ErrRewritten):
		con.printf("检查点：日志延续不了签过的历史。签过的是 %d 条，指纹 %s。", "Checkpoint: the log does not extend what was signed: %d events, root %s.", s.Size, s.Root)
		return true, nil
	case errors.Is(err, tlog.ErrNote):
		con.printf("检查点：文件 %s 的签名不成立。", "Checkpoint: the signature in %s does not hold.", filepath.Join(c.treeDir(), "checkpoint"))
		return true, nil
	case err != nil:
		return false, err
	case !ok:
		con.printf("检查点：还没有签发过。", "Checkpoint: none was signed yet.")
	default:
		con.printf("检查点：签名有效，日志延续它（%d 条）。", "Checkpoint: its signature holds and the log extends it (%d events).", s.Size)
	}
	return false, nil
}

// witnessCmd watches somebody else's log.
type witnessCmd struct {
	Log    string        `required:"" placeholder:"URL" help:"Address of the log: https://…/tlog."`
	LogKey string        `required:"" placeholder:"KEY" help:"The log's public key, obtained from the platform by another way."`
	Name   string        `placeholder:"HOST/NAME" help:"Your name in signatures, as an address without scheme; needed when the key is made."`
	Key    string        `default:"witness.key" type:"path" placeholder:"FILE" help:"Your private key; it is made when it is missing. Default: ${default}."`
	State  string        `default:"witness.checkpoint" type:"path" placeholder:"FILE" help:"What was seen last; must not be lost. Default: ${default}."`
	Every  time.Duration `default:"1m" placeholder:"DURATION" help:"How often to look. Default: ${default}."`
	Once   bool          `help:"Look once and leave."`
}

func (c *witnessCmd) Run(ctx context.Context, con *console) error {
	w, err := tlog.OpenWitness(tlog.WitnessConfig{Log: c.Log, LogKey: c.LogKey, Key: c.Key, Name: c.Name, State: c.State})
	if err != nil {
		return fail(exitUsage, err, "见证人不能这样运行", "The witness cannot run like this")
	}
	con.printf("见证人公钥（交给平台登记）：%s", "Witness key (for the platform to register): %s", w.Key())
	for {
		s, err := w.Round(ctx)
		now := time.Now()
		switch {
		case errors.Is(err, tlog.ErrRewritten):
			return fail(exitDiffers, err, "平台给出的历史与上次看到的不一致，没有签。两份检查点在 %s 和 %s.conflict，是平台签过名的证据，请留存", "The log shows another history than before; nothing was signed. Keep %s and %s.conflict: they are evidence, signed by the log", c.State, c.State)
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && c.Once:
			return err
		case err != nil:
			con.note("%s 没有看成，稍后再看：%v", "%s could not look, trying again later: %v", now.Format(time.DateTime), err)
		default:
			con.printf("%s 已见证 %d 条，指纹 %s", "%s witnessed %d events, root %s", now.Format(time.DateTime), s.Size, s.Root)
		}
		if c.Once {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(c.Every, time.Second)):
		}
	}
}
