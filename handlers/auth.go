package handlers

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Role is what an account may do. Roles are narrow on purpose: an account of
// a counter cannot start a furnace, and the administrator of the master data
// sees no family's case.
type Role string

// The roles.
const (
	Desk      Role = "desk"      // front desk of a funeral home: cases, quotes, papers, certificates
	Cremator  Role = "cremator"  // furnace room: reception, verification, cremation, ashes
	Cemetery  Role = "cemetery"  // cemetery office: plots, interments
	Eco       Role = "eco"       // eco-burial operator: voyages, tree burials
	Regulator Role = "regulator" // civil affairs: credit, holds, incentives, reading everything
	Admin     Role = "admin"     // master data: institutions, resources, catalogues
	Importer  Role = "importer"  // a program that loads master data and price lists
	Device    Role = "device"    // a furnace's controller: reports its start and stop, and may nothing else
)

// Roles lists every role.
var Roles = []Role{Desk, Cremator, Cemetery, Eco, Regulator, Admin, Importer, Device}

// staff are the roles that may read what the city publishes over the API.
var staff = []Role{Desk, Cremator, Cemetery, Eco, Regulator, Admin, Importer}

// Everywhere is the scope of an account that is tied to no institution.
const Everywhere = "*"

// An Account is who acts. Its ID is a pseudonym of a workplace ("staff-0102")
// and stands in every event; who sat there is the institution's own record.
type Account struct {
	ID    string `json:"id"`
	Roles []Role `json:"roles"`
	// Institution is the key of the account's institution, or Everywhere.
	// Empty: none, so an account without it may do nothing institution-bound.
	Institution string `json:"institution"`
	// TokenSHA256 is the hash of the token's secret, in hex. The token itself
	// is shown once and kept nowhere.
	TokenSHA256 string `json:"token_sha256"`
	// Password is the argon2id hash of the password with which its owner signs
	// in to the pages; empty: it may only use the token.
	Password string `json:"password,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

// Key is a reference of the credential that the account signs its requests
// with: another token has another.
func (a *Account) Key() string { return "sha256:" + a.TokenSHA256[:min(16, len(a.TokenSHA256))] }

// Has says that the account holds one of these roles.
func (a *Account) Has(roles ...Role) bool {
	return a != nil && slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(a.Roles, r) })
}

// In says that the account works at this institution, or everywhere.
func (a *Account) In(institution string) bool {
	return a != nil && institution != "" && (a.Institution == institution || a.Institution == Everywhere)
}

var accountID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)

// maxAccountID is the length of the longest accountID.
const maxAccountID = 40

func (a *Account) check() error {
	if !accountID.MatchString(a.ID) {
		return fmt.Errorf("account %q: the id is lower-case letters, digits and dashes, beginning with a letter", a.ID)
	}
	if len(a.Roles) == 0 {
		return fmt.Errorf("account %s has no role", a.ID)
	}
	for _, r := range a.Roles {
		if !slices.Contains(Roles, r) {
			return fmt.Errorf("account %s: there is no role %q", a.ID, r)
		}
	}
	if b, err := hex.DecodeString(a.TokenSHA256); err != nil || len(b) != sha256.Size {
		return fmt.Errorf("account %s: token_sha256 is not a SHA-256 in hex", a.ID)
	}
	if a.Password != "" {
		if _, err := parsePasswordHash(a.Password); err != nil {
			return fmt.Errorf("account %s: password: %w", a.ID, err)
		}
	}
	return nil
}

// Issue gives the account a new random token and answers with it. A token is
// the account's id, a dot and 32 random bytes; only their hash is kept.
func Issue(a Account) (Account, string) {
	secret := make([]byte, 32)
	rand.Read(secret)
	text := base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(text))
	a.TokenSHA256 = hex.EncodeToString(sum[:])
	return a, a.ID + "." + text
}

// Accounts knows who may sign in. It is safe for concurrent use.
type Accounts struct {
	mu   sync.RWMutex
	byID map[string]*Account
}

// NewAccounts holds these accounts; it refuses unsound ones.
func NewAccounts(as ...Account) (*Accounts, error) {
	s := &Accounts{byID: map[string]*Account{}}
	for _, a := range as {
		if err := a.check(); err != nil {
			return nil, err
		}
		if s.byID[a.ID] != nil {
			return nil, fmt.Errorf("account %s is there twice", a.ID)
		}
		s.byID[a.ID] = &a
	}
	return s, nil
}

type accountsFile struct {
	Accounts []Account `json:"accounts"`
}

// LoadAccounts reads an accounts file. A file that does not exist is an error:
// a mistyped path must not lock everybody out in silence.
func LoadAccounts(path string) (*Accounts, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f accountsFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s, err := NewAccounts(f.Accounts...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Save writes the accounts file, readable by its owner alone.
func (s *Accounts) Save(path string) error {
	b, err := json.MarshalIndent(accountsFile{s.All()}, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".accounts-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(b, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		if rm := os.Remove(tmp.Name()); !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return err
}

// All lists the accounts by id.
func (s *Accounts) All() []Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	as := make([]Account, 0, len(s.byID))
	for _, a := range s.byID {
		as = append(as, *a)
	}
	slices.SortFunc(as, func(a, b Account) int { return cmp.Compare(a.ID, b.ID) })
	return as
}

// noSecret is compared against when there is no such account, so that a wrong
// id takes as long as a wrong secret.
var noSecret = sha256.Sum256([]byte("no account has this secret"))

// Verify answers with the account a token belongs to, or ErrUnauthenticated.
func (s *Accounts) Verify(token string) (*Account, error) {
	id, secret, _ := strings.Cut(token, ".")
	s.mu.RLock()
	a := s.byID[id]
	s.mu.RUnlock()
	want, known := noSecret[:], a != nil
	if known {
		want, _ = hex.DecodeString(a.TokenSHA256)
	}
	got := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(got[:], want) != 1 || !known || a.Disabled {
		return nil, ErrUnauthenticated
	}
	return a, nil
}

// A Seat is a demo account with its token and its password, to be printed once.
type Seat struct {
	Account
	Token string
	// Secret is the password in clear.
	Secret string
	// Zh and En say what the seat is for.
	Zh, En string
}

// DemoSeats makes the accounts of a demo city: a funeral home with two people
// at the desk and two at the furnaces (identity takes two), a cemetery, an
// eco-burial operator, the city's regulator and its administrator.
func DemoSeats(home, cemetery, village, eco string) []Seat {
	var seats []Seat
	for _, s := range []struct {
		id, institution string
		role            Role
		zh, en          string
	}{
		{"desk-0101", home, Desk, "殡仪馆窗口一", "funeral home, counter 1"},
		{"desk-0102", home, Desk, "殡仪馆窗口二", "funeral home, counter 2"},
		{"furnace-0201", home, Cremator, "火化车间一", "funeral home, furnace room 1"},
		{"furnace-0202", home, Cremator, "火化车间二", "funeral home, furnace room 2"},
		{"plc-0203", home, Device, "火化机控制器", "funeral home, furnace controller"},
		{"cemetery-0301", cemetery, Cemetery, "公墓管理处", "cemetery office"},
		{"cemetery-0302", village, Cemetery, "村公墓管理员（手机）", "village cemetery's clerk (on a phone)"},
		{"eco-0401", eco, Eco, "生态安葬经办", "eco-burial operator"},
		{"regulator-0501", Everywhere, Regulator, "民政监管一", "civil affairs, officer 1"},
		{"regulator-0502", Everywhere, Regulator, "民政监管二", "civil affairs, officer 2"},
		{"regulator-0503", Everywhere, Regulator, "民政法制审核", "civil affairs, legal review"},
		{"admin-0601", Everywhere, Admin, "基础资料管理", "master data"},
		{"importer-0701", Everywhere, Importer, "数据导入", "imports"},
	} {
		a, token := Issue(Account{ID: s.id, Roles: []Role{s.role}, Institution: s.institution})
		password := NewPassword()
		a.Password = HashPassword(password)
		seats = append(seats, Seat{a, token, password, s.zh, s.en})
	}
	return seats
}

type actorKey struct{}

// Actor is the account behind a request, nil when nobody signed in.
func Actor(ctx context.Context) *Account {
	a, _ := ctx.Value(actorKey{}).(*Account)
	return a
}

// WithActor is ctx with this account behind it.
func WithActor(ctx context.Context, a *Account) context.Context {
	recordOf(ctx).actor = a.ID
	return context.WithValue(ctx, actorKey{}, a)
}

// Authenticate puts the account of a bearer token behind the request. A
// request without a token goes on as nobody's; one with a wrong token ends
// here, wherever it was going.
func Authenticate(accounts *Accounts, problem func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := r.Header.Get("Authorization")
			if h == "" {
				next.ServeHTTP(w, r)
				return
			}
			scheme, token, _ := strings.Cut(h, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				problem(w, r, ErrUnauthenticated)
				return
			}
			a, err := accounts.Verify(strings.TrimSpace(token))
			if err != nil {
				problem(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(WithActor(r.Context(), a)))
		})
	}
}

// An Operation is one thing that can be asked for over the API or a page. It
// is the operationId of the API description too.
type Operation string

// A Rule says who may do an operation.
type Rule struct {
	Roles []Role
	// Own ties the operation to the account's own institution (an account with
	// the scope Everywhere is at home in all of them).
	Own bool
}

// Access is the whole of who may do what. An operation that is not in it may
// be done by nobody.
var Access = map[Operation]Rule{
	"register_institution": {Roles: []Role{Admin, Importer}},
	"rename_institution":   {Roles: []Role{Admin, Importer}},
	"license_institution":  {Roles: []Role{Admin, Importer}},
	"add_resource":         {Roles: []Role{Admin, Importer}, Own: true},
	"retire_resource":      {Roles: []Role{Admin, Importer}, Own: true},
	"get_institution":      {Roles: staff},
	"adopt_catalogue":      {Roles: []Role{Admin, Importer}},
	"publish_price_list":   {Roles: []Role{Admin, Importer}, Own: true},
	"get_price_list":       {Roles: staff},
	"get_availability":     {Roles: staff},
	"plan_maintenance":     {Roles: []Role{Admin, Desk}, Own: true},
	"cancel_maintenance":   {Roles: []Role{Admin, Desk}, Own: true},
	"time_resource":        {Roles: []Role{Admin}, Own: true},
	"qualify_staff":        {Roles: []Role{Admin}, Own: true},
	"disqualify_staff":     {Roles: []Role{Admin}, Own: true},
	"set_parameter":        {Roles: []Role{Admin}, Own: true},
	"get_parameters":       {Roles: staff},
	"state_contents":       {Roles: []Role{Admin, Importer}},
	"announce_draw":        {Roles: []Role{Admin, Desk}, Own: true},
	"draw_slots":           {Roles: []Role{Admin, Desk}, Own: true},

	"open_case":    {Roles: []Role{Desk}, Own: true},
	"get_case":     {Roles: []Role{Desk, Regulator}, Own: true},
	"book_slot":    {Roles: []Role{Desk}, Own: true},
	"confirm_slot": {Roles: []Role{Desk}, Own: true},
	"release_slot": {Roles: []Role{Desk}, Own: true},
	"quote_case":   {Roles: []Role{Desk}, Own: true},
	"consent_case": {Roles: []Role{Desk}, Own: true},
	"charge_case":  {Roles: []Role{Desk}, Own: true},
	"relieve_case": {Roles: []Role{Desk}, Own: true},
	"pay_case":     {Roles: []Role{Desk}, Own: true},
	"refund_case":  {Roles: []Role{Desk}, Own: true},
	"close_case":   {Roles: []Role{Desk}, Own: true},
	"cancel_case":  {Roles: []Role{Desk}, Own: true},

	"move_slot":            {Roles: []Role{Desk}, Own: true},
	"get_change_terms":     {Roles: []Role{Desk}, Own: true},
	"join_waiting":         {Roles: []Role{Desk}, Own: true},
	"answer_offer":         {Roles: []Role{Desk}, Own: true},
	"leave_waiting":        {Roles: []Role{Desk}, Own: true},
	"get_waiting":          {Roles: []Role{Desk, Regulator}, Own: true},
	"apply_draw":           {Roles: []Role{Desk}, Own: true},
	"decline_quote":        {Roles: []Role{Desk}, Own: true},
	"claim_relief":         {Roles: []Role{Desk}, Own: true},
	"grant_relief":         {Roles: []Role{Desk}, Own: true},
	"decline_relief":       {Roles: []Role{Desk}, Own: true},
	"reprint_receipt":      {Roles: []Role{Desk}, Own: true},
	"reopen_till":          {Roles: []Role{Desk}, Own: true},
	"get_till":             {Roles: []Role{Desk, Regulator}, Own: true},
	"get_checklist":        {Roles: []Role{Desk}, Own: true},
	"record_circumstances": {Roles: []Role{Desk}, Own: true},
	"promise_paper":        {Roles: []Role{Desk}, Own: true},
	"notify_office":        {Roles: []Role{Desk}, Own: true},
	"authorise_handler":    {Roles: []Role{Desk}, Own: true},
	"replace_handler":      {Roles: []Role{Desk}, Own: true},
	"correct_case":         {Roles: []Role{Desk}, Own: true},
	"clarify_case":         {Roles: []Role{Desk}, Own: true},
	"amend_case":           {Roles: []Role{Desk}, Own: true},
	"receive_paper":        {Roles: []Role{Desk}, Own: true},
	"close_till":           {Roles: []Role{Desk}, Own: true},

	"receive_remains":          {Roles: []Role{Desk, Cremator}, Own: true},
	"record_death_certificate": {Roles: []Role{Desk}, Own: true},
	"sign_confirmation":        {Roles: []Role{Desk}, Own: true},
	"record_police_paper":      {Roles: []Role{Desk}, Own: true},
	"place_hold":               {Roles: []Role{Desk, Cremator, Regulator}, Own: true},
	"lift_hold":                {Roles: []Role{Desk, Regulator}, Own: true},
	"verify_identity":          {Roles: []Role{Desk, Cremator}, Own: true},
	"start_cremation":          {Roles: []Role{Cremator}, Own: true},
	"abort_charge":             {Roles: []Role{Cremator}, Own: true},
	"complete_cremation":       {Roles: []Role{Cremator}, Own: true},
	"collect_ashes":            {Roles: []Role{Cremator}, Own: true},
	"empty_furnace":            {Roles: []Role{Cremator}, Own: true},
	"report_furnace":           {Roles: []Role{Device}, Own: true},
	"get_furnace_runs":         {Roles: []Role{Desk, Cremator, Regulator}, Own: true},
	"issue_certificate":        {Roles: []Role{Desk}, Own: true},
	"release_ashes":            {Roles: []Role{Desk}, Own: true},
	"get_cremation":            {Roles: []Role{Desk, Cremator, Regulator}, Own: true},

	// Erasing cannot be undone: it is for the authority, on a paper.
	"forget_person": {Roles: []Role{Regulator}, Own: true},

	"collect_remains":    {Roles: []Role{Desk, Cremator}, Own: true},
	"move_remains":       {Roles: []Role{Desk, Cremator}, Own: true},
	"record_condition":   {Roles: []Role{Desk, Cremator}, Own: true},
	"record_precautions": {Roles: []Role{Desk, Cremator}, Own: true},
	"list_belongings":    {Roles: []Role{Desk, Cremator}, Own: true},
	"settle_belongings":  {Roles: []Role{Desk, Cremator}, Own: true},
	"identify_remains":   {Roles: []Role{Desk, Cremator}, Own: true},
	"ask_waiver":         {Roles: []Role{Desk, Cremator}, Own: true},
	"approve_waiver":     {Roles: []Role{Desk}, Own: true},
	"begin_vigil":        {Roles: []Role{Desk, Cremator}, Own: true},
	"end_vigil":          {Roles: []Role{Desk, Cremator}, Own: true},
	"extend_storage":     {Roles: []Role{Desk}, Own: true},
	"hand_over_remains":  {Roles: []Role{Desk}, Own: true},
	"get_custody":        {Roles: []Role{Desk, Cremator, Regulator}, Own: true},
	"relocate_remains":   {Roles: []Role{Desk, Cremator}, Own: true},
	"recount_cold_store": {Roles: []Role{Desk, Cremator}, Own: true},
	"settle_discrepancy": {Roles: []Role{Desk}, Own: true},
	"get_cold_store":     {Roles: []Role{Desk, Cremator, Regulator}, Own: true},

	"split_ashes":            {Roles: []Role{Desk, Cremator}, Own: true},
	"move_ashes":             {Roles: []Role{Desk, Cremator}, Own: true},
	"deposit_ashes":          {Roles: []Role{Desk}, Own: true},
	"extend_deposit":         {Roles: []Role{Desk}, Own: true},
	"withdraw_ashes":         {Roles: []Role{Desk}, Own: true},
	"publish_ashes_notice":   {Roles: []Role{Desk}, Own: true},
	"serve_ashes_notice":     {Roles: []Role{Desk}, Own: true},
	"propose_rest":           {Roles: []Role{Desk, Regulator}, Own: true},
	"approve_rest":           {Roles: []Role{Desk, Regulator}, Own: true},
	"issue_release_code":     {Roles: []Role{Desk}, Own: true},
	"collect_certificate":    {Roles: []Role{Desk}, Own: true},
	"file_certificate":       {Roles: []Role{Desk}, Own: true},
	"deregister_certificate": {Roles: []Role{Desk}, Own: true},
	"correct_cremation":      {Roles: []Role{Desk}, Own: true},
	"clarify_cremation":      {Roles: []Role{Desk, Cremator}, Own: true},
	"explain_anomaly":        {Roles: []Role{Desk, Regulator}, Own: true},

	"file_complaint":        {Roles: []Role{Regulator}},
	"acknowledge_complaint": {Roles: []Role{Regulator}, Own: true},
	"forward_complaint":     {Roles: []Role{Regulator}, Own: true},
	"answer_complaint":      {Roles: []Role{Desk, Cemetery, Eco}, Own: true},
	"decide_complaint":      {Roles: []Role{Regulator}, Own: true},
	"close_complaint":       {Roles: []Role{Regulator}, Own: true},
	"get_complaint":         {Roles: []Role{Regulator, Desk, Cemetery, Eco}, Own: true},
	"contact_reviewer":      {Roles: []Role{Desk}, Own: true},
	"extend_review":         {Roles: []Role{Desk}, Own: true},
	"resolve_review":        {Roles: []Role{Desk}, Own: true},
	"check_review":          {Roles: []Role{Regulator}, Own: true},
	"exclude_review":        {Roles: []Role{Regulator}, Own: true},
	"get_review":            {Roles: []Role{Desk, Regulator}, Own: true},

	"commit_inspection":  {Roles: []Role{Regulator}},
	"freeze_inspection":  {Roles: []Role{Regulator}},
	"open_inspection":    {Roles: []Role{Regulator}},
	"record_inspection":  {Roles: []Role{Regulator}},
	"publish_inspection": {Roles: []Role{Regulator}},
	"propose_penalty":    {Roles: []Role{Regulator}},
	"notify_penalty":     {Roles: []Role{Regulator}},
	"hear_penalty":       {Roles: []Role{Regulator}},
	"review_penalty":     {Roles: []Role{Regulator}},
	"decide_penalty":     {Roles: []Role{Regulator}},
	"serve_penalty":      {Roles: []Role{Regulator}},
	"repair_penalty":     {Roles: []Role{Regulator}},
	"revoke_penalty":     {Roles: []Role{Regulator}},
	"get_penalty":        {Roles: []Role{Regulator}},

	"establish_cemetery": {Roles: []Role{Admin, Importer}},
	"survey_plot":        {Roles: []Role{Cemetery, Admin, Importer}, Own: true},
	"allocate_plot":      {Roles: []Role{Cemetery}, Own: true},
	"inter":              {Roles: []Role{Cemetery}, Own: true},
	"surrender_plot":     {Roles: []Role{Cemetery}, Own: true},
	"get_plot":           {Roles: []Role{Cemetery, Regulator}, Own: true},

	"adopt_burial_rules": {Roles: []Role{Regulator, Importer}},
	"get_burial_rules":   {Roles: staff},
	"announce_round":     {Roles: []Role{Cemetery}, Own: true},
	"apply_round":        {Roles: []Role{Cemetery}, Own: true},
	"withdraw_round":     {Roles: []Role{Cemetery}, Own: true},
	"cancel_round":       {Roles: []Role{Cemetery}, Own: true},
	"tell_applicant":     {Roles: []Role{Cemetery}, Own: true},
	"draw_round":         {Roles: []Role{Cemetery}, Own: true},
	"pass_place":         {Roles: []Role{Cemetery}, Own: true},
	"measure_plot":       {Roles: []Role{Cemetery, Regulator}, Own: true},
	"report_damage":      {Roles: []Role{Cemetery}, Own: true},
	"finish_work_order":  {Roles: []Role{Cemetery}, Own: true},
	"decline_work_order": {Roles: []Role{Cemetery}, Own: true},
	"get_work_order":     {Roles: []Role{Cemetery, Regulator}, Own: true},
	"agree_headstone":    {Roles: []Role{Cemetery}, Own: true},
	"reopen_plot":        {Roles: []Role{Cemetery, Regulator}, Own: true},

	"renew_right":         {Roles: []Role{Cemetery}, Own: true},
	"pay_upkeep":          {Roles: []Role{Cemetery}, Own: true},
	"record_holder_death": {Roles: []Role{Cemetery}, Own: true},
	"propose_inheritance": {Roles: []Role{Cemetery}, Own: true},
	"answer_inheritance":  {Roles: []Role{Cemetery}, Own: true},
	"inherit_right":       {Roles: []Role{Cemetery}, Own: true},
	"serve_notice":        {Roles: []Role{Cemetery}, Own: true},
	"announce_lapse":      {Roles: []Role{Cemetery}, Own: true},
	"propose_lapse":       {Roles: []Role{Cemetery}, Own: true},
	"surrender_right":     {Roles: []Role{Cemetery}, Own: true},
	"approve_lapse":       {Roles: []Role{Cemetery, Regulator}, Own: true},
	"get_right":           {Roles: []Role{Cemetery, Regulator}, Own: true},

	"request_relocation":  {Roles: []Role{Cemetery}, Own: true},
	"notice_relocation":   {Roles: []Role{Cemetery}, Own: true},
	"lift_ashes":          {Roles: []Role{Cemetery}, Own: true},
	"redirect_relocation": {Roles: []Role{Cemetery, Regulator}, Own: true},
	"arrive_ashes":        {Roles: []Role{Cemetery}, Own: true},
	"cancel_relocation":   {Roles: []Role{Cemetery}, Own: true},
	"permit_relocation":   {Roles: []Role{Cemetery, Regulator}, Own: true},
	"get_relocation":      {Roles: []Role{Cemetery, Regulator}, Own: true},

	"apply_eco_burial":    {Roles: []Role{Desk, Eco}, Own: true},
	"consent_eco_burial":  {Roles: []Role{Desk, Eco}, Own: true},
	"withdraw_eco_burial": {Roles: []Role{Desk, Eco}, Own: true},
	"complete_eco_burial": {Roles: []Role{Eco}, Own: true},
	"correct_eco_burial":  {Roles: []Role{Eco}, Own: true},
	"receive_eco_ashes":   {Roles: []Role{Eco}, Own: true},
	"return_eco_ashes":    {Roles: []Role{Eco}, Own: true},
	"apply_incentive":     {Roles: []Role{Desk, Eco}, Own: true},
	"compute_incentive":   {Roles: []Role{Desk, Eco, Regulator}, Own: true},
	"grant_incentive":     {Roles: []Role{Regulator}, Own: true},
	"pay_incentive":       {Roles: []Role{Regulator}, Own: true},
	"get_incentive":       {Roles: []Role{Desk, Eco, Regulator}, Own: true},
	"get_eco_burial":      {Roles: []Role{Desk, Eco, Regulator}, Own: true},

	"open_voyage":         {Roles: []Role{Eco}, Own: true},
	"book_voyage":         {Roles: []Role{Desk, Eco}, Own: true},
	"answer_voyage_offer": {Roles: []Role{Desk, Eco}, Own: true},
	"leave_voyage":        {Roles: []Role{Desk, Eco}, Own: true},
	"cancel_voyage":       {Roles: []Role{Eco}, Own: true},
	"depart_voyage":       {Roles: []Role{Eco}, Own: true},
	"scatter_ashes":       {Roles: []Role{Eco}, Own: true},
	"bring_ashes_back":    {Roles: []Role{Eco}, Own: true},
	"end_voyage":          {Roles: []Role{Eco}, Own: true},
	"get_voyage":          {Roles: []Role{Desk, Eco, Regulator}},

	"adopt_eco_definition":  {Roles: []Role{Regulator, Importer}},
	"adopt_incentive_rules": {Roles: []Role{Regulator, Importer}},
	"set_eco_target":        {Roles: []Role{Regulator}},
	"publish_eco_figures":   {Roles: []Role{Regulator}},
	"get_eco_rulebook":      {Roles: staff},

	"adopt_credit_policy":  {Roles: []Role{Regulator, Importer}},
	"suspect":              {Roles: []Role{Regulator}},
	"notify_suspicion":     {Roles: []Role{Regulator}},
	"answer_suspicion":     {Roles: []Role{Desk, Cemetery, Eco}, Own: true},
	"dismiss_suspicion":    {Roles: []Role{Regulator}},
	"propose_confirmation": {Roles: []Role{Regulator}},
	"confirm_suspicion":    {Roles: []Role{Regulator}},
	"object_entry":         {Roles: []Role{Desk, Cemetery, Eco, Regulator}, Own: true},
	"extend_objection":     {Roles: []Role{Regulator}},
	"decide_objection":     {Roles: []Role{Regulator}},
	"request_repair":       {Roles: []Role{Desk, Cemetery, Eco, Regulator}, Own: true},
	"refuse_repair":        {Roles: []Role{Regulator}},
	"try_credit_policy":    {Roles: []Role{Regulator}},
	"credit_what_if":       {Roles: []Role{Regulator, Desk, Cemetery, Eco}, Own: true},
	"grant_bonus":          {Roles: []Role{Regulator}},
	"repair_entry":         {Roles: []Role{Regulator}},
	"revoke_entry":         {Roles: []Role{Regulator}},
	"get_credit":           {Roles: []Role{Regulator, Desk, Cemetery, Eco, Admin}, Own: true},
}

// PageAccess is who may do what only the pages offer.
var PageAccess = map[Operation]Rule{
	"view_board":      {Roles: []Role{Desk, Cremator}, Own: true},
	"find_case":       {Roles: []Role{Desk, Cremator}, Own: true},
	"view_case":       {Roles: []Role{Desk, Cremator, Regulator}, Own: true},
	"unmask_case":     {Roles: []Role{Desk, Regulator}, Own: true},
	"print_case":      {Roles: []Role{Desk}, Own: true},
	"view_house":      {Roles: []Role{Desk, Cremator}, Own: true},
	"recount_house":   {Roles: []Role{Desk, Cremator}, Own: true},
	"view_voyages":    {Roles: []Role{Desk, Eco, Regulator}},
	"view_eco":        {Roles: []Role{Regulator}},
	"view_complaints": {Roles: []Role{Desk, Cemetery, Eco}, Own: true},
	"view_reviews":    {Roles: []Role{Desk}, Own: true},
	"view_notices":    {Roles: []Role{Desk, Cremator}, Own: true},
	"sign_shift":      {Roles: []Role{Desk, Cremator}, Own: true},
	"view_day_sheet":  {Roles: []Role{Desk}, Own: true},

	"view_regulator":  {Roles: []Role{Regulator}},
	"view_own_credit": {Roles: []Role{Desk, Cemetery, Eco}, Own: true},

	"view_places":       {Roles: []Role{Cemetery, Regulator, Admin}, Own: true},
	"manage_places":     {Roles: []Role{Cemetery}, Own: true},
	"permit_relocation": {Roles: []Role{Cemetery, Regulator}, Own: true},
}

// AccessTo is the rule of an operation; the zero Rule, which lets nobody in, of
// one that there is not.
func AccessTo(op Operation) Rule {
	if r, ok := Access[op]; ok {
		return r
	}
	return PageAccess[op]
}

// Allow says whether the account may do op at an institution (empty when the
// operation belongs to none). Nobody, wrong role and wrong institution are
// different answers, in this order.
func Allow(a *Account, op Operation, institution string) error {
	rule := AccessTo(op)
	switch {
	case a == nil:
		return ErrUnauthenticated
	case !a.Has(rule.Roles...):
		return ErrForbidden
	case rule.Own && !a.In(institution):
		return ErrOtherScope
	}
	return nil
}
