package api_test

import (
	"fmt"
	"strings"
	"testing"

	"shenzhong/handlers"
)

// Every operation over HTTP × every role at home and at another institution:
// nobody 401, wrong role 403 forbidden, wrong institution 403
// other_institution, and nothing of this reaches the log.
func TestAccessOverHTTP(t *testing.T) {
	c := newCity(t)
	id, certificate := c.cremated(1)
	c.must("admin-0601", "/cemeteries", fmt.Sprintf(`{"cemetery":%q,"name_zh":"公墓","class":"URBAN_PUBLIC","division":"210211","serves":["210200"]}`, cemetery))
	c.must("cemetery-0301", "/cemeteries/"+cemetery+"/plots", `{"plot":"A-1","kind":"GRAVE","eco_type":"SMALL_PLOT","capacity":2,"area_cm2":5000}`)
	burial := c.must("eco-0401", "/eco-burials", fmt.Sprintf(`{%s,"type":"SEA","division":"210211","certificate":%q}`, c.at(), certificate))
	c.must("eco-0401", "/voyages", c.voyage("V-1", 6))
	suspicion := c.must("regulator-0501", "/credit/"+home+"/suspicions", `{"rule":"P01","fact":"x","basis":"y"}`)
	complaint := c.must("regulator-0501", "/complaints", fmt.Sprintf(`{"institution":%q,"text":"x"}`, home))
	c.must("regulator-0501", "/complaints/"+complaint+"/forwarding", `{}`)
	c.badReview(id)

	own := map[handlers.Role]string{handlers.Desk: "desk-0101", handlers.Cremator: "furnace-0201", handlers.Cemetery: "cemetery-0301", handlers.Eco: "eco-0401",
		handlers.Regulator: "regulator-0501", handlers.Admin: "admin-0601", handlers.Importer: "importer-0701", handlers.Device: "plc-0203"}
	before, checked := c.count(), 0
	for path, methods := range describe(t).Paths {
		for method, o := range methods {
			op := handlers.Operation(o.OperationID)
			rule := handlers.Access[op]
			at := home // the institution whose record it is
			switch {
			case strings.HasPrefix(path, "/api/v1/cemeteries"):
				at = cemetery
			case strings.HasPrefix(path, "/api/v1/eco-burials"), strings.HasPrefix(path, "/api/v1/voyages"):
				at = boats
			}
			url := strings.NewReplacer("{complaint}", complaint, "{institution}", home, "{case}", id, "{cemetery}", cemetery, "{plot}", "A-1", "{burial}", burial, "{suspicion}", suspicion, "{objection}", suspicion, "{division}", "210200", "{kind}", "hall", "{date}", "2026-11-23", "{key}", home, "{voyage}", "V-1", "{furnace}", "furnace-1",
				"{round}", "2026-2", "{right}", "R-1", "{relocation}", id, "{order}", id).Replace(path)
			body := ""
			if method == "post" {
				body = strings.ReplaceAll(valid(op), "BURIAL", burial)
				switch op {
				case "verify_identity", "start_cremation", "consent_eco_burial", "move_remains", "identify_remains", "relocate_remains", "move_ashes", "deposit_ashes", "withdraw_ashes":
					if !strings.Contains(body, "occurred_at") {
						body = strings.Replace("{"+c.at()+","+body[1:], ",}", "}", 1)
					}
				}
			}
			try := func(account string) (int, string) {
				r := c.send(account, strings.ToUpper(method), url, body, "Idempotency-Key", "access-"+string(op)+account)
				checked++
				return r.Code, r.problem().Code
			}
			if status, code := try(""); status != 401 || code != "unauthenticated" {
				t.Errorf("%s by nobody: %d %s", op, status, code)
			}
			for _, role := range handlers.Roles {
				may := false
				for _, r := range rule.Roles {
					may = may || r == role
				}
				if !may {
					for _, account := range []string{own[role], "other-" + string(role)} {
						if status, code := try(account); status != 403 || code != "forbidden" {
							t.Errorf("%s by %s: %d %s", op, account, status, code)
						}
					}
					continue
				}
				// An institution's account elsewhere. One that opens or applies
				// without naming an institution does so at its own.
				if rule.Own && op != "open_case" && op != "apply_eco_burial" && op != "open_voyage" {
					if status, code := try("other-" + string(role)); status != 403 || code != "other_institution" {
						t.Errorf("%s at %s by another institution's %s: %d %s", op, at, role, status, code)
					}
				}
			}
		}
	}
	for _, op := range []struct{ path, body string }{
		{"/cases", caseJSON(3, fmt.Sprintf(`,"institution":%q`, home))},
		{"/eco-burials", fmt.Sprintf(`{%s,"type":"SEA","division":"210211","institution":%q,"case":%q}`, c.at(), boats, id)},
	} {
		if r := c.send("other-desk", "POST", "/api/v1"+op.path, op.body, "Idempotency-Key", "access-elsewhere"); r.Code != 403 || r.problem().Code != "other_institution" {
			t.Errorf("%s for another institution: %d %s", op.path, r.Code, r.Body)
		}
	}
	if after := c.count(); after != before {
		t.Errorf("%d events were stored", after-before)
	}
	t.Log(checked, "requests")
}

