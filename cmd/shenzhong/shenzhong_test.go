package main

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"shenzhong/domain"
	"shenzhong/domain/pricing"
)

// Every command, flag and argument explains itself in both languages.
func TestHelp(t *testing.T) {
	parser, err := newParser(&cli{}, &console{lang: "en", out: io.Discard, err: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		path := strings.TrimSpace(strings.TrimPrefix(n.FullPath(), "shenzhong"))
		if path != "" && (n.Help == "" || zhHelp[path] == "") {
			t.Errorf("%q has no help in one of the languages", path)
		}
		if d, ok := details[path]; !ok || d[0] == "" || d[1] == "" {
			t.Errorf("%q has no details in one of the languages", path)
		} else if !strings.Contains(d[0], "shenzhong ") || !strings.Contains(d[1], "shenzhong ") {
			if path != "import prices" { // its example is a file
				t.Errorf("%q has no example", path)
			}
		}
		for _, f := range n.Flags {
			if !f.Hidden && (f.Help == "" || zhHelp["--"+f.Name] == "" && zhHelp[path+" --"+f.Name] == "") {
				t.Errorf("%q --%s has no help in one of the languages", path, f.Name)
			}
		}
		for _, p := range n.Positional {
			if p.Help == "" || zhHelp[path+" "+p.Name] == "" {
				t.Errorf("%q %s has no help in one of the languages", path, p.Name)
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(parser.Model.Node)
}

func TestLanguage(t *testing.T) {
	env := func(kv ...string) func(string) string {
		return func(k string) string {
			for i := 0; i < len(kv); i += 2 {
				if kv[i] == k {
					return kv[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		args []string
		env  func(string) string
		want string
	}{
		{nil, env(), "zh"},
		{nil, env("LANG", "C.UTF-8"), "zh"},
		{nil, env("LANG", "en_GB.UTF-8"), "en"},
		{nil, env("LANG", "en_GB.UTF-8", "LC_ALL", "zh_CN.UTF-8"), "zh"},
		{[]string{"verify", "--lang", "en"}, env("LANG", "zh_CN.UTF-8"), "en"},
		{[]string{"--lang=zh", "verify"}, env("LANG", "en_US"), "zh"},
		{[]string{"verify", "--", "--lang=en"}, env("SHENZHONG_LANG", "zh"), "zh"},
	} {
		if got := language(c.args, c.env); got != c.want {
			t.Errorf("%v: %s, want %s", c.args, got, c.want)
		}
	}
}

// The demo city: valid check digits, marked as invented, the same each time.
func TestDemoCity(t *testing.T) {
	d, err := newDemoCity()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.homes) != 10 || len(d.districts) != 10 {
		t.Errorf("%d homes in %d districts", len(d.homes), len(d.districts))
	}
	codes, numbers := map[domain.CreditCode]bool{}, map[int]bool{}
	for _, s := range d.all() {
		if _, err := domain.ParseCreditCode(string(s.code())); err != nil || codes[s.code()] || numbers[s.nn] {
			t.Errorf("%s %d: %v, or there twice", s.code(), s.nn, err)
		}
		codes[s.code()], numbers[s.nn] = true, true
		if !strings.HasSuffix(s.reg.NameZh, demoLabel) || !s.reg.Fictitious {
			t.Errorf("%s does not say that it is invented", s.reg.NameZh)
		}
		before, after := s.lists()
		if before.EffectiveFrom >= after.EffectiveFrom || len(before.Rows) == 0 {
			t.Errorf("%s: lists of %s and %s", s.reg.NameZh, before.EffectiveFrom, after.EffectiveFrom)
		}
		for i, r := range before.Rows { // what was quoted under the first list stays agreed under the second
			if after.Rows[i].Code != r.Code || after.Rows[i].Price > r.Price {
				t.Errorf("%s: %s is dearer in the second list", s.reg.NameZh, r.Code)
			}
		}
	}
}

// A plan follows from its seed, keeps its furnaces and its people apart, and
// does not know the future.
func TestPlan(t *testing.T) {
	const n = 3000
	make := func(seed uint64, n int) *plan {
		d, err := newDemoCity()
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := newPlan(d, seed, n, simulateFrom, simulateUntil, simulateUntil.AddDays(1).Start())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, again, other := make(7, n), make(7, n), make(8, n)
	slots, ids, places := map[string]bool{}, map[domain.CitizenID]bool{}, map[string]bool{}
	for i, f := range p.funerals {
		g := again.funerals[i]
		if f.id != g.id || f.dead != g.dead || f.living != g.living || !f.slot.Equal(g.slot) || f.rest.place != g.rest.place {
			t.Fatalf("case %d differs between two plans of one seed", i)
		}
		if f.id == other.funerals[i].id {
			t.Errorf("case %d is the same under another seed", i)
		}
		slot := string(f.home.code()) + f.furnace + f.slot.String()
		if slots[slot] || ids[f.dead.id] {
			t.Errorf("case %d: furnace or ID number is given twice", i)
		}
		slots[slot], ids[f.dead.id] = true, true
		if _, err := domain.ParseCitizenID(string(f.dead.id)); err != nil || f.dead.id.Birth() != f.dead.birth || f.dead.birth >= f.dead.died {
			t.Errorf("case %d: %v, born %s, died %s", i, err, f.dead.birth, f.dead.died)
		}
		if x := f.rest; x.at != nil && x.eco == "" {
			key := string(x.at.code()) + x.at.place(x.section, x.place).Plot
			if places[key] {
				t.Errorf("case %d: %s is given twice", i, key)
			}
			places[key] = true
		}
		at := f.opened
		f.steps(func(when time.Time, k stepKind) {
			if when.Before(f.opened) || k <= stepRelease && k > stepHall && when.Before(at) && k != stepReceive && k != stepDeathCertificate {
				t.Errorf("case %d: step %d comes at %s, before %s", i, k, when, at)
			}
			at = when
		})
	}
	end := simulateUntil.AddDays(1).Start().Unix()
	for _, l := range p.lanes {
		if !slices.IsSortedFunc(l.steps, func(a, b planned1) int { return int(a.at - b.at) }) || l.steps[len(l.steps)-1].at >= end {
			t.Errorf("lane %s is out of order or knows the future", l.name)
		}
	}
	// A quarter past eight the first of the day are in the furnaces and nobody is
	// out: they too came after those of the days before.
	d, err := newDemoCity()
	if err != nil {
		t.Fatal(err)
	}
	morning, _, err := newPlan(d, 7, n, simulateFrom, simulateUntil, simulateUntil.Start().Add(8*time.Hour+15*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	used, waiting := map[string]bool{}, 0
	for _, l := range morning.lanes {
		furnace := l.name[:strings.LastIndexByte(l.name, '.')]
		if used[furnace] && slices.ContainsFunc(l.steps, func(st planned1) bool { return st.kind == stepCharge }) {
			if l.before == nil {
				t.Errorf("lane %s waits for nobody", l.name)
			}
			if l.charges == 0 {
				waiting++
			}
		}
		used[furnace] = used[furnace] || l.charges > 0
	}
	if waiting == 0 {
		t.Error("nobody is in a furnace: the test shows nothing")
	}
}

func TestPeopleCarryTheMark(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		d := someoneDead(r, "210211", "2026-03-01")
		l := someoneLiving(r, d)
		if !strings.HasSuffix(d.name, inventedMark) || !strings.HasSuffix(l.name, inventedMark) {
			t.Fatal(d.name, l.name)
		}
		if _, err := domain.ParseCitizenID(string(l.id)); err != nil {
			t.Fatal(l.id, err)
		}
	}
}

func TestDatesOfLists(t *testing.T) {
	for in, want := range map[string]struct {
		on domain.Date
		p  pricing.Precision
	}{
		"2008":                               {"2008-01-01", pricing.ToYear},
		"2013 standard, page date not shown": {"2013-01-01", pricing.ToYear},
		"2024-03-27":                         {"2024-03-27", pricing.ToDay},
	} {
		if on, p, err := effective(in); on != want.on || p != want.p || err != nil {
			t.Errorf("%s: %s %s %v", in, on, p, err)
		}
	}
	for _, in := range []string{"", "2024-13-01", "2024/03/27", "20240327", "2024 03", "last year", "1808"} {
		if on, _, err := effective(in); err == nil {
			t.Errorf("%q: %s", in, on)
		}
	}
	for in, want := range map[string]string{"lists/dalian_funeral_home_2008.json": "dalian-funeral-home", "anhui_nanling_2013std.json": "anhui-nanling", "A B.json": "a-b", "价目.json": ""} {
		if got := keyOfFile(in); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

// A master key inside the data directory is found out, whatever path leads there.
func TestWithin(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"data/key": true, "data/a/b/key": true, "link/key": true, "data/../data/key": true,
		"key": false, "data.key": false, "other/key": false, "data/../key": false, "data/..key": true,
	} {
		if got, err := within(filepath.Join(dir, path), data); got != want || err != nil {
			t.Errorf("%s: %v %v", path, got, err)
		}
	}
}

// FuzzPriceList: whatever is in a file, reading it names faults or gives a
// list, and every fault is on a line that the file has.
func FuzzPriceList(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("demo", "prices", "*.json"))
	if err != nil || len(names) != 10 {
		f.Fatal(names, err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"items":[{"price_fen":-1},null,3]}`))
	f.Add([]byte("[1,\n2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{name: "f.json", data: data}
		l := s.priceList(time.Now())
		lines := 1 + strings.Count(string(data), "\n")
		for _, b := range s.bad {
			if b.line < 1 || b.line > lines || b.zh == "" || b.en == "" {
				t.Errorf("%+v of %d lines", b, lines)
			}
		}
		if len(s.bad) == 0 && (l.key == "" || l.cmd.InstitutionName == "" || len(l.cmd.Rows) == 0) {
			t.Errorf("accepted: %+v", l.cmd)
		}
	})
}

func TestADataDirectoryThatCannotBeWritten(t *testing.T) {
	f := &cityFlags{Data: t.TempDir()}
	for _, x := range []struct {
		err  error
		says bool
	}{
		{&fs.PathError{Op: "open", Path: filepath.Join(f.Data, "log", "lock"), Err: syscall.EROFS}, true},
		{&fs.PathError{Op: "mkdir", Path: f.Data, Err: syscall.EACCES}, true},
		{&fs.PathError{Op: "open", Path: filepath.Join(t.TempDir(), "master.key"), Err: syscall.EACCES}, false},
		{&fs.PathError{Op: "open", Path: f.Data, Err: syscall.EIO}, false},
	} {
		if _, says := errors.AsType[*failure](f.unwritable(x.err)); says != x.says {
			t.Errorf("%v: %v", x.err, f.unwritable(x.err))
		}
	}
}
