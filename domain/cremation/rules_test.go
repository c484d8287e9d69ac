package cremation_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

// What FullCustody asks at the furnace besides the papers.
func TestStartUnderFullCustody(t *testing.T) {
	es := []CremationEvent{fully, death, signed, verified1, verified2}
	full := with(start, func(c *Start) {
		c.Qualification, c.Licence, c.Authorised = "FURNACE 0412", "辽民殡 7 号", handler
		c.Custody = Standing{caseA, "T-0001", true, Place{AtFurnace, furnace}, start.At.Add(-time.Minute)}
	})
	begun := with(started, func(e *Started) {
		e.Licence, e.Qualification, e.Rules = "辽民殡 7 号", "FURNACE 0412", FullCustody
	})
	t.Run("with everything it begins, and says under which rules", func(t *testing.T) {
		spec.Given(t, es...).When(full).Then(begun)
	})
	for name, c := range map[string]struct {
		change func(*Start)
		want   error
	}{
		"not without identification (I5)":             {func(c *Start) { c.Custody.Identified = false }, ErrNotIdentified},
		"not without custody":                         {func(c *Start) { c.Custody = Standing{} }, ErrNoCustody},
		"not with the custody of another case":        {func(c *Start) { c.Custody.Case = caseB }, ErrNoCustody},
		"not with another tag":                        {func(c *Start) { c.Custody.Tag = "T-0002" }, ErrNoCustody},
		"not while they lie elsewhere (I2)":           {func(c *Start) { c.Custody.Place = bay14 }, ErrNotAtFurnace},
		"not from before they came to the furnace":    {func(c *Start) { c.Custody.Since = c.At.Add(time.Minute) }, ErrBeforeFurnace},
		"not while they lie at another furnace":       {func(c *Start) { c.Custody.Place.ID = "other" }, ErrNotAtFurnace},
		"not without a qualified operator (I19)":      {func(c *Start) { c.Qualification = "" }, ErrQualification},
		"not without the institution's licence (I19)": {func(c *Start) { c.Licensed = false }, ErrLicence},
		"not for an applicant who lost the authority": {func(c *Start) { c.Authorised = neighbour }, ErrAuthority},
		"not for an applicant whom nobody authorised": {func(c *Start) { c.Authorised = "" }, ErrAuthority},
		"not with checks older than a shorter limit":  {func(c *Start) { c.VerifyWithin = 3 * time.Minute }, ErrNotVerified},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, es...).When(with(full, c.change)).Rejects(c.want) })
	}
	t.Run("ten minutes are the most that a parameter can allow", func(t *testing.T) {
		late := []CremationEvent{fully, death, signed, IdentityVerified{Verifier: "staff-1", At: noon.Add(-16 * time.Minute)}, verified2}
		spec.Given(t, late...).When(with(full, func(c *Start) { c.VerifyWithin = time.Hour })).Rejects(ErrNotVerified)
	})
	t.Run("a case keeps the rules under which it was received (I20)", func(t *testing.T) {
		spec.Given(t, ready...).When(start).Then(started)
		receive := Receive{at("staff-9", 0), caseA, "T-0001", caseA, home, "staff-desk", FullCustody}
		spec.Given(t).When(receive).Then(fully)
		spec.Given(t, received).When(receive).Rejects(ErrReceived)
		spec.Given(t).When(with(receive, func(c *Receive) { c.Rules = "custody.9" })).Rejects(ErrRules)
	})
	t.Run("the certificate names the version of its form (I20)", func(t *testing.T) {
		issue := IssueCertificate{Act: at("staff-desk", 110), Number: "DL2026000001", Registered: caseA, Form: "HHZ-2026.1"}
		spec.Given(t, burnt[:8]...).When(issue).Then(with(issued, func(e *CertificateIssued) { e.Form = "HHZ-2026.1" }))
		spec.Given(t, burnt[:8]...).When(with(issue, func(c *IssueCertificate) { c.Form = "" })).Rejects(ErrCertificateForm)
	})
	t.Run("a hold of infection control ends with the cremation", func(t *testing.T) {
		place := PlaceHold{at("staff-desk", 120), holdA, HoldInfectionControl, "疾控中心", ""}
		spec.Given(t, received).When(place).Then(HoldPlaced{holdA, HoldInfectionControl, "疾控中心", ""})
		spec.Given(t, burnt...).When(place).Rejects(ErrHoldOver)
		s := spec.Given(t, received, HoldPlaced{holdA, HoldInfectionControl, "疾控中心", ""}).State()
		if !s.HasOpen(HoldInfectionControl) || s.HasOpen(HoldPolice) {
			t.Error(s.OpenHolds())
		}
		meanwhile := append(slices.Clone(burnt[:6]), HoldPlaced{holdA, HoldInfectionControl, "疾控中心", ""})
		spec.Given(t, append(append(meanwhile, burnt[6:]...), codeSent)...).When(collect2).Then(gone)
	})
}

