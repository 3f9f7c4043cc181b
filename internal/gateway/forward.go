package gateway

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/store"
)

// forward sends the request on with the portal's cookies, and watches the response.
func (x *exchange) forward() error {
	if x.held() {
		// Whatever was known may be wrong as soon as this request arrives.
		x.forget()
	}
	if x.before.Answer == gate.User {
		x.g.SetUser(x.r, x.answer.User)
	}
	if x.stream || !x.before.MayPass() || x.held() {
		ctx := x.r.Context()
		if x.held() {
			// The portal goes on with it when the client has gone, and so the turn lasts: a
			// sign-in that nobody waits for must not happen behind the gate's back.
			ctx = context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		x.r = x.r.WithContext(ctx)
		x.rw.cancel = cancel
		if x.stream {
			defer x.openTunnel(cancel)()
		}
	}
	if x.g.Insertions != nil {
		x.expectPage()
	}
	setCookie(x.r.Header, x.jar.Header(x.r.URL.Path))
	return x.rw.run(x.next, x.r)
}

// held reports whether the request waited for its turn and runs alone.
func (x *exchange) held() bool { return x.leave != nil }

// turns is how many of those that may be changing whose the visit is this one is.
func (x *exchange) turns() int {
	if x.held() || x.settled != nil {
		return 1
	}
	return 0
}

func (x *exchange) forget() {
	if x.visit != nil {
		x.visit.answers.Forget()
	}
}

// openTunnel registers a WebSocket or event stream, to be closed with what it stands on.
func (x *exchange) openTunnel(cancel context.CancelFunc) (remove func()) {
	t := &tunnel{visit: x.visit, user: store.UserKey{Realm: x.g.Realm, ID: x.answer.User}, close: cancel, policy: x.g.Session}
	if x.before.Cleared {
		t.st = x.st
	}
	return x.g.Visits.tunnels.add(t)
}

// forwardBare sends the request on as a stranger's, and releases only an asset.
func (x *exchange) forwardBare() error {
	x.answer, x.before = strangers, gate.Standing{Answer: gate.Anonymous}
	x.rw.bare = true
	for name := range x.r.Header {
		if x.g.Headers.Credential(name) {
			delete(x.r.Header, name)
		}
	}
	if route.StripSessionIDs(x.r.URL, x.declaredQuery) {
		x.r.RequestURI = x.r.URL.RequestURI()
	}
	setCookie(x.r.Header, x.jar.Strangers().Header(x.r.URL.Path))
	return x.rw.run(x.next, x.r)
}

// declaredQuery reports whether a parameter of the query is a declared credential.
func (x *exchange) declaredQuery(name string) bool {
	return slices.ContainsFunc(x.g.Queries, func(q string) bool { return strings.EqualFold(q, name) })
}

// verbatim forwards what `trust` names as it came, but for our own cookies, which
// are nobody else's business and which nobody else may set.
func (x *exchange) verbatim() error {
	x.g.trusted.note(x.g.Logger, x.r)
	if lines := x.r.Header["Cookie"]; len(lines) > 0 {
		setCookie(x.r.Header, portal.WithoutOwn(lines))
	}
	x.rw.verbatim = true
	return x.rw.run(x.next, x.r)
}

func setCookie(h http.Header, value string) {
	if value == "" {
		delete(h, "Cookie")
		return
	}
	if lines := h["Cookie"]; len(lines) == 1 {
		lines[0] = value
		return
	}
	h["Cookie"] = []string{value}
}

// fetch puts one whoami question through the request's own route.
func (x *exchange) fetch(ctx context.Context, uri string, header http.Header) (whoami.Response, error) {
	return x.g.Fetch(ctx, x.next, x.r, uri, header)
}

// cookies writes into h what the browser has to know: what was set, what was taken
// out, and the visit. The common case is that there is nothing.
func (x *exchange) cookies(h http.Header) {
	mint := x.wantsVisit()
	if len(x.changes) == 0 && len(x.gone) == 0 && len(x.stale) == 0 && !mint {
		return
	}
	var lines []string
	if !x.browser && !mint {
		lines = unsealed(x.changes)
	} else {
		lines = x.sealed(mint)
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
	x.presume()
}

// sealed returns the Set-Cookie lines for the visit, minted where there is none.
func (x *exchange) sealed(mint bool) []string {
	w := x.writer(mint)
	var lines []string
	for _, s := range x.stale {
		lines = append(lines, w.Delete(s)...)
	}
	lines = append(lines, w.Forget(x.sent, x.gone)...)
	more, ok := w.Seal(x.sent, x.jar, x.changes)
	if !ok {
		x.g.Logger.Error("a cookie of the portal is too long to be sealed and was dropped; see the portal's session settings")
	}
	lines = append(lines, more...)
	if mint || slices.ContainsFunc(x.changes, persistent) {
		lines = append(lines, w.Visit(string(x.token()), x.jar.Ends()))
	}
	return lines
}

func persistent(c portal.Change) bool {
	return c.Class == portal.Sealed && !c.Delete && !c.Expires.IsZero()
}

// unsealed are the lines of cookies that are never sealed; the others have no visit
// to belong to and are lost.
func unsealed(changes []portal.Change) (lines []string) {
	for _, c := range changes {
		if c.Class != portal.Sealed {
			lines = append(lines, c.Line)
		}
	}
	return lines
}
