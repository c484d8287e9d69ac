package web

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"shenzhong/domain"
	"shenzhong/domain/cremation"
	"shenzhong/handlers"
)

// A verifyPage answers whoever holds a cremation certificate in the hand. It
// names neither the deceased nor the case.
type verifyPage struct {
	Number string // as typed; empty: nothing was asked yet
	Check  handlers.CertificateCheck
	Month  string // a key of periodText; empty: nobody knows
}

// maxNumber is longer than any certificate's number.
const maxNumber = 60

// askNumber is GET /verify: the form.
func (f *Families) askNumber(v *asked) error {
	return f.answer(v, http.StatusOK, "verify", "/verify", verifyPage{})
}

// typedNumber is POST /verify. The number goes on into an address, which is what
// the QR code of a certificate holds, too.
func (f *Families) typedNumber(v *asked) error {
	if err := v.form(); err != nil {
		return err
	}
	n := clip(strings.TrimSpace(v.r.PostForm.Get("number")), maxNumber)
	if n == "" {
		return f.answer(v, http.StatusUnprocessableEntity, "verify", "/verify", verifyPage{})
	}
	return f.verified(v, n)
}

// verify is GET /verify/{number}: what the QR code leads to.
func (f *Families) verify(v *asked) error {
	n, err := url.PathUnescape(chi.URLParam(v.r, "number"))
	if err != nil {
		return handlers.ErrNotFound
	}
	return f.verified(v, clip(n, maxNumber))
}

func (f *Families) verified(v *asked, number string) error {
	c, err := f.app.CheckCertificate(v.ctx(), number)
	if err != nil {
		return err
	}
	p := verifyPage{Number: number, Check: c}
	if !c.Registered.IsZero() {
		p.Month = c.Registered.In(domain.Shanghai).Format("2006-01")
	}
	status := http.StatusOK
	if c.Validity == cremation.CertificateNotSeen {
		handlers.RequestProblem(v.ctx(), handlers.ErrNotFound) // for the log
		status = http.StatusNotFound
	}
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	return f.answer(v, status, "verify", "/verify", p)
}

// verifyAddress is the whole address of the check of a number, for a QR code.
func verifyAddress(r *http.Request, number string) string {
	scheme := "http"
	if r.TLS != nil || proxied(r) && r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/verify/" + url.PathEscape(number)
}

// proxied says that a request comes through a proxy on this machine.
func proxied(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// verifyCode is the QR code that leads to the check of a number.
func (f *Families) verifyCode(v *asked, number string) (template.HTML, error) {
	if number == "" {
		return "", nil
	}
	return qrSVG(verifyAddress(v.r, number), f.both("verify.code").In(v.view.Lang))
}
