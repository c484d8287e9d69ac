package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A progress shows how far a long piece of work is: a bar on a terminal, a
// line now and then elsewhere. It may be told from many goroutines.
type progress struct {
	con        *console
	what       string
	began      time.Time
	mu         sync.Mutex
	done, all  int64
	shown      time.Time
	shownTenth int64
	share      bool // show percent: the numbers are places, not counts
}

// bar is how wide the bar is, in characters.
const bar = 30

// progress begins to show work of this name; all is zero while nobody knows
// how much it is.
func (c *console) progress(zh, en string, all int64) *progress {
	p := &progress{con: c, what: c.say(zh, en), began: time.Now(), all: all, shownTenth: -1}
	p.set(0, all)
	return p
}

// add counts n more pieces as done.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.show(false)
}

// part says how far the work is, in places that do not count anything.
func (p *progress) part(at, of uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share, p.all = true, 100
	if of > 0 {
		p.done = int64(100 * (float64(at) / float64(of)))
	}
	p.show(false)
}

// set says how much is done of how much.
func (p *progress) set(done, all int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.all = done, all
	p.show(false)
}

// end leaves the last state standing.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.show(true)
	if p.con.tty {
		fmt.Fprintln(p.con.err)
	}
}

func (p *progress) show(last bool) {
	now := time.Now()
	rate := ""
	if s := now.Sub(p.began).Seconds(); s > 0.5 && p.done > 0 {
		rate = fmt.Sprintf("  %.0f/s", float64(p.done)/s)
	}
	count := fmt.Sprint(p.done)
	if p.all > 0 {
		count = fmt.Sprintf("%d/%d", p.done, p.all)
	}
	if p.share {
		count, rate = fmt.Sprintf("%d%%", p.done), ""
	}
	if p.con.tty {
		if !last && now.Sub(p.shown) < 100*time.Millisecond {
			return
		}
		p.shown = now
		full := 0
		if p.all > 0 {
			full = int(bar * min(p.done, p.all) / p.all)
		}
		fmt.Fprintf(p.con.err, "\r%s [%s%s] %s%s\x1b[K", p.what, strings.Repeat("#", full), strings.Repeat("·", bar-full), count, rate)
		return
	}
	// Elsewhere: at every tenth, but not more than one line a second, and the end.
	tenth := int64(-1)
	if p.all > 0 {
		tenth = 10 * p.done / p.all
	}
	if last && p.shownTenth != 10 || tenth > p.shownTenth && now.Sub(p.shown) >= time.Second && p.done > 0 || p.all == 0 && now.Sub(p.shown) >= 5*time.Second && p.done > 0 {
		p.shown, p.shownTenth = now, tenth
		fmt.Fprintf(p.con.err, "%s %s%s\n", p.what, count, rate)
	}
}
