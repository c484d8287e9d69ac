package projections_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/projections"
	"shenzhong/projections/casefile"
	"shenzhong/projections/frontdesk"
	"shenzhong/projections/search"
	"shenzhong/projections/tracking"
)

func (c *city) files(r *projections.Runner) casefile.Reader {
	return casefile.Reader{DB: r.Read(casefile.Name), Registry: c.reg}
}

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
		files := c.files(r)
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
		stages := map[casefile.Stage]int{}
		for _, f := range fs {
			x, err := files.Case(t.Context(), f.id)
			if err != nil {
				t.Fatal(err)
			}
			stages[x.Where.Stage]++
			got, here := in[f.id.String()]
			if want := slices.Contains([]casefile.Stage{casefile.OnTheWay, casefile.InHouse, casefile.Cremating, casefile.Ashes}, x.Where.Stage); here != want {
				t.Errorf("%s is %s; on the desk's list: %v", f.number, x.Where.Stage, here)
			}
			if !here {
				continue
			}
			if got.Name != frontdesk.MaskName(x.Booking.Deceased.Name.Or("")) || got.Tag != x.Tag || got.Number != x.Number || string(got.Stage) != string(x.Where.Stage) {
				t.Errorf("%+v, case %s %s %s %s", got, x.Number, x.Tag, x.Where.Stage, x.Booking.Deceased.Name.Or(""))
			}
			if x.Where.Stage == casefile.InHouse && (got.Arrived != x.Where.Arrived || got.Limit != x.Where.Limit || got.Days != x.Where.Days(domain.DateOf(now)) || got.Overdue != x.Where.Overlong(domain.DateOf(now))) {
				t.Errorf("%s: %s to %s, %d days (%v); the case says %s to %s", f.number, got.Arrived, got.Limit, got.Days, got.Overdue, x.Where.Arrived, x.Where.Limit)
			}
			if n := len(x.Custody.Kept()); got.Belongings != n {
				t.Errorf("%s: %d belongings, the case has %d", f.number, got.Belongings, n)
			}
			var kinds []cremation.HoldKind
			for _, h := range x.Cremation.OpenHolds() {
				kinds = append(kinds, h.Kind)
			}
			if d := cmp.Diff(kinds, got.Holds); d != "" {
				t.Errorf("%s: holds %s", f.number, d)
			}
			if x.Where.Stage == casefile.Ashes {
				var shares []int
				for _, h := range x.Cremation.Holdings() {
					if h.Custodian.Institution != "" && h.Share > 0 {
						shares = append(shares, h.Share)
					}
				}
				var have []int
				for _, s := range got.Shares {
					have = append(have, s.No)
				}
				if d := cmp.Diff(shares, have); d != "" {
					t.Errorf("%s: shares %s", f.number, d)
				}
			}
			if x.Where.Stage != casefile.InHouse {
				continue
			}
			// What the desk calls lacking is what the decider refuses to start for.
			start := x.Cremation
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
					if start.Police.Issuer != "" || start.Death.CauseClass.Or(cremation.Unknown) == cremation.Natural && x.Booking.Circumstances.Cause.Or("") == booking.NaturalDeath {
						t.Errorf("%s: no police paper is needed", f.number)
					}
				case frontdesk.Identification:
					if start.Rules != cremation.FullCustody || x.Custody.Identified() {
						t.Errorf("%s: is identified", f.number)
					}
				default:
					t.Errorf("%s: lacks %s", f.number, missing)
				}
			}
			complete := start.Death.Verified && start.Confirmation.Applicant != "" && (start.Rules == cremation.PapersOnly || x.Custody.Identified()) &&
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

