package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"text/tabwriter"
	"time"

	"shenzhong/domain"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/handlers/api"
	"shenzhong/handlers/policies"
	"shenzhong/handlers/web"
	"shenzhong/projections"
	"shenzhong/projections/availability"
	"shenzhong/projections/ecoratio"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/oversight"
	"shenzhong/projections/places"
	"shenzhong/projections/pricepages"
	"shenzhong/projections/search"
	"shenzhong/projections/servicecredit"
	"shenzhong/projections/tlog"
	"shenzhong/projections/tracking"
	"shenzhong/projections/voyages"
	"shenzhong/projections/watch"
)

// serveCmd runs everything.
type serveCmd struct {
	cityFlags
	// Listen is the address of pages and API. Something in front ends TLS.
	Listen string `default:"127.0.0.1:8080" env:"SHENZHONG_LISTEN" placeholder:"ADDR" help:"Address to listen on. Default: ${default}."`
	// Accounts is who may sign in, as "shenzhong account" writes it. Without the
	// file everything public is served and nobody can write.
	Accounts string `type:"path" env:"SHENZHONG_ACCOUNTS" placeholder:"FILE" help:"Accounts file. Default: accounts.json in the data directory."`
	// Origin names the log in its signed checkpoints, once and for ever.
	Origin string `env:"SHENZHONG_ORIGIN" placeholder:"HOST/PATH" help:"Name of the log in its checkpoints, as an address without scheme (log.example.gov.cn/tlog). Only counts when its key is made."`
	// Checkpoints is how often a checkpoint is signed while events come.
	Checkpoints time.Duration `default:"10s" env:"SHENZHONG_CHECKPOINTS" placeholder:"DURATION" help:"How often a checkpoint of the log is signed. Default: ${default}."`
	// Demo fills an empty data directory with a small city.
	Demo bool `env:"SHENZHONG_DEMO" help:"Fill an empty data directory with a demo city."`
	// Cases is how many cases the demo city has seen.
	Cases int `default:"2000" placeholder:"N" help:"Cases in the demo city. Default: ${default}."`
}

// demoSeed is the seed of the demo city's cases.
const demoSeed = 1

func (c *serveCmd) Run(ctx context.Context, con *console) error {
	began := time.Now()
	demo, err := readSimulated(c.Data)
	if err != nil {
		return err
	}
	if c.Demo {
		switch {
		case c.Store == "memory", demo != nil:
		case c.exists() || c.NATS != "":
			return fail(exitUsage, nil, "%s 里已有别的日志；--demo 只填空目录，请换一个 --data。", "There is another log in %s; --demo fills empty directories only: use another --data.", c.Data)
		}
		c.Init = true
	}
	// The port first: whoever has it already should hear so before a long start.
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fail(exitFailed, err, "不能监听 %s，可能已被占用；换一个 --listen", "Cannot listen on %s, it may be taken; choose another --listen", c.Listen)
	}
	defer ln.Close()
	city, err := c.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	if c.Demo {
		// Before the read models open: they take in the whole city at once with far
		// less work than case by case.
		calm := rush()
		err := c.fill(ctx, con, city, demo)
		calm()
		if err != nil {
			return err
		}
	}
	if err := city.openModels(ctx, c.Demo || demo != nil); err != nil {
		return err
	}
	if c.Demo {
		if err := city.runner.WaitCaughtUp(ctx); err != nil {
			return err
		}
	}
	if err := city.react(ctx); err != nil {
		return err
	}
	accounts, seats, err := c.accounts(city)
	if err != nil {
		return err
	}
	city.app.Officer = accounts.Officer
	sessions, err := handlers.NewSessions(accounts, handlers.SessionConfig{Path: c.sessionsPath()})
	if err != nil {
		return err
	}
	defer sessions.Close()
	tree, err := city.openTree(ctx, c.Origin, c.Checkpoints)
	if err != nil {
		return err
	}
	audit := web.Audit{Log: tree, Raw: func(ctx context.Context) iter.Seq2[events.Recorded, error] { return city.raw(ctx, 0) }}
	models := web.NewReadModels(city.renderer, city.runner, nil)
	pages := web.New(city.renderer, models)
	server := handlers.New(handlers.Config{
		Accounts: accounts, API: api.New(city.app, 0), Web: pages, Pages: []handlers.Mount{web.NewFamilies(pages, city.app, models), web.NewCemeteries(pages, models), web.NewDesk(pages, city.app, sessions, models, audit), web.NewTransparency(pages, tree)},
		Log: slog.Default(), Store: city.ping, ReadModels: func() []projections.Status { return tree.Statuses(city.runner.Status()) },
	})
	c.greet(con, ln.Addr(), city, seats, time.Since(began))
	err = server.Serve(ctx, ln)
	con.note("正在停止。", "Stopping.")
	return errors.Join(err, city.close())
}

