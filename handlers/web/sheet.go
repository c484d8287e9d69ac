package web

import (
	"bytes"
	"net/http"
	"time"

	"github.com/xuri/excelize/v2"

	"shenzhong/domain"
)

// A sheet is one table of a workbook: text, whole numbers, numbers and nil,
// which is an empty cell.
type sheet struct {
	Name  string
	Head  []string
	Lines [][]any
}

// workbook writes tables for Excel and WPS. Every text is stored as text, so
// that none is taken for a formula. The same tables make the same file.
func workbook(at time.Time, sheets ...sheet) ([]byte, error) {
	x := excelize.NewFile()
	defer x.Close()
	head, err := x.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, err
	}
	for i, s := range sheets {
		if i == 0 {
			err = x.SetSheetName("Sheet1", s.Name)
		} else {
			_, err = x.NewSheet(s.Name)
		}
		if err != nil {
			return nil, err
		}
		out, err := x.NewStreamWriter(s.Name)
		if err != nil {
			return nil, err
		}
		if err := out.SetColWidth(1, max(1, len(s.Head)), 16); err != nil {
			return nil, err
		}
		rows := s.Lines
		if len(s.Head) > 0 {
			row := make([]any, len(s.Head))
			for i, h := range s.Head {
				row[i] = excelize.Cell{StyleID: head, Value: h}
			}
			rows = append([][]any{row}, rows...)
		}
		for i, row := range rows {
			name, err := excelize.CoordinatesToCellName(1, i+1)
			if err == nil {
				err = out.SetRow(name, row)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := out.Flush(); err != nil {
			return nil, err
		}
	}
	when := at.UTC().Format(time.RFC3339)
	if err := x.SetDocProps(&excelize.DocProperties{Creator: "慎终", Created: when, Modified: when}); err != nil {
		return nil, err
	}
	b, err := x.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ecoXLSX is the page as a workbook: what it says, and the figures.
func (h *Handler) ecoXLSX(w http.ResponseWriter, r *http.Request) error {
	p, err := h.ecoOf(r)
	if err != nil {
		return err
	}
	return sendWorkbook(w, r, "eco-burial-"+p.Period.Key, p)
}

func sendWorkbook(w http.ResponseWriter, r *http.Request, name string, p Eco) error {
	b, err := workbook(p.AsOf.At, ecoSheets(p)...)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.xlsx"`)
	if !p.All {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Access-Control-Allow-Origin", "*") // public data, for anybody's program
	}
	http.ServeContent(w, r, "", p.AsOf.At, bytes.NewReader(b))
	return nil
}

func ecoSheets(p Eco) []sheet {
	f := ecoFileOf(p)
	about := [][]any{
		{"期 Period", f.Period}, {"定义 Definition", f.Definition}, {"日志位置 Position", f.AsOf.Position}, {"生成时间 As of", domain.FormatTime(p.AsOf.At)},
		{"分母 Interments", f.Interments}, {"窄口径 Strict", f.Strict}, {"宽口径 Broad", f.Broad}, {"补记 Recorded later", f.Late}, {"日期不详 Undated", f.Undated},
		{"节地 Land saved, m²", float64(f.LandSavedCM2) / 10_000}, {"公式 Formula", f.LandFormula},
		{"空格 Empty cells", "不公布或没有数据 withheld, or no data"},
	}
	for _, t := range f.Targets {
		about = append(about, []any{"目标 Target, ‰ (" + t.Share + ")", t.PerMille, t.Year, t.Document})
	}
	head, lines := ecoLines(f)
	published := sheet{Name: "公布值 Published", Head: []string{"月 month", "公布日 on", "分母 interments", "窄 strict", "宽 broad", "补记 late", "节地 land saved cm²", "定义 definition", "日志位置 position", "后有变化 changed"}}
	for _, x := range f.Published {
		published.Lines = append(published.Lines, []any{x.Month, string(x.On), x.Interments, x.Strict, x.Broad, x.Late, x.LandSavedCM2, f.Definition, x.Position, map[bool]string{true: "是 yes"}[x.Changed]})
	}
	coverage := sheet{Name: "设施 Coverage", Head: []string{"区划 code", "区市县 district", "公墓 cemeteries", "公益 public", "位 places", "空 free", "近 12 个月 given", "可用年数 years"}}
	for _, c := range f.Coverage {
		row := []any{c.Division, c.NameZh, c.Cemeteries, c.Public, c.Places, c.Free, c.LastYear, nil}
		if c.Years != nil {
			row[7] = *c.Years
		}
		coverage.Lines = append(coverage.Lines, row)
	}
	return []sheet{{Name: "说明 About", Head: []string{"", ""}, Lines: about}, {Name: "数字 Figures", Head: head, Lines: lines}, published, coverage}
}
