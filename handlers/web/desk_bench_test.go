package web

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/events/memory"
)

// surnamesOfTheBench are frequent as they are in China, roughly.
var surnamesOfTheBench = []rune("王王王王王王李李李李李李张张张张张张刘刘刘刘陈陈陈杨杨黄黄赵赵吴吴周周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤单仇区")

var givenOfTheBench = []rune("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰玉华建国志文德福成林春海山清云荣贵凤珍淑贤永生长乐行健安宁远舟知归庭禾岚青松竹石川言")

// A spread log says of its first events that they were recorded evenly over a
// long time.
type spread struct {
	*memory.Store
	from  time.Time
	every time.Duration
}

func (s *spread) Follow(ctx context.Context, after events.Position, max int) iter.Seq2[events.Batch, error] {
	return func(yield func(events.Batch, error) bool) {
		for b, err := range s.Store.Follow(ctx, after, max) {
			b.Events = slices.Clone(b.Events)
			for i := range b.Events {
				b.Events[i].At = s.from.Add(time.Duration(b.Events[i].Position/3) * s.every) // the memory store's positions go in steps of three
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// A fullHome has a log that was written event by event, past the deciders.
type fullHome struct {
	*home
	store events.Store
	rev   map[events.Stream]events.Revision
	last  events.Position
	rand  *rand.Rand
}

func (h *fullHome) add(category, id string, body any) {
	h.Helper()
	typ, data, err := h.app.Registry.Encode(h.Context(), body)
	if err != nil {
		h.Fatal(err)
	}
	st := events.Stream(category + "-" + id)
	if h.rev[st], h.last, err = h.store.Append(h.Context(), st, h.rev[st], events.New{ID: uuid.New(), Type: typ, Data: data, Meta: events.Meta{Actor: "desk-0101"}}); err != nil {
		h.Fatal(err)
	}
}

func (h *fullHome) name() string {
	at := func(rs []rune) string { return string(rs[h.rand.IntN(len(rs))]) }
	s := at(surnamesOfTheBench) + at(givenOfTheBench)
	if h.rand.IntN(4) > 0 {
		s += at(givenOfTheBench)
	}
	return s
}

func (h *fullHome) open(id, number string) {
	who, by := domain.Subject(uuid.NewString()), domain.Subject(uuid.NewString())
	h.add(booking.Category, id, booking.Opened{Institution: deskHome, Number: number, Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, h.name()), CitizenID: domain.Personal(who, domain.CitizenID(fmt.Sprintf("2102021948%08d", h.rand.IntN(1e8)))),
			Sex: domain.Personal(who, booking.Male)},
		Handler: booking.Handler{Person: by, Name: domain.Personal(by, h.name()), Phone: domain.Personal(by, fmt.Sprintf("138%08d", h.rand.IntN(1e8))), Relation: booking.Child}})
}

// fill waits until everything is folded.
func (h *fullHome) fill(model string) {
	h.Helper()
	if err := h.runner.Wait(h.Context(), model, h.last); err != nil {
		h.Fatal(err)
	}
}

// serve measures what the server takes for a page, from the request to the last
// byte of the page, without the network: sessions, read model and rendering.
// A form is sent with POST.
func (c *clerk) serve(b *testing.B, address string, form url.Values) {
	b.Run(strings.TrimSpace(address+" "+form.Encode()), func(b *testing.B) {
		r := httptest.NewRequest(http.MethodGet, c.server.URL+address, nil)
		if form != nil {
			r = httptest.NewRequest(http.MethodPost, c.server.URL+address, nil)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Accept", "text/html")
		for _, k := range c.client.Jar.Cookies(r.URL) {
			r.AddCookie(k)
		}
		var took []time.Duration
		size := 0
		for b.Loop() {
			w := httptest.NewRecorder()
			r := r.Clone(r.Context()) // a form is read once
			if form != nil {
				r.Body = io.NopCloser(strings.NewReader(form.Encode()))
			}
			began := time.Now()
			c.server.Config.Handler.ServeHTTP(w, r)
			took = append(took, time.Since(began))
			if size = w.Body.Len(); w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
				b.Fatalf("status %d: %s", w.Code, plainText(w.Body.Bytes()))
			}
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(size)/1024, "KiB")
	})
}

// BenchmarkSearchPage searches 200,000 cases of one institution, over twenty
// years: what a desk types, letter by letter, and what fits thousands.
func BenchmarkSearchPage(b *testing.B) {
	const n = 200_000
	began := time.Date(2006, 11, 1, 0, 0, 0, 0, time.UTC)
	store := &spread{memory.New(), began, 20 * 365 * 24 * time.Hour / n}
	h := &fullHome{newHomeOn(b, store), store, map[events.Stream]events.Revision{}, 0, rand.New(rand.NewPCG(1, 2))}
	middle := ""
	for i := range n {
		id, number := uuid.NewString(), fmt.Sprintf("HY-%s-%04d", began.Add(time.Duration(i)*store.every).Format("20060102"), i%10000)
		if h.open(id, number); i == n/2 {
			middle = number
		}
		if i%100 == 0 {
			h.add(cremation.TagCategory, fmt.Sprintf("T-%06d", i), cremation.TagIssued{Tag: fmt.Sprintf("T-%06d", i), Case: uuid.MustParse(id)})
		}
	}
	h.fill("search")
	c := h.clerk("desk-0101")
	for _, typed := range []string{
		"王", "王建国", "林归舟", // names
		"w", "wang", "wangw", "zhangjianguo", // pinyin; a common surname and a letter is the worst
		"zjg", "lgz", // initials
		"0018", "00", "2102", "13804110412", "0412", // ends of numbers, and whole ones
		"t-1000", "T-100000", "hy-2026", middle, "100000", // tags and case numbers
		"王 0018", "wang j", "林 0412", "不在册", // several words, and nothing
	} {
		c.serve(b, "/desk/search", url.Values{"q": {typed}})
	}
}

// BenchmarkDeskPages draws the day of an institution with 500 cases on it, after
// a month of fifty a day.
func BenchmarkDeskPages(b *testing.B) {
	h := &fullHome{newHome(b), nil, map[events.Stream]events.Revision{}, 0, rand.New(rand.NewPCG(1, 2))}
	h.store = h.app.Store
	for r, err := range h.store.Load(b.Context(), events.Stream(institution.Category+"-"+deskHome), events.NoStream) {
		if err != nil {
			b.Fatal(err)
		}
		h.rev[r.Stream] = r.Revision
	}
	for i := range 60 {
		kind := []institution.ResourceKind{institution.Hall, institution.Furnace, institution.Vehicle}[i/20]
		h.add(institution.Category, deskHome, institution.ResourceAdded{Resource: fmt.Sprintf("%s-b%d", kind, i), Kind: kind, NameZh: fmt.Sprint("资源", i), Opens: "06:00", Closes: "18:00", SlotMinutes: 60, Capacity: 1})
	}
	today := domain.DateOf(h.clock())
	cases := 0
	for d := range 30 {
		on := today.AddDays(d - 29)
		n := 50
		if on == today {
			n = 500
		}
		for i := range n {
			cases++
			id := uuid.New()
			h.open(id.String(), fmt.Sprint("N-", cases))
			h.add(cremation.CremationCategory, id.String(), cremation.Received{Case: id, Tag: fmt.Sprint("T", cases), Institution: deskHome})
			resource := fmt.Sprintf("%s-b%d", institution.Hall, i%20)
			if i%2 == 0 {
				resource = fmt.Sprintf("%s-b%d", institution.Furnace, 20+i%20)
			}
			start := on.Start().Add(time.Duration(6*60+(i/40)*45) * time.Minute).UTC()
			st := schedule.ID(deskHome, resource, on)
			slot := schedule.SlotName(start) + fmt.Sprint("-", i)
			h.add(schedule.Category, st, schedule.Held{Slot: slot, Start: start, End: start.Add(45 * time.Minute), Case: id.String(), Until: start, BufferMinutes: 15})
			h.add(schedule.Category, st, schedule.Confirmed{Slot: slot, Case: id.String()})
		}
	}
	h.fill("frontdesk")
	c := h.clerk("desk-0101")
	for _, address := range []string{"/desk", "/desk?d=" + string(today.AddDays(-1)), "/desk/house", "/desk/day"} {
		c.serve(b, address, nil)
	}
}
