package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/web"
)

// refuse answers in the portal's place, before it was reached.
func (x *exchange) refuse(a gate.Action) error {
	x.g.countHeld(a)
	x.cookies(x.rw.rw.Header())
	if a == gate.Challenge || a == gate.Enrol {
		x.owner = x.answer.User
		x.demand(a, x.wanted())
		return nil
	}
	x.answerFor(a)
	return nil
}

// refuseAfter answers in place of a response that was withheld. Of that response
// only where it led is kept, sealed, for its owner.
func (x *exchange) refuseAfter(a gate.Action, status int, header http.Header) {
	x.g.countHeld(a)
	x.cookies(x.rw.restore())
	switch a {
	case gate.Challenge, gate.Enrol:
		x.demand(a, x.led(status, header))
	case gate.Again:
		x.again()
	case gate.Anew:
		x.anew()
	default:
		x.answerFor(a)
	}
}

// refuseLost answers where the clearance ended while the portal was answering.
func (x *exchange) refuseLost() {
	x.g.Meter.Held(lost)
	x.cookies(x.rw.restore())
	x.owner = x.answer.User
	x.demand(gate.Challenge, x.wanted())
}

// demand sends a page's request to the challenge or the set-up, and tells anything
// else in a problem document (RFC 9457) where that is.
func (x *exchange) demand(a gate.Action, back web.Return) {
	page := x.g.Path + "/challenge"
	if a == gate.Enrol {
		page = x.g.Path + "/setup"
	}
	h := x.rw.rw.Header()
	h["Cache-Control"] = []string{"no-store"}
	if !x.navigation() {
		x.problem(http.StatusUnauthorized, "Second factor required", page)
		return
	}
	back.User = x.owner
	x.g.State.SetReturn(x.rw.rw, back, x.client.Secure)
	h["Location"] = []string{page}
	h["Content-Length"] = []string{"0"}
	x.rw.rw.WriteHeader(http.StatusSeeOther)
}

// answerFor answers what needs no code: it would not help.
func (x *exchange) answerFor(a gate.Action) {
	switch a {
	case gate.Guest:
		if page := x.g.Rules.SignInPage; page != "" && x.navigation() && x.client.URL.Path != page {
			x.redirect(page)
			return
		}
		x.status(http.StatusForbidden)
	case gate.Upgrade:
		x.status(http.StatusUnauthorized)
	default:
		x.rw.rw.Header().Set("Retry-After", "5")
		x.status(http.StatusServiceUnavailable)
	}
}

// again has a page asked for once more, or after a form the front page. It says nothing
// of where the response led.
func (x *exchange) again() {
	to := x.client.URL.RequestURI()
	if !safeMethod(x.r.Method) || !web.ValidTarget(to) {
		to = "/"
	}
	if x.navigation() {
		x.redirect(to)
		return
	}
	x.rw.rw.Header().Set("Retry-After", "1")
	x.status(http.StatusServiceUnavailable)
}

func (x *exchange) redirect(to string) {
	h := x.rw.rw.Header()
	h["Cache-Control"] = []string{"no-store"}
	h["Location"] = []string{to}
	x.rw.rw.WriteHeader(http.StatusSeeOther)
}

// refuseStatus answers what is wrong with the request itself.
func (x *exchange) refuseStatus(status int) error {
	x.g.Logger.Warn("request refused", zap.Int("status", status), zap.String("client_ip", x.client.Address),
		zap.String("method", x.r.Method), zap.String("path", x.client.URL.Path))
	x.status(status)
	return nil
}

// refuseError answers where something failed: closed.
func (x *exchange) refuseError(err error) error {
	status := http.StatusServiceUnavailable
	switch {
	case errors.As(err, new(badRequest)):
		status = http.StatusBadRequest
	case errors.Is(err, errTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, errTooSlow):
		status = http.StatusRequestTimeout
	case errors.Is(err, x.r.Context().Err()) && x.r.Context().Err() != nil:
		return nil // the client went away
	default:
		x.g.Logger.Error("request could not be judged and was refused", zap.Error(err), zap.String("path", x.client.URL.Path))
		x.rw.rw.Header().Set("Retry-After", "5")
		x.status(status)
		return nil
	}
	return x.refuseStatus(status)
}

// refuseAsset answers for an asset that the portal did not give to a stranger.
func (x *exchange) refuseAsset(portalStatus int) {
	x.rw.restore()
	if portalStatus == http.StatusNotFound || portalStatus == http.StatusGone {
		x.status(http.StatusNotFound)
		return
	}
	x.status(http.StatusForbidden)
}

// status answers with a page, or a problem document for what is not shown to people.
func (x *exchange) status(status int) {
	x.rw.rw.Header()["Cache-Control"] = []string{"no-store"}
	if !x.navigation() {
		x.problem(status, http.StatusText(status), "")
		return
	}
	x.g.Pages.Refuse(x.rw.rw, x.r, x.visitor(), status)
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
	h := x.rw.rw.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	x.rw.rw.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.rw.rw.Write(body)
	}
}

// wanted is where a refused request was going: its own address, or, for a form that
// was not sent, the page that the form is on.
func (x *exchange) wanted() web.Return {
	if safeMethod(x.r.Method) {
		return web.Return{Target: x.client.URL.RequestURI()}
	}
	return web.Return{Target: x.local(x.r.Header.Get("Referer")), NotSent: true}
}

// led is where a withheld response leads: where it redirects to, or else the page
// that was asked for. A form that was answered without a redirect had arrived, so
// the way leads to the front page.
func (x *exchange) led(status int, header http.Header) web.Return {
	if status >= 300 && status < 400 {
		if to := header.Get("Location"); to != "" {
			return web.Return{Target: x.local(to)}
		}
	}
	if safeMethod(x.r.Method) {
		return web.Return{Target: x.client.URL.RequestURI()}
	}
	return web.Return{Target: "/"}
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
	u = x.client.URL.ResolveReference(u)
	if u.Host != "" && !strings.EqualFold(u.Host, x.r.Host) {
		return "/"
	}
	target := u.RequestURI()
	if !web.ValidTarget(target) || x.below(u.Path) {
		return "/"
	}
	return target
}

// logRefusal logs a verdict other than to forward.
func (g *Gateway) logRefusal(x *exchange, a gate.Action, when string) {
	user := x.owner
	if user == "" && x.answer != nil {
		user = x.answer.User
	}
	switch {
	case user == "":
	case a == gate.Challenge:
		g.Book.Add(g.Realm, report.UserChallenged, user)
	case a == gate.Enrol:
		g.Book.Add(g.Realm, report.UserEnrolled, user)
	}
	g.Logger.Info("request held at the gate", zap.String("verdict", verdictNames[a]), zap.String("judged", when),
		zap.String("user_id", user), zap.String("client_ip", x.client.Address), zap.String("path", x.client.URL.Path))
}
