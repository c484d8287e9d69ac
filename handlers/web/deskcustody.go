package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
	"shenzhong/handlers"
)

func (c *caseView) askCremation(cmd cremation.CremationCommand) error {
	return would(cremation.Cremation, c.Cremation, cmd)
}

func (c *caseView) askCustody(cmd cremation.CustodyCommand) error {
	return would(cremation.Custody, c.Custody, cmd)
}

// held is the fact that the case is under a hold of infection control.
func (c *caseView) infectionHold() bool { return c.Cremation.HasOpen(cremation.HoldInfectionControl) }

// needsPolice says that the papers known so far ask for the police paper.
func (c *caseView) needsPolice() bool {
	cause := c.Cremation.Death.CauseClass.Or("")
	return c.Case.Deceased.Class() == booking.UnnamedBody || c.Cremation.Death.Form != "" && cause != cremation.Natural
}

func (c *caseView) deathPaper(act domain.Act, number, issuer string, issued, died domain.Date, cause string, checked bool) cremation.RecordDeathCertificate {
	of := c.Case.Deceased.Person
	number = strings.ToUpper(strings.TrimSpace(number))
	return cremation.RecordDeathCertificate{Act: act, Number: sealed(of, number), Issuer: issuer, IssuedOn: issued, DeathDate: died, CauseClass: sealed(of, cremation.CauseClass(cause)), Checked: checked}
}

func (c *caseView) policePaper(act domain.Act, number, issuer string, issued domain.Date) cremation.RecordPolicePaper {
	return cremation.RecordPolicePaper{Act: act, Number: sealed(c.Case.Deceased.Person, number), Issuer: issuer, IssuedOn: issued}
}

func (c *caseView) confirmed(act domain.Act, form string) cremation.SignConfirmation {
	return cremation.SignConfirmation{Act: act, Applicant: c.Case.Handler.Person, Authorised: c.Case.Handler.Person, Form: form}
}

// doCustody asks the custody's own stream.
func doCustody(cmd func(*caseView, domain.Act, *form) cremation.CustodyCommand) func(*caseView, domain.Act, form) (events.Receipt, error) {
	return func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(c, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return c.desk.app.Custodies.Handle(c.ctx(), c.ID.String(), x)
	}
}

// doCremation asks the cremation's own stream.
func doCremation(cmd func(*caseView, domain.Act, *form) cremation.CremationCommand) func(*caseView, domain.Act, form) (events.Receipt, error) {
	return func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
		x := cmd(c, act, &f)
		if err := f.bad.Or(); err != nil {
			return events.Receipt{}, err
		}
		return c.desk.app.Cremations.Handle(c.ctx(), c.ID.String(), x)
	}
}

// now is a scan by this account at this moment.
func (c *caseView) scan(act domain.Act) cremation.Scan {
	at := act.At
	if at.IsZero() {
		at = act.Now
	}
	return cremation.Scan{By: act.By, At: at}
}

// scans are the two of a move: who let go, and this account, who received.
// Times that were not typed are the act's.
func (c *caseView) scans(act domain.Act, f *form) (out, in cremation.Scan) {
	in = c.scan(act)
	out = cremation.Scan{By: f.value("out_by"), At: in.At}
	if at := f.instant("out_at"); !at.IsZero() {
		out.At = at.UTC()
	}
	if out.By == "" {
		out.By = act.By
	}
	return out, in
}

// scanFields ask for the two scans of a move.
func scanFields(c *caseView) []field {
	return []field{{Name: "out_by", Kind: "text", Value: c.actor.ID, Max: 40, Hint: "out_by"}, {Name: "out_at", Kind: "when", Optional: true}}
}

// placeText is a place as people say it.
func (c *caseView) placeText(p cremation.Place) string {
	name := p.ID
	if bay, ok := handlers.BayOf(p); ok {
		return c.text("place.bay", c.resource(bay.Bank), bay.No)
	}
	if r, ok := c.Institution.Resource(name); ok {
		return c.in(Text{r.NameZh, r.NameEn})
	}
	return strings.TrimSpace(c.label("place_kind", p.Kind) + " " + name)
}

// placeOf reads a place from a form: "COLD_BAY cold-1/14".
func placeOf(s string) cremation.Place {
	kind, id, _ := strings.Cut(strings.TrimSpace(s), " ")
	return cremation.Place{Kind: cremation.PlaceKind(kind), ID: strings.TrimSpace(id)}
}

