package cremation_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

// I9: a cremation whose end somebody saw is flagged exactly when it was shorter
// than the parameter; the flag says how short, and stops nothing.
func TestShortCremationsAtRandom(t *testing.T) {
	flags := 0
	domaintest.Check(t, func(t *rapid.T) {
		least := rapid.IntRange(0, 90).Draw(t, "parameter")
		took := time.Duration(rapid.IntRange(1, 120*60).Draw(t, "seconds")) * time.Second
		end := Complete{domaintest.At("staff-op", noon.Add(took)), least}
		seen := rapid.IntRange(0, 4).Draw(t, "seen") > 0
		if !seen {
			end.Estimated = true
		}
		s := Cremation.Fold(Cremation.Initial, burning...)
		es, err := Cremation.Decide(s, end)
		if err != nil {
			t.Fatal(err)
		}
		short := seen && least > 0 && took < time.Duration(least)*time.Minute
		s = Cremation.Fold(s, es...)
		if !s.Done || (len(s.Anomalies) > 0) != short || s.Completed.IsZero() == seen {
			t.Fatalf("%v with at least %d minutes, seen %v: %+v", took, least, seen, es)
		}
		if short {
			flags++
			if a := s.Anomalies[0].AnomalyFlagged; a != (AnomalyFlagged{TooShort, int(took / time.Second), least * 60}) {
				t.Fatalf("%+v", a)
			}
		}
		if _, err := Cremation.Decide(s, CollectAshes{at("staff-op", 130), 2350, 1, "T-0001", ashes.SealedBy}); err != nil {
			t.Fatalf("the flag stops what follows: %v", err)
		}
	}, &flags)
}

// I20: whatever is sent, no paper is recorded without the version of its form,
// and a cremation says under which rules it began: those of its reception.
func TestVersionsAtRandom(t *testing.T) {
	starts, certificates := 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom([]string{"", "DL-HH-2026.1", "HHZ-2026.1"})
		full := rapid.Bool().Draw(t, "full")
		d, first := Cremation, CremationEvent(received)
		if full {
			first = fully
		}
		d.Initial = d.Fold(d.Initial, first, death, verified1, verified2)
		rules := d.Initial.Rules
		domaintest.Random(t, d, func(s CremationState) CremationCommand {
			switch rapid.IntRange(0, 5).Draw(t, "command") {
			case 0:
				return SignConfirmation{at("staff-desk", 0), handler, handler, "", form.Draw(t, "form")}
			case 1:
				return Receive{at("staff-9", 0), caseA, "T-0001", caseA, home, "staff-desk", rapid.SampledFrom([]RuleSet{PapersOnly, FullCustody, "custody.9"}).Draw(t, "rules")}
			case 2:
				issued := domain.Date(rapid.SampledFrom([]string{"2026-06-30", "2026-07-01", "2026-11-22"}).Draw(t, "issued"))
				return RecordDeathCertificate{Act: at("staff-desk", 0), Form: rapid.SampledFrom([]Form{"", Form2013, Form2026}).Draw(t, "generation"), Number: death.Number, Issuer: "医院", IssuedOn: issued,
					CauseClass: death.CauseClass, Checked: true}
			case 3:
				c := with(start, func(c *Start) { c.Qualification, c.Authorised = "q", handler })
				c.Custody = Standing{caseA, "T-0001", true, Place{AtFurnace, furnace}, start.At.Add(-time.Minute)}
				return c
			case 4:
				return Complete{Act: at("staff-op", 70)}
			}
			return IssueCertificate{Act: at("staff-desk", 110), Number: rapid.SampledFrom([]string{"N1", "N2"}).Draw(t, "number"), Registered: caseA, Reissue: "遗失", Form: form.Draw(t, "form")}
		}, func(s CremationState, history []CremationEvent) {
			for _, e := range history {
				switch e := e.(type) {
				case ConfirmationSigned:
					if e.Form == "" {
						t.Fatalf("%+v", e)
					}
				case DeathCertificateRecorded:
					if e.Form != FormOn(e.IssuedOn) {
						t.Fatalf("%+v", e)
					}
				case Started:
					starts++
					if e.Rules != rules {
						t.Fatalf("received under %q, begun under %q", rules, e.Rules)
					}
				case CertificateIssued:
					certificates++
					if full && e.Form == "" {
						t.Fatalf("%+v", e)
					}
				}
			}
		})
	}, &starts, &certificates)
}
