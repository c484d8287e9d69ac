package cremation_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

func TestCertificate(t *testing.T) {
	spec := domaintest.For(Certificate)
	by := at("staff-desk", 0)
	registered, voided := CertificateRegistered{"N1", caseA, home}, CertificateVoided{"原件遗失", "N2"}
	t.Run("a number is registered to one case", func(t *testing.T) {
		spec.Given(t).When(RegisterCertificate{by, "N1", caseA, home}).Then(registered)
		spec.Given(t, registered).When(RegisterCertificate{by, "N1", caseB, home}).Rejects(ErrCertificateTaken)
		spec.Given(t).When(RegisterCertificate{by, "", caseA, home}).Rejects(ErrCertificateNumber)
		spec.Given(t).When(RegisterCertificate{by, "N1", uuid.Nil, home}).Rejects(ErrNoCase)
		spec.Given(t).When(RegisterCertificate{by, "N1", caseA, ""}).Rejects(ErrInstitution)
	})
	t.Run("a void number never returns", func(t *testing.T) {
		spec.Given(t, registered).When(VoidCertificate{by, "原件遗失", "N2"}).Then(voided)
		spec.Given(t, registered, voided).When(RegisterCertificate{by, "N1", caseA, home}).Rejects(ErrCertificateVoid)
		spec.Given(t, registered, voided).When(RegisterCertificate{by, "N1", caseB, home}).Rejects(ErrCertificateTaken)
		spec.Given(t).When(VoidCertificate{by, "x", ""}).Rejects(ErrCertificateUnknown)
		spec.Given(t, registered).When(VoidCertificate{by, "", ""}).Rejects(ErrCertificateReason)
	})
	t.Run("a certificate holds for its case until it is void", func(t *testing.T) {
		s := spec.Given(t, registered).State()
		if !s.Holds(caseA) || s.Holds(caseB) || s.Holds(uuid.Nil) {
			t.Errorf("%#v", s)
		}
		if s := spec.Given(t, registered, voided).State(); s.Holds(caseA) {
			t.Errorf("%#v", s)
		}
		if s := Certificate.Initial; s.Holds(uuid.Nil) {
			t.Error("no certificate holds for no case")
		}
	})
}

func TestCertificateHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Certificate, func(CertificateState) CertificateCommand {
			if rapid.Bool().Draw(t, "register") {
				return RegisterCertificate{at("staff-desk", 0), "N1", rapid.SampledFrom([]uuid.UUID{caseA, caseB}).Draw(t, "case"), home}
			}
			return VoidCertificate{at("staff-desk", 0), rapid.SampledFrom([]string{"", "x"}).Draw(t, "reason"), ""}
		}, func(s CertificateState, history []CertificateEvent) {
			registered := 0
			for _, e := range history {
				if _, ok := e.(CertificateRegistered); ok {
					registered++
				}
			}
			if registered != 1 || len(history) > 2 {
				t.Fatalf("%#v", history)
			}
		})
	})
}
