package cremation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

const (
	home      = domain.CreditCode("12210200422000019F")
	deceased  = domain.Subject("1f0a7c2e-0000-4000-8000-000000000001")
	handler   = domain.Subject("1f0a7c2e-0000-4000-8000-000000000002")
	neighbour = domain.Subject("1f0a7c2e-0000-4000-8000-000000000003")
	furnace   = "12210200422000019F.furnace-1"
)

var (
	spec  = domaintest.For(Cremation)
	caseA = uuid.MustParse("0193b000-0000-7000-8000-00000000000a")
	caseB = uuid.MustParse("0193b000-0000-7000-8000-00000000000b")
	holdA = uuid.MustParse("0193b000-0000-7000-8000-0000000000aa")
	noon  = domaintest.Noon
)

func at(account string, minutes int) domain.Act {
	return domaintest.At(account, noon.Add(time.Duration(minutes)*time.Minute))
}

func with[T any](v T, change func(*T)) T { change(&v); return v }

var (
	received = Received{caseA, "T-0001", home, "staff-desk", PapersOnly}
	death    = DeathCertificateRecorded{Form: Form2026, Number: domain.Personal(deceased, "210211193504120018"), Issuer: "大连市中心医院",
		IssuedOn: "2026-11-22", DeathDate: "2026-11-21", CauseClass: domain.Personal(deceased, Natural), Verified: true, Checker: "staff-desk"}
	signed    = ConfirmationSigned{handler, handler, "DL-HH-2026.1"}
	police    = PolicePaperRecorded{domain.Personal(deceased, "甘公证字 1 号"), "甘井子分局", "2026-11-22"}
	held      = HoldPlaced{holdA, HoldPolice, "甘井子分局", ""}
	lifted    = HoldLifted{holdA, HoldPolice, "甘井子分局", ""}
	verified1 = IdentityVerified{Verifier: "staff-1", At: noon.Add(-9 * time.Minute)}
	verified2 = IdentityVerified{Verifier: "staff-2", At: noon.Add(-4 * time.Minute)}
	started   = Started{Institution: home, Furnace: furnace, Operator: "staff-op", Verifiers: [2]string{"staff-1", "staff-2"}, At: noon}
	completed = Completed{home, furnace, noon.Add(70 * time.Minute)}
	ashes     = AshesCollected{2350, 1, "T-0001", [2]string{"staff-op", "staff-3"}}
	issued    = CertificateIssued{Number: "DL2026000001"}
	released  = AshesReleased{Share: 1, To: handler, Name: domain.Personal(handler, "沈念"), Certificate: "DL2026000001", Giver: "staff-desk"}

	ready = []CremationEvent{received, death, signed, verified1, verified2}
	start = Start{Act: at("staff-op", 0), Furnace: furnace, FurnaceCase: caseA, Licensed: true}
)

func TestReceive(t *testing.T) {
	receive := Receive{at("staff-9", 0), caseA, "T-0001", caseA, home, "staff-desk", PapersOnly}
	t.Run("remains are received with the tag of their case", func(t *testing.T) {
		spec.Given(t).When(receive).Then(received)
	})
	t.Run("a tag that was issued to another case is refused", func(t *testing.T) {
		spec.Given(t).When(with(receive, func(c *Receive) { c.TagCase = caseB })).Rejects(ErrTagNotIssued)
	})
	t.Run("a case keeps its tag for life", func(t *testing.T) {
		spec.Given(t, received).When(with(receive, func(c *Receive) { c.Tag = "T-0002" })).Rejects(ErrTagFixed)
	})
	t.Run("another institution cannot receive the case again", func(t *testing.T) {
		spec.Given(t, received).When(with(receive, func(c *Receive) { c.Institution = "12210281422000027L" })).Rejects(ErrReceived)
	})
	t.Run("a reception lacks nothing", func(t *testing.T) {
		spec.Given(t).When(with(receive, func(c *Receive) { c.Case = uuid.Nil })).Rejects(ErrNoCase)
		spec.Given(t).When(with(receive, func(c *Receive) { c.Tag = "" })).Rejects(ErrTagNeeded)
		spec.Given(t).When(with(receive, func(c *Receive) { c.Institution = "" })).Rejects(ErrInstitution)
		spec.Given(t).When(with(receive, func(c *Receive) { c.CaseCreator = "" })).Rejects(ErrCaseCreator)
	})
	t.Run("nothing is recorded before the reception", func(t *testing.T) {
		spec.Given(t).When(start).Rejects(ErrNotReceived)
		spec.Given(t).When(VerifyIdentity{Act: at("staff-1", 0), Tag: ""}).Rejects(ErrNotReceived)
	})
	t.Run("a time that has not come is refused", func(t *testing.T) {
		spec.Given(t).When(with(receive, func(c *Receive) { c.At = noon.Add(time.Second) })).Rejects(domain.ErrFuture)
	})
}

