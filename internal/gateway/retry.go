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

// revokedTime is how long a request that still carries a rotated token is taken for one
// that the browser had sent before it got the new token.
const revokedTime = time.Minute

// justRevoked reports whether the request's token was rotated away just now. A request is a
// stranger's, whatever else it carries, if its token was rotated away longer ago, if its session
// was ended, or if it asks for a page and was sent back often enough: then the response with the fresh
// token was lost, and the user has to sign in again. A form may be one of many clicks, so it waits.
func (x *exchange) justRevoked() bool {
	lost := request.SafeMethod(x.facts.R.Method) && x.facts.Navigation() && x.st.Retries.Exhausted(x.facts.R)
	if !x.st.SessionEnded && !lost && x.now.Sub(x.st.RevokedAt) < revokedTime {
		return true
	}
	x.becomeStranger()
	return false
}

func (x *exchange) becomeStranger() {
	if x.st.SessionEnded {
		x.since = session.After(x.st.RevokedAt)
	}
	x.visit.Release()
	x.visit, x.own, x.st, x.keys = nil, false, &visits.NoStanding, nil
	x.stale = nil
	if rc, err := portal.Read(x.facts.R.Header["Cookie"], x.names, x.host, x.g.CookiePolicy); err == nil {
		x.stale = rc.All()
		x.sent = rc.Unsealed()
		x.jar = x.sent
	}
}

// sendBack sends a page's request to the same address again, by when the browser has the
// fresh token, and tells a script to retry. The request is never forwarded.
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