// Nobody starts under FullCustody unless every fact holds, whatever the mixture.
func TestStartFactsHistories(t *testing.T) {
	starts := 0
	domaintest.Check(t, func(t *rapid.T) {
		yes := func(label string) bool { return rapid.IntRange(0, 9).Draw(t, label) > 0 }
		identified, there, qualified, authorised, licensed, tagged := yes("identified"), yes("there"), yes("qualified"), yes("authorised"), yes("licensed"), yes("tag")
		close := yes("close")
		es := []CremationEvent{fully, death, signed, verified1, with(verified2, func(e *IdentityVerified) { e.Scanned, e.Compared = close, close })}
		alike := !yes("nobody alike")
		c := with(start, func(c *Start) {
			c.Licensed, c.Custody = licensed, Standing{Case: caseA, Tag: "T-0002", Identified: identified, Place: bay14}
			if tagged {
				c.Custody.Tag = "T-0001"
			}
			if there {
				c.Custody.Place = Place{AtFurnace, furnace}
			}
			if qualified {
				c.Qualification = "q"
			}
			if authorised {
				c.Authorised = handler
			}
			if alike {
				c.LookAlikes = append(c.LookAlikes, caseB)
			}
		})
		_, err := Cremation.Decide(Cremation.Fold(Cremation.Initial, es...), c)
		if want := identified && there && qualified && authorised && licensed && tagged && (close || !alike); (err == nil) != want {
			t.Fatalf("%#v: %v, want start %v", c, err, want)
		}
		if err == nil {
			starts++
		}
	}, &starts)
}

