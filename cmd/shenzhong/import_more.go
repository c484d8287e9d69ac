package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	Files []string `arg:"" name:"FILE" type:"path" help:"CSV files, whose first line names the columns, or GeoJSON files (.geojson, .json) with a feature for each place."`
}

var plotColumns = []string{"cemetery", "division", "plot", "garden", "section", "row", "seat", "kind", "eco_type", "capacity", "area_cm2", "stone_height_cm", "width_cm", "depth_cm", "lon", "lat"}

// plotOptional are the columns that a file may leave out.
var plotOptional = []string{"garden", "section", "row", "seat", "width_cm", "depth_cm", "lon", "lat"}

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
		read := src.plots
		if strings.HasSuffix(f, "json") {
			read = src.geoPlots
		}
		srcs, rows = append(srcs, src), append(rows, read(time.Now())...)
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
	type yard struct {
		cemetery.CemeteryState
		rules cemetery.Rules
	}
	yards := map[domain.CreditCode]yard{}
	for _, r := range rows {
		y, ok := yards[r.of]
		if !ok {
			if y.CemeteryState, _, err = city.app.Cemeteries.Load(ctx, string(r.of)); err != nil {
				return err
			}
			if y.rules, err = city.app.RulesFor(ctx, y.Division, domain.DateOf(r.cmd.Now)); err != nil {
				return err
			}
			yards[r.of] = y
		}
		r.cmd.Cemetery, r.cmd.Rules = y.CemeteryState, y.rules
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
	var done, same atomic.Int64
	bar := con.progress("导入", "importing", int64(len(ps)))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var writers sync.WaitGroup
	next := make(chan planned[cemetery.PlotCommand])
	for range importers {
		writers.Go(func() {
			for p := range next {
				rc, err := city.app.Plots.Handle(ctx, p.key, p.cmd)
				if err != nil {
					stop(fmt.Errorf("%s: %w", p.key, err))
					continue
				}
				if bar.add(1); rc.Events > 0 {
					done.Add(1)
				} else {
					same.Add(1)
				}
			}
		})
	}
	for _, p := range ps {
		if ctx.Err() != nil {
			break
		}
		next <- p
	}
	close(next)
	writers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	bar.end()
	con.printf("墓位 %d 个：新导入 %d 个，未变 %d 个。", "%d plots: %d imported, %d unchanged.", len(ps), done.Load(), same.Load())
	return nil
}

// importers is how many places are written at once: each is its own stream, and
// the log writes many waiting appends together.
const importers = 64

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
		if !slices.Contains(head, c) && !slices.Contains(plotOptional, c) {
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
		r.read(cell, seen, now)
		rows = append(rows, r)
	}
}

// geoPlots reads a GeoJSON FeatureCollection: the columns of the CSV form are
// the properties of a feature, its geometry the point, or the outline whose
// middle is the point.
func (s *source) geoPlots(now time.Time) (rows []*plotRow) {
	root, err := s.parseJSON()
	if err != nil {
		return nil
	}
	o := s.object(root)
	if o.known("name", "crs", "bbox"); o.stringOf("type", true) != "FeatureCollection" {
		o.fault("type", "应是 FeatureCollection。", "a FeatureCollection is expected.")
	}
	seen := map[string]int{}
	for _, n := range o.list("features", true) {
		f := s.object(n)
		f.known("type", "id", "bbox")
		r := &plotRow{src: s, line: s.line(n.at)}
		cells := map[string]string{}
		if p, ok := f.get("properties", true); ok {
			for _, m := range p.members {
				if !slices.Contains(plotColumns, m.name) || m.name == "lon" || m.name == "lat" {
					s.fault(m.at, "", m.name, "不认识这一项。", "unknown property.")
				} else if m.value.kind != 'n' {
					cells[m.name] = strings.TrimSpace(m.value.text)
				}
			}
		}
		if g, ok := f.get("geometry", false); ok {
			cells["lon"], cells["lat"] = r.middle(s.object(g))
		}
		f.close()
		r.read(func(c string) string { return cells[c] }, seen, now)
		rows = append(rows, r)
	}
	o.close()
	return rows
}

