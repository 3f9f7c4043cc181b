// Package guard has what the own pages of customers and of staff share: [Admit] decides which
// requests reach a page's handler, and [Protect], [Render], [Send] and [Redirect] write the
// responses with their security headers. Packages userpages and staffpages call it.
//
// It guarantees that a request that another site makes a browser send changes nothing: a
// form is accepted only from a page of this origin, complete, and with each field once.
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

// maxBody bounds the body of a form. The pages' longest form has a few hundred bytes.
const maxBody = 64 << 10

// maxCode bounds the code field. The longest code, with blanks or dashes, is far shorter.
const maxCode = 256

// Denial is the answer to a request that is refused: a status and the page's text.
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

// SameOrigin reports whether a page of this origin sent the request. The browser says so in
// Sec-Fetch-Site or, if it does not send that (as over plain HTTP), in Origin. A request
// with neither header is refused.
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

// IsOrigin reports whether u has the origin of the site: host is the request's Host header,
// and secure says that the browser speaks HTTPS.
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

// ReadForm reads the urlencoded body of a request, and refuses requests from other origins.
// The query is not a part of the form. A form with a field twice is refused, because
// programs differ in which of the two they use.
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

// Route is one page: its handlers for GET (and HEAD) and for POST. A POST is refused if Post
// is nil.
type Route[C any] struct {
	Get, Post func(C)
}

// Admit returns the handler for a request and, for a POST, the form; or the Denial with
// which to refuse the request. page is the route of the request's path; known is false if
// the path has none.
func Admit[C any](w http.ResponseWriter, r *http.Request, page Route[C], known, secure bool) (func(C), url.Values, *Denial) {
	switch {
	case r.Header.Get("Service-Worker") != "":
		return nil, nil, NoWorker
	case !known:
		return nil, nil, NotFound
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return page.Get, nil, nil
	case r.Method == http.MethodPost && page.Post != nil:
		form, denied := ReadForm(w, r, secure)
		return page.Post, form, denied
	}
	allow := "GET, HEAD"
	if page.Post != nil {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	return nil, nil, WrongMethod
}
