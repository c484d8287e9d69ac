package booking_test

import (
	"testing"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
)

// nobody is a deceased of whom only the person's reference and name is known.
func nobody() Deceased { return Deceased{Person: dead, Name: domain.Personal(dead, "金远舟")} }

func document(k DocumentKind, n string) IDDocument { return IDDocument{k, domain.Personal(dead, n)} }

func openedWith(d Deceased) Opened { return with(opened, func(o *Opened) { o.Deceased = d }) }

func TestKindsOfDeceased(t *testing.T) {
	foreign := with(nobody(), func(d *Deceased) {
		d.Kind, d.Document, d.Nationality = Foreign, document(Passport, "M12345678"), domain.Personal(dead, "KOR")
	})
	t.Run("a foreigner has a passport", func(t *testing.T) {
		spec.Given(t).When(Open{by, openedWith(foreign)}).Then(openedWith(foreign))
	})
	t.Run("what kind it is follows from the document, and is kept, since its number may be forgotten", func(t *testing.T) {
		for doc, kind := range map[IDDocument]Kind{
			document(Passport, " m12345678 "):              Foreign,
			document(PermanentResident, "KOR310075010199"): Foreign,
			document(HomeReturnPermit, "H12345678"):        HongKong,
			document(HomeReturnPermit, "m1234567801"):      Macao,
			document(TaiwanPermit, "12345678"):             Taiwan,
		} {
			d := with(nobody(), func(d *Deceased) { d.Document = doc })
			s := spec.Given(t).State()
			es, err := Case.Decide(s, Open{by, openedWith(d)})
			if err != nil {
				t.Errorf("%s: %v", doc.Kind, err)
				continue
			}
			got := Case.Fold(s, es...).Deceased
			if got.Kind != kind || got.Class() != kind {
				t.Errorf("%s: %s, want %s", doc.Kind, got.Kind, kind)
			}
		}
	})
	t.Run("a residence permit is kept like an identity card, and tells birth and sex", func(t *testing.T) {
		for number, kind := range map[string]Kind{"810000199408230021": HongKong, "830000199201300022": Taiwan} {
			d := with(nobody(), func(d *Deceased) { d.Document = document(ResidencePermit, number) })
			es, err := Case.Decide(Case.Initial, Open{by, openedWith(d)})
			if err != nil {
				t.Errorf("%s: %v", number, err)
				continue
			}
			got := Case.Fold(Case.Initial, es...).Deceased
			if string(got.CitizenID.Or("")) != number || got.Kind != kind || got.Sex.Or("") != Female || got.Document != (IDDocument{}) {
				t.Errorf("%s: %s %s", number, got.Kind, got.Sex.Or(""))
			}
			d.CitizenID = domain.Personal(dead, domain.CitizenID("210211193504120018"))
			spec.Given(t).When(Open{by, openedWith(d)}).Rejects(ErrIDMismatch)
		}
	})
	t.Run("an infant may have neither name nor card", func(t *testing.T) {
		d := Deceased{Person: dead, Unnamed: Newborn, Kind: Infant, Document: document(BirthCertificate, "U210123456")}
		spec.Given(t).When(Open{by, openedWith(d)}).Then(openedWith(d))
		if (Deceased{Unnamed: Newborn}).Class() != Infant || (Deceased{Unnamed: Unidentified}).Class() != UnnamedBody || (Deceased{}).Class() != Resident {
			t.Error("the kind does not follow from the rest")
		}
	})
	for name, c := range map[string]struct {
		edit func(*Deceased)
		want error
	}{
		"a kind is one of the list":   {func(d *Deceased) { d.Kind = "ALIEN" }, ErrKind},
		"an unnamed body has no name": {func(d *Deceased) { d.Kind = UnnamedBody }, ErrKind},
		"a foreigner has no resident identity card": {func(d *Deceased) {
			d.Kind, d.CitizenID = Foreign, domain.Personal(dead, domain.CitizenID("210211193504120018"))
		}, ErrKind},
		"a resident of Hong Kong has none of the mainland": {func(d *Deceased) {
			d.Kind, d.CitizenID = HongKong, domain.Personal(dead, domain.CitizenID("210211193504120018"))
		}, ErrKind},
		"a resident's card is not of Hong Kong": {func(d *Deceased) {
			d.Kind, d.CitizenID = Resident, domain.Personal(dead, domain.CitizenID("810000199408230021"))
		}, ErrKind},
		"a permit H is of Hong Kong":            {func(d *Deceased) { d.Kind, d.Document = Macao, document(HomeReturnPermit, "H12345678") }, ErrKind},
		"a passport is not of Taiwan":           {func(d *Deceased) { d.Kind, d.Document = Taiwan, document(Passport, "M12345678") }, ErrDocument},
		"a number has the form of its document": {func(d *Deceased) { d.Document = document(TaiwanPermit, "T1") }, ErrDocument},
		"a residence permit has a check digit":  {func(d *Deceased) { d.Document = document(ResidencePermit, "810000199408230020") }, domain.ErrCitizenID},
		"a document has a number":               {func(d *Deceased) { d.Document = IDDocument{Kind: Passport} }, ErrDocument},
		"a document is of a kind of the list":   {func(d *Deceased) { d.Document = document("LIBRARY_CARD", "12345678") }, ErrDocument},
		"its number is kept under the deceased": {func(d *Deceased) { d.Document = IDDocument{Passport, domain.Personal(kin, "M12345678")} }, ErrPerson},
		"a nationality is a code":               {func(d *Deceased) { d.Nationality = domain.Personal(dead, "Korea") }, ErrNationality},
	} {
		t.Run(name, func(t *testing.T) {
			spec.Given(t).When(Open{by, openedWith(with(nobody(), c.edit))}).Rejects(c.want)
		})
	}
	t.Run("the handler's documents are checked too", func(t *testing.T) {
		o := with(opened, func(o *Opened) { o.Handler.CitizenID = domain.Personal(kin, domain.CitizenID(" 11010519491231002x ")) })
		spec.Given(t).When(Open{by, o}).Then(with(opened, func(o *Opened) { o.Handler.CitizenID = domain.Personal(kin, domain.CitizenID("11010519491231002X")) }))
		spec.Given(t).When(Open{by, with(opened, func(o *Opened) { o.Handler.CitizenID = domain.Personal(kin, domain.CitizenID("1")) })}).Rejects(domain.ErrCitizenID)
		spec.Given(t).When(Open{by, with(opened, func(o *Opened) { o.Handler.CitizenID = domain.Personal(dead, domain.CitizenID("11010519491231002X")) })}).Rejects(ErrPerson)
		spec.Given(t).When(Open{by, with(opened, func(o *Opened) { o.Handler.Document = IDDocument{Passport, domain.Personal(kin, "x")} })}).Rejects(ErrDocument)
	})
	t.Run("the office that is told depends on the kind", func(t *testing.T) {
		told := OfficeNotified{ForeignAffairs, "WB-2026-0012"}
		g := spec.Given(t, openedWith(foreign))
		if u := g.State().Untold(); len(u) != 1 || u[0] != ForeignAffairs {
			t.Error(u)
		}
		g.When(NotifyOffice{by, told}).Then(told)
		if u := spec.Given(t, openedWith(foreign), told).State().Untold(); len(u) != 0 {
			t.Error(u)
		}
		if u := spec.Given(t, opened).State().Untold(); len(u) != 0 {
			t.Error(u)
		}
		g.When(NotifyOffice{by, OfficeNotified{"POST", ""}}).Rejects(ErrOffice)
		g.When(NotifyOffice{by, OfficeNotified{ForeignAffairs, "金远舟"}}).Rejects(ErrNumber)
	})
}
