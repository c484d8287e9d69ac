package search_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/events/memory"
	"shenzhong/projections"
	"shenzhong/projections/search"
)

const (
	home  = domain.CreditCode("12210200422000019F")
	other = domain.CreditCode("12210200422000027A")
)

// A desk is a log with a search over it.
type desk struct {
	t     testing.TB
	keys  events.Keyring
	reg   *events.Registry
	store *memory.Store
	rev   map[events.Stream]events.Revision
	last  events.Position
	r     *projections.Runner
}

func newDesk(t testing.TB) *desk {
	d := &desk{t: t, keys: events.NewMemoryKeys(), store: memory.New(), rev: map[events.Stream]events.Revision{}}
	d.reg = projections.Registry(d.keys)
	return d
}

func (d *desk) add(category, id string, body any) {
	d.t.Helper()
	typ, data, err := d.reg.Encode(context.Background(), body)
	if err != nil {
		d.t.Fatal(err)
	}
	st := events.Stream(category + "-" + id)
	d.rev[st], d.last, err = d.store.Append(context.Background(), st, d.rev[st], events.New{ID: uuid.New(), Type: typ, Data: data})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) db() *sql.DB {
	d.t.Helper()
	if d.r == nil {
		var err error
		d.r, err = projections.Open(context.Background(), projections.Config{Dir: d.t.TempDir(), Store: d.store, Registry: d.reg,
			Projections: []projections.Projection{search.Projection{}}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { d.r.Close() })
	}
	if err := d.r.Wait(context.Background(), search.Name, d.last); err != nil {
		d.t.Fatal(err)
	}
	return d.r.Read(search.Name)
}

func (d *desk) find(text string) (numbers []string) {
	d.t.Helper()
	hits, err := search.Reader{DB: d.db()}.Find(context.Background(), search.In(home), text, 20)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, h := range hits {
		numbers = append(numbers, h.Number)
	}
	return numbers
}

type person struct {
	name, id, handler, phone string
}

func opened(at domain.CreditCode, number string, p person) booking.Opened {
	who, by := domain.Subject(uuid.NewString()), domain.Subject(uuid.NewString())
	return booking.Opened{Institution: string(at), Number: number, Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, p.name), CitizenID: domain.Personal(who, domain.CitizenID(p.id)), Sex: domain.Personal(who, booking.Male)},
		Handler:  booking.Handler{Person: by, Name: domain.Personal(by, p.handler), Phone: domain.Personal(by, p.phone), Relation: booking.Child}}
}

func TestFind(t *testing.T) {
	d := newDesk(t)
	cases := map[string]uuid.UUID{}
	put := func(at domain.CreditCode, number string, p person) booking.Opened {
		id := uuid.New()
		cases[number] = id
		o := opened(at, number, p)
		d.add(booking.Category, id.String(), o)
		return o
	}
	put(home, "HY-20261122-0412", person{"林归舟", "210211193504120018", "林知远", "13804110412"})
	put(home, "HY-20261122-0413", person{"单雄信", "21020219481130002X", "单小妹", "13904115566"})
	put(home, "HY-20261122-0414", person{"曾区乐", "210202194811300033", "仇和", "0411-83600000"})
	put(home, "HY-20261123-0001", person{"欧阳长空", "210202194811300041", "万俟雪", "13700001111"})
	put(home, "HY-20261123-0002", person{"吕绿", "210202194811300059", "阿依古丽·买买提", "13700002222"})
	put(home, "HY-20261123-0003", person{"JOHN SMITH", "", "林归舟", "13700003333"})
	put(other, "TH-20261122-0001", person{"林归舟", "210211193504120026", "林知近", "13804110413"})
	d.add(cremation.TagCategory, "T-77120", cremation.TagIssued{Tag: "T-77120", Case: cases["HY-20261122-0412"]})

	const lin, shan, zeng, ouyang, lv, john = "HY-20261122-0412", "HY-20261122-0413", "HY-20261122-0414", "HY-20261123-0001", "HY-20261123-0002", "HY-20261123-0003"
	for _, x := range []struct {
		typed string
		want  []string
	}{
		{"林归舟", []string{john, lin}}, // one is the deceased, one the handler
		{"林归", []string{john, lin}},
		{"linguizhou", []string{john, lin}},
		{"lin gui zhou", []string{john, lin}},
		{"LGZ", []string{john, lin}},
		{"lg", []string{john, lin}},
		{"lingz", []string{john, lin}},
		{"ｌｇｚ", []string{john, lin}}, // full-width, as an input method may send it
		{"lzy", []string{lin}},
		{"林 0018", []string{lin}},
		{"0018 林", []string{lin}},
		{"林 0019", nil},
		{"0412", []string{lin}},
		{"120018", []string{lin}},
		{"210211193504120018", []string{lin}},
		{"310211193504120018", nil}, // the same tail, another number
		{"13804110412", []string{lin}},
		{"+8613804110412", []string{lin}},
		{"T-77120", []string{lin}},
		{"77120", []string{lin}},
		{"hy-20261122", []string{zeng, shan, lin}},
		{"20261122", []string{zeng, shan, lin}},
		{"shanxx", []string{shan}},
		{"sxx", []string{shan}},
		{"danxiongxin", []string{shan}}, // typed by who does not know the surname
		{"002x", []string{shan}},
		{"zengqule", []string{zeng}},
		{"zengquyue", []string{zeng}},
		{"zql", []string{zeng}},
		{"qiuhe", []string{zeng}},
		{"3600000", []string{zeng}}, {"600000", []string{zeng}}, {"0411-83600000", []string{zeng}},
		{"ouyangchangkong", []string{ouyang}}, {"ouyangzhangkong", []string{ouyang}}, {"oyck", []string{ouyang}},
		{"moqixue", []string{ouyang}}, {"mqx", []string{ouyang}},
		{"lvlv", []string{lv}}, {"lulu", []string{lv}}, {"lü", []string{lv}},
		{"买买提", []string{lv}}, {"ayiguli", []string{lv}}, {"阿依古丽买买提", []string{lv}},
		{"smith", []string{john}}, {"john s", []string{john}}, {"johnsmith", []string{john}},
		{"", nil}, {" ，", nil}, {"%", nil}, {"'", nil}, {"张", nil},
	} {
		if d := cmp.Diff(x.want, d.find(x.typed)); d != "" {
			t.Errorf("%q: %s", x.typed, d)
		}
	}

	r := search.Reader{DB: d.db()}
	all, err := r.Find(t.Context(), search.Everywhere(), "林归舟", 20)
	if err != nil || len(all) != 3 || all[0].Institution != other {
		t.Errorf("a regulator: %+v %v", all, err)
	}
	if hits, err := r.Find(t.Context(), search.Scope{}, "林归舟", 20); err != nil || len(hits) != 0 {
		t.Errorf("nobody's scope: %+v %v", hits, err)
	}
	if hits, err := r.Find(t.Context(), search.In("91210200000000000X"), "林归舟", 20); err != nil || len(hits) != 0 {
		t.Errorf("an institution without cases: %+v %v", hits, err)
	}
	hits, err := r.Find(t.Context(), search.In(home), "0412", 20)
	if err != nil || len(hits) != 1 {
		t.Fatal(hits, err)
	}
	h := hits[0]
	h.Opened = time.Time{}
	want := search.Hit{Case: cases[lin], Institution: home, Number: lin, Tag: "T-77120", State: search.Open, Name: "林归舟", Sex: booking.Male,
		CitizenID: "2102**********0018", Handler: "林知远", Phone: "138****0412", Exact: true}
	if d := cmp.Diff(want, h); d != "" {
		t.Error(d)
	}
}

