package gateway

import (
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/userpages"
)

// revokedTime is how long after a rotation a request with the old token counts as one that the
// browser sent before it got the new token.
const revokedTime = time.Minute

// justRevoked reports whether the request's token was rotated away a moment ago, so that the
// caller sends the request back. Otherwise it makes the request a stranger's and returns false:
//
//   - if the token was rotated away longer ago, or its session was ended;
//   - if it asks for a page that was sent back often enough. Then the response with the fresh
//     token was lost, and the user has to sign in again. A form may be one of many
//     clicks: within revokedTime it is always sent back.
func (x *exchange) justRevoked() bool {
	lost := request.SafeMethod(x.facts.R.Method) && x.facts.Navigation() && x.st.Retries.Exhausted(x.facts.R)
	if !x.st.SessionEnded && !lost && x.now.Sub(x.st.RevokedAt) < revokedTime {
		return true
	}
	x.becomeStranger()
	return false
}

// becomeStranger takes the request out of its visit. The browser is told to delete the visit's
// sealed cookies; those that are never sealed stay.
func (x *exchange) becomeStranger() {
	if x.st.SessionEnded {
		x.since = session.After(x.st.RevokedAt)
	}
	x.visit.Release()
	x.visit, x.own, x.st, x.keys, x.over = nil, false, &visits.NoStanding, nil, true
	x.stale = nil
	if rc, err := portal.Read(x.facts.R.Header["Cookie"], x.names, x.host, x.g.CookiePolicy); err == nil {
		x.stale = rc.All()
		x.sent = rc.Unsealed()
		x.jar = x.sent
	}
}

// sendBack redirects a page's request to its own address; the browser has the fresh token by
// then. A script is told to retry. The request is never forwarded.
func (x *exchange) sendBack() error {
	h := x.rw.Header()
	h.Set("Cache-Control", "no-store")
	mode := x.facts.R.Header.Get("Sec-Fetch-Mode")
	page := x.facts.Navigation() || mode == "no-cors"
	here := x.facts.Client.URL.RequestURI() // may begin with //, and then is another host's
	if page && userpages.ValidTarget(here) && x.st.Retries.Again(x.facts.R) {
		h.Set("Location", here)
		x.rw.WriteHeader(http.StatusTemporaryRedirect)
		return nil
	}
	h.Set("Retry-After", "1")
	return x.refuseStatus(http.StatusServiceUnavailable)
}
