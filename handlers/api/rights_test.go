package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"shenzhong/domain"
	graves "shenzhong/domain/cemetery"
	"shenzhong/handlers"
)

// burialRules is the body that adopts a version with this limit of a grave.
func burialRules(id string, ashAreaCM2 int) string {
	r := graves.DefaultRules
	r.ID, r.EffectiveFrom, r.Document, r.AshAreaCM2 = id, "2026-12-01", "演示字 1", ashAreaCM2
	b, err := json.Marshal(map[string]any{"rules": r})
	if err != nil {
		panic(err) // a program fault
	}
	return string(b)
}

// yard establishes the cemetery and surveys places.
func (c *city) yard(places ...string) {
	c.t.Helper()
	c.must("admin-0601", "/cemeteries", fmt.Sprintf(`{"cemetery":%q,"name_zh":"公墓","class":"URBAN_PUBLIC","division":"210211","serves":["210200"]}`, cemetery))
	for _, p := range places {
		c.must("cemetery-0301", "/cemeteries/"+cemetery+"/plots", fmt.Sprintf(`{"plot":%q,"kind":"GRAVE","eco_type":"SMALL_PLOT","capacity":2,"area_cm2":5000}`, p))
	}
}

// A round from its announcement to the place given and the place passed on, with
// the record that anybody recomputes.
func TestRoundOverHTTP(t *testing.T) {
	c := newCity(t)
	c.yard("A-1", "A-2")
	seed, salt := strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	at, staff := "/cemeteries/"+cemetery, "cemetery-0301"
	announce := fmt.Sprintf(`{"round":"2026-2","places":["A-1","A-2"],"mode":"DRAW","commitment":%q,"closes":"2026-11-25T12:00:00+08:00","notice":"GG-2"}`, domain.Commitment(seed, salt))
	apply := func(n int) string {
		return fmt.Sprintf(`{"applicant_citizen_id":%q,"ground":"LIVING_ILL","hukou":"210211","exception_paper":true}`, person(n))
	}
	opened := fmt.Sprintf(`{"seed":%q,"salt":%q}`, seed, salt)
	round := at + "/rounds/2026-2"
	record := func() (r handlers.RoundRecord) {
		x := c.send("", "GET", "/api/v1/rounds/"+cemetery+"/2026-2", "")
		if err := json.Unmarshal(x.Body.Bytes(), &r); x.Code != 200 || err != nil {
			t.Fatal(x.Code, x.Body, err)
		}
		return r
	}
	c.refuses(422, "round_unknown", staff, round+"/applications", apply(1))
	if r := c.send("", "GET", "/api/v1/rounds/"+cemetery+"/2026-2", ""); r.Code != 404 {
		t.Error(r.Code, r.Body)
	}
	c.must(staff, at+"/rounds", announce)
	c.refuses(422, "round_announced", staff, at+"/rounds", strings.Replace(announce, "GG-2", "GG-3", 1))
	of := map[string]int{}
	for n := range 3 {
		of[c.must(staff, round+"/applications", apply(n))] = n
	}
	c.refuses(422, "round_applied", staff, round+"/applications", apply(1))
	c.refuses(422, "plot_exception_paper", staff, round+"/applications", strings.Replace(apply(7), ":true", ":false", 1))
	c.refuses(422, "round_open", staff, round+"/draw", opened)
	if r := record(); r.Applied != 3 || r.Applications != nil || r.Seed != "" {
		t.Errorf("%+v", r)
	}
	// A round that is cancelled opens its places and tells its families; the next
	// one takes the waiting over.
	c.yard("D-1")
	other, next := at+"/rounds/2026-3", at+"/rounds/2026-4"
	c.must(staff, at+"/rounds", strings.NewReplacer("2026-2", "2026-3", `"A-1","A-2"`, `"D-1"`, "DRAW", "WAITING").Replace(announce))
	first := c.must(staff, other+"/applications", apply(5))
	c.refuses(422, "round_not_cancelled", staff, other+"/notices", fmt.Sprintf(`{"application":%q,"channel":"PHONE","proof":"D-7"}`, first))
	c.must(staff, other+"/cancellation", `{"reason":"SEED_LOST","document":"GG-9"}`)
	c.refuses(422, "round_cancelled", staff, other+"/applications", apply(6))
	c.must(staff, other+"/notices", fmt.Sprintf(`{"application":%q,"channel":"PHONE","proof":"D-7"}`, first))
	c.sleep(24 * time.Hour)
	c.must(staff, at+"/rounds", strings.NewReplacer("2026-2", "2026-4", `"A-1","A-2"`, `"D-1"`, "DRAW", "WAITING").Replace(announce))
	from := strings.Replace(apply(5), "{", `{"from_round":"2026-3",`, 1)
	c.refuses(422, "round_not_carried", staff, next+"/applications", strings.Replace(from, person(5), person(6), 1))
	second := c.must(staff, next+"/applications", from)
	if s, _, err := c.app.Rounds.Load(t.Context(), handlers.RoundID(cemetery, "2026-4")); err != nil || len(s.Applications) != 1 || s.Applications[0].Application != second || s.Applications[0].Since != "2026-11-23" {
		t.Errorf("the waiting did not go on: %+v (%v)", s.Applications, err)
	}
	if x := c.send("", "GET", "/api/v1/rounds/"+cemetery+"/2026-3", ""); x.field("cancelled.reason") != "SEED_LOST" || x.field("cancelled.told") != "1" || x.field("cancelled.after_closing") != "false" {
		t.Errorf("the record of the cancelled round: %s", x.Body)
	}
	c.sleep(48 * time.Hour)
	c.refuses(422, "round_seed_differs", staff, round+"/draw", strings.Replace(opened, "1a", "2a", 1))
	c.must(staff, round+"/draw", opened)
	r := record()
	if ds := r.Differences(); len(ds) > 0 || len(r.Result) != 2 || len(r.Waiting) != 2 {
		t.Fatalf("%+v %v", r, ds)
	}
	allocate := func(n int) string {
		return fmt.Sprintf(`{"applicant_citizen_id":%q,"ground":"LIVING_ILL","spouse_citizen_id":%[1]q,"spouse_hukou":"210211","exception_paper":"诊断书","round":"2026-2","contract":"C","term_until":"2046-01-01","fee_fen":0}`, person(n))
	}
	c.refuses(422, "round_drawn", staff, round+"/cancellation", `{"reason":"SEED_LOST","document":"GG-9"}`)
	won, late := r.Result[0], r.Result[1]
	c.refuses(422, "plot_held", staff, at+"/plots/"+won.Place+"/allocations", allocate(of[late.Application]))
	c.must(staff, at+"/plots/"+won.Place+"/allocations", allocate(of[won.Application]))
	c.refuses(422, "round_not_won", staff, round+"/passes", fmt.Sprintf(`{"application":%q,"place":%q,"reason":"GAVE_UP"}`, won.Application, won.Place))
	c.refuses(422, "round_pass_early", staff, round+"/passes", fmt.Sprintf(`{"application":%q,"place":%q,"reason":"DID_NOT_COME"}`, late.Application, late.Place))
	c.must(staff, round+"/passes", fmt.Sprintf(`{"application":%q,"place":%q,"reason":"GAVE_UP"}`, late.Application, late.Place))
	if r := record(); len(r.Taken) != 1 || r.Taken[0] != won || len(r.Waiting) != 1 || r.Waiting[0].Application != r.Order[2] {
		t.Errorf("%+v", r)
	}
}

