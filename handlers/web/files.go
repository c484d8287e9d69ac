package web

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/projections/ecoratio"
)

// sendJSON sends a page's data for programs.
func sendJSON(w http.ResponseWriter, r *http.Request, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	sendFile(w, r, "application/json", newPage(b.Bytes(), gzip.BestSpeed))
	return nil
}

type asOfJSON struct {
	Position uint64  `json:"position"`
	At       string  `json:"recorded_at,omitempty"`
	Trouble  Trouble `json:"trouble,omitempty"`
}

func asOfOf(a AsOf) asOfJSON { return asOfJSON{a.Position, at(a.At), a.Trouble} }

// ecoFile is what /stats/eco-burial.json says. A number that is not published is
// null.
type ecoFile struct {
	Definition     string `json:"definition"`
	SmallSingleCM2 int64  `json:"small_single_cm2,omitempty"`
	SmallDoubleCM2 int64  `json:"small_double_cm2,omitempty"`
	Period         string `json:"period"`
	PeriodEnded    bool   `json:"period_ended"`
	Interments     int    `json:"interments"`
	Strict         int    `json:"strict"`
	Broad          int    `json:"broad"`
	Late           int    `json:"late"`
	LandSavedCM2   int64  `json:"land_saved_cm2"`
	// LandSavedAbout says that it is rounded to 10 m², where forms of burial are
	// withheld.
	LandSavedAbout bool           `json:"land_saved_rounded,omitempty"`
	LandFormula    string         `json:"land_saved_formula"`
	Undated        int            `json:"undated"` // in no period
	Targets        []ecoTarget    `json:"targets,omitempty"`
	Published      []ecoPublished `json:"published"`
	Coverage       []ecoCoverage  `json:"coverage"`
	Frozen         *ecoFrozen     `json:"frozen,omitempty"`
	Trend          []ecoTrend     `json:"trend"`
	Districts      []ecoDistrict  `json:"districts"`
	Types          []ecoType      `json:"types"`
	AsOf           asOfJSON       `json:"as_of"`
}

// ecoFrozen is what was published of the month, and the events that changed it
// since.
type ecoFrozen struct {
	On         domain.Date `json:"on"`
	Position   uint64      `json:"rests_on"`
	Interments int         `json:"interments"`
	Strict     int         `json:"strict"`
	Broad      int         `json:"broad"`
	Causes     []string    `json:"causes"`
}

// ecoPublished is what was published of one month and stays.
type ecoPublished struct {
	Month        string      `json:"month"`
	On           domain.Date `json:"on"`
	Interments   int         `json:"interments"`
	Strict       int         `json:"strict"`
	Broad        int         `json:"broad"`
	Late         int         `json:"late"`
	LandSavedCM2 int64       `json:"land_saved_cm2"`
	Position     uint64      `json:"rests_on"`
	Changed      bool        `json:"changed_since"`
}

type ecoTarget struct {
	Share    string `json:"share"`
	Year     string `json:"year"`
	PerMille int    `json:"per_mille"`
	Document string `json:"document"`
}

// ecoCoverage counts places for persons. Years is null where nothing was given
// in the twelve months before.
type ecoCoverage struct {
	Division   string   `json:"division"`
	NameZh     string   `json:"name_zh"`
	NameEn     string   `json:"name_en"`
	Cemeteries int      `json:"cemeteries"`
	Public     int      `json:"public_cemeteries"`
	Places     int      `json:"places"`
	Free       int      `json:"free"`
	LastYear   int      `json:"given_in_twelve_months"`
	Years      *float64 `json:"years_left"`
}

type ecoTrend struct {
	Period     string `json:"period"`
	Interments int    `json:"interments"`
	Strict     int    `json:"strict"`
	Broad      int    `json:"broad"`
}