func TestDeathCertificate(t *testing.T) {
	record := RecordDeathCertificate{Act: at("staff-desk", 0), Form: Form2026, Number: death.Number, Issuer: death.Issuer,
		IssuedOn: death.IssuedOn, DeathDate: death.DeathDate, CauseClass: death.CauseClass, Checked: true}
	change := func(f func(*RecordDeathCertificate)) RecordDeathCertificate { return with(record, f) }
	t.Run("the paper is kept, with the account that compared it with the original", func(t *testing.T) {
		spec.Given(t, received).When(record).Then(death)
	})
	t.Run("a copy is kept as not verified", func(t *testing.T) {
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.Checked = false })).Then(with(death, func(e *DeathCertificateRecorded) { e.Verified, e.Checker = false, "" }))
	})
	t.Run("the form follows from the date of issue where it is not named", func(t *testing.T) {
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.Form = "" })).Then(death)
	})
	t.Run("a day of death that nobody knows stays empty", func(t *testing.T) {
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.DeathDate = "" })).Then(with(death, func(e *DeathCertificateRecorded) { e.DeathDate = "" }))
	})
	t.Run("the old form ends on 30 June 2026", func(t *testing.T) {
		old := func(on domain.Date, form Form) RecordDeathCertificate {
			return change(func(c *RecordDeathCertificate) {
				c.IssuedOn, c.DeathDate, c.Form, c.Number = on, on, form, domain.Personal(deceased, "0001234")
			})
		}
		spec.Given(t, received).When(old("2026-06-30", Form2026)).Rejects(ErrDeathForm)
		spec.Given(t, received).When(old("2026-07-01", Form2013)).Rejects(ErrDeathForm)
		spec.Given(t, received).When(old("2026-06-30", Form2013)).Then(with(death, func(e *DeathCertificateRecorded) {
			e.Form, e.IssuedOn, e.DeathDate, e.Number = Form2013, "2026-06-30", "2026-06-30", domain.Personal(deceased, "0001234")
		}))
	})
	for number, want := range map[string]error{
		"":                       ErrDeathNumber,
		"210211193504120019":     domain.ErrCitizenID, // check digit
		"12210200422000019F0042": nil,                 // no ID: issuer's code and serial
		"12210200422000019F004X": ErrDeathSerial,
		"12210200422000018F0042": ErrDeathSerial,
		"E12345678":              nil, // passport
	} {
		t.Run("a number of the new form: "+number, func(t *testing.T) {
			out := spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.Number = domain.Personal(deceased, number) }))
			if want != nil {
				out.Rejects(want)
				return
			}
			out.Then(with(death, func(e *DeathCertificateRecorded) { e.Number = domain.Personal(deceased, number) }))
		})
	}
	t.Run("days exist, are past, and in order", func(t *testing.T) {
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.IssuedOn = "2026-11-24" })).Rejects(ErrDay)
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.DeathDate = "2026-11-23" })).Rejects(ErrDay)
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.IssuedOn = "2026-11-31" })).Rejects(ErrDay)
	})
	t.Run("issuer and class of cause are named", func(t *testing.T) {
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.Issuer = "" })).Rejects(ErrIssuer)
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.CauseClass = domain.Private[CauseClass]{} })).Rejects(ErrCause)
		spec.Given(t, received).When(change(func(c *RecordDeathCertificate) { c.CauseClass = domain.Personal(deceased, CauseClass("OLD_AGE")) })).Rejects(ErrCause)
	})
	t.Run("a corrected certificate asks for new checks of identity", func(t *testing.T) {
		other := with(death, func(e *DeathCertificateRecorded) { e.Issuer = "大连市第二医院" })
		spec.Given(t, append(slices.Clone(ready), other)...).When(start).Rejects(ErrNotVerified)
	})
	t.Run("once the cremation has begun the papers stay as they are", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(ready), started)...).When(change(func(c *RecordDeathCertificate) { c.Issuer = "x" })).Rejects(ErrUnderway)
		spec.Given(t, append(slices.Clone(ready), started)...).When(record).Then()
	})
}

