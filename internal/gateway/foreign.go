package gateway

import "github.com/secondgate/secondgate/internal/gateway/visits"

// The visit's cookie has SameSite=None, most of the portals' have not. So a page of any other
// site can make the owner's browser send requests that name the owner's visit and carry
// nothing of the owner's session. Such a request runs as it would without the visit's cookie,
// and its response starts no visit: it does not wait in the visit nor hold it up, and what it
// signs in is not the visit's user. A client that only says that another site caused the
// request gains nothing: it could leave the visit's cookie out.

// isForeign reports whether a page of another site caused the request in the visit of a user,
// without anything by which the portal could recognise that user; or in the background, in
// any visit. In a stranger's, one that leads to a page may be the first request of a portal
// that is shown in a frame.
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