type ecoDistrict struct {
	Division   string `json:"division"`
	NameZh     string `json:"name_zh"`
	NameEn     string `json:"name_en"`
	Interments *int   `json:"interments"`
	Strict     *int   `json:"strict"`
	Broad      *int   `json:"broad"`
}

type ecoType struct {
	Code         string `json:"type"`
	NameZh       string `json:"name_zh"`
	NameEn       string `json:"name_en"`
	Interments   *int   `json:"interments"`
	LandSavedCM2 *int64 `json:"land_saved_cm2"`
	CountsStrict bool   `json:"counts_strict"`
	CountsBroad  bool   `json:"counts_broad"`
}

func shown(n int, hidden bool) *int {
	if hidden {
		return nil
	}
	return &n
}

func ecoFileOf(p Eco) ecoFile {
	f := ecoFile{
		Definition: p.Definition.ID, SmallSingleCM2: p.Definition.SmallSingleCM2, SmallDoubleCM2: p.Definition.SmallDoubleCM2,
		Period: p.Period.Key, PeriodEnded: p.Period.Key != "" && !p.Period.Open,
		Interments: p.Total.Whole, Strict: p.Total.Strict, Broad: p.Total.Broad, Late: p.Late,
		Trend: []ecoTrend{}, Districts: []ecoDistrict{}, Types: []ecoType{}, AsOf: asOfOf(p.AsOf),
	}
	f.LandSavedCM2, f.LandSavedAbout, f.Undated = p.SavedCM2, p.SavedAbout, p.Undated
	f.LandFormula, f.Published, f.Coverage = ecoratio.LandFormula.Zh+" "+ecoratio.LandFormula.En, []ecoPublished{}, []ecoCoverage{}
	for _, t := range p.Targets {
		share := "broad"
		if t.Strict {
			share = "strict"
		}
		f.Targets = append(f.Targets, ecoTarget{share, t.Year, t.PerMille, t.Document})
	}
	for _, x := range p.Published {
		f.Published = append(f.Published, ecoPublished{x.Month, x.On, x.Whole, x.Strict, x.Broad, x.Late, x.SavedCM2, x.Position, x.Changed})
	}
	for _, c := range p.Coverage {
		line := ecoCoverage{c.Code, c.Name.Zh, c.Name.En, c.Cemeteries, c.Public, c.Places, c.Free(), c.LastYear, nil}
		if c.Rate {
			line.Years = &c.YearsLeft
		}
		f.Coverage = append(f.Coverage, line)
	}
	if x := p.Frozen; x != nil {
		f.Frozen = &ecoFrozen{x.On, x.Position, x.Then.Whole, x.Then.Strict, x.Then.Broad, append([]string{}, x.Causes...)}
	}
	for _, t := range p.Trend {
		f.Trend = append(f.Trend, ecoTrend{t.Period, t.Whole, t.Strict, t.Broad})
	}
	for _, d := range p.Districts {
		f.Districts = append(f.Districts, ecoDistrict{d.Code, d.Name.Zh, d.Name.En,
			shown(d.Whole, d.HideWhole), shown(d.Strict, d.HideStrict), shown(d.Broad, d.HideBroad)})
	}
	for _, t := range p.Types {
		line := ecoType{Code: t.Code, NameZh: t.Name.Zh, NameEn: t.Name.En, Interments: shown(t.Count, t.Hidden), CountsStrict: t.Strict, CountsBroad: t.Broad}
		if !t.Hidden && t.Broad {
			line.LandSavedCM2 = &t.SavedCM2
		}
		f.Types = append(f.Types, line)
	}
	return f
}

// periodForm is a period of a year that a record can be of. Dates are compared
// as text, so a year near the end of four digits has no next one.
var periodForm = regexp.MustCompile(`^(19|20|21)\d\d(-(0[1-9]|1[0-2])|-Q[1-4])?$`)

var errPeriod = domain.Reject("period_invalid", "“期”应写成 2026-10、2026-Q4 或 2026。", "Write the period as 2026-10, 2026-Q4 or 2026.")

