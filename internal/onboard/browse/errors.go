package browse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// The errors of this package, to be tested with errors.Is. Each is wrapped in a sentence
// with the page, what was seen there and what the operator can do.
var (
	ErrUnreachable  = errors.New("the portal can't be reached")                    // no connection, no response in time, or a server error
	ErrTLS          = errors.New("the portal's certificate is not accepted")       // not trusted, or for another name
	ErrTooLarge     = errors.New("the page is too large")                          // or did not end in time
	ErrRedirects    = errors.New("the portal redirects without end")               // a redirect loop
	ErrNotHTML      = errors.New("this is no web page")                            // Find looked for a form there
	ErrNoForm       = errors.New("there is no sign-in form")                       // neither a form with one password field nor a link to one
	ErrStillForm    = errors.New("the portal did not take user name and password") // it answered with the form again
	ErrCaptcha      = errors.New("the sign-in form has a captcha")                 // only a person can solve it
	ErrSecondFactor = errors.New("the portal already asks for a second factor")
	ErrRefused      = errors.New("the portal refused the sign-in") // by the status (401, 403, 429, …)
)

// problem wraps a sentinel with the page, what was seen there and what to do. The page is
// shown without its query, which may hold a password or a token.
func problem(kind error, at *url.URL, seen, remedy string) error {
	return fmt.Errorf("%w: %s: %s; %s", kind, place(at), seen, remedy)
}

// place returns a URL without user, query and fragment, so that errors show no secret.
func place(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// failed returns the error for a request that got no response.
func failed(at *url.URL, err error) error {
	// The text of url.Error has the URL with its query, so only the wrapped error is shown.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if badCertificate(err) {
		return problem(ErrTLS, at, err.Error(),
			"use the address that the certificate is for, or the portal's own address behind the proxy (http://127.0.0.1:…)")
	}
	return problem(ErrUnreachable, at, err.Error(), "check the address, and that the portal runs and can be reached from this machine")
}

func badCertificate(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err) // wraps those of package x509
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return verify || record || alert
}

// serverFault is the error for a page with a 5xx status, or nil.
func serverFault(p *Page) error {
	if p.Status < 500 {
		return nil
	}
	return problem(ErrUnreachable, p.URL, fmt.Sprintf("it answers %d %s", p.Status, http.StatusText(p.Status)),
		"look into the portal's own log; this is not about the sign-in")
}
