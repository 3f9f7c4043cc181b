package gateway

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
)

// Under `watch unsafe` the portal may be one where strangers lose their session by a
// second request, and with it the form that they are about to send. So between a sign-in
// form and its sending nothing is asked: what a stranger's response set is presumed to be
// a stranger's, once, for a request that fills in the form. Its response is checked all
// the same, so that a presumption shows nothing to anyone.

// presume remembers the credentials that an unchecked response leaves a stranger with.
// It is called when they are written, because the response may start the visit.
func (x *exchange) presume() {
	if x.presumes && x.visit != nil {
		x.visit.Answers.Presume(x.presumption(), x.now)
	}
}

// presumption stands for the credentials as they now are, wherever and in which order they
// are sent: a browser may send what was set anew last.
func (x *exchange) presumption() visits.Key {
	return visits.Key{Pins: x.facts.Pins, View: x.jar.Unordered()}
}

// presumable reports whether what a response changed is presumed to be a stranger's.
func (x *exchange) presumable(changes bool) bool {
	return x.g.WatchUnsafe && changes && x.g.Identify == nil && x.before.Answer == gate.Anonymous
}

// presumed reports whether the request fills in a sign-in form with credentials that
// are presumed a stranger's. Whatever the request is, they are not after it.
func (x *exchange) presumed() bool {
	return x.g.WatchUnsafe && x.visit.Answers.Presumed(x.presumption(), x.now) && x.facts.FillsIn && !x.live()
}

// outdated reports whether a page that a stranger got for a filled-in form shows one
// that the question about it made useless, because the portal began another session.
func (x *exchange) outdated(status int, a *portal.Answer, asked portal.JarKey) bool {
	redirect := status >= http.StatusMultipleChoices && status < http.StatusBadRequest
	return x.g.WatchUnsafe && a.Kind == gate.Anonymous && !redirect && x.jar.Key() != asked && x.facts.Navigation() && x.facts.FillsIn
}

// reloadSignIn sends the browser to the sign-in page, for a form that can be sent.
func (x *exchange) reloadSignIn() {
	to := x.g.site.Rules.SignInPage
	if to == "" {
		to = x.local(x.facts.R.Header.Get("Referer"))
	}
	x.redirect(to)
}
