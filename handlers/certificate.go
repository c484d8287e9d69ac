package handlers

import (
	"context"
	"strings"
	"time"

	"golang.org/x/text/width"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/events"
)

// A CertificateCheck is what anybody may learn of the number of a cremation
// certificate: no person and no case, and no day, which together with an
// obituary would tell whose it is.
type CertificateCheck struct {
	cremation.PublicCheck
	NameZh, NameEn string    // of the home that issued it
	Registered     time.Time // the first of the month in which the number was given; zero: nobody knows
}

// CheckCertificate answers whoever holds a certificate in the hand. Number is
// as it was typed.
func (a *App) CheckCertificate(ctx context.Context, number string) (CertificateCheck, error) {
	number = strings.TrimSpace(width.Narrow.String(number))
	unknown := CertificateCheck{PublicCheck: cremation.CertificateState{}.Check()}
	if streamID(cremation.CertificateCategory, number) != nil {
		return unknown, nil
	}
	s, _, err := a.Certificates.Load(ctx, number)
	if err != nil {
		return CertificateCheck{}, err
	}
	c := CertificateCheck{PublicCheck: s.Check()}
	if c.Validity == cremation.CertificateNotSeen {
		return unknown, nil
	}
	in, _, err := a.Institutions.Load(ctx, string(c.Institution))
	if err != nil {
		return CertificateCheck{}, err
	}
	c.NameZh, c.NameEn = in.NameZh, in.NameEn
	for r, err := range a.Store.Load(ctx, a.Certificates.Stream(number), events.NoStream) {
		if err != nil {
			return CertificateCheck{}, err
		}
		if !r.Occurred.IsZero() {
			t := r.Occurred.In(domain.Shanghai)
			c.Registered = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, domain.Shanghai)
		}
		break
	}
	return c, nil
}