func TestConfirmationAndPolice(t *testing.T) {
	sign := SignConfirmation{at("staff-desk", 0), handler, handler, "", "DL-HH-2026.1"}
	t.Run("the handler of the case signs", func(t *testing.T) {
		spec.Given(t, received).When(sign).Then(signed)
	})
	t.Run("and may name who collects the ashes", func(t *testing.T) {
		spec.Given(t, received).When(with(sign, func(c *SignConfirmation) { c.Collector = neighbour })).Then(ConfirmationSigned{handler, neighbour, "DL-HH-2026.1"})
	})
	t.Run("nobody else signs", func(t *testing.T) {
		spec.Given(t, received).When(with(sign, func(c *SignConfirmation) { c.Applicant = neighbour })).Rejects(ErrNotApplicant)
		spec.Given(t, received).When(with(sign, func(c *SignConfirmation) { c.Applicant, c.Authorised = "", "" })).Rejects(ErrNotApplicant)
	})
	t.Run("the form's version is named", func(t *testing.T) {
		spec.Given(t, received).When(with(sign, func(c *SignConfirmation) { c.Form = "" })).Rejects(ErrConfirmationForm)
	})
	t.Run("nothing is signed after the start", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(ready), started)...).When(with(sign, func(c *SignConfirmation) { c.Collector = neighbour })).Rejects(ErrUnderway)
	})
	paper := RecordPolicePaper{at("staff-desk", 0), police.Number, police.Issuer, police.IssuedOn}
	t.Run("the police paper is kept", func(t *testing.T) {
		spec.Given(t, received).When(paper).Then(police)
		spec.Given(t, received).When(with(paper, func(c *RecordPolicePaper) { c.IssuedOn = "2026-11-23" })).Then(with(police, func(e *PolicePaperRecorded) { e.IssuedOn = "2026-11-23" }))
	})
	t.Run("with its number, issuer and day", func(t *testing.T) {
		spec.Given(t, received).When(with(paper, func(c *RecordPolicePaper) { c.Number = domain.Private[string]{} })).Rejects(ErrPolicePaper)
		spec.Given(t, received).When(with(paper, func(c *RecordPolicePaper) { c.Issuer = "" })).Rejects(ErrIssuer)
		spec.Given(t, received).When(with(paper, func(c *RecordPolicePaper) { c.IssuedOn = "2026-11-24" })).Rejects(ErrDay)
		spec.Given(t, append(slices.Clone(ready), started)...).When(paper).Rejects(ErrUnderway)
	})
}

func TestHolds(t *testing.T) {
	place := PlaceHold{at("staff-desk", 0), holdA, HoldPolice, "甘井子分局", ""}
	lift := LiftHold{Act: at("staff-desk", 0), Hold: holdA, Authority: "甘井子分局"}
	t.Run("a hold stops the cremation", func(t *testing.T) {
		spec.Given(t, received).When(place).Then(held)
		spec.Given(t, append(slices.Clone(ready), held)...).When(start).Rejects(ErrHeld)
	})
	t.Run("and the release of the ashes", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(ready), started, completed, ashes, issued, held)...).
			When(ReleaseAshes{Act: at("staff-desk", 90), To: handler, Name: released.Name, Certificate: "DL2026000001", IDChecked: true}).Rejects(ErrHeld)
	})
	t.Run("the authority that placed it lifts it", func(t *testing.T) {
		spec.Given(t, received, held).When(lift).Then(lifted)
		spec.Given(t, append(slices.Clone(ready), held, lifted)...).When(start).Then(started)
	})
	t.Run("or a paper of that authority does", func(t *testing.T) {
		spec.Given(t, received, held).When(LiftHold{at("staff-desk", 0), holdA, "海晏殡仪馆", "甘公函 7 号", "甘井子分局"}).
			Then(with(lifted, func(e *HoldLifted) { e.Paper = "甘公函 7 号" }))
	})
	t.Run("nobody else lifts it", func(t *testing.T) {
		spec.Given(t, received, held).When(with(lift, func(c *LiftHold) { c.Authority = "海晏殡仪馆" })).Rejects(ErrHoldAuthority)
		spec.Given(t, received, held).When(LiftHold{at("staff-desk", 0), holdA, "海晏殡仪馆", "函 1 号", "海晏殡仪馆"}).Rejects(ErrHoldAuthority)
		spec.Given(t, received, held).When(LiftHold{at("staff-desk", 0), holdA, "", "", "甘井子分局"}).Rejects(ErrHoldAuthority)
	})
	t.Run("a hold says what it is", func(t *testing.T) {
		spec.Given(t, received).When(with(place, func(c *PlaceHold) { c.Kind = "WEATHER" })).Rejects(ErrHoldNeeded)
		spec.Given(t, received).When(with(place, func(c *PlaceHold) { c.Authority = "" })).Rejects(ErrHoldNeeded)
		spec.Given(t, received, held).When(with(place, func(c *PlaceHold) { c.Kind = HoldCourt })).Rejects(ErrHoldExists)
		spec.Given(t, received).When(lift).Rejects(ErrHoldUnknown)
	})
	t.Run("two holds are lifted one by one", func(t *testing.T) {
		court := HoldPlaced{caseB, HoldCourt, "甘井子区人民法院", "民初 1 号"}
		spec.Given(t, append(slices.Clone(ready), held, court, lifted)...).When(start).Rejects(ErrHeld)
	})
}

