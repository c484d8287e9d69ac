package handlers

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const owls = "two-owls-watch-the-sea"

var owlsHash = sync.OnceValue(func() string { return HashPassword(owls) })

func seated(t testing.TB, edit ...func(*Account)) *Accounts {
	t.Helper()
	a, _ := Issue(Account{ID: "desk-0101", Roles: []Role{Desk}, Institution: "12210200422000019F"})
	a.Password = owlsHash()
	b, _ := Issue(Account{ID: "api-0001", Roles: []Role{Importer}, Institution: Everywhere}) // has no password
	for _, e := range edit {
		e(&a)
	}
	as, err := NewAccounts(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return as
}

func TestPasswords(t *testing.T) {
	as := seated(t)
	for _, tc := range []struct {
		id, password string
		err          error
	}{
		{"desk-0101", owls, nil}, {"desk-0101", owls + " ", ErrSignIn}, {"desk-0101", "", ErrSignIn}, {"nobody", owls, ErrSignIn}, {"api-0001", "", ErrSignIn},
		{"api-0001", owls, ErrSignIn}, {"desk-0101", strings.Repeat("x", 10_000), ErrSignIn},
	} {
		if a, err := as.CheckPassword(tc.id, tc.password); !errors.Is(err, tc.err) || err == nil && a.ID != tc.id {
			t.Errorf("%s: %v", tc.id, err)
		}
	}
	if _, err := seated(t, func(a *Account) { a.Disabled = true }).CheckPassword("desk-0101", owls); !errors.Is(err, ErrSignIn) {
		t.Errorf("a disabled account: %v", err)
	}
	if one, two := HashPassword(owls), HashPassword(owls); one == two {
		t.Error("two hashes of one password are the same")
	}
	if _, err := SetPassword(Account{}, "short"); !errors.Is(err, ErrPasswordShort) {
		t.Errorf("a short password: %v", err)
	}
	if p := NewPassword(); len(p) != 19 || p == NewPassword() {
		t.Errorf("a new password is %q", p)
	}
	for _, h := range []string{"x", "$argon2id$v=18$m=1,t=1,p=1$AA$AA", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$AA"} {
		a, _ := Issue(Account{ID: "desk-0101", Roles: []Role{Desk}, Password: h})
		if _, err := NewAccounts(a); err == nil {
			t.Errorf("%q is taken for a hash", h)
		}
	}
}

// A seat is a browser at a server that has sessions.
type browserAt struct {
	*testing.T
	*httptest.Server
	client *http.Client
}

func sessionServer(t *testing.T, s *Sessions) *httptest.Server {
	t.Helper()
	problem := func(w http.ResponseWriter, r *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.SignIn(r, r.FormValue("account"), r.FormValue("password")); err != nil {
			http.Error(w, err.Error(), ProblemOf(err, "en").Status)
		}
	})
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		if err := s.SignOut(r.Context()); err != nil {
			problem(w, r, err)
		}
	})
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) {
		if a := Actor(r.Context()); a != nil {
			w.Write([]byte(a.ID))
		}
	})
	mux.HandleFunc("GET /notice", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(s.Take(r.Context(), "notice"))) })
	mux.HandleFunc("POST /notice", func(w http.ResponseWriter, r *http.Request) { s.Put(r.Context(), "notice", "recorded") })
	srv := httptest.NewServer(s.Middleware(problem)(mux))
	t.Cleanup(srv.Close)
	return srv
}

func browserOf(t *testing.T, srv *httptest.Server) *browserAt {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browserAt{t, srv, &http.Client{Jar: jar}}
}

func (b *browserAt) read(res *http.Response, err error) (int, string, http.Header) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var s strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := res.Body.Read(buf)
		s.Write(buf[:n])
		if err != nil {
			return res.StatusCode, s.String(), res.Header
		}
	}
}

func (b *browserAt) signIn(id, password string) int {
	b.Helper()
	status, _, _ := b.read(b.client.PostForm(b.URL+"/signin", url.Values{"account": {id}, "password": {password}}))
	return status
}

func (b *browserAt) who() string {
	b.Helper()
	_, s, _ := b.read(b.client.Get(b.URL + "/who"))
	return s
}