// A right of use through upkeep, death, inheritance and renewal, and a place that
// is measured larger than it was surveyed.
func TestRightOverHTTP(t *testing.T) {
	c := newCity(t)
	c.yard("A-1")
	_, certificate := c.cremated(1)
	at, staff := "/cemeteries/"+cemetery, "cemetery-0301"
	c.must(staff, at+"/plots/A-1/allocations", fmt.Sprintf(`{"right":"R-1","applicant_citizen_id":%q,"certificate":%q,"contract":"C","term_until":"2046-01-01","fee_fen":0}`, person(20), certificate))
	c.refuses(422, "repair_place_unknown", staff, at+"/damage-reports", `{"plot":"Z-9","damage":"STONE"}`)
	order := at + "/work-orders/" + c.must(staff, at+"/damage-reports", `{"plot":"A-1","damage":"STONE","text":"碑座裂了"}`)
	if x := c.send("regulator-0501", "GET", "/api/v1"+order, ""); x.field("due_by") == "" || x.field("text") != "" {
		t.Errorf("the regulator reads %s", x.Body)
	}
	c.must(staff, order+"/completion", `{"on":"2026-11-23"}`)
	c.refuses(422, "repair_settled", staff, order+"/refusal", `{"reason":"NOTHING_FOUND"}`)
	if x := c.send(staff, "GET", "/api/v1"+order, ""); x.field("done_on") != "2026-11-23" || x.field("text") != "碑座裂了" || x.field("late") != "false" {
		t.Errorf("the order: %s", x.Body)
	}
	right := at + "/rights/R-1"
	get := func(field string) string { return c.send(staff, "GET", "/api/v1"+right, "").field(field) }
	if get("status") != "current" || get("until") != "2046-01-01" || get("notices.0.on") != "2045-01-01" {
		t.Error(get(""))
	}
	c.must(staff, right+"/upkeep", `{"until":"2030-01-01","amount_fen":20000,"receipt":"S-1"}`)
	c.refuses(422, "right_upkeep", staff, right+"/upkeep", `{"until":"2031-01-01","amount_fen":20000,"receipt":"S-1"}`)
	if get("upkeep_until") != "2030-01-01" {
		t.Error(get("upkeep_until"))
	}
	c.refuses(422, "right_notice_stage", staff, right+"/notices", `{"stage":-12,"channel":"IN_PERSON","served_on":"2026-11-22","proof":"P-1"}`)
	c.refuses(422, "right_not_over", staff, right+"/lapse-proposal", `{"document":"J-1"}`)
	c.refuses(422, "right_lapse_not_proposed", "regulator-0501", right+"/lapse", `{}`)
	heirs := fmt.Sprintf(`{"to_citizen_id":%q,"relation":"CHILD","other_citizen_ids":[%q],"paper":"公证书"}`, person(21), person(22))
	c.refuses(422, "right_holder_lives", staff, right+"/inheritance", heirs)
	c.must(staff, right+"/holder-death", `{"paper":"死亡证明"}`)
	c.must(staff, right+"/inheritance", heirs)
	c.refuses(422, "right_heirs_consent", staff, right+"/inheritance-completion", `{}`)
	c.refuses(422, "right_heir_paper", staff, right+"/inheritance-answers", fmt.Sprintf(`{"heir_citizen_id":%q,"agrees":true}`, person(22)))
	c.must(staff, right+"/inheritance-answers", fmt.Sprintf(`{"heir_citizen_id":%q,"agrees":true,"paper":"声明"}`, person(22)))
	c.must(staff, right+"/inheritance-completion", `{}`)
	renew := func(n int) string {
		return fmt.Sprintf(`{"holder_citizen_id":%q,"until":"2066-01-01","contract":"C-2","fee_fen":0}`, person(n))
	}
	c.refuses(422, "right_renew_early", staff, right+"/renewals", renew(21))
	surrender := fmt.Sprintf(`{"holder_citizen_id":%q,"reason":"另有安排","paper":"T-1"}`, person(20))
	c.refuses(422, "right_holder_only", staff, right+"/surrender", surrender)

	c.must("regulator-0501", at+"/plots/A-1/measurements", `{"area_cm2":12000,"stone_height_cm":90}`)
	if r := c.post(staff, at+"/plots/A-1/allocations", fmt.Sprintf(`{"right":"R-1","applicant_citizen_id":%q,"ground":"LIVING_SPOUSE","spouse_citizen_id":%[1]q,"spouse_of_certificate":%q,"spouse_hukou":"210211","exception_paper":"结婚证","contract":"C","term_until":"2046-01-01","fee_fen":0}`, person(21), certificate)); r.Code != 422 || r.problem().Code != "plot_area" { // kept on the plot
		t.Error(r.Code, r.Body)
	}
	c.refuses(422, "plot_reopen", staff, at+"/plots/A-1/reopening", `{"document":"GG-9"}`)

	c.must(staff, right+"/surrender", strings.Replace(surrender, person(20), person(21), 1))
	if get("status") != "surrendered" {
		t.Error(get("status"))
	}
	c.must("regulator-0501", "/burial-rules/210200", burialRules("dl-cem-2026.1", 8000))
	c.refuses(422, "burial_rules_invalid", "regulator-0501", "/burial-rules/210200", burialRules("dl-cem-2026.2", 20000))
	if r := c.send(staff, "GET", "/api/v1/burial-rules/210200", ""); r.field("rules") != "default-1" {
		t.Errorf("in force before its day: %s", r.Body)
	}
	c.refuses(422, "plot_not_resting", staff, at+"/relocations", fmt.Sprintf(`{"plot":"A-1","certificates":[%q],"cause":"FAMILY","holder_citizen_id":%q,"paper":"Q-1","to":{"kind":"AWAY","place":"外地 1","taker":{"citizen_id":%[2]q}}}`, certificate, person(21)))
}