// I8: no decider of this package takes a time that has not come, a late one
// without a reason, or an act that nobody stands behind.
func TestTimesOfEveryCommand(t *testing.T) {
	act := at("staff-1", 0)
	future := with(act, func(a *domain.Act) { a.At = a.Now.Add(1) })
	late := with(act, func(a *domain.Act) { a.At = a.Now.Add(-25 * time.Hour) })
	nobody := with(act, func(a *domain.Act) { a.By = "" })
	check := func(name string, err error, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for _, c := range []struct {
		act  domain.Act
		want error
	}{{future, domain.ErrFuture}, {late, domain.ErrLate}, {nobody, domain.ErrNoActor}} {
		for _, cmd := range []CremationCommand{Receive{}, RecordDeathCertificate{}, SignConfirmation{}, RecordPolicePaper{}, PlaceHold{}, LiftHold{}, VerifyIdentity{}, Start{}, Complete{},
			IssueCertificate{}, CollectAshes{}, SplitAshes{}, MoveAshes{}, DepositAshes{}, ExtendDeposit{}, WithdrawAshes{}, PublishNotice{}, ServeNotice{}, IssueReleaseCode{}, ReleaseAshes{}, ProposeRest{}, ApproveRest{},
			RecordTelemetry{}, ExplainAnomaly{}, Correct{}, Clarify{}} {
			cmd = under(cmd, c.act).(CremationCommand)
			_, err := Cremation.Decide(Cremation.Fold(Cremation.Initial, burnt...), cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		for _, cmd := range []CustodyCommand{CollectRemains{}, Arrive{}, TagRemains{}, MoveRemains{}, RecordCondition{}, RecordPrecautions{}, ListBelongings{}, SettleBelongings{}, Identify{}, AskWaiver{},
			ApproveWaiver{}, BeginVigil{}, EndVigil{}, ExtendStorage{}, HandOverRemains{}, EndCustody{}} {
			cmd = under(cmd, c.act).(CustodyCommand)
			_, err := Custody.Decide(Custody.Fold(Custody.Initial, inBay...), cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		for _, cmd := range []ColdStoreCommand{Store{}, Remove{}, Relocate{}, Recount{}, SettleDiscrepancy{}} {
			cmd = under(cmd, c.act).(ColdStoreCommand)
			_, err := ColdStore.Decide(ColdStore.Initial, cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		for _, cmd := range []FurnaceCommand{Charge{}, InspectChamber{}, Empty{}, AbortCharge{}} {
			cmd = under(cmd, c.act).(FurnaceCommand)
			_, err := Furnace.Decide(Furnace.Initial, cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		for _, cmd := range []CertificateCommand{RegisterCertificate{}, CollectCertificate{}, FileCertificate{}, DeregisterCertificate{}, VoidCertificate{}} {
			cmd = under(cmd, c.act).(CertificateCommand)
			_, err := Certificate.Decide(Certificate.Initial, cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		for _, cmd := range []ShiftCommand{HandOverShift{}, TakeOverShift{}} {
			cmd = under(cmd, c.act).(ShiftCommand)
			_, err := Shift.Decide(Shift.Initial, cmd)
			check(reflect.TypeOf(cmd).Name(), err, c.want)
		}
		_, err := Telemetry.Decide(Telemetry.Initial, under(ReportFurnace{}, c.act).(ReportFurnace))
		check("ReportFurnace", err, c.want)
		_, err = Tag.Decide(Tag.Initial, IssueTag{Act: c.act})
		check("IssueTag", err, c.want)
	}
}

// under is the same command with another act.
func under(cmd domain.Command, a domain.Act) domain.Command {
	v := reflect.New(reflect.TypeOf(cmd)).Elem()
	v.Set(reflect.ValueOf(cmd))
	v.FieldByName("Act").Set(reflect.ValueOf(a))
	return v.Interface().(domain.Command)
}

// Earlier states stay what they were when later events are folded.
func TestPureEvolve(t *testing.T) {
	domaintest.Pure(t, Cremation, plus[CremationEvent](burnt, HoldPlaced{holdA, HoldDispute, "x", ""}, HoldLifted{holdA, HoldDispute, "x", ""}, AnomalyFlagged{TooShort, 1, 2}, AnomalyExplained{TooShort, "x", "y"},
		Corrected{holdA, FieldWeight, about("2350"), about("2351"), "x", ""}, Corrected{holdA, FieldCollector, about(string(handler)), about(string(neighbour)), "x", ""}, Clarified{holdA, "", about("x")},
		AshesMoved{1, ashesRoom, Place{InAshesRoom, "2"}, scan("a", 1), scan("b", 2)}, deposit, DepositExtended{1, "2029-01-01", "x"}, AshesWithdrawn{1, niche, ashesRoom, scan("a", 1), scan("b", 2)},
		NoticePublished{1, "x", "2026-11-23", ""}, NoticeServed{Share: 1, Step: 1, By: "x"}, NoticeServed{Share: 1, Step: 2, By: "x"}, codeSent, ReleaseCodeWrong{codeA, 1, holdA, "x"}, halved, RestProposed{2, "TREE", "x", "y"}, LaidToRest{2, "TREE", "x", "y", "z"}, with(gone, func(e *AshesReleased) { e.Share = 3 }))...)
	domaintest.Pure(t, Custody, plus[CustodyEvent](inBay, BelongingsListed{[]Item{{"1", about("x"), 1}}, "a", "b"}, BelongingsListed{[]Item{{"2", about("x"), 1}}, "a", "b"},
		BelongingsSettled{[]string{"1"}, HandedOver, handler, receipt, receipt, "a"}, BelongingsSettled{[]string{"2"}, LeftWith, handler, receipt, receipt, "a"}, identified, denied, safe)...)
	domaintest.Pure[ColdStoreState, ColdStoreCommand, ColdStoreEvent](t, ColdStore, storedB, storedA, fire, Recounted{Count: countA, Expected: 2, Missing: []string{"T-0001"}, By: "x"}, DiscrepancySettled{"T-0001", Bay{"cold-2", 1}, "x", "x", "y", "x"}, Removed{Bay{"cold-2", 2}, "T-0002"})
	domaintest.Pure[FurnaceState, FurnaceCommand, FurnaceEvent](t, Furnace, FurnaceCharged{caseA}, ChamberInspected{caseA, false, "x", "y"}, FurnaceEmptied{caseA, "y"})
	var reports []TelemetryEvent
	for n := range int64(70) {
		reports = append(reports, FurnaceReported{"plc-3", "k1", n + 1, SignalStart, noon, caseA})
	}
	domaintest.Pure(t, Telemetry, reports...)
}

// Every event has its name on the log, in this package's categories.
func TestWireNames(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range Wire {
		category, rest, _ := strings.Cut(w.Name, ".")
		switch category {
		case TagCategory, CustodyCategory, ColdStoreCategory, CremationCategory, FurnaceCategory, ShiftCategory, TelemetryCategory, CertificateCategory:
		default:
			t.Errorf("%s is in no category of this package", w.Name)
		}
		if seen[w.Name] || !strings.Contains(rest, ".v") {
			t.Errorf("%s", w.Name)
		}
		seen[w.Name] = true
	}
	for name, want := range map[string]any{
		"cremation.received.v1":           Received{},
		"cremation.identity_verified.v1":  IdentityVerified{},
		"cremation.started.v1":            Started{},
		"cremation.certificate_issued.v1": CertificateIssued{},
		"cremation.ashes_released.v1":     AshesReleased{Share: 1},
	} {
		for _, w := range Wire {
			if w.Name == name {
				if got := w.Event(w.New()); got != want {
					t.Errorf("%s reads as %#v", name, got)
				}
			}
		}
		if !seen[name] {
			t.Errorf("%s cannot be read any more", name)
		}
	}
}
