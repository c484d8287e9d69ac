package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain/cremation"
	"shenzhong/events"
	"shenzhong/handlers"
	"shenzhong/projections/frontdesk"
)

// listSum is the SHA-256 of the list of everything in custody, in hex: of each
// case its id, tag, stage, place, shares of the ashes with their places, holds
// and belongings, a line each, in the order of the lines. Names are not in it.
func listSum(all []frontdesk.Custody) string {
	lines := make([]string, len(all))
	for i, x := range all {
		lines[i] = fmt.Sprintf("%s\t%s\t%s\t%s:%s\t%v\t%v\t%d\n", x.Case, x.Tag, x.Stage, x.Place.Kind, x.Place.ID, x.Shares, x.Holds, x.Belongings)
	}
	slices.Sort(lines)
	sum := sha256.New()
	for _, l := range lines {
		sum.Write([]byte(l))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// signShift signs the list of custody: who goes hands it over, who comes takes
// it over, each with an own account. What is signed is the list as the form
// showed it.
func (d *Desk) signShift(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := form{Values: v.r.PostForm}
	act, err := d.act(v, f.Get("token"))
	if err != nil {
		return err
	}
	h, err := d.house(v)
	if err != nil {
		return err
	}
	var cmd cremation.ShiftCommand
	said := v.text("house.handed")
	if taken := f.Get("handover"); taken != "" {
		id, err := uuid.Parse(taken)
		if err != nil {
			return handlers.ErrMalformedForm
		}
		cmd, said = cremation.TakeOverShift{Act: act, Handover: id, List: h.List, Differs: f.value("differs")}, v.text("house.took")
	} else {
		cmd = cremation.HandOverShift{Act: act, Handover: act.ID, To: f.value("to"), Counts: h.counts(), List: h.List, Position: h.AsOf.Position, Differs: f.value("differs")}
	}
	var rc events.Receipt
	if f.Get("list") != h.List { // it changed while the form was open
		err = cremation.ErrShiftChanged
	} else {
		rc, err = d.app.Shifts.Handle(v.ctx(), v.institution(), cmd)
	}
	if err != nil {
		p := handlers.RequestProblem(v.ctx(), err)
		if p.Status == http.StatusInternalServerError {
			return err
		}
		h.Unsigned, h.To, h.Differs = p, f.value("to"), f.value("differs")
		return d.sendAs(v, p.Status, "desk-house", "/desk/house", h, &h.AsOf)
	}
	d.settled(v.ctx(), rc)
	v.say(said)
	return see(v, "/desk/house")
}

// counts are those that are signed.
func (h house) counts() (n cremation.Counts) {
	for _, p := range h.Places {
		n.Remains += len(p.Lines)
		for _, l := range p.Lines {
			n.Belongings += l.Belongings
		}
	}
	n.Ashes = len(h.Ashes)
	for _, l := range h.Ashes {
		n.Belongings += l.Belongings
	}
	return n
}