func newSessions(t *testing.T, as *Accounts, cfg SessionConfig) *Sessions {
	t.Helper()
	s, err := NewSessions(as, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSessionOverItsLife(t *testing.T) {
	b := browserOf(t, sessionServer(t, newSessions(t, seated(t), SessionConfig{})))
	if b.who() != "" || b.signIn("desk-0101", "wrong") != http.StatusUnauthorized || b.who() != "" {
		t.Error("somebody is signed in who is not")
	}
	if b.signIn(" DESK-0101 ", owls) != http.StatusOK || b.who() != "desk-0101" {
		t.Fatal("not signed in")
	}
	b.read(b.client.PostForm(b.URL+"/notice", nil))
	_, first, _ := b.read(b.client.Get(b.URL + "/notice"))
	_, second, _ := b.read(b.client.Get(b.URL + "/notice"))
	if first != "recorded" || second != "" {
		t.Errorf("the notice shows as %q, then %q", first, second)
	}
	u, _ := url.Parse(b.URL)
	before := b.client.Jar.Cookies(u)[0].Value
	b.signIn("desk-0101", owls)
	if after := b.client.Jar.Cookies(u)[0].Value; after == before {
		t.Error("signing in keeps a token that somebody may have planted")
	}
	b.read(b.client.PostForm(b.URL+"/signout", nil))
	if b.who() != "" {
		t.Error("still signed in after signing out")
	}
	old := browserOf(t, b.Server)
	old.client.Jar.SetCookies(u, []*http.Cookie{{Name: sessionCookie, Value: before}})
	if old.who() != "" {
		t.Error("a token from before still opens the session")
	}
}

func TestSessionCookie(t *testing.T) {
	b := browserOf(t, sessionServer(t, newSessions(t, seated(t), SessionConfig{})))
	for _, proto := range []string{"", "https"} {
		r, err := http.NewRequest(http.MethodPost, b.URL+"/signin", strings.NewReader(url.Values{"account": {"desk-0101"}, "password": {owls}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-Proto", proto)
		_, _, h := b.read(b.client.Do(r))
		c := h.Get("Set-Cookie")
		for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(c, want) {
				t.Errorf("the cookie lacks %s: %s", want, c)
			}
		}
		if strings.Contains(c, "Secure") != (proto == "https") || strings.Contains(c, "Max-Age") || strings.Contains(c, "Expires") {
			t.Errorf("over %q the cookie is %s", proto, c)
		}
	}
	fresh := browserOf(t, b.Server)
	if _, _, h := fresh.read(fresh.client.Get(b.URL + "/who")); h.Get("Set-Cookie") != "" {
		t.Error("somebody who only looks gets a cookie")
	}
}

func TestAnotherPasswordEndsTheSession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	first := newSessions(t, seated(t), SessionConfig{Path: path})
	b := browserOf(t, sessionServer(t, first))
	b.signIn("desk-0101", owls)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	move := func(as *Accounts) *browserAt {
		next := browserOf(t, sessionServer(t, newSessions(t, as, SessionConfig{Path: path})))
		from, _ := url.Parse(b.URL)
		to, _ := url.Parse(next.URL)
		next.client.Jar.SetCookies(to, b.client.Jar.Cookies(from))
		return next
	}
	if got := move(seated(t)).who(); got != "desk-0101" {
		t.Errorf("after a restart %q is signed in", got)
	}
	if got := move(seated(t, func(a *Account) { a.Password = HashPassword("three-owls-watch-the-sea") })).who(); got != "" {
		t.Errorf("with another password %q is signed in", got)
	}
	if got := move(seated(t, func(a *Account) { a.Disabled = true })).who(); got != "" {
		t.Errorf("disabled, %q is signed in", got)
	}
}

// TestSessionsEnd: by doing nothing, and in any case after a long shift; a page
// that asks by itself is nobody doing something.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewSessions(seated(t), SessionConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		token := ""
		ask := func(method, address string) *httptest.ResponseRecorder {
			h := s.Middleware(func(w http.ResponseWriter, r *http.Request, err error) { t.Error(err) })(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					if _, err := s.SignIn(r, "desk-0101", owls); err != nil {
						t.Error(err)
					}
				}
				if a := Actor(r.Context()); a != nil {
					w.Write([]byte(a.ID))
				}
			}))
			r := httptest.NewRequest(method, address, nil)
			if token != "" {
				r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token})
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			for _, c := range w.Result().Cookies() {
				token = c.Value
			}
			return w
		}
		in := func() bool { return ask(http.MethodGet, "/who").Body.String() == "desk-0101" }
		ask(http.MethodPost, "/signin")
		for range 5 {
			time.Sleep(29 * time.Minute)
			if !in() {
				t.Fatal("signed out although somebody is at work")
			}
		}
		for range 4 {
			time.Sleep(8 * time.Minute)
			ask(http.MethodGet, "/who?"+Poll+"=1")
		}
		if in() {
			t.Error("a page that asks by itself keeps the session alive")
		}
		token = ""
		ask(http.MethodPost, "/signin")
		for range 25 {
			time.Sleep(28 * time.Minute)
			in()
		}
		time.Sleep(25 * time.Minute) // 12 h 5 min
		if in() {
			t.Error("a session outlives a long shift")
		}
	})
}

