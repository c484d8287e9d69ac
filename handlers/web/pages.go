package web

import (
	"html/template"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/pricing"
	"shenzhong/projections/pricepages"
)

// AsOf says from what part of the log a page was made.
type AsOf struct {
	Position uint64    // of the last event that went in
	At       time.Time // when the log recorded that event
	Trouble  Trouble
}

// Trouble is why a page may be older than the log.
type Trouble string

// The troubles of a read model.
const (
	None    Trouble = ""
	Lagging Trouble = "lagging" // it is still catching up
	Stopped Trouble = "stopped" // it met an event that it cannot read
)

// PriceIndex lists whose prices are published.
type PriceIndex struct {
	// Current are the city's institutions, whose lists are in force. Reference
	// are lists of other places or years, which bind nobody here.
	Current, Reference []PriceIndexEntry
	AsOf               AsOf
}

// PriceIndexEntry is one institution's line in the index.
type PriceIndexEntry struct {
	Key, City, Kind string
	Name            Text
	Version, Rows   int
	From            Day
	Fictitious      bool
	ToCome          bool // the list has not taken effect yet
	Attester, Event string
}

// A Day is a date that may be known to the year only.
type Day struct {
	Date     domain.Date
	YearOnly bool
}

// String is "2026-10-01", or "2008".
func (d Day) String() string {
	if d.YearOnly {
		return d.Date.Year()
	}
	return string(d.Date)
}

// PriceList is one institution's list in force.
type PriceList struct {
	Key, CreditCode string
	City, Kind      string
	Name            Text
	Fictitious      bool
	// Reference marks a list of another place or year.
	Reference bool
	Version   int
	From      Day
	Attester  string
	// Basis is the document the list rests on; Source, Confidence and Caveats
	// say where a reference list was found and what is missing from it.
	Basis, Source, Confidence string
	Caveats                   []string
	// Catalogue is the fee catalogue that the list was checked against, if any.
	Catalogue *pricepages.Catalogue
	Blocks    []PriceBlock
	Totals    []PriceTotal
	// ChargedMonth is the month of the figures of what was actually charged; empty
	// where there are none.
	ChargedMonth string
	// Late is why the list took effect in the past although another was in force.
	Late string
	// Linked is the list for programs that read the page (JSON-LD).
	Linked template.JS
	// Next is the number of the version after this one, zero if there is none.
	Next     int
	NextFrom domain.Date
	// Changes are the differences from the version before, none for a first one.
	Changes []PriceChange
	Event   string // id of the event that published the list
	AsOf    AsOf
}

// Rows counts the lines of all blocks.
func (l PriceList) Rows() int {
	n := 0
	for _, b := range l.Blocks {
		n += len(b.Rows)
	}
	return n
}

// A PriceBlock is one part of the list.
type PriceBlock struct {
	Kind pricing.Block
	Rows []PriceRow
}

// A PriceRow is one thing that may be charged.
type PriceRow struct {
	Number int // its place in the list, from 1
	Code   string
	Name   Text
	Method pricing.PricingType
	Unit   string
	// Amounts are zero where the list gives none.
	Price, Min, Max domain.Money
	MarkupPercent   int64
	Markup          domain.Money
	Note, Basis     string
	Content, Relief string
	Reason          string // why it lies outside the reference range
	NotOffered      bool
	// What the catalogue allows, where it says so.
	LimitMin, LimitMax domain.Money
	// Charged is what it actually cost; nil where it was not charged.
	Charged *pricepages.Charged
}

// A PriceTotal is a sum of rows, as families buy them.
type PriceTotal struct {
	Name   Text
	Items  []PriceTotalItem
	Amount domain.Money
}

// A PriceTotalItem is so many units of one row.
type PriceTotalItem struct {
	Name     Text
	Quantity int64
}

// Range says that the row's price is itself a range: the old lists write
// "2,000–5,000" for work whose size is not known beforehand. The range of a
// REFERENCE_RANGE row is the city's; within it the row has a price.
func (r PriceRow) Range() bool {
	return r.Min > 0 && r.Max > r.Min && (r.Price == 0 || r.Price == r.Min && r.Method != pricing.ReferenceRange)
}

