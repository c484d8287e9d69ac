package projections_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/search"
	"shenzhong/projections/tracking"
)

// A counted case is its own streams folded by the deciders' Evolve: what the
// desk's rows are compared with.
type counted struct {
	booking   booking.State
	cremation cremation.CremationState
	custody   cremation.CustodyState
	tagged    bool
	since     domain.Date // from which storage counts
}

func (c *city) count(f *funeral) (x counted) {
	c.t.Helper()
	x.booking, x.cremation, x.custody = booking.Case.Initial, cremation.Cremation.Initial, cremation.Custody.Initial
	x.tagged = c.rev[events.Stream(cremation.TagCategory+"-"+f.tag)] > 0
	var received, arrived time.Time
	for _, category := range []string{booking.Category, cremation.CremationCategory, cremation.CustodyCategory} {
		for r, err := range c.store.Load(c.t.Context(), events.Stream(category+"-"+f.id.String()), events.NoStream) {
			if err != nil {
				c.t.Fatal(err)
			}
			e, err := c.reg.Decode(c.t.Context(), r)
			if err != nil {
				c.t.Fatal(err)
			}
			switch b := e.(type) {
			case booking.Event:
				x.booking = booking.Case.Evolve(x.booking, b)
			case cremation.CremationEvent:
				x.cremation = cremation.Cremation.Evolve(x.cremation, b)
			case cremation.CustodyEvent:
				x.custody = cremation.Custody.Evolve(x.custody, b)
			}
			switch b := e.(type) {
			case cremation.Received:
				received = r.Occurred
			case cremation.RemainsArrived:
				arrived = b.In.At
			}
		}
	}
	switch {
	case !arrived.IsZero():
		x.since = domain.DateOf(arrived)
	case !received.IsZero():
		x.since = domain.DateOf(received)
	}
	return x
}

// kept are the shares of the ashes that the institution has.
func (x counted) kept() (shares []int) {
	for _, h := range x.cremation.Holdings() {
		if h.Custodian.Institution != "" {
			shares = append(shares, h.Share)
		}
	}
	return shares
}

func (x counted) stage() frontdesk.Stage {
	switch {
	case x.custody.HandedOut.To != "":
		return frontdesk.HandedOver
	case x.cremation.Done && len(x.kept()) > 0:
		return frontdesk.Ashes
	case x.cremation.Done:
		return frontdesk.Released
	case !x.cremation.Started.At.IsZero():
		return frontdesk.Cremating
	case x.custody.Arrived || x.cremation.Case != uuid.Nil:
		return frontdesk.InHouse
	case x.custody.Collected.Case != uuid.Nil:
		return frontdesk.OnTheWay
	}
	return frontdesk.NotHere
}

// storageDays is what equip sets for the whole city.
const storageDays = 5