func TestVerifyIdentity(t *testing.T) {
	verify := VerifyIdentity{Act: at("staff-1", -9), Tag: "T-0001"}
	t.Run("one person compares tag, papers and remains", func(t *testing.T) {
		spec.Given(t, received, death).When(verify).Then(verified1)
	})
	t.Run("not the one who opened the case", func(t *testing.T) {
		spec.Given(t, received, death).When(VerifyIdentity{Act: at("staff-desk", 0), Tag: "T-0001"}).Rejects(ErrVerifierCreator)
	})
	t.Run("not against another tag", func(t *testing.T) {
		spec.Given(t, received, death).When(with(verify, func(c *VerifyIdentity) { c.Tag = "T-0002" })).Rejects(ErrTagOther)
	})
	t.Run("not without a death certificate to compare with", func(t *testing.T) {
		spec.Given(t, received).When(verify).Rejects(ErrNoDeathCertificate)
	})
	t.Run("not at a time that is unknown or guessed", func(t *testing.T) {
		spec.Given(t, received, death).When(with(verify, func(c *VerifyIdentity) { c.At = time.Time{} })).Rejects(ErrTimeNeeded)
		spec.Given(t, received, death).When(with(verify, func(c *VerifyIdentity) { c.Estimated = true })).Rejects(ErrTimeNeeded)
	})
	t.Run("not after the start", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(ready), started)...).When(VerifyIdentity{Act: at("staff-3", 1), Tag: "T-0001"}).Rejects(ErrUnderway)
	})
}

