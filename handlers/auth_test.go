package handlers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// who is the whole of who may do what, written a second time and by role, so
// that a slip in Access shows. "own" is at the account's own institution only.
var who = map[Role]string{
	Desk: `own: answer_complaint get_complaint contact_reviewer extend_review resolve_review get_review
		open_case get_case book_slot confirm_slot release_slot quote_case consent_case charge_case relieve_case pay_case refund_case close_case cancel_case
		receive_remains record_death_certificate sign_confirmation record_police_paper place_hold lift_hold verify_identity
		issue_certificate release_ashes get_cremation
		collect_remains move_remains record_condition record_precautions list_belongings settle_belongings identify_remains ask_waiver approve_waiver begin_vigil end_vigil
		extend_storage hand_over_remains get_custody relocate_remains recount_cold_store settle_discrepancy get_cold_store
		split_ashes move_ashes deposit_ashes extend_deposit withdraw_ashes publish_ashes_notice serve_ashes_notice propose_rest approve_rest issue_release_code
		collect_certificate file_certificate deregister_certificate correct_cremation clarify_cremation explain_anomaly
		get_furnace_runs plan_maintenance cancel_maintenance announce_draw draw_slots move_slot get_change_terms join_waiting answer_offer leave_waiting get_waiting apply_draw
		decline_quote claim_relief grant_relief decline_relief reprint_receipt reopen_till get_till get_checklist record_circumstances promise_paper notify_office
		authorise_handler replace_handler correct_case clarify_case
		amend_case receive_paper close_till
		apply_eco_burial consent_eco_burial withdraw_eco_burial get_eco_burial answer_suspicion get_credit object_entry request_repair credit_what_if
		apply_incentive compute_incentive get_incentive book_voyage answer_voyage_offer leave_voyage
		any: get_burial_rules get_institution get_parameters get_price_list get_availability get_voyage get_eco_rulebook`,
	Device: `own: report_furnace`,
	Cremator: `own: get_furnace_runs receive_remains place_hold verify_identity start_cremation abort_charge complete_cremation collect_ashes empty_furnace get_cremation
		collect_remains move_remains record_condition record_precautions list_belongings settle_belongings identify_remains ask_waiver begin_vigil end_vigil
		get_custody relocate_remains recount_cold_store get_cold_store split_ashes move_ashes clarify_cremation
		any: get_burial_rules get_institution get_parameters get_price_list get_availability get_eco_rulebook`,
	Cemetery: `own: report_damage finish_work_order decline_work_order get_work_order agree_headstone answer_complaint get_complaint
		announce_round apply_round withdraw_round cancel_round tell_applicant draw_round pass_place measure_plot reopen_plot
		renew_right pay_upkeep record_holder_death propose_inheritance answer_inheritance inherit_right serve_notice announce_lapse propose_lapse surrender_right approve_lapse get_right
		request_relocation notice_relocation lift_ashes redirect_relocation arrive_ashes cancel_relocation permit_relocation get_relocation
		survey_plot allocate_plot inter surrender_plot get_plot answer_suspicion get_credit object_entry request_repair credit_what_if
		any: get_burial_rules get_institution get_parameters get_price_list get_availability get_eco_rulebook`,
	Eco: `own: answer_complaint get_complaint
		apply_eco_burial consent_eco_burial withdraw_eco_burial complete_eco_burial get_eco_burial answer_suspicion get_credit object_entry request_repair credit_what_if
		correct_eco_burial receive_eco_ashes return_eco_ashes apply_incentive compute_incentive get_incentive
		open_voyage book_voyage answer_voyage_offer leave_voyage cancel_voyage depart_voyage scatter_ashes bring_ashes_back end_voyage
		any: get_burial_rules get_institution get_parameters get_price_list get_availability get_voyage get_eco_rulebook`,
	Regulator: `any: file_complaint commit_inspection freeze_inspection open_inspection record_inspection publish_inspection
		propose_penalty notify_penalty hear_penalty review_penalty decide_penalty serve_penalty repair_penalty revoke_penalty get_penalty
		own: acknowledge_complaint forward_complaint decide_complaint close_complaint get_complaint check_review exclude_review get_review
		get_work_order measure_plot reopen_plot approve_lapse get_right permit_relocation redirect_relocation get_relocation get_furnace_runs get_waiting get_till get_case forget_person place_hold lift_hold get_cremation get_custody get_cold_store propose_rest approve_rest explain_anomaly get_plot compute_incentive grant_incentive pay_incentive get_incentive get_eco_burial get_credit object_entry request_repair credit_what_if
		any: get_burial_rules get_institution get_parameters get_price_list get_availability get_voyage get_eco_rulebook
		adopt_burial_rules adopt_eco_definition adopt_incentive_rules set_eco_target publish_eco_figures
		adopt_credit_policy suspect notify_suspicion dismiss_suspicion propose_confirmation confirm_suspicion extend_objection decide_objection refuse_repair try_credit_policy grant_bonus repair_entry revoke_entry`,
	Admin: `own: plan_maintenance cancel_maintenance time_resource qualify_staff disqualify_staff set_parameter announce_draw draw_slots add_resource retire_resource publish_price_list survey_plot get_credit
		any: get_burial_rules register_institution rename_institution license_institution get_institution get_parameters adopt_catalogue state_contents get_price_list get_availability establish_cemetery get_eco_rulebook`,
	Importer: `own: add_resource retire_resource publish_price_list survey_plot
		any: get_burial_rules register_institution rename_institution license_institution get_institution get_parameters adopt_catalogue state_contents get_price_list get_availability establish_cemetery adopt_credit_policy
		get_eco_rulebook adopt_burial_rules adopt_eco_definition adopt_incentive_rules`,
}

