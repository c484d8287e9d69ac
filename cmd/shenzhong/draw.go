package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"shenzhong/domain/schedule"
	"shenzhong/handlers"
)

// drawCmd is about public draws: of the slots of peak days (清明, 冬至), and of
// scarce places in cemeteries.
type drawCmd struct {
	New   drawNewCmd   `cmd:"" help:"Make a seed, a salt and the commitment to publish before a draw."`
	Check drawCheckCmd `cmd:"" help:"Draw again from a published record and compare; exit code 3 when anything differs."`
}

// drawNewCmd makes what an announcement needs.
type drawNewCmd struct{}

func (c *drawNewCmd) Run(con *console) error {
	part := func() string {
		var b [32]byte
		rand.Read(b[:])
		return hex.EncodeToString(b[:])
	}
	seed, salt := part(), part()
	fmt.Fprintf(con.out, "seed        %s\nsalt        %s\ncommitment  %s\n", seed, salt, schedule.Commitment(seed, salt))
	con.note("现在只公布承诺（commitment）；种子和盐在抽签前不要给任何人看。", "Publish the commitment alone now; show seed and salt to nobody before the draw.")
	return nil
}

// drawCheckCmd recomputes a draw. It needs neither log nor account: the record
// says everything.
type drawCheckCmd struct {
	File string `arg:"" name:"FILE" help:"The record, as GET /api/v1/draws/INSTITUTION/KIND/DATE or GET /api/v1/rounds/CEMETERY/ROUND or GET /api/v1/inspections/ROUND gives it; - reads it from the standard input."`
}

func (c *drawCheckCmd) Run(con *console) error {
	var in io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var kind struct {
		Round      string `json:"round"`
		Inspection string `json:"inspection"`
	}
	if json.Unmarshal(b, &kind) == nil && kind.Inspection != "" {
		var r handlers.InspectionRecord
		if err := c.read(b, &r); err != nil {
			return err
		}
		if r.Commitment == "" || r.Count < 1 {
			return fail(exitRefused, errors.New("commitment, count"), "%s 缺少内容", "%s is incomplete", c.File)
		}
		if r.Seed == "" {
			con.printf("还没有抽取：名单 %d 家机构、%d 名人员，要抽 %d 家。", "Not drawn yet: %d institutions and %d officers in the lists, %d to be drawn.", len(r.Institutions), len(r.Officers), r.Count)
			return nil
		}
		if err := con.differs(r.Differences()); err != nil {
			return err
		}
		con.printf("抽取对得上：承诺、%d 家机构和各自的两名人员都与公布的一致。", "The draw comes out as published: the commitment, %d institutions and the two officers of each.", len(r.Visits))
		return nil
	}
	// What is no object at all is refused below, as a draw of slots.
	if json.Unmarshal(b, &kind) == nil && kind.Round != "" {
		var r handlers.RoundRecord
		if err := c.read(b, &r); err != nil {
			return err
		}
		if r.Commitment == "" || len(r.Places) == 0 {
			return fail(exitRefused, errors.New("commitment, places"), "%s 缺少内容", "%s is incomplete", c.File)
		}
		if x := r.Cancelled; x != nil {
			con.printf("这一轮在摇号前取消（公告 %s），没有可核对的结果。", "This round was cancelled before its draw (announcement %s); there is no result to check.", x.Document)
			return nil
		}
		if r.Seed == "" {
			con.printf("还没有摇号：%d 个位置，%d 份申请，%s 截止。", "Not drawn yet: %d places, %d applications, closing %s.", len(r.Places), r.Applied, r.Closes.Format(closing))
			return nil
		}
		if err := con.differs(r.Differences()); err != nil {
			return err
		}
		con.printf("摇号对得上：承诺、%d 份申请的先后、%d 个位置的归属都与公布的一致。", "The draw comes out as published: the commitment, the order of %d applications, and who got %d places.", r.Applied, len(r.Result))
		return nil
	}
	var r handlers.DrawRecord
	if err := c.read(b, &r); err != nil {
		return err
	}
	if r.Commitment == "" || len(r.Slots) == 0 {
		return fail(exitRefused, errors.New("commitment, slots"), "%s 缺少内容", "%s is incomplete", c.File)
	}
	if r.Seed == "" {
		con.printf("还没有抽签：%d 个时段，%d 件申请，%s 截止。", "Not drawn yet: %d slots, %d applications, closing %s.", len(r.Slots), r.Applied, r.Closes.Format(closing))
		return nil
	}
	if err := con.differs(r.Differences()); err != nil {
		return err
	}
	con.printf("抽签对得上：承诺、%d 件申请的先后、%d 个时段的归属都与公布的一致。", "The draw comes out as published: the commitment, the order of %d applications, and who got %d slots.", r.Applied, len(r.Result))
	return nil
}

const closing = "2006-01-02 15:04 MST"

// read takes a record that must hold nothing unknown: what it does not know it
// could not have checked.
func (c *drawCheckCmd) read(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fail(exitRefused, err, "%s 不是抽签记录", "%s is no record of a draw", c.File)
	}
	return nil
}

// differs names what does not come out.
func (con *console) differs(ds []handlers.DrawDifference) error {
	if len(ds) == 0 {
		return nil
	}
	con.printf("对不上：", "It does not come out:")
	for _, d := range ds {
		con.printf("%s 第 %d 行：公布的是 %s，复算的是 %s", "%s, line %d: published %s, recomputed %s", d.Part, d.Line, cmp.Or(d.Published, "-"), cmp.Or(d.Recomputed, "-"))
	}
	return errDiffers
}