func TestStart(t *testing.T) {
	without := func(drop CremationEvent) []CremationEvent {
		return slices.DeleteFunc(slices.Clone(ready), func(e CremationEvent) bool { return e == drop })
	}
	swap := func(old, by CremationEvent) []CremationEvent {
		es := slices.Clone(ready)
		es[slices.Index(es, old)] = by
		return es
	}
	t.Run("with both papers, two verifiers and a charged furnace it begins", func(t *testing.T) {
		spec.Given(t, ready...).When(start).Then(started)
	})
	for name, c := range map[string]struct {
		given []CremationEvent
		want  error
	}{
		"no start without a death certificate":     {[]CremationEvent{received, signed}, ErrNoDeathCertificate},
		"no start on an unverified certificate":    {swap(death, with(death, func(e *DeathCertificateRecorded) { e.Verified = false })), ErrDeathUnverified},
		"no start without the confirmation":        {without(signed), ErrNoConfirmation},
		"no start with one verifier":               {without(verified2), ErrNotVerified},
		"one person twice is one person":           {swap(verified2, IdentityVerified{Verifier: "staff-1", At: noon.Add(-4 * time.Minute)}), ErrNotVerified},
		"verifiers are at most 10 minutes apart":   {swap(verified1, IdentityVerified{Verifier: "staff-1", At: noon.Add(-14*time.Minute - time.Second)}), ErrNotVerified},
		"exactly 10 minutes apart is in time":      {swap(verified1, IdentityVerified{Verifier: "staff-1", At: noon.Add(-14 * time.Minute)}), nil},
		"the start follows within 10 minutes":      {[]CremationEvent{received, death, signed, IdentityVerified{Verifier: "staff-1", At: noon.Add(-12 * time.Minute)}, IdentityVerified{Verifier: "staff-2", At: noon.Add(-11 * time.Minute)}}, ErrNotVerified},
		"a check after the start does not count":   {swap(verified2, IdentityVerified{Verifier: "staff-2", At: noon.Add(time.Minute)}), ErrNotVerified},
		"checks reported out of order count":       {[]CremationEvent{received, death, signed, verified2, verified1}, nil},
		"unnatural death needs the police paper":   {[]CremationEvent{received, with(death, func(e *DeathCertificateRecorded) { e.CauseClass = domain.Personal(deceased, Unnatural) }), signed, verified1, verified2}, ErrNoPolicePaper},
		"unknown is never treated as natural":      {[]CremationEvent{received, with(death, func(e *DeathCertificateRecorded) { e.CauseClass = domain.Personal(deceased, Unknown) }), signed, verified1, verified2}, ErrNoPolicePaper},
		"with the police paper it begins":          {[]CremationEvent{received, with(death, func(e *DeathCertificateRecorded) { e.CauseClass = domain.Personal(deceased, Unknown) }), police, signed, verified1, verified2}, nil},
		"what is forgotten reads as unknown":       {swap(death, with(death, func(e *DeathCertificateRecorded) { e.CauseClass.SetForgotten(deceased) })), ErrNoPolicePaper},
		"an identity hold stops it like any other": {append(slices.Clone(ready), HoldPlaced{holdA, HoldIdentity, "海晏殡仪馆", ""}), ErrHeld},
	} {
		t.Run(name, func(t *testing.T) {
			out := spec.Given(t, c.given...).When(start)
			if c.want != nil {
				out.Rejects(c.want)
				return
			}
			out.Then(started)
		})
	}
	t.Run("the furnace holds this case and no other", func(t *testing.T) {
		spec.Given(t, ready...).When(with(start, func(c *Start) { c.FurnaceCase = caseB })).Rejects(ErrFurnaceNotCharged)
		spec.Given(t, ready...).When(with(start, func(c *Start) { c.FurnaceCase = uuid.Nil })).Rejects(ErrFurnaceNotCharged)
	})
	t.Run("the licence is valid on the day", func(t *testing.T) {
		spec.Given(t, ready...).When(with(start, func(c *Start) { c.Licensed = false })).Rejects(ErrLicence)
	})
	t.Run("at a time that is known", func(t *testing.T) {
		spec.Given(t, ready...).When(with(start, func(c *Start) { c.Estimated = true })).Rejects(ErrTimeNeeded)
	})
	t.Run("it begins once", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(ready), started)...).When(with(start, func(c *Start) { c.Furnace = "other" })).Rejects(ErrUnderway)
		spec.Given(t, append(slices.Clone(ready), started)...).When(start).Then()
	})
	t.Run("a refusal says why in both languages, with its basis", func(t *testing.T) {
		_, err := Cremation.Decide(Cremation.Fold(Cremation.Initial, append(slices.Clone(ready), held)...), start)
		r, ok := errors.AsType[*domain.Rejection](err)
		if !ok || r.Text("zh") != "本业务处于暂停中（公安机关），解除后再办理。" || r.Text("en") != "The case is on hold (police); this waits until the hold is lifted." {
			t.Errorf("%v", err)
		}
		if ErrNoConfirmation.Basis != "殡葬管理条例（2026）：殡仪馆应当凭死亡证明和火化确认书火化遗体" || ErrNoConfirmation.Rule != "I3" {
			t.Error(ErrNoConfirmation.Rule, ErrNoConfirmation.Basis)
		}
	})
}