// openModels opens the read models and keeps them in step with the log.
func (c *city) openModels(ctx context.Context, demo bool) (err error) {
	if c.renderer, err = web.NewRenderer(web.Site{Demo: demo, Tree: true}); err != nil {
		return err
	}
	dir := c.flags.modelsDir()
	if c.flags.Store == "memory" {
		// They would outlive the log.
		if dir, err = os.MkdirTemp("", "shenzhong-models-*"); err != nil {
			return err
		}
		c.closers = append(c.closers, func() error { return os.RemoveAll(dir) })
	}
	c.models = dir
	calm := rush()
	defer func() {
		if err != nil {
			calm()
		}
	}()
	if c.runner, err = projections.Open(ctx, projections.Config{Dir: dir, Store: c.store, Registry: c.registry, Projections: c.projections()}); err != nil {
		return err
	}
	go func() {
		defer calm()
		_ = c.runner.WaitCaughtUp(ctx) // whoever needs it, waits for it and says so
	}()
	c.closers = append(c.closers, c.runner.Close)
	c.app.Wait = c.runner.Wait
	return nil
}

// rushing counts who is in a hurry; usual is what the collector does otherwise.
var rushing struct {
	sync.Mutex
	n, usual int
}

// rush lets more garbage lie until calm is called, unless GOGC says what to do.
// Read models that are built from far back drop nearly all they allocate within
// a batch, and collecting it was a seventh of the work: 23.6 µs of processor
// time an event with Go's default of 100, 20.4 with 300 (150,000 events, twelve
// read models, four runs by turns), for half as much memory again.
func rush() (calm func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	rushing.Lock()
	defer rushing.Unlock()
	if rushing.n++; rushing.n == 1 {
		rushing.usual = debug.SetGCPercent(300)
	}
	return sync.OnceFunc(func() {
		rushing.Lock()
		defer rushing.Unlock()
		if rushing.n--; rushing.n == 0 {
			debug.SetGCPercent(rushing.usual)
		}
	})
}

// projections are the read models that a page or the API asks. The renderer is
// open.
func (c *city) projections() []projections.Projection {
	return []projections.Projection{
		servicecredit.Projection{}, ecoratio.Projection{}, pricepages.Projection{Renderer: c.renderer.PricePages()}, availability.Projection{},
		frontdesk.Projection{}, search.Projection{}, tracking.Projection{}, places.Projection{}, voyages.Projection{}, tlog.Projection{}, watch.Projection{}, oversight.Projection{},
	}
}

// treeDir is where the signing key and the last checkpoint lie.
func (c *city) treeDir() string {
	if c.flags.Store == "memory" {
		return filepath.Join(c.models, "tlog")
	}
	return filepath.Join(c.flags.Data, "tlog")
}

// openTree signs checkpoints of the log's tree until the city is closed.
func (c *city) openTree(ctx context.Context, origin string, every time.Duration) (*tlog.Log, error) {
	t, err := tlog.OpenLog(tlog.LogConfig{Dir: c.treeDir(), Origin: origin, DB: c.runner.Read(tlog.Name), CaughtUp: func() bool {
		for _, s := range c.runner.Status() {
			if s.Name == tlog.Name {
				return s.CaughtUp
			}
		}
		return false
	}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.Run(ctx, max(every, time.Second), func(err error) {
			slog.Error("no checkpoint of the log is signed", "error", err)
		})
	}()
	c.closers = append(c.closers, func() error { cancel(); <-ended; return nil })
	return t, nil
}

// react runs the reactions until the city is closed.
func (c *city) react(ctx context.Context) error {
	file := filepath.Join(c.flags.Data, "reactions.json")
	if c.flags.Store == "memory" {
		file = filepath.Join(c.models, "reactions.json")
	}
	p, err := policies.Open(policies.Config{App: c.app, File: file})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Run(ctx); err != nil && ctx.Err() == nil {
			slog.Error("the reactions stopped; holds do not expire until the program is started again", "error", err)
		}
	}()
	c.closers = append(c.closers, func() error { cancel(); <-ended; return nil })
	return nil
}

