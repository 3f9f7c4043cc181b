// Package guard is what the own pages of customers and of staff have in common: which
// requests reach a page ([Admit]), and how a page answers, with which headers.
//
// A request that another site made a browser send changes nothing: a form counts only if
// a page of this origin sent it, whole, with each field once.
package guard

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/templates"
)

// maxBody bounds a form; the longest has some hundred bytes.
const maxBody = 64 << 10

// maxCode bounds the code field, far above the longest code in groups.
const maxCode = 256

// Denial is a request that is refused before it is looked at any further.
type Denial struct {
	Status      int
	Title, Body templates.Text
}

// The denials that all own pages know.
var (
	NotFound    = &Denial{http.StatusNotFound, templates.Say("problem.not_found_title"), templates.Say("problem.not_found")}
	WrongMethod = &Denial{http.StatusMethodNotAllowed, templates.Say("problem.method_title"), templates.Say("problem.method")}
	Foreign     = &Denial{http.StatusForbidden, templates.Say("problem.origin_title"), templates.Say("problem.origin")}
	NoWorker    = &Denial{http.StatusForbidden, templates.Say("problem.worker_title"), templates.Say("problem.worker")}
	Unreadable  = &Denial{http.StatusBadRequest, templates.Say("problem.form_title"), templates.Say("problem.form")}
	NoForm      = &Denial{http.StatusUnsupportedMediaType, templates.Say("problem.form_title"), templates.Say("problem.form")}
	TooLarge    = &Denial{http.StatusRequestEntityTooLarge, templates.Say("problem.large_title"), templates.Say("problem.large")}
)

// SameOrigin reports whether the request was sent by a page of this origin, as the
// browser says: by Sec-Fetch-Site (which only browsers at trustworthy addresses
// send), or else by Origin. A request with neither is not.
func SameOrigin(r *http.Request, secure bool) bool {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	return err == nil && IsOrigin(u, r.Host, secure)
}

// IsOrigin reports whether an address is of the site that a request was for.
func IsOrigin(u *url.URL, host string, secure bool) bool {
	if u.Host == "" {
		return false
	}
	scheme, port := "http", "80"
	if secure {
		scheme, port = "https", "443"
	}
	return u.Scheme == scheme && strings.EqualFold(withPort(u.Host, port), withPort(host, port))
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return host + ":" + port
}

// ReadForm reads the urlencoded body of a request from this origin. The query is no part of
// it, and no field may be given twice, because programs differ in which one counts.
func ReadForm(w http.ResponseWriter, r *http.Request, secure bool) (url.Values, *Denial) {
	if !SameOrigin(r, secure) {
		return nil, Foreign
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, NoForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, TooLarge
	}
	if err != nil {
		return nil, Unreadable
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, Unreadable
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, Unreadable
		}
	}
	if len(form.Get("code")) > maxCode {
		return nil, Unreadable
	}
	return form, nil
}
