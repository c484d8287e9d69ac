package handlers

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/crypto/argon2"
	_ "modernc.org/sqlite" // the sessions' file
)

// The cost of one argon2id hash: 19 MiB, two passes (OWASP's least). They stand
// in every hash, so that a later version of the program may ask for more.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
)

// hashing lets so many passwords be hashed at once: each takes 19 MiB, and a
// flood of wrong ones must not take the machine's memory.
var hashing = make(chan struct{}, 4)

func argon(password string, salt []byte, t, m uint32, p uint8, n uint32) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, t, m, p, n)
}

// HashPassword is how a password is kept: argon2id with its own salt, in the
// PHC form "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
func HashPassword(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon(password, salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, b64(salt), b64(key))
}

// A passwordHash is one taken apart.
type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parsePasswordHash(s string) (h passwordHash, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errors.New("it is no argon2id hash")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return h, fmt.Errorf("argon2 version %q", parts[2])
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, err
	}
	if h.memory < 8 || h.memory > 1<<20 || h.time < 1 || h.time > 64 || h.threads < 1 {
		return h, fmt.Errorf("argon2 parameters %q", parts[3])
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, err
	}
	h.key, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err == nil && len(h.key) < 16 {
		err = errors.New("the hash is short")
	}
	return h, err
}

func (h passwordHash) of(password string) bool {
	got := argon(password, h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1
}

// noPassword is compared against when there is no such account, or one without
// a password, so that a wrong id takes as long as a wrong password.
var noPassword = sync.OnceValue(func() passwordHash {
	h, err := parsePasswordHash(HashPassword(rand.Text()))
	if err != nil {
		panic(err) // our own hash
	}
	return h
})

// The bounds of a password. There is no rule about its letters: length is what
// counts (GB/T 22239 asks for complexity; an institution may ask for more).
const (
	minPassword = 12
	maxPassword = 200
)

// ErrPasswordShort refuses a password that can be tried out.
var ErrPasswordShort = refuse(http.StatusUnprocessableEntity, "password_short", "口令至少 %d 个字符。", "A password has at least %d characters.")

// SetPassword gives the account a password.
func SetPassword(a Account, password string) (Account, error) {
	if n := len([]rune(password)); n < minPassword || n > maxPassword {
		return a, ErrPasswordShort.With(minPassword)
	}
	a.Password = HashPassword(password)
	return a, nil
}

// NewPassword makes a password that can be read out over a telephone: four
// groups of four letters and digits, none of which looks like another.
func NewPassword() string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
	b := make([]byte, 0, 19)
	for len(b) < 19 {
		if len(b)%5 == 4 {
			b = append(b, '-')
			continue
		}
		var r [1]byte
		rand.Read(r[:])
		if int(r[0]) < 256/len(alphabet)*len(alphabet) {
			b = append(b, alphabet[int(r[0])%len(alphabet)])
		}
	}
	return string(b)
}

// CheckPassword answers with the account whose password it is, or with
// ErrSignIn, which does not say what was wrong.
func (s *Accounts) CheckPassword(id, password string) (*Account, error) {
	s.mu.RLock()
	a := s.byID[id]
	s.mu.RUnlock()
	h := noPassword()
	known := a != nil && a.Password != ""
	if known {
		var err error
		if h, err = parsePasswordHash(a.Password); err != nil {
			return nil, err // NewAccounts has looked at it
		}
	}
	if len(password) > maxPassword*4 || !h.of(password) || !known || a.Disabled {
		return nil, ErrSignIn
	}
	return a, nil
}

// ByID finds an account that may still sign in.
func (s *Accounts) ByID(id string) (*Account, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.byID[id]
	return a, a != nil && !a.Disabled
}

// Officer says that an account is the authority's and may sign in.
func (s *Accounts) Officer(id string) bool {
	a, ok := s.ByID(id)
	return ok && a.Has(Regulator)
}

// The refusals of signing in.
var (
	ErrSignIn      = refuse(http.StatusUnauthorized, "sign_in_wrong", "工号或口令不对，请再看一遍。", "The account or the password is not right; please look again.")
	ErrSignInOften = refuse(http.StatusTooManyRequests, "sign_in_too_often", "连续填错太多次，请 %d 分钟后再试，或请管理员重设口令。", "Too many wrong tries; please wait %d minutes, or ask for a new password.")
)

// SessionConfig is how long sessions last. Zero values mean the defaults.
type SessionConfig struct {
	// Path is the file that keeps the sessions over a restart; empty: they end
	// with the program.
	Path string
	// Idle ends a session in which nothing was done. Default: 30 minutes.
	Idle time.Duration
	// Lifetime ends every session. Default: 12 hours, a long shift.
	Lifetime time.Duration
	// Now is the clock of the limit on signing in. Default: time.Now.
	Now func() time.Time
}

