package web

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/handlers/extract"
	"shenzhong/projections/tlog"
)

// An Audit is what vouches for the files that leave the console.
type Audit struct {
	Log *tlog.Log // signs tables and packs
	// Raw reads the log from its beginning, for a pack.
	Raw func(context.Context) iter.Seq2[events.Recorded, error]
}

// Leaves implements RegulatorSource: the leaves of events by position, as far as
// the tree has them by now.
func (m *ReadModels) Leaves(ctx context.Context, at []events.Position) (map[events.Position]tlog.Hash, error) {
	leaves := map[events.Position]tlog.Hash{}
	_, err := m.look(ctx, tlog.Name, func(tx *sql.Tx) error {
		r := tlog.Reader{DB: tx}
		for _, p := range at {
			l, err := r.LeafOf(ctx, p)
			if errors.Is(err, tlog.ErrNoLeaf) {
				continue // the tree is a moment behind
			}
			if err != nil {
				return err
			}
			leaves[p] = l.Hash
		}
		return nil
	})
	return leaves, err
}

// Positions implements RegulatorSource.
func (m *ReadModels) Positions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]events.Position, error) {
	at := map[uuid.UUID]events.Position{}
	_, err := m.look(ctx, tlog.Name, func(tx *sql.Tx) error {
		for _, id := range ids {
			l, err := tlog.Reader{DB: tx}.Leaf(ctx, id)
			if errors.Is(err, tlog.ErrNoLeaf) {
				continue
			}
			if err != nil {
				return err
			}
			at[id] = l.Position
		}
		return nil
	})
	return at, err
}

// extract answers with a table as the kind of file that the address names.
func (v *visit) extract(name string, t extract.Table) error {
	sealed, err := t.Seal(v.ctx(), v.desk.audit.Log)
	if errors.Is(err, extract.ErrUnsigned) {
		return handlers.ErrNotFound
	}
	if err != nil {
		return err
	}
	var b []byte
	kind := "text/csv; charset=utf-8"
	format := chi.URLParam(v.r, "format")
	switch format {
	case "csv":
		b, err = sealed.CSV()
	default:
		kind, format = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"
		b, err = sealed.XLSX()
	}
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
	http.ServeContent(v.w, v.r, "", t.Made, bytes.NewReader(b))
	return nil
}

// about is what a table's manifest says of the history that it shows.
func (h history) about(more ...string) map[string]string {
	a := map[string]string{"on": string(h.On), "view": h.View()}
	for i := 0; i+1 < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return a
}

func scoreCells(s ledgerScore) (score, grade any) {
	if !s.Rated {
		return nil, ""
	}
	return s.Score, s.Grade
}

