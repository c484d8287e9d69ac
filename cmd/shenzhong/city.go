package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"shenzhong/events"
	"shenzhong/events/esdbstore"
	"shenzhong/events/memory"
	"shenzhong/events/natsstore"
	"shenzhong/handlers"
	"shenzhong/handlers/web"
	"shenzhong/projections"
)

// cityFlags say where a city's log, keys and read models are. Every command
// that touches them has these flags.
type cityFlags struct {
	// Data is the directory of this node: the index, the read models and, with
	// the embedded server, the log. One process at a time.
	Data string `default:"data" type:"path" env:"SHENZHONG_DATA" placeholder:"DIR" help:"Data directory: log and read models."`
	// Store says where events are kept. Changing the store is this one flag.
	// With esdb the persons' keys lie in an embedded NATS in the data directory.
	Store string `default:"nats" env:"SHENZHONG_STORE" placeholder:"nats|memory|esdb://…" help:"Event store: nats (inside this program), memory (gone at exit), or esdb://host:2113?tls=false."`
	// NATS is the URL of an external server or cluster, in place of the embedded
	// one. It is refused when it can be seen to acknowledge before it syncs.
	NATS string `name:"nats" env:"SHENZHONG_NATS" placeholder:"URL" help:"External NATS server or cluster, in place of the embedded one."`
	// NATSCreds is a credentials file for it.
	NATSCreds string `name:"nats-creds" type:"existingfile" env:"SHENZHONG_NATS_CREDS" placeholder:"FILE" help:"Credentials file for the external server."`
	// NATSCheck is where its settings can be read: a nats:// URL of its system
	// account or its monitoring port, http://host:8222.
	NATSCheck string `name:"nats-check" env:"SHENZHONG_NATS_CHECK" placeholder:"URL" help:"Where the external server's settings can be read (system account or monitoring port)."`
	// NATSTrustSync takes the operator's word that it syncs.
	NATSTrustSync bool `name:"nats-trust-sync" env:"SHENZHONG_NATS_TRUST_SYNC" help:"Trust that the external server syncs before it acknowledges, where that cannot be seen."`
	// Replicas of log and keys in a NATS cluster, when they are created.
	Replicas int `default:"1" env:"SHENZHONG_REPLICAS" placeholder:"N" help:"Copies of log and keys in a NATS cluster, when they are created."`
	// MasterKey is the file with the key that wraps every person's key: 64 hex
	// digits. It never lies in the data directory, so that neither a copy of the
	// data nor the key alone tells anything.
	MasterKey string `name:"master-key" type:"path" env:"SHENZHONG_MASTER_KEY" placeholder:"FILE" help:"Master key file, outside the data directory. Default: in the user's configuration directory."`
	// Init allows a log (and, for it, a master key) to be created. Without it a
	// mistyped path stops the program instead of becoming an empty city.
	Init bool `env:"SHENZHONG_INIT" help:"Allow the log and the master key to be created; without it, what is missing is an error."`
}

// A city is an open log with what stands on it.
type city struct {
	flags    cityFlags
	con      *console
	store    events.Store
	nats     *natsstore.Store // the log's store, or the one that only holds the keys
	keys     events.Keyring
	registry *events.Registry
	app      *handlers.App
	persons  []byte // key of references of persons

	// Open after openModels.
	renderer *web.Renderer
	runner   *projections.Runner
	models   string // their directory

	closers []func() error
}

// The parts of the data directory.
func (f *cityFlags) logDir() string    { return filepath.Join(f.Data, "log") }
func (f *cityFlags) keysDir() string   { return filepath.Join(f.Data, "keys") } // with esdb
func (f *cityFlags) modelsDir() string { return filepath.Join(f.Data, "models") }

// storeDir is where the embedded part of the store lies.
func (f *cityFlags) storeDir() string {
	if f.esdb() {
		return f.keysDir()
	}
	return f.logDir()
}

func (f *cityFlags) esdb() bool { return strings.HasPrefix(f.Store, "esdb") }

