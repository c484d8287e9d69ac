package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"slices"

	"shenzhong/handlers/extract"
	"shenzhong/projections/tlog"
)

// verifyExtract checks a table that left the regulator's console, with nothing
// but the file. It answers with false where the file is something else.
func verifyExtract(con *console, file string, trust tlog.Trust) (mine bool, err error) {
	if z, err := zip.OpenReader(file); err == nil { // a pack of an audit is such a file too, and may be large
		workbook := slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "xl/workbook.xml" })
		z.Close()
		if !workbook {
			return false, nil
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	rep, err := extract.Check(b, trust)
	if errors.Is(err, extract.ErrNot) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	for _, l := range rep.Lines(con.lang != "en") {
		fmt.Fprintln(con.out, l)
	}
	if n := len(rep.Faults); n > 0 {
		return true, fail(exitDiffers, nil, "有 %d 处不对，见上。", "%d faults, see above.", n)
	}
	return true, nil
}
