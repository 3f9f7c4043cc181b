package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/userpages"
)

// refuse answers a request that is not forwarded.
func (x *exchange) refuse(a gate.Action) error {
	x.g.events.Withheld(a)
	x.writeCookies(x.rw.Header())
	if a == gate.Challenge || a == gate.Enrol {
		x.owner = x.answer.User
		x.demand(a, x.wanted())
		return nil
	}
	x.answerFor(a)
	return nil
}

// Withhold implements [response.Exchange]. It answers in place of the portal's response. Of that,
// only the cookies are kept, sealed, and the address that the user returns to after the
// challenge.
func (x *exchange) Withhold(a gate.Action, status int, header http.Header) {
	x.g.events.Withheld(a)
	x.withheld = true
	if a == gate.Retry {
		x.dropUnsealed() // the answer need not name the user that the response was made for
	}
	x.writeCookies(x.restore())
	switch a {
	case gate.Challenge, gate.Enrol:
		x.demand(a, x.led(status, header))
	case gate.Retry, gate.Forward: // Forward: the visit's user changed meanwhile, see Lost
		x.retry()
	case gate.ReloadSignIn:
		x.reloadSignIn()
	default:
		x.answerFor(a)
	}
}

// withholdLost answers where the clearance ended while the portal was answering.
func (x *exchange) withholdLost() {
	x.g.events.Withheld(gate.Forward)
	x.withheld, x.owner = true, x.answer.User
	x.writeCookies(x.restore())
	x.demand(gate.Challenge, x.wanted())
}

// demand redirects a page's request to the challenge or to the set-up. Any other request gets a
// problem document (RFC 9457) that names that page.
func (x *exchange) demand(a gate.Action, back userpages.Return) {
	page := x.g.Path + "/challenge"
	if a == gate.Enrol {
		page = x.g.Path + "/setup"
	}
	h := x.rw.Header()
	h["Cache-Control"] = []string{"no-store"}
	if x.foreign || !x.facts.Navigation() {
		x.problem(http.StatusUnauthorized, "Second factor required", page)
		return
	}
	back.User = x.owner
	x.g.State.SetReturn(x.rw, back, x.facts.Client.Secure)
	h["Location"] = []string{page}
	h["Content-Length"] = []string{"0"}
	x.rw.WriteHeader(http.StatusSeeOther)
}

// answerFor answers for the actions in which the user can't pass by giving a code.
func (x *exchange) answerFor(a gate.Action) {
	switch a {
	case gate.Guest:
		if page := x.g.site.Rules.SignInPage; page != "" && x.facts.Navigation() && x.facts.Client.URL.Path != page && x.facts.Client.URL.RequestURI() != page {
			x.redirect(page)
			return
		}
		x.status(http.StatusForbidden)
	case gate.Upgrade:
		x.status(http.StatusUnauthorized)
	default:
		x.rw.Header().Set("Retry-After", "5")
		x.status(http.StatusServiceUnavailable)
	}
}

// retryPause is the pause before the browser is redirected to the same page once more. While another
// request of the visit makes the answer doubtful, for up to 30 s, each load ends in such a redirect,
// and browsers give up after 20. The pause is at the end of the request, when it keeps no other
// request waiting; the redirect has no body, so the server sends it after the pause.
const retryPause = 1600 * time.Millisecond

// retry redirects the browser to the same address once more. After a form, a sign-out or a declared
// sign-in it leads to the front page, because what was submitted may be used up. A GET of a
// sign-in's address without its fields is the page with the form, and is asked for again. retry
// does not disclose the target of the withheld response's redirect.
func (x *exchange) retry() {
	to, again := x.facts.Client.URL.RequestURI(), true
	if x.sendsSignIn() || x.facts.SignOut || !request.SafeMethod(x.facts.R.Method) || !userpages.ValidTarget(to) {
		to, again = "/", false
	}
	if x.facts.Navigation() {
		x.pauses = again
		x.redirect(to)
		return
	}
	x.rw.Header().Set("Retry-After", "1")
	x.status(http.StatusServiceUnavailable)
}