// ping asks whether the log can be reached.
func (c *city) ping(ctx context.Context) error {
	if c.nats != nil && !c.flags.esdb() {
		r, err := c.nats.Ready(ctx)
		return errors.Join(err, r.Damage)
	}
	for _, err := range c.store.Load(ctx, events.Stream("institution-ping"), events.NoStream) {
		return err
	}
	return nil
}

// fill simulates the demo city's cases, or goes on where it was interrupted.
func (c *serveCmd) fill(ctx context.Context, con *console, city *city, have *simulated) error {
	if have == nil {
		// A city that lives today: what is booked for today and the days after is
		// still to come.
		now := time.Now().UTC().Truncate(time.Minute)
		have = &simulated{Cases: c.Cases, Seed: demoSeed, Until: domain.DateOf(now).AddDays(demoAhead), Now: now}
	}
	if have.Done && c.Store != "memory" {
		return nil
	}
	sim, err := newSimulation(*have, time.Now())
	if err != nil {
		return err
	}
	con.note("正在装入演示城市：%d 个案件。", "Filling the demo city: %d cases.", have.Cases)
	// The server's own application asks the log itself; only the filling recalls.
	app := handlers.NewApp(newRecalling(city.store), city.registry, city.keys, city.persons)
	if c.Store == "memory" {
		return sim.run(ctx, con, app, 64)
	}
	if err := sim.claim(c.Data); err != nil {
		return err
	}
	if err := sim.run(ctx, con, app, 256); err != nil {
		return err
	}
	return sim.done(c.Data)
}

// accounts are those of the file, or, in a demo, those of the demo.
func (c *serveCmd) accounts(city *city) (*handlers.Accounts, []handlers.Seat, error) {
	if c.Demo {
		return c.demoAccounts()
	}
	path := c.accountsPath()
	as, err := handlers.LoadAccounts(path)
	if errors.Is(err, fs.ErrNotExist) && c.Accounts == "" {
		slog.Warn("there is no accounts file: everything public is served, nobody can sign in; see shenzhong account --help", "file", path)
		as, err = handlers.NewAccounts()
	}
	return as, nil, err
}

// sessionsPath is where sessions are kept over a restart; nowhere for a log that
// is not kept either.
func (c *serveCmd) sessionsPath() string {
	if c.Store == "memory" {
		return ""
	}
	return filepath.Join(c.Data, "sessions.db")
}

func (c *serveCmd) accountsPath() string {
	if c.Accounts != "" {
		return c.Accounts
	}
	return filepath.Join(c.Data, "accounts.json")
}

// demoAccounts keeps the demo's tokens and passwords in clear, so that they are the same
// after a restart. What they open is invented.
func (c *serveCmd) demoAccounts() (*handlers.Accounts, []handlers.Seat, error) {
	city, err := newDemoCity()
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(c.Data, "demo-accounts.json")
	var seats []handlers.Seat
	b, err := os.ReadFile(path)
	switch {
	case err == nil && c.Store != "memory":
		if err := json.Unmarshal(b, &seats); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(seats) > 0 && seats[0].Secret == "" { // of a time when there was nothing to sign in to
			for i := range seats {
				seats[i].Secret = handlers.NewPassword()
				seats[i].Password = handlers.HashPassword(seats[i].Secret)
			}
			if b, err = json.MarshalIndent(seats, "", " "); err != nil {
				return nil, nil, err
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				return nil, nil, err
			}
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	default:
		seats = handlers.DemoSeats(string(city.homes[0].code()), string(city.cemeteries[0].code()), string(city.village().code()), string(city.sea[0].code()))
		if c.Store == "memory" {
			break
		}
		if b, err = json.MarshalIndent(seats, "", " "); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return nil, nil, err
		}
	}
	var as []handlers.Account
	for _, s := range seats {
		as = append(as, s.Account)
	}
	accounts, err := handlers.NewAccounts(as...)
	return accounts, seats, err
}