// A PriceChange is one line that differs from the version before.
type PriceChange struct {
	Kind       pricepages.ChangeKind
	Code, Unit string
	Name       Text
	From, To   string // prices as written: "200", "2,000–5,000"
}

// PriceHistory lists every version of an institution's list, newest first.
type PriceHistory struct {
	Key       string
	Name      Text
	Reference bool
	Versions  []PriceVersion
	AsOf      AsOf
}

// A PriceVersion is one published list.
type PriceVersion struct {
	Version  int
	From     Day
	Recorded time.Time
	Basis    string
	Rows     int
	First    bool // there was none before it
	Changes  []PriceChange
	Event    string
}

// Eco is the eco-burial ratio of one period.
type Eco struct {
	Period  Period
	Periods []Period // to choose from, newest first
	Total   EcoCount
	// Late are the interments of the period recorded in a later month.
	Late int
	// Undated is how many interments carry no date, and so are in no period.
	Undated   int
	Trend     []EcoPoint // up to twelve periods of the same kind, oldest first
	Districts []EcoDistrict
	Types     []EcoType
	// Definition is the version of the counting rule ("dl-eco-2026.1").
	Definition EcoDefinition
	// SavedCM2 is the land saved by all of the broad numerator; SavedAbout says
	// that it is rounded to 10 m².
	SavedCM2   int64
	SavedAbout bool
	// Targets are those that the city published for the period's year.
	Targets []EcoTarget
	// Frozen is what was published of the month, nil where nothing was.
	Frozen *EcoFrozen
	// Published are all published months of the trend, oldest first.
	Published []EcoPublished
	// Definitions are the versions that can be asked for, the program's own first.
	Definitions []string
	Coverage    []EcoCoverage
	// All says that nothing is withheld: the page of the regulator.
	All  bool
	AsOf AsOf
}

// Home is where the page is, List where its lists are.
func (e Eco) Home() string {
	if e.All {
		return "/desk/eco-burial"
	}
	return "/stats/eco-burial"
}

// EcoPublished is what was published of one month.
type EcoPublished struct {
	Month string
	On    domain.Date
	EcoCount
	Late     int
	SavedCM2 int64
	Position uint64 // what it rests on
	Changed  bool   // it is counted otherwise now
}

// EcoCoverage is what a district has for burials. Places are for persons.
type EcoCoverage struct {
	Code                                        string
	Name                                        Text
	Cemeteries, Public, Places, Taken, LastYear int
	YearsLeft                                   float64
	// Rate says that YearsLeft means something: places were given in the twelve
	// months before.
	Rate bool
}

// Free is how many places are left.
func (c EcoCoverage) Free() int { return c.Places - c.Taken }

// EcoTarget is a target that an authority published.
type EcoTarget struct {
	Strict   bool // else broad
	Year     string
	PerMille int
	Document string
}

// EcoFrozen is a published month: what was published stays, what changed since
// stands beside it.
type EcoFrozen struct {
	On        domain.Date
	Then, Now EcoCount
	// Late and Corrected are how many reports and corrections came since; Causes
	// are their events. They say nothing about where and how: few of them would
	// name a family.
	Late, Corrected int
	Causes          []string
	// Position is the place in the log that the figures rest on.
	Position uint64
}

// A Period is a month "2026-10", a quarter "2026-Q4" or a year "2026".
type Period struct {
	Key  string
	Kind string // "month", "quarter", "year"
	// Open marks a period that had not ended when the page was made.
	Open bool
}

// EcoCount is a denominator and its two numerators.
type EcoCount struct{ Whole, Strict, Broad int }

// EcoPoint is one period of the trend.
type EcoPoint struct {
	Period string
	EcoCount
	// Frozen is a published month, Changed one that is counted otherwise since.
	Frozen, Changed bool
}

// EcoDistrict is one district's share. A hidden part is too small to publish.
type EcoDistrict struct {
	Code string
	Name Text
	EcoCount
	HideStrict, HideBroad, HideWhole bool
}

