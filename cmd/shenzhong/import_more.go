package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/handlers"
)

// importCreditPolicyCmd loads the rules of service credit.
type importCreditPolicyCmd struct {
	File string `arg:"" name:"FILE" type:"existingfile" help:"Rules file (JSON)."`
}

func (c *importCreditPolicyCmd) Run(ctx context.Context, con *console, in *importCmd) error {
	src, err := openSource(c.File)
	if err != nil {
		return err
	}
	root, err := src.parseJSON()
	if err != nil {
		return err
	}
	refuse := func(err error) {
		at, field := root.find(err.Error())
		zh := err.Error()
		if r, ok := errors.AsType[*domain.Rejection](err); ok {
			zh = r.Text("zh")
			err = errors.New(r.Text("en"))
		}
		src.fault(at, "", field, zh, err.Error())
	}
	policy, err := credit.ParsePolicy(src.data)
	if err != nil {
		refuse(err)
		return src.bad
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	id, err := contentID(city.app.PolicyID, policy)
	if err != nil {
		return err
	}
	now := time.Now()
	ps := []planned[credit.PolicyCommand]{{city.app.PolicyID, c.File,
		credit.Adopt{Act: domain.Act{ID: id, By: importer, Now: now, At: now}, PolicyVersion: policy}, refuse}}
	if err := check(ctx, city.app.CreditPolicies, ps); err != nil {
		return err
	}
	if len(src.bad) > 0 {
		return src.bad
	}
	_, _, err = carryOut(ctx, con, city.app.CreditPolicies, ps)
	return err
}

var indexed = regexp.MustCompile(`([a-z_]+)\[(\d+)\]`)

// find looks for the value that a message speaks of as "deductions[3]", or for
// a member of the root that it names; the root itself when it names none.
func (n node) find(message string) (at int64, field string) {
	at = n.at
	if m := indexed.FindStringSubmatch(message); m != nil {
		i, _ := strconv.Atoi(m[2])
		for _, x := range n.members {
			if x.name == m[1] && i < len(x.value.items) {
				return x.value.items[i].at, m[0]
			}
		}
	}
	for _, x := range n.members {
		if strings.Contains(message, x.name) {
			return x.at, x.name
		}
	}
	return at, ""
}

// importPlotsCmd loads plots and niches.
type importPlotsCmd struct {
	Files []string `arg:"" name:"FILE" type:"path" help:"CSV files; the first line names the columns."`
}

var plotColumns = []string{"cemetery", "division", "plot", "section", "row", "kind", "eco_type", "capacity", "area_cm2", "stone_height_cm"}

func (c *importPlotsCmd) Run(ctx context.Context, con *console, in *importCmd) error {
	files, err := filesOf(c.Files, ".csv")
	if err != nil {
		return err
	}
	var (
		srcs []*source
		rows []*plotRow
		bad  faults
	)
	for _, f := range files {
		src, err := openSource(f)
		if fs, ok := errors.AsType[faults](err); ok {
			bad = append(bad, fs...)
			continue
		}
		if err != nil {
			return err
		}
		srcs, rows = append(srcs, src), append(rows, src.plots(time.Now())...)
		bad = append(bad, src.bad...)
	}
	if len(bad) > 0 {
		return bad
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	var ps []planned[cemetery.PlotCommand]
	for _, r := range rows {
		if r.cmd.Cemetery, _, err = city.app.Cemeteries.Load(ctx, string(r.of)); err != nil {
			return err
		}
		if got := r.cmd.Cemetery; got.Cemetery != "" && got.Division != r.division {
			r.fault("division", fmt.Sprintf("公墓登记在 %s。", got.Division), fmt.Sprintf("the cemetery is on record in %s.", got.Division))
		}
		ps = append(ps, planned[cemetery.PlotCommand]{string(r.of) + "." + r.cmd.Plot, r.src.name, r.cmd, r.refuse})
	}
	if err := check(ctx, city.app.Plots, ps); err != nil {
		return err
	}
	for _, s := range srcs {
		bad = append(bad, s.bad...)
	}
	if len(bad) > 0 {
		return bad
	}
	done, same := 0, 0
	bar := con.progress("导入", "importing", int64(len(ps)))
	for _, p := range ps {
		rc, err := city.app.Plots.Handle(ctx, p.key, p.cmd)
		if err != nil {
			return fmt.Errorf("%s: %w", p.key, err)
		}
		if bar.add(1); rc.Events > 0 {
			done++
		} else {
			same++
		}
	}
	bar.end()
	con.printf("墓位 %d 个：新导入 %d 个，未变 %d 个。", "%d plots: %d imported, %d unchanged.", len(ps), done, same)
	return nil
}

// A plotRow is one line of a plots file.
type plotRow struct {
	src      *source
	line     int
	of       domain.CreditCode
	division domain.Division
	cmd      cemetery.Survey
}

func (r *plotRow) fault(field, zh, en string) {
	r.src.bad = append(r.src.bad, fault{r.src.name, r.line, r.cmd.Plot, field, zh, en})
}

func (r *plotRow) refuse(err error) {
	if x, ok := errors.AsType[*domain.Rejection](err); ok {
		field := ""
		for _, c := range plotColumns {
			if strings.HasSuffix(x.Text("en"), c+".") {
				field = c
			}
		}
		if errors.Is(err, cemetery.ErrCemeteryUnknown) {
			field = "cemetery"
		}
		r.fault(field, x.Text("zh"), x.Text("en"))
		return
	}
	r.fault("", err.Error(), err.Error())
}

func (s *source) plots(now time.Time) (rows []*plotRow) {
	rd := csv.NewReader(strings.NewReader(string(s.data)))
	rd.FieldsPerRecord = -1
	head, err := rd.Read()
	if err != nil {
		s.fault(0, "", "", "没有列名那一行。", "there is no line with the columns' names.")
		return nil
	}
	for i, h := range head {
		if !slices.Contains(plotColumns, h) {
			s.fault(0, "", h, "不认识这一列。", "unknown column.")
		} else if slices.Index(head, h) < i {
			s.fault(0, "", h, "这一列有两个。", "the column is there twice.")
		}
	}
	for _, c := range plotColumns {
		if !slices.Contains(head, c) && c != "section" && c != "row" {
			s.fault(0, "", c, "缺少这一列。", "the column is missing.")
		}
	}
	if len(s.bad) > 0 {
		return nil
	}
	seen := map[string]int{}
	for {
		rec, err := rd.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			s.bad = append(s.bad, fault{s.name, pe.Line, "", "", "这一行不是正确的 CSV：" + pe.Err.Error() + "。", "this line is not valid CSV: " + pe.Err.Error() + "."})
			return rows
		}
		line, _ := rd.FieldPos(0)
		r := &plotRow{src: s, line: line}
		if len(rec) != len(head) {
			r.fault("", fmt.Sprintf("有 %d 格，应有 %d 格。", len(rec), len(head)), fmt.Sprintf("%d cells, not %d.", len(rec), len(head)))
			continue
		}
		cell := func(c string) string {
			if i := slices.Index(head, c); i >= 0 {
				return strings.TrimSpace(rec[i])
			}
			return ""
		}
		number := func(c string) int {
			n, err := strconv.Atoi(cell(c))
			if err != nil || n < 0 {
				r.fault(c, fmt.Sprintf("“%s”不是非负整数。", cell(c)), fmt.Sprintf("%q is not a whole number from 0.", cell(c)))
			}
			return n
		}
		r.cmd.Plot = cell("plot")
		if r.of, err = domain.ParseCreditCode(cell("cemetery")); err != nil {
			r.refuseIn("cemetery", err)
		}
		if r.division, err = domain.ParseDivision(cell("division")); err != nil {
			r.refuseIn("division", err)
		}
		r.cmd.Section, r.cmd.Row = cell("section"), cell("row")
		r.cmd.Kind, r.cmd.EcoType = cemetery.PlotKind(strings.ToUpper(cell("kind"))), cell("eco_type")
		r.cmd.Capacity, r.cmd.AreaCM2, r.cmd.StoneHeightCM = number("capacity"), number("area_cm2"), number("stone_height_cm")
		if r.cmd.EcoType == "" {
			r.fault("eco_type", "缺少葬式。", "it is missing.")
		} else if err := handlers.CheckPlotType(r.cmd); err != nil {
			r.refuseIn("eco_type", err)
		}
		key := string(r.of) + "." + r.cmd.Plot
		if first, ok := seen[key]; ok {
			r.fault("plot", fmt.Sprintf("与第 %d 行相同。", first), fmt.Sprintf("the same as line %d.", first))
		}
		seen[key] = line
		id, err := contentID(key, r.cmd)
		if err != nil {
			r.fault("", err.Error(), err.Error())
		}
		r.cmd.Act = domain.Act{ID: id, By: importer, Now: now, At: now}
		rows = append(rows, r)
	}
}

func (r *plotRow) refuseIn(field string, err error) {
	if x, ok := errors.AsType[*domain.Rejection](err); ok {
		r.fault(field, x.Text("zh"), x.Text("en"))
		return
	}
	r.fault(field, err.Error(), err.Error())
}