// Sessions are the browsers in which somebody has signed in. What a browser
// holds is a random token; the file holds its hash.
type Sessions struct {
	accounts *Accounts
	scs      *scs.SessionManager
	tries    tries
	idle     time.Duration
	db       *sessionStore
}

// sessionCookie is the cookie's name.
const sessionCookie = "shenzhong_session"

// NewSessions opens the sessions of these accounts.
func NewSessions(accounts *Accounts, cfg SessionConfig) (*Sessions, error) {
	if cfg.Idle == 0 {
		cfg.Idle = 30 * time.Minute
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 12 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	dsn := "file::memory:"
	if cfg.Path != "" {
		// A sentence for the next page may tell a one-time code: nobody else reads
		// the file, and what was taken from it is overwritten.
		f, err := os.OpenFile(cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
			return nil, err
		}
		dsn = "file:" + cfg.Path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=secure_delete(ON)"
	}
	db, err := openSessions(dsn)
	if err != nil {
		return nil, err
	}
	// Not scs.New, which begins a store of its own. The cookie is ours (commit).
	m := &scs.SessionManager{IdleTimeout: cfg.Idle, Lifetime: cfg.Lifetime, Store: db, Codec: scs.GobCodec{}, HashTokenInStore: true}
	return &Sessions{accounts: accounts, scs: m, idle: cfg.Idle, tries: tries{now: cfg.Now, failed: map[string]failures{}}, db: db}, nil
}

// Close closes the sessions' file.
func (s *Sessions) Close() error { return s.db.Close() }

// Idle is after how long a session ends in which nothing was done.
func (s *Sessions) Idle() time.Duration { return s.idle }

// A sessionStore keeps sessions in SQLite.
type sessionStore struct{ *sql.DB }

func openSessions(dsn string) (*sessionStore, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS session (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry INTEGER NOT NULL) WITHOUT ROWID`); err != nil {
		return nil, errors.Join(fmt.Errorf("sessions: %w", err), db.Close())
	}
	return &sessionStore{db}, nil
}

// Find, Commit and Delete are what scs asks of a store.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit keeps a session.
func (s *sessionStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// Delete ends a session.
func (s *sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// FindCtx answers with a session that has not ended.
func (s *sessionStore) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	err = s.QueryRowContext(ctx, `SELECT data FROM session WHERE token = ? AND expiry > ?`, token, time.Now().UnixMilli()).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// known marks the context of a commit of a session that was there when the
// request began. Where it has ended since, by signing out in another tab, a
// request that began before must not bring it back.
type known struct{}

// CommitCtx keeps a session, and forgets those that have ended.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if ctx.Value(known{}) != nil {
		_, err := s.ExecContext(ctx, `UPDATE session SET data = ?, expiry = ? WHERE token = ?`, b, expiry.UnixMilli(), token)
		return err
	}
	if _, err := s.ExecContext(ctx, `INSERT INTO session VALUES (?, ?, ?) ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`, token, b, expiry.UnixMilli()); err != nil {
		return err
	}
	_, err := s.ExecContext(ctx, `DELETE FROM session WHERE expiry <= ?`, time.Now().UnixMilli())
	return err
}

// DeleteCtx ends a session.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.ExecContext(ctx, `DELETE FROM session WHERE token = ?`, token)
	return err
}

// Poll marks, in its query, a request that a page makes by itself. It keeps no
// session alive: a screen that nobody looks at signs out.
const Poll = "poll"

// Middleware puts the account that signed in in this browser behind the
// request, unless a token did already.
func (s *Sessions) Middleware(problem func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", "Cookie")
			token := ""
			if c, err := r.Cookie(sessionCookie); err == nil {
				token = c.Value
			}
			ctx, err := s.scs.Load(r.Context(), token)
			if err != nil {
				problem(w, r, err)
				return
			}
			if id := s.scs.GetString(ctx, "account"); id != "" && Actor(ctx) == nil {
				if a, ok := s.accounts.ByID(id); ok && s.scs.GetString(ctx, "password") == passwordMark(a) {
					ctx = WithActor(ctx, a)
				}
			}
			r = r.WithContext(ctx)
			sw := &sessionWriter{ResponseWriter: w, commit: func() { s.commit(w, r) }}
			next.ServeHTTP(sw, r)
			sw.once.Do(sw.commit)
		})
	}
}

// passwordMark changes when the account gets another password, which ends its
// sessions.
func passwordMark(a *Account) string {
	sum := sha256.Sum256([]byte(a.Password))
	return hex.EncodeToString(sum[:8])
}

// commit keeps what the request changed and tells the browser.
func (s *Sessions) commit(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	c := &http.Cookie{Name: sessionCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: overTLS(r)}
	switch s.scs.Status(ctx) {
	case scs.Modified:
		if s.scs.GetString(ctx, "account") == "" && s.scs.Token(ctx) == "" || r.URL.Query().Has(Poll) {
			return
		}
		// The request may be cancelled by now; what it did is done.
		keep := context.WithoutCancel(ctx)
		if had, err := r.Cookie(sessionCookie); err == nil && had.Value != "" && had.Value == s.scs.Token(ctx) {
			keep = context.WithValue(keep, known{}, true)
		}
		token, _, err := s.scs.Commit(keep)
		if err != nil {
			recordOf(ctx).err = err
			return
		}
		if c.Value = token; token == "" {
			return
		}
	case scs.Destroyed:
		c.MaxAge = -1
	default:
		return
	}
	w.Header().Add("Set-Cookie", c.String())
}

// overTLS says that the browser asked over TLS, which something in front of the
// program may have ended. A caller who only says so gets a stricter cookie.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

type sessionWriter struct {
	http.ResponseWriter
	once   sync.Once
	commit func()
}

func (w *sessionWriter) WriteHeader(status int) {
	w.once.Do(w.commit)
	w.ResponseWriter.WriteHeader(status)
}

func (w *sessionWriter) Write(b []byte) (int, error) {
	w.once.Do(w.commit)
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *sessionWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SignIn begins a session for who knows the password. Wrong tries are counted
// for the account at this address, for the address and for the account.
func (s *Sessions) SignIn(r *http.Request, id, password string) (*Account, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	id = id[:min(len(id), maxAccountID+1)] // no account has a longer one
	from := Client(r)
	keys := []string{"both " + id + " " + from, "from " + from, "account " + id}
	// Counted before the password is looked at: tries that come at once must not
	// all be looked at because none has failed yet.
	if wait := s.tries.begin(keys); wait > 0 {
		return nil, ErrSignInOften.With(int((wait + time.Minute - 1) / time.Minute))
	}
	a, err := s.accounts.CheckPassword(id, password)
	if !errors.Is(err, ErrSignIn) {
		s.tries.undo(keys)
	}
	if err != nil {
		return nil, err
	}
	s.tries.forget(keys[0])
	ctx := r.Context()
	if err := s.scs.RenewToken(ctx); err != nil { // a token known before is worth nothing now
		return nil, err
	}
	s.scs.Put(ctx, "account", a.ID)
	s.scs.Put(ctx, "password", passwordMark(a))
	return a, nil
}

// SignOut ends the session.
func (s *Sessions) SignOut(ctx context.Context) error { return s.scs.Destroy(ctx) }

// Put keeps a value in the session, to be taken once.
func (s *Sessions) Put(ctx context.Context, key, value string) { s.scs.Put(ctx, "page "+key, value) }

// Peek answers with what was Put and leaves it there.
func (s *Sessions) Peek(ctx context.Context, key string) string {
	return s.scs.GetString(ctx, "page "+key)
}

// Take answers with what was Put and forgets it.
func (s *Sessions) Take(ctx context.Context, key string) string {
	return s.scs.PopString(ctx, "page "+key)
}

// Client is whom a request counts against: the address that it comes from, or
// that a proxy on this machine says it comes from. Of an IPv6 address the first
// 64 bits count, which is what one household or machine has at the least.
func Client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err == nil && ip.IsLoopback() {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		host = cmp.Or(strings.TrimSpace(hops[len(hops)-1]), host)
		ip, err = netip.ParseAddr(host)
	}
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		net, _ := ip.Prefix(64) // an address of 128 bits has such a prefix
		return net.String()
	}
	return ip.String()
}

// The limits on wrong tries within tryWindow: for one account at one address,
// for one address (a whole counter behind one router), for one account.
const (
	tryWindow = 15 * time.Minute
	maxTries  = 1 << 16 // entries, then the ended ones go
)

var tryLimits = map[string]int{"both": 5, "from": 50, "account": 30}

type failures struct {
	n     int
	until time.Time
}

// tries count wrong passwords.
type tries struct {
	mu     sync.Mutex
	now    func() time.Time
	failed map[string]failures
}

// begin counts a try, as a wrong one until undo or forget; or it says how long
// until one of these may try again, and counts nothing.
func (t *tries) begin(keys []string) (d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, k := range keys {
		kind, _, _ := strings.Cut(k, " ")
		if f := t.failed[k]; f.n >= tryLimits[kind] && f.until.After(now) {
			d = max(d, f.until.Sub(now))
		}
	}
	if d > 0 {
		return d
	}
	if len(t.failed) >= maxTries {
		for k, f := range t.failed {
			if !f.until.After(now) {
				delete(t.failed, k)
			}
		}
	}
	for _, k := range keys {
		f := t.failed[k]
		if !f.until.After(now) {
			f = failures{until: now.Add(tryWindow)}
		}
		f.n++
		t.failed[k] = f
	}
	return 0
}

// undo takes back a try that was not wrong.
func (t *tries) undo(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if f := t.failed[k]; f.n > 1 {
			f.n--
			t.failed[k] = f
		} else {
			delete(t.failed, k)
		}
	}
}

func (t *tries) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failed, key)
}