// The main way of a relocation: somebody who rests in one place comes to another,
// under a permit, in its window, re-tagged, with the former place locked until it
// is opened in public and given again.
func TestRelocationOverHTTP(t *testing.T) {
	c := newCity(t)
	c.yard("A-1", "A-2", "A-3")
	id, certificate := c.cremated(1)
	at, staff, regulator := "/cemeteries/"+cemetery, "cemetery-0301", "regulator-0501"
	c.must("desk-0101", "/cases/"+id+"/cremation/ashes-release", fmt.Sprintf(`{%s,"name":"沈静","certificate":%q,"id_checked":true,"id_tail":%q,"receipt":"S-3","form":"2026.1","code":%q}`,
		c.at(), certificate, person(501)[14:], c.code("/cases/"+id)))
	c.must(staff, at+"/plots/A-1/allocations", fmt.Sprintf(`{"right":"R-1","applicant_citizen_id":%q,"certificate":%q,"contract":"C","term_until":"2046-01-01","fee_fen":0}`, person(501), certificate))
	ask := fmt.Sprintf(`{"plot":"A-1","certificates":[%q],"cause":"FAMILY","holder_citizen_id":%q,"paper":"Q-1","to":{"kind":"PLOT","place":%q,"taker":{"institution":%q}}}`, certificate, person(501), cemetery+".A-2", cemetery)
	c.refuses(422, "plot_not_resting", staff, at+"/relocations", ask)
	c.must(staff, at+"/plots/A-1/interments", fmt.Sprintf(`{%s,"right":"R-1","certificate":%q,"consent":"AZ-1"}`, c.at(), certificate))
	c.refuses(422, "relocation_holder", staff, at+"/relocations", strings.Replace(ask, person(501), person(502), 1))
	move := at + "/relocations/" + c.must(staff, at+"/relocations", ask)
	status := func() string { return c.send(staff, "GET", "/api/v1"+move, "").field("status") }
	lift := fmt.Sprintf(`{%s,"certificate":%q,"label":"QC-1","sealed_by":["cemetery-0301","cemetery-0302"],"carrier":{"citizen_id":%q},"receipt":"J-1"}`, c.at(), certificate, person(501))
	c.refuses(422, "relocation_not_permitted", staff, move+"/lifts", lift)
	permit := `{"permit":"ZM-1","authority":"演示民政局","from":"2026-11-01","until":"2026-12-31"}`
	c.refuses(422, "relocation_permit", staff, move+"/permit", permit) // by who asked
	c.must(regulator, move+"/permit", permit)
	c.refuses(422, "relocation_destination", staff, move+"/lifts", lift)
	c.must(staff, at+"/plots/A-2/allocations", fmt.Sprintf(`{"right":"R-2","applicant_citizen_id":%q,"ground":"RELOCATION_PERMIT","certificate":%q,"relocation":%q,"contract":"C-2","term_until":"2046-01-01","fee_fen":0}`,
		person(501), certificate, strings.TrimPrefix(move, at+"/relocations/")))
	c.must(staff, move+"/lifts", lift)
	if s := status(); s != "lifted" {
		t.Errorf("on the way it is %q", s)
	}
	again := fmt.Sprintf(`{"right":"R-3","applicant_citizen_id":%q,"certificate":%q,"contract":"C-3","term_until":"2046-01-01","fee_fen":0}`, person(503), certificate)
	c.refuses(422, "plot_locked", staff, at+"/plots/A-1/allocations", again)
	arrive := fmt.Sprintf(`{"certificate":%q,"label":"QC-1","receipt":"J-2","consent":"AZ-2"}`, certificate)
	c.refuses(422, "relocation_label", staff, move+"/arrivals", strings.Replace(arrive, "QC-1", "QC-2", 1))
	// Redirected on the way to a place that is nobody's, or another's, they do not
	// arrive: they would be there on paper and could not be laid to rest.
	redirect := fmt.Sprintf(`{"to":{"kind":"PLOT","place":%q,"taker":{"institution":%q}},"paper":"GX-1"}`, cemetery+".A-3", cemetery)
	c.must(staff, move+"/redirection", redirect)
	// One account only asks for it.
	c.refuses(422, "relocation_redirect_second_account", staff, move+"/redirection", redirect)
	if got := c.send(staff, "GET", "/api/v1"+move, ""); got.field("redirect_asked") != "PLOT "+cemetery+".A-3" || got.field("to") != "PLOT "+cemetery+".A-2" {
		t.Error(got.Body)
	}
	c.must(regulator, move+"/redirection", redirect)
	c.refuses(422, "relocation_destination", staff, move+"/arrivals", arrive)
	if s := status(); s != "lifted" {
		t.Errorf("at a place that was not given it is %q", s)
	}
	for _, who := range []string{staff, regulator} {
		c.must(who, move+"/redirection", strings.Replace(redirect, ".A-3", ".A-2", 1))
	}
	c.must(staff, move+"/arrivals", arrive)
	if s := status(); s != "arrived" {
		t.Errorf("in the end it is %q", s)
	}
	for plot, want := range map[string]string{"A-1": "0", "A-2": "1"} {
		if got := c.send(staff, "GET", "/api/v1"+at+"/plots/"+plot, "").field("interred"); got != want {
			t.Errorf("%s rest in %s, want %s", got, plot, want)
		}
	}
	c.refuses(422, "right_over", staff, at+"/rights/R-1/upkeep", `{"until":"2030-01-01","amount_fen":20000,"receipt":"S-1"}`)
	_, second := c.cremated(2)
	again = strings.Replace(again, certificate, second, 1)
	c.refuses(422, "plot_locked", staff, at+"/plots/A-1/allocations", again)
	c.must(staff, at+"/plots/A-1/reopening", `{"document":"GG-1"}`)
	c.must(staff, at+"/plots/A-1/allocations", again)
}
