package ecoburial

import (
	"cmp"
	"reflect"
	"slices"

	"shenzhong/domain"
)

// FiguresCategory names the streams of published figures; a stream's id is the
// city and the month ("210200.2026-10"). There is one publication in each: what
// was published stays.
const FiguresCategory = "ecofigures"

// FiguresID is the id of the stream of a city's month.
func FiguresID(city domain.Division, month string) string { return string(city) + "." + month }

// A FiguresEvent is what happens to the figures of one month.
type FiguresEvent interface{ figuresEvent() }

// FiguresPublished freezes a month: what was counted, up to which place of the
// log. Later arrivals and corrections change what is counted now, never this.
type FiguresPublished struct {
	Division domain.Division `json:"division"`
	Month    string          `json:"month"`
	// Position is the place of the log up to which everything was counted.
	Position uint64 `json:"position"`
	// Cells are the counts that every share is made of, in the order of
	// divisions and types.
	Cells  []Cell  `json:"cells,omitzero"`
	Totals []Total `json:"totals"` // one for each definition
}

// A Cell counts the burials of one type in one division.
type Cell struct {
	Division   domain.Division `json:"division"`
	Type       string          `json:"type"`
	Interments int             `json:"interments"`
	LandCM2    int64           `json:"land_cm2"` // as reported
	Late       int             `json:"late"`     // recorded in a later month
}

// A Total is a month under one definition.
type Total struct {
	Definition   string `json:"definition"`
	Interments   int    `json:"interments"`
	Strict       int    `json:"strict"`
	Broad        int    `json:"broad"`
	LandSavedCM2 int64  `json:"land_saved_cm2"`
	Late         int    `json:"late"`
}

func (FiguresPublished) figuresEvent() {}

// Count adds cells up under a definition. A type that it does not have is an
// interment and in no numerator: leaving it out would raise the share.
func (d Definition) Count(cells ...Cell) Total {
	sum := Total{Definition: d.ID}
	for _, c := range cells {
		t, ok := d.Type(c.Type)
		if ok && !t.Interment {
			continue
		}
		sum.Interments += c.Interments
		sum.Late += c.Late
		if t.Strict {
			sum.Strict += c.Interments
		}
		if t.Broad {
			sum.Broad += c.Interments
			sum.LandSavedCM2 += 10_000 * int64(c.Interments)
			if t.LandCM2 > 0 {
				sum.LandSavedCM2 -= c.LandCM2
			}
		}
	}
	return sum
}

// A FiguresCommand asks something of the figures of one month.
type FiguresCommand interface {
	domain.Command
	figuresCommand()
}

// PublishFigures freezes a month. Position, Cells and Definitions are facts:
// what the log held at that place.
type PublishFigures struct {
	domain.Act
	Division    domain.Division
	Month       string
	Position    uint64
	Cells       []Cell
	Definitions []Definition
	// Day is the parameter on which day of the next month figures may be
	// published at the earliest.
	Day int
}

func (PublishFigures) figuresCommand() {}

// FiguresState is what was published; zero Month: nothing yet.
type FiguresState struct{ Published FiguresPublished }

// Figures decides over the figures of one month.
var Figures = domain.Decider[FiguresState, FiguresCommand, FiguresEvent]{Decide: decideFigures, Evolve: evolveFigures}

var (
	// ErrFrozen refuses a second publication.
	ErrFrozen = domain.Reject("eco_figures_frozen", "%s 的数字已经公布并冻结。之后的变化另列，不改原数。", "The figures of %s were published and are frozen. Later changes stand beside them.").Under("I20", "")
	// ErrMonth refuses what is no month.
	ErrMonth = domain.Reject("eco_month_invalid", "月份应写成 2026-10。", "Write the month as 2026-10.")
	// ErrMonthOpen refuses to freeze a month before its time.
	ErrMonthOpen = domain.Reject("eco_month_open", "%s 的数字最早在 %s 公布。", "The figures of %s are published on %s at the earliest.")
)

func decideFigures(s FiguresState, cmd FiguresCommand) ([]FiguresEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case PublishFigures:
		first := domain.Date(c.Month + "-01")
		if !first.Valid() || len(c.Definitions) == 0 {
			return nil, ErrMonth
		}
		if _, err := domain.ParseDivision(string(c.Division)); err != nil {
			return nil, err
		}
		if due := first.AddMonths(1).AddDays(max(c.Day, 1) - 1); domain.DateOf(c.Now) < due {
			return nil, ErrMonthOpen.With(c.Month, due)
		}
		e := FiguresPublished{Division: c.Division, Month: c.Month, Position: c.Position, Cells: slices.Clone(c.Cells)}
		slices.SortFunc(e.Cells, func(a, b Cell) int {
			return cmp.Or(cmp.Compare(a.Division, b.Division), cmp.Compare(a.Type, b.Type))
		})
		for _, d := range c.Definitions {
			e.Totals = append(e.Totals, d.Count(e.Cells...))
		}
		switch {
		case reflect.DeepEqual(s.Published, e):
			return nil, nil
		case s.Published.Month != "":
			return nil, ErrFrozen.With(c.Month)
		}
		return []FiguresEvent{e}, nil
	}
	panic("unreachable: FiguresCommand is sealed")
}

func evolveFigures(s FiguresState, e FiguresEvent) FiguresState {
	if e, ok := e.(FiguresPublished); ok {
		s.Published = e
	}
	return s
}