func TestAfterTheStart(t *testing.T) {
	burning := append(slices.Clone(ready), started)
	done := append(slices.Clone(burning), completed)
	t.Run("it is completed after it began", func(t *testing.T) {
		spec.Given(t, burning...).When(Complete{Act: at("staff-op", 70)}).Then(completed)
		spec.Given(t, burning...).When(Complete{Act: at("staff-op", 0)}).Rejects(ErrBeforeStart)
		spec.Given(t, ready...).When(Complete{Act: at("staff-op", 70)}).Rejects(ErrNotStarted)
		spec.Given(t, done...).When(Complete{Act: at("staff-op", 80)}).Rejects(ErrCompleted)
		spec.Given(t, burning...).When(Complete{Act: with(at("staff-op", 70), func(a *domain.Act) { a.At = time.Time{} })}).Then(Completed{Institution: home, Furnace: furnace})
		spec.Given(t, burning...).When(Complete{Act: with(at("staff-op", 70), func(a *domain.Act) { a.At = a.Now.Add(1) })}).Rejects(domain.ErrFuture)
	})
	collect := CollectAshes{at("staff-op", 100), 2350, 1, "T-0001", ashes.SealedBy}
	t.Run("ashes are weighed, labelled from the case and sealed by two", func(t *testing.T) {
		spec.Given(t, done...).When(collect).Then(ashes)
		spec.Given(t, burning...).When(collect).Rejects(ErrNotCompleted)
		spec.Given(t, done...).When(with(collect, func(c *CollectAshes) { c.WeightG = 0 })).Rejects(ErrAshWeight)
		spec.Given(t, done...).When(with(collect, func(c *CollectAshes) { c.Containers = 0 })).Rejects(ErrAshContainers)
		spec.Given(t, done...).When(with(collect, func(c *CollectAshes) { c.Label = "T-0002" })).Rejects(ErrAshLabel)
		spec.Given(t, done...).When(with(collect, func(c *CollectAshes) { c.SealedBy = [2]string{"staff-op", "staff-op"} })).Rejects(ErrAshSeal)
		spec.Given(t, done...).When(with(collect, func(c *CollectAshes) { c.SealedBy = [2]string{"staff-op", ""} })).Rejects(ErrAshSeal)
		spec.Given(t, append(slices.Clone(done), ashes)...).When(with(collect, func(c *CollectAshes) { c.WeightG = 1 })).Rejects(ErrAshesCollected)
	})
	issue := IssueCertificate{Act: at("staff-desk", 110), Number: "DL2026000001", Registered: caseA}
	again := IssueCertificate{Act: at("staff-desk", 200), Number: "DL2026000002", Registered: caseA, Reissue: "原件遗失"}
	t.Run("the certificate is issued once, under a number registered to the case", func(t *testing.T) {
		spec.Given(t, done...).When(issue).Then(issued)
		spec.Given(t, burning...).When(issue).Rejects(ErrNotCompleted)
		spec.Given(t, done...).When(with(issue, func(c *IssueCertificate) { c.Number = "" })).Rejects(ErrCertificateNumber)
		spec.Given(t, done...).When(with(issue, func(c *IssueCertificate) { c.Registered = caseB })).Rejects(ErrCertificateOther)
		spec.Given(t, append(slices.Clone(done), issued)...).When(with(again, func(c *IssueCertificate) { c.Reissue = "" })).Rejects(ErrCertificateIssued)
	})
	reissued := CertificateIssued{Number: "DL2026000002", Replaces: "DL2026000001", Reason: "原件遗失"}
	t.Run("a reissue names the number that it voids, and that one never returns", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(done), issued)...).When(again).Then(reissued)
		spec.Given(t, append(slices.Clone(done), issued, reissued)...).When(with(issue, func(c *IssueCertificate) { c.Reissue = "找到" })).Rejects(ErrCertificateVoid)
	})
	cold := append(slices.Clone(done), ashes, issued)
	release := ReleaseAshes{Act: at("staff-desk", 120), To: handler, Name: released.Name, Certificate: "DL2026000001", IDChecked: true}
	t.Run("ashes go once to the person named in the confirmation", func(t *testing.T) {
		spec.Given(t, cold...).When(release).Then(released)
		spec.Given(t, cold...).When(with(release, func(c *ReleaseAshes) { c.To = neighbour })).Rejects(ErrNotCollector)
		spec.Given(t, append(slices.Clone(cold), released)...).When(with(release, func(c *ReleaseAshes) { c.To = neighbour })).Rejects(ErrReleased)
		spec.Given(t, append(slices.Clone(cold), released)...).When(PlaceHold{at("staff-desk", 130), holdA, HoldDispute, "海晏殡仪馆", ""}).Rejects(ErrReleased)
	})
	t.Run("against the valid certificate and the identity card", func(t *testing.T) {
		spec.Given(t, append(slices.Clone(done), issued)...).When(release).Rejects(ErrNoAshes)
		spec.Given(t, append(slices.Clone(done), ashes)...).When(release).Rejects(ErrNoCertificate)
		spec.Given(t, append(slices.Clone(cold), reissued)...).When(release).Rejects(ErrNoCertificate)
		spec.Given(t, cold...).When(with(release, func(c *ReleaseAshes) { c.IDChecked = false })).Rejects(ErrCollectorID)
		spec.Given(t, cold...).When(with(release, func(c *ReleaseAshes) { c.Name = domain.Private[string]{} })).Rejects(ErrCollectorID)
	})
	t.Run("ashes have one custodian from completion on", func(t *testing.T) {
		for _, c := range []struct {
			given []CremationEvent
			want  Custodian
		}{{burning, Custodian{}}, {done, Custodian{Institution: home}}, {cold, Custodian{Institution: home}}, {append(slices.Clone(cold), released), Custodian{Person: handler}}} {
			if got := spec.Given(t, c.given...).State().Custodian(); got != c.want {
				t.Errorf("after %d events: %v, want %v", len(c.given), got, c.want)
			}
		}
	})
}