// places are where the remains could be moved to: free bays, halls, furnaces,
// and the rooms.
func (c *caseView) places() (os []option) {
	add := func(p cremation.Place) {
		if p != c.Custody.Place {
			os = append(os, option{strings.TrimSpace(string(p.Kind) + " " + p.ID), c.placeText(p)})
		}
	}
	today := domain.DateOf(c.now)
	for _, r := range c.Institution.Resources {
		if !r.ServesOn(today) {
			continue
		}
		switch r.Kind {
		case institution.ColdBay:
			for n := range max(0, r.Capacity) {
				bay := cremation.Bay{Bank: r.Resource, No: n + 1}
				if c.Cold.TagIn(bay) == "" {
					add(bay.Place())
				}
			}
		case institution.Hall:
			add(cremation.Place{Kind: cremation.InHall, ID: r.Resource})
		case institution.Furnace:
			add(cremation.Place{Kind: cremation.AtFurnace, ID: r.Resource})
		}
	}
	for _, k := range []cremation.PlaceKind{cremation.InPreparation, cremation.InVigilRoom, cremation.InIsolation} {
		add(cremation.Place{Kind: k, ID: "1"})
	}
	add(cremation.Place{Kind: cremation.InReception})
	return os
}

var custodyActs = []*deskAct{
	{
		name: "collect", op: "move_remains", group: "custody",
		ask: func(c *caseView) error {
			return only(!c.Case.Cancelled && c.Custody.Collected.Case == uuid.Nil, func() error { return c.askCustody(c.collect(c.candidate(), &form{})) })
		},
		fields: func(c *caseView) []field {
			var into []option
			for _, r := range c.resources(institution.Vehicle) {
				into = append(into, option{"VEHICLE " + r.Value, r.Text})
			}
			into = append(into, option{"RECEPTION", c.label("place_kind", cremation.InReception)}, option{"ISOLATION", c.label("place_kind", cremation.InIsolation)})
			return []field{
				{Name: "collect_ground", Kind: "radio", Value: string(cremation.OnDeathCertificate), Options: options(c, "collect_ground", []cremation.Ground{cremation.OnDeathCertificate, cremation.OnPoliceNotice})},
				{Name: "paper", Kind: "text", Max: 60}, {Name: "issuer", Kind: "text", Max: 100},
				{Name: "giver", Kind: "select", Options: options(c, "giver", cremation.GiverKinds)}, {Name: "giver_name", Kind: "text", Max: 60}, {Name: "from_address", Kind: "text", Optional: true, Max: 120},
				{Name: "into", Kind: "select", Options: into}, {Name: "infectious", Kind: "check"}, {Name: "decomposed", Kind: "check"}, {Name: "giver_signed", Kind: "check"},
			}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand { return c.collect(act, f) }),
	},
	{
		name: "arrive", op: "move_remains", group: "custody", tell: true,
		ask: func(c *caseView) error {
			return only(!c.Case.Cancelled && !c.Custody.Arrived, func() error {
				x := c.scan(c.candidate())
				return c.askCustody(cremation.Arrive{Act: c.candidate(), To: cremation.Place{Kind: cremation.InReception}, Out: x, In: x})
			})
		},
		fields: func(c *caseView) []field {
			return append([]field{{Name: "tag", Kind: "scan", Max: 40}, {Name: "to", Kind: "radio", Value: "RECEPTION", Options: []option{{"RECEPTION", c.label("place_kind", cremation.InReception)}, {"ISOLATION", c.label("place_kind", cremation.InIsolation)}}}}, scanFields(c)...)
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			out, in := c.scans(act, &f)
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.TakeIn(c.ctx(), handlers.TakeIn{Act: act, Case: c.ID, Tag: f.value("tag"), To: placeOf(f.Get("to")), Out: out, In: in})
		},
	},
	{
		name: "belongings", op: "move_remains", group: "custody",
		ask: func(c *caseView) error {
			return only(c.Custody.Arrived && !c.Custody.Ended, func() error {
				if c.Custody.Listed {
					return nil // more may be found
				}
				return c.askCustody(cremation.ListBelongings{Act: c.candidate(), Witness: "candidate"})
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "found", Kind: "area", Optional: true, Max: 2000, Hint: "found"}, {Name: "witness", Kind: "text", Max: 40, Hint: "witness"}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			x := cremation.ListBelongings{Act: act, Witness: f.value("witness")}
			for line := range strings.Lines(f.Get("found")) {
				what, n, _ := strings.Cut(strings.TrimSpace(line), " x")
				if what = strings.TrimSpace(what); what == "" {
					continue
				}
				count := 1
				fmt.Sscan(n, &count)
				x.Items = append(x.Items, cremation.Item{ID: fmt.Sprint(len(c.Custody.Belongings) + len(x.Items) + 1), Description: sealed(c.Case.Deceased.Person, what), Count: count})
			}
			return x
		}),
	},
	{
		name: "settle", op: "move_remains", group: "custody",
		ask: func(c *caseView) error { return only(len(c.Custody.Kept()) > 0, func() error { return nil }) },
		fields: func(c *caseView) []field {
			var items []option
			for _, b := range c.Custody.Kept() {
				items = append(items, option{b.ID, fmt.Sprintf("%s %s × %d", b.ID, b.Description.Or("—"), b.Count)})
			}
			return []field{{Name: "items", Kind: "checks", Options: items}, {Name: "fate", Kind: "radio", Value: string(cremation.HandedOver), Options: options(c, "fate", []cremation.Fate{cremation.HandedOver, cremation.LeftWith})},
				{Name: "receiver", Kind: "text", Value: c.Case.Handler.Name.Or(""), Max: 60}, {Name: "receipt", Kind: "text", Max: 60}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			to := c.Case.Handler.Person
			if f.value("receiver") != c.Case.Handler.Name.Or("") {
				to = c.desk.app.Somebody(act.ID, "receiver")
			}
			return cremation.SettleBelongings{Act: act, Items: f.Values["items"], Fate: cremation.Fate(f.Get("fate")), To: to, Name: sealed(to, f.value("receiver")), Receipt: sealed(to, f.value("receipt"))}
		}),
	},
	{
		name: "precautions", op: "move_remains", group: "custody",
		ask: func(c *caseView) error {
			infectious := c.infectionHold() || c.Custody.Condition.IsForgotten() || c.Custody.Condition.Or(cremation.Condition{}).Infectious
			return only(infectious && c.Custody.Precautions.Bag == "", func() error {
				return c.askCustody(cremation.RecordPrecautions{Act: c.candidate(), Disinfected: true, Bag: anything, Protected: []string{c.actor.ID}})
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "disinfected", Kind: "check"}, {Name: "bag", Kind: "scan", Max: 40}, {Name: "protected", Kind: "text", Value: c.actor.ID, Max: 200, Hint: "protected"}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.RecordPrecautions{Act: act, Disinfected: f.on("disinfected"), Bag: f.value("bag"), Protected: strings.Fields(strings.NewReplacer("，", " ", "、", " ", ",", " ").Replace(f.Get("protected")))}
		}),
	},
	{
		name: "condition", op: "move_remains", group: "custody", minor: true,
		ask: func(c *caseView) error {
			now := c.Custody.Condition.Or(cremation.Condition{})
			now.Infectious = true
			return only(c.Custody.Collected.Case != uuid.Nil, func() error {
				return c.askCustody(cremation.RecordCondition{Act: c.candidate(), Condition: domain.Personal(c.Case.Deceased.Person, cremation.Condition{Infectious: true, Decomposed: !now.Decomposed}), Paper: anything})
			})
		},
		fields: func(c *caseView) []field {
			now := c.Custody.Condition.Or(cremation.Condition{})
			tick := map[bool]string{true: "1"}
			return []field{{Name: "infectious", Kind: "check", Value: tick[now.Infectious]}, {Name: "decomposed", Kind: "check", Value: tick[now.Decomposed]}, {Name: "paper", Kind: "text", Optional: true, Max: 100, Hint: "eased"}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.RecordCondition{Act: act, Condition: domain.Personal(c.Case.Deceased.Person, cremation.Condition{Infectious: f.on("infectious"), Decomposed: f.on("decomposed")}), Paper: f.value("paper")}
		}),
	},
	{
		name: "identify", op: "move_remains", group: "custody", tell: true,
		ask: func(c *caseView) error {
			return only(!c.Case.Cancelled && !c.Custody.Ended && !c.Custody.Identified(), func() error {
				x := cremation.Identify{Act: c.candidate(), Tag: c.Custody.Tag, Relative: "candidate", Name: domain.Personal("candidate", anything), Relation: anything, Method: cremation.ByPhoto, Recognised: true, Form: identifyForm, InfectionHold: c.infectionHold()}
				if c.Custody.Refused.Relative != "" {
					x.Paper = anything
				}
				return c.askCustody(x)
			})
		},
		fields: func(c *caseView) []field {
			fs := []field{{Name: "tag", Kind: "scan", Max: 40}, {Name: "relative", Kind: "text", Value: c.Case.Handler.Name.Or(""), Max: 60}, {Name: "relative_is", Kind: "select", Value: string(c.Case.Handler.Relation), Options: options(c, "relation", booking.Relations)},
				{Name: "method", Kind: "radio", Value: string(cremation.ByViewing), Options: options(c, "identify_method", []cremation.Method{cremation.ByViewing, cremation.ByPhoto, cremation.ByDNA, cremation.ByPolice})},
				{Name: "recognised", Kind: "radio", Options: options(c, "recognised", []string{"yes", "no"})}, {Name: "form", Kind: "text", Value: identifyForm, Max: 40}}
			if c.Custody.Refused.Relative != "" {
				fs = append(fs, field{Name: "paper", Kind: "text", Max: 100})
			}
			return fs
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			who := c.Case.Handler.Person
			if f.value("relative") != c.Case.Handler.Name.Or("") {
				who = c.desk.app.Somebody(act.ID, "relative")
			}
			return cremation.Identify{Act: act, Tag: f.value("tag"), Relative: who, Name: sealed(who, f.value("relative")), Relation: f.Get("relative_is"), Method: cremation.Method(f.Get("method")),
				Recognised: f.Get("recognised") == "yes", Form: f.value("form"), Paper: f.value("paper"), InfectionHold: c.infectionHold()}
		}),
	},
	{
		name: "waiver", op: "move_remains", group: "custody", minor: true,
		ask: func(c *caseView) error {
			return only(c.Custody.Arrived && !c.Custody.Ended && !c.Custody.Identified() && c.Custody.WaiverAsked.By == "", func() error {
				return c.askCustody(cremation.AskWaiver{Act: c.candidate(), Reason: domain.Personal(c.Case.Deceased.Person, anything)})
			})
		},
		fields: func(c *caseView) []field { return []field{{Name: "reason", Kind: "area", Max: 300}} },
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.AskWaiver{Act: act, Reason: sealed(c.Case.Deceased.Person, f.value("reason"))}
		}),
	},
	{
		name: "approve_waiver", op: "approve_waiver", group: "custody", tell: true,
		ask: func(c *caseView) error {
			return only(c.Custody.WaiverAsked.By != "" && !c.Custody.Identified() && !c.Custody.Ended, func() error { return c.askCustody(cremation.ApproveWaiver{Act: c.candidate()}) })
		},
		facts: func(c *caseView) []fact {
			return []fact{{c.text("fact.reason"), c.Custody.WaiverAsked.Reason.Or("—")}, {c.text("fact.asked_by"), c.Custody.WaiverAsked.By}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.ApproveWaiver{Act: act}
		}),
	},
	{
		name: "move", op: "move_remains", group: "custody", tell: true,
		ask: func(c *caseView) error {
			return only(c.Custody.Arrived && !c.Custody.Ended, func() error {
				to := cremation.Place{Kind: cremation.InReception}
				if c.Custody.Place.Kind == cremation.InReception {
					to = cremation.Place{Kind: cremation.InIsolation, ID: "1"}
				}
				act := c.candidate()
				return c.askCustody(cremation.MoveRemains{Act: act, Tag: c.Custody.Tag, From: c.Custody.Place, To: to, Out: c.scan(act), In: c.scan(act), RecountDue: c.Cold.RecountDue(), InfectionHold: c.infectionHold()})
			})
		},
		facts: func(c *caseView) []fact { return []fact{{c.text("fact.place"), c.placeText(c.Custody.Place)}} },
		fields: func(c *caseView) []field {
			return append([]field{{Name: "tag", Kind: "scan", Max: 40}, {Name: "to", Kind: "select", Options: c.places()}}, scanFields(c)...)
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			out, in := c.scans(act, &f)
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.MoveRemains(c.ctx(), handlers.MoveRemains{Act: act, Case: c.ID, Tag: f.value("tag"), From: c.Custody.Place, To: placeOf(f.Get("to")), Out: out, In: in})
		},
	},
	{
		name: "vigil", op: "move_remains", group: "custody",
		ask: func(c *caseView) error {
			return only(c.Custody.Place.Kind == cremation.InVigilRoom && !c.Custody.Vigil && !c.Custody.Ended, func() error {
				return c.askCustody(cremation.BeginVigil{Act: c.candidate(), InfectionHold: c.infectionHold()})
			})
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.BeginVigil{Act: act, InfectionHold: c.infectionHold()}
		}),
	},
	{
		name: "end_vigil", op: "move_remains", group: "custody",
		ask: func(c *caseView) error {
			return only(c.Custody.Vigil, func() error { return c.askCustody(cremation.EndVigil{Act: c.candidate()}) })
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.EndVigil{Act: act}
		}),
	},
	{
		name: "extend_storage", op: "move_remains", group: "custody", minor: true,
		ask: func(c *caseView) error {
			return only(c.Custody.Place.Kind == cremation.InColdBay && !c.Custody.Ended, func() error {
				return c.askCustody(cremation.ExtendStorage{Act: c.candidate(), Until: max(domain.DateOf(c.now), c.Custody.Extended.Until).AddDays(1), Paper: domain.Personal(c.Case.Handler.Person, anything)})
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "until", Kind: "date"}, {Name: "paper", Kind: "text", Max: 100}}
		},
		do: doCustody(func(c *caseView, act domain.Act, f *form) cremation.CustodyCommand {
			return cremation.ExtendStorage{Act: act, Until: f.date("until"), Paper: sealed(c.Case.Handler.Person, f.value("paper"))}
		}),
	},
	{
		name: "hold", op: "place_hold", group: "custody", minor: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil, func() error {
				return c.askCremation(cremation.PlaceHold{Act: c.candidate(), Hold: uuid.Must(uuid.NewV7()), Kind: cremation.HoldPolice, Authority: anything})
			})
		},
		fields: func(c *caseView) []field {
			kinds := []cremation.HoldKind{cremation.HoldPolice, cremation.HoldCourt, cremation.HoldDispute, cremation.HoldInfectionControl, cremation.HoldIdentity}
			return []field{{Name: "hold_kind", Kind: "radio", Options: options(c, "hold", kinds)}, {Name: "authority", Kind: "text", Max: 100}, {Name: "paper", Kind: "text", Optional: true, Max: 100}}
		},
		do: doCremation(func(c *caseView, act domain.Act, f *form) cremation.CremationCommand {
			return cremation.PlaceHold{Act: act, Hold: act.ID, Kind: cremation.HoldKind(f.Get("hold_kind")), Authority: f.value("authority"), Paper: f.value("paper")}
		}),
	},
	{
		name: "lift_hold", op: "lift_hold", group: "custody", minor: true,
		ask: func(c *caseView) error { return only(len(c.Cremation.OpenHolds()) > 0, func() error { return nil }) },
		fields: func(c *caseView) []field {
			var hs []option
			for _, h := range c.Cremation.OpenHolds() {
				hs = append(hs, option{h.Hold.String(), c.label("hold", h.Kind) + " " + h.Authority})
			}
			return []field{{Name: "hold", Kind: "radio", Options: hs}, {Name: "paper", Kind: "text", Max: 100}, {Name: "paper_of", Kind: "text", Max: 100}}
		},
		do: doCremation(func(c *caseView, act domain.Act, f *form) cremation.CremationCommand {
			id, err := uuid.Parse(f.Get("hold"))
			if err != nil {
				f.fail("hold", errField)
			}
			return cremation.LiftHold{Act: act, Hold: id, Authority: c.Case.Institution, Paper: f.value("paper"), PaperOf: f.value("paper_of")}
		}),
	},
}