// EcoType is one form of burial.
type EcoType struct {
	Code          string
	Name          Text
	Count         int
	Hidden        bool
	Strict, Broad bool
	Out           bool  // no interment at all: in neither part
	SavedCM2      int64 // land saved against a standard plot of 1 m²
}

// EcoDefinition is the rule by which the ratio is counted.
type EcoDefinition struct {
	ID                             string
	SmallSingleCM2, SmallDoubleCM2 int64
}

// CreditIndex lists the institutions and their grades.
type CreditIndex struct {
	Rows   []CreditIndexEntry
	Policy *CreditPolicy
	// Duties count how the authority kept its deadlines, in the whole city.
	Duties []CreditDutyCount
	AsOf   AsOf
}

// A CreditDutyCount is how often the authority kept one kind of deadline.
type CreditDutyCount struct {
	Kind                      credit.DutyKind
	Kept, Late, Open, Overdue int
}

// CreditIndexEntry is one institution's line.
type CreditIndexEntry struct {
	Code, Kind, Grade string
	Name, GradeName   Text
	Fictitious        bool
	Published         int // entries that are on public display
}

// CreditPolicy is the version of the scoring rules in force.
type CreditPolicy struct {
	Version string
	From    domain.Date
	Base    int
	Grades  []CreditGrade
}

// A CreditGrade is a letter and the points it begins at.
type CreditGrade struct {
	Letter   string
	Name     Text
	Min, Max int
}

// Credit is the public side of one institution's service credit: the grade, and
// what the law lets be shown. The score itself is not here: it would give away
// the minor entries that are not published.
type Credit struct {
	Code, Kind string
	Name       Text
	Fictitious bool
	Grade      string
	GradeName  Text
	// On is the day whose grade is shown, by everything that is known now; Past
	// is set when it is not today. Then is what was known on the day itself,
	// where that is something else.
	On     domain.Date
	Past   bool
	Then   *CreditThen
	Policy *CreditPolicy
	// Entries are the entries on public display, Bonuses the bonuses in force; of
	// a past day those that still are, because their time of publication ends.
	Entries []CreditEntry
	Bonuses []CreditBonus
	// Duties are the authority's deadlines about what is on display or was taken
	// down, Revoked why it was taken down; of today only.
	Duties  []CreditDuty
	Revoked []CreditRevoked
	// Results are what inspections and penalties came to, as far as it is public
	// today, and Ratings what families said; of today only.
	Results resultsPage
	Ratings *ratings
	AsOf    AsOf
}

// A CreditDuty is one deadline of the authority.
type CreditDuty struct {
	Kind             credit.DutyKind
	Since, Due, Done domain.Date // Done is empty while it is open
	Late             int         // days
}

// A CreditRevoked is an entry that was on display and taken down.
type CreditRevoked struct {
	Document string // that revoked it
	Revoked  domain.Date
	Reason   string
}

// CreditThen is what was known of a past day's grade on the day itself.
type CreditThen struct {
	Grade string // empty: no policy had been recorded
	// Recorded is the day on which the policy was recorded, where Grade is empty.
	Recorded domain.Date
}

// A CreditEntry is a confirmed entry of severity general or severe within its
// time of publication.
type CreditEntry struct {
	Rule     string
	Name     Text
	Severity string // "GENERAL", "SEVERE"
	Points   int    // deducted, positive
	Document string
	// Basis is where the rule comes from, empty where nobody has read it there.
	Basis      string
	Decided    domain.Date
	Until      domain.Date // publication ends
	Repairable domain.Date // first day on which repair may be asked for
	// Disputed and RepairBy are the days by which an open objection and an open
	// request for repair are to be decided; empty: none is open.
	Disputed domain.Date
	RepairBy domain.Date
	Policy   string
	Event    uuid.UUID // that recorded it
}

// Proof is the address of the proof that the entry stands in the log; empty
// where its event is not known.
func (e CreditEntry) Proof() string {
	if e.Event == uuid.Nil {
		return ""
	}
	return "/tlog/proof?event=" + e.Event.String()
}

// A CreditBonus is a bonus in force.
type CreditBonus struct {
	Rule     string
	Name     Text
	Points   int
	Document string
	From     domain.Date
	Until    domain.Date
}
