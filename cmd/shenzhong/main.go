// Command shenzhong is the whole of Shenzhong (慎终): the server with its log
// and its read models inside, and the tools of those who run it.
//
// The fields of the type [cli] are the manual: each flag is one field, its
// comment says what it does, and its environment variable stands in the tag.
// "shenzhong --help" and "shenzhong COMMAND --help" show the same with
// examples, in Chinese, or in English with --lang en or an English LANG.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"shenzhong/domain"
)

// Exit codes, for scripts. They stand in --help too.
const (
	exitOK          = 0
	exitFailed      = 1   // it could not be done; the message says why
	exitUsage       = 2   // the command line is wrong
	exitDiffers     = 3   // verify: what is stored is not what it should be
	exitRefused     = 4   // import: a file is wrong; nothing was imported
	exitNoLog       = 5   // there is no log where one should be, or the key is missing
	exitBusy        = 6   // another process has the data directory
	exitInterrupted = 130 // stopped by the user
)

// cli is the command line.
type cli struct {
	// Lang is the language of messages and reports. Without it the environment
	// decides (LC_ALL, LC_MESSAGES, LANG): English for "en…", Chinese otherwise.
	Lang string `enum:"zh,en," default:"" env:"SHENZHONG_LANG" placeholder:"zh|en" help:"Language of messages: zh or en. Default: from LANG."`
	// LogLevel is the least level that is logged.
	LogLevel slog.Level `default:"info" env:"SHENZHONG_LOG_LEVEL" placeholder:"LEVEL" help:"Log from this level on: debug, info, warn or error."`
	// Version prints what was built, from which commit.
	Version versionFlag `help:"Print the version and leave."`

	Serve    serveCmd    `cmd:"" help:"Run everything: log, read models, pages and API."`
	Import   importCmd   `cmd:"" help:"Load real files: all or nothing, row by row errors, twice changes nothing."`
	Simulate simulateCmd `cmd:"" help:"Drive funeral cases through the real commands; same seed, same events."`
	Verify   verifyCmd   `cmd:"" help:"Check the whole log and every read model; exit code 3 when anything differs."`
	Rebuild  rebuildCmd  `cmd:"" help:"Build read models anew beside the old ones and switch."`
	Draw     drawCmd     `cmd:"" help:"Draws of peak days: make a commitment, recompute a result."`
	Export   exportCmd   `cmd:"" help:"Write out what is stored."`
	Bench    benchCmd    `cmd:"" help:"Measure this machine, each figure beside raw JetStream."`
	Witness  witnessCmd  `cmd:"" help:"Watch another office's log and sign what extends it."`
	Account  accountCmd  `cmd:"" help:"Make an account for the write API and print its token."`
}

type versionFlag bool

// BeforeReset prints and leaves, whatever else stands on the command line.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	version, revision := "(devel)", ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		if bi.Main.Version != "" {
			version = bi.Main.Version
		}
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
		version += revision + " " + bi.GoVersion
	}
	fmt.Fprintln(app.Stdout, "shenzhong", version)
	app.Exit(exitOK)
	return nil
}

// A console is where a command speaks: results on out, everything about the
// work (progress, logs, errors) on err.
type console struct {
	lang     string
	out, err io.Writer
	tty      bool // err is a terminal: progress bars, human logs
}

// say picks the text in the user's language.
func (c *console) say(zh, en string) string {
	if c.lang == "en" {
		return en
	}
	return zh
}

func (c *console) printf(zh, en string, args ...any) {
	fmt.Fprintf(c.out, c.say(zh, en)+"\n", args...)
}

// note writes to err, where it does not mix with a result that is piped on.
func (c *console) note(zh, en string, args ...any) {
	fmt.Fprintf(c.err, c.say(zh, en)+"\n", args...)
}

// A failure is an error with the exit code and the words for the user.
type failure struct {
	code   int
	zh, en string
	err    error
}

func (f *failure) Error() string {
	if f.err != nil {
		return f.en + ": " + f.err.Error()
	}
	return f.en
}
func (f *failure) Unwrap() error { return f.err }

func fail(code int, err error, zh, en string, args ...any) error {
	return &failure{code, fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...), err}
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr *os.File) int {
	con := &console{lang: language(args, os.Getenv), out: stdout, err: stderr, tty: isatty.IsTerminal(stderr.Fd())}
	var c cli
	exit := -1
	parser, err := newParser(&c, con, func(code int) { exit = code })
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	kctx, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help, --version
		return exit
	case err != nil:
		con.note("用法不对：%v", "wrong usage: %v", err)
		if pe := new(kong.ParseError); errors.As(err, &pe) && pe.Context != nil {
			con.note("请看 %s --help。", "See %s --help.", strings.TrimSpace("shenzhong "+commandOf(pe.Context)))
		}
		return exitUsage
	}
	slog.SetDefault(slog.New(logHandler(con, c.LogLevel)))

	// The first signal asks for an orderly end, the second one ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	kctx.BindTo(ctx, (*context.Context)(nil))
	kctx.Bind(con)
	return con.explain(ctx, kctx.Run())
}

func commandOf(ctx *kong.Context) string {
	if n := ctx.Selected(); n != nil {
		return n.FullPath()[len("shenzhong "):]
	}
	return ""
}

// explain tells the user what went wrong, in his language, and answers with
// the exit code.
func (c *console) explain(ctx context.Context, err error) int {
	var (
		f  *failure
		fs faults
		r  *domain.Rejection
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		text := c.say(f.zh, f.en)
		if f.err != nil {
			text += c.say("：", ": ") + f.err.Error()
		}
		fmt.Fprintln(c.err, text)
		return f.code
	case errors.As(err, &fs):
		for _, one := range fs {
			fmt.Fprintln(c.err, one.text(c.lang))
		}
		c.note("共 %d 处不对，什么都没有导入。", "%d faults, nothing was imported.", len(fs))
		return exitRefused
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		c.note("已停止。", "Stopped.")
		return exitInterrupted
	case errors.As(err, &r):
		fmt.Fprintln(c.err, r.Text(c.lang))
		return exitFailed
	}
	c.note("没有办成：%v", "It could not be done: %v", err)
	return exitFailed
}

// logHandler is human text on a terminal and JSON elsewhere.
func logHandler(con *console, level slog.Level) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if con.tty {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				a.Value = slog.StringValue(a.Value.Time().Format("15:04:05"))
			}
			return a
		}
		return slog.NewTextHandler(con.err, o)
	}
	return slog.NewJSONHandler(con.err, o)
}

// language is --lang, then SHENZHONG_LANG, then the locale. It is needed before
// the command line is read, because --help speaks it.
func language(args []string, getenv func(string) string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return lang(v)
		}
		if a == "--lang" && i+1 < len(args) {
			return lang(args[i+1])
		}
		if a == "--" {
			break
		}
	}
	for _, e := range []string{"SHENZHONG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(e); v != "" {
			return lang(v)
		}
	}
	return "zh"
}

func lang(s string) string {
	if strings.HasPrefix(strings.ToLower(s), "en") {
		return "en"
	}
	return "zh"
}