func TestWrongTriesAreCounted(t *testing.T) {
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	s := newSessions(t, seated(t), SessionConfig{Now: func() time.Time { return now }})
	from := func(addr, id, password string) error {
		r := httptest.NewRequest(http.MethodPost, "/signin", nil)
		r.RemoteAddr = addr + ":1234"
		ctx, err := s.scs.Load(r.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.SignIn(r.WithContext(ctx), id, password)
		return err
	}
	for i := range 5 {
		if err := from("10.0.0.1", "desk-0101", "wrong"); !errors.Is(err, ErrSignIn) {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	if err := from("10.0.0.1", "desk-0101", owls); !errors.Is(err, ErrSignInOften) {
		t.Errorf("the sixth try, with the right password: %v", err)
	}
	if err := from("10.0.0.2", "desk-0101", owls); err != nil {
		t.Errorf("from another counter: %v", err)
	}
	now = now.Add(15 * time.Minute)
	if err := from("10.0.0.1", "desk-0101", owls); err != nil {
		t.Errorf("a quarter of an hour later: %v", err)
	}
	for i := range 30 { // many counters try one account
		from("10.0.1."+string(rune('0'+i%10))+string(rune('0'+i/10)), "desk-0101", "wrong")
	}
	if err := from("10.0.0.9", "desk-0101", owls); !errors.Is(err, ErrSignInOften) {
		t.Errorf("after thirty tries from everywhere: %v", err)
	}
}

// TestTriesAtOnceAreCounted: of many wrong passwords that come at once no more
// are looked at than of as many that come one by one.
func TestTriesAtOnceAreCounted(t *testing.T) {
	s := newSessions(t, seated(t), SessionConfig{})
	var looked atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, err := s.SignIn(httptest.NewRequest(http.MethodPost, "/signin", nil), "desk-0101", "wrong")
			if errors.Is(err, ErrSignIn) {
				looked.Add(1)
			} else if !errors.Is(err, ErrSignInOften) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := looked.Load(); n != 5 {
		t.Errorf("%d of 40 passwords were looked at, want 5", n)
	}
}

func TestClient(t *testing.T) {
	for _, tc := range []struct {
		from      string
		forwarded []string
		want      string
	}{
		{"203.0.113.7:4711", nil, "203.0.113.7"},
		{"203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"}, // nobody vouches for what a stranger says
		{"127.0.0.1:4711", nil, "127.0.0.1"},
		{"127.0.0.1:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		{"[::1]:4711", []string{"10.0.0.1, 198.51.100.1"}, "198.51.100.1"}, // the proxy adds at the end
		{"[::1]:4711", []string{"10.0.0.1", "198.51.100.1"}, "198.51.100.1"},
		{"[2001:db8:1:2:3:4:5:6]:4711", nil, "2001:db8:1:2::/64"}, // one machine has them all
		{"127.0.0.1:4711", []string{"2001:db8:1:2:ffff::1"}, "2001:db8:1:2::/64"},
		{"[::ffff:203.0.113.7]:4711", nil, "203.0.113.7"},
		{"unix", nil, "unix"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tc.from
		for _, f := range tc.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := Client(r); got != tc.want {
			t.Errorf("%s, forwarded %q: %s, want %s", tc.from, tc.forwarded, got, tc.want)
		}
	}
}

// TestSignedOutStaysSignedOut: a page that was under way when somebody signed
// out does not bring the session back.
func TestSignedOutStaysSignedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := newSessions(t, seated(t), SessionConfig{Path: path})
	began, end := make(chan struct{}), make(chan struct{})
	inner := sessionServer(t, s).Config.Handler
	mux := http.NewServeMux()
	mux.Handle("/", inner)
	mux.Handle("GET /slow", s.Middleware(func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), 500) })(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(began)
			<-end
			s.Put(r.Context(), "notice", "late")
		})))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	b := browserOf(t, srv)
	if got := b.signIn("desk-0101", owls); got != http.StatusOK || b.who() != "desk-0101" {
		t.Fatal(got)
	}
	at, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	held := b.client.Jar.Cookies(at)[0]
	done := make(chan error)
	go func() {
		res, err := b.client.Get(srv.URL + "/slow")
		if err == nil {
			err = res.Body.Close()
		}
		done <- err
	}()
	<-began
	b.read(b.client.PostForm(srv.URL+"/signout", nil))
	close(end)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, srv.URL+"/who", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(held)
	if _, who, _ := b.read(http.DefaultClient.Do(r)); who != "" {
		t.Errorf("who signed out is %s again", who)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the sessions' file: %v, %v", info.Mode(), err)
	}
}
