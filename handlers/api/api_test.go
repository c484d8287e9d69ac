package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"shenzhong/domain/credit"
)

// cremated takes a case from the counter to its certificate, and answers with
// the case and the certificate's number.
func (c *city) cremated(n int) (id, certificate string) {
	c.t.Helper()
	t := c.t
	id = c.must("desk-0101", "/cases", caseJSON(n, fmt.Sprintf(`,%s,"slot":{"resource":"hall-1","start":"2026-11-%02dT09:00:00+08:00"}`, c.at(), 24+n)))
	on := "/cases/" + id
	quote := c.must("desk-0101", on+"/quotes", `{"items":[{"code":"CRM-STD","quantity":1},{"code":"HAL-S","quantity":1}]}`)
	if quote != id {
		t.Errorf("the receipt names %s, not the case", quote)
	}
	got := c.send("desk-0101", "GET", "/api/v1"+on, "")
	if got.Code != 200 || got.field("quote.total_fen") != "102000" || got.field("slots.0.resource") != "hall-1" {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	c.must("desk-0101", on+"/consents", fmt.Sprintf(`{"quote":%q,"total_fen":102000}`, got.field("quote.quote")))
	tag := fmt.Sprintf("T-%04d", n)
	c.must("desk-0102", on+"/custody/collection", fmt.Sprintf(`{%s,"ground":"DEATH_CERTIFICATE","paper":%q,"issuer":"市中心医院（演示）","giver":"HOSPITAL","giver_name":"移交人","giver_signed":true,"into":{"kind":"VEHICLE","id":"car-1"}}`, c.at(), person(n)))
	c.sleep(30 * time.Minute)
	c.must("furnace-0201", on+"/cremation/reception", fmt.Sprintf(`{%s,"tag":%q,"scanned_out":%s}`, c.at(), tag, c.scan("desk-0102")))
	c.must("furnace-0201", on+"/custody/belongings", fmt.Sprintf(`{%s,"items":[{"item":"1","description":"戒指","count":1}],"witness":"desk-0102"}`, c.at()))
	c.move(on, tag, `{"kind":"RECEPTION"}`, fmt.Sprintf(`{"kind":"COLD_BAY","id":"cold-1/%d"}`, n))
	c.must("desk-0101", on+"/cremation/death-certificate", fmt.Sprintf(`{"number":%q,"issuer":"市中心医院（演示）","issued_on":"2026-11-22","death_date":"2026-11-22","cause_class":"NATURAL","checked":true}`, person(n)))
	c.must("desk-0101", on+"/cremation/confirmation", fmt.Sprintf(`{%s,"form":"2026.1"}`, c.at()))
	c.must("desk-0101", on+"/custody/identifications", fmt.Sprintf(`{%s,"tag":%q,"name":"沈静","relation":"CHILD","method":"VIEWING","recognised":true,"form":"2026.1"}`, c.at(), tag))
	c.move(on, tag, fmt.Sprintf(`{"kind":"COLD_BAY","id":"cold-1/%d"}`, n), `{"kind":"FURNACE","id":"furnace-1"}`)
	c.must("desk-0102", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
	c.sleep(2 * time.Minute)
	c.must("furnace-0201", on+"/cremation/verifications", fmt.Sprintf(`{%s,"tag":%q}`, c.at(), tag))
	c.sleep(time.Minute)
	c.must("furnace-0202", on+"/cremation/start", fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at()))
	c.sleep(70 * time.Minute)
	c.must("furnace-0202", on+"/cremation/completion", "{"+c.at()+"}")
	c.sleep(10 * time.Minute)
	c.must("furnace-0202", on+"/cremation/ashes", fmt.Sprintf(`{%s,"weight_g":2400,"containers":1,"label":%q,"sealed_with":"furnace-0201","chamber_empty":true}`, c.at(), tag))
	c.must("desk-0101", on+"/charges", `{"code":"CRM-STD","quantity":1}`)
	certificate = fmt.Sprintf("HH-2026-%04d", n)
	c.must("desk-0101", on+"/cremation/certificate", fmt.Sprintf(`{%s,"number":%q,"form":"2026.1"}`, c.at(), certificate))
	return id, certificate
}

// scan is a reading by an account at this moment.
func (c *city) scan(by string) string {
	return fmt.Sprintf(`{"by":%q,"at":%q}`, by, c.clock().Format(time.RFC3339))
}

// move brings remains from one place to another, by two people's scans.
func (c *city) move(on, tag, from, to string) {
	c.t.Helper()
	c.must("furnace-0201", on+"/custody/moves", fmt.Sprintf(`{%s,"tag":%q,"from":%s,"to":%s,"scanned_out":%s}`, c.at(), tag, from, to, c.scan("desk-0102")))
}

// code makes a one-time code for who receives the ashes.
func (c *city) code(on string) string {
	c.t.Helper()
	key := c.newKey()
	r := c.send("desk-0101", "POST", "/api/v1"+on+"/cremation/release-codes", "{"+c.at()+"}", "Idempotency-Key", key)
	code := r.field("code")
	if r.Code != 200 || code == "" {
		c.t.Fatal(r.Code, r.Body)
	}
	if again := c.send("desk-0101", "POST", "/api/v1"+on+"/cremation/release-codes", "{"+c.at()+"}", "Idempotency-Key", key); again.Code != 200 || again.field("code") != "" {
		c.t.Error("the code is told twice:", again.Body)
	}
	return code
}

// The four kinds of record, from the counter to the end, over HTTP. Each write
// is sent twice on the way (city.post).
func TestBookingAndCremation(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	on := "/cases/" + id

	c.must("desk-0101", on+"/reliefs", fmt.Sprintf(`{"line":%q,"group":"特困人员"}`, c.send("desk-0101", "GET", "/api/v1"+on, "").field("bill.0.line")))
	c.must("desk-0101", on+"/charges", `{"code":"HAL-S","quantity":1}`)
	c.must("desk-0101", on+"/payments", `{"amount_fen":12000,"method":"CASH"}`)
	c.must("desk-0101", on+"/refunds", fmt.Sprintf(`{"line":%q,"amount_fen":2000,"reason":"OVERCHARGE"}`, c.send("desk-0101", "GET", "/api/v1"+on, "").field("bill.1.line")))
	c.must("desk-0101", on+"/closing", `{}`)
	c.must("desk-0101", on+"/custody/belongings-settlements", fmt.Sprintf(`{%s,"items":["1"],"fate":"HANDED_OVER","receiver":"沈静","receipt":"S-1"}`, c.at()))
	c.must("desk-0101", on+"/cremation/certificate-collection", fmt.Sprintf(`{%s,"number":%q,"name":"沈静","receipt":"S-2"}`, c.at(), certificate))
	c.must("desk-0101", on+"/cremation/certificate-files", fmt.Sprintf(`{%s,"number":%q,"file":"2026-1"}`, c.at(), certificate))
	release := fmt.Sprintf(`{%s,"name":"沈静","certificate":%q,"id_checked":true,"id_tail":%q,"receipt":"S-3","form":"2026.1","code":"%%s"}`, c.at(), certificate, person(501)[14:])
	c.refuses(422, "release_code_needed", "desk-0101", on+"/cremation/ashes-release", fmt.Sprintf(release, "0000-0000"))
	c.must("desk-0101", on+"/cremation/ashes-release", fmt.Sprintf(release, c.code(on)))

	got := c.send("desk-0101", "GET", "/api/v1"+on, "")
	for path, want := range map[string]string{"status": "closed", "charged_fen": "100000", "relief_fen": "90000", "paid_fen": "10000", "balance_fen": "0",
		"deceased.name": "沈明远", "deceased.citizen_id": person(1)[:4] + "**********" + person(1)[14:], "handler.phone": "138****0412"} {
		if got.field(path) != want {
			t.Errorf("%s is %s, want %s", path, got.field(path), want)
		}
	}
	if seen := c.send("regulator-0501", "GET", "/api/v1"+on, ""); seen.field("deceased.name") != "沈**" || strings.Contains(seen.Body.String(), person(1)) {
		t.Error("the regulator sees", seen.Body)
	}
	crem := c.send("furnace-0201", "GET", "/api/v1"+on+"/cremation", "")
	if crem.field("certificate") != certificate || crem.field("ashes_released") != "true" || crem.field("verified.1.verifier") != "furnace-0201" || crem.field("rules") != "custody.1" || crem.field("ashes.0.status") != "released" {
		t.Error(crem.Body)
	}
	if cu := c.send("desk-0101", "GET", "/api/v1"+on+"/custody", ""); cu.field("ended") != "true" || cu.field("identified") != "true" || cu.field("moves.1.to.id") != "furnace-1" ||
		cu.field("moves.1.scanned_out.by") != "desk-0102" || cu.field("belongings.0.description") != "戒指" || cu.field("belongings.0.fate") != "HANDED_OVER" {
		t.Error(cu.Body)
	}
	if cold := c.send("desk-0101", "GET", "/api/v1/institutions/"+home+"/cold-store", ""); cold.Code != 200 || cold.field("in.0.tag") != "" {
		t.Error(cold.Body)
	}
	// No personal data in the log lines of all this.
	for _, s := range []string{"沈明远", "沈静", person(1), "13804110412", id} {
		if strings.Contains(c.log.String(), s) {
			t.Errorf("the log holds %s", s)
		}
	}
}

func TestPublicCemetery(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	c.must("admin-0601", "/cemeteries", fmt.Sprintf(`{"cemetery":%q,"name_zh":"松涛公益性公墓（演示）","class":"URBAN_PUBLIC","division":"210211","serves":["210200"]}`, cemetery))
	plots := "/cemeteries/" + cemetery + "/plots"
	for _, p := range []string{"A-1", "A-2"} {
		c.must("cemetery-0301", plots, fmt.Sprintf(`{"plot":%q,"kind":"GRAVE","eco_type":"SMALL_PLOT","capacity":2,"area_cm2":5000,"stone_height_cm":60}`, p))
	}
	allocate := fmt.Sprintf(`{%s,"applicant_citizen_id":%q,"certificate":%q,"contract":"C-1","term_until":"2046-11-01","fee_fen":135000}`, c.at(), person(501), certificate)
	c.must("cemetery-0301", plots+"/A-1/allocations", allocate)
	// What a plot counts as is a type there is, and its area does not contradict it.
	c.refuses(422, "eco_type_unknown", "cemetery-0301", plots, `{"plot":"A-3","kind":"NICHE","eco_type":"NO_SUCH","capacity":1}`)
	c.refuses(422, "plot_type_mismatch", "cemetery-0301", plots, `{"plot":"A-3","kind":"GRAVE","eco_type":"SMALL_PLOT","capacity":1,"area_cm2":10000}`)
	// E-4: one place for a person, wherever it is asked for.
	c.refuses(409, "placement_exists", "cemetery-0301", plots+"/A-2/allocations", allocate)
	right := c.send("cemetery-0301", "GET", "/api/v1"+plots+"/A-1", "").field("right")
	// I11: ashes that the funeral home still has are not interred.
	inter := fmt.Sprintf(`{%s,"right":%q,"certificate":%q,"consent":"AZ-1"}`, c.at(), right, certificate)
	c.refuses(422, "plot_ashes_not_released", "cemetery-0301", plots+"/A-1/interments", inter)
	c.must("desk-0101", "/cases/"+id+"/cremation/ashes-release", fmt.Sprintf(`{%s,"name":"沈静","certificate":%q,"id_checked":true,"id_tail":%q,"receipt":"S-3","form":"2026.1","code":%q}`,
		c.at(), certificate, person(501)[14:], c.code("/cases/"+id)))
	c.must("cemetery-0301", plots+"/A-1/interments", inter)
	// The spouse, living, is named beside the deceased.
	c.must("cemetery-0301", plots+"/A-1/allocations", fmt.Sprintf(`{%s,"right":%q,"ground":"LIVING_SPOUSE","applicant_citizen_id":%q,"spouse_citizen_id":%q,"spouse_of_certificate":%q,
 "spouse_hukou":"210211","exception_paper":"结婚证","contract":"C-2","term_until":"2046-11-01","fee_fen":0}`, c.at(), right, person(501), person(900), certificate))
	got := c.send("cemetery-0301", "GET", "/api/v1"+plots+"/A-1", "")
	if got.field("allocated") != "2" || got.field("interred") != "1" {
		t.Error(got.Body)
	}
	// An empty plot is given back and the person is free to be placed again.
	_, second := c.cremated(2)
	free := strings.ReplaceAll(strings.ReplaceAll(allocate, certificate, second), person(501), person(502))
	c.must("cemetery-0301", plots+"/A-2/allocations", free)
	right = c.send("cemetery-0301", "GET", "/api/v1"+plots+"/A-2", "").field("right")
	c.must("cemetery-0301", plots+"/A-2/surrender", fmt.Sprintf(`{"right":%q,"reason":"家属放弃","paper":"TH-1"}`, right))
	c.must("cemetery-0301", plots+"/A-2/allocations", free)
	c.refuses(422, "certificate_not_valid", "cemetery-0301", plots+"/A-2/allocations", strings.ReplaceAll(allocate, certificate, "HH-0000"))
}

func TestSeaBurial(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	burial := c.must("eco-0401", "/eco-burials", fmt.Sprintf(`{%s,"type":"SEA","division":"210211","certificate":%q}`, c.at(), certificate))
	on := "/eco-burials/" + burial
	c.must("eco-0401", "/voyages", c.voyage("V-1", 6))
	c.refuses(422, "voyage_licence", "eco-0401", "/voyages", c.voyage("V-2", 41))
	c.refuses(422, "voyage_relatives", "eco-0401", "/voyages/V-1/bookings", fmt.Sprintf(`{"burial":%q,"relatives":4}`, burial))
	c.must("eco-0401", "/voyages/V-1/bookings", fmt.Sprintf(`{"burial":%q,"relatives":2,"party":[{"name":"沈静"},{"name":"沈远"}]}`, burial))
	c.refuses(409, "voyage_booked", "eco-0401", "/voyages/V-1/bookings", fmt.Sprintf(`{"burial":%q,"relatives":1}`, burial))
	// I14: nothing irreversible without the second consent, and that not at once.
	aboard := fmt.Sprintf(`"aboard":[{"burial":%q,"relatives":2}]`, burial)
	c.refuses(422, "eco_consent_missing", "eco-0401", "/voyages/V-1/departure", "{"+c.at()+","+aboard+"}")
	c.refuses(422, "eco_consent_pause", "eco-0401", on+"/consents", "{"+c.at()+"}")
	c.refuses(422, "incentive_burial_not_completed", "regulator-0501", on+"/incentive", "{}")
	c.sleep(25 * time.Hour)
	c.must("eco-0401", on+"/consents", "{"+c.at()+"}")
	// I11: the ashes are with the home until it hands them to the applicant.
	c.refuses(422, "eco_ashes_elsewhere", "eco-0401", on+"/ashes", "{"+c.at()+`,"label":"GH-1","both_signed":true}`)
	c.must("desk-0101", "/cases/"+id+"/cremation/ashes-release", fmt.Sprintf(`{%s,"name":"沈静","certificate":%q,"id_checked":true,"id_tail":%q,"receipt":"S-3","form":"2026.1","code":%q}`,
		c.at(), certificate, person(501)[14:], c.code("/cases/"+id)))
	c.must("eco-0401", on+"/ashes", "{"+c.at()+`,"label":"GH-1","both_signed":true}`)
	c.refuses(422, "eco_not_scattered", "eco-0401", on+"/completion", "{"+c.at()+`,"facts":{"voyage_id":"V-1"}}`)
	c.must("eco-0401", "/voyages/V-1/departure", "{"+c.at()+","+aboard+"}")
	c.refuses(422, "eco_ashes_aboard", "eco-0401", on+"/ashes-return", "{"+c.at()+`,"reason":"x","both_signed":true}`)
	c.sleep(time.Hour)
	c.refuses(422, "voyage_manifest_open", "eco-0401", "/voyages/V-1/end", "{}")
	c.must("eco-0401", "/voyages/V-1/scatterings", fmt.Sprintf(`{%s,"burial":%q,"container_degradable":true}`, c.at(), burial))
	c.must("eco-0401", "/voyages/V-1/end", "{"+c.at()+"}")
	if v := c.send("eco-0401", "GET", "/api/v1/voyages/V-1", ""); v.field("status") != "ended" || v.field("bookings.0.certificate") != "HZ-V-1-01" || strings.Contains(v.Body.String(), "沈") {
		t.Error(v.Body)
	}
	if v := c.send("desk-0101", "GET", "/api/v1/voyages/V-1", ""); v.Code != 200 || v.field("seats_taken") != "2" || strings.Contains(v.Body.String(), burial) {
		t.Error(v.Code, v.Body)
	}
	c.must("desk-0101", on+"/incentive-application", `{"account":"6222 0000 0000 0000 018"}`)
	c.must("regulator-0501", on+"/incentive", "{"+c.at()+"}")
	c.refuses(422, "incentive_two_persons", "regulator-0501", on+"/incentive-payment", `{"payment":"PZ-1","amount_fen":40000}`)
	c.must("regulator-0502", on+"/incentive-payment", `{"payment":"PZ-1","amount_fen":40000}`)
	c.refuses(409, "incentive_paid", "regulator-0502", on+"/incentive-payment", `{"payment":"PZ-2","amount_fen":40000}`)
	if v := c.send("desk-0101", "GET", "/api/v1"+on+"/incentive", ""); v.field("status") != "paid" || v.field("amount_fen") != "40000" ||
		!strings.Contains(v.field("sentence_zh"), "奖补 400 元") || strings.Contains(v.Body.String(), "6222") {
		t.Error(v.Body)
	}
	if got := c.send("eco-0401", "GET", "/api/v1"+on, ""); got.field("status") != "completed" || got.field("completed_on") != "2026-11-24" {
		t.Error(got.Body)
	}
	// I18, E-4: the same person is neither buried nor paid for again.
	again := c.must("eco-0401", "/eco-burials", fmt.Sprintf(`{%s,"type":"TREE_KEEP","division":"210211","certificate":%q}`, c.at(), certificate))
	c.refuses(422, "eco_placed_elsewhere", "eco-0401", "/eco-burials/"+again+"/completion",
		"{"+c.at()+`,"facts":{"garden_id":"G1","tree_no":"7"},"land_cm2":2500}`)
	c.must("eco-0401", "/eco-burials/"+again+"/withdrawal", "{}")
}

func TestCredit(t *testing.T) {
	c := newCity(t)
	on := "/credit/" + home
	id := c.must("regulator-0501", on+"/suspicions", fmt.Sprintf(`{%s,"rule":"P01","fact":"list:2026-11","basis":"价格法第十三条"}`, c.at()))
	c.must("regulator-0501", on+"/suspicions/"+id+"/notice", fmt.Sprintf(`{%s,"document":"告知〔2026〕1号"}`, c.at()))
	propose := `{"document":"决定〔2026〕1号","decided_on":"2026-11-23"}`
	c.refuses(422, "credit_answer_open", "regulator-0501", on+"/suspicions/"+id+"/proposal", propose)
	c.must("desk-0101", on+"/suspicions/"+id+"/answer", fmt.Sprintf(`{%s,"document":"说明"}`, c.at()))
	c.refuses(422, "credit_not_proposed", "regulator-0502", on+"/suspicions/"+id+"/confirmation", `{}`)
	entry := c.must("regulator-0501", on+"/suspicions/"+id+"/proposal", propose)
	c.refuses(422, "credit_two_officers", "regulator-0501", on+"/suspicions/"+id+"/confirmation", `{}`)
	c.must("regulator-0502", on+"/suspicions/"+id+"/confirmation", `{}`)
	// Objection, more time for it, and its refusal.
	object := fmt.Sprintf(`{"entry":%q,"document":"异议〔2026〕1号","filed_on":"2026-11-23"}`, entry)
	if r := c.send("other-desk", "POST", "/api/v1"+on+"/objections", object, "Idempotency-Key", "elsewhere"); r.Code != 403 {
		t.Error("another home's desk objects:", r.Code)
	}
	objection := c.must("desk-0101", on+"/objections", object)
	if got := c.send("regulator-0501", "GET", "/api/v1"+on, ""); got.field("objections.0.objection") != objection || got.field("objections.0.decide_by") != "2026-11-30" || got.field("objections.0.decided") != "false" {
		t.Error(got.Body)
	}
	c.must("regulator-0501", on+"/objections/"+objection+"/extension", `{"reason":"需市场监管部门核查"}`)
	c.refuses(422, "credit_objection_extended", "regulator-0501", on+"/objections/"+objection+"/extension", `{"reason":"再延"}`)
	c.must("regulator-0501", on+"/objections/"+objection+"/decision", `{"accepted":false,"document":"答复〔2026〕1号","reason":"事实清楚","decided_on":"2026-11-23"}`)
	// Repair is asked for, refused, asked for again and granted.
	ask := fmt.Sprintf(`{"entry":%q,"document":"申请〔2026〕1号","filed_on":"2026-11-23"}`, entry)
	c.must("desk-0101", on+"/repair-requests", ask)
	c.must("regulator-0501", on+"/repair-refusals", fmt.Sprintf(`{"entry":%q,"document":"不予修复〔2026〕1号","reason":"还没有更新","decided_on":"2026-11-23"}`, entry))
	c.must("desk-0101", on+"/repair-requests", ask)
	if got := c.send("desk-0101", "GET", "/api/v1"+on, ""); got.field("entries.0.repair_by") != "2026-12-07" {
		t.Error(got.Body)
	}
	// What repair would change, and what time does.
	if got := c.send("desk-0101", "GET", "/api/v1"+on+"/what-if", ""); got.field("fixes.0.entry") != entry || got.field("fixes.0.before") != "77" || got.field("fixes.0.after") != "80" || got.field("changes.0.on") != "2027-02-23" || got.field("changes.0.score") != "80" {
		t.Error(got.Code, got.Body)
	}
	// A proposed policy is tried before it is adopted.
	p := credit.Default()
	p.Version, p.EffectiveFrom, p.Base = "trial", "2027-01-01", 85
	b, err := json.Marshal(map[string]any{"policy": p, "institutions": []string{home, other}})
	if err != nil {
		t.Fatal(err)
	}
	before := c.count()
	if got := c.send("regulator-0501", "POST", "/api/v1/credit-policies/trial", string(b)); got.Code != 200 || got.field("institutions.0.now.score") != "77" || got.field("institutions.0.proposed.score") != "82" || got.field("institutions.1.proposed.score") != "85" || got.field("institutions.0.proposed.policy") != "trial" {
		t.Error(got.Code, got.Body)
	}
	if got := c.send("regulator-0501", "POST", "/api/v1/credit-policies/trial", strings.Replace(string(b), `"base":85`, `"base":200`, 1)); got.problem().Code != "credit_policy_invalid" {
		t.Error(got.Code, got.Body)
	}
	if c.count() != before {
		t.Error("a trial is recorded")
	}
	c.must("regulator-0501", on+"/repairs", fmt.Sprintf(`{"entry":%q,"document":"修复〔2026〕1号","repaired_on":"2026-11-23"}`, entry))
	bonus := c.must("regulator-0501", on+"/bonuses", `{"bonus":"G02","fact":"G02/2026","document":"通报","decided_on":"2026-11-23"}`)
	c.must("regulator-0501", on+"/revocations", fmt.Sprintf(`{"entry":%q,"document":"撤销","reason":"复核","revoked_on":"2026-11-23"}`, bonus))
	second := c.must("regulator-0501", on+"/suspicions", `{"rule":"P04","fact":"x:1","basis":"价格法"}`)
	c.must("regulator-0501", on+"/suspicions/"+second+"/dismissal", `{"reason":"不成立"}`)
	got := c.send("desk-0102", "GET", "/api/v1"+on, "")
	if got.field("entries.0.points") != "3" || got.field("entries.0.repaired_on") != "2026-11-23" || got.field("suspicions.1.open") != "false" {
		t.Error(got.Body)
	}
	// The repaired deduction no longer counts, the revoked bonus never did.
	if got.field("score.on") != "2026-11-23" || got.field("score.score") != "80" || got.field("score.grade") != "B" || got.field("score.policy") == "" || got.field("score.as_of") == "" {
		t.Error(got.Body)
	}
	if got.field("entries.0.running_score") != "77" || got.field("entries.0.event") == "" || got.field("entries.0.position") == "" {
		t.Error(got.Body)
	}
	for _, who := range []string{"regulator-0501", "desk-0101"} {
		if got := c.send(who, "GET", "/api/v1"+on+"?on=2025-12-31", ""); got.Code != 200 || got.field("score.rated") != "false" {
			t.Error(who, got.Body)
		}
	}
	if got := c.send("regulator-0501", "GET", "/api/v1"+on+"?on=2099-01-01", ""); got.problem().Code != "day_ahead" {
		t.Error(got.Body)
	}
	if got := c.send("other-desk", "GET", "/api/v1"+on+"?on=2026-11-23", ""); got.Code != 403 {
		t.Error("another home's desk reads the score:", got.Code)
	}
	if got := c.send("other-desk", "GET", "/api/v1"+on, ""); got.Code != 403 || got.problem().Code != "other_institution" {
		t.Error("another home's desk reads the ledger:", got.Code)
	}
}

// Must show, line 6, and its neighbours: each refused with a clear problem,
// nothing recorded (city.refuses).
func TestRefusals(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	inst := `{"credit_code":"12210200422000019F","name_zh":"名","kind":"FUNERAL_HOME","division":"210211","operator":"GOVERNMENT"}`
	for _, r := range []struct {
		name          string
		status        int
		code          string
		account, path string
		body          string
		location      string
	}{
		{"an unknown field", 422, "unknown_field", "desk-0101", "/cases", caseJSON(2, `,"colour":"white"`), "body.colour"},
		{"an unknown field inside", 422, "unknown_field", "desk-0101", "/cases", strings.Replace(caseJSON(2, ""), `"hukou"`, `"hukuo"`, 1), "body.deceased.hukuo"},
		{"a field in another case", 422, "unknown_field", "desk-0101", "/cases", strings.Replace(caseJSON(2, ""), `"citizen_id"`, `"Citizen_ID"`, 1), "body.deceased.Citizen_ID"},
		{"an unknown query parameter", 422, "unknown_field", "desk-0101", "/cases?institution=x", caseJSON(2, ""), "query.institution"},
		{"a missing field", 422, "missing_field", "desk-0101", "/cases", `{"deceased":{"name":"x"}}`, "body"},
		{"a wrong check digit of a person", 422, "citizen_id_invalid", "desk-0101", "/cases", strings.Replace(caseJSON(2, ""), person(2), "210211193504120017", 1), "body.deceased.citizen_id"},
		{"a wrong check digit of an institution", 422, "credit_code_invalid", "admin-0601", "/institutions", strings.Replace(inst, "9F", "9G", 1), "body.credit_code"},
		{"a division that is none", 422, "division_invalid", "admin-0601", "/institutions", strings.NewReplacer("12210200422000019F", "54210283ME0YY0059K", "210211", "990000").Replace(inst), ""},
		{"a negative price in a quote", 422, "too_small", "desk-0101", "/cases/" + id + "/quotes", `{"items":[{"code":"CRM-STD","quantity":1,"price_fen":-1}]}`, "body.items[0].price_fen"},
		{"a negative price in a list", 422, "price_list_invalid", "importer-0701", "/price-lists/" + home, strings.NewReplacer("90000", "-90000", "2026-04-01", "2026-12-01").Replace(priceList), "body.rows[0].price_fen"},
		{"a fraction of a fen", 422, "not_an_integer", "desk-0101", "/cases/" + id + "/quotes", `{"items":[{"code":"CRM-STD","quantity":1,"price_fen":1.5}]}`, "body.items[0].price_fen"},
		{"a list dated before its predecessor", 422, "list_predates_predecessor", "importer-0701", "/price-lists/" + home, strings.Replace(priceList, "2026-04-01", "2026-03-31", 1), ""},
		{"a time from the future", 422, "time_in_future", "desk-0101", "/cases", caseJSON(2, `,"occurred_at":"2026-11-23T10:00:01+08:00"`), ""},
		{"a late record without its reason", 422, "late_without_reason", "desk-0101", "/cases", caseJSON(2, `,"occurred_at":"2026-11-20T10:00:00+08:00"`), ""},
		{"a time that stands for unknown", 422, "time_out_of_range", "desk-0101", "/cases", caseJSON(2, `,"occurred_at":"0001-01-01T00:00:00Z"`), "body.occurred_at"},
		{"a whole number written as a fraction", 422, "not_an_integer", "desk-0101", "/cases/" + id + "/quotes", `{"items":[{"code":"CRM-STD","quantity":1.0}]}`, "body.items[0].quantity"},
		{"a check at no time", 422, "missing_field", "furnace-0202", "/cases/" + id + "/cremation/verifications", `{"tag":"T-1"}`, "body"},
		{"a slot years ahead", 422, "slot_too_far_ahead", "desk-0101", "/cases", caseJSON(2, `,"slot":{"resource":"hall-1","start":"2030-11-25T09:00:00+08:00"}`), ""},
		{"a name that cannot be seen", 422, "text_invalid", "desk-0101", "/cases", strings.Replace(caseJSON(2, ""), "沈明远", `\u202e沈`, 1), ""},
		{"a reason that turns its line around", 422, "text_invalid", "desk-0101", "/cases", caseJSON(2, `,"occurred_at":"2026-11-20T10:00:00+08:00","late_reason":"\u202e停电"`), ""},
		{"a list for a day that never comes", 422, "effective_date_too_far", "importer-0701", "/price-lists/" + home, strings.Replace(priceList, "2026-04-01", "9999-12-31", 1), ""},
		{"a list back in time", 422, "price_list_backdated", "importer-0701", "/price-lists/" + home, strings.Replace(priceList, "2026-04-01", "2026-04-02", 1), ""},
		{"a day that does not exist", 422, "not_a_date", "desk-0101", "/cases", strings.Replace(caseJSON(2, ""), "2026-11-22", "2026-02-30", 1), "body.deceased.death_date"},
		{"what is not on the list", 422, "charge_off_list", "desk-0101", "/cases/" + id + "/quotes", `{"items":[{"code":"GOLD","quantity":1}]}`, ""},
		{"above the ceiling", 422, "charge_above_ceiling", "desk-0101", "/cases/" + id + "/quotes", `{"items":[{"code":"CRM-STD","quantity":1,"price_fen":90001}]}`, ""},
		{"a charge without consent", 422, "charge_above_quote", "desk-0101", "/cases/" + id + "/charges", `{"code":"CRM-STD","quantity":1}`, ""},
		{"a slot in the past", 422, "slot_in_past", "desk-0101", "/cases", caseJSON(2, `,"slot":{"resource":"hall-1","start":"2026-11-23T09:00:00+08:00"}`), ""},
		{"a slot at night", 422, "outside_opening_hours", "desk-0101", "/cases", caseJSON(2, `,"slot":{"resource":"hall-1","start":"2026-11-24T03:00:00+08:00"}`), ""},
		{"a resource that is none", 422, "resource_unknown", "desk-0101", "/cases", caseJSON(2, `,"slot":{"resource":"hall-9","start":"2026-11-24T09:00:00+08:00"}`), ""},
		{"a resource no stream can be named after", 422, "number_invalid", "desk-0101", "/cases", caseJSON(2, `,"slot":{"resource":"a b/c","start":"2026-11-24T09:00:00+08:00"}`), ""},
		{"a cremation before reception", 422, "cremation_not_received", "furnace-0202", "/cases/" + id + "/cremation/start", "{" + c.at() + `,"furnace":"furnace-1"}`, ""},
		{"a tag no stream can be named after", 422, "number_invalid", "furnace-0202", "/cases/" + id + "/cremation/reception", `{"tag":"标签 7"}`, ""},
		{"a case that is none", 404, "not_found", "desk-0101", "/cases/6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11/payments", `{"amount_fen":1,"method":"CASH"}`, ""},
		{"half a body", 400, "malformed", "desk-0101", "/cases", `{"deceased":`, ""},
		{"one name twice", 400, "malformed", "desk-0101", "/cases", caseJSON(2, `,"number":"A-1","number":"A-2"`), ""},
		{"not even an object", 422, "not_an_object", "desk-0101", "/cases", `[]`, "body"},
	} {
		c.t = t
		p := c.refuses(r.status, codeOf(r.code, r.location), r.account, r.path, r.body)
		if r.location != "" {
			if len(p.Errors) == 0 || p.Errors[0].Location != r.location || p.Errors[0].Code != r.code && r.code != "price_list_invalid" || p.Errors[0].Detail == "" {
				t.Errorf("%s: errors %+v", r.name, p.Errors)
			}
		}
		if strings.Contains(p.Detail, "%!") {
			t.Errorf("%s: %s", r.name, p.Detail)
		}
	}
	// The institution is there already, with other particulars.
	c.refuses(422, "institution_registered", "admin-0601", "/institutions", inst)
}

// codeOf is the code of the whole problem when one of its fields has this one.
// What the schema finds stands under "invalid"; what the domain finds keeps its
// own code.
func codeOf(code, location string) string {
	switch code {
	case "citizen_id_invalid", "credit_code_invalid", "price_list_invalid":
		return code
	}
	if location != "" {
		return "invalid"
	}
	return code
}

func TestHugeBodies(t *testing.T) {
	c := newCity(t)
	before := c.count()
	huge := `{"x":"` + strings.Repeat("x", 50<<20) + `"}`
	for _, size := range []string{"declared", "undeclared"} {
		headers := []string{"Idempotency-Key", "huge-body"}
		r := c.send("desk-0101", "POST", "/api/v1/cases", huge, headers...)
		if size == "undeclared" {
			r = c.chunked("desk-0101", "/api/v1/cases", huge)
		}
		if r.Code != 413 || r.problem().Code != "body_too_large" {
			t.Errorf("%s: %d %.200s", size, r.Code, r.Body)
		}
	}
	if c.count() != before {
		t.Error("something was stored")
	}
}

func TestWhoAndHow(t *testing.T) {
	c := newCity(t)
	body := caseJSON(1, "")
	if r := c.send("", "POST", "/api/v1/cases", body, "Idempotency-Key", "some-key-1"); r.Code != 401 || r.problem().Code != "unauthenticated" {
		t.Error("nobody:", r.Code, r.Body)
	}
	if r := c.send("", "POST", "/api/v1/cases", body, "Idempotency-Key", "some-key-1", "Authorization", "Bearer desk-0101.guess"); r.Code != 401 {
		t.Error("a wrong token:", r.Code, r.Body)
	}
	if r := c.send("desk-0101", "POST", "/api/v1/cases", body); r.Code != 422 || r.problem().Errors[0].Location != "header.Idempotency-Key" {
		t.Error("no key:", r.Code, r.Body)
	}
	if r := c.send("desk-0101", "POST", "/api/v1/cases", body, "Idempotency-Key", "some-key-1", "Content-Type", "text/plain"); r.Code != 415 {
		t.Error("text:", r.Code, r.Body)
	}
	id := c.must("desk-0101", "/cases", body)
	first := c.send("desk-0101", "GET", "/api/v1/cases/"+id, "")
	quote := `{"items":[{"code":"CRM-STD","quantity":1}]}`
	c.must("desk-0101", "/cases/"+id+"/quotes", quote, "If-Match", first.Header().Get("ETag"))
	c.refuses(412, "stale", "desk-0101", "/cases/"+id+"/quotes", `{"items":[{"code":"HAL-S","quantity":1}]}`, "If-Match", first.Header().Get("ETag"))
	c.refuses(400, "if_match_invalid", "desk-0101", "/cases/"+id+"/quotes", quote, "If-Match", "W/abc")
	// In English for whoever asks for it.
	p := c.refuses(422, "invalid", "desk-0101", "/cases", `{}`, "Accept-Language", "en")
	if p.Title != "The content is not valid" || !strings.Contains(p.Errors[0].Detail, "is missing") {
		t.Errorf("%+v", p)
	}
	if p := c.refuses(422, "invalid", "desk-0101", "/cases", `{}`); !strings.Contains(p.Errors[0].Detail, "缺少") {
		t.Errorf("%+v", p)
	}
	// The same key with the same body is one request, from another account another.
	a := c.send("desk-0101", "POST", "/api/v1/cases", caseJSON(7, ""), "Idempotency-Key", "one-and-the-same")
	b := c.send("desk-0102", "POST", "/api/v1/cases", caseJSON(7, ""), "Idempotency-Key", "one-and-the-same")
	if a.Code != 200 || b.Code != 200 || a.field("id") == b.field("id") {
		t.Error(a.Body, b.Body)
	}
	if again := c.send("desk-0101", "POST", "/api/v1/cases", caseJSON(7, ""), "Idempotency-Key", "one-and-the-same"); again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
	// With another body it is refused, and says why.
	before := c.count()
	other := c.send("desk-0101", "POST", "/api/v1/cases", caseJSON(8, ""), "Idempotency-Key", "one-and-the-same")
	if p := other.problem(); other.Code != 422 || p.Code != "idempotency_key_reused" || p.Title != "内容不对，请更正" || c.count() != before {
		t.Error(other.Body)
	}
}

func TestSlotsOfACase(t *testing.T) {
	c := newCity(t)
	id := c.must("desk-0101", "/cases", caseJSON(1, ""))
	on := "/cases/" + id
	slot := `"resource":"hall-1","start":"2026-11-25T09:00:00+08:00"`
	c.must("desk-0101", on+"/slots", "{"+slot+`,"hold_only":true}`)
	free := func() string {
		r := c.send("desk-0101", "GET", "/api/v1/availability?institution="+home+"&resource=hall-1&date=2026-11-25", "")
		if r.Code != 200 {
			t.Fatal(r.Code, r.Body)
		}
		return strings.Join([]string{r.field("slots.0.slot"), r.field("slots.1.slot"), r.field("slots.2.slot"), r.field("slots.3.slot")}, " ")
	}
	if got := free(); got != "0800 1000 1100 " {
		t.Error("held, and free are", got)
	}
	c.must("desk-0101", on+"/slot-confirmations", "{"+slot+"}")
	if got := c.send("desk-0101", "GET", "/api/v1"+on, ""); got.field("slots.0.slot") != "0900" {
		t.Error(got.Body)
	}
	c.must("desk-0101", on+"/slot-releases", "{"+slot+`,"reason":"RESCHEDULED"}`)
	if got := free(); got != "0800 0900 1000 1100" {
		t.Error("released, and free are", got)
	}
	c.must("desk-0101", on+"/slots", `{"resource":"hall-1","start":"2026-11-25T11:00:00+08:00"}`)
	c.must("desk-0101", on+"/cancellation", `{"reason":"FAMILY_WITHDREW"}`)
	if got := free(); got != "0800 0900 1000 1100" {
		t.Error("cancelled, and free are", got)
	}
	// A hold that ran out is gone for its family and free for the next.
	second := c.must("desk-0101", "/cases", caseJSON(2, ""))
	c.must("desk-0101", "/cases/"+second+"/slots", "{"+slot+`,"hold_only":true}`)
	c.sleep(16 * time.Minute)
	c.refuses(422, "hold_lapsed", "desk-0101", "/cases/"+second+"/slot-confirmations", "{"+slot+"}")
	c.must("desk-0101", "/cases", caseJSON(3, `,"slot":{`+slot+"}"))
}

func TestCertificateReissue(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	on := "/cases/" + id + "/cremation/certificate"
	c.refuses(422, "certificate_issued", "desk-0101", on, `{"number":"HH-2026-9999","form":"1"}`)
	c.must("desk-0101", on, `{"number":"HH-2026-9999","form":"1","reissue":"遗失"}`)
	s, _, err := c.app.Certificates.Load(t.Context(), certificate)
	if err != nil || !s.Void {
		t.Error("the former number is still valid", err)
	}
	c.refuses(422, "certificate_void", "desk-0101", on, fmt.Sprintf(`{"number":%q,"form":"1","reissue":"找到"}`, certificate))
	second, _ := c.cremated(2)
	c.refuses(409, "certificate_number_taken", "desk-0101", "/cases/"+second+"/cremation/certificate", `{"number":"HH-2026-9999","form":"1","reissue":"遗失"}`)
}

func TestRateLimit(t *testing.T) {
	c := bare(t, 3)
	for i := range 3 {
		if r := c.send("desk-0101", "POST", "/api/v1/cases", `{}`, "Idempotency-Key", fmt.Sprintf("limit-%04d", i)); r.Code != 422 {
			t.Fatal(r.Code, r.Body)
		}
	}
	if r := c.send("desk-0101", "POST", "/api/v1/cases", `{}`, "Idempotency-Key", "limit-0009"); r.Code != 429 || r.problem().Code != "too_many_requests" || r.Header().Get("Retry-After") == "" {
		t.Error(r.Code, r.Body)
	}
	if r := c.send("desk-0102", "POST", "/api/v1/cases", `{}`, "Idempotency-Key", "limit-0009"); r.Code != 422 {
		t.Error("another account suffers:", r.Code)
	}
	if r := c.send("desk-0101", "GET", "/api/v1/institutions/"+home, ""); r.Code != 404 {
		t.Error("reads suffer:", r.Code)
	}
}

func TestDocs(t *testing.T) {
	c := bare(t, 1)
	r := c.send("", "GET", "/docs", "")
	page := r.Body.String()
	if r.Code != 200 || !strings.Contains(page, "/api/v1/cases") || !strings.Contains(page, "body.") && !strings.Contains(page, "citizen_id") {
		t.Error(r.Code)
	}
	for _, bad := range []string{"<script", "<style", "style=", `src="http`, `href="http`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if css := c.send("", "GET", "/docs/docs.css", ""); css.Code != 200 || strings.Contains(css.Body.String(), "url(") {
		t.Error(css.Code)
	}
	spec := c.send("", "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(spec.Body.Bytes(), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Error(doc, err)
	}
}

// Whoever quotes looks first at the list that is in force.
func TestPriceListInForce(t *testing.T) {
	c := newCity(t)
	r := c.send("desk-0101", "GET", "/api/v1/price-lists/"+home, "")
	if r.Code != 200 || r.field("effective_from") != "2026-04-01" || r.field("rows.0.code") == "" {
		t.Error(r.Code, r.Body)
	}
	for path, want := range map[string]int{home + "?on=2026-04-01": 200, home + "?on=2026-03-31": 404, other: 404} {
		if r := c.send("desk-0101", "GET", "/api/v1/price-lists/"+path, ""); r.Code != want {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
}

func TestDescriptionIsKeptAndCompressed(t *testing.T) {
	c := bare(t, 1)
	plain := c.send("", "GET", "/openapi.json", "")
	small := c.send("", "GET", "/openapi.json", "", "Accept-Encoding", "gzip")
	if small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len()*3 > plain.Body.Len() || small.Header().Get("ETag") == plain.Header().Get("ETag") {
		t.Error(small.Header(), small.Body.Len())
	}
	again := c.send("", "GET", "/openapi.json", "", "If-None-Match", plain.Header().Get("ETag"))
	if again.Code != 304 || again.Body.Len() != 0 {
		t.Error(again.Code)
	}
}
