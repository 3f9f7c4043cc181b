package web

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

// denial is a request that is refused before it is looked at any further.
type denial struct {
	status      int
	title, body templates.Text
}

var (
	notFound    = &denial{http.StatusNotFound, templates.Say("problem.not_found_title"), templates.Say("problem.not_found")}
	wrongMethod = &denial{http.StatusMethodNotAllowed, templates.Say("problem.method_title"), templates.Say("problem.method")}
	foreign     = &denial{http.StatusForbidden, templates.Say("problem.origin_title"), templates.Say("problem.origin")}
	noWorker    = &denial{http.StatusForbidden, templates.Say("problem.worker_title"), templates.Say("problem.worker")}
	unreadable  = &denial{http.StatusBadRequest, templates.Say("problem.form_title"), templates.Say("problem.form")}
	noForm      = &denial{http.StatusUnsupportedMediaType, templates.Say("problem.form_title"), templates.Say("problem.form")}
	tooLarge    = &denial{http.StatusRequestEntityTooLarge, templates.Say("problem.large_title"), templates.Say("problem.large")}
)

// sameOrigin reports whether the request was sent by a page of this origin, as the
// browser says: by Sec-Fetch-Site (which only browsers at trustworthy addresses
// send), or else by Origin. A request with neither is not.
func sameOrigin(r *http.Request, secure bool) bool {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	return err == nil && isOrigin(u, r.Host, secure)
}

// isOrigin reports whether an address is of the site that a request was for.
func isOrigin(u *url.URL, host string, secure bool) bool {
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

// readForm reads an urlencoded body. The query is no part of it, and no field may be
// given twice, because programs differ in which one counts.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *denial) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, noForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, unreadable
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, unreadable
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, unreadable
		}
	}
	if len(form.Get("code")) > maxCode {
		return nil, unreadable
	}
	return form, nil
}