// middle is the point of a geometry, in degrees.
func (r *plotRow) middle(g *object) (lon, lat string) {
	kind, at := g.stringOf("type", true), g.list("coordinates", true)
	switch {
	case kind == "Point" && len(at) >= 2:
		return at[0].text, at[1].text
	case kind == "Polygon" && len(at) > 0 && len(at[0].items) > 3:
		var x, y float64
		ring := at[0].items[1:] // the first comes again as the last
		for _, p := range ring {
			if len(p.items) < 2 {
				break
			}
			px, _ := strconv.ParseFloat(p.items[0].text, 64)
			py, _ := strconv.ParseFloat(p.items[1].text, 64)
			x, y = x+px, y+py
		}
		n := float64(len(ring))
		return strconv.FormatFloat(x/n, 'f', 7, 64), strconv.FormatFloat(y/n, 'f', 7, 64)
	}
	r.fault("geometry", "应是点（Point）或面（Polygon）。", "a Point or a Polygon is expected.")
	return "", ""
}

// read takes a row's cells, and reports what is wrong with each.
func (r *plotRow) read(cell func(string) string, seen map[string]int, now time.Time) {
	number := func(c string, needed bool) int {
		if !needed && cell(c) == "" {
			return 0
		}
		n, err := strconv.Atoi(cell(c))
		if err != nil || n < 0 {
			r.fault(c, fmt.Sprintf("“%s”不是非负整数。", cell(c)), fmt.Sprintf("%q is not a whole number from 0.", cell(c)))
		}
		return n
	}
	degrees := func(c string) int {
		if cell(c) == "" {
			return 0
		}
		x, err := strconv.ParseFloat(cell(c), 64)
		if err != nil || math.IsNaN(x) || math.Abs(x) > 180 {
			r.fault(c, fmt.Sprintf("“%s”不是度数。", cell(c)), fmt.Sprintf("%q is no number of degrees.", cell(c)))
			return 0
		}
		return int(math.Round(x * 1e7))
	}
	var err error
	r.cmd.Plot = cell("plot")
	if r.of, err = domain.ParseCreditCode(cell("cemetery")); err != nil {
		r.refuseIn("cemetery", err)
	}
	if r.division, err = domain.ParseDivision(cell("division")); err != nil {
		r.refuseIn("division", err)
	}
	r.cmd.Garden, r.cmd.Section, r.cmd.Row, r.cmd.Seat = cell("garden"), cell("section"), cell("row"), cell("seat")
	r.cmd.Kind, r.cmd.EcoType = cemetery.PlotKind(strings.ToUpper(cell("kind"))), cell("eco_type")
	r.cmd.Capacity, r.cmd.AreaCM2, r.cmd.StoneHeightCM = number("capacity", true), number("area_cm2", true), number("stone_height_cm", true)
	r.cmd.WidthCM, r.cmd.DepthCM = number("width_cm", false), number("depth_cm", false)
	r.cmd.Spot = cemetery.Spot{LonE7: degrees("lon"), LatE7: degrees("lat")}
	if r.cmd.EcoType == "" {
		r.fault("eco_type", "缺少葬式。", "it is missing.")
	} else if err := handlers.CheckPlotType(r.cmd); err != nil {
		r.refuseIn("eco_type", err)
	}
	key := string(r.of) + "." + r.cmd.Plot
	if first, ok := seen[key]; ok {
		r.fault("plot", fmt.Sprintf("与第 %d 行相同。", first), fmt.Sprintf("the same as line %d.", first))
	}
	seen[key] = r.line
	id, err := contentID(key, r.cmd)
	if err != nil {
		r.fault("", err.Error(), err.Error())
	}
	r.cmd.Act = domain.Act{ID: id, By: importer, Now: now, At: now}
}

func (r *plotRow) refuseIn(field string, err error) {
	if x, ok := errors.AsType[*domain.Rejection](err); ok {
		r.fault(field, x.Text("zh"), x.Text("en"))
		return
	}
	r.fault(field, err.Error(), err.Error())
}