// Asked again for what is already so, by somebody who does not know it, nothing
// happens and nobody is told off.
func TestAskedAgain(t *testing.T) {
	all := append(slices.Clone(ready), started, completed, ashes, issued, released)
	for name, c := range map[string]struct {
		given []CremationEvent
		again CremationCommand
	}{
		"reception":    {all, Receive{at("staff-9", 0), caseA, "T-0001", caseA, home, "staff-desk", PapersOnly}},
		"confirmation": {all, SignConfirmation{at("staff-desk", 0), handler, handler, "", "DL-HH-2026.1"}},
		"police paper": {[]CremationEvent{received, police}, RecordPolicePaper{at("staff-desk", 0), police.Number, police.Issuer, police.IssuedOn}},
		"hold":         {[]CremationEvent{received, held}, PlaceHold{at("staff-desk", 0), holdA, HoldPolice, "甘井子分局", ""}},
		"lifted hold":  {[]CremationEvent{received, held, lifted}, LiftHold{Act: at("staff-desk", 0), Hold: holdA, Authority: "甘井子分局"}},
		"check":        {ready, VerifyIdentity{Act: at("staff-1", -9), Tag: "T-0001"}},
		"start":        {all, start},
		"end":          {all, Complete{Act: at("staff-op", 70)}},
		"ashes":        {all, CollectAshes{at("staff-op", 100), 2350, 1, "T-0001", ashes.SealedBy}},
		"certificate":  {all, IssueCertificate{Act: at("staff-desk", 110), Number: "DL2026000001", Registered: caseA}},
		"release":      {all, ReleaseAshes{Act: at("staff-desk", 120), To: handler, Name: released.Name, Certificate: "DL2026000001", IDChecked: true}},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, c.given...).When(c.again).Then() })
	}
}

