package gateway

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
)

// Sites with `watch unsafe` may have a portal that replaces a stranger's session at the next
// request. A question would invalidate a sign-in form that is open in the browser. So nothing is
// asked between the response with the form and its submission: the credentials that the response
// left are presumed to be a stranger's, once, for a request that fills in the form. The response
// to that request is checked, so a wrong presumption discloses nothing.

// presume remembers the credentials that an unchecked response leaves a stranger with.
// writeCookies calls it last, because the response may start the visit.
func (x *exchange) presume() {
	if x.presumes && x.visit != nil {
		x.visit.Answers.Presume(x.presumption(), x.now)
	}
}

// presumption is the key of the present credentials. It does not depend on the path or on the
// order of the cookies, because browsers may send a cookie that was set anew last.
func (x *exchange) presumption() visits.Key {
	return visits.Key{Pins: x.facts.Pins, View: x.jar.Unordered()}
}

// presumable reports whether what a response changed is presumed to be a stranger's.
func (x *exchange) presumable(changes bool) bool {
	return x.g.WatchUnsafe && changes && x.g.Identify == nil && x.before.Answer == gate.Anonymous
}

// presumed reports whether the request fills in a sign-in form with credentials that are presumed
// to be a stranger's. It uses the presumption up, whatever the request is.
func (x *exchange) presumed() bool {
	return x.g.WatchUnsafe && x.visit.Answers.Presumed(x.presumption(), x.now) && x.facts.FillsIn && !x.live()
}

// outdated reports whether the page that a stranger got for a filled-in form has a form that is
// useless, because the question about the response made the portal begin another session.
// gate.After then has the sign-in page loaded again.
func (x *exchange) outdated(status int, a *portal.Answer, asked portal.JarKey) bool {
	redirect := status >= http.StatusMultipleChoices && status < http.StatusBadRequest
	return x.g.WatchUnsafe && a.Kind == gate.Anonymous && !redirect && x.jar.Key() != asked && x.facts.Navigation() && x.facts.FillsIn
}

// reloadSignIn redirects to the sign-in page, so that the browser gets a form of its present
// session.
func (x *exchange) reloadSignIn() {
	to := x.g.site.Rules.SignInPage
	if to == "" {
		to = x.local(x.facts.R.Header.Get("Referer"))
	}
	x.redirect(to)
}
