package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
)

// Under `watch unsafe` a portal may stand behind the gate whose strangers lose their
// session by a second request, and with it the form that they are about to send. So
// between a sign-in form and its sending nothing is asked: what a stranger's response
// set is presumed to be a stranger's, once, for a request that fills in the form. It is
// judged all the same, so that a presumption shows nobody anything.

// lives is how long answers are believed. A stranger's serves for some minutes where
// every response in between is judged, and else no longer than a user's.
func (g *Gateway) lives() portal.Lives {
	lives := portal.Lives{User: g.Recheck, Anonymous: portal.AnonymousLife}
	if g.WatchUnsafe {
		lives.Anonymous = min(lives.Anonymous, g.Recheck)
	}
	return lives
}

// presume remembers the credentials that an unjudged response leaves a stranger with.
// It comes when they are written, because the response may be what starts the visit.
func (x *exchange) presume() {
	if !x.presumes {
		return
	}
	v := x.visit
	if x.minted != "" {
		v = x.g.Visits.get(x.g.Realm, x.minted.ID(), x.minted)
		defer v.release()
	}
	if v == nil {
		return
	}
	key := x.key
	key.Jar = x.jar.Key()
	v.answers.Presume(key, x.now)
}

// presumable reports whether what a response changed is presumed to be a stranger's.
func (x *exchange) presumable(changes bool) bool {
	return x.g.WatchUnsafe && changes && x.g.Identify == nil && x.before.Answer == gate.Anonymous
}

// presumed reports whether the request fills in a sign-in form with credentials that
// are presumed a stranger's. Whatever the request is, they are not after it.
func (x *exchange) presumed() bool {
	return x.g.WatchUnsafe && x.visit.answers.Presumed(x.key, x.now) && x.fillsIn() && !x.live()
}

// fillsIn reports whether the request sends something to a declared sign-in.
func (x *exchange) fillsIn() bool { return x.unsafe && x.any(x.g.Rules.SignIn) }

// showsForm reports whether the request is for a page that is declared to show a sign-in
// form, and for nothing else: what another query does there is not known.
func (x *exchange) showsForm() bool {
	if x.unsafe || !safeMethod(x.r.Method) {
		return false
	}
	return slices.ContainsFunc(x.g.Rules.Forms, func(page string) bool {
		path, query, _ := strings.Cut(page, "?")
		return x.client.URL.Path == path && (x.client.URL.RawQuery == query || x.client.URL.RawQuery == "")
	})
}

// outdated reports whether a page that a stranger got for a filled-in form shows one
// that the question about it made useless, because the portal began another session.
func (x *exchange) outdated(status int, a *portal.Answer, asked portal.JarKey) bool {
	redirect := status >= http.StatusMultipleChoices && status < http.StatusBadRequest
	return x.g.WatchUnsafe && a.Kind == gate.Anonymous && !redirect && x.jar.Key() != asked && x.navigation() && x.fillsIn()
}

// anew sends the browser to the sign-in page, for a form that can be sent.
func (x *exchange) anew() {
	to := x.g.Rules.SignInPage
	if to == "" {
		to = x.local(x.r.Header.Get("Referer"))
	}
	x.redirect(to)
}