// The desk's rows, folded by hand, say what the domain's own states say.
func TestDeskAgreesWithTheCases(t *testing.T) {
	for seed := range uint64(4) {
		c := newCityOf(t, 100+seed, 2)
		fs := c.funerals(80)
		for i := range 6 {
			c.forget(fs[i*7].deceased, i%2 == 0)
		}
		r := c.open(c.config(t.TempDir()))
		caughtUp(t, r)
		desk := frontdesk.Reader{DB: r.Read(frontdesk.Name)}
		now := c.today.AddDays(9).Start()
		in := map[string]frontdesk.Custody{}
		for _, home := range c.homes {
			cs, err := desk.Custody(t.Context(), home, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range cs {
				in[x.Case] = x
			}
		}
		stages := map[frontdesk.Stage]int{}
		for _, f := range fs {
			x := c.count(f)
			stage := x.stage()
			stages[stage]++
			got, here := in[f.id.String()]
			if want := slices.Contains([]frontdesk.Stage{frontdesk.OnTheWay, frontdesk.InHouse, frontdesk.Cremating, frontdesk.Ashes}, stage); here != want {
				t.Errorf("%s is %s; on the desk's list: %v", f.number, stage, here)
			}
			if !here {
				continue
			}
			if got.Name != frontdesk.MaskName(x.booking.Deceased.Name.Or("")) || (got.Tag == f.tag) != x.tagged || got.Number != x.booking.Number || got.Stage != stage {
				t.Errorf("%+v, case %s %s %s %s", got, x.booking.Number, f.tag, stage, x.booking.Deceased.Name.Or(""))
			}
			if stage == frontdesk.InHouse {
				today := domain.DateOf(now)
				limit := max(x.since.AddDays(storageDays), x.custody.Extended.Until)
				days := int(today.Start().Sub(x.since.Start())/(24*time.Hour)) + 1
				if got.Arrived != x.since || got.Limit != limit || got.Days != days || got.Overdue != (limit < today) {
					t.Errorf("%s: %s to %s, %d days (%v); the case says %s to %s, %d days", f.number, got.Arrived, got.Limit, got.Days, got.Overdue, x.since, limit, days)
				}
			}
			if n := len(x.custody.Kept()); got.Belongings != n {
				t.Errorf("%s: %d belongings, the case has %d", f.number, got.Belongings, n)
			}
			var kinds []cremation.HoldKind
			for _, h := range x.cremation.OpenHolds() {
				kinds = append(kinds, h.Kind)
			}
			if d := cmp.Diff(kinds, got.Holds); d != "" {
				t.Errorf("%s: holds %s", f.number, d)
			}
			if stage == frontdesk.Ashes {
				shares := slices.DeleteFunc(x.kept(), func(no int) bool { return no == 0 })
				var have []int
				for _, s := range got.Shares {
					have = append(have, s.No)
				}
				if d := cmp.Diff(shares, have, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("%s: shares %s", f.number, d)
				}
			}
			if stage != frontdesk.InHouse {
				continue
			}
			// What the desk calls lacking is what the decider refuses to start for.
			start := x.cremation
			for _, missing := range got.Lack {
				switch missing {
				case string(booking.DeathPaper):
					if start.Death.Verified {
						t.Errorf("%s: the death certificate is there", f.number)
					}
				case string(booking.ConfirmationPaper):
					if start.Confirmation.Applicant != "" {
						t.Errorf("%s: the confirmation is there", f.number)
					}
				case string(booking.PolicePaper):
					if start.Police.Issuer != "" || start.Death.CauseClass.Or(cremation.Unknown) == cremation.Natural && x.booking.Circumstances.Cause.Or("") == booking.NaturalDeath {
						t.Errorf("%s: no police paper is needed", f.number)
					}
				case frontdesk.Identification:
					if start.Rules != cremation.FullCustody || x.custody.Identified() {
						t.Errorf("%s: is identified", f.number)
					}
				default:
					t.Errorf("%s: lacks %s", f.number, missing)
				}
			}
			complete := start.Death.Verified && start.Confirmation.Applicant != "" && (start.Rules == cremation.PapersOnly || x.custody.Identified()) &&
				(start.Death.CauseClass.Or(cremation.Unknown) == cremation.Natural || start.Police.Issuer != "")
			if complete && len(got.Lack) > 0 || !complete && len(got.Lack) == 0 {
				t.Errorf("%s: complete is %v, lacks %v", f.number, complete, got.Lack)
			}
		}
		if len(stages) < 5 {
			t.Errorf("the city knows only %v", stages)
		}
	}
}

// Who is forgotten stands in no file any more, not even in its unused pages, in
// the free space of its pages or in the log of its last writes (which a reader
// may keep for a moment), also when the program ended in between; and what is
// left agrees with a rebuild.
func TestForgottenIsPurged(t *testing.T) {
	c, dir := newCityOf(t, 21, 1), t.TempDir()
	r := c.open(c.config(dir))
	c.funerals(24)
	// People whose names stand nowhere else, one by one, so that pages fill up and
	// are divided.
	const people = 60
	marks := map[domain.Subject]string{}
	var last events.Position
	for i := range people {
		name := fmt.Sprintf("%c龘靐", 0x3400+i)
		who, by := domain.Subject(c.id().String()), domain.Subject(c.id().String())
		marks[who], marks[by] = name, name+"承"
		last = c.add(booking.Category, c.id().String(), booking.Opened{Institution: string(c.homes[0]), Number: fmt.Sprint("X-", i), Source: booking.Desk,
			Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, name), CitizenID: domain.Personal(who, domain.CitizenID("210211193504120018"))},
			Handler:  booking.Handler{Person: by, Name: domain.Personal(by, name+"承"), Phone: domain.Personal(by, "13812345678"), Relation: booking.Child}})
		if i%20 == 0 {
			wait(t, r, search.Name, last)
			wait(t, r, frontdesk.Name, last)
		}
	}
	wait(t, r, search.Name, last)
	wait(t, r, frontdesk.Name, last)
	if !inFiles(t, dir, search.Name, "\u3400龘靐") || !inFiles(t, dir, frontdesk.Name, "\u3400*靐") {
		t.Fatal("the test looks in the wrong place")
	}
	for _, model := range []string{tracking.Name, frontdesk.Name} {
		for _, name := range marks {
			if inFiles(t, dir, model, name) || inFiles(t, dir, model, "13812345678") || inFiles(t, dir, model, "0412001") {
				t.Errorf("%s keeps personal data in clear", model)
			}
		}
	}
	// Somebody reads the desk's old state through all of it.
	old, err := r.Read(frontdesk.Name).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Rollback()
	var rows int
	if err := old.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	first := true
	for who := range marks {
		last = c.forget(who, first)
		first = !first
	}
	wait(t, r, search.Name, last)
	wait(t, r, frontdesk.Name, last)
	// The program ends before the file could be cleaned.
	if err := errors.Join(r.Close(), old.Rollback()); err != nil {
		t.Fatal(err)
	}
	if n := pragma(t, dir, frontdesk.Name, "user_version"); n != 1 {
		t.Fatal("the file does not say that it has to be cleaned")
	}
	r = c.open(c.config(dir))
	for _, model := range []string{search.Name, frontdesk.Name} {
		eventually(t, model+" keeps nobody who is forgotten", func() bool {
			return !inFiles(t, dir, model, "龘靐") && !inFiles(t, dir, model, "*靐") && pragma(t, dir, model, "freelist_count") == 0 && pragma(t, dir, model, "user_version") == 0
		})
	}
	for _, name := range marks {
		hits, err := search.Reader{DB: r.Read(search.Name)}.Find(t.Context(), search.Everywhere(), name, 5)
		if err != nil || len(hits) != 0 {
			t.Errorf("found: %+v %v", hits, err)
		}
	}
	if hits, err := (search.Reader{DB: r.Read(search.Name)}).Find(t.Context(), search.Everywhere(), "X-0", 5); err != nil || len(hits) != 1 || hits[0].Name != "" || hits[0].CitizenID != "" || hits[0].Phone != "" {
		t.Errorf("the case itself: %+v %v", hits, err)
	}
	if err := c.verify(dir).Err(); err != nil {
		t.Error(err)
	}
}

