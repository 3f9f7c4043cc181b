package gateway

import "github.com/secondgate/secondgate/internal/gateway/visits"

// The visit's cookie has SameSite=None; most of a portal's cookies have not. So a page of any
// other site can make a browser send requests that name the browser's visit and carry nothing of
// its session. Such a request is handled as if it had no visit cookie, and its response starts no
// visit. It neither waits for the visit's requests nor delays them, and if it signs a user in,
// that is not the visit's user. A client that only claims that another site caused its request
// gains nothing: it could as well leave the visit's cookie out.

// isForeign reports whether a page of another site caused the request, and the request carries
// nothing by which the portal could recognise the visit's user. A navigation is foreign only in
// the visit of a user: in a stranger's visit it may be the first request of a portal that is
// shown in a frame.
func (x *exchange) isForeign() bool {
	if !x.sent.Empty() || x.facts.Carries || x.g.Identify != nil || !x.facts.Foreign() {
		return false
	}
	leads := x.facts.R.Header.Get("Sec-Fetch-Mode") == "navigate"
	return !leads || x.live() || x.visit.SignedIn.Load() != nil
}

// leaveOwn takes the request out of its visit. The changes that wait for the visit's next
// page go on waiting.
func (x *exchange) leaveOwn() {
	x.foreign = true
	x.visit.Release()
	x.visit, x.own, x.st, x.keys = nil, false, &visits.NoStanding, nil
	x.jar, x.changes, x.stale = x.sent, nil, nil
}