// exists says that something was created in the data directory before.
func (f *cityFlags) exists() bool {
	_, err := os.Stat(f.storeDir())
	return err == nil
}

// open opens the city. The caller closes it.
func (f *cityFlags) open(ctx context.Context, con *console) (_ *city, err error) {
	c := &city{flags: *f, con: con}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	var master []byte
	switch {
	case f.Store == "memory":
		master = make([]byte, 32)
		rand.Read(master)
		c.store, c.keys = memory.New(), events.NewMemoryKeys()
	case f.Store == "nats" || f.esdb():
		if master, err = f.masterKey(con); err != nil {
			return nil, err
		}
		if err := c.openNATS(ctx, master); err != nil {
			return nil, err
		}
		c.store, c.keys = c.nats, c.nats.Keys()
		if f.esdb() {
			es, err := esdbstore.Open(ctx, f.Store, esdbstore.Options{})
			if err != nil {
				return nil, err
			}
			c.store = es
			c.closers = append(c.closers, es.Close)
		}
	default:
		return nil, fail(exitUsage, nil, "--store 只能是 nats、memory 或 esdb://…，不能是“%s”。", "--store is nats, memory or esdb://…, not %q.", f.Store)
	}
	c.persons, err = hkdf.Key(sha256.New, master, nil, "shenzhong references of persons v1", 32)
	if err != nil {
		return nil, err
	}
	c.registry = projections.Registry(c.keys)
	c.app = handlers.NewApp(c.store, c.registry, c.keys, c.persons)
	return c, nil
}

func (c *city) openNATS(ctx context.Context, master []byte) error {
	f := &c.flags
	cfg := natsstore.Config{Dir: f.storeDir(), Init: f.Init, MasterKey: master, Replicas: f.Replicas}
	if !f.esdb() {
		cfg.URL, cfg.CheckURL, cfg.TrustSync = f.NATS, f.NATSCheck, f.NATSTrustSync
		if f.NATSCreds != "" {
			cfg.Options = append(cfg.Options, nats.UserCredentials(f.NATSCreds))
		}
	}
	s, err := natsstore.Open(ctx, cfg)
	switch {
	case errors.Is(err, natsstore.ErrLocked):
		return fail(exitBusy, nil, "数据目录 %s 正被另一个进程使用；先停下它，或用 --data 指明别的目录。",
			"Another process is using the data directory %s; stop it first, or name another one with --data.", f.Data)
	case errors.Is(err, natsstore.ErrNoKeys):
		return fail(exitNoLog, err, "钥匙库不见了：不要用 --init，从钥匙备份恢复", "The key bucket is gone: do not use --init, restore it from the backup of the keys")
	case errors.Is(err, natsstore.ErrNoLog) && f.esdb():
		return fail(exitNoLog, err, "%s 里没有钥匙库。esdb 里若已有事件，不要用 --init，从钥匙备份恢复；第一次使用才加 --init",
			"There is no key bucket in %s. If esdb has events already, do not use --init, restore it from the backup of the keys; for a first use add --init", f.Data)
	case errors.Is(err, natsstore.ErrNoLog):
		return fail(exitNoLog, err, "%s 里没有日志。路径若没有写错，第一次使用请加 --init",
			"There is no log in %s. If the path is right and this is its first use, add --init", f.Data)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fail(exitFailed, err, "数据目录 %s 不能写：本程序须能在其中新建和修改文件", "The data directory %s cannot be written; this program must be able to make and change files in it", f.Data)
	case errors.Is(err, natsstore.ErrNotSynced), errors.Is(err, natsstore.ErrSyncUnseen):
		return fail(exitFailed, err, "不使用这台 NATS 服务器", "This NATS server is not used")
	case err != nil:
		return err
	}
	c.nats = s
	c.closers = append(c.closers, s.Close)
	return nil
}

// close closes what was opened, the last first. It may be called twice.
func (c *city) close() error {
	var errs []error
	for len(c.closers) > 0 {
		last := len(c.closers) - 1
		errs = append(errs, c.closers[last]())
		c.closers = c.closers[:last]
	}
	return errors.Join(errs...)
}