// What was exactly typed comes before what only begins so, and the newest
// first; no more than asked for.
func TestFindOrder(t *testing.T) {
	d := newDesk(t)
	for i, name := range []string{"王小二", "王小", "王小三", "王小", "王小四"} {
		d.add(booking.Category, uuid.NewString(), opened(home, fmt.Sprintf("N-%d", i), person{name, "", "甲", "13800000000"}))
	}
	if diff := cmp.Diff([]string{"N-3", "N-1", "N-4", "N-2", "N-0"}, d.find("王小")); diff != "" {
		t.Error(diff)
	}
	hits, err := search.Reader{DB: d.db()}.Find(t.Context(), search.In(home), "wx", 2)
	if err != nil || len(hits) != 2 || !hits[0].Exact || hits[0].Number != "N-3" {
		t.Errorf("%+v %v", hits, err)
	}
}

// What was changed is found by the new and no longer by the old.
func TestFindFollowsChanges(t *testing.T) {
	d := newDesk(t)
	id := uuid.NewString()
	o := opened(home, "N-1", person{"林归舟", "210211193504120018", "林知远", "13804110412"})
	d.add(booking.Category, id, o)
	if got := d.find("lgz"); len(got) != 1 {
		t.Fatal(got)
	}
	changed := o.Deceased
	changed.Name = domain.Personal(o.Deceased.Person, "林桂舟")
	changed.CitizenID = domain.Personal(o.Deceased.Person, domain.CitizenID("210211193504120026"))
	d.add(booking.Category, id, booking.Amended{Deceased: changed, Handler: o.Handler})
	by := domain.Subject(uuid.NewString())
	d.add(booking.Category, id, booking.HandlerReplaced{Handler: booking.Handler{Person: by, Name: domain.Personal(by, "周一"), Phone: domain.Personal(by, "13711112222")}})
	d.add(booking.Category, id, booking.Corrected{Field: booking.FieldName, From: changed.Name, To: domain.Personal(o.Deceased.Person, "林贵舟")})
	d.add(booking.Category, id, booking.Corrected{Field: booking.FieldPhone, To: domain.Personal(by, "13711113333")})
	d.add(booking.Category, id, booking.Closed{})
	for typed, n := range map[string]int{"林归舟": 0, "林桂舟": 0, "林贵舟": 1, "0018": 0, "0026": 1, "林知远": 0, "周一": 1, "2222": 0, "3333": 1, "N-1": 1} {
		if got := d.find(typed); len(got) != n {
			t.Errorf("%s: %v", typed, got)
		}
	}
	hits, err := search.Reader{DB: d.db()}.Find(t.Context(), search.In(home), "N-1", 1)
	if err != nil || len(hits) != 1 || hits[0].State != search.Closed || hits[0].Handler != "周一" {
		t.Errorf("%+v %v", hits, err)
	}
}