// What is said of a person after they were forgotten is not taken in, though
// their key may still be there.
func TestForgottenStaysSo(t *testing.T) {
	c, dir := newCityOf(t, 22, 1), t.TempDir()
	r := c.open(c.config(dir))
	who, by, id := domain.Subject(c.id().String()), domain.Subject(c.id().String()), c.id().String()
	o := booking.Opened{Institution: string(c.homes[0]), Number: "X-1", Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, "䶮龘靐")}, Handler: booking.Handler{Person: by, Name: domain.Personal(by, "犇骉"), Phone: domain.Personal(by, "13812345678"), Relation: booking.Child}}
	c.add(booking.Category, id, o)
	c.add(domain.SubjectCategory, string(who), domain.Forgotten{Person: who, Ground: domain.RetentionEnded})
	c.add(domain.SubjectCategory, string(by), domain.Forgotten{Person: by, Ground: domain.RetentionEnded})
	c.add(booking.Category, id, booking.Amended{Deceased: o.Deceased, Handler: o.Handler})
	c.add(booking.Category, id, booking.CircumstancesRecorded{Cause: domain.Personal(who, booking.UnnaturalDeath)})
	c.add(booking.Category, id, booking.Corrected{Field: booking.FieldName, To: domain.Personal(who, "䶮龘靐")})
	last := c.add(booking.Category, id, booking.Corrected{Field: booking.FieldPhone, To: domain.Personal(by, "13812345678")})
	wait(t, r, search.Name, last)
	wait(t, r, frontdesk.Name, last)
	for _, p := range []domain.Subject{who, by} {
		if err := c.keys.Forget(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.verify(dir).Err(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"䶮", "犇", "345678"} {
		if inFiles(t, dir, search.Name, text) || inFiles(t, dir, frontdesk.Name, text) {
			t.Errorf("%s was taken in again", text)
		}
	}
}

// pragma reads a number that a read model's only file has about itself.
func pragma(t *testing.T, dir, model, name string) (n int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, model+".v*.db"))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(paths[0])+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`PRAGMA ` + name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func inFiles(t *testing.T, dir, model, text string) bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, model+".v*"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// The last code of a case leads to it, a former one and anything else nowhere.
func TestCodesLeadToTheirCases(t *testing.T) {
	c := newCityOf(t, 31, 2)
	fs := c.funerals(80)
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := tracking.Reader{DB: r.Read(tracking.Name)}
	wait(t, r, tracking.Name, c.wish(fs[0]))
	if ids, err := q.EcoBurials(t.Context(), fs[0].id); err != nil || len(ids) != 1 {
		t.Errorf("one application of the case: %v, %v", ids, err)
	}
	if ids, err := q.EcoBurials(t.Context(), uuid.Nil); err != nil || len(ids) != 0 {
		t.Errorf("no application of no case: %v, %v", ids, err)
	}
	for _, f := range fs {
		if got, err := q.Case(t.Context(), f.code); err != nil || got != f.id {
			t.Errorf("%s leads to %s: %v", f.number, got, err)
		}
		if got, err := q.Case(t.Context(), strings.Repeat("0", 56)+f.id.String()[:8]); !errors.Is(err, tracking.ErrNotFound) {
			t.Errorf("a void code leads to %s: %v", got, err)
		}
	}
	for _, hash := range []string{"", "x", strings.Repeat("f", 64)} {
		if got, err := q.Case(t.Context(), hash); !errors.Is(err, tracking.ErrNotFound) {
			t.Errorf("%q leads to %s: %v", hash, got, err)
		}
	}
}

func mustID(t *testing.T, s string) uuid.UUID {
	t.Helper()
	id, err := uuid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
