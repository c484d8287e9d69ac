package main

import (
	"fmt"
	"os"

	"shenzhong/projections/pricepages"
)

// verifyPrices checks a published price file with nothing but itself, by the
// rules under which lists are published.
func (c *verifyCmd) verifyPrices(con *console) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var catalogues []byte
	if c.Catalogue != "" {
		if catalogues, err = os.ReadFile(c.Catalogue); err != nil {
			return err
		}
	}
	rep, err := pricepages.Check(b, catalogues)
	if err != nil {
		return fail(exitRefused, err, "%s 不能当作价目文件核对", "%s cannot be checked as a price file", c.File)
	}
	con.printf("价目文件：%s（%s）第 %d 版，自 %s 起，%d 行。", "Price file: %s (%s), version %d, from %s, %d rows.", rep.Name, rep.Institution, rep.Version, rep.Effective, rep.Rows)
	con.printf("签发人：%s。登记事件：%s。", "Attested by %s. Event: %s.", rep.Attester, rep.Event)
	con.printf("核对了：每行的编码、类别、定价形式和金额，是否高于目录的上限，合计是否等于各行之和，生效日期是否已经过去。", "Checked: code, category, method and amounts of each row, ceilings of the catalogue, totals, and the day of effect.")
	if rep.Whole {
		con.printf("核对了：目录的必列项目是否都在。", "Checked: that every fixed row of the catalogue is there.")
	} else {
		con.printf("没有核对：必列项目是否齐全。CSV 里没有目录；另给 --catalogue，文件在 /prices/catalogue.json。", "Not checked: whether fixed rows are missing. A CSV file has no catalogue; give --catalogue, from /prices/catalogue.json.")
	}
	con.printf("没有核对：文件是否确实出自日志；请拿事件号与公示网页或核对包对照。", "Not checked: that the file does come from the log; compare the event with the page or an audit pack.")
	for _, f := range rep.Findings {
		where := con.say("整份文件", "file")
		if f.Line > 0 {
			where = fmt.Sprintf(con.say("第 %d 行", "row %d"), f.Line)
		}
		if f.Item != "" {
			where += " " + f.Item
		}
		fmt.Fprintf(con.out, "  %s%s%s [%s]\n", where, con.say("：", ": "), con.say(f.Zh, f.En), f.Code)
	}
	if n := len(rep.Findings); n > 0 {
		return fail(exitDiffers, nil, "有 %d 处不对，见上。", "%d faults, see above.", n)
	}
	con.printf("没有发现不对的地方。", "Nothing wrong was found.")
	return nil
}