// Whatever is sent in whatever order: no start without both papers, two
// verifiers and closed holds (I3, I4), and afterwards everything once (I10, I11,
// I13).
func TestCremationHistories(t *testing.T) {
	starts := 0
	domaintest.Check(t, func(t *rapid.T) {
		minute := 0
		staff := rapid.SampledFrom([]string{"staff-desk", "staff-1", "staff-2"})
		hold := rapid.SampledFrom([]uuid.UUID{holdA, caseB})
		yes := func(label string) bool { return rapid.IntRange(0, 7).Draw(t, label) > 0 } // mostly
		subject := func() domain.Subject {
			if yes("handler") {
				return handler
			}
			return neighbour
		}
		number := rapid.SampledFrom([]string{"N1", "N2", "N3"})
		draw := func(s CremationState) CremationCommand {
			minute += rapid.IntRange(0, 4).Draw(t, "minutes")
			act := at(staff.Draw(t, "by"), minute)
			switch n := rapid.IntRange(0, 15).Draw(t, "command"); n {
			case 0:
				return Receive{act, caseA, "T-0001", caseA, home, "staff-desk", PapersOnly}
			case 1:
				cause := rapid.SampledFrom([]CauseClass{Natural, Natural, Unknown}).Draw(t, "cause")
				return RecordDeathCertificate{Act: act, Number: death.Number, Issuer: "医院", IssuedOn: "2026-11-22", CauseClass: domain.Personal(deceased, cause), Checked: yes("checked")}
			case 2:
				return SignConfirmation{act, subject(), handler, "", "v1"}
			case 3:
				return RecordPolicePaper{act, police.Number, police.Issuer, police.IssuedOn}
			case 4:
				return PlaceHold{act, hold.Draw(t, "hold"), HoldDispute, "甲", ""}
			case 5, 6:
				return LiftHold{Act: act, Hold: hold.Draw(t, "hold"), Authority: rapid.SampledFrom([]string{"甲", "甲", "乙"}).Draw(t, "authority")}
			case 7, 8, 9:
				return VerifyIdentity{Act: act, Tag: "T-0001"}
			case 10, 11:
				return Start{Act: act, Furnace: furnace, FurnaceCase: rapid.SampledFrom([]uuid.UUID{caseA, caseA, caseB}).Draw(t, "charged"), Licensed: yes("licensed")}
			case 12:
				return Complete{Act: act}
			case 13:
				return CollectAshes{act, rapid.IntRange(0, 3000).Draw(t, "weight"), 1, "T-0001", [2]string{staff.Draw(t, "seal"), staff.Draw(t, "seal")}}
			case 14:
				return IssueCertificate{Act: act, Number: number.Draw(t, "number"), Registered: caseA, Reissue: rapid.SampledFrom([]string{"", "遗失"}).Draw(t, "reissue")}
			default:
				return ReleaseAshes{Act: act, To: subject(), Name: released.Name, Certificate: s.Certificate, IDChecked: yes("id")}
			}
		}
		// A third of the histories begin in front of the furnace, so that the later
		// rules see work too.
		d := Cremation
		if rapid.IntRange(0, 2).Draw(t, "ready") == 0 {
			d.Initial = d.Fold(d.Initial, ready...)
		}
		domaintest.Random(t, d, draw, func(s CremationState, history []CremationEvent) {
			open, count := map[uuid.UUID]bool{}, map[string]int{}
			numbers := map[string]bool{}
			for _, e := range history {
				switch e := e.(type) {
				case HoldPlaced:
					open[e.Hold] = true
				case HoldLifted:
					delete(open, e.Hold)
				case Started:
					starts++
					count["start"]++
					if len(open) > 0 || e.Verifiers[0] == e.Verifiers[1] || slices.Contains(e.Verifiers[:], "staff-desk") || slices.Contains(e.Verifiers[:], "") {
						t.Fatalf("started with holds %v and verifiers %v", open, e.Verifiers)
					}
					if s.Death.Form == "" || !s.Death.Verified || s.Confirmation.Applicant != handler || s.Death.CauseClass.Or(Unknown) != Natural && s.Police.Issuer == "" {
						t.Fatalf("started without papers: %#v", s)
					}
				case Completed:
					count["complete"]++
				case AshesCollected:
					count["collect"]++
					if e.SealedBy[0] == e.SealedBy[1] || e.WeightG <= 0 {
						t.Fatalf("%#v", e)
					}
				case CertificateIssued:
					if numbers[e.Number] || (len(numbers) > 0) != (e.Replaces != "") {
						t.Fatalf("%#v after %v", e, numbers)
					}
					numbers[e.Number] = true
				case AshesReleased:
					count["release"]++
					if len(open) > 0 || e.To != handler {
						t.Fatalf("%#v with holds %v", e, open)
					}
				}
			}
			for what, n := range count {
				if n > 1 {
					t.Fatalf("%s %d times", what, n)
				}
			}
			if c := s.Custodian(); (c.Institution != "") == (c.Person != "") && !s.Completed.IsZero() {
				t.Fatalf("custodian %v", c)
			}
		})
	}, &starts)
}

// The two checks decide a start exactly as I4 words it, whatever their order.
func TestVerifierPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) IdentityVerified {
			return IdentityVerified{Verifier: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who"), At: noon.Add(-time.Duration(rapid.IntRange(-3, 25).Draw(t, "minutes")) * time.Minute)}
		}), 0, 6).Draw(t, "checks")
		es := []CremationEvent{received, death, signed}
		want := false
		for i, a := range checks {
			es = append(es, a)
			for _, b := range checks[:i] {
				later := a.At
				if b.At.After(later) {
					later = b.At
				}
				want = want || a.Verifier != b.Verifier && a.At.Sub(b.At).Abs() <= 10*time.Minute && !later.After(noon) && noon.Sub(later) <= 10*time.Minute
			}
		}
		_, err := Cremation.Decide(Cremation.Fold(Cremation.Initial, es...), start)
		if (err == nil) != want {
			t.Fatalf("%v: %v, want start %v", checks, err, want)
		}
	})
}