func (h *Handler) ecoOf(r *http.Request) (Eco, error) {
	q, err := ecoQuery(r)
	if err != nil {
		return Eco{}, err
	}
	return h.data.Eco(r.Context(), q)
}

func (h *Handler) ecoJSON(w http.ResponseWriter, r *http.Request) error {
	p, err := h.ecoOf(r)
	if err != nil {
		return err
	}
	return sendJSON(w, r, ecoFileOf(p))
}

// ecoLines are the figures one by one, for CSV and spreadsheets: so that every
// program reads them alike. An empty cell is a number that is not published.
func ecoLines(f ecoFile) (head []string, lines [][]any) {
	head = []string{"by", "code", "name_zh", "period", "interments", "strict", "broad", "land_saved_cm2", "definition", "position"}
	line := func(by, code, name, period string, interments, strict, broad *int, saved *int64, position uint64) {
		row := []any{by, code, name, period, nil, nil, nil, nil, f.Definition, position}
		for i, n := range []*int{interments, strict, broad} {
			if n != nil {
				row[4+i] = int64(*n)
			}
		}
		if saved != nil {
			row[7] = *saved
		}
		lines = append(lines, row)
	}
	at := f.AsOf.Position
	if f.Period != "" && f.Interments > 0 {
		line("city", "210200", "大连市", f.Period, &f.Interments, &f.Strict, &f.Broad, &f.LandSavedCM2, at)
	}
	for _, d := range f.Districts {
		line("district", d.Division, d.NameZh, f.Period, d.Interments, d.Strict, d.Broad, nil, at)
	}
	for _, t := range f.Types {
		counted := func(yes bool) *int {
			if !yes && t.Interments != nil {
				zero := 0
				return &zero
			}
			return t.Interments
		}
		line("type", t.Code, t.NameZh, f.Period, t.Interments, counted(t.CountsStrict), counted(t.CountsBroad), t.LandSavedCM2, at)
	}
	for _, t := range f.Trend {
		line("trend", "210200", "大连市", t.Period, ofPeriod(t.Interments, t.Interments), ofPeriod(t.Strict, t.Interments), ofPeriod(t.Broad, t.Interments), nil, at)
	}
	for _, x := range f.Published {
		line("published", "210200", "大连市", x.Month, &x.Interments, &x.Strict, &x.Broad, &x.LandSavedCM2, x.Position)
	}
	return head, lines
}

// ofPeriod is a number of a period; none where the period has no data.
func ofPeriod(n, whole int) *int { return shown(n, whole == 0) }