// auditPack is everything recorded about an institution under its code: events
// with their proofs, in the one file that shenzhong export audit writes. It is
// checked before it is handed out.
func (d *Desk) auditPack(v *visit) (err error) {
	code := domain.CreditCode(chi.URLParam(v.r, "code"))
	var scope tlog.Scope
	for _, c := range []string{institution.Category, institution.ParametersCategory, pricing.PriceListCategory, credit.LedgerCategory} {
		scope.Streams = append(scope.Streams, events.Stream(c+"-"+string(code)))
	}
	f, err := os.CreateTemp("", "audit-*.zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	_, err = d.audit.Log.WritePack(v.ctx(), f, d.audit.Raw(v.ctx()), scope)
	if errors.Is(err, tlog.ErrNothing) {
		return handlers.ErrNotFound
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if rep, err := tlog.VerifyPack(f, st.Size(), tlog.Trust{}); err != nil {
		return err
	} else if !rep.OK() {
		return fmt.Errorf("the log is not what its tree holds: %s", rep.Lines("en"))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="audit-`+string(code)+`.zip"`)
	http.ServeContent(v.w, v.r, "", time.Time{}, f)
	return nil
}

// ledgerExtract is the ledger as the page shows it.
func (d *Desk) ledgerExtract(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	p, _, err := d.ledgerOf(v.ctx(), domain.CreditCode(chi.URLParam(v.r, "code")), h)
	if err != nil {
		return err
	}
	t := extract.Table{Name: "ledger", About: h.about("institution", string(p.Code)), Made: p.AsOf.At, Columns: []extract.Column{
		{Key: "effective", Label: "生效 effective", Kind: extract.Text}, {Key: "recorded", Label: "记录 recorded", Kind: extract.Text}, {Key: "what", Label: "种类 what", Kind: extract.Text},
		{Key: "rule", Label: "规则 rule", Kind: extract.Text}, {Key: "name", Label: "事由 reason", Kind: extract.Text}, {Key: "fact", Label: "事实 fact", Kind: extract.Text}, {Key: "document", Label: "文书 document", Kind: extract.Text},
		{Key: "points", Label: "分 points", Kind: extract.Count}, {Key: "score", Label: "累计 score", Kind: extract.Count}, {Key: "grade", Label: "等级 grade", Kind: extract.Text}, {Key: "status", Label: "状态 status", Kind: extract.Text}, {Key: "until", Label: "至 until", Kind: extract.Text}}}
	for _, r := range p.Rows {
		var points any
		if n, err := strconv.Atoi(strings.NewReplacer("−", "-", "+", "").Replace(r.Points)); err == nil && !r.Struck {
			points = n
		}
		score, grade := scoreCells(r.After)
		t.Rows = append(t.Rows, extract.Row{Cells: []any{string(r.Effective), string(r.Recorded), r.What, r.Rule, r.Name.Zh, r.Fact, r.Document, points, score, grade, r.Status, string(r.Until)}, Event: r.Event, Position: r.Position, Leaf: r.Leaf})
	}
	return v.extract("ledger-"+string(p.Code)+"-"+string(h.On)+"-"+h.View(), t)
}

func (d *Desk) anomalyExtract(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	c, err := d.cityOf(v.ctx(), h)
	if err != nil {
		return err
	}
	t := extract.Table{Name: "anomalies", About: h.about(), Made: c.AsOf.At, Columns: []extract.Column{
		{Key: "on", Label: "发现 on", Kind: extract.Text}, {Key: "kind", Label: "规则 kind", Kind: extract.Text}, {Key: "rule", Label: "规则说明 rule", Kind: extract.Text}, {Key: "institution", Label: "机构代码 institution", Kind: extract.Text}, {Key: "name", Label: "机构 name", Kind: extract.Text},
		{Key: "item", Label: "项目 item", Kind: extract.Text}, {Key: "code", Label: "代码 code", Kind: extract.Text}, {Key: "found", Label: "发现值 found", Kind: extract.Text}, {Key: "limit", Label: "界限 limit", Kind: extract.Text},
		{Key: "closed", Label: "说明或改正 closed", Kind: extract.Text}, {Key: "events", Label: "全部事件位 events", Kind: extract.Text}}}
	var at []events.Position
	for _, a := range c.Watched.Anomalies {
		at = append(at, a.Source.Position)
	}
	leaves, err := d.data.Leaves(v.ctx(), at)
	if err != nil {
		return err
	}
	for _, a := range c.Watched.Anomalies {
		r := c.rowOf(v, a)
		var all []string
		for _, e := range a.Events {
			all = append(all, strconv.FormatUint(uint64(e), 10))
		}
		t.Rows = append(t.Rows, extract.Row{Cells: []any{string(a.On), d.staff[Zh].label("anomaly", string(a.Kind)), d.staff[Zh].label("anomalyrule", string(a.Kind)), string(a.Institution), r.Name.Zh, a.Item, a.Code, r.Found, r.Limit, string(a.Closed), strings.Join(all, " ")},
			Event: a.Source.ID, Position: a.Source.Position, Leaf: leaves[a.Source.Position]})
	}
	return v.extract("anomalies-"+string(h.On)+"-"+h.View(), t)
}

func (d *Desk) cityExtract(v *visit) error {
	h, err := d.historyOf(v)
	if err != nil {
		return err
	}
	p, err := d.cityPageOf(v.ctx(), h)
	if err != nil {
		return err
	}
	t := extract.Table{Name: "city", About: h.about(), Made: p.AsOf.At, Columns: []extract.Column{
		{Key: "institution", Label: "机构代码 institution", Kind: extract.Text}, {Key: "name", Label: "机构 name", Kind: extract.Text}, {Key: "division", Label: "区划 division", Kind: extract.Text}, {Key: "grade", Label: "等级 grade", Kind: extract.Text}, {Key: "score", Label: "积分 score", Kind: extract.Count},
		{Key: "list", Label: "价目版次 list", Kind: extract.Count}, {Key: "list_state", Label: "收费公示 list_state", Kind: extract.Text}, {Key: "furnaces", Label: "火化机 furnaces", Kind: extract.Count}, {Key: "halls", Label: "厅 halls", Kind: extract.Count},
		{Key: "interments", Label: "近12个月安葬 interments", Kind: extract.Count}, {Key: "eco_strict", Label: "其中窄口径 eco_strict", Kind: extract.Count}, {Key: "anomalies", Label: "未说明异常 anomalies", Kind: extract.Count}, {Key: "overdue", Label: "逾期 overdue", Kind: extract.Count}}}
	for _, r := range p.Rows {
		l, err := d.app.Ledger(v.ctx(), r.Code)
		if err != nil {
			return err
		}
		row := extract.Row{}
		for _, x := range l.Records { // the last that this score rests on
			if u := h.Until(); u == "" || domain.DateOf(x.At) <= u {
				row.Event, row.Position, row.Leaf = x.ID, x.Position, tlog.LeafHash(&x.Recorded)
			}
		}
		score, grade := scoreCells(ledgerScore{r.Rated, r.Score, r.Grade})
		row.Cells = []any{string(r.Code), r.Name.Zh, string(r.Division), grade, score, r.List, r.ListState, r.Furnaces, r.Halls, r.Eco.Interments, r.Eco.Strict, r.Anomalies, r.Overdue}
		t.Rows = append(t.Rows, row)
	}
	return v.extract("city-"+string(h.On)+"-"+h.View(), t)
}

// chargeExtract is everything that was charged and refused in a month, without
// whose it was.
func (d *Desk) chargeExtract(v *visit) error {
	month := v.r.URL.Query().Get("month")
	from := domain.Date(month + "-01")
	if _, err := domain.ParseDate(string(from)); err != nil {
		return err
	}
	cs, ts, asOf, err := d.data.Charges(v.ctx(), from, from.AddMonths(1).AddDays(-1))
	if err != nil {
		return err
	}
	t := extract.Table{Name: "charges", About: map[string]string{"month": month}, Made: asOf.At, Columns: []extract.Column{
		{Key: "day", Label: "记录日 day", Kind: extract.Text}, {Key: "what", Label: "种类 what", Kind: extract.Text}, {Key: "institution", Label: "机构代码 institution", Kind: extract.Text}, {Key: "item", Label: "项目 item", Kind: extract.Text}, {Key: "name", Label: "名称 name", Kind: extract.Text}, {Key: "unit", Label: "单位 unit", Kind: extract.Text},
		{Key: "quantity", Label: "数量 quantity", Kind: extract.Count}, {Key: "price", Label: "单价 price", Kind: extract.Yuan}, {Key: "amount", Label: "收取 charged", Kind: extract.Yuan}, {Key: "ceiling", Label: "最高价 ceiling", Kind: extract.Yuan}, {Key: "list", Label: "价目版次 list", Kind: extract.Count},
		{Key: "refused", Label: "被拒金额 refused", Kind: extract.Yuan}, {Key: "code", Label: "被拒原因 code", Kind: extract.Text}, {Key: "basis", Label: "依据 basis", Kind: extract.Text}, {Key: "actor", Label: "经手 actor", Kind: extract.Text}}}
	var at []events.Position
	for _, c := range cs {
		at = append(at, c.Position)
	}
	for _, x := range ts {
		at = append(at, x.Position)
	}
	leaves, err := d.data.Leaves(v.ctx(), at)
	if err != nil {
		return err
	}
	for _, c := range cs {
		t.Rows = append(t.Rows, extract.Row{Cells: []any{string(c.On), "收取 charged", string(c.Institution), c.Item, c.NameZh, c.Unit, int(c.Quantity), c.Price, c.Amount, c.Ceiling, c.List, nil, "", "", ""}, Event: c.ID, Position: c.Position, Leaf: leaves[c.Position]})
	}
	for _, x := range ts {
		t.Rows = append(t.Rows, extract.Row{Cells: []any{string(x.On), "被拒 refused", string(x.Institution), x.Item, "", "", nil, nil, nil, x.Limit, nil, x.Amount, x.Code, x.Basis, x.Actor}, Event: x.ID, Position: x.Position, Leaf: leaves[x.Position]})
	}
	return v.extract("charges-"+month, t)
}