func (c *caseView) collect(act domain.Act, f *form) cremation.CollectRemains {
	of := c.Case.Deceased.Person
	x := cremation.CollectRemains{Act: act, Case: c.ID, Institution: domain.CreditCode(c.Case.Institution)}
	if f.Values == nil { // a candidate
		x.Ground, x.Paper, x.Issuer, x.Giver, x.GiverName, x.GiverSigned = cremation.OnDeathCertificate, domain.Personal(of, anything), anything, cremation.FromHospital, domain.Personal(of, anything), true
		x.Into = cremation.Place{Kind: cremation.InReception}
		return x
	}
	giver := c.desk.app.Somebody(act.ID, "giver")
	if cremation.GiverKind(f.Get("giver")) == cremation.FromFamily && f.value("giver_name") == c.Case.Handler.Name.Or("") {
		giver = c.Case.Handler.Person
	}
	x.Ground, x.Paper, x.Issuer = cremation.Ground(f.Get("collect_ground")), sealed(of, f.value("paper")), f.value("issuer")
	x.Giver, x.GiverName, x.GiverSigned = cremation.GiverKind(f.Get("giver")), sealed(giver, f.value("giver_name")), f.on("giver_signed")
	x.From, x.Into = sealed(of, f.value("from_address")), placeOf(f.Get("into"))
	if f.on("infectious") || f.on("decomposed") {
		x.Condition = domain.Personal(of, cremation.Condition{Infectious: f.on("infectious"), Decomposed: f.on("decomposed")})
	}
	return x
}