// valid is a body that passes the schema of an operation, so that a refusal is
// one of access.
func valid(op handlers.Operation) string {
	switch op {
	case "open_voyage":
		return `{"number":"V-2","vessel":"ship-1","seats":6,"sea_area":"x","pier":"y","division":"210202","departs":"2026-11-30T09:00:00+08:00"}`
	case "book_voyage":
		return `{"burial":"BURIAL","relatives":1}`
	case "answer_voyage_offer", "leave_voyage":
		return `{"burial":"BURIAL"}`
	case "cancel_voyage":
		return `{"reason":"WEATHER","document":"x"}`
	case "depart_voyage":
		return `{"occurred_at":"2026-11-23T09:00:00+08:00","aboard":[]}`
	case "scatter_ashes":
		return `{"occurred_at":"2026-11-23T09:00:00+08:00","burial":"BURIAL","container_degradable":true}`
	case "bring_ashes_back":
		return `{"burial":"BURIAL","reason":"x"}`
	case "correct_eco_burial":
		return `{"type":"NICHE","division":"210211","reason":"x","paper":"y"}`
	case "receive_eco_ashes":
		return `{"label":"x","both_signed":true}`
	case "return_eco_ashes":
		return `{"reason":"x","both_signed":true}`
	case "apply_incentive":
		return `{"account":"x"}`
	case "pay_incentive":
		return `{"payment":"x","amount_fen":1}`
	case "adopt_eco_definition":
		return `{"definition":{"id":"x","types":[],"small_single_cm2":1,"small_double_cm2":1},"from":"2027-01-01","document":"y"}`
	case "adopt_incentive_rules":
		return `{"version":"x","document":"y","rules":[]}`
	case "set_eco_target":
		return `{"share":"broad","year":"2027","per_mille":500,"document":"x"}`
	case "publish_eco_figures":
		return `{"month":"2026-10"}`
	case "register_institution":
		return `{"credit_code":"54210283ME0YY0059K","name_zh":"x","kind":"FUNERAL_HOME","division":"210211","operator":"GOVERNMENT"}`
	case "rename_institution":
		return `{"name_zh":"x"}`
	case "license_institution":
		return `{"licence":"operating","number":"1","valid_from":"2020-01-01"}`
	case "add_resource":
		return `{"resource":"hall-7","kind":"hall","name_zh":"x","opens":"08:00","closes":"09:00","slot_minutes":30,"capacity":1}`
	case "retire_resource":
		return `{"resource":"hall-2","from":"2026-12-01","reason":"x"}`
	case "plan_maintenance":
		return `{"resource":"hall-1","from":"2026-12-01T08:00:00+08:00","to":"2026-12-01T09:00:00+08:00","reason":"x"}`
	case "cancel_maintenance":
		return `{"window":"x","reason":"y"}`
	case "time_resource":
		return `{"resource":"hall-1","durations":[],"clean_down":[]}`
	case "qualify_staff":
		return `{"account":"x","skill":"CREMATOR","valid_from":"2026-01-01"}`
	case "disqualify_staff":
		return `{"account":"x","skill":"CREMATOR","from":"2026-12-01","reason":"y"}`
	case "set_parameter":
		return `{"name":"hold_minutes","value":"20","reason":"x"}`
	case "state_contents":
		return `{"document":"x","effective_from":"2026-12-01","items":[]}`
	case "announce_draw":
		return fmt.Sprintf(`{"kind":"hall","date":"2026-12-22","commitment":%q,"closes":"2026-12-20T12:00:00+08:00"}`, strings.Repeat("0", 64))
	case "draw_slots":
		return fmt.Sprintf(`{"seed":%q,"salt":%[1]q}`, strings.Repeat("0", 64))
	case "apply_draw":
		return `{"kind":"hall","date":"2026-12-22","wishes":["hall-1/0900"]}`
	case "move_slot":
		return `{"resource":"hall-1","start":"2026-11-28T09:00:00+08:00","to":{"start":"2026-11-28T10:00:00+08:00"}}`
	case "join_waiting":
		return `{"kind":"hall","date":"2026-11-28"}`
	case "answer_offer":
		return `{"kind":"hall","date":"2026-11-28","accept":true}`
	case "leave_waiting":
		return `{"kind":"hall","date":"2026-11-28","reason":"WITHDRAWN"}`
	case "decline_quote":
		return `{"quote":"x"}`
	case "claim_relief":
		return `{"category":"特困人员"}`
	case "grant_relief":
		return `{"category":"特困人员","proof":"x"}`
	case "decline_relief":
		return `{"reason":"DROPPED"}`
	case "reprint_receipt":
		return `{"number":"x"}`
	case "close_till":
		return `{"counted":[]}`
	case "reopen_till":
		return `{"reason":"x"}`
	case "receive_paper":
		return `{"paper":"HANDLER_ID","form":"ORIGINAL"}`
	case "promise_paper":
		return `{"paper":"HOUSEHOLD_BOOK","due":"2026-11-25","pledge":"1"}`
	case "notify_office":
		return `{"office":"TAIWAN"}`
	case "authorise_handler":
		return `{"kind":"KINSHIP","scope":["ARRANGE"]}`
	case "replace_handler":
		return `{"handler":{"name":"x","phone":"13804110412","relation":"CHILD"},"document":"y"}`
	case "amend_case":
		return `{"deceased":{"name":"x"},"handler":{"name":"x","phone":"13804110412","relation":"CHILD"}}`
	case "correct_case":
		return `{"field":"handler.phone","reason":"x"}`
	case "clarify_case":
		return `{"field":"handler.phone","text":"x"}`
	case "adopt_catalogue":
		return `{"document":"x","effective_from":"2026-04-01","items":[{"code":"A","name_zh":"x","category":"GOODS","pricing_type":"MARKET","unit":"元"}]}`
	case "publish_price_list":
		return priceList
	case "open_case":
		return caseJSON(3, "")
	case "book_slot", "confirm_slot":
		return `{"resource":"hall-1","start":"2026-11-28T09:00:00+08:00"}`
	case "release_slot":
		return `{"resource":"hall-1","start":"2026-11-28T09:00:00+08:00","reason":"WITHDRAWN"}`
	case "quote_case":
		return `{"items":[{"code":"CRM-STD","quantity":1}]}`
	case "consent_case":
		return `{"quote":"x","total_fen":1}`
	case "charge_case":
		return `{"code":"CRM-STD","quantity":1}`
	case "relieve_case":
		return `{"line":"x","group":"y"}`
	case "pay_case":
		return `{"amount_fen":1,"method":"CASH"}`
	case "refund_case":
		return `{"line":"x","amount_fen":1,"reason":"OVERCHARGE"}`
	case "cancel_case":
		return `{"reason":"DUPLICATE"}`
	case "collect_remains":
		return `{"ground":"POLICE_NOTICE","paper":"1","issuer":"x","giver":"POLICE","giver_name":"y","into":{"kind":"RECEPTION"}}`
	case "forget_person":
		return `{"who":"DECEASED","ground":"REQUESTED","document":"1"}`
	case "move_remains":
		return `{"tag":"T-1","from":{"kind":"RECEPTION"},"to":{"kind":"ISOLATION","id":"1"},"scanned_out":{"by":"x","at":"2026-11-23T10:00:00+08:00"}}`
	case "move_ashes", "withdraw_ashes":
		return `{"label":"T-1","from":{"kind":"ASHES_ROOM"},"to":{"kind":"ASHES_ROOM","id":"1"},"scanned_out":{"by":"x","at":"2026-11-23T10:00:00+08:00"}}`
	case "deposit_ashes":
		return `{"label":"T-1","from":{"kind":"ASHES_ROOM"},"to":{"kind":"NICHE","id":"1"},"scanned_out":{"by":"x","at":"2026-11-23T10:00:00+08:00"},"until":"2027-11-23","agreement":"1","form":"1"}`
	case "record_precautions":
		return `{"disinfected":true,"bag":"1","protected":["x"]}`
	case "list_belongings":
		return `{"items":[],"witness":"x"}`
	case "settle_belongings":
		return `{"items":["1"],"fate":"HANDED_OVER","receiver":"x","receipt":"1"}`
	case "identify_remains":
		return `{"tag":"T-1","name":"x","relation":"CHILD","method":"PHOTO","recognised":true,"form":"1"}`
	case "ask_waiver":
		return `{"reason":"x"}`
	case "extend_storage":
		return `{"until":"2027-01-01","paper":"1"}`
	case "hand_over_remains":
		return `{"tag":"T-1","name":"x","authority":"y","paper":"1","receipt":"2"}`
	case "relocate_remains":
		return `{"moves":[{"tag":"T-1","from":{"bank":"cold-1","no":1},"to":{"bank":"cold-1","no":2}}],"reason":"x"}`
	case "recount_cold_store":
		return `{"seen":[]}`
	case "settle_discrepancy":
		return `{"tag":"T-1","reason":"x","paper":"1"}`
	case "split_ashes":
		return `{"into":[{"weight_g":1,"containers":1,"label":"T-1-2","sealed_with":"x"},{"weight_g":1,"containers":1,"label":"T-1-3","sealed_with":"x"}],"request":"1","form":"1"}`
	case "extend_deposit":
		return `{"until":"2028-01-01","agreement":"1"}`
	case "publish_ashes_notice":
		return `{"document":"1","published_on":"2026-11-23"}`
	case "serve_ashes_notice":
		return `{"clock":"UNCLAIMED","step":1,"way":"CALL","served_on":"2026-11-23"}`
	case "propose_rest":
		return `{"way":"x","document":"1"}`
	case "collect_certificate":
		return `{"number":"N-1","name":"x","receipt":"1"}`
	case "file_certificate":
		return `{"number":"N-1","file":"1"}`
	case "deregister_certificate":
		return `{"number":"N-1","reason":"x","paper":"1"}`
	case "correct_cremation":
		return `{"field":"ashes_weight_g","from":"1","to":"2","reason":"x"}`
	case "clarify_cremation":
		return `{"text":"x"}`
	case "report_furnace":
		return `{"sequence":1,"signal":"START","occurred_at":"2026-11-23T10:00:00+08:00"}`
	case "explain_anomaly":
		return `{"kind":"TOO_SHORT","reason":"x"}`
	case "receive_remains", "verify_identity":
		return `{"tag":"T-1"}`
	case "record_death_certificate":
		return `{"number":"1","issuer":"x","issued_on":"2026-11-22","cause_class":"NATURAL"}`
	case "sign_confirmation":
		return `{"form":"1"}`
	case "record_police_paper":
		return `{"number":"1","issuer":"x","issued_on":"2026-11-22"}`
	case "place_hold":
		return `{"kind":"POLICE"}`
	case "lift_hold":
		return `{"hold":"6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11"}`
	case "start_cremation":
		return `{"furnace":"furnace-1"}`
	case "abort_charge":
		return `{"furnace":"furnace-1","reason":"x"}`
	case "collect_ashes":
		return `{"weight_g":1,"containers":1,"label":"T-1","sealed_with":"x"}`
	case "issue_certificate":
		return `{"number":"N-1"}`
	case "release_ashes":
		return `{"name":"x","certificate":"N-1","id_checked":true}`
	case "establish_cemetery":
		return `{"cemetery":"54210283ME0YY0059K","name_zh":"x","class":"HISTORIC","division":"210211"}`
	case "survey_plot":
		return `{"plot":"B-1","kind":"GRAVE","eco_type":"SMALL_PLOT","capacity":1,"area_cm2":5000}`
	case "allocate_plot":
		return fmt.Sprintf(`{"applicant_citizen_id":%q,"certificate":"N-1","contract":"C","term_until":"2046-01-01","fee_fen":0}`, person(1))
	case "inter":
		return `{"right":"x","certificate":"N-1","consent":"AZ-1"}`
	case "adopt_burial_rules":
		return burialRules("x", 5000)
	case "announce_round":
		return `{"round":"2026-2","places":["A-1"],"mode":"DRAW","commitment":"0000000000000000000000000000000000000000000000000000000000000000","closes":"2026-12-20T12:00:00+08:00","notice":"x"}`
	case "apply_round":
		return `{"applicant_citizen_id":"210211193504120018","certificate":"N-1"}`
	case "withdraw_round":
		return `{"application":"x"}`
	case "cancel_round":
		return `{"reason":"SEED_LOST","document":"x"}`
	case "tell_applicant":
		return `{"application":"x","channel":"PHONE","proof":"x"}`
	case "draw_round":
		return `{"seed":"0000000000000000000000000000000000000000000000000000000000000000","salt":"0000000000000000000000000000000000000000000000000000000000000000"}`
	case "pass_place":
		return `{"application":"x","place":"A-1","reason":"GAVE_UP"}`
	case "measure_plot":
		return `{"area_cm2":5000,"stone_height_cm":80}`
	case "agree_headstone":
		return `{"right":"R-1","height_cm":60,"inscription":"慈父之墓"}`
	case "reopen_plot":
		return `{"document":"x"}`
	case "propose_lapse":
		return `{"document":"x"}`
	case "renew_right":
		return `{"holder_citizen_id":"210211193504120018","until":"2066-01-01","contract":"C","fee_fen":0}`
	case "pay_upkeep":
		return `{"until":"2030-01-01","amount_fen":1,"receipt":"x"}`
	case "record_holder_death":
		return `{"paper":"x"}`
	case "propose_inheritance":
		return `{"to_citizen_id":"210211193504120018","relation":"CHILD","paper":"x"}`
	case "answer_inheritance":
		return `{"heir_citizen_id":"210211193504120018","agrees":false}`
	case "inherit_right":
		return `{}`
	case "approve_lapse":
		return `{}`
	case "serve_notice":
		return `{"stage":-12,"channel":"IN_PERSON","served_on":"2026-11-20","proof":"x"}`
	case "announce_lapse":
		return `{"document":"x","from":"2026-11-20"}`
	case "notice_relocation":
		return `{"document":"x","from":"2026-11-20"}`
	case "surrender_right":
		return `{"holder_citizen_id":"210211193504120018","reason":"x","paper":"y"}`
	case "request_relocation":
		return `{"plot":"A-1","certificates":["N-1"],"cause":"FAMILY","paper":"x","to":{"kind":"AWAY","place":"x","taker":{"citizen_id":"210211193504120018"}}}`
	case "permit_relocation":
		return `{"permit":"x","authority":"y","from":"2026-11-20","until":"2026-12-20"}`
	case "lift_ashes":
		return `{"certificate":"N-1","label":"x","sealed_by":["a","b"],"carrier":{"citizen_id":"210211193504120018"},"receipt":"y"}`
	case "redirect_relocation":
		return `{"to":{"kind":"AWAY","place":"x","taker":{"citizen_id":"210211193504120018"}},"paper":"x"}`
	case "arrive_ashes":
		return `{"certificate":"N-1","label":"x","receipt":"y"}`
	case "cancel_relocation":
		return `{"reason":"x"}`
	case "surrender_plot":
		return `{"right":"x","reason":"y","paper":"z"}`
	case "apply_eco_burial":
		return `{"type":"SEA","division":"210211"}`
	case "adopt_credit_policy":
		return `{"policy":{"version":"x","effective_from":"2026-01-01","base":80,"min":0,"max":100,"bonus_cap":20,"bonus_months":12,"escalate_nth":2,"escalate_months":12,"grades":[],"severities":{},"rules":[],"bonuses":[]}}`
	case "report_damage":
		return `{"plot":"A-1","damage":"STONE"}`
	case "finish_work_order":
		return `{"on":"2026-11-23"}`
	case "decline_work_order":
		return `{"reason":"NOTHING_FOUND"}`
	case "file_complaint":
		return fmt.Sprintf(`{"institution":%q,"text":"x"}`, home)
	case "answer_complaint":
		return `{"answer":"x"}`
	case "decide_complaint":
		return `{"upheld":true,"document":"x","decided_on":"2026-11-23"}`
	case "close_complaint":
		return `{"how":"WITHDRAWN","reason":"x"}`
	case "contact_reviewer":
		return `{"reached":true}`
	case "extend_review":
		return `{"reason":"x"}`
	case "resolve_review":
		return `{"note":"x"}`
	case "check_review":
		return `{"sound":true}`
	case "exclude_review":
		return `{"ground":"MISTAKEN","document":"x"}`
	case "suspect":
		return `{"rule":"P01","fact":"x","basis":"y"}`
	case "notify_suspicion", "answer_suspicion":
		return `{"document":"x"}`
	case "dismiss_suspicion":
		return `{"reason":"x"}`
	case "propose_confirmation":
		return `{"document":"x","decided_on":"2026-11-23"}`
	case "object_entry", "request_repair":
		return `{"entry":"6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11","document":"x","filed_on":"2026-11-23"}`
	case "extend_objection":
		return `{"reason":"x"}`
	case "decide_objection":
		return `{"accepted":true,"document":"x","reason":"y","decided_on":"2026-11-23"}`
	case "refuse_repair":
		return `{"entry":"6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11","document":"x","reason":"y","decided_on":"2026-11-23"}`
	case "try_credit_policy":
		return strings.TrimSuffix(valid("adopt_credit_policy"), "}") + `,"institutions":["12210200422000019F"]}`
	case "grant_bonus":
		return `{"bonus":"G02","fact":"x","document":"y","decided_on":"2026-11-23"}`
	case "repair_entry":
		return `{"entry":"6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11","document":"x","repaired_on":"2026-11-23"}`
	case "revoke_entry":
		return `{"entry":"6f1d3f0e-52a5-5d0c-9a7e-2b5b3a0f7c11","document":"x","reason":"y","revoked_on":"2026-11-23"}`
	}
	return `{}`
}
