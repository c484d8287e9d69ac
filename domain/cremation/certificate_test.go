package cremation_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
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

// I13, C-5: issue, collection, registration, filing, deregistration and voiding
// are events.
func TestCertificateLife(t *testing.T) {
	spec := domaintest.For(Certificate)
	by := at("staff-desk", 0)
	registered, voided := CertificateRegistered{"N1", caseA, home}, CertificateVoided{"原件遗失", "N2"}
	name := domain.Personal(handler, "沈念")
	taken := CertificateCollected{handler, name, receipt, "staff-desk"}
	collect := CollectCertificate{by, handler, name, receipt, true}
	t.Run("the paper is collected once, against a signature", func(t *testing.T) {
		spec.Given(t, registered).When(collect).Then(taken)
		spec.Given(t, registered).When(with(collect, func(c *CollectCertificate) { c.Issued = false })).Rejects(ErrCertificateNotIssued)
		spec.Given(t, registered).When(with(collect, func(c *CollectCertificate) { c.Receipt = domain.Private[string]{} })).Rejects(ErrCertificateReceipt)
		spec.Given(t, registered).When(with(collect, func(c *CollectCertificate) { c.To = "" })).Rejects(ErrCertificateReceipt)
		spec.Given(t, registered, taken).When(with(collect, func(c *CollectCertificate) { c.To = neighbour })).Rejects(ErrCertificateCollected)
		spec.Given(t, registered, voided).When(collect).Rejects(ErrCertificateVoid)
		spec.Given(t).When(collect).Rejects(ErrCertificateUnknown)
	})
	t.Run("the counterfoil goes on file", func(t *testing.T) {
		spec.Given(t, registered).When(FileCertificate{by, "档 2026-7"}).Then(CertificateFiled{"档 2026-7"})
		spec.Given(t, registered, CertificateFiled{"档 2026-7"}).When(FileCertificate{by, "档 2026-8"}).Rejects(ErrCertificateFile)
		spec.Given(t, registered).When(FileCertificate{by, ""}).Rejects(ErrCertificateFile)
		spec.Given(t).When(FileCertificate{by, "x"}).Rejects(ErrCertificateUnknown)
	})
	off := DeregisterCertificate{by, "打印作废", "核销 1 号", false}
	t.Run("a number that was spoiled is taken off the register, a valid one is not", func(t *testing.T) {
		spec.Given(t, registered).When(off).Then(CertificateDeregistered{"打印作废", "核销 1 号", "staff-desk"})
		spec.Given(t, registered).When(with(off, func(c *DeregisterCertificate) { c.Valid = true })).Rejects(ErrCertificateInUse)
		spec.Given(t, registered).When(with(off, func(c *DeregisterCertificate) { c.Paper = "" })).Rejects(ErrCertificateReason)
		spec.Given(t, registered, CertificateDeregistered{"x", "x", "x"}).When(RegisterCertificate{by, "N1", caseA, home}).Rejects(ErrCertificateVoid)
		spec.Given(t).When(off).Rejects(ErrCertificateUnknown)
	})
	t.Run("the public check says valid, void or unknown, and names nobody", func(t *testing.T) {
		for _, c := range []struct {
			given []CertificateEvent
			want  PublicCheck
		}{
			{nil, PublicCheck{Validity: "unknown"}},
			{[]CertificateEvent{registered}, PublicCheck{"valid", home}},
			{[]CertificateEvent{registered, taken}, PublicCheck{"valid", home}},
			{[]CertificateEvent{registered, taken, voided}, PublicCheck{"void", home}},
			{[]CertificateEvent{registered, CertificateDeregistered{"x", "x", "x"}}, PublicCheck{"void", home}},
		} {
			if got := spec.Given(t, c.given...).State().Check(); got != c.want {
				t.Errorf("after %v: %v, want %v", c.given, got, c.want)
			}
		}
	})
}

func TestCertificateHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domaintest.Random(t, Certificate, func(CertificateState) CertificateCommand {
			by := at("staff-desk", 0)
			switch rapid.IntRange(0, 5).Draw(t, "command") {
			case 0, 1:
				return RegisterCertificate{by, "N1", rapid.SampledFrom([]uuid.UUID{caseA, caseB}).Draw(t, "case"), home}
			case 2:
				return CollectCertificate{by, rapid.SampledFrom([]domain.Subject{handler, neighbour}).Draw(t, "to"), domain.Personal(handler, "x"), receipt, rapid.Bool().Draw(t, "issued")}
			case 3:
				return FileCertificate{by, rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "file")}
			case 4:
				return DeregisterCertificate{by, "x", "x", rapid.Bool().Draw(t, "valid")}
			default:
				return VoidCertificate{by, rapid.SampledFrom([]string{"", "x"}).Draw(t, "reason"), ""}
			}
		}, func(s CertificateState, history []CertificateEvent) {
			count, void := map[string]int{}, false
			for i, e := range history {
				count[fmt.Sprintf("%T", e)]++
				switch e.(type) {
				case CertificateRegistered:
					if i > 0 {
						t.Fatalf("%#v", history)
					}
				case CertificateCollected:
					if void {
						t.Fatalf("a void certificate was handed out: %#v", history)
					}
				case CertificateVoided, CertificateDeregistered:
					if void {
						t.Fatalf("voided twice: %#v", history)
					}
					void = true
				}
			}
			for e, n := range count {
				if n > 1 {
					t.Fatalf("%s %d times", e, n)
				}
			}
			if got := s.Check().Validity; (got == "void") != void || got == "unknown" {
				t.Fatalf("%s after %#v", got, history)
			}
		})
	})
}