// Who is forgotten stands in no file any more, not even in its unused pages,
// and what is left agrees with a rebuild.
func TestForgottenIsPurged(t *testing.T) {
	c, dir := newCityOf(t, 21, 1), t.TempDir()
	r := c.open(c.config(dir))
	c.funerals(24)
	// Two people whose names stand nowhere else.
	marks := map[domain.Subject]string{}
	var last events.Position
	for i, name := range []string{"䶮龘靐", "犇骉猋"} {
		who, by := domain.Subject(c.id().String()), domain.Subject(c.id().String())
		marks[who], marks[by] = name, name+"承"
		last = c.add(booking.Category, c.id().String(), booking.Opened{Institution: string(c.homes[0]), Number: fmt.Sprint("X-", i), Source: booking.Desk,
			Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, name), CitizenID: domain.Personal(who, domain.CitizenID("210211193504120018"))},
			Handler:  booking.Handler{Person: by, Name: domain.Personal(by, name+"承"), Phone: domain.Personal(by, "13812345678"), Relation: booking.Child}})
	}
	wait(t, r, search.Name, last)
	wait(t, r, frontdesk.Name, last)
	wait(t, r, casefile.Name, last)
	if !inFiles(t, dir, search.Name, "䶮龘靐") || !inFiles(t, dir, frontdesk.Name, "䶮*靐") {
		t.Fatal("the test looks in the wrong place")
	}
	for _, model := range []string{casefile.Name, tracking.Name, frontdesk.Name} {
		for _, name := range marks {
			if inFiles(t, dir, model, name) || inFiles(t, dir, model, "13812345678") || inFiles(t, dir, model, "0412001") {
				t.Errorf("%s keeps personal data in clear", model)
			}
		}
	}
	first := true
	for who := range marks {
		last = c.forget(who, first)
		first = !first
	}
	wait(t, r, search.Name, last)
	wait(t, r, frontdesk.Name, last)
	for _, name := range marks {
		for _, model := range []string{search.Name, frontdesk.Name} {
			if inFiles(t, dir, model, name) || inFiles(t, dir, model, string([]rune(name)[0])+"*") {
				t.Errorf("%s still has a forgotten person", model)
			}
		}
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

// secrets are what no public answer may show of a funeral.
func (f *funeral) secrets(c casefile.Case) []string {
	b := c.Booking
	s := []string{b.Deceased.Name.Or("-"), string(b.Deceased.CitizenID.Or("-")), b.Handler.Name.Or("-"), b.Handler.Phone.Or("-"), "低保", "戒指", "移交单",
		string(b.Deceased.Person), string(b.Handler.Person), f.id.String(), f.number, f.tag, "staff-", "UNNATURAL", "非正常", "死亡原因", "210211", "0018"}
	return slices.DeleteFunc(s, func(x string) bool { return x == "-" })
}

// A family reads where and when, and nobody reads who.
func TestTrackingShowsNoPersonalData(t *testing.T) {
	c := newCityOf(t, 31, 2)
	fs := c.funerals(80)
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	files := c.files(r)
	q := tracking.Reader{DB: r.Read(tracking.Name), Cases: files}
	for _, f := range fs {
		x, err := files.Case(t.Context(), f.id)
		if err != nil {
			t.Fatal(err)
		}
		for _, now := range []time.Time{c.today.Start(), c.today.AddDays(3).Start().Add(10 * time.Hour), c.today.AddDays(30).Start()} {
			got, err := q.Track(t.Context(), f.code, now)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range f.secrets(x) {
				if bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s stands in %s", secret, b)
				}
			}
			for _, sign := range []string{"！", "!", "%"} {
				if bytes.Contains(b, []byte(sign)) {
					t.Errorf("%s in %s", sign, b)
				}
			}
			if got.Case != f.id || got.Home.Zh == "" || got.Now.Zh == "" || got.Now.En == "" || len(got.Steps) < 3 || got.Money.Text.Zh == "" {
				t.Errorf("%+v", got)
			}
			// One step is now, those before it are done, those behind it to come.
			var states []string
			for _, s := range got.Steps {
				states = append(states, string(s.State))
				if s.Title.Zh == "" || s.Title.En == "" {
					t.Errorf("%+v", s)
				}
			}
			order := strings.Join(states, " ")
			if !x.Booking.Cancelled && !slices.IsSortedFunc(states, func(a, b string) int {
				rank := map[string]int{"done": 0, "now": 1, "todo": 2}
				return rank[a] - rank[b]
			}) || strings.Count(order, "now") > 1 || !x.Booking.Cancelled && !strings.Contains(order, "now") && x.Where.Stage != casefile.Released && x.Where.Stage != casefile.HandedOver {
				t.Errorf("%s (%s): %s", f.number, x.Where.Stage, order)
			}
		}
		// The former code is void.
		if _, err := q.Track(t.Context(), strings.Repeat("0", 56)+f.id.String()[:8], c.today.Start()); !errors.Is(err, tracking.ErrNotFound) {
			t.Errorf("a void code: %v", err)
		}
	}
	for _, hash := range []string{"", "x", strings.Repeat("f", 64)} {
		if _, err := q.Track(t.Context(), hash, c.today.Start()); !errors.Is(err, tracking.ErrNotFound) {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

// Every event that a case's history may hold has its line in both languages.
func TestHistorySaysEverything(t *testing.T) {
	c := newCityOf(t, 41, 1)
	id := uuid.New()
	types := casefile.Projection{}.Types()
	said := 0
	c.add(booking.Category, id.String(), booking.Opened{Institution: string(c.homes[0]), Number: "X", Source: booking.Desk})
	for _, e := range currentEvents() {
		name, _ := c.reg.TypeName(e)
		context, _, _ := strings.Cut(name, ".")
		if !slices.Contains(types, name) || context == "institution" || context == "parameters" || name == "coldstore.removed.v1" || name == "booking.opened.v2" {
			continue
		}
		data := bytes.ReplaceAll(example(t, c.reg, e), []byte("0193a5b0-7c00-7000-8000-000000000001"), []byte(id.String()))
		data = bytes.ReplaceAll(data, []byte(`"case": "case"`), []byte(`"case": "`+id.String()+`"`))
		category, stream := context, id.String()
		switch context {
		case "booking":
			category = booking.Category
		case "schedule":
			category, stream = schedule.Category, string(c.homes[0])+".hall-1.20261123"
		case "wait":
			category, stream = schedule.WaitCategory, string(c.homes[0])+".hall.20261123"
		case "certificate", "tag", "furnace", "coldstore":
			stream = "X-1"
		}
		c.append(category, stream, events.New{ID: c.id(), Type: name, Data: data})
		said++
	}
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	x, err := c.files(r).Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(x.History) != said+1 {
		t.Errorf("%d events in the history, %d happened", len(x.History), said+1)
	}
	for _, a := range x.History {
		if a.Zh == "" || a.En == "" || strings.Contains(a.Zh+a.En, "%!") || strings.ContainsAny(a.Zh+a.En, "!！") {
			t.Errorf("%s: %q, %q", a.Type, a.Zh, a.En)
		}
		if strings.Contains(a.Zh+a.En, secret) {
			t.Errorf("%s names somebody: %s", a.Type, a.Zh)
		}
	}
}

func TestCasefile(t *testing.T) {
	c := newCityOf(t, 51, 1)
	c.equip()
	home, id := c.homes[0], c.id()
	c.add(institution.ParametersCategory, string(home), institution.ParameterSet{Name: institution.StorageDays, Value: "7"})
	who, by := domain.Subject(c.id().String()), domain.Subject(c.id().String())
	const day = domain.Date("2026-11-22")
	at := func(clock domain.Clock) time.Time { return clock.On(day).UTC() }
	o := booking.Opened{Institution: string(home), Number: "HY-20261122-0412", Source: booking.Desk,
		Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, "林归舟"), CitizenID: domain.Personal(who, domain.CitizenID("210211193504120018")), DeathDate: day, Hukou: "210211"},
		Handler:  booking.Handler{Person: by, Name: domain.Personal(by, "林知远"), Phone: domain.Personal(by, "13804110412"), Relation: booking.Child}}
	say := func(e booking.Event) { c.told(booking.Category, id.String(), e, time.Time{}, "") }
	if _, err := (casefile.Reader{DB: c.open(c.config(t.TempDir())).Read(casefile.Name), Registry: c.reg}).Case(t.Context(), id); !errors.Is(err, casefile.ErrNotFound) {
		t.Error(err)
	}
	// A slot is held before there is a case.
	start := domain.Clock("09:30").On("2026-11-25").UTC()
	c.add(schedule.Category, schedule.ID(string(home), "hall-1", "2026-11-25"), schedule.Held{Slot: "0930", Start: start, End: start.Add(time.Hour), Case: id.String(), Until: at("12:00")})
	c.add(schedule.Category, schedule.ID(string(home), "furnace-1", "2026-11-25"), schedule.Held{Slot: "1030", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour), Case: id.String(), Until: at("12:00")})
	c.told(booking.Category, id.String(), o, at("05:40"), "")
	c.add(schedule.Category, schedule.ID(string(home), "hall-1", "2026-11-25"), schedule.Confirmed{Slot: "0930", Case: id.String()})
	say(booking.SlotAttached{Slot: booking.Slot{Resource: "hall-1", Day: "2026-11-25", Slot: "0930", Start: start, End: start.Add(time.Hour)}})
	c.add(cremation.TagCategory, "0412", cremation.TagIssued{Tag: "0412", Case: id})
	c.told(cremation.CustodyCategory, id.String(), cremation.RemainsCollected{Case: id, Institution: home, Into: cremation.Place{Kind: cremation.InVehicle, ID: "car-1"}, At: at("05:40")}, at("05:40"), "院内无信号")
	c.told(cremation.CustodyCategory, id.String(), cremation.RemainsArrived{To: cremation.Place{Kind: cremation.InReception}, In: cremation.Scan{By: "staff-1", At: at("06:10")}}, at("06:10"), "")
	c.told(cremation.CustodyCategory, id.String(), cremation.RemainsMoved{Tag: "0412", To: cremation.Place{Kind: cremation.InColdBay, ID: "cold-1/14"}, In: cremation.Scan{By: "staff-1", At: at("06:35")}}, at("06:35"), "")
	c.told(cremation.CremationCategory, id.String(), cremation.Received{Case: id, Tag: "0412", Institution: home, Rules: cremation.FullCustody}, at("06:10"), "")
	c.told(cremation.CremationCategory, id.String(), cremation.DeathCertificateRecorded{Form: cremation.Form2026, Number: domain.Personal(who, "210211193504120018"), CauseClass: domain.Personal(who, cremation.Natural)}, at("06:20"), "")
	say(booking.CircumstancesRecorded{Place: booking.InHospital, Cause: domain.Personal(who, booking.NaturalDeath)})
	say(booking.PaperReceived{Paper: booking.HandlerID, Form: booking.Original})
	say(booking.PaperPromised{Paper: booking.HouseholdBook, Due: "2026-11-30", Pledge: "P"})
	lines := []booking.Line{
		{ID: "a", Code: "CRM-FLAT", NameZh: "平板炉火化", Quantity: 1, Price: 90000, Amount: 90000},
		{ID: "b", Code: "STO-DAY", NameZh: "存放", Quantity: 4, Price: 9000, Amount: 36000},
		{ID: "c", Code: "HAL-S", NameZh: "小厅", Quantity: 1, Price: 12000, Amount: 12000},
		{ID: "d", Code: "WREATH", NameZh: "绢花花圈", Quantity: 6}}
	say(booking.Quoted{Quote: "Q-1", PriceListVersion: 12, Lines: lines, Total: 138000})
	c.told(booking.Category, id.String(), booking.Consented{Quote: "Q-1", Total: 138000, Person: by}, at("18:50"), "")
	say(booking.ReliefGranted{Category: domain.Personal(who, "低保"), Rule: "LN-BASIC-2025", Version: "1", Waives: []booking.Waived{{Code: "CRM-FLAT", Quantity: 1}, {Code: "STO-DAY", Quantity: 3}}})
	// Two of the four days are on the bill, both free.
	say(booking.Charged{Line: booking.Line{ID: "b1", Code: "STO-DAY", NameZh: "存放", Quantity: 2, Price: 9000, Amount: 18000}})
	say(booking.ReliefApplied{Line: "b1", Amount: 18000, Grounds: domain.Personal(who, booking.Grounds{Rule: "LN-BASIC-2025"})})
	say(booking.ChargeRefused{Refusal: "R-1", Code: "charge_split", Item: "抬尸", Amount: 20000, Rule: "PR-3"})
	c.told(access.Category, id.String(), access.Read{By: "staff-9", What: access.Numbers, Reason: "核对证件", At: at("19:00")}, at("19:00"), "")
	last := c.add(cremation.CertificateCategory, "C-1", cremation.CertificateRegistered{Number: "C-1", Case: id, Institution: home})
	r := c.open(c.config(t.TempDir()))
	wait(t, r, casefile.Name, last)
	files := c.files(r)
	x, err := files.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if x.Number != o.Number || x.InstitutionZh != "演示殡仪馆1" || x.Tag != "0412" || x.Booking.Deceased.Name.Or("") != "林归舟" || x.Opened.Actor != "staff-0102" {
		t.Errorf("%+v", x)
	}
	for _, by := range []func() (uuid.UUID, error){func() (uuid.UUID, error) { return files.ByTag(t.Context(), "0412") }, func() (uuid.UUID, error) { return files.ByCertificate(t.Context(), "C-1") }} {
		if got, err := by(); err != nil || got != id {
			t.Error(got, err)
		}
	}
	if _, err := files.ByTag(t.Context(), "0413"); !errors.Is(err, casefile.ErrNotFound) {
		t.Error(err)
	}
	if len(x.Slots) != 2 || !x.Slots[0].Confirmed || x.Slots[0].NameZh != "一号厅" || x.Slots[1].Confirmed || !x.Slots[1].Until.Equal(at("12:00")) || x.Slots[1].Kind != "furnace" {
		t.Errorf("%+v", x.Slots)
	}
	w := x.Where
	if w.Stage != casefile.InHouse || w.NameZh != "冷藏 14 位" || !w.Since.Equal(at("06:35")) || w.Arrived != day || w.Limit != "2026-11-29" || w.Days("2026-11-23") != 2 || w.Overlong("2026-11-29") || !w.Overlong("2026-11-30") {
		t.Errorf("%+v", w)
	}
	missing := map[booking.Code]bool{}
	for _, p := range x.Papers {
		missing[p.Code] = p.Missing()
		switch p.Code {
		case booking.DeathPaper:
			if !p.Unchecked || p.Have || !p.Received.Equal(at("06:20")) {
				t.Errorf("%+v", p)
			}
		case booking.HouseholdBook:
			if p.Due != "2026-11-30" {
				t.Errorf("%+v", p)
			}
		}
	}
	if d := cmp.Diff(map[booking.Code]bool{booking.DeathPaper: true, booking.ConfirmationPaper: true, booking.DeceasedID: true, booking.HandlerID: false,
		booking.RelationProof: true, booking.HouseholdBook: false, booking.ReliefProof: true}, missing); d != "" {
		t.Error(d)
	}
	m := x.Money
	if m.Total != 138000 || m.Relief != 90000+27000 || m.Due != 21000 || m.Owed != 21000 || m.Balance != 0 || !m.Answered || !m.Agreed.Occurred.Equal(at("18:50")) || m.List != 12 {
		t.Errorf("%+v", m)
	}
	var got []string
	for _, l := range m.Lines {
		got = append(got, fmt.Sprintf("%s %v %d −%d =%d", l.Code, l.Charged, l.Amount, l.Relief, l.Due))
	}
	if d := cmp.Diff([]string{"STO-DAY true 18000 −18000 =0", "CRM-FLAT false 90000 −90000 =0", "STO-DAY false 18000 −9000 =9000", "HAL-S false 12000 −0 =12000", "WREATH false 0 −0 =0"}, got); d != "" {
		t.Error(d)
	}
	if len(x.Reads) != 1 || x.Reads[0].Zh != "查看完整号码，核对证件" || len(x.Certificates) != 1 || !x.Certificates[0].Valid {
		t.Errorf("%+v %+v", x.Reads, x.Certificates)
	}
	late := slices.IndexFunc(x.History, func(a casefile.Act) bool { return a.LateReason != "" })
	if a := x.History[late]; a.LateReason != "院内无信号" || !a.Occurred.Equal(at("05:40")) || a.Zh != "接运，至接运车 car-1" || a.Source.Position == 0 || a.Source.Recorded.IsZero() {
		t.Errorf("%+v", a)
	}
	if !slices.IsSortedFunc(x.History, func(a, b casefile.Act) int { return int(b.Source.Position) - int(a.Source.Position) }) || len(x.History) != 22 {
		t.Errorf("%d events", len(x.History))
	}
	// A case marshals without personal data.
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"林归舟", "林知远", "13804110412", "210211193504120018"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s in clear", secret)
		}
	}

	// The family reads the same in plain words.
	tr := tracking.Of(x, domain.Clock("10:00").On("2026-11-23"))
	if tr.Now.Zh != "已在演示殡仪馆1安放。" || tr.Next.Zh != "后天，11 月 25 日周三 9:30在一号厅告别。" || tr.Money.Text.Zh != "一共 210 元，是您 11 月 22 日签字的报价。已减去 1,170 元。" {
		t.Errorf("%q %q %q", tr.Now.Zh, tr.Next.Zh, tr.Money.Text.Zh)
	}
	var steps []string
	for _, s := range tr.Steps {
		steps = append(steps, string(s.State)+" "+s.Title.Zh+"："+s.Text.Zh)
	}
	if d := cmp.Diff([]string{"done 接到殡仪馆：11 月 22 日周日 6:10", "done 安放：11 月 22 日周日 6:35，冷藏室", "now 告别：11 月 25 日周三 9:30，一号厅",
		"todo 火化：时间还没有定", "todo 领取骨灰和火化证明：火化以后，凭您的身份证和一次性号码"}, steps); d != "" {
		t.Error(d)
	}
	if tr.Bring[len(tr.Bring)-1].Note.Zh != "已收到，不用带" || !tr.MayChange || tr.MayRate || len(tr.Looks) != 1 || tr.Looks[0].Why != "核对证件" {
		t.Errorf("%+v", tr)
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

// BenchmarkCase reads one case with all that happened to it, and what its
// family sees of it.
func BenchmarkCase(b *testing.B) {
	c := newCityOf(b, 81, 1)
	fs := c.funerals(300)
	r := c.open(c.config(b.TempDir()))
	if err := r.WaitCaughtUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	files := c.files(r)
	i, acts := 0, 0
	for b.Loop() {
		x, err := files.Case(b.Context(), fs[i%len(fs)].id)
		if err != nil {
			b.Fatal(err)
		}
		tracking.Of(x, c.today.Start())
		acts += len(x.History)
		i++
	}
	b.ReportMetric(float64(acts)/float64(i), "events/case")
}