// greet says where everything is.
func (c *serveCmd) greet(con *console, addr net.Addr, city *city, seats []handlers.Seat, took time.Duration) {
	base := "http://" + addr.String()
	if t, ok := addr.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		base = fmt.Sprintf("http://localhost:%d", t.Port)
	}
	con.printf("慎终已就绪（%s，%s）。", "Shenzhong is ready (%s, %s).", city.where(), took.Round(10*time.Millisecond))
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	row := func(path, zh, en string) { fmt.Fprintf(w, "  %s%s\t%s\n", base, path, con.say(zh, en)) }
	row("/", "首页", "home")
	row("/prices", "价格公示", "prices")
	row("/cemeteries", "公墓与空位", "cemeteries and free places")
	row("/stats/eco-burial", "节地生态安葬", "eco-burial")
	row("/credit", "服务信用", "service credit")
	row("/oversight", "检查和处罚结果", "results of inspections and penalties")
	row("/tlog", "历史记录的指纹", "fingerprint of the history")
	row("/desk", "殡仪馆前台（登录）", "funeral home desk (sign in)")
	row("/docs", "接口说明（OpenAPI：/openapi.json）", "API (OpenAPI: /openapi.json)")
	row("/readyz", "运行状态", "readiness")
	w.Flush()
	if len(seats) == 0 {
		return
	}
	con.printf("\n演示账号：工号、登录口令、机构；令牌用于写接口（Authorization: Bearer 令牌）：", "\nDemo accounts: account, password, institution; the token is for the write API (Authorization: Bearer TOKEN):")
	for _, s := range seats {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", s.ID, s.Secret, s.Institution, s.Token, con.say(s.Zh, s.En))
	}
	w.Flush()
	con.printf("\n机构和人物均为虚构。按 Ctrl-C 停止。", "\nInstitutions and people are invented. Ctrl-C stops.")
}

// accountCmd makes an account and prints its token once.
type accountCmd struct {
	Data     string          `default:"data" type:"path" env:"SHENZHONG_DATA" placeholder:"DIR" help:"Data directory."`
	Accounts string          `type:"path" env:"SHENZHONG_ACCOUNTS" placeholder:"FILE" help:"Accounts file. Default: accounts.json in the data directory."`
	Role     []handlers.Role `required:"" placeholder:"ROLE" help:"What it may do: desk, cremator, cemetery, eco, regulator, admin, importer."`
	Of       string          `default:"" placeholder:"CODE" help:"Credit code of its institution, or * for all."`
	Password bool            `help:"Give it a password too, with which to sign in to the pages; printed once."`
	ID       string          `arg:"" name:"ID" help:"Its name in every event: lower-case letters, digits, dashes; a workplace, not a person."`
}

func (c *accountCmd) Run(con *console) error {
	path := (&serveCmd{cityFlags: cityFlags{Data: c.Data}, Accounts: c.Accounts}).accountsPath()
	var all []handlers.Account
	switch have, err := handlers.LoadAccounts(path); {
	case err == nil:
		all = have.All()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if c.Of != "" && c.Of != handlers.Everywhere {
		code, err := domain.ParseCreditCode(c.Of)
		if err != nil {
			return err
		}
		c.Of = string(code)
	}
	a, token := handlers.Issue(handlers.Account{ID: c.ID, Roles: c.Role, Institution: c.Of})
	secret := ""
	if c.Password {
		secret = handlers.NewPassword()
		a.Password = handlers.HashPassword(secret)
	}
	kept := all[:0]
	for _, x := range all { // a new token for an account that is there
		if x.ID != c.ID {
			kept = append(kept, x)
		}
	}
	as, err := handlers.NewAccounts(append(kept, a)...)
	if err != nil {
		return fail(exitUsage, err, "账号不能这样建", "The account cannot be made like this")
	}
	if err := as.Save(path); err != nil {
		return err
	}
	if secret != "" {
		con.note("登录口令只显示这一次：%s", "The password is shown this once: %s", secret)
	}
	con.note("已写入 %s；重新启动 serve 后生效。令牌只显示这一次：", "Written to %s, in force when serve starts anew. The token is shown this once:", path)
	fmt.Fprintln(con.out, token)
	return nil
}
