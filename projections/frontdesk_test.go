package projections_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/projections/frontdesk"
)

func TestMaskName(t *testing.T) {
	for name, want := range map[string]string{"": "", "林": "*", "林舟": "林*", "林归舟": "林*舟", "欧阳长空": "欧**空", "阿依古丽·买买提": "阿***", "John Smith": "J***", " 林归舟 ": "林*舟"} {
		if got := frontdesk.MaskName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// A shift at a front desk, seen at ten past ten.
func TestFrontdesk(t *testing.T) {
	c := newCityOf(t, 61, 1)
	home := c.homes[0]
	h := string(home)
	const day = domain.Date("2026-11-23")
	now := domain.Clock("10:10").On(day)
	at := func(clock domain.Clock) time.Time { return clock.On(day).UTC() }
	for _, x := range []institution.ResourceAdded{
		{Resource: "hall-2", Kind: institution.Hall, NameZh: "二号厅", Opens: "08:00", Closes: "16:00", SlotMinutes: 60, Capacity: 60},
		{Resource: "hall-10", Kind: institution.Hall, NameZh: "十号厅", Opens: "08:00", Closes: "16:00", SlotMinutes: 60, Capacity: 60},
		{Resource: "hall-9", Kind: institution.Hall, NameZh: "旧厅", Opens: "08:00", Closes: "16:00", SlotMinutes: 60, Capacity: 60},
		{Resource: "car-1", Kind: institution.Vehicle, NameZh: "车 01", Opens: "06:00", Closes: "18:00", SlotMinutes: 30, Capacity: 1},
		{Resource: "cold-1", Kind: institution.ColdBay, NameZh: "一号柜", Opens: "00:00", Closes: "24:00", SlotMinutes: 60, Capacity: 3},
	} {
		c.add(institution.Category, h, x)
	}
	c.add(institution.Category, h, institution.ResourceRetired{Resource: "hall-9", From: day})
	c.add(institution.Category, h, institution.ResourceTimed{Resource: "furnace-1", CleanDown: []institution.Span{{From: "16:00", To: "18:00"}}})
	c.add(institution.Category, h, institution.MaintenancePlanned{Window: "W", Resource: "hall-10", From: at("00:00").Add(-time.Hour), To: at("12:00"), Reason: "检修"})
	c.add(schedule.Category, schedule.ID(h, "hall-10", day), schedule.Blocked{Block: "W", Kind: schedule.Maintenance, Start: at("00:00"), End: at("12:00")})
	c.add(schedule.Category, schedule.ID(h, "car-1", day), schedule.Blocked{Block: "P", Kind: schedule.Reserved, Start: at("06:00"), End: at("07:00")})

	tags := map[string]string{}
	open := func(name string) string {
		id := c.id()
		who, by := domain.Subject(c.id().String()), domain.Subject(c.id().String())
		c.add(booking.Category, id.String(), booking.Opened{Institution: h, Number: "N-" + name, Source: booking.Desk,
			Deceased: booking.Deceased{Person: who, Name: domain.Personal(who, name)}, Handler: booking.Handler{Person: by, Name: domain.Personal(by, "甲"), Phone: domain.Personal(by, "13800000000"), Relation: booking.Child}})
		tag := fmt.Sprintf("T%03d", len(tags)+1)
		tags[id.String()] = tag
		c.add(cremation.TagCategory, tag, cremation.TagIssued{Tag: tag, Case: id})
		return id.String()
	}
	hold := func(id, resource string, clock domain.Clock, confirm bool, until time.Time, buffer int) {
		st, start := schedule.ID(h, resource, day), at(clock)
		c.add(schedule.Category, st, schedule.Held{Slot: schedule.SlotName(start), Start: start, End: start.Add(time.Hour), Case: id, Until: until.UTC(), BufferMinutes: buffer})
		if confirm {
			c.add(schedule.Category, st, schedule.Confirmed{Slot: schedule.SlotName(start), Case: id})
		}
	}
	burn := func(id string, e cremation.CremationEvent) {
		c.told(cremation.CremationCategory, id, e, at("06:00"), "")
	}
	received := func(id string, days int) {
		c.told(cremation.CremationCategory, id, cremation.Received{Tag: tags[id], Institution: home}, at("06:00").AddDate(0, 0, -days), "")
	}
	papers := func(id string) {
		who := domain.Subject(c.id().String())
		burn(id, cremation.DeathCertificateRecorded{Form: cremation.Form2026, CauseClass: domain.Personal(who, cremation.Natural), Verified: true})
		burn(id, cremation.ConfirmationSigned{Applicant: who, Collector: who})
	}
	late := at("12:00")

	done, running, set, lack, byClock := open("完成一"), open("进行二"), open("定下三"), open("缺件四"), open("钟点五")
	held, lapsed, holding, burnt, burning := open("暂留六"), open("过期七"), open("暂扣八"), open("火化九"), open("在炉十")
	for _, id := range []string{done, running, set, byClock, holding, burnt, burning} {
		received(id, 1)
		papers(id)
	}
	received(lack, 9) // nine days ago: over-long
	burn(lack, cremation.DeathCertificateRecorded{Form: cremation.Form2026, CauseClass: domain.Personal("x", cremation.Natural), Verified: true})
	hold(done, "hall-1", "08:00", true, late, 30)
	c.add(booking.Category, done, booking.ServicePlanned{Service: "S", Ceremony: booking.Farewell, Resource: "hall-1", From: at("08:00"), To: at("09:00")})
	c.add(booking.Category, done, booking.ServiceStarted{Service: "S"})
	c.add(booking.Category, done, booking.ServiceEnded{Service: "S"})
	hold(running, "hall-1", "10:00", true, late, 0)
	hold(set, "hall-1", "12:00", true, late, 0)
	hold(byClock, "hall-2", "09:00", true, late, 0)
	hold(held, "hall-2", "11:00", false, now.Add(5*time.Minute), 0)
	hold(lapsed, "hall-2", "14:00", false, now, 0)
	hold(burnt, "furnace-1", "08:00", true, late, 0)
	burn(burnt, cremation.Started{Institution: home, Furnace: "furnace-1", At: at("08:05")})
	burn(burnt, cremation.Completed{Institution: home, Furnace: "furnace-1", At: at("09:05")})
	burn(burnt, cremation.AshesCollected{WeightG: 2000, Containers: 1})
	hold(burning, "furnace-1", "09:00", true, late, 0)
	burn(burning, cremation.Started{Institution: home, Furnace: "furnace-1", At: at("09:10")})
	hold(lack, "furnace-1", "10:00", true, late, 0) // its time has come, and it cannot begin
	hold(lack, "furnace-1", "13:00", true, late, 0)
	hold(lack, "hall-1", "14:00", true, late, 0) // a farewell needs no confirmation
	hold(holding, "furnace-1", "14:00", true, late, 0)
	burn(holding, cremation.HoldPlaced{Hold: c.id(), Kind: cremation.HoldPolice, Authority: "公安"})
	c.add(cremation.ColdStoreCategory, h, cremation.Stored{Bay: cremation.Bay{Bank: "cold-1", No: 2}, Tag: "T004", Case: mustID(t, lack), Since: "2026-11-14"})
	c.add(cremation.ColdStoreCategory, h, cremation.Relocated{Relocation: c.id(), Moves: []cremation.Relocation{{Tag: "T004", From: cremation.Bay{Bank: "cold-1", No: 2}, To: cremation.Bay{Bank: "cold-1", No: 3}}}})
	c.add(schedule.WaitCategory, schedule.ID(h, "hall", day), schedule.Joined{Case: held})
	c.add(schedule.WaitCategory, schedule.ID(h, "hall", day), schedule.Offered{Case: held, Resource: "hall-2", Slot: "1300", Start: at("13:00"), Until: at("10:31")})
	c.add(booking.Category, set, booking.PaperPromised{Paper: booking.HouseholdBook, Due: "2026-11-25"})
	c.add(booking.Category, running, booking.PaperPromised{Paper: booking.HouseholdBook, Due: "2026-12-25"})
	c.add(booking.Category, set, booking.Challenged{Challenge: "D", Order: booking.DefaultOrder})
	c.told(booking.Category, done, booking.Paid{Payment: "P1", Amount: 5000, Method: booking.Cash}, c.store.at(0), "")
	till := booking.TillID(h, domain.DateOf(c.store.at(0)))
	c.add(booking.TillCategory, till, booking.TillEntered{Entry: "P1", Case: done, Kind: booking.MoneyIn, Method: booking.Cash, Amount: 5000, Sequence: 1})
	c.add(booking.TillCategory, till, booking.TillEntered{Entry: "R1", Case: done, Kind: booking.MoneyOut, Method: booking.Cash, Amount: 1000, Sequence: 2})
	c.add(booking.TillCategory, till, booking.TillClosed{Counts: []booking.TillCount{{Method: booking.Cash, Expected: 4000, Counted: 3900}}, Difference: -100, Reason: "找零"})
	c.told(booking.Category, set, booking.Paid{Payment: "P2", Amount: 7000, Method: booking.WeChat}, c.store.at(0), "")
	last := c.add(booking.Category, running, booking.ContactPreferred{})

	r := c.open(c.config(t.TempDir()))
	wait(t, r, frontdesk.Name, last)
	caughtUp(t, r)
	q := frontdesk.Reader{DB: r.Read(frontdesk.Name)}
	b, err := q.Board(t.Context(), home, day, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range b.Rows {
		for _, x := range row.Cells {
			s := row.Resource + " " + string(domain.ClockOf(x.Start)) + "-" + string(domain.ClockOf(x.End)) + " "
			if x.Closure != "" {
				s += string(x.Closure)
			} else {
				s += x.Mark.Zh() + " " + x.Name + " " + x.Tag
				if x.ByClock {
					s += " 按钟点"
				}
				if x.Overdue {
					s += " 已到时"
				}
				for _, l := range x.Lacks {
					s += " 缺" + l
				}
				for _, k := range x.Holds {
					s += " 停" + string(k)
				}
			}
			got = append(got, s)
		}
	}
	if d := cmp.Diff([]string{
		"hall-1 08:00-09:00 毕 完*一 T001", "hall-1 09:00-09:30 buffer", "hall-1 10:00-11:00 行 进*二 T002 按钟点", "hall-1 12:00-13:00 定 定*三 T003", "hall-1 14:00-15:00 定 缺*四 T004",
		"hall-2 09:00-10:00 毕 钟*五 T005 按钟点", "hall-2 11:00-12:00 留 暂*六 T006",
		"hall-10 00:00-12:00 maintenance",
		"furnace-1 08:00-09:00 毕 火*九 T009", "furnace-1 09:00-10:00 行 在*十 T010", "furnace-1 10:00-11:00 缺 缺*四 T004 已到时 缺CREMATION_CONFIRMATION",
		"furnace-1 13:00-14:00 缺 缺*四 T004 缺CREMATION_CONFIRMATION", "furnace-1 14:00-15:00 缺 暂*八 T008 停POLICE", "furnace-1 16:00-18:00 clean_down",
		"car-1 06:00-07:00 reserved"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(frontdesk.Counts{Total: 11, Done: 3, Running: 2, Set: 2, Held: 1, Lacking: 3}, b.Counts); d != "" {
		t.Error(d)
	}
	if len(b.Bays) != 3 || b.Bays[2].Name != "缺*四" || !b.Bays[2].Overdue || b.Bays[2].Days != 10 || b.Bays[0].Case != "" || b.Bays[1].Name != "" {
		t.Errorf("%+v", b.Bays)
	}

	a, err := q.Attention(t.Context(), home, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Lacking) != 1 || a.Lacking[0].Name != "缺*四" || !a.Lacking[0].Start.Equal(at("13:00")) || a.Lacking[0].NameZh != "一号炉" || a.Lacking[0].Lacks[0] != string(booking.ConfirmationPaper) {
		t.Errorf("%+v", a.Lacking)
	}
	if len(a.Overlong) != 1 || a.Overlong[0].Name != "缺*四" || len(a.Held) != 1 || a.Held[0].Name != "暂*八" || a.Held[0].Holds[0] != cremation.HoldPolice {
		t.Errorf("%+v %+v", a.Overlong, a.Held)
	}
	if len(a.Waiting) != 1 || a.Waiting[0].Offer != "hall-2/1300" || !a.Waiting[0].Until.Equal(at("10:31")) || a.Waiting[0].Kind != institution.Hall {
		t.Errorf("%+v", a.Waiting)
	}
	if len(a.Promises) != 1 || a.Promises[0].Name != "定*三" || a.Promises[0].Overdue || len(a.Disputed) != 1 || !a.RecountDue {
		t.Errorf("%+v", a)
	}

	cs, err := q.Custody(t.Context(), home, now)
	if err != nil || len(cs) != 8 || cs[7].Name != "火*九" || cs[7].Stage != frontdesk.Ashes || len(cs[7].Shares) != 1 || cs[6].Stage != frontdesk.Cremating {
		t.Errorf("%d in the house: %+v %v", len(cs), cs, err)
	}
	for _, x := range cs {
		if x.Name == "缺*四" && (x.Place != cremation.Place{Kind: cremation.InColdBay, ID: "cold-1/3"} || x.Next.NameZh != "一号炉" || !x.Next.Start.Equal(at("13:00"))) {
			t.Errorf("%+v", x)
		}
	}

	sheet, err := q.Sheet(t.Context(), home, day)
	if err != nil || sheet.Counts[frontdesk.Cremation] != 1 || sheet.Counts[frontdesk.Admission] != 0 || sheet.Happenings[0].Name != "火*九" || !sheet.Happenings[0].At.Equal(at("09:05")) {
		t.Errorf("%+v %v", sheet, err)
	}
	if sheet, err = q.Sheet(t.Context(), home, day.AddDays(-1)); err != nil || sheet.Counts[frontdesk.Admission] != 7 {
		t.Errorf("%+v %v", sheet, err)
	}
	counted := domain.Money(3900)
	sheet, err = q.Sheet(t.Context(), home, domain.DateOf(c.store.at(0)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]frontdesk.Sum{{Method: booking.Cash, In: 5000, Out: 1000, Counted: &counted}}, sheet.Sums); d != "" || !sheet.Closed || sheet.Reason != "找零" {
		t.Error(d, sheet)
	}
	if d := cmp.Diff([]frontdesk.Sum{{Method: booking.WeChat, In: 7000}}, sheet.Beside); d != "" {
		t.Error(d)
	}
	for _, err := range []error{func() error { _, err := q.Board(t.Context(), "91210200000000000X", day, now); return err }(),
		func() error { _, err := q.Sheet(t.Context(), "91210200000000000X", day); return err }()} {
		if !errors.Is(err, frontdesk.ErrNotFound) {
			t.Error(err)
		}
	}
}

// Acts recorded late are listed with their reason.
func TestLateActs(t *testing.T) {
	c := newCityOf(t, 62, 1)
	fs := c.funerals(40)
	r := c.open(c.config(t.TempDir()))
	caughtUp(t, r)
	q := frontdesk.Reader{DB: r.Read(frontdesk.Name)}
	a, err := q.Attention(t.Context(), c.homes[0], c.store.at(0))
	if err != nil || len(a.Late) == 0 || len(a.Late) > len(fs) {
		t.Fatalf("%d late acts, %v", len(a.Late), err)
	}
	for _, l := range a.Late {
		if l.Reason != "院内无信号" || l.Type != "custody.collected.v1" || l.Actor == "" || l.Number == "" || l.Occurred.IsZero() || l.Source.Recorded.IsZero() {
			t.Errorf("%+v", l)
		}
	}
	if a, err = q.Attention(t.Context(), c.homes[0], c.store.at(0).AddDate(1, 0, 0)); err != nil || len(a.Late) != 0 {
		t.Errorf("a year later: %d, %v", len(a.Late), err)
	}
}
