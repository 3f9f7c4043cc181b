package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/response"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// Arrived implements [response.Exchange]. It is called when the portal's headers arrive. It
// removes the portal's cookies from them, and returns how the response is handled: dropped,
// passed at once, or kept until a check.
func (x *exchange) Arrived(status int) response.Mode {
	switch x.kind {
	case verbatim:
		dropOwnNames(x.rw.Header())
		return response.Passed
	case anonymously:
		return x.arrivedAnonymous(status)
	}
	if status == http.StatusSwitchingProtocols && !(x.facts.Upgrade && x.before.MayPass()) {
		// A tunnel opens only for a user who may pass, and only if the request asked for it
		// (design rule G5).
		x.g.events.Decided(gate.Upgrade, "after", x.about(""))
		x.Withhold(gate.Upgrade, status, x.rw.Header())
		return response.Dropped
	}
	x.tunnels = status == http.StatusSwitchingProtocols
	if err := x.takeCookies(); err != nil {
		x.g.events.Failed("the portal's response was refused", err, x.about(""))
		x.Withhold(gate.Refuse, status, x.rw.Header())
		return response.Dropped
	}
	if x.closeTunnel == nil && x.end != nil && x.visit != nil && response.IsStream(x.rw.Header()) {
		x.closeTunnel = x.openTunnel() // an event stream that the request did not announce
	}
	facts := x.responseFacts(status)
	switch {
	case (gate.Checked(facts) || x.tunnels && !x.g.Rotates) && x.g.Identify == nil:
		return x.keepMode(facts)
	case x.Lost():
		x.withholdLost()
		return response.Dropped
	}
	if len(x.set) > 0 {
		x.presumes = x.presumable(facts.Changes)
		x.jar = x.jar.Apply(x.set)
		x.changes = append(x.changes[:len(x.changes):len(x.changes)], x.set...)
	}
	x.end.release()
	return response.Passed
}

// keepMode returns how a response that must be checked is kept, and prepares the check. If the
// response looks like a sign-in's, the request counts as a changer from here on, and settles is
// set.
func (x *exchange) keepMode(f gate.Response) response.Mode {
	x.detach()
	if gate.Suspect(f) && x.visit != nil && !x.exclusive {
		x.leaveSuspect = x.visit.Requests.Suspect()
		x.settles = x.settles || f.Redirect || f.SignIn
	}
	if f.Redirect && (x.exclusive || !x.before.MayPass() && !x.g.WatchUnsafe) {
		x.settles = true // the portal may save a sign-in after it has redirected
	}
	switch {
	case x.tunnels && x.before.MayPass():
		return response.CheckedNow
	case x.before.MayPass() && !x.exclusive && x.leaveSuspect == nil && !f.Overlapped:
		return response.KeptUnsettled
	}
	switch {
	case x.mayChange() && (!x.before.MayPass() || x.sendsSignIn()):
		return response.KeptToEnd
	case x.mayChange():
		return response.KeptWhole
	}
	return response.Kept
}

// detach replaces facts.R by a copy. Portions of a response are checked while the handlers behind
// the gate run, which may change their request; that one is kept in passedOn.
func (x *exchange) detach() {
	if x.passedOn != nil {
		return
	}
	x.passedOn = x.facts.R
	r := *x.facts.R
	u := *r.URL
	r.URL, r.Header = &u, r.Header.Clone()
	x.facts.R = &r
	x.questionHeader()
}

// responseFacts returns the facts by which gate.Checked decides whether the response is checked.
func (x *exchange) responseFacts(status int) gate.Response {
	after := x.jar.Apply(x.set)
	x.overlapped = x.visit != nil && !x.exclusive && x.visit.Requests.ChangersSince(x.mark, x.changers())
	return gate.Response{
		Before: x.before, Credentials: x.hasCredentials(), Unsafe: x.facts.Unsafe, SignIn: x.facts.SignIn,
		Unsettled: x.doubtful(), Overlapped: x.overlapped, Sets: counts(x.set), Changes: after.Key() != x.jar.Key(),
		Redirect:    status >= 300 && status < 400 && status != http.StatusNotModified,
		WatchUnsafe: x.g.WatchUnsafe, Rotates: x.g.Rotates,
	}
}

// takeCookies removes Set-Cookie from the response and parses it into set. Release writes the
// cookies to the browser, sealed.
func (x *exchange) takeCookies() (err error) {
	h := x.rw.Header()
	lines, ok := h["Set-Cookie"]
	if !ok {
		return nil
	}
	delete(h, "Set-Cookie")
	x.set, err = portal.Changes(lines, x.path, x.g.CookiePolicy, x.now)
	x.learn(x.set)
	return err
}

// counts reports whether the response sets a cookie that may be a credential.
func counts(set []portal.Change) bool {
	return slices.ContainsFunc(set, func(c portal.Change) bool { return !c.Delete && c.Class != portal.Public })
}

// arrivedAnonymous is Arrived for a request that was forwarded without credentials. Only an asset
// passes.
func (x *exchange) arrivedAnonymous(status int) response.Mode {
	h := x.rw.Header()
	delete(h, "Set-Cookie")
	ok := status == http.StatusOK || status == http.StatusPartialContent
	if ok = ok && route.IsAssetType(h.Get("Content-Type")); ok || status == http.StatusNotModified {
		return response.Passed
	}
	x.refuseAsset(status)
	return response.Dropped
}

// dropOwnNames removes the Set-Cookie lines with Secondgate's own names from the response to a
// request under `trust`, so that the portal can't replace Secondgate's cookies.
func dropOwnNames(h http.Header) {
	lines, ok := h["Set-Cookie"]
	if !ok {
		return
	}
	h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return portal.IsReserved(strings.TrimSpace(name))
	})
}