// dueNotices are those that the family should have had by now.
func (c *caseView) dueNotices() []cremation.Notice {
	return c.Cremation.DueNotices(handlers.NoticeSchedule(c.Parameters), domain.DateOf(c.now))
}

// noticeText is which notice it is and when it is due.
func (v *visit) noticeText(n cremation.Notice) string {
	s := v.text("notice.line", v.label("clock", n.Clock), n.Step, n.Due)
	if n.Share > 1 {
		s += " " + v.text("notice.share", n.Share)
	}
	return s
}

// noticeState is how a notice stands.
func (c *caseView) noticeState(n cremation.Notice) string {
	switch today := domain.DateOf(c.now); {
	case n.Served.By != "":
		return c.text("notice.served", n.Served.ServedOn, c.label("notice_way", n.Served.Way))
	case n.Due <= today:
		return c.text("notice.due")
	}
	return c.text("notice.to_come")
}

// unexplained are the anomalies of which nobody has said what it was.
func (c *caseView) unexplained() (open []cremation.Anomaly) {
	for _, a := range c.Cremation.Anomalies {
		if a.Explained.By == "" {
			open = append(open, a)
		}
	}
	return open
}

var cremationActs = []*deskAct{
	{
		name: "verify", op: "verify_identity", group: "cremation", tell: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && !c.begun(), func() error {
				if slices.ContainsFunc(c.freshChecks(), func(v cremation.IdentityVerified) bool { return v.Verifier == c.actor.ID }) {
					return errHide // this account has; the other one may
				}
				tail := handlers.DeceasedTail(c.Case, c.Cremation)
				return c.askCremation(cremation.VerifyIdentity{Act: c.candidate(), Tag: c.Cremation.Tag, Scanned: true, IDTail: tail, IDTailOf: tail})
			})
		},
		facts: func(c *caseView) (fs []fact) {
			for _, v := range c.freshChecks() {
				fs = append(fs, fact{c.text("fact.verified"), v.Verifier + " " + string(domain.ClockOf(v.At))})
			}
			return fs
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "tag", Kind: "scan", Max: 40}, {Name: "scanned", Kind: "check", Value: "1"}, {Name: "id_tail", Kind: "text", Optional: true, Max: 4, Hint: "id_tail"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.VerifyIdentity(c.ctx(), handlers.VerifyIdentity{Act: act, Case: c.ID, Tag: f.value("tag"), Scanned: f.on("scanned"), IDTail: f.value("id_tail")})
		},
	},
	{
		name: "start", op: "start_cremation", group: "cremation", tell: true, final: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && !c.begun(), func() error {
				furnace := c.Custody.Place.ID
				if c.Custody.Place.Kind != cremation.AtFurnace {
					furnace = "candidate"
				}
				start, err := c.desk.app.StartFacts(c.ctx(), c.ID, cremation.Start{Act: c.candidate(), Furnace: furnace, FurnaceCase: c.ID})
				if err != nil {
					return err
				}
				if !c.actor.Has(handlers.Cremator) { // what would hinder who may do it
					start.Qualification = "candidate"
				}
				return c.askCremation(start)
			})
		},
		facts: func(c *caseView) []fact { return []fact{{c.text("fact.place"), c.placeText(c.Custody.Place)}} },
		fields: func(c *caseView) []field {
			return []field{{Name: "furnace", Kind: "select", Value: c.Custody.Place.ID, Options: c.resources(institution.Furnace)}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.StartCremation(c.ctx(), handlers.StartCremation{Act: act, Case: c.ID, Furnace: f.Get("furnace")})
		},
	},
	{
		name: "complete", op: "complete_cremation", group: "cremation",
		ask: func(c *caseView) error {
			return only(c.begun() && !c.Cremation.Done, func() error {
				act := c.candidate()
				if begun := c.Cremation.Started.At; !act.At.After(begun) { // it ends later than it began
					act.At = begun.Add(time.Second)
					act.Now = act.At
				}
				return c.askCremation(cremation.Complete{Act: act})
			})
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.CompleteCremation(c.ctx(), handlers.CompleteCremation{Act: act, Case: c.ID})
		},
	},
	{
		name: "explain", op: "explain_anomaly", group: "cremation", minor: true,
		ask: func(c *caseView) error {
			open := c.unexplained()
			return only(len(open) > 0, func() error {
				return c.askCremation(cremation.ExplainAnomaly{Act: c.candidate(), Kind: open[0].Kind, Reason: anything})
			})
		},
		facts: func(c *caseView) (fs []fact) {
			for _, a := range c.unexplained() {
				fs = append(fs, fact{c.label("anomaly", a.Kind), c.anomalyText(a.AnomalyFlagged)})
			}
			return fs
		},
		fields: func(c *caseView) []field {
			var kinds []cremation.AnomalyKind
			for _, a := range c.unexplained() {
				kinds = append(kinds, a.Kind)
			}
			return []field{{Name: "anomaly", Kind: "radio", Options: options(c, "anomaly", kinds)}, {Name: "reason", Kind: "area", Max: 200, Hint: "no_names"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.Cremations.Handle(c.ctx(), c.ID.String(), cremation.ExplainAnomaly{Act: act, Kind: cremation.AnomalyKind(f.Get("anomaly")), Reason: f.value("reason")})
		},
	},
	{
		name: "ashes", op: "collect_ashes", group: "cremation",
		ask: func(c *caseView) error {
			return only(c.Cremation.Done && c.Cremation.Ashes.WeightG == 0, func() error {
				return c.askCremation(cremation.CollectAshes{Act: c.candidate(), WeightG: 1, Containers: 1, Label: c.Cremation.Tag, SealedBy: [2]string{c.actor.ID, "candidate"}})
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "weight", Kind: "number", Max: 5}, {Name: "containers", Kind: "number", Value: "1", Max: 2}, {Name: "label", Kind: "scan", Max: 40}, {Name: "sealed_with", Kind: "text", Max: 40, Hint: "witness"}, {Name: "chamber_empty", Kind: "check"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			x := handlers.CollectAshes{Act: act, Case: c.ID, WeightG: f.number("weight"), Containers: f.number("containers"), Label: f.value("label"), SealedBy: [2]string{act.By, f.value("sealed_with")}, ChamberEmpty: f.on("chamber_empty")}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.CollectAshes(c.ctx(), x)
		},
	},
	{
		name: "empty", op: "empty_furnace", group: "cremation",
		ask: func(c *caseView) error {
			return only(c.Cremation.Ashes.WeightG > 0 && c.Furnace.Case == c.ID, func() error { return nil })
		},
		fields: func(c *caseView) []field { return []field{{Name: "chamber_seen", Kind: "check"}} },
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			if !f.on("chamber_seen") {
				f.fail("chamber_seen", errField)
				return events.Receipt{}, f.bad
			}
			return c.desk.app.EmptyFurnace(c.ctx(), act, c.ID)
		},
	},
	{
		name: "certificate", op: "issue_certificate", group: "cremation", tell: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Case != uuid.Nil && c.Cremation.Certificate == "", func() error {
				return c.askCremation(cremation.IssueCertificate{Act: c.candidate(), Number: "candidate", Registered: c.ID, Form: certificateForm})
			})
		},
		fields: func(c *caseView) []field { return []field{{Name: "certificate", Kind: "text", Max: 40}} },
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.IssueCertificate(c.ctx(), handlers.IssueCertificate{Act: act, Case: c.ID, Number: strings.ToUpper(f.value("certificate")), Form: certificateForm})
		},
	},
	{
		name: "reissue", op: "issue_certificate", group: "cremation", minor: true,
		ask: func(c *caseView) error {
			return only(c.Cremation.Certificate != "", func() error {
				return c.askCremation(cremation.IssueCertificate{Act: c.candidate(), Number: "candidate", Registered: c.ID, Reissue: anything, Form: certificateForm})
			})
		},
		facts: func(c *caseView) []fact { return []fact{{c.text("fact.certificate"), c.Cremation.Certificate}} },
		fields: func(c *caseView) []field {
			return []field{{Name: "certificate", Kind: "text", Max: 40}, {Name: "reason", Kind: "text", Max: 200, Hint: "no_names"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			return c.desk.app.IssueCertificate(c.ctx(), handlers.IssueCertificate{Act: act, Case: c.ID, Number: strings.ToUpper(f.value("certificate")), Reissue: f.value("reason"), Form: certificateForm})
		},
	},
	{
		name: "deposit", op: "release_ashes", group: "cremation", minor: true,
		ask: func(c *caseView) error {
			x, ok := c.share()
			return only(ok && x.Deposited.Agreement == "", func() error {
				act := c.candidate()
				return c.askCremation(cremation.DepositAshes{Act: act, Label: x.Label, From: x.Place, To: cremation.Place{Kind: cremation.InNiche, ID: "candidate"}, Out: c.scan(act), In: c.scan(act), Until: domain.DateOf(c.now).AddDays(1), Agreement: anything, Form: depositForm})
			})
		},
		fields: func(c *caseView) []field {
			return append([]field{{Name: "label", Kind: "scan", Max: 40}, {Name: "niche", Kind: "scan", Max: 40}, {Name: "until", Kind: "date", Value: string(domain.DateOf(c.now).AddMonths(12))}, {Name: "agreement", Kind: "text", Max: 60}}, scanFields(c)...)
		},
		do: doCremation(func(c *caseView, act domain.Act, f *form) cremation.CremationCommand {
			x, _ := c.share()
			out, in := c.scans(act, f)
			return cremation.DepositAshes{Act: act, Share: x.Share, Label: f.value("label"), From: x.Place, To: cremation.Place{Kind: cremation.InNiche, ID: f.value("niche")}, Out: out, In: in, Until: f.date("until"), Agreement: f.value("agreement"), Form: depositForm}
		}),
	},
	{
		name: "withdraw", op: "release_ashes", group: "cremation",
		ask: func(c *caseView) error {
			x, ok := c.share()
			return only(ok && x.Deposited.Agreement != "", func() error {
				act := c.candidate()
				return c.askCremation(cremation.WithdrawAshes{Act: act, Label: x.Label, From: x.Place, To: ashesRoom, Out: c.scan(act), In: c.scan(act)})
			})
		},
		fields: func(c *caseView) []field {
			return append([]field{{Name: "label", Kind: "scan", Max: 40}}, scanFields(c)...)
		},
		do: doCremation(func(c *caseView, act domain.Act, f *form) cremation.CremationCommand {
			x, _ := c.share()
			out, in := c.scans(act, f)
			return cremation.WithdrawAshes{Act: act, Share: x.Share, Label: f.value("label"), From: x.Place, To: ashesRoom, Out: out, In: in}
		}),
	},
	{
		name: "notice", op: "serve_ashes_notice", group: "cremation",
		ask: func(c *caseView) error {
			due := c.dueNotices()
			return only(len(due) > 0, func() error {
				n := due[0]
				return c.askCremation(cremation.ServeNotice{Act: c.candidate(), Share: n.Share, Clock: n.Clock, Step: n.Step, Way: cremation.ByCall, ServedOn: domain.DateOf(c.now), Schedule: handlers.NoticeSchedule(c.Parameters)})
			})
		},
		facts: func(c *caseView) (fs []fact) {
			for _, n := range c.Cremation.Notices(handlers.NoticeSchedule(c.Parameters)) {
				fs = append(fs, fact{c.noticeText(n), c.noticeState(n)})
			}
			return fs
		},
		fields: func(c *caseView) []field {
			var due []option
			for _, n := range c.dueNotices() {
				due = append(due, option{fmt.Sprintf("%d %s %d", n.Share, n.Clock, n.Step), c.noticeText(n)})
			}
			chosen := ""
			if len(due) > 0 {
				chosen = due[0].Value
			}
			return []field{{Name: "notice", Kind: "radio", Value: chosen, Options: due}, {Name: "notice_way", Kind: "radio", Options: options(c, "notice_way", cremation.NoticeWays)},
				{Name: "served_on", Kind: "date", Value: string(domain.DateOf(c.now))}, {Name: "reference", Kind: "text", Optional: true, Max: 100}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			x := cremation.ServeNotice{Act: act, Way: cremation.NoticeWay(f.Get("notice_way")), ServedOn: f.date("served_on"), Reference: sealed(c.Case.Handler.Person, f.value("reference"))}
			if parts := strings.Fields(f.Get("notice")); len(parts) == 3 {
				x.Clock = cremation.Clock(parts[1])
				x.Share, _ = strconv.Atoi(parts[0]) // none there is refused as such
				x.Step, _ = strconv.Atoi(parts[2])
			}
			if err := f.bad.Or(); err != nil {
				return events.Receipt{}, err
			}
			return c.desk.app.ServeNotice(c.ctx(), c.ID, x)
		},
	},
	{
		name: "code", op: "release_ashes", group: "cremation",
		ask: func(c *caseView) error {
			x, ok := c.share()
			return only(ok, func() error {
				return c.askCremation(cremation.IssueReleaseCode{Act: c.candidate(), Code: uuid.Must(uuid.NewV7()), Share: x.Share, To: x.Collector, Salt: strings.Repeat("0", 32), Hash: domain.Personal(x.Collector, strings.Repeat("0", 64))})
			})
		},
		facts: func(c *caseView) []fact {
			return []fact{{c.text("fact.code_to"), c.Case.Handler.Name.Or("—") + " " + maskPhone(c.Case.Handler.Phone.Or(""))}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			code, rc, err := c.desk.app.IssueCode(c.ctx(), handlers.IssueCode{Act: act, Case: c.ID})
			if err == nil && code != "" {
				c.say(c.text("desk.code", code))
			}
			return rc, err
		},
	},
	{
		name: "release", op: "release_ashes", group: "cremation", tell: true, final: true,
		ask: func(c *caseView) error {
			x, ok := c.share()
			return only(c.begun() && (ok || c.Cremation.Ashes.WeightG == 0), func() error {
				who := c.Cremation.Confirmation.Collector
				tail := handlers.CollectorTail(c.Case)
				return c.askCremation(cremation.ReleaseAshes{Act: c.candidate(), Share: x.Share, To: who, Name: domain.Personal(who, anything), Certificate: c.Cremation.Certificate, IDChecked: true,
					Code: "candidate", IDTail: tail, IDTailOf: tail, Receipt: domain.Personal(who, anything), Form: receiptForm})
			})
		},
		fields: func(c *caseView) []field {
			return []field{{Name: "code", Kind: "scan", Max: 12}, {Name: "certificate", Kind: "scan", Max: 40}, {Name: "collector", Kind: "text", Max: 60}, {Name: "collector_tail", Kind: "text", Max: 4},
				{Name: "id_checked", Kind: "check"}, {Name: "receipt", Kind: "text", Max: 60, Hint: "both_sign"}}
		},
		do: func(c *caseView, act domain.Act, f form) (events.Receipt, error) {
			rc, err := c.desk.app.ReleaseAshes(c.ctx(), handlers.ReleaseAshes{Act: act, Case: c.ID, Code: f.value("code"), Certificate: strings.ToUpper(f.value("certificate")), Name: f.value("collector"), IDTail: strings.ToUpper(f.value("collector_tail")),
				IDChecked: f.on("id_checked"), Receipt: f.value("receipt"), Form: receiptForm})
			return rc, err
		},
	},
}

var ashesRoom = cremation.Place{Kind: cremation.InAshesRoom, ID: "1"}

// share is the ashes in custody; false where none are, or where there are
// several.
func (c *caseView) share() (cremation.Share, bool) {
	var found []cremation.Share
	for _, x := range c.Cremation.Shares {
		if x.InCustody() {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		return cremation.Share{}, false
	}
	return found[0], true
}

// freshChecks are the checks of identity that still count for a start now.
func (c *caseView) freshChecks() (vs []cremation.IdentityVerified) {
	within := min(cremation.VerifyBeforeStart, c.Parameters.Duration(institution.VerificationMinutes))
	for _, v := range c.Cremation.Verified {
		if !v.At.After(c.now) && c.now.Sub(v.At) <= within {
			vs = append(vs, v)
		}
	}
	return vs
}