// Every operation × every role × nobody, own, other and every institution.
func TestAccess(t *testing.T) {
	const home, other = "12210200422000019F", "12210281422000027L"
	checked := 0
	for op := range Access {
		if err := Allow(nil, op, home); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%s by nobody: %v", op, err)
		}
		for _, role := range Roles {
			scope, may := "", map[string]string{}
			for w := range strings.FieldsSeq(who[role]) {
				if s, ok := strings.CutSuffix(w, ":"); ok {
					scope = s
					continue
				}
				may[w] = scope
			}
			for w := range may {
				if _, ok := Access[Operation(w)]; !ok {
					t.Errorf("%s is no operation", w)
				}
			}
			for _, c := range []struct {
				account, at string
			}{{home, home}, {home, other}, {home, ""}, {Everywhere, other}, {Everywhere, ""}, {"", home}, {"", ""}} {
				want := ErrForbidden
				switch scope, ok := may[string(op)]; {
				case ok && scope == "any", ok && c.at != "" && (c.account == c.at || c.account == Everywhere):
					want = nil
				case ok:
					want = ErrOtherScope
				}
				err := Allow(&Account{ID: "x", Roles: []Role{role}, Institution: c.account}, op, c.at)
				if want == nil && err != nil || want != nil && !errors.Is(err, want) {
					t.Errorf("%s as %s of %q at %q: %v, want %v", op, role, c.account, c.at, err, want)
				}
				checked++
			}
		}
	}
	if err := Allow(&Account{ID: "x", Roles: Roles, Institution: Everywhere}, "no_such_operation", home); !errors.Is(err, ErrForbidden) {
		t.Error("an operation without a rule was allowed")
	}
	t.Log(checked, "combinations")
}

func TestTokens(t *testing.T) {
	a, token := Issue(Account{ID: "staff-0102", Roles: []Role{Desk}, Institution: "x"})
	b, other := Issue(Account{ID: "staff-0103", Roles: []Role{Desk}, Institution: "x"})
	off, offToken := Issue(Account{ID: "staff-0104", Roles: []Role{Desk}, Institution: "x", Disabled: true})
	as, err := NewAccounts(a, b, off)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := as.Verify(token); err != nil || got.ID != "staff-0102" {
		t.Error(got, err)
	}
	_, secret, _ := strings.Cut(other, ".")
	for _, bad := range []string{"", ".", "staff-0102", "staff-0102.", token + "x", token[:len(token)-1], "staff-0102." + secret, "nobody." + secret, offToken, a.ID + "." + a.TokenSHA256} {
		if got, err := as.Verify(bad); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%q was taken for %v", bad, got)
		}
	}
	path := filepath.Join(t.TempDir(), "accounts.json")
	if err := as.Save(path); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if _, s, _ := strings.Cut(token, "."); strings.Contains(string(text), s) {
		t.Error("the secret itself is in the file")
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode())
	}
	again, err := LoadAccounts(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Verify(token); err != nil || !got.Has(Desk) {
		t.Error(got, err)
	}
}

func TestAccountsRefuseTheUnsound(t *testing.T) {
	good, _ := Issue(Account{ID: "staff-1", Roles: []Role{Desk}})
	for name, edit := range map[string]func(*Account){
		"a name":     func(a *Account) { a.ID = "沈明远" },
		"no id":      func(a *Account) { a.ID = "" },
		"a dot":      func(a *Account) { a.ID = "staff.1" },
		"no role":    func(a *Account) { a.Roles = nil },
		"wrong role": func(a *Account) { a.Roles = []Role{"root"} },
		"no hash":    func(a *Account) { a.TokenSHA256 = "" },
		"short hash": func(a *Account) { a.TokenSHA256 = "abcd" },
	} {
		a := good
		edit(&a)
		if _, err := NewAccounts(a); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := NewAccounts(good, good); err == nil {
		t.Error("the same id twice was accepted")
	}
	if _, err := LoadAccounts(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("a missing file was accepted")
	}
}

func TestDemoSeats(t *testing.T) {
	seats := DemoSeats("12210200422000019F", "12210281422000027L", "54210214DEM000145F", "91210211MA0YY00382")
	var as []Account
	for _, s := range seats {
		as = append(as, s.Account)
	}
	accounts, err := NewAccounts(as...)
	if err != nil {
		t.Fatal(err)
	}
	count := map[Role]int{}
	for _, s := range seats {
		if a, err := accounts.Verify(s.Token); err != nil || a.ID != s.ID {
			t.Error(s.ID, err)
		}
		count[s.Roles[0]]++
	}
	if count[Desk] < 2 || count[Cremator] < 2 || count[Regulator] < 2 {
		t.Errorf("identity, cremation and confirmation take two people each: %v", count)
	}
}