// masterKey reads the master key. Where nothing has been created yet and that
// is allowed, it makes one and says where.
func (f *cityFlags) masterKey(con *console) ([]byte, error) {
	path, err := f.masterKeyPath()
	if err != nil {
		return nil, err
	}
	inside, err := within(path, f.Data)
	if err != nil {
		return nil, err
	}
	if inside {
		return nil, fail(exitUsage, nil, "主密钥文件 %s 在数据目录里面；请放到别处，两者不能放在一起。",
			"The master key file %s lies in the data directory; keep them apart.", path)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		// A log that exists was written under a key. A new one would not open it.
		if !f.Init || f.exists() || f.NATS != "" {
			return nil, fail(exitNoLog, nil, "没有主密钥文件 %s。用 --master-key 指明；第一次使用可以加 --init 新建，或者：openssl rand -hex 32 > 文件",
				"There is no master key file %s. Name it with --master-key; for a first use add --init to create it, or: openssl rand -hex 32 > FILE", path)
		}
		return f.newMasterKey(con, path)
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != 32 {
		return nil, fail(exitNoLog, nil, "主密钥文件 %s 的内容不对：应是 64 位十六进制数字。", "The master key file %s is not right: 64 hex digits are expected.", path)
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o007 != 0 {
		slog.Warn("the master key file can be read by every user of this machine; chmod 600 it", "file", path)
	}
	return key, f.checkKeyID(key, path)
}

func (f *cityFlags) masterKeyPath() (string, error) {
	if f.MasterKey != "" {
		return f.MasterKey, nil
	}
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "shenzhong", "master.key"), nil
	}
	// No home, as in a container: beside the data directory.
	abs, err := filepath.Abs(f.Data)
	return abs + ".key", err
}

func (f *cityFlags) newMasterKey(con *console, path string) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = w.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		return nil, err
	}
	con.note("已新建主密钥 %s（只有本用户可读）。没有它，日志里的个人信息再也读不出来：请另存一份，不要与数据备份放在一起。",
		"Created the master key %s, readable by you alone. Without it personal data in the log can never be read: keep a copy, apart from backups of the data.", path)
	return key, f.checkKeyID(key, path)
}

// checkKeyID notes beside the data which key belongs to it, and refuses another
// one at once rather than at the first name that does not open.
func (f *cityFlags) checkKeyID(key []byte, path string) error {
	sum := sha256.Sum256(append([]byte("shenzhong master key id\x00"), key...))
	id := hex.EncodeToString(sum[:8])
	file := filepath.Join(f.Data, "master-key.id")
	b, err := os.ReadFile(file)
	switch {
	case err == nil && strings.TrimSpace(string(b)) == id:
		return nil
	case err == nil:
		return fail(exitNoLog, nil, "主密钥 %s 与数据目录 %s 不符：它是用另一把密钥建立的。", "The master key %s does not belong to the data directory %s, which was made under another one.", path, f.Data)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case !f.Init && !f.exists():
		return nil // nothing there yet, and nothing is to be made: the store says so
	}
	if err := os.MkdirAll(f.Data, 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(id+"\n"), 0o640)
}

// within says that path lies in dir, whatever links lead there.
func within(path, dir string) (bool, error) {
	real := func(p string) (string, error) {
		p, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		// The longest part that exists is resolved; the rest cannot be a link.
		rest := ""
		for q := p; ; q, rest = filepath.Dir(q), filepath.Join(filepath.Base(q), rest) {
			if r, err := filepath.EvalSymlinks(q); err == nil {
				return filepath.Join(r, rest), nil
			} else if q == filepath.Dir(q) {
				return p, nil
			}
		}
	}
	p, err := real(path)
	if err != nil {
		return false, err
	}
	d, err := real(dir)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(d, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// say which version of the log a message is about, for reports.
func (c *city) where() string {
	switch {
	case c.flags.Store == "memory":
		return "memory"
	case c.flags.esdb():
		return "esdb"
	case c.flags.NATS != "":
		return fmt.Sprintf("nats %s", c.flags.NATS)
	}
	return c.flags.Data
}
