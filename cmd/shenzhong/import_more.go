package main

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"shenzhong/domain"
	"shenzhong/domain/credit"
	"shenzhong/handlers/plotfile"
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

func (c *importPlotsCmd) Run(ctx context.Context, con *console, in *importCmd) error {
	names, err := filesOf(c.Files, ".csv")
	if err != nil {
		return err
	}
	var (
		files []*plotfile.File
		bad   faults
	)
	report := func() {
		bad = bad[:0]
		for i, f := range files {
			for _, x := range f.Faults {
				bad = append(bad, fault{names[i], x.Line, x.Plot, x.Field, x.Zh, x.En})
			}
		}
	}
	for _, name := range names {
		src, err := openSource(name)
		if tooLarge, ok := errors.AsType[faults](err); ok {
			return tooLarge
		}
		if err != nil {
			return err
		}
		files = append(files, plotfile.Read(src.data, ""))
	}
	if report(); len(bad) > 0 {
		return bad
	}
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	total := 0
	for _, f := range files {
		if _, err := f.Check(ctx, city.app, importer, time.Now()); err != nil {
			return err
		}
		total += f.Rows()
	}
	if report(); len(bad) > 0 {
		return bad
	}
	bar := con.progress("导入", "importing", int64(total))
	var done, same int
	for _, f := range files {
		r, err := f.Import(ctx, city.app, func() { bar.add(1) })
		if err != nil {
			return err
		}
		done, same = done+r.Written, same+r.Same
	}
	bar.end()
	con.printf("墓位 %d 个：新导入 %d 个，未变 %d 个。", "%d plots: %d imported, %d unchanged.", total, done, same)
	return nil
}
