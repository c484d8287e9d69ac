package web

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/handlers/plotfile"
)

var errNoFile = domain.Reject("file_needed", "请选一个文件：CSV 或 GeoJSON。", "Please choose a file: CSV or GeoJSON.")

// mostFaults is how many things wrong with a file its page lists; the rest are
// counted. Who has put these right checks again.
const mostFaults = 200

// An importPage takes a file of a cemetery's places: first it is only checked,
// and what was checked is then imported, all of it or nothing.
type importPage struct {
	Cemetery Text
	Back, To string
	Columns  []string
	Kinds    []cemetery.PlotKind
	Checked  bool // a file was read
	File     string
	Rows     int
	Plan     plotfile.Plan
	Faults   []plotfile.Fault
	More     int    // faults that are not listed
	Kept     string // the file itself, for the next step: gzip, then base64
	Refused  *handlers.Problem
}

// Write is how many places an import would write.
func (p importPage) Write() int { return p.Plan.New + p.Plan.Changed }

// Wrong is how many things are wrong with the file.
func (p importPage) Wrong() int { return len(p.Faults) + p.More }

// Why is a fault in the reader's language.
func (p importPage) Why(f plotfile.Fault) Text { return Text{f.Zh, f.En} }

func (d *Desk) importPage(v *visit) (importPage, domain.CreditCode, error) {
	of, err := v.mine("survey_plot")
	if err != nil {
		return importPage{}, of, err
	}
	c, _, err := d.app.Cemeteries.Load(v.ctx(), string(of))
	if err != nil {
		return importPage{}, of, err
	}
	if c.Cemetery == "" {
		return importPage{}, of, handlers.ErrNotFound
	}
	base := "/desk/cemeteries/" + string(of)
	return importPage{Cemetery: Text{c.NameZh, c.NameEn}, Back: base, To: base + "/import", Columns: plotfile.Columns, Kinds: c.Class.Powers().Kinds}, of, nil
}

// importForm is GET …/import.
func (d *Desk) importForm(v *visit) error {
	p, _, err := d.importPage(v)
	if err != nil {
		return err
	}
	return d.send(v, "desk-import", "/desk/cemeteries/import", p, nil)
}

// importDo is POST …/import: with a file it only checks; with what was checked it
// imports. The log may have moved on in between, so the second step checks too.
func (d *Desk) importDo(v *visit) error {
	p, of, err := d.importPage(v)
	if err != nil {
		return err
	}
	refused := func(err error) error {
		p.Refused = handlers.RequestProblem(v.ctx(), err)
		return d.sendAs(v, p.Refused.Status, "desk-import", "/desk/cemeteries/import", p, nil)
	}
	if err := v.r.ParseMultipartForm(plotfile.MaxBytes); err != nil {
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return refused(large)
		}
		return handlers.ErrMalformedForm
	}
	defer v.r.MultipartForm.RemoveAll()
	text, err := d.importText(v, &p)
	if err != nil {
		return refused(err)
	}
	f := plotfile.Read(text, of)
	if p.Plan, err = f.Check(v.ctx(), d.app, v.actor.ID, d.app.Now()); err != nil {
		return err
	}
	p.Checked, p.Rows, p.Faults = true, f.Rows(), f.Faults
	if p.More = max(0, len(p.Faults)-mostFaults); p.More > 0 {
		p.Faults = p.Faults[:mostFaults]
	}
	if len(p.Faults) > 0 {
		return d.sendAs(v, http.StatusUnprocessableEntity, "desk-import", "/desk/cemeteries/import", p, nil)
	}
	if v.r.PostForm.Get("do") != "import" {
		p.Kept = base64.StdEncoding.EncodeToString(compress(text, gzip.BestSpeed))
		return d.send(v, "desk-import", "/desk/cemeteries/import", p, nil)
	}
	done, err := f.Import(v.ctx(), d.app, nil)
	if err != nil {
		return err
	}
	d.placesSettled(v, events.Receipt{Position: done.Last})
	v.say(v.text("import.done", done.Written, done.Same))
	return see(v, p.Back)
}

// importText is the file that was sent, or the one that was checked before.
func (d *Desk) importText(v *visit, p *importPage) ([]byte, error) {
	if kept := v.r.PostForm.Get("kept"); kept != "" {
		p.File = v.r.PostForm.Get("name")
		z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader([]byte(kept))))
		if err != nil {
			return nil, handlers.ErrMalformedForm
		}
		text, err := io.ReadAll(io.LimitReader(z, plotfile.MaxBytes+1)) // one more, so that what is too long is seen
		if err != nil {
			return nil, handlers.ErrMalformedForm
		}
		return text, nil
	}
	var sent []*multipart.FileHeader
	if v.r.MultipartForm != nil {
		sent = v.r.MultipartForm.File["file"]
	}
	if len(sent) == 0 || sent[0].Size == 0 {
		return nil, errNoFile
	}
	p.File = sent[0].Filename
	file, err := sent[0].Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}