// ecoCSV has one line per number.
func (h *Handler) ecoCSV(w http.ResponseWriter, r *http.Request) error {
	p, err := h.ecoOf(r)
	if err != nil {
		return err
	}
	b, err := csvOf(ecoLines(ecoFileOf(p)))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="eco-burial-`+p.Period.Key+`.csv"`)
	sendFile(w, r, "text/csv; charset=utf-8", newPage(b, gzip.BestSpeed))
	return nil
}

// csvOf writes lines of text, whole numbers and nil, which is an empty cell.
func csvOf(head []string, lines [][]any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff") // so that Excel and WPS read UTF-8
	c := csv.NewWriter(&b)
	c.Write(head)
	for _, line := range lines {
		row := make([]string, len(line))
		for i, v := range line {
			switch v := v.(type) {
			case nil:
			case string:
				row[i] = cell(v)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		c.Write(row)
	}
	c.Flush()
	return b.Bytes(), c.Error()
}

// cell keeps a spreadsheet from taking text for a formula.
func cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

// creditFile is what /credit/{credit_code}.json says: as much as the page.
type creditFile struct {
	Code       string        `json:"credit_code"`
	NameZh     string        `json:"name_zh"`
	NameEn     string        `json:"name_en,omitempty"`
	Kind       string        `json:"kind"`
	Fictitious bool          `json:"fictitious"`
	On         domain.Date   `json:"on"`
	Grade      string        `json:"grade,omitempty"`
	Policy     string        `json:"policy,omitempty"`
	Entries    []creditEntry `json:"entries"`
	Bonuses    []creditBonus `json:"bonuses"`
	Duties     []creditDuty  `json:"duties,omitempty"`
	Revoked    []creditGone  `json:"revoked,omitempty"`
	KnownThen  *knownThen    `json:"known_then,omitempty"` // where it is another grade
	AsOf       asOfJSON      `json:"as_of"`
}

// knownThen is what was known of a past day's grade on the day itself.
type knownThen struct {
	Grade    string      `json:"grade"`
	Recorded domain.Date `json:"recorded_on,omitempty"` // where there was none
}

type creditEntry struct {
	Rule        string      `json:"rule"`
	NameZh      string      `json:"rule_zh"`
	NameEn      string      `json:"rule_en,omitempty"`
	Severity    string      `json:"severity"`
	Points      int         `json:"points"`
	Document    string      `json:"document"`
	DecidedOn   domain.Date `json:"decided_on"`
	PublicUntil domain.Date `json:"public_until,omitempty"`
	Policy      string      `json:"policy"`
	Basis       string      `json:"basis,omitempty"`
	Repairable  domain.Date `json:"repairable_from,omitempty"`
	// Days by which the authority decides what is open.
	Disputed domain.Date `json:"objection_decided_by,omitempty"`
	RepairBy domain.Date `json:"repair_decided_by,omitempty"`
	Event    string      `json:"event,omitempty"`
	Proof    string      `json:"proof,omitempty"`
}

// creditDuty is one deadline of the authority.
type creditDuty struct {
	Kind  credit.DutyKind `json:"duty"`
	Since domain.Date     `json:"since"`
	Due   domain.Date     `json:"due"`
	Done  domain.Date     `json:"done,omitempty"`
	Late  int             `json:"days_late"`
}

// creditGone is an entry that was taken down.
type creditGone struct {
	Document string      `json:"document"`
	Revoked  domain.Date `json:"revoked_on"`
	Reason   string      `json:"reason"`
}

type creditBonus struct {
	Rule     string      `json:"rule"`
	NameZh   string      `json:"rule_zh"`
	NameEn   string      `json:"rule_en,omitempty"`
	Points   int         `json:"points"`
	Document string      `json:"document,omitempty"`
	From     domain.Date `json:"from"`
	Until    domain.Date `json:"until,omitempty"`
}

func creditJSON(p Credit) creditFile {
	f := creditFile{
		Code: p.Code, NameZh: p.Name.Zh, NameEn: p.Name.En, Kind: p.Kind, Fictitious: p.Fictitious, On: p.On, Grade: p.Grade,
		Entries: []creditEntry{}, Bonuses: []creditBonus{}, AsOf: asOfOf(p.AsOf),
	}
	if p.Policy != nil {
		f.Policy = p.Policy.Version
	}
	if p.Then != nil {
		f.KnownThen = &knownThen{p.Then.Grade, p.Then.Recorded}
	}
	for _, e := range p.Entries {
		f.Entries = append(f.Entries, creditEntry{e.Rule, e.Name.Zh, e.Name.En, e.Severity, -e.Points, e.Document, e.Decided, e.Until, e.Policy,
			e.Basis, e.Repairable, e.Disputed, e.RepairBy, e.Event.String(), e.Proof()})
	}
	for _, d := range p.Duties {
		f.Duties = append(f.Duties, creditDuty(d))
	}
	for _, r := range p.Revoked {
		f.Revoked = append(f.Revoked, creditGone(r))
	}
	for _, b := range p.Bonuses {
		f.Bonuses = append(f.Bonuses, creditBonus{b.Rule, b.Name.Zh, b.Name.En, b.Points, b.Document, b.From, b.Until})
	}
	return f
}