func (x *exchange) redirect(to string) {
	h := x.rw.Header()
	h["Cache-Control"] = []string{"no-store"}
	h["Location"] = []string{to}
	x.rw.WriteHeader(http.StatusSeeOther)
}

// refuseStatus answers what is wrong with the request itself.
func (x *exchange) refuseStatus(status int) error {
	x.g.events.Refused(status, x.facts.R.Method, x.about(""))
	x.status(status)
	return nil
}

// restore removes what the portal wrote from the response's header, and returns the header.
func (x *exchange) restore() http.Header {
	if x.out == nil {
		return x.rw.Header()
	}
	return x.out.Restore()
}

// refuseError refuses a request after an error.
func (x *exchange) refuseError(err error) error {
	status := http.StatusServiceUnavailable
	switch {
	case errors.As(err, new(badRequest)):
		status = http.StatusBadRequest
	case errors.Is(err, request.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, request.ErrTooSlow):
		status = http.StatusRequestTimeout
	case errors.Is(err, x.facts.R.Context().Err()) && x.facts.R.Context().Err() != nil:
		return nil // the client went away
	default:
		x.g.events.Failed("request could not be checked and was refused", err, x.about(""))
		x.rw.Header().Set("Retry-After", "5")
		x.status(status)
		return nil
	}
	return x.refuseStatus(status)
}

// refuseAsset answers for an asset that the portal did not give to a stranger.
func (x *exchange) refuseAsset(portalStatus int) {
	x.restore()
	if portalStatus == http.StatusNotFound || portalStatus == http.StatusGone {
		x.status(http.StatusNotFound)
		return
	}
	x.status(http.StatusForbidden)
}

// status answers a navigation with a page, and any other request with a problem document.
func (x *exchange) status(status int) {
	x.rw.Header()["Cache-Control"] = []string{"no-store"}
	if !x.facts.Navigation() {
		x.problem(status, http.StatusText(status), "")
		return
	}
	x.g.Pages.Refuse(x.rw, x.facts.R, x.visitor(), status)
}

// problem answers with a problem document. challenge is the page where the user can pass; empty
// for none.
func (x *exchange) problem(status int, title, challenge string) {
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Challenge string `json:"challenge,omitempty"`
	}{"about:blank", title, status, challenge})
	if err != nil {
		body = nil
	}
	h := x.rw.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	x.rw.WriteHeader(status)
	if x.facts.R.Method != http.MethodHead {
		_, _ = x.rw.Write(body)
	}
}

// wanted is where the user returns to if the request was not forwarded: its own address or, for a
// form, the page with the form.
func (x *exchange) wanted() userpages.Return {
	if request.SafeMethod(x.facts.R.Method) {
		return userpages.Return{Target: x.facts.Client.URL.RequestURI()}
	}
	return userpages.Return{Target: x.local(x.facts.R.Header.Get("Referer")), NotSent: true}
}

// led is where the user returns to if the response was withheld: the target of the response's
// redirect, else the requested page. A form that was answered without a redirect did reach the
// portal; the user returns to the front page.
func (x *exchange) led(status int, header http.Header) userpages.Return {
	if status >= 300 && status < 400 {
		if to := header.Get("Location"); to != "" {
			return userpages.Return{Target: x.local(to)}
		}
	}
	if request.SafeMethod(x.facts.R.Method) {
		return userpages.Return{Target: x.facts.Client.URL.RequestURI()}
	}
	return userpages.Return{Target: "/"}
}

// local is the path and query of an address, if it is on this origin; else "/".
func (x *exchange) local(address string) string {
	if address == "" || strings.ContainsAny(address, "\\\t\r\n") {
		return "/"
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "/"
	}
	u = x.facts.Client.URL.ResolveReference(u)
	if u.Host != "" && !strings.EqualFold(u.Host, x.facts.R.Host) {
		return "/"
	}
	target := u.RequestURI()
	if !userpages.ValidTarget(target) || x.g.site.Below(u.Path) {
		return "/"
	}
	return target
}
