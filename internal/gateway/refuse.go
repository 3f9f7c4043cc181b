package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/userpages"
)

// refuse answers in the portal's place, before it was reached.
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

// Withhold implements [response.Exchange]: it answers in place of a response. Of that
// response only where it led is kept, sealed, for its owner.
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
	case gate.Retry:
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

// demand sends a page's request to the challenge or the set-up, and tells anything
// else in a problem document (RFC 9457) where that is.
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

// answerFor answers what needs no code: it would not help.
func (x *exchange) answerFor(a gate.Action) {
	switch a {
	case gate.Guest:
		if page := x.g.site.Rules.SignInPage; page != "" && x.facts.Navigation() && x.facts.Client.URL.Path != page {
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

// retry has a page asked for once more. After a form, a sign-out or a declared sign-in it leads to the
// front page, because what signed in may have been used up; a GET of a sign-in's address without its
// fields is the page with the form. It says nothing of where the response led.
func (x *exchange) retry() {
	to := x.facts.Client.URL.RequestURI()
	if x.sendsSignIn() || x.facts.SignOut || !request.SafeMethod(x.facts.R.Method) || !userpages.ValidTarget(to) {
		to = "/"
	}
	if x.facts.Navigation() {
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

// restore removes everything of the portal's from the header of the response.
func (x *exchange) restore() http.Header {
	if x.out == nil {
		return x.rw.Header()
	}
	return x.out.Restore()
}

// refuseError answers where something failed: closed.
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
		x.g.events.Failed("request could not be judged and was refused", err, x.about(""))
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

// status answers with a page, or a problem document for what is not shown to people.
func (x *exchange) status(status int) {
	x.rw.Header()["Cache-Control"] = []string{"no-store"}
	if !x.facts.Navigation() {
		x.problem(status, http.StatusText(status), "")
		return
	}
	x.g.Pages.Refuse(x.rw, x.facts.R, x.visitor(), status)
}

// problem is a problem document; challenge is where a person can pass, if anywhere.
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

// wanted is where a refused request was going: its own address, or, for a form that
// was not sent, the page that the form is on.
func (x *exchange) wanted() userpages.Return {
	if request.SafeMethod(x.facts.R.Method) {
		return userpages.Return{Target: x.facts.Client.URL.RequestURI()}
	}
	return userpages.Return{Target: x.local(x.facts.R.Header.Get("Referer")), NotSent: true}
}

// led is where a withheld response leads: where it redirects to, or else the page
// that was asked for. A form that was answered without a redirect had arrived, so
// the way leads to the front page.
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
