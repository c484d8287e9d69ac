package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// noPlaces is a city without cemeteries.
type noPlaces struct{}

func (noPlaces) Cemeteries(context.Context) ([]places.Cemetery, AsOf, error) {
	return nil, AsOf{}, nil
}

func (noPlaces) Cemetery(context.Context, string) (CemeteryData, error) {
	return CemeteryData{}, handlers.ErrNotFound
}

func (noPlaces) Office(context.Context, string, string) (OfficeData, error) {
	return OfficeData{}, handlers.ErrNotFound
}

func (noPlaces) WorkOrders(context.Context, string) ([]places.Repair, AsOf, error) {
	return nil, AsOf{}, handlers.ErrNotFound
}

func (noPlaces) Breaches(context.Context, string) ([]places.Breach, AsOf, error) {
	return nil, AsOf{}, nil
}

const (
	hillCemetery    = "12210211422000301L"
	villageCemetery = "12210281422000802G"
)

// A graveyard is a home beside which there are a city's cemetery and a village's,
// with certificates of people who were cremated.
type graveyard struct {
	*home
	office, village *clerk
	certificates    map[string]string // by name
}

func newGraveyard(t testing.TB) *graveyard {
	t.Helper()
	g := &graveyard{home: newHome(t), certificates: map[string]string{}}
	at := time.Date(2006, 4, 5, 1, 0, 0, 0, time.UTC)
	for _, c := range []cemetery.Establish{
		{Cemetery: hillCemetery, NameZh: "青岚公墓（演示）", NameEn: "Qinglan Cemetery (demo)", Class: cemetery.UrbanPublic, Division: "210211", Serves: []domain.Division{"210202", "210211"}, FoundedOn: "2006-04-05"},
		{Cemetery: villageCemetery, NameZh: "崔屯村公墓（演示）", NameEn: "Cuitun Village Cemetery (demo)", Class: cemetery.RuralPublic, Division: "210281", Serves: []domain.Division{"210281"}},
	} {
		c.Act = g.act(at)
		if _, err := g.app.Cemeteries.Handle(t.Context(), string(c.Cemetery), c); err != nil {
			t.Fatal(err)
		}
	}
	// 1.5 m from place to place and 2.2 m from row to row, as coordinates have it.
	const lonPerMetre, latPerMetre = 115.5, 89.8
	last := events.Receipt{}
	survey := func(of domain.CreditCode, section, letter string, rows, seats int, north float64, measured bool) {
		for r := range rows {
			for s := range seats {
				x := cemetery.Survey{Act: g.act(at), Plot: fmt.Sprintf("%s-%02d-%02d", letter, r+1, s+1), Section: section, Row: fmt.Sprintf("%d 排", r+1), Seat: fmt.Sprintf("%d 号", s+1),
					Kind: cemetery.Grave, Capacity: 2, AreaCM2: 8_000, StoneHeightCM: 60, WidthCM: 80, DepthCM: 100}
				if letter == "C" && r == 1 && s == 4 {
					x.AreaCM2, x.WidthCM, x.DepthCM = 13_100, 0, 0
				}
				x.EcoType = ecoburial.Default().PlotType(x.AreaCM2, x.Capacity)
				if measured {
					x.Spot = cemetery.Spot{LonE7: 1_215_000_000 + int(float64(s)*1.5*lonPerMetre), LatE7: 389_500_000 - int((north+float64(r)*2.2)*latPerMetre)}
				}
				var err error
				if last, err = g.app.Survey(t.Context(), handlers.Survey{Survey: x, Of: of}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	survey(hillCemetery, "甲区", "A", 4, 10, 0, true)
	survey(hillCemetery, "乙区", "B", 4, 10, 14, true)
	survey(hillCemetery, "丙区", "C", 3, 10, 28, true)
	survey(villageCemetery, "东坡", "D", 3, 6, 0, false)
	if _, err := g.app.PublishPriceList(t.Context(), handlers.PublishPriceList{Key: villageCemetery, Publish: pricing.Publish{Act: g.act(time.Date(2026, 5, 20, 1, 0, 0, 0, time.UTC)), EffectiveFrom: "2026-06-01", InstitutionName: "崔屯村公墓（演示）", City: "大连市", Division: "210281",
		FacilityKind: "CEMETERY_PUBLIC_RURAL", Basis: "2025-12-18 村民会议", Attester: "staff-0802", Rows: []pricing.Row{{Code: "MNT-1", NameZh: "维护费", NameEn: "Upkeep", Category: pricing.Maintenance, PricingType: pricing.VillageCost, Unit: "元/位·年", Price: domain.Yuan(20)}}}}); err != nil {
		t.Fatal(err)
	}
	desk := g.clerk("desk-0101")
	for i, name := range []string{"苏念慈", "沈一舟", "林知秋", "柳文章", "秦玉兰", "潘山", "何雨生", "罗青山"} {
		id := desk.intake("name", name, "hukou", []string{"210202", "210281", "210211"}[i/3], "citizen_id", citizen(fmt.Sprintf("2102021935%02d12001", i+1)), "handler_name", "家属", "handler_phone", fmt.Sprintf("1380411041%d", i), "handler_id", "", "sure", "1")
		number := fmt.Sprintf("DL-HZ-%04d", i+1)
		if _, err := g.app.Certificates.Handle(t.Context(), number, cremation.RegisterCertificate{Act: g.act(at), Number: number, Case: uuid.MustParse(id), Institution: deskHome}); err != nil {
			t.Fatal(err)
		}
		g.certificates[name] = number
	}
	if err := g.runner.Wait(t.Context(), places.Name, last.Position); err != nil {
		t.Fatal(err)
	}
	g.office, g.village = g.clerk("office-0301"), g.clerk("village-0801")
	return g
}

// on does an act with a place by the form of its page.
func (c *clerk) on(of, plot, act string, set ...string) answer {
	c.Helper()
	address := "/desk/cemeteries/" + of + "/places/" + plot + "/" + act
	v := filled(c.get(address).doc(c), address)
	for i := 0; i < len(set); i += 2 {
		if v.Del(set[i]); set[i+1] != "" {
			v.Set(set[i], set[i+1])
		}
	}
	return c.post(address, v)
}

func (c *clerk) done(of, plot, act string, set ...string) {
	c.Helper()
	if res := c.on(of, plot, act, set...); res.StatusCode != http.StatusSeeOther {
		c.Fatalf("%s does %s with %s: status %d: %s", c.id, act, plot, res.StatusCode, plainText(res.body))
	}
}

func (c *clerk) not(code, of, plot, act string, set ...string) doc {
	c.Helper()
	res := c.on(of, plot, act, set...)
	if res.StatusCode < 400 || !strings.Contains(string(res.body), code) {
		c.Fatalf("%s does %s with %s: status %d, want %s: %s", c.id, act, plot, res.StatusCode, code, plainText(res.body))
	}
	return res.doc(c)
}

// settle lets the read model come to the end of the log.
func (g *graveyard) settle() {
	g.Helper()
	if err := g.runner.WaitCaughtUp(g.Context()); err != nil {
		g.Fatal(err)
	}
}

// lived gives the cemeteries something of a history: one at rest, one whose term
// ends soon, one moved away.
func (g *graveyard) lived() {
	g.Helper()
	g.office.done(hillCemetery, "A-03-07", "allocate", "certificate", g.certificates["苏念慈"], "contract", "HT-1", "until", "2027-03-28")
	g.office.done(hillCemetery, "A-03-07", "inter", "consent_paper", "SQ-1")
	g.office.done(hillCemetery, "A-03-08", "allocate", "certificate", g.certificates["沈一舟"], "contract", "HT-2")
	g.office.done(hillCemetery, "A-03-08", "inter", "consent_paper", "SQ-2")
	g.office.done(hillCemetery, "A-03-08", "relocate", "paper_no", "QZ-1", "to_kind", "AWAY", "to_place", "沈字 1")
	g.clerk("office-0302").done(hillCemetery, "A-03-08", "permit_relocation", "permit", "ZM-1", "authority_name", "演示民政局")
	g.office.done(hillCemetery, "A-03-08", "lift", "new_label", "qc-1", "sealed_with", "office-0302", "receipt", "JJ-1")
	g.office.done(hillCemetery, "A-03-08", "arrive_relocated", "new_label", "QC-1", "receipt", "JJ-2", "consent_paper", "—")
	g.office.not("plot_area", hillCemetery, "C-02-05", "allocate", "certificate", g.certificates["林知秋"], "contract", "HT-3")
	g.office.done(hillCemetery, "B-01-01", "allocate", "certificate", g.certificates["林知秋"], "contract", "HT-3")
	g.office.not("right_no_transfer", hillCemetery, "A-03-07", "transfer", "paid", "30000")
	g.announced("2026-0", cemetery.ByWaiting, []string{"C-03-01"}, "何雨生")
	if _, err := g.app.CancelRound(g.Context(), hillCemetery, "2026-0", nil, cemetery.CancelRound{Act: g.act(g.clock()), Reason: cemetery.NoticeWrong, Document: "GG-2026-0"}); err != nil {
		g.Fatal(err)
	}
	if _, _, _, err := g.app.ReportDamage(g.Context(), handlers.ReportDamage{Act: g.act(g.clock()), Token: uuid.New(), Of: hillCemetery, Plot: "A-03-08", Damage: cemetery.StoneDamage, Text: "碑座裂了"}); err != nil {
		g.Fatal(err)
	}
	g.round("2026-1", cemetery.ByWaiting, []string{"C-03-01", "C-03-02", "C-03-03"}, "何雨生", "罗青山")
	g.settle()
}

const roundSeed, roundSalt = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a", "2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b"

// round announces places, takes an application for each of the dead, and draws.
// An hour passes.
func (g *graveyard) round(name string, mode cemetery.Mode, places []string, of ...string) {
	g.Helper()
	g.announced(name, mode, places, of...)
	g.later(time.Hour)
	rc, err := g.app.DrawRound(g.Context(), hillCemetery, name, nil, cemetery.DrawRound{Act: g.act(g.clock()), Seed: roundSeed, Salt: roundSalt})
	if err == nil {
		err = g.runner.Wait(g.Context(), "places", rc.Position)
	}
	if err != nil {
		g.Fatal(err)
	}
}

// announced announces places and takes an application for each of the dead.
func (g *graveyard) announced(name string, mode cemetery.Mode, places []string, of ...string) {
	g.Helper()
	do := func(rc events.Receipt, err error) {
		g.Helper()
		if err == nil {
			err = g.runner.Wait(g.Context(), "places", rc.Position)
		}
		if err != nil {
			g.Fatal(err)
		}
	}
	do(g.app.AnnounceRound(g.Context(), handlers.AnnounceRound{Of: hillCemetery, AnnounceRound: cemetery.AnnounceRound{Act: g.act(g.clock()), Round: name, Places: places, Mode: mode,
		Commitment: domain.Commitment(roundSeed, roundSalt), Closes: g.clock().Add(time.Hour), NoticeNo: "GG-" + name}}))
	for i, who := range of {
		do(g.app.ApplyRound(g.Context(), handlers.ApplyRound{Of: hillCemetery, Round: name, ApplyRound: cemetery.ApplyRound{Act: g.act(g.clock()), Application: fmt.Sprintf("s-%03d", i+1),
			Applicant: domain.Subject(uuid.NewString()), Wishes: places[i%len(places) : i%len(places)+1], Need: cemetery.Need{Ground: cemetery.CremationCertificate, Certificate: g.certificates[who]}}}))
	}
}

// TestOffice takes one place through what its office does: give, inter, remind,
// renew, move to another place, and nothing that is not allowed.
func TestOffice(t *testing.T) {
	g := newGraveyard(t)
	o, second := g.office, g.clerk("office-0302")
	su := g.certificates["苏念慈"]
	o.not("certificate_not_valid", hillCemetery, "A-01-01", "allocate", "certificate", "DL-HZ-9999", "contract", "HT-1")
	o.not("plot_term", hillCemetery, "A-01-01", "allocate", "certificate", su, "contract", "HT-1", "until", "2066-01-01")
	o.not("plot_area", hillCemetery, "C-02-05", "allocate", "certificate", su, "contract", "HT-1")
	o.done(hillCemetery, "A-01-01", "allocate", "certificate", su, "contract", "HT-1", "until", "2027-03-28")
	o.not("placement_exists", hillCemetery, "A-01-02", "allocate", "certificate", su, "contract", "HT-2")
	o.not("field_needed", hillCemetery, "A-01-01", "inter", "consent_paper", " ")
	o.done(hillCemetery, "A-01-01", "inter", "consent_paper", "SQ-1")
	// A headstone within the limits; one above them is refused, and that it was asked for is kept.
	o.not("field_needed", hillCemetery, "A-01-01", "headstone", "headstone_cm", "60", "inscription", " ")
	o.not("headstone_too_high", hillCemetery, "A-01-01", "headstone", "headstone_cm", "130", "inscription", "慈母苏念慈之墓")
	o.done(hillCemetery, "A-01-01", "headstone", "headstone_cm", "60", "inscription", "慈母苏念慈之墓")
	g.settle()
	if p := text(o.page("/desk/cemeteries/" + hillCemetery + "?plot=A-01-01").root); !strings.Contains(p, "高 60 厘米，碑文已存") || !strings.Contains(p, "被拒的申请（已留痕）") || strings.Contains(p, "慈母苏念慈之墓") {
		t.Errorf("the sheet after a headstone: %s", p)
	}
	if p := text(o.page("/desk/limits").root); !strings.Contains(p, "报立的墓碑高") || !strings.Contains(p, "130 厘米") {
		t.Errorf("the limits page: %s", p)
	}
	o.not("right_no_transfer", hillCemetery, "A-01-01", "transfer", "paid", "30000")
	o.not("right_occupied", hillCemetery, "A-01-01", "surrender", "reason", "—", "paper_no", "TH-1")
	o.done(hillCemetery, "A-01-01", "serve_notice", "stage", "-12", "channel", "IN_PERSON", "proof", "SD-1")
	o.done(hillCemetery, "A-01-01", "renew", "contract", "HT-9")
	g.settle()
	p := text(o.page("/desk/cemeteries/" + hillCemetery + "?plot=A-01-01").root)
	for _, want := range []string{"2047-03-28", "已葬一位", "不得转让"} {
		if !strings.Contains(p, want) {
			t.Errorf("the sheet does not say %q", want)
		}
	}

	// To another place of the same cemetery.
	o.done(hillCemetery, "A-01-01", "relocate", "paper_no", "QZ-1", "to_kind", "PLOT", "to_place", "B-02-02")
	g.settle()
	o.not("relocation_permit", hillCemetery, "A-01-01", "permit_relocation", "permit", "ZM-1", "authority_name", "演示民政局")
	second.done(hillCemetery, "A-01-01", "permit_relocation", "permit", "ZM-1", "authority_name", "演示民政局")
	o.not("relocation_destination", hillCemetery, "A-01-01", "lift", "new_label", "QC-1", "sealed_with", "office-0302", "receipt", "JJ-1")
	o.done(hillCemetery, "B-02-02", "allocate", "ground", "RELOCATION_PERMIT", "certificate", "", "contract", "HT-4")
	o.done(hillCemetery, "A-01-01", "lift", "new_label", "QC-1", "sealed_with", "office-0302", "receipt", "JJ-1")
	g.settle()
	// On their way they are sent elsewhere, and back, by two accounts and not by one.
	for paper, to := range []string{"B-02-03", "B-02-02"} {
		redirect := []string{"to_kind", "PLOT", "to_place", to, "paper_no", fmt.Sprint("GX-", paper)}
		o.done(hillCemetery, "A-01-01", "redirect", redirect...)
		if p := text(o.page("/desk/cemeteries/" + hillCemetery + "?plot=A-01-01").root); !strings.Contains(p, "改送待另一帐号同意") || !strings.Contains(p, to) {
			t.Errorf("the sheet does not say that a change waits: %s", p)
		}
		o.not("relocation_redirect_second_account", hillCemetery, "A-01-01", "redirect", redirect...)
		second.done(hillCemetery, "A-01-01", "redirect", redirect...)
		g.settle()
	}
	o.not("relocation_label", hillCemetery, "B-02-02", "arrive_relocated", "new_label", "QC-2", "receipt", "JJ-2", "consent_paper", "SQ-2")
	o.done(hillCemetery, "B-02-02", "arrive_relocated", "new_label", "QC-1", "receipt", "JJ-2", "consent_paper", "SQ-2")
	g.settle()
	for plot, want := range map[string]string{"A-01-01": "腾退锁定", "B-02-02": "已葬一位"} {
		if p := text(o.page("/desk/cemeteries/" + hillCemetery + "?plot=" + plot).root); !strings.Contains(p, want) {
			t.Errorf("%s does not show %s", plot, want)
		}
	}
	o.not("plot_locked", hillCemetery, "A-01-01", "allocate", "certificate", g.certificates["沈一舟"], "contract", "HT-5")
	o.done(hillCemetery, "A-01-01", "reopen", "document", "公告 1 号")

	// Given back; and nobody of another cemetery may look.
	o.done(hillCemetery, "A-02-02", "allocate", "certificate", g.certificates["沈一舟"], "contract", "HT-6")
	o.done(hillCemetery, "A-02-02", "surrender", "reason", "改为海葬", "paper_no", "TH-1")
	if res := g.village.get("/desk/cemeteries/" + hillCemetery); res.StatusCode != http.StatusForbidden {
		t.Errorf("another cemetery's clerk sees the office: %d", res.StatusCode)
	}
	if res := g.clerk("desk-0101").get("/desk/cemeteries"); res.StatusCode != http.StatusForbidden {
		t.Errorf("the funeral home's desk sees it: %d", res.StatusCode)
	}
}

// upload sends a form with a file in it.
func (c *clerk) upload(address, name, text string) answer {
	c.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("file", name)
	if err != nil {
		c.Fatal(err)
	}
	part.Write([]byte(text))
	m.WriteField("do", "check")
	m.Close()
	return c.multipart(address, m.FormDataContentType(), &b)
}

func (c *clerk) multipart(address, kind string, b io.Reader) answer {
	c.Helper()
	r, err := http.NewRequest(http.MethodPost, c.server.URL+address, b)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	return c.send(r)
}

const plotsHead = "plot,section,row,seat,kind,eco_type,capacity,area_cm2,stone_height_cm\n"

// TestImportPage: a file is only checked at first; what is wrong is told by its
// line; what was checked is imported whole, once however often it is sent; and
// nobody else's cemetery is touched.
func TestImportPage(t *testing.T) {
	g := newGraveyard(t)
	address := "/desk/cemeteries/" + hillCemetery + "/import"
	has := func(plot string) bool {
		t.Helper()
		s, _, err := g.app.Plots.Load(t.Context(), handlers.PlotID(hillCemetery, plot))
		if err != nil {
			t.Fatal(err)
		}
		return s.Surveyed.Capacity > 0
	}
	const good, wrong = "E-01,戊区,1 排,1 号,GRAVE,SMALL_PLOT,1,5000,60\n", "E-02,戊区,1 排,2 号,GRAVE,SMALL_PLOT,1,50000,60\n"
	bad := g.office.upload(address, "戊区.csv", plotsHead+good+wrong)
	if bad.StatusCode != http.StatusUnprocessableEntity || has("E-01") {
		t.Fatalf("status %d, %v", bad.StatusCode, has("E-01"))
	}
	if s := text(bad.doc(t).root); !strings.Contains(s, "有 1 处不对") || !strings.Contains(s, "没有写入任何墓位") || !strings.Contains(s, "第 3 行E-02eco_type按面积和穴数，这个墓位应登记为 STD_PLOT。") {
		t.Errorf("the page says %s", s)
	}
	for name, text := range map[string]string{"nothing": "", "a picture": "\x89PNG\r\n\x1a\n"} {
		if res := g.office.upload(address, "x", text); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
	checked := g.office.upload(address, "戊区.csv", plotsHead+good)
	if checked.StatusCode != http.StatusOK || has("E-01") {
		t.Fatalf("checking: status %d, written %v: %s", checked.StatusCode, has("E-01"), plainText(checked.body))
	}
	send := func(c *clerk, to string) answer {
		t.Helper()
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for _, n := range checked.doc(t).find(func(n *html.Node) bool { return attr(n, "type") == "hidden" }) {
			if attr(n, "value") != "check" {
				m.WriteField(attr(n, "name"), attr(n, "value"))
			}
		}
		m.Close()
		return c.multipart(to, m.FormDataContentType(), &b)
	}
	if res := send(g.village, address); res.StatusCode != http.StatusForbidden || has("E-01") {
		t.Errorf("another cemetery's clerk imports: status %d", res.StatusCode)
	}
	for range 2 {
		if res := send(g.office, address); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
		}
	}
	if !has("E-01") {
		t.Error("nothing was imported")
	}
	g.settle()
	if s := text(g.office.page("/desk/cemeteries/" + hillCemetery + "?plot=E-01").root); !strings.Contains(s, "戊区") {
		t.Errorf("the map does not show it: %s", s)
	}
	// The administrator may, for any cemetery; there has to be one.
	admin := g.clerk("admin-0601")
	if res := admin.upload("/desk/cemeteries/"+villageCemetery+"/import", "x.csv", plotsHead+good); res.StatusCode != http.StatusOK {
		t.Errorf("the administrator: status %d", res.StatusCode)
	}
	if res := admin.get("/desk/cemeteries/12210202DEM000014H/import"); res.StatusCode != http.StatusNotFound {
		t.Errorf("no cemetery: status %d", res.StatusCode)
	}
	// More than a request otherwise may hold, and more than a file may.
	long := plotsHead + strings.Repeat(" ", 2<<20)
	if res := g.office.upload(address, "x.csv", long); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("2 MB: status %d", res.StatusCode)
	}
	if res := g.office.upload(address, "x.csv", strings.Repeat("x", 13<<20)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("13 MB: status %d", res.StatusCode)
	}
}

// TestInheritance: heirs answer by number, nobody is named on the page.
func TestInheritance(t *testing.T) {
	g := newGraveyard(t)
	o := g.office
	o.done(hillCemetery, "A-01-01", "allocate", "certificate", g.certificates["苏念慈"], "contract", "HT-1")
	o.done(hillCemetery, "A-01-01", "holder_died", "paper_no", "SW-1")
	o.not("plot_holder_died", hillCemetery, "A-01-01", "inter", "consent_paper", "SQ-1")
	o.done(hillCemetery, "A-01-01", "propose_heir", "heir_relation", "女儿", "other_heirs", "1", "paper_no", "JC-1")
	o.not("right_heirs_consent", hillCemetery, "A-01-01", "inherit")
	form := o.page("/desk/cemeteries/" + hillCemetery + "/places/A-01-01/heir_answer")
	heir := attr(form.find(func(n *html.Node) bool { return attr(n, "name") == "heir" })[0], "value")
	o.done(hillCemetery, "A-01-01", "heir_answer", "heir", heir, "agrees", "yes", "paper_no", "TY-1")
	o.done(hillCemetery, "A-01-01", "inherit")
	o.done(hillCemetery, "A-01-01", "inter", "consent_paper", "SQ-1")
}

// TestMapAndListAgree: what the map draws, what the legend counts and what the
// list lists are the same places in the same states, before the public and in
// the office; the public sees nothing of a person or a term.
func TestMapAndListAgree(t *testing.T) {
	g := newGraveyard(t)
	g.lived()
	for _, address := range []string{"/cemeteries/" + hillCemetery, "/cemeteries/" + villageCemetery, "/desk/cemeteries/" + hillCemetery, "/cemeteries/" + hillCemetery + "?section=" + url.QueryEscape("甲区")} {
		p := g.office.page(address)
		marks := map[string]string{}
		drawn, legend := map[string]int{}, map[string]string{}
		for _, a := range p.find(func(n *html.Node) bool { return n.Data == "a" && n.Parent.Data == "svg" }) {
			plot, state, _ := strings.Cut(attr(a, "aria-label"), " ")
			marks[plot] = state
			drawn[state]++
		}
		for _, l := range (doc{p.find(class("legend"))[0]}).find(tag(atom.Li)) {
			legend[text((doc{l}).find(tag(atom.A))[0])] = text((doc{l}).find(tag(atom.B))[0])
		}
		listed := 0
		for page := p; ; {
			for _, tr := range (doc{page.find(class("places"))[0]}).find(func(n *html.Node) bool { return n.DataAtom == atom.Tr && n.Parent.DataAtom == atom.Tbody }) {
				d := doc{tr}
				plot, state := text(d.find(tag(atom.A))[0]), strings.TrimSpace(strings.TrimSuffix(text(d.find(tag(atom.Td))[0]), " 超限"))
				if marks[plot] != state {
					t.Errorf("%s: %s is %q on the map and %q on the list", address, plot, marks[plot], state)
				}
				listed++
			}
			next := page.find(func(n *html.Node) bool { return n.DataAtom == atom.A && text(n) == "下一页" })
			if len(next) == 0 {
				break
			}
			at, _, _ := strings.Cut(attr(next[0], "href"), "#")
			page = g.office.page(at)
		}
		if listed != len(marks) || listed == 0 {
			t.Errorf("%s: %d on the list, %d on the map", address, listed, len(marks))
		}
		for state, n := range legend {
			if n != fmt.Sprint(drawn[state]) {
				t.Errorf("%s: the legend counts %s of %s, the map draws %d", address, n, state, drawn[state])
			}
			delete(drawn, state)
		}
		if len(drawn) > 0 {
			t.Errorf("%s: the legend lacks %v", address, drawn)
		}
	}
	// Damage is reported from the place's own sheet, and the report says where.
	report := "/damage?cemetery=" + hillCemetery + "&plot=A-03-07"
	if p := g.office.page("/cemeteries/" + hillCemetery + "?plot=A-03-07"); len(p.find(func(n *html.Node) bool { return attr(n, "href") == report })) != 1 {
		t.Error("the sheet does not lead to a report of damage")
	}
	if s := text(g.office.page(report).root); !strings.Contains(s, "（演示） A-03-07") {
		t.Errorf("the report does not say where: %s", s)
	}
	for _, address := range []string{"/cemeteries", "/cemeteries/" + hillCemetery, "/cemeteries/" + hillCemetery + "?plot=A-03-07", "/cemeteries/" + hillCemetery + "?plot=A-03-08"} {
		b := string(g.office.get(address).body)
		for _, secret := range []string{"苏念慈", "HT-1", "2027-03-28", "R-", "DL-HZ", "沈字"} {
			if strings.Contains(b, secret) {
				t.Errorf("%s tells %q", address, secret)
			}
		}
	}
}

// addresses are the pages of cemeteries.
func (g *graveyard) addresses() []string {
	hill, village := "/cemeteries/"+hillCemetery, "/cemeteries/"+villageCemetery
	return []string{"/cemeteries", "/cemeteries?district=210281", hill, hill + "?plot=A-03-07", hill + "?show=free&section=" + url.QueryEscape("甲区"), hill + "?q=zz", village,
		"/desk" + hill, "/desk" + hill + "?plot=A-03-07", "/desk" + hill + "?plot=A-03-08", "/desk" + hill + "?plot=C-02-05", "/desk" + hill + "/places/A-01-01/allocate", "/desk" + hill + "/places/A-03-07/renew", "/desk" + hill + "/places/A-03-07/relocate",
		"/desk" + hill + "/places/A-03-07/serve_notice", "/desk" + hill + "/places/A-03-07/headstone", "/desk" + hill + "/years/2026", "/desk" + hill + "/import", "/desk/limits", hill + "/rounds/2026-1", hill + "/rounds/2026-0", "/desk" + hill + "/rounds/2026-0", "/damage?cemetery=" + hillCemetery + "&plot=A-03-07", "/desk" + hill + "/work-orders", "/desk" + hill + "?plot=C-03-01", "/desk" + village + "/clerk"}
}

// visitor is who opens an address.
func (g *graveyard) visitor(address string) *clerk {
	if strings.Contains(address, villageCemetery) {
		return g.village
	}
	return g.office
}

func TestCemeteryPages(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	g.lived()
	known := map[string]bool{}
	for _, lang := range Langs {
		for _, elder := range []string{"0", "1"} {
			for _, address := range g.addresses() {
				t.Run(string(lang)+elder+address, func(t *testing.T) {
					who := g.visitor(address)
					res := who.get(address + map[bool]string{true: "&", false: "?"}[strings.Contains(address, "?")] + "elder=" + elder + "&lang=" + string(lang))
					if res.StatusCode != http.StatusOK {
						t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
					}
					d := res.doc(t)
					d.rules(t, lang, elder == "1", func(at string) bool {
						if ok, asked := known[at]; asked {
							return ok
						}
						code := who.get(at).StatusCode
						known[at] = code == 200 || code == 303 || code == 405 || !strings.Contains(at, "cemeter")
						return known[at]
					})
				})
			}
		}
	}
	for _, address := range []string{"/cemeteries/nobody", "/cemeteries/" + hillCemetery + "?plot=Z-1", "/desk/cemeteries/" + hillCemetery + "/places/Z-1/inter", "/desk/cemeteries/" + hillCemetery + "/places/A-01-01/nothing", "/desk/cemeteries/" + hillCemetery + "/years/1999", "/desk/cemeteries/" + hillCemetery + "/clerk"} {
		if res := g.office.get(address); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", address, res.StatusCode)
		}
	}
	if res := g.office.get("/desk"); res.Header.Get("Location") != "/desk/cemeteries" {
		t.Errorf("a cemetery's office comes to %q", res.Header.Get("Location"))
	}
}

// TestRoundPage: before it closes a round's page tells how many applied and not
// who; drawn it tells all that recomputing takes, and its program is the recipe.
// A place that it gave is given at the desk to that family, and to nobody else.
func TestRoundPage(t *testing.T) {
	g := newGraveyard(t)
	address := roundAddress(hillCemetery, "2026-4")
	if res := g.office.get(address); res.StatusCode != http.StatusNotFound {
		t.Fatalf("no round: status %d", res.StatusCode)
	}
	g.round("2026-4", cemetery.ByWaiting, []string{"C-03-01", "C-03-02", "C-03-03"}, "何雨生", "罗青山")
	g.settle()
	s := text(g.office.page(address).root)
	for _, want := range []string{"公开安排 2026-4", "按等候先后", "已经抽签", roundSeed, roundSalt, domain.Commitment(roundSeed, roundSalt), "s-001", "s-002", "2 个墓位有人选中；这一轮共 3 个墓位，2 份申请", "全部 2 份申请", "等家属来办", "shenzhong draw check", "/api/v1/rounds/" + hillCemetery + "/2026-4"} {
		if !strings.Contains(s, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, who := range []string{"何雨生", "罗青山", "DL-HZ"} {
		if strings.Contains(s, who) {
			t.Errorf("the page tells %q", who)
		}
	}
	if code := text(g.office.page(address).find(tag(atom.Pre))[0]); strings.TrimSpace(code) != strings.TrimSpace(roundProgram) || strings.Count(code, "\n") > 20 {
		t.Errorf("the program is another one, or longer than 20 lines:\n%s", code)
	}
	rec, err := g.app.Round(t.Context(), hillCemetery, "2026-4", g.clock())
	if err != nil || len(rec.Result) != 2 || len(rec.Differences()) > 0 {
		t.Fatalf("%+v %v %v", rec, rec.Differences(), err)
	}
	page := text(g.office.page("/cemeteries/" + hillCemetery).root)
	if !strings.Contains(page, "2026-4") || !strings.Contains(page, "每一轮的记录任何人都能重算") {
		t.Error("the cemetery's page does not lead to its round")
	}
	g.office.not("plot_held", hillCemetery, "C-03-01", "allocate", "certificate", g.certificates["罗青山"], "contract", "HT-1")
	g.office.done(hillCemetery, "C-03-01", "allocate", "certificate", g.certificates["何雨生"], "contract", "HT-1")
	if s := text(g.office.page(address).root); !strings.Contains(s, "C-03-01已办理") {
		t.Errorf("the page does not say that the place was given: %s", s)
	}
}

// TestCancelledRound: the office cancels a round before its draw on its page and
// tells each family; the public page says so, and the places are open again.
func TestCancelledRound(t *testing.T) {
	g := newGraveyard(t)
	g.announced("2026-5", cemetery.ByWaiting, []string{"C-03-01", "C-03-02"}, "何雨生", "罗青山", "林知秋")
	at := "/desk" + roundAddress(hillCemetery, "2026-5")
	do := func(act string, want int, set ...string) string {
		t.Helper()
		v := url.Values{"token": {uuid.NewString()}, "by": {g.office.id}}
		for i := 0; i < len(set); i += 2 {
			v.Set(set[i], set[i+1])
		}
		res := g.office.post(at+"/"+act, v)
		if res.StatusCode != want {
			t.Fatalf("%s: status %d, want %d: %s", act, res.StatusCode, want, plainText(res.body))
		}
		return plainText(res.body)
	}
	if s := text(g.office.page("/desk/cemeteries/" + hillCemetery).root); !strings.Contains(s, "2026-5") {
		t.Error("the office's page does not list the round")
	}
	if s := text(g.office.page(at).root); !strings.Contains(s, "他们等候的日期不丢") || strings.Contains(s, "s-001") {
		t.Errorf("before: %s", s)
	}
	g.office.page(at).rules(t, Zh, false, func(string) bool { return true })
	if s := do("cancel", 422, "why", "SEED_LOST"); !strings.Contains(s, "round_cancel_reason") {
		t.Error(s)
	}
	if res := g.village.post(at+"/cancel", url.Values{"token": {uuid.NewString()}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("another office cancels: status %d", res.StatusCode)
	}
	do("cancel", 303, "why", "SEED_LOST", "document", "GG-2026-9")
	if s := do("tell", 422, "application", "s-001", "channel", "PHONE"); !strings.Contains(s, "round_tell") {
		t.Error(s)
	}
	// One page has a form for each family, all with its one token: each is an act.
	token := uuid.NewString()
	do("tell", 303, "token", token, "application", "s-003", "channel", "PHONE", "proof", "D-6")
	do("tell", 303, "token", token, "application", "s-001", "channel", "PHONE", "proof", "D-7")
	if s := text(g.office.page(at).root); !strings.Contains(s, "s-001 已告知") || !strings.Contains(s, "s-002 还没有告知") {
		t.Errorf("who was told: %s", s)
	}
	g.settle()
	s := text(g.office.page(roundAddress(hillCemetery, "2026-5")).root)
	for _, want := range []string{"已取消，没有安排", "申请还没有截止", "种子丢失或者已被看到", "公告：GG-2026-9", "等候的日期照算", "3 份申请，已经告知 2 份的家属"} {
		if !strings.Contains(s, want) {
			t.Errorf("the public page does not say %q: %s", want, s)
		}
	}
	if strings.Contains(s, "shenzhong draw check") {
		t.Error("the page explains how to recompute what was not drawn")
	}
	if s := text(g.office.page("/cemeteries/" + hillCemetery).root); !strings.Contains(s, "已取消，没有安排") {
		t.Error("the cemetery's page does not say that the round was cancelled")
	}
	if p, _, err := g.app.Plots.Load(t.Context(), handlers.PlotID(hillCemetery, "C-03-01")); err != nil || p.Held != "" {
		t.Errorf("the place is held for %q (%v)", p.Held, err)
	}
}

// TestDamage: anybody reports damage from the place's sheet and follows it by a
// code; the office settles it on its page, and the cemetery's page counts it.
func TestDamage(t *testing.T) {
	g := newGraveyard(t)
	report, orders := "/damage?cemetery="+hillCemetery+"&plot=A-03-07", "/desk/cemeteries/"+hillCemetery+"/work-orders"
	family := g.clerk("desk-0101")
	if res := family.get("/damage?cemetery=" + hillCemetery + "&plot=Z-99"); res.StatusCode != http.StatusNotFound {
		t.Errorf("no such place: status %d", res.StatusCode)
	}
	v := filled(family.page(report), "/damage")
	send := func(want int, set ...string) answer {
		t.Helper()
		for i := 0; i < len(set); i += 2 {
			v.Set(set[i], set[i+1])
		}
		res := family.post("/damage", v)
		if res.StatusCode != want {
			t.Fatalf("status %d, want %d: %s", res.StatusCode, want, plainText(res.body))
		}
		return res
	}
	if s := plainText(send(422, "damage", "OTHER", "contact", "13804110412").body); !strings.Contains(s, "请选哪里损坏") {
		t.Error(s)
	}
	at := send(303, "damage", "STONE", "text", "碑座裂了").Header.Get("Location")
	if again := send(303).Header.Get("Location"); again != at {
		t.Errorf("sent twice it is followed at %s and at %s", at, again)
	}
	if s := text(family.page(at).root); !strings.Contains(s, "A-03-07") || !strings.Contains(s, "碑座裂了") || !strings.Contains(s, "最晚 2026-12-07 修好") || strings.Contains(s, "13804110412") {
		t.Errorf("the order: %s", s)
	}
	for _, lang := range Langs {
		family.lang = string(lang)
		family.page(at).rules(t, lang, false, func(string) bool { return true })
	}
	family.lang = ""
	g.settle()
	s := text(g.office.page(orders).root)
	for _, want := range []string{"A-03-07", "碑座裂了", "13804110412", "在办"} {
		if !strings.Contains(s, want) {
			t.Errorf("the office does not see %q: %s", want, s)
		}
	}
	if s := text(g.clerk("regulator-0501").page(orders).root); strings.Contains(s, "碑座裂了") || strings.Contains(s, "13804110412") {
		t.Errorf("more than the office reads the report: %s", s)
	}
	id := g.app.RepairID(strings.TrimPrefix(at, "/damage/")).String()
	settle := func(of *clerk, act string, set ...string) answer {
		form := url.Values{"token": {uuid.NewString()}, "by": {of.id}}
		for i := 0; i < len(set); i += 2 {
			form.Set(set[i], set[i+1])
		}
		return of.post(orders+"/"+id+"/"+act, form)
	}
	if res := settle(g.village, "done", "on", "2026-11-23"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another office settles it: status %d", res.StatusCode)
	}
	if s := plainText(settle(g.office, "done", "on", "2026-12-01").body); !strings.Contains(s, "repair_day_invalid") {
		t.Error(s)
	}
	if res := settle(g.office, "done", "on", "2026-11-23"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("status %d: %s", res.StatusCode, plainText(res.body))
	}
	if s := text(family.page(at).root); !strings.Contains(s, "修好") {
		t.Errorf("the family does not learn of it: %s", s)
	}
	g.settle()
	if s := text(family.page("/cemeteries/" + hillCemetery).root); !strings.Contains(s, "近一年修好 1 件，不修 0 件。其中 0 件超过期限") || strings.Contains(s, "碑座裂了") {
		t.Errorf("the cemetery's page: %s", s)
	}
}

// TestLimits: the regulator sees the places of every cemetery that break a limit
// and what was refused, an office those of its own; the CSV has the same rows.
func TestLimits(t *testing.T) {
	g := newGraveyard(t)
	regulator := g.clerk("regulator-0501")
	if s := text(regulator.page("/desk/limits").root); !strings.Contains(s, "没有被拒绝的记录") || !strings.Contains(s, "1 处超限；在册墓位 128 个") {
		t.Errorf("before anything was refused: %s", s)
	}
	g.lived()
	for who, want := range map[*clerk][2]int{regulator: {1, 2}, g.office: {1, 2}, g.village: {0, 0}} {
		p := who.page("/desk/limits")
		rows := 0
		for _, tr := range p.find(tag(atom.Tr)) {
			if tr.Parent.DataAtom == atom.Tbody {
				rows++
			}
		}
		if rows != want[0]+want[1] {
			t.Errorf("%s sees %d rows, want %v", who.id, rows, want)
		}
		table, err := csv.NewReader(bytes.NewReader(who.get("/desk/limits.csv").body)).ReadAll()
		if err != nil || len(table) != 1+rows {
			t.Errorf("%s: %d lines of CSV, %d on the page: %v", who.id, len(table), rows, err)
		}
		for _, secret := range []string{"苏念慈", "林知秋", "DL-HZ", "HT-"} {
			if strings.Contains(text(p.root), secret) {
				t.Errorf("%s is told %q", who.id, secret)
			}
		}
	}
	s := text(regulator.page("/desk/limits").root)
	for _, want := range []string{"C-02-05", "1.31 平方米", "1.00 平方米", "30,000 元", "转让、出租", "没有提供"} {
		if !strings.Contains(s, want) {
			t.Errorf("the page does not say %q: %s", want, s)
		}
	}
	if s := text(regulator.page("/desk/limits?district=210281").root); !strings.Contains(s, "在册墓位 18 个，没有测得超限的") {
		t.Errorf("the other district: %s", s)
	}
	if res := g.clerk("desk-0101").get("/desk/limits"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a funeral home's desk: status %d", res.StatusCode)
	}
}

// TestLargeCemetery: 20,000 places are drawn as a whole, and section by section
// as links.
func TestLargeCemetery(t *testing.T) {
	var ps []places.Place
	for i := range 20_000 {
		ps = append(ps, places.Place{Plot: fmt.Sprint("P-", i), Section: fmt.Sprintf("%02d 区", i/400), Row: fmt.Sprint(i % 400 / 20), Capacity: 1, Resting: i % 2, Right: map[bool]string{true: "R"}[i%2 == 1],
			Spot: cemetery.Spot{LonE7: 1_215_000_000 + i%200*120, LatE7: 389_000_000 - i/200*180}})
	}
	d := CemeteryData{Cemetery: places.Cemetery{Code: hillCemetery}, All: ps}
	whole := cemeteryPageOf(d, "/x", url.Values{}, places.Place.Status)
	if len(whole.Map.Marks) != 0 || len(whole.Map.Paths) != 2 || len(whole.Sections) != 50 || whole.Listed != 20_000 || len(whole.List) != listedAtOnce || whole.Next == "" {
		t.Errorf("the whole: %d marks, %d paths, %d sections, %d of %d listed", len(whole.Map.Marks), len(whole.Map.Paths), len(whole.Sections), len(whole.List), whole.Listed)
	}
	part := cemeteryPageOf(d, "/x", url.Values{"section": {"07 区"}}, places.Place.Status)
	if len(part.Map.Marks) != 400 || part.Shown != 400 || part.Map.PxWidth < part.Map.Width {
		t.Errorf("a section: %d marks, %d px for %d units", len(part.Map.Marks), part.Map.PxWidth, part.Map.Width)
	}
	if ground := part.List[0].Ground(); ground != "—" {
		t.Errorf("a place of no recorded area has %s m²", ground)
	}
	at := map[[2]int]bool{}
	for _, m := range part.Map.Marks {
		at[[2]int{m.X, m.Y}] = true
	}
	if len(at) != 400 {
		t.Errorf("%d places of 400 lie apart", len(at))
	}
	if one := cemeteryPageOf(d, "/x", url.Values{"plot": {"P-401"}}, places.Place.Status); one.Section != "01 区" || one.Sheet == nil || len(one.Map.Marks) != 400 {
		t.Errorf("one place opens %q", one.Section)
	}
}

// TestClerkWithoutScript: the form is a form; sent twice it counts once, days
// and records stay apart, and mistakes come back with what was typed.
func TestClerkWithoutScript(t *testing.T) {
	g := newGraveyard(t)
	address := "/desk/cemeteries/" + villageCemetery + "/clerk"
	v := filled(g.village.page(address), address)
	set := func(kv ...string) {
		for i := 0; i < len(kv); i += 2 {
			v.Set(kv[i], kv[i+1])
		}
	}
	set("surname", "柳", "certificate", "dl-hz-0004", "plot", "D-03-05", "on", "2026-11-17", "paper_no", "SQ-1")
	if res := g.village.post(address, v); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(res.body), "late_without_reason") {
		t.Fatalf("late without a reason: %d %s", res.StatusCode, plainText(res.body))
	} else if kept := filled(res.doc(t), address); kept.Get("certificate") != "dl-hz-0004" || kept.Get("plot") != "D-03-05" || kept.Get("token") != v.Get("token") {
		t.Errorf("what was typed is gone: %v", kept)
	}
	set("late", "村里没有信号", "surname", "秦")
	if res := g.village.post(address, v); !strings.Contains(string(res.body), "village_name_differs") {
		t.Errorf("another surname: %d", res.StatusCode)
	}
	set("surname", "柳", "paper_no", strings.Repeat("1", 61))
	if res := g.village.post(address, v); !strings.Contains(plainText(res.body), "最多写 60 个字") {
		t.Errorf("a number without end: %d %s", res.StatusCode, plainText(res.body))
	}
	set("paper_no", "\xb6\xab")
	if res := g.village.post(address, v); res.StatusCode != http.StatusBadRequest {
		t.Errorf("bytes that are no text: %d", res.StatusCode)
	}
	set("paper_no", "SQ-1", "by", "clerk-9999")
	if res := g.village.post(address, v); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("what waits on the phone for another clerk: %d", res.StatusCode)
	}
	v.Del("by")
	for range 2 {
		if res := g.village.post(address, v); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("status %d: %s", res.StatusCode, plainText(res.body))
		}
	}
	if s := text(g.village.page(address).root); !strings.Contains(s, "已收到：D-03-05，安葬 2026-11-17") {
		t.Errorf("the page does not say that it was received: %s", s)
	}
	s, _, err := g.app.Plots.Load(t.Context(), handlers.PlotID(villageCemetery, "D-03-05"))
	if err != nil || len(s.Interred) != 1 || len(s.Places) != 1 {
		t.Fatalf("%+v %v", s, err)
	}
	var days []string
	for e, err := range g.app.Store.Load(t.Context(), events.Stream("plot-"+handlers.PlotID(villageCemetery, "D-03-05")), events.NoStream) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Type, "plot.interred") {
			days = append(days, string(domain.DateOf(e.Occurred)), e.Meta.LateReason)
		}
	}
	if d := cmp.Diff([]string{"2026-11-17", "村里没有信号"}, days); d != "" {
		t.Error(d)
	}

	// Another family's place, and one's own.
	w := filled(g.village.page(address), address)
	for k, x := range map[string]string{"surname": "秦", "certificate": g.certificates["秦玉兰"], "plot": "D-03-05", "on": "2026-11-23", "paper_no": "SQ-2"} {
		w.Set(k, x)
	}
	if res := g.village.post(address, w); !strings.Contains(string(res.body), "village_place_taken") {
		t.Errorf("another family's place: %d", res.StatusCode)
	}
	w.Set("beside", "1")
	if res := g.village.post(address, w); res.StatusCode != http.StatusSeeOther {
		t.Errorf("beside: %d %s", res.StatusCode, plainText(res.body))
	}
	g.settle()
	for _, want := range []string{"2026", "安葬", "其中安葬日以后补记"} {
		if !strings.Contains(text(g.village.page("/desk/cemeteries/"+villageCemetery+"/years/2026").root), want) {
			t.Errorf("the statement does not say %q", want)
		}
	}
	if res := g.office.get(address); res.StatusCode != http.StatusForbidden {
		t.Errorf("another cemetery's office opens the clerk's page: %d", res.StatusCode)
	}
}
